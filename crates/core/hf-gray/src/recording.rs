//! The newest seconds that a detector took, for a replay.
//!
//! 1. Seconds are kept as they were taken, in a compact form: a second of 12 endpoints with 100 requests each is some hundred bytes.
//! 2. At most [`SECONDS`] of them, and as many bytes of memory as the owner gives, with what each second takes beside its counts; beyond that the oldest
//!    go, a block at a time. One block is never more than [`BLOCK`] seconds or an eighth of the bytes, but for a second that is more by itself.
//! 3. Copies are cheap: blocks are shared. A copy is what was known then.
//!
//! Not here: the lines that are replayed (`hf-api`, `holdfast detect`).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::detector::ZoneWas;
use crate::second::{Endpoint, Latency, Second, Seen, Zone};

/// Seconds of a recording at most: an incident and the time before it, from which a detector learns what is usual.
pub const SECONDS: usize = 3_600;
/// Seconds that are dropped at once, at most.
const BLOCK: usize = 60;
/// Blocks in which the bytes are shared out, at least.
const BLOCKS: usize = 8;
/// Memory beside the counts of a second: its place in a block and in a copy of the newest one, twice over since both grow by doubling, the head of the
/// counts, and what an allocator adds to them.
const OVERHEAD: usize = 4 * size_of::<Recorded>() + 2 * size_of::<usize>() + 16;

/// One second that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Seconds of Unix time.
    pub t: u64,
    /// Where zones and endpoints of the second before are found, if they came or went before this one.
    pub was: Option<Arc<[ZoneWas]>>,
    bytes: Arc<[u8]>,
}

impl Recorded {
    /// As it was taken.
    pub fn new(t: u64, was: Option<Arc<[ZoneWas]>>, second: &Second) -> Recorded {
        let mut out = Writer::default();
        out.all(&second.zones, Writer::zone);
        out.all(&second.probes, |out, row| {
            out.all(row, |out, probe| out.number(probe.map_or(0, |good| 1 + u32::from(good))));
        });
        out.all(&second.seen, |out, row| {
            out.all(row, |out, seen| out.counts(seen.requests, seen.faults, &seen.latency));
        });
        Recorded { t, was, bytes: out.0.into() }
    }

    /// Bytes of memory that it takes.
    fn memory(&self) -> usize {
        let of_zone = |was: &ZoneWas| size_of::<ZoneWas>() + size_of_val(was.endpoints.as_slice());
        let was = self.was.as_ref().map_or(0, |was| OVERHEAD + was.iter().map(of_zone).sum::<usize>());
        OVERHEAD + self.bytes.len() + was
    }

    /// The second.
    pub fn second(&self) -> Second {
        let mut from = Reader(&self.bytes);
        Second {
            zones: from.all(Reader::zone),
            probes: from.all(|from| from.all(|from| from.number().checked_sub(1).map(|good| good != 0))),
            seen: from.all(|from| {
                from.all(|from| {
                    let (requests, faults, latency) = from.counts();
                    Seen { requests, faults, latency }
                })
            }),
        }
    }
}

/// Seconds that go together, and their bytes of memory.
#[derive(Clone, Debug, PartialEq)]
struct Block {
    seconds: Arc<Vec<Recorded>>,
    bytes: usize,
}

/// The newest seconds, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    blocks: VecDeque<Block>,
    bytes: usize,
    seconds: usize,
    latency: Latency,
}

impl Recording {
    /// Of seconds with these buckets of latency.
    pub fn new(latency: Latency) -> Recording {
        Recording { blocks: VecDeque::new(), bytes: 0, seconds: 0, latency }
    }

    /// What the buckets of latency are.
    pub fn latency(&self) -> Latency {
        self.latency
    }

    /// Takes the next second, and lets the oldest go that are too many for [`SECONDS`] or for so many bytes of memory. The newest second stays, whatever its size.
    pub fn push(&mut self, recorded: Recorded, bytes_max: usize) {
        let bytes = recorded.memory();
        self.bytes += bytes;
        self.seconds += 1;
        let has_room = |block: &&mut Block| {
            block.seconds.len() < BLOCK && block.bytes.saturating_add(bytes) <= bytes_max / BLOCKS
        };
        if let Some(block) = self.blocks.back_mut().filter(has_room) {
            Arc::make_mut(&mut block.seconds).push(recorded);
            block.bytes += bytes;
        } else {
            self.blocks.push_back(Block { seconds: Arc::new(vec![recorded]), bytes });
        }
        while self.blocks.len() > 1 && (self.seconds > SECONDS || self.bytes > bytes_max) {
            let Some(gone) = self.blocks.pop_front() else { return };
            self.seconds -= gone.seconds.len();
            self.bytes -= gone.bytes;
        }
    }

    /// The seconds after the given one, oldest first.
    pub fn after(&self, t: u64) -> impl Iterator<Item = &Recorded> {
        self.blocks.iter().flat_map(|block| block.seconds.iter()).filter(move |recorded| recorded.t > t)
    }

    /// How many there are.
    pub fn seconds(&self) -> usize {
        self.seconds
    }
}

/// Whole numbers, seven bits a byte, small ones first.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, of: u32) {
        let mut left = of;
        while left >= 0x80 {
            self.0.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.0.push(left as u8);
    }

    fn all<T>(&mut self, of: &[T], each: impl Fn(&mut Writer, &T)) {
        self.number(of.len() as u32);
        for one in of {
            each(self, one);
        }
    }

    /// Only buckets that have something are written, each by its distance from the one before.
    fn counts(&mut self, requests: u32, faults: u32, latency: &[u32]) {
        self.number(requests);
        self.number(faults);
        self.number(latency.len() as u32);
        self.number(latency.iter().filter(|count| **count > 0).count() as u32);
        let mut last = 0;
        for (at, count) in latency.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.number((at - last) as u32);
            self.number(*count);
            last = at;
        }
    }

    fn zone(&mut self, zone: &Zone) {
        self.all(&zone.endpoints, |out, of| out.counts(of.requests, of.faults, &of.latency));
        self.number(zone.worst_clients_faults);
        self.number(zone.worst_clients_requests);
        self.number(u32::from(zone.is_marked));
    }
}

/// The way back. What is written here is read here: where bytes end early there is nothing.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> u32 {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let Some((byte, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    fn all<T>(&mut self, each: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.number()).map(|_| each(self)).collect()
    }

    fn counts(&mut self) -> (u32, u32, Vec<u32>) {
        let (requests, faults) = (self.number(), self.number());
        let mut latency = vec![0; self.number() as usize];
        let mut at = 0;
        for _ in 0..self.number() {
            at += self.number() as usize;
            let count = self.number();
            if let Some(bucket) = latency.get_mut(at) {
                *bucket = count;
            }
        }
        (requests, faults, latency)
    }

    fn zone(&mut self) -> Zone {
        let endpoints = self.all(|from| {
            let (requests, faults, latency) = from.counts();
            Endpoint { requests, faults, latency }
        });
        let (worst_clients_faults, worst_clients_requests) = (self.number(), self.number());
        Zone { endpoints, worst_clients_faults, worst_clients_requests, is_marked: self.number() != 0 }
    }
}

#[cfg(test)]
mod tests;
