//! A small client of the API: any of several endpoints, short time-outs, safe repeats.
//!
//! 1. The endpoint that answered last is tried first, so that who made a change also tells what came of it; the others in random order,
//!    each at most once a call; the next one when an endpoint cannot be reached, does not talk our language, does not know the
//!    token, or answers 503 (it keeps no ledger, has no quorum, or is busy), and, beside it, when it has not answered for
//!    [`PATIENCE`] (`race`). That none of those that answered has a ledger is an error of its own: whoever asked goes on without one.
//! 2. A write carries a request id, made up once a call when the caller gives none: trying it elsewhere cannot do it twice.
//!    A name is resolved only if an endpoint has one: an address given as a number needs no look-up.
//! 3. `https://` endpoints need to be told whom to trust: an authority or a pinned key ([`ClientTls`]). Plain `http://` is for
//!    loopback and for networks that somebody else guards: token and answers go over it in the clear.
//!
//! Not here: where endpoints and token come from, output (`holdfast`).

mod controls;
mod endpoints;
mod glass;

pub use glass::HandOver;

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, IF_MATCH};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dns::DnsAnswers;
use crate::estate::{ApplyEstate, Diff, EstateInfo};
use crate::explain::Explain;
use crate::hosted::{AddZoneKey, HostedZones, MoveZoneKey, UpdateDone, UpdateHostedZone, ZoneKeys};
use crate::journal::{Journal, JournalExport};
use crate::problem::{Problem, code};
use crate::race::{Pace, Told, race};
use crate::shift::{Extend, SetPin, Shift, ShiftFilter, Shifts, StartShift, WriteDone};
use crate::status::Status;
use crate::tls::{ClientTls, words};

/// Without an answer for so long, another endpoint is asked too. Short: the zone burns.
const PATIENCE: Duration = Duration::from_millis(300);
/// From the start of a connection to giving it up: the first packet may be lost, it is sent again after a second.
const CONNECT: Duration = Duration::from_secs(2);
/// From the start of a request to giving it up, connection included.
const WHOLE: Duration = Duration::from_secs(3);
/// For all endpoints together.
const TOTAL: Duration = Duration::from_secs(8);
/// Bytes of a body that is still raced.
const RACED_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer at most: an estate of 16 MiB, doubled by JSON's escapes.
const ANSWER_BYTES: usize = 33 << 20;

/// A client of one or several nodes that stand for one another.
#[derive(Clone)]
pub struct Client {
    endpoints: Vec<Endpoint>,
    token: Option<String>,
    tls: Option<ClientTls>,
    /// The place among the endpoints of the one that answered last; beyond them at first.
    answered: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
struct Endpoint {
    url: String,
    authority: String,
    secure: bool,
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// None given.
    #[error("no endpoint is given; name one, such as http://127.0.0.1:7600")]
    None,
    /// Not a URL that we can use.
    #[error(
        "{url:?} is not an endpoint: {why}; write https://ADDRESS:PORT or http://ADDRESS:PORT, such as http://127.0.0.1:7600"
    )]
    Bad {
        /// As given.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Nobody said whom to trust.
    #[error(
        "{url:?} needs to be known by something: give the authority's certificate (--ca FILE) or the node's key (--pin sha256/…); \
         a node prints its key at its start"
    )]
    NoTrust {
        /// As given.
        url: String,
    },
    /// A token that cannot be sent.
    #[error("the token has characters that no token has; copy it again, without line breaks")]
    Token,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A node answered and refused; nothing was changed.
    #[error("{message}{}{mend}", if mend.is_empty() { "" } else { "; " })]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        message: String,
        /// One word for programs, see [`crate::code`].
        code: String,
        /// How to put it right.
        mend: String,
    },
    /// Every endpoint that answered keeps no ledger, and this needs one. A write may have happened on one that gave no answer:
    /// repeat it with the same request id.
    #[error(
        "no node with a ledger answered{}{}",
        list("; not reached: ", tried),
        list("; without a ledger: ", without)
    )]
    NoLedger {
        /// Those that gave no answer, in the order of trying.
        tried: Vec<Tried>,
        /// Those that keep no ledger or have no quorum for it, with their words.
        without: Vec<Tried>,
    },
    /// No endpoint gave an answer. A write may have happened: repeat it with the same request id.
    #[error("no endpoint can be reached: {}", tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unreachable {
        /// All of them, in the order of trying.
        tried: Vec<Tried>,
    },
}

