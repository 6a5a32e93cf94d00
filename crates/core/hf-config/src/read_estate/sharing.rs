//! What pools are to one another: those that share a listener, and those that take one another's requests.
//!
//! 1. Two addresses of one family and port meet where one is unspecified; only the very same address is shared.
//! 2. Pools that share one are of one protocol and agree in what arrives there.
//! 3. They are told apart by host, and http by path too: no pair of them is for two pools.
//! 4. Arrows of fallbacks and failovers together make no ring.
//!
//! Not here: the keys of one pool.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::pools::Pools;
use crate::addresses::Taken;
use crate::estate::{AllDown, HostPattern, Pool, PoolIx, Protocol, limits};
use crate::walk::{Report, clip};

/// A pool's `listen`: its position, the address, the place.
pub(super) type Listening = (u16, SocketAddr, usize);

/// Checks who listens where.
pub(super) fn check_listeners(pools: &Pools, listening: &[Listening], report: &mut Report<'_>) {
    let mut taken = Taken::default();
    let mut first_at: BTreeMap<SocketAddr, u16> = BTreeMap::new();
    let mut claimed: BTreeMap<(SocketAddr, Option<&HostPattern>, &str), u16> = BTreeMap::new();
    let mut count = 0;
    for (position, address, at) in listening {
        let first = *first_at.entry(*address).or_insert(*position);
        if first == *position
            && let Some(other) = taken.insert(*address)
        {
            report.add(
                *at,
                format_args!(
                    "{address} meets {other}, where another pool listens; choose another address or port"
                ),
            );
        }
        let pool = |position: u16| pools.list[usize::from(position)].as_ref();
        let (Some(own), Some(other)) = (pool(*position), pool(first)) else { continue };
        if first != *position && !agrees(own, other, *address, *at, report) {
            continue;
        }
        let claims = claims(own);
        count += claims.len();
        if count > limits::HOSTS_AND_PATHS {
            let max = limits::HOSTS_AND_PATHS;
            report.add(
                *at,
                format_args!(
                    "pools are told apart by at most {max} pairs of host and path together; name fewer"
                ),
            );
            return;
        }
        for (host, path) in claims {
            let other = *claimed.entry((*address, host, path)).or_insert(*position);
            if other == *position {
                continue;
            }
            let Some(other) = pool(other) else { continue };
            let what = match (host, path) {
                (None, "") => String::new(),
                (Some(host), "") => format!(" for {host}"),
                (None, path) => format!(" for {path}"),
                (Some(host), path) => format!(" for {host}{path}"),
            };
            let by = if own.protocol == Protocol::Http { "`hosts` or `paths`" } else { "`hosts`" };
            report.add(
                *at,
                format_args!(
                    "pool `{}` listens on {address} too, and nothing tells the two apart{what}; change {by} of one, or \
                     choose another address",
                    other.name
                ),
            );
            break;
        }
    }
}

/// Whether a pool may share another's listener.
fn agrees(own: &Pool, other: &Pool, address: SocketAddr, at: usize, report: &mut Report<'_>) -> bool {
    let name = &other.name;
    if own.protocol != other.protocol || own.protocol == Protocol::Tcp {
        let why = if own.protocol == Protocol::Tcp && other.protocol == Protocol::Tcp {
            "nothing in tcp tells two pools apart".to_owned()
        } else {
            format!("that one is of protocol {}", other.protocol)
        };
        report.add(
            at,
            format_args!("pool `{name}` listens on {address} too, and {why}; choose another address or port"),
        );
        return false;
    }
    if own.listener != other.listener {
        report.add(
            at,
            format_args!(
                "pool `{name}` listens on {address} too, with other `tls`, `proxy_protocol` or `proxy_from`; write the same in both"
            ),
        );
        return false;
    }
    true
}

/// Pairs of host and path that a pool is for; none and an empty path: any.
fn claims(pool: &Pool) -> Vec<(Option<&HostPattern>, &str)> {
    let hosts: Vec<Option<&HostPattern>> =
        if pool.hosts.is_empty() { vec![None] } else { pool.hosts.iter().map(Some).collect() };
    let paths: Vec<&str> =
        if pool.paths.is_empty() { vec![""] } else { pool.paths.iter().map(String::as_str).collect() };
    hosts.iter().flat_map(|host| paths.iter().map(|path| (*host, *path))).collect()
}

/// Finds the pools that single requests go to; refuses rings and changes of protocol.
pub(super) fn resolve_failovers(
    pools: &mut Pools,
    failovers: &[(u16, String, usize)],
    report: &mut Report<'_>,
) {
    let mut arrows: BTreeMap<u16, Vec<u16>> = BTreeMap::new();
    for (from, pool) in (0..).zip(&pools.list) {
        // A fallback that was not found points at its own pool.
        if let Some(AllDown::Fallback(to)) = pool.as_ref().map(|pool| pool.all_down)
            && to.0 != from
        {
            arrows.entry(from).or_default().push(to.0);
        }
    }
    let mut found = Vec::new();
    for (from, name, at) in failovers {
        let Some(to) = pools.names.find(name, *at, report) else { continue };
        let protocol = |pool: u16| pools.list[usize::from(pool)].as_ref().map(|pool| pool.protocol);
        if let (Some(own), Some(other)) = (protocol(*from), protocol(to))
            && own != other
        {
            report.add(
                *at,
                format_args!("pool `{}` has another protocol; fail over to one of the same", clip(name)),
            );
        }
        if let Some(failover) =
            pools.list[usize::from(*from)].as_mut().and_then(|pool| pool.failover.as_mut())
        {
            failover.to = PoolIx(to);
        }
        arrows.entry(*from).or_default().push(to);
        found.push((*from, to, *at));
    }
    for (from, to, at) in found {
        if leads(&arrows, to, from) {
            let what = if from == to {
                "a pool does not fail over to itself; name another one, or remove it"
            } else {
                "the failovers and fallbacks of these pools go round in a ring; remove one of them"
            };
            report.add(at, what);
        }
    }
}

/// Whether arrows lead from one pool to another.
fn leads(arrows: &BTreeMap<u16, Vec<u16>>, from: u16, to: u16) -> bool {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(pool) = left.pop() {
        if pool == to {
            return true;
        }
        if seen.insert(pool) {
            left.extend(arrows.get(&pool).into_iter().flatten());
        }
    }
    false
}
