//! What a node does when something happens to it: the loop of `hf_node`'s task, and the connections of `hf_feed`, without waiting.
//!
//! After every event: judge, publish the snapshot if there is a new one, keep it, tell the others what changed.
//!
//! Not here: start, death and disk (`life`), what a message means (the hub), what is due on a connection (the feed's pace), whether it was right (`check`).

use std::collections::BTreeSet;
use std::sync::Arc;

use hf_control::Intent;
use hf_feed::protocol::{self, Read};
use hf_feed::{Incoming, Message, SignedBreakGlass};
use hf_health::Table;
use hf_model::{Revision, Timestamp};
use hf_node::hub::Judged;

use crate::Plant;
use crate::autoshift::Missed;
use crate::checker::Round;
use crate::event::Event;
use crate::mistake::spoil;
use crate::net::Fate;
use crate::node::Running;
use crate::world::World;

/// What made a node judge again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its own clock, checker or planes.
    Alone,
    /// Another node, the ledger, an operator, or its start.
    Told,
}

impl World {
    /// The life that a node is in; none while it is dead.
    pub fn life(&self, node: usize) -> Option<u64> {
        self.nodes[node].running.as_ref().map(|_| self.nodes[node].incarnation)
    }

    /// Whether a node is in this life.
    pub fn is_in(&self, node: usize, life: u64) -> bool {
        self.life(node) == Some(life)
    }

    /// What a node's clock shows.
    pub fn wall(&self, node: usize) -> Timestamp {
        self.nodes[node].clock.wall(self.now_ms)
    }

    /// The running part of a node that is known to run.
    pub fn running(&mut self, node: usize) -> &mut Running {
        self.nodes[node].running.as_mut().expect("callers have looked that it runs")
    }

    /// A node's beat: everything to everybody.
    pub fn beat(&mut self, at: usize, life: u64) -> Result<(), String> {
        if !self.is_in(at, life) {
            return Ok(());
        }
        let now = self.wall(at);
        if at == 0
            && let Some(intent) = self.control.intent()
        {
            self.running(0).hub.own_ledger_at(intent.revision, now);
        }
        self.running(at).hub.beat();
        self.remember_beat(at);
        self.turn(at, true, Cause::Alone)?;
        if at == 0 {
            self.look_for_autoshifts()?;
        }
        for to in (0..self.nodes.len()).filter(|to| *to != at) {
            let running = self.running(at);
            let mut due = running.links[to].pace.on_beat(&running.frames);
            if self.plant == Some(Plant::MoreWorkOnFailure) && !self.down.is_empty() {
                due.extend(due.last().cloned());
            }
            self.check_work(at, to, &due)?;
            for bytes in due {
                self.send(at, to, bytes);
            }
        }
        let again = self.nodes[at].clock.truly(self.plan.beat_ms);
        self.put(again, Event::Beat { node: at, life });
        Ok(())
    }

    /// A node's checker looks at every endpoint.
    pub fn probe(&mut self, at: usize, life: u64) -> Result<(), String> {
        let Some(zone) = self.nodes[at].zone.filter(|_| self.is_in(at, life)) else { return Ok(()) };
        let again = self.nodes[at].clock.truly(self.plan.beat_ms);
        self.put(again, Event::Probe { node: at, life });
        let round = Round {
            wall: self.wall(at),
            steady: Timestamp(self.now_ms),
            heard: self.running(at).heard_outside,
        };
        let Some(mut checker) = self.running(at).checker.take() else { return Ok(()) };
        if self.plant == Some(Plant::OwnLossIsTold) {
            checker.tell_all();
        }
        let mut missed = Vec::new();
        let table = checker.probe(
            |address, place| {
                let is_well = !self.down.contains(&address) && !self.unreachable.contains(&(zone, address));
                let is_cut = zone != place
                    && (self.net.is_cut(zone + 1, place + 1) || self.net.is_cut(place + 1, zone + 1));
                match (is_well, is_cut) {
                    (false, _) => missed.push((address, place, Missed::Failed)),
                    (true, true) => missed.push((address, place, Missed::Cut)),
                    (true, false) => {}
                }
                !is_cut && is_well
            },
            round,
        );
        let answered =
            if checker.answered.0 == round.steady { checker.answered.1.clone() } else { BTreeSet::new() };
        self.remember_missed(zone, missed, &answered);
        self.running(at).checker = Some(checker);
        match table {
            Some(table) => self.own_table(at, table),
            None => Ok(()),
        }
    }

    fn own_table(&mut self, at: usize, table: Table) -> Result<(), String> {
        self.running(at).hub.take_own_table(Arc::new(table.clone()));
        self.remember_table(at, table);
        self.turn(at, true, Cause::Alone)
    }

