//! The tables that are told: one for everything, one for each resource that somebody asks about.
//!
//! 1. A new snapshot is first told of everything. Of the resources it makes anew those that somebody watches or waits for, some
//!    [`ZONES_TOGETHER`] zones at a time, between which others have their turn; the rest is dropped and made when it is asked for again. Whoever
//!    asks for one that is not made anew yet has it made at once. Watchers cost nothing here, however many: a snapshot costs resources times zones.
//! 2. So many are kept as the limits say. At the bound the one goes that nobody watches and that was asked for longest ago; if all are watched, a
//!    poll is answered without keeping, and a watcher of a further resource is refused.
//! 3. A resource that leaves the estate while somebody watches it has an empty table from then on; for who asks then it is unknown.
//!
//! Not here: who is told (`watchers`), what a table says (`table`).

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use hf_consumers::Acts;
use hf_control::Scope;
use hf_model::{Digest, Revision, Timestamp};
use hf_snapshot::Snapshot;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::compiled::{Compiled, Transport};
use crate::table::{Names, Table, Unknown};
use crate::tag::Tag;

/// Zones of tables that are made anew before others have their turn: a millisecond, or less.
const ZONES_TOGETHER: usize = 256;

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTable {
    /// Nothing is known yet.
    #[error("this node has no snapshot yet; wait until it has heard a node with the control role")]
    NotReady,
    /// The estate has no such thing.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Too many others are watched.
    #[error(
        "{0} different resources are watched here, the most there may be; watch another node, or everything"
    )]
    Busy(usize),
}

/// How long a table is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// For one answer.
    Once,
    /// As long as somebody holds it.
    ForLonger,
}

/// The newest table of one resource, and who wants to hear of the next one.
#[derive(Debug)]
pub struct Channel {
    scope: Scope,
    /// Its own; none of everything.
    number: Option<u64>,
    /// Of which snapshot its table is, as they are counted here.
    made_of: Cell<u64>,
    /// When it was asked for last, as questions are counted here.
    asked: Cell<u64>,
    /// When it last said something new; none if it never did.
    changed_at: Cell<Option<Instant>>,
    /// The estate has it; it may leave while somebody watches it.
    is_there: Cell<bool>,
    newest: RefCell<Rc<Compiled>>,
    beats: RefCell<Beats>,
    /// Told with each table that says something new.
    pub changed: Notify,
}

/// Beats that were made, so that all who are due together share one.
#[derive(Debug, Default)]
struct Beats {
    /// When, and of which table.
    of: Option<(u64, Tag, u64)>,
    made: [Option<Bytes>; 2],
}

impl Channel {
    fn new(scope: Scope, number: Option<u64>, made_of: u64, table: &Table) -> Channel {
        Channel {
            scope,
            number,
            made_of: Cell::new(made_of),
            asked: Cell::default(),
            changed_at: Cell::default(),
            is_there: Cell::new(true),
            newest: RefCell::new(Rc::new(Compiled::of(table))),
            beats: RefCell::default(),
            changed: Notify::new(),
        }
    }

    /// It; not for one who asks anew after it left the estate, whoever else still watches it.
    fn if_there(self: &Rc<Self>) -> Result<Rc<Channel>, NoTable> {
        if self.is_there.get() { Ok(self.clone()) } else { Err(Unknown::Resource(self.scope.clone()).into()) }
    }

    /// Which resource it is of; none: of everything.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// When it last said something new; none if it never did.
    pub fn changed_at(&self) -> Option<Instant> {
        self.changed_at.get()
    }

    /// What the newest table is called.
    pub fn tag(&self) -> Tag {
        self.newest.borrow().tag
    }

    /// The newest table.
    pub fn newest(&self) -> Rc<Compiled> {
        self.newest.borrow().clone()
    }

    /// The beat of this tick.
    pub fn beat(&self, tick: u64, transport: Transport, now: Timestamp) -> Bytes {
        let newest = self.newest();
        let mut beats = self.beats.borrow_mut();
        let of = Some((tick, newest.tag, newest.revision));
        if beats.of != of {
            *beats = Beats { of, made: [None, None] };
        }
        beats.made[transport as usize].get_or_insert_with(|| newest.beat(transport, now)).clone()
    }

    /// Whether it says something new.
    fn take(&self, table: &Table) -> bool {
        let before = self.newest.replace(Rc::new(Compiled::of(table)));
        before.tag != table.tag
    }
}

