//! Zone status with as many watchers as fit: what each costs, how soon all are told, what a poll costs, and what happens when all come back at once.
//!
//! 1. Real nodes (`holdfast serve`, roles control and status) share core 0; watchers and polls come from core 1. A process may have only so many open files
//!    (20,000 on many machines), so more watchers than that are spread over as many nodes as they need, each with a process of watchers.
//! 2. With root, nodes and watchers stand on two sides of a link, where each side's core does its own half of the kernel's work, as between machines; over
//!    loopback, which `--over loopback` asks for and which is what it is without root, the nodes' core does the watchers' half too.
//! 3. A push is counted from the question to the API that starts the shift, or gives it a new end, until the table comes out at the watchers' end of the link,
//!    as the kernel notes, and until the watcher has read it. All watchers share one core here, so the second is a figure of that core as well.
//! 4. The same again while polls come to all nodes, so many a second at their own times.
//! 5. Polls are asked of one node over kept connections as fast as it answers, while all watchers are there; counted is the processor time of the node's thread
//!    `status`. Beside it, in the same run, nginx answers a file of the same length over the same connections.
//! 6. The herd: the nodes are killed and started again; every watcher comes back as soon as it can, without the spread that clients are asked for.
//! 7. At the end bare servers stand in the nodes' place and tell as many watchers the same bytes by one `send` each: what the kernel takes for it here.
//! 8. Memory is that of the node's process, before and with the watchers.
//!
//! Not here: whether answers are right (`hf-status`, `hf-e2e`).

mod bare;
mod link;
mod node;
mod polls;
mod report;
mod watchers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::figures::{Spread, milliseconds};
use crate::process::Program;
use crate::{Told, cores, cpu, pace, process};

pub use bare::tell;
use link::Link;
use node::Node;
pub use report::Report;
pub use watchers::watch;
use watchers::{Came, Watchers};

/// Between two changes.
const BETWEEN: Duration = Duration::from_millis(250);

/// What to do, and how much of it.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "status", about = "What zone status costs, and how soon all know.")]
pub struct Options {
    /// Watchers in all, spread evenly over the nodes.
    #[arg(long, default_value_t = 50_000)]
    pub watchers: usize,
    /// Nodes, all on one core. Default: as few as the limit of open files allows.
    #[arg(long)]
    pub nodes: Option<usize>,
    /// Polls a second, of all nodes together, while changes are pushed.
    #[arg(long, default_value_t = 20_000)]
    pub polls_per_second: usize,
    /// Changes that are pushed.
    #[arg(long, default_value_t = 10)]
    pub shifts: usize,
    /// What lies between nodes and watchers.
    #[arg(long, value_enum, default_value_t = Over::Link)]
    pub over: Over,
    /// Length of other measurements, in seconds.
    #[arg(long, default_value_t = 10)]
    pub length_s: u64,
    /// Connections that poll.
    #[arg(long, default_value_t = 32)]
    pub pollers: usize,
    /// The `holdfast` to run. Default: the one beside this program.
    #[arg(long)]
    pub holdfast: Option<PathBuf>,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// What runs the watchers. Default: this program.
    #[arg(long, hide = true)]
    pub program: Option<PathBuf>,
    /// Only watches there.
    #[arg(long, hide = true)]
    pub watch: Option<SocketAddr>,
    /// Which of several that watch.
    #[arg(long, hide = true, default_value_t = 0)]
    pub number: u8,
    /// Only tells those who watch there.
    #[arg(long, hide = true, requires = "message")]
    pub tell: Option<SocketAddr>,
    /// What it tells them.
    #[arg(long, hide = true)]
    pub message: Option<PathBuf>,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// What lies between nodes and watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Over {
    /// A link between two network namespaces: each side does its own half of the work. Needs root; without it, it is loopback.
    Link,
    /// The loopback device: the sender does the receiver's half too.
    Loopback,
}

