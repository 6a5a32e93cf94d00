use std::cmp::Ordering;

use hf_model::WireName;
use proptest::prelude::*;

use super::*;
use crate::canonical::{name_len, order};

fn next(denial: &Denial) -> &[u8] {
    &denial.rdata[..name_len(&denial.rdata).expect("a name")]
}

#[test]
fn compact_denial_stands_at_the_asked_name() {
    let denial = no_name(b"\x01a\x04test\0");
    assert_eq!(denial.owner, b"\x01a\x04test\0");
    assert_eq!(next(&denial), b"\x01\0\x01a\x04test\0");
    // RRSIG, NSEC, NXNAME.
    assert_eq!(denial.rdata[next(&denial).len()..][..2], [0, 17]);
    let denial = no_data(b"\x01a\x04test\0", &[1]);
    assert_eq!(denial.rdata[next(&denial).len()..], [0, 6, 0x40, 0, 0, 0, 0, 3]);
}

#[test]
fn a_wildcards_proof_lies_close_around_the_name() {
    let denial = no_closer_name(b"\x03foo\x04test\0").unwrap();
    assert_eq!(&denial.owner[..6], b"\x3ffon\xff\xff");
    assert_eq!(next(&denial), b"\x04foo\0\x04test\0");
    assert_eq!(no_closer_name(b"\x01\0\x04test\0"), None);
    let denial = no_closer_name(b"\x02a\0\x04test\0").unwrap();
    assert_eq!(denial.owner[64..], *b"\x01a\x04test\0");
    let denial = no_closer_name(b"\x01[\x04test\0").unwrap();
    assert_eq!(denial.owner[1], b'@', "no letter lies there in lower case");
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), Just(0xff), Just(0), Just(b'a'), Just(b'[')];
    let label = prop_oneof![
        prop::collection::vec(byte.clone(), 1..4),
        prop::collection::vec(byte, 60..=63),
        Just(vec![0xff; 63])
    ];
    prop::collection::vec(label, 1..6).prop_filter_map("a name", |labels| {
        let mut wire = Vec::new();
        for label in labels {
            wire.push(label.len() as u8);
            wire.extend(label.to_ascii_lowercase());
        }
        wire.push(0);
        WireName::from_wire(&wire).ok().map(|_| wire)
    })
}

proptest! {
    #[test]
    fn the_next_name_is_behind_the_denied_one(name in any_name()) {
        let denial = no_name(&name);
        let next = next(&denial);
        prop_assert!(WireName::from_wire(next).is_ok());
        prop_assert!(order(&name, next) == Ordering::Less || name.iter().filter(|b| **b != 0xff).count() < 6);
    }

    #[test]
    fn a_wildcards_proof_is_around_the_name_and_all_below(name in any_name()) {
        let Some(denial) = no_closer_name(&name) else { return Ok(()) };
        prop_assert!(WireName::from_wire(&denial.owner).is_ok());
        prop_assert!(order(&denial.owner, &name) == Ordering::Less, "{:?} before {:?}", denial.owner, name);
        let next = next(&denial);
        prop_assert!(WireName::from_wire(next).is_ok());
        if name.len() < 250 {
            let below = [b"\x02\xff\xff", name.as_slice()].concat();
            if order(&name, next) == Ordering::Less {
                prop_assert!(order(&below, next) == Ordering::Less);
            }
        }
    }
}
