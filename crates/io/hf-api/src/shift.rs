//! Shifts and pins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::consumers::ShiftConsumers;
use crate::status::BreakGlass;

/// `POST /v1/shifts`: evacuate a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartShift {
    /// A zone's id or alias.
    #[schema(example = "use1-az1")]
    pub zone: String,
    /// What leaves it: `everything` (the default), `region/ID` (everything, and the zone must be in that region), `pool/NAME` or
    /// `record/NAME.`
    #[serde(default = "everything")]
    #[schema(default = "everything", example = "pool/web")]
    pub resource: String,
    /// How long: `1m` to `72h`.
    #[serde(rename = "for")]
    #[schema(example = "30m")]
    pub length: String,
    /// Why; 1 to 500 characters.
    pub reason: String,
    /// Pools whose floor it may break all the same; none is the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_floor: Vec<String>,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`. Without one the node makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `POST /v1/shifts/{id}/extend`: a new end, counted from now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// How long from now: `1m` to `72h`.
    #[serde(rename = "for")]
    #[schema(example = "1h")]
    pub length: String,
    /// As in [`StartShift`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `POST /v1/pins`: an operator's word on a zone that outranks every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPin {
    /// A zone's id or alias.
    pub zone: String,
    /// As in [`StartShift`].
    #[serde(default = "everything")]
    #[schema(default = "everything")]
    pub resource: String,
    /// In or out.
    pub to: PinTo,
    /// How long: `1m` to `72h`.
    #[serde(rename = "for")]
    pub length: String,
    /// Why; 1 to 500 characters.
    pub reason: String,
    /// As in [`StartShift`]; for a pin out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_floor: Vec<String>,
    /// As in [`StartShift`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What stands for "everything in the zone".
pub fn everything() -> String {
    "everything".to_owned()
}

/// The direction of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PinTo {
    /// Serves whatever shifts and health say.
    In,
    /// Does not serve.
    Out,
}

/// Which shifts are wanted; all that are given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShiftFilter {
    /// Ended ones too.
    pub all: bool,
    /// Of this zone, by id or alias.
    pub zone: Option<String>,
    /// Of this resource: `everything`, `pool/NAME` or `record/NAME`.
    pub resource: Option<String>,
    /// In this state, as [`ShiftState::as_str`] has it; an ended state asks for ended ones by itself.
    pub state: Option<String>,
}

/// `GET /v1/shifts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shifts {
    /// Oldest first.
    pub shifts: Vec<Shift>,
    /// Whether ended ones are listed too: only nodes with the control role remember those.
    pub ended_listed: bool,
    /// Shifts in force that operators gave straight to the nodes: they have no id and are not in the ledger.
    pub break_glass: Vec<BreakGlass>,
}

/// An evacuation of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    /// Such as `shift-42`.
    pub id: String,
    /// What kind of shift it is.
    #[serde(default)]
    pub kind: ShiftKind,
    /// The zone that is left.
    pub zone: String,
    /// `everything`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// Why, in the operator's words; of an autoshift, the evidence.
    pub reason: String,
    /// Who began it.
    pub by: String,
    /// When it began.
    pub started_at_ms: u64,
    /// When it is due to end.
    pub ends_at_ms: u64,
    /// Whether it is in force.
    pub state: ShiftState,
    /// When it ended, if it has.
    pub ended_at_ms: Option<u64>,
    /// Who ended it, if somebody did; null for one that is in force or has ended by itself, or where that is not remembered.
    #[serde(default)]
    pub ended_by: Option<String>,
    /// Close to its end: a tenth of its length is left, or a minute.
    #[serde(default)]
    pub expiring: bool,
    /// Pools whose floor it may break, by the operator's explicit word.
    #[serde(default)]
    pub floor_overrides: Vec<String>,
    /// Past its end and still in force: this node waits for the ledger's word that it ended.
    pub held: bool,
    /// The entry that last changed it; what `If-Match` wants.
    pub revision: u64,
    /// What came of it, as the answering node decided; null while that node has not decided on it, and once it has ended.
    pub effect: Option<Effect>,
    /// Which node has applied it.
    pub acknowledged: Vec<Acknowledgement>,
    /// When the last traffic left the zone.
    pub time_to_zero: TimeToZero,
    /// What consumers of zone status have made of it; in a status or a list the worst ten alone.
    #[serde(default)]
    pub consumers: ShiftConsumers,
}

/// What came of a shift or pin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Effect {
    /// Pools and records that it decides on.
    pub applied: u32,
    /// Where it yielded, and to what.
    pub not_applied: Vec<Yielded>,
}

/// A pool or record on which a shift or pin does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Yielded {
    /// `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// Why, in one clause.
    pub why: String,
    /// Whether the zone is as it was asked for all the same: a stronger act, or health, says so too.
    pub so_anyway: bool,
}

