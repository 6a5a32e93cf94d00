//! Results that others push: each is a result of this checker, and travels in its table like every other.
//!
//! 1. A result is about one endpoint under a pushed check, or about the check as a whole. It counts in the order in which it came, by the check's
//!    `rise`, `fall` and `inverted`, as a probe's result does.
//! 2. It has a lease. When that has run out the subject is unknown here, or bad at once where the check says `missing = "bad"`. What was never told is
//!    unknown: a checker that nobody tells, or that starts again, says nothing.
//! 3. Bounded: one result for each subject of the estate in force, texts of [`TEXT_BYTES_MAX`], [`RATE_PER_S`] results a second for each check; beyond
//!    that a result is refused and nothing is changed.
//! 4. While the checker is cut off, pushed results go on counting: they are not what it reaches itself.
//!
//! Not here: who may push (`hf-control-plane`), what probes see (`publish`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::{CheckKind, Estate, HealthCheck, Missing};
use hf_health::{Bitmap, Streak, Table};
use hf_model::{CheckName, NodeId};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

/// How long a result may count.
pub const LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
/// Bytes of a result's text.
pub const TEXT_BYTES_MAX: usize = 200;
/// Results a second for one check: 1,000 endpoints told every other second.
pub const RATE_PER_S: u32 = 500;
/// The time for one of them.
const EACH: Duration = Duration::from_micros(1_000_000 / RATE_PER_S as u64);

/// One result, as somebody tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The check.
    pub check: CheckName,
    /// One endpoint under it; none: the check as a whole.
    pub endpoint: Option<SocketAddr>,
    /// Whether all is well.
    pub is_good: bool,
    /// Why, for people.
    pub text: String,
    /// How long it counts, if not for the check's lease.
    pub valid_for: Option<Duration>,
    /// Who says so.
    pub by: String,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The state of its subject at this checker now: rise and fall counted.
    pub healthy: bool,
    /// How long it counts.
    pub valid_for: Duration,
}

/// Why a result was not taken; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// The checker's estate has no such check of kind pushed, or not this endpoint under it.
    #[error(
        "this checker has no such subject of a pushed health check in force; try again when it has the newest estate"
    )]
    Unknown,
    /// Too many of them.
    #[error(
        "health check `{check}` has been told {RATE_PER_S} results within a second; tell each endpoint's less often"
    )]
    TooFast {
        /// The check.
        check: CheckName,
    },
    /// The lease.
    #[error("a result counts for 1 s to 24 h; change `valid_for`")]
    Lease,
    /// The text.
    #[error("the text of a result has at most {TEXT_BYTES_MAX} bytes; shorten it")]
    Text,
}

/// The last result of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The endpoint; none: the check as a whole.
    pub endpoint: Option<SocketAddr>,
    /// What was told, before it is turned round.
    pub is_good: bool,
    /// Why.
    pub text: String,
    /// Who said so.
    pub by: String,
    /// How long ago.
    pub ago: Duration,
    /// How much longer it counts; zero when it has run out.
    pub left: Duration,
    /// What the subject is at this checker; none: unknown.
    pub healthy: Option<bool>,
}

type Key = (CheckName, Option<SocketAddr>);

#[derive(Clone, Debug)]
struct Kept {
    is_good: bool,
    text: Box<str>,
    by: Box<str>,
    at: Instant,
    until: Instant,
    streak: Streak,
}

/// Allows [`RATE_PER_S`] a second, as many at once.
#[derive(Clone, Copy, Debug)]
struct Rate {
    left: u32,
    at: Instant,
}

impl Rate {
    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_micros();
        let gained = u32::try_from(since / EACH.as_micros()).unwrap_or(u32::MAX);
        if gained >= RATE_PER_S - self.left {
            (self.left, self.at) = (RATE_PER_S, now);
        } else {
            // What is left over of the time counts for the next one.
            (self.left, self.at) = (self.left + gained, self.at + EACH * gained);
        }
        let has_room = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_room
    }
}

