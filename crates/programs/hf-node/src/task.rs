//! The task around the hub: what comes in, in turn; what follows, to everybody.
//!
//! 1. One task owns the hub, so nothing in it needs a lock. Only reading an estate leaves it, to a thread for long work.
//! 2. After every event and on every beat: judge, publish the snapshot if there is a new one, tell the feed and the API.
//! 3. The queues before it are bounded; when they are full, those who fill them wait, not the planes.
//!
//! Not here: what an event means (`hub`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::Estate;
use hf_consumers::Groups;
use hf_control::Intent;
use hf_control_plane::{AskedVotes, Carried, GivenBreakGlass, Notifications};
use hf_feed::{ConsumersHeard, Incoming, Message, Outgoing, Reports};
use hf_geo::Geography;
use hf_gray::Judged as GrayJudged;
use hf_health::Table;
use hf_model::{PoolName, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, Second};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::warn;

use crate::gate::{LedgerGate, News};
use crate::hub::{Hub, Judged};
use crate::save::Kept;

/// Messages that are taken before what follows from them is published: a bound, so that a flood holds nothing back.
const TOGETHER_MAX: usize = 64;

/// From one look at what was measured to the next.
const LATENCY_BEATS: u64 = 5;

/// Where events come from.
#[derive(Debug)]
pub struct Sources {
    /// From the feed.
    pub incoming: mpsc::Receiver<Incoming>,
    /// This node's own ledger, if it has one.
    pub ledger: Option<LedgerGate>,
    /// From this node's own checker, if it has one.
    pub table: Option<watch::Receiver<Option<Table>>>,
    /// From the planes: the number of the snapshot that they obey.
    pub obeyed: Obeyed,
    /// From this node's own balancer, if it has one: what it did in each second.
    pub seconds: Option<watch::Receiver<Option<Arc<Second>>>>,
    /// From this node's own board of consumers, with the role `status`.
    pub consumers: Option<watch::Receiver<Groups>>,
    /// From operators, over the API.
    pub break_glass: mpsc::Receiver<GivenBreakGlass>,
    /// From whoever asks over the API why a verdict is what it is.
    pub votes: mpsc::Receiver<AskedVotes>,
    /// From the watcher of the estate file, if there is one.
    pub estate_file_problem: Option<watch::Receiver<Option<String>>>,
    /// From the feed, while it has not begun.
    pub feed_problem: Option<watch::Receiver<Option<String>>>,
    /// From the ledger's writer, while it does not go by the clock.
    pub clock_problem: Option<watch::Receiver<Option<String>>>,
    /// From the watcher of the access file and the API's certificate.
    pub api_files_problem: Option<watch::Receiver<Option<String>>>,
    /// From the watcher of the geography database, if there is one.
    pub geo_database_problem: Option<watch::Receiver<Option<String>>>,
    /// From the watcher of the latency file, if there is one.
    pub latency_file_problem: Option<watch::Receiver<Option<String>>>,
    /// From the part that asks endpoint sources.
    pub sources_problem: Option<watch::Receiver<Option<String>>>,
    /// From this node's own checker, while it is cut off.
    pub checker_problem: Option<watch::Receiver<Option<String>>>,
    /// From the watcher of the certificate of DNS over TLS, if there is one.
    pub dns_tls_problem: Option<watch::Receiver<Option<String>>>,
    /// From the watcher of the balancer's certificates, if there are any.
    pub balancer_tls_problem: Option<watch::Receiver<Option<String>>>,
    /// The end.
    pub shutdown: watch::Receiver<bool>,
}

/// What those planes obey that tell; each is missing on nodes without it.
#[derive(Debug)]
pub struct Obeyed {
    /// The balancer.
    pub balancer: Option<watch::Receiver<u64>>,
    /// DNS.
    pub dns: Option<watch::Receiver<u64>>,
}

impl Obeyed {
    /// The number of the snapshot that all of them obey, when one of them obeys another one than before. Never, without any.
    async fn newest(&mut self) -> u64 {
        loop {
            tokio::select! {
                Some(_) = newest(&mut self.balancer) => {}
                Some(_) = newest(&mut self.dns) => {}
            }
            let all = [&self.balancer, &self.dns].into_iter().flatten();
            if let Some(number) = all.map(|obeyed| *obeyed.borrow()).min() {
                return number;
            }
        }
    }
}

/// Where results go.
#[derive(Debug)]
pub struct Sinks {
    /// To the planes.
    pub snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    /// To the feed.
    pub outgoing: watch::Sender<Outgoing>,
    /// To the API.
    pub reports: watch::Sender<Arc<Reports>>,
    /// To the API, and to whoever acts on it: what the detectors of gray failure say.
    pub gray: watch::Sender<Arc<GrayJudged>>,
    /// To the API, and to whoever asks this node's own board: what all nodes heard of consumers.
    pub consumers: watch::Sender<Arc<ConsumersHeard>>,
    /// To the API: what balancers carried in each second.
    pub carried: Arc<Carried>,
    /// Who is told what happened, and how far that has come.
    pub notifications: Arc<Notifications>,
    /// To the disk.
    pub kept: watch::Sender<Kept>,
    /// To this node's own checker: when a node of another zone was last heard.
    pub heard_outside: watch::Sender<Option<Instant>>,
    /// To whoever makes tables of latencies.
    pub geography: Geography,
}

