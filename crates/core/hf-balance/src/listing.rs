//! One pool as a balancer of somebody else is told of it: who gets new traffic, and how much.
//!
//! 1. What takes is what our own balancers may pick: what the decision serves, and below the pool's `routing_minimum` all of an open zone.
//! 2. A pool that has fallen back lists the endpoints of the pool that serves in its place ([`Listing::of`]), or only its own
//!    ([`Listing::of_own`]). One that is closed lists its endpoints, and none takes.
//! 3. A zone that returns bit by bit takes its share; where that would leave nobody, shares are ignored. So are weights of nothing: they
//!    take while nobody else does.
//! 4. [`Listing::weights`] are small whole numbers beside one another: who reads them has 1 to 256 for it, or sums them up in 32 bits.
//!
//! Not here: formats and files (`hf-agent`, `hf-render`, `hf-xds`), our own balancer ([`Plan`](crate::Plan)).

use std::net::SocketAddr;

use hf_config::estate::{PoolIx, ZoneIx};
use hf_decide::{Mode, ZoneState};
use hf_model::{Share, Weight};
use hf_snapshot::Snapshot;

use crate::in_use;

/// One pool as a balancer of somebody else is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// How the pool serves.
    pub mode: Mode,
    /// Whose endpoints these are: the fallback's when the pool has fallen back.
    pub serving_pool: PoolIx,
    /// All of that pool's endpoints, in its order.
    pub endpoints: Vec<Listed>,
}

/// One endpoint of a [`Listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is.
    pub zone: ZoneIx,
    /// Its weight in the estate.
    pub weight: Weight,
    /// Whether it gets new traffic.
    pub takes: bool,
    /// How much of its weight it has now: all of it, unless its zone is returning.
    pub share: Share,
}

/// The largest weight that is given: 20,000 endpoints of it stay below 2^32 together.
const WEIGHT_MAX: u64 = 200_000;

impl Listing {
    /// What serves for a pool, its fallback followed.
    pub fn of(snapshot: &Snapshot, pool: PoolIx) -> Listing {
        let mode = snapshot.decision.pools[pool.at()].mode;
        let serving = if let Mode::Fallback(other) = mode { other } else { pool };
        Listing { mode, ..Listing::of_own(snapshot, serving) }
    }

    /// What serves of the pool's own endpoints.
    pub fn of_own(snapshot: &Snapshot, pool: PoolIx) -> Listing {
        let estate = &snapshot.estate;
        let decision = in_use(estate, &snapshot.decision.pools[pool.at()]);
        let listed = |(endpoint, decided): (&hf_config::estate::Endpoint, &hf_decide::EndpointDecision)| {
            let zone = decision.zone(endpoint.zone).filter(|zone| zone.state == ZoneState::Open);
            Listed {
                address: endpoint.address,
                zone: endpoint.zone,
                weight: endpoint.weight,
                takes: decided.serves,
                share: zone.map_or(Share::ONE, |zone| zone.share),
            }
        };
        let mut endpoints: Vec<Listed> =
            estate.pool(pool).endpoints.iter().zip(&decision.endpoints).map(listed).collect();
        if !endpoints.iter().any(|of| of.takes && of.share > Share::ZERO) {
            for of in &mut endpoints {
                of.share = Share::ONE;
            }
        }
        Listing { mode: decision.mode, serving_pool: pool, endpoints }
    }

    /// Whether anybody gets new traffic.
    pub fn takes(&self) -> bool {
        self.endpoints.iter().any(|of| of.takes)
    }

    /// For each endpoint its weight beside the others, 0 for who gets nothing new. Shares are rounded up to `steps` of the whole, so that a
    /// zone that returns changes what is told at most so often.
    pub fn weights(&self, steps: u32) -> Vec<u32> {
        let steps = u64::from(steps.max(1));
        let has_weight = |of: &&Listed| of.takes && of.share > Share::ZERO && of.weight.0 > 0;
        let only_spares = !self.endpoints.iter().any(|of| has_weight(&of));
        let whole = |of: &Listed| {
            let part = (u64::from(of.share.ppm()) * steps).div_ceil(u64::from(Share::ONE.ppm()));
            let weight = if only_spares && of.takes { 1 } else { u64::from(of.weight.0) };
            (weight * part, weight * steps)
        };
        // By all endpoints, not only those that take: the numbers of some do not change because others leave.
        let numbers = self.endpoints.iter().map(whole);
        let common = numbers.clone().fold(0, |common, (now, all)| divisor(divisor(common, now), all)).max(1);
        let largest = numbers.clone().map(|(_, all)| all / common).max().unwrap_or(1);
        let shrunk = largest.div_ceil(WEIGHT_MAX).max(1);
        let weights = self.endpoints.iter().zip(numbers).map(|(of, (now, _))| {
            if !of.takes || now == 0 { 0 } else { (now / common / shrunk).max(1) as u32 }
        });
        weights.collect()
    }
}

/// The greatest common one.
fn divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests;
