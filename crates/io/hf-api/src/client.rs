//! A small client of the API: any of several endpoints, short time-outs, safe repeats.
//!
//! 1. The endpoint that answered last is tried first, so that who made a change also tells what came of it; the others in random order,
//!    each at most once a call; the next one when an endpoint cannot be reached, does not talk our language, does not know the
//!    token, or answers 503 (it keeps no ledger, has no quorum, or is busy), and, beside it, when it has not answered for
//!    [`PATIENCE`] (`race`). That none of those that answered has a ledger is an error of its own: whoever asked goes on without one.
//! 2. A write carries a request id, made up once a call when the caller gives none: trying it elsewhere cannot do it twice.
//! 3. `https://` endpoints need to be told whom to trust: an authority or a pinned key ([`ClientTls`]). Plain `http://` is for
//!    loopback and for networks that somebody else guards: token and answers go over it in the clear.
//!
//! Not here: the calls themselves (`estate`, `shifts`, `controls`, `hosted`, `endpoints`, `results`, `glass`), a connection (`exchange`), where
//! endpoints and token come from and output (`holdfast`).

mod controls;
mod endpoints;
mod error;
mod estate;
mod exchange;
mod glass;
mod hosted;
mod results;
mod shifts;

pub use error::{ClientError, EndpointError, Tried};
pub use glass::HandOver;

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::{Problem, code};
use crate::race::{Pace, Told, race};
use crate::tls::ClientTls;
use exchange::Endpoint;

/// Without an answer for so long, another endpoint is asked too. Short: the zone burns.
const PATIENCE: Duration = Duration::from_millis(300);
/// From the start of a request to giving it up, connection included.
const WHOLE: Duration = Duration::from_secs(3);
/// For all endpoints together.
const TOTAL: Duration = Duration::from_secs(8);
/// Bytes of a body that is still raced.
const RACED_BYTES_MAX: usize = 64 << 10;

/// A client of one or several nodes that stand for one another.
#[derive(Clone)]
pub struct Client {
    endpoints: Vec<Endpoint>,
    token: Option<String>,
    tls: Option<ClientTls>,
    /// The place among the endpoints of the one that answered last; beyond them at first.
    answered: Arc<AtomicUsize>,
}

/// One request, ready to be sent to any endpoint.
struct Call {
    method: Method,
    path: String,
    if_match: Option<u64>,
    body: Option<Bytes>,
}

impl Call {
    /// Large bodies are not raced: sent thrice, they make slow what was busy.
    fn pace(&self) -> Pace {
        let is_large = self.body.as_ref().is_some_and(|body| body.len() > RACED_BYTES_MAX);
        Pace { patience: if is_large { WHOLE } else { PATIENCE }, total: TOTAL }
    }
}

/// Why an endpoint is passed over.
enum Pass {
    /// No connection, no answer, or not one of ours.
    Unheard(String),
    /// It keeps no ledger, or has no quorum for it.
    NoLedger(String),
    /// It keeps a ledger and cannot use it now, or is busy.
    Unable(ClientError),
    /// It does not know the token.
    Stranger(ClientError),
}

impl Client {
    /// Checks the endpoints, `http://ADDRESS:PORT` each, and makes a client. Nothing is connected yet.
    pub fn new(endpoints: Vec<String>, token: Option<String>) -> Result<Self, EndpointError> {
        Client::with_tls(endpoints, token, None)
    }

