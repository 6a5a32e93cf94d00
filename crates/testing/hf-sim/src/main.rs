//! Many seeds, on all cores: `cargo xtask sim --seeds N` runs it, optimised.
//!
//! ```text
//! hf-sim --seeds N [--from FIRST] [--only world|cluster]
//! ```
//!
//! Exit 0: all rules held. 1: one did not; the first story is printed, and every seed. 2: bad usage.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hf_sim::{Violation, cluster};

/// What is asked for.
struct Plan {
    seeds: u64,
    from: u64,
    only: Option<String>,
}

/// What the threads found.
#[derive(Default)]
struct Found {
    violations: Vec<Violation>,
    /// Virtual milliseconds, and nanoseconds of the CPU.
    virtual_ms: u64,
    cpu_ns: u64,
    operations: u64,
    entries: u64,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = read(&words) else {
        eprintln!("usage: hf-sim --seeds N [--from FIRST] [--only world|cluster]");
        return ExitCode::from(2);
    };
    let mut is_good = true;
    if plan.only.as_deref() != Some("cluster") {
        let found = play(&plan, &|seed, _| hf_sim::run(seed, None).map(drop));
        is_good &= tell(&plan, "world", &found);
        let found = play(&plan, &|seed, _| hf_sim::run_with_autoshifts(seed, None).map(drop));
        is_good &= tell(&plan, "world with autoshifts", &found);
    }
    if plan.only.as_deref() != Some("world") {
        let found = play(&plan, &|seed, found| {
            let seen = cluster::run(seed, None)?;
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            found.virtual_ms += seen.ms;
            found.operations += seen.operations;
            found.entries += seen.entries;
            Ok(())
        });
        is_good &= tell(&plan, "cluster", &found);
        let hours = found.virtual_ms as f64 / 3_600_000.0;
        println!(
            "cluster: {hours:.1} cluster-hours, {} operations, {} entries",
            found.operations, found.entries
        );
        if found.cpu_ns > 0 {
            let cpu_s = found.cpu_ns as f64 / 1e9;
            println!(
                "cluster: {:.0} cluster-hours a CPU-hour ({cpu_s:.1} CPU seconds)",
                hours / cpu_s * 3_600.0
            );
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(words: &[String]) -> Option<Plan> {
    let mut plan = Plan { seeds: 0, from: 0, only: None };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--seeds" => plan.seeds = value.parse().ok()?,
            [name, value] if name == "--from" => plan.from = value.parse().ok()?,
            [name, value] if name == "--only" && (value == "world" || value == "cluster") => {
                plan.only = Some(value.clone());
            }
            _ => return None,
        }
    }
    (plan.seeds > 0 && plan.from.checked_add(plan.seeds).is_some()).then_some(plan)
}

/// Runs one seed, and adds up what it has seen.
type Run = dyn Fn(u64, &Mutex<Found>) -> Result<(), Violation> + Sync;

/// Plays all seeds on all cores.
fn play(plan: &Plan, run: &Run) -> Found {
    let (next, found) = (AtomicU64::new(plan.from), Mutex::new(Found::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= plan.from + plan.seeds {
                        break;
                    }
                    if let Err(violation) = run(seed, &found) {
                        let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        found.violations.push(violation);
                    }
                }
                found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).cpu_ns +=
                    cpu_of_this_thread_ns();
            });
        }
    });
    found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// CPU time of this thread; 0 where the system does not say it so.
fn cpu_of_this_thread_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// Says how it went; whether all rules held.
fn tell(plan: &Plan, what: &str, found: &Found) -> bool {
    let (seeds, last) = (plan.seeds, plan.from + plan.seeds - 1);
    if found.violations.is_empty() {
        println!("{what}: all rules held in {seeds} seeds, {} to {last}", plan.from);
        return true;
    }
    let mut violations: Vec<&Violation> = found.violations.iter().collect();
    violations.sort_by_key(|violation| violation.seed);
    println!("{}", violations[0]);
    println!("{what}: rules did not hold in {} of {seeds} seeds, {} to {last}:", violations.len(), plan.from);
    for violation in violations {
        println!("  HF_SEED={}: {}", violation.seed, violation.what.lines().next().unwrap_or_default());
    }
    false
}