impl Over {
    /// Makes it, or says on stderr why it cannot and what that means.
    fn made(self) -> Link {
        if self == Over::Loopback {
            return Link::loopback();
        }
        Link::new().unwrap_or_else(|why| {
            eprintln!(
                "no link between namespaces ({why}), so it is loopback: the nodes' core does the watchers' half of the work too, and a push takes about twice as long; run it as root"
            );
            Link::loopback()
        })
    }
}

/// Runs all of it.
///
/// # Errors
///
/// When something that is needed does not start or does not answer.
pub fn run(options: &Options) -> Told<Report> {
    let files = watchers::raise_files()?;
    let (count, each) = shares(options, files)?;
    let folder = tempfile::tempdir().map_err(|error| format!("a folder: {error}"))?;
    let holdfast = options.holdfast.clone().map_or_else(process::holdfast, Ok)?;
    let mut report = Report { nodes: count, watchers: each * count, ..Report::new(holdfast.as_path())? };
    // What else the machine does meanwhile is no figure of ours.
    let _first = cores::SessionFirst::begin();
    cores::pin_this_thread()?;
    let link = Rc::new(options.over.made());
    report.is_over_loopback = !link.is_own();
    let mut nodes = Vec::new();
    for number in 0..count {
        let own = folder.path().join(format!("node-{number}"));
        std::fs::create_dir(&own).map_err(|error| format!("{}: {error}", own.display()))?;
        nodes.push(Node::start(&link, &holdfast, &own, each)?);
    }
    let mut groups = joined(options, &nodes, each, &mut report)?;
    let length = Duration::from_secs(options.length_s);
    let (ran_before, began) = (ran(&nodes), Instant::now());
    pace::pause(length);
    report.idle_core_percent = percent(ran(&nodes).saturating_sub(ran_before), began);

    let (ran_before, resent_before) = (ran(&nodes), link.resent()?);
    let told = pushed(&nodes, &mut groups, 0..options.shifts)?;
    let used = ran(&nodes).saturating_sub(ran_before);
    report.push_resent = link.resent()?.saturating_sub(resent_before);
    report.push_us = used.as_secs_f64() * 1e6 / told.len().max(1) as f64;
    report.push = Spread::of(told.iter().map(|came| came.arrived).collect());
    report.push_read = Spread::of(told.iter().map(|came| came.read).collect());
    with_polls(options, &nodes, &mut groups, &mut report)?;

    let first = &nodes[0];
    let asked = polls::load(first.status, "/status/az0", options.pollers, length, || first.ran())?;
    (report.polls_per_second, report.poll_us) = (asked.per_second, asked.us);
    let known = polls::load_known(first.status, "/status", options.pollers, length, || first.ran())?;
    report.poll_known_us = known.us;
    if let Some(floor) = polls::nginx(&link, folder.path(), asked.body_len, options.pollers, length)? {
        (report.nginx_per_second, report.nginx_us) = (floor.per_second, floor.us);
    }
    herd(&mut nodes, &mut groups, &mut report)?;

    drop(groups);
    let message = bare::message(nodes[0].status)?;
    drop(nodes);

    let bare = bare::told(&link, options, (count, each), &message, folder.path())?;
    report.bare_us = bare.used.as_secs_f64() * 1e6 / bare.told.len().max(1) as f64;
    report.bare = Spread::of(bare.told.into_iter().map(|came| came.arrived).collect());
    Ok(report)
}

/// Files of a node that are not for zone status, of those that are told of no room and of its other connections; as `hf-status` counts them.
const FILES_OF_A_NODE: usize = 2_048 + 256;
/// Files of a process of watchers that are no watchers.
const FILES_OF_WATCHERS: usize = 256;

/// How many nodes, and how many watchers of each.
fn shares(options: &Options, files: usize) -> Told<(usize, usize)> {
    let of_node = files.saturating_sub(FILES_OF_A_NODE) / 6 * 5;
    let most = of_node.min(files.saturating_sub(FILES_OF_WATCHERS));
    let enough = options.watchers.div_ceil(most.max(1)).max(1);
    let nodes = options.nodes.unwrap_or(enough);
    if nodes < enough || nodes > usize::from(u8::MAX) {
        return Err(format!(
            "{} watchers on {nodes} nodes: with {files} open files a process it takes {enough} to 255; leave --nodes out",
            options.watchers
        ));
    }
    Ok((nodes, options.watchers.div_ceil(nodes)))
}

