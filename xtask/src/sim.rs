//! `cargo xtask sim [--seeds N] [--from FIRST] [--only world|cluster]`: many seeds of both simulations, optimised, on all cores.
//!
//! Without `--from` the seeds follow from the newest commit: each commit has seeds of its own, and a run can be repeated.
//!
//! Not here: the simulations (`hf-sim`), the fixed seeds of every run of the tests (its tests).

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask sim [--seeds N] [--from FIRST] [--only world|cluster]";
const SEEDS_DEFAULT: &str = "200";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    if !words.len().is_multiple_of(2) || words.iter().step_by(2).any(|word| !word.starts_with("--")) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if !words.contains(&"--seeds") {
        arguments.extend(["--seeds".to_owned(), SEEDS_DEFAULT.to_owned()]);
    }
    if !words.contains(&"--from") {
        match from_commit() {
            Ok(first) => arguments.extend(["--from".to_owned(), first.to_string()]),
            Err(problem) => {
                eprintln!("{problem}\n{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--release", "--quiet", "--package", "hf-sim", "--"]).args(arguments);
    match cargo.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The first seed of the newest commit: far from those of its neighbours.
pub fn from_commit() -> Result<u64, String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short=8", "HEAD"])
        .output()
        .map_err(|error| format!("cannot run git: {error}; name the first seed with --from"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let digits = text.trim().get(..8).unwrap_or_default();
    u64::from_str_radix(digits, 16)
        .map(|number| number << 16)
        .map_err(|_| "git names no commit; name the first seed with --from".to_owned())
}
