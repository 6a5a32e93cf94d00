//! The engine: probes an estate's endpoints on schedule and tells what it sees.
//!
//! 1. At most `max_in_flight` probes at once; when more are due they wait, the longest due first, and the pace stretches
//!    ([`Load::late_by`] says by how much). A failure makes no extra work unless `confirm_interval` asks for it.
//! 2. An address that has its budget of probes ([`crate::budget`]) has the next one put off until it has not.
//! 3. A new estate takes effect at once; endpoints that stay keep their streaks. No estate keeps the old one in force.
//!    With the first one, streaks begin with the verdicts that are given: a restart turns nothing on one lost probe.
//! 4. What was put off by a stall comes in portions of 64, no more a second than twice what is due in one, and 10,000: meanwhile those that run are looked at.
//! 5. What is due within a moment of one that is due begins with it ([`schedule::ahead`]), up to [`TOGETHER`] at once: waking up costs more than a probe. A
//!    probe in doubt and one of a budget wait for their own time.
//! 6. The sink is called from the one task that runs the engine, in the order of the results; it must not wait.
//!
//! It wants a runtime of one thread: on several, each probe wakes other threads, which costs more than the probe. Between two probes it does nothing:
//! no beat, no look at jobs that are not due.
//!
//! Not here: the arithmetic of due times (`schedule`), the probe itself (`probe`), tables on the feed (`hf-checker`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hf_config::estate::{Estate, HealthCheck};
use hf_health::{Bitmap, Verdicts};
use hf_model::{CheckName, NodeId, ZoneId};
use hf_telemetry::ProbeCounts;
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::budget::{Budget, Leave, Share};
use crate::failure::{self, Outcome, ProbeResult};
use crate::jobs::{Job, JobId, Jobs, Scope, probed_ip};
use crate::schedule;
use crate::shards::Shards;
use crate::tools::Tools;

/// Probes that begin before those that run are looked at: after a stall what is due comes in portions.
const AT_ONCE: u32 = 64;

/// Probes that begin with one that is due, itself among them. At a pace at which more would fall into the same moment, each timer's millisecond has its own.
const TOGETHER: u32 = 16;

/// What there is to probe.
#[derive(Clone, Debug)]
pub struct Given {
    /// The estate.
    pub estate: Arc<Estate>,
    /// What is said of its endpoints so far; looked at with the first estate only.
    pub verdicts: Verdicts,
}

impl From<Arc<Estate>> for Given {
    /// Nothing is said so far.
    fn from(estate: Arc<Estate>) -> Self {
        Given { estate, verdicts: Verdicts::default() }
    }
}

/// How a prober works.
#[derive(Clone, Debug)]
pub struct ProberConfig {
    /// Whose it is: every node gets its own order of probes.
    pub node: NodeId,
    /// Probes at once; each takes one file descriptor. At least 1, default 1,000.
    pub max_in_flight: usize,
    /// What it does with checks that stand by themselves. Default: they are left to others.
    pub standing: Standing,
    /// Programs that checks of kind command may run here, as absolute paths. Default none.
    pub commands: Vec<String>,
    /// Whose checker it is: it looks at the share of that zone, and keeps to the budget. Default none: everything, without a budget.
    pub checker_of: Option<ZoneId>,
    /// Counts its probes.
    pub counts: Arc<ProbeCounts>,
}

/// What a prober does with checks that stand by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It probes them, too: a checker does.
    Probed,
    /// It leaves them to others: a balancer measures the ways that its own requests take.
    #[default]
    Left,
}

impl ProberConfig {
    /// The defaults for a node.
    pub fn new(node: NodeId) -> Self {
        ProberConfig {
            node,
            max_in_flight: 1_000,
            standing: Standing::Left,
            commands: Vec::new(),
            checker_of: None,
            counts: Arc::default(),
        }
    }
}

