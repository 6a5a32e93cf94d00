//! Where a node with the checker role takes results that others push.
//!
//! Not here: who takes them (`hf-checker`); the node that has both connects them. Who may push (`api::results`).

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::CheckName;

/// A node's own checker, as its API tells it results.
pub trait PushedHere: Send + Sync {
    /// Takes one result, or says why not; then nothing was changed.
    fn push(&self, result: PushedResult) -> Result<PushTaken, PushRefused>;

    /// Whether its rate would let a result of this check through; takes nothing.
    fn room(&self, check: &CheckName) -> Result<(), PushRefused>;

    /// The last results of subjects of a check: `limit` at most, and how many more there are.
    fn told(&self, check: &CheckName, limit: usize) -> (Vec<PushTold>, usize);
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedResult {
    /// The check.
    pub check: CheckName,
    /// One endpoint under it; none: the check as a whole.
    pub endpoint: Option<SocketAddr>,
    /// Whether all is well.
    pub is_good: bool,
    /// Why, for people.
    pub text: String,
    /// How long it counts, if not for the check's lease.
    pub valid_for: Option<Duration>,
    /// Who says so.
    pub by: String,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushTaken {
    /// What its subject is at this checker now.
    pub healthy: bool,
    /// How long it counts.
    pub valid_for: Duration,
}

/// Why a result was not taken, in words that end with the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushRefused {
    /// Something in it cannot be.
    Bad(String),
    /// Too many at once.
    TooFast(String),
    /// The checker has another estate in force than the API.
    NotYet(String),
}

/// The last result of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushTold {
    /// The endpoint; none: the check as a whole.
    pub endpoint: Option<SocketAddr>,
    /// What was told.
    pub is_good: bool,
    /// Why.
    pub text: String,
    /// Who said so.
    pub by: String,
    /// How long ago.
    pub ago: Duration,
    /// How much longer it counts.
    pub left: Duration,
    /// What the subject is at this checker; none: unknown.
    pub healthy: Option<bool>,
}
