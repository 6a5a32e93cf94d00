//! Seconds of several balancers laid together: what the detector of gray failures reads.
//!
//! 1. A second is complete [`WATERMARK`] after its end, by the reader's clock; what comes later is dropped and counted. Nothing waits for an
//!    observer that is silent: what it did not see counts for nothing.
//! 2. One word of each observer for a second. Its second with the same number, and one that lies ahead of the reader's clock by more than
//!    the watermark, are dropped and counted.
//! 3. Counts of one endpoint are added up over observers: their sum does not depend on the order in which they came, so that nodes which
//!    heard the same come to the same.
//! 4. At most [`ENDPOINTS_MAX`] endpoints and [`OBSERVERS_MAX`] observers in a second; what is beyond is left out and counted.
//! 5. After a pause of the reader older seconds are passed over and counted ([`SecondsDropped`]): they would decide too late.
//!
//! Not here: windows longer than a second, quantiles of peers, verdicts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{NodeId, PoolName, Timestamp, ZoneId};

use crate::clients::{CLIENTS_TOLD, ClientCount, worst};
use crate::histogram::LatencyCounts;
use crate::second::{EndpointSecond, Second};

/// From a second's end to when it is complete.
pub const WATERMARK: Duration = Duration::from_secs(2);
/// Endpoints in one second, all pools and zones together.
pub const ENDPOINTS_MAX: usize = 8_192;
/// Observers in one second.
pub const OBSERVERS_MAX: usize = 512;
/// Seconds given out at once at most: after a pause of the reader older ones are dropped.
const SECONDS_MAX: usize = 8;

/// One second as all balancers saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedSecond {
    /// Which: seconds of Unix time.
    pub number: u64,
    /// Who told of it.
    pub observers: Vec<NodeId>,
    /// By pool and zone.
    pub zones: BTreeMap<(PoolName, ZoneId), MergedZone>,
    /// Endpoints that were left out: beyond the bound here, or at an observer.
    pub left_out: u64,
}

/// One pool in one zone, in one second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedZone {
    /// Its endpoints; every observer's counts added up.
    pub endpoints: BTreeMap<SocketAddr, EndpointSecond>,
    /// The clients with most faults.
    pub clients: [ClientCount; CLIENTS_TOLD],
    /// How many observers told of it.
    pub observers: u32,
    /// The same by the observers' zones, all endpoints together: whoever sees trouble everywhere may be in trouble.
    pub seen_from: BTreeMap<ZoneId, SeenFrom>,
}

/// What the observers of one zone saw of one pool in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenFrom {
    /// Requests.
    pub requests: u32,
    /// Of these, faults.
    pub faults: u32,
    /// Times to the first byte.
    pub latency: LatencyCounts,
}

impl MergedZone {
    /// Requests of all endpoints.
    pub fn requests(&self) -> u64 {
        self.endpoints.values().map(|endpoint| u64::from(endpoint.requests)).sum()
    }

    /// Faults of all endpoints.
    pub fn faults(&self) -> u64 {
        self.endpoints.values().map(|endpoint| u64::from(endpoint.faults)).sum()
    }
}

/// Seconds of single observers that count for nothing, since the start; by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondsDropped {
    /// Came when that second was complete.
    pub late: u64,
    /// Lay ahead of the reader's clock by more than the watermark.
    pub ahead: u64,
    /// The same observer's word for that second was there.
    pub twice: u64,
    /// Were beyond [`OBSERVERS_MAX`].
    pub observers: u64,
    /// Had more endpoints than could be taken, here or on the way; the rest of it counts.
    pub endpoints: u64,
    /// Waited while the reader paused or its clock leapt, and were too old then.
    pub passed_over: u64,
}

