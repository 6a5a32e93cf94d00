//! What balancers observe of traffic, as one node knows it: seconds laid together, and how far clients are.
//!
//! 1. Seconds are laid together on nodes with the control role only: others have no use for them.
//! 2. The newest [`SECONDS_KEPT`] complete seconds are kept: what reads them, reads each once as it comes, and these if it was late.
//! 3. Of each balancer the newest word on its clients' latencies counts, also when it is silent: ways through the internet outlive it. At most
//!    [`BALANCERS_MAX`] are kept; of more, those not heard for longest go.
//! 4. A latency that moved by less than an eighth has not moved: every change compiles tables of DNS anew, and no answer should turn on noise.
//!
//! Not here: verdicts on zones, how tables are made (`hf-geo`), clocks (`task`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hf_config::node::Role;
use hf_feed::Peer;
use hf_geo::FromZone;
use hf_model::{NodeId, Timestamp, ZoneId};
use hf_telemetry::latency::AGE_MAX;
use hf_telemetry::{MeasuredLatency, MergedSecond, Merger, Second, SecondsDropped};

use super::Hub;

/// Complete seconds that are kept.
pub const SECONDS_KEPT: usize = 16;
/// Balancers whose latencies are kept.
pub const BALANCERS_MAX: usize = 64;

/// What the hub knows of traffic.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) own_second: Option<Arc<Second>>,
    pub(super) own_latencies: Option<Arc<[MeasuredLatency]>>,
    merger: Merger,
    settled: VecDeque<Arc<MergedSecond>>,
    latencies: BTreeMap<NodeId, Measured>,
}

/// What one balancer measured.
#[derive(Debug)]
struct Measured {
    zone: ZoneId,
    heard: Timestamp,
    lines: Arc<[MeasuredLatency]>,
}

impl Hub {
    /// A second as this node's own balancer saw it.
    pub fn take_own_second(&mut self, second: Arc<Second>, now: Timestamp) {
        let (node, zone) = (self.me.node.clone(), self.me.zone.clone());
        self.merge_second(&node, zone.as_ref(), &second, now);
        self.observed.own_second = Some(second);
    }

    /// A second as another node's balancer saw it.
    pub fn take_second(&mut self, from: &Peer, second: &Second, now: Timestamp) {
        self.merge_second(&from.node, from.zone.as_ref(), second, now);
    }

    fn merge_second(&mut self, from: &NodeId, zone: Option<&ZoneId>, second: &Second, now: Timestamp) {
        if self.me.roles.contains(&Role::Control) {
            self.observed.merger.take(from, zone, second, now);
        }
    }

    /// Gives out the seconds that became complete, oldest first.
    pub fn settle_seconds(&mut self, now: Timestamp) -> Vec<Arc<MergedSecond>> {
        if !self.me.roles.contains(&Role::Control) {
            return Vec::new();
        }
        let observed = &mut self.observed;
        observed.merger.clock_set_back(now);
        let settled: Vec<_> = observed.merger.settled(now).into_iter().map(Arc::new).collect();
        observed.settled.extend(settled.iter().cloned());
        let too_many = observed.settled.len().saturating_sub(SECONDS_KEPT);
        observed.settled.drain(..too_many);
        settled
    }

    /// The newest complete seconds, oldest first.
    pub fn seconds(&self) -> impl Iterator<Item = &Arc<MergedSecond>> {
        self.observed.settled.iter()
    }

    /// Seconds of balancers that count for nothing.
    pub fn seconds_dropped(&self) -> SecondsDropped {
        self.observed.merger.dropped()
    }

    /// How far the clients of this node's own balancer are.
    pub fn take_own_latencies(&mut self, lines: Vec<MeasuredLatency>) {
        let lines: Arc<[MeasuredLatency]> = lines.into();
        let (node, zone) = (self.me.node.clone(), self.me.zone.clone());
        self.observed.own_latencies = Some(lines.clone()).filter(|lines| !lines.is_empty());
        self.keep_latencies(node, zone, &lines);
    }

    /// How far another node's clients are.
    pub fn take_latencies(&mut self, from: &Peer, lines: &[MeasuredLatency]) {
        self.keep_latencies(from.node.clone(), from.zone.clone(), lines);
    }

    fn keep_latencies(&mut self, node: NodeId, zone: Option<ZoneId>, lines: &[MeasuredLatency]) {
        let makes_tables = self.me.roles.iter().any(|role| matches!(role, Role::Control | Role::Dns));
        // Without a zone nobody knows from where it measured.
        let Some(zone) = zone.filter(|_| makes_tables) else { return };
        let known = self.observed.latencies.remove(&node);
        if known.is_none() && lines.is_empty() {
            return;
        }
        let lines = match &known {
            Some(known) if known.zone == zone => steadied(&known.lines, lines),
            _ => lines.into(),
        };
        self.observed.latencies.insert(node, Measured { zone, heard: self.age, lines });
        if self.observed.latencies.len() > BALANCERS_MAX {
            let oldest = self.observed.latencies.iter().min_by_key(|(_, known)| known.heard);
            let oldest = oldest.map(|(node, _)| node.clone()).expect("there is more than one");
            self.observed.latencies.remove(&oldest);
        }
    }

    /// What all balancers measured in the last day, by their zones.
    pub fn measured(&self, now: Timestamp) -> Vec<FromZone> {
        let all = self.observed.latencies.values();
        let from = all.map(|known| {
            let is_old = |line: &MeasuredLatency| now.since(line.at) > AGE_MAX;
            let measured = if known.lines.iter().any(is_old) {
                known.lines.iter().filter(|line| !is_old(line)).copied().collect()
            } else {
                known.lines.clone()
            };
            FromZone { zone: known.zone.clone(), measured }
        });
        from.filter(|from| !from.measured.is_empty()).collect()
    }
}

/// The new lines, where those that hardly moved stay as they were told before.
fn steadied(old: &[MeasuredLatency], new: &[MeasuredLatency]) -> Arc<[MeasuredLatency]> {
    let old: BTreeMap<_, _> = old.iter().map(|line| (line.network, line)).collect();
    let steady = |line: &MeasuredLatency| match old.get(&line.network) {
        Some(before)
            if before.micros.abs_diff(line.micros) <= before.micros / 8
                && line.samples / 2 <= before.samples
                && line.at.since(before.at) <= AGE_MAX / 2 =>
        {
            **before
        }
        _ => *line,
    };
    new.iter().map(steady).collect()
}

#[cfg(test)]
mod tests;
