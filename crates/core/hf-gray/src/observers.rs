//! Observers in trouble: balancers of one zone that see everybody fail, where others see the same endpoints answer.
//!
//! 1. An observer's zone is doubted when all that it sees, of two zones or more, is surely worse than what other zones' observers see of the very same
//!    zones. One zone that it sees alone tells nothing: there is nobody to compare with.
//! 2. The doubt lasts [`DOUBT_S`] beyond its last reason. What a doubted observer counted counts for nothing meanwhile.

use crate::Config;
use crate::second::Seen;
use crate::stream::Count;

/// How long a doubt lasts beyond its last reason.
const DOUBT_S: u32 = 30;
/// Requests in ten seconds below which nothing is compared.
const SEEN_MIN: f64 = 10.0;
/// Bad ones of these, at least.
const BAD_MIN: f64 = 3.0;

/// What is remembered of all observers' zones.
#[derive(Clone, Debug)]
pub struct Observers {
    /// By stream, observer's zone and target's zone, over ten seconds.
    seen: Vec<Vec<Vec<Count>>>,
    /// By observer's zone, seconds of doubt that are left.
    doubted_s: Vec<u32>,
}

impl Observers {
    pub fn new(zones: usize, streams: usize) -> Observers {
        Observers {
            seen: vec![vec![vec![Count::default(); zones]; zones]; streams],
            doubted_s: vec![0; zones],
        }
    }

    /// Another set of zones: observers are judged anew within seconds.
    pub fn carry_over(&mut self, was: &[Option<usize>]) {
        let doubted = |was: &Option<usize>| was.and_then(|at| self.doubted_s.get(at).copied()).unwrap_or(0);
        let doubted_s = was.iter().map(doubted).collect();
        *self = Observers { doubted_s, ..Observers::new(was.len(), self.seen.len()) };
    }

    /// One second: what counts as bad in which stream is told by `bad`.
    pub fn step(&mut self, seen: &[Vec<Seen>], bad: impl Fn(usize, usize, &Seen) -> f64, config: &Config) {
        let zones = self.doubted_s.len();
        self.doubted_s.iter_mut().for_each(|left| *left = left.saturating_sub(1));
        if seen.is_empty() {
            return;
        }
        let none = Seen::default();
        for stream in 0..self.seen.len() {
            let deltas =
                [config.delta_faults, config.delta_slow[0], config.delta_slow[1], config.delta_slow[2]];
            let delta = deltas.get(stream).copied().unwrap_or(config.delta_faults);
            for observer in 0..zones {
                for target in 0..zones {
                    let of = seen.get(observer).and_then(|row| row.get(target)).unwrap_or(&none);
                    let kept = &mut self.seen[stream][observer][target];
                    kept.all += f64::from(of.requests) - kept.all / 10.0;
                    kept.bad += bad(stream, target, of).min(f64::from(of.requests)) - kept.bad / 10.0;
                }
            }
            for observer in 0..zones {
                if self.sees_all_worse(stream, observer, delta, config) {
                    self.doubted_s[observer] = DOUBT_S;
                }
            }
        }
    }

    fn sees_all_worse(&self, stream: usize, observer: usize, delta: f64, config: &Config) -> bool {
        let seen = &self.seen[stream];
        let mut compared = 0;
        for (target, own) in seen[observer].iter().enumerate() {
            let others = (0..self.doubted_s.len()).filter(|other| *other != observer);
            let (bad, all) = others.fold((0.0, 0.0), |(bad, all), other| {
                (bad + seen[other][target].bad, all + seen[other][target].all)
            });
            if own.all < SEEN_MIN || all < SEEN_MIN {
                continue;
            }
            compared += 1;
            let theirs = (bad + 1.0 + 2.0 * (bad + 1.0).sqrt()) / all;
            let surely = (own.bad - 2.0 * own.bad.sqrt()).max(0.0) / own.all;
            if own.bad < BAD_MIN || surely <= delta + config.rho * theirs {
                return false;
            }
        }
        compared >= 2
    }

    /// Zones whose observers are doubted.
    pub fn doubted(&self) -> impl Iterator<Item = usize> + '_ {
        self.doubted_s.iter().enumerate().filter(|(_, left)| **left > 0).map(|(zone, _)| zone)
    }
}
