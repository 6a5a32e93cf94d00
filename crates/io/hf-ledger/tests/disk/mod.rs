//! A disk that a test can break: it fails calls on demand and, on a power cut, keeps any part of what was not synced.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// xorshift64*: small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_mul(2).wrapping_add(1));
        // Neighbouring seeds begin alike; a few throws part them.
        for _ in 0..8 {
            dice.roll(2);
        }
        dice
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % below
    }
}

/// What goes wrong, and when; calls that change the disk are counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// This one change fails, the next ones work.
    Once { at: u64, kind: io::ErrorKind },
    /// This change and every one after it fail.
    From { at: u64, kind: io::ErrorKind },
    /// The sync with this number fails; syncs are counted from 0 by themselves.
    Sync { at: u64 },
    /// Nothing can be written beyond this length.
    Full { len: u64 },
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::SetLen(len) => bytes.resize(*len as usize, 0),
            Change::Write { offset, data } => {
                let end = *offset as usize + data.len();
                if bytes.len() >= end {
                    bytes[*offset as usize..end].copy_from_slice(data);
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    fault: Fault,
    changes: u64,
    syncs: u64,
}

/// The disk. Clones are one disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A disk with these bytes on it.
    pub fn holding(bytes: Vec<u8>) -> Disk {
        Disk(Arc::new(Mutex::new(State { seen: bytes.clone(), durable: bytes, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets `fault` happen, counted from now.
    pub fn set(&self, fault: Fault) {
        let mut state = self.state();
        (state.fault, state.changes, state.syncs) = (fault, 0, 0);
    }

    /// How many changes and syncs were asked for since [`Disk::set`].
    pub fn counted(&self) -> (u64, u64) {
        let state = self.state();
        (state.changes, state.syncs)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    /// What a power cut now may leave: everything synced, and of the rest any writes in any order, each whole or torn.
    /// Lengths are metadata and keep their order.
    pub fn after_power_cut(&self, dice: &mut Dice) -> Disk {
        let state = self.state();
        let mut bytes = state.durable.clone();
        let lens_kept = dice.roll(state.pending.len() as u64 + 1);
        let keep = dice.roll(5);
        for (at, change) in state.pending.iter().enumerate() {
            match change {
                Change::SetLen(_) if (at as u64) < lens_kept => change.apply(&mut bytes),
                Change::SetLen(_) => {}
                Change::Write { offset, data } => match dice.roll(5) {
                    kept if kept < keep => change.apply(&mut bytes),
                    4 => {
                        let torn = data[..dice.roll(data.len() as u64 + 1) as usize].to_vec();
                        Change::Write { offset: *offset, data: torn }.apply(&mut bytes);
                    }
                    _ => {}
                },
            }
        }
        Disk::holding(bytes)
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.state();
        let number = state.changes;
        state.changes += 1;
        let end = match &change {
            Change::SetLen(len) => *len,
            Change::Write { offset, data } => offset + data.len() as u64,
        };
        let failed = match state.fault {
            Fault::Once { at, kind } if number == at => Some(kind),
            Fault::From { at, kind } if number >= at => Some(kind),
            Fault::Full { len } if end > len => Some(io::ErrorKind::StorageFull),
            _ => None,
        };
        if let Some(kind) = failed {
            if let Change::Write { offset, data } = change {
                // A failed write may have written some of it.
                let torn = Change::Write { offset, data: data[..data.len() / 2].to_vec() };
                torn.apply(&mut state.seen);
                state.pending.push(torn);
            }
            return Err(kind.into());
        }
        change.apply(&mut state.seen);
        state.pending.push(change);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = from.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let found = state.seen.get(from..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        let number = state.syncs;
        state.syncs += 1;
        match state.fault {
            Fault::Sync { at } if number == at => Err(io::ErrorKind::Other.into()),
            // A dead disk confirms nothing.
            Fault::From { at, kind } if state.changes >= at => Err(kind.into()),
            _ => {
                let state = &mut *state;
                state.pending.clear();
                state.durable.clone_from(&state.seen);
                Ok(())
            }
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write { offset, data: data.to_vec() })
    }
}
