//! What balancers tell of their traffic beside their reports: each second as they saw it, and how far their clients are.
//!
//! 1. A second goes to the nodes with the control role as soon as it is over, once: late seconds decide nothing. A line for each endpoint whatever
//!    happened, all buckets of its histogram included: one byte for an empty one, so that an outage makes no longer message.
//! 2. Of more than [`ENDPOINTS_MAX`] endpoints those with traffic travel; how many were left out is said.
//! 3. Latencies go to the nodes with the roles control and DNS on every tenth beat: at most [`NETWORKS_MAX`] networks, those with most samples.
//! 4. A version byte and a postcard body; an unknown version is skipped, and so is the kind of message by programs that do not know it.
//!
//! Not here: what is made of it (`hf-node` lays seconds together, `hf-geo` makes tables).

use std::net::{IpAddr, SocketAddr};

use hf_model::{Cidr, PoolName, Timestamp, ZoneId};
use hf_telemetry::histogram::BUCKETS;
use hf_telemetry::{ClientCount, EndpointSecond, LatencyCounts, MeasuredLatency, Second, ZoneSecond};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::report::ReportError;

/// Endpoints of one second that travel: with all counts at their largest 4 MiB, in practice some 200 bytes each.
pub const ENDPOINTS_MAX: usize = 4_096;
/// Networks that travel.
pub const NETWORKS_MAX: usize = 4_096;
const SECOND_VERSION: u8 = 1;
const LATENCIES_VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct WireSecond {
    number: u64,
    zones: Vec<WireZone>,
    left_out: u32,
}

#[derive(Serialize, Deserialize)]
struct WireZone {
    pool: String,
    zone: String,
    clients: [(u64, u32, u32); 2],
    endpoints: Vec<WireEndpoint>,
}

