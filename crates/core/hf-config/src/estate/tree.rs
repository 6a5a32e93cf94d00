//! Trees: records whose candidates are branches, each leading to a pool, a record or another tree; and the collections of networks
//! that branches may be chosen by.

use hf_model::{Cidr, CollectionName, ControlPath, DnsName, Location, Ttl, Weight};

use super::{AddressFamily, Filter, Minimum, PoolIx, RegionIx, Sticky};

/// A record that answers as one of its branches does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Owner; inside one of the hosted zones.
    pub name: DnsName,
    /// What is asked for.
    pub family: AddressFamily,
    /// How long resolvers may keep it.
    pub ttl: Ttl,
    /// The hosted zone that it lies in, as a position in [`Estate::hosted_zones`](super::Estate::hosted_zones).
    pub hosted_zone: u16,
    /// The routing control behind it: while that is off, it answers as if no branch were open.
    pub control: Option<ControlPath>,
    /// How a branch is chosen.
    pub choose: Vec<Filter>,
    /// At least one.
    pub branches: Vec<Branch>,
    /// How clients are grouped for the filter `sticky`; there exactly when the chain has it.
    pub sticky: Option<Sticky>,
    /// What it answers when no branch is open.
    pub all_down: TreeDown,
}

/// What a level answers when none of its branches is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TreeDown {
    /// As if all were open.
    #[default]
    Open,
    /// Nothing.
    Closed,
}

/// As written.
impl std::fmt::Display for TreeDown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TreeDown::Open => "open",
            TreeDown::Closed => "closed",
        })
    }
}

/// One way down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Where it leads.
    pub to: BranchTo,
    /// Its share beside its peers. Default 100.
    pub weight: Weight,
    /// For the filter `priority`: lower is used first. Default 0.
    pub priority: u16,
    /// Where its answers are, for `near`, `latency` and `same-zone`. Default: that of all its endpoints, if they share one.
    pub region: Option<RegionIx>,
    /// Where its answers are, for `near`; before the region's.
    pub location: Option<Location>,
    /// For `near`: widens (1 to 99) or narrows (-99 to -1) the part of the world that is nearest to it. Default 0.
    pub bias: i8,
    /// For `geo`: whose clients it is for. Empty: for nobody while the chain has `geo`.
    pub geo: Vec<GeoArea>,
    /// For `cidr`: whose clients it is for: a position in [`Estate::cidr_collections`](super::Estate::cidr_collections), and positions of
    /// its places. None: for those whom no other branch names.
    pub cidr: Option<(u16, Vec<u16>)>,
    /// It is open while this much of what is behind it serves.
    pub minimum: Minimum,
    /// The routing control behind it: while that is off, the branch is closed.
    pub control: Option<ControlPath>,
    /// How endpoints are chosen, where it leads to a pool; empty otherwise.
    pub choose: Vec<Filter>,
}

/// Where a branch leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BranchTo {
    /// To the endpoints of a pool.
    Pool(PoolIx),
    /// To a record, as a position in [`Estate::records`](super::Estate::records).
    Record(u16),
    /// To another tree, as a position in [`Estate::trees`](super::Estate::trees): no ring, at most
    /// [`TREE_DEPTH`](super::limits::TREE_DEPTH) levels.
    Tree(u16),
}

/// A part of the world, by upper-case codes. Narrower ones come before wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GeoArea {
    /// A part of a country (ISO 3166-2), padded with zero bytes; as written: `US-CA`.
    Subdivision([u8; 2], [u8; 3]),
    /// A country (ISO 3166-1 alpha-2); as written: `DE`.
    Country([u8; 2]),
    /// AF, AN, AS, EU, NA, OC or SA; as written: `continent:EU`.
    Continent([u8; 2]),
    /// Everywhere else; as written: `*`.
    Default,
}

/// As written.
impl std::fmt::Display for GeoArea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |code: &[u8]| {
            code.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect::<String>()
        };
        match self {
            GeoArea::Subdivision(country, part) => write!(f, "{}-{}", text(country), text(part)),
            GeoArea::Country(country) => f.write_str(&text(country)),
            GeoArea::Continent(continent) => write!(f, "continent:{}", text(continent)),
            GeoArea::Default => f.write_str("*"),
        }
    }
}

/// Networks under labels, for the filter `cidr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CidrCollection {
    /// Its name.
    pub name: CollectionName,
    /// Label and networks; sorted by label. No network is in two places.
    pub places: Vec<(String, Vec<Cidr>)>,
}
