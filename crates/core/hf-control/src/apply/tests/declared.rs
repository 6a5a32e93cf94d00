//! What estates declare, beside what commands made.

use hf_model::{ControlName, Switch};

use super::script::{Runner, controlled, show};
use super::*;
use crate::{BoardCommand, Origin, RuleKind, Tags};

fn name(text: &str) -> ControlName {
    text.parse().unwrap()
}

/// Applies the controlled estate with edits.
fn apply(runner: &mut Runner, edits: &[(&str, &str)]) -> String {
    let (outcome, events) = runner.run(Command::ApplyEstate { bundle: controlled(edits), if_match: None });
    show(&outcome, &events).replace("; ", "\n")
}

fn board(runner: &mut Runner, command: BoardCommand) -> Outcome {
    let (outcome, _) = runner.run(Command::Board(command));
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    outcome
}

fn panel_id(runner: &Runner, panel: &str) -> hf_model::PanelId {
    runner.state.board.panels.values().find(|it| it.name.as_str() == panel).unwrap().id
}

fn control_id(runner: &Runner, control: &str) -> hf_model::ControlId {
    runner.state.board.controls.values().find(|it| it.name.as_str() == control).unwrap().id
}

const NO_X_AND_Y: &[(&str, &str)] = &[
    ("[[routing_control]]\nname = \"x\"\npanel = \"cells\"\n", ""),
    ("[[routing_control]]\nname = \"y\"\npanel = \"cells\"\ninitial = \"off\"\n", ""),
    (
        "[[safety_rule]]\nname = \"gate\"\npanel = \"cells\"\ngate = { all = true, of = [\"gate\"], targets = [\"x\", \"y\"] }\nwait_period = \"0s\"\n",
        "",
    ),
    (
        "[[safety_rule]]\nname = \"not-both\"\npanel = \"cells\"\nassert = { all = true, of = [\"x\", \"y\"], inverted = true }\nwait_period = \"0s\"\n",
        "",
    ),
    (
        "[[safety_rule]]\nname = \"one-of\"\npanel = \"cells\"\nassert = { at_least = 1, of = [\"x\", \"y\"] }\nwait_period = \"0s\"\n",
        "",
    ),
];

