//! Pins are set, replaced, taken away, and obey the floor.

use super::script::{Runner, parse};
use super::*;
use crate::command::Bounded;

#[test]
fn a_pin_replaces_the_one_before() {
    check(
        "pin west-a in pool/web 30m
         pin a out pool/web 1h
         pin a in everything 1h
         unpin west-a pool/web
         unpin a pool/web
         unpin x pool/web
         unpin a everything",
        &expect![[r#"
            2 done; pinned a In pool/web until 30m
            3 done; pinned a Out pool/web until 1h instead of a In pool/web until 30m
            4 done; pinned a In everything until 1h
            5 done; unpinned a Out pool/web until 1h Canceled
            refused: a is not pinned for `pool/web`; `holdfast status` lists the pins
            refused: there is no zone `x`; the estate has a, b, c, d, e
            8 done; unpinned a In everything until 1h Canceled
        "#]],
    );
}

#[test]
fn what_is_not_there_or_out_of_range_is_refused() {
    check(
        "pin x in everything 30m
         pin a in pool/x 30m
         pin a in pool/web 73h
         pin a out pool/web 59s",
        &expect![[r#"
            refused: there is no zone `x`; the estate has a, b, c, d, e
            refused: there is no `pool/x` in the estate; `holdfast status` lists what there is
            refused: a shift or pin lasts 1m to 72h, this one 3d1h; change `--for`
            refused: a shift or pin lasts 1m to 72h, this one 59s; change `--for`
        "#]],
    );
}

#[test]
fn a_pin_out_obeys_the_floor_and_a_pin_in_does_not() {
    check(
        "pin d out pool/db 30m
         pin e out pool/db 30m
         pin e in pool/db 30m
         shift e pool/db 30m
         pin e out pool/db 30m
         pin d in pool/db 30m
         pin e out pool/db 30m",
        &expect![[r#"
            2 done; pinned d Out pool/db until 30m
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            4 done; pinned e In pool/db until 30m
            5 done; started shift-5 e pool/db until 30m
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            7 done; pinned d In pool/db until 30m instead of d Out pool/db until 30m
            8 done; pinned e Out pool/db until 30m instead of e In pool/db until 30m
        "#]],
    );
}

#[test]
fn an_act_that_closes_nothing_more_passes() {
    check(
        "shift d pool/db 30m
         pin d out pool/db 30m",
        &expect![[r#"
            2 done; started shift-2 d pool/db until 30m
            3 done; pinned d Out pool/db until 30m
        "#]],
    );
}

#[test]
fn the_narrower_pin_counts() {
    check(
        "pin d in pool/db 30m
         pin d out everything 30m
         pin e out pool/db 30m
         unpin d pool/db",
        &expect![[r#"
            2 done; pinned d In pool/db until 30m
            3 done; pinned d Out everything until 30m
            4 done; pinned e Out pool/db until 30m
            5 done; unpinned d In pool/db until 30m Canceled
        "#]],
    );
}

#[test]
fn pins_are_bounded() {
    let mut runner = Runner::with_estate();
    runner.run(parse("pin a in pool/web 30m"));
    let pin = runner.state.pins[0].clone();
    runner.state.pins.extend(std::iter::repeat_n(pin, State::PINS - 1));
    let (outcome, _) = runner.run(parse("pin b in pool/web 30m"));
    assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what: Bounded::Pins, count: 200 }));
    let (outcome, _) = runner.run(parse("pin a in pool/web 30m"));
    assert!(matches!(outcome, Outcome::Done { .. }), "replacing takes no room");
}
