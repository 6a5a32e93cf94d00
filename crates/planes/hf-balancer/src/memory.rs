//! What a balancer knows of its endpoints and should not lose by a restart: an endpoint that was out stays out, and a balancer that remembers
//! takes traffic at once.
//!
//! Not here: where it is kept (the state file), how old it may be.

use std::net::SocketAddr;
use std::sync::Arc;

use hf_balance::SavedEjection;
use hf_model::{PoolName, ZoneId};
use tokio::sync::watch;

use crate::endpoint::Endpoint;
use crate::routes::Placed;

/// What is known of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointMemory {
    /// Its pool.
    pub pool: PoolName,
    /// Its zone.
    pub zone: ZoneId,
    /// Where it listens.
    pub address: SocketAddr,
    /// What this balancer's own check says; none before its first result.
    pub healthy: Option<bool>,
    /// How fast it answers, in microseconds; 0 when nothing is known.
    pub latency_us: u32,
    /// How much is left of its ejection; 0: it is not out.
    pub ejected_ms: u64,
    /// Ejections that count for the length of the next one.
    pub ejections: u32,
}

/// Reads what a running balancer knows.
#[derive(Clone, Debug)]
pub struct Memories(pub(crate) watch::Receiver<Option<Arc<Placed>>>);

impl Memories {
    /// All that is worth remembering now, in the order of the estate.
    pub fn read(&self) -> Vec<EndpointMemory> {
        let placed = self.0.borrow().clone();
        let mut all = Vec::new();
        let Some(placed) = placed else { return all };
        placed.each_pool(|outliers, endpoints| {
            let Some(first) = endpoints.first() else { return };
            let now_ms = first.now_ms();
            let saved = outliers.saved(now_ms);
            all.extend(endpoints.iter().map(|endpoint| {
                let ejection = saved.iter().find(|saved| saved.key == endpoint.id);
                EndpointMemory {
                    pool: endpoint.key.pool.clone(),
                    zone: endpoint.key.zone.clone(),
                    address: endpoint.key.address,
                    healthy: endpoint.health.is_healthy(),
                    latency_us: endpoint.pace.latency_us(now_ms),
                    ejected_ms: ejection.map_or(0, |saved| saved.left_ms),
                    ejections: ejection.map_or(0, |saved| saved.times),
                }
            }));
        });
        all
    }
}

/// Gives `endpoint` back what is known of it; the ejection, if one counts, is for the pool.
pub fn restore(memory: &EndpointMemory, endpoint: &Endpoint) -> Option<SavedEjection<u64>> {
    if let Some(healthy) = memory.healthy {
        endpoint.health.observed(healthy);
    }
    if memory.latency_us > 0 {
        endpoint.pace.resume(memory.latency_us, endpoint.now_ms());
    }
    endpoint.served_before();
    let saved = SavedEjection { key: endpoint.id, left_ms: memory.ejected_ms, times: memory.ejections };
    (memory.ejections > 0).then_some(saved)
}
