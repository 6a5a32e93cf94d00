//! The figures, for people and for programs.

use std::path::Path;

use serde::Serialize;

use super::cases::Case;
use super::load::Fired;
use super::servers::Server;
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
    /// One for each proxy of each case.
    pub rows: Vec<Row>,
}

/// One proxy in one case.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Which case.
    pub case: String,
    /// Which proxy, with its version.
    pub server: String,
    /// Processor time of the proxy for a request: the median over rounds, the least, the most.
    pub us_per_request: [f64; 3],
    /// The median of the ratios to HAProxy, round by round; zero without one.
    pub ratio: f64,
    /// Requests a second, median.
    pub per_second: f64,
    /// Half of the answers took no longer, over all rounds.
    pub p50_us: u32,
    /// 99 of 100.
    pub p99_us: u32,
    /// 999 of 1,000.
    pub p999_us: u32,
    /// Requests without a whole answer.
    pub failed: u64,
    /// After starting, or with the connections held.
    pub memory_mb: f64,
    /// What one idle connection holds, where that is measured.
    pub kib_per_connection: f64,
    #[serde(skip)]
    pub(super) fired: Vec<Fired>,
}

impl Row {
    pub(super) fn new(case: Case, server: &Server) -> Row {
        Row {
            case: case.to_string(),
            server: server.name.clone(),
            memory_mb: server.memory_mb(),
            ..Row::default()
        }
    }

    /// Makes the figures of the samples.
    pub(super) fn finished(rows: Vec<Row>) -> Vec<Row> {
        let us = |row: &Row| row.fired.iter().map(|fired| fired.us_per_request).collect::<Vec<f64>>();
        let floor = rows.iter().find(|row| row.server == "haproxy").map(us).unwrap_or_default();
        let finish = |mut row: Row| {
            let own = us(&row);
            let ratios = own.iter().zip(&floor).map(|(own, floor)| own / floor.max(1e-9)).collect();
            row.ratio = median(ratios);
            if !own.is_empty() {
                let least = own.iter().copied().fold(f64::INFINITY, f64::min);
                let most = own.iter().copied().fold(0.0, f64::max);
                row.us_per_request = [median(own), least, most];
            }
            row.per_second = median(row.fired.iter().map(|fired| fired.per_second).collect());
            row.failed = row.fired.iter().map(|fired| fired.failed).sum();
            let mut all: Vec<u32> =
                row.fired.iter().flat_map(|fired| fired.latencies_us.iter().copied()).collect();
            all.sort_unstable();
            let at = |thousandths: usize| {
                all.get((all.len() * thousandths / 1_000).min(all.len().saturating_sub(1)))
                    .copied()
                    .unwrap_or_default()
            };
            (row.p50_us, row.p99_us, row.p999_us) = (at(500), at(990), at(999));
            row
        };
        rows.into_iter().map(finish).collect()
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
        writeln!(f, "cargo xtask bench proxy {}", self.command)?;
        writeln!(
            f,
            "{:10} {:10} {:>7} {:>15} {:>6} {:>10} {:>7} {:>7} {:>8} {:>6} {:>7} {:>8}",
            "case",
            "server",
            "us/req",
            "[min-max]",
            "ratio",
            "requests/s",
            "p50 us",
            "p99 us",
            "p99.9 us",
            "failed",
            "PSS MB",
            "KiB/idle"
        )?;
        for row in &self.rows {
            let [median, least, most] = row.us_per_request;
            writeln!(
                f,
                "{:10} {:10} {median:7.2} [{least:6.2}-{most:6.2}] {:6.2} {:10.0} {:7} {:7} {:8} {:6} {:7.1} {:8.2}",
                row.case,
                row.server,
                row.ratio,
                row.per_second,
                row.p50_us,
                row.p99_us,
                row.p999_us,
                row.failed,
                row.memory_mb,
                row.kib_per_connection
            )?;
        }
        Ok(())
    }
}
