//! DNS over UDP: processor time of the server for one answer, beside a bare echo with the same system calls.
//!
//! 1. The server has core 0, this program has core 1; as root both come before all else on their cores (SCHED_RR), since a machine is seldom quiet.
//! 2. Servers of a case run side by side and are loaded in turns, round by round: a slow spell falls on all of them. The ratio to the echo is taken
//!    within a round, and the median over rounds is told.
//! 3. Full: 256 queries outstanding, sent in segments, so that this side is the cheaper one. Time of all threads of the server over answers that
//!    came, both read at the same moments. Paced: 20,000 queries a second, for latency.
//! 4. Peers are those of knot, nsd and gdnsd that are installed, one worker each, on the cases that they know. The echo sends back what came, in every
//!    case: an answer that is longer than its query, a signed one above all, costs what copying and sending it costs.
//! 5. AF_XDP against our own sockets: over a virtual link between two network namespaces, one after the other, since a program on the interface would
//!    slow the sockets beside it. Needs root.
//! 6. What happens while queries come (a shift, a reload, a hostile client): each query is followed; see `shift` and `hostile`.
//!
//! On loopback and virtual links the sender does half of the receiver's work: compare ratios, not microseconds, across machines.

mod cases;
mod content;
mod hostile;
mod line;
mod link;
mod load;
mod moments;
mod peers;
mod report;
mod responder;
mod servers;
mod shift;
mod watch;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use hf_datagram::{Datagrams, Sockets};

use crate::{Told, cores, process};

pub use cases::Case;
pub use moments::Moment;
pub use report::{Report, Row};

/// What to do, and how much of it.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "dns", about = "What an answer costs beside a bare echo.")]
pub struct Options {
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Case::ALL)]
    pub cases: Vec<Case>,
    /// Rounds of full load; of shifts and of attacks.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Length of a load, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub length_ms: u64,
    /// Queries a second of the paced load.
    #[arg(long, default_value_t = 20_000)]
    pub rate: u32,
    /// Hostile datagrams a second; what a hostile client does over TCP goes in step.
    #[arg(long, default_value_t = 20_000)]
    pub hostile_rate: u32,
    /// TCP connections that the hostile client has open at once, 250 of them dripping or deaf.
    #[arg(long, default_value_t = 10_000)]
    pub hostile_connections: usize,
    /// Names of the large zone.
    #[arg(long, default_value_t = 1_000_000)]
    pub names: u32,
    /// Leaves the peers out.
    #[arg(long)]
    pub alone: bool,
    /// The `holdfast` to run. Default: the one beside this program.
    #[arg(long)]
    pub holdfast: Option<PathBuf>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Only echoes what comes to this address: the floor that others are measured by.
    #[arg(long, hide = true)]
    pub echo: Option<SocketAddr>,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs all of it.
///
/// # Errors
///
/// In words: a program that is missing, or that did not do what it had to.
pub fn run(options: &Options) -> Told<Report> {
    let holdfast = options.holdfast.clone().map_or_else(process::holdfast, Ok)?;
    let mut report = Report::begin(&holdfast)?;
    cores::pin_this_thread()?;
    for case in &options.cases {
        eprintln!("{case} …");
        match case {
            Case::Xdp => report.rows.extend(link::measure(options, &holdfast)?),
            Case::Shift => report.moments.extend(shift::measure(options, &holdfast)?),
            Case::Hostile => report.moments.extend(hostile::measure(options, &holdfast)?),
            case => report.rows.extend(cases::measure(*case, options, &holdfast)?),
        }
    }
    report.end();
    Ok(report)
}

/// The floor: reads a batch, turns "query" into "response" in each, sends all; over TCP it only holds connections. Until it is killed.
///
/// # Errors
///
/// When the address cannot be had.
pub fn echo(address: SocketAddr) -> Told<()> {
    let told = |error: std::io::Error| format!("{address}: {error}");
    let socket = UdpSocket::bind(address).map_err(told)?;
    let listener = TcpListener::bind(address).map_err(told)?;
    std::thread::spawn(move || hostile::keep_connections(&listener));
    let mut sockets = Sockets::new(socket, 1_232).map_err(told)?;
    loop {
        let turned = sockets.turn(Duration::from_secs(1), &mut |query, _, reply| {
            let len = query.len().min(reply.len());
            reply[..len].copy_from_slice(&query[..len]);
            if let Some(flags) = reply[..len].get_mut(2) {
                *flags |= 0x80;
            }
            len
        });
        turned.map_err(told)?;
    }
}
