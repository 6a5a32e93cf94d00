//! One member of etcd: gRPC over one HTTP/2 connection, made when it is needed and kept while it works.
//!
//! 1. A message is a byte 0, its length in four bytes, its bytes. The answer's last word is `grpc-status`, in the trailers or, when
//!    there is no body, in the head.
//! 2. Every call asks for a member that knows a leader: one that does not says so at once, where it would let us wait.
//! 3. A connection that fails or falls silent is dropped; the next call makes a new one.
//! 4. An answer has at most [`MESSAGE_BYTES_MAX`] bytes.
//!
//! Not here: which member, how long, what an error means for the caller (`client`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of one answer: a page of small entries or a few chunks, several times over.
pub const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// What one answer may have on its way unread.
const WINDOW_BYTES: u32 = 4 << 20;

/// gRPC's words for what went wrong; numbers are the protocol's.
pub mod code {
    pub const INVALID_ARGUMENT: i32 = 3;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    pub const FAILED_PRECONDITION: i32 = 9;
    pub const OUT_OF_RANGE: i32 = 11;
    pub const DATA_LOSS: i32 = 15;
    pub const UNAUTHENTICATED: i32 = 16;
}

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub enum CallError {
    /// No connection: nothing was asked.
    Unreached(String),
    /// The connection failed after the question was on its way.
    Lost(String),
    /// The member refused.
    Status { code: i32, message: String },
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Unreached(why) | CallError::Lost(why) => f.write_str(why),
            CallError::Status { code, message } if message.is_empty() => write!(f, "gRPC status {code}"),
            CallError::Status { message, .. } => f.write_str(message),
        }
    }
}

/// One member.
#[derive(Debug)]
pub struct Channel {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    open: Mutex<Option<SendRequest<Question>>>,
}

