//! How slow an endpoint is: a peak-sensitive moving average.
//!
//! 1. A slower answer counts at once; faster ones pull the average down over [`DECAY_MS`]. So an endpoint that turns slow is left after one
//!    answer, and asked again carefully.
//! 2. Without answers the value fades likewise: what was slow a minute ago is tried again.
//! 3. A failure counts as [`FAILURE_US`] at least, or twice the present value: who fails fast is not fast.
//!
//! Whole numbers: of the way to the sample t / (t + decay) is gone after t. Not here: atomics (`hf-balancer` keeps [`PeakEwma::bits`]).

/// Over which the value comes down.
const DECAY_MS: u32 = 10_000;
/// What a failure counts as, at least.
const FAILURE_US: u32 = 1_000_000;

/// The average of one endpoint, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeakEwma {
    /// 0: nothing known.
    us: u32,
    /// The last change, in milliseconds, cut to 32 bits: after 49 days without a change one fading is wrong.
    at_ms: u32,
}

impl PeakEwma {
    /// An answer took `us`.
    pub fn record(&mut self, us: u32, now_ms: u64) {
        let us = us.max(1);
        let now_ms = now_ms as u32;
        if us >= self.us {
            *self = PeakEwma { us, at_ms: now_ms };
            return;
        }
        let next = self.us - fade(self.us - us, now_ms.wrapping_sub(self.at_ms));
        // Steps too small to show add up: the instant stays until they do.
        if next != self.us {
            *self = PeakEwma { us: next, at_ms: now_ms };
        }
    }

    /// A request failed.
    pub fn record_failure(&mut self, now_ms: u64) {
        let us = self.value(now_ms).saturating_mul(2).clamp(FAILURE_US, FAILURE_US * 60);
        self.record(us, now_ms);
    }

    /// Microseconds; 0 while nothing is known.
    pub fn value(&self, now_ms: u64) -> u32 {
        // At least 1: faded is not unknown.
        (self.us - fade(self.us, (now_ms as u32).wrapping_sub(self.at_ms))).max(self.us.min(1))
    }

    /// As one word, for an atomic.
    pub fn bits(self) -> u64 {
        u64::from(self.us) << 32 | u64::from(self.at_ms)
    }

    /// From such a word.
    pub fn from_bits(bits: u64) -> PeakEwma {
        PeakEwma { us: (bits >> 32) as u32, at_ms: bits as u32 }
    }
}

/// The part of `amount` that is gone after `passed_ms`.
fn fade(amount: u32, passed_ms: u32) -> u32 {
    // An instant before the last change, as two threads may have it, is no time at all.
    let passed_ms = if passed_ms > u32::MAX / 2 { 0 } else { passed_ms };
    let whole = u64::from(passed_ms) + u64::from(DECAY_MS);
    (u64::from(amount) * u64::from(passed_ms) / whole) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slow_answer_counts_at_once_and_fades() {
        let mut ewma = PeakEwma::default();
        assert_eq!(ewma.value(5), 0, "nothing known");
        ewma.record(1_000, 0);
        ewma.record(90_000, 1);
        assert_eq!(ewma.value(1), 90_000);
        assert_eq!(ewma.value(10_001), 45_000);
        // Fast answers each millisecond bring it near to them.
        for ms in 2..60_000 {
            ewma.record(1_000, ms);
        }
        assert!(ewma.value(60_000) < 2_000, "{}", ewma.value(60_000));
    }

    #[test]
    fn a_failure_is_slow() {
        let mut ewma = PeakEwma::default();
        ewma.record(200, 0);
        ewma.record_failure(1);
        assert_eq!(ewma.value(1), 1_000_000);
        for _ in 0..100 {
            ewma.record_failure(2);
        }
        assert_eq!(ewma.value(2), 60_000_000);
    }

    proptest! {
        /// It stays between the smallest and the largest of what was recorded, and survives its word.
        #[test]
        fn it_stays_within_its_samples(samples in proptest::collection::vec((1_u32..2_000_000, 0_u64..5_000), 1..50)) {
            let (mut ewma, mut now) = (PeakEwma::default(), u64::from(u32::MAX) - 20_000);
            for (us, passed) in &samples {
                now += passed;
                ewma.record(*us, now);
                let low = samples.iter().map(|(us, _)| *us).min().unwrap_or(0);
                let high = samples.iter().map(|(us, _)| *us).max().unwrap_or(0);
                prop_assert!((low..=high).contains(&ewma.value(now)));
                prop_assert_eq!(PeakEwma::from_bits(ewma.bits()), ewma);
            }
        }
    }
}
