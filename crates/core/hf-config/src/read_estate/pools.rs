//! Pools: endpoints under one policy.
//!
//! Not here: names that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{PoolName, Share, Weight};

use super::carrying::{Beside, carrying};
use super::checks::Checks;
use super::controls::Controls;
use super::parse_share;
use super::sharing::{Listening, check_listeners, resolve_failovers};
use super::sources;
use super::zones::{Zones, named};
use crate::addresses::read_socket;
use crate::estate::{
    AddressFamily, AllDown, CheckIx, CrossZone, Endpoint, Minimum, Pool, PoolIx, Protocol, ZoneIx, limits,
};
use crate::floor;
use crate::walk::{Fields, Names, Report, Value, clip, if_there};

/// Protocols of the format that a later version carries.
const LATER: [&str; 1] = ["postgres"];

#[allow(clippy::cast_possible_wrap)] // a small constant
const ZONES_MAX: i64 = limits::ZONES as i64;

const RETURN_DEFAULT: Duration = Duration::from_secs(30);

/// The pools of the file; those with a problem are `None`.
pub(super) struct Pools {
    pub(super) list: Vec<Option<Pool>>,
    pub(super) names: Names,
    /// For each, whether its endpoints have IPv4 and IPv6 addresses: many records ask.
    families: Vec<[bool; 2]>,
}

impl Pools {
    /// Whether a pool has an endpoint of this family; one that could not be read might.
    pub(super) fn has(&self, position: u16, family: AddressFamily) -> bool {
        let families = self.families.get(usize::from(position));
        families.is_none_or(|[v4, v6]| if family == AddressFamily::V4 { *v4 } else { *v6 })
    }
}

/// What is checked among all pools, once all are read.
#[derive(Default)]
struct Across {
    listening: Vec<Listening>,
    /// Pool, name of its fallback, place of that.
    fallbacks: Vec<(u16, String, usize)>,
    /// The same of failovers.
    failovers: Vec<(u16, String, usize)>,
    endpoints: usize,
    sourced: usize,
}

impl Across {
    /// Counts endpoints towards the bound of all; beyond, it is told once.
    fn count(&mut self, endpoints: usize, at: usize, report: &mut Report<'_>) -> bool {
        let before = self.endpoints;
        self.endpoints += endpoints;
        if self.endpoints > limits::ENDPOINTS && before <= limits::ENDPOINTS {
            report
                .add(at, format_args!("an estate has at most {} endpoints; remove some", limits::ENDPOINTS));
        }
        self.endpoints <= limits::ENDPOINTS
    }

    /// The same for endpoints that a source may tell.
    fn count_sourced(&mut self, endpoints: usize, at: usize, report: &mut Report<'_>) -> bool {
        let before = self.sourced;
        self.sourced += endpoints;
        if self.sourced > limits::SOURCED_IN_ALL && before <= limits::SOURCED_IN_ALL {
            let most = limits::SOURCED_IN_ALL;
            report.add(
                at,
                format_args!("sources tell at most {most} endpoints together; lower `max_endpoints`"),
            );
        }
        self.sourced <= limits::SOURCED_IN_ALL && self.count(endpoints, at, report)
    }
}

/// What the references of pools are looked up in.
pub(super) struct Around<'a> {
    pub(super) zones: &'a Zones,
    pub(super) checks: &'a Checks,
    pub(super) controls: &'a Controls,
    /// Of services.
    pub(super) assignments: &'a Names,
}

pub(super) fn pools(root: &mut Fields<'_, '_>, around: &Around<'_>, report: &mut Report<'_>) -> Pools {
    let mut names = Names::new("pool");
    let mut across = Across::default();
    let mut list = Vec::new();
    for (position, fields) in (0..).zip(root.list("pool", "a pool", limits::POOLS, report)) {
        list.push(pool(fields, position, around, &mut names, &mut across, report));
    }
    let families = list.iter().map(|pool: &Option<Pool>| {
        [AddressFamily::V4, AddressFamily::V6].map(|family| {
            let has = |pool: &Pool| pool.endpoints.iter().any(|endpoint| family.holds(endpoint.address.ip()));
            pool.as_ref().is_none_or(|pool| pool.source.is_some() || has(pool))
        })
    });
    let families = families.collect();
    let mut pools = Pools { list, names, families };
    resolve_fallbacks(&mut pools, &across.fallbacks, report);
    resolve_failovers(&mut pools, &across.failovers, report);
    check_listeners(&pools, &across.listening, report);
    pools
}

