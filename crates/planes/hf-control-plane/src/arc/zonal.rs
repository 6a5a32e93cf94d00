//! arc-zonal-shift: shifts, managed resources, practice runs and their configuration, autoshift settings.
//!
//! Managed are: each region (everything in one of its zones), each pool, each steered name. A shift on everything in a zone is one of
//! that zone's region.

use std::collections::{BTreeMap, BTreeSet};

use hf_arc::answer::zonal::{
    AppliedStatus, AppliedWeight, AutoshiftConfiguration, AutoshiftInResource, AutoshiftSummary, Items,
    ManagedResource, ManagedResourceSummary, Observer, PracticeDeleted, PracticeOutcome, PracticeResult,
    ShiftType, ZonalShift, ZonalShiftInResource, ZonalShiftSummary,
};
use hf_arc::arn::ResourceArn;
use hf_arc::call::zonal::{AutoshiftStatus, Enablement, ShiftStatus};
use hf_arc::error::{ConflictReason, ValidationReason};
use hf_arc::page::newest_first;
use hf_arc::{About, ArcError, Call, Output};
use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_config::floor::pool_zones;
use hf_control::state::ShiftKey;
use hf_control::{Autoshift, Command, Expect, Practice, Resource, Scope, Shift, ShiftKind, ShiftState};
use hf_decide::{PoolDecision, Reason, ZoneState};
use hf_model::{DnsName, PoolName, ShiftId, ZoneId};
use hf_snapshot::Snapshot;

use super::cluster::not_of_this_service;
use super::{Desk, Done, Failed, Known};

