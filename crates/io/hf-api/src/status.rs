//! `GET /v1/status`: everything at a glance, as the answering node sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shift::{Acknowledgement, Effect, Pin, Shift, TimeToZero};

/// Everything at a glance, as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The node that answers.
    pub node: String,
    /// Its clock.
    pub now_ms: u64,
    /// Whose estate it obeys, 32 hexadecimal digits; null before the first.
    #[serde(default)]
    pub estate_id: Option<String>,
    /// The newest ledger revision in its snapshot.
    pub revision: u64,
    /// The entry that brought the estate in force.
    pub estate_revision: u64,
    /// The first digits of the estate's digest; null before the first estate.
    pub estate_digest: Option<String>,
    /// The number of its snapshot; null before the first one: then `zones` and `pools` are empty.
    pub snapshot: Option<u64>,
    /// All zones, in the estate's order.
    pub zones: Vec<Zone>,
    /// All pools, in the estate's order.
    pub pools: Vec<Pool>,
    /// Shifts in force, oldest first.
    pub shifts: Vec<Shift>,
    /// Pins in force, oldest first.
    pub pins: Vec<Pin>,
    /// Zones that count as being deployed to; those that were noticed, by the detectors of the node that answers.
    #[serde(default)]
    pub deployments: Vec<crate::deployment::Deployment>,
    /// All nodes that have been heard, by name.
    pub nodes: Vec<Node>,
    /// What was asked for and yielded.
    pub not_applied: Vec<NotApplied>,
    /// Shifts that operators gave straight to the nodes, and that are not over.
    pub break_glass: Vec<BreakGlass>,
    /// Break-glass acts that the ledger has heard of, and what became of them, oldest first.
    #[serde(default)]
    pub break_glass_recorded: Vec<RecordedBreakGlass>,
    /// Routing controls that are off, by path.
    #[serde(default)]
    pub controls_off: Vec<ControlOff>,
    /// Zones whose share of a pool is growing back.
    #[serde(default)]
    pub returning: Vec<Returning>,
    /// Acts in force that may break the floor of a pool, by an operator's explicit word.
    #[serde(default)]
    pub floors_overridden: Vec<FloorOverridden>,
    /// Zones that fail in part, or are suspected of it, by the detectors of the node that answers; none where no detector runs.
    #[serde(default)]
    pub gray: Vec<crate::gray::GrayZone>,
    /// What is found, by what it is of: one endpoint, clients, one zone, everything, an observer. At most 20, the first ones.
    #[serde(default)]
    pub gray_told: Vec<crate::gray::GrayTold>,
    /// Findings that are not in `gray_told`: `GET /v1/gray` tells them.
    #[serde(default)]
    pub gray_told_more: u32,
    /// Who obeys zone status, the worst twenty first: `GET /v1/consumers` lists all.
    #[serde(default)]
    pub consumers: crate::consumers::Consumers,
    /// What stores outside say of zones; without the estate's closing sources none.
    #[serde(default)]
    pub closing_sources: crate::closing::ClosingSources,
    /// Why the estate file that this node watches, or else another one, is not in force; null when it is, or when none is watched.
    pub estate_file_problem: Option<String>,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Zone {
    /// Its name.
    pub id: String,
    /// The region around it.
    pub region: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Whether new traffic may go there.
    pub state: ZoneState,
    /// Why.
    pub reason: Reason,
    /// Endpoints that count as healthy.
    pub healthy: u32,
    /// Endpoints.
    pub of: u32,
    /// Its share of all requests of about the last ten seconds; null while nobody has told.
    pub share_ppm: Option<u32>,
    /// Requests sent to it each second, over the same time, in thousandths; null while nobody has told.
    pub requests_per_1000_s: Option<u64>,
    /// Of these, failed.
    pub failures_per_1000_s: Option<u64>,
    /// What part of its capacity, stated or else measured, is unused; null when neither is known or nobody has told.
    pub headroom_ppm: Option<u32>,
    /// Why nothing of it may be scaled in now; null when it may.
    #[serde(default)]
    pub scale_in_held: Option<String>,
    /// Connections open to its endpoints; null while nobody has told.
    pub open_connections: Option<u64>,
}

