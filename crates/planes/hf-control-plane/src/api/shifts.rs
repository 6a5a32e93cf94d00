//! `/v1/shifts`.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{Extend, Problem, Shift, ShiftKind, ShiftState, Shifts, StartShift};
use hf_control::Command;
use hf_ledger::{Journal, LedgerError};
use hf_model::{Operator, Revision, ShiftId, ZoneId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{IfMatch, Name, Query, Small};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, length, pools, scope, scope_in, tagged, zone};
use super::{Shared, SharedState};
use crate::glass;
use crate::view::{self, Heard};

/// Journal lines that are looked through for who ended a shift.
const LOOK_BACK: u64 = 20_000;
/// Of these at a time.
const PAGE: u64 = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Ended ones too, the newest thousand. Only nodes with the control role remember them.
    #[serde(default)]
    all: bool,
    /// Only of this zone, by id or alias.
    zone: Option<String>,
    /// Only of this resource: `everything`, `pool/NAME` or `record/NAME.`
    resource: Option<String>,
    /// Only in this state: `active`, `canceled`, `expired` or `interrupted`; an ended state asks for ended ones by itself.
    state: Option<ShiftState>,
    /// Only of this kind: `zonal`, `break-glass` or `practice`.
    kind: Option<ShiftKind>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WriteQuery {
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// A shift as this node sees it.
pub fn shown(shared: &Shared, shift: &hf_control::Shift) -> Shift {
    let context = &shared.context;
    let (snapshot, reports) = (context.snapshot(), context.reports.borrow().clone());
    let heard = Heard { reports: &reports, now: context.clock.now(), beat: context.beat };
    let time_to_zero = shared.observed.time_to_zero(context, shift);
    view::shift(shift, snapshot.as_deref(), &heard, time_to_zero, shared.observed.consumers_of(shift))
}

/// The same with who ended them, as far as the journal goes back: the entry that last changed an ended shift is the one that ended it.
async fn with_ender(shared: &Shared, mut shifts: Vec<Shift>) -> Vec<Shift> {
    let is_ended_by_somebody =
        |shift: &Shift| matches!(shift.state, ShiftState::Canceled | ShiftState::Interrupted);
    let ended = shifts.iter().filter(|shift| is_ended_by_somebody(shift));
    let wanted: BTreeSet<Revision> = ended.map(|shift| Revision(shift.revision)).collect();
    if wanted.is_empty() || shared.context.ledger().is_none() {
        return shifts;
    }
    // Who it was is worth a look, and no failure of the answer.
    let found = who_asked(&*shared.context.journal, wanted).await.unwrap_or_default();
    for shift in shifts.iter_mut().filter(|shift| is_ended_by_somebody(shift)) {
        shift.ended_by = found.get(&Revision(shift.revision)).map(ToString::to_string);
    }
    shifts
}

/// Who asked for these entries, by the newest [`LOOK_BACK`] lines of the journal.
pub(crate) async fn who_asked(
    journal: &dyn Journal,
    mut wanted: BTreeSet<Revision>,
) -> Result<BTreeMap<Revision, Operator>, LedgerError> {
    let newest = journal.newest_position().await?;
    let mut found = BTreeMap::new();
    let mut before = newest;
    while !wanted.is_empty() && before > 0 && newest - before < LOOK_BACK {
        let after = before.saturating_sub(PAGE);
        let page = journal.read(after, PAGE as usize).await?;
        for line in page.iter().filter(|line| line.position <= before) {
            let Some(revision) = line.revision.filter(|revision| wanted.contains(revision)) else { continue };
            if let Ok(line) = hf_codec::decode_entry_line(&line.bytes) {
                found.insert(revision, line.by);
                wanted.remove(&revision);
            }
        }
        before = after;
    }
    Ok(found)
}

/// What a write of a shift answers.
pub fn answer(shared: &Shared, status: StatusCode, shift: Option<hf_control::Shift>) -> Answer<Response> {
    let shift = shift.ok_or_else(|| {
        // The same request id was used for something that is not a shift.
        Refused::bad(
            "this request_id belongs to another request",
            "use a new one for each thing that you want",
        )
    })?;
    Ok(tagged(status, shift.revision.0, shown(shared, &shift)))
}

/// Shifts in force, oldest first; with `all` or an ended `state` those that have ended too.
#[utoipa::path(get, operation_id = "list_shifts", path = "/v1/shifts", tag = "shifts", params(ListQuery), responses(
    (status = 200, body = Shifts), (status = 400, body = Problem)))]
