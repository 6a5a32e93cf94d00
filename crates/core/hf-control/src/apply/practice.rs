//! Practice configurations, autoshift settings and practice runs.
//!
//! 1. A configuration belongs to a region, pool or record of the estate, and goes with it. Autoshift is on only with one.
//! 2. A practice run takes one zone of a resource for 30 minutes. It is a shift of its own kind: it ends by itself as a success, by
//!    [`crate::Command::CancelShift`], by whoever judges it ([`crate::Command::EndPractice`]), or interrupted.
//! 3. It begins only at a time that its configuration allows (the time of its beginning counts) and while nobody takes any zone of the
//!    resource away: no shift, no autoshift, no other practice run, no pin, no routing control. It obeys the floor.
//! 4. It gives way: a shift, an autoshift, a pin out or a routing control of the same region that meets it ends it as interrupted, and so does any such act
//!    that the floor would refuse for the practice run's sake ([`super::floor`]).
//!
//! 5. How each went is remembered ([`PracticeRecord`]), the newest of each resource, and apart from that which did not begin
//!    ([`PracticeRefusal`]): one after the other for the same reason are one, with their number.
//!
//! Not here: who starts practice runs by the week, what alarms say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_config::floor::pool_zones;
use hf_model::{Operator, RegionId, ShiftId, ZoneId};

use super::floor::Asked;
use super::{Effect, asked, autoshift};
use crate::command::{Bounded, Event, Expect, PracticeClosed, Refusal, Stop};
use crate::intent::{PinTo, Scope, Shift, ShiftKind, ShiftState};
use crate::practice::{
    Autoshift, Practice, PracticeConfig, PracticeOutcome, PracticeRecord, PracticeRefusal, PracticeSeen,
    Resource,
};
use crate::state::{ShiftKey, State};

/// How long a practice run lasts: as in AWS.
const LENGTH: Duration = Duration::from_mins(30);

impl State {
    pub(super) fn put_practice(
        &mut self,
        resource: &Resource,
        config: &PracticeConfig,
        expect: Expect,
    ) -> Result<Effect, Refusal> {
        self.check_resource(resource)?;
        let kept = self.practices.get(resource);
        match (expect, kept) {
            (Expect::Absent, Some(_)) => return Err(Refusal::PracticeThere { resource: resource.clone() }),
            (Expect::Present, None) => return Err(Refusal::NoPractice { resource: resource.clone() }),
            _ => {}
        }
        config.check().map_err(|fault| Refusal::BadPractice { resource: resource.clone(), fault })?;
        if kept.is_none() && self.practices.len() >= State::PRACTICES {
            let (what, count) = (Bounded::PracticeConfigurations, State::PRACTICES);
            return Err(Refusal::TooMany { what, count });
        }
        if kept.is_some_and(|kept| kept.config == *config) {
            return Ok(self.done(None, Vec::new()));
        }
        let alarms = |config: &PracticeConfig| config.outcome_alarms.len() + config.blocking_alarms.len();
        let others = self.practices.iter().filter(|(of, _)| *of != resource);
        let others: usize = others.map(|(_, practice)| alarms(&practice.config)).sum();
        if others + alarms(config) > State::ALARMS_IN_ALL {
            return Err(Refusal::TooMany { what: Bounded::AllAlarms, count: State::ALARMS_IN_ALL });
        }
        let autoshift = kept.map_or(Autoshift::Disabled, |kept| kept.autoshift);
        let before = kept.map(words);
        let practice = Practice {
            config: config.clone(),
            autoshift,
            configured_at: self.stamp,
            revision: self.revision,
        };
        let after = Some(words(&practice));
        self.practices.insert(resource.clone(), practice);
        let resource = Some(resource.clone());
        Ok(self.done(None, vec![Event::PracticeChanged { resource, before, after }]))
    }

