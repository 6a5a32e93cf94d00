//! `holdfast detect`.

use std::path::PathBuf;

use clap::Args;

/// `holdfast detect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast detect incident.jsonl                 which zone would have been found, and when
  holdfast detect --explain incident.jsonl.gz    and, on standard error, the evidence of every second with a suspicion
  holdfast detect --record incident.jsonl --pool web --since 30m    what a node saw just now, to replay it
  holdfast detect suite/*.jsonl.gz > decisions.jsonl

A line is one second, as JSON: n (requests) and e (faults) by zone and endpoint; hist (answers by bucket of latency) by zone,
endpoint and bucket; probe by observer's and target's zone, 1 for answered; topc and topn (faults and requests of the two
clients with most faults) and mark (1 while it is deployed to) by zone. All but n and e may be left out.
Recorded lines have also: buckets and ratio of hist, verdicts (1 where probe is what checkers say), seen (what balancers of each zone
saw of each zone), was (where zones and endpoints were in the second before, when some came or went).
A verdict is a line: {\"scenario\":FILE,\"t\":SECOND,\"zone\":ZONE,…}, zones counted from 0.")]
pub struct DetectArgs {
    /// Files of recorded seconds, plain or compressed with gzip; `-` is standard input.
    #[arg(required_unless_present = "record", conflicts_with = "record", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write what the detector of a pool took lately into this file, as lines to replay; `-` is standard output. Nodes keep an hour at most.
    #[arg(long, value_name = "FILE", requires = "pool")]
    pub record: Option<PathBuf>,
    /// The pool to record.
    #[arg(long, value_name = "POOL", requires = "record")]
    pub pool: Option<String>,
    /// Record only the last so long, such as 20m. The first two minutes of a replay find nothing: the detector learns what is usual.
    #[arg(long, value_name = "TIME", requires = "record", value_parser = hf_model::parse_duration)]
    pub since: Option<std::time::Duration>,
    /// Tell the evidence of every second with a suspicion, on standard error.
    #[arg(long)]
    pub explain: bool,
    /// From one bucket of latency to the next, so many times as long. Default: the square root of two.
    #[arg(long, value_name = "RATIO", default_value_t = std::f64::consts::SQRT_2, value_parser = ratio)]
    pub bucket_ratio: f64,
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio > 1.0 && ratio <= 16.0 => Ok(ratio),
        _ => Err("write a number above 1 and up to 16, such as 1.1".to_owned()),
    }
}
