//! Connections that are idle for a while, and what they find when they ask again.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::{Kept, Origin, WorldBuilder, until, within};

/// Long enough that a connection rests; nothing tells from outside that it does.
async fn long_enough() {
    let since = Instant::now();
    until("it rests", || async { since.elapsed() > Duration::from_millis(600) }).await;
}

#[tokio::test]
async fn a_rested_connection_goes_on() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.body, "a");
        assert_eq!(within("the echo", client.send("POST", "/echo", "x")).await.unwrap().body, "x");
        long_enough().await;
    }
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_head_that_dribbles_after_a_rest_is_read_whole() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    for path in ["/one", "/two"] {
        for piece in ["G", "ET ", path, " HTTP/1.1\r\nHo", "st: a\r\n\r", "\n"] {
            stream.write_all(piece.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\na") {
            answer.push(within("the answer", stream.read_u8()).await.unwrap());
        }
        long_enough().await;
    }
    assert_eq!(a.targets(), ["GET /one", "GET /two"]);
}

#[tokio::test]
async fn a_long_answer_is_no_idle_time() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    client.get("/").await;
    let held = tokio::spawn(async move { (client.get("/held-body").await, client) });
    until("it is held", || async { a.held() == 1 }).await;
    long_enough().await;
    a.release();
    let (answer, mut client) = within("the answer", held).await.unwrap();
    assert_eq!(answer.body, "begun a");
    assert_eq!(client.get("/").await.body, "a");
}

#[tokio::test]
async fn a_rested_connection_is_sent_away_with_the_others() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = WorldBuilder::new().web(&[("a", a.address), ("b", b.address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    assert_eq!(client.get("/").await.body, "a");
    long_enough().await;
    world.shift(&["a"]).await;
    client.closed().await;
}
