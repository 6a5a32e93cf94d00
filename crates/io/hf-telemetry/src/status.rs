//! What zone status does: who is there, what they were told, whom it had to turn away.
//!
//! Written by the one thread of the service, read by whoever is asked for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::{LatencyHistogram, LatencyTotals};

/// Something that happened, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusEvent {
    /// A question was answered with a state or a table.
    PollTold,
    /// A question was answered 304: the tag was known.
    PollKnown,
    /// A question was refused: not there, or not understood.
    PollRefused,
    /// A long poll ended with something new.
    WaitChanged,
    /// A long poll ended with its time.
    WaitOver,
    /// An acknowledgement or a good-bye was taken.
    Acknowledged,
    /// A watcher was sent a table.
    Table,
    /// A watcher was sent a beat.
    Beat,
    /// A watcher went, or its connection broke.
    EndGone,
    /// A watcher said good-bye.
    EndClosed,
    /// A watcher did not take a message in time, and was dropped.
    EndSlow,
    /// A watcher broke the protocol, and was dropped.
    EndProtocol,
    /// A watcher was there when the node stopped.
    EndStopped,
    /// Nobody more was let in: all places are taken.
    FullConnections,
    /// Nobody more was let in from an address.
    FullAddress,
    /// No more watchers.
    FullWatchers,
    /// No more resources.
    FullResources,
    /// No more resources from an address.
    FullAddressResources,
}

impl StatusEvent {
    /// All of them.
    pub const ALL: [StatusEvent; 18] = {
        use StatusEvent as E;
        [
            E::PollTold,
            E::PollKnown,
            E::PollRefused,
            E::WaitChanged,
            E::WaitOver,
            E::Acknowledged,
            E::Table,
            E::Beat,
            E::EndGone,
            E::EndClosed,
            E::EndSlow,
            E::EndProtocol,
            E::EndStopped,
            E::FullConnections,
            E::FullAddress,
            E::FullWatchers,
            E::FullResources,
            E::FullAddressResources,
        ]
    };
}

/// Who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusLoad {
    /// Open connections.
    pub connections: u64,
    /// Of these, watchers by Server-Sent Events.
    pub event_watchers: u64,
    /// Watchers by WebSocket.
    pub websocket_watchers: u64,
    /// Long polls that wait.
    pub waits: u64,
    /// Resources whose tables are kept.
    pub resources: u64,
}

/// Counters of one service.
#[derive(Debug, Default)]
pub struct StatusCounts {
    events: [AtomicU64; StatusEvent::ALL.len()],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    load: [AtomicU64; 5],
    watchers_limit: AtomicU64,
    push: LatencyHistogram,
}

/// What was counted since the start, and who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusTotals {
    events: [u64; StatusEvent::ALL.len()],
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that went.
    pub bytes_out: u64,
    /// Who is there.
    pub load: StatusLoad,
    /// Watchers and long polls that may be there.
    pub watchers_limit: u64,
    /// From the snapshot's arrival at the service until a watcher's message was handed to the system.
    pub push: LatencyTotals,
}

impl StatusCounts {
    /// Something happened.
    pub fn count(&self, event: StatusEvent) {
        self.events[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes came.
    pub fn received(&self, len: usize) {
        self.bytes_in.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// Bytes went.
    pub fn sent(&self, len: usize) {
        self.bytes_out.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// A watcher has a table so long after the service had its snapshot.
    pub fn pushed(&self, after: Duration) {
        self.push.count(u32::try_from(after.as_micros()).unwrap_or(u32::MAX));
    }

    /// Who is there now.
    pub fn set_load(&self, load: StatusLoad) {
        let StatusLoad { connections, event_watchers, websocket_watchers, waits, resources } = load;
        let now = [connections, event_watchers, websocket_watchers, waits, resources];
        for (kept, now) in self.load.iter().zip(now) {
            kept.store(now, Ordering::Relaxed);
        }
    }

    /// How many watchers and long polls may be there.
    pub fn set_limit(&self, watchers: usize) {
        self.watchers_limit.store(watchers as u64, Ordering::Relaxed);
    }

    /// What was counted since the start.
    pub fn totals(&self) -> StatusTotals {
        let get = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let [connections, event_watchers, websocket_watchers, waits, resources] =
            std::array::from_fn(|at| get(&self.load[at]));
        StatusTotals {
            events: std::array::from_fn(|at| get(&self.events[at])),
            bytes_in: get(&self.bytes_in),
            bytes_out: get(&self.bytes_out),
            load: StatusLoad { connections, event_watchers, websocket_watchers, waits, resources },
            watchers_limit: get(&self.watchers_limit),
            push: self.push.totals(),
        }
    }
}

impl StatusTotals {
    /// How often something happened.
    pub fn of(&self, event: StatusEvent) -> u64 {
        self.events[event as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_counter_of_its_own() {
        let counts = StatusCounts::default();
        for (at, event) in StatusEvent::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, at, "{event:?}");
            (0..=at).for_each(|_| counts.count(event));
        }
        let totals = counts.totals();
        let all = StatusEvent::ALL.map(|event| totals.of(event));
        assert!(all.iter().copied().eq(1..=StatusEvent::ALL.len() as u64), "{all:?}");
        let load =
            StatusLoad { connections: 5, event_watchers: 4, websocket_watchers: 3, waits: 2, resources: 1 };
        counts.set_load(load);
        assert_eq!(counts.totals().load, load);
    }
}
