//! How much checkers probe, and how many probes one address gets, against the budget that `[checks]` states.
//!
//! What comes to more is advice: the estate serves all the same, and checkers put off what is beyond the budget. Counted are checkers, one in each zone that
//! looks at an endpoint; balancers probe what they carry besides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::pools::Pools;
use super::Checks;
use crate::estate::Checking;
use crate::walk::{Fields, Report};

/// Zones that look at an endpoint, where not all of them do: an endpoint is down only where two say so, and one may be cut off.
const VANTAGES_MIN: i64 = 3;
const ZONES_MAX: i64 = 256;
const _: () = assert!(ZONES_MAX.unsigned_abs() as usize == crate::estate::limits::ZONES);

/// The section `[checks]`.
pub(in super::super) fn read(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Checking {
    let mut checking = Checking::default();
    let Some(value) = root.get("checks") else { return checking };
    let Some(mut fields) = value.fields("the section checks", report) else { return checking };
    let budget = fields
        .get("max_probes_per_second_per_address")
        .and_then(|value| value.whole(1, 100_000, report))
        .and_then(|budget| u32::try_from(budget).ok());
    checking.probes_per_second_max = budget.unwrap_or(checking.probes_per_second_max);
    checking.vantage_zones = fields
        .get("vantage_zones")
        .and_then(|value| value.whole(VANTAGES_MIN, ZONES_MAX, report))
        .and_then(|zones| u16::try_from(zones).ok());
    fields.finish(&[], report);
    checking
}

/// Advises when an address gets more probes a second than the budget of `checking`, in an estate of so many zones.
pub(in super::super) fn check(
    checks: &Checks,
    pools: &Pools,
    zones: usize,
    checking: Checking,
    report: &mut Report<'_>,
) {
    let (zones, budget) = (checking.vantages(zones), u64::from(checking.probes_per_second_max));
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
            "{ip} would get {} probes a second from a checker in each of {zones} zones, the budget is {budget}{more}: checkers put off what is beyond it; lengthen `interval`, or raise `max_probes_per_second_per_address` in [checks]",
            a_second(*probes)
        ),
    );
}