/// Whether new traffic may go to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ZoneState {
    /// It may.
    Open,
    /// It may not.
    Away,
}

impl ZoneState {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ZoneState::Open => "open",
            ZoneState::Away => "away",
        }
    }
}

/// Why something serves or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// One word for programs.
    pub kind: ReasonKind,
    /// The same for people, in one clause.
    pub text: String,
    /// When it ends, if it does.
    pub until_ms: Option<u64>,
    /// The shift behind it.
    pub shift: Option<String>,
    /// Who asked for it.
    pub by: Option<String>,
    /// Past its end and still in force.
    pub held: bool,
}

/// One word for why something serves or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Serves: healthy.
    Healthy,
    /// Serves: nobody has said anything yet, or there is no check.
    Unknown,
    /// Away: unhealthy.
    Impaired,
    /// Away: by a zonal shift.
    Shifted,
    /// Away: by a shift given straight to the nodes.
    BreakGlass,
    /// Serves: pinned in.
    PinnedIn,
    /// Away: pinned out.
    PinnedOut,
    /// Away: by an autoshift.
    Autoshift,
    /// Away: by a practice run.
    Practice,
    /// Away: by a routing control that is off.
    ControlOff,
    /// Serves a part of its share, which is growing back.
    Returning,
    /// Serves although unhealthy.
    FailOpen,
    /// Away: nobody is healthy and the pool closes or falls back then.
    AllDown,
    /// Something that this program is too old to know.
    #[serde(other)]
    Other,
}

impl ReasonKind {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonKind::Healthy => "healthy",
            ReasonKind::Unknown => "unknown",
            ReasonKind::Impaired => "impaired",
            ReasonKind::Shifted => "shifted",
            ReasonKind::BreakGlass => "break_glass",
            ReasonKind::PinnedIn => "pinned_in",
            ReasonKind::PinnedOut => "pinned_out",
            ReasonKind::Autoshift => "autoshift",
            ReasonKind::Practice => "practice",
            ReasonKind::ControlOff => "control_off",
            ReasonKind::Returning => "returning",
            ReasonKind::FailOpen => "fail_open",
            ReasonKind::AllDown => "all_down",
            ReasonKind::Other => "other",
        }
    }
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How it serves.
    pub mode: PoolMode,
    /// The pool that serves in its place, with mode `fallback`.
    pub fallback: Option<String>,
    /// Its zones, in the estate's order.
    pub zones: Vec<PoolZone>,
    /// Why nothing of it may be scaled in now; null when it may.
    #[serde(default)]
    pub scale_in_held: Option<String>,
    /// Endpoints that get new traffic.
    pub serving: u32,
    /// Endpoints.
    pub of: u32,
}

/// How a pool serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolMode {
    /// Healthy endpoints of open zones.
    Normal,
    /// Too few are healthy: health is ignored.
    FailOpen,
    /// Nobody is healthy and the pool answers nothing then.
    Closed,
    /// Nobody is healthy and another pool serves in its place.
    Fallback,
}

impl PoolMode {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PoolMode::Normal => "normal",
            PoolMode::FailOpen => "fail_open",
            PoolMode::Closed => "closed",
            PoolMode::Fallback => "fallback",
        }
    }
}

/// One zone of one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolZone {
    /// Which.
    pub zone: String,
    /// Whether new traffic of the pool may go there.
    pub state: ZoneState,
    /// Why.
    pub reason: Reason,
    /// Its share of the pool's requests of about the last ten seconds; null while nobody has told.
    pub share_ppm: Option<u32>,
    /// Connections open to the pool's endpoints there; null while nobody has told.
    pub open_connections: Option<u64>,
}

