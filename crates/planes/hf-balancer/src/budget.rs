//! How many further tries there may be for each pool: at other endpoints, and at the pool's failover.
//!
//! 1. A worker grants the pool's share of its own requests, so that all of the node together grant no more than that share of all.
//! 2. Where that is less than [`RETRIES_FLOOR`] in ten seconds of the whole node, it is so many: a quiet pool may retry. What all workers granted is
//!    counted together for that. Only a further try takes the lock, never a request.
//!
//! The arithmetic is `hf-balance`'s; requests that never went out are not counted against a budget.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use hf_balance::{RETRIES_FLOOR, RetryBudget};
use hf_model::Share;
use tokio::time::Instant;

/// What all workers of the node have granted, by the number of the pool.
#[derive(Debug)]
pub struct Granted {
    base: Instant,
    of: Mutex<Vec<Budget>>,
}

impl Granted {
    /// Nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Granted { base: Instant::now(), of: Mutex::default() })
    }
}

/// The budgets of one worker, by the number of the pool.
#[derive(Debug)]
pub struct Budgets {
    of: RefCell<Vec<Budget>>,
    node: Arc<Granted>,
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

impl Budget {
    fn of(&mut self, further: Further) -> &mut RetryBudget {
        match further {
            Further::Retry => &mut self.retry,
            Further::Failover => &mut self.failover,
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget { retry: RetryBudget::new(Share::ZERO), failover: RetryBudget::new(Share::ZERO) }
    }
}

impl Budgets {
    /// Nothing counted yet, of a worker of `node`.
    pub fn new(node: Arc<Granted>) -> Self {
        Budgets { of: RefCell::default(), node }
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
        if share == Share::ZERO {
            return false;
        }
        self.with(pool, now, |budget, now_ms| {
            let own = budget.of(further);
            own.set_share(share);
            let is_granted = own.retry(now_ms);
            let mut node = self.node.of.lock().unwrap_or_else(PoisonError::into_inner);
            let of_node = place(&mut node, pool).of(further);
            if !is_granted {
                if of_node.granted(now_ms) >= RETRIES_FLOOR {
                    return false;
                }
                own.take(now_ms);
            }
            of_node.take(now_ms);
            true
        })
    }

    fn with<T>(&self, pool: usize, now: Instant, use_it: impl FnOnce(&mut Budget, u64) -> T) -> T {
        let now_ms = now.saturating_duration_since(self.node.base).as_millis() as u64;
        use_it(place(&mut self.of.borrow_mut(), pool), now_ms)
    }
}

/// Numbers are given one after the other and kept by name: as many as there were pools.
fn place(of: &mut Vec<Budget>, pool: usize) -> &mut Budget {
    if pool >= of.len() {
        of.resize_with(pool + 1, Budget::default);
    }
    &mut of[pool]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share() -> Share {
        Share::from_ppm(200_000).unwrap()
    }

    fn granted(budgets: &Budgets, pool: usize, further: Further, now: Instant) -> usize {
        (0..1_000).filter(|_| budgets.grant(pool, further, share(), now)).count()
    }

    #[test]
    fn each_pool_and_kind_has_its_own() {
        let budgets = Budgets::new(Granted::new());
        let now = Instant::now();
        (0..2_000).for_each(|_| budgets.request(3, now));
        let of = |pool, further| granted(&budgets, pool, further, now);
        assert_eq!((of(3, Further::Retry), of(3, Further::Failover)), (400, 400));
        assert_eq!(of(1, Further::Retry), 30, "the floor of a quiet pool");
        assert!(!budgets.grant(5, Further::Retry, Share::ZERO, now));
    }

    #[test]
    fn all_workers_of_a_node_share_the_floor() {
        let node = Granted::new();
        let workers: Vec<Budgets> = (0..8).map(|_| Budgets::new(node.clone())).collect();
        let now = Instant::now();
        // 40 requests each would be 8 further tries each, 64 in all: more than the floor, which adds nothing then.
        for budgets in &workers {
            (0..40).for_each(|_| budgets.request(0, now));
        }
        let of_all = |pool| workers.iter().map(|of| granted(of, pool, Further::Retry, now)).sum::<usize>();
        // The first one took the floor before the others had their shares.
        assert_eq!(of_all(0), 30 + 7 * 8);
        assert_eq!(of_all(1), 30, "eight quiet workers");
    }
}
