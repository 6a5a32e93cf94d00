//! `/v1/gray`: the detectors' word on every pool's zones, and what they took.

use axum::Json;
use axum::extract::State;
use hf_api::{Gray, GrayRecording, Problem};
use hf_model::PoolName;
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::{Answer, Refused};
use super::writer::field;
use crate::gray;

/// The evidence against every zone of every pool that is watched, with the test's numbers. Detectors run on nodes with the control role.
#[utoipa::path(get, operation_id = "gray", path = "/v1/gray", tag = "status", responses((status = 200, body = Gray)))]
pub async fn gray(State(shared): SharedState) -> Json<Gray> {
    let judged = shared.context.gray.borrow().clone();
    Json(gray::told(&shared.context.node, &judged))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// The pool.
    pool: String,
    /// Seconds of Unix time: only later ones are told. Default: all that are kept.
    #[serde(default)]
    after: u64,
}

/// What the detector of a pool took lately: the lines that `holdfast detect` replays, a page of at most 60 seconds.
#[utoipa::path(get, operation_id = "gray_recording", path = "/v1/gray/recording", tag = "status", params(RecordingQuery), responses(
    (status = 200, body = GrayRecording), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn recording(
    State(shared): SharedState,
    Query(query): Query<RecordingQuery>,
) -> Answer<Json<GrayRecording>> {
    let name = query.pool.strip_prefix("pool/").unwrap_or(&query.pool);
    let name = PoolName::new(name).map_err(|error| field("pool", error))?;
    let judged = shared.context.gray.borrow().clone();
    let pool = judged.pools.get(&name).ok_or_else(|| {
        let message = format!("no detector of this node watches a pool `{name}`");
        Refused::not_found(
            message,
            "`/v1/gray` lists those that are: pools in two zones or more that have requests, on nodes with the control role",
        )
    })?;
    Ok(Json(gray::page(&shared.context.node, &name, pool, query.after)))
}
