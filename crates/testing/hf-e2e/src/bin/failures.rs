//! The whole table of failures: `failures [--only FAULT,FAULT|quick]`, twelve ways to fail, each of one endpoint, of a zone, of all; then how soon a zone is left
//! that is lost at once, with checks every 250 ms (`--only quick`).
//!
//! Needs root, and `holdfast` built in the same profile: `cargo xtask failures` sees to both.
//!
//! Not here: the cells and what is expected of them (`hf_e2e::failures`).

use std::process::ExitCode;
use std::time::{Duration, Instant};

use hf_e2e::estate::ZONES;
use hf_e2e::failures::{
    Cell, Fault, FaultyWorld, Left, Loss, Outcome, Pace, QuickWorld, Scope, acted, await_warm, quick_table,
    table, wave,
};

/// Of checks.
const TIMEOUT: Duration = Duration::from_millis(400);

/// Of quick checks: their time-out is the default, half of the interval.
const QUICK_PACE: Pace = Pace {
    interval: Duration::from_millis(250),
    timeout: Duration::from_millis(125),
    fall: 2,
    look: Duration::from_millis(10),
};
/// How often each zone is lost in each way.
const QUICK_TIMES: usize = 5;

const USAGE: &str = "usage: failures [--only FAULT,FAULT|quick]";
/// In the place of a fault: zones that are lost under quick checks.
const QUICK: &str = "quick";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (faults, is_quick): (Vec<Fault>, bool) = match words.as_slice() {
        [] => (Fault::ALL.to_vec(), true),
        ["--only", names] => {
            let is_named = |wanted: &str| names.split(',').any(|name| name == wanted);
            (Fault::ALL.into_iter().filter(|fault| is_named(fault.pool())).collect(), is_named(QUICK))
        }
        _ => (Vec::new(), false),
    };
    if faults.is_empty() && !is_quick {
        let names = Fault::ALL.map(Fault::pool).join(", ");
        eprintln!("{USAGE}\nfaults: {names}, {QUICK}");
        return ExitCode::from(2);
    }
    let begun = Instant::now();
    let mut wrong = if faults.is_empty() { 0 } else { all_cells(&faults) };
    if is_quick {
        wrong += quick();
    }
    println!("{wrong} wrong, {:.0?} in all", begun.elapsed());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many were wrong.
fn all_cells(faults: &[Fault]) -> usize {
    let begun = Instant::now();
    let world = FaultyWorld::start(faults, TIMEOUT);
    await_warm(&world);
    println!("all is well and the detector warm after {:.0?}", begun.elapsed());
    let mut outcomes: Vec<Outcome> = Vec::new();
    for cells in waves(faults) {
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
    wrong
}

/// How many were wrong.
fn quick() -> usize {
    let world = QuickWorld::start(QUICK_PACE);
    let mut left: Vec<Left> = Vec::new();
    let mut wrong = 0;
    for loss in Loss::ALL {
        for at in 0..QUICK_TIMES {
            let zone = ZONES[at % ZONES.len()];
            match world.lose(zone, loss) {
                Ok(told) => {
                    println!("{zone}, {}: {told:.0?}", loss.words());
                    left.push(told);
                }
                Err(what) => {
                    println!("WRONG: {zone}, {}: {what}", loss.words());
                    wrong += 1;
                }
            }
        }
    }
    println!("\n{}", quick_table(&left));
    wrong
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
