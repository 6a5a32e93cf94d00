//! The rules on one decision: who may serve, what yields and why, and the floor.

use hf_config::estate::{Estate, ZoneIx};
use hf_control::{BreakGlassFate, BreakGlassShift, Intent, PinTo, Scope, ShiftKind};
use hf_decide::{Mode, NotApplied, NotAppliedWhy, PoolDecision, Reason, Source, ZoneState};
use hf_health::Verdict;
use hf_model::{ShiftId, Timestamp};
use hf_snapshot::Snapshot;

/// What is obeyed is what would be decided now: time alone has not changed it since.
pub fn check_stands(snapshot: &Snapshot, now: Timestamp) -> Result<(), String> {
    if snapshot.intent.returns.is_empty() {
        return Ok(()); // ends of shifts, pins and break-glass acts have checks of their own
    }
    let Snapshot { estate, intent, break_glass, verdicts, made_at, .. } = snapshot;
    let inputs = hf_decide::Inputs { estate, intent, break_glass, verdicts, now: *made_at };
    match hf_decide::next_change_at(inputs) {
        Some(at) if at <= now => {
            Err(format!("the decision of {} changes at {}, it is {}", made_at.0, at.0, now.0))
        }
        _ => Ok(()),
    }
}

/// Checks every pool and record of a new snapshot.
pub fn check(snapshot: &Snapshot, now: Timestamp) -> Result<(), String> {
    let Snapshot { estate, decision, .. } = snapshot;
    for (at, of_pool) in estate.pool_indexes().zip(&decision.pools) {
        let name = Scope::Pool(estate.pool(at).name.clone());
        check_one(snapshot, of_pool, &name, now).map_err(|what| format!("{name}: {what}"))?;
    }
    for (at, record) in estate.records.iter().enumerate() {
        let name = Scope::Record(record.name.clone());
        let of_record = decision.for_record(at, record.pool);
        check_one(snapshot, of_record, &name, now).map_err(|what| format!("{name}: {what}"))?;
    }
    Ok(())
}

fn check_one(
    snapshot: &Snapshot,
    decision: &PoolDecision,
    name: &Scope,
    now: Timestamp,
) -> Result<(), String> {
    let Snapshot { estate, intent, .. } = snapshot;
    check_serving(snapshot, decision)?;
    check_floor(estate, decision)?;
    for refused in decision.not_applied.iter().filter(|refused| refused.source != Source::Health) {
        check_refused(snapshot, decision, refused, name)?;
    }
    let is_listed = |source: &Source, zone: ZoneIx| {
        decision.not_applied.iter().any(|refused| refused.source == *source && refused.zone == zone)
    };
    for shift in intent.shifts.iter().filter(|shift| reaches(estate, &shift.scope, name, decision)) {
        let zone = estate.zone_named(&shift.zone).ok_or("a shift of a zone that is not there")?;
        let Some(found) = decision.zone(zone) else { continue };
        let source = match shift.kind {
            ShiftKind::Autoshift => Source::Autoshift(shift.id.clone()),
            _ => Source::Shift(shift.id.clone()),
        };
        if found.state == ZoneState::Open && !is_listed(&source, zone) {
            return Err(format!("{} takes {} away, and it serves; nothing says why", shift.id, shift.zone));
        }
    }
    let is_shift = |act: &&BreakGlassShift| act.ends_at > now && act.ends_at > act.signed_at;
    for act in snapshot.break_glass.iter().filter(is_shift) {
        // Recorded in the ledger, its word counts: a shift that went on with it, or the end.
        let is_same = |other: &BreakGlassShift| {
            estate.zone_named(&other.zone) == estate.zone_named(&act.zone)
                && (other.signed_at, &other.by) == (act.signed_at, &act.by)
        };
        let is_settled = intent
            .break_glass
            .iter()
            .any(|recorded| is_same(&recorded.act) && !matches!(recorded.fate, BreakGlassFate::Conflicts(_)));
        if is_settled {
            continue;
        }
        let Some(zone) = estate.zone_named(&act.zone) else { continue };
        let Some(found) = decision.zone(zone) else { continue };
        if found.state == ZoneState::Open && !is_listed(&Source::BreakGlass, zone) {
            return Err(format!(
                "a break-glass act takes {} away, and it serves; nothing says why",
                act.zone
            ));
        }
    }
    Ok(())
}

