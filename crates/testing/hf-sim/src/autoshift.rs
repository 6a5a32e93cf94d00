//! Autoshifts of the control node, as `hf_control_plane::autoshift` looks and acts; and the rule that each of them has a zone that fails.
//!
//! 1. Evidence is health by quorum alone: no traffic is simulated, so the detector has no word (`hf-gray-suite` is its world).
//! 2. One thing at a time is asked of the ledger; what it refused is asked again after [`AGAIN_MS`], what it did not answer at once, under the
//!    same name.
//! 3. Who dies forgets what it counted and what it asked.
//! 4. A zone is left only where [`MOST`] thirds of its endpoints have failed within [`WITHIN_BEATS`]: were down, hidden from somebody's checker, or behind
//!    cut links for two zones that reached others, or the control node. Never because one zone did not reach it, nor because tables were old, late
//!    or lost.
//!
//! Not here: the decision (`hf-autoshift`), who of several control nodes acts (`cluster`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use hf_autoshift::{Inputs, LENGTH, Observers, Watch, Word};
use hf_config::estate::{Estate, ZoneIx};
use hf_config::node::Role;
use hf_control::{Autoshift, Command, Expect, Outcome, PracticeConfig, Resource};
use hf_health::{Verdict, Verdicts};
use hf_model::{RequestId, Timestamp, ZoneId};

use crate::Plant;
use crate::check::FRESH_BEATS;
use crate::control::{Done, Job};
use crate::world::World;

/// The pool that may be shifted by itself.
const RESOURCE: &str = "pool/web";
/// Until what the ledger refused is asked again.
const AGAIN_MS: u64 = 30_000;
/// Thirds of a zone's endpoints that must have failed: the evidence is two.
const MOST: usize = 2;
/// Beats that a failure may be old when a zone is left for it: three probes, until it is known that it is over; four that a slow link holds the
/// table back; three in which a lost one counts on; three looks in a row.
const WITHIN_BEATS: u64 = 13;

/// What the control node remembers of its looks, and what is true.
#[derive(Debug, Default)]
pub struct Autoshifts {
    /// Whether there are any in this run.
    pub are_on: bool,
    /// Of which life of the control node the rest is.
    life: u64,
    watch: Watch,
    asked: Option<(RequestId, Command)>,
    /// Whether the ledger has it, and has not answered.
    is_waiting: bool,
    refused: Option<(Word, u64)>,
    count: u64,
    truth: Truth,
}

/// By the zone that looked and the endpoint, when that was last.
#[derive(Debug, Default)]
struct Truth {
    /// It was down, or hidden from that checker.
    failed_ms: BTreeMap<(usize, SocketAddr), u64>,
    /// The link to its zone was cut, and those to another one or to the control node were not.
    cut_ms: BTreeMap<(usize, SocketAddr), u64>,
}

/// Why an endpoint gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It was down, or hidden.
    Failed,
    /// The link was cut.
    Cut,
}

impl World {
    /// What gave no answer to the checker of a zone, in which zone it is, and which zones other than its own gave one in the same round.
    pub fn remember_missed(
        &mut self,
        by: usize,
        missed: Vec<(SocketAddr, usize, Missed)>,
        answered: &BTreeSet<usize>,
    ) {
        let reaches_control = !self.net.is_cut(by + 1, 0) && !self.net.is_cut(0, by + 1);
        for (address, place, why) in missed {
            let truth = &mut self.shifter.truth;
            match why {
                Missed::Failed => truth.failed_ms.insert((by, address), self.now_ms),
                Missed::Cut if reaches_control || answered.iter().any(|zone| *zone != place) => {
                    truth.cut_ms.insert((by, address), self.now_ms)
                }
                Missed::Cut => None,
            };
        }
    }

