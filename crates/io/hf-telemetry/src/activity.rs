//! What data planes did per pool and zone: the figures behind "time to zero".
//!
//! Balancers and DNS servers write, the feed's report reads. Writers touch atomics only; the tables are bounded by the
//! estate's limits on pools, zones and endpoints: what has left it goes with [`Activity::keep`], an endpoint when nobody holds it any more.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hf_model::{PoolName, Timestamp, ZoneId};

use crate::clients::Clients;
use crate::endpoint::{EndpointId, EndpointStats, EndpointTotals, OutcomeTotals, Outcomes};
use crate::histogram::{LatencyHistogram, LatencyTotals};
use crate::latency::Latencies;
use crate::probes::ProbeCounts;
use crate::second::{Second, ZoneSecond};
use crate::status::StatusCounts;

/// The counters of one pool in one zone.
#[derive(Debug, Default)]
pub struct ZoneActivity {
    requests: AtomicU64,
    failures: AtomicU64,
    last_new_request_ms: AtomicU64,
    open_connections: AtomicI64,
    last_open_connection_ms: AtomicU64,
    bytes_to_endpoints: AtomicU64,
    bytes_to_clients: AtomicU64,
    last_byte_ms: AtomicU64,
    dns_answers: AtomicU64,
    last_dns_answer_ms: AtomicU64,
    pub(crate) outcomes: Outcomes,
    pub(crate) retried: AtomicU64,
    pub(crate) ejected: AtomicU64,
    pub(crate) latency: LatencyHistogram,
    pub(crate) clients: Clients,
}

impl ZoneActivity {
    /// A new request was sent to an endpoint of the zone.
    pub fn request_sent(&self, now: Timestamp) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.last_new_request_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    /// A request to the zone failed: no answer, or a status of 500 and up.
    pub fn request_failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection to an endpoint of the zone was opened.
    pub fn connection_opened(&self) {
        self.open_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection to an endpoint of the zone was closed.
    pub fn connection_closed(&self, now: Timestamp) {
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
        self.last_open_connection_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Bytes of requests, answers or sessions went to and from endpoints of the zone; heads count or not, as is cheaper.
    pub fn bytes_moved(&self, to_endpoints: u64, to_clients: u64, now: Timestamp) {
        if to_endpoints != 0 {
            self.bytes_to_endpoints.fetch_add(to_endpoints, Ordering::Relaxed);
        }
        if to_clients != 0 {
            self.bytes_to_clients.fetch_add(to_clients, Ordering::Relaxed);
        }
        // Thousands of pieces share a millisecond: only the first of them writes.
        if self.last_byte_ms.load(Ordering::Relaxed) < now.0 {
            self.last_byte_ms.fetch_max(now.0, Ordering::Relaxed);
        }
    }

    /// An answer named an endpoint of the zone.
    pub fn dns_answered(&self, now: Timestamp) {
        self.dns_answers.fetch_add(1, Ordering::Relaxed);
        self.last_dns_answer_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    /// So many answers named endpoints of the zone; the newest of them now.
    pub fn dns_answers_given(&self, count: u64, now: Timestamp) {
        self.dns_answers.fetch_add(count, Ordering::Relaxed);
        self.last_dns_answer_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    fn report(&self, pool: PoolName, zone: ZoneId) -> ZoneActivityReport {
        let stamp = |value: &AtomicU64| match value.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Timestamp(ms)),
        };
        ZoneActivityReport {
            pool,
            zone,
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_new_request_at: stamp(&self.last_new_request_ms),
            open_connections: u64::try_from(self.open_connections.load(Ordering::Relaxed)).unwrap_or(0),
            last_open_connection_at: stamp(&self.last_open_connection_ms),
            bytes_to_endpoints: self.bytes_to_endpoints.load(Ordering::Relaxed),
            bytes_to_clients: self.bytes_to_clients.load(Ordering::Relaxed),
            last_byte_at: stamp(&self.last_byte_ms),
            dns_answers: self.dns_answers.load(Ordering::Relaxed),
            last_dns_answer_at: stamp(&self.last_dns_answer_ms),
            outcomes: self.outcomes.totals(),
            retried: self.retried.load(Ordering::Relaxed),
            ejected: self.ejected.load(Ordering::Relaxed),
        }
    }
}

/// One pool's figures in one zone at one moment; counters since the node's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneActivityReport {
    /// The pool whose endpoints these are.
    pub pool: PoolName,
    /// Their zone.
    pub zone: ZoneId,
    /// Requests sent to it.
    pub requests: u64,
    /// Of these, failed.
    pub failures: u64,
    /// When the newest of them was sent.
    pub last_new_request_at: Option<Timestamp>,
    /// Connections open to it now.
    pub open_connections: u64,
    /// When the last connection to it was closed.
    pub last_open_connection_at: Option<Timestamp>,
    /// Bytes sent to it.
    pub bytes_to_endpoints: u64,
    /// Bytes that came from it.
    pub bytes_to_clients: u64,
    /// When the newest of both moved.
    pub last_byte_at: Option<Timestamp>,
    /// DNS answers that named it.
    pub dns_answers: u64,
    /// When the newest of them was given.
    pub last_dns_answer_at: Option<Timestamp>,
    /// Tries at its endpoints by what became of them. A request that was tried twice is in here twice, in `requests` as well.
    pub outcomes: OutcomeTotals,
    /// Tries that were made again elsewhere.
    pub retried: u64,
    /// Ejections of its endpoints.
    pub ejected: u64,
}

impl ZoneActivityReport {
    /// Nothing has happened there.
    pub fn none(pool: PoolName, zone: ZoneId) -> ZoneActivityReport {
        ZoneActivity::default().report(pool, zone)
    }
}

/// All counters of one node.
#[derive(Debug, Default)]
pub struct Activity {
    zones: RwLock<BTreeMap<(PoolName, ZoneId), Arc<ZoneActivity>>>,
    endpoints: RwLock<BTreeMap<EndpointId, Arc<EndpointStats>>>,
    latencies: Latencies,
    probes: Arc<ProbeCounts>,
    status: Arc<StatusCounts>,
}

impl Activity {
    /// The counters of one pool in one zone; keep the handle, the look-up takes a lock.
    pub fn zone(&self, pool: &PoolName, zone: &ZoneId) -> Arc<ZoneActivity> {
        let key = (pool.clone(), zone.clone());
        if let Some(found) = self.zones.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return found.clone();
        }
        self.zones.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    /// The counters of one endpoint; keep the handle for as long as requests may go there: what nobody holds is forgotten.
    pub fn endpoint(&self, pool: &PoolName, zone: &ZoneId, address: SocketAddr) -> Arc<EndpointStats> {
        let id = EndpointId { pool: pool.clone(), zone: zone.clone(), address };
        if let Some(found) = self.endpoints.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return found.clone();
        }
        let of_zone = self.zone(pool, zone);
        let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        endpoints.entry(id).or_insert_with(|| Arc::new(EndpointStats::new(of_zone))).clone()
    }

