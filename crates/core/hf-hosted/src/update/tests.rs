//! RFC 2136, sections 2.4, 2.5, 3.2 to 3.4, case by case.

use expect_test::{Expect, expect};

use super::*;
use crate::testing::{dump, name, zone};

const ZONE: &str =
    "@ NS ns1.\n@ NS ns2.\n@ MX 10 mail\na A 192.0.2.1\na A 192.0.2.2\na TXT x\nc CNAME a\nb.ent A 192.0.2.1";
const A1: &[u8] = &[192, 0, 2, 1];
const A2: &[u8] = &[192, 0, 2, 2];
const A3: &[u8] = &[192, 0, 2, 3];

fn part(owner: &str, class: u16, rtype: u16, ttl: u32, rdata: &[u8]) -> Part {
    Part { owner: name(owner), rtype, class, ttl, rdata: rdata.into() }
}

fn holds(parts: &[Part], want: Result<(), Refused>) {
    let contents = zone(ZONE);
    let got = prerequisites(contents.apex(), parts).and_then(|read| check(&contents, &read));
    assert_eq!(got, want, "{parts:?}");
}

#[test]
fn prerequisites_by_name() {
    holds(&[part("a", ANY, 255, 0, b"")], Ok(()));
    holds(&[part("A", ANY, 255, 0, b"")], Ok(()));
    holds(&[part("nope", ANY, 255, 0, b"")], Err(Refused::NxDomain));
    // An empty non-terminal is not in use.
    holds(&[part("ent", ANY, 255, 0, b"")], Err(Refused::NxDomain));
    holds(&[part("nope", NONE, 255, 0, b"")], Ok(()));
    holds(&[part("ent", NONE, 255, 0, b"")], Ok(()));
    holds(&[part("a", NONE, 255, 0, b"")], Err(Refused::YxDomain));
}

#[test]
fn prerequisites_by_set() {
    holds(&[part("a", ANY, 1, 0, b"")], Ok(()));
    holds(&[part("a", ANY, 28, 0, b"")], Err(Refused::NxRrset));
    holds(&[part("nope", ANY, 1, 0, b"")], Err(Refused::NxRrset));
    holds(&[part("a", NONE, 28, 0, b"")], Ok(()));
    holds(&[part("nope", NONE, 1, 0, b"")], Ok(()));
    holds(&[part("a", NONE, 1, 0, b"")], Err(Refused::YxRrset));
}

#[test]
fn prerequisites_by_value() {
    holds(&[part("a", IN, 1, 0, A1), part("a", IN, 1, 0, A2)], Ok(()));
    holds(&[part("a", IN, 1, 0, A2), part("A", IN, 1, 0, A1)], Ok(()));
    // The same one twice is once.
    holds(&[part("a", IN, 1, 0, A1), part("a", IN, 1, 0, A1), part("a", IN, 1, 0, A2)], Ok(()));
    holds(&[part("a", IN, 1, 0, A1)], Err(Refused::NxRrset));
    holds(
        &[part("a", IN, 1, 0, A1), part("a", IN, 1, 0, A2), part("a", IN, 1, 0, A3)],
        Err(Refused::NxRrset),
    );
    holds(&[part("nope", IN, 1, 0, A1)], Err(Refused::NxRrset));
    // Names in data compare without case.
    holds(&[part("c", IN, 5, 0, b"\x01A\x04Test\0")], Ok(()));
    holds(&[part("c", IN, 5, 0, b"\x01b\x04test\0")], Err(Refused::NxRrset));
}

#[test]
fn prerequisites_that_are_none() {
    for parts in [
        part("a", ANY, 1, 1, b""),
        part("a", ANY, 1, 0, A1),
        part("a", NONE, 1, 0, A1),
        part("a", IN, 255, 0, b""),
        part("a", IN, 1, 1, A1),
        part("a", 3, 1, 0, A1),
        part("a", ANY, 252, 0, b""),
        part("a", NONE, 250, 0, b""),
    ] {
        holds(&[parts], Err(Refused::FormErr));
    }
    holds(&[part("a.other.", ANY, 255, 0, b"")], Err(Refused::NotZone));
    holds(&[part("nope", ANY, 255, 0, b""), part("a.other.", ANY, 255, 0, b"")], Err(Refused::NotZone));
}

