//! Trees: which branches are open, from what was decided for pools and records.
//!
//! 1. A branch is open while what it leads to has its `minimum` in health, of the tree's address family, and its routing control is on.
//!    Failure goes upward: a pool that fails open, closes or falls back has nobody in health, which closes the branch though it could
//!    still answer by itself.
//! 2. A tree is open while one of its branches is.
//! 3. With none open the tree's `all_down` counts: `open` answers from all branches that still can, those whose control is off apart
//!    (health fails open before intent does); `closed` answers nothing. A tree whose own control is off answers nothing.
//! 4. An act on a tree's name reaches every pool that is asked through the tree, and no pool that is asked otherwise: those branches
//!    have decisions of their own ([`BranchDecision::own`]).
//!
//! Not here: which of the open branches answers (`hf-select`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::{AddressFamily, BranchTo, Estate, PoolIx, TreeDown};
use hf_control::{Intent, Scope};
use hf_model::{ControlPath, Timestamp};

use crate::controls;
use crate::decision::{Decision, Mode, PoolDecision, Reason};

/// What is open of one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDecision {
    /// How it answers.
    pub mode: TreeMode,
    /// One for each branch, in the tree's order.
    pub branches: Vec<BranchDecision>,
}

impl TreeDecision {
    /// Whether a tree above it may count on it.
    pub fn is_open(&self) -> bool {
        self.mode == TreeMode::Normal
    }

    fn has_own(&self) -> bool {
        self.branches.iter().any(|branch| branch.own.is_some())
    }
}

/// How a tree answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreeMode {
    /// From its open branches.
    Normal,
    /// None is open: from all that can still answer.
    FailOpen,
    /// Not at all.
    Closed,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchDecision {
    /// Whether it is asked.
    pub serves: bool,
    /// Why, or why not.
    pub reason: BranchReason,
    /// Endpoints behind it that are in health, of the tree's family.
    pub in_health: u32,
    /// Endpoints behind it, of the tree's family.
    pub registered: u32,
    /// What it leads to, where acts on the names above it decide otherwise than for everybody.
    pub own: Option<Own>,
}

/// A decision that holds for one branch only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// Of the pool, or of the record's pool.
    Pool(Arc<PoolDecision>),
    /// Of the tree.
    Tree(Arc<TreeDecision>),
}

/// How a branch stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BranchReason {
    /// It has its minimum.
    Open,
    /// It has not, though it could still answer.
    TooFew,
    /// What it leads to answers nothing.
    Silent,
    /// Its routing control is off.
    ControlOff {
        /// Which.
        path: ControlPath,
        /// Since when.
        since: Timestamp,
    },
}

impl std::fmt::Display for BranchReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BranchReason::Open => f.write_str("open"),
            BranchReason::TooFew => f.write_str("too few behind it are healthy"),
            BranchReason::Silent => f.write_str("what it leads to answers nothing"),
            BranchReason::ControlOff { path, .. } => write!(f, "control {path} off"),
        }
    }
}

/// What a branch leads to.
#[derive(Clone, Copy, Debug)]
pub enum BranchLeads<'a> {
    /// To a pool's endpoints, its own or a record's chain over them. [`Mode::Fallback`] leads on to another pool.
    Pool(&'a PoolDecision),
    /// To another tree.
    Tree(&'a TreeDecision),
}

impl Decision {
    /// What counts behind a branch of a tree: its own decision, or everybody's.
    pub fn branch_leads<'a>(
        &'a self,
        estate: &Estate,
        to: BranchTo,
        branch: &'a BranchDecision,
    ) -> BranchLeads<'a> {
        match (&branch.own, to) {
            (Some(Own::Pool(decision)), _) => BranchLeads::Pool(decision),
            (Some(Own::Tree(decision)), _) => BranchLeads::Tree(decision),
            (None, BranchTo::Pool(pool)) => BranchLeads::Pool(&self.pools[pool.at()]),
            (None, BranchTo::Record(record)) => {
                let record = usize::from(record);
                BranchLeads::Pool(self.for_record(record, estate.records[record].pool))
            }
            (None, BranchTo::Tree(tree)) => BranchLeads::Tree(&self.trees[usize::from(tree)]),
        }
    }
}

/// What is there before trees are decided.
pub(crate) struct Ground<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) intent: &'a Intent,
    pub(crate) pools: &'a [PoolDecision],
    pub(crate) records: &'a [Option<PoolDecision>],
    /// Whether any act names this tree or record.
    pub(crate) is_named: &'a dyn Fn(&Scope) -> bool,
    /// What is decided for a pool, or a record (by position) that answers from it, when it is asked through these names; none if that is
    /// what is decided for everybody.
    pub(crate) own: &'a DecideOwn<'a>,
}

/// Decides for a pool, or a record (by position) that answers from it, asked through names.
pub(crate) type DecideOwn<'a> = dyn Fn(PoolIx, Option<usize>, &[Scope]) -> Option<PoolDecision> + 'a;

/// A pool or record, and the named names that it is asked through.
type Asked = (PoolIx, Option<usize>, Vec<Scope>);

/// Trees decided so far; the names are those that acts name.
pub(crate) struct Trees<'a> {
    ground: Ground<'a>,
    trees: BTreeMap<(usize, Vec<Scope>), Arc<TreeDecision>>,
    own: BTreeMap<Asked, Option<Arc<PoolDecision>>>,
    /// Trees on the way down: one that led back to itself would be silent there.
    under_way: Vec<usize>,
}

/// What a branch may say of itself.
struct Behind {
    in_health: u32,
    registered: u32,
    /// Whether it answers at all when it is asked.
    can_answer: bool,
    own: Option<Own>,
}

