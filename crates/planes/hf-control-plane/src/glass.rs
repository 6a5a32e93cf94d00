//! Break-glass acts for those who look: which are in force, who has them, what the ledger made of them; and what one more would do. Pure.
//!
//! 1. Shown are shifts that are not over: those that this node obeys, those that the ledger goes on with while their shift lasts, and those that
//!    the ledger tells of as contradicting it. Cancels and what has ended are not.
//! 2. What an act would do is found by deciding with it: the same function that decides when it is there.
//!
//! Not here: what counts (`hf-decide`), who may ask (`api::glass`).

use hf_api::{Acknowledgement, BreakGlass, BreakGlassFate, Effect, RecordedBreakGlass, ShiftConsumers};
use hf_config::estate::Estate;
use hf_control::{BreakGlassShift, Intent};
use hf_decide::ZoneState;
use hf_feed::act_number;
use hf_model::{Revision, Timestamp};
use hf_snapshot::Snapshot;

use crate::view::Heard;
use crate::{effect, zero};

/// The number by which nodes on this estate report an act, whatever name of its zone it has.
pub fn number(act: &BreakGlassShift, estate: Option<&Estate>) -> u64 {
    match estate.and_then(|estate| Some(&estate.zone(estate.zone_named(&act.zone)?).id)) {
        Some(zone) if *zone != act.zone => act_number(&BreakGlassShift { zone: zone.clone(), ..act.clone() }),
        _ => act_number(act),
    }
}

/// The shifts that are not over, by zone.
pub fn shown(
    snapshot: Option<&Snapshot>,
    intent: &Intent,
    heard: &Heard<'_>,
    consumers_of: &dyn Fn(&BreakGlassShift) -> ShiftConsumers,
) -> Vec<BreakGlass> {
    let Some(snapshot) = snapshot else { return Vec::new() };
    let shown = |(act, told)| show(act, told, snapshot, heard, consumers_of(act));
    not_over(snapshot, intent, heard.now).map(shown).collect()
}

/// The shifts that are not over, each with the entry by which the ledger goes on with it.
pub fn with_record<'a>(
    snapshot: &'a Snapshot,
    intent: &'a Intent,
    now: Timestamp,
) -> impl Iterator<Item = (&'a BreakGlassShift, Option<Revision>)> {
    let goes_on =
        |told: &hf_control::RecordedBreakGlass| matches!(told.fate, hf_control::BreakGlassFate::Shift(_));
    not_over(snapshot, intent, now)
        .map(move |(act, told)| (act, told.filter(|told| goes_on(told)).map(|told| told.revision)))
}

/// The shifts that nodes obey past the ledger, by zone.
pub fn past_the_ledger(snapshot: &Snapshot, now: Timestamp) -> impl Iterator<Item = &BreakGlassShift> {
    let obeyed = |(_, told): &(&BreakGlassShift, Option<&hf_control::RecordedBreakGlass>)| {
        !told.is_some_and(|told| matches!(told.fate, hf_control::BreakGlassFate::Shift(_)))
    };
    not_over(snapshot, &snapshot.intent, now).filter(obeyed).map(|(act, _)| act)
}

/// With what the ledger tells of each.
fn not_over<'a>(
    snapshot: &'a Snapshot,
    intent: &'a Intent,
    now: Timestamp,
) -> impl Iterator<Item = (&'a BreakGlassShift, Option<&'a hf_control::RecordedBreakGlass>)> {
    let place = |act: &BreakGlassShift| snapshot.estate.zone_named(&act.zone);
    let is_same = move |one: &BreakGlassShift, other: &BreakGlassShift| {
        let is_one_place = one.zone == other.zone || place(one).is_some_and(|it| place(other) == Some(it));
        is_one_place && (one.signed_at, &one.by) == (other.signed_at, &other.by)
    };
    let told = |act: &BreakGlassShift| intent.break_glass.iter().find(|told| is_same(&told.act, act));
    let own = snapshot.break_glass.iter();
    let of_ledger = intent.break_glass.iter().map(|told| &told.act);
    let of_ledger = of_ledger.filter(|act| !own.clone().any(|known| is_same(known, act)));
    let mut all: Vec<_> = own.clone().chain(of_ledger).map(|act| (act, told(act))).collect();
    let newest = all.clone();
    all.retain(|(act, told)| {
        let is_overtaken = newest.iter().any(|(other, _)| {
            let is_one_place =
                other.zone == act.zone || place(act).is_some_and(|it| place(other) == Some(it));
            is_one_place && other.newness() > act.newness()
        });
        let goes_on = match told.map(|told| &told.fate) {
            Some(hf_control::BreakGlassFate::Ended(_)) => false,
            Some(hf_control::BreakGlassFate::Shift(id)) => intent.shifts.iter().any(|shift| shift.id == *id),
            Some(hf_control::BreakGlassFate::Conflicts(_)) | None => act.ends_at > now,
        };
        !act.is_cancel() && !is_overtaken && goes_on
    });
    all.sort_by_key(|(act, _)| &act.zone);
    all.into_iter()
}

