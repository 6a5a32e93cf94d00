use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::testing::hosted;

/// With the `Host` that HTTP/1.1 needs, unless it says one.
fn read(text: &str) -> String {
    let text = if text.contains("Host:") { text.to_owned() } else { hosted(text) };
    match Request::read(text.as_bytes()) {
        Ok(None) => "more".to_owned(),
        Ok(Some((request, len))) => {
            let Request { method, path, query, keeps, upgrade, body_len, .. } = request;
            format!("{method:?} {path} {query:?} keeps={keeps} {upgrade:?} body={body_len} head={len}")
        }
        Err(bad) => format!("{} {bad}", bad.status()),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&read(text));
}

#[test]
fn a_plain_question() {
    check(
        "GET /status/a?resource=pool/web HTTP/1.1\r\nHost: x\r\n\r\n",
        expect![[r#"Get /status/a "resource=pool/web" keeps=true None body=0 head=53"#]],
    );
    check(
        "GET http://h:1/status HTTP/1.1\r\n\r\n",
        expect![[r#"Get /status "" keeps=true None body=0 head=43"#]],
    );
    check("GET http://h:1 HTTP/1.1\r\n\r\n", expect![[r#"Get / "" keeps=true None body=0 head=36"#]]);
    check("HEAD / HTTP/1.0\r\n\r\n", expect![[r#"Head / "" keeps=false None body=0 head=19"#]]);
    check(
        "GET / HTTP/1.1\r\nConnection: a, CLOSE\r\n\r\n",
        expect![[r#"Get / "" keeps=false None body=0 head=49"#]],
    );
    check("GET / HTT", expect!["more"]);
    check("", expect!["more"]);
}

#[test]
fn a_length_is_said_once_and_small() {
    check(
        "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        expect![[r#"Post /a "" keeps=true None body=5 head=48"#]],
    );
    check(
        "POST /a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        expect!["400 this is no HTTP/1.1 request: it says two lengths"],
    );
    for bad in ["+5", "-1", "", "5, 5", "0x5"] {
        let answer = read(&format!("POST /a HTTP/1.1\r\nContent-Length: {bad}\r\n\r\n"));
        assert_eq!(answer, "400 this is no HTTP/1.1 request: its length is no number", "{bad}");
    }
    for long in ["4097", "99999999999999999999999999"] {
        let answer = read(&format!("POST /a HTTP/1.1\r\nContent-Length: {long}\r\n\r\n"));
        assert_eq!(answer, "413 a body has at most 4096 bytes here; send less", "{long}");
    }
    check(
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        expect!["411 send a body with Content-Length, not in chunks"],
    );
}

#[test]
fn a_host_is_said_once_and_is_one() {
    for good in ["x", "x:7601", "[2001:db8::1]:7601", "", "a_b.example"] {
        let answer = read(&format!("GET / HTTP/1.1\r\nHost: {good}\r\n\r\n"));
        assert!(answer.starts_with("Get / "), "{good}: {answer}");
    }
    for bad in ["a b", "a, b", "u@x", "x/y", "é"] {
        let answer = read(&format!("GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n"));
        assert!(answer.starts_with("400 ") && answer.contains("its `Host` is no name"), "{bad}: {answer}");
    }
    let once = "400 this is no HTTP/1.1 request: HTTP/1.1 says `Host` once";
    assert_eq!(read("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), once);
    assert_eq!(read("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"), once);
    assert_eq!(Request::read(b"GET / HTTP/1.1\r\n\r\n").unwrap_err().to_string(), &once["400 ".len()..]);
    assert!(Request::read(b"GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
}

#[test]
fn fields_that_come_twice_are_a_list_or_the_same_or_refused() {
    let whole = |text: &str| hosted(text);
    let text = whole("GET / HTTP/1.1\r\nIf-None-Match: \"a\"\r\nx: y\r\nif-none-match: \"b\", \"c\"\r\n\r\n");
    let (request, _) = Request::read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(request.if_none_match, ["\"a\"", "\"b\", \"c\""]);
    let text = whole("GET / HTTP/1.1\r\nLast-Event-ID: a\r\nlast-event-id: a\r\n\r\n");
    let (request, _) = Request::read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(request.last_event_id, Some("a"));
    check(
        "GET / HTTP/1.1\r\nLast-Event-ID: a\r\nLast-Event-ID: b\r\n\r\n",
        expect!["400 this is no HTTP/1.1 request: it says two values of `Last-Event-ID`"],
    );
    check(
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        expect![[r#"Post / "" keeps=true None body=5 head=66"#]],
    );
    for (expects, fields) in [
        (true, "Expect: x\r\nExpect: 100-Continue\r\n"),
        (true, "Expect: 100-continue, x\r\n"),
        (false, "Expect: x\r\n"),
    ] {
        let text = whole(&format!("POST / HTTP/1.1\r\n{fields}\r\n"));
        assert_eq!(Request::read(text.as_bytes()).unwrap().unwrap().0.expects_continue, expects, "{fields}");
        let older = text.replace("HTTP/1.1", "HTTP/1.0");
        assert!(!Request::read(older.as_bytes()).unwrap().unwrap().0.expects_continue, "{fields}");
    }
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for twice in [[key, key, version].concat(), [key, version, version].concat()] {
        let answer =
            read(&format!("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n{twice}\r\n"));
        assert!(answer.contains("Bad(") && answer.contains("said once"), "{answer}");
    }
}

#[test]
fn what_is_no_http_is_said() {
    check("\x16\x03\x01\r\n\r\n", expect!["400 this is no HTTP/1.1 request: the method or the target"]);
    check("GET / HTTP/3.0\r\n\r\n", expect!["400 this is no HTTP/1.1 request: the version"]);
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", expect!["400 this is no HTTP/1.1 request: the version"]);
    check("GET / HTTP/1.1\r\n a: b\r\n\r\n", expect!["400 this is no HTTP/1.1 request: the name of a field"]);
    check(
        &"G".repeat(9_000),
        expect!["431 a request's head has at most 8192 bytes and 64 fields here; send less"],
    );
    check(
        &format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)),
        expect!["431 a request's head has at most 8192 bytes and 64 fields here; send less"],
    );
    check(
        &format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8_192)),
        expect!["431 a request's head has at most 8192 bytes and 64 fields here; send less"],
    );
}

#[test]
fn a_websocket_is_asked_for_as_the_rfc_has_it() {
    let ask = |fields: &str| read(&format!("GET /watch HTTP/1.1\r\nUpgrade: websocket\r\n{fields}\r\n"));
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let connection = "Connection: keep-alive, Upgrade\r\n";
    assert!(ask(&[key, version, connection].concat()).contains(r#"WebSocket("dGhlIHNhbXBsZSBub25jZQ==")"#));
    assert!(ask(&[key, version].concat()).contains("Bad(\"`Connection`"));
    assert!(ask(&[key, connection].concat()).contains("Bad(\"`Sec-WebSocket-Version`"));
    assert!(ask(&[version, connection].concat()).contains("Bad(\"`Sec-WebSocket-Key`"));
}

#[test]
fn a_query_is_read_and_decoded() {
    let query = Query::read("resource=record%2Fwww.example.&wait=30&kind=a+b&other=%zz").unwrap();
    assert_eq!(query.resource.as_deref(), Some("record/www.example."));
    assert_eq!((query.wait, query.kind.as_deref()), (Some(Duration::from_secs(30)), Some("a b")));
    assert_eq!(Query::read("").unwrap(), Query::default());
    let check =
        |text: &str, expected: Expect| expected.assert_eq(&Query::read(text).unwrap_err().to_string());
    check("wait=0", expect![[r#"`wait` is a whole number of seconds from 1 to 60; this is "0""#]]);
    check("wait=61", expect![[r#"`wait` is a whole number of seconds from 1 to 60; this is "61""#]]);
    check("wait=1.5", expect![[r#"`wait` is a whole number of seconds from 1 to 60; this is "1.5""#]]);
    check("wait", expect![[r#"`wait` is a whole number of seconds from 1 to 60; this is """#]]);
    check("resources=pool/web", expect!["`resources` is no key here; write `resource`"]);
    check("Resource=pool/web", expect!["`Resource` is no key here; write `resource`"]);
    for others in ["_=1", "t=12", "cb=3&nonce=x&utm_source=y"] {
        assert_eq!(Query::read(others).unwrap(), Query::default(), "{others}");
    }
    // A long query costs little: what comes late is passed over.
    assert_eq!(Query::read(&("x&".repeat(4_000) + "resources=a")).unwrap(), Query::default());
    check("wait=1&wait=1", expect!["`wait` is there twice; say it once"]);
    check(
        "zone=%f",
        expect![
            "the zone is not readable: `%` needs two hexadecimal digits behind it, and the whole must be UTF-8"
        ],
    );
    check(
        "zone=%ff",
        expect![
            "the zone is not readable: `%` needs two hexadecimal digits behind it, and the whole must be UTF-8"
        ],
    );
}

proptest! {
    /// What is a whole head stays one when more follows, and is none while its end is missing.
    #[test]
    fn a_head_ends_where_it_ends(path in "/[a-z/%?&=]{0,30}", more in prop::collection::vec(any::<u8>(), 0..40)) {
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let (whole, len) = Request::read(head.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(len, head.len());
        for cut in 0..len {
            prop_assert_eq!(Request::read(&head.as_bytes()[..cut]), Ok(None));
        }
        let with_more = [head.as_bytes(), &more].concat();
        prop_assert_eq!(Request::read(&with_more).unwrap(), Some((whole, len)));
    }
}
