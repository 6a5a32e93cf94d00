//! A file on the disk: there, or not there in a folder that is.
//!
//! A missing folder is silence, not absence: a share that is not mounted, or a disk that was lost, opens no zone.
//! The folder has to lie on the share: the mount point itself is there, and empty, while nothing is mounted.
//! A link that leads nowhere is there: somebody has made it.

use std::io::ErrorKind;
use std::path::Path;

use crate::Look;
use crate::disk::Disk;

pub(crate) async fn look(path: &Path, disk: &Disk) -> Result<Look, String> {
    let silent = |what: &str, mend: &str| format!("{}: {what}; {mend}", path.display());
    let looked = disk.call(path, |path| {
        let found = std::fs::symlink_metadata(&path);
        let is_missing = found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let folder_is_there = is_missing && path.parent().is_some_and(Path::is_dir);
        (found.map(|_| ()), folder_is_there)
    });
    match looked.await? {
        (Ok(()), _) => Ok(Look::There { what: format!("file {}", path.display()) }),
        (Err(_), true) => Ok(Look::Absent),
        (Err(error), false) if error.kind() == ErrorKind::NotFound => {
            Err(silent("its folder is not there", "make it, or mount what it lies on"))
        }
        (Err(error), false) => Err(silent(&error.to_string(), "let the node's user look into the folder")),
    }
}

#[cfg(test)]
mod tests;
