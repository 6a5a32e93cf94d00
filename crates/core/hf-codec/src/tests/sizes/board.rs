//! The largest board that the state machine keeps.

use std::time::Duration;

use hf_config::estate::{Enough, RuleTest, limits};
use hf_control::{
    Board, Cluster, NetworkType, Origin, Panel, PanelRole, RoutingControl, RuleKind, SafetyRule, Tags,
};
use hf_model::{ClusterId, ControlId, ControlName, Operator, PanelId, Revision, RuleId, Switch, Timestamp};

use super::{longest, longest_overrides};

/// The longest name of this number.
pub(super) fn name(at: usize) -> ControlName {
    ControlName::new(&format!("{at:05}{}", longest(59))).unwrap()
}

/// All of everything, with so many tags.
pub(super) fn largest(mut tags_left: usize) -> Board {
    let mut board = Board::default();
    for at in 0..Board::CLUSTERS {
        let id = ClusterId(u128::MAX - at as u128);
        let (origin, network, revision) = (Origin::Estate, NetworkType::DualStack, Revision(u64::MAX));
        let tags = tags(&mut tags_left);
        board.clusters.insert(id, Cluster { id, name: name(at), network, origin, tags, revision });
        for at in 0..=limits::CONTROL_PANELS {
            let role = if at == 0 { PanelRole::Default } else { PanelRole::Plain };
            add_panel(&mut board, id, at, role, &mut tags_left);
        }
    }
    board
}

/// A cluster's first three panels are full of controls; the rest has room for no more.
fn add_panel(board: &mut Board, cluster: ClusterId, at: usize, role: PanelRole, tags_left: &mut usize) {
    let id = PanelId(u128::MAX - board.panels.len() as u128);
    let (origin, revision) = (Origin::Estate, Revision(u64::MAX));
    let panel = Panel { id, cluster, name: name(at), origin, role, tags: tags(tags_left), revision };
    board.panels.insert(id, panel);
    let full = limits::ROUTING_CONTROLS / limits::CONTROLS_OF_A_PANEL;
    let controls = if at < full { limits::CONTROLS_OF_A_PANEL } else { 0 };
    let controls: Vec<ControlId> = (0..controls).map(|at| add_control(board, id, at, tags_left)).collect();
    for at in 0..limits::RULES_OF_A_PANEL {
        let id_of_rule = RuleId(u64::MAX - board.rules.len() as u64);
        let rule = SafetyRule {
            id: id_of_rule,
            panel: id,
            name: name(at),
            origin,
            kind: RuleKind::Gate { gating: controls.clone(), targets: controls.clone() },
            test: RuleTest { on: Enough::AtLeast(u16::MAX), inverted: false },
            wait_period: Duration::from_hours(1),
            tags: tags(tags_left),
            revision,
        };
        board.rules.insert(id_of_rule, rule);
    }
}

fn add_control(board: &mut Board, panel: PanelId, at: usize, tags_left: &mut usize) -> ControlId {
    let id = ControlId(u64::MAX - board.controls.len() as u64);
    let control = RoutingControl {
        id,
        panel,
        name: name(at),
        origin: Origin::Estate,
        to: Switch::Off,
        changed_at: Timestamp(u64::MAX),
        turned_at: Some(Timestamp(u64::MAX)),
        by: Operator::new(&longest(128)),
        reason: longest(500),
        floor_overrides: longest_overrides(),
        tags: tags(tags_left),
        revision: Revision(u64::MAX),
    };
    board.controls.insert(id, control);
    id
}

/// As many tags as an object may have, while there are some left.
fn tags(left: &mut usize) -> Tags {
    let count = Board::TAGS.min(*left);
    *left -= count;
    let key = |at: usize| format!("{at:05}{}", longest(Board::TAG_KEY_CHARS - 5));
    (0..count).map(|at| (key(at), longest(Board::TAG_VALUE_CHARS))).collect()
}
