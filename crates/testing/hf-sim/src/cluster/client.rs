//! Clients: they turn routing controls and read them, through any node that answers, and say the same request again until they know.
//!
//! 1. One operation at a time. An attempt that has no answer in [`PATIENCE_MS`], or a bad one, goes to another node, with the same request id.
//! 2. After [`PERSISTENCE_MS`] a client gives up: nobody knows what became of it. Once all is healed nobody gives up.
//! 3. The operator, the client after those, shifts and pins zones in the same way; that is not part of the history.
//! 4. Tellers, the next ones, begin, renew and end autoshifts. None asks what another does: each has evidence of its own.
//! 5. The last ones send dynamic updates (`updates`).
//!
//! Not here: whether the answers were right (`check`, `hf-history`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hf_control::{
    Command, ControlRef, ControlSet, Outcome, PinTo, Refusal, RuleRef, Scope, Shift, ShiftKind,
};
use hf_history::Returned;
use hf_history::controls::{ControlOperation, Input, Output, Switch};
use hf_model::{RequestId, ShiftId, ZoneId};

use super::event::{Answer, Asked, Caller, Event};
use super::plan::{CLIENTS, MEMBERS, PANEL, Plan, TELLERS, ZONES};
use super::world::World;

/// How long a client waits for one attempt.
const PATIENCE_MS: u64 = 3_000;
/// How long it tries.
const PERSISTENCE_MS: u64 = 40_000;

/// One client.
#[derive(Debug, Default)]
pub struct Client {
    count: u64,
    /// What it is at.
    pub doing: Option<Doing>,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub struct Doing {
    asked: Asked,
    /// As the history has it; none for what is not in it.
    input: Option<Input>,
    called_us: u64,
    since_ms: u64,
    attempt: u32,
    at: usize,
}

impl Client {
    /// Operations that it began.
    pub fn operations(&self) -> u64 {
        self.count
    }
}

impl World {
    /// A client begins its next operation, if it works at all.
    pub fn think(&mut self, client: usize) -> Result<(), String> {
        if !self.phase.has_harm() || self.phase.is_without_control() || self.clients[client].doing.is_some() {
            return Ok(());
        }
        if client == CLIENTS {
            let command = self.draw_act();
            return self.ask_for(client, command, None);
        }
        if client > CLIENTS + TELLERS {
            return self.update(client);
        }
        if client > CLIENTS {
            let command = self.draw_autoshift();
            return self.ask_for(client, command, None);
        }
        if self.rng.percent(45) {
            return self.begin(client, Asked::Get, Some(Input::Get {}));
        }
        let (command, controls, overrides) = self.draw_batch();
        let request = self.request_name(client);
        let input = Input::Set { request: request.to_string(), controls, overrides };
        self.ask_for(client, command, Some(input))
    }

    fn request_name(&self, client: usize) -> RequestId {
        let number = self.clients[client].count + 1;
        RequestId::new(&format!("client-{client}-{number}")).expect("letters, hyphens and digits")
    }

    /// A client sends a dynamic update.
    pub fn update(&mut self, client: usize) -> Result<(), String> {
        let request = self.request_name(client);
        let update = self.draw_update(&request);
        self.ask_for(client, Command::UpdateHostedZone(update), None)
    }

    /// A client asks for a change.
    pub fn ask_for(&mut self, client: usize, command: Command, input: Option<Input>) -> Result<(), String> {
        let request = self.request_name(client);
        if let Some(Input::Set { overrides, .. }) = &input {
            self.known.overrides.insert(request.clone(), overrides.clone());
        }
        self.say(&format!("{request}: {command}"));
        self.begin(client, Asked::Do(request, Arc::new(command)), input)
    }

    /// A client begins an operation.
    pub fn begin(&mut self, client: usize, asked: Asked, input: Option<Input>) -> Result<(), String> {
        let at = self.rng.below(MEMBERS as u64) as usize;
        let (called_us, since_ms) = (self.now_us(), self.now_ms);
        let of = &mut self.clients[client];
        of.count += 1;
        of.doing = Some(Doing { asked, input, called_us, since_ms, attempt: 0, at });
        self.attempt(client)
    }

