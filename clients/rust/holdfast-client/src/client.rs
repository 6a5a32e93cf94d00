//! The client: its tasks, and what a program holds of it.
//!
//! 1. One task decides: it lays together what the endpoints' voices say whenever one speaks or falls silent, and publishes what is new.
//! 2. The first endpoint that speaks after none did does not decide alone at once: the others have [`SETTLE`] to speak, unless it is certain before.
//! 3. Callbacks are told differences, by a task of their own: a slow one sees the newest state, never a queue of old ones.
//! 4. The state file follows what is decided; a write that fails is told and tried again, nothing waits for it.
//! 5. Everything ends with the last [`Holdfast`], [`Gate`](crate::Gate) or [`Router`](crate::Router) of it.
//!
//! Not here: endpoints (`link`), the majority (`quorum`).

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::disk;
use crate::http::Caller;
use crate::link::{Link, Said, Voices};
use crate::quorum::{Origin, Zones, is_certain, lay_together};
use crate::settings::{Builder, Checked, OnZone, StartError};
use crate::wire::{RUNNING_ZONES, State, Table, ZoneStatus};

/// How long the first endpoint that speaks waits for the others.
pub const SETTLE: Duration = Duration::from_secs(2);
/// Between two tries to write the state file.
const SAVE_AGAIN: Duration = Duration::from_secs(30);
/// For a good-bye to all endpoints.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// Knows which zones are closed. Clones are one and the same client.
#[derive(Clone)]
pub struct Holdfast {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub zones: watch::Receiver<Arc<Zones>>,
    running: watch::Sender<BTreeMap<String, u64>>,
    applied: watch::Sender<Option<(String, u64)>>,
    voices: Arc<Voices>,
    urls: Vec<String>,
    links: Vec<Arc<Link>>,
    said: Option<Said>,
    zone: Option<String>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inner {
    fn stop(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Counts what runs in a zone; beyond [`RUNNING_ZONES`] zones, further ones are not counted.
    ///
    /// It is told at once while the zone is away, when people wait for the last work to leave. While it is open, the next acknowledgement tells it:
    /// a worker takes many messages a second.
    pub fn count(&self, zone: &str, change: impl FnOnce(u64) -> u64) {
        self.running.send_if_modified(|running| {
            if running.len() >= RUNNING_ZONES && !running.contains_key(zone) {
                return false;
            }
            let count = running.entry(zone.to_owned()).or_insert(0);
            let before = std::mem::replace(count, change(*count));
            // Looked at here, under the lock: who closes in this moment sees the count, or this sees that it is closed.
            before != *count && !self.zones.borrow().is_open(zone)
        });
    }
}

impl std::fmt::Debug for Holdfast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holdfast").field("endpoints", &self.inner.urls).finish_non_exhaustive()
    }
}

/// How one endpoint is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Its URL.
    pub url: String,
    /// Whether its word counts now.
    pub speaks: bool,
    /// Whether its stream of events is well; else it is polled.
    pub is_pushed: bool,
    /// What went wrong last, while it is not well.
    pub trouble: Option<String>,
}

impl Builder {
    /// Starts the client; reads the state file first. Whatever is wrong with that file is told to `on_trouble` and the start is from nothing.
    ///
    /// # Errors
    ///
    /// [`StartError`]: a setting that cannot work, or no tokio runtime here.
    pub fn start(self) -> Result<Holdfast, StartError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Checked { endpoints, tls, pace, consumer } = self.check()?;
        let urls: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
        let voices = Arc::new(Voices::new(urls.len(), pace.heartbeat, self.on_trouble.clone()));
        let resource = self.resource.clone().unwrap_or_else(|| "everything".to_owned());
        let loaded = self.state_file.as_deref().map_or(Ok(None), |path| disk::load(path, &resource));
        let loaded = loaded.unwrap_or_else(|error| {
            voices.tell(with_cause(&error));
            None
        });
        let first = loaded.unwrap_or_default().with_voices(0, urls.len());
        let (publish, zones) = watch::channel(Arc::new(first));
        let (applied, running) = (watch::Sender::new(None), watch::Sender::new(BTreeMap::new()));
        let said = consumer.clone().map(|consumer| Said {
            consumer,
            applied: applied.subscribe(),
            running: running.subscribe(),
            zones: zones.clone(),
        });

