//! How many further tries there may be: a share of the requests, so that a failing service is not loaded several times over.
//!
//! 1. Counted over the last ten seconds.
//! 2. With the budget spent a request ends as it would without retries.
//! 3. A quiet service may retry all the same: whoever keeps budgets grants [`FLOOR`] in a window of all of them together ([`RetryBudget::granted`]
//!    says how many there were, [`RetryBudget::take`] counts one that the share does not grant).
//!
//! Not here: which requests may be sent again (`hf-balancer`).

use hf_model::Share;

const SLOTS: usize = 10;
/// Granted in ten seconds at any share above nothing: three a second.
pub const FLOOR: u64 = 30;

/// Requests and further tries of the last ten seconds, in slots of one second.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    share: Share,
    slots: [(u64, u64); SLOTS],
    newest_s: u64,
}

impl RetryBudget {
    /// Nothing was counted. Of no share nothing is granted.
    pub fn new(share: Share) -> Self {
        RetryBudget { share, slots: [(0, 0); SLOTS], newest_s: 0 }
    }

    /// From now on by another share; what was counted stays.
    pub fn set_share(&mut self, share: Share) {
        self.share = share;
    }

    /// A request came.
    pub fn request(&mut self, now_ms: u64) {
        self.slot(now_ms).0 += 1;
    }

    /// Asks for one further try; true if it is granted.
    pub fn retry(&mut self, now_ms: u64) -> bool {
        let already = self.granted(now_ms);
        let requests = self.slots.iter().map(|slot| slot.0).fold(0, u64::saturating_add);
        let granted = already < requests.saturating_mul(u64::from(self.share.ppm())) / 1_000_000;
        if granted {
            self.take(now_ms);
        }
        granted
    }

    /// Counts one further try that was granted whatever the share is.
    pub fn take(&mut self, now_ms: u64) {
        self.slot(now_ms).1 += 1;
    }

    /// Further tries of the last ten seconds.
    pub fn granted(&mut self, now_ms: u64) -> u64 {
        self.slot(now_ms);
        self.slots.iter().map(|slot| slot.1).fold(0, u64::saturating_add)
    }

    /// The slot of this second; time that runs back counts as the newest there was.
    fn slot(&mut self, now_ms: u64) -> &mut (u64, u64) {
        let second = now_ms / 1_000;
        if second > self.newest_s {
            for passed in (self.newest_s + 1..=second).take(SLOTS) {
                self.slots[(passed % SLOTS as u64) as usize] = (0, 0);
            }
            self.newest_s = second;
        }
        &mut self.slots[(self.newest_s % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(percent: u32) -> Share {
        Share::from_ppm(percent * 10_000).unwrap()
    }

    fn check(percent: u32, requests: u64, want: usize) {
        let mut budget = RetryBudget::new(share(percent));
        (0..requests).for_each(|at| budget.request(at));
        assert_eq!((0..10_000).filter(|_| budget.retry(requests)).count(), want, "{percent} % of {requests}");
        assert_eq!(budget.granted(requests), want as u64);
        budget.take(requests);
        assert_eq!(budget.granted(requests), want as u64 + 1, "what others granted counts, too");
        // The window has passed.
        assert!(!budget.retry(requests + 11_000));
        assert_eq!(budget.granted(requests + 11_000), 0);
    }

    #[test]
    fn a_share_of_the_requests() {
        check(20, 0, 0);
        check(20, 4, 0);
        check(20, 400, 80);
        check(20, 2_000, 400);
        check(100, 2_000, 2_000);
        check(0, 2_000, 0);
    }

    proptest! {
        /// Over any ten seconds no more is granted than the share of what came in them.
        #[test]
        fn never_more_than_the_share(steps in proptest::collection::vec((0_u64..3_000, 0_u64..500, 0_u64..500), 1..30)) {
            let mut budget = RetryBudget::new(share(20));
            let (mut now, mut seen) = (0, Vec::new());
            for (passed, requests, wanted) in steps {
                now += passed;
                (0..requests).for_each(|_| budget.request(now));
                let granted = (0..wanted).filter(|_| budget.retry(now)).count() as u64;
                seen.push((now / 1_000, requests, granted));
                let within = |of: &&(u64, u64, u64)| of.0 + 10 > now / 1_000;
                let came: u64 = seen.iter().filter(within).map(|of| of.1).sum();
                let given: u64 = seen.iter().filter(within).map(|of| of.2).sum();
                // What was granted when more requests were in the window stays granted.
                prop_assert!(granted == 0 || given <= came / 5);
            }
        }
    }
}
