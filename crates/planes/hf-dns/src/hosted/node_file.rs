//! A hosted zone that each node reads from its own `zone_dir`.
//!
//! 1. The file is looked at every second, and so is every file that it includes. A change of any counts when two looks agree on all of them, so that a file is not read
//!    while it is written. Is one written to while they are read, nothing of that is used.
//! 2. Files that it includes are looked for beside the file that includes them. One that an edit has brought in is looked at once more, a second after it was read, before
//!    anything is used; one that is missing is looked for.
//! 3. It is read on a thread of its own: answers do not wait for it.
//! 4. A bad edit keeps the version of before; the log and the report say so, with lines and columns. That version is on disk too: a node that
//!    starts with a bad file serves what was good the last time.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hf_hosted::{Contents, master};
use hf_model::{DnsName, Timestamp, WireName};
use tracing::{error, info, warn};

use super::{Store, disk};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Problems that are told.
const PROBLEMS_TOLD: usize = 10;

/// What is read at once.
const PIECE_BYTES: usize = 256 << 10;

/// A file up to this is read; more would not leave room for anything else.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// How a file looks from outside.
type Look = Option<(SystemTime, u64, u64)>;

/// Follows the zone's file; never ends.
pub(crate) async fn follow(store: Arc<Store>, apex: WireName) {
    let Some(folder) = store.config.zone_dir.clone() else {
        let problem = format!(
            "{apex}: it comes from a file on each node, and this node has no `zone_dir` in [dns]; set it"
        );
        error!(zone = %apex, problem, "a hosted zone cannot be served");
        store.problem(&apex, problem);
        return;
    };
    let path = folder.join(format!("{}zone", apex.folded()));
    let mut in_force: Option<Look> = None;
    // As they looked when they were read.
    let mut included: Vec<Included> = Vec::new();
    let looks = |included: &[Included]| (look(&path), Included::looks(included));
    let mut last = looks(&included);
    loop {
        let now = looks(&included);
        let steady = now == last;
        let is_new =
            in_force != Some(now.0) || included.iter().map(|file| file.look).ne(now.1.iter().copied());
        last = now;
        if steady && is_new {
            let before = in_force.replace(last.0).map(|_| std::mem::take(&mut included));
            included = take(&store, &apex, &path, milliseconds(last.0), before.as_deref()).await;
            last.1 = included.iter().map(|file| file.look).collect();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A file that was included, or should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Included {
    path: PathBuf,
    /// How it looked when it was opened.
    look: Look,
}

impl Included {
    /// How they look now.
    fn looks(all: &[Included]) -> Vec<Look> {
        all.iter().map(|file| look(&file.path)).collect()
    }

    /// Whether it was written to since; another file under its name is none that was read.
    fn is_written_to(&self) -> bool {
        match (self.look, look(&self.path)) {
            (Some(then), Some(now)) => now != then && now.2 == then.2,
            _ => false,
        }
    }
}

/// What was read, and every file that was looked for on the way.
struct ZoneRead {
    contents: Result<Contents, String>,
    included: Vec<Included>,
}

fn look(path: &Path) -> Look {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

/// Keeps the version in force for the next start. Without it a start with a bad file has nothing to serve, so the log says so.
async fn keep(store: &Arc<Store>, apex: &WireName, changed_at: Timestamp) {
    let Some(contents) = store.contents(apex) else { return };
    let folder = store.folder();
    let saved = tokio::task::spawn_blocking(move || disk::save_good(&folder, &contents, changed_at)).await;
    let problem = match saved {
        Ok(Ok(())) => return,
        Ok(Err(problem)) => problem.to_string(),
        Err(why) => why.to_string(),
    };
    warn!(zone = %apex, problem, "the good version of a hosted zone cannot be kept on disk; free some, or a start with a bad file will not serve it");
}

/// Serves what was good before the start.
async fn put_back(store: &Arc<Store>, apex: &WireName) {
    let (folder, zone) = (store.folder(), apex.clone());
    match tokio::task::spawn_blocking(move || disk::read_good(&folder, &zone)).await {
        Ok(Ok(Some(contents))) => store.publish(contents),
        Ok(Ok(None)) => {}
        Ok(Err(problem)) => {
            error!(zone = %apex, %problem, "the last good version of a hosted zone cannot be read");
        }
        Err(why) => {
            error!(zone = %apex, %why, "the last good version of a hosted zone cannot be read");
        }
    }
}

fn milliseconds(look: Look) -> Timestamp {
    let since = look.and_then(|(at, _, _)| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0)))
}

/// Reads it and what it includes, and puts it in force. `before` is what it included the last time; none at the start, when what is there counts.
/// Answers what it includes now.
async fn take(
    store: &Arc<Store>,
    apex: &WireName,
    path: &Path,
    changed_at: Timestamp,
    before: Option<&[Included]>,
) -> Vec<Included> {
    let (zone, file) = (apex.clone(), path.to_path_buf());
    let (mut read, included) = match tokio::task::spawn_blocking(move || read(&zone, &file)).await {
        Ok(ZoneRead { contents, included }) => (contents, included),
        Err(why) => (Err(why.to_string()), Vec::new()),
    };
    let is_known =
        |file: &Included| before.is_none_or(|before| before.iter().any(|known| known.path == file.path));
    if read.is_ok() && !included.iter().all(is_known) {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(changed) = included.iter().find(|file| look(&file.path) != file.look) {
            read = Err(was_changed(&changed.path));
        }
    }
    let problem = match read {
        Ok(contents) => {
            info!(zone = %apex, serial = contents.serial(), names = contents.names(), "a hosted zone was read from its file");
            store.publish(contents);
            store.seen(apex, store.config.clock.now());
            keep(store, apex, changed_at).await;
            return included;
        }
        Err(problem) => problem,
    };
    if store.contents(apex).is_none() {
        put_back(store, apex).await;
    }
    let before = store.contents(apex).map(|before| before.serial());
    error!(zone = %apex, problem, served = before, "a hosted zone's file cannot be used; the version of before stays");
    store.problem(apex, problem);
    included
}

/// Whether a file can be served as the master file of a hosted zone; blocks.
///
/// # Errors
///
/// What is wrong, with lines and columns.
pub fn check_zone_file(name: &DnsName, path: &Path) -> Result<(), String> {
    read(&WireName::from(name), path).contents.map(drop)
}

fn read(apex: &WireName, path: &Path) -> ZoneRead {
    read_in_pieces(apex, path, |_| {})
}

/// Tells after each piece of the file itself how much was read.
fn read_in_pieces(apex: &WireName, path: &Path, told: impl Fn(u64)) -> ZoneRead {
    let included = Arc::new(Mutex::new(Vec::new()));
    let contents = read_with(apex, path, told, &included);
    let included = std::mem::take(&mut *included.lock().unwrap_or_else(PoisonError::into_inner));
    ZoneRead { contents, included }
}

fn read_with(
    apex: &WireName,
    path: &Path,
    told: impl Fn(u64),
    included: &Arc<Mutex<Vec<Included>>>,
) -> Result<Contents, String> {
    let mut file = open_file(path, "put the zone's master file there")?;
    let before = described(&file, path)?;
    let (main, looked_for) = (path.to_path_buf(), included.clone());
    let open = move |within: &str, written: &str| {
        let including = if within.is_empty() { main.as_path() } else { Path::new(within) };
        let path = including.parent().unwrap_or(Path::new(".")).join(written);
        let file = Included { look: look(&path), path: path.clone() };
        looked_for.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        let mut text = Vec::new();
        let mut file = open_file(&path, "it is looked for beside the file that includes it")?;
        file.read_to_end(&mut text).map_err(|why| cannot_be_read(&path, &why))?;
        Ok((path.display().to_string(), text))
    };
    let mut reader = master::Reader::new(apex).with_files(Box::new(open));
    // Twice its text would not fit beside the versions of a large zone: no more of it is in memory than a piece.
    let mut piece = vec![0; PIECE_BYTES];
    let mut taken = 0;
    while !reader.is_spent() {
        match file.read(&mut piece) {
            Ok(0) if taken < before.1 => return Err(was_changed(path)),
            Ok(0) => break,
            Ok(len) => {
                taken += len as u64;
                reader.feed(&piece[..len]);
                told(taken);
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(cannot_be_read(path, &why)),
        }
    }
    if described(&file, path)? != before {
        return Err(was_changed(path));
    }
    let files = included.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(changed) = files.iter().find(|file| file.is_written_to()) {
        return Err(was_changed(&changed.path));
    }
    drop(files);
    let contents = reader.finish().map_err(|problems| {
        let line = |problem: &master::Problem| {
            let file = if problem.file.is_empty() { format!("{}:", path.display()) } else { String::new() };
            format!("{file}{problem}")
        };
        let mut lines: Vec<_> = problems.iter().take(PROBLEMS_TOLD).map(line).collect();
        if problems.len() > PROBLEMS_TOLD {
            lines.push(format!("and {} more", problems.len() - PROBLEMS_TOLD));
        }
        lines.join("\n")
    })?;
    if contents.soa().is_none() {
        return Err(format!("{}: the zone has no SOA; add one at its apex", path.display()));
    }
    Ok(contents)
}

/// A file that may be a master file, to be read up to [`FILE_BYTES_MAX`] even if it grows.
fn open_file(path: &Path, mend: &str) -> Result<io::Take<fs::File>, String> {
    let told = |what: String| format!("{}: {what}", path.display());
    let metadata = fs::metadata(path).map_err(|why| told(format!("{why}; {mend}")))?;
    if !metadata.is_file() {
        return Err(told("this is no file; name one".to_owned()));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(told("a master file has at most 2 GiB; split the zone".to_owned()));
    }
    let file = fs::File::open(path).map_err(|why| cannot_be_read(path, &why))?;
    Ok(file.take(FILE_BYTES_MAX))
}

/// When the open file was written last, and its length.
fn described(file: &io::Take<fs::File>, path: &Path) -> Result<(SystemTime, u64), String> {
    let of = |metadata: fs::Metadata| Ok((metadata.modified()?, metadata.len()));
    file.get_ref().metadata().and_then(of).map_err(|why| cannot_be_read(path, &why))
}

fn was_changed(path: &Path) -> String {
    format!(
        "{}: it was written to while it was read; it is read again when that is over (write beside it and rename)",
        path.display()
    )
}

fn cannot_be_read(path: &Path, why: &io::Error) -> String {
    format!("{}: {why}; check its permissions", path.display())
}

#[cfg(test)]
mod tests;