    /// Round-trip times of this node's clients.
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// The probes of this node's checker.
    pub fn probes(&self) -> &Arc<ProbeCounts> {
        &self.probes
    }

    /// What this node's zone status does.
    pub fn status(&self) -> &Arc<StatusCounts> {
        &self.status
    }

    /// What happened since the last call, as the second of this number; for the one who tells seconds. Endpoints that nobody holds any more
    /// are told a last time.
    pub fn take_second(&self, number: u64) -> Second {
        let mut zones: Vec<ZoneSecond> = Vec::new();
        let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        let known = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        for (id, stats) in &*endpoints {
            let is_same = |zone: &&mut ZoneSecond| zone.pool == id.pool && zone.zone == id.zone;
            let second = stats.take_second(id.address);
            if let Some(zone) = zones.last_mut().filter(is_same) {
                zone.endpoints.push(second);
                continue;
            }
            let clients =
                known.get(&(id.pool.clone(), id.zone.clone())).map(|zone| zone.clients.take_worst());
            zones.push(ZoneSecond {
                pool: id.pool.clone(),
                zone: id.zone.clone(),
                clients: clients.unwrap_or_default(),
                endpoints: vec![second],
            });
        }
        endpoints.retain(|_, stats| Arc::strong_count(stats) > 1);
        Second { number, zones, left_out: 0 }
    }

    /// The counters of all endpoints, by pool, zone and address.
    pub fn endpoints(&self) -> Vec<(EndpointId, EndpointTotals)> {
        let endpoints = self.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        endpoints.iter().map(|(id, stats)| (id.clone(), stats.totals())).collect()
    }

