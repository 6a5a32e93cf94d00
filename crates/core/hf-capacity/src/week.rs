//! What was carried in the last week, and how well: told second by second, kept in a bounded form.
//!
//! 1. Ten seconds in a row make a window; one with a second missing counts for nothing. Its mean is a sustained load.
//! 2. The most of each hour is kept for a week ([`HOURS`]).
//! 3. A window is good when at most 1 % of its requests failed and 95 % of its answers came within 2.8 times the best such latency of the last day
//!    (twelve buckets of a histogram with eight to an octave). The most of a day's good windows is kept for a week: the most of these is
//!    what can be carried. It shrinks with the number of endpoints, and does not grow with it until that was seen.
//! 4. A window that is not good at a load above that is a load that failed; the least of them is kept until a good window reaches it or a week
//!    has gone. What goes badly at less load has other reasons.
//! 5. At most [`PAIRS_MAX`] pairs of pool and zone; further ones are counted and not kept. A pair that had no request for a week goes, at a full hour.
//!
//! Memory: some 2 kB for each pair: 10 MB at the most.
//! Not here: counting (`hf-telemetry`), the file (`hf-control-plane`).

use std::collections::BTreeMap;

use hf_config::estate::Estate;
use hf_model::{PoolName, ZoneId};

use crate::fit::{Basis, Capacities, Carries};
use crate::place::Load;
use crate::what_if::Hour;

/// Hours that are kept: a week.
pub const HOURS: usize = 168;
/// Pairs of pool and zone, zones as a whole among them.
pub const PAIRS_MAX: usize = 4_096;
/// Seconds of a window.
const WINDOW_S: u64 = 10;
/// Days of which the best is kept.
const DAYS: usize = 7;
/// How many buckets above the best a good 95th percentile may lie.
const GOOD_BUCKETS: u8 = 12;
/// Answers that a percentile needs.
const ANSWERS_MIN: u64 = 100;
/// Requests that a verdict needs: fewer fail by chance.
const REQUESTS_MIN: u64 = 100;

/// One pool in one zone in one second, all balancers together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSecond {
    /// Requests whose fate became known.
    pub requests: u64,
    /// Of these, faults.
    pub faults: u64,
    /// Answers by bucket of latency, eight to an octave.
    pub latency: Vec<u32>,
    /// Endpoints that there are.
    pub endpoints: u32,
}

/// The most that was carried well in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarriedOn {
    /// Days since 1970.
    pub day: u64,
    /// Requests in 1,000 seconds.
    pub load: u64,
    /// Endpoints that carried it.
    pub endpoints: u32,
}

/// What is kept of one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptPair {
    /// The most of each hour, with the hour since 1970, oldest first; hours without requests are not there.
    pub hours: Vec<(u64, u64)>,
    /// The most of each day that was good, oldest first.
    pub good: Vec<CarriedOn>,
    /// The best 95th percentile of each hour of the last day, as a bucket.
    pub best: Vec<(u64, u8)>,
    /// The least load that went badly above what goes well, and its hour.
    pub failed: Option<(u64, u64)>,
    /// Endpoints, when last seen.
    pub endpoints: u32,
}