fn show(
    act: &BreakGlassShift,
    told: Option<&hf_control::RecordedBreakGlass>,
    snapshot: &Snapshot,
    heard: &Heard<'_>,
    consumers: ShiftConsumers,
) -> BreakGlass {
    let number = number(act, Some(&snapshot.estate));
    let mut acknowledged = heard.acknowledgements(|report| report.break_glass.contains(&number));
    acknowledged.sort_by_key(|node: &Acknowledgement| (node.applied, node.silent));
    let told = told.map(recorded);
    let is_shift = told.as_ref().is_some_and(|told| told.fate == BreakGlassFate::Shift);
    BreakGlass {
        zone: act.zone.to_string(),
        reason: act.reason.clone(),
        by: act.by.to_string(),
        signed_at_ms: act.signed_at.0,
        ends_at_ms: act.ends_at.0,
        fate: told.as_ref().map(|told| told.fate),
        fate_text: told.map_or_else(|| "not in the ledger yet".to_owned(), |told| told.text),
        effect: effect::of_break_glass(snapshot, act).filter(|_| !is_shift),
        acknowledged,
        time_to_zero: zero::measure_break_glass(
            act,
            Some(&snapshot.estate),
            heard.reports,
            heard.now,
            heard.beat,
        ),
        consumers,
    }
}

/// An act that the ledger has heard of.
pub fn recorded(from: &hf_control::RecordedBreakGlass) -> RecordedBreakGlass {
    use hf_control::BreakGlassFate as From;
    let (fate, shifts, text) = match &from.fate {
        From::Shift(id) => (BreakGlassFate::Shift, vec![id.to_string()], format!("recorded as {id}")),
        From::Ended(ended) => {
            let ids: Vec<String> = ended.iter().map(ToString::to_string).collect();
            let text = match (from.act.is_cancel(), ids.is_empty()) {
                (_, false) => format!("ended {}", ids.join(", ")),
                (true, true) => "there was nothing to end".to_owned(),
                (false, true) => "had ended when the ledger heard of it".to_owned(),
            };
            (BreakGlassFate::Ended, ids, text)
        }
        From::Conflicts(with) => (BreakGlassFate::Conflicts, Vec::new(), format!("conflicts: {with}")),
    };
    RecordedBreakGlass {
        zone: from.act.zone.to_string(),
        reason: from.act.reason.clone(),
        by: from.act.by.to_string(),
        signed_at_ms: from.act.signed_at.0,
        ends_at_ms: from.act.ends_at.0,
        revision: from.revision.0,
        fate,
        shifts,
        text,
    }
}

/// What one more act would do on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsed {
    /// Of a shift: where it decides, where it yields and to what.
    pub effect: Effect,
    /// Of a cancel: why the zone is away all the same.
    pub stays: Option<String>,
}

/// Decides as if the act were there; it must be newer than any other of its zone.
pub fn rehearse(snapshot: &Snapshot, act: &BreakGlassShift, now: Timestamp) -> Rehearsed {
    let Some(zone) = snapshot.estate.zone_named(&act.zone) else { return Rehearsed::default() };
    let act = BreakGlassShift { zone: snapshot.estate.zone(zone).id.clone(), ..act.clone() };
    let mut acts = snapshot.break_glass.clone();
    acts.retain(|known| known.zone != act.zone);
    acts.push(act.clone());
    let (intent, estate) = (snapshot.intent.clone(), snapshot.estate.clone());
    let after = Snapshot::build(snapshot.number, now, intent, estate, acts, snapshot.verdicts.clone());
    if !act.is_cancel() {
        let effect = effect::of_break_glass(&after, &act).unwrap_or_default();
        return Rehearsed { effect, stays: None };
    }
    let decided = &after.decision.zones[zone.at()];
    let stays =
        (decided.state == ZoneState::Away).then(|| decided.reason.words(|at| hf_api::instant(at.0)).clone());
    Rehearsed { effect: Effect::default(), stays }
}

#[cfg(test)]
mod tests;
