//! Five control nodes over one ledger, twenty data planes, and clients who turn routing controls through whichever node answers.
//!
//! The other simulation ([`crate::world`]) has one control node and looks closely at health, disks and frames. This one looks at what five
//! of them do to one another: who appends first, who is late, who repeats what.
//!
//! # What is real, what is simulated
//!
//! | part | |
//! |---|---|
//! | state machine, codecs, hub, decision | the real crates |
//! | what a control node does with what the ledger says (`hf_control_plane::Replica`) | the real one; the real writer is a task around it |
//! | frames of intents | the real bytes; who already has a revision does not read them, as on real connections |
//! | the ledger ([`store`]) | a model of etcd used as a log: compare the newest position and put, at once or not at all, linearizable reads |
//! | the way there ([`member`]) | delays, answers that are lost after the entry was put, requests that come after their sender gave up, no quorum |
//! | clients ([`client`]), planes' boots ([`plane`]), harm ([`harm`]) | simulated |
//!
//! # A run
//!
//! 1. The seed draws which faults are on ([`plan`]). 2. *Safety*: clients and an operator work, the world does harm. 3. *Liveness*: all is
//!    healed; every request gets its answer, each node takes a write, everybody agrees. 4. *Gone for good*: no control node comes back;
//!    planes go on as they were. 5. Healed among themselves, they agree.
//!
//! Two clients send dynamic updates of DNS names (RFC 2136) in the same way ([`updates`]).
//!
//! # What is checked ([`check`], [`phases`])
//!
//! - What clients were answered is linearizable (`hf-history`).
//! - At every committed revision every safety rule holds, unless who broke it named it; judged by a second count, not by `apply`.
//! - All nodes come to one state at one revision, and all planes to one decision.
//! - No plane goes back in revision; what it boots with is not older than what its disk had.
//! - No answer tells of an entry that the ledger does not have.
//! - Nothing that is due stays in force longer than [`check::DUE_MS`] while a control node that knows the time can reach the ledger.
//! - Never are two zones of a region away by autoshifts, whoever holds itself for the one that begins them; nor one by an autoshift while people
//!   take another away ([`check_autoshifts`](world::World::check_autoshifts)).
//! - No half of a dynamic update is ever seen, its prerequisites hold on the state that it changes, serials only rise, and what was acknowledged is in
//!   every node's answers once all is healed ([`updates`]).
//! - Without control, planes serve what they served.
//!
//! # The test of the tester
//!
//! [`Slip`] lists mistakes of a control node that can be made for one run; the seeds find each.

pub mod check;
pub mod client;
pub mod event;
pub mod harm;
pub mod member;
pub mod phases;
pub mod plan;
pub mod plane;
pub mod store;
pub mod updates;
pub mod world;

use crate::world::Violation;

pub use world::Seen;

/// A mistake of all control nodes, so that the tests can show that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// Safety rules are judged by the node that was asked, on what it knows, and not where the entry is applied.
    RuleAtTheReceiver,
    /// A node reads from what it knows, without asking the ledger how far that is.
    StaleReads,
    /// A node answers before the ledger has the entry.
    AcknowledgedEarly,
    /// A repeated request is another one.
    NoDeduplication,
    /// Prerequisites of dynamic updates are judged by the node that was asked, on what it knows.
    PrerequisiteAtTheReceiver,
    /// A dynamic update becomes two entries.
    UpdateInHalves,
}

impl Slip {
    /// All of them.
    pub const ALL: [Slip; 6] = [
        Slip::RuleAtTheReceiver,
        Slip::StaleReads,
        Slip::AcknowledgedEarly,
        Slip::NoDeduplication,
        Slip::PrerequisiteAtTheReceiver,
        Slip::UpdateInHalves,
    ];
}

/// Runs one seed.
///
/// # Errors
///
/// The first rule that did not hold, with the story that led there.
pub fn run(seed: u64, slip: Option<Slip>) -> Result<Seen, Violation> {
    world::World::new(seed, slip).run()
}
