//! The checker role: probes every endpoint that has a check and publishes what it sees as one table.
//!
//! 1. The table has a fixed size, two bits a subject in the order of `Estate::subject_count`; it is published at once when an endpoint turns,
//!    and whoever owns the feed repeats it on the beat.
//! 2. An endpoint is known from its first measured result on. A new estate gets a table at once, with what is known of those who stay.
//!    A checker that starts again turns an endpoint of its first snapshot against the verdict there only by as many results as ever.
//! 3. A checker that is cut off itself holds its tongue about what it does not reach (`hf_health::reach`), and says so.
//! 4. Results that others push count beside those of its probes, each for its lease ([`Pushed`]).
//! 5. Whatever happens elsewhere, the checker goes on with the last estate that it was given.
//!
//! Not here: the schedule and the probe (`hf-probe`), what several checkers make of it together (`hf-health`), the feed.

mod alone;
mod owed;
mod publish;
mod pushed;

use std::sync::Arc;

use hf_clock::Clock;
use hf_health::Table;
use hf_model::{NodeId, ZoneId};
use hf_probe::{Evidence, Given, Load, Prober, ProberConfig, Standing};
use hf_snapshot::Snapshot;
use hf_telemetry::ProbeCounts;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::publish::Publisher;

pub use pushed::{LEASE, NotTaken, Push, Pushed, RATE_PER_S, TEXT_BYTES_MAX, Taken, Told};

/// How a checker works.
#[derive(Clone, Debug)]
pub struct CheckerConfig {
    /// The node that it runs on.
    pub node: NodeId,
    /// Where that is.
    pub zone: ZoneId,
    /// Stamps the tables.
    pub clock: Clock,
    /// Probes at once; each takes one file descriptor. Default half of what this process may open, 64 to 20,000: the latter is enough for a third of
    /// 100,000 endpoints that answer nothing, with a check every ten seconds and a timeout of half of that.
    pub max_in_flight: usize,
    /// Programs that checks of kind command may run here, as absolute paths. Default none.
    pub commands: Vec<String>,
    /// When a node of another zone was last heard, if anybody tells; none in it while none ever was.
    pub heard_outside: Option<watch::Receiver<Option<Instant>>>,
    /// Where it says that it is cut off, or behind itself.
    pub problem: Option<watch::Sender<Option<String>>>,
    /// Counts its probes.
    pub counts: Arc<ProbeCounts>,
}

impl CheckerConfig {
    /// The defaults for a node in a zone.
    pub fn new(node: NodeId, zone: ZoneId, clock: Clock) -> Self {
        let max_in_flight = max_in_flight(hf_probe::open_files_max());
        CheckerConfig {
            node,
            zone,
            clock,
            max_in_flight,
            commands: Vec::new(),
            heard_outside: None,
            problem: None,
            counts: Arc::default(),
        }
    }
}

/// Half of the files that may be open: the rest is for the feed, the API and clients.
fn max_in_flight(open_files: usize) -> usize {
    (open_files / 2).clamp(64, 20_000)
}

/// A checker. Clones share what they know; [`Checker::run`] is called once.
#[derive(Clone, Debug)]
pub struct Checker {
    config: CheckerConfig,
    prober: Prober,
    pushed: Pushed,
}

impl Checker {
    /// A checker that does nothing until it is run.
    pub fn new(config: CheckerConfig) -> Self {
        let prober = Prober::new(ProberConfig {
            max_in_flight: config.max_in_flight,
            standing: Standing::Probed,
            commands: config.commands.clone(),
            checker_of: Some(config.zone.clone()),
            counts: config.counts.clone(),
            ..ProberConfig::new(config.node.clone())
        });
        let pushed = Pushed::new(config.node.clone(), config.clock.clone());
        Checker { config, prober, pushed }
    }

    /// What it knows of every address and check, with the last failure in words: for `explain`.
    pub fn evidence(&self) -> Vec<Evidence> {
        self.prober.evidence()
    }

    /// Where results are pushed.
    pub fn pushed(&self) -> Pushed {
        self.pushed.clone()
    }

    /// How busy it is.
    pub fn load(&self) -> Load {
        self.prober.load()
    }

    /// Probes the endpoints of the newest snapshot and publishes tables, until `shutdown` is true or its sender is gone. On a thread of its own,
    /// beside a runtime of several.
    pub async fn run(
        &self,
        snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        tables: watch::Sender<Option<Table>>,
        shutdown: watch::Receiver<bool>,
    ) {
        let checker = self.clone();
        alone::run(move || async move { checker.work(snapshots, tables, shutdown).await }).await;
    }

    async fn work(
        &self,
        snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        tables: watch::Sender<Option<Table>>,
        shutdown: watch::Receiver<bool>,
    ) {
        self.pushed.publish_into(tables);
        let publisher = Publisher::new(self.config.clone(), self.prober.clone(), self.pushed.clone());
        let estate_of = |snapshot: &Option<Arc<Snapshot>>| {
            let snapshot = snapshot.as_ref()?;
            Some(Given { estate: snapshot.estate.clone(), verdicts: snapshot.verdicts.clone() })
        };
        tokio::join!(
            self.prober.run(snapshots, estate_of, publisher, shutdown.clone()),
            self.pushed.run(shutdown),
        );
    }
}

/// [`Checker::run`] for those who need nothing else of it.
pub async fn run(
    config: CheckerConfig,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    tables: watch::Sender<Option<Table>>,
    shutdown: watch::Receiver<bool>,
) {
    Checker::new(config).run(snapshots, tables, shutdown).await;
}

#[cfg(test)]
mod tests {
    use super::max_in_flight;

    #[test]
    fn probes_take_half_of_the_files_at_most() {
        assert_eq!([256, 1_024, 8_192, 262_144].map(max_in_flight), [128, 512, 4_096, 20_000]);
        assert_eq!(max_in_flight(usize::MAX), 20_000);
        assert_eq!(max_in_flight(0), 64, "it cannot do with less");
    }
}
