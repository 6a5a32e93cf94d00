//! The rules of the cluster, checked against the truth and by second counts.
//!
//! Not here: the history (`hf-history`), agreement at the end of a phase (`phases`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::estate::Estate;
use hf_control::{Board, Command, Intent, Outcome, RuleKind, SafetyRule};
use hf_decide::Reason;
use hf_model::{ControlId, Digest, RequestId, Revision, ShiftId, Switch, Timestamp};
use hf_snapshot::Snapshot;

use super::event::Caller;
use super::plan::{CLIENTS, TELLERS};
use super::store::Put;
use super::updates::KnownUpdates;
use super::world::World;

/// How long something may stay in force past its end while a control node could end it.
pub const DUE_MS: u64 = 30_000;

/// What the checks remember.
#[derive(Debug, Default)]
pub struct Known {
    /// Rules that a request names.
    pub overrides: BTreeMap<RequestId, BTreeSet<String>>,
    /// Requests under other names: only with a planted mistake.
    pub aliases: BTreeMap<RequestId, RequestId>,
    /// The first answer of every operation.
    answers: BTreeMap<(usize, u64), Outcome>,
    /// When each control was last turned, by the stamps of the entries.
    turned: BTreeMap<ControlId, Timestamp>,
    /// Which endpoints serve, by revision.
    serving: BTreeMap<u64, Vec<bool>>,
    /// What is known of dynamic updates.
    pub updates: KnownUpdates,
    /// Shifts that tellers began.
    autoshifts: BTreeSet<ShiftId>,
    /// Estates that were read, by what they are read from.
    estates: BTreeMap<Digest, Arc<Estate>>,
    /// The newest revision a while before control went: it is known everywhere then.
    pub marked: u64,
}

impl World {
    /// An entry was committed: every safety rule holds, unless its sender named it, and never two zones are away by autoshifts.
    pub fn committed(&mut self, put: &Put) -> Result<(), String> {
        self.seen.entries += 1;
        let revision = self.store.newest();
        self.check_never_two(put)?;
        self.check_update(put)?;
        self.trace.fold(revision);
        let request = self.known.aliases.get(&put.entry.request).unwrap_or(&put.entry.request);
        let none = BTreeSet::new();
        let overrides = self.known.overrides.get(request).unwrap_or(&none);
        let (before, after) = (&put.before, &self.store.shadow.board);
        let stamp = self.store.shadow.stamp;
        let turned: Vec<ControlId> = after
            .controls
            .values()
            .filter(|control| before.controls.get(&control.id).is_some_and(|old| old.to != control.to))
            .map(|control| control.id)
            .collect();
        for rule in after.rules.values().filter(|rule| !overrides.contains(rule.name.as_str())) {
            let touched: Vec<&ControlId> =
                rule.kind.guarded().iter().filter(|control| turned.contains(control)).collect();
            if touched.is_empty() {
                continue;
            }
            let (name, board, when) = match rule.kind {
                RuleKind::Assert { .. } => ("assertion rule", after, "after"),
                RuleKind::Gate { .. } => ("gating rule", before, "before"),
            };
            if !holds(rule, board) {
                return Err(format!(
                    "{name} {} does not hold {when} revision {revision}: {}",
                    rule.name, put.entry.command
                ));
            }
            let is_early = |control: &&ControlId| {
                let last = self.known.turned.get(control);
                last.is_some_and(|last| stamp.since(*last) < rule.wait_period)
            };
            if rule.kind.guarded().iter().find(is_early).is_some() {
                return Err(format!(
                    "safety rule {} waits {:?}, and revision {revision} turns its controls before that: {}",
                    rule.name, rule.wait_period, put.entry.command
                ));
            }
        }
        if !turned.is_empty() {
            self.seen.turned += 1;
        }
        for control in turned {
            self.known.turned.insert(control, stamp);
        }
        Ok(())
    }