    /// A frame comes: its bytes become a message, the hub takes it.
    pub fn frame(
        &mut self,
        from: (usize, u64),
        to: (usize, u64),
        bytes: &[u8],
        is_damaged: bool,
    ) -> Result<(), String> {
        if !self.is_in(to.0, to.1) || !self.is_in(from.0, from.1) || self.net.is_cut(from.0, to.0) {
            return Ok(());
        }
        self.summary.frames += 1;
        let peer = Arc::new(self.nodes[from.0].peer());
        let known = self.running(to.0).outgoing.as_ref().and_then(|outgoing| outgoing.intent.as_ref());
        let known = known.map_or(Revision(0), |intent| intent.revision);
        // The planted fault reads what it should not.
        let known = if self.plant == Some(Plant::OlderRevisionAccepted) { Revision(0) } else { known };
        let read = protocol::decode(bytes)
            .map(|(kind, payload)| (kind, protocol::read(kind, payload, &peer, known)));
        let (kind, read) = match read {
            Err(_) | Ok((_, Read::Newer(_) | Read::Wrong(_))) if is_damaged => {
                // As a connection does: what follows a wrong frame cannot be trusted; it is made anew.
                self.connect_anew(from.0, to.0);
                return Ok(());
            }
            Err(error) => {
                return Err(format!("node-{} cannot read a frame of node-{}: {error}", to.0, from.0));
            }
            Ok(_) if is_damaged => {
                return Err(format!("node-{} takes a damaged frame of node-{}", to.0, from.0));
            }
            Ok(read) => read,
        };
        let message = match read {
            Read::Message(message) => message,
            Read::Newer(problem) | Read::Wrong(problem) => {
                return Err(format!(
                    "node-{} cannot read what node-{} sent, {kind:?}: {problem}",
                    to.0, from.0
                ));
            }
        };
        if let Some(revision) = message.sender_has() {
            let link = &mut self.running(to.0).links[from.0];
            link.peer_has = link.peer_has.max(revision);
        }
        if self.running(to.0).hub.is_outside(&peer) {
            let now = Timestamp(self.now_ms);
            self.running(to.0).heard_outside = Some(now);
        }
        self.take(to.0, Incoming { from: peer, message })
    }

    fn take(&mut self, at: usize, incoming: Incoming) -> Result<(), String> {
        let now = self.wall(at);
        let mut tell = false;
        match incoming.message {
            Message::Intent { revision, intent } => {
                if let Some(intent) = intent {
                    self.take_intent(at, intent);
                }
                self.running(at).hub.heard(&incoming.from, revision, now);
            }
            // The planted fault takes one table in ten seconds' worth of beats.
            Message::Table(_) if self.plant == Some(Plant::TablesTakenLate) && self.is_late_beat(at) => {}
            Message::Table(table) => {
                self.running(at).hub.take_table(table.clone());
                self.remember_table(at, table);
            }
            Message::Report(report) => tell = self.running(at).hub.take_report(*report, now),
            Message::BreakGlass(list) => self.running(at).hub.take_break_glass(list, now),
            // No traffic and no consumers are simulated here.
            Message::Second(_) | Message::Latencies(_) | Message::Consumers(_) => {}
        }
        self.turn(at, tell, Cause::Told)
    }

    /// Judges an intent, reads its estate if need be, and puts it in force.
    pub fn take_intent(&mut self, at: usize, intent: Arc<Intent>) {
        if self.plant == Some(Plant::OlderRevisionAccepted) {
            self.go_back(at, &intent);
        }
        let hub = &mut self.running(at).hub;
        let read = match hub.judge(&intent) {
            Judged::Known => return,
            Judged::Foreign => return hub.refuse_foreign(&intent),
            Judged::SameEstate(estate) => Ok(estate),
            Judged::Read => intent.read_estate().map(Arc::new).map_err(|problems| problems.to_string()),
        };
        hub.take(intent, read);
    }

