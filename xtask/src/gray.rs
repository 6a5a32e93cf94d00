//! `cargo xtask gray [--episodes N] [--seed S] [OPTIONS]`: simulated services in trouble of many kinds, and how the detector of gray failure does on
//! them, optimised, on all cores.
//! `cargo xtask gray --generator DIR [--seeds A,B] [--hard X,Y] [--count N] [--python PROGRAM] [--program HOLDFAST]`: the same for scenarios of another
//! author, through `holdfast detect`, with the rules that lie beside them: one table.
//!
//! Without `--seed` episodes follow from the newest commit: each commit has episodes of its own, and a run can be repeated.
//!
//! Not here: the episodes and their score (`hf-gray-suite`), what is done with a generator (`gray/generator.py`), replay of recordings
//! (`holdfast detect`).

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::sim::from_commit;

/// What a generator's folder has.
const FILES: [&str; 3] = ["gen.py", "detect.py", "score.py"];
const GENERATOR: &str = include_str!("gray/generator.py");
/// The program as it is shipped, and where its scenarios lie meanwhile.
const PROGRAM: &str = "target/release/holdfast";
const OUT: &str = "target/gray-generator";

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    if words.iter().any(|word| *word == "--generator" || word.starts_with("--generator=")) {
        return match generator(words) {
            Ok(status) => status,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::from(2)
            }
        };
    }
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
    run(cargo, "cargo")
}

/// Another author's scenarios.
///
/// # Errors
///
/// What is wrong with the words, and how to put it right; nothing was run.
fn generator(words: &[&str]) -> Result<ExitCode, String> {
    let mut python = "python3";
    let mut program = None;
    let mut rest = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value))) {
            (name @ ("--generator" | "--python" | "--program"), value) => {
                let value = value.or_else(|| words.next()).filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                match name {
                    "--python" => python = value,
                    "--program" => program = Some(value),
                    _ => {
                        check(Path::new(value))?;
                        rest.extend(["--generator", value]);
                    }
                }
            }
            _ => rest.push(word),
        }
    }
    if program.is_none() {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--quiet", "--package", "holdfast"]);
        if run(cargo, "cargo") != ExitCode::SUCCESS {
            return Ok(ExitCode::FAILURE);
        }
    }
    let mut scored = Command::new(python);
    scored.args(["-c", GENERATOR, "--program", program.unwrap_or(PROGRAM), "--out", OUT]).args(rest);
    Ok(run(scored, python))
}

/// Whether a folder is a generator's.
fn check(folder: &Path) -> Result<(), String> {
    match FILES.iter().find(|file| !folder.join(file).is_file()) {
        None => Ok(()),
        Some(file) => {
            let (folder, all) = (folder.display(), FILES.join(", "));
            Err(format!("--generator {folder}: there is no {file}; name a folder with {all}"))
        }
    }
}

fn run(mut command: Command, name: &str) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
