//! What serves, in lines that can be compared from one second to the next.

use std::fmt::Write as _;
use std::time::Duration;

use hf_control::{BreakGlassFate, Event, Stop};
use hf_decide::{Mode, PoolDecision, Reason, ZoneState};
use hf_model::{Share, Timestamp, format_duration};
use hf_snapshot::Snapshot;

/// The scenario's beginning.
pub(crate) const START: Timestamp = Timestamp(1_000_000_000);

/// An instant as the time since the beginning.
pub(crate) fn clock(instant: Timestamp) -> String {
    format_duration(instant.since(START))
}

/// One line for each pool, for each record with a decision of its own, for the zones, for each act that yields.
pub(crate) fn lines(snapshot: &Snapshot, tells_shares: bool) -> Vec<String> {
    let estate = &snapshot.estate;
    let decision = &snapshot.decision;
    let mut lines = Vec::new();
    let mut refused = Vec::new();
    for pool in &decision.pools {
        lines.push(format!("{}: {}", estate.pool(pool.pool).name, describe(snapshot, pool, tells_shares)));
        refused.extend(pool.not_applied.iter());
    }
    for (record, own) in estate.records.iter().zip(&decision.records) {
        if let Some(own) = own {
            lines.push(format!("record {}: {}", record.name, describe(snapshot, own, tells_shares)));
            refused.extend(own.not_applied.iter());
        }
    }
    let away: Vec<String> = decision
        .zones
        .iter()
        .filter(|zone| zone.state == ZoneState::Away)
        .map(|zone| format!("{} away ({})", estate.zone(zone.zone).id, zone.reason.words(clock)))
        .collect();
    lines.push(format!("zones: {}", if away.is_empty() { "all open".to_owned() } else { away.join(", ") }));
    lines.extend(refused.into_iter().map(|refused| format!("not applied: {}", refused.words(estate))));
    lines
}

fn describe(snapshot: &Snapshot, decision: &PoolDecision, tells_shares: bool) -> String {
    let estate = &snapshot.estate;
    let pool = estate.pool(decision.pool);
    let zones: Vec<String> = decision
        .zones
        .iter()
        .map(|zone| {
            let here = decision.endpoints.iter().zip(&pool.endpoints).filter(|(_, e)| e.zone == zone.zone);
            let serving = here.clone().filter(|(decided, _)| decided.serves).count();
            let all = here.count();
            let mut text = format!("{} {}", estate.zone(zone.zone).id, zone.state);
            if zone.state == ZoneState::Open && serving < all {
                let _ = write!(text, " {serving} of {all}");
            }
            if tells_shares && zone.share < Share::ONE {
                let _ = write!(text, " with {}", zone.share);
            }
            if zone.reason != Reason::Healthy {
                let _ = write!(text, " ({})", zone.reason.words(clock));
            }
            text
        })
        .collect();
    let mode = match decision.mode {
        Mode::Normal => String::new(),
        Mode::FailOpen => "; fails open".to_owned(),
        Mode::Closed => "; closed".to_owned(),
        Mode::Fallback(to) => format!("; falls back to {}", estate.pool(to).name),
    };
    zones.join(", ") + &mode
}

/// What the ledger did.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::EstateApplied { .. } => "ledger: a new estate".to_owned(),
        Event::ShiftStarted(shift) => {
            format!(
                "ledger: {} takes {} out of {} until {}",
                shift.id,
                shift.scope,
                shift.zone,
                clock(shift.ends_at)
            )
        }
        Event::ShiftExtended { after, .. } => {
            format!("ledger: {} now until {}", after.id, clock(after.ends_at))
        }
        Event::ShiftEnded(shift, Stop::Canceled) => format!("ledger: {} canceled", shift.id),
        Event::ShiftEnded(shift, Stop::Expired) => format!("ledger: {} expired", shift.id),
        Event::ShiftEnded(shift, Stop::Interrupted) => format!("ledger: {} interrupted", shift.id),
        Event::ShiftEnded(shift, Stop::Completed) => format!("ledger: {} over", shift.id),
        Event::Pinned { after, .. } => {
            let to = if after.to == hf_control::PinTo::In { "in" } else { "out" };
            format!("ledger: {} pinned {to} for {} until {}", after.zone, after.scope, clock(after.ends_at))
        }
        Event::Unpinned(pin, Stop::Canceled) => format!("ledger: {} unpinned for {}", pin.zone, pin.scope),
        Event::Unpinned(pin, stop) => {
            let how = if *stop == Stop::Expired { "expired" } else { "gave way" };
            format!("ledger: the pin of {} for {} {how}", pin.zone, pin.scope)
        }
        Event::DeploymentStarted { after, .. } => {
            format!("ledger: {} is deployed to, {}, until {}", after.zone, after.scope, clock(after.ends_at))
        }
        Event::DeploymentEnded(mark, _) => {
            format!("ledger: the deployment of {} to {} is over", mark.scope, mark.zone)
        }
        Event::ControlTurned { path, after, .. } => format!("ledger: {path} turned {after}"),
        Event::RulesOverridden(rules) => format!("ledger: not asked: {}", listed(rules)),
        Event::FloorsOverridden(pools) => format!("ledger: whatever the floor of {}", listed(pools)),
        Event::ObjectChanged { object, before, after } => changed(object, before.as_ref(), after.as_ref()),
        Event::PracticeChanged { resource, before, after } => {
            let whose = resource.as_ref().map_or("everything".to_owned(), ToString::to_string);
            changed(&format_args!("practice of {whose}"), before.as_ref(), after.as_ref())
        }
        Event::HostedZoneChanged { hosted_zone, before, after } => {
            changed(hosted_zone, before.as_ref(), after.as_ref())
        }
        Event::EndpointsChanged { pool, added, removed } => {
            let part = |sign: char, words: &String| {
                if words.is_empty() { String::new() } else { format!(" {sign} {words}") }
            };
            format!("ledger: endpoints of pool/{pool}{}{}", part('+', added), part('-', removed))
        }
        Event::BreakGlassRecorded(recorded) => {
            let fate = match &recorded.fate {
                BreakGlassFate::Shift(id) => format!("goes on as {id}"),
                BreakGlassFate::Ended(ids) if ids.is_empty() => "has ended".to_owned(),
                BreakGlassFate::Ended(ids) => format!("ends {}", listed(ids)),
                BreakGlassFate::Conflicts(with) => format!("conflicts: {with}"),
            };
            format!("ledger: break-glass on {} {fate}", recorded.act.zone)
        }
    }
}

fn listed(of: &[impl std::fmt::Display]) -> String {
    of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn changed(what: &dyn std::fmt::Display, before: Option<&String>, after: Option<&String>) -> String {
    match (before, after) {
        (None, Some(after)) => format!("ledger: made {what}: {after}"),
        (Some(_), Some(after)) => format!("ledger: changed {what}: {after}"),
        (_, None) => format!("ledger: removed {what}"),
    }
}

/// One second.
pub(crate) const TICK: Duration = Duration::from_secs(1);
