//! The cluster of one seed: everything in it, the queue of what comes next, and the loop.
//!
//! Not here: what events do (`member`, `client`, `plane`, `harm`, `phases`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::node::NodeConfig;
use hf_control::{Autoshift, Command, Expect, PracticeConfig, Resource};
use hf_control_plane::Replica;
use hf_feed::Peer;
use hf_history::controls::ControlOperation;
use hf_model::{Operator, RequestId, Timestamp};

use super::Slip;
use super::check::Known;
use super::client::Client;
use super::event::Event;
use super::harm::Reach;
use super::member::Member;
use super::phases::Phase;
use super::plan::{CLIENTS, MEMBERS, PLANES, Plan, TELLERS, UPDATERS, ZONES};
use super::plane::Plane;
use super::store::{Ask, Store};
use crate::clock::SimClock;
use crate::rng::Rng;
use crate::trace::Trace;
use crate::world::Violation;

/// Everything.
#[derive(Debug)]
pub struct World {
    seed: u64,
    /// What it is about.
    pub plan: Plan,
    /// The mistake that is made.
    pub slip: Option<Slip>,
    /// Chance.
    pub rng: Rng,
    /// Milliseconds since the start.
    pub now_ms: u64,
    /// Events of this millisecond: they order the history within it.
    within: u64,
    /// Where the run stands.
    pub phase: Phase,
    /// The ledger.
    pub store: Store,
    /// The control nodes.
    pub members: Vec<Member>,
    /// The data planes.
    pub planes: Vec<Plane>,
    /// The clients, the operator, tellers, and who updates DNS names.
    pub clients: Vec<Client>,
    /// What they were answered.
    pub history: Vec<ControlOperation>,
    /// Who reaches whom.
    pub reach: Reach,
    /// What the checks remember.
    pub known: Known,
    /// How nodes see one another: control nodes, then planes.
    pub peers: Vec<Arc<Peer>>,
    /// The frame of each revision.
    pub frames: BTreeMap<u64, Arc<[u8]>>,
    /// Revisions whose frame was read back.
    pub read: BTreeSet<u64>,
    /// What happened.
    pub trace: Trace,
    /// Counted for the summary.
    pub seen: Seen,
    names: u64,
    queue: BTreeMap<(u64, u64), Event>,
    put: u64,
}

/// What a run saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The hash of everything that happened.
    pub trace: u64,
    /// Virtual time.
    pub ms: u64,
    /// Events.
    pub steps: u64,
    /// Entries committed.
    pub entries: u64,
    /// Entries that turned a control.
    pub turned: u64,
    /// Operations of the history.
    pub operations: u64,
    /// Of these, answered with what was asked for.
    pub answered: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Of these, of unknown outcome.
    pub unknown: u64,
    /// Situations that the search for an order looked at.
    pub situations: u64,
    /// Appends that lost a race.
    pub races: u64,
    /// Times a node had no answer of the ledger.
    pub unavailable: u64,
    /// Changes turned away because other nodes held more than the ledger that this one had read.
    pub behind: u64,
    /// Checkpoints from which a node went on.
    pub caught_up: u64,
    /// Starts of control nodes.
    pub starts: u64,
    /// Harms done.
    pub harms: u64,
    /// Frames that came.
    pub frames: u64,
    /// Snapshots of the planes.
    pub snapshots: u64,
    /// Autoshifts that began.
    pub autoshifts: u64,
    /// Autoshifts that were refused.
    pub autoshifts_refused: u64,
    /// Dynamic updates that are done.
    pub updates: u64,
    /// Dynamic updates that are refused.
    pub updates_refused: u64,
    /// Dynamic updates that were acknowledged, and looked for in every node's answers.
    pub acknowledged: u64,
}

