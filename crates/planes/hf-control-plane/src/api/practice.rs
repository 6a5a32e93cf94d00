//! `/v1/practice` and `/v1/autoshift`: rehearsed evacuations, when they may run, and whether an automatic shift may act.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{Practice, Practices, Problem, PutPractice, SetAutoshift, Shift, StartPractice, WriteDone};
use hf_control::{
    Autoshift, Command, Expect, Outcome, PracticeConfig, PracticeOutcome, PracticeSeen, Resource, Scope,
    ShiftKind,
};
use hf_model::{Share, ZoneId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Names, Query, Small};
use super::controls::{FreshQuery, fresh};
use super::refusal::{Answer, Refused};
use super::shifts::{answer, shown};
use super::writer::{Writer, field, no_ledger, tagged, zone};
use super::{Shared, SharedState};
use crate::control::View;
use crate::practice::NotBegun;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// All resources with a practice configuration.
#[utoipa::path(get, operation_id = "list_practices", path = "/v1/practice", tag = "practice", params(FreshQuery), responses(
    (status = 200, body = Practices), (status = 503, body = Problem)))]
pub async fn list(State(shared): SharedState, Query(query): Query<FreshQuery>) -> Answer<Json<Practices>> {
    let view = view(&shared, &query).await?;
    let practices = view.practices.iter().map(|(resource, found)| told(&shared, &view, resource, found));
    Ok(Json(Practices { practices: practices.collect() }))
}

/// One resource's practice configuration and runs.
#[utoipa::path(get, operation_id = "show_practice", path = "/v1/practice/{kind}/{name}", tag = "practice",
    params(("kind" = String, Path, description = "`region`, `pool` or `record`."), ("name" = String, Path, description = "Its name."), FreshQuery),
    responses((status = 200, body = Practice), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn show(
    State(shared): SharedState,
    Names(names): Names<2>,
    Query(query): Query<FreshQuery>,
) -> Answer<Response> {
    let resource = resource(&names)?;
    let view = view(&shared, &query).await?;
    let found = view.practices.get(&resource).ok_or_else(|| {
        let message = format!("`{resource}` has no practice configuration");
        Refused::not_found(message, "`holdfast practice list` shows who has one")
    })?;
    Ok(tagged(StatusCode::OK, found.revision.0, told(&shared, &view, &resource, found)))
}

/// Say when practice runs of a resource may run, all of it anew.
#[utoipa::path(put, operation_id = "put_practice", path = "/v1/practice/{kind}/{name}", tag = "practice", request_body = PutPractice,
    params(("kind" = String, Path, description = "`region`, `pool` or `record`."), ("name" = String, Path, description = "Its name.")),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn put(
    writer: Writer,
    Names(names): Names<2>,
    Small(body): Small<PutPractice>,
) -> Answer<Response> {
    fn all<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, texts: &[String]) -> Answer<Vec<T>> {
        texts.iter().map(|text| text.parse().map_err(|error| field(name, error))).collect()
    }
    let config = PracticeConfig {
        blocked_windows: all("blocked_windows", &body.blocked_windows)?,
        allowed_windows: all("allowed_windows", &body.allowed_windows)?,
        blocked_dates: all("blocked_dates", &body.blocked_dates)?,
        outcome_alarms: body.outcome_alarms,
        blocking_alarms: body.blocking_alarms,
    };
    let command = Command::PutPractice { resource: resource(&names)?, config, expect: Expect::Any };
    done(writer, body.request_id.as_deref(), command).await
}

