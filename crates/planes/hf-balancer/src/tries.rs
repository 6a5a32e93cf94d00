//! A request's tries: at an endpoint, at another where that is safe, at the failover pool where the pool has one.
//!
//! When it is safe to try again, at most `retries.tries` endpoints:
//! 1. No connection came about, a kept one had ended before the request was handed to it, or HTTP/2 said that it was not looked at
//!    (REFUSED_STREAM, GOAWAY): nothing reached an application; always safe.
//! 2. The connection broke after the request was sent and before the head of the answer was whole, or the answer's status is one of `on_status`: only if the method is
//!    idempotent (RFC 9110 9.2.2), the body can be sent again (none, or at most `replay_bytes` of known length) and the budget grants it.
//! 3. By the same conditions over a new connection, if it was a kept one of HTTP/1.1 that the endpoint closed without a byte of an answer: it may end idle connections when it
//!    likes, and a request may cross that. It costs no try and is no failure of the endpoint; what breaks a new connection is.
//! 4. Never once an answer is passed on, and never after silence: what waits 60 s would only wait longer.
//! 5. By rules 1 to 4, and with a budget of its own, a request that failed goes to the pool's failover once: when it reached no endpoint
//!    or its connections broke (`on_connect`), upon a status of its list, or without a first byte in `on_timeout`.
//!
//! The route is read anew for every try, and the endpoint's standing once more right before the request is handed over.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hf_balance::Ask;
use hf_telemetry::Outcome;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::time::Instant;

use crate::alone::{Broken, NotAnswered};
use crate::body::{Fate, Reply, ReplyBody, RequestBody};
use crate::budget::Further;
use crate::endpoint::Endpoint;
use crate::endpoint_io::{Between, ConnectError};
use crate::exchange::{ClientConnection, too_long};
use crate::grpc;
use crate::kept::Kept;
use crate::lease::Lease;
use crate::refuse::Refusal;
use crate::replay::Replay;
use crate::route::{Nobody, Route};

/// Kept connections that had ended, and zones that were left meanwhile, cost no try; but even they have an end.
const TURNS_MAX: usize = 16;

/// Bytes of an answer that is not passed on which are read to keep its connection.
const DISCARD_BYTES: usize = 64 << 10;

/// How long that may take.
const DISCARD_PATIENCE: Duration = Duration::from_secs(1);

/// An answer, and what the client is told beside it.
#[derive(Debug)]
pub struct Answered {
    /// As it came.
    pub response: Response<Reply>,
    /// Its connection.
    pub lease: Lease,
    /// A cookie that is new to the client.
    pub cookie: Option<HeaderValue>,
    /// How long the endpoint may be silent.
    pub body_idle: Duration,
}

/// A request on its way.
#[derive(Debug)]
pub struct Carrying<'a> {
    pub connection: &'a ClientConnection,
    pub is_idempotent: bool,
    pub asks_upgrade: bool,
    pub is_grpc: bool,
    pub between: Between,
    /// What it is hashed by.
    pub key: Option<u64>,
    /// The endpoint that its cookie names.
    pub stuck_to: Option<u64>,
    /// What becomes of a streamed body.
    pub fate: Option<Rc<Cell<Fate>>>,
}

/// At which pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    First,
    Failover,
}

/// How a try ended that gave no answer.
enum Failed {
    /// It reached no application, and is back; why.
    Unsent { error: String },
    /// The same, of a connection that had ended already: it costs no try.
    Stale,
    /// It was sent over a kept connection that ended then without a byte of an answer; here it is again.
    Crossed { copy: Replay, error: String },
    /// It was sent and no answer came; here it is again, if it may be sent again.
    Sent { copy: Option<Replay>, error: String },
    /// It was sent and nothing came for too long.
    Silent { copy: Option<Replay>, waited: Duration },
    /// The client's own body stopped it.
    Client(Refusal),
}

