//! What the detector made of episodes.

use std::collections::BTreeMap;
use std::fmt;

use hf_gray::{Config, Detector, Finding, Step};

use crate::episode::Episode;
use crate::kind::Kind;
use crate::service::Buckets;

/// A verdict so many seconds before the onset is no verdict on it.
const EARLY_S: u32 = 15;
/// One so many seconds after the end comes too late.
const LATE_S: u32 = 60;

/// What came of one episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The zone was found, so many seconds after the onset; some begin before it can be seen.
    Found(i64),
    /// It was not.
    Missed,
    /// Another zone was.
    WrongZone,
    /// A zone was found where there is nothing to find, or before there was.
    False,
    /// Nothing was found where there is nothing to find.
    Quiet,
}

/// Runs the detector over one episode.
pub fn judge(kind: Kind, seed: u64, hard: f64, buckets: Buckets, config: &Config) -> Verdict {
    replay(kind, seed, hard, buckets, config, |_, _, _| {})
}

/// The same, telling what each second came to.
pub fn replay(
    kind: Kind,
    seed: u64,
    hard: f64,
    buckets: Buckets,
    config: &Config,
    mut tell: impl FnMut(&Episode, u32, &Step),
) -> Verdict {
    let mut episode = Episode::draw(kind, seed, hard, buckets);
    let endpoints = vec![episode.service.endpoints; episode.service.zones];
    let mut detector = Detector::new(config.clone(), &endpoints, buckets.latency);
    let mut at = 0;
    while let Some(second) = episode.next_second() {
        let step = detector.step(&second);
        tell(&episode, at, &step);
        if let Finding::Zone(zone) = step.finding {
            return verdict(&episode, at, zone);
        }
        at += 1;
    }
    if kind.is_fault() { Verdict::Missed } else { Verdict::Quiet }
}

fn verdict(episode: &Episode, at: u32, zone: usize) -> Verdict {
    let creeps = matches!(episode.kind, Kind::Ramp | Kind::BadDeployment);
    if episode.kind == Kind::TwoZones && episode.service.zones > 3 {
        // The worse of two, where most are well: either answer is right.
        return Verdict::Quiet;
    }
    if !episode.kind.is_fault() || !creeps && at + EARLY_S < episode.onset {
        return Verdict::False;
    }
    match () {
        () if zone != episode.zone => Verdict::WrongZone,
        () if at > episode.ends + LATE_S => Verdict::Missed,
        () => Verdict::Found(i64::from(at) - i64::from(episode.onset)),
    }
}

/// Verdicts by kind.
#[derive(Clone, Debug, Default)]
pub struct Score {
    by_kind: BTreeMap<Kind, Vec<Verdict>>,
}

/// The sums over faults and over what is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Faults.
    pub faults: usize,
    /// Found of these.
    pub found: usize,
    /// Found in another zone, or before their beginning.
    pub wrong: usize,
    /// The delay of half of them, in seconds.
    pub median_s: i64,
    /// And of nine in ten.
    pub ninth_s: i64,
    /// Episodes that are no zone's fault.
    pub others: usize,
    /// Zones found in these.
    pub others_false: usize,
    /// Of these, in kinds that allow none.
    pub never_false: usize,
}

impl Score {
    /// Counts one verdict.
    pub fn count(&mut self, kind: Kind, verdict: Verdict) {
        self.by_kind.entry(kind).or_default().push(verdict);
    }

    /// Takes what another one counted.
    pub fn add(&mut self, other: Score) {
        for (kind, verdicts) in other.by_kind {
            self.by_kind.entry(kind).or_default().extend(verdicts);
        }
    }

    /// All kinds together.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        let mut delays = Vec::new();
        for (kind, verdicts) in &self.by_kind {
            let count = |wanted: fn(&Verdict) -> bool| verdicts.iter().filter(|of| wanted(of)).count();
            let wrong = count(|of| matches!(of, Verdict::False | Verdict::WrongZone));
            if kind.is_fault() {
                sums.faults += verdicts.len();
                sums.wrong += wrong;
                delays.extend(delays_of(verdicts));
            } else {
                sums.others += verdicts.len();
                sums.others_false += wrong;
                sums.never_false += if kind.allows_none() { wrong } else { 0 };
            }
        }
        delays.sort_unstable();
        sums.found = delays.len();
        (sums.median_s, sums.ninth_s) = (part(&delays, 50), part(&delays, 90));
        sums
    }
}

impl Sums {
    /// What is missed of the aims: nothing when all are met.
    pub fn missed(&self, hard: f64) -> Vec<String> {
        let mut missed = Vec::new();
        let share = if hard > 1.0 { 90 } else { 95 };
        if self.found * 100 < self.faults * share {
            missed.push(format!("{} of {} found, at least {share} % wanted", self.found, self.faults));
        }
        if self.wrong > 0 {
            missed.push(format!("{} in the wrong zone or before the beginning, none wanted", self.wrong));
        }
        if self.median_s > 10 && hard <= 1.0 {
            missed.push(format!("the median is {} s, at most 10 s wanted", self.median_s));
        }
        if self.ninth_s > 60 && hard <= 1.0 {
            missed.push(format!("nine in ten within {} s, 60 s wanted", self.ninth_s));
        }
        if self.others_false * 1_000 > self.others.max(1_000) {
            missed
                .push(format!("{} false of {}, at most one in 1,000 wanted", self.others_false, self.others));
        }
        if self.never_false > 0 {
            missed.push(format!("{} false in kinds that allow none", self.never_false));
        }
        missed
    }
}

fn delays_of(verdicts: &[Verdict]) -> impl Iterator<Item = i64> + '_ {
    verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Found(after) => Some(*after),
        _ => None,
    })
}

/// Of sorted numbers the one below which so many percent lie.
fn part(sorted: &[i64], percent: usize) -> i64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>9} {:>7} {:>7} {:>7} {:>7}",
            "kind", "episodes", "found", "median", "90 %", "false"
        )?;
        for (kind, verdicts) in &self.by_kind {
            let mut delays: Vec<i64> = delays_of(verdicts).collect();
            delays.sort_unstable();
            let wrong =
                verdicts.iter().filter(|of| matches!(of, Verdict::False | Verdict::WrongZone)).count();
            write!(f, "{:<20} {:>9} ", kind.as_str(), verdicts.len())?;
            if kind.is_fault() {
                write!(f, "{:>7} {:>5} s {:>5} s ", delays.len(), part(&delays, 50), part(&delays, 90))?;
            } else {
                write!(f, "{:>7} {:>7} {:>7} ", "", "", "")?;
            }
            writeln!(f, "{wrong:>7}")?;
        }
        let sums = self.sums();
        writeln!(
            f,
            "faults: {} of {} found, {} wrong, median {} s, nine in ten within {} s",
            sums.found, sums.faults, sums.wrong, sums.median_s, sums.ninth_s
        )?;
        writeln!(f, "no zone's faults: {} false of {}", sums.others_false, sums.others)
    }
}

#[cfg(test)]
mod tests;
