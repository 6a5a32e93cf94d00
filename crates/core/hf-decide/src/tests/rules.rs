//! Each rule by example.

#![allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each

use expect_test::{Expect, expect};

use super::world::{World, show_pool, show_zone};

/// What is decided for the pool `web`.
pub(super) fn check(text: &str, want: Expect) {
    let world = World::read(text);
    want.assert_eq(&show_pool(&world, &world.decide().pools[0]));
}

/// What is decided for `www.x.test.`, which answers from `web`.
pub(super) fn check_record(text: &str, want: Expect) {
    let world = World::read(text);
    let decision = world.decide();
    let own = if decision.records[0].is_some() { "of its own" } else { "as its pool" };
    let shown = show_pool(&world, decision.for_record(0, hf_config::estate::PoolIx(0)));
    want.assert_eq(&format!("{own}\n{shown}"));
}

/// What is decided for a zone as a whole.
pub(super) fn check_zone(text: &str, zone: char, want: Expect) {
    let world = World::read(text);
    want.assert_eq(&show_zone(&world, &world.decide(), zone));
}

#[test]
fn the_healthy_and_the_unknown_serve() {
    check(
        "a b?",
        expect![[r#"
        a open: healthy +
        b open: not checked +
    "#]],
    );
    check(
        "a! b | unchecked",
        expect![[r#"
        a open: not checked +
        b open: not checked +
    "#]],
    );
}

#[test]
fn an_unhealthy_endpoint_leaves_and_a_dead_zone_is_impaired() {
    check(
        "a a! b! b! c",
        expect![[r#"
        a open: healthy +-(impaired)
        b away: impaired --
        c open: healthy +
    "#]],
    );
}

#[test]
fn a_shift_takes_its_zone_away_and_is_held_past_its_end() {
    check(
        "a b c | shift a",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | shift alias-a",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | shift a; now 99",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | shift a; now 100",
        expect![[r#"
        a away: shift-1, held past its end of 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
}

#[test]
fn the_floor_of_zones_holds_against_every_source_and_the_weakest_yields() {
    check(
        "a b! c | keep 2; shift a",
        expect![[r#"
        mode fail_open
        a away: shift-1 until 100 -
        b open: failing open +
        c open: healthy +
        ! health does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 2; shift a; shift b",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
        ! shift-2 does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 2; shift a; glass b",
        expect![[r#"
        a open: healthy +
        b away: break-glass by key-1 until 100 -
        c open: healthy +
        ! shift-1 does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 2; glass b; pin out c",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c away: pinned out by bob until 100 -
        ! break-glass does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a! b! c | keep 2",
        expect![[r#"
        mode fail_open
        a away: impaired -
        b open: failing open +
        c open: healthy +
        ! health does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a | shift a",
        expect![[r#"
        a open: healthy +
        ! shift-1 does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
    "#]],
    );
}

#[test]
fn the_floor_of_capacity_holds_for_zones_and_for_single_endpoints() {
    check(
        "a*60 b*40 | share 50; shift a",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! shift-1 does not apply to pool/web in a: at least 50.0% of the capacity must stay, this would leave 40.0%
    "#]],
    );
    check(
        "a*60 b*40 | share 50; shift b",
        expect![[r#"
        a open: healthy +
        b away: shift-1 until 100 -
    "#]],
    );
    check(
        "a a! b b! | share 75",
        expect![[r#"
        mode fail_open
        a open: healthy +-(impaired)
        b open: healthy ++(failing open)
        ! health does not apply to pool/web in b: at least 75.0% of the capacity must stay, this would leave 50.0%
    "#]],
    );
    check(
        "a a! b! b! | share 50",
        expect![[r#"
        mode fail_open
        a open: healthy ++(failing open)
        b away: impaired --
        ! health does not apply to pool/web in a: at least 50.0% of the capacity must stay, this would leave 25.0%
    "#]],
    );
}

#[test]
fn a_spare_counts_as_a_zone_only_when_nothing_else_is_left() {
    check(
        "a b*0 | shift a",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a! b*0",
        expect![[r#"
        a away: impaired -
        b open: healthy +
    "#]],
    );
    check(
        "a b c*0 | keep 2; shift a",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c open: healthy +
        ! shift-1 does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b*0 | share 10; shift a",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! shift-1 does not apply to pool/web in a: at least 10.0% of the capacity must stay, this would leave 0.0%
    "#]],
    );
    check(
        "a b c!*0 | keep 2",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c away: impaired -
    "#]],
    );
}

#[test]
fn health_fails_open_before_intent_does() {
    check(
        "a b! c! | shift a",
        expect![[r#"
        mode fail_open
        a away: shift-1 until 100 -
        b open: failing open +
        c open: failing open +
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
        ! health does not apply to pool/web in c: at least 1 zone must stay, this would leave 0
    "#]],
    );
}

#[test]
fn with_nobody_healthy_the_pool_does_as_it_says() {
    check(
        "a! b!",
        expect![[r#"
        mode fail_open
        a open: failing open +
        b open: failing open +
        ! health does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check(
        "a! b! c | closed; shift c",
        expect![[r#"
        mode closed
        a away: nobody healthy -
        b away: nobody healthy -
        c away: shift-1 until 100 -
    "#]],
    );
    check(
        "a! b! | fallback",
        expect![[r#"
        mode fallback
        a away: nobody healthy -
        b away: nobody healthy -
    "#]],
    );
    check(
        "a! b! | closed; pin in b",
        expect![[r#"
        a away: impaired -
        b open: pinned in by bob until 100 +
        ! health does not apply to pool/web in b: the zone is pinned in
    "#]],
    );
}

#[test]
fn a_pin_outranks_shifts_and_health() {
    check(
        "a b c | pin in a; shift a; glass a",
        expect![[r#"
        a open: pinned in by bob until 100 +(healthy)
        b open: healthy +
        c open: healthy +
        ! break-glass does not apply to pool/web in a: the zone is pinned in
        ! shift-2 does not apply to pool/web in a: the zone is pinned in
    "#]],
    );
    check(
        "a! b c! | pin in a",
        expect![[r#"
        a open: pinned in by bob until 100 +
        b open: healthy +
        c away: impaired -
        ! health does not apply to pool/web in a: the zone is pinned in
    "#]],
    );
    check(
        "a a! b | pin in a",
        expect![[r#"
        a open: pinned in by bob until 100 +(healthy)-(impaired)
        b open: healthy +
    "#]],
    );
    check(
        "a b c | pin out a; shift a",
        expect![[r#"
        a away: pinned out by bob until 100 -
        b open: healthy +
        c open: healthy +
        ! shift-2 does not apply to pool/web in a: pin comes first
    "#]],
    );
}

#[test]
fn of_two_pins_the_narrower_counts() {
    check(
        "a b | pin out a; pin in a pool/web",
        expect![[r#"
        a open: pinned in by bob until 100 +(healthy)
        b open: healthy +
        ! pin does not apply to pool/web in a: the zone is pinned in
    "#]],
    );
    check(
        "a b | pin in a; pin out a pool/web",
        expect![[r#"
        a away: pinned out by bob until 100 -
        b open: healthy +
        ! pin does not apply to pool/web in a: pin comes first
    "#]],
    );
    check(
        "a b | pin in a pool/spare; pin out a",
        expect![[r#"
        a away: pinned out by bob until 100 -
        b open: healthy +
    "#]],
    );
}

#[test]
fn break_glass_ends_by_itself_and_the_newest_counts() {
    check(
        "a b | glass a until 50; now 49",
        expect![[r#"
        a away: break-glass by key-1 until 50 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a until 50; now 50",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a signed 3; unglass a signed 4",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a signed 5; unglass a signed 4",
        expect![[r#"
        a away: break-glass by key-1 until 100 -
        b open: healthy +
    "#]],
    );
}

#[test]
fn a_break_glass_cancel_ends_a_held_shift_only() {
    check(
        "a b | shift a; unglass a signed 101; now 110",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! shift-1 does not apply to pool/web in a: break-glass comes first
    "#]],
    );
    check(
        "a b | shift a; unglass a signed 99; now 110",
        expect![[r#"
        a away: shift-1, held past its end of 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | shift a; unglass a signed 50; now 60",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
    "#]],
    );
}

#[test]
fn what_was_ended_stays_so_when_a_newer_break_glass_shift_runs_out() {
    let canceled = "a b | shift a; unglass a signed 101; glass a signed 110 until 120";
    check(
        &format!("{canceled}; now 115"),
        expect![[r#"
        a away: break-glass by key-1 until 120 -
        b open: healthy +
        ! shift-1 does not apply to pool/web in a: break-glass comes first
    "#]],
    );
    check(
        &format!("{canceled}; now 120"),
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! shift-1 does not apply to pool/web in a: break-glass comes first
    "#]],
    );
}

#[test]
fn a_pin_is_held_past_its_end_until_break_glass_ends_it() {
    check(
        "a b | pin out a; now 100",
        expect![[r#"
        a away: pinned out by bob, held past its end of 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | pin out a; unglass a signed 99; now 110",
        expect![[r#"
        a away: pinned out by bob, held past its end of 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | pin out a; unglass a signed 100; now 110",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! pin does not apply to pool/web in a: break-glass comes first
    "#]],
    );
    check(
        "a b | pin in a; glass a signed 101 until 200; now 110",
        expect![[r#"
        a away: break-glass by key-1 until 200 -
        b open: healthy +
        ! pin does not apply to pool/web in a: break-glass comes first
    "#]],
    );
}

#[test]
fn a_shift_of_one_pool_or_record_leaves_the_others() {
    check(
        "a b | shift a pool/spare",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | shift a pool/web; shift a",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        ! shift-2 does not apply to pool/web in a: shift-1 comes first
    "#]],
    );
    check_record(
        "a b | shift a record/www.x.test.",
        expect![[r#"
        of its own
        a away: shift-1 until 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | shift a record/www.x.test.",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check_record(
        "a b | shift a pool/web",
        expect![[r#"
        as its pool
        a away: shift-1 until 100 -
        b open: healthy +
    "#]],
    );
    check_record(
        "a b | shift a pool/web; pin in a record/www.x.test.",
        expect![[r#"
        of its own
        a open: pinned in by bob until 100 +(healthy)
        b open: healthy +
        ! shift-1 does not apply to record/www.x.test. in a: the zone is pinned in
    "#]],
    );
}

#[test]
fn a_zone_is_away_by_acts_on_everything_only() {
    check_zone(
        "a b | shift a",
        'a',
        expect![[r#"
        a away: shift-1 until 100, 1 of 1 healthy
    "#]],
    );
    check_zone(
        "a b | shift a pool/web",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
    "#]],
    );
    check_zone(
        "a | shift a",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
        ! shift-1 does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check_zone(
        "a! b",
        'a',
        expect![[r#"
        a open: impaired, 0 of 1 healthy
    "#]],
    );
    check_zone(
        "a b | shift y",
        'y',
        expect![[r#"
        y away: shift-1 until 100, 0 of 0 healthy
    "#]],
    );
    check_zone(
        "a b | shift a pool/web; shift a; pin in a record/www.x.test.",
        'a',
        expect![[r#"
        a away: shift-2 until 100, 1 of 1 healthy
        ! shift-2 does not apply to pool/web in a: shift-1 comes first
        ! shift-1 does not apply to record/www.x.test. in a: the zone is pinned in
        ! shift-2 does not apply to record/www.x.test. in a: the zone is pinned in
    "#]],
    );
    check_zone(
        "a b | pin in a; shift a",
        'a',
        expect![[r#"
        a open: pinned in by bob until 100, 1 of 1 healthy
        ! shift-2 does not apply to pool/web in a: the zone is pinned in
    "#]],
    );
    check_zone(
        "a b | shift a; unglass a signed 100; now 100",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
        ! shift-1 does not apply to pool/web in a: break-glass comes first
    "#]],
    );
}

#[test]
fn an_act_on_a_zone_that_is_gone_asks_for_nothing() {
    check(
        "a b | shift gone; pin out gone; glass gone",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn the_serving_positions_and_zone_states_are_at_hand() {
    let world = World::read("a a! b c | shift b");
    let decision = world.decide();
    let pool = &decision.pools[0];
    assert_eq!(pool.serving().collect::<Vec<_>>(), [0, 3]);
    assert_eq!(pool.zone_state(super::world::zone_ix('b')), Some(crate::ZoneState::Away));
    assert_eq!(pool.zone_state(super::world::zone_ix('e')), None);
}

#[test]
fn verdicts_that_do_not_fit_the_estate_are_unknown() {
    let mut world = World::read("a! b!");
    world.verdicts.of.clear();
    want_serving(&world, &[0, 1]);
}

fn want_serving(world: &World, want: &[usize]) {
    assert_eq!(world.decide().pools[0].serving().collect::<Vec<_>>(), want);
}

#[test]
fn a_fallback_is_followed_until_a_pool_that_serves() {
    use hf_config::estate::{AllDown, PoolIx};
    use hf_health::Verdict;

    use crate::Mode;

    let mut world = World::read("a! b! | fallback; shift a record/www.x.test.");
    let mut third = world.estate.pools[1].clone();
    third.name = "third".parse().unwrap();
    world.estate.pools.push(third);
    world.verdicts.of.push(Verdict::Healthy);
    let modes = |world: &World| {
        let decision = world.decide();
        (decision.pools[0].mode, decision.for_record(0, PoolIx(0)).mode)
    };
    let both = |to| (Mode::Fallback(PoolIx(to)), Mode::Fallback(PoolIx(to)));
    assert_eq!(modes(&world), both(1));
    world.verdicts.of[2] = Verdict::Unhealthy;
    world.estate.pools[1].all_down = AllDown::Fallback(PoolIx(2));
    assert_eq!(modes(&world), both(2));
    world.verdicts.of[3] = Verdict::Unhealthy;
    assert_eq!(modes(&world), both(2), "the third pool fails open");
    world.estate.pools[2].all_down = AllDown::Closed;
    assert_eq!(modes(&world), both(1), "nobody serves");
    world.estate.pools[2].all_down = AllDown::Fallback(PoolIx(1));
    assert_eq!(modes(&world), both(1), "a circle leads nowhere");
}