/// What was carried in the last week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// By pool and zone; without a pool: the zone as a whole.
    pairs: BTreeMap<(Option<PoolName>, ZoneId), Pair>,
    left_out: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pair {
    kept: KeptPair,
    window: Window,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Window {
    /// Seconds since 1970, by [`WINDOW_S`].
    number: u64,
    seconds: u64,
    seen: SeenSecond,
}

/// Of pools in a zone: whether all windows that ended together were good.
type Endings = BTreeMap<ZoneId, Ending>;

#[derive(Clone, Copy, Debug)]
struct Ending {
    requests: u64,
    is_good: bool,
    is_judged: bool,
}

impl Week {
    /// What was kept before.
    pub fn restored(pairs: impl IntoIterator<Item = ((Option<PoolName>, ZoneId), KeptPair)>) -> Week {
        let pairs = pairs.into_iter().take(PAIRS_MAX);
        let pairs = pairs.map(|(key, kept)| (key, Pair { kept: kept.bounded(), window: Window::default() }));
        Week { pairs: pairs.collect(), left_out: 0 }
    }

    /// What is to be kept.
    pub fn kept(&self) -> impl Iterator<Item = (&(Option<PoolName>, ZoneId), &KeptPair)> {
        self.pairs.iter().map(|(key, pair)| (key, &pair.kept))
    }

    /// Pairs that were not kept for want of room, since the start.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes in one second of Unix time; each comes once, in order. A second that nobody told of is passed over: its window counts for nothing.
    pub fn take<'a>(
        &mut self,
        second: u64,
        seen: impl IntoIterator<Item = (&'a PoolName, &'a ZoneId, SeenSecond)>,
    ) {
        let mut zones: BTreeMap<ZoneId, SeenSecond> = BTreeMap::new();
        let mut endings = Endings::new();
        for (pool, zone, of) in seen {
            let whole = zones.entry(zone.clone()).or_default();
            whole.requests += of.requests;
            whole.endpoints = whole.endpoints.saturating_add(of.endpoints);
            if let Some(pair) = self.pair((Some(pool.clone()), zone.clone())) {
                pair.window.add(second, &of, |window| {
                    let judged = pair.kept.end(window);
                    let ending = endings.entry(zone.clone()).or_insert(Ending {
                        requests: 0,
                        is_good: true,
                        is_judged: false,
                    });
                    ending.requests += window.seen.requests;
                    if let Some(is_good) = judged {
                        ending.is_good &= is_good;
                        ending.is_judged = true;
                    }
                });
            }
        }
        for (zone, of) in zones {
            let ending = endings.get(&zone).copied();
            if let Some(pair) = self.pair((None, zone)) {
                // A zone is good while every pool in it is.
                let word = ending.filter(|ending| ending.is_judged).map(|ending| ending.is_good);
                pair.window.add(second, &of, |window| _ = pair.kept.note(window, word));
            }
        }
        if second.is_multiple_of(3_600) {
            self.forget(second / 3_600);
        }
    }

    fn pair(&mut self, key: (Option<PoolName>, ZoneId)) -> Option<&mut Pair> {
        if !self.pairs.contains_key(&key) && self.pairs.len() >= PAIRS_MAX {
            self.left_out += 1;
            return None;
        }
        Some(self.pairs.entry(key).or_default())
    }

    /// Lets go of pairs whose last request is a week ago.
    fn forget(&mut self, hour: u64) {
        self.pairs.retain(|_, pair| {
            pair.kept.hours.retain(|(of, _)| of + HOURS as u64 > hour);
            let is_new = pair.window.hour() + 1 >= hour && pair.window.seen.requests > 0;
            is_new || !pair.kept.hours.is_empty()
        });
    }

    /// The loads of the week's hours, oldest first, of what the estate has.
    pub fn hours(&self, estate: &Estate) -> Vec<Hour> {
        let mut hours: BTreeMap<u64, Load> = BTreeMap::new();
        for ((pool, zone), pair) in &self.pairs {
            let Some(pool) = pool else { continue };
            let (Some(pool), Some(zone)) = (estate.pool_named(pool), estate.zone_named(zone)) else {
                continue;
            };
            for (hour, load) in &pair.kept.hours {
                let sum = hours.entry(*hour).or_default().entry((pool, zone)).or_default();
                *sum = (*sum).max(*load);
            }
        }
        hours.into_iter().map(|(hour, load)| Hour { hour, load }).collect()
    }

    /// What was measured, of what the estate has.
    pub fn measured(&self, estate: &Estate) -> Capacities {
        let mut measured = Capacities::default();
        for ((pool, zone), pair) in &self.pairs {
            let Some(zone) = estate.zone_named(zone) else { continue };
            let Some(carries) = pair.kept.carries() else { continue };
            match pool {
                None => _ = measured.zones.insert(zone, carries),
                Some(pool) => {
                    if let Some(pool) = estate.pool_named(pool) {
                        measured.pools.insert((pool, zone), carries);
                    }
                }
            }
        }
        measured
    }
}

impl Window {
    /// Adds a second; `end` is told of a window that is complete.
    fn add(&mut self, second: u64, of: &SeenSecond, end: impl FnOnce(&Window)) {
        let number = second / WINDOW_S;
        if number != self.number || self.seconds >= WINDOW_S {
            *self = Window { number, ..Window::default() };
        }
        self.seconds += 1;
        self.seen.requests += of.requests;
        self.seen.faults += of.faults;
        self.seen.endpoints = of.endpoints;
        if self.seen.latency.len() < of.latency.len() {
            self.seen.latency.resize(of.latency.len(), 0);
        }
        for (sum, count) in self.seen.latency.iter_mut().zip(&of.latency) {
            *sum = sum.saturating_add(*count);
        }
        if self.seconds == WINDOW_S {
            end(self);
        }
    }

