//! What came in and what became of it.
//!
//! A worker of the fast path writes into a tally of its own and nobody else does: no two share a line of the cache, and an addition is a
//! load and a store. What is rare, or happens on the async side, goes into counters that all share. A report adds them up.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows; written by many.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One number that only grows; written by one worker.
#[derive(Debug, Default)]
pub(crate) struct Own(AtomicU64);

impl Own {
    #[inline]
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get() + count);
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) udp: Own,
    pub(crate) answered: Own,
    pub(crate) ignored: Own,
    pub(crate) not_ready: Own,
    pub(crate) truncated: Own,
    pub(crate) limited: Own,
    pub(crate) slipped: Own,
    pub(crate) cold: Own,
    pub(crate) cold_dropped: Own,
    pub(crate) untold: Own,
    pub(crate) dropped: Own,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) udp: Counter,
    pub(crate) tcp: Counter,
    pub(crate) answered: Counter,
    pub(crate) refused: Counter,
    pub(crate) ignored: Counter,
    pub(crate) not_ready: Counter,
    pub(crate) truncated: Counter,
    pub(crate) dropped: Counter,
    pub(crate) connections: Counter,
    pub(crate) connections_evicted: Counter,
    pub(crate) untold: Counter,
    workers: Vec<Tally>,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountersReport {
    /// Messages that came over UDP.
    pub udp: u64,
    /// Messages that came over TCP.
    pub tcp: u64,
    /// Queries answered from a snapshot, "no" and "not ours" included.
    pub answered: u64,
    /// Messages refused before any look-up: malformed, another operation, an unknown EDNS version.
    pub refused: u64,
    /// Messages without a reply: too short, or responses.
    pub ignored: u64,
    /// Queries that came before the first snapshot.
    pub not_ready: u64,
    /// Replies cut to fit a datagram.
    pub truncated: u64,
    /// Replies that the socket did not take, and packets that found no room.
    pub dropped: u64,
    /// Queries over the limit of their network that got no reply.
    pub limited: u64,
    /// Queries over the limit of their network that got a truncated reply.
    pub slipped: u64,
    /// Messages over UDP that the fast reader left to the careful one.
    pub cold: u64,
    /// Of these, dropped since too many were waiting.
    pub cold_dropped: u64,
    /// Answers that dnstap was not told of since it was behind.
    pub untold: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// TCP connections closed to make room for a new one.
    pub connections_evicted: u64,
}

impl CountersReport {
    /// Each count with its name, for those who show all of them.
    pub fn lines(&self) -> [(&'static str, u64); 15] {
        [
            ("udp", self.udp),
            ("tcp", self.tcp),
            ("answered", self.answered),
            ("refused", self.refused),
            ("ignored", self.ignored),
            ("not_ready", self.not_ready),
            ("truncated", self.truncated),
            ("dropped", self.dropped),
            ("limited", self.limited),
            ("slipped", self.slipped),
            ("cold", self.cold),
            ("cold_dropped", self.cold_dropped),
            ("untold", self.untold),
            ("connections", self.connections),
            ("connections_evicted", self.connections_evicted),
        ]
    }
}

impl Counters {
    /// Zeros, with a tally for each worker.
    pub(crate) fn new(workers: usize) -> Counters {
        let workers = (0..workers).map(|_| Tally::default()).collect();
        Counters { workers, ..Counters::default() }
    }

    /// A worker's own.
    pub(crate) fn tally(&self, worker: usize) -> &Tally {
        &self.workers[worker]
    }

    /// The counts now.
    pub fn report(&self) -> CountersReport {
        let sum = |own: fn(&Tally) -> &Own| self.workers.iter().map(|tally| own(tally).get()).sum::<u64>();
        let cold = sum(|of| &of.cold);
        let cold_dropped = sum(|of| &of.cold_dropped);
        CountersReport {
            // The careful reader counts what it gets; what it did not get came all the same.
            udp: self.udp.get() + sum(|of| &of.udp) + cold_dropped,
            tcp: self.tcp.get(),
            answered: self.answered.get() + sum(|of| &of.answered),
            refused: self.refused.get(),
            ignored: self.ignored.get() + sum(|of| &of.ignored),
            not_ready: self.not_ready.get() + sum(|of| &of.not_ready),
            truncated: self.truncated.get() + sum(|of| &of.truncated),
            dropped: self.dropped.get() + sum(|of| &of.dropped),
            limited: sum(|of| &of.limited),
            slipped: sum(|of| &of.slipped),
            cold,
            cold_dropped,
            untold: self.untold.get() + sum(|of| &of.untold),
            connections: self.connections.get(),
            connections_evicted: self.connections_evicted.get(),
        }
    }
}
