//! Which zones and endpoints serve: configuration, intent and verdicts in; one decision with reasons out.
//!
//! 1. The strongest source decides a zone: pin › zonal shift (break-glass or from the ledger) › health.
//! 2. One floor over all sources: no source, alone or with others, takes a zone away when fewer than `min_zones` zones or less than
//!    `min_capacity` would stay. Sources claim in order of strength; what the floor stops is listed as not applied, with the reason.
//! 3. Health fails open before intent does: with nobody healthy in the zones that intent leaves open, health is ignored there
//!    (or the pool closes, or falls back, as it says); only if those zones have no endpoint at all is a shift ignored.
//! 4. A shift or pin past its end is held: only the ledger ends it, or a break-glass act signed after that end. A break-glass
//!    shift ends at its instant by `now`.
//! 5. Unknown is not unhealthy.
//! 6. Every outcome carries its reason as data.
//!
//! Not here: clock, network, memory of earlier calls. Rise, fall and quorum live in `hf-health`.

mod acts;
mod decision;
mod pool;
mod words;
mod zone;

pub use decision::{
    Decision, EndpointDecision, Mode, NotApplied, NotAppliedWhy, PoolDecision, PoolZone, Reason, Source,
    ZoneDecision, ZoneHealth, ZoneState,
};

use std::collections::BTreeSet;

use hf_config::estate::{Estate, PoolIx};
use hf_control::{BreakGlassShift, Intent, Scope};
use hf_health::{Verdict, Verdicts};
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
///
/// The order of shifts, pins and break-glass acts within their lists does not matter.
pub fn decide(inputs: Inputs<'_>) -> Decision {
    let Inputs { estate, verdicts, .. } = inputs;
    let acts = acts::in_order(&inputs);
    let parts = verdicts_by_pool(estate, verdicts);
    let decide_one = |at: PoolIx, name: Scope| {
        pool::decide(&pool::Subject { estate, pool: at, name, verdicts: &parts[at.at()] }, &acts)
    };
    let mut pools: Vec<PoolDecision> =
        estate.pool_indexes().map(|at| decide_one(at, Scope::Pool(estate.pool(at).name.clone()))).collect();
    let named: BTreeSet<&Scope> =
        acts.iter().map(|act| &act.scope).filter(|scope| matches!(scope, Scope::Record(_))).collect();
    let mut records: Vec<Option<PoolDecision>> = estate
        .records
        .iter()
        .map(|record| {
            let name = Scope::Record(record.name.clone());
            named.contains(&name).then(|| decide_one(record.pool, name))
        })
        .collect();
    follow_fallbacks(&mut pools, &mut records);
    let zones = zone::decide(estate, &acts, verdicts, &pools, &records);
    Decision { pools, records, zones }
}

/// Lets every fallback name the first pool of its chain that serves; one whose chain ends in none keeps its own.
fn follow_fallbacks(pools: &mut [PoolDecision], records: &mut [Option<PoolDecision>]) {
    let modes: Vec<Mode> = pools.iter().map(|decision| decision.mode).collect();
    for decision in pools.iter_mut().chain(records.iter_mut().flatten()) {
        let Mode::Fallback(mut to) = decision.mode else { continue };
        // A chain that names no pool twice has fewer links than there are pools.
        for _ in 0..modes.len() {
            match modes[to.at()] {
                Mode::Fallback(next) => to = next,
                Mode::Closed => break,
                Mode::Normal | Mode::FailOpen => {
                    decision.mode = Mode::Fallback(to);
                    break;
                }
            }
        }
    }
}

/// Each pool's part of the verdicts; unknown where the verdicts are too few.
fn verdicts_by_pool(estate: &Estate, verdicts: &Verdicts) -> Vec<Vec<Verdict>> {
    let mut all = (0..).map(|at| verdicts.get(at));
    estate.pools.iter().map(|pool| all.by_ref().take(pool.endpoints.len()).collect()).collect()
}

#[cfg(test)]
mod tests;
