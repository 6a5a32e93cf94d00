//! Every wait has an end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Kept, Origin, WorldBuilder, get, until, within};

const SHORT: Duration = Duration::from_millis(100);

/// Sends `bytes` and waits for the other side to end the connection.
async fn ended_after(to: std::net::SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut got)).await;
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn a_client_that_dribbles_its_head_is_cut() {
    let a = Origin::start("a");
    let world =
        WorldBuilder::new().rules(|pool| pool.patience.header = SHORT).web(&[("a", a.address)]).start().await;
    ended_after(world.web(), "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    // A byte now and then does not help.
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    let dribble = async {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the cut", dribble).await;
    assert_eq!(a.requests(), 0);
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_cut() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.body_idle = SHORT)
        .web(&[("a", a.address)])
        .start()
        .await;
    ended_after(world.web(), "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    until("the endpoint's connection is closed", || async { a.connections() == 0 }).await;
}

#[tokio::test]
async fn an_idle_client_is_sent_away_and_a_waiting_one_is_not() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.client_idle = SHORT)
        .web(&[("a", a.address)])
        .start()
        .await;
    let web = world.web();
    let mut waiting = Kept::open(web).await;
    let waits = tokio::spawn(async move { (waiting.get("/held").await, waiting) });
    until("it is under way", || async { a.held() == 1 }).await;
    let mut idle = Kept::open(web).await;
    idle.get("/").await;
    idle.closed().await;
    ended_after(web, "").await;
    a.release();
    let (answer, mut waiting) = within("the answer", waits).await.unwrap();
    assert_eq!(answer.body, "a");
    waiting.closed().await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_ends_in_504() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.response_header = SHORT)
        .web(&[("a", a.address), ("b", b.address)])
        .start()
        .await;
    let answer = get(world.web(), "/held").await;
    assert_eq!(answer.status, 504);
    assert!(answer.body.contains("did not answer within 100ms"), "{}", answer.body);
    assert_eq!(b.requests(), 0, "what waits here would wait there");
    assert_eq!(world.activity("a").failures, 1);
    until("its connection is closed", || async { a.connections() == 0 }).await;
}

#[tokio::test]
async fn an_endpoint_that_stops_in_its_answer_is_cut_and_so_is_the_client() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.body_idle = SHORT)
        .web(&[("a", a.address)])
        .start()
        .await;
    let got = ended_after(world.web(), "GET /held-body HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(got.contains("begun") && !got.contains("\r\n0\r\n"), "{got}");
    world.until_open_connections("a", 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.body_idle = SHORT)
        .web(&[("a", a.address)])
        .start()
        .await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    // More than all buffers on the way hold, and never a read.
    let length = 64 << 20;
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let piece = vec![b'x'; 1 << 20];
    let sending = async {
        stream.write_all(head.as_bytes()).await?;
        for _ in 0..64 {
            stream.write_all(&piece).await?;
        }
        std::io::Result::Ok(())
    };
    assert!(within("the cut", sending).await.is_err());
    world.until_open_connections("a", 0).await;
}

#[tokio::test]
async fn kept_connections_do_not_stay_for_ever() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.kept_idle = SHORT)
        .web(&[("a", a.address)])
        .start()
        .await;
    get(world.web(), "/").await;
    until("it is closed", || async { a.connections() == 0 }).await;
    world.until_open_connections("a", 0).await;
}

#[tokio::test]
async fn a_client_that_resets_frees_the_endpoint() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    for (count, is_half_closed_before) in [(1, false), (2, true)] {
        let mut stream = TcpStream::connect(world.web()).await.unwrap();
        stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        if is_half_closed_before {
            stream.shutdown().await.unwrap();
        }
        until("it is under way", || async { a.held() == count }).await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        until("the endpoint's connection is closed", || async { a.connections() == 0 }).await;
    }
    assert_eq!(world.activity("a").failures, 0);
}

#[tokio::test]
async fn a_client_that_closed_its_half_gets_its_answers() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    // Two requests at once, so that the second one waits behind the end.
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    let asked = "GET /held HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    stream.write_all(asked.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    until("it is under way", || async { a.held() == 1 }).await;
    // Longer than until the next look.
    let still = tokio::time::timeout(Duration::from_millis(600), until("never", || async { a.held() == 0 }));
    assert!(still.await.is_err(), "it waits for its answer");
    a.release();
    let mut got = String::new();
    within("both answers and the end", stream.read_to_string(&mut got)).await.unwrap();
    assert_eq!(got.matches("HTTP/1.1 200").count(), 2, "{got}");
    assert!(got.ends_with("hello"), "{got}");
}
