//! Who asks, and what consumers say that they have applied.
//!
//! 1. Informative only: nothing is decided from it. What is unreadable is refused with its mend, so that whoever writes a client sees it; a zone
//!    that the estate does not have is left out, so that a client goes on while estates change.
//! 2. A consumer whose tag is still what is told has applied every revision since: an entry of the ledger that changes nothing for it is
//!    taken as applied when it was last heard.
//! 3. The same holds for break-glass acts, which have no revision: who says the tag that is told has applied those in force. Of any other tag it is
//!    not known.
//! 4. A sign of life is what the consumer itself sent: a question, a word, an answer to a ping. That its connection is open is none.
//! 5. Who said good-bye is gone, whatever was on its way then: for [`LEFT`] a mere sign of life is none, and a word counts only over a connection
//!    that began after the good-bye. What watches since before it says nothing about its consumer any more. A word that counts takes the good-bye back.
//! 6. What many have applied is looked at a few at a time: the one thread of this role answers and tells between them.
//!
//! Not here: the board itself (`hf-consumers`).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use hf_consumers::{
    Acts, ConsumerKind, ConsumerName, ConsumerNameError, INSTANCES_MAX, InstanceId, KEPT_SILENT,
    RUNNING_ZONES_MAX, Told,
};
use hf_model::{Revision, Timestamp, ZoneId};
use hf_telemetry::Consumers;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::request::Query;
use crate::tables::Tables;
use crate::tag::Tag;

/// After a good-bye, for what was overtaken by it to arrive.
const LEFT: Duration = Duration::from_secs(5);
/// How long good-byes are remembered, for those who watch since before: each of them is heard several times in that.
const LEFT_KEPT: Duration = Duration::from_mins(1);
/// Good-byes that are remembered; beyond, the first of them are forgotten early.
const LEFT_MAX: usize = INSTANCES_MAX;
/// Consumers that are looked at before others have their turn: well below a millisecond.
const TOGETHER: usize = 256;
/// Between two looks at all of them for some that may be forgotten, where there is no room.
const SWEPT: Duration = Duration::from_secs(1);

/// Who somebody says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    name: ConsumerName,
    instance: InstanceId,
    kind: ConsumerKind,
    zone: Option<ZoneId>,
}

/// Why nobody knows who it is, or what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWord {
    /// A name.
    #[error(transparent)]
    Name(#[from] ConsumerNameError),
    /// A kind that nobody is who speaks for itself.
    #[error(
        "{0:?} is no kind of consumer; say one of worker, scheduler, router, server, autoscaler, balancer, other"
    )]
    Kind(String),
    /// Half of who it is.
    #[error("`consumer` and `instance` go together: the service, and this process of it; give both")]
    Half,
    /// Something else.
    #[error("an acknowledgement is a JSON object with `consumer`, `instance`, `tag` and `revision`: {0}")]
    Json(String),
    /// A tag that is none of ours.
    #[error("`tag` is 16 hexadecimal digits in lower case; say the one that was told")]
    Tag,
    /// Too many zones.
    #[error("`running` has at most {RUNNING_ZONES_MAX} zones; leave out those without anything")]
    Running,
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(rename = "acknowledgement")]
struct Written {
    consumer: String,
    instance: String,
    kind: Option<String>,
    zone: Option<String>,
    tag: Option<String>,
    revision: Option<u64>,
    running: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    gone: bool,
}

/// What this node was told, and by whom it is still so.
#[derive(Debug, Default)]
pub struct Register {
    consumers: Consumers,
    applied: RefCell<BTreeMap<Key, Applied>>,
    swept_at: Cell<Option<Instant>>,
    left: RefCell<Left>,
    /// There is a new revision, or other break-glass acts.
    pub revised: Notify,
}

/// Whose word it is.
pub type Key = (ConsumerName, InstanceId);

/// Who said good-bye a short time ago.
#[derive(Debug, Default)]
struct Left {
    of: HashMap<Key, GoodBye>,
    order: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Copy, Debug)]
