//! Shifts begin, are extended and end; every refusal by example.

use std::time::Duration;

use hf_model::Timestamp;

use super::script::{Runner, bundle, parse};
use super::*;
use crate::command::Bounded;

#[test]
fn a_shift_begins_is_extended_and_ends() {
    check(
        "shift a everything 30m
         at 10m
         extend shift-2 1h
         cancel shift-2
         cancel shift-2
         extend shift-2 1h",
        &expect![[r#"
            2 done; started shift-2 a everything until 30m
            at 10m
            3 done; extended shift-2 a everything until 1h10m from 30m
            4 done; ended shift-2 a everything until 1h10m canceled at 10m Canceled
            refused: shift `shift-2` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one
            refused: shift `shift-2` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one
        "#]],
    );
}

#[test]
fn an_alias_names_the_zone() {
    check(
        "shift west-a pool/web 1m",
        &expect![[r#"
        2 done; started shift-2 a pool/web until 1m
    "#]],
    );
}

#[test]
fn what_is_not_there_is_named() {
    check(
        "shift x everything 30m
         shift a pool/x 30m
         shift a record/x.example.test. 30m
         extend shift-9 30m
         cancel shift-09
         cancel other",
        &expect![[r#"
            refused: there is no zone `x`; the estate has a, b, c, d, e
            refused: there is no `pool/x` in the estate; `holdfast status` lists what there is
            refused: there is no `record/x.example.test.` in the estate; `holdfast status` lists what there is
            refused: there is no shift `shift-9`; `holdfast shift list --all` shows active and ended ones
            refused: there is no shift `shift-09`; `holdfast shift list --all` shows active and ended ones
            refused: there is no shift `other`; `holdfast shift list --all` shows active and ended ones
        "#]],
    );
}

#[test]
fn without_an_estate_there_is_no_zone() {
    let mut runner = Runner::empty();
    expect!["refused: there is no zone `a`; the estate has no zones yet, `holdfast apply` one first"]
        .assert_eq(&runner.show("shift a everything 30m"));
}

#[test]
fn lengths_have_bounds() {
    check(
        "shift a everything 59s
         shift a everything 72h1ms
         shift a everything 72h
         extend shift-4 59s
         extend shift-4 1m",
        &expect![[r#"
            refused: a shift or pin lasts 1m to 72h, this one 59s; change `--for`
            refused: a shift or pin lasts 1m to 72h, this one 3d1ms; change `--for`
            4 done; started shift-4 a everything until 3d
            refused: a shift or pin lasts 1m to 72h, this one 59s; change `--for`
            6 done; extended shift-4 a everything until 1m from 3d
        "#]],
    );
}

#[test]
fn reasons_have_bounds() {
    let check = |reason: &str, expected: &Expect| {
        let command = Command::StartShift {
            zone: "a".parse().unwrap(),
            scope: "everything".parse().unwrap(),
            length: Duration::from_mins(1),
            reason: reason.to_owned(),
            floor_overrides: Vec::new(),
        };
        let (outcome, _) = Runner::with_estate().run(command);
        let shown = match outcome {
            Outcome::Done { shift, .. } => format!("{:?}", shift.unwrap().reason),
            Outcome::Refused(refusal) => refusal.to_string(),
        };
        expected.assert_eq(&shown.chars().take(80).collect::<String>());
    };
    check("  gray\x1b[2J\nfailure ", &expect![[r#""gray [2J failure""#]]);
    check(" \n ", &expect!["a reason has 1 to 500 characters, this one has 0; say why in `--reason`"]);
    check(
        &"é".repeat(501),
        &expect!["a reason has 1 to 500 characters, this one has 501; say why in `--reason`"],
    );
    check(
        &"é".repeat(500),
        &expect![[r#""ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"#]],
    );
}

#[test]
fn one_shift_for_a_zone_and_what_leaves_it() {
    check(
        "shift a pool/web 30m
         shift a pool/web 30m
         shift a everything 30m
         shift a pool/api 30m",
        &expect![[r#"
            2 done; started shift-2 a pool/web until 30m
            refused: `shift-2` already takes `pool/web` out of a; extend or cancel it
            refused: `shift-2` already takes `pool/web` out of a; extend or cancel it
            5 done; started shift-5 a pool/api until 30m
        "#]],
    );
}

#[test]
fn one_zone_of_a_region_at_a_time() {
    check(
        "shift a pool/web 30m
         shift b pool/web 30m
         shift b everything 30m
         shift b pool/api 30m
         shift d pool/web 30m",
        &expect![[r#"
            2 done; started shift-2 a pool/web until 30m
            refused: `shift-2` already takes a of the same region out of `pool/web`: one zone of a region at a time; cancel it first
            refused: `shift-2` already takes a of the same region out of `pool/web`: one zone of a region at a time; cancel it first
            5 done; started shift-5 b pool/api until 30m
            6 done; started shift-6 d pool/web until 30m
        "#]],
    );
}

#[test]
fn the_floor_counts_zones() {
    check(
        "shift a pool/web 30m
         shift d pool/web 30m
         pin b out pool/web 30m",
        &expect![[r#"
            2 done; started shift-2 a pool/web until 30m
            3 done; started shift-3 d pool/web until 30m
            refused: pool/web keeps at least 2 zones in service, this would leave 1 zone; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
        "#]],
    );
}

#[test]
fn the_floor_counts_capacity() {
    check(
        "shift c pool/api 30m
         cancel shift-2
         shift a pool/api 30m
         shift d pool/api 30m",
        &expect![[r#"
            2 done; started shift-2 c pool/api until 30m
            3 done; ended shift-2 c pool/api until 30m canceled at 0s Canceled
            4 done; started shift-4 a pool/api until 30m
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
        "#]],
    );
}

#[test]
fn everything_obeys_the_floor_of_every_pool() {
    check(
        "shift e pool/db 30m
         shift d everything 30m
         shift d pool/web 30m",
        &expect![[r#"
            2 done; started shift-2 e pool/db until 30m
            refused: `shift-2` already takes e of the same region out of `pool/db`: one zone of a region at a time; cancel it first
            4 done; started shift-4 d pool/web until 30m
        "#]],
    );
}

#[test]
fn records_obey_the_floor_of_their_pool() {
    check(
        "shift d record/db.example.test. 30m
         pin e out record/db.example.test. 30m
         pin e out pool/db 30m
         pin d in record/db.example.test. 30m
         pin e out pool/db 30m",
        &expect![[r#"
            2 done; started shift-2 d record/db.example.test. until 30m
            refused: pool/db for record/db.example.test. keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            refused: pool/db for record/db.example.test. keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            5 done; pinned d In record/db.example.test. until 30m
            6 done; pinned e Out pool/db until 30m
        "#]],
    );
}

#[test]
fn a_pin_in_counts_as_open() {
    check(
        "shift d pool/db 30m
         pin e out pool/db 30m
         pin d in pool/db 30m
         pin e out pool/db 30m",
        &expect![[r#"
            2 done; started shift-2 d pool/db until 30m
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            4 done; pinned d In pool/db until 30m
            5 done; pinned e Out pool/db until 30m
        "#]],
    );
}

#[test]
fn revisions_guard_a_shift() {
    check(
        "shift a everything 30m
         extend shift-2 1h if 1
         extend shift-2 1h if 2
         cancel shift-2 if 2
         cancel shift-2 if 4",
        &expect![[r#"
            2 done; started shift-2 a everything until 30m
            refused: the state moved on from revision 1 to 2; read it again and retry
            4 done; extended shift-2 a everything until 1h from 30m
            refused: the state moved on from revision 2 to 4; read it again and retry
            6 done; ended shift-2 a everything until 1h canceled at 0s Canceled
        "#]],
    );
}

#[test]
fn expire_ends_what_is_due() {
    check(
        "shift a pool/web 30m
         pin d in everything 20m
         at 19m
         expire
         at 30m
         shift a pool/web 30m
         extend shift-2 1m
         expire
         at 31m
         expire
         expire",
        &expect![[r#"
            2 done; started shift-2 a pool/web until 30m
            3 done; pinned d In everything until 20m
            at 19m
            4 done
            at 30m
            refused: `shift-2` already takes `pool/web` out of a; extend or cancel it
            6 done; extended shift-2 a pool/web until 31m from 30m
            7 done; unpinned d In everything until 20m Expired
            at 31m
            8 done; ended shift-2 a pool/web until 31m expired at 31m Expired
            9 done
        "#]],
    );
}

#[test]
fn stamps_never_run_backwards() {
    check(
        "at 10m
         shift a pool/web 30m
         at 5m
         shift d pool/web 30m
         expire",
        &expect![[r#"
            at 10m
            2 done; started shift-2 a pool/web until 40m
            at 5m
            3 done; started shift-3 d pool/web until 40m
            4 done
        "#]],
    );
}

#[test]
fn active_shifts_are_bounded() {
    let mut runner = Runner::with_estate();
    let (outcome, _) = runner.run(parse("shift a pool/web 30m"));
    let Outcome::Done { shift: Some(shift), .. } = outcome else { panic!("{outcome:?}") };
    for other in 0..State::SHIFTS_ACTIVE as u64 - 1 {
        let key = crate::state::ShiftKey(Revision(1_000_000 + other));
        runner.state.shifts.insert(key.clone(), Shift { id: key.id(), ..shift.clone() });
    }
    let (outcome, _) = runner.run(parse("shift e pool/db 30m"));
    assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what: Bounded::ActiveShifts, count: 200 }));
}

#[test]
fn the_oldest_ended_shifts_are_forgotten() {
    let mut runner = Runner::with_estate();
    runner.run(parse("shift a pool/web 30m"));
    for _ in 0..State::SHIFTS_KEPT {
        let (outcome, _) = runner.run(parse("shift e pool/db 30m"));
        let Outcome::Done { shift: Some(shift), .. } = outcome else { panic!("{outcome:?}") };
        runner.run(parse(&format!("cancel {}", shift.id)));
    }
    assert_eq!(runner.state.shifts.len(), State::SHIFTS_KEPT);
    assert!(runner.state.shift(&"shift-2".parse().unwrap()).is_some(), "active ones stay");
    expect!["refused: there is no shift `shift-3`; `holdfast shift list --all` shows active and ended ones"]
        .assert_eq(&runner.show("cancel shift-3"));
}

#[test]
fn the_end_of_time_is_no_problem() {
    let mut runner = Runner::with_estate();
    runner.now = Timestamp(u64::MAX);
    runner.run(parse("shift a pool/web 72h"));
    assert_eq!(runner.state.next_end(), Some(Timestamp(u64::MAX)));
    runner.run(parse("expire"));
    assert_eq!(runner.state.next_end(), None);
}

#[test]
fn a_pool_with_a_spare_may_leave_its_only_weighted_zone() {
    let spare = bundle(&[("zone = \"e\" },\n]", "zone = \"e\", weight = 0 },\n]")]);
    let mut runner = Runner::empty();
    runner.run(Command::ApplyEstate { bundle: spare, if_match: None });
    let mut shown = String::new();
    for line in ["shift d pool/db 30m", "pin e out pool/db 30m"] {
        shown += &(runner.show(line) + "\n");
    }
    expect![[r#"
        2 done; started shift-2 d pool/db until 30m
        refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
    "#]]
    .assert_eq(&shown);
}
