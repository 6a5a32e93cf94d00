//! Closing sources: looks at stores outside, and has the ledger do what `hf-closing` says.
//!
//! 1. Of several control nodes one looks and acts ([`teller`](crate::teller)). It does while it knows what it looks at: its ledger is read and not
//!    behind, and its snapshot has the estate in force. Otherwise it forgets what it saw; what is in force stays in the ledger.
//! 2. Every zone of every source is looked at by itself, all its stores at once; one that hangs holds up nobody else. At most [`LOOKS`] stores
//!    are asked at a time, further ones wait.
//! 3. What the ledger refuses is told once for each reason: in the journal, by a notice, and for as long as it is so in the status. It is tried
//!    again at each look, on a copy of the state ([`Control::rehearse`]), and asked for anew when the answer is another one.
//! 4. What the ledger does not answer is asked for again under the same request id.
//! 5. The journal has a line when a zone's finding changes; one without a quorum at most each [`UNDECIDED_TOLD`].
//!
//! Not here: the stores (`hf-stores`), the decision (`hf-closing`), its words (`shown`), one zone of one source (`target`).

mod shown;
mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_config::estate::Estate;
use hf_model::{SourceName, ZoneId};
use hf_snapshot::Snapshot;
use hf_stores::Store;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::target::{Line, Target, Watched};
use crate::api::Context;
use crate::control::Control;
use crate::teller::is_teller;

pub(crate) use shown::shown;

/// Stores that are asked at a time.
const LOOKS: usize = 256;

/// Between two lines about a zone without a quorum: a store that comes and goes must not fill the journal.
const UNDECIDED_TOLD: Duration = Duration::from_mins(1);

/// One zone of one source.
type Key = (SourceName, ZoneId);

/// What the newest looks came to, for the API and metrics.
#[derive(Debug, Default)]
pub(crate) struct Closing(Mutex<Told>);

#[derive(Clone, Debug, Default)]
struct Told {
    acts_here: bool,
    /// Empty where another node looks.
    lines: Arc<BTreeMap<Key, Line>>,
    /// Looks at stores that came to silence, by source, since this process began.
    silent: BTreeMap<SourceName, u64>,
}

impl Closing {
    /// Whether this node looks and acts.
    pub(crate) fn acts_here(&self) -> bool {
        self.with(|told| told.acts_here)
    }

    /// How every zone of every source stands; empty where another node looks.
    pub(crate) fn lines(&self) -> Arc<BTreeMap<Key, Line>> {
        self.with(|told| told.lines.clone())
    }

    /// Looks that came to silence, by source.
    pub(crate) fn silent(&self) -> BTreeMap<SourceName, u64> {
        self.with(|told| told.silent.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks and acts until a stop is announced.
pub(crate) async fn run(context: &Context, told: &Closing, mut shutdown: watch::Receiver<bool>) {
    let Some(control) = context.control.clone() else { return stopped(&mut shutdown).await };
    let mut looker = Looker::new(context, told, control);
    loop {
        looker.prepare();
        looker.begin_due();
        let wake_at = looker.wake_at();
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            Some(done) = looker.looks.join_next() => {
                if let Ok(done) = done {
                    looker.take(done).await;
                }
            }
            () = sleep_until(wake_at) => {}
        }
    }
}

/// What one control node keeps between looks.
struct Looker<'a> {
    context: &'a Context,
    told: &'a Closing,
    control: Control,
    targets: BTreeMap<Key, Target>,
    /// The estate that the targets are of; none where another node looks.
    watched: Option<Arc<Snapshot>>,
    /// The stores of the newest estate that was watched. They outlast a loss of the role and an edit: what hangs in one is bounded by it.
    stores: BTreeMap<Key, Vec<Arc<Store>>>,
    looks: JoinSet<Looked>,
    room: Arc<Semaphore>,
    /// Distinguishes targets of one key, so that a look at what is not watched any more is not taken for one at what is.
    made: u64,
}

/// All looks at one zone's stores.
struct Looked {
    key: Key,
    made: u64,
    looks: Vec<hf_stores::Look>,
}

impl<'a> Looker<'a> {
    fn new(context: &'a Context, told: &'a Closing, control: Control) -> Looker<'a> {
        let room = Arc::new(Semaphore::new(LOOKS));
        Looker {
            context,
            told,
            control,
            targets: BTreeMap::new(),
            watched: None,
            stores: BTreeMap::new(),
            looks: JoinSet::new(),
            room,
            made: 0,
        }
    }

