//! Steered records: names whose answer is chosen among the endpoints of a pool, and the filters that choose.

use hf_model::{ControlPath, DnsName, Ttl};

use super::PoolIx;

/// A record whose answer is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Owner; inside one of the hosted zones.
    pub name: DnsName,
    /// What is asked for.
    pub family: AddressFamily,
    /// How long resolvers may keep it. 0 to 60 s recommended, default 5 s.
    pub ttl: Ttl,
    /// Whose endpoints answer.
    pub pool: PoolIx,
    /// How, in order: `open` first, `take` last. Default `open near weighted take 2`, without `near` where several regions
    /// do not all have a location.
    pub choose: Vec<Filter>,
    /// How clients are grouped for the filter `sticky`; there exactly when the chain has it.
    pub sticky: Option<Sticky>,
    /// The hosted zone that it lies in, as a position in [`Estate::hosted_zones`](super::Estate::hosted_zones).
    pub hosted_zone: u16,
    /// The routing control behind it: while that is off, the record answers as if nobody were healthy (its pool's `all_down` is `closed` or a fallback). It is declared in this estate.
    pub control: Option<ControlPath>,
}

/// The types that are steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// Type A.
    V4,
    /// Type AAAA.
    V6,
}

impl AddressFamily {
    /// Whether `address` is of this family.
    pub fn holds(self, address: std::net::IpAddr) -> bool {
        address.is_ipv4() == (self == AddressFamily::V4)
    }
}

impl std::fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AddressFamily::V4 => "A",
            AddressFamily::V6 => "AAAA",
        })
    }
}

/// How clients are grouped: one answer for each network of so many bits, which a change of weight moves only as far as it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// Of IPv4 addresses. 1 to 32, default 24: what resolvers tell of a client.
    pub v4_bits: u8,
    /// Of IPv6 addresses. 1 to 128, default 48: one site.
    pub v6_bits: u8,
}

impl Default for Sticky {
    fn default() -> Self {
        Sticky { v4_bits: 24, v6_bits: 48 }
    }
}

/// As written in a chain: `/24 /48`.
impl std::fmt::Display for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{} /{}", self.v4_bits, self.v6_bits)
    }
}

/// One step of a filter chain. As written: `open near latency geo cidr same-zone priority weighted sticky shuffle "take N"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Keeps what the decision serves.
    Open,
    /// Keeps the nearest region that has a candidate left.
    Near,
    /// Keeps the region with the lowest measured latency for the client that has a candidate left; without a measurement, all.
    Latency,
    /// Keeps the branches of the narrowest area that the client is in: subdivision, country, continent, default.
    Geo,
    /// Keeps the branches of the narrowest network that the client is in, else those without networks.
    Cidr,
    /// Keeps the client's zone if it has a candidate left, else its region if that has one, else all.
    SameZone,
    /// Keeps the lowest priority number that has a candidate left.
    Priority,
    /// Orders by weighted chance without replacement; weight 0 comes last.
    Weighted,
    /// Orders as [`Filter::Weighted`], but alike for all clients of one network.
    Sticky,
    /// Orders by even chance.
    Shuffle,
    /// Keeps the first N. 1 to 8 (Route 53's limit of a multivalue answer).
    Take(u8),
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Filter::Open => f.write_str("open"),
            Filter::Near => f.write_str("near"),
            Filter::Latency => f.write_str("latency"),
            Filter::Geo => f.write_str("geo"),
            Filter::Cidr => f.write_str("cidr"),
            Filter::SameZone => f.write_str("same-zone"),
            Filter::Priority => f.write_str("priority"),
            Filter::Weighted => f.write_str("weighted"),
            Filter::Sticky => f.write_str("sticky"),
            Filter::Shuffle => f.write_str("shuffle"),
            Filter::Take(count) => write!(f, "take {count}"),
        }
    }
}