fn pool(
    mut fields: Fields<'_, '_>,
    position: u16,
    around: &Around<'_>,
    names: &mut Names,
    across: &mut Across,
    report: &mut Report<'_>,
) -> Option<Pool> {
    let at = fields.at();
    let name =
        named(&mut fields, "name", position, names, report).and_then(|name| name.read(report, PoolName::new));
    let protocol = match fields.get("protocol") {
        Some(value) => protocol(value, report),
        None => Some(Protocol::Http),
    };
    let listen_value = fields.get("listen");
    let listen = if_there(listen_value, |value| listen(value, position, across, report));
    let health_check = if_there(fields.get("health_check"), |value| {
        around.checks.names.find(value.text(report)?, value.at(), report).map(CheckIx)
    });
    let cross_zone = match fields.get("cross_zone") {
        Some(value) => value.truth(report),
        None => Some(false),
    };
    let endpoints = endpoints(&mut fields, around.zones, across, report);
    let source = if_there(fields.get("source"), |value| {
        let declared = endpoints.as_ref().map_or(0, Vec::len);
        let source = sources::source(value, declared, around.zones, report)?;
        across.count_sourced(usize::from(source.max_endpoints), value.at(), report).then_some(source)
    });
    // How many there will be, and where, is not known of a pool with a source: what is asked of its endpoints waits for them.
    let fixed = if matches!(source, Ok(None)) { endpoints.as_deref() } else { None };
    let min_zones = match fields.get("min_zones") {
        Some(value) => min_zones(value, fixed, report),
        None => Some(1),
    };
    let min_capacity = match fields.get("min_capacity") {
        Some(value) => value.read(report, parse_share),
        None => Some(Share::ZERO),
    };
    let all_down = match fields.get("all_down") {
        Some(value) => all_down(value, position, across, report),
        None => Some(AllDown::Open),
    };
    let (dns_minimum, routing_minimum) = minimums(&mut fields, fixed, report);
    let return_over = match fields.get("return_over") {
        Some(value) => value.duration(Duration::ZERO, limits::RETURN_OVER_MAX, report),
        None => Some(RETURN_DEFAULT),
    };
    let control = if_there(fields.get("control"), |value| {
        if all_down == Some(AllDown::Open) {
            report.add(
                value.at(),
                "while its routing control is off this pool has nobody to serve with, and all_down = \"open\" \
                 would serve all the same; write all_down = \"closed\" or \"fallback:POOL\"",
            );
        }
        around.controls.find(value, report)
    });
    let beside = Beside {
        position,
        protocol,
        listens: listen_value.is_some(),
        cross_zone,
        assignments: around.assignments,
    };
    let carrying = carrying(&mut fields, &beside, &mut across.failovers, report);
    fields.finish(&[], report);
    if fixed.is_some_and(<[Endpoint]>::is_empty) {
        report
            .add(at, "this pool has no endpoint; add `endpoints = [{ address = …, zone = … }]`, or `source`");
    }
    let carried = |pool: Pool| carrying.map(|carrying| carrying.put(pool));
    carried(Pool {
        protocol: protocol?,
        listen: listen.ok()?,
        health_check: health_check.ok()?,
        cross_zone: if cross_zone? { CrossZone::On } else { CrossZone::Off },
        min_zones: min_zones?,
        min_capacity: min_capacity?,
        all_down: all_down?,
        return_over: return_over?,
        dns_minimum: dns_minimum?,
        routing_minimum: routing_minimum?,
        control: control.ok()?,
        source: source.ok()?,
        ..Pool::new(name?, endpoints?)
    })
}

