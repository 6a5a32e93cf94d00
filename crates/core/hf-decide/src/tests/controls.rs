//! Routing controls, practice runs and overridden floors, by example.

#![allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each

use expect_test::expect;

use super::rules::{check, check_record, check_zone};

#[test]
fn a_control_behind_a_zone_takes_it_away() {
    check(
        "a b c | zone a behind p/a; off p/a at 5",
        expect![[r#"
        a away: control p/a off since 5 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | zone a behind p/a; on p/a at 5",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | zone a behind p/a",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check_zone(
        "a b c | zone a behind p/a; off p/a at 5",
        'a',
        expect![[r#"
        a away: control p/a off since 5, 1 of 1 healthy
    "#]],
    );
}

/// The zones of a region yield one by one, in the estate's order.
#[test]
fn a_control_behind_a_region_leaves_as_much_as_the_floor_lets_go() {
    check(
        "a b c | keep 2; region behind p/r; off p/r at 5",
        expect![[r#"
        a away: control p/r off since 5 -
        b open: healthy +
        c open: healthy +
        ! control p/r does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
        ! control p/r does not apply to pool/web in c: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 1; region behind p/r; off p/r at 5; pin in b",
        expect![[r#"
        a away: control p/r off since 5 -
        b open: pinned in by bob until 100 +(healthy)
        c away: control p/r off since 5 -
        ! control p/r does not apply to pool/web in b: the zone is pinned in
    "#]],
    );
    check_zone(
        "a b c | keep 2; region behind p/r; off p/r at 5",
        'b',
        expect![[r#"
        b open: healthy, 1 of 1 healthy
        ! control p/r does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check_zone(
        "a b c | keep 2; region behind p/r; off p/r at 5",
        'y',
        expect![[r#"
        y away: control p/r off since 5, 0 of 0 healthy
    "#]],
    );
}

#[test]
fn a_zone_behind_two_controls_is_left_once() {
    check(
        "a b c | keep 2; region behind p/r; zone a behind p/a; off p/r at 5; off p/a at 4",
        expect![[r#"
        a away: control p/a off since 4 -
        b open: healthy +
        c open: healthy +
        ! control p/r does not apply to pool/web in a: control p/a comes first
        ! control p/r does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
        ! control p/r does not apply to pool/web in c: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 2; region behind p/r; zone a behind p/r; off p/r at 5",
        expect![[r#"
        a away: control p/r off since 5 -
        b open: healthy +
        c open: healthy +
        ! control p/r does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
        ! control p/r does not apply to pool/web in c: at least 2 zones must stay, this would leave 1
    "#]],
    );
}

#[test]
fn controls_stand_between_shifts_and_practice_runs() {
    check(
        "a b c | keep 2; zone a behind p/a; off p/a at 0; shift b",
        expect![[r#"
        a open: healthy +
        b away: shift-1 until 100 -
        c open: healthy +
        ! control p/a does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 2; zone a behind p/a; practice b; off p/a at 5",
        expect![[r#"
        a away: control p/a off since 5 -
        b open: healthy +
        c open: healthy +
        ! practice run shift-1 does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b! c | keep 2; practice a",
        expect![[r#"
        mode fail_open
        a away: practice run shift-1 until 100 -
        b open: failing open +
        c open: healthy +
        ! health does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | practice a; now 100",
        expect![[r#"
        a away: practice run shift-1, held past its end of 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | zone a behind p/a; off p/a at 0; shift a; practice a; pin in a pool/spare",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
        ! control p/a does not apply to pool/web in a: shift-1 comes first
        ! practice run shift-2 does not apply to pool/web in a: shift-1 comes first
    "#]],
    );
    check_zone(
        "a b c | practice a",
        'a',
        expect![[r#"
        a away: practice run shift-1 until 100, 1 of 1 healthy
    "#]],
    );
}

#[test]
fn a_pool_behind_a_control_does_as_with_nobody_healthy() {
    check(
        "a b | closed; pool behind p/w; off p/w at 5",
        expect![[r#"
        mode closed
        a away: control p/w off since 5 -
        b away: control p/w off since 5 -
    "#]],
    );
    check(
        "a b | fallback; keep 2; pool behind p/w; off p/w at 5",
        expect![[r#"
        mode fallback
        a away: control p/w off since 5 -
        b away: control p/w off since 5 -
    "#]],
    );
    check(
        "a b c | closed; pool behind p/w; off p/w at 5; shift a; pin in b",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: pinned in by bob until 100 +(healthy)
        c away: control p/w off since 5 -
        ! control p/w does not apply to pool/web in b: the zone is pinned in
    "#]],
    );
    check(
        "a b c | closed; pool behind p/w; zone a behind p/a; off p/w at 5; off p/a at 4",
        expect![[r#"
        mode closed
        a away: control p/w off since 5 -
        b away: control p/w off since 5 -
        c away: control p/w off since 5 -
        ! control p/a does not apply to pool/web in a: control p/w comes first
    "#]],
    );
    check_record(
        "a b | closed; pool behind p/w; off p/w at 5",
        expect![[r#"
        as its pool
        mode closed
        a away: control p/w off since 5 -
        b away: control p/w off since 5 -
    "#]],
    );
    check_zone(
        "a b | closed; pool behind p/w; off p/w at 5",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
    "#]],
    );
}

#[test]
fn a_record_behind_a_control_does_and_its_pool_does_not() {
    check_record(
        "a b | fallback; record behind p/w; off p/w at 5",
        expect![[r#"
        of its own
        mode fallback
        a away: control p/w off since 5 -
        b away: control p/w off since 5 -
    "#]],
    );
    check(
        "a b | fallback; record behind p/w; off p/w at 5",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check_record(
        "a b | fallback; record behind p/w; on p/w at 5",
        expect![[r#"
        as its pool
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn a_control_may_be_a_health_check() {
    check(
        "a! b! | check behind p/w",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a! b! | check behind p/w; on p/w at 1",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | closed; check behind p/w; off p/w at 5",
        expect![[r#"
        mode closed
        a away: nobody healthy -
        b away: nobody healthy -
    "#]],
    );
    check(
        "a b | check behind p/w; off p/w at 5",
        expect![[r#"
        mode fail_open
        a open: failing open +
        b open: failing open +
        ! health does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check_zone(
        "a b | closed; check behind p/w; off p/w at 5",
        'a',
        expect![[r#"
        a open: impaired, 0 of 1 healthy
    "#]],
    );
    check_zone(
        "a! b! | closed; check behind p/w",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
    "#]],
    );
}

#[test]
fn an_overridden_floor_stops_nothing() {
    check(
        "a b c | keep 3; shift a; override shift",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | keep 3; shift a; override shift; shift b",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
        c open: healthy +
        ! shift-2 does not apply to pool/web in b: at least 3 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b c | keep 3; zone a behind p/a; off p/a at 1; override control",
        expect![[r#"
        a away: control p/a off since 1 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | keep 3; pin out a; override pin",
        expect![[r#"
        a away: pinned out by bob until 100 -
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b! c | keep 2; shift a; override shift",
        expect![[r#"
        mode fail_open
        a away: shift-1 until 100 -
        b open: failing open +
        c open: healthy +
        ! health does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check_record(
        "a b | keep 2; shift a; override shift; shift b record/www.x.test.",
        expect![[r#"
        of its own
        a away: shift-1 until 100 -
        b open: healthy +
        ! shift-2 does not apply to record/www.x.test. in b: at least 2 zones must stay, this would leave 0
    "#]],
    );
}

/// Without `all_down` the pool answers nothing: the operator named it.
#[test]
fn a_pool_that_its_operator_has_emptied_answers_nothing() {
    check(
        "a b | shift a; shift b; override shift",
        expect![[r#"
        mode closed
        a away: shift-1 until 100 -
        b away: shift-2 until 100 -
    "#]],
    );
    check(
        "a b | fallback; shift a; shift b; override shift",
        expect![[r#"
        mode fallback
        a away: shift-1 until 100 -
        b away: shift-2 until 100 -
    "#]],
    );
    check(
        "a b! | shift a; override shift",
        expect![[r#"
        mode fail_open
        a away: shift-1 until 100 -
        b open: failing open +
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
    "#]],
    );
}

#[test]
fn a_zone_is_not_away_by_an_act_that_every_floor_stops() {
    // Below, another act took one pool out of the zone; the act on everything does nothing, or nothing more.
    check_zone(
        "a b | keep 2; shift a; shift z pool/spare",
        'a',
        expect![[r#"
        a open: healthy, 1 of 1 healthy
        ! shift-1 does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check_zone(
        "a b | keep 2; shift a pool/web; override shift; shift a",
        'a',
        expect![[r#"
        a away: shift-2 until 100, 1 of 1 healthy
        ! shift-2 does not apply to pool/web in a: shift-1 comes first
    "#]],
    );
    check_zone(
        "a b z | keep 3; shift z pool/web; override shift; shift z",
        'z',
        expect![[r#"
        z open: healthy, 2 of 2 healthy
        ! shift-2 does not apply to pool/web in z: shift-1 comes first
        ! shift-2 does not apply to pool/spare in z: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check_zone(
        "a b z | keep 3; shift z",
        'z',
        expect![[r#"
        z open: healthy, 2 of 2 healthy
        ! shift-1 does not apply to pool/web in z: at least 3 zones must stay, this would leave 2
        ! shift-1 does not apply to pool/spare in z: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check_zone(
        "a b | keep 2; shift a; practice a; override shift",
        'a',
        expect![[r#"
        a away: practice run shift-2 until 100, 1 of 1 healthy
        ! shift-1 does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
}
