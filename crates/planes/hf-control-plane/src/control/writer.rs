//! The task that owns the state.

use std::sync::Arc;
use std::time::Duration;

use hf_codec::EntryLine;
use hf_control::{Command, Entry, Intent, Outcome, State};
use hf_ledger::{Followed, Journal, JournalLine, Ledger};
use hf_model::{Operator, RequestId, Revision};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::stamps::Stamps;
use super::{
    AdoptError, Adopted, CHECKPOINT_BYTES, CHECKPOINT_ENTRIES, Gate, Job, Message, StartError, SubmitError,
    View,
};

/// The longest sleep before the clock is looked at again: clocks are set, and machines sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Journal lines that wait at most before they are written.
const LINES: usize = 256;

/// The one owner of the state.
pub struct Writer {
    ledger: Arc<dyn Ledger>,
    journal: Arc<dyn Journal>,
    stamps: Stamps,
    gate: watch::Receiver<Gate>,
    state: State,
    intent: watch::Sender<Arc<Intent>>,
    view: watch::Sender<Arc<View>>,
    lines: Vec<JournalLine>,
    entries_since_checkpoint: u64,
    bytes_since_checkpoint: usize,
    /// No attempt at an end before this, after one has failed.
    expire_not_before: Instant,
}

impl Writer {
    /// Knows nothing yet.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        stamps: Stamps,
        gate: watch::Receiver<Gate>,
        intent: watch::Sender<Arc<Intent>>,
        view: watch::Sender<Arc<View>>,
    ) -> Self {
        Writer {
            ledger,
            journal,
            stamps,
            gate,
            state: State::default(),
            intent,
            view,
            lines: Vec::new(),
            entries_since_checkpoint: 0,
            bytes_since_checkpoint: 0,
            expire_not_before: Instant::now(),
        }
    }

    /// Reads what the ledger holds. Lines that a killed process did not journal are journalled now.
    pub async fn load(&mut self) -> Result<(), StartError> {
        self.catch_up(None).await?;
        self.flush_lines().await;
        self.publish();
        info!(revision = %self.state.revision, "the ledger is read");
        Ok(())
    }

    /// Works until all handles are gone.
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Message>) {
        let mut newest = self.ledger.newest();
        loop {
            self.expire_if_due().await;
            if jobs.is_empty() || self.lines.len() >= LINES {
                self.flush_lines().await;
                self.checkpoint_if_due().await;
            }
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(Message::Do(job)) => self.serve(job).await,
                    Some(Message::Adopt(held, reply)) => {
                        let _ = reply.send(self.adopt(held).await); // whoever asked may have gone
                    }
                    Some(Message::Stop) => jobs.close(), // what waits is still done
                    None => break,
                },
                Ok(()) = newest.changed() => {
                    let reached = *newest.borrow_and_update();
                    self.follow_others(reached).await;
                }
                () = sleep_until(self.wake_at()) => {}
            }
        }
        self.flush_lines().await;
    }

    async fn serve(&mut self, job: Job) {
        let Job { by, request, command, reply } = job;
        let outcome = self.commit(by, request, command).await;
        let _ = reply.send(outcome); // the caller may have gone; what is done is done
    }

    /// When to look at the clock again.
    fn wake_at(&mut self) -> Instant {
        let now = self.stamps.now(self.state.stamp);
        let left = self.state.next_end().map_or(LOOK_AGAIN, |end| end.since(now).min(LOOK_AGAIN));
        (Instant::now() + left).max(self.expire_not_before)
    }

    async fn expire_if_due(&mut self) {
        let now = self.stamps.now(self.state.stamp);
        let due = self.state.next_end().is_some_and(|end| end <= now);
        if !due || Instant::now() < self.expire_not_before {
            return;
        }
        if *self.gate.borrow() != Gate::Open {
            // Held: an entry of a ledger that is behind would end nothing and hide that it is.
            self.expire_not_before = Instant::now() + LOOK_AGAIN;
            return;
        }
        let number = u64::from_le_bytes(hf_clock::random_bytes());
        let request = RequestId::new(&format!("expire-{number:016x}")).expect("letters, a hyphen and digits");
        match self.commit(Operator::new("holdfast"), request, Command::Expire).await {
            Ok(_) => {}
            Err(error) => {
                error!(%error, "shifts that are due cannot be ended, they are held; trying again in a second");
                self.expire_not_before = Instant::now() + LOOK_AGAIN;
            }
        }
    }

    /// Appends, applies, publishes.
    async fn commit(
        &mut self,
        by: Operator,
        request: RequestId,
        command: Command,
    ) -> Result<Outcome, SubmitError> {
        if let Gate::Behind(behind) = *self.gate.borrow() {
            return Err(SubmitError::LedgerBehind(behind));
        }
        let entry = Entry { request, stamp: self.stamps.now(self.state.stamp), by, command };
        let bytes = hf_codec::encode_entry(&entry).map_err(SubmitError::TooLarge)?;
        let size = bytes.len();
        let revision = self.ledger.append(bytes).await.map_err(SubmitError::Ledger)?;
        let outcome = if revision.0 == self.state.revision.0 + 1 {
            self.apply(revision, entry, size).await
        } else {
            // Somebody else writes to the same ledger: first what came before.
            let own = self.catch_up(Some(revision)).await.map_err(SubmitError::Behind)?;
            own.ok_or(SubmitError::Behind(StartError::Gap { newest: self.state.revision, found: revision }))?
        };
        self.publish();
        Ok(outcome)
    }

    /// Puts what the nodes hold in the place of the ledger's content, one entry after theirs.
    async fn adopt(&mut self, held: Arc<Intent>) -> Result<Adopted, AdoptError> {
        let stamp = self.stamps.anew(self.state.stamp);
        let made = tokio::task::spawn_blocking(move || {
            let state = State::going_on_with(&held, stamp)?;
            let bytes = hf_codec::encode_state(&state)?;
            Ok::<_, AdoptError>((state, bytes))
        });
        let (state, bytes) = made.await.expect("reading an estate does not panic")?;
        let digits: String = hf_api::instant(stamp.0).chars().filter(char::is_ascii_alphanumeric).collect();
        let (revision, before) = (state.revision, self.state.revision);
        let kept = self.ledger.restart_at(revision, bytes, format!("lost-{digits}")).await?;
        self.state = state;
        (self.entries_since_checkpoint, self.bytes_since_checkpoint) = (0, 0);
        let name =
            kept.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let line = EntryLine {
            revision,
            at: stamp,
            by: Operator::new("holdfast serve --adopt-intent"),
            command: format!(
                "go on with revision {} as the nodes hold it, because the ledger was behind at revision {before}{}",
                revision.0 - 1,
                name.map_or(String::new(), |name| format!("; that one is kept as {name}"))
            ),
            outcome: Outcome::Done { revision, shift: None },
            events: Vec::new(),
        };
        match hf_codec::encode_entry_line(&line) {
            Ok(bytes) => self.lines.push(JournalLine { revision: Some(revision), bytes }),
            Err(error) => warn!(%revision, %error, "an entry is missing in the journal"),
        }
        self.publish();
        Ok(Adopted { revision, kept })
    }

    async fn follow_others(&mut self, newest: Revision) {
        if newest <= self.state.revision {
            return; // our own entry
        }
        match self.catch_up(None).await {
            Ok(_) => self.publish(),
            Err(error) => warn!(%error, "the ledger has entries that cannot be read"),
        }
    }

    /// Applies what the ledger has beyond the state; answers the outcome of entry `wanted`.
    async fn catch_up(&mut self, wanted: Option<Revision>) -> Result<Option<Outcome>, StartError> {
        let mut found = None;
        loop {
            let Followed { checkpoint, entries, more } = self.ledger.follow(self.state.revision).await?;
            if let Some((revision, bytes)) = checkpoint {
                self.state = hf_codec::decode_state(&bytes)
                    .map_err(|source| StartError::Checkpoint { revision, source })?;
                self.entries_since_checkpoint = 0;
                self.bytes_since_checkpoint = 0;
            }
            for (revision, bytes) in entries {
                if revision.0 != self.state.revision.0 + 1 {
                    return Err(StartError::Gap { newest: self.state.revision, found: revision });
                }
                let entry = hf_codec::decode_entry(&bytes)
                    .map_err(|source| StartError::Entry { revision, source })?;
                let outcome = self.apply(revision, entry, bytes.len()).await;
                if wanted == Some(revision) {
                    found = Some(outcome);
                }
                if self.lines.len() >= LINES {
                    self.flush_lines().await;
                }
            }
            if !more {
                return Ok(found);
            }
        }
    }

    async fn apply(&mut self, revision: Revision, entry: Entry, size: usize) -> Outcome {
        let mut state = std::mem::take(&mut self.state);
        let applied = move || {
            let (outcome, events) = state.apply(revision, &entry);
            (state, entry, outcome, events)
        };
        // Reading a large estate takes long enough to hold up other tasks of this thread.
        let (state, entry, outcome, events) = if size > 64 << 10 {
            tokio::task::spawn_blocking(applied).await.expect("applying an entry never panics")
        } else {
            applied()
        };
        self.state = state;
        self.entries_since_checkpoint += 1;
        self.bytes_since_checkpoint += size;
        for line in EntryLine::of(revision, self.state.stamp, &entry, &outcome, &events) {
            match hf_codec::encode_entry_line(&line) {
                Ok(bytes) => self.lines.push(JournalLine { revision: Some(revision), bytes }),
                Err(error) => warn!(%revision, %error, "an entry is missing in the journal"),
            }
        }
        outcome
    }

    fn publish(&self) {
        let shifts = self.state.shifts.values().cloned().collect();
        self.view.send_replace(Arc::new(View { revision: self.state.revision, shifts }));
        self.intent.send_replace(Arc::new(self.state.intent()));
    }

    /// The journal is derived: when it cannot be written, the ledger still is, and a restart journals what is missing.
    async fn flush_lines(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        if let Err(error) = self.journal.append(lines).await {
            warn!(%error, "the journal cannot be written; the ledger is not affected");
        }
    }

    async fn checkpoint_if_due(&mut self) {
        if self.entries_since_checkpoint < CHECKPOINT_ENTRIES
            && self.bytes_since_checkpoint < CHECKPOINT_BYTES
        {
            return;
        }
        // Counted anew either way: after a failure the next attempt comes as many entries later.
        self.entries_since_checkpoint = 0;
        self.bytes_since_checkpoint = 0;
        let at = self.state.revision;
        let bytes = match hf_codec::encode_state(&self.state) {
            Ok(bytes) => bytes,
            Err(error) => return error!(%error, "a checkpoint cannot be made; the ledger grows"),
        };
        if let Err(error) = self.ledger.checkpoint(at, bytes).await {
            warn!(%error, "a checkpoint cannot be written; the ledger grows");
        }
    }
}
