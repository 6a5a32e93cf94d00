//! Beginning, extending and ending shifts.
//!
//! 1. One shift at a time for a zone and what it acts on; extend or cancel that one.
//! 2. One zone of a region at a time for what it acts on.
//! 3. A shift never takes away what the floor keeps ([`super::floor`]).
//! 4. A shift that is due but not yet ended by the ledger is in force: it blocks, and it can be extended.

use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{Revision, ShiftId, ZoneId};

use super::{Effect, asked};
use crate::command::{Bounded, Event, Refusal, Stop};
use crate::intent::{Scope, Shift, ShiftKind, ShiftState};
use crate::state::{ShiftKey, State};

impl State {
    pub(super) fn start_shift(&mut self, act: &asked::Act<'_>) -> Result<Effect, Refusal> {
        asked::check_length(act.length)?;
        let reason = asked::clean_reason(act.reason)?;
        let zone = asked::find_zone(self.estate.as_deref(), act.zone)?;
        let estate = self.estate.clone().expect("a zone was found in it");
        asked::check_scope(&estate, act.scope)?;
        self.check_alone(&estate, zone, act.scope)?;
        self.check_room_for_shift()?;
        let zone_id = &estate.zone(zone).id;
        self.check_floor_for_shift(&estate, zone_id, act.scope)?;
        let key = ShiftKey(self.revision);
        let shift = Shift {
            id: key.id(),
            zone: zone_id.clone(),
            scope: act.scope.clone(),
            reason,
            by: act.by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(act.length),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides: act.floor_overrides.to_vec(),
            revision: self.revision,
        };
        self.shifts.insert(key, shift.clone());
        self.forget_ended_shifts();
        Ok(self.done(Some(shift.clone()), vec![Event::ShiftStarted(shift)]))
    }

    pub(super) fn extend_shift(
        &mut self,
        id: &ShiftId,
        length: Duration,
        if_match: Option<Revision>,
    ) -> Result<Effect, Refusal> {
        asked::check_length(length)?;
        let before = self.find_active(id, if_match)?.clone();
        let mut after = before.clone();
        after.ends_at = self.stamp.plus(length);
        self.put_shift(&mut after);
        Ok(self.done(Some(after.clone()), vec![Event::ShiftExtended { before, after }]))
    }

    pub(super) fn cancel_shift(
        &mut self,
        id: &ShiftId,
        if_match: Option<Revision>,
    ) -> Result<Effect, Refusal> {
        let mut shift = self.find_active(id, if_match)?.clone();
        shift.state = ShiftState::Canceled(self.stamp);
        self.put_shift(&mut shift);
        Ok(self.done(Some(shift.clone()), vec![Event::ShiftEnded(shift, Stop::Canceled)]))
    }

    /// Keeps a changed shift, marked with this entry.
    pub(super) fn put_shift(&mut self, shift: &mut Shift) {
        shift.revision = self.revision;
        if let Some(kept) = self.shifts.values_mut().find(|kept| kept.id == shift.id) {
            *kept = shift.clone();
        }
    }

    fn find_active(&self, id: &ShiftId, if_match: Option<Revision>) -> Result<&Shift, Refusal> {
        let shift = self.shift(id).ok_or_else(|| Refusal::UnknownShift { id: id.clone() })?;
        if shift.state != ShiftState::Active {
            return Err(Refusal::NotActive { id: id.clone() });
        }
        asked::check_match(if_match, shift.revision)?;
        Ok(shift)
    }

    fn check_alone(&self, estate: &Estate, zone: ZoneIx, scope: &Scope) -> Result<(), Refusal> {
        let asked = estate.zone(zone);
        let overlapping = || self.active_shifts().filter(|shift| shift.scope.overlaps(scope));
        if let Some(shift) = overlapping().find(|shift| shift.zone == asked.id) {
            let (id, zone, scope) = name(shift);
            return Err(Refusal::AlreadyShifted { id, zone, scope });
        }
        let is_beside = |shift: &&Shift| {
            estate.zone_named(&shift.zone).is_some_and(|other| estate.zone(other).region == asked.region)
        };
        if let Some(shift) = overlapping().find(is_beside) {
            let (id, zone, scope) = name(shift);
            return Err(Refusal::OtherZoneShifted { id, zone, scope });
        }
        Ok(())
    }

    fn check_room_for_shift(&self) -> Result<(), Refusal> {
        let count = self.active_shifts().count();
        if count < State::SHIFTS_ACTIVE {
            return Ok(());
        }
        Err(Refusal::TooMany { what: Bounded::ActiveShifts, count })
    }

    fn forget_ended_shifts(&mut self) {
        while self.shifts.len() > State::SHIFTS_KEPT {
            let ended = self.shifts.iter().find(|(_, shift)| shift.state != ShiftState::Active);
            let Some(key) = ended.map(|(key, _)| key.clone()) else { return };
            self.shifts.remove(&key);
        }
    }
}

fn name(shift: &Shift) -> (ShiftId, ZoneId, Scope) {
    (shift.id.clone(), shift.zone.clone(), shift.scope.clone())
}
