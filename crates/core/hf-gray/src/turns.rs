//! Trouble that goes round in one zone: restarts of one endpoint after the other, and storms of short pauses.
//!
//! A zone's trouble comes to its endpoints at once and stays. Restarts come to one endpoint while the others are well, then to the next; pauses come to
//! some, and they are whole again within seconds. In a zone of few endpoints either is many of its requests, so breadth alone does not tell them apart.
//!
//! 1. Each endpoint has a cumulative sum in each stream. Where that was nothing last, its trouble began.
//! 2. Trouble *goes round* for [`TURNS_S`] after an endpoint was surely alone with young trouble: what the rest counted since is too little even for
//!    half of the endpoints to be in it.
//! 3. While it does, young trouble is no evidence yet: of an endpoint that has been in trouble for less than [`Config::young_s`], in whatever stream,
//!    nothing counts. Trouble that stays is found late, then, and trouble that moves on never, however often it does.
//! 4. What comes to three quarters of the endpoints within [`BURST_S`] is no restart, and counts.
//! 5. The zone *pauses* for [`PAUSES_S`] after a good part of its answers were slow for a moment, and then none. While it does, its slowness is no
//!    evidence before it is old in the same way; faults are. This goes by the zone's sums, since an endpoint with few requests seems ill for long.
//!
//! Not here: the evidence (`stream`), marks of deployments, which are told from outside.

use std::collections::VecDeque;

use crate::Config;
use crate::stream::{Count, log_ratio};

/// How long one endpoint alone in trouble makes the next ones look like its successors.
const TURNS_S: u32 = 45;
/// A stall that was shorter is a pause.
const PAUSE_S: u32 = 6;
/// And so many of the zone's answers were slow: those of half of the endpoints, about. A slow tail is less.
const STALL: f64 = 0.35;
/// How long a pause is remembered.
const PAUSES_S: u32 = 60;
/// Seconds within which trouble comes to all endpoints of a zone that fails.
const BURST_S: u32 = 4;
/// Trouble for a cumulative sum: so much of the way from the tolerated rate to one.
const ALTERNATIVE: f64 = 0.3;
/// The same for answers that are usually one in twenty and one in a hundred: warming up, an endpoint has some more of them.
const ALTERNATIVE_OF_TAIL: f64 = 0.08;
/// The first stream of those.
const TAIL: usize = 2;
/// A cumulative sum heaps up so far, so that it melts soon afterwards.
const MOST: f64 = 4.0;
/// Evidence of an endpoint's trouble that is enough: it is in trouble.
const SURE: f64 = 4.0;
/// Evidence that it is alone with it.
const ALONE: f64 = 4.6;

/// Trouble of one endpoint in one stream.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// The cumulative sum.
    sum: f64,
    /// Seconds since it was nothing, and until it grew last.
    age_s: u32,
    lasted_s: u32,
    /// Counted since.
    count: Count,
    /// The same when it grew last.
    grown: Count,
    /// How much likelier the count is at its own rate than at the tolerated one.
    likelier: f64,
    /// Whether it was ever certain.
    is_sure: bool,
}

impl Trouble {
    /// Takes a second; whether the trouble grew.
    fn step(&mut self, count: Count, tolerated: f64, alternative: f64) -> bool {
        let p0 = tolerated.clamp(1e-4, 0.9);
        let more = log_ratio(count, p0, p0 + alternative * (1.0 - p0));
        self.sum = (self.sum + more).min(MOST);
        if self.sum <= 0.0 {
            *self = Trouble::default();
            return false;
        }
        self.age_s += 1;
        self.count.bad += count.bad;
        self.count.all += count.all;
        let rate = (self.count.bad / self.count.all.max(1e-9)).clamp(p0, 1.0 - 1e-6);
        self.likelier = log_ratio(self.count, p0, rate);
        self.is_sure |= self.likelier >= SURE;
        if more > 0.0 {
            self.lasted_s = self.age_s;
            self.grown = self.count;
        }
        more > 0.0
    }

    fn is_now(&self) -> bool {
        self.sum > 0.0 && self.likelier >= SURE
    }

    fn is_young(&self, young_s: u32) -> bool {
        self.is_now() && self.age_s <= young_s
    }

    /// Whether this, which is over, was a pause.
    fn was_pause(&self) -> bool {
        self.is_sure && self.lasted_s <= PAUSE_S && self.grown.bad >= STALL * self.grown.all
    }
}

/// The troubles of one zone.
#[derive(Clone, Debug)]
pub struct Turns {
    young_s: u32,
    /// By stream and endpoint.
    troubles: Vec<Vec<Trouble>>,
    /// By stream, that of the zone as a whole.
    whole: Vec<Trouble>,
    /// By stream, what the zone counted in all at the end of each of the last seconds, the newest last.
    sums: Vec<VecDeque<Count>>,
    /// Seconds for which trouble goes round.
    turns_s: u32,
    /// Seconds for which the zone pauses.
    pauses_s: u32,
}

impl Turns {
    pub fn new(streams: usize, endpoints: usize, config: &Config) -> Turns {
        Turns {
            young_s: config.young_s,
            troubles: vec![vec![Trouble::default(); endpoints]; streams],
            whole: vec![Trouble::default(); streams],
            sums: vec![VecDeque::from([Count::default()]); streams],
            turns_s: 0,
            pauses_s: 0,
        }
    }

