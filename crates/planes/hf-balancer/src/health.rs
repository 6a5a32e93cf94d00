//! What this balancer itself knows of an endpoint's health.
//!
//! 1. Active: its own prober says unhealthy: not usable. Before its first result the check's `initial` counts; `unknown` is not usable either, so
//!    that those come first who are known to be well.
//!    Where nothing goes to each endpoint (a check that stands by itself, a calculated or disabled one, results that others push) the snapshot's
//!    verdict is that result.
//! 2. Passive: ejected by what its own requests met (`outliers`). A good check does not end that: it did not see what requests saw.
//! 3. This view only narrows what the decision serves, and is ignored when it would leave nobody (`hf-balance`).

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};

use hf_config::estate::Initial;
use hf_health::Verdict;

/// What a check says; without a check nothing speaks against an endpoint.
const UNCHECKED: u8 = 0;
const UNKNOWN: u8 = 1;
const GOOD: u8 = 2;
const BAD: u8 = 3;

/// One endpoint's health as one balancer sees it; written by all workers and by the prober.
#[derive(Debug, Default)]
pub struct LocalHealth {
    checked: AtomicU8,
    /// Whether a probe had a result, or could not be made.
    looked_at: AtomicBool,
    ejected: AtomicBool,
    /// Requests that were answered well and are not accounted for yet.
    answered: AtomicU32,
}

impl LocalHealth {
    /// Whether requests should go there.
    pub fn usable(&self) -> bool {
        !self.ejected.load(Relaxed) && matches!(self.checked.load(Relaxed), UNCHECKED | GOOD)
    }

    /// Takes whether a prober looks after it, and what it counts as before the first result. What the prober knows stays.
    pub fn set_checked(&self, initial: Option<Initial>) {
        let Some(initial) = initial else {
            self.checked.store(UNCHECKED, Relaxed);
            return;
        };
        if !self.looked_at.load(Relaxed) {
            self.checked.store(first(initial), Relaxed);
        } else if self.checked.load(Relaxed) == UNCHECKED {
            self.checked.store(UNKNOWN, Relaxed);
        }
    }

    /// Takes the snapshot's verdict in place of a prober's results. True if requests should go there from now on.
    pub fn judged(&self, verdict: Verdict, initial: Initial) -> bool {
        // Nobody here will look at it: the first round does not wait for it.
        self.look();
        let before = self.usable();
        let checked = match verdict {
            Verdict::Healthy => GOOD,
            Verdict::Unhealthy => BAD,
            Verdict::Unknown => first(initial),
        };
        self.checked.store(checked, Relaxed);
        !before && self.usable()
    }

    /// A probe came back, whatever it brought: the first round is over for this endpoint.
    pub fn look(&self) {
        self.looked_at.store(true, Relaxed);
    }

    /// Whether its first round is over, or there is none.
    pub fn is_looked_at(&self) -> bool {
        self.looked_at.load(Relaxed) || self.checked.load(Relaxed) == UNCHECKED
    }

    /// Takes the prober's word. True if it changed whether requests should go there.
    pub fn observed(&self, healthy: bool) -> bool {
        self.look();
        let before = self.usable();
        self.checked.store(if healthy { GOOD } else { BAD }, Relaxed);
        self.usable() != before
    }

    /// What the prober says, if it says anything.
    pub fn is_healthy(&self) -> Option<bool> {
        match self.checked.load(Relaxed) {
            GOOD if self.looked_at.load(Relaxed) => Some(true),
            BAD if self.looked_at.load(Relaxed) => Some(false),
            _ => None,
        }
    }

    /// It answered a request well.
    pub fn answered(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// The requests that it answered well since the last call.
    pub fn take_answered(&self) -> u32 {
        if self.answered.load(Relaxed) == 0 { 0 } else { self.answered.swap(0, Relaxed) }
    }

    /// Whether it is ejected.
    pub fn is_ejected(&self) -> bool {
        self.ejected.load(Relaxed)
    }

    /// Takes whether it is ejected. True if that is news.
    pub fn set_ejected(&self, ejected: bool) -> bool {
        self.ejected.swap(ejected, Relaxed) != ejected
    }
}

/// What an endpoint counts as before anything is known of it.
fn first(initial: Initial) -> u8 {
    match initial {
        Initial::Healthy => GOOD,
        Initial::Unhealthy => BAD,
        Initial::Unknown => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+`/`-` a probe, `?` a probe that could not be made, `e`/`r` ejected and returned, `0` no check any more, `c` a check again.
    fn check(initial: Option<Initial>, story: &str, want: &str) {
        let health = LocalHealth::default();
        health.set_checked(initial);
        let mut got = String::new();
        for c in story.chars() {
            match c {
                '.' => {}
                '+' => drop(health.observed(true)),
                '-' => drop(health.observed(false)),
                '?' => health.look(),
                'e' => drop(health.set_ejected(true)),
                'r' => drop(health.set_ejected(false)),
                '0' => health.set_checked(None),
                'c' => health.set_checked(Some(Initial::Unknown)),
                _ => unreachable!("a letter of this test"),
            }
            got.push(if health.usable() { 'u' } else { 'X' });
        }
        assert_eq!(got, want, "{initial:?} {story}");
    }

    #[test]
    fn before_the_first_result_the_initial_state_counts() {
        check(Some(Initial::Healthy), ".-+", "uXu");
        check(Some(Initial::Unhealthy), ".+", "Xu");
        check(Some(Initial::Unknown), ".?+-", "XXuX");
        check(None, ".", "u");
    }

    #[test]
    fn a_good_check_does_not_end_an_ejection() {
        check(Some(Initial::Healthy), "+e+r", "uXXu");
        check(None, "e.r", "XXu");
    }

    #[test]
    fn without_a_check_what_it_said_is_forgotten() {
        check(Some(Initial::Unknown), "-0c+", "XuXu");
    }
}
