//! The world of one seed: everything in it, the queue of what comes next, and the loop.
//!
//! 1. Time is a number. The next event is the earliest one; of two at one time the one that was put in first.
//! 2. After every event the rules are checked; the first that does not hold ends the run.
//!
//! Not here: what events do (`turn`, `operator`, `harm`, `phases`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use hf_config::node::NodeConfig;
use hf_feed::OperatorKeyPair;

use crate::Plant;
use crate::autoshift::Autoshifts;
use crate::check::Known;
use crate::clock::SimClock;
use crate::control::Control;
use crate::event::Event;
use crate::net::Net;
use crate::node::Node;
use crate::operator::Desk;
use crate::phases::Phase;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::trace::Trace;

/// The private part of the simulated operator's key (PKCS#8, Ed25519): fixed, so that signatures are the same in every run.
const KEY: &[u8] =
    b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20holdfast simulation operator key";

/// Everything.
#[derive(Debug)]
pub struct World {
    /// The seed.
    pub seed: u64,
    /// What it is about.
    pub plan: Plan,
    /// The mistake that is planted.
    pub plant: Option<Plant>,
    /// Chance.
    pub rng: Rng,
    /// Milliseconds since the start.
    pub now_ms: u64,
    /// Where the run stands.
    pub phase: Phase,
    /// The control node first, then one for each zone.
    pub nodes: Vec<Node>,
    /// Links.
    pub net: Net,
    /// The ledger.
    pub control: Control,
    /// Whether the control node is to die in the middle of its next append.
    pub is_doomed: bool,
    /// Endpoints that are down.
    pub down: BTreeSet<SocketAddr>,
    /// Endpoints that the checker of a zone cannot reach.
    pub unreachable: BTreeSet<(usize, SocketAddr)>,
    /// The operator.
    pub desk: Desk,
    /// Autoshifts.
    pub shifter: Autoshifts,
    /// The operator's key.
    pub key: OperatorKeyPair,
    /// What the checks remember.
    pub known: Known,
    /// What happened.
    pub trace: Trace,
    /// Counted for the summary.
    pub summary: Summary,
    queue: BTreeMap<(u64, u64), Event>,
    put: u64,
}

/// What a run saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The hash of everything that happened.
    pub trace: u64,
    /// Events.
    pub steps: u64,
    /// Snapshots published by all nodes.
    pub snapshots: u64,
    /// Frames delivered.
    pub frames: u64,
    /// Entries committed.
    pub entries: u64,
    /// Starts of nodes.
    pub starts: u64,
    /// Break-glass acts acknowledged.
    pub break_glass: u64,
    /// Snapshots with a shift held past its end.
    pub held: u64,
    /// Harms done.
    pub harms: u64,
    /// Of these, zones that came and went.
    pub flaps: u64,
    /// Autoshifts that began.
    pub autoshifts: u64,
    /// Renewals of them.
    pub autoshifts_renewed: u64,
    /// Ends of them that were no expiry.
    pub autoshifts_ended: u64,
    /// Of all these, what the ledger refused.
    pub autoshifts_refused: u64,
}

/// A rule that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which seed.
    pub seed: u64,
    /// When.
    pub at_ms: u64,
    /// After how many events.
    pub step: u64,
    /// What.
    pub what: String,
    /// The newest lines of the story.
    pub lines: Vec<String>,
    /// The test that plays it again.
    pub test: &'static str,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Violation { seed, at_ms, step, what, lines, test } = self;
        for line in lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "HF_SEED={seed}: step {step}, {at_ms} ms: {what}")?;
        write!(f, "replay: HF_SEED={seed} cargo nextest run -p hf-sim --no-capture {test}")
    }
}

