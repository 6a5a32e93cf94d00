//! What several endpoints say, laid together: pure, same input, same output.
//!
//! 1. Each zone by itself: the state that more of the endpoints say than the other. Which of them is newer matters not.
//! 2. An endpoint that is silent, or that does not know the zone, counts for nothing.
//! 3. A tie keeps the last state, and so does a state that fewer say than [`lay_together`] is told to need.
//! 4. A zone that no endpoint lists is forgotten only while more than half of all endpoints speak.
//! 5. Nobody speaks: everything stays as it is, for ever.
//! 6. Before anything is known a zone is open: a worker that has never reached an endpoint works.
//!
//! Not here: who speaks (`voice`), what was last when the process began (`disk`).

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::{State, Table, ZONES, ZoneStatus};

/// What the zones stand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was ever heard: all is open.
    #[default]
    Nothing,
    /// The file of last good state, from before this process.
    Disk,
    /// Status endpoints, now or a while ago: [`Zones::speaking`] says how many speak now.
    Endpoints,
}

/// What is known of all zones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    by_id: BTreeMap<String, ZoneStatus>,
    aliases: BTreeMap<String, String>,
    tag: Option<String>,
    revision: Option<u64>,
    origin: Origin,
    speaking: usize,
    asked: usize,
}

impl Zones {
    /// Of statuses; `applied` is the tag and revision of the table that they came in.
    pub(crate) fn new(zones: Vec<ZoneStatus>, applied: Option<(String, u64)>, origin: Origin) -> Self {
        let mut by_id: BTreeMap<String, ZoneStatus> = BTreeMap::new();
        for zone in zones {
            // The first word on a zone counts.
            by_id.entry(zone.zone.clone()).or_insert(zone);
        }
        let mut aliases = BTreeMap::new();
        for zone in by_id.values() {
            for alias in zone.aliases.iter().filter(|alias| !by_id.contains_key(*alias)) {
                aliases.entry(alias.clone()).or_insert_with(|| zone.zone.clone());
            }
        }
        let (tag, revision) = applied.unzip();
        Zones { by_id, aliases, tag, revision, origin, speaking: 0, asked: 0 }
    }

    /// Zones that somebody tells by hand: for tests of programs that use this library.
    ///
    /// ```
    /// use holdfast_client::{State, Zones};
    /// let zones = Zones::of([("use1-az1", State::Away), ("use1-az2", State::Open)]);
    /// assert!(!zones.is_open("use1-az1"));
    /// ```
    pub fn of<'a>(zones: impl IntoIterator<Item = (&'a str, State)>) -> Self {
        let status = |(zone, state): (&str, State)| ZoneStatus {
            zone: zone.to_owned(),
            aliases: Vec::new(),
            resource: "everything".to_owned(),
            state,
            source: String::new(),
            reason: String::new(),
            until_ms: None,
            held: false,
            revision: 0,
        };
        Zones::new(zones.into_iter().map(status).collect(), None, Origin::Endpoints)
    }

    pub(crate) fn with_voices(mut self, speaking: usize, asked: usize) -> Self {
        self.speaking = speaking;
        self.asked = asked;
        self
    }

    /// The zone of this id or alias.
    pub fn get(&self, name: &str) -> Option<&ZoneStatus> {
        self.by_id.get(name).or_else(|| self.by_id.get(self.aliases.get(name)?))
    }

    /// Whether new work may go to the zone of this id or alias; so it is too where nothing is known of it.
    pub fn is_open(&self, name: &str) -> bool {
        self.get(name).is_none_or(|zone| zone.state == State::Open)
    }

    /// All zones, by id.
    pub fn iter(&self) -> impl Iterator<Item = &ZoneStatus> {
        self.by_id.values()
    }

    /// Names the table that these states are all of; none while no endpoint tells just these.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The ledger revision of that table.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// What this stands on.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// How many endpoints speak.
    pub fn speaking(&self) -> usize {
        self.speaking
    }

    /// How many are asked.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Whether the two say the same of the zones, whoever tells it.
    pub(crate) fn says_the_same(&self, other: &Zones) -> bool {
        self.by_id == other.by_id && self.tag == other.tag && self.origin == other.origin
    }

    fn state_of(&self, id: &str) -> Option<State> {
        self.by_id.get(id).map(|zone| zone.state)
    }
}

