//! A node's simulated disk: the files of `hf_feed::SnapshotDir`, with its rules, and the ways in which disks fail.
//!
//! Not here: what is in the files (`hf-snapshot`, which writes and reads them for real).

use std::collections::BTreeMap;

use hf_feed::SignedBreakGlass;
use hf_feed::break_glass::{decode_list, encode_list};
use hf_feed::disk::{KEPT, LEAP};
use hf_model::Timestamp;
use hf_snapshot::Snapshot;

use crate::rng::Rng;
use hf_node::hub::FromDisk;

/// A disk, which outlives its node's processes.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<u64, File>,
    break_glass: Vec<u8>,
    /// It refuses to write.
    pub is_failing: bool,
}

#[derive(Clone, Debug)]
struct File {
    bytes: Vec<u8>,
    is_good: bool,
}

impl Disk {
    /// As `SnapshotDir::save`: atomic, the newest three are kept. False if the disk refuses.
    pub fn save(&mut self, snapshot: &Snapshot) -> bool {
        if self.is_failing {
            return false;
        }
        let bytes = snapshot.encode().expect("a simulated snapshot is small");
        self.files.insert(snapshot.number, File { bytes, is_good: true });
        while self.files.len() > KEPT {
            self.files.pop_first();
        }
        true
    }

    /// As `SnapshotDir::save_break_glass`. False if the disk refuses.
    pub fn save_break_glass(&mut self, list: &[SignedBreakGlass]) -> bool {
        if !self.is_failing {
            self.break_glass = encode_list(list);
        }
        !self.is_failing
    }

    /// As `boot::load`: the newest good file, and a number that leaves room.
    pub fn load(&self, now: Timestamp) -> FromDisk {
        let newest = self.files.values().rev().find_map(|file| Snapshot::decode(&file.bytes, now).ok());
        let next_number = self.files.last_key_value().map_or(1, |(number, _)| number + LEAP);
        let break_glass = decode_list(&self.break_glass).unwrap_or_default();
        FromDisk { snapshot: newest, next_number, break_glass }
    }

    /// The number of the newest file that nobody damaged: what a boot must come up with.
    pub fn newest_good(&self) -> Option<u64> {
        self.files.iter().rev().find(|(_, file)| file.is_good).map(|(number, _)| *number)
    }

    /// The newest number that a file has, good or not.
    pub fn newest_number(&self) -> u64 {
        self.files.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Damages the newest file: a flipped bit, or a cut.
    pub fn damage(&mut self, rng: &mut Rng) {
        // One good file stays: a disk that loses all is another disk.
        if self.files.values().filter(|file| file.is_good).count() < 2 {
            return;
        }
        let Some(mut newest) = self.files.last_entry() else { return };
        let file = newest.get_mut();
        let at = rng.below(file.bytes.len() as u64) as usize;
        if rng.percent(50) {
            file.bytes[at] ^= 1 << rng.below(8);
        } else {
            file.bytes.truncate(at);
        }
        file.is_good = false;
    }
}
