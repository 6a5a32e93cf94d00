//! Dynamic updates and DNSSEC keys of hosted zones.

use std::sync::Arc;

use hf_config::estate::{EstateBundle, PlainRecord};
use hf_model::{DnsName, Revision};

use super::script::{Runner, bundle};
use super::*;
use crate::command::Bounded;
use crate::{
    Command, DynamicZone, HostedUpdate, KeyPace, Refusal, State, UpdateChange, UpdatePrerequisite, ZoneKey,
    ZoneKeyCommand, ZoneKeyStep,
};

const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const NS: u16 = 2;
const DNAME: u16 = 39;

/// The test estate with plain records, an ALIAS-free apex and keys that may update.
fn estate() -> EstateBundle {
    let rules = r#"name = "example.test."
updates = [
  { key = "acme.", names = ["*.example.test."], types = ["TXT"] },
  { key = "dns.", names = ["example.test.", "*.example.test."] },
]"#;
    let mut bundle = bundle(&[("name = \"example.test.\"", rules)]);
    bundle.toml += r#"
[[hosted_zone]]
name = "files.test."
source = "node"

[[record]]
name = "plain.example.test."
type = "TXT"
values = ["\"declared\""]

[[record]]
name = "gone.example.test."
type = "CNAME"
values = ["plain.example.test."]
"#;
    bundle
}

fn runner() -> Runner {
    let mut runner = Runner::empty();
    let (outcome, _) = runner.run(Command::ApplyEstate { bundle: estate(), if_match: None });
    assert!(matches!(outcome, crate::Outcome::Done { .. }), "{outcome:?}");
    runner
}

fn check(script: &str, expected: &Expect) {
    let mut runner = runner();
    let shown: String = script.trim().lines().map(|line| runner.show(line.trim()) + "\n").collect();
    expected.assert_eq(&shown);
}

fn name(text: &str) -> DnsName {
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.example.test.") };
    DnsName::new(&absolute).unwrap()
}

fn rtype(text: &str) -> u16 {
    match text {
        "A" => A,
        "CNAME" => CNAME,
        "TXT" => TXT,
        "NS" => NS,
        "DNAME" => DNAME,
        other => other.parse().unwrap(),
    }
}

/// Text of a TXT, last byte of an address, name of a CNAME, an NS, a DNAME.
fn rdata(rtype: u16, text: &str) -> Vec<u8> {
    match rtype {
        A => vec![192, 0, 2, text.parse().unwrap()],
        CNAME | NS | DNAME => hf_model::WireName::from(&name(text)).as_wire().to_vec(),
        _ => [&[text.len() as u8], text.as_bytes()].concat(),
    }
}

/// `update KEY [ZONE.]: PART, PART`; parts as in the match below.
pub(super) fn update(text: &str) -> HostedUpdate {
    let (head, parts) = text.split_once(": ").unwrap();
    let head: Vec<&str> = head.split(' ').collect();
    let mut update = HostedUpdate {
        hosted_zone: name(head.get(2).unwrap_or(&"example.test.")),
        key: name(head[1]),
        prerequisites: Vec::new(),
        changes: Vec::new(),
    };
    for part in parts.split(", ") {
        match part.split(' ').collect::<Vec<_>>()[..] {
            ["used", of] => update.prerequisites.push(UpdatePrerequisite::NameInUse(name(of))),
            ["unused", of] => update.prerequisites.push(UpdatePrerequisite::NameNotInUse(name(of))),
            ["has", of, kind] => {
                update.prerequisites.push(UpdatePrerequisite::SetExists(name(of), rtype(kind)));
            }
            ["lacks", of, kind] => {
                update.prerequisites.push(UpdatePrerequisite::SetMissing(name(of), rtype(kind)));
            }
            ["is", of, kind, data] => {
                let kind = rtype(kind);
                update.prerequisites.push(UpdatePrerequisite::RecordExists(
                    name(of),
                    kind,
                    rdata(kind, data),
                ));
            }
            ["add", of, kind, data] => {
                let kind = rtype(kind);
                let record = PlainRecord { name: name(of), rtype: kind, ttl: 60, rdata: rdata(kind, data) };
                update.changes.push(UpdateChange::Add(record));
            }
            ["drop", of, kind, data] => {
                let kind = rtype(kind);
                update.changes.push(UpdateChange::Delete(name(of), kind, rdata(kind, data)));
            }
            ["drop", of, kind] => update.changes.push(UpdateChange::DeleteSet(name(of), rtype(kind))),
            ["drop", of] => update.changes.push(UpdateChange::DeleteName(name(of))),
            _ => panic!("{part:?} is no part of an update"),
        }
    }
    update
}

