//! Observations in, tables and log lines out.
//!
//! While the checker may be cut off itself (`hf_health::reach`), what does not answer goes out as unknown.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_health::{Bitmap, Reach, Table};
use hf_model::Timestamp;
use hf_probe::{Observation, Outcome, Prober, Sink};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::CheckerConfig;
use crate::pushed::Pushed;

/// Probes that begin this much too late mean that the checker cannot keep the pace of its checks.
const LATE: Duration = Duration::from_secs(1);

/// Turns what the prober sees into the newest table.
#[derive(Debug)]
pub struct Publisher {
    config: CheckerConfig,
    prober: Prober,
    /// What others tell; the tables have both.
    pushed: Pushed,
    is_late: bool,
    /// What it has seen, cut off or not.
    known: Bitmap,
    healthy: Bitmap,
    reach: Reach,
    is_cut_off: bool,
    began: Instant,
}

impl Publisher {
    /// Publishes beside what others tell.
    pub fn new(config: CheckerConfig, prober: Prober, pushed: Pushed) -> Self {
        Publisher {
            config,
            prober,
            pushed,
            is_late: false,
            known: Bitmap::default(),
            healthy: Bitmap::default(),
            reach: Reach::default(),
            is_cut_off: false,
            began: Instant::now(),
        }
    }

    /// By this machine's steady clock: losses and words from outside are laid side by side, whatever the time of day is set to.
    fn since_began(&self, at: Instant) -> Timestamp {
        Timestamp(at.saturating_duration_since(self.began).as_millis() as u64)
    }

    /// Looks again whether this checker is cut off; says so when that has changed.
    fn watch_reach(&mut self) {
        let heard = self.config.heard_outside.as_ref().and_then(|heard| *heard.borrow());
        let heard = heard.map(|at| self.since_began(at));
        let is_cut_off = self.reach.is_cut_off(heard, self.since_began(Instant::now()));
        if is_cut_off == self.is_cut_off {
            return;
        }
        self.is_cut_off = is_cut_off;
        let zone = &self.config.zone;
        let problem = is_cut_off.then(|| {
            format!(
                "the checker reaches nothing outside zone {zone} any more, and no node of another zone is heard: it holds itself for cut off, and \
                 what does not answer it counts as unknown; look at the network of this machine and of the zone"
            )
        });
        if let Some(problem) = &problem {
            warn!(%zone, %problem, "the checker is cut off");
        } else {
            info!(%zone, "the checker is not cut off any more, or it is the others that are down");
        }
        if let Some(told) = &self.config.problem {
            told.send_replace(problem);
        }
    }

    fn publish(&self) {
        if self.is_cut_off {
            self.pushed.publish(&self.reach.known(&self.known), &self.healthy);
        } else {
            self.pushed.publish(&self.known, &self.healthy);
        }
    }

    /// Says once that the pace is lost, and once that it is found again.
    fn watch_pace(&mut self) {
        let load = self.prober.load();
        if self.is_late == (load.late_by >= LATE) {
            return;
        }
        self.is_late = !self.is_late;
        let late_by_ms = load.late_by.as_millis() as u64;
        if self.is_late {
            warn!(
                late_by_ms,
                checks = load.jobs,
                max_in_flight = self.config.max_in_flight,
                "probes begin late: too many are waiting for their timeout; verdicts come later"
            );
        } else {
            info!(late_by_ms, "probes begin on time again");
        }
    }
}

impl Sink for Publisher {
    fn estate_changed(&mut self, estate: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap) {
        (self.known, self.healthy) = (known.clone(), healthy.clone());
        let now = self.since_began(Instant::now());
        self.reach = Reach::new(estate, &self.config.zone, &known.and(healthy), now);
        let table = Table {
            checker: self.config.node.clone(),
            zone: self.config.zone.clone(),
            estate: estate.digest,
            made_at: self.config.clock.now(),
            known: known.clone(),
            healthy: healthy.clone(),
        };
        self.pushed.adopt(estate, table);
        self.watch_reach();
    }

    fn observed(&mut self, seen: &Observation<'_>) {
        self.watch_pace();
        if let Some(is_good) = seen.result.outcome.is_good() {
            let now = self.since_began(Instant::now());
            seen.endpoints.iter().for_each(|at| self.reach.record(*at, is_good, now));
        }
        let was_cut_off = self.is_cut_off;
        self.watch_reach();
        let flipped = seen.healthy.filter(|_| seen.flipped);
        let mut was_known = false;
        if let Some(now_healthy) = flipped {
            for at in seen.endpoints {
                was_known |= self.known.get(*at);
                self.known.set(*at, true);
                self.healthy.set(*at, now_healthy);
            }
        }
        if flipped.is_some() || was_cut_off || self.is_cut_off {
            self.publish();
        }
        if flipped.is_none() {
            return;
        }
        let address = seen.address;
        match &seen.result.outcome {
            Outcome::Bad(why) => info!(%address, %why, "endpoint is unhealthy"),
            // The first good result of an endpoint is what everybody expects.
            _ if was_known => info!(%address, "endpoint is healthy again"),
            _ => {}
        }
    }
}
