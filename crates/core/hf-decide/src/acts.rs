//! What people ask for, resolved against the estate and put in order of strength.
//!
//! 1. Pins first, the narrower scope before the wider one; then break-glass shifts; then zonal shifts; then routing controls that are
//!    off; then autoshifts; then practice runs.
//! 2. Among equals the older act comes first: what is in force stays in force when the floor has room for one only.
//! 3. Of two pins with one zone and scope the newer counts. What counts of break-glass acts stands in `glass`.
//! 4. Whatever break-glass act is signed at or after the end of a ledger shift or pin of its zone ends that one, if it is held: a
//!    cancel, and also a shift, or what the cancel before it had ended would come back when the shift runs out. None cuts short
//!    what is still running: that is the ledger's to do.
//! 5. An act on a zone that the estate no longer has asks for nothing.
//!
//! The order does not depend on the order of the lists that came in.

use std::collections::BTreeMap;

use hf_config::estate::ZoneIx;
use hf_control::{Pin, PinTo, Scope, Shift, ShiftKind, ShiftState};
use hf_model::{PoolName, Timestamp};

use crate::decision::{Reason, Source};
use crate::glass::Glass;
use crate::{Inputs, controls};

/// One wish about one zone.
pub(crate) struct Act<'a> {
    pub(crate) source: Source,
    pub(crate) zone: ZoneIx,
    pub(crate) scope: Scope,
    pub(crate) asks: Asks,
    /// Pools whose floor does not stop it, by the operator's word.
    pub(crate) overrides: &'a [PoolName],
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
pub(crate) struct Acts<'a> {
    pub(crate) all: Vec<Act<'a>>,
    /// So many of them are stronger than any routing control.
    pub(crate) above_controls: usize,
}

/// All acts, strongest first.
pub(crate) fn in_order<'a>(inputs: &Inputs<'a>) -> Acts<'a> {
    let glass = Glass::new(inputs);
    let mut all = pins(inputs, &glass);
    all.extend(glass.acts(inputs.now));
    all.extend(shifts(inputs, &glass, ShiftKind::is_of_people));
    let above_controls = all.len();
    all.extend(controls::acts(inputs));
    all.extend(shifts(inputs, &glass, |kind| kind == ShiftKind::Autoshift));
    all.extend(shifts(inputs, &glass, |kind| kind == ShiftKind::Practice));
    Acts { all, above_controls }
}

fn pins<'a>(inputs: &Inputs<'a>, glass: &Glass<'a>) -> Vec<Act<'a>> {
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
            let asks = if held && glass.has_ended(zone, until) { Asks::Canceled } else { asks };
            let overrides = &pin.floor_overrides;
            Act { source: Source::Pin, zone, scope: scope.clone(), asks, overrides, reason }
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

fn shifts<'a>(inputs: &Inputs<'a>, glass: &Glass<'a>, is_meant: impl Fn(ShiftKind) -> bool) -> Vec<Act<'a>> {
    let is_meant = |shift: &&Shift| shift.state == ShiftState::Active && is_meant(shift.kind);
    let mut shifts: Vec<&Shift> = inputs.intent.shifts.iter().filter(is_meant).collect();
    // Ids are `shift-` and a number: by length, then by text, is by number.
    shifts.sort_by_key(|shift| (shift.started_at, shift.id.as_str().len(), shift.id.clone()));
    shifts
        .into_iter()
        .filter_map(|shift| {
            let zone = inputs.estate.zone_named(&shift.zone)?;
            let (id, until, held) = (shift.id.clone(), shift.ends_at, inputs.now >= shift.ends_at);
            let canceled = held && glass.has_ended(zone, until);
            let (source, reason) = match shift.kind {
                ShiftKind::Practice => (Source::Practice(id.clone()), Reason::Practice { id, until, held }),
                ShiftKind::Autoshift => {
                    (Source::Autoshift(id.clone()), Reason::Autoshift { id, until, held })
                }
                ShiftKind::Zonal | ShiftKind::BreakGlass => {
                    (Source::Shift(id.clone()), Reason::Shifted { id, until, held })
                }
            };
            Some(Act {
                source,
                zone,
                scope: shift.scope.clone(),
                asks: if canceled { Asks::Canceled } else { Asks::Out },
                overrides: &shift.floor_overrides,
                reason,
            })
        })
        .collect()
}