    fn hour(&self) -> u64 {
        self.number * WINDOW_S / 3_600
    }

    /// The bucket of the 95th percentile.
    fn p95(&self) -> Option<u8> {
        let answers: u64 = self.seen.latency.iter().map(|count| u64::from(*count)).sum();
        if answers < ANSWERS_MIN {
            return None;
        }
        let mut above = answers / 20;
        for (bucket, count) in self.seen.latency.iter().enumerate().rev() {
            let count = u64::from(*count);
            if count > above {
                return u8::try_from(bucket).ok();
            }
            above -= count;
        }
        None
    }
}

impl KeptPair {
    /// Takes in a window that is complete; says whether it was good, where that can be said.
    fn end(&mut self, window: &Window) -> Option<bool> {
        let word = self.judge(window, window.hour());
        self.note(window, word)
    }

    /// The same, where others say whether it was good.
    fn note(&mut self, window: &Window, word: Option<bool>) -> Option<bool> {
        let hour = window.hour();
        let load = window.seen.requests * 1_000 / WINDOW_S;
        self.endpoints = window.seen.endpoints;
        if load > 0 {
            match self.hours.last_mut() {
                Some((of, most)) if *of == hour => *most = (*most).max(load),
                _ => self.hours.push((hour, load)),
            }
            self.hours.retain(|(of, _)| of + HOURS as u64 > hour);
        }
        self.good.retain(|of| of.day + DAYS as u64 > hour / 24);
        self.failed = self.failed.filter(|(_, of)| of + HOURS as u64 > hour);
        let is_good = word?;
        let most = self.carries().map_or(0, |carries| carries.load);
        if is_good {
            let best = CarriedOn { day: hour / 24, load, endpoints: self.endpoints };
            match self.good.last_mut() {
                Some(of) if of.day == best.day && of.load >= load => {}
                Some(of) if of.day == best.day => *of = best,
                _ => self.good.push(best),
            }
            self.failed = self.failed.filter(|(failed, _)| load < *failed);
        } else if load > most && self.failed.is_none_or(|(failed, _)| load <= failed) {
            self.failed = Some((load, hour));
        }
        Some(is_good)
    }

    fn judge(&mut self, window: &Window, hour: u64) -> Option<bool> {
        let seen = &window.seen;
        self.best.retain(|(of, _)| of + 24 > hour);
        let best = self.best.iter().map(|(_, bucket)| *bucket).min();
        let p95 = window.p95();
        if let Some(p95) = p95 {
            match self.best.last_mut() {
                Some((of, bucket)) if *of == hour => *bucket = (*bucket).min(p95),
                _ => self.best.push((hour, p95)),
            }
        }
        if seen.requests < REQUESTS_MIN {
            return None;
        }
        let is_fast = match (p95, best) {
            (Some(p95), Some(best)) => p95 <= best.saturating_add(GOOD_BUCKETS),
            _ => true,
        };
        Some(is_fast && seen.faults * 100 <= seen.requests)
    }

    /// What it carries with the endpoints that it has now.
    fn carries(&self) -> Option<Carries> {
        let scaled = |of: &CarriedOn| {
            if self.endpoints < of.endpoints {
                (u128::from(of.load) * u128::from(self.endpoints) / u128::from(of.endpoints)) as u64
            } else {
                of.load
            }
        };
        let load = self.good.iter().map(scaled).max().filter(|load| *load > 0)?;
        let failed_at = self.failed.map(|(failed, _)| failed).filter(|failed| *failed > load);
        Some(Carries { load, basis: Basis::Measured, failed_at })
    }

    /// No longer than it would have become here.
    fn bounded(mut self) -> KeptPair {
        self.hours.sort_unstable();
        self.hours.drain(..self.hours.len().saturating_sub(HOURS));
        self.good.sort_unstable_by_key(|of| of.day);
        self.good.drain(..self.good.len().saturating_sub(DAYS));
        self.best.sort_unstable();
        self.best.drain(..self.best.len().saturating_sub(24));
        self
    }
}
