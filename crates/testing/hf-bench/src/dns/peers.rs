//! Those of Knot, NSD and gdnsd that are installed, one worker each.
//!
//! 1. Signed: Knot signs by itself (`dnssec-signing`), NSD serves what `ldns-signzone` has signed; both ECDSA P-256, NSEC. gdnsd knows no DNSSEC.
//! 2. Checked: gdnsd's plugin `weighted`, in groups and `multi`: an address of each zone, as ours; `tcp_connect` at the same pace. Knot and NSD know no health.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::cases::Start;
use super::content::{CHECK_EVERY_S, Content, write};
use super::servers::{Server, made, text};
use crate::Told;

/// Those that can serve this, on ports from this one up, to be started by `wrap`.
pub fn starts<'a>(
    first: SocketAddr,
    content: Content,
    folder: &'a Path,
    wrap: &'a [String],
) -> Vec<Start<'a>> {
    let able: &[(&str, &str)] = match content {
        Content::Policy(_) | Content::Moving(_) => &[],
        Content::Checked(..) => &[("gdnsd", "gdnsd")],
        Content::Signed(_) => &[("knot", "knotd"), ("nsd", "nsd")],
        _ => &[("knot", "knotd"), ("nsd", "nsd"), ("gdnsd", "gdnsd")],
    };
    let mut starts: Vec<Start<'a>> = Vec::new();
    for (at, (name, program)) in able.iter().enumerate() {
        let Some(program) = installed(program) else { continue };
        let address = SocketAddr::new(first.ip(), first.port() + at as u16);
        starts.push(Box::new(move || start(name, [wrap, &[program]].concat(), address, content, folder)));
    }
    starts
}

/// Starts one; none when its zone cannot be made here.
fn start(
    name: &str,
    own: Vec<String>,
    address: SocketAddr,
    content: Content,
    folder: &Path,
) -> Told<Option<Server>> {
    let folder = made(folder, name)?;
    let zones = made(&folder, "zones")?;
    let zone = content.zone();
    let file = if name == "gdnsd" { zone.to_owned() } else { format!("{zone}.zone") };
    write(&zones.join(&file), &content.master_file(10))?;
    if name == "nsd" && matches!(content, Content::Signed(_)) && !is_signed(&zones, &file, zone) {
        eprintln!("nsd: ldns-keygen and ldns-signzone cannot sign its zone (Debian: ldnsutils)");
        return Ok(None);
    }
    let place = text(&folder);
    let (config, more) = match name {
        "knot" => (knot(address, content, &place), vec!["-c".to_owned(), format!("{place}/config")]),
        "nsd" => {
            (nsd(address, zone, &place), vec!["-d".to_owned(), "-c".to_owned(), format!("{place}/config")])
        }
        _ => (gdnsd(address, content, &place), vec!["-c".to_owned(), place.clone(), "start".to_owned()]),
    };
    write(&folder.join("config"), &config)?;
    Server::start(name, address, &[own, more].concat(), &folder).map(Some)
}

fn knot(address: SocketAddr, content: Content, place: &str) -> String {
    let (ip, port, zone) = (address.ip(), address.port(), content.zone());
    let (policy, signing) = match content {
        Content::Signed(_) => (
            "policy:\n  - id: own\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n",
            "    dnssec-signing: on\n    dnssec-policy: own\n",
        ),
        _ => ("", ""),
    };
    format!(
        "server:\n    rundir: \"{place}\"\n    user: root:root\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n    listen: [{ip}@{port}]\n\
         database:\n    storage: \"{place}\"\n{policy}template:\n  - id: default\n    storage: \"{place}/zones\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n\
         zone:\n  - domain: {zone}\n    file: {zone}.zone\n{signing}"
    )
}

fn nsd(address: SocketAddr, zone: &str, place: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "server:\n  ip-address: {ip}@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{place}/zones\"\n  pidfile: \"{place}/pid\"\n  xfrdfile: \"{place}/xfrd\"\n  zonelistfile: \"{place}/list\"\n  minimal-responses: yes\n  rrl-ratelimit: 0\n\
         remote-control:\n  control-enable: no\nzone:\n  name: {zone}\n  zonefile: {zone}.zone\n"
    )
}

fn gdnsd(address: SocketAddr, content: Content, place: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    let mut config = format!(
        "options => {{ listen => [\"{ip}:{port}\"], udp_threads => 1, tcp_threads => 1, run_dir => \"{place}/run\", state_dir => \"{place}/state\" }}\n"
    );
    let Content::Checked(names, port) = content else { return config };
    let _ = write!(
        config,
        "service_types => {{ open => {{ plugin => tcp_connect, port => {port}, interval => {CHECK_EVERY_S}, timeout => 1 }} }}\n\
         plugins => {{ weighted => {{ multi => true, service_types => open\n"
    );
    for name in 0..names {
        let _ = write!(config, "p{name} => {{");
        for (az, host, address, weight) in content.endpoints(name) {
            let begin = if host == 1 { format!(" az{az} => {{") } else { String::new() };
            let end = if host == 3 { " }" } else { "," };
            let _ = write!(config, "{begin} e{host} => [{address}, {weight}]{end}");
        }
        config.push_str(" }\n");
    }
    config.push_str("} }\n");
    config
}

/// Signs a master file in place; whether that worked.
fn is_signed(zones: &Path, file: &str, zone: &str) -> bool {
    let run = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(zones).stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(key) = run("ldns-keygen", &["-a", "ECDSAP256SHA256", zone]) else { return false };
    run("ldns-signzone", &["-o", zone, "-f", "signed", file, &key]).is_some()
        && std::fs::rename(zones.join("signed"), zones.join(file)).is_ok()
}

fn installed(program: &str) -> Option<String> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{program}"))
        .find(|path| Path::new(path).is_file())
}
