//! What came in and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
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

/// Counts since the start; shared by all sockets.
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
    /// Replies that the socket did not take.
    pub dropped: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// TCP connections closed to make room for a new one.
    pub connections_evicted: u64,
}

impl Counters {
    /// The counts now.
    pub fn report(&self) -> CountersReport {
        CountersReport {
            udp: self.udp.get(),
            tcp: self.tcp.get(),
            answered: self.answered.get(),
            refused: self.refused.get(),
            ignored: self.ignored.get(),
            not_ready: self.not_ready.get(),
            truncated: self.truncated.get(),
            dropped: self.dropped.get(),
            connections: self.connections.get(),
            connections_evicted: self.connections_evicted.get(),
        }
    }
}
