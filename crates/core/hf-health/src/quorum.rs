//! Several checkers' tables to one verdict for each subject.
//!
//! 1. A subject is healthy while more than the stated share of the checkers that know it say so (`HealthCheck::quorum`, 18 % unless told
//!    otherwise). Low on purpose: a part of the checkers cannot kill an endpoint.
//! 2. A checker that is cut off counts for nothing: it sees nearly everything outside its zone down, while checkers of other zones, not cut off
//!    themselves, see most of it answer. Where all checkers are in that place nobody is left out: then the fault may be anybody's. As in 4, no zone's
//!    word on its own endpoints counts there.
//! 3. An endpoint is down only where two vantage zones say so, if two know it; else by the one. Many checkers in one zone are one view.
//! 4. Where two other vantage zones know an endpoint, its own zone's checkers have no say: a zone reaches itself while nobody else does, and its last
//!    word is fresh for some beats after it died.
//! 5. A subject that no table knows keeps its last verdict.
//!
//! The work is the same whoever is healthy: a pass over the tables by blocks of words of 64 subjects, and a second one, a count of heads ([`heads`]), of
//! those blocks in which checkers disagree.
//!
//! Endpoints under an inverted check show nobody's reach: for 2 they are not looked at.
//!
//! Not here: a checker that finds out by itself that it is cut off (`reach`).

mod heads;

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::Estate;
use hf_model::{NodeId, Share, ZoneId};

use self::heads::{BLOCK, Bits, Counted, Counter};
use crate::subject::shows_reach;
use crate::table::Table;
use crate::verdict::{Verdict, Verdicts, healthy_above};

/// One in so many endpoints outside may answer a checker that is cut off: a stale result, an endpoint beside the cut.
const STRAYS: u32 = 16;

/// What became of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// One for each subject.
    pub verdicts: Verdicts,
    /// Checkers whose word counts for nothing, since they are cut off.
    pub cut_off: BTreeSet<NodeId>,
}

/// The checkers of one zone.
struct Vantage<'a> {
    tables: Vec<&'a Table>,
    /// The endpoints of that zone.
    own: Vec<u64>,
    /// The endpoints of other zones whose results show what is reached, and how many.
    outside: Vec<u64>,
    outside_count: u32,
}

/// The subjects of a block as a vantage zone, or all of them, see them.
#[derive(Clone, Copy, Default)]
struct Seen {
    known: Bits,
    some_say_healthy: Bits,
    some_say_unhealthy: Bits,
}

/// Merges fresh tables of this estate into `last`.
pub(crate) fn merge(last: &Verdicts, estate: &Estate, tables: &[&Table]) -> Merged {
    let mut vantages = vantages(estate, tables);
    let cut_off = cut_off(&vantages);
    for vantage in &mut vantages {
        vantage.tables.retain(|table| !cut_off.contains(&table.checker));
    }
    vantages.retain(|vantage| !vantage.tables.is_empty());
    let count = estate.subject_count();
    let mut shares = Shares::of(estate);
    let mut of = Vec::with_capacity(count);
    let words = count.div_ceil(64);
    for first in (0..words).step_by(BLOCK) {
        Block::of(&vantages, first..words.min(first + BLOCK)).judge(last, &mut shares, count, &mut of);
    }
    Merged { verdicts: Verdicts { of }, cut_off }
}

fn vantages<'a>(estate: &Estate, tables: &[&'a Table]) -> Vec<Vantage<'a>> {
    let mut by_zone: BTreeMap<&ZoneId, Vec<&Table>> = BTreeMap::new();
    for table in tables {
        by_zone.entry(&table.zone).or_default().push(table);
    }
    // A zone may be called by its aliases, too.
    let mut by_place: BTreeMap<_, Vantage<'a>> = BTreeMap::new();
    let words = estate.endpoint_count().div_ceil(64);
    for (zone, tables) in by_zone {
        let place = estate.zone_named(zone);
        let key = (place, place.is_none().then_some(zone));
        let vantage = by_place.entry(key).or_insert_with(|| Vantage {
            tables: Vec::new(),
            own: vec![0; words],
            outside: Vec::new(),
            outside_count: 0,
        });
        vantage.tables.extend(tables);
    }
    // Checks that stand by themselves are in no zone.
    let mut showing = vec![0; words];
    for (at, endpoint) in estate.endpoint_refs().enumerate() {
        showing[at / 64] |= u64::from(shows_reach(estate, endpoint.pool)) << (at % 64);
        if let Some(vantage) = by_place.get_mut(&(Some(estate.endpoint(endpoint).zone), None)) {
            vantage.own[at / 64] |= 1 << (at % 64);
        }
    }
    let mut vantages: Vec<Vantage<'a>> = by_place.into_values().collect();
    for vantage in &mut vantages {
        vantage.outside = showing.iter().zip(&vantage.own).map(|(showing, own)| showing & !own).collect();
        vantage.outside_count = vantage.outside.iter().map(|word| word.count_ones()).sum();
    }
    vantages
}

fn word(words: &[u64], at: usize) -> u64 {
    // A table that is shorter than the estate knows nothing of the rest.
    words.get(at).copied().unwrap_or(0)
}

