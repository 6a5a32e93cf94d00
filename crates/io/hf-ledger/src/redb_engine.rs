//! One file of one machine, through redb.
//!
//! 1. A commit answers after its fsync. Work on the file happens on blocking threads, one writer at a time.
//! 2. After a failed write redb wants to be opened again. We do so at once and take out what was not acknowledged: so an error
//!    means that the entry is not there, and the next append works as soon as there is room.
//! 3. After a failed fsync nobody knows: the ledger answers [`LedgerError::Unknown`] until the process is started again.
//! 4. A new file is made complete under another name and then linked in: there is never half a ledger at the path.
//!
//! Not here: what lies in the file (`tables`), who waits for whom (`hf-control-plane`).

use std::fs::{File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hf_model::Revision;
use redb::{Builder, Database, DatabaseError, StorageBackend};
use tokio::sync::{Mutex, watch};

use crate::error::{LedgerError, OpenError};
use crate::file::Storage;
use crate::seam::{BoxFuture, Followed, Journal, JournalLine, Journalled, Ledger, limits};
use crate::tables::{self, Fault};

/// Pages kept in memory. Everything that is read often is in the reader's own memory, so this is small: a flood of updates fills it, whatever it is.
const CACHE_BYTES: usize = 4 << 20;

type Opener = Box<dyn Fn(&Arc<AtomicBool>) -> Result<Storage, DatabaseError> + Send + Sync>;

/// The ledger of one machine. Cheap to clone; all clones are one ledger.
#[derive(Clone)]
pub struct RedbLedger {
    engine: Arc<Engine>,
    /// One writer at a time waits here, in order, so that a slow disk holds one blocking thread and not all of them.
    writer: Arc<Mutex<()>>,
}

struct Engine {
    path: PathBuf,
    /// Whether there is a file at `path`: tests open other storage under a name.
    is_file: bool,
    opener: Opener,
    /// None after a failure, until it could be opened again.
    database: RwLock<Option<Database>>,
    sync_failed: Arc<AtomicBool>,
    newest: watch::Sender<Revision>,
}

impl RedbLedger {
    /// Opens the ledger at `path`, or makes one there, readable by its owner only. Reads all of it once to find damage.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; the directory has to exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref().to_path_buf();
        let exists = path.try_exists().map_err(|source| OpenError::Io { path: path.clone(), source })?;
        if !exists {
            create(&path)?;
        }
        let at = path.clone();
        let opener: Opener = Box::new(move |sync_failed| {
            let file = OpenOptions::new().read(true).write(true).open(&at)?;
            if file.metadata()?.len() == 0 {
                // redb would begin anew in it; but ours are never empty, so something emptied it.
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty").into());
            }
            Storage::of_file(file, sync_failed.clone())
        });
        Self::open_storage(path, true, opener)
    }

    /// Opens a ledger in any storage that redb can use, an empty one included: the seam for tests that break disks.
    /// `open` is called again whenever a write failed; it gives the same bytes as the disk would. `name` is for messages.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open_backend(
        name: impl AsRef<Path>,
        open: impl Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        let path = name.as_ref().to_path_buf();
        let opener: Opener =
            Box::new(move |sync_failed| Ok(Storage::of_backend(open()?, sync_failed.clone())));
        let initialised = caught(|| {
            let database = builder().create_with_backend(opener(&Arc::default())?)?;
            if tables::is_blank(&database)? { tables::initialise(&database) } else { Ok(()) }
        });
        initialised.map_err(|fault| open_error(&path, fault))?;
        Self::open_storage(path, false, opener)
    }

    fn open_storage(path: PathBuf, is_file: bool, opener: Opener) -> Result<Self, OpenError> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let (database, newest) =
            open_database(&opener, &sync_failed).map_err(|fault| open_error(&path, fault))?;
        let engine = Engine {
            path,
            is_file,
            opener,
            database: RwLock::new(Some(database)),
            sync_failed,
            newest: watch::Sender::new(newest),
        };
        Ok(RedbLedger { engine: Arc::new(engine), writer: Arc::default() })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Database) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let engine = self.engine.clone();
        blocking(move || engine.with(work).map_err(|fault| engine.explain(fault))).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let turn = self.writer.clone().lock_owned().await;
        let engine = self.engine.clone();
        blocking(move || {
            // Held here and not by the future: a caller that goes away does not let the next writer in early.
            let _turn = turn;
            work(&engine)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LedgerError::Stopping))
}

