//! One listener and the pools behind it, as all workers see it.
//!
//! 1. The table is swapped as a whole when a snapshot comes; a request reads it once for every try, so that no try begins on
//!    an old one.
//! 2. Pools that share a listener are told apart by host, then by path: the name itself before `*.` patterns, longer patterns before
//!    shorter ones, pools for any host last; among them the longest prefix. Hosts count without port, dot at the end and case; paths
//!    as they come, without the query.
//! 3. What holds for whole connections (what arrives, patience with clients, bounds) is what the first of its pools in the estate says.
//! 4. A listener is left when all of its pools are: a client of one pool may be another one's next.
//!
//! Not here: sockets, why a phase is what it is (`routes`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use hf_config::estate::{
    Bounds, Estate, HostPattern, ListenerOptions, Patience, Pool, Protocol, ProxyAccept, ZoneIx,
};
use hf_model::Cidr;
use tokio::sync::watch;

use crate::route::Route;

/// What a listener's client connections have to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// They are kept.
    Open,
    /// This balancer's zone was left for the pool: idle ones are closed over a spread, busy ones after their answer.
    Away,
    /// The listener goes: as above, and what is left after `drain` is cut.
    Closing,
}

/// What a pool says of its listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What is spoken there.
    pub protocol: Protocol,
    /// What arrives.
    pub options: ListenerOptions,
    /// How long clients may take.
    pub patience: Patience,
    /// How much they may send.
    pub bounds: Bounds,
    /// Where clients are.
    pub places: Arc<Places>,
}

impl Listening {
    /// As `pool` says.
    pub fn of(pool: &Pool, places: &Arc<Places>) -> Self {
        Listening {
            protocol: pool.protocol,
            options: pool.listener.clone(),
            patience: pool.patience.clone(),
            bounds: pool.bounds.clone(),
            places: places.clone(),
        }
    }

    /// Whether what a peer says of its clients is believed: the listener names its network, or wants a PROXY header of it.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let ProxyAccept { required, from } = &self.options.proxy_protocol;
        if from.is_empty() { *required } else { from.iter().any(|network| network.contains(peer)) }
    }
}

/// The networks of zones, the narrowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<(Cidr, ZoneIx)>);

impl Places {
    /// As the estate says.
    pub fn of(estate: &Estate) -> Self {
        let networks = |zone| estate.zone(zone).networks.iter().map(move |network| (*network, zone));
        let mut places: Vec<_> = estate.zone_indexes().flat_map(networks).collect();
        places.sort_by_key(|(network, _)| std::cmp::Reverse(network.bits()));
        Places(places)
    }

    /// The zone whose network holds `client`.
    pub fn zone_of(&self, client: IpAddr) -> Option<ZoneIx> {
        self.0.iter().find(|(network, _)| network.contains(client)).map(|(_, zone)| *zone)
    }
}

/// One pool behind a listener.
#[derive(Clone, Debug)]
pub struct Behind {
    /// For which hosts; empty: for the rest.
    pub hosts: Vec<HostPattern>,
    /// For which paths; empty: for any.
    pub paths: Vec<String>,
    /// Where its requests go.
    pub route: Arc<Route>,
}

/// All that is behind a listener, from one snapshot.
#[derive(Debug)]
pub struct Table {
    /// What holds for whole connections.
    pub listening: Arc<Listening>,
    /// The only pool, when it is for all.
    only: Option<Arc<Route>>,
    exactly: BTreeMap<String, ByPath>,
    below: BTreeMap<String, ByPath>,
    rest: ByPath,
}

/// Pools of one host; the longest prefix first, pools for any path last.
type ByPath = Vec<(String, Arc<Route>)>;

impl Table {
    /// Of these pools, the first of which says what arrives.
    pub fn new(listening: Listening, pools: Vec<Behind>) -> Self {
        let only = match pools.as_slice() {
            [one] if one.hosts.is_empty() && one.paths.is_empty() => Some(one.route.clone()),
            _ => None,
        };
        let mut table = Table {
            listening: Arc::new(listening),
            only,
            exactly: BTreeMap::new(),
            below: BTreeMap::new(),
            rest: Vec::new(),
        };
        for Behind { hosts, paths, route } in pools {
            let prefixes = if paths.is_empty() { vec![String::new()] } else { paths };
            let of_host = |by_path: &mut ByPath| {
                by_path.extend(prefixes.iter().map(|prefix| (prefix.clone(), route.clone())));
            };
            if hosts.is_empty() {
                of_host(&mut table.rest);
            }
            for host in hosts {
                of_host(match host {
                    HostPattern::Exactly(name) => table.exactly.entry(name).or_default(),
                    HostPattern::Below(name) => table.below.entry(name).or_default(),
                });
            }
        }
        let all = table.exactly.values_mut().chain(table.below.values_mut()).chain([&mut table.rest]);
        for by_path in all {
            // Stable: of two equal ones the first in the estate has it.
            by_path.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        }
        table
    }

    /// The pool for a request.
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        if self.only.is_some() {
            return self.only.as_ref();
        }
        let host = plain_host(host);
        self.by_host(&host).find_map(|pools| {
            pools.iter().find(|(prefix, _)| path.starts_with(prefix.as_str())).map(|(_, route)| route)
        })
    }

    /// The pools that may be meant by a host, the likeliest first.
    fn by_host<'t>(&'t self, host: &str) -> impl Iterator<Item = &'t ByPath> {
        let below = host.match_indices('.').filter_map(|(dot, _)| self.below.get(&host[dot + 1..]));
        self.exactly.get(host).into_iter().chain(below).chain([&self.rest])
    }
}

/// A host as patterns have it: lower case, without port and dot at the end.
fn plain_host(host: &str) -> Cow<'_, str> {
    let name = match host.rfind([':', ']']) {
        Some(at) if host.as_bytes()[at] == b':' => &host[..at],
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// One listener.
#[derive(Debug)]
pub struct Front {
    /// Where it listens, with the port that it got.
    pub local: SocketAddr,
    table: ArcSwap<Table>,
    phase: watch::Sender<Phase>,
}

impl Front {
    /// A new listener's front.
    pub fn new(local: SocketAddr, table: Table, phase: Phase) -> Self {
        Front { local, table: ArcSwap::from_pointee(table), phase: watch::Sender::new(phase) }
    }

    /// Where a request for `host` and `path` goes now; none: no pool here is for it.
    pub fn route_for(&self, host: &str, path: &str) -> Option<Arc<Route>> {
        self.table.load().find(host, path).cloned()
    }

    /// All that is behind it now.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// Changes it.
    pub fn set_table(&self, table: Table) {
        self.table.store(Arc::new(table));
    }

    /// What client connections have to expect now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells client connections when that changes.
    pub fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Changes it. Closing is for good.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let changes = *now != phase && *now != Phase::Closing;
            if changes {
                *now = phase;
            }
            changes
        });
    }
}

#[cfg(test)]
mod tests;