/// Whether a checker sees nearly nothing outside its zone answer. Most are found to see enough within their first words.
fn sees_nothing(table: &Table, vantage: &Vantage<'_>) -> bool {
    let (mut known, mut healthy) = (0_u32, 0_u32);
    for (at, outside) in vantage.outside.iter().enumerate() {
        let outside = outside & word(table.known.words(), at);
        known += outside.count_ones();
        healthy += (outside & word(table.healthy.words(), at)).count_ones();
        if healthy * STRAYS > vantage.outside_count {
            return false;
        }
    }
    known > 0 && healthy * STRAYS <= known
}

fn cut_off(vantages: &[Vantage<'_>]) -> BTreeSet<NodeId> {
    // Of each zone those who see nothing outside, and those who do.
    let parts: Vec<(Vec<&Table>, Vec<&Table>)> = vantages
        .iter()
        .map(|vantage| vantage.tables.iter().partition(|table| sees_nothing(table, vantage)))
        .collect();
    if vantages.len() < 2 || parts.iter().all(|(doubted, _)| doubted.is_empty()) {
        return BTreeSet::new();
    }
    // What those who are not in doubt know and see answer, zone by zone: a neighbour in the same cut does not speak for the others.
    let trusted: Vec<Vec<(u64, u64)>> = vantages
        .iter()
        .zip(&parts)
        .map(|(vantage, (_, trusted))| {
            let mut seen = vec![(0, 0); vantage.outside.len()];
            for table in trusted {
                for (at, (known, healthy)) in seen.iter_mut().enumerate() {
                    // A zone reaches itself while nobody else does: that shows nothing of who asks from outside.
                    let told = word(table.known.words(), at) & !word(&vantage.own, at);
                    *known |= told;
                    *healthy |= told & word(table.healthy.words(), at);
                }
            }
            seen
        })
        .collect();
    let mut cut_off = BTreeSet::new();
    for (zone, (doubted, _)) in parts.iter().enumerate().filter(|(_, (doubted, _))| !doubted.is_empty()) {
        let mut others = vec![(0, 0); vantages[zone].outside.len()];
        for (_, seen) in trusted.iter().enumerate().filter(|(other, _)| *other != zone) {
            for (others, seen) in others.iter_mut().zip(seen) {
                *others = (others.0 | seen.0, others.1 | seen.1);
            }
        }
        let is_contradicted = |table: &Table| {
            let (mut contradicted, mut judged) = (0, 0);
            for (at, (outside, (known, healthy))) in vantages[zone].outside.iter().zip(&others).enumerate() {
                let down = outside & word(table.known.words(), at) & !word(table.healthy.words(), at);
                judged += (down & known).count_ones();
                contradicted += (down & healthy).count_ones();
            }
            judged > 0 && contradicted * 2 >= judged
        };
        let found = doubted.iter().filter(|table| is_contradicted(table));
        cut_off.extend(found.map(|table| table.checker.clone()));
    }
    cut_off
}

/// From which share of checkers on a subject is healthy: runs of subjects in their order, and where the reader is.
struct Shares {
    runs: Vec<(usize, Share)>,
    at: usize,
}

impl Shares {
    fn of(estate: &Estate) -> Shares {
        let mut runs: Vec<(usize, Share)> = Vec::new();
        let mut end = 0;
        for pool in &estate.pools {
            end += pool.endpoints.len();
            let check = pool.health_check.and_then(|check| estate.health_checks.get(check.at()));
            runs.push((end, check.map_or_else(healthy_above, |check| check.quorum)));
        }
        for check in &estate.health_checks {
            end += 1;
            runs.push((end, check.quorum));
        }
        Shares { runs, at: 0 }
    }

    /// Of a subject; they are asked for in their order.
    fn next(&mut self, subject: usize) -> Share {
        while self.runs.get(self.at).is_some_and(|(end, _)| *end <= subject) {
            self.at += 1;
        }
        self.runs.get(self.at).map_or_else(healthy_above, |(_, share)| *share)
    }
}

/// Whether `healthy` of `knowing` are more than this share, rounded down: [`Share::of`] without its division.
fn is_more(healthy: u16, knowing: u16, share: Share) -> bool {
    u64::from(healthy) * 1_000_000 >= (u64::from(share.ppm()) + 1) * u64::from(knowing)
}

/// Some words of all tables.
struct Block<'v, 'a> {
    vantages: &'v [Vantage<'a>],
    first: usize,
    len: usize,
    all: Seen,
    /// Known to two vantage zones, said to be unhealthy by two: each with what one of them says below it.
    knowing: [(u64, u64); BLOCK],
    accusing: [(u64, u64); BLOCK],
    /// Where two other vantage zones know an endpoint, so that its own zone's word does not count.
    without_own: Bits,
}

fn one_more((one, two): &mut (u64, u64), more: u64) {
    *two |= *one & more;
    *one |= more;
}