impl Engine {
    /// Does `work` on the open database, opening it first if a failure closed it.
    fn with<T>(&self, work: impl Fn(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        match self.attempt(&work) {
            // Somebody else's failure closed it under us: nothing of ours was tried.
            Err(Fault::Redb(redb::Error::PreviousIo | redb::Error::DatabaseClosed)) => self.attempt(&work),
            result => result,
        }
    }

    fn attempt<T>(&self, work: impl Fn(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.sync_failed.load(Ordering::SeqCst) {
            return Err(Fault::Refused(self.unknown()));
        }
        self.reopen_if_closed()?;
        let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = open.as_ref().ok_or(Fault::Redb(redb::Error::DatabaseClosed))?;
        let result = caught(|| work(database));
        if let Err(Fault::Redb(_)) = &result {
            drop(open);
            self.close();
        }
        result
    }

    fn close(&self) {
        let closed = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        // redb has nothing left to save here, and a panic of its own must not reach the caller.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(closed)));
    }

    fn reopen_if_closed(&self) -> Result<(), Fault> {
        if self.database.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Ok(());
        }
        let (database, found) = open_database(&self.opener, &self.sync_failed)?;
        let acknowledged = *self.newest.borrow();
        if found < acknowledged {
            return Err(Fault::Damaged(format!(
                "it ends at entry {found}, but entry {acknowledged} was acknowledged"
            )));
        }
        if found > acknowledged {
            // Its writer was told that it failed.
            caught(|| tables::cut_after(&database, acknowledged))?;
        }
        *slot = Some(database);
        Ok(())
    }

    fn append(&self, entry: &[u8]) -> Result<Revision, LedgerError> {
        let at = Revision(self.newest.borrow().0 + 1);
        let appended = self.with(|database| {
            tables::append(database, at, entry)?;
            // Said while the database cannot be reopened, which would take out what nobody was told of.
            self.newest.send_replace(at);
            Ok(at)
        });
        appended.map_err(|fault| {
            // At once, so that the entry is out before anybody reads; when that fails too, the next call tries again.
            let _ = self.reopen_if_closed();
            self.explain(fault)
        })
    }

    fn restart_at(&self, at: Revision, state: &[u8], aside: &str) -> Result<Option<PathBuf>, LedgerError> {
        let newest = *self.newest.borrow();
        if at <= newest {
            return Err(LedgerError::NotAfter { at, newest });
        }
        let kept = if self.is_file {
            Some(keep_aside(&self.path, aside).map_err(|source| {
                let place = self.path.display().to_string();
                if is_full(&source) {
                    LedgerError::Full { place, source }
                } else {
                    LedgerError::Io { place, source }
                }
            })?)
        } else {
            None
        };
        let restarted = self.attempt(|database| {
            tables::restart_at(database, at, state)?;
            self.newest.send_replace(at);
            Ok(())
        });
        restarted.map_err(|_| {
            // Opened again, the file may turn out to be either: positions must not go on in this process.
            self.sync_failed.store(true, Ordering::SeqCst);
            self.unknown()
        })?;
        Ok(kept)
    }

    /// A change whose repetition does no harm.
    fn change<T>(&self, work: impl Fn(&Database) -> Result<T, Fault>) -> Result<T, LedgerError> {
        self.with(work).map_err(|fault| self.explain(fault))
    }

    fn explain(&self, fault: Fault) -> LedgerError {
        if self.sync_failed.load(Ordering::SeqCst) {
            return self.unknown();
        }
        let place = self.path.display().to_string();
        match fault {
            Fault::Refused(error) => error,
            Fault::Damaged(what) | Fault::Foreign(what) | Fault::Redb(redb::Error::Corrupted(what)) => {
                LedgerError::Damaged { place, what }
            }
            Fault::Newer(found) => LedgerError::Damaged { place, what: format!("its format became {found}") },
            Fault::Redb(redb::Error::Io(source)) if is_full(&source) => LedgerError::Full { place, source },
            Fault::Redb(redb::Error::Io(source)) => LedgerError::Io { place, source },
            Fault::Redb(other) => LedgerError::Io { place, source: io::Error::other(other) },
        }
    }

    fn unknown(&self) -> LedgerError {
        LedgerError::Unknown { place: self.path.display().to_string() }
    }
}

impl Ledger for RedbLedger {
    fn append(&self, entry: Vec<u8>) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            limits::check("an entry", entry.len(), limits::ENTRY_BYTES)?;
            self.write(move |engine| engine.append(&entry)).await
        })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(async move {
            if self.engine.sync_failed.load(Ordering::SeqCst) {
                return Err(self.engine.unknown());
            }
            // The file is ours alone, so the newest that we acknowledged is the newest that there is.
            Ok(*self.engine.newest.borrow())
        })
    }

    fn follow(&self, after: Revision) -> BoxFuture<'_, Result<Followed, LedgerError>> {
        Box::pin(self.read(move |database| tables::follow(database, after)))
    }

    fn checkpoint(&self, at: Revision, state: Vec<u8>) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.write(move |engine| engine.change(|database| tables::checkpoint(database, at, &state))).await
        })
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Result<Revision, LedgerError>> {
        Box::pin(self.read(tables::last_checkpoint))
    }

    fn restart_at(
        &self,
        at: Revision,
        state: Vec<u8>,
        aside: String,
    ) -> BoxFuture<'_, Result<Option<PathBuf>, LedgerError>> {
        Box::pin(async move {
            limits::check("a checkpoint", state.len(), limits::CHECKPOINT_BYTES)?;
            self.write(move |engine| engine.restart_at(at, &state, &aside)).await
        })
    }

    fn newest(&self) -> watch::Receiver<Revision> {
        self.engine.newest.subscribe()
    }
}

