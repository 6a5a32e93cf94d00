//! Which zones and endpoints serve: configuration, intent and verdicts in; one decision with reasons out.
//!
//! 1. The strongest source decides a zone: pin › zonal shift (break-glass or from the ledger) › routing control off › autoshift ›
//!    practice run › health. An autoshift also yields to what people take of another zone of its region: never two at once on its account.
//! 2. One floor over all sources: no source, alone or with others, takes a zone away when fewer than `min_zones` zones or less than
//!    `min_capacity` would stay. Sources claim in order of strength; what the floor stops is listed as not applied, with the reason.
//!    Only what an operator asked for by the pool's own name passes it: an act that overrides this pool's floor, and the routing
//!    control behind the pool or record itself. A pool that is left without any zone by such a word is in its `all_down` mode, and
//!    answers nothing where that is `open`.
//! 3. Health fails open before intent does: with nobody healthy in the zones that intent leaves open, health is ignored there
//!    (or the pool closes, or falls back, as it says); only if those zones have no endpoint at all is a shift ignored.
//! 4. A shift or pin past its end is held: only the ledger ends it, or a break-glass act signed after that end. A break-glass
//!    shift ends at its instant by `now`.
//! 5. What an act had taken away returns bit by bit after its end ([`PoolZone::share`]), by `now`; so time alone changes a decision only
//!    by a break-glass shift's end, a step of a return, and the word `held`. [`next_change_at`] tells when.
//! 6. Unknown is not unhealthy.
//! 7. Trees are decided from what was decided for pools and records.
//! 8. Every outcome carries its reason as data.
//!
//! Not here: clock, network, memory of earlier calls. Rise, fall and quorum live in `hf-health`.

mod acts;
mod controls;
mod decision;
mod glass;
mod pool;
mod returning;
mod tree;
mod words;
mod zone;

pub use controls::{common_verdict, is_on};
pub use decision::{
    Decision, EndpointDecision, Mode, NotApplied, NotAppliedWhy, PoolDecision, PoolZone, Reason, Source,
    ZoneDecision, ZoneHealth, ZoneState,
};
pub use tree::{BranchDecision, BranchLeads, BranchReason, Own, TreeDecision, TreeMode};

use std::collections::BTreeSet;

use hf_config::estate::{Estate, PoolIx};
use hf_control::{BreakGlassShift, ControlState, Intent, Scope, ShiftState};
use hf_health::{Verdict, Verdicts, endpoint_verdict};
use hf_model::Timestamp;