/// What a checker was told. Clones share it.
#[derive(Clone, Debug)]
pub struct Pushed {
    inner: Arc<Mutex<Inner>>,
    /// Rung when something runs out sooner than was waited for.
    sooner: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    node: NodeId,
    clock: Clock,
    tables: Option<watch::Sender<Option<Table>>>,
    estate: Option<Arc<Estate>>,
    /// Positions of all subjects that results may be about: an address may stand in several pools.
    subjects: BTreeMap<Key, Vec<usize>>,
    kept: BTreeMap<Key, Kept>,
    /// When leases run out.
    due: BTreeSet<(Instant, Key)>,
    rates: BTreeMap<CheckName, Rate>,
    /// What `kept` comes to.
    known: Bitmap,
    healthy: Bitmap,
}

impl Pushed {
    /// Nothing told yet.
    pub fn new(node: NodeId, clock: Clock) -> Pushed {
        let inner = Inner {
            node,
            clock,
            tables: None,
            estate: None,
            subjects: BTreeMap::new(),
            kept: BTreeMap::new(),
            due: BTreeSet::new(),
            rates: BTreeMap::new(),
            known: Bitmap::default(),
            healthy: Bitmap::default(),
        };
        Pushed { inner: Arc::new(Mutex::new(inner)), sooner: Arc::default() }
    }

    /// Takes one result; the table that has it is published before this returns.
    ///
    /// # Errors
    ///
    /// [`NotTaken`]: what it is about is not there, or a bound is reached.
    pub fn push(&self, push: Push) -> Result<Taken, NotTaken> {
        let (now, mut inner) = (Instant::now(), self.inner());
        let soonest = inner.due.first().map(|(at, _)| *at);
        let taken = inner.take(push, now)?;
        if inner.due.first().is_some_and(|(at, _)| soonest.is_none_or(|soonest| *at < soonest)) {
            self.sooner.notify_one();
        }
        Ok(taken)
    }

    /// Whether a result of this check would be taken at this rate; takes nothing.
    ///
    /// # Errors
    ///
    /// [`NotTaken::TooFast`].
    pub fn room(&self, check: &CheckName) -> Result<(), NotTaken> {
        let (now, rate) = (Instant::now(), self.inner().rates.get(check).copied());
        // A copy is asked: what is only asked for uses nothing up.
        let has_room = rate.is_none_or(|mut rate| rate.take(now));
        if has_room { Ok(()) } else { Err(NotTaken::TooFast { check: check.clone() }) }
    }

    /// The last results of subjects of a check, in the order of addresses: `limit` at most, and how many more there are.
    ///
    /// The others are counted and not copied: the checker waits for this lock to publish.
    pub fn told(&self, check: &CheckName, limit: usize) -> (Vec<Told>, usize) {
        let (now, inner) = (Instant::now(), self.inner());
        let first = (check.clone(), None);
        let mut of_check = inner.kept.range(first..).take_while(|((name, _), _)| name == check);
        let told = |((_, endpoint), kept): (&Key, &Kept)| Told {
            endpoint: *endpoint,
            is_good: kept.is_good,
            text: kept.text.to_string(),
            by: kept.by.to_string(),
            ago: now.saturating_duration_since(kept.at),
            left: kept.until.saturating_duration_since(now),
            healthy: kept.streak.healthy(),
        };
        let shown = of_check.by_ref().take(limit).map(told).collect();
        (shown, of_check.count())
    }

