//! A pool as Envoy reads it from a file: a discovery response with one `ClusterLoadAssignment`.
//!
//! 1. Zones are localities. One that gets nothing is left out, not listed as unhealthy: Envoy's panic threshold would send requests there.
//! 2. So is an endpoint that gets nothing. A pool that is closed lists nothing, and Envoy answers 503: what its `all_down` asks for.
//! 3. The version is a digest of what is listed: it changes when that does.
//!
//! Source: <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint.proto>.

use std::collections::BTreeMap;

use hf_balance::{Listed, Listing};
use hf_config::estate::{Estate, ZoneIx};
use hf_model::Digest;
use serde::Serialize;

const TYPE: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

#[derive(Serialize)]
struct Response<'a> {
    version_info: String,
    resources: [Assignment<'a>; 1],
}

#[derive(Serialize)]
struct Assignment<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    cluster_name: &'a str,
    endpoints: Vec<InLocality<'a>>,
}

#[derive(Serialize)]
struct InLocality<'a> {
    locality: Locality<'a>,
    load_balancing_weight: u32,
    lb_endpoints: Vec<LbEndpoint>,
}

#[derive(Serialize)]
struct Locality<'a> {
    region: &'a str,
    zone: &'a str,
}

#[derive(Serialize)]
struct LbEndpoint {
    endpoint: Endpoint,
    load_balancing_weight: u32,
}

#[derive(Serialize)]
struct Endpoint {
    address: Address,
}

#[derive(Serialize)]
struct Address {
    socket_address: SocketAddress,
}

#[derive(Serialize)]
struct SocketAddress {
    address: String,
    port_value: u16,
}

/// The file's text.
pub fn assignment(estate: &Estate, listing: &Listing, cluster: &str, steps: u32) -> String {
    let mut zones: BTreeMap<ZoneIx, Vec<(&Listed, u32)>> = BTreeMap::new();
    for (listed, weight) in listing.endpoints.iter().zip(listing.weights(steps)) {
        if weight > 0 {
            zones.entry(listed.zone).or_default().push((listed, weight));
        }
    }
    let in_locality = |(zone, endpoints): (ZoneIx, Vec<(&Listed, u32)>)| {
        let zone = estate.zone(zone);
        InLocality {
            locality: Locality {
                region: estate.regions[zone.region.at()].id.as_str(),
                zone: zone.id.as_str(),
            },
            // 20,000 endpoints of the largest weight stay below 2^32.
            load_balancing_weight: endpoints
                .iter()
                .fold(0, |sum: u32, (_, weight)| sum.saturating_add(*weight)),
            lb_endpoints: endpoints.into_iter().map(|(of, weight)| lb_endpoint(of, weight)).collect(),
        }
    };
    let assignment = Assignment {
        kind: TYPE,
        cluster_name: cluster,
        endpoints: zones.into_iter().map(in_locality).collect(),
    };
    let listed = serde_json::to_string(&assignment).expect("names and numbers are JSON");
    let response = Response { version_info: Digest::of(listed.as_bytes()).short(), resources: [assignment] };
    let mut text = serde_json::to_string_pretty(&response).expect("names and numbers are JSON");
    text.push('\n');
    text
}

fn lb_endpoint(of: &Listed, weight: u32) -> LbEndpoint {
    let socket_address =
        SocketAddress { address: of.address.ip().to_string(), port_value: of.address.port() };
    LbEndpoint { endpoint: Endpoint { address: Address { socket_address } }, load_balancing_weight: weight }
}