        let query = crate::wire::query(self.resource.as_deref(), consumer.as_ref());
        let link = |(at, endpoint)| {
            let caller = Caller::new(endpoint, tls.clone(), pace.patience);
            Arc::new(Link::new(at, caller, query.clone(), pace, voices.clone()))
        };
        let links: Vec<Arc<Link>> = endpoints.into_iter().enumerate().map(link).collect();
        let mut tasks = Vec::new();
        let mut spawn = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            tasks.push(runtime.spawn(task).abort_handle());
        };
        for link in &links {
            spawn(Box::pin(link.clone().listen()));
            spawn(Box::pin(link.clone().poll()));
            if let Some(said) = &said {
                spawn(Box::pin(link.clone().acknowledge(said.clone())));
            }
        }
        spawn(Box::pin(decide(voices.clone(), publish, self.needed)));
        let teller = Teller {
            on_close: self.on_close,
            on_open: self.on_open,
            applied: (!self.is_acknowledged_by_hand).then(|| applied.clone()),
            voices: voices.clone(),
        };
        spawn(Box::pin(teller.run(zones.clone())));
        if let Some(path) = self.state_file {
            spawn(Box::pin(save(path, resource, zones.clone(), voices.clone())));
        }
        let inner = Inner {
            zones,
            running,
            applied,
            voices,
            urls,
            links,
            said,
            zone: self.zone,
            tasks: Mutex::new(tasks),
        };
        Ok(Holdfast { inner: Arc::new(inner) })
    }

    /// Asks every endpoint once and gives what they make together, without anything that goes on: for checks that run now and then.
    ///
    /// What was last comes from the state file, and what is found is written into it. Nobody reached: [`Zones::speaking`] is 0, and the zones are
    /// those of the file.
    ///
    /// # Errors
    ///
    /// [`StartError`]: a setting that cannot work.
    pub async fn ask_once(self) -> Result<Zones, StartError> {
        let Checked { endpoints, tls, pace, .. } = self.check()?;
        let voices = Arc::new(Voices::new(endpoints.len(), pace.heartbeat, self.on_trouble.clone()));
        let resource = self.resource.clone().unwrap_or_else(|| "everything".to_owned());
        let loaded = self.state_file.as_deref().map_or(Ok(None), |path| disk::load(path, &resource));
        let last = loaded.unwrap_or_else(|error| {
            voices.tell(with_cause(&error));
            None
        });
        // Who asks once and goes is no consumer that could fall silent: it says no name.
        let query = crate::wire::query(self.resource.as_deref(), None);
        let mut asked = JoinSet::new();
        for (at, endpoint) in endpoints.into_iter().enumerate() {
            let caller = Caller::new(endpoint, tls.clone(), pace.patience);
            let link = Link::new(at, caller, query.clone(), pace, voices.clone());
            asked.spawn(async move { drop(link.poll_once().await) });
        }
        asked.join_all().await;
        let now = Instant::now();
        let tables: Vec<Option<Arc<Table>>> =
            voices.with(|voices| voices.iter().map(|voice| voice.speaks(now).cloned()).collect());
        let tables: Vec<Option<&Table>> = tables.iter().map(Option::as_deref).collect();
        let zones = lay_together(&last.unwrap_or_default(), &tables, self.needed);
        if let (Some(path), 1..) = (self.state_file, zones.speaking()) {
            let saved = disk::save(&path, &resource, &zones, now_ms());
            saved.unwrap_or_else(|error| voices.tell(with_cause(&error)));
        }
        Ok(zones)
    }
}

impl Holdfast {
    /// Says what a client is to do.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What is known now.
    pub fn zones(&self) -> Arc<Zones> {
        self.inner.zones.borrow().clone()
    }

    /// Whether new work may go to the zone of this id or alias; so it may too while nothing is known of it.
    pub fn is_open(&self, zone: &str) -> bool {
        self.inner.zones.borrow().is_open(zone)
    }

    /// The zone that the builder was told this process runs in.
    pub fn own_zone(&self) -> Option<&str> {
        self.inner.zone.as_deref()
    }

    /// What is known, and each time that it changes: a channel that holds the newest.
    pub fn watch(&self) -> watch::Receiver<Arc<Zones>> {
        self.inner.zones.clone()
    }

    /// Zones that close and open from now on, one after another; those that are away now come first.
    pub fn changes(&self) -> Changes {
        Changes {
            zones: self.inner.zones.clone(),
            told: Told::default(),
            is_begun: false,
            next: VecDeque::new(),
        }
    }

