//! Observations in, tables and log lines out.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_health::{Bitmap, Table};
use hf_probe::{Observation, Outcome, Prober, Sink};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::CheckerConfig;

/// Probes that begin this much too late mean that the checker cannot keep the pace of its checks.
const LATE: Duration = Duration::from_secs(1);

/// Turns what the prober sees into the newest table.
#[derive(Debug)]
pub struct Publisher {
    config: CheckerConfig,
    prober: Prober,
    tables: watch::Sender<Option<Table>>,
    is_late: bool,
}

impl Publisher {
    /// Publishes into `tables`.
    pub fn new(config: CheckerConfig, prober: Prober, tables: watch::Sender<Option<Table>>) -> Self {
        Publisher { config, prober, tables, is_late: false }
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
        self.tables.send_replace(Some(Table {
            checker: self.config.node.clone(),
            zone: self.config.zone.clone(),
            estate: estate.digest,
            made_at: self.config.clock.now(),
            known: known.clone(),
            healthy: healthy.clone(),
        }));
    }

    fn observed(&mut self, seen: &Observation<'_>) {
        self.watch_pace();
        let (true, Some(now_healthy)) = (seen.flipped, seen.healthy) else { return };
        let mut was_known = false;
        self.tables.send_if_modified(|table| {
            let Some(table) = table.as_mut().filter(|table| table.estate == seen.estate.digest) else {
                return false;
            };
            for at in seen.endpoints {
                was_known |= table.known.get(*at);
                table.known.set(*at, true);
                table.healthy.set(*at, now_healthy);
            }
            table.made_at = self.config.clock.now();
            true
        });
        let address = seen.address;
        match &seen.result.outcome {
            Outcome::Bad(why) => info!(%address, %why, "endpoint is unhealthy"),
            // The first good result of an endpoint is what everybody expects.
            _ if was_known => info!(%address, "endpoint is healthy again"),
            _ => {}
        }
    }
}
