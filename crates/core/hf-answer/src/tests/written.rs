//! Estates as they are written: trees, ALIAS, updates, contents from elsewhere, scopes, the account as TXT.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_config::estate::{EstateBundle, PlainRecord};
use hf_control::{DynamicZone, Intent};
use hf_health::{Verdict, Verdicts};
use hf_hosted::Contents;
use hf_model::{Revision, Timestamp};
use hf_snapshot::Snapshot;

use super::world::{ASKER, asked, name, render, wire};
use crate::{
    AnsweredBy, Asked, Asker, Compiled, ExplainTxt, Frame, HostedSet, Message, Outcome, Rcode, Scratch, rtype,
};

const HEAD: &str = r#"
[[region]]
id = "eu"
[[region]]
id = "us"
[[zone]]
id = "eu-az1"
region = "eu"
networks = ["192.0.2.0/24"]
[[zone]]
id = "us-az1"
region = "us"
[[health_check]]
name = "tcp"
kind = "tcp"
[[pool]]
name = "eu"
health_check = "tcp"
endpoints = [
  { address = "10.1.1.1:80", zone = "eu-az1" },
  { address = "10.1.1.2:80", zone = "eu-az1" },
]
[[pool]]
name = "us"
health_check = "tcp"
endpoints = [{ address = "10.2.1.1:80", zone = "us-az1" }]
[[pool]]
name = "both"
health_check = "tcp"
endpoints = [
  { address = "10.1.3.1:80", zone = "eu-az1" },
  { address = "10.2.3.1:80", zone = "us-az1" },
]
[[hosted_zone]]
name = "example.test."
file = "example.test.zone"
"#;

const ZONE: &str = "$ORIGIN example.test.
@ 60 IN SOA ns hostmaster 1 2 3 4 5
@ 60 IN NS ns
ns 60 IN A 10.0.0.53
mail 60 IN MX 10 ns
_web._tcp 60 IN SRV 1 2 80 ns
*.wild 60 IN TXT \"hi\"
";

/// An estate, who is healthy, and what comes beside it.
struct Written {
    toml: String,
    /// In the order of the pools' endpoints.
    unhealthy: Vec<usize>,
    dynamic: Vec<DynamicZone>,
    hosted: HostedSet,
}

impl Written {
    fn new(more: &str) -> Written {
        let toml = format!("{HEAD}{more}");
        Written { toml, unhealthy: Vec::new(), dynamic: Vec::new(), hosted: HostedSet::default() }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let files = [("example.test.zone".to_owned(), ZONE.to_owned())].into();
        let bundle = EstateBundle { toml: self.toml.clone(), files };
        let estate =
            hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
        let mut verdicts = Verdicts::unknown(estate.endpoint_refs().count());
        self.unhealthy.iter().for_each(|at| verdicts.of[*at] = Verdict::Unhealthy);
        let dynamic = self.dynamic.clone();
        let intent = Intent { revision: Revision(9), estate: bundle, dynamic, ..Intent::default() };
        Arc::new(Snapshot::build(
            1,
            Timestamp(5_000),
            Arc::new(intent),
            Arc::new(estate),
            Vec::new(),
            verdicts,
        ))
    }

    fn compiled(&self) -> Compiled {
        Compiled::new(self.snapshot(), Arc::new(self.hosted.clone()))
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "`expect!` at the call reads better than `&expect!`")]
    fn check(&self, owner: &str, rtype: u16, want: Expect) {
        want.assert_eq(&ask(&self.compiled(), owner, rtype));
    }
}

fn ask(compiled: &Compiled, owner: &str, rtype: u16) -> String {
    render(compiled, &compiled.answer(&asked(&wire(owner), rtype, 1), &ASKER))
}

/// The outcome of writing into so many bytes.
fn outcome(compiled: &Compiled, owner: &str, rtype: u16, asker: &Asker, limit: usize) -> (Outcome, Vec<u8>) {
    let name = wire(owner);
    let mut bytes = vec![0; 12];
    bytes.extend_from_slice(name.as_wire());
    bytes.extend_from_slice(&[0; 4]);
    let question_end = bytes.len();
    bytes.resize(2_000, 0);
    let mut out = Message::new(&mut bytes, Frame { question_end, limit, room: 11 });
    let asked = Asked { name: name.as_wire(), rtype, class: 1, dnssec_ok: false, compact_ok: false };
    let outcome = compiled.write(&asked, asker, &mut Scratch::new(), &mut out);
    let len = out.len();
    bytes.truncate(len);
    (outcome, bytes)
}

