//! Clusters, control panels, routing controls and safety rules inside other formats.
//!
//! Whether they hold together is checked on both sides: a panel is in a cluster that is there, a control and a rule in a panel that is
//! there, a rule is over controls of its own panel, and nothing has a number or a name twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{Enough, RuleTest, limits as estate};
use hf_control::{
    Board, Cluster, NetworkType, ObjectId, Origin, Panel, PanelRole, RoutingControl, RuleKind, SafetyRule,
    Tags,
};
use hf_model::{ClusterId, ControlId, ControlName, Operator, PanelId, Revision, RuleId, Switch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{Overrides, overrides, read_overrides};
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::list::AtMost;
use crate::mirror::mirrored;
use crate::text::AsText;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoardBody {
    clusters: AtMost<ClusterBody, { Board::CLUSTERS }>,
    panels: AtMost<PanelBody, { limits::PANELS }>,
    controls: AtMost<ControlBody, { limits::CONTROLS }>,
    rules: AtMost<RuleBody, { limits::RULES }>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterBody {
    id: AsText<ClusterId>,
    name: AsText<ControlName>,
    network: NetworkBody,
    origin: OriginBody,
    tags: Tags,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PanelBody {
    id: AsText<PanelId>,
    cluster: AsText<ClusterId>,
    name: AsText<ControlName>,
    origin: OriginBody,
    role: RoleBody,
    tags: Tags,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlBody {
    id: AsText<ControlId>,
    panel: AsText<PanelId>,
    name: AsText<ControlName>,
    origin: OriginBody,
    to: SwitchBody,
    changed_at_ms: u64,
    turned_at_ms: Option<u64>,
    by: AsText<Operator>,
    reason: String,
    floor_overrides: Overrides,
    tags: Tags,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleBody {
    id: AsText<RuleId>,
    panel: AsText<PanelId>,
    name: AsText<ControlName>,
    origin: OriginBody,
    kind: RuleKindBody,
    test: RuleTestBody,
    wait_period: Duration,
    tags: Tags,
    revision: u64,
}

/// The controls of one side of a rule.
type RuleControls = AtMost<AsText<ControlId>, { estate::CONTROLS_OF_A_PANEL }>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RuleKindBody {
    Assert { controls: RuleControls },
    Gate { gating: RuleControls, targets: RuleControls },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleTestBody {
    on: EnoughBody,
    inverted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EnoughBody {
    AtLeast(u16),
    All,
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ObjectIdBody {
    Cluster(AsText<ClusterId>),
    Panel(AsText<PanelId>),
    Control(AsText<ControlId>),
    Rule(AsText<RuleId>),
}

mirrored! {
    Switch as SwitchBody { On, Off }
    Origin as OriginBody { Estate, Api }
    NetworkType as NetworkBody { Ipv4, DualStack }
    PanelRole as RoleBody { Default, Plain }
}

impl BoardBody {
    pub(crate) fn of(board: &Board, format: &Format) -> Result<Self, CodecError> {
        check(board, format)?;
        Ok(BoardBody {
            clusters: AtMost::of(board.clusters.values(), ClusterBody::of),
            panels: AtMost::of(board.panels.values(), PanelBody::of),
            controls: AtMost::of(board.controls.values(), ControlBody::of),
            rules: AtMost::of(board.rules.values(), RuleBody::of),
        })
    }

    pub(crate) fn read(self, format: &Format) -> Result<Board, CodecError> {
        let clusters = self.clusters.0.into_iter().map(ClusterBody::read);
        let panels = self.panels.0.into_iter().map(PanelBody::read);
        let controls = self.controls.0.into_iter().map(ControlBody::read);
        let rules = self.rules.0.into_iter().map(RuleBody::read);
        let board = Board {
            clusters: by_id(clusters, |cluster| cluster.id, "clusters", format)?,
            panels: by_id(panels, |panel| panel.id, "panels", format)?,
            controls: by_id(controls, |control| control.id, "controls", format)?,
            rules: by_id(rules, |rule| rule.id, "rules", format)?,
        };
        check(&board, format)?;
        Ok(board)
    }
}

/// By number, each number once.
fn by_id<T, Id: Ord>(
    objects: impl Iterator<Item = T>,
    id: impl Fn(&T) -> Id,
    place: &str,
    format: &Format,
) -> Result<BTreeMap<Id, T>, CodecError> {
    let mut by_id = BTreeMap::new();
    for (at, object) in objects.enumerate() {
        if by_id.insert(id(&object), object).is_some() {
            return Err(format.invalid(&format!("board.{place}[{at}].id"), "is there twice"));
        }
    }
    Ok(by_id)
}

/// Whether the objects hold together and are within their bounds.
fn check(board: &Board, format: &Format) -> Result<(), CodecError> {
    let invalid =
        |object: ObjectId, what: &dyn std::fmt::Display| Err(format.invalid(&object.to_string(), what));
    let tags = [
        board.clusters.values().map(|cluster| cluster.tags.len()).sum::<usize>(),
        board.panels.values().map(|panel| panel.tags.len()).sum(),
        board.controls.values().map(|control| control.tags.len()).sum(),
        board.rules.values().map(|rule| rule.tags.len()).sum(),
    ];
    format.check_count("board.tags", tags.iter().sum(), Board::TAGS_IN_ALL)?;
    let mut names = Names::default();
    for (id, cluster) in &board.clusters {
        let object = ObjectId::Cluster(*id);
        check_tags(object, &cluster.tags, format)?;
        names.add(object, None, &cluster.name, format)?;
        let panels = || board.panels.values().filter(|panel| panel.cluster == *id);
        if panels().filter(|panel| panel.role == PanelRole::Default).count() != 1 {
            return invalid(object, &"has one default control panel");
        }
        // The default panel comes with the cluster and is not counted.
        format.check_count("board.panels", panels().count(), estate::CONTROL_PANELS + 1)?;
        let controls: usize = panels().map(|panel| board.controls_of(panel.id).count()).sum();
        format.check_count("board.controls", controls, estate::ROUTING_CONTROLS)?;
    }
    for (id, panel) in &board.panels {
        let object = ObjectId::Panel(*id);
        check_tags(object, &panel.tags, format)?;
        names.add(object, Some(ObjectId::Cluster(panel.cluster)), &panel.name, format)?;
        if !board.clusters.contains_key(&panel.cluster) {
            return invalid(object, &format_args!("is in cluster {}, which is not there", panel.cluster));
        }
        format.check_count("board.controls", board.controls_of(*id).count(), estate::CONTROLS_OF_A_PANEL)?;
        format.check_count("board.rules", board.rules_of(*id).count(), estate::RULES_OF_A_PANEL)?;
    }
    for (id, control) in &board.controls {
        let object = ObjectId::Control(*id);
        check_tags(object, &control.tags, format)?;
        names.add(object, Some(ObjectId::Panel(control.panel)), &control.name, format)?;
        if !board.panels.contains_key(&control.panel) {
            return invalid(
                object,
                &format_args!("is in control panel {}, which is not there", control.panel),
            );
        }
    }
    for (id, rule) in &board.rules {
        let object = ObjectId::Rule(*id);
        check_tags(object, &rule.tags, format)?;
        names.add(object, Some(ObjectId::Panel(rule.panel)), &rule.name, format)?;
        if !board.panels.contains_key(&rule.panel) {
            return invalid(object, &format_args!("is in control panel {}, which is not there", rule.panel));
        }
        check_rule(rule, board, format)?;
    }
    Ok(())
}

/// A rule is over controls of its own panel, each once on its side.
fn check_rule(rule: &SafetyRule, board: &Board, format: &Format) -> Result<(), CodecError> {
    let sides: [&[ControlId]; 2] = match &rule.kind {
        RuleKind::Assert { controls } => [controls, &[]],
        RuleKind::Gate { gating, targets } => [gating, targets],
    };
    let invalid =
        |what: std::fmt::Arguments<'_>| Err(format.invalid(&ObjectId::Rule(rule.id).to_string(), what));
    for side in sides {
        let mut seen = BTreeSet::new();
        for id in side {
            if !seen.insert(id) {
                return invalid(format_args!("names routing control {id} twice"));
            }
            if board.controls.get(id).is_none_or(|control| control.panel != rule.panel) {
                return invalid(format_args!(
                    "is over routing control {id}, which is not in its control panel"
                ));
            }
        }
    }
    Ok(())
}

fn check_tags(object: ObjectId, tags: &Tags, format: &Format) -> Result<(), CodecError> {
    format.check_count("tags", tags.len(), Board::TAGS)?;
    let is_too_long = |(key, value): (&String, &String)| {
        key.chars().count() > Board::TAG_KEY_CHARS || value.chars().count() > Board::TAG_VALUE_CHARS
    };
    if tags.iter().any(is_too_long) {
        let (key, value) = (Board::TAG_KEY_CHARS, Board::TAG_VALUE_CHARS);
        let what =
            format_args!("has a tag of more than {key} characters for its key or {value} for its value");
        return Err(format.invalid(&object.to_string(), what));
    }
    Ok(())
}

/// The names taken: by kind of object, what it is in, and name.
#[derive(Default)]
struct Names(BTreeSet<(u8, Option<ObjectId>, ControlName)>);

impl Names {
    fn add(
        &mut self,
        object: ObjectId,
        inside: Option<ObjectId>,
        name: &ControlName,
        format: &Format,
    ) -> Result<(), CodecError> {
        // Controls and rules of one panel may share a name.
        let kind = match object {
            ObjectId::Cluster(_) => 0,
            ObjectId::Panel(_) => 1,
            ObjectId::Control(_) => 2,
            ObjectId::Rule(_) => 3,
        };
        if self.0.insert((kind, inside, name.clone())) {
            return Ok(());
        }
        Err(format.invalid(&object.to_string(), format_args!("has a name, {name}, that another one has too")))
    }
}

impl ClusterBody {
    fn of(cluster: &Cluster) -> Self {
        ClusterBody {
            id: AsText(cluster.id),
            name: AsText(cluster.name.clone()),
            network: cluster.network.into(),
            origin: cluster.origin.into(),
            tags: cluster.tags.clone(),
            revision: cluster.revision.0,
        }
    }

    fn read(self) -> Cluster {
        Cluster {
            id: self.id.0,
            name: self.name.0,
            network: self.network.into(),
            origin: self.origin.into(),
            tags: self.tags,
            revision: Revision(self.revision),
        }
    }
}

impl PanelBody {
    fn of(panel: &Panel) -> Self {
        PanelBody {
            id: AsText(panel.id),
            cluster: AsText(panel.cluster),
            name: AsText(panel.name.clone()),
            origin: panel.origin.into(),
            role: panel.role.into(),
            tags: panel.tags.clone(),
            revision: panel.revision.0,
        }
    }

    fn read(self) -> Panel {
        Panel {
            id: self.id.0,
            cluster: self.cluster.0,
            name: self.name.0,
            origin: self.origin.into(),
            role: self.role.into(),
            tags: self.tags,
            revision: Revision(self.revision),
        }
    }
}

impl ControlBody {
    fn of(control: &RoutingControl) -> Self {
        ControlBody {
            id: AsText(control.id),
            panel: AsText(control.panel),
            name: AsText(control.name.clone()),
            origin: control.origin.into(),
            to: control.to.into(),
            changed_at_ms: control.changed_at.0,
            turned_at_ms: control.turned_at.map(|at| at.0),
            by: AsText(control.by.clone()),
            reason: control.reason.clone(),
            floor_overrides: overrides(&control.floor_overrides),
            tags: control.tags.clone(),
            revision: control.revision.0,
        }
    }

    fn read(self) -> RoutingControl {
        RoutingControl {
            id: self.id.0,
            panel: self.panel.0,
            name: self.name.0,
            origin: self.origin.into(),
            to: self.to.into(),
            changed_at: Timestamp(self.changed_at_ms),
            turned_at: self.turned_at_ms.map(Timestamp),
            by: self.by.0,
            reason: self.reason,
            floor_overrides: read_overrides(self.floor_overrides),
            tags: self.tags,
            revision: Revision(self.revision),
        }
    }
}

impl RuleBody {
    fn of(rule: &SafetyRule) -> Self {
        RuleBody {
            id: AsText(rule.id),
            panel: AsText(rule.panel),
            name: AsText(rule.name.clone()),
            origin: rule.origin.into(),
            kind: (&rule.kind).into(),
            test: rule.test.into(),
            wait_period: rule.wait_period,
            tags: rule.tags.clone(),
            revision: rule.revision.0,
        }
    }

    fn read(self) -> SafetyRule {
        SafetyRule {
            id: self.id.0,
            panel: self.panel.0,
            name: self.name.0,
            origin: self.origin.into(),
            kind: self.kind.into(),
            test: self.test.into(),
            wait_period: self.wait_period,
            tags: self.tags,
            revision: Revision(self.revision),
        }
    }
}

impl From<&RuleKind> for RuleKindBody {
    fn from(kind: &RuleKind) -> Self {
        let list = |ids: &Vec<ControlId>| AtMost::of(ids, |id| AsText(*id));
        match kind {
            RuleKind::Assert { controls } => RuleKindBody::Assert { controls: list(controls) },
            RuleKind::Gate { gating, targets } => {
                RuleKindBody::Gate { gating: list(gating), targets: list(targets) }
            }
        }
    }
}

impl From<RuleKindBody> for RuleKind {
    fn from(body: RuleKindBody) -> Self {
        let list = |ids: RuleControls| ids.read(|id| id.0);
        match body {
            RuleKindBody::Assert { controls } => RuleKind::Assert { controls: list(controls) },
            RuleKindBody::Gate { gating, targets } => {
                RuleKind::Gate { gating: list(gating), targets: list(targets) }
            }
        }
    }
}

impl From<RuleTest> for RuleTestBody {
    fn from(test: RuleTest) -> Self {
        let on = match test.on {
            Enough::AtLeast(count) => EnoughBody::AtLeast(count),
            Enough::All => EnoughBody::All,
            Enough::Any => EnoughBody::Any,
        };
        RuleTestBody { on, inverted: test.inverted }
    }
}

impl From<RuleTestBody> for RuleTest {
    fn from(body: RuleTestBody) -> Self {
        let on = match body.on {
            EnoughBody::AtLeast(count) => Enough::AtLeast(count),
            EnoughBody::All => Enough::All,
            EnoughBody::Any => Enough::Any,
        };
        RuleTest { on, inverted: body.inverted }
    }
}

impl From<ObjectId> for ObjectIdBody {
    fn from(id: ObjectId) -> Self {
        match id {
            ObjectId::Cluster(id) => ObjectIdBody::Cluster(AsText(id)),
            ObjectId::Panel(id) => ObjectIdBody::Panel(AsText(id)),
            ObjectId::Control(id) => ObjectIdBody::Control(AsText(id)),
            ObjectId::Rule(id) => ObjectIdBody::Rule(AsText(id)),
        }
    }
}

impl From<ObjectIdBody> for ObjectId {
    fn from(body: ObjectIdBody) -> Self {
        match body {
            ObjectIdBody::Cluster(id) => ObjectId::Cluster(id.0),
            ObjectIdBody::Panel(id) => ObjectId::Panel(id.0),
            ObjectIdBody::Control(id) => ObjectId::Control(id.0),
            ObjectIdBody::Rule(id) => ObjectId::Rule(id.0),
        }
    }
}
