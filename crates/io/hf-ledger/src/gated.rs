//! A ledger in memory behind a gate: for tests in which the way to a ledger breaks, and the ledger does not.
//!
//! 1. Whoever implements [`GatedLedger`] is a ledger and a journal. The gate is asked before each verb that it may want to stop, and
//!    its error stands for the answer; all else goes to the memory behind it.
//! 2. An append that was made can lose its answer on the way back.
//!
//! Not here: when the way breaks; that is each test's story.

use std::path::PathBuf;

use hf_model::Revision;
use tokio::sync::watch;

use crate::error::LedgerError;
use crate::memory::MemoryLedger;
use crate::seam::{BoxFuture, Followed, Journal, JournalLine, Journalled, Ledger};

/// What is on its way to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb<'a> {
    /// This entry.
    Append(&'a [u8]),
    /// The question for the newest position.
    Barrier,
    /// A page of entries.
    Follow,
    /// A checkpoint.
    Checkpoint,
    /// Lines of the journal.
    Lines,
}

/// The gate, and what is behind it.
pub trait GatedLedger: Send + Sync + 'static {
    /// What is behind the gate.
    fn behind(&self) -> &MemoryLedger;

    /// Lets a verb through, now or later, or answers in the ledger's place.
    fn pass<'a>(&'a self, verb: Verb<'a>) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// Lets the answer of an append back, or loses it.
    fn pass_back(&self, at: Revision) -> Result<Revision, LedgerError> {
        Ok(at)
    }

    /// What is heard of other writers.
    fn heard(&self) -> watch::Receiver<Revision> {
        self.behind().newest()
    }
}

impl<G: GatedLedger> Ledger for G {
    fn append(&self, entry: Vec<u8>) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            self.pass(Verb::Append(&entry)).await?;
            self.pass_back(Ledger::append(self.behind(), entry).await?)
        })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            self.pass(Verb::Barrier).await?;
            self.behind().barrier().await
        })
    }

    fn follow(&self, after: Revision) -> BoxFuture<'_, Result<Followed, LedgerError>> {
        Box::pin(async move {
            self.pass(Verb::Follow).await?;
            self.behind().follow(after).await
        })
    }

    fn checkpoint(&self, at: Revision, state: Vec<u8>) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            self.pass(Verb::Checkpoint).await?;
            self.behind().checkpoint(at, state).await
        })
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        self.behind().last_checkpoint()
    }

    fn restart_at(
        &self,
        at: Revision,
        state: Vec<u8>,
        aside: String,
    ) -> BoxFuture<'_, Result<Option<PathBuf>, LedgerError>> {
        self.behind().restart_at(at, state, aside)
    }

    fn newest(&self) -> watch::Receiver<Revision> {
        self.heard()
    }
}

impl<G: GatedLedger> Journal for G {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move {
            self.pass(Verb::Lines).await?;
            Journal::append(self.behind(), lines).await
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        Journal::read(self.behind(), after, limit)
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        self.behind().newest_position()
    }
}