    /// Goes by the estate that is in force, or forgets all.
    fn prepare(&mut self) {
        let acts_here = is_teller(self.context) && self.control.is_read() && self.control.behind().is_none();
        let snapshot = self.context.snapshot().filter(|_| acts_here);
        let in_force = self.control.intent().borrow().estate_revision;
        match snapshot {
            Some(snapshot) if snapshot.intent.estate_revision == in_force => {
                if self.watched.as_ref().is_none_or(|watched| !Arc::ptr_eq(watched, &snapshot)) {
                    self.watch(&snapshot.estate);
                    self.watched = Some(snapshot);
                    self.tell_all();
                }
            }
            // The planes are about to take the estate up: what is watched stays so for the moment.
            Some(_) => {}
            None => {
                if self.watched.take().is_some() {
                    self.looks.abort_all();
                    self.targets.clear();
                    self.tell_all();
                }
            }
        }
        self.told.with(|told| told.acts_here = acts_here);
    }

    /// Begins with what is new, ends with what the estate does not have any more.
    fn watch(&mut self, estate: &Estate) {
        let mut wanted = BTreeMap::new();
        for source in &estate.closing_sources {
            for zone in &source.zones {
                let watched = Watched::of(estate, source, zone);
                wanted.insert((source.name.clone(), watched.zone.clone()), watched);
            }
        }
        self.targets.retain(|key, target| wanted.get(key) == Some(&target.watched));
        let mut before = std::mem::take(&mut self.stores);
        for (key, watched) in wanted {
            let old = before.remove(&key).unwrap_or_default();
            let stores: Vec<_> = (watched.places.iter())
                .map(|place| {
                    let known = old.iter().find(|store| store.place() == place).cloned();
                    known.unwrap_or_else(|| Arc::new(Store::new(place.clone(), &self.context.stores_config)))
                })
                .collect();
            self.stores.insert(key.clone(), stores.clone());
            let made = &mut self.made;
            self.targets.entry(key).or_insert_with(|| {
                *made += 1;
                Target::new(watched, *made, stores)
            });
        }
    }

    /// Begins every look that is due.
    fn begin_due(&mut self) {
        let (now, stamp) = (Instant::now(), self.context.clock.now());
        for (key, target) in &mut self.targets {
            if target.is_under_way || now < target.next_at {
                continue;
            }
            target.is_under_way = true;
            target.next_at = now + target.watched.every;
            let (stores, within, room) = (target.stores.clone(), target.watched.within, self.room.clone());
            let (key, made) = (key.clone(), target.made);
            self.looks.spawn(async move {
                let mut all = JoinSet::new();
                for (at, store) in stores.iter().cloned().enumerate() {
                    let room = room.clone();
                    all.spawn(async move {
                        let _place = room.acquire().await; // never closed
                        (at, store.look(within, stamp).await)
                    });
                }
                let failed =
                    || hf_stores::Look::Silent { why: "the look at it failed; see the log".to_owned() };
                let mut looks: Vec<_> = stores.iter().map(|_| failed()).collect();
                while let Some(done) = all.join_next().await {
                    if let Ok((at, look)) = done {
                        looks[at] = look;
                    }
                }
                Looked { key, made, looks }
            });
        }
    }

    /// The next look, or the next time to see whether this node is still the one.
    fn wake_at(&self) -> Instant {
        let waiting = self.targets.values().filter(|target| !target.is_under_way);
        let soonest = waiting.map(|target| target.next_at).min();
        let beat = Instant::now() + self.context.beat;
        soonest.map_or(beat, |next| next.min(beat))
    }

    /// Takes what a zone's stores said, and acts.
    async fn take(&mut self, done: Looked) {
        self.prepare(); // much may have happened since the look began
        let Looked { key, made, looks } = done;
        let Some(target) = self.targets.get_mut(&key).filter(|target| target.made == made) else { return };
        target.is_under_way = false;
        let silent =
            looks.iter().filter(|look| matches!(look, hf_stores::Look::Silent { .. })).count() as u64;
        self.told.with(|told| *told.silent.entry(key.0.clone()).or_default() += silent);
        target.judge(self.context, &self.control, looks).await;
        let line = target.line.clone();
        self.told.with(|told| {
            Arc::make_mut(&mut told.lines).insert(key, line);
        });
    }

    fn tell_all(&self) {
        let lines = self.targets.iter().map(|(key, target)| (key.clone(), target.line.clone()));
        let lines = Arc::new(lines.collect());
        self.told.with(|told| told.lines = lines);
    }
}

#[cfg(test)]
mod tests;
