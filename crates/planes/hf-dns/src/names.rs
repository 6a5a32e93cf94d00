//! How often each steered name was answered, by which branch and from which zone: what was achieved beside what was configured.
//!
//! 1. One block of counts for each worker and one that the async side shares; a report adds them up.
//! 2. Bounded by the estate: a count for each record, for each branch of each tree, and for each zone of each record's pool while all of these together
//!    are at most [`CELLS_MAX`]; beyond that, counts by zone are left out.
//! 3. While the estate stays the same the counts go on. A new estate begins anew, but for names that it has too: these keep their total.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hf_answer::AnsweredBy;
use hf_config::estate::{AddressFamily, Estate, PoolIx, ZoneIx};
use hf_model::{DnsName, ZoneId};

use crate::current::Current;

/// Counts in one worker's block: 2 MiB.
const CELLS_MAX: usize = 1 << 18;

/// Where a name's counts are in each block.
#[derive(Debug)]
pub(crate) struct NameCounts {
    blocks: Vec<Box<[AtomicU64]>>,
    /// The first count of each record: itself, then its zones.
    records: Vec<usize>,
    /// The first count of each tree: itself, then its branches.
    trees: Vec<usize>,
    /// Whether zones are counted; then how many there are.
    zones: usize,
    /// Totals that come from before the estate changed, by the place of the name's own count.
    before: BTreeMap<usize, u64>,
}

/// The counts of whatever estate is in force.
#[derive(Clone, Debug)]
pub struct Names(pub(crate) Arc<Current>);

impl Names {
    /// Each steered name of the estate in force: records, then trees. Nothing before the first snapshot.
    pub fn report(&self) -> Vec<NameReport> {
        match &*self.0.load() {
            Some(live) => live.counts.names.report(&live.compiled.snapshot().estate),
            None => Vec::new(),
        }
    }

    /// The serial that each hosted zone shows now, in the order of the estate; those whose contents we do not have are left out.
    pub fn serials(&self) -> Vec<(DnsName, u32)> {
        let live = self.0.load();
        let Some(live) = &*live else { return Vec::new() };
        let serial = |name: &DnsName| Some((name.clone(), live.compiled.contents(name)?.1));
        let hosted_zones = &live.compiled.snapshot().estate.hosted_zones;
        hosted_zones.iter().filter_map(|hosted| serial(&hosted.name)).collect()
    }
}

/// What one steered name has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameReport {
    /// The name.
    pub name: DnsName,
    /// What is asked for.
    pub family: AddressFamily,
    /// Answers since the start.
    pub answers: u64,
    /// Of a record: answers since the estate in force that named a zone, beside the weight that its endpoints have there. Empty if there are too many names to
    /// count by zone.
    pub zones: Vec<ZoneShare>,
    /// Of a tree: answers since the estate in force that each branch gave, in the estate's order, beside its weight.
    pub branches: Vec<BranchShare>,
}

/// One zone's part of a record's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneShare {
    /// Which.
    pub zone: ZoneId,
    /// Answers that named it.
    pub answers: u64,
    /// What the pool's endpoints weigh there, together.
    pub weight: u64,
}

/// One branch's part of a tree's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchShare {
    /// Answers that it gave.
    pub answers: u64,
    /// Its weight.
    pub weight: u64,
}

impl NameCounts {
    /// Zeros for an estate, for so many workers and the async side.
    pub(crate) fn new(estate: &Estate, workers: usize, before: Option<(&NameCounts, &Estate)>) -> NameCounts {
        let branches: usize = estate.trees.iter().map(|tree| 1 + tree.branches.len()).sum();
        let with_zones = estate.records.len() * (1 + estate.zones.len());
        let zones = if with_zones + branches <= CELLS_MAX { estate.zones.len() } else { 0 };
        let records: Vec<usize> = (0..estate.records.len()).map(|at| at * (1 + zones)).collect();
        let mut end = estate.records.len() * (1 + zones);
        let mut trees = Vec::with_capacity(estate.trees.len());
        for tree in &estate.trees {
            trees.push(end);
            end += 1 + tree.branches.len();
        }
        let block = |_| (0..end).map(|_| AtomicU64::new(0)).collect();
        let mut counts = NameCounts {
            blocks: (0..=workers).map(block).collect(),
            records,
            trees,
            zones,
            before: BTreeMap::new(),
        };
        if let Some((old, estate_before)) = before {
            let totals: BTreeMap<_, _> =
                old.own(estate_before).map(|(key, at)| (key, old.total(at))).collect();
            let kept: Vec<_> =
                counts.own(estate).filter_map(|(key, at)| Some((at, *totals.get(&key)?))).collect();
            counts.before.extend(kept.into_iter().filter(|(_, total)| *total > 0));
        }
        counts
    }

