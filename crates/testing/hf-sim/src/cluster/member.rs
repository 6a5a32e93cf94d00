//! One control node: the real replica, the real hub, and the loop of the real writer, one thing at a time.
//!
//! 1. What it does next: what it has not read yet, a checkpoint that is due, an end that is due, what others wrote, a client's request.
//! 2. An append compares with the newest position that it knows; the loser hears the newest one and puts behind it.
//! 3. An answer that does not come in [`PATIENCE_MS`] means that nobody knows; the client is told so, and nothing is remembered.
//! 4. A read first asks the ledger for its newest position, and waits until it has applied that.
//! 5. A start begins with nothing and reads all of the ledger; changes wait until the nodes had time to say what they hold.
//!
//! Not here: what the replica does (`hf-control-plane`), the ledger's side (`store`).

use std::collections::VecDeque;
use std::sync::Arc;

use hf_config::node::NodeConfig;
use hf_control::{Command, HostedUpdate, Intent, Outcome, RuleRef};
use hf_control_plane::{Draft, Replica};
use hf_history::controls::Switch;
use hf_ledger::Followed;
use hf_model::{Digest, Operator, RequestId, Revision};
use hf_node::hub::{FromDisk, Hub};

use super::Slip;
use super::event::{Answer, Asked, Caller, Event, Life, Place};
use super::store::{Ask, Reply};
use super::world::World;
use crate::clock::SimClock;

/// How long a node waits for the ledger.
pub const PATIENCE_MS: u64 = 2_000;
/// From a failed attempt to the next one of what the node does by itself.
const AGAIN_MS: u64 = 1_000;
/// From the start to the first change: the time in which all nodes say what they hold.
const SETTLE_MS: u64 = 2_200;
/// Requests that wait at most.
const QUEUE: usize = 1_000;
/// Attempts of one append before the node says that it is too busy.
const APPENDS: u32 = 16;

/// A control node.
#[derive(Debug)]
pub struct Member {
    /// How it is set up.
    pub config: NodeConfig,
    /// Its clock.
    pub clock: SimClock,
    /// How often it was started.
    pub life: u64,
    /// It stands still until then.
    pub paused_until_ms: u64,
    /// Since when it has been able to write, without a break.
    pub able_since_ms: Option<u64>,
    /// The process, while it runs.
    pub running: Option<Running>,
}

/// A running process.
#[derive(Debug)]
pub struct Running {
    /// What it knows.
    pub replica: Replica,
    /// What it knows of the nodes.
    pub hub: Hub,
    queue: VecDeque<(Caller, Asked)>,
    doing: Option<Doing>,
    serial: u64,
    /// The newest position that it has heard of.
    newest: u64,
    /// Whether all of the ledger was read once.
    pub is_loaded: bool,
    settled_at_ms: u64,
    expire_not_before_ms: u64,
    follow_not_before_ms: u64,
}

/// What it waits for.
#[derive(Debug)]
enum Doing {
    Append {
        caller: Option<Caller>,
        request: RequestId,
        draft: Draft,
        at: u64,
        tries: u32,
        is_answered: bool,
    },
    Newest(Caller),
    Follow(Then),
    Checkpoint,
}

/// What to do when it has read on.
#[derive(Debug)]
enum Then {
    Nothing,
    /// Its own entry is among them.
    Outcome {
        caller: Option<Caller>,
        request: RequestId,
        command: Digest,
        is_answered: bool,
    },
    Values(Caller, u64),
}

impl Running {
    /// A process that knows nothing.
    fn new(config: &NodeConfig, wall: hf_model::Timestamp, now_ms: u64) -> Running {
        Running {
            replica: Replica::default(),
            hub: Hub::new(config, FromDisk { next_number: 1, ..FromDisk::default() }, wall),
            queue: VecDeque::new(),
            doing: None,
            serial: 0,
            newest: 0,
            is_loaded: false,
            settled_at_ms: now_ms + SETTLE_MS,
            expire_not_before_ms: 0,
            follow_not_before_ms: 0,
        }
    }

