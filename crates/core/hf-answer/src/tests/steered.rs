//! Steered records and zonal names.

use expect_test::expect;
use hf_config::estate::{PoolIx, ZoneIx};
use hf_decide::Mode;
use hf_health::Verdict;

use super::world::{ASKER, World, asked, check, wire};
use crate::{Answer, Chooser, Why, rtype};

#[test]
fn a_steered_record_answers_with_the_endpoints_that_serve() {
    let mut world = World::new();
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.0.1.1
        www.example.test. 7 A 10.0.1.2
        www.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
    check(
        &world,
        "WwW.eXample.test. A",
        expect![[r#"
        NoError aa
        WwW.eXample.test. 7 A 10.0.1.1
        WwW.eXample.test. 7 A 10.0.1.2
        WwW.eXample.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
    check(
        &world,
        "www.example.test. AAAA",
        expect![[r#"
        NoError aa
        www.example.test. 7 AAAA fd00::1
        named web/az1
    "#]],
    );
    world.away(ZoneIx(0));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.0.2.1
        named web/az2
    "#]],
    );
    world.away(ZoneIx(1));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
}

#[test]
fn a_name_without_addresses_of_the_family_is_nodata() {
    let world = World::new();
    check(
        &world,
        "only4.example.test. AAAA",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "www.example.test. TXT",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
}

#[test]
fn the_pools_mode_closes_it_or_puts_another_in_its_place() {
    let mut world = World::new();
    world.mode(PoolIx(0), Mode::Closed);
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    world.mode(PoolIx(0), Mode::Fallback(PoolIx(1)));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.9.1.1
        www.example.test. 7 A 10.9.2.1
        www.example.test. 7 A 10.9.3.1
        named spare/az1 spare/az2 spare/az3
    "#]],
    );
    world.away(ZoneIx(0));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.9.2.1
        www.example.test. 7 A 10.9.3.1
        named spare/az2 spare/az3
    "#]],
    );
    world.mode(PoolIx(1), Mode::Closed);
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    world.mode(PoolIx(1), Mode::Fallback(PoolIx(0)));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    world.mode(PoolIx(0), Mode::FailOpen);
    check(
        &world,
        "only4.example.test. A",
        expect![[r#"
        NoError aa
        only4.example.test. 7 A 10.0.2.1
        named web/az2
    "#]],
    );
}

#[test]
fn a_record_with_a_decision_of_its_own_obeys_that() {
    let mut world = World::new();
    world.record_away(0, ZoneIx(0));
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.0.2.1
        named web/az2
    "#]],
    );
    check(
        &world,
        "only4.example.test. A",
        expect![[r#"
        NoError aa
        only4.example.test. 7 A 10.0.1.1
        only4.example.test. 7 A 10.0.1.2
        only4.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
}

#[test]
fn a_zonal_name_answers_for_its_zone_whatever_was_shifted() {
    let mut world = World::new();
    check(
        &world,
        "az1.web.pool.example.test. A",
        expect![[r#"
        NoError aa
        az1.web.pool.example.test. 5 A 10.0.1.2
        az1.web.pool.example.test. 5 A 10.0.1.1
        named web/az1
    "#]],
    );
    check(
        &world,
        "eu-a.web.pool.example.test. AAAA",
        expect![[r#"
        NoError aa
        eu-a.web.pool.example.test. 5 AAAA fd00::1
        named web/az1
    "#]],
    );
    check(
        &world,
        "az2.web.pool.bare.test. A",
        expect![[r#"
        NoError aa
        az2.web.pool.bare.test. 5 A 10.0.2.1
        named web/az2
    "#]],
    );
    check(
        &world,
        "az2.web.pool.example.test. AAAA",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "az2.web.pool.example.test. TXT",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    world.away(ZoneIx(0));
    check(
        &world,
        "az1.web.pool.example.test. A",
        expect![[r#"
        NoError aa
        az1.web.pool.example.test. 5 A 10.0.1.2
        az1.web.pool.example.test. 5 A 10.0.1.1
        named web/az1
    "#]],
    );
    world.verdict(PoolIx(0), 0, Verdict::Unhealthy);
    check(
        &world,
        "az1.web.pool.example.test. A",
        expect![[r#"
        NoError aa
        az1.web.pool.example.test. 5 A 10.0.1.2
        named web/az1
    "#]],
    );
    world.verdict(PoolIx(0), 2, Verdict::Unhealthy);
    check(
        &world,
        "az1.web.pool.example.test. A",
        expect![[r#"
            NoError aa
            az1.web.pool.example.test. 5 A 10.0.1.2
            az1.web.pool.example.test. 5 A 10.0.1.1
            named web/az1
        "#]],
    );
}

#[test]
fn between_zonal_names_is_nodata_and_beside_them_is_no_name() {
    let world = World::new();
    check(
        &world,
        "pool.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "web.pool.example.test. A",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "az3.web.pool.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "nowhere.web.pool.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "x.az1.web.pool.example.test. A",
        expect![[r#"
        NxDomain aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
    check(
        &world,
        "az1.other.pool.wild.test. A",
        expect![[r#"
        NxDomain aa
        auth wild.test. 5 SOA ns.wild.test. hostmaster.wild.test. 7 3600 600 604800 5
    "#]],
    );
}

#[test]
fn what_people_wrote_wins_over_a_zonal_name() {
    let world = World::new();
    check(
        &world,
        "az2.spare.pool.example.test. A",
        expect![[r#"
        NoError aa
        az2.spare.pool.example.test. 5 A 10.9.2.1
        named spare/az2
    "#]],
    );
    check(
        &world,
        "az1.spare.pool.example.test. A",
        expect![[r#"
        NoError aa
        az1.spare.pool.example.test. 300 A 10.0.0.99
    "#]],
    );
    check(
        &world,
        "az1.spare.pool.example.test. TXT",
        expect![[r#"
        NoError aa
        auth example.test. 30 SOA ns1.example.test. hostmaster.example.test. 2024 1 2 3 30
    "#]],
    );
}

#[test]
fn explain_tells_each_step() {
    let mut world = World::new();
    world.away(ZoneIx(0));
    let compiled = world.compiled();
    let name = wire("www.example.test.");
    let question = &asked(&name, rtype::A, 1);
    let explained = compiled.explain(question, &ASKER);
    let [Why::Steered { of: Chooser::Record(0), pool: PoolIx(0), in_place_of: None, steps, .. }] =
        &explained.why[..]
    else {
        panic!("{:?}", explained.why)
    };
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0].removed.len(), 2);
    let answer = compiled.answer(question, &ASKER);
    assert_eq!(Answer { why: Vec::new(), ..explained }, answer);
}

#[test]
fn a_family_whose_endpoints_are_all_unhealthy_fails_open_alone() {
    let mut world = World::new();
    // The only IPv6 endpoint of the pool, which is well otherwise.
    world.impaired(PoolIx(0), 1);
    check(
        &world,
        "www.example.test. AAAA",
        expect![[r#"
        NoError aa
        www.example.test. 7 AAAA fd00::1
        named web/az1
    "#]],
    );
    // The other family goes on to leave out what is unhealthy.
    world.impaired(PoolIx(0), 0);
    check(
        &world,
        "www.example.test. A",
        expect![[r#"
        NoError aa
        www.example.test. 7 A 10.0.1.2
        www.example.test. 7 A 10.0.2.1
        named web/az1 web/az2
    "#]],
    );
}
