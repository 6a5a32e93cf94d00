//! What people ask for, resolved against the estate and put in order of strength.
//!
//! 1. Pins first, the narrower scope before the wider one; then break-glass shifts; then zonal shifts.
//! 2. Among equals the older act comes first: what is in force stays in force when the floor has room for one only.
//! 3. Of two break-glass acts on one zone the newer counts, of two pins with one zone and scope too.
//! 4. A break-glass cancel ends an earlier break-glass shift. Whatever break-glass act is signed at or after the end of a ledger
//!    shift or pin of its zone ends that one, if it is held: a cancel, and also a shift, or what the cancel before it had
//!    ended would come back when the shift runs out. None cuts short what is still running: that is the ledger's to do.
//! 5. An act on a zone that the estate no longer has asks for nothing.
//!
//! The order does not depend on the order of the lists that came in.

use std::collections::BTreeMap;

use hf_config::estate::ZoneIx;
use hf_control::{BreakGlassShift, Pin, PinTo, Scope, Shift};
use hf_model::Timestamp;

use crate::Inputs;
use crate::decision::{Reason, Source};

/// One wish about one zone.
pub(crate) struct Act {
    pub(crate) source: Source,
    pub(crate) zone: ZoneIx,
    pub(crate) scope: Scope,
    pub(crate) asks: Asks,
    /// The zone's reason if it is granted.
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To stay, whatever others say.
    In,
    /// To leave.
    Out,
    /// One of both, but held past its end, and a break-glass act has ended that.
    Canceled,
}

/// All acts, strongest first.
pub(crate) fn in_order(inputs: &Inputs<'_>) -> Vec<Act> {
    let newest = newest_break_glass(inputs);
    let mut acts = pins(inputs, &newest);
    acts.extend(break_glass(inputs, &newest));
    acts.extend(shifts(inputs, &newest));
    acts
}

fn pins(inputs: &Inputs<'_>, glass: &BTreeMap<ZoneIx, &BreakGlassShift>) -> Vec<Act> {
    let mut newest: BTreeMap<(ZoneIx, &Scope), &Pin> = BTreeMap::new();
    for pin in &inputs.intent.pins {
        let Some(zone) = inputs.estate.zone_named(&pin.zone) else { continue };
        let kept = newest.entry((zone, &pin.scope)).or_insert(pin);
        if pin_order(pin) > pin_order(kept) {
            *kept = pin;
        }
    }
    let mut pins: Vec<_> = newest.into_iter().collect();
    pins.sort_by_key(|((zone, scope), pin)| (breadth(scope), pin.revision, *zone));
    pins.into_iter()
        .map(|((zone, scope), pin)| {
            let (by, until, held) = (pin.by.clone(), pin.ends_at, inputs.now >= pin.ends_at);
            let (asks, reason) = match pin.to {
                PinTo::In => (Asks::In, Reason::PinnedIn { by, until, held }),
                PinTo::Out => (Asks::Out, Reason::PinnedOut { by, until, held }),
            };
            let asks = if held && is_ended(glass.get(&zone), until) { Asks::Canceled } else { asks };
            Act { source: Source::Pin, zone, scope: scope.clone(), asks, reason }
        })
        .collect()
}

fn pin_order(pin: &Pin) -> (hf_model::Revision, PinTo, Timestamp, &hf_model::Operator, &str) {
    (pin.revision, pin.to, pin.ends_at, &pin.by, &pin.reason)
}

fn breadth(scope: &Scope) -> u8 {
    match scope {
        Scope::Record(_) => 0,
        Scope::Pool(_) => 1,
        Scope::Everything => 2,
    }
}

/// The newest act of each zone. Of two signed at one instant the one that ends later counts: what was evacuated stays so.
fn newest_break_glass<'a>(inputs: &Inputs<'a>) -> BTreeMap<ZoneIx, &'a BreakGlassShift> {
    let mut newest = BTreeMap::new();
    let order = |act: &'a BreakGlassShift| (act.signed_at, act.ends_at, &act.by, &act.reason);
    for act in inputs.break_glass {
        let Some(zone) = inputs.estate.zone_named(&act.zone) else { continue };
        let kept = newest.entry(zone).or_insert(act);
        if order(act) > order(kept) {
            *kept = act;
        }
    }
    newest
}

/// Whether what is held past `end` was ended by the newest break-glass act of its zone.
fn is_ended(newest: Option<&&BreakGlassShift>, end: Timestamp) -> bool {
    newest.is_some_and(|act| act.signed_at >= end)
}

fn break_glass(inputs: &Inputs<'_>, newest: &BTreeMap<ZoneIx, &BreakGlassShift>) -> Vec<Act> {
    let mut live: Vec<_> =
        newest.iter().filter(|(_, act)| !act.is_cancel() && inputs.now < act.ends_at).collect();
    live.sort_by_key(|(zone, act)| (act.signed_at, **zone));
    live.into_iter()
        .map(|(zone, act)| Act {
            source: Source::BreakGlass,
            zone: *zone,
            scope: Scope::Everything,
            asks: Asks::Out,
            reason: Reason::BreakGlass { by: act.by.clone(), until: act.ends_at },
        })
        .collect()
}

fn shifts(inputs: &Inputs<'_>, newest: &BTreeMap<ZoneIx, &BreakGlassShift>) -> Vec<Act> {
    let mut shifts: Vec<&Shift> =
        inputs.intent.shifts.iter().filter(|shift| shift.state == hf_control::ShiftState::Active).collect();
    // Ids are `shift-` and a number: by length, then by text, is by number.
    shifts.sort_by_key(|shift| (shift.started_at, shift.id.as_str().len(), shift.id.clone()));
    shifts
        .into_iter()
        .filter_map(|shift| {
            let zone = inputs.estate.zone_named(&shift.zone)?;
            let held = inputs.now >= shift.ends_at;
            let canceled = held && is_ended(newest.get(&zone), shift.ends_at);
            Some(Act {
                source: Source::Shift(shift.id.clone()),
                zone,
                scope: shift.scope.clone(),
                asks: if canceled { Asks::Canceled } else { Asks::Out },
                reason: Reason::Shifted { id: shift.id.clone(), until: shift.ends_at, held },
            })
        })
        .collect()
}
