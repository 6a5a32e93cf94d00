//! Regions and zones: the failure domains.

use hf_model::{Capacity, Cidr, ControlPath, Location, RegionId, ZoneId};

use super::RegionIx;

/// Zones near one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub id: RegionId,
    /// Where it is; needed by the filter `near` when there is more than one region.
    pub location: Option<Location>,
    /// The routing control behind it: while that is off, its zones are left as far as the floor allows. It is declared in this estate.
    pub control: Option<ControlPath>,
}

/// A failure domain: what a shift evacuates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub id: ZoneId,
    /// The region around it.
    pub region: RegionIx,
    /// Other names of the same place, such as another account's `eu-west-2a`. Unique over the estate.
    pub aliases: Vec<ZoneId>,
    /// What it can carry, if stated.
    pub capacity: Option<Capacity>,
    /// Networks whose clients count as being in this zone.
    pub networks: Vec<Cidr>,
    /// The routing control behind it: while that is off, the zone is left as far as the floor allows. It is declared in this estate.
    pub control: Option<ControlPath>,
}
