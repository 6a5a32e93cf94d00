//! A ledger in an etcd cluster, shared by all nodes with the control role: an ordered log, not a store of state.
//!
//! 1. An append is one transaction: if the head is still `n`, put entry `n + 1` and move the head. Whoever loses the race reads the
//!    head anew and appends behind. The head is compared rather than the absence of the entry: so a position that was trimmed is
//!    never made again.
//! 2. An append carries a random id. When its answer was lost, the id at the position tells whether it was made; when that
//!    cannot be found out in time, the error says that the entry may be there.
//! 3. What is larger than etcd takes at once lies in chunks, which are written before anything names them. Chunks that nobody names
//!    are swept away.
//! 4. One watch tells what other writers append, and how far the journal is. A slow poll beside it notices when the watch is deaf.
//! 5. The prefix belongs to one ledger: anything else under it is refused at the first call, and a ledger that was
//!    replaced while we ran is never written to.
//!
//! Not here: the layout of keys (`keys`), etcd's protocol (`wire`, `channel`, `client`).

mod channel;
mod checkpoints;
mod client;
mod keys;
mod lines;
mod log;
mod tls;
mod told;
mod watcher;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use hf_config::node::EtcdConfig;
use hf_model::Revision;
use tokio::sync::{Mutex, OnceCell, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::error::{Fate, LedgerError};
use crate::seam::{BoxFuture, Followed, Journal, JournalLine, Journalled, Ledger, limits};
use channel::Channel;
use client::{Client, Failure, Login, Outcome};
use keys::{Format, Id, Keys};
use lines::JournalHead;
pub use tls::EtcdFilesError;
use told::Told;
use wire::{RangeRequest, TxnRequest, TxnResponse, end_of, get, put, range, unchanged_since};

/// How long things take at most. The default is for members that are up to 150 ms apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// One call, over all members. Default 1 s.
    pub call: Duration,
    /// Without an answer for that long the next member is asked too. Default 250 ms.
    pub hedge: Duration,
    /// Between two reads of the head beside the watch. Default 2 s.
    pub poll: Duration,
    /// How long chunks may lie about unnamed: an append may be on its way. Default 1 min.
    pub sweep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            call: Duration::from_secs(1),
            hedge: Duration::from_millis(250),
            poll: Duration::from_secs(2),
            sweep: Duration::from_mins(1),
        }
    }
}

/// A ledger in etcd. Cheap to clone; all clones are one, with one watch.
#[derive(Clone)]
pub struct EtcdLedger {
    engine: Arc<Engine>,
    _watcher: Arc<Watcher>,
}

struct Watcher(AbortHandle);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Engine {
    client: Client,
    keys: Keys,
    /// For messages.
    place: String,
    pace: Pace,
    /// What the key `format` held when we first read it; made then if there was nothing.
    format: OnceCell<Vec<u8>>,
    newest: watch::Sender<Revision>,
    /// Our own appends take turns: two of them would only race one another.
    appending: Mutex<()>,
    /// What others appended, as the watch tells it.
    told: std::sync::Mutex<Told>,
    /// The newest head of the journal that we know of; held while we write to it.
    journal: Mutex<Option<JournalHead>>,
    /// The newest head of the journal that the watch told of.
    journal_seen: std::sync::Mutex<Option<JournalHead>>,
    /// Chunks that nobody named when we last looked, and since when.
    unnamed: Mutex<BTreeMap<Id, Instant>>,
}

impl EtcdLedger {
    /// Reads the files and begins to watch; etcd is asked with the first call. Within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`EtcdFilesError`]: certificates or the password cannot be read. An etcd that cannot be reached, or a prefix that holds something
    /// else, is told by every call.
    pub fn open(config: &EtcdConfig) -> Result<Self, EtcdFilesError> {
        Self::open_at_pace(config, Pace::default())
    }

    /// The same with other times.
    ///
    /// # Errors
    ///
    /// [`EtcdFilesError`].
    pub fn open_at_pace(config: &EtcdConfig, pace: Pace) -> Result<Self, EtcdFilesError> {
        let tls = config.tls.as_ref().map(tls::load).transpose()?;
        let login = match &config.login {
            Some(login) => {
                Some(Login { user: login.user.clone(), password: tls::password(&login.password_file)? })
            }
            None => None,
        };
        let channels = config.endpoints.iter().map(|address| Channel::new(*address, tls.clone())).collect();
        if let Some(far) = config.endpoints.iter().find(|address| !address.ip().is_loopback())
            && tls.is_none()
        {
            tracing::warn!(endpoint = %far, "the way to etcd is not encrypted: whoever is on this network can change the ledger; use https://");
        }
        let engine = Arc::new(Engine {
            client: Client::new(channels, login, pace),
            keys: Keys::new(&config.prefix),
            place: format!("etcd {}", config.prefix),
            pace,
            format: OnceCell::new(),
            newest: watch::Sender::default(),
            appending: Mutex::default(),
            told: std::sync::Mutex::default(),
            journal: Mutex::default(),
            journal_seen: std::sync::Mutex::default(),
            unnamed: Mutex::default(),
        });
        let watching = tokio::spawn(watcher::run(engine.clone()));
        Ok(EtcdLedger { engine, _watcher: Arc::new(Watcher(watching.abort_handle())) })
    }
}

impl Engine {
    /// What every write compares: this ledger's own id. The first call looks whether the prefix is ours, and makes it so if it is empty.
    async fn format(&self) -> Result<&[u8], LedgerError> {
        Ok(self.format.get_or_try_init(|| self.begin()).await?)
    }