fn outcome(parts: &[Part], want: &Expect) {
    let contents = zone(ZONE);
    let planned = changes(contents.apex(), parts).map(|read| plan(&contents, &read));
    let told = match planned {
        Err(refused) => format!("{refused:?}"),
        Ok(planned) => {
            let next = contents.changed(&planned).unwrap();
            assert_eq!(crate::history::diff(&contents, &next).is_empty(), planned.is_empty());
            let line = |sign: char| {
                move |rr: &Rr| {
                    format!("{sign}{} {} TYPE{} {}", rr.owner, rr.ttl, rr.rtype, rr.rdata.escape_ascii())
                }
            };
            let lines = planned.removed.iter().map(line('-')).chain(planned.added.iter().map(line('+')));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    want.assert_eq(&told);
}

#[test]
fn adding() {
    outcome(&[part("a", IN, 1, 60, A3)], &expect![[r"+a.test. 60 TYPE1 \xc0\x00\x02\x03"]]);
    outcome(&[part("a", IN, 1, 60, A1)], &expect![[""]]);
    outcome(&[part("new", IN, 1, 5, A1)], &expect![[r"+new.test. 5 TYPE1 \xc0\x00\x02\x01"]]);
    // The newest TTL is that of the set.
    outcome(
        &[part("a", IN, 1, 5, A2)],
        &expect![[r"
            -a.test. 60 TYPE1 \xc0\x00\x02\x01
            -a.test. 60 TYPE1 \xc0\x00\x02\x02
            +a.test. 5 TYPE1 \xc0\x00\x02\x01
            +a.test. 5 TYPE1 \xc0\x00\x02\x02"]],
    );
    // WKS is left alone.
    outcome(&[part("a", IN, 11, 60, b"\xc0\0\x02\x01\x06\0")], &expect![[""]]);
}

#[test]
fn cnames() {
    // Neither over other records nor beside them, and no error.
    outcome(&[part("a", IN, 5, 60, b"\0")], &expect![[""]]);
    outcome(&[part("c", IN, 1, 60, A1)], &expect![[""]]);
    outcome(
        &[part("c", IN, 5, 60, b"\x01b\0")],
        &expect![[r"
            -c.test. 60 TYPE5 \x01a\x04test\x00
            +c.test. 60 TYPE5 \x01b\x00"]],
    );
    outcome(
        &[part("c", ANY, 5, 0, b""), part("c", IN, 1, 60, A1)],
        &expect![[r"
            -c.test. 60 TYPE5 \x01a\x04test\x00
            +c.test. 60 TYPE1 \xc0\x00\x02\x01"]],
    );
    outcome(&[part("c", IN, 46, 60, b"sig")], &expect![[r"+c.test. 60 TYPE46 sig"]]);
}

#[test]
fn soas() {
    let soa = |serial: u8| [&[0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
    outcome(&[part("test.", IN, 6, 60, &soa(1))], &expect![[""]]);
    outcome(&[part("test.", IN, 6, 60, &soa(0))], &expect![[""]]);
    outcome(&[part("a", IN, 6, 60, &soa(9))], &expect![[""]]);
    let contents = zone(ZONE);
    let newer = changes(contents.apex(), &[part("test.", IN, 6, 60, &soa(9))]).unwrap();
    assert_eq!(contents.changed(&plan(&contents, &newer)).unwrap().serial(), 9);
}

#[test]
fn deleting_sets() {
    outcome(&[part("a", ANY, 16, 0, b"")], &expect![[r"-a.test. 60 TYPE16 \x01x"]]);
    outcome(&[part("a", ANY, 28, 0, b"")], &expect![[""]]);
    outcome(&[part("nope", ANY, 1, 0, b"")], &expect![[""]]);
    outcome(&[part("test.", ANY, 6, 0, b""), part("test.", ANY, 2, 0, b"")], &expect![[""]]);
    outcome(&[part("test.", ANY, 15, 0, b"")], &expect![[r"-test. 60 TYPE15 \x00\n\x04mail\x04test\x00"]]);
}

#[test]
fn deleting_names() {
    outcome(
        &[part("a", ANY, 255, 0, b"")],
        &expect![[r"
            -a.test. 60 TYPE1 \xc0\x00\x02\x01
            -a.test. 60 TYPE1 \xc0\x00\x02\x02
            -a.test. 60 TYPE16 \x01x"]],
    );
    // SOA and NS stay at the apex.
    outcome(&[part("test.", ANY, 255, 0, b"")], &expect![[r"-test. 60 TYPE15 \x00\n\x04mail\x04test\x00"]]);
}

#[test]
fn deleting_records() {
    outcome(&[part("a", NONE, 1, 0, A1)], &expect![[r"-a.test. 60 TYPE1 \xc0\x00\x02\x01"]]);
    outcome(&[part("a", NONE, 1, 0, A3)], &expect![[""]]);
    outcome(&[part("c", NONE, 5, 0, b"\x01A\x04TEST\0")], &expect![[r"-c.test. 60 TYPE5 \x01a\x04test\x00"]]);
    let soa = dump(&zone("")).remove(0);
    outcome(&[part("test.", NONE, 6, 0, &soa.rdata)], &expect![[""]]);
    // The last NS of the apex stays.
    outcome(
        &[part("test.", NONE, 2, 0, b"\x03ns1\0"), part("test.", NONE, 2, 0, b"\x03ns2\0")],
        &expect![[r"-test. 60 TYPE2 \x03ns1\x00"]],
    );
}

#[test]
fn in_their_order() {
    outcome(&[part("n", IN, 1, 60, A1), part("n", ANY, 255, 0, b"")], &expect![[""]]);
    outcome(
        &[part("a", ANY, 255, 0, b""), part("a", IN, 1, 60, A1)],
        &expect![[r"
            -a.test. 60 TYPE1 \xc0\x00\x02\x02
            -a.test. 60 TYPE16 \x01x"]],
    );
}

#[test]
fn changes_that_are_none() {
    for parts in [
        part("a", ANY, 1, 1, b""),
        part("a", ANY, 1, 0, A1),
        part("a", NONE, 1, 1, A1),
        part("a", NONE, 255, 0, b""),
        part("a", IN, 255, 60, b""),
        part("a", IN, 252, 60, b""),
        part("a", ANY, 252, 0, b""),
        part("a", IN, 41, 60, b""),
        part("a", 3, 1, 60, A1),
        part("a", IN, 1, 60, b""),
    ] {
        outcome(&[parts], &expect!["FormErr"]);
    }
    outcome(&[part("a.other.", IN, 1, 60, A1)], &expect!["NotZone"]);
}

#[test]
fn a_changed_zone_gets_the_next_serial() {
    let soa = dump(&zone("")).remove(0);
    let next = bumped(&soa);
    assert_eq!(rdata::soa_serial(&next.rdata), Some(2));
    assert_eq!(zone("").changed(&Changes { removed: vec![soa], added: vec![next] }).unwrap().serial(), 2);
}

#[test]
fn refusals_have_their_numbers() {
    let check = |refused: Refused, want| assert_eq!(refused.rcode(), want);
    check(Refused::FormErr, 1);
    check(Refused::NxDomain, 3);
    check(Refused::YxDomain, 6);
    check(Refused::YxRrset, 7);
    check(Refused::NxRrset, 8);
    check(Refused::NotZone, 10);
}
