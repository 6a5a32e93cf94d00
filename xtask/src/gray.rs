//! `cargo xtask gray [--episodes N] [--seed S] [OPTIONS]`: simulated services in trouble of 33 kinds, and how the detector of gray failure does on
//! them, optimised, on all cores.
//!
//! Without `--seed` episodes follow from the newest commit: each commit has episodes of its own, and a run can be repeated.
//!
//! Not here: the episodes and their score (`hf-gray-suite`), replay of recordings (`holdfast detect`).

use std::process::{Command, ExitCode};

use crate::sim::from_commit;

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if !words.contains(&"--seed") && !words.contains(&"--help") {
        match from_commit() {
            Ok(first) => arguments.extend(["--seed".to_owned(), first.to_string()]),
            Err(problem) => {
                eprintln!("{problem}: --seed S");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("gray {}", arguments.join(" "));
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--release", "--quiet", "--package", "hf-gray-suite", "--"]).args(arguments);
    match cargo.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
