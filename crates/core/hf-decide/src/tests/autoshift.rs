//! Autoshifts: below everything that people ask for, above rehearsals.

use expect_test::expect;

use super::rules::{check, check_zone};

#[test]
fn it_takes_a_zone_away() {
    check(
        "a b c | autoshift b until 50",
        expect![[r#"
        a open: healthy +
        b away: autoshift shift-1 until 50 -
        c open: healthy +
    "#]],
    );
    check(
        "a b c | autoshift b until 5",
        expect![[r#"
        a open: healthy +
        b away: autoshift shift-1, held past its end of 5 -
        c open: healthy +
    "#]],
    );
}

#[test]
fn it_is_suspended_while_people_take_another_zone_of_the_region() {
    check(
        "a b c | autoshift b; shift a",
        expect![[r#"
        a away: shift-2 until 100 -
        b open: healthy +
        c open: healthy +
        ! autoshift shift-1 does not apply to pool/web in b: shift-2 takes another zone of the region away: one at a time
    "#]],
    );
    check(
        "a b c | autoshift b; pin out a",
        expect![[r#"
        a away: pinned out by bob until 100 -
        b open: healthy +
        c open: healthy +
        ! autoshift shift-1 does not apply to pool/web in b: pin takes another zone of the region away: one at a time
    "#]],
    );
    check(
        "a b c | autoshift b; zone c behind p/c; off p/c at 3",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        c away: control p/c off since 3 -
        ! autoshift shift-1 does not apply to pool/web in b: control p/c takes another zone of the region away: one at a time
    "#]],
    );
    check_zone(
        "a b c | autoshift b; shift a",
        'b',
        expect![[r#"
        b open: healthy, 1 of 1 healthy
        ! autoshift shift-1 does not apply to pool/web in b: shift-2 takes another zone of the region away: one at a time
    "#]],
    );
}

#[test]
fn an_act_of_people_on_its_zone_comes_first() {
    check(
        "a b c | autoshift b; shift b",
        expect![[r#"
        a open: healthy +
        b away: shift-2 until 100 -
        c open: healthy +
        ! autoshift shift-1 does not apply to pool/web in b: shift-2 comes first
    "#]],
    );
    check(
        "a b c | autoshift b; pin in b",
        expect![[r#"
        a open: healthy +
        b open: pinned in by bob until 100 +(healthy)
        c open: healthy +
        ! autoshift shift-1 does not apply to pool/web in b: the zone is pinned in
    "#]],
    );
}

#[test]
fn it_outranks_a_rehearsal_and_yields_to_the_floor() {
    check(
        "a b c | keep 2; practice a; autoshift b",
        expect![[r#"
        a open: healthy +
        b away: autoshift shift-2 until 100 -
        c open: healthy +
        ! practice run shift-1 does not apply to pool/web in a: at least 2 zones must stay, this would leave 1
    "#]],
    );
    check(
        "a b | keep 2; autoshift b",
        expect![[r#"
        a open: healthy +
        b open: healthy +
        ! autoshift shift-1 does not apply to pool/web in b: at least 2 zones must stay, this would leave 1
    "#]],
    );
}

#[test]
fn its_zone_returns_bit_by_bit() {
    check(
        "a b c | over 50; returned b at 5; now 20",
        expect![[r#"
        a open: healthy +
        b open: returning, all of it at 46 40.0% +(healthy)
        c open: healthy +
    "#]],
    );
}
