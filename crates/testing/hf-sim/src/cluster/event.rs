//! What can happen in the cluster.

use std::sync::Arc;

use hf_control::{Command, Outcome};
use hf_history::controls::Switch;
use hf_model::RequestId;
use hf_snapshot::Snapshot;

use super::harm::Mend;
use super::phases::Phase;
use super::store::{Ask, Reply};

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which client.
    pub client: usize,
    /// Which of its operations.
    pub operation: u64,
}

/// What a client asks of a control node.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A change.
    Do(RequestId, Arc<Command>),
    /// All controls.
    Get,
}

/// What it is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What became of a change.
    Outcome(Outcome),
    /// All controls, at a revision.
    Values(u64, Vec<(String, Switch)>),
    /// Not now, not here; a change may have been made or not.
    Unavailable,
}

/// One life of something that starts and dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Which one.
    pub at: usize,
    /// Which of its lives.
    pub life: u64,
}

/// Who has something to tell on the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A control node.
    Member(usize),
    /// A data plane.
    Plane(usize),
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Event {
    /// A control node starts, knowing nothing.
    Start(usize),
    /// A control node looks at its clock.
    Look(Life),
    /// A control node tells everybody what it has.
    Beat(Life),
    /// Something comes to the ledger.
    Ask(Life, u64, Ask),
    /// Its answer comes back.
    Reply(Life, u64, Reply),
    /// A control node waits no longer for it.
    NoReply(Life, u64),
    /// A control node hears that there is something new.
    Newest(Life, u64),
    /// A client's request comes to a control node.
    Request(usize, Caller, Asked),
    /// Its answer comes back.
    Answer(Caller, Answer),
    /// A client waits no longer for the answer to its attempt.
    NoAnswer(Caller, u32),
    /// A client has had enough of thinking.
    Think(usize),
    /// An intent of this revision comes.
    Frame(Place, Place, u64, Arc<[u8]>),
    /// A plane starts from its disk.
    StartPlane(usize),
    /// A plane's beat.
    PlaneBeat(Life),
    /// A plane's disk has it.
    Saved(Life, Arc<Snapshot>),
    /// The world does harm.
    Harm,
    /// A harm ends.
    Mend(Mend),
    /// The next phase.
    Phase(Phase),
}
