//! Autoshifts: evacuations that no operator began.
//!
//! 1. One begins only for a resource whose autoshift is enabled, for a zone of it, 1 minute to 72 hours at a time.
//! 2. Never two: while an autoshift takes any other zone of the region away, or acts on the same thing anywhere, none begins. Several
//!    resources may leave one zone.
//! 3. People come first. None begins while a shift, a pin, a routing control that is off or a break-glass act takes another zone of the
//!    region from what it is about, or decides on this zone already. What comes later outranks it: it stays, and is not applied (`hf-decide`).
//! 4. For [`Autoshift::QUIET`] after an operator has canceled one, none of the same resource and zone begins.
//! 5. It obeys the floor as a shift does, without overrides. Practice runs give way to it.
//! 6. It ends by its length, by an operator's cancel, or by [`crate::Command::EndAutoshift`]; only [`crate::Command::RenewAutoshift`] makes it
//!    longer.
//!
//! So two control nodes that both think that it is theirs to act do no harm: the second is refused.
//!
//! Not here: the evidence (`hf-gray`, quorum), when to begin, renew and end (`hf-autoshift`).

use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{Operator, ShiftId, ZoneId};

use super::floor::Asked;
use super::{Effect, asked};
use crate::command::{Event, Refusal, Stop};
use crate::intent::{BreakGlassFate, PinTo, Scope, Shift, ShiftKind, ShiftState};
use crate::practice::{Autoshift, Resource};
use crate::state::{ShiftKey, State};

/// An autoshift as asked for.
pub(super) struct Begin<'a> {
    pub(super) resource: &'a Resource,
    pub(super) zone: &'a ZoneId,
    pub(super) length: Duration,
    pub(super) reason: &'a str,
    pub(super) by: &'a Operator,
}

impl State {
    pub(super) fn start_autoshift(&mut self, begin: &Begin<'_>) -> Result<Effect, Refusal> {
        asked::check_length(begin.length)?;
        let reason = asked::clean_reason(begin.reason)?;
        let (estate, zone) = self.zone_of_resource(begin.resource, begin.zone)?;
        let setting = self.practices.get(begin.resource).map_or(Autoshift::Disabled, |found| found.autoshift);
        if setting != Autoshift::Enabled {
            return Err(Refusal::AutoshiftOff { resource: begin.resource.clone() });
        }
        let scope = begin.resource.scope();
        self.check_no_autoshift(&estate, zone, &scope)?;
        self.check_no_word_of_people(&estate, zone, &scope)?;
        self.check_quiet(begin.resource, &estate.zone(zone).id, &scope)?;
        self.check_room_for_shift()?;
        let met = self.practices_met(&estate, zone, &scope);
        let ended = self.ask_floor_for_autoshift(&estate, &Asked::one(zone, &scope, &[]), met)?;
        let key = ShiftKey(self.revision);
        let shift = Shift {
            id: key.id(),
            zone: estate.zone(zone).id.clone(),
            scope,
            reason,
            by: begin.by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(begin.length),
            state: ShiftState::Active,
            kind: ShiftKind::Autoshift,
            floor_overrides: Vec::new(),
            revision: self.revision,
        };
        let events = self.interrupt(&ended);
        Ok(self.begin_shift(key, shift, events))
    }

    pub(super) fn renew_autoshift(
        &mut self,
        id: &ShiftId,
        length: Duration,
        reason: &str,
    ) -> Result<Effect, Refusal> {
        asked::check_length(length)?;
        let reason = asked::clean_reason(reason)?;
        let before = self.find_autoshift(id)?.clone();
        let mut after = before.clone();
        // A renewal is for longer: what others were told of its end stays true.
        after.ends_at = self.stamp.plus(length).max(before.ends_at);
        after.reason = reason;
        self.put_shift(&mut after);
        Ok(self.done(Some(after.clone()), vec![Event::ShiftExtended { before, after }]))
    }

