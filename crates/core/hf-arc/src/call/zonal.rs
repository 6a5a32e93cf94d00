//! Inputs of arc-zonal-shift: shifts, practice runs, autoshift configuration.

use std::time::Duration;

use hf_model::{ShiftId, ZoneId};

use super::{Source, any_text, paging, parameter_number};
use crate::arn::ResourceArn;
use crate::error::ValidationReason as Reason;
use crate::fields::{Check, Leaf};
use crate::page::Paging;
use crate::practice::{PracticeChange, PracticeConfig};
use crate::texts::{self, shown, text, wrong};

/// Whether a shift is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ShiftStatus {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody, or something stronger, has ended it.
    Canceled,
}

/// Whether an autoshift is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AutoshiftStatus {
    /// It is.
    Active,
    /// It is over.
    Completed,
}

/// Something that is turned on or off for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Enablement {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// Take a resource out of a zone for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartZonalShift {
    /// Which resource.
    pub resource: ResourceArn,
    /// Out of which zone, by its id or an alias.
    pub away_from: ZoneId,
    /// For how long: 1 minute to 72 hours.
    pub expires_in: Duration,
    /// Why; 0 to 128 characters.
    pub comment: String,
}

/// Give a shift a new end, counted from now, or a new comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateZonalShift {
    /// None for an id that no shift of Holdfast can have: there is none.
    pub shift: Option<ShiftId>,
    /// As it was sent, for the answer.
    pub shift_text: String,
    /// 1 minute to 72 hours from now.
    pub expires_in: Option<Duration>,
    /// 0 to 128 characters.
    pub comment: Option<String>,
}

/// End a shift or a practice run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelZonalShift {
    /// None for an id that no shift of Holdfast can have: there is none.
    pub shift: Option<ShiftId>,
    /// As it was sent, for the answer.
    pub shift_text: String,
}

/// End a practice run, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelPracticeRun {
    /// None for an id that no shift of Holdfast can have: there is none.
    pub shift: Option<ShiftId>,
    /// As it was sent, for the answer.
    pub shift_text: String,
}

/// Shifts and practice runs, active and ended ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListZonalShifts {
    /// Only these.
    pub status: Option<ShiftStatus>,
    /// Only its.
    pub resource: Option<ResourceArn>,
    /// Which part.
    pub paging: Paging,
}

/// A resource with all that acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetManagedResource {
    /// Which.
    pub resource: ResourceArn,
}

/// All resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListManagedResources {
    /// Which part.
    pub paging: Paging,
}

/// Let autoshift act on a resource, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateZonalAutoshiftConfiguration {
    /// Which.
    pub resource: ResourceArn,
    /// May it.
    pub status: Enablement,
}

/// Autoshifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAutoshifts {
    /// Only these; active ones where the caller does not say.
    pub status: AutoshiftStatus,
    /// Which part.
    pub paging: Paging,
}

/// Say when a resource may have practice runs; it has no such configuration yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePracticeRunConfiguration {
    /// Which.
    pub resource: ResourceArn,
    /// All of it.
    pub config: PracticeConfig,
}

/// Change when a resource may have practice runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatePracticeRunConfiguration {
    /// Which.
    pub resource: ResourceArn,
    /// What is to be another.
    pub change: PracticeChange,
}

/// No more practice runs of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletePracticeRunConfiguration {
    /// Which.
    pub resource: ResourceArn,
}

/// Begin a practice run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPracticeRun {
    /// Of which resource.
    pub resource: ResourceArn,
    /// Out of which zone, by its id or an alias.
    pub away_from: ZoneId,
    /// Why; 0 to 128 characters.
    pub comment: String,
}

/// Whether operators are told of autoshifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetAutoshiftObserverNotificationStatus;

/// Let operators be told of autoshifts, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateAutoshiftObserverNotificationStatus {
    /// Are they.
    pub status: Enablement,
}

fn shift_status(text: &str) -> Leaf<ShiftStatus> {
    match text {
        "ACTIVE" => Ok(ShiftStatus::Active),
        "EXPIRED" => Ok(ShiftStatus::Expired),
        "CANCELED" => Ok(ShiftStatus::Canceled),
        other => Err(wrong(
            Reason::InvalidStatus,
            format!("{} is none of ACTIVE, EXPIRED, CANCELED", shown(other)),
        )),
    }
}

fn autoshift_status(text: &str) -> Leaf<AutoshiftStatus> {
    match text {
        "ACTIVE" => Ok(AutoshiftStatus::Active),
        "COMPLETED" => Ok(AutoshiftStatus::Completed),
        other => {
            Err(wrong(Reason::InvalidStatus, format!("{} is neither ACTIVE nor COMPLETED", shown(other))))
        }
    }
}

fn enablement(text: &str) -> Leaf<Enablement> {
    match text {
        "ENABLED" => Ok(Enablement::Enabled),
        "DISABLED" => Ok(Enablement::Disabled),
        other => {
            Err(wrong(Reason::InvalidStatus, format!("{} is neither ENABLED nor DISABLED", shown(other))))
        }
    }
}

