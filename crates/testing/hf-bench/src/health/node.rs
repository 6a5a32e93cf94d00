//! The node that probes, its estate, and what its metrics say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Case, Row};
use crate::figures::milliseconds;
use crate::process::Program;
use crate::{Told, cores, cpu, pace};

/// For a node to read its estate and to probe all of it once.
const READY: Duration = Duration::from_mins(3);
/// Zones of the estates that a node probes.
pub const ZONES: u32 = 3;
const POOL: u32 = 1_000;

/// The estate.
#[derive(Clone, Copy, Debug)]
pub struct Large {
    /// How many.
    pub endpoints: u32,
    /// Zones that they are spread over.
    pub zones: u32,
    /// Between two probes of one.
    pub interval: Duration,
    /// Of all of them.
    pub port: u16,
    /// A page rather than a connection.
    pub is_http: bool,
}

impl Large {
    /// As TOML.
    pub fn toml(&self) -> String {
        let mut text = "[[region]]\nid = \"home\"\n".to_owned();
        for zone in 0..self.zones {
            let _ = write!(text, "[[zone]]\nid = \"az{zone}\"\nregion = \"home\"\n"); // a String takes everything
        }
        let kind = if self.is_http { "http\"\npath = \"/\"" } else { "tcp\"" };
        let _ = write!(
            text,
            "[[health_check]]\nname = \"up\"\ninterval = \"{}s\"\nkind = \"{kind}\n",
            self.interval.as_secs()
        );
        for first in (0..self.endpoints).step_by(POOL as usize) {
            let _ = write!(
                text,
                "[[pool]]\nname = \"p{first}\"\nprotocol = \"tcp\"\nhealth_check = \"up\"\nendpoints = [\n"
            );
            for endpoint in first..self.endpoints.min(first + POOL) {
                let [_, a, b, c] = (endpoint + 1).to_be_bytes();
                let (a, port, zone) = (a + 1, self.port, endpoint % self.zones);
                let _ = writeln!(text, "{{ address = \"127.{a}.{b}.{c}:{port}\", zone = \"az{zone}\" }},");
            }
            text += "]\n";
        }
        text
    }
}

/// The port at which this responder answers, as it prints it.
pub fn port_of(responder: &Program) -> Told<u16> {
    let port = || responder.last_words().trim().parse().ok();
    until("the responder", || port().is_some())
        .map_err(|why| format!("{why}: {}", responder.last_words()))?;
    port().ok_or_else(|| responder.last_words())
}

/// Two ports that are free at this moment.
fn free_ports() -> Told<[u16; 2]> {
    let told = |error: std::io::Error| format!("a free port: {error}");
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(told);
    // Both are held until both are known: otherwise they could be one.
    let (one, other) = (bind()?, bind()?);
    Ok([one.local_addr().map_err(told)?.port(), other.local_addr().map_err(told)?.port()])
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Told<()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > READY {
            return Err(format!("{what} is not ready after {READY:?}"));
        }
        pace::pause(Duration::from_millis(100));
    }
    Ok(())
}

/// One look at the node.
struct Look {
    at: Instant,
    checker: Duration,
    all: Duration,
    /// Lines of its metrics without comments, by all but the value.
    metrics: BTreeMap<String, f64>,
}

impl Look {
    fn at(pid: u32, api: SocketAddr, token: &str) -> Told<Look> {
        let metrics = scrape(api, token)?;
        Ok(Look { at: Instant::now(), checker: cpu::ran_named(pid, "checker"), all: cpu::ran(pid), metrics })
    }

    fn sum(&self, name: &str) -> f64 {
        self.metrics.iter().filter(|(line, _)| line.starts_with(name)).map(|(_, value)| value).sum()
    }

    fn probes(&self) -> f64 {
        self.sum("holdfast_checker_probes_total")
    }
}

