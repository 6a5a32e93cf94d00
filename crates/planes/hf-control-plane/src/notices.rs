//! Journal lines to notices. Pure.
//!
//! 1. A notice's id is of the estate, the line's position and the place in the line: the journal is one for all nodes that share a ledger, so the
//!    id is the same from each of them, and at each repetition.
//! 2. A closing source renews its shifts every five minutes while its zone is closed: that is no news.
//! 3. A break-glass act that no ledger has recorded yet is told of as the shift that it is, or the end of one. Its notice has an id of the act, and the
//!    journal's own notice of that shift has the same: whoever had the one knows the other as a repetition.
//! 4. Decisions of a node are no notices: they follow from acts and health, and each node has its own.
//!
//! Not here: who is told, and when (`notify`).

use hf_api::JournalKind;
use hf_codec::EntryLine;
use hf_config::node::NoticeKind;
use hf_control::{BreakGlassShift, Event, Outcome, PracticeOutcome, Scope, Shift, ShiftKind, Stop};
use hf_ledger::Journalled;
use hf_model::{EstateId, Revision, ShiftId, Timestamp, ZoneId};
use hf_notify::Notice;

use crate::lines;

/// What stands around a line.
pub struct Around<'a> {
    /// The node that tells.
    pub node: &'a str,
    /// Whose journal it is.
    pub estate: EstateId,
    /// How a practice run went, as far as the ledger says it.
    pub outcome: &'a dyn Fn(&ShiftId) -> Option<PracticeOutcome>,
}

/// The notices of one line, oldest first; most lines have none or one.
pub fn of(line: &Journalled, around: &Around<'_>) -> Vec<Notice> {
    let shown = lines::show(line);
    let base = Notice {
        id: String::new(),
        kind: NoticeKind::ChangeRefused, // each notice says its own below
        at: Timestamp(shown.at_ms),
        node: around.node.to_owned(),
        revision: shown.revision,
        by: shown.by,
        text: shown.text,
        reason: shown.why,
        zone: None,
        resource: None,
        shift: None,
        until: None,
        outcome: None,
    };
    let mut act = None;
    let mut found = match hf_codec::decode_entry_line(&line.bytes) {
        Ok(entry) => {
            act = recorded(&entry);
            of_entry(&entry, &base, around)
        }
        Err(_) if shown.kind == JournalKind::RequestRefused => {
            vec![Notice { kind: NoticeKind::RequestRefused, ..base }]
        }
        Err(_) => lines::notice(line).map(|kind| Notice { kind, ..base }).into_iter().collect(),
    };
    for (place, notice) in found.iter_mut().enumerate() {
        notice.id = format!("{}-{}-{place}", around.estate, line.position);
    }
    if let Some((act, zone)) = act {
        let is_of_act = |notice: &&mut Notice| match notice.kind {
            NoticeKind::ShiftStarted | NoticeKind::ShiftExtended => !act.is_cancel(),
            NoticeKind::ShiftEnded => act.is_cancel(),
            _ => false,
        };
        if let Some(same) = found.iter_mut().find(is_of_act) {
            same.id = act_id(&act, &zone);
        }
    }
    found
}

/// The break-glass act that an entry records, and the id of the zone that it ended or began a shift of.
fn recorded(entry: &EntryLine) -> Option<(BreakGlassShift, ZoneId)> {
    let act = entry.events.iter().find_map(|event| match event {
        Event::BreakGlassRecorded(recorded) => Some(recorded.act.clone()),
        _ => None,
    })?;
    let zone = entry.events.iter().find_map(|event| match event {
        Event::ShiftStarted(shift) | Event::ShiftEnded(shift, _) => Some(shift.zone.clone()),
        Event::ShiftExtended { after, .. } => Some(after.zone.clone()),
        _ => None,
    })?;
    Some((act, zone))
}

/// The id of what is told of a break-glass act; `zone` is the id of its zone, which it may name by an alias.
pub fn act_id(act: &BreakGlassShift, zone: &ZoneId) -> String {
    let digest = BreakGlassShift { zone: zone.clone(), ..act.clone() }.digest().to_string();
    format!("{}-break-glass-{}", act.estate, &digest[..32])
}

/// What a node tells of an act that it obeys and no ledger has recorded, oldest first; `revision` is that of the intent beside it.
pub fn of_act(act: &BreakGlassShift, now: Timestamp, node: &str, revision: Revision) -> Vec<Notice> {
    let BreakGlassShift { zone, by, reason, signed_at, ends_at, .. } = act;
    let until = hf_api::instant(ends_at.0);
    let first = Notice {
        id: act_id(act, zone),
        kind: NoticeKind::ShiftStarted,
        at: *signed_at,
        node: node.to_owned(),
        revision: revision.0,
        by: by.to_string(),
        text: format!(
            "by break-glass everything is out of {zone} until {until}; no ledger knows of it so far"
        ),
        reason: reason.clone(),
        zone: Some(zone.to_string()),
        resource: Some(Scope::Everything.to_string()),
        shift: None,
        until: Some(*ends_at),
        outcome: None,
    };
    let end = |id: String, at: Timestamp, outcome: &str, text: String| Notice {
        id,
        kind: NoticeKind::ShiftEnded,
        at,
        text,
        until: None,
        outcome: Some(outcome.to_owned()),
        ..first.clone()
    };
    if act.is_cancel() {
        let text = format!("what was out of {zone} is canceled by break-glass; no ledger knows of it so far");
        return vec![end(first.id.clone(), *signed_at, "canceled", text)];
    }
    let text = format!("the break-glass shift of {zone} has ended; no ledger knows of it so far");
    let is_over = *ends_at <= now;
    let over = is_over.then(|| end(format!("{}-end", first.id), *ends_at, "expired", text));
    std::iter::once(first.clone()).chain(over).collect()
}

