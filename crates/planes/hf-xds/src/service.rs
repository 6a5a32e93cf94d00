//! Which call is which: paths of the services to protocol and type.

use crate::resources::Kind;

/// How a client speaks on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Delta, or the state of the world.
    pub delta: bool,
    /// The one type that it tells; none for the aggregated service.
    pub only: Option<Kind>,
}

impl Service {
    /// The service of this path.
    pub fn of(path: &str) -> Option<Service> {
        let (service, method) = path.strip_prefix("/envoy.service.")?.split_once('/')?;
        let (only, what) = match service {
            "discovery.v3.AggregatedDiscoveryService" => (None, "AggregatedResources"),
            "cluster.v3.ClusterDiscoveryService" => (Some(Kind::Cluster), "Clusters"),
            "endpoint.v3.EndpointDiscoveryService" => (Some(Kind::Endpoints), "Endpoints"),
            "listener.v3.ListenerDiscoveryService" => (Some(Kind::Listener), "Listeners"),
            "route.v3.RouteDiscoveryService" => (Some(Kind::Route), "Routes"),
            _ => return None,
        };
        match method.strip_suffix(what)? {
            "Stream" => Some(Service { delta: false, only }),
            "Delta" => Some(Service { delta: true, only }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_both_protocols() {
        let of = |path: &str| Service::of(path).map(|of| (of.delta, of.only));
        let aggregated = "/envoy.service.discovery.v3.AggregatedDiscoveryService";
        assert_eq!(of(&format!("{aggregated}/StreamAggregatedResources")), Some((false, None)));
        assert_eq!(of(&format!("{aggregated}/DeltaAggregatedResources")), Some((true, None)));
        let endpoints = "/envoy.service.endpoint.v3.EndpointDiscoveryService";
        assert_eq!(of(&format!("{endpoints}/StreamEndpoints")), Some((false, Some(Kind::Endpoints))));
        assert_eq!(of(&format!("{endpoints}/FetchEndpoints")), None);
        assert_eq!(of("/grpc.health.v1.Health/Check"), None);
    }
}