/// Runs the hub until shutdown.
pub async fn run(
    mut hub: Hub,
    mut from: Sources,
    to: Sinks,
    beat: Duration,
    clock: Clock,
    activity: Arc<Activity>,
) {
    let mut beats = interval(beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beat_number = 0_u64;
    let mut settled_at = from.ledger.as_ref().map(LedgerGate::settled_at);
    loop {
        let tell = tokio::select! {
            () = stopped(&mut from.shutdown) => return,
            _ = beats.tick() => {
                if let Some(ledger) = from.ledger.as_mut().filter(|ledger| ledger.has_contact()) {
                    // The ledger's writer is in this process: while it reaches the ledger, there is contact.
                    let revision = ledger.intent().borrow().revision;
                    hub.own_ledger_at(revision, clock.now());
                }
                hub.beat();
                beat_number += 1;
                tell_latencies(&mut hub, &to, &activity, beat_number, clock.now());
                let settled = hub.settle_seconds(clock.now());
                to.carried.take(settled.iter().map(AsRef::as_ref));
                if let Some(judged) = hub.watch_gray(&settled) {
                    to.gray.send_replace(judged);
                }
                true
            }
            Some(incoming) = from.incoming.recv() => {
                take_waiting(&mut hub, incoming, &mut from.incoming, &clock, &to.heard_outside).await
            }
            Some(news) = news_of_ledger(&mut from.ledger) => {
                match news {
                    News::Intent(intent) => {
                        hub.own_ledger_at(intent.revision, clock.now());
                        hub.own_ledger(intent.clone());
                        take_intent(&mut hub, intent).await;
                    }
                    News::Asked(intent) => hub.own_ledger(intent),
                }
                false
            }
            Some(table) = newest(&mut from.table) => {
                if let Some(table) = table {
                    hub.take_own_table(Arc::new(table));
                }
                true
            }
            Some(second) = newest(&mut from.seconds) => {
                if let Some(second) = second {
                    hub.take_own_second(second.clone(), clock.now());
                    to.outgoing.send_modify(|outgoing| outgoing.second = Some(second));
                }
                false
            }
            Some(groups) = newest(&mut from.consumers) => {
                let told = hub.take_own_consumers(groups, clock.now());
                to.outgoing.send_modify(|outgoing| outgoing.consumers = Some(told));
                false
            }
            number = from.obeyed.newest() => {
                hub.planes_obey(number);
                true
            }
            Some(GivenBreakGlass { signed, is_rehearsal, reply }) = from.break_glass.recv() => {
                let (zone, by) = (signed.shift.zone.clone(), signed.shift.by.clone());
                let taken = if is_rehearsal {
                    hub.check_new_break_glass(&signed, clock.now())
                } else {
                    hub.take_new_break_glass(signed, clock.now())
                };
                if let Err(problem) = &taken {
                    warn!(%zone, %by, %problem, is_rehearsal, "a break-glass act that was given to this node is not obeyed");
                }
                let _ = reply.send(taken); // whoever asked may have gone; what is taken is taken
                !is_rehearsal
            }
            Some(AskedVotes { estate, subjects, reply }) = from.votes.recv() => {
                if !reply.is_closed() {
                    let _ = reply.send(hub.votes(estate, &subjects)); // whoever asked may have gone
                }
                continue;
            }
            () = sleep_until(settled_at.unwrap_or_else(Instant::now)), if settled_at.is_some() => {
                settled_at = None;
                if let Some(ledger) = &mut from.ledger {
                    ledger.settle(&mut hub).await;
                }
                true
            }
            Some(problem) = newest(&mut from.estate_file_problem) => {
                hub.set_estate_file_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.feed_problem) => {
                hub.set_feed_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.clock_problem) => {
                hub.set_clock_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.api_files_problem) => {
                hub.set_api_files_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.geo_database_problem) => {
                hub.set_geo_database_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.latency_file_problem) => {
                hub.set_latency_file_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.sources_problem) => {
                hub.set_sources_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.checker_problem) => {
                hub.set_checker_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.dns_tls_problem) => {
                hub.set_dns_tls_problem(problem);
                true
            }
            Some(problem) = newest(&mut from.balancer_tls_problem) => {
                hub.set_balancer_tls_problem(problem);
                true
            }
        };
        if let Some(ledger) = &mut from.ledger {
            ledger.judge(&mut hub);
        }
        publish(&mut hub, &to, &clock, &activity, tell);
    }
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so: the same as having said so.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// The next value of a source that may be missing; never, when it is missing or its sender is gone.
async fn newest<T: Clone>(source: &mut Option<watch::Receiver<T>>) -> Option<T> {
    if let Some(receiver) = source {
        if receiver.changed().await.is_ok() {
            return Some(receiver.borrow_and_update().clone());
        }
        *source = None;
    }
    std::future::pending().await
}

/// The ledger's news; never, when there is no ledger or its writer is gone.
async fn news_of_ledger(ledger: &mut Option<LedgerGate>) -> Option<News> {
    if let Some(ledger) = ledger
        && let Some(news) = ledger.news().await
    {
        return Some(news);
    }
    std::future::pending().await
}

/// Takes a message and those that wait behind it: a change brings one from every node at about the same moment, and judging,
/// publishing and telling once for all of them is the same. Whether others wait to hear of any before the next beat.
async fn take_waiting(
    hub: &mut Hub,
    first: Incoming,
    waiting: &mut mpsc::Receiver<Incoming>,
    clock: &Clock,
    heard_outside: &watch::Sender<Option<Instant>>,
) -> bool {
    let hear = |hub: &Hub, incoming: &Incoming| {
        if hub.is_outside(&incoming.from) {
            heard_outside.send_replace(Some(Instant::now()));
        }
    };
    hear(hub, &first);
    let mut tell = take_incoming(hub, first, clock).await;
    for _ in 1..TOGETHER_MAX {
        let Ok(next) = waiting.try_recv() else { break };
        hear(hub, &next);
        tell |= take_incoming(hub, next, clock).await;
    }
    tell
}

/// Whether others wait to hear of it before the next beat.
async fn take_incoming(hub: &mut Hub, incoming: Incoming, clock: &Clock) -> bool {
    match incoming.message {
        Message::Intent { revision, intent } => {
            if let Some(intent) = intent {
                hub.held_elsewhere(&intent);
                take_intent(hub, intent).await;
            }
            hub.heard(&incoming.from, revision, clock.now());
        }
        Message::Table(table) => hub.take_table(table),
        // Whoever waits for a revision to be in force everywhere waits for this.
        Message::Report(report) => return hub.take_report(*report, clock.now()),
        Message::BreakGlass(list) => hub.take_break_glass(list, clock.now()),
        Message::Second(second) => hub.take_second(&incoming.from, &second, clock.now()),
        Message::Latencies(lines) => hub.take_latencies(&incoming.from, &lines),
        Message::Consumers(told) => hub.take_consumers(&incoming.from, *told, clock.now()),
    }
    false
}

async fn take_intent(hub: &mut Hub, intent: Arc<Intent>) {
    let read = match hub.judge(&intent) {
        Judged::Known => return,
        Judged::Foreign => return hub.refuse_foreign(&intent),
        Judged::SameEstate(estate) => Ok(estate),
        Judged::Read => {
            let read = intent.clone();
            let read = tokio::task::spawn_blocking(move || read.read_estate());
            match read.await {
                Ok(read) => read.map(Arc::new).map_err(|problems| problems.to_string()),
                // A reader that panics is our mistake; it must not take down a node that serves.
                Err(error) => Err(format!("reading its estate failed: {error}")),
            }
        }
    };
    hub.take(intent, read);
}

/// What this node's balancer measured goes to the hub, and what all measured to the tables: both at a pace of their own, since every new
/// table compiles names anew.
fn tell_latencies(hub: &mut Hub, to: &Sinks, activity: &Activity, beat: u64, now: Timestamp) {
    if beat % LATENCY_BEATS == 1 {
        hub.take_own_latencies(activity.latencies().report(now));
    }
    if beat.is_multiple_of(LATENCY_BEATS) {
        to.geography.set_measured(hub.measured(now));
    }
}

fn keep_activity_of(activity: &Activity, estate: &Estate) {
    let mut wanted: BTreeMap<&PoolName, BTreeSet<&ZoneId>> = BTreeMap::new();
    for pool in &estate.pools {
        let zones = pool.endpoints.iter().map(|endpoint| &estate.zone(endpoint.zone).id);
        wanted.entry(&pool.name).or_default().extend(zones);
    }
    activity.keep(|pool, zone| wanted.get(pool).is_some_and(|zones| zones.contains(zone)));
}

fn publish(hub: &mut Hub, to: &Sinks, clock: &Clock, activity: &Activity, tell: bool) {
    let now = clock.now();
    let news = hub.refresh(now);
    if let Some(snapshot) = &news {
        let digest = |snapshot: &Arc<Snapshot>| snapshot.estate.digest;
        if to.snapshots.borrow().as_ref().map(digest) != Some(digest(snapshot)) {
            keep_activity_of(activity, &snapshot.estate);
        }
        to.snapshots.send_replace(Some(snapshot.clone()));
    }
    if let Some(heard) = hub.news_of_consumers() {
        to.consumers.send_replace(Arc::new(heard));
    }
    let acts_changed = to.kept.borrow().break_glass != hub.break_glass();
    if news.is_some() || acts_changed {
        to.kept.send_modify(|kept| {
            kept.snapshot = news.clone().or(kept.snapshot.take());
            kept.break_glass = hub.break_glass();
        });
    }
    if tell || news.is_some() || acts_changed {
        hub.set_notices(to.notifications.places());
        to.outgoing.send_replace(hub.outgoing(activity.report(), now));
        to.reports.send_replace(Arc::new(hub.reports().clone()));
    }
}
