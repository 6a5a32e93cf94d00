//! The figures, for people and for programs.

use std::path::Path;

use serde::Serialize;

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
    /// Checkers at work.
    pub rows: Vec<Row>,
    /// What is made of their results.
    pub pure: Vec<Pure>,
}

/// A checker at work.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Which case.
    pub case: String,
    /// Endpoints under check.
    pub checks: u32,
    /// Between two probes of each.
    pub interval_s: u64,
    /// Probes that ended in a second.
    pub probes_per_second: f64,
    /// Processor time of the checker's thread for one.
    pub us_per_probe: f64,
    /// The bare loop's.
    pub floor_us: f64,
    /// One over the other.
    pub ratio: f64,
    /// Processor time of all of the node for one.
    pub us_per_probe_node: f64,
    /// What the node used of its core.
    pub core_percent: f64,
    /// Its memory meanwhile.
    pub memory_mb: f64,
    /// The most it had, its start included.
    pub memory_max_mb: f64,
    /// How late probes began: half of them no later.
    pub late_p50_ms: f64,
    /// 99 of 100.
    pub late_p99_ms: f64,
    /// 999 of 1,000.
    pub late_p999_ms: f64,
    /// Bad results; there should be none.
    pub bad: f64,
    /// Probes that could not be made or measured, by a fault of the node's side.
    pub unmeasured: f64,
    /// Of these: the checker stood still itself when their time ran out.
    pub behind: f64,
    /// The most probes at once since the node's start.
    pub in_flight_peak: f64,
    /// The most that may run.
    pub in_flight_limit: f64,
    /// Probes that were put off for the budget.
    pub put_off: f64,
}

/// Something pure.
#[derive(Clone, Debug, Serialize)]
pub struct Pure {
    /// What.
    pub what: String,
    /// How long one takes.
    pub took_us: f64,
    /// One what.
    pub unit: String,
}

impl Report {
    /// Before the first case.
    pub fn begin(holdfast: &Path) -> Told<Report> {
        Ok(Report {
            holdfast: process::version(holdfast)?,
            machine: cpu::machine(),
            load: [cpu::load(), 0.0],
            command: std::env::args().skip(1).fold("health".to_owned(), |all, word| format!("{all} {word}")),
            rows: Vec::new(),
            pure: Vec::new(),
        })
    }

    /// After the last one.
    pub fn end(&mut self) {
        self.load[1] = cpu::load();
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}; {}; load {:.1} to {:.1}; {}",
            self.holdfast, self.machine, self.load[0], self.load[1], self.command
        )?;
        if !self.rows.is_empty() {
            writeln!(
                f,
                "\n{:<6} {:>7} {:>5} {:>9} {:>9} {:>9} {:>6} {:>8} {:>6} {:>8} {:>8} {:>25} {:>5} {:>17} {:>14} {:>7}",
                "case",
                "checks",
                "every",
                "probes/s",
                "us/probe",
                "floor us",
                "ratio",
                "node us",
                "core",
                "MB",
                "most MB",
                "late p50/p99/p99.9 ms",
                "bad",
                "unmeasured/behind",
                "peak of limit",
                "put off"
            )?;
        }
        for row in &self.rows {
            let unmeasured = format!("{} / {}", row.unmeasured, row.behind);
            let in_flight = format!("{} of {}", row.in_flight_peak, row.in_flight_limit);
            let late = format!("{:.1} / {:.1} / {:.1}", row.late_p50_ms, row.late_p99_ms, row.late_p999_ms);
            writeln!(
                f,
                "{:<6} {:>7} {:>4}s {:>9.0} {:>9.1} {:>9.1} {:>6.2} {:>8.1} {:>5.1}% {:>8.0} {:>8.0} {:>25} {:>5.0} {:>17} {:>14} {:>7.0}",
                row.case,
                row.checks,
                row.interval_s,
                row.probes_per_second,
                row.us_per_probe,
                row.floor_us,
                row.ratio,
                row.us_per_probe_node,
                row.core_percent,
                row.memory_mb,
                row.memory_max_mb,
                late,
                row.bad,
                unmeasured,
                in_flight,
                row.put_off
            )?;
        }
        if !self.pure.is_empty() {
            writeln!(f)?;
        }
        for pure in &self.pure {
            writeln!(f, "{:>10.1} us {}: {}", pure.took_us, pure.unit, pure.what)?;
        }
        Ok(())
    }
}
