//! One zone over all pools: what an operator sees at a glance.
//!
//! A zone is away when an act on everything takes it out of at least one pool, or when it has no endpoints and an act
//! asks for it. Acts on single pools and records do not turn the zone; health does not either: its word stands beside.

use hf_config::estate::{Estate, ZoneIx};
use hf_control::Scope;
use hf_health::{Verdict, Verdicts};

use crate::acts::{Act, Asks};
use crate::decision::{NotApplied, PoolDecision, Reason, Source, ZoneDecision, ZoneHealth, ZoneState};

/// Decides every zone, from what was decided for pools and records.
pub(crate) fn decide(
    estate: &Estate,
    acts: &[Act],
    verdicts: &Verdicts,
    pools: &[PoolDecision],
    records: &[Option<PoolDecision>],
) -> Vec<ZoneDecision> {
    let mut zones: Vec<Tally> = estate.zones.iter().map(|_| Tally::default()).collect();
    for (at, endpoint) in estate.endpoint_refs().enumerate() {
        let has_check = estate.pool(endpoint.pool).health_check.is_some();
        let verdict = if has_check { verdicts.get(at) } else { Verdict::Unknown };
        zones[estate.endpoint(endpoint).zone.at()].count(verdict);
    }
    for decision in pools {
        for zone in &decision.zones {
            zones[zone.zone.at()].is_away_somewhere |= is_act(&zone.reason);
        }
        for refused in decision.not_applied.iter().filter(|refused| refused.source != Source::Health) {
            zones[refused.zone.at()].not_applied.push(refused.clone());
        }
    }
    for decision in records.iter().flatten() {
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
    estate.zone_indexes().zip(zones).map(|(zone, tally)| tally.outcome(zone, acts)).collect()
}

/// Whether somebody, not health, took the zone away.
fn is_act(reason: &Reason) -> bool {
    matches!(reason, Reason::Shifted { .. } | Reason::BreakGlass { .. } | Reason::PinnedOut { .. })
}

#[derive(Default)]
struct Tally {
    health: ZoneHealth,
    seen_healthy: u32,
    is_away_somewhere: bool,
    not_applied: Vec<NotApplied>,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        self.health.of += 1;
        self.health.healthy += u32::from(verdict != Verdict::Unhealthy);
        self.seen_healthy += u32::from(verdict == Verdict::Healthy);
    }

    fn outcome(self, zone: ZoneIx, acts: &[Act]) -> ZoneDecision {
        let act = acts
            .iter()
            .find(|act| act.zone == zone && act.scope == Scope::Everything && act.asks != Asks::Canceled);
        let is_empty = self.health.of == 0;
        let (state, reason) = match act {
            Some(act) if act.asks == Asks::In => (ZoneState::Open, act.reason.clone()),
            Some(act) if is_empty || self.is_away_somewhere => (ZoneState::Away, act.reason.clone()),
            _ => (ZoneState::Open, self.health_reason()),
        };
        ZoneDecision { zone, state, reason, health: self.health, not_applied: self.not_applied }
    }

    fn health_reason(&self) -> Reason {
        if self.health.of > 0 && self.health.healthy == 0 {
            Reason::Impaired
        } else if self.seen_healthy > 0 {
            Reason::Healthy
        } else {
            Reason::Unknown
        }
    }
}
