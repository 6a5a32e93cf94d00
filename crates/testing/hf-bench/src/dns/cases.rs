//! Each case on loopback: its servers, its queries, its rounds.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::content::Content;
use super::load::{Load, Queries, Wanted};
use super::report::Row;
use super::responder::Responder;
use super::servers::Server;
use super::{Options, Told, peers};
use crate::{cpu, pace};

/// The port of the echo; our node and the peers follow.
pub const PORT: u16 = 17_300;
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
    /// The same while each of the 900 endpoints is checked (a TCP connection every two seconds), gdnsd's plugin beside it.
    Checked,
    /// 1,000 names of a signed zone, asked with DO.
    Signed,
    /// The large zone, from a file of the node.
    Large,
    /// AF_XDP against our own sockets.
    Xdp,
    /// A zone is left, then the large zone is read anew, while queries come.
    Shift,
    /// Good queries beside a hostile client.
    Hostile,
}

impl Case {
    /// All of them.
    pub const ALL: [Case; 10] = [
        Case::Static,
        Case::Options,
        Case::Nxdomain,
        Case::Weighted,
        Case::Checked,
        Case::Signed,
        Case::Large,
        Case::Xdp,
        Case::Shift,
        Case::Hostile,
    ];
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Case::Static => "static",
            Case::Options => "options",
            Case::Nxdomain => "nxdomain",
            Case::Weighted => "weighted",
            Case::Checked => "checked",
            Case::Signed => "signed",
            Case::Large => "large",
            Case::Xdp => "xdp",
            Case::Shift => "shift",
            Case::Hostile => "hostile",
        })
    }
}

/// Measures one case on loopback.
pub fn measure(case: Case, options: &Options, holdfast: &Path) -> Told<Vec<Row>> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    // Alive until the end of the case.
    let responder = if case == Case::Checked { Some(Responder::start()?) } else { None };
    let content = match (case, &responder) {
        (Case::Large, _) => Content::Big(options.names),
        (Case::Signed, _) => Content::Signed(1_000),
        (_, Some(responder)) => Content::Checked(100, responder.port()),
        (Case::Weighted, _) => Content::Policy(100),
        _ => Content::Small(1_000),
    };
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let place = folder.path();
    let mut starts: Vec<Start<'_>> = vec![
        Box::new(move || Server::echo(&[], at(PORT), place).map(Some)),
        Box::new(move || {
            Server::holdfast("holdfast", &[], holdfast, (at(PORT + 1), content), "", place).map(Some)
        }),
    ];
    if !options.alone {
        starts.extend(peers::starts(at(PORT + 2), content, place, &[]));
    }
    let (letter, rtypes, wanted) = match case {
        Case::Nxdomain => (b'x', BOTH, Wanted::NoSuchName),
        Case::Weighted | Case::Checked => (b'h', A, Wanted::Records),
        Case::Signed => (b'h', BOTH, Wanted::Signed),
        _ => (b'h', BOTH, Wanted::Records),
    };
    let names = if case == Case::Nxdomain { 10_000_000 } else { content.names() };
    let mut queries = Queries::new(letter, content.zone(), names, rtypes, case == Case::Options);
    if case == Case::Signed {
        queries = queries.with_do();
    }
    rounds(&case.to_string(), starts, &queries, wanted, options)
}

/// Starts a server; none when it cannot serve this here.
pub type Start<'a> = Box<dyn FnOnce() -> Told<Option<Server>> + 'a>;

/// Starts all servers, each once the one before has answered: what it takes to load is its own. Then loads them in turns. The first is what the others are measured by.
pub fn rounds(
    case: &str,
    starts: Vec<Start<'_>>,
    queries: &Queries,
    wanted: Wanted,
    options: &Options,
) -> Told<Vec<Row>> {
    let length = Duration::from_millis(options.length_ms);
    let mut running = Vec::new();
    for start in starts {
        let Some(server) = start()? else { continue };
        let wanted = if server.name == "echo" { Wanted::Echo } else { wanted };
        let mut load = Load::new(server.address, queries.clone(), wanted)?;
        match load.first_answer(DEADLINE, || server.pid().is_ok()) {
            Ok(()) => {
                let load_time = server.started.elapsed();
                running.push((server, load, Row::new(case, load_time)));
            }
            Err(why) if server.name.starts_with("holdfast") || server.name == "echo" => {
                return Err(format!("{}: {why}; it says:\n{}", server.name, server.last_words()));
            }
            // A peer that does not start here is none.
            Err(why) => eprintln!("{}: {why}", server.name),
        }
    }
    for (server, _, row) in &mut running {
        let before = cpu::ran(server.pid()?);
        pace::pause(length);
        let used = cpu::ran(server.pid()?).saturating_sub(before);
        row.idle_ms_per_s = 1e3 * used.as_secs_f64() / length.as_secs_f64();
        // Now that what reading took is given back.
        row.memory_mb = server.memory_mb();
        row.memory_max_mb = server.memory_max_mb();
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
