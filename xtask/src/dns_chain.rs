//! `cargo xtask dns-chain [--changes N]`: our DNS role in step with Knot, NSD and BIND, as their primary and their secondary, over many random changes.
//!
//! Not optimised: how often serials grow and secondaries look bounds it, not how fast we are. 10,000 changes of each of the four chains take about 100 minutes.
//!
//! Not here: the chains (`hf-e2e`, `dns_world`), installing the servers (`./test` does).

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask dns-chain [--changes N]";
const CHANGES_DEFAULT: &str = "10000";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    let changes = match words {
        [] => CHANGES_DEFAULT,
        ["--changes", changes] if changes.parse::<u32>().is_ok() => changes,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut cargo = Command::new("cargo");
    cargo.args(["nextest", "run", "--package", "hf-e2e", "--no-fail-fast"]);
    cargo.args(["-E", "test(/^dns_world::.*(in_step|we_follow)/)"]).env("HF_DNS_CHANGES", changes);
    match cargo.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
