//! How many signatures a second may be made because somebody asked.

use std::sync::atomic::{AtomicU64, Ordering};

use hf_model::Timestamp;

/// A budget of a number of acts each second, for any number of threads. What a second leaves is not carried over.
#[derive(Debug)]
pub struct Budget {
    per_second: u32,
    /// The second, and in the low bits what it has used.
    state: AtomicU64,
}

const USED_BITS: u32 = 24;

impl Budget {
    /// So many a second, at most 16 million.
    pub fn new(per_second: u32) -> Budget {
        Budget { per_second: per_second.min((1 << USED_BITS) - 1), state: AtomicU64::new(0) }
    }

    /// Whether one more may be made now; it is used then.
    pub fn take(&self, now: Timestamp) -> bool {
        let second = now.0 / 1_000;
        let used = self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
            let used = if state >> USED_BITS == second { state & ((1 << USED_BITS) - 1) } else { 0 };
            (used < u64::from(self.per_second)).then_some(second << USED_BITS | (used + 1))
        });
        used.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_number_and_the_next_one_begins_anew() {
        let budget = Budget::new(3);
        let takes = |ms| (0..5).filter(|_| budget.take(Timestamp(ms))).count();
        assert_eq!((takes(1_000), takes(1_999), takes(2_000)), (3, 0, 3));
        // A clock that was set back does not close the budget for good.
        assert_eq!(takes(500), 3);
        assert!(!Budget::new(0).take(Timestamp(0)));
    }
}