impl World {
    /// Draws the cluster of a seed; the estate is in the ledger already.
    pub fn new(seed: u64, slip: Option<Slip>) -> World {
        let mut rng = Rng::new(seed ^ 0xc105_7e12);
        let plan = Plan::draw(&mut rng);
        let clock = |rng: &mut Rng| SimClock::draw(rng, plan.faults.skew, false);
        let members: Vec<Member> = (0..MEMBERS)
            .map(|at| Member {
                config: config(&format!("control-{at}"), None),
                clock: clock(&mut rng),
                life: 0,
                paused_until_ms: 0,
                able_since_ms: None,
                running: None,
            })
            .collect();
        let planes: Vec<Plane> = (0..PLANES)
            .map(|at| Plane {
                config: config(&format!("plane-{at}"), Some(at % ZONES)),
                clock: clock(&mut rng),
                life: 0,
                running: None,
                disk: None,
                number: 0,
            })
            .collect();
        let configs = members.iter().map(|member| &member.config);
        let peers = configs.chain(planes.iter().map(|plane| &plane.config)).map(|config| {
            Arc::new(Peer {
                node: config.id.clone(),
                zone: config.zone.clone(),
                roles: config.roles.clone(),
                version: "0".to_owned(),
            })
        });
        let mut world = World {
            seed,
            slip,
            now_ms: 0,
            within: 0,
            phase: Phase::Safety,
            store: Store::default(),
            peers: peers.collect(),
            members,
            planes,
            clients: (0..=CLIENTS + TELLERS + UPDATERS).map(|_| Client::default()).collect(),
            history: Vec::new(),
            reach: Reach::default(),
            known: Known::default(),
            frames: BTreeMap::new(),
            read: BTreeSet::new(),
            trace: Trace::default(),
            seen: Seen::default(),
            names: 0,
            queue: BTreeMap::new(),
            put: 0,
            plan,
            rng,
        };
        for at in 0..MEMBERS {
            world.put(0, Event::Start(at));
        }
        for at in 0..PLANES {
            world.put(0, Event::StartPlane(at));
        }
        for client in 0..=CLIENTS + TELLERS + UPDATERS {
            let first = world.rng.between(3_000, 3_000 + world.plan.think_ms);
            world.put(first, Event::Think(client));
        }
        world.put(5_000, Event::Harm);
        world.put(world.plan.safety_ms, Event::Phase(Phase::Liveness));
        world
    }

    /// Puts an event `after_ms` from now.
    pub fn put(&mut self, after_ms: u64, event: Event) {
        self.put += 1;
        self.queue.insert((self.now_ms + after_ms, self.put), event);
    }

    /// A line of the story.
    pub fn say(&mut self, text: &str) {
        self.trace.say(self.now_ms, text);
    }

    /// Now, for the history: in the order of events also within a millisecond.
    pub fn now_us(&self) -> u64 {
        self.now_ms * 1_000 + self.within.min(999)
    }

    /// A name that was never used.
    pub fn next_name(&mut self, what: &str) -> RequestId {
        self.names += 1;
        RequestId::new(&format!("{what}-{:016x}", self.names)).expect("letters, a hyphen and digits")
    }

    /// What a control node's clock shows.
    pub fn wall_of(&self, member: usize) -> Timestamp {
        self.members[member].clock.wall(self.now_ms)
    }

    /// What a plane's clock shows.
    pub fn wall_of_plane(&self, plane: usize) -> Timestamp {
        self.planes[plane].clock.wall(self.now_ms)
    }

    /// The way to the ledger or back, its work included.
    pub fn ledger_delay(&mut self) -> u64 {
        let is_slow = self.plan.faults.slow && self.phase.has_harm();
        match self.rng.below(100) {
            0..=4 if is_slow => self.rng.between(500, 6_000),
            5..=14 if is_slow => self.rng.between(100, 900),
            _ => self.rng.between(1, 15),
        }
    }

    /// Runs to the end, or to the first rule that does not hold.
    pub fn run(mut self) -> Result<Seen, Violation> {
        let mut checked_s = 0;
        let mut found = self.apply_estate();
        while found.is_ok() && self.phase != Phase::End {
            let Some(((at_ms, _), event)) = self.queue.pop_first() else { break };
            self.within = if at_ms == self.now_ms { self.within + 1 } else { 0 };
            self.now_ms = at_ms;
            self.seen.steps += 1;
            if at_ms / 1_000 > checked_s && !self.phase.is_without_control() {
                checked_s = at_ms / 1_000;
                found = self.check_due();
            }
            found = found.and_then(|()| self.obey(event));
        }
        if let Err(what) = found {
            let (seed, at_ms, step) = (self.seed, self.now_ms, self.seen.steps);
            let (lines, test) = (self.trace.lines(), "one_cluster_seed");
            return Err(Violation { seed, at_ms, step, what, lines, test });
        }
        self.seen.ms = self.now_ms;
        self.seen.trace = self.trace.hash();
        Ok(self.seen)
    }