#[expect(clippy::too_many_lines, reason = "one arm for each operation; each does one thing")]
pub(super) async fn serve(desk: &Desk<'_>, call: &Call) -> Result<Output, Failed> {
    let output = match call {
        Call::StartZonalShift(asked) => {
            let known = desk.settled().await?;
            let snapshot = estate(&known, &asked.resource)?;
            in_zone(&snapshot.estate, &asked.resource, &asked.away_from)?;
            let command = Command::StartShift {
                zone: asked.away_from.clone(),
                scope: scope(&asked.resource),
                length: asked.expires_in,
                reason: spoken(&asked.comment),
                floor_overrides: Vec::new(),
            };
            let done = desk.commit(None, command).await?;
            Output::StartZonalShift(shift_result(&known, done)?)
        }
        Call::UpdateZonalShift(asked) => {
            let known = desk.settled().await?;
            let shift = find(&known, asked.shift.as_ref(), &asked.shift_text)?;
            let command = Command::UpdateShift {
                id: shift.id.clone(),
                length: asked.expires_in,
                reason: asked.comment.as_deref().map(spoken),
                if_match: None,
            };
            let done = desk.commit(None, command).await?;
            Output::UpdateZonalShift(shift_result(&known, done)?)
        }
        Call::CancelZonalShift(asked) => {
            let known = desk.settled().await?;
            let shift = find(&known, asked.shift.as_ref(), &asked.shift_text)?;
            let command = Command::CancelShift { id: shift.id.clone(), if_match: None };
            let done = desk.commit(None, command).await?;
            Output::CancelZonalShift(shift_result(&known, done)?)
        }
        Call::CancelPracticeRun(asked) => {
            let known = desk.settled().await?;
            let shift = find(&known, asked.shift.as_ref(), &asked.shift_text)?;
            if shift.kind != ShiftKind::Practice {
                let message = format!("{} is no practice run; cancel-zonal-shift ends it", shift.id);
                let reason = ValidationReason::UnsupportedPracticeCancelShiftType;
                return Err(ArcError::invalid("zonalShiftId", reason, message).into());
            }
            let command = Command::CancelShift { id: shift.id.clone(), if_match: None };
            let done = desk.commit(None, command).await?;
            Output::CancelPracticeRun(shift_result(&known, done)?)
        }
        Call::ListZonalShifts(asked) => {
            let known = desk.settled().await?;
            let matching = known.view.shifts.iter().filter(|shift| {
                let is_status = asked.status.is_none_or(|wanted| status(shift.state) == wanted);
                is_status
                    && asked.resource.as_ref().is_none_or(|wanted| resource_of(&known, shift) == *wanted)
            });
            let page = asked.paging.page(matching, |shift| newest(shift));
            let items = page.items.into_iter().map(|shift| ZonalShiftSummary {
                shift: of_shift(&known, shift),
                shift_type: shift_type(shift.kind),
                practice_run_outcome: outcome(&known, shift),
            });
            Output::ListZonalShifts(Items { items: items.collect(), next_token: page.next_token })
        }
        Call::GetManagedResource(asked) => {
            let known = desk.settled().await?;
            let snapshot = estate(&known, &asked.resource)?;
            let practice = practice(&known, &asked.resource);
            Output::GetManagedResource(ManagedResource {
                arn: asked.resource.clone(),
                name: asked.resource.name(),
                applied_weights: weights(snapshot, &asked.resource),
                zonal_shifts: shifts_at(&known, snapshot, &asked.resource),
                autoshifts: autoshifts_at(&known, snapshot, &asked.resource),
                practice_run_configuration: practice.map(|practice| to_wire(&practice.config)),
                zonal_autoshift_status: autoshift(practice),
            })
        }
        Call::ListManagedResources(asked) => {
            let known = desk.settled().await?;
            let all = known.snapshot.as_ref().map_or_else(Vec::new, |snapshot| resources(&snapshot.estate));
            let page = asked.paging.page(all, ToString::to_string);
            let items = page.items.iter().filter_map(|resource| {
                let snapshot = known.snapshot.as_deref()?;
                Some(summary(&known, snapshot, resource))
            });
            Output::ListManagedResources(Items { items: items.collect(), next_token: page.next_token })
        }
        Call::UpdateZonalAutoshiftConfiguration(asked) => {
            estate(&desk.settled().await?, &asked.resource)?;
            let to = setting(asked.status);
            desk.commit(None, Command::SetAutoshift { resource: managed(&asked.resource), to }).await?;
            Output::UpdateZonalAutoshiftConfiguration(AutoshiftConfiguration {
                resource_identifier: asked.resource.clone(),
                zonal_autoshift_status: asked.status,
            })
        }
        Call::ListAutoshifts(asked) => {
            let known = desk.settled().await?;
            let matching = known.view.shifts.iter().filter(|shift| {
                shift.kind == ShiftKind::Autoshift && autoshift_status(shift.state) == asked.status
            });
            let page = asked.paging.page(matching, |shift| newest(shift));
            let items = page.items.into_iter().map(|shift| AutoshiftSummary {
                away_from: shift.zone.clone(),
                start_time: shift.started_at.into(),
                end_time: shift.state.ended_at().map(Into::into),
                status: autoshift_status(shift.state),
            });
            Output::ListAutoshifts(Items { items: items.collect(), next_token: page.next_token })
        }
        Call::CreatePracticeRunConfiguration(asked) => {
            estate(&desk.settled().await?, &asked.resource)?;
            let config = from_wire(&asked.config)?;
            put_practice(desk, &asked.resource, config, Expect::Absent).await?;
            Output::CreatePracticeRunConfiguration(practice_result(desk, &asked.resource)?)
        }
        Call::UpdatePracticeRunConfiguration(asked) => {
            let known = desk.settled().await?;
            estate(&known, &asked.resource)?;
            let old = practice(&known, &asked.resource).ok_or_else(|| no_practice(&asked.resource))?;
            let config = from_wire(&asked.change.clone().applied_to(to_wire(&old.config))?)?;
            put_practice(desk, &asked.resource, config, Expect::Present).await?;
            Output::UpdatePracticeRunConfiguration(practice_result(desk, &asked.resource)?)
        }
        Call::DeletePracticeRunConfiguration(asked) => {
            let known = desk.settled().await?;
            practice(&known, &asked.resource).ok_or_else(|| no_practice(&asked.resource))?;
            desk.commit(None, Command::DeletePractice { resource: managed(&asked.resource) }).await?;
            Output::DeletePracticeRunConfiguration(PracticeDeleted {
                arn: asked.resource.clone(),
                name: asked.resource.name(),
                zonal_autoshift_status: Enablement::Disabled,
            })
        }
        Call::StartPracticeRun(asked) => {
            let known = desk.settled().await?;
            let snapshot = estate(&known, &asked.resource)?;
            in_zone(&snapshot.estate, &asked.resource, &asked.away_from)?;
            let command = Command::StartPractice {
                resource: managed(&asked.resource),
                zone: asked.away_from.clone(),
                reason: spoken(&asked.comment),
            };
            let done = desk.commit(None, command).await?;
            Output::StartPracticeRun(shift_result(&known, done)?)
        }
        Call::GetAutoshiftObserverNotificationStatus(_) => {
            let known = desk.known().await?;
            Output::GetAutoshiftObserverNotificationStatus(Observer {
                status: enablement(known.view.observer),
            })
        }
        Call::UpdateAutoshiftObserverNotificationStatus(asked) => {
            desk.commit(None, Command::SetObserver { to: setting(asked.status) }).await?;
            Output::UpdateAutoshiftObserverNotificationStatus(Observer { status: asked.status })
        }
        _ => return Err(not_of_this_service(call)),
    };
    Ok(output)
}

