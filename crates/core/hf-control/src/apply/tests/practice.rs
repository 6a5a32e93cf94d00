//! Practice runs begin, end and give way; every refusal by example.

use hf_model::Timestamp;

use super::script::{Runner, parse, practice};
use super::*;
use crate::command::Expect as Expected;
use crate::practice::{Date, PracticeConfig, Window};

fn put(config: PracticeConfig, expect: Expected) -> Command {
    Command::PutPractice { resource: "pool/web".parse().unwrap(), config, expect }
}

#[test]
fn a_run_lasts_half_an_hour() {
    check(
        "configure region/west
         practice region/west west-a
         extend shift-3 1h
         at 29m
         expire
         at 30m
         expire
         practice region/west b
         cancel shift-8
         practice region/west b",
        &expect![[r#"
            2 done; region/west: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; started practice shift-3 a everything until 30m
            refused: shift-3: a practice run lasts 30m and is not extended; to stay away from the zone, start a shift
            at 29m
            5 done
            at 30m
            6 done; ended practice shift-3 a everything until 30m expired at 30m Expired
            7 done; started practice shift-7 b everything until 1h
            refused: there is no shift `shift-8`; `holdfast shift list --all` shows active and ended ones
            refused: `shift-7` already takes `everything` out of b; extend or cancel it
        "#]],
    );
}

#[test]
fn a_run_needs_a_resource_a_configuration_and_a_zone_of_it() {
    check(
        "practice pool/db d
         configure pool/x
         configure region/north
         configure record/x.example.test
         configure pool/db
         practice pool/db a
         practice pool/db x
         practice pool/db d
         configure record/db.example.test
         unconfigure pool/api
         unconfigure pool/db",
        &expect![[r#"
            refused: `pool/db` has no practice configuration; create one first
            refused: there is no `pool/x` in the estate; `holdfast status` lists what there is
            refused: there is no `region/north` in the estate; `holdfast status` lists what there is
            refused: there is no `record/x.example.test.` in the estate; `holdfast status` lists what there is
            6 done; pool/db: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            refused: `pool/db` is not in a; it has d, e
            refused: there is no zone `x`; the estate has a, b, c, d, e
            9 done; started practice shift-9 d pool/db until 30m
            10 done; record/db.example.test.: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            refused: `pool/api` has no practice configuration; create one first
            12 done; pool/db: [disable autoshift, 1 outcome and 0 blocking alarms] is now [nothing]
        "#]],
    );
}

#[test]
fn a_run_begins_only_while_nothing_is_taken_away() {
    check_controls(
        "configure pool/web
         shift b pool/api 30m
         shift d pool/web 30m
         practice pool/web a
         practice pool/web d
         cancel shift-4
         shift e pool/web 30m
         practice pool/web d
         cancel shift-8
         pin c out everything 30m
         practice pool/web a
         unpin c everything
         turn d off
         practice pool/web a
         turn d on
         practice pool/web a
         practice pool/web a
         practice pool/web b",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; started shift-3 b pool/api until 30m
            4 done; started shift-4 d pool/web until 30m
            refused: `shift-4` already takes `pool/web` out of d; extend or cancel it
            refused: `shift-4` already takes `pool/web` out of d; extend or cancel it
            7 done; ended shift-4 d pool/web until 30m canceled at 0s Canceled
            8 done; started shift-8 e pool/web until 30m
            refused: `shift-8` already takes e of the same region out of `pool/web`: one zone of a region at a time; cancel it first
            10 done; ended shift-8 e pool/web until 30m canceled at 0s Canceled
            11 done; pinned c Out everything until 30m
            refused: no practice run of `pool/web` now: a pin or a routing control takes one of its zones away; try at another time or change its practice configuration
            13 done; unpinned c Out everything until 30m Canceled
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            15 done; started practice shift-15 a pool/web until 30m
            16 done
            refused: `shift-15` already takes `pool/web` out of a; extend or cancel it
            refused: `shift-15` already takes `pool/web` out of a; extend or cancel it
            refused: `shift-15` already takes a of the same region out of `pool/web`: one zone of a region at a time; cancel it first
        "#]],
    );
}

#[test]
fn a_run_obeys_the_floor() {
    check(
        "configure pool/db
         pin d out record/db.example.test 30m
         practice pool/db e
         practice pool/db d",
        &expect![[r#"
            2 done; pool/db: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; pinned d Out record/db.example.test. until 30m
            refused: pool/db for record/db.example.test. keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            5 done; started practice shift-5 d pool/db until 30m
        "#]],
    );
}

#[test]
fn a_run_gives_way_to_what_it_meets() {
    check_controls(
        "configure pool/web
         practice pool/web a
         shift b pool/api 30m
         shift c everything 30m
         cancel shift-5
         practice pool/web a
         pin a out pool/web 30m
         unpin a pool/web
         practice pool/web a
         shift d everything 30m
         cancel shift-11
         turn c off
         pin a in everything 30m",
        &expect![[r#"
            2 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; started practice shift-3 a pool/web until 30m
            4 done; started shift-4 b pool/api until 30m
            refused: `shift-4` already takes b of the same region out of `pool/api`: one zone of a region at a time; cancel it first
            refused: there is no shift `shift-5`; `holdfast shift list --all` shows active and ended ones
            refused: `shift-3` already takes `pool/web` out of a; extend or cancel it
            8 done; ended practice shift-3 a pool/web until 30m interrupted at 0s Interrupted; pinned a Out pool/web until 30m
            9 done; unpinned a Out pool/web until 30m Canceled
            10 done; started practice shift-10 a pool/web until 30m
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            refused: there is no shift `shift-11`; `holdfast shift list --all` shows active and ended ones
            13 done; ended practice shift-10 a pool/web until 30m interrupted at 0s Interrupted; zones/c was on, is off
            14 done; pinned a In everything until 30m
        "#]],
    );
}

#[test]
fn a_run_gives_way_where_it_leaves_too_little() {
    check_controls(
        "configure pool/db
         practice pool/db e
         shift d record/db.example.test 30m
         turn d off
         shift d pool/db 30m",
        &expect![[r#"
            2 done; pool/db: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; started practice shift-3 e pool/db until 30m
            4 done; ended practice shift-3 e pool/db until 30m interrupted at 0s Interrupted; started shift-4 d record/db.example.test. until 30m
            5 done; zones/d was on, is off
            6 done; started shift-6 d pool/db until 30m
        "#]],
    );
}

#[test]
fn autoshift_needs_a_configuration() {
    check(
        "autoshift pool/web on
         autoshift pool/web off
         configure pool/web
         autoshift pool/web on
         autoshift pool/web on
         unconfigure pool/web
         configure pool/web
         autoshift pool/web off
         unconfigure pool/web
         autoshift pool/x off",
        &expect![[r#"
            refused: `pool/web` has no practice configuration; create one first
            3 done
            4 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            5 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [enable autoshift, 1 outcome and 0 blocking alarms]
            6 done
            refused: autoshift is enabled for `pool/web`; disable it before its practice configuration is deleted
            8 done
            9 done; pool/web: [enable autoshift, 1 outcome and 0 blocking alarms] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            10 done; pool/web: [disable autoshift, 1 outcome and 0 blocking alarms] is now [nothing]
            refused: there is no `pool/x` in the estate; `holdfast status` lists what there is
        "#]],
    );
}

#[test]
fn a_configuration_is_made_once_and_then_changed() {
    let mut runner = Runner::with_estate();
    let mut outcomes = Vec::new();
    for expect in [Expected::Present, Expected::Absent, Expected::Absent, Expected::Present, Expected::Any] {
        let (outcome, _) = runner.run(put(practice(), expect));
        outcomes.push(super::script::show(&outcome, &[]));
    }
    expect![[r#"
        refused: `pool/web` has no practice configuration; create one first
        3 done
        refused: `pool/web` has a practice configuration already; update it
        5 done
        6 done"#]]
    .assert_eq(&outcomes.join("\n"));
}

#[test]
fn faults_of_a_configuration_are_told() {
    let window = Window::parse("Mon:09:00-Mon:10:00").unwrap();
    let good = practice;
    let shown: Vec<String> = [
        PracticeConfig { outcome_alarms: Vec::new(), ..good() },
        PracticeConfig { outcome_alarms: vec!["eight-ch".to_owned(); 11], ..good() },
        PracticeConfig { outcome_alarms: vec!["seven-c".to_owned()], ..good() },
        PracticeConfig { outcome_alarms: vec!["x".repeat(1025)], ..good() },
        PracticeConfig { outcome_alarms: vec!["eight-c\n".to_owned()], ..good() },
        PracticeConfig { blocking_alarms: vec!["seven-c".to_owned()], ..good() },
        PracticeConfig { blocked_windows: vec![window; 16], ..good() },
        PracticeConfig { allowed_windows: vec![window; 16], ..good() },
        PracticeConfig { blocked_windows: vec![window], allowed_windows: vec![window], ..good() },
        PracticeConfig { blocked_dates: vec![Date::parse("2026-12-24").unwrap(); 16], ..good() },
    ]
    .map(|config| {
        let (outcome, _) = Runner::with_estate().run(put(config, Expected::Any));
        let Outcome::Refused(Refusal::BadPractice { fault, .. }) = outcome else { panic!("{outcome:?}") };
        fault.to_string()
    })
    .to_vec();
    expect![[r#"
        give 1 to 10 outcome alarms of 8 to 1024 characters each
        give 1 to 10 outcome alarms of 8 to 1024 characters each
        give 1 to 10 outcome alarms of 8 to 1024 characters each
        give 1 to 10 outcome alarms of 8 to 1024 characters each
        give 1 to 10 outcome alarms of 8 to 1024 characters each
        give 0 to 10 blocking alarms of 8 to 1024 characters each
        give at most 15 blocked windows
        give at most 15 allowed windows
        give blocked windows or allowed windows, not both
        give at most 15 blocked dates"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn runs_keep_to_their_times() {
    // 2026-12-24 is a Thursday.
    let noon = Timestamp(1_798_070_400_000 + 12 * 3_600_000);
    let (thursday, friday) = ("Thu:11:00-Thu:13:00", "Fri:11:00-Fri:13:00");
    let windows = |text| vec![Window::parse(text).unwrap()];
    let shown: Vec<String> = [
        PracticeConfig { blocked_dates: vec![Date::parse("2026-12-24").unwrap()], ..practice() },
        PracticeConfig { blocked_windows: windows(thursday), ..practice() },
        PracticeConfig { allowed_windows: windows(friday), ..practice() },
        PracticeConfig { blocked_dates: vec![Date::parse("2026-12-25").unwrap()], ..practice() },
        PracticeConfig { blocked_windows: windows(friday), ..practice() },
        PracticeConfig { allowed_windows: windows(thursday), ..practice() },
    ]
    .map(|config| {
        let mut runner = Runner::with_estate();
        runner.now = noon;
        runner.run(put(config, Expected::Any));
        let (outcome, _) = runner.run(parse("practice pool/web a"));
        super::script::show(&outcome, &[])
    })
    .to_vec();
    expect![[r#"
        refused: no practice run of `pool/web` now: this day (UTC) is one of its blocked dates; try at another time or change its practice configuration
        refused: no practice run of `pool/web` now: this time (UTC) is in one of its blocked windows; try at another time or change its practice configuration
        refused: no practice run of `pool/web` now: this time (UTC) is in none of its allowed windows; try at another time or change its practice configuration
        3 done
        3 done
        3 done"#]].assert_eq(&shown.join("\n"));
}

#[test]
fn settings_go_with_what_they_are_for() {
    let mut runner = Runner::with_estate();
    runner.show("configure pool/db");
    runner.show("autoshift pool/db on");
    let bundle = super::script::bundle(&[("\"db\"", "\"sql\"")]);
    let (outcome, events) = runner.run(Command::ApplyEstate { bundle, if_match: None });
    expect!["4 done; estate applied, before Some(Digest(a38094bbf790)); pool/db: [enable autoshift, 1 outcome and 0 blocking alarms] is now [nothing]"].assert_eq(&super::script::show(&outcome, &events));
}

#[test]
fn the_observer_is_told_of_changes_only() {
    let mut runner = Runner::with_estate();
    let mut shown = Vec::new();
    for to in [crate::Autoshift::Disabled, crate::Autoshift::Enabled, crate::Autoshift::Enabled] {
        let (outcome, events) = runner.run(Command::SetObserver { to });
        shown.push(super::script::show(&outcome, &events));
    }
    expect![[r#"
        2 done
        3 done; the estate: [disable notification of autoshifts] is now [enable notification of autoshifts]
        4 done"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn what_did_not_begin_is_remembered_once_for_each_reason() {
    let mut runner = Runner::with_estate();
    let mut tell = |line: &str| runner.show(line);
    let shown: Vec<String> = [
        "held pool/web a alarm",
        "configure pool/web",
        "configure pool/api",
        "at 1m",
        "held pool/web west-a alarm",
        "held pool/api a alarm",
        "at 11m",
        "held pool/web a alarm",
        "held pool/web a window",
        "at 21m",
        "held pool/web a alarm",
        "held pool/web x alarm",
    ]
    .map(&mut tell)
    .to_vec();
    expect![[r#"
        refused: `pool/web` has no practice configuration; create one first
        3 done; pool/web: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
        4 done; pool/api: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
        at 1m
        5 done
        6 done
        at 11m
        7 done
        8 done
        at 21m
        9 done
        refused: there is no zone `x`; the estate has a, b, c, d, e"#]]
    .assert_eq(&shown.join("\n"));
    let known: Vec<String> = runner
        .state
        .practice_refusals
        .iter()
        .map(|of| {
            let (first, last) = (of.first_at.0 / 60_000, of.last_at.0 / 60_000);
            format!("{} {} {} x{} {first}m-{last}m", of.resource, of.zone, of.why, of.times)
        })
        .collect();
    expect![[r#"
        pool/api a alarm x1 1m-1m
        pool/web a alarm x2 1m-11m
        pool/web a window x1 11m-11m
        pool/web a alarm x1 21m-21m"#]]
    .assert_eq(&known.join("\n"));
    for number in 0..20 {
        runner.show(&format!("held pool/web a reason-{number}"));
    }
    let of = |name: &str| {
        runner.state.practice_refusals.iter().filter(|of| of.resource.to_string() == name).count()
    };
    assert_eq!((of("pool/web"), of("pool/api")), (State::PRACTICE_RECORDS_OF_ONE, 1));
    let bundle = super::script::bundle(&[("\"api\"", "\"sql\"")]);
    runner.run(Command::ApplyEstate { bundle, if_match: None });
    assert!(runner.state.practice_refusals.iter().all(|of| of.resource.to_string() == "pool/web"));
}

#[test]
fn a_run_of_a_tree_leaves_the_zones_of_the_pools_behind_it() {
    check_trees(
        "configure record/all.example.test
         configure record/top.example.test
         practice record/all.example.test b
         cancel shift-4
         practice record/top.example.test e",
        &expect![[r#"
            2 done; record/all.example.test.: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            3 done; record/top.example.test.: [nothing] is now [disable autoshift, 1 outcome and 0 blocking alarms]
            4 done; started practice shift-4 b record/all.example.test. until 30m
            5 done; ended practice shift-4 b record/all.example.test. until 30m canceled at 0s Canceled
            6 done; started practice shift-6 e record/top.example.test. until 30m
        "#]],
    );
}
