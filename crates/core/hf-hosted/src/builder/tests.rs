//! What a zone may hold, by example.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use hf_model::WireName;
use proptest::prelude::*;

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
fn a_set_that_fits_into_no_message_is_told_whatever_comes_after_it() {
    let told = |owner: &str, after: &[&str]| {
        let mut builder = Builder::new(&name("test."));
        let large = if owner.is_empty() { WireName::from_wire(b"\x04test\0").unwrap() } else { name(owner) };
        for n in 0..70_u8 {
            builder.push(large.as_wire(), 16, 60, &[n; 1_000]).unwrap();
        }
        for owner in after {
            builder.push(name(owner).as_wire(), 1, 60, A1).unwrap();
        }
        let want = [ContentProblem::SetTooLarge { owner: large, rtype: 16 }];
        assert_eq!(builder.finish().unwrap_err(), want, "{owner} then {after:?}");
    };
    told("a", &["x.a"]);
    told("a", &["b", "a"]);
    told("a", &["b", "a", "x.a", "y.a"]);
    told("", &[]);
    told("", &["b"]);
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

#[test]
fn what_is_wrong_with_a_name_is_told_as_it_is_in_the_end() {
    check(
        &[("a", 5, X), ("a", 5, Y), ("b", 5, X), ("c", 1, A1), ("a", 5, b"\x01z\0"), ("b", 1, A1)],
        &expect![[r#"
            a.test. has 3 different records of type 5, there can be one; remove the others
            b.test. has a CNAME and other records; a CNAME stands alone, remove one or the other"#]],
    );
}

#[test]
fn a_name_counts_its_children_whenever_they_come() {
    let build = |owners: &[&str]| {
        let mut builder = Builder::new(&name("test."));
        for owner in owners {
            builder.push(name(owner).as_wire(), 1, 60, A1).unwrap();
        }
        let contents = builder.finish().unwrap();
        ["test.", "a", "b.a", "c.b.a"]
            .map(|owner| contents.node(name(owner).as_wire()).map(|node| (node.is_parent(), node.children())))
    };
    let (no, one) = (Some((false, 0)), Some((true, 1)));
    assert_eq!(build(&[]), [no, None, None, None]);
    assert_eq!(build(&["test."]), [no, None, None, None]);
    assert_eq!(build(&["a", "c.b.a"]), [one, one, one, no]);
    assert_eq!(build(&["c.b.a", "a", "b.a"]), [one, one, one, no]);
    assert_eq!(build(&["a", "b.a", "d", "c.b.a", "c.a"]), [Some((true, 2)), Some((true, 2)), one, no]);
}

fn records() -> impl Strategy<Value = Vec<(&'static str, u16, u32, u8)>> {
    let owner =
        prop::sample::select(vec!["test.", "a", "A", "b", "c", "b.a", "x.y.a", "y.a", "*.c", "d.e.f"]);
    // A, TXT, MX, RRSIG, and now and then one that stands alone.
    let rtype = prop_oneof![20 => Just(1_u16), 10 => Just(16), 5 => Just(15), 5 => Just(46), 1 => Just(5)];
    prop::collection::vec((owner, rtype, 0..3_u32, 0..4_u8), 0..60)
}

proptest! {
    /// In whatever order records come, the outcome is as if those of each name came together.
    #[test]
    fn the_order_of_names_changes_nothing(records in records()) {
        let build = |records: &mut dyn Iterator<Item = (&str, u16, u32, u8)>| {
            let mut builder = Builder::new(&name("test."));
            for (owner, rtype, ttl, n) in records {
                let data = vec![n; if n == 3 { 900 } else { 4 }];
                builder.push(name(owner).as_wire(), rtype, ttl, &data).unwrap();
            }
            builder.finish()
        };
        let mut together: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for record in &records {
            let first = records.iter().position(|other| other.0.eq_ignore_ascii_case(record.0)).unwrap();
            together.entry(first).or_default().push(*record);
        }
        match (build(&mut records.iter().copied()), build(&mut together.into_values().flatten())) {
            (Ok(got), Ok(want)) => {
                let raw = |contents: &Contents| {
                    let mut nodes: Vec<_> = contents.nodes().map(|node| node.raw().to_vec()).collect();
                    nodes.sort();
                    nodes
                };
                prop_assert_eq!(raw(&got), raw(&want));
                let all: Vec<_> = got.nodes().collect();
                for node in &all {
                    let below = |other: &&crate::NodeRef<'_>| relative::parent(other.relative()) == Some(node.relative());
                    prop_assert_eq!(node.children() as usize, all.iter().filter(below).count());
                    prop_assert_eq!(node.is_parent(), node.children() > 0);
                }
            }
            (got, want) => prop_assert_eq!(got.map(drop), want.map(drop)),
        }
    }
}
