//! Routing controls, control panels and safety rules.
//!
//! 1. A control or rule is named `PANEL/NAME`, `NAME` where one panel only has it, or `#NUMBER`.
//! 2. A batch is all or nothing; safety rules are judged by the ledger on exactly the state that the batch changes.
//! 3. What the estate declares is changed by the estate; `PUT` and `DELETE` are for the rest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/controls`: all panels with their switches and rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Controls {
    /// The newest ledger revision in it.
    pub revision: u64,
    /// Whether all that was acknowledged before the request is in it; else it is what this node knew.
    pub consistent: bool,
    /// The answering node's clock.
    pub now_ms: u64,
    /// By cluster, the built-in one first, then by name.
    pub panels: Vec<ControlPanel>,
}

/// A group of routing controls that safety rules are judged over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlPanel {
    /// Its name.
    pub name: String,
    /// Its number, 32 hexadecimal digits.
    pub id: String,
    /// The name of the cluster around it.
    pub cluster: String,
    /// Who may change it.
    pub origin: Origin,
    /// Whether it came with its cluster.
    pub is_default: bool,
    /// By name.
    pub controls: Vec<RoutingControl>,
    /// By name.
    pub rules: Vec<SafetyRule>,
    /// The entry that last changed it.
    pub revision: u64,
}

/// Who may change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The estate declares it.
    Estate,
    /// It was made over an API.
    Api,
}

/// Where a routing control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlTo {
    /// Traffic may go there.
    On,
    /// It may not.
    Off,
}

impl ControlTo {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ControlTo::On => "on",
            ControlTo::Off => "off",
        }
    }
}

/// A switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoutingControl {
    /// `PANEL/NAME`.
    pub path: String,
    /// Its number, 16 hexadecimal digits.
    pub id: String,
    /// Who may change or remove it; operators turn it either way.
    pub origin: Origin,
    /// How it stands.
    pub state: ControlTo,
    /// When it was last turned, or made.
    pub changed_at_ms: u64,
    /// Who turned it.
    pub by: String,
    /// Why, in the operator's words; may be empty.
    pub reason: String,
    /// Pools whose floor it may break while it is off.
    pub floor_overrides: Vec<String>,
    /// What it takes away while it is off: `region/ID`, `zone/ID`, `pool/NAME`, `record/NAME.`, `health_check/NAME`.
    pub behind: Vec<String>,
    /// The entry that last changed it; what `If-Match` wants.
    pub revision: u64,
}

/// What no change may break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SafetyRule {
    /// `PANEL/NAME`.
    pub path: String,
    /// Its number, 16 hexadecimal digits.
    pub id: String,
    /// Who may change or remove it.
    pub origin: Origin,
    /// Judged after a change, or before it.
    pub kind: RuleKind,
    /// How many of `of` it wants on.
    pub wants: Wants,
    /// Whether its answer is turned round: it holds while that many are *not* on.
    pub inverted: bool,
    /// The names of the controls that are counted.
    pub of: Vec<String>,
    /// The names of the controls behind the gate; none of an assertion.
    pub targets: Vec<String>,
    /// How many of `of` are on now.
    pub on: u32,
    /// Whether it holds now. A gate that does not is closed: its targets cannot be turned.
    pub holds: bool,
    /// After a change of one of its controls, how long further ones are refused.
    pub wait_period_ms: u64,
    /// Until when changes of its controls are refused now; null when none are.
    pub waits_until_ms: Option<u64>,
    /// The entry that last changed it; what `If-Match` wants.
    pub revision: u64,
}

/// When a rule is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// On the state after a change.
    Assert,
    /// On the state before it.
    Gate,
}

/// How many controls of a rule are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// So many or more.
    AtLeast(u16),
    /// All of them.
    All,
    /// One or more.
    Any,
}

impl std::fmt::Display for Wants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wants::AtLeast(count) => write!(f, "at least {count}"),
            Wants::All => f.write_str("all"),
            Wants::Any => f.write_str("any"),
        }
    }
}

/// `POST /v1/controls`: turn routing controls, all or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetControls {
    /// 1 to 100, each control once.
    pub sets: Vec<ControlSet>,
    /// Safety rules that are not asked; each exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_rules: Vec<String>,
    /// Pools whose floor it may break all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_floor: Vec<String>,
    /// Why; 1 to 500 characters.
    pub reason: String,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`. Without one the node makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One routing control and where it is to stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlSet {
    /// `PANEL/NAME`, `NAME` or `#NUMBER`.
    #[schema(example = "regions/eu-west-2")]
    pub control: String,
    /// On or off.
    pub to: ControlTo,
}

/// What a batch answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlsSet {
    /// The entry that did it; an older one if all stood so already.
    pub revision: u64,
    /// The controls of the batch, as they stand now.
    pub controls: Vec<RoutingControl>,
}

/// `PUT /v1/panels/{panel}` and `PUT /v1/panels/{panel}/controls/{control}`: make it, or give it another name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutNamed {
    /// Its new name, for one that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// As in [`SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `PUT /v1/panels/{panel}/rules/{rule}`: make it, or change its name or wait period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutRule {
    /// Its new name, for one that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// Judged after a change, or before it.
    pub kind: RuleKind,
    /// How many are enough.
    pub wants: Wants,
    /// Whether the answer is turned round.
    #[serde(default)]
    pub inverted: bool,
    /// Names of controls of the panel that are counted.
    pub of: Vec<String>,
    /// Names of controls of the panel behind the gate; none of an assertion.
    #[serde(default)]
    pub targets: Vec<String>,
    /// `0s` to `1h`; default `5s`.
    #[serde(default = "wait_period")]
    #[schema(default = "5s")]
    pub wait_period: String,
    /// As in [`SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

fn wait_period() -> String {
    "5s".to_owned()
}
