//! Who is connected, and since when each has been quiet.
//!
//! The list is in the order of when each spoke, as far as anybody has looked: who spoke since is put further back when its turn to go would have come. So a new
//! connection looks at one other beside those that spoke since the last one came, however many are open: strangers may come thousands of times a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::CONNECTIONS_MAX;
use super::room::Room;

/// All connections of all listeners.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Grows with every connection and every request: an order, not a time.
    turn: AtomicU64,
    room: Room,
}

#[derive(Debug)]
struct Connection {
    last_turn: AtomicU64,
    /// Where it is in the list; changes under the list's lock.
    listed: AtomicU64,
    close: Notify,
}

/// One connection's place; left when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    all: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Connections {
    fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Enters a connection; if that is one too many, tells the quietest to close. Says whether another had to go.
    pub(crate) fn enter(self: &Arc<Self>) -> (Seat, bool) {
        let turn = self.next_turn();
        let connection = Arc::new(Connection {
            last_turn: AtomicU64::new(turn),
            listed: AtomicU64::new(turn),
            close: Notify::new(),
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = open.len() >= CONNECTIONS_MAX;
        if is_full {
            close_quietest(&mut open);
        }
        open.insert(turn, connection.clone());
        (Seat { all: self.clone(), connection }, is_full)
    }
}

fn close_quietest(open: &mut BTreeMap<u64, Arc<Connection>>) {
    while let Some((listed, connection)) = open.pop_first() {
        let last = connection.last_turn.load(Ordering::Relaxed);
        if last == listed {
            return connection.close.notify_one();
        }
        // No two turns are the same: nobody is there.
        connection.listed.store(last, Ordering::Relaxed);
        open.insert(last, connection);
    }
}

impl Seat {
    /// What all connections share.
    pub(crate) fn room(&self) -> &Room {
        &self.all.room
    }

    /// It has just sent a request.
    pub(crate) fn spoke(&self) {
        self.connection.last_turn.store(self.all.next_turn(), Ordering::Relaxed);
    }

    /// Waits until its place is wanted by another.
    pub(crate) async fn told_to_leave(&self) {
        self.connection.close.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.all.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Its place may be empty since it was told to go; nobody else ever has that turn.
        open.remove(&self.connection.listed.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_closes_the_one_that_was_quiet_longest() {
        let connections = Arc::new(Connections::default());
        let all: Vec<_> = (0..CONNECTIONS_MAX).map(|_| connections.enter()).collect();
        assert!(all.iter().all(|(_, evicted)| !evicted));
        all[0].0.spoke();
        all[2].0.spoke();
        all[2].0.spoke();
        let turn = |seat: &Seat| seat.connection.last_turn.load(Ordering::Relaxed);
        let open = || {
            let open = connections.open.lock().unwrap();
            open.values().map(|of| of.last_turn.load(Ordering::Relaxed)).collect::<Vec<_>>()
        };
        let mut newest = Vec::new();
        for gone in [1, 3] {
            let (seat, evicted) = connections.enter();
            assert!(evicted);
            newest.push(seat);
            assert_eq!(open().len(), CONNECTIONS_MAX);
            assert!(!open().contains(&turn(&all[gone].0)));
        }
        assert!([0, 2, 4].iter().all(|kept| open().contains(&turn(&all[*kept].0))));
        drop(newest);
        assert_eq!(open().len(), CONNECTIONS_MAX - 2);
        drop(all);
        assert!(open().is_empty(), "whoever goes leaves its place, wherever that is by now");
    }
}