#[derive(Serialize, Deserialize)]
struct WireEndpoint {
    address: SocketAddr,
    requests: u32,
    faults: u32,
    retried: u32,
    ejected: u32,
    latency: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct WireLatency {
    base: IpAddr,
    bits: u8,
    micros: u32,
    samples: u32,
    at: u64,
}

/// As bytes for the wire.
pub fn encode_second(second: &Second) -> Vec<u8> {
    let all: Vec<&EndpointSecond> = second.zones.iter().flat_map(|zone| &zone.endpoints).collect();
    let left_out = all.len().saturating_sub(ENDPOINTS_MAX);
    // Which requests an endpoint must have to travel, and how many with just that have room.
    let mut by_requests: Vec<u32> = all.iter().map(|endpoint| endpoint.requests).collect();
    by_requests.sort_unstable_by(|one, other| other.cmp(one));
    let least = if left_out == 0 { 0 } else { by_requests[ENDPOINTS_MAX - 1] };
    let mut room_at_least = by_requests.iter().take(ENDPOINTS_MAX).filter(|count| **count == least).count();
    let mut travels = |endpoint: &&EndpointSecond| {
        if endpoint.requests != least {
            return endpoint.requests > least;
        }
        let has_room = room_at_least > 0;
        room_at_least -= usize::from(has_room);
        has_room
    };
    let mut zones = Vec::with_capacity(second.zones.len());
    for zone in &second.zones {
        zones.push(WireZone {
            pool: zone.pool.to_string(),
            zone: zone.zone.to_string(),
            clients: zone.clients.map(|client| (client.key, client.requests, client.faults)),
            endpoints: zone
                .endpoints
                .iter()
                .filter(|endpoint| travels(endpoint))
                .map(endpoint_to_wire)
                .collect(),
        });
    }
    let left_out = second.left_out.saturating_add(u32::try_from(left_out).unwrap_or(u32::MAX));
    let wire = WireSecond { number: second.number, zones, left_out };
    postcard::to_extend(&wire, vec![SECOND_VERSION]).expect("plain data always has a postcard form")
}

fn endpoint_to_wire(endpoint: &EndpointSecond) -> WireEndpoint {
    WireEndpoint {
        address: endpoint.address,
        requests: endpoint.requests,
        faults: endpoint.faults,
        retried: endpoint.retried,
        ejected: endpoint.ejected,
        latency: endpoint.latency.0.to_vec(),
    }
}

/// From bytes off the wire.
pub fn decode_second(bytes: &[u8]) -> Result<Second, ReportError> {
    let wire: WireSecond = open(bytes, SECOND_VERSION)?;
    let count: usize = wire.zones.iter().map(|zone| zone.endpoints.len()).sum();
    if count > ENDPOINTS_MAX || wire.zones.len() > ENDPOINTS_MAX {
        return Err(ReportError::Bad(format!("{count} endpoints in a second")));
    }
    let zones = wire.zones.into_iter().map(zone_from_wire).collect::<Result<_, _>>()?;
    Ok(Second { number: wire.number, zones, left_out: wire.left_out })
}

fn zone_from_wire(wire: WireZone) -> Result<ZoneSecond, ReportError> {
    Ok(ZoneSecond {
        pool: PoolName::new(&wire.pool).map_err(bad)?,
        zone: ZoneId::new(&wire.zone).map_err(bad)?,
        clients: wire.clients.map(|(key, requests, faults)| ClientCount { key, requests, faults }),
        endpoints: wire.endpoints.into_iter().map(endpoint_from_wire).collect::<Result<_, _>>()?,
    })
}

fn endpoint_from_wire(wire: WireEndpoint) -> Result<EndpointSecond, ReportError> {
    let latency: Box<[u32; BUCKETS]> =
        wire.latency.try_into().map_err(|_| ReportError::Bad("a histogram of another shape".to_owned()))?;
    Ok(EndpointSecond {
        address: wire.address,
        requests: wire.requests,
        faults: wire.faults,
        retried: wire.retried,
        ejected: wire.ejected,
        latency: LatencyCounts(latency),
    })
}

/// As bytes for the wire; of too many those with most samples.
pub fn encode_latencies(all: &[MeasuredLatency]) -> Vec<u8> {
    let wire: Vec<WireLatency> = heaviest(all).into_iter().map(latency_to_wire).collect();
    postcard::to_extend(&wire, vec![LATENCIES_VERSION]).expect("plain data always has a postcard form")
}

fn heaviest(all: &[MeasuredLatency]) -> Vec<MeasuredLatency> {
    let mut lines = all.to_vec();
    if lines.len() > NETWORKS_MAX {
        lines.sort_by_key(|line| std::cmp::Reverse((line.samples, line.at)));
        lines.truncate(NETWORKS_MAX);
        lines.sort_by_key(|line| line.network);
    }
    lines
}

fn latency_to_wire(line: MeasuredLatency) -> WireLatency {
    WireLatency {
        base: line.network.base(),
        bits: line.network.bits(),
        micros: line.micros,
        samples: line.samples,
        at: line.at.0,
    }
}

/// From bytes off the wire.
pub fn decode_latencies(bytes: &[u8]) -> Result<Vec<MeasuredLatency>, ReportError> {
    let wire: Vec<WireLatency> = open(bytes, LATENCIES_VERSION)?;
    if wire.len() > NETWORKS_MAX {
        return Err(ReportError::Bad(format!("{} measured networks", wire.len())));
    }
    wire.iter().map(latency_from_wire).collect()
}

fn latency_from_wire(wire: &WireLatency) -> Result<MeasuredLatency, ReportError> {
    // Wider ones would speak for people whom nobody measured.
    let bits = if wire.base.is_ipv4() { 24 } else { 48 };
    let network = Cidr::around(wire.base, bits);
    if wire.bits != bits || network.base() != wire.base {
        return Err(ReportError::Bad(format!("{}/{} is no network that is measured", wire.base, wire.bits)));
    }
    Ok(MeasuredLatency { network, micros: wire.micros, samples: wire.samples, at: Timestamp(wire.at) })
}

fn open<T: DeserializeOwned>(bytes: &[u8], known: u8) -> Result<T, ReportError> {
    let (version, body) = bytes.split_first().ok_or_else(|| ReportError::Bad("no bytes".to_owned()))?;
    if *version != known {
        return Err(ReportError::Version(*version));
    }
    postcard::from_bytes(body).map_err(bad)
}

fn bad(error: impl std::fmt::Display) -> ReportError {
    ReportError::Bad(error.to_string())
}

#[cfg(test)]
mod tests;
