//! Endpoint sources: one control node asks them, and commits what they tell to the ledger.
//!
//! 1. Of several control nodes one does it: the first by name of those that are heard (as `expiring`). The others look at nothing and
//!    send registrations on. Two may while they cannot hear each other; both commit what the same sources tell.
//! 2. A set goes into the ledger only when it changed, all pools in one entry, and at most one entry a second.
//! 3. What is broken changes nothing: a source that does not answer, a node whose ledger does not take changes, a snapshot that is behind
//!    the estate. It is told: in the log once, in this node's report, and beside the endpoints.
//! 4. The folder of a source is below the node's own folder for endpoints, whatever the estate says.
//!
//! Not here: what a set becomes (`hf_control::sources`), who may register (`permit`).

mod directory;
mod dns;
mod leases;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_config::estate::{EndpointId, EndpointSet, Estate, Pool, SourceKind};
use hf_config::node::{Role, SourcesConfig};
use hf_control::sources::{Next, Told, next_set};
use hf_control::{Command, Intent, Outcome};
use hf_model::{Operator, PoolName, RequestId, Timestamp};
use tokio::sync::watch as tokio_watch;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use self::directory::Directory;
use self::dns::{AddressWatcher, Resolver, SrvWatcher};
use self::leases::Leases;
use self::watch::{Found, Watch, Watcher, Word};
use crate::api::Context;
use crate::control::Control;
use crate::traffic::is_stale;

pub use self::leases::{LEASE_MAX, LEASE_MIN, NotRegistered, Registered};

/// Between two entries, and between two looks at leases.
const PACE: Duration = Duration::from_secs(1);
/// Without a turn for so long, this node was away: leases begin anew.
const GAP: Duration = Duration::from_secs(5);
/// Characters of a pool's problem.
const PROBLEM_CHARS: usize = 500;

/// What the runner and the API share.
#[derive(Debug, Default)]
pub struct Sources {
    leases: Mutex<Leases>,
    stands: tokio_watch::Sender<Arc<Stands>>,
    problem: tokio_watch::Sender<Option<String>>,
}

/// How all sources stand.
pub type Stands = BTreeMap<PoolName, Stand>;

/// How the source of one pool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// When it last told something that could be used, by this node's clock.
    pub told_at: Option<Timestamp>,
    /// What is wrong, or was left out.
    pub problem: Option<String>,
    /// Whether the endpoints in force are those of an earlier time.
    pub is_stale: bool,
}

impl Sources {
    /// How sources stand, on the node that asks them; nothing on others.
    pub fn stands(&self) -> Arc<Stands> {
        self.stands.borrow().clone()
    }

    /// What is wrong with sources, for the node's report.
    pub fn problem(&self) -> tokio_watch::Receiver<Option<String>> {
        self.problem.subscribe()
    }

    /// Whether this node keeps registrations.
    pub fn keeps_leases(&self) -> bool {
        self.leases().are_kept()
    }

    /// Takes a registration or renewal. What changed is in the ledger within a second or two: see [`Control::intent`].
    pub fn register(&self, pool: &PoolName, told: Told, max: usize) -> Result<Registered, NotRegistered> {
        self.leases().register(pool, told, max, Instant::now())
    }

    /// Takes a registration away; whether it was there.
    pub fn deregister(&self, pool: &PoolName, id: &EndpointId) -> bool {
        self.leases().deregister(pool, id)
    }

    /// What is left of a lease.
    pub fn left(&self, pool: &PoolName, id: &EndpointId) -> Option<Duration> {
        self.leases().left(pool, id, Instant::now())
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        // Every change of it is whole before anything can panic.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks sources and commits what they tell, until a stop is announced.
pub async fn run(context: &Context, sources: &Sources, mut shutdown: tokio_watch::Receiver<bool>) {
    let Some(control) = context.control.clone() else { return stopped(&mut shutdown).await };
    let mut runner = Runner { context, sources, watches: BTreeMap::new(), turned: None, could_write: false };
    loop {
        let began = Instant::now();
        runner.turn(&control).await;
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = sleep_until(began + PACE) => {}
        }
    }
}

struct Runner<'a> {
    context: &'a Context,
    sources: &'a Sources,
    /// With what each was started for.
    watches: BTreeMap<PoolName, (SourceKind, Duration, Watch)>,
    turned: Option<Instant>,
    could_write: bool,
}

