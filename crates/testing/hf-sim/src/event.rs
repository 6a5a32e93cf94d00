//! What may come next in a run.

use std::sync::Arc;

use hf_feed::SignedBreakGlass;
use hf_model::RequestId;

use crate::harm::Mend;
use crate::phases::Phase;

/// What comes next.
#[derive(Clone, Debug)]
pub enum Event {
    /// A node's beat.
    Beat {
        /// Whose.
        node: usize,
        /// Of which of its lives.
        life: u64,
    },
    /// A node's checker probes.
    Probe {
        /// Whose.
        node: usize,
        /// Of which of its lives.
        life: u64,
    },
    /// A frame comes.
    Frame {
        /// From whom, and which of its lives.
        from: (usize, u64),
        /// To whom, and which of its lives.
        to: (usize, u64),
        /// The frame.
        bytes: Arc<[u8]>,
        /// Whether a bit of it was flipped on the way.
        is_damaged: bool,
    },
    /// A node's planes have taken up a snapshot.
    Obeyed {
        /// Whose.
        node: usize,
        /// Of which of its lives.
        life: u64,
        /// The snapshot's number.
        number: u64,
    },
    /// A node's disk has done what it was asked.
    Saved {
        /// Whose.
        node: usize,
        /// Of which of its lives.
        life: u64,
    },
    /// Time for a node to try its disk again.
    SaveAgain {
        /// Whose.
        node: usize,
        /// Of which of its lives.
        life: u64,
    },
    /// A node starts.
    Start {
        /// Which.
        node: usize,
    },
    /// The ledger's writer looks at its clock.
    Look,
    /// The ledger's disk has done, or not done, what it was asked.
    Appended {
        /// Of which life of the control node.
        life: u64,
    },
    /// The control node dies in the middle of what it does.
    Doom {
        /// Of which life of the control node.
        life: u64,
    },
    /// An answer reaches the operator, or the operator gives up waiting.
    Answer(RequestId),
    /// The operator does something.
    Operate,
    /// The operator hands a break-glass act to one more node.
    Hand(SignedBreakGlass, usize),
    /// The world does harm.
    Harm,
    /// A harm ends.
    Mend(Mend),
    /// The next phase.
    Phase(Phase),
}