    /// Judges, publishes, keeps, tells; then the rules are checked.
    pub fn turn(&mut self, at: usize, tell: bool, cause: Cause) -> Result<(), String> {
        let now = self.wall(at);
        if self.plant == Some(Plant::MissingIsUnhealthy) {
            self.invent_tables(at);
        }
        let running = self.nodes[at].running.as_mut().expect("callers have looked that it runs");
        let mut news = running.hub.refresh(now);
        if self.plant == Some(Plant::CutOffCounts) {
            news = crate::mistake::count_all(running, news, now);
        }
        if let Some(plant) = self.plant {
            news = spoil(plant, news, running.snapshot.as_ref(), now);
        }
        let acts = running.hub.break_glass();
        let acts_changed = running.kept.break_glass != acts;
        let before = running.snapshot.clone();
        if let Some(snapshot) = &news {
            running.snapshot = Some(snapshot.clone());
            running.kept.snapshot = Some(snapshot.clone());
        }
        running.kept.break_glass = acts;
        if cause == Cause::Told {
            running.remember_acts();
        } else if let (Some(before), Some(news)) = (&before, &news) {
            self.check_alone(at, before, news)?;
        }
        if let (Some(before), Some(news)) = (&before, &news) {
            self.check_own_loss(at, before, news)?;
        }
        self.check_node(at, news.as_deref())?;
        if let Some(snapshot) = &news
            && self.nodes[at].has_tellers()
        {
            let (takes, life, number) =
                (self.rng.between(1, 30), self.nodes[at].incarnation, snapshot.number);
            self.put(takes, Event::Obeyed { node: at, life, number });
        }
        if news.is_some() || acts_changed {
            self.save(at);
        }
        if tell || news.is_some() || acts_changed {
            self.tell(at, now)?;
        }
        let steady = Timestamp(self.now_ms);
        let running = self.running(at);
        if let (Some(snapshot), Some(checker)) = (&news, &mut running.checker)
            && let Some(table) = checker.follow(&snapshot.estate, now, steady)
        {
            return self.own_table(at, table);
        }
        Ok(())
    }

    /// Of ten beats nine.
    fn is_late_beat(&mut self, at: usize) -> bool {
        !self.running(at).watch.beats.is_multiple_of(10)
    }

    fn tell(&mut self, at: usize, now: Timestamp) -> Result<(), String> {
        let next = self.running(at).hub.outgoing(Vec::new(), now);
        self.check_report(at, &next.report)?;
        let running = self.running(at);
        let last = running.outgoing.take();
        let intent =
            protocol::new_intent(last.as_ref(), &next).and_then(|intent| protocol::intent_frame(intent));
        // In one frame, however long: parts and the asking for them are tested in `hf-feed`.
        let intent = intent.map(|frame| protocol::IntentFrames { frame, base: None });
        running.frames.renew(last.as_ref(), &next, intent);
        running.outgoing = Some(next);
        for to in (0..self.nodes.len()).filter(|to| *to != at) {
            let running = self.running(at);
            let link = &mut running.links[to];
            for bytes in link.pace.on_change(&running.frames, link.peer_has) {
                self.send(at, to, bytes);
            }
        }
        Ok(())
    }

    fn send(&mut self, at: usize, to: usize, bytes: Arc<[u8]>) {
        let (Some(here), Some(there)) = (self.life(at), self.life(to)) else { return };
        let (from, to) = ((at, here), (to, there));
        let fate = self.net.send(from.0, to.0, self.now_ms, &mut self.rng);
        self.trace.fold_bytes(&bytes[9..17]);
        let comes = |world: &mut World, when: u64, bytes, is_damaged| {
            world.put(when - world.now_ms, Event::Frame { from, to, bytes, is_damaged });
        };
        match fate {
            Fate::Comes(when) => comes(self, when, bytes, false),
            Fate::Twice(when, again) => {
                comes(self, when, bytes.clone(), false);
                comes(self, again, bytes, false);
            }
            Fate::Damaged(when) => {
                let mut damaged = bytes.to_vec();
                let bit = self.rng.below(damaged.len() as u64 * 8);
                damaged[bit as usize / 8] ^= 1 << (bit % 8);
                comes(self, when, damaged.into(), true);
            }
            Fate::Lost => {}
        }
    }

    /// The planes of a node have taken up a snapshot.
    pub fn obeyed(&mut self, at: usize, life: u64, number: u64) -> Result<(), String> {
        if !self.is_in(at, life) {
            return Ok(());
        }
        let running = self.running(at);
        running.hub.planes_obey(number);
        running.watch.obeyed = running.watch.obeyed.max(number);
        self.turn(at, true, Cause::Alone)
    }

    /// An operator hands a break-glass act to a node.
    pub fn hand(&mut self, signed: &SignedBreakGlass, at: usize) -> Result<(), String> {
        if self.nodes[at].running.is_none() {
            return Ok(());
        }
        let now = self.wall(at);
        let zone = signed.shift.zone.clone();
        match self.running(at).hub.take_new_break_glass(signed.clone(), now) {
            Ok(()) => {
                self.summary.break_glass += 1;
                self.say(&format!("node-{at} takes a break-glass act on {zone}"));
                self.turn(at, true, Cause::Told)?;
                self.check_handed(at, signed)
            }
            Err(problem) => {
                self.say(&format!("node-{at} refuses a break-glass act on {zone}: {problem}"));
                Ok(())
            }
        }
    }
}