const TREE: &str = r#"
[[record]]
name = "eu.example.test."
type = "A"
ttl = "7s"
answer = { pool = "eu" }
choose = ["open"]
[[record]]
name = "tree.example.test."
type = "A"
ttl = "9s"
answers = [{ record = "eu.example.test.", priority = 1 }, { pool = "us", priority = 2 }]
choose = ["open", "priority", "take 1"]
"#;

#[test]
fn a_tree_answers_as_its_first_open_branch() {
    let mut written = Written::new(TREE);
    written.check(
        "tree.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            tree.example.test. 7 A 10.1.1.1
            tree.example.test. 7 A 10.1.1.2
            named eu/eu-az1
        "#]],
    );
    let (of, _) = outcome(&written.compiled(), "tree.example.test.", rtype::A, &ASKER, 512);
    assert_eq!(of.by, AnsweredBy::Branch { tree: 0, branch: 0 });
    written.unhealthy = vec![0, 1];
    written.check(
        "tree.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            tree.example.test. 9 A 10.2.1.1
            named us/us-az1
        "#]],
    );
    // The record itself still answers: failure goes upward, health fails open below.
    written.check(
        "eu.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            eu.example.test. 7 A 10.1.1.1
            eu.example.test. 7 A 10.1.1.2
            named eu/eu-az1
        "#]],
    );
    written.unhealthy = vec![0, 1, 2];
    written.check(
        "tree.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            tree.example.test. 7 A 10.1.1.1
            tree.example.test. 7 A 10.1.1.2
            named eu/eu-az1
        "#]],
    );
    written.toml =
        written.toml.replace("\"priority\", \"take 1\"]", "\"priority\", \"take 1\"]\nall_down = \"closed\"");
    written.check(
        "tree.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            auth example.test. 5 SOA ns.example.test. hostmaster.example.test. 1 2 3 4 5
        "#]],
    );
}

#[test]
fn a_branch_below_its_minimum_is_closed() {
    let toml = TREE.replace(
        "{ record = \"eu.example.test.\", priority = 1 }",
        "{ pool = \"eu\", priority = 1, minimum = 2 }",
    );
    let mut written = Written::new(&toml);
    written.unhealthy = vec![1];
    written.check(
        "tree.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            tree.example.test. 9 A 10.2.1.1
            named us/us-az1
        "#]],
    );
}