/// The state that more say than the other, if at least `needed` say it; else the last one.
///
/// ```
/// use holdfast_client::{State::{Away, Open}, majority};
/// // Five endpoints: three say closed, one open, one is silent.
/// assert_eq!(majority([Some(Away), Some(Away), Some(Away), Some(Open), None], Open, 1), Away);
/// // Two against two: it stays as it was.
/// assert_eq!(majority([Some(Away), Some(Away), Some(Open), Some(Open), None], Open, 1), Open);
/// assert_eq!(majority([Some(Away), Some(Away), Some(Open), Some(Open), None], Away, 1), Away);
/// ```
pub fn majority(said: impl IntoIterator<Item = Option<State>>, last: State, needed: usize) -> State {
    let (mut open, mut away) = (0, 0);
    for state in said.into_iter().flatten() {
        match state {
            State::Open => open += 1,
            State::Away => away += 1,
        }
    }
    if open > away && open >= needed {
        State::Open
    } else if away > open && away >= needed {
        State::Away
    } else {
        last
    }
}

/// The new state of all zones. `tables` has a place for each endpoint, none for a silent one.
pub fn lay_together(last: &Zones, tables: &[Option<&Table>], needed: usize) -> Zones {
    let asked = tables.len();
    let speaking = tables.iter().flatten().count();
    if speaking == 0 {
        return last.clone().with_voices(0, asked);
    }
    let listed: Vec<Option<BTreeMap<&str, &ZoneStatus>>> =
        tables.iter().map(|table| table.map(by_id)).collect();
    // Zones that are known already come first: a table that is too long pushes none of them out.
    let told = listed.iter().flatten().flat_map(|zones| zones.keys().copied());
    let known: BTreeSet<&str> = last.by_id.keys().map(String::as_str).collect();
    let fresh: BTreeSet<&str> = told.filter(|id| !known.contains(id)).collect();
    let ids = known.iter().chain(&fresh).copied().take(ZONES);

    let mut zones = Vec::new();
    for id in ids {
        let said: Vec<Option<&ZoneStatus>> =
            listed.iter().map(|zones| zones.as_ref().and_then(|zones| zones.get(id).copied())).collect();
        let last_said = last.by_id.get(id);
        if said.iter().all(Option::is_none) {
            if speaking * 2 <= asked {
                zones.extend(last_said.cloned());
            }
            continue;
        }
        let states = said.iter().map(|zone| zone.map(|zone| zone.state));
        let state = majority(states, last_said.map_or(State::Open, |zone| zone.state), needed);
        // The words are of the newest one that says so; of two alike, the first.
        let agreeing = said.iter().flatten().filter(|zone| zone.state == state);
        let newest = agreeing.rev().max_by_key(|zone| zone.revision).copied();
        let told = newest.or(last_said.filter(|zone| zone.state == state));
        zones.push(told.cloned().unwrap_or_else(|| ZoneStatus {
            state,
            source: "quorum".to_owned(),
            reason: "too few status endpoints say otherwise".to_owned(),
            until_ms: None,
            held: false,
            ..(*said.iter().flatten().next().expect("one lists it")).clone()
        }));
    }
    let mut together = Zones::new(zones, None, Origin::Endpoints).with_voices(speaking, asked);
    let same = tables.iter().flatten().filter(|table| is_same(&together, table));
    match same.rev().max_by_key(|table| table.revision) {
        Some(table) => {
            together.tag = Some(table.tag.clone());
            together.revision = Some(table.revision);
        }
        None => together.revision = last.revision,
    }
    together
}

/// Whether no endpoint that is still silent could change any zone.
pub fn is_certain(tables: &[Option<&Table>]) -> bool {
    let listed: Vec<BTreeMap<&str, &ZoneStatus>> =
        tables.iter().flatten().map(|table| by_id(table)).collect();
    let ids: BTreeSet<&str> = listed.iter().flat_map(|zones| zones.keys().copied()).collect();
    !ids.is_empty()
        && ids.iter().all(|id| {
            let states: Vec<State> =
                listed.iter().filter_map(|zones| zones.get(id).map(|zone| zone.state)).collect();
            let away = states.iter().filter(|state| **state == State::Away).count();
            away.max(states.len() - away) * 2 > tables.len()
        })
}

fn by_id(table: &Table) -> BTreeMap<&str, &ZoneStatus> {
    // Laid in from the back: the first word on a zone counts.
    table.zones.iter().rev().map(|zone| (zone.zone.as_str(), zone)).collect()
}

fn is_same(together: &Zones, table: &Table) -> bool {
    let listed = by_id(table);
    listed.len() == together.by_id.len()
        && listed.iter().all(|(id, zone)| together.state_of(id) == Some(zone.state))
}

#[cfg(test)]
mod tests;