    pub(super) fn delete_practice(&mut self, resource: &Resource) -> Result<Effect, Refusal> {
        let kept = self.find_practice(resource)?;
        if kept.autoshift == Autoshift::Enabled {
            return Err(Refusal::AutoshiftEnabled { resource: resource.clone() });
        }
        let before = Some(words(kept));
        self.practices.remove(resource);
        let resource = Some(resource.clone());
        Ok(self.done(None, vec![Event::PracticeChanged { resource, before, after: None }]))
    }

    pub(super) fn set_autoshift(&mut self, resource: &Resource, to: Autoshift) -> Result<Effect, Refusal> {
        self.check_resource(resource)?;
        if to == Autoshift::Disabled && !self.practices.contains_key(resource) {
            // It is off without a configuration.
            return Ok(self.done(None, Vec::new()));
        }
        let mut practice = self.find_practice(resource)?.clone();
        let before = Some(words(&practice));
        if practice.autoshift == to {
            return Ok(self.done(None, Vec::new()));
        }
        (practice.autoshift, practice.revision) = (to, self.revision);
        let after = Some(words(&practice));
        self.practices.insert(resource.clone(), practice);
        let resource = Some(resource.clone());
        Ok(self.done(None, vec![Event::PracticeChanged { resource, before, after }]))
    }

    pub(super) fn set_observer(&mut self, to: Autoshift) -> Effect {
        // There is nothing to advise on: who wants any word wants to be told.
        let to = if to == Autoshift::Advise { Autoshift::Enabled } else { to };
        if self.observer == to {
            return self.done(None, Vec::new());
        }
        let words = |to| Some(format!("{to} notification of autoshifts"));
        let (before, after) = (words(self.observer), words(to));
        self.observer = to;
        self.done(None, vec![Event::PracticeChanged { resource: None, before, after }])
    }

    pub(super) fn start_practice(
        &mut self,
        resource: &Resource,
        zone: &ZoneId,
        reason: &str,
        by: &Operator,
    ) -> Result<Effect, Refusal> {
        let reason = asked::clean_reason(reason)?;
        let (estate, zone) = self.zone_of_resource(resource, zone)?;
        let zones = zones_of(&estate, resource);
        let config = &self.find_practice(resource)?.config;
        let closed = |why| Refusal::PracticeClosed { resource: resource.clone(), why };
        self.check_time(config).map_err(closed)?;
        let scope = resource.scope();
        self.check_nobody_takes(&estate, &zones, &scope, zone)?;
        if self.is_pinned_or_off(&estate, &zones, &scope) {
            return Err(closed(PracticeClosed::ZoneAway));
        }
        self.check_room_for_shift()?;
        self.ask_floor_for_practice(&estate, &Asked::one(zone, &scope, &[]))?;
        let key = ShiftKey(self.revision);
        let shift = Shift {
            id: key.id(),
            zone: estate.zone(zone).id.clone(),
            scope,
            reason,
            by: by.clone(),
            started_at: self.stamp,
            ends_at: self.stamp.plus(LENGTH),
            state: ShiftState::Active,
            kind: ShiftKind::Practice,
            floor_overrides: Vec::new(),
            revision: self.revision,
        };
        self.remember_run(resource, &shift);
        Ok(self.begin_shift(key, shift, Vec::new()))
    }

    pub(super) fn end_practice(
        &mut self,
        id: &ShiftId,
        outcome: PracticeOutcome,
        seen: &PracticeSeen,
        why: &str,
    ) -> Result<Effect, Refusal> {
        let why = asked::clean_reason(why)?;
        let shift = self.find_active(id, None)?.clone();
        if shift.kind != ShiftKind::Practice || outcome == PracticeOutcome::Pending {
            let why = "it is no practice run, or is not judged yet; name a run and how it went".to_owned();
            return Err(Refusal::Invalid { what: id.to_string(), why });
        }
        let mut events = Vec::new();
        if let Some(record) = self.record_of(id) {
            let before = record.words();
            (record.outcome, record.why, record.seen) = (outcome, why, record.seen.with(seen));
            events.push(changed(record, before));
        }
        events.push(self.end_shift(shift, ShiftState::Completed(self.stamp), Stop::Completed));
        Ok(self.done(self.shift(id).cloned(), events))
    }

