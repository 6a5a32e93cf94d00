//! Who writes: a node with the control role, and a caller that may.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hf_access::Principal;
use hf_api::code;
use hf_config::node::Role;
use hf_control::intent::ScopeError;
use hf_control::{Command, Outcome, Scope, Shift};
use hf_model::{PoolName, RegionId, RequestId, Revision, ZoneId, parse_duration};
use serde::Serialize;

use super::guard::Caller;
use super::refusal::{Refused, split};
use super::{Context, Shared};
use crate::control::{Asker, Control};
use crate::permit;

/// Somebody who is known, and the ledger's writer. What they may is judged by what they ask for.
pub struct Writer {
    context: Context,
    control: Control,
    by: Principal,
    from: Option<SocketAddr>,
}

impl FromRequestParts<Arc<Shared>> for Writer {
    type Rejection = Refused;
    /// The node's role is looked at before the caller: a client that asked the wrong node goes on to the next one.
    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refused> {
        let control = shared.context.control.clone().ok_or_else(|| no_ledger(shared))?;
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        Ok(Writer { context: shared.context.clone(), control, by: caller.who?, from: caller.from })
    }
}

/// 503: another node keeps the ledger, or this one cannot open its own.
pub fn no_ledger(shared: &Shared) -> Refused {
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
    /// Who writes.
    pub fn by(&self) -> Asker {
        Asker { name: self.by.name.clone(), from: self.from }
    }

    /// Commits a command, and waits a moment until this node's own planes obey it; answers the revision that did it, and the shift if it was about one.
    pub async fn commit(
        self,
        request_id: Option<&str>,
        command: Command,
    ) -> Result<(Revision, Option<Shift>), Refused> {
        match self.submit(request_id, command).await? {
            Outcome::Done { revision, shift, .. } => Ok((revision, shift)),
            Outcome::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// The same, with a refusal of the ledger as what it is.
    pub async fn submit(self, request_id: Option<&str>, command: Command) -> Result<Outcome, Refused> {
        self.may_ask(&command)?;
        let request = request_id_or_new(request_id)?;
        let asker = Asker { name: self.by.name, from: self.from };
        let outcome = self.control.submit(asker, request, command).await?;
        if let Outcome::Done { revision, .. } = &outcome {
            self.context.obeyed.revision(*revision).await;
        }
        Ok(outcome)
    }
}

impl Writer {
    /// Who asks, if they may do this; else what is missing, with what was asked for.
    pub fn may(&self, action: &hf_access::Action<'_>, told: impl FnOnce() -> String) -> Result<(), Refused> {
        self.by.may(action).map_err(|forbidden| Refused::forbidden(&forbidden, told()))
    }

    /// Whether the caller may ask for this, before anything is told of why it would not do.
    pub fn may_ask(&self, command: &Command) -> Result<(), Refused> {
        permit::judge(&self.context, &self.by, command)
            .map_err(|forbidden| Refused::forbidden(&forbidden, told(command)))
    }

    /// The ledger's writer.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// A command for the journal, with its reason.
fn told(command: &Command) -> String {
    match command.reason() {
        "" => command.to_string(),
        reason => format!("{command}, because: {reason}"),
    }
}

pub fn request_id_or_new(given: Option<&str>) -> Result<RequestId, Refused> {
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
    text.parse().map_err(|error: ScopeError| field("resource", error))
}

/// Pools whose floor may be broken, as asked.
pub fn pools(names: &[String]) -> Result<Vec<PoolName>, Refused> {
    names.iter().map(|name| PoolName::new(name).map_err(|error| field("override_floor", error))).collect()
}

/// The same for an act on `zone`, where `region/ID` means everything of a zone of that region.
pub fn scope_in(context: &Context, zone: &ZoneId, text: &str) -> Result<Scope, Refused> {
    let Some(region) = text.strip_prefix("region/") else {
        let also =
            |error: ScopeError| error.to_string().replace("`everything`, ", "`everything`, `region/ID`, ");
        return text.parse().map_err(|error| field("resource", also(error)));
    };
    let region = RegionId::new(region).map_err(|error| field("resource", error))?;
    let snapshot = context.snapshot().ok_or_else(Refused::not_ready)?;
    let estate = &snapshot.estate;
    let Some(found) = estate.zone_named(zone).map(|at| estate.zone(at)) else {
        return Ok(Scope::Everything); // the ledger says that there is no such zone, and which there are
    };
    let of = &estate.regions[found.region.at()].id;
    if *of == region {
        return Ok(Scope::Everything);
    }
    let message = format!("zone `{}` is in region `{of}`, not in `{region}`", found.id);
    let mend = "name the zone that you mean, or its own region; nothing was changed";
    Err(Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend))
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
