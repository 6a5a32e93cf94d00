//! The HTTP/1.1 half of a probe: one request, one answer, bounded.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::body::Body;
use crate::failure::ProbeFailure;
use crate::http::{Ask, HEAD_BYTES, Head, Next};
use crate::progress::{Progress, Step};
use crate::wire::Wire;

const HEADERS: usize = 100;
/// Who asks.
pub const USER_AGENT: &str = concat!("holdfast-checker/", env!("CARGO_PKG_VERSION"));

fn request(ask: Ask<'_>) -> Result<Request<Empty<Bytes>>, http::Error> {
    let request = Request::builder()
        .method(ask.method.as_str())
        .uri(ask.path)
        .header(header::HOST, ask.host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close");
    let mut request = request.body(Empty::new())?;
    further(request.headers_mut(), ask.headers)?;
    Ok(request)
}

/// Adds the check's own headers; what the probe would say by itself is replaced.
pub fn further(headers: &mut http::HeaderMap, own: &[(String, String)]) -> Result<(), http::Error> {
    for (name, value) in own {
        headers.insert(HeaderName::try_from(name.as_str())?, HeaderValue::try_from(value.as_str())?);
    }
    Ok(())
}

/// Sends the request and reads as much of the answer as is wanted.
pub async fn exchange<'a>(
    wire: Wire,
    ask: Ask<'_>,
    progress: &Progress,
    judge: impl FnOnce(&Head) -> Result<Next<'a>, ProbeFailure>,
) -> Result<(Head, Vec<u8>), ProbeFailure> {
    let request = request(ask).map_err(|error| ProbeFailure::NotARequest(error.to_string()))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|error| failure(&error))?;
    let judged = async {
        let answer = sender.send_request(request).await.map_err(|error| failure(&error))?;
        progress.at(Step::Body);
        let (parts, body) = answer.into_parts();
        let head = Head { status: parts.status.as_u16(), headers: parts.headers };
        let bytes = match judge(&head)? {
            Next::Leave => Vec::new(),
            Next::Read(wanted) => read_body(body, wanted).await?,
        };
        Ok((head, bytes))
    };
    // The connection's own future moves the bytes; it may end before the answer was taken out of it.
    let (mut judged, mut connection) = (std::pin::pin!(judged), std::pin::pin!(connection));
    tokio::select! {
        biased;
        result = &mut judged => result,
        _ = &mut connection => judged.await,
    }
}

async fn read_body(mut body: Incoming, mut wanted: Body<'_>) -> Result<Vec<u8>, ProbeFailure> {
    while wanted.wants_more() {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| failure(&error))?.into_data() {
            wanted.take(&data);
        }
    }
    wanted.judge()
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
