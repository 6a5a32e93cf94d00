//! Programs of `hf-e2e` that make a world of real processes: built optimised with `holdfast`, and run.
//!
//! Not here: what each of them takes (`places`, `failures`).

use std::ffi::OsStr;
use std::process::{Command, ExitCode};

/// Builds one of them, and runs it with these words.
pub fn run(program: &str, words: &[impl AsRef<OsStr>]) -> ExitCode {
    let release = |words: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(words).args(["--release", "--quiet"]);
        cargo
    };
    let build = release(&["build", "--package", "holdfast", "--package", "hf-e2e"]);
    let mut run = release(&["run", "--package", "hf-e2e", "--bin", program]);
    run.arg("--").args(words);
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
