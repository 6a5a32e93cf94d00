//! Data planes: the real hub and the real decision, told by whichever node reaches them first.
//!
//! 1. A control node pushes each new intent to everybody, and says it again on every beat; planes pass it on to one another on theirs.
//! 2. What is in force is kept on disk a little later. A start serves from there before anybody is heard.
//!
//! Not here: health, break-glass and damaged files: the other simulation has them.

use std::sync::Arc;

use hf_config::node::NodeConfig;
use hf_control::Intent;
use hf_feed::protocol::{self, Read};
use hf_feed::{Message, Peer};
use hf_model::Revision;
use hf_node::hub::{FromDisk, Hub, Judged};
use hf_snapshot::Snapshot;

use super::event::{Event, Life, Place};
use super::plan::{MEMBERS, PLANES};
use super::world::World;
use crate::clock::SimClock;

/// From one beat of a node to the next.
pub const BEAT_MS: u64 = 10_000;

/// A data plane.
#[derive(Debug)]
pub struct Plane {
    /// How it is set up.
    pub config: NodeConfig,
    /// Its clock.
    pub clock: SimClock,
    /// How often it was started.
    pub life: u64,
    /// The process, while it runs.
    pub running: Option<Serving>,
    /// What its disk has.
    pub disk: Option<Arc<Snapshot>>,
    /// The newest number it ever used.
    pub number: u64,
}

/// A running process.
#[derive(Debug)]
pub struct Serving {
    /// The real hub.
    pub hub: Hub,
    /// What it obeys.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl World {
    fn serving(&mut self, of: Life) -> Option<&mut Serving> {
        let plane = &mut self.planes[of.at];
        if plane.life == of.life { plane.running.as_mut() } else { None }
    }

    /// A plane starts from its disk.
    pub fn start_plane(&mut self, at: usize) -> Result<(), String> {
        if self.planes[at].running.is_some() {
            return Ok(());
        }
        let wall = self.wall_of_plane(at);
        let plane = &mut self.planes[at];
        plane.life += 1;
        let snapshot = plane.disk.as_ref().map(|snapshot| (**snapshot).clone());
        let disk = FromDisk { snapshot, next_number: plane.number + 1, break_glass: Vec::new() };
        plane.running = Some(Serving { hub: Hub::new(&plane.config, disk, wall), snapshot: None });
        let (life, kept) =
            (Life { at, life: plane.life }, plane.disk.as_ref().map(|disk| disk.intent.revision));
        let beat = self.rng.below(BEAT_MS);
        self.put(beat, Event::PlaneBeat(life));
        self.refresh(at)?;
        let serves = self.planes[at].running.as_ref().and_then(|running| running.snapshot.as_ref());
        let serves = serves.map(|snapshot| snapshot.intent.revision);
        if serves == kept {
            Ok(())
        } else {
            Err(format!("plane-{at} had {kept:?} on its disk and boots with {serves:?}"))
        }
    }

    /// SIGKILL: what its disk has not taken yet is lost.
    pub fn kill_plane(&mut self, at: usize) {
        if self.planes[at].running.take().is_some() {
            self.say(&format!("plane-{at} is killed"));
        }
    }

    /// A plane's beat: it looks at its clock, and passes on what it has.
    pub fn plane_beat(&mut self, life: Life) -> Result<(), String> {
        let Some(serving) = self.serving(life) else { return Ok(()) };
        serving.hub.beat();
        let revision = serving.hub.revision();
        self.put(BEAT_MS, Event::PlaneBeat(life));
        self.refresh(life.at)?;
        let Some(truth) = self.store.truth.get(&revision.0).cloned() else { return Ok(()) };
        for apart in [1, 2, 5, 9] {
            self.tell(Place::Plane(life.at), Place::Plane((life.at + apart) % PLANES), &truth);
        }
        let member = self.rng.below(MEMBERS as u64) as usize;
        self.tell(Place::Plane(life.at), Place::Member(member), &truth);
        Ok(())
    }

    /// Its disk has it.
    pub fn saved(&mut self, life: Life, snapshot: Arc<Snapshot>) {
        if self.serving(life).is_some() {
            self.planes[life.at].disk = Some(snapshot);
        }
    }

    /// Tells everybody of an intent.
    pub fn push(&mut self, from: Place, intent: &Arc<Intent>) {
        let members = (0..MEMBERS).map(Place::Member).filter(|to| *to != from);
        for to in members.chain((0..PLANES).map(Place::Plane)).collect::<Vec<_>>() {
            self.tell(from, to, intent);
        }
    }

