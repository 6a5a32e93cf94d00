//! One seeded run: clients work, harm is done, all is healed; then the history, the ledger and every plane are looked at.
//!
//! 1. While harm is done that leaves nobody a quorum, nothing is written, and every plane serves what it served.
//! 2. After each healing every control node answers a read of all that was acknowledged.
//! 3. At the end: the history is linearizable; every acknowledged batch stands in the ledger where it was said to; every plane obeys the newest
//!    revision and serves by it; etcd's members hold the same.
//!
//! Not here: what harm is (`faults`).

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use hf_control::Outcome;
use hf_history::Limits;
use hf_history::controls::{Input, Output, Switch};
use hf_history::lines::Recorded as Written;
use hf_model::Revision;
use hf_sim::rng::Rng;

use super::clients::{Recorded, Workload, values};
use super::faults::{Harm, Kind};
use super::layout::{PANEL, PLACES, PLANES, ZONES, control_name, controls, plane_name};
use super::truth::Truth;
use super::watch::Watcher;
use super::{DEADLINE, Places, Special, timed};
use crate::wait::{observe_for, wait_for};

/// From the cut to the moment at which nothing is on its way any more.
const SETTLES: Duration = Duration::from_millis(2_500);

/// How long runs are.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Kinds of harm, one after another.
    pub harms: usize,
    /// How long a cut, or the death of places, lasts.
    pub cut: Duration,
    /// How long anything else lasts.
    pub short: Duration,
}

impl Length {
    /// For every run of the tests.
    pub const SHORT: Length = Length { harms: 3, cut: Duration::from_secs(5), short: Duration::from_secs(2) };
    /// For the night.
    pub const LONG: Length =
        Length { harms: 4, cut: Duration::from_secs(30), short: Duration::from_secs(10) };
}

/// What a run has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The kinds of harm.
    pub harms: Vec<Kind>,
    /// Operations of clients.
    pub operations: usize,
    /// Of these, with an answer.
    pub answered: usize,
    /// Of these, refused by a rule or a floor.
    pub refused: usize,
    /// Attempts that had to be repeated.
    pub repeated: u64,
    /// The ledger's newest revision.
    pub revision: u64,
    /// Rules checked at a revision.
    pub rules_checked: u64,
    /// The longest time from a healing to answers of all control nodes.
    pub answers_after_ms: u128,
    /// The time from the last healing to all planes at the newest revision.
    pub planes_after_ms: u128,
    /// Planes that started from an older snapshot than their newest.
    pub older_starts: u64,
    /// The longest time without an answer to any client, while there was a quorum.
    pub silence_ms: u128,
    /// All processes.
    pub memory_kib: u64,
    /// The whole run, and of it the start.
    pub took: (Duration, Duration),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {} operations, {} answered ({} refused), {} attempts repeated, {} revisions, {} rules checked; control answers {} ms after \
             healing at most, planes {} ms; {} older starts; longest silence with a quorum {} ms; {} MiB; {:.1} s, of them {:.1} s to start",
            self.harms,
            self.operations,
            self.answered,
            self.refused,
            self.repeated,
            self.revision,
            self.rules_checked,
            self.answers_after_ms,
            self.planes_after_ms,
            self.older_starts,
            self.silence_ms,
            self.memory_kib >> 10,
            self.took.0.as_secs_f32(),
            self.took.1.as_secs_f32(),
        )
    }
}