    fn attempt(&mut self, client: usize) -> Result<(), String> {
        let number = self.clients[client].count;
        let caller = Caller { client, operation: number };
        let Some(doing) = &mut self.clients[client].doing else { return Ok(()) };
        doing.attempt += 1;
        let (at, attempt, asked) = (doing.at, doing.attempt, doing.asked.clone());
        self.put(PATIENCE_MS, Event::NoAnswer(caller, attempt));
        let is_odd = self.plan.faults.clients && self.phase.has_harm();
        if is_odd && self.rng.percent(5) {
            return Ok(()); // lost
        }
        if is_odd && self.rng.percent(10) {
            // Twice, and the second one perhaps when the client has long been at something else.
            let late = self.rng.between(1, 8_000);
            self.put(late, Event::Request(at, caller, asked.clone()));
        }
        let takes = self.rng.between(1, 20);
        self.put(takes, Event::Request(at, caller, asked));
        Ok(())
    }

    /// A control node answers.
    pub fn answer_later(&mut self, _at: usize, caller: Caller, answer: Answer) {
        let is_odd = self.plan.faults.clients && self.phase.has_harm();
        if is_odd && self.rng.percent(8) {
            return;
        }
        let takes = self.rng.between(1, 20);
        self.put(takes, Event::Answer(caller, answer));
    }

    /// An attempt has failed, or takes too long: the next node, or no more.
    pub fn no_answer(&mut self, caller: Caller, attempt: u32) -> Result<(), String> {
        let now_ms = self.now_ms;
        let of = &mut self.clients[caller.client];
        let Some(doing) = of.doing.as_mut().filter(|doing| doing.attempt == attempt) else { return Ok(()) };
        if of.count != caller.operation {
            return Ok(());
        }
        if now_ms - doing.since_ms > PERSISTENCE_MS && self.phase.has_harm() {
            self.say(&format!("client-{} gives up on its operation {}", caller.client, caller.operation));
            self.seen.unknown += 1;
            return self.over(caller.client, None);
        }
        doing.at = (doing.at + 1 + self.rng.below(MEMBERS as u64 - 1) as usize) % MEMBERS;
        self.attempt(caller.client)
    }

    /// An answer comes.
    pub fn answer(&mut self, caller: Caller, answer: Answer) -> Result<(), String> {
        if let Answer::Outcome(outcome) = &answer {
            self.check_answer(caller, outcome)?;
        }
        let of = &self.clients[caller.client];
        if of.count != caller.operation {
            return Ok(());
        }
        let Some(doing) = &of.doing else { return Ok(()) };
        match answer {
            Answer::Unavailable => {
                let (attempt, after) = (doing.attempt, self.rng.between(50, 600));
                self.put(after, Event::NoAnswer(caller, attempt));
                Ok(())
            }
            Answer::Outcome(outcome) => {
                if let Asked::Do(request, _) = &doing.asked {
                    let request = request.clone();
                    self.told_update(&request, &outcome);
                }
                let output = match &outcome {
                    Outcome::Done { revision, .. } => Output::Done { revision: revision.0 },
                    Outcome::Refused(Refusal::RuleBroken { rule, .. } | Refusal::GateClosed { rule, .. }) => {
                        Output::Refused { rule: Some(rule.control.to_string()) }
                    }
                    Outcome::Refused(_) => Output::Refused { rule: None },
                };
                self.trace.fold(self.now_ms ^ caller.operation);
                self.over(caller.client, Some(output))
            }
            Answer::Values(revision, values) => {
                self.trace.fold(revision);
                let controls = values.into_iter().collect();
                self.over(caller.client, Some(Output::Values { revision, controls }))
            }
        }
    }

    /// An operation is over: it goes into the history.
    fn over(&mut self, client: usize, output: Option<Output>) -> Result<(), String> {
        let now_us = self.now_us();
        let Some(Doing { input, called_us, .. }) = self.clients[client].doing.take() else { return Ok(()) };
        if let Some(input) = input {
            match &output {
                Some(Output::Refused { .. }) => self.seen.refused += 1,
                Some(_) => self.seen.answered += 1,
                None => {}
            }
            let returned = output.map(|output| Returned { at_us: now_us, output });
            self.history.push(ControlOperation { client: client as u32, called_us, input, returned });
        }
        // Updates are fewer: each is a revision that twenty planes decide on.
        let slower = if client > CLIENTS + TELLERS { 3 } else { 1 };
        let thinks = self.rng.between(50, slower * self.plan.think_ms);
        self.put(thinks, Event::Think(client));
        Ok(())
    }

