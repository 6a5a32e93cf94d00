//! What comes with answers of a zone that another signer signed: `ldns-signzone` made both files of one zone and one key.

use std::collections::BTreeSet;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_dnssec::canonical::order;
use hf_health::Verdicts;
use hf_model::{DnsName, Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;

use super::*;
use crate::{Answer, AnswerRecord, Asked, Asker, Compiled, ExplainTxt, HostedSet};

const ESTATE: &str = "[[region]]\nid = \"eu\"\n[[zone]]\nid = \"a\"\nregion = \"eu\"\n\
    [[hosted_zone]]\nname = \"example.test.\"\nsource = \"node\"\n";

fn compiled(file: &str) -> Compiled {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap();
    let intent = Intent { revision: Revision(1), estate: bundle, ..Intent::default() };
    let snapshot = Snapshot::build(
        1,
        Timestamp(1_000),
        Arc::new(intent),
        Arc::new(estate),
        Vec::new(),
        Verdicts::unknown(0),
    );
    let apex = WireName::from(&DnsName::new("example.test.").unwrap());
    let contents = hf_hosted::master::read_zone_file(&apex, file.as_bytes()).unwrap();
    let mut hosted = HostedSet::default();
    hosted.insert(Arc::new(contents));
    Compiled::new(Arc::new(snapshot), Arc::new(hosted))
}

fn zones() -> [(Compiled, u16); 2] {
    [(compiled(include_str!("nsec.zone")), NSEC), (compiled(include_str!("nsec3.zone")), NSEC3)]
}

fn ask(zone: &Compiled, name: &str, rtype: u16, dnssec_ok: bool) -> Answer {
    let name = WireName::from(&DnsName::new(name).unwrap());
    let asked = Asked { name: name.as_wire(), rtype, class: 1, dnssec_ok, compact_ok: false };
    let asker = Asker {
        address: [192, 0, 2, 9].into(),
        subnet: None,
        own_zone: None,
        seed: 1,
        explain: ExplainTxt::Refused,
    };
    zone.answer(&asked, &asker)
}

/// Owner and type, of a signature what it covers.
fn lines(records: &[AnswerRecord]) -> Vec<String> {
    let covered = |record: &AnswerRecord| match record.rtype {
        RRSIG => format!("RRSIG of {}", u16::from_be_bytes([record.rdata[0], record.rdata[1]])),
        other => other.to_string(),
    };
    records.iter().map(|record| format!("{} {}", record.name, covered(record))).collect()
}

fn show(answer: &Answer) -> String {
    let sections = [("answer", &answer.answers), ("auth", &answer.authority)];
    let lines = sections.into_iter().flat_map(|(section, records)| {
        lines(records).into_iter().map(move |line| format!("{section} {line}\n"))
    });
    std::iter::once(format!("{:?}\n", answer.rcode)).chain(lines).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` at the call reads better than `&expect!`")]
fn check(name: &str, rtype: u16, want: Expect) {
    let [(by_name, _), _] = zones();
    want.assert_eq(&show(&ask(&by_name, name, rtype, true)));
}

#[test]
fn each_set_has_its_signatures_and_each_no_its_denials() {
    check(
        "www.example.test.",
        rtype::A,
        expect![[r#"
        NoError
        answer www.example.test. 1
        answer www.example.test. RRSIG of 1
    "#]],
    );
    check(
        "alias.example.test.",
        rtype::A,
        expect![[r#"
        NoError
        answer alias.example.test. 5
        answer alias.example.test. RRSIG of 5
        answer www.example.test. 1
        answer www.example.test. RRSIG of 1
    "#]],
    );
    check(
        "example.test.",
        rtype::SOA,
        expect![[r#"
        NoError
        answer example.test. 6
        answer example.test. RRSIG of 6
    "#]],
    );
    check(
        "www.example.test.",
        rtype::TXT,
        expect![[r#"
        NoError
        auth example.test. 6
        auth example.test. RRSIG of 6
        auth www.example.test. 47
        auth www.example.test. RRSIG of 47
    "#]],
    );
    check(
        "ent.example.test.",
        rtype::TXT,
        expect![[r#"
        NoError
        auth example.test. 6
        auth example.test. RRSIG of 6
        auth alias.example.test. 47
        auth alias.example.test. RRSIG of 47
    "#]],
    );
    check(
        "none.example.test.",
        rtype::A,
        expect![[r#"
        NxDomain
        auth example.test. 6
        auth example.test. RRSIG of 6
        auth insecure.example.test. 47
        auth insecure.example.test. RRSIG of 47
        auth example.test. 47
        auth example.test. RRSIG of 47
    "#]],
    );
    check(
        "x.y.wild.example.test.",
        rtype::A,
        expect![[r#"
        NoError
        answer x.y.wild.example.test. 1
        answer x.y.wild.example.test. RRSIG of 1
        auth *.wild.example.test. 47
        auth *.wild.example.test. RRSIG of 47
    "#]],
    );
    check(
        "x.wild.example.test.",
        rtype::TXT,
        expect![[r#"
        NoError
        auth example.test. 6
        auth example.test. RRSIG of 6
        auth *.wild.example.test. 47
        auth *.wild.example.test. RRSIG of 47
    "#]],
    );
    check(
        "www.secure.example.test.",
        rtype::A,
        expect![[r#"
        NoError
        auth secure.example.test. 2
        auth secure.example.test. 43
        auth secure.example.test. RRSIG of 43
    "#]],
    );
    check(
        "www.insecure.example.test.",
        rtype::A,
        expect![[r#"
        NoError
        auth insecure.example.test. 2
        auth insecure.example.test. 47
        auth insecure.example.test. RRSIG of 47
    "#]],
    );
    check(
        "insecure.example.test.",
        rtype::DS,
        expect![[r#"
        NoError
        auth example.test. 6
        auth example.test. RRSIG of 6
        auth insecure.example.test. 47
        auth insecure.example.test. RRSIG of 47
    "#]],
    );
}

/// Whether one of the denials stands around a name, or at it.
fn denied(answer: &Answer, name: &str, at_it: bool) -> bool {
    let name = WireName::from(&DnsName::new(name).unwrap());
    let apex = b"\x07example\x04test\0";
    answer.authority.iter().any(|record| match record.rtype {
        NSEC => {
            let (owner, name) = (record.name.as_wire(), name.as_wire());
            let next_len = hf_dnssec::canonical::name_len(&record.rdata).unwrap();
            let next = &record.rdata[..next_len];
            if at_it {
                return owner == name;
            }
            order(owner, name).is_lt() && (order(name, next).is_lt() || next == apex)
        }
        NSEC3 => {
            let owner = nsec3::read_label(record.name.as_wire()).unwrap();
            let (rounds, salt) = parameters_of_nsec3(&record.rdata).unwrap();
            let hash = nsec3::hash(name.as_wire(), salt, rounds);
            let next: Hash = record.rdata[6 + salt.len()..][..20].try_into().unwrap();
            if at_it {
                return owner == hash;
            }
            if owner < next { owner < hash && hash < next } else { owner < hash || hash < next }
        }
        _ => false,
    })
}

#[test]
fn denials_prove_what_the_rfcs_ask_for() {
    for (zone, denial) in zones() {
        let by_hash = denial == NSEC3;
        let none = ask(&zone, "a.none.example.test.", rtype::A, true);
        assert_eq!(none.rcode, Rcode::NxDomain);
        assert!(denied(&none, "none.example.test.", false), "{}", show(&none));
        assert!(denied(&none, "*.example.test.", false), "{}", show(&none));
        assert!(!by_hash || denied(&none, "example.test.", true), "{}", show(&none));
        let no_data = ask(&zone, "www.example.test.", rtype::TXT, true);
        assert!(denied(&no_data, "www.example.test.", true), "{}", show(&no_data));
        let empty = ask(&zone, "ent.example.test.", rtype::A, true);
        assert!(denied(&empty, "ent.example.test.", by_hash), "{}", show(&empty));
        let wildcard = ask(&zone, "x.y.wild.example.test.", rtype::A, true);
        assert!(denied(&wildcard, "y.wild.example.test.", false), "{}", show(&wildcard));
        assert_eq!(wildcard.answers.len(), 2);
        let wildcard = ask(&zone, "x.wild.example.test.", rtype::TXT, true);
        assert!(denied(&wildcard, "x.wild.example.test.", false), "{}", show(&wildcard));
        assert!(denied(&wildcard, "*.wild.example.test.", true), "{}", show(&wildcard));
        let referral = ask(&zone, "www.insecure.example.test.", rtype::A, true);
        let opted_out = !denied(&referral, "insecure.example.test.", true);
        assert!(
            !opted_out || by_hash && denied(&referral, "insecure.example.test.", false),
            "{}",
            show(&referral)
        );
        let outside = ask(&zone, "!.example.test.".replace('!', "zz").as_str(), rtype::A, true);
        assert!(denied(&outside, "zz.example.test.", false), "the last one: {}", show(&outside));
    }
}

#[test]
fn each_record_that_is_ours_comes_with_a_signature_of_its_key() {
    for (zone, denial) in zones() {
        for (name, rtype) in [
            ("www", rtype::A),
            ("none", rtype::A),
            ("alias", rtype::A),
            ("x.wild", rtype::A),
            ("ent", rtype::A),
        ] {
            let answer = ask(&zone, &format!("{name}.example.test."), rtype, true);
            let all = || answer.answers.iter().chain(&answer.authority);
            let signed: BTreeSet<_> = all()
                .filter(|record| record.rtype == RRSIG)
                .map(|record| (record.name.clone(), u16::from_be_bytes([record.rdata[0], record.rdata[1]])))
                .collect();
            for record in all().filter(|record| record.rtype != RRSIG) {
                assert!(signed.contains(&(record.name.clone(), record.rtype)), "{name}: {}", show(&answer));
            }
            let plain = ask(&zone, &format!("{name}.example.test."), rtype, false);
            assert!(
                plain
                    .answers
                    .iter()
                    .chain(&plain.authority)
                    .all(|record| ![RRSIG, denial].contains(&record.rtype))
            );
        }
    }
    let [_, (by_hash, _)] = zones();
    let owner = ask(&by_hash, "none.example.test.", rtype::A, true);
    let owner = owner.authority.iter().find(|record| record.rtype == NSEC3).unwrap().name.to_string();
    assert_eq!(ask(&by_hash, &owner, rtype::A, true).rcode, Rcode::NxDomain, "it is no name of the zone");
}
