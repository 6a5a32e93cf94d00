//! `GET /v1/whatif` and `GET /v1/scale-in`: who carries what when something goes, and whether anything may shrink.
//!
//! Loads are requests in 1,000 seconds, shares parts per million.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/whatif?lose=`: what happens if a zone or region goes, as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIf {
    /// The node that answers: only control nodes know the last week and what was measured.
    pub node: String,
    /// The revision that the answer stands on.
    pub revision: u64,
    /// Whether that node is one that keeps the last week.
    pub week: bool,
    /// The zones that go.
    pub lost: Vec<String>,
    /// Whether nothing would be refused, nobody would carry more than it is known to carry, and every pool would have somebody.
    pub ok: bool,
    /// The same in one word.
    pub verdict: WhatIfVerdict,
    /// Everything that an evacuation would leave where it is, and why.
    pub refused: Vec<RefusedThere>,
    /// Why a shift of the one zone would be refused as a whole; null if it would not.
    pub shift_refused: Option<String>,
    /// Whether anybody has told what is carried.
    pub load_known: bool,
    /// Hours of the last week of which this node knows the peak.
    pub hours_known: u32,
    /// All zones, in the estate's order.
    pub zones: Vec<WhatIfZone>,
    /// The pools with endpoints in what goes.
    pub pools: Vec<WhatIfPool>,
    /// What the services' calls make of a bad zone, for each region with one; empty without services, and where no zone is left.
    pub paths: Vec<WhatIfPath>,
}

/// How it would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhatIfVerdict {
    /// Everything that stays is known to carry what it would get.
    Carried,
    /// Nothing speaks against it, but of some zone nobody knows what it carries.
    Unknown,
    /// Some zone would carry more than was ever measured.
    Unproven,
    /// Some zone would carry more than it can.
    Beyond,
    /// Some pool would serve nobody.
    Out,
    /// Something would be refused.
    Refused,
}

impl WhatIfVerdict {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            WhatIfVerdict::Carried => "carried",
            WhatIfVerdict::Unknown => "unknown",
            WhatIfVerdict::Unproven => "unproven",
            WhatIfVerdict::Beyond => "beyond",
            WhatIfVerdict::Out => "out",
            WhatIfVerdict::Refused => "refused",
        }
    }
}

/// Something that would stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedThere {
    /// `pool/NAME` or `record/NAME`.
    pub resource: String,
    /// The zone that it would not leave.
    pub zone: String,
    /// Why.
    pub why: String,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfZone {
    /// Its name.
    pub id: String,
    /// Whether it is what goes.
    pub lost: bool,
    /// What it carries; null if nobody knows.
    pub capacity: Option<KnownCapacity>,
    /// With what is carried now; null while nobody has told.
    pub now: Option<ProjectedLoad>,
    /// In the hour of the last week that would be the worst for it; null where no hour is known.
    pub peak: Option<ProjectedLoad>,
}

/// What something carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownCapacity {
    /// Requests in 1,000 seconds.
    pub per_1000_s: u64,
    /// How that is known.
    pub basis: CapacityBasis,
    /// The least load above it that went badly; null while none did.
    pub failed_at_per_1000_s: Option<u64>,
}

/// How a capacity is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CapacityBasis {
    /// The estate says so.
    Declared,
    /// The most of the last week that went well for ten seconds.
    Measured,
}

impl CapacityBasis {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            CapacityBasis::Declared => "declared",
            CapacityBasis::Measured => "measured",
        }
    }
}

/// A load before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectedLoad {
    /// Requests in 1,000 seconds before.
    pub before_per_1000_s: u64,
    /// Requests in 1,000 seconds afterwards.
    pub after_per_1000_s: u64,
    /// When the hour began that this is of; null for now.
    pub hour_ms: Option<u64>,
    /// The share of the capacity that stays free; null if nobody knows the capacity.
    pub headroom_ppm: Option<u32>,
    /// Whether it is carried.
    pub fit: LoadFit,
}

/// Whether a load is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoadFit {
    /// It is.
    Fits,
    /// Nobody knows what can be carried.
    Unknown,
    /// More than was ever measured.
    Unproven,
    /// More than is declared, or as much as went badly.
    Beyond,
}

impl LoadFit {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            LoadFit::Fits => "fits",
            LoadFit::Unknown => "unknown",
            LoadFit::Unproven => "unproven",
            LoadFit::Beyond => "beyond",
        }
    }
}

/// One pool in what it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfPool {
    /// Its name.
    pub name: String,
    /// Whether nobody of it would be left, nor anybody in its place.
    pub out: bool,
    /// Requests in 1,000 seconds that would go nowhere.
    pub nowhere_per_1000_s: u64,
    /// The zones that it has endpoints in; capacities are those measured of the pool there.
    pub zones: Vec<WhatIfZone>,
}

/// What the requests of one entry service meet while a zone is bad and not yet left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfPath {
    /// The service; nobody calls it.
    pub service: String,
    /// The region.
    pub region: String,
    /// Services that a request goes to, itself included; one on two ways counts twice.
    pub services: u64,
    /// Of the calls, regional ones.
    pub regional_calls: u64,
    /// The share of its requests that avoid the bad zone: exactly, such as `(2/3)^3`.
    pub avoids: String,
    /// The same, rounded down.
    pub avoids_ppm: u32,
    /// The same if all calls were regional.
    pub if_regional: String,
    /// The same, rounded down.
    pub if_regional_ppm: u32,
    /// The same if all calls were zonal.
    pub if_zonal: String,
    /// The same, rounded down.
    pub if_zonal_ppm: u32,
}

/// `GET /v1/scale-in?zone=`: whether anything in the zone may be scaled in now; 200 if it may, 409 if not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScaleIn {
    /// The zone.
    pub zone: String,
    /// The pool that was asked about; null for all of the zone's.
    pub pool: Option<String>,
    /// Whether it may.
    pub allowed: bool,
    /// Why not.
    pub held_by: Vec<ScaleInHold>,
}

/// Why the zones of a pool may not shrink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScaleInHold {
    /// The pool.
    pub pool: String,
    /// Its zone that is away or returning.
    pub zone: String,
    /// In words.
    pub why: String,
}
