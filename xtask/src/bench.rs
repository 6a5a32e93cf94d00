//! `cargo xtask bench ledger|dns|proxy|health|status [OPTIONS]`: builds what a benchmark runs, optimised, then runs it with these options.
//!
//! Not here: the benchmarks (`hf-bench`), a small run of each (its tests).

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask bench ledger|dns|proxy|health|status [OPTIONS]   (--help tells them)";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let Some((&program @ ("ledger" | "dns" | "proxy" | "health" | "status"), options)) = words.split_first()
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let build = ["build", "--release", "--quiet", "--package", "holdfast", "--package", "hf-bench"];
    let run = ["run", "--release", "--quiet", "--package", "hf-bench", "--bin", program, "--"];
    for words in [build.to_vec(), [run.as_slice(), options].concat()] {
        match Command::new("cargo").args(&words).status() {
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
