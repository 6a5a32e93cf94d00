//! What is told in the end: a table for people, JSON for programs.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::board::BoardFigures;
use super::commits::CommitFigures;
use super::force::ForceFigures;
use super::leader::LeaderFigures;
use crate::{Told, cpu, process};

/// etcd's `--heartbeat-interval`: for places near one another, as `docs/operations.md` has it.
pub const HEARTBEAT_MS: u32 = 50;
/// etcd's `--election-timeout`: ten times that.
pub const ELECTION_MS: u32 = 500;

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began, RFC 3339.
    pub date: String,
    /// As it was called.
    pub command: String,
    /// Processors and kernel.
    pub machine: String,
    /// Programs.
    pub versions: Vec<String>,
    /// How etcd ran.
    pub etcd_settings: String,
    /// Processes that wanted to run in the minute before the beginning, and in the last one: other people's, and at the end our own.
    pub load: [f64; 2],
    /// Commit latency by setting.
    pub commits: Vec<CommitFigures>,
    /// Commit to in force, by board.
    pub force: Vec<ForceFigures>,
    /// After a killed leader.
    pub leader: Option<LeaderFigures>,
    /// What a board costs by itself.
    pub boards: Vec<BoardFigures>,
}

impl Report {
    /// Nothing measured yet.
    pub fn begin(holdfast: &Path) -> Told<Report> {
        let etcd = process::version(Path::new("etcd"))
            .map_err(|problem| format!("{problem}; Debian has it in etcd-server"))?;
        Ok(Report {
            date: hf_api::instant(hf_clock::Clock::system().now().0),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            machine: cpu::machine(),
            versions: vec![process::version(holdfast)?, etcd],
            etcd_settings: format!(
                "five members, heartbeat {HEARTBEAT_MS} ms, election {ELECTION_MS} ms, pre-vote, plain HTTP, no login"
            ),
            load: [cpu::load(), 0.0],
            commits: Vec::new(),
            force: Vec::new(),
            leader: None,
            boards: Vec::new(),
        })
    }

    /// All is measured.
    pub fn end(&mut self) {
        self.load[1] = cpu::load();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {}; load before {}, at the end {}",
            self.date, self.machine, self.load[0], self.load[1]
        )?;
        writeln!(f, "{}; etcd: {}", self.versions.join(", "), self.etcd_settings)?;
        writeln!(f, "{}", self.command)?;
        writeln!(
            f,
            "\ncommit of a batch of two controls, p50 / p99 ms; CPU ms of all control nodes, all members"
        )?;
        let head = [
            "setting",
            "our API",
            "bare etcd",
            "ratio",
            "engine alone",
            "embedded",
            "control",
            "etcd (bare)",
        ];
        let row = |f: &mut fmt::Formatter<'_>, c: [&str; 8]| {
            writeln!(
                f,
                "  {:38} {:>15} {:>15} {:>13} {:>15} {:>15} {:>8} {:>13}",
                c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
            )
        };
        row(f, head)?;
        for CommitFigures {
            setting,
            api,
            etcd,
            engine,
            embedded,
            ratio_p50,
            ratio_p99,
            control_cpu_ms,
            etcd_cpu_ms,
            etcd_bare_cpu_ms,
        } in &self.commits
        {
            let of = |spread: &crate::figures::Spread| format!("{:.2} / {:.2}", spread.p50_ms, spread.p99_ms);
            row(
                f,
                [
                    setting,
                    &of(api),
                    &of(etcd),
                    &format!("{ratio_p50:.2} / {ratio_p99:.2}"),
                    &of(engine),
                    &embedded.as_ref().map_or_else(|| "-".to_owned(), of),
                    &format!("{control_cpu_ms:.2}"),
                    &format!("{etcd_cpu_ms:.2} ({etcd_bare_cpu_ms:.2})"),
                ],
            )?;
        }
        writeln!(f, "\ncommit to in force on all planes")?;
        for ForceFigures { board, planes, from_answer, from_question, each_plane } in &self.force {
            writeln!(f, "  {board}, {planes} planes")?;
            writeln!(f, "    answer to last plane     {from_answer}")?;
            writeln!(f, "    question to last plane   {from_question}")?;
            writeln!(f, "    question to each plane   {each_plane}")?;
        }
        if let Some(LeaderFigures { api, etcd }) = &self.leader {
            writeln!(f, "\nleader and its control node killed, to the next commit")?;
            writeln!(f, "  our client, our API        {api}")?;
            writeln!(f, "  a bare writer at etcd      {etcd}")?;
        }
        writeln!(f, "\nboards, in one process")?;
        for board in &self.boards {
            let BoardFigures {
                board,
                estate_bytes,
                entry_bytes,
                intent_bytes,
                checkpoint_bytes,
                apply,
                encode,
                decode,
                checkpoint,
            } = board;
            writeln!(
                f,
                "  {board}: estate {estate_bytes} B, entry {entry_bytes} B, intent {intent_bytes} B, checkpoint {checkpoint_bytes} B"
            )?;
            writeln!(f, "    apply                    {apply}")?;
            writeln!(f, "    intent to bytes          {encode}")?;
            writeln!(f, "    intent from bytes        {decode}")?;
            writeln!(f, "    checkpoint to bytes      {checkpoint}")?;
        }
        Ok(())
    }
}
