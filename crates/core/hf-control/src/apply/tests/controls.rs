//! Routing controls turn in batches; every rule and refusal by example.

use hf_model::{PoolName, Switch};

use super::script::{Runner, parse};
use super::*;
use crate::ControlSet;
use crate::command::Bounded;

#[test]
fn controls_turn() {
    check_controls(
        "turn api off
         turn cells/api on
         at 10s
         turn zones/d off, regions/east on
         turn d on",
        &expect![[r#"
            2 done; cells/api was on, is off
            3 done; cells/api was off, is on
            at 10s
            4 done; zones/d was on, is off
            5 done; zones/d was off, is on
        "#]],
    );
}

#[test]
fn what_is_meant_must_be_clear() {
    let mut runner = Runner::with_controls();
    let mut shown = String::new();
    for line in [
        "turn nothing off",
        "turn cells/a off",
        "turn #00000000000000ff off",
        "turn a off, zones/a off",
        "turn a off, a on",
        "turn a off without nothing",
        "turn a off without cells/calm",
        "turn a off despite nothing",
    ] {
        shown += &(runner.show(line) + "\n");
    }
    expect![[r#"
        refused: there is no routing control `nothing`; `holdfast control list` shows what there is
        refused: there is no routing control `cells/a`; `holdfast control list` shows what there is
        refused: there is no routing control `#00000000000000ff`; `holdfast control list` shows what there is
        refused: `zones/a` is in the batch twice; name each routing control once
        refused: `zones/a` is in the batch twice; name each routing control once
        refused: there is no safety rule `nothing`; `holdfast control list` shows what there is
        refused: there is no safety rule `cells/calm`; `holdfast control list` shows what there is
        refused: there is no pool `nothing`, so its floor cannot be overridden; `holdfast status` lists the pools
    "#]].assert_eq(&shown);
}

#[test]
fn batches_have_bounds() {
    let mut runner = Runner::with_controls();
    let Command::SetControls { sets, .. } = parse("turn api off") else { unreachable!() };
    let batch = |sets: Vec<ControlSet>, pools: usize| Command::SetControls {
        sets,
        rule_overrides: Vec::new(),
        floor_overrides: vec![PoolName::new("web").unwrap(); pools],
        reason: String::new(),
    };
    let (outcome, _) = runner.run(batch(Vec::new(), 0));
    assert_eq!(outcome, Outcome::Refused(Refusal::BatchSize { count: 0 }));
    let (outcome, _) = runner.run(batch(vec![sets[0].clone(); 10_001], 0));
    assert_eq!(outcome, Outcome::Refused(Refusal::BatchSize { count: 10_001 }));
    let (outcome, _) = runner.run(batch(sets.clone(), 101));
    assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what: Bounded::Overrides, count: 100 }));
    let (outcome, _) = runner.run(batch(sets, 100));
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let [control] =
        &runner.state.board.controls.values().filter(|it| it.name.as_str() == "api").collect::<Vec<_>>()[..]
    else {
        panic!("one control is called api")
    };
    assert_eq!((control.to, control.floor_overrides.len()), (Switch::Off, 1));
}

#[test]
fn an_assertion_is_judged_on_the_state_after() {
    check_controls(
        "turn east off
         turn west off
         turn west off, east on
         turn east off, west on
         turn east off, west off",
        &expect![[r#"
            2 done; regions/east was on, is off
            refused: safety rule `regions/keep-one` wants at least 1 of its 2 routing controls on, this change leaves 0; turn others with it in the same batch, or override the rule by its name
            refused: pool/web keeps at least 2 zones in service, this would leave 1 zone; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            5 done
            refused: safety rule `regions/keep-one` wants at least 1 of its 2 routing controls on, this change leaves 0; turn others with it in the same batch, or override the rule by its name
        "#]],
    );
}

#[test]
fn a_gate_is_judged_on_the_state_before() {
    check_controls(
        "turn x off, y on
         turn gate on, x off, y on
         turn gate on
         turn x off, y on, gate off
         turn x on",
        &expect![[r#"
            refused: safety rule `cells/gate` is a closed gate: it wants all of its 1 gating controls on, 0 are; open the gate first, in a change of its own, or override the rule by its name
            refused: safety rule `cells/gate` is a closed gate: it wants all of its 1 gating controls on, 0 are; open the gate first, in a change of its own, or override the rule by its name
            4 done; cells/gate was off, is on
            5 done; cells/x was on, is off; cells/y was off, is on; cells/gate was on, is off
            refused: safety rule `cells/gate` is a closed gate: it wants all of its 1 gating controls on, 0 are; open the gate first, in a change of its own, or override the rule by its name
        "#]],
    );
}

#[test]
fn a_rule_may_be_inverted() {
    check_controls(
        "turn gate on
         turn y on
         turn x off
         turn x off, y on
         turn y off
         turn x on
         turn x on, y off",
        &expect![[r#"
            2 done; cells/gate was off, is on
            refused: safety rule `cells/not-both` wants not all of its 2 routing controls on, this change leaves 2; turn others with it in the same batch, or override the rule by its name
            refused: safety rule `cells/one-of` wants at least 1 of its 2 routing controls on, this change leaves 0; turn others with it in the same batch, or override the rule by its name
            5 done; cells/x was on, is off; cells/y was off, is on
            refused: safety rule `cells/one-of` wants at least 1 of its 2 routing controls on, this change leaves 0; turn others with it in the same batch, or override the rule by its name
            refused: safety rule `cells/not-both` wants not all of its 2 routing controls on, this change leaves 2; turn others with it in the same batch, or override the rule by its name
            8 done; cells/x was off, is on; cells/y was on, is off
        "#]],
    );
}

#[test]
fn the_present_state_is_done_already() {
    check_controls(
        "turn x on, y off
         turn a on
         turn a off
         at 4s
         turn a off
         turn a off, api off
         at 5s
         turn a on",
        &expect![[r#"
            2 done
            3 done
            4 done; zones/a was on, is off
            at 4s
            5 done
            6 done; cells/api was on, is off
            at 5s
            7 done; zones/a was off, is on
        "#]],
    );
}

#[test]
fn a_rule_waits_after_a_change() {
    check_controls(
        "turn a off
         turn b off
         turn d off
         at 4s999ms
         turn a on
         turn a on without calm
         at 9s
         turn a off
         at 10s
         turn a off",
        &expect![[r#"
            2 done; zones/a was on, is off
            refused: safety rule `zones/calm` waits 5s more after the last change of its routing controls; try again then, or override the rule by its name
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            at 4s999ms
            refused: safety rule `zones/calm` waits 1ms more after the last change of its routing controls; try again then, or override the rule by its name
            6 done; zones/a was off, is on; not asked: zones/calm
            at 9s
            refused: safety rule `zones/calm` waits 999ms more after the last change of its routing controls; try again then, or override the rule by its name
            at 10s
            8 done; zones/a was on, is off
        "#]],
    );
}

#[test]
fn rules_are_overridden_by_name() {
    check_controls(
        "turn west off
         turn east off despite db without keep-one
         turn x off, y on without cells/gate
         turn west on without keep-one",
        &expect![[r#"
            refused: pool/web keeps at least 2 zones in service, this would leave 1 zone; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            3 done; regions/east was on, is off; floors not asked: db
            4 done; cells/x was on, is off; cells/y was off, is on; not asked: cells/gate
            5 done
        "#]],
    );
}

#[test]
fn the_floor_is_one_for_all_sources() {
    check_controls(
        "turn a off
         shift b pool/web 30m
         at 5s
         shift d pool/web 30m
         turn c off
         turn c off despite web api
         at 10s
         turn c on, b off
         turn c on
         at 20s
         turn c off despite nobody",
        &expect![[r#"
            2 done; zones/a was on, is off
            3 done; started shift-3 b pool/web until 30m
            at 5s
            refused: pool/web keeps at least 2 zones in service, this would leave 1 zone; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            refused: pool/web keeps at least 2 zones in service, this would leave 1 zone; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            6 done; zones/c was on, is off; floors not asked: api web
            at 10s
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 20.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            8 done; zones/c was off, is on
            at 20s
            refused: there is no pool `nobody`, so its floor cannot be overridden; `holdfast status` lists the pools
        "#]],
    );
}

#[test]
fn a_batch_closes_its_zones_together() {
    check_controls(
        "turn d off, e off
         turn d off
         turn e off
         turn d on, e off",
        &expect![[r#"
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            3 done; zones/d was on, is off
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            5 done; zones/d was off, is on; zones/e was on, is off
        "#]],
    );
}

#[test]
fn a_region_leaves_but_for_what_lives_there_alone() {
    check_controls(
        "turn east off
         shift d pool/db 30m
         shift b everything 30m
         turn east on
         pin d out pool/db 30m",
        &expect![[r#"
            2 done; regions/east was on, is off
            refused: pool/db keeps at least 1 zone in service, this would leave 0 zones; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            refused: pool/api keeps at least 50.0% of its capacity in service, this would leave 40.0%; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name
            5 done; regions/east was off, is on
            6 done; pinned d Out pool/db until 30m
        "#]],
    );
}

#[test]
fn an_override_of_a_floor_stays_with_the_act() {
    check_controls(
        "shift d pool/db 30m
         shift e pool/db 30m
         pin e out pool/db 30m despite db
         unpin e pool/db
         turn e off despite db web
         pin d out pool/db 30m
         shift a pool/web 30m despite nobody
         shift a pool/web 30m despite web db web",
        &expect![[r#"
            2 done; started shift-2 d pool/db until 30m
            refused: `shift-2` already takes d of the same region out of `pool/db`: one zone of a region at a time; cancel it first
            4 done; pinned e Out pool/db until 30m; floors not asked: db
            5 done; unpinned e Out pool/db until 30m Canceled
            6 done; zones/e was on, is off; floors not asked: db web
            7 done; pinned d Out pool/db until 30m
            refused: there is no pool `nobody`, so its floor cannot be overridden; `holdfast status` lists the pools
            9 done; started shift-9 a pool/web until 30m; floors not asked: db web
        "#]],
    );
}

#[test]
fn what_controls_took_away_returns_bit_by_bit() {
    let mut runner = Runner::with_controls();
    let mut returned = Vec::new();
    for line in [
        "turn east off",
        "turn d off",
        "turn east on",
        "at 5s",
        "turn d on",
        "turn a off",
        "at 10s",
        "turn a on",
    ] {
        let shown = runner.show(line);
        let zones: Vec<String> = runner.state.returns.drain(..).map(|it| it.zone.to_string()).collect();
        returned.push(format!("{shown} -> [{}]", zones.join(" ")));
    }
    expect![[r#"
        2 done; regions/east was on, is off -> []
        3 done; zones/d was on, is off -> []
        4 done; regions/east was off, is on -> [e]
        at 5s -> []
        5 done; zones/d was off, is on -> [d]
        6 done; zones/a was on, is off -> []
        at 10s -> []
        7 done; zones/a was off, is on -> [a]"#]]
    .assert_eq(&returned.join("\n"));
}

#[test]
fn names_of_several_panels_are_not_guessed() {
    let mut runner = Runner::with_controls();
    let cluster = runner.state.board.built_in_cluster(runner.state.estate_id);
    let name = |text: &str| text.parse().unwrap();
    runner.run(Command::Board(crate::BoardCommand::CreateControl {
        cluster,
        panel: None,
        name: name("west"),
    }));
    runner.run(Command::Board(crate::BoardCommand::CreateCluster {
        name: name("other"),
        network: crate::NetworkType::Ipv4,
        tags: crate::Tags::new(),
    }));
    let other = runner.state.board.clusters.values().find(|it| it.name.as_str() == "other").unwrap().id;
    for control in ["west", "only"] {
        let name = name(control);
        runner.run(Command::Board(crate::BoardCommand::CreateControl { cluster: other, panel: None, name }));
    }
    let mut shown = String::new();
    for line in ["turn west on", "turn default/west on", "turn only on", "turn default/only off"] {
        shown += &(runner.show(line) + "\n");
    }
    expect![[r#"
        refused: several control panels have `west`: default (#478cf48528ab82e0), default (#49a71d12f8448dc6), regions (#b44da9ccc4c8af94); write PANEL/west or #NUMBER
        7 done; default/west was off, is on
        8 done; default/only was off, is on
        9 done; default/only was on, is off
    "#]].assert_eq(&shown);
}
