//! How zones return, by example. With `over 900` the way back of a zone is 720 ms long, after a wait of less than 180 ms.

#![allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use hf_config::estate::PoolIx;
use hf_model::Timestamp;

use super::rules::{check, check_record, check_zone};
use super::world::{World, zone_ix};

/// The share of zone `a` in the pool `web` at each of its changes, from the end of an act on.
fn check_ramp(text: &str, want: Expect) {
    let mut world = World::read(text);
    let mut shown = String::new();
    for _ in 0..30 {
        let decision = world.decide();
        let zone = decision.for_record(0, PoolIx(0)).zone(zone_ix('a')).unwrap().clone();
        write!(shown, "{}: {} {}", world.now.0, zone.state, zone.share).unwrap();
        shown.push('\n');
        let Some(next) = world.next_change() else { break };
        assert!(next > world.now);
        world.now = next;
    }
    want.assert_eq(&shown);
}

#[test]
fn the_share_grows_in_ten_steps() {
    check_ramp(
        "a b | over 900; returned a at 1000; now 1000",
        expect![[r#"
        1000: open 0.0%
        1150: open 10.0%
        1230: open 20.0%
        1310: open 30.0%
        1390: open 40.0%
        1470: open 50.0%
        1550: open 60.0%
        1630: open 70.0%
        1710: open 80.0%
        1790: open 90.0%
        1870: open 100.0%
        1900: open 100.0%
    "#]],
    );
}

#[test]
fn each_pool_and_zone_begins_at_an_instant_of_its_own() {
    let mut begins = Vec::new();
    for zone in ['a', 'b', 'c', 'd', 'e'] {
        let world = World::read(&format!("a b c d e | over 900; returned {zone} at 1000; now 1000"));
        begins.push(world.next_change().unwrap().0);
    }
    expect![[r#"
        [1150, 1121, 1065, 1018, 1133]
    "#]]
    .assert_eq(&format!("{begins:?}\n"));
}

#[test]
fn a_returning_zone_says_when_it_is_back() {
    check(
        "a b | over 900; returned a at 1000; now 1300",
        expect![[r#"
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
    "#]],
    );
    check_zone(
        "a b | over 900; returned a at 1000; now 1300",
        'a',
        expect![[r#"
        a open: returning, all of it at 1870, 1 of 1 healthy
    "#]],
    );
    check(
        "a b | over 900; returned a at 1000; now 1900",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | over 0; returned a at 1000; now 1000",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    // The node's clock is behind the ledger's.
    check(
        "a b | over 900; returned a at 1000; now 200",
        expect![[r#"
        a open: returning, all of it at 1870 0.0% +(healthy)
        b open: healthy +
    "#]],
    );
}

/// What another act still holds returns when that one ends.
#[test]
fn the_newest_end_counts() {
    check(
        "a b | over 900; returned a at 1000; shift a until 5000; now 1300",
        expect![[r#"
        a away: shift-1 until 5000 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | over 900; returned a at 1000; returned a pool/web at 2000; now 2000",
        expect![[r#"
        a open: returning, all of it at 2870 0.0% +(healthy)
        b open: healthy +
    "#]],
    );
    check(
        "a b | over 900; returned a at 1000; returned a pool/spare at 2000; now 2000",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn a_zone_that_the_floor_kept_was_never_away() {
    check(
        "a b | keep 2; over 900; returned a at 1000; now 1000",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b c | keep 2; over 900; returned a at 1000; shift b; now 1000",
        expect![[r#"
        a open: healthy +
        b away: shift-1, held past its end of 100 -
        c open: healthy +
    "#]],
    );
    // Two that return together count as one evacuation.
    check(
        "a b c d | keep 2; over 900; returned a at 1000; returned b at 1001; now 1001",
        expect![[r#"
        a open: returning, all of it at 1870 0.0% +(healthy)
        b open: returning, all of it at 1842 0.0% +(healthy)
        c open: healthy +
        d open: healthy +
    "#]],
    );
    check(
        "a b c | keep 2; over 900; returned a at 1000; returned b at 1001; now 1001",
        expect![[r#"
            a open: healthy +
            b open: returning, all of it at 1842 0.0% +(healthy)
            c open: healthy +
        "#]],
    );
    check(
        "a b c | keep 2; over 900; returned a at 1000; returned b at 2000; now 2000",
        expect![[r#"
        a open: healthy +
        b open: returning, all of it at 2841 0.0% +(healthy)
        c open: healthy +
    "#]],
    );
}

/// Which one the floor had really kept is not known: the one that is taken for kept gets twice its part at most.
#[test]
fn zones_that_return_at_once_leave_nobody_with_more_than_twice_its_part() {
    let text = "a b c | over 900; returned a at 1000; returned b at 1000; returned c at 1000; now";
    check(
        &format!("{text} 1000"),
        expect![[r#"
            a open: returning, all of it at 1870 25.0% +(healthy)
            b open: returning, all of it at 1841 25.0% +(healthy)
            c open: healthy +
        "#]],
    );
    check(
        &format!("{text} 1700"),
        expect![[r#"
            a open: returning, all of it at 1870 70.0% +(healthy)
            b open: returning, all of it at 1841 80.0% +(healthy)
            c open: healthy +
        "#]],
    );
    // Of two, one has half of the capacity.
    check(
        "a b | over 900; returned a at 1000; returned b at 1000; now 1000",
        expect![[r#"
            a open: returning, all of it at 1870 0.0% +(healthy)
            b open: healthy +
        "#]],
    );
    // Those that did stay may carry all: they have done so.
    check(
        "a b c | over 900; returned a at 1000; returned b at 1000; now 1000",
        expect![[r#"
            a open: returning, all of it at 1870 0.0% +(healthy)
            b open: returning, all of it at 1841 0.0% +(healthy)
            c open: healthy +
        "#]],
    );
    // By capacity: c alone is a tenth.
    check(
        "a*450 b*450 c | over 900; returned a at 1000; returned b at 1000; returned c at 1000; now 1000",
        expect![[r#"
            a open: returning, all of it at 1870 44.4% +(healthy)
            b open: returning, all of it at 1841 44.4% +(healthy)
            c open: healthy +
        "#]],
    );
}

#[test]
fn pins_and_health_come_before_a_return() {
    check(
        "a b | over 900; returned a at 1000; pin in a; now 1000",
        expect![[r#"
        a open: pinned in by bob, held past its end of 100 +(healthy)
        b open: healthy +
    "#]],
    );
    check(
        "a! b | over 900; returned a at 1000; now 1000",
        expect![[r#"
        a away: impaired -
        b open: healthy +
    "#]],
    );
    check(
        "a! b! | over 900; returned a at 1000; now 1000",
        expect![[r#"
        mode fail_open
        a open: failing open +
        b open: failing open +
        ! health does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
    "#]],
    );
    check(
        "a a! b | over 900; returned a at 1000; now 1000",
        expect![[r#"
        a open: returning, all of it at 1870 0.0% +(healthy)-(impaired)
        b open: healthy +
    "#]],
    );
}

#[test]
fn controls_return_when_they_are_turned_on() {
    check(
        "a b c | over 900; zone a behind p/a; on p/a at 1000; now 1300",
        expect![[r#"
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
        c open: healthy +
    "#]],
    );
    check(
        "a b c | over 900; region behind p/r; zone a behind p/a; on p/r at 1000; off p/a at 900; now 1300",
        expect![[r#"
            a away: control p/a off since 900 -
            b open: returning, all of it at 1841 30.0% +(healthy)
            c open: healthy +
        "#]],
    );
    // The floor had kept the second zone of the region.
    check(
        "a b c | keep 2; over 900; region behind p/r; on p/r at 1000; now 1300",
        expect![[r#"
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
        c open: healthy +
    "#]],
    );
    // One that was never turned has taken nothing away.
    let mut world = World::read("a b c | over 900; zone a behind p/a; on p/a at 1000; now 1000");
    world.know_of_untouched_control();
    assert_eq!(world.decide().pools[0].zones[0].share, hf_model::Share::ONE);
    assert_eq!(world.next_change(), None);
}

#[test]
fn break_glass_returns_by_its_own_end() {
    check(
        "a b | over 900; glass a until 1000; now 1000",
        expect![[r#"
        a open: returning, all of it at 1870 0.0% +(healthy)
        b open: healthy +
    "#]],
    );
    check(
        "a b | over 900; unglass a signed 1000; now 1300",
        expect![[r#"
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
    "#]],
    );
    check(
        "a b | over 900; glass a until 1000; recorded ended; now 1000",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn a_record_returns_as_its_act_says() {
    let text = "a b | over 900; returned a record/www.x.test. at 1000; now";
    check_record(
        &format!("{text} 1300"),
        expect![[r#"
        of its own
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
    "#]],
    );
    check(
        &format!("{text} 1300"),
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check_record(
        &format!("{text} 1900"),
        expect![[r#"
        as its pool
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn the_next_change_is_the_next_thing_that_time_does() {
    let next = |text: &str| World::read(text).next_change().map(|at| at.0);
    assert_eq!(next("a b"), None);
    assert_eq!(next("a b | shift a until 70; pin in b until 60; glass a until 90"), Some(60));
    assert_eq!(next("a b | shift a until 70; pin in b until 60; glass a until 90; now 70"), Some(90));
    assert_eq!(next("a b | glass a until 90; recorded shift; now 70"), None);
    assert_eq!(next("a b | returned a at 5"), None);
    assert!(Timestamp(next("a b | over 900; returned a at 1000; now 1000").unwrap()) < Timestamp(1180));
}
