//! The sequential test of one proportion, bad of total, for all zones: each against its peers and its own past.
//!
//! Shiryaev-Roberts in logarithms over four alternatives. Each second's factor is bounded on both sides, so that no single second decides.

use crate::Config;

/// Alternatives: so much of the way from the tolerated rate to one.
const ALTERNATIVES: [f64; 4] = [0.02, 0.08, 0.3, 0.8];
/// No evidence: nothing is ever less.
pub const NOTHING: f64 = -40.0;
/// A peer with fewer requests than this in a minute does not vote.
const VOTES_MIN: f64 = 20.0;
/// Above this tolerated rate nothing can be worse.
const FULL: f64 = 0.9;
/// A zone with fewer requests than this in ten seconds has none: it was left, or nobody asks.
const IDLE: f64 = 0.2;
/// Evidence of an idle zone is gone after so long: what nobody has seen for a while is no evidence any more.
const FORGOTTEN_S: f64 = 60.0;
/// Quiet is what has less evidence than this: once in a minute by chance.
pub const QUIET: f64 = 4.094_344_562_222_1; // ln 60

/// One zone's part.
#[derive(Clone, Debug)]
pub struct Test {
    bad_3: f64,
    all_3: f64,
    bad_10: f64,
    all_10: f64,
    bad_60: f64,
    all_60: f64,
    bad_long: f64,
    all_long: f64,
    dispersion: f64,
    evidence: [f64; 4],
    /// Against its own past alone.
    pub against_past: f64,
    /// By how much the rate of the last seconds is above its own past.
    pub rise: f64,
    /// The same by the last three seconds, where those are worse: trouble that has just come is a small part of ten.
    pub rise_now: f64,
    /// How much likelier the last three seconds are, or the last ten, at their own rate than at that of its own past, where they are worse: the logarithm. Nothing is
    /// tolerated, and one second may make it certain: it convicts nobody.
    pub surely_rises: f64,
    /// What is tolerated now.
    pub tolerated: f64,
    /// Evidence that the rate is above that.
    pub m: f64,
    /// Whether the rate of the last ten seconds is above that.
    pub is_above: bool,
}

impl Test {
    fn new() -> Test {
        Test {
            bad_3: 0.0,
            all_3: 0.0,
            bad_10: 0.0,
            all_10: 0.0,
            bad_60: 0.0,
            all_60: 0.0,
            bad_long: 0.0,
            all_long: 0.0,
            dispersion: 1.0,
            evidence: [NOTHING; 4],
            against_past: NOTHING,
            rise: 0.0,
            rise_now: 0.0,
            surely_rises: 0.0,
            tolerated: 0.0,
            m: NOTHING,
            is_above: false,
        }
    }

    /// The rate of the last ten seconds.
    pub fn rate(&self) -> f64 {
        self.bad_10 / self.all_10.max(1e-9)
    }

    /// The rate of the last three seconds.
    pub fn rate_now(&self) -> f64 {
        self.bad_3 / self.all_3.max(1e-9)
    }

    /// The rate in its own past.
    pub fn past(&self) -> f64 {
        (self.bad_long * 600.0 + 1.0) / (self.all_long * 600.0 + 1.0)
    }

    /// What a peer holds against others: a sure rise at once, noise not, a fall slowly.
    fn reference(&self) -> Option<f64> {
        let count = self.all_60 * 60.0;
        if count <= VOTES_MIN {
            return None;
        }
        let bad = self.bad_10 * 10.0;
        let sure = (bad - bad.sqrt()).max(0.0) / (self.all_10 * 10.0).max(1.0);
        let slow = self.bad_60 * 60.0;
        let usual = (slow + 0.5 + (slow + 0.25).sqrt()) / (count + 1.0);
        Some(sure.max(usual))
    }
}

/// The test of all zones.
#[derive(Clone, Debug)]
pub struct Stream {
    /// By how much a rate may be above what it is compared with.
    pub delta: f64,
    rho: f64,
    seconds: f64,
    /// One for each zone.
    pub zones: Vec<Test>,
}

/// What one zone counted in this second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub bad: f64,
    pub all: f64,
}

fn toward(now: &mut f64, new: f64, share: f64) {
    *now += (new - *now) * share;
}

/// ln(1 + e^s).
pub fn grown(s: f64) -> f64 {
    if s > 0.0 { s + libm::log1p(libm::exp(-s)) } else { libm::log1p(libm::exp(s)) }
}

/// The logarithm of the mean of e^s.
pub fn mean(of: &[f64]) -> f64 {
    let most = of.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = of.iter().map(|s| libm::exp(s - most)).sum();
    most + libm::log(sum / of.len() as f64)
}

/// The log-ratio of one second's count between two rates.
pub fn log_ratio(count: Count, p0: f64, p1: f64) -> f64 {
    count.bad * libm::log(p1 / p0) + (count.all - count.bad) * libm::log((1.0 - p1) / (1.0 - p0))
}

impl Stream {
    pub fn new(zones: usize, delta: f64, rho: f64) -> Stream {
        Stream { delta, rho, seconds: 0.0, zones: (0..zones).map(|_| Test::new()).collect() }
    }

    /// The same past for other zones: each is one that was, or new.
    pub fn carry_over(&mut self, was: &[Option<usize>]) {
        let old = std::mem::take(&mut self.zones);
        let kept = |was: &Option<usize>| was.and_then(|at| old.get(at).cloned()).unwrap_or_else(Test::new);
        self.zones = was.iter().map(kept).collect();
    }

