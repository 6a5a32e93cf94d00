//! What a checker's probes come to: how many, how late, how many were put off.
//!
//! Written by the one thread that probes, read by whoever is asked for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::{LatencyHistogram, LatencyTotals};

/// Counters of one checker.
#[derive(Debug, Default)]
pub struct ProbeCounts {
    good: AtomicU64,
    bad: AtomicU64,
    unmeasured: AtomicU64,
    behind: AtomicU64,
    put_off: AtomicU64,
    jobs: AtomicU64,
    in_flight: AtomicU64,
    in_flight_peak: AtomicU64,
    in_flight_limit: AtomicU64,
    late: LatencyHistogram,
}

/// What was counted since the start, and how things are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTotals {
    /// Probes with a good result.
    pub good: u64,
    /// With a bad one.
    pub bad: u64,
    /// That could not be made, by a fault of this side.
    pub unmeasured: u64,
    /// Of these: ran out of time while the checker stood still itself.
    pub behind: u64,
    /// That came later than they were due because their address had its budget of probes.
    pub put_off: u64,
    /// Addresses and checks under probe now.
    pub jobs: u64,
    /// Probes that run now.
    pub in_flight: u64,
    /// The most that ran at once.
    pub in_flight_peak: u64,
    /// The most that may.
    pub in_flight_limit: u64,
    /// How much later than due probes began, those that were put off included.
    pub late: LatencyTotals,
}

impl ProbeCounts {
    /// A probe began, so much later than it was due.
    pub fn began(&self, late_by: Duration) {
        self.late.count(u32::try_from(late_by.as_micros()).unwrap_or(u32::MAX));
    }

    /// A probe ended: good or bad; none if it was not measured.
    pub fn ended(&self, is_good: Option<bool>) {
        let of = match is_good {
            Some(true) => &self.good,
            Some(false) => &self.bad,
            None => &self.unmeasured,
        };
        of.fetch_add(1, Ordering::Relaxed);
    }

    /// A probe that was not measured ran out of time while the checker stood still itself.
    pub fn behind(&self) {
        self.behind.fetch_add(1, Ordering::Relaxed);
    }

    /// A probe that is due waits, because its address has its budget.
    pub fn put_off(&self) {
        self.put_off.fetch_add(1, Ordering::Relaxed);
    }

    /// How much there is to do, and how much is under way.
    pub fn set_load(&self, jobs: usize, in_flight: usize) {
        self.jobs.store(jobs as u64, Ordering::Relaxed);
        self.in_flight.store(in_flight as u64, Ordering::Relaxed);
        self.in_flight_peak.fetch_max(in_flight as u64, Ordering::Relaxed);
    }

    /// How many probes may run at once.
    pub fn set_limit(&self, in_flight: usize) {
        self.in_flight_limit.store(in_flight as u64, Ordering::Relaxed);
    }

    /// What was counted since the start.
    pub fn totals(&self) -> ProbeTotals {
        let get = |of: &AtomicU64| of.load(Ordering::Relaxed);
        ProbeTotals {
            good: get(&self.good),
            bad: get(&self.bad),
            unmeasured: get(&self.unmeasured),
            behind: get(&self.behind),
            put_off: get(&self.put_off),
            jobs: get(&self.jobs),
            in_flight: get(&self.in_flight),
            in_flight_peak: get(&self.in_flight_peak),
            in_flight_limit: get(&self.in_flight_limit),
            late: self.late.totals(),
        }
    }
}
