//! One request of a client: made ready for an endpoint, carried ([`tries`](crate::tries)), and its answer passed back.
//!
//! 1. What is refused here never reached an endpoint: a doubtful form, no pool for it, no ticket for the place, too long a body.
//! 2. A body of at most `replay_bytes` is read whole if the request may be sent again, when its length is known or it is all there already (a call
//!    of gRPC, mostly); others are streamed.
//! 3. The request as a whole ends at `patience.request`, or at the caller's `grpc-timeout` if that is earlier.
//! 4. A client that kept to an endpoint by cookie and got another one is told so by a new cookie.
//! 5. An answer of ours to a call of gRPC has gRPC's form.
//!
//! Not here: which endpoint, when again, how bodies move.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use hf_balance::hash_key;
use hf_config::estate::{Choice, HashKey};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::body::{Fate, Passing, ReplyBody, RequestBody, Streamed};
use crate::client::{Client, ClientFields};
use crate::client_state::{ConnectionState, UnderWay};
use crate::endpoint_io::Between;
use crate::front::{Front, Phase};
use crate::headers::{X_REQUEST_ID, prepare_answer, prepare_request};
use crate::kept::Open;
use crate::lease::to_own_form;
use crate::refuse::{Refusal, check_form};
use crate::route::Route;
use crate::tries::{Answered, Carrying};
use crate::tunnel::{Surroundings, Upgrade};
use crate::worker::Worker;
use crate::{grpc, sticky, tunnel};

/// What all requests of one client connection share.
#[derive(Debug)]
pub struct ClientConnection {
    pub worker: Rc<Worker>,
    pub front: Arc<Front>,
    state: Arc<ConnectionState>,
    pub client: Client,
    /// What endpoints are told of the client.
    fields: ClientFields,
    /// With HTTP/1.1 the connection to the endpoint whose answer is passed on.
    pub answering: RefCell<Weak<Open>>,
}

/// What is known of a request before it goes anywhere.
#[derive(Debug, Default)]
struct Known {
    version: Version,
    id: Option<HeaderValue>,
    is_grpc: bool,
    until: Option<Instant>,
    /// A ticket to keep.
    ticket: Option<HeaderValue>,
    upgrade: Option<Upgrade>,
}

/// A body that is to be read whole, and how long it is.
type Unread = (Incoming, u64);

impl ClientConnection {
    /// A connection of `client`.
    pub fn new(worker: Rc<Worker>, front: Arc<Front>, state: Arc<ConnectionState>, client: Client) -> Self {
        let fields = ClientFields::new(&client);
        ClientConnection { worker, front, state, client, fields, answering: RefCell::default() }
    }

