//! What a snapshot makes of the plans: who may be chosen now. Made once for each snapshot; a question only looks.
//!
//! 1. A record, or a branch that leads to a pool, answers from its pool, or from the pool that stands in for it, or not at all.
//! 2. Which branches of a tree are open, `hf-decide` says; where an act names a tree, what is below it has decisions of its own.

use std::sync::Arc;

use hf_config::estate::{AddressFamily, BranchTo, Estate, PoolIx, TreeDown};
use hf_decide::{BranchLeads, Mode, Own, PoolDecision, TreeDecision, TreeMode};
use hf_health::Verdict;
use hf_select::State;
use hf_snapshot::Snapshot;

use crate::plans::{LeafIx, Plans};
use crate::routes::Routes;

/// Who may be chosen now.
#[derive(Debug)]
pub struct Standing {
    /// One for each pool, then one for each record or branch with a decision of its own.
    pub states: Vec<States>,
    /// One for each record of the estate.
    pub records: Vec<LeafStanding>,
    /// One for each tree of the estate, then one for each branch that leads to a tree with a decision of its own.
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
    /// Which, as a position in the estate.
    pub tree: u16,
    /// Which branches may be chosen; none if it answers nothing.
    pub state: State,
    /// The branches that can still answer a client for whom none of the others is; none if the tree answers nothing then.
    pub ignoring_health: Option<State>,
    /// Whether no branch is open.
    pub is_down: bool,
    /// For each branch.
    pub leads: Vec<Leads>,
}

/// Where a branch leads now.
#[derive(Clone, Copy, Debug)]
pub enum Leads {
    /// To endpoints.
    Leaf(LeafStanding),
    /// To a tree, as a position in [`Standing::trees`].
    Tree(u32),
}

impl Standing {
    /// What a snapshot makes of the plans for its estate.
    pub fn new(snapshot: &Snapshot, routes: &Routes) -> Self {
        let Snapshot { estate, decision, .. } = snapshot;
        let mut states: Vec<States> = decision.pools.iter().map(|of| States::new(estate, of)).collect();
        let mut records = Vec::with_capacity(estate.records.len());
        for (at, record) in estate.records.iter().enumerate() {
            let own = decision.records.get(at).and_then(Option::as_ref);
            let of = own.map_or(record.pool.at() as u32, |own| {
                states.push(States::new(estate, own));
                (states.len() - 1) as u32
            });
            let leaf = |pool| routes.plans.of_record(at, pool, record.family);
            records.push(LeafStanding::new(snapshot, record.pool, (own, of), leaf));
        }
        let zonal = estate.pool_indexes().map(|pool| ZonalStates::new(snapshot, routes, pool)).collect();
        let trees = Trees { snapshot, plans: &routes.plans, records: &records, states, ahead: Vec::new() };
        let (states, trees) = trees.all();
        Standing { states, records, trees, zonal }
    }
}

impl States {
    fn new(estate: &Estate, decision: &PoolDecision) -> Self {
        States { serving: State::of_dns(estate, decision), ignoring_health: State::ignoring_health(decision) }
    }
}

impl ZonalStates {
    fn new(snapshot: &Snapshot, routes: &Routes, pool: PoolIx) -> Self {
        let estate = &snapshot.estate;
        let first = routes.per_pool[pool.at()].first_endpoint;
        let count = estate.pool(pool).endpoints.len();
        // Without a check an old verdict says nothing, and a check that is not about each endpoint speaks for all, as in `hf-decide`.
        let unchecked = estate.pool(pool).health_check.is_none();
        let common = hf_decide::common_verdict(estate, &snapshot.intent, &snapshot.verdicts, pool);
        let own = |at: usize| hf_health::endpoint_verdict(estate, &snapshot.verdicts, pool, first + at);
        let verdict = |at: usize| common.unwrap_or_else(|| own(at));
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

/// Trees on their way to a standing.
struct Trees<'a> {
    snapshot: &'a Snapshot,
    plans: &'a Plans,
    records: &'a [LeafStanding],
    states: Vec<States>,
    /// Trees by position in the estate: those of the estate first, then those that branches have of their own. Each decision once.
    ahead: Vec<(u16, Arc<TreeDecision>)>,
}

impl Trees<'_> {
    /// The standings of all. Decisions of their own are as many as `hf-decide` made.
    fn all(mut self) -> (Vec<States>, Vec<TreeStanding>) {
        self.ahead = (0_u16..).zip(self.snapshot.decision.trees.iter().cloned()).collect();
        let mut done = Vec::with_capacity(self.ahead.len());
        while let Some((tree, decision)) = self.ahead.get(done.len()).cloned() {
            done.push(self.one(tree, &decision));
        }
        (self.states, done)
    }

    fn one(&mut self, at: u16, decision: &TreeDecision) -> TreeStanding {
        let snapshot = self.snapshot;
        let tree = &snapshot.estate.trees[usize::from(at)];
        let branches = tree.branches.iter().zip(&decision.branches).enumerate();
        let leads = branches
            .map(|(number, (branch, decided))| {
                let leads = snapshot.decision.branch_leads(&snapshot.estate, branch.to, decided);
                match (branch.to, leads, &decided.own) {
                    (BranchTo::Tree(to), _, Some(Own::Tree(own))) => Leads::Tree(self.tree(to, own)),
                    (BranchTo::Tree(to), ..) => Leads::Tree(u32::from(to)),
                    (BranchTo::Record(record), _, None) => Leads::Leaf(self.records[usize::from(record)]),
                    (_, BranchLeads::Pool(of), own) => {
                        let is_own = own.is_some();
                        Leads::Leaf(self.leaf(usize::from(at), number, tree.family, of, is_own))
                    }
                    (_, BranchLeads::Tree(_), _) => Leads::Leaf(LeafStanding::Closed { pool: PoolIx(0) }),
                }
            })
            .collect();
        let fails_open = tree.all_down == TreeDown::Open && decision.mode != TreeMode::Closed;
        TreeStanding {
            tree: at,
            state: State::of_tree(decision),
            ignoring_health: fails_open.then(|| State::of_tree_ignoring_health(decision)),
            is_down: !decision.is_open(),
            leads,
        }
    }

    /// The position of a tree with a decision of its own.
    fn tree(&mut self, to: u16, own: &Arc<TreeDecision>) -> u32 {
        let known = self.ahead.iter().position(|(tree, of)| *tree == to && Arc::ptr_eq(of, own));
        let at = known.unwrap_or_else(|| {
            self.ahead.push((to, own.clone()));
            self.ahead.len() - 1
        });
        at as u32
    }

    fn leaf(
        &mut self,
        tree: usize,
        number: usize,
        family: AddressFamily,
        of: &PoolDecision,
        is_own: bool,
    ) -> LeafStanding {
        let snapshot = self.snapshot;
        let branch = &snapshot.estate.trees[tree].branches[number];
        let states = if is_own {
            self.states.push(States::new(&snapshot.estate, of));
            (self.states.len() - 1) as u32
        } else {
            of.pool.at() as u32
        };
        let plans = self.plans;
        let chain = |pool| match branch.to {
            BranchTo::Record(record) => {
                let record = usize::from(record);
                plans.of_record(record, pool, snapshot.estate.records[record].family)
            }
            _ => plans.of_branch(tree, number, pool, family),
        };
        LeafStanding::new(snapshot, of.pool, (Some(of), states), chain)
    }
}
