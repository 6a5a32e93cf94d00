//! Inputs of route53-recovery-control-config: clusters, control panels, routing controls, safety rules, tags.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use hf_model::{ControlId, ControlName, PanelId};
use serde_json::{Map, Value};

use super::{ClientToken, Source, any_text, paging, parameter_number};
use crate::arn::{ArnError, ClusterArn, ControlArn, ObjectArn, PanelArn, RuleArn};
use crate::error::ValidationReason as Reason;
use crate::fields::{Check, Leaf};
use crate::page::Paging;
use crate::texts::{self, boolean, integer, kind, shown, sized, text, wrong};

/// Tags of one object at most (AWS's limit).
pub const TAGS_MAX: usize = 50;
/// Routing controls of one panel, and so of one rule, at most.
pub const CONTROLS_MAX: usize = 100;

/// Which addresses a cluster's endpoints have. Kept and shown; it changes nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkType {
    /// IPv4.
    Ipv4,
    /// Both.
    DualStack,
}

/// How many of a rule's controls must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum RuleType {
    /// As many as its threshold says.
    #[serde(rename = "ATLEAST")]
    AtLeast,
    /// All.
    #[serde(rename = "AND")]
    All,
    /// One.
    #[serde(rename = "OR")]
    Any,
}

/// A rule's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuleConfig {
    /// How many.
    #[serde(rename = "Type")]
    pub kind: RuleType,
    /// For [`RuleType::AtLeast`]: 1 to the number of the rule's controls. Elsewhere it is as it was sent.
    pub threshold: u16,
    /// Whether it must not be so many.
    pub inverted: bool,
}

/// A new rule's controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewRuleKind {
    /// So many of these are on after every change.
    Assertion {
        /// In order, each once, all in the rule's panel; 1 to [`CONTROLS_MAX`].
        asserted: Vec<ControlId>,
    },
    /// The targets change only while so many of the gating ones are on.
    Gating {
        /// As above.
        gating: Vec<ControlId>,
        /// As above.
        targets: Vec<ControlId>,
    },
}

/// Whether a rule asserts or gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSort {
    /// `AssertionRuleUpdate`.
    Assertion,
    /// `GatingRuleUpdate`.
    Gating,
}

/// Make a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateCluster {
    /// Its name.
    pub name: ControlName,
    /// IPv4 where the caller does not say.
    pub network: NetworkType,
    /// 0 to [`TAGS_MAX`].
    pub tags: BTreeMap<String, String>,
    /// Absent only for clients that are not AWS's.
    pub token: Option<ClientToken>,
}

/// Change which addresses a cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateCluster {
    /// Which.
    pub cluster: ClusterArn,
    /// The new one.
    pub network: NetworkType,
}

/// Make a control panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateControlPanel {
    /// In which cluster.
    pub cluster: ClusterArn,
    /// Its name.
    pub name: ControlName,
    /// 0 to [`TAGS_MAX`].
    pub tags: BTreeMap<String, String>,
    /// Absent only for clients that are not AWS's.
    pub token: Option<ClientToken>,
}

/// Rename a control panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateControlPanel {
    /// Which.
    pub panel: PanelArn,
    /// The new name.
    pub name: ControlName,
}

/// Control panels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListControlPanels {
    /// Only those of this cluster.
    pub cluster: Option<ClusterArn>,
    /// Which part.
    pub paging: Paging,
}

/// Make a routing control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRoutingControl {
    /// In which cluster.
    pub cluster: ClusterArn,
    /// In which panel; none for the cluster's default panel.
    pub panel: Option<PanelArn>,
    /// Its name.
    pub name: ControlName,
    /// Absent only for clients that are not AWS's.
    pub token: Option<ClientToken>,
}

/// Rename a routing control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRoutingControl {
    /// Which.
    pub control: ControlArn,
    /// The new name.
    pub name: ControlName,
}

/// Make a safety rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSafetyRule {
    /// In which panel.
    pub panel: PanelId,
    /// Its name.
    pub name: ControlName,
    /// Its controls.
    pub kind: NewRuleKind,
    /// Its arithmetic.
    pub config: RuleConfig,
    /// How long its controls rest after a change.
    pub wait_period: Duration,
    /// 0 to [`TAGS_MAX`].
    pub tags: BTreeMap<String, String>,
    /// Absent only for clients that are not AWS's.
    pub token: Option<ClientToken>,
}

