//! `cargo xtask fuzz [TARGET] [--seconds N]`: builds the fuzzer and lets it look for inputs that break a parser.
//!
//! 1. It works with the stable compiler: the coverage counters are a pass of LLVM that any rustc can be told to run.
//! 2. The counters' flags hold for everything that is built with them, so it is built apart, in `fuzz/target`.
//! 3. Targets are the folders of `fuzz/corpus`; `fuzz/words` has words that their inputs are made of. What is found on the way to more coverage is kept in `fuzz/target/corpus`, so that
//!    the next run goes on from there.
//!
//! Not here: what must hold (`hf-fuzz-targets`), the replay of the corpus (its tests).

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--seconds N]";
const SECONDS_DEFAULT: u32 = 30;
/// Counters at every edge, with a table of places, and the operands of comparisons: so the engine learns magic numbers.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    match run(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), String> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let (only, seconds) = arguments(words)?;
    let mut targets = names(&fuzz.join("corpus"))?;
    if let Some(only) = only {
        if !targets.iter().any(|name| name == only) {
            return Err(format!("there is no target {only}; there are {}", targets.join(" ")));
        }
        targets = vec![only.to_owned()];
    }
    let program = build(&fuzz)?;
    for target in &targets {
        println!("\n== {target}, {seconds} s");
        fuzz_one(&fuzz, &program, target, seconds)?;
    }
    println!("\nnothing found in {} times {seconds} s", targets.len());
    Ok(())
}

fn arguments<'a>(words: &[&'a str]) -> Result<(Option<&'a str>, u32), String> {
    let seconds = |text: &str| text.parse().map_err(|_| format!("{text} is no number of seconds\n{USAGE}"));
    match words {
        [] => Ok((None, SECONDS_DEFAULT)),
        ["--seconds", length] => Ok((None, seconds(length)?)),
        [target] if !target.starts_with('-') => Ok((Some(target), SECONDS_DEFAULT)),
        [target, "--seconds", length] | ["--seconds", length, target] => Ok((Some(target), seconds(length)?)),
        _ => Err(USAGE.to_owned()),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the fuzzer; says where it is.
fn build(fuzz: &Path) -> Result<PathBuf, String> {
    let machine = this_machine()?;
    // With `--target` the flags are not for build scripts and macros, which could not be linked with them.
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--target", &machine]).current_dir(fuzz);
    cargo.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", fuzz.join("target"));
    start(&mut cargo, "the fuzzer does not build; it needs a C++ compiler beside Rust")?;
    Ok(fuzz.join("target").join(machine).join("release/hf-fuzz"))
}

/// Such as `x86_64-unknown-linux-gnu`.
fn this_machine() -> Result<String, String> {
    let output =
        Command::new("rustc").arg("-vV").output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc -vV does not say `host: `".to_owned())
}

fn fuzz_one(fuzz: &Path, program: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let kept = fuzz.join("target/corpus").join(target);
    let found = fuzz.join("target/found").join(target);
    for folder in [&kept, &found] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let seeds = fuzz.join("corpus").join(target);
    let mut engine = Command::new(program);
    engine.env("HF_FUZZ_TARGET", target);
    // New inputs go into the first folder; the second is only read.
    engine.args([&kept, &seeds]);
    engine.args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={}", input_bytes_max(&seeds)?),
        format!("-artifact_prefix={}/", found.display()),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    let words = fuzz.join("words").join(target);
    if words.exists() {
        engine.arg(format!("-dict={}", words.display()));
    }
    let mend = format!(
        "{target} does not hold for an input in {}; copy it to fuzz/corpus/{target}/, called after its bug: \
         `cargo test -p hf-fuzz-targets` then fails until the bug is mended",
        found.display()
    );
    start(&mut engine, &mend)
}

/// Twice the largest input that we begin with: room to grow, and still quick.
fn input_bytes_max(seeds: &Path) -> Result<u64, String> {
    let mut largest = 256;
    for name in names(seeds)? {
        let about =
            std::fs::metadata(seeds.join(&name)).map_err(|error| format!("cannot read {name}: {error}"))?;
        largest = largest.max(about.len());
    }
    Ok(2 * largest)
}

fn start(command: &mut Command, otherwise: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(otherwise.to_owned()),
        Err(error) => Err(format!("cannot run {}: {error}", command.get_program().display())),
    }
}
