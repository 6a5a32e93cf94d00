//! Heads of requests as they go to an endpoint, and of its answers as they come.
//!
//! 1. What frames a request's body is said anew, by what the body is: a length that is known, else chunks. What the fields say of it counts only
//!    where the body itself does not know, and is never written twice.
//! 2. An answer's framing is read by RFC 9112 6.3. Where that leaves a choice the stricter one is taken: several lengths must be equal, HTTP/1.0
//!    has no codings, and a coding is `chunked` alone, without a length beside it: else the answer is malformed.
//!
//! Not here: sockets, bodies.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING,
};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Body;
use hyper::ext::ReasonPhrase;

use super::Broken;
use super::coming::Coming;
use super::going::Form;
use crate::body::RequestBody;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 256 << 10;
/// Its fields.
const FIELDS_MAX: usize = 128;

/// Writes the head of `request`; says how its body is to follow.
pub fn write(request: &Request<RequestBody>, to: &mut Vec<u8>) -> Form {
    let form = form(request);
    to.extend_from_slice(request.method().as_str().as_bytes());
    to.push(b' ');
    to.extend_from_slice(request.uri().path_and_query().map_or("/", |target| target.as_str()).as_bytes());
    to.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
            continue;
        }
        field(name, value, to);
    }
    match &form {
        Form::None { says_so: false } => {}
        Form::None { says_so: true } => to.extend_from_slice(b"content-length: 0\r\n"),
        Form::Length(length) => {
            to.extend_from_slice(b"content-length: ");
            decimal(*length, to);
            to.extend_from_slice(b"\r\n");
        }
        Form::Chunked { .. } => to.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    to.extend_from_slice(b"\r\n");
    form
}

/// One field's line.
pub fn field(name: &HeaderName, value: &HeaderValue, to: &mut Vec<u8>) {
    to.extend_from_slice(name.as_str().as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value.as_bytes());
    to.extend_from_slice(b"\r\n");
}

fn decimal(number: u64, to: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut at, mut left) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

fn form(request: &Request<RequestBody>) -> Form {
    let (headers, body) = (request.headers(), request.body());
    if let RequestBody::Empty = body {
        let is_expected = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        return Form::None { says_so: is_expected || headers.contains_key(CONTENT_LENGTH) };
    }
    let said = || headers.get(CONTENT_LENGTH).and_then(|value| length_of(value.as_bytes()));
    if let Some(length) = body.size_hint().exact().or_else(said) {
        return Form::Length(length);
    }
    let names =
        headers.get_all(TRAILER).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let trailers = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    Form::Chunked { trailers: trailers.filter(may_trail).collect() }
}

/// Whether a field may come after a body: none that frames, routes or proves anything (RFC 9110 6.5.1).
pub fn may_trail(name: &HeaderName) -> bool {
    use http::header::{
        AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HOST, SET_COOKIE, TE,
    };
    let never = [
        &AUTHORIZATION,
        &CACHE_CONTROL,
        &CONNECTION,
        &CONTENT_ENCODING,
        &CONTENT_LENGTH,
        &CONTENT_RANGE,
        &CONTENT_TYPE,
        &HOST,
        &SET_COOKIE,
        &TE,
        &TRAILER,
        &TRANSFER_ENCODING,
    ];
    !never.contains(&name)
}

/// One to 18 digits.
fn length_of(text: &[u8]) -> Option<u64> {
    if !(1..=18).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}

/// How long the head is that `bytes` begin with; none while its end has not come.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, Broken> {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
        at += found + 1;
        match bytes[at..] {
            [b'\n', ..] => return Ok(Some(at + 1)),
            [b'\r', b'\n', ..] => return Ok(Some(at + 2)),
            _ => {}
        }
    }
    if bytes.len() > HEAD_BYTES_MAX {
        return Err(Broken::Malformed("its head is longer than 256 KiB"));
    }
    Ok(None)
}

/// What a head says.
#[derive(Debug)]
pub struct Read {
    /// Without the body.
    pub response: Response<()>,
    /// How the body comes.
    pub framing: Coming,
    /// Whether the endpoint keeps the connection afterwards.
    pub stays: bool,
}

/// Reads a whole head. `is_head`: of an answer to HEAD.
pub fn made(head: &Bytes, is_head: bool) -> Result<Read, Broken> {
    let malformed = Broken::Malformed;
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let rules = httparse::ParserConfig::default();
    match rules.parse_response_with_uninit_headers(&mut parsed, head, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(malformed("it has more than 128 fields")),
        Ok(_) | Err(_) => return Err(malformed("its head is none of HTTP/1")),
    }
    let status =
        StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| malformed("its status is none"))?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version;
    let reason = parsed.reason.unwrap_or_default();
    if Some(reason) != status.canonical_reason()
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    // Room for what is added on the way.
    headers.reserve(parsed.headers.len() + 2);
    for field in parsed.headers.iter() {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| malformed("a field's name is none"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        headers.append(name, value.map_err(|_| malformed("a field's value is none"))?);
    }
    let framing = framing(status, version, response.headers(), is_head)?;
    let stays = stays(version, response.headers()) && status != StatusCode::SWITCHING_PROTOCOLS;
    Ok(Read { response, framing, stays })
}

