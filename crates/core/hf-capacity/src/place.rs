//! Where requests go that can no longer go where they went.
//!
//! 1. A client of a zone that is gone asks again: the chain of the record that answers from the pool says who is left for it (`near`: its own
//!    region while that has somebody, else the nearest), and weights divide what is left. A pool that no record answers from is reached as
//!    balancers reach it: own region first, then the nearest; with `cross_zone` everybody by weight.
//! 2. A zone that is returning has its share of its weight.
//! 3. A pool without anybody left hands its requests to the pool that it falls back to; else to the other branches of a tree that asks it;
//!    else they go nowhere, which is told.
//! 4. What depends on a client's own address (`geo`, `cidr`, `latency`) is not known here: those filters pass, and `latency` is `near`.
//!
//! Not here: who is open (`hf-decide`), how filters choose (`hf-select`).

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{BranchTo, CrossZone, Estate, Filter, PoolIx, ZoneIx};
use hf_decide::{Decision, Mode, PoolDecision};
use hf_model::Share;
use hf_select::{Candidate, Client, Locality, Plan, Scratch, State};

/// Requests in 1,000 seconds, by pool and zone.
pub type Load = BTreeMap<(PoolIx, ZoneIx), u64>;

/// The whole, for parts.
pub(crate) const WHOLE: u64 = 1 << 32;
/// Fallbacks and trees that are followed one behind the other.
const STEPS: usize = 8;

/// Where each part of [`WHOLE`] goes; what is missing goes nowhere.
pub(crate) type Parts = BTreeMap<(PoolIx, ZoneIx), u64>;

/// What stays open.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// What serves when `lost` is gone.
    pub decision: &'a Decision,
    /// Zones that nothing goes to, whatever the decision says.
    pub lost: &'a BTreeSet<ZoneIx>,
}

