//! Domain to wire: what the API says of a snapshot, an intent and the reports. Pure.
//!
//! Not here: routes (`api`), the wire types (`hf-api`).

use hf_api::{
    Acknowledgement, Consumers, FloorOverridden, Node, NotApplied, Pin, PinTo, Pool, PoolMode, PoolZone,
    Reason, ReasonKind, Returning, Shift, ShiftConsumers, ShiftKind, ShiftState, Status, TimeToZero, Zone,
    ZoneState,
};
use hf_capacity::{Capacities, Hold};
use hf_config::estate::Estate;
use hf_control::Intent;
use hf_decide::{Mode, PoolDecision, ZoneDecision};
use hf_feed::{HeardReport, NodeReport, Reports};
use hf_model::{EstateId, Share, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use std::time::Duration;

use crate::boards::{self, Behind};
use crate::expiring::{is_expiring, is_shift_expiring};
use crate::traffic::{Rates, is_stale};
use crate::{effect, glass};

/// Groups of consumers of one shift in a list of shifts.
const LISTED_GROUPS: usize = 10;

/// All that a status is made of.
pub struct Sources<'a> {
    /// The node that answers.
    pub node: &'a str,
    /// Its clock.
    pub now: Timestamp,
    /// Its beat.
    pub beat: Duration,
    /// What its planes obey.
    pub snapshot: Option<&'a Snapshot>,
    /// The newest intent that it knows of; on a control node, ahead of the snapshot for an instant.
    pub intent: &'a Intent,
    /// What it heard.
    pub reports: &'a Reports,
    /// What goes where.
    pub rates: &'a Rates,
    /// What the detectors of gray failure say here.
    pub gray: &'a hf_gray::Judged,
    /// What zones carry.
    pub capacities: &'a Capacities,
    /// Each shift's time to zero.
    pub time_to_zero: &'a dyn Fn(&hf_control::Shift) -> TimeToZero,
    /// What consumers have made of each shift.
    pub consumers_of: &'a dyn Fn(&hf_control::Shift) -> ShiftConsumers,
    /// The same of each break-glass shift.
    pub consumers_of_act: &'a dyn Fn(&hf_control::BreakGlassShift) -> ShiftConsumers,
    /// Who obeys zone status.
    pub consumers: Consumers,
    /// What stores outside say of zones.
    pub closing_sources: hf_api::ClosingSources,
    /// What is wrong with the watched estate file.
    pub estate_file_problem: Option<String>,
}

/// Everything at a glance.
pub fn status(from: &Sources<'_>) -> Status {
    let snapshot = from.snapshot;
    let holds = snapshot.map_or_else(Vec::new, |snapshot| hf_capacity::holds(&snapshot.decision));
    let zones = snapshot.map_or_else(Vec::new, |snapshot| {
        snapshot.decision.zones.iter().map(|decision| zone(from, snapshot, decision, &holds)).collect()
    });
    let pools = snapshot.map_or_else(Vec::new, |snapshot| {
        snapshot.decision.pools.iter().map(|decision| pool(from, snapshot, decision, &holds)).collect()
    });
    let obeyed = snapshot.map(|snapshot| &*snapshot.intent);
    let told = crate::gray::all_told(from.gray);
    Status {
        node: from.node.to_owned(),
        now_ms: from.now.0,
        estate_id: Some(from.intent.estate_id).filter(|id| *id != EstateId::NONE).map(|id| id.to_string()),
        revision: obeyed.map_or(0, |intent| intent.revision.0),
        estate_revision: obeyed.map_or(0, |intent| intent.estate_revision.0),
        estate_digest: snapshot.map(|snapshot| snapshot.estate.digest.short()),
        snapshot: snapshot.map(|snapshot| snapshot.number),
        zones,
        pools,
        shifts: from
            .intent
            .shifts
            .iter()
            .map(|found| {
                let heard = Heard { reports: from.reports, now: from.now, beat: from.beat };
                let consumers = in_a_list((from.consumers_of)(found));
                shift(found, snapshot, &heard, (from.time_to_zero)(found), consumers)
            })
            .collect(),
        pins: from.intent.pins.iter().map(|found| pin(found, snapshot, from.now)).collect(),
        deployments: crate::deployments::shown(from.intent, from.gray, from.now),
        nodes: from.reports.values().map(|heard| node(heard, from.now, from.beat)).collect(),
        not_applied: snapshot.map_or_else(Vec::new, not_applied),
        break_glass: glass::shown(
            snapshot,
            from.intent,
            &Heard { reports: from.reports, now: from.now, beat: from.beat },
            &|act| in_a_list((from.consumers_of_act)(act)),
        ),
        break_glass_recorded: from.intent.break_glass.iter().map(glass::recorded).collect(),
        controls_off: boards::off(from.intent, &Behind::of(snapshot.map(|snapshot| &*snapshot.estate))),
        returning: snapshot.map_or_else(Vec::new, returning),
        floors_overridden: floors_overridden(from.intent),
        gray: crate::gray::suspects(from.gray),
        gray_told: told.first,
        gray_told_more: told.more,
        consumers: from.consumers.clone(),
        closing_sources: from.closing_sources.clone(),
        estate_file_problem: from.estate_file_problem.clone().or_else(|| {
            // The estate is everybody's: who watches its file tells it in its report.
            from.reports.values().find_map(|heard| heard.report.estate_file_problem.clone())
        }),
    }
}

