//! How fast an endpoint answers: the peak-sensitive moving average of its times to the first byte.
//!
//! A slower answer counts at once, a faster one bit by bit, so that an endpoint that turns slow is left alone from its first slow answer on.
//! One word, written by all workers without a lock: of two that write at once one sample is lost, which says nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use hf_balance::PeakEwma;

/// The slowest that answers with a bad status make an endpoint look.
const SETBACK_MAX_US: u32 = 1_000_000;
/// How long without an answer halves the figure.
const HALVING_MS: u32 = 5_000;

/// One endpoint's pace.
#[derive(Debug, Default)]
pub struct Pace(AtomicU64);

impl Pace {
    /// An answer came after so long.
    pub fn sample(&self, first_byte_us: u32, now_ms: u64) {
        let mut average = PeakEwma::from_bits(self.0.load(Ordering::Relaxed));
        average.record(first_byte_us, now_ms);
        self.0.store(average.bits(), Ordering::Relaxed);
    }

    /// A request failed: who fails fast is not fast.
    pub fn failure(&self, now_ms: u64) {
        let mut average = PeakEwma::from_bits(self.0.load(Ordering::Relaxed));
        average.record_failure(now_ms);
        self.0.store(average.bits(), Ordering::Relaxed);
    }

    /// It answered that it cannot: counts as four times as slow as it is, up to a second. One such answer is forgotten soon; one after the
    /// other keep requests away.
    pub fn setback(&self, first_byte_us: u32, now_ms: u64) {
        let now = self.latency_us(now_ms).max(first_byte_us);
        self.sample(now.saturating_mul(4).min(SETBACK_MAX_US.max(now)), now_ms);
    }

    /// Microseconds; 0 when nothing is known. Without answers it halves every five seconds: whoever was slow and is asked no more must be
    /// asked again to show that it is well.
    pub fn latency_us(&self, now_ms: u64) -> u32 {
        let bits = self.0.load(Ordering::Relaxed);
        let average = PeakEwma::from_bits(bits).value(now_ms);
        let silent_ms = (now_ms as u32).wrapping_sub(bits as u32);
        let halvings = if silent_ms > u32::MAX / 2 { 0 } else { (silent_ms / HALVING_MS).min(31) };
        (average >> halvings).max(average.min(1))
    }

    /// What it was when this process began.
    pub fn resume(&self, latency_us: u32, now_ms: u64) {
        self.sample(latency_us, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_forgotten_in_a_minute_without_others() {
        let pace = Pace::default();
        assert_eq!(pace.latency_us(0), 0);
        pace.sample(1_000_000, 1_000);
        assert_eq!(pace.latency_us(1_000), 1_000_000);
        assert!(pace.latency_us(61_000) < 1_000, "{}", pace.latency_us(61_000));
        assert_eq!(pace.latency_us(1 << 30), 1, "known, though long ago");
    }

    #[test]
    fn one_bad_status_counts_little_and_many_much() {
        let pace = Pace::default();
        pace.sample(1_000, 0);
        pace.setback(900, 1);
        assert_eq!(pace.latency_us(1), 4_000);
        for _ in 0..10 {
            pace.setback(900, 1);
        }
        assert_eq!(pace.latency_us(1), SETBACK_MAX_US);
    }
}
