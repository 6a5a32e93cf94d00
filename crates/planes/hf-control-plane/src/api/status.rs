//! Status, liveness, and the API's own description.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hf_api::{Problem, Status};

use super::SharedState;
use super::refusal::{Answer, Refused};
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
        estate_file_problem: context.estate_file_problem.borrow().clone(),
    }))
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
