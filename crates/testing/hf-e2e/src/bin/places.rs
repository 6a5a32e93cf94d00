//! Five places, twenty planes, real processes: `places seeds …` harms them by seed, `places measure` says how long a push takes.
//!
//! Needs root, and `holdfast` built in the same profile: `cargo xtask places` sees to both.
//!
//! Not here: the world and what must hold (`hf_e2e::places`).

use std::process::ExitCode;

use hf_e2e::places::run::{Length, run};
use hf_e2e::places::watch::Watcher;
use hf_e2e::places::{Places, Special, measure};

const USAGE: &str = "usage: places seeds [--seeds N] [--from FIRST] [--length short|long]\n       places measure [--commits N]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"seeds", rest)) => seeds(rest),
        Some((&"measure", rest)) => measured(rest),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number\n{USAGE}"))
}

fn seeds(words: &[&str]) -> Result<(), String> {
    let (mut count, mut from, mut length) = (50, 1, Length::LONG);
    for pair in words.chunks(2) {
        match pair {
            ["--seeds", text] => count = number(text)?,
            ["--from", text] => from = number(text)?,
            ["--length", "short"] => length = Length::SHORT,
            ["--length", "long"] => length = Length::LONG,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let mut failed = Vec::new();
    for seed in from..from + count {
        if let Ok(seen) = on_its_own(move || run(seed, length)) {
            println!("HF_SEED={seed}: good: {seen}");
        } else {
            println!("HF_SEED={seed}: FAILED, see above");
            failed.push(seed.to_string());
        }
    }
    println!("{} of {count} seeds are good", count - failed.len() as u64);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(" "))) }
}

fn measured(words: &[&str]) -> Result<(), String> {
    let commits = match words {
        [] => 100,
        ["--commits", text] => number(text)?,
        _ => return Err(USAGE.to_owned()),
    };
    let push = on_its_own(move || {
        let world = Places::start(Special::default());
        let watcher = world.runtime.block_on(Watcher::begin(world.folder()));
        let push = measure::push(&world, &watcher, commits as usize);
        (push, world.memory_kib())
    });
    let (push, memory_kib) = push.map_err(|()| "the world could not be built, see above".to_owned())?;
    println!("{}\nmemory of all processes: {} MiB", push?, memory_kib >> 10);
    Ok(())
}

/// In a thread of its own: it enters a namespace, and its failure is not that of the others.
fn on_its_own<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ()> {
    std::thread::spawn(work).join().map_err(|_| ())
}