    /// The first entries, as `holdfast apply` and `holdfast autoshift on` bring them.
    fn apply_estate(&mut self) -> Result<(), String> {
        let mut commands = vec![Command::ApplyEstate { bundle: self.plan.estate(), if_match: None }];
        for resource in Plan::SHIFTED {
            let resource: Resource = resource.parse().expect("a resource");
            let config = PracticeConfig {
                outcome_alarms: vec!["errors-high".to_owned()],
                ..PracticeConfig::default()
            };
            commands.push(Command::PutPractice { resource: resource.clone(), config, expect: Expect::Any });
            commands.push(Command::SetAutoshift { resource, to: Autoshift::Enabled });
        }
        let stamp = SimClock::default().wall(0);
        for (at, command) in (1..).zip(commands) {
            let request = self.next_name("apply");
            let by = Operator::new("ann");
            let draft = Replica::draft(by, request, stamp, command)
                .map_err(|error| format!("entry {at}: {error}"))?;
            self.store.obey(&Ask::Put(at, Arc::new(draft.bytes)))?;
            match self.store.outcomes.get(&at) {
                Some(hf_control::Outcome::Done { .. }) => {}
                outcome => return Err(format!("the simulation's entry {at} is refused: {outcome:?}")),
            }
        }
        Ok(())
    }

    fn obey(&mut self, event: Event) -> Result<(), String> {
        self.trace.fold(self.now_ms);
        if let Some(until_ms) = self.stands_still(&event) {
            self.put(until_ms - self.now_ms, event);
            return Ok(());
        }
        match event {
            Event::Start(at) => self.start_member(at),
            Event::Look(life) => self.look(life),
            Event::Beat(life) => self.member_beat(life),
            Event::Ask(life, serial, ask) => self.at_ledger(life, serial, &ask),
            Event::Reply(life, serial, reply) => self.reply(life, serial, reply),
            Event::NoReply(life, serial) => self.no_reply(life, serial),
            Event::Newest(life, newest) => self.newest(life, newest),
            Event::Request(at, caller, asked) => self.request(at, caller, asked),
            Event::Answer(caller, answer) => self.answer(caller, answer),
            Event::NoAnswer(caller, attempt) => self.no_answer(caller, attempt),
            Event::Think(client) => self.think(client),
            Event::Frame(from, to, revision, bytes) => self.frame(from, to, revision, &bytes),
            Event::StartPlane(at) => self.start_plane(at),
            Event::PlaneBeat(life) => self.plane_beat(life),
            Event::Saved(life, snapshot) => {
                self.saved(life, snapshot);
                Ok(())
            }
            Event::Harm => self.harm(),
            Event::Mend(mend) => self.mend(mend),
            Event::Phase(phase) => self.enter(phase),
        }
    }

    /// Until when the control node of an event stands still, if it does: then the event waits.
    fn stands_still(&self, event: &Event) -> Option<u64> {
        let at = match event {
            Event::Look(life)
            | Event::Beat(life)
            | Event::Reply(life, ..)
            | Event::NoReply(life, _)
            | Event::Newest(life, _) => life.at,
            Event::Request(at, ..) | Event::Frame(_, super::event::Place::Member(at), ..) => *at,
            _ => return None,
        };
        Some(self.members[at].paused_until_ms).filter(|until_ms| *until_ms > self.now_ms)
    }
}

/// A node file, read as nodes read it.
fn config(id: &str, zone: Option<usize>) -> NodeConfig {
    let (place, roles) = match zone {
        None => (String::new(), "\"control\""),
        Some(zone) => (format!("zone = \"z{zone}\"\n"), "\"dns\", \"status\""),
    };
    let text = format!(
        "[node]\nid = \"{id}\"\n{place}data_dir = \"data\"\nroles = [{roles}]\nbeat = \"{}ms\"\n",
        super::plane::BEAT_MS
    );
    hf_config::read_node("node.toml", &text)
        .unwrap_or_else(|problems| panic!("the simulation's node file: {problems}"))
}