    /// Whether it has read the ledger and takes changes.
    pub fn is_able(&self, now_ms: u64) -> bool {
        self.is_loaded && now_ms >= self.settled_at_ms && self.hub.beyond_ledger().is_none()
    }

    /// Its revision.
    pub fn revision(&self) -> u64 {
        self.replica.state().revision.0
    }
}

impl World {
    /// The life that a control node is in.
    fn life_of(&self, at: usize) -> Life {
        Life { at, life: self.members[at].life }
    }

    /// The process of a control node, if this is still its life.
    fn process(&mut self, of: Life) -> Option<&mut Running> {
        let member = &mut self.members[of.at];
        if member.life == of.life { member.running.as_mut() } else { None }
    }

    /// A control node starts.
    pub fn start_member(&mut self, at: usize) -> Result<(), String> {
        if self.members[at].running.is_some() || self.phase.is_without_control() {
            return Ok(());
        }
        let (wall, now_ms) = (self.wall_of(at), self.now_ms);
        let member = &mut self.members[at];
        member.life += 1;
        member.running = Some(Running::new(&member.config, wall, now_ms));
        self.seen.starts += 1;
        self.say(&format!("control-{at} starts, knowing nothing"));
        let life = self.life_of(at);
        self.put(0, Event::Look(life));
        let beat = self.rng.below(super::plane::BEAT_MS);
        self.put(beat, Event::Beat(life));
        self.work(at)
    }

    /// SIGKILL. What is on its way to the ledger still comes there.
    pub fn kill_member(&mut self, at: usize) {
        if self.members[at].running.take().is_some() {
            self.say(&format!("control-{at} is killed"));
        }
    }

    /// A control node looks at its clock, each second.
    pub fn look(&mut self, life: Life) -> Result<(), String> {
        if self.process(life).is_none() {
            return Ok(());
        }
        self.put(1_000, Event::Look(life));
        self.work(life.at)
    }

    /// A client's request comes.
    pub fn request(&mut self, at: usize, caller: Caller, asked: Asked) -> Result<(), String> {
        let Some(running) = &mut self.members[at].running else { return Ok(()) };
        if running.queue.len() == QUEUE {
            self.answer_later(at, caller, Answer::Unavailable);
            return Ok(());
        }
        running.queue.push_back((caller, asked));
        self.work(at)
    }

    /// It hears that there is something new.
    pub fn newest(&mut self, life: Life, newest: u64) -> Result<(), String> {
        let Some(running) = self.process(life) else { return Ok(()) };
        running.newest = running.newest.max(newest);
        self.work(life.at)
    }

    /// Takes up the next thing, until it waits for the ledger or there is nothing to do.
    fn work(&mut self, at: usize) -> Result<(), String> {
        loop {
            let (now_ms, wall) = (self.now_ms, self.wall_of(at));
            let Some(running) = &mut self.members[at].running else { return Ok(()) };
            if running.doing.is_some() {
                return Ok(());
            }
            let revision = running.revision();
            if !running.is_loaded || running.newest > revision {
                if now_ms >= running.follow_not_before_ms {
                    self.ask(at, Ask::Follow(revision), Doing::Follow(Then::Nothing));
                    return Ok(());
                }
                if !running.is_loaded {
                    return Ok(()); // the next look tries again
                }
            }
            if let Some((at_revision, made)) =
                running.replica.checkpoint_if_due(self.plan.checkpoint_entries, usize::MAX)
            {
                let bytes = made.map_err(|error| format!("checkpoint of control-{at}: {error}"))?;
                self.ask(at, Ask::Checkpoint(at_revision.0, Arc::new(bytes)), Doing::Checkpoint);
                return Ok(());
            }
            // A ledger that is behind what the nodes hold takes nothing: as `hf_node`'s gate.
            let is_behind = running.hub.beyond_ledger().is_some();
            let is_settled = now_ms >= running.settled_at_ms || revision == 0;
            let is_due = running.replica.state().next_end().is_some_and(|end| end <= wall);
            if is_due && !is_behind && is_settled && now_ms >= running.expire_not_before_ms {
                running.expire_not_before_ms = now_ms + AGAIN_MS;
                let request = self.next_name("expire");
                self.append(at, None, request, &Command::Expire)?;
                return Ok(());
            }
            let running = self.members[at].running.as_mut().expect("it was there a moment ago");
            let is_change = matches!(running.queue.front(), Some((_, Asked::Do(..))));
            if is_change && !is_settled {
                return Ok(()); // the next look tries again
            }
            let Some((caller, asked)) = running.queue.pop_front() else { return Ok(()) };
            match asked {
                Asked::Do(..) if is_behind => {
                    self.seen.behind += 1;
                    self.answer_later(at, caller, Answer::Unavailable);
                }
                Asked::Do(request, command) => self.change(at, caller, request, &command)?,
                Asked::Get if self.slip == Some(Slip::StaleReads) => self.answer_values(at, caller),
                Asked::Get => self.ask(at, Ask::Newest, Doing::Newest(caller)),
            }
        }
    }

