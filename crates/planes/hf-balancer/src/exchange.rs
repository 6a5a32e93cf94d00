//! One request: to an endpoint, to another where that is safe, and the answer back.
//!
//! When it is safe to try again, at most [`Limits::tries`](crate::Limits::tries) endpoints and within the [`RetryBudget`](crate::budget::RetryBudget):
//! 1. No connection came about, or a kept one had ended before the request was handed to it: nothing was sent; always safe.
//! 2. The connection broke after the request was sent and before a byte of the answer: only if the method is idempotent
//!    (RFC 9110 9.2.2) and the body can be sent again (none, or at most `replay_bytes` of known length).
//! 3. Never once an answer has begun, and never after silence: what waits 60 s would only wait longer.
//!
//! The route is read anew for every try, and the endpoint's standing once more right before the request is handed over.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::body::{ReplyBody, RequestBody};
use crate::client::{Client, ClientFields};
use crate::client_state::{ConnectionState, UnderWay};
use crate::front::{Front, Phase};
use crate::headers::{X_REQUEST_ID, prepare_answer, prepare_request};
use crate::kept::{ConnectError, Lease, note_failure};
use crate::refuse::{Refusal, check_form};
use crate::route::{Nobody, Route};
use crate::worker::Worker;

/// What all requests of one client connection share.
#[derive(Debug)]
pub struct ClientConnection {
    worker: Rc<Worker>,
    front: Arc<Front>,
    state: Arc<ConnectionState>,
    /// What endpoints are told of the client.
    fields: ClientFields,
}

/// How a try ended that gave no answer.
enum Failed {
    /// Nothing was sent: here is the request back, and why.
    Unsent { request: Request<RequestBody>, error: String },
    /// It was sent and no answer came; here is a copy, if it may be sent again.
    Sent { copy: Option<Request<RequestBody>>, error: String },
    /// It was sent and nothing came for too long.
    Silent,
}

impl ClientConnection {
    /// A connection of `client`.
    pub fn new(worker: Rc<Worker>, front: Arc<Front>, state: Arc<ConnectionState>, client: Client) -> Self {
        let fields = ClientFields::new(&client);
        ClientConnection { worker, front, state, fields }
    }

