//! Status, liveness, and the API's own description.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hf_api::{Consumers, Problem, Status};
use hf_snapshot::Snapshot;

use super::refusal::{Answer, Refused};
use super::{Context, SharedState};
use crate::consumers;
use crate::view::{self, Sources};

/// Everything at a glance, as this node sees it.
#[utoipa::path(get, operation_id = "status", path = "/v1/status", tag = "status", responses((status = 200, body = Status)))]
pub async fn status(State(shared): SharedState) -> Json<Status> {
    let context = &shared.context;
    let (snapshot, intent) = (context.snapshot(), context.intent());
    let (reports, rates) = (context.reports.borrow().clone(), shared.observed.rates());
    let known =
        |snapshot: &std::sync::Arc<hf_snapshot::Snapshot>| context.carried.capacities(&snapshot.estate);
    let capacities = snapshot.as_ref().map(known).unwrap_or_default();
    Json(view::status(&Sources {
        node: context.node.as_str(),
        now: context.clock.now(),
        beat: context.beat,
        snapshot: snapshot.as_deref(),
        intent: &intent,
        reports: &reports,
        rates: &rates,
        capacities: &capacities,
        gray: &context.gray.borrow().clone(),
        time_to_zero: &|shift| shared.observed.time_to_zero(&shared.context, shift),
        consumers_of: &|shift| shared.observed.consumers_of(shift),
        consumers_of_act: &|act| shared.observed.consumers_of_act(act),
        consumers: worst_consumers(&shared.context, snapshot.as_deref()),
        closing_sources: crate::closing::shown(context, &shared.closing),
        estate_file_problem: context.estate_file_problem.borrow().clone(),
    }))
}

fn worst_consumers(context: &Context, snapshot: Option<&Snapshot>) -> Consumers {
    let (heard, now) = (context.consumers.borrow().clone(), context.clock.now());
    let estate = snapshot.map(|snapshot| &*snapshot.estate);
    let known = consumers::known(&heard, estate, heard.in_force, now, context.beat);
    consumers::shown(&known, heard.in_force, now, consumers::STATUS_GROUPS_MAX)
}

/// The process answers.
#[utoipa::path(get, operation_id = "live", path = "/livez", tag = "node", responses((status = 200, body = String)))]
pub async fn live() -> &'static str {
    "alive\n"
}

/// The node has a snapshot to serve.
#[utoipa::path(get, operation_id = "ready", path = "/readyz", tag = "node", responses((status = 200, body = String), (status = 503, body = Problem)))]
pub async fn ready(State(shared): SharedState) -> Answer<String> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    Ok(format!("ready: snapshot {} at revision {}\n", snapshot.number, snapshot.intent.revision))
}

/// This description.
#[utoipa::path(get, operation_id = "openapi", path = "/openapi.json", tag = "node", responses((status = 200, body = Object)))]
pub async fn openapi(State(shared): SharedState) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], shared.openapi.clone()).into_response()
}

/// A page that says where to go on.
#[utoipa::path(get, operation_id = "front", path = "/", tag = "node", responses((status = 200, body = String, content_type = "text/html")))]
pub async fn front(State(shared): SharedState) -> Html<String> {
    Html(include_str!("front.html").replace("{node}", shared.context.node.as_str()))
}
