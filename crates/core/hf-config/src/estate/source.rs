//! Sources: where a pool's endpoints come from beside the estate file, and what they told.
//!
//! 1. A source tells a set of endpoints; the ledger keeps the newest set of each pool, so that every node has the same endpoints in
//!    the same order.
//! 2. The endpoints of the estate file come first, as written; those of the set follow, in order of their addresses. An address that
//!    the estate file has is left to it.
//! 3. An estate with sets has a digest of its own: observations are in the order of its endpoints.
//! 4. A set never makes an estate unreadable: what does not fit any more (a zone that went, a pool without a source) is left out.
//!
//! Not here: who asks a source, and when what it tells counts (`hf-control`, `hf-control-plane`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hf_model::{Cidr, Digest, DnsName, PoolName, Weight, ZoneId};

use super::{Endpoint, Estate, Pool, ZoneIx};

/// Where endpoints of a pool come from beside the estate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Who is asked.
    pub kind: SourceKind,
    /// Which zone an endpoint is in that does not say so itself.
    pub places: Places,
    /// So many endpoints of the set stay, whatever the source says. Default 1: it never empties the pool.
    pub min_endpoints: u16,
    /// Endpoints of the set at most. Default 100.
    pub max_endpoints: u16,
    /// Between two looks. 1 s to 1 h, default 5 s; registrations are heard at once.
    pub refresh: Duration,
    /// Endpoints of the pool that the estate file has itself: they come before the set's.
    pub declared: u16,
}

/// Who is asked for endpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// DNS: the SRV records of a name, and the addresses of their targets.
    Srv {
        /// Such as `_web._tcp.example.test.`
        name: DnsName,
    },
    /// DNS: the A and AAAA records of a name, all at one port.
    Address {
        /// The name.
        name: DnsName,
        /// Where they listen.
        port: u16,
    },
    /// Services register themselves over the API, with a lease.
    Register,
    /// The files of a folder below the node's folder for endpoints.
    Directory {
        /// Its name there.
        name: String,
    },
}

/// As the ledger, the API and people name it.
impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SourceKind::Srv { name } => write!(f, "srv {name}"),
            SourceKind::Address { name, port } => write!(f, "a {name} port {port}"),
            SourceKind::Register => f.write_str("register"),
            SourceKind::Directory { name } => write!(f, "directory {name}"),
        }
    }
}

/// Which zone an endpoint is in: what it says itself, else what is named here, else the zone whose network holds its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// All of them.
    pub zone: Option<ZoneIx>,
    /// By the name that the source has for an endpoint: the target of an SRV record.
    pub names: BTreeMap<DnsName, ZoneIx>,
    /// By address; the narrowest network counts.
    pub networks: BTreeMap<Cidr, ZoneIx>,
}

impl Source {
    /// The default of [`Source::max_endpoints`].
    pub const MAX_ENDPOINTS: u16 = 100;
    /// The default of [`Source::refresh`].
    pub const REFRESH: Duration = Duration::from_secs(5);
}

/// An endpoint's name in its set: 1 to 128 printable characters of ASCII, no blanks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(Box<str>);

/// Why a text is no endpoint's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an endpoint's name has 1 to {} characters of A-Z, a-z, 0-9 and -._:[]@#, and this is not one; choose another",
    EndpointId::LENGTH
)]
pub struct EndpointIdError;

impl EndpointId {
    /// Characters at most.
    pub const LENGTH: usize = 128;

    /// Checks `text` and makes the name.
    pub fn new(text: &str) -> Result<Self, EndpointIdError> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]@#".contains(&byte);
        if text.is_empty() || text.len() > EndpointId::LENGTH || !text.bytes().all(good) {
            return Err(EndpointIdError);
        }
        Ok(EndpointId(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EndpointId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for EndpointId {
    type Err = EndpointIdError;
    fn from_str(text: &str) -> Result<Self, EndpointIdError> {
        EndpointId::new(text)
    }
}

/// What a source told of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSet {
    /// The pool.
    pub pool: PoolName,
    /// [`SourceKind`] as text: a set stays when the estate names another source, until that one has told its own.
    pub source: String,
    /// In order of their addresses, each address and each name once.
    pub endpoints: Vec<SourcedEndpoint>,
}

/// One endpoint of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcedEndpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its source calls it.
    pub id: EndpointId,
    /// Where it is.
    pub zone: ZoneId,
    /// Its share beside its peers.
    pub weight: Weight,
    /// For the filter `priority`.
    pub priority: u16,
    /// How long a registration lasts without a renewal; nothing for other sources.
    pub lease: Duration,
}

