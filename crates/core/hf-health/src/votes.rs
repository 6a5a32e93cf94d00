//! Who says what of one subject, and whose word counts: the quorum opened for whoever asks why.
//!
//! 1. Checkers of one zone that say the same, and weigh the same, are one line: of a thousand checkers the first [`NAMED`] are named.
//! 2. Whose word does not count is told with the reason: what the rules of [`crate::quorum`] left out.
//! 3. A checker that is heard and has no result says nothing; it is not listed. Very many endpoints are dealt out to a part of the checkers.
//!
//! Not here: the verdict (`quorum`), how it reads (`hf-control-plane`, `api::explain`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::Estate;
use hf_model::{NodeId, Timestamp, ZoneId};

use crate::table::Table;
use crate::verdict::Verdict;

/// Checkers of one line that are named.
pub const NAMED: usize = 4;

/// What became of a checker's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weighs {
    /// It counts.
    Counts,
    /// It does not: the endpoint is in its own zone, and two other zones know it.
    OwnZone,
    /// It does not: the checker is cut off.
    CutOff,
    /// It does not: nothing was heard of the checker for three beats.
    NotHeard,
}

/// Checkers of one zone that say the same of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Their zone, as they call it.
    pub zone: ZoneId,
    /// What they say: healthy or unhealthy; of those that are not heard, what they said last.
    pub says: Verdict,
    /// Whether it counts.
    pub weighs: Weighs,
    /// How many they are; 1 at least.
    pub count: usize,
    /// The first [`NAMED`] of them.
    pub checkers: Vec<NodeId>,
}

/// What all checkers say of the subject at this position, in the order of zones. `tables` are as for [`crate::Verdicts::merge`]; `cut_off` is
/// what the merge found.
pub fn votes(
    estate: &Estate,
    tables: &BTreeMap<NodeId, (Timestamp, Table)>,
    now: Timestamp,
    fresh: Duration,
    cut_off: &BTreeSet<NodeId>,
    subject: usize,
) -> Vec<Vote> {
    // Bits of another version stand in another order: such a table says nothing.
    let knowing: Vec<(&NodeId, bool, &Table)> = tables
        .iter()
        .filter(|(_, (_, table))| table.estate == estate.digest && table.known.get(subject))
        .map(|(checker, (came, table))| (checker, now.since(*came) <= fresh, table))
        .collect();
    // A zone may be called by its aliases, too.
    let place =
        |zone: &ZoneId| (estate.zone_named(zone), estate.zone_named(zone).is_none().then(|| zone.clone()));
    let own = estate.endpoint_refs().nth(subject).map(|at| (Some(estate.endpoint(at).zone), None));
    let others: BTreeSet<_> = knowing
        .iter()
        .filter(|(checker, is_heard, _)| *is_heard && !cut_off.contains(*checker))
        .map(|(_, _, table)| place(&table.zone))
        .filter(|place| Some(place) != own.as_ref())
        .collect();
    let without_own = others.len() >= 2;
    let mut told: BTreeMap<(&ZoneId, Weighs, Verdict), (usize, Vec<NodeId>)> = BTreeMap::new();
    for (checker, is_heard, table) in knowing {
        let says = if table.healthy.get(subject) { Verdict::Healthy } else { Verdict::Unhealthy };
        let weighs = if !is_heard {
            Weighs::NotHeard
        } else if cut_off.contains(checker) {
            Weighs::CutOff
        } else if without_own && own.as_ref() == Some(&place(&table.zone)) {
            Weighs::OwnZone
        } else {
            Weighs::Counts
        };
        let (count, named) = told.entry((&table.zone, weighs, says)).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(checker.clone());
        }
    }
    let vote =
        |((zone, weighs, says), (count, checkers)): ((&ZoneId, Weighs, Verdict), (usize, Vec<NodeId>))| {
            Vote { zone: zone.clone(), says, weighs, count, checkers }
        };
    told.into_iter().map(vote).collect()
}

#[cfg(test)]
mod tests;