    /// A client's change, with the slips that a node could make.
    fn change(
        &mut self,
        at: usize,
        caller: Caller,
        request: RequestId,
        command: &Command,
    ) -> Result<(), String> {
        match (self.slip, command) {
            (Some(Slip::RuleAtTheReceiver), Command::SetControls { .. }) => {
                if let Some(outcome) = self.known_outcome(at, &request) {
                    self.answer_later(at, caller, Answer::Outcome(outcome));
                    return Ok(());
                }
                let mut judged = self.replica(at).state().clone();
                let next = Revision(judged.revision.0 + 1);
                let wall = self.wall_of(at);
                let draft = hf_control::Entry {
                    request: request.clone(),
                    stamp: wall,
                    by: ann(),
                    from: None,
                    command: command.clone(),
                };
                let (outcome, _) = judged.apply(next, &draft);
                if matches!(outcome, Outcome::Refused(_)) {
                    self.answer_later(at, caller, Answer::Outcome(outcome));
                    return Ok(());
                }
                let mut command = command.clone();
                if let Command::SetControls { rule_overrides, .. } = &mut command {
                    *rule_overrides =
                        self.replica(at).state().board.rules.keys().map(|id| RuleRef::Id(*id)).collect();
                }
                self.append(at, Some(caller), request, &command)
            }
            (Some(Slip::PrerequisiteAtTheReceiver), Command::UpdateHostedZone(update)) => {
                if let Some(outcome) = self.known_outcome(at, &request) {
                    self.answer_later(at, caller, Answer::Outcome(outcome));
                    return Ok(());
                }
                let mut judged = self.replica(at).state().clone();
                let next = Revision(judged.revision.0 + 1);
                let (stamp, name) = (self.wall_of(at), request.clone());
                let draft = hf_control::Entry {
                    request: name,
                    stamp,
                    by: ann(),
                    from: None,
                    command: command.clone(),
                };
                let (outcome, _) = judged.apply(next, &draft);
                if matches!(outcome, Outcome::Refused(_)) {
                    self.answer_later(at, caller, Answer::Outcome(outcome));
                    return Ok(());
                }
                let update = HostedUpdate { prerequisites: Vec::new(), ..update.clone() };
                self.append(at, Some(caller), request, &Command::UpdateHostedZone(update))
            }
            (Some(Slip::UpdateInHalves), Command::UpdateHostedZone(update)) if update.changes.len() > 2 => {
                let (one, two) = update.changes.split_at(2);
                let first = HostedUpdate { changes: one.to_vec(), ..update.clone() };
                let second =
                    HostedUpdate { changes: two.to_vec(), prerequisites: Vec::new(), ..update.clone() };
                let queue = &mut self.members[at].running.as_mut().expect("it runs").queue;
                queue.push_front((caller, Asked::Do(request, Arc::new(Command::UpdateHostedZone(second)))));
                let half = self.next_name("half");
                self.append(at, None, half, &Command::UpdateHostedZone(first))
            }
            (Some(Slip::NoDeduplication), _) => {
                let once = self.next_name("once");
                self.known.aliases.insert(once.clone(), request);
                self.append(at, Some(caller), once, command)
            }
            _ => self.append(at, Some(caller), request, command),
        }
    }

