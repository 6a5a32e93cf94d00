//! A whole Holdfast in one thread and virtual time: one control node, a node in each of three to six zones, an operator who
//! works with them, and a world that does them harm. Design rules are checked on every step.
//!
//! # What is real, what is simulated
//!
//! | part | |
//! |---|---|
//! | state machine, codecs, health, decision, snapshot file | the real crates |
//! | the hub of each node (`hf_node::hub`) | the real one; the loop around it follows `hf_node`'s task line by line |
//! | the feed's frames, messages and pace (`hf_feed::protocol`) | the real ones: every message passes through its bytes |
//! | the break-glass book and its signatures | the real ones |
//! | the ledger | `MemoryLedger` behind the real seam, with a disk that is full, fails, or does not say what it did |
//! | the ledger's writer | its sequence (append, apply, publish, answer) over the real parts; a restart reads checkpoint and entries |
//! | network, disks, clocks, probes, the operator | simulated ([`net`], [`disk`], [`clock`], [`checker`], [`operator`]) |
//!
//! # A run
//!
//! 1. The seed draws the world and which faults are on ([`plan`]).
//! 2. *Safety*: the operator works, the world does harm. 3. *Liveness*: all is healed; within [`HEAL_BEATS`] beats every node obeys the
//!    ledger's newest revision, the same acts are known everywhere, and writes work. 4. *Control is gone for good*: harm goes on, data planes
//!    answer on, shifts are held past their end, break-glass still works. 5. Healed again, without control: all nodes agree.
//!
//! # What is checked on every step ([`check`])
//!
//! - An acknowledged write is never lost, and a repeated request has its first answer, over any restart of the ledger.
//! - Snapshot numbers never go back, also over restarts; revisions never go back while a node runs, and a boot comes up with the
//!   newest good file. (What was in force and not yet on the disk when the node died may be older after the boot.)
//! - A node that had an estate never has none. What it obeys is, bit for bit, what the ledger committed at that revision: no node
//!   ends or bends a shift by itself.
//! - A zone under a shift that a node has applied is not served by it, unless the act is listed as not applied, with a reason that holds.
//! - Intent and health together leave every pool its floor.
//! - Verdicts are those of a second, slower count of the tables that came, by the node's own beats; where nobody says anything the last
//!   one holds, and an unknown endpoint serves. A node that is cut off therefore answers as before, its own checker's word apart.
//! - A node whose zone is cut off turns nobody outside it unhealthy: no evacuation on a checker's own loss ([`check::loss`]).
//! - With autoshifts ([`run_with_autoshifts`]) a zone is left by itself only where its endpoints fail, however nodes are cut off and tables are old
//!   ([`autoshift`]).
//! - [`CONVERGE_BEATS`] after all harm has ended every node has the same verdicts: all is well. The checkers need them for `rise` results; the rest is push.
//! - Break-glass acts are in force from their acknowledgement until their end by the node's own clock, and not after.
//! - Equal inputs have equal decisions on every node.
//! - The work is constant: the same messages on every beat, tables of one size whoever is healthy.
//!
//! # Replaying
//!
//! A violation prints `HF_SEED=N`; `HF_SEED=N cargo nextest run -p hf-sim --no-capture one_seed` plays it again with its story, and the
//! same seed always has the same trace. `HF_SEEDS=FIRST..LAST cargo nextest run -p hf-sim many_seeds` runs many. A seed that found a bug goes into `seeds.txt` with the bug's name.
//!
//! # The test of the tester
//!
//! [`Plant`] lists mistakes that can be switched on for one run. The tests see to it that the seeds find every one of them.

pub mod autoshift;
pub mod check;
pub mod checker;
pub mod clock;
#[expect(
    clippy::unnecessary_wraps,
    clippy::type_complexity,
    clippy::large_enum_variant,
    clippy::single_match_else,
    reason = "every step of the scheduler has one form, and what waits is short-lived"
)]
pub mod cluster;
pub mod control;
pub mod disk;
pub mod event;
pub mod harm;
pub mod life;
pub mod mistake;
pub mod net;
pub mod node;
pub mod operator;
pub mod phases;
pub mod plan;
pub mod rng;
pub mod trace;
pub mod turn;
pub mod world;

pub use phases::{CONVERGE_BEATS, HEAL_BEATS};
pub use world::{Summary, Violation};

/// A mistake to plant, so that the tests can show that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A node ends the ledger's shifts by its own clock.
    EndsShiftsByOwnClock,
    /// The ledger answers before the entry is on the disk.
    AnswersBeforeAppend,
    /// A restart of the ledger forgets which requests it has seen.
    ForgetsRequests,
    /// A checker that is not heard counts as one that sees everything down.
    MissingIsUnhealthy,
    /// An intent that is older than the one in force is taken.
    OlderRevisionAccepted,
    /// A node starts without looking at its disk.
    BootsEmpty,
    /// A node counts its snapshots from 1 after a restart.
    NumbersBeginAnew,
    /// Break-glass acts stay in force past their end.
    BreakGlassForEver,
    /// A node that sees something unhealthy sends more.
    MoreWorkOnFailure,
    /// A zone that is away serves.
    AwayServes,
    /// A decision goes below the floor.
    BelowFloor,
    /// An endpoint that nobody knows does not serve.
    UnknownIsUnhealthy,
    /// A checker that is cut off tells what it cannot reach as down.
    OwnLossIsTold,
    /// Checkers that are cut off, and an endpoint's own zone, have a say like everybody.
    CutOffCounts,
    /// A node takes others' tables on every tenth beat only.
    TablesTakenLate,
    /// An autoshift takes one checker's word for the quorum's.
    OneWordEvacuates,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 16] = [
        Plant::EndsShiftsByOwnClock,
        Plant::AnswersBeforeAppend,
        Plant::ForgetsRequests,
        Plant::MissingIsUnhealthy,
        Plant::OlderRevisionAccepted,
        Plant::BootsEmpty,
        Plant::NumbersBeginAnew,
        Plant::BreakGlassForEver,
        Plant::MoreWorkOnFailure,
        Plant::AwayServes,
        Plant::BelowFloor,
        Plant::UnknownIsUnhealthy,
        Plant::OwnLossIsTold,
        Plant::CutOffCounts,
        Plant::TablesTakenLate,
        Plant::OneWordEvacuates,
    ];
}

/// Runs one seed.
///
/// # Errors
///
/// The first rule that did not hold, with the story that led there.
pub fn run(seed: u64, plant: Option<Plant>) -> Result<Summary, Violation> {
    world::World::new(seed, plant).run()
}

/// Runs one seed in which a pool may be shifted by itself, longer and with fewer acts of the operator ([`autoshift`]).
///
/// # Errors
///
/// The first rule that did not hold, with the story that led there.
pub fn run_with_autoshifts(seed: u64, plant: Option<Plant>) -> Result<Summary, Violation> {
    world::World::with_autoshifts(seed, plant).run()
}
