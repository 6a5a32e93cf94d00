//! Outcomes inside journal lines and checkpoints.

use std::time::Duration;

use hf_control::{Bounded, Outcome, Refusal, Scope};
use hf_model::{RequestId, Revision, ShiftId, ZoneId};
use serde::{Deserialize, Serialize};

use crate::act::ShiftBody;
use crate::text::AsText;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OutcomeBody {
    Done { revision: u64, shift: Option<ShiftBody> },
    Refused(RefusalBody),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RefusalBody {
    BadEstate { problems: String },
    Stale { read: u64, newest: u64 },
    InUse { by: String, what: String },
    UnknownZone { zone: AsText<ZoneId>, known: String },
    UnknownResource { scope: AsText<Scope> },
    UnknownShift { id: AsText<ShiftId> },
    NotActive { id: AsText<ShiftId> },
    AlreadyShifted { id: AsText<ShiftId>, zone: AsText<ZoneId>, scope: AsText<Scope> },
    OtherZoneShifted { id: AsText<ShiftId>, zone: AsText<ZoneId>, scope: AsText<Scope> },
    Floor { pool: String, needed: String, left: String },
    Length { length: Duration },
    Reason { len: usize },
    TooMany { what: BoundedBody, count: usize },
    NoPin { zone: AsText<ZoneId>, scope: AsText<Scope> },
    RequestReused { request: AsText<RequestId> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BoundedBody {
    ActiveShifts,
    Pins,
}

impl From<&Outcome> for OutcomeBody {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done { revision, shift } => {
                OutcomeBody::Done { revision: revision.0, shift: shift.as_ref().map(Into::into) }
            }
            Outcome::Refused(refusal) => OutcomeBody::Refused(refusal.clone().into()),
        }
    }
}

impl From<OutcomeBody> for Outcome {
    fn from(body: OutcomeBody) -> Self {
        match body {
            OutcomeBody::Done { revision, shift } => {
                Outcome::Done { revision: Revision(revision), shift: shift.map(Into::into) }
            }
            OutcomeBody::Refused(refusal) => Outcome::Refused(refusal.into()),
        }
    }
}

impl From<Refusal> for RefusalBody {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadEstate { problems } => RefusalBody::BadEstate { problems },
            Refusal::Stale { read, newest } => RefusalBody::Stale { read: read.0, newest: newest.0 },
            Refusal::InUse { by, what } => RefusalBody::InUse { by, what },
            Refusal::UnknownZone { zone, known } => RefusalBody::UnknownZone { zone: AsText(zone), known },
            Refusal::UnknownResource { scope } => RefusalBody::UnknownResource { scope: AsText(scope) },
            Refusal::UnknownShift { id } => RefusalBody::UnknownShift { id: AsText(id) },
            Refusal::NotActive { id } => RefusalBody::NotActive { id: AsText(id) },
            Refusal::AlreadyShifted { id, zone, scope } => {
                RefusalBody::AlreadyShifted { id: AsText(id), zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::OtherZoneShifted { id, zone, scope } => {
                RefusalBody::OtherZoneShifted { id: AsText(id), zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::Floor { pool, needed, left } => RefusalBody::Floor { pool, needed, left },
            Refusal::Length { length } => RefusalBody::Length { length },
            Refusal::Reason { len } => RefusalBody::Reason { len },
            Refusal::TooMany { what, count } => RefusalBody::TooMany { what: what.into(), count },
            Refusal::RequestReused { request } => RefusalBody::RequestReused { request: AsText(request) },
            Refusal::NoPin { zone, scope } => RefusalBody::NoPin { zone: AsText(zone), scope: AsText(scope) },
        }
    }
}

impl From<RefusalBody> for Refusal {
    fn from(body: RefusalBody) -> Self {
        match body {
            RefusalBody::BadEstate { problems } => Refusal::BadEstate { problems },
            RefusalBody::Stale { read, newest } => {
                Refusal::Stale { read: Revision(read), newest: Revision(newest) }
            }
            RefusalBody::InUse { by, what } => Refusal::InUse { by, what },
            RefusalBody::UnknownZone { zone, known } => Refusal::UnknownZone { zone: zone.0, known },
            RefusalBody::UnknownResource { scope } => Refusal::UnknownResource { scope: scope.0 },
            RefusalBody::UnknownShift { id } => Refusal::UnknownShift { id: id.0 },
            RefusalBody::NotActive { id } => Refusal::NotActive { id: id.0 },
            RefusalBody::AlreadyShifted { id, zone, scope } => {
                Refusal::AlreadyShifted { id: id.0, zone: zone.0, scope: scope.0 }
            }
            RefusalBody::OtherZoneShifted { id, zone, scope } => {
                Refusal::OtherZoneShifted { id: id.0, zone: zone.0, scope: scope.0 }
            }
            RefusalBody::Floor { pool, needed, left } => Refusal::Floor { pool, needed, left },
            RefusalBody::Length { length } => Refusal::Length { length },
            RefusalBody::Reason { len } => Refusal::Reason { len },
            RefusalBody::TooMany { what, count } => Refusal::TooMany { what: what.into(), count },
            RefusalBody::RequestReused { request } => Refusal::RequestReused { request: request.0 },
            RefusalBody::NoPin { zone, scope } => Refusal::NoPin { zone: zone.0, scope: scope.0 },
        }
    }
}

impl From<Bounded> for BoundedBody {
    fn from(what: Bounded) -> Self {
        match what {
            Bounded::ActiveShifts => BoundedBody::ActiveShifts,
            Bounded::Pins => BoundedBody::Pins,
        }
    }
}

impl From<BoundedBody> for Bounded {
    fn from(what: BoundedBody) -> Self {
        match what {
            BoundedBody::ActiveShifts => Bounded::ActiveShifts,
            BoundedBody::Pins => Bounded::Pins,
        }
    }
}
