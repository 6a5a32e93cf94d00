//! Starting a node: disk first, then ports, then parts.
//!
//! 1. What is on disk is published before anything is opened, so the planes serve from their first moment.
//! 2. All ports are opened before any part runs. Everything that stands in the way is said at once.
//! 3. A ledger that cannot be opened ends the start of a node that has nothing else to serve. A node that can serve from its
//!    disk does, without the control role, and says so: losing control never takes data planes with it.
//! 4. The same holds for certificates that have expired or cannot be read: a node that can serve from its disk does, says so, and
//!    begins its feed when they are right.
//! 5. And for the files of DNS: without a database, table, secret or certificate only what needs it is missing, and the node says so. Only a
//!    node that never served anything refuses to start with them. So it is with the key of tickets (`tickets`).
//!
//! Not here: what is opened and how (`open`, `api_here`), the planes (`planes`), what the parts do, what a snapshot is made of (`hub`).

mod api_here;
mod given;
mod handle;
mod open;
mod paths;
mod planes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hf_balancer::NamedListener;
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role};
use hf_control_plane::{Carried, Gate, Notifications, ObeyedHere, PushedHere};
use hf_geo::Geography;
use hf_telemetry::{Activity, Consumers};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::api_files;
use crate::boot::{self, DataDir};
use crate::consumers_here;
use crate::estate_file;
use crate::gate::{LedgerGate, LostLedger};
use crate::geography;
use crate::hub::{FromDisk, Hub};
use crate::parts::Parts;
use crate::pushed_here;
use crate::record;
use crate::save;
use crate::takeover::{self, Predecessor};
use crate::task::{self, Obeyed, Sinks, Sources};

pub use handle::{Addresses, NodeError, NodeHandle};
pub(crate) use paths::resolve;

use given::{Given, checker, start_checker, start_consumers, start_seconds};
use handle::reached;
use open::Opened;
use planes::Around;

/// Messages of the feed that wait for the hub at most; when they do, connections wait.
const INCOMING: usize = 1_024;
/// Break-glass requests, and questions for votes, that wait at most.
const REQUESTS: usize = 16;

/// Runs a node until `shutdown` is true. Paths of `config` are looked up from `base_dir`, the node file's folder.
pub async fn run(
    config: NodeConfig,
    base_dir: &Path,
    clock: Clock,
    lost: LostLedger,
    shutdown: watch::Receiver<bool>,
) -> Result<(), NodeError> {
    run_after(config, base_dir, clock, lost, Before::default(), shutdown, |_| {}).await
}

/// As [`run`], after what was there before; `ready` is called when all of it is open and runs.
pub async fn run_after(
    config: NodeConfig,
    base_dir: &Path,
    clock: Clock,
    lost: LostLedger,
    before: Before,
    mut shutdown: watch::Receiver<bool>,
    ready: impl FnOnce(&NodeHandle),
) -> Result<(), NodeError> {
    let node = start_after(config, base_dir, clock, lost, before).await?;
    ready(&node);
    let stop = node.stop.clone();
    let passed_on = async move {
        let _ = shutdown.wait_for(|stop| *stop).await;
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = node.ended() => ended,
        () = passed_on => unreachable!("it waits for ever"),
    }
}

/// What a node finds when it starts.
#[derive(Debug, Default)]
pub struct Before {
    /// Whether another process runs on the node's folder, from which this one takes over.
    pub takeover: bool,
    /// Listeners that a service manager opened; those of the balancer's pools are used.
    pub listeners: Vec<NamedListener>,
}

/// Everything is open and runs when this returns.
pub async fn start(
    config: NodeConfig,
    base_dir: &Path,
    clock: Clock,
    lost: LostLedger,
) -> Result<NodeHandle, NodeError> {
    start_after(config, base_dir, clock, lost, Before::default()).await
}

