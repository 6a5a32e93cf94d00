//! How many retries there may be: a fifth of the requests, so that a failing service is not loaded several times over.
//!
//! Counted over the last ten seconds, with a floor of ten retries a second so that a quiet service may retry at all.
//! With the budget spent a request fails as it would without retries.

use std::cell::RefCell;

use tokio::time::Instant;

const SLOTS: usize = 10;
/// Retries that are always free, over the whole window.
const FLOOR: u64 = 100;
/// One retry for this many requests.
const REQUESTS_PER_RETRY: u64 = 5;

/// Requests and retries of one worker over the last ten seconds, in slots of one second.
#[derive(Debug)]
pub struct RetryBudget(RefCell<Window>);

#[derive(Debug)]
struct Window {
    slots: [(u64, u64); SLOTS],
    newest: u64,
    base: Instant,
}

impl RetryBudget {
    /// An empty window.
    pub fn new() -> Self {
        RetryBudget(RefCell::new(Window { slots: [(0, 0); SLOTS], newest: 0, base: Instant::now() }))
    }

    /// A request came.
    pub fn request(&self, now: Instant) {
        self.0.borrow_mut().slot(now).0 += 1;
    }

    /// Asks for one retry; true if it is granted.
    pub fn retry(&self, now: Instant) -> bool {
        let mut window = self.0.borrow_mut();
        window.slot(now);
        let (requests, retries) = window
            .slots
            .iter()
            .fold((0, 0), |(requests, retries), slot| (requests + slot.0, retries + slot.1));
        let granted = retries < FLOOR.max(requests / REQUESTS_PER_RETRY);
        if granted {
            window.slot(now).1 += 1;
        }
        granted
    }
}

impl Window {
    fn slot(&mut self, now: Instant) -> &mut (u64, u64) {
        let second = now.saturating_duration_since(self.base).as_secs();
        if second > self.newest {
            for passed in (self.newest + 1..=second).take(SLOTS) {
                self.slots[(passed % SLOTS as u64) as usize] = (0, 0);
            }
            self.newest = second;
        }
        &mut self.slots[(self.newest % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(requests: u64, wanted: u64, granted: u64) {
        let budget = RetryBudget::new();
        let now = Instant::now();
        (0..requests).for_each(|_| budget.request(now));
        assert_eq!((0..wanted).filter(|_| budget.retry(now)).count() as u64, granted);
        let later = now + Duration::from_secs(11);
        assert_eq!(
            (0..wanted).filter(|_| budget.retry(later)).count() as u64,
            wanted.min(FLOOR),
            "the window has passed"
        );
    }

    #[test]
    fn a_fifth_of_the_requests_with_a_floor() {
        check(0, 1_000, 100);
        check(400, 1_000, 100);
        check(2_000, 1_000, 400);
    }
}
