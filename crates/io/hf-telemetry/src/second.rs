//! One second as one balancer saw it: what the detector of gray failures goes by.
//!
//! 1. A line for each endpoint that the balancer carries, with traffic or without: what travels has the same shape whatever happened.
//! 2. Counts are those of one second. Who misses one misses it: old seconds decide nothing.
//! 3. Seconds are numbered by the observer's clock, in whole seconds of Unix time, so that those of several observers can be laid together.
//!
//! Not here: laying together (`merge`), the bytes (`hf-feed`), verdicts.

use std::net::SocketAddr;

use hf_model::{PoolName, ZoneId};

use crate::clients::{CLIENTS_TOLD, ClientCount};
use crate::histogram::LatencyCounts;

/// One second at one observer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Which: seconds of Unix time.
    pub number: u64,
    /// By pool and zone, in their order.
    pub zones: Vec<ZoneSecond>,
    /// Endpoints beyond what travels.
    pub left_out: u32,
}

/// One pool in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSecond {
    /// The pool.
    pub pool: PoolName,
    /// The zone.
    pub zone: ZoneId,
    /// The clients with most faults; those without a key are nobody.
    pub clients: [ClientCount; CLIENTS_TOLD],
    /// All its endpoints, by address.
    pub endpoints: Vec<EndpointSecond>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSecond {
    /// Where it listens.
    pub address: SocketAddr,
    /// Requests whose fate became known, without those that clients broke off.
    pub requests: u32,
    /// Of these, faults.
    pub faults: u32,
    /// Tries that were made again elsewhere.
    pub retried: u32,
    /// Ejections.
    pub ejected: u32,
    /// Times to the first byte of those that were answered.
    pub latency: LatencyCounts,
}

impl Second {
    /// Endpoints in it.
    pub fn len(&self) -> usize {
        self.zones.iter().map(|zone| zone.endpoints.len()).sum()
    }

    /// Whether it has no endpoint.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl EndpointSecond {
    /// Nothing came of nothing.
    pub fn none(address: SocketAddr) -> EndpointSecond {
        EndpointSecond {
            address,
            requests: 0,
            faults: 0,
            retried: 0,
            ejected: 0,
            latency: LatencyCounts::default(),
        }
    }

    /// Adds what another observer saw of it.
    pub fn add(&mut self, other: &EndpointSecond) {
        self.requests = self.requests.saturating_add(other.requests);
        self.faults = self.faults.saturating_add(other.faults);
        self.retried = self.retried.saturating_add(other.retried);
        self.ejected = self.ejected.saturating_add(other.ejected);
        self.latency.add(&other.latency);
    }
}
