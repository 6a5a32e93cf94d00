//! Whether this node's ledger takes changes, judged by what the nodes hold.
//!
//! 1. After a start it takes none for [`SETTLE`]: in that time every node that lives has dialled, and said what it holds. (Its
//!    first entry apart: see [`Gate`].)
//! 2. While the nodes hold more it takes none; that is said once at ERROR, and in the node's report until it is over.
//! 3. Told to, it goes on with what they hold, once, after [`SETTLE_ADOPT`].
//!
//! Not here: what is more (`hub`), what taking none means (`hf-control-plane`).

use std::sync::Arc;
use std::time::Duration;

use hf_control::Intent;
use hf_control_plane::{Behind, Control, Gate};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::hub::Hub;

/// From the start to the first change. The feed dials at most two seconds apart, and clients wait for three.
const SETTLE: Duration = Duration::from_millis(2_200);
/// From the start to going on with what the nodes hold: a node that was busy counts too.
const SETTLE_ADOPT: Duration = Duration::from_secs(5);

/// What to do with a ledger that is behind what the nodes hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostLedger {
    /// Take no changes, and say so.
    #[default]
    Refuse,
    /// Go on with what the nodes hold.
    Adopt,
}

/// Judges one node's ledger.
#[derive(Debug)]
pub struct LedgerGate {
    control: Control,
    intent: watch::Receiver<Arc<Intent>>,
    gate: watch::Sender<Gate>,
    settled_at: Instant,
    is_settled: bool,
    lost: LostLedger,
}

impl LedgerGate {
    /// For a ledger that has just been read; nothing goes through yet.
    pub fn new(control: Control, gate: watch::Sender<Gate>, lost: LostLedger) -> LedgerGate {
        let settle = if lost == LostLedger::Adopt { SETTLE_ADOPT } else { SETTLE };
        let mut intent = control.intent();
        intent.mark_changed();
        LedgerGate { control, intent, gate, settled_at: Instant::now() + settle, is_settled: false, lost }
    }

    /// The ledger's newest intent, and when it changes.
    pub fn intent(&mut self) -> &mut watch::Receiver<Arc<Intent>> {
        &mut self.intent
    }

    /// When it is known what the nodes hold: then [`LedgerGate::settle`] is due.
    pub fn settled_at(&self) -> Instant {
        self.settled_at
    }

    /// What the nodes hold is known.
    pub async fn settle(&mut self, hub: &mut Hub) {
        self.is_settled = true;
        if self.lost != LostLedger::Adopt {
            return;
        }
        self.lost = LostLedger::Refuse; // once
        let Some(held) = hub.beyond_ledger() else {
            info!("--adopt-intent: no node holds more than the ledger; it goes on as it is");
            return;
        };
        let shifts = held.shifts.len();
        match self.control.adopt(held).await {
            Ok(adopted) => {
                let kept = adopted.kept.map(|path| path.display().to_string());
                warn!(revision = %adopted.revision, shifts, kept, "the ledger goes on with what the nodes held; the one of before is kept");
                hub.own_ledger(self.intent.borrow().clone());
            }
            Err(problem) => error!(%problem, "the ledger does not go on with what the nodes hold"),
        }
    }

    /// Opens or shuts, after every event.
    pub fn judge(&mut self, hub: &mut Hub) {
        let ledger = self.intent.borrow().revision;
        let next = match hub.beyond_ledger() {
            Some(held) if self.lost == LostLedger::Refuse => {
                Gate::Behind(Behind { ledger, held: held.revision })
            }
            _ if self.is_settled => Gate::Open,
            _ => Gate::Settling,
        };
        let before = *self.gate.borrow();
        if before == next {
            return;
        }
        match next {
            Gate::Behind(problem) => {
                if !matches!(before, Gate::Behind(_)) {
                    error!(%problem, "this node's ledger takes no changes");
                }
                hub.set_ledger_problem(Some(problem.to_string()));
            }
            Gate::Settling | Gate::Open => {
                if matches!(before, Gate::Behind(_)) {
                    info!("this node's ledger has what the nodes hold, and takes changes again");
                }
                hub.set_ledger_problem(None);
            }
        }
        self.gate.send_replace(next);
    }
}