    /// The control node looks, on its beat.
    pub fn look_for_autoshifts(&mut self) -> Result<(), String> {
        let Some(life) = self.life(0).filter(|_| self.shifter.are_on) else { return Ok(()) };
        if self.shifter.life != life {
            let (count, truth) = (self.shifter.count, std::mem::take(&mut self.shifter.truth));
            self.shifter = Autoshifts { are_on: true, life, count, truth, ..Autoshifts::default() };
        }
        if self.shifter.is_waiting {
            return Ok(());
        }
        if let Some((request, command)) = self.shifter.asked.clone() {
            return self.put_before_ledger(request, command);
        }
        let resource: Resource = RESOURCE.parse().expect("a resource");
        let Some(writer) = &self.control.writer else { return Ok(()) };
        if writer.state.estate.is_none() {
            return Ok(());
        }
        match writer.state.practices.get(&resource).map(|practice| practice.autoshift) {
            Some(Autoshift::Enabled) => {}
            Some(_) => return self.ask_ledger(Command::SetAutoshift { resource, to: Autoshift::Enabled }),
            None => {
                let outcome_alarms = vec!["errors-high".to_owned()];
                let config = PracticeConfig { outcome_alarms, ..PracticeConfig::default() };
                return self.ask_ledger(Command::PutPractice { resource, config, expect: Expect::Any });
            }
        }
        let Some(word) = self.word_on(&resource) else {
            self.shifter.watch = Watch::default();
            return Ok(());
        };
        let command = match word.clone() {
            Word::Start { zone, evidence } => {
                self.check_failed(&zone, &evidence)?;
                Command::StartAutoshift { resource, zone, length: LENGTH, reason: evidence }
            }
            Word::Renew { id, why, .. } => Command::RenewAutoshift { id, length: LENGTH, reason: why },
            Word::End { id, why, .. } => Command::EndAutoshift { id, reason: why },
            _ => return Ok(()),
        };
        let is_early =
            |(refused, until_ms): &(Word, u64)| refused.kind() == word.kind() && self.now_ms < *until_ms;
        if self.shifter.refused.as_ref().is_some_and(is_early) {
            return Ok(());
        }
        self.shifter.refused = Some((word, 0));
        self.ask_ledger(command)
    }

    /// None while the control node does not know what it looks at.
    fn word_on(&mut self, resource: &Resource) -> Option<Word> {
        let (now, beat) = (self.wall(0), Duration::from_millis(self.plan.beat_ms));
        let intent = self.control.intent()?;
        let plant = self.plant;
        let running = self.nodes[0].running.as_ref()?;
        let snapshot = running.snapshot.clone()?;
        if running.hub.beyond_ledger().is_some() || snapshot.intent.estate_revision != intent.estate_revision
        {
            return None;
        }
        let reports = running.hub.reports();
        let is_heard = |received_at: Timestamp| now.since(received_at) <= beat * 3;
        let sees = |roles: &[Role]| roles.contains(&Role::Checker) || roles.contains(&Role::Balancer);
        let heard = reports.values().filter(|heard| is_heard(heard.received_at) && sees(&heard.report.roles));
        let zones: BTreeSet<ZoneId> = heard.filter_map(|heard| heard.report.zone.clone()).collect();
        let own = reports.get(&self.nodes[0].config.id);
        let hears_itself = own.is_some_and(|own| is_heard(own.received_at));
        let problem = (!hears_itself).then(|| "this node has not heard of itself".to_owned());
        let verdicts = match plant {
            Some(Plant::OneWordEvacuates) => one_word(running, &snapshot.estate, &snapshot.verdicts),
            _ => snapshot.verdicts.clone(),
        };
        let writer = self.control.writer.as_ref()?;
        let history: Vec<_> = writer.state.shifts.values().cloned().collect();
        let seen = self.shifter.watch.look(Inputs {
            estate: &snapshot.estate,
            settings: &writer.state.practices,
            intent: &intent,
            history: &history,
            gray: &BTreeMap::new(),
            verdicts: &verdicts,
            observers: &Observers { zones, problem },
            now,
            clock: now,
        });
        seen.into_iter().find(|seen| seen.resource == *resource).map(|seen| seen.word)
    }