    pub(super) fn end_autoshift(&mut self, id: &ShiftId, reason: &str) -> Result<Effect, Refusal> {
        asked::clean_reason(reason)?;
        let shift = self.find_autoshift(id)?.clone();
        let event = self.end_shift(shift, ShiftState::Completed(self.stamp), Stop::Completed);
        Ok(self.done(self.shift(id).cloned(), vec![event]))
    }

    fn find_autoshift(&self, id: &ShiftId) -> Result<&Shift, Refusal> {
        let shift = self.find_active(id, None)?;
        if shift.kind == ShiftKind::Autoshift {
            return Ok(shift);
        }
        let why = "it is no autoshift; extend or cancel it as the shift that it is".to_owned();
        Err(Refusal::Invalid { what: id.to_string(), why })
    }

    /// Rule 2.
    fn check_no_autoshift(&self, estate: &Estate, zone: ZoneIx, scope: &Scope) -> Result<(), Refusal> {
        let asked = estate.zone(zone);
        let is_met = |shift: &&Shift| {
            if shift.kind != ShiftKind::Autoshift {
                return false;
            }
            let other = estate.zone_named(&shift.zone);
            let is_near = other.is_some_and(|other| estate.zone(other).region == asked.region);
            let is_here = other == Some(zone);
            (is_near && !is_here)
                || (is_here && shift.scope.overlaps(scope))
                || (shift.scope == *scope && *scope != Scope::Everything)
        };
        self.active_shifts().find(is_met).map_or(Ok(()), |shift| Err(active(shift)))
    }

    /// Rule 3.
    fn check_no_word_of_people(&self, estate: &Estate, zone: ZoneIx, scope: &Scope) -> Result<(), Refusal> {
        self.check_alone(estate, zone, scope)?;
        let region = estate.zone(zone).region;
        let place = |id: &ZoneId| estate.zone_named(id).filter(|other| estate.zone(*other).region == region);
        let away = |zone: &ZoneId, by: String| Err(Refusal::ZoneAway { zone: zone.clone(), by });
        for pin in self.pins.iter().filter(|pin| pin.scope.overlaps(scope)) {
            let Some(at) = place(&pin.zone) else { continue };
            if pin.to == PinTo::Out || at == zone {
                return away(&pin.zone, format!("the pin by {}", pin.by));
            }
        }
        let off = self.zones_behind_off_controls();
        if let Some(at) = off.iter().find(|at| estate.zone(**at).region == region) {
            return away(&estate.zone(*at).id, "a routing control that is off".to_owned());
        }
        for known in &self.break_glass {
            let counts = matches!(known.fate, BreakGlassFate::Conflicts(_)) && known.act.ends_at > self.stamp;
            if counts && place(&known.act.zone).is_some() {
                return away(&known.act.zone, format!("the break-glass act of {}", known.act.by));
            }
        }
        Ok(())
    }

    /// Rule 4.
    fn check_quiet(&self, resource: &Resource, zone: &ZoneId, scope: &Scope) -> Result<(), Refusal> {
        let canceled = |shift: &Shift| match shift.state {
            ShiftState::Canceled(at)
                if shift.kind == ShiftKind::Autoshift && shift.zone == *zone && shift.scope == *scope =>
            {
                Some(at)
            }
            _ => None,
        };
        let Some(newest) = self.shifts.values().filter_map(canceled).max() else { return Ok(()) };
        let left = newest.plus(Autoshift::QUIET).since(self.stamp);
        if left.is_zero() {
            return Ok(());
        }
        Err(Refusal::AutoshiftQuiet { resource: resource.clone(), zone: zone.clone(), left })
    }
}

/// That an autoshift is in the way.
pub(super) fn active(shift: &Shift) -> Refusal {
    let (id, zone, scope) = (shift.id.clone(), shift.zone.clone(), shift.scope.clone());
    Refusal::AutoshiftActive { id, zone, scope }
}