    /// Times to the first byte by pool and zone; zones without an answer are left out.
    pub fn zone_latencies(&self) -> Vec<(PoolName, ZoneId, LatencyTotals)> {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        let found = zones.iter().map(|((pool, zone), of)| (pool.clone(), zone.clone(), of.latency.totals()));
        found.filter(|(.., totals)| totals.count() > 0).collect()
    }

    /// Forgets the pairs that are not wanted any more, those apart that a writer still holds: connections of a pool that left the
    /// estate may take a while to end. They go with the next call.
    pub fn keep(&self, is_wanted: impl Fn(&PoolName, &ZoneId) -> bool) {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        zones.retain(|(pool, zone), held| Arc::strong_count(held) > 1 || is_wanted(pool, zone));
    }

    /// All figures now, in order of pool and zone.
    pub fn report(&self) -> Vec<ZoneActivityReport> {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        zones.iter().map(|((pool, zone), activity)| activity.report(pool.clone(), zone.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Outcome;
    use crate::second::EndpointSecond;

    #[test]
    fn what_left_the_estate_is_forgotten_once_nobody_writes_it() {
        let activity = Activity::default();
        let zone = ZoneId::new("a").unwrap();
        let pool = |name| PoolName::new(name).unwrap();
        activity.zone(&pool("stays"), &zone).request_sent(Timestamp(1));
        activity.zone(&pool("gone"), &zone).request_sent(Timestamp(1));
        let open = activity.zone(&pool("drains"), &zone);
        let names = || activity.report().iter().map(|line| line.pool.to_string()).collect::<Vec<_>>();
        activity.keep(|name, _| *name == pool("stays"));
        assert_eq!(names(), ["drains", "stays"]);
        drop(open);
        activity.keep(|name, _| *name == pool("stays"));
        assert_eq!(names(), ["stays"]);
        assert_eq!(activity.report()[0].requests, 1);
    }

    #[test]
    fn a_second_has_every_endpoint_and_only_what_came_in_it() {
        let activity = Activity::default();
        let (pool, a, b) =
            (PoolName::new("web").unwrap(), ZoneId::new("a").unwrap(), ZoneId::new("b").unwrap());
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let client = at("192.0.2.9:1").ip();
        let one = activity.endpoint(&pool, &a, at("10.0.0.1:80"));
        let two = activity.endpoint(&pool, &a, at("10.0.0.2:80"));
        let far = activity.endpoint(&pool, &b, at("10.0.1.1:80"));
        one.finished(Outcome::Answered, 900);
        one.finished_for(client, Outcome::ServerError, 1_000);
        one.finished_for(client, Outcome::ClientGone, 0);
        two.finished_for(client, Outcome::ConnectFailed, 3_000_000);
        two.retried();
        two.ejected();
        let show = |second: &Second| {
            let endpoint = |end: &EndpointSecond| {
                format!("{}:{}/{}/{}", end.address.ip(), end.requests, end.faults, end.latency.len())
            };
            let zone = |zone: &ZoneSecond| {
                let endpoints: Vec<String> = zone.endpoints.iter().map(endpoint).collect();
                format!("{} {} worst {}", zone.zone, endpoints.join(" "), zone.clients[0].faults)
            };
            second.zones.iter().map(zone).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            show(&activity.take_second(1)),
            "a 10.0.0.1:2/1/2 10.0.0.2:1/1/0 worst 2, b 10.0.1.1:0/0/0 worst 0"
        );
        drop(far);
        one.finished(Outcome::TimedOut, 60_000_000);
        assert_eq!(
            show(&activity.take_second(2)),
            "a 10.0.0.1:1/1/0 10.0.0.2:0/0/0 worst 0, b 10.0.1.1:0/0/0 worst 0"
        );
        assert_eq!(show(&activity.take_second(3)), "a 10.0.0.1:0/0/0 10.0.0.2:0/0/0 worst 0");
        let report = activity.report();
        let of_a = &report[0];
        assert_eq!((of_a.outcomes.requests(), of_a.outcomes.faults()), (4, 3));
        assert_eq!((of_a.outcomes.of(Outcome::ClientGone), of_a.retried, of_a.ejected), (1, 1, 1));
        assert_eq!(activity.zone_latencies().len(), 1);
        assert_eq!(activity.endpoints().len(), 2);
    }
}
