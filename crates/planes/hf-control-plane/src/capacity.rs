//! What was carried in the last week and what can be carried, as a control node knows it; and the question "what if".
//!
//! 1. A control node takes in each second as all balancers saw it, into a bounded form ([`hf_capacity::Week`]).
//! 2. That is kept in a file of the data directory, written anew every five minutes and at the end, so a restart loses little. A file that cannot
//!    be read is told and begun anew: nothing that serves depends on it.
//! 3. Other nodes know what is carried now and what the estate declares, and say that they know no more.
//!
//! Not here: the arithmetic (`hf-capacity`), routes (`api/whatif`).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_capacity::{Capacities, Hour, Load, SeenSecond, Week, WhatIf, what_if};
use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_snapshot::Snapshot;
use hf_telemetry::MergedSecond;
use tokio::sync::watch;
use tracing::warn;

use crate::api::Context;
use crate::traffic::Rates;

mod file;

/// Between two writes of the file.
const SAVE_EVERY: Duration = Duration::from_mins(5);

/// What was carried, shared by who counts and who asks.
#[derive(Debug, Default)]
pub struct Carried {
    week: Mutex<Week>,
    file: Option<PathBuf>,
}

impl Carried {
    /// What the file has; empty where there is none. Without a file nothing is kept.
    pub fn open(file: Option<PathBuf>) -> Carried {
        let week = file.as_deref().map_or_else(|| Ok(Week::default()), file::read);
        let week = week.unwrap_or_else(|problem| {
            warn!(%problem, "what zones carried in the last week is not known any more; it is measured anew");
            Week::default()
        });
        Carried { week: Mutex::new(week), file }
    }

    /// Takes in seconds, oldest first, each once.
    pub fn take<'a>(&self, seconds: impl IntoIterator<Item = &'a MergedSecond>) {
        let mut week = self.lock();
        for second in seconds {
            let seen = second.zones.iter().map(|((pool, zone), of)| {
                let mut latency = vec![0_u32; hf_telemetry::histogram::BUCKETS];
                for endpoint in of.endpoints.values() {
                    for (sum, count) in latency.iter_mut().zip(endpoint.latency.0.iter()) {
                        *sum = sum.saturating_add(*count);
                    }
                }
                let endpoints = of.endpoints.len() as u32;
                (pool, zone, SeenSecond { requests: of.requests(), faults: of.faults(), latency, endpoints })
            });
            week.take(second.number, seen);
        }
    }

    /// Pairs of pool and zone that are not kept for want of room.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out()
    }

    /// What can be carried: declared, else measured.
    pub fn capacities(&self, estate: &Estate) -> Capacities {
        Capacities::declared(estate).or_measured(self.lock().measured(estate))
    }

    /// What was carried in each hour of the last week.
    pub fn hours(&self, estate: &Estate) -> Vec<Hour> {
        self.lock().hours(estate)
    }

    /// Writes the file, if there is one.
    async fn save(&self) {
        let Some(path) = self.file.clone() else { return };
        let text = file::text(&self.lock());
        let written = tokio::task::spawn_blocking(move || file::write(&path, &text)).await;
        if let Err(problem) = written.map_err(|error| error.to_string()).and_then(|written| written) {
            warn!(%problem, "what zones carried is not kept on disk; a restart forgets it");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Week> {
        self.week.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the file every few minutes, and once more at the end.
pub async fn run(carried: &Carried, mut shutdown: watch::Receiver<bool>) {
    if carried.file.is_none() {
        return stopped(&mut shutdown).await;
    }
    loop {
        tokio::select! {
            () = stopped(&mut shutdown) => break,
            () = tokio::time::sleep(SAVE_EVERY) => carried.save().await,
        }
    }
    carried.save().await;
}

/// What is carried now; none while nobody has told.
pub fn load_now(estate: &Estate, rates: &Rates) -> Option<Load> {
    let mut load = Load::new();
    for (pool, zone, rate) in rates.all()? {
        if let (Some(pool), Some(zone)) = (estate.pool_named(pool), estate.zone_named(zone)) {
            *load.entry((pool, zone)).or_default() += rate.requests;
        }
    }
    Some(load)
}

/// What happens if zones go, as this node knows it.
pub fn ask(context: &Context, snapshot: &Snapshot, rates: &Rates, lost: &BTreeSet<ZoneIx>) -> WhatIf {
    ask_of(context, snapshot, rates, lost, None)
}

/// The same where only some pools leave the zones; none: all.
pub fn ask_of(
    context: &Context,
    snapshot: &Snapshot,
    rates: &Rates,
    lost: &BTreeSet<ZoneIx>,
    only: Option<&BTreeSet<PoolIx>>,
) -> WhatIf {
    let estate = &snapshot.estate;
    let now = load_now(estate, rates);
    what_if(&hf_capacity::Inputs {
        decide: hf_decide::Inputs {
            estate,
            intent: &snapshot.intent,
            break_glass: &snapshot.break_glass,
            verdicts: &snapshot.verdicts,
            now: context.clock.now(),
        },
        decision: &snapshot.decision,
        estate,
        lost,
        only,
        now: now.as_ref(),
        week: &context.carried.hours(estate),
        capacities: &context.carried.capacities(estate),
    })
}

#[cfg(test)]
mod tests;