impl Journal for RedbLedger {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move {
            limits::check_lines(&lines)?;
            self.write(move |engine| engine.change(|database| tables::journal_append(database, &lines))).await
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        let limit = limit.min(limits::JOURNAL_PAGE);
        Box::pin(RedbLedger::read(self, move |database| tables::journal_read(database, after, limit)))
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(RedbLedger::read(self, tables::journal_newest))
    }
}

/// Copies the file, whole and on the disk, for its owner only. The caller lets nobody write meanwhile.
fn keep_aside(path: &Path, aside: &str) -> io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-{aside}"));
    let kept = path.with_file_name(name);
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&kept)?;
    let copied = File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut copy))
        .and_then(|_| copy.sync_all())
        .and_then(|()| File::open(kept.parent().filter(|at| *at != Path::new("")).unwrap_or(Path::new("."))))
        .and_then(|directory| directory.sync_all());
    if let Err(error) = copied {
        let _ = std::fs::remove_file(&kept); // half a copy helps nobody
        return Err(error);
    }
    Ok(kept)
}

/// Makes a complete, empty ledger at `path` in one step; leaves alone what another process put there meanwhile.
fn create(path: &Path) -> Result<(), OpenError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let made = || -> Result<(), Fault> {
        // Mode 0600 is what tempfile gives.
        let new = tempfile::Builder::new()
            .prefix(".ledger-")
            .suffix(".new")
            .tempfile_in(parent)
            .map_err(io_fault)?;
        let file = new.reopen().map_err(io_fault)?;
        let database =
            builder().create_with_backend(Storage::of_file(file, Arc::new(AtomicBool::new(false)))?)?;
        tables::initialise(&database)?;
        drop(database);
        new.as_file().sync_all().map_err(io_fault)?;
        match new.persist_noclobber(path) {
            Ok(_) => {}
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(failed) => return Err(io_fault(failed.error)),
        }
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(io_fault)
    };
    caught(made).map_err(|fault| open_error(path, fault))
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // A file that was altered behind our back is refused here, where a plain open might trust it.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

fn open_database(opener: &Opener, sync_failed: &Arc<AtomicBool>) -> Result<(Database, Revision), Fault> {
    caught(|| {
        let database = builder().create_with_backend(opener(sync_failed)?)?;
        tables::upgrade(&database)?;
        let newest = tables::verify(&database)?;
        Ok((database, newest))
    })
}

/// Turns a panic inside redb, which damaged files can cause, into a fault.
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no more is known");
        Err(Fault::Redb(redb::Error::Corrupted(format!("redb gave up: {what}"))))
    })
}

fn io_fault(error: io::Error) -> Fault {
    Fault::Redb(redb::Error::Io(error))
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn open_error(path: &Path, fault: Fault) -> OpenError {
    let path = path.to_path_buf();
    match fault {
        Fault::Newer(found) => OpenError::NewerFormat { path, found, known: tables::FORMAT },
        Fault::Foreign(what) => OpenError::NotALedger { path, what },
        Fault::Damaged(what) | Fault::Redb(redb::Error::Corrupted(what)) => OpenError::Damaged { path, what },
        Fault::Redb(redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch) => {
            OpenError::InUse { path }
        }
        Fault::Redb(redb::Error::UpgradeRequired(version)) => {
            OpenError::NotALedger { path, what: format!("a redb file of the old format {version}") }
        }
        Fault::Redb(redb::Error::Io(source)) => match source.kind() {
            io::ErrorKind::InvalidData => OpenError::NotALedger { path, what: source.to_string() },
            io::ErrorKind::UnexpectedEof => {
                OpenError::Damaged { path, what: "the file ends too early".to_owned() }
            }
            _ if is_full(&source) => OpenError::Full { path, source },
            _ => OpenError::Io { path, source },
        },
        Fault::Redb(other) => OpenError::Io { path, source: io::Error::other(other) },
        Fault::Refused(other) => OpenError::Io { path, source: io::Error::other(other) },
    }
}