/// Orders shifts, the newest first.
fn newest(shift: &Shift) -> String {
    ShiftKey::of(&shift.id).map_or_else(String::new, |key| newest_first(key.0.0))
}

/// The snapshot in whose estate the resource is.
fn estate<'a>(known: &'a Known, resource: &ResourceArn) -> Result<&'a Snapshot, ArcError> {
    let missing = || {
        let message = format!("there is no {}; list-managed-resources shows what there is", resource.name());
        ArcError::not_found(message, About::new(About::RESOURCE, resource))
    };
    let snapshot = known.snapshot.as_deref().ok_or_else(missing)?;
    if zones(&snapshot.estate, resource).is_empty() { Err(missing()) } else { Ok(snapshot) }
}

/// AWS takes an empty comment, the journal none: an evacuation does not fail for want of words.
fn spoken(comment: &str) -> String {
    let is_silent = comment.chars().all(|c| c.is_whitespace() || c.is_control());
    if is_silent { "(no comment)".to_owned() } else { comment.to_owned() }
}

fn in_zone(estate: &Estate, resource: &ResourceArn, zone: &ZoneId) -> Result<(), ArcError> {
    let of = zones(estate, resource);
    let names = || of.iter().map(|zone| estate.zone(*zone).id.to_string()).collect::<Vec<_>>().join(", ");
    match estate.zone_named(zone) {
        None => {
            let message = format!("there is no zone {zone}; {} has {}", resource.name(), names());
            Err(ArcError::invalid("awayFrom", ValidationReason::InvalidAz, message))
        }
        Some(found) if !of.contains(&found) => {
            let message = format!("{} is not in {zone}; it has {}", resource.name(), names());
            Err(ArcError::invalid("awayFrom", ValidationReason::UnsupportedAz, message))
        }
        Some(_) => Ok(()),
    }
}

/// The pools whose endpoints a resource is.
fn pools(estate: &Estate, resource: &ResourceArn) -> Vec<PoolIx> {
    match resource {
        ResourceArn::Region(_) => estate.pool_indexes().collect(),
        ResourceArn::Pool(name) => estate.pool_named(name).into_iter().collect(),
        ResourceArn::Record(name) => estate.pools_behind(name).into_iter().collect(),
    }
}