fn framing(
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    is_head: bool,
) -> Result<Coming, Broken> {
    if is_head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        return Ok(Coming::Nothing);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if version == Version::HTTP_10 {
            return Err(Broken::Malformed("HTTP/1.0 has no Transfer-Encoding"));
        }
        if codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Broken::Malformed("its Transfer-Encoding is another than chunked"));
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(Broken::Malformed("it has a Transfer-Encoding and a Content-Length"));
        }
        return Ok(Coming::chunked());
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.as_bytes().split(|byte| *byte == b',') {
            let one = length_of(text.trim_ascii()).ok_or(Broken::Malformed("its Content-Length is none"))?;
            if length.replace(one).is_some_and(|other| other != one) {
                return Err(Broken::Malformed("it has two lengths"));
            }
        }
    }
    Ok(match length {
        Some(0) => Coming::Nothing,
        Some(length) => Coming::Length(length),
        None => Coming::UntilEnd,
    })
}

/// RFC 9112 9.3.
fn stays(version: Version, headers: &HeaderMap) -> bool {
    let (mut closes, mut keeps) = (false, version == Version::HTTP_11);
    for value in headers.get_all(CONNECTION) {
        for word in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            closes |= word.eq_ignore_ascii_case(b"close");
            keeps |= word.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keeps && !closes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, is_head: bool, want: Result<(&str, bool), &str>) {
        let got = made(&Bytes::copy_from_slice(head.as_bytes()), is_head);
        let got =
            got.map(|read| (format!("{:?}", read.framing), read.stays)).map_err(|error| error.to_string());
        let want = want.map(|(framing, stays)| (framing.to_owned(), stays));
        match (got, want) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{head:?}: {error}"),
            (got, want) => assert_eq!(got, want.map_err(str::to_owned), "{head:?}"),
        }
    }

    #[test]
    fn answers_are_framed_as_the_standard_says() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, Ok(("Length(5)", true)));
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, Ok(("Nothing", true)));
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n",
            false,
            Ok(("Length(5)", true)),
        );
        check("HTTP/1.1 204 No Content\r\n\r\n", false, Ok(("Nothing", true)));
        check("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, Ok(("Nothing", true)));
        check("HTTP/1.1 200 OK\r\n\r\n", false, Ok(("UntilEnd", true)));
        check("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, Ok(("Length(5)", false)));
        check(
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
            false,
            Ok(("Nothing", true)),
        );
        check(
            "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n",
            false,
            Ok(("Nothing", false)),
        );
        for coding in [
            "gzip",
            "identity",
            "xchunked",
            "gzip, chunked",
            "chunked, chunked",
            "chunked, identity",
            "chunked\r\nTransfer-Encoding: chunked",
            "",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
            check(&head, false, Err("another than chunked"));
        }
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: Chunked\r\nContent-Length: 5",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
            check(&head, false, Err("a Transfer-Encoding and a Content-Length"));
            check(&head, true, Ok(("Nothing", true)));
        }
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false, Err("two lengths"));
        check("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", false, Err("Content-Length is none"));
        check("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Err("HTTP/1.0"));
        check("220 mail.test\r\n\r\n", false, Err("none of HTTP/1"));
        check("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false, Err("none of HTTP/1"));
    }

    #[test]
    fn chunked_alone_is_a_coding() {
        for coding in ["chunked", "Chunked "] {
            let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
            let read = made(&Bytes::from(head), false).unwrap();
            assert!(matches!(read.framing, Coming::Chunked(_)) && read.stays);
        }
    }

    #[test]
    fn a_request_says_what_its_body_is_and_says_it_once() {
        let text = |method: Method, body: RequestBody, fields: &[(&'static str, &'static str)]| {
            let mut request = Request::new(body);
            *request.method_mut() = method;
            for (name, value) in fields {
                request.headers_mut().append(*name, HeaderValue::from_static(value));
            }
            let mut to = Vec::new();
            write(&request, &mut to);
            String::from_utf8(to).unwrap()
        };
        let whole = || RequestBody::Whole(Bytes::from_static(b"12345678901"));
        assert_eq!(text(Method::GET, RequestBody::Empty, &[("a", "b")]), "GET / HTTP/1.1\r\na: b\r\n\r\n");
        assert_eq!(
            text(Method::POST, RequestBody::Empty, &[]),
            "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
        );
        let framed = [("content-length", "3"), ("transfer-encoding", "chunked"), ("content-length", "4")];
        assert_eq!(text(Method::PUT, whole(), &framed), "PUT / HTTP/1.1\r\ncontent-length: 11\r\n\r\n");
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        let long = |bytes: &[u8]| length(bytes).ok().flatten();
        assert_eq!(long(b"HTTP/1.1 200 OK\r\n\r\nbody\r\n\r\n"), Some(19));
        assert_eq!(long(b"HTTP/1.1 200 OK\n\nbody"), Some(17));
        assert_eq!(long(b"HTTP/1.1 200 OK\r\na: b\r\n\r"), None);
        assert!(length(&vec![b'a'; HEAD_BYTES_MAX + 1]).is_err());
    }
}
