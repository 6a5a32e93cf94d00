//! The quorum's word on every endpoint, and on every health check that stands by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::{Estate, HealthCheck};
use hf_model::{NodeId, Share, Timestamp};

use crate::majority;
use crate::quorum::{self, Merged};
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

/// An endpoint without a health check of its own in the estate is healthy while more than this share of the checkers that know it say so.
pub fn healthy_above() -> Share {
    HealthCheck::quorum_default()
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

    /// Merges the newest table of each checker, by the rules of [`crate::quorum`], and has majorities of checks decide ([`crate::majority`]).
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
        self.merge_and_tell(estate, tables, now, fresh).verdicts
    }

    /// As [`Verdicts::merge`], with the checkers whose word did not count.
    #[must_use]
    pub fn merge_and_tell(
        &self,
        estate: &Estate,
        tables: &BTreeMap<NodeId, (Timestamp, Table)>,
        now: Timestamp,
        fresh: Duration,
    ) -> Merged {
        let is_fresh = |(received, table): &&(Timestamp, Table)| {
            now.since(*received) <= fresh && table.estate == estate.digest
        };
        let fresh: Vec<&Table> = tables.values().filter(is_fresh).map(|(_, table)| table).collect();
        let mut merged = quorum::merge(self, estate, &fresh);
        let counts = |table: &&&Table| !merged.cut_off.contains(&table.checker);
        let counting: Vec<&Table> = fresh.iter().filter(counts).copied().collect();
        majority::decide(&mut merged.verdicts, estate, &counting);
        merged
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

#[cfg(test)]
mod tests;
