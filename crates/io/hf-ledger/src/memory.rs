//! An engine that keeps everything in memory: for simulations, where the test owns time, disk and death.
//!
//! Clones are one ledger: a simulated node that "restarts" takes another clone. Bounded like the real one; sizes that matter are
//! those of the limits.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hf_model::{Digest, Revision};
use tokio::sync::watch;

use crate::chain::{GENESIS, link};
use crate::error::LedgerError;
use crate::seam::{BoxFuture, Followed, Journal, JournalLine, Journalled, Ledger, limits};

/// A ledger that lives as long as its last clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger {
    log: Arc<Mutex<Log>>,
    newest: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Log {
    /// The position that everything before `entries` is folded into, and its state once there was a checkpoint.
    begin: u64,
    state: Option<Vec<u8>>,
    entries: VecDeque<Vec<u8>>,
    journal: VecDeque<Journalled>,
    journal_newest: u64,
    journalled: u64,
    /// The newest link.
    chain: Digest,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            begin: 0,
            state: None,
            entries: VecDeque::new(),
            journal: VecDeque::new(),
            journal_newest: 0,
            journalled: 0,
            chain: GENESIS,
        }
    }
}

impl Log {
    fn newest(&self) -> Revision {
        Revision(self.begin + self.entries.len() as u64)
    }

    fn follow(&self, after: Revision) -> Result<Followed, LedgerError> {
        let newest = self.newest();
        if after > newest {
            return Err(LedgerError::Ahead { after, newest });
        }
        let checkpoint =
            self.state.clone().filter(|_| self.begin > after.0).map(|state| (Revision(self.begin), state));
        let mut page = Followed { checkpoint, ..Followed::default() };
        let begin = page.reached(after).0;
        let mut bytes = 0;
        for (entry, position) in self.entries.iter().skip((begin - self.begin) as usize).zip(begin + 1..) {
            if page.entries.len() == limits::PAGE_ENTRIES || bytes >= limits::PAGE_BYTES {
                page.more = true;
                break;
            }
            bytes += entry.len();
            page.entries.push((Revision(position), entry.clone()));
        }
        Ok(page)
    }

    fn checkpoint(&mut self, at: Revision, state: Vec<u8>) -> Result<(), LedgerError> {
        let (oldest, newest) = (Revision(self.begin), self.newest());
        if at < oldest || at > newest {
            return Err(LedgerError::CheckpointOutside { at, oldest, newest });
        }
        self.entries.drain(..(at.0 - self.begin) as usize);
        self.begin = at.0;
        self.state = Some(state);
        Ok(())
    }

    fn restart_at(&mut self, at: Revision, state: Vec<u8>) -> Result<(), LedgerError> {
        let newest = self.newest();
        if at <= newest {
            return Err(LedgerError::NotAfter { at, newest });
        }
        self.entries.clear();
        self.begin = at.0;
        self.state = Some(state);
        Ok(())
    }

    fn journal_append(&mut self, lines: Vec<JournalLine>) -> u64 {
        let seen = self.journalled;
        for line in lines.into_iter().filter(|line| line.revision.is_none_or(|revision| revision.0 > seen)) {
            self.journalled = self.journalled.max(line.revision.map_or(0, |revision| revision.0));
            self.journal_newest += 1;
            let revision = line.revision.filter(|revision| revision.0 > 0);
            self.chain = link(self.chain, self.journal_newest, revision, &line.bytes);
            self.journal.push_back(Journalled {
                position: self.journal_newest,
                revision,
                bytes: line.bytes,
                chain: self.chain,
            });
            if self.journal.len() as u64 > limits::JOURNAL_LINES {
                self.journal.pop_front();
            }
        }
        self.journal_newest
    }
}

impl MemoryLedger {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn append(&self, entry: Vec<u8>) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            limits::check("an entry", entry.len(), limits::ENTRY_BYTES)?;
            let mut log = self.log();
            log.entries.push_back(entry);
            let newest = log.newest();
            self.newest.send_replace(newest);
            Ok(newest)
        })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move { Ok(self.log().newest()) })
    }

    fn follow(&self, after: Revision) -> BoxFuture<'_, Result<Followed, LedgerError>> {
        Box::pin(async move { self.log().follow(after) })
    }

    fn checkpoint(&self, at: Revision, state: Vec<u8>) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.log().checkpoint(at, state)
        })
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move { Ok(Revision(self.log().begin)) })
    }

    fn restart_at(
        &self,
        at: Revision,
        state: Vec<u8>,
        _: String,
    ) -> BoxFuture<'_, Result<Option<PathBuf>, LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.log().restart_at(at, state)?;
            self.newest.send_replace(at);
            Ok(None)
        })
    }

    fn newest(&self) -> watch::Receiver<Revision> {
        self.newest.subscribe()
    }
}

impl Journal for MemoryLedger {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move {
            limits::check_lines(&lines)?;
            Ok(self.log().journal_append(lines))
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        let limit = limit.min(limits::JOURNAL_PAGE);
        Box::pin(async move {
            let log = self.log();
            let gone = log.journal_newest - log.journal.len() as u64;
            let skip = usize::try_from(after.saturating_sub(gone)).unwrap_or(usize::MAX);
            let mut len = 0;
            let fits = |line: &&Journalled| {
                let is_full = len >= limits::JOURNAL_PAGE_BYTES;
                len += line.bytes.len();
                !is_full
            };
            Ok(log.journal.iter().skip(skip).take(limit).take_while(fits).cloned().collect())
        })
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move { Ok(self.log().journal_newest) })
    }
}
