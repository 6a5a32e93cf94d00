//! Shifts and pins inside other formats.

use hf_control::{Pin, PinTo, Scope, Shift, ShiftState};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::text::AsText;

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
    revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ShiftStateBody {
    Active,
    Canceled { at_ms: u64 },
    Expired { at_ms: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinBody {
    zone: AsText<ZoneId>,
    scope: AsText<Scope>,
    to: PinToBody,
    reason: String,
    by: AsText<Operator>,
    ends_at_ms: u64,
    revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PinToBody {
    In,
    Out,
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
            },
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
            },
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
            ends_at_ms: pin.ends_at.0,
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
            ends_at: Timestamp(body.ends_at_ms),
            revision: Revision(body.revision),
        }
    }
}

impl From<PinTo> for PinToBody {
    fn from(to: PinTo) -> Self {
        match to {
            PinTo::In => PinToBody::In,
            PinTo::Out => PinToBody::Out,
        }
    }
}

impl From<PinToBody> for PinTo {
    fn from(to: PinToBody) -> Self {
        match to {
            PinToBody::In => PinTo::In,
            PinToBody::Out => PinTo::Out,
        }
    }
}
