//! The task that owns the state.
//!
//! Others may write to the same ledger:
//! 1. What they wrote is read as soon as the ledger tells of it, and again each second after that failed.
//! 2. Several nodes see the same end come due. Who knows of others waits for a moment of chance, and then mostly finds it done.
//! 3. A checkpoint is made by the node whose entry made it due; by another one only after some entries more, if there is none yet.
//! 4. A checkpoint is written beside everything else, one at a time.
//! 5. A checkpoint waits for its lines in the journal (`scribe`), which could not be made anew after it.

use std::sync::Arc;
use std::time::Duration;

use hf_codec::EntryLine;
use hf_control::{Command, Intent, Outcome, State};
use hf_ledger::{Fate, Followed, Journal, JournalLine, Ledger, LedgerError};
use hf_model::{Operator, RequestId, Revision, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::replica::{Applied, Replica};
use super::scribe::{Scribe, Whose};
use super::stamps::Stamps;
use super::{
    AdoptError, Adopted, Asker, CHECKPOINT_BYTES, CHECKPOINT_ENTRIES, Gate, Job, Message, StartError,
    SubmitError, View, WAITING_MAX,
};

/// The longest sleep before the clock is looked at again: clocks are set, and machines sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long the end of a shift may wait for another node to write it.
const OTHERS_FIRST: Duration = Duration::from_millis(200);

/// The one owner of the state.
pub struct Writer {
    ledger: Arc<dyn Ledger>,
    stamps: Arc<Stamps>,
    gate: watch::Receiver<Gate>,
    replica: Replica,
    view: watch::Sender<Arc<View>>,
    scribe: Scribe,
    /// Whether somebody else writes to this ledger too.
    has_others: bool,
    /// Our own newest entry.
    own: Revision,
    /// What others wrote could not be read; not tried again before this.
    follow_not_before: Option<Instant>,
    /// No attempt at an end before this, after one has failed.
    expire_not_before: Instant,
    /// The end for which a moment of chance was waited already.
    waited_for: Option<Timestamp>,
    /// The checkpoint that is on its way to the ledger.
    checkpoint: Option<(Revision, JoinHandle<Result<(), LedgerError>>)>,
    /// Last, so that it is dropped last: whoever waits for the writer's end waits for this, and then finds the ledger's file free.
    intent: watch::Sender<Arc<Intent>>,
}

impl Writer {
    /// Knows nothing yet.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        stamps: Arc<Stamps>,
        gate: watch::Receiver<Gate>,
        intent: watch::Sender<Arc<Intent>>,
        view: watch::Sender<Arc<View>>,
    ) -> Self {
        Writer {
            ledger,
            stamps,
            gate,
            replica: Replica::default(),
            intent,
            view,
            scribe: Scribe::new(journal),
            has_others: false,
            own: Revision(0),
            follow_not_before: None,
            expire_not_before: Instant::now(),
            waited_for: None,
            checkpoint: None,
        }
    }

    /// Reads what the ledger holds, and tells so. Lines that a killed process did not journal are journalled now.
    pub async fn load(&mut self, read: &watch::Sender<bool>) -> Result<(), StartError> {
        self.catch_up(None).await?;
        self.scribe.write_all().await;
        // First that it is read, then what: whoever hears of it may look at both.
        read.send_replace(true);
        self.publish();
        info!(revision = %self.replica.state().revision, "the ledger is read");
        Ok(())
    }

    /// Reads the ledger as soon as it can be read, then works. Until then everything that is asked is answered with why it cannot.
    pub async fn read_and_run(mut self, mut jobs: mpsc::Receiver<Message>, read: watch::Sender<bool>) {
        let mut told = false;
        loop {
            let problem = match self.load(&read).await {
                Ok(()) => break,
                Err(problem) => problem.to_string(),
            };
            if !std::mem::replace(&mut told, true) {
                error!(problem, "the ledger cannot be read; trying each second");
            }
            let again = Instant::now() + LOOK_AGAIN;
            loop {
                tokio::select! {
                    () = sleep_until(again) => break,
                    job = jobs.recv() => match job {
                        Some(Message::Do(job)) => drop(job.reply.send(Err(SubmitError::Ledger(unread(&problem))))),
                        Some(Message::Adopt(_, reply)) => drop(reply.send(Err(unread(&problem).into()))),
                        Some(Message::Reach(_, reply)) => {
                            drop(reply.send(Err(SubmitError::Ledger(unread(&problem)))));
                        }
                        Some(Message::Rehearse(_, reply)) => {
                            drop(reply.send(Err(SubmitError::Ledger(unread(&problem)))));
                        }
                        Some(Message::Stop) | None => return,
                    },
                }
            }
        }
        self.run(jobs).await;
    }

    /// Works until all handles are gone.
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Message>) {
        let mut newest = self.ledger.newest();
        loop {
            let reached = *newest.borrow_and_update();
            self.follow_others(reached).await;
            self.expire_if_due().await;
            self.scribe.keep_up().await;
            self.scribe.begin_if_due();
            self.checkpoint_if_due().await;
            let wake_at = self.wake_at();
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(Message::Do(job)) => self.serve(*job).await,
                    Some(Message::Adopt(held, reply)) => {
                        let _ = reply.send(self.adopt(held).await); // whoever asked may have gone
                    }
                    Some(Message::Reach(revision, reply)) => {
                        let _ = reply.send(self.reach(revision).await); // whoever asked may have gone
                    }
                    Some(Message::Rehearse(asked, reply)) => {
                        let _ = reply.send(Ok(self.rehearse(*asked).await)); // whoever asked may have gone
                    }
                    Some(Message::Stop) => jobs.close(), // what waits is still done
                    None => break,
                },
                Ok(()) = newest.changed() => {} // read above
                () = self.scribe.written() => {}
                () = sleep_until(wake_at) => {}
            }
        }
        self.scribe.write_all().await;
        self.end_checkpoint().await;
    }

    async fn serve(&mut self, job: Job) {
        let Job { by, request, command, since, reply } = job;
        if reply.is_closed() {
            return debug!(%request, "a change is not made: its caller went while it waited");
        }
        let waited = since.elapsed();
        let outcome = if waited > WAITING_MAX {
            Err(SubmitError::Ledger(late(waited)))
        } else {
            self.commit(by, request, command).await
        };
        let _ = reply.send(outcome); // the caller may have gone; what is done is done
    }

    /// Applies a command to a copy of the state. A copy may take long, so it is made and used beside other tasks.
    async fn rehearse(&mut self, (by, command): (Asker, Command)) -> Outcome {
        let stamp = self.stamps.now(self.replica.state().stamp);
        let work = move |replica: &mut Replica| replica.rehearse(by, stamp, command);
        self.beside(usize::MAX, work).await
    }

    /// When to look at the clock again.
    fn wake_at(&self) -> Instant {
        let now = self.stamps.now(self.replica.state().stamp);
        let left = self.replica.state().next_end().map_or(LOOK_AGAIN, |end| end.since(now).min(LOOK_AGAIN));
        let ends = (Instant::now() + left).max(self.expire_not_before);
        self.scribe.wake_at().map_or(ends, |lines| lines.min(ends))
    }

    async fn expire_if_due(&mut self) {
        let now = self.stamps.now(self.replica.state().stamp);
        let due = self.replica.state().next_end().filter(|end| *end <= now);
        if due.is_none() || Instant::now() < self.expire_not_before {
            return;
        }
        if self.has_others && self.waited_for != due {
            self.waited_for = due;
            let part = u32::from(hf_clock::random_bytes::<1>()[0]);
            self.expire_not_before = Instant::now() + OTHERS_FIRST * part / 255;
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
        by: impl Into<Asker>,
        request: RequestId,
        command: Command,
    ) -> Result<Outcome, SubmitError> {
        if let Gate::Behind(behind) = *self.gate.borrow() {
            return Err(SubmitError::LedgerBehind(behind));
        }
        let stamp = self.stamps.now(self.replica.state().stamp);
        let draft = Replica::draft(by, request.clone(), stamp, command).map_err(SubmitError::TooLarge)?;
        let revision = self.ledger.append(draft.bytes.clone()).await.map_err(SubmitError::Ledger)?;
        self.own = revision;
        let (size, digest) = (draft.bytes.len(), draft.command());
        let applied = self.beside(size, move |replica| replica.took(revision, draft)).await;
        let outcome = if let Some(applied) = applied {
            self.journal(applied, self.ours())
        } else {
            // Somebody else writes to the same ledger: first what came before.
            self.has_others = true;
            let own = self.catch_up(Some(revision)).await.map_err(|error| unseen(error, revision))?;
            let own = own.or_else(|| self.replica.outcome_of(&request, digest));
            let newest = self.replica.state().revision;
            own.ok_or(SubmitError::Behind(StartError::Gap { newest, found: revision }))?
        };
        self.publish();
        Ok(outcome)
    }

    /// Puts what the nodes hold in the place of the ledger's content, one entry after theirs.
    async fn adopt(&mut self, held: Arc<Intent>) -> Result<Adopted, AdoptError> {
        self.end_checkpoint().await;
        let stamp = self.stamps.anew(self.replica.state().stamp);
        let made = tokio::task::spawn_blocking(move || {
            let state = State::going_on_with(&held, stamp)?;
            let bytes = hf_codec::encode_state(&state)?;
            Ok::<_, AdoptError>((state, bytes))
        });
        let (state, bytes) = made.await.expect("reading an estate does not panic")?;
        let digits: String = hf_api::instant(stamp.0).chars().filter(char::is_ascii_alphanumeric).collect();
        let (revision, before) = (state.revision, self.replica.state().revision);
        let kept = self.ledger.restart_at(revision, bytes, format!("lost-{digits}")).await?;
        self.replica.go_on_from(state);
        let name =
            kept.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        let line = EntryLine {
            revision,
            at: stamp,
            by: Operator::new("holdfast serve --adopt-intent"),
            from: None,
            command: format!(
                "go on with revision {} as the nodes hold it, because the ledger was behind at revision {before}{}",
                revision.0 - 1,
                name.map_or(String::new(), |name| format!("; that one is kept as {name}"))
            ),
            reason: String::new(),
            outcome: Outcome::Done { revision, shift: None, object: None },
            events: Vec::new(),
        };
        match hf_codec::encode_entry_line(&line) {
            Ok(bytes) => {
                self.scribe.push(JournalLine { revision: Some(revision), bytes }, self.ours());
            }
            Err(error) => warn!(%revision, %error, "an entry is missing in the journal"),
        }
        self.publish();
        Ok(Adopted { revision, kept })
    }

    async fn reach(&mut self, revision: Revision) -> Result<(), SubmitError> {
        if revision > self.replica.state().revision {
            self.catch_up(None).await.map_err(SubmitError::Behind)?;
            self.publish();
        }
        Ok(())
    }

    async fn follow_others(&mut self, newest: Revision) {
        if newest <= self.replica.state().revision {
            return; // our own entry
        }
        if self.follow_not_before.is_some_and(|then| Instant::now() < then) {
            return;
        }
        self.has_others = true;
        match self.catch_up(None).await {
            Ok(_) => {
                if self.follow_not_before.take().is_some() {
                    info!(revision = %self.replica.state().revision, "what others wrote into the ledger is read");
                }
                self.publish();
            }
            Err(error) => {
                if self.follow_not_before.is_none() {
                    warn!(%error, "the ledger has entries that cannot be read; trying each second");
                }
                self.follow_not_before = Some(Instant::now() + LOOK_AGAIN);
            }
        }
    }

    /// Applies what the ledger has beyond the state, and answers the outcome of entry `wanted`. What comes before an entry that cannot be
    /// read is shown.
    async fn catch_up(&mut self, wanted: Option<Revision>) -> Result<Option<Outcome>, StartError> {
        let before = self.replica.state().revision;
        let read = self.read_on(wanted).await;
        if read.is_err() && self.replica.state().revision > before {
            self.publish();
        }
        read
    }

    async fn read_on(&mut self, wanted: Option<Revision>) -> Result<Option<Outcome>, StartError> {
        let mut found = None;
        loop {
            let Followed { checkpoint, entries, more } =
                self.ledger.follow(self.replica.state().revision).await?;
            if let Some((revision, bytes)) = checkpoint {
                self.replica.begin_with(revision, &bytes)?;
            }
            for (revision, bytes) in entries {
                let size = bytes.len();
                let read = move |replica: &mut Replica| replica.read(revision, &bytes);
                let applied = self.beside(size, read).await?;
                let is_wanted = wanted == Some(revision);
                let outcome = self.journal(applied, if is_wanted { self.ours() } else { Whose::Theirs });
                if is_wanted {
                    found = Some(outcome);
                }
                self.scribe.keep_up().await;
            }
            if !more {
                return Ok(found);
            }
        }
    }

    /// Reading a large estate takes long enough to hold up other tasks of this thread.
    async fn beside<T: Send + 'static>(
        &mut self,
        size: usize,
        work: impl FnOnce(&mut Replica) -> T + Send + 'static,
    ) -> T {
        if size <= 64 << 10 {
            return work(&mut self.replica);
        }
        let mut replica = std::mem::take(&mut self.replica);
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(&mut replica);
            (replica, done)
        });
        let (replica, done) = worked.await.expect("applying an entry never panics");
        self.replica = replica;
        done
    }

    fn ours(&self) -> Whose {
        if self.has_others { Whose::Ours } else { Whose::OursAlone }
    }

    fn journal(&mut self, applied: Applied, whose: Whose) -> Outcome {
        let Applied { revision, entry, outcome, events } = applied;
        for line in EntryLine::of(revision, self.replica.state().stamp, &entry, &outcome, &events) {
            match hf_codec::encode_entry_line(&line) {
                Ok(bytes) => self.scribe.push(JournalLine { revision: Some(revision), bytes }, whose),
                Err(error) => warn!(%revision, %error, "an entry is missing in the journal"),
            }
        }
        outcome
    }

    /// The view comes last: whoever finds a revision in it, as [`super::Control::barrier`] does, finds it in the intent too.
    fn publish(&self) {
        let state = self.replica.state();
        let before = self.view.borrow().clone();
        let view = View {
            revision: state.revision,
            shifts: state.shifts.values().cloned().collect(),
            board: kept_or_cloned(&before.board, &state.board),
            practices: kept_or_cloned(&before.practices, &state.practices),
            practice_history: kept_or_cloned(&before.practice_history, &state.practice_history),
            practice_refusals: kept_or_cloned(&before.practice_refusals, &state.practice_refusals),
            observer: state.observer,
        };
        self.intent.send_replace(Arc::new(state.intent()));
        self.view.send_replace(Arc::new(view));
    }

    async fn checkpoint_if_due(&mut self) {
        // Room for the node whose entry it was to be first.
        let is_own = self.own == self.replica.state().revision;
        let (entries, bytes) = if is_own {
            (CHECKPOINT_ENTRIES, CHECKPOINT_BYTES)
        } else {
            (CHECKPOINT_ENTRIES + CHECKPOINT_ENTRIES / 10, CHECKPOINT_BYTES + CHECKPOINT_BYTES / 10)
        };
        let is_under_way = self.checkpoint.as_ref().is_some_and(|(_, making)| !making.is_finished());
        if is_under_way || !self.replica.is_checkpoint_due(entries, bytes) {
            return;
        }
        self.scribe.write_all().await;
        if !self.scribe.is_empty() {
            return;
        }
        self.end_checkpoint().await;
        if self.has_others
            && let Ok(at) = self.ledger.last_checkpoint().await
        {
            self.replica.checkpointed_at(at);
        }
        let Some((at, made)) = self.replica.checkpoint_if_due(entries, bytes) else {
            return;
        };
        let bytes = match made {
            Ok(bytes) => bytes,
            Err(error) => return error!(%error, "a checkpoint cannot be made; the ledger grows"),
        };
        // Beside everything else: over a slow way the chunks of a large state take seconds, and no change may wait for them.
        let ledger = self.ledger.clone();
        self.checkpoint = Some((at, tokio::spawn(async move { ledger.checkpoint(at, bytes).await })));
    }

    /// Waits for the checkpoint that is on its way, if there is one.
    async fn end_checkpoint(&mut self) {
        let Some((at, making)) = self.checkpoint.take() else { return };
        match making.await {
            Ok(Ok(())) => {}
            Ok(Err(LedgerError::CheckpointOutside { oldest, .. })) if oldest > at => {
                self.replica.checkpointed_at(oldest); // somebody else was faster
            }
            Ok(Err(error)) => warn!(%error, "a checkpoint cannot be written; the ledger grows"),
            Err(error) => error!(%error, "a checkpoint cannot be written; the ledger grows"),
        }
    }
}

