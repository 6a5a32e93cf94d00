//! Any board that holds together, and any command about it.

use std::time::Duration;

use hf_config::estate::{Enough, RuleTest};
use hf_control::{
    Board, BoardCommand, Cluster, Command, ControlRef, ControlSet, ControlState, NetworkType, ObjectId,
    Origin, Panel, PanelRole, RoutingControl, RuleKind, RuleRef, SafetyRule, State, Tags,
};
use hf_model::{ClusterId, ControlId, ControlName, ControlPath, PanelId, RuleId, Switch};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::{at, floors, length, operator, revision, text};

pub(super) fn name() -> impl Strategy<Value = ControlName> {
    "[a-zA-Z0-9#:_ü\"\\\\-]{1,64}".prop_map(|text| ControlName::new(&text).unwrap())
}

pub(super) fn path() -> impl Strategy<Value = ControlPath> {
    (name(), name()).prop_map(|(panel, control)| ControlPath { panel, control })
}

pub(super) fn switch() -> impl Strategy<Value = Switch> {
    prop_oneof![Just(Switch::On), Just(Switch::Off)]
}

fn cluster() -> impl Strategy<Value = ClusterId> {
    any::<u128>().prop_map(ClusterId)
}

fn panel() -> impl Strategy<Value = PanelId> {
    any::<u128>().prop_map(PanelId)
}

fn control() -> impl Strategy<Value = ControlId> {
    any::<u64>().prop_map(ControlId)
}

pub(super) fn rule() -> impl Strategy<Value = RuleId> {
    any::<u64>().prop_map(RuleId)
}

pub(super) fn object() -> impl Strategy<Value = ObjectId> {
    prop_oneof![
        cluster().prop_map(ObjectId::Cluster),
        panel().prop_map(ObjectId::Panel),
        control().prop_map(ObjectId::Control),
        rule().prop_map(ObjectId::Rule),
    ]
}

pub(super) fn control_ref() -> impl Strategy<Value = ControlRef> {
    prop_oneof![
        control().prop_map(ControlRef::Id),
        path().prop_map(ControlRef::Path),
        name().prop_map(ControlRef::Name),
    ]
}

pub(super) fn rule_ref() -> impl Strategy<Value = RuleRef> {
    prop_oneof![rule().prop_map(RuleRef::Id), path().prop_map(RuleRef::Path), name().prop_map(RuleRef::Name),]
}

fn network() -> impl Strategy<Value = NetworkType> {
    prop_oneof![Just(NetworkType::Ipv4), Just(NetworkType::DualStack)]
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![Just(Origin::Estate), Just(Origin::Api)]
}

fn test() -> impl Strategy<Value = RuleTest> {
    let on = prop_oneof![any::<u16>().prop_map(Enough::AtLeast), Just(Enough::All), Just(Enough::Any)];
    (on, any::<bool>()).prop_map(|(on, inverted)| RuleTest { on, inverted })
}

fn tags() -> impl Strategy<Value = Tags> {
    let short = || text().prop_map(|text| text.chars().take(100).collect::<String>());
    prop::collection::btree_map(short(), short(), 0..3)
}

fn rule_kind() -> impl Strategy<Value = RuleKind> {
    let controls = || prop::collection::vec(control(), 0..4);
    prop_oneof![
        controls().prop_map(|controls| RuleKind::Assert { controls }),
        (controls(), controls()).prop_map(|(gating, targets)| RuleKind::Gate { gating, targets }),
    ]
}

pub(super) fn set_controls() -> BoxedStrategy<Command> {
    let set = (control_ref(), switch()).prop_map(|(control, to)| ControlSet { control, to });
    (prop::collection::vec(set, 0..4), prop::collection::vec(rule_ref(), 0..3), floors(), text())
        .prop_map(|(sets, rule_overrides, floor_overrides, reason)| Command::SetControls {
            sets,
            rule_overrides,
            floor_overrides,
            reason,
        })
        .boxed()
}

