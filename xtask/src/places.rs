//! `cargo xtask places [--seeds N] [--from FIRST] [--length short|long]`: five places of real processes, harmed by seed; `measure`: how long a push takes.
//!
//! Built optimised. Without `--from` the seeds follow from the newest commit, as those of `cargo xtask sim` do.
//!
//! Not here: the world and what must hold (`hf-e2e`).

use std::process::{Command, ExitCode};

use crate::sim::from_commit;

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if words.first() != Some(&"measure") {
        arguments.insert(0, "seeds".to_owned());
        if !words.contains(&"--from") {
            match from_commit() {
                Ok(first) => arguments.extend(["--from".to_owned(), first.to_string()]),
                Err(problem) => {
                    eprintln!("{problem}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    let release = |words: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(words).args(["--release", "--quiet"]);
        cargo
    };
    let build = release(&["build", "--package", "holdfast", "--package", "hf-e2e"]);
    let mut run = release(&["run", "--package", "hf-e2e", "--bin", "places"]);
    run.arg("--").args(arguments);
    for mut cargo in [build, run] {
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
