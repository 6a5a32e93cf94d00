//! The filter chain: which candidates answer, in which order, and why.
//!
//! 1. One engine for DNS and balancer. A chain is a list of [`Filter`]s applied in order to the endpoints of a pool.
//! 2. Each filter says what it removed and why ([`Step`]); that is what `holdfast explain` prints.
//! 3. `open` keeps the endpoints of a zone that is returning bit by bit with the chance of the zone's share: one draw for each zone and
//!    question. Where that would leave nobody it keeps all that serve.
//! 4. `near`, `same-zone` and `priority` never empty a list: they keep the best group that has a candidate left.
//! 5. Chance comes from the caller's seed: same inputs, same order.
//!
//! Not here: what serves (`hf-decide`), DNS (`hf-answer`), connections (`hf-balancer`).

mod chance;
mod client;
mod filters;
mod returning;

pub use chance::Chance;
pub use client::{Client, locate};
pub use returning::{Draws, is_drawn, whole};

use hf_config::estate::{Estate, Filter, RegionIx, ZoneIx};
use hf_decide::PoolDecision;
use hf_model::Weight;

/// One endpoint that may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its position in the pool's endpoints.
    pub at: u16,
    /// Its zone.
    pub zone: ZoneIx,
    /// That zone's region.
    pub region: RegionIx,
    /// Its share beside its peers.
    pub weight: Weight,
    /// Lower is used first.
    pub priority: u16,
    /// What the decision says of it.
    pub serves: bool,
}

/// Why a filter took a candidate away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removed {
    /// The decision does not let it serve; its reason stands there.
    NotServing,
    /// Its zone is returning, and this question is not of the share that it has.
    Returning,
    /// A nearer region has candidates.
    Farther,
    /// The client's own zone (or region) has candidates.
    OtherZone,
    /// A lower priority number has candidates.
    LaterPriority,
    /// Enough others came before it.
    BeyondTake,
}

impl std::fmt::Display for Removed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Removed::NotServing => "does not serve",
            Removed::Returning => "its zone is returning and has a part of the questions only",
            Removed::Farther => "a nearer region has candidates",
            Removed::OtherZone => "the client's own zone or region has candidates",
            Removed::LaterPriority => "a lower priority number has candidates",
            Removed::BeyondTake => "enough others came first",
        })
    }
}

/// What one filter did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The filter.
    pub filter: Filter,
    /// Positions in the pool that are left, in order.
    pub kept: Vec<u16>,
    /// Positions that it took away, and why.
    pub removed: Vec<(u16, Removed)>,
}

/// What a chain chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Positions in the pool, best first.
    pub order: Vec<u16>,
    /// What each filter did, in order of the chain.
    pub steps: Vec<Step>,
}

/// All endpoints of a decision's pool, in the pool's order.
pub fn candidates(estate: &Estate, decision: &PoolDecision) -> Vec<Candidate> {
    let endpoints = &estate.pool(decision.pool).endpoints;
    let candidate = |(at, endpoint): (usize, &hf_config::estate::Endpoint)| Candidate {
        at: at as u16,
        zone: endpoint.zone,
        region: estate.zone(endpoint.zone).region,
        weight: endpoint.weight,
        priority: endpoint.priority,
        serves: decision.endpoints.get(at).is_some_and(|decided| decided.serves),
    };
    endpoints.iter().enumerate().map(candidate).collect()
}

/// Runs a chain over those endpoints of the decision's pool that `keep` lets in (an address family, say).
///
/// The steps tell all; a caller on a hot path takes [`order`].
pub fn run(
    estate: &Estate,
    decision: &PoolDecision,
    chain: &[Filter],
    client: Client,
    seed: u64,
    keep: impl Fn(&Candidate) -> bool,
) -> Selection {
    let mut left = candidates(estate, decision);
    left.retain(keep);
    let mut chance = chance::Chance::new(seed);
    let around = filters::Around { estate, client, draws: Draws::new(decision, seed) };
    let mut steps = Vec::with_capacity(chain.len());
    for (position, filter) in chain.iter().enumerate() {
        let removed = filters::apply(&around, *filter, chain.get(position + 1), &mut chance, &mut left);
        steps.push(Step { filter: *filter, kept: left.iter().map(|c| c.at).collect(), removed });
    }
    Selection { order: left.iter().map(|candidate| candidate.at).collect(), steps }
}

/// Runs a chain and keeps no account of it.
pub fn order(
    estate: &Estate,
    decision: &PoolDecision,
    chain: &[Filter],
    client: Client,
    seed: u64,
    keep: impl Fn(&Candidate) -> bool,
) -> Vec<u16> {
    let mut left = candidates(estate, decision);
    left.retain(keep);
    let mut chance = chance::Chance::new(seed);
    let around = filters::Around { estate, client, draws: Draws::new(decision, seed) };
    for (position, filter) in chain.iter().enumerate() {
        filters::apply(&around, *filter, chain.get(position + 1), &mut chance, &mut left);
    }
    left.iter().map(|candidate| candidate.at).collect()
}

#[cfg(test)]
mod tests;
