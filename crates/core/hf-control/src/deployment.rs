//! Marks of deployments: that a zone is being deployed to, for what, by whom and until when.
//!
//! A mark takes nothing away. It tells whoever judges the zone that restarts are expected there, and who deploys elsewhere that they are to wait.
//!
//! Not here: when one may begin (`apply::deployment`), what is made of it (`hf-gray`).

use std::time::Duration;

use hf_model::{Operator, PoolName, Revision, Timestamp, ZoneId};

use crate::intent::Scope;

/// That a zone is being deployed to; it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The zone.
    pub zone: ZoneId,
    /// What is deployed there: everything, or one pool.
    pub scope: Scope,
    /// Why, in the words of who deploys; may be empty.
    pub reason: String,
    /// Who.
    pub by: Operator,
    /// When it was first marked.
    pub started_at: Timestamp,
    /// When the mark ends.
    pub ends_at: Timestamp,
    /// Zones that were not asked, by the operator's explicit word.
    pub zone_overrides: Vec<ZoneId>,
    /// The entry that last changed it.
    pub revision: Revision,
}

impl Deployment {
    /// A mark's shortest length.
    pub const LENGTH_MIN: Duration = Duration::from_mins(1);
    /// A mark's longest length: what is forgotten must not dull the detector for a day.
    pub const LENGTH_MAX: Duration = Duration::from_hours(4);
    /// A mark's length unless another is asked for: one zone of a usual service is through by then.
    pub const LENGTH: Duration = Duration::from_mins(20);

    /// Whether it speaks of this pool in this zone, at this time.
    pub fn is_of(&self, pool: &PoolName, zone: &ZoneId, now: Timestamp) -> bool {
        let is_meant = match &self.scope {
            Scope::Everything => true,
            Scope::Pool(of) => of == pool,
            Scope::Record(_) => false,
        };
        is_meant && self.zone == *zone && !self.is_over(now)
    }

    /// Whether its time is up, though the ledger may not have said so yet.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }
}