    /// Answers one request. Never fails: what goes wrong is an answer, too.
    pub async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, Infallible> {
        let under_way = self.state.request();
        self.answering.take();
        let mut known = Known {
            version: request.version(),
            is_grpc: grpc::is_call(request.headers()),
            ..Known::default()
        };
        let mut response = match self.forward(request, &mut known).await {
            Ok(answered)
                if known.upgrade.as_ref().map_or(StatusCode::SWITCHING_PROTOCOLS, Upgrade::agreed)
                    == answered.response.status() =>
            {
                return Ok(self.open_tunnel(answered, known, under_way));
            }
            Ok(answered) => self.pass_on(answered, &mut known, under_way),
            Err(refusal) => refuse(refusal, &mut known, under_way),
        };
        if known.version < Version::HTTP_2 && self.front.phase() != Phase::Open {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    fn pass_on(&self, answered: Answered, known: &mut Known, under_way: UnderWay) -> Response<ReplyBody> {
        let Answered { response, lease, cookie, body_idle } = answered;
        let (mut parts, incoming) = response.into_parts();
        prepare_answer(&mut parts.headers);
        for cookie in cookie.into_iter().chain(known.ticket.take()) {
            parts.headers.append(SET_COOKIE, cookie);
        }
        parts.version = known.version.max(Version::HTTP_11);
        let passing = Passing {
            timers: self.worker.shared.timers.clone(),
            idle: body_idle,
            until: known.until,
            is_grpc: known.is_grpc,
        };
        let body = if known.version < Version::HTTP_2 {
            self.answering.replace(Rc::downgrade(lease.open()));
            ReplyBody::of_endpoint(incoming, lease, passing, under_way)
        } else {
            ReplyBody::on_stream(incoming, lease, passing, under_way)
        };
        Response::from_parts(parts, body)
    }

    fn open_tunnel(&self, answered: Answered, known: Known, under_way: UnderWay) -> Response<ReplyBody> {
        let Answered { mut response, lease, .. } = answered;
        if let Some(ticket) = known.ticket {
            response.headers_mut().append(SET_COOKIE, ticket);
        }
        let Some(upgrade) = known.upgrade else {
            // `tries` lets 101 through only where an upgrade was asked for.
            let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "the endpoint changed protocols unasked");
            return refusal.answer(known.id, under_way);
        };
        if known.version < Version::HTTP_2 {
            self.state.become_tunnel();
        }
        let surroundings = Surroundings {
            standing: lease.endpoint().watch_standing(),
            phase: self.front.watch_phase(),
            idle: lease.manner().patience.tunnel_idle,
            shared: self.worker.shared.clone(),
        };
        tunnel::open(response, lease, upgrade, surroundings, under_way)
    }

    async fn forward(&self, mut request: Request<Incoming>, known: &mut Known) -> Result<Answered, Refusal> {
        check_form(&request)?;
        if request.uri().authority().is_some() {
            to_own_form(&mut request);
        }
        let route = self.route(&request)?;
        if let Some(gate) = &route.gate {
            let now = self.worker.shared.clock.now();
            known.ticket = gate.admit(&mut request, now, self.client.over_tls)?;
        }
        let rules = route.rules();
        known.until = rules.patience.request.map(|limit| Instant::now() + limit);
        if known.is_grpc
            && let Some(limit) = grpc::timeout(request.headers())
        {
            let until = Instant::now() + limit;
            known.until = Some(known.until.map_or(until, |earlier| earlier.min(until)));
        }
        known.upgrade = Upgrade::take(&mut request, route.manner.is_http2());
        if known.upgrade.is_none() && request.method() == Method::CONNECT {
            let what = "of the protocols for extended CONNECT only `websocket` is passed on";
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, what));
        }
        let key = self.hash_key(&route, &request);
        let stuck_to =
            rules.balancing.sticky.as_ref().and_then(|cookie| sticky::read(cookie, request.headers()));
        let mut fate = None;
        let (mut request, unread) = self.prepare(request, &route, known, &mut fate)?;
        if let Some((incoming, length)) = unread {
            // Boxed, as few are read before they go on.
            *request.body_mut() = RequestBody::Whole(Box::pin(read_whole(incoming, length)).await?);
        }
        known.id = request.headers().get(X_REQUEST_ID).cloned();
        self.worker.budgets.request(route.number, Instant::now());
        let carrying = Carrying {
            connection: self,
            is_idempotent: is_idempotent(request.method()),
            asks_upgrade: known.upgrade.is_some(),
            is_grpc: known.is_grpc,
            between: Between { source: self.client.peer, destination: self.client.destination },
            key,
            stuck_to,
            fate,
        };
        drop(route);
        let Some(until) = known.until else { return carrying.carry(&mut request).await };
        // Boxed, so that those without such an end do not pay for it with room.
        let carrying = Box::pin(carrying.carry(&mut request));
        let carried = self.worker.shared.timers.within(until, carrying).await;
        carried.unwrap_or_else(|_| {
            let what = "the request has taken as long as it may, with all its tries";
            Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, what))
        })
    }

    /// Where the request goes by now.
    pub fn route<B>(&self, request: &Request<B>) -> Result<Arc<Route>, Refusal> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.front.route_for(host, request.uri().path()).ok_or_else(|| {
            let what = format!("no pool here is for the host `{host}` and this path");
            Refusal::new(StatusCode::NOT_FOUND, what)
        })
    }

    fn hash_key<B>(&self, route: &Route, request: &Request<B>) -> Option<u64> {
        let Choice::Hash(by) = &route.rules().balancing.choice else { return None };
        let of = |bytes: &[u8]| Some(hash_key(bytes));
        match by {
            HashKey::Client => match self.client.peer.ip().to_canonical() {
                std::net::IpAddr::V4(v4) => of(&v4.octets()),
                std::net::IpAddr::V6(v6) => of(&v6.octets()),
            },
            HashKey::Header(name) => of(request.headers().get(name.as_str())?.as_bytes()),
            HashKey::Cookie(name) => of(sticky::find(request.headers(), name)?),
            HashKey::Path => of(request.uri().path().as_bytes()),
        }
    }

    /// What goes to the endpoint, and the body with its length that is to be read first.
    fn prepare(
        &self,
        request: Request<Incoming>,
        route: &Route,
        known: &Known,
        fate: &mut Option<Rc<Cell<Fate>>>,
    ) -> Result<(Request<RequestBody>, Option<Unread>), Refusal> {
        let bounds = &route.rules().bounds;
        let (mut parts, incoming) = request.into_parts();
        if !parts.headers.contains_key(HOST) {
            // HTTP/1.0 may leave it out, an endpoint's HTTP/1.1 may not.
            let own = HeaderValue::from_str(&self.front.local.to_string()).expect("an address is plain text");
            parts.headers.insert(HOST, own);
        }
        prepare_request(&mut parts.headers, &self.fields, || self.worker.new_request_id());
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        if let Some(upgrade) = &known.upgrade {
            upgrade.ask(&mut parts, [self.worker.chance(), self.worker.chance()]);
            return Ok((Request::from_parts(parts, RequestBody::Empty), None));
        }
        let exact = incoming.size_hint().exact();
        if let (Some(length), Some(max)) = (exact, bounds.body_bytes)
            && length > max
        {
            return Err(too_long(max));
        }
        // What HTTP/2 refuses unread may be sent again whatever the method is.
        let may_replay = is_idempotent(&parts.method) || route.manner.is_http2();
        let body = match exact {
            Some(0) => RequestBody::Empty,
            Some(length) if may_replay && length <= u64::from(bounds.replay_bytes) => {
                return Ok((Request::from_parts(parts, RequestBody::Empty), Some((incoming, length))));
            }
            _ => {
                let fate = fate.insert(Rc::default());
                let max = bounds.body_bytes.filter(|_| exact.is_none());
                let mut streamed = Box::new(Streamed::new(incoming, max, fate.clone()));
                let whole =
                    if may_replay { streamed.read_at_hand(bounds.replay_bytes as usize) } else { None };
                whole.map_or(RequestBody::Streamed(streamed), RequestBody::Whole)
            }
        };
        Ok((Request::from_parts(parts, body), None))
    }
}

