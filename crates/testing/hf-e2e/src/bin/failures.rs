//! The whole table of failures: `failures [--only FAULT,FAULT]`, twelve ways to fail, each of one endpoint, of a zone, of all.
//!
//! Needs root, and `holdfast` built in the same profile: `cargo xtask failures` sees to both.
//!
//! Not here: the cells and what is expected of them (`hf_e2e::failures`).

use std::process::ExitCode;
use std::time::{Duration, Instant};

use hf_e2e::failures::{Cell, Fault, FaultyWorld, Outcome, Scope, acted, await_warm, table, wave};

/// Of checks.
const TIMEOUT: Duration = Duration::from_millis(400);

const USAGE: &str = "usage: failures [--only FAULT,FAULT]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let faults: Vec<Fault> = match words.as_slice() {
        [] => Fault::ALL.to_vec(),
        ["--only", names] => {
            Fault::ALL.into_iter().filter(|fault| names.split(',').any(|name| name == fault.pool())).collect()
        }
        _ => Vec::new(),
    };
    if faults.is_empty() {
        let names = Fault::ALL.map(Fault::pool).join(", ");
        eprintln!("{USAGE}\nfaults: {names}");
        return ExitCode::from(2);
    }
    let begun = Instant::now();
    let world = FaultyWorld::start(&faults, TIMEOUT);
    await_warm(&world);
    println!("all is well and the detector warm after {:.0?}", begun.elapsed());
    let mut outcomes: Vec<Outcome> = Vec::new();
    for cells in waves(&faults) {
        let wave_begun = Instant::now();
        let seen = wave(&world, &cells);
        for outcome in &seen {
            println!("{} x {:?}: {outcome}", outcome.cell.fault.pool(), outcome.cell.scope);
        }
        println!("after {:.0?}", wave_begun.elapsed());
        outcomes.extend(seen);
    }
    println!("\n{}", table(&outcomes));
    let mut wrong = outcomes.iter().filter(|outcome| outcome.wrong.is_some()).count();
    if faults.contains(&Fault::ErrorsInPart) {
        match acted(&world) {
            Ok(told) => println!("{told}"),
            Err(what) => {
                println!("WRONG: {what}");
                wrong += 1;
            }
        }
    }
    println!("{} cells and {wrong} wrong, {:.0?} in all", outcomes.len(), begun.elapsed());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Six waves of half of the faults each, so that most of the world is well in each. What the detector finds goes from one endpoint to all: it needs longest to
/// forget trouble that was everywhere.
fn waves(faults: &[Fault]) -> Vec<Vec<Cell>> {
    let scope = |fault: Fault, turn: u16| {
        let place = if fault.has_requests() { turn } else { turn + fault.place() / 2 };
        Scope::ALL[usize::from(place % 3)]
    };
    let cells = |turn: u16, half: u16| -> Vec<Cell> {
        let of_half = faults.iter().filter(|fault| fault.place() % 2 == half);
        of_half.map(|fault| Cell { fault: *fault, scope: scope(*fault, turn) }).collect()
    };
    let all = (0..3).flat_map(|turn| [cells(turn, 0), cells(turn, 1)]);
    all.filter(|cells| !cells.is_empty()).collect()
}