    /// Waits until endpoints have spoken, at most so long; whether they have.
    ///
    /// Worth a few seconds before the first message is taken, where no state file says what was known.
    pub async fn known(&self, at_most: Duration) -> bool {
        let mut zones = self.inner.zones.clone();
        let known = zones.wait_for(|zones| zones.origin() == Origin::Endpoints && zones.speaking() > 0);
        matches!(timeout(at_most, known).await, Ok(Ok(_)))
    }

    /// How each endpoint is doing.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        let now = Instant::now();
        self.inner.voices.with(|voices| {
            let status = |(voice, url): (&mut crate::voice::Voice, &String)| EndpointStatus {
                url: url.clone(),
                speaks: voice.speaks(now).is_some(),
                is_pushed: voice.is_stream_well(),
                trouble: voice.trouble.clone(),
            };
            voices.iter_mut().zip(&self.inner.urls).map(status).collect()
        })
    }

    /// Says what still runs in a zone, for acknowledgements; a [`Gate`](crate::Gate) counts by itself.
    pub fn set_running(&self, zone: &str, count: u64) {
        self.inner.count(zone, |_| count);
    }

    /// Says that this is applied, for a client that is to be acknowledged by hand. Zones that no endpoint tells just so are not acknowledged.
    pub fn applied(&self, zones: &Zones) {
        acknowledge(&self.inner.applied, zones);
    }

    /// Stops, and says good-bye to the endpoints, so that nobody counts this process as silent; at most two seconds. What is known stays as it is.
    pub async fn close(self) {
        self.inner.stop();
        let Some(said) = &self.inner.said else { return };
        let good_bye = said.good_bye();
        let mut words = JoinSet::new();
        for link in &self.inner.links {
            let (link, good_bye) = (link.clone(), good_bye.clone());
            // An endpoint that cannot be told will find out by itself.
            words.spawn(async move {
                let _one = link.saying.lock().await;
                drop(link.say(&good_bye).await);
            });
        }
        drop(timeout(GOOD_BYE, words.join_all()).await);
    }
}

fn acknowledge(applied: &watch::Sender<Option<(String, u64)>>, zones: &Zones) {
    let (Origin::Endpoints, Some(tag), Some(revision)) = (zones.origin(), zones.tag(), zones.revision())
    else {
        return;
    };
    applied.send_if_modified(|applied| {
        let new = Some((tag.to_owned(), revision));
        let is_new = *applied != new;
        *applied = new;
        is_new
    });
}

/// Lays together, for ever.
async fn decide(voices: Arc<Voices>, publish: watch::Sender<Arc<Zones>>, needed: usize) {
    let mut settles_at: Option<Instant> = None;
    let mut is_settled = false;
    loop {
        let now = Instant::now();
        let (tables, silent_at, are_all_tried) = voices.with(|voices| {
            let tables: Vec<Option<Arc<Table>>> =
                voices.iter().map(|voice| voice.speaks(now).cloned()).collect();
            if settles_at.is_none() && tables.iter().any(Option::is_some) {
                // What failed long ago says nothing of now.
                for (voice, table) in voices.iter_mut().zip(&tables) {
                    voice.is_tried = table.is_some();
                }
            }
            let silent_at = voices.iter().filter_map(|voice| voice.until().filter(|at| *at > now)).min();
            (tables, silent_at, voices.iter().all(|voice| voice.is_tried))
        });
        let tables: Vec<Option<&Table>> = tables.iter().map(Option::as_deref).collect();
        if tables.iter().all(Option::is_none) {
            is_settled = false;
            settles_at = None;
        } else if !is_settled {
            let until = *settles_at.get_or_insert(now + SETTLE);
            is_settled = are_all_tried || is_certain(&tables) || now >= until;
        }
        if is_settled || settles_at.is_none() {
            publish.send_if_modified(|last| {
                let zones = lay_together(last, &tables, needed);
                let is_new = zones != **last;
                if is_new {
                    *last = Arc::new(zones);
                }
                is_new
            });
        }
        let wakes = [silent_at, settles_at.filter(|_| !is_settled)].into_iter().flatten().min();
        tokio::select! {
            () = voices.changed.notified() => {}
            () = async { sleep_until(wakes.unwrap_or(now)).await }, if wakes.is_some() => {}
        }
    }
}