/// What a snapshot brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Some table says something new.
    pub has_changed: bool,
    /// The revision is another one, or the break-glass acts are others.
    pub is_revised: bool,
}

/// All tables, of the newest snapshot.
#[derive(Debug)]
pub struct Tables {
    kept_max: usize,
    known: RefCell<Option<Known>>,
    kept: RefCell<HashMap<Box<str>, Rc<Channel>>>,
    /// Those that are to be made anew.
    old: RefCell<VecDeque<Weak<Channel>>>,
    /// Some was made anew for who asked, and says something new.
    is_news: Cell<bool>,
    /// Channels and questions so far.
    counted: Cell<u64>,
}

#[derive(Clone, Debug)]
struct Known {
    snapshot: Arc<Snapshot>,
    names: Rc<Names>,
    estate: Digest,
    /// Which snapshot it is, as they are counted here.
    number: u64,
    /// When it came.
    came_at: Instant,
    everything: Rc<Channel>,
}

impl Known {
    /// Makes a table anew; whether it says something new.
    fn renew(&self, channel: &Channel) -> bool {
        let table = Table::of(&self.snapshot, &self.names, &channel.scope);
        channel.is_there.set(table.is_ok());
        self.tell(channel, &table.unwrap_or_else(|_| Table::of_nothing(&self.snapshot)))
    }

    fn tell(&self, channel: &Channel, table: &Table) -> bool {
        channel.made_of.set(self.number);
        let is_new = channel.take(table);
        if is_new {
            channel.changed_at.set(Some(self.came_at));
            channel.changed.notify_waiters();
        }
        is_new
    }
}

impl Tables {
    /// Without a snapshot; so many resources at most.
    pub fn new(kept_max: usize) -> Tables {
        Tables {
            kept_max,
            known: RefCell::default(),
            kept: RefCell::default(),
            old: RefCell::default(),
            is_news: Cell::default(),
            counted: Cell::default(),
        }
    }

    /// Obeys a snapshot: tells of everything. The resources follow by [`Tables::renew_some`].
    pub fn take(&self, snapshot: Arc<Snapshot>) -> News {
        let before = self.known.borrow().clone();
        let estate = snapshot.estate.digest;
        let names = match &before {
            Some(known) if known.estate == estate => known.names.clone(),
            _ => Rc::new(Names::of(&snapshot.estate)),
        };
        let number = before.as_ref().map_or(0, |known| known.number) + 1;
        let table = Table::of(&snapshot, &names, &Scope::Everything);
        let table = table.unwrap_or_else(|_| Table::of_nothing(&snapshot));
        let everything = match &before {
            Some(known) => known.everything.clone(),
            None => Rc::new(Channel::new(Scope::Everything, None, number, &table)),
        };
        let known = Known { snapshot, names, estate, number, came_at: Instant::now(), everything };
        let mut news = News { has_changed: true, is_revised: true };
        if let Some(Known { snapshot: before, .. }) = &before {
            let now = &known.snapshot;
            news.is_revised =
                before.intent.revision != now.intent.revision || before.break_glass != now.break_glass;
            news.has_changed = known.tell(&known.everything, &table);
        }
        self.known.replace(Some(known));
        let mut kept = self.kept.borrow_mut();
        kept.retain(|_, channel| Rc::strong_count(channel) > 1);
        self.old.replace(kept.values().map(Rc::downgrade).collect());
        news
    }

    /// Makes some of the resources' tables anew; whether one of them says something new. None when all are of the newest snapshot.
    pub fn renew_some(&self) -> Option<bool> {
        let known = self.known.borrow();
        let known = known.as_ref()?;
        let mut has_changed = self.is_news.take();
        let (mut zones, mut is_done) = (0, false);
        while zones < ZONES_TOGETHER {
            let Some(next) = self.old.borrow_mut().pop_front() else {
                is_done = true;
                break;
            };
            if let Some(channel) = next.upgrade().filter(|channel| channel.made_of.get() != known.number) {
                has_changed |= known.renew(&channel);
                zones += known.snapshot.estate.zones.len().max(1);
            }
        }
        (has_changed || !is_done).then_some(has_changed)
    }

    /// Makes a table anew that is not of the newest snapshot.
    pub fn renew(&self, channel: &Channel) {
        let known = self.known.borrow();
        if let Some(known) = known.as_ref().filter(|known| channel.made_of.get() != known.number)
            && known.renew(channel)
        {
            self.is_news.set(true);
        }
    }

