//! Routing controls and what is around them: clusters, control panels, safety rules.
//!
//! 1. Objects have numbers, made of the entry that brought them, and names, which may change. What refers to an object from outside
//!    for long uses its number.
//! 2. What the estate declares is changed by the estate alone ([`Origin::Estate`]); the rest by commands.
//! 3. One cluster, `holdfast`, is there from the first entry on; what the estate declares lives in it. Each cluster has a default panel.
//!
//! Not here: the rules of a change (`apply`), what an Off does to traffic (`hf-decide`).

use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::RuleTest;
use hf_model::{
    ClusterId, ControlId, ControlName, ControlPath, EstateId, Operator, PanelId, PoolName, Revision, RuleId,
    Switch, Timestamp,
};

use crate::intent::ControlState;

/// Tags of one object: keys and values as AWS allows them.
pub type Tags = BTreeMap<String, String>;

/// All objects at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Clusters, the built-in one first by revision.
    pub clusters: BTreeMap<ClusterId, Cluster>,
    /// Control panels.
    pub panels: BTreeMap<PanelId, Panel>,
    /// Routing controls.
    pub controls: BTreeMap<ControlId, RoutingControl>,
    /// Safety rules.
    pub rules: BTreeMap<RuleId, SafetyRule>,
}

/// Who may change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The estate declares it: an `apply` changes it.
    Estate,
    /// A command brought it: commands change it.
    Api,
}

/// The control nodes as one thing, as the ARC APIs see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its number.
    pub id: ClusterId,
    /// Its name, unique.
    pub name: ControlName,
    /// Whether it also speaks IPv6, as its maker said; only told back.
    pub network: NetworkType,
    /// The built-in one is of the estate.
    pub origin: Origin,
    /// Tags.
    pub tags: Tags,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// What AWS calls a cluster's network type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkType {
    /// `IPV4`, the default.
    #[default]
    Ipv4,
    /// `DUALSTACK`.
    DualStack,
}

/// A group of routing controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// Its number.
    pub id: PanelId,
    /// The cluster around it.
    pub cluster: ClusterId,
    /// Its name, unique in the cluster.
    pub name: ControlName,
    /// Who may change it.
    pub origin: Origin,
    /// Whether it came with the cluster and takes controls that name no panel.
    pub role: PanelRole,
    /// Tags.
    pub tags: Tags,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// Whether a panel is its cluster's default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PanelRole {
    /// It came with its cluster and goes with it.
    Default,
    /// Any other.
    Plain,
}

/// A switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingControl {
    /// Its number.
    pub id: ControlId,
    /// The panel around it.
    pub panel: PanelId,
    /// Its name, unique in the panel.
    pub name: ControlName,
    /// Who may change it (not how it stands: operators do that).
    pub origin: Origin,
    /// How it stands.
    pub to: Switch,
    /// When it was last turned, or made.
    pub changed_at: Timestamp,
    /// When it was last turned; none since it was made: making it starts no wait period.
    pub turned_at: Option<Timestamp>,
    /// Who turned it.
    pub by: Operator,
    /// Why, in the operator's words; may be empty (the ARC APIs have no such field).
    pub reason: String,
    /// Pools whose floor it may break while it is off, by the operator's explicit word.
    pub floor_overrides: Vec<PoolName>,
    /// Tags.
    pub tags: Tags,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// What no change may break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetyRule {
    /// Its number.
    pub id: RuleId,
    /// The panel around it and its controls.
    pub panel: PanelId,
    /// Its name, unique in the panel.
    pub name: ControlName,
    /// Who may change it.
    pub origin: Origin,
    /// Over which controls.
    pub kind: RuleKind,
    /// What is enough.
    pub test: RuleTest,
    /// After a change of one of its controls (asserted or target), how long further changes of them are refused.
    pub wait_period: Duration,
    /// Tags.
    pub tags: Tags,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// What a safety rule is judged over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// After a change, enough of these are on.
    Assert {
        /// In the order given, each once.
        controls: Vec<ControlId>,
    },
    /// `targets` may change only while enough of `gating` were on before.
    Gate {
        /// In the order given, each once.
        gating: Vec<ControlId>,
        /// In the order given, each once.
        targets: Vec<ControlId>,
    },
}

impl RuleKind {
    /// The controls whose changes the rule has a say in: asserted ones or targets.
    pub fn guarded(&self) -> &[ControlId] {
        match self {
            RuleKind::Assert { controls } => controls,
            RuleKind::Gate { targets, .. } => targets,
        }
    }

    /// The controls that are counted: asserted ones or gating ones.
    pub fn counted(&self) -> &[ControlId] {
        match self {
            RuleKind::Assert { controls } => controls,
            RuleKind::Gate { gating, .. } => gating,
        }
    }
}

