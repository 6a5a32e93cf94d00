//! Files that only their owner may use (mode 0600).

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of such a file at most.
pub const FILE_BYTES: u64 = 8 << 20;

/// Why a private file is not read. Whoever asked names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Others may read or write it.
    #[error("others may use it, mode {mode:03o}: run `chmod 600`")]
    Open {
        /// Its mode.
        mode: u32,
    },
    /// More than [`FILE_BYTES`].
    #[error("it has more than {FILE_BYTES} bytes")]
    Large,
}

/// Reads a file that only its owner may use.
pub fn read(path: &Path) -> Result<String, ReadError> {
    let file = fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ReadError::Open { mode });
    }
    let mut text = String::new();
    file.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES { Err(ReadError::Large) } else { Ok(text) }
}

/// Writes a file that only its owner may read, whole or not at all. One that is there keeps its owner.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let _ = fs::remove_file(&draft); // left over from a kill
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    if let Ok(before) = fs::metadata(path) {
        let own = file.metadata()?;
        if (before.uid(), before.gid()) != (own.uid(), own.gid()) {
            // The administrator edits what the node's user reads.
            std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