/// Take a resource's practice configuration away.
#[utoipa::path(delete, operation_id = "delete_practice", path = "/v1/practice/{kind}/{name}", tag = "practice",
    params(("kind" = String, Path, description = "`region`, `pool` or `record`."), ("name" = String, Path, description = "Its name."), DeleteQuery),
    responses((status = 200, body = WriteDone), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn delete(
    writer: Writer,
    Names(names): Names<2>,
    Query(query): Query<DeleteQuery>,
) -> Answer<Response> {
    let command = Command::DeletePractice { resource: resource(&names)? };
    done(writer, query.request_id.as_deref(), command).await
}

/// Begin a practice run of 30 minutes; it is a shift of the kind `practice`.
#[utoipa::path(post, operation_id = "start_practice", path = "/v1/practice/{kind}/{name}/runs", tag = "practice", request_body = StartPractice,
    params(("kind" = String, Path, description = "`region`, `pool` or `record`."), ("name" = String, Path, description = "Its name.")),
    responses((status = 201, body = Shift), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn start(
    State(shared): SharedState,
    writer: Writer,
    Names(names): Names<2>,
    Small(body): Small<StartPractice>,
) -> Answer<Response> {
    let (resource, zone) = (resource(&names)?, zone(&body.zone)?);
    let (by, control) = (writer.by(), writer.control().clone());
    let command =
        Command::StartPractice { resource: resource.clone(), zone: zone.clone(), reason: body.reason };
    writer.may_ask(&command)?;
    let headroom = match ready(&shared, &resource, &zone)? {
        Ok(headroom) => headroom,
        Err(why) => {
            crate::practice::record_refused(&control, by, resource, zone, why.to_string()).await;
            return Err(held_up(&why));
        }
    };
    let shift = match writer.submit(body.request_id.as_deref(), command).await? {
        Outcome::Done { shift, .. } => shift,
        Outcome::Refused(refusal) => {
            if crate::practice::is_of_the_moment(&refusal) {
                crate::practice::record_refused(&control, by, resource, zone, refusal.to_string()).await;
            }
            return Err(refusal.into());
        }
    };
    if let (Some(shift), Some(headroom)) = (&shift, headroom) {
        let seen = PracticeSeen { headroom_before: Some(headroom), ..PracticeSeen::default() };
        let command = Command::RecordPractice { id: shift.id.clone(), seen };
        let request = super::writer::request_id_or_new(None)?;
        if let Err(error) = control.submit(by, request, command).await {
            tracing::warn!(%error, id = %shift.id, "the headroom before a practice run is not in the ledger");
        }
    }
    answer(&shared, StatusCode::CREATED, shift)
}

/// Say whether automatic shifts may act on a resource, or advise alone.
#[utoipa::path(put, operation_id = "set_autoshift", path = "/v1/autoshift/{kind}/{name}", tag = "practice", request_body = SetAutoshift,
    params(("kind" = String, Path, description = "`region`, `pool` or `record`."), ("name" = String, Path, description = "Its name.")),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn autoshift(
    writer: Writer,
    Names(names): Names<2>,
    Small(body): Small<SetAutoshift>,
) -> Answer<Response> {
    let to = match body.to {
        hf_api::Autoshift::On => Autoshift::Enabled,
        hf_api::Autoshift::Advise => Autoshift::Advise,
        hf_api::Autoshift::Off => Autoshift::Disabled,
    };
    let command = Command::SetAutoshift { resource: resource(&names)?, to };
    done(writer, body.request_id.as_deref(), command).await
}

async fn done(writer: Writer, request_id: Option<&str>, command: Command) -> Answer<Response> {
    let (revision, _) = writer.commit(request_id, command).await?;
    Ok(tagged(StatusCode::OK, revision.0, WriteDone { revision: revision.0, warning: None }))
}

fn resource([kind, name]: &[String; 2]) -> Answer<Resource> {
    format!("{kind}/{name}").parse().map_err(Refused::unreadable)
}

/// Whether alarms and capacity let a run begin, and the headroom that it would leave. What the ledger would refuse is left to it.
fn ready(shared: &Shared, resource: &Resource, zone: &ZoneId) -> Answer<Result<Option<Share>, NotBegun>> {
    let control = shared.context.control.as_ref().ok_or_else(|| no_ledger(shared))?;
    let view = control.view();
    let (Some(snapshot), Some(found)) = (shared.context.snapshot(), view.practices.get(resource)) else {
        return Ok(Ok(None));
    };
    let Some(zone) = snapshot.estate.zone_named(zone) else { return Ok(Ok(None)) };
    let is_under_way = |record: &hf_control::PracticeRecord| {
        record.resource == *resource && record.outcome == PracticeOutcome::Pending
    };
    if view.practice_history.iter().any(is_under_way) {
        return Ok(Ok(None)); // asked again, it has its first answer; asked anew, the ledger refuses it
    }
    let of = (resource, &found.config);
    Ok(crate::practice::check_before(&shared.context, &shared.observed, &snapshot, of, zone))
}

fn held_up(why: &NotBegun) -> Refused {
    let mend = match why {
        NotBegun::Alarm(_) => "wait until it is quiet again; nothing was changed",
        NotBegun::Capacity { .. } => "add capacity there, or wait for less traffic; nothing was changed",
    };
    Refused::new(StatusCode::CONFLICT, hf_api::code::REFUSED, why.to_string(), mend)
}

/// Settings are not in the intent, since no node obeys them: only nodes with a ledger know them.
async fn view(shared: &Shared, query: &FreshQuery) -> Answer<std::sync::Arc<View>> {
    let control = shared.context.control.as_ref().ok_or_else(|| no_ledger(shared))?;
    fresh(shared, query).await?;
    Ok(control.view())
}

fn told(shared: &Shared, view: &View, resource: &Resource, found: &hf_control::Practice) -> Practice {
    let config = &found.config;
    let estate = shared.context.snapshot().map(|snapshot| snapshot.estate.clone());
    let is_ours = |shift: &&hf_control::Shift| {
        shift.kind == ShiftKind::Practice
            && match (resource, &shift.scope) {
                (Resource::Pool(pool), Scope::Pool(of)) => pool == of,
                (Resource::Record(name), Scope::Record(of)) => name == of,
                (Resource::Region(region), Scope::Everything) => estate.as_ref().is_some_and(|estate| {
                    let zone = estate.zone_named(&shift.zone).map(|at| estate.zone(at));
                    zone.is_some_and(|zone| estate.regions[zone.region.at()].id == *region)
                }),
                _ => false,
            }
    };
    Practice {
        resource: resource.to_string(),
        autoshift: match found.autoshift {
            Autoshift::Enabled => hf_api::Autoshift::On,
            Autoshift::Advise => hf_api::Autoshift::Advise,
            Autoshift::Disabled => hf_api::Autoshift::Off,
        },
        config: hf_api::PracticeConfig {
            outcome_alarms: config.outcome_alarms.clone(),
            blocking_alarms: config.blocking_alarms.clone(),
            blocked_windows: texts(&config.blocked_windows),
            allowed_windows: texts(&config.allowed_windows),
            blocked_dates: texts(&config.blocked_dates),
        },
        runs: view.shifts.iter().filter(is_ours).map(|shift| shown(shared, shift)).collect(),
        history: view
            .practice_history
            .iter()
            .filter(|record| record.resource == *resource)
            .map(record)
            .collect(),
        refused: view
            .practice_refusals
            .iter()
            .filter(|refusal| refusal.resource == *resource)
            .map(refused)
            .collect(),
        next_at_ms: next_at(shared, view, resource, found),
        unknown_alarms: estate
            .as_ref()
            .map_or_else(Vec::new, |estate| crate::practice::alarms::unknown(estate, config)),
        not_begun: shared.held.of(resource).map(|(at, why)| format!("{}: {why}", hf_api::instant(at.0))),
        revision: found.revision.0,
    }
}

/// When the next run is due: in this week, or in the next if this week has had its own or has none.
fn next_at(shared: &Shared, view: &View, resource: &Resource, found: &hf_control::Practice) -> Option<u64> {
    let now = shared.context.clock.now();
    let (_, began_at) = hf_practice::week_of(now);
    let has_run =
        |record: &hf_control::PracticeRecord| record.resource == *resource && record.started_at >= began_at;
    let this_week = hf_practice::slot(resource, found, now);
    let is_over = view.practice_history.iter().any(has_run);
    let next_week = || hf_practice::slot(resource, found, now.plus(std::time::Duration::from_hours(168)));
    this_week.filter(|_| !is_over).or_else(next_week).map(|at| at.0)
}

fn refused(of: &hf_control::PracticeRefusal) -> hf_api::PracticeRefused {
    hf_api::PracticeRefused {
        zone: of.zone.to_string(),
        why: of.why.clone(),
        by: of.by.to_string(),
        first_at_ms: of.first_at.0,
        last_at_ms: of.last_at.0,
        times: of.times,
    }
}

fn record(of: &hf_control::PracticeRecord) -> hf_api::PracticeRun {
    hf_api::PracticeRun {
        id: of.id.to_string(),
        zone: of.zone.to_string(),
        started_at_ms: of.started_at.0,
        ended_at_ms: of.ended_at.map(|at| at.0),
        outcome: match of.outcome {
            PracticeOutcome::Pending => hf_api::PracticeOutcome::Pending,
            PracticeOutcome::Succeeded => hf_api::PracticeOutcome::Succeeded,
            PracticeOutcome::Failed => hf_api::PracticeOutcome::Failed,
            PracticeOutcome::Interrupted => hf_api::PracticeOutcome::Interrupted,
            PracticeOutcome::CapacityCheckFailed => hf_api::PracticeOutcome::CapacityCheckFailed,
        },
        why: of.why.clone(),
        time_to_zero_ms: of.seen.time_to_zero_ms,
        headroom_before_ppm: of.seen.headroom_before.map(Share::ppm),
        headroom_during_ppm: of.seen.headroom_during.map(Share::ppm),
        headroom_after_ppm: of.seen.headroom_after.map(Share::ppm),
    }
}

fn texts<T: ToString>(of: &[T]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}