/// The number of any object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A cluster.
    Cluster(ClusterId),
    /// A control panel.
    Panel(PanelId),
    /// A routing control.
    Control(ControlId),
    /// A safety rule.
    Rule(RuleId),
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ObjectId::Cluster(id) => write!(f, "cluster {id}"),
            ObjectId::Panel(id) => write!(f, "control panel {id}"),
            ObjectId::Control(id) => write!(f, "routing control {id}"),
            ObjectId::Rule(id) => write!(f, "safety rule {id}"),
        }
    }
}

/// How an operator names a routing control. As text: `#` and the number, `PANEL/NAME`, or `NAME` where one panel only has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlRef {
    /// By its number.
    Id(ControlId),
    /// By its panel's name and its own.
    Path(ControlPath),
    /// By its name alone.
    Name(ControlName),
}

/// How an operator names a safety rule; as [`ControlRef`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleRef {
    /// By its number.
    Id(RuleId),
    /// By its panel's name and its own.
    Path(ControlPath),
    /// By its name alone.
    Name(ControlName),
}

/// Why a text names no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no routing control or safety rule ({why}); write NAME, PANEL/NAME or #NUMBER")]
pub struct RefError {
    /// As written, cut.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

macro_rules! reference {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $name::Id(id) => write!(f, "#{id}"),
                    $name::Path(path) => write!(f, "{path}"),
                    $name::Name(name) => write!(f, "{name}"),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = RefError;
            fn from_str(text: &str) -> Result<Self, RefError> {
                let error = |why: &dyn std::fmt::Display| RefError {
                    text: text.chars().take(80).collect(),
                    why: why.to_string(),
                };
                if let Some(number) = text.strip_prefix('#') {
                    number.parse().map($name::Id).map_err(|why| error(&why))
                } else if text.contains('/') {
                    text.parse().map($name::Path).map_err(|why| error(&why))
                } else {
                    ControlName::new(text).map($name::Name).map_err(|why| error(&why))
                }
            }
        }
    };
}

reference!(ControlRef);
reference!(RuleRef);

/// What is done to the objects; how a control stands is changed by [`crate::Command::SetControls`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardCommand {
    /// Makes a cluster with its default panel.
    CreateCluster {
        /// Unique.
        name: ControlName,
        /// Told back.
        network: NetworkType,
        /// Tags.
        tags: Tags,
    },
    /// Changes what a cluster says of its network.
    UpdateCluster {
        /// Which.
        id: ClusterId,
        /// Told back.
        network: NetworkType,
    },
    /// Removes a cluster whose panels are all gone but the default one, and that one if it is empty.
    DeleteCluster {
        /// Which.
        id: ClusterId,
    },
    /// Makes a panel.
    CreatePanel {
        /// Where.
        cluster: ClusterId,
        /// Unique in the cluster.
        name: ControlName,
        /// Tags.
        tags: Tags,
    },
    /// Renames a panel.
    RenamePanel {
        /// Which.
        id: PanelId,
        /// Unique in the cluster.
        name: ControlName,
    },
    /// Removes an empty panel that is no default one.
    DeletePanel {
        /// Which.
        id: PanelId,
    },
    /// Makes a routing control; it is off.
    CreateControl {
        /// Where.
        cluster: ClusterId,
        /// In which panel; none = the cluster's default one.
        panel: Option<PanelId>,
        /// Unique in the panel.
        name: ControlName,
    },
    /// Renames a routing control.
    RenameControl {
        /// Which.
        id: ControlId,
        /// Unique in the panel.
        name: ControlName,
    },
    /// Removes a routing control that no safety rule names.
    DeleteControl {
        /// Which.
        id: ControlId,
    },
    /// Makes a safety rule.
    CreateRule {
        /// Where.
        panel: PanelId,
        /// Unique in the panel.
        name: ControlName,
        /// Over controls of that panel.
        kind: RuleKind,
        /// What is enough.
        test: RuleTest,
        /// 0 s to 1 h.
        wait_period: Duration,
        /// Tags.
        tags: Tags,
    },
    /// Changes a safety rule's name and wait period; anything else: delete it and make another.
    UpdateRule {
        /// Which.
        id: RuleId,
        /// Unique in the panel.
        name: ControlName,
        /// 0 s to 1 h.
        wait_period: Duration,
    },
    /// Removes a safety rule.
    DeleteRule {
        /// Which.
        id: RuleId,
    },
    /// Adds tags to an object; a tag of that key is replaced.
    Tag {
        /// Which.
        object: ObjectId,
        /// At most [`Board::TAGS`] on one object, the old ones included.
        tags: Tags,
    },
    /// Takes tags away; those not there are passed over.
    Untag {
        /// Which.
        object: ObjectId,
        /// Their keys.
        keys: Vec<String>,
    },
}

