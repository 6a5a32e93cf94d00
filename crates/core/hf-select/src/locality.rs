//! Where a client is, as far as anything can tell: the zones' networks, a geography database, measured latency.
//!
//! 1. A zone is that of the narrowest network around the address; its region is the client's. Without one the client counts as being
//!    in the region of the node that was asked, since resolvers ask the name server that they reach soonest.
//! 2. Only what a chain looks at is looked up ([`Needs`]), and each look-up says how many bits of the address decided it.
//!
//! Not here: reading databases and files (`io`), what a chain makes of it ([`Plan`](crate::Plan)).

use std::net::IpAddr;

use hf_config::estate::{Estate, RegionIx, ZoneIx};
use hf_model::{Cidr, Location};

use crate::client::Client;
use crate::prefixes::Prefixes;

/// What chains ask about a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Its zone and region, by networks.
    pub networks: bool,
    /// Its country and place, by a geography database.
    pub geo: bool,
    /// How fast regions reach it.
    pub latency: bool,
}

impl std::ops::BitOr for Needs {
    type Output = Needs;

    fn bitor(self, other: Needs) -> Needs {
        Needs {
            networks: self.networks | other.networks,
            geo: self.geo | other.geo,
            latency: self.latency | other.latency,
        }
    }
}

/// What a geography database says of an address; codes in upper case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeoFound {
    /// AF, AN, AS, EU, NA, OC or SA.
    pub continent: Option<[u8; 2]>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<[u8; 2]>,
    /// ISO 3166-2 within the country, padded with zero bytes.
    pub subdivision: Option<[u8; 3]>,
    /// Where it is.
    pub location: Option<Location>,
    /// So many leading bits of the address decided this; also where nothing was found.
    pub prefix_bits: u8,
}

/// A geography database. Looks up without allocation, lock or panic: it is on the hot path.
pub trait Geo: Send + Sync {
    /// What is known of an address; all empty where nothing is.
    fn find(&self, address: IpAddr) -> GeoFound;
}

/// No database.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGeo;

impl Geo for NoGeo {
    fn find(&self, _: IpAddr) -> GeoFound {
        GeoFound::default()
    }
}

/// How fast regions reach networks of clients: a network, and for each region of the estate microseconds or [`UNMEASURED`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyTable {
    /// One for each network. Rows that are too short are filled with [`UNMEASURED`].
    pub rows: Vec<(Cidr, Vec<u32>)>,
}

/// A region whose latency is not known.
pub const UNMEASURED: u32 = u32::MAX;

/// A client, as far as a chain asks about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locality<'a> {
    /// The address that stands for it: the subnet's that a resolver told, else the resolver's own.
    pub address: IpAddr,
    /// How many of its bits are known.
    pub bits: u8,
    /// Its zone, if a zone's networks hold its address.
    pub zone: Option<ZoneIx>,
    /// That zone's region, else the region of the node that was asked.
    pub region: Option<RegionIx>,
    /// What the database says.
    pub geo: GeoFound,
    /// Microseconds by region, if its network was measured.
    pub latency: Option<&'a [u32]>,
    /// Bits of the address that decided zone and region.
    pub network_bits: u8,
    /// Bits of the address that decided the latency.
    pub latency_bits: u8,
}

impl Locality<'_> {
    /// One of whom nothing but zone and region is known: a balancer, or the asker of a zonal name.
    pub fn of(client: Client) -> Locality<'static> {
        Locality {
            address: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            bits: 0,
            zone: client.zone,
            region: client.region,
            geo: GeoFound::default(),
            latency: None,
            network_bits: 0,
            latency_bits: 0,
        }
    }

    /// Zone and region alone.
    pub fn client(&self) -> Client {
        Client { zone: self.zone, region: self.region }
    }
}

/// What places clients, compiled from an estate and a table of latencies.
#[derive(Clone, Debug, Default)]
pub struct Around {
    networks: Prefixes,
    /// For each network its zone.
    zones: Vec<ZoneIx>,
    /// For each zone its region.
    regions: Vec<RegionIx>,
    measured: Prefixes,
    /// For each measured network a latency for each region.
    latencies: Vec<u32>,
    /// How many regions the estate has.
    width: usize,
}

impl Around {
    /// Compiles. Work: all networks of zones and table.
    pub fn new(estate: &Estate, latency: &LatencyTable) -> Around {
        let of_zone = |zone: ZoneIx| estate.zone(zone).networks.iter().map(move |network| (zone, *network));
        let (zones, networks): (Vec<ZoneIx>, Vec<Cidr>) = estate.zone_indexes().flat_map(of_zone).unzip();
        let width = estate.regions.len();
        let measured: Vec<Cidr> = latency.rows.iter().map(|(network, _)| *network).collect();
        let of_row = |row: &[u32]| (0..width).map(|at| row.get(at).copied().unwrap_or(UNMEASURED)).collect();
        Around {
            networks: Prefixes::new(&networks),
            zones,
            regions: estate.zones.iter().map(|zone| zone.region).collect(),
            measured: Prefixes::new(&measured),
            latencies: latency.rows.iter().flat_map(|(_, row)| -> Vec<u32> { of_row(row) }).collect(),
            width,
        }
    }

    /// Looks up what is needed of a client whose leading `bits` are known, for a node in `own_zone`.
    pub fn locate(
        &self,
        (address, bits): (IpAddr, u8),
        own_zone: Option<ZoneIx>,
        geo: &dyn Geo,
        needs: Needs,
    ) -> Locality<'_> {
        let address = address.to_canonical();
        let region = |zone: ZoneIx| self.regions.get(zone.at()).copied();
        let mut found = Locality { address, bits, ..Locality::of(Client::default()) };
        if needs.networks {
            let network = self.networks.find(address);
            found.zone = network.network.map(|at| self.zones[at]);
            found.network_bits = network.bits;
        }
        found.region = found.zone.or(own_zone).and_then(region);
        if needs.geo {
            found.geo = geo.find(address);
        }
        if needs.latency {
            let network = self.measured.find(address);
            let row = network.network.map(|at| &self.latencies[at * self.width..(at + 1) * self.width]);
            found.latency = row;
            found.latency_bits = network.bits;
        }
        found
    }
}
