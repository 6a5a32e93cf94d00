//! Which zones and endpoints serve: configuration, intent and verdicts in; one decision with reasons out.
//!
//! 1. The strongest source decides a zone: pin › zonal shift (break-glass or from the ledger) › health.
//! 2. One floor over all sources: no source, alone or with others, takes a zone away when fewer than `min_zones` zones or less than
//!    `min_capacity` would stay. Sources claim in order of strength; what the floor stops is listed as not applied, with the reason.
//! 3. Health fails open before intent does: with nobody healthy in the zones that intent leaves open, health is ignored there
//!    (or the pool closes, or falls back, as it says); only if those zones have no endpoint at all is a shift ignored.
//! 4. A shift past its end is held: only the ledger ends it. A break-glass shift ends at its instant by `now`.
//! 5. Unknown is not unhealthy.
//! 6. Every outcome carries its reason as data.
//!
//! Not here: clock, network, memory of earlier calls. Rise, fall and quorum live in `hf-health`.

mod decision;
mod floor;
mod pool;

pub use decision::{
    Decision, EndpointDecision, Mode, NotApplied, NotAppliedWhy, PoolDecision, PoolZone, Reason, Source, ZoneDecision,
    ZoneHealth, ZoneState,
};

use hf_config::estate::Estate;
use hf_control::{BreakGlassShift, Intent};
use hf_health::Verdicts;
use hf_model::Timestamp;

/// All that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What the service is.
    pub estate: &'a Estate,
    /// What people want, from the ledger.
    pub intent: &'a Intent,
    /// What operators said straight to the nodes.
    pub break_glass: &'a [BreakGlassShift],
    /// Who is healthy.
    pub verdicts: &'a Verdicts,
    /// The time, for "held past its end" and for the end of break-glass shifts.
    pub now: Timestamp,
}

/// Decides everything at once. Same inputs, same decision, on every node.
pub fn decide(inputs: Inputs<'_>) -> Decision {
    let _ = inputs;
    todo!("hf-decide helper")
}
