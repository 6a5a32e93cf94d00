//! Endpoints from a real DNS server (knotd), from services that register with the command line, and from files in a folder: a node
//! follows all three under load, and no request fails.
//!
//! What only this can show: other people's DNS, processes that die without a word, and requests that meet every change on its way from the
//! source through ledger, snapshot and balancer.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_e2e::address::own_address;
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const POOLS: [(&str, u16); 3] = [("named", 8080), ("registered", 8081), ("listed", 8082)];

/// A node that carries three pools, each with a source of its own.
struct Node {
    folder: tempfile::TempDir,
    address: String,
    dns: SocketAddr,
}

impl Node {
    fn new() -> Node {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.92.1.{}", 1 + std::process::id() % 250);
        let dns = SocketAddr::new(own_address().into(), 5300);
        let node = Node { folder, address, dns };
        let address = &node.address;
        node.write(
            "node.toml",
            &format!(
                "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"checker\", \"balancer\"]\n\
                 estate = \"estate.toml\"\nbeat = \"200ms\"\n[api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n\
                 [balancer]\naddress = \"{address}\"\n[sources]\nresolvers = [\"{dns}\"]\ndirectory = \"lists\"\n"
            ),
        );
        let pool = |name: &str, port: u16, source: &str| {
            format!(
                "[[pool]]\nname = \"{name}\"\nlisten = \"0.0.0.0:{port}\"\nhealth_check = \"up\"\nsource = {{ {source}, refresh = \"1s\" }}\n"
            )
        };
        node.write(
            "estate.toml",
            &format!(
                "[[region]]\nid = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\nnetworks = [\"127.0.0.0/8\"]\n\
                 [[health_check]]\nname = \"up\"\nkind = \"tcp\"\ninterval = \"200ms\"\ntimeout = \"100ms\"\n{}{}{}",
                pool("named", 8080, "srv = \"_web._tcp.svc.test.\""),
                pool("registered", 8081, "register = true"),
                pool("listed", 8082, "directory = \"web\""),
            ),
        );
        std::fs::create_dir_all(node.path("lists/web")).expect("a folder");
        std::fs::create_dir_all(node.path("knot/db")).expect("a folder");
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// A zone whose SRV records name these endpoints.
    fn zone(&self, serial: u32, endpoints: &[SocketAddr]) {
        let mut zone = format!(
            "$ORIGIN svc.test.\n$TTL 1\n@ SOA ns hostmaster {serial} 5 2 600 1\n@ NS ns\nns A 127.0.0.1\n"
        );
        for (at, endpoint) in endpoints.iter().enumerate() {
            let (ip, port) = (endpoint.ip(), endpoint.port());
            zone.push_str(&format!("_web._tcp SRV 0 0 {port} t{at}\nt{at} A {ip}\n"));
        }
        // As a whole: the server may read at any moment.
        self.write("knot/zone.new", &zone);
        std::fs::rename(self.path("knot/zone.new"), self.path("knot/zone")).expect("one folder");
    }

    fn knot(&self) -> Running {
        let folder = self.path("knot").display().to_string();
        let config = format!(
            "server:\n    listen: {}@{}\n    rundir: \"{folder}\"\n    user: root:root\nlog:\n  - target: stderr\n    any: info\n\
             database:\n    storage: \"{folder}/db\"\nzone:\n  - domain: svc.test.\n    file: \"{folder}/zone\"\n    journal-content: none\n    zonefile-load: whole\n",
            self.dns.ip(),
            self.dns.port()
        );
        self.write("knot/knot.conf", &config);
        let mut command = Command::new("knotd");
        command.arg("-c").arg(self.path("knot/knot.conf"));
        Running::start(command, &self.path("knot.log"))
    }

    /// The command line against this node, with its operator's token.
    fn command(&self, arguments: &[&str]) -> Command {
        let token = std::fs::read_to_string(self.path("data/operator.token")).expect("the node made a token");
        let mut command = Command::new(holdfast());
        command.args(["--endpoint", &format!("http://{}:7600", self.address)]).args(arguments);
        command.env("HOLDFAST_TOKEN", token.trim()).env("NO_COLOR", "1");
        command
    }

    /// What `endpoint list` shows of a pool.
    fn listed(&self, pool: &str) -> String {
        let told = output(&mut self.command(&["endpoint", "list", pool]));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }
}

/// An HTTP server that says which one it is, until it is stopped.
struct Endpoint {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Endpoint {
    fn start() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let stopped = stopped.clone();
                std::thread::spawn(move || answer(&stream, address, &stopped));
            }
        });
        Endpoint { address, stop }
    }

    /// Refuses connections from here on, and closes those that are kept: as a process that died.
    fn die(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        wait_for("the endpoint is gone", DEADLINE, || match TcpStream::connect(self.address) {
            Ok(_) => Err("it still listens".to_owned()),
            Err(_) => Ok(()),
        });
    }
}

