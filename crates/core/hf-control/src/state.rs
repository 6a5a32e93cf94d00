//! The state that the log builds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hf_config::Problems;
use hf_config::estate::{EndpointSet, Estate, EstateBundle};
use hf_model::{Digest, EstateId, RequestId, Revision, ShiftId, Timestamp};

use crate::board::Board;
use crate::command::Outcome;
use crate::deployment::Deployment;
use crate::hosted::{DynamicZone, ZoneKey};
use crate::intent::{Intent, Pin, RecordedBreakGlass, Return, Shift, ShiftState};
use crate::practice::{Autoshift, Practice, PracticeRecord, PracticeRefusal, Resource};

/// Everything that the log says, at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whose state it is: born of the first entry.
    pub estate_id: EstateId,
    /// The newest entry applied.
    pub revision: Revision,
    /// The newest stamp seen.
    pub stamp: Timestamp,
    /// The estate as written.
    pub bundle: EstateBundle,
    /// The same, read, with what sources told of pools' endpoints; none before the first `apply`.
    pub estate: Option<Arc<Estate>>,
    /// The entry that brought it.
    pub estate_revision: Revision,
    /// All active shifts and the newest ended ones, at most [`State::SHIFTS_KEPT`].
    pub shifts: BTreeMap<ShiftKey, Shift>,
    /// Pins in force, in order of their revision.
    pub pins: Vec<Pin>,
    /// Marks of deployments, in order of their revision, at most [`State::DEPLOYMENTS`].
    pub deployments: Vec<Deployment>,
    /// Clusters, control panels, routing controls, safety rules.
    pub board: Board,
    /// Practice configurations and autoshift settings.
    pub practices: BTreeMap<Resource, Practice>,
    /// How practice runs went, oldest first, at most [`State::PRACTICE_RECORDS`], of one resource [`State::PRACTICE_RECORDS_OF_ONE`].
    pub practice_history: VecDeque<PracticeRecord>,
    /// Practice runs that did not begin, by their newest try, at most [`State::PRACTICE_RECORDS`], of one resource [`State::PRACTICE_RECORDS_OF_ONE`].
    pub practice_refusals: VecDeque<PracticeRefusal>,
    /// Whether operators want to be told of autoshifts of others.
    pub observer: Autoshift,
    /// Break-glass acts that the ledger was told of, oldest first, at most [`State::BREAK_GLASS`].
    pub break_glass: VecDeque<RecordedBreakGlass>,
    /// What acts that have ended took away, oldest first, at most [`Intent::RETURNS`].
    pub returns: VecDeque<Return>,
    /// What updates made of hosted zones, by name; one whose last record went stays. At most [`DynamicZone::RECORDS`] records in all.
    pub dynamic: Vec<DynamicZone>,
    /// DNSSEC keys, by hosted zone and tag; at most [`ZoneKey::OF_A_ZONE`] each.
    pub zone_keys: Vec<ZoneKey>,
    /// What sources told of pools' endpoints, by pool; each is of a pool that has a source.
    pub sets: Vec<EndpointSet>,
    /// The newest requests and their outcomes, at most [`State::REQUESTS_KEPT`].
    pub requests: BTreeMap<RequestId, Answered>,
}

/// A request that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The entry that had the outcome.
    pub revision: Revision,
    /// [`crate::Command::digest`] of what was asked; none in checkpoints older than it.
    pub command: Option<Digest>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why an intent is not gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its estate has problems.
    #[error("its estate cannot be read: {0}")]
    Estate(Problems),
    /// A shift with another name than ours.
    #[error("it has a shift `{0}`, which is no name of ours")]
    Shift(ShiftId),
    /// Its routing controls and safety rules do not fit together.
    #[error("its control panels do not fit together: {0}")]
    Board(String),
    /// There is no number after it.
    #[error("its revision is the last one that there is")]
    Revision,
}

/// Orders shifts by the entry that began them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShiftKey(pub Revision);

impl ShiftKey {
    /// The key of the shift of this name; none if it is not of the form `shift-REVISION`.
    pub fn of(id: &ShiftId) -> Option<ShiftKey> {
        let number: u64 = id.as_str().strip_prefix("shift-")?.parse().ok()?;
        let key = ShiftKey(Revision(number));
        // `shift-07` and `shift-+7` are not names of ours.
        if key.id() == *id { Some(key) } else { None }
    }

    /// The name of the shift that this entry began.
    pub fn id(&self) -> ShiftId {
        ShiftId::new(&format!("shift-{}", self.0)).expect("letters, a hyphen and at most 20 digits")
    }
}

impl State {
    /// Shifts remembered, ended ones included; the oldest ended ones go first.
    pub const SHIFTS_KEPT: usize = 1_000;
    /// Active shifts at most.
    pub const SHIFTS_ACTIVE: usize = 200;
    /// Pins at most.
    pub const PINS: usize = 200;
    /// Marks of deployments at most.
    pub const DEPLOYMENTS: usize = 100;
    /// Practice configurations at most: every pool, record and region of the largest estate that anybody has shown us, and some.
    pub const PRACTICES: usize = 2_000;
    /// Alarms of all practice configurations together at most, so that the state has a size: two for each on average.
    pub const ALARMS_IN_ALL: usize = 4_000;
    /// Practice runs remembered of one resource, and as many that did not begin; the oldest go first.
    pub const PRACTICE_RECORDS_OF_ONE: usize = 10;
    /// Practice runs remembered in all, and as many that did not begin; the oldest go first.
    pub const PRACTICE_RECORDS: usize = 2_000;
    /// Break-glass acts remembered; the oldest go first.
    pub const BREAK_GLASS: usize = 64;
    /// Request ids remembered.
    pub const REQUESTS_KEPT: usize = 4_096;

