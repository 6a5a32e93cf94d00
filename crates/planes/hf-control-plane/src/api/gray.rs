//! `/v1/gray`: the detectors' word on every pool's zones.

use axum::Json;
use axum::extract::State;
use hf_api::Gray;

use super::SharedState;
use crate::gray;

/// The evidence against every zone of every pool that is watched, with the test's numbers. Detectors run on nodes with the control role.
#[utoipa::path(get, operation_id = "gray", path = "/v1/gray", tag = "status", responses((status = 200, body = Gray)))]
pub async fn gray(State(shared): SharedState) -> Json<Gray> {
    let judged = shared.context.gray.borrow().clone();
    Json(gray::told(&shared.context.node, &judged))
}