    /// Autoshifts are counted by who asked for them, and zones by their region's letter: whatever the ledger calls them.
    fn check_never_two(&mut self, put: &Put) -> Result<(), String> {
        let revision = self.store.newest();
        if matches!(put.entry.command, Command::StartAutoshift { .. }) || is_of_teller(&put.entry.request) {
            match self.store.outcomes.get(&revision) {
                Some(Outcome::Done { shift: Some(shift), .. }) if shift.revision.0 == revision => {
                    self.seen.autoshifts += u64::from(self.known.autoshifts.insert(shift.id.clone()));
                }
                Some(Outcome::Refused(_)) => self.seen.autoshifts_refused += 1,
                _ => {}
            }
        }
        let active = self.store.shadow.active_shifts();
        let ours = active.filter(|shift| self.known.autoshifts.contains(&shift.id));
        let zones: BTreeSet<(Option<char>, &str)> =
            ours.map(|shift| (shift.zone.as_str().chars().next(), shift.zone.as_str())).collect();
        let is_twice = |(one, two): (&(Option<char>, &str), &(Option<char>, &str))| one.0 == two.0;
        if zones.iter().zip(zones.iter().skip(1)).any(is_twice) {
            return Err(format!(
                "two zones of a region are away by autoshifts at revision {revision}: {zones:?}"
            ));
        }
        Ok(())
    }

    /// A zone that an autoshift keeps away is the only one of its region that is away from the pool, but for health and practice.
    pub fn check_autoshifts(news: &Snapshot) -> Result<(), String> {
        for pool in &news.decision.pools {
            let is_ours = |reason: &Reason| matches!(reason, Reason::Autoshift { .. });
            let is_act = |reason: &Reason| {
                matches!(
                    reason,
                    Reason::Autoshift { .. }
                        | Reason::Shifted { .. }
                        | Reason::PinnedOut { .. }
                        | Reason::ControlOff { .. }
                        | Reason::BreakGlass { .. }
                )
            };
            for ours in pool.zones.iter().filter(|zone| is_ours(&zone.reason)) {
                let region = news.estate.zone(ours.zone).region;
                let other = pool.zones.iter().find(|zone| {
                    zone.zone != ours.zone
                        && news.estate.zone(zone.zone).region == region
                        && is_act(&zone.reason)
                });
                if let Some(other) = other {
                    let id = |zone| &news.estate.zone(zone).id;
                    return Err(format!(
                        "{} is away by an autoshift while {} is away, too: {}",
                        id(ours.zone),
                        id(other.zone),
                        other.reason
                    ));
                }
            }
        }
        Ok(())
    }

    /// A control node has applied an entry: with the outcome that it has.
    pub fn applied(&mut self, at: usize, outcome: &Outcome, revision: Revision) -> Result<(), String> {
        match self.store.outcomes.get(&revision.0) {
            Some(truth) if truth == outcome => Ok(()),
            truth => {
                Err(format!("control-{at} has {outcome:?} at revision {revision}, committed was {truth:?}"))
            }
        }
    }

    /// What a control node says is what was committed. Answers the committed one, so that equal ones are one.
    pub fn check_intent(&self, at: usize, said: &Intent) -> Result<Arc<Intent>, String> {
        match self.store.truth.get(&said.revision.0) {
            Some(truth) if **truth == *said => Ok(truth.clone()),
            _ => Err(format!(
                "control-{at} is in another state at revision {} than was committed",
                said.revision
            )),
        }
    }

    /// All of a control node's state, when it is at the newest revision.
    pub fn check_whole(&self, at: usize) -> Result<(), String> {
        let Some(running) = &self.members[at].running else { return Ok(()) };
        let state = running.replica.state();
        if state.revision == self.store.shadow.revision && *state != self.store.shadow {
            return Err(format!(
                "control-{at} is in another state at revision {} than was committed",
                state.revision
            ));
        }
        Ok(())
    }

    /// An answer tells of what the ledger has, and the same as before.
    pub fn check_answer(&mut self, caller: Caller, outcome: &Outcome) -> Result<(), String> {
        let Caller { client, operation } = caller;
        if let Outcome::Done { revision, .. } = outcome
            && self.store.outcomes.get(&revision.0) != Some(outcome)
        {
            return Err(format!(
                "client-{client} was answered {outcome:?} to its operation {operation}, and the ledger has {:?} there",
                self.store.outcomes.get(&revision.0)
            ));
        }
        let first = self.known.answers.entry((client, operation)).or_insert_with(|| outcome.clone());
        if first == outcome {
            Ok(())
        } else {
            Err(format!(
                "client-{client} was answered {first:?} to its operation {operation} and then {outcome:?}"
            ))
        }
    }

