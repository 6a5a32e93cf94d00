//! Which answers count as slow: those above so many times a quantile, the larger of the peers' over a minute and the zone's own over ten.
//!
//! Within a bucket latencies are taken as even on a logarithmic scale, so that a threshold need not lie on a bucket's edge.

use crate::{Latency, Second};

/// The quantiles that the three streams go by.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// The usual latencies of all zones.
#[derive(Clone, Debug)]
pub struct Usual {
    latency: Latency,
    seconds: f64,
    minute: Vec<Vec<f64>>,
    long: Vec<Vec<f64>>,
}

impl Usual {
    pub fn new(zones: usize, latency: Latency) -> Usual {
        let empty = || vec![vec![0.0; latency.buckets]; zones];
        Usual { latency, seconds: 0.0, minute: empty(), long: empty() }
    }

    /// The same past for other zones: each is one that was, or new.
    pub fn carry_over(&mut self, was: &[Option<usize>]) {
        let buckets = self.latency.buckets;
        for kept in [&mut self.minute, &mut self.long] {
            let old = std::mem::take(kept);
            let of = |was: &Option<usize>| {
                was.and_then(|at| old.get(at).cloned()).unwrap_or_else(|| vec![0.0; buckets])
            };
            *kept = was.iter().map(of).collect();
        }
    }

    /// For one zone and one of the quantiles: from which position on, in buckets, an answer is slow.
    pub fn threshold(&self, zone: usize, quantile: f64, times: f64) -> f64 {
        let mut peers = vec![0.0; self.latency.buckets];
        for (_, of) in self.minute.iter().enumerate().filter(|(at, _)| *at != zone) {
            for (sum, of) in peers.iter_mut().zip(of) {
                *sum += of;
            }
        }
        let usual = position(&peers, quantile).max(position(&self.long[zone], quantile));
        usual + libm::log(times) / libm::log(self.latency.ratio)
    }

    /// Takes a second; the long past only of zones without suspicion.
    pub fn learn(&mut self, second: &Second, quiet: &[bool]) {
        self.seconds += 1.0;
        let (minute, long) = ((1.0 / self.seconds).max(1.0 / 60.0), (1.0 / self.seconds).max(1.0 / 600.0));
        for (at, zone) in second.zones.iter().enumerate().take(self.minute.len()) {
            for bucket in 0..self.latency.buckets {
                let counts = zone.endpoints.iter().filter_map(|endpoint| endpoint.latency.get(bucket));
                let count: f64 = counts.map(|count| f64::from(*count)).sum();
                self.minute[at][bucket] += (count - self.minute[at][bucket]) * minute;
                if quiet[at] {
                    self.long[at][bucket] += (count - self.long[at][bucket]) * long;
                }
            }
        }
    }
}

/// Where a quantile lies, in buckets from the first one's beginning.
fn position(counts: &[f64], quantile: f64) -> f64 {
    let total: f64 = counts.iter().sum();
    let mut left = total * quantile;
    for (at, count) in counts.iter().enumerate() {
        if left <= *count && *count > 0.0 {
            return at as f64 + left / count;
        }
        left -= count;
    }
    if total > 0.0 { counts.len() as f64 } else { 0.0 }
}

/// How many answers are slower than the threshold.
pub fn slower(counts: &[u32], threshold: f64) -> f64 {
    let whole = threshold.max(0.0).floor();
    let first = whole as usize;
    let rest: f64 = counts.iter().skip(first + 1).map(|count| f64::from(*count)).sum();
    let part =
        counts.get(first).map_or(0.0, |count| f64::from(*count) * (1.0 - (threshold.max(0.0) - whole)));
    rest + part
}