fn zone(from: &Sources<'_>, snapshot: &Snapshot, decision: &ZoneDecision, holds: &[Hold]) -> Zone {
    let zone = snapshot.estate.zone(decision.zone);
    let rate = from.rates.zone(&zone.id);
    let capacity = from.capacities.zones.get(&decision.zone).copied();
    let headroom = rate.and_then(|rate| hf_capacity::headroom(capacity, rate.requests)).map(Share::ppm);
    let is_here = |hold: &&Hold| {
        let endpoints = &snapshot.estate.pool(hold.pool).endpoints;
        endpoints.iter().any(|endpoint| endpoint.zone == decision.zone)
    };
    Zone {
        id: zone.id.to_string(),
        region: snapshot.estate.regions[zone.region.at()].id.to_string(),
        aliases: zone.aliases.iter().map(ToString::to_string).collect(),
        state: zone_state(decision.state),
        reason: reason(&decision.reason),
        healthy: decision.health.healthy,
        of: decision.health.of,
        share_ppm: from.rates.zone_share(&zone.id).map(Share::ppm),
        requests_per_1000_s: rate.map(|rate| rate.requests),
        failures_per_1000_s: rate.map(|rate| rate.failures),
        headroom_ppm: headroom,
        scale_in_held: held(&snapshot.estate, holds.iter().filter(is_here)),
        open_connections: open_connections(from, &zone.id, None),
    }
}

/// Why something may not shrink: the first hold, and how many more there are.
fn held<'a>(estate: &Estate, mut holds: impl Iterator<Item = &'a Hold>) -> Option<String> {
    let first = crate::api::hold_told(estate, holds.next()?);
    let more = holds.count();
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    Some(format!("pool/{}: {}{more}", first.pool, first.why))
}

fn pool(from: &Sources<'_>, snapshot: &Snapshot, decision: &PoolDecision, holds: &[Hold]) -> Pool {
    let pool = snapshot.estate.pool(decision.pool);
    let zones = decision.zones.iter().map(|found| {
        let id = &snapshot.estate.zone(found.zone).id;
        PoolZone {
            zone: id.to_string(),
            state: zone_state(found.state),
            reason: reason(&found.reason),
            share_ppm: from.rates.pool_share(&pool.name, id).map(Share::ppm),
            open_connections: open_connections(from, id, Some(&pool.name)),
        }
    });
    let (mode, fallback) = match decision.mode {
        Mode::Normal => (PoolMode::Normal, None),
        Mode::FailOpen => (PoolMode::FailOpen, None),
        Mode::Closed => (PoolMode::Closed, None),
        Mode::Fallback(other) => (PoolMode::Fallback, Some(snapshot.estate.pool(other).name.to_string())),
    };
    Pool {
        name: pool.name.to_string(),
        mode,
        fallback,
        zones: zones.collect(),
        scale_in_held: held(&snapshot.estate, holds.iter().filter(|hold| hold.pool == decision.pool)),
        serving: decision.endpoints.iter().filter(|endpoint| endpoint.serves).count() as u32,
        of: decision.endpoints.len() as u32,
    }
}

/// Connections that fresh balancers report.
fn open_connections(from: &Sources<'_>, zone: &ZoneId, pool: Option<&hf_model::PoolName>) -> Option<u64> {
    let balancers = from.reports.values().filter(|heard| {
        heard.report.roles.contains(&hf_config::node::Role::Balancer)
            && !is_stale(heard.received_at, from.now, from.beat)
    });
    balancers
        .map(|heard| {
            let here = heard.report.activity.iter();
            here.filter(|line| line.zone == *zone && pool.is_none_or(|pool| line.pool == *pool))
                .map(|line| line.open_connections)
                .sum::<u64>()
        })
        .reduce(|sum, more| sum + more)
}

