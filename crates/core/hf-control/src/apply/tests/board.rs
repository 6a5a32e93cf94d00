//! Clusters, panels, controls and rules are made, changed and removed; every refusal by example.

use std::time::Duration;

use hf_config::estate::{Enough, RuleTest, limits};
use hf_model::{ClusterId, ControlId, ControlName, PanelId};

use super::script::{Runner, show};
use super::*;
use crate::command::Bounded;
use crate::{Board, BoardCommand, NetworkType, ObjectId, RuleKind, Tags};

fn name(text: &str) -> ControlName {
    text.parse().unwrap()
}

fn tags(list: &[(&str, &str)]) -> Tags {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A runner that is asked by names.
struct Desk {
    runner: Runner,
    shown: String,
}

impl Desk {
    fn new(runner: Runner) -> Self {
        Desk { runner, shown: String::new() }
    }

    fn run(&mut self, command: BoardCommand) -> Option<ObjectId> {
        let (outcome, events) = self.runner.run(Command::Board(command));
        self.shown += &(show(&outcome, &events) + "\n");
        if let Outcome::Done { object, .. } = outcome { object } else { None }
    }

    fn built_in(&self) -> ClusterId {
        self.runner.state.board.built_in_cluster(self.runner.state.estate_id)
    }

    fn cluster(&mut self, cluster: &str) -> Option<ClusterId> {
        let (name, network) = (name(cluster), NetworkType::DualStack);
        match self.run(BoardCommand::CreateCluster { name, network, tags: Tags::new() }) {
            Some(ObjectId::Cluster(id)) => Some(id),
            _ => None,
        }
    }

    fn panel(&mut self, cluster: ClusterId, panel: &str) -> Option<PanelId> {
        match self.run(BoardCommand::CreatePanel { cluster, name: name(panel), tags: Tags::new() }) {
            Some(ObjectId::Panel(id)) => Some(id),
            _ => None,
        }
    }

    fn control(&mut self, cluster: ClusterId, panel: Option<PanelId>, control: &str) -> Option<ControlId> {
        match self.run(BoardCommand::CreateControl { cluster, panel, name: name(control) }) {
            Some(ObjectId::Control(id)) => Some(id),
            _ => None,
        }
    }

    fn rule(
        &mut self,
        panel: PanelId,
        rule: &str,
        kind: RuleKind,
        at_least: u16,
    ) -> Option<hf_model::RuleId> {
        let command = BoardCommand::CreateRule {
            panel,
            name: name(rule),
            kind,
            test: RuleTest { on: Enough::AtLeast(at_least), inverted: false },
            wait_period: Duration::from_secs(5),
            tags: Tags::new(),
        };
        match self.run(command) {
            Some(ObjectId::Rule(id)) => Some(id),
            _ => None,
        }
    }
}

#[test]
fn things_are_made_changed_and_removed_in_order() {
    let mut desk = Desk::new(Runner::with_estate());
    let cluster = desk.cluster("prod").unwrap();
    let panel = desk.panel(cluster, "cells").unwrap();
    let one = desk.control(cluster, Some(panel), "one").unwrap();
    let two = desk.control(cluster, Some(panel), "two").unwrap();
    let three = desk.control(cluster, None, "one").unwrap();
    let rule = desk.rule(panel, "keep", RuleKind::Assert { controls: vec![one, two] }, 1).unwrap();
    desk.run(BoardCommand::UpdateCluster { id: cluster, network: NetworkType::Ipv4 });
    desk.run(BoardCommand::RenamePanel { id: panel, name: name("cells-2") });
    desk.run(BoardCommand::RenameControl { id: one, name: name("uno") });
    desk.run(BoardCommand::RenameControl { id: one, name: name("uno") });
    desk.run(BoardCommand::UpdateRule { id: rule, name: name("keep-1"), wait_period: Duration::ZERO });
    desk.run(BoardCommand::Tag { object: ObjectId::Rule(rule), tags: tags(&[("team", "edge"), ("a", "")]) });
    desk.run(BoardCommand::Untag {
        object: ObjectId::Rule(rule),
        keys: vec!["a".to_owned(), "nothing".to_owned()],
    });
    desk.run(BoardCommand::DeleteCluster { id: cluster });
    desk.run(BoardCommand::DeletePanel { id: panel });
    desk.run(BoardCommand::DeleteControl { id: one });
    desk.run(BoardCommand::DeleteRule { id: rule });
    desk.run(BoardCommand::DeleteControl { id: one });
    desk.run(BoardCommand::DeleteControl { id: two });
    desk.run(BoardCommand::DeletePanel { id: panel });
    desk.run(BoardCommand::DeleteCluster { id: cluster });
    desk.run(BoardCommand::DeleteControl { id: three });
    desk.run(BoardCommand::DeleteCluster { id: cluster });
    let before = Runner::with_estate().state.board;
    assert_eq!(desk.runner.state.board, before, "nothing is left");
    expect![[r#"
        2 done; [nothing] is now [cluster prod, IPv4 and IPv6]
        3 done; [nothing] is now [control panel cells]
        4 done; [nothing] is now [routing control cells/one, off]
        5 done; [nothing] is now [routing control cells/two, off]
        6 done; [nothing] is now [routing control default/one, off]
        7 done; [nothing] is now [safety rule cells/keep: at least 1 of one two on, wait period 5s]
        8 done; [cluster prod, IPv4 and IPv6] is now [cluster prod, IPv4]
        9 done; [control panel cells] is now [control panel cells-2]
        10 done; [routing control cells-2/one, off] is now [routing control cells-2/uno, off]
        11 done
        12 done; [safety rule cells-2/keep: at least 1 of uno two on, wait period 5s] is now [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s]
        13 done; [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s] is now [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s, tags a= team=edge]
        14 done; [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s, tags a= team=edge] is now [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s, tags team=edge]
        refused: cluster prod cannot be deleted: it has 1 control panel; delete that first
        refused: control panel cells-2 cannot be deleted: it has 2 routing controls; delete that first
        refused: routing control cells-2/uno cannot be deleted: safety rule cells-2/keep-1 names it; delete that first
        18 done; [safety rule cells-2/keep-1: at least 1 of uno two on, wait period 0s, tags team=edge] is now [nothing]
        19 done; [routing control cells-2/uno, off] is now [nothing]
        20 done; [routing control cells-2/two, off] is now [nothing]
        21 done; [control panel cells-2] is now [nothing]
        refused: control panel default cannot be deleted: it has 1 routing control; delete that first
        23 done; [routing control default/one, off] is now [nothing]
        24 done; [cluster prod, IPv4] is now [nothing]
    "#]].assert_eq(&desk.shown);
}

#[test]
fn names_are_unique_where_they_are() {
    let mut desk = Desk::new(Runner::with_estate());
    let built_in = desk.built_in();
    desk.cluster("holdfast");
    let panel = desk.panel(built_in, "cells").unwrap();
    desk.panel(built_in, "cells");
    desk.panel(built_in, "default");
    let one = desk.control(built_in, Some(panel), "one").unwrap();
    let two = desk.control(built_in, Some(panel), "two").unwrap();
    desk.control(built_in, Some(panel), "one");
    desk.control(built_in, None, "one");
    let kind = RuleKind::Assert { controls: vec![one] };
    desk.rule(panel, "keep", kind.clone(), 1);
    let other = desk.rule(panel, "other", kind.clone(), 1).unwrap();
    desk.rule(panel, "keep", kind, 1);
    desk.run(BoardCommand::RenamePanel { id: panel, name: name("default") });
    desk.run(BoardCommand::RenameControl { id: two, name: name("one") });
    desk.run(BoardCommand::UpdateRule { id: other, name: name("keep"), wait_period: Duration::ZERO });
    expect![[r#"
        refused: there is a cluster `holdfast` already; choose another name
        3 done; [nothing] is now [control panel cells]
        refused: there is a control panel `cells` already; choose another name
        refused: there is a control panel `default` already; choose another name
        6 done; [nothing] is now [routing control cells/one, off]
        7 done; [nothing] is now [routing control cells/two, off]
        refused: there is a routing control `one` already; choose another name
        9 done; [nothing] is now [routing control default/one, off]
        10 done; [nothing] is now [safety rule cells/keep: at least 1 of one on, wait period 5s]
        11 done; [nothing] is now [safety rule cells/other: at least 1 of one on, wait period 5s]
        refused: there is a safety rule `keep` already; choose another name
        refused: there is a control panel `default` already; choose another name
        refused: there is a routing control `one` already; choose another name
        refused: there is a safety rule `keep` already; choose another name
    "#]]
    .assert_eq(&desk.shown);
}

#[test]
fn the_estates_own_is_not_changed() {
    let mut desk = Desk::new(Runner::with_controls());
    let built_in = desk.built_in();
    let board = desk.runner.state.board.clone();
    let panel = board.panels.values().find(|it| it.name.as_str() == "cells").unwrap().id;
    let control = board.controls.values().find(|it| it.name.as_str() == "x").unwrap().id;
    let rule = board.rules.values().find(|it| it.name.as_str() == "gate").unwrap().id;
    desk.run(BoardCommand::UpdateCluster { id: built_in, network: NetworkType::DualStack });
    desk.run(BoardCommand::DeleteCluster { id: built_in });
    desk.run(BoardCommand::RenamePanel { id: panel, name: name("z") });
    desk.run(BoardCommand::DeletePanel { id: panel });
    desk.run(BoardCommand::RenameControl { id: control, name: name("z") });
    desk.run(BoardCommand::DeleteControl { id: control });
    desk.run(BoardCommand::UpdateRule { id: rule, name: name("z"), wait_period: Duration::ZERO });
    desk.run(BoardCommand::DeleteRule { id: rule });
    assert_eq!(desk.runner.state.board, board);
    desk.run(BoardCommand::Tag { object: ObjectId::Control(control), tags: tags(&[("team", "edge")]) });
    expect![[r#"
        refused: cluster holdfast is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: cluster holdfast is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: control panel cells is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: control panel cells is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: routing control cells/x is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: routing control cells/x is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: safety rule cells/gate is declared in the estate; change it there, `holdfast apply` brings it in force
        refused: safety rule cells/gate is declared in the estate; change it there, `holdfast apply` brings it in force
        10 done; [routing control cells/x, on] is now [routing control cells/x, on, tags team=edge]
    "#]].assert_eq(&desk.shown);
}

#[test]
fn rules_make_sense() {
    let mut desk = Desk::new(Runner::with_controls());
    let (built_in, board) = (desk.built_in(), desk.runner.state.board.clone());
    let panel = desk.panel(built_in, "mine").unwrap();
    let [one, two] = ["one", "two"].map(|name| desk.control(built_in, Some(panel), name).unwrap());
    let foreign = board.controls.values().find(|it| it.name.as_str() == "x").unwrap().id;
    desk.shown.clear();
    let all = |controls: &[ControlId]| RuleKind::Assert { controls: controls.to_vec() };
    desk.rule(PanelId(7), "r", all(&[one]), 1);
    desk.rule(panel, "r", all(&[]), 1);
    desk.rule(panel, "r", all(&[one, one]), 1);
    desk.rule(panel, "r", all(&[ControlId(7)]), 1);
    desk.rule(panel, "r", all(&[one, foreign]), 1);
    desk.rule(panel, "r", all(&vec![one; 1_000_000]), 1);
    desk.rule(panel, "r", all(&[one, two]), 0);
    desk.rule(panel, "r", all(&[one, two]), 3);
    desk.rule(panel, "r", RuleKind::Gate { gating: vec![one], targets: Vec::new() }, 1);
    desk.rule(panel, "r", RuleKind::Gate { gating: vec![one], targets: vec![one, two] }, 2);
    let rule = desk.rule(panel, "r", RuleKind::Gate { gating: vec![one], targets: vec![two] }, 1).unwrap();
    let wait_period = Duration::from_hours(1) + Duration::from_nanos(1);
    desk.run(BoardCommand::UpdateRule { id: rule, name: name("r"), wait_period });
    expect![[r#"
        refused: there is no control panel 00000000000000000000000000000007; list what there is, it may have been deleted
        refused: safety rule r: it has 1 to 100 asserted routing controls, this one 0
        refused: safety rule r: it names one twice; name each control once
        refused: there is no routing control 0000000000000007; list what there is, it may have been deleted
        refused: safety rule r: cells/x is in another control panel; name controls of its own
        refused: safety rule r: it has 1 to 100 asserted routing controls, this one 1000000
        refused: safety rule r: it asks for 0 of 2 routing controls; ask for 1 to 2
        refused: safety rule r: it asks for 3 of 2 routing controls; ask for 1 to 2
        refused: safety rule r: it has 1 to 100 target routing controls, this one 0
        refused: safety rule r: it asks for 2 of 1 routing controls; ask for 1 to 1
        15 done; [nothing] is now [safety rule mine/r: two while at least 1 of one on, wait period 5s]
        refused: safety rule r: a wait period has 0s to 1h, this one 1h; shorten it
    "#]].assert_eq(&desk.shown);
}

#[test]
fn tags_have_bounds() {
    let mut desk = Desk::new(Runner::with_estate());
    let built_in = desk.built_in();
    let panel = ObjectId::Panel(desk.panel(built_in, "p").unwrap());
    desk.shown.clear();
    let long = "k".repeat(129);
    for bad in [("", "v"), (long.as_str(), "v"), ("k", &"v".repeat(257)), ("k\n", "v"), ("k", "\u{7f}")] {
        desk.run(BoardCommand::Tag { object: panel, tags: tags(&[bad]) });
    }
    desk.run(BoardCommand::Tag { object: ObjectId::Panel(PanelId(7)), tags: Tags::new() });
    let many = |from: usize, count: usize| -> Tags {
        (from..from + count).map(|number| (format!("k-{number}"), String::new())).collect()
    };
    desk.run(BoardCommand::Tag { object: panel, tags: many(0, Board::TAGS + 1) });
    expect![[r#"
        refused: tag: a key has 1 to 128 characters, this one 0
        refused: tag: a key has 1 to 128 characters, this one 129
        refused: tag: the value of "k" has 0 to 256 characters, this one 257
        refused: tag: "k\n" or its value has a control character; remove it
        refused: tag: "k" or its value has a control character; remove it
        refused: there is no control panel 00000000000000000000000000000007; list what there is, it may have been deleted
        refused: there may be at most 50 tags of the object; delete some first
    "#]].assert_eq(&desk.shown);
    desk.run(BoardCommand::Tag { object: panel, tags: many(0, Board::TAGS) });
    desk.run(BoardCommand::Tag { object: panel, tags: many(0, Board::TAGS) });
    assert_eq!(desk.runner.state.board.panels.values().map(|it| it.tags.len()).sum::<usize>(), Board::TAGS);
    let (outcome, _) =
        desk.runner.run(Command::Board(BoardCommand::Tag { object: panel, tags: many(99, 1) }));
    assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what: Bounded::Tags, count: Board::TAGS }));
}

#[test]
fn quotas_hold() {
    let mut desk = Desk::new(Runner::with_estate());
    let refused = |desk: &mut Desk, what, count, command| {
        let before = desk.runner.state.board.clone();
        let (outcome, _) = desk.runner.run(Command::Board(command));
        assert_eq!(outcome, Outcome::Refused(Refusal::TooMany { what, count }));
        assert_eq!(desk.runner.state.board, before);
    };
    let cluster = desk.cluster("one").unwrap();
    desk.cluster("two").unwrap();
    let more = BoardCommand::CreateCluster { name: name("3"), network: NetworkType::Ipv4, tags: Tags::new() };
    refused(&mut desk, Bounded::Clusters, Board::CLUSTERS, more);
    let panels: Vec<PanelId> = (0..limits::CONTROL_PANELS)
        .map(|number| desk.panel(cluster, &format!("p-{number}")).unwrap())
        .collect();
    let more = BoardCommand::CreatePanel { cluster, name: name("more"), tags: Tags::new() };
    refused(&mut desk, Bounded::ControlPanels, limits::CONTROL_PANELS, more);
    let controls: Vec<ControlId> = (0..limits::ROUTING_CONTROLS)
        .map(|number| {
            let panel = panels[number / limits::CONTROLS_OF_A_PANEL];
            desk.control(cluster, Some(panel), &format!("c-{number}")).unwrap()
        })
        .collect();
    let more = |panel| BoardCommand::CreateControl { cluster, panel, name: name("more") };
    refused(&mut desk, Bounded::ControlsOfAPanel, limits::CONTROLS_OF_A_PANEL, more(Some(panels[0])));
    refused(&mut desk, Bounded::RoutingControls, limits::ROUTING_CONTROLS, more(None));
    let kind = RuleKind::Assert { controls: controls[..limits::CONTROLS_OF_A_PANEL].to_vec() };
    for number in 0..limits::RULES_OF_A_PANEL {
        desk.rule(panels[0], &format!("r-{number}"), kind.clone(), 1).unwrap();
    }
    let more = BoardCommand::CreateRule {
        panel: panels[0],
        name: name("more"),
        kind,
        test: RuleTest { on: Enough::Any, inverted: false },
        wait_period: Duration::ZERO,
        tags: Tags::new(),
    };
    refused(&mut desk, Bounded::RulesOfAPanel, limits::RULES_OF_A_PANEL, more);
}

#[test]
fn what_is_not_there_is_named() {
    let mut desk = Desk::new(Runner::with_estate());
    let built_in = desk.built_in();
    let other = desk.cluster("other").unwrap();
    let panel = desk.panel(other, "p").unwrap();
    desk.shown.clear();
    desk.panel(ClusterId(7), "p");
    desk.control(ClusterId(7), None, "c");
    desk.control(built_in, Some(PanelId(7)), "c");
    desk.control(built_in, Some(panel), "c");
    desk.run(BoardCommand::DeleteCluster { id: ClusterId(7) });
    desk.run(BoardCommand::DeletePanel { id: PanelId(7) });
    desk.run(BoardCommand::RenameControl { id: ControlId(7), name: name("c") });
    desk.run(BoardCommand::DeleteRule { id: hf_model::RuleId(7) });
    let default = desk.runner.state.board.panels.values().find(|it| it.cluster == built_in).unwrap().id;
    desk.run(BoardCommand::DeletePanel { id: default });
    expect![[r#"
        refused: there is no cluster 00000000-0000-0000-0000-000000000007; list what there is, it may have been deleted
        refused: there is no cluster 00000000-0000-0000-0000-000000000007; list what there is, it may have been deleted
        refused: there is no control panel 00000000000000000000000000000007; list what there is, it may have been deleted
        refused: routing control c: control panel p is in another cluster; name the panel's own cluster
        refused: there is no cluster 00000000-0000-0000-0000-000000000007; list what there is, it may have been deleted
        refused: there is no control panel 00000000000000000000000000000007; list what there is, it may have been deleted
        refused: there is no routing control 0000000000000007; list what there is, it may have been deleted
        refused: there is no safety rule 0000000000000007; list what there is, it may have been deleted
        refused: control panel default: it is its cluster's default one; it goes with the cluster
    "#]].assert_eq(&desk.shown);
}

#[test]
fn the_same_request_makes_one_thing() {
    let mut runner = Runner::with_estate();
    let command = || {
        let (name, network) = (name("prod"), NetworkType::Ipv4);
        Command::Board(BoardCommand::CreateCluster { name, network, tags: Tags::new() })
    };
    let (first, _) = runner.run_as("token", command());
    assert!(matches!(first, Outcome::Done { object: Some(ObjectId::Cluster(_)), .. }), "{first:?}");
    assert_eq!(runner.run_as("token", command()), (first, Vec::new()));
    assert_eq!(runner.state.board.clusters.len(), 2);
}
