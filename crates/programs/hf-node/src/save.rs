//! Keeps the newest snapshot on disk, off every other path.
//!
//! 1. Only the newest matters: what changes while a save is under way is one save more, not several. The first change is saved at
//!    once, and what follows it not before [`SPACING`] has passed, and [`SPACING_LONG`] more after a long file: the disk may be the one that
//!    etcd waits for.
//! 2. A disk that refuses is told once and tried again with the next change, at the latest after [`RETRY`].
//! 3. At the end what is newest is saved before the task ends.
//!
//! Not here: the files (`hf-feed`), their content (`hf-snapshot`).

use std::sync::Arc;
use std::time::Duration;

use hf_feed::{SignedBreakGlass, SnapshotDir};
use hf_snapshot::Snapshot;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

/// From a failed save to the next try, if nothing changes before.
const RETRY: Duration = Duration::from_secs(5);

/// From one save to the next, at least: a burst of changes is a few saves.
const SPACING: Duration = Duration::from_millis(250);

/// What is added to that after a file of [`LONG`] bytes.
const SPACING_LONG: Duration = Duration::from_millis(750);

/// A snapshot of so many bytes is long.
const LONG: usize = 128 << 10;

/// What is to be kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The newest snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// All break-glass acts.
    pub break_glass: Vec<SignedBreakGlass>,
}

/// Saves until the sender is gone.
pub async fn run(dir: SnapshotDir, mut kept: watch::Receiver<Kept>) {
    let mut saved = Kept::default();
    let mut is_failing = false;
    let mut is_open = true;
    let mut not_before = Instant::now();
    while is_open {
        if is_failing {
            // Either of both: a change, or the time for another try.
            is_open = timeout(RETRY, kept.changed()).await.is_ok_and(|changed| changed.is_ok())
                || !is_closed(&kept);
        } else {
            is_open = kept.changed().await.is_ok();
        }
        while is_open && Instant::now() < not_before {
            match timeout_at(not_before, kept.changed()).await {
                Ok(changed) => is_open = changed.is_ok(),
                Err(_) => break,
            }
        }
        not_before = Instant::now() + SPACING;
        let next = kept.borrow_and_update().clone();
        let (folder, before, now) = (dir.clone(), saved.clone(), next.clone());
        let done = tokio::task::spawn_blocking(move || save(&folder, &before, &now));
        match done.await.expect("saving does not panic") {
            Ok(bytes) => {
                if bytes >= LONG {
                    not_before += SPACING_LONG;
                }
                saved = next;
                if is_failing {
                    info!("the snapshot is kept on disk again");
                }
                is_failing = false;
            }
            Err(problem) => {
                if !is_failing {
                    warn!(%problem, "the snapshot cannot be kept on disk; this node serves on from memory");
                }
                is_failing = true;
            }
        }
    }
}

fn is_closed(kept: &watch::Receiver<Kept>) -> bool {
    kept.has_changed().is_err()
}

/// Saves what is new, and says how long the snapshot is, if it was that.
fn save(dir: &SnapshotDir, before: &Kept, now: &Kept) -> Result<usize, String> {
    // The signatures first: a snapshot without them boots as well, they without a snapshot do nothing.
    if before.break_glass != now.break_glass {
        dir.save_break_glass(&now.break_glass).map_err(|error| error.to_string())?;
    }
    let number = |kept: &Kept| kept.snapshot.as_ref().map(|snapshot| snapshot.number);
    match &now.snapshot {
        Some(snapshot) if number(before) != number(now) => {
            let bytes = snapshot.encode().map_err(|error| error.to_string())?;
            dir.save(snapshot.number, &bytes).map_err(|error| error.to_string())?;
            Ok(bytes.len())
        }
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests;
