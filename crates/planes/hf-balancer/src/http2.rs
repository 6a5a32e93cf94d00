//! What HTTP/2 has of its own on the client's side: how a request looks, and how much of everything there is.
//!
//! 1. A request is brought into the form that the rest of the balancer knows from HTTP/1.1: `:authority` becomes `Host`, pieces of `Cookie` become
//!    one (RFC 9113 8.2.3), the target becomes a path.
//! 2. Memory of one connection is bounded by the windows, the bytes of a header list, the streams, and what may wait to be sent.
//! 3. A client that takes its requests back as fast as it sends them is cut (`client_state`); those that it takes back before they are
//!    looked at h2 bounds itself.
//!
//! Not here: the connection's life (`serve`), the tasks of its streams (`stuck`), framing (h2).

use std::time::Duration;

use hf_config::estate::{Bounds, Patience};
use http::header::{COOKIE, HOST, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;

use crate::refuse::Refusal;
use crate::stuck::OnWorker;

/// What one stream may send before we have passed it on.
const STREAM_WINDOW: u32 = 128 << 10;
/// What all streams of a connection may.
const CONNECTION_WINDOW: u32 = 256 << 10;
/// What of one answer may wait to be sent.
const SEND_BUFFER: usize = 64 << 10;
/// Requests taken back that h2 has not looked at yet.
const PENDING_RESETS: usize = 50;

/// How connections are served.
pub fn builder(bounds: &Bounds, patience: &Patience) -> http2::Builder<OnWorker> {
    let mut builder = http2::Builder::new(OnWorker);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams_per_connection)
        .max_header_list_size(bounds.header_bytes)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        // A client that is gone while its answer is awaited is noticed by this alone.
        .keep_alive_interval(patience.body_idle.max(Duration::from_secs(1)))
        .keep_alive_timeout(patience.body_idle.max(Duration::from_secs(1)))
        .enable_connect_protocol();
    builder
}

/// Brings a request into the form of HTTP/1.1.
pub fn plain_form<B>(request: Request<B>) -> Result<Request<B>, Refusal> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT && parts.extensions.get::<hyper::ext::Protocol>().is_none() {
        let what = "CONNECT is not served here: this is not a forward proxy";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, what));
    }
    let uri = std::mem::take(&mut parts.uri).into_parts();
    if let Some(authority) = uri.authority {
        let hosts = parts.headers.get_all(HOST);
        if hosts.iter().any(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())) {
            let what = "`:authority` and Host are one name, these are two";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, what));
        }
        let host = HeaderValue::try_from(authority.as_str())
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "`:authority` is no host name"))?;
        parts.headers.insert(HOST, host);
    }
    parts.uri = uri.path_and_query.map_or_else(Uri::default, Uri::from);
    let mut pieces = parts.headers.get_all(COOKIE).iter();
    if let (Some(first), Some(second)) = (pieces.next(), pieces.next()) {
        let mut joined = first.as_bytes().to_vec();
        for piece in [second].into_iter().chain(pieces) {
            joined.extend_from_slice(b"; ");
            joined.extend_from_slice(piece.as_bytes());
        }
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            parts.headers.insert(COOKIE, joined);
        }
    }
    Ok(Request::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, fields: &[(&str, &str)], want: Result<(&str, &str, &str), u16>) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let got = plain_form(request.body(()).unwrap());
        let text = |request: &Request<()>, name| {
            let values =
                request.headers().get_all(name).iter().map(|value: &HeaderValue| value.to_str().unwrap());
            values.collect::<Vec<_>>().join("|")
        };
        let got =
            got.map(|request| (request.uri().to_string(), text(&request, HOST), text(&request, COOKIE)));
        let want = want.map(|(uri, host, cookie)| (uri.to_owned(), host.to_owned(), cookie.to_owned()));
        assert_eq!(got.map_err(|refusal| refusal.status.as_u16()), want, "{uri} {fields:?}");
    }

    #[test]
    fn requests_look_like_those_of_http1() {
        check("https://a.test/x?y=z", &[], Ok(("/x?y=z", "a.test", "")));
        check("http://A.test:8080/", &[("host", "a.test:8080")], Ok(("/", "A.test:8080", "")));
        check("/x", &[("host", "b")], Ok(("/x", "b", "")));
        check("https://a.test/", &[("host", "b.test")], Err(400));
        let pieces = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")];
        check("https://a.test/", &pieces, Ok(("/", "a.test", "a=1; b=2; c=3")));
    }
}