impl SecondsDropped {
    /// Each with its name in metrics.
    pub fn by_reason(self) -> [(&'static str, u64); 6] {
        [
            ("late", self.late),
            ("ahead", self.ahead),
            ("twice", self.twice),
            ("observers", self.observers),
            ("endpoints", self.endpoints),
            ("passed-over", self.passed_over),
        ]
    }
}

fn one_more(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// Lays seconds together.
#[derive(Debug, Default)]
pub struct Merger {
    pending: BTreeMap<u64, MergedSecond>,
    /// The newest that was given out or passed over.
    settled: Option<u64>,
    dropped: SecondsDropped,
}

impl Merger {
    /// Takes what one observer saw; `zone` is where it runs, if that is known.
    pub fn take(&mut self, from: &NodeId, zone: Option<&ZoneId>, second: &Second, now: Timestamp) {
        let ahead = Timestamp(second.number.saturating_mul(1_000)).since(now);
        let is_late = self.settled.is_some_and(|settled| second.number <= settled)
            || newest_complete(now).is_some_and(|complete| second.number <= complete);
        if is_late {
            return one_more(&mut self.dropped.late);
        }
        if ahead > WATERMARK {
            return one_more(&mut self.dropped.ahead);
        }
        let merged = self.pending.entry(second.number).or_default();
        merged.number = second.number;
        if merged.observers.contains(from) {
            return one_more(&mut self.dropped.twice);
        }
        if merged.observers.len() >= OBSERVERS_MAX {
            return one_more(&mut self.dropped.observers);
        }
        merged.observers.push(from.clone());
        merged.observers.sort_unstable();
        let left_out = merged.left_out;
        merged.add(zone, second);
        if merged.left_out > left_out {
            one_more(&mut self.dropped.endpoints);
        }
    }

    /// The seconds that are complete, oldest first, each once. A second that nobody told of is there too, empty: silence is an input.
    pub fn settled(&mut self, now: Timestamp) -> Vec<MergedSecond> {
        let Some(complete) = newest_complete(now) else { return Vec::new() };
        // The first call begins with what is there; a pause of the reader, or a clock that leapt, begins anew.
        let first_pending = self.pending.keys().next().copied().unwrap_or(complete);
        let begin = match self.settled {
            Some(settled) if settled >= complete => return Vec::new(),
            Some(settled) => settled + 1,
            None => first_pending,
        };
        let begin = begin.max((complete + 1).saturating_sub(SECONDS_MAX as u64));
        let rest = self.pending.split_off(&(complete + 1));
        let mut ready = std::mem::replace(&mut self.pending, rest);
        self.settled = Some(complete);
        let empty = |number| MergedSecond { number, ..MergedSecond::default() };
        let settled =
            (begin..=complete).map(|number| ready.remove(&number).unwrap_or_else(|| empty(number))).collect();
        self.pass_over(&ready);
        settled
    }

    fn pass_over(&mut self, seconds: &BTreeMap<u64, MergedSecond>) {
        let told: usize = seconds.values().map(|second| second.observers.len()).sum();
        self.dropped.passed_over = self.dropped.passed_over.saturating_add(told as u64);
    }

    /// The reader's clock was set back: what was settled by the other time counts no more.
    pub fn clock_set_back(&mut self, now: Timestamp) {
        let complete = newest_complete(now);
        if self.settled.is_some_and(|settled| complete.is_none_or(|complete| settled > complete + 60)) {
            let pending = std::mem::take(&mut self.pending);
            self.pass_over(&pending);
            *self = Merger { dropped: self.dropped, ..Merger::default() };
        }
    }

    /// What was dropped since the start.
    pub fn dropped(&self) -> SecondsDropped {
        self.dropped
    }
}

/// The newest second that is complete.
fn newest_complete(now: Timestamp) -> Option<u64> {
    let watermark = u64::try_from(WATERMARK.as_millis()).unwrap_or(u64::MAX);
    (now.0.checked_sub(watermark)? / 1_000).checked_sub(1)
}

impl MergedSecond {
    fn add(&mut self, from: Option<&ZoneId>, second: &Second) {
        self.left_out = self.left_out.saturating_add(u64::from(second.left_out));
        let mut room =
            ENDPOINTS_MAX.saturating_sub(self.zones.values().map(|zone| zone.endpoints.len()).sum());
        for told in &second.zones {
            let zone = self.zones.entry((told.pool.clone(), told.zone.clone())).or_default();
            zone.observers += 1;
            zone.clients = worst(zone.clients.iter().chain(&told.clients).copied().collect());
            if let Some(from) = from {
                let seen = zone.seen_from.entry(from.clone()).or_default();
                for endpoint in &told.endpoints {
                    seen.requests = seen.requests.saturating_add(endpoint.requests);
                    seen.faults = seen.faults.saturating_add(endpoint.faults);
                    seen.latency.add(&endpoint.latency);
                }
            }
            for endpoint in &told.endpoints {
                match zone.endpoints.entry(endpoint.address) {
                    Entry::Occupied(mut known) => known.get_mut().add(endpoint),
                    Entry::Vacant(free) if room > 0 => {
                        room -= 1;
                        free.insert(endpoint.clone());
                    }
                    Entry::Vacant(_) => self.left_out = self.left_out.saturating_add(1),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second::ZoneSecond;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    /// One pool in zone `a` with an endpoint for each pair of requests and faults.
    fn second(number: u64, endpoints: &[(u32, u32)]) -> Second {
        let endpoint = |(at, (requests, faults)): (usize, &(u32, u32))| EndpointSecond {
            requests: *requests,
            faults: *faults,
            ..EndpointSecond::none(SocketAddr::from(([10, 0, (at >> 8) as u8, at as u8], 80)))
        };
        let zone = ZoneSecond {
            pool: PoolName::new("web").unwrap(),
            zone: ZoneId::new("a").unwrap(),
            clients: [ClientCount { key: 5, requests: 2, faults: 1 }, ClientCount::default()],
            endpoints: endpoints.iter().enumerate().map(endpoint).collect(),
        };
        Second { number, zones: vec![zone], left_out: 0 }
    }

    fn at(seconds: u64, millis: u64) -> Timestamp {
        Timestamp(seconds * 1_000 + millis)
    }

    fn show(settled: &[MergedSecond]) -> String {
        let zone = |zone: &MergedZone| {
            format!(
                "{}/{} of {} worst {}",
                zone.requests(),
                zone.faults(),
                zone.observers,
                zone.clients[0].faults
            )
        };
        let second = |second: &MergedSecond| {
            let zones: Vec<_> = second.zones.values().map(zone).collect();
            format!("{}[{}]", second.number, zones.join(" "))
        };
        settled.iter().map(second).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_second_is_complete_two_after_its_end_and_given_out_once() {
        let mut merger = Merger::default();
        merger.take(&node("n1"), None, &second(100, &[(10, 1), (20, 0)]), at(101, 10));
        merger.take(&node("n2"), None, &second(100, &[(5, 5)]), at(101, 90));
        merger.take(&node("n2"), None, &second(100, &[(5, 5)]), at(101, 95));
        assert_eq!(show(&merger.settled(at(102, 999))), "");
        assert_eq!(show(&merger.settled(at(103, 0))), "100[35/6 of 2 worst 2]");
        assert_eq!(show(&merger.settled(at(103, 500))), "");
        merger.take(&node("n3"), None, &second(100, &[(1, 0)]), at(103, 600));
        assert_eq!(merger.dropped(), SecondsDropped { late: 1, twice: 1, ..SecondsDropped::default() });
        assert_eq!(show(&merger.settled(at(105, 0))), "101[] 102[]");
    }

    #[test]
    fn what_lies_ahead_and_what_a_sleeper_missed_are_dropped() {
        let mut merger = Merger::default();
        merger.take(&node("n1"), None, &second(200, &[(1, 0)]), at(101, 0));
        assert_eq!((merger.dropped().ahead, merger.pending.len()), (1, 0));
        merger.take(&node("n1"), None, &second(100, &[(1, 0)]), at(101, 0));
        merger.take(&node("n2"), None, &second(100, &[(1, 0)]), at(101, 0));
        assert_eq!(merger.settled(at(500, 0)).len(), SECONDS_MAX);
        assert_eq!(merger.dropped().passed_over, 2);
        merger.take(&node("n1"), None, &second(500, &[(1, 0)]), at(501, 0));
        merger.clock_set_back(at(400, 0));
        assert_eq!(
            merger.dropped(),
            SecondsDropped { ahead: 1, passed_over: 3, ..SecondsDropped::default() }
        );
        merger.take(&node("n1"), None, &second(399, &[(1, 0)]), at(400, 0));
        assert_eq!(show(&merger.settled(at(402, 0))), "399[1/0 of 1 worst 1]");
    }

    #[test]
    fn too_many_endpoints_are_left_out_and_said() {
        let mut merger = Merger::default();
        merger.take(&node("n1"), None, &second(100, &vec![(1, 0); ENDPOINTS_MAX + 3]), at(101, 0));
        assert_eq!(merger.dropped(), SecondsDropped { endpoints: 1, ..SecondsDropped::default() });
        let settled = merger.settled(at(103, 0));
        assert_eq!((settled[0].left_out, show(&settled)), (3, "100[8192/0 of 1 worst 1]".to_owned()));
    }

    #[test]
    fn observers_beyond_the_bound_are_counted() {
        let mut merger = Merger::default();
        for at_node in 0..OBSERVERS_MAX + 2 {
            merger.take(&node(&format!("n{at_node}")), None, &second(100, &[(1, 0)]), at(101, 0));
        }
        assert_eq!(merger.dropped(), SecondsDropped { observers: 2, ..SecondsDropped::default() });
        assert_eq!(merger.settled(at(103, 0))[0].observers.len(), OBSERVERS_MAX);
    }

    #[test]
    fn what_observers_of_one_zone_saw_is_kept_apart() {
        let (a, b) = (ZoneId::new("a").unwrap(), ZoneId::new("b").unwrap());
        let mut merger = Merger::default();
        merger.take(&node("n1"), Some(&a), &second(100, &[(10, 1), (20, 0)]), at(101, 0));
        merger.take(&node("n2"), Some(&b), &second(100, &[(5, 5)]), at(101, 0));
        merger.take(&node("n3"), Some(&b), &second(100, &[(1, 0)]), at(101, 0));
        merger.take(&node("n4"), None, &second(100, &[(7, 0)]), at(101, 0));
        let settled = merger.settled(at(103, 0));
        let zone = settled[0].zones.values().next().unwrap();
        let of = |zone_id| zone.seen_from.get(zone_id).map(|seen| (seen.requests, seen.faults));
        assert_eq!((of(&a), of(&b), zone.requests()), (Some((30, 1)), Some((6, 5)), 43));
    }

    #[test]
    fn the_order_of_observers_changes_nothing() {
        let merged = |order: &[(&str, Second)]| {
            let mut merger = Merger::default();
            for (name, second) in order {
                merger.take(&node(name), None, second, at(101, 0));
            }
            merger.settled(at(103, 0))
        };
        let (one, two) = (second(100, &[(10, 1)]), second(100, &[(3, 2), (4, 0)]));
        assert_eq!(merged(&[("n1", one.clone()), ("n2", two.clone())]), merged(&[("n2", two), ("n1", one)]));
    }
}
