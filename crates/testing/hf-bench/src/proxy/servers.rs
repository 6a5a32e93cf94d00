//! The proxies: our node and the peers that are installed, each in a folder of its own, on core 0, with one worker and two endpoints behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::tls::{Files, NAME};
use crate::process::Program;
use crate::{Told, cores, cpu};

/// Where the endpoints listen.
const ENDPOINTS: [&str; 2] = ["127.0.0.1:17490", "127.0.0.1:17491"];
/// The first port of the first proxy; the next has its own ten.
const PORT: u16 = 17_400;

/// What a proxy listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 without TLS.
    H2,
    /// HTTP/1.1 and HTTP/2 over TLS.
    Tls,
    /// Bytes.
    Tcp,
}

/// A proxy that runs.
#[derive(Debug)]
pub struct Server {
    /// What the report calls it.
    pub name: String,
    base: u16,
    http2_shares: bool,
    program: Program,
}

/// Starts the endpoints, on this thread's core.
pub fn endpoints(folder: &Path) -> Told<Program> {
    let own = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    // A test of it lies one folder deeper than the program itself.
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join("proxy")).find(|path| path.is_file());
    let own = found.ok_or_else(|| format!("the program `proxy` is not beside {}", own.display()))?;
    Program::start(&own, vec!["--endpoint".to_owned(), ENDPOINTS.join(",")], folder.join("endpoints.log"))
}

impl Server {
    /// The process that serves.
    pub fn pid(&self) -> Told<u32> {
        self.program.pid().ok_or_else(|| format!("{} does not run", self.name))
    }

    /// Its memory.
    pub fn memory_mb(&self) -> f64 {
        self.program.pid().map_or(0.0, cpu::memory_mb)
    }

    /// What it wrote last, for an error.
    pub fn last_words(&self) -> String {
        self.program.last_words()
    }

    /// Where it listens for this.
    pub fn listens_at(&self, listener: Listener) -> SocketAddr {
        let listener = if listener == Listener::H2 && self.http2_shares { Listener::Http } else { listener };
        SocketAddr::from(([127, 0, 0, 1], port(self.base, listener)))
    }

    fn start(name: &str, base: u16, command: &[String], folder: &Path) -> Told<Server> {
        let (path, arguments) = command.split_first().ok_or("no command")?;
        let log = folder.join("log");
        let start = || Program::start(Path::new(path), arguments.to_vec(), log.clone());
        let program = cores::on_core_0(start)??;
        Ok(Server {
            name: name.to_owned(),
            base,
            http2_shares: matches!(name, "holdfast" | "envoy"),
            program,
        })
    }

    /// Our node: control, and a balancer with one worker.
    pub fn holdfast(holdfast: &Path, files: &Files, folder: &Path) -> Told<Server> {
        let folder = made(folder, "holdfast")?;
        let base = PORT;
        let node = format!(
            "[node]\nid = \"bench\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"balancer\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"127.0.0.1:{api}\"\n[feed]\nlisten = \"127.0.0.1:{feed}\"\n\
             [balancer]\nworkers = 1\ncertificates = [{{ certificate = \"{certificate}\", key = \"{key}\" }}]\n",
            api = base + 1_000,
            feed = base + 2_000,
            certificate = files.certificate.display(),
            key = files.key.display(),
        );
        write(&folder.join("node.toml"), &node)?;
        let mut estate =
            "[[region]]\nid = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\n[[health_check]]\nname = \"up\"\nkind = \"http\"\npath = \"/\"\ninterval = \"1s\"\n".to_owned();
        for (name, listener, more) in [
            ("plain", Listener::Http, "protocol = \"http\"\n"),
            ("secure", Listener::Tls, "protocol = \"http\"\ntls = true\n"),
            ("bytes", Listener::Tcp, "protocol = \"tcp\"\n"),
        ] {
            let [one, other] = ENDPOINTS;
            estate += &format!(
                "[[pool]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\nhealth_check = \"up\"\n{more}endpoints = [{{ address = \"{one}\", zone = \"az1\" }}, {{ address = \"{other}\", zone = \"az1\" }}]\n",
                port = port(base, listener)
            );
        }
        write(&folder.join("estate.toml"), &estate)?;
        let serve = [
            holdfast.display().to_string(),
            "serve".to_owned(),
            "-c".to_owned(),
            text(&folder.join("node.toml")),
        ];
        Server::start("holdfast", base, &serve, &folder)
    }

    /// The peers that are installed and can do this.
    pub fn peers(
        listener: Listener,
        envoy: Option<&Path>,
        files: &Files,
        folder: &Path,
    ) -> Told<Vec<Server>> {
        let mut servers = Vec::new();
        if let Some(haproxy) = installed("haproxy") {
            let folder = made(folder, "haproxy")?;
            let config = haproxy_config(PORT + 10, files);
            write(&folder.join("haproxy.cfg"), &config)?;
            let command = [haproxy, "-db".to_owned(), "-f".to_owned(), text(&folder.join("haproxy.cfg"))];
            servers.push(Server::start("haproxy", PORT + 10, &command, &folder)?);
        }
        if let Some(nginx) = installed("nginx") {
            let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
            if listener != Listener::Tcp || module.is_file() {
                let folder = made(folder, "nginx")?;
                let stream = module.is_file().then(|| text(module));
                let config = nginx_config(PORT + 20, files, &folder, stream.as_deref());
                write(&folder.join("nginx.conf"), &config)?;
                let command = [nginx, "-c".to_owned(), text(&folder.join("nginx.conf"))];
                servers.push(Server::start("nginx", PORT + 20, &command, &folder)?);
            }
        }
        if let Some(envoy) = envoy {
            let folder = made(folder, "envoy")?;
            write(&folder.join("envoy.json"), &envoy_config(PORT + 30, files).to_string())?;
            let words =
                ["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"].map(str::to_owned);
            let command =
                [vec![text(envoy)], words.to_vec(), vec![text(&folder.join("envoy.json"))]].concat();
            servers.push(Server::start("envoy", PORT + 30, &command, &folder)?);
        }
        Ok(servers)
    }
}

