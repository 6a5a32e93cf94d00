//! Journal lines on their way: written beside everything else, so that no change waits for them.
//!
//! 1. One write at a time; what comes meanwhile goes with the next one.
//! 2. A node that writes alone writes at once. Where several share the ledger, one that made an entry lets [`OWN_FIRST`] pass, so that
//!    a burst of entries is one write; the others leave its lines to it, and write those that nobody has written after
//!    [`OTHERS_LATE`]. What is known to be written by another one is dropped.
//! 3. When the journal cannot be written the lines wait, so many at most, and the ledger goes on.
//!
//! Not here: what lines say (`hf-codec`), that none is written twice (`hf-ledger`).

use std::sync::Arc;
use std::time::Duration;

use hf_ledger::{Journal, JournalLine, limits};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

/// Lines from which on changes wait for a journal that can be written.
const LINES: usize = 256;
/// Lines, and their bytes, that wait at most for a journal that cannot be written; the oldest are dropped, and counted.
const LINES_KEPT: usize = limits::JOURNAL_BATCH;
const LINES_KEPT_BYTES: usize = 16 << 20;
/// How long one write may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// From a failed write to the next.
const RETRY: Duration = Duration::from_secs(1);
/// How long lines of an own entry wait for more.
const OWN_FIRST: Duration = Duration::from_millis(100);
/// How long the lines of others' entries are left to them; up to twice that, by chance.
const OTHERS_LATE: Duration = Duration::from_secs(1);

/// Whose entry a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This node's, and no other one writes to the ledger.
    OursAlone,
    /// This node's.
    Ours,
    /// Another node's.
    Theirs,
}

/// The lines that wait, and the write that is under way.
pub struct Scribe {
    journal: Arc<dyn Journal>,
    waiting: Vec<(Instant, JournalLine)>,
    /// How many of the first lines are being written.
    writing: Option<(usize, JoinHandle<Result<(), String>>)>,
    /// After a failure: when to try again.
    again: Option<Instant>,
}

impl Scribe {
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Scribe { journal, waiting: Vec::new(), writing: None, again: None }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A line more.
    pub fn push(&mut self, line: JournalLine, whose: Whose) {
        let after = match whose {
            Whose::OursAlone => Duration::ZERO,
            Whose::Ours => OWN_FIRST,
            Whose::Theirs => {
                let part = u32::from(hf_clock::random_bytes::<1>()[0]);
                OTHERS_LATE + OTHERS_LATE * part / 255
            }
        };
        self.waiting.push((Instant::now() + after, line));
    }

    /// When there is something to begin.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.writing.is_some() {
            return None; // its end comes first
        }
        let due = self.waiting.iter().map(|(due, _)| *due).min()?;
        Some(self.again.map_or(due, |again| due.max(again)))
    }

    /// Begins to write what waits, if it is time.
    pub fn begin_if_due(&mut self) {
        if self.writing.is_none() {
            let told = self.journal.told();
            self.waiting.retain(|(_, line)| line.revision.is_none_or(|revision| revision > told));
        }
        if self.wake_at().is_some_and(|due| due <= Instant::now()) {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let lines: Vec<JournalLine> = self.waiting.iter().map(|(_, line)| line.clone()).collect();
        let (journal, count) = (self.journal.clone(), lines.len());
        let writing = tokio::spawn(async move {
            for part in lines.chunks(limits::JOURNAL_BATCH) {
                // Written twice, after a lost answer or an end of patience, they are there once: they are lines of entries.
                match timeout(PATIENCE, journal.append(part.to_vec())).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Err(error.to_string()),
                    Err(_) => return Err(format!("no answer within {} ms", PATIENCE.as_millis())),
                }
            }
            Ok(())
        });
        self.writing = Some((count, writing));
    }

    /// Waits for the write that is under way; for ever, if there is none. May be dropped and called anew.
    pub async fn written(&mut self) {
        let Some((_, writing)) = &mut self.writing else { return std::future::pending().await };
        let done = writing.await.unwrap_or_else(|error| Err(error.to_string()));
        let count = self.writing.take().map_or(0, |(count, _)| count);
        match done {
            Ok(()) => {
                self.waiting.drain(..count);
                if self.again.take().is_some() {
                    info!("the journal can be written again");
                }
            }
            Err(problem) => {
                if self.again.is_none() {
                    warn!(
                        problem,
                        "the journal cannot be written, its lines wait; the ledger is not affected"
                    );
                }
                self.again = Some(Instant::now() + RETRY);
                self.bound();
            }
        }
    }

    /// Writes everything now; what a journal that fails leaves over goes on waiting.
    pub async fn write_all(&mut self) {
        if self.writing.is_some() {
            self.written().await;
        }
        if !self.waiting.is_empty() && self.again.is_none_or(|again| again <= Instant::now()) {
            self.begin();
            self.written().await;
        }
    }

    /// Lets a journal that can be written come after, when too much waits for it.
    pub async fn keep_up(&mut self) {
        if self.waiting.len() >= LINES {
            self.write_all().await;
        }
    }

    fn bound(&mut self) {
        let mut bytes: usize = self.waiting.iter().map(|(_, line)| line.bytes.len()).sum();
        let mut surplus = 0;
        for (_, line) in &self.waiting {
            if self.waiting.len() - surplus <= LINES_KEPT && bytes <= LINES_KEPT_BYTES {
                break;
            }
            bytes -= line.bytes.len();
            surplus += 1;
        }
        if surplus > 0 {
            warn!(
                lines = surplus,
                "too many lines wait for the journal; the oldest are dropped, and a restart journals what the ledger still holds"
            );
            self.waiting.drain(..surplus);
        }
    }
}

#[cfg(test)]
mod tests;