/// One seed, from beginning to end.
///
/// # Panics
///
/// When a rule does not hold: the message says which, and the seed repeats the harm (not its instants).
pub fn run(seed: u64, length: Length) -> Seen {
    let begun = Instant::now();
    let mut rng = Rng::new(seed);
    // Neighbouring seeds have other kinds of harm: three of them have all.
    let first = seed as usize * length.harms;
    let kinds: Vec<Kind> = (first..first + length.harms).map(|at| Kind::ALL[at % Kind::ALL.len()]).collect();
    let mut one = |kind| kinds.contains(&kind).then(|| rng.below(PLACES as u64) as usize);
    let special = Special { odd_clock: one(Kind::Skew), small_disk: one(Kind::FullDisk) };
    println!("HF_SEED={seed}: {kinds:?}");
    let (world, start) = timed(|| Places::start(special));
    let runtime = world.runtime.handle().clone();
    let truth = {
        let _in = runtime.enter();
        Truth::follow(&world.etcd_config())
    };
    let watcher = runtime.block_on(Watcher::begin(world.folder()));
    let workload = Workload::begin(&world, seed);
    let mut run =
        Run { world, truth, watcher, special, rng, begun, seen: Seen { harms: kinds, ..Seen::default() } };
    wait_for("the clients to be at work", DEADLINE, || {
        if workload.answered() > 20 { Ok(()) } else { Err(format!("{} answers", workload.answered())) }
    });
    for kind in run.seen.harms.clone() {
        run.round(kind, length, &workload);
    }
    let healed = Instant::now();
    let recorded = runtime.block_on(workload.end());
    run.check_end(recorded, healed);
    run.seen.took = (begun.elapsed(), start);
    run.seen
}

struct Run {
    world: Places,
    truth: Truth,
    watcher: Watcher,
    special: Special,
    rng: Rng,
    begun: Instant,
    seen: Seen,
}

impl Run {
    fn say(&self, what: &str) {
        println!("{:7.3} s: {what}", self.begun.elapsed().as_secs_f32());
    }

    /// Harm, a while, healing, and answers of all.
    fn round(&mut self, kind: Kind, length: Length, workload: &Workload) {
        let harm = Harm::draw(kind, self.special, self.world.leader(), &mut self.rng);
        self.say(&harm.describe());
        self.world.harm(&harm);
        let length = harm.length(length.cut, length.short);
        if kind.is_without_quorum() {
            self.serve_as_before(length);
        } else {
            self.observe(length, Some(workload));
        }
        let (newest, healed) = (self.truth.look(|told| told.state.revision), Instant::now());
        self.say(&format!("healed; revision {newest}"));
        self.world.heal(&harm);
        for place in 0..PLACES {
            let client = self.world.client(&[place]);
            wait_for(&format!("{} to answer", control_name(place)), DEADLINE, || {
                self.world.runtime.block_on(client.controls(false)).map_err(|error| error.to_string())
            });
        }
        self.seen.answers_after_ms = self.seen.answers_after_ms.max(healed.elapsed().as_millis());
    }

    /// Lets the clients go on, and looks how long none of them has an answer.
    fn observe(&mut self, length: Duration, workload: Option<&Workload>) {
        let end = Instant::now() + length;
        let (mut count, mut since) = (0, Instant::now());
        while Instant::now() < end {
            observe_for(Duration::from_millis(20));
            self.check_so_far();
            let now = workload.map_or(0, Workload::answered);
            if now > count {
                (count, since) = (now, Instant::now());
            }
            self.seen.silence_ms = self.seen.silence_ms.max(since.elapsed().as_millis());
        }
    }

    /// Nobody has a quorum: no revision is made, and every plane serves what it served.
    fn serve_as_before(&mut self, length: Duration) {
        observe_for(SETTLES.min(length / 2));
        let newest = self.truth.look(|told| told.state.revision);
        let (before, obeyed) = (self.all_serve(), self.obeyed());
        observe_for(length.saturating_sub(SETTLES));
        assert_eq!(self.truth.look(|told| told.state.revision), newest, "an entry without a quorum");
        assert_eq!(self.all_serve(), before, "planes serve something else without control");
        assert_eq!(self.obeyed(), obeyed, "planes obey something else without control");
        self.check_so_far();
    }

    fn obeyed(&self) -> BTreeMap<String, u64> {
        self.watcher.planes().into_iter().map(|(name, plane)| (name, plane.revision)).collect()
    }

    fn all_serve(&self) -> Vec<[bool; ZONES.len()]> {
        (0..PLANES)
            .map(|plane| {
                wait_for(&format!("{} to answer", plane_name(plane)), DEADLINE, || self.world.serves(plane))
            })
            .collect()
    }

    fn check_so_far(&self) {
        if let Some(what) = self.truth.look(|told| told.wrong.clone()).or_else(|| self.watcher.wrong()) {
            panic!("{what}");
        }
    }

