//! `/v1/controls`: how routing controls stand, and turning them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{ControlTo, Controls, ControlsSet, Problem, SetControls};
use hf_control::{Bounded, Command, ControlRef, ControlSet, Intent, Refusal, RuleRef};
use hf_model::Switch;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Query, Small};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, field, no_ledger, pools, tagged};
use super::{Context, Shared, SharedState};
use crate::boards::{Behind, Teller};
use crate::control::SubmitError;

/// How fresh the answer must be.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FreshQuery {
    /// What this node knows will do, even if there is no quorum; without it, all that was acknowledged before is in the answer.
    #[serde(default)]
    stale: bool,
}

/// All panels with their routing controls and safety rules.
#[utoipa::path(get, operation_id = "list_controls", path = "/v1/controls", tag = "controls", params(FreshQuery), responses(
    (status = 200, body = Controls), (status = 503, body = Problem)))]
pub async fn list(State(shared): SharedState, Query(query): Query<FreshQuery>) -> Answer<Json<Controls>> {
    let intent = fresh(&shared, &query).await?;
    let behind = behind(&shared.context);
    let now = shared.context.clock.now();
    Ok(Json(Controls {
        revision: intent.revision.0,
        consistent: !query.stale,
        now_ms: now.0,
        panels: Teller { intent: &intent, behind: &behind, now }.panels(),
    }))
}

/// Turn routing controls on and off, all or none.
#[utoipa::path(post, operation_id = "set_controls", path = "/v1/controls", tag = "controls", request_body = SetControls,
    responses(
        (status = 200, body = ControlsSet, description = "Committed: it is in the ledger, in force on this node, and on its way to all others."),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn set(
    State(shared): SharedState,
    writer: Writer,
    Small(body): Small<SetControls>,
) -> Answer<Response> {
    if body.reason.trim().is_empty() {
        let message = "`reason`: there is none".to_owned();
        return Err(Refused::bad(message, "say why, for everybody who looks at it at 3 am"));
    }
    let set = |set: &hf_api::ControlSet| {
        let control: ControlRef = set.control.parse().map_err(|error| field("control", error))?;
        let to = match set.to {
            ControlTo::On => Switch::On,
            ControlTo::Off => Switch::Off,
        };
        Ok(ControlSet { control, to })
    };
    // An entry does not hold more: the ledger would never see it.
    if !(1..=Command::SETS).contains(&body.sets.len()) {
        return Err(Refused::unreadable(Refusal::BatchSize { count: body.sets.len() }));
    }
    if body.override_rules.len().max(body.override_floor.len()) > Command::OVERRIDES {
        let (what, count) = (Bounded::Overrides, Command::OVERRIDES);
        return Err(Refused::unreadable(Refusal::TooMany { what, count }));
    }
    let sets: Vec<ControlSet> = body.sets.iter().map(set).collect::<Answer<_>>()?;
    let rules =
        body.override_rules.iter().map(|rule| rule.parse().map_err(|error| field("override_rules", error)));
    let rule_overrides: Vec<RuleRef> = rules.collect::<Answer<_>>()?;
    let command = Command::SetControls {
        sets: sets.clone(),
        rule_overrides,
        floor_overrides: pools(&body.override_floor)?,
        reason: body.reason,
    };
    let (revision, _) = writer.commit(body.request_id.as_deref(), command).await?;
    let (intent, behind) = (shared.context.intent(), behind(&shared.context));
    let teller = Teller { intent: &intent, behind: &behind, now: shared.context.clock.now() };
    let controls = teller.named(sets.iter().map(|set| &set.control));
    Ok(tagged(StatusCode::OK, revision.0, ControlsSet { revision: revision.0, controls }))
}

/// The intent that a read is answered from: with all that was acknowledged before it, unless what this node knows will do.
pub async fn fresh(shared: &Shared, query: &FreshQuery) -> Answer<Arc<Intent>> {
    if query.stale {
        return Ok(shared.context.intent());
    }
    let control = shared.context.control.as_ref().ok_or_else(|| no_ledger(shared))?;
    if let Some(behind) = control.behind() {
        return Err(SubmitError::LedgerBehind(behind).into());
    }
    control.barrier().await?;
    Ok(control.intent().borrow().clone())
}

/// What stands behind the controls, by the estate that the node's planes obey.
pub fn behind(context: &Context) -> Behind {
    Behind::of(context.snapshot().as_ref().map(|snapshot| &*snapshot.estate))
}