impl Channel {
    pub fn new(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        Channel { address, tls, open: Mutex::new(None) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops the connection: it was silent for too long. Calls that go on over it may still end well.
    pub fn drop_connection(&self) {
        self.slot().take();
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<SendRequest<Question>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sender(&self) -> Result<SendRequest<Question>, CallError> {
        if let Some(sender) = self.slot().clone().filter(|sender| !sender.is_closed()) {
            return Ok(sender);
        }
        let sender = self.connect().await?;
        // Two calls may connect at once: the later one is kept, the other serves its call and ends.
        *self.slot() = Some(sender.clone());
        Ok(sender)
    }

    async fn connect(&self) -> Result<SendRequest<Question>, CallError> {
        let unreached = |error: &dyn std::fmt::Display| CallError::Unreached(error.to_string());
        let stream = TcpStream::connect(self.address).await.map_err(|error| unreached(&error))?;
        let _ = stream.set_nodelay(true); // slower without, and no worse
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(2 * WINDOW_BYTES)
            .max_header_list_size(64 << 10);
        if let Some(config) = &self.tls {
            let name = ServerName::IpAddress(self.address.ip().into());
            let stream = TlsConnector::from(config.clone()).connect(name, stream).await;
            let stream = stream.map_err(|error| unreached(&format_args!("TLS: {error}")))?;
            let (sender, connection) =
                builder.handshake(TokioIo::new(stream)).await.map_err(|error| unreached(&error))?;
            tokio::spawn(connection); // ends when the last sender is gone; every call hears of its failure by itself
            return Ok(sender);
        }
        let (sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| unreached(&error))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn ask(
        &self,
        path: &'static str,
        token: Option<&str>,
        question: Question,
    ) -> Result<http::Response<Incoming>, CallError> {
        let mut sender = self.sender().await?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let uri =
            Uri::builder().scheme(scheme).authority(self.address.to_string()).path_and_query(path).build();
        let uri = uri.map_err(|error| CallError::Unreached(error.to_string()))?;
        let mut request = Request::post(uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("hasleader", "true");
        if let Some(token) = token {
            let mut token = HeaderValue::from_str(token)
                .map_err(|_| CallError::Unreached("etcd's token is no header".to_owned()))?;
            token.set_sensitive(true);
            request = request.header("token", token);
        }
        let request = request.body(question).map_err(|error| CallError::Unreached(error.to_string()))?;
        let lost = |error: hyper::Error| {
            // A connection that had died before is noticed here: nothing was sent over it.
            if error.is_canceled() || error.is_closed() {
                CallError::Unreached(describe(&error))
            } else {
                CallError::Lost(describe(&error))
            }
        };
        sender.ready().await.map_err(lost)?;
        let response = sender.send_request(request).await.map_err(|error| {
            self.drop_connection();
            lost(error)
        })?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(CallError::Lost(format!("HTTP status {status}: is this etcd's client port?")));
        }
        if let Some(status) = status_of(response.headers()) {
            status?;
        }
        Ok(response)
    }

    /// One question, one answer.
    pub async fn call<A: Message + Default>(
        &self,
        path: &'static str,
        token: Option<&str>,
        question: Bytes,
    ) -> Result<A, CallError> {
        let response = self.ask(path, token, Question::whole(question)).await?;
        let mut answers = Answers { body: response.into_body(), read: BytesMut::new() };
        let answer = answers.next().await?;
        // The status comes after the message: it may still say that all was for nothing.
        let end = answers.next::<A>().await;
        match (answer, end) {
            (_, Err(error)) => Err(error),
            (Some(answer), Ok(_)) => Ok(answer),
            (None, Ok(_)) => Err(CallError::Lost("an answer without content".to_owned())),
        }
    }

    /// One question that stays open, and answers as they come.
    pub async fn stream(
        &self,
        path: &'static str,
        token: Option<&str>,
        question: Bytes,
    ) -> Result<Answers, CallError> {
        let response = self.ask(path, token, Question::open(question)).await?;
        Ok(Answers { body: response.into_body(), read: BytesMut::new() })
    }
}

fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A framed message.
pub fn framed(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut framed = BytesMut::with_capacity(5 + len);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(len).expect("what we ask is far below 4 GiB"));
    message.encode(&mut framed).expect("the buffer grows");
    framed.freeze()
}

/// The body of a question.
#[derive(Debug)]
struct Question {
    bytes: Option<Bytes>,
    stays_open: bool,
}

impl Question {
    fn whole(bytes: Bytes) -> Self {
        Question { bytes: Some(bytes), stays_open: false }
    }

    fn open(bytes: Bytes) -> Self {
        Question { bytes: Some(bytes), stays_open: true }
    }
}

impl Body for Question {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.stays_open => Poll::Pending, // until the answers are dropped, and the stream with them
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && !self.stays_open
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Answers as they come.
#[derive(Debug)]
pub struct Answers {
    body: Incoming,
    read: BytesMut,
}

impl Answers {
    /// The next one; none after the last one, when all was well.
    pub async fn next<A: Message + Default>(&mut self) -> Result<Option<A>, CallError> {
        loop {
            if let Some(message) = self.whole_message()? {
                let answer = A::decode(message);
                return answer.map(Some).map_err(|error| CallError::Lost(format!("etcd's answer: {error}")));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.read.extend_from_slice(&data),
                    Err(frame) => {
                        if let Some(status) = frame.trailers_ref().and_then(status_of) {
                            return status.map(|()| None);
                        }
                    }
                },
                Some(Err(error)) => return Err(CallError::Lost(describe(&error))),
                None => return Err(CallError::Lost("the answer ended without a status".to_owned())),
            }
        }
    }

    fn whole_message(&mut self) -> Result<Option<Bytes>, CallError> {
        let Some((head, _)) = self.read.split_first_chunk::<5>() else { return Ok(None) };
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if head[0] != 0 || len > MESSAGE_BYTES_MAX {
            return Err(CallError::Lost(format!("an answer of {len} bytes, more than we take or packed")));
        }
        if self.read.len() < 5 + len {
            self.read.reserve(5 + len - self.read.len());
            return Ok(None);
        }
        self.read.advance(5);
        Ok(Some(self.read.split_to(len).freeze()))
    }
}

/// What the head or the trailers say; none when they say nothing.
fn status_of(headers: &HeaderMap) -> Option<Result<(), CallError>> {
    let code = headers.get("grpc-status")?.to_str().ok().and_then(|code| code.parse().ok()).unwrap_or(2);
    if code == 0 {
        return Some(Ok(()));
    }
    let message = headers.get("grpc-message").map(|message| unescape(message.as_bytes())).unwrap_or_default();
    Some(Err(CallError::Status { code, message }))
}

/// `%20` and the like, as bytes again.
fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%');
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(b"etcdserver: mvcc%3A 100%25 %zz%"), "etcdserver: mvcc: 100% %zz%");
    }
}
