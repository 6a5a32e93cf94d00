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
//! Not here: what the parts do, what a snapshot is made of (`hub`).

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hf_api::tls::{ClientCertificates, Identity, KeyPin, ServerFiles, ServerTls};
use hf_assign::TicketKey;
use hf_balancer::{BalancerConfig, NamedListener};
use hf_checker::{Checker, CheckerConfig};
use hf_clock::Clock;
use hf_config::node::{AccessLog, DnsConfig, DnstapSink, NodeConfig, Role};
use hf_control_plane::{
    Access, AccessPlace, Api, Carried, Context, Control, DnsHere, Gate, GivenBreakGlass, PushedHere,
    RingJournal,
};
use hf_feed::{Feed, FeedConfig, Now, Reports};
use hf_geo::Geography;
use hf_gray::Judged;
use hf_health::Table;
use hf_ledger::Journal;
use hf_model::PoolName;
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, Second};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::api_files;
use crate::balancer_files;
use crate::balancer_state::{self, Keeping};
use crate::boot::{self, DataDir};
use crate::dns_here;
use crate::estate_file;
use crate::gate::{LedgerGate, LostLedger};
use crate::geography;
use crate::hub::{FromDisk, Hub, Reached};
use crate::ledger;
use crate::parts::Parts;
use crate::pushed_here;
use crate::record;
use crate::save;
use crate::seconds;
use crate::takeover::{self, Predecessor};
use crate::task::{self, Sinks, Sources};
use crate::tickets;
use crate::updates::HandedOn;

/// Messages of the feed that wait for the hub at most; when they do, connections wait.
const INCOMING: usize = 1_024;
/// Break-glass requests that wait at most.
const REQUESTS: usize = 16;

/// Why a node did not start, or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// All that stood in the way, one a line.
    #[error("the node cannot start:\n{}", .0.join("\n"))]
    Start(Vec<String>),
    /// A part of it ended by itself; the log says why.
    #[error("the node's {0} ended by itself; its log says why, start it again")]
    Part(&'static str),
}

/// Where a node really listens: port 0 has become a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The API.
    pub api: SocketAddr,
    /// The feed.
    pub feed: SocketAddr,
    /// Zone status, with that role.
    pub status: Option<SocketAddr>,
    /// DNS, with that role.
    pub dns: Vec<SocketAddr>,
    /// Where sessions ask for their place, with the role assign.
    pub assign: Option<SocketAddr>,
}

/// A running node. Dropped, it is told to stop and not waited for.
#[derive(Debug)]
pub struct NodeHandle {
    addresses: Addresses,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    reports: watch::Receiver<Arc<Reports>>,
    listeners: Option<watch::Receiver<Vec<hf_balancer::ListenerView>>>,
    stop: watch::Sender<bool>,
    running: JoinHandle<Result<(), &'static str>>,
}

