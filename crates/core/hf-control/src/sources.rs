//! What to make of what a source told: the next set of a pool.
//!
//! 1. Where an endpoint is, it says itself; else the pool's source says it by name or network, else the zones' `networks` do. One that is
//!    nowhere is left out, and that is told.
//! 2. Each address and each name is taken once, and none that the estate file has.
//! 3. Beyond `max_endpoints` those stay that are in the set already.
//! 4. Below `min_endpoints` endpoints of before stay, though the source has them no more: they are left to health checks.
//! 5. A source that tells of nobody is taken for broken, not for empty, unless `min_endpoints` is 0.
//!
//! Not here: asking (`hf-control-plane`), whether the ledger takes a set (`apply::sources`).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{EndpointId, EndpointSet, Estate, Pool, SourcedEndpoint, is_endpoint_address};
use hf_model::{DnsName, Weight, ZoneId};

/// What a source told of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What the source calls it.
    pub id: EndpointId,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is, in its own words: an id or alias of a zone.
    pub zone: Option<ZoneId>,
    /// The name that zones may go by: the target of an SRV record.
    pub name: Option<DnsName>,
    /// Its share beside its peers.
    pub weight: Weight,
    /// For the filter `priority`.
    pub priority: u16,
    /// How long a registration lasts; nothing for other sources.
    pub lease: Duration,
}

/// The next set of a pool, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Equal to the one of before when there is nothing to do.
    pub set: EndpointSet,
    /// What was left out or kept against the source's word, in sentences.
    pub remarks: Vec<String>,
}

/// Remarks about one pool at most.
const REMARKS_MAX: usize = 8;

/// What a pool's set becomes when its source tells this; none when the pool has no source.
pub fn next_set(estate: &Estate, pool: &Pool, before: Option<&EndpointSet>, told: &[Told]) -> Option<Next> {
    let source = pool.source.as_ref()?;
    let text = source.kind.to_string();
    let mut remarks = Remarks::default();
    let known = before.map_or(&[][..], |set| &set.endpoints);
    let least = usize::from(source.min_endpoints);
    if told.is_empty() && least > 0 {
        if known.is_empty() {
            remarks.add(|| format!("`{text}` tells of no endpoint yet"));
        } else {
            remarks.add(|| {
                format!("`{text}` tells of no endpoint any more; the {} of before stay", known.len())
            });
        }
        // The name of the source becomes today's only with what it tells.
        let set = before.cloned().unwrap_or_else(|| EndpointSet {
            pool: pool.name.clone(),
            source: text,
            endpoints: Vec::new(),
        });
        return Some(Next { set, remarks: remarks.list });
    }
    let mut taken = Taken::new(pool);
    let mut placed: Vec<SourcedEndpoint> = Vec::new();
    for one in told {
        match place(estate, pool, one) {
            Ok(endpoint) if taken.take(&endpoint) => placed.push(endpoint),
            Ok(_) => {}
            Err(why) => remarks.add(|| why),
        }
    }
    let max = usize::from(source.max_endpoints);
    if placed.len() > max {
        let count = placed.len();
        remarks
            .add(|| format!("`{text}` tells of {count} endpoints, {max} are taken; raise `max_endpoints`"));
        let is_known =
            |endpoint: &SourcedEndpoint| known.iter().any(|known| known.address == endpoint.address);
        placed.sort_by_key(|endpoint| (!is_known(endpoint), endpoint.address));
        placed.truncate(max);
    }
    let keep = least.min(known.len()).saturating_sub(placed.len());
    if keep > 0 {
        let fits = |endpoint: &&SourcedEndpoint| estate.zones.iter().any(|zone| zone.id == endpoint.zone);
        let stay: Vec<SourcedEndpoint> =
            known.iter().filter(fits).filter(|endpoint| taken.take(endpoint)).take(keep).cloned().collect();
        remarks.add(|| {
            format!("`{text}` tells of too few: {} of before stay (`min_endpoints` is {least})", stay.len())
        });
        placed.extend(stay);
    }
    placed.sort();
    Some(Next {
        set: EndpointSet { pool: pool.name.clone(), source: text, endpoints: placed },
        remarks: remarks.list,
    })
}

/// The endpoint in its zone.
fn place(estate: &Estate, pool: &Pool, told: &Told) -> Result<SourcedEndpoint, String> {
    let Told { id, address, zone, name, weight, priority, lease } = told;
    if !is_endpoint_address(*address) {
        return Err(format!("`{id}` is left out: {address} is not the address of one machine's listener"));
    }
    let found = if let Some(said) = zone {
        estate.zone_named(said).ok_or_else(|| {
            format!("`{id}` is left out: it says that it is in zone `{said}`, which the estate does not have")
        })?
    } else {
        let places = pool.source.as_ref().map(|source| &source.places);
        let found = places.and_then(|places| estate.place(places, name.as_ref(), address.ip()));
        found.ok_or_else(|| {
            format!(
                "`{id}` is left out: nothing says in which zone {} is; add it to the source's `zones` or to a zone's `networks`",
                address.ip()
            )
        })?
    };
    Ok(SourcedEndpoint {
        address: *address,
        id: id.clone(),
        zone: estate.zone(found).id.clone(),
        weight: *weight,
        priority: *priority,
        lease: *lease,
    })
}

/// Addresses and names that are in the set already.
struct Taken {
    addresses: BTreeSet<SocketAddr>,
    names: BTreeSet<EndpointId>,
}

impl Taken {
    fn new(pool: &Pool) -> Self {
        let addresses = pool.declared().iter().map(|endpoint| endpoint.address).collect();
        Taken { addresses, names: BTreeSet::new() }
    }

    fn take(&mut self, endpoint: &SourcedEndpoint) -> bool {
        if self.addresses.contains(&endpoint.address) || self.names.contains(&endpoint.id) {
            return false;
        }
        self.addresses.insert(endpoint.address) && self.names.insert(endpoint.id.clone())
    }
}

#[derive(Default)]
struct Remarks {
    list: Vec<String>,
}

impl Remarks {
    fn add(&mut self, text: impl FnOnce() -> String) {
        if self.list.len() < REMARKS_MAX {
            self.list.push(text());
        }
    }
}

#[cfg(test)]
mod tests;
