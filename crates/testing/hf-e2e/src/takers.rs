//! What takes pools over xDS or from a rendered file without a program of ours in between: Envoy, and gRPC clients without a proxy.
//!
//! All of them stand in the clients' namespace. `./test` installs them into target/xds.
//!
//! Not here: what they are asked by (`fronts`), what they are told (`hf-xds`, `hf-render`).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::estate::{CLIENT, ZONES, address};
use crate::fronts::Front;
use crate::process::Running;
use crate::world::World;

/// Where a node serves xDS.
pub const XDS_PORT: u16 = 7605;
/// Where a zone's gRPC server listens.
const GRPC_PORT: u16 = 9100;

/// The node file's section for xDS.
pub fn xds_section(zone: &str) -> String {
    format!("\n[xds]\nlisten = \"{}:{XDS_PORT}\"\n", address(zone))
}

/// A pool of the zones' gRPC servers, `calls`.
pub fn calls_pool() -> String {
    let endpoints =
        ZONES.map(|zone| format!("{{ address = \"{}:{GRPC_PORT}\", zone = \"{zone}\" }}", address(zone)));
    format!(
        "\n[[pool]]\nname = \"calls\"\nmin_zones = 1\nreturn_over = \"1s\"\nendpoint_http = \"2\"\nendpoints = [{}]\n",
        endpoints.join(", ")
    )
}

fn wheel(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/xds/bin").join(program);
    assert!(path.exists(), "{} is not there; `./test` installs it", path.display());
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("xds").join(name)
}

/// By what an Envoy hears of the pool `web`.
#[derive(Clone, Debug)]
pub enum Source {
    /// ADS, state of the world.
    World,
    /// ADS, delta.
    Delta,
    /// A file that is rendered into this folder, `web.json`.
    File(PathBuf),
}

/// An Envoy: by what it hears, where it listens and where its admin does.
#[derive(Clone, Debug)]
pub struct Envoy {
    /// Its name, also in its requests.
    pub name: &'static str,
    /// By what it hears.
    pub source: Source,
    /// Its number among those of a test.
    pub number: u16,
}

impl Envoy {
    /// Where it answers.
    fn port(&self) -> u16 {
        10_000 + self.number
    }

    /// Its log.
    pub fn log(&self, world: &World) -> String {
        std::fs::read_to_string(world.folder().join(format!("{}.log", self.name))).unwrap_or_default()
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When its files cannot be written.
    pub fn start(&self, world: &World) -> Front {
        let folder = world.folder();
        let config = folder.join(format!("{}.json", self.name));
        std::fs::write(&config, self.bootstrap().to_string()).expect("the world's folder is ours");
        let mut command = world.network.command("client", wheel("envoy"));
        let base = std::process::id() % 100_000 * 10 + u32::from(self.number);
        command.args(["--base-id", &base.to_string()]);
        command.args(["--concurrency", "1", "--log-level", "warn", "-c"]).arg(&config);
        let process = Running::start(command, &folder.join(format!("{}.log", self.name)));
        Front { name: self.name, at: format!("{CLIENT}:{}", self.port()), process: Some(process) }
    }

    /// As docs/envoy.md and docs/files.md tell it: clusters and endpoints over one stream, or endpoints from a file; the listener is Envoy's own.
    fn bootstrap(&self) -> Value {
        let route = json!({"name": "all", "validate_clusters": false, "virtual_hosts": [
            {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "web"}}]}]});
        let manager = json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "web", "route_config": route,
            "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}});
        let cluster = match &self.source {
            Source::World | Source::Delta => nodes(),
            Source::File(folder) => {
                json!({"name": "web", "type": "EDS", "connect_timeout": "1s", "ignore_health_on_host_removal": true,
                "eds_cluster_config": {"eds_config": {"path_config_source": {
                    "path": folder.join("web.json"), "watched_directory": {"path": folder}}}}})
            }
        };
        let mut bootstrap = json!({
            "node": {"id": self.name, "cluster": "edge", "locality": {"region": "test", "zone": "az1"}},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9_900 + self.number}}},
            "static_resources": {
                "listeners": [{"name": "web", "address": {"socket_address": {"address": CLIENT, "port_value": self.port()}},
                    "filter_chains": [{"filters": [manager]}]}],
                "clusters": [cluster],
            },
        });
        let protocol = match self.source {
            Source::World => "GRPC",
            Source::Delta => "DELTA_GRPC",
            Source::File(_) => return bootstrap,
        };
        bootstrap["dynamic_resources"] = json!({
            "ads_config": {"api_type": protocol, "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "holdfast"}}]},
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
        });
        bootstrap
    }
}

/// The cluster of the nodes that serve xDS.
fn nodes() -> Value {
    let endpoint = |zone: &str| json!({"endpoint": {"address": {"socket_address": {"address": address(zone), "port_value": XDS_PORT}}}});
    json!({"name": "holdfast", "type": "STATIC", "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}}}},
        "load_assignment": {"cluster_name": "holdfast", "endpoints": [
            {"lb_endpoints": ZONES.iter().map(|zone| endpoint(zone)).collect::<Vec<_>>()}]}})
}

/// A gRPC client without a proxy that calls without end, and a server in each zone.
#[derive(Debug)]
pub struct Caller {
    client: Running,
    _servers: Vec<Running>,
}

impl Caller {
    /// Starts all of them.
    ///
    /// # Panics
    ///
    /// When their files cannot be written.
    pub fn start(world: &World) -> Caller {
        let folder = world.folder();
        let server = |zone: &str| {
            let mut command = world.network.command(zone, wheel("python"));
            command.arg(script("grpc_server.py")).args([&format!("{}:{GRPC_PORT}", address(zone)), zone]);
            Running::start(command, &folder.join(format!("grpc-{zone}.log")))
        };
        let servers = ZONES.map(server).into();
        let bootstrap = json!({
            "xds_servers": [{"server_uri": format!("{}:{XDS_PORT}", address("az3")), "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"]}],
            "node": {"id": "grpc-client", "cluster": "calls", "locality": {"region": "test", "zone": "az1"}},
        });
        let config = folder.join("grpc.json");
        std::fs::write(&config, bootstrap.to_string()).expect("the world's folder is ours");
        let mut command = world.network.command("client", wheel("python"));
        command.arg(script("grpc_client.py")).arg("xds:///calls").env("GRPC_XDS_BOOTSTRAP", &config);
        Caller { client: Running::start(command, &folder.join("grpc-client.log")), _servers: servers }
    }

    /// Its calls: when, and which zone answered or that it failed.
    pub fn calls(&self) -> Vec<(u64, String)> {
        let call = |line: &str| {
            let (at, answer) = line.split_once(' ')?;
            Some((at.parse().ok()?, answer.trim().to_owned()))
        };
        self.client.text().lines().filter_map(call).collect()
    }

    /// When it last was answered in a zone.
    pub fn last_in(&self, zone: &str) -> Option<u64> {
        self.calls().iter().rev().find(|(_, answer)| answer == zone).map(|(at, _)| *at)
    }
}