#[test]
fn an_alias_answers_as_another_name_does() {
    let alias = r#"
[[hosted_zone]]
name = "other.test."
[[record]]
name = "www.other.test."
type = "A"
answer = { pool = "eu" }
choose = ["open"]
[[record]]
name = "example.test."
type = "ALIAS"
to = "www.other.test."
[[record]]
name = "plain.example.test."
type = "ALIAS"
to = "ns.example.test."
[[record]]
name = "zonal.example.test."
type = "ALIAS"
to = "us-az1.us.pool.example.test."
"#;
    let written = Written::new(alias);
    written.check(
        "example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            example.test. 5 A 10.1.1.1
            example.test. 5 A 10.1.1.2
            named eu/eu-az1
        "#]],
    );
    written.check(
        "example.test.",
        rtype::AAAA,
        expect![[r#"
            NoError aa
            auth example.test. 5 SOA ns.example.test. hostmaster.example.test. 1 2 3 4 5
        "#]],
    );
    written.check(
        "plain.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            plain.example.test. 60 A 10.0.0.53
        "#]],
    );
    written.check(
        "zonal.example.test.",
        rtype::A,
        expect![[r#"
            NoError aa
            zonal.example.test. 5 A 10.2.1.1
            named us/us-az1
        "#]],
    );
}

#[test]
fn what_updates_brought_lies_over_what_is_declared() {
    let mut written = Written::new("");
    let record = |owner: &str, rdata: &[u8]| PlainRecord {
        name: name(owner),
        rtype: rtype::TXT,
        ttl: 30,
        rdata: rdata.to_vec(),
    };
    let first = written.compiled();
    written.dynamic = vec![DynamicZone {
        name: name("example.test."),
        revision: Revision(8),
        records: vec![
            record("_acme-challenge.deep.example.test.", b"\x03abc"),
            record("ns.example.test.", b"\x03xyz"),
        ]
        .into(),
    }];
    let second = first.updated(written.snapshot(), Arc::default());
    let want = expect![[r#"
        NoError aa
        _acme-challenge.deep.example.test. 30 TXT \x03abc
    "#]];
    want.assert_eq(&ask(&second, "_acme-challenge.deep.example.test.", rtype::TXT));
    assert!(ask(&second, "ns.example.test.", rtype::TXT).contains("xyz"));
    // The written serial is 1; the update was entry 8 of the ledger.
    assert_eq!(second.contents(&name("example.test.")).unwrap().1, 9);
    assert!(ask(&second, "example.test.", rtype::SOA).contains(" 9 2 3 4 5"));
    assert!(ask(&second, "ns.example.test.", rtype::A).contains("10.0.0.53"));
    assert!(ask(&second, "deep.example.test.", rtype::A).starts_with("NoError aa\nauth"));
    (written.dynamic[0].revision, written.dynamic[0].records) = (Revision(9), Arc::default());
    let third = second.updated(written.snapshot(), Arc::default());
    assert_eq!(third.contents(&name("example.test.")).unwrap().1, 10);
    assert!(ask(&third, "_acme-challenge.deep.example.test.", rtype::TXT).starts_with("NxDomain"));
}

#[test]
fn dynamic_records_that_cannot_stand_cost_their_own_name_only() {
    let mut written = Written::new("");
    let record = |owner: &str, rtype: u16, rdata: &[u8]| PlainRecord {
        name: name(owner),
        rtype,
        ttl: 30,
        rdata: rdata.to_vec(),
    };
    let place = wire("ns.example.test.");
    let mut records = vec![
        record("cut.example.test.", rtype::NS, place.as_wire()),
        record("cut.example.test.", rtype::DNAME, place.as_wire()),
        record("kept.example.test.", rtype::TXT, b"\x03abc"),
    ];
    let text = |at: u16| [&[250_u8, (at >> 8) as u8, at as u8][..], &[b'x'; 248]].concat();
    records.extend((0..300).map(|at| record("large.example.test.", rtype::TXT, &text(at))));
    written.dynamic =
        vec![DynamicZone { name: name("example.test."), revision: Revision(8), records: records.into() }];
    let compiled = written.compiled();
    assert!(ask(&compiled, "kept.example.test.", rtype::TXT).contains("abc"));
    for owner in ["cut.example.test.", "large.example.test."] {
        assert!(ask(&compiled, owner, rtype::TXT).starts_with("NxDomain"), "{owner}");
    }
    let told = |(zone, problems): (&hf_model::DnsName, &[hf_hosted::ChangeError])| {
        problems.iter().map(|problem| format!("{zone} {problem}\n")).collect::<String>()
    };
    let told: String = compiled.left_out().map(told).collect();
    expect![[r#"
        example.test. cut.example.test. has a DNAME and is delegated; remove the DNAME or the NS records
        example.test. large.example.test. has more records of type 16 than fit into a message; remove some
    "#]]
    .assert_eq(&told);
}

fn loaded(serial: u8, address: u8) -> Arc<Contents> {
    loaded_with(serial, address, 0)
}

/// With so many more names.
fn loaded_with(serial: u8, address: u8, more: u32) -> Arc<Contents> {
    let apex = wire("far.test.");
    let mut builder = hf_hosted::Builder::new(&apex);
    let soa = [apex.as_wire(), apex.as_wire(), &[0, 0, 0, serial], &[0, 0, 0, 9].repeat(4)].concat();
    builder.push(apex.as_wire(), rtype::SOA, 60, &soa).unwrap();
    builder.push(apex.as_wire(), rtype::NS, 60, wire("ns.elsewhere.test.").as_wire()).unwrap();
    builder.push(wire("a.far.test.").as_wire(), rtype::A, 60, &[10, 0, 0, address]).unwrap();
    for host in 0..more {
        let owner = wire(&format!("h{host}.far.test."));
        builder.push(owner.as_wire(), rtype::A, 60, &[10, 1, 0, 1]).unwrap();
    }
    Arc::new(builder.finish().unwrap())
}

const SECONDARY: &str = r#"
[[hosted_zone]]
name = "far.test."
primaries = [{ address = "192.0.2.53:53" }]
[[record]]
name = "www.far.test."
type = "A"
answer = { pool = "us" }
choose = ["open"]
"#;

#[test]
fn a_secondary_answers_once_it_is_loaded() {
    let mut written = Written::new(SECONDARY);
    let before = written.compiled();
    for owner in ["a.far.test.", "nope.far.test.", "far.test.", "www.far.test."] {
        assert_eq!(ask(&before, owner, rtype::A), "ServFail\n", "{owner}");
    }
    written.hosted.insert(loaded(7, 1));
    let after = before.updated(before.snapshot().clone(), Arc::new(written.hosted.clone()));
    assert!(ask(&after, "a.far.test.", rtype::A).contains("10.0.0.1"));
    assert!(ask(&after, "www.far.test.", rtype::A).contains("10.2.1.1"));
    let want = expect![[r#"
        NxDomain aa
        auth far.test. 9 SOA far.test. far.test. 7 9 9 9 9
    "#]];
    want.assert_eq(&ask(&after, "nope.far.test.", rtype::A));
    // The same version again is compiled no more; a newer one is.
    let again = after.updated(after.snapshot().clone(), after.hosted().clone());
    let (contents, serial) = after.contents(&name("far.test.")).unwrap();
    assert!(std::ptr::eq(contents, again.contents(&name("far.test.")).unwrap().0));
    assert_eq!(serial, 7);
    written.hosted.insert(loaded(8, 2));
    let newer = again.updated(again.snapshot().clone(), Arc::new(written.hosted));
    assert!(ask(&newer, "a.far.test.", rtype::A).contains("10.0.0.2"));
}

/// One search after the other would wait for memory in a zone of many names; in a small one to look ahead would only cost.
#[test]
fn searches_are_told_ahead_where_names_are_many() {
    let mut written = Written::new(SECONDARY);
    written.hosted.insert(loaded(1, 1));
    let few = written.compiled();
    let search = |compiled: &Compiled, owner: &[u8]| {
        compiled
            .search(owner, &mut Scratch::new())
            .map(|search| search.node().is_some_and(|node| !node.is_empty()))
    };
    assert!(!few.searches_far());
    assert_eq!(search(&few, wire("a.far.test.").as_wire()), None);
    written.hosted.insert(loaded_with(2, 1, 30_000));
    let many = few.updated(few.snapshot().clone(), Arc::new(written.hosted));
    assert!(many.searches_far());
    assert_eq!(search(&many, wire("H7.far.test.").as_wire()), Some(true));
    assert_eq!(search(&many, wire("nope.far.test.").as_wire()), Some(false));
    for none in ["mail.example.test.", "test."] {
        assert_eq!(search(&many, wire(none).as_wire()), None, "{none}");
    }
    assert_eq!(search(&many, b"\x09broken"), None);
}

#[test]
fn the_scope_tells_what_an_answer_depends_on() {
    let record = r#"
[[record]]
name = "any.example.test."
type = "A"
answer = { pool = "both" }
choose = ["open", "weighted", "take 1"]
[[record]]
name = "own.example.test."
type = "A"
answer = { pool = "both" }
choose = ["open", "same-zone"]
"#;
    let compiled = Written::new(record).compiled();
    let network = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 0));
    let scope = |owner: &str, subnet| {
        let asker = Asker { subnet, ..ASKER };
        outcome(&compiled, owner, rtype::A, &asker, 512).0.scope_bits
    };
    assert_eq!(scope("ns.example.test.", Some((network, 24))), Some(0));
    assert_eq!(scope("any.example.test.", Some((network, 24))), Some(0));
    assert_eq!(scope("own.example.test.", Some((network, 24))), Some(24));
    assert_eq!(scope("own.example.test.", None), None);
    let asker = Asker { subnet: Some((network, 24)), ..ASKER };
    let (of, _) = outcome(&compiled, "own.example.test.", rtype::A, &asker, 512);
    assert_eq!(of.named.iter().map(|(_, zone)| zone.0).collect::<Vec<_>>(), [0]);
    assert_eq!((of.by, of.hosted_zone), (AnsweredBy::Record(1), Some(0)));
}

#[test]
fn only_those_who_may_get_an_account() {
    let compiled = Written::new(TREE).compiled();
    let allowed = Asker { explain: ExplainTxt::Allowed, ..ASKER };
    let question = wire("_EXPLAIN.tree.example.test.");
    let question = asked(&question, rtype::TXT, 1);
    assert_eq!(compiled.answer(&question, &ASKER).rcode, Rcode::Refused);
    let answer = compiled.answer(&question, &allowed);
    let lines: Vec<_> = answer
        .answers
        .iter()
        .map(|record| String::from_utf8_lossy(&record.rdata[1..]).into_owned())
        .collect();
    let want = expect![[r#"
        A: NoError, 2 records, snapshot 1, revision 9
        A: tree tree.example.test.: open keeps 2, priority keeps 1, take 1 keeps 1
        A: record eu.example.test.: pool/eu: open keeps 2
        AAAA: NoError, 0 records, snapshot 1, revision 9
        AAAA: plain records"#]];
    want.assert_eq(&lines.join("\n"));
    let elsewhere = wire("_explain.example.net.");
    assert_eq!(compiled.answer(&asked(&elsewhere, rtype::TXT, 1), &allowed).rcode, Rcode::Refused);
}

#[test]
fn addresses_come_along_where_they_fit() {
    let written = Written::new("");
    for (owner, rtype) in [("mail.example.test.", rtype::MX), ("_web._tcp.example.test.", rtype::SRV)] {
        let compiled = written.compiled();
        let answer = compiled.answer(&asked(&wire(owner), rtype, 1), &ASKER);
        let [help] = &answer.additional[..] else { panic!("{answer:?}") };
        assert_eq!(
            (help.name.to_string(), &help.rdata[..]),
            ("ns.example.test.".to_owned(), &[10, 0, 0, 53][..])
        );
        let (whole, bytes) = outcome(&compiled, owner, rtype, &ASKER, 512);
        assert!(!whole.truncated);
        let (without, fewer) = outcome(&compiled, owner, rtype, &ASKER, bytes.len() + 10);
        assert!(
            !without.truncated && fewer.len() == bytes.len() - 16,
            "help is left out before it truncates"
        );
    }
}

#[test]
fn what_does_not_fit_is_cut_to_the_question() {
    let compiled = Written::new("").compiled();
    let name = wire("mail.example.test.");
    let (of, bytes) = outcome(&compiled, "mail.example.test.", rtype::MX, &ASKER, 60);
    assert!(of.truncated);
    assert_eq!(bytes.len(), 12 + name.as_wire().len() + 4);
    assert_eq!((bytes[2], &bytes[6..12]), (0b110, &[0; 6][..]));
}

#[test]
fn the_time_is_a_serial_where_it_is_asked_for() {
    let mut written = Written::new("[[hosted_zone]]\nname = \"time.test.\"\nserial = \"time\"\n");
    let compiled = written.compiled();
    assert_eq!(compiled.contents(&name("time.test.")).unwrap().1, 5);
    let later = compiled.with_time_serial(77);
    assert!(ask(&later, "time.test.", rtype::SOA).contains(" 77 "));
    written.unhealthy = vec![0];
    let updated = later.updated(written.snapshot(), Arc::default());
    assert_eq!(updated.contents(&name("time.test.")).unwrap().1, 77, "it never goes back");
}

/// Signs everything with the same bytes.
#[derive(Debug)]
struct Stamp;

impl hf_dnssec::Signatures for Stamp {
    fn rrsigs(
        &self,
        _: &hf_dnssec::SetToSign<'_>,
        write: &mut dyn FnMut(&[u8]),
    ) -> Result<(), hf_dnssec::Unsigned> {
        write(b"a signature of nobody");
        Ok(())
    }
}

#[test]
fn who_knows_compact_answers_is_told_no_name_in_the_header_too() {
    let signed = hf_dnssec::SignedZone { keys: hf_dnssec::KeySets::default(), signatures: Arc::new(Stamp) };
    let signing = hf_dnssec::Signing([(wire("example.test."), signed)].into());
    let compiled = Written::new("").compiled().with_signing(Arc::new(signing));
    let ask = |owner: &str, compact_ok| {
        let name = wire(owner);
        let asked = Asked { name: name.as_wire(), rtype: rtype::A, class: 1, dnssec_ok: true, compact_ok };
        compiled.answer(&asked, &ASKER)
    };
    let (without, with) = (ask("none.example.test.", false), ask("none.example.test.", true));
    assert_eq!((without.rcode, with.rcode), (crate::Rcode::NoError, crate::Rcode::NxDomain));
    assert_eq!(without.authority, with.authority, "the proof is the same");
    assert_eq!(ask("mail.example.test.", true).rcode, crate::Rcode::NoError);
}
