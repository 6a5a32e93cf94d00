//! A zone is left: no new request, idle connections closed, the rest finished or cut, own clients sent away.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Kept, Origin, WorldBuilder, get, until, within};

fn origins() -> (Origin, Origin) {
    (Origin::start("a"), Origin::start("b"))
}

#[tokio::test]
async fn no_request_goes_to_a_zone_after_it_was_left() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new().web(&[("a", a.address), ("b", b.address)]).start().await;
    for _ in 0..10 {
        world.shift(&[]).await;
        assert_eq!(get(world.web(), "/").await.body, "a");
        world.shift(&["a"]).await;
        let before = a.requests();
        for _ in 0..5 {
            assert_eq!(get(world.web(), "/").await.body, "b");
        }
        assert_eq!(a.requests(), before);
    }
}

#[tokio::test]
async fn idle_connections_to_a_left_zone_close_at_once() {
    let (a, b) = origins();
    // The zone b is left, the balancer is in a: it has connections to b because a has nothing.
    let mut world = WorldBuilder::new()
        .own_zone("a")
        .web(&[("b", a.address), ("c", b.address)])
        .rules(|pool| pool.patience.kept_idle = Duration::from_hours(1))
        .start()
        .await;
    until("both were used", || async {
        get(world.web(), "/").await;
        a.requests() > 0 && b.requests() > 0
    })
    .await;
    assert!(a.connections() > 0);
    world.shift(&["b"]).await;
    until("connections to b are closed", || async { a.connections() == 0 }).await;
    world.until_open_connections("b", 0).await;
    assert!(world.activity("b").last_open_connection_at.is_some());
    assert!(b.connections() > 0, "the others stay");
}

#[tokio::test]
async fn requests_under_way_finish_within_the_drain() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new().web(&[("a", a.address), ("b", b.address)]).start().await;
    let web = world.web();
    let held = tokio::spawn(async move { get(web, "/held").await });
    let streamed = tokio::spawn(async move { get(web, "/held-body").await });
    until("they are under way", || async { a.held() == 2 }).await;
    world.shift(&["a"]).await;
    assert_eq!(get(web, "/").await.body, "b");
    a.release();
    let held = within("the held answer", held).await.unwrap();
    assert_eq!((held.body.as_str(), held.header("connection")), ("a", "close"));
    assert_eq!(within("the streamed answer", streamed).await.unwrap().body, "begun a");
    until("connections to a are closed", || async { a.connections() == 0 }).await;
}

#[tokio::test]
async fn what_lasts_longer_than_the_drain_is_cut() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .drain(Duration::from_millis(50))
        .start()
        .await;
    let web = world.web();
    let post = tokio::spawn(async move { Kept::open(web).await.send("POST", "/held", "x").await });
    let streamed = tokio::spawn(async move { Kept::open(web).await.send("GET", "/held-body", "").await });
    let get = tokio::spawn(async move { get(web, "/held").await });
    until("they are under way", || async { a.held() == 3 }).await;
    b.release();
    world.shift(&["a"]).await;
    assert_eq!(within("the cut POST", post).await.unwrap().unwrap().status, 502);
    assert!(within("the cut answer", streamed).await.unwrap().is_err(), "a part is not taken for the whole");
    assert_eq!(within("the repeated GET", get).await.unwrap().body, "b");
    until("connections to a are closed", || async { a.connections() == 0 }).await;
}

#[tokio::test]
async fn an_answer_that_never_pauses_is_cut_too() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .drain(Duration::from_millis(50))
        .start()
        .await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // A client that takes less than the endpoint gives: there is always more to read.
    let reading = tokio::spawn(async move {
        let mut room = vec![0; 64 << 10];
        while stream.read(&mut room).await.is_ok_and(|count| count > 0) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    until("it is under way", || async { a.requests() == 1 }).await;
    world.shift(&["a"]).await;
    until("connections to a are closed", || async { a.connections() == 0 }).await;
    within("the answer's end", reading).await.unwrap();
}

#[tokio::test]
async fn a_zone_that_comes_back_in_time_cuts_nothing() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .drain(Duration::from_millis(300))
        .start()
        .await;
    let web = world.web();
    let held = tokio::spawn(async move { Kept::open(web).await.send("POST", "/held", "x").await });
    until("it is under way", || async { a.held() == 1 }).await;
    world.shift(&["a"]).await;
    world.shift(&[]).await;
    // Another drain begins and ends in full before the first request is let go.
    world.shift(&["b"]).await;
    let started = std::time::Instant::now();
    until("the first drain would be over", || async { started.elapsed() > Duration::from_millis(400) }).await;
    a.release();
    assert_eq!(within("the answer", held).await.unwrap().unwrap().body, "a");
}

