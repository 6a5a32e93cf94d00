//! What a choice tells of itself: nothing on the hot path, everything to `explain`. The choice is the same code with both.

use hf_config::estate::Filter;

use crate::mask;

/// Why a filter took a candidate away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removed {
    /// The decision does not let it serve; its reason stands there.
    NotServing,
    /// Too little of its zone is in health for DNS answers to name it.
    BelowMinimum,
    /// Its zone is returning, and this question is not of the share that it has.
    Returning,
    /// A nearer region has candidates.
    Farther,
    /// Another region reaches the client sooner.
    Slower,
    /// It is for clients of another area, or a narrower area has candidates.
    OtherArea,
    /// It is for clients of other networks, or a narrower network has candidates.
    OtherNetwork,
    /// The client's own zone (or region) has candidates.
    OtherZone,
    /// A lower priority number has candidates.
    LaterPriority,
    /// Its weight is 0, and others have one.
    Spare,
    /// Enough others came before it.
    BeyondTake,
}

impl std::fmt::Display for Removed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Removed::NotServing => "does not serve",
            Removed::BelowMinimum => "too little of its zone is in health for DNS answers",
            Removed::Returning => "its zone is returning and has a part of the questions only",
            Removed::Farther => "a nearer region has candidates",
            Removed::Slower => "another region reaches the client sooner",
            Removed::OtherArea => "it is for clients of another area, or a narrower area has candidates",
            Removed::OtherNetwork => "it is for other networks, or a narrower network has candidates",
            Removed::OtherZone => "the client's own zone or region has candidates",
            Removed::LaterPriority => "a lower priority number has candidates",
            Removed::Spare => "its weight is 0, and others have one",
            Removed::BeyondTake => "enough others came first",
        })
    }
}

/// What one filter did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The filter.
    pub filter: Filter,
    /// Positions in the pool or tree that are left, in order.
    pub kept: Vec<u16>,
    /// Positions that it took away, and why.
    pub removed: Vec<(u16, Removed)>,
}

/// What a chain chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Positions in the pool or tree, best first.
    pub order: Vec<u16>,
    /// What each filter did, in order of the chain.
    pub steps: Vec<Step>,
}

/// Who listens to a choice.
pub trait Account {
    /// A filter begins with these left.
    fn begin(&mut self, left: &[u64]);
    /// It has taken away what was left before and is not any more.
    fn took(&mut self, left: &[u64], why: Removed);
    /// It has taken these away, in order.
    fn cut(&mut self, cut: &[u16], why: Removed);
    /// It is done; in an order, if there is one by now.
    fn done(&mut self, filter: Filter, left: &[u64], order: Option<&[u16]>);
}

/// Nobody: costs nothing.
pub struct Silent;

impl Account for Silent {
    fn begin(&mut self, _: &[u64]) {}
    fn took(&mut self, _: &[u64], _: Removed) {}
    fn cut(&mut self, _: &[u16], _: Removed) {}
    fn done(&mut self, _: Filter, _: &[u64], _: Option<&[u16]>) {}
}

/// Keeps every step.
#[derive(Default)]
pub struct Steps {
    pub steps: Vec<Step>,
    before: Vec<u64>,
    removed: Vec<(u16, Removed)>,
}

impl Account for Steps {
    fn begin(&mut self, left: &[u64]) {
        self.before = left.to_vec();
    }

    fn took(&mut self, left: &[u64], why: Removed) {
        let gone = mask::positions(&self.before).filter(|at| !mask::has(left, *at));
        self.removed.extend(gone.map(|at| (at, why)));
        self.before = left.to_vec();
    }

    fn cut(&mut self, cut: &[u16], why: Removed) {
        self.removed.extend(cut.iter().map(|at| (*at, why)));
    }

    fn done(&mut self, filter: Filter, left: &[u64], order: Option<&[u16]>) {
        let kept = order.map_or_else(|| mask::positions(left).collect(), <[u16]>::to_vec);
        self.steps.push(Step { filter, kept, removed: std::mem::take(&mut self.removed) });
    }
}
