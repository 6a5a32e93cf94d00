//! Where the asker is, as far as the estate can tell.

use std::net::IpAddr;

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

/// Places an address: by the zones' networks, else in the region (not the zone) of the node that was asked, since
/// resolvers ask the name server that they reach soonest.
pub fn locate(estate: &Estate, address: IpAddr, own_zone: Option<ZoneIx>) -> Client {
    match estate.zone_of_client(address) {
        Some(zone) => Client::in_zone(estate, zone),
        None => Client { zone: None, region: own_zone.map(|zone| estate.zone(zone).region) },
    }
}