impl Board {
    /// Clusters at most, the built-in one included: AWS's quota of two, and ours.
    pub const CLUSTERS: usize = 3;
    /// Tags of one object at most.
    pub const TAGS: usize = 50;
    /// Tags of all objects together at most, so that the state has a size.
    pub const TAGS_IN_ALL: usize = 10_000;
    /// Characters of a tag's key at most.
    pub const TAG_KEY_CHARS: usize = 128;
    /// Characters of a tag's value at most.
    pub const TAG_VALUE_CHARS: usize = 256;

    /// The cluster that is always there: its number is the estate's.
    pub fn built_in_cluster(&self, estate: EstateId) -> ClusterId {
        ClusterId(u128::from_be_bytes(estate.0))
    }

    /// The panel and name of a control.
    pub fn path_of(&self, control: &RoutingControl) -> Option<ControlPath> {
        let panel = self.panels.get(&control.panel)?.name.clone();
        Some(ControlPath { panel, control: control.name.clone() })
    }

    /// The panel and name of a rule.
    pub fn path_of_rule(&self, rule: &SafetyRule) -> Option<ControlPath> {
        let panel = self.panels.get(&rule.panel)?.name.clone();
        Some(ControlPath { panel, control: rule.name.clone() })
    }

    /// The same with no tags: what travels to nodes that need to know the rules, not what people note on them.
    #[must_use]
    pub fn without_tags(&self) -> Board {
        let mut bare = self.clone();
        bare.clusters.values_mut().for_each(|cluster| cluster.tags.clear());
        bare.panels.values_mut().for_each(|panel| panel.tags.clear());
        bare.controls.values_mut().for_each(|control| control.tags.clear());
        bare.rules.values_mut().for_each(|rule| rule.tags.clear());
        bare
    }

    /// How every control of the built-in cluster of this estate stands, by path: what [`crate::Intent::controls`] says.
    pub fn control_states(&self, estate_id: EstateId) -> Vec<ControlState> {
        let built_in = self.built_in_cluster(estate_id);
        let is_built_in = |control: &&RoutingControl| {
            self.panels.get(&control.panel).is_some_and(|panel| panel.cluster == built_in)
        };
        let state = |control: &RoutingControl| {
            Some(ControlState {
                path: self.path_of(control)?,
                id: control.id,
                to: control.to,
                changed_at: control.changed_at,
                by: control.by.clone(),
                floor_overrides: control.floor_overrides.clone(),
            })
        };
        let mut states: Vec<ControlState> =
            self.controls.values().filter(is_built_in).filter_map(state).collect();
        states.sort_by(|a, b| a.path.cmp(&b.path));
        states
    }

    /// The controls of a panel, by number.
    pub fn controls_of(&self, panel: PanelId) -> impl Iterator<Item = &RoutingControl> {
        self.controls.values().filter(move |control| control.panel == panel)
    }

    /// The rules of a panel, by number.
    pub fn rules_of(&self, panel: PanelId) -> impl Iterator<Item = &SafetyRule> {
        self.rules.values().filter(move |rule| rule.panel == panel)
    }
}

/// One line for journals.
impl std::fmt::Display for BoardCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BoardCommand::CreateCluster { name, .. } => write!(f, "create cluster {name}"),
            BoardCommand::UpdateCluster { id, .. } => write!(f, "change cluster {id}"),
            BoardCommand::DeleteCluster { id } => write!(f, "delete cluster {id}"),
            BoardCommand::CreatePanel { name, .. } => write!(f, "create control panel {name}"),
            BoardCommand::RenamePanel { id, name } => write!(f, "rename control panel {id} to {name}"),
            BoardCommand::DeletePanel { id } => write!(f, "delete control panel {id}"),
            BoardCommand::CreateControl { name, .. } => write!(f, "create routing control {name}"),
            BoardCommand::RenameControl { id, name } => write!(f, "rename routing control {id} to {name}"),
            BoardCommand::DeleteControl { id } => write!(f, "delete routing control {id}"),
            BoardCommand::CreateRule { name, .. } => write!(f, "create safety rule {name}"),
            BoardCommand::UpdateRule { id, name, wait_period } => {
                let wait = hf_model::format_duration(*wait_period);
                write!(f, "change safety rule {id}: name {name}, wait period {wait}")
            }
            BoardCommand::DeleteRule { id } => write!(f, "delete safety rule {id}"),
            BoardCommand::Tag { object, .. } => write!(f, "tag {object}"),
            BoardCommand::Untag { object, .. } => write!(f, "untag {object}"),
        }
    }
}
