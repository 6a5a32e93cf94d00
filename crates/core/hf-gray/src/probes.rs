//! Probes: what the other zones' observers see of a zone, each judged by what it sees of the rest.
//!
//! An observer in trouble sees everything fail, so nothing is certain to it; one broken link convinces one observer only. A zone's probes of itself
//! never count.

use crate::Config;
use crate::stream::{NOTHING, grown};

/// Evidence from probes.
#[derive(Clone, Debug)]
pub struct Probes {
    seconds: f64,
    /// Share of failures over 15 s, by observer and target.
    failing: Vec<Vec<f64>>,
    /// Whether there is a probe at all.
    heard: Vec<Vec<bool>>,
    /// The last [`KEPT_S`] results, newest lowest, and which of them there are.
    recent: Vec<Vec<(u16, u16)>>,
    /// One for each zone.
    pub evidence: Vec<f64>,
}

/// Seconds of which each result is known.
const KEPT_S: u32 = 14;
/// Seconds that count where nothing else is said.
const LATELY_S: u32 = 8;

impl Probes {
    pub fn new(zones: usize) -> Probes {
        Probes {
            seconds: 0.0,
            failing: vec![vec![0.0; zones]; zones],
            heard: vec![vec![false; zones]; zones],
            recent: vec![vec![(0, 0); zones]; zones],
            evidence: vec![NOTHING; zones],
        }
    }

    /// The same past for other zones: each is one that was, or new.
    pub fn carry_over(&mut self, was: &[Option<usize>]) {
        let old = std::mem::replace(self, Probes::new(was.len()));
        self.seconds = old.seconds;
        for (zone, from) in was.iter().enumerate() {
            let Some(from) = *from else { continue };
            self.evidence[zone] = old.evidence[from];
            for (observer, other) in was.iter().enumerate() {
                let Some(other) = *other else { continue };
                self.failing[observer][zone] = old.failing[other][from];
                self.heard[observer][zone] = old.heard[other][from];
                self.recent[observer][zone] = old.recent[other][from];
            }
        }
    }

    /// One second.
    pub fn step(&mut self, results: &[Vec<Option<bool>>], caps: &[f64], config: &Config) {
        self.seconds += 1.0;
        let share = (1.0 / self.seconds).max(1.0 / 15.0);
        let zones = self.evidence.len();
        let result = |observer: usize, zone: usize| results.get(observer)?.get(zone).copied().flatten();
        for observer in 0..zones {
            for zone in 0..zones {
                let Some(is_good) = result(observer, zone) else { continue };
                let failed = u16::from(!is_good);
                self.failing[observer][zone] += (f64::from(failed) - self.failing[observer][zone]) * share;
                self.heard[observer][zone] = true;
                let (bits, seen) = &mut self.recent[observer][zone];
                (*bits, *seen) = (((*bits << 1) | failed) & last(KEPT_S), ((*seen << 1) | 1) & last(KEPT_S));
            }
        }
        for (zone, cap) in caps.iter().enumerate().take(zones) {
            let mut said: Vec<f64> = Vec::with_capacity(zones);
            for observer in (0..zones).filter(|observer| *observer != zone) {
                let Some(is_good) = result(observer, zone) else { continue };
                said.push(self.says(observer, zone, is_good, config));
            }
            said.sort_by(f64::total_cmp);
            // Three zones: both others must agree. More: the lower half decides. One observer alone never does.
            let heard = said.len();
            let l: f64 = match heard {
                0 | 1 => continue,
                2 => 2.0 * said[0],
                _ => said[..=heard / 2].iter().sum(),
            };
            let l = l.clamp(-config.log_a / config.min_s, *cap);
            self.evidence[zone] = (grown(self.evidence[zone]) + l).min(config.ceiling * config.log_a);
        }
    }

    fn says(&self, observer: usize, zone: usize, is_good: bool, config: &Config) -> f64 {
        let elsewhere = (0..self.evidence.len()).filter(|other| *other != zone && *other != observer);
        let elsewhere = elsewhere.filter(|other| self.heard[observer][*other]);
        let worst = elsewhere.map(|other| self.failing[observer][other]).fold(0.0, f64::max);
        let p0 = (config.delta_probes + config.rho * worst).clamp(0.0, 0.95);
        let p1 = if self.failing[observer][zone] > 0.5 {
            (0.5 * (1.0 + p0)).max(0.6)
        } else {
            (p0 + 0.15).min(0.97)
        };
        if is_good { libm::log((1.0 - p1) / (1.0 - p0)) } else { libm::log(p1 / p0) }
    }

    /// Of the last eight seconds: failed and all probes that others sent to `zone`.
    pub fn seen_lately(&self, zone: usize) -> (u32, u32) {
        self.seen_since(LATELY_S, zone)
    }

    /// The same of the last `seconds`, but of eight at least and of [`KEPT_S`] at most.
    pub fn seen_since(&self, seconds: u32, zone: usize) -> (u32, u32) {
        let others = (0..self.evidence.len()).filter(|observer| *observer != zone);
        self.sum(seconds.clamp(LATELY_S, KEPT_S), others.map(|observer| (observer, zone)))
    }

    /// Whether `zone` itself has trouble to reach others that the rest reach: its own network is in doubt.
    pub fn is_cut(&self, zone: usize) -> bool {
        let zones = self.evidence.len();
        let others = || (0..zones).filter(move |other| *other != zone);
        let (own, own_all) = self.sum(LATELY_S, others().map(|target| (zone, target)));
        let pairs = others().flat_map(|observer| others().map(move |target| (observer, target)));
        let (rest, rest_all) = self.sum(LATELY_S, pairs.filter(|(observer, target)| observer != target));
        own >= 2 && u64::from(own) * u64::from(rest_all) > 3 * u64::from(rest) * u64::from(own_all)
    }

    fn sum(&self, seconds: u32, pairs: impl Iterator<Item = (usize, usize)>) -> (u32, u32) {
        pairs.fold((0, 0), |(failed, all), (observer, zone)| {
            let (bits, seen) = self.recent[observer][zone];
            (failed + (bits & last(seconds)).count_ones(), all + (seen & last(seconds)).count_ones())
        })
    }
}

/// The bits of the last `results`, of which there are sixteen.
fn last(results: u32) -> u16 {
    u16::MAX.checked_shr(u16::BITS.saturating_sub(results)).unwrap_or(0)
}
