//! One of each object, and of each command and event about them.

use std::time::Duration;

use hf_config::estate::{Enough, RuleTest};
use hf_control::{
    Board, BoardCommand, Cluster, Command, ControlRef, ControlSet, ControlState, Event, NetworkType,
    ObjectId, Origin, Panel, PanelRole, RoutingControl, RuleKind, RuleRef, SafetyRule, Tags,
};
use hf_model::{ClusterId, ControlId, Operator, PanelId, Revision, RuleId, Switch, Timestamp};

const CLUSTER: ClusterId = ClusterId(0xe5e5_e5e5_e5e5_e5e5_e5e5_e5e5_e5e5_e5e5);
const PANEL: PanelId = PanelId(0x0a);
const LONDON: ControlId = ControlId(0x0b);
const DUBLIN: ControlId = ControlId(0x0c);
const RULE: RuleId = RuleId(0x0d);
const GATE: RuleId = RuleId(0x0e);
const AT_LEAST_ONE: RuleTest = RuleTest { on: Enough::AtLeast(1), inverted: false };

fn tags() -> Tags {
    Tags::from([("team".to_owned(), "web & \"dns\"".to_owned())])
}

pub(super) fn objects() -> Vec<ObjectId> {
    vec![ObjectId::Cluster(CLUSTER), ObjectId::Panel(PANEL), ObjectId::Control(LONDON), ObjectId::Rule(RULE)]
}

fn cluster(id: ClusterId, name: &str, network: NetworkType, origin: Origin) -> (ClusterId, Cluster) {
    let (name, revision) = (name.parse().unwrap(), Revision(1));
    (id, Cluster { id, name, network, origin, tags: tags(), revision })
}

fn panel(id: PanelId, cluster: ClusterId, name: &str, role: PanelRole) -> (PanelId, Panel) {
    let (name, revision) = (name.parse().unwrap(), Revision(2));
    (id, Panel { id, cluster, name, origin: Origin::Api, role, tags: tags(), revision })
}

fn control(id: ControlId, name: &str, to: Switch) -> (ControlId, RoutingControl) {
    let control = RoutingControl {
        id,
        panel: PANEL,
        name: name.parse().unwrap(),
        origin: Origin::Estate,
        to,
        changed_at: Timestamp(1_700_000_000_000),
        turned_at: (to == Switch::Off).then_some(Timestamp(1_700_000_000_000)),
        by: Operator::new("ann"),
        reason: "storm".to_owned(),
        floor_overrides: vec!["web".parse().unwrap()],
        tags: Tags::new(),
        revision: Revision(3),
    };
    (id, control)
}

fn rule(id: RuleId, name: &str, kind: RuleKind, test: RuleTest) -> (RuleId, SafetyRule) {
    let (name, wait_period) = (name.parse().unwrap(), Duration::from_secs(5));
    let (origin, tags, revision) = (Origin::Estate, tags(), Revision(4));
    (id, SafetyRule { id, panel: PANEL, name, origin, kind, test, wait_period, tags, revision })
}

pub(super) fn board() -> Board {
    let other = ClusterId(1);
    let gate = RuleKind::Gate { gating: vec![DUBLIN], targets: vec![LONDON] };
    let inverted = RuleTest { on: Enough::Any, inverted: true };
    Board {
        clusters: [
            cluster(CLUSTER, "holdfast", NetworkType::Ipv4, Origin::Estate),
            cluster(other, "second", NetworkType::DualStack, Origin::Api),
        ]
        .into(),
        panels: [
            panel(PANEL, CLUSTER, "regions", PanelRole::Plain),
            panel(PanelId(1), CLUSTER, "default", PanelRole::Default),
            panel(PanelId(2), other, "default", PanelRole::Default),
        ]
        .into(),
        controls: [control(LONDON, "eu-west-2", Switch::Off), control(DUBLIN, "eu-west-1", Switch::On)]
            .into(),
        rules: [
            rule(RULE, "keep-one", RuleKind::Assert { controls: vec![DUBLIN, LONDON] }, AT_LEAST_ONE),
            rule(GATE, "gate", gate, inverted),
        ]
        .into(),
    }
}

pub(super) fn control_states() -> Vec<ControlState> {
    let board = board();
    let mut states: Vec<ControlState> = board
        .controls
        .values()
        .map(|control| ControlState {
            path: board.path_of(control).unwrap(),
            id: control.id,
            to: control.to,
            changed_at: control.changed_at,
            by: control.by.clone(),
            floor_overrides: control.floor_overrides.clone(),
        })
        .collect();
    states.sort_by(|a, b| a.path.cmp(&b.path));
    states
}

pub(super) fn set_controls() -> Command {
    Command::SetControls {
        sets: vec![
            ControlSet { control: ControlRef::Id(LONDON), to: Switch::Off },
            ControlSet { control: ControlRef::Path("regions/eu-west-1".parse().unwrap()), to: Switch::On },
            ControlSet { control: ControlRef::Name("us-east-1".parse().unwrap()), to: Switch::On },
        ],
        rule_overrides: vec![
            RuleRef::Id(RULE),
            RuleRef::Path("regions/keep-one".parse().unwrap()),
            RuleRef::Name("gate".parse().unwrap()),
        ],
        floor_overrides: vec!["web".parse().unwrap()],
        reason: "storm".to_owned(),
    }
}

pub(super) fn commands() -> Vec<BoardCommand> {
    let name = |text: &str| text.parse().unwrap();
    let all = RuleTest { on: Enough::All, inverted: false };
    let (panel, tags) = (PANEL, tags());
    let kind = board().rules[&GATE].kind.clone();
    let second = Duration::from_secs(1);
    vec![
        BoardCommand::CreateCluster {
            name: name("second"),
            network: NetworkType::DualStack,
            tags: tags.clone(),
        },
        BoardCommand::UpdateCluster { id: CLUSTER, network: NetworkType::Ipv4 },
        BoardCommand::DeleteCluster { id: CLUSTER },
        BoardCommand::CreatePanel { cluster: CLUSTER, name: name("cells"), tags: tags.clone() },
        BoardCommand::RenamePanel { id: panel, name: name("places") },
        BoardCommand::DeletePanel { id: panel },
        BoardCommand::CreateControl { cluster: CLUSTER, panel: Some(panel), name: name("cell-1") },
        BoardCommand::CreateControl { cluster: CLUSTER, panel: None, name: name("cell-2") },
        BoardCommand::RenameControl { id: LONDON, name: name("london") },
        BoardCommand::DeleteControl { id: LONDON },
        BoardCommand::CreateRule {
            panel,
            name: name("two"),
            kind,
            test: all,
            wait_period: second,
            tags: tags.clone(),
        },
        BoardCommand::UpdateRule { id: RULE, name: name("three"), wait_period: second },
        BoardCommand::DeleteRule { id: RULE },
        BoardCommand::Tag { object: ObjectId::Rule(RULE), tags },
        BoardCommand::Untag { object: ObjectId::Cluster(CLUSTER), keys: vec!["team".to_owned()] },
    ]
}

pub(super) fn events() -> Vec<Event> {
    let path: hf_model::ControlPath = "regions/eu-west-2".parse().unwrap();
    let changed =
        |object| Event::ObjectChanged { object, before: Some("name london".to_owned()), after: None };
    let mut events = vec![
        Event::ControlTurned { path, before: Switch::On, after: Switch::Off },
        Event::RulesOverridden(vec!["regions/keep-one".parse().unwrap()]),
        Event::FloorsOverridden(vec!["web".parse().unwrap()]),
    ];
    events.extend(objects().into_iter().map(changed));
    events
}
