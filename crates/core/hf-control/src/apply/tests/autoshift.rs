//! Autoshifts begin, last and give way; every refusal by example.

use super::*;

#[test]
fn one_needs_a_setting_and_a_zone_of_its_resource() {
    check(
        "auto pool/web a 10m
         configure pool/web
         auto pool/web a 10m
         autoshift pool/web advise
         auto pool/web a 10m
         autoshift pool/web on
         auto pool/web x 10m
         auto pool/web a 30s
         auto pool/web a 10m",
        &expect![[r#"
            refused: autoshift of `pool/web` is not enabled; `holdfast autoshift on pool/web` enables it
            3 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            refused: autoshift of `pool/web` is not enabled; `holdfast autoshift on pool/web` enables it
            5 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [advise-only autoshift, 1 outcome and 0 blocking alarms]
            refused: autoshift of `pool/web` is not enabled; `holdfast autoshift on pool/web` enables it
            7 done; pool/web: [advise-only autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            refused: there is no zone `x`; the estate has a, b, c, d, e
            refused: a shift or pin lasts 1m to 72h, this one 30s; change `--for`
            10 done; started autoshift-10 a pool/web until 10m
        "#]],
    );
}

#[test]
fn never_two() {
    check(
        "configure pool/web
         configure pool/api
         configure region/west
         autoshift pool/web on
         autoshift pool/api on
         autoshift region/west on
         auto pool/web a 10m
         auto pool/web a 10m
         auto pool/web b 10m
         auto pool/api b 10m
         auto region/west b 10m
         auto pool/api a 10m
         practice pool/web b",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; pool/api: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            4 done; region/west: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            5 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            6 done; pool/api: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            7 done; region/west: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            8 done; started autoshift-8 a pool/web until 10m
            refused: autoshift `shift-8` takes `pool/web` out of a; wait until it has ended, or cancel it
            refused: autoshift `shift-8` takes `pool/web` out of a; wait until it has ended, or cancel it
            refused: autoshift `shift-8` takes `pool/web` out of a; wait until it has ended, or cancel it
            refused: autoshift `shift-8` takes `pool/web` out of a; wait until it has ended, or cancel it
            13 done; started autoshift-13 a pool/api until 10m
            refused: autoshift `shift-8` takes `pool/web` out of a; wait until it has ended, or cancel it
        "#]],
    );
}

#[test]
fn people_come_first() {
    check(
        "configure region/west
         autoshift region/west on
         shift a pool/web 30m
         auto region/west a 10m
         auto region/west b 10m
         cancel shift-4
         pin b out pool/web 30m
         auto region/west a 10m
         unpin b pool/web
         auto region/west a 10m
         shift a everything 1h
         shift b pool/web 1h
         extend shift-11 1h",
        &expect![[r#"
            2 done; region/west: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; region/west: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            4 done; started shift-4 a pool/web until 30m
            refused: `shift-4` already takes `pool/web` out of a; extend or cancel it
            refused: `shift-4` already takes a of the same region out of `pool/web`: one zone of a region at a time; cancel it first
            7 done; ended shift-4 a pool/web until 30m canceled at 0s Canceled
            8 done; pinned b Out pool/web until 30m
            refused: the pin by ann decides on b, and an autoshift adds nothing to that; end it first
            10 done; unpinned b Out pool/web until 30m Canceled
            11 done; started autoshift-11 a everything until 10m
            12 done; started shift-12 a everything until 1h
            refused: `shift-12` already takes a of the same region out of `everything`: one zone of a region at a time; cancel it first
            refused: shift-11: an autoshift is renewed while its evidence lasts; to stay away from the zone, start a shift
        "#]],
    );
}

#[test]
fn a_cancel_is_respected_for_half_an_hour() {
    check(
        "configure pool/web
         autoshift pool/web on
         auto pool/web a 10m
         cancel shift-4
         at 29m
         auto pool/web a 10m
         auto pool/web b 10m
         end shift-7
         at 30m
         auto pool/web a 10m",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            4 done; started autoshift-4 a pool/web until 10m
            5 done; ended autoshift-4 a pool/web until 10m canceled at 0s Canceled
            at 29m
            refused: an operator has canceled the last autoshift of `pool/web` out of a; none begins for 1m more
            7 done; started autoshift-7 b pool/web until 39m
            8 done; ended autoshift-7 b pool/web until 39m completed at 29m Completed
            at 30m
            9 done; started autoshift-9 a pool/web until 40m
        "#]],
    );
}

#[test]
fn it_is_renewed_and_never_made_shorter_and_ends_by_its_length_or_by_word() {
    check(
        "configure pool/web
         autoshift pool/web on
         auto pool/web a 10m
         at 5m
         renew shift-4 10m
         renew shift-4 1m
         at 15m
         expire
         auto pool/web a 10m
         end shift-8
         end shift-8
         renew shift-8 10m
         shift a pool/web 1h
         end shift-12",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            4 done; started autoshift-4 a pool/web until 10m
            at 5m
            5 done; extended autoshift-4 a pool/web until 15m from 10m
            6 done; extended autoshift-4 a pool/web until 15m from 15m
            at 15m
            7 done; ended autoshift-4 a pool/web until 15m expired at 15m Expired
            8 done; started autoshift-8 a pool/web until 25m
            9 done; ended autoshift-8 a pool/web until 25m completed at 15m Completed
            refused: shift `shift-8` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one
            refused: shift `shift-8` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one
            12 done; started shift-12 a pool/web until 1h15m
            refused: shift-12: it is no autoshift; extend or cancel it as the shift that it is
        "#]],
    );
}

#[test]
fn practice_runs_give_way_to_it() {
    check(
        "configure pool/web
         autoshift pool/web on
         practice pool/web b
         auto pool/web a 10m",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            4 done; started practice shift-4 b pool/web until 30m
            5 done; ended practice shift-4 b pool/web until 30m interrupted at 0s Interrupted; started autoshift-5 a pool/web until 10m
        "#]],
    );
}

#[test]
fn a_practice_run_is_judged_once_and_remembered() {
    let mut runner = super::script::Runner::with_estate();
    let told: Vec<String> = [
        "configure pool/web",
        "practice pool/web a",
        "judge shift-3 pending",
        "judge shift-3 failed",
        "judge shift-3 succeeded",
        "seen shift-3 900",
        "seen shift-3 900",
        "practice pool/web a",
        "at 30m",
        "expire",
        "practice pool/web a",
        "cancel shift-11",
        "seen shift-99 1",
    ]
    .iter()
    .map(|line| runner.show(line))
    .collect();
    expect![[r#"
        2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
        3 done; started practice shift-3 a pool/web until 30m
        refused: shift-3: it is no practice run, or is not judged yet; name a run and how it went
        5 done; pool/web: [practice run shift-3 pending] is now [practice run shift-3 failed: test: time to zero 812 ms]; ended practice shift-3 a pool/web until 30m completed at 0s Completed
        refused: shift `shift-3` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one
        7 done; pool/web: [practice run shift-3 failed: test: time to zero 812 ms] is now [practice run shift-3 failed: test: time to zero 900 ms, headroom 25.0% after]
        8 done
        9 done; started practice shift-9 a pool/web until 30m
        at 30m
        10 done; ended practice shift-9 a pool/web until 30m expired at 30m Expired
        11 done; started practice shift-11 a pool/web until 1h
        12 done; ended practice shift-11 a pool/web until 1h canceled at 30m Canceled
        refused: there is no shift `shift-99`; `holdfast shift list --all` shows active and ended ones
    "#]].assert_eq(&(told.join("\n") + "\n"));
    let outcomes: Vec<&str> =
        runner.state.practice_history.iter().map(|record| record.outcome.as_str()).collect();
    assert_eq!(outcomes, ["failed", "succeeded", "interrupted"]);
}

#[test]
fn the_newest_ten_runs_of_a_resource_are_remembered() {
    let mut runner = super::script::Runner::with_estate();
    runner.show("configure pool/web");
    for _ in 0..25 {
        let told = runner.show("practice pool/web a");
        assert!(told.contains("started"), "{told}");
        let id = format!("shift-{}", runner.state.revision);
        assert!(runner.show(&format!("cancel {id}")).contains("canceled"));
    }
    assert_eq!(runner.state.practice_history.len(), State::PRACTICE_RECORDS_OF_ONE);
    assert!(runner.state.practice_history.iter().all(|record| record.ended_at.is_some()));
}

/// Any of what tellers and operators may ask, of two pools and a region that share zones.
fn asked() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let resource = || prop::sample::select(vec!["pool/web", "pool/api", "region/west"]);
    let scope = prop::sample::select(vec!["pool/web", "pool/api", "everything"]);
    let id = || 8u64..40;
    prop_oneof![
        6 => (resource(), "[abcd]").prop_map(|(resource, zone)| format!("auto {resource} {zone} 10m")),
        2 => ("[abcd]", scope).prop_map(|(zone, scope)| format!("shift {zone} {scope} 20m")),
        1 => (resource(), "[abc]").prop_map(|(resource, zone)| format!("practice {resource} {zone}")),
        2 => id().prop_map(|id| format!("cancel shift-{id}")),
        1 => id().prop_map(|id| format!("end shift-{id}")),
        1 => id().prop_map(|id| format!("renew shift-{id} 10m")),
        1 => "[abc]".prop_map(|zone| format!("pin {zone} out pool/web 20m")),
        1 => Just("expire".to_owned()),
    ]
}

proptest::proptest! {
    /// Whoever asks, and however often: never two zones of a region by autoshifts, never two of one resource, and all that autoshifts and
    /// people take together leaves what the floor keeps unless people alone took it.
    #[test]
    fn two_tellers_never_make_two(lines in proptest::collection::vec((asked(), 0u64..15), 1..40)) {
        let mut runner = super::script::Runner::with_estate();
        for line in ["configure pool/web", "configure pool/api", "configure region/west",
            "autoshift pool/web on", "autoshift pool/api on", "autoshift region/west on"] {
            runner.show(line);
        }
        let mut minutes = 0;
        for (line, later) in lines {
            minutes += later;
            runner.show(&format!("at {minutes}m"));
            let told = runner.show(&line);
            let active: Vec<crate::Shift> = runner.state.active_shifts()
                .filter(|shift| shift.kind == crate::ShiftKind::Autoshift).cloned().collect();
            let west: std::collections::BTreeSet<&str> = active.iter()
                .map(|shift| shift.zone.as_str()).filter(|zone| "abc".contains(zone)).collect();
            proptest::prop_assert!(west.len() <= 1, "{line}: {told}: {west:?}");
            for (at, one) in active.iter().enumerate() {
                let again = active[at + 1..].iter().any(|other| other.scope == one.scope && other.zone == one.zone);
                proptest::prop_assert!(!again, "{line}: {told}");
            }
            // `web` keeps two of its four zones: what an autoshift was granted beside people's acts never took a third.
            if !line.starts_with("auto pool/api") && told.contains("started auto") {
                let mut away: std::collections::BTreeSet<&str> = runner.state.active_shifts()
                    .filter(|shift| shift.scope.overlaps(&"pool/web".parse().unwrap()))
                    .map(|shift| shift.zone.as_str()).filter(|zone| "abcd".contains(zone)).collect();
                away.extend(runner.state.pins.iter().map(|pin| pin.zone.as_str()));
                proptest::prop_assert!(away.len() <= 2, "{line}: {told}: {away:?}");
            }
        }
    }
}

#[test]
fn one_of_a_tree_leaves_a_zone_of_the_pools_behind_it() {
    check_trees(
        "configure record/all.example.test
         configure record/top.example.test
         autoshift record/all.example.test on
         autoshift record/top.example.test on
         auto record/all.example.test a 10m
         cancel shift-6
         auto record/top.example.test e 10m",
        &expect![[r#"
            2 done; record/all.example.test.: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; record/top.example.test.: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            4 done; record/all.example.test.: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            5 done; record/top.example.test.: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            6 done; started autoshift-6 a record/all.example.test. until 10m
            7 done; ended autoshift-6 a record/all.example.test. until 10m canceled at 0s Canceled
            8 done; started autoshift-8 e record/top.example.test. until 10m
        "#]],
    );
}