impl Ground<'_> {
    /// Where the requests of a pool's clients in `from` go, in parts of 2^32.
    pub(crate) fn place(&self, pool: PoolIx, from: ZoneIx) -> Parts {
        let mut parts = Parts::new();
        self.add(pool, from, WHOLE, STEPS, &mut parts);
        parts
    }

    /// Whether somebody of the pool is left.
    pub(crate) fn has_somebody(&self, pool: PoolIx) -> bool {
        let of = self.estate.pool(pool);
        self.decision.pools[pool.at()].serving().any(|at| !self.lost.contains(&of.endpoints[at].zone))
    }

    fn add(&self, pool: PoolIx, from: ZoneIx, amount: u64, steps: usize, parts: &mut Parts) {
        let Some(steps) = steps.checked_sub(1) else { return };
        if let Mode::Fallback(to) = self.decision.pools[pool.at()].mode {
            return self.add(to, from, amount, steps, parts);
        }
        let weights = self.weights(pool, from);
        if weights.values().all(|weight| *weight == 0) {
            return self.through_trees(pool, from, amount, steps, parts);
        }
        for (zone, part) in divided(amount, &weights) {
            *parts.entry((pool, zone)).or_default() += part;
        }
    }

    /// The weights of the zones that are left for a client.
    fn weights(&self, pool: PoolIx, from: ZoneIx) -> BTreeMap<ZoneIx, u128> {
        let (decision, chain) = self.way_to(pool);
        let mut candidates = Candidate::of_pool(self.estate, pool);
        candidates.retain(|of| of.zone.is_some_and(|zone| !self.lost.contains(&zone)));
        let state = State::of_dns(self.estate, decision).whole();
        let chosen = choose(self.estate, &candidates, &chain, &state, from);
        let endpoints = &self.estate.pool(pool).endpoints;
        let weighs = |at: &u16| u128::from(endpoints[usize::from(*at)].weight.0);
        let by_weight = is_by_weight(&chain) && chosen.iter().any(|at| weighs(at) > 0);
        let mut weights = BTreeMap::new();
        for at in &chosen {
            let zone = endpoints[usize::from(*at)].zone;
            let share = decision.zone(zone).map_or(Share::ONE, |of| of.share);
            let weight = if by_weight { weighs(at) } else { 1 };
            *weights.entry(zone).or_default() += weight * u128::from(share.ppm());
        }
        weights
    }

    /// Whose decision holds for clients of the pool, and how they choose.
    fn way_to(&self, pool: PoolIx) -> (&PoolDecision, Vec<Filter>) {
        let own = &self.decision.pools[pool.at()];
        if let Some(at) = self.estate.records.iter().position(|record| record.pool == pool) {
            return (self.decision.for_record(at, pool), self.estate.records[at].choose.clone());
        }
        let mut branches = self.estate.trees.iter().flat_map(|tree| &tree.branches);
        if let Some(branch) = branches.find(|branch| branch.to == BranchTo::Pool(pool)) {
            return (own, branch.choose.clone());
        }
        match self.estate.pool(pool).cross_zone {
            CrossZone::On => (own, vec![Filter::Open, Filter::Weighted]),
            CrossZone::Off => (own, vec![Filter::Open, Filter::Near, Filter::Weighted]),
        }
    }

    /// To the other branches of a tree that leads to the pool.
    fn through_trees(&self, pool: PoolIx, from: ZoneIx, amount: u64, steps: usize, parts: &mut Parts) {
        let leads = |to: &BranchTo| match to {
            BranchTo::Pool(of) => *of == pool,
            BranchTo::Record(at) => self.estate.records[usize::from(*at)].pool == pool,
            BranchTo::Tree(_) => false,
        };
        let asks = |tree: &hf_config::estate::Tree| tree.branches.iter().any(|branch| leads(&branch.to));
        if let Some(at) = self.estate.trees.iter().position(asks) {
            self.down_tree(at, &leads, from, amount, steps, parts);
        }
    }

    fn down_tree(
        &self,
        tree: usize,
        is_left_out: &dyn Fn(&BranchTo) -> bool,
        from: ZoneIx,
        amount: u64,
        steps: usize,
        parts: &mut Parts,
    ) {
        let Some(steps) = steps.checked_sub(1) else { return };
        let of = &self.estate.trees[tree];
        let mut candidates = Candidate::of_tree(self.estate, of);
        candidates.retain(|candidate| !is_left_out(&of.branches[usize::from(candidate.at)].to));
        let state = State::of_tree(&self.decision.trees[tree]);
        let chosen = choose(self.estate, &candidates, &of.choose, &state, from);
        let weighs = |at: &u16| u128::from(of.branches[usize::from(*at)].weight.0);
        let by_weight = is_by_weight(&of.choose) && chosen.iter().any(|at| weighs(at) > 0);
        let weights: BTreeMap<u16, u128> =
            chosen.iter().map(|at| (*at, if by_weight { weighs(at) } else { 1 })).collect();
        for (at, part) in divided(amount, &weights) {
            match of.branches[usize::from(at)].to {
                BranchTo::Pool(pool) => self.add(pool, from, part, steps, parts),
                BranchTo::Record(record) => {
                    self.add(self.estate.records[usize::from(record)].pool, from, part, steps, parts);
                }
                BranchTo::Tree(below) => {
                    self.down_tree(usize::from(below), &|_| false, from, part, steps, parts);
                }
            }
        }
    }
}

/// Whom the filters leave that look at neither chance nor a client's address.
fn choose(
    estate: &Estate,
    candidates: &[Candidate],
    chain: &[Filter],
    state: &State,
    from: ZoneIx,
) -> Vec<u16> {
    let orders = |filter: &&Filter| {
        matches!(filter, Filter::Weighted | Filter::Sticky | Filter::Shuffle | Filter::Take(_))
    };
    let passes = |filter: &Filter| !matches!(filter, Filter::Geo | Filter::Cidr) && !orders(&filter);
    let chain: Vec<Filter> = chain.iter().copied().filter(passes).collect();
    let plan = Plan::new(estate, candidates, &chain, None);
    let client = Locality::of(Client::in_zone(estate, from));
    plan.choose(state, &client, 0, &mut Scratch::with_room(candidates.len())).to_vec()
}

fn is_by_weight(chain: &[Filter]) -> bool {
    chain.iter().any(|filter| matches!(filter, Filter::Weighted | Filter::Sticky))
}

/// An amount by weights; the last one with a weight has what rounding left.
fn divided<K: Copy>(amount: u64, weights: &BTreeMap<K, u128>) -> Vec<(K, u64)> {
    let mut left_weight: u128 = weights.values().sum();
    let mut left = u128::from(amount);
    let mut parts = Vec::with_capacity(weights.len());
    for (key, weight) in weights.iter().filter(|(_, weight)| **weight > 0) {
        let part = left * weight / left_weight;
        (left, left_weight) = (left - part, left_weight - weight);
        // A part of an amount of 64 bits.
        parts.push((*key, part as u64));
    }
    parts
}