pub async fn list(State(shared): SharedState, Query(query): Query<ListQuery>) -> Answer<Json<Shifts>> {
    let context = &shared.context;
    let wants_ended = query.all || query.state.is_some_and(|state| state != ShiftState::Active);
    let found = match (context.ledger(), wants_ended) {
        (Some(control), true) => control.view().shifts.clone(),
        _ => context.intent().shifts.clone(),
    };
    let named = query.zone.as_deref().map(zone).transpose()?;
    // An alias means its zone; a zone that the estate does not have any more may be that of an ended shift.
    let named = named.map(|named| {
        let snapshot = context.snapshot();
        let known = snapshot
            .as_ref()
            .and_then(|snapshot| Some(snapshot.estate.zone(snapshot.estate.zone_named(&named)?).id.clone()));
        known.unwrap_or(named)
    });
    let resource = query.resource.as_deref().map(scope).transpose()?;
    let is_wanted = |shift: &&hf_control::Shift| {
        named.as_ref().is_none_or(|zone| shift.zone == *zone)
            && resource.as_ref().is_none_or(|resource| shift.scope == *resource)
    };
    let is_shown = |shift: &Shift| {
        query.state.is_none_or(|state| shift.state == state)
            && query.kind.is_none_or(|kind| shift.kind == kind)
    };
    let listed = |shift| {
        let shown = shown(&shared, shift);
        Shift { consumers: view::in_a_list(shown.consumers), ..shown }
    };
    let shifts = found.iter().filter(is_wanted).map(listed).filter(is_shown).collect();
    let shifts = with_ender(&shared, shifts).await;
    let reports = context.reports.borrow().clone();
    let heard = Heard { reports: &reports, now: context.clock.now(), beat: context.beat };
    let consumers_of = |act: &hf_control::BreakGlassShift| shared.observed.consumers_of_act(act);
    let mut break_glass =
        glass::shown(context.snapshot().as_deref(), &context.intent(), &heard, &consumers_of);
    break_glass.retain(|shift| {
        named.as_ref().is_none_or(|zone| shift.zone == zone.as_str())
            && resource.as_ref().is_none_or(|resource| *resource == hf_control::Scope::Everything)
            && query.state.is_none_or(|state| state == ShiftState::Active)
            && query.kind.is_none_or(|kind| kind == ShiftKind::BreakGlass)
    });
    Ok(Json(Shifts { shifts, ended_listed: wants_ended && context.ledger().is_some(), break_glass }))
}

/// One shift.
#[utoipa::path(get, operation_id = "show_shift", path = "/v1/shifts/{id}", tag = "shifts",
    params(("id" = String, Path, description = "Such as `shift-42`.")),
    responses((status = 200, body = Shift), (status = 404, body = Problem)))]
pub async fn show(State(shared): SharedState, Name(id): Name) -> Answer<Response> {
    let found = match shared.context.ledger() {
        Some(control) => control.view().shifts.iter().find(|shift| shift.id.as_str() == id).cloned(),
        None => shared.context.intent().shifts.iter().find(|shift| shift.id.as_str() == id).cloned(),
    };
    if let Some(shift) = found {
        let shown = with_ender(&shared, vec![shown(&shared, &shift)]).await.pop();
        return Ok(tagged(StatusCode::OK, shift.revision.0, shown));
    }
    if let Some(refused) = zones_shift(&shared, &id) {
        return Err(refused);
    }
    let id: String = id.chars().take(63).collect();
    let mend = if shared.context.ledger().is_some() {
        "`holdfast shift list --all` shows active and ended ones"
    } else {
        "this node knows active ones only; ask a node with the role `control` for ended ones"
    };
    Err(Refused::not_found(format!("there is no shift `{id}`"), mend))
}