    /// The table of a resource; of everything, if none is named.
    pub fn find(&self, resource: Option<&str>, wanted: Wanted) -> Result<Rc<Channel>, NoTable> {
        let known = self.known.borrow();
        let known = known.as_ref().ok_or(NoTable::NotReady)?;
        let Some(resource) = resource else { return Ok(known.everything.clone()) };
        // As it is written most of the time.
        let found = self.kept.borrow().get(resource).cloned();
        if let Some(channel) = found {
            return self.asked(&channel);
        }
        let scope: Scope = resource.parse().map_err(Unknown::Scope)?;
        if scope == Scope::Everything {
            return Ok(known.everything.clone());
        }
        let name = scope.to_string();
        let found = self.kept.borrow().get(name.as_str()).cloned();
        if let Some(channel) = found {
            return self.asked(&channel);
        }
        let table = Table::of(&known.snapshot, &known.names, &scope)?;
        let number = self.next();
        let channel = Rc::new(Channel::new(scope, Some(number), known.number, &table));
        channel.asked.set(number);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= self.kept_max {
            let unwatched = kept.iter().filter(|(_, channel)| Rc::strong_count(channel) == 1);
            let oldest = unwatched.min_by_key(|(_, channel)| channel.asked.get());
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                kept.remove(&oldest);
            }
        }
        if kept.len() < self.kept_max {
            kept.insert(name.into(), channel.clone());
        } else if wanted == Wanted::ForLonger {
            return Err(NoTable::Busy(self.kept_max));
        }
        Ok(channel)
    }

    fn asked(&self, channel: &Rc<Channel>) -> Result<Rc<Channel>, NoTable> {
        channel.asked.set(self.next());
        self.renew(channel);
        channel.if_there()
    }

    fn next(&self) -> u64 {
        let next = self.counted.get() + 1;
        self.counted.set(next);
        next
    }

    /// Resources whose tables are kept.
    pub fn kept(&self) -> usize {
        self.kept.borrow().len()
    }

    /// The place in the estate of the zone of this id or alias.
    pub fn zone(&self, name: &str) -> Result<usize, NoTable> {
        let known = self.known.borrow();
        let known = known.as_ref().ok_or(NoTable::NotReady)?;
        known.names.zone(name).ok_or_else(|| Unknown::zone(&known.snapshot, name).into())
    }

    /// The id of the zone of this name, if the estate has it.
    pub fn zone_id(&self, name: &str) -> Option<hf_model::ZoneId> {
        let known = self.known.borrow();
        let known = known.as_ref()?;
        Some(known.snapshot.estate.zones[known.names.zone(name)?].id.clone())
    }

    /// Why a resource has nothing to tell of a zone.
    pub fn not_there(&self, channel: &Channel, zone: usize) -> NoTable {
        let known = self.known.borrow();
        let Some(known) = known.as_ref() else { return NoTable::NotReady };
        if Table::of(&known.snapshot, &known.names, &channel.scope).is_err() {
            return Unknown::Resource(channel.scope.clone()).into();
        }
        let zone = known.snapshot.estate.zones[zone].id.clone();
        Unknown::NotThere { scope: channel.scope.clone(), zone }.into()
    }

    /// The revision that all tables stand on.
    pub fn revision(&self) -> Option<Revision> {
        self.known.borrow().as_ref().map(|known| known.snapshot.intent.revision)
    }

    /// The break-glass acts that they stand on.
    pub fn acts(&self) -> Acts {
        self.known.borrow().as_ref().map_or(Acts::UNKNOWN, |known| Acts::of(known.snapshot.acts()))
    }

    /// Whether some table of the newest snapshot says just this.
    pub fn says(&self, tag: Tag) -> bool {
        let known = self.known.borrow();
        let Some(known) = known.as_ref() else { return false };
        let is = |channel: &Rc<Channel>| {
            channel.made_of.get() == known.number && channel.newest.borrow().tag == tag
        };
        is(&known.everything) || self.kept.borrow().values().any(is)
    }

    /// What all tables say now.
    pub fn tags(&self) -> HashSet<Tag> {
        let kept = self.kept.borrow();
        let known = self.known.borrow();
        let everything = known.as_ref().map(|known| &known.everything);
        kept.values().chain(everything).map(|channel| channel.newest.borrow().tag).collect()
    }
}

#[cfg(test)]
mod tests;
