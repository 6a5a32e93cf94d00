//! The one writer of the ledger.
//!
//! 1. One task owns the state. Commands wait in a bounded queue ([`QUEUE`]); beyond it they are refused as busy.
//! 2. An entry is appended (durable), applied, published, answered, journalled, in this order. A refused command is an entry
//!    too: rules are judged on exactly the state that they change, and the journal shows who asked for what.
//! 3. When the ledger fails, nothing is applied, and the caller hears the cause and the mend. A command that has waited longer than
//!    [`WAITING_MAX`] behind others, or whose caller has gone, is not begun: a zone is not left minutes after somebody gave up on it.
//! 4. When the next end of a shift or pin is reached, the writer commits [`Command::Expire`]; if that fails it tries again
//!    each second, and the shift is held meanwhile.
//! 5. While the nodes hold more than the ledger nothing is appended ([`Gate`]); [`Control::adopt`] makes the ledger go on with
//!    what they hold.
//! 6. Entries are stamped with a clock that is watched: one that leaps stamps nothing (`stamps`).
//! 7. A checkpoint replaces the log's beginning after [`CHECKPOINT_ENTRIES`] entries or [`CHECKPOINT_BYTES`] bytes.
//!
//! Not here: who may ask (`api`), what is allowed (`hf-control`).

mod gate;
mod replica;
mod scribe;
mod stamps;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hf_clock::Clock;
use hf_codec::CodecError;
use hf_control::{
    Autoshift, Board, Command, Intent, Outcome, Practice, PracticeRecord, PracticeRefusal, Resource, Shift,
    Unfit,
};
use hf_ledger::{Journal, Ledger, LedgerError};
use hf_model::{Operator, RequestId, Revision, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub use gate::{Behind, Gate};
pub use replica::{Applied, Draft, Replica};
use stamps::{Most, Stamps};
use writer::Writer;

/// Commands that wait at most.
pub const QUEUE: usize = 1_000;
/// How long a command waits for those before it at most: clients and the ARC front give up after 5 s.
pub const WAITING_MAX: Duration = Duration::from_secs(4);
/// Entries from one checkpoint to the next.
pub const CHECKPOINT_ENTRIES: u64 = 1_000;
/// Bytes of entries after which a checkpoint comes sooner: estates are large, and a restart reads all of it.
pub const CHECKPOINT_BYTES: usize = 32 << 20;

/// What the log remembers beyond the intent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The newest entry.
    pub revision: Revision,
    /// Active shifts and the newest ended ones, oldest first.
    pub shifts: Vec<Shift>,
    /// Clusters, panels, controls and rules, with their tags.
    pub board: Arc<Board>,
    /// Practice configurations and autoshift settings.
    pub practices: Arc<BTreeMap<Resource, Practice>>,
    /// How practice runs went, oldest first.
    pub practice_history: Arc<VecDeque<PracticeRecord>>,
    /// Practice runs that did not begin, by their newest try, oldest first.
    pub practice_refusals: Arc<VecDeque<PracticeRefusal>>,
    /// Whether operators want to be told of autoshifts of others.
    pub observer: Autoshift,
}

/// A handle of the writer; cheap to clone. The writer ends when all are gone, or after [`Control::stop`].
#[derive(Clone)]
pub struct Control {
    /// Weak: a handle that somebody keeps must not keep the ledger's file open after the writer has ended.
    ledger: Weak<dyn Ledger>,
    jobs: mpsc::Sender<Message>,
    intent: watch::Receiver<Arc<Intent>>,
    view: watch::Receiver<Arc<View>>,
    gate: watch::Receiver<Gate>,
    clock: Clock,
    stamps: Arc<Stamps>,
    most: watch::Sender<Option<Most>>,
    clock_problem: watch::Receiver<Option<String>>,
    read: watch::Receiver<bool>,
}

