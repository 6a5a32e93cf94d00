//! The seam: what every engine offers, in bytes and positions.
//!
//! The futures are boxed so that a program holds an `Arc<dyn Ledger>` and picks the engine at start.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use hf_model::{Digest, Revision};
use tokio::sync::watch;

use crate::error::LedgerError;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sizes beyond which an engine refuses; declared so that work has a known size.
pub mod limits {
    use super::{JournalLine, LedgerError};

    /// Bytes of one entry: 17 MiB, an estate's 16 MiB of text and room around it.
    pub const ENTRY_BYTES: usize = 17 << 20;
    /// Bytes of one checkpoint: 128 MiB, the newest estate beside everything else in the state.
    pub const CHECKPOINT_BYTES: usize = 128 << 20;
    /// Entries of one page of [`Ledger::follow`](super::Ledger::follow).
    pub const PAGE_ENTRIES: usize = 1_000;
    /// Bytes after which a page of [`Ledger::follow`](super::Ledger::follow) ends; it holds at least one entry.
    pub const PAGE_BYTES: usize = 32 << 20;
    /// Lines that the journal keeps; the oldest go first.
    pub const JOURNAL_LINES: u64 = 100_000;
    /// Bytes of one journal line: 256 KiB.
    pub const LINE_BYTES: usize = 256 << 10;
    /// Lines of one call of [`Journal::append`](super::Journal::append).
    pub const JOURNAL_BATCH: usize = 10_000;
    /// Lines of one answer of [`Journal::read`](super::Journal::read).
    pub const JOURNAL_PAGE: usize = 10_000;
    /// Bytes after which an answer of [`Journal::read`](super::Journal::read) ends; it holds at least one line.
    pub const JOURNAL_PAGE_BYTES: usize = 4 << 20;

    /// Refuses `what` when it is longer than `max`.
    pub(crate) fn check(what: &'static str, len: usize, max: usize) -> Result<(), LedgerError> {
        if len > max { Err(LedgerError::TooLarge { what, len, max }) } else { Ok(()) }
    }

    /// Refuses lines that are too long or too many.
    pub(crate) fn check_lines(lines: &[JournalLine]) -> Result<(), LedgerError> {
        if lines.len() > JOURNAL_BATCH {
            return Err(LedgerError::TooManyLines { len: lines.len(), max: JOURNAL_BATCH });
        }
        lines.iter().try_for_each(|line| check("a journal line", line.bytes.len(), LINE_BYTES))
    }
}

/// One page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// The state to begin with, and the position that it holds: present when entries after the asked position were trimmed.
    pub checkpoint: Option<(Revision, Vec<u8>)>,
    /// What follows it, in order and without a gap.
    pub entries: Vec<(Revision, Vec<u8>)>,
    /// Whether there was more when the page was full: ask again after its last entry.
    pub more: bool,
}

impl Followed {
    /// Where the reader stands after this page: ask for what follows from here.
    pub fn reached(&self, asked_after: Revision) -> Revision {
        let begin = self.checkpoint.as_ref().map_or(asked_after, |(at, _)| *at);
        self.entries.last().map_or(begin, |(at, _)| *at)
    }
}

/// The ordered, durable log.
pub trait Ledger: Send + Sync + 'static {
    /// Puts `entry` at the end. When this answers, the entry is on the disk; its position is the last one plus one.
    ///
    /// After an error nothing was added, except after [`LedgerError::Unknown`], [`LedgerError::Unavailable`] that says so, or when the
    /// process dies while the disk refuses writes. A future that is dropped before it answers may or may not have added its entry.
    fn append(&self, entry: Vec<u8>) -> BoxFuture<'_, Result<Revision, LedgerError>>;

    /// The newest position that anybody was told of: whoever has applied it has seen all that was acknowledged before the call.
    fn barrier(&self) -> BoxFuture<'_, Result<Revision, LedgerError>>;

    /// What follows position `after`, at most one page; empty when there is nothing newer. Does not wait: see [`Ledger::newest`].
    fn follow(&self, after: Revision) -> BoxFuture<'_, Result<Followed, LedgerError>>;

    /// Stores the state as of position `at` and drops the entries at or before it, in one step.
    ///
    /// `at` is not after the newest entry and not before the last checkpoint; the same `at` again replaces it.
    fn checkpoint(&self, at: Revision, state: Vec<u8>) -> BoxFuture<'_, Result<(), LedgerError>>;

    /// The position of the last checkpoint, anybody's; 0 before the first.
    fn last_checkpoint(&self) -> BoxFuture<'_, Result<Revision, LedgerError>>;

    /// Begins anew with the state as of position `at`, after the newest entry: for a log that was lost or is an old copy, where
    /// what readers hold has gone on. Nothing is deleted: an engine that outlives the process first keeps a copy beside it,
    /// `aside` in its name, and answers where that is.
    ///
    /// After an error the log is what it was, except after [`LedgerError::Unknown`] and [`LedgerError::Unavailable`] that says so.
    fn restart_at(
        &self,
        at: Revision,
        state: Vec<u8>,
        aside: String,
    ) -> BoxFuture<'_, Result<Option<PathBuf>, LedgerError>>;

    /// The newest position, to wait on. It may run behind other writers of a shared log, never ahead of what can be read.
    fn newest(&self) -> watch::Receiver<Revision>;
}

/// A line to journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// The entry that it tells of; none for lines about health and decisions.
    pub revision: Option<Revision>,
    /// The line.
    pub bytes: Vec<u8>,
}

/// A line that was journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journalled {
    /// Its position: 1, 2, 3, … in the order of writing.
    pub position: u64,
    /// The entry that it tells of.
    pub revision: Option<Revision>,
    /// The line.
    pub bytes: Vec<u8>,
    /// Its link of the chain through all lines: see [`verify`](crate::verify).
    pub chain: Digest,
}

/// Lines for people, beside the log: bounded, derived, durable like it.
pub trait Journal: Send + Sync + 'static {
    /// Adds lines and answers the newest position. Lines of a revision at or below the newest one journalled by earlier calls are
    /// skipped, so a replay writes nothing twice: hand in all lines of one revision in one call.
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>>;

    /// Up to `limit` lines after position `after`, oldest first, at most one page; lines that are gone already are passed over, and
    /// so are damaged ones, which the log names: they are for people, and no damage to the ledger.
    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>>;

    /// The newest position; 0 before the first line. The newest ten lines are `read(newest - 10, 10)`.
    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>>;

    /// Up to which revision everything is journalled, by whomever, as far as that is known without asking: lines of others need not be
    /// handed in again. 0 where one node alone writes.
    fn told(&self) -> Revision {
        Revision(0)
    }
}