    /// The same, where endpoints may also be `https://ADDRESS:PORT`.
    pub fn with_tls(
        endpoints: Vec<String>,
        token: Option<String>,
        tls: Option<ClientTls>,
    ) -> Result<Self, EndpointError> {
        if endpoints.is_empty() {
            return Err(EndpointError::None);
        }
        let token = token.map(|token| token.trim().to_owned());
        if token
            .as_ref()
            .is_some_and(|token| token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()))
        {
            return Err(EndpointError::Token);
        }
        let endpoints = endpoints.into_iter().map(Endpoint::parse).collect::<Result<Vec<_>, _>>()?;
        if tls.is_none()
            && let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.secure)
        {
            return Err(EndpointError::NoTrust { url: endpoint.url.clone() });
        }
        Ok(Client::of(endpoints, token, tls))
    }

    fn of(endpoints: Vec<Endpoint>, token: Option<String>, tls: Option<ClientTls>) -> Self {
        Client { endpoints, token, tls, answered: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    /// Reads from a node whose answer is the best, if one answers so; else from any.
    async fn preferred<T: DeserializeOwned + Send + 'static>(
        &self,
        path: String,
        is_best: fn(&T) -> bool,
    ) -> Result<T, ClientError> {
        let call = Arc::new(Call { method: Method::GET, path, if_match: None, body: None });
        let order = self.order();
        let raced = race(&order, call.pace(), |at| {
            let (one, call) = (self.only(at), call.clone());
            async move {
                match one.call_shared::<T>(call).await {
                    Ok(best) if is_best(&best) => Ok(best),
                    other => Err(other),
                }
            }
        });
        let told = match raced.await {
            Ok((at, best)) => {
                self.answered.store(at, Ordering::Relaxed);
                return Ok(best);
            }
            Err(told) => told,
        };
        let (mut found, mut refused, mut tried) = (None, None, Vec::new());
        for (at, told) in told {
            match told {
                Told::Passed(Ok(other)) => {
                    if found.is_none() {
                        self.answered.store(at, Ordering::Relaxed);
                        found = Some(other);
                    }
                }
                Told::Passed(Err(ClientError::Unreachable { tried: more })) => tried.extend(more),
                Told::Passed(Err(error)) => refused = refused.or(Some(error)),
                Told::Silent | Told::NotAsked => {
                    let endpoint = self.endpoints[at].url.clone();
                    tried.push(Tried { endpoint, why: "no answer in time".to_owned() });
                }
            }
        }
        found.ok_or_else(|| refused.unwrap_or(ClientError::Unreachable { tried }))
    }

    /// One client for each endpoint, with the endpoint as it was given: to ask every one.
    pub fn each(&self) -> Vec<(String, Client)> {
        (0..self.endpoints.len()).map(|at| (self.endpoints[at].url.clone(), self.only(at))).collect()
    }

    fn only(&self, at: usize) -> Client {
        Client::of(vec![self.endpoints[at].clone()], self.token.clone(), self.tls.clone())
    }

    async fn get<A: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<A, ClientError> {
        self.call(Call { method: Method::GET, path: path.to_owned(), if_match: None, body: None }).await
    }

    async fn send<A: DeserializeOwned + Send + 'static>(
        &self,
        method: Method,
        path: &str,
        if_match: Option<u64>,
        body: &impl Serialize,
    ) -> Result<A, ClientError> {
        self.call(Call { method, path: path.to_owned(), if_match, body: Some(json(body)) }).await
    }

    /// The endpoints' places in the order of trying.
    fn order(&self) -> Vec<usize> {
        let first = self.answered.load(Ordering::Relaxed);
        let mut order: Vec<usize> = (0..self.endpoints.len()).collect();
        order.sort_by_cached_key(|at| (*at != first, chance()));
        order
    }

    async fn call<A: DeserializeOwned + Send + 'static>(&self, call: Call) -> Result<A, ClientError> {
        self.call_shared(Arc::new(call)).await
    }

    async fn call_shared<A: DeserializeOwned + Send + 'static>(
        &self,
        call: Arc<Call>,
    ) -> Result<A, ClientError> {
        let order = self.order();
        let raced = race(&order, call.pace(), |at| {
            let (client, call) = (self.clone(), call.clone());
            async move { client.ask::<A>(at, &call).await }
        });
        let told = match raced.await {
            Ok((at, Ok(answer))) => {
                self.answered.store(at, Ordering::Relaxed);
                return Ok(answer);
            }
            Ok((_, Err(refusal))) => return Err(refusal),
            Err(told) => told,
        };
        let (mut tried, mut without, mut refused) = (Vec::new(), Vec::new(), None);
        for (at, told) in told {
            let endpoint = self.endpoints[at].url.clone();
            match told {
                Told::Passed(Pass::Unheard(why)) => tried.push(Tried { endpoint, why }),
                Told::Passed(Pass::NoLedger(why)) => without.push(Tried { endpoint, why }),
                // A node that keeps a ledger and cannot write it has more to tell than one that does not know the token.
                Told::Passed(Pass::Unable(refusal)) => refused = Some(refusal),
                Told::Passed(Pass::Stranger(refusal)) => _ = refused.get_or_insert(refusal),
                Told::Silent => tried.push(Tried { endpoint, why: "no answer in time".to_owned() }),
                Told::NotAsked => {
                    tried.push(Tried { endpoint, why: "not asked, the others took all the time".to_owned() });
                }
            }
        }
        Err(refused.unwrap_or(if without.is_empty() {
            ClientError::Unreachable { tried }
        } else {
            ClientError::NoLedger { tried, without }
        }))
    }

    /// Asks one endpoint: its answer, or its refusal that counts for all, or why it is passed over.
    async fn ask<A: DeserializeOwned>(&self, at: usize, call: &Call) -> Result<Result<A, ClientError>, Pass> {
        let (status, body) = match timeout(WHOLE, self.exchange(&self.endpoints[at], call)).await {
            Err(_) => return Err(Pass::Unheard(format!("no answer within {} s", WHOLE.as_secs()))),
            Ok(heard) => heard.map_err(Pass::Unheard)?,
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map(Ok).map_err(|error| {
                Pass::Unheard(format!("answered {status} with something that is not Holdfast's ({error})"))
            });
        }
        let Some(refusal) = refusal(status, &body) else {
            return Err(Pass::Unheard(format!("answered {status} with something that is not Holdfast's")));
        };
        match (&refusal, status) {
            (ClientError::Refused { code, message, mend, .. }, _)
                if [code::NO_LEDGER, code::NO_QUORUM].contains(&code.as_str()) =>
            {
                Err(Pass::NoLedger(format!("{message} ({mend})")))
            }
            (_, StatusCode::SERVICE_UNAVAILABLE) => Err(Pass::Unable(refusal)),
            // Each node may have tokens of its own: another one may know this one.
            (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(Pass::Stranger(refusal)),
            _ => Ok(Err(refusal)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive() // never the token
    }
}

fn json(body: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(body).expect("the API's types have text keys only"))
}

fn refusal(status: StatusCode, body: &[u8]) -> Option<ClientError> {
    let Problem { code, message, mend, .. } = serde_json::from_slice(body).ok()?;
    Some(ClientError::Refused { status: status.as_u16(), message, code, mend })
}

/// A fresh request id, different from every other: 128 bits of chance.
pub fn request_id() -> String {
    format!("req-{:016x}{:016x}", chance(), chance())
}

/// 64 bits that differ every time. The standard library's hash keys come from the operating system; uniqueness is all
/// that is needed here, not secrecy.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}"); // a String takes everything
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
