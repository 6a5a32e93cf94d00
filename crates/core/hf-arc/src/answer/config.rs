//! Outputs of route53-recovery-control-config.
//!
//! Everything is `DEPLOYED` as soon as it is committed, so that `aws … wait` returns at its first look. The owner is always the same.

use std::collections::BTreeMap;

use hf_model::ControlName;
use serde::{Serialize, Serializer};

use super::cluster::name;
use crate::arn::{ClusterArn, ControlArn, OWNER, PanelArn, RuleArn};
use crate::page::Page;

pub use crate::call::config::{NetworkType, RuleConfig, RuleType};

/// What every object of these has: written behind its own members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Standing {
    status: &'static str,
    owner: &'static str,
}

const DEPLOYED: Standing = Standing { status: "DEPLOYED", owner: OWNER };

/// Serialises the members with the standing behind them.
macro_rules! with_standing {
    ($($name:ident)*) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(Serialize)]
                struct Wire<'a> {
                    #[serde(flatten, serialize_with = "members")]
                    object: &'a $name,
                    #[serde(flatten)]
                    standing: Standing,
                }
                fn members<S: Serializer>(object: &&$name, serializer: S) -> Result<S::Ok, S::Error> {
                    $name::serialize(object, serializer)
                }
                Wire { object: self, standing: DEPLOYED }.serialize(serializer)
            }
        })*
    };
}

/// Where a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterEndpoint {
    /// Its URL; of 1 to 128 characters out of letters, digits and `:./_-`.
    pub endpoint: String,
    /// Which region it is in; of 1 to 32 characters.
    pub region: String,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "PascalCase")]
pub struct Cluster {
    /// Its ARN.
    pub cluster_arn: ClusterArn,
    /// One for each control node.
    pub cluster_endpoints: Vec<ClusterEndpoint>,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub name: ControlName,
    /// Which addresses it has.
    pub network_type: NetworkType,
}

/// A control panel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "PascalCase")]
pub struct ControlPanel {
    /// Its cluster.
    pub cluster_arn: ClusterArn,
    /// Its ARN.
    pub control_panel_arn: PanelArn,
    /// Whether new controls come here when nobody says where.
    pub default_control_panel: bool,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub name: ControlName,
    /// How many controls it has.
    pub routing_control_count: u32,
}

/// A routing control. Where it stands is not here: the cluster service says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "PascalCase")]
pub struct RoutingControl {
    /// Its panel.
    pub control_panel_arn: PanelArn,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub name: ControlName,
    /// Its ARN.
    pub routing_control_arn: ControlArn,
}

/// An assertion rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "PascalCase")]
pub struct AssertionRule {
    /// Its controls.
    pub asserted_controls: Vec<ControlArn>,
    /// Its panel.
    pub control_panel_arn: PanelArn,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub name: ControlName,
    /// Its arithmetic.
    pub rule_config: RuleConfig,
    /// Its ARN.
    pub safety_rule_arn: RuleArn,
    /// How long its controls rest after a change.
    pub wait_period_ms: u64,
}

/// A gating rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(remote = "Self", rename_all = "PascalCase")]
pub struct GatingRule {
    /// Its panel.
    pub control_panel_arn: PanelArn,
    /// They open the gate.
    pub gating_controls: Vec<ControlArn>,
    /// They change only while it is open.
    pub target_controls: Vec<ControlArn>,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub name: ControlName,
    /// Its arithmetic.
    pub rule_config: RuleConfig,
    /// Its ARN.
    pub safety_rule_arn: RuleArn,
    /// How long its controls rest after a change.
    pub wait_period_ms: u64,
}

with_standing!(Cluster ControlPanel RoutingControl AssertionRule GatingRule);

/// `{"Cluster": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterResult {
    /// It.
    pub cluster: Cluster,
}

/// `{"ControlPanel": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ControlPanelResult {
    /// It.
    pub control_panel: ControlPanel,
}

/// `{"RoutingControl": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoutingControlResult {
    /// It.
    pub routing_control: RoutingControl,
}

/// `{"AssertionRule": …}` or `{"GatingRule": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SafetyRule {
    /// The one.
    #[serde(rename = "AssertionRule")]
    Assertion(AssertionRule),
    /// The other.
    #[serde(rename = "GatingRule")]
    Gating(GatingRule),
}

/// A rule in a list: `{"ASSERTION": …}` or `{"GATING": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ListedRule {
    /// The one.
    #[serde(rename = "ASSERTION")]
    Assertion(AssertionRule),
    /// The other.
    #[serde(rename = "GATING")]
    Gating(GatingRule),
}

impl From<SafetyRule> for ListedRule {
    fn from(rule: SafetyRule) -> Self {
        match rule {
            SafetyRule::Assertion(rule) => ListedRule::Assertion(rule),
            SafetyRule::Gating(rule) => ListedRule::Gating(rule),
        }
    }
}

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $item:ty })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
            #[serde(rename_all = "PascalCase")]
            pub struct $name {
                /// The page.
                pub $field: Vec<$item>,
                /// For the next one.
                #[serde(skip_serializing_if = "Option::is_none")]
                pub next_token: Option<String>,
            }

            impl From<Page<$item>> for $name {
                fn from(page: Page<$item>) -> Self {
                    $name { $field: page.items, next_token: page.next_token }
                }
            }
        )*
    };
}

pages! {
    /// A page of clusters.
    Clusters { clusters: Cluster }
    /// A page of control panels.
    ControlPanels { control_panels: ControlPanel }
    /// A page of routing controls.
    RoutingControls { routing_controls: RoutingControl }
    /// A page of safety rules.
    SafetyRules { safety_rules: ListedRule }
    /// A page of names of what obeys a routing control; each has 36 characters at most.
    HealthChecks { health_check_ids: String }
}

/// `{"Policy": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourcePolicy {
    /// JSON as text.
    pub policy: String,
}

/// `{"Tags": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagList {
    /// Of the object.
    pub tags: BTreeMap<String, String>,
}
