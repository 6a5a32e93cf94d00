//! The figures.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::figures::Spread;
use crate::{Told, cpu, process};

/// What came out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: String,
    /// The program.
    pub version: String,
    /// Processes that wanted to run before it began.
    pub load: f64,
    /// Nodes on the core.
    pub nodes: usize,
    /// Watchers of all of them.
    pub watchers: usize,
    /// Nothing but the loopback device lies between nodes and watchers: the nodes' core does the watchers' half of the work too.
    pub is_over_loopback: bool,
    /// Processor time for one to join.
    pub join_us: f64,
    /// Memory of the process for one.
    pub memory_kib: f64,
    /// Of the core, for beats alone.
    pub idle_core_percent: f64,
    /// From the question that starts a shift until it comes out at the watchers' end.
    pub push: Spread,
    /// Until the watcher has read it, which takes the core that all of them share.
    pub push_read: Spread,
    /// Segments that nodes sent again meanwhile: what a full core of watchers did not take.
    pub push_resent: u64,
    /// Processor time to tell one.
    pub push_us: f64,
    /// The same bytes to as many, of bare servers in the nodes' place.
    pub bare: Spread,
    /// Processor time to tell one then.
    pub bare_us: f64,
    /// The push while polls come at their rate.
    pub push_with_polls: Spread,
    /// Polls that were answered a second then, all nodes together.
    pub paced_per_second: f64,
    /// How long after they were due.
    pub paced: Spread,
    /// Of the core, for polls, pushes and beats then.
    pub paced_core_percent: f64,
    /// Answers with a body, as fast as one node gives them, with all watchers there.
    pub polls_per_second: f64,
    /// Processor time of one.
    pub poll_us: f64,
    /// Processor time of an answer that nothing is new.
    pub poll_known_us: f64,
    /// nginx, a file of the same length.
    pub nginx_per_second: f64,
    /// Processor time of one.
    pub nginx_us: f64,
    /// After a restart: from the first that is back to each.
    pub herd: Spread,
    /// From the restart itself to the last one.
    pub herd_all_ms: f64,
    /// Processor time for one to come back.
    pub herd_us: f64,
}

impl Report {
    /// Without figures.
    pub fn new(holdfast: &Path) -> Told<Report> {
        let (machine, version) = (cpu::machine(), process::version(holdfast)?);
        Ok(Report { machine, version, load: cpu::load(), ..Report::default() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { machine, version, load, nodes, watchers, push, herd, .. } = self;
        writeln!(f, "{version}; {machine}; load before {load}")?;
        writeln!(f, "watchers            {watchers} on {nodes} nodes, one core")?;
        let over =
            if self.is_over_loopback { "loopback" } else { "a link, each side's half on its own core" };
        writeln!(f, "over                {over}")?;
        writeln!(f, "to join             {:.1} us of the core each", self.join_us)?;
        writeln!(f, "memory              {:.2} KiB each", self.memory_kib)?;
        writeln!(f, "beats alone         {:.1} % of the core", self.idle_core_percent)?;
        writeln!(f, "push, at their end  {push}; {:.1} us of the core each", self.push_us)?;
        writeln!(f, "segments sent again {}", self.push_resent)?;
        writeln!(f, "push, read          {}", self.push_read)?;
        writeln!(f, "bare sends          {}; {:.1} us of the core each", self.bare, self.bare_us)?;
        writeln!(f, "push with polls     {}", self.push_with_polls)?;
        writeln!(
            f,
            "polls then          {} a second, {}; {:.1} % of the core for all",
            self.paced_per_second, self.paced, self.paced_core_percent
        )?;
        writeln!(f, "poll, one node      {:.1} us, {} a second", self.poll_us, self.polls_per_second)?;
        writeln!(f, "poll, nothing new   {:.1} us", self.poll_known_us)?;
        writeln!(f, "nginx, a file       {:.1} us, {} a second", self.nginx_us, self.nginx_per_second)?;
        writeln!(f, "herd, from the first {herd}; {:.1} us of the core each", self.herd_us)?;
        writeln!(f, "herd, from the start {:.2} ms until the last is back", self.herd_all_ms)
    }
}
