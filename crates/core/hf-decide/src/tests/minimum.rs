//! Which zones leave DNS answers for want of health, by example.

#![allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each

use expect_test::expect;
use proptest::prelude::*;

use super::rules::check;
use super::world::World;
use crate::ZoneState;

#[test]
fn a_zone_below_the_minimum_leaves_dns_and_still_serves() {
    check(
        "a a! b b | dns 2",
        expect![[r#"
        a open: healthy not in DNS +-(impaired)
        b open: healthy ++
    "#]],
    );
    check(
        "a a! b b | dns-share 51",
        expect![[r#"
        a open: healthy not in DNS +-(impaired)
        b open: healthy ++
    "#]],
    );
    check(
        "a a! b b | dns-share 50",
        expect![[r#"
        a open: healthy +-(impaired)
        b open: healthy ++
    "#]],
    );
    // Unknown is not unhealthy.
    check(
        "a a? b b | dns 2",
        expect![[r#"
        a open: healthy ++(not checked)
        b open: healthy ++
    "#]],
    );
}

#[test]
fn with_every_zone_below_all_stay() {
    check(
        "a a! b b! | dns 2",
        expect![[r#"
        a open: healthy +-(impaired)
        b open: healthy +-(impaired)
    "#]],
    );
    check(
        "a! a! b! b! | dns 2",
        expect![[r#"
        mode fail_open
        a open: failing open ++
        b open: failing open ++
        ! health does not apply to pool/web in a: at least 1 zone must stay, this would leave 0
        ! health does not apply to pool/web in b: at least 1 zone must stay, this would leave 0
    "#]],
    );
    // A zone that is away is no reason for another to leave.
    check(
        "a a! b b | dns 2; shift b",
        expect![[r#"
        a open: healthy +-(impaired)
        b away: shift-1 until 100 --
    "#]],
    );
}

#[test]
fn the_floor_holds_for_dns_too() {
    check(
        "a a! b b! c c | dns 2; keep 2",
        expect![[r#"
        a open: healthy not in DNS +-(impaired)
        b open: healthy +-(impaired)
        c open: healthy ++
    "#]],
    );
    check(
        "a a! b b | dns 2; keep 2",
        expect![[r#"
        a open: healthy +-(impaired)
        b open: healthy ++
    "#]],
    );
}

#[test]
fn a_pin_in_holds_a_zone_in_dns() {
    check(
        "a a! b b | dns 2; pin in a",
        expect![[r#"
        a open: pinned in by bob until 100 +(healthy)-(impaired)
        b open: healthy ++
    "#]],
    );
}

proptest! {
    /// Some open zone is in DNS answers, and what leaves them changes nothing else.
    #[test]
    fn dns_keeps_somebody_and_balancers_do_not_notice(words in "[abc]!?( [abc]!?){0,7}", count in 1_u16..4) {
        let plain = World::read(&words).decide();
        let with = World::read(&format!("{words} | dns {count}")).decide();
        let mut same = with.pools[0].clone();
        same.zones.iter_mut().for_each(|zone| zone.in_dns = true);
        let open = |zone: &&crate::PoolZone| zone.state == ZoneState::Open;
        prop_assert!(with.pools[0].zones.iter().filter(open).any(|zone| zone.in_dns));
        prop_assert_eq!(&same, &plain.pools[0]);
    }
}
