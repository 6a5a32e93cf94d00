//! What a node makes of what it hears, kept between requests: rates, times to zero, and the journal of its own decisions.
//!
//! One task takes in each new report and snapshot; requests read the results under a short lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hf_api::serve::stopped;
use hf_api::{ShiftConsumers, TimeToZero};
use hf_control::{BreakGlassShift, Shift, ShiftState};
use hf_ledger::JournalLine;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::api::Context;
use crate::consumers::{InForce, LOOKS_A_BEAT, Progresses};
use crate::decisions::Decisions;
use crate::glass;
use crate::gray::Journalled;
use crate::lines;
use crate::traffic::{Rates, Traffic};
use crate::zero::{self, Zeroes};

/// The results.
#[derive(Debug, Default)]
pub struct Observed {
    inner: Mutex<Inner>,
    /// Apart, so that a look at many consumers keeps nobody else waiting.
    progresses: Mutex<Progresses>,
}

#[derive(Debug, Default)]
struct Inner {
    traffic: Traffic,
    rates: Rates,
    zeroes: Zeroes,
}

impl Observed {
    /// The newest rates.
    pub fn rates(&self) -> Rates {
        self.with(|inner| inner.rates.clone())
    }

    /// A shift's time to zero: of an active one as it is now, of an ended one as it was.
    pub fn time_to_zero(&self, context: &Context, shift: &Shift) -> TimeToZero {
        if shift.state == ShiftState::Active {
            let (reports, snapshot) = (context.reports.borrow().clone(), context.snapshot());
            let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
            return zero::measure(shift, estate, &reports, context.clock.now(), context.beat);
        }
        self.with(|inner| inner.zeroes.of(shift))
    }

    /// What consumers have made of a shift.
    pub fn consumers_of(&self, shift: &Shift) -> ShiftConsumers {
        self.progresses().of(&shift.id)
    }

    /// What consumers have made of a break-glass shift.
    pub fn consumers_of_act(&self, act: &BreakGlassShift) -> ShiftConsumers {
        self.progresses().of_act(act)
    }

    /// Takes in the newest reports, and what was heard of consumers.
    #[cfg(test)]
    pub fn update(&self, context: &Context) {
        self.measure(context);
        self.look(context);
    }

    /// Takes in the newest reports.
    fn measure(&self, context: &Context) {
        let (reports, now) = (context.reports.borrow().clone(), context.clock.now());
        let (intent, snapshot) = (context.intent(), context.snapshot());
        let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
        self.with(|inner| {
            inner.rates = inner.traffic.update(&reports, now, context.beat);
            inner.zeroes.update(intent.shifts.iter(), estate, &reports, now, context.beat);
        });
    }

    /// Takes in what was heard of consumers, if that is news or a while ago.
    fn look(&self, context: &Context) {
        let (intent, snapshot, now) = (context.intent(), context.snapshot(), context.clock.now());
        let heard = context.consumers.borrow().clone();
        let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
        let acts = snapshot.as_ref().map(|snapshot| glass::with_record(snapshot, &intent, now).collect());
        let in_force = InForce {
            shifts: &intent.shifts,
            acts: acts.unwrap_or_default(),
            revision: intent.revision,
            estate,
        };
        self.progresses().update(&in_force, &heard, now, context.beat);
    }

    fn progresses(&self) -> MutexGuard<'_, Progresses> {
        self.progresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes in reports and snapshots until a stop is announced.
pub async fn run(context: &Context, observed: &Observed, mut shutdown: watch::Receiver<bool>) {
    let (mut snapshots, mut reports) = (context.snapshots.clone(), context.reports.clone());
    let mut decisions = Decisions::new(context.node.clone(), context.clock.now());
    let (mut gray, mut gray_lives) = (context.gray.clone(), true);
    // Whatever nodes tell in between: a look at all consumers for all shifts has its price.
    let mut looks = interval(context.beat / LOOKS_A_BEAT);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut journalled = Journalled::new(context.node.clone());
    loop {
        if gray.has_changed().unwrap_or(false) {
            let judged = gray.borrow_and_update().clone();
            let revision = context.snapshot().map_or(0, |snapshot| snapshot.intent.revision.0);
            let lines = journalled.lines(&judged, revision, context.clock.now());
            journal(context, lines).await;
        }
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(snapshot) = snapshot {
            let lines = decisions.lines(&snapshot, context.clock.now());
            journal(context, lines).await;
        }
        reports.mark_unchanged();
        observed.measure(context);
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                changed = snapshots.changed() => if changed.is_err() { return },
                changed = reports.changed() => if changed.is_err() { return },
                // Whoever wants the value takes it above.
                changed = wait_for_news(&gray), if gray_lives => gray_lives = changed,
                _ = looks.tick() => {
                    observed.look(context);
                    continue;
                }
            }
            break;
        }
    }
}

/// Waits for a value that was not seen; false when none will come any more.
async fn wait_for_news<T: Send + Sync>(of: &watch::Receiver<T>) -> bool {
    let mut of = of.clone();
    of.changed().await.is_ok()
}

async fn journal(context: &Context, decisions: Vec<lines::DecisionLine>) {
    if decisions.is_empty() {
        return;
    }
    for line in &decisions {
        info!(text = line.text, why = line.why, "decision");
    }
    let lines = decisions.iter().map(|line| JournalLine { revision: None, bytes: lines::encode(line) });
    if let Err(error) = context.journal.append(lines.collect()).await {
        warn!(%error, "decisions are missing in the journal; they are in force all the same");
    }
}
