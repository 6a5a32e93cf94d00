//! What is asked: the head of one HTTP/1.1 request, and its query.
//!
//! 1. A head has at most [`HEAD_BYTES_MAX`] bytes and 64 fields. What is longer is refused, and so is what is no HTTP/1.
//! 2. A body comes only with its length; one in chunks is refused, so that nobody can disagree with us about where a request ends.
//! 3. A field that has one value and comes twice is refused for the same reason, unless both are the same (RFC 9110, section 5.3); one that has a list may come
//!    in several lines. HTTP/1.1 has exactly one `Host` (RFC 9112, section 3.2), a WebSocket's fields come once (RFC 6455, section 11.3).
//! 4. Of a query, a key that comes twice is refused, and one that is nearly a known one: who writes `resources` must not take the zone's word for the resource's.
//!    All others are passed over: proxies and clients add keys of their own, against caches.
//!
//! Why our own: an HTTP library keeps kilobytes of buffers for each connection, and here nearly all of them wait. Heads are read by `httparse`, as
//! hyper has them read.
//!
//! Not here: routes and answers (`answer`), connections (`connection`).

use std::borrow::Cow;
use std::time::Duration;

use crate::frames;

/// Bytes of a head at most.
pub const HEAD_BYTES_MAX: usize = 8_192;
/// Bytes of a body at most: an acknowledgement.
pub const BODY_BYTES_MAX: usize = 4_096;
const FIELDS_MAX: usize = 64;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads, and wants only the head.
    Head,
    /// Tells.
    Post,
    /// Anything else.
    Other,
}

/// One request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is to be done.
    pub method: Method,
    /// Where, still encoded.
    pub path: &'a str,
    /// Behind the question mark, still encoded.
    pub query: &'a str,
    /// Whether the connection may be used again.
    pub keeps: bool,
    /// `If-None-Match`, its lines as they came.
    pub if_none_match: Vec<&'a str>,
    /// `Last-Event-ID`, as it came.
    pub last_event_id: Option<&'a str>,
    /// Whether it wants to become a WebSocket.
    pub upgrade: Upgrade<'a>,
    /// Bytes that follow the head.
    pub body_len: usize,
    /// Whether the other side waits for a word before it sends them.
    pub expects_continue: bool,
}