fn not_applied(snapshot: &Snapshot) -> Vec<NotApplied> {
    let of_zones = snapshot.decision.zones.iter().flat_map(|zone| &zone.not_applied);
    let of_pools = snapshot.decision.pools.iter().flat_map(|pool| &pool.not_applied);
    let mut all: Vec<NotApplied> = Vec::new();
    for found in of_zones.chain(of_pools) {
        let line = NotApplied {
            source: found.source.to_string(),
            zone: snapshot.estate.zone(found.zone).id.to_string(),
            resource: found.scope.to_string(),
            why: found.why.to_string(),
        };
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

/// The zones whose share of a pool is growing back.
fn returning(snapshot: &Snapshot) -> Vec<Returning> {
    let pools = snapshot.decision.pools.iter();
    let zones = pools.flat_map(|pool| pool.zones.iter().map(move |zone| (pool.pool, zone)));
    let back = |(pool, zone): (hf_config::estate::PoolIx, &hf_decide::PoolZone)| {
        let full_at_ms = match zone.reason {
            hf_decide::Reason::Returning { full_at } => Some(full_at.0),
            _ => None,
        };
        Returning {
            zone: snapshot.estate.zone(zone.zone).id.to_string(),
            pool: snapshot.estate.pool(pool).name.to_string(),
            share_ppm: zone.share.ppm(),
            full_at_ms,
        }
    };
    let is_back = |(_, zone): &(hf_config::estate::PoolIx, &hf_decide::PoolZone)| {
        zone.state == hf_decide::ZoneState::Open && zone.share < Share::ONE
    };
    zones.filter(is_back).map(back).collect()
}

/// Every act in force that may break a floor.
fn floors_overridden(intent: &Intent) -> Vec<FloorOverridden> {
    let told = |by: String, pools: &[hf_model::PoolName]| -> Vec<FloorOverridden> {
        pools.iter().map(|pool| FloorOverridden { pool: pool.to_string(), by: by.clone() }).collect()
    };
    let shifts = intent.shifts.iter().flat_map(|shift| told(shift.id.to_string(), &shift.floor_overrides));
    let pins = intent.pins.iter().flat_map(|pin| told(format!("pin of {}", pin.zone), &pin.floor_overrides));
    let controls = intent
        .controls
        .iter()
        .filter(|control| control.to == hf_model::Switch::Off)
        .flat_map(|control| told(format!("control {}", control.path), &control.floor_overrides));
    shifts.chain(pins).chain(controls).collect()
}

/// What was heard, and when it is looked at.
pub struct Heard<'a> {
    /// Of all nodes.
    pub reports: &'a Reports,
    /// The answering node's clock.
    pub now: Timestamp,
    /// Its beat.
    pub beat: Duration,
}

impl Heard<'_> {
    /// Every node's word.
    pub fn acknowledgements(&self, has_applied: impl Fn(&NodeReport) -> bool) -> Vec<Acknowledgement> {
        let word = |heard: &HeardReport| Acknowledgement {
            node: heard.report.node.to_string(),
            applied: has_applied(&heard.report),
            revision: heard.report.revision.0,
            silent: is_stale(heard.received_at, self.now, self.beat),
            last_heard_ms: age_ms(heard, self.now),
        };
        self.reports.values().map(word).collect()
    }
}

fn age_ms(heard: &HeardReport, now: Timestamp) -> u64 {
    u64::try_from(now.since(heard.received_at).as_millis()).unwrap_or(u64::MAX)
}

/// One shift.
pub fn shift(
    from: &hf_control::Shift,
    snapshot: Option<&Snapshot>,
    heard: &Heard<'_>,
    time_to_zero: TimeToZero,
    consumers: ShiftConsumers,
) -> Shift {
    let (state, ended_at_ms) = match from.state {
        hf_control::ShiftState::Active => (ShiftState::Active, None),
        hf_control::ShiftState::Canceled(at) => (ShiftState::Canceled, Some(at.0)),
        hf_control::ShiftState::Expired(at) => (ShiftState::Expired, Some(at.0)),
        hf_control::ShiftState::Interrupted(at) => (ShiftState::Interrupted, Some(at.0)),
        hf_control::ShiftState::Completed(at) => (ShiftState::Completed, Some(at.0)),
    };
    Shift {
        id: from.id.to_string(),
        kind: match from.kind {
            hf_control::ShiftKind::Zonal => ShiftKind::Zonal,
            hf_control::ShiftKind::BreakGlass => ShiftKind::BreakGlass,
            hf_control::ShiftKind::Practice => ShiftKind::Practice,
            hf_control::ShiftKind::Autoshift => ShiftKind::Autoshift,
        },
        zone: from.zone.to_string(),
        resource: from.scope.to_string(),
        reason: from.reason.clone(),
        by: from.by.to_string(),
        started_at_ms: from.started_at.0,
        ends_at_ms: from.ends_at.0,
        state,
        ended_at_ms,
        ended_by: None,
        expiring: state == ShiftState::Active && is_shift_expiring(from, heard.now),
        floor_overrides: from.floor_overrides.iter().map(ToString::to_string).collect(),
        held: state == ShiftState::Active && heard.now >= from.ends_at,
        revision: from.revision.0,
        effect: snapshot.and_then(|snapshot| effect::of_shift(snapshot, from)),
        acknowledged: heard.acknowledgements(|report| report.revision >= from.revision),
        time_to_zero,
        consumers,
    }
}

