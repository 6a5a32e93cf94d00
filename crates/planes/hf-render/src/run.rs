//! Files and their reload commands, in step with the snapshot.
//!
//! 1. Files with the same reload command are one group: all are written, then it runs once. A group waits for its own command alone; of the
//!    snapshots that come meanwhile the newest counts.
//! 2. A command that ended badly runs again after a while, longer each time ([`RETRY_FIRST`] to [`RETRY_LAST`]), and at once when a file
//!    was written.
//! 3. Whether a command is still owed outlives this process: a mark in the data folder says so until it ended well.
//! 4. Files are looked at again on a beat: one that somebody removed or changed is written again.
//! 5. A file tells the board of consumers what it holds: the newest revision once it is written and read again, or a sign of life.
//!
//! Not here: what is in a file (`text`), how it is written (`file`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hf_api::serve::stopped;
use hf_clock::Clock;
use hf_config::node::{Reload, RenderFile};
use hf_consumers::{Acts, ConsumerKind, ConsumerName, InstanceId, Told};
use hf_model::{Digest, Revision, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::file::{self, FileError};
use crate::reload::reload;
use crate::text::{Unrendered, text};

/// Between two looks at files while nothing changes; three of them are a consumer's silence.
const BEAT: Duration = Duration::from_secs(5);
/// After a command's first bad end.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// After many.
const RETRY_LAST: Duration = Duration::from_secs(30);
/// Between two lines on one trouble.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// What rendering needs.
#[derive(Debug)]
pub struct Renderer {
    /// The files.
    pub files: Vec<RenderFile>,
    /// Where marks of owed commands are kept.
    pub data_dir: PathBuf,
    /// The node's snapshots.
    pub snapshots: Receiver<Option<Arc<Snapshot>>>,
    /// Where it is told what files hold.
    pub consumers: Consumers,
    /// Under which instance: this node.
    pub instance: InstanceId,
    /// Where this node stands.
    pub zone: Option<ZoneId>,
    /// The node's clock.
    pub clock: Clock,
}

/// Keeps all files until `shutdown` becomes true.
pub async fn run(renderer: Renderer, mut shutdown: Receiver<bool>) {
    let mut by_command: BTreeMap<Option<Reload>, Vec<RenderFile>> = BTreeMap::new();
    for of in &renderer.files {
        by_command.entry(of.reload.clone()).or_default().push(of.clone());
    }
    let renderer = Arc::new(renderer);
    let mut groups = JoinSet::new();
    for (reload, files) in by_command {
        groups.spawn(Group::new(renderer.clone(), reload, files).follow());
    }
    // Groups end with this: a command that runs is killed, and owed.
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        // A group never ends by itself.
        Some(Err(error)) = groups.join_next() => {
            if error.is_panic() {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Files that are read again by one command.
struct Group {
    with: Arc<Renderer>,
    reload: Option<Reload>,
    files: Vec<RenderFile>,
    mark: PathBuf,
    /// What was said of each file last, and when.
    said: BTreeMap<PathBuf, (String, Instant)>,
    /// Bad ends of the command in a row, and when it is due again.
    bad_ends: u32,
    due: Instant,
}

impl Group {
    fn new(with: Arc<Renderer>, reload: Option<Reload>, files: Vec<RenderFile>) -> Group {
        let mark = with.data_dir.join("reload-owed").join(mark_name(reload.as_ref(), &files));
        Group { with, reload, files, mark, said: BTreeMap::new(), bad_ends: 0, due: Instant::now() }
    }

    async fn follow(mut self) {
        let mut snapshots = self.with.snapshots.clone();
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            if let Some(snapshot) = snapshot {
                self.render(&snapshot).await;
            }
            let next = Instant::now() + BEAT;
            let next = if self.bad_ends > 0 { next.min(self.due) } else { next };
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() {
                    return std::future::pending().await; // the node is stopping
                },
                () = sleep_until(next) => {}
            }
        }
    }

    /// One look: files, then the command if it is owed, then what the board is told.
    async fn render(&mut self, snapshot: &Arc<Snapshot>) {
        let written = write(snapshot.clone(), self.files.clone(), self.mark.clone(), self.reload.is_some());
        let Written { results, owed } = written.await;
        if results.iter().any(|result| matches!(result, Ok(true))) {
            // What is new does not wait for what went wrong before.
            self.due = Instant::now();
        }
        let mut held = Vec::new();
        for (of, result) in self.files.clone().iter().zip(results) {
            match result {
                Ok(was_written) => {
                    if was_written {
                        info!(path = %of.path.display(), revision = snapshot.intent.revision.0, "the file is written");
                    }
                    self.said.remove(&of.path);
                    held.push(of.name.clone());
                }
                Err(problem) => {
                    self.say(&of.path, &problem);
                    self.tell(&of.name, None, snapshot);
                }
            }
        }
        let is_read = !owed || self.run_command().await;
        for name in held {
            self.tell(&name, is_read.then_some(snapshot.intent.revision), snapshot);
        }
    }

    /// Whether the command has ended well.
    async fn run_command(&mut self) -> bool {
        let Some(command) = self.reload.clone() else { return true };
        if self.bad_ends > 0 && Instant::now() < self.due {
            return false;
        }
        match reload(&command).await {
            Ok(said) => {
                info!(program = %command.command[0], %said, "the command has ended well");
                self.bad_ends = 0;
                let mark = self.mark.clone();
                // One that stays runs the command once more than needed.
                let _ = tokio::task::spawn_blocking(move || std::fs::remove_file(mark)).await;
                true
            }
            Err(problem) => {
                self.bad_ends = self.bad_ends.saturating_add(1);
                let wait =
                    RETRY_FIRST.saturating_mul(1 << self.bad_ends.min(6).saturating_sub(1)).min(RETRY_LAST);
                self.due = Instant::now() + wait;
                let path = PathBuf::from(&command.command[0]);
                self.say(&path, &format!("{problem}; it is run again"));
                false
            }
        }
    }

    /// Once a minute while it stays the same.
    fn say(&mut self, path: &Path, problem: &str) {
        let now = Instant::now();
        let known = self.said.get(path);
        if known.is_some_and(|(said, at)| said == problem && now.duration_since(*at) < SAY_AGAIN) {
            return;
        }
        self.said.insert(path.to_owned(), (problem.to_owned(), now));
        warn!(path = %path.display(), %problem, "a rendered file does not follow; its reader keeps what it has");
    }

    fn tell(&self, name: &str, revision: Option<Revision>, snapshot: &Snapshot) {
        let Ok(name) = ConsumerName::new(name) else { return };
        self.with.consumers.tell(Told {
            name,
            instance: self.with.instance.clone(),
            kind: ConsumerKind::File,
            zone: self.with.zone.clone(),
            revision,
            acts: Acts::of(snapshot.acts()),
            // Who reads the file says nothing.
            running: None,
            at: self.with.clock.now(),
        });
    }
}

/// What came of writing a group.
struct Written {
    /// For each file whether it had to be written, or what is wrong.
    results: Vec<Result<bool, String>>,
    /// Whether the command is to run: now, or since before.
    owed: bool,
}

/// Why a file is not as wanted.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("{0}")]
    Text(#[from] Unrendered),
    #[error("{0}")]
    File(#[from] FileError),
}

/// Writes what differs. The mark comes before the first file: a process that dies in between owes the command.
async fn write(snapshot: Arc<Snapshot>, files: Vec<RenderFile>, mark: PathBuf, has_command: bool) -> Written {
    let work = move || {
        let was_owed = mark.exists();
        let mut is_changed = false;
        let mut results = Vec::with_capacity(files.len());
        for of in &files {
            let mut put = |of: &RenderFile| -> Result<bool, NotWritten> {
                let text = text(&snapshot, of)?;
                if has_command && file::differs(&of.path, text.as_deref()) {
                    set_mark(&mark);
                }
                let put = file::put(&of.path, text.as_deref(), of.mode);
                // One whose flush alone went wrong has its new content all the same.
                is_changed |= put.is_err() && !file::differs(&of.path, text.as_deref());
                Ok(put?)
            };
            results.push(put(of).map_err(|error| error.to_string()));
        }
        let is_written = results.iter().any(|result| matches!(result, Ok(true)));
        let owed = has_command && (was_owed || is_written || is_changed);
        if has_command && !owed {
            // Nothing came of what it was set for.
            let _ = std::fs::remove_file(&mark);
        }
        Written { results, owed }
    };
    tokio::task::spawn_blocking(work).await.expect("writing files does not panic")
}

/// Best effort: without it a command may be left out once, when this process dies in that very moment.
fn set_mark(mark: &Path) {
    if let Some(folder) = mark.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let _ = std::fs::write(mark, b"");
}

/// The same for the same command and files.
fn mark_name(reload: Option<&Reload>, files: &[RenderFile]) -> String {
    let mut text = String::new();
    for word in reload.iter().flat_map(|reload| &reload.command) {
        text.push_str(word);
        text.push('\0');
    }
    for of in files {
        text.push_str(&of.path.to_string_lossy());
        text.push('\0');
    }
    Digest::of(text.as_bytes()).short()
}

#[cfg(test)]
mod tests;