fn answer(stream: &TcpStream, address: SocketAddr, stopped: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while !stopped.load(Ordering::Relaxed) {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        let body = address.to_string();
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        (&*stream).write_all(reply.as_bytes())?;
    }
    Ok(())
}

/// One request over a new connection: who answered.
fn ask(at: SocketAddr) -> Result<String, String> {
    let error = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(5)).map_err(error)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(error)?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: web.test\r\nconnection: close\r\n\r\n").map_err(error)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).map_err(error)?;
    match reply.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(format!("{reply:?}")),
    }
}

/// A client of one pool that asks again and again; every failure is kept.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Load {
    fn start(at: SocketAddr) -> Load {
        let (stop, answered, failures) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, count, failed) = (stop.clone(), answered.clone(), failures.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match ask(at) {
                    Ok(_) => _ = count.fetch_add(1, Ordering::Relaxed),
                    Err(problem) => failed.lock().unwrap_or_else(PoisonError::into_inner).push(problem),
                }
            }
        });
        Load { stop, answered, failures, thread }
    }

    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the client does not panic");
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.answered.load(Ordering::Relaxed), failures)
    }
}

/// Waits until a pool lists exactly these, and exactly these answer for it over a few dozen requests: one that is slower than another may get none
/// of them, and be there all the same.
fn only(at: SocketAddr, pool: &str, wanted: &[&Endpoint], node: &Node) {
    let wanted: BTreeSet<String> = wanted.iter().map(|endpoint| endpoint.address.to_string()).collect();
    wait_for(&format!("{pool} is served by {wanted:?}"), DEADLINE, || {
        let told = node.listed(pool);
        let address = |line: &str| {
            let mut words = line.split_whitespace();
            (words.next() == Some(pool)).then(|| words.next().map(ToOwned::to_owned)).flatten()
        };
        let listed: BTreeSet<String> = told.lines().filter_map(address).collect();
        let found: BTreeSet<String> =
            (0..40).map(|_| ask(at).unwrap_or_else(|problem| format!("failed: {problem}"))).collect();
        if found == wanted && listed == wanted { Ok(()) } else { Err(format!("{found:?}\n{told}")) }
    });
}

