//! `/v1/panels`: control panels, routing controls and safety rules that are made over the API, in the built-in cluster.
//!
//! A `PUT` makes what is not there and changes what is; the ledger judges it on the state that it changes, so two callers that
//! make the same thing at once get one thing and one refusal.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{
    ControlPanel, Problem, PutNamed, PutRule, RoutingControl, RuleKind, SafetyRule, Wants, WriteDone,
};
use hf_config::estate::{Enough, RuleTest};
use hf_control::{Board, BoardCommand, Command, Intent, Panel, Tags};
use hf_model::{ControlId, ControlName};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::{Name, Names, Query, Small};
use super::controls::{FreshQuery, behind, fresh};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, field, length, tagged};
use crate::boards::Teller;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// One panel of the built-in cluster.
#[utoipa::path(get, operation_id = "show_panel", path = "/v1/panels/{panel}", tag = "controls",
    params(("panel" = String, Path, description = "Its name."), FreshQuery),
    responses((status = 200, body = ControlPanel), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn show_panel(
    State(shared): SharedState,
    Name(panel): Name,
    Query(query): Query<FreshQuery>,
) -> Answer<Response> {
    let intent = fresh(&shared, &query).await?;
    let panel = found_panel(&intent, &name(&panel)?)?;
    let (behind, now) = (behind(&shared.context), shared.context.clock.now());
    let told = Teller { intent: &intent, behind: &behind, now }.panel(panel);
    Ok(tagged(StatusCode::OK, told.revision, told))
}

/// Make a control panel, or rename it.
#[utoipa::path(put, operation_id = "put_panel", path = "/v1/panels/{panel}", tag = "controls", request_body = PutNamed,
    params(("panel" = String, Path, description = "Its name.")), responses(
    (status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn put_panel(
    State(shared): SharedState,
    writer: Writer,
    Name(panel): Name,
    Small(body): Small<PutNamed>,
) -> Answer<Response> {
    let intent = shared.context.intent();
    let (old, new) = (name(&panel)?, renamed(body.rename.as_deref())?);
    let command = match (panel_named(&intent, &old), new) {
        (Some(panel), new) => BoardCommand::RenamePanel { id: panel.id, name: new.unwrap_or(old) },
        (None, None) => BoardCommand::CreatePanel {
            cluster: intent.board.built_in_cluster(intent.estate_id),
            name: old,
            tags: Tags::new(),
        },
        (None, Some(_)) => return Err(no_panel(&intent, &old)),
    };
    done(writer, body.request_id.as_deref(), command).await
}

/// Remove an empty control panel.
#[utoipa::path(delete, operation_id = "delete_panel", path = "/v1/panels/{panel}", tag = "controls",
    params(("panel" = String, Path, description = "Its name."), DeleteQuery), responses(
    (status = 200, body = WriteDone), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn delete_panel(
    State(shared): SharedState,
    writer: Writer,
    Name(panel): Name,
    Query(query): Query<DeleteQuery>,
) -> Answer<Response> {
    let id = found_panel(&shared.context.intent(), &name(&panel)?)?.id;
    done(writer, query.request_id.as_deref(), BoardCommand::DeletePanel { id }).await
}

/// One routing control.
#[utoipa::path(get, operation_id = "show_control", path = "/v1/panels/{panel}/controls/{control}", tag = "controls",
    params(("panel" = String, Path, description = "Its panel's name."), ("control" = String, Path, description = "Its name."), FreshQuery),
    responses((status = 200, body = RoutingControl), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn show_control(
    State(shared): SharedState,
    Names([panel, control]): Names<2>,
    Query(query): Query<FreshQuery>,
) -> Answer<Response> {
    let intent = fresh(&shared, &query).await?;
    let panel = found_panel(&intent, &name(&panel)?)?;
    let control = found_control(&intent.board, panel, &name(&control)?)?;
    let (behind, now) = (behind(&shared.context), shared.context.clock.now());
    let told = Teller { intent: &intent, behind: &behind, now }.control(control);
    let told = told.ok_or_else(|| Refused::not_found("it is gone", "list what there is"))?;
    Ok(tagged(StatusCode::OK, told.revision, told))
}

/// Make a routing control, which is off, or rename it.
#[utoipa::path(put, operation_id = "put_control", path = "/v1/panels/{panel}/controls/{control}", tag = "controls", request_body = PutNamed,
    params(("panel" = String, Path, description = "Its panel's name."), ("control" = String, Path, description = "Its name.")), responses(
    (status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn put_control(
    State(shared): SharedState,
    writer: Writer,
    Names([panel, control]): Names<2>,
    Small(body): Small<PutNamed>,
) -> Answer<Response> {
    let intent = shared.context.intent();
    let panel = found_panel(&intent, &name(&panel)?)?;
    let (old, new) = (name(&control)?, renamed(body.rename.as_deref())?);
    let command = match (intent.board.controls_of(panel.id).find(|control| control.name == old), new) {
        (Some(control), new) => BoardCommand::RenameControl { id: control.id, name: new.unwrap_or(old) },
        (None, None) => {
            BoardCommand::CreateControl { cluster: panel.cluster, panel: Some(panel.id), name: old }
        }
        (None, Some(_)) => {
            return Err(found_control(&intent.board, panel, &old).err().unwrap_or_else(Refused::not_ready));
        }
    };
    done(writer, body.request_id.as_deref(), command).await
}

/// Remove a routing control that no safety rule names.
#[utoipa::path(delete, operation_id = "delete_control", path = "/v1/panels/{panel}/controls/{control}", tag = "controls",
    params(("panel" = String, Path, description = "Its panel's name."), ("control" = String, Path, description = "Its name."), DeleteQuery),
    responses((status = 200, body = WriteDone), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn delete_control(
    State(shared): SharedState,
    writer: Writer,
    Names([panel, control]): Names<2>,
    Query(query): Query<DeleteQuery>,
) -> Answer<Response> {
    let intent = shared.context.intent();
    let panel = found_panel(&intent, &name(&panel)?)?;
    let id = found_control(&intent.board, panel, &name(&control)?)?.id;
    done(writer, query.request_id.as_deref(), BoardCommand::DeleteControl { id }).await
}

/// One safety rule.
#[utoipa::path(get, operation_id = "show_rule", path = "/v1/panels/{panel}/rules/{rule}", tag = "controls",
    params(("panel" = String, Path, description = "Its panel's name."), ("rule" = String, Path, description = "Its name."), FreshQuery),
    responses((status = 200, body = SafetyRule), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn show_rule(
    State(shared): SharedState,
    Names([panel, rule]): Names<2>,
    Query(query): Query<FreshQuery>,
) -> Answer<Response> {
    let intent = fresh(&shared, &query).await?;
    let panel = found_panel(&intent, &name(&panel)?)?;
    let rule = found_rule(&intent.board, panel, &name(&rule)?)?;
    let (behind, now) = (behind(&shared.context), shared.context.clock.now());
    let told = Teller { intent: &intent, behind: &behind, now }.rule(rule);
    let told = told.ok_or_else(|| Refused::not_found("it is gone", "list what there is"))?;
    Ok(tagged(StatusCode::OK, told.revision, told))
}

/// Make a safety rule, or change its name or wait period; what it asks stays: delete it and make another.
#[utoipa::path(put, operation_id = "put_rule", path = "/v1/panels/{panel}/rules/{rule}", tag = "controls", request_body = PutRule,
    params(("panel" = String, Path, description = "Its panel's name."), ("rule" = String, Path, description = "Its name.")), responses(
    (status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn put_rule(
    State(shared): SharedState,
    writer: Writer,
    Names([panel, rule]): Names<2>,
    Small(body): Small<PutRule>,
) -> Answer<Response> {
    let intent = shared.context.intent();
    let panel = found_panel(&intent, &name(&panel)?)?;
    let (old, new) = (name(&rule)?, renamed(body.rename.as_deref())?);
    let wait_period =
        if body.wait_period == "0s" { std::time::Duration::ZERO } else { length(&body.wait_period)? };
    let asked = (kind(&intent.board, panel, &body)?, test(&body));
    let command = match (intent.board.rules_of(panel.id).find(|rule| rule.name == old), new) {
        (Some(rule), _) if (&rule.kind, rule.test) != (&asked.0, asked.1) => {
            let message = format!("safety rule `{}/{old}` asks something else, and that stays", panel.name);
            return Err(Refused::new(
                StatusCode::CONFLICT,
                hf_api::code::REFUSED,
                message,
                "delete it and make another, or leave what it asks as it is",
            ));
        }
        (Some(rule), new) => BoardCommand::UpdateRule { id: rule.id, name: new.unwrap_or(old), wait_period },
        (None, None) => {
            let (kind, test) = asked;
            BoardCommand::CreateRule {
                panel: panel.id,
                name: old,
                kind,
                test,
                wait_period,
                tags: Tags::new(),
            }
        }
        (None, Some(_)) => {
            return Err(found_rule(&intent.board, panel, &old).err().unwrap_or_else(Refused::not_ready));
        }
    };
    done(writer, body.request_id.as_deref(), command).await
}

/// Remove a safety rule.
#[utoipa::path(delete, operation_id = "delete_rule", path = "/v1/panels/{panel}/rules/{rule}", tag = "controls",
    params(("panel" = String, Path, description = "Its panel's name."), ("rule" = String, Path, description = "Its name."), DeleteQuery),
    responses((status = 200, body = WriteDone), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn delete_rule(
    State(shared): SharedState,
    writer: Writer,
    Names([panel, rule]): Names<2>,
    Query(query): Query<DeleteQuery>,
) -> Answer<Response> {
    let intent = shared.context.intent();
    let panel = found_panel(&intent, &name(&panel)?)?;
    let id = found_rule(&intent.board, panel, &name(&rule)?)?.id;
    done(writer, query.request_id.as_deref(), BoardCommand::DeleteRule { id }).await
}

async fn done(writer: Writer, request_id: Option<&str>, command: BoardCommand) -> Answer<Response> {
    let (revision, _) = writer.commit(request_id, Command::Board(command)).await?;
    Ok(tagged(StatusCode::OK, revision.0, WriteDone { revision: revision.0, warning: None }))
}

fn name(text: &str) -> Answer<ControlName> {
    ControlName::new(text).map_err(|error| field("name", error))
}

fn renamed(text: Option<&str>) -> Answer<Option<ControlName>> {
    text.map(|text| ControlName::new(text).map_err(|error| field("rename", error))).transpose()
}

fn panel_named<'i>(intent: &'i Intent, name: &ControlName) -> Option<&'i Panel> {
    let built_in = intent.board.built_in_cluster(intent.estate_id);
    intent.board.panels.values().find(|panel| panel.cluster == built_in && panel.name == *name)
}

fn found_panel<'i>(intent: &'i Intent, name: &ControlName) -> Answer<&'i Panel> {
    panel_named(intent, name).ok_or_else(|| no_panel(intent, name))
}

fn no_panel(intent: &Intent, name: &ControlName) -> Refused {
    let known: Vec<String> =
        intent.board.panels.values().map(|panel| format!("`{}`", panel.name)).take(10).collect();
    let mend =
        if known.is_empty() { "make it first".to_owned() } else { format!("there is {}", known.join(", ")) };
    Refused::not_found(format!("there is no control panel `{name}`"), mend)
}

fn found_control<'b>(
    board: &'b Board,
    panel: &Panel,
    name: &ControlName,
) -> Answer<&'b hf_control::RoutingControl> {
    board.controls_of(panel.id).find(|control| control.name == *name).ok_or_else(|| {
        let message = format!("there is no routing control `{name}` in control panel `{}`", panel.name);
        Refused::not_found(message, "`holdfast control list` shows what there is")
    })
}

fn found_rule<'b>(board: &'b Board, panel: &Panel, name: &ControlName) -> Answer<&'b hf_control::SafetyRule> {
    board.rules_of(panel.id).find(|rule| rule.name == *name).ok_or_else(|| {
        let message = format!("there is no safety rule `{name}` in control panel `{}`", panel.name);
        Refused::not_found(message, "`holdfast control list` shows what there is")
    })
}

fn kind(board: &Board, panel: &Panel, body: &PutRule) -> Answer<hf_control::RuleKind> {
    let ids = |names: &[String]| {
        let id = |text: &String| Ok(found_control(board, panel, &name(text)?)?.id);
        names.iter().map(id).collect::<Answer<Vec<ControlId>>>()
    };
    match body.kind {
        RuleKind::Assert if !body.targets.is_empty() => {
            Err(Refused::bad("`targets`: an assertion has none", "leave them out, or make the rule a gate"))
        }
        RuleKind::Assert => Ok(hf_control::RuleKind::Assert { controls: ids(&body.of)? }),
        RuleKind::Gate => {
            Ok(hf_control::RuleKind::Gate { gating: ids(&body.of)?, targets: ids(&body.targets)? })
        }
    }
}

fn test(body: &PutRule) -> RuleTest {
    let on = match body.wants {
        Wants::AtLeast(count) => Enough::AtLeast(count),
        Wants::All => Enough::All,
        Wants::Any => Enough::Any,
    };
    RuleTest { on, inverted: body.inverted }
}
