//! Tickets at the door of an assigned pool: who may come in, and where the others ask.
//!
//! 1. Each request shows its own ticket, whatever its connection showed before: a place that closes refuses from the moment its snapshot is in.
//! 2. A good one is taken out of query and header before an endpoint sees the request: there it would land in logs and links. One that came by
//!    query or header is set as a cookie until its end, so that the client need not carry it.
//! 3. Everybody else is answered 307, method and body kept, to where sessions ask: with the ticket when it is good at another place, else without.
//!    `Holdfast-Ticket-Refused` and a body of JSON say why, and `Alt-Svc: clear` ends an alternative that led here (RFC 7838 3).
//!
//! Not here: what a ticket says (`hf-assign`), who gives them out (`hf-assigner`).

use std::sync::Arc;

use hf_assign::carried::{self, By, TICKET, query_with};
use hf_assign::{Admitted, Assigner, Assigners, TicketKey, TurnedAway};
use hf_config::estate::{AssignmentIx, PoolIx};
use hf_model::Timestamp;
use http::header::{
    ALT_SVC, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri};

use crate::access_log::quoted;
use crate::refuse::Refusal;

const TICKET_FIELD: HeaderName = HeaderName::from_static(TICKET);
/// Why a ticket was refused, in a word.
const REFUSED: HeaderName = HeaderName::from_static("holdfast-ticket-refused");

/// What checks the tickets of one pool's requests.
#[derive(Clone, Debug)]
pub struct Gate {
    assigners: Arc<Assigners>,
    assignment: AssignmentIx,
    pool: PoolIx,
    key: Option<TicketKey>,
}

impl Gate {
    /// For requests to `pool`; without a key nobody is let in.
    pub fn new(
        assigners: &Arc<Assigners>,
        assignment: AssignmentIx,
        pool: PoolIx,
        key: Option<&TicketKey>,
    ) -> Gate {
        Gate { assigners: assigners.clone(), assignment, pool, key: key.cloned() }
    }

    /// Whether there is a key to check with.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Lets a request with a good ticket in, and takes the ticket out of it. The cookie for its client, if it needs one.
    pub fn admit<B>(
        &self,
        request: &mut Request<B>,
        now: Timestamp,
        over_tls: bool,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let (Some(assigner), Some(key)) = (self.assigners.get(self.assignment), &self.key) else {
            let what = "this balancer has no key to check tickets with: `ticket_key_file` of its node file";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, what));
        };
        let admitted = assigner.admit(shown(request), self.pool, key, now);
        let cookie = match admitted {
            Ok(Admitted { by: By::Cookie, .. }) => None,
            Ok(Admitted { ticket, text, .. }) => cookie(text, ticket.ends_at.since(now).as_secs(), over_tls),
            Err(turned_away) => return Err(refusal(assigner, &turned_away, request.uri())),
        };
        request.headers_mut().remove(TICKET_FIELD);
        if request.uri().query().is_some_and(carried::is_in) {
            take_out_of_query(request.uri_mut());
        }
        Ok(cookie)
    }
}

fn texts(fields: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    fields.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

fn shown<B>(request: &Request<B>) -> impl Iterator<Item = (By, &str)> {
    let fields = request.headers();
    carried::shown(request.uri().query(), texts(fields, TICKET_FIELD), texts(fields, COOKIE))
}

fn take_out_of_query(uri: &mut Uri) {
    let text = format!("{}{}", uri.path(), query_with(uri.query(), None));
    let mut parts = std::mem::take(uri).into_parts();
    // A part of what was a target is one.
    parts.path_and_query = PathAndQuery::try_from(text).ok().or(parts.path_and_query);
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

fn cookie(text: &str, lasts_s: u64, over_tls: bool) -> Option<HeaderValue> {
    let secure = if over_tls { "; Secure" } else { "" };
    let field = format!("{TICKET}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}{secure}");
    HeaderValue::from_str(&field).ok()
}

fn refusal(assigner: &Assigner, turned_away: &TurnedAway<'_>, uri: &Uri) -> Refusal {
    let why = turned_away.why;
    let ask_at = assigner.ask_url(uri.path(), uri.query(), turned_away.held);
    let message = format!("{why}; ask for a place at {ask_at}");
    let body = format!(
        "{{\"code\":\"ticket-refused\",\"why\":{},\"message\":{},\"service\":{},\"ask_at\":{}}}",
        quoted(why.word()),
        quoted(&message),
        quoted(assigner.service()),
        quoted(&ask_at),
    );
    let mut refusal = Refusal::new(StatusCode::TEMPORARY_REDIRECT, body);
    let fields = [
        (REFUSED, HeaderValue::from_static(why.word())),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (ALT_SVC, HeaderValue::from_static("clear")),
    ];
    let location = HeaderValue::from_str(&ask_at).ok().map(|at| (LOCATION, at));
    refusal.fields.extend(fields.into_iter().chain(location));
    refusal
}

#[cfg(test)]
mod tests;
