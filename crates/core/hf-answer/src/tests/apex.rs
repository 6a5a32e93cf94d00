//! Authority, questions that are refused, and every other question.

use expect_test::expect;
use hf_config::estate::{AllDown, ZoneIx};
use hf_model::{Digest, Revision, WireName};
use proptest::prelude::*;

use super::world::{ASKER, World, asked, check, show};
use crate::{Asker, Rcode, rtype};

#[test]
fn the_apex_knows_its_authority() {
    let mut world = World::new();
    check(
        &world,
        "example.test. SOA",
        expect![[r#"
        NoError aa
        example.test. 300 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "example.test. NS",
        expect![[r#"
        NoError aa
        example.test. 300 NS ns1.example.test.
    "#]],
    );
    check(
        &world,
        "bare.test. SOA",
        expect![[r#"
        NoError aa
        bare.test. 60 SOA ns.bare.test. hostmaster.bare.test. 7 3600 600 604800 5
    "#]],
    );
    world.revision(Revision((1 << 32) + 8));
    check(
        &world,
        "bare.test. SOA",
        expect![[r#"
        NoError aa
        bare.test. 60 SOA ns.bare.test. hostmaster.bare.test. 8 3600 600 604800 5
    "#]],
    );
    check(
        &world,
        "bare.test. NS",
        expect![[r#"
        NoError aa
        bare.test. 3600 NS ns.bare.test.
    "#]],
    );
    check(
        &world,
        "ns.bare.test. A",
        expect![[r#"
        NxDomain aa
        auth bare.test. 5 SOA ns.bare.test. hostmaster.bare.test. 8 3600 600 604800 5
    "#]],
    );
}

#[test]
fn the_narrowest_hosted_zone_answers_save_for_ds() {
    let world = World::new();
    check(
        &world,
        "sub.bare.test. SOA",
        expect![[r#"
        NoError aa
        sub.bare.test. 60 SOA ns.sub.bare.test. hostmaster.sub.bare.test. 7 3600 600 604800 5
    "#]],
    );
    check(
        &world,
        "sub.bare.test. DS",
        expect![[r#"
        NoError aa
        auth bare.test. 5 SOA ns.bare.test. hostmaster.bare.test. 7 3600 600 604800 5
    "#]],
    );
    check(
        &world,
        "bare.test. DS",
        expect![[r#"
        NoError aa
        auth bare.test. 5 SOA ns.bare.test. hostmaster.bare.test. 7 3600 600 604800 5
    "#]],
    );
}

#[test]
fn any_is_answered_small() {
    let world = World::new();
    check(
        &world,
        "www.example.test. ANY",
        expect![[r#"
        NoError aa
        www.example.test. 3600 HINFO \x07RFC8482\x00
    "#]],
    );
    check(
        &world,
        "alias.example.test. ANY",
        expect![[r#"
        NoError aa
        alias.example.test. 300 CNAME www.example.test.
    "#]],
    );
    check(
        &world,
        "az1.web.pool.example.test. ANY",
        expect![[r#"
        NoError aa
        az1.web.pool.example.test. 3600 HINFO \x07RFC8482\x00
    "#]],
    );
    check(
        &world,
        "ent.example.test. ANY",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "nope.example.test. ANY",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
}

#[test]
fn what_is_not_ours_or_cannot_be_asked_is_refused() {
    let world = World::new();
    check(
        &world,
        "example.net. A",
        expect![[r#"
        Refused
    "#]],
    );
    check(
        &world,
        "test. A",
        expect![[r#"
        Refused
    "#]],
    );
    check(
        &world,
        ". NS",
        expect![[r#"
        Refused
    "#]],
    );
    check(
        &world,
        "example.test. AXFR",
        expect![[r#"
        Refused
    "#]],
    );
    check(
        &world,
        "example.test. TYPE250",
        expect![[r#"
        FormErr
    "#]],
    );
    check(
        &world,
        "example.test. CH A",
        expect![[r#"
        Refused
    "#]],
    );
}

#[test]
fn names_with_odd_bytes_are_names() {
    let world = World::new();
    let compiled = world.compiled();
    let ask = |name: &[u8]| {
        let name = WireName::from_wire(name).unwrap();
        let answer = compiled.answer(&asked(&name, rtype::A, 1), &ASKER);
        (answer.rcode, answer.answers.first().map(|record| record.name.clone() == name))
    };
    assert_eq!(ask(b"\x03\x00. \x07example\x04test\x00"), (Rcode::NxDomain, None));
    assert_eq!(ask(b"\x03\x00. \x04wild\x07example\x04test\x00"), (Rcode::NoError, Some(true)));
    assert_eq!(ask(b"\x0bexample.tes\x04test\x00"), (Rcode::Refused, None));
}

#[test]
fn the_table_is_kept_while_the_estate_is_the_same() {
    let mut world = World::new();
    let first = world.compiled();
    world.away(ZoneIx(0));
    let second = first.updated(world.snapshot(), std::sync::Arc::default());
    assert!(std::sync::Arc::ptr_eq(&first.routes, &second.routes));
    assert_eq!(show(&second, "only4.example.test. A"), show(&world.compiled(), "only4.example.test. A"));
    world.estate.digest = Digest::of(b"another");
    world.estate.pools[0].all_down = AllDown::Closed;
    assert!(!std::sync::Arc::ptr_eq(
        &first.routes,
        &second.updated(world.snapshot(), std::sync::Arc::default()).routes
    ));
}

const KNOWN: &[&str] =
    &["www", "pool", "web", "az1", "wild", "*", "child", "old", "example", "bare", "test", "ent", "loop1"];

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::sample::select(KNOWN).prop_map(|label| label.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..=63),
    ]
}

proptest! {
    /// Whatever is asked: an answer without a panic, authoritative or refused or a referral, and a "no" carries its SOA.
    #[test]
    fn everything_has_an_answer(
        labels in proptest::collection::vec(label(), 0..6),
        suffix in proptest::sample::select(&["", "example.test", "bare.test", "child.example.test", "wild.test"][..]),
        rtype in prop_oneof![0u16..260, proptest::sample::select(&[1u16, 28, 5, 2, 6, 43, 255][..])],
        seed in any::<u64>(),
    ) {
        let mut name: Vec<u8> = Vec::new();
        for label in labels.iter().map(Vec::as_slice).chain(suffix.split('.').map(str::as_bytes)) {
            if !label.is_empty() {
                name.push(label.len() as u8);
                name.extend_from_slice(label);
            }
        }
        name.push(0);
        let Ok(name) = WireName::from_wire(&name) else { return Ok(()) };
        let compiled = World::new().compiled();
        let asker = Asker { seed, ..ASKER };
        let answer = compiled.answer(&asked(&name, rtype, 1), &asker);
        prop_assert_eq!(&answer, &compiled.answer(&asked(&name, rtype, 1), &asker));
        let soa = answer.authority.iter().any(|record| record.rtype == rtype::SOA);
        match answer.rcode {
            Rcode::NxDomain => prop_assert!(soa && answer.aa),
            Rcode::NoError if answer.answers.is_empty() => prop_assert!(soa != answer.authority.iter().any(|r| r.rtype == rtype::NS)),
            Rcode::NoError | Rcode::YxDomain => prop_assert!(answer.aa && answer.answers[0].name.folded() == name.folded() || rtype == 39 || !answer.answers.is_empty()),
            Rcode::Refused | Rcode::FormErr | Rcode::ServFail => prop_assert!(!answer.aa && answer.answers.is_empty()),
        }
    }
}
