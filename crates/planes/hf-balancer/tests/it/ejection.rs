//! Single endpoints that fail requests are left for a while; a whole zone never is.

use std::time::Duration;

use hf_config::estate::{Choice, Pool};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Origin, RawOrigin, WorldBuilder, get, until, within};

/// Quick, and without latency in the choice: who fails is drawn like the others.
fn quick(pool: &mut Pool) {
    pool.ejection.time = Duration::from_millis(300);
    pool.ejection.failures = 3;
    pool.balancing.choice = Choice::Weighted;
}

#[tokio::test]
async fn an_endpoint_that_breaks_off_is_left_and_comes_back_by_time() {
    let (silent, a) = (RawOrigin::start(None).await, Origin::start("a"));
    let endpoints = [("a", silent.address), ("a", a.address)];
    let world = WorldBuilder::new().rules(quick).web(&endpoints).start().await;
    until("it is out", || async {
        assert_eq!(get(world.web(), "/").await.body, "a");
        world.memory().iter().any(|of| of.address == silent.address && of.ejected_ms > 0)
    })
    .await;
    assert_eq!(silent.heads().len(), 3);
    until("it is asked again", || async {
        get(world.web(), "/").await;
        silent.heads().len() > 3
    })
    .await;
}

#[tokio::test]
async fn clients_that_break_their_own_bodies_off_eject_nobody() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let endpoints = [("a", a.address), ("a", b.address)];
    let world = WorldBuilder::new()
        .rules(quick)
        .rules(|pool| pool.ejection.time = Duration::from_mins(1))
        .web(&endpoints)
        .start()
        .await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(world.web()).await.unwrap();
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        within("the answer's beginning", async {
            while !got.ends_with(b"first") {
                got.push(stream.read_u8().await.unwrap());
            }
        })
        .await;
        // No chunk begins like this.
        stream.write_all(b"x\r\n").await.unwrap();
        let _ = within("the end", stream.read_to_end(&mut got)).await;
    }
    assert!(world.memory().iter().all(|of| of.ejected_ms == 0), "{:?}", world.memory());
}

#[tokio::test]
async fn statuses_count_where_the_pool_says_so() {
    for counts in [true, false] {
        let (sick, a) = (RawOrigin::start(Some(SICK)).await, Origin::start("a"));
        let endpoints = [("a", sick.address), ("a", a.address)];
        let world = WorldBuilder::new()
            .rules(quick)
            .rules(move |pool| pool.ejection.statuses = counts)
            .rules(|pool| pool.ejection.time = Duration::from_mins(1))
            .web(&endpoints)
            .start()
            .await;
        for _ in 0..40 {
            get(world.web(), "/").await;
        }
        assert_eq!(sick.heads().len() <= 3, counts, "{} requests", sick.heads().len());
    }
}

const SICK: &str = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_good_check_does_not_bring_it_back() {
    // Well to the check, which asks for a path of its own; sick to requests.
    let (sick, a) = (RawOrigin::start(Some(SICK)).await, Origin::start("a"));
    let pool = "listen = \"0.0.0.0:80\"\nhealth_check = \"any\"";
    let world = WorldBuilder::new()
        .more("[[health_check]]\nname = \"any\"\nkind = \"tcp\"\ninterval = \"100ms\"\nrise = 1\nfall = 1\n")
        .pool("web", pool, &[("a", sick.address), ("a", a.address)])
        .rules(quick)
        .rules(|pool| pool.ejection.time = Duration::from_mins(1))
        .start()
        .await;
    let of_sick = || world.memory().into_iter().find(|of| of.address == sick.address).unwrap();
    until("it is out", || async {
        get(world.web(), "/").await;
        of_sick().ejected_ms > 0
    })
    .await;
    let asked = |heads: Vec<String>| heads.iter().filter(|head| head.starts_with("GET")).count();
    let (before, checks) = (asked(sick.heads()), sick.heads().len());
    until("many more checks have passed", || async { sick.heads().len() >= checks + 5 }).await;
    for _ in 0..20 {
        assert_eq!(get(world.web(), "/").await.body, "a");
    }
    assert_eq!(asked(sick.heads()), before);
    assert_eq!(of_sick().healthy, Some(true));
}

#[tokio::test]
async fn the_last_of_a_zone_is_never_ejected() {
    let sick = RawOrigin::start(Some(SICK)).await;
    let world = WorldBuilder::new().rules(quick).web(&[("a", sick.address)]).start().await;
    for _ in 0..20 {
        assert_eq!(get(world.web(), "/").await.status, 500);
    }
    assert_eq!(sick.heads().len(), 20);
}

#[tokio::test]
async fn what_a_predecessor_ejected_stays_out_and_traffic_begins_at_once() {
    let (sick, a) = (RawOrigin::start(Some(SICK)).await, Origin::start("a"));
    let endpoints = [("a", sick.address), ("a", a.address)];
    let pool = |of: WorldBuilder| {
        of.pool("web", "listen = \"0.0.0.0:80\"", &endpoints)
            .rules(quick)
            .rules(|pool| pool.ejection.time = Duration::from_mins(1))
    };
    let first = pool(WorldBuilder::new()).start().await;
    until("it is out", || async {
        get(first.web(), "/").await;
        first.memory().iter().any(|of| of.ejected_ms > 0)
    })
    .await;
    let memory = first.memory();
    let before = sick.heads().len();
    let second = pool(WorldBuilder::new()).memory(memory.clone()).start().await;
    for _ in 0..20 {
        assert_eq!(get(second.web(), "/").await.body, "a");
    }
    assert_eq!(sick.heads().len(), before);
    let times =
        |memory: &[hf_balancer::EndpointMemory]| memory.iter().map(|of| of.ejections).collect::<Vec<_>>();
    assert_eq!(times(&second.memory()), times(&memory));
}