fn of_entry(entry: &EntryLine, base: &Notice, around: &Around<'_>) -> Vec<Notice> {
    if let Outcome::Refused(_) = entry.outcome {
        return vec![Notice { kind: NoticeKind::ChangeRefused, ..base.clone() }];
    }
    entry.events.iter().filter_map(|event| of_event(event, base, around)).collect()
}

fn of_event(event: &Event, base: &Notice, around: &Around<'_>) -> Option<Notice> {
    let (text, why) = lines::tell(event);
    let told =
        Notice { text, reason: if why.is_empty() { base.reason.clone() } else { why }, ..base.clone() };
    let of_shift = |shift: &Shift, [zonal, autoshift, practice]: [NoticeKind; 3]| Notice {
        kind: match shift.kind {
            ShiftKind::Zonal | ShiftKind::BreakGlass => zonal,
            ShiftKind::Autoshift => autoshift,
            ShiftKind::Practice => practice,
        },
        zone: Some(shift.zone.to_string()),
        resource: Some(shift.scope.to_string()),
        shift: Some(shift.id.to_string()),
        until: Some(shift.ends_at),
        ..told.clone()
    };
    Some(match event {
        Event::ShiftStarted(shift) => of_shift(
            shift,
            [NoticeKind::ShiftStarted, NoticeKind::AutoshiftStarted, NoticeKind::PracticeStarted],
        ),
        Event::ShiftExtended { after, .. }
            if hf_closing::is_of_source(&after.by) && told.by == after.by.as_str() =>
        {
            return None;
        }
        Event::ShiftExtended { after, .. } => of_shift(
            after,
            [NoticeKind::ShiftExtended, NoticeKind::AutoshiftExtended, NoticeKind::ShiftExtended],
        ),
        Event::ShiftEnded(shift, stop) => Notice {
            until: None,
            outcome: Some(outcome(shift, *stop, around).to_owned()),
            ..of_shift(shift, [NoticeKind::ShiftEnded, NoticeKind::AutoshiftEnded, NoticeKind::PracticeEnded])
        },
        Event::Pinned { after: pin, .. } => Notice {
            kind: NoticeKind::PinSet,
            zone: Some(pin.zone.to_string()),
            resource: Some(pin.scope.to_string()),
            until: Some(pin.ends_at),
            ..told
        },
        Event::Unpinned(pin, _) => Notice {
            kind: NoticeKind::PinEnded,
            zone: Some(pin.zone.to_string()),
            resource: Some(pin.scope.to_string()),
            ..told
        },
        Event::DeploymentStarted { after: mark, .. } => Notice {
            kind: NoticeKind::DeploymentStarted,
            zone: Some(mark.zone.to_string()),
            resource: Some(mark.scope.to_string()),
            until: Some(mark.ends_at),
            ..told
        },
        Event::DeploymentEnded(mark, _) => Notice {
            kind: NoticeKind::DeploymentEnded,
            zone: Some(mark.zone.to_string()),
            resource: Some(mark.scope.to_string()),
            ..told
        },
        Event::ControlTurned { path, .. } => {
            Notice { kind: NoticeKind::ControlTurned, resource: Some(format!("control/{path}")), ..told }
        }
        Event::BreakGlassRecorded(recorded) => Notice {
            kind: NoticeKind::BreakGlassRecorded,
            zone: Some(recorded.act.zone.to_string()),
            by: recorded.act.by.to_string(),
            ..told
        },
        Event::EstateApplied { .. } => Notice { kind: NoticeKind::EstateApplied, ..told },
        Event::RulesOverridden(_)
        | Event::FloorsOverridden(_)
        | Event::ObjectChanged { .. }
        | Event::PracticeChanged { .. }
        | Event::HostedZoneChanged { .. }
        | Event::EndpointsChanged { .. } => return None,
    })
}

fn outcome(shift: &Shift, stop: Stop, around: &Around<'_>) -> &'static str {
    let judged = || (around.outcome)(&shift.id).filter(|outcome| *outcome != PracticeOutcome::Pending);
    match stop {
        Stop::Completed if shift.kind == ShiftKind::Practice => {
            judged().map_or("completed", PracticeOutcome::as_str) // the record may be gone, or not here yet
        }
        Stop::Expired if shift.kind == ShiftKind::Practice => {
            judged().unwrap_or(PracticeOutcome::Succeeded).as_str()
        }
        Stop::Canceled => "canceled",
        Stop::Interrupted => "interrupted",
        Stop::Completed => "completed",
        Stop::Expired => "expired",
    }
}

#[cfg(test)]
mod tests;
