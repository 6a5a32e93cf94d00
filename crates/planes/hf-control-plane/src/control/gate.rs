//! Whether the ledger takes entries: not while the nodes hold more than it does.
//!
//! A ledger that was lost, or put back from an old copy, begins at a lower revision than what the nodes obey. They would ignore it
//! until it passed theirs, and then everything that only the lost one knew would be gone without a word.
//!
//! 1. After a start it is not known at once what the nodes hold. Until it is, changes wait; the first entry of an empty
//!    ledger does not, because nothing can be lost by it: nodes that hold more ignore it, and it is found out.
//! 2. While any intent is known that is newer, or of the same revision with another content, changes are refused and ends are held.
//!
//! Not here: who knows what the nodes hold (`hf-node`).

use hf_model::Revision;

/// Whether the ledger takes entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// What the nodes hold is not known yet.
    Settling,
    /// It does.
    Open,
    /// The nodes hold more.
    Behind(Behind),
}

/// How far a ledger is behind what the nodes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}; put back the newest copy of the ledger's file, or go on with what the nodes hold: start this node once with `holdfast serve -c FILE --adopt-intent`",
    self.what()
)]
pub struct Behind {
    /// The ledger's newest entry.
    pub ledger: Revision,
    /// The newest that the nodes are known to hold.
    pub held: Revision,
}

impl Behind {
    fn what(self) -> String {
        let Behind { ledger, held } = self;
        if ledger == held {
            format!(
                "the nodes hold another revision {held} than this node's ledger: it was lost or restored, and has gone another way since"
            )
        } else {
            format!(
                "this node's ledger is at revision {ledger}, the nodes hold revision {held}: it was lost or restored"
            )
        }
    }
}