    fn ask_ledger(&mut self, command: Command) -> Result<(), String> {
        self.shifter.count += 1;
        let request =
            RequestId::new(&format!("autoshift-{}", self.shifter.count)).expect("letters and digits");
        self.say(&format!("{request}: {command}"));
        self.put_before_ledger(request, command)
    }

    fn put_before_ledger(&mut self, request: RequestId, command: Command) -> Result<(), String> {
        self.shifter.asked = Some((request.clone(), command.clone()));
        self.shifter.is_waiting = self.control.submit(Job { request, command });
        self.begin_append()
    }

    /// The ledger has answered, or said that it cannot.
    pub fn autoshift_answered(&mut self, done: &Done) {
        let Some((_, command)) = self.shifter.asked.take_if(|(request, _)| *request == done.request) else {
            return;
        };
        self.shifter.is_waiting = false;
        match &done.outcome {
            None => self.shifter.asked = Some((done.request.clone(), command)),
            Some(Outcome::Refused(refusal)) => {
                let again_ms = self.now_ms + AGAIN_MS;
                if let Some((_, until_ms)) = &mut self.shifter.refused {
                    *until_ms = again_ms;
                }
                self.summary.autoshifts_refused += 1;
                self.say(&format!("{} is refused, {refusal}", done.request));
            }
            Some(Outcome::Done { .. }) => {
                self.shifter.refused = None;
                match command {
                    Command::StartAutoshift { .. } => self.summary.autoshifts += 1,
                    Command::RenewAutoshift { .. } => self.summary.autoshifts_renewed += 1,
                    Command::EndAutoshift { .. } => self.summary.autoshifts_ended += 1,
                    _ => {}
                }
            }
        }
    }

    /// The rule: the zone that is left fails, or did a moment ago.
    fn check_failed(&self, zone: &ZoneId, evidence: &str) -> Result<(), String> {
        let Some(snapshot) = self.nodes[0].running.as_ref().and_then(|running| running.snapshot.as_ref())
        else {
            return Err("a zone is left, and there is no estate".to_owned());
        };
        let estate = &snapshot.estate;
        let at = estate.zone_named(zone).ok_or_else(|| format!("{zone} is left, and is none"))?;
        let endpoints = of_zone(estate, at);
        let since_ms = self.now_ms.saturating_sub(WITHIN_BEATS * self.plan.beat_ms);
        let has_failed = |address: &&SocketAddr| {
            let since = |seen: &BTreeMap<(usize, SocketAddr), u64>| {
                seen.iter().filter(|((_, of), at_ms)| of == *address && **at_ms >= since_ms).count()
            };
            since(&self.shifter.truth.failed_ms) > 0 || since(&self.shifter.truth.cut_ms) >= 2
        };
        let failed = endpoints.iter().filter(has_failed).count();
        if failed * 3 >= endpoints.len() * MOST {
            return Ok(());
        }
        Err(format!(
            "{zone} is left, and {failed} of its {} endpoints have failed within {WITHIN_BEATS} beats: {evidence}",
            endpoints.len()
        ))
    }
}

/// The addresses of the pool's endpoints in a zone.
fn of_zone(estate: &Estate, zone: ZoneIx) -> Vec<SocketAddr> {
    let pool = estate.pools.iter().find(|pool| format!("pool/{}", pool.name) == RESOURCE);
    let endpoints = pool.into_iter().flat_map(|pool| &pool.endpoints);
    endpoints.filter(|endpoint| endpoint.zone == zone).map(|endpoint| endpoint.address).collect()
}

/// The planted fault: whoever accuses an endpoint is believed.
fn one_word(running: &crate::node::Running, estate: &Estate, verdicts: &Verdicts) -> Verdicts {
    let (mut found, beats) = (verdicts.clone(), running.watch.beats);
    let fresh = running.watch.tables.values().filter(|(came, _)| beats - *came <= FRESH_BEATS);
    for (_, table) in fresh.filter(|(_, table)| table.estate == estate.digest) {
        for (subject, verdict) in found.of.iter_mut().enumerate() {
            if table.known.get(subject) && !table.healthy.get(subject) {
                *verdict = Verdict::Unhealthy;
            }
        }
    }
    found
}