    /// Answers one request. Never fails: what goes wrong is an answer, too.
    pub async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, Infallible> {
        let under_way = self.state.request();
        let mut id = None;
        let mut response = match self.forward(request, &mut id).await {
            Ok((response, lease)) => self.pass_on(response, lease, under_way),
            Err(refusal) => {
                if refusal.status.is_server_error() {
                    tracing::debug!(status = refusal.status.as_u16(), why = %refusal.what, "request failed");
                }
                refusal.answer(id, under_way)
            }
        };
        if self.front.phase() != Phase::Open {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    fn pass_on(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        under_way: UnderWay,
    ) -> Response<ReplyBody> {
        let (mut parts, incoming) = response.into_parts();
        prepare_answer(&mut parts.headers);
        parts.version = Version::HTTP_11;
        let idle = self.worker.shared.limits.body_idle;
        Response::from_parts(parts, ReplyBody::of_endpoint(incoming, lease, idle, under_way))
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        id: &mut Option<HeaderValue>,
    ) -> Result<(Response<Incoming>, Lease), Refusal> {
        check_form(&request)?;
        let request = self.prepare(request).await?;
        *id = request.headers().get(X_REQUEST_ID).cloned();
        self.worker.budget.request(Instant::now());
        self.try_endpoints(request).await
    }

    async fn prepare(&self, request: Request<Incoming>) -> Result<Request<RequestBody>, Refusal> {
        let (mut parts, incoming) = request.into_parts();
        if !parts.headers.contains_key(HOST) {
            // HTTP/1.0 may leave it out, an endpoint's HTTP/1.1 may not.
            let own = HeaderValue::from_str(&self.front.local.to_string()).expect("an address is plain text");
            parts.headers.insert(HOST, own);
        }
        prepare_request(&mut parts.headers, &self.fields, || self.worker.new_request_id());
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let exact = incoming.size_hint().exact();
        let body = match exact {
            Some(0) => RequestBody::Empty,
            Some(length)
                if is_idempotent(&parts.method)
                    && length <= self.worker.shared.limits.replay_bytes as u64 =>
            {
                RequestBody::Whole(self.read_whole(incoming).await?)
            }
            Some(_) => RequestBody::Streamed(incoming),
            None => {
                // Said by us, since hyper sends no body of unknown length with GET.
                parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                RequestBody::Streamed(incoming)
            }
        };
        Ok(Request::from_parts(parts, body))
    }

    async fn read_whole(&self, incoming: Incoming) -> Result<Bytes, Refusal> {
        let read = incoming.collect().await.map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("the request's body did not come whole: {error}"))
        })?;
        Ok(read.to_bytes())
    }

    async fn try_endpoints(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), Refusal> {
        let limits = &self.worker.shared.limits;
        let mut tried: Vec<u64> = Vec::new();
        let mut last_error = String::new();
        let mut fresh = false;
        // Kept connections that had ended, and zones that were left meanwhile, cost no try; but even they have an end.
        for _ in 0..16 {
            let route = self.route(&request)?;
            let endpoint = match route.pick(self.worker.chance(), &tried) {
                Ok(endpoint) => endpoint.clone(),
                Err(Nobody::AllTried) => break,
                Err(why) if tried.is_empty() => {
                    return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, route.explain(why)));
                }
                Err(_) => break,
            };
            let failed = match self.worker.kept(&endpoint).lend(fresh).await {
                Err(error) => {
                    if let ConnectError::Endpoint(_) = &error {
                        note_failure(&endpoint);
                    }
                    Failed::Unsent { request, error: error.to_string() }
                }
                // The zone was left while we connected.
                Ok(_) if !endpoint.serves() && !self.route(&request)?.leads_to(&endpoint) => continue,
                Ok(lease) if lease.was_kept => match self.send(request, lease).await {
                    Ok(answered) => return Ok(answered),
                    Err(Failed::Unsent { request: back, .. }) => {
                        // It had ended while it lay idle: no failure, and no try.
                        (request, fresh) = (back, true);
                        continue;
                    }
                    Err(failed) => failed,
                },
                Ok(lease) => match self.send(request, lease).await {
                    Ok(answered) => return Ok(answered),
                    Err(failed) => failed,
                },
            };
            let (back, error) = match failed {
                Failed::Unsent { request, error } => (Some(request), error),
                Failed::Sent { copy, error } => (copy, error),
                Failed::Silent => {
                    return Err(Refusal::new(
                        StatusCode::GATEWAY_TIMEOUT,
                        format!(
                            "endpoint {} did not answer within {:?}",
                            endpoint.key.address, limits.response_header
                        ),
                    ));
                }
            };
            tracing::debug!(endpoint = %endpoint.key.address, zone = %endpoint.key.zone, %error, "try failed");
            last_error = format!("{}: {error}", endpoint.key.address);
            tried.push(endpoint.id);
            let Some(back) = back else {
                return Err(Refusal::new(
                    StatusCode::BAD_GATEWAY,
                    format!(
                        "endpoint {last_error}; the request may have been carried out, so it was not sent to another"
                    ),
                ));
            };
            request = back;
            fresh = false;
            if tried.len() >= usize::from(limits.tries) || !self.worker.budget.retry(Instant::now()) {
                break;
            }
        }
        let pool = self.route(&request)?.pool.clone();
        Err(Refusal::new(
            StatusCode::BAD_GATEWAY,
            format!(
                "no endpoint of pool {pool} took the request, {} tried; the last: {last_error}",
                tried.len()
            ),
        ))
    }

    /// Where the request goes by now.
    fn route(&self, request: &Request<RequestBody>) -> Result<Arc<Route>, Refusal> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.front.route_for(host, request.uri().path()).ok_or_else(|| {
            let what = format!("no pool here is for the host `{host}` and this path");
            Refusal::new(StatusCode::NOT_FOUND, what)
        })
    }

    /// Hands the request to an endpoint and waits for the head of its answer.
    async fn send(
        &self,
        request: Request<RequestBody>,
        mut lease: Lease,
    ) -> Result<(Response<Incoming>, Lease), Failed> {
        let copy = copy_of(&request);
        let endpoint = lease.endpoint().clone();
        endpoint.activity.request_sent(self.worker.shared.clock.now());
        let limit = self.worker.shared.limits.response_header;
        let sent = tokio::time::timeout(limit, lease.sender.try_send_request(request)).await;
        match sent {
            Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                endpoint.activity.request_failed();
                let error = "answered 101, though no upgrade was asked for".to_owned();
                Err(Failed::Sent { copy: None, error })
            }
            Ok(Ok(response)) => {
                endpoint.health.answered();
                if response.status().is_server_error() {
                    endpoint.activity.request_failed();
                }
                Ok((response, lease))
            }
            Ok(Err(mut error)) => {
                let unsent = error.take_message();
                let error = explain(error.error());
                if let Some(request) = unsent {
                    return Err(Failed::Unsent { request, error });
                }
                note_failure(&endpoint);
                Err(Failed::Sent { copy, error })
            }
            Err(_) => {
                endpoint.activity.request_failed();
                Err(Failed::Silent)
            }
        }
    }
}

fn explain(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// The request once more, if it may be sent twice.
fn copy_of(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !is_idempotent(request.method()) {
        return None;
    }
    let mut copy = Request::new(request.body().again()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = Uri::clone(request.uri());
    *copy.headers_mut() = request.headers().clone();
    debug_assert!(
        !copy.headers().contains_key(TRANSFER_ENCODING) || !copy.headers().contains_key(CONTENT_LENGTH)
    );
    Some(copy)
}
