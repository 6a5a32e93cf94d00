//! The HTTP/1.1 half of a probe: one request, one answer, bounded.
//!
//! The answer is read to its end or to 64 KiB, whichever comes first, also when no text is looked for: an endpoint that sends
//! its headers and then hangs is not well.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::ProbeFailure;

/// How much of a body is read and searched.
pub const BODY_BYTES: usize = 64 << 10;
/// The most bytes of status line and headers.
const HEAD_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;

/// What the answer has to be.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// From and to, inclusive.
    pub status: (u16, u16),
    /// Text in the body.
    pub body: Option<&'a str>,
}

/// `GET path`, over a connection that is used once.
pub fn request(path: &str, host: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("holdfast-checker/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
}

/// Sends `request` and judges the answer. Sets `has_head` once the headers are there.
pub async fn exchange(
    stream: TcpStream,
    request: Request<Empty<Bytes>>,
    want: Want<'_>,
    has_head: &mut bool,
) -> Result<(), ProbeFailure> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure(&error))?;
    let judged = async {
        let answer = sender.send_request(request).await.map_err(|error| failure(&error))?;
        *has_head = true;
        let got = answer.status().as_u16();
        if got < want.status.0 || got > want.status.1 {
            return Err(ProbeFailure::Status { got, want: want.status });
        }
        read_body(answer.into_body(), want.body).await
    };
    // The connection's own future moves the bytes; it may end before the answer was taken out of it.
    let (mut judged, mut connection) = (std::pin::pin!(judged), std::pin::pin!(connection));
    tokio::select! {
        biased;
        result = &mut judged => result,
        _ = &mut connection => judged.await,
    }
}

async fn read_body(mut body: Incoming, text: Option<&str>) -> Result<(), ProbeFailure> {
    let mut seen = Vec::new();
    let mut read = 0;
    while read < BODY_BYTES {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() else { continue };
        let data = &data[..data.len().min(BODY_BYTES - read)];
        read += data.len();
        if let Some(text) = text {
            // The text may lie across two frames: look again at as much of the older bytes as it could begin in.
            let from = seen.len().saturating_sub(text.len());
            seen.extend_from_slice(data);
            if holds(&seen[from..], text.as_bytes()) {
                return Ok(());
            }
        }
    }
    match text {
        Some(text) if !text.is_empty() => {
            Err(ProbeFailure::BodyText { want: text.chars().take(100).collect(), read })
        }
        _ => Ok(()),
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

fn failure(error: &hyper::Error) -> ProbeFailure {
    if error.is_parse_too_large() {
        ProbeFailure::HeadTooLarge { max_bytes: HEAD_BYTES, max_count: HEADERS }
    } else if error.is_parse() {
        ProbeFailure::NotHttp
    } else {
        ProbeFailure::ClosedEarly
    }
}
