//! One file on disk: read, replaced as a whole, removed.
//!
//! 1. A new file is written beside the old one, flushed, and renamed over it: readers see the old one or the new one, and a watcher of the
//!    folder sees one move.
//! 2. Mode and, where this process may, owner are those of the file before. A symbolic link is followed, and stays one.
//! 3. What cannot be read (not ours, not text) counts as different.
//!
//! Not here: when (`run`), what (`text`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a file is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}; {}", path.display(), mend(source.kind()))]
pub struct FileError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn mend(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "make its folder",
        io::ErrorKind::PermissionDenied => "let this process's user write into its folder",
        io::ErrorKind::StorageFull => "make room on the disk",
        _ => "look at the disk and at `path`",
    }
}

/// Whether something would have to be done.
pub fn differs(path: &Path, text: Option<&str>) -> bool {
    match text {
        Some(text) => !holds(path, text),
        None => fs::symlink_metadata(path).is_ok(),
    }
}

/// Makes the file hold this text, or not be there; whether anything had to be done.
pub fn put(path: &Path, text: Option<&str>, mode: u32) -> Result<bool, FileError> {
    let error = |what| move |source| FileError { what, path: path.to_owned(), source };
    let Some(text) = text else {
        return match fs::remove_file(path) {
            Ok(()) => sync_folder(path).map(|()| true).map_err(error("flush the folder of")),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(error("remove")(source)),
        };
    };
    // The link's target, when it is one: whoever made the link wants it to stay.
    let target = match fs::symlink_metadata(path) {
        Ok(data) if data.is_symlink() => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        _ => path.to_owned(),
    };
    if holds(&target, text) {
        return Ok(false);
    }
    replace(&target, text, mode).map_err(error("write"))?;
    Ok(true)
}

fn holds(path: &Path, text: &str) -> bool {
    // A stranger's file may be of any size: the length says enough.
    let is_as_long = fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() == text.len() as u64);
    is_as_long && fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}

fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let before = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    let mode = before.as_ref().map_or(mode, |data| data.mode() & 0o7777);
    let beside = beside(path)?;
    // What a process that was killed has left there.
    let _ = fs::remove_file(&beside);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Some(before) = &before {
            // Only root may give files away; who may not keeps the file its own.
            let _ = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        }
        // After the owner: a change of owner takes bits away. And past the umask: the mode is as it is written.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder(path)
}

/// In the same folder, for the rename; with a dot in front, so that `include *.conf` does not take it.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
