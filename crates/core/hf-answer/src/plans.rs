//! Every chain that a steered record, a branch or a zonal name chooses by, compiled once for each estate.
//!
//! A chain over a pool's endpoints of one family is compiled once, however many names use it. For each pool that may come to stand in
//! for another (`all_down = "fallback:…"`) the chain is there, too: nothing is compiled when a pool fails.

use std::collections::BTreeMap;

use hf_config::estate::{AddressFamily, AllDown, BranchTo, Estate, Filter, PoolIx, Sticky, ZoneIx};
use hf_select::{Candidate, Plan};

use crate::rtype;

/// A zonal name gives at most this many addresses, drawn by weight: Route 53's limit of a multivalue answer.
const ZONAL_CHAIN: [Filter; 3] = [Filter::Open, Filter::Weighted, Filter::Take(8)];

/// A position in [`Plans::leaves`].
pub type LeafIx = u32;

/// A chain and how it groups clients, by number.
type ChainIx = u32;

/// All of them.
#[derive(Debug, Default)]
pub struct Plans {
    /// Over the endpoints of a pool.
    pub leaves: Vec<Leaf>,
    by_key: BTreeMap<(ChainIx, PoolIx, AddressFamily), LeafIx>,
    /// For each record of the estate its chain.
    records: Vec<ChainIx>,
    /// For each tree of the estate.
    pub trees: Vec<TreePlan>,
    zonal: BTreeMap<(PoolIx, ZoneIx, AddressFamily), LeafIx>,
}

/// A chain over a pool's endpoints of one family.
#[derive(Debug)]
pub struct Leaf {
    /// The chain.
    pub plan: Plan,
}

/// A chain over the branches of a tree.
#[derive(Debug)]
pub struct TreePlan {
    /// The chain.
    pub plan: Plan,
    /// For each branch that leads to a pool the chain of its endpoints.
    branches: Vec<Option<ChainIx>>,
}

/// Compiles, each chain once.
struct Making<'a> {
    estate: &'a Estate,
    chains: Vec<(&'a [Filter], Option<Sticky>)>,
    plans: Plans,
    /// Endpoints by pool, made when they are first needed.
    candidates: BTreeMap<PoolIx, Vec<Candidate>>,
}

impl Plans {
    /// Compiles all chains of an estate.
    pub fn new(estate: &Estate) -> Self {
        let mut making =
            Making { estate, chains: Vec::new(), plans: Plans::default(), candidates: BTreeMap::new() };
        let mut numbers = BTreeMap::new();
        for record in &estate.records {
            let chain = making.chain(&mut numbers, &record.choose, record.sticky);
            making.leaf_and_fallbacks(chain, record.pool, record.family);
            making.plans.records.push(chain);
        }
        for tree in &estate.trees {
            let plan = Plan::new(estate, &Candidate::of_tree(estate, tree), &tree.choose, tree.sticky);
            let mut branches = Vec::with_capacity(tree.branches.len());
            for branch in &tree.branches {
                let BranchTo::Pool(pool) = branch.to else {
                    branches.push(None);
                    continue;
                };
                let chain = making.chain(&mut numbers, &branch.choose, tree.sticky);
                making.leaf_and_fallbacks(chain, pool, tree.family);
                branches.push(Some(chain));
            }
            making.plans.trees.push(TreePlan { plan, branches });
        }
        making.zonal();
        making.plans
    }

    /// The chain of a record over the endpoints of a pool: its own, or one that stands in for it.
    pub fn of_record(&self, record: usize, pool: PoolIx, family: AddressFamily) -> Option<LeafIx> {
        self.by_key.get(&(*self.records.get(record)?, pool, family)).copied()
    }

    /// The chain of a tree's branch over the endpoints of a pool.
    pub fn of_branch(
        &self,
        tree: usize,
        branch: usize,
        pool: PoolIx,
        family: AddressFamily,
    ) -> Option<LeafIx> {
        let chain = (*self.trees.get(tree)?.branches.get(branch)?)?;
        self.by_key.get(&(chain, pool, family)).copied()
    }