struct GoodBye {
    at: Instant,
    /// It has said a word since.
    is_back: bool,
}

impl Left {
    fn add(&mut self, key: Key, now: Instant) {
        while let Some((at, _)) = self.order.front()
            && (self.order.len() >= LEFT_MAX || now.duration_since(*at) > LEFT_KEPT)
        {
            let Some((at, key)) = self.order.pop_front() else { return };
            // It may have come back and gone again since.
            if self.of.get(&key).is_some_and(|good_bye| good_bye.at == at) {
                self.of.remove(&key);
            }
        }
        self.order.push_back((now, key.clone()));
        self.of.insert(key, GoodBye { at: now, is_back: false });
    }

    /// Its good-bye, as long as that is remembered.
    fn of(&self, key: &Key) -> Option<GoodBye> {
        self.of.get(key).copied().filter(|good_bye| good_bye.at.elapsed() <= LEFT_KEPT)
    }
}

/// What became of a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is one.
    Heard,
    /// It said good-bye a moment ago, and this may have been on its way before that.
    TooSoon,
    /// It said good-bye since this connection speaks for it.
    Left,
}

/// What one has applied.
#[derive(Debug)]
struct Applied {
    tag: Tag,
    told: Told,
}

impl Applied {
    /// Whether the board still remembers who said it.
    fn is_kept(&self, now: Timestamp) -> bool {
        now.since(self.told.at) < KEPT_SILENT
    }
}

impl Register {
    /// On this board.
    pub fn new(consumers: Consumers) -> Register {
        Register { consumers, ..Register::default() }
    }

    /// It is there, says what speaks for it since `since`.
    pub fn is_alive(&self, who: &Who, now: Timestamp, since: Instant) -> Life {
        if let Some(left) = self.left.borrow().of(&who.key()).filter(|left| !left.is_back) {
            if since <= left.at {
                return Life::Left;
            }
            if left.at.elapsed() < LEFT {
                return Life::TooSoon;
            }
        }
        if let Some(applied) = self.applied.borrow_mut().get_mut(&who.key()) {
            applied.told.at = now;
        }
        self.consumers.tell(who.told(None, None, now));
        Life::Heard
    }

    /// Takes an acknowledgement over a connection that began at `since`. Who said it; none if it said good-bye.
    pub fn take(
        &self,
        json: &[u8],
        tables: &Tables,
        now: Timestamp,
        since: Instant,
    ) -> Result<Option<Who>, BadWord> {
        let written: Written =
            serde_json::from_slice(json).map_err(|error| BadWord::Json(error.to_string()))?;
        let Written { consumer, instance, kind, zone, tag, revision, running, gone } = written;
        let who = who(&consumer, &instance, kind.as_deref(), zone.as_deref(), tables)?;
        let tag = match tag {
            Some(tag) => Some(Tag::read(&tag).ok_or(BadWord::Tag)?),
            None => None,
        };
        if running.as_ref().is_some_and(|running| running.len() > RUNNING_ZONES_MAX) {
            return Err(BadWord::Running);
        }
        if gone {
            self.applied.borrow_mut().remove(&who.key());
            self.consumers.gone(&who.name, &who.instance);
            self.left.borrow_mut().add(who.key(), Instant::now());
            return Ok(None);
        }
        if let Some(left) = self.left.borrow_mut().of.get_mut(&who.key()) {
            if since <= left.at && left.at.elapsed() < LEFT {
                return Ok(Some(who));
            }
            left.is_back = true;
        }
        let running = running.map(|running| {
            running.into_iter().filter_map(|(zone, count)| Some((tables.zone_id(&zone)?, count))).collect()
        });
        let revision = revision.map(Revision);
        let told = who.told(revision, running, now);
        let is_current = tag.is_some_and(|tag| tables.says(tag));
        let newest = tables.revision().filter(|newest| is_current && revision.is_some_and(|at| at < *newest));
        let acts = if is_current { tables.acts() } else { Acts::UNKNOWN };
        let told = Told { revision: newest.or(revision), acts, ..told };
        self.keep(&who, tag, &told);
        self.consumers.tell(told);
        Ok(Some(who))
    }

