//! Shifts and pins inside other formats.

use hf_control::{Command, Pin, PinTo, Scope, Shift, ShiftKind, ShiftState, Stop};
use hf_model::{Operator, PoolName, Revision, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::list::AtMost;
use crate::mirror::mirrored;
use crate::text::AsText;

/// Pools whose floor an act may break.
pub(crate) type Overrides = AtMost<AsText<PoolName>, { Command::OVERRIDES }>;

pub(crate) fn overrides(pools: &[PoolName]) -> Overrides {
    AtMost::of(pools, |pool| AsText(pool.clone()))
}

pub(crate) fn read_overrides(body: Overrides) -> Vec<PoolName> {
    body.read(|pool| pool.0)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShiftBody {
    id: AsText<ShiftId>,
    zone: AsText<ZoneId>,
    scope: AsText<Scope>,
    reason: String,
    by: AsText<Operator>,
    started_at_ms: u64,
    ends_at_ms: u64,
    state: ShiftStateBody,
    kind: ShiftKindBody,
    floor_overrides: Overrides,
    revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ShiftStateBody {
    Active,
    Canceled { at_ms: u64 },
    Expired { at_ms: u64 },
    Interrupted { at_ms: u64 },
    Completed { at_ms: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinBody {
    zone: AsText<ZoneId>,
    scope: AsText<Scope>,
    to: PinToBody,
    reason: String,
    by: AsText<Operator>,
    started_at_ms: u64,
    ends_at_ms: u64,
    floor_overrides: Overrides,
    revision: u64,
}

mirrored! {
    PinTo as PinToBody { In, Out }
    ShiftKind as ShiftKindBody { Zonal, BreakGlass, Practice, Autoshift }
    Stop as StopBody { Canceled, Expired, Interrupted, Completed }
}

impl From<&Shift> for ShiftBody {
    fn from(shift: &Shift) -> Self {
        ShiftBody {
            id: AsText(shift.id.clone()),
            zone: AsText(shift.zone.clone()),
            scope: AsText(shift.scope.clone()),
            reason: shift.reason.clone(),
            by: AsText(shift.by.clone()),
            started_at_ms: shift.started_at.0,
            ends_at_ms: shift.ends_at.0,
            state: match shift.state {
                ShiftState::Active => ShiftStateBody::Active,
                ShiftState::Canceled(at) => ShiftStateBody::Canceled { at_ms: at.0 },
                ShiftState::Expired(at) => ShiftStateBody::Expired { at_ms: at.0 },
                ShiftState::Interrupted(at) => ShiftStateBody::Interrupted { at_ms: at.0 },
                ShiftState::Completed(at) => ShiftStateBody::Completed { at_ms: at.0 },
            },
            kind: shift.kind.into(),
            floor_overrides: overrides(&shift.floor_overrides),
            revision: shift.revision.0,
        }
    }
}

impl From<ShiftBody> for Shift {
    fn from(body: ShiftBody) -> Self {
        Shift {
            id: body.id.0,
            zone: body.zone.0,
            scope: body.scope.0,
            reason: body.reason,
            by: body.by.0,
            started_at: Timestamp(body.started_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
            state: match body.state {
                ShiftStateBody::Active => ShiftState::Active,
                ShiftStateBody::Canceled { at_ms } => ShiftState::Canceled(Timestamp(at_ms)),
                ShiftStateBody::Expired { at_ms } => ShiftState::Expired(Timestamp(at_ms)),
                ShiftStateBody::Interrupted { at_ms } => ShiftState::Interrupted(Timestamp(at_ms)),
                ShiftStateBody::Completed { at_ms } => ShiftState::Completed(Timestamp(at_ms)),
            },
            kind: body.kind.into(),
            floor_overrides: read_overrides(body.floor_overrides),
            revision: Revision(body.revision),
        }
    }
}

impl From<&Pin> for PinBody {
    fn from(pin: &Pin) -> Self {
        PinBody {
            zone: AsText(pin.zone.clone()),
            scope: AsText(pin.scope.clone()),
            to: pin.to.into(),
            reason: pin.reason.clone(),
            by: AsText(pin.by.clone()),
            started_at_ms: pin.started_at.0,
            ends_at_ms: pin.ends_at.0,
            floor_overrides: overrides(&pin.floor_overrides),
            revision: pin.revision.0,
        }
    }
}

impl From<PinBody> for Pin {
    fn from(body: PinBody) -> Self {
        Pin {
            zone: body.zone.0,
            scope: body.scope.0,
            to: body.to.into(),
            reason: body.reason,
            by: body.by.0,
            started_at: Timestamp(body.started_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
            floor_overrides: read_overrides(body.floor_overrides),
            revision: Revision(body.revision),
        }
    }
}