/// Starts the node on core 0, waits for its first round and looks at it for `length`.
pub fn measure(case: Case, large: Large, holdfast: &Path, folder: &Path, length: Duration) -> Told<Row> {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))
    };
    let [api, feed] = free_ports()?;
    write("estate.toml", &large.toml())?;
    write(
        "node.toml",
        &format!(
            "[node]\nid = \"bench\"\nzone = \"az0\"\ndata_dir = \"data\"\nroles = [\"control\", \"checker\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"127.0.0.1:{api}\"\n[feed]\nlisten = \"127.0.0.1:{feed}\"\n"
        ),
    )?;
    let arguments = vec!["serve".to_owned(), "-c".to_owned(), folder.join("node.toml").display().to_string()];
    let log = folder.join("node.log");
    let program = cores::on_core_0(|| Program::start(holdfast, arguments, log))??;
    let pid = program.pid().ok_or("the node does not run")?;
    let api = SocketAddr::from(([127, 0, 0, 1], api));
    let token = || std::fs::read_to_string(folder.join("data/operator.token")).unwrap_or_default();
    let is_known = || {
        let look = Look::at(pid, api, token().trim());
        look.is_ok_and(|look| look.probes() >= f64::from(large.endpoints) * 1.2)
    };
    until("the first round of probes", is_known).map_err(|why| format!("{why}: {}", program.last_words()))?;
    let began = Look::at(pid, api, token().trim())?;
    pace::pause(length);
    let ended = Look::at(pid, api, token().trim())?;
    let seconds = (ended.at - began.at).as_secs_f64();
    let count = ended.probes() - began.probes();
    let grown = |name: &str| ended.sum(name) - began.sum(name);
    let late = |share| late(&began, &ended, share);
    let us = |time: Duration| time.as_secs_f64() * 1e6 / count.max(1.0);
    Ok(Row {
        case: case.to_string(),
        checks: large.endpoints,
        interval_s: large.interval.as_secs(),
        probes_per_second: (count / seconds).round(),
        us_per_probe: us(ended.checker.saturating_sub(began.checker)),
        us_per_probe_node: us(ended.all.saturating_sub(began.all)),
        core_percent: ended.all.saturating_sub(began.all).as_secs_f64() / seconds * 100.0,
        memory_mb: cpu::memory_mb(pid),
        memory_max_mb: cpu::memory_max_mb(pid),
        late_p50_ms: late(0.5),
        late_p99_ms: late(0.99),
        late_p999_ms: late(0.999),
        bad: grown("holdfast_checker_probes_total{result=\"bad\""),
        unmeasured: grown("holdfast_checker_probes_total{result=\"unmeasured\""),
        behind: grown("holdfast_checker_probes_behind_total"),
        in_flight_peak: ended.sum("holdfast_checker_probes_in_flight_peak"),
        in_flight_limit: ended.sum("holdfast_checker_probes_in_flight_limit"),
        put_off: ended.sum("holdfast_checker_probes_put_off_total"),
        ..Row::default()
    })
}

/// The upper edge of the bucket below which this share of probes began, in milliseconds.
fn late(began: &Look, ended: &Look, share: f64) -> f64 {
    const BUCKET: &str = "holdfast_checker_probe_late_seconds_bucket{le=\"";
    let buckets = |look: &Look| -> Vec<(f64, f64)> {
        let edge = |line: &str| line.strip_prefix(BUCKET)?.strip_suffix("\"}")?.parse::<f64>().ok();
        let mut found: Vec<(f64, f64)> =
            look.metrics.iter().filter_map(|(line, count)| Some((edge(line)?, *count))).collect();
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found
    };
    let counts: Vec<(f64, f64)> = buckets(began)
        .iter()
        .zip(buckets(ended))
        .map(|((_, before), (edge, after))| (edge, after - before))
        .collect();
    let all = counts.last().map_or(0.0, |(_, count)| *count);
    let found =
        counts.iter().find(|(_, below)| *below >= all * share).map_or(f64::INFINITY, |(edge, _)| *edge);
    if found.is_finite() { milliseconds(Duration::from_secs_f64(found)) } else { f64::MAX }
}

fn scrape(api: SocketAddr, token: &str) -> Told<BTreeMap<String, f64>> {
    let told = |error: std::io::Error| format!("{api}/metrics: {error}");
    let mut stream = TcpStream::connect(api).map_err(told)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(told)?;
    let request = format!(
        "GET /metrics HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(told)?;
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(format!("{api}/metrics: {}", answer.lines().next().unwrap_or_default()));
    }
    let lines = answer.lines().filter(|line| line.starts_with("holdfast_"));
    Ok(lines
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect())
}
