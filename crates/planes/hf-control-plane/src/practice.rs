//! Practice runs: begins those that are due by the week, watches over those under way, tells how they went.
//!
//! 1. Of several control nodes one acts ([`crate::teller`]); the ledger refuses the second. It looks every second, and only while its ledger is read
//!    and not behind, and its planes obey the estate in force.
//! 2. Before a run, weekly or on demand: no blocking alarm may be off its hook, nor an outcome alarm, and the zones that stay must carry what they
//!    would get ([`check_before`]). What is not known to be carried was never shown: that is what practice is for, so it does not hold a run up.
//! 3. What could not begin is one line in the journal and in the history for each reason (whatever its figures) and week, shown until a run begins, and
//!    tried again later. On demand it is one in the history at each try.
//! 4. While it runs: alarms and the load of the zones that stay, each second ([`hf_practice::judge`]). Time to zero and headroom are recorded with
//!    the word on it, and the headroom of the whole once the zone is back.
//!
//! Not here: when runs are due (`hf-practice`), their rules (`hf-control`), the arithmetic of loads (`hf-capacity`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_capacity::{Fit, WhatIf};
use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_control::{
    Command, Outcome, PracticeConfig, PracticeOutcome, PracticeRecord, PracticeRefusal, PracticeSeen,
    Refusal, Resource, Shift, ShiftKind, ShiftState,
};
use hf_ledger::JournalLine;
use hf_model::{Operator, RequestId, Share, ShiftId, Timestamp, ZoneId};
use hf_practice::{Due, Seen, Slots, due, judge};
use hf_snapshot::Snapshot;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::api::Context;
use crate::control::{Asker, Control, View};
use crate::lines::{DecisionLine, VERSION, encode};
use crate::observe::Observed;
use crate::teller::is_teller;

pub(crate) mod alarms;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// From a run's end until the zone counts as back.
const SETTLED: Duration = Duration::from_mins(2);
/// Beyond so long after its end nothing is recorded of a run any more.
const RECORDED: Duration = Duration::from_hours(1);

/// Runs that could not begin, for the API: why and when, by resource. No more of them than resources with a configuration.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<BTreeMap<Resource, HeldUp>>);

/// The last try of a resource that came to nothing, and what was told of such tries.
#[derive(Debug)]
struct HeldUp {
    at: Timestamp,
    why: String,
    told: [Option<(String, Timestamp)>; 2],
}

/// Where it is told that a run did not begin. Each has its own mark: the ledger may be away while the journal is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ToldIn {
    Journal,
    History,
}

impl Held {
    /// Why the last try of a resource came to nothing, and when that was.
    pub(crate) fn of(&self, resource: &Resource) -> Option<(Timestamp, String)> {
        self.with(|held| held.get(resource).map(|held| (held.at, held.why.clone())))
    }

    /// Takes a try that came to nothing.
    fn take(&self, resource: &Resource, now: Timestamp, why: &str) {
        let why = why.to_owned();
        self.with(|held| match held.get_mut(resource) {
            Some(held) => (held.at, held.why) = (now, why),
            None => {
                held.insert(resource.clone(), HeldUp { at: now, why, told: [None, None] });
            }
        });
    }

    /// Whether this reason was told there lately.
    fn is_told(&self, resource: &Resource, told: ToldIn, key: &str, now: Timestamp) -> bool {
        let is_same =
            |(known, at): &(String, Timestamp)| known == key && now.since(*at) < PracticeRefusal::SAME;
        self.with(|held| held.get(resource)?.told[told as usize].as_ref().map(is_same)).unwrap_or(false)
    }

    /// Notes that this reason was told there.
    fn told(&self, resource: &Resource, told: ToldIn, key: &str, now: Timestamp) {
        self.with(|held| {
            if let Some(held) = held.get_mut(resource) {
                held.told[told as usize] = Some((key.to_owned(), now));
            }
        });
    }

