//! Break-glass acts are written down with what became of them.

use hf_model::EstateId;

use super::script::{Runner, glass, show};
use super::*;

#[test]
fn an_act_becomes_a_shift() {
    check(
        "at 20m
         glass west-a 10m 1h
         glass west-a 10m 1h
         extend shift-2 2h
         cancel shift-2
         glass west-a 10m 1h",
        &expect![[r#"
            at 20m
            2 done; started break-glass shift-2 a everything until 1h10m; break-glass goes on as shift-2
            2 done
            4 done; extended break-glass shift-2 a everything until 2h20m from 1h10m
            5 done; ended break-glass shift-2 a everything until 2h20m canceled at 20m Canceled
            2 done
        "#]],
    );
}

#[test]
fn an_act_that_is_over_changes_nothing() {
    check(
        "at 2h
         glass a 10m 1h
         glass d 2h 0s
         glass x 1h 0s",
        &expect![[r#"
            at 2h
            2 done; break-glass has ended, with it []
            3 done; break-glass has ended, with it []
            4 done; break-glass has ended, with it []
        "#]],
    );
}

#[test]
fn a_cancel_ends_what_began_before() {
    check(
        "shift a everything 3h
         shift b pool/db 3h
         pin a out everything 3h
         pin a in pool/web 3h
         at 10m
         glass a 10m 0s
         shift a everything 3h
         glass a 9m 0s
         glass a 10m1ms 0s",
        &expect![[r#"
            2 done; started shift-2 a everything until 3h
            refused: `shift-2` already takes a of the same region out of `everything`: one zone of a region at a time; cancel it first
            4 done; pinned a Out everything until 3h
            5 done; pinned a In pool/web until 3h
            at 10m
            6 done; ended shift-2 a everything until 3h canceled at 10m Canceled; unpinned a Out everything until 3h Canceled; break-glass has ended, with it [shift-2]
            7 done; started shift-7 a everything until 3h10m
            8 done; break-glass has ended, with it []
            9 done; ended shift-7 a everything until 3h10m canceled at 10m Canceled; break-glass has ended, with it [shift-7]
        "#]],
    );
}

#[test]
fn the_newest_act_of_a_zone_counts() {
    check(
        "at 20m
         glass a 10m 0s
         glass west-a 5m 1h
         glass a 11m 1h
         glass a 12m 30m
         glass a 13m 2h
         glass a 10m30s 0s",
        &expect![[r#"
            at 20m
            2 done; break-glass has ended, with it []
            3 done; break-glass has ended, with it []
            4 done; started break-glass shift-4 a everything until 1h11m; break-glass goes on as shift-4
            5 done; break-glass goes on as shift-4
            6 done; extended break-glass shift-4 a everything until 2h13m from 1h11m; break-glass goes on as shift-4
            7 done; break-glass has ended, with it []
        "#]],
    );
}

#[test]
fn a_shift_of_the_whole_zone_takes_it_up() {
    check(
        "shift a everything 30m
         glass a 10m 1h
         glass a 11m 1m
         at 71m
         expire",
        &expect![[r#"
            2 done; started shift-2 a everything until 30m
            3 done; extended shift-2 a everything until 1h10m from 30m; break-glass goes on as shift-2
            4 done; break-glass goes on as shift-2
            at 71m
            5 done; ended shift-2 a everything until 1h10m expired at 1h11m Expired
        "#]],
    );
}

#[test]
fn what_does_not_fit_conflicts() {
    check(
        "shift b pool/web 3h
         glass a 0s 1h
         cancel shift-2
         pin a in everything 3h
         glass a 1s 1h
         unpin a everything
         pin a in pool/web 3h
         glass a 2s 1h
         shift d everything 3h
         glass e 3s 1h
         glass x 4s 1h",
        &expect![[r#"
            2 done; started shift-2 b pool/web until 3h
            3 done; break-glass conflicts: `shift-2` already takes b of the same region out of `pool/web`: one zone of a region at a time; cancel it first
            4 done; ended shift-2 b pool/web until 3h canceled at 0s Canceled
            5 done; pinned a In everything until 3h
            6 done; break-glass conflicts: a is pinned in for everything by ann
            7 done; unpinned a In everything until 3h Canceled
            8 done; pinned a In pool/web until 3h
            9 done; started break-glass shift-9 a everything until 1h2s; break-glass goes on as shift-9
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            11 done; started break-glass shift-11 e everything until 1h3s; break-glass goes on as shift-11
            12 done; break-glass conflicts: the estate has no zone x
        "#]],
    );
}

#[test]
fn the_floor_is_asked() {
    check(
        "pin e out pool/db 3h
         glass d 0s 1h",
        &expect![[r#"
            2 done; pinned e Out pool/db until 3h
            3 done; break-glass conflicts: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
        "#]],
    );
}

#[test]
fn practice_runs_give_way() {
    check(
        "configure region/west
         practice region/west b
         glass a 0s 1h",
        &expect![[r#"
            2 done; region/west: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; started practice shift-3 b everything until 30m
            4 done; ended practice shift-3 b everything until 30m interrupted at 0s Interrupted; started break-glass shift-4 a everything until 1h; break-glass goes on as shift-4
        "#]],
    );
}

#[test]
fn what_is_not_for_us_or_out_of_range_is_refused() {
    let mut runner = Runner::with_estate();
    let ours = runner.state.estate_id;
    let mut shown = String::new();
    for act in [
        glass("a 0s 1h", EstateId([7; 16])),
        glass("a 0s 73h", ours),
        crate::BreakGlassShift { reason: "x".repeat(501), ..glass("a 0s 1h", ours) },
        crate::BreakGlassShift { reason: String::new(), ..glass("a 0s 1h", ours) },
    ] {
        let (outcome, events) = runner.run(Command::RecordBreakGlass { act });
        shown += &(show(&outcome, &events) + "\n");
    }
    expect![[r#"
        refused: the break-glass act is for estate 07070707070707070707070707070707, this one is ffabe5d4beed8ca73e24c9722c7fbbec; sign it for this one
        refused: a shift or pin lasts 1m to 72h, this one 3d1h; change `--for`
        refused: a reason has 1 to 500 characters, this one has 501; say why in `--reason`
        refused: a reason has 1 to 500 characters, this one has 0; say why in `--reason`
    "#]].assert_eq(&shown);
    assert!(runner.state.break_glass.is_empty());
}

#[test]
fn a_clock_that_is_ahead_makes_no_longer_shift() {
    check(
        "glass a 10h 72h",
        &expect![[r#"
        2 done; started break-glass shift-2 a everything until 3d; break-glass goes on as shift-2
    "#]],
    );
}

#[test]
fn the_record_is_bounded_and_keeps_what_still_counts() {
    let mut runner = Runner::with_estate();
    runner.show("shift b pool/web 72h");
    let live = runner.show("glass a 1s 72h");
    assert!(live.contains("conflicts"), "{live}");
    for number in 0..State::BREAK_GLASS {
        runner.show(&format!("glass d {}s 0s", number + 1));
        runner.now = runner.now.plus(std::time::Duration::from_secs(1));
    }
    assert_eq!(runner.state.break_glass.len(), State::BREAK_GLASS);
    assert_eq!(runner.state.break_glass[0].act.zone.as_str(), "a");
}