impl<'v, 'a> Block<'v, 'a> {
    fn of(vantages: &'v [Vantage<'a>], words: std::ops::Range<usize>) -> Block<'v, 'a> {
        let mut block = Block {
            vantages,
            first: words.start,
            len: words.len(),
            all: Seen::default(),
            knowing: [(0, 0); BLOCK],
            accusing: [(0, 0); BLOCK],
            without_own: [0; BLOCK],
        };
        let seen: Vec<Seen> = vantages.iter().map(|vantage| block.seen_from(vantage)).collect();
        for at in 0..block.len {
            let mut others = (0, 0);
            for (vantage, seen) in vantages.iter().zip(&seen) {
                one_more(&mut others, seen.known[at] & !word(&vantage.own, block.first + at));
            }
            block.without_own[at] = others.1;
            for (vantage, seen) in vantages.iter().zip(&seen) {
                let counts = block.counting(vantage, at);
                block.all.known[at] |= seen.known[at] & counts;
                block.all.some_say_healthy[at] |= seen.some_say_healthy[at] & counts;
                block.all.some_say_unhealthy[at] |= seen.some_say_unhealthy[at] & counts;
                one_more(&mut block.knowing[at], seen.known[at] & counts);
                one_more(&mut block.accusing[at], seen.some_say_unhealthy[at] & counts);
            }
        }
        block
    }

    fn seen_from(&self, vantage: &Vantage<'_>) -> Seen {
        let mut seen = Seen::default();
        for table in &vantage.tables {
            let (known, healthy) = self.words_of(table);
            let mut seen =
                seen.known.iter_mut().zip(&mut seen.some_say_healthy).zip(&mut seen.some_say_unhealthy);
            for (known, healthy) in known.iter().zip(healthy) {
                let Some(((seen_known, said_healthy), said_unhealthy)) = seen.next() else { break };
                *seen_known |= known;
                *said_healthy |= known & healthy;
                *said_unhealthy |= known & !healthy;
            }
        }
        seen
    }

    fn words_of<'t>(&self, table: &'t Table) -> (&'t [u64], &'t [u64]) {
        let cut = |words: &'t [u64]| {
            let end = words.len().min(self.first + self.len);
            words.get(self.first..end).unwrap_or_default()
        };
        (cut(table.known.words()), cut(table.healthy.words()))
    }

    /// Of which subjects a vantage zone's word counts.
    fn counting(&self, vantage: &Vantage<'_>, at: usize) -> u64 {
        !(word(&vantage.own, self.first + at) & self.without_own[at])
    }

    fn judge(&self, last: &Verdicts, shares: &mut Shares, count: usize, of: &mut Vec<Verdict>) {
        let mut heads = None;
        for at in 0..self.len {
            let first = (self.first + at) * 64;
            let len = count.saturating_sub(first).min(64);
            // What one vantage zone alone says of what several know kills nothing, and need not be counted.
            let enough = self.accusing[at].1 | !self.knowing[at].1;
            let disputed = self.all.some_say_healthy[at] & self.all.some_say_unhealthy[at] & enough;
            let mut healthy = self.all.some_say_healthy[at];
            if disputed != 0 {
                let heads = heads.get_or_insert_with(|| self.count_heads());
                let by_count = heads.enough(at, |bit| shares.next(first + bit));
                healthy = (healthy & !disputed) | (by_count & disputed);
            }
            let known = self.all.known[at];
            of.extend((0..len).map(|bit| match (known >> bit & 1, healthy >> bit & 1) {
                (0, _) => last.get(first + bit),
                (_, 0) => Verdict::Unhealthy,
                _ => Verdict::Healthy,
            }));
        }
    }

    fn count_heads(&self) -> Heads {
        let (mut knowing, mut healthy) = (Counter::new(), Counter::new());
        for vantage in self.vantages {
            let mut counts = [0; BLOCK];
            for (at, counts) in counts.iter_mut().enumerate().take(self.len) {
                *counts = self.counting(vantage, at);
            }
            for table in &vantage.tables {
                let told = self.words_of(table);
                let (mut knows, mut says) = ([0; BLOCK], [0; BLOCK]);
                let words = told.0.iter().zip(told.1).zip(&counts);
                for ((knows, says), ((known, healthy), counts)) in knows.iter_mut().zip(&mut says).zip(words)
                {
                    *knows = known & counts;
                    *says = known & healthy & counts;
                }
                knowing.add(&knows);
                healthy.add(&says);
            }
        }
        Heads { knowing: knowing.counted(), healthy: healthy.counted() }
    }
}

/// How many know each subject, and how many of them say that it is healthy.
struct Heads {
    knowing: Counted,
    healthy: Counted,
}

impl Heads {
    /// The subjects of a word of which more than their share say that they are healthy.
    fn enough(&self, at: usize, mut share: impl FnMut(usize) -> Share) -> u64 {
        let counts = self.healthy.of_word(at).into_iter().zip(self.knowing.of_word(at));
        let is_set = counts
            .enumerate()
            .map(|(bit, (healthy, knowing))| u64::from(is_more(healthy, knowing, share(bit))) << bit);
        is_set.fold(0, |word, bit| word | bit)
    }
}

#[cfg(test)]
pub(crate) mod tests;
