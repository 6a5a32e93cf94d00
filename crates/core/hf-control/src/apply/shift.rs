//! Beginning, extending and ending shifts.
//!
//! 1. One shift at a time for a zone and what it acts on; extend or cancel that one.
//! 2. One zone of a region at a time for what it acts on.
//! 3. A shift never takes away what the floor keeps ([`super::floor`]).
//! 4. Practice runs are in nobody's way: one that a shift meets, or that leaves it too little, ends as interrupted. Nor are autoshifts: they
//!    stay, and yield ([`super::autoshift`]).
//! 5. A pool that is named in the floor overrides is not asked, and stays named for as long as the shift is in force.
//! 6. What ended is told to the nodes for a while ([`Return`]): what it took away comes back bit by bit.
//! 7. A shift that is due but not yet ended by the ledger is in force: it blocks, and it can be extended.

use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{Revision, ShiftId, ZoneId};

use super::floor::Asked;
use super::{Effect, asked};
use crate::command::{Bounded, Event, Refusal, Stop};
use crate::intent::{Intent, Return, Scope, Shift, ShiftKind, ShiftState};
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
        let floor_overrides = asked::check_floor_overrides(Some(&*estate), act.floor_overrides)?;
        let met = self.practices_met(&estate, zone, act.scope);
        let asked = Asked::one(zone, act.scope, &floor_overrides);
        let ended = self.ask_floor_for_shift(&estate, &asked, met)?;
        let key = ShiftKey(self.revision);
        let shift = Shift {
            id: key.id(),
            zone: estate.zone(zone).id.clone(),
            scope: act.scope.clone(),
            reason,
            by: act.by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(act.length),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides,
            revision: self.revision,
        };
        let events = self.interrupt(&ended);
        Ok(self.begin_shift(key, shift, events))
    }

    /// Puts a shift in force that was found right, after `events`.
    pub(super) fn begin_shift(&mut self, key: ShiftKey, shift: Shift, mut events: Vec<Event>) -> Effect {
        self.shifts.insert(key, shift.clone());
        self.forget_ended_shifts();
        events.push(Event::ShiftStarted(shift.clone()));
        if !shift.floor_overrides.is_empty() {
            events.push(Event::FloorsOverridden(shift.floor_overrides.clone()));
        }
        self.done(Some(shift), events)
    }

    /// Ends a shift; what it took away returns.
    pub(super) fn end_shift(&mut self, mut shift: Shift, state: ShiftState, stop: Stop) -> Event {
        shift.state = state;
        self.put_shift(&mut shift);
        if shift.kind == ShiftKind::Practice {
            self.close_record(&shift);
        }
        self.push_return(Return { zone: shift.zone.clone(), scope: shift.scope.clone(), at: self.stamp });
        Event::ShiftEnded(shift, stop)
    }

    pub(super) fn push_return(&mut self, ended: Return) {
        while self.returns.len() >= Intent::RETURNS {
            self.returns.pop_front();
        }
        self.returns.push_back(ended);
    }

    pub(super) fn update_shift(
        &mut self,
        id: &ShiftId,
        length: Option<Duration>,
        reason: Option<&str>,
        if_match: Option<Revision>,
    ) -> Result<Effect, Refusal> {
        length.map_or(Ok(()), asked::check_length)?;
        let reason = reason.map(asked::clean_reason).transpose()?;
        let before = self.find_active(id, if_match)?.clone();
        if before.kind == ShiftKind::Practice && length.is_some() {
            return Err(Refusal::Invalid {
                what: id.to_string(),
                why:
                    "a practice run lasts 30m and is not extended; to stay away from the zone, start a shift"
                        .to_owned(),
            });
        }
        if before.kind == ShiftKind::Autoshift {
            return Err(Refusal::Invalid {
                what: id.to_string(),
                why: "an autoshift is renewed while its evidence lasts; to stay away from the zone, start a shift"
                    .to_owned(),
            });
        }
        let mut after = before.clone();
        if let Some(length) = length {
            after.ends_at = self.stamp.plus(length);
        }
        after.reason = reason.unwrap_or(after.reason);
        self.put_shift(&mut after);
        Ok(self.done(Some(after.clone()), vec![Event::ShiftExtended { before, after }]))
    }

    pub(super) fn cancel_shift(
        &mut self,
        id: &ShiftId,
        if_match: Option<Revision>,
    ) -> Result<Effect, Refusal> {
        let shift = self.find_active(id, if_match)?.clone();
        let event = self.end_shift(shift, ShiftState::Canceled(self.stamp), Stop::Canceled);
        Ok(self.done(self.shift(id).cloned(), vec![event]))
    }

    /// Keeps a changed shift, marked with this entry.
    pub(super) fn put_shift(&mut self, shift: &mut Shift) {
        shift.revision = self.revision;
        if let Some(kept) = ShiftKey::of(&shift.id).and_then(|key| self.shifts.get_mut(&key)) {
            *kept = shift.clone();
        }
    }

    pub(super) fn find_active(&self, id: &ShiftId, if_match: Option<Revision>) -> Result<&Shift, Refusal> {
        let shift = self.shift(id).ok_or_else(|| Refusal::UnknownShift { id: id.clone() })?;
        if shift.state != ShiftState::Active {
            return Err(Refusal::NotActive { id: id.clone() });
        }
        asked::check_match(if_match, shift.revision)?;
        Ok(shift)
    }

    /// Whether no other shift is in its way; practice runs and autoshifts are not.
    pub(super) fn check_alone(&self, estate: &Estate, zone: ZoneIx, scope: &Scope) -> Result<(), Refusal> {
        let asked = estate.zone(zone);
        let stays = |shift: &&Shift| shift.kind.is_of_people() && shift.scope.overlaps(scope);
        let overlapping = || self.active_shifts().filter(stays);
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

    pub(super) fn check_room_for_shift(&self) -> Result<(), Refusal> {
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