/// Change a safety rule's name and wait period, which is all that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateSafetyRule {
    /// Which.
    pub rule: RuleArn,
    /// What the caller takes it for.
    pub sort: RuleSort,
    /// The new name.
    pub name: ControlName,
    /// The new period.
    pub wait_period: Duration,
}

/// Give an object tags; those that it has already are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagResource {
    /// Which.
    pub object: ObjectArn,
    /// 0 to [`TAGS_MAX`].
    pub tags: BTreeMap<String, String>,
}

/// Take tags from an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntagResource {
    /// Which.
    pub object: ObjectArn,
    /// 1 to [`TAGS_MAX`].
    pub keys: BTreeSet<String>,
}

/// Clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListClusters {
    /// Which part.
    pub paging: Paging,
}

macro_rules! of_segment {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $arn:ident = $member:literal })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                /// Which.
                pub $field: $arn,
            }

            impl $name {
                pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
                    Some(Self { $field: check.value($member, source.segment, arn)? })
                }
            }
        )*
    };
}

of_segment! {
    /// A cluster.
    DescribeCluster { cluster: ClusterArn = "ClusterArn" }
    /// Remove a cluster that has nothing in it.
    DeleteCluster { cluster: ClusterArn = "ClusterArn" }
    /// A control panel.
    DescribeControlPanel { panel: PanelArn = "ControlPanelArn" }
    /// Remove a control panel that has nothing in it.
    DeleteControlPanel { panel: PanelArn = "ControlPanelArn" }
    /// A routing control, without where it stands.
    DescribeRoutingControl { control: ControlArn = "RoutingControlArn" }
    /// Remove a routing control that nothing refers to.
    DeleteRoutingControl { control: ControlArn = "RoutingControlArn" }
    /// A safety rule.
    DescribeSafetyRule { rule: RuleArn = "SafetyRuleArn" }
    /// Remove a safety rule.
    DeleteSafetyRule { rule: RuleArn = "SafetyRuleArn" }
    /// Who else may see an object; Holdfast keeps none of that.
    GetResourcePolicy { object: ObjectArn = "ResourceArn" }
    /// An object's tags.
    ListTagsForResource { object: ObjectArn = "ResourceArn" }
}

macro_rules! list_of_segment {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $arn:ident = $member:literal, $list:literal })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                /// Whose.
                pub $field: $arn,
                /// Which part.
                pub paging: Paging,
            }

            impl $name {
                pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
                    let $field = check.value($member, source.segment, arn::<$arn>);
                    let of = $field.map(|arn| arn.to_string()).unwrap_or_default();
                    let paging = config_paging(check, source, &format!("{} {of}", $list));
                    Some(Self { $field: $field?, paging: paging? })
                }
            }
        )*
    };
}

list_of_segment! {
    /// A panel's routing controls, without where they stand.
    ListRoutingControls { panel: PanelArn = "ControlPanelArn", "controls" }
    /// A panel's safety rules.
    ListSafetyRules { panel: PanelArn = "ControlPanelArn", "rules" }
    /// What obeys a routing control: health checks of the estate.
    ListAssociatedRoute53HealthChecks { control: ControlArn = "RoutingControlArn", "checks" }
}

/// An ARN by the API's rule, then one of ours.
fn arn<T: FromStr<Err = ArnError>>(text: &str) -> Leaf<T> {
    sized(Reason::MissingValue, 1, 256)(text)?;
    text.parse().map_err(|error| wrong(Reason::MissingValue, error))
}

fn config_paging(check: &mut Check, source: &Source<'_>, list: &str) -> Option<Paging> {
    let token = check.parameter(source.request, "NextToken", any_text);
    let size = check.parameter(source.request, "MaxResults", parameter_number(1, 1_000));
    paging(check, list, ("NextToken", token), size)
}

fn network(text: &str) -> Leaf<NetworkType> {
    match text {
        "IPV4" => Ok(NetworkType::Ipv4),
        "DUALSTACK" => Ok(NetworkType::DualStack),
        other => Err(wrong(Reason::MissingValue, format!("{} is neither IPV4 nor DUALSTACK", shown(other)))),
    }
}