use glass::Glass;
use returning::Returns;
use tree::{Ground, Trees};

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
    let Inputs { estate, intent, .. } = inputs;
    let acts = acts::in_order(&inputs);
    let returns = Returns::new(&inputs);
    let parts = verdicts_by_pool(&inputs);
    let decide_one = |at: PoolIx, name: Scope, through: &[Scope], own: Option<&ControlState>| {
        let own_controls =
            controls::off(intent, estate.pool(at).control.as_ref()).into_iter().chain(own).collect();
        let verdicts = &parts[at.at()];
        let subject = pool::Subject {
            estate,
            pool: at,
            name,
            through,
            verdicts,
            own_controls,
            returns: &returns,
            now: inputs.now,
        };
        pool::decide(&subject, &acts)
    };
    let mut pools = Vec::with_capacity(estate.pools.len());
    let mut effects = Vec::new();
    for at in estate.pool_indexes() {
        let decided = decide_one(at, Scope::Pool(estate.pool(at).name.clone()), &[], None);
        pools.push(decided.decision);
        effects.extend(decided.effects);
    }
    let scopes = acts.all.iter().map(|act| &act.scope);
    let named: BTreeSet<&Scope> = scopes.filter(|scope| matches!(scope, Scope::Record(_))).collect();
    let mut records: Vec<Option<PoolDecision>> = estate
        .records
        .iter()
        .map(|record| {
            let name = Scope::Record(record.name.clone());
            let own = controls::off(intent, record.control.as_ref());
            let has_own = own.is_some()
                || named.contains(&name)
                || returns.tells_of(&name, estate.pool(record.pool), inputs.now);
            has_own.then(|| decide_one(record.pool, name, &[], own).decision)
        })
        .collect();
    let modes: Vec<Mode> = pools.iter().map(|decision| decision.mode).collect();
    for decision in pools.iter_mut().chain(records.iter_mut().flatten()) {
        decision.mode = follow_fallbacks(decision.mode, &modes);
    }
    let (trees, of_trees) = Trees::new(Ground {
        estate,
        intent,
        pools: &pools,
        records: &records,
        is_named: &|name| named.contains(name) || returns.names(name),
        own: &|at, record, names| {
            let pool = estate.pool(at);
            let tells = |name: &&Scope| named.contains(name) || returns.tells_of(name, pool, inputs.now);
            let names: Vec<Scope> = names.iter().filter(tells).cloned().collect();
            let name = names.first()?.clone();
            let record = record.map(|record| &estate.records[record]);
            let through: Vec<Scope> =
                record.map(|of| Scope::Record(of.name.clone())).into_iter().chain(names).collect();
            let own = record.and_then(|record| controls::off(intent, record.control.as_ref()));
            let mut decision = decide_one(at, name, &through, own).decision;
            decision.mode = follow_fallbacks(decision.mode, &modes);
            Some(decision)
        },
    })
    .decide();
    let others: Vec<&PoolDecision> =
        records.iter().flatten().chain(of_trees.iter().map(AsRef::as_ref)).collect();
    let zones = zone::decide(estate, &acts.all, &parts, (&pools, &effects), &others);
    Decision { pools, records, trees, zones }
}

/// The next instant at which time alone may change what [`decide`] says: the end of a shift or pin (from then on it is held), the end
/// of a break-glass shift, a step of a zone's return. None if it never does. Between `now` and that instant the decision stands.
pub fn next_change_at(inputs: Inputs<'_>) -> Option<Timestamp> {
    let Inputs { intent, now, .. } = inputs;
    let glass = Glass::new(&inputs);
    let active = intent.shifts.iter().filter(|shift| shift.state == ShiftState::Active);
    let held = active.map(|shift| shift.ends_at).chain(intent.pins.iter().map(|pin| pin.ends_at));
    let ends = held.filter(|at| *at > now).chain(glass.ends_ahead(now));
    ends.chain(Returns::new(&inputs).next(&inputs)).min()
}

/// Lets a fallback name the first pool of its chain that serves; one whose chain ends in none keeps its own.
fn follow_fallbacks(mode: Mode, modes: &[Mode]) -> Mode {
    let Mode::Fallback(mut to) = mode else { return mode };
    // A chain that names no pool twice has fewer links than there are pools.
    for _ in 0..modes.len() {
        match modes[to.at()] {
            Mode::Fallback(next) => to = next,
            Mode::Closed => break,
            Mode::Normal | Mode::FailOpen => return Mode::Fallback(to),
        }
    }
    mode
}

/// The verdicts that count, for each pool: unknown where they are too few or the pool has no check, one for all where its check is not
/// about each endpoint.
fn verdicts_by_pool(inputs: &Inputs<'_>) -> Vec<Vec<Verdict>> {
    let Inputs { estate, intent, verdicts, .. } = *inputs;
    let mut next = 0;
    let of_pool = |at: PoolIx| {
        let pool = estate.pool(at);
        let first = next;
        next += pool.endpoints.len();
        let own = (first..next).map(|subject| endpoint_verdict(estate, verdicts, at, subject));
        let mut of: Vec<Verdict> = own.collect();
        match common_verdict(estate, intent, verdicts, at) {
            Some(verdict) => of.fill(verdict),
            None if pool.health_check.is_none() => of.fill(Verdict::Unknown),
            None => {}
        }
        of
    };
    estate.pool_indexes().map(of_pool).collect()
}

#[cfg(test)]
mod tests;
