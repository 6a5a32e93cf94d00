//! `GET /v1/consumers`: who obeys zone status, what each has applied, and what still runs where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All consumers of zone status, as all nodes with the role `status` heard of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consumers {
    /// The revision of the newest act: who has applied less lags.
    pub revision: u64,
    /// Those that lag first, then who has not said what it applied, then the silent.
    pub groups: Vec<ConsumerGroup>,
    /// Groups that are not listed, here or already by a node.
    pub left_out: u32,
    /// Instances that had to make room for others on some node.
    pub forgotten: u64,
    /// Nodes that told of consumers and are not heard now: whom only they knew is silent.
    pub silent_nodes: Vec<String>,
}

/// Instances of one consumer, of one kind and in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsumerGroup {
    /// As it calls itself.
    #[schema(example = "orders-worker")]
    pub name: String,
    /// `worker`, `scheduler`, `router`, `server`, `autoscaler`, `haproxy-agent`, `haproxy-socket`, `xds`, `file`, `balancer` or `other`.
    pub kind: String,
    /// Where it runs; null where it does not say.
    pub zone: Option<String>,
    /// How far the worst of them has come.
    pub standing: ConsumerStanding,
    /// Instances, silent ones too; 0 of one that the estate declares and that was never heard of.
    pub instances: u32,
    /// Of these, without a word for 30 s, or known to a node that is not heard.
    pub silent: u32,
    /// Of those that are heard, how many have applied less than what is asked for.
    pub lagging: u32,
    /// Of those that are heard, how many have not said what they applied.
    pub not_told: u32,
    /// The oldest revision that one of those that are heard has applied.
    pub lowest_revision: Option<u64>,
    /// The newest.
    pub highest_revision: Option<u64>,
    /// What still runs in zones (messages in hand, sessions), by the last word of each instance, silent ones too.
    pub running: BTreeMap<String, u64>,
    /// Of all instances, silent ones too, how many do not say what runs: their work is in no count of `running`.
    #[serde(default)]
    pub work_not_told: u32,
    /// The worst by name, three at most.
    pub laggards: Vec<String>,
    /// How long ago the last of them was heard; null: never.
    pub last_heard_ms: Option<u64>,
    /// Whether the estate declares it.
    pub declared: bool,
    /// The nodes that know of it.
    pub nodes: Vec<String>,
    /// Of a shift: from its start until all of them had applied it, as the answering node saw it; null while they have not, and elsewhere.
    #[serde(default)]
    pub applied_ms: Option<u64>,
}

/// How far a consumer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsumerStanding {
    /// It has applied less than what is asked for.
    Lags,
    /// It is heard, and has not said what it applied.
    NotTold,
    /// It says nothing, or was never heard of.
    Silent,
    /// It has applied what is asked for.
    Applied,
}

impl ConsumerStanding {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ConsumerStanding::Lags => "lags",
            ConsumerStanding::NotTold => "not-told",
            ConsumerStanding::Silent => "silent",
            ConsumerStanding::Applied => "applied",
        }
    }
}

/// What consumers of zone status have made of a shift. Informative: nothing waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShiftConsumers {
    /// Instances that have applied it.
    pub applied: u64,
    /// Instances that are heard and have not.
    pub lagging: u64,
    /// Instances that are heard and have not said.
    pub not_told: u64,
    /// Instances that are silent, and declared consumers of which none was heard.
    pub silent: u64,
    /// What still runs in the zone, by the last word of each instance.
    pub running: u64,
    /// Instances that do not say what runs, silent ones too: their work is in no figure here.
    #[serde(default)]
    pub work_not_told: u64,
    /// From the start until every instance that is heard had applied it, as the answering node saw it; null while one has not, or nobody is known.
    pub applied_ms: Option<u64>,
    /// From the start until nothing of what is told ran in the zone any more; 0 if nothing ran since, null while something runs or nobody can
    /// tell: nobody is heard, or none of them says what runs.
    pub last_work_ms: Option<u64>,
    /// Laggards first; 50 at most.
    pub groups: Vec<ConsumerGroup>,
    /// Groups that are not listed.
    pub left_out: u32,
}

impl ShiftConsumers {
    /// Whether anybody is known or declared.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether every instance that is heard has applied it.
    pub fn all_applied(&self) -> bool {
        self.lagging == 0 && self.not_told == 0
    }
}
