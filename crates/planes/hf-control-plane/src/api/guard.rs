//! Who may pass: how many requests at a time, who may read, what is not there.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hf_api::code;
use hf_api::serve::Peer;
use hf_model::Operator;

use super::refusal::Refused;
use super::{REQUESTS, Shared};

/// Refuses what is too much at once.
pub async fn busy(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.requests.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Refused::busy(format!("{REQUESTS} requests are being answered already")).into_response(),
    }
}

/// Reads from another machine need a token; the API's listener may be on a network. Writes ask for theirs themselves, after
/// the ledger: a node without one says so to everybody, so that a client with the ledger's token goes on to the next node.
pub async fn reads(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_write = request.method() != Method::GET
        && (path == "/v1/estate" || path.starts_with("/v1/shifts") || path.starts_with("/v1/pins"));
    let guarded = path.starts_with("/v1/") && path != "/v1/break-glass" && !is_write;
    let local =
        request.extensions().get::<Peer>().is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback());
    if guarded
        && !local
        && let Err(refused) = operator(&shared, request.headers()).await
    {
        return refused.into_response();
    }
    next.run(request).await
}

/// Whose token the request shows.
pub async fn operator(shared: &Shared, headers: &HeaderMap) -> Result<Operator, Refused> {
    let mend =
        "send `Authorization: Bearer TOKEN`; the token of a node is in `operator.token` in its data_dir";
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Refused::new(StatusCode::UNAUTHORIZED, code::NO_TOKEN, "this needs a token", mend));
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = token.ok_or_else(|| {
        Refused::new(
            StatusCode::UNAUTHORIZED,
            code::NO_TOKEN,
            "the Authorization header is not a bearer token",
            mend,
        )
    })?;
    shared.context.tokens.refresh().await;
    shared.context.tokens.find(token).ok_or_else(|| {
        let message = format!("node {} does not know this token", shared.context.node);
        Refused::new(
            StatusCode::FORBIDDEN,
            code::BAD_TOKEN,
            message,
            "use the one in `operator.token` in its data_dir, or add yours to `tokens` there",
        )
    })
}

/// No such route.
pub async fn not_found(uri: Uri) -> Refused {
    let path: String = uri.path().chars().take(100).collect();
    Refused::not_found(format!("there is no route {path}"), "`/openapi.json` lists all of them")
}

/// The route takes other methods.
pub async fn not_allowed(method: Method, uri: Uri) -> Refused {
    let path: String = uri.path().chars().take(100).collect();
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        code::METHOD,
        format!("{path} does not take {method}"),
        "`/openapi.json` lists the methods of each route",
    )
}