fn tags(value: &Value) -> Leaf<BTreeMap<String, String>> {
    let Value::Object(members) = value else {
        return Err(wrong(
            Reason::MissingValue,
            format!("must be an object of texts, this is {}", kind(value)),
        ));
    };
    if members.len() > TAGS_MAX {
        let message = format!("must have 0 to {TAGS_MAX} tags, these are {}", members.len());
        return Err(wrong(Reason::MissingValue, message));
    }
    members.iter().map(|(key, value)| Ok((texts::tag_key(key)?, text(texts::tag_value)(value)?))).collect()
}

fn token(check: &mut Check, source: &Source<'_>) -> Option<ClientToken> {
    check.optional(&source.members, "ClientToken", text(texts::client_token))
}

/// The longest wait period: what AWS's integers hold, 24 days.
const WAIT_MS_MAX: u64 = i32::MAX as u64;

fn wait_period(check: &mut Check, members: &Map<String, Value>) -> Option<Duration> {
    check.required(members, "WaitPeriodMs", integer(0, WAIT_MS_MAX)).map(Duration::from_millis)
}

impl CreateCluster {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let name = check.required(members, "ClusterName", text(texts::name));
        let network = check.optional(members, "NetworkType", text(network)).unwrap_or(NetworkType::Ipv4);
        let tags = check.optional(members, "Tags", tags).unwrap_or_default();
        let token = token(check, source);
        Some(Self { name: name?, network, tags, token })
    }
}

impl UpdateCluster {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let cluster = check.required(&source.members, "ClusterArn", text(arn));
        let network = check.required(&source.members, "NetworkType", text(network));
        Some(Self { cluster: cluster?, network: network? })
    }
}

impl ListClusters {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { paging: config_paging(check, source, "clusters")? })
    }
}

impl CreateControlPanel {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let cluster = check.required(members, "ClusterArn", text(arn));
        let name = check.required(members, "ControlPanelName", text(texts::name));
        let tags = check.optional(members, "Tags", tags).unwrap_or_default();
        let token = token(check, source);
        Some(Self { cluster: cluster?, name: name?, tags, token })
    }
}

impl UpdateControlPanel {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let panel = check.required(&source.members, "ControlPanelArn", text(arn));
        let name = check.required(&source.members, "ControlPanelName", text(texts::name));
        Some(Self { panel: panel?, name: name? })
    }
}

impl ListControlPanels {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let cluster = check.parameter(source.request, "ClusterArn", arn::<ClusterArn>);
        let paging = config_paging(
            check,
            source,
            &format!("panels {}", cluster.map(|arn| arn.to_string()).unwrap_or_default()),
        )?;
        Some(Self { cluster, paging })
    }
}

impl CreateRoutingControl {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let cluster = check.required(members, "ClusterArn", text(arn));
        let panel = check.optional(members, "ControlPanelArn", text(arn));
        let name = check.required(members, "RoutingControlName", text(texts::name));
        let token = token(check, source);
        Some(Self { cluster: cluster?, panel, name: name?, token })
    }
}

impl UpdateRoutingControl {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let control = check.required(&source.members, "RoutingControlArn", text(arn));
        let name = check.required(&source.members, "RoutingControlName", text(texts::name));
        Some(Self { control: control?, name: name? })
    }
}

/// Of two members, the one that is there.
fn one_of<'a>(check: &mut Check, members: &Map<String, Value>, names: [&'a str; 2]) -> Option<&'a str> {
    let there = names.map(|name| members.get(name).is_some_and(|value| !value.is_null()));
    match there {
        [true, false] => Some(names[0]),
        [false, true] => Some(names[1]),
        _ => {
            let [first, second] = names;
            check.add(
                "request",
                Reason::MissingValue,
                format!("must have exactly one of {first} and {second}"),
            );
            None
        }
    }
}

/// What both sorts of new rules have.
struct NewRule {
    panel: PanelId,
    name: ControlName,
    kind: NewRuleKind,
    config: RuleConfig,
    wait_period: Duration,
}

fn controls(
    check: &mut Check,
    members: &Map<String, Value>,
    name: &str,
    panel: Option<PanelArn>,
) -> Option<Vec<ControlId>> {
    let bounds = (Reason::MissingValue, 1, CONTROLS_MAX);
    let arns: Vec<ControlArn> =
        check.required_list(members, name, bounds, |check, value| check.item(value, text(arn)))?;
    if let Some(PanelArn(panel)) = panel
        && let Some(other) = arns.iter().find(|arn| arn.panel != panel)
    {
        check.add(name, Reason::MissingValue, format!("{other} is in another panel than the rule"));
    }
    let ids: BTreeSet<ControlId> = arns.iter().map(|arn| arn.control).collect();
    if ids.len() < arns.len() {
        check.add(name, Reason::MissingValue, "has a routing control twice; name each once");
    }
    Some(ids.into_iter().collect())
}

