//! The last good snapshots on this node's own disk: what it boots from when everything else is gone; and other small files that must be whole
//! or not there ([`save_sealed`], [`load_sealed`]).
//!
//! 1. A file is written beside, synced, renamed into place, and the folder synced: at any moment of a crash there is the old
//!    file or the new one, never half of one.
//! 2. The three newest are kept. Loading takes the newest that is good, and says which were not and why.
//! 3. A disk that is full or broken costs the new file, never the old ones; the node serves on from memory.
//! 4. Numbers never go back, even if the newest file is bad or was never written: see [`Loaded::next_number`]. Only a node that dies
//!    twice before its disk has taken anything in between cannot know which numbers it used the first time.
//!
//! Not here: what is in a file and its checksum (`hf-snapshot`), when to save (`hf-node`). All calls block.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::break_glass::{SignedBreakGlass, decode_list, encode_list};
use hf_model::Digest;

/// Files kept.
pub const KEPT: usize = 3;
/// Bytes of a file that are read at most: more than any snapshot has. `hf-snapshot` has the exact bound of its own files
/// and this crate does not know it; this one keeps a wrong file from filling the memory.
const LEN_MAX: u64 = 64 << 20;
/// After a restart numbers go on this far beyond the newest file: more than are ever made while one save waits.
pub const LEAP: u64 = 1_000_000;
const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".hfs";
const UNFINISHED: &str = ".new";
const BREAK_GLASS: &str = "break-glass.hfb";

/// The folder of snapshots of one node.
#[derive(Clone, Debug)]
pub struct SnapshotDir(PathBuf);

/// Why something could not be kept on disk or read from it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}; {}", .path.display(), mend(.source))]
pub struct DiskError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there; until then this node serves on, and would boot from an older snapshot"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let the user of this process write there, or change `data_dir`"
        }
        _ => "check the disk and `data_dir`",
    }
}

/// A file that is not a good snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// What was found at the start.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The newest good one and its number.
    pub newest: Option<(u64, T)>,
    /// Newer ones that are not good.
    pub bad: Vec<BadFile>,
    /// The first number that this run may use.
    pub next_number: u64,
}

impl SnapshotDir {
    /// Makes the folder if it is missing (mode 0700: snapshots show the whole estate).
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(at(path))?;
        Ok(SnapshotDir(path.to_owned()))
    }

    /// Removes what a process that died while it saved has left behind. Only for whoever has the folder to itself.
    pub fn remove_unfinished(&self) -> Result<(), DiskError> {
        for entry in fs::read_dir(&self.0).map_err(at(&self.0))? {
            let entry = entry.map_err(at(&self.0))?;
            let name = entry.file_name();
            let of = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED));
            if of.is_some_and(|of| of == BREAK_GLASS || of.starts_with(PREFIX) && of.ends_with(SUFFIX)) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Keeps a snapshot's bytes as number `number`, and drops all but the newest [`KEPT`].
    pub fn save(&self, number: u64, bytes: &[u8]) -> Result<(), DiskError> {
        replace(&self.0.join(format!("{PREFIX}{number:020}{SUFFIX}")), bytes)?;
        let numbers = self.numbers()?;
        let too_many = numbers.len().saturating_sub(KEPT);
        for (_, path) in &numbers[..too_many] {
            fs::remove_file(path).map_err(at(path))?;
        }
        Ok(())
    }

    /// Reads the newest file that `decode` calls good.
    pub fn load<T>(
        &self,
        mut decode: impl FnMut(&[u8]) -> Result<T, String>,
    ) -> Result<Loaded<T>, DiskError> {
        let numbers = self.numbers()?;
        let next_number = numbers.last().map_or(1, |(number, _)| number.saturating_add(LEAP));
        let mut loaded = Loaded { newest: None, bad: Vec::new(), next_number };
        for (number, path) in numbers.into_iter().rev() {
            match read_bounded(&path, LEN_MAX)
                .map_err(|error| error.to_string())
                .and_then(|bytes| decode(&bytes))
            {
                Ok(good) => {
                    loaded.newest = Some((number, good));
                    break;
                }
                Err(problem) => loaded.bad.push(BadFile { path, problem }),
            }
        }
        Ok(loaded)
    }

    /// Keeps the break-glass acts with their signatures, so that they are passed on after a restart too.
    pub fn save_break_glass(&self, list: &[SignedBreakGlass]) -> Result<(), DiskError> {
        replace(&self.0.join(BREAK_GLASS), &sealed(&encode_list(list)))
    }

    /// The break-glass acts that were kept; none if there is no file. Their signatures are still to be verified.
    pub fn load_break_glass(&self) -> Result<Vec<SignedBreakGlass>, BadFile> {
        let path = self.0.join(BREAK_GLASS);
        let Some(body) = load_sealed(&path, LEN_MAX)? else { return Ok(Vec::new()) };
        decode_list(&body).map_err(|error| BadFile { path, problem: error.to_string() })
    }

    /// Files by number, oldest first.
    fn numbers(&self) -> Result<Vec<(u64, PathBuf)>, DiskError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(at(&self.0))? {
            let entry = entry.map_err(at(&self.0))?;
            let name = entry.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
            if let Some(number) = number {
                found.push((number, entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Keeps a file with a checksum before its content: at any moment of a crash there is the old one or the new one. Blocks.
pub fn save_sealed(path: &Path, body: &[u8]) -> Result<(), DiskError> {
    replace(path, &sealed(body))
}

/// Reads such a file of at most `len_max` bytes; none if there is none. Blocks.
pub fn load_sealed(path: &Path, len_max: u64) -> Result<Option<Vec<u8>>, BadFile> {
    let bad = |problem: String| BadFile { path: path.to_owned(), problem };
    let mut bytes = match read_bounded(path, len_max) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(error.to_string())),
    };
    match bytes.split_at_checked(32) {
        Some((digest, body)) if Digest::of(body).0 == digest => {
            bytes.drain(..32);
            Ok(Some(bytes))
        }
        _ => Err(bad("its checksum does not fit".to_owned())),
    }
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = Digest::of(body).0.to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(UNFINISHED);
    let beside = PathBuf::from(beside);
    let written = write_synced(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // Half a file is of no use and, on a full disk, in the way.
        let _ = fs::remove_file(&beside);
        return Err(at(path)(error));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_bounded(path: &Path, len_max: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    File::open(path)?.take(len_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > len_max {
        Err(io::Error::other("longer than such a file can be"))
    } else {
        Ok(bytes)
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> DiskError + use<> {
    let path = path.to_owned();
    move |source| DiskError { path: path.clone(), source }
}

#[cfg(test)]
mod tests;