/// The zones of a resource, in the estate's order; none if there is no such resource.
fn zones(estate: &Estate, resource: &ResourceArn) -> Vec<ZoneIx> {
    if let ResourceArn::Region(id) = resource {
        let is_of = |zone: &ZoneIx| estate.regions[estate.zone(*zone).region.at()].id == *id;
        return estate.zone_indexes().filter(is_of).collect();
    }
    let mut zones: Vec<ZoneIx> =
        pools(estate, resource).into_iter().flat_map(|pool| pool_zones(estate.pool(pool))).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// Everything that is managed: what has a zone. Each pool is looked at once, however many records stand on it.
fn resources(estate: &Estate) -> Vec<ResourceArn> {
    let with_zones: BTreeSet<usize> = estate.zones.iter().map(|zone| zone.region.at()).collect();
    let regions = estate.regions.iter().enumerate().filter(|(at, _)| with_zones.contains(at));
    let regions = regions.map(|(_, region)| ResourceArn::Region(region.id.clone()));
    let serving: BTreeSet<PoolIx> =
        estate.pool_indexes().filter(|pool| !pool_zones(estate.pool(*pool)).is_empty()).collect();
    let pools = serving.iter().map(|pool| ResourceArn::Pool(estate.pool(*pool).name.clone()));
    let records = estate.records.iter().filter(|record| serving.contains(&record.pool));
    let names: BTreeSet<&DnsName> = records.map(|record| &record.name).collect();
    regions.chain(pools).chain(names.into_iter().cloned().map(ResourceArn::Record)).collect()
}

fn scope(resource: &ResourceArn) -> Scope {
    match resource {
        ResourceArn::Region(_) => Scope::Everything,
        ResourceArn::Pool(name) => Scope::Pool(name.clone()),
        ResourceArn::Record(name) => Scope::Record(name.clone()),
    }
}

fn managed(resource: &ResourceArn) -> Resource {
    match resource {
        ResourceArn::Region(id) => Resource::Region(id.clone()),
        ResourceArn::Pool(name) => Resource::Pool(name.clone()),
        ResourceArn::Record(name) => Resource::Record(name.clone()),
    }
}

/// What a shift acts on. A zone that has left the estate keeps its shift's name in the place of a region's.
fn resource_of(known: &Known, shift: &Shift) -> ResourceArn {
    match &shift.scope {
        Scope::Pool(name) => ResourceArn::Pool(name.clone()),
        Scope::Record(name) => ResourceArn::Record(name.clone()),
        Scope::Everything => {
            let region = known.snapshot.as_ref().and_then(|snapshot| {
                let zone = snapshot.estate.zone(snapshot.estate.zone_named(&shift.zone)?);
                Some(snapshot.estate.regions[zone.region.at()].id.clone())
            });
            let of_zone =
                || hf_model::RegionId::new(shift.zone.as_str()).expect("a zone's id is a region's too");
            ResourceArn::Region(region.unwrap_or_else(of_zone))
        }
    }
}

fn find<'a>(known: &'a Known, id: Option<&ShiftId>, text: &str) -> Result<&'a Shift, ArcError> {
    let found = id.and_then(|id| known.view.shifts.iter().find(|shift| shift.id == *id));
    found.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let message = format!("there is no zonal shift {shown}; list-zonal-shifts shows what there is");
        ArcError::not_found(message, About::new(About::SHIFT, shown))
    })
}

fn shift_result(known: &Known, done: Done) -> Result<ZonalShift, ArcError> {
    let shift =
        done.shift.ok_or_else(|| ArcError::Internal { message: "the ledger told no shift".to_owned() })?;
    Ok(of_shift(known, &shift))
}

fn of_shift(known: &Known, shift: &Shift) -> ZonalShift {
    ZonalShift {
        zonal_shift_id: shift.id.clone(),
        resource_identifier: resource_of(known, shift),
        away_from: shift.zone.clone(),
        expiry_time: shift.ends_at.into(),
        start_time: shift.started_at.into(),
        status: status(shift.state),
        comment: shift.reason.clone(),
    }
}

fn status(state: ShiftState) -> ShiftStatus {
    match state {
        ShiftState::Active => ShiftStatus::Active,
        ShiftState::Expired(_) | ShiftState::Completed(_) => ShiftStatus::Expired,
        ShiftState::Canceled(_) | ShiftState::Interrupted(_) => ShiftStatus::Canceled,
    }
}