pub(super) fn command() -> BoxedStrategy<BoardCommand> {
    let clusters = prop_oneof![
        (name(), network(), tags()).prop_map(|(name, network, tags)| BoardCommand::CreateCluster {
            name,
            network,
            tags
        }),
        (cluster(), network()).prop_map(|(id, network)| BoardCommand::UpdateCluster { id, network }),
        cluster().prop_map(|id| BoardCommand::DeleteCluster { id }),
    ];
    let panels = prop_oneof![
        (cluster(), name(), tags()).prop_map(|(cluster, name, tags)| BoardCommand::CreatePanel {
            cluster,
            name,
            tags
        }),
        (panel(), name()).prop_map(|(id, name)| BoardCommand::RenamePanel { id, name }),
        panel().prop_map(|id| BoardCommand::DeletePanel { id }),
    ];
    let controls = prop_oneof![
        (cluster(), prop::option::of(panel()), name())
            .prop_map(|(cluster, panel, name)| { BoardCommand::CreateControl { cluster, panel, name } }),
        (control(), name()).prop_map(|(id, name)| BoardCommand::RenameControl { id, name }),
        control().prop_map(|id| BoardCommand::DeleteControl { id }),
    ];
    let rules = prop_oneof![
        (panel(), name(), rule_kind(), test(), length(), tags()).prop_map(
            |(panel, name, kind, test, wait_period, tags)| BoardCommand::CreateRule {
                panel,
                name,
                kind,
                test,
                wait_period,
                tags
            }
        ),
        (rule(), name(), length()).prop_map(|(id, name, wait_period)| BoardCommand::UpdateRule {
            id,
            name,
            wait_period
        }),
        rule().prop_map(|id| BoardCommand::DeleteRule { id }),
    ];
    prop_oneof![
        clusters,
        panels,
        controls,
        rules,
        (object(), tags()).prop_map(|(object, tags)| BoardCommand::Tag { object, tags }),
        (object(), prop::collection::vec(text(), 0..3))
            .prop_map(|(object, keys)| BoardCommand::Untag { object, keys }),
    ]
    .boxed()
}

/// In order of their paths.
pub(super) fn control_states() -> BoxedStrategy<Vec<ControlState>> {
    let rest = (control(), switch(), at(), operator(), floors());
    prop::collection::btree_map(path(), rest, 0..4)
        .prop_map(|states| {
            let state = |(path, (id, to, changed_at, by, floor_overrides))| ControlState {
                path,
                id,
                to,
                changed_at,
                by,
                floor_overrides,
            };
            states.into_iter().map(state).collect()
        })
        .boxed()
}

