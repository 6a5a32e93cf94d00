//! Many samples to a few figures.

use std::time::Duration;

use serde::Serialize;

/// How samples of a length of time are spread; nearest-rank percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub samples: usize,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Spread {
    /// Of these samples; all zero of none.
    pub fn of(mut samples: Vec<Duration>) -> Spread {
        samples.sort();
        let at = |percent: usize| {
            let rank = (samples.len() * percent).div_ceil(100).max(1);
            samples.get(rank - 1).copied().map_or(0.0, milliseconds)
        };
        Spread { samples: samples.len(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Spread { samples, p50_ms, p99_ms, max_ms } = self;
        write!(f, "p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, max {max_ms:.2} ms of {samples}")
    }
}

/// A length in milliseconds, to the microsecond.
pub fn milliseconds(length: Duration) -> f64 {
    (length.as_secs_f64() * 1e6).round() / 1e3
}

/// One figure over another, to the hundredth.
pub fn ratio(one: f64, other: f64) -> f64 {
    if other == 0.0 { 0.0 } else { (one / other * 100.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let spread = Spread::of((1..=200).map(Duration::from_millis).rev().collect());
        assert_eq!(spread, Spread { samples: 200, p50_ms: 100.0, p99_ms: 198.0, max_ms: 200.0 });
        assert_eq!(Spread::of(vec![]), Spread::default());
        let one = Spread::of(vec![Duration::from_micros(1500)]);
        assert_eq!((one.p50_ms, one.p99_ms), (1.5, 1.5));
    }
}