    /// What became of a request, by its id alone: what a planted mistake appends is another command than what was asked.
    fn known_outcome(&self, at: usize, request: &RequestId) -> Option<Outcome> {
        self.replica(at).state().requests.get(request).map(|answered| answered.outcome.clone())
    }

    fn replica(&self, at: usize) -> &Replica {
        &self.members[at].running.as_ref().expect("callers have looked that it runs").replica
    }

    fn append(
        &mut self,
        at: usize,
        caller: Option<Caller>,
        request: RequestId,
        command: &Command,
    ) -> Result<(), String> {
        let by = if caller.is_some() { ann() } else { Operator::new("holdfast") };
        let (stamp, name) = (self.wall_of(at), request.clone());
        let draft = Replica::draft(by, name, stamp, command.clone())
            .map_err(|error| format!("an entry of control-{at}: {error}"))?;
        let mut is_answered = caller.is_none();
        if self.slip == Some(Slip::AcknowledgedEarly)
            && let Some(caller) = caller
        {
            let mut state = self.replica(at).state().clone();
            let entry = hf_codec::decode_entry(&draft.bytes).map_err(|error| error.to_string())?;
            let (outcome, _) = state.apply(Revision(state.revision.0 + 1), &entry);
            self.answer_later(at, caller, Answer::Outcome(outcome));
            is_answered = true;
        }
        let running = self.members[at].running.as_ref().expect("callers have looked that it runs");
        let position = running.newest.max(running.revision()) + 1;
        let ask = Ask::Put(position, Arc::new(draft.bytes.clone()));
        self.ask(at, ask, Doing::Append { caller, request, draft, at: position, tries: 1, is_answered });
        Ok(())
    }

    /// Sends something to the ledger. It comes there, or not, or late; so does its answer.
    fn ask(&mut self, at: usize, ask: Ask, doing: Doing) {
        let life = self.life_of(at);
        let running = self.members[at].running.as_mut().expect("callers have looked that it runs");
        running.serial += 1;
        running.doing = Some(doing);
        let serial = running.serial;
        self.put(PATIENCE_MS, Event::NoReply(life, serial));
        if self.reach.has_quorum(at) {
            let takes = self.ledger_delay();
            self.put(takes, Event::Ask(life, serial, ask));
        }
    }

    /// Something comes to the ledger: the sender may be dead by now, or have given up.
    pub fn at_ledger(&mut self, life: Life, serial: u64, ask: &Ask) -> Result<(), String> {
        if !self.reach.has_quorum(life.at) {
            return Ok(());
        }
        let (reply, put) = self.store.obey(ask)?;
        if let Some(put) = put {
            self.committed(&put)?;
            self.tell_watchers(life.at);
        }
        let is_lost = self.plan.faults.lost_answers && self.phase.has_harm() && self.rng.percent(6);
        if !is_lost {
            let takes = self.ledger_delay();
            self.put(takes, Event::Reply(life, serial, reply));
        }
        Ok(())
    }

    fn tell_watchers(&mut self, _by: usize) {
        let newest = self.store.newest();
        for at in 0..self.members.len() {
            let is_late = self.plan.faults.late_watch && self.phase.has_harm();
            // A watch that was cut is made again with the next look at the ledger.
            if !self.reach.has_quorum(at) || (is_late && self.rng.percent(20)) {
                continue;
            }
            let takes = if is_late { self.rng.between(1, 5_000) } else { self.rng.between(1, 30) };
            let life = self.life_of(at);
            self.put(takes, Event::Newest(life, newest));
        }
    }

