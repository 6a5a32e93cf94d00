//! Endpoints that fail in twelve ways, one of them, a whole zone's, or all: what is decided, and when.
//!
//! 1. A pool for each way of failing, with four endpoints in each of three zones, a check that suits it, and autoshift on `advise`: the word is given
//!    and nothing is moved, so that one run can ask again.
//! 2. Faults are real: sockets that are reset, nftables, a certificate that has expired, a clock set by faketime, a file system without room, a
//!    name server without the name.
//! 3. A cell is watched from the fault on until it is decided as [`Cell::expected`] says, and for [`SETTLE`] more: what comes late may be wrong, too.
//! 4. Who is out is looked at now, by address: a well endpoint that a slow machine lets miss its checks for a moment is told in the table, and the cell is
//!    decided once it is back.
//! 5. Never may a zone be accused that is well, nor any where the fault is in one endpoint, in half of a zone's, or everywhere. That is looked at
//!    on every poll, whatever is expected.
//! 6. Then it is mended, and all must be as before.
//!
//! Cells of several pools run at once, a [`wave`]: pools have nothing in common but the nodes that judge them.
//!
//! How soon a zone that is lost at once is left, by quick checks, is a world of its own ([`quick`]).
//!
//! Not here: zones that are lost under load without checks of their own (`tests/evacuation.rs`), the detector's score (`hf-gray-suite`).

mod act;
mod cell;
mod files;
mod quick;
mod seen;
mod traffic;
mod world;

use std::time::{Duration, Instant};

pub use act::acted;
pub use cell::{Cell, Expected, Fault, Outcome, Scope, table};
pub use quick::{Left, Loss, Pace, QuickWorld, quick_table};
use seen::{PoolNow, Seer};
pub use world::FaultyWorld;

use crate::wait::observe_for;

/// How long a cell is watched after it is decided.
pub const SETTLE: Duration = Duration::from_secs(6);
/// How long the detector has to name a zone: it wants seven seconds of evidence, and two more until seconds are complete.
const NAMED_WITHIN: Duration = Duration::from_secs(90);
/// How long checks and autoshift have.
const DECIDED_WITHIN: Duration = Duration::from_secs(20);
/// For how long nothing must happen where nothing is to be decided.
const NOTHING_FOR: Duration = Duration::from_secs(20);
/// How long it may take until all is as before; the detector forgets slowly.
const WELL_WITHIN: Duration = Duration::from_mins(4);
/// How long a detector says nothing, and a little more.
const WARM_WITHIN: Duration = Duration::from_mins(4);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What is known of a cell while it is watched.
struct Watched {
    cell: Cell,
    since: Instant,
    before: PoolNow,
    outcome: Outcome,
    decided: Option<Instant>,
    /// The newest look.
    last: PoolNow,
}

impl Watched {
    /// Takes a look; what must never be seen is kept as the outcome's `wrong`.
    fn look(&mut self, now: &PoolNow) {
        let after = self.since.elapsed();
        let outcome = &mut self.outcome;
        let may_be_left = |zone: &str| self.cell.scope == Scope::Zone && zone == self.cell.zone();
        for (what, zone, told) in [
            ("named by the detector", &now.named, &mut outcome.named),
            ("to be left", &now.advised, &mut outcome.advised),
        ] {
            let Some(zone) = zone else { continue };
            if !may_be_left(zone) {
                outcome.wrong.get_or_insert(format!("{zone} was {what} after {after:.1?}: {}", now.text));
            }
            told.get_or_insert(after);
        }
        if now.is_open {
            outcome.opened.get_or_insert(after);
        }
        if now.of < self.before.of {
            outcome.gone.get_or_insert(after);
        }
        let hit = self.cell.addresses();
        let out = now.out.intersection(&hit).count();
        if out > outcome.out_most {
            (outcome.out_most, outcome.out) = (out, Some(after));
        }
        outcome.others_out.extend(now.out.difference(&hit).cloned());
        let is_met = self.cell.expected().is_met(outcome, now.out == hit);
        if self.decided.is_none() && is_met && !self.is_waiting() {
            self.decided = Some(Instant::now());
        }
    }

