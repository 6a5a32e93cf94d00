//! The one ledger: etcd used as a log, as a model; and beside it the truth, which no node ever sees.
//!
//! 1. An entry is put at a position if that is the next one, at once or not at all; else who asks hears the newest position.
//! 2. Reads and the newest position are linearizable. What is there stays, until a checkpoint holds what it did.
//! 3. The truth is made of the same bytes: the state, the intent and the outcome of every revision.
//!
//! Not here: the way to it, and what gets lost there (`member`); whether what was put keeps the rules (`check`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_control::{Board, Entry, Intent, Outcome, State};
use hf_ledger::{Followed, Ledger, LedgerError, MemoryLedger};
use hf_model::Revision;

use crate::control::at_once;

/// What a control node asks of the ledger.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Put this at that position.
    Put(u64, Arc<Vec<u8>>),
    /// The newest position.
    Newest,
    /// What follows this position.
    Follow(u64),
    /// This is the state at that position.
    Checkpoint(u64, Arc<Vec<u8>>),
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is there.
    Put(u64),
    /// Another one is; this is the newest position.
    Taken(u64),
    /// The newest position.
    Newest(u64),
    /// A page.
    Page(Followed),
    /// Kept, or not needed any more.
    Kept,
}

/// The ledger, and the truth.
#[derive(Debug, Default)]
pub struct Store {
    ledger: MemoryLedger,
    /// All that was put, applied.
    pub shadow: State,
    /// The intent of every revision.
    pub truth: BTreeMap<u64, Arc<Intent>>,
    /// The outcome of every revision.
    pub outcomes: BTreeMap<u64, Outcome>,
}

/// An entry has come in.
#[derive(Debug)]
pub struct Put {
    /// What it is.
    pub entry: Entry,
    /// The controls and rules before it.
    pub before: Board,
}

impl Store {
    /// The newest position.
    pub fn newest(&self) -> u64 {
        self.shadow.revision.0
    }

    /// Does what is asked. An entry that was put is told too.
    ///
    /// # Errors
    ///
    /// What was put cannot be read, or the ledger breaks its own rules.
    pub fn obey(&mut self, ask: &Ask) -> Result<(Reply, Option<Put>), String> {
        match ask {
            Ask::Put(at, _) if *at != self.newest() + 1 => Ok((Reply::Taken(self.newest()), None)),
            Ask::Put(at, bytes) => {
                let put = self.put(*at, bytes)?;
                Ok((Reply::Put(*at), Some(put)))
            }
            Ask::Newest => Ok((Reply::Newest(self.newest()), None)),
            Ask::Follow(after) => {
                let page = at_once(self.ledger.follow(Revision(*after)));
                Ok((Reply::Page(page.map_err(|error| format!("the ledger cannot be read: {error}"))?), None))
            }
            Ask::Checkpoint(at, bytes) => {
                match at_once(self.ledger.checkpoint(Revision(*at), bytes.to_vec())) {
                    // Another node has made a newer one meanwhile.
                    Ok(()) | Err(LedgerError::CheckpointOutside { .. }) => Ok((Reply::Kept, None)),
                    Err(error) => Err(format!("checkpoint at {at}: {error}")),
                }
            }
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) -> Result<Put, String> {
        let entry = hf_codec::decode_entry(bytes).map_err(|error| format!("entry {at}: {error}"))?;
        let appended = at_once(Ledger::append(&self.ledger, bytes.to_vec()));
        if appended.as_ref().ok() != Some(&Revision(at)) {
            return Err(format!("entry {at} came to stand elsewhere: {appended:?}"));
        }
        let before = self.shadow.board.clone();
        let (outcome, _) = self.shadow.apply(Revision(at), &entry);
        self.truth.insert(at, Arc::new(self.shadow.intent()));
        self.outcomes.insert(at, outcome);
        Ok(Put { entry, before })
    }
}
