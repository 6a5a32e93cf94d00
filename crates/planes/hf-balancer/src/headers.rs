//! What a request and an answer lose and gain on their way through.
//!
//! 1. Fields that belong to one connection stay on it (RFC 9110 7.6.1): `Connection` and what it names, `Keep-Alive`, `TE`, `Trailer`,
//!    `Transfer-Encoding`, `Upgrade`, `Proxy-*`. `Trailer` passes, and of `TE` the word `trailers`: gRPC stands on them. An upgrade is put
//!    together anew by those who carry it.
//!    What `Connection` may not name: the fields that route or frame a request (`Host`, `Content-Length`) and ours below.
//! 2. `X-Forwarded-For` gains the client's address at its end; `X-Forwarded-Proto`, `-Host`, `-Port` and `Forwarded` are replaced, since at the
//!    edge only we know them. Behind somebody whom we trust they stay, and `Forwarded` gains an element.
//! 3. `X-Request-Id` passes if it is fit for a log line, else one is made.
//! 4. `Expect` ends here: we have answered it.
//! 5. Answers pass as they are, apart from rule 1.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, Entry, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE,
};

use crate::client::ClientFields;

/// Fields of one connection, apart from `Connection` itself.
const OF_ONE_CONNECTION: [HeaderName; 7] = [
    TE,
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
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

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
    // Hardly ever is one there: a look at the names that are costs less than a look-up of each that might be.
    if headers.keys().any(|name| OF_ONE_CONNECTION.contains(name)) {
        for name in &OF_ONE_CONNECTION {
            headers.remove(name);
        }
    }
}

/// Makes a client's request fit for an endpoint. `id` is used where the client gave none.
pub fn prepare_request(headers: &mut HeaderMap, client: &ClientFields, id: impl FnOnce() -> HeaderValue) {
    let wants_trailers = headers.get_all(TE).iter().any(names_trailers);
    strip_connection_fields(headers);
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.remove(EXPECT);
    extend(headers, X_FORWARDED_FOR, &client.address);
    if client.behind_trusted {
        extend(headers, FORWARDED, &client.forwarded);
        headers.entry(X_FORWARDED_PROTO).or_insert_with(|| client.scheme.clone());
        headers.entry(X_FORWARDED_PORT).or_insert_with(|| client.port.clone());
    } else {
        headers.insert(FORWARDED, client.forwarded.clone());
        headers.insert(X_FORWARDED_PROTO, client.scheme.clone());
        headers.insert(X_FORWARDED_PORT, client.port.clone());
    }
    if !client.behind_trusted || !headers.contains_key(X_FORWARDED_HOST) {
        set(headers, X_FORWARDED_HOST, headers.get(HOST).cloned());
    }
    let mut ids = headers.get_all(X_REQUEST_ID).iter();
    if !ids.next().is_some_and(is_fit) || ids.next().is_some() {
        headers.insert(X_REQUEST_ID, id());
    }
}

fn names_trailers(te: &HeaderValue) -> bool {
    te.as_bytes().split(|byte| *byte == b',').any(|name| name.trim_ascii().eq_ignore_ascii_case(b"trailers"))
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

/// Adds `more` at the end of a list of one field.
fn extend(headers: &mut HeaderMap, name: HeaderName, more: &HeaderValue) {
    let Entry::Occupied(mut given) = headers.entry(&name) else {
        headers.insert(name, more.clone());
        return;
    };
    let mut list = Vec::new();
    for value in given.iter() {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(more.as_bytes());
    given.insert(HeaderValue::from_bytes(&list).unwrap_or_else(|_| more.clone()));
}

/// Makes an endpoint's answer fit for a client.
pub fn prepare_answer(headers: &mut HeaderMap) {
    // With a coding the length is not the body's (RFC 9112 6.3); with several equal lengths, in fields or in a list, one says it.
    let has_coding = headers.contains_key(TRANSFER_ENCODING);
    strip_connection_fields(headers);
    let lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut lengths = lengths.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let length = lengths.next();
    if has_coding || lengths.next().is_some() {
        let length = length.filter(|_| !has_coding);
        let length = length.and_then(|length| HeaderValue::from_bytes(length.trim_ascii()).ok());
        set(headers, CONTENT_LENGTH, length);
    }
}

#[cfg(test)]
mod tests;