impl World {
    /// Draws the world of a seed; all nodes start at once.
    pub fn new(seed: u64, plant: Option<Plant>) -> World {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng);
        World::of(seed, plant, plan, rng)
    }

    /// The same with a pool that may be shifted by itself.
    pub fn with_autoshifts(seed: u64, plant: Option<Plant>) -> World {
        let mut rng = Rng::new(seed);
        let mut plan = Plan::draw(&mut rng);
        plan.for_autoshifts();
        let mut world = World::of(seed, plant, plan, rng);
        world.shifter.are_on = true;
        world
    }

    fn of(seed: u64, plant: Option<Plant>, plan: Plan, mut rng: Rng) -> World {
        let key = OperatorKeyPair::from_pkcs8(KEY).expect("the key of the simulation is one");
        let public = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.public_key());
        let mut nodes = Vec::new();
        for at in 0..=plan.zones {
            let clock = SimClock::draw(&mut rng, plan.faults.skew, plan.faults.drift);
            let zone = at.checked_sub(1);
            nodes.push(Node::new(config(at, zone, plan.beat_ms, &public), zone, clock));
        }
        let mut net = Net::new(nodes.len());
        net.is_reordering = plan.faults.reorder;
        net.loss_percent = if plan.faults.loss { rng.between(1, 10) } else { 0 };
        let mut world = World {
            seed,
            plant,
            now_ms: 0,
            phase: Phase::Safety,
            control: Control::new(plan.checkpoint_entries),
            is_doomed: false,
            down: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            desk: Desk::default(),
            shifter: Autoshifts::default(),
            key,
            known: Known::default(),
            trace: Trace::default(),
            summary: Summary::default(),
            queue: BTreeMap::new(),
            put: 0,
            plan,
            rng,
            nodes,
            net,
        };
        for node in 0..world.nodes.len() {
            world.put(0, Event::Start { node });
        }
        world.put(50, Event::Operate);
        world.put(200, Event::Look);
        world.put(world.plan.beat_ms * 5, Event::Harm);
        world.put(world.plan.beat_ms * world.plan.safety_beats, Event::Phase(Phase::Liveness));
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

    /// Runs to the end, or to the first rule that does not hold.
    pub fn run(mut self) -> Result<Summary, Violation> {
        let story = PanicStory::new(self.seed);
        while self.phase != Phase::End {
            let Some(((at_ms, _), event)) = self.queue.pop_first() else { break };
            self.now_ms = at_ms;
            self.summary.steps += 1;
            if let Err(what) = self.obey(event) {
                let (seed, step, lines) = (self.seed, self.summary.steps, self.trace.lines());
                let test = if self.shifter.are_on { "one_seed_with_autoshifts" } else { "one_seed" };
                return Err(Violation { seed, at_ms, step, what, lines, test });
            }
        }
        drop(story);
        self.summary.entries = self.control.newest().0;
        self.summary.trace = self.trace.hash();
        Ok(self.summary)
    }

    fn obey(&mut self, event: Event) -> Result<(), String> {
        self.trace.fold(self.now_ms);
        match event {
            Event::Beat { node, life } => self.beat(node, life),
            Event::Probe { node, life } => self.probe(node, life),
            Event::Frame { from, to, bytes, is_damaged } => self.frame(from, to, &bytes, is_damaged),
            Event::Obeyed { node, life, number } => self.obeyed(node, life, number),
            Event::Saved { node, life } => self.saved(node, life),
            Event::SaveAgain { node, life } => self.save_again(node, life),
            Event::Start { node } => self.start(node),
            Event::Look => self.look(),
            Event::Appended { life } => self.appended(life),
            Event::Doom { life } => self.doom(life),
            Event::Answer(request) => self.answer(&request),
            Event::Operate => self.operate(),
            Event::Hand(signed, node) => self.hand(&signed, node),
            Event::Harm => self.harm(),
            Event::Mend(mend) => self.mend(mend),
            Event::Phase(phase) => self.enter(phase),
        }
    }
}

/// A node file, read as nodes read it.
fn config(at: usize, zone: Option<usize>, beat_ms: u64, public_key: &str) -> NodeConfig {
    let place = zone.map_or(String::new(), |zone| format!("zone = \"{}\"\n", Plan::zone(zone)));
    // Planes that say what they obey: both, DNS alone, none.
    let roles = match zone {
        None => "\"control\"",
        Some(zone) if zone % 2 == 0 => "\"checker\", \"dns\", \"balancer\"",
        Some(zone) if zone % 4 == 1 => "\"checker\", \"dns\", \"status\"",
        Some(_) => "\"checker\", \"status\"",
    };
    let text = format!(
        "[node]\nid = \"node-{at}\"\n{place}data_dir = \"data\"\nroles = [{roles}]\nbeat = \"{beat_ms}ms\"\n\
         [[break_glass_key]]\nname = \"ada\"\npublic_key = \"{public_key}\"\n"
    );
    hf_config::read_node("node.toml", &text)
        .unwrap_or_else(|problems| panic!("the simulation's node file: {problems}"))
}

/// Names the seed if something panics.
struct PanicStory(u64);

impl PanicStory {
    fn new(seed: u64) -> PanicStory {
        PanicStory(seed)
    }
}

impl Drop for PanicStory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "HF_SEED={}: replay: HF_SEED={} cargo nextest run -p hf-sim --no-capture one_seed",
                self.0, self.0
            );
        }
    }
}
