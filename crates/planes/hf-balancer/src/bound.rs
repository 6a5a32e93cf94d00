//! The balancer as its node sees it: bound, then run until it is told to stop.
//!
//! 1. [`bind`] opens the listeners that the present snapshot asks for; a port that cannot be had is an error with its mend.
//! 2. Later snapshots bring and take listeners. A port that cannot be had then is logged, shown in [`ListenerView`] and tried again every two
//!    seconds; the rest goes on. A listener whose pool changes its name stays open.
//! 3. Without a snapshot the last one stays in force.
//! 4. Told to stop, it closes its listeners, lets clients finish for `drain`, and cuts the rest.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hf_certificates::Certificates;
use hf_model::PoolName;
use hf_probe::{Prober, ProberConfig};
use hf_snapshot::Snapshot;
use tokio::sync::{mpsc, watch};

use crate::arrive::{ALPN_H2, ALPN_HTTP1};
use crate::budget::Granted;
use crate::checks::{self, Checks};
use crate::config::BalancerConfig;
use crate::front::{Front, Phase, Table};
use crate::handover::{Answer, Given, Handover, NamedListener};
use crate::listen::{self, BindError};
use crate::memory::Memories;
use crate::outliers;
use crate::routes::{FrontKey, Placed, Routes, Wanted};
use crate::worker::{Handle, Opened};

/// Between two tries to open a listener that could not be opened.
const RETRY: Duration = Duration::from_secs(2);

/// Where snapshots come from.
pub type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

/// One listener, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerView {
    /// The pool that it is for.
    pub pool: PoolName,
    /// Where it should listen.
    pub wanted: SocketAddr,
    /// Where it listens, or why it does not.
    pub state: Result<SocketAddr, String>,
}

/// A balancer whose ports are open.
#[derive(Debug)]
pub struct Bound {
    config: BalancerConfig,
    snapshots: Snapshots,
    routes: Routes,
    placed: watch::Sender<Option<Arc<Placed>>>,
    fronts: BTreeMap<FrontKey, FrontSlot>,
    workers: Vec<Handle>,
    /// Tells the workers of a new snapshot.
    told: watch::Sender<u64>,
    /// Whether clients are accepted: after the first round of checks.
    begun: watch::Sender<bool>,
    /// Says which snapshot all workers obey.
    in_force: watch::Sender<u64>,
    views: watch::Sender<Vec<ListenerView>>,
    /// Listeners that were open before this balancer was.
    given: Given,
    handover: Handover,
    asked: mpsc::Receiver<Answer>,
}

#[derive(Debug)]
enum FrontSlot {
    /// With its listeners once more, for a successor.
    Open(PoolName, Arc<Front>, Vec<TcpListener>),
    /// Kept with all it needs, so that it can be tried again without a new snapshot.
    Failed(Box<Wanted>, String),
}

/// Opens the ports that the present snapshot asks for; none without one.
pub async fn bind(config: BalancerConfig, snapshots: Snapshots) -> Result<Bound, BindError> {
    bind_with(config, snapshots, Given::default()).await
}

/// As [`bind`], with listeners that are open already.
pub async fn bind_with(
    config: BalancerConfig,
    snapshots: Snapshots,
    given: Given,
) -> Result<Bound, BindError> {
    let told = watch::Sender::new(0);
    // Who remembers what the endpoints are like needs no round of checks first.
    let begun = watch::Sender::new(config.memory.is_some());
    let tls =
        config.certificates.as_ref().map(|certificates| certificates.server_config(&[ALPN_H2, ALPN_HTTP1]));
    let tls = tls.transpose().map_err(BindError::Tls)?;
    let granted = Granted::new();
    let workers = (0..config.workers.get())
        .map(|number| {
            let (told, begun) = (told.subscribe(), begun.subscribe());
            Handle::start(number, &config, tls.clone(), granted.clone(), told, begun)
        })
        .collect::<Result<_, _>>()
        .map_err(BindError::Threads)?;
    let mut routes = Routes::new(
        config.zone.clone(),
        config.address,
        config.activity.clone(),
        config.endpoint_authorities.clone(),
    );
    routes.set_ticket_key(config.ticket_key.clone());
    routes.remember(config.memory.clone().unwrap_or_default());
    let (handover, asked) = Handover::new();
    let mut bound = Bound {
        config,
        snapshots,
        routes,
        placed: watch::Sender::new(None),
        fronts: BTreeMap::new(),
        workers,
        told,
        begun,
        in_force: watch::Sender::new(0),
        views: watch::Sender::new(Vec::new()),
        given,
        handover,
        asked,
    };
    let first = bound.snapshots.borrow_and_update().clone();
    if let Some(snapshot) = first
        && let Some(error) = bound.obey(&snapshot).await.into_iter().next()
    {
        return Err(error);
    }
    Ok(bound)
}

