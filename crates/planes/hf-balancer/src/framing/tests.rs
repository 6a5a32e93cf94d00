use super::*;

/// Feeds `stream` whole, byte by byte and in pieces of seven; the outcome must be the same.
fn check(stream: &str, want: Result<bool, Refused>) {
    for size in [stream.len().max(1), 1, 7] {
        let mut framing = Framing::new(64 << 10);
        let fed = stream.as_bytes().chunks(size).try_for_each(|piece| framing.take(piece));
        let got = fed.map(|()| framing.between_requests()).map_err(|refused| refused.why);
        assert_eq!(got, want, "{stream:?} in pieces of {size}");
    }
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

#[test]
fn follows_plain_requests() {
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(true));
    check("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", Ok(true));
    check("GET / HTTP/1.1\r\nHost: a\r\n", Ok(false));
    check(&post("Content-Length: 3\r\n", "abc"), Ok(true));
    check(&post("Content-Length: 3\r\n", "ab"), Ok(false));
    check(&post("Content-Length: 0\r\n", ""), Ok(true));
    check(&post("content-length:3\r\n", "abcGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(true));
}

#[test]
fn follows_chunks_and_trailers() {
    let chunked = "Transfer-Encoding: Chunked\r\n";
    check(&post(chunked, "3\r\nabc\r\n0\r\n\r\n"), Ok(true));
    check(&post(chunked, "A;x=\"y\"\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Ok(true));
    check(&post(chunked, "0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"), Ok(true));
    check(&post(chunked, "3\r\nabc\r\n"), Ok(false));
}

#[test]
fn refuses_what_can_be_read_in_two_ways() {
    let length = "Content-Length: 3\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    check(&post(&format!("{length}{chunked}"), ""), Err(Refused::TwoFramings));
    check(&post(&format!("{chunked}{length}"), ""), Err(Refused::TwoFramings));
    check(&post(&format!("{length}{length}"), "abc"), Err(Refused::Repeated));
    check(&post(&format!("{length}Content-Length: 4\r\n"), "abcd"), Err(Refused::Repeated));
    check(&post(&format!("{chunked}{chunked}"), ""), Err(Refused::Repeated));
    for value in ["3, 3", "+3", "-3", "0x3", "3 3", "", "9999999999999999999"] {
        check(&post(&format!("Content-Length: {value}\r\n"), ""), Err(Refused::BadLength));
    }
    for value in
        ["gzip, chunked", "chunked, identity", "xchunked", "\"chunked\"", "identity", "chunked;q=1", ""]
    {
        check(&post(&format!("Transfer-Encoding: {value}\r\n"), ""), Err(Refused::BadCoding));
    }
    check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Refused::BadCoding));
}

#[test]
fn refuses_malformed_lines() {
    for head in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: empty name\r\n\r\n",
    ] {
        check(head, Err(Refused::BadLine));
    }
}

#[test]
fn refuses_malformed_chunks() {
    for body in [
        "\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n",
        "3 \r\nabc\r\n",
        "-1\r\n",
        "0x3\r\nabc\r\n",
        "fffffffffffffffff\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "0\r\nX: 1\n\r\n",
        "3;a\nb\r\nabc\r\n",
    ] {
        check(&post("Transfer-Encoding: chunked\r\n", body), Err(Refused::BadChunk));
    }
}

#[test]
fn says_how_much_may_go_on() {
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut framing = Framing::new(64 << 10);
    let stream = format!("{good}{}", post("Content-Length: x\r\n", ""));
    let refused = RefusedAt { good: good.len(), why: Refused::BadLength, from_start: true };
    assert_eq!(framing.take(stream.as_bytes()), Err(refused));
    let mut framing = Framing::new(64 << 10);
    framing.take(&stream.as_bytes()[..good.len() + 9]).unwrap();
    let refused = RefusedAt { good: 0, why: Refused::BadLength, from_start: false };
    assert_eq!(framing.take(&stream.as_bytes()[good.len() + 9..]), Err(refused));
}

#[test]
fn an_endless_head_takes_bounded_memory() {
    let mut framing = Framing::new(1_000);
    for _ in 0..1_000 {
        framing.take(b"X: 0123456789\r\n").unwrap();
    }
    assert!(framing.head.len() <= 1_001);
    assert!(framing.in_head());
}

/// Found by fuzzing: in one piece a head beyond the bound was read to its end, in several it was not.
#[test]
fn a_head_beyond_the_bound_is_not_read_in_any_pieces() {
    let stream = format!("GET / HTTP/1.1\r\nX: {}\r\nno colon\r\n\r\n", "x".repeat(1_000));
    for size in [stream.len(), 700, 7, 1] {
        let mut framing = Framing::new(1_000);
        assert!(
            stream.as_bytes().chunks(size).all(|piece| framing.take(piece).is_ok()),
            "in pieces of {size}"
        );
        assert!(framing.in_head(), "hyper refuses it");
    }
}

#[test]
fn versions_and_methods_that_are_none_are_refused() {
    check("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Err(Refused::Version));
    check("GET / HTTP/3.0\r\nHost: a\r\n\r\n", Err(Refused::Version));
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err(Refused::Version));
    check("HOLDFAST-REFUSED /6 HTTP/1.1\r\nHost: a\r\n\r\n", Err(Refused::Method));
}

#[test]
fn each_refusal_has_a_request_of_its_own() {
    for why in Refused::ALL {
        let request = std::str::from_utf8(why.as_request()).unwrap();
        let (method, rest) = request.split_once(' ').unwrap();
        let (path, _) = rest.split_once(' ').unwrap();
        assert_eq!((method, Refused::of_request(path)), (REFUSED_METHOD, why));
    }
}
