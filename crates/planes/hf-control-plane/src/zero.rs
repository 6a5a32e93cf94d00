//! Time to zero: how long after a shift's start the last traffic went to its zone.
//!
//! 1. Each figure is the largest over all nodes that carry such traffic, minus the shift's start; a node's stamps are by its own clock.
//! 2. It is final ("measured") when every such node that is heard has applied the shift and has no connection open there. One that is
//!    silent does not hold that up: what it told before still counts, its open connections do not, and it is named.
//! 3. The figures of a shift stand still when it ends; they are kept in memory as long as the shift is remembered.
//! 4. A shift of one record has no figures: requests and answers are counted by pool.
//! 5. Each balancer's own figures stand beside the largest: one that holds on to a zone is seen by its name.
//! 6. A break-glass shift is counted from its signature; a node has applied it when its report names it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_api::{BalancerTimeToZero, TimeToZero};
use hf_config::estate::Estate;
use hf_config::node::Role;
use hf_control::{BreakGlassShift, Scope, Shift, ShiftState};
use hf_feed::{HeardReport, NodeReport, Reports};
use hf_model::{PoolName, Revision, ShiftId, Timestamp, ZoneId};
use hf_telemetry::ZoneActivityReport;

use crate::glass;
use crate::traffic::is_stale;

/// Shifts whose figures are kept: as many as the state remembers.
const KEPT: usize = hf_control::State::SHIFTS_KEPT;

/// The figures of all shifts.
#[derive(Debug, Default)]
pub struct Zeroes {
    by_shift: BTreeMap<u64, TimeToZero>,
}

impl Zeroes {
    /// Takes in what was heard, for the shifts that are active.
    pub fn update<'a>(
        &mut self,
        active: impl Iterator<Item = &'a Shift>,
        estate: Option<&Estate>,
        reports: &Reports,
        now: Timestamp,
        beat: Duration,
    ) {
        for shift in active {
            self.by_shift.insert(began_at(&shift.id).0, measure(shift, estate, reports, now, beat));
        }
        while self.by_shift.len() > KEPT {
            self.by_shift.pop_first();
        }
    }

    /// The figures of a shift.
    pub fn of(&self, shift: &Shift) -> TimeToZero {
        let unknown =
            || TimeToZero { measurable: !matches!(shift.scope, Scope::Record(_)), ..TimeToZero::default() };
        let mut found = self.by_shift.get(&began_at(&shift.id).0).cloned().unwrap_or_else(unknown);
        if shift.state != ShiftState::Active {
            found.waiting_for.clear(); // nobody needs to apply it any more
        }
        found
    }
}

/// The entry that began a shift; it is in its name.
pub fn began_at(id: &ShiftId) -> Revision {
    id.as_str().strip_prefix("shift-").and_then(|number| number.parse().ok()).map_or(Revision(0), Revision)
}

/// Whose figures.
struct Asked<'a> {
    zone: &'a ZoneId,
    scope: &'a Scope,
    since: Timestamp,
    has_applied: &'a dyn Fn(&NodeReport) -> bool,
}

/// The figures of a shift as they are now.
pub fn measure(
    shift: &Shift,
    estate: Option<&Estate>,
    reports: &Reports,
    now: Timestamp,
    beat: Duration,
) -> TimeToZero {
    let began = began_at(&shift.id);
    let has_applied = |report: &NodeReport| report.revision >= began;
    let asked =
        Asked { zone: &shift.zone, scope: &shift.scope, since: shift.started_at, has_applied: &has_applied };
    figures(&asked, estate, reports, now, beat)
}

/// The figures of a break-glass shift as they are now.
pub fn measure_break_glass(
    shift: &BreakGlassShift,
    estate: Option<&Estate>,
    reports: &Reports,
    now: Timestamp,
    beat: Duration,
) -> TimeToZero {
    let number = glass::number(shift, estate);
    let has_applied = |report: &NodeReport| report.break_glass.contains(&number);
    let asked = Asked {
        zone: &shift.zone,
        scope: &Scope::Everything,
        since: shift.signed_at,
        has_applied: &has_applied,
    };
    figures(&asked, estate, reports, now, beat)
}