    pub(super) fn record_practice(&mut self, id: &ShiftId, seen: &PracticeSeen) -> Result<Effect, Refusal> {
        let revision = self.revision;
        let Some(record) = self.record_of(id) else { return Err(Refusal::UnknownShift { id: id.clone() }) };
        let all = record.seen.with(seen);
        if all == record.seen {
            return Ok(self.done(None, Vec::new()));
        }
        let before = record.words();
        (record.seen, record.revision) = (all, revision);
        let event = changed(record, before);
        Ok(self.done(None, vec![event]))
    }

    pub(super) fn record_practice_refusal(
        &mut self,
        resource: &Resource,
        zone: &ZoneId,
        why: &str,
        by: &Operator,
    ) -> Result<Effect, Refusal> {
        let why: String = why.chars().take(asked::REASON_CHARS_MAX).collect();
        let why = asked::clean_reason(&why)?;
        self.find_practice(resource)?;
        let zone = asked::find_zone(self.estate.as_deref(), zone)?;
        let zone = self.estate.as_deref().expect("a zone was found in it").zone(zone).id.clone();
        let history = &mut self.practice_refusals;
        let newest = history.iter().rposition(|known| known.resource == *resource);
        let newest = newest.filter(|at| history[*at].is_same(&zone, &why, self.stamp));
        let known = newest.and_then(|at| history.remove(at));
        let of_it = history.iter().filter(|known| known.resource == *resource).count();
        if of_it >= State::PRACTICE_RECORDS_OF_ONE {
            let oldest = history.iter().position(|known| known.resource == *resource);
            oldest.and_then(|oldest| history.remove(oldest));
        }
        while history.len() >= State::PRACTICE_RECORDS {
            history.pop_front();
        }
        history.push_back(PracticeRefusal {
            resource: resource.clone(),
            zone,
            why,
            by: by.clone(),
            first_at: known.as_ref().map_or(self.stamp, |known| known.first_at),
            last_at: self.stamp,
            times: known.map_or(1, |known| known.times.saturating_add(1)),
            revision: self.revision,
        });
        Ok(self.done(None, Vec::new()))
    }

    fn record_of(&mut self, id: &ShiftId) -> Option<&mut PracticeRecord> {
        self.practice_history.iter_mut().rev().find(|record| record.id == *id)
    }

    /// Remembers that a run began, and forgets the oldest of its resource, or of all, beyond the bounds.
    fn remember_run(&mut self, resource: &Resource, shift: &Shift) {
        let history = &mut self.practice_history;
        let of_it = history.iter().filter(|record| record.resource == *resource).count();
        if of_it >= State::PRACTICE_RECORDS_OF_ONE {
            let oldest = history.iter().position(|record| record.resource == *resource);
            oldest.and_then(|oldest| history.remove(oldest));
        }
        while history.len() >= State::PRACTICE_RECORDS {
            history.pop_front();
        }
        history.push_back(PracticeRecord {
            id: shift.id.clone(),
            resource: resource.clone(),
            zone: shift.zone.clone(),
            started_at: shift.started_at,
            ended_at: None,
            outcome: PracticeOutcome::Pending,
            seen: PracticeSeen::default(),
            why: String::new(),
            revision: self.revision,
        });
    }

    /// A run has ended: what nobody has judged is told by how it ended.
    pub(super) fn close_record(&mut self, shift: &Shift) {
        let revision = self.revision;
        let Some(record) = self.record_of(&shift.id) else { return };
        (record.ended_at, record.revision) = (shift.state.ended_at(), revision);
        if record.outcome != PracticeOutcome::Pending {
            return;
        }
        let (outcome, why) = match shift.state {
            ShiftState::Expired(_) => (PracticeOutcome::Succeeded, "it ran to its end, and nothing was told"),
            ShiftState::Interrupted(_) => (PracticeOutcome::Interrupted, "a stronger act came"),
            _ => (PracticeOutcome::Interrupted, "it was canceled"),
        };
        (record.outcome, record.why) = (outcome, why.to_owned());
    }