    async fn begin(&self) -> Result<Vec<u8>, LedgerError> {
        let (format, head) = (self.keys.format(), self.keys.head());
        loop {
            let all = RangeRequest {
                key: self.keys.prefix().as_bytes().to_vec(),
                range_end: end_of(self.keys.prefix()),
                limit: 1,
                keys_only: true,
                ..RangeRequest::default()
            };
            let mut found = self.read(vec![get(&*format), range(all)]).await?;
            if let Some(found) = found.one(0) {
                return match keys::format_of(&found.value) {
                    Format::Ours => Ok(found.value),
                    Format::Newer(number) => Err(self.not_a_ledger(format!(
                        "a ledger of format {number}, and this program reads {}; run the newer version of holdfast",
                        keys::FORMAT
                    ))),
                    Format::Foreign => Err(self.not_a_ledger(format!("the key {format} is not ours"))),
                };
            }
            if let Some(other) = found.one(1) {
                let other = String::from_utf8_lossy(&other.key).into_owned();
                return Err(self.not_a_ledger(format!("the key {other} is there, and {format} is not")));
            }
            let value = keys::format_value(&keys::new_id());
            let made = self
                .write(TxnRequest {
                    compare: vec![unchanged_since(&*format, 0), unchanged_since(&*head, 0)],
                    success: vec![put(&*format, value.clone()), put(&*head, keys::head_value(0))],
                    failure: vec![],
                })
                .await?;
            if made.response.succeeded {
                return Ok(value);
            }
        }
    }

    /// Whether an answer shows that the ledger is still the one that we know.
    fn check_format(&self, format: &[u8], found: Option<&[u8]>) -> Result<(), LedgerError> {
        match found {
            Some(found) if found == format => Ok(()),
            found => Err(self.damaged(format!(
                "{} ledger is under this prefix now than the one that this node knew: was etcd emptied or restored?",
                if found.is_some() { "another" } else { "no other" }
            ))),
        }
    }

    /// A transaction that only reads.
    async fn read(&self, ops: Vec<wire::RequestOp>) -> Result<TxnResponse, LedgerError> {
        self.try_read(ops).await.map_err(|failure| self.explain(failure))
    }

    async fn try_read(&self, ops: Vec<wire::RequestOp>) -> Result<TxnResponse, Failure> {
        match self.client.txn(&TxnRequest::read(ops)).await {
            Ok(outcome) => Ok(outcome.response),
            Err(Failure::Unavailable { why, .. }) => Err(Failure::Unavailable { sent: false, why }),
            Err(failure) => Err(failure),
        }
    }

    async fn write(&self, request: TxnRequest) -> Result<Outcome, LedgerError> {
        self.client.txn(&request).await.map_err(|failure| self.explain(failure))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait of a newer head.
    fn reached(&self, head: Revision) {
        self.newest.send_if_modified(|newest| {
            let is_newer = head > *newest;
            *newest = head.max(*newest);
            is_newer
        });
    }

    fn explain(&self, failure: Failure) -> LedgerError {
        let place = self.place.clone();
        match failure {
            Failure::Unavailable { sent, why } => {
                let fate = if sent { Fate::Unknown } else { Fate::NotWritten };
                LedgerError::Unavailable { place, fate, why }
            }
            Failure::Refused(what) => LedgerError::Refused { place, what },
            Failure::Full(what) => {
                let mend =
                    format!("{what}; compact and defragment etcd, or raise its quota, then disarm the alarm");
                LedgerError::Full { place, source: io::Error::new(io::ErrorKind::StorageFull, mend) }
            }
            Failure::Compacted => self.unavailable("what was to be read was compacted again and again"),
            Failure::Damaged(what) => LedgerError::Damaged { place, what },
        }
    }

    /// Nothing was written, and another try may help.
    fn unavailable(&self, why: &str) -> LedgerError {
        LedgerError::Unavailable { place: self.place.clone(), fate: Fate::NotWritten, why: why.to_owned() }
    }

    fn damaged(&self, what: String) -> LedgerError {
        LedgerError::Damaged { place: self.place.clone(), what }
    }

    fn not_a_ledger(&self, what: String) -> LedgerError {
        LedgerError::NotALedger { place: self.place.clone(), what }
    }
}

impl Ledger for EtcdLedger {
    fn append(&self, entry: Vec<u8>) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            limits::check("an entry", entry.len(), limits::ENTRY_BYTES)?;
            self.engine.append(entry).await
        })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(self.engine.barrier())
    }

    fn follow(&self, after: Revision) -> BoxFuture<'_, Result<Followed, LedgerError>> {
        Box::pin(self.engine.follow(after))
    }

    fn checkpoint(&self, at: Revision, state: Vec<u8>) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.engine.checkpoint(at, &state).await
        })
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(self.engine.last_checkpoint())
    }

    fn restart_at(
        &self,
        at: Revision,
        state: Vec<u8>,
        aside: String,
    ) -> BoxFuture<'_, Result<Option<PathBuf>, LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.engine.restart_at(at, &state, &aside).await.map(|kept| Some(PathBuf::from(kept)))
        })
    }

    fn newest(&self) -> watch::Receiver<Revision> {
        self.engine.newest.subscribe()
    }
}

impl Journal for EtcdLedger {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move {
            limits::check_lines(&lines)?;
            self.engine.journal_append(&lines).await
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        Box::pin(self.engine.journal_read(after, limit.min(limits::JOURNAL_PAGE)))
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(self.engine.journal_newest())
    }

    fn told(&self) -> Revision {
        self.engine.journal_told()
    }
}
