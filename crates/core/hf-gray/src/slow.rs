//! Which answers count as slow: those above so many times a quantile, the larger of the peers' over a minute and the zone's own over ten.
//!
//! What is usual moves with slowness that lasts, so whether slowness everywhere is over is told by the latencies of before it ([`Usual::begins_to_be_slow`]).
//!
//! Within a bucket latencies are taken as even on a logarithmic scale, so that a threshold need not lie on a bucket's edge.

use crate::{Latency, Second};

/// The quantiles that the three streams go by.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// A zone is as fast as it was below so many times each of its three quantiles: less than what is slow; the rarer the answers, the more by chance.
const AS_BEFORE: [f64; 3] = [1.3, 1.4, 1.8];
/// Over so many seconds, about.
const BEFORE_WINDOW_S: f64 = 15.0;
/// Slowness everywhere is over once every zone has been as fast as before for so many seconds in a row.
const OVER_S: u32 = 30;

/// Latencies from the time before all zones got slow, and since.
#[derive(Clone, Debug)]
struct Before {
    /// By zone, the positions of the three quantiles then; none for a zone that is new.
    usual: Vec<Option<[f64; 3]>>,
    /// By zone, the last seconds.
    now: Vec<Vec<f64>>,
    /// Seconds in a row for which all zones are as fast as then.
    as_before_s: u32,
}

/// The usual latencies of all zones.
#[derive(Clone, Debug)]
pub struct Usual {
    latency: Latency,
    seconds: f64,
    minute: Vec<Vec<f64>>,
    long: Vec<Vec<f64>>,
    /// While slowness counts as everybody's.
    before: Option<Before>,
}

impl Usual {
    pub fn new(zones: usize, latency: Latency) -> Usual {
        let empty = || vec![vec![0.0; latency.buckets]; zones];
        Usual { latency, seconds: 0.0, minute: empty(), long: empty(), before: None }
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
        if let Some(before) = &mut self.before {
            let of = |was: &Option<usize>| was.and_then(|at| before.usual.get(at).copied().flatten());
            before.usual = was.iter().map(of).collect();
            before.now = vec![vec![0.0; buckets]; was.len()];
            before.as_before_s = 0;
        }
    }

    /// All zones are slow: what was usual until now is what they come back to.
    pub fn begins_to_be_slow(&mut self) {
        if let Some(before) = &mut self.before {
            before.as_before_s = 0;
            return;
        }
        let usual = |long: &Vec<f64>| Some(QUANTILES.map(|quantile| position(long, quantile)));
        self.before = Some(Before {
            usual: self.long.iter().map(usual).collect(),
            now: vec![vec![0.0; self.latency.buckets]; self.long.len()],
            as_before_s: 0,
        });
    }

    /// Takes a second; whether slowness everywhere is over. Zones without answers are not asked; where none has any it is not over.
    pub fn is_over(&mut self, second: &Second) -> bool {
        let margins = AS_BEFORE.map(|times| libm::log(times) / libm::log(self.latency.ratio));
        let Some(before) = &mut self.before else { return false };
        let (mut asked, mut is_as_before) = (0, true);
        for (at, (now, usual)) in before.now.iter_mut().zip(&before.usual).enumerate() {
            let endpoints = second.zones.get(at).map_or(&[][..], |zone| &zone.endpoints);
            for (bucket, kept) in now.iter_mut().enumerate() {
                let counts = endpoints.iter().filter_map(|endpoint| endpoint.latency.get(bucket));
                let count: f64 = counts.map(|count| f64::from(*count)).sum();
                *kept += (count - *kept) / BEFORE_WINDOW_S;
            }
            let Some(usual) = usual else { continue };
            if now.iter().sum::<f64>() * BEFORE_WINDOW_S < 1.0 {
                continue;
            }
            asked += 1;
            let is_fast = |of: usize| position(now, QUANTILES[of]) <= usual[of] + margins[of];
            is_as_before &= (0..QUANTILES.len()).all(is_fast);
        }
        before.as_before_s = if asked > 0 && is_as_before { before.as_before_s + 1 } else { 0 };
        before.as_before_s >= OVER_S
    }

    /// Slowness counts as nobody's but a zone's own again.
    pub fn forget_before(&mut self) {
        self.before = None;
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
