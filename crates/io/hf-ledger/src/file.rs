//! The file below redb: its room, and whether the disk ever failed to confirm a write.
//!
//! 1. Growth reserves its blocks at once, so a full disk shows before anything is written and not in the midst of a commit.
//! 2. A failed fsync is remembered: the kernel may have dropped the very pages, so nothing read afterwards in this process counts.
//!
//! Not here: what lies in the file (`tables`).

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// The storage below redb, a file or what a test puts in its place.
#[derive(Debug)]
pub struct Storage {
    inner: Box<dyn StorageBackend>,
    /// The file, when there is one: room is reserved through it.
    file: Option<File>,
    sync_failed: Arc<AtomicBool>,
}

impl Storage {
    /// A file that reserves room when it grows. `sync_failed` is set for ever once an fsync fails.
    pub fn of_file(file: File, sync_failed: Arc<AtomicBool>) -> Result<Self, redb::DatabaseError> {
        drop_cached_pages(&file);
        let inner = Box::new(FileBackend::new(file.try_clone()?)?);
        Ok(Storage { inner, file: Some(file), sync_failed })
    }

    /// Any backend.
    pub fn of_backend(inner: Box<dyn StorageBackend>, sync_failed: Arc<AtomicBool>) -> Self {
        Storage { inner, file: None, sync_failed }
    }
}

/// Makes the kernel forget clean pages of the file, so that what we read is what the disk holds even when an earlier
/// process died of a failed fsync. Advice only: nothing depends on it being taken.
fn drop_cached_pages(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = nix::fcntl::posix_fadvise(file, 0, 0, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

fn reserve(file: &File, from: u64, to: u64) -> io::Result<()> {
    let room = to - from;
    #[cfg(target_os = "linux")]
    {
        let as_offset = |n: u64| i64::try_from(n).map_err(|_| io::ErrorKind::FileTooLarge);
        nix::fcntl::posix_fallocate(file, as_offset(from)?, as_offset(room)?)?;
    }
    #[cfg(not(target_os = "linux"))]
    {
        use std::os::unix::fs::FileExt;
        let zeros = [0; 64 << 10];
        let mut done = 0;
        while done < room {
            let step = (room - done).min(zeros.len() as u64);
            file.write_all_at(&zeros[..step as usize], from + done)?;
            done += step;
        }
    }
    Ok(())
}

impl StorageBackend for Storage {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if let Some(file) = &self.file {
            let old = self.inner.len()?;
            if len > old {
                reserve(file, old, len).inspect_err(|_| {
                    // A reservation may fail half way: what it took is given back.
                    let _ = self.inner.set_len(old);
                })?;
            }
        }
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data().inspect_err(|_| self.sync_failed.store(true, Ordering::SeqCst))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