    /// The zone of this id or alias, which the resource is in.
    pub(super) fn zone_of_resource(
        &self,
        resource: &Resource,
        zone: &ZoneId,
    ) -> Result<(Arc<Estate>, ZoneIx), Refusal> {
        self.check_resource(resource)?;
        let zone = asked::find_zone(self.estate.as_deref(), zone)?;
        let estate = self.estate.clone().expect("a zone was found in it");
        let zones = zones_of(&estate, resource);
        if zones.contains(&zone) {
            return Ok((estate, zone));
        }
        let names: Vec<&str> = zones.iter().map(|zone| estate.zone(*zone).id.as_str()).collect();
        let (resource, zone) = (resource.clone(), estate.zone(zone).id.clone());
        Err(Refusal::NotInZone { resource, zone, zones: names.join(", ") })
    }

    /// Ends practice runs for the sake of something stronger.
    pub(super) fn interrupt(&mut self, practices: &[ShiftKey]) -> Vec<Event> {
        let found: Vec<Shift> = practices.iter().filter_map(|key| self.shifts.get(key)).cloned().collect();
        let state = ShiftState::Interrupted(self.stamp);
        found.into_iter().map(|shift| self.end_shift(shift, state, Stop::Interrupted)).collect()
    }

    /// The practice runs that an act of an operator on this zone meets: those of the same region on what it acts on.
    pub(super) fn practices_met(&self, estate: &Estate, zone: ZoneIx, scope: &Scope) -> Vec<ShiftKey> {
        let region = estate.zone(zone).region;
        let is_met = |shift: &Shift| {
            let other = estate.zone_named(&shift.zone);
            shift.is_running_practice()
                && shift.scope.overlaps(scope)
                && other.is_some_and(|other| estate.zone(other).region == region)
        };
        self.shifts.iter().filter(|(_, shift)| is_met(shift)).map(|(key, _)| key.clone()).collect()
    }

    /// Takes away the settings of what the new estate does not have.
    pub(super) fn forget_practices(&mut self, estate: &Estate) -> Vec<Event> {
        self.practice_history.retain(|record| has_resource(estate, &record.resource));
        self.practice_refusals.retain(|known| has_resource(estate, &known.resource));
        let gone = self.practices.extract_if(.., |resource, _| !has_resource(estate, resource));
        let told = gone.map(|(resource, practice)| Event::PracticeChanged {
            resource: Some(resource),
            before: Some(words(&practice)),
            after: None,
        });
        told.collect()
    }

    fn find_practice(&self, resource: &Resource) -> Result<&Practice, Refusal> {
        self.practices.get(resource).ok_or_else(|| Refusal::NoPractice { resource: resource.clone() })
    }

    fn check_resource(&self, resource: &Resource) -> Result<(), Refusal> {
        let is_there = self.estate.as_deref().is_some_and(|estate| has_resource(estate, resource));
        if is_there { Ok(()) } else { Err(Refusal::UnknownManaged { resource: resource.clone() }) }
    }

    fn check_time(&self, config: &PracticeConfig) -> Result<(), PracticeClosed> {
        let now = self.stamp;
        if config.blocked_dates.iter().any(|date| date.contains(now)) {
            Err(PracticeClosed::BlockedDate)
        } else if config.blocked_windows.iter().any(|window| window.contains(now)) {
            Err(PracticeClosed::BlockedWindow)
        } else if !config.allowed_windows.is_empty()
            && !config.allowed_windows.iter().any(|window| window.contains(now))
        {
            Err(PracticeClosed::OutsideAllowedWindows)
        } else {
            Ok(())
        }
    }

