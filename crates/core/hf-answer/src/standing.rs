//! What a snapshot makes of the plans: who may be chosen now. Made once for each snapshot; a question only looks.
//!
//! 1. A record, or a branch that leads to a pool, answers from its pool, or from the pool that stands in for it, or not at all.
//! 2. A branch is open while enough of what is behind it serves by itself: endpoints that serve although they look unhealthy do not
//!    count, nor does a pool that stands in for another. So a level reports failure upward while it can still answer.
//! 3. A tree without an open branch answers as if all were open, or nothing, as it says; to the level above it it has failed.

use hf_config::estate::{AddressFamily, BranchTo, Estate, PoolIx, TreeDown};
use hf_control::Intent;
use hf_decide::{Mode, PoolDecision, Reason};
use hf_health::Verdict;
use hf_model::{ControlPath, Switch};
use hf_select::State;
use hf_snapshot::Snapshot;

use crate::plans::{LeafIx, Plans, family_of};
use crate::routes::Routes;

/// Who may be chosen now.
#[derive(Debug)]
pub struct Standing {
    /// One for each pool, then one for each record with a decision of its own.
    pub states: Vec<States>,
    /// One for each record of the estate.
    pub records: Vec<LeafStanding>,
    /// One for each tree of the estate.
    pub trees: Vec<TreeStanding>,
    /// For zonal names: by pool.
    pub zonal: Vec<ZonalStates>,
}

/// One decision as sets of endpoints.
#[derive(Debug)]
pub struct States {
    /// What serves.
    pub serving: State,
    /// The same with what health took away put back; what an operator took away stays away.
    pub ignoring_health: State,
}

/// A pool's endpoints for its zonal names: a shift does not count there, since whoever asks for a zone by name means that zone.
#[derive(Debug)]
pub struct ZonalStates {
    /// Those that are not known to be unhealthy.
    pub up: State,
    /// All.
    pub all: State,
}

/// Where a record's answer, or that of a branch to a pool, comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafStanding {
    /// From nowhere: this pool answers nothing while nobody is healthy, or this family has no plan.
    Closed {
        /// Its pool, or the one that stands in for it.
        pool: PoolIx,
    },
    /// From a pool's endpoints.
    Open {
        /// The pool that answers.
        pool: PoolIx,
        /// The record's or branch's own pool, where `pool` stands in for it.
        in_place_of: Option<PoolIx>,
        /// The chain over the pool's endpoints.
        leaf: LeafIx,
        /// A position in [`Standing::states`].
        states: u32,
    },
}

/// A tree.
#[derive(Debug)]
pub struct TreeStanding {
    /// Which branches may be chosen; none if it answers nothing.
    pub state: State,
    /// Whether no branch is open.
    pub is_down: bool,
    /// For each branch that leads to a pool.
    pub leaves: Vec<Option<LeafStanding>>,
    /// How many endpoints serve in open branches, and how many there are in all.
    counts: Counts,
}

/// Endpoints that serve by themselves, of those that there are.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    serving: usize,
    registered: usize,
}

impl Standing {
    /// What a snapshot makes of the plans for its estate.
    pub fn new(snapshot: &Snapshot, routes: &Routes) -> Self {
        let Snapshot { estate, decision, .. } = snapshot;
        let mut states: Vec<States> = decision.pools.iter().map(States::new).collect();
        let mut records = Vec::with_capacity(estate.records.len());
        for (at, record) in estate.records.iter().enumerate() {
            let own = decision.records.get(at).and_then(Option::as_ref);
            let of = own.map_or(record.pool.at() as u32, |own| {
                states.push(States::new(own));
                (states.len() - 1) as u32
            });
            let leaf = |pool| routes.plans.of_record(at, pool, record.family);
            records.push(LeafStanding::new(snapshot, record.pool, (own, of), leaf));
        }
        let zonal = estate.pool_indexes().map(|pool| ZonalStates::new(snapshot, routes, pool)).collect();
        let mut trees = Trees { snapshot, plans: &routes.plans, done: Vec::new() };
        trees.done.resize_with(estate.trees.len(), || None);
        (0..estate.trees.len()).for_each(|at| {
            trees.of(at);
        });
        let trees = trees.done.into_iter().map(|tree| tree.unwrap_or_default()).collect();
        Standing { states, records, trees, zonal }
    }
}

impl Default for TreeStanding {
    fn default() -> Self {
        TreeStanding { state: State::default(), is_down: true, leaves: Vec::new(), counts: Counts::default() }
    }
}

impl States {
    fn new(decision: &PoolDecision) -> Self {
        States { serving: State::of_pool(decision), ignoring_health: State::ignoring_health(decision) }
    }
}

