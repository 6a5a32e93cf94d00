//! One endpoint as all workers see it: its standing by decision, its health by our own experience, its load.
//!
//! An endpoint is the same as long as pool, address and zone are: its experience outlives a new estate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use hf_model::{PoolName, ZoneId};
use hf_telemetry::ZoneActivity;
use tokio::sync::watch;

use crate::health::LocalHealth;

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
    /// What we know of it ourselves.
    pub health: LocalHealth,
    /// Requests under way, all workers together.
    pub in_flight: AtomicU32,
    standing_now: AtomicU8,
    standing: watch::Sender<Standing>,
}

impl Endpoint {
    /// A new endpoint, serving.
    pub fn new(id: u64, key: EndpointKey, activity: Arc<ZoneActivity>, health: LocalHealth) -> Self {
        Endpoint {
            id,
            key,
            activity,
            health,
            in_flight: AtomicU32::new(0),
            standing_now: AtomicU8::new(Standing::Serving as u8),
            standing: watch::Sender::new(Standing::Serving),
        }
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
        self.standing_now.store(standing as u8, Ordering::Release);
        self.standing.send_if_modified(|now| std::mem::replace(now, standing) != standing);
    }
}