/// Something that can probe: the network, or a test.
pub trait Probing: Clone + Send + Sync + 'static {
    /// Probes once; answers within the check's timeout.
    fn probe(&self, check: &HealthCheck, address: SocketAddr) -> impl Future<Output = ProbeResult> + Send;
}

/// The real thing.
#[derive(Clone, Debug)]
struct Network(Tools);

impl Probing for Network {
    async fn probe(&self, check: &HealthCheck, address: SocketAddr) -> ProbeResult {
        crate::probe(&self.0, check, address).await
    }
}

/// Whoever wants to know. Called in order; must not block.
pub trait Sink: Send {
    /// A new estate took effect. The bitmaps hold what is known of the endpoints that stayed, in the order of
    /// `Estate::subject_count`.
    fn estate_changed(&mut self, estate: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap);

    /// A probe has a result.
    fn observed(&mut self, observation: &Observation<'_>);
}

/// One result, and what it makes of the endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The estate whose positions these are.
    pub estate: &'a Arc<Estate>,
    /// Positions in the order of `Estate::subject_count`: one for each pool that holds this address under this check; that of the check
    /// itself, if it stands by itself.
    pub endpoints: &'a [usize],
    /// The endpoint's address; the unspecified one for a check that goes to none.
    pub address: SocketAddr,
    /// The check.
    pub check: &'a HealthCheck,
    /// When the probe began.
    pub began: Instant,
    /// What came of it.
    pub result: &'a ProbeResult,
    /// How old the newest measured result is, which may be this one.
    pub measured_ago: Duration,
    /// How long ago the first probe began that was not measured since that result; zero after a result. Unlike `measured_ago` it has nothing of the time
    /// for which a probe only waited: for its budget, for room, for its first turn.
    pub unmeasured_for: Duration,
    /// The state after it: rise and fall counted. None before the first measured result.
    pub healthy: Option<bool>,
    /// Whether this result changed the state, or set it for the first time.
    pub flipped: bool,
}

/// What is known of one address under one check, for `explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Positions in the order of `Estate::subject_count`.
    pub endpoints: Vec<usize>,
    /// The endpoint's address.
    pub address: SocketAddr,
    /// The check.
    pub check: CheckName,
    /// The state; none before the first measured result.
    pub healthy: Option<bool>,
    /// How long the last probe took.
    pub last_took: Option<Duration>,
    /// The last bad result, or the last probe that could not be made.
    pub last_failure: Option<LastFailure>,
}

/// A failure and its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastFailure {
    /// What was wrong, at most 200 characters.
    pub text: String,
    /// How long ago.
    pub ago: Duration,
}

/// How busy the prober is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Addresses and checks under probe.
    pub jobs: usize,
    /// Probes running now.
    pub in_flight: usize,
    /// How late the last probe began: more than a moment means that `max_in_flight` is too small for this estate.
    pub late_by: Duration,
}

/// What the board keeps of a job.
#[derive(Debug)]
struct Noted {
    id: JobId,
    address: SocketAddr,
    check: Arc<HealthCheck>,
    endpoints: Vec<usize>,
    healthy: Option<bool>,
    last_took: Option<Duration>,
    failed: Option<(Instant, Box<str>)>,
}

impl Noted {
    fn of(id: JobId, job: &Job) -> Noted {
        Noted {
            id,
            address: job.address,
            check: job.check.clone(),
            endpoints: job.endpoints.clone(),
            healthy: job.streak.healthy(),
            last_took: None,
            failed: None,
        }
    }

    fn evidence(&self, now: Instant) -> Evidence {
        let ago = |at| now.saturating_duration_since(at);
        Evidence {
            endpoints: self.endpoints.clone(),
            address: self.address,
            check: self.check.name.clone(),
            healthy: self.healthy,
            last_took: self.last_took,
            last_failure: self
                .failed
                .as_ref()
                .map(|(at, text)| LastFailure { text: text.to_string(), ago: ago(*at) }),
        }
    }
}