fn port(base: u16, listener: Listener) -> u16 {
    base + listener as u16
}

fn haproxy_config(base: u16, files: &Files) -> String {
    let [one, other] = ENDPOINTS;
    let (http, h2, tls, tcp) = ports(base);
    format!(
        "global\n  nbthread 1\n  maxconn 8000\n\
         defaults\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n  timeout http-keep-alive 60s\n  maxconn 8000\n\
         frontend requests\n  mode http\n  bind 127.0.0.1:{http}\n  bind 127.0.0.1:{h2} proto h2\n  bind 127.0.0.1:{tls} ssl crt {both} alpn h2,http/1.1\n  default_backend web\n\
         backend web\n  mode http\n  option forwardfor\n  http-reuse always\n  server a {one} check inter 1s\n  server b {other} check inter 1s\n\
         listen bytes\n  mode tcp\n  bind 127.0.0.1:{tcp}\n  server a {one} check inter 1s\n  server b {other} check inter 1s\n",
        both = files.both.display()
    )
}

fn nginx_config(base: u16, files: &Files, folder: &Path, stream: Option<&str>) -> String {
    let [one, other] = ENDPOINTS;
    let (http, h2, tls, tcp) = ports(base);
    let (folder, certificate, key) = (folder.display(), files.certificate.display(), files.key.display());
    let (load, bytes) = match stream {
        Some(module) => (
            format!("load_module {module};\n"),
            format!(
                "stream {{ upstream bytes {{ server {one}; server {other}; }} server {{ listen 127.0.0.1:{tcp}; proxy_pass bytes; }} }}\n"
            ),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "{load}user root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log crit;\nevents {{ worker_connections 16000; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 60s; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
         upstream web {{ server {one}; server {other}; keepalive 256; keepalive_requests 1000000000; }}\n\
         server {{ listen 127.0.0.1:{http}; listen 127.0.0.1:{h2} http2; listen 127.0.0.1:{tls} ssl http2; server_name {NAME}; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_session_cache off; ssl_session_tickets off;\n\
         location / {{ proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n{bytes}"
    )
}

fn envoy_config(base: u16, files: &Files) -> serde_json::Value {
    use serde_json::json;
    let (http, _, tls, tcp) = ports(base);
    let address = |ip: &str, port: u16| json!({"socket_address": {"address": ip, "port_value": port}});
    let at = |endpoint: &str| {
        let endpoint: SocketAddr = endpoint.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
        json!({"endpoint": {"address": address(&endpoint.ip().to_string(), endpoint.port())}})
    };
    let manager = json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "codec_type": "AUTO", "stat_prefix": "web", "generate_request_id": false,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "web"}}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": true}}]}});
    let relay = json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "bytes", "cluster": "web"}});
    let over_tls = json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [{"certificate_chain": {"filename": files.certificate}, "private_key": {"filename": files.key}}]}}});
    json!({"static_resources": {
        "listeners": [
            {"address": address("127.0.0.1", http), "filter_chains": [{"filters": [manager.clone()]}]},
            {"address": address("127.0.0.1", tls), "filter_chains": [{"filters": [manager], "transport_socket": over_tls}]},
            {"address": address("127.0.0.1", tcp), "filter_chains": [{"filters": [relay]}]}],
        "clusters": [{"name": "web", "connect_timeout": "1s", "type": "STATIC", "lb_policy": "LEAST_REQUEST",
            "health_checks": [{"timeout": "1s", "interval": "1s", "healthy_threshold": 1, "unhealthy_threshold": 3, "http_health_check": {"path": "/"}}],
            "circuit_breakers": {"thresholds": [{"max_connections": 20000, "max_pending_requests": 20000, "max_requests": 20000}]},
            "load_assignment": {"cluster_name": "web", "endpoints": [{"lb_endpoints": ENDPOINTS.map(at)}]}}]}})
}

fn ports(base: u16) -> (u16, u16, u16, u16) {
    let [http, h2, tls, tcp] =
        [Listener::Http, Listener::H2, Listener::Tls, Listener::Tcp].map(|listener| port(base, listener));
    (http, h2, tls, tcp)
}

fn made(folder: &Path, name: &str) -> Told<PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Told<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The `envoy` of the wheel that `./test` installs: in target/xds, beside the folder of `holdfast`.
pub fn from_wheel(holdfast: &Path) -> Option<PathBuf> {
    let target = holdfast.parent()?.parent()?;
    Some(target.join("xds/bin/envoy")).filter(|path| path.is_file())
}

fn installed(program: &str) -> Option<String> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{program}"))
        .find(|path| Path::new(path).is_file())
}