impl Bound {
    /// The number of the snapshot in force: from then on no request goes where it does not let it.
    pub fn in_force(&self) -> watch::Receiver<u64> {
        self.in_force.subscribe()
    }

    /// Why certificates as they are on disk are not in force; nothing to say without any.
    pub fn certificates_problem(&self) -> Option<watch::Receiver<Option<String>>> {
        self.config.certificates.as_ref().map(Certificates::problem)
    }

    /// The listeners and their state.
    pub fn listeners(&self) -> watch::Receiver<Vec<ListenerView>> {
        self.views.subscribe()
    }

    /// Reads what this balancer knows of its endpoints, for its successor.
    pub fn memories(&self) -> Memories {
        Memories(self.placed.subscribe())
    }

    /// Whether it takes traffic: a fresh one after its first round of checks.
    pub fn begun(&self) -> watch::Receiver<bool> {
        self.begun.subscribe()
    }

    /// Hands the listeners to a successor.
    pub fn handover(&self) -> Handover {
        self.handover.clone()
    }

    /// Obeys snapshots until `shutdown` is true or its sender is gone, then lets clients finish. Dropped, it cuts them.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let prober = Prober::new(ProberConfig::new(self.config.node.clone()));
        let views = self.routes.views();
        let checks = Checks::new(self.placed.subscribe(), views.clone(), self.begun.clone());
        let outliers = outliers::attend(self.placed.subscribe(), views);
        let in_the_end = checks::begin_in_the_end(self.begun.clone());
        let probed = |placed: &Option<Arc<Placed>>| placed.as_ref().map(|placed| placed.probed.clone());
        let probing = prober.run(self.placed.subscribe(), probed, checks, shutdown.clone());
        let certificates = self.config.certificates.clone();
        let certificates = async move {
            match certificates {
                Some(certificates) => certificates.watch().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.obey_all(&mut shutdown) => {}
            () = probing => {}
            () = outliers => {}
            () = in_the_end => {}
            () = certificates => {}
        }
        self.finish().await;
    }

    async fn obey_all(&mut self, shutdown: &mut watch::Receiver<bool>) {
        let mut lives = true;
        loop {
            let failing = self.fronts.values().any(|slot| matches!(slot, FrontSlot::Failed(..)));
            tokio::select! {
                biased;
                () = stopped(shutdown) => return,
                changed = self.snapshots.changed(), if lives => {
                    lives = changed.is_ok();
                    let snapshot = self.snapshots.borrow_and_update().clone();
                    if let Some(snapshot) = snapshot {
                        self.obey(&snapshot).await;
                    }
                }
                Some(answer) = self.asked.recv() => {
                    // Who asked may be gone.
                    let _ = answer.send(self.copies());
                }
                () = tokio::time::sleep(RETRY), if failing => self.retry_failed().await,
            }
        }
    }

    /// Puts a snapshot in force. What could not be opened is in the views, and returned.
    async fn obey(&mut self, snapshot: &Arc<Snapshot>) -> Vec<BindError> {
        let (placed, wanted) = self.routes.compile(snapshot);
        let mut errors = Vec::new();
        let mut gone = std::mem::take(&mut self.fronts);
        let mut phases = Vec::new();
        let mut to_open = Vec::new();
        for wanted in wanted {
            match gone.remove(&wanted.key) {
                Some(FrontSlot::Open(_, front, listeners)) => {
                    front.set_table(Table::new(wanted.listening, wanted.behind));
                    phases.push((front.clone(), wanted.phase));
                    self.fronts.insert(wanted.key, FrontSlot::Open(wanted.pool, front, listeners));
                }
                Some(FrontSlot::Failed(..)) | None => to_open.push(wanted),
            }
        }
        self.routes.set_standings(snapshot);
        for (front, phase) in phases {
            front.set_phase(phase);
        }
        close_all(gone);
        self.placed.send_if_modified(|now| {
            let changes = now.as_ref().is_none_or(|old| !Arc::ptr_eq(old, &placed));
            *now = Some(placed);
            changes
        });
        self.told.send_replace(snapshot.number);
        for worker in &mut self.workers {
            // A worker that has ended obeys, in its way.
            let _ = worker.obeyed.wait_for(|obeyed| *obeyed >= snapshot.number).await;
        }
        self.in_force.send_replace(snapshot.number);
        for wanted in to_open {
            errors.extend(self.open(wanted).await);
        }
        self.show();
        errors
    }

