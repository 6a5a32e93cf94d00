//! A pool as a cluster.
//!
//! 1. Its endpoints come by EDS over the same stream. Zones are weighed by what they can carry (`locality_weighted_lb_config`).
//! 2. An endpoint that leaves the table is left at once, also by an Envoy with health checks of its own: Envoy would keep one that its own check
//!    finds healthy, and so stay in a zone that was evacuated (`ignore_health_on_host_removal`).
//! 3. Round robin: a gRPC client refuses a whole answer with a policy that it does not know.
//!
//! Not here: TLS to endpoints, health checks, circuit breakers: who wants them writes the cluster and takes only endpoints from here.

use std::collections::BTreeMap;

use hf_config::estate::{EndpointHttp, Pool};

use crate::messages::{
    Any, Cluster, CommonLbConfig, ConfigSource, EdsClusterConfig, Empty, ExplicitHttpConfig,
    HttpProtocolOptions, Length,
};

/// Envoy's name of the options that say which version of HTTP endpoints speak; its type's name too.
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The pool's cluster.
pub fn cluster(pool: &Pool) -> Cluster {
    let connect = pool.patience.connect;
    let mut options = BTreeMap::new();
    if pool.to_endpoint.http == EndpointHttp::Http2 {
        let explicit = ExplicitHttpConfig { http2_protocol_options: Some(Empty {}) };
        let http2 = HttpProtocolOptions { explicit_http_config: Some(explicit) };
        options
            .insert(HTTP_OPTIONS.to_owned(), Any::of(&format!("type.googleapis.com/{HTTP_OPTIONS}"), &http2));
    }
    Cluster {
        name: pool.name.to_string(),
        discovery: Cluster::EDS,
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ConfigSource::same_stream()) }),
        connect_timeout: Some(Length {
            seconds: i64::try_from(connect.as_secs()).unwrap_or(i64::MAX),
            nanos: connect.subsec_nanos().cast_signed(),
        }),
        common_lb_config: Some(CommonLbConfig { locality_weighted_lb_config: Some(Empty {}) }),
        ignore_health_on_host_removal: true,
        typed_extension_protocol_options: options,
    }
}
