//! The ledger: five etcd members, five control nodes and twenty data planes as processes on one machine.
//!
//! 1. Commit latency of a batch of two routing controls over the API, beside a bare etcd transaction: one put, of as many bytes as the batch's
//!    entry has, that is guarded by a comparison. Both over kept connections, one question at a time, each at the next of the five
//!    processes, in turns of a block each. Paced: a pause before each, in which what follows a commit comes to its end; and without a pause.
//!    Beside them the same over a node with the embedded ledger.
//! 2. Processor time of all control nodes for one commit: what they used in the blocks of our API, less what they used meanwhile in equally
//!    long blocks of the others.
//! 3. Commit to in force: from the API's answer, and from the question, until a plane's zone status tells the revision over its WebSocket. The watcher is
//!    this program, so that there is one clock; the resolution is that of a wake-up, some tens of microseconds.
//! 4. A killed leader: etcd's leader and the control node beside it die by SIGKILL at once; how long until our own client (which races the
//!    five endpoints, as an operator's does) has a commit acknowledged. Beside it how long a bare writer takes, at the four others.
//! 5. All of 1 and 3 again with the largest board: 300 controls, 50 panels, 20 rules a panel.
//!
//! Everything shares the machine: five members and five control nodes one disk, all of them and twenty planes the processors. What several
//! machines would do apart stands in line here, so absolute times are upper bounds and ratios are what counts. The planes keep their
//! snapshots in memory (`/dev/shm`): their disks are not etcd's.

mod bare;
mod board;
mod commits;
mod estate;
mod force;
mod leader;
mod report;
mod world;

use std::path::PathBuf;

use crate::{Told, process};

pub use report::Report;
use world::{Engine, World};

/// What to do, and how much of it.
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "ledger",
    about = "What a commit costs beside a bare etcd transaction, and how soon it is in force."
)]
pub struct Options {
    /// Commits of each kind and setting.
    #[arg(long, default_value_t = 600)]
    pub commits: usize,
    /// Pause before each commit of the paced settings, in milliseconds.
    #[arg(long, default_value_t = 20)]
    pub pause_ms: u64,
    /// Commits that are followed to every plane.
    #[arg(long, default_value_t = 200)]
    pub followed: usize,
    /// Times that the leader is killed.
    #[arg(long, default_value_t = 20)]
    pub rounds: usize,
    /// Data planes.
    #[arg(long, default_value_t = 20)]
    pub planes: usize,
    /// Panels of the large board; six controls each.
    #[arg(long, default_value_t = 50)]
    pub panels: usize,
    /// The `holdfast` to run. Default: the one beside this program.
    #[arg(long)]
    pub holdfast: Option<PathBuf>,
    /// Where etcd and the nodes keep their data, in a folder that goes at the end. Default: the system's temporary folder. A disk, or
    /// nothing is waited for.
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
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
pub async fn run(options: Options) -> Told<Report> {
    let holdfast = options.holdfast.clone().map_or_else(process::holdfast, Ok)?;
    let mut report = Report::begin(&holdfast)?;
    let (small, large) = (estate::small(), estate::large(options.panels));
    report.boards = vec![board::measure("2 controls, 1 panel, 1 rule", &small)?];
    report.boards.push(board::measure(&estate::size(options.panels), &large)?);
    let entry_bytes = report.boards[0].entry_bytes;

    let folder = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let mut world = World::start(&holdfast, &folder, Engine::Etcd).await?;
    world.apply(&small).await?;
    let alone = World::start(&holdfast, &folder, Engine::Embedded).await?;
    alone.apply(&small).await?;

    let mut plan = commits::Plan { commits: options.commits, pause_ms: options.pause_ms, entry_bytes };
    say("commits, no data planes");
    report.commits.push(commits::measure("no planes, paced", &world, Some(&alone), plan).await?);
    plan.pause_ms = 0;
    report
        .commits
        .push(commits::measure("no planes, one after the other", &world, Some(&alone), plan).await?);
    drop(alone);

    say("data planes");
    world.start_planes(options.planes).await?;
    plan.pause_ms = options.pause_ms;
    report.commits.push(commits::measure(&with("paced", options.planes), &world, None, plan).await?);
    plan.pause_ms = 0;
    report
        .commits
        .push(commits::measure(&with("one after the other", options.planes), &world, None, plan).await?);
    say("commit to in force");
    report.force.push(force::measure("2 controls", &world, options.followed).await?);

    say("killed leaders");
    report.leader = Some(leader::measure(&mut world, options.rounds).await?);

    say("the large board");
    world.apply(&large).await?;
    let controls = format!("{} controls", 6 * options.panels);
    plan.pause_ms = options.pause_ms;
    report.commits.push(
        commits::measure(&with(&format!("paced, {controls}"), options.planes), &world, None, plan).await?,
    );
    report.force.push(force::measure(&controls, &world, options.followed).await?);
    report.end();
    Ok(report)
}

fn with(how: &str, planes: usize) -> String {
    format!("{planes} planes, {how}")
}

/// Progress, for whoever waits.
fn say(what: &str) {
    eprintln!("{what} …");
}