#[tokio::test]
async fn own_clients_are_sent_away_when_the_own_zone_is_left() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new().web(&[("a", a.address), ("b", b.address)]).start().await;
    let (mut idle, mut busy) = (Kept::open(world.web()).await, Kept::open(world.web()).await);
    assert_eq!(idle.get("/").await.header("connection"), "");
    assert_eq!(busy.get("/").await.header("connection"), "");
    world.shift(&["a"]).await;
    if let Ok(answer) = busy.send("GET", "/", "").await {
        assert_eq!((answer.body.as_str(), answer.header("connection")), ("b", "close"));
    }
    idle.closed().await;
    busy.closed().await;
    // Who comes all the same is served, one request a connection.
    let mut late = Kept::open(world.web()).await;
    assert_eq!(late.get("/").await.header("connection"), "close");
    late.closed().await;
    world.shift(&[]).await;
    let mut kept = Kept::open(world.web()).await;
    assert_eq!(kept.get("/").await.header("connection"), "");
    assert_eq!(kept.get("/").await.body, "a");
}

#[tokio::test]
async fn a_client_that_was_busy_a_moment_ago_is_sent_away_with_its_next_answer() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .limits(|limits| (limits.spread, limits.rest_after) = (Duration::ZERO, Duration::from_hours(1)))
        .start()
        .await;
    let (mut ours, mut other) = (Kept::open(world.web()).await, Kept::open(world.web()).await);
    ours.get("/").await;
    other.get("/").await;
    world.shift(&["a"]).await;
    // All that is due is done: the second one's answer shows it.
    assert_eq!(other.get("/").await.header("connection"), "close");
    other.closed().await;
    let answer = ours.get("/").await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("b", "close"));
    ours.closed().await;
}

#[tokio::test]
async fn a_connection_without_a_request_yet_is_given_time_for_one() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .limits(|limits| limits.spread = Duration::ZERO)
        .start()
        .await;
    let (mut used, mut new) = (Kept::open(world.web()).await, Kept::open(world.web()).await);
    used.get("/").await;
    world.shift(&["a"]).await;
    used.closed().await;
    assert_eq!(new.get("/").await.header("connection"), "close");
    new.closed().await;
}

#[tokio::test]
async fn a_connection_that_never_asks_is_sent_away_in_the_end() {
    let (a, b) = origins();
    let mut world = WorldBuilder::new()
        .web(&[("a", a.address), ("b", b.address)])
        .rules(|pool| pool.patience.header = Duration::from_millis(100))
        .start()
        .await;
    let mut before = Kept::open(world.web()).await;
    world.shift(&["a"]).await;
    let mut after = Kept::open(world.web()).await;
    before.closed().await;
    after.closed().await;
}

#[tokio::test]
async fn clients_of_other_zones_balancers_notice_nothing() {
    let (a, b) = origins();
    let mut world =
        WorldBuilder::new().own_zone("b").web(&[("a", a.address), ("b", b.address)]).start().await;
    let mut client = Kept::open(world.web()).await;
    assert_eq!(client.get("/").await.body, "b");
    world.shift(&["a"]).await;
    let answer = client.get("/").await;
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("b", ""));
    assert!(!client.is_closed());
    // A pool without an endpoint in the balancer's zone has not left it.
    world.shift(&["b"]).await;
    client.closed().await;
}

#[tokio::test]
async fn at_the_end_clients_finish_and_listeners_close() {
    let (a, _) = origins();
    let mut world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let web = world.web();
    let mut idle = Kept::open(web).await;
    assert_eq!(idle.get("/").await.body, "a");
    let held = tokio::spawn(async move { get(web, "/held").await });
    until("it is under way", || async { a.held() == 1 }).await;
    let end = world.stop();
    idle.closed().await;
    until("the listeners are closed", || async { tokio::net::TcpStream::connect(web).await.is_err() }).await;
    a.release();
    let answer = within("the answer", held).await.unwrap();
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("a", "close"));
    within("the end", end).await.unwrap();
    assert_eq!(world.activity("a").open_connections, 0);
}

#[tokio::test]
async fn at_the_end_who_does_not_finish_is_cut() {
    let (a, _) = origins();
    let mut world =
        WorldBuilder::new().web(&[("a", a.address)]).drain(Duration::from_millis(50)).start().await;
    let web = world.web();
    let held = tokio::spawn(async move { Kept::open(web).await.send("GET", "/held", "").await });
    until("it is under way", || async { a.held() == 1 }).await;
    within("the end", world.stop()).await.unwrap();
    assert!(within("the cut", held).await.unwrap().is_err());
}
