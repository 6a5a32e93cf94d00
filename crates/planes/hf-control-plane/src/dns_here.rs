//! What a node that answers DNS tells its API: how its hosted zones do, what they hold, what was answered.
//!
//! Not here: who answers (`hf-dns`); the node that has both connects them.

use std::sync::Arc;

use hf_answer::HostedSet;
use hf_config::estate::AddressFamily;
use hf_model::{DnsName, Timestamp};

/// A node's own DNS, as its API asks it.
pub trait DnsHere: Send + Sync {
    /// How hosted zones do. Work: once for each version of one all of its records.
    fn hosted_zones(&self) -> Vec<HostedZoneHere>;

    /// Contents of hosted zones that are not in the estate.
    fn contents(&self) -> Arc<HostedSet>;

    /// What came in and what became of it, since the start.
    fn counts(&self) -> Vec<(&'static str, u64)>;

    /// What each steered name has answered, in the order of the estate.
    fn names(&self) -> Vec<DnsNameHere>;
}

/// How one hosted zone does on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZoneHere {
    /// Its name.
    pub name: DnsName,
    /// The serial of its version here.
    pub serial: Option<u32>,
    /// Records of its version here.
    pub records: Option<u64>,
    /// When its file or primary was last seen to be as it is here.
    pub seen_at: Option<Timestamp>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What one steered name has answered here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsNameHere {
    /// The name.
    pub name: DnsName,
    /// What is asked for.
    pub family: AddressFamily,
    /// Answers since the start.
    pub answers: u64,
    /// Of a record: each zone.
    pub zones: Vec<ShareHere>,
    /// Of a tree: each branch, by its position from 1.
    pub branches: Vec<ShareHere>,
}

/// Answers of one zone or branch beside its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareHere {
    /// The zone, or the branch's position.
    pub of: String,
    /// Answers that named it.
    pub answers: u64,
    /// What it weighs.
    pub weight: u64,
}

impl DnsNameHere {
    /// The type that is asked for.
    pub fn rtype(&self) -> &'static str {
        match self.family {
            AddressFamily::V4 => "A",
            AddressFamily::V6 => "AAAA",
        }
    }
}