impl NodeHandle {
    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What its planes are given.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.clone()
    }

    /// What it hears of all nodes, itself included.
    pub fn reports(&self) -> watch::Receiver<Arc<Reports>> {
        self.reports.clone()
    }

    /// Where its balancer listens for a pool now.
    pub fn balancer(&self, pool: &PoolName) -> Option<SocketAddr> {
        let listeners = self.listeners.as_ref()?.borrow();
        listeners.iter().find(|view| view.pool == *pool)?.state.clone().ok()
    }

    /// Tells it to stop and waits for that.
    pub async fn stop(self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        self.ended().await
    }

    /// Waits until it ends.
    pub async fn ended(self) -> Result<(), NodeError> {
        let NodeHandle { running, stop: _stop, .. } = self;
        match running.await {
            Ok(ended) => ended.map_err(NodeError::Part),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

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

/// Where other machines reach the node: its listeners, or the feed's address where those listen on every address.
fn reached(config: &NodeConfig, addresses: &Addresses, api_key: Option<KeyPin>) -> Reached {
    let url = |scheme: &str, mut at: SocketAddr| {
        if at.ip().is_unspecified() {
            if addresses.feed.ip().is_unspecified() {
                return None;
            }
            at.set_ip(addresses.feed.ip());
        }
        Some(format!("{scheme}://{at}"))
    };
    Reached {
        api: url(if config.api.tls.is_some() { "https" } else { "http" }, addresses.api),
        status: addresses.status.and_then(|at| url("http", at)),
        api_key: api_key.map(|key| key.to_string()),
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
        Ok((data, disk))
    });
    let (data, disk): (DataDir, FromDisk) =
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
    let (gate_to, gate) = watch::channel(Gate::Settling);
    let carried_file = config.roles.contains(&Role::Control).then(|| config.data_dir.join("carried.json"));
    let given = Given {
        snapshots,
        reports,
        gray,
        file_problem,
        break_glass: break_glass_to,
        gate,
        activity,
        geography: Geography::default(),
        endpoint_sources: Arc::default(),
        carried: Arc::new(Carried::open(carried_file)),
        pushed: checker
            .as_ref()
            .map(|checker| Arc::new(pushed_here::Here(checker.pushed())) as Arc<dyn PushedHere>),
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
        obeyed: opened.balancer.as_ref().map(|balancer| seen_at_once(balancer.in_force())),
        seconds: opened.balancer.as_ref().map(|_| start_seconds(&given, &mut parts)),
        break_glass,
        estate_file_problem: Some(given.file_problem.clone()),
        feed_problem: Some(seen_at_once(opened.feed.problem())),
        api_files_problem: Some(api_files_problem),
        checker_problem: Some(checker_problem),
        geo_database_problem: database,
        latency_file_problem: latencies,
        sources_problem: opened.control.as_ref().map(|_| seen_at_once(given.endpoint_sources.problem())),
        balancer_tls_problem: opened
            .balancer
            .as_ref()
            .and_then(|balancer| Some(seen_at_once(balancer.certificates_problem()?))),
        dns_tls_problem: opened
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
        carried: given.carried.clone(),
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
    let listeners = opened.balancer.as_ref().map(hf_balancer::Bound::listeners);
    parts.start("feed", opened.feed.run(outgoing, incoming_to, stopped.clone()));
    parts.start("api", opened.api.run(stopped.clone()));
    if let Some(status) = opened.status {
        parts.start("status", status.run(stopped.clone()));
    }
    if let Some(assigner) = opened.assigner {
        parts.start("assigner", assigner.run(stopped.clone()));
    }
    if let Some(((dns, settings), mut cold)) = opened.dns {
        let identity = config
            .tls
            .as_ref()
            .map(|tls| Identity { certificate: tls.certificate.clone(), key: tls.key.clone() });
        cold.updates = Some(Arc::new(HandedOn::new(opened.control.clone(), given.reports.clone(), identity)));
        let inputs = hf_dns::Inputs {
            snapshots: given.snapshots.clone(),
            clock: given.clock.clone(),
            activity: given.activity.clone(),
            own_zone: config.zone.clone(),
            settings,
            geography: given.geography.clone(),
            cold,
        };
        parts.start("dns", dns.run(inputs, stopped.clone()));
    }
    if let Some(balancer) = opened.balancer {
        let keeping = Keeping {
            data_dir: config.data_dir.clone(),
            memories: balancer.memories(),
            begun: balancer.begun(),
            clock: given.clock.clone(),
        };
        parts.start("keeper of the balancer's state", balancer_state::run(keeping, stopped.clone()));
        let calls = takeover::answer(
            takeover::door(&config),
            balancer.handover(),
            let_go,
            stop.clone(),
            parts.stopped_last(),
        );
        parts.start_staying("door for successors", Duration::ZERO, calls);
        // Its clients have `drain`, and it a moment more to see that they are gone.
        let grace = config.balancer.drain + Duration::from_secs(1);
        parts.start_staying("balancer", grace, balancer.run(parts.stopped_last()));
    }
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

/// What the parts of a node are given.
struct Given {
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    reports: watch::Receiver<Arc<Reports>>,
    gray: watch::Receiver<Arc<Judged>>,
    file_problem: watch::Receiver<Option<String>>,
    break_glass: mpsc::Sender<GivenBreakGlass>,
    gate: watch::Receiver<Gate>,
    activity: Arc<Activity>,
    geography: Geography,
    endpoint_sources: Arc<hf_control_plane::Sources>,
    carried: Arc<Carried>,
    pushed: Option<Arc<dyn PushedHere>>,
    clock: Clock,
}

/// What is open before anything runs.
struct Opened {
    feed: Feed,
    api: hf_control_plane::Bound,
    status: Option<hf_status::Bound>,
    dns: Option<((hf_dns::Bound, hf_dns::Settings), hf_dns::ColdInputs)>,
    balancer: Option<hf_balancer::Bound>,
    assigner: Option<hf_assigner::Bound>,
    control: Option<Control>,
    ledger_problem: Option<String>,
    dns_secrets_problem: Option<String>,
    api_key: Option<KeyPin>,
    access: Access,
    api_tls: Option<ServerTls>,
}

impl Opened {
    /// Opens everything; each problem is kept, and the next is looked for.
    async fn all(
        config: &NodeConfig,
        given: &Given,
        listeners: Vec<NamedListener>,
    ) -> Result<Opened, Vec<String>> {
        let has = |role| config.roles.contains(&role);
        let mut problems = Vec::new();
        let (wanted, can_serve) = (feed_config(config, &given.clock), given.snapshots.borrow().is_some());
        let bound =
            if can_serve { Feed::bind_without_certificates(wanted).await } else { Feed::bind(wanted).await };
        let feed = keep(bound, &mut problems);
        let mut status = None;
        if has(Role::Status) {
            let bound = hf_status::bind(config.status_listen, given.snapshots.clone(), given.clock.clone());
            status = keep(bound.await, &mut problems);
        }
        let (dns_config, places) = (config.dns.clone(), given.geography.clone());
        let bad_files = blocking(move || geography::open(&dns_config, &places)).await;
        if !can_serve {
            problems.extend(bad_files); // else the watchers tell
        }
        let (mut dns, mut dns_secrets_problem) = (None, None);
        if has(Role::Dns) {
            let bound = keep(hf_dns::bind(&config.dns).await, &mut problems);
            let (settings, bad_settings) =
                hf_dns::Settings::read(&config.dns, config.id.as_str(), &config.data_dir);
            let (dns_config, data_dir, clock) =
                (config.dns.clone(), config.data_dir.clone(), given.clock.clone());
            let (cold, bad_cold) =
                blocking(move || hf_dns::ColdInputs::open(&dns_config, &data_dir, clock)).await;
            dns = bound.map(|bound| ((bound, settings), cold));
            if can_serve {
                dns_secrets_problem = without_secrets(&bad_settings, &bad_cold);
            } else {
                problems.extend(bad_settings.iter().map(|problem| boot::describe(problem)));
                problems.extend(bad_cold.iter().map(|problem| boot::describe(problem)));
            }
        }
        let read = config.clone();
        let ticket_key = blocking(move || tickets::read_key(&read)).await;
        let ticket_key = without("the key of tickets", ticket_key, can_serve, &mut problems).flatten();
        let assigner = open_assigner(config, given, ticket_key.clone(), can_serve, &mut problems).await;
        let mut balancer = None;
        if has(Role::Balancer) {
            let (data_dir, now) = (config.data_dir.clone(), given.clock.now());
            let memory = blocking(move || balancer_state::load(&data_dir, now)).await;
            let named = config.balancer.clone();
            let files = blocking(move || balancer_files::read(&named)).await;
            if can_serve {
                files.tell();
            } else {
                problems.extend(files.problems());
            }
            let wanted = BalancerConfig {
                memory,
                certificates: files.certificates,
                access_log: keep(
                    balancer_files::open_access_log(config.balancer.access_log.as_ref()),
                    &mut problems,
                )
                .flatten(),
                endpoint_authorities: files.authorities,
                ticket_key,
                ..balancer_config(config, given)
            };
            let open_already = hf_balancer::Given::from(listeners);
            let bound = hf_balancer::bind_with(wanted, given.snapshots.clone(), open_already);
            balancer = keep(bound.await, &mut problems);
        }
        let Kept { control, journal, ledger_problem } = open_ledger(config, given, &mut problems).await;
        let place = match &config.api.access {
            Some(file) => AccessPlace::File(file.clone()),
            None => AccessPlace::DataDir(config.data_dir.clone()),
        };
        let clock = given.clock.clone();
        let access = keep(blocking(move || Access::open(&place, clock)).await, &mut problems);
        let api_tls = open_api_tls(config, &given.clock).await.map(|tls| keep(tls, &mut problems));
        let api_key = api_tls.as_ref().and_then(|tls| tls.as_ref()?.pin());
        let watched = (access.clone(), api_tls.clone().flatten());
        let mut api = None;
        if let Some(access) = access {
            let kept = Kept { control: control.clone(), journal, ledger_problem: ledger_problem.clone() };
            let here = dns.as_ref().map(|((bound, _), cold): &((hf_dns::Bound, _), _)| dns_here(bound, cold));
            let made = Api::new(context(config, given, kept, access, here));
            let bound = match api_tls {
                None => Some(made.bind(config.api_listen).await),
                Some(Some(tls)) => Some(made.bind_tls(config.api_listen, tls).await),
                Some(None) => None, // never in the clear for want of a certificate; the problem is kept
            };
            api = bound.and_then(|bound| keep(bound, &mut problems));
        }
        match (feed, api, watched) {
            (Some(feed), Some(api), (Some(access), api_tls)) if problems.is_empty() => Ok(Opened {
                feed,
                api,
                status,
                dns,
                balancer,
                assigner,
                control,
                ledger_problem,
                dns_secrets_problem,
                api_key,
                access,
                api_tls,
            }),
            (_, api, _) => {
                drop(api);
                if let Some(control) = control {
                    control.stop().await;
                }
                Err(problems)
            }
        }
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            api: self.api.address(),
            feed: self.feed.local_address(),
            status: self.status.as_ref().map(hf_status::Bound::address),
            dns: self.dns.as_ref().map(|((dns, _), _)| dns.local_addresses().to_vec()).unwrap_or_default(),
            assign: self.assigner.as_ref().map(hf_assigner::Bound::address),
        }
    }
}

/// Opens the role's port, with a key to sign with.
async fn open_assigner(
    config: &NodeConfig,
    given: &Given,
    key: Option<TicketKey>,
    can_serve: bool,
    problems: &mut Vec<String>,
) -> Option<hf_assigner::Bound> {
    let key = key.filter(|_| config.roles.contains(&Role::Assign))?;
    let (named, clock) = (config.clone(), given.clock.clone());
    let read = blocking(move || tickets::assigner_config(&named, key, clock)).await;
    let wanted = without("the certificate of [assign]", read, can_serve, problems)?;
    let (snapshots, geography) = (given.snapshots.clone(), given.geography.clone());
    keep(hf_assigner::bind(wanted, snapshots, geography, given.clock.clone()).await, problems)
}

/// What was read of a file, or without it: a node that can serve says so, another does not start.
fn without<T, E: std::error::Error>(
    what: &str,
    read: Result<T, E>,
    can_serve: bool,
    problems: &mut Vec<String>,
) -> Option<T> {
    match read {
        Err(problem) if can_serve => {
            let problem = boot::describe(&problem);
            error!(%problem, "the node starts without {what}; mend it and start the node again");
            None
        }
        read => keep(read, problems),
    }
}

/// What is told of secrets that a node starts without. Certificates are told by those who watch them.
fn without_secrets(settings: &[hf_dns::SettingsError], cold: &[hf_dns::ColdError]) -> Option<String> {
    let keys = cold.iter().filter(|problem| !matches!(problem, hf_dns::ColdError::Tls(_)));
    let missing: Vec<String> = settings
        .iter()
        .map(|problem| boot::describe(problem))
        .chain(keys.map(|key| boot::describe(key)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let problem = format!(
        "{}\nmend it and start the node again; until then what needs it is refused",
        missing.join("\n")
    );
    error!(%problem, "DNS starts without some of its secrets");
    Some(problem)
}

/// The checker of a node with that role; nothing runs yet.
fn checker(
    config: &NodeConfig,
    clock: &Clock,
    activity: &Activity,
    heard_outside: watch::Receiver<Option<Instant>>,
    problem: watch::Sender<Option<String>>,
) -> Option<Checker> {
    let zone = config.zone.clone().filter(|_| config.roles.contains(&Role::Checker))?;
    Some(Checker::new(CheckerConfig {
        commands: config.checker.allow_commands.clone(),
        heard_outside: Some(heard_outside),
        counts: activity.probes().clone(),
        problem: Some(problem),
        ..CheckerConfig::new(config.id.clone(), zone, clock.clone())
    }))
}

fn start_checker(checker: Checker, given: &Given, parts: &mut Parts) -> watch::Receiver<Option<Table>> {
    let (tables_to, tables) = watch::channel(None);
    let (snapshots, stopped) = (given.snapshots.clone(), parts.stopped());
    parts.start("checker", async move { checker.run(snapshots, tables_to, stopped).await });
    tables
}

/// Tells what the balancer does in each second.
fn start_seconds(given: &Given, parts: &mut Parts) -> watch::Receiver<Option<Arc<Second>>> {
    let (seconds_to, seconds) = watch::channel(None);
    let (activity, clock) = (given.activity.clone(), given.clock.clone());
    parts.start("teller of seconds", seconds::run(activity, clock, seconds_to, parts.stopped()));
    seconds
}

fn balancer_config(config: &NodeConfig, given: &Given) -> BalancerConfig {
    let (clock, activity) = (given.clock.clone(), given.activity.clone());
    let defaults = BalancerConfig::new(config.id.clone(), config.zone.clone(), clock, activity);
    let workers = config.balancer.workers.and_then(|workers| NonZeroUsize::new(workers.into()));
    BalancerConfig {
        address: config.balancer.address,
        drain: config.balancer.drain,
        workers: workers.unwrap_or(defaults.workers),
        ..defaults
    }
}

fn dns_here(bound: &hf_dns::Bound, cold: &hf_dns::ColdInputs) -> Arc<dyn DnsHere> {
    let (names, counters) = (bound.names(), bound.counters());
    Arc::new(dns_here::Here { store: cold.hosted.clone(), names, counters })
}

fn context(
    config: &NodeConfig,
    given: &Given,
    kept: Kept,
    access: Access,
    dns: Option<Arc<dyn DnsHere>>,
) -> Context {
    Context {
        node: config.id.clone(),
        zone: config.zone.clone(),
        roles: config.roles.clone(),
        beat: config.beat,
        control: kept.control,
        ledger_problem: kept.ledger_problem,
        journal: kept.journal,
        snapshots: given.snapshots.clone(),
        reports: given.reports.clone(),
        gray: given.gray.clone(),
        break_glass: given.break_glass.clone(),
        break_glass_keys: config.break_glass_keys.clone(),
        access,
        clock: given.clock.clone(),
        estate_file: config.estate.clone().filter(|_| config.roles.contains(&Role::Control)),
        estate_file_problem: given.file_problem.clone(),
        geography: given.geography.clone(),
        activity: given.activity.clone(),
        dns,
        sources_config: config.sources.clone(),
        sources: given.endpoint_sources.clone(),
        carried: given.carried.clone(),
        pushed: given.pushed.clone(),
    }
}

/// With every path looked up from the node file's folder.
pub(crate) fn resolve(mut config: NodeConfig, base_dir: &Path) -> NodeConfig {
    let from_base = |path: &mut PathBuf| *path = base_dir.join(&path);
    from_base(&mut config.data_dir);
    config.estate.as_mut().map(from_base);
    if let Some(tls) = &mut config.tls {
        [&mut tls.ca, &mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
    }
    config.api.access.as_mut().map(from_base);
    if let Some(tls) = &mut config.api.tls {
        [&mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
        tls.client_ca.as_mut().map(from_base);
    }
    from_base(&mut config.sources.directory);
    resolve_dns(&mut config.dns, from_base);
    resolve_balancer(&mut config.balancer, from_base);
    if let Some(tls) = &mut config.assign.tls {
        [&mut tls.certificate, &mut tls.key].into_iter().for_each(from_base);
    }
    ledger::resolve(&mut config.ledger, from_base);
    config
}

fn resolve_balancer(balancer: &mut hf_config::node::BalancerConfig, from_base: impl Fn(&mut PathBuf)) {
    balancer.certificates.iter_mut().flat_map(|of| [&mut of.certificate, &mut of.key]).for_each(&from_base);
    let files =
        [&mut balancer.endpoint_authorities, &mut balancer.handover_socket, &mut balancer.ticket_key_file];
    files.into_iter().flatten().for_each(&from_base);
    if let Some(AccessLog::File(path)) = &mut balancer.access_log {
        from_base(path);
    }
}

fn resolve_dns(dns: &mut DnsConfig, from_base: impl Fn(&mut PathBuf)) {
    if let Some(tls) = &mut dns.tls {
        from_base(&mut tls.certificate);
        from_base(&mut tls.key);
    }
    let files = [
        &mut dns.zone_dir,
        &mut dns.geo_database,
        &mut dns.latency_file,
        &mut dns.seal_file,
        &mut dns.cookie_secret_file,
    ];
    files.into_iter().flatten().for_each(&from_base);
    dns.tsig_keys.iter_mut().for_each(|key| from_base(&mut key.secret_file));
    match &mut dns.dnstap {
        Some(DnstapSink::Socket(path) | DnstapSink::File(path)) => from_base(path),
        None => {}
    }
}

/// The API's certificates, if it has any; the key by which clients may know this node is told.
async fn open_api_tls(
    config: &NodeConfig,
    clock: &Clock,
) -> Option<Result<ServerTls, hf_api::tls::TlsError>> {
    let tls = config.api.tls.clone()?;
    let clients = match (tls.client_ca, tls.require_client_certificate) {
        (None, _) => ClientCertificates::NotAsked,
        (Some(ca), false) => ClientCertificates::Welcome(ca),
        (Some(ca), true) => ClientCertificates::Required(ca),
    };
    let files = ServerFiles { certificate: tls.certificate, key: tls.key, clients };
    let clock = clock.clone();
    let loaded = blocking(move || ServerTls::load(files, clock)).await;
    if let Ok(tls) = &loaded
        && let Some(pin) = tls.pin()
    {
        info!(%pin, "the API speaks TLS; clients may know this node by this key (`--pin`)");
    }
    Some(loaded)
}

fn feed_config(config: &NodeConfig, clock: &Clock) -> FeedConfig {
    FeedConfig {
        node: config.id.clone(),
        zone: config.zone.clone(),
        roles: config.roles.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: config.feed_listen,
        peers: config.peers.clone(),
        tls: config.tls.clone(),
        beat: config.beat,
        now: now_of(clock),
        seed: hf_clock::random_seed(),
    }
}

fn now_of(clock: &Clock) -> Now {
    let clock = clock.clone();
    Now::new(move || clock.now())
}

/// What a node keeps in order.
struct Kept {
    /// With the control role, the ledger's writer.
    control: Option<Control>,
    journal: Arc<dyn Journal>,
    /// Why there is no writer in spite of that role.
    ledger_problem: Option<String>,
}

/// The ledger of a node with the control role, and the journal of every node (rule 3).
async fn open_ledger(config: &NodeConfig, given: &Given, problems: &mut Vec<String>) -> Kept {
    let mut ledger_problem = None;
    if config.roles.contains(&Role::Control) {
        match ledger::start(config, given.clock.clone(), given.gate.clone()).await {
            Ok((control, journal)) => {
                return Kept { control: Some(control), journal, ledger_problem };
            }
            Err(problem) => {
                let can_serve = given.snapshots.borrow().is_some()
                    && config.roles.iter().any(|role| *role != Role::Control);
                if can_serve {
                    error!(%problem, "the control role does not start; the others serve from the snapshot on disk");
                    ledger_problem = Some(problem);
                } else {
                    problems.push(problem);
                }
            }
        }
    }
    Kept { control: None, journal: Arc::new(RingJournal::default()), ledger_problem }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("opening files does not panic")
}

/// What is in it now counts as news too.
fn seen_at_once<T>(mut receiver: watch::Receiver<T>) -> watch::Receiver<T> {
    receiver.mark_changed();
    receiver
}

fn keep<T, E: std::error::Error>(result: Result<T, E>, problems: &mut Vec<String>) -> Option<T> {
    match result {
        Ok(made) => Some(made),
        Err(error) => {
            problems.push(boot::describe(&error));
            None
        }
    }
}

#[cfg(test)]
mod tests;
