//! Break-glass acts that the ledger has heard of, by example.

#![allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each

use expect_test::{Expect, expect};

use super::rules::check as check_pool;

fn check(text: &str, want: Expect) {
    check_pool(text, want);
}

#[test]
fn what_the_ledger_goes_on_with_is_not_obeyed_twice() {
    check(
        "a b | glass a; recorded shift; shift a",
        expect![[r#"
        a away: shift-1 until 100 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a; recorded shift",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a; recorded ended",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
}

#[test]
fn what_contradicts_the_ledger_is_obeyed_until_its_end() {
    check(
        "a b | glass a until 50; recorded conflict; now 49",
        expect![[r#"
        a away: break-glass by key-1 until 50 -
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a until 50; recorded conflict; now 50",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a until 50; recorded conflict; forget glass",
        expect![[r#"
        a away: break-glass by key-1 until 50 -
        b open: healthy +
    "#]],
    );
}

#[test]
fn a_settled_act_does_not_bring_back_an_older_one() {
    check(
        "a b | glass a signed 5; unglass a signed 6; recorded ended; glass a signed 4",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a signed 5; recorded shift; glass a signed 7 until 60",
        expect![[r#"
        a away: break-glass by key-1 until 60 -
        b open: healthy +
    "#]],
    );
}

/// The act's zone may be written by an alias.
#[test]
fn an_act_is_known_by_its_zone_instant_and_key() {
    check(
        "a b | glass alias-a; recorded ended; glass a",
        expect![[r#"
        a open: healthy +
        b open: healthy +
    "#]],
    );
    check(
        "a b | glass a signed 3; recorded ended; glass a signed 4",
        expect![[r#"
        a away: break-glass by key-1 until 100 -
        b open: healthy +
    "#]],
    );
}