    /// Whether no shift takes any of the resource's zones away, nor another zone of the region that is asked for.
    fn check_nobody_takes(
        &self,
        estate: &Estate,
        zones: &BTreeSet<ZoneIx>,
        scope: &Scope,
        asked: ZoneIx,
    ) -> Result<(), Refusal> {
        let region = estate.zone(asked).region;
        let place = |shift: &Shift| estate.zone_named(&shift.zone);
        let is_met = |zone| zones.contains(&zone) || estate.zone(zone).region == region;
        let meets = |shift: &&Shift| shift.scope.overlaps(scope) && place(shift).is_some_and(is_met);
        let Some(shift) = self.active_shifts().find(meets) else { return Ok(()) };
        if shift.kind == ShiftKind::Autoshift {
            return Err(autoshift::active(shift));
        }
        let is_beside = place(shift).is_some_and(|zone| zone != asked && estate.zone(zone).region == region);
        let (id, zone, scope) = (shift.id.clone(), shift.zone.clone(), shift.scope.clone());
        Err(if is_beside {
            Refusal::OtherZoneShifted { id, zone, scope }
        } else {
            Refusal::AlreadyShifted { id, zone, scope }
        })
    }

    fn is_pinned_or_off(&self, estate: &Estate, zones: &BTreeSet<ZoneIx>, scope: &Scope) -> bool {
        let is_here = |zone: &ZoneId| estate.zone_named(zone).is_some_and(|zone| zones.contains(&zone));
        let mut out = self.pins.iter().filter(|pin| pin.to == PinTo::Out && pin.scope.overlaps(scope));
        let away = self.zones_behind_off_controls();
        out.any(|pin| is_here(&pin.zone)) || !away.is_disjoint(zones)
    }
}

fn has_resource(estate: &Estate, resource: &Resource) -> bool {
    match resource {
        Resource::Region(id) => estate.regions.iter().any(|region| region.id == *id),
        Resource::Pool(_) | Resource::Record(_) => asked::has_scope(estate, &resource.scope()),
    }
}

/// The zones that the resource is in.
pub(super) fn zones_of(estate: &Estate, resource: &Resource) -> BTreeSet<ZoneIx> {
    let is_of = |zone: &ZoneIx, id: &RegionId| estate.regions[estate.zone(*zone).region.at()].id == *id;
    match resource {
        Resource::Region(id) => estate.zone_indexes().filter(|zone| is_of(zone, id)).collect(),
        Resource::Pool(name) => {
            let pool = estate.pool_named(name).map(|pool| pool_zones(estate.pool(pool)));
            pool.into_iter().flatten().collect()
        }
        Resource::Record(name) => {
            let pools = estate.pools_behind(name);
            pools.into_iter().flat_map(|pool| pool_zones(estate.pool(pool))).collect()
        }
    }
}

fn changed(record: &PracticeRecord, before: String) -> Event {
    let (resource, after) = (Some(record.resource.clone()), Some(record.words()));
    Event::PracticeChanged { resource, before: Some(before), after }
}

/// The settings in short, for journals.
fn words(practice: &Practice) -> String {
    let PracticeConfig { outcome_alarms, blocking_alarms, blocked_windows, allowed_windows, blocked_dates } =
        &practice.config;
    let list = |what: &str, items: Vec<String>| {
        if items.is_empty() { String::new() } else { format!(", {what} {}", items.join(" ")) }
    };
    let texts = |windows: &[crate::practice::Window]| windows.iter().map(ToString::to_string).collect();
    let dates = blocked_dates.iter().map(ToString::to_string).collect();
    format!(
        "{} autoshift, {} outcome and {} blocking alarms{}{}{}",
        practice.autoshift,
        outcome_alarms.len(),
        blocking_alarms.len(),
        list("not in", texts(blocked_windows)),
        list("only in", texts(allowed_windows)),
        list("not on", dates)
    )
}

#[cfg(test)]
mod tests;