    fn tell(&mut self, from: Place, to: Place, intent: &Arc<Intent>) {
        if self.reach.is_cut(from, to) {
            return;
        }
        let bytes = self.frame_of(intent);
        let takes = self.rng.between(1, 20);
        self.put(takes, Event::Frame(from, to, intent.revision.0, bytes));
    }

    /// The frame of a revision: all nodes make the same one, so that it is made once.
    fn frame_of(&mut self, intent: &Arc<Intent>) -> Arc<[u8]> {
        let make = || protocol::intent_frame(intent).expect("a simulated intent fits a frame");
        self.frames.entry(intent.revision.0).or_insert_with(make).clone()
    }

    /// How a node is seen by another.
    pub fn peer(&self, place: Place) -> Arc<Peer> {
        match place {
            Place::Member(at) => self.peers[at].clone(),
            Place::Plane(at) => self.peers[MEMBERS + at].clone(),
        }
    }

    /// A frame comes. One that is no news is not read, as on a real connection.
    pub fn frame(&mut self, from: Place, to: Place, revision: u64, bytes: &[u8]) -> Result<(), String> {
        if self.reach.is_cut(from, to) {
            return Ok(());
        }
        let known = match to {
            Place::Member(at) => self.members[at].running.as_ref().map(|running| running.hub.revision()),
            Place::Plane(at) => self.planes[at].running.as_ref().map(|serving| serving.hub.revision()),
        };
        let Some(known) = known else { return Ok(()) };
        self.seen.frames += 1;
        let intent = if revision > known.0 { Some(self.read_frame(from, revision, bytes)?) } else { None };
        match to {
            Place::Member(at) => self.heard(at, from, revision, intent),
            Place::Plane(at) => {
                let is_news = intent.is_some();
                if let Some(intent) = intent {
                    self.take_intent(to, intent)?;
                }
                let (wall, peer) = (self.wall_of_plane(at), self.peer(from));
                let serving = self.planes[at].running.as_mut().expect("it was there a moment ago");
                serving.hub.heard(&peer, Revision(revision), wall);
                if is_news { self.refresh(at) } else { Ok(()) }
            }
        }
    }

    /// The same bytes are the same intent: read once, and compared with what was committed.
    fn read_frame(&mut self, from: Place, revision: u64, bytes: &[u8]) -> Result<Arc<Intent>, String> {
        let truth =
            self.store.truth.get(&revision).ok_or("a frame of a revision that nobody committed")?.clone();
        if !self.read.insert(revision) {
            return Ok(truth);
        }
        let read = protocol::decode(bytes).map_err(|error| format!("frame of {revision}: {error}"))?;
        match protocol::read(read.0, read.1, &self.peer(from), Revision(0)) {
            Read::Message(Message::Intent { intent: Some(intent), .. }) if *intent == *truth => Ok(truth),
            Read::Message(_) => {
                Err(format!("the frame of {revision} says something else than was committed"))
            }
            Read::Newer(problem) | Read::Wrong(problem) => Err(format!("frame of {revision}: {problem}")),
        }
    }

    /// Puts an intent in force.
    pub fn take_intent(&mut self, place: Place, intent: Arc<Intent>) -> Result<(), String> {
        let estate = self.estate_of(&intent)?;
        let hub = match place {
            Place::Member(at) => self.members[at].running.as_mut().map(|running| &mut running.hub),
            Place::Plane(at) => self.planes[at].running.as_mut().map(|serving| &mut serving.hub),
        };
        let Some(hub) = hub else { return Ok(()) };
        match hub.judge(&intent) {
            Judged::Known => {}
            Judged::Foreign => return Err("an intent of the one estate is taken for another's".to_owned()),
            Judged::SameEstate(known) => hub.take(intent, Ok(known)),
            Judged::Read => hub.take(intent, Ok(estate)),
        }
        Ok(())
    }

    /// A plane judges again, and obeys.
    pub fn refresh(&mut self, at: usize) -> Result<(), String> {
        let wall = self.wall_of_plane(at);
        let plane = &mut self.planes[at];
        let serving = plane.running.as_mut().expect("callers have looked that it runs");
        let Some(snapshot) = serving.hub.refresh(wall) else { return Ok(()) };
        let before = serving.snapshot.replace(snapshot.clone());
        self.check_snapshot(at, before.as_deref(), &snapshot, wall)?;
        let life = Life { at, life: self.planes[at].life };
        self.planes[at].number = snapshot.number;
        let takes = self.rng.between(1, 200);
        self.put(takes, Event::Saved(life, snapshot));
        Ok(())
    }
}
