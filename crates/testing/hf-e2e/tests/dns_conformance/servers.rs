//! The servers that are compared, all on one address, with the same zones from the same files.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hf_e2e::netns::Network;
use hf_e2e::process::{Running, holdfast};
use hf_e2e::wait_for;

use super::broken::Broken;

pub const ADDRESS: &str = "10.78.0.1";
/// Longer than any of them takes, shorter than patience: silence is an answer too.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Broken messages under way at a time: fewer than any server's socket holds.
const AT_ONCE: usize = 60;

/// A server.
pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    running: Running,
    socket: UdpSocket,
}

impl Server {
    fn start(
        network: &Network,
        folder: &Path,
        (name, port): (&'static str, u16),
        arguments: &[&str],
    ) -> Server {
        let program = if name == "holdfast" { holdfast() } else { name.into() };
        let mut command: Command = network.command("dns", program);
        command.args(arguments).current_dir(folder);
        let running = Running::start(command, &folder.join(format!("{name}.log")));
        let address = SocketAddr::new(ADDRESS.parse().expect("an address"), port);
        let socket = UdpSocket::bind((ADDRESS, 0)).expect("a socket");
        socket.connect(address).expect("an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Server { name, address, running, socket }
    }

    /// Sends a datagram and takes the reply with its id.
    pub fn ask(&self, query: &[u8]) -> Option<Vec<u8>> {
        self.socket.send(query).ok()?;
        let mut reply = vec![0; 65_535];
        loop {
            let len = self.socket.recv(&mut reply).ok()?;
            if reply[..len].get(..2) == query.get(..2) {
                reply.truncate(len);
                return Some(reply);
            }
        }
    }

    /// The same over TCP.
    pub fn ask_tcp(&self, query: &[u8]) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let framed = [&(query.len() as u16).to_be_bytes()[..], query].concat();
        stream.write_all(&framed).ok()?;
        let mut len = [0; 2];
        stream.read_exact(&mut len).ok()?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut reply).ok()?;
        Some(reply)
    }

    /// Sends all of these with their number as the id, and takes what comes back, by id. Silence costs its time once for many.
    pub fn ask_all(&self, all: &[Broken]) -> BTreeMap<u16, Vec<u8>> {
        let mut came = BTreeMap::new();
        let numbered: Vec<(usize, &Broken)> = all.iter().enumerate().collect();
        for batch in numbered.chunks(AT_ONCE) {
            let before = came.len();
            for (id, broken) in batch {
                let mut bytes = broken.bytes.clone();
                bytes[..2].copy_from_slice(&(*id as u16).to_be_bytes());
                self.socket.send(&bytes).expect("a datagram leaves");
            }
            let mut reply = vec![0; 65_535];
            while came.len() < before + batch.len()
                && let Ok(len) = self.socket.recv(&mut reply)
            {
                if let Some(id) = reply[..len].first_chunk::<2>().filter(|_| len >= 12) {
                    came.insert(u16::from_be_bytes(*id), reply[..len].to_vec());
                }
            }
        }
        came
    }

    /// Its log.
    pub fn log(&self) -> String {
        self.running.text()
    }
}

/// Starts ours, Knot, NSD and BIND; `zones` are names and master files. The calling thread is in their namespace.
pub fn start(network: &Network, folder: &Path, zones: &[(&str, String)]) -> Vec<Server> {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our own folder");
    for (zone, text) in zones {
        write(&format!("{zone}zone"), text);
    }
    let each = |form: &dyn Fn(&str, String) -> String| -> String {
        zones
            .iter()
            .map(|(zone, _)| form(zone.trim_end_matches('.'), format!("{}/{zone}zone", folder.display())))
            .collect()
    };
    let here = folder.display();
    write(
        "estate.toml",
        &(ESTATE.to_owned()
            + &each(&|zone, _| format!("[[hosted_zone]]\nname = \"{zone}.\"\nfile = \"{zone}.zone\"\n"))),
    );
    write(
        "node.toml",
        &format!(
            "[node]\nid = \"home\"\nzone = \"a\"\ndata_dir = \"data\"\nroles = [\"control\", \"checker\", \"dns\"]\nestate = \"estate.toml\"\n\
         [dns]\nlisten = [\"{ADDRESS}:5300\"]\n"
        ),
    );
    write(
        "knot.conf",
        &format!(
            "server:\n  listen: {ADDRESS}@5301\n  rundir: {here}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: {here}\nlog:\n- target: stderr\n  any: warning\n\
         template:\n- id: default\n  zonefile-sync: -1\n  zonefile-load: whole\nzone:\n{}",
            each(&|zone, file| format!("- domain: {zone}\n  file: {file}\n"))
        ),
    );
    write(
        "nsd.conf",
        &format!(
            "server:\n  ip-address: {ADDRESS}@5302\n  username: \"\"\n  zonesdir: \"{here}\"\n  database: \"\"\n  pidfile: \"{here}/nsd.pid\"\n  xfrdfile: \"{here}/xfrd\"\n  zonelistfile: \"{here}/zonelist\"\n  \
         server-count: 1\n  minimal-responses: yes\n  ipv4-edns-size: 1232\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n{}",
            each(&|zone, file| format!("zone:\n  name: {zone}\n  zonefile: {file}\n"))
        ),
    );
    write(
        "named.conf",
        &format!(
            "options {{ directory \"{here}\"; listen-on port 5303 {{ {ADDRESS}; }}; listen-on-v6 {{ none; }}; recursion no; minimal-responses yes; minimal-any yes; \
         max-udp-size 1232; edns-udp-size 1232; pid-file none; session-keyfile none; empty-zones-enable no; notify no; dnssec-validation no; allow-query {{ any; }}; answer-cookie no; zero-no-soa-ttl no; check-names primary ignore; }};\ncontrols {{ }};\n{}",
            each(&|zone, file| format!(
                "zone \"{zone}\" {{ type primary; file \"{file}\"; check-integrity no; }};\n"
            ))
        ),
    );
    let servers = vec![
        Server::start(network, folder, ("holdfast", 5300), &["serve", "-c", "node.toml"]),
        Server::start(network, folder, ("knotd", 5301), &["-c", "knot.conf"]),
        Server::start(network, folder, ("nsd", 5302), &["-d", "-c", "nsd.conf"]),
        Server::start(network, folder, ("named", 5303), &["-g", "-n", "1", "-c", "named.conf"]),
    ];
    for server in &servers {
        for (zone, _) in zones {
            wait_for(&format!("{} to answer for {zone}", server.name), Duration::from_secs(30), || {
                let query = super::message::Query {
                    name: (*zone).to_owned(),
                    rtype: 6,
                    how: super::message::How::Plain,
                };
                let reply = server.ask(&query.bytes(7)).and_then(|bytes| super::message::read(&bytes));
                match reply {
                    Some(reply) if reply.rcode == 0 && !reply.answer.is_empty() => Ok(()),
                    reply => Err(format!("{reply:?}; its log:\n{}", server.log())),
                }
            });
        }
    }
    servers
}

const ESTATE: &str = "\
[[region]]
id = \"r\"

[[zone]]
id = \"a\"
region = \"r\"

[[pool]]
name = \"web\"
endpoints = [{ address = \"10.78.0.1:8001\", zone = \"a\" }]

";
