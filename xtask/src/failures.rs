//! `cargo xtask failures [--only FAULT,FAULT]`: endpoints that fail in twelve ways, one of them, a zone's, all; a table of what was decided and when.
//!
//! Built optimised. About ten minutes, as root.
//!
//! Not here: the world and what is expected (`hf-e2e`).

use std::process::{Command, ExitCode};

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let release = |words: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(words).args(["--release", "--quiet"]);
        cargo
    };
    let build = release(&["build", "--package", "holdfast", "--package", "hf-e2e"]);
    let mut run = release(&["run", "--package", "hf-e2e", "--bin", "failures"]);
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
