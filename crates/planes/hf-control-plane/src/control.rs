//! The one writer of the ledger.
//!
//! 1. One task owns the state. Commands wait in a bounded queue ([`QUEUE`]); beyond it they are refused as busy.
//! 2. An entry is appended (durable), applied, published, answered, journalled, in this order. A refused command is an entry
//!    too: rules are judged on exactly the state that they change, and the journal shows who asked for what.
//! 3. When the ledger fails, nothing is applied, and the caller hears the cause and the mend.
//! 4. When the next end of a shift or pin is reached, the writer commits [`Command::Expire`]; if that fails it tries again
//!    each second, and the shift is held meanwhile.
//! 5. A checkpoint replaces the log's beginning after [`CHECKPOINT_ENTRIES`] entries or [`CHECKPOINT_BYTES`] bytes.
//!
//! Not here: who may ask (`api`), what is allowed (`hf-control`).

mod writer;

use std::sync::Arc;

use hf_clock::Clock;
use hf_codec::CodecError;
use hf_control::{Command, Intent, Outcome, Shift};
use hf_ledger::{Journal, Ledger, LedgerError};
use hf_model::{Operator, RequestId, Revision};
use tokio::sync::{mpsc, oneshot, watch};

use writer::Writer;

/// Commands that wait at most.
pub const QUEUE: usize = 1_000;
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
}

/// A handle of the writer; cheap to clone. The writer ends when all are gone, or after [`Control::stop`].
#[derive(Clone, Debug)]
pub struct Control {
    jobs: mpsc::Sender<Message>,
    intent: watch::Receiver<Arc<Intent>>,
    view: watch::Receiver<Arc<View>>,
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
    /// What others wrote into the ledger cannot be read here.
    #[error(transparent)]
    Behind(StartError),
}

/// What the writer is told.
#[derive(Debug)]
enum Message {
    Do(Job),
    Stop,
}

/// One command on its way.
#[derive(Debug)]
struct Job {
    by: Operator,
    request: RequestId,
    command: Command,
    reply: oneshot::Sender<Result<Outcome, SubmitError>>,
}

impl Control {
    /// Reads the ledger and starts the writer.
    pub async fn start(
        ledger: Arc<dyn Ledger>,
        journal: Arc<dyn Journal>,
        clock: Clock,
    ) -> Result<Control, StartError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (intent_sender, intent) = watch::channel(Arc::default());
        let (view_sender, view) = watch::channel(Arc::default());
        let mut writer = Writer::new(ledger, journal, clock, intent_sender, view_sender);
        writer.load().await?;
        tokio::spawn(writer.run(queue));
        Ok(Control { jobs, intent, view })
    }

    /// Puts a command into the ledger and answers what became of it.
    pub async fn submit(
        &self,
        by: Operator,
        request: RequestId,
        command: Command,
    ) -> Result<Outcome, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Do(Job { by, request, command, reply });
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        answer.await.unwrap_or(Err(SubmitError::Stopping))
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
mod tests;
