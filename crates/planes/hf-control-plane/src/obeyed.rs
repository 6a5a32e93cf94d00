//! A change is answered when this node's own planes obey it.
//!
//! 1. Planes that say what they obey (DNS, the balancer) are waited for after a commit, at most [`PATIENCE`]: then no answer that this node gives, and no connection that it
//!    makes, is of before the change; but what was answered over TCP or TLS to an asker that does not take it at once may go out later (`hf-dns`). Other nodes are not waited for;
//!    `holdfast shift start` does, by their reports.
//! 2. Beyond that the change is answered all the same: it is committed, and on its way. Such answers are counted, and the first of a row is logged. A shift's answer
//!    shows in `acknowledged` which nodes obey it, this one too.
//!
//! Not here: what the planes do (`hf-dns`, `hf-balancer`), the reports (`hf-feed`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hf_config::node::Role;
use hf_feed::{NodeReport, Reports};
use hf_model::{NodeId, Revision};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

/// How long an answer waits for this node's own planes. Four times what all of a change took at most with a million names under full load, 11 ms; a client that is in a hurry
/// does not feel it.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// What this node's own planes obey, as its own report says it. Clones share their counts.
#[derive(Clone, Debug)]
pub struct ObeyedHere {
    node: NodeId,
    /// None on nodes whose planes do not say what they obey.
    reports: Option<watch::Receiver<Arc<Reports>>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    early: AtomicU64,
    /// The newest one was early, and that is logged.
    is_told: AtomicBool,
}

impl ObeyedHere {
    /// Of a node with these roles.
    pub fn new(node: NodeId, roles: &[Role], reports: watch::Receiver<Arc<Reports>>) -> ObeyedHere {
        let tells = roles.iter().any(|role| matches!(role, Role::Dns | Role::Balancer));
        ObeyedHere { node, reports: tells.then_some(reports), counts: Arc::default() }
    }

    /// Waits until a revision is obeyed here.
    pub async fn revision(&self, revision: Revision) {
        self.until(("revision", revision.0), |report| report.revision >= revision).await;
    }

    /// Waits until a break-glass act of this number ([`hf_feed::act_number`]) is obeyed here.
    pub async fn act(&self, number: u64) {
        self.until(("break-glass act", number), |report| report.break_glass.contains(&number)).await;
    }

    /// Changes that were answered before the planes obeyed them.
    pub fn early(&self) -> u64 {
        self.counts.early.load(Ordering::Relaxed)
    }

    async fn until(&self, (what, number): (&str, u64), obeys: impl Fn(&NodeReport) -> bool) {
        let Some(reports) = &self.reports else { return };
        let has = |reports: &Arc<Reports>| reports.get(&self.node).is_some_and(|heard| obeys(&heard.report));
        match timeout(PATIENCE, reports.clone().wait_for(has)).await {
            Ok(Ok(_)) => self.counts.is_told.store(false, Ordering::Relaxed),
            Ok(Err(_)) => {} // the node is stopping
            Err(_) => {
                self.counts.early.fetch_add(1, Ordering::Relaxed);
                if !self.counts.is_told.swap(true, Ordering::Relaxed) {
                    warn!(
                        what, number, within = ?PATIENCE,
                        "a change is answered before this node's own planes obey it; it is committed and on its way"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