    fn check_end(&mut self, recorded: Recorded, healed: Instant) {
        if let Some(what) = &recorded.wrong {
            panic!("{what}");
        }
        let runtime = self.world.runtime.handle().clone();
        let newest = runtime.block_on(self.truth.newest()).expect("a quorum");
        wait_for("all entries", DEADLINE, || {
            self.check_so_far();
            let at = self.truth.look(|told| told.state.revision);
            if at >= newest { Ok(()) } else { Err(format!("{at} of {newest}")) }
        });
        if let Err(what) = runtime.block_on(self.watcher.all_obey(newest.0, DEADLINE)) {
            panic!("{what}");
        }
        self.seen.planes_after_ms = healed.elapsed().as_millis();
        self.check_so_far();
        self.all_agree(newest);
        self.world.members_hold_the_same();
        self.check_history(recorded);
        self.check_logs();
        self.seen.revision = newest.0;
        self.seen.rules_checked = self.truth.look(|told| told.rules_checked);
        self.seen.older_starts = self.watcher.planes().values().map(|plane| plane.older_starts).sum();
        self.seen.memory_kib = self.world.memory_kib();
    }

    /// Control nodes and planes say what the ledger says.
    fn all_agree(&self, newest: Revision) {
        let on: BTreeMap<String, Switch> = self.truth.look(|told| {
            let board = &told.state.board;
            let panel = board.panels.values().find(|panel| panel.name.as_str() == PANEL).expect("the panel");
            let switch = |to| if to == hf_model::Switch::On { Switch::On } else { Switch::Off };
            board
                .controls_of(panel.id)
                .map(|control| (control.name.to_string(), switch(control.to)))
                .collect()
        });
        for place in 0..PLACES {
            let told = self.world.runtime.block_on(self.world.client(&[place]).controls(false));
            let told = values(&told.expect("a control node that answered a moment ago"));
            let right = Output::Values { revision: newest.0, controls: on.clone() };
            assert_eq!(told, right, "{} says something else than the ledger", control_name(place));
        }
        let open: [bool; ZONES.len()] =
            std::array::from_fn(|zone| on[&format!("zone-{}", zone + 1)] == Switch::On);
        for (plane, serves) in self.all_serve().into_iter().enumerate() {
            assert_eq!(serves, open, "{} serves something else than the ledger says", plane_name(plane));
        }
    }

    fn check_history(&mut self, recorded: Recorded) {
        let Recorded { history, repeated, .. } = recorded;
        self.seen.repeated = repeated;
        self.seen.operations = history.len();
        self.seen.answered = history.iter().filter(|operation| operation.returned.is_some()).count();
        for operation in &history {
            let (Input::Set { request, .. }, Some(output)) = (&operation.input, operation.output()) else {
                continue;
            };
            match output {
                Output::Done { revision } => self.truth.look(|told| {
                    let found = told.outcomes.get(revision);
                    let is_it =
                        matches!(found, Some((asked, Outcome::Done { .. })) if asked.as_str() == request);
                    assert!(
                        is_it,
                        "{request} was acknowledged at {revision}, where the ledger has {found:?}"
                    );
                }),
                _ => self.seen.refused += 1,
            }
        }
        let path = self.world.folder().join("history.jsonl");
        let written = Written { controls: controls(), operations: history };
        let file = std::fs::File::create(&path).expect("a file");
        written.write(std::io::BufWriter::new(file)).expect("it is written");
        if let Err(what) = written.check(Limits::default()) {
            let kept = std::env::temp_dir().join(format!("holdfast-history-{}.jsonl", std::process::id()));
            let _ = std::fs::copy(&path, &kept); // without it the text below still says what is wrong
            panic!("{what}\nthe history is kept in {}", kept.display());
        }
    }

    /// A clock that leaps is an error, said by its node and by those who read its stamps; anything else is a fault of its own.
    fn check_logs(&self) {
        let has_odd = self.special.odd_clock.is_some();
        let errors = self.world.errors(|_, line| has_odd && line.contains("control::stamps"));
        assert!(errors.is_empty(), "logged:\n{}", errors.join("\n"));
    }
}
