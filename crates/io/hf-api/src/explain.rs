//! `GET /v1/explain`: why this answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a DNS question or a balancer's choice has the answer that it has, or a health check its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explain {
    /// What was asked, in words: `www.example.test. A from 10.1.1.7`.
    pub question: String,
    /// The node that answers: another one may be at another revision.
    pub node: String,
    /// The revision that the answer stands on.
    pub revision: u64,
    /// The number of the node's snapshot.
    pub snapshot: u64,
    /// What each step kept, removed and why, in order.
    pub steps: Vec<Step>,
    /// The answer in words, such as `NXDOMAIN`; one line each for addresses, in order.
    pub answer: Vec<String>,
    /// How long the answer may be kept, in seconds; null where that has no meaning.
    pub ttl_s: Option<u32>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its name: `start`, `open`, `near`, `take 2`, …
    pub name: String,
    /// What it did, in words.
    pub text: String,
    /// What it kept, in order.
    pub kept: Vec<Candidate>,
    /// What it removed.
    pub removed: Vec<Removal>,
}

/// One endpoint on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// Its address.
    pub endpoint: String,
    /// Its zone.
    pub zone: String,
}

/// One endpoint that a step removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removal {
    /// Its address.
    pub endpoint: String,
    /// Its zone.
    pub zone: String,
    /// Why.
    pub why: String,
}
