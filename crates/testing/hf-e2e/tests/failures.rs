//! A few cells of the table of failures (`cargo xtask failures` makes all of it): endpoints that fail, one, a zone's, all.

use std::time::Duration;

use hf_e2e::estate::ZONES;
use hf_e2e::failures::{
    Cell, Fault, FaultyWorld, Loss, Outcome, Pace, QuickWorld, Scope, quick_table, table, wave,
};

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

/// Slower than in the table, for such a machine: a zone is lost when its endpoints have no processor for two seconds.
const PACE: Pace = Pace {
    interval: Duration::from_secs(1),
    timeout: Duration::from_millis(500),
    fall: 4,
    look: Duration::from_millis(100),
};

#[test]
fn a_lost_zone_is_left_by_names_and_balancers_and_no_other_is() {
    let world = QuickWorld::start(PACE);
    let lost = Loss::ALL.into_iter().zip(ZONES).map(|(loss, zone)| world.lose(zone, loss));
    let left: Vec<_> = lost.map(|left| left.unwrap_or_else(|what| panic!("{what}"))).collect();
    println!("{}", quick_table(&left));
    world.assert_no_errors();
}