impl ZonalStates {
    fn new(snapshot: &Snapshot, routes: &Routes, pool: PoolIx) -> Self {
        let estate = &snapshot.estate;
        let first = routes.per_pool[pool.at()].first_endpoint;
        let count = estate.pool(pool).endpoints.len();
        // Without a check an old verdict says nothing, and a routing control speaks for all endpoints, as in `hf-decide`.
        let unchecked = estate.pool(pool).health_check.is_none();
        let by_control = hf_decide::control_verdict(estate, &snapshot.intent, pool);
        let verdict = |at: usize| by_control.unwrap_or_else(|| snapshot.verdicts.get(first + at));
        let up = (0..count).map(|at| unchecked || verdict(at) != Verdict::Unhealthy);
        ZonalStates { up: State::new(up), all: State::new((0..count).map(|_| true)) }
    }
}

impl LeafStanding {
    /// `own`: a decision of its own beside its pool's, and where its sets are.
    fn new(
        snapshot: &Snapshot,
        pool: PoolIx,
        (own, of): (Option<&PoolDecision>, u32),
        leaf: impl Fn(PoolIx) -> Option<LeafIx>,
    ) -> Self {
        let pools = &snapshot.decision.pools;
        let own = own.unwrap_or(&pools[pool.at()]);
        let (decision, states, in_place_of) = match own.mode {
            Mode::Fallback(other) => (&pools[other.at()], other.at() as u32, Some(pool)),
            Mode::Normal | Mode::FailOpen | Mode::Closed => (own, of, None),
        };
        // `hf-decide` has followed the chain of fallbacks; here it led to nobody.
        let is_closed = matches!(decision.mode, Mode::Closed | Mode::Fallback(_));
        match leaf(decision.pool).filter(|_| !is_closed) {
            Some(leaf) => LeafStanding::Open { pool: decision.pool, in_place_of, leaf, states },
            None => LeafStanding::Closed { pool: decision.pool },
        }
    }
}

/// Trees, each after those that it leads to.
struct Trees<'a> {
    snapshot: &'a Snapshot,
    plans: &'a Plans,
    done: Vec<Option<TreeStanding>>,
}

impl Trees<'_> {
    /// What serves behind a tree. Trees have no rings (the estate's reader sees to it) and few levels.
    fn of(&mut self, at: usize) -> Counts {
        if let Some(done) = &self.done[at] {
            return done.counts;
        }
        let snapshot = self.snapshot;
        let Snapshot { estate, decision, intent, .. } = snapshot;
        let tree = &estate.trees[at];
        let mut open = Vec::with_capacity(tree.branches.len());
        let mut leaves = Vec::with_capacity(tree.branches.len());
        let mut counts = Counts::default();
        for (number, branch) in tree.branches.iter().enumerate() {
            let mut leaf = None;
            let behind = match branch.to {
                BranchTo::Pool(pool) => {
                    let chain = |pool| self.plans.of_branch(at, number, pool, tree.family);
                    leaf = Some(LeafStanding::new(snapshot, pool, (None, pool.at() as u32), chain));
                    count(estate, &decision.pools[pool.at()], tree.family)
                }
                BranchTo::Record(record) => {
                    let record = usize::from(record);
                    let steered = &estate.records[record];
                    count(estate, decision.for_record(record, steered.pool), steered.family)
                }
                BranchTo::Tree(other) => self.of(usize::from(other)),
            };
            let is_open = behind.serving > 0
                && branch.minimum.holds(behind.serving, behind.registered)
                && !is_off(intent, branch.control.as_ref());
            counts.registered += behind.registered;
            counts.serving += if is_open { behind.serving } else { 0 };
            open.push(is_open);
            leaves.push(leaf);
        }
        if is_off(intent, tree.control.as_ref()) {
            open.fill(false);
            counts.serving = 0;
        }
        let is_down = !open.contains(&true);
        if is_down && tree.all_down == TreeDown::Open {
            open.fill(true);
        }
        self.done[at] = Some(TreeStanding { state: State::new(open), is_down, leaves, counts });
        counts
    }
}

fn count(estate: &Estate, decision: &PoolDecision, family: AddressFamily) -> Counts {
    let mut counts = Counts::default();
    for (endpoint, decided) in estate.pool(decision.pool).endpoints.iter().zip(&decision.endpoints) {
        if family_of(endpoint.address.ip()) == family {
            counts.registered += 1;
            counts.serving += usize::from(decided.serves && decided.reason != Reason::FailOpen);
        }
    }
    counts
}

/// Whether a routing control is off. One that the intent does not know is on: losing word of it takes nothing away.
fn is_off(intent: &Intent, path: Option<&ControlPath>) -> bool {
    path.and_then(|path| intent.control(path)).is_some_and(|control| control.to == Switch::Off)
}