    /// Where nothing is to happen, it has to be waited for.
    fn is_waiting(&self) -> bool {
        self.cell.expected() == Expected::Nothing && self.since.elapsed() < NOTHING_FOR
    }

    fn deadline(&self) -> Duration {
        match self.cell.expected() {
            Expected::Named => NAMED_WITHIN,
            Expected::Nothing => NOTHING_FOR + SETTLE,
            _ => DECIDED_WITHIN,
        }
    }

    fn is_over(&self) -> bool {
        self.decided.is_some_and(|at| at.elapsed() >= SETTLE)
            || self.decided.is_none() && self.since.elapsed() >= self.deadline()
    }
}

/// Breaks these cells' endpoints, watches what is decided, and mends them. One cell a pool.
///
/// # Panics
///
/// When the control node does not answer.
pub fn wave(world: &FaultyWorld, cells: &[Cell]) -> Vec<Outcome> {
    let seer = world.seer();
    let before = seer.look();
    let mut watched: Vec<Watched> = Vec::new();
    for cell in cells {
        let since = Instant::now();
        world.set(*cell, true);
        let before = before[cell.fault.pool()].clone();
        let last = before.clone();
        watched.push(Watched {
            cell: *cell,
            since,
            before,
            outcome: Outcome::new(*cell),
            decided: None,
            last,
        });
    }
    while watched.iter().any(|watched| !watched.is_over()) {
        let now = seer.look();
        for watched in watched.iter_mut().filter(|watched| !watched.is_over()) {
            watched.look(&now[watched.cell.fault.pool()]);
            watched.last = now[watched.cell.fault.pool()].clone();
        }
        observe_for(LOOK);
    }
    for cell in cells {
        world.set(*cell, false);
    }
    let mended = Instant::now();
    for watched in &mut watched {
        if watched.decided.is_none() {
            let what = format!(
                "not decided within {:?}; out at last: {:?}; {}",
                watched.deadline(),
                watched.last.out,
                watched.last.text
            );
            watched.outcome.wrong.get_or_insert(what);
        }
    }
    await_well(&seer, mended, &mut watched);
    watched.into_iter().map(|watched| watched.outcome).collect()
}

/// Until every pool is as it was before.
fn await_well(seer: &Seer, mended: Instant, watched: &mut [Watched]) {
    while watched.iter().any(|watched| watched.outcome.well.is_none()) {
        let now = seer.look();
        for watched in watched.iter_mut().filter(|watched| watched.outcome.well.is_none()) {
            let now = &now[watched.cell.fault.pool()];
            if now.is_well() && (now.serving, now.of) == (watched.before.serving, watched.before.of) {
                watched.outcome.well = Some(mended.elapsed());
            } else if mended.elapsed() >= WELL_WITHIN {
                let what = format!("not well {WELL_WITHIN:?} after it was mended: {now:?}");
                watched.outcome.wrong.get_or_insert(what);
                watched.outcome.well = Some(WELL_WITHIN);
            }
        }
        observe_for(LOOK);
    }
}

/// Waits until the detector judges every pool that has requests.
///
/// # Panics
///
/// When it does not.
pub fn await_warm(world: &FaultyWorld) {
    let seer = world.seer();
    let busy: Vec<&str> =
        world.faults().iter().filter(|fault| fault.has_requests()).map(|fault| fault.pool()).collect();
    crate::wait_for("the detector to be warm", WARM_WITHIN, || {
        let now = seer.look();
        let cold = busy.iter().find(|pool| now[**pool].warm_in_s != Some(0));
        cold.map_or(Ok(()), |pool| Err(format!("{pool}: {:?} s", now[*pool].warm_in_s)))
    });
}