    /// Each name with the place of its own count.
    fn own<'a>(
        &'a self,
        estate: &'a Estate,
    ) -> impl Iterator<Item = ((&'a DnsName, AddressFamily), usize)> + 'a {
        let records = estate.records.iter().map(|of| (&of.name, of.family)).zip(self.records.iter().copied());
        records.chain(estate.trees.iter().map(|of| (&of.name, of.family)).zip(self.trees.iter().copied()))
    }

    /// An answer, counted by a worker in its own block; the async side has the last one.
    #[inline]
    pub(crate) fn count(
        &self,
        worker: Option<usize>,
        by: AnsweredBy,
        named: impl Iterator<Item = (PoolIx, ZoneIx)>,
    ) {
        let (first, rest) = match by {
            AnsweredBy::Plain | AnsweredBy::Zonal => return,
            AnsweredBy::Record(at) => (self.records.get(usize::from(at)), None),
            AnsweredBy::Branch { tree, branch } => (self.trees.get(usize::from(tree)), Some(branch)),
        };
        let Some(first) = first else { return };
        let add = |at: usize| match worker {
            Some(worker) => {
                if let Some(cell) = self.blocks[worker].get(at) {
                    // Nobody else writes it.
                    cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
            }
            None => {
                if let Some(cell) = self.blocks.last().and_then(|block| block.get(at)) {
                    cell.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        add(*first);
        match rest {
            Some(branch) => add(first + 1 + usize::from(branch)),
            None => named
                .filter(|(_, zone)| zone.at() < self.zones)
                .for_each(|(_, zone)| add(first + 1 + zone.at())),
        }
    }

    fn sum(&self, at: usize) -> u64 {
        self.blocks.iter().map(|block| block[at].load(Ordering::Relaxed)).sum()
    }

    fn total(&self, at: usize) -> u64 {
        self.before.get(&at).copied().unwrap_or(0) + self.sum(at)
    }

    /// All names of the estate that these are for: records, then trees.
    pub(crate) fn report(&self, estate: &Estate) -> Vec<NameReport> {
        let records = estate.records.iter().zip(&self.records).map(|(record, at)| {
            let mut weights = vec![None; self.zones];
            for endpoint in &estate.pool(record.pool).endpoints {
                if let Some(weight) = weights.get_mut(endpoint.zone.at()) {
                    *weight = Some(weight.unwrap_or(0) + u64::from(endpoint.weight.0));
                }
            }
            let zones = estate.zone_indexes().zip(weights).filter_map(|(zone, weight)| {
                let (answers, id) = (self.sum(at + 1 + zone.at()), &estate.zone(zone).id);
                // Another pool may stand in, with endpoints elsewhere.
                (weight.is_some() || answers > 0).then(|| ZoneShare {
                    zone: id.clone(),
                    answers,
                    weight: weight.unwrap_or(0),
                })
            });
            NameReport {
                name: record.name.clone(),
                family: record.family,
                answers: self.total(*at),
                zones: zones.collect(),
                branches: Vec::new(),
            }
        });
        let trees = estate.trees.iter().zip(&self.trees).map(|(tree, at)| {
            let branches = tree.branches.iter().enumerate().map(|(branch, of)| BranchShare {
                answers: self.sum(at + 1 + branch),
                weight: u64::from(of.weight.0),
            });
            NameReport {
                name: tree.name.clone(),
                family: tree.family,
                answers: self.total(*at),
                zones: Vec::new(),
                branches: branches.collect(),
            }
        });
        records.chain(trees).collect()
    }
}
