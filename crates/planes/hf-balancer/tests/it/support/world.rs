//! An estate, its snapshots and one balancer.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hf_assign::TicketKey;
use hf_balancer::{
    Authorities, BalancerConfig, BindError, EndpointMemory, Limits, ListenerView, Memories, bind,
};
use hf_certificates::Certificates;
use hf_clock::Clock;
use hf_config::estate::{Estate, EstateBundle, Pool};
use hf_config::read_estate;
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{NodeId, Operator, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, ZoneActivityReport};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{until, within};

/// A change of what a pool says.
type Rule = Box<dyn FnOnce(&mut Pool)>;

/// What to build.
pub struct WorldBuilder {
    toml: String,
    own_zone: &'static str,
    limits: Limits,
    drain: Duration,
    workers: usize,
    rules: Vec<Rule>,
    authorities: Authorities,
    memory: Option<Vec<EndpointMemory>>,
    certificates: Option<Certificates>,
    ticket_key: Option<TicketKey>,
}

impl WorldBuilder {
    /// Zones a, b and c in one region; the balancer runs in a.
    pub fn new() -> Self {
        let mut toml = "[[region]]\nid = \"r\"\n".to_owned();
        for zone in ["a", "b", "c"] {
            writeln!(toml, "[[zone]]\nid = \"{zone}\"\nregion = \"r\"").unwrap();
        }
        toml += "[[health_check]]\nname = \"http\"\nkind = \"http\"\npath = \"/healthz\"\ninterval = \"100ms\"\nrise = 1\nfall = 2\n";
        WorldBuilder {
            toml,
            own_zone: "a",
            limits: Limits { spread: Duration::from_millis(100), ..Limits::default() },
            drain: Duration::from_secs(30),
            workers: 2,
            rules: Vec::new(),
            authorities: Authorities::default(),
            memory: None,
            certificates: None,
            ticket_key: None,
        }
    }

    /// A pool; `more` are further lines of TOML, such as `listen = "0.0.0.0:80"` (the port becomes any free one).
    pub fn pool(mut self, name: &str, more: &str, endpoints: &[(&str, SocketAddr)]) -> Self {
        writeln!(self.toml, "[[pool]]\nname = \"{name}\"\nprotocol = \"http\"\n{more}\nendpoints = [")
            .unwrap();
        for (zone, address) in endpoints {
            writeln!(self.toml, "  {{ address = \"{address}\", zone = \"{zone}\" }},").unwrap();
        }
        self.toml += "]\n";
        self
    }

    /// Further lines of the estate.
    pub fn more(mut self, toml: &str) -> Self {
        self.toml += toml;
        self
    }

    /// Pool `web` with a listener.
    pub fn web(self, endpoints: &[(&str, SocketAddr)]) -> Self {
        self.pool("web", "listen = \"0.0.0.0:80\"", endpoints)
    }

    pub fn own_zone(mut self, zone: &'static str) -> Self {
        self.own_zone = zone;
        self
    }

    /// Changes what the pool `web` says.
    pub fn rules(mut self, change: impl FnOnce(&mut Pool) + 'static) -> Self {
        self.rules.push(Box::new(change));
        self
    }

    /// Who may have signed endpoints' certificates.
    pub fn authorities(mut self, authorities: impl Into<Authorities>) -> Self {
        self.authorities = authorities.into();
        self
    }