impl Runner<'_> {
    async fn turn(&mut self, control: &Control) {
        let now = Instant::now();
        let had_gap = self.turned.is_some_and(|turned| now.duration_since(turned) > GAP);
        self.turned = Some(now);
        let is_open = control.is_read() && control.behind().is_none();
        if !is_keeper(self.context) || !is_open {
            self.could_write = false;
            self.watches.clear();
            self.sources.leases().let_go();
            self.tell(Stands::new());
            return;
        }
        let Some(snapshot) = self.context.snapshot() else { return };
        let (intent, estate) = (control.intent().borrow().clone(), &snapshot.estate);
        if snapshot.intent.estate_revision != intent.estate_revision || intent.estate_revision.0 == 0 {
            return; // the planes are about to take the estate up
        }
        self.keep_leases(estate, &intent, had_gap || !self.could_write, now);
        self.watch(estate);
        let (mut changed, mut stands) = (Vec::new(), Stands::new());
        let before_stands = self.sources.stands();
        for pool in &estate.pools {
            let Some(source) = &pool.source else { continue };
            let before = intent.sets.iter().find(|set| set.pool == pool.name);
            let mut stand = before_stands.get(&pool.name).cloned().unwrap_or_default();
            match self.word(pool, now) {
                None => {}
                Some(Err(problem)) => {
                    stand.is_stale = before.is_some();
                    let stays = if before.is_some() { "; the endpoints of before stay" } else { "" };
                    stand.problem = Some(shorten(&format!("its source `{}`: {problem}{stays}", source.kind)));
                }
                Some(Ok(Found { told, problem })) => {
                    let Some(Next { set, mut remarks }) = next_set(estate, pool, before, &told) else {
                        continue;
                    };
                    remarks.extend(problem);
                    stand.is_stale = !remarks.is_empty() && told.is_empty() && before.is_some();
                    stand.told_at = Some(self.context.clock.now());
                    stand.problem = (!remarks.is_empty()).then(|| shorten(&remarks.join("; ")));
                    if before != Some(&set) && !(before.is_none() && set.endpoints.is_empty()) {
                        changed.push(set);
                    }
                }
            }
            stands.insert(pool.name.clone(), stand);
        }
        self.could_write = commit(control, changed, &mut stands).await;
        self.tell(stands);
    }

    /// Registrations of the pools that let services register.
    fn keep_leases(&self, estate: &Estate, intent: &Intent, had_gap: bool, now: Instant) {
        let is_registered = |set: &&EndpointSet| {
            let pool = estate.pool_named(&set.pool).map(|pool| estate.pool(pool));
            let source = pool.and_then(|pool| pool.source.as_ref());
            source.is_some_and(|source| source.kind == SourceKind::Register)
                && set.source == SourceKind::Register.to_string()
        };
        let sets: Vec<&EndpointSet> = intent.sets.iter().filter(is_registered).collect();
        let pools: BTreeSet<&PoolName> = registering(estate).map(|pool| &pool.name).collect();
        self.sources.leases().keep(&sets, &pools, had_gap, now);
    }

    /// Starts what is new, ends what the estate does not have any more.
    fn watch(&mut self, estate: &Estate) {
        let wanted = |name: &PoolName| {
            let pool = estate.pool(estate.pool_named(name)?);
            pool.source.as_ref().map(|source| (&source.kind, source.refresh))
        };
        self.watches.retain(|name, (kind, pace, _)| wanted(name) == Some((kind, *pace)));
        for pool in &estate.pools {
            let Some(source) = pool.source.as_ref().filter(|_| !self.watches.contains_key(&pool.name)) else {
                continue;
            };
            if let Some(watcher) = watcher(&source.kind, &self.context.sources_config) {
                let watch = Watch::start(watcher, source.refresh);
                self.watches.insert(pool.name.clone(), (source.kind.clone(), source.refresh, watch));
            }
        }
    }

    /// The newest word of a pool's source; none while it has not been asked yet.
    fn word(&self, pool: &Pool, now: Instant) -> Option<Word> {
        if pool.source.as_ref()?.kind == SourceKind::Register {
            let (told, problem) = self.sources.leases().told(&pool.name, now);
            return Some(Ok(Found { told, problem }));
        }
        let (_, _, watch) = self.watches.get(&pool.name)?;
        watch.word.borrow().clone()
    }

    /// Says what changed, once.
    fn tell(&self, stands: Stands) {
        let before = self.sources.stands();
        for (pool, stand) in &stands {
            let was = before.get(pool).and_then(|stand| stand.problem.as_ref());
            match (&stand.problem, was) {
                (Some(problem), was) if was != Some(problem) => warn!(%pool, "{problem}"),
                (None, Some(_)) => info!(%pool, "its endpoint source is well again"),
                _ => {}
            }
        }
        let problems: Vec<String> = stands
            .iter()
            .filter_map(|(pool, stand)| {
                Some(format!("endpoints of pool/{pool}: {}", stand.problem.as_ref()?))
            })
            .collect();
        let problem = (!problems.is_empty()).then(|| problems.join("\n"));
        self.sources.problem.send_if_modified(|known| {
            let is_news = *known != problem;
            *known = problem;
            is_news
        });
        self.sources.stands.send_if_modified(|known| {
            let is_news = **known != stands;
            *known = Arc::new(stands);
            is_news
        });
    }
}