    /// The practice run of this shift, as far as it is remembered.
    pub fn practice_record(&self, id: &ShiftId) -> Option<&PracticeRecord> {
        self.practice_history.iter().rev().find(|record| record.id == *id)
    }

    /// The shift of this name.
    pub fn shift(&self, id: &ShiftId) -> Option<&Shift> {
        self.shifts.get(&ShiftKey::of(id)?)
    }

    /// Active shifts, oldest first.
    pub fn active_shifts(&self) -> impl Iterator<Item = &Shift> {
        self.shifts.values().filter(|shift| shift.state == ShiftState::Active)
    }

    /// The earliest end of a shift, a pin or the mark of a deployment: when the next [`crate::Command::Expire`] is due.
    pub fn next_end(&self) -> Option<Timestamp> {
        let shifts = self.active_shifts().map(|shift| shift.ends_at);
        let marks = self.deployments.iter().map(|mark| mark.ends_at);
        shifts.chain(self.pins.iter().map(|pin| pin.ends_at)).chain(marks).min()
    }

    /// The state that goes on with what the nodes hold when the log that built it is lost: all of `intent`, one entry later.
    ///
    /// Who the estate is, every cluster, panel, routing control and safety rule, the acts in force, marks of deployments, what is told of break-glass acts, dynamic
    /// records, DNSSEC keys and what sources told stay.
    /// Ended shifts, requests that are repeated, tags, practice configurations, how runs went and autoshift settings are not in an intent, since no node
    /// obeys them; they are forgotten, which lets nothing happen that was not let before: autoshift is off.
    ///
    /// # Errors
    ///
    /// [`Unfit`]: what no log of ours can have built is not gone on with.
    pub fn going_on_with(intent: &Intent, stamp: Timestamp) -> Result<State, Unfit> {
        let estate = if intent.estate == EstateBundle::default() {
            None
        } else {
            Some(Arc::new(intent.read_estate().map_err(Unfit::Estate)?))
        };
        let mut shifts = BTreeMap::new();
        for shift in &intent.shifts {
            let key = ShiftKey::of(&shift.id).ok_or_else(|| Unfit::Shift(shift.id.clone()))?;
            shifts.insert(key, shift.clone());
        }
        check_board(intent)?;
        Ok(State {
            estate_id: intent.estate_id,
            board: intent.board.clone(),
            break_glass: newest(&intent.break_glass, State::BREAK_GLASS),
            returns: newest(&intent.returns, Intent::RETURNS),
            dynamic: intent.dynamic.clone(),
            zone_keys: intent.zone_keys.clone(),
            sets: intent.sets.clone(),
            revision: Revision(intent.revision.0.checked_add(1).ok_or(Unfit::Revision)?),
            stamp,
            bundle: intent.estate.clone(),
            estate,
            estate_revision: intent.estate_revision,
            shifts,
            pins: intent.pins.clone(),
            deployments: intent.deployments.clone(),
            ..State::default()
        })
    }

    /// What the data planes need of it.
    pub fn intent(&self) -> Intent {
        Intent {
            estate_id: self.estate_id,
            revision: self.revision,
            estate_revision: self.estate_revision,
            estate: self.bundle.clone(),
            shifts: self.active_shifts().cloned().collect(),
            pins: self.pins.clone(),
            deployments: self.deployments.clone(),
            controls: self.board.control_states(self.estate_id),
            board: self.board.without_tags(),
            returns: self.returns.iter().cloned().collect(),
            dynamic: self.dynamic.clone(),
            zone_keys: self.zone_keys.clone(),
            sets: self.sets.clone(),
            break_glass: self.break_glass.iter().cloned().collect(),
        }
    }
}

/// Whether everything on an intent's board is where it belongs.
fn check_board(intent: &Intent) -> Result<(), Unfit> {
    let board = &intent.board;
    let missing = |what: String| Err(Unfit::Board(what));
    for (id, cluster) in &board.clusters {
        if *id != cluster.id {
            return missing(format!("cluster {id} says that it is {}", cluster.id));
        }
    }
    for (id, panel) in &board.panels {
        if *id != panel.id || !board.clusters.contains_key(&panel.cluster) {
            return missing(format!("control panel {} is in no cluster", panel.name));
        }
    }
    for (id, control) in &board.controls {
        if *id != control.id || !board.panels.contains_key(&control.panel) {
            return missing(format!("routing control {} is in no panel", control.name));
        }
    }
    for (id, rule) in &board.rules {
        let is_here = |id| board.controls.get(id).is_some_and(|control| control.panel == rule.panel);
        let mut controls = rule.kind.counted().iter().chain(rule.kind.guarded());
        if *id != rule.id || !board.panels.contains_key(&rule.panel) || !controls.all(is_here) {
            return missing(format!("safety rule {} is over controls that are not in its panel", rule.name));
        }
    }
    Ok(())
}

fn newest<T: Clone>(list: &[T], count: usize) -> VecDeque<T> {
    list[list.len().saturating_sub(count)..].iter().cloned().collect()
}