async fn read_whole(incoming: Incoming, length: u64) -> Result<Bytes, Refusal> {
    let read = Limited::new(incoming, length as usize).collect().await.map_err(|error| {
        let what = match error.downcast_ref::<LengthLimitError>() {
            Some(_) => "the request's body is longer than it says".to_owned(),
            None => format!("the request's body did not come whole: {error}"),
        };
        Refusal::new(StatusCode::BAD_REQUEST, what)
    })?;
    Ok(read.to_bytes())
}

/// A body beyond the pool's bound.
pub fn too_long(max: u64) -> Refusal {
    let what = format!("the request's body is longer than the {max} bytes that this pool takes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, what)
}

fn refuse(refusal: Refusal, known: &mut Known, under_way: UnderWay) -> Response<ReplyBody> {
    if refusal.status.is_server_error() {
        tracing::debug!(status = refusal.status.as_u16(), why = %refusal.what, "request failed");
    }
    if !known.is_grpc {
        return refusal.answer(known.id.take(), under_way);
    }
    let mut response = Response::new(ReplyBody::of_us(Bytes::new(), under_way));
    *response.status_mut() = refusal.status;
    grpc::refuse(&mut response, &refusal.what);
    // The type of the body is gRPC's.
    let fields = refusal.fields.into_iter().filter(|(name, _)| *name != CONTENT_TYPE);
    response.headers_mut().extend(fields);
    if let Some(id) = known.id.take() {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// RFC 9110 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}
