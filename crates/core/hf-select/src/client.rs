//! A client's zone and region.
//!
//! Not here: how they are found (`locality`).

use hf_config::estate::{Estate, RegionIx, ZoneIx};

/// Where the asker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its zone, if a zone's networks hold its address.
    pub zone: Option<ZoneIx>,
    /// That zone's region, else the region of the node that was asked.
    pub region: Option<RegionIx>,
}

impl Client {
    /// A client in this zone.
    pub fn in_zone(estate: &Estate, zone: ZoneIx) -> Client {
        Client { zone: Some(zone), region: Some(estate.zone(zone).region) }
    }
}
