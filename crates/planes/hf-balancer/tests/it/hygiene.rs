//! What passes and what does not: fields, forms, framing.

use crate::support::{Origin, RawOrigin, WorldBuilder, get, raw};

/// Sends bytes and says the statuses of the answers, and what the endpoint was asked for.
async fn check(bytes: &str, statuses: &[&str], asked: &[&str]) {
    let a = Origin::start("a");
    let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
    let answer = raw(world.web(), bytes.as_bytes()).await;
    let status = |(at, _): (usize, &str)| answer.get(at + 9..at + 12);
    let statuses_in = answer.match_indices("HTTP/1.").filter_map(status);
    // What is wrong may be said with a version, too.
    let got: Vec<&str> = statuses_in.filter(|status| status.parse::<u16>().is_ok()).collect();
    let asked: Vec<String> = asked.iter().map(|target| (*target).to_owned()).collect();
    assert_eq!((got, a.targets()), (statuses.to_vec(), asked), "{bytes:?}");
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
    let twice = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
    // More than the balancer reads at once: what is not read must not reset the answer away.
    let answer = raw(world.web(), format!("{twice}{}", "x".repeat(300_000)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("this one has several\n"), "{answer}");
}

const GOOD: &str = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST: &str = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    check(&format!("{GOOD}{LAST}"), &["200", "200"], &["GET /good", "GET /last"]).await;
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    check(&format!("{post}{LAST}"), &["200", "200"], &["POST /echo", "GET /last"]).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    check(&format!("{chunked}{LAST}"), &["200", "200"], &["POST /echo", "GET /last"]).await;
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused_and_nothing_after_it_is_served() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        // Both framings, either order.
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 40\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\n\n",
    ] {
        check(&format!("{head}{smuggled}"), &["400"], &[]).await;
        check(&format!("{GOOD}{head}{smuggled}"), &["200", "400"], &["GET /good"]).await;
    }
}

#[tokio::test]
async fn a_malformed_chunk_ends_the_request_and_the_connection() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for chunks in ["3\nabc\r\n0\r\n\r\n", "x\r\n", "3\r\nabcd\r\n0\r\n\r\n", "0\r\nX: y\n\r\n"] {
        let a = Origin::start("a");
        let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
        let request =
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{smuggled}");
        raw(world.web(), request.as_bytes()).await;
        assert!(a.targets().iter().all(|target| target == "POST /echo"), "{chunks:?}: {:?}", a.targets());
    }
}

#[tokio::test]
async fn other_forms_of_request_have_no_place_here() {
    check("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", &["400"], &[]).await;
    check("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", &["405"], &[]).await;
    check("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", &["405"], &[]).await;
    check("GET / HTTP/1.1\r\n\r\n", &["400"], &[]).await;
    check("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &["400"], &[]).await;
    check("GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", &["417"], &[]).await;
    check("GET /old HTTP/1.0\r\n\r\n", &["200"], &["GET /old"]).await;
    check("GET / HTTP/1.2\r\nHost: a\r\n\r\n", &["505"], &[]).await;
    check("GET / HTTP/3.0\r\nHost: a\r\n\r\n", &["505"], &[]).await;
    // HTTP/2 begins a connection or not at all.
    check(&format!("{GOOD}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), &["200", "505"], &["GET /good"]).await;
    check("HOLDFAST-REFUSED /6 HTTP/1.1\r\nHost: a\r\n\r\n", &["400"], &[]).await;
    check("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", &["400"], &[]).await;
}

#[tokio::test]
async fn too_much_of_a_head_is_refused() {
    let long = "x".repeat(70 << 10);
    check(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), &["431"], &[]).await;
    let many = "X: y\r\n".repeat(101);
    check(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), &["431"], &[]).await;
    check(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), &["431"], &[]).await;
}

#[tokio::test]
async fn a_request_arrives_without_what_belonged_to_its_connection() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let request = "GET /fields HTTP/1.1\r\nHost: service.test\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n\
                   Keep-Alive: 5\r\nTE: gzip\r\nUpgrade: websocket\r\nProxy-Authorization: x\r\nForwarded: for=x\r\n\
                   X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: mine\r\nAccept: */*\r\n\r\n";
    let answer = raw(world.web(), request.as_bytes()).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        format!(
            "accept: */*\nforwarded: for=127.0.0.1;proto=http\nhost: service.test\nx-forwarded-for: 198.51.100.1, 127.0.0.1\n\
             x-forwarded-host: service.test\nx-forwarded-port: {}\nx-forwarded-proto: http\nx-request-id: mine",
            world.web().port()
        )
    );
}

#[tokio::test]
async fn requests_without_a_name_get_one_each() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let id = |fields: &str| {
        let line = fields.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        assert_eq!(line.len(), 32, "{line}");
        line.to_owned()
    };
    let one = id(&get(world.web(), "/fields").await.body);
    let other = id(&get(world.web(), "/fields").await.body);
    assert_ne!(one, other);
}

#[tokio::test]
async fn an_answer_arrives_without_what_belonged_to_its_connection() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let answer = get(world.web(), "/odd").await;
    let mut names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "via", "x-origin", "x-passes"]);
}

#[tokio::test]
async fn an_answer_whose_end_can_be_read_in_two_ways_is_refused() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
    ] {
        let odd = RawOrigin::start(Some(answer)).await;
        let world = WorldBuilder::new().web(&[("a", odd.address)]).start().await;
        assert_eq!(get(world.web(), "/").await.status, 502, "{answer:?}");
        world.until_open_connections("a", 0).await;
    }
}

#[tokio::test]
async fn an_answer_that_says_its_length_twice_says_it_once() {
    let odd = RawOrigin::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc")).await;
    let world = WorldBuilder::new().web(&[("a", odd.address)]).start().await;
    let answer = get(world.web(), "/").await;
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("abc", "3"));
}

#[tokio::test]
async fn an_unasked_upgrade_is_a_failure() {
    let odd = RawOrigin::start(Some(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ))
    .await;
    let world = WorldBuilder::new().web(&[("a", odd.address)]).start().await;
    assert_eq!(get(world.web(), "/").await.status, 502);
}