/// Whether an address can be one machine's listener.
pub fn is_endpoint_address(address: SocketAddr) -> bool {
    let ip = address.ip();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

impl Pool {
    /// Endpoints that the estate file has itself; those of the set follow.
    pub fn declared(&self) -> &[Endpoint] {
        match &self.source {
            Some(source) => &self.endpoints[..usize::from(source.declared).min(self.endpoints.len())],
            None => &self.endpoints,
        }
    }
}

impl Estate {
    /// The zone of an endpoint that does not say where it is.
    ///
    /// Narrower networks count first; of the source's own and the zones' `networks` the source's own.
    pub fn place(&self, places: &Places, name: Option<&DnsName>, address: IpAddr) -> Option<ZoneIx> {
        let named = name.and_then(|name| places.names.get(name)).copied();
        let within = || {
            let holding = places.networks.iter().filter(|(network, _)| network.contains(address));
            holding.max_by_key(|(network, _)| network.bits()).map(|(_, zone)| *zone)
        };
        named.or_else(within).or(places.zone).or_else(|| self.zone_of_client(address))
    }

    /// The same estate with other sets, whatever sets it had; `text` is the digest of the text that it was read from.
    #[must_use]
    pub fn with_sets(&self, text: Digest, sets: &[EndpointSet]) -> Estate {
        let mut estate = self.clone();
        estate.digest = digest_with(text, sets);
        for at in 0..estate.pools.len() {
            let set = sets.iter().find(|set| set.pool == estate.pools[at].name);
            let told = set.map_or(&[][..], |set| &set.endpoints);
            let endpoints = endpoints_of(&estate, &estate.pools[at], told);
            estate.pools[at].endpoints = endpoints;
        }
        estate
    }
}

/// Those of the estate file, then those of the set that fit.
fn endpoints_of(estate: &Estate, pool: &Pool, told: &[SourcedEndpoint]) -> Vec<Endpoint> {
    let mut endpoints = pool.declared().to_vec();
    let Some(source) = &pool.source else { return endpoints };
    let mut taken: BTreeSet<SocketAddr> = endpoints.iter().map(|endpoint| endpoint.address).collect();
    let mut found: Vec<&SourcedEndpoint> = told.iter().collect();
    found.sort();
    let fits = found.into_iter().filter_map(|found| {
        let zone = estate.zone_named(&found.zone)?;
        let is_new = is_endpoint_address(found.address) && taken.insert(found.address);
        is_new.then_some(Endpoint {
            address: found.address,
            zone,
            weight: found.weight,
            priority: found.priority,
        })
    });
    endpoints.extend(fits.take(usize::from(source.max_endpoints)));
    endpoints
}

/// The digest of an estate with sets; without any it is that of the text.
pub fn digest_with(text: Digest, sets: &[EndpointSet]) -> Digest {
    if sets.is_empty() {
        return text;
    }
    let mut bytes = text.0.to_vec();
    let mut push = |part: &[u8]| {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    for set in sets {
        push(set.pool.as_str().as_bytes());
        push(set.source.as_bytes());
        push(&(set.endpoints.len() as u64).to_be_bytes());
        for endpoint in &set.endpoints {
            push(endpoint.address.to_string().as_bytes());
            push(endpoint.id.as_str().as_bytes());
            push(endpoint.zone.as_str().as_bytes());
            push(&endpoint.weight.0.to_be_bytes());
            push(&endpoint.priority.to_be_bytes());
            push(&endpoint.lease.as_millis().to_be_bytes());
        }
    }
    Digest::of(&bytes)
}

#[cfg(test)]
mod tests;
