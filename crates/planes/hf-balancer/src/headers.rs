//! What a request and an answer lose and gain on their way through.
//!
//! 1. Fields that belong to one connection stay on it (RFC 9110 7.6.1): `Connection` and what it names, `Keep-Alive`, `TE`, `Trailer`,
//!    `Transfer-Encoding`, `Upgrade`, `Proxy-*`. So upgrades (WebSocket) and trailers do not pass in this version.
//!    What `Connection` may not name: the fields that route or frame a request (`Host`, `Content-Length`) and ours below.
//! 2. `X-Forwarded-For` gains the client's address at its end; `X-Forwarded-Proto` and `X-Forwarded-Host` are replaced, since at the edge
//!    only we know them. `Forwarded` is dropped: nobody vouches for what a client wrote there.
//! 3. `X-Request-Id` passes if it is fit for a log line, else one is made.
//! 4. `Expect` ends here: we have answered it.
//! 5. Answers pass as they are, apart from rule 1.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, Entry, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields of one connection, apart from `Connection` itself.
const OF_ONE_CONNECTION: [HeaderName; 8] = [
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    http::header::PROXY_AUTHENTICATE,
    http::header::PROXY_AUTHORIZATION,
];

/// The request's name in everybody's logs.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Bytes of `X-Request-Id` that pass.
const REQUEST_ID_BYTES: usize = 128;

/// Removes the fields of one connection, and those that `Connection` names.
pub fn strip_connection_fields(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
            .collect();
        headers.remove(CONNECTION);
        for name in named {
            headers.remove(name);
        }
    }
    for name in &OF_ONE_CONNECTION {
        headers.remove(name);
    }
}

/// Makes a client's request fit for an endpoint. `id` is used where the client gave none.
pub fn prepare_request(headers: &mut HeaderMap, client: &HeaderValue, id: impl FnOnce() -> HeaderValue) {
    strip_connection_fields(headers);
    headers.remove(EXPECT);
    headers.remove(FORWARDED);
    extend_forwarded_for(headers, client);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    set(headers, X_FORWARDED_HOST, headers.get(HOST).cloned());
    let mut ids = headers.get_all(X_REQUEST_ID).iter();
    if !ids.next().is_some_and(is_fit) || ids.next().is_some() {
        headers.insert(X_REQUEST_ID, id());
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => headers.insert(name, value),
        None => headers.remove(name),
    };
}

fn is_fit(id: &HeaderValue) -> bool {
    (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn extend_forwarded_for(headers: &mut HeaderMap, client: &HeaderValue) {
    let Entry::Occupied(mut given) = headers.entry(X_FORWARDED_FOR) else {
        headers.insert(X_FORWARDED_FOR, client.clone());
        return;
    };
    let mut list = Vec::new();
    for value in given.iter() {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(client.as_bytes());
    given.insert(HeaderValue::from_bytes(&list).unwrap_or_else(|_| client.clone()));
}

/// Makes an endpoint's answer fit for a client.
pub fn prepare_answer(headers: &mut HeaderMap) {
    // With a coding the length is not the body's (RFC 9112 6.3); with several equal lengths one says it.
    let has_coding = headers.contains_key(TRANSFER_ENCODING);
    let length = headers.get(CONTENT_LENGTH).filter(|_| !has_coding).cloned();
    strip_connection_fields(headers);
    set(headers, CONTENT_LENGTH, length);
}

#[cfg(test)]
mod tests;
