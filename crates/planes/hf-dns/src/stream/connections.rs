//! Who is connected, and since when each has been quiet.

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
    close: Notify,
}

/// One connection's place; left when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    all: Arc<Connections>,
    key: u64,
    connection: Arc<Connection>,
}

impl Connections {
    fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Enters a connection; if that is one too many, tells the quietest to close. Says whether another had to go.
    pub(crate) fn enter(self: &Arc<Self>) -> (Seat, bool) {
        let key = self.next_turn();
        let connection = Arc::new(Connection { last_turn: AtomicU64::new(key), close: Notify::new() });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut evicted = false;
        if open.len() >= CONNECTIONS_MAX {
            let quietest =
                open.iter().min_by_key(|(_, connection)| connection.last_turn.load(Ordering::Relaxed));
            if let Some(key) = quietest.map(|(key, _)| *key)
                && let Some(connection) = open.remove(&key)
            {
                connection.close.notify_one();
                evicted = true;
            }
        }
        open.insert(key, connection.clone());
        (Seat { all: self.clone(), key, connection }, evicted)
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
        self.all.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
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
        let (newest, evicted) = connections.enter();
        assert!(evicted);
        let open = || connections.open.lock().unwrap().keys().copied().collect::<Vec<_>>();
        assert_eq!(open().len(), CONNECTIONS_MAX);
        assert!(open().contains(&all[0].0.key) && !open().contains(&all[1].0.key));
        drop(newest);
        assert_eq!(open().len(), CONNECTIONS_MAX - 1);
    }
}