/// One node, as it was last heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// Where it runs, if that is stated.
    pub zone: Option<String>,
    /// What it does.
    pub roles: Vec<String>,
    /// The newest revision that it has applied.
    pub revision: u64,
    /// The number of its snapshot; null before its first one.
    pub snapshot: Option<u64>,
    /// How long ago it was last heard, by the answering node's clock.
    pub last_heard_ms: u64,
    /// Not heard for three beats: what it says may be old.
    pub stale: bool,
    /// It serves what its own disk held at start; it has not heard a ledger since.
    pub booted_from_disk: bool,
    /// The version of its program.
    pub version: String,
    /// Where its API is, such as `https://10.0.0.1:7600`, as it tells the others; null while it has not.
    #[serde(default)]
    pub api: Option<String>,
    /// Where its zone status is, with the role status.
    #[serde(default)]
    pub status: Option<String>,
    /// The key that its API shows over TLS, `sha256/…`.
    #[serde(default)]
    pub api_key: Option<String>,
    /// Why it could not take a newer revision or the estate file that it watches; null when all is well.
    pub problem: Option<String>,
}

/// Something that was asked for and yielded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotApplied {
    /// Who asked: `pin`, `break-glass`, `shift-42`, `control PANEL/NAME` or `health`.
    pub source: String,
    /// For which zone.
    pub zone: String,
    /// On what.
    pub resource: String,
    /// Why it yielded.
    pub why: String,
}

/// A shift that came straight from an operator's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlass {
    /// The zone that is left.
    pub zone: String,
    /// Why.
    pub reason: String,
    /// Whose key signed it.
    pub by: String,
    /// When it was signed.
    pub signed_at_ms: u64,
    /// When it ends.
    pub ends_at_ms: u64,
    /// What the ledger has made of it; null while it has not said.
    #[serde(default)]
    pub fate: Option<BreakGlassFate>,
    /// The same for people, in one clause: `not in the ledger yet`, `recorded as shift-12`, `conflicts: …`.
    #[serde(default)]
    pub fate_text: String,
    /// What came of it, as the answering node decided: where the floor stops it, and why; null when the ledger goes on with it, which
    /// then tells.
    #[serde(default)]
    pub effect: Option<Effect>,
    /// Which node has it: those that are heard and have not come first, then those that are silent.
    pub acknowledged: Vec<Acknowledgement>,
    /// When the last traffic left the zone, counted from `signed_at_ms`.
    pub time_to_zero: TimeToZero,
    /// What consumers of zone status have made of it, counted from `signed_at_ms`; in a status the worst ten alone. Who cannot tell has not said.
    #[serde(default)]
    pub consumers: crate::consumers::ShiftConsumers,
}

/// A break-glass act that the ledger has heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedBreakGlass {
    /// Its zone.
    pub zone: String,
    /// Why.
    pub reason: String,
    /// Whose key signed it.
    pub by: String,
    /// When it was signed.
    pub signed_at_ms: u64,
    /// When it ends; equal to `signed_at_ms` for a cancel.
    pub ends_at_ms: u64,
    /// The entry that recorded it.
    pub revision: u64,
    /// What became of it.
    pub fate: BreakGlassFate,
    /// The shift that it goes on as, or those that it ended.
    pub shifts: Vec<String>,
    /// The same for people, in one clause.
    pub text: String,
}

/// What became of a break-glass act in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakGlassFate {
    /// It goes on as a shift.
    Shift,
    /// It ended shifts, or had ended before the ledger heard of it.
    Ended,
    /// It contradicts what the ledger says; nodes obey it until its end.
    Conflicts,
    /// Something that this program is too old to know.
    #[serde(other)]
    Other,
}

/// A routing control that is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlOff {
    /// `PANEL/NAME`.
    pub path: String,
    /// Since when.
    pub since_ms: u64,
    /// Who turned it.
    pub by: String,
    /// What it takes away, as of [`crate::RoutingControl`].
    pub behind: Vec<String>,
}

/// A zone whose share of a pool is growing back after something that took it away has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Returning {
    /// The zone.
    pub zone: String,
    /// The pool.
    pub pool: String,
    /// What part of its own share it has now.
    pub share_ppm: u32,
    /// When it has all of it.
    pub full_at_ms: Option<u64>,
}

/// An act in force that may break the floor of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FloorOverridden {
    /// The pool.
    pub pool: String,
    /// Who allowed it: `shift-42`, `pin of ZONE` or `control PANEL/NAME`.
    pub by: String,
}
