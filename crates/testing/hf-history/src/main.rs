//! Checks recorded histories of routing controls: `cargo run -p hf-history -- FILE…`.
//!
//! Exit 0: all are linearizable. 1: one is not, or nothing could be shown. 2: bad usage or file.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use hf_history::Limits;
use hf_history::lines::Recorded;

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() || files.iter().any(|file| file.starts_with('-')) {
        eprintln!(
            "usage: hf-history FILE…\nchecks recorded histories of routing controls, one JSON text a line"
        );
        return ExitCode::from(2);
    }
    let mut worst = 0;
    for file in files {
        worst = worst.max(check(&file));
    }
    ExitCode::from(worst)
}

fn check(file: &str) -> u8 {
    let opened = File::open(file).map_err(|error| error.to_string());
    let recorded =
        opened.and_then(|opened| Recorded::read(BufReader::new(opened)).map_err(|error| error.to_string()));
    match recorded.map(|recorded| recorded.check(Limits::default())) {
        Err(problem) => {
            eprintln!("{file}: {problem}");
            2
        }
        Ok(Err(problem)) => {
            println!("{file}: {problem}");
            1
        }
        Ok(Ok(passed)) => {
            println!(
                "{file}: linearizable: {} operations, {} of unknown outcome left out",
                passed.operations, passed.left_out
            );
            0
        }
    }
}
