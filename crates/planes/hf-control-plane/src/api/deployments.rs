//! `/v1/deployments`: marks of zones that are being deployed to, for release pipelines.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{Deployments, Problem, StartDeployment, WriteDone};
use hf_control::Command;
use hf_model::ZoneId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::{Query, Small};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, field, length, scope, tagged, zone};
use crate::deployments::{self, Asked};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EndQuery {
    /// A zone's id or alias.
    zone: String,
    /// `everything` (the default) or `pool/NAME`.
    #[serde(default = "hf_api::shift::everything")]
    resource: String,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// Zones that count as being deployed to: those that somebody told, and those where the answering node saw endpoints come or go.
#[utoipa::path(get, operation_id = "list_deployments", path = "/v1/deployments", tag = "deployments",
    responses((status = 200, body = Deployments)))]
pub async fn list(State(shared): SharedState) -> Json<Deployments> {
    let context = &shared.context;
    let judged = context.gray.borrow().clone();
    let deployments = deployments::shown(&context.intent(), &judged, context.clock.now());
    Json(Deployments { deployments })
}

/// Mark a zone as being deployed to; again, its mark has a new end. One zone of a resource at a time.
#[utoipa::path(post, operation_id = "start_deployment", path = "/v1/deployments", tag = "deployments", request_body = StartDeployment,
    responses((status = 201, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn start(
    State(shared): SharedState,
    writer: Writer,
    Small(body): Small<StartDeployment>,
) -> Answer<Response> {
    let named = |name: &String| ZoneId::new(name).map_err(|error| field("override_zone", error));
    let zone_overrides: Vec<ZoneId> = body.override_zone.iter().map(named).collect::<Answer<_>>()?;
    let zone = zone(&body.zone)?;
    let context = &shared.context;
    let scope = scope(&body.resource)?;
    let command = Command::StartDeployment {
        zone,
        scope,
        length: length(&body.length)?,
        reason: body.reason,
        zone_overrides,
    };
    writer.may_ask(&command)?;
    if let (Some(snapshot), Command::StartDeployment { zone, scope, zone_overrides, .. }) =
        (context.snapshot(), &command)
    {
        let (asked, judged) = (Asked { zone, scope, zone_overrides }, context.gray.borrow().clone());
        deployments::check_others(&snapshot, &context.intent(), &judged, &asked, context.clock.now())
            .map_err(|refusal| Refused::before_the_ledger(refusal).of(command.to_string()))?;
    }
    let (revision, _) = writer.commit(body.request_id.as_deref(), command).await?;
    Ok(tagged(StatusCode::CREATED, revision.0, WriteDone { revision: revision.0, warning: None }))
}

/// Say that a deployment is over.
#[utoipa::path(delete, operation_id = "end_deployment", path = "/v1/deployments", tag = "deployments", params(EndQuery), responses(
    (status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn end(writer: Writer, Query(query): Query<EndQuery>) -> Answer<Response> {
    let command = Command::EndDeployment { zone: zone(&query.zone)?, scope: scope(&query.resource)? };
    let (revision, _) = writer.commit(query.request_id.as_deref(), command).await?;
    Ok(tagged(StatusCode::OK, revision.0, WriteDone { revision: revision.0, warning: None }))
}
