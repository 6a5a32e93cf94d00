//! What a zone may hold, by example.

use expect_test::{Expect, expect};
use hf_model::WireName;

use super::*;
use crate::testing::{dump, name, zone};

fn check(records: &[(&str, u16, &[u8])], want: &Expect) {
    let mut builder = Builder::new(&name("test."));
    for (owner, rtype, rdata) in records {
        builder.push(name(owner).as_wire(), *rtype, 60, rdata).unwrap();
    }
    let told = match builder.finish() {
        Ok(contents) => dump(&contents)
            .iter()
            .map(|rr| format!("{} {} TYPE{} {:?}", rr.owner, rr.ttl, rr.rtype, rr.rdata))
            .collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    want.assert_eq(&told.join("\n"));
}

const A1: &[u8] = &[192, 0, 2, 1];
const A2: &[u8] = &[192, 0, 2, 2];
const X: &[u8] = b"\x01x\0";
const Y: &[u8] = b"\x01y\0";

#[test]
fn records_come_out_in_any_case_and_once() {
    check(
        &[("B", 1, A1), ("a", 2, X), ("b", 1, A2), ("b", 1, A1), ("a", 2, b"\x01X\0")],
        &expect![[r#"
            a.test. 60 TYPE2 [1, 120, 0]
            b.test. 60 TYPE1 [192, 0, 2, 1]
            b.test. 60 TYPE1 [192, 0, 2, 2]"#]],
    );
}

#[test]
fn a_cname_is_alone() {
    check(
        &[("a", 5, X), ("a", 46, b"sig"), ("b", 5, X), ("b", 1, A1), ("c", 5, X), ("c", 5, Y)],
        &expect![[r#"
            b.test. has a CNAME and other records; a CNAME stands alone, remove one or the other
            c.test. has 2 different records of type 5, there can be one; remove the others"#]],
    );
}

#[test]
fn one_soa_at_the_apex() {
    let soa = |serial: u8| [&[0, 0, 0, 0, 0, serial][..], &[0; 16]].concat();
    check(
        &[("test.", 6, &soa(1)), ("test.", 6, &soa(2)), ("a", 6, &soa(1))],
        &expect![[r#"
            test. has 2 different records of type 6, there can be one; remove the others
            a.test. has a SOA and is not the hosted zone's name; remove it"#]],
    );
    check(&[("test.", 6, b"\0\0")], &expect!["the SOA's data are not those of a SOA"]);
}

#[test]
fn a_dname_is_no_delegation() {
    check(
        &[("a", 39, X), ("a", 2, Y), ("test.", 39, X), ("test.", 2, Y)],
        &expect!["a.test. has a DNAME and is delegated; remove the DNAME or the NS records"],
    );
}

#[test]
fn a_set_fits_into_a_message() {
    let mut builder = Builder::new(&name("test."));
    for n in 0..70_u8 {
        builder.push(name("a").as_wire(), 16, 60, &[n; 1_000]).unwrap();
    }
    let owner = name("a");
    assert_eq!(builder.finish().unwrap_err(), [ContentProblem::SetTooLarge { owner, rtype: 16 }]);
}

#[test]
fn large_sets_are_deduplicated_too() {
    let mut builder = Builder::new(&name("test."));
    for n in (0..100_u8).chain(0..100) {
        builder.push(name("a").as_wire(), 1, 60, &[10, 0, 0, n]).unwrap();
    }
    let contents = builder.finish().unwrap();
    let set = contents.node(name("a").as_wire()).unwrap().set(1).unwrap();
    assert_eq!((set.count(), set.rdata().count()), (100, 100));
}

#[test]
fn what_is_not_taken() {
    let mut builder = Builder::new(&name("test."));
    let mut check = |owner: &[u8], rtype, want| assert_eq!(builder.push(owner, rtype, 60, A1), Err(want));
    check(name("a.other.").as_wire(), 1, PushError::Outside);
    check(name("mytest.").as_wire(), 1, PushError::Outside);
    check(b"\x01a", 1, PushError::BadName);
    check(b"\xc0\x0c", 1, PushError::BadName);
    check(&[1; 300], 1, PushError::BadName);
    check(name("a").as_wire(), 255, PushError::Meta(255));
    check(name("a").as_wire(), 41, PushError::Meta(41));
    assert_eq!(builder.push(name("a").as_wire(), 16, 60, &vec![0; 65_535]), Err(PushError::TooLong));
}

#[test]
fn the_root_can_be_hosted() {
    let mut builder = Builder::new(&WireName::root());
    builder.push(name("a.b.").as_wire(), 1, 60, A1).unwrap();
    let contents = builder.finish().unwrap();
    assert_eq!(contents.names(), 3);
    assert!(matches!(contents.find(b"\x01a\x01b\0"), crate::Found::Exists { wildcard: None, .. }));
    assert!(matches!(contents.find(b"\x01x\x01b\0"), crate::Found::Missing { encloser: 2 }));
}

#[test]
fn a_set_goes_into_a_reply_as_it_stands() {
    let contents = zone("a 5 A 192.0.2.1\na A 192.0.2.2");
    let set = contents.node(name("a").as_wire()).unwrap().set(1).unwrap();
    assert_eq!((set.rtype(), set.ttl(), set.count()), (1, 5, 2));
    assert_eq!(
        set.finished(),
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x01\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x02"
    );
}