    fn keep(&self, who: &Who, tag: Option<Tag>, told: &Told) {
        let mut applied = self.applied.borrow_mut();
        match tag.filter(|_| told.revision.is_some()) {
            Some(tag) => {
                let is_due = self.swept_at.get().is_none_or(|at| at.elapsed() >= SWEPT);
                if is_due && applied.len() >= INSTANCES_MAX && !applied.contains_key(&who.key()) {
                    self.swept_at.set(Some(Instant::now()));
                    applied.retain(|_, applied| applied.is_kept(told.at));
                }
                if applied.len() < INSTANCES_MAX || applied.contains_key(&who.key()) {
                    applied.insert(who.key(), Applied { tag, told: told.clone() });
                }
            }
            None => drop(applied.remove(&who.key())),
        }
    }

    /// After a new revision, or other break-glass acts: whose tag is still told has applied them. Forgets those for whom it is not so, and those
    /// who have been silent for as long as the board remembers; they will speak again. So for some of those behind `after`: call again with what it
    /// gives until that is none.
    pub fn revise_some(&self, tables: &Tables, now: Timestamp, after: Option<&Key>) -> Option<Key> {
        let revision = tables.revision()?;
        let (tags, acts) = (tables.tags(), tables.acts());
        let mut applied = self.applied.borrow_mut();
        let (mut forgotten, mut last) = (Vec::new(), None);
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (seen, (key, applied)) in applied.range_mut((behind, Bound::Unbounded)).enumerate() {
            if seen == TOGETHER {
                break;
            }
            last = (seen + 1 == TOGETHER).then(|| key.clone());
            if !tags.contains(&applied.tag) || !applied.is_kept(now) {
                forgotten.push(key.clone());
                continue;
            }
            if applied.told.revision.is_some_and(|at| at < revision) || applied.told.acts != acts {
                applied.told.revision = applied.told.revision.max(Some(revision));
                applied.told.acts = acts.clone();
                self.consumers.tell(applied.told.clone());
            }
        }
        for key in forgotten {
            applied.remove(&key);
        }
        last
    }
}

impl Who {
    /// Who a query says that it is; none if it does not.
    pub fn of(query: &Query<'_>, tables: &Tables) -> Result<Option<Who>, BadWord> {
        match (&query.consumer, &query.instance) {
            (None, None) => Ok(None),
            (Some(name), Some(instance)) => {
                who(name, instance, query.kind.as_deref(), query.zone.as_deref(), tables).map(Some)
            }
            _ => Err(BadWord::Half),
        }
    }

    fn key(&self) -> Key {
        (self.name.clone(), self.instance.clone())
    }

    fn told(
        &self,
        revision: Option<Revision>,
        running: Option<BTreeMap<ZoneId, u64>>,
        at: Timestamp,
    ) -> Told {
        let Who { name, instance, kind, zone } = self.clone();
        Told { name, instance, kind, zone, revision, acts: Acts::UNKNOWN, running, at }
    }
}

fn who(
    name: &str,
    instance: &str,
    kind: Option<&str>,
    zone: Option<&str>,
    tables: &Tables,
) -> Result<Who, BadWord> {
    Ok(Who {
        name: ConsumerName::new(name)?,
        instance: InstanceId::new(instance)?,
        kind: kind.map_or(Ok(ConsumerKind::Other), read_kind)?,
        zone: zone.and_then(|zone| tables.zone_id(zone)),
    })
}

/// The kinds of those who speak for themselves; others are known by the way in which they are told.
fn read_kind(text: &str) -> Result<ConsumerKind, BadWord> {
    use ConsumerKind::{Autoscaler, Balancer, Other, Router, Scheduler, Server, Worker};
    let found = text
        .parse()
        .ok()
        .filter(|kind| matches!(kind, Worker | Scheduler | Router | Server | Autoscaler | Balancer | Other));
    found.ok_or_else(|| BadWord::Kind(text.chars().take(40).collect()))
}