/// Who is away does not serve; who is open and not known to be ill does.
fn check_serving(snapshot: &Snapshot, decision: &PoolDecision) -> Result<(), String> {
    let pool = snapshot.estate.pool(decision.pool);
    let first: usize =
        snapshot.estate.pools[..decision.pool.at()].iter().map(|pool| pool.endpoints.len()).sum();
    for (at, (endpoint, outcome)) in pool.endpoints.iter().zip(&decision.endpoints).enumerate() {
        let state = decision.zone_state(endpoint.zone).ok_or("an endpoint's zone is missing")?;
        let verdict = snapshot.verdicts.get(first + at);
        match (state, verdict) {
            (ZoneState::Away, _) if outcome.serves => {
                return Err(format!("{} serves in a zone that is away", endpoint.address));
            }
            (ZoneState::Open, Verdict::Healthy | Verdict::Unknown) if !outcome.serves => {
                return Err(format!(
                    "{} is {verdict:?} in an open zone and does not serve",
                    endpoint.address
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Zones and capacity that serve are at least what the pool keeps.
fn check_floor(estate: &Estate, decision: &PoolDecision) -> Result<(), String> {
    if !matches!(decision.mode, Mode::Normal | Mode::FailOpen) {
        return Ok(());
    }
    let pool = estate.pool(decision.pool);
    let serves = |zone: ZoneIx| decision.serving().any(|at| pool.endpoints[at].zone == zone);
    let open: Vec<ZoneIx> =
        decision.zones.iter().map(|zone| zone.zone).filter(|zone| serves(*zone)).collect();
    let needed = usize::from(pool.min_zones.max(1)).min(decision.zones.len());
    if open.len() < needed {
        return Err(format!("{} zones serve, the floor is {needed}", open.len()));
    }
    let left = hf_config::floor::share_left(estate, pool, &open);
    if left < pool.min_capacity {
        return Err(format!("{left} of the capacity serves, the floor is {}", pool.min_capacity));
    }
    Ok(())
}

/// Whether an act with this scope reaches a pool or record.
fn reaches(estate: &Estate, scope: &Scope, name: &Scope, decision: &PoolDecision) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Pool(pool) => *pool == estate.pool(decision.pool).name,
        Scope::Record(_) => scope == name,
    }
}

/// What yields says why, and it is so.
fn check_refused(
    snapshot: &Snapshot,
    decision: &PoolDecision,
    refused: &NotApplied,
    name: &Scope,
) -> Result<(), String> {
    let Snapshot { estate, intent, .. } = snapshot;
    let pool = estate.pool(decision.pool);
    let zone = &estate.zone(refused.zone).id;
    let reason = decision.zone(refused.zone).map(|found| &found.reason);
    let holds = match &refused.why {
        NotAppliedWhy::MinZones { needed, left } => left < needed && *needed == pool.min_zones.max(1),
        NotAppliedWhy::MinCapacity { needed, left } => left < needed && *needed == pool.min_capacity,
        NotAppliedWhy::PinnedIn => is_pinned_in(estate, intent, refused.zone, name, decision),
        NotAppliedWhy::Outranked(Source::Pin) => matches!(reason, Some(Reason::PinnedOut { .. })),
        NotAppliedWhy::Outranked(Source::BreakGlass) => {
            let acted = snapshot.break_glass.iter().any(|act| act.zone == *zone);
            acted || matches!(reason, Some(Reason::BreakGlass { .. }))
        }
        NotAppliedWhy::Outranked(Source::Shift(id)) => {
            matches!(reason, Some(Reason::Shifted { id: shown, .. }) if shown == id)
        }
        NotAppliedWhy::OtherZone(people) => {
            let region = |at: ZoneIx| estate.zone(at).region;
            let is_other = |zone: ZoneIx| zone != refused.zone && region(zone) == region(refused.zone);
            matches!(refused.source, Source::Autoshift(_))
                && decision.zones.iter().any(|zone| is_other(zone.zone) && is_of(people, &zone.reason))
        }
        _ => false,
    };
    if holds {
        Ok(())
    } else {
        Err(format!("{:?} yields in {zone} because of {:?}, and that is not so", refused.source, refused.why))
    }
}

/// Whether a reason is the word of this source, of people's.
fn is_of(people: &Source, reason: &Reason) -> bool {
    match (people, reason) {
        (Source::Shift(id), Reason::Shifted { id: shown, .. }) => id == shown,
        (Source::Pin, Reason::PinnedOut { .. })
        | (Source::BreakGlass, Reason::BreakGlass { .. })
        | (Source::Control(_), Reason::ControlOff { .. }) => true,
        _ => false,
    }
}

fn is_pinned_in(
    estate: &Estate,
    intent: &Intent,
    zone: ZoneIx,
    name: &Scope,
    decision: &PoolDecision,
) -> bool {
    intent.pins.iter().any(|pin| {
        pin.to == PinTo::In
            && estate.zone_named(&pin.zone) == Some(zone)
            && reaches(estate, &pin.scope, name, decision)
    })
}

/// A shift past its end says that it is held, and one before it does not: the operator must see it.
pub fn check_held(snapshot: &Snapshot, now: Timestamp) -> Result<(), String> {
    for zone in snapshot.decision.pools.iter().flat_map(|pool| &pool.zones) {
        if let Reason::Shifted { id, until, held } = &zone.reason
            && *held != (*until <= now)
        {
            return Err(format!("{id} ends at {}, it is {}, and it says held: {held}", until.0, now.0));
        }
    }
    Ok(())
}

/// A break-glass act that is a cancel, or has ended, ends what was held past its end when it was signed.
pub fn check_cancel(snapshot: &Snapshot, cancel: &BreakGlassShift, now: Timestamp) -> Result<(), String> {
    let is_canceled = |id: &ShiftId| {
        snapshot.intent.shifts.iter().any(|shift| {
            shift.id == *id
                && shift.zone == cancel.zone
                && shift.ends_at <= now
                && shift.ends_at <= cancel.signed_at
        })
    };
    for zone in snapshot.decision.pools.iter().flat_map(|pool| &pool.zones) {
        if let Reason::Shifted { id, .. } = &zone.reason
            && is_canceled(id)
        {
            return Err(format!(
                "{id} is past its end and was canceled by break-glass; it still takes {} away",
                cancel.zone
            ));
        }
    }
    Ok(())
}