    /// Drops what is no longer so: of resources without a configuration, and of those that rehearsed since.
    fn keep(&self, view: &View) {
        self.with(|held| {
            held.retain(|resource, held| {
                let ran =
                    |record: &PracticeRecord| record.resource == *resource && record.started_at > held.at;
                view.practices.contains_key(resource) && !view.practice_history.iter().any(ran)
            });
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<Resource, HeldUp>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why a run does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// An alarm is off its hook.
    Alarm(String),
    /// Zones that stay could not carry it: what the outcome "capacity check failed" stands for.
    Capacity {
        /// Which.
        zones: Vec<ZoneId>,
        /// By how much, at this moment.
        why: String,
    },
}

impl NotBegun {
    /// The reason without the figures of the moment: tries for the same one are told once.
    fn key(&self) -> String {
        match self {
            NotBegun::Alarm(why) => why.clone(),
            NotBegun::Capacity { zones, .. } => {
                let zones: Vec<&str> = zones.iter().map(ZoneId::as_str).collect();
                format!("capacity of {}", zones.join(", "))
            }
        }
    }
}

impl std::fmt::Display for NotBegun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotBegun::Alarm(why) => f.write_str(why),
            NotBegun::Capacity { why, .. } => write!(f, "capacity check failed: {why}"),
        }
    }
}

/// Whether a run may begin, and the headroom that would be left.
pub(crate) fn check_before(
    context: &Context,
    observed: &Observed,
    snapshot: &Snapshot,
    (resource, config): (&Resource, &PracticeConfig),
    zone: ZoneIx,
) -> Result<Option<Share>, NotBegun> {
    let alarms = alarms::Alarms::new(snapshot);
    for (what, names) in [("blocking", &config.blocking_alarms), ("outcome", &config.outcome_alarms)] {
        let gone_off = alarms.gone_off(names);
        if !gone_off.is_empty() {
            return Err(NotBegun::Alarm(format!("{what} alarm {} has gone off", gone_off.join(", "))));
        }
    }
    let found = what_if(context, observed, snapshot, resource, zone);
    let words = found.beyond_now().map(|zone| {
        let after = zone.now.map_or(0, |now| now.after) / 1_000;
        let carries = zone.capacity.map_or(0, |capacity| capacity.load) / 1_000;
        let id = &snapshot.estate.zone(zone.zone).id;
        format!("{id} would get {after} requests a second and carries {carries}")
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        Ok(found.headroom_now())
    } else {
        let zones = found.beyond_now().map(|zone| snapshot.estate.zone(zone.zone).id.clone()).collect();
        Err(NotBegun::Capacity { zones, why: words.join(", ") })
    }
}

/// Whether a refusal says something of the moment, so that it belongs into the history; the others say that nothing of the kind can be.
pub(crate) fn is_of_the_moment(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::PracticeClosed { .. }
            | Refusal::AlreadyShifted { .. }
            | Refusal::OtherZoneShifted { .. }
            | Refusal::AutoshiftActive { .. }
            | Refusal::Floor { .. }
            | Refusal::TooMany { .. }
    )
}

/// Puts into the history that a run did not begin; whether it is there. The run was refused in any case: a ledger that cannot take this one changes nothing about it.
pub(crate) async fn record_refused(
    control: &Control,
    by: impl Into<Asker>,
    resource: Resource,
    zone: ZoneId,
    why: String,
) -> bool {
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    let request = RequestId::new(&format!("held-{number:032x}")).expect("letters, a hyphen and digits");
    let told = resource.to_string();
    let command = Command::RecordPracticeRefusal { resource, zone, why };
    match control.submit(by, request, command).await {
        Ok(Outcome::Done { .. }) => true,
        Ok(Outcome::Refused(refusal)) => {
            warn!(resource = told, %refusal, "that a practice run did not begin is not in the history");
            false
        }
        Err(error) => {
            warn!(resource = told, %error, "that a practice run did not begin is not in the history");
            false
        }
    }
}

