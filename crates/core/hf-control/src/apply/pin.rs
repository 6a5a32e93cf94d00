//! Pins: an operator's word that outranks every other.
//!
//! 1. A pin replaces the earlier one of the same zone and scope.
//! 2. A pin in is always allowed. A pin out obeys the floor, like a shift.
//! 3. A pin out ends the practice runs that it meets, and those that leave it too little.
//! 4. A pool that is named in a pin out's floor overrides is not asked.
//! 5. Taking a pin in away is always allowed too, as its end by itself is: `hf-decide` keeps the floor then.

use hf_model::ZoneId;

use super::floor::Asked;
use super::{Effect, asked};
use crate::command::{Bounded, Event, Refusal, Stop};
use crate::intent::{Pin, PinTo, Return, Scope};
use crate::state::State;

impl State {
    pub(super) fn pin(&mut self, to: PinTo, act: &asked::Act<'_>) -> Result<Effect, Refusal> {
        asked::check_length(act.length)?;
        let reason = asked::clean_reason(act.reason)?;
        let zone = asked::find_zone(self.estate.as_deref(), act.zone)?;
        let estate = self.estate.clone().expect("a zone was found in it");
        asked::check_scope(&estate, act.scope)?;
        let floor_overrides = asked::check_floor_overrides(Some(&*estate), act.floor_overrides)?;
        let zone_id = &estate.zone(zone).id;
        let replaced = self.pin_at(zone_id, act.scope);
        if replaced.is_none() && self.pins.len() >= State::PINS {
            return Err(Refusal::TooMany { what: Bounded::Pins, count: self.pins.len() });
        }
        let mut events = Vec::new();
        if to == PinTo::Out {
            let asked = Asked::one(zone, act.scope, &floor_overrides);
            let met = self.practices_met(&estate, zone, act.scope);
            let ended = self.ask_floor_for_pin(&estate, &asked, met)?;
            events = self.interrupt(&ended);
        }
        let before = replaced.map(|at| self.pins.remove(at));
        if let Some(before) = before.as_ref().filter(|_| to == PinTo::In) {
            self.end_pin(before);
        }
        let after = Pin {
            zone: zone_id.clone(),
            scope: act.scope.clone(),
            to,
            reason,
            by: act.by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(act.length),
            floor_overrides: floor_overrides.clone(),
            revision: self.revision,
        };
        self.pins.push(after.clone());
        events.push(Event::Pinned { before, after });
        if to == PinTo::Out && !floor_overrides.is_empty() {
            events.push(Event::FloorsOverridden(floor_overrides));
        }
        Ok(self.done(None, events))
    }

    pub(super) fn unpin(&mut self, zone: &ZoneId, scope: &Scope) -> Result<Effect, Refusal> {
        let found = asked::find_zone(self.estate.as_deref(), zone)?;
        let estate = self.estate.as_deref().expect("a zone was found in it");
        let at = self
            .pin_at(&estate.zone(found).id, scope)
            .ok_or_else(|| Refusal::NoPin { zone: zone.clone(), scope: scope.clone() })?;
        let pin = self.pins.remove(at);
        self.end_pin(&pin);
        Ok(self.done(None, vec![Event::Unpinned(pin, Stop::Canceled)]))
    }

    /// What a pin out took away returns.
    pub(super) fn end_pin(&mut self, pin: &Pin) {
        if pin.to == PinTo::Out {
            self.push_return(Return { zone: pin.zone.clone(), scope: pin.scope.clone(), at: self.stamp });
        }
    }

    fn pin_at(&self, zone: &ZoneId, scope: &Scope) -> Option<usize> {
        self.pins.iter().position(|pin| pin.zone == *zone && pin.scope == *scope)
    }
}
