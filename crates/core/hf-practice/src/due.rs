//! Which runs begin now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{Estate, RegionIx, ZoneIx};
use hf_config::floor::pool_zones;
use hf_control::{Practice, PracticeRecord, Resource, Shift, ShiftState};
use hf_model::Timestamp;

use crate::slot::{Slots, is_allowed, week_of};

/// Between two tries of one resource.
pub const RETRY: Duration = Duration::from_mins(10);

/// All that it depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// Who has a configuration.
    pub practices: &'a BTreeMap<Resource, Practice>,
    /// How runs went, oldest first.
    pub history: &'a [&'a PracticeRecord],
    /// Shifts in force.
    pub shifts: &'a [Shift],
    /// When resources were last tried without a beginning.
    pub tried: &'a BTreeMap<Resource, Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// A run that is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What rehearses.
    pub resource: Resource,
    /// Out of which zone.
    pub zone: ZoneIx,
    /// When it should have begun.
    pub since: Timestamp,
}

/// The runs that are to begin now: at most one in each region.
pub fn due(inputs: &Inputs<'_>, slots: &mut Slots) -> Vec<Due> {
    slots.keep(|resource| inputs.practices.contains_key(resource));
    let mut found: Vec<Due> =
        inputs.practices.iter().filter_map(|(of, practice)| one(inputs, slots, of, practice)).collect();
    found.sort_by(|one, other| (one.since, &one.resource).cmp(&(other.since, &other.resource)));
    let mut busy = busy_regions(inputs);
    // A region that somebody begins in now is busy for the others.
    found.retain(|due| busy.insert(inputs.estate.zone(due.zone).region));
    found
}

fn one(inputs: &Inputs<'_>, slots: &mut Slots, resource: &Resource, practice: &Practice) -> Option<Due> {
    let Inputs { estate, now, .. } = *inputs;
    let since = slots.of(resource, practice, now)?;
    let (_, week_began) = week_of(now);
    let has_run =
        inputs.history.iter().any(|record| record.resource == *resource && record.started_at >= week_began);
    let waits = inputs.tried.get(resource).is_some_and(|at| now < at.plus(RETRY));
    if now < since || has_run || waits || !is_allowed(&practice.config, now) {
        return None;
    }
    Some(Due { resource: resource.clone(), zone: next_zone(estate, inputs.history, resource)?, since })
}

/// Where shifts are.
fn busy_regions(inputs: &Inputs<'_>) -> BTreeSet<RegionIx> {
    let active = inputs.shifts.iter().filter(|shift| shift.state == ShiftState::Active);
    let zones = active.filter_map(|shift| inputs.estate.zone_named(&shift.zone));
    zones.map(|zone| inputs.estate.zone(zone).region).collect()
}

/// The zone behind that of the last run, in the estate's order; none without zones.
pub fn next_zone(estate: &Estate, history: &[&PracticeRecord], resource: &Resource) -> Option<ZoneIx> {
    let zones = zones_of(estate, resource);
    let last = history.iter().rev().find(|record| record.resource == *resource);
    let last = last.and_then(|record| estate.zone_named(&record.zone));
    let behind = last.and_then(|last| zones.iter().find(|zone| **zone > last));
    behind.or_else(|| zones.first()).copied()
}

/// The zones that a resource is in.
pub fn zones_of(estate: &Estate, resource: &Resource) -> BTreeSet<ZoneIx> {
    match resource {
        Resource::Region(id) => {
            let is_of = |zone: &ZoneIx| estate.regions[estate.zone(*zone).region.at()].id == *id;
            estate.zone_indexes().filter(is_of).collect()
        }
        Resource::Pool(name) => {
            estate.pool_named(name).map(|pool| pool_zones(estate.pool(pool))).into_iter().flatten().collect()
        }
        Resource::Record(name) => {
            estate.pools_behind(name).into_iter().flat_map(|pool| pool_zones(estate.pool(pool))).collect()
        }
    }
}
