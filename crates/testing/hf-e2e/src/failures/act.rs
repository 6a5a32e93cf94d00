//! Autoshift acts on the detector's word: the zone is left, requests leave it, and a cancel is obeyed while the zone is as bad as before.
//!
//! Not here: the end of an autoshift that is left alone (`tests/autoshift.rs`).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::cell::{Cell, Fault, Scope};
use super::world::FaultyWorld;
use crate::wait::{observe_for, wait_for};

const POOL: &str = "errors-in-part";
/// How long the detector has, and requests to be gone from what balancers tell of the last ten seconds.
const WITHIN: Duration = Duration::from_secs(90);
/// Beats enough for several autoshifts to begin.
const AFTER_CANCEL: Duration = Duration::from_secs(15);

/// Turns autoshift on for the pool whose endpoints answer with errors in part, and breaks a zone's.
///
/// # Errors
///
/// What was wrong. The world is not to be used after it.
pub fn acted(world: &FaultyWorld) -> Result<String, String> {
    let seer = world.seer();
    world.cli(&["autoshift", "on", &format!("pool/{POOL}")])?;
    let cell = Cell { fault: Fault::ErrorsInPart, scope: Scope::Zone };
    let begun = Instant::now();
    world.set(cell, true);
    let shift = wait_for("the autoshift", WITHIN, || {
        let status = seer.get("/v1/status");
        let shifts = status["shifts"].as_array().into_iter().flatten();
        let mut ours = shifts.filter(|shift| shift["kind"] == "autoshift");
        ours.next().cloned().ok_or_else(|| "none yet".to_owned())
    });
    let begins = begun.elapsed();
    let zone = || -> Result<Value, String> {
        let status = seer.get("/v1/status");
        let pools = status["pools"].as_array().into_iter().flatten();
        let mut ours = pools.filter(|pool| pool["name"] == POOL);
        let zones = ours.next().ok_or("no such pool")?["zones"].clone();
        let mut ours = zones.as_array().into_iter().flatten().filter(|told| told["zone"] == cell.zone());
        ours.next().cloned().ok_or_else(|| format!("no such zone: {zones}"))
    };
    if shift["zone"] != cell.zone() {
        return Err(format!("the autoshift is of another zone than {}: {shift}", cell.zone()));
    }
    let text = wait_for("requests to leave the zone", WITHIN, || {
        let now = zone()?;
        if now["state"] == "away" && now["share_ppm"] == 0 {
            Ok(now["reason"]["text"].to_string())
        } else {
            Err(now.to_string())
        }
    });
    let gone = begun.elapsed();
    let id = shift["id"].as_str().unwrap_or_default();
    world.cli(&["shift", "cancel", id])?;
    observe_for(AFTER_CANCEL);
    let now = zone()?;
    world.set(cell, false);
    if now["reason"]["kind"] == "autoshift" {
        return Err(format!("an autoshift began again after it was cancelled: {now}"));
    }
    Ok(format!(
        "autoshift on: {} answers 40 % of requests with 500: left after {begins:.1?}, without requests after {gone:.1?} ({text}); \
         cancelled: none begins again while it is as bad as before",
        cell.zone()
    ))
}