/// The same with its worst ten groups alone, for lists.
pub fn in_a_list(mut consumers: ShiftConsumers) -> ShiftConsumers {
    let more = consumers.groups.len().saturating_sub(LISTED_GROUPS);
    consumers.groups.truncate(LISTED_GROUPS);
    consumers.left_out = consumers.left_out.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
    consumers
}

fn pin(from: &hf_control::Pin, snapshot: Option<&Snapshot>, now: Timestamp) -> Pin {
    Pin {
        zone: from.zone.to_string(),
        resource: from.scope.to_string(),
        to: match from.to {
            hf_control::PinTo::In => PinTo::In,
            hf_control::PinTo::Out => PinTo::Out,
        },
        reason: from.reason.clone(),
        by: from.by.to_string(),
        ends_at_ms: from.ends_at.0,
        expiring: is_expiring(from.started_at, from.ends_at, now),
        floor_overrides: from.floor_overrides.iter().map(ToString::to_string).collect(),
        revision: from.revision.0,
        effect: snapshot.and_then(|snapshot| effect::of_pin(snapshot, from)),
    }
}

fn node(heard: &HeardReport, now: Timestamp, beat: Duration) -> Node {
    let report = &heard.report;
    let refused = report
        .refused_intent
        .as_ref()
        .map(|refused| format!("cannot take revision {}: {}", refused.revision, refused.problem));
    Node {
        id: report.node.to_string(),
        zone: report.zone.as_ref().map(ToString::to_string),
        roles: report.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        revision: report.revision.0,
        snapshot: (report.snapshot_number > 0).then_some(report.snapshot_number),
        last_heard_ms: age_ms(heard, now),
        stale: is_stale(heard.received_at, now, beat),
        booted_from_disk: report.booted_from_disk,
        version: report.version.clone(),
        api: report.api.clone(),
        status: report.status.clone(),
        api_key: report.api_key.clone(),
        problem: refused
            .or_else(|| report.ledger_problem.clone())
            .or_else(|| report.node_problem.clone())
            .or_else(|| report.estate_file_problem.clone()),
    }
}

fn zone_state(from: hf_decide::ZoneState) -> ZoneState {
    match from {
        hf_decide::ZoneState::Open => ZoneState::Open,
        hf_decide::ZoneState::Away => ZoneState::Away,
    }
}

/// Why something serves or not.
pub fn reason(from: &hf_decide::Reason) -> Reason {
    use hf_decide::Reason as From;
    let plain = |kind| (kind, None, None, None, false);
    let (kind, until, shift, by, held) = match from {
        From::Healthy => plain(ReasonKind::Healthy),
        From::Unknown => plain(ReasonKind::Unknown),
        From::Impaired => plain(ReasonKind::Impaired),
        From::Shifted { id, until, held } => {
            (ReasonKind::Shifted, Some(*until), Some(id.to_string()), None, *held)
        }
        From::BreakGlass { by, until } => (ReasonKind::BreakGlass, Some(*until), None, Some(by), false),
        From::PinnedIn { by, until, held } => (ReasonKind::PinnedIn, Some(*until), None, Some(by), *held),
        From::PinnedOut { by, until, held } => (ReasonKind::PinnedOut, Some(*until), None, Some(by), *held),
        From::Practice { id, until, held } => {
            (ReasonKind::Practice, Some(*until), Some(id.to_string()), None, *held)
        }
        From::Autoshift { id, until, held } => {
            (ReasonKind::Autoshift, Some(*until), Some(id.to_string()), None, *held)
        }
        From::ControlOff { .. } => plain(ReasonKind::ControlOff),
        From::Returning { full_at } => (ReasonKind::Returning, Some(*full_at), None, None, false),
        From::FailOpen => plain(ReasonKind::FailOpen),
        From::AllDown => plain(ReasonKind::AllDown),
        _ => plain(ReasonKind::Other),
    };
    Reason {
        kind,
        text: from.words(|at| hf_api::instant(at.0)),
        until_ms: until.map(|at| at.0),
        shift,
        by: by.map(ToString::to_string),
        held,
    }
}
