//! Other people's programs: dig, knotd, nsd and named; and a zone that differs with its serial.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::address::{own_address, own_port};
use hf_e2e::process::{Running, output};
use hf_e2e::wait_for;

use super::ours::{DEADLINE, PORT, SECRET};

/// Where a BIND of its own listens.
pub fn own_named() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], own_port()))
}

/// Where another server of its own listens.
pub fn own_server() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(own_address()), PORT)
}

pub fn write(path: PathBuf, text: &str) -> PathBuf {
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

/// What dig prints, with our key.
pub fn dig(server: SocketAddr, arguments: &[&str]) -> String {
    let key = format!("hmac-sha256:xfer:{SECRET}");
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let mut command = Command::new("dig");
    command.args([&at, "-p", &port, "-y", &key, "+time=2", "+tries=1", "+noall", "+answer", "+nocmd"]);
    String::from_utf8_lossy(&output(command.args(arguments)).stdout).into_owned()
}

pub fn dig_serial(server: SocketAddr) -> Result<u32, String> {
    let told = dig(server, &["example.test.", "SOA", "+short"]);
    told.split_whitespace().nth(2).and_then(|serial| serial.parse().ok()).ok_or(format!("it says {told:?}"))
}

/// All records of the zone, each as its fields. A transfer that a busy machine has cut short is none, and asked for again.
pub fn axfr(server: SocketAddr) -> BTreeSet<String> {
    wait_for("a whole transfer", DEADLINE, || {
        let told = dig(server, &["example.test.", "AXFR"]);
        let lines = told.lines().filter(|line| !line.starts_with(';') && !line.is_empty());
        let records: Vec<String> = lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.contains(" TSIG "))
            .collect();
        let (first, last) = (records.first(), records.last());
        let is_whole = records.len() > 1 && first == last && first.is_some_and(|soa| soa.contains(" SOA "));
        if is_whole { Ok(records.into_iter().collect()) } else { Err(format!("{server} says {told:?}")) }
    })
}

pub fn knot(folder: &Path, at: SocketAddr, zone: &str) -> Running {
    let config = format!(
        "server:\n    listen: {ip}@{port}\n    rundir: \"{folder}\"\n    user: root:root\nlog:\n  - target: stderr\n    any: info\n\
         database:\n    storage: \"{folder}/db\"\nkey:\n  - id: xfer.\n    algorithm: hmac-sha256\n    secret: {SECRET}\n{zone}",
        folder = folder.display(),
        ip = at.ip(),
        port = at.port()
    );
    std::fs::create_dir_all(folder.join("db")).expect("a folder for the journal");
    let config = write(folder.join("knot.conf"), &config);
    let mut command = Command::new("knotd");
    command.arg("-c").arg(config);
    Running::start(command, &folder.join("knot.log"))
}

/// `zone` is what its `zone:` says beside the name.
pub fn nsd(folder: &Path, at: SocketAddr, zone: &str) -> Running {
    let config = format!(
        "server:\n  ip-address: {ip}@{port}\n  username: \"\"\n  zonesdir: \"{f}\"\n  database: \"\"\n  pidfile: \"{f}/nsd.pid\"\n  xfrdfile: \"{f}/xfrd.state\"\n\
         \x20 zonelistfile: \"{f}/zone.list\"\n  xfrdir: \"{f}\"\n  verbosity: 2\n  server-count: 1\n  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n\
         key:\n  name: \"xfer.\"\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\nzone:\n  name: \"example.test.\"\n{zone}",
        f = folder.display(),
        ip = at.ip(),
        port = at.port()
    );
    let config = write(folder.join("nsd.conf"), &config);
    let mut command = Command::new("nsd");
    command.args(["-d", "-c"]).arg(config);
    Running::start(command, &folder.join("nsd.log"))
}

/// `zone` is what its `zone` says.
pub fn named(folder: &Path, at: SocketAddr, zone: &str) -> Running {
    named_with(folder, at, "", &format!("zone \"example.test\" {{ {zone} }};"))
}

/// With more options, and its zones.
pub fn named_with(folder: &Path, at: SocketAddr, options: &str, zones: &str) -> Running {
    let config = format!(
        "options {{ directory \"{f}\"; listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file \"{f}/named.pid\";\n\
         session-keyfile \"{f}/session.key\"; notify no; dnssec-validation no; min-retry-time 1; min-refresh-time 1; {options} }};\ncontrols {{ }};\n\
         key \"xfer.\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n{zones}\n",
        f = folder.display(),
        ip = at.ip(),
        port = at.port()
    );
    let config = write(folder.join("named.conf"), &config);
    let mut command = Command::new("named");
    command.args(["-g", "-c"]).arg(config);
    Running::start(command, &folder.join("named.log"))
}

/// A few random records over a fixed frame; the same number gives the same records.
pub fn random_zone(serial: u32) -> String {
    let mut draw = Draw::new(serial);
    let mut next = |below: u64| draw.below(below);
    let mut text = format!(
        "$ORIGIN example.test.\n$TTL 60\n@ SOA ns hostmaster {serial} 5 2 600 60\n@ NS ns\n@ NS ns2\nns A 192.0.2.1\nns2 A 192.0.2.2\n@ MX 10 mail\nmail A 192.0.2.3\n"
    );
    for host in 0..40 {
        if next(4) > 0 {
            text.push_str(&format!("h{host} {} A 192.0.2.{}\n", 60 + next(3) * 60, next(250)));
        }
        if next(8) == 0 {
            text.push_str(&format!("deep.er.h{host} TXT \"{}\" \"two\"\n", next(1_000)));
        }
        if next(9) == 0 {
            text.push_str(&format!("_svc._tcp.h{host} SRV 1 2 {} mail\n", next(60_000)));
        }
    }
    if next(2) == 0 {
        text.push_str("*.wild CNAME mail\nsub NS ns.sub\nns.sub A 192.0.2.9\n");
    }
    text
}

/// The same draws for the same number.
pub struct Draw(u64);

impl Draw {
    pub fn new(number: u32) -> Draw {
        Draw(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