    /// One second. `proofs` is what of the counts is evidence, `quiet` are zones without suspicion so far, `caps` the most that a second may add.
    pub fn step(
        &mut self,
        counts: &[Count],
        proofs: &[Count],
        quiet: &[bool],
        caps: &[f64],
        config: &Config,
    ) {
        self.seconds += 1.0;
        let share = |over: f64| (1.0 / self.seconds).max(1.0 / over);
        let (s3, s10, s60, s600) = (share(3.0), share(10.0), share(60.0), share(600.0));
        let mut before = Vec::with_capacity(counts.len());
        for (test, count) in self.zones.iter_mut().zip(counts) {
            let all = (test.all_10 * 10.0 + test.all_60 * 20.0).max(1e-9);
            before.push((test.bad_10 * 10.0 + test.bad_60 * 20.0) / all);
            for (bad, all, share) in [
                (&mut test.bad_3, &mut test.all_3, s3),
                (&mut test.bad_10, &mut test.all_10, s10),
                (&mut test.bad_60, &mut test.all_60, s60),
            ] {
                toward(bad, count.bad, share);
                toward(all, count.all, share);
            }
        }
        let references: Vec<Option<f64>> = self.zones.iter().map(Test::reference).collect();
        for (at, test) in self.zones.iter_mut().enumerate() {
            let (count, quiet, cap) = (counts[at], quiet[at], caps[at]);
            let usual = before[at].clamp(1e-5, 1.0);
            let expected = (count.all * usual * (1.0 - usual)).max(0.2);
            let residual =
                ((count.bad - count.all * usual) * (count.bad - count.all * usual) / expected).min(60.0);
            if quiet {
                test.dispersion += (residual - test.dispersion) / 300.0;
            }
            let phi = test.dispersion.clamp(1.0, config.dispersion_max);
            let past = test.past();
            test.rise = (test.rate() - past).max(0.0);
            test.rise_now = (test.rate_now() - past).max(test.rise);
            test.surely_rises = test.likelier_than(past) / phi;
            test.judge_past(count, past, phi, (self.delta, self.rho), config);
            let Some(worst) = worst_peer(&references, at) else {
                // No peer, no verdict.
                test.tolerated = (self.delta + self.rho * past).clamp(1e-6, FULL);
                test.is_above = test.rate() > test.tolerated;
                test.m = NOTHING;
                test.keep_past(count, quiet, s600);
                continue;
            };
            let tolerated = self.delta + self.rho * worst.max(past);
            let p0 = tolerated.clamp(1e-6, FULL);
            test.tolerated = p0;
            for (evidence, of) in test.evidence.iter_mut().zip(ALTERNATIVES) {
                let p1 = (p0 + (of * (1.0 - p0)).max(0.3 * p0)).min(0.995).max(p0 + 1e-4);
                let l = if test.all_10 * 10.0 < IDLE {
                    -config.log_a / FORGOTTEN_S
                } else {
                    (log_ratio(proofs[at], p0, p1) / phi).clamp(-config.log_a / config.min_s, cap)
                };
                *evidence = (grown(*evidence) + l).min(config.ceiling * config.log_a);
            }
            if tolerated > FULL {
                test.evidence = [NOTHING; 4];
            }
            test.m = mean(&test.evidence);
            test.is_above = test.rate() > p0;
            let is_quiet = quiet && test.m < QUIET;
            test.keep_past(count, is_quiet, s600);
        }
    }
}

impl Test {
    fn judge_past(&mut self, count: Count, past: f64, phi: f64, (delta, rho): (f64, f64), config: &Config) {
        let p0 = (delta + rho * past).clamp(1e-6, 0.97);
        let p1 = (p0 + 0.05).max(p0 * 2.0).min(0.99);
        let bound = config.log_a / config.min_s;
        let l = (log_ratio(count, p0, p1) / phi).clamp(-bound, bound);
        self.against_past = (grown(self.against_past) + l).min(2.0 * config.log_a);
    }

    /// The log-ratio of the last three seconds, or ten, between their own rate and this one, which is lower.
    fn likelier_than(&self, past: f64) -> f64 {
        let windows = [(self.bad_3, self.all_3, 3.0), (self.bad_10, self.all_10, 10.0)];
        let past = past.clamp(1e-6, 1.0 - 1e-6);
        let worse = windows.into_iter().filter(|(bad, all, _)| *bad > past * all);
        let ratios = worse.map(|(bad, all, seconds)| {
            seconds * log_ratio(Count { bad, all }, past, (bad / all).clamp(1e-6, 1.0 - 1e-6))
        });
        ratios.fold(0.0, f64::max)
    }

    fn keep_past(&mut self, count: Count, is_quiet: bool, share: f64) {
        if is_quiet {
            toward(&mut self.bad_long, count.bad, share);
            toward(&mut self.all_long, count.all, share);
        }
    }
}

/// The worst peer's rate; of four zones or more the second worst, so that one other bad zone does not hide this one.
fn worst_peer(references: &[Option<f64>], own: usize) -> Option<f64> {
    let mut peers: Vec<f64> =
        references.iter().enumerate().filter(|(at, _)| *at != own).filter_map(|(_, of)| *of).collect();
    peers.sort_by(f64::total_cmp);
    let skip = usize::from(references.len() >= 4);
    peers.iter().rev().nth(skip).copied()
}
