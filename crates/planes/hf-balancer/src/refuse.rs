//! What the balancer says in its own words: one line of plain text that names what happened and what may help.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode, Uri, Version};

use crate::body::ReplyBody;
use crate::client_state::UnderWay;
use crate::headers::X_REQUEST_ID;

/// A request that gets an answer of ours instead of an endpoint's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status: 4xx is the client's to mend, 502 to 504 the endpoints' or ours.
    pub status: StatusCode,
    /// What happened.
    pub what: String,
    /// Fields of the answer beside those that every refusal has; they win over those.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}

/// Seconds after which a 503 may be tried again: longer than a health check needs to see an endpoint come back.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");

impl Refusal {
    /// A refusal in words.
    pub fn new(status: StatusCode, what: impl Into<String>) -> Self {
        Refusal { status, what: what.into(), fields: Vec::new() }
    }

    /// As an answer. The connection is closed where the request's own form was refused.
    pub fn answer(self, request_id: Option<HeaderValue>, under_way: UnderWay) -> Response<ReplyBody> {
        let text = Bytes::from(self.what + "\n");
        let mut response = Response::new(ReplyBody::of_us(text, under_way));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"));
        }
        if self.status.is_client_error() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in self.fields {
            headers.insert(name, value);
        }
        if let Some(id) = request_id {
            headers.insert(X_REQUEST_ID, id);
        }
        response
    }
}

/// Refuses requests whose form has no place here: tunnels, other servers' addresses, doubtful hosts.
pub fn check_form<B>(request: &Request<B>) -> Result<(), Refusal> {
    let bad = |what: &str| Err(Refusal::new(StatusCode::BAD_REQUEST, what));
    // A WebSocket of HTTP/2 comes as CONNECT with its protocol (RFC 8441).
    let is_extended = request.extensions().get::<hyper::ext::Protocol>().is_some();
    if *request.method() == Method::TRACE || (*request.method() == Method::CONNECT && !is_extended) {
        let what = format!("{} is not served here: this is not a forward proxy", request.method());
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, what));
    }
    if !has_own_form(request.uri(), request.method()) {
        return bad("the request target must be a path, such as /index.html; this is not a forward proxy");
    }
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return bad("a request has one Host field, this one has several"),
        (None, _) if request.version() != Version::HTTP_10 => return bad("a request must have a Host field"),
        (Some(host), None) if !is_host(host) => {
            return bad("the Host field has a character that no host name has");
        }
        _ => {}
    }
    match request.headers().get(http::header::EXPECT) {
        Some(expect) if !expect.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "only `Expect: 100-continue` is known here"))
        }
        _ => Ok(()),
    }
}

/// A path, or `*` for OPTIONS.
fn has_own_form(uri: &Uri, method: &Method) -> bool {
    let is_star = uri.path() == "*";
    uri.scheme().is_none()
        && uri.authority().is_none()
        && (is_star == (method == Method::OPTIONS && is_star))
        && { is_star || uri.path().starts_with('/') }
}

/// Letters, digits and the punctuation of names, addresses and ports; may be empty (RFC 9112 3.2).
fn is_host(host: &HeaderValue) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(byte);
    host.as_bytes().iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, target: &str, version: Version, hosts: &[&str], want: u16) {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        let got =
            check_form(&request.body(()).unwrap()).map_or_else(|refusal| refusal.status.as_u16(), |()| 200);
        assert_eq!(got, want, "{method} {target} {hosts:?}");
    }

    #[test]
    fn only_requests_for_a_reverse_proxy_pass() {
        check("GET", "/a?b=c", Version::HTTP_11, &["a.test:8080"], 200);
        check("GET", "/", Version::HTTP_11, &["[::1]:8080"], 200);
        check("OPTIONS", "*", Version::HTTP_11, &["a"], 200);
        check("GET", "*", Version::HTTP_11, &["a"], 400);
        check("GET", "http://a.test/", Version::HTTP_11, &["a.test"], 400);
        check("CONNECT", "a.test:443", Version::HTTP_11, &["a.test"], 405);
        check("TRACE", "/", Version::HTTP_11, &["a"], 405);
    }

    #[test]
    fn there_is_one_host() {
        check("GET", "/", Version::HTTP_11, &[], 400);
        check("GET", "/", Version::HTTP_10, &[], 200);
        check("GET", "/", Version::HTTP_11, &["a", "a"], 400);
        check("GET", "/", Version::HTTP_11, &["a/b"], 400);
        check("GET", "/", Version::HTTP_11, &["a@b"], 400);
    }
}
