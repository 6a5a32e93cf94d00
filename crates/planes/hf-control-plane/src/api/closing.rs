//! `GET /v1/closing-sources`: what stores outside say of zones.

use axum::Json;
use axum::extract::State;
use hf_api::ClosingSources;

use super::SharedState;

/// What the stores of every closing source say, what follows of it, and which shift it is. Told in full by the node that looks (`acts_here`).
#[utoipa::path(get, operation_id = "list_closing_sources", path = "/v1/closing-sources", tag = "status", responses(
    (status = 200, body = ClosingSources)))]
pub async fn list(State(shared): SharedState) -> Json<ClosingSources> {
    Json(crate::closing::shown(&shared.context, &shared.closing))
}