/// Why a leg gave no answer to pass on.
struct Missed {
    refusal: Refusal,
    cause: Cause,
    /// Whether the request may be sent again, and is back for that.
    again: bool,
    /// What to pass on if nothing better comes.
    spare: Option<Box<Answered>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It reached no endpoint, or its connections broke.
    Connection,
    Silence,
    Status(StatusCode),
    /// The client's doing.
    Client,
}

impl Missed {
    fn of_client(refusal: Refusal) -> Self {
        Missed { refusal, cause: Cause::Client, again: false, spare: None }
    }
}

impl Carrying<'_> {
    /// Carries it to an answer, here or at the failover.
    pub async fn carry(&self, request: &mut Request<RequestBody>) -> Result<Answered, Refusal> {
        let missed = match self.leg(Leg::First, request).await {
            Ok(answered) => return Ok(answered),
            Err(missed) => missed,
        };
        if missed.again && self.may_fail_over(request, missed.cause) {
            // Boxed: few requests come here.
            match Box::pin(self.leg(Leg::Failover, request)).await {
                Ok(answered) => {
                    if let Some(spare) = missed.spare {
                        discard(*spare);
                    }
                    return Ok(answered);
                }
                Err(Missed { spare: Some(spare), .. }) => return Ok(*spare),
                Err(_) => {}
            }
        }
        missed.spare.map(|spare| *spare).ok_or(missed.refusal)
    }

    fn may_fail_over(&self, request: &Request<RequestBody>, cause: Cause) -> bool {
        let Ok(route) = self.connection.route(request) else { return false };
        let (Some(rule), Some(_)) = (&route.rules().failover, &route.failover) else { return false };
        let wanted = match cause {
            Cause::Connection => rule.on_connect,
            Cause::Silence => rule.on_timeout.is_some(),
            Cause::Status(status) => rule.on_status.iter().any(|range| range.holds(status.as_u16())),
            Cause::Client => false,
        };
        let budgets = &self.connection.worker.budgets;
        wanted && budgets.grant(route.number, Further::Failover, rule.budget, Instant::now())
    }

    fn route(&self, leg: Leg, request: &Request<RequestBody>) -> Result<Arc<Route>, Refusal> {
        let route = self.connection.route(request)?;
        match leg {
            Leg::First => Ok(route),
            Leg::Failover => route.failover.clone().ok_or_else(|| {
                Refusal::new(StatusCode::BAD_GATEWAY, "the pool's failover is gone since the request began")
            }),
        }
    }

    async fn leg(&self, leg: Leg, request: &mut Request<RequestBody>) -> Result<Answered, Missed> {
        let worker = &self.connection.worker;
        let mut tried: Vec<u64> = Vec::new();
        let mut last_error = String::new();
        // Boxed: few requests have one.
        let mut spare: Option<Box<Answered>> = None;
        let mut fresh = false;
        let mut tries_max = 1;
        for _ in 0..TURNS_MAX {
            let route = self.route(leg, request).map_err(Missed::of_client)?;
            let rules = route.rules();
            tries_max = usize::from(rules.retries.tries.max(1));
            let endpoint = match self.pick(&route, &tried) {
                Ok(endpoint) => endpoint.clone(),
                Err(Nobody::AllTried) => break,
                Err(why) if tried.is_empty() => {
                    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, route.explain(why));
                    return Err(Missed { refusal, cause: Cause::Connection, again: true, spare });
                }
                Err(_) => break,
            };
            let kept = worker.lines.to(&endpoint, &route.manner);
            let lent = match kept.lend_kept(fresh, self.between) {
                Some(lease) => Ok(lease),
                // Boxed: a handshake needs more room than all the rest of a request, and few requests wait for one.
                None => Box::pin(kept.lend(fresh, self.between)).await,
            };
            let failed = match lent {
                Err(error) => {
                    if let ConnectError::Endpoint(_) = &error {
                        endpoint.finished(self.between.source.ip(), Outcome::ConnectFailed, 0);
                    }
                    Failed::Unsent { error: error.to_string() }
                }
                // The zone was left while we connected.
                Ok(_) if !endpoint.serves() && !self.still_leads(leg, request, &endpoint) => continue,
                Ok(lease) => match self.send(leg, request, lease, &route, &kept).await {
                    Ok((answered, copy)) => {
                        let status = answered.response.status();
                        let retry = self.wants_another(leg, &route, status, tried.len() + 1);
                        let (Some(copy), Some(cause)) = (copy, retry) else {
                            if let Some(old) = spare {
                                discard(*old);
                            }
                            return Ok(answered);
                        };
                        if let Some(old) = spare.replace(Box::new(answered)) {
                            discard(*old);
                        }
                        tried.push(endpoint.id);
                        last_error = format!("{} answered {status}", endpoint.key.address);
                        copy.restore(request);
                        if cause == Another::Pool {
                            return Err(Self::missed(&route, tried.len(), &last_error, spare));
                        }
                        endpoint.stats.retried();
                        fresh = false;
                        continue;
                    }
                    Err(failed) => failed,
                },
            };
            let (back, error, was_sent) = match failed {
                Failed::Stale => {
                    fresh = true;
                    continue;
                }
                Failed::Crossed { copy, error } => {
                    copy.restore(request);
                    last_error = format!("{}: {error}", endpoint.key.address);
                    if !self.grants_retry(&route) {
                        return Err(Self::missed(&route, tried.len() + 1, &last_error, spare));
                    }
                    endpoint.stats.retried();
                    fresh = true;
                    continue;
                }
                Failed::Unsent { error } => (Some(Replay::There), error, false),
                Failed::Sent { copy, error } => (copy, error, true),
                Failed::Silent { copy, waited } => {
                    let address = endpoint.key.address;
                    let what = format!("endpoint {address} did not answer within {waited:?}");
                    let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, what);
                    let again = copy.map(|copy| copy.restore(request)).is_some();
                    return Err(Missed { refusal, cause: Cause::Silence, again, spare });
                }
                Failed::Client(refusal) => return Err(Missed::of_client(refusal)),
            };
            tracing::debug!(endpoint = %endpoint.key.address, zone = %endpoint.key.zone, %error, "try failed");
            last_error = format!("{}: {error}", endpoint.key.address);
            tried.push(endpoint.id);
            let Some(back) = back else {
                let what = format!(
                    "endpoint {last_error}; the request may have been carried out, so it was not sent to another"
                );
                let refusal = Refusal::new(StatusCode::BAD_GATEWAY, what);
                return Err(Missed { refusal, cause: Cause::Client, again: false, spare });
            };
            back.restore(request);
            fresh = false;
            let may_again = tried.len() < tries_max && (!was_sent || self.grants_retry(&route));
            if !may_again {
                break;
            }
            endpoint.stats.retried();
        }
        let route = self.route(leg, request).map_err(Missed::of_client)?;
        if tried.is_empty() {
            last_error =
                format!("it was left while the request was on its way, after {tries_max} tries at most");
        }
        Err(Self::missed(&route, tried.len(), &last_error, spare))
    }

    fn grants_retry(&self, route: &Route) -> bool {
        let share = route.rules().retries.budget;
        self.connection.worker.budgets.grant(route.number, Further::Retry, share, Instant::now())
    }

    fn missed(route: &Route, tried: usize, last_error: &str, spare: Option<Box<Answered>>) -> Missed {
        let pool = &route.pool;
        let what =
            format!("no endpoint of pool {pool} took the request, {tried} tried; the last: {last_error}");
        let cause =
            spare.as_ref().map_or(Cause::Connection, |answered| Cause::Status(answered.response.status()));
        Missed { refusal: Refusal::new(StatusCode::BAD_GATEWAY, what), cause, again: true, spare }
    }

    fn pick<'r>(&self, route: &'r Route, tried: &[u64]) -> Result<&'r Arc<Endpoint>, Nobody> {
        let stuck_to = self.stuck_to.and_then(|token| route.place(|endpoint| endpoint.token == token));
        let ask = Ask { seed: self.connection.worker.chance(), key: self.key, stuck_to };
        route.pick(&ask, self.connection.client.zone, tried)
    }

    /// Standings change right after the routes: it may lead there already again.
    fn still_leads(&self, leg: Leg, request: &Request<RequestBody>, endpoint: &Endpoint) -> bool {
        self.route(leg, request).is_ok_and(|route| route.leads_to(endpoint))
    }

    /// Whether an answer of this status is not good enough, and who may give a better one.
    fn wants_another(&self, leg: Leg, route: &Route, status: StatusCode, tried: usize) -> Option<Another> {
        let rules = route.rules();
        let is_in = |ranges: &[hf_config::estate::StatusRange]| {
            ranges.iter().any(|range| range.holds(status.as_u16()))
        };
        let retries = &rules.retries;
        if is_in(&retries.on_status)
            && tried < usize::from(retries.tries)
            && tried < route.endpoints.len()
            && self.grants_retry(route)
        {
            return Some(Another::Endpoint);
        }
        let failover = rules.failover.as_ref().filter(|_| leg == Leg::First && route.failover.is_some());
        failover.is_some_and(|rule| is_in(&rule.on_status)).then_some(Another::Pool)
    }

    /// How long to wait for the head of an answer.
    fn patience(leg: Leg, route: &Route, can_replay: bool) -> Duration {
        let limit = route.manner.patience.response_header;
        let failover = route.rules().failover.as_ref().filter(|_| leg == Leg::First && can_replay);
        let earlier = failover.filter(|_| route.failover.is_some()).and_then(|rule| rule.on_timeout);
        earlier.map_or(limit, |earlier| earlier.min(limit))
    }

    /// Hands the request to an endpoint and waits for the head of its answer.
    async fn send(
        &self,
        leg: Leg,
        request: &mut Request<RequestBody>,
        mut lease: Lease,
        route: &Route,
        kept: &Kept,
    ) -> Result<(Answered, Option<Replay>), Failed> {
        let is_http2 = kept.manner.is_http2();
        if is_http2 && self.asks_upgrade && !Box::pin(lease.takes_connect()).await {
            let what = format!(
                "endpoint {} speaks HTTP/2 and takes no WebSockets over it (RFC 8441); turn that on there, or set endpoint_http = \"1.1\"",
                lease.endpoint().key.address
            );
            return Err(Failed::Client(Refusal::new(StatusCode::NOT_IMPLEMENTED, what)));
        }
        let noted = if is_http2 { Replay::of(request) } else { None };
        let is_repeatable = request.body().is_repeatable();
        let limit = Self::patience(leg, route, self.is_idempotent && is_repeatable);
        let until = Instant::now() + limit;
        let timers = &self.connection.worker.shared.timers;
        let sent = timers.within(until, lease.send(request, self.between)).await;
        if let Ok(Err(NotAnswered { unsent: true, error, .. })) = sent {
            lease.was_not_used();
            return Err(if lease.was_kept {
                // It had ended while it lay idle: no failure, and no try.
                Failed::Stale
            } else {
                Failed::Unsent { error: explain(&error) }
            });
        }
        let copy = if is_http2 { noted } else { is_repeatable.then_some(Replay::There) };
        // Only what is idempotent may be carried out twice; the rest may go out again if it was not looked at.
        let repeat = |copy: Option<Replay>| copy.filter(|_| self.is_idempotent);
        match sent {
            Ok(Ok(response))
                if response.status() == StatusCode::SWITCHING_PROTOCOLS
                    && (is_http2 || !self.asks_upgrade) =>
            {
                lease.note(Outcome::ServerError);
                let error = "answered 101, though no upgrade was asked for".to_owned();
                Err(Failed::Sent { copy: None, error })
            }
            Ok(Ok(response)) => {
                lease.note(self.outcome(&response));
                let cookie = self.cookie(route, lease.endpoint());
                let body_idle = route.manner.patience.body_idle;
                Ok((Answered { response, lease, cookie, body_idle }, repeat(copy)))
            }
            Ok(Err(NotAnswered { error, was_heard, .. })) => {
                let fate = self.fate.as_ref().map_or(Fate::Coming, |fate| fate.get());
                Err(match (fate, refused(&error), copy) {
                    (Fate::TooLong, ..) => {
                        let max = route.rules().bounds.body_bytes.unwrap_or(u64::MAX);
                        Failed::Client(too_long(max))
                    }
                    (Fate::BrokenOff, ..) => {
                        let what = "the request's body did not come whole";
                        Failed::Client(Refusal::new(StatusCode::BAD_REQUEST, what))
                    }
                    (Fate::Coming, Some(Refused::Closing), Some(copy)) => {
                        lease.was_not_used();
                        lease.retire();
                        copy.restore(request);
                        Failed::Stale
                    }
                    (Fate::Coming, Some(Refused::Stream), Some(copy)) => {
                        lease.was_not_used();
                        copy.restore(request);
                        Failed::Unsent { error: explain(&error) }
                    }
                    (Fate::Coming, _, copy) => {
                        let (copy, explained) = (repeat(copy), explain(&error));
                        match copy {
                            Some(copy) if lease.was_kept && !was_heard && error.is_end() => {
                                lease.was_not_used();
                                Failed::Crossed { copy, error: explained }
                            }
                            copy => {
                                lease.note(error.outcome());
                                Failed::Sent { copy, error: explained }
                            }
                        }
                    }
                })
            }
            Err(_) => {
                lease.note(Outcome::TimedOut);
                Err(Failed::Silent { copy: repeat(copy), waited: limit })
            }
        }
    }

    fn outcome(&self, response: &Response<Reply>) -> Outcome {
        if response.status().is_server_error() {
            Outcome::ServerError
        } else if self.is_grpc {
            // With trailers to come they have the last word.
            grpc::outcome(response.headers())
        } else {
            Outcome::Answered
        }
    }

    /// The cookie for a client that is new at `endpoint`.
    fn cookie(&self, route: &Route, endpoint: &Endpoint) -> Option<HeaderValue> {
        if route.cookies.is_empty() || self.stuck_to == Some(endpoint.token) {
            return None;
        }
        let at = route.place(|found| found.id == endpoint.id)?;
        route.cookies.get(usize::from(at)).cloned()
    }
}

/// Who may give a better answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Another {
    Endpoint,
    Pool,
}

/// How HTTP/2 says that a request was not looked at (RFC 9113 8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// This one.
    Stream,
    /// All after the last one that the endpoint works on: it closes the connection.
    Closing,
}

fn refused(error: &Broken) -> Option<Refused> {
    let Broken::Hyper(error) = error else { return None };
    let cause = std::error::Error::source(error)?.downcast_ref::<h2::Error>()?;
    if !cause.is_remote() {
        return None;
    }
    if cause.is_go_away() {
        return Some(Refused::Closing);
    }
    (cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM)).then_some(Refused::Stream)
}

/// Reads the rest of a short answer that nobody wants, so that its connection can be kept.
fn discard(answered: Answered) {
    let Answered { response, lease, .. } = answered;
    tokio::task::spawn_local(async move {
        // Kept by the body itself, once it has come whole.
        let rest = Limited::new(ReplyBody::unwanted(response.into_body(), lease), DISCARD_BYTES).collect();
        let _ = tokio::time::timeout(DISCARD_PATIENCE, rest).await;
    });
}

fn explain(error: &Broken) -> String {
    let Broken::Hyper(error) = error else { return error.to_string() };
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
