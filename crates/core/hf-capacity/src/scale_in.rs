//! Whether anything may be made smaller now.
//!
//! 1. While a zone is away from a pool, or on its way back, no zone of that pool may shrink: the others carry its part, and the zone itself
//!    must be whole when it returns, though it looks idle.
//! 2. It does not matter who took it away: a pin, a shift, a routing control, an autoshift, a practice run or measured health.
//!
//! Not here: who asks (`hf-control-plane`).

use hf_config::estate::{PoolIx, ZoneIx};
use hf_decide::{Decision, Reason, ZoneState};
use hf_model::Share;

/// Why the zones of a pool may not shrink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The pool.
    pub pool: PoolIx,
    /// Its zone that is away or returning.
    pub zone: ZoneIx,
    /// Why it is.
    pub reason: Reason,
    /// It is open again with this share; nothing while it is away.
    pub share: Share,
}

/// Everything that forbids to scale in: by pool, then by zone.
pub fn holds(decision: &Decision) -> Vec<Hold> {
    let of_pool = |pool: &hf_decide::PoolDecision| {
        let at = pool.pool;
        let zones = pool.zones.iter().filter(|zone| zone.state == ZoneState::Away || zone.share < Share::ONE);
        let hold = |zone: &hf_decide::PoolZone| Hold {
            pool: at,
            zone: zone.zone,
            reason: zone.reason.clone(),
            share: if zone.state == ZoneState::Away { Share::ZERO } else { zone.share },
        };
        zones.map(hold).collect::<Vec<_>>()
    };
    decision.pools.iter().flat_map(of_pool).collect()
}
