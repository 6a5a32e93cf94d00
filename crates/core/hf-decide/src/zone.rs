//! One zone over all pools: what an operator sees at a glance.
//!
//! 1. A zone is away when an act on everything takes it out of at least one pool, or meets only pools that stronger acts have taken
//!    out already, or when it has no endpoints and an act asks for it. An act that the floor of every other pool stops does not
//!    turn the zone, though another act may have taken one pool out of it. The strongest act that does turn it is told.
//! 2. Acts on single pools and records do not turn the zone; health does not either: its word stands beside.
//! 3. An open zone that comes back to a pool bit by bit is returning, until it is back in the last.

use hf_config::estate::{Estate, ZoneIx};
use hf_control::Scope;
use hf_health::Verdict;
use hf_model::Timestamp;

use crate::acts::{Act, Asks};
use crate::decision::{NotApplied, PoolDecision, Reason, Source, ZoneDecision, ZoneHealth, ZoneState};
use crate::pool::Effect;

/// Decides every zone, from what was decided for pools, and for records and branches of trees (`others`). `verdicts`: those that count, for each pool; `effects`: what
/// acts did to pools, by their position in `acts`.
pub(crate) fn decide(
    estate: &Estate,
    acts: &[Act<'_>],
    verdicts: &[Vec<Verdict>],
    (pools, effects): (&[PoolDecision], &[(usize, Effect)]),
    others: &[&PoolDecision],
) -> Vec<ZoneDecision> {
    let mut sums = vec![Sum::default(); acts.len()];
    for (act, effect) in effects {
        sums[*act].count(*effect);
    }
    let mut zones: Vec<Tally> = estate.zones.iter().map(|_| Tally::default()).collect();
    for (pool, verdicts) in estate.pools.iter().zip(verdicts) {
        for (endpoint, verdict) in pool.endpoints.iter().zip(verdicts) {
            zones[endpoint.zone.at()].count(*verdict);
        }
    }
    for decision in pools {
        for zone in &decision.zones {
            if let Reason::Returning { full_at } = zone.reason {
                let latest = &mut zones[zone.zone.at()].full_at;
                *latest = (*latest).max(Some(full_at));
            }
        }
        for refused in decision.not_applied.iter().filter(|refused| refused.source != Source::Health) {
            zones[refused.zone.at()].not_applied.push(refused.clone());
        }
    }
    for decision in others {
        let of_pool = &pools[decision.pool.at()].not_applied;
        for refused in decision.not_applied.iter().filter(|refused| refused.source != Source::Health) {
            let is_news = !of_pool.iter().any(|other| {
                (&other.source, other.zone, &other.why) == (&refused.source, refused.zone, &refused.why)
            });
            if is_news {
                zones[refused.zone.at()].not_applied.push(refused.clone());
            }
        }
    }
    let acts: Vec<(&Act<'_>, Sum)> = acts.iter().zip(sums).collect();
    estate.zone_indexes().zip(zones).map(|(zone, tally)| tally.outcome(zone, &acts)).collect()
}

/// What one act did to all pools that it reaches.
#[derive(Clone, Copy, Default)]
struct Sum {
    taken: bool,
    agreed: bool,
    stopped: bool,
}

impl Sum {
    fn count(&mut self, effect: Effect) {
        match effect {
            Effect::Taken => self.taken = true,
            Effect::Agreed => self.agreed = true,
            Effect::Stopped => self.stopped = true,
        }
    }

    fn turns_its_zone(self) -> bool {
        self.taken || self.agreed && !self.stopped
    }
}

#[derive(Default)]
struct Tally {
    health: ZoneHealth,
    seen_healthy: u32,
    /// When the last pool that it is returning to has it back.
    full_at: Option<Timestamp>,
    not_applied: Vec<NotApplied>,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        self.health.of += 1;
        self.health.healthy += u32::from(verdict != Verdict::Unhealthy);
        self.seen_healthy += u32::from(verdict == Verdict::Healthy);
    }

    fn outcome(self, zone: ZoneIx, acts: &[(&Act<'_>, Sum)]) -> ZoneDecision {
        let is_empty = self.health.of == 0;
        let turns = |(act, sum): &&(&Act<'_>, Sum)| {
            act.zone == zone
                && act.scope == Scope::Everything
                && match act.asks {
                    Asks::In => true,
                    Asks::Out => is_empty || sum.turns_its_zone(),
                    Asks::Canceled => false,
                }
        };
        let (state, reason) = match acts.iter().find(turns) {
            Some((act, _)) if act.asks == Asks::In => (ZoneState::Open, act.reason.clone()),
            Some((act, _)) => (ZoneState::Away, act.reason.clone()),
            None => (ZoneState::Open, self.own_reason()),
        };
        ZoneDecision { zone, state, reason, health: self.health, not_applied: self.not_applied }
    }

    fn own_reason(&self) -> Reason {
        if let Some(full_at) = self.full_at {
            Reason::Returning { full_at }
        } else if self.health.of > 0 && self.health.healthy == 0 {
            Reason::Impaired
        } else if self.seen_healthy > 0 {
            Reason::Healthy
        } else {
            Reason::Unknown
        }
    }
}
