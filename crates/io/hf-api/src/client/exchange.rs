//! One request and its answer with one endpoint, on a connection of its own.
//!
//! 1. A connection has its own time-out: the first packet may be lost. The time for the whole is the caller's.
//! 2. A name is resolved only if an endpoint has one: an address given as a number needs no look-up.
//!
//! Not here: which endpoint is asked, and what an answer means for the others (`super`).

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, IF_MATCH};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Call, Client, EndpointError};
use crate::tls::words;

/// From the start of a connection to giving it up: the first packet may be lost, it is sent again after a second.
const CONNECT: Duration = Duration::from_secs(2);
/// Bytes of an answer at most: an estate of 16 MiB, doubled by JSON's escapes.
const ANSWER_BYTES: usize = 33 << 20;

/// Where a node's API is.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub url: String,
    authority: String,
    pub secure: bool,
}

impl Client {
    pub(super) async fn exchange(
        &self,
        endpoint: &Endpoint,
        call: &Call,
    ) -> Result<(StatusCode, Bytes), String> {
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

impl Endpoint {
    pub fn parse(url: String) -> Result<Self, EndpointError> {
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
