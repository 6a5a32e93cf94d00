//! Project chores: `cargo xtask ci` runs what CI runs, in the order in which failures are cheapest; `cargo xtask fuzz` looks for
//! inputs that break a parser, `cargo xtask sim` for seeds that break a rule, `cargo xtask gray` for services on which the detector errs, `cargo xtask churn` for memory that grows, `cargo xtask dns-chain` for a change that
//! other name servers do not follow, `cargo xtask failures` for endpoints that fail and are judged wrongly; `cargo xtask aws-acceptance` shows the ARC front's
//! acceptance list, call by call.
//!
//! Not here: installing tools (`./test` does), releases.

mod bench;
mod churn;
mod dns_chain;
mod failures;
mod fuzz;
mod gray;
mod places;
mod sim;
mod space;
mod world;

use std::process::{Command, ExitCode};
use std::time::Instant;

/// One step: its name, the program and its arguments.
struct Step(&'static str, &'static str, &'static [&'static str]);

const LINTS: &[Step] = &[
    Step("formatting", "cargo", &["fmt", "--all", "--check"]),
    Step("TOML formatting", "taplo", &["fmt", "--check"]),
    Step("spelling", "typos", &[]),
    Step("unused dependencies", "cargo-shear", &[]),
    Step(
        "licences, bans, sources",
        "cargo-deny",
        &["--log-level", "error", "check", "bans", "licenses", "sources"],
    ),
    Step("clippy", "cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
];

// Each step that builds tests names the whole workspace: packages chosen otherwise have other features of what they depend on, and all of it
// would be built again.
const QUICK: &[Step] = &[
    Step(
        "tests",
        "cargo",
        &["nextest", "run", "--workspace", "-E", "not (package(hf-e2e) | package(hf-bench))"],
    ),
    Step("documentation tests", "cargo", &["test", "--workspace", "--doc", "--quiet"]),
    // -B: nothing is written beside the sources.
    Step(
        "Python client",
        "python3",
        &[
            "-B",
            "-m",
            "unittest",
            "discover",
            "-s",
            "clients/python/holdfast/tests",
            "-t",
            "clients/python/holdfast",
        ],
    ),
];

// The program that they run is target/debug/holdfast as this very step builds it for the program's own integration tests (`tests/watch`): its
// dependencies have the features that the whole workspace asks for, tests included. One built by itself, as it is shipped, would be written over
// here, after another build of all that it depends on.
const END_TO_END: &[Step] = &[Step(
    "end-to-end tests",
    "cargo",
    &["nextest", "run", "--workspace", "-E", "package(hf-e2e) | package(hf-bench)"],
)];

/// The program by itself, for what runs it without a test.
const BINARY: Step = Step("binary", "cargo", &["build", "--package", "holdfast"]);

/// Where `./test` puts the clients, and the list that they go through.
const AWS: [&str; 4] = [
    "target/aws/bin/python",
    "crates/testing/hf-e2e/aws/acceptance.py",
    "--holdfast",
    "target/debug/holdfast",
];

/// The acceptance list, with its rows on the screen; `rest` goes to it.
fn aws_acceptance(rest: &[&str]) -> ExitCode {
    let [python, list @ ..] = AWS;
    let is_built = run(&BINARY);
    let told = Command::new(python).env("PYTHONDONTWRITEBYTECODE", "1").args(list).args(rest).status();
    match told {
        Ok(status) if status.success() && is_built => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!(
                "cannot run {python}: {error}; run this in the repository's folder, `./test` installs the clients"
            );
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let plan: Vec<&Step> = match words.as_slice() {
        ["ci"] | ["ci", "all"] => LINTS.iter().chain(QUICK).chain(END_TO_END).collect(),
        ["ci", "quick"] => LINTS.iter().chain(QUICK).collect(),
        ["ci", "lints"] => LINTS.iter().collect(),
        ["bench", rest @ ..] => return bench::main(rest),
        ["churn", rest @ ..] => return churn::main(rest),
        ["dns-chain", rest @ ..] => return dns_chain::main(rest),
        ["failures", rest @ ..] => return failures::main(rest),
        ["fuzz", rest @ ..] => return fuzz::main(rest),
        ["gray", rest @ ..] => return gray::main(rest),
        ["places", rest @ ..] => return places::main(rest),
        ["sim", rest @ ..] => return sim::main(rest),
        ["aws-acceptance", rest @ ..] => return aws_acceptance(rest),
        _ => {
            eprintln!(
                "usage: cargo xtask ci [all|quick|lints]\n       cargo xtask fuzz [TARGET] [--seconds N]\n       cargo xtask sim [--seeds N] [--from FIRST] [--only world|cluster]\n       cargo xtask gray [--episodes N] [--seed S] [--hard X] [--kinds A,B] [--coarse] [--unmarked] [--verbose]\n       cargo xtask gray --generator DIR [--seeds A,B] [--hard X,Y] [--count N] [--program HOLDFAST] [--python PROGRAM]\n       cargo xtask bench ledger|dns|proxy|health [OPTIONS]\n       cargo xtask churn [--minutes N] [--rate R] [--open N]\n       cargo xtask places [OPTIONS]\n       cargo xtask dns-chain [--changes N]\n       cargo xtask failures [--only FAULT,FAULT|quick]\n       cargo xtask aws-acceptance [--only boto3|aws1|aws2|places]"
            );
            return ExitCode::from(2);
        }
    };
    if let Some(problem) = space::problem() {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    let mut failed = Vec::new();
    for step in plan {
        if !run(step) {
            failed.push(step.0);
        }
    }
    if failed.is_empty() {
        println!("\nall steps passed");
        ExitCode::SUCCESS
    } else {
        println!("\nfailed: {}", failed.join(", "));
        ExitCode::FAILURE
    }
}

/// Runs one step with its output on the screen; a program that cannot be started is a failure with its name. What the compiler would keep for
/// the next change is as large as all that it builds, and CI makes no next change.
fn run(step: &Step) -> bool {
    println!("\n== {}: {} {}", step.0, step.1, step.2.join(" "));
    let start = Instant::now();
    let passed = match Command::new(step.1).args(step.2).env("CARGO_INCREMENTAL", "0").status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("cannot run {}: {error}; `./test` installs it", step.1);
            false
        }
    };
    println!(
        "== {}: {} after {:.1} s",
        step.0,
        if passed { "passed" } else { "FAILED" },
        start.elapsed().as_secs_f32()
    );
    passed
}
