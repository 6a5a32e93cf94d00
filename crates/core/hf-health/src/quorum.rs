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
//! The work is the same whatever the verdicts: two passes over the tables by words of 64 subjects, and a count of heads, bit by bit in parallel, in
//! those words in which checkers disagree.
//!
//! Endpoints under an inverted check show nobody's reach: for 2 they are not looked at.
//!
//! Not here: a checker that finds out by itself that it is cut off (`reach`).

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::Estate;
use hf_model::{NodeId, Share, ZoneId};

use crate::subject::shows_reach;
use crate::table::Table;
use crate::verdict::{Verdict, Verdicts, healthy_above};

/// Words that are gone through together: what is counted of them stays in the processor's nearest memory.
const BLOCK: usize = 32;
/// Bits of a count of heads: 4,095 checkers, eight times as many as a node keeps.
const COUNT_BITS: usize = 12;
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

/// 64 subjects as a vantage zone, or all of them, see them.
#[derive(Clone, Copy, Default)]
struct Seen {
    known: u64,
    some_say_healthy: u64,
    some_say_unhealthy: u64,
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
    let shares = Shares::of(estate);
    let mut of = Vec::with_capacity(count);
    let words = count.div_ceil(64);
    for first in (0..words).step_by(BLOCK) {
        Block::of(&vantages, first..words.min(first + BLOCK)).judge(last, &shares, count, &mut of);
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
    let mut doubted: Vec<(usize, &Table)> = Vec::new();
    for (zone, vantage) in vantages.iter().enumerate() {
        let tables = vantage.tables.iter().filter(|table| sees_nothing(table, vantage));
        doubted.extend(tables.map(|table| (zone, *table)));
    }
    if doubted.is_empty() || vantages.len() < 2 {
        return BTreeSet::new();
    }
    let is_doubted = |table: &Table| doubted.iter().any(|(_, doubted)| doubted.checker == table.checker);
    // What those who are not in doubt know and see answer, zone by zone: a neighbour in the same cut does not speak for the others.
    let trusted: Vec<Vec<(u64, u64)>> = vantages
        .iter()
        .map(|vantage| {
            let mut seen = vec![(0, 0); vantage.outside.len()];
            for table in vantage.tables.iter().filter(|table| !is_doubted(table)) {
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
    let is_contradicted = |zone: usize, table: &Table| {
        let (mut contradicted, mut judged) = (0, 0);
        for (at, outside) in vantages[zone].outside.iter().enumerate() {
            let down = outside & word(table.known.words(), at) & !word(table.healthy.words(), at);
            let others = trusted.iter().enumerate().filter(|(other, _)| *other != zone);
            let (known, healthy) =
                others.fold((0, 0), |(known, healthy), (_, seen)| (known | seen[at].0, healthy | seen[at].1));
            judged += (down & known).count_ones();
            contradicted += (down & healthy).count_ones();
        }
        judged > 0 && contradicted * 2 >= judged
    };
    let cut_off = doubted.iter().filter(|(zone, table)| is_contradicted(*zone, table));
    cut_off.map(|(_, table)| table.checker.clone()).collect()
}

/// From which share of checkers on a subject is healthy: runs of subjects in their order.
struct Shares(Vec<(usize, Share)>);

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
        Shares(runs)
    }

    fn at(&self, subject: usize) -> Share {
        let run = self.0.partition_point(|(end, _)| *end <= subject);
        self.0.get(run).map_or_else(healthy_above, |(_, share)| *share)
    }
}

/// Some words of all tables.
struct Block<'v, 'a> {
    vantages: &'v [Vantage<'a>],
    first: usize,
    len: usize,
    all: [Seen; BLOCK],
    /// Known to two vantage zones, said to be unhealthy by two: each with what one of them says below it.
    knowing: [(u64, u64); BLOCK],
    accusing: [(u64, u64); BLOCK],
    /// Where two other vantage zones know an endpoint, so that its own zone's word does not count.
    without_own: [u64; BLOCK],
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
            all: [Seen::default(); BLOCK],
            knowing: [(0, 0); BLOCK],
            accusing: [(0, 0); BLOCK],
            without_own: [0; BLOCK],
        };
        let seen: Vec<[Seen; BLOCK]> = vantages.iter().map(|vantage| block.seen_from(vantage)).collect();
        for at in 0..block.len {
            let mut others = (0, 0);
            for (vantage, seen) in vantages.iter().zip(&seen) {
                one_more(&mut others, seen[at].known & !word(&vantage.own, block.first + at));
            }
            block.without_own[at] = others.1;
            for (vantage, seen) in vantages.iter().zip(&seen) {
                let counts = block.counting(vantage, at);
                let all = &mut block.all[at];
                all.known |= seen[at].known & counts;
                all.some_say_healthy |= seen[at].some_say_healthy & counts;
                all.some_say_unhealthy |= seen[at].some_say_unhealthy & counts;
                one_more(&mut block.knowing[at], seen[at].known & counts);
                one_more(&mut block.accusing[at], seen[at].some_say_unhealthy & counts);
            }
        }
        block
    }

    fn seen_from(&self, vantage: &Vantage<'_>) -> [Seen; BLOCK] {
        let mut seen = [Seen::default(); BLOCK];
        for table in &vantage.tables {
            let (known, healthy) = self.words_of(table);
            for (seen, (known, healthy)) in seen.iter_mut().zip(known.iter().zip(healthy)) {
                seen.known |= known;
                seen.some_say_healthy |= known & healthy;
                seen.some_say_unhealthy |= known & !healthy;
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

    fn judge(&self, last: &Verdicts, shares: &Shares, count: usize, of: &mut Vec<Verdict>) {
        let disputed = |at: usize| {
            let seen = &self.all[at];
            // What one vantage zone alone says of what several know kills nothing, and need not be counted.
            let enough = self.accusing[at].1 | !self.knowing[at].1;
            seen.some_say_healthy & seen.some_say_unhealthy & enough
        };
        let mut heads = None;
        for at in 0..self.len {
            let seen = &self.all[at];
            let disputed = disputed(at);
            let first = (self.first + at) * 64;
            for bit in 0..count.saturating_sub(first).min(64) {
                let is_set = |word: u64| word >> bit & 1 == 1;
                of.push(if !is_set(seen.known) {
                    last.get(first + bit)
                } else if is_set(disputed) {
                    let heads = heads.get_or_insert_with(|| self.count_heads());
                    let (knowing, healthy) = heads.of(at, bit);
                    let is_healthy = Share::of(healthy, knowing) > shares.at(first + bit);
                    if is_healthy { Verdict::Healthy } else { Verdict::Unhealthy }
                } else if is_set(seen.some_say_healthy) {
                    Verdict::Healthy
                } else {
                    Verdict::Unhealthy
                });
            }
        }
    }

    fn count_heads(&self) -> Heads {
        let mut heads = Heads { known: [[0; BLOCK]; COUNT_BITS], healthy: [[0; BLOCK]; COUNT_BITS] };
        for vantage in self.vantages {
            let mut counts = [0; BLOCK];
            for (at, counts) in counts.iter_mut().enumerate().take(self.len) {
                *counts = self.counting(vantage, at);
            }
            for table in &vantage.tables {
                let (known, healthy) = self.words_of(table);
                let mut carry = [[0; BLOCK]; 2];
                for (at, (known, healthy)) in known.iter().zip(healthy).enumerate() {
                    carry[0][at] = known & counts[at];
                    carry[1][at] = known & healthy & counts[at];
                }
                let [known, healthy] = carry;
                add(&mut heads.known, known);
                add(&mut heads.healthy, healthy);
            }
        }
        heads
    }
}

/// Counts of 64 subjects at a time: the bit of each count that is worth 1 in the first row, 2 in the second, and so on.
struct Heads {
    known: [[u64; BLOCK]; COUNT_BITS],
    healthy: [[u64; BLOCK]; COUNT_BITS],
}

/// Adds one where a bit is set; a count that is full stays.
fn add(counts: &mut [[u64; BLOCK]; COUNT_BITS], mut carry: [u64; BLOCK]) {
    for row in counts {
        let mut left = 0;
        for (bits, carry) in row.iter_mut().zip(&mut carry) {
            let over = *bits & *carry;
            *bits ^= *carry;
            *carry = over;
            left |= over;
        }
        if left == 0 {
            return;
        }
    }
}

impl Heads {
    fn of(&self, at: usize, bit: usize) -> (u64, u64) {
        let count = |rows: &[[u64; BLOCK]; COUNT_BITS]| {
            rows.iter().enumerate().map(|(worth, row)| (row[at] >> bit & 1) << worth).sum()
        };
        (count(&self.known), count(&self.healthy))
    }
}

#[cfg(test)]
mod tests;
