//! Who may pass: how many requests at a time, who may read, what is not there.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hf_access::{Action, Principal, Unknown};
use hf_api::code;
use hf_api::serve::{Peer, PeerNames};

use super::refusal::{Journalled, Refused, Told};
use super::{REQUESTS, Shared};
use crate::access::Presented;
use crate::refusals::RefusedRequest;

/// Refuses what is too much at once.
pub async fn busy(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.requests.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Refused::busy(format!("{REQUESTS} requests are being answered already")).into_response(),
    }
}

/// Who sends a request, and from where; an extension of every request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who, or why nobody knows.
    pub who: Result<Principal, Refused>,
    /// The other side's address; none counts as from elsewhere.
    pub from: Option<SocketAddr>,
}

impl Default for Caller {
    fn default() -> Self {
        Caller { who: Err(nobody("this needs a token or a client certificate")), from: None }
    }
}

impl Caller {
    /// Whether the request comes from this very machine.
    pub fn is_local(&self) -> bool {
        self.from.is_some_and(|from| from.ip().to_canonical().is_loopback())
    }
}

/// Says who calls, and keeps reads from whom they are not for; what is refused of writes is journalled.
///
/// Reads from another machine take the role `read`: the API's listener may be on a network. Writes judge their callers
/// themselves, after the ledger: a node without one says so to everybody, so that a client with a credential of the ledger's
/// node goes on to the next node.
pub async fn callers(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let caller = identify(&shared, Shown::of(&request)).await;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_write = is_write(&method, &path);
    let guarded = path.starts_with("/v1/") && path != "/v1/break-glass" && !is_write;
    if guarded && !caller.is_local() {
        let may = match &caller.who {
            Ok(who) => who.may(&Action::Read).map_err(|forbidden| Refused::forbidden(&forbidden, "")),
            Err(refused) => Err(refused.clone()),
        };
        if let Err(refused) = may {
            return refused.into_response();
        }
    }
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    if is_write && let Some(told) = response.extensions().get::<Told>() {
        let (told, status) = (told.clone(), response.status());
        if told.journalled == Journalled::No && status.is_client_error() {
            let asked = told.asked.unwrap_or_else(|| format!("{method} {path}"));
            let by = caller.who.ok().map(|who| who.name.to_string());
            let refused =
                RefusedRequest { by, from: caller.from, what: asked, why: told.why, status: status.as_u16() };
            shared.refusals.tell(&shared.context, refused).await;
        }
    }
    response
}

fn is_write(method: &Method, path: &str) -> bool {
    *method != Method::GET && *method != Method::HEAD && path.starts_with("/v1/") && path != "/v1/estate/diff"
}

/// What a request shows of its caller.
struct Shown {
    from: Option<SocketAddr>,
    names: Option<PeerNames>,
    header: Option<header::HeaderValue>,
}

impl Shown {
    fn of(request: &Request) -> Shown {
        Shown {
            from: request.extensions().get::<Peer>().map(|Peer(peer)| *peer),
            names: request.extensions().get::<PeerNames>().cloned(),
            header: request.headers().get(header::AUTHORIZATION).cloned(),
        }
    }
}

/// Whose credential it is: a token's, else a client certificate's.
async fn identify(shared: &Shared, Shown { from, names, header }: Shown) -> Caller {
    let access = &shared.context.access;
    if header.is_none() && names.is_none() {
        return Caller { from, ..Caller::default() };
    }
    access.refresh().await;
    let who = match (&header, &names) {
        (Some(value), _) => match bearer(value) {
            Some(token) => {
                access.identify(&Presented::Token(token)).map_err(|why| unknown(shared, "token", why))
            }
            None => Err(nobody("the Authorization header is not a bearer token")),
        },
        (None, Some(PeerNames(names))) => access
            .identify(&Presented::Certificate(names))
            .map_err(|why| unknown(shared, &format!("certificate of {}", names.join(", ")), why)),
        (None, None) => Caller::default().who,
    };
    Caller { who, from }
}

fn bearer(value: &header::HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn nobody(message: &str) -> Refused {
    let mend = "send `Authorization: Bearer TOKEN`, or show a client certificate; the first token of a node is in `operator.token` in its data_dir";
    Refused::new(StatusCode::UNAUTHORIZED, code::NO_TOKEN, message, mend)
}

fn unknown(shared: &Shared, what: &str, why: Unknown) -> Refused {
    let node = &shared.context.node;
    let (message, mend) = match why {
        Unknown::Ended { name, at } => (
            format!("this {what} of `{name}` ended at {}", hf_api::instant(at.0)),
            "ask an administrator for a new one (`holdfast access token NAME`)".to_owned(),
        ),
        Unknown::Ambiguous(one, other) => (
            format!("this {what} names both `{one}` and `{other}`"),
            "give each principal certificate names of its own in the access file".to_owned(),
        ),
        _ => (
            format!("node {node} does not know this {what}"),
            "use one of its access file: `holdfast access list` shows whose there are, the first token is in `operator.token` in its data_dir".to_owned(),
        ),
    };
    Refused::new(StatusCode::UNAUTHORIZED, code::BAD_TOKEN, message, mend)
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
