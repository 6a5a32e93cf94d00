//! One endpoint for one try of a request.
//!
//! 1. The endpoint that the client is stuck to, while it serves in the best tier, is usable, may be picked and was not tried.
//! 2. Else a zone by its chance ([`Spread`](crate::spread::Spread)); then the others of the tier by capacity; then the next tier.
//! 3. In the zone two are drawn by weight and the less loaded is taken; or one is drawn; or the ring of hashes is followed.
//! 4. What is drawn and cannot take it is drawn again a few times, then all of the zone are looked at: the chances stay as the weights say.
//! 5. Load is (weight-parts in flight + 1) times latency; where the latency of either is not known, without it.
//! 6. An endpoint that began to serve a moment ago is drawn with the chance of its age in `slow_start`, 10 % at least.
//!
//! Not here: what the view says (`hf-balancer`).

use hf_model::Share;
use hf_select::Chance;

use crate::compile::{Group, Pick, Plan, Way, is_overrun};
use crate::spread::{Draw, mixed};

/// Draws before all of a zone are looked at.
const DRAWS: usize = 4;
/// Endpoints whose load is summed up for the bound of consistent hashing; of more every so-many-th is.
const SUMMED: usize = 256;

/// What a balancer knows of endpoints, by position in the pool.
pub trait View {
    /// What an endpoint must pass in any case: room for one more request, say.
    fn may(&self, at: u16) -> bool;
    /// The balancer's own view of its health.
    fn usable(&self, at: u16) -> bool;
    /// Requests in flight.
    fn load(&self, at: u16) -> u32;
    /// How slow it is, in microseconds; 0: not known.
    fn latency_us(&self, at: u16) -> u32;
    /// Since it began to serve, in milliseconds.
    fn age_ms(&self, at: u16) -> u64;
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// Its chance.
    pub seed: u64,
    /// For pools whose choice is a hash: [`hash_key`](crate::hash_key) of what the pool says. Without it load decides.
    pub key: Option<u64>,
    /// Where its cookie says it was.
    pub stuck_to: Option<u16>,
}

/// A view by two questions: no load, no latency, all of them long there.
struct Known<M, U> {
    may: M,
    usable: U,
}

impl<M: Fn(u16) -> bool, U: Fn(u16) -> bool> View for Known<M, U> {
    fn may(&self, at: u16) -> bool {
        (self.may)(at)
    }
    fn usable(&self, at: u16) -> bool {
        (self.usable)(at)
    }
    fn load(&self, _: u16) -> u32 {
        0
    }
    fn latency_us(&self, _: u16) -> u32 {
        0
    }
    fn age_ms(&self, _: u16) -> u64 {
        u64::MAX
    }
}

/// Zones, up to 256 of them in an estate: a zone has at most one group.
#[derive(Clone, Copy, Default)]
struct Groups([u64; 4]);

impl Groups {
    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}

/// What a pass through the zones may take.
#[derive(Clone, Copy)]
struct Pass {
    /// Not these zones.
    without: Groups,
    /// Returning zones only if drawn.
    draws_returning: bool,
    /// Only what the balancer itself finds usable.
    minds_health: bool,
}

/// One pick in the making.
struct Picker<'a, V> {
    plan: &'a Plan,
    view: &'a V,
    tried: &'a [u16],
    way: Way,
    key: Option<u64>,
    /// Draws whether a returning zone has part in it: by key where there is one, so that a key stays where it is.
    zone_seed: u64,
    chance: Chance,
    zones: Draw,
}

impl Plan {
    /// Picks an endpoint for one try of a request.
    ///
    /// `tried` are the positions that this request has been to; a handful, since each try adds one. None when nothing serves, may be
    /// picked and was not tried.
    pub fn choose(&self, ask: &Ask, view: &impl View, tried: &[u16]) -> Option<Pick> {
        self.picker(ask, view, tried, self.way).pick(ask.stuck_to)
    }

    /// As [`choose`](Plan::choose), by weight alone, for who knows no loads.
    ///
    /// `may` is what an endpoint must pass in any case (room for one more request, say), `usable` the balancer's own view of it;
    /// both by position.
    pub fn pick(
        &self,
        seed: u64,
        may: impl Fn(u16) -> bool,
        usable: impl Fn(u16) -> bool,
        tried: &[u16],
    ) -> Option<Pick> {
        let ask = Ask { seed, ..Ask::default() };
        self.picker(&ask, &Known { may, usable }, tried, Way::Weighted).pick(None)
    }

