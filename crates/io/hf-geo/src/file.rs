//! Files that are read again when they change.
//!
//! 1. A file is looked at every two seconds, by length and time of change: it may lie on a network, or be put there by another program.
//! 2. One that is being written counts once it was the same twice in a row.
//! 3. A bad one changes nothing; what is wrong is told once, and shown until it is mended.
//!
//! Not here: what is in the files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Reads a file and puts it in force, or says what is wrong with it.
type Load = Box<dyn FnMut(&Path) -> Result<(), String> + Send>;

/// A file to be watched.
pub struct Watched {
    /// What it is, for the log, such as `the geography database`.
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Reads it and puts it in force; says what is wrong with it, and how to mend that. Blocks.
    pub load: Load,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("what", &self.what).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Length and time of change; none while it is not there.
type Look = Option<(u64, Option<SystemTime>)>;

/// Reads the file now and whenever it changes, until `shutdown` says true or is dropped. What is wrong with it goes to `problem`.
pub async fn watch(
    mut watched: Watched,
    problem: watch::Sender<Option<String>>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut loaded: Option<Look> = None;
    let mut last: Option<Look> = None;
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => return,
            _ = looks.tick() => {}
        }
        let path = watched.path.clone();
        let seen = tokio::task::spawn_blocking(move || look(&path)).await;
        let seen = seen.expect("looking at a file does not panic");
        // The first one counts at once: nothing is in force that could be spoilt.
        let is_settled = loaded.is_none() || last == Some(seen);
        last = Some(seen);
        if loaded == Some(seen) || !is_settled {
            continue;
        }
        loaded = Some(seen);
        let read = tokio::task::spawn_blocking(move || {
            let read = (watched.load)(&watched.path);
            (watched, read)
        });
        let (back, read) = read.await.expect("reading a file does not panic");
        watched = back;
        match read {
            Ok(()) => {
                info!(file = %watched.path.display(), "{} is read", watched.what);
                problem.send_replace(None);
            }
            Err(why) => {
                warn!(file = %watched.path.display(), problem = %why, "{} does not read; what was in force stays", watched.what);
                problem.send_replace(Some(format!("{} does not read: {why}", watched.what)));
            }
        }
    }
}

fn look(path: &Path) -> Look {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_a_bad_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let (texts_to, mut texts) = watch::channel(String::new());
        let load = move |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            if text.contains("bad") {
                return Err("it is bad; mend it".to_owned());
            }
            texts_to.send_replace(text);
            Ok(())
        };
        let watched = Watched { what: "the file", path: path.clone(), load: Box::new(load) };
        let (problem_to, mut problem) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(super::watch(watched, problem_to, stopped));
        texts.wait_for(|text| text == "one").await.unwrap();
        std::fs::write(&path, "it is bad").unwrap();
        problem.wait_for(Option::is_some).await.unwrap();
        assert_eq!(*texts.borrow(), "one");
        std::fs::write(&path, "another one").unwrap();
        texts.wait_for(|text| text == "another one").await.unwrap();
        problem.wait_for(Option::is_none).await.unwrap();
        stop.send_replace(true);
        running.await.unwrap();
    }
}
