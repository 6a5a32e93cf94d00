//! The quorum's word on every endpoint, and on every health check that stands by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_model::{NodeId, Share, Timestamp};

use crate::subject::subjects;
use crate::table::{Bitmap, Table};

/// What the quorum makes of one subject: an endpoint, or a health check that stands by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Enough checkers see it answer.
    Healthy,
    /// Too few do.
    Unhealthy,
    /// Nobody has ever said: counts as healthy.
    Unknown,
}

/// One verdict for each subject, in the order of `Estate::subject_count`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// One for each subject.
    pub of: Vec<Verdict>,
}

/// An endpoint is healthy while more than this share of the checkers that know it say so.
///
/// 18 %, Route 53's figure: the Amazon Route 53 developer guide, "How Route 53 determines whether a health check is healthy".
pub fn healthy_above() -> Share {
    Share::from_ppm(180_000).expect("under a million")
}

impl Verdicts {
    /// Nobody has said anything about `count` subjects.
    pub fn unknown(count: usize) -> Self {
        Verdicts { of: vec![Verdict::Unknown; count] }
    }

    /// The verdict on the subject at this position; unknown beyond the end.
    pub fn get(&self, at: usize) -> Verdict {
        self.of.get(at).copied().unwrap_or(Verdict::Unknown)
    }

    /// Merges the newest table of each checker.
    ///
    /// Tables of another estate version or not received within `fresh` of `now` (by the receiver's clock, in the
    /// map's value) count as missing. Where no fresh table knows an endpoint, `self`'s verdict holds.
    #[must_use]
    pub fn merge(
        &self,
        estate: &Estate,
        tables: &BTreeMap<NodeId, (Timestamp, Table)>,
        now: Timestamp,
        fresh: Duration,
    ) -> Verdicts {
        let fresh: Vec<&Table> = tables
            .values()
            .filter(|(received, table)| now.since(*received) <= fresh && table.estate == estate.digest)
            .map(|(_, table)| table)
            .collect();
        let count = estate.subject_count();
        let mut of = Vec::with_capacity(count);
        for first in (0..count).step_by(64) {
            let word = Word::of(&fresh, first / 64);
            of.extend(
                (first..count.min(first + 64)).map(|at| word.judge(&fresh, at).unwrap_or(self.get(at))),
            );
        }
        Verdicts { of }
    }

    /// Carries verdicts over to a new version of the estate: the same pool and address, or name of a check, keeps its verdict.
    #[must_use]
    pub fn carried_over(&self, from: &Estate, to: &Estate) -> Verdicts {
        let old: BTreeMap<_, _> = subjects(from).enumerate().map(|(at, key)| (key, self.get(at))).collect();
        let of = subjects(to).map(|key| old.get(&key).copied().unwrap_or(Verdict::Unknown)).collect();
        Verdicts { of }
    }

    /// As two bitmaps (known, healthy), for disk and wire.
    pub fn to_bitmaps(&self) -> (Bitmap, Bitmap) {
        let (mut known, mut healthy) = (Bitmap::new(self.of.len()), Bitmap::new(self.of.len()));
        for (at, verdict) in self.of.iter().enumerate() {
            known.set(at, *verdict != Verdict::Unknown);
            healthy.set(at, *verdict == Verdict::Healthy);
        }
        (known, healthy)
    }

    /// From two bitmaps of one length.
    pub fn from_bitmaps(known: &Bitmap, healthy: &Bitmap) -> Self {
        let of = (0..known.len())
            .map(|at| match (known.get(at), healthy.get(at)) {
                (false, _) => Verdict::Unknown,
                (true, true) => Verdict::Healthy,
                (true, false) => Verdict::Unhealthy,
            })
            .collect();
        Verdicts { of }
    }
}

/// 64 endpoints as all fresh tables see them. Checkers agree on nearly every endpoint nearly always, so that
/// counting heads is left for the few on which they do not.
struct Word {
    known: u64,
    some_say_healthy: u64,
    some_say_unhealthy: u64,
}

impl Word {
    fn of(fresh: &[&Table], at: usize) -> Word {
        let mut all = Word { known: 0, some_say_healthy: 0, some_say_unhealthy: 0 };
        for table in fresh {
            // A table that is shorter than the estate knows nothing of the rest.
            let known = table.known.words().get(at).copied().unwrap_or(0);
            let healthy = table.healthy.words().get(at).copied().unwrap_or(0);
            all.known |= known;
            all.some_say_healthy |= known & healthy;
            all.some_say_unhealthy |= known & !healthy;
        }
        all
    }

    /// The verdict on the endpoint at position `at` of the estate; none if no table knows it.
    fn judge(&self, fresh: &[&Table], at: usize) -> Option<Verdict> {
        let is_set = |word: u64| word >> (at % 64) & 1 == 1;
        match (is_set(self.known), is_set(self.some_say_healthy), is_set(self.some_say_unhealthy)) {
            (false, _, _) => None,
            (true, true, false) => Some(Verdict::Healthy),
            (true, false, _) => Some(Verdict::Unhealthy),
            (true, true, true) => Some(count_heads(fresh, at)),
        }
    }
}

fn count_heads(fresh: &[&Table], at: usize) -> Verdict {
    let knowing = fresh.iter().filter(|table| table.known.get(at)).count() as u64;
    let healthy = fresh.iter().filter(|table| table.known.get(at) && table.healthy.get(at)).count() as u64;
    if Share::of(healthy, knowing) > healthy_above() { Verdict::Healthy } else { Verdict::Unhealthy }
}

#[cfg(test)]
mod tests;
