//! Single requests that fail in a pool go to its failover, by status, connection or time; never twice what is not safe to repeat.

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::Share;

use crate::support::{Kept, Origin, RawOrigin, World, WorldBuilder, get, post, until};

/// Pool `web` at `first`, its failover at `spare`.
async fn world(first: SocketAddr, spare: SocketAddr, more: &str) -> World {
    let web = format!("listen = \"0.0.0.0:80\"\nfailover = {{ to = \"spare\"{more} }}");
    WorldBuilder::new().pool("spare", "", &[("b", spare)]).pool("web", &web, &[("a", first)]).start().await
}

#[tokio::test]
async fn by_status_for_what_may_be_repeated() {
    let (a, spare) = (Origin::start("a"), Origin::start("spare"));
    let world = world(a.address, spare.address, ", on_status = [\"500-503\"]").await;
    assert_eq!(get(world.web(), "/status/404").await.status, 404);
    assert_eq!(spare.requests(), 0);
    let answer = get(world.web(), "/status/503").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-origin")), (503, "spare"));
    assert_eq!((a.requests(), spare.requests()), (2, 1));
    // A POST may have done something: its answer stands.
    let answer = post(world.web(), "/status/503", "x").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-origin")), (503, "a"));
    assert_eq!(spare.requests(), 1);
}

#[tokio::test]
async fn by_connection_for_everything_that_was_not_sent() {
    let (gone, spare) = (Origin::start("gone"), Origin::start("spare"));
    gone.die().await;
    let world = world(gone.address, spare.address, "").await;
    assert_eq!(get(world.web(), "/").await.body, "spare");
    assert_eq!(post(world.web(), "/echo", "paid once").await.body, "paid once");
    let refused =
        crate::failover::world(gone.address, spare.address, ", on_connect = false, on_status = [\"503\"]")
            .await;
    assert_eq!(get(refused.web(), "/").await.status, 502);
}

#[tokio::test]
async fn what_was_sent_and_broke_goes_there_only_if_it_may_be_repeated() {
    let (silent, spare) = (RawOrigin::start(None).await, Origin::start("spare"));
    let world = world(silent.address, spare.address, "").await;
    assert_eq!(get(world.web(), "/").await.body, "spare");
    assert_eq!(post(world.web(), "/pay", "x").await.status, 502);
    assert_eq!((silent.heads().len(), spare.requests()), (2, 1));
}

#[tokio::test]
async fn by_time_without_a_first_byte() {
    let (a, spare) = (Origin::start("a"), Origin::start("spare"));
    let world = world(a.address, spare.address, ", on_timeout = \"100ms\"").await;
    spare.release();
    assert_eq!(get(world.web(), "/held").await.body, "spare");
    // A POST is waited for as long as the pool says: it is not given up for a pool that may not have it.
    let web = world.web();
    let held = tokio::spawn(async move { post(web, "/held", "x").await });
    until("it is under way", || async { a.held() == 1 }).await;
    let began = std::time::Instant::now();
    until("the time is over", || async { began.elapsed() > Duration::from_millis(200) }).await;
    a.release();
    assert_eq!(held.await.unwrap().body, "a");
    assert_eq!(spare.requests(), 1);
}

#[tokio::test]
async fn without_budget_the_first_answer_stands() {
    let (a, spare) = (Origin::start("a"), Origin::start("spare"));
    let web = "listen = \"0.0.0.0:80\"\nfailover = { to = \"spare\", on_status = [\"503\"] }";
    let world = WorldBuilder::new()
        .pool("spare", "", &[("b", spare.address)])
        .pool("web", web, &[("a", a.address)])
        .rules(|pool| pool.failover.as_mut().unwrap().budget = Share::ZERO)
        .start()
        .await;
    let answer = get(world.web(), "/status/503").await;
    assert_eq!(answer.header("x-origin"), "a");
    assert_eq!(spare.requests(), 0);
}

#[tokio::test]
async fn with_the_failover_down_too_the_first_answer_stands() {
    let (a, gone) = (Origin::start("a"), Origin::start("gone"));
    gone.die().await;
    let world = world(a.address, gone.address, ", on_status = [\"500-504\"]").await;
    let mut client = Kept::open(world.web()).await;
    for _ in 0..3 {
        assert_eq!(client.get("/status/502").await.header("x-origin"), "a");
    }
    assert_eq!(a.requests(), 3);
}
