//! How many probes one address gets, against the budget that `[checks]` states.
//!
//! It is advice: the estate serves all the same. Counted are checkers, one in each zone; balancers probe what they carry besides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::pools::Pools;
use super::Checks;
use crate::walk::{Fields, Report};

/// Probes a second, unless told otherwise: three checkers at the shortest interval, three times over.
const DEFAULT: u64 = 100;

/// The section `[checks]`.
pub(in super::super) fn read(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> u64 {
    let Some(value) = root.get("checks") else { return DEFAULT };
    let Some(mut fields) = value.fields("the section checks", report) else { return DEFAULT };
    let budget = fields
        .get("max_probes_per_second_per_address")
        .and_then(|value| value.whole(1, 100_000, report))
        .and_then(|budget| u64::try_from(budget).ok());
    fields.finish(&[], report);
    budget.unwrap_or(DEFAULT)
}

/// Advises when an address gets more than `budget` probes a second from one checker in each of `zones` zones.
pub(in super::super) fn check(
    checks: &Checks,
    pools: &Pools,
    zones: usize,
    budget: u64,
    report: &mut Report<'_>,
) {
    // Probes an hour of one checker, so that all intervals come out whole enough.
    let mut of_each: BTreeMap<IpAddr, (u64, usize)> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    let mut count = |ip: IpAddr, port: u16, at: usize| {
        let Some(check) = checks.list.get(at).and_then(Option::as_ref) else { return };
        // One address under one check is probed once, in however many pools it stands.
        if counted.insert((ip, port, at)) {
            let (probes, quickest) = of_each.entry(ip).or_insert((0, at));
            let interval = |at: usize| checks.list[at].as_ref().map(|check| check.interval);
            *probes += 3_600_000 / (check.interval.as_millis() as u64).max(1);
            if interval(at) < interval(*quickest) {
                *quickest = at;
            }
        }
    };
    for (at, check) in checks.list.iter().enumerate() {
        if let Some(address) =
            check.as_ref().filter(|check| check.probes_itself()).and_then(|check| check.address)
        {
            count(address.ip(), address.port(), at);
        }
    }
    for pool in pools.list.iter().flatten() {
        let Some(at) = pool.health_check.map(crate::estate::CheckIx::at) else { continue };
        if checks
            .list
            .get(at)
            .and_then(Option::as_ref)
            .is_some_and(crate::estate::HealthCheck::probes_endpoints)
        {
            pool.endpoints
                .iter()
                .for_each(|endpoint| count(endpoint.address.ip(), endpoint.address.port(), at));
        }
    }
    let a_second = |probes: u64| (probes * zones as u64).div_ceil(3_600);
    let over = || of_each.iter().filter(|(_, (probes, _))| a_second(*probes) > budget);
    let Some((ip, (probes, quickest))) = over().max_by_key(|(_, (probes, _))| *probes) else { return };
    let more = match over().count() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more addresses are over it)"),
    };
    report.advise(
        checks.places[*quickest],
        format_args!(
            "{ip} gets {} probes a second from a checker in each of {zones} zones, the budget is {budget}{more}; lengthen `interval`, or raise `max_probes_per_second_per_address` in [checks]",
            a_second(*probes)
        ),
    );
}
