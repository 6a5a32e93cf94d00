//! The operator: asks the ledger for changes, repeats what got no answer, breaks the glass when there is no ledger.
//!
//! Not here: what the ledger does with it (`control`), whether what was promised holds (`check`).

use std::collections::BTreeMap;
use std::time::Duration;

use hf_control::{BreakGlassShift, Command, Outcome, PinTo, Scope, ShiftState};
use hf_model::{DnsName, Operator, PoolName, RequestId, Revision, ShiftId, Timestamp, ZoneId};
use hf_node::record::{Recorder, request_of};

use crate::Plant;
use crate::clock::EPOCH_MS;
use crate::control::{Done, Job};
use crate::event::Event;
use crate::plan::Plan;
use crate::turn::Cause;
use crate::world::World;

/// What the operator remembers.
#[derive(Debug, Default)]
pub struct Desk {
    asked: BTreeMap<RequestId, Asked>,
    /// What the control node writes into its ledger of what was done without one.
    recorder: Recorder,
    count: u64,
    /// Outcomes on their way.
    under_way: BTreeMap<RequestId, Vec<Option<Outcome>>>,
}

#[derive(Debug)]
struct Asked {
    command: Command,
    answer: Option<Outcome>,
}

impl World {
    /// One act of the operator, and the next one later.
    pub fn operate(&mut self) -> Result<(), String> {
        if self.phase.has_harm() {
            let beats = self.rng.between(1, 6);
            let within = self.rng.below(self.plan.beat_ms);
            self.put(beats * self.plan.beat_ms + within, Event::Operate);
        }
        if self.shifter.are_on && self.rng.percent(90) {
            return Ok(()); // people leave room for what acts by itself
        }
        let is_without = self.phase.is_without_control() || self.nodes[0].running.is_none();
        if is_without && (self.phase.is_without_control() || self.rng.percent(50)) {
            self.break_glass();
            return Ok(());
        }
        if self.rng.percent(20) && !self.desk.asked.is_empty() {
            return self.repeat();
        }
        let command = self.draw_command();
        self.ask(command)
    }

    /// The name of the request that [`World::ask`] makes next.
    pub fn next_request(&self) -> RequestId {
        RequestId::new(&format!("ask-{}", self.desk.count + 1)).expect("letters, a hyphen and digits")
    }

    /// Puts a new request before the ledger.
    pub fn ask(&mut self, command: Command) -> Result<(), String> {
        let request = self.next_request();
        self.desk.count += 1;
        self.say(&format!("{request}: {command}"));
        self.desk.asked.insert(request.clone(), Asked { command: command.clone(), answer: None });
        self.control.submit(Job { request, command });
        self.begin_append()
    }

    fn repeat(&mut self) -> Result<(), String> {
        let at = self.rng.below(self.desk.asked.len() as u64) as usize;
        let (request, asked) = self.desk.asked.iter().nth(at).expect("below the count");
        let job = Job { request: request.clone(), command: asked.command.clone() };
        self.trace.fold(at as u64);
        self.control.submit(job);
        self.begin_append()
    }

    fn draw_command(&mut self) -> Command {
        let state = self.control.writer.as_ref().map(|writer| &writer.state);
        let has_estate = state.is_some_and(|state| state.estate.is_some());
        let active: Vec<(ShiftId, Revision)> = state.map_or_else(Vec::new, |state| {
            let active = state.shifts.values().filter(|shift| shift.state == ShiftState::Active);
            active.map(|shift| (shift.id.clone(), shift.revision)).collect()
        });
        let estate_revision = state.map(|state| state.estate_revision);
        if !has_estate {
            return Command::ApplyEstate { bundle: self.plan.estate(0), if_match: None };
        }
        let zone = self.draw_zone();
        let scope = match self.rng.below(10) {
            0..=5 => Scope::Everything,
            6 => Scope::Pool(PoolName::new("spare").expect("a name")),
            7 | 8 => Scope::Pool(PoolName::new("web").expect("a name")),
            _ => Scope::Record(DnsName::new("www.example.test.").expect("a name")),
        };
        let length = Duration::from_millis(self.rng.between(60_000, 120_000));
        let (reason, floor_overrides) = ("the simulation".to_owned(), Vec::new());
        match self.rng.below(12) {
            0..=4 => Command::StartShift { zone, scope, length, reason, floor_overrides },
            5 if !active.is_empty() => {
                let (id, revision) = self.rng.pick(&active).clone();
                Command::UpdateShift {
                    id,
                    length: Some(length),
                    reason: None,
                    if_match: self.rng.percent(50).then_some(revision),
                }
            }
            6 | 7 if !active.is_empty() => {
                let (id, revision) = self.rng.pick(&active).clone();
                Command::CancelShift { id, if_match: self.rng.percent(50).then_some(revision) }
            }
            8 => Command::Pin { zone, scope, to: PinTo::In, length, reason, floor_overrides },
            9 => Command::Pin { zone, scope, to: PinTo::Out, length, reason, floor_overrides },
            10 => Command::Unpin { zone, scope },
            _ => {
                let version = self.rng.below(4);
                let mut bundle = self.plan.estate(version);
                if self.rng.percent(10) {
                    bundle.toml.push_str("[[pool]]\nname = \"no endpoints\"\n");
                }
                Command::ApplyEstate { bundle, if_match: estate_revision.filter(|_| self.rng.percent(30)) }
            }
        }
    }

