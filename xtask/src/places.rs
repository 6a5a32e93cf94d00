//! `cargo xtask places [--seeds N] [--from FIRST] [--length short|long]`: five places of real processes, harmed by seed; `measure`: how long a push takes.
//!
//! Built optimised. Without `--from` the seeds follow from the newest commit, as those of `cargo xtask sim` do.
//!
//! Not here: the world and what must hold (`hf-e2e`).

use std::process::ExitCode;

use crate::sim::from_commit;
use crate::world;

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
    world::run("places", &arguments)
}
