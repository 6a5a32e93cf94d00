//! How many further tries there may be, for each worker and pool: at other endpoints, and at the pool's failover.
//!
//! The arithmetic is `hf-balance`'s; requests that never went out are not counted against a budget.

use std::cell::RefCell;

use hf_balance::RetryBudget;
use hf_model::Share;
use tokio::time::Instant;

/// The budgets of one worker, by the number of the pool.
#[derive(Debug)]
pub struct Budgets {
    base: Instant,
    of: RefCell<Vec<Budget>>,
}

/// Of what kind a further try is: each has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// At another endpoint.
    Retry,
    /// At another pool.
    Failover,
}

#[derive(Clone, Debug)]
struct Budget {
    retry: RetryBudget,
    failover: RetryBudget,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { retry: RetryBudget::new(Share::ZERO), failover: RetryBudget::new(Share::ZERO) }
    }
}

impl Budgets {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Budgets { base: Instant::now(), of: RefCell::default() }
    }

    /// A request came for a pool.
    pub fn request(&self, pool: usize, now: Instant) {
        self.with(pool, now, |budget, now_ms| {
            budget.retry.request(now_ms);
            budget.failover.request(now_ms);
        });
    }

    /// Asks for one further try; true if it is granted.
    pub fn grant(&self, pool: usize, further: Further, share: Share, now: Instant) -> bool {
        self.with(pool, now, |budget, now_ms| {
            let budget = match further {
                Further::Retry => &mut budget.retry,
                Further::Failover => &mut budget.failover,
            };
            budget.set_share(share);
            budget.retry(now_ms)
        })
    }

    fn with<T>(&self, pool: usize, now: Instant, use_it: impl FnOnce(&mut Budget, u64) -> T) -> T {
        let mut of = self.of.borrow_mut();
        if pool >= of.len() {
            // Numbers are given one after the other and kept by name: as many as there were pools.
            of.resize_with(pool + 1, Budget::default);
        }
        let now_ms = now.saturating_duration_since(self.base).as_millis() as u64;
        use_it(&mut of[pool], now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pool_and_kind_has_its_own() {
        let budgets = Budgets::new();
        let now = Instant::now();
        let share = Share::from_ppm(200_000).unwrap();
        (0..2_000).for_each(|_| budgets.request(3, now));
        let count = |pool, further| (0..1_000).filter(|_| budgets.grant(pool, further, share, now)).count();
        assert_eq!((count(3, Further::Retry), count(3, Further::Failover)), (400, 400));
        assert_eq!(count(1, Further::Retry), 100, "the floor of a quiet pool");
    }
}
