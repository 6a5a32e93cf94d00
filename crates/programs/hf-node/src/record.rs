//! Writes break-glass acts into the ledger, as soon as there is one again.
//!
//! 1. Every verified act that this node knows and that the ledger does not tell of yet is recorded: shifts, cancels, those that have ended,
//!    those of zones that are gone. In the order of their signing: what came later must not meet a ledger that lacks what came before.
//! 2. Several control nodes record the same act. Its request id is made from the act, so the ledger takes it once; and each waits for a
//!    moment of chance, and then mostly finds it done.
//! 3. Nothing is recorded while it is not known what the nodes hold, or while they hold more than the ledger ([`Gate`]).
//! 4. A ledger that cannot be reached is tried again and again, which is told once. At most one act each [`PACE`].
//! 5. An act that the ledger refuses is told and not tried again before the next start; nodes go on obeying it until its end.
//!
//! Not here: what the ledger makes of an act (`hf-control`), who tells of that (`hub`).

use std::collections::BTreeSet;
use std::time::Duration;

use hf_control::{BreakGlassShift, Command, Intent, Outcome};
use hf_control_plane::{Control, Gate};
use hf_feed::SignedBreakGlass;
use hf_model::{Digest, RequestId};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info};

use crate::save::Kept;

/// Between two acts that are recorded.
const PACE: Duration = Duration::from_millis(50);
/// How long another control node has for recording an act first.
const OTHERS_FIRST: Duration = Duration::from_millis(200);
/// From a failure to the next try.
const AGAIN: Duration = Duration::from_secs(1);

/// Records until `shutdown` is true. `kept` has the acts that this node knows.
pub async fn run(
    control: Control,
    gate: watch::Receiver<Gate>,
    kept: watch::Receiver<Kept>,
    mut shutdown: watch::Receiver<bool>,
) {
    tokio::select! {
        () = record(control, gate, kept) => {}
        _ = shutdown.wait_for(|stop| *stop) => return,
    }
    // Nothing more will come, and the node goes on.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn record(control: Control, mut gate: watch::Receiver<Gate>, mut kept: watch::Receiver<Kept>) {
    let mut ledger = control.intent();
    let mut recorder = Recorder::default();
    loop {
        let is_open = *gate.borrow_and_update() == Gate::Open;
        let acts = kept.borrow_and_update().break_glass.clone();
        let told = ledger.borrow_and_update().clone();
        let Some(act) = recorder.next(&acts, &told).filter(|_| is_open) else {
            let changed = tokio::select! {
                changed = gate.changed() => changed,
                changed = kept.changed() => changed,
                changed = ledger.changed() => changed,
            };
            if changed.is_err() {
                return; // the node is stopping
            }
            continue;
        };
        let part = u32::from(hf_clock::random_bytes::<1>()[0]);
        let told = timeout(OTHERS_FIRST * part / 255, ledger.wait_for(|ledger| is_told(ledger, &act)));
        if told.await.is_ok() {
            continue;
        }
        let command = Command::RecordBreakGlass { act: act.clone() };
        let pause = match control.submit(act.by.clone(), request_of(&act), command).await {
            Ok(outcome) => {
                recorder.heard(&act, &outcome);
                PACE
            }
            Err(problem) => {
                recorder.failed(&act, &problem.to_string());
                AGAIN
            }
        };
        sleep(pause).await;
    }
}

/// What was done so far.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Those that the ledger has answered, as long as they are known here: it remembers fewer acts than there may be.
    answered: BTreeSet<Digest>,
    is_failing: bool,
}

impl Recorder {
    /// The act to be recorded next; `ledger` is what the ledger says.
    pub fn next(&mut self, known: &[SignedBreakGlass], ledger: &Intent) -> Option<BreakGlassShift> {
        let known = known.iter().map(|signed| &signed.shift);
        let names: BTreeSet<Digest> = known.clone().map(BreakGlassShift::digest).collect();
        self.answered.retain(|name| names.contains(name));
        let is_due = |act: &&BreakGlassShift| {
            act.estate == ledger.estate_id && !is_told(ledger, act) && !self.answered.contains(&act.digest())
        };
        known.filter(is_due).min_by_key(|act| (act.newness(), &act.zone)).cloned()
    }

    /// The ledger has answered.
    pub fn heard(&mut self, act: &BreakGlassShift, outcome: &Outcome) {
        let BreakGlassShift { zone, by, .. } = act;
        self.is_failing = false;
        self.answered.insert(act.digest());
        if let Outcome::Refused(problem) = outcome {
            error!(%zone, %by, %problem, "the ledger does not record a break-glass act; the nodes obey it until its end");
        }
    }

    fn failed(&mut self, act: &BreakGlassShift, problem: &str) {
        let BreakGlassShift { zone, by, .. } = act;
        if std::mem::replace(&mut self.is_failing, true) {
            debug!(%zone, %by, problem, "a break-glass act still waits for the ledger");
        } else {
            info!(%zone, %by, problem, "a break-glass act is recorded as soon as the ledger takes it");
        }
    }
}

fn is_told(ledger: &Intent, act: &BreakGlassShift) -> bool {
    ledger.break_glass.iter().any(|recorded| recorded.act.is_same(act))
}

/// The same for one act on every node.
pub fn request_of(act: &BreakGlassShift) -> RequestId {
    let digest = act.digest().to_string();
    RequestId::new(&format!("break-glass-{}", &digest[..32])).expect("letters, hyphens and digits")
}

#[cfg(test)]
mod tests;