    /// The ledger's answer does not come.
    pub fn no_reply(&mut self, life: Life, serial: u64) -> Result<(), String> {
        let now_ms = self.now_ms;
        let Some(running) = self.process(life).filter(|running| running.serial == serial) else {
            return Ok(());
        };
        let Some(doing) = running.doing.take() else { return Ok(()) };
        running.serial += 1;
        running.follow_not_before_ms = now_ms + AGAIN_MS;
        self.seen.unavailable += 1;
        match doing {
            Doing::Append { caller: Some(caller), is_answered: false, .. }
            | Doing::Newest(caller)
            | Doing::Follow(
                Then::Values(caller, _) | Then::Outcome { caller: Some(caller), is_answered: false, .. },
            ) => self.answer_later(life.at, caller, Answer::Unavailable),
            Doing::Append { .. } | Doing::Follow(_) | Doing::Checkpoint => {}
        }
        self.work(life.at)
    }

    /// The ledger's answer comes.
    pub fn reply(&mut self, life: Life, serial: u64, reply: Reply) -> Result<(), String> {
        if !self.reach.has_quorum(life.at) {
            return Ok(());
        }
        let Some(running) = self.process(life).filter(|running| running.serial == serial) else {
            return Ok(());
        };
        let Some(doing) = running.doing.take() else { return Ok(()) };
        let at = life.at;
        match (doing, reply) {
            (
                Doing::Append { caller, request, draft, at: position, tries, is_answered },
                Reply::Taken(newest),
            ) => {
                running.newest = running.newest.max(newest);
                if tries == APPENDS {
                    if let Some(caller) = caller.filter(|_| !is_answered) {
                        self.answer_later(at, caller, Answer::Unavailable);
                    }
                } else {
                    self.seen.races += 1;
                    let position = newest.max(position) + u64::from(newest >= position);
                    let ask = Ask::Put(position, Arc::new(draft.bytes.clone()));
                    let tries = tries + 1;
                    self.ask(
                        at,
                        ask,
                        Doing::Append { caller, request, draft, at: position, tries, is_answered },
                    );
                }
            }
            (Doing::Append { caller, request, draft, is_answered, .. }, Reply::Put(position)) => {
                running.newest = running.newest.max(position);
                let command = draft.command();
                match running.replica.took(Revision(position), draft) {
                    Some(applied) => {
                        self.applied(at, &applied.outcome, applied.revision)?;
                        if let Some(caller) = caller.filter(|_| !is_answered) {
                            self.answer_later(at, caller, Answer::Outcome(applied.outcome));
                        }
                        self.publish(at)?;
                    }
                    None => {
                        let revision = running.revision();
                        let then = Then::Outcome { caller, request, command, is_answered };
                        self.ask(at, Ask::Follow(revision), Doing::Follow(then));
                    }
                }
            }
            (Doing::Newest(caller), Reply::Newest(newest)) => {
                running.newest = running.newest.max(newest);
                if running.revision() >= newest {
                    self.answer_values(at, caller);
                } else {
                    let revision = running.revision();
                    self.ask(at, Ask::Follow(revision), Doing::Follow(Then::Values(caller, newest)));
                }
            }
            (Doing::Follow(then), Reply::Page(page)) => self.page(at, then, page)?,
            (Doing::Checkpoint, Reply::Kept) => {}
            (doing, reply) => {
                return Err(format!("control-{at} asked for {doing:?} and was answered {reply:?}"));
            }
        }
        self.work(at)
    }

    fn page(&mut self, at: usize, then: Then, page: Followed) -> Result<(), String> {
        let Followed { checkpoint, entries, more } = page;
        let running = self.members[at].running.as_mut().expect("callers have looked that it runs");
        if let Some((revision, bytes)) = checkpoint {
            running.replica.begin_with(revision, &bytes).map_err(|error| error.to_string())?;
            if running.replica.state().revision != revision {
                return Err(format!("the checkpoint at {revision} is of {}", running.revision()));
            }
            self.seen.caught_up += 1;
        }
        for (revision, bytes) in entries {
            let running = self.members[at].running.as_mut().expect("it does not die meanwhile");
            let applied = running.replica.read(revision, &bytes).map_err(|error| error.to_string())?;
            self.applied(at, &applied.outcome, revision)?;
        }
        let running = self.members[at].running.as_mut().expect("it does not die meanwhile");
        let revision = running.revision();
        running.newest = running.newest.max(revision);
        if more {
            self.ask(at, Ask::Follow(revision), Doing::Follow(then));
            return Ok(());
        }
        if !std::mem::replace(&mut running.is_loaded, true) {
            self.check_whole(at)?;
        }
        match then {
            Then::Nothing => {}
            Then::Outcome { caller, request, command, is_answered } => {
                let running = self.members[at].running.as_ref().expect("it does not die meanwhile");
                let outcome = running.replica.outcome_of(&request, command);
                if let Some(caller) = caller.filter(|_| !is_answered) {
                    let answer = outcome.map_or(Answer::Unavailable, Answer::Outcome);
                    self.answer_later(at, caller, answer);
                }
            }
            Then::Values(caller, least) if revision >= least => self.answer_values(at, caller),
            Then::Values(..) => return Err(format!("the ledger said more than it has: control-{at}")),
        }
        self.publish(at)
    }

