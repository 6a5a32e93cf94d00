//! Clients: dig and curl in a loop, and what nginx says of them.

use std::path::Path;

use crate::estate::{NAME, ZONES, address};
use crate::process::Running;
use crate::world::World;

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it was begun, milliseconds since 1970.
    pub begun_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// The address that dig gave.
    pub address: String,
    /// The HTTP status, 0 without an answer.
    pub status: u16,
    /// The zone that answered, as nginx wrote it.
    pub zone: String,
}

/// A client that resolves with dig and fetches with curl, again and again, until it is dropped.
#[derive(Debug)]
pub struct Client {
    running: Running,
}

/// Resolves at each zone's DNS server in turn (the first that answers), tries the addresses in order as curl does with several,
/// and writes a line for every request.
const LOOP: &str = r#"
n=0
while :; do
  n=$((n+1))
  ips=""
  for s in $SERVERS; do
    ips=$(dig +short +time=1 +tries=1 @"$s" "$NAME" A 2>/dev/null | grep -E '^[0-9.]+$' | tr '\n' ' ')
    [ -n "$ips" ] && break
  done
  [ -n "$ips" ] || { echo "unresolved $(date +%s%3N)"; continue; }
  resolve=$(echo $ips | tr ' ' ',')
  begun=$(date +%s%3N)
  body=$(curl -s --max-time 3 --connect-timeout 1 --resolve "$NAME:8080:$resolve" -w ' %{http_code}' "http://$NAME:8080/?c=$CLIENT_ID-$n" | tr '\n' ' ')
  echo "request $begun $(date +%s%3N) $resolve $body"
done
"#;

impl Client {
    /// Starts client number `number` in the clients' namespace.
    pub fn start(world: &World, number: usize) -> Client {
        let servers: Vec<String> =
            (0..ZONES.len()).map(|at| address(ZONES[(at + number) % ZONES.len()])).collect();
        let mut command = world.network.command("client", "bash");
        command
            .args(["-c", LOOP])
            .env("SERVERS", servers.join(" "))
            .env("NAME", NAME)
            .env("CLIENT_ID", number.to_string());
        Client { running: Running::start(command, &world.folder().join(format!("client-{number}.log"))) }
    }

    /// What it has done so far.
    pub fn requests(&self) -> Vec<Request> {
        self.running.text().lines().filter_map(parse).collect()
    }
}

fn parse(line: &str) -> Option<Request> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [first, begun, ended, address, rest @ ..] = words.as_slice() else { return None };
    if *first != "request" {
        return None;
    }
    Some(Request {
        begun_ms: begun.parse().ok()?,
        ended_ms: ended.parse().ok()?,
        address: (*address).to_owned(),
        status: rest.last().and_then(|status| status.parse().ok()).unwrap_or(0),
        zone: if rest.len() > 1 { rest[0].to_owned() } else { String::new() },
    })
}

/// When each request arrived at a zone's nginx, milliseconds since 1970.
pub fn arrivals(folder: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(folder.join("access.log")).unwrap_or_default();
    let instant = |line: &str| {
        let seconds = line.split_whitespace().next()?;
        let (whole, part) = seconds.split_once('.')?;
        Some(whole.parse::<u64>().ok()? * 1_000 + part.parse::<u64>().ok()?)
    };
    text.lines().filter_map(instant).collect()
}