fn figures(
    asked: &Asked<'_>,
    estate: Option<&Estate>,
    reports: &Reports,
    now: Timestamp,
    beat: Duration,
) -> TimeToZero {
    let carries = |heard: &&HeardReport| {
        heard.report.roles.iter().any(|role| matches!(role, Role::Balancer | Role::Dns))
    };
    let carriers: Vec<&HeardReport> = reports.values().filter(carries).collect();
    let (silent, heard): (Vec<&HeardReport>, Vec<&HeardReport>) =
        carriers.iter().copied().partition(|heard| is_stale(heard.received_at, now, beat));
    let mut behind: Vec<&HeardReport> =
        heard.iter().copied().filter(|heard| !(asked.has_applied)(&heard.report)).collect();
    behind.sort_by_key(|heard| (heard.report.revision, heard.received_at));
    let named = |nodes: &[&HeardReport]| nodes.iter().map(|heard| heard.report.node.to_string()).collect();
    let (waiting_for, silent) = (named(&behind), named(&silent));
    if matches!(asked.scope, Scope::Record(_)) {
        return TimeToZero { waiting_for, silent, ..TimeToZero::default() };
    }
    let names = names(asked.zone, estate);
    let touched =
        |line: &&ZoneActivityReport| names.contains(line.zone.as_str()) && in_scope(asked.scope, &line.pool);
    let lines = |nodes: &[&HeardReport], role: Role| {
        let told = nodes.iter().copied().filter(|heard| heard.report.roles.contains(&role));
        told.flat_map(|heard| &heard.report.activity).filter(touched).cloned().collect::<Vec<_>>()
    };
    let has = |role: Role| carriers.iter().any(|heard| heard.report.roles.contains(&role));
    let after_start = |latest: Option<Timestamp>| {
        latest.map_or(0, |at| u64::try_from(at.since(asked.since).as_millis()).unwrap_or(u64::MAX))
    };
    let balanced = lines(&carriers, Role::Balancer);
    let open: u64 = lines(&heard, Role::Balancer).iter().map(|line| line.open_connections).sum();
    let last_request = after_start(balanced.iter().filter_map(|line| line.last_new_request_at).max());
    let last_connection = after_start(balanced.iter().filter_map(|line| line.last_open_connection_at).max());
    let last_byte = after_start(balanced.iter().filter_map(|line| line.last_byte_at).max());
    let balancers_told = carriers.iter().filter(|heard| heard.report.roles.contains(&Role::Balancer));
    let balancers_told = balancers_told.map(|heard| {
        let lines: Vec<&ZoneActivityReport> = heard.report.activity.iter().filter(touched).collect();
        let open = lines.iter().map(|line| line.open_connections).sum();
        let last_connection = after_start(lines.iter().filter_map(|line| line.last_open_connection_at).max());
        BalancerTimeToZero {
            node: heard.report.node.to_string(),
            last_new_request_ms: after_start(lines.iter().filter_map(|line| line.last_new_request_at).max()),
            last_open_connection_ms: (open == 0).then_some(last_connection),
            last_byte_ms: after_start(lines.iter().filter_map(|line| line.last_byte_at).max()),
            open_connections: open,
            silent: is_stale(heard.received_at, now, beat),
        }
    });
    let last_answer =
        after_start(lines(&carriers, Role::Dns).iter().filter_map(|line| line.last_dns_answer_at).max());
    let (balancers, servers) = (has(Role::Balancer), has(Role::Dns));
    TimeToZero {
        measurable: true,
        measured: !heard.is_empty() && behind.is_empty() && open == 0,
        last_new_request_ms: balancers.then_some(last_request),
        last_open_connection_ms: (balancers && open == 0).then_some(last_connection),
        last_byte_ms: balancers.then_some(last_byte),
        last_dns_answer_ms: servers.then_some(last_answer),
        open_connections: balancers.then_some(open),
        waiting_for,
        silent,
        balancers: balancers_told.collect(),
    }
}

/// The zone's id and aliases: a shift may name it by either.
fn names<'a>(zone: &'a ZoneId, estate: Option<&'a Estate>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::from([zone.as_str()]);
    if let Some((estate, zone)) = estate.and_then(|estate| Some((estate, estate.zone_named(zone)?))) {
        let zone = estate.zone(zone);
        names.insert(zone.id.as_str());
        names.extend(zone.aliases.iter().map(hf_model::ZoneId::as_str));
    }
    names
}

fn in_scope(scope: &Scope, pool: &PoolName) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Pool(name) => name == pool,
        Scope::Record(_) => false,
    }
}

#[cfg(test)]
mod tests;
