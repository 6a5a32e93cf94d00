//! Decision to numbered, checksummed snapshot: the one thing that the planes obey.
//!
//! A snapshot holds its inputs (intent, break-glass shifts, verdicts) and the decision made of them. The file on disk holds
//! the inputs only: a newer program decides anew from them, and the reasons stay explainable.
//!
//! Not here: who sends it (`hf-feed`), where it is kept (`hf-feed`), the swap (`hf-node`).

mod file;
mod place;

pub use file::{DecodeError, FILE_BYTES};
pub use place::{NoPlace, Place};

use std::sync::Arc;

use hf_config::estate::Estate;
use hf_control::{BreakGlassShift, Intent};
use hf_decide::{Decision, Inputs};
use hf_health::Verdicts;
use hf_model::{Digest, Timestamp};

/// All that a plane needs, immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Grows by at least one with every snapshot of this node, also over restarts.
    pub number: u64,
    /// When it was made, by the node's clock.
    pub made_at: Timestamp,
    /// What people want.
    pub intent: Arc<Intent>,
    /// The intent's estate, read.
    pub estate: Arc<Estate>,
    /// What operators said straight to this node.
    pub break_glass: Vec<BreakGlassShift>,
    /// Who is healthy.
    pub verdicts: Verdicts,
    /// What serves, and why.
    pub decision: Decision,
}

impl Snapshot {
    /// Decides and makes a snapshot.
    pub fn build(
        number: u64,
        now: Timestamp,
        intent: Arc<Intent>,
        estate: Arc<Estate>,
        break_glass: Vec<BreakGlassShift>,
        verdicts: Verdicts,
    ) -> Snapshot {
        let decision = hf_decide::decide(Inputs {
            estate: &estate,
            intent: &intent,
            break_glass: &break_glass,
            verdicts: &verdicts,
            now,
        });
        Snapshot { number, made_at: now, intent, estate, break_glass, verdicts, decision }
    }

    /// What names each break-glass shift that is in it: whoever obeys it has applied these.
    pub fn acts(&self) -> impl Iterator<Item = Digest> + '_ {
        self.break_glass.iter().filter(|act| !act.is_cancel()).map(BreakGlassShift::digest)
    }
}
