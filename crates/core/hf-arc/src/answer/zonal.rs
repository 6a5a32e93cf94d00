//! Outputs of arc-zonal-shift.

use std::collections::BTreeMap;

use hf_model::{ShiftId, ZoneId};
use serde::{Serialize, Serializer};

use super::EpochSeconds;
use crate::arn::ResourceArn;
use crate::practice::PracticeConfig;

pub use crate::call::zonal::{AutoshiftStatus, Enablement, ShiftStatus};

macro_rules! serialized_ids {
    ($name:ident: $id:ty) => {
        fn $name<S: Serializer>(id: &$id, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(id.as_str())
        }
    };
}

serialized_ids!(shift_id: ShiftId);
serialized_ids!(zone_id: ZoneId);

fn zone_ids<S: Serializer>(zones: &[ZoneId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(zones.iter().map(ZoneId::as_str))
}

fn weights<S: Serializer>(
    weights: &BTreeMap<ZoneId, AppliedWeight>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(weights.iter().map(|(zone, weight)| (zone.as_str(), weight)))
}

/// A shift or practice run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ZonalShift {
    /// Its id.
    #[serde(serialize_with = "shift_id")]
    pub zonal_shift_id: ShiftId,
    /// What it acts on.
    pub resource_identifier: ResourceArn,
    /// Out of where.
    #[serde(serialize_with = "zone_id")]
    pub away_from: ZoneId,
    /// When it ends.
    pub expiry_time: EpochSeconds,
    /// When it began.
    pub start_time: EpochSeconds,
    /// Whether it is in force.
    pub status: ShiftStatus,
    /// Why.
    pub comment: String,
}

/// What has made a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShiftType {
    /// An operator.
    ZonalShift,
    /// A rehearsal.
    PracticeRun,
    /// The detector.
    ZonalAutoshift,
}

/// How a practice run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PracticeOutcome {
    /// It is under way.
    Pending,
    /// To its end, and nothing was amiss.
    Succeeded,
    /// An outcome alarm went off.
    Failed,
    /// Something ended it.
    Interrupted,
    /// The other zones could not have carried the load.
    CapacityCheckFailed,
}

/// A shift in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ZonalShiftSummary {
    /// The shift.
    #[serde(flatten)]
    pub shift: ZonalShift,
    /// What has made it.
    pub shift_type: ShiftType,
    /// Of practice runs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practice_run_outcome: Option<PracticeOutcome>,
}

/// Whether an act has effect, or yields to a stronger one or to the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppliedStatus {
    /// It has.
    Applied,
    /// It yields.
    NotApplied,
}

/// An active shift at its resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ZonalShiftInResource {
    /// Whether it has effect.
    pub applied_status: AppliedStatus,
    /// Its id.
    #[serde(serialize_with = "shift_id")]
    pub zonal_shift_id: ShiftId,
    /// What it acts on.
    pub resource_identifier: ResourceArn,
    /// Out of where.
    #[serde(serialize_with = "zone_id")]
    pub away_from: ZoneId,
    /// When it ends.
    pub expiry_time: EpochSeconds,
    /// When it began.
    pub start_time: EpochSeconds,
    /// Why.
    pub comment: String,
    /// What has made it.
    pub shift_type: ShiftType,
    /// Of practice runs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practice_run_outcome: Option<PracticeOutcome>,
}

/// An active autoshift at its resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoshiftInResource {
    /// Whether it has effect.
    pub applied_status: AppliedStatus,
    /// Out of where.
    #[serde(serialize_with = "zone_id")]
    pub away_from: ZoneId,
    /// When it began.
    pub start_time: EpochSeconds,
}

/// An autoshift in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoshiftSummary {
    /// Out of where.
    #[serde(serialize_with = "zone_id")]
    pub away_from: ZoneId,
    /// When it began.
    pub start_time: EpochSeconds,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<EpochSeconds>,
    /// Whether it is in force.
    pub status: AutoshiftStatus,
}

/// What acts have made of a zone, health apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliedWeight {
    /// It serves.
    In,
    /// An act that has effect takes the resource out of it.
    Away,
}

impl Serialize for AppliedWeight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f32(match self {
            AppliedWeight::In => 1.0,
            AppliedWeight::Away => 0.0,
        })
    }
}

/// A resource with all that acts on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedResource {
    /// Its ARN.
    pub arn: ResourceArn,
    /// Its short form; see [`ResourceArn::name`].
    pub name: String,
    /// For each of its zones.
    #[serde(serialize_with = "weights")]
    pub applied_weights: BTreeMap<ZoneId, AppliedWeight>,
    /// Active ones, practice runs too.
    pub zonal_shifts: Vec<ZonalShiftInResource>,
    /// Active ones.
    pub autoshifts: Vec<AutoshiftInResource>,
    /// If it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practice_run_configuration: Option<PracticeConfig>,
    /// Whether autoshift may act on it.
    pub zonal_autoshift_status: Enablement,
}

/// A resource in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedResourceSummary {
    /// Its ARN.
    pub arn: ResourceArn,
    /// Its short form; see [`ResourceArn::name`].
    pub name: String,
    /// Its zones.
    #[serde(serialize_with = "zone_ids")]
    pub availability_zones: Vec<ZoneId>,
    /// For each of its zones.
    #[serde(serialize_with = "weights")]
    pub applied_weights: BTreeMap<ZoneId, AppliedWeight>,
    /// Active ones, practice runs too.
    pub zonal_shifts: Vec<ZonalShiftInResource>,
    /// Active ones.
    pub autoshifts: Vec<AutoshiftInResource>,
    /// Whether autoshift may act on it.
    pub zonal_autoshift_status: Enablement,
    /// Whether it has a practice configuration.
    pub practice_run_status: Enablement,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Items<T> {
    /// The page.
    pub items: Vec<T>,
    /// For the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl<T> From<crate::page::Page<T>> for Items<T> {
    fn from(page: crate::page::Page<T>) -> Self {
        Items { items: page.items, next_token: page.next_token }
    }
}

/// Whether autoshift may act on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoshiftConfiguration {
    /// The resource.
    pub resource_identifier: ResourceArn,
    /// May it.
    pub zonal_autoshift_status: Enablement,
}

/// A resource's practice configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PracticeResult {
    /// The resource.
    pub arn: ResourceArn,
    /// Its short form.
    pub name: String,
    /// Whether autoshift may act on it.
    pub zonal_autoshift_status: Enablement,
    /// All of it.
    pub practice_run_configuration: PracticeConfig,
}

/// A resource that has no practice configuration any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PracticeDeleted {
    /// The resource.
    pub arn: ResourceArn,
    /// Its short form.
    pub name: String,
    /// Whether autoshift may act on it.
    pub zonal_autoshift_status: Enablement,
}

/// Whether operators are told of autoshifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Observer {
    /// Are they.
    pub status: Enablement,
}