/// What was told of zones: those that are away.
#[derive(Debug, Default)]
struct Told {
    away: BTreeMap<String, ZoneStatus>,
}

impl Told {
    /// What is to be told to get from what was told to this: zones that close first, they are urgent.
    fn differences(&mut self, zones: &Zones) -> Vec<ZoneStatus> {
        let away: BTreeMap<String, ZoneStatus> = zones
            .iter()
            .filter(|zone| zone.state == State::Away)
            .map(|zone| (zone.zone.clone(), zone.clone()))
            .collect();
        let closed = away.iter().filter(|(id, _)| !self.away.contains_key(*id));
        let mut differences: Vec<ZoneStatus> = closed.map(|(_, zone)| zone.clone()).collect();
        for (id, was) in self.away.iter().filter(|(id, _)| !away.contains_key(*id)) {
            differences.push(zones.get(id).cloned().unwrap_or_else(|| ZoneStatus {
                state: State::Open,
                reason: "no status endpoint lists the zone any more".to_owned(),
                until_ms: None,
                held: false,
                ..was.clone()
            }));
        }
        self.away = away;
        differences
    }
}

/// Zones that close and open, one after another: see [`Holdfast::changes`].
///
/// A state that was undone before it was taken from here is left out: what comes is the newest.
#[derive(Debug)]
pub struct Changes {
    zones: watch::Receiver<Arc<Zones>>,
    told: Told,
    is_begun: bool,
    next: VecDeque<ZoneStatus>,
}

impl Changes {
    /// The next one; none when the client has ended.
    pub async fn next(&mut self) -> Option<ZoneStatus> {
        loop {
            if let Some(change) = self.next.pop_front() {
                return Some(change);
            }
            if std::mem::replace(&mut self.is_begun, true) {
                self.zones.changed().await.ok()?;
            }
            let zones = self.zones.borrow_and_update().clone();
            self.next.extend(self.told.differences(&zones));
        }
    }
}

/// Calls callbacks.
struct Teller {
    on_close: Option<OnZone>,
    on_open: Option<OnZone>,
    applied: Option<watch::Sender<Option<(String, u64)>>>,
    voices: Arc<Voices>,
}

impl Teller {
    async fn run(self, mut zones: watch::Receiver<Arc<Zones>>) {
        let mut told = Told::default();
        loop {
            let newest = zones.borrow_and_update().clone();
            for zone in told.differences(&newest) {
                let call = match zone.state {
                    State::Away => &self.on_close,
                    State::Open => &self.on_open,
                };
                let Some(call) = call else { continue };
                // A program's mistake in one callback must not make it deaf to the next evacuation.
                if catch_unwind(AssertUnwindSafe(|| call(&zone))).is_err() {
                    self.voices.tell(format!(
                        "the callback for zone {} ({}) panicked; it counts as told",
                        zone.zone,
                        zone.state.word()
                    ));
                }
            }
            if let Some(applied) = &self.applied {
                acknowledge(applied, &newest);
            }
            if zones.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn save(path: PathBuf, resource: String, mut zones: watch::Receiver<Arc<Zones>>, voices: Arc<Voices>) {
    let mut saved: Option<Arc<Zones>> = None;
    let mut is_told = false;
    loop {
        let newest = zones.borrow_and_update().clone();
        let is_new = newest.origin() == Origin::Endpoints
            && saved.as_ref().is_none_or(|saved| !saved.says_the_same(&newest));
        let mut again = None;
        if is_new {
            let (path, resource, zones) = (path.clone(), resource.clone(), newest.clone());
            let work = tokio::task::spawn_blocking(move || disk::save(&path, &resource, &zones, now_ms()));
            match work.await {
                Ok(Ok(())) => {
                    saved = Some(newest);
                    is_told = false;
                }
                Ok(Err(error)) => {
                    again = Some(SAVE_AGAIN);
                    if !std::mem::replace(&mut is_told, true) {
                        voices.tell(with_cause(&error));
                    }
                }
                Err(_) => return, // the runtime is going
            }
        }
        tokio::select! {
            done = zones.changed() => if done.is_err() { return },
            () = async { sleep(again.unwrap_or_default()).await }, if again.is_some() => {}
        }
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}

/// Milliseconds since 1970 UTC, for people who look into the state file and for `Retry-After`.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
