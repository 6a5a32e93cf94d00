//! Who writes: a node with the control role, and a token that it knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hf_api::code;
use hf_config::node::Role;
use hf_control::{Command, Outcome, Scope, Shift};
use hf_model::{Operator, RequestId, Revision, ZoneId, parse_duration};
use serde::Serialize;

use super::Shared;
use super::guard::operator;
use super::refusal::{Refused, split};
use crate::control::Control;

/// The right to write, and the writer.
pub struct Writer {
    control: Control,
    by: Operator,
}

impl FromRequestParts<Arc<Shared>> for Writer {
    type Rejection = Refused;
    /// The role is looked at before the token: a client that asked the wrong node goes on to the next one.
    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refused> {
        let control = shared.context.control.clone().ok_or_else(|| no_ledger(shared))?;
        Ok(Writer { control, by: operator(shared, &parts.headers).await? })
    }
}

fn no_ledger(shared: &Shared) -> Refused {
    let node = &shared.context.node;
    if let Some(problem) = &shared.context.ledger_problem {
        let (message, mend) = split(problem);
        let message = format!("node `{node}` cannot open its ledger: {message}");
        return Refused::new(StatusCode::SERVICE_UNAVAILABLE, code::LEDGER_FAILED, message, mend);
    }
    let reports = shared.context.reports.borrow().clone();
    let keepers = reports.values().filter(|heard| heard.report.roles.contains(&Role::Control));
    let keepers: Vec<String> = keepers.map(|heard| format!("`{}`", heard.report.node)).collect();
    let mend = if keepers.is_empty() {
        "ask a node with the role `control`; this one has heard of none. If all are gone, a break-glass shift works without".to_owned()
    } else {
        format!("ask {}", keepers.join(" or "))
    };
    let message = format!("node `{node}` keeps no ledger");
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, code::NO_LEDGER, message, mend)
}

impl Writer {
    /// Commits a command; answers the revision that did it, and the shift if it was about one.
    pub async fn commit(
        self,
        request_id: Option<&str>,
        command: Command,
    ) -> Result<(Revision, Option<Shift>), Refused> {
        let request = request_id_or_new(request_id)?;
        match self.control.submit(self.by, request, command).await? {
            Outcome::Done { revision, shift } => Ok((revision, shift)),
            Outcome::Refused(refusal) => Err(refusal.into()),
        }
    }
}

fn request_id_or_new(given: Option<&str>) -> Result<RequestId, Refused> {
    if let Some(text) = given {
        return RequestId::new(text).map_err(|error| field("request_id", error));
    }
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    Ok(RequestId::new(&format!("api-{number:032x}")).expect("letters, a hyphen and digits"))
}

/// A zone's id or alias as asked.
pub fn zone(text: &str) -> Result<ZoneId, Refused> {
    ZoneId::new(text).map_err(|error| field("zone", error))
}

/// A resource as asked.
pub fn scope(text: &str) -> Result<Scope, Refused> {
    text.parse().map_err(|error: hf_control::intent::ScopeError| field("resource", error))
}

/// A length as asked.
pub fn length(text: &str) -> Result<std::time::Duration, Refused> {
    parse_duration(text).map_err(|error| field("for", error))
}

/// An error of one field.
pub fn field(name: &str, error: impl std::fmt::Display) -> Refused {
    Refused::unreadable(format!("`{name}`: {error}"))
}

/// An answer with the revision as its ETag.
pub fn tagged(status: StatusCode, revision: u64, body: impl Serialize) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(value) = format!("\"{revision}\"").parse() {
        headers.insert(header::ETAG, value);
    }
    (status, headers, Json(body)).into_response()
}
