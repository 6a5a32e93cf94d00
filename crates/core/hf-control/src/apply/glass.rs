//! Break-glass acts: what operators gave straight to the nodes while no ledger could be reached, written down afterwards.
//!
//! 1. An act for another estate is refused. Whoever hands one in has checked its signature.
//! 2. The same act again (same zone, signer and instant) is done already. One that a newer act of its zone has overtaken counts for
//!    nothing any more, as on the nodes: it is recorded as ended.
//! 3. A cancel ends what took the whole zone away and began before it was signed: shifts, autoshifts, practice runs, pins out.
//! 4. An act past its end is recorded as ended.
//! 5. Any other becomes a shift of its own kind that began when it was signed, if the rules of shifts allow it. Practice runs give way.
//! 6. A shift that has the whole zone away already takes the act up: it ends when the later of both does. An operator who wanted less can
//!    cancel; one who wanted more could not be asked.
//! 7. What does not fit is recorded with what it contradicts. Nodes go on obeying it until its end.
//!
//! The record is bounded. What has ended is forgotten before what still counts, and the oldest first.

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{ShiftId, Timestamp, ZoneId};

use super::floor::Asked;
use super::{Effect, asked};
use crate::command::{Event, Refusal, Stop};
use crate::intent::{
    BreakGlassFate, BreakGlassShift, Pin, PinTo, RecordedBreakGlass, Scope, Shift, ShiftKind, ShiftState,
};
use crate::state::{ShiftKey, State};

impl State {
    pub(super) fn record_break_glass(&mut self, act: &BreakGlassShift) -> Result<Effect, Refusal> {
        if act.estate != self.estate_id {
            return Err(Refusal::OtherEstate { found: act.estate, ours: self.estate_id });
        }
        let reason = asked::clean_reason(&act.reason)?;
        let length = act.ends_at.since(act.signed_at);
        if length > asked::LENGTH_MAX {
            return Err(Refusal::Length { length });
        }
        if let Some(known) = self.break_glass.iter().find(|known| known.act.is_same(act)) {
            let shift = match &known.fate {
                BreakGlassFate::Shift(id) => self.shift(id).cloned(),
                BreakGlassFate::Ended(_) | BreakGlassFate::Conflicts(_) => None,
            };
            return Ok(Effect { revision: known.revision, ..self.done(shift, Vec::new()) });
        }
        let (fate, shift, mut events) = self.fate_of(act, reason);
        let recorded = RecordedBreakGlass { act: act.clone(), revision: self.revision, fate };
        self.keep_record(recorded.clone());
        events.push(Event::BreakGlassRecorded(recorded));
        Ok(self.done(shift, events))
    }

    fn fate_of(
        &mut self,
        act: &BreakGlassShift,
        reason: String,
    ) -> (BreakGlassFate, Option<Shift>, Vec<Event>) {
        let nothing = || (BreakGlassFate::Ended(Vec::new()), None, Vec::new());
        let place = |zone: &ZoneId| self.estate.as_deref().and_then(|estate| estate.zone_named(zone));
        let is_same_place =
            |zone: &ZoneId| *zone == act.zone || place(zone).is_some_and(|it| place(&act.zone) == Some(it));
        let is_newer = |known: &RecordedBreakGlass| known.act.newness() > act.newness();
        if self.break_glass.iter().any(|known| is_newer(known) && is_same_place(&known.act.zone)) {
            return nothing();
        }
        let found = self.estate.clone().and_then(|estate| Some((estate.zone_named(&act.zone)?, estate)));
        if act.is_cancel() {
            let Some((zone, estate)) = found else { return nothing() };
            let (ended, events) = self.end_what_began_before(&estate, zone, act.signed_at);
            return (BreakGlassFate::Ended(ended), None, events);
        }
        if act.ends_at <= self.stamp {
            return nothing();
        }
        let conflict = |what: String| (BreakGlassFate::Conflicts(what), None, Vec::new());
        let Some((zone, estate)) = found else {
            return conflict(format!("the estate has no zone {}", act.zone));
        };
        match self.take_up(&estate, zone, act, reason) {
            Ok((shift, events)) => (BreakGlassFate::Shift(shift.id.clone()), Some(shift), events),
            Err(what) => conflict(what),
        }
    }

