//! A few cells of the table of failures (`cargo xtask failures` makes all of it): endpoints that fail, one, a zone's, all.

use std::time::Duration;

use hf_e2e::failures::{Cell, Fault, FaultyWorld, Outcome, Scope, table, wave};

/// Of checks: longer than in the table, for a machine that runs other tests beside.
const TIMEOUT: Duration = Duration::from_secs(1);

#[test]
fn endpoints_that_fail_are_out_and_a_zone_is_left_only_when_it_is_the_zone() {
    let cells = [
        Cell { fault: Fault::Reset, scope: Scope::Zone },
        Cell { fault: Fault::BlackHole, scope: Scope::One },
        Cell { fault: Fault::SlowBody, scope: Scope::All },
        Cell { fault: Fault::Disk, scope: Scope::Zone },
        Cell { fault: Fault::Clock, scope: Scope::One },
        Cell { fault: Fault::Tls, scope: Scope::Zone },
    ];
    let world = FaultyWorld::start(&cells.map(|cell| cell.fault), TIMEOUT);
    let outcomes = wave(&world, &cells);
    println!("{}", table(&outcomes));
    let wrong: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.wrong.is_some()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.assert_no_errors();
}
