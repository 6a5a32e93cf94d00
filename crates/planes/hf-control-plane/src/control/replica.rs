//! What one control node knows of the ledger, and what it does with what the ledger says: the writer without task, clock and ledger.
//!
//! 1. The state is what the entries say, in their order and without a gap; a checkpoint stands for those before it.
//! 2. An entry that the ledger took right behind the state is applied as it was sent. One that it took further on is read back with
//!    what others put before it.
//! 3. An entry of which the ledger did not say whether it took it is forgotten here: if it is there, it comes with what others wrote.
//! 4. A checkpoint is due after so many entries or bytes, whoever wrote them.
//!
//! The simulation runs this very code on five nodes over one ledger (`hf-sim`). Not here: when to do what (`writer`).

use hf_codec::CodecError;
use hf_control::{Command, Entry, Event, Outcome, State};
use hf_model::{Digest, RequestId, Revision, Timestamp};

use super::{Asker, StartError};

/// What one node knows.
#[derive(Debug, Default)]
pub struct Replica {
    state: State,
    entries_since_checkpoint: u64,
    bytes_since_checkpoint: usize,
}

/// An entry on its way to the ledger.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What is to be appended.
    pub bytes: Vec<u8>,
    entry: Entry,
}

impl Draft {
    /// The digest of its command: what tells a request that is repeated from an id that is used again.
    pub fn command(&self) -> Digest {
        self.entry.command.digest()
    }
}

/// An entry that was applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Where it stands.
    pub revision: Revision,
    /// What was asked.
    pub entry: Entry,
    /// What became of it.
    pub outcome: Outcome,
    /// What changed.
    pub events: Vec<Event>,
}

impl Replica {
    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Goes on from a state that does not come from the ledger's entries.
    pub fn go_on_from(&mut self, state: State) {
        *self = Replica { state, ..Replica::default() };
    }

    /// Makes an entry ready to go.
    ///
    /// # Errors
    ///
    /// It is larger than an entry may be.
    pub fn draft(
        by: impl Into<Asker>,
        request: RequestId,
        stamp: Timestamp,
        command: Command,
    ) -> Result<Draft, CodecError> {
        let Asker { name: by, from } = by.into();
        let entry = Entry { request, stamp, by, from, command };
        Ok(Draft { bytes: hf_codec::encode_entry(&entry)?, entry })
    }

    /// What would become of a command as the next entry; the state stays as it is.
    pub fn rehearse(&self, by: Asker, stamp: Timestamp, command: Command) -> Outcome {
        let request = RequestId::new("rehearsal").expect("letters");
        let Asker { name: by, from } = by;
        let mut state = self.state.clone();
        // No client's request: not even one of this name.
        state.requests.clear();
        let next = Revision(state.revision.0 + 1);
        let (outcome, _) = state.apply(next, &Entry { request, stamp, by, from, command });
        outcome
    }

    /// The ledger took the draft at `revision`. None: others wrote before it. Read on then, and ask [`Replica::outcome_of`].
    pub fn took(&mut self, revision: Revision, draft: Draft) -> Option<Applied> {
        let is_next = revision.0 == self.state.revision.0 + 1;
        is_next.then(|| self.apply(revision, draft.entry, draft.bytes.len()))
    }

    /// A page of the ledger begins with a checkpoint.
    ///
    /// # Errors
    ///
    /// [`StartError::Checkpoint`].
    pub fn begin_with(&mut self, revision: Revision, bytes: &[u8]) -> Result<(), StartError> {
        let state =
            hf_codec::decode_state(bytes).map_err(|source| StartError::Checkpoint { revision, source })?;
        self.go_on_from(state);
        Ok(())
    }

    /// The next entry of a page.
    ///
    /// # Errors
    ///
    /// It is not the next one, or not readable; nothing was changed.
    pub fn read(&mut self, revision: Revision, bytes: &[u8]) -> Result<Applied, StartError> {
        if revision.0 != self.state.revision.0 + 1 {
            return Err(StartError::Gap { newest: self.state.revision, found: revision });
        }
        let entry = hf_codec::decode_entry(bytes).map_err(|source| StartError::Entry { revision, source })?;
        Ok(self.apply(revision, entry, bytes.len()))
    }

    /// What became of a request, if it is in the state: also behind a checkpoint that somebody else made meanwhile.
    /// `command` is [`Draft::command`].
    pub fn outcome_of(&self, request: &RequestId, command: Digest) -> Option<Outcome> {
        self.state.outcome_of(request, command)
    }

    fn apply(&mut self, revision: Revision, entry: Entry, size: usize) -> Applied {
        let (outcome, events) = self.state.apply(revision, &entry);
        self.entries_since_checkpoint += 1;
        self.bytes_since_checkpoint += size;
        Applied { revision, entry, outcome, events }
    }

    /// Whether a checkpoint is due after `entries` entries or `bytes` bytes.
    pub fn is_checkpoint_due(&self, entries: u64, bytes: usize) -> bool {
        self.entries_since_checkpoint >= entries || self.bytes_since_checkpoint >= bytes
    }

    /// Somebody has made a checkpoint at `at`: what came before counts no more.
    pub fn checkpointed_at(&mut self, at: Revision) {
        let since = self.state.revision.0.saturating_sub(at.0);
        if since < self.entries_since_checkpoint {
            (self.entries_since_checkpoint, self.bytes_since_checkpoint) = (since, 0);
        }
    }

    /// The checkpoint that is due after `entries` entries or `bytes` bytes; none while none is due.
    ///
    /// Counted anew either way: after a failure the next attempt comes as many entries later.
    pub fn checkpoint_if_due(
        &mut self,
        entries: u64,
        bytes: usize,
    ) -> Option<(Revision, Result<Vec<u8>, CodecError>)> {
        if !self.is_checkpoint_due(entries, bytes) {
            return None;
        }
        (self.entries_since_checkpoint, self.bytes_since_checkpoint) = (0, 0);
        Some((self.state.revision, hf_codec::encode_state(&self.state)))
    }
}