    /// The same past for other endpoints: each is one that was, or new.
    pub fn carried_over(&self, was: &[Option<usize>]) -> Turns {
        let of = |old: &Vec<Trouble>| -> Vec<Trouble> {
            was.iter().map(|was| was.and_then(|at| old.get(at).copied()).unwrap_or_default()).collect()
        };
        Turns { troubles: self.troubles.iter().map(of).collect(), ..self.clone() }
    }

    /// Takes a second of one stream: what each endpoint counted, and the zone's tolerated and usual rates. Streams come in their order.
    pub fn step(&mut self, stream: usize, counts: impl Iterator<Item = Count>, tolerated: f64, usual: f64) {
        if stream == 0 {
            self.turns_s = self.turns_s.saturating_sub(1);
            self.pauses_s = self.pauses_s.saturating_sub(1);
        }
        let counts: Vec<Count> = counts.collect();
        let mut second = Count::default();
        for count in &counts {
            second.bad += count.bad;
            second.all += count.all;
        }
        let sums = &mut self.sums[stream];
        let before = sums.back().copied().unwrap_or_default();
        sums.push_back(Count { bad: before.bad + second.bad, all: before.all + second.all });
        if sums.len() > self.young_s as usize + 1 {
            sums.pop_front();
        }
        if stream > 0 {
            let before = self.whole[stream];
            self.whole[stream].step(second, tolerated, ALTERNATIVE);
            if self.whole[stream].age_s == 0 && before.was_pause() {
                self.pauses_s = PAUSES_S;
            }
        }
        let endpoints = counts.len();
        let alternative = if stream < TAIL { ALTERNATIVE } else { ALTERNATIVE_OF_TAIL };
        for (trouble, count) in self.troubles[stream].iter_mut().zip(&counts) {
            let has_grown = trouble.step(*count, tolerated, alternative);
            let is_young = trouble.is_sure && trouble.age_s <= self.young_s;
            if has_grown && is_young && is_alone(trouble, sums, endpoints, usual) {
                self.turns_s = TURNS_S;
            }
        }
    }

    /// Endpoints of which nothing counts now in this stream; after every stream's second.
    pub fn left_out(&self, stream: usize) -> Vec<usize> {
        let is_paused = |whole: &Trouble| whole.is_young(self.young_s);
        if stream > 0 && self.pauses_s > 0 && self.whole.iter().any(is_paused) {
            return (0..self.troubles[stream].len()).collect();
        }
        let mut left_out = Vec::new();
        if !self.go_round() {
            return left_out;
        }
        for troubles in self.troubles.iter().filter(|troubles| !is_burst(troubles)) {
            left_out.extend((0..troubles.len()).filter(|of| troubles[*of].is_young(self.young_s)));
        }
        left_out.sort_unstable();
        left_out.dedup();
        left_out
    }

    /// Of how many endpoints something does not count now.
    pub fn left_out_count(&self) -> usize {
        (0..self.troubles.len()).map(|stream| self.left_out(stream).len()).max().unwrap_or(0)
    }

    /// Whether trouble came to most of the zone at once in any stream: then it counts though trouble goes round.
    pub fn is_burst_now(&self) -> bool {
        self.troubles.iter().any(|troubles| is_burst(troubles))
    }

    /// Whether trouble goes round.
    pub fn go_round(&self) -> bool {
        self.turns_s > 0
    }
}

/// Whether the rest of the zone counted too little, since this trouble began, for half of the endpoints to be in it.
fn is_alone(trouble: &Trouble, sums: &VecDeque<Count>, endpoints: usize, usual: f64) -> bool {
    let Some(before) = sums.len().checked_sub(1 + trouble.age_s as usize).and_then(|at| sums.get(at)) else {
        return false;
    };
    let Some(newest) = sums.back() else { return false };
    if endpoints < 2 {
        return false;
    }
    let bad = (newest.bad - before.bad - trouble.count.bad).max(0.0);
    let all = newest.all - before.all - trouble.count.all;
    if all < 1.0 {
        return false;
    }
    let surely = (trouble.count.bad - trouble.count.bad.sqrt()) / trouble.count.all.max(1.0);
    // Half of all, itself among them, as a part of the rest.
    let others_in_half = endpoints.div_ceil(2).saturating_sub(1).max(1);
    let half = usual + (surely - usual) * others_in_half as f64 / (endpoints - 1) as f64;
    let rate = (bad / all).clamp(1e-6, 1.0 - 1e-6);
    half > rate && half < 1.0 && log_ratio(Count { bad, all }, half, rate) >= ALONE
}

/// Whether three quarters of the endpoints came into this trouble at once.
fn is_burst(troubles: &[Trouble]) -> bool {
    let mut ages: Vec<u32> = troubles.iter().filter(|of| of.is_now()).map(|of| of.age_s).collect();
    ages.sort_unstable();
    let most = ages.iter().enumerate().map(|(at, age)| {
        let within = ages[at..].iter().take_while(|of| **of - age <= BURST_S);
        within.count()
    });
    most.max().unwrap_or(0) * 4 >= troubles.len() * 3
}

#[cfg(test)]
mod tests;
