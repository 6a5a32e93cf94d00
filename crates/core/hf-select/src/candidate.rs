//! What may be chosen: an endpoint of a pool or a branch of a tree.

use hf_config::estate::{Branch, BranchTo, Estate, GeoArea, PoolIx, RegionIx, Tree, ZoneIx};
use hf_model::{Location, Weight};

use crate::chance::Chance;

/// One endpoint or branch, with all that filters look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its position in the pool's endpoints or the tree's branches.
    pub at: u16,
    /// An endpoint's zone.
    pub zone: Option<ZoneIx>,
    /// That zone's region, or the branch's.
    pub region: Option<RegionIx>,
    /// Where it is: a branch's own location, else its region's.
    pub location: Option<Location>,
    /// For `near`: -99 to 99.
    pub bias: i8,
    /// Its share beside its peers.
    pub weight: Weight,
    /// Lower is used first.
    pub priority: u16,
    /// Whose clients it is for, by area.
    pub geo: Vec<GeoArea>,
    /// Whose clients it is for, by network: a collection and places in it.
    pub cidr: Option<(u16, Vec<u16>)>,
    /// What stays the same when others come and go: `sticky` keeps clients by it.
    pub key: u64,
}

/// A number that follows from bytes alone (FNV-1a, mixed).
fn key(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Chance::new(hash).number()
}

impl Candidate {
    /// All endpoints of a pool, in its order.
    pub fn of_pool(estate: &Estate, pool: PoolIx) -> Vec<Candidate> {
        let endpoints = (0_u16..).zip(&estate.pool(pool).endpoints);
        let candidate = |(at, endpoint): (u16, &hf_config::estate::Endpoint)| {
            let region = estate.zone(endpoint.zone).region;
            Candidate {
                at,
                zone: Some(endpoint.zone),
                region: Some(region),
                location: estate.regions[region.at()].location,
                bias: 0,
                weight: endpoint.weight,
                priority: endpoint.priority,
                geo: Vec::new(),
                cidr: None,
                key: key(endpoint.address.to_string().as_bytes()),
            }
        };
        endpoints.map(candidate).collect()
    }

    /// All branches of a tree, in its order.
    pub fn of_tree(estate: &Estate, tree: &Tree) -> Vec<Candidate> {
        let candidate = |(at, branch): (u16, &Branch)| {
            let of_region = branch.region.and_then(|region| estate.regions[region.at()].location);
            let name = match branch.to {
                BranchTo::Pool(pool) => format!("pool/{}", estate.pool(pool).name),
                BranchTo::Record(record) => format!("record/{}", estate.records[usize::from(record)].name),
                BranchTo::Tree(tree) => format!("tree/{}", estate.trees[usize::from(tree)].name),
            };
            // Several branches may lead to one place.
            let earlier = &tree.branches[..usize::from(at)];
            let nth = earlier.iter().filter(|other| other.to == branch.to).count();
            Candidate {
                at,
                zone: None,
                region: branch.region,
                location: branch.location.or(of_region),
                bias: branch.bias,
                weight: branch.weight,
                priority: branch.priority,
                geo: branch.geo.clone(),
                cidr: branch.cidr.clone(),
                key: key(format!("{nth} {name}").as_bytes()),
            }
        };
        (0_u16..).zip(&tree.branches).map(candidate).collect()
    }
}