fn protocol(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Protocol> {
    match value.text(report)? {
        "http" => Some(Protocol::Http),
        "tcp" => Some(Protocol::Tcp),
        "tls" => Some(Protocol::Tls),
        other if LATER.contains(&other) => {
            report.add(
                value.at(),
                format_args!("protocol {other} is not in this version; use http, tcp or tls"),
            );
            None
        }
        other => {
            report.add(value.at(), format_args!("{:?} is not a protocol; use http, tcp or tls", clip(other)));
            None
        }
    }
}

fn listen(
    value: Value<'_, '_>,
    position: u16,
    across: &mut Across,
    report: &mut Report<'_>,
) -> Option<SocketAddr> {
    let address = value.read(report, read_socket)?;
    if address.port() == 0 {
        report.add(value.at(), "a listener's port is 1 to 65535, this one is 0; choose one");
        return None;
    }
    across.listening.push((position, address, value.at()));
    Some(address)
}

fn endpoints(
    fields: &mut Fields<'_, '_>,
    zones: &Zones,
    across: &mut Across,
    report: &mut Report<'_>,
) -> Option<Vec<Endpoint>> {
    let at = fields.at();
    let items = match fields.get("endpoints") {
        Some(value) => value.items(report)?,
        None => Vec::new(),
    };
    if !across.count(items.len(), at, report) {
        return None;
    }
    let mut addresses = BTreeSet::new();
    let mut whole = true;
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let read = item
            .fields("an endpoint", report)
            .and_then(|fields| endpoint(fields, zones, &mut addresses, report));
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

fn endpoint(
    mut fields: Fields<'_, '_>,
    zones: &Zones,
    addresses: &mut BTreeSet<SocketAddr>,
    report: &mut Report<'_>,
) -> Option<Endpoint> {
    let address = fields.need("address", report).and_then(|value| {
        let address = value.read(report, read_socket)?;
        if address.port() == 0 {
            report.add(value.at(), "an endpoint's port is 1 to 65535, this one is 0; write where it listens");
            return None;
        }
        if address.ip().is_unspecified() || address.ip().is_multicast() {
            report.add(
                value.at(),
                format_args!(
                    "{} is not the address of one machine; write where the endpoint listens",
                    address.ip()
                ),
            );
            return None;
        }
        if !addresses.insert(address) {
            report.add(
                value.at(),
                format_args!("endpoint {address} is listed twice in this pool; remove one of the two"),
            );
        }
        Some(address)
    });
    let zone = fields
        .need("zone", report)
        .and_then(|value| zones.names.find(value.text(report)?, value.at(), report))
        .map(ZoneIx);
    let weight = match fields.get("weight") {
        Some(value) => value.whole(0, 65_535, report).and_then(|weight| Weight::try_from(weight).ok()),
        None => Some(Weight::default()),
    };
    let priority = match fields.get("priority") {
        Some(value) => value.whole(0, 65_535, report).and_then(|priority| u16::try_from(priority).ok()),
        None => Some(0),
    };
    fields.finish(&[], report);
    Some(Endpoint { address: address?, zone: zone?, weight: weight?, priority: priority? })
}

fn min_zones(value: Value<'_, '_>, endpoints: Option<&[Endpoint]>, report: &mut Report<'_>) -> Option<u16> {
    let min_zones = value.whole(1, ZONES_MAX, report).and_then(|count| u16::try_from(count).ok())?;
    // With a broken endpoint the count would mislead.
    let Some(endpoints) = endpoints else { return Some(min_zones) };
    let zones = floor::floor_zones_of(endpoints).len();
    if usize::from(min_zones) > zones && zones > 0 {
        let all = endpoints.iter().map(|endpoint| endpoint.zone).collect::<BTreeSet<_>>().len();
        let spare = if all > zones { " (weight 0 is a spare and does not count)" } else { "" };
        report.add(
            value.at(),
            format_args!("`min_zones` is {min_zones}, but the pool's endpoints are in {zones}{spare}; lower it or add endpoints"),
        );
    }
    Some(min_zones)
}

/// From when on a zone leaves DNS, and from when on its health no longer counts for balancers.
fn minimums(
    fields: &mut Fields<'_, '_>,
    endpoints: Option<&[Endpoint]>,
    report: &mut Report<'_>,
) -> (Option<Minimum>, Option<Minimum>) {
    let (dns, routing) = (fields.get("dns_minimum"), fields.get("routing_minimum"));
    let routing_minimum = match routing {
        Some(value) => minimum(value, report),
        None => Some(Minimum::default()),
    };
    let dns_minimum = match dns {
        Some(value) => minimum(value, report),
        None => routing_minimum,
    };
    for (value, read) in [(dns, dns_minimum), (routing, routing_minimum)] {
        let (Some(value), Some(read), Some(endpoints)) = (value, read, endpoints) else { continue };
        let mut of_zone: BTreeMap<ZoneIx, u16> = BTreeMap::new();
        for endpoint in endpoints {
            let count = of_zone.entry(endpoint.zone).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(most) = of_zone.values().max().filter(|most| **most < read.count) {
            let count = read.count;
            let what =
                format_args!("no zone of this pool has {count} endpoints, the largest has {most}; lower it");
            report.add(value.at(), what);
        }
    }
    if let (Some(value), Some(dns), Some(routing)) = (dns, dns_minimum, routing_minimum)
        && (dns.count < routing.count || dns.share < routing.share)
    {
        report.add(
            value.at(),
            format_args!(
                "`dns_minimum` is {dns} and `routing_minimum` is {routing}: names would lead to zones that balancers \
                 have given up; raise this one or lower the other"
            ),
        );
    }
    (dns_minimum, routing_minimum)
}

/// As written: `2`, `"50%"`, or `{ count = 2, share = "50%" }`.
pub(super) fn minimum(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Minimum> {
    let count = |value: Value<'_, '_>, report: &mut Report<'_>| {
        value.whole(1, 10_000, report).and_then(|count| u16::try_from(count).ok())
    };
    let default = Minimum::default();
    if value.as_text().is_some() {
        return value.read(report, parse_share).map(|share| Minimum { share, ..default });
    }
    if value.is_whole() {
        return count(value, report).map(|count| Minimum { count, ..default });
    }
    let mut fields = value.fields("a minimum", report)?;
    let count = match fields.get("count") {
        Some(value) => count(value, report),
        None => Some(default.count),
    };
    let share = match fields.get("share") {
        Some(value) => value.read(report, parse_share),
        None => Some(default.share),
    };
    fields.finish(&[], report);
    Some(Minimum { count: count?, share: share? })
}

fn all_down(
    value: Value<'_, '_>,
    position: u16,
    across: &mut Across,
    report: &mut Report<'_>,
) -> Option<AllDown> {
    match value.text(report)? {
        "open" => Some(AllDown::Open),
        "closed" => Some(AllDown::Closed),
        text => {
            if let Some(name) = text.strip_prefix("fallback:") {
                across.fallbacks.push((position, name.to_owned(), value.at()));
                // The pool itself, until `resolve_fallbacks` puts the other in its place or reports.
                return Some(AllDown::Fallback(PoolIx(position)));
            }
            report.add(
                value.at(),
                format_args!("{:?} is unknown here; write open, closed or fallback:POOL", clip(text)),
            );
            None
        }
    }
}

/// Finds the pools that others fall back to; refuses rings and changes of protocol.
fn resolve_fallbacks(pools: &mut Pools, fallbacks: &[(u16, String, usize)], report: &mut Report<'_>) {
    let mut next: BTreeMap<u16, (u16, usize)> = BTreeMap::new();
    for (from, name, at) in fallbacks {
        let Some(to) = pools.names.find(name, *at, report) else { continue };
        next.insert(*from, (to, *at));
        let protocol = |pool: u16| pools.list[usize::from(pool)].as_ref().map(|pool| pool.protocol);
        if let (Some(own), Some(other)) = (protocol(*from), protocol(to))
            && own != other
        {
            report.add(
                *at,
                format_args!("pool `{}` has another protocol; fall back to one of the same", clip(name)),
            );
        }
        if let Some(pool) = &mut pools.list[usize::from(*from)] {
            pool.all_down = AllDown::Fallback(PoolIx(to));
        }
    }
    // Each pool has at most one arrow: follow it until something known; every pool is walked once.
    let mut walk_of: BTreeMap<u16, u16> = BTreeMap::new();
    for start in next.keys() {
        let mut at_pool = *start;
        while let Some((to, at)) = next.get(&at_pool) {
            if let Some(walk) = walk_of.get(&at_pool) {
                if walk == start {
                    report.add(
                        *at,
                        "the fallbacks of these pools go round in a ring; let the last be open or closed",
                    );
                }
                break;
            }
            walk_of.insert(at_pool, *start);
            at_pool = *to;
        }
    }
}
