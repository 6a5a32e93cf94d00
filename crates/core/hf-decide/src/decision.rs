//! What serves, and why.

use std::sync::Arc;

use hf_config::estate::{PoolIx, ZoneIx};
use hf_config::floor::Short;
use hf_control::Scope;
use hf_model::{ControlPath, Operator, Share, ShiftId, Timestamp};

use crate::tree::TreeDecision;

/// What serves, and why: for every pool, every record and every zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// One for each pool, in the estate's order.
    pub pools: Vec<PoolDecision>,
    /// One for each record, in the estate's order; none where no act names the record: its pool's decision holds.
    pub records: Vec<Option<PoolDecision>>,
    /// One for each tree, in the estate's order.
    pub trees: Vec<Arc<TreeDecision>>,
    /// One for each zone, in the estate's order.
    pub zones: Vec<ZoneDecision>,
}

impl Decision {
    /// What serves a record: its own decision or its pool's.
    pub fn for_record(&self, record: usize, pool: PoolIx) -> &PoolDecision {
        self.records.get(record).and_then(Option::as_ref).unwrap_or(&self.pools[pool.at()])
    }
}

/// What serves of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolDecision {
    /// Which.
    pub pool: PoolIx,
    /// How it serves.
    pub mode: Mode,
    /// The zones in which it has endpoints, in the estate's order.
    pub zones: Vec<PoolZone>,
    /// One for each endpoint, in the pool's order.
    pub endpoints: Vec<EndpointDecision>,
    /// What was asked for and yielded.
    pub not_applied: Vec<NotApplied>,
}

impl PoolDecision {
    /// The positions in the pool of the endpoints that get new traffic.
    ///
    /// Empty for [`Mode::Closed`] and [`Mode::Fallback`].
    pub fn serving(&self) -> impl Iterator<Item = usize> + '_ {
        self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.serves).map(|(at, _)| at)
    }

    /// What was decided of a zone; none if the pool has no endpoint there.
    pub fn zone(&self, zone: ZoneIx) -> Option<&PoolZone> {
        self.zones.binary_search_by_key(&zone, |of| of.zone).ok().map(|at| &self.zones[at])
    }

    /// Whether new traffic of the pool may go to a zone; none if the pool has no endpoint there.
    pub fn zone_state(&self, zone: ZoneIx) -> Option<ZoneState> {
        self.zone(zone).map(|of| of.state)
    }
}

/// How a pool serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Healthy endpoints of open zones.
    Normal,
    /// Nobody healthy (or too few zones): health is ignored where the endpoints' reason says `FailOpen`.
    FailOpen,
    /// Nobody healthy, or its routing control off, and the pool wants to answer nothing then; or an operator overrode the floor of
    /// this very pool and took its last zone.
    Closed,
    /// Nobody healthy, or its routing control off; this pool serves in its place: the first of the chain of fallbacks that serves. If none of them does,
    /// it is the pool's own fallback, and nobody answers.
    Fallback(PoolIx),
}

/// One zone of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolZone {
    /// Which.
    pub zone: ZoneIx,
    /// Whether new traffic may go there.
    pub state: ZoneState,
    /// Why.
    pub reason: Reason,
    /// How much of its own weight the zone has now: all of it, unless it is returning.
    pub share: Share,
    /// Whether DNS answers name it: not while it has less in health than the pool's `dns_minimum`, and another zone has enough. Balancers
    /// do not ask.
    pub in_dns: bool,
}

/// Whether new traffic may go to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZoneState {
    /// It may.
    Open,
    /// It may not.
    Away,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointDecision {
    /// Whether it gets new traffic.
    pub serves: bool,
    /// Why, or why not.
    pub reason: Reason,
}

impl EndpointDecision {
    /// Whether it serves, and not for want of anybody better.
    pub fn is_in_health(&self) -> bool {
        self.serves && self.reason != Reason::FailOpen
    }
}

