//! Who says what of one subject, and whose word counts: the quorum opened for whoever asks why.
//!
//! 1. Checkers of one zone that say the same, and weigh the same, are one line: of a thousand checkers the first [`NAMED`] are named.
//! 2. Whose word does not count is told with the reason: what the rules of [`crate::quorum`] left out.
//! 3. A checker that is heard and has no result says nothing; it is not listed. Very many endpoints are dealt out to a part of the checkers.
//!
//! Not here: the verdict (`quorum`), how it reads (`hf-control-plane`, `api::explain`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
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

/// All tables of one moment, prepared for questions about single subjects.
#[derive(Debug)]
pub struct Votes<'a> {
    estate: &'a Estate,
    tables: Vec<Heard<'a>>,
}

/// A zone of the estate, whatever alias it was called by, or one that the estate does not have.
type Place<'a> = (Option<ZoneIx>, Option<&'a ZoneId>);

#[derive(Debug)]
struct Heard<'a> {
    checker: &'a NodeId,
    table: &'a Table,
    place: Place<'a>,
    is_fresh: bool,
    is_cut_off: bool,
}

impl<'a> Votes<'a> {
    /// `tables` are as for [`crate::Verdicts::merge`]; `cut_off` is what the merge found.
    pub fn new(
        estate: &'a Estate,
        tables: &'a BTreeMap<NodeId, (Timestamp, Table)>,
        now: Timestamp,
        fresh: Duration,
        cut_off: &BTreeSet<NodeId>,
    ) -> Votes<'a> {
        // Bits of another version stand in another order: such a table says nothing.
        let tables = tables.iter().filter(|(_, (_, table))| table.estate == estate.digest);
        let heard = |(checker, (came, table)): (&'a NodeId, &'a (Timestamp, Table))| {
            let zone = estate.zone_named(&table.zone);
            Heard {
                checker,
                table,
                place: (zone, zone.is_none().then_some(&table.zone)),
                is_fresh: now.since(*came) <= fresh,
                is_cut_off: cut_off.contains(checker),
            }
        };
        Votes { estate, tables: tables.map(heard).collect() }
    }

    /// What all checkers say of the subject at this position, in the order of zones.
    pub fn of(&self, subject: usize) -> Vec<Vote> {
        let own = self.zone_of(subject).map(|zone| (Some(zone), None));
        let knowing = || self.tables.iter().filter(|heard| heard.table.known.get(subject));
        let mut others = knowing()
            .filter(|heard| heard.is_fresh && !heard.is_cut_off && Some(heard.place) != own)
            .map(|heard| heard.place);
        let without_own = others.next().is_some_and(|first| others.any(|other| other != first));
        let mut told: BTreeMap<(&ZoneId, Weighs, Verdict), (usize, Vec<NodeId>)> = BTreeMap::new();
        for heard in knowing() {
            let is_healthy = heard.table.healthy.get(subject);
            let says = if is_healthy { Verdict::Healthy } else { Verdict::Unhealthy };
            let weighs = if !heard.is_fresh {
                Weighs::NotHeard
            } else if heard.is_cut_off {
                Weighs::CutOff
            } else if without_own && own == Some(heard.place) {
                Weighs::OwnZone
            } else {
                Weighs::Counts
            };
            let (count, named) = told.entry((&heard.table.zone, weighs, says)).or_default();
            *count += 1;
            if named.len() < NAMED {
                named.push(heard.checker.clone());
            }
        }
        let vote = |((zone, weighs, says), (count, checkers)): (
            (&ZoneId, Weighs, Verdict),
            (usize, Vec<NodeId>),
        )| { Vote { zone: zone.clone(), says, weighs, count, checkers } };
        told.into_iter().map(vote).collect()
    }

    /// The zone of an endpoint; none for a check.
    fn zone_of(&self, subject: usize) -> Option<ZoneIx> {
        let mut at = subject;
        for pool in &self.estate.pools {
            match pool.endpoints.get(at) {
                Some(endpoint) => return Some(endpoint.zone),
                None => at -= pool.endpoints.len(),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