#[test]
fn a_declared_board_comes_and_changes() {
    let mut runner = Runner::empty();
    expect![[r#"
        1 done
        estate applied, before None
        [nothing] is now [control panel cells, declared in the estate]
        [nothing] is now [control panel regions, declared in the estate]
        [nothing] is now [control panel zones, declared in the estate]
        [nothing] is now [routing control cells/api, on, declared in the estate]
        [nothing] is now [routing control cells/gate, off, declared in the estate]
        [nothing] is now [routing control cells/x, on, declared in the estate]
        [nothing] is now [routing control cells/y, off, declared in the estate]
        [nothing] is now [routing control regions/east, on, declared in the estate]
        [nothing] is now [routing control regions/west, on, declared in the estate]
        [nothing] is now [routing control zones/a, on, declared in the estate]
        [nothing] is now [routing control zones/b, on, declared in the estate]
        [nothing] is now [routing control zones/c, on, declared in the estate]
        [nothing] is now [routing control zones/d, on, declared in the estate]
        [nothing] is now [routing control zones/e, on, declared in the estate]
        [nothing] is now [safety rule cells/gate: x y while all of gate on, wait period 0s, declared in the estate]
        [nothing] is now [safety rule cells/not-both: not all of x y on, wait period 0s, declared in the estate]
        [nothing] is now [safety rule cells/one-of: at least 1 of x y on, wait period 0s, declared in the estate]
        [nothing] is now [safety rule regions/keep-one: at least 1 of west east on, wait period 0s, declared in the estate]
        [nothing] is now [safety rule zones/calm: at least 1 of a b c on, wait period 5s, declared in the estate]"#]].assert_eq(&apply(&mut runner, &[]));
    runner.show("turn api off");
    expect![[r#"
        3 done
        estate applied, before Some(Digest(28088b0e3baa))
        [safety rule zones/calm: at least 1 of a b c on, wait period 5s, declared in the estate] is now [safety rule zones/calm: at least 1 of a b c on, wait period 6s, declared in the estate]"#]].assert_eq(&apply(&mut runner, &[("wait_period = \"5s\"", "wait_period = \"6s\"")]));
    expect![[r#"
        4 done
        estate applied, before Some(Digest(b676115e1ce8))
        [safety rule zones/calm: at least 1 of a b c on, wait period 6s, declared in the estate] is now [safety rule zones/calm: at least 1 of a b c on, wait period 5s, declared in the estate]
        [routing control cells/x, on, declared in the estate] is now [nothing]
        [routing control cells/y, off, declared in the estate] is now [nothing]
        [safety rule cells/gate: x y while all of gate on, wait period 0s, declared in the estate] is now [nothing]
        [safety rule cells/not-both: not all of x y on, wait period 0s, declared in the estate] is now [nothing]
        [safety rule cells/one-of: at least 1 of x y on, wait period 0s, declared in the estate] is now [nothing]"#]].assert_eq(&apply(&mut runner, NO_X_AND_Y));
    assert_eq!(runner.state.board.controls[&control_id(&runner, "api")].to, Switch::Off, "as it stood");
}

#[test]
fn what_a_command_made_is_taken_over_with_its_number_and_state() {
    let mut runner = Runner::with_estate();
    let cluster = runner.state.board.built_in_cluster(runner.state.estate_id);
    board(&mut runner, BoardCommand::CreatePanel { cluster, name: name("cells"), tags: Tags::new() });
    let panel = panel_id(&runner, "cells");
    board(&mut runner, BoardCommand::CreateControl { cluster, panel: Some(panel), name: name("x") });
    let before = runner.state.board.controls[&control_id(&runner, "x")].clone();
    assert_eq!((before.to, before.origin), (Switch::Off, Origin::Api));
    apply(&mut runner, &[]);
    let after = &runner.state.board.controls[&before.id];
    assert_eq!((after.to, after.origin, after.panel), (Switch::Off, Origin::Estate, panel));
    assert_eq!(runner.state.board.panels[&panel].origin, Origin::Estate);
}

#[test]
fn nothing_goes_that_a_command_made_something_on() {
    let mut runner = Runner::with_controls();
    let cluster = runner.state.board.built_in_cluster(runner.state.estate_id);
    let cells = panel_id(&runner, "cells");
    let kind = RuleKind::Assert { controls: vec![control_id(&runner, "x")] };
    let rule = BoardCommand::CreateRule {
        panel: cells,
        name: name("ours"),
        kind,
        test: hf_config::estate::RuleTest { on: hf_config::estate::Enough::All, inverted: false },
        wait_period: std::time::Duration::ZERO,
        tags: Tags::new(),
    };
    board(&mut runner, rule);
    let before = runner.state.board.clone();
    expect![[r#"
        refused: routing control cells/x cannot be deleted: safety rule cells/ours was made over it by a command
        delete that first"#]].assert_eq(&apply(&mut runner, NO_X_AND_Y));
    assert_eq!(runner.state.board, before);
    let ours = runner.state.board.rules.values().find(|it| it.name.as_str() == "ours").unwrap().id;
    board(&mut runner, BoardCommand::DeleteRule { id: ours });
    board(&mut runner, BoardCommand::CreateControl { cluster, panel: Some(cells), name: name("z") });
    let mut all = NO_X_AND_Y.to_vec();
    all.extend([
        ("[[control_panel]]\nname = \"cells\"\n", ""),
        ("[[routing_control]]\nname = \"api\"\npanel = \"cells\"\n", ""),
        ("[[routing_control]]\nname = \"gate\"\npanel = \"cells\"\ninitial = \"off\"\n", ""),
        ("control = \"cells/api\"\n", ""),
    ]);
    expect![[r#"
        refused: control panel cells cannot be deleted: routing control z in it was made by a command
        delete that first"#]]
    .assert_eq(&apply(&mut runner, &all));
    let z = control_id(&runner, "z");
    board(&mut runner, BoardCommand::DeleteControl { id: z });
    apply(&mut runner, &all);
    assert!(runner.state.board.panels.values().all(|it| it.name.as_str() != "cells"));
}

#[test]
fn the_bounds_hold_over_both_origins() {
    let mut runner = Runner::with_estate();
    let cluster = runner.state.board.built_in_cluster(runner.state.estate_id);
    for number in 0..48 {
        let name = name(&format!("p-{number}"));
        board(&mut runner, BoardCommand::CreatePanel { cluster, name, tags: Tags::new() });
    }
    expect![[r#"
        refused: there may be at most 50 control panels of the cluster
        delete some first"#]]
    .assert_eq(&apply(&mut runner, &[]));
    let panel = panel_id(&runner, "p-0");
    board(&mut runner, BoardCommand::DeletePanel { id: panel });
    assert!(apply(&mut runner, &[]).contains("done"));
}

#[test]
fn an_estate_of_an_older_ledger_is_born_with_its_next_entry() {
    let mut old = Runner::with_controls();
    let whole = old.state.board.clone();
    (old.state.estate_id, old.state.board) = Default::default();
    let mut other = Runner { state: old.state.clone(), now: old.now };
    for runner in [&mut old, &mut other] {
        assert_eq!(runner.show("expire"), "2 done");
    }
    assert_eq!(old.state, other.state);
    assert_ne!(old.state.estate_id, hf_model::EstateId::NONE);
    let count = |board: &crate::Board| {
        (board.clusters.len(), board.panels.len(), board.controls.len(), board.rules.len())
    };
    assert_eq!(count(&old.state.board), count(&whole));
}

#[test]
fn a_default_panel_may_be_declared() {
    let mut runner = Runner::with_controls();
    let default = panel_id(&runner, "default");
    let declared = [(
        "[[control_panel]]\nname = \"cells\"",
        "[[control_panel]]\nname = \"default\"\n[[control_panel]]\nname = \"cells\"",
    )];
    apply(&mut runner, &declared);
    assert_eq!(runner.state.board.panels[&default].origin, Origin::Estate);
    apply(&mut runner, &[]);
    assert_eq!(runner.state.board.panels[&default].origin, Origin::Api);
}

#[test]
fn a_control_that_goes_gives_its_zone_back() {
    let mut runner = Runner::with_controls();
    runner.show("turn d off");
    apply(&mut runner, &[("control = \"zones/d\"\n", "")]);
    let zones: Vec<String> = runner.state.returns.iter().map(|it| it.zone.to_string()).collect();
    assert_eq!(zones, ["d"]);
}

#[test]
fn a_board_that_does_not_fit_together_is_not_gone_on_with() {
    let runner = Runner::with_controls();
    let whole = runner.state.intent();
    let unfit = |break_it: &dyn Fn(&mut crate::Board)| {
        let mut intent = whole.clone();
        break_it(&mut intent.board);
        State::going_on_with(&intent, runner.now).map_or_else(|why| why.to_string(), |_| "fits".to_owned())
    };
    let x = control_id(&runner, "x");
    let cells = panel_id(&runner, "cells");
    let shown = [
        unfit(&|_| {}),
        unfit(&|board| board.clusters.clear()),
        unfit(&|board| drop(board.panels.remove(&cells))),
        unfit(&|board| drop(board.controls.remove(&x))),
        unfit(&|board| board.controls.values_mut().for_each(|control| control.id = x)),
    ];
    assert_eq!(shown[0], "fits");
    // Which of several faults is told depends on their numbers.
    let is_told = |text: &String| text.starts_with("its control panels do not fit together: ");
    assert!(shown[1..].iter().all(is_told), "{shown:?}");
}
