//! What a node makes of what it hears, kept between requests: rates, times to zero, and the journal of its own decisions.
//!
//! One task takes in each new report and snapshot; requests read the results under a short lock.

use std::sync::{Mutex, PoisonError};

use hf_api::TimeToZero;
use hf_api::serve::stopped;
use hf_control::{Shift, ShiftState};
use hf_ledger::JournalLine;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::api::Context;
use crate::decisions::Decisions;
use crate::gray::Journalled;
use crate::lines;
use crate::traffic::{Rates, Traffic};
use crate::zero::{self, Zeroes};

/// The results.
#[derive(Debug, Default)]
pub struct Observed(Mutex<Inner>);

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

    /// Takes in the newest reports.
    pub fn update(&self, context: &Context) {
        let (reports, now) = (context.reports.borrow().clone(), context.clock.now());
        let (intent, snapshot) = (context.intent(), context.snapshot());
        let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
        self.with(|inner| {
            inner.rates = inner.traffic.update(&reports, now, context.beat);
            inner.zeroes.update(intent.shifts.iter(), estate, &reports, now, context.beat);
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes in reports and snapshots until a stop is announced.
pub async fn run(context: &Context, observed: &Observed, mut shutdown: watch::Receiver<bool>) {
    let (mut snapshots, mut reports) = (context.snapshots.clone(), context.reports.clone());
    let mut decisions = Decisions::new(context.node.clone(), context.clock.now());
    let (mut gray, mut gray_lives) = (context.gray.clone(), true);
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
        observed.update(context);
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            changed = snapshots.changed() => if changed.is_err() { return },
            changed = reports.changed() => if changed.is_err() { return },
            // Whoever wants the value takes it above.
            changed = wait_for_news(&gray), if gray_lives => gray_lives = changed,
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