fn autoshift_status(state: ShiftState) -> AutoshiftStatus {
    if state == ShiftState::Active { AutoshiftStatus::Active } else { AutoshiftStatus::Completed }
}

fn shift_type(kind: ShiftKind) -> ShiftType {
    match kind {
        ShiftKind::Zonal | ShiftKind::BreakGlass => ShiftType::ZonalShift,
        ShiftKind::Practice => ShiftType::PracticeRun,
        ShiftKind::Autoshift => ShiftType::ZonalAutoshift,
    }
}

/// As the ledger remembers it; of a run that it has forgotten, as far as the shift tells.
fn outcome(known: &Known, shift: &Shift) -> Option<PracticeOutcome> {
    if shift.kind != ShiftKind::Practice {
        return None;
    }
    let record = known.view.practice_history.iter().rev().find(|record| record.id == shift.id);
    let judged = record.map(|record| match record.outcome {
        hf_control::PracticeOutcome::Pending => PracticeOutcome::Pending,
        hf_control::PracticeOutcome::Succeeded => PracticeOutcome::Succeeded,
        hf_control::PracticeOutcome::Failed => PracticeOutcome::Failed,
        hf_control::PracticeOutcome::Interrupted => PracticeOutcome::Interrupted,
        hf_control::PracticeOutcome::CapacityCheckFailed => PracticeOutcome::CapacityCheckFailed,
    });
    Some(judged.unwrap_or(match shift.state {
        ShiftState::Active => PracticeOutcome::Pending,
        ShiftState::Expired(_) | ShiftState::Completed(_) => PracticeOutcome::Succeeded,
        ShiftState::Canceled(_) | ShiftState::Interrupted(_) => PracticeOutcome::Interrupted,
    }))
}

/// What was decided for a resource: of records their own decisions, where they have some.
fn decisions<'a>(snapshot: &'a Snapshot, resource: &ResourceArn) -> Vec<&'a PoolDecision> {
    let (estate, decision) = (&snapshot.estate, &snapshot.decision);
    match resource {
        ResourceArn::Record(name) => {
            let records = estate.records.iter().enumerate().filter(|(_, record)| record.name == *name);
            records.map(|(at, record)| decision.for_record(at, record.pool)).collect()
        }
        _ => pools(estate, resource).into_iter().map(|pool| &decision.pools[pool.at()]).collect(),
    }
}

/// Away only by acts of people, health apart: of a region by those on everything in a zone, of a record of several types if one of them is
/// away.
fn weights(snapshot: &Snapshot, resource: &ResourceArn) -> BTreeMap<ZoneId, AppliedWeight> {
    let estate = &snapshot.estate;
    let decisions = decisions(snapshot, resource);
    let by_act = |state, reason: &Reason| {
        state == ZoneState::Away && !matches!(reason, Reason::Impaired | Reason::AllDown)
    };
    let is_away = |zone: ZoneIx| match resource {
        ResourceArn::Region(_) => {
            snapshot.decision.zones.get(zone.at()).is_some_and(|of| by_act(of.state, &of.reason))
        }
        ResourceArn::Pool(_) | ResourceArn::Record(_) => {
            let mut here = decisions.iter().filter_map(|decision| decision.zone(zone));
            here.any(|of| by_act(of.state, &of.reason))
        }
    };
    let weigh = |zone| {
        let weight = if is_away(zone) { AppliedWeight::Away } else { AppliedWeight::In };
        (estate.zone(zone).id.clone(), weight)
    };
    zones(estate, resource).into_iter().map(weigh).collect()
}

/// The autoshifts among the active shifts that act on a resource.
fn autoshifts_at(known: &Known, snapshot: &Snapshot, resource: &ResourceArn) -> Vec<AutoshiftInResource> {
    let of_this = shifts_at(known, snapshot, resource).into_iter();
    let automatic = of_this.filter(|shift| shift.shift_type == ShiftType::ZonalAutoshift);
    automatic
        .map(|shift| AutoshiftInResource {
            applied_status: shift.applied_status,
            away_from: shift.away_from,
            start_time: shift.start_time,
        })
        .collect()
}