    /// All controls as this node knows them.
    fn answer_values(&mut self, at: usize, caller: Caller) {
        let state = self.replica(at).state();
        let is_ours = |panel: &hf_model::PanelId| {
            state.board.panels.get(panel).is_some_and(|panel| panel.name.as_str() == super::plan::PANEL)
        };
        let values = state.board.controls.values().filter(|control| is_ours(&control.panel)).map(|control| {
            let to = if control.to == hf_model::Switch::On { Switch::On } else { Switch::Off };
            (control.name.to_string(), to)
        });
        let answer = Answer::Values(state.revision.0, values.collect());
        self.answer_later(at, caller, answer);
    }

    /// Puts in force what it knows, and tells everybody.
    fn publish(&mut self, at: usize) -> Result<(), String> {
        let running = self.members[at].running.as_ref().expect("callers have looked that it runs");
        let revision = running.revision();
        if revision == 0 || running.hub.revision().0 >= revision {
            return self.tell_own_ledger(at);
        }
        let said = running.replica.state().intent();
        let truth = self.check_intent(at, &said)?;
        self.tell_own_ledger(at)?;
        self.take_intent(Place::Member(at), truth.clone())?;
        self.push(Place::Member(at), &truth);
        Ok(())
    }

    fn tell_own_ledger(&mut self, at: usize) -> Result<(), String> {
        let wall = self.wall_of(at);
        let running = self.members[at].running.as_mut().expect("callers have looked that it runs");
        let revision = running.replica.state().revision;
        let Some(truth) = self.store.truth.get(&revision.0) else { return Ok(()) };
        running.hub.own_ledger_at(revision, wall);
        running.hub.own_ledger(truth.clone());
        Ok(())
    }

    /// An intent comes from another node. One that this node's ledger does not have makes it look there.
    pub fn heard(
        &mut self,
        at: usize,
        from: Place,
        revision: u64,
        intent: Option<Arc<Intent>>,
    ) -> Result<(), String> {
        let (wall, peer) = (self.wall_of(at), self.peer(from));
        let Some(running) = &mut self.members[at].running else { return Ok(()) };
        if let Some(intent) = intent {
            running.hub.held_elsewhere(&intent);
            running.newest = running.newest.max(revision);
            self.take_intent(Place::Member(at), intent)?;
        }
        let Some(running) = &mut self.members[at].running else { return Ok(()) };
        running.hub.heard(&peer, Revision(revision), wall);
        self.work(at)
    }

    /// Tells everybody what it has, on a beat: what was lost comes again.
    pub fn member_beat(&mut self, life: Life) -> Result<(), String> {
        if self.process(life).is_none() {
            return Ok(());
        }
        self.put(super::plane::BEAT_MS, Event::Beat(life));
        let revision = self.members[life.at].running.as_ref().map_or(0, |running| running.hub.revision().0);
        if let Some(truth) = self.store.truth.get(&revision).cloned() {
            self.push(Place::Member(life.at), &truth);
        }
        // The watch is made again, and says where the ledger is.
        if self.reach.has_quorum(life.at) {
            let (newest, takes) = (self.store.newest(), self.rng.between(1, 200));
            self.put(takes, Event::Newest(life, newest));
        }
        Ok(())
    }
}

fn ann() -> Operator {
    Operator::new("ann")
}
