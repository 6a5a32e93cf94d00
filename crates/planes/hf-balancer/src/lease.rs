//! A connection to an endpoint, lent to one request, and what is noted when that ends.
//!
//! 1. Every lease that carried a request tells the endpoint's counters once what became of it; one that is dropped before that is
//!    known was given up by the client.
//! 2. Dropped without [`Lease::keep`] a connection of HTTP/1.1 is closed; of HTTP/2 only the stream is.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hf_telemetry::Outcome;
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper::body::Body;
use tokio::time::Instant;

use crate::alone::{Alone, Broken, NotAnswered};
use crate::body::{Reply, RequestBody};
use crate::endpoint::Endpoint;
use crate::endpoint_io::Between;
use crate::kept::{Kept, Open, Stream};
use crate::manner::Manner;

/// One more request under way at an endpoint.
#[derive(Debug)]
pub struct Load(Arc<Endpoint>);

impl Load {
    /// Counted until it is dropped.
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Load(endpoint)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What carries the request.
#[derive(Debug)]
pub enum Line {
    /// A connection of HTTP/1.1.
    Alone(Box<Alone>),
    /// A stream of HTTP/2.
    OneOfMany(Stream),
}

/// A connection lent to one request.
#[derive(Debug)]
pub struct Lease {
    line: Option<Line>,
    kept: Rc<Kept>,
    /// Whether it carried a request before.
    pub was_kept: bool,
    between: Option<Between>,
    open: Rc<Open>,
    sent: Option<Sent>,
    _load: Load,
}

/// A request that went out.
#[derive(Clone, Copy, Debug)]
struct Sent {
    client: IpAddr,
    first_byte_us: u32,
    outcome: Outcome,
    to_endpoint: u64,
    to_client: u64,
}

impl Lease {
    /// Of `line` to the endpoint of `kept`.
    pub fn new(line: Line, kept: Rc<Kept>, was_kept: bool, load: Load, open: Rc<Open>) -> Self {
        Lease { line: Some(line), kept, was_kept, between: None, open, sent: None, _load: load }
    }

    /// Whose connection.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.kept.endpoint
    }

    /// How the endpoint is spoken to.
    pub fn manner(&self) -> &Arc<Manner> {
        &self.kept.manner
    }

    /// Hands a request over, at the first poll of the future, and waits for the head of its answer. What is streamed of `request`
    /// is gone then, and with HTTP/2 all of it, unless it is said to be unsent.
    pub async fn send(
        &mut self,
        request: &mut Request<RequestBody>,
        between: Between,
    ) -> Result<Response<Reply>, NotAnswered> {
        let at = Instant::now();
        self.between = self.kept.manner.is_per_client().then_some(between);
        self.sent = Some(Sent {
            client: between.source.ip(),
            first_byte_us: 0,
            outcome: Outcome::ClientGone,
            to_endpoint: request.body().size_hint().exact().unwrap_or(0),
            to_client: 0,
        });
        self.kept.endpoint.activity.request_sent(self.kept.shared.clock.now());
        let answer = match self.line.as_mut() {
            Some(Line::Alone(alone)) => {
                if request.uri().authority().is_some() {
                    to_own_form(request);
                }
                alone.send(request).await.map(|response| response.map(|()| Reply::Alone))
            }
            Some(Line::OneOfMany(stream)) => {
                for_http2(request, self.kept.manner.says.tls.is_some());
                let taken = std::mem::replace(request, Request::new(RequestBody::Empty));
                match stream.sender().try_send_request(taken).await {
                    Ok(response) => Ok(response.map(Reply::OneOfMany)),
                    Err(mut error) => {
                        let back = error.take_message();
                        let unsent = back.is_some();
                        if let Some(mut back) = back {
                            to_own_form(&mut back);
                            *request = back;
                        }
                        let error = self.broken(error.into_error());
                        Err(NotAnswered { unsent, was_heard: false, error })
                    }
                }
            }
            None => unreachable!("a lease has its line until it ends"),
        };
        if let (Ok(_), Some(sent)) = (&answer, &mut self.sent) {
            sent.first_byte_us = u32::try_from(at.elapsed().as_micros()).unwrap_or(u32::MAX).max(1);
        }
        answer
    }