/// Why something serves or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Serves: healthy.
    Healthy,
    /// Serves: nobody has said anything yet, or there is no check.
    Unknown,
    /// Away: unhealthy.
    Impaired,
    /// Away: by a zonal shift.
    Shifted {
        /// Which.
        id: ShiftId,
        /// When it is due to end.
        until: Timestamp,
        /// Whether that is past: held until the ledger ends it.
        held: bool,
    },
    /// Away: by a shift that an operator gave straight to the nodes.
    BreakGlass {
        /// Whose key signed it.
        by: Operator,
        /// When it ends.
        until: Timestamp,
    },
    /// Serves: an operator pinned it in.
    PinnedIn {
        /// Who.
        by: Operator,
        /// When it is due to end.
        until: Timestamp,
        /// Whether that is past: held until the ledger ends it.
        held: bool,
    },
    /// Away: an operator pinned it out.
    PinnedOut {
        /// Who.
        by: Operator,
        /// When it is due to end.
        until: Timestamp,
        /// Whether that is past: held until the ledger ends it.
        held: bool,
    },
    /// Away: a routing control is off.
    ControlOff {
        /// Which.
        path: ControlPath,
        /// Since when.
        since: Timestamp,
    },
    /// Away: by a practice run.
    Practice {
        /// Which.
        id: ShiftId,
        /// When it is due to end.
        until: Timestamp,
        /// Whether that is past: held until the ledger ends it.
        held: bool,
    },
    /// Away: by an autoshift.
    Autoshift {
        /// Which.
        id: ShiftId,
        /// When it is due to end.
        until: Timestamp,
        /// Whether that is past: held until the ledger ends it.
        held: bool,
    },
    /// Serves in part: an act that had taken the zone away has ended, and its share grows.
    Returning {
        /// When the zone has all of its share again.
        full_at: Timestamp,
    },
    /// Serves although unhealthy: too little else is left.
    FailOpen,
    /// Away: nobody is healthy and the pool closes or falls back then.
    AllDown,
}

/// Who asked for a zone to be away, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A pin out.
    Pin,
    /// A break-glass shift.
    BreakGlass,
    /// A zonal shift.
    Shift(ShiftId),
    /// A routing control that is off.
    Control(ControlPath),
    /// An autoshift.
    Autoshift(ShiftId),
    /// A practice run.
    Practice(ShiftId),
    /// Measured health.
    Health,
}

/// Something that was asked for and yielded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotApplied {
    /// Who asked.
    pub source: Source,
    /// For which zone.
    pub zone: ZoneIx,
    /// On what.
    pub scope: Scope,
    /// Why it yielded.
    pub why: NotAppliedWhy,
}

/// Why something yielded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NotAppliedWhy {
    /// Fewer zones than the pool's `min_zones` would stay.
    MinZones {
        /// The floor.
        needed: u16,
        /// What would stay.
        left: u16,
    },
    /// Less than the pool's `min_capacity` would stay.
    MinCapacity {
        /// The floor.
        needed: Share,
        /// What would stay.
        left: Share,
    },
    /// A stronger source says otherwise.
    Outranked(Source),
    /// The zone is pinned in.
    PinnedIn,
    /// People have taken another zone of the region away: an autoshift adds none to that.
    OtherZone(Source),
}

impl From<Short> for NotAppliedWhy {
    fn from(short: Short) -> Self {
        match short {
            Short::Zones { needed, left } => NotAppliedWhy::MinZones { needed, left },
            Short::Capacity { needed, left } => NotAppliedWhy::MinCapacity { needed, left },
        }
    }
}

/// One zone, over all pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDecision {
    /// Which.
    pub zone: ZoneIx,
    /// Away when an act on everything (pin, shift, break-glass, the control of the zone or its region, practice run) takes it out of at
    /// least one pool, or of no pool because it has no endpoints. Stays open if the floor of every pool stopped the act.
    pub state: ZoneState,
    /// The act, or what health says.
    pub reason: Reason,
    /// What the verdicts say of its endpoints.
    pub health: ZoneHealth,
    /// Pools and records that an act leaves in this zone, and why; and acts on single pools that yielded.
    pub not_applied: Vec<NotApplied>,
}

/// What the verdicts say of a zone's endpoints, all pools together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneHealth {
    /// Endpoints that count as healthy (unknown ones too).
    pub healthy: u32,
    /// Endpoints.
    pub of: u32,
}