fn ran(nodes: &[Node]) -> Duration {
    nodes.iter().map(Node::ran).sum()
}

fn percent(used: Duration, began: Instant) -> f64 {
    used.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0
}

/// Lets all watchers come.
fn joined(options: &Options, nodes: &[Node], each: usize, report: &mut Report) -> Told<Vec<Watchers>> {
    let memory = || nodes.iter().map(|node| cpu::memory_mb(node.pid())).sum::<f64>();
    let (before, ran_before) = (memory(), ran(nodes));
    let mut groups = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        let mut group = Watchers::start(options.program.as_deref(), node.status, each, number)?;
        group.joined()?;
        groups.push(group);
    }
    let all = report.watchers.max(1) as f64;
    report.join_us = ran(nodes).saturating_sub(ran_before).as_secs_f64() * 1e6 / all;
    report.memory_kib = (memory() - before) * 1024.0 / all;
    Ok(groups)
}

/// Pushes changes, one after the other; how long after the question each was at each watcher.
fn pushed(nodes: &[Node], groups: &mut [Watchers], rounds: std::ops::Range<usize>) -> Told<Vec<Came>> {
    let mut told = Vec::new();
    for round in rounds {
        let asked = watchers::monotonic();
        node::shift_all(nodes, round)?;
        for group in &mut *groups {
            told.extend(group.told()?.into_iter().map(|came| came.since(asked)));
        }
        pace::pause(BETWEEN);
    }
    Ok(told)
}

/// The same while polls come.
fn with_polls(options: &Options, nodes: &[Node], groups: &mut [Watchers], report: &mut Report) -> Told<()> {
    let addresses = nodes.iter().map(|node| node.status).collect();
    let (ran_before, began) = (ran(nodes), Instant::now());
    // As long as the pushes take, were each as slow as it may be.
    let length = (BETWEEN + Duration::from_millis(750)) * options.shifts as u32;
    let polls = polls::Paced::begin(addresses, options.polls_per_second, options.pollers, length);
    pace::pause(BETWEEN);
    let told = pushed(nodes, groups, options.shifts..options.shifts * 2)?;
    (report.paced_per_second, report.paced) = polls.end()?;
    report.paced_core_percent = percent(ran(nodes).saturating_sub(ran_before), began);
    report.push_with_polls = Spread::of(told.into_iter().map(|came| came.arrived).collect());
    Ok(())
}

/// Kills all nodes, starts them again, and waits until all are back.
fn herd(nodes: &mut [Node], groups: &mut [Watchers], report: &mut Report) -> Told<()> {
    nodes.iter_mut().for_each(Node::kill);
    let began = watchers::monotonic();
    nodes.iter_mut().try_for_each(Node::start_again)?;
    let mut back = Vec::new();
    for group in groups {
        back.extend(group.joined()?.into_iter().map(|came| came.arrived.saturating_sub(began)));
    }
    let (first, last) = (back.iter().min().copied(), back.iter().max().copied());
    let since_first = |at: Duration| at.saturating_sub(first.unwrap_or_default());
    report.herd_all_ms = milliseconds(last.unwrap_or_default());
    report.herd = Spread::of(back.into_iter().map(since_first).collect());
    report.herd_us = ran(nodes).as_secs_f64() * 1e6 / report.watchers.max(1) as f64;
    Ok(())
}

/// A program that is started on core 0, on the servers' side.
fn start_on_core_0(
    link: &Link,
    path: &std::path::Path,
    arguments: Vec<String>,
    log: PathBuf,
) -> Told<Program> {
    link.at_servers(|| cores::on_core_0(|| Program::start(path, arguments, log)))??
}