#[test]
fn requests_follow_sources_without_a_failed_one() {
    let node = Node::new();
    let endpoints: Vec<Endpoint> = (0..6).map(|_| Endpoint::start()).collect();
    let [dns_one, dns_two, registered_one, registered_two, listed_one, listed_two] = &endpoints[..] else {
        unreachable!("there are six")
    };
    let at = |port: u16| format!("{}:{port}", node.address).parse::<SocketAddr>().expect("an address");
    let [named, registered, listed] = POOLS.map(|(_, port)| at(port));

    // All three begin with one endpoint.
    node.zone(1, &[dns_one.address]);
    let knot = node.knot();
    let list = |endpoints: &[&Endpoint]| {
        let lines: Vec<String> =
            endpoints.iter().map(|endpoint| format!("{{ address = \"{}\" }}", endpoint.address)).collect();
        node.write("lists/web/.new", &format!("endpoints = [{}]\n", lines.join(", ")));
        std::fs::rename(node.path("lists/web/.new"), node.path("lists/web/all.toml")).expect("one folder");
    };
    list(&[listed_one]);
    let mut serve = Command::new(holdfast());
    serve.args(["serve", "-c"]).arg(node.path("node.toml"));
    let running = Running::start(serve, &node.path("log"));
    wait_for("the node takes registrations", DEADLINE, || {
        if !node.path("data/operator.token").exists() {
            return Err("there is no token yet".to_owned());
        }
        let address = registered_one.address.to_string();
        let told = output(&mut node.command(&[
            "endpoint",
            "register",
            "registered",
            "one",
            &address,
            "--lease",
            "3600",
        ]));
        if told.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&told.stderr).into_owned()) }
    });
    only(named, "named", &[dns_one], &node);
    only(registered, "registered", &[registered_one], &node);
    only(listed, "listed", &[listed_one], &node);
    let loads = [named, registered, listed].map(Load::start);

    // DNS: a second endpoint comes, the first one goes.
    let reload =
        || kill(Pid::from_raw(knot.id().try_into().expect("a pid")), Signal::SIGHUP).expect("knotd lives");
    node.zone(2, &[dns_one.address, dns_two.address]);
    reload();
    only(named, "named", &[dns_one, dns_two], &node);
    node.zone(3, &[dns_two.address]);
    reload();
    only(named, "named", &[dns_two], &node);

    // A service registers itself, is kept alive by its keeper, and dies without a word, its keeper with it.
    let mut keep = node.command(&["endpoint", "register", "registered", "two"]);
    keep.args([&registered_two.address.to_string(), "--lease", "3", "--keep"]);
    let keeper = Running::start(keep, &node.path("keeper.log"));
    only(registered, "registered", &[registered_one, registered_two], &node);
    keeper.kill();
    registered_two.die();
    only(registered, "registered", &[registered_one], &node);
    wait_for("its lease is over", DEADLINE, || {
        let listed = node.listed("registered");
        if listed.contains(" two ") { Err(listed) } else { Ok(()) }
    });
    // One leaves by its own word; the last one cannot.
    must(&mut node.command(&["endpoint", "register", "registered", "three", &dns_one.address.to_string()]));
    only(registered, "registered", &[registered_one, dns_one], &node);
    must(&mut node.command(&["endpoint", "deregister", "registered", "three"]));
    only(registered, "registered", &[registered_one], &node);
    let refused = output(&mut node.command(&["endpoint", "deregister", "registered", "one"]));
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));

    // A folder: an edit, half a file, no file at all.
    list(&[listed_one, listed_two]);
    only(listed, "listed", &[listed_one, listed_two], &node);
    node.write("lists/web/all.toml", "endpoints = [{ address = \"127.");
    wait_for("half a file is told", DEADLINE, || {
        let told = node.listed("listed");
        if told.contains("all.toml") { Ok(()) } else { Err(told) }
    });
    only(listed, "listed", &[listed_one, listed_two], &node);
    list(&[listed_two]);
    only(listed, "listed", &[listed_two], &node);
    std::fs::remove_dir_all(node.path("lists/web")).expect("it is ours");

    // Sources that are gone change nothing, and that is told.
    knot.kill();
    for pool in ["named", "listed"] {
        wait_for(&format!("{pool} is told to be stale"), DEADLINE, || {
            let told = node.listed(pool);
            if told.contains(&format!("STALE pool/{pool}")) { Ok(()) } else { Err(told) }
        });
    }
    only(named, "named", &[dns_two], &node);
    only(listed, "listed", &[listed_two], &node);

    for (load, (pool, _)) in loads.into_iter().zip(POOLS) {
        let (answered, failures) = load.end();
        assert!(
            failures.is_empty(),
            "{pool}: {} failed of {answered}: {:?}\n{}",
            failures.len(),
            failures.first(),
            running.text()
        );
        assert!(answered > 100, "{pool}: only {answered} requests");
    }
    let log = running.text();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