/// Active shifts that act on a resource, wider ones too.
fn shifts_at(known: &Known, snapshot: &Snapshot, resource: &ResourceArn) -> Vec<ZonalShiftInResource> {
    let of = zones(&snapshot.estate, resource);
    let asked = scope(resource);
    let behind: Vec<&PoolName> =
        pools(&snapshot.estate, resource).into_iter().map(|pool| &snapshot.estate.pool(pool).name).collect();
    let acts = |shift: &&Shift| {
        let is_here = snapshot.estate.zone_named(&shift.zone).is_some_and(|zone| of.contains(&zone));
        let meets = match resource {
            // A region's own shifts are those on everything; those on single pools are the pools'.
            ResourceArn::Region(_) => shift.scope == Scope::Everything,
            ResourceArn::Pool(_) => shift.scope == asked || shift.scope == Scope::Everything,
            ResourceArn::Record(_) => match &shift.scope {
                Scope::Everything => true,
                Scope::Pool(name) => behind.contains(&name),
                Scope::Record(_) => shift.scope == asked,
            },
        };
        shift.state == ShiftState::Active && is_here && meets
    };
    let of_this = known.view.shifts.iter().filter(acts);
    of_this
        .map(|shift| ZonalShiftInResource {
            applied_status: applied(snapshot, resource, shift),
            zonal_shift_id: shift.id.clone(),
            resource_identifier: resource_of(known, shift),
            away_from: shift.zone.clone(),
            expiry_time: shift.ends_at.into(),
            start_time: shift.started_at.into(),
            comment: shift.reason.clone(),
            shift_type: shift_type(shift.kind),
            practice_run_outcome: outcome(known, shift),
        })
        .collect()
}

/// What this node has decided; an entry that it has not decided on yet was accepted, and will have its effect.
fn applied(snapshot: &Snapshot, resource: &ResourceArn, shift: &Shift) -> AppliedStatus {
    if snapshot.intent.revision < shift.revision {
        return AppliedStatus::Applied;
    }
    let Some(zone) = snapshot.estate.zone_named(&shift.zone) else { return AppliedStatus::NotApplied };
    let is_own = |reason: &Reason| match reason {
        Reason::Shifted { id, .. } | Reason::Practice { id, .. } | Reason::Autoshift { id, .. } => {
            *id == shift.id
        }
        _ => false,
    };
    let of_zone = snapshot.decision.zones.get(zone.at());
    let is_of_zone =
        matches!(resource, ResourceArn::Region(_)) && of_zone.is_some_and(|of| is_own(&of.reason));
    let mut here = decisions(snapshot, resource).into_iter().filter_map(|decision| decision.zone(zone));
    if is_of_zone || here.any(|of| is_own(&of.reason)) {
        AppliedStatus::Applied
    } else {
        AppliedStatus::NotApplied
    }
}

fn summary(known: &Known, snapshot: &Snapshot, resource: &ResourceArn) -> ManagedResourceSummary {
    let practice = practice(known, resource);
    let zones = zones(&snapshot.estate, resource).into_iter();
    ManagedResourceSummary {
        arn: resource.clone(),
        name: resource.name(),
        availability_zones: zones.map(|zone| snapshot.estate.zone(zone).id.clone()).collect(),
        applied_weights: weights(snapshot, resource),
        zonal_shifts: shifts_at(known, snapshot, resource),
        autoshifts: autoshifts_at(known, snapshot, resource),
        zonal_autoshift_status: autoshift(practice),
        practice_run_status: if practice.is_some() { Enablement::Enabled } else { Enablement::Disabled },
    }
}

fn practice<'a>(known: &'a Known, resource: &ResourceArn) -> Option<&'a Practice> {
    known.view.practices.get(&managed(resource))
}

