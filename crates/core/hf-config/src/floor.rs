//! The arithmetic of every floor: which zones a pool has, what each of them can carry, and how many must stay (`keep`).
//!
//! 1. Only zones with a weighted endpoint count: a zone with nothing but weight 0 is a spare, not capacity in service.
//!    In a pool of spares only, all count alike (Route 53's rule for weighted records).
//! 2. A zone's capacity within a pool is what the estate states for the zone, if it does so for every zone of the pool that
//!    counts; else the weights of the pool's endpoints there: stated and unstated zones cannot be compared.
//!
//! Not here: who asks for a zone to be away (`hf-control`), who yields to the floor (`hf-decide`).

use std::collections::BTreeMap;

use hf_model::{Share, Weight};

use crate::estate::{Endpoint, Estate, Pool, ZoneIx};

pub use keep::{Floor, Short};

mod keep;

/// The zones in which a pool has endpoints, spares included; in the estate's order, each once.
pub fn pool_zones(pool: &Pool) -> Vec<ZoneIx> {
    let mut zones: Vec<ZoneIx> = pool.endpoints.iter().map(|endpoint| endpoint.zone).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// The zones of a pool that count for its floor, in the estate's order, each once.
pub fn floor_zones(pool: &Pool) -> Vec<ZoneIx> {
    floor_zones_of(&pool.endpoints)
}

/// The same of endpoints that are not a pool yet.
pub fn floor_zones_of(endpoints: &[Endpoint]) -> Vec<ZoneIx> {
    weights(endpoints).into_keys().collect()
}

/// What a zone carries of a pool. Comparable with other zones of the same pool, with nothing else.
pub fn zone_capacity(estate: &Estate, pool: &Pool, zone: ZoneIx) -> u64 {
    capacities(estate, pool).get(&zone).copied().unwrap_or(0)
}

/// The share of a pool's capacity that is left with only the zones `open`.
pub fn share_left(estate: &Estate, pool: &Pool, open: &[ZoneIx]) -> Share {
    let capacities = capacities(estate, pool);
    let sum = |capacities: &mut dyn Iterator<Item = u64>| capacities.fold(0, u64::saturating_add);
    let whole = sum(&mut capacities.values().copied());
    let left =
        sum(&mut capacities.iter().filter(|(zone, _)| open.contains(zone)).map(|(_, capacity)| *capacity));
    Share::of(left, whole)
}

/// [`zone_capacity`] of every zone that counts, in one pass.
pub fn capacities(estate: &Estate, pool: &Pool) -> BTreeMap<ZoneIx, u64> {
    let weights = weights(&pool.endpoints);
    let stated: Option<BTreeMap<ZoneIx, u64>> =
        weights.keys().map(|zone| Some((*zone, estate.zone(*zone).capacity?.0))).collect();
    stated.unwrap_or(weights)
}

fn weights(endpoints: &[Endpoint]) -> BTreeMap<ZoneIx, u64> {
    let has_only_spares = endpoints.iter().all(|endpoint| endpoint.weight == Weight(0));
    let mut weights = BTreeMap::new();
    for endpoint in endpoints {
        let weight = if has_only_spares { 1 } else { u64::from(endpoint.weight.0) };
        if weight > 0 {
            *weights.entry(endpoint.zone).or_insert(0) += weight;
        }
    }
    weights
}

#[cfg(test)]
mod tests;
