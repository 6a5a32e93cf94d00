//! The answers.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hf_api::serve::Peer;
use hf_assign::carried::query_with;
use hf_assign::{Assigner, Place, Ticket, TicketKey};
use hf_clock::Clock;
use hf_model::Cidr;
use serde::{Deserialize, Serialize};

use crate::AssignerConfig;
use crate::client::{address, tickets};
use crate::compiled::Compiled;

/// What every route needs.
#[derive(Clone)]
struct Context {
    compiled: Arc<ArcSwapOption<Compiled>>,
    clock: Clock,
    key: TicketKey,
    trusted: Arc<[Cidr]>,
}

#[derive(Deserialize)]
struct Asked {
    service: Option<String>,
}

/// A session's place.
#[derive(Serialize)]
struct Assigned<'a> {
    service: &'a str,
    place: &'a str,
    url: &'a str,
    ticket: String,
    ends_at_ms: u64,
}

/// Why there is no place; a JSON body.
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            code: &'static str,
            message: String,
        }
        let mut response = json(self.status, &Body { code: self.code, message: self.message });
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut text = serde_json::to_string(body).expect("answers have text keys only");
    text.push('\n');
    // Whoever kept it would send other sessions to this one's place.
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

/// All routes.
pub fn router(config: &AssignerConfig, compiled: Arc<ArcSwapOption<Compiled>>, clock: Clock) -> Router {
    let context =
        Context { compiled, clock, key: config.key.clone(), trusted: config.trusted.clone().into() };
    Router::new()
        // Any method: whom a place sends here with 307 keeps its own.
        .route("/assign", any(assign))
        .route("/healthz", get(healthz))
        .fallback(any_path)
        .with_state(context)
}

impl Context {
    fn compiled(&self) -> Result<Arc<Compiled>, Refused> {
        self.compiled.load_full().ok_or_else(|| Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not-ready",
            message: "this node has no snapshot yet; ask another assigner".to_owned(),
        })
    }

    /// Decides for one request.
    fn place<'a>(
        &self,
        (compiled, assigner): (&Compiled, &'a Assigner),
        peer: Peer,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(&'a Place, Ticket), Refused> {
        let now = self.clock.now();
        let held = tickets(uri.query(), headers).find_map(|text| Ticket::read(text, &self.key, now).ok());
        let client = address(peer.0.ip(), headers, &self.trusted);
        let seed = hf_clock::random_seed();
        let place = compiled.assign(assigner, held.as_ref(), client, seed).ok_or_else(|| Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "no-place",
            message: format!("no place of service {} is open for this client; ask again", assigner.service()),
        })?;
        Ok((place, assigner.ticket(place, now)))
    }
}

async fn healthz(State(context): State<Context>) -> Result<Response, Refused> {
    context.compiled()?;
    Ok((StatusCode::OK, "ok\n").into_response())
}

async fn assign(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let compiled = context.compiled()?;
    let services = || compiled.services().collect::<Vec<_>>().join(", ");
    let Some(service) = asked.service else {
        return Err(Refused {
            status: StatusCode::BAD_REQUEST,
            code: "bad-request",
            message: format!("say for which service: /assign?service=NAME; there are: {}", services()),
        });
    };
    let Some(assigner) = compiled.of_service(&service) else {
        let service: String = service.chars().filter(|letter| !letter.is_control()).take(63).collect();
        return Err(Refused {
            status: StatusCode::NOT_FOUND,
            code: "not-found",
            message: format!("there is no service {service:?}; there are: {}", services()),
        });
    };
    let (place, ticket) = context.place((&compiled, assigner), peer, &uri, &headers)?;
    let assigned = Assigned {
        service: assigner.service(),
        place: &place.name,
        url: &place.url,
        ticket: ticket.signed(&context.key),
        ends_at_ms: ticket.ends_at.0,
    };
    let mut response = json(StatusCode::OK, &assigned);
    add_alternative(response.headers_mut(), place, &ticket, &context);
    Ok(response)
}

async fn any_path(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let compiled = context.compiled()?;
    let asked = uri.host().or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let host = asked.map(plain_name).unwrap_or_default();
    let Some(assigner) = compiled.of_host(&host) else {
        return Err(Refused {
            status: StatusCode::NOT_FOUND,
            code: "not-found",
            message:
                "there are /assign?service=NAME and /healthz, and any path under the `hosts` of an assignment"
                    .to_owned(),
        });
    };
    let (place, ticket) = context.place((&compiled, assigner), peer, &uri, &headers)?;
    let signed = ticket.signed(&context.key);
    // `OPTIONS *` has no path.
    let path = if uri.path().starts_with('/') { uri.path() } else { "/" };
    let location = format!("{}{path}{}", place.url, query_with(uri.query(), Some(&signed)));
    let assigned = Assigned {
        service: assigner.service(),
        place: &place.name,
        url: &place.url,
        ticket: signed,
        ends_at_ms: ticket.ends_at.0,
    };
    let mut response = json(StatusCode::TEMPORARY_REDIRECT, &assigned);
    // Path and query are those of a request that was read, so the value is one.
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    add_alternative(response.headers_mut(), place, &ticket, &context);
    Ok(response)
}

/// A name in lower case, without a port and a last dot.
fn plain_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// RFC 7838: only for places over TLS, since a client goes on to check the name that it asked for.
fn add_alternative(headers: &mut HeaderMap, place: &Place, ticket: &Ticket, context: &Context) {
    let Some(authority) = place.url.strip_prefix("https://") else { return };
    let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:443") };
    let lifetime_s = ticket.ends_at.since(context.clock.now()).as_secs();
    if let Ok(value) = HeaderValue::from_str(&format!("h2=\"{authority}\"; ma={lifetime_s}")) {
        headers.insert(header::ALT_SVC, value);
    }
}

#[cfg(test)]
mod tests;
