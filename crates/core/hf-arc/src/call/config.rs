//! Inputs of route53-recovery-control-config: clusters, control panels, routing controls, tags; safety rules in `rules`.

mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use hf_model::ControlName;
use serde_json::Value;

use super::{ClientToken, Source, any_text, paging, parameter_number};
use crate::arn::{ArnError, ClusterArn, ControlArn, ObjectArn, PanelArn, RuleArn};
use crate::error::ValidationReason as Reason;
use crate::fields::{Check, Leaf};
use crate::page::Paging;
use crate::texts::{self, kind, shown, sized, text, wrong};

pub use rules::{CreateSafetyRule, NewRuleKind, RuleConfig, RuleSort, RuleType, UpdateSafetyRule};

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
