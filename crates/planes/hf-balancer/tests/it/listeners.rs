//! Listeners come and go with the estate, and their bounds hold.

use std::net::SocketAddr;

use hf_balancer::BindError;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Kept, Origin, WorldBuilder, get, until};

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start_and_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let holder = TcpListener::bind(taken).await.unwrap();
    let a = Origin::start("a");
    let builder = WorldBuilder::new().web(&[("a", a.address)]);
    let error = builder.try_start(|estate| estate.pools[0].listen = Some(taken)).await.err().unwrap();
    assert!(matches!(error, BindError::Taken { .. }), "{error}");
    assert!(error.to_string().contains(&format!("pool web cannot listen on {taken}")), "{error}");
    drop(holder);
}

#[tokio::test]
async fn a_port_taken_later_is_shown_and_had_when_it_is_free() {
    let a = Origin::start("a");
    let builder = || WorldBuilder::new().web(&[("a", a.address)]);
    let two = builder().pool("more", "listen = \"0.0.0.0:81\"", &[("a", a.address)]);
    let mut world = builder().start().await;
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = holder.local_addr().unwrap();
    world.change_estate(two.toml(), |estate| estate.pools[1].listen = Some(taken)).await;
    until("the failure is shown", || async { world.listeners().len() == 2 }).await;
    let why = world.listener("more").state.unwrap_err();
    assert!(why.contains("another process listens there"), "{why}");
    assert_eq!(get(world.web(), "/").await.body, "a", "the rest goes on");
    drop(holder);
    until("it listens", || async { world.listener("more").state == Ok(taken) }).await;
    assert_eq!(get(taken, "/").await.body, "a");
}

#[tokio::test]
async fn listeners_follow_the_estate() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let web = world.web();
    let mut kept = Kept::open(web).await;
    assert_eq!(kept.get("/").await.body, "a");

    // The pool's endpoints change: same listener, same client connections, no connection to who left.
    world.change_estate(WorldBuilder::new().web(&[("a", b.address)]).toml(), |_| {}).await;
    assert_eq!(kept.get("/").await.body, "b");
    assert_eq!(world.web(), web);
    until("connections to a are closed", || async { a.connections() == 0 }).await;

    // The pool goes: so do its listener and its clients.
    let other = WorldBuilder::new().pool("other", "listen = \"0.0.0.0:81\"", &[("a", a.address)]);
    world.change_estate(other.toml(), |_| {}).await;
    kept.closed().await;
    until("nobody listens", || async { TcpStream::connect(web).await.is_err() }).await;
    until("the other listens", || async {
        world.listeners().iter().any(|view| view.pool.as_str() == "other")
    })
    .await;
    assert_eq!(get(world.listener("other").state.unwrap(), "/").await.body, "a");
}

#[tokio::test]
async fn a_new_name_of_a_pool_keeps_its_listener() {
    let a = Origin::start("a");
    let free: SocketAddr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fixed = |estate: &mut hf_config::estate::Estate| estate.pools[0].listen = Some(free);
    let mut world = WorldBuilder::new().web(&[("a", a.address)]).try_start(fixed).await.unwrap();
    let mut kept = Kept::open(free).await;
    assert_eq!(kept.get("/").await.body, "a");
    let renamed = WorldBuilder::new().pool("shop", "listen = \"0.0.0.0:80\"", &[("a", a.address)]);
    world.change_estate(renamed.toml(), fixed).await;
    assert_eq!(kept.get("/").await.body, "a");
    until("the new name is shown", || async { world.listeners()[0].pool.as_str() == "shop" }).await;
}

#[tokio::test]
async fn a_client_too_many_is_told_and_turned_away() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .workers(1)
        .limits(|limits| limits.connections_per_worker = 2)
        .web(&[("a", a.address)])
        .start()
        .await;
    let (mut one, mut two) = (Kept::open(world.web()).await, Kept::open(world.web()).await);
    assert_eq!((one.get("/").await.status.as_u16(), two.get("/").await.status.as_u16()), (200, 200));
    let answer = crate::support::raw(world.web(), b"").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5"), "{answer}");
    drop(one);
    until("there is room again", || async {
        Kept::open(world.web()).await.send("GET", "/", "").await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_full_endpoint_is_passed_over() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let world = WorldBuilder::new()
        .rules(|pool| pool.bounds.in_flight_per_endpoint = 1)
        .web(&[("a", a.address), ("b", b.address)])
        .start()
        .await;
    let web = world.web();
    let first = tokio::spawn(async move { get(web, "/held").await });
    until("a is busy", || async { a.held() == 1 }).await;
    let second = tokio::spawn(async move { get(web, "/held").await });
    until("b is busy", || async { b.held() == 1 }).await;
    let third = get(web, "/").await;
    assert_eq!(third.status, 503);
    assert!(third.body.contains("each has its 1 requests under way"), "{}", third.body);
    a.release();
    b.release();
    assert_eq!((first.await.unwrap().body.as_str(), second.await.unwrap().body.as_str()), ("a", "b"));
}