impl<'a> Trees<'a> {
    pub(crate) fn new(ground: Ground<'a>) -> Self {
        Trees { ground, trees: BTreeMap::new(), own: BTreeMap::new(), under_way: Vec::new() }
    }

    /// Every tree as it is asked by itself, and the pool decisions that hold below single trees only.
    pub(crate) fn decide(mut self) -> (Vec<Arc<TreeDecision>>, Vec<Arc<PoolDecision>>) {
        let trees = (0..self.ground.estate.trees.len()).map(|tree| self.tree(tree, &[])).collect();
        (trees, self.own.into_values().flatten().collect())
    }

    fn tree(&mut self, at: usize, through: &[Scope]) -> Arc<TreeDecision> {
        let key = (at, through.to_vec());
        if let Some(known) = self.trees.get(&key) {
            return known.clone();
        }
        let tree = &self.ground.estate.trees[at];
        let mut names = through.to_vec();
        self.name(&tree.name, &mut names);
        self.under_way.push(at);
        let mut branches: Vec<BranchDecision> = Vec::with_capacity(tree.branches.len());
        for branch in &tree.branches {
            let behind = self.behind(branch.to, tree.family, &names);
            let off = controls::off(self.ground.intent, branch.control.as_ref());
            let enough = branch.minimum.holds(behind.in_health as usize, behind.registered as usize);
            let reason = match off {
                Some(control) => {
                    BranchReason::ControlOff { path: control.path.clone(), since: control.changed_at }
                }
                None if !behind.can_answer => BranchReason::Silent,
                None if enough => BranchReason::Open,
                None => BranchReason::TooFew,
            };
            let Behind { in_health, registered, own, .. } = behind;
            branches.push(BranchDecision { serves: false, reason, in_health, registered, own });
        }
        self.under_way.pop();
        let has = |reason: &BranchReason| branches.iter().any(|branch| branch.reason == *reason);
        let mode = if controls::off(self.ground.intent, tree.control.as_ref()).is_some() {
            TreeMode::Closed
        } else if has(&BranchReason::Open) {
            TreeMode::Normal
        } else if tree.all_down == TreeDown::Open && has(&BranchReason::TooFew) {
            TreeMode::FailOpen
        } else {
            TreeMode::Closed
        };
        for branch in &mut branches {
            branch.serves = match mode {
                TreeMode::Normal => branch.reason == BranchReason::Open,
                TreeMode::FailOpen => branch.reason == BranchReason::TooFew,
                TreeMode::Closed => false,
            };
        }
        let decision = Arc::new(TreeDecision { mode, branches });
        self.trees.insert(key, decision.clone());
        decision
    }

    /// Adds a name if acts name it.
    fn name(&self, name: &hf_model::DnsName, names: &mut Vec<Scope>) {
        let name = Scope::Record(name.clone());
        if !names.contains(&name) && (self.ground.is_named)(&name) {
            names.push(name);
        }
    }

    fn behind(&mut self, to: BranchTo, family: AddressFamily, names: &[Scope]) -> Behind {
        match to {
            BranchTo::Pool(pool) => self.behind_pool(pool, None, family, names),
            BranchTo::Record(record) => {
                let record = usize::from(record);
                self.behind_pool(self.ground.estate.records[record].pool, Some(record), family, names)
            }
            BranchTo::Tree(tree) => self.behind_tree(usize::from(tree), names),
        }
    }

    fn behind_pool(
        &mut self,
        pool: PoolIx,
        record: Option<usize>,
        family: AddressFamily,
        names: &[Scope],
    ) -> Behind {
        let own = if names.is_empty() {
            None
        } else {
            let decide = self.ground.own;
            let key = (pool, record, names.to_vec());
            self.own.entry(key).or_insert_with(|| decide(pool, record, names).map(Arc::new)).clone()
        };
        let everybodys = record.and_then(|record| self.ground.records[record].as_ref());
        let decision = own.as_deref().or(everybodys).unwrap_or(&self.ground.pools[pool.at()]);
        let endpoints = self.ground.estate.pool(pool).endpoints.iter().zip(&decision.endpoints);
        let of_family = endpoints.filter(|(endpoint, _)| family.holds(endpoint.address.ip()));
        let (mut in_health, mut registered, mut answers) = (0, 0, false);
        for (endpoint, decided) in of_family {
            let in_dns = decision.zone(endpoint.zone).is_none_or(|zone| zone.in_dns);
            registered += 1;
            in_health += u32::from(in_dns && decided.is_in_health());
            // Health fails open for a family of which nobody serves.
            answers |= decided.serves || decided.reason == Reason::Impaired;
        }
        let can_answer = match decision.mode {
            Mode::Normal | Mode::FailOpen => answers,
            Mode::Closed => false,
            Mode::Fallback(to) => {
                matches!(self.ground.pools[to.at()].mode, Mode::Normal | Mode::FailOpen)
            }
        };
        Behind { in_health, registered, can_answer, own: own.map(Own::Pool) }
    }

    fn behind_tree(&mut self, at: usize, names: &[Scope]) -> Behind {
        if self.under_way.contains(&at) {
            return Behind { in_health: 0, registered: 0, can_answer: false, own: None };
        }
        let decision = self.tree(at, names);
        let open = decision.branches.iter().filter(|branch| branch.reason == BranchReason::Open);
        Behind {
            in_health: open.map(|branch| branch.in_health).sum(),
            registered: decision.branches.iter().map(|branch| branch.registered).sum(),
            can_answer: decision.mode != TreeMode::Closed,
            own: (!names.is_empty() && decision.has_own()).then_some(Own::Tree(decision)),
        }
    }
}
