//! Clients that do not take their answers: they keep no endpoint's connection longer than they may.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hf_config::estate::{EndpointHttp, Pool};
use hf_telemetry::Outcome;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Origin, Origin2, World, WorldBuilder, get, raw, until, within};

/// A client's half of a connection of HTTP/2.
type Connection = h2::client::Connection<TcpStream, Bytes>;

/// Waits until nothing moves to clients any more.
async fn until_stuck(world: &World) {
    let moved = Cell::new(0);
    until("nothing moves", || async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = world.activity("a").bytes_to_clients;
        now > 0 && now == moved.replace(now)
    })
    .await;
}

/// A client of HTTP/1.1 that asks and reads nothing.
async fn deaf(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    stream
}

/// A client of HTTP/2 whose stream may carry so much; it is given back with the head of the answer. It reads no more unless it is driven.
async fn of_http2(to: SocketAddr, window: u32) -> (Connection, Response<h2::RecvStream>) {
    of_http2_with(to, window, "/endless", Bytes::new()).await
}

/// The same for another path, sent these bytes.
async fn of_http2_with(
    to: SocketAddr,
    window: u32,
    path: &str,
    body: Bytes,
) -> (Connection, Response<h2::RecvStream>) {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, mut connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(window.max(65_535))
        .handshake(stream)
        .await
        .unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = Request::builder().method(method).uri(format!("http://a{path}")).body(()).unwrap();
    let (response, mut sending) = sender.send_request(request, body.is_empty()).unwrap();
    if !body.is_empty() {
        sending.send_data(body, true).unwrap();
    }
    let response = tokio::select! {
        biased;
        response = response => response.unwrap(),
        ended = &mut connection => panic!("it ended before its answer: {ended:?}"),
    };
    (connection, response)
}

/// Takes what comes, and lets more come a while after each time; how much there was when it ended or was `enough`.
async fn take_slowly(body: &mut h2::RecvStream, after: Duration, enough: usize) -> usize {
    let mut taken = 0;
    while taken < enough
        && let Some(Ok(bytes)) = body.data().await
    {
        taken += bytes.len();
        tokio::time::sleep(after).await;
        body.flow_control().release_capacity(bytes.len()).unwrap();
    }
    taken
}

fn http2(pool: &mut Pool) {
    pool.to_endpoint.http = EndpointHttp::Http2;
}

fn drained_soon() -> WorldBuilder {
    WorldBuilder::new().workers(1).drain(Duration::from_millis(50))
}

#[tokio::test]
async fn after_the_drain_a_client_that_reads_nothing_is_cut() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = drained_soon().web(&[("a", a.address), ("b", b.address)]).start().await;
    let mut client = deaf(world.web()).await;
    until_stuck(&world).await;
    world.shift(&["a"]).await;
    until("connections to a are closed", || async { a.connections() == 0 }).await;
    within("the client's end", client.read_to_end(&mut Vec::new())).await.ok();
    assert_eq!(world.activity("a").outcomes.of(Outcome::Reset), 0);
}

#[tokio::test]
async fn the_same_where_the_endpoint_speaks_http2() {
    let (a, b) = (Origin2::start().await, Origin2::start().await);
    let mut world = drained_soon().rules(http2).web(&[("a", a.address), ("b", b.address)]).start().await;
    let mut client = deaf(world.web()).await;
    until_stuck(&world).await;
    world.shift(&["a"]).await;
    within("the client's end", async {
        while client.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(world.activity("a").outcomes.of(Outcome::Reset), 0);
}

#[tokio::test]
async fn after_the_drain_an_http2_client_that_reads_nothing_is_cut() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = drained_soon()
        .limits(|limits| limits.connections_per_worker = 1)
        .web(&[("a", a.address), ("b", b.address)])
        .start()
        .await;
    // What may come is more than all buffers hold, and nobody reads it.
    let (connection, _response) = of_http2(world.web(), 1 << 30).await;
    until_stuck(&world).await;
    world.shift(&["a"]).await;
    until("connections to a are closed", || async { a.connections() == 0 }).await;
    // Nobody reads yet, which alone would wake the connection: there is room for another client when it has ended.
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    until("there is room", || async { raw(world.web(), ask).await.starts_with("HTTP/1.1 200") }).await;
    within("the client's end", connection).await.ok();
}

#[tokio::test]
async fn after_the_drain_a_stream_that_may_carry_nothing_ends_and_no_other() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = drained_soon().own_zone("c").web(&[("a", a.address), ("b", b.address)]).start().await;
    let (connection, response) = of_http2(world.web(), 65_535).await;
    let driven = tokio::spawn(connection);
    let from = response.headers()["x-origin"].to_str().unwrap().to_owned();
    let (left, serves) = if from == "a" { (&a, "b") } else { (&b, "a") };
    until("it is under way", || async { left.connections() == 1 }).await;
    world.shift(&[from.as_str()]).await;
    until("connections there are closed", || async { left.connections() == 0 }).await;
    assert_eq!(get(world.web(), "/").await.body, serves);
    assert!(!driven.is_finished(), "the connection stays");
    assert_eq!(world.activity(&from).outcomes.of(Outcome::Reset), 0);
    driven.abort();
}

