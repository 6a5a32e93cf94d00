//! `holdfast detect`: replays recorded seconds through the detector of gray failure, the very one that nodes run.
//!
//! 1. Every file is a service of its own, from its first line on; its name without endings is the scenario's.
//! 2. A verdict is told once, and again only after ten minutes without one.
//! 3. A line that is no second, or not a later one than the line before, ends that file with its place; so do a file without a second and one that is cut off.
//!    What was found before stays told, the other files go on, and the exit code is 2.
//!
//! Not here: the detector (`hf-gray`), the lines' form (`line`).

mod line;
mod record;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use hf_gray::{Config, Detector, Finding, Latency, Second, Stage, Step};
use serde::Serialize;

use crate::args::detect::DetectArgs;
use crate::failure::Failure;
use crate::output;
use line::{Line, Shape};

pub use record::record;

/// Bytes of a line at most: some hundred thousand numbers.
const LINE_BYTES: u64 = 8 << 20;
/// Seconds without a verdict after which the next one is a new one.
const NEW_AFTER: u64 = 600;

/// One line of the output.
#[derive(Debug, PartialEq, Serialize)]
struct Verdict<'a> {
    scenario: &'a str,
    t: u64,
    zone: usize,
    /// The logarithm of the evidence: what a verdict needs is 19.6.
    evidence: f64,
    fault_rate: f64,
    fault_rate_tolerated: f64,
}

/// Replays all files.
pub fn run(args: &DetectArgs) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for file in &args.files {
        if let Err(problem) = replay(file, args) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Usage(problems.join("\n"))) }
}

fn replay(path: &Path, args: &DetectArgs) -> Result<(), String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown}: {error}");
    let raw: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut raw = BufReader::new(raw);
    let is_compressed = raw.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let mut lines: Box<dyn BufRead> =
        if is_compressed { Box::new(BufReader::new(MultiGzDecoder::new(raw))) } else { Box::new(raw) };
    let mut replay = Replay::new(scenario(path), args);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let read = lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut text);
        if read.map_err(|error| format!("{shown}:{number}: {}", unreadable(&error, is_compressed)))? == 0 {
            break;
        }
        if text.len() as u64 == LINE_BYTES && !text.ends_with(b"\n") {
            return Err(format!(
                "{shown}:{number}: a line has at most {LINE_BYTES} bytes; split the recording by service"
            ));
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        replay.take(&text).map_err(|what| format!("{shown}:{number}: {what}"))?;
    }
    if replay.last.is_none() {
        return Err(format!("{shown}: there is no second in it; `holdfast detect --record` writes some"));
    }
    Ok(())
}

fn unreadable(error: &std::io::Error, is_compressed: bool) -> String {
    match error.kind() {
        // flate2 says the one of a stream that ends too soon, and either of one that makes no sense.
        std::io::ErrorKind::UnexpectedEof
        | std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::InvalidData
            if is_compressed =>
        {
            format!("the compressed file is cut off or damaged here ({error}); copy it again")
        }
        _ => error.to_string(),
    }
}

/// The file's name without `.jsonl` and `.gz`.
fn scenario(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".jsonl").unwrap_or(name).to_owned()
}

/// One file on its way through the detector.
struct Replay<'a> {
    scenario: String,
    args: &'a DetectArgs,
    detector: Option<(Detector, Shape)>,
    /// The last second's time; one without a time is the next one.
    last: Option<u64>,
    last_verdict: Option<(u64, usize)>,
}

impl<'a> Replay<'a> {
    fn new(scenario: String, args: &'a DetectArgs) -> Self {
        Replay { scenario, args, detector: None, last: None, last_verdict: None }
    }

    fn take(&mut self, text: &[u8]) -> Result<(), String> {
        let Line { t, second, shape, was, ratio, probes_are_verdicts } = line::read(text)?;
        let t = t.unwrap_or_else(|| self.last.map_or(0, |last| last.saturating_add(1)));
        if let Some(last) = self.last.filter(|last| t <= *last) {
            return Err(format!(
                "second {t} comes after second {last}; write each once, in their order, since the detector learns from what was before"
            ));
        }
        self.last = Some(t);
        let latency = Latency { buckets: shape.buckets, ratio: ratio.unwrap_or(self.args.bucket_ratio) };
        let config = Config { probes_are_verdicts, ..Config::default() };
        let is_first = self.detector.is_none();
        let (detector, first) = self
            .detector
            .get_or_insert_with(|| (Detector::new(config, &shape.endpoints, latency), shape.clone()));
        if let Some(was) = was.filter(|_| !is_first) {
            detector.carry_over(&was);
            first.endpoints.clone_from(&shape.endpoints);
        }
        if shape != *first {
            return Err(format!(
                "this second has {shape}, the first one has {first}; a recording keeps its shape"
            ));
        }
        let step = detector.step(&second);
        if self.args.explain {
            explain(&self.scenario, t, &second, &step);
        }
        self.tell(t, &step);
        Ok(())
    }

    fn tell(&mut self, t: u64, step: &Step) {
        let Finding::Zone(zone) = step.finding else { return };
        let is_known =
            self.last_verdict.is_some_and(|(at, known)| known == zone && t.saturating_sub(at) < NEW_AFTER);
        self.last_verdict = Some((t, zone));
        if is_known {
            return;
        }
        let rounded = |of: f64| (of * 10_000.0).round() / 10_000.0;
        let found = &step.zones[zone];
        let verdict = Verdict {
            scenario: &self.scenario,
            t,
            zone,
            evidence: rounded(found.total),
            fault_rate: rounded(found.fault_rate),
            fault_rate_tolerated: rounded(found.fault_rate_tolerated),
        };
        if let Ok(line) = output::line(&verdict) {
            output::say(&line);
        }
    }
}

/// The evidence of a second with a suspicion.
fn explain(scenario: &str, t: u64, second: &Second, step: &Step) {
    for (at, zone) in step.zones.iter().enumerate().filter(|(_, zone)| zone.stage > Stage::Normal) {
        let requests: u64 =
            second.zones[at].endpoints.iter().map(|endpoint| u64::from(endpoint.requests)).sum();
        let [half, most, nearly_all] = zone.streams.slow;
        eprintln!(
            "{scenario} {t}: zone {at} {:?}: evidence {:.1} (faults {:.1}, slow {half:.1} {most:.1} {nearly_all:.1}, probes {:.1}); {requests} requests, faults {:.2} % of {:.2} % tolerated",
            zone.stage,
            zone.total,
            zone.streams.faults,
            zone.streams.probes,
            100.0 * zone.fault_rate,
            100.0 * zone.fault_rate_tolerated,
        );
    }
}

#[cfg(test)]
mod tests;
