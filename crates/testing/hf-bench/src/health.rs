//! A checker with as many checks as one core should carry, and what is made of checkers' tables and of seconds.
//!
//! 1. The node, a real one with the roles control and checker, has core 0. What it probes is one process on core 1, on all loopback addresses: each
//!    endpoint has an address of its own, so that ports do not run out.
//! 2. Counted is the processor time of the checker's thread, and of the whole node, over the probes that ended meanwhile. The floor is a bare loop on core 0 in the
//!    same run: connect, ask if there is something to ask, read, reset; one after the other.
//! 3. Lateness is the checker's own measure: from when a probe was due to when it began.
//! 4. Merging and detecting are pure: the very functions that a node calls, in this process.
//!
//! Not here: whether verdicts are right (`hf-e2e`, `hf-gray-suite`).

mod floor;
mod node;
mod pure;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::process::Program;
use crate::{Told, cores, process};

pub use floor::{bare, respond};
pub use report::{Pure, Report, Row};

/// What to do, and how much of it.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "health", about = "What health checks cost.")]
pub struct Options {
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Case::ALL)]
    pub cases: Vec<Case>,
    /// Endpoints of the large estate.
    #[arg(long, default_value_t = 100_000)]
    pub endpoints: u32,
    /// Between two probes of each of them, in seconds.
    #[arg(long, default_value_t = 10)]
    pub interval_s: u32,
    /// Length of a measurement, in seconds.
    #[arg(long, default_value_t = 10)]
    pub length_s: u64,
    /// Tables that are merged.
    #[arg(long, default_value_t = 1_000)]
    pub tables: usize,
    /// Seconds that a detector is shown.
    #[arg(long, default_value_t = 20_000)]
    pub seconds: u32,
    /// The `holdfast` to run. Default: the one beside this program.
    #[arg(long)]
    pub holdfast: Option<PathBuf>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Only answers probes there.
    #[arg(long, hide = true)]
    pub respond: Option<SocketAddr>,
    /// Only probes in a bare loop.
    #[arg(long, hide = true, value_enum, requires = "port")]
    pub bare: Option<Case>,
    /// Where.
    #[arg(long, hide = true)]
    pub port: Option<u16>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// A TCP connection to each endpoint of the large estate.
    Tcp,
    /// A page over HTTP/1.1 from each.
    Http,
    /// 900 endpoints, a TCP connection every two seconds: as in the benchmark of DNS.
    Few,
    /// Checkers' tables to verdicts.
    Merge,
    /// Seconds of requests and probes to zones that fail in part.
    Detect,
}

impl Case {
    /// All of them.
    pub const ALL: [Case; 5] = [Case::Tcp, Case::Http, Case::Few, Case::Merge, Case::Detect];
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Case::Tcp => "tcp",
            Case::Http => "http",
            Case::Few => "few",
            Case::Merge => "merge",
            Case::Detect => "detect",
        })
    }
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
            Case::Tcp | Case::Http | Case::Few => {
                report.rows.push(measure(*case, options, &holdfast)?);
            }
            Case::Merge => report.pure.extend(pure::merge(options)?),
            Case::Detect => report.pure.push(pure::detect(options.seconds)),
        }
    }
    report.end();
    Ok(report)
}

fn measure(case: Case, options: &Options, holdfast: &std::path::Path) -> Told<Row> {
    let folder = tempfile::tempdir().map_err(|error| format!("a folder for files: {error}"))?;
    let own = own_program()?;
    let respond = vec!["--respond".to_owned(), "0.0.0.0:0".to_owned()];
    let responder = Program::start(&own, respond, folder.path().join("responder.log"))?;
    let port = node::port_of(&responder)?;
    let floor = floor::measure(&own, case, port, options.length_s.min(3))?;
    let (endpoints, interval) = match case {
        Case::Few => (900, Duration::from_secs(2)),
        _ => (options.endpoints, Duration::from_secs(options.interval_s.into())),
    };
    let large = node::Large { endpoints, zones: node::ZONES, interval, port, is_http: case == Case::Http };
    let row = node::measure(case, large, holdfast, folder.path(), Duration::from_secs(options.length_s))?;
    drop(responder);
    Ok(Row { floor_us: floor, ratio: crate::figures::ratio(row.us_per_probe, floor), ..row })
}

/// This program; a test of it lies one folder deeper.
fn own_program() -> Told<PathBuf> {
    let own = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    let found =
        own.ancestors().skip(1).take(2).map(|folder| folder.join("health")).find(|path| path.is_file());
    found.ok_or_else(|| format!("the program `health` is not beside {}", own.display()))
}