/// One endpoint that did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// As given.
    pub endpoint: String,
    /// What happened.
    pub why: String,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.why)
    }
}

fn list(before: &str, tried: &[Tried]) -> String {
    let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
    if tried.is_empty() { String::new() } else { format!("{before}{}", tried.join(", ")) }
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

    /// `GET /v1/status`.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// `GET /v1/gray`: the detectors' word on every pool's zones.
    pub async fn gray(&self) -> Result<crate::Gray, ClientError> {
        self.get("/v1/gray").await
    }

    /// `GET /v1/shifts`: active ones, and with `all` the newest ended ones.
    pub async fn shifts(&self, all: bool) -> Result<Shifts, ClientError> {
        self.shifts_of(&ShiftFilter { all, ..ShiftFilter::default() }).await
    }

    /// `GET /v1/shifts`: those that the filter lets through.
    pub async fn shifts_of(&self, filter: &ShiftFilter) -> Result<Shifts, ClientError> {
        let mut query: Vec<String> = Vec::new();
        if filter.all {
            query.push("all=true".to_owned());
        }
        let words = [("zone", &filter.zone), ("resource", &filter.resource), ("state", &filter.state)];
        for (name, word) in words {
            query.extend(word.as_ref().map(|word| format!("{name}={}", escape(word))));
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        self.get(&format!("/v1/shifts{query}")).await
    }

    /// `GET /v1/shifts/{id}`.
    pub async fn shift(&self, id: &str) -> Result<Shift, ClientError> {
        self.get(&format!("/v1/shifts/{}", escape(id))).await
    }

    /// `POST /v1/shifts`.
    pub async fn start_shift(&self, start: &StartShift) -> Result<Shift, ClientError> {
        let request_id = Some(start.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::POST, "/v1/shifts", None, &StartShift { request_id, ..start.clone() }).await
    }

    /// `POST /v1/shifts/{id}/extend`.
    pub async fn extend_shift(
        &self,
        id: &str,
        extend: &Extend,
        if_match: Option<u64>,
    ) -> Result<Shift, ClientError> {
        let request_id = Some(extend.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/shifts/{}/extend", escape(id));
        self.send(Method::POST, &path, if_match, &Extend { request_id, ..extend.clone() }).await
    }

    /// `DELETE /v1/shifts/{id}`: ends it now.
    pub async fn cancel_shift(&self, id: &str, if_match: Option<u64>) -> Result<Shift, ClientError> {
        let path = format!("/v1/shifts/{}?request_id={}", escape(id), request_id());
        self.call(Call { method: Method::DELETE, path, if_match, body: None }).await
    }

    /// `POST /v1/pins`.
    pub async fn pin(&self, pin: &SetPin) -> Result<WriteDone, ClientError> {
        let request_id = Some(pin.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::POST, "/v1/pins", None, &SetPin { request_id, ..pin.clone() }).await
    }

    /// `DELETE /v1/pins`.
    pub async fn unpin(&self, zone: &str, resource: &str) -> Result<WriteDone, ClientError> {
        let (zone, resource) = (escape(zone), escape(resource));
        let path = format!("/v1/pins?zone={zone}&resource={resource}&request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }

    /// `GET /v1/estate`.
    pub async fn estate(&self) -> Result<EstateInfo, ClientError> {
        self.get("/v1/estate").await
    }

    /// `PUT /v1/estate`.
    pub async fn apply_estate(&self, estate: &ApplyEstate) -> Result<WriteDone, ClientError> {
        let request_id = Some(estate.request_id.clone().unwrap_or_else(request_id));
        self.send(Method::PUT, "/v1/estate", None, &ApplyEstate { request_id, ..estate.clone() }).await
    }

    /// `POST /v1/estate/diff`: what applying it would change.
    pub async fn diff_estate(&self, estate: &ApplyEstate) -> Result<Diff, ClientError> {
        self.send(Method::POST, "/v1/estate/diff", None, estate).await
    }

    /// `GET /v1/explain` for a DNS question; `rtype` is `A` or any other type, `from` the client's address.
    pub async fn explain_name(&self, name: &str, rtype: &str, from: &str) -> Result<Explain, ClientError> {
        self.get(&format!("/v1/explain?name={}&type={}&from={}", escape(name), escape(rtype), escape(from)))
            .await
    }

    /// The same for a client behind a resolver that tells its network (EDNS Client Subnet), such as `192.0.2.0/24`.
    pub async fn explain_name_for(
        &self,
        name: &str,
        rtype: &str,
        from: &str,
        subnet: &str,
    ) -> Result<Explain, ClientError> {
        let (name, rtype, from) = (escape(name), escape(rtype), escape(from));
        self.get(&format!("/v1/explain?name={name}&type={rtype}&from={from}&subnet={}", escape(subnet))).await
    }

    /// `GET /v1/whatif` for a zone or region, of a node that knows the last week, if one answers.
    pub async fn what_if(&self, lose: &str) -> Result<crate::capacity::WhatIf, ClientError> {
        let path = format!("/v1/whatif?lose={}", escape(lose));
        self.preferred(path, |found: &crate::capacity::WhatIf| found.week).await
    }

    /// `GET /v1/hosted-zones`.
    pub async fn hosted_zones(&self) -> Result<HostedZones, ClientError> {
        self.get("/v1/hosted-zones").await
    }

    /// `GET /v1/dns-answers`, of one name or of all.
    pub async fn dns_answers(&self, name: Option<&str>) -> Result<DnsAnswers, ClientError> {
        let query = name.map(|name| format!("?name={}", escape(name))).unwrap_or_default();
        self.get(&format!("/v1/dns-answers{query}")).await
    }

    /// `GET /v1/hosted-zones/{name}/keys`.
    pub async fn zone_keys(&self, hosted_zone: &str) -> Result<ZoneKeys, ClientError> {
        self.get(&format!("/v1/hosted-zones/{}/keys", escape(hosted_zone))).await
    }

    /// `POST /v1/hosted-zones/{name}/keys`.
    pub async fn add_zone_key(&self, hosted_zone: &str, add: &AddZoneKey) -> Result<WriteDone, ClientError> {
        let request_id = Some(add.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/keys", escape(hosted_zone));
        self.send(Method::POST, &path, None, &AddZoneKey { request_id, ..add.clone() }).await
    }

    /// `PUT /v1/hosted-zones/{name}/keys/{tag}`.
    pub async fn move_zone_key(
        &self,
        hosted_zone: &str,
        tag: u16,
        to: &MoveZoneKey,
    ) -> Result<WriteDone, ClientError> {
        let request_id = Some(to.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/keys/{tag}", escape(hosted_zone));
        self.send(Method::PUT, &path, None, &MoveZoneKey { request_id, ..to.clone() }).await
    }

    /// `DELETE /v1/hosted-zones/{name}/keys/{tag}`; with `force` without waiting.
    pub async fn remove_zone_key(
        &self,
        hosted_zone: &str,
        tag: u16,
        force: bool,
    ) -> Result<WriteDone, ClientError> {
        let name = escape(hosted_zone);
        let path = format!("/v1/hosted-zones/{name}/keys/{tag}?force={force}&request_id={}", request_id());
        self.call(Call { method: Method::DELETE, path, if_match: None, body: None }).await
    }

    /// `POST /v1/hosted-zones/{name}/updates`.
    pub async fn update_hosted_zone(
        &self,
        hosted_zone: &str,
        update: &UpdateHostedZone,
    ) -> Result<UpdateDone, ClientError> {
        let request_id = Some(update.request_id.clone().unwrap_or_else(request_id));
        let path = format!("/v1/hosted-zones/{}/updates", escape(hosted_zone));
        self.send(Method::POST, &path, None, &UpdateHostedZone { request_id, ..update.clone() }).await
    }

    /// `GET /v1/explain` for a balancer in `from_zone` that picks an endpoint of `pool` (its name, without `pool/`).
    pub async fn explain_pool(&self, pool: &str, from_zone: Option<&str>) -> Result<Explain, ClientError> {
        let from_zone = from_zone.map(|zone| format!("&from_zone={}", escape(zone))).unwrap_or_default();
        self.get(&format!("/v1/explain?pool={}{from_zone}", escape(pool))).await
    }

    /// `GET /v1/journal`: at most `limit` lines after line `after`; without `after` the newest ones. Of a node with a ledger, if one
    /// answers.
    pub async fn journal(&self, after: Option<u64>, limit: u32) -> Result<Journal, ClientError> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        self.preferred(format!("/v1/journal?limit={limit}{after}"), |journal: &Journal| journal.ledger).await
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

    /// `GET /v1/journal/export`: at most `limit` lines after position `after` and not before `since_ms`, as they were journalled, with
    /// their links. Each node has a journal of its own.
    pub async fn journal_export(
        &self,
        after: u64,
        since_ms: Option<u64>,
        limit: u32,
    ) -> Result<JournalExport, ClientError> {
        let since = since_ms.map(|at| format!("&since_ms={at}")).unwrap_or_default();
        self.get(&format!("/v1/journal/export?after={after}&limit={limit}{since}")).await
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

    async fn exchange(&self, endpoint: &Endpoint, call: &Call) -> Result<(StatusCode, Bytes), String> {
        let stream = match timeout(CONNECT, TcpStream::connect(&endpoint.authority)).await {
            Err(_) => return Err(format!("no connection within {} ms", CONNECT.as_millis())),
            Ok(Err(error)) => return Err(format!("no connection: {error}")),
            Ok(Ok(stream)) => stream,
        };
        let _ = stream.set_nodelay(true); // only slower without
        if !endpoint.secure {
            return self.converse(stream, endpoint, call).await;
        }
        let Some(tls) = &self.tls else { return Err("nobody said whom to trust there".to_owned()) };
        let host = endpoint.authority.rsplit_once(':').map_or(endpoint.authority.as_str(), |(host, _)| host);
        let stream = tls.connect(host, stream).await.map_err(|error| words(&error))?;
        self.converse(stream, endpoint, call).await
    }

    /// One request and its answer on an open connection.
    async fn converse<I>(
        &self,
        stream: I,
        endpoint: &Endpoint,
        call: &Call,
    ) -> Result<(StatusCode, Bytes), String>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let failed = |error: hyper::Error| format!("the connection broke: {}", words(&error));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let driver = AbortOnDrop(tokio::spawn(async move {
            let _ = connection.await; // its error reaches us through the sender
        }));
        let mut request = Request::builder()
            .method(&call.method)
            .uri(&call.path)
            .header(HOST, &endpoint.authority)
            .header(http::header::CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(revision) = call.if_match {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(call.body.clone().unwrap_or_default()))
            .map_err(|error| format!("the request cannot be written: {error}"))?;
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        drop(driver);
        Ok((status, body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes()))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive() // never the token
    }
}

impl Endpoint {
    fn parse(url: String) -> Result<Self, EndpointError> {
        let bad = |why| EndpointError::Bad { url: url.clone(), why };
        let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(bad("it does not begin with http:// or https://")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority: http::uri::Authority =
            rest.parse().map_err(|_| bad("what follows http:// or https:// is not an address and a port"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it has a user name; tokens are given apart"));
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let authority = format!("{}:{port}", authority.host());
        Ok(Endpoint { url, authority, secure })
    }
}

/// Ends a connection's task when its call is over, however that ends.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
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
