//! What a snapshot says of one zone, for everything, a pool or a record.
//!
//! 1. A zone is named by its id or an alias.
//! 2. A record that has several decisions (one for each family) is away from a zone only when all are.
//! 3. A share of nothing in every open zone is no share at all: somebody has to serve.
//!
//! Not here: how it is told (`hf-status`, `hf-agent`, `hf-render`).

use hf_config::estate::ZoneIx;
use hf_control::Scope;
use hf_decide::{PoolDecision, Reason, ZoneState};
use hf_model::{Share, ZoneId};

use crate::Snapshot;

/// What is said of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Which.
    pub zone: ZoneIx,
    /// Whether new traffic may go there.
    pub state: ZoneState,
    /// Why.
    pub reason: &'a Reason,
    /// How much of its own weight it has now; all of it where everything is asked for.
    pub share: Share,
}

/// Why nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// No such zone.
    #[error("the estate has no zone `{0}`; write the id or an alias of one that it has")]
    Zone(ZoneId),
    /// No such pool or record.
    #[error("the estate has no `{0}`; write one that it has")]
    Resource(Scope),
    /// The pool has nothing there.
    #[error("`{scope}` has no endpoint in zone {zone}; ask about a zone that it is in")]
    NotThere {
        /// As asked.
        scope: Scope,
        /// The zone.
        zone: ZoneId,
    },
}

impl Snapshot {
    /// What is said of a zone for everything, a pool or a record.
    pub fn place(&self, zone: &ZoneId, scope: &Scope) -> Result<Place<'_>, NoPlace> {
        let (estate, decision) = (&self.estate, &self.decision);
        let zone = estate.zone_named(zone).ok_or_else(|| NoPlace::Zone(zone.clone()))?;
        let decisions: Vec<&PoolDecision> = match scope {
            Scope::Everything => {
                let of = &decision.zones[zone.at()];
                return Ok(Place { zone, state: of.state, reason: &of.reason, share: Share::ONE });
            }
            Scope::Pool(name) => {
                estate.pool_named(name).map(|at| &decision.pools[at.at()]).into_iter().collect()
            }
            Scope::Record(name) => {
                let records = estate.records.iter().enumerate().filter(|(_, record)| record.name == *name);
                records.map(|(at, record)| decision.for_record(at, record.pool)).collect()
            }
        };
        if decisions.is_empty() {
            return Err(NoPlace::Resource(scope.clone()));
        }
        let here: Vec<Place<'_>> = decisions.iter().filter_map(|of| in_pool(of, zone)).collect();
        let open = here.iter().position(|place| place.state == ZoneState::Open).unwrap_or(0);
        here.into_iter()
            .nth(open)
            .ok_or_else(|| NoPlace::NotThere { scope: scope.clone(), zone: estate.zone(zone).id.clone() })
    }
}

fn in_pool(decision: &PoolDecision, zone: ZoneIx) -> Option<Place<'_>> {
    let of = decision.zone(zone)?;
    let carries = |of: &hf_decide::PoolZone| of.state == ZoneState::Open && of.share > Share::ZERO;
    let share = if decision.zones.iter().any(carries) { of.share } else { Share::ONE };
    Some(Place { zone, state: of.state, reason: &of.reason, share })
}