    /// Makes it a shift, or part of the one that is there; or says what it contradicts.
    fn take_up(
        &mut self,
        estate: &Estate,
        zone: ZoneIx,
        act: &BreakGlassShift,
        reason: String,
    ) -> Result<(Shift, Vec<Event>), String> {
        let scope = Scope::Everything;
        let id = &estate.zone(zone).id;
        // A clock that is ahead must not make a shift longer than any other.
        let ends_at = act.ends_at.min(self.stamp.plus(asked::LENGTH_MAX));
        let there = self
            .active_shifts()
            .find(|shift| shift.zone == *id && shift.scope == scope && shift.kind.is_of_people());
        if let Some(before) = there.cloned() {
            if before.ends_at >= ends_at {
                return Ok((before, Vec::new()));
            }
            let mut after = before.clone();
            after.ends_at = ends_at;
            self.put_shift(&mut after);
            return Ok((after.clone(), vec![Event::ShiftExtended { before, after }]));
        }
        let refused = |refusal: Refusal| refusal.to_string();
        self.check_alone(estate, zone, &scope).map_err(refused)?;
        let holds_in = |pin: &&Pin| pin.zone == *id && pin.scope == scope && pin.to == PinTo::In;
        if let Some(pin) = self.pins.iter().find(holds_in) {
            return Err(format!("{id} is pinned in for {} by {}", pin.scope, pin.by));
        }
        self.check_room_for_shift().map_err(refused)?;
        let met = self.practices_met(estate, zone, &scope);
        let ended = self.ask_floor_for_shift(estate, &Asked::one(zone, &scope, &[]), met).map_err(refused)?;
        let key = ShiftKey(self.revision);
        let shift = Shift {
            id: key.id(),
            zone: id.clone(),
            scope,
            reason,
            by: act.by.clone(),
            started_at: act.signed_at,
            ends_at,
            state: ShiftState::Active,
            kind: ShiftKind::BreakGlass,
            floor_overrides: Vec::new(),
            revision: self.revision,
        };
        let events = self.interrupt(&ended);
        let Effect { events, .. } = self.begin_shift(key, shift.clone(), events);
        Ok((shift, events))
    }

    fn end_what_began_before(
        &mut self,
        estate: &Estate,
        zone: ZoneIx,
        signed_at: Timestamp,
    ) -> (Vec<ShiftId>, Vec<Event>) {
        let id = &estate.zone(zone).id;
        let is_meant = |shift: &&Shift| {
            shift.zone == *id && shift.scope == Scope::Everything && shift.started_at < signed_at
        };
        let shifts: Vec<Shift> = self.active_shifts().filter(is_meant).cloned().collect();
        let ids = shifts.iter().map(|shift| shift.id.clone()).collect();
        let state = ShiftState::Canceled(self.stamp);
        let mut events: Vec<Event> =
            shifts.into_iter().map(|shift| self.end_shift(shift, state, Stop::Canceled)).collect();
        let is_meant = |pin: &mut Pin| {
            let takes = pin.to == PinTo::Out && pin.scope == Scope::Everything;
            takes && pin.zone == *id && pin.started_at < signed_at
        };
        let pins: Vec<Pin> = self.pins.extract_if(.., is_meant).collect();
        for pin in pins {
            self.end_pin(&pin);
            events.push(Event::Unpinned(pin, Stop::Canceled));
        }
        (ids, events)
    }

    fn keep_record(&mut self, recorded: RecordedBreakGlass) {
        while self.break_glass.len() >= State::BREAK_GLASS {
            let ended = self.break_glass.iter().position(|known| known.act.ends_at <= self.stamp);
            self.break_glass.remove(ended.unwrap_or(0));
        }
        self.break_glass.push_back(recorded);
    }
}
