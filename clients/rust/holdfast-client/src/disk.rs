//! The last good state on disk: what a process knows before it has reached anybody.
//!
//! 1. One file: a first line with format, version and digest, then JSON. Written beside and renamed: it is whole or it is the old one.
//! 2. It is checked when it is read. A bad one is told and counts as none; so does one of another resource.
//! 3. Its age does not matter: an old evacuation is likelier true than none, and the first endpoint that speaks corrects it.
//!
//! Not here: when it is written (`client`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::quorum::{Origin, Zones};
use crate::wire::{self, ZoneStatus};

/// The first word of the file.
const FORMAT: &str = "holdfast-zones";
/// The version that is written and read.
const VERSION: &str = "1";
/// Bytes of a file at most.
const FILE_BYTES: u64 = (wire::BODY_BYTES + 4_096) as u64;

#[derive(Serialize, Deserialize)]
struct Stored {
    resource: String,
    saved_at_ms: u64,
    tag: Option<String>,
    revision: Option<u64>,
    zones: Vec<ZoneStatus>,
}

/// Why the file of last good state is not used, or was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Not readable; one that is not there is no error.
    #[error("cannot read {path}; the start is from nothing, with all zones open, until an endpoint speaks")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Damaged, of another version, or not of ours.
    #[error(
        "{path} is not used: {why}; the start is from nothing, with all zones open, until an endpoint speaks. It is written anew then"
    )]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Not written; the old one stands.
    #[error("cannot write {path}; after a restart an older state counts until an endpoint speaks")]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Reads the file; none if it is not there.
pub fn load(path: &Path, resource: &str) -> Result<Option<Zones>, DiskError> {
    let unreadable = |source| DiskError::Unreadable { path: path.to_owned(), source };
    let bad = |why: String| DiskError::Bad { path: path.to_owned(), why };
    let length = match std::fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if length > FILE_BYTES {
        return Err(bad(format!("it has {length} bytes, {FILE_BYTES} at most are read")));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
    let (head, body) = text.split_once('\n').ok_or_else(|| bad("it is cut off".to_owned()))?;
    let mut head = head.split(' ');
    if head.next() != Some(FORMAT) {
        return Err(bad("it was not written by this library".to_owned()));
    }
    let version = head.next().unwrap_or_default();
    if version != VERSION {
        return Err(bad(format!("its version is `{}`, this library reads {VERSION}", cut(version))));
    }
    if head.next() != Some(digest(body).as_str()) {
        return Err(bad("it is damaged (its digest is another)".to_owned()));
    }
    let mut stored: Stored = serde_json::from_str(body).map_err(|error| bad(error.to_string()))?;
    if stored.resource != resource {
        return Err(bad(format!("it is of `{}`, not of `{resource}`", cut(&stored.resource))));
    }
    wire::check_zones(&mut stored.zones).map_err(|error| bad(error.to_string()))?;
    Ok(Some(Zones::new(stored.zones, stored.tag.zip(stored.revision), Origin::Disk)))
}

/// Replaces the file.
pub fn save(path: &Path, resource: &str, zones: &Zones, now_ms: u64) -> Result<(), DiskError> {
    let stored = Stored {
        resource: resource.to_owned(),
        saved_at_ms: now_ms,
        tag: zones.tag().map(ToOwned::to_owned),
        revision: zones.revision(),
        zones: zones.iter().cloned().collect(),
    };
    let body = serde_json::to_string(&stored).expect("statuses have text keys only");
    let text = format!("{FORMAT} {VERSION} {}\n{body}", digest(&body));
    replace(path, text.as_bytes()).map_err(|source| DiskError::Unwritten { path: path.to_owned(), source })
}

/// Writes a file beside and renames it: who reads sees the old one or the new one, whole.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(std::io::ErrorKind::IsADirectory)?;
    std::fs::create_dir_all(folder)?;
    // Of this process alone: two that share a path by mistake do not write into one another's.
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(beside);
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&beside, path));
    if done.is_err() {
        // It may not be there at all.
        let _ = std::fs::remove_file(&beside);
    }
    done?;
    // The name too is to outlive a power cut; file systems without it are as good as they are.
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// FNV-1a: against cut and mixed files, not against anybody who means harm and may write here.
fn digest(body: &str) -> String {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    format!("{:016x}", body.bytes().fold(0xCBF2_9CE4_8422_2325, step))
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::State;

    fn told(path: &Path, text: &[u8]) -> String {
        std::fs::write(path, text).unwrap();
        load(path, "everything").map_or_else(|error| error.to_string(), |zones| format!("{zones:?}"))
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/state");
        assert!(load(&path, "everything").unwrap().is_none());
        let zones = Zones::of([("a", State::Away), ("b", State::Open)]);
        save(&path, "everything", &zones, 7).unwrap();
        let loaded = load(&path, "everything").unwrap().unwrap();
        assert_eq!(loaded.origin(), Origin::Disk);
        assert!(!loaded.is_open("a") && loaded.is_open("b"));
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_file_says_what_is_wrong_and_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        save(&path, "everything", &Zones::of([("a", State::Away)]), 7).unwrap();
        let good = std::fs::read(&path).unwrap();
        for cut in 0..good.len() {
            assert!(told(&path, &good[..cut]).contains("is not used"), "{cut} bytes were taken");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(told(&path, &bytes).contains("is not used"), "byte {at} turned was taken");
        }
        assert!(told(&path, b"holdfast-zones 2 x\n{}").contains("its version is `2`"));
        assert!(told(&path, b"{}\n").contains("not written by this library"));
        save(&path, "pool/web", &Zones::of([("a", State::Away)]), 7).unwrap();
        assert!(load(&path, "everything").unwrap_err().to_string().contains("it is of `pool/web`"));
    }

    #[test]
    fn a_folder_in_its_place_is_an_error_with_a_path() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(folder.path(), "everything"), Err(DiskError::Unreadable { .. })));
        let zones = Zones::of([("a", State::Away)]);
        assert!(matches!(save(folder.path(), "everything", &zones, 7), Err(DiskError::Unwritten { .. })));
    }
}
