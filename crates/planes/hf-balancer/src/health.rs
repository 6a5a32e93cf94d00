//! What this balancer itself knows of an endpoint's health.
//!
//! 1. Active: its own prober says unhealthy: not usable.
//! 2. Passive: three connections in a row that were refused, timed out or reset eject it, whatever the prober said before.
//! 3. The prober clears an ejection with a good probe that began after it; an older good one is stale and clears nothing.
//!    Without a check the ejection ends after [`Limits::ejection`](crate::Limits::ejection).
//! 4. This view only narrows what the decision serves, and is ignored when it would leave nobody (`hf-balance`).

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that eject.
pub const FAILURES_TO_EJECT: u32 = 3;

const UNKNOWN: u8 = 0;
const GOOD: u8 = 1;
const BAD: u8 = 2;

/// One endpoint's health as one balancer sees it; written by all workers and by the prober.
#[derive(Debug)]
pub struct LocalHealth {
    base: Instant,
    ejection: Duration,
    checked: AtomicBool,
    probe: AtomicU8,
    failures: AtomicU32,
    /// Milliseconds since `base`, plus one; 0 when not ejected.
    ejected_at: AtomicU64,
}

impl LocalHealth {
    /// Nothing known. `ejection` counts where there is no check.
    pub fn new(base: Instant, ejection: Duration) -> Self {
        LocalHealth {
            base,
            ejection,
            checked: AtomicBool::new(false),
            probe: AtomicU8::new(UNKNOWN),
            failures: AtomicU32::new(0),
            ejected_at: AtomicU64::new(0),
        }
    }

    /// Whether requests should go there.
    pub fn usable(&self) -> bool {
        if self.probe.load(Ordering::Relaxed) == BAD {
            return false;
        }
        let ejected_at = self.ejected_at.load(Ordering::Relaxed);
        ejected_at == 0 || self.is_over(ejected_at)
    }

    fn is_over(&self, ejected_at: u64) -> bool {
        let over = !self.checked.load(Ordering::Relaxed)
            && self.now().saturating_sub(ejected_at) >= self.ejection.as_millis() as u64;
        if over {
            self.clear();
        }
        over
    }

    fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.base).as_millis() as u64 + 1
    }

    fn clear(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.ejected_at.store(0, Ordering::Relaxed);
    }

    /// A connection was refused, timed out or reset. True if that ejected it.
    pub fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        failures >= FAILURES_TO_EJECT && self.ejected_at.swap(self.now(), Ordering::Relaxed) == 0
    }

    /// It answered a request.
    pub fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 && self.ejected_at.load(Ordering::Relaxed) == 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Whether a prober looks after it. Without one, what probes said before is forgotten.
    pub fn set_checked(&self, checked: bool) {
        self.checked.store(checked, Ordering::Relaxed);
        if !checked {
            self.probe.store(UNKNOWN, Ordering::Relaxed);
        }
    }

    /// Takes what the prober knew before; it clears no ejection.
    pub fn resume(&self, healthy: bool) {
        self.probe.store(if healthy { GOOD } else { BAD }, Ordering::Relaxed);
    }

    /// Takes the prober's word: whether the endpoint counts as healthy, whether the last probe was good, and when that probe began.
    pub fn observed(&self, healthy: bool, good: bool, began: Instant) {
        self.resume(healthy);
        let ejected_at = self.ejected_at.load(Ordering::Relaxed);
        if healthy && good && ejected_at != 0 && self.at(began) > ejected_at {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `f` failed, `a` answered, `+`/`-` a probe that begins now, `<` a good probe that began at the start, `.` two seconds pass.
    fn check(checked: bool, story: &str, want: &str) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let start = Instant::now();
            let health = LocalHealth::new(start, Duration::from_secs(10));
            health.set_checked(checked);
            let mut got = String::new();
            for c in story.chars() {
                match c {
                    'f' => drop(health.failed()),
                    'a' => health.answered(),
                    '+' => health.observed(true, true, Instant::now()),
                    '-' => health.observed(false, false, Instant::now()),
                    '<' => health.observed(true, true, start),
                    '.' => tokio::time::advance(Duration::from_secs(2)).await,
                    _ => unreachable!("a letter of this test"),
                }
                got.push(if health.usable() { 'u' } else { 'X' });
            }
            assert_eq!(got, want, "{story}");
        });
    }

    #[test]
    fn three_failures_in_a_row_eject() {
        check(true, "ffaff", "uuuuu");
        check(true, "fff", "uuX");
    }

    #[test]
    fn only_a_probe_that_began_after_the_ejection_clears_it() {
        check(true, ".fff<.a.+", "uuuXXXXXu");
        check(true, ".fff......", "uuuXXXXXXX");
    }

    #[test]
    fn without_a_check_an_ejection_ends_by_time() {
        check(false, "fff.....f", "uuXXXXXuu");
    }

    #[test]
    fn an_unhealthy_probe_takes_it_out_and_a_healthy_one_back() {
        check(true, "-+", "Xu");
    }
}