impl Effect {
    /// Whether it decides nothing at all, and something is otherwise than it asks.
    pub fn is_nothing(&self) -> bool {
        self.applied == 0 && self.not_applied.iter().any(|yielded| !yielded.so_anyway)
    }
}

/// Whether a shift is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShiftState {
    /// In force.
    Active,
    /// Ended by an operator.
    Canceled,
    /// Ended by its length.
    Expired,
    /// A practice run that a stronger act ended.
    Interrupted,
    /// An autoshift whose evidence is gone, or a practice run that was judged.
    Completed,
}

impl ShiftState {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ShiftState::Active => "active",
            ShiftState::Canceled => "canceled",
            ShiftState::Expired => "expired",
            ShiftState::Interrupted => "interrupted",
            ShiftState::Completed => "completed",
        }
    }
}

/// What kind of shift it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShiftKind {
    /// An operator's.
    #[default]
    Zonal,
    /// An operator's, given straight to the nodes and recorded in the ledger afterwards.
    BreakGlass,
    /// A rehearsal: it yields to every other act of people.
    Practice,
    /// Begun by evidence, not by people; it yields to every act of theirs.
    Autoshift,
}

impl ShiftKind {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ShiftKind::Zonal => "zonal",
            ShiftKind::BreakGlass => "break-glass",
            ShiftKind::Practice => "practice",
            ShiftKind::Autoshift => "autoshift",
        }
    }
}

/// One node's word on a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledgement {
    /// Which node.
    pub node: String,
    /// Whether it has applied the shift.
    pub applied: bool,
    /// The newest revision that it has applied.
    pub revision: u64,
    /// Not heard for three beats: what it says is old, and nobody waits for it.
    pub silent: bool,
    /// How long ago it was last heard, by the answering node's clock.
    pub last_heard_ms: u64,
}

/// How long after a shift's start the last traffic went to its zone, over all nodes that carry any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeToZero {
    /// Whether there is anything to measure: traffic is counted by pool, so not for a shift of a single record.
    pub measurable: bool,
    /// Whether the figures are final: every balancer and DNS node that is heard has applied the shift, and no connection of theirs is open.
    pub measured: bool,
    /// From the start to the last new request sent to the zone; 0 if none was sent since, null while nobody has told.
    pub last_new_request_ms: Option<u64>,
    /// From the start to the end of the last connection to the zone; null while one is open or nobody has told.
    pub last_open_connection_ms: Option<u64>,
    /// From the start to the last byte that a balancer moved to or from the zone; 0 if none moved since, null while nobody has told. While a
    /// connection is open it is the last so far.
    #[serde(default)]
    pub last_byte_ms: Option<u64>,
    /// From the start to the last DNS answer that named the zone; 0 if none was given since, null while nobody has told.
    pub last_dns_answer_ms: Option<u64>,
    /// Connections to the zone that are open now at the nodes that are heard; null while nobody has told.
    pub open_connections: Option<u64>,
    /// Nodes that are heard and have not applied the shift, the furthest behind first.
    pub waiting_for: Vec<String>,
    /// Nodes that are not heard any more: what they did since then is not known, and nobody waits for them.
    pub silent: Vec<String>,
    /// The same figures of each balancer, by name.
    #[serde(default)]
    pub balancers: Vec<BalancerTimeToZero>,
}

/// How long traffic of one balancer went on to a zone that is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BalancerTimeToZero {
    /// The node.
    pub node: String,
    /// From the start to its last new request to the zone; 0 if it sent none since.
    pub last_new_request_ms: u64,
    /// From the start to the end of its last connection there; 0 if none ended since, null while one is open.
    pub last_open_connection_ms: Option<u64>,
    /// From the start to its last byte to or from the zone; 0 if none moved since.
    pub last_byte_ms: u64,
    /// Its connections there that are open now, or were when it was last heard.
    pub open_connections: u64,
    /// It is not heard any more: these figures are its last.
    pub silent: bool,
}

/// A pin in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    /// The zone.
    pub zone: String,
    /// `everything`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// In or out.
    pub to: PinTo,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When it ends.
    pub ends_at_ms: u64,
    /// As of a [`Shift`].
    #[serde(default)]
    pub expiring: bool,
    /// Pools whose floor it may break, by the operator's explicit word.
    #[serde(default)]
    pub floor_overrides: Vec<String>,
    /// The entry that set it.
    pub revision: u64,
    /// What came of it, as the answering node decided; null while that node has not decided on it.
    pub effect: Option<Effect>,
}

/// What a write that has no object of its own answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WriteDone {
    /// The entry that did it.
    pub revision: u64,
    /// What will undo it, or should be known about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}