/// What would happen if a zone went, for what rehearses alone.
fn what_if(
    context: &Context,
    observed: &Observed,
    snapshot: &Snapshot,
    resource: &Resource,
    zone: ZoneIx,
) -> WhatIf {
    let estate = &snapshot.estate;
    let only: Option<BTreeSet<PoolIx>> = match resource {
        Resource::Region(_) => None,
        Resource::Pool(name) => Some(estate.pool_named(name).into_iter().collect()),
        Resource::Record(name) => Some(estate.pools_behind(name)),
    };
    crate::capacity::ask_of(context, snapshot, &observed.rates(), &[zone].into(), only.as_ref())
}

/// Begins, watches and tells until a stop is announced.
pub(crate) async fn run(
    context: &Context,
    observed: &Observed,
    held: &Held,
    mut shutdown: watch::Receiver<bool>,
) {
    let Some(control) = context.control.clone() else { return stopped(&mut shutdown).await };
    let mut runs = Runs::new(context, observed, held, control);
    loop {
        runs.turn().await;
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What one control node keeps of practice runs between its looks.
pub(crate) struct Runs<'a> {
    context: &'a Context,
    observed: &'a Observed,
    held: &'a Held,
    control: Control,
    slots: Slots,
    tried: BTreeMap<Resource, Timestamp>,
    /// The least headroom seen of each run under way.
    during: BTreeMap<ShiftId, Option<Share>>,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(
        context: &'a Context,
        observed: &'a Observed,
        held: &'a Held,
        control: Control,
    ) -> Runs<'a> {
        let (tried, during) = (BTreeMap::new(), BTreeMap::new());
        Runs { context, observed, held, control, slots: Slots::default(), tried, during }
    }

    /// One look.
    pub(crate) async fn turn(&mut self) {
        if !self.control.is_read() || self.control.behind().is_some() || !is_teller(self.context) {
            return;
        }
        let Some(snapshot) = self.context.snapshot() else { return };
        let (view, intent) = (self.control.view(), self.control.intent().borrow().clone());
        if snapshot.intent.estate_revision != intent.estate_revision {
            return; // the planes are about to take the estate up
        }
        self.tried.retain(|resource, _| view.practices.contains_key(resource));
        self.held.keep(&view);
        for shift in intent.shifts.iter().filter(|shift| is_run(shift)) {
            self.watch(&view, &snapshot, shift).await;
        }
        self.during.retain(|id, _| intent.shifts.iter().any(|shift| shift.id == *id));
        self.record_ended(&view, &snapshot).await;
        self.begin_due(&view, &snapshot, &intent.shifts).await;
    }

    async fn begin_due(&mut self, view: &View, snapshot: &Snapshot, shifts: &[Shift]) {
        if view.practices.is_empty() {
            return;
        }
        let history: Vec<&PracticeRecord> = view.practice_history.iter().collect();
        let found = due(
            &hf_practice::Inputs {
                estate: &snapshot.estate,
                practices: &view.practices,
                history: &history,
                shifts,
                tried: &self.tried,
                now: self.control.time(),
            },
            &mut self.slots,
        );
        for due in found {
            self.begin(view, snapshot, &due).await;
        }
    }

    async fn begin(&mut self, view: &View, snapshot: &Snapshot, due: &Due) {
        let Some(practice) = view.practices.get(&due.resource) else { return };
        let of = (&due.resource, &practice.config);
        let zone = &snapshot.estate.zone(due.zone).id;
        let headroom = match check_before(self.context, self.observed, snapshot, of, due.zone) {
            Ok(headroom) => headroom,
            Err(why) => return self.not_begun(&due.resource, zone, &why.to_string(), &why.key()).await,
        };
        let command = Command::StartPractice {
            resource: due.resource.clone(),
            zone: zone.clone(),
            reason: format!("the weekly practice run of {}", due.resource),
        };
        match self.submit(command).await {
            Ok(Some(shift)) => {
                info!(resource = %due.resource, %zone, id = %shift.id, "a practice run began");
                self.tried.remove(&due.resource);
                self.held.with(|held| held.remove(&due.resource));
                let seen = PracticeSeen { headroom_before: headroom, ..PracticeSeen::default() };
                self.record(&shift.id, seen).await;
            }
            Ok(None) => {}
            Err(why) => self.not_begun(&due.resource, zone, &why, &why).await,
        }
    }

    /// Tells once for each reason and week, and waits for the next try. What the ledger did not take is told it again at the next one.
    async fn not_begun(&mut self, resource: &Resource, zone: &ZoneId, why: &str, key: &str) {
        let now = self.control.time();
        self.tried.insert(resource.clone(), now);
        self.held.take(resource, now, why);
        let key = format!("{zone}: {key}");
        if !self.held.is_told(resource, ToldIn::Journal, &key, now) {
            self.journal_not_begun(resource, zone, why, now).await;
            self.held.told(resource, ToldIn::Journal, &key, now);
        }
        if !self.held.is_told(resource, ToldIn::History, &key, now) {
            let by = Operator::new(&format!("practice of {}", self.context.node));
            let why = why.to_owned();
            if record_refused(&self.control, by, resource.clone(), zone.clone(), why).await {
                self.held.told(resource, ToldIn::History, &key, now);
            }
        }
    }

    async fn journal_not_begun(&self, resource: &Resource, zone: &ZoneId, why: &str, now: Timestamp) {
        let text = format!("the weekly practice run of {resource} out of {zone} did not begin");
        warn!(why, "{text}");
        let line = DecisionLine {
            version: VERSION,
            at_ms: now.0,
            by: self.context.node.to_string(),
            revision: self.context.intent().revision.0,
            text,
            why: why.to_owned(),
            suppressed: false,
            act: false,
            warning: true,
            notice: Some(hf_config::node::NoticeKind::PracticeRefused.as_str().to_owned()),
        };
        let line = JournalLine { revision: None, bytes: encode(&line) };
        if let Err(error) = self.context.journal.append(vec![line]).await {
            warn!(%error, "that a practice run did not begin is missing in the journal");
        }
    }

    /// Looks at a run that is under way, and ends it when there is a word on it.
    async fn watch(&mut self, view: &View, snapshot: &Snapshot, shift: &Shift) {
        let Some(record) = view.practice_history.iter().rev().find(|record| record.id == shift.id) else {
            return;
        };
        let config = view.practices.get(&record.resource).map(|practice| &practice.config);
        let zones = self.staying(snapshot, shift);
        let least = self.during.entry(shift.id.clone()).or_default();
        let headroom = zones.iter().filter_map(|zone| zone.headroom).min();
        *least = [*least, headroom].into_iter().flatten().min();
        let headroom_during = *least;
        let overloaded: Vec<&str> =
            zones.iter().filter(|zone| zone.is_overloaded).map(|zone| zone.words.as_str()).collect();
        let alarms = alarms::Alarms::new(snapshot);
        let gone_off =
            |names: Option<&Vec<String>>| names.map_or_else(Vec::new, |names| alarms.gone_off(names));
        let seen = Seen {
            outcome_alarms: gone_off(config.map(|config| &config.outcome_alarms)),
            blocking_alarms: gone_off(config.map(|config| &config.blocking_alarms)),
            overloaded: (!overloaded.is_empty()).then(|| overloaded.join(", ")),
        };
        let Some(judged) = judge(&seen, shift.ends_at, self.control.time().plus(LOOK)) else {
            return;
        };
        let seen = PracticeSeen {
            time_to_zero_ms: self.time_to_zero(shift),
            headroom_during,
            ..PracticeSeen::default()
        };
        let (id, outcome, why) = (shift.id.clone(), judged.outcome, judged.why);
        match self.submit(Command::EndPractice { id, outcome, seen, why: why.clone() }).await {
            Ok(_) if outcome == PracticeOutcome::Succeeded => {
                info!(resource = %record.resource, zone = %shift.zone, "a practice run succeeded");
            }
            Ok(_) => {
                warn!(resource = %record.resource, zone = %shift.zone, %outcome, why, "a practice run was ended");
            }
            // Tried again at the next look; the ledger ends it in any case.
            Err(why) => warn!(id = %shift.id, why, "a practice run could not be ended"),
        }
    }

    /// What is known only once the zone is back.
    async fn record_ended(&mut self, view: &View, snapshot: &Snapshot) {
        let now = self.control.time();
        let is_back = |record: &&PracticeRecord| {
            let ended = record.ended_at.filter(|_| record.seen.headroom_after.is_none());
            ended.is_some_and(|ended| now >= ended.plus(SETTLED) && now < ended.plus(RECORDED))
        };
        let ended: Vec<ShiftId> =
            view.practice_history.iter().filter(is_back).map(|record| record.id.clone()).collect();
        if ended.is_empty() {
            return;
        }
        let capacities = self.context.carried.capacities(&snapshot.estate);
        let Some(load) = crate::capacity::load_now(&snapshot.estate, &self.observed.rates()) else { return };
        let zones = zones_now(&snapshot.estate, &capacities, &load);
        let Some(headroom) = zones.iter().filter_map(|zone| zone.headroom).min() else { return };
        for id in ended {
            let shift = view.shifts.iter().find(|shift| shift.id == id);
            let seen = PracticeSeen {
                time_to_zero_ms: shift.and_then(|shift| self.time_to_zero(shift)),
                headroom_after: Some(headroom),
                ..PracticeSeen::default()
            };
            self.record(&id, seen).await;
        }
    }

    /// The zones that stay while a run is under way, as loaded as they are.
    fn staying(&self, snapshot: &Snapshot, shift: &Shift) -> Vec<ZoneNow> {
        let estate = &snapshot.estate;
        let Some(load) = crate::capacity::load_now(estate, &self.observed.rates()) else { return Vec::new() };
        let left = estate.zone_named(&shift.zone);
        let zones = zones_now(estate, &self.context.carried.capacities(estate), &load);
        zones.into_iter().filter(|zone| Some(zone.zone) != left).collect()
    }

    fn time_to_zero(&self, shift: &Shift) -> Option<u64> {
        let found = self.observed.time_to_zero(self.context, shift);
        if found.measurable && found.measured { found.last_new_request_ms } else { None }
    }

    async fn record(&self, id: &ShiftId, seen: PracticeSeen) {
        if seen == PracticeSeen::default() {
            return;
        }
        if let Err(why) = self.submit(Command::RecordPractice { id: id.clone(), seen }).await {
            warn!(%id, why, "what was seen of a practice run is not in the ledger");
        }
    }

    async fn submit(&self, command: Command) -> Result<Option<Shift>, String> {
        let number = u128::from_le_bytes(hf_clock::random_bytes());
        let request =
            RequestId::new(&format!("practice-{number:032x}")).expect("letters, a hyphen and digits");
        let by = Operator::new(&format!("practice of {}", self.context.node));
        match self.control.submit(by, request, command).await {
            Ok(Outcome::Done { shift, .. }) => Ok(shift),
            Ok(Outcome::Refused(refusal)) => Err(refusal.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A zone as loaded as it is.
struct ZoneNow {
    zone: ZoneIx,
    headroom: Option<Share>,
    is_overloaded: bool,
    words: String,
}

fn zones_now(
    estate: &Estate,
    capacities: &hf_capacity::Capacities,
    load: &hf_capacity::Load,
) -> Vec<ZoneNow> {
    let of = |zone: ZoneIx| {
        let capacity = capacities.zones.get(&zone).copied();
        let load: u64 = load.iter().filter(|((_, at), _)| *at == zone).map(|(_, load)| *load).sum();
        let (has, carries) = (load / 1_000, capacity.map_or(0, |capacity| capacity.load) / 1_000);
        ZoneNow {
            zone,
            headroom: hf_capacity::headroom(capacity, load),
            is_overloaded: capacity.is_some_and(|capacity| capacity.fit(load) == Fit::Beyond),
            words: format!("{} has {has} requests a second and carries {carries}", estate.zone(zone).id),
        }
    };
    estate.zone_indexes().map(of).collect()
}

fn is_run(shift: &Shift) -> bool {
    shift.kind == ShiftKind::Practice && shift.state == ShiftState::Active
}

#[cfg(test)]
mod tests;