#[derive(Debug, Default)]
struct Board {
    /// By the place of its job.
    noted: Vec<Option<Noted>>,
    load: Load,
}

/// Probes an estate. Clones share what they know; [`Prober::run`] is called once.
#[derive(Clone, Debug)]
pub struct Prober {
    config: ProberConfig,
    board: Arc<Mutex<Board>>,
}

impl Prober {
    /// A prober that does nothing until it is run.
    pub fn new(config: ProberConfig) -> Self {
        Prober { config, board: Arc::default() }
    }

    /// What is known of every address and check, in no promised order.
    pub fn evidence(&self) -> Vec<Evidence> {
        let now = Instant::now();
        self.board().noted.iter().flatten().map(|noted| noted.evidence(now)).collect()
    }

    /// How busy it is.
    pub fn load(&self) -> Load {
        self.board().load
    }

    /// Probes the estate that `estate_of` finds in the newest value of `source`, until `shutdown` is true or its sender is gone.
    /// While it finds none, or `source` has no sender any more, the last estate stays in force.
    pub async fn run<T: Send + Sync, G: Into<Given>>(
        &self,
        source: watch::Receiver<T>,
        estate_of: impl Fn(&T) -> Option<G> + Send,
        sink: impl Sink,
        shutdown: watch::Receiver<bool>,
    ) {
        self.run_with(Network(Tools::new(self.config.commands.clone())), source, estate_of, sink, shutdown)
            .await;
    }

