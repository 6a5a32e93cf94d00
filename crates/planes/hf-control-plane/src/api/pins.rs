//! `/v1/pins`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{Problem, SetPin, WriteDone};
use hf_control::{Command, PinTo};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::{Query, Small};
use super::refusal::Answer;
use super::writer::{Writer, length, pools, scope, scope_in, tagged, zone};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnpinQuery {
    /// A zone's id or alias.
    zone: String,
    /// `everything` (the default), `pool/NAME` or `record/NAME.`
    #[serde(default = "hf_api::shift::everything")]
    resource: String,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// Pin a zone in or out; replaces the pin of the same zone and resource.
#[utoipa::path(post, operation_id = "set_pin", path = "/v1/pins", tag = "pins", request_body = SetPin, responses(
    (status = 201, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 503, body = Problem)))]
pub async fn pin(State(shared): SharedState, writer: Writer, Small(body): Small<SetPin>) -> Answer<Response> {
    let zone = zone(&body.zone)?;
    let command = Command::Pin {
        scope: scope_in(&shared.context, &zone, &body.resource)?,
        zone,
        to: match body.to {
            hf_api::PinTo::In => PinTo::In,
            hf_api::PinTo::Out => PinTo::Out,
        },
        length: length(&body.length)?,
        reason: body.reason,
        floor_overrides: pools(&body.override_floor)?,
    };
    let (revision, _) = writer.commit(body.request_id.as_deref(), command).await?;
    Ok(tagged(StatusCode::CREATED, revision.0, WriteDone { revision: revision.0, warning: None }))
}

/// Take a pin away.
#[utoipa::path(delete, operation_id = "clear_pin", path = "/v1/pins", tag = "pins", params(UnpinQuery), responses(
    (status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn unpin(writer: Writer, Query(query): Query<UnpinQuery>) -> Answer<Response> {
    let command = Command::Unpin { zone: zone(&query.zone)?, scope: scope(&query.resource)? };
    let (revision, _) = writer.commit(query.request_id.as_deref(), command).await?;
    Ok(tagged(StatusCode::OK, revision.0, WriteDone { revision: revision.0, warning: None }))
}