    fn draw_batch(&mut self) -> (Command, BTreeMap<String, Switch>, BTreeSet<String>) {
        let mut controls = BTreeMap::new();
        for _ in 0..self.rng.between(1, 3) {
            let name = *self.rng.pick(&Plan::CONTROLS);
            let to = if self.rng.percent(55) { Switch::On } else { Switch::Off };
            controls.insert(name.to_owned(), to);
        }
        let mut overrides = BTreeSet::new();
        if self.rng.percent(8) {
            let rules = self.plan.controls().rules;
            overrides.insert(self.rng.pick(&rules).name.clone());
        }
        (batch(&controls, &overrides), controls, overrides)
    }

    /// What a teller does next, by evidence that nobody else has.
    fn draw_autoshift(&mut self) -> Command {
        let is_ours = |shift: &&Shift| shift.kind == ShiftKind::Autoshift;
        let ours: Vec<ShiftId> =
            self.store.shadow.active_shifts().filter(is_ours).map(|shift| shift.id.clone()).collect();
        let length = Duration::from_millis(self.rng.between(60_000, 120_000));
        let reason = "the simulation's evidence".to_owned();
        match self.rng.below(10) {
            0 | 1 if !ours.is_empty() => {
                Command::RenewAutoshift { id: self.rng.pick(&ours).clone(), length, reason }
            }
            2..=4 if !ours.is_empty() => Command::EndAutoshift { id: self.rng.pick(&ours).clone(), reason },
            _ => {
                let zone = Plan::there(self.rng.below(ZONES as u64) as usize);
                Command::StartAutoshift {
                    resource: self.rng.pick(&Plan::SHIFTED).parse().expect("a resource"),
                    zone: ZoneId::new(&zone).expect("a zone's name"),
                    length,
                    reason,
                }
            }
        }
    }

    /// The operator's next act on zones.
    fn draw_act(&mut self) -> Command {
        let at = self.rng.below(ZONES as u64) as usize;
        let zone = if self.rng.percent(4) { Plan::there(at) } else { format!("z{at}") };
        let zone = ZoneId::new(&zone).expect("a zone's name");
        let length = Duration::from_millis(self.rng.between(60_000, 180_000));
        let active: Vec<ShiftId> = self.store.shadow.active_shifts().map(|shift| shift.id.clone()).collect();
        let (scope, reason, floor_overrides) = (Scope::Everything, "the simulation".to_owned(), Vec::new());
        match self.rng.below(10) {
            0..=4 => Command::StartShift { zone, scope, length, reason, floor_overrides },
            5 if !active.is_empty() => Command::UpdateShift {
                id: self.rng.pick(&active).clone(),
                length: Some(length),
                reason: None,
                if_match: None,
            },
            6 if !active.is_empty() => {
                Command::CancelShift { id: self.rng.pick(&active).clone(), if_match: None }
            }
            7 => Command::Unpin { zone, scope },
            8 => Command::Pin { zone, scope, to: PinTo::In, length, reason, floor_overrides },
            _ => Command::Pin { zone, scope, to: PinTo::Out, length, reason, floor_overrides },
        }
    }
}

/// The command of a batch.
pub fn batch(controls: &BTreeMap<String, Switch>, overrides: &BTreeSet<String>) -> Command {
    let path = |name: &String| format!("{PANEL}/{name}").parse().expect("a panel and a name");
    let set = |(name, to): (&String, &Switch)| ControlSet {
        control: ControlRef::Path(path(name)),
        to: if *to == Switch::On { hf_model::Switch::On } else { hf_model::Switch::Off },
    };
    Command::SetControls {
        sets: controls.iter().map(set).collect(),
        rule_overrides: overrides.iter().map(|name| RuleRef::Path(path(name))).collect(),
        floor_overrides: Vec::new(),
        reason: "the simulation".to_owned(),
    }
}