/// Up to three clusters, each with its default panel, up to two more panels, and controls and rules in them.
pub(super) fn board() -> BoxedStrategy<Board> {
    let clusters = (cluster(), name(), network(), origin(), tags(), revision()).prop_map(
        |(id, name, network, origin, tags, revision)| Cluster { id, name, network, origin, tags, revision },
    );
    let panels = (panel(), any::<Index>(), name(), origin(), tags(), revision());
    let controls = (
        (control(), any::<Index>(), name(), origin(), switch(), at()),
        (prop::option::of(at()), operator(), text(), floors(), tags(), revision()),
    );
    let rules = (
        (rule(), any::<Index>(), name(), origin(), any::<[bool; 3]>(), test()),
        (length(), tags(), revision(), subsequence((0..6).collect::<Vec<usize>>(), 0..6)),
    );
    let some = |count| 0..count;
    (
        prop::collection::vec(clusters, some(4)),
        prop::collection::vec(panels, some(6)),
        prop::collection::vec(controls, some(6)),
        prop::collection::vec(rules, some(4)),
    )
        .prop_map(|(clusters, panels, controls, rules)| {
            let mut board = Board::default();
            for (at, mut cluster) in clusters.into_iter().enumerate() {
                cluster.name = numbered(at);
                board.clusters.insert(cluster.id, cluster);
            }
            let clusters: Vec<ClusterId> = board.clusters.keys().copied().collect();
            for (at, (id, cluster, _, origin, tags, revision)) in panels.into_iter().enumerate() {
                // The first panels are the default ones, one for each cluster.
                let (cluster, role) = match clusters.get(at) {
                    Some(cluster) => (*cluster, PanelRole::Default),
                    None if clusters.is_empty() => continue,
                    None => (*cluster.get(&clusters), PanelRole::Plain),
                };
                let panel = Panel { id, cluster, name: numbered(at), origin, role, tags, revision };
                board.panels.insert(id, panel);
            }
            board.clusters.retain(|id, _| board.panels.values().any(|panel| panel.cluster == *id));
            let panels: Vec<PanelId> = board.panels.keys().copied().collect();
            if panels.is_empty() {
                return board;
            }
            for (at, ((id, panel, name, origin, to, changed_at), rest)) in controls.into_iter().enumerate() {
                let (turned_at, by, reason, floor_overrides, tags, revision) = rest;
                let name = if at == 0 { name } else { numbered(at) };
                let control = RoutingControl {
                    id,
                    panel: *panel.get(&panels),
                    name,
                    origin,
                    to,
                    changed_at,
                    turned_at,
                    by,
                    reason,
                    floor_overrides,
                    tags,
                    revision,
                };
                board.controls.insert(id, control);
            }
            for (at, ((id, panel, _, origin, [is_gate, ..], test), rest)) in rules.into_iter().enumerate() {
                let (wait_period, tags, revision, chosen) = rest;
                let panel = *panel.get(&panels);
                let there: Vec<ControlId> = board.controls_of(panel).map(|control| control.id).collect();
                let controls: Vec<ControlId> =
                    chosen.iter().filter_map(|at| there.get(*at)).rev().copied().collect();
                let kind = if is_gate {
                    RuleKind::Gate { gating: there, targets: controls }
                } else {
                    RuleKind::Assert { controls }
                };
                let name = numbered(at);
                let rule = SafetyRule { id, panel, name, origin, kind, test, wait_period, tags, revision };
                board.rules.insert(id, rule);
            }
            board
        })
        .boxed()
}

/// A command about objects that this state has: one that mostly succeeds.
pub(super) fn grow(state: &State, pick: u8, name: ControlName) -> Option<Command> {
    let board = &state.board;
    let at = usize::from(pick / 8);
    let panel = board.panels.values().nth(at % board.panels.len().max(1))?;
    let controls: Vec<ControlId> = board.controls_of(panel.id).map(|control| control.id).collect();
    let command = match pick % 8 {
        0 => BoardCommand::CreatePanel { cluster: panel.cluster, name, tags: Tags::new() },
        1..4 => BoardCommand::CreateControl { cluster: panel.cluster, panel: Some(panel.id), name },
        4 => BoardCommand::CreateRule {
            panel: panel.id,
            name,
            kind: RuleKind::Assert { controls },
            test: RuleTest { on: Enough::AtLeast(0), inverted: false },
            wait_period: Duration::ZERO,
            tags: Tags::from([("key".to_owned(), "value".to_owned())]),
        },
        5 => BoardCommand::DeletePanel { id: panel.id },
        6 => BoardCommand::DeleteControl { id: *controls.first()? },
        _ => {
            let set = ControlSet { control: ControlRef::Id(*controls.first()?), to: Switch::On };
            let (sets, reason) = (vec![set], String::new());
            let (rule_overrides, floor_overrides) = (vec![], vec![]);
            return Some(Command::SetControls { sets, rule_overrides, floor_overrides, reason });
        }
    };
    Some(Command::Board(command))
}

/// A name that no other number has.
fn numbered(at: usize) -> ControlName {
    ControlName::new(&format!("name-{at}")).unwrap()
}