    /// [`Prober::run`] with probes of another making.
    pub async fn run_with<T: Send + Sync, G: Into<Given>>(
        &self,
        probing: impl Probing,
        mut source: watch::Receiver<T>,
        estate_of: impl Fn(&T) -> Option<G> + Send,
        sink: impl Sink,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut engine = Engine::new(self, probing, sink);
        let mut source_lives = true;
        source.mark_changed();
        let mut timer = pin!(sleep_until(engine.epoch));
        loop {
            if engine.start_what_is_due() {
                // Those that have just begun, and those that have an answer, come first.
                task::yield_now().await;
            }
            let (next_due, has_room) = (engine.next_due(), engine.has_room());
            if timer.deadline() != next_due {
                timer.as_mut().reset(next_due);
            }
            tokio::select! {
                biased;
                // Also ends when the sender is gone: nobody could ever stop us then.
                _ = shutdown.wait_for(|stop| *stop) => return,
                changed = source.changed(), if source_lives => {
                    source_lives = changed.is_ok();
                    let given = estate_of(&source.borrow_and_update()).map(Into::into);
                    engine.adopt(given);
                }
                Some(ended) = engine.running.join_next_with_id() => {
                    engine.take(ended);
                    while let Some(ended) = engine.running.try_join_next_with_id() {
                        engine.take(ended);
                    }
                }
                () = &mut timer, if has_room => {}
            }
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A probe of a job. It counts only while the job still says the same.
    Job(JobId),
    /// A look at those who wait for this address.
    Address(IpAddr),
}

struct Engine<'a, P, S> {
    prober: &'a Prober,
    probing: P,
    sink: S,
    epoch: Instant,
    estate: Option<Arc<Estate>>,
    jobs: Jobs,
    due: BinaryHeap<Reverse<(Instant, Due)>>,
    /// No probe begins sooner: the last portion was full.
    portion_from: Instant,
    /// Between two portions.
    portion_pause: Duration,
    budget: Budget,
    running: JoinSet<ProbeResult>,
    started: HashMap<task::Id, (JobId, Instant)>,
}

impl<'a, P: Probing, S: Sink> Engine<'a, P, S> {
    fn new(prober: &'a Prober, probing: P, sink: S) -> Self {
        let now = Instant::now();
        prober.config.counts.set_limit(prober.config.max_in_flight.max(1));
        Engine {
            prober,
            probing,
            sink,
            epoch: now,
            estate: None,
            jobs: Jobs::default(),
            due: BinaryHeap::new(),
            portion_from: now,
            portion_pause: Duration::ZERO,
            budget: Budget::default(),
            running: JoinSet::new(),
            started: HashMap::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.prober.config.max_in_flight.max(1)
    }

    fn next_due(&self) -> Instant {
        // With nothing to do, something else wakes us.
        let next = self.due.peek().map(|Reverse((at, _))| (*at).max(self.portion_from));
        next.unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    fn adopt(&mut self, given: Option<Given>) {
        let Some(Given { estate, verdicts }) = given else { return };
        if self.estate.as_ref().is_some_and(|old| old.digest == estate.digest) {
            return;
        }
        let presumed = if self.estate.is_none() { verdicts } else { Verdicts::default() };
        let (config, now) = (&self.prober.config, Instant::now());
        let zone = config.checker_of.as_ref();
        let share = zone.is_some().then(|| {
            let checking = &estate.checking;
            Share::of(checking.probes_per_second_max, checking.vantages(estate.zones.len()))
        });
        let scope = Scope {
            node: &config.node,
            shards: &Shards::of(&estate, zone),
            standing: config.standing,
            share,
        };
        self.jobs.adopt(scope, &estate, &presumed, now);
        if let Some(share) = share {
            self.budget.adopt(share, now);
        }
        let due = self.jobs.all().filter_map(|(id, job)| Some(Reverse((job.due?, Due::Job(id)))));
        self.due = due.collect();
        self.portion_pause = schedule::pause(AT_ONCE, self.jobs.all().map(|(_, job)| job.pace()));
        let (known, healthy) = self.jobs.bitmaps(estate.subject_count());
        self.renew_board();
        self.sink.estate_changed(&estate, &known, &healthy);
        self.estate = Some(estate);
    }

    fn renew_board(&self) {
        let mut board = self.prober.board();
        let mut old = std::mem::take(&mut board.noted);
        for (id, job) in self.jobs.all() {
            let slot = id.slot as usize;
            let kept = old.get_mut(slot).and_then(Option::take).filter(|noted| noted.id == id);
            let mut noted = kept.unwrap_or_else(|| Noted::of(id, job));
            noted.endpoints.clone_from(&job.endpoints);
            noted.check = job.check.clone();
            if board.noted.len() <= slot {
                board.noted.resize_with(slot + 1, || None);
            }
            board.noted[slot] = Some(noted);
        }
        board.load.jobs = self.jobs.len();
    }

    /// Whether its portion was full: then there may be more.
    fn start_what_is_due(&mut self) -> bool {
        let now = Instant::now();
        let mut late_by = None;
        let portion = if now < self.portion_from { 0 } else { AT_ONCE };
        let mut begun = 0;
        while begun < portion {
            let Some(Reverse((at, due))) = self.due.peek().copied() else { break };
            if !self.has_room() || !self.is_its_turn(due, at, now, begun) {
                break;
            }
            self.due.pop();
            begun += 1;
            match due {
                Due::Job(id) => late_by = self.begin_or_put_off(id, at, now).or(late_by),
                Due::Address(ip) => {
                    let (job, again) = self.budget.next(ip, now);
                    self.due.extend(again.map(|at| Reverse((at, due))));
                    if let Some(id) = job {
                        self.begin(id, now);
                    }
                }
            }
        }
        let is_full = begun == AT_ONCE;
        if is_full {
            self.portion_from = now + self.portion_pause;
        }
        let in_flight = self.running.len();
        self.prober.config.counts.set_load(self.jobs.len(), in_flight);
        let mut board = self.prober.board();
        board.load.in_flight = in_flight;
        board.load.late_by = late_by.unwrap_or(board.load.late_by);
        is_full
    }

    /// How late it begins, if it does.
    fn begin_or_put_off(&mut self, id: JobId, at: Instant, now: Instant) -> Option<Duration> {
        let job = self.jobs.get_mut(id).filter(|job| job.due == Some(at))?;
        if job.is_rationed {
            let ip = probed_ip(&job.check, job.address);
            let leave = self.budget.ask(ip, id, now);
            if let Leave::Wait(until) = leave {
                self.due.push(Reverse((until, Due::Address(ip))));
            }
            if leave != Leave::Now {
                self.prober.config.counts.put_off();
                return None;
            }
        }
        self.begin(id, now);
        Some(now.saturating_duration_since(at))
    }

    /// Whether it begins now: it is due, or soon, and others begin anyway.
    fn is_its_turn(&mut self, due: Due, at: Instant, now: Instant, begun: u32) -> bool {
        if at <= now || begun == 0 || begun >= TOGETHER {
            return at <= now;
        }
        let Due::Job(id) = due else { return false };
        // What is said no more is only taken away.
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.due == Some(at)) else { return true };
        let may = !job.is_rationed && !job.streak.is_in_doubt();
        may && at.saturating_duration_since(now) <= schedule::ahead(job.pace())
    }

    fn begin(&mut self, id: JobId, now: Instant) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        // One that runs is not due.
        let Some(due) = job.due.take() else { return };
        self.prober.config.counts.began(now.saturating_duration_since(due));
        let (probing, check, address) = (self.probing.clone(), job.check.clone(), job.address);
        let task = self.running.spawn(async move { probing.probe(&check, address).await });
        self.started.insert(task.id(), (id, now));
    }