/// As [`start`], after what was there before.
pub async fn start_after(
    config: NodeConfig,
    base_dir: &Path,
    clock: Clock,
    lost: LostLedger,
    before: Before,
) -> Result<NodeHandle, NodeError> {
    let config = resolve(config, base_dir);
    let Before { takeover, mut listeners } = before;
    let mut predecessor = None;
    if takeover {
        let (called, taken) = take_over(takeover::door(&config)).await?;
        listeners.extend(taken);
        predecessor = Some(called);
    }
    let now = clock.now();
    let folder = config.data_dir.clone();
    let opened = blocking(move || {
        let data = boot::open(&folder)?;
        let disk = boot::load(&data.snapshots, now)?;
        let consumers = consumers_here::load(&folder, now);
        Ok((data, disk, consumers))
    });
    let (data, disk, consumers): (DataDir, FromDisk, Consumers) =
        opened.await.map_err(|problem: String| NodeError::Start(vec![problem]))?;
    let mut hub = Hub::new(&config, disk, now);
    let (snapshots_to, snapshots) = watch::channel(hub.refresh(now));
    let (reports_to, reports) = watch::channel(Arc::default());
    let (heard_outside_to, heard_outside) = watch::channel(None);
    let (checker_problem_to, checker_problem) = watch::channel(None);
    let activity: Arc<Activity> = Arc::default();
    let checker = checker(&config, &clock, &activity, heard_outside, checker_problem_to);
    let (gray_to, gray) = watch::channel(Arc::default());
    let (file_problem_to, file_problem) = watch::channel(None);
    let (break_glass_to, break_glass) = mpsc::channel(REQUESTS);
    let (votes_to, votes) = mpsc::channel(REQUESTS);
    let (gate_to, gate) = watch::channel(Gate::Settling);
    let (consumers_to, consumers_heard) = watch::channel(Arc::default());
    let carried_file = config.roles.contains(&Role::Control).then(|| config.data_dir.join("carried.json"));
    let given = Given {
        snapshots,
        obeyed: ObeyedHere::new(config.id.clone(), &config.roles, reports.clone()),
        reports,
        gray,
        file_problem,
        break_glass: break_glass_to,
        votes: votes_to,
        gate,
        activity,
        geography: Geography::default(),
        endpoint_sources: Arc::default(),
        carried: Arc::new(Carried::open(carried_file)),
        notifications: Arc::new(Notifications::new(&config.notify, &config.data_dir)),
        pushed: checker
            .as_ref()
            .map(|checker| Arc::new(pushed_here::Here(checker.pushed())) as Arc<dyn PushedHere>),
        consumers,
        consumers_heard,
        clock,
    };
    // Apart: what opening holds meanwhile would make whoever starts a node carry it.
    let opened = Box::pin(Opened::all(&config, &given, listeners)).await.map_err(NodeError::Start)?;
    let addresses = opened.addresses();
    info!(node = %config.id, ?addresses, "the node runs");

    hub.set_reached(reached(&config, &addresses, opened.api_key));
    hub.set_ledger_problem(opened.ledger_problem.clone());
    hub.set_dns_secrets_problem(opened.dns_secrets_problem.clone());
    let mut ledger = opened.control.clone().map(|control| LedgerGate::new(control, gate_to, lost));
    if let Some(ledger) = &mut ledger {
        // What this node's own disk says is known before anybody can write.
        hub.own_ledger(ledger.intent().borrow().clone());
        ledger.judge(&mut hub);
    }
    let mut parts = Parts::new();
    let stopped = parts.stopped();
    let (stop, stop_wanted) = watch::channel(false);
    let (let_go, let_go_wanted) = mpsc::channel(1);
    let (incoming_to, incoming) = mpsc::channel(INCOMING);
    let (outgoing_to, outgoing) = watch::channel(hub.outgoing(Vec::new(), now));
    let (kept_to, kept) = watch::channel(save::Kept::default());
    if let Some(control) = &opened.control {
        let recording = record::run(control.clone(), given.gate.clone(), kept.clone(), stopped.clone());
        parts.start("recorder of break-glass acts", recording);
    }
    let (api_files_to, api_files_problem) = watch::channel(None);
    let (access, api_tls) = (opened.access, opened.api_tls);
    parts.start("watcher of the API's files", api_files::run(access, api_tls, api_files_to, stopped.clone()));
    let geography::Problems { database, latencies } =
        geography::follow(&config.dns, &given.geography, &mut parts);
    let sources = Sources {
        incoming,
        ledger,
        table: checker.map(|checker| start_checker(checker, &given, &mut parts)),
        obeyed: Obeyed {
            balancer: opened.planes.balancer.as_ref().map(|balancer| seen_at_once(balancer.in_force())),
            dns: opened.planes.dns.as_ref().map(|((dns, _), _)| seen_at_once(dns.in_force())),
        },
        seconds: opened.planes.balancer.as_ref().map(|_| start_seconds(&given, &mut parts)),
        consumers: opened.planes.status.as_ref().map(|_| start_consumers(&config, &given, &mut parts)),
        break_glass,
        votes,
        estate_file_problem: Some(given.file_problem.clone()),
        feed_problem: Some(seen_at_once(opened.feed.problem())),
        api_files_problem: Some(api_files_problem),
        checker_problem: Some(checker_problem),
        geo_database_problem: database,
        latency_file_problem: latencies,
        sources_problem: opened.control.as_ref().map(|_| seen_at_once(given.endpoint_sources.problem())),
        balancer_tls_problem: opened
            .planes
            .balancer
            .as_ref()
            .and_then(|balancer| Some(seen_at_once(balancer.certificates_problem()?))),
        dns_tls_problem: opened
            .planes
            .dns
            .as_ref()
            .and_then(|(_, cold)| Some(seen_at_once(cold.tls.as_ref()?.problem()))),
        clock_problem: opened.control.as_ref().map(|control| seen_at_once(control.clock_problem())),
        shutdown: stopped.clone(),
    };
    let sinks = Sinks {
        snapshots: snapshots_to,
        outgoing: outgoing_to,
        reports: reports_to,
        gray: gray_to,
        consumers: consumers_to,
        carried: given.carried.clone(),
        notifications: given.notifications.clone(),
        heard_outside: heard_outside_to,
        kept: kept_to,
        geography: given.geography.clone(),
    };
    let (clock, activity) = (given.clock.clone(), given.activity.clone());
    parts.start("hub", task::run(hub, sources, sinks, config.beat, clock, activity));
    parts.start("disk", async move {
        save::run(data.snapshots.clone(), kept).await;
        // The folder is let go of only now.
        drop(data);
    });
    if let (Some(control), Some(path)) = (&opened.control, &config.estate) {
        let watching = estate_file::run(path.clone(), control.clone(), file_problem_to, stopped.clone());
        parts.start("estate file's watcher", watching);
    }
    let listeners = opened.planes.balancer.as_ref().map(hf_balancer::Bound::listeners);
    parts.start("feed", opened.feed.run(outgoing, incoming_to, stopped.clone()));
    parts.start("api", opened.api.run(stopped.clone()));
    let around =
        Around { config: &config, given: &given, control: opened.control.clone(), let_go, stop: &stop };
    opened.planes.start(around, &mut parts);
    if let Some(control) = opened.control {
        let mut stopped = stopped;
        parts.start("ledger", async move {
            let _ = stopped.wait_for(|stop| *stop).await;
            control.stop().await;
        });
    }

    let running = tokio::spawn(parts.run(stop_wanted, let_go_wanted));
    if let Some(predecessor) = predecessor {
        // One that is gone meanwhile needs no word.
        if let Err(problem) = blocking(move || predecessor.serving()).await {
            warn!(
                problem = boot::describe(&problem),
                "the process of before was not told that this one serves"
            );
        }
    }
    let Given { snapshots, reports, .. } = given;
    Ok(NodeHandle { addresses, snapshots, reports, listeners, stop, running })
}

/// Takes the listeners of the process of before, and has it let the data folder go.
async fn take_over(door: PathBuf) -> Result<(Predecessor, Vec<NamedListener>), NodeError> {
    let calling = move || {
        let (called, taken) = Predecessor::call(&door)?;
        called.let_go()?;
        Ok((called, taken))
    };
    let called: Result<_, takeover::TakeoverError> = blocking(calling).await;
    let (called, taken) = called.map_err(|problem| NodeError::Start(vec![boot::describe(&problem)]))?;
    info!(listeners = taken.len(), "taking over from the process of before");
    Ok((called, taken))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("opening files does not panic")
}

/// What is in it now counts as news too.
fn seen_at_once<T>(mut receiver: watch::Receiver<T>) -> watch::Receiver<T> {
    receiver.mark_changed();
    receiver
}

#[cfg(test)]
mod tests;
