//! Who may be chosen now: what a decision says, as sets that every plan over the same pool or tree shares.
//!
//! Made anew when a decision changes, never for a question.
//!
//! Not here: the choice itself ([`Plan`](crate::Plan)).

use hf_config::estate::{Estate, ZoneIx};
use hf_decide::{BranchReason, EndpointDecision, PoolDecision, Reason, TreeDecision, TreeMode};
use hf_model::Share;

use crate::mask::{self, Mask};

/// Which candidates are open, by position in the pool or tree, and which zones have a part of the questions only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(crate) open: Mask,
    /// Those whose zone is out of DNS answers; empty where none is.
    pub(crate) out_of_dns: Mask,
    pub(crate) returning: Vec<(ZoneIx, Share)>,
}

impl State {
    /// With these candidates open, by position.
    pub fn new(open: impl IntoIterator<Item = bool>) -> State {
        let open: Vec<bool> = open.into_iter().collect();
        let positions = (0_u16..).zip(&open).filter(|(_, open)| **open).map(|(at, _)| at);
        State { open: mask::of(mask::words(open.len()), positions), ..State::default() }
    }

    /// What a pool's or record's decision lets take connections.
    pub fn of_pool(decision: &PoolDecision) -> State {
        Self::with(decision, |endpoint| endpoint.serves)
    }

    /// What a pool's or record's decision lets DNS answer: without the zones that are below the pool's `dns_minimum`.
    pub fn of_dns(estate: &Estate, decision: &PoolDecision) -> State {
        let mut state = State::of_pool(decision);
        if decision.zones.iter().any(|zone| !zone.in_dns) {
            let is_out = |zone: ZoneIx| decision.zone(zone).is_some_and(|zone| !zone.in_dns);
            let endpoints = &estate.pool(decision.pool).endpoints;
            let out =
                (0_u16..).zip(endpoints).filter(|(_, endpoint)| is_out(endpoint.zone)).map(|(at, _)| at);
            state.out_of_dns = mask::of(mask::words(endpoints.len()), out);
        }
        state
    }

    /// The branches of a tree that are asked.
    pub fn of_tree(decision: &TreeDecision) -> State {
        State::new(decision.branches.iter().map(|branch| branch.serves))
    }

    /// The same with the branches that could still answer: where none of those that are asked is for a client (by `geo` or `cidr`), and
    /// the tree's `all_down` is open.
    pub fn of_tree_ignoring_health(decision: &TreeDecision) -> State {
        let can = |reason: &BranchReason| {
            decision.mode != TreeMode::Closed && matches!(reason, BranchReason::Open | BranchReason::TooFew)
        };
        State::new(decision.branches.iter().map(|branch| can(&branch.reason)))
    }

    /// What a pool's decision lets answer, with what health took away put back; what an operator took away stays away.
    pub fn ignoring_health(decision: &PoolDecision) -> State {
        Self::with(decision, |endpoint| endpoint.serves || endpoint.reason == Reason::Impaired)
    }

    fn with(decision: &PoolDecision, is_open: impl Fn(&EndpointDecision) -> bool) -> State {
        let returning = decision.zones.iter().filter(|of| of.share < Share::ONE);
        let returning = returning.map(|of| (of.zone, of.share)).collect();
        State { returning, ..State::new(decision.endpoints.iter().map(is_open)) }
    }

    /// The same as if every zone had all of its share: for whoever draws for each request and compiles once.
    #[must_use]
    pub fn whole(mut self) -> State {
        self.returning.clear();
        self
    }

    /// Whether nobody is open.
    pub fn is_closed(&self) -> bool {
        mask::positions(&self.open).all(|at| mask::has(&self.out_of_dns, at))
    }

    /// Whether the candidate at a position is open.
    pub fn is_open(&self, at: u16) -> bool {
        mask::has(&self.open, at) && !mask::has(&self.out_of_dns, at)
    }
}
