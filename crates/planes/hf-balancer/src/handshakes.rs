//! How many TLS handshakes with clients one worker has in progress at once: each holds some tens of KiB and costs as much as thirty requests.
//!
//! At the bound a new one takes the place of the oldest if that has taken longer than [`SLOW`]: it is a client that holds a place and says
//! nothing. Where all are younger the worker is behind with its work, and the new one is turned away before it costs any.
//!
//! Not here: how long one may take (`arrive`).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Longer than a handshake takes over any link that is fit for use.
const SLOW: Duration = Duration::from_secs(1);

/// The handshakes of one worker.
#[derive(Debug)]
pub struct Handshakes {
    max: usize,
    next: Cell<u64>,
    /// The oldest first.
    under_way: RefCell<VecDeque<UnderWay>>,
}

#[derive(Debug)]
struct UnderWay {
    id: u64,
    since: Instant,
    cut: Rc<Notify>,
}

/// One handshake in progress, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    of: Rc<Handshakes>,
    id: u64,
    cut: Rc<Notify>,
}

impl Handshakes {
    /// None yet; `max` at once.
    pub fn new(max: usize) -> Rc<Self> {
        Rc::new(Handshakes { max: max.max(1), next: Cell::new(0), under_way: RefCell::default() })
    }

    /// Begins one; none when there is no room.
    pub fn begin(self: &Rc<Self>) -> Option<Turn> {
        let mut under_way = self.under_way.borrow_mut();
        let now = Instant::now();
        if under_way.len() >= self.max {
            let is_slow = |oldest: &&UnderWay| now.saturating_duration_since(oldest.since) > SLOW;
            under_way.front().filter(is_slow)?.cut.notify_one();
            under_way.pop_front();
        }
        let (id, cut) = (self.next.get(), Rc::new(Notify::new()));
        self.next.set(id + 1);
        under_way.push_back(UnderWay { id, since: now, cut: cut.clone() });
        Some(Turn { of: self.clone(), id, cut })
    }
}

impl Turn {
    /// Waits until another one takes its place.
    pub async fn cut(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.of.under_way.borrow_mut();
        if let Ok(at) = under_way.binary_search_by_key(&self.id, |of| of.id) {
            under_way.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn at_the_bound_a_slow_one_makes_room_and_a_quick_one_does_not() {
        let handshakes = Handshakes::new(2);
        let first = handshakes.begin().unwrap();
        tokio::time::advance(Duration::from_millis(900)).await;
        let second = handshakes.begin().unwrap();
        assert!(handshakes.begin().is_none(), "both are young");
        tokio::time::advance(Duration::from_millis(200)).await;
        let third = handshakes.begin().unwrap();
        first.cut().await;
        assert!(handshakes.begin().is_none());
        // Who was cut has no place to give back.
        drop(first);
        assert!(handshakes.begin().is_none());
        drop(second);
        assert!(handshakes.begin().is_some());
        drop(third);
        assert!(handshakes.under_way.borrow().is_empty());
    }
}
