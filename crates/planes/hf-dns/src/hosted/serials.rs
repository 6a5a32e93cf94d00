//! Serials that are the time: seconds of this node's clock, never backwards, kept on disk.
//!
//! 1. A new version gets the second, or one more than the serial before it if that is not newer (RFC 1982): a clock that was set back, or two
//!    versions in one second.
//! 2. It is on disk before anybody sees it; when the disk does not take it, it counts all the same, and the log says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hf_hosted::history::{is_newer, next_serial};
use hf_model::WireName;
use tracing::error;

/// Serials by apex.
#[derive(Debug)]
pub(crate) struct Serials {
    folder: PathBuf,
    last: Mutex<BTreeMap<WireName, u32>>,
}

impl Serials {
    pub(crate) fn open(folder: &Path) -> Serials {
        let text = fs::read_to_string(file(folder)).unwrap_or_default();
        let line = |line: &str| {
            let (name, serial) = line.split_once(' ')?;
            let apex = hf_model::DnsName::new(name).ok()?;
            Some((WireName::from(&apex), serial.parse().ok()?))
        };
        let last = text.lines().filter_map(line).collect();
        Serials { folder: folder.to_path_buf(), last: Mutex::new(last) }
    }

    pub(crate) fn all(&self) -> Vec<(WireName, u32)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(|(apex, serial)| (apex.clone(), *serial)).collect()
    }

    /// The serial of a new version; blocks for the disk.
    pub(crate) fn next(&self, apex: &WireName, now_s: u32) -> u32 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match last.get(apex) {
            Some(last) if !is_newer(now_s, *last) => next_serial(*last),
            _ => now_s.max(1),
        };
        last.insert(apex.clone(), next);
        let text: String = last.iter().map(|(apex, serial)| format!("{apex} {serial}\n")).collect();
        if let Err(problem) = super::disk::replace(&self.folder, &file(&self.folder), text.as_bytes()) {
            error!(
                folder = %self.folder.display(), %problem,
                "the serials of hosted zones cannot be saved; free the disk, or secondaries may miss a change after a restart"
            );
        }
        next
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("serials")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("hosted");
        let apex = WireName::from_wire(b"\x07example\x04test\0").unwrap();
        let serials = Serials::open(&inner);
        let given: Vec<u32> = [100, 100, 90, 200].into_iter().map(|now| serials.next(&apex, now)).collect();
        assert_eq!(given, [100, 101, 102, 200]);
        let again = Serials::open(&inner);
        assert_eq!(again.all(), [(apex.clone(), 200)]);
        assert_eq!(again.next(&apex, 50), 201);
    }
}