    /// A plane's new snapshot: nothing goes back, nothing is invented, and all planes serve the same at one revision.
    pub fn check_snapshot(
        &mut self,
        at: usize,
        before: Option<&Snapshot>,
        news: &Arc<Snapshot>,
        wall: Timestamp,
    ) -> Result<(), String> {
        self.seen.snapshots += 1;
        let revision = news.intent.revision.0;
        World::check_autoshifts(news).map_err(|what| format!("plane-{at}, revision {revision}: {what}"))?;
        self.trace.fold(revision ^ (at as u64) << 32);
        if let Some(before) = before
            && (before.intent.revision > news.intent.revision || before.number >= news.number)
        {
            return Err(format!(
                "plane-{at} goes back from revision {} to {revision}",
                before.intent.revision
            ));
        }
        match self.store.truth.get(&revision) {
            Some(truth) if Arc::ptr_eq(truth, &news.intent) || **truth == *news.intent => {}
            _ => return Err(format!("plane-{at} obeys a revision {revision} that was not committed so")),
        }
        let pools = news.decision.pools.iter();
        let serving: Vec<bool> = pools.flat_map(|pool| pool.endpoints.iter().map(|of| of.serves)).collect();
        if !serving.contains(&true) {
            return Err(format!("plane-{at} serves nothing at revision {revision}"));
        }
        match self.known.serving.get(&revision) {
            Some(first) if *first == serving => Ok(()),
            Some(first) => {
                Err(format!("plane-{at} serves {serving:?} at revision {revision}, others {first:?}"))
            }
            None => {
                self.known.serving.insert(revision, serving);
                self.check_answers(&format!("plane-{at}"), news)?;
                crate::check::decision::check(news, wall)
                    .map_err(|what| format!("revision {revision}: {what}"))
            }
        }
    }

    /// Once a second: what is due has been ended, if a control node was able to for long enough.
    pub fn check_due(&mut self) -> Result<(), String> {
        let now_ms = self.now_ms;
        for at in 0..self.members.len() {
            let has_quorum = self.reach.has_quorum(at);
            let member = &mut self.members[at];
            // It counts from when it has read all, and takes changes.
            let is_able = has_quorum
                && now_ms >= member.paused_until_ms
                && member.running.as_ref().is_some_and(|running| running.is_able(now_ms));
            if !is_able {
                member.able_since_ms = None;
                continue;
            }
            let since = *member.able_since_ms.get_or_insert(now_ms);
            let is_odd =
                self.plan.faults.slow || self.plan.faults.lost_answers || self.plan.faults.late_watch;
            let patience = if is_odd { 3 * DUE_MS } else { DUE_MS };
            if since + patience > now_ms {
                continue;
            }
            let wall = Timestamp(member.clock.wall(now_ms).0 - patience);
            if let Some(end) = self.store.shadow.next_end().filter(|end| *end <= wall) {
                return Err(format!(
                    "something was due at {} and is in force at {}, and control-{at} could have ended it for {patience} ms",
                    end.0, wall.0
                ));
            }
        }
        Ok(())
    }

    /// An estate, read once.
    pub fn estate_of(&mut self, intent: &Intent) -> Result<Arc<Estate>, String> {
        let digest = intent.estate_digest();
        if let Some(estate) = self.known.estates.get(&digest) {
            return Ok(estate.clone());
        }
        let read = intent.read_estate().map_err(|problems| problems.to_string())?;
        Ok(self.known.estates.entry(digest).or_insert_with(|| Arc::new(read)).clone())
    }
}

/// Whether a teller asked: they come after the operator.
fn is_of_teller(request: &RequestId) -> bool {
    let client =
        request.as_str().strip_prefix("client-").and_then(|rest| rest.split('-').next()?.parse().ok());
    client.is_some_and(|client: usize| (CLIENTS + 1..=CLIENTS + TELLERS).contains(&client))
}

/// Whether enough of the controls that a rule counts are on: our own count.
fn holds(rule: &SafetyRule, board: &Board) -> bool {
    use hf_config::estate::Enough;
    let counted = rule.kind.counted();
    let is_on = |id: &&ControlId| board.controls.get(id).is_some_and(|control| control.to == Switch::On);
    let on = counted.iter().filter(is_on).count();
    let is_enough = match rule.test.on {
        Enough::AtLeast(least) => on >= usize::from(least),
        Enough::All => on >= counted.len(),
        Enough::Any => on >= 1,
    };
    is_enough != rule.test.inverted
}
