//! What a node that answers DNS has answered: how the split of each steered name came out beside how it was wanted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/dns-answers`: what this node has answered since its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnsAnswers {
    /// The node that answers: each counts for itself.
    pub node: String,
    /// Whether it answers DNS at all.
    pub answers_dns: bool,
    /// What came in and what became of it, by name; empty where it does not answer DNS.
    pub counts: Vec<DnsCount>,
    /// Steered names in the order of the estate, records before trees.
    pub names: Vec<DnsName>,
    /// How many more names there are than are listed.
    pub left_out: u64,
}

/// One count since the node's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnsCount {
    /// What is counted, such as `answered`.
    pub what: String,
    /// How many.
    pub count: u64,
}

/// One steered name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnsName {
    /// The name.
    pub name: String,
    /// `A` or `AAAA`.
    pub r#type: String,
    /// Answers since the start.
    pub answers: u64,
    /// Of a record: its zones. Counted since the estate in force; empty where there are too many names to count by zone.
    pub zones: Vec<DnsShare>,
    /// Of a tree: its branches, by their position from 1. Counted since the estate in force.
    pub branches: Vec<DnsShare>,
}

/// What one zone or branch had of a name's answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnsShare {
    /// The zone, or the branch's position from 1.
    pub of: String,
    /// Answers that named it. One answer may name several zones.
    pub answers: u64,
    /// Its part of all that were counted, in parts per million; null while there is nothing.
    pub achieved_ppm: Option<u32>,
    /// Its part of all weights, health and shifts aside, in parts per million; null where all weights are 0.
    pub configured_ppm: Option<u32>,
}
