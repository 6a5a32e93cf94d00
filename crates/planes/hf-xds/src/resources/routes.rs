//! What a gRPC client needs to make `xds:///web` of a pool `web`: a listener that nobody opens, and the way from it to the cluster.
//!
//! Not here: routing. Everything that is asked of the pool's name goes to the pool.

use hf_config::estate::Pool;

use crate::messages::{
    Any, ApiListener, ConfigSource, Empty, HttpConnectionManager, HttpFilter, Listener, PathSpecifier, Rds,
    Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost,
};

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// The pool's listener.
pub fn listener(pool: &Pool) -> Listener {
    let router = HttpFilter { name: "router".to_owned(), typed_config: Some(Any::of(ROUTER, &Empty {})) };
    let manager = HttpConnectionManager {
        stat_prefix: pool.name.to_string(),
        rds: Some(Rds {
            config_source: Some(ConfigSource::same_stream()),
            route_config_name: pool.name.to_string(),
        }),
        http_filters: vec![router],
    };
    Listener {
        name: pool.name.to_string(),
        api_listener: Some(ApiListener { api_listener: Some(Any::of(MANAGER, &manager)) }),
    }
}

/// Everything to the pool's cluster.
pub fn route(pool: &Pool) -> RouteConfiguration {
    let name = || pool.name.to_string();
    let all = Route {
        r#match: Some(RouteMatch { path: Some(PathSpecifier::Prefix("/".to_owned())) }),
        route: Some(RouteAction { cluster: name() }),
    };
    let host = VirtualHost { name: name(), domains: vec!["*".to_owned()], routes: vec![all] };
    RouteConfiguration { name: name(), virtual_hosts: vec![host] }
}