    fn take(&mut self, ended: Result<(task::Id, ProbeResult), JoinError>) {
        let now = Instant::now();
        let (task, result) = match ended {
            Ok((task, result)) => (task, Some(result)),
            Err(error) => (error.id(), None),
        };
        let Some((id, began)) = self.started.remove(&task) else { return };
        // A job that is gone, or whose check changed, has no use for this result.
        let (Some(job), Some(estate)) = (self.jobs.get_mut(id), &self.estate) else { return };
        let result = result.unwrap_or_else(|| ProbeResult {
            outcome: Outcome::Unmeasured("the probe broke off by a fault of ours".to_owned()),
            took: now - began,
        });
        let is_good = result.outcome.is_good();
        self.prober.config.counts.ended(is_good);
        if matches!(result.outcome, Outcome::Behind(_)) {
            self.prober.config.counts.behind();
        }
        let flipped = is_good.is_some_and(|good| job.streak.count(good, &job.check));
        if is_good.is_some() {
            job.measured = now;
            job.unmeasured_since = None;
        }
        let unmeasured_since = match is_good {
            Some(_) => now,
            None => *job.unmeasured_since.get_or_insert(began),
        };
        let in_doubt = job.streak.is_in_doubt();
        let due = schedule::next(self.epoch, began, now, job.pace(), job.phase, in_doubt);
        job.due = Some(due);
        self.due.push(Reverse((due, Due::Job(id))));
        note(&mut self.prober.board(), id, &result, job.streak.healthy(), now);
        self.sink.observed(&Observation {
            estate,
            endpoints: &job.endpoints,
            address: job.address,
            check: &job.check,
            began,
            result: &result,
            measured_ago: now.saturating_duration_since(job.measured),
            unmeasured_for: now.saturating_duration_since(unmeasured_since),
            healthy: job.streak.healthy(),
            flipped,
        });
    }
}

fn note(board: &mut Board, id: JobId, result: &ProbeResult, healthy: Option<bool>, now: Instant) {
    let noted = board.noted.get_mut(id.slot as usize).and_then(Option::as_mut);
    let Some(noted) = noted.filter(|noted| noted.id == id) else { return };
    noted.healthy = healthy;
    noted.last_took = Some(result.took);
    let text = match &result.outcome {
        Outcome::Good => return,
        Outcome::Bad(failure) => failure.to_string(),
        Outcome::Unmeasured(why) => why.clone(),
        Outcome::Behind(by) => failure::behind(*by),
    };
    noted.failed = Some((now, text.chars().take(200).collect()));
}
