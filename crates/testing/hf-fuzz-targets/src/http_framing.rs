//! The balancer's watch over what HTTP clients send, against hyper as the second opinion.
//!
//! The input is one client's stream; each byte 1 stands for 1,000 letters, so that heads of any length are near.
//!
//! 1. In whatever pieces the stream comes, the watch says the same. (A head in one piece is refused as a whole; of one that comes
//!    in pieces, hyper has the beginning already.)
//! 2. What it lets through means the same to hyper: every request that hyper sees begins where the watch saw a request begin.
//!    Request smuggling is nothing else than the contrary.
//! 3. A body that hyper takes as whole is the one that the watch saw.
//! 4. Behind a refusal hyper sees nothing more.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hf_balancer::framing::{Framing, POISON, Refused, RefusedAt};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::runtime::{Builder, Runtime};

/// The smallest bound that hyper takes.
const HEAD_BYTES_MAX: usize = 8_192;

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().build().expect("a runtime"));
}

pub(crate) fn check(data: &[u8]) {
    let stream = expanded(data);
    let watched = watch(&stream);
    let why = |refused: Option<(usize, Refused)>| refused.map(|(_, why)| why);
    for size in [1, 7, stream.len().max(1)] {
        let refused = in_pieces(&stream, size);
        assert_eq!(why(refused), why(watched.refused), "in pieces of {size}");
        check_passed(&stream, refused, &watched.begins);
    }
}

/// What hyper sees when the watch refuses there, if anywhere.
fn check_passed(stream: &[u8], refused: Option<(usize, Refused)>, begins: &[usize]) {
    let mut passed = stream[..refused.map_or(stream.len(), |(at, _)| at)].to_vec();
    if refused.is_some() {
        passed.extend_from_slice(POISON);
    }
    for (at, seen) in hyper_sees(passed).iter().enumerate() {
        let begin = begins.get(at);
        let begin = *begin.unwrap_or_else(|| panic!("hyper sees request {at}, the watch does not: {seen:?}"));
        let end = begins.get(at + 1).copied().unwrap_or(stream.len());
        check_request(seen, &stream[begin..end]);
    }
}

fn expanded(data: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for byte in data {
        match byte {
            1 if stream.len() < 64 << 10 => stream.extend_from_slice(&[b'p'; 1_000]),
            other => stream.push(*other),
        }
    }
    stream
}

/// What the watch makes of a stream.
#[derive(Debug)]
struct Watched {
    /// Where it sees requests begin.
    begins: Vec<usize>,
    refused: Option<(usize, Refused)>,
}

/// Byte by byte, since only so it is seen where each request ends.
fn watch(stream: &[u8]) -> Watched {
    let mut framing = Framing::new(HEAD_BYTES_MAX);
    let mut watched = Watched { begins: Vec::new(), refused: None };
    for (at, byte) in stream.iter().enumerate() {
        // An empty line before a request is passed over and begins none.
        if framing.between_requests() && !stream[at..].starts_with(b"\r\n") {
            watched.begins.push(at);
        }
        if let Err(RefusedAt { good: 0, why, .. }) = framing.take(&[*byte]) {
            watched.refused = Some((at, why));
            return watched;
        }
    }
    watched
}

fn in_pieces(stream: &[u8], size: usize) -> Option<(usize, Refused)> {
    let mut framing = Framing::new(HEAD_BYTES_MAX);
    for (number, piece) in stream.chunks(size).enumerate() {
        if let Err(RefusedAt { good, why, .. }) = framing.take(piece) {
            return Some((number * size + good, why));
        }
    }
    None
}

/// A request as hyper sees it.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    path: String,
    version: Version,
    /// None if hyper could not read it to its end.
    body: Option<Bytes>,
}

fn check_request(seen: &Seen, bytes: &[u8]) {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let same = line.starts_with(&format!("{} ", seen.method))
        && line.contains(&seen.path)
        && line.ends_with(&format!("{:?}", seen.version));
    assert!(same, "hyper sees {seen:?} where the watch saw {line:?} begin");
    let Some(body) = &seen.body else { return };
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("hyper saw a whole head") + 4;
    let (head, rest) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if head.contains("\r\ntransfer-encoding:") {
        assert_eq!(chunks(rest).as_deref(), Some(&body[..]), "{head}");
    } else if head.contains("\r\ncontent-length:") {
        assert_eq!(&rest[..body.len()], &body[..], "{head}");
        assert!(blank(&rest[body.len()..]), "{} bytes are no body to hyper: {head}", rest.len() - body.len());
    } else {
        assert!(body.is_empty() && blank(rest), "{} bytes follow a request without a body", rest.len());
    }
}

/// Nothing but empty lines, as may stand before the next request.
fn blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// A chunked body put together, if it is whole.
fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = rest[..end].split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

/// The requests that hyper finds in `stream`, with the balancer's own settings.
fn hyper_sees(stream: Vec<u8>) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
            let tunnel = head.method == Method::CONNECT;
            let path = head.uri.path().to_owned();
            seen.borrow_mut().push(Seen { method: head.method, path, version: head.version, body });
            let mut response = Response::new(Empty::<Bytes>::new());
            if tunnel {
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(Memory { stream, at: 0 }, service);
    // How a connection ends does not matter here, only what was seen on it.
    let _ = RUNTIME.with_borrow(|runtime| runtime.block_on(connection));
    seen.take()
}

/// A client that has sent all that it will and reads nothing.
struct Memory {
    stream: Vec<u8>,
    at: usize,
}

impl Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.stream.len().min(self.at + into.remaining());
        into.put_slice(&self.stream[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl Write for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