    /// Lets leases run out, until `shutdown` is true or its sender is gone.
    pub(crate) async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        loop {
            let next = self.inner().due.first().map(|(at, _)| *at);
            // With nothing told, a push wakes us.
            let next = next.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => return,
                () = self.sooner.notified() => {}
                () = sleep_until(next) => self.inner().run_out(Instant::now()),
            }
        }
    }

    /// From now on tables go there.
    pub(crate) fn publish_into(&self, tables: watch::Sender<Option<Table>>) {
        self.inner().tables = Some(tables);
    }

    /// A new estate: what was told of subjects that stay is kept. Publishes `table`, which has what probes see, with it.
    pub(crate) fn adopt(&self, estate: &Arc<Estate>, table: Table) {
        let mut inner = self.inner();
        inner.adopt(estate);
        let table =
            Table { known: table.known.or(&inner.known), healthy: table.healthy.or(&inner.healthy), ..table };
        if let Some(tables) = &inner.tables {
            // Others take nothing that is older than what they hold: a clock that was set back must not silence us.
            let last = tables.borrow().as_ref().map_or(table.made_at, |last| last.made_at);
            tables.send_replace(Some(Table { made_at: table.made_at.max(last), ..table }));
        }
    }

    /// Publishes what probes see with what was told, if that is news.
    pub(crate) fn publish(&self, known: &Bitmap, healthy: &Bitmap) {
        let inner = self.inner();
        let (known, healthy) = (known.or(&inner.known), healthy.or(&inner.healthy));
        inner.change_table(|table| {
            let is_news = table.known != known || table.healthy != healthy;
            if is_news {
                (table.known, table.healthy) = (known, healthy);
            }
            is_news
        });
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn check(&self, name: &CheckName) -> Option<&HealthCheck> {
        let estate = self.estate.as_ref()?;
        estate.check_named(name).map(|at| estate.health_check(at))
    }

    fn take(&mut self, push: Push, now: Instant) -> Result<Taken, NotTaken> {
        let Push { check: name, endpoint, is_good, text, valid_for, by } = push;
        let key = (name, endpoint);
        let estate = self.estate.clone().filter(|_| self.subjects.contains_key(&key));
        let estate = estate.ok_or(NotTaken::Unknown)?;
        let check = estate.check_named(&key.0).map(|at| estate.health_check(at)).ok_or(NotTaken::Unknown)?;
        let CheckKind::Pushed(pushed) = &check.kind else { return Err(NotTaken::Unknown) };
        let valid_for = valid_for.unwrap_or(pushed.lease);
        if !LEASE.contains(&valid_for) {
            return Err(NotTaken::Lease);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(NotTaken::Text);
        }
        let rate = self.rates.entry(key.0.clone()).or_insert(Rate { left: RATE_PER_S, at: now });
        if !rate.take(now) {
            return Err(NotTaken::TooFast { check: key.0 });
        }
        let old = self.kept.remove(&key);
        if let Some(old) = &old {
            self.due.remove(&(old.until, key.clone()));
        }
        let before = old.map(|old| old.streak).unwrap_or_default();
        let mut streak = before;
        streak.count(is_good != check.inverted, check);
        let kept =
            Kept { is_good, text: text.into(), by: by.into(), at: now, until: now + valid_for, streak };
        if streak.healthy() != before.healthy()
            && (before.healthy().is_some() || streak.healthy() == Some(false))
        {
            let subject = Subject(&key);
            let (healthy, text, by) = (streak.healthy() == Some(true), &*kept.text, &*kept.by);
            info!(node = %self.node, %subject, healthy, text, by, "a pushed result turned it");
        }
        self.due.insert((kept.until, key.clone()));
        self.kept.insert(key.clone(), kept);
        self.show(std::iter::once((&key, streak.healthy())));
        Ok(Taken { healthy: streak.healthy() == Some(true), valid_for })
    }

    fn run_out(&mut self, now: Instant) {
        let mut turned = Vec::new();
        while let Some((until, key)) = self.due.pop_first() {
            if until > now {
                self.due.insert((until, key));
                break;
            }
            let check = self.check(&key.0).cloned();
            let (Some(check), Some(kept)) = (check, self.kept.get_mut(&key)) else { continue };
            let CheckKind::Pushed(pushed) = &check.kind else { continue };
            let before = kept.streak.healthy();
            kept.streak = Streak::default();
            if pushed.missing == Missing::Bad {
                // At once: silence for a whole lease is not one bad result among several.
                kept.streak.count(check.inverted, &check);
            }
            let healthy = kept.streak.healthy();
            if healthy != before {
                let (subject, by) = (Subject(&key), &*kept.by);
                let counts_as =
                    healthy.map_or("unknown", |healthy| if healthy { "healthy" } else { "unhealthy" });
                warn!(node = %self.node, %subject, by, counts_as, "no newer result was pushed before the last one ran out");
            }
            turned.push((key, healthy));
        }
        self.show(turned.iter().map(|(key, healthy)| (key, *healthy)));
    }

    /// Sets the bits of subjects, here and in the newest table.
    fn show<'a>(&mut self, of: impl Iterator<Item = (&'a Key, Option<bool>)>) {
        let mut changed = Vec::new();
        for (key, healthy) in of {
            for at in self.subjects.get(key).into_iter().flatten() {
                let (is_known, is_healthy) = (healthy.is_some(), healthy == Some(true));
                if self.known.get(*at) != is_known || self.healthy.get(*at) != is_healthy {
                    self.known.set(*at, is_known);
                    self.healthy.set(*at, is_healthy);
                    changed.push((*at, is_known, is_healthy));
                }
            }
        }
        if changed.is_empty() {
            return;
        }
        self.change_table(|table| {
            for (at, is_known, is_healthy) in changed {
                table.known.set(at, is_known);
                table.healthy.set(at, is_healthy);
            }
            true
        });
    }

    /// Changes the newest table where it is of the estate in force; `change` says whether it did.
    fn change_table(&self, change: impl FnOnce(&mut Table) -> bool) {
        let (Some(tables), Some(estate)) = (&self.tables, &self.estate) else { return };
        tables.send_if_modified(|table| {
            let Some(table) = table.as_mut().filter(|table| table.estate == estate.digest) else {
                return false;
            };
            let is_news = change(table);
            if is_news {
                table.made_at = self.clock.now().max(table.made_at);
            }
            is_news
        });
    }

    fn adopt(&mut self, estate: &Arc<Estate>) {
        let is_open = |check: &HealthCheck| matches!(check.kind, CheckKind::Pushed(_)) && !check.disabled;
        let mut subjects: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        let mut first = 0;
        for pool in &estate.pools {
            let of_pool = first..first + pool.endpoints.len();
            first = of_pool.end;
            let check = pool.health_check.map(|at| estate.health_check(at)).filter(|check| is_open(check));
            let Some(check) = check else { continue };
            for (at, endpoint) in of_pool.zip(&pool.endpoints) {
                subjects.entry((check.name.clone(), Some(endpoint.address))).or_default().push(at);
            }
        }
        for at in estate.check_indexes().filter(|at| is_open(estate.health_check(*at))) {
            let name = estate.health_check(at).name.clone();
            subjects.insert((name, None), vec![estate.check_subject(at)]);
        }
        self.kept.retain(|key, _| subjects.contains_key(key));
        self.due.retain(|(_, key)| subjects.contains_key(key));
        self.rates.retain(|name, _| subjects.contains_key(&(name.clone(), None)));
        let count = estate.subject_count();
        (self.known, self.healthy) = (Bitmap::new(count), Bitmap::new(count));
        let named = |estate: &Estate, name: &CheckName| {
            estate.check_named(name).map(|at| estate.health_check(at).clone())
        };
        let old = self.estate.replace(estate.clone());
        for (key, kept) in &mut self.kept {
            if old.as_ref().is_some_and(|old| named(old, &key.0) != named(estate, &key.0)) {
                kept.streak = kept.streak.resumed();
            }
            for at in &subjects[key] {
                self.known.set(*at, kept.streak.healthy().is_some());
                self.healthy.set(*at, kept.streak.healthy() == Some(true));
            }
        }
        self.subjects = subjects;
    }
}

/// A subject in a line of the log.
struct Subject<'a>(&'a Key);

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (check, endpoint) = self.0;
        write!(f, "{check}")?;
        endpoint.map_or(Ok(()), |endpoint| write!(f, " of {endpoint}"))
    }
}

#[cfg(test)]
mod tests;