/// Why a change that waited behind others for so long is not begun.
fn late(waited: Duration) -> LedgerError {
    LedgerError::Unavailable {
        place: "this node".to_owned(),
        fate: Fate::NotWritten,
        why: format!("the change waited {} s behind others, the ledger is slow", waited.as_secs()),
    }
}

/// Why a ledger that could not be read yet takes nothing.
fn unread(problem: &str) -> LedgerError {
    LedgerError::Unavailable {
        place: "this node".to_owned(),
        fate: Fate::NotWritten,
        why: format!("its ledger could not be read since it started: {problem}"),
    }
}

/// The entry stands in the ledger, and what became of it could not be read.
fn unseen(error: StartError, at: Revision) -> SubmitError {
    match error {
        StartError::Ledger(LedgerError::Unavailable { place, why, .. }) => {
            let why =
                format!("it stands there as entry {at}, and what came before it could not be read: {why}");
            SubmitError::Ledger(LedgerError::Unavailable { place, fate: Fate::Unknown, why })
        }
        error => SubmitError::Behind(error),
    }
}

/// What is as it was is shared with readers of before.
fn kept_or_cloned<T: Clone + PartialEq>(before: &Arc<T>, now: &T) -> Arc<T> {
    if **before == *now { before.clone() } else { Arc::new(now.clone()) }
}
