//! What came of a shift, pin or break-glass act: where it decides, where it yields and to what. Pure.
//!
//! 1. Asked of the answering node's own decision: none before that node has decided on the act as it is now.
//! 2. Pools and records without an endpoint in the zone are not concerned. A record is told apart only where it differs from its pool.
//!
//! Not here: the decision (`hf-decide`), who has applied it (`view`).

use hf_api::{Effect, Yielded};
use hf_config::estate::ZoneIx;
use hf_control::{BreakGlassShift, Pin, PinTo, Scope, Shift, ShiftKind, ShiftState};
use hf_decide::{NotAppliedWhy, PoolDecision, PoolZone, Reason, Source, ZoneState};
use hf_model::ZoneId;
use hf_snapshot::Snapshot;

/// What is asked, and how it shows where it is granted.
struct Wish<'a> {
    zone: &'a ZoneId,
    scope: &'a Scope,
    source: Source,
    wants: ZoneState,
    is_own: &'a dyn Fn(&Reason) -> bool,
}

/// What came of a shift; none once it has ended.
pub fn of_shift(snapshot: &Snapshot, shift: &Shift) -> Option<Effect> {
    if shift.state != ShiftState::Active || snapshot.intent.revision < shift.revision {
        return None;
    }
    let wish = Wish {
        zone: &shift.zone,
        scope: &shift.scope,
        source: match shift.kind {
            ShiftKind::Zonal | ShiftKind::BreakGlass => Source::Shift(shift.id.clone()),
            ShiftKind::Autoshift => Source::Autoshift(shift.id.clone()),
            ShiftKind::Practice => Source::Practice(shift.id.clone()),
        },
        wants: ZoneState::Away,
        is_own: &|reason| match reason {
            Reason::Shifted { id, .. } | Reason::Autoshift { id, .. } | Reason::Practice { id, .. } => {
                *id == shift.id
            }
            _ => false,
        },
    };
    effect(snapshot, &wish)
}

/// What came of a break-glass shift that is not canceled.
pub fn of_break_glass(snapshot: &Snapshot, act: &BreakGlassShift) -> Option<Effect> {
    let wish = Wish {
        zone: &act.zone,
        scope: &Scope::Everything,
        source: Source::BreakGlass,
        wants: ZoneState::Away,
        is_own: &|reason| matches!(reason, Reason::BreakGlass { by, until } if (by, *until) == (&act.by, act.ends_at)),
    };
    effect(snapshot, &wish)
}

/// What came of a pin.
pub fn of_pin(snapshot: &Snapshot, pin: &Pin) -> Option<Effect> {
    if snapshot.intent.revision < pin.revision {
        return None;
    }
    let wish = Wish {
        zone: &pin.zone,
        scope: &pin.scope,
        source: Source::Pin,
        wants: match pin.to {
            PinTo::In => ZoneState::Open,
            PinTo::Out => ZoneState::Away,
        },
        is_own: &|reason| match (pin.to, reason) {
            (PinTo::In, Reason::PinnedIn { by, until, .. })
            | (PinTo::Out, Reason::PinnedOut { by, until, .. }) => (by, *until) == (&pin.by, pin.ends_at),
            _ => false,
        },
    };
    effect(snapshot, &wish)
}

fn effect(snapshot: &Snapshot, wish: &Wish<'_>) -> Option<Effect> {
    let estate = &snapshot.estate;
    let zone = estate.zone_named(wish.zone)?;
    let mut effect = Effect::default();
    for decision in &snapshot.decision.pools {
        let name = &estate.pool(decision.pool).name;
        if *wish.scope == Scope::Everything || *wish.scope == Scope::Pool(name.clone()) {
            effect.count(format!("pool/{name}"), outcome(decision, zone, wish));
        }
    }
    for (record, decision) in estate.records.iter().zip(&snapshot.decision.records) {
        let Some(decision) = decision else { continue };
        let of_pool = &snapshot.decision.pools[decision.pool.at()];
        let is_meant = match wish.scope {
            Scope::Everything => true,
            Scope::Pool(name) => *name == estate.pool(decision.pool).name,
            Scope::Record(name) => *name == record.name,
        };
        let found = outcome(decision, zone, wish);
        let is_news = matches!(wish.scope, Scope::Record(_)) || found != outcome(of_pool, zone, wish);
        if is_meant && is_news {
            effect.count(format!("record/{}", record.name), found);
        }
    }
    Some(effect)
}

/// What came of it in one pool or record.
#[derive(PartialEq, Eq)]
enum Outcome {
    /// It has no endpoint there, or the same is asked for by a stronger act.
    Unconcerned,
    Applied,
    Yielded {
        why: String,
        so_anyway: bool,
    },
}

trait Count {
    fn count(&mut self, resource: String, outcome: Outcome);
}

impl Count for Effect {
    fn count(&mut self, resource: String, outcome: Outcome) {
        match outcome {
            Outcome::Unconcerned => {}
            Outcome::Applied => self.applied += 1,
            Outcome::Yielded { why, so_anyway } => {
                let yielded = Yielded { resource, why, so_anyway };
                // Two records of one name, A and AAAA, are one to operators.
                if !self.not_applied.contains(&yielded) {
                    self.not_applied.push(yielded);
                }
            }
        }
    }
}

fn outcome(decision: &PoolDecision, zone: ZoneIx, wish: &Wish<'_>) -> Outcome {
    let Some(found) = decision.zone(zone) else { return Outcome::Unconcerned };
    if (wish.is_own)(&found.reason) {
        return Outcome::Applied;
    }
    let yielded = decision.not_applied.iter().find(|other| other.zone == zone && other.source == wish.source);
    let Some(yielded) = yielded else { return Outcome::Unconcerned };
    let so_anyway = found.state == wish.wants;
    Outcome::Yielded { why: words(&yielded.why, found, so_anyway), so_anyway }
}

fn words(why: &NotAppliedWhy, found: &PoolZone, so_anyway: bool) -> String {
    let stands = || found.reason.words(|at| hf_api::instant(at.0));
    match (why, &found.reason) {
        (NotAppliedWhy::PinnedIn, Reason::PinnedIn { .. }) => {
            let stands = stands();
            format!("the zone is pinned in ({})", stands.trim_start_matches("pinned in "))
        }
        (NotAppliedWhy::Outranked(_), _) if so_anyway => {
            format!("{} comes first; the zone is {} all the same", stands(), found.state)
        }
        (NotAppliedWhy::Outranked(_), Reason::PinnedOut { .. }) => format!("{} comes first", stands()),
        (NotAppliedWhy::Outranked(Source::BreakGlass), _) => "a break-glass cancel has ended it".to_owned(),
        _ => why.to_string(),
    }
}

#[cfg(test)]
mod tests;
