//! The newest seconds that a detector took, for a replay.
//!
//! 1. Seconds are kept as they were taken, in a compact form: a second of 12 endpoints with 100 requests each is some hundred bytes.
//! 2. At most [`SECONDS`] of them, and as many bytes as the owner gives; beyond that the oldest go, a block of [`BLOCK`] at a time.
//! 3. Copies are cheap: blocks are shared. A copy is what was known then.
//!
//! Not here: the lines that are replayed (`hf-api`, `holdfast detect`).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::detector::ZoneWas;
use crate::second::{Endpoint, Latency, Second, Seen, Zone};

/// Seconds of a recording at most: an incident and the time before it, from which a detector learns what is usual.
pub const SECONDS: usize = 3_600;
/// Seconds that are dropped at once.
const BLOCK: usize = 60;

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

/// The newest seconds, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    blocks: VecDeque<Arc<Vec<Recorded>>>,
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

    /// Takes the next second, and lets the oldest go that are too many for [`SECONDS`] or for so many bytes. One block stays, whatever its size.
    pub fn push(&mut self, recorded: Recorded, bytes_max: usize) {
        self.bytes += recorded.bytes.len();
        self.seconds += 1;
        match self.blocks.back_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => Arc::make_mut(block).push(recorded),
            None => self.blocks.push_back(Arc::new(vec![recorded])),
        }
        while self.blocks.len() > 1 && (self.seconds > SECONDS || self.bytes > bytes_max) {
            let Some(gone) = self.blocks.pop_front() else { return };
            self.seconds -= gone.len();
            self.bytes -= gone.iter().map(|recorded| recorded.bytes.len()).sum::<usize>();
        }
    }

    /// The seconds after the given one, oldest first.
    pub fn after(&self, t: u64) -> impl Iterator<Item = &Recorded> {
        self.blocks.iter().flat_map(|block| block.iter()).filter(move |recorded| recorded.t > t)
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