    fn draw_zone(&mut self) -> ZoneId {
        ZoneId::new(&Plan::zone(self.rng.below(self.plan.zones as u64) as usize)).expect("a zone's name")
    }

    /// Signs an act and hands it to some of the nodes.
    fn break_glass(&mut self) {
        let zone = self.draw_zone();
        let early = self.rng.below(2_000);
        let signed_at = Timestamp(EPOCH_MS + self.now_ms + early);
        let is_cancel = self.rng.percent(30);
        let length = if is_cancel { 0 } else { self.rng.between(60_000, 90_000) };
        let ends_at = signed_at.plus(Duration::from_millis(length));
        let shift = BreakGlassShift {
            estate: self.control.estate_id(),
            zone,
            reason: "no ledger".to_owned(),
            by: Operator::new("ada"),
            signed_at,
            ends_at,
        };
        self.say(&format!(
            "break-glass {} on {} for {length} ms",
            if is_cancel { "cancel" } else { "shift" },
            shift.zone
        ));
        let signed = self.key.sign(shift);
        for _ in 0..self.rng.between(1, 2) {
            let node = self.rng.between(1, self.plan.zones as u64) as usize;
            let after = self.rng.between(1, 500);
            self.put(after, Event::Hand(signed.clone(), node));
        }
    }

    /// The writer looks at its clock: what is due is ended. And the break-glass acts that its node knows are recorded.
    pub fn look(&mut self) -> Result<(), String> {
        self.put(1_000, Event::Look);
        self.record();
        self.begin_append()
    }

    fn record(&mut self) {
        let Some(ledger) = self.control.intent() else { return };
        if self.nodes[0].running.is_none() || self.running(0).hub.beyond_ledger().is_some() {
            return;
        }
        let known = self.running(0).hub.break_glass();
        if let Some(act) = self.desk.recorder.next(&known, &ledger) {
            self.say(&format!("the break-glass act on {} is to be recorded", act.zone));
            // Asked for again with every look until the ledger tells of it: it takes it once.
            let request = request_of(&act);
            self.control.submit(Job { request, command: Command::RecordBreakGlass { act } });
        }
    }

    /// The writer takes up the next entry.
    pub fn begin_append(&mut self) -> Result<(), String> {
        let Some(life) = self.life(0) else { return Ok(()) };
        let wall = self.wall(0);
        if !self.control.begin(self.now_ms, wall) {
            return Ok(());
        }
        if self.plant == Some(Plant::AnswersBeforeAppend)
            && let Some(done) = self.control.answer_early()
        {
            self.answer_later(done);
        }
        let takes = self.rng.between(2, 50);
        self.put(takes, Event::Appended { life });
        if std::mem::take(&mut self.is_doomed) {
            let dies = self.rng.below(takes);
            self.put(dies, Event::Doom { life });
        }
        Ok(())
    }

    /// The ledger's disk has answered: apply, publish, answer; then the next one.
    pub fn appended(&mut self, life: u64) -> Result<(), String> {
        if self.life(0) != Some(life) {
            return Ok(());
        }
        let kept = self.rng.percent(50);
        if let Some(done) = self.control.finish(self.now_ms, kept)? {
            if done.outcome.is_some() {
                let intent = self.control.intent().ok_or("an entry was applied and there is no intent")?;
                let now = self.wall(0);
                self.trace.fold(intent.revision.0);
                self.running(0).hub.own_ledger_at(intent.revision, now);
                self.take_intent(0, intent);
                self.turn(0, false, Cause::Told)?;
            }
            self.autoshift_answered(&done);
            self.answer_later(done);
        }
        self.begin_append()
    }

    fn answer_later(&mut self, done: Done) {
        if self.desk.asked.contains_key(&done.request) {
            self.desk.under_way.entry(done.request.clone()).or_default().push(done.outcome);
            let takes = self.rng.between(1, 50);
            self.put(takes, Event::Answer(done.request));
        }
    }

    /// An answer comes: the same request has the same answer, always.
    pub fn answer(&mut self, request: &RequestId) -> Result<(), String> {
        let Some(outcomes) = self.desk.under_way.remove(request) else { return Ok(()) };
        for outcome in outcomes.into_iter().flatten() {
            self.say(&format!("{request} is answered: {}", in_short(&outcome)));
            let asked = self.desk.asked.get_mut(request).ok_or("an answer to nothing that was asked")?;
            match &asked.answer {
                Some(first) if *first != outcome => {
                    return Err(format!("{request} was answered {first:?} and then {outcome:?}"));
                }
                _ => asked.answer = Some(outcome),
            }
        }
        Ok(())
    }
}

fn in_short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { revision, .. } => format!("done at {revision}"),
        Outcome::Refused(refusal) => format!("refused, {refusal}"),
    }
}
