//! When a request goes to another endpoint, and when it must not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hf_config::estate::Choice;
use hf_model::Share;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Kept, Origin, RawOrigin, WorldBuilder, get, post, raw};

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    let gone = Origin::start("gone");
    gone.die().await;
    gone.address
}

#[tokio::test]
async fn a_refused_connection_costs_no_request() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let endpoints = [("a", nobody().await), ("a", a.address), ("b", b.address)];
    let world = WorldBuilder::new()
        .rules(|pool| pool.balancing.choice = Choice::Weighted)
        .web(&endpoints)
        .start()
        .await;
    for n in 0..100 {
        assert_eq!(get(world.web(), "/").await.status, 200);
        assert_eq!(post(world.web(), "/echo", &format!("body {n}")).await.body, format!("body {n}"));
    }
    // Five failures in a row took it out: nobody knocks there any more.
    assert_eq!(world.activity("a").failures, 5);
    assert_eq!(a.requests() + b.requests(), 200);
    assert_eq!(world.activity("a").requests, a.requests() as u64, "nothing was handed to it");
}

#[tokio::test]
async fn with_nobody_else_the_failure_is_told_in_words() {
    let gone = nobody().await;
    let world = WorldBuilder::new().web(&[("a", gone)]).start().await;
    // Ejected or not: it is all there is, so it is tried.
    for _ in 0..5 {
        let answer = get(world.web(), "/").await;
        assert_eq!(answer.status, 502);
        assert!(answer.body.contains("no endpoint of pool web took the request, 1 tried"), "{}", answer.body);
        assert!(
            answer.body.contains(&gone.to_string()) && answer.body.contains("refused"),
            "{}",
            answer.body
        );
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn at_most_three_endpoints_are_tried_another_zone_first() {
    let (first, second) = (RawOrigin::start(None).await, RawOrigin::start(None).await);
    let (third, never) = (RawOrigin::start(None).await, RawOrigin::start(None).await);
    let endpoints = [("a", first.address), ("a", second.address), ("b", third.address), ("c", never.address)];
    let world = WorldBuilder::new().web(&endpoints).start().await;
    let answer = get(world.web(), "/").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("3 tried"), "{}", answer.body);
    assert_eq!(first.heads().len() + second.heads().len(), 1, "the second try left the first one's zone");
    assert_eq!((third.heads().len(), never.heads().len()), (1, 1));
}

#[tokio::test]
async fn what_may_have_been_carried_out_is_not_sent_again() {
    let (silent, b) = (RawOrigin::start(None).await, Origin::start("b"));
    let world = WorldBuilder::new().web(&[("a", silent.address), ("b", b.address)]).start().await;
    let answer = post(world.web(), "/pay", "100").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("may have been carried out"), "{}", answer.body);
    let no_body = raw(world.web(), b"POST /pay HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(no_body.starts_with("HTTP/1.1 502 "), "{no_body}");
    assert_eq!((silent.heads().len(), b.requests()), (2, 0));
}

#[tokio::test]
async fn an_idempotent_request_is_sent_again_with_its_body() {
    let (silent, b) = (RawOrigin::start(None).await, Origin::start("b"));
    let world = WorldBuilder::new().web(&[("a", silent.address), ("b", b.address)]).start().await;
    assert_eq!(get(world.web(), "/").await.body, "b");
    let mut client = Kept::open(world.web()).await;
    assert_eq!(client.send("PUT", "/echo", "small body").await.unwrap().body, "small body");
    assert_eq!((silent.heads().len(), b.requests()), (2, 2));
}

#[tokio::test]
async fn a_body_too_long_to_keep_is_not_sent_again() {
    let (silent, b) = (RawOrigin::start(None).await, Origin::start("b"));
    let world = WorldBuilder::new()
        .rules(|pool| pool.bounds.replay_bytes = 9)
        .web(&[("a", silent.address), ("b", b.address)])
        .start()
        .await;
    let mut client = Kept::open(world.web()).await;
    assert_eq!(client.send("PUT", "/echo", "ten bytes.").await.unwrap().status, 502);
    assert_eq!((silent.heads().len(), b.requests()), (1, 0));
}

#[tokio::test]
async fn an_answer_that_has_begun_is_never_replaced() {
    let torn = RawOrigin::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")).await;
    let b = Origin::start("b");
    let world = WorldBuilder::new().web(&[("a", torn.address), ("b", b.address)]).start().await;
    let answer = raw(world.web(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("part"), "{answer}");
    assert_eq!(b.requests(), 0);
}

#[tokio::test]
async fn a_kept_connection_that_ended_while_idle_costs_nothing() {
    // Says nothing of closing and closes after each answer.
    let brief = RawOrigin::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbrief")).await;
    let world = WorldBuilder::new().workers(1).web(&[("a", brief.address)]).start().await;
    for _ in 0..20 {
        assert_eq!(post(world.web(), "/", "x").await.body, "brief");
        world.until_open_connections("a", 0).await;
    }
    assert_eq!(world.activity("a").failures, 0);
}

/// Answers the first request of each connection, says this upon the second, and closes; how many it has read.
async fn closes_upon_the_second(with: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, read) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = read.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", with] {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (address, read)
}

#[tokio::test]
async fn a_kept_connection_that_ends_as_the_request_goes_out_costs_only_what_may_not_be_sent_twice() {
    let (address, read) = closes_upon_the_second("").await;
    let world = WorldBuilder::new().workers(1).web(&[("a", address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    // The first of each three goes over a new connection, the second over the kept one, which ends, and over a new one.
    for _ in 0..10 {
        assert_eq!(client.get("/").await.body, "ok");
    }
    assert_eq!(read.load(Ordering::SeqCst), 19);
    assert_eq!(world.activity("a").failures, 0, "no fault of the endpoint");
    let answer = post(world.web(), "/pay", "100").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("may have been carried out"), "{}", answer.body);
}

#[tokio::test]
async fn a_kept_connection_that_ends_within_an_answers_head_is_a_failure() {
    for begun in ["HTTP/1.1 200", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let (address, read) = closes_upon_the_second(begun).await;
        let world = WorldBuilder::new().workers(1).web(&[("a", address)]).start().await;
        let mut client = Kept::open(world.web()).await;
        assert_eq!(client.get("/").await.body, "ok");
        assert_eq!(client.get("/").await.status, 502);
        assert_eq!((read.load(Ordering::SeqCst), world.activity("a").failures), (2, 1));
    }
}

#[tokio::test]
async fn a_kept_connection_that_ended_is_not_made_up_for_beyond_the_budget() {
    let (address, read) = closes_upon_the_second("").await;
    let no_budget = |pool: &mut hf_config::estate::Pool| pool.retries.budget = Share::ZERO;
    let world = WorldBuilder::new().workers(1).rules(no_budget).web(&[("a", address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    assert_eq!(client.get("/").await.body, "ok");
    let answer = client.get("/").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("1 tried; the last"), "{}", answer.body);
    assert_eq!(read.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn connections_are_kept() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
    for _ in 0..50 {
        assert_eq!(get(world.web(), "/").await.body, "a");
        assert_eq!(post(world.web(), "/echo", "x").await.body, "x");
    }
    assert_eq!(a.accepted(), 1);
}
