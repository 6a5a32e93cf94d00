//! The HTTP/2 half of a probe: one connection, one stream, bounded. Without TLS with prior knowledge (RFC 9113 3.3).

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::{RecvStream, client::Connection};
use http::{HeaderMap, Request, header};

use crate::body::Body;
use crate::failure::ProbeFailure;
use crate::http::{Ask, HEAD_BYTES, Head, Next};
use crate::http1::{USER_AGENT, further};
use crate::progress::{Progress, Step};
use crate::wire::Wire;

/// Bytes that may be under way to us.
const WINDOW: u32 = 128 << 10;

/// An answer with what came behind its body.
pub struct Answer {
    /// The head.
    pub head: Head,
    /// The body's bytes, if they were kept.
    pub bytes: Vec<u8>,
    /// The trailers, if the body was read to its end.
    pub trailers: Option<HeaderMap>,
}

/// Sends the request and reads as much of the answer as is wanted.
pub async fn exchange<'a>(
    wire: Wire,
    ask: Ask<'_>,
    progress: &Progress,
    judge: impl FnOnce(&Head) -> Result<Next<'a>, ProbeFailure>,
) -> Result<(Head, Vec<u8>), ProbeFailure> {
    let scheme = if ask.tls.is_some() { "https" } else { "http" };
    let mut request = Request::builder()
        .method(ask.method.as_str())
        .uri(format!("{scheme}://{}{}", ask.host, ask.path))
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .body(())
        .map_err(|error| ProbeFailure::NotARequest(error.to_string()))?;
    further(request.headers_mut(), ask.headers)
        .map_err(|error| ProbeFailure::NotARequest(error.to_string()))?;
    let answer = send(wire, request, Bytes::new(), progress, judge).await?;
    Ok((answer.head, answer.bytes))
}

/// Sends a request with a body.
pub async fn send<'a>(
    wire: Wire,
    request: Request<()>,
    body: Bytes,
    progress: &Progress,
    judge: impl FnOnce(&Head) -> Result<Next<'a>, ProbeFailure>,
) -> Result<Answer, ProbeFailure> {
    let (sender, connection): (SendRequest<Bytes>, Connection<Wire, Bytes>) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEAD_BYTES as u32)
        .handshake(wire)
        .await
        .map_err(|error| failure(&error))?;
    let judged = async {
        let mut sender = sender.ready().await.map_err(|error| failure(&error))?;
        let (answer, mut stream) =
            sender.send_request(request, body.is_empty()).map_err(|error| failure(&error))?;
        if !body.is_empty() {
            stream.send_data(body, true).map_err(|error| failure(&error))?;
        }
        let answer = answer.await.map_err(|error| failure(&error))?;
        progress.at(Step::Body);
        let (parts, body) = answer.into_parts();
        let head = Head { status: parts.status.as_u16(), headers: parts.headers };
        let (bytes, trailers) = match judge(&head)? {
            Next::Leave => (Vec::new(), None),
            Next::Read(wanted) => read(body, wanted).await?,
        };
        Ok(Answer { head, bytes, trailers })
    };
    let (mut judged, mut connection) = (std::pin::pin!(judged), std::pin::pin!(connection));
    tokio::select! {
        biased;
        result = &mut judged => result,
        ended = &mut connection => match ended {
            // What was received before the end can still be read.
            Ok(()) => judged.await,
            Err(error) => Err(failure(&error)),
        },
    }
}

async fn read(
    mut body: RecvStream,
    mut wanted: Body<'_>,
) -> Result<(Vec<u8>, Option<HeaderMap>), ProbeFailure> {
    while wanted.wants_more() {
        let Some(data) = body.data().await else {
            let trailers = body.trailers().await.map_err(|error| failure(&error))?;
            return Ok((wanted.judge()?, trailers));
        };
        let data = data.map_err(|error| failure(&error))?;
        body.flow_control().release_capacity(data.len()).map_err(|error| failure(&error))?;
        wanted.take(&data);
    }
    Ok((wanted.judge()?, None))
}

fn failure(error: &h2::Error) -> ProbeFailure {
    if error.is_io() {
        // A server of HTTP/1.1 answers the preface with an error of its own and hangs up; h2 tells its text as a broken frame.
        return ProbeFailure::ClosedEarly;
    }
    match error.reason() {
        Some(h2::Reason::PROTOCOL_ERROR | h2::Reason::FRAME_SIZE_ERROR) if error.is_library() => {
            ProbeFailure::NotHttp2
        }
        Some(reason) => ProbeFailure::Http2(reason.description().to_owned()),
        None => ProbeFailure::ClosedEarly,
    }
}