/// `key add|activate|retire|remove TAG [now]`, of example.test.
pub(super) fn key(text: &str) -> ZoneKeyCommand {
    let hosted_zone = name("example.test.");
    let words: Vec<&str> = text.split(' ').collect();
    let tag = words[2].parse().unwrap();
    let pace = if words.get(3) == Some(&"now") { KeyPace::Forced } else { KeyPace::Patient };
    let step = ZoneKeyStep { hosted_zone: hosted_zone.clone(), tag, pace };
    match words[1] {
        "add" => ZoneKeyCommand::Add {
            hosted_zone,
            tag,
            algorithm: 13,
            public: [7; 64].into(),
            sealed: [9; 80].into(),
        },
        "activate" => ZoneKeyCommand::Activate(step),
        "retire" => ZoneKeyCommand::Retire(step),
        "remove" => ZoneKeyCommand::Remove(step),
        other => panic!("{other:?} is nothing that a key does"),
    }
}

#[test]
fn updates_come_and_go() {
    check(
        "update acme.: add _acme-challenge.www TXT one
         update acme.: add _acme-challenge.www TXT two
         update acme.: add _acme-challenge.www TXT two
         update acme.: drop _acme-challenge.www TXT one
         update acme.: drop _acme-challenge.www TXT
         update dns.: add host A 1, add host A 2, drop host A 1
         update dns.: drop host
         update dns.: drop nothing",
        &expect![[r#"
            2 done; example.test. [nothing] is now [_acme-challenge.www.example.test. 60 TXT "one"]
            3 done; example.test. [_acme-challenge.www.example.test. 60 TXT "one"] is now [_acme-challenge.www.example.test. 60 TXT "one"; _acme-challenge.www.example.test. 60 TXT "two"]
            4 done
            5 done; example.test. [_acme-challenge.www.example.test. 60 TXT "one"; _acme-challenge.www.example.test. 60 TXT "two"] is now [_acme-challenge.www.example.test. 60 TXT "two"]
            6 done; example.test. [_acme-challenge.www.example.test. 60 TXT "two"] is now [nothing]
            7 done; example.test. [nothing] is now [host.example.test. 60 A 192.0.2.2]
            8 done; example.test. [host.example.test. 60 A 192.0.2.2] is now [nothing]
            9 done
        "#]],
    );
}

#[test]
fn prerequisites_are_judged_over_declared_and_dynamic_records() {
    check(
        "update dns.: used www, unused new, has www A, lacks www TXT, is plain TXT declared, add new A 1
         update dns.: unused www, add x A 1
         update dns.: used x, add x A 1
         update dns.: has www TXT, add x A 1
         update dns.: lacks new A, add x A 1
         update dns.: is new A 2, add x A 1
         update dns.: is www A 1, add x A 1
         update dns.: used elsewhere.test., add x A 1",
        &expect![[r#"
            2 done; example.test. [nothing] is now [new.example.test. 60 A 192.0.2.1]
            refused: the update of example.test. was refused (YXDOMAIN): a prerequisite does not hold: a name that should not be in use is; look at what is there and send it anew
            refused: the update of example.test. was refused (NXDOMAIN): a prerequisite does not hold: a name that should be in use is not; look at what is there and send it anew
            refused: the update of example.test. was refused (NXRRSET): a prerequisite does not hold: a record set that should be there is not, or has other records; look at what is there and send it anew
            refused: the update of example.test. was refused (YXRRSET): a prerequisite does not hold: a record set that should not be there is; look at what is there and send it anew
            refused: the update of example.test. was refused (NXRRSET): a prerequisite does not hold: a record set that should be there is not, or has other records; look at what is there and send it anew
            refused: the update of example.test. was refused (NXRRSET): a prerequisite does not hold: a record set that should be there is not, or has other records; look at what is there and send it anew
            refused: the update of example.test. was refused (NOTZONE): elsewhere.test. is not in the hosted zone; name one that is
        "#]],
    );
}

#[test]
fn what_the_estate_says_is_changed_in_the_estate() {
    check(
        "update dns.: add www A 1
         update dns.: drop www A
         update dns.: add plain TXT more
         update dns.: drop plain
         update dns.: drop example.test. 2
         update dns.: add a.web.pool A 1
         update dns.: add www TXT beside
         update dns.: drop www TXT
         update dns.: add www CNAME plain",
        &expect![[r#"
            refused: the update of example.test. was refused (REFUSED): the estate declares www.example.test. A; change it in the estate
            refused: the update of example.test. was refused (REFUSED): the estate declares www.example.test. A; change it in the estate
            refused: the update of example.test. was refused (REFUSED): the estate declares plain.example.test. TXT; change it in the estate
            refused: the update of example.test. was refused (REFUSED): the estate declares records of plain.example.test.; change it in the estate
            refused: the update of example.test. was refused (REFUSED): NS there would hide db.example.test.; choose another name
            refused: the update of example.test. was refused (REFUSED): the names below web.pool.example.test. are zonal names of a pool; choose another name
            8 done; example.test. [nothing] is now [www.example.test. 60 TXT "beside"]
            9 done; example.test. [www.example.test. 60 TXT "beside"] is now [nothing]
            10 done
        "#]],
    );
}

#[test]
fn who_may_not_is_refused() {
    check(
        "update nobody.: unused www, add x TXT one
         update acme.: add x A 1
         update acme.: add example.test. TXT one
         update acme.: drop x
         update dns. files.test.: add x.files.test. A 1
         update dns. other.test.: add x.other.test. A 1
         update dns.: add x.other.test. A 1
         update dns.: add x 46 one
         update dns.: add x 255 one
         update dns.: add x 28 one",
        &expect![[r#"
            refused: the update of example.test. was refused (REFUSED): key nobody. has no rule in `updates` of this hosted zone; add one to the estate
            refused: the update of example.test. was refused (REFUSED): the key may not change x.example.test. A; add the name and the type to its rule in the estate
            refused: the update of example.test. was refused (REFUSED): the key may not change example.test. TXT; add the name and the type to its rule in the estate
            refused: the update of example.test. was refused (REFUSED): the key may not change every type of x.example.test.; name the type, or widen its rule in the estate
            refused: the update of files.test. was refused (NOTAUTH): its records are not in the estate; change the nodes' file, or send the update to its primary
            refused: the update of other.test. was refused (NOTAUTH): there is no such hosted zone in the estate; send it to the server of the zone
            refused: the update of example.test. was refused (NOTZONE): x.other.test. is not in the hosted zone; name one that is
            refused: the update of example.test. was refused (REFUSED): RRSIG is made by the server; leave it out
            refused: the update of example.test. was refused (FORMERR): ANY is no type of records; name the type that you mean
            refused: the update of example.test. was refused (FORMERR): the data of x.example.test. AAAA does not read; mend it
        "#]],
    );
}

#[test]
fn a_cname_stands_alone() {
    check(
        "update dns.: add x TXT one, add x CNAME plain
         update dns.: drop x, add x CNAME plain
         update dns.: add x TXT one
         update dns.: add x CNAME www
         update dns.: add gone TXT one",
        &expect![[r#"
            2 done; example.test. [nothing] is now [x.example.test. 60 TXT "one"]
            3 done; example.test. [x.example.test. 60 TXT "one"] is now [x.example.test. 60 CNAME plain.example.test.]
            4 done
            5 done; example.test. [x.example.test. 60 CNAME plain.example.test.] is now [x.example.test. 60 CNAME www.example.test.]
            6 done
        "#]],
    );
}

#[test]
fn an_estate_that_declares_a_dynamic_record_takes_it_over() {
    let mut runner = runner();
    runner.run(Command::UpdateHostedZone(update("update dns.: add new A 1, add new TXT one, add kept A 1")));
    let mut next = estate();
    next.toml += "\n[[record]]\nname = \"new.example.test.\"\ntype = \"A\"\nanswer = { pool = \"web\" }\n";
    let (outcome, events) = runner.run(Command::ApplyEstate { bundle: next, if_match: None });
    let shown = script::show(&outcome, &events[1..]);
    expect!["3 done; example.test. [new.example.test. 60 A 192.0.2.1] is now [nothing]"].assert_eq(&shown);
    let kept: Vec<String> =
        runner.state.dynamic[0].records.iter().map(|record| record.name.to_string()).collect();
    assert_eq!(kept, ["kept.example.test.", "new.example.test."]);
}

#[test]
fn a_dname_and_a_delegation_do_not_meet() {
    check(
        "update dns.: add n DNAME x, add n NS ns
         update dns.: add n NS ns, add n TXT one
         update dns.: add n DNAME x
         update dns.: drop n NS, add n DNAME x
         update dns.: add n DNAME y
         update dns.: add n NS ns
         update dns.: add m NS ns
         update dns.: add example.test. DNAME x",
        &expect![[r#"
            refused: the update of example.test. was refused (REFUSED): n.example.test. has DNAME, and NS cannot stand beside it: all below leads to one place; delete one of the two
            3 done; example.test. [nothing] is now [n.example.test. 60 NS ns.example.test.; n.example.test. 60 TXT "one"]
            refused: the update of example.test. was refused (REFUSED): n.example.test. has NS, and DNAME cannot stand beside it: all below leads to one place; delete one of the two
            5 done; example.test. [n.example.test. 60 NS ns.example.test.] is now [n.example.test. 60 DNAME x.example.test.]
            6 done; example.test. [n.example.test. 60 DNAME x.example.test.] is now [n.example.test. 60 DNAME y.example.test.]
            refused: the update of example.test. was refused (REFUSED): n.example.test. has DNAME, and NS cannot stand beside it: all below leads to one place; delete one of the two
            8 done; example.test. [nothing] is now [m.example.test. 60 NS ns.example.test.]
            refused: the update of example.test. was refused (REFUSED): DNAME there would hide db.example.test.; choose another name
        "#]],
    );
}

/// A name that the estate gives a DNAME or delegates, and updates the other.
#[test]
fn what_the_estate_declares_of_a_cut_counts() {
    let declaring = |kind: &str| {
        let mut bundle = estate();
        bundle.toml += &format!(
            "\n[[record]]\nname = \"n.example.test.\"\ntype = \"{kind}\"\nvalues = [\"ns.example.test.\"]\n"
        );
        Command::ApplyEstate { bundle, if_match: None }
    };
    for (declared, dynamic) in [("NS", "DNAME"), ("DNAME", "NS")] {
        let change = || {
            Command::UpdateHostedZone(update(&format!("update dns.: add n {dynamic} x, add kept TXT one")))
        };
        let mut before = runner();
        before.run(change());
        before.run(declaring(declared));
        let kept: Vec<String> =
            before.state.dynamic[0].records.iter().map(|record| record.name.to_string()).collect();
        assert_eq!(kept, ["kept.example.test."], "{dynamic} yields to {declared}");
        let (outcome, _) = before.run(change());
        let shown = script::show(&outcome, &[]);
        assert_eq!(
            shown,
            format!(
                "refused: the update of example.test. was refused (REFUSED): n.example.test. has {declared}, and {dynamic} cannot stand \
                 beside it: all below leads to one place; delete one of the two"
            )
        );
    }
}

#[test]
fn a_set_that_no_answer_holds_is_refused() {
    let mut runner = runner();
    let add = |count: u16| {
        let text = |at: u16| [&[250_u8, (at >> 8) as u8, at as u8][..], &[b'x'; 248]].concat();
        let record = |at| PlainRecord { name: name("large"), rtype: TXT, ttl: 5, rdata: text(at) };
        Command::UpdateHostedZone(HostedUpdate {
            hosted_zone: name("example.test."),
            key: name("dns."),
            prerequisites: Vec::new(),
            changes: (0..count).map(record).map(UpdateChange::Add).collect(),
        })
    };
    // 263 bytes each.
    let (outcome, _) = runner.run(add(247));
    assert!(matches!(outcome, crate::Outcome::Done { .. }), "{outcome:?}");
    let (outcome, _) = runner.run(add(248));
    expect!["refused: the update of example.test. was refused (REFUSED): the TXT records of large.example.test. would have 65224 bytes, and an answer holds 65000; delete some first"].assert_eq(&script::show(&outcome, &[]));
    assert_eq!(runner.state.dynamic[0].records.len(), 247);
}

#[test]
fn a_hosted_zone_with_dynamic_records_or_keys_stays() {
    let mut runner = runner();
    runner.run(Command::UpdateHostedZone(update("update dns.: add x A 1")));
    let without = || {
        let mut bundle = estate();
        bundle.toml = bundle.toml.replace("example.test.", "sample.test.");
        Command::ApplyEstate { bundle, if_match: None }
    };
    let (outcome, _) = runner.run(without());
    expect!["refused: hosted zone example.test. cannot be deleted: its dynamic records (1) have no place in the new estate; delete that first"].assert_eq(&script::show(&outcome, &[]));
    runner.run(Command::UpdateHostedZone(update("update dns.: drop x")));
    runner.run(Command::ZoneKey(key("key add 7")));
    let (outcome, _) = runner.run(without());
    expect![
        "refused: hosted zone example.test. cannot be deleted: it has the DNSSEC key 7; delete that first"
    ]
    .assert_eq(&script::show(&outcome, &[]));
    runner.run(Command::ZoneKey(key("key remove 7")));
    let (outcome, _) = runner.run(without());
    assert!(matches!(outcome, crate::Outcome::Done { .. }), "{outcome:?}");
}

#[test]
fn dynamic_records_are_bounded() {
    let mut runner = runner();
    let add = |at: usize| {
        UpdateChange::Add(PlainRecord {
            name: name(&format!("h{at}")),
            rtype: TXT,
            ttl: 5,
            rdata: vec![1, b'x'],
        })
    };
    let update = |from: usize, count: usize| {
        Command::UpdateHostedZone(HostedUpdate {
            hosted_zone: name("example.test."),
            key: name("dns."),
            prerequisites: Vec::new(),
            changes: (from..from + count).map(add).collect(),
        })
    };
    let (outcome, _) = runner.run(update(0, HostedUpdate::PARTS + 1));
    expect!["refused: the update of example.test. was refused (REFUSED): an update has at most 1000 prerequisites and changes; split it"].assert_eq(&script::show(&outcome, &[]));
    for at in 0..DynamicZone::RECORDS / HostedUpdate::PARTS {
        let (outcome, _) = runner.run(update(at * HostedUpdate::PARTS, HostedUpdate::PARTS));
        assert!(matches!(outcome, crate::Outcome::Done { .. }), "{outcome:?}");
    }
    let (outcome, _) = runner.run(update(DynamicZone::RECORDS, 1));
    expect!["refused: the update of example.test. was refused (SERVFAIL): there would be 10001 dynamic records in all hosted zones, 10000 are the most; delete some first, or declare them in the estate"].assert_eq(&script::show(&outcome, &[]));
    let (outcome, _) = runner.run(update(0, 1));
    assert!(
        matches!(outcome, crate::Outcome::Done { .. }),
        "what is there already needs no room: {outcome:?}"
    );
}

#[test]
fn what_nodes_hold_is_gone_on_with() {
    let mut runner = runner();
    runner.run(Command::UpdateHostedZone(update("update dns.: add x A 1")));
    runner.run(Command::ZoneKey(key("key add 7")));
    let intent = runner.state.intent();
    let again = State::going_on_with(&intent, runner.now).unwrap();
    assert_eq!((&again.dynamic, &again.zone_keys), (&runner.state.dynamic, &runner.state.zone_keys));
    assert_eq!(again.dynamic[0].revision, Revision(2));
    let records = &runner.state.dynamic[0].records;
    assert!(Arc::ptr_eq(records, &intent.dynamic[0].records), "an intent has no copy of its own");
}

#[test]
fn a_key_goes_from_published_to_active_to_retired() {
    check(
        "key add 1
         key activate 1
         key retire 1
         key remove 1
         key add 2
         key activate 2
         at 59m
         key activate 2
         at 1h
         key activate 2
         key retire 1
         at 2h
         key retire 1
         key remove 1
         at 3h
         key remove 1
         key activate 1
         key retire 2 now
         key remove 2 now",
        &expect![[r#"
            2 done; example.test. [nothing] is now [DNSSEC keys 1 published]
            3 done; example.test. [DNSSEC keys 1 published] is now [DNSSEC keys 1 active]
            refused: DNSSEC key 1 of example.test.: it is the only active one; activate another first, or, with its DS records gone from the parent, force it
            refused: DNSSEC key 1 of example.test.: it is active; retire it first
            6 done; example.test. [DNSSEC keys 1 active] is now [DNSSEC keys 1 active, 2 published]
            refused: DNSSEC key 2 of example.test. waits 1h more, until caches have let go of what was before; try again then, or force it
            at 59m
            refused: DNSSEC key 2 of example.test. waits 1m more, until caches have let go of what was before; try again then, or force it
            at 1h
            9 done; example.test. [DNSSEC keys 1 active, 2 published] is now [DNSSEC keys 1 active, 2 active]
            refused: DNSSEC key 1 of example.test. waits 1h more, until caches have let go of what was before; try again then, or force it
            at 2h
            11 done; example.test. [DNSSEC keys 1 active, 2 active] is now [DNSSEC keys 1 retired, 2 active]
            refused: DNSSEC key 1 of example.test. waits 1h more, until caches have let go of what was before; try again then, or force it
            at 3h
            13 done; example.test. [DNSSEC keys 1 retired, 2 active] is now [DNSSEC keys 2 active]
            refused: example.test. has no DNSSEC key with the tag 1; `holdfast dnssec status` shows its keys
            15 done; example.test. [DNSSEC keys 2 active] is now [DNSSEC keys 2 retired]
            16 done; example.test. [DNSSEC keys 2 retired] is now [nothing]
        "#]],
    );
}

#[test]
fn a_key_that_cannot_be_is_refused() {
    let mut runner = runner();
    let add = |zone: &str, tag: u16, algorithm: u8, public: usize, sealed: usize| {
        Command::ZoneKey(ZoneKeyCommand::Add {
            hosted_zone: name(zone),
            tag,
            algorithm,
            public: vec![1; public].into(),
            sealed: vec![2; sealed].into(),
        })
    };
    let mut told = String::new();
    for command in [
        add("example.test.", 1, 15, 32, 60),
        add("example.test.", 1, 15, 32, 60),
        add("none.test.", 1, 15, 32, 60),
        add("example.test.", 2, 8, 32, 60),
        add("example.test.", 2, 13, 32, 60),
        add("example.test.", 2, 13, 64, 0),
        add("example.test.", 2, 13, 64, ZoneKey::SEALED_BYTES + 1),
    ] {
        let (outcome, events) = runner.run(command);
        told += &(script::show(&outcome, &events) + "\n");
    }
    expect![[r#"
        2 done; example.test. [nothing] is now [DNSSEC keys 1 published]
        refused: DNSSEC key 1 of example.test.: there is a key of this tag already; make another key
        refused: there is no hosted zone `none.test.` in the estate; `holdfast hosted-zones` lists what there is
        refused: DNSSEC key 2 of example.test.: algorithm 8 is not spoken; use 13 (ECDSA P-256) or 15 (Ed25519)
        refused: DNSSEC key 2 of example.test.: a public key of algorithm 13 has 64 bytes, this one 32; copy it again
        refused: DNSSEC key 2 of example.test.: a sealed private key has 1 to 1024 bytes, this one 0; seal it with the nodes' `dns.seal_file`
        refused: DNSSEC key 2 of example.test.: a sealed private key has 1 to 1024 bytes, this one 1025; seal it with the nodes' `dns.seal_file`
    "#]].assert_eq(&told);
    for tag in 2..=8 {
        runner.run(add("example.test.", tag, 15, 32, 60));
    }
    let (outcome, _) = runner.run(add("example.test.", 9, 15, 32, 60));
    assert!(
        matches!(outcome, crate::Outcome::Refused(Refusal::TooMany { what: Bounded::ZoneKeys, count: 8 })),
        "{outcome:?}"
    );
}

#[test]
fn a_message_becomes_an_update() {
    use hf_hosted::update::Part;
    let part = |owner: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8]| Part {
        owner: hf_model::WireName::from_wire(owner).unwrap(),
        rtype,
        class,
        ttl,
        rdata: rdata.into(),
    };
    let of = |prerequisites: &[Part], changes: &[Part]| {
        HostedUpdate::of_message(&name("example.test."), &name("dns."), prerequisites, changes)
    };
    let x = b"\x01X\x07example\x04test\0";
    let read =
        of(&[part(x, 255, 254, 0, b"")], &[part(x, A, 1, 60, &[192, 0, 2, 1]), part(x, TXT, 255, 0, b"")]);
    let expected = HostedUpdate {
        changes: update("update dns.: add x A 1, drop x TXT").changes,
        ..update("update dns.: unused x, drop x")
    };
    assert_eq!(read, Ok(expected));
    let odd = b"\x01!\x07example\x04test\0";
    assert_eq!(of(&[], &[part(odd, A, 1, 60, &[192, 0, 2, 1])]), Err(crate::UpdateRcode::Refused));
    assert_eq!(of(&[], &[part(b"\x01x\0", A, 1, 60, &[192, 0, 2, 1])]), Err(crate::UpdateRcode::NotZone));
    assert_eq!(of(&[], &[part(x, A, 3, 60, &[192, 0, 2, 1])]), Err(crate::UpdateRcode::FormErr));
}