#[tokio::test]
async fn a_stream_that_may_carry_nothing_for_body_idle_ends() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.body_idle = Duration::from_millis(100))
        .web(&[("a", a.address)])
        .start()
        .await;
    let (connection, _response) = of_http2(world.web(), 65_535).await;
    let driven = tokio::spawn(connection);
    until("the connection to a is closed", || async { a.requests() == 1 && a.connections() == 0 }).await;
    driven.abort();
}

#[tokio::test]
async fn a_stream_whose_client_takes_some_in_each_body_idle_goes_on() {
    let body_idle = Duration::from_secs(1);
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(move |pool| pool.patience.body_idle = body_idle)
        .web(&[("a", a.address)])
        .start()
        .await;
    let (connection, mut response) = of_http2(world.web(), 2 << 10).await;
    let driven = tokio::spawn(connection);
    // Far less than one piece, and far longer than `body_idle`.
    let taken = within("some", take_slowly(response.body_mut(), body_idle / 2, 14 << 10)).await;
    assert_eq!((taken, a.connections()), (14 << 10, 1));
    driven.abort();
}

#[tokio::test]
async fn the_last_piece_of_an_answer_may_be_taken_slowly() {
    let idle = Duration::from_secs(1);
    let a = Origin::start("a");
    let rules = move |pool: &mut Pool| {
        let patience = &mut pool.patience;
        (patience.body_idle, patience.client_idle, patience.header) = (idle, idle, idle);
    };
    let world = WorldBuilder::new().rules(rules).web(&[("a", a.address)]).start().await;
    let whole = Bytes::from_static(&[b'x'; 14 << 10]);
    let (connection, mut response) = of_http2_with(world.web(), 2 << 10, "/echo", whole).await;
    let driven = tokio::spawn(connection);
    assert_eq!(within("all of it", take_slowly(response.body_mut(), idle / 2, 15 << 10)).await, 14 << 10);
    driven.abort();
}

#[tokio::test]
async fn what_is_cut_in_a_zone_that_was_left_is_no_fault_of_its_endpoints() {
    let (a, b) = (Origin2::start().await, Origin2::start().await);
    let mut world = drained_soon().rules(http2).web(&[("a", a.address), ("b", b.address)]).start().await;
    let web = world.web();
    let held = tokio::spawn(async move { get(web, "/held").await.body });
    until("it is under way", || async { a.held() == 1 }).await;
    b.release();
    world.shift(&["a"]).await;
    assert_eq!(within("the repeated GET", held).await.unwrap(), "held");
    until("it is counted", || async { world.activity("a").outcomes.of(Outcome::ClientGone) == 1 }).await;
    assert_eq!(world.activity("a").failures, 0);
}

#[tokio::test]
async fn a_body_that_its_client_breaks_off_within_the_answer_is_no_fault_of_the_endpoint() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new().workers(1).rules(http2).web(&[("a", a.address)]).start().await;
    let mut client = TcpStream::connect(world.web()).await.unwrap();
    client.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc").await.unwrap();
    let mut some = [0; 16];
    // The answer begins while the request goes on.
    within("the answer's head", client.read_exact(&mut some)).await.unwrap();
    drop(client);
    until("it is over", || async { world.activity("a").requests == 1 && a.requests() == 1 }).await;
    until("it is counted", || async {
        let outcomes = world.activity("a").outcomes;
        outcomes.of(Outcome::ClientGone) + outcomes.of(Outcome::Answered) == 1
    })
    .await;
    assert_eq!(world.activity("a").failures, 0);
}