fn segment_resource(check: &mut Check, source: &Source<'_>) -> Option<ResourceArn> {
    check.value("resourceIdentifier", source.segment, texts::resource)
}

fn zonal_paging(check: &mut Check, source: &Source<'_>, list: &str) -> Option<Paging> {
    let token = check.parameter(source.request, "nextToken", any_text);
    let size = check.parameter(source.request, "maxResults", parameter_number(1, 100));
    // Also the default: a page of shifts is larger than one of names.
    paging(check, list, ("nextToken", token), Some(size.unwrap_or(100)))
}

impl StartZonalShift {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let resource = check.required(members, "resourceIdentifier", text(texts::resource));
        let away_from = check.required(members, "awayFrom", text(texts::zone));
        let expires_in = check.required(members, "expiresIn", text(texts::expires_in));
        let comment = check.required(members, "comment", text(texts::comment));
        Some(Self { resource: resource?, away_from: away_from?, expires_in: expires_in?, comment: comment? })
    }
}

impl UpdateZonalShift {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let shift = check.value("zonalShiftId", source.segment, texts::shift_id);
        let expires_in = check.optional(&source.members, "expiresIn", text(texts::expires_in));
        let comment = check.optional(&source.members, "comment", text(texts::comment));
        let is_absent = |name: &str| source.members.get(name).is_none_or(serde_json::Value::is_null);
        if is_absent("expiresIn") && is_absent("comment") {
            check.add("request", Reason::MissingValue, "changes nothing; give expiresIn, comment or both");
        }
        Some(Self { shift: shift?, shift_text: source.segment.to_owned(), expires_in, comment })
    }
}

impl CancelZonalShift {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let shift = check.value("zonalShiftId", source.segment, texts::shift_id)?;
        Some(Self { shift, shift_text: source.segment.to_owned() })
    }
}

impl CancelPracticeRun {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let shift = check.value("zonalShiftId", source.segment, texts::shift_id)?;
        Some(Self { shift, shift_text: source.segment.to_owned() })
    }
}

impl ListZonalShifts {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let status = check.parameter(source.request, "status", shift_status);
        let resource = check.parameter(source.request, "resourceIdentifier", texts::resource);
        let of = resource.as_ref().map(ResourceArn::name).unwrap_or_default();
        let paging = zonal_paging(check, source, &format!("shifts {status:?} {of}"))?;
        Some(Self { status, resource, paging })
    }
}

impl GetManagedResource {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { resource: segment_resource(check, source)? })
    }
}

impl ListManagedResources {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { paging: zonal_paging(check, source, "resources")? })
    }
}

impl UpdateZonalAutoshiftConfiguration {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let resource = segment_resource(check, source);
        let status = check.required(&source.members, "zonalAutoshiftStatus", text(enablement));
        Some(Self { resource: resource?, status: status? })
    }
}

impl ListAutoshifts {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let status =
            check.parameter(source.request, "status", autoshift_status).unwrap_or(AutoshiftStatus::Active);
        let paging = zonal_paging(check, source, &format!("autoshifts {status:?}"))?;
        Some(Self { status, paging })
    }
}

impl CreatePracticeRunConfiguration {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let resource = check.required(&source.members, "resourceIdentifier", text(texts::resource));
        let given = PracticeChange::read(check, &source.members);
        if source.members.get("outcomeAlarms").is_none_or(serde_json::Value::is_null) {
            check.add("outcomeAlarms", Reason::MissingValue, "is required and absent");
        }
        let config = PracticeConfig {
            outcome_alarms: given.outcome_alarms?,
            blocking_alarms: given.blocking_alarms.unwrap_or_default(),
            blocked_windows: given.blocked_windows.unwrap_or_default(),
            allowed_windows: given.allowed_windows.unwrap_or_default(),
            blocked_dates: given.blocked_dates.unwrap_or_default(),
        };
        Some(Self { resource: resource?, config })
    }
}

impl UpdatePracticeRunConfiguration {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let resource = segment_resource(check, source);
        let change = PracticeChange::read(check, &source.members);
        Some(Self { resource: resource?, change })
    }
}

impl DeletePracticeRunConfiguration {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { resource: segment_resource(check, source)? })
    }
}

impl StartPracticeRun {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let resource = check.required(members, "resourceIdentifier", text(texts::resource));
        let away_from = check.required(members, "awayFrom", text(texts::zone));
        let comment = check.required(members, "comment", text(texts::comment));
        Some(Self { resource: resource?, away_from: away_from?, comment: comment? })
    }
}

impl GetAutoshiftObserverNotificationStatus {
    #[expect(clippy::unnecessary_wraps, reason = "inputs are all read alike")]
    pub(super) fn read(_: &mut Check, _: &Source<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl UpdateAutoshiftObserverNotificationStatus {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { status: check.required(&source.members, "status", text(enablement))? })
    }
}