/// Why the writer cannot start; the ledger was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] LedgerError),
    /// The checkpoint is not readable.
    #[error("the ledger's checkpoint at entry {revision}: {source}")]
    Checkpoint {
        /// Where it stands.
        revision: Revision,
        /// What is wrong.
        source: CodecError,
    },
    /// An entry is not readable.
    #[error("the ledger's entry {revision}: {source}")]
    Entry {
        /// Which.
        revision: Revision,
        /// What is wrong.
        source: CodecError,
    },
    /// The ledger left out an entry: its own promise is broken.
    #[error("the ledger gave entry {found} after entry {newest}; put back a copy of its file")]
    Gap {
        /// The newest one applied.
        newest: Revision,
        /// What came.
        found: Revision,
    },
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Too many wait already; nothing was changed. A retry may help.
    #[error("{QUEUE} changes wait for the ledger already; try again in a second")]
    Busy,
    /// The node is stopping; whether the change was made is not known, the same request id tells.
    #[error("this node is stopping; ask another one with the same request id")]
    Stopping,
    /// Larger than an entry may be; nothing was changed.
    #[error(transparent)]
    TooLarge(CodecError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The nodes hold more than the ledger; nothing was changed.
    #[error(transparent)]
    LedgerBehind(Behind),
    /// What others wrote into the ledger cannot be read here.
    #[error(transparent)]
    Behind(StartError),
}

/// Why the ledger does not go on with what the nodes hold; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It cannot be gone on with.
    #[error("what the nodes hold cannot be gone on with: {0}")]
    Unfit(#[from] Unfit),
    /// Larger than a checkpoint may be.
    #[error("what the nodes hold cannot be kept: {0}")]
    TooLarge(#[from] CodecError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The node is stopping.
    #[error("this node is stopping; start it again")]
    Stopping,
}

/// What the ledger goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The entry as which it counts.
    pub revision: Revision,
    /// Where the ledger of before is kept, if it is a file.
    pub kept: Option<PathBuf>,
}

/// What the writer is told.
#[derive(Debug)]
enum Message {
    Do(Box<Job>),
    Adopt(Arc<Intent>, oneshot::Sender<Result<Adopted, AdoptError>>),
    Reach(Revision, oneshot::Sender<Result<(), SubmitError>>),
    Rehearse(Box<(Asker, Command)>, oneshot::Sender<Result<Outcome, SubmitError>>),
    Stop,
}

/// Who asks, and from which address if it was over the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The principal's name.
    pub name: Operator,
    /// The other side's address.
    pub from: Option<SocketAddr>,
}

impl From<Operator> for Asker {
    fn from(name: Operator) -> Asker {
        Asker { name, from: None }
    }
}

/// One command on its way.
#[derive(Debug)]
struct Job {
    by: Asker,
    request: RequestId,
    command: Command,
    /// Since when it waits.
    since: Instant,
    reply: oneshot::Sender<Result<Outcome, SubmitError>>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("revision", &self.view().revision).finish_non_exhaustive()
    }
}

impl Control {
    /// Reads the ledger and starts the writer of a ledger that nobody else holds more than.
    pub async fn start(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: Clock,
    ) -> Result<Control, StartError> {
        Control::start_behind(ledger, journal, clock, watch::Sender::new(Gate::Open).subscribe()).await
    }

    /// Reads the ledger and starts the writer; it appends as far as `gate` lets it.
    pub async fn start_behind(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: Clock,
        gate: watch::Receiver<Gate>,
    ) -> Result<Control, StartError> {
        let (control, mut writer, queue, read) = Control::unread(ledger, journal, clock, gate);
        writer.load(&read).await?;
        tokio::spawn(writer.run(queue));
        Ok(control)
    }

    /// The same for a ledger that may be out of reach for now: it is read as soon as it can be, and until then every change is answered
    /// with why it cannot be made.
    pub fn start_unread(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: Clock,
        gate: watch::Receiver<Gate>,
    ) -> Control {
        let (control, writer, queue, read) = Control::unread(ledger, journal, clock, gate);
        tokio::spawn(writer.read_and_run(queue, read));
        control
    }

