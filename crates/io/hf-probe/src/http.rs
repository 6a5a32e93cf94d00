//! A probe over HTTP: a request, redirects if the check follows them, and the judgement of the answer.
//!
//! 1. The answer is read to its end or to 64 KiB, whichever comes first, also when nothing is looked for: an endpoint that sends
//!    its headers and then hangs is not well.
//! 2. Redirects are followed at the probed address alone: where else a service sends its clients says nothing about this endpoint.
//!
//! Not here: HTTP/1.1 and HTTP/2 on the wire (`http1`, `http2`).

use hf_config::estate::{CheckTls, EndpointHttp, HttpCheck, Method};
use http::HeaderMap;

use crate::body::Body;
use crate::failure::{Outcome, ProbeFailure, first_words};
use crate::probe::Asked;
use crate::tls::without_port;
use crate::wire::{self, Purpose, Wire};
use crate::{http1, http2};

/// The most bytes of status line and headers.
pub const HEAD_BYTES: usize = 32 << 10;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// GET or HEAD.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// What `Host` or `:authority` says.
    pub host: &'a str,
    /// Further headers.
    pub headers: &'a [(String, String)],
    /// Of HTTP.
    pub version: EndpointHttp,
    /// TLS, if it is spoken.
    pub tls: Option<&'a CheckTls>,
}

/// What an answer's head says.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
}

/// What is made of an answer's head.
pub enum Next<'a> {
    /// Its body is read and judged so.
    Read(Body<'a>),
    /// Its body does not matter.
    Leave,
}

/// Sends one request, shows `judge` the head of the answer and reads the body if that wants it. The head, and the body's bytes if kept.
pub async fn exchange<'a>(
    asked: &Asked<'_>,
    ask: Ask<'_>,
    judge: impl FnOnce(&Head) -> Result<Next<'a>, ProbeFailure>,
) -> Result<(Head, Vec<u8>), Outcome> {
    let purpose = Purpose { tls: ask.tls, host: Some(ask.host), http: Some(ask.version) };
    let wire: Wire = wire::open(asked, purpose).await?;
    asked.progress.at(crate::progress::Step::Answer);
    let done = match ask.version {
        EndpointHttp::Http1 => http1::exchange(wire, ask, asked.progress, judge).await,
        EndpointHttp::Http2 => http2::exchange(wire, ask, asked.progress, judge).await,
    };
    done.map_err(Outcome::Bad)
}

/// Probes over HTTP.
pub async fn ask(asked: &Asked<'_>, http: &HttpCheck) -> Outcome {
    let own = asked.named.to_string();
    let host = http.host.as_deref().unwrap_or(&own);
    let mut path = http.path.clone();
    let mut been = Vec::new();
    loop {
        let follows = http.follow_redirects > 0;
        let ask = Ask {
            method: http.method,
            path: &path,
            host,
            headers: &http.headers,
            version: http.version,
            tls: http.tls.as_ref(),
        };
        let judge = |head: &Head| {
            if follows && is_redirect(head) {
                return Ok(Next::Leave);
            }
            if !http.status.iter().any(|range| range.holds(head.status)) {
                return Err(ProbeFailure::Status { got: head.status, want: statuses(http) });
            }
            Ok(Next::Read(Body::with(http.body.as_deref(), http.body_regex.as_ref(), asked.tools)))
        };
        let head = match exchange(asked, ask, judge).await {
            Ok((head, _)) => head,
            Err(outcome) => return outcome,
        };
        if !(follows && is_redirect(&head)) {
            return Outcome::Good;
        }
        let next = match redirected(&head, &path, host, http.tls.is_some()) {
            Ok(next) => next,
            Err(failure) => return Outcome::Bad(failure),
        };
        been.push(path);
        if been.contains(&next) {
            return Outcome::Bad(ProbeFailure::RedirectLoop { to: first_words(&next) });
        }
        if been.len() > usize::from(http.follow_redirects) {
            return Outcome::Bad(ProbeFailure::RedirectsTooMany { max: http.follow_redirects });
        }
        path = next;
    }
}

fn statuses(http: &HttpCheck) -> String {
    http.status.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn is_redirect(head: &Head) -> bool {
    matches!(head.status, 301 | 302 | 303 | 307 | 308) && head.headers.contains_key(http::header::LOCATION)
}

/// The path that an answer leads to, on this very server.
fn redirected(head: &Head, path: &str, host: &str, is_tls: bool) -> Result<String, ProbeFailure> {
    let location = head.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.unwrap_or_default().trim();
    let location = location.split('#').next().unwrap_or_default();
    let elsewhere = || ProbeFailure::RedirectElsewhere { to: first_words(location) };
    let on_server = |rest: &str| -> Result<String, ProbeFailure> {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (name, path) = rest.split_at(end);
        if !without_port(name).eq_ignore_ascii_case(without_port(host)) {
            return Err(elsewhere());
        }
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
    };
    let scheme = if is_tls { "https:" } else { "http:" };
    let next = if let Some(rest) = location.strip_prefix(scheme).unwrap_or(location).strip_prefix("//") {
        on_server(rest)?
    } else if location.starts_with('/') {
        location.to_owned()
    } else if location.is_empty() || location.contains("://") {
        return Err(elsewhere());
    } else if location.starts_with('?') {
        format!("{}{location}", path.split('?').next().unwrap_or(path))
    } else {
        let folder = path.split('?').next().and_then(|path| path.rfind('/').map(|end| &path[..=end]));
        format!("{}{location}", folder.unwrap_or("/"))
    };
    if next.len() > 8 << 10 || !next.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(elsewhere());
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, want: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::LOCATION, location.parse().unwrap());
        let head = Head { status: 302, headers };
        let got = redirected(&head, "/a/b?c=1", "www.example.test:8080", false);
        assert_eq!(got.ok().as_deref(), want, "{location}");
    }

    #[test]
    fn redirects_stay_on_the_server_that_is_probed() {
        check("/x?y=1#z", Some("/x?y=1"));
        check("x", Some("/a/x"));
        check("?d=2", Some("/a/b?d=2"));
        check("http://www.example.test:8080/x", Some("/x"));
        check("http://WWW.example.test", Some("/"));
        check("http://www.example.test?q", Some("/?q"));
        check("//www.example.test/x", Some("/x"));
        check("https://www.example.test/x", None);
        check("http://other.test/x", None);
        check("//other.test/x", None);
        check("ftp://www.example.test/x", None);
        check("", None);
        check("/a b", None);
    }
}
