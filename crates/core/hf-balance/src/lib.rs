//! A snapshot and a request to an endpoint.
//!
//! 1. Only what the decision serves is ever picked; a balancer's own view of health may narrow that, never widen it.
//! 2. Own zone first, then own region, then the nearest region, unless the pool says `cross_zone`: then all by weight.
//! 3. When the balancer's own view leaves nobody, that view is ignored: load on maybe-broken endpoints beats load nowhere. What it
//!    says an endpoint cannot take (it is full) is not ignored.
//! 4. A retry prefers a zone that was not tried yet.
//! 5. A zone that is returning bit by bit, the balancer's own too, has part in a request with the chance of its share: one draw for each
//!    zone and pick. It is passed over only while somebody else can take the request.
//!
//! The tiers are made by the filter chain of `hf-select` when the snapshot changes; a first pick allocates nothing, and every pick
//! looks at each endpoint a fixed number of times.
//!
//! Not here: connections, retries, what counts as usable (`hf-balancer`).

use std::net::SocketAddr;

use hf_config::estate::{CrossZone, Filter, PoolIx, ZoneIx};
use hf_decide::Mode;
use hf_model::Share;
use hf_select::{Candidate, Chance, Client, Locality, State};
use hf_snapshot::Snapshot;

/// One pool as one balancer uses it, compiled from a snapshot.
#[derive(Clone, Debug)]
pub struct Plan {
    mode: Mode,
    serving_pool: PoolIx,
    own_zone_serves: bool,
    /// Zones that have a part of the requests only.
    returning: Vec<(ZoneIx, Share)>,
    tiers: Vec<Vec<Pick>>,
}

/// An endpoint that may take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Its pool: the fallback's when the pool has fallen back.
    pub pool: PoolIx,
    /// Its position in that pool.
    pub at: u16,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is.
    pub zone: ZoneIx,
    weight: u16,
}

impl Plan {
    /// Compiles what `pool` means for a balancer in `own_zone`.
    pub fn new(snapshot: &Snapshot, pool: PoolIx, own_zone: Option<ZoneIx>) -> Plan {
        let asked = &snapshot.decision.pools[pool.at()];
        let serving_pool = match asked.mode {
            Mode::Fallback(other) => other,
            _ => pool,
        };
        let estate = &snapshot.estate;
        let decision = &snapshot.decision.pools[serving_pool.at()];
        let returning = decision.zones.iter().filter(|of| of.share < Share::ONE);
        let returning: Vec<(ZoneIx, Share)> = returning.map(|of| (of.zone, of.share)).collect();
        // Each pick draws for itself.
        let now = State::of_pool(decision).whole();
        let client = Locality::of(own_zone.map_or(Client::default(), |zone| Client::in_zone(estate, zone)));
        let chains: &[&[Filter]] = match estate.pool(serving_pool).cross_zone {
            CrossZone::On => &[&[Filter::Open]],
            CrossZone::Off => {
                &[&[Filter::Open, Filter::SameZone], &[Filter::Open, Filter::Near], &[Filter::Open]]
            }
        };
        let mut candidates = Candidate::of_pool(estate, serving_pool);
        let mut tiers = Vec::new();
        for chain in chains {
            // What an earlier tier holds is left out, so that `same-zone` and `near` find the next best group.
            let plan = hf_select::Plan::new(estate, &candidates, chain, None);
            let mut scratch = hf_select::Scratch::with_room(candidates.len());
            let tier = plan.choose(&now, &client, 0, &mut scratch);
            candidates.retain(|candidate| !tier.contains(&candidate.at));
            let picks = tier.iter().map(|at| {
                let at = *at;
                let endpoint = &estate.pool(serving_pool).endpoints[usize::from(at)];
                Pick {
                    pool: serving_pool,
                    at,
                    address: endpoint.address,
                    zone: endpoint.zone,
                    weight: endpoint.weight.0,
                }
            });
            tiers.push(picks.collect());
        }
        tiers.retain(|tier: &Vec<Pick>| !tier.is_empty());
        let own_zone_serves = tiers.iter().flatten().any(|pick| Some(pick.zone) == own_zone);
        Plan { mode: asked.mode, serving_pool, own_zone_serves, returning, tiers }
    }

    /// How the pool serves.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The pool whose endpoints serve: another one after a fallback.
    pub fn serving_pool(&self) -> PoolIx {
        self.serving_pool
    }

    /// Everything that may be picked, best tier first.
    pub fn serving(&self) -> impl Iterator<Item = &Pick> {
        self.tiers.iter().flatten()
    }

    /// Whether an endpoint of the balancer's own zone may be picked.
    pub fn own_zone_serves(&self) -> bool {
        self.own_zone_serves
    }

    /// Picks an endpoint for one try of a request.
    ///
    /// `may` is what an endpoint must pass in any case (room for one more request, say), `usable` the balancer's own view of it;
    /// both by position. `tried` are the positions that this request has been to; a handful, since each try adds one. None
    /// when nothing serves, may be picked and was not tried.
    pub fn pick(
        &self,
        seed: u64,
        may: impl Fn(u16) -> bool,
        usable: impl Fn(u16) -> bool,
        tried: &[u16],
    ) -> Option<Pick> {
        let mut chance = Chance::new(seed);
        let fresh = |pick: &Pick| !tried.contains(&pick.at) && may(pick.at);
        let is_drawn = |pick: &Pick| {
            let share = self.returning.iter().find(|(zone, _)| *zone == pick.zone).map(|(_, share)| *share);
            share.is_none_or(|share| hf_select::is_drawn(pick.zone, share, seed))
        };
        if !tried.is_empty() {
            let been_to = self.serving().filter(|pick| tried.contains(&pick.at));
            let zones: Vec<ZoneIx> = been_to.map(|pick| pick.zone).collect();
            let elsewhere =
                |pick: &Pick| !zones.contains(&pick.zone) && fresh(pick) && usable(pick.at) && is_drawn(pick);
            if let Some(pick) = self.draw(&mut chance, elsewhere) {
                return Some(pick);
            }
        }
        if !self.returning.is_empty()
            && let Some(pick) =
                self.draw(&mut chance, |pick| fresh(pick) && usable(pick.at) && is_drawn(pick))
        {
            return Some(pick);
        }
        self.draw(&mut chance, |pick| fresh(pick) && usable(pick.at))
            .or_else(|| self.draw(&mut chance, |pick| fresh(pick)))
    }

    /// Draws by weight from the first tier that has a candidate; weight 0 only where nobody has a weight.
    fn draw(&self, chance: &mut Chance, keep: impl Fn(&Pick) -> bool) -> Option<Pick> {
        for tier in &self.tiers {
            let total: u64 = tier.iter().filter(|pick| keep(pick)).map(|pick| u64::from(pick.weight)).sum();
            let drawn = if total == 0 {
                let count = tier.iter().filter(|pick| keep(pick)).count();
                tier.iter().filter(|pick| keep(pick)).nth(chance.below(count as u64) as usize)
            } else {
                let mut ticket = chance.below(total);
                tier.iter().filter(|pick| keep(pick)).find(|pick| {
                    let share = u64::from(pick.weight);
                    let hit = ticket < share;
                    ticket = ticket.saturating_sub(share);
                    hit
                })
            };
            if drawn.is_some() {
                return drawn.copied();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