fn rule_config(check: &mut Check, members: &Map<String, Value>, asked: Option<usize>) -> Option<RuleConfig> {
    let kind = check.required(
        members,
        "Type",
        text(|text| match text {
            "ATLEAST" => Ok(RuleType::AtLeast),
            "AND" => Ok(RuleType::All),
            "OR" => Ok(RuleType::Any),
            other => {
                Err(wrong(Reason::MissingValue, format!("{} is none of ATLEAST, AND, OR", shown(other))))
            }
        }),
    );
    let threshold = check.required(members, "Threshold", integer(0, u64::from(u16::MAX)));
    let inverted = check.required(members, "Inverted", boolean);
    let (kind, threshold) = (kind?, threshold?);
    // A rule that can never hold would lock its controls, one that always holds would protect nothing.
    if kind == RuleType::AtLeast
        && let Some(asked) = asked
        && (threshold == 0 || threshold > asked as u64)
    {
        check.add(
            "Threshold",
            Reason::MissingValue,
            format!("must be 1 to {asked}, the number of the rule's controls"),
        );
    }
    Some(RuleConfig { kind, threshold: threshold as u16, inverted: inverted? })
}

fn new_rule(check: &mut Check, members: &Map<String, Value>, sort: RuleSort) -> Option<NewRule> {
    let panel = check.required(members, "ControlPanelArn", text(arn));
    let name = check.required(members, "Name", text(texts::name));
    let wait_period = wait_period(check, members);
    let (asked, targets) = match sort {
        RuleSort::Assertion => (controls(check, members, "AssertedControls", panel), None),
        RuleSort::Gating => {
            let gating = controls(check, members, "GatingControls", panel);
            (gating, controls(check, members, "TargetControls", panel))
        }
    };
    let count = asked.as_ref().map(Vec::len);
    let config =
        check.required_object(members, "RuleConfig", |check, members| rule_config(check, members, count));
    let kind = match sort {
        RuleSort::Assertion => NewRuleKind::Assertion { asserted: asked? },
        RuleSort::Gating => NewRuleKind::Gating { gating: asked?, targets: targets? },
    };
    let PanelArn(panel) = panel?;
    Some(NewRule { panel, name: name?, kind, config: config?, wait_period: wait_period? })
}

impl CreateSafetyRule {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let tags = check.optional(members, "Tags", tags).unwrap_or_default();
        let token = token(check, source);
        let given = one_of(check, members, ["AssertionRule", "GatingRule"])?;
        let sort = if given == "AssertionRule" { RuleSort::Assertion } else { RuleSort::Gating };
        let NewRule { panel, name, kind, config, wait_period } =
            check.object(members, given, |check, members| new_rule(check, members, sort))?;
        Some(Self { panel, name, kind, config, wait_period, tags, token })
    }
}

impl UpdateSafetyRule {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let given = one_of(check, &source.members, ["AssertionRuleUpdate", "GatingRuleUpdate"])?;
        let sort = if given == "AssertionRuleUpdate" { RuleSort::Assertion } else { RuleSort::Gating };
        check.object(&source.members, given, |check, members| {
            let rule = check.required(members, "SafetyRuleArn", text(arn));
            let name = check.required(members, "Name", text(texts::name));
            let wait_period = wait_period(check, members);
            Some(Self { rule: rule?, sort, name: name?, wait_period: wait_period? })
        })
    }
}

impl TagResource {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let object = check.value("ResourceArn", source.segment, arn);
        let tags = check.required(&source.members, "Tags", tags);
        Some(Self { object: object?, tags: tags? })
    }
}

impl UntagResource {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let object = check.value("ResourceArn", source.segment, arn);
        let keys = check.parameters(source.request, "TagKeys", texts::tag_key);
        let keys: BTreeSet<String> = keys?.into_iter().collect();
        if keys.is_empty() || keys.len() > TAGS_MAX {
            let message = format!("must be given 1 to {TAGS_MAX} times, as TagKeys=a&TagKeys=b");
            check.add("TagKeys", Reason::MissingValue, message);
        }
        Some(Self { object: object?, keys })
    }
}