    /// All open listeners once more.
    fn copies(&self) -> Vec<NamedListener> {
        let mut copies = Vec::new();
        for slot in self.fronts.values() {
            let FrontSlot::Open(pool, _, listeners) = slot else { continue };
            for listener in listeners {
                match listener.try_clone() {
                    Ok(listener) => copies.push(NamedListener { name: pool.to_string(), listener }),
                    Err(error) => tracing::error!(%pool, %error, "a listener cannot be handed over"),
                }
            }
        }
        copies
    }

    async fn retry_failed(&mut self) {
        let (failed, open) = std::mem::take(&mut self.fronts)
            .into_iter()
            .partition(|(_, slot)| matches!(slot, FrontSlot::Failed(..)));
        self.fronts = open;
        let failed: BTreeMap<FrontKey, FrontSlot> = failed;
        for slot in failed.into_values() {
            if let FrontSlot::Failed(wanted, _) = slot {
                self.open(*wanted).await;
            }
        }
        self.show();
    }

    async fn open(&mut self, wanted: Wanted) -> Option<BindError> {
        let given = self.given.take(wanted.pool.as_str(), wanted.key.address);
        let opened = if wanted.listening.options.tls && self.config.certificates.is_none() {
            Err(BindError::NoCertificates { pool: wanted.pool.clone() })
        } else if let Some(pool) = wanted.without_key() {
            Err(BindError::NoTicketKey { pool })
        } else if given.is_empty() {
            listen::open(&wanted.pool, wanted.key.address, self.workers.len())
        } else {
            listen::adopt(&wanted.pool, wanted.key.address, given, self.workers.len())
        };
        match opened {
            Ok(listeners) => {
                self.serve(wanted, listeners).await;
                None
            }
            Err(error) => {
                let text = error.to_string();
                self.fronts.insert(wanted.key.clone(), FrontSlot::Failed(Box::new(wanted), text));
                Some(error)
            }
        }
    }

    async fn serve(&mut self, wanted: Wanted, listeners: Vec<TcpListener>) {
        let local =
            listeners.first().and_then(|listener| listener.local_addr().ok()).unwrap_or(wanted.key.address);
        tracing::info!(pool = %wanted.pool, address = %local, "listening");
        let table = Table::new(wanted.listening, wanted.behind);
        let front = Arc::new(Front::new(local, table, wanted.phase));
        // A worker may have several: there are at least as many listeners as workers.
        let kept = listeners.iter().filter_map(|listener| listener.try_clone().ok()).collect();
        for (worker, listener) in self.workers.iter().cycle().zip(listeners) {
            let opened = Opened { front: front.clone(), listener };
            if worker.listeners.send(opened).await.is_err() {
                tracing::error!(address = %local, "a worker of the balancer has ended; the others go on");
            }
        }
        self.fronts.insert(wanted.key, FrontSlot::Open(wanted.pool, front, kept));
    }

    fn show(&self) {
        let view = |(key, slot): (&FrontKey, &FrontSlot)| match slot {
            FrontSlot::Open(pool, front, _) => {
                ListenerView { pool: pool.clone(), wanted: key.address, state: Ok(front.local) }
            }
            FrontSlot::Failed(wanted, why) => {
                ListenerView { pool: wanted.pool.clone(), wanted: key.address, state: Err(why.clone()) }
            }
        };
        let views: Vec<ListenerView> = self.fronts.iter().map(view).collect();
        self.views.send_if_modified(|now| {
            for view in views.iter().filter(|view| !now.contains(view)) {
                if let Err(why) = &view.state {
                    tracing::error!(%why, "a listener cannot be opened; the others go on, and it is tried again");
                }
            }
            std::mem::replace(now, views.clone()) != views
        });
    }

    async fn finish(self) {
        close_all(self.fronts);
        let deadline = tokio::time::Instant::now() + self.config.drain + Duration::from_secs(1);
        for worker in self.workers {
            let Handle { listeners, ended, thread, .. } = worker;
            drop(listeners);
            if tokio::time::timeout_at(deadline, ended).await.is_err() {
                tracing::warn!(
                    "a worker of the balancer did not end in time; its clients end with the process"
                );
                continue;
            }
            if thread.join().is_err() {
                tracing::error!("a worker of the balancer panicked; its clients were cut");
            }
        }
    }
}

/// Ends when `shutdown` is true, or its sender is gone: nobody could ever stop us then.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

fn close_all(fronts: BTreeMap<FrontKey, FrontSlot>) {
    for slot in fronts.into_values() {
        if let FrontSlot::Open(pool, front, _) = slot {
            tracing::info!(%pool, address = %front.local, "listener closed");
            front.set_phase(Phase::Closing);
        }
    }
}
