//! The journal of a node without a ledger: the newest lines, in memory.
//!
//! Not here: the durable journal (`hf-ledger`).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hf_ledger::{BoxFuture, GENESIS, Journal, JournalLine, Journalled, LedgerError, limits, link};
use hf_model::Digest;

/// Lines kept.
pub const LINES: usize = 2_000;

/// The newest [`LINES`] lines; gone with the process.
#[derive(Debug, Default)]
pub struct RingJournal(Mutex<Ring>);

#[derive(Debug)]
struct Ring {
    lines: VecDeque<Journalled>,
    newest: u64,
    /// The newest link of the chain, which begins with the process.
    chain: Digest,
}

impl Default for Ring {
    fn default() -> Self {
        Ring { lines: VecDeque::new(), newest: 0, chain: GENESIS }
    }
}

impl RingJournal {
    fn with<T>(&self, work: impl FnOnce(&mut Ring) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for RingJournal {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        let newest = self.with(|ring| {
            for JournalLine { revision, bytes } in lines {
                ring.newest += 1;
                ring.chain = link(ring.chain, ring.newest, revision, &bytes);
                let chain = ring.chain;
                ring.lines.push_back(Journalled { position: ring.newest, revision, bytes, chain });
            }
            let surplus = ring.lines.len().saturating_sub(LINES);
            ring.lines.drain(..surplus);
            ring.newest
        });
        Box::pin(std::future::ready(Ok(newest)))
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        let limit = limit.min(limits::JOURNAL_PAGE);
        let lines = self.with(|ring| {
            ring.lines.iter().filter(|line| line.position > after).take(limit).cloned().collect()
        });
        Box::pin(std::future::ready(Ok(lines)))
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(std::future::ready(Ok(self.with(|ring| ring.newest))))
    }
}
