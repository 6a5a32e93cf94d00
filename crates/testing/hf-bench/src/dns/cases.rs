//! Each case on loopback: its servers, its queries, its rounds.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::load::{Load, Queries, Wanted};
use super::report::Row;
use super::servers::{Content, Server};
use super::{Options, Told};

/// The port of the echo; our node and the peers follow.
const PORT: u16 = 17_300;
/// For a server to give its first right answer.
const DEADLINE: Duration = Duration::from_mins(2);

const A: &[u16] = &[1];
const BOTH: &[u16] = &[1, 28];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// 1,000 names of the estate.
    Static,
    /// The same, asked with EDNS, a client's network and a cookie.
    Options,
    /// Names that do not exist, all different.
    Nxdomain,
    /// 100 steered names, each nine weighted endpoints in three zones, three of them in an answer.
    Weighted,
    /// The large zone, from a file of the node.
    Large,
    /// AF_XDP against our own sockets.
    Xdp,
}

impl Case {
    /// All of them.
    pub const ALL: [Case; 6] =
        [Case::Static, Case::Options, Case::Nxdomain, Case::Weighted, Case::Large, Case::Xdp];
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Case::Static => "static",
            Case::Options => "options",
            Case::Nxdomain => "nxdomain",
            Case::Weighted => "weighted",
            Case::Large => "large",
            Case::Xdp => "xdp",
        })
    }
}

/// Measures one case on loopback.
pub fn measure(case: Case, options: &Options, holdfast: &Path) -> Told<Vec<Row>> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let content = match case {
        Case::Large => Content::Big(options.names),
        Case::Weighted => Content::Policy(100),
        _ => Content::Small(1_000),
    };
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut servers = vec![
        Server::echo(&[], at(PORT), folder.path())?,
        Server::holdfast("holdfast", &[], holdfast, (at(PORT + 1), content), "", folder.path())?,
    ];
    if !options.alone && case != Case::Weighted {
        servers.extend(Server::peers(at(PORT + 2), content, folder.path())?);
    }
    let (letter, rtypes, wanted) = match case {
        Case::Nxdomain => (b'x', BOTH, Wanted::NoSuchName),
        Case::Weighted => (b'h', A, Wanted::Records),
        _ => (b'h', BOTH, Wanted::Records),
    };
    let names = if case == Case::Nxdomain { 10_000_000 } else { content.names() };
    let queries = Queries::new(letter, content.zone(), names, rtypes, case == Case::Options);
    rounds(&case.to_string(), servers, &queries, wanted, options)
}

/// Waits for all servers, then loads them in turns. The first is what the others are measured by.
pub fn rounds(
    case: &str,
    servers: Vec<Server>,
    queries: &Queries,
    wanted: Wanted,
    options: &Options,
) -> Told<Vec<Row>> {
    let length = Duration::from_millis(options.length_ms);
    let mut running = Vec::new();
    for server in servers {
        let wanted = if server.name == "echo" { Wanted::Echo } else { wanted };
        let mut load = Load::new(server.address, queries.clone(), wanted)?;
        match load.first_answer(DEADLINE, || server.pid().is_ok()) {
            Ok(load_time) => {
                let memory_mb = server.memory_mb();
                running.push((server, load, Row::new(case, load_time, memory_mb)));
            }
            Err(why) if server.name.starts_with("holdfast") || server.name == "echo" => {
                return Err(format!("{}: {why}; it says:\n{}", server.name, server.last_words()));
            }
            // A peer that does not start here is none.
            Err(why) => eprintln!("{}: {why}", server.name),
        }
    }
    for _ in 0..options.rounds {
        for (server, load, row) in &mut running {
            row.full.push(load.full(length, server.pid()?)?);
        }
    }
    for (_, load, row) in &mut running {
        row.paced = load.paced(length, options.rate)?;
    }
    let floor: Vec<f64> = match running.first() {
        Some((_, _, row)) => row.full.iter().map(|fired| fired.us_per_answer).collect(),
        None => Vec::new(),
    };
    Ok(running.into_iter().map(|(server, _, row)| row.finish(&server.name, &floor)).collect())
}
