//! Pins: an operator's word that outranks every other.
//!
//! 1. A pin replaces the earlier one of the same zone and scope.
//! 2. A pin in is always allowed. A pin out obeys the floor, like a shift.
//! 3. Taking a pin in away is always allowed too, as its end by itself is: `hf-decide` keeps the floor then.

use hf_model::ZoneId;

use super::{Effect, asked};
use crate::command::{Bounded, Event, Refusal, Stop};
use crate::intent::{Pin, PinTo, Scope};
use crate::state::State;

impl State {
    pub(super) fn pin(&mut self, to: PinTo, act: &asked::Act<'_>) -> Result<Effect, Refusal> {
        asked::check_length(act.length)?;
        let reason = asked::clean_reason(act.reason)?;
        let zone = asked::find_zone(self.estate.as_deref(), act.zone)?;
        let estate = self.estate.clone().expect("a zone was found in it");
        asked::check_scope(&estate, act.scope)?;
        let zone = &estate.zone(zone).id;
        let replaced = self.pin_at(zone, act.scope);
        if replaced.is_none() && self.pins.len() >= State::PINS {
            return Err(Refusal::TooMany { what: Bounded::Pins, count: self.pins.len() });
        }
        if to == PinTo::Out {
            self.check_floor_for_pin(&estate, zone, act.scope)?;
        }
        let before = replaced.map(|at| self.pins.remove(at));
        let after = Pin {
            zone: zone.clone(),
            scope: act.scope.clone(),
            to,
            reason,
            by: act.by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(act.length),
            floor_overrides: act.floor_overrides.to_vec(),
            revision: self.revision,
        };
        self.pins.push(after.clone());
        Ok(self.done(None, vec![Event::Pinned { before, after }]))
    }

    pub(super) fn unpin(&mut self, zone: &ZoneId, scope: &Scope) -> Result<Effect, Refusal> {
        let found = asked::find_zone(self.estate.as_deref(), zone)?;
        let estate = self.estate.as_deref().expect("a zone was found in it");
        let at = self
            .pin_at(&estate.zone(found).id, scope)
            .ok_or_else(|| Refusal::NoPin { zone: zone.clone(), scope: scope.clone() })?;
        let pin = self.pins.remove(at);
        Ok(self.done(None, vec![Event::Unpinned(pin, Stop::Canceled)]))
    }

    fn pin_at(&self, zone: &ZoneId, scope: &Scope) -> Option<usize> {
        self.pins.iter().position(|pin| pin.zone == *zone && pin.scope == *scope)
    }
}