    /// The types that a zonal name has.
    pub fn zonal_types(&self, pool: PoolIx, zone: ZoneIx) -> Vec<u16> {
        let families = [(AddressFamily::V4, rtype::A), (AddressFamily::V6, rtype::AAAA)];
        let has = |family| self.zonal.contains_key(&(pool, zone, family));
        families.into_iter().filter(|(family, _)| has(*family)).map(|(_, rtype)| rtype).collect()
    }

    /// The chain of a zonal name.
    pub fn of_zone(&self, pool: PoolIx, zone: ZoneIx, family: AddressFamily) -> Option<&Leaf> {
        Some(&self.leaves[*self.zonal.get(&(pool, zone, family))? as usize])
    }
}

/// What tells chains apart: what is written, and how clients are grouped.
type ChainKey = (String, Option<(u8, u8)>);

impl<'a> Making<'a> {
    fn chain(
        &mut self,
        numbers: &mut BTreeMap<ChainKey, ChainIx>,
        chain: &'a [Filter],
        sticky: Option<Sticky>,
    ) -> ChainIx {
        let text = chain.iter().map(Filter::to_string).collect::<Vec<_>>().join(" ");
        let key = (text, sticky.map(|sticky| (sticky.v4_bits, sticky.v6_bits)));
        let next = self.chains.len() as ChainIx;
        let number = *numbers.entry(key).or_insert(next);
        if number == next {
            self.chains.push((chain, sticky));
        }
        number
    }

    /// Compiles a chain for a pool and for all that may stand in for it.
    fn leaf_and_fallbacks(&mut self, chain: ChainIx, first: PoolIx, family: AddressFamily) {
        let mut pool = first;
        // A pool that was here before has had its fallbacks compiled, or is compiling them: rings end.
        while self.leaf(chain, pool, family) {
            let AllDown::Fallback(next) = self.estate.pool(pool).all_down else { return };
            pool = next;
        }
    }

    /// Compiles a chain for a pool; false if it was there.
    fn leaf(&mut self, chain: ChainIx, pool: PoolIx, family: AddressFamily) -> bool {
        let key = (chain, pool, family);
        if self.plans.by_key.contains_key(&key) {
            return false;
        }
        let (filters, sticky) = self.chains[chain as usize];
        let leaf = self.push(pool, filters, sticky, |_, address| family.holds(address));
        self.plans.by_key.insert(key, leaf);
        true
    }

    fn push(
        &mut self,
        pool: PoolIx,
        chain: &[Filter],
        sticky: Option<Sticky>,
        keep: impl Fn(&Candidate, std::net::IpAddr) -> bool,
    ) -> LeafIx {
        let estate = self.estate;
        let endpoints = &estate.pool(pool).endpoints;
        let all = self.candidates.entry(pool).or_insert_with(|| Candidate::of_pool(estate, pool));
        let kept: Vec<Candidate> = all
            .iter()
            .filter(|candidate| keep(candidate, endpoints[usize::from(candidate.at)].address.ip()))
            .cloned()
            .collect();
        let plan = Plan::new(estate, &kept, chain, sticky);
        self.plans.leaves.push(Leaf { plan });
        (self.plans.leaves.len() - 1) as LeafIx
    }

    /// Compiles the chains of all zonal names.
    fn zonal(&mut self) {
        let estate = self.estate;
        for pool in estate.pool_indexes() {
            for endpoint in &estate.pool(pool).endpoints {
                let family = family_of(endpoint.address.ip());
                let key = (pool, endpoint.zone, family);
                if !self.plans.zonal.contains_key(&key) {
                    let leaf = self.push(pool, &ZONAL_CHAIN, None, |candidate, address| {
                        candidate.zone == Some(endpoint.zone) && family.holds(address)
                    });
                    self.plans.zonal.insert(key, leaf);
                }
            }
        }
    }
}

/// The family of an address.
pub fn family_of(address: std::net::IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::V4 } else { AddressFamily::V6 }
}
