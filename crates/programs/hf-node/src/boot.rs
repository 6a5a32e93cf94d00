//! What a node finds on its own disk at the start.
//!
//! 1. The data folder is made when missing (mode 0700) and held by one process at a time.
//! 2. Snapshots that are not good are named and passed over; the node starts with the newest good one, or with none.
//!
//! Not here: the ledger's file (`hf-ledger`), tokens (`hf-control-plane`).

use std::fs::{File, TryLockError};
use std::path::Path;

use hf_feed::SnapshotDir;
use hf_model::Timestamp;
use hf_snapshot::Snapshot;
use tracing::{info, warn};

use crate::hub::FromDisk;

/// The data folder, held by this process.
#[derive(Debug)]
pub struct DataDir {
    /// Where snapshots are.
    pub snapshots: SnapshotDir,
    /// Held open: the lock ends with it, also when the process is killed.
    _lock: File,
}

/// Opens and locks the data folder. Blocks.
pub fn open(path: &Path) -> Result<DataDir, String> {
    let snapshots = SnapshotDir::open(&path.join("snapshots")).map_err(|error| error.to_string())?;
    let lock = path.join("lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock)
        .map_err(|error| at(&lock, &error))?;
    match file.try_lock() {
        Ok(()) => {
            if let Err(error) = snapshots.remove_unfinished() {
                warn!(%error, "what a crash left behind cannot be removed");
            }
            Ok(DataDir { snapshots, _lock: file })
        }
        Err(TryLockError::WouldBlock) => Err(format!(
            "{}: another node runs on this folder; stop it, or give this one its own `data_dir`",
            path.display()
        )),
        Err(TryLockError::Error(error)) => Err(at(&lock, &error)),
    }
}

/// Reads the newest good snapshot and the break-glass acts. Blocks.
pub fn load(dir: &SnapshotDir, now: Timestamp) -> Result<FromDisk, String> {
    let decode = |bytes: &[u8]| Snapshot::decode(bytes, now).map_err(|error| describe(&error));
    let loaded = dir.load(decode).map_err(|error| error.to_string())?;
    for bad in &loaded.bad {
        warn!(file = %bad.path.display(), problem = %bad.problem, "a snapshot on disk is not good; an older one is tried");
    }
    let break_glass = dir.load_break_glass().unwrap_or_else(|bad| {
        warn!(file = %bad.path.display(), problem = %bad.problem, "the break-glass acts on disk are not readable");
        Vec::new()
    });
    let snapshot = loaded.newest.map(|(_, snapshot)| snapshot);
    if let Some(snapshot) = &snapshot {
        let (revision, shifts) = (snapshot.intent.revision, snapshot.intent.shifts.len());
        info!(number = snapshot.number, %revision, shifts, "serving from the snapshot on disk");
    } else {
        info!("no snapshot on disk; serving begins with the first one that comes");
    }
    Ok(FromDisk { snapshot, next_number: loaded.next_number, break_glass })
}

/// An error and what caused it, in one line.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}; check `data_dir` and who may write there", path.display())
}