    fn unread(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: Clock,
        gate: watch::Receiver<Gate>,
    ) -> (Control, Writer, mpsc::Receiver<Message>, watch::Sender<bool>) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (intent_sender, intent) = watch::channel(Arc::default());
        let (view_sender, view) = watch::channel(Arc::default());
        let (problem_sender, clock_problem) = watch::channel(None);
        let (read_sender, read) = watch::channel(false);
        let most = watch::Sender::default();
        let stamps = Arc::new(Stamps::new(clock.clone(), most.subscribe(), problem_sender));
        let weak = Arc::downgrade(&ledger);
        let writer = Writer::new(ledger, journal, stamps.clone(), gate.clone(), intent_sender, view_sender);
        let control =
            Control { ledger: weak, jobs, intent, view, gate, clock, stamps, most, clock_problem, read };
        (control, writer, queue, read_sender)
    }

    /// Puts a command into the ledger and answers what became of it.
    pub async fn submit(
        &self,
        by: impl Into<Asker>,
        request: RequestId,
        command: Command,
    ) -> Result<Outcome, SubmitError> {
        let by = by.into();
        if self.view().revision > Revision(0) {
            // An error means that the node is stopping; the writer says so.
            let _ = self.gate.clone().wait_for(|gate| *gate != Gate::Settling).await;
        }
        let (reply, answer) = oneshot::channel();
        let job = Message::Do(Box::new(Job { by, request, command, since: Instant::now(), reply }));
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// What would become of a command now, on the state that this node knows; nothing is written. For what is tried again and again: a
    /// refusal is an entry too.
    pub async fn rehearse(&self, by: impl Into<Asker>, command: Command) -> Result<Outcome, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Rehearse(Box::new((by.into(), command)), reply);
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Makes the ledger go on with what the nodes hold, as one entry after the newest that they know. What is in the ledger
    /// is kept aside. Works whatever the gate says.
    pub async fn adopt(&self, held: Arc<Intent>) -> Result<Adopted, AdoptError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Message::Adopt(held, reply)).await.map_err(|_| AdoptError::Stopping)?;
        answer.await.unwrap_or(Err(AdoptError::Stopping))
    }

    /// Waits until [`Control::view`] and [`Control::intent`] show all that anybody was told of before the call; answers the revision.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]: the ledger cannot say, so that what this node shows may be old.
    pub async fn barrier(&self) -> Result<Revision, SubmitError> {
        let ledger = self.ledger.upgrade().ok_or(SubmitError::Stopping)?;
        let reached = ledger.barrier().await.map_err(SubmitError::Ledger)?;
        drop(ledger);
        if self.view().revision < reached {
            let (reply, answer) = oneshot::channel();
            let job = Message::Reach(reached, reply);
            self.jobs.try_send(job).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
                mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
            })?;
            answer.await.unwrap_or(Err(SubmitError::Stopping))?;
        }
        Ok(self.view().revision)
    }

    /// Whether the ledger has been read since the start: before that, [`Control::intent`] and [`Control::view`] are empty and mean nothing.
    pub fn is_read(&self) -> bool {
        *self.read.borrow()
    }

    /// How far the ledger is behind what the nodes hold, if it is.
    pub fn behind(&self) -> Option<Behind> {
        match *self.gate.borrow() {
            Gate::Behind(behind) => Some(behind),
            Gate::Settling | Gate::Open => None,
        }
    }

    /// This node's clock, right or wrong.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The ledger's time, by which shifts begin and end: this node's clock, unless that is known to be wrong. Who compares with what an
    /// entry says goes by this; who compares with what this node has heard goes by [`Control::now`].
    pub fn time(&self) -> Timestamp {
        self.stamps.time()
    }

    /// By how many milliseconds most nodes' clocks are ahead of [`Control::now`], at this moment; none while that is not known. A clock that
    /// is far from them stamps nothing and ends nothing.
    pub fn told_of_clocks(&self, ahead_ms: Option<i64>) {
        let most = ahead_ms.map(|ahead_ms| Most { ahead_ms, found_at: self.now() });
        self.most.send_replace(most);
    }

    /// Why the ledger's time is not the clock's; none when it is.
    pub fn clock_problem(&self) -> watch::Receiver<Option<String>> {
        self.clock_problem.clone()
    }

    /// The newest intent; changes with every entry.
    pub fn intent(&self) -> watch::Receiver<Arc<Intent>> {
        self.intent.clone()
    }

    /// What the log remembers beyond that.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Ends the writer and waits until it has let go of the ledger. Commands that wait are still done.
    pub async fn stop(self) {
        let Control { jobs, mut intent, .. } = self;
        let _ = jobs.send(Message::Stop).await; // an error means that it has ended
        while intent.changed().await.is_ok() {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