    fn picker<'a, V: View>(&'a self, ask: &Ask, view: &'a V, tried: &'a [u16], way: Way) -> Picker<'a, V> {
        let key = ask.key.filter(|_| way == Way::Hash);
        Picker {
            plan: self,
            view,
            tried,
            way: if way == Way::Hash && key.is_none() { Way::LeastLoaded } else { way },
            key,
            zone_seed: key.unwrap_or(ask.seed),
            chance: Chance::new(ask.seed),
            zones: key.map_or_else(|| Draw::Seed(Chance::new(mixed(ask.seed, 0x7a))), Draw::Key),
        }
    }
}

impl<V: View> Picker<'_, V> {
    fn pick(mut self, stuck_to: Option<u16>) -> Option<Pick> {
        if let Some(pick) = stuck_to.and_then(|at| self.stuck(at)) {
            return Some(pick);
        }
        let any = Pass { without: Groups::default(), draws_returning: false, minds_health: true };
        let returns = !self.plan.crosses && self.plan.groups.iter().any(|group| group.share < Share::ONE);
        if !self.tried.is_empty() {
            let mut without = Groups::default();
            self.tried.iter().filter_map(|at| self.plan.group_of(*at)).for_each(|at| without.insert(at));
            if let Some(pick) = self.go_through(Pass { without, draws_returning: returns, ..any }) {
                return Some(pick);
            }
        }
        if returns && let Some(pick) = self.go_through(Pass { draws_returning: true, ..any }) {
            return Some(pick);
        }
        self.go_through(any).or_else(|| self.go_through(Pass { minds_health: false, ..any }))
    }

    fn stuck(&self, at: u16) -> Option<Pick> {
        let pick = self.plan.at(at)?;
        let is_best = self.plan.group_of(at).is_some_and(|group| self.plan.tier_of(group) == 0);
        (is_best && self.is_fresh(at) && self.view.usable(at)).then_some(*pick)
    }

    fn is_fresh(&self, at: u16) -> bool {
        !self.tried.contains(&at) && self.view.may(at)
    }

    fn go_through(&mut self, pass: Pass) -> Option<Pick> {
        let plan = self.plan;
        for tier in &plan.tiers {
            let mut gone = pass.without;
            for (at, group) in (tier.from..tier.to).zip(&plan.groups[tier.from..tier.to]) {
                if pass.draws_returning && !hf_select::is_drawn(group.zone, group.share, self.zone_seed) {
                    gone.insert(at);
                }
            }
            let mut next = tier.spread.draw(&mut self.zones).filter(|at| !gone.has(tier.from + at));
            loop {
                let left = |at: usize| !gone.has(tier.from + at);
                let Some(at) = next.or_else(|| tier.spread.draw_other(&mut self.zones, left)) else { break };
                let at = tier.from + at;
                if let Some(pick) = self.pick_in(&plan.groups[at], pass.minds_health) {
                    return Some(pick);
                }
                gone.insert(at);
                next = None;
            }
        }
        None
    }

    fn pick_in(&mut self, group: &Group, minds_health: bool) -> Option<Pick> {
        let minds_health = minds_health && !self.is_overrun(group);
        match (self.way, self.key) {
            (Way::Hash, Some(key)) => self.by_hash(group, key, minds_health),
            (Way::LeastLoaded | Way::Hash, _) => {
                let first = self.draw(group, minds_health, None)?;
                if group.len() == 1 {
                    return Some(first);
                }
                match self.draw_few(group, minds_health, Some(first.at)) {
                    Some(second) if self.is_less_loaded(group, &second, &first) => Some(second),
                    _ => Some(first),
                }
            }
            (Way::Weighted, _) => self.draw(group, minds_health, None),
        }
    }

    /// Whether the zone's few healthy endpoints would be overrun; with the usual minimum nothing is counted.
    fn is_overrun(&self, group: &Group) -> bool {
        let minimum = self.plan.minimum;
        if minimum.count <= 1 && minimum.share == Share::ZERO {
            return false;
        }
        let picks = &self.plan.picks[group.from..group.to];
        let in_health = picks.iter().filter(|pick| self.view.usable(pick.at)).count();
        is_overrun(minimum, in_health, group.registered)
    }

    fn is_possible(&self, at: u16, minds_health: bool) -> bool {
        self.is_fresh(at) && (!minds_health || self.view.usable(at))
    }

    /// One by weight and age; weight 0 only where nobody with a weight can take it.
    fn draw(&mut self, group: &Group, minds_health: bool, but: Option<u16>) -> Option<Pick> {
        self.draw_few(group, minds_health, but).or_else(|| self.draw_of_all(group, minds_health))
    }

    /// By a few draws; none if they found nobody.
    fn draw_few(&mut self, group: &Group, minds_health: bool, but: Option<u16>) -> Option<Pick> {
        let sums = &self.plan.sums[group.from..group.to];
        let total = sums.last().copied().filter(|total| *total > 0)?;
        for _ in 0..DRAWS {
            let ticket = self.chance.below(total);
            let at = sums.partition_point(|sum| *sum <= ticket);
            let pick = self.plan.picks[group.from + at];
            if Some(pick.at) != but
                && self.is_possible(pick.at, minds_health)
                && self.chance.below(1_000) < self.growth(pick.at)
            {
                return Some(pick);
            }
        }
        None
    }

    /// With a look at all of the zone.
    fn draw_of_all(&mut self, group: &Group, minds_health: bool) -> Option<Pick> {
        let mut chance = Chance::new(self.chance.number());
        let picks = &self.plan.picks[group.from..group.to];
        let possible = |pick: &&Pick| self.is_possible(pick.at, minds_health);
        let total: u64 = picks.iter().filter(possible).map(|pick| self.weight(pick)).sum();
        if total == 0 {
            let count = picks.iter().filter(possible).count() as u64;
            return picks.iter().filter(possible).nth(chance.below(count) as usize).copied();
        }
        let mut ticket = chance.below(total);
        picks
            .iter()
            .filter(possible)
            .find(|pick| {
                let weight = self.weight(pick);
                let hit = ticket < weight;
                ticket = ticket.saturating_sub(weight);
                hit
            })
            .copied()
    }

    /// How far an endpoint has grown since it began to serve, in thousandths.
    fn growth(&self, at: u16) -> u64 {
        match self.plan.slow_start_ms {
            0 => 1_000,
            of => (u128::from(self.view.age_ms(at)) * 1_000 / u128::from(of)).clamp(100, 1_000) as u64,
        }
    }

    /// In thousandths of the written one.
    fn weight(&self, pick: &Pick) -> u64 {
        u64::from(pick.weight) * self.growth(pick.at)
    }

    /// Whether one is less loaded than the other.
    fn is_less_loaded(&self, group: &Group, one: &Pick, other: &Pick) -> bool {
        // An endpoint of mean weight counts each request in flight as one.
        let total = self.plan.sums[group.from..group.to].last().copied().unwrap_or(0);
        let mean = u128::from((total * 1_000 / group.len().max(1) as u64).max(1));
        let (latency, other_latency) = match (self.view.latency_us(one.at), self.view.latency_us(other.at)) {
            (0, _) | (_, 0) => (1, 1),
            (one, other) => (u128::from(one), u128::from(other)),
        };
        let (weight, other_weight) =
            (u128::from(self.weight(one).max(1)), u128::from(self.weight(other).max(1)));
        let load = |at: u16, weight: u128| u128::from(self.view.load(at)) * mean + weight;
        // Both sides times both weights. 32 bits of load, 26 of mean, 32 of latency, 26 of weight.
        load(one.at, weight) * latency * other_weight < load(other.at, other_weight) * other_latency * weight
    }

    fn by_hash(&mut self, group: &Group, key: u64, minds_health: bool) -> Option<Pick> {
        let plan = self.plan;
        let picks = &plan.picks[group.from..group.to];
        let step = picks.len().div_ceil(SUMMED);
        let looked_at = || picks.iter().step_by(step).filter(|pick| self.is_possible(pick.at, minds_health));
        let in_flight: u128 = looked_at().map(|pick| u128::from(self.view.load(pick.at))).sum::<u128>() + 1;
        let weights: u128 = looked_at().map(|pick| u128::from(self.weight(pick).max(1))).sum();
        let mut first = None;
        // Each has a hundred points or more: with a few for each, all that can take it were met.
        for at in group.ring.behind(key).take(64 + 8 * picks.len()) {
            let Some(pick) =
                picks.get(usize::from(at)).filter(|pick| self.is_possible(pick.at, minds_health))
            else {
                continue;
            };
            // At most 5/4 of its part, rounded up.
            let part = (5 * in_flight * u128::from(self.weight(pick).max(1))).div_ceil(4 * weights.max(1));
            if u128::from(self.view.load(pick.at)) < part {
                return Some(*pick);
            }
            first = first.or(Some(*pick));
        }
        first.or_else(|| self.draw_of_all(group, minds_health))
    }
}