/// Evacuate a zone, or take one pool or record out of it.
#[utoipa::path(post, operation_id = "start_shift", path = "/v1/shifts", tag = "shifts", request_body = StartShift, responses(
    (status = 201, body = Shift, description = "Committed: it is in the ledger, in force on this node, and on its way to all others.",
        headers(("ETag" = String, description = "The revision that last changed it."))),
    (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn start(
    State(shared): SharedState,
    writer: Writer,
    Small(body): Small<StartShift>,
) -> Answer<Response> {
    let zone = zone(&body.zone)?;
    let command = Command::StartShift {
        scope: scope_in(&shared.context, &zone, &body.resource)?,
        zone,
        length: length(&body.length)?,
        reason: body.reason,
        floor_overrides: pools(&body.override_floor)?,
    };
    let (_, shift) = writer.commit(body.request_id.as_deref(), command).await?;
    answer(&shared, StatusCode::CREATED, shift)
}

/// Give a shift a new end, counted from now.
#[utoipa::path(post, operation_id = "extend_shift", path = "/v1/shifts/{id}/extend", tag = "shifts", request_body = Extend,
    params(("id" = String, Path, description = "Such as `shift-42`."),
        ("If-Match" = Option<String>, Header, description = "Only if this revision last changed it.")),
    responses((status = 200, body = Shift), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 503, body = Problem)))]
pub async fn extend(
    State(shared): SharedState,
    writer: Writer,
    Name(id): Name,
    IfMatch(if_match): IfMatch,
    Small(body): Small<Extend>,
) -> Answer<Response> {
    let command = Command::UpdateShift {
        id: named(&shared, &id)?,
        length: Some(length(&body.length)?),
        reason: None,
        if_match: if_match.map(Revision),
    };
    let (_, shift) = writer.commit(body.request_id.as_deref(), command).await?;
    answer(&shared, StatusCode::OK, shift)
}

/// End a shift now.
#[utoipa::path(delete, operation_id = "cancel_shift", path = "/v1/shifts/{id}", tag = "shifts",
    params(("id" = String, Path, description = "Such as `shift-42`."), WriteQuery,
        ("If-Match" = Option<String>, Header, description = "Only if this revision last changed it.")),
    responses((status = 200, body = Shift), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 503, body = Problem)))]
pub async fn cancel(
    State(shared): SharedState,
    writer: Writer,
    Name(id): Name,
    IfMatch(if_match): IfMatch,
    Query(query): Query<WriteQuery>,
) -> Answer<Response> {
    let command = Command::CancelShift { id: named(&shared, &id)?, if_match: if_match.map(Revision) };
    let (_, shift) = writer.commit(query.request_id.as_deref(), command).await?;
    answer(&shared, StatusCode::OK, shift)
}

fn named(shared: &Shared, id: &str) -> Answer<ShiftId> {
    if let Some(refused) = zones_shift(shared, id) {
        return Err(refused);
    }
    ShiftId::new(id).map_err(Refused::unreadable)
}

/// In a hurry one names the zone: the refusal names its shifts.
fn zones_shift(shared: &Shared, id: &str) -> Option<Refused> {
    let asked = ZoneId::new(id).ok()?;
    let snapshot = shared.context.snapshot()?;
    let zone = &snapshot.estate.zone(snapshot.estate.zone_named(&asked)?).id;
    let intent = shared.context.intent();
    let found: Vec<String> = intent
        .shifts
        .iter()
        .filter(|shift| shift.zone == *zone)
        .map(|shift| format!("`{}`", shift.id))
        .collect();
    (!found.is_empty()).then(|| {
        let (message, found) = (format!("`{asked}` is a zone, not a shift"), found.join(" and "));
        Refused::not_found(message, format!("its traffic is taken away by {found}: name that"))
    })
}