/// Whether a request wants to become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade<'a> {
    /// It does not.
    None,
    /// It does, with this key.
    WebSocket(&'a str),
    /// It does, and something is missing.
    Bad(&'static str),
}

/// Why a connection cannot go on: after it nobody knows where the next request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// No HTTP.
    #[error("this is no HTTP/1.1 request: {0}")]
    NotHttp(&'static str),
    /// Too long.
    #[error("a request's head has at most 8192 bytes and 64 fields here; send less")]
    HeadTooLong,
    /// A body whose length is not said.
    #[error("send a body with Content-Length, not in chunks")]
    LengthRequired,
    /// A long body.
    #[error("a body has at most 4096 bytes here; send less")]
    BodyTooLong,
}

impl BadRequest {
    /// The status that says so.
    pub fn status(self) -> u16 {
        match self {
            BadRequest::NotHttp(_) => 400,
            BadRequest::HeadTooLong => 431,
            BadRequest::LengthRequired => 411,
            BadRequest::BodyTooLong => 413,
        }
    }
}

impl<'a> Request<'a> {
    /// The request at the beginning of these bytes and the length of its head; none while more must come.
    pub fn read(bytes: &'a [u8]) -> Result<Option<(Request<'a>, usize)>, BadRequest> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Request::new(&mut fields);
        let len = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(len)) if len <= HEAD_BYTES_MAX => len,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(BadRequest::HeadTooLong),
            Err(error) => return Err(BadRequest::NotHttp(words(error))),
        };
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(BadRequest::NotHttp("its first line is not whole"));
        };
        let (path, query) = split(target);
        let mut request = Request {
            method: match method {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                "POST" => Method::Post,
                _ => Method::Other,
            },
            path,
            query,
            keeps: version == 1,
            if_none_match: Vec::new(),
            last_event_id: None,
            upgrade: Upgrade::None,
            body_len: 0,
            expects_continue: false,
        };
        request.take_fields(parsed.headers)?;
        Ok(Some((request, len)))
    }

    fn take_fields(&mut self, fields: &[httparse::Header<'a>]) -> Result<(), BadRequest> {
        let (mut length, mut key, mut version) = (None, Vec::new(), Vec::new());
        let mut hosts = 0;
        let is_1_1 = self.keeps;
        let (mut upgrades, mut names_websocket) = (false, false);
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let text = || {
                std::str::from_utf8(field.value)
                    .map(str::trim)
                    .map_err(|_| BadRequest::NotHttp("a field that counts is no text"))
            };
            if is("content-length") {
                let len = length_of(text()?)?;
                if length.replace(len).is_some_and(|before| before != len) {
                    return Err(BadRequest::NotHttp("it says two lengths"));
                }
            } else if is("transfer-encoding") {
                return Err(BadRequest::LengthRequired);
            } else if is("connection") {
                let text = text()?;
                upgrades |= has_word(text, "upgrade");
                if has_word(text, "close") {
                    self.keeps = false;
                }
            } else if is("upgrade") {
                names_websocket |= has_word(text()?, "websocket");
            } else if is("host") {
                hosts += 1;
                if !is_host(text()?) {
                    return Err(BadRequest::NotHttp(
                        "its `Host` is no name or address with or without a port",
                    ));
                }
            } else if is("if-none-match") {
                self.if_none_match.push(text()?);
            } else if is("last-event-id") {
                let id = text()?;
                if self.last_event_id.replace(id).is_some_and(|before| before != id) {
                    return Err(BadRequest::NotHttp("it says two values of `Last-Event-ID`"));
                }
            } else if is("sec-websocket-key") {
                key.push(text()?);
            } else if is("sec-websocket-version") {
                version.push(text()?);
            } else if is("expect") {
                // HTTP/1.0 knows no such word (RFC 9110, section 10.1.1).
                self.expects_continue |= is_1_1 && has_word(text()?, "100-continue");
            }
        }
        if hosts > 1 || (is_1_1 && hosts == 0) {
            return Err(BadRequest::NotHttp("HTTP/1.1 says `Host` once"));
        }
        self.body_len = length.unwrap_or_default();
        if names_websocket {
            self.upgrade = match (upgrades, &*version, &*key) {
                (false, _, _) => Upgrade::Bad("`Connection` does not say `upgrade`"),
                (_, ["13"], [key]) if frames::is_key(key) => Upgrade::WebSocket(key),
                (_, ["13"], _) => Upgrade::Bad("`Sec-WebSocket-Key` is not 16 bytes in base64, said once"),
                _ => Upgrade::Bad("`Sec-WebSocket-Version` is not 13, said once"),
            };
        }
        Ok(())
    }
}

fn words(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "the name of a field",
        httparse::Error::HeaderValue => "the value of a field",
        httparse::Error::NewLine => "the end of a line",
        httparse::Error::Token => "the method or the target",
        httparse::Error::Version => "the version",
        _ => "its head",
    }
}

/// A client that speaks to a proxy writes the whole address.
fn split(target: &str) -> (&str, &str) {
    let is_whole = |target: &str| target.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("http://"));
    let local = if is_whole(target) {
        let rest = &target[7..];
        rest.find(['/', '?']).map_or("/", |at| &rest[at..])
    } else {
        target
    };
    local.split_once('?').unwrap_or((local, ""))
}

fn length_of(text: &str) -> Result<usize, BadRequest> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadRequest::NotHttp("its length is no number"));
    }
    let len = text.parse().unwrap_or(usize::MAX);
    if len > BODY_BYTES_MAX { Err(BadRequest::BodyTooLong) } else { Ok(len) }
}