    /// What broke its stream of HTTP/2: the endpoint, its connection, or somebody on this side of it.
    pub fn broken(&self, error: hyper::Error) -> Broken {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<h2::Error>());
        // We end a stream ourselves when the request's body breaks off. What h2 ends on its own account is the endpoint's fault.
        let is_ours =
            cause.is_some_and(|cause| cause.is_reset() && !cause.is_remote() && !cause.is_library());
        if self.open.was_cut() {
            Broken::Cut
        } else if is_ours || error.is_user() {
            Broken::Body
        } else {
            Broken::Hyper(error)
        }
    }

    /// Its place among the open connections.
    pub fn open(&self) -> &Rc<Open> {
        &self.open
    }

    /// What became of the request.
    pub fn note(&mut self, outcome: Outcome) {
        if let Some(sent) = &mut self.sent {
            sent.outcome = outcome;
        }
    }

    /// Whether the endpoint takes an extended CONNECT; waits for that word of its for as long as a connection may take.
    pub async fn takes_connect(&self) -> bool {
        match &self.line {
            Some(Line::OneOfMany(stream)) => {
                let limit = self.kept.manner.patience.connect;
                tokio::time::timeout(limit, stream.takes_connect()).await.is_ok()
            }
            _ => false,
        }
    }

    /// The endpoint closes the connection: it carries what it carries, and nothing more.
    pub fn retire(&self) {
        if let Some(Line::OneOfMany(stream)) = &self.line {
            self.kept.retire(stream);
        }
    }

    /// Nothing was sent after all: there is nothing to note.
    pub fn was_not_used(&mut self) {
        self.sent = None;
    }

    /// Bytes that moved.
    pub fn moved(&mut self, to_endpoint: u64, to_client: u64) {
        let Some(sent) = &mut self.sent else { return };
        sent.to_endpoint += to_endpoint;
        sent.to_client += to_client;
        if sent.to_endpoint + sent.to_client > 256 << 10 {
            // Long ones tell it as they go, so that the last byte of a zone is seen when it moves.
            let (to_endpoint, to_client) =
                (std::mem::take(&mut sent.to_endpoint), std::mem::take(&mut sent.to_client));
            self.kept.endpoint.activity.bytes_moved(to_endpoint, to_client, self.kept.shared.clock.now());
        }
    }

    /// The answer came whole: keeps the connection for the next request.
    pub fn keep(mut self) {
        if let Some(Line::Alone(alone)) = self.line.take() {
            self.kept.put_back(alone, self.between);
        }
    }

    /// The connection of HTTP/1.1 that is lent.
    pub fn alone(&self) -> Option<&Alone> {
        match &self.line {
            Some(Line::Alone(alone)) => Some(alone),
            _ => None,
        }
    }

    /// The same, to read from it.
    pub fn alone_mut(&mut self) -> Option<&mut Alone> {
        match &mut self.line {
            Some(Line::Alone(alone)) => Some(alone),
            _ => None,
        }
    }

    /// Takes it for good: it carries something else from now on.
    pub fn take_alone(&mut self) -> Option<Box<Alone>> {
        match self.line.take() {
            Some(Line::Alone(alone)) => Some(alone),
            other => {
                self.line = other;
                None
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(sent) = self.sent.take() else { return };
        let endpoint = &self.kept.endpoint;
        endpoint.finished(sent.client, sent.outcome, sent.first_byte_us);
        if sent.to_endpoint + sent.to_client > 0 {
            let now = self.kept.shared.clock.now();
            endpoint.activity.bytes_moved(sent.to_endpoint, sent.to_client, now);
        }
    }
}

/// Turns `http://host/path` into `/path`, the host into its field.
pub fn to_own_form<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
}

/// The host in the target, and none of the fields that frame HTTP/1.1.
fn for_http2(request: &mut Request<RequestBody>, is_enciphered: bool) {
    *request.version_mut() = Version::HTTP_2;
    if request.uri().authority().is_some() {
        return;
    }
    let host = request.headers_mut().remove(HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(if is_enciphered { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority.unwrap_or_else(|| Authority::from_static("localhost")));
    parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_from_one_version_to_the_other_and_back() {
        let mut request = Request::new(RequestBody::Empty);
        *request.uri_mut() = Uri::from_static("/a?b=c");
        request.headers_mut().insert(HOST, HeaderValue::from_static("service.test:80"));
        for_http2(&mut request, true);
        assert_eq!(request.uri(), "https://service.test:80/a?b=c");
        assert!(!request.headers().contains_key(HOST));
        to_own_form(&mut request);
        assert_eq!(request.uri(), "/a?b=c");
        assert_eq!(request.headers()[HOST], "service.test:80");
        *request.uri_mut() = Uri::from_static("*");
        for_http2(&mut request, false);
        assert_eq!(request.uri().path(), "*");
    }
}
