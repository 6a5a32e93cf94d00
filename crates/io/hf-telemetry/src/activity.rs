//! What data planes did per pool and zone: the figures behind "time to zero".
//!
//! Balancers and DNS servers write, the feed's report reads. Writers touch atomics only; the table is bounded by the
//! estate's limits on pools and zones: what has left it goes with [`Activity::keep`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use hf_model::{PoolName, Timestamp, ZoneId};

/// The counters of one pool in one zone.
#[derive(Debug, Default)]
pub struct ZoneActivity {
    requests: AtomicU64,
    failures: AtomicU64,
    last_new_request_ms: AtomicU64,
    open_connections: AtomicI64,
    last_open_connection_ms: AtomicU64,
    dns_answers: AtomicU64,
    last_dns_answer_ms: AtomicU64,
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

    fn report(&self, pool: &PoolName, zone: &ZoneId) -> ZoneActivityReport {
        let stamp = |value: &AtomicU64| match value.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Timestamp(ms)),
        };
        ZoneActivityReport {
            pool: pool.clone(),
            zone: zone.clone(),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_new_request_at: stamp(&self.last_new_request_ms),
            open_connections: u64::try_from(self.open_connections.load(Ordering::Relaxed)).unwrap_or(0),
            last_open_connection_at: stamp(&self.last_open_connection_ms),
            dns_answers: self.dns_answers.load(Ordering::Relaxed),
            last_dns_answer_at: stamp(&self.last_dns_answer_ms),
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
    /// DNS answers that named it.
    pub dns_answers: u64,
    /// When the newest of them was given.
    pub last_dns_answer_at: Option<Timestamp>,
}

/// All counters of one node.
#[derive(Debug, Default)]
pub struct Activity {
    zones: RwLock<BTreeMap<(PoolName, ZoneId), Arc<ZoneActivity>>>,
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

    /// Forgets the pairs that are not wanted any more, those apart that a writer still holds: connections of a pool that left the
    /// estate may take a while to end. They go with the next call.
    pub fn keep(&self, is_wanted: impl Fn(&PoolName, &ZoneId) -> bool) {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        zones.retain(|(pool, zone), held| Arc::strong_count(held) > 1 || is_wanted(pool, zone));
    }

    /// All figures now, in order of pool and zone.
    pub fn report(&self) -> Vec<ZoneActivityReport> {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        zones.iter().map(|((pool, zone), activity)| activity.report(pool, zone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
