//! One node of the world: what survives its death, and what runs while it lives.
//!
//! The running part is the real hub with the real feed protocol around it; the little code that joins them follows
//! `hf_node`'s task. What a node must know is kept beside it, counted in the simulation's own way ([`Watch`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::estate::Estate;
use hf_config::node::{NodeConfig, Role};
use hf_control::BreakGlassShift;
use hf_feed::protocol::{Frames, Pace};
use hf_feed::{Outgoing, Peer, SignedBreakGlass};
use hf_health::{Table, Verdict};
use hf_model::{NodeId, Revision, Timestamp};
use hf_snapshot::Snapshot;

use crate::checker::Checker;
use crate::clock::SimClock;
use crate::disk::Disk;
use hf_node::hub::Hub;

/// A node.
#[derive(Debug)]
pub struct Node {
    /// How it is set up.
    pub config: NodeConfig,
    /// The zone where it runs; none for the control node.
    pub zone: Option<usize>,
    /// Its clock.
    pub clock: SimClock,
    /// Its disk.
    pub disk: Disk,
    /// How often it was started.
    pub incarnation: u64,
    /// The process, while it runs.
    pub running: Option<Running>,
    /// What it may never fall behind.
    pub high: High,
}

/// What a node never goes back from, restarts included.
#[derive(Clone, Copy, Debug, Default)]
pub struct High {
    /// The newest number published.
    pub number: u64,
    /// Whether the disk kept anything in this life. A node that dies again before its disk has taken anything cannot know
    /// which numbers it used: it goes on from the newest file, as in the life before.
    pub was_kept: bool,
    /// The newest revision that is on its disk for good.
    pub saved_revision: Revision,
}

/// A running process.
#[derive(Debug)]
pub struct Running {
    /// The real hub.
    pub hub: Hub,
    /// What its planes obey.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What is to be on the disk.
    pub kept: Kept,
    /// What is there.
    pub saved: Kept,
    /// What is being written.
    pub saving: Option<Kept>,
    /// What it told last.
    pub outgoing: Option<Outgoing>,
    /// The same as frames.
    pub frames: Frames,
    /// Its side of the connection to every node.
    pub links: Vec<Out>,
    /// Its checker.
    pub checker: Option<Checker>,
    /// When a node of another zone was last heard, by a clock that nobody sets.
    pub heard_outside: Option<Timestamp>,
    /// What it must know.
    pub watch: Watch,
}

/// What is kept on disk.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The newest snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// All break-glass acts.
    pub break_glass: Vec<SignedBreakGlass>,
}

impl Kept {
    /// What tells two of them apart.
    pub fn key(&self) -> (Option<u64>, &[SignedBreakGlass]) {
        (self.snapshot.as_ref().map(|snapshot| snapshot.number), &self.break_glass)
    }
}

/// One side of a connection.
#[derive(Debug, Default)]
pub struct Out {
    /// What is due.
    pub pace: Pace,
    /// The newest revision that the other end is known to have.
    pub peer_has: Revision,
}

/// What a node must know, counted without its code.
#[derive(Debug, Default)]
pub struct Watch {
    /// This node's beats in this run.
    pub beats: u64,
    /// The newest table of each checker, and in which beat it came.
    pub tables: BTreeMap<NodeId, (u64, Table)>,
    /// What must have come of them.
    pub verdicts: Vec<Verdict>,
    /// The estate that these are of.
    pub estate: Option<Arc<Estate>>,
    /// Break-glass acts that were told to it in this run.
    pub acts: BTreeSet<BreakGlassShift>,
    /// The newest snapshot that the planes have said that they obey.
    pub obeyed: u64,
    /// The newest revision in force in this run.
    pub revision: Revision,
}

impl Running {
    /// Whatever was told to this node may come into force by its clock later.
    pub fn remember_acts(&mut self) {
        let acts = self.hub.break_glass().into_iter().map(|signed| signed.shift);
        let in_force = self.snapshot.iter().flat_map(|snapshot| snapshot.break_glass.iter().cloned());
        self.watch.acts.extend(acts.chain(in_force));
    }
}

impl Node {
    /// A node that was never started.
    pub fn new(config: NodeConfig, zone: Option<usize>, clock: SimClock) -> Node {
        Node {
            config,
            zone,
            clock,
            disk: Disk::default(),
            incarnation: 0,
            running: None,
            high: High::default(),
        }
    }

    /// Whether it keeps the ledger.
    pub fn is_control(&self) -> bool {
        self.config.roles.contains(&Role::Control)
    }

    /// Whether it has planes that say what they obey.
    pub fn has_tellers(&self) -> bool {
        self.config.roles.iter().any(|role| matches!(role, Role::Balancer | Role::Dns))
    }

    /// How others see it.
    pub fn peer(&self) -> Peer {
        Peer {
            node: self.config.id.clone(),
            zone: self.config.zone.clone(),
            roles: self.config.roles.clone(),
            version: "0".to_owned(),
        }
    }
}