    /// What a predecessor knew.
    pub fn memory(mut self, memory: Vec<EndpointMemory>) -> Self {
        self.memory = Some(memory);
        self
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// What listeners with `tls = true` show.
    pub fn certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// What checks tickets.
    pub fn ticket_key(mut self, key: TicketKey) -> Self {
        self.ticket_key = Some(key);
        self
    }

    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The estate's text so far.
    pub fn toml(&self) -> &str {
        &self.toml
    }

    pub async fn start(self) -> World {
        self.try_start(|_| {}).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// `change` may touch the first estate before it is used.
    pub async fn try_start(self, change: impl FnOnce(&mut Estate)) -> Result<World, BindError> {
        let mut estate = read(&self.toml);
        change(&mut estate);
        let web = estate.pools.iter_mut().find(|pool| pool.name.as_str() == "web");
        if let Some(web) = web {
            self.rules.into_iter().for_each(|rule| rule(web));
        }
        let activity = Arc::new(Activity::default());
        let config = BalancerConfig {
            address: Some("127.0.0.1".parse().unwrap()),
            drain: self.drain,
            workers: NonZeroUsize::new(self.workers).unwrap(),
            limits: self.limits,
            certificates: self.certificates,
            ticket_key: self.ticket_key,
            endpoint_authorities: self.authorities,
            memory: self.memory,
            ..BalancerConfig::new(
                NodeId::new("test").unwrap(),
                Some(ZoneId::new(self.own_zone).unwrap()),
                Clock::system(),
                activity.clone(),
            )
        };
        let estate = Arc::new(estate);
        let mut state = Intended { number: 0, verdicts: unknown(&estate), estate, intent: Intent::default() };
        let (snapshots, receiver) = watch::channel(Some(state.snapshot()));
        let bound = bind(config, receiver).await?;
        let (stop, stopped) = watch::channel(false);
        let (in_force, listeners, memories) = (bound.in_force(), bound.listeners(), bound.memories());
        let running = tokio::spawn(bound.run(stopped));
        Ok(World { state, snapshots, in_force, listeners, memories, activity, stop, running: Some(running) })
    }
}

struct Intended {
    number: u64,
    estate: Arc<Estate>,
    intent: Intent,
    verdicts: Verdicts,
}

impl Intended {
    fn snapshot(&mut self) -> Arc<Snapshot> {
        self.number += 1;
        Arc::new(Snapshot::build(
            self.number,
            Timestamp(1_000),
            Arc::new(self.intent.clone()),
            self.estate.clone(),
            Vec::new(),
            self.verdicts.clone(),
        ))
    }
}

/// A running balancer.
pub struct World {
    state: Intended,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    in_force: watch::Receiver<u64>,
    listeners: watch::Receiver<Vec<ListenerView>>,
    memories: Memories,
    activity: Arc<Activity>,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
}

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Reads an estate; listeners on ports below 100 get any free port, those on 81 share one.
fn read(toml: &str) -> Estate {
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    let mut estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let shared = free_port();
    for listen in estate.pools.iter_mut().filter_map(|pool| pool.listen.as_mut()) {
        if listen.port() == 81 {
            listen.set_port(shared);
        } else if listen.port() < 100 {
            listen.set_port(0);
        }
    }
    estate
}

fn unknown(estate: &Estate) -> Verdicts {
    Verdicts::unknown(estate.subject_count())
}

impl World {
    /// Where the pool `web` listens.
    pub fn web(&self) -> SocketAddr {
        self.listener("web").state.expect("web listens")
    }

    pub fn listener(&self, pool: &str) -> ListenerView {
        self.listeners
            .borrow()
            .iter()
            .find(|view| view.pool.as_str() == pool)
            .expect("there is such a listener")
            .clone()
    }

    pub fn listeners(&self) -> Vec<ListenerView> {
        self.listeners.borrow().clone()
    }

    /// What the balancer knows of its endpoints.
    pub fn memory(&self) -> Vec<EndpointMemory> {
        self.memories.read()
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone().expect("there is always one")
    }

    /// Publishes a new snapshot and waits until it is in force.
    pub async fn publish(&mut self) {
        let snapshot = self.state.snapshot();
        let number = snapshot.number;
        self.snapshots.send_replace(Some(snapshot));
        within("the snapshot to be in force", self.in_force.wait_for(|now| *now >= number)).await.unwrap();
    }

    /// Shifts everything out of these zones and no others.
    pub async fn shift(&mut self, zones: &[&str]) {
        self.shift_over(zones, &[]).await;
    }

    /// The same with these pools' floors set aside.
    pub async fn shift_over(&mut self, zones: &[&str], floors: &[&str]) {
        let shift = |zone: &&str| Shift {
            id: ShiftId::new(&format!("shift-{zone}")).unwrap(),
            zone: ZoneId::new(zone).unwrap(),
            scope: Scope::Everything,
            reason: "test".to_owned(),
            by: Operator::new("test"),
            started_at: Timestamp(0),
            ends_at: Timestamp(1 << 40),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides: floors.iter().map(|pool| pool.parse().unwrap()).collect(),
            revision: Revision(1),
        };
        self.state.intent.shifts = zones.iter().map(shift).collect();
        self.publish().await;
    }

    /// The quorum's word on the endpoint at this address.
    pub async fn judge(&mut self, address: SocketAddr, verdict: Verdict) {
        let estate = self.state.estate.clone();
        for (at, found) in estate.endpoint_refs().enumerate() {
            if estate.endpoint(found).address == address {
                self.state.verdicts.of[at] = verdict;
            }
        }
        self.publish().await;
    }

    /// Changes to another estate.
    pub async fn change_estate(&mut self, toml: &str, change: impl FnOnce(&mut Estate)) {
        let mut estate = read(toml);
        change(&mut estate);
        self.state.verdicts = self.state.verdicts.carried_over(&self.state.estate, &estate);
        self.state.estate = Arc::new(estate);
        self.publish().await;
    }

    /// The figures of pool `web` in a zone.
    pub fn activity(&self, zone: &str) -> ZoneActivityReport {
        let all = self.activity.report();
        let found =
            all.into_iter().find(|report| report.pool.as_str() == "web" && report.zone.as_str() == zone);
        found.expect("the zone was used")
    }

    /// Waits until a zone has as many open endpoint connections.
    pub async fn until_open_connections(&self, zone: &str, count: u64) {
        until("connections are open or closed", || async { self.activity(zone).open_connections == count })
            .await;
    }

    /// Begins the balancer's end; the handle ends with it.
    pub fn stop(&mut self) -> JoinHandle<()> {
        self.stop.send_replace(true);
        self.running.take().expect("it is stopped once")
    }
}
