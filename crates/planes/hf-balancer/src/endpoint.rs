//! One endpoint as all workers see it: its standing by decision, its health by our own experience, its load and its pace.
//!
//! An endpoint is the same as long as pool, address and zone are: its experience outlives a new estate.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use hf_model::{PoolName, ZoneId};
use hf_telemetry::{Activity, EndpointStats, Outcome, ZoneActivity};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::health::LocalHealth;
use crate::outliers::Outliers;
use crate::pace::Pace;

/// What an endpoint is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointKey {
    /// Its pool.
    pub pool: PoolName,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is.
    pub zone: ZoneId,
}

/// What the decision says of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It gets new requests.
    Serving,
    /// It gets none; those under way may take their time. Idle connections are closed.
    Resting,
    /// Its zone was left, or it left the estate: as resting, and what is under way is cut after `drain`.
    Leaving,
}

/// One endpoint, shared by all workers.
#[derive(Debug)]
pub struct Endpoint {
    /// Unique in this process.
    pub id: u64,
    /// What it is known by.
    pub key: EndpointKey,
    /// Its pool's counters in its zone.
    pub activity: Arc<ZoneActivity>,
    /// Its own counters.
    pub stats: Arc<EndpointStats>,
    /// Who ejects it.
    pub outliers: Arc<Outliers>,
    /// What we know of it ourselves.
    pub health: LocalHealth,
    /// How fast it answers.
    pub pace: Pace,
    /// Requests under way, all workers together.
    pub in_flight: AtomicU32,
    /// What it is called in stickiness cookies.
    pub token: u64,
    statuses_count: AtomicBool,
    base: Instant,
    serves_since_ms: AtomicU64,
    standing_now: AtomicU8,
    standing: watch::Sender<Standing>,
}

impl Endpoint {
    /// A new endpoint, serving. Times are counted from `base`.
    pub fn new(
        id: u64,
        key: EndpointKey,
        base: Instant,
        activity: &Activity,
        outliers: Arc<Outliers>,
    ) -> Self {
        let stats = activity.endpoint(&key.pool, &key.zone, key.address);
        let activity = activity.zone(&key.pool, &key.zone);
        let token = crate::sticky::token(&key);
        let endpoint = Endpoint {
            id,
            key,
            activity,
            stats,
            outliers,
            health: LocalHealth::default(),
            pace: Pace::default(),
            in_flight: AtomicU32::new(0),
            token,
            statuses_count: AtomicBool::new(true),
            base,
            serves_since_ms: AtomicU64::new(0),
            standing_now: AtomicU8::new(Standing::Serving as u8),
            standing: watch::Sender::new(Standing::Serving),
        };
        endpoint.begins_to_serve();
        endpoint
    }

    /// What the decision says of it.
    pub fn standing(&self) -> Standing {
        match self.standing_now.load(Ordering::Acquire) {
            0 => Standing::Serving,
            1 => Standing::Resting,
            _ => Standing::Leaving,
        }
    }

    /// Whether a new request may go there.
    pub fn serves(&self) -> bool {
        self.standing() == Standing::Serving
    }

    /// Tells connections when the standing changes.
    pub fn watch_standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Takes what a new decision says.
    pub fn set_standing(&self, standing: Standing) {
        let was = self.standing_now.swap(standing as u8, Ordering::AcqRel);
        if standing == Standing::Serving && was != Standing::Serving as u8 {
            self.begins_to_serve();
        }
        self.standing.send_if_modified(|now| std::mem::replace(now, standing) != standing);
    }

    /// Its slow start begins: it came, came back or was found well again.
    pub fn begins_to_serve(&self) {
        self.serves_since_ms.store(self.now_ms().max(1), Ordering::Relaxed);
    }

    /// It has served for ever: no slow start.
    pub fn served_before(&self) {
        self.serves_since_ms.store(0, Ordering::Relaxed);
    }

    /// For how long it has served.
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        let since = self.serves_since_ms.load(Ordering::Relaxed);
        if since == 0 {
            return u64::MAX;
        }
        now_ms.saturating_sub(since)
    }

    /// What became of a request that went there.
    pub fn finished(&self, client: IpAddr, outcome: Outcome, first_byte_us: u32) {
        self.stats.finished_for(client, outcome, first_byte_us);
        if outcome.is_fault() {
            self.activity.request_failed();
        }
        self.outliers.note(self, outcome);
        let now_ms = self.now_ms();
        match outcome {
            Outcome::Answered => self.pace.sample(first_byte_us, now_ms),
            Outcome::ServerError | Outcome::GrpcError => self.pace.setback(first_byte_us, now_ms),
            Outcome::ConnectFailed | Outcome::Reset | Outcome::TimedOut => self.pace.failure(now_ms),
            Outcome::ClientGone => {}
        }
    }

    /// Whether an answer with a status from 500 is a failure of the endpoint.
    pub fn statuses_count(&self) -> bool {
        self.statuses_count.load(Ordering::Relaxed)
    }

    /// Takes whether it is.
    pub fn set_statuses_count(&self, count: bool) {
        self.statuses_count.store(count, Ordering::Relaxed);
    }

    /// Milliseconds since this balancer began: by this clock all of it is told the time.
    pub fn now_ms(&self) -> u64 {
        self.base.elapsed().as_millis() as u64
    }
}
