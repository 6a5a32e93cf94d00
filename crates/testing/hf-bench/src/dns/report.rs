//! The figures, for people and for programs.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::load::Fired;
use super::moments::{self, Moment};
use crate::{Told, cpu, process};

/// All of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it was taken with.
    pub holdfast: String,
    /// Where.
    pub machine: String,
    /// How busy the machine was, at the beginning and at the end.
    pub load: [f64; 2],
    /// The command.
    pub command: String,
    /// One for each server of each case.
    pub rows: Vec<Row>,
    /// One for each thing that happened while queries came.
    pub moments: Vec<Moment>,
}

/// One server in one case.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Which case.
    pub case: String,
    /// Which server.
    pub server: String,
    /// Processor time of the server for an answer: the median over rounds, the least, the most.
    pub us_per_answer: [f64; 3],
    /// The median of the ratios to the floor, round by round.
    pub ratio: f64,
    /// Answers a second under full load, median.
    pub per_second: f64,
    /// Under the paced load.
    pub p50_us: u32,
    /// Under the paced load.
    pub p99_us: u32,
    /// Processor time of a second in which nobody asks.
    pub idle_ms_per_s: f64,
    /// At rest, a second after loading: its own pages and its part of those that it shares (PSS).
    pub memory_mb: f64,
    /// The most of it while it loaded (`VmHWM` of the process that had most, with the pages of programs and files that it looked at).
    pub memory_max_mb: f64,
    /// From the start of the process to the first right answer, with the processor to itself.
    pub load_s: f64,
    /// Of all replies, how many were right.
    pub right: f64,
    /// Queries without a reply.
    pub lost: u64,
    #[serde(skip)]
    pub(super) full: Vec<Fired>,
    #[serde(skip)]
    pub(super) paced: Fired,
}

impl Row {
    pub(super) fn new(case: &str, load_time: Duration) -> Row {
        Row { case: case.to_owned(), load_s: load_time.as_secs_f64(), ..Row::default() }
    }

    /// Makes the figures of the samples. `floor` has the floor's of the same rounds.
    pub(super) fn finish(mut self, server: &str, floor: &[f64]) -> Row {
        server.clone_into(&mut self.server);
        let us: Vec<f64> = self.full.iter().map(|fired| fired.us_per_answer).collect();
        let ratios = us.iter().zip(floor).map(|(own, floor)| own / floor.max(1e-9)).collect();
        let least = us.iter().copied().fold(f64::INFINITY, f64::min);
        let most = us.iter().copied().fold(0.0, f64::max);
        self.us_per_answer = [median(us), least, most];
        self.ratio = median(ratios);
        self.per_second = median(self.full.iter().map(|fired| fired.per_second).collect());
        let sum = |of: fn(&Fired) -> u64| self.full.iter().chain([&self.paced]).map(of).sum::<u64>();
        self.right = sum(|of| of.right) as f64 / sum(|of| of.answered).max(1) as f64;
        self.lost = sum(|of| of.lost);
        let at = |percent: usize| {
            let all = &self.paced.latencies_us;
            all.get((all.len() * percent / 100).min(all.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        (self.p50_us, self.p99_us) = (at(50), at(99));
        self
    }
}

impl Report {
    pub(super) fn begin(holdfast: &Path) -> Told<Report> {
        Ok(Report {
            holdfast: process::version(holdfast)?,
            machine: cpu::machine(),
            load: [cpu::load(), 0.0],
            command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
            rows: Vec::new(),
            moments: Vec::new(),
        })
    }

    pub(super) fn end(&mut self) {
        self.load[1] = cpu::load();
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [before, after] = self.load;
        writeln!(f, "{}; {}; load average {before:.1} to {after:.1}", self.holdfast, self.machine)?;
        writeln!(f, "cargo xtask bench dns {}", self.command)?;
        if !self.rows.is_empty() {
            writeln!(
                f,
                "{:9} {:14} {:>6} {:>13} {:>6} {:>9} {:>7} {:>7} {:>9} {:>8} {:>8} {:>7} {:>7} {:>6}",
                "case",
                "server",
                "us/a",
                "[min-max]",
                "ratio",
                "answers/s",
                "p50 us",
                "p99 us",
                "idle ms/s",
                "PSS MB",
                "HWM MB",
                "load s",
                "right %",
                "lost"
            )?;
        }
        for row in &self.rows {
            let [median, least, most] = row.us_per_answer;
            writeln!(
                f,
                "{:9} {:14} {median:6.2} [{least:5.2}-{most:5.2}] {:6.2} {:9.0} {:7} {:7} {:9.2} {:8.1} {:8.1} {:7.2} {:7.1} {:6}",
                row.case,
                row.server,
                row.ratio,
                row.per_second,
                row.p50_us,
                row.p99_us,
                row.idle_ms_per_s,
                row.memory_mb,
                row.memory_max_mb,
                row.load_s,
                100.0 * row.right,
                row.lost
            )?;
        }
        if !self.moments.is_empty() {
            writeln!(f, "\n{}", moments::head())?;
        }
        for moment in &self.moments {
            writeln!(f, "{moment}")?;
        }
        for summary in moments::summaries(&self.moments) {
            writeln!(f, "{summary}")?;
        }
        Ok(())
    }
}
