//! How much goes where, from what the nodes report: differences of their counters over about ten seconds.
//!
//! 1. A node's counters are compared with the same node's only, by its own clock; a restart begins anew.
//! 2. What nobody has told is unknown, not zero. Nodes that are not heard any more do not count.
//!
//! Memory: at most [`SAMPLES`] samples of each node in the reports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hf_config::node::Role;
use hf_feed::Reports;
use hf_model::{NodeId, PoolName, Share, Timestamp, ZoneId};
use hf_telemetry::ZoneActivityReport;

/// The length that rates stand for.
const WINDOW: Duration = Duration::from_secs(10);
/// Between two samples of one node at least.
const APART: Duration = Duration::from_millis(900);
/// Samples of one node at most: the window's, and one before it.
const SAMPLES: usize = 13;

/// Whether a node is not heard any more.
pub fn is_stale(received_at: Timestamp, now: Timestamp, beat: Duration) -> bool {
    now.since(received_at) > beat * 3
}

/// The samples of all nodes.
#[derive(Debug, Default)]
pub struct Traffic {
    nodes: BTreeMap<NodeId, Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    started_at: Timestamp,
    samples: VecDeque<Sample>,
}

#[derive(Debug)]
struct Sample {
    sent_at: Timestamp,
    counters: BTreeMap<(PoolName, ZoneId), (u64, u64)>,
}

/// Requests and failures in 1,000 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Requests sent.
    pub requests: u64,
    /// Of these, failed.
    pub failures: u64,
}

/// What goes where. Empty while nobody has told twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// By pool and zone; none while no balancer has told twice.
    told: Option<Arc<BTreeMap<(PoolName, ZoneId), Rate>>>,
}

impl Rates {
    /// All pools of a zone.
    pub fn zone(&self, zone: &ZoneId) -> Option<Rate> {
        self.sum(|(_, found)| found == zone)
    }

    /// The zone's share of all requests.
    pub fn zone_share(&self, zone: &ZoneId) -> Option<Share> {
        Some(Share::of(self.zone(zone)?.requests, self.sum(|_| true)?.requests))
    }

    /// The zone's share of a pool's requests.
    pub fn pool_share(&self, pool: &PoolName, zone: &ZoneId) -> Option<Share> {
        let here = self.sum(|(found, at)| found == pool && at == zone)?;
        Some(Share::of(here.requests, self.sum(|(found, _)| found == pool)?.requests))
    }

    /// Every pool in every zone; none while nobody has told.
    pub fn all(&self) -> Option<impl Iterator<Item = (&PoolName, &ZoneId, Rate)>> {
        Some(self.told.as_ref()?.iter().map(|((pool, zone), rate)| (pool, zone, *rate)))
    }

    fn sum(&self, keep: impl Fn(&(PoolName, ZoneId)) -> bool) -> Option<Rate> {
        let told = self.told.as_ref()?.iter().filter(|(key, _)| keep(key));
        Some(told.fold(Rate::default(), |sum, (_, rate)| Rate {
            requests: sum.requests + rate.requests,
            failures: sum.failures + rate.failures,
        }))
    }
}

impl Traffic {
    /// Takes in what was heard and answers the rates now.
    pub fn update(&mut self, reports: &Reports, now: Timestamp, beat: Duration) -> Rates {
        let live = |node: &NodeId| {
            reports.get(node).is_some_and(|heard| {
                heard.report.roles.contains(&Role::Balancer) && !is_stale(heard.received_at, now, beat)
            })
        };
        self.nodes.retain(|node, _| live(node));
        for (node, heard) in reports.iter().filter(|(node, _)| live(node)) {
            let samples = self.nodes.entry(node.clone()).or_default();
            samples.push(heard.report.started_at, heard.report.sent_at, &heard.report.activity);
        }
        let mut told = None;
        for rates in self.nodes.values().filter_map(Samples::rates) {
            let sums: &mut BTreeMap<_, Rate> = told.get_or_insert_default();
            for (key, rate) in rates {
                let sum = sums.entry(key).or_default();
                sum.requests += rate.requests;
                sum.failures += rate.failures;
            }
        }
        Rates { told: told.map(Arc::new) }
    }
}

impl Samples {
    fn push(&mut self, started_at: Timestamp, sent_at: Timestamp, activity: &[ZoneActivityReport]) {
        if self.started_at != started_at || self.samples.back().is_some_and(|last| last.sent_at > sent_at) {
            self.samples.clear(); // another process, or its clock was set back
            self.started_at = started_at;
        }
        if self.samples.back().is_some_and(|last| sent_at.since(last.sent_at) < APART) {
            return;
        }
        let counters = activity
            .iter()
            .map(|line| ((line.pool.clone(), line.zone.clone()), (line.requests, line.failures)))
            .collect();
        self.samples.push_back(Sample { sent_at, counters });
        while self.samples.len() > SAMPLES
            || self.samples.get(1).is_some_and(|second| sent_at.since(second.sent_at) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    fn rates(&self) -> Option<impl Iterator<Item = ((PoolName, ZoneId), Rate)>> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let length_ms = last.sent_at.since(first.sent_at).as_millis() as u64;
        if length_ms == 0 {
            return None;
        }
        let per_1000_s = move |count: u64| count.saturating_mul(1_000_000) / length_ms;
        Some(last.counters.iter().map(move |(key, (requests, failures))| {
            let (before, failed_before) = first.counters.get(key).copied().unwrap_or_default();
            let rate = Rate {
                requests: per_1000_s(requests.saturating_sub(before)),
                failures: per_1000_s(failures.saturating_sub(failed_before)),
            };
            (key.clone(), rate)
        }))
    }
}

#[cfg(test)]
mod tests;