/// Whether this can be a `Host`: RFC 3986, section 3.2.2, as far as it keeps others from reading a request differently.
fn is_host(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\,\"<>^`{|}".contains(&byte))
}

fn has_word(list: &str, word: &str) -> bool {
    list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word))
}

/// What stands behind the question mark, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// `resource`.
    pub resource: Option<Cow<'a, str>>,
    /// `wait`.
    pub wait: Option<Duration>,
    /// `after`.
    pub after: Option<Cow<'a, str>>,
    /// `consumer`.
    pub consumer: Option<Cow<'a, str>>,
    /// `instance`.
    pub instance: Option<Cow<'a, str>>,
    /// `kind`.
    pub kind: Option<Cow<'a, str>>,
    /// `zone`.
    pub zone: Option<Cow<'a, str>>,
}

/// Why a query means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Percent signs or bytes that are wrong.
    #[error(
        "the {0} is not readable: `%` needs two hexadecimal digits behind it, and the whole must be UTF-8"
    )]
    Encoding(&'static str),
    /// The same again.
    #[error("`{0}` is there twice; say it once")]
    Twice(&'static str),
    /// Nearly a known key.
    #[error("`{asked}` is no key here; write `{meant}`")]
    Misspelt {
        /// As it came.
        asked: String,
        /// What was probably meant.
        meant: &'static str,
    },
    /// Not a time that anybody waits.
    #[error("`wait` is a whole number of seconds from 1 to 60; this is {0:?}")]
    Wait(String),
}

/// Keys that are known.
const KEYS: [&str; 7] = ["resource", "wait", "after", "consumer", "instance", "kind", "zone"];
/// Keys of one query that are compared with them, so that a long query costs little.
const COMPARED_MAX: usize = 16;

/// Longest wait for a change.
pub const WAIT_S_MAX: u64 = 60;

impl<'a> Query<'a> {
    /// Reads it.
    pub fn read(text: &'a str) -> Result<Query<'a>, BadQuery> {
        let mut query = Query::default();
        let (mut wait, mut compared) = (None, 0);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (place, name) = match key {
                "resource" => (&mut query.resource, "resource"),
                "wait" => (&mut wait, "wait"),
                "after" => (&mut query.after, "after"),
                "consumer" => (&mut query.consumer, "consumer"),
                "instance" => (&mut query.instance, "instance"),
                "kind" => (&mut query.kind, "kind"),
                "zone" => (&mut query.zone, "zone"),
                other => {
                    compared += 1;
                    let is_compared = compared <= COMPARED_MAX;
                    match Some(other)
                        .filter(|_| is_compared)
                        .and_then(|key| hf_config::nearest(key, KEYS.into_iter()))
                    {
                        Some(meant) => return Err(BadQuery::Misspelt { asked: other.to_owned(), meant }),
                        None => continue,
                    }
                }
            };
            let value = decode(value, Plus::IsSpace).ok_or(BadQuery::Encoding(name))?;
            if place.replace(value).is_some() {
                return Err(BadQuery::Twice(name));
            }
        }
        if let Some(text) = wait {
            let seconds = text.parse().ok().filter(|seconds| (1..=WAIT_S_MAX).contains(seconds));
            let seconds = seconds.ok_or_else(|| BadQuery::Wait(text.chars().take(20).collect()))?;
            query.wait = Some(Duration::from_secs(seconds));
        }
        Ok(query)
    }
}

/// What a plus sign means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Itself, as in paths.
    IsPlus,
    /// A space, as in queries.
    IsSpace,
}

/// Text with its percent signs taken away; none if it is no text then.
pub fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let is_plain = |byte: u8| byte != b'%' && (byte != b'+' || plus == Plus::IsPlus);
    if text.bytes().all(is_plain) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
                digit(rest.next()?)? << 4 | digit(rest.next()?)?
            }
            b'+' if plus == Plus::IsSpace => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests;