fn autoshift(practice: Option<&Practice>) -> Enablement {
    practice.map_or(Enablement::Disabled, |practice| enablement(practice.autoshift))
}

fn enablement(setting: Autoshift) -> Enablement {
    match setting {
        Autoshift::Enabled => Enablement::Enabled,
        // AWS has no word for it: nothing moves.
        Autoshift::Advise | Autoshift::Disabled => Enablement::Disabled,
    }
}

fn setting(asked: Enablement) -> Autoshift {
    match asked {
        Enablement::Enabled => Autoshift::Enabled,
        Enablement::Disabled => Autoshift::Disabled,
    }
}

fn no_practice(resource: &ResourceArn) -> ArcError {
    let message = format!("{} has no practice configuration; create one first", resource.name());
    ArcError::not_found(message, About::new(About::RESOURCE, resource))
}

async fn put_practice(
    desk: &Desk<'_>,
    resource: &ResourceArn,
    config: hf_control::PracticeConfig,
    expect: Expect,
) -> Result<(), Failed> {
    let command = Command::PutPractice { resource: managed(resource), config, expect };
    desk.commit(None, command).await.map(|_| ())
}

fn practice_result(desk: &Desk<'_>, resource: &ResourceArn) -> Result<PracticeResult, ArcError> {
    let known = desk.known_here();
    let found = practice(&known, resource);
    let Some(found) = found else {
        let message = format!("the configuration of {} has just been deleted", resource.name());
        return Err(ArcError::shift_conflict(
            ConflictReason::PracticeConfigurationDoesNotExist,
            message,
            None,
        ));
    };
    Ok(PracticeResult {
        arn: resource.clone(),
        name: resource.name(),
        zonal_autoshift_status: enablement(found.autoshift),
        practice_run_configuration: to_wire(&found.config),
    })
}

/// Windows and dates are written alike on both sides.
fn from_wire(config: &hf_arc::practice::PracticeConfig) -> Result<hf_control::PracticeConfig, ArcError> {
    let alarms =
        |alarms: &[hf_arc::practice::Alarm]| alarms.iter().map(|alarm| alarm.identifier.clone()).collect();
    let bad = |error: &dyn std::fmt::Display| {
        ArcError::invalid("practiceRunConfiguration", ValidationReason::InvalidPracticeWindows, error)
    };
    let windows = |windows: &[hf_arc::practice::Window]| {
        let read = |window: &hf_arc::practice::Window| hf_control::Window::parse(&window.to_string());
        windows.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(|error| bad(&error))
    };
    let dates = config.blocked_dates.iter().map(|date| hf_control::Date::parse(&date.to_string()));
    Ok(hf_control::PracticeConfig {
        outcome_alarms: alarms(&config.outcome_alarms),
        blocking_alarms: alarms(&config.blocking_alarms),
        blocked_windows: windows(&config.blocked_windows)?,
        allowed_windows: windows(&config.allowed_windows)?,
        blocked_dates: dates.collect::<Result<_, _>>().map_err(|error| bad(&error))?,
    })
}

fn to_wire(config: &hf_control::PracticeConfig) -> hf_arc::practice::PracticeConfig {
    let alarms = |alarms: &[String]| {
        alarms.iter().map(|identifier| hf_arc::practice::Alarm { identifier: identifier.clone() }).collect()
    };
    let windows = |windows: &[hf_control::Window]| {
        windows.iter().filter_map(|window| hf_arc::practice::Window::parse(&window.to_string())).collect()
    };
    let dates = config.blocked_dates.iter();
    hf_arc::practice::PracticeConfig {
        outcome_alarms: alarms(&config.outcome_alarms),
        blocking_alarms: alarms(&config.blocking_alarms),
        blocked_windows: windows(&config.blocked_windows),
        allowed_windows: windows(&config.allowed_windows),
        blocked_dates: dates.filter_map(|date| hf_arc::practice::Date::parse(&date.to_string())).collect(),
    }
}
