//! `cargo xtask churn [--minutes N] [--rate R] [--open N]`: connections and requests of all kinds come and go at a balancer, and its memory stays flat.
//!
//! Built optimised. Default: 30 minutes, as many turns as eight clients make, 20,000 connections that stay open (as far as the system's limit of open
//! files goes). A line each minute; what is compared at the end stands in `crates/testing/hf-e2e/balancer/churn.py`.
//!
//! Not here: the test itself (`hf-e2e`), which runs for 45 seconds with the others.

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask churn [--minutes N] [--rate TURNS_A_SECOND] [--open CONNECTIONS]";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let Some([minutes, rate, open]) = read(words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let build = ["build", "--release", "--quiet", "--package", "holdfast"];
    // Not nextest, which ends what takes so long.
    let test = [
        "test",
        "--release",
        "--quiet",
        "--package",
        "hf-e2e",
        "--test",
        "e2e",
        "balancer_clients::churn::",
        "--",
        "--nocapture",
    ];
    for words in [build.as_slice(), &test] {
        let mut cargo = Command::new("cargo");
        cargo
            .args(words)
            .env("HF_CHURN_S", (minutes * 60).to_string())
            .env("HF_CHURN_RATE", rate.to_string())
            .env("HF_CHURN_OPEN", open.to_string());
        match cargo.status() {
            Ok(status) if status.success() => {}
            Ok(_) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("cannot run cargo: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Minutes, turns a second, open connections; none where something else stands.
fn read(words: &[&str]) -> Option<[u64; 3]> {
    let mut read = [30, 0, 20_000];
    for pair in words.chunks(2) {
        let [name, number] = pair else { return None };
        let at = ["--minutes", "--rate", "--open"].iter().position(|known| known == name)?;
        read[at] = number.parse().ok()?;
    }
    Some(read)
}