/// The pools that let services register.
fn registering(estate: &Estate) -> impl Iterator<Item = &Pool> {
    let is_one =
        |pool: &&Pool| pool.source.as_ref().is_some_and(|source| source.kind == SourceKind::Register);
    estate.pools.iter().filter(is_one)
}

/// Whether this node is the first by name of those with the control role that are heard.
pub fn is_keeper(context: &Context) -> bool {
    keeper(context).is_none_or(|first| first >= context.node)
}

/// The first by name of the nodes with the control role that are heard.
pub fn keeper(context: &Context) -> Option<hf_model::NodeId> {
    let now = context.clock.now();
    let reports = context.reports.borrow();
    let heard = reports.values().filter(|heard| {
        heard.report.roles.contains(&Role::Control) && !is_stale(heard.received_at, now, context.beat)
    });
    heard.map(|heard| &heard.report.node).min().cloned()
}

fn watcher(kind: &SourceKind, config: &SourcesConfig) -> Option<Box<dyn Watcher>> {
    let resolver = Resolver { servers: config.resolvers.clone() };
    match kind {
        SourceKind::Srv { name } => Some(Box::new(SrvWatcher::new(resolver, name.clone()))),
        SourceKind::Address { name, port } => {
            Some(Box::new(AddressWatcher::new(resolver, name.clone(), *port)))
        }
        SourceKind::Directory { name } => {
            let folder: PathBuf = config.directory.join(name);
            Some(Box::new(Directory::new(folder)))
        }
        SourceKind::Register => None,
    }
}

/// Commits sets; whether the ledger took changes, or would have.
async fn commit(control: &Control, changed: Vec<EndpointSet>, stands: &mut Stands) -> bool {
    let mut could_write = true;
    for batch in changed.chunks(Command::ENDPOINT_SETS) {
        match submit(control, batch.to_vec()).await {
            Ok(None) => {}
            Err(problem) => {
                could_write = false;
                for set in batch {
                    note(stands, set, &problem);
                }
            }
            // One of them is in the way of the others: each by itself.
            Ok(Some(_)) => {
                for set in batch {
                    match submit(control, vec![set.clone()]).await {
                        Ok(None) => {}
                        Ok(Some(refused)) => note(stands, set, &refused),
                        Err(problem) => {
                            could_write = false;
                            note(stands, set, &problem);
                        }
                    }
                }
            }
        }
    }
    could_write
}

fn note(stands: &mut Stands, set: &EndpointSet, problem: &str) {
    let stand = stands.entry(set.pool.clone()).or_default();
    stand.is_stale = true;
    stand.problem = Some(shorten(&format!("what its source tells is not in the ledger: {problem}")));
}

/// Why it was refused, if it was.
async fn submit(control: &Control, sets: Vec<EndpointSet>) -> Result<Option<String>, String> {
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    let request = RequestId::new(&format!("sources-{number:032x}")).expect("letters, a hyphen and digits");
    match control.submit(Operator::new("holdfast"), request, Command::SetEndpoints { sets }).await {
        Ok(Outcome::Done { .. }) => Ok(None),
        Ok(Outcome::Refused(refusal)) => Ok(Some(refusal.to_string())),
        Err(error) => Err(error.to_string()),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(PROBLEM_CHARS).collect()
}
