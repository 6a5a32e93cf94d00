//! Who gets a request.

use std::collections::BTreeSet;

use hf_config::estate::Minimum;
use hf_health::Verdict;
use hf_model::Share;

use crate::support::{Kept, Origin, WorldBuilder, get, until};

fn origins() -> (Origin, Origin, Origin) {
    (Origin::start("a"), Origin::start("b"), Origin::start("c"))
}

#[tokio::test]
async fn the_own_zone_comes_first() {
    let (a, b, c) = origins();
    let world =
        WorldBuilder::new().web(&[("a", a.address), ("b", b.address), ("c", c.address)]).start().await;
    for _ in 0..20 {
        assert_eq!(get(world.web(), "/").await.body, "a");
    }
    assert_eq!((a.requests(), b.requests(), c.requests()), (20, 0, 0));
    assert_eq!(world.activity("a").requests, 20);
}

#[tokio::test]
async fn an_unhealthy_endpoint_gets_nothing() {
    let (a, b, _) = origins();
    let mut world = WorldBuilder::new()
        .pool(
            "web",
            "listen = \"0.0.0.0:80\"\nhealth_check = \"http\"",
            &[("a", a.address), ("b", b.address)],
        )
        .start()
        .await;
    world.judge(a.address, Verdict::Unhealthy).await;
    for _ in 0..10 {
        assert_eq!(get(world.web(), "/").await.body, "b");
    }
}

#[tokio::test]
async fn the_balancers_own_check_narrows_what_serves() {
    let (a, b, _) = origins();
    let world = WorldBuilder::new()
        .pool(
            "web",
            "listen = \"0.0.0.0:80\"\nhealth_check = \"http\"",
            &[("a", a.address), ("b", b.address)],
        )
        .start()
        .await;
    assert_eq!(get(world.web(), "/").await.body, "a");
    a.set_sick(true);
    until("b answers", || async { get(world.web(), "/").await.body == "b" }).await;
    a.set_sick(false);
    until("a answers again", || async { get(world.web(), "/").await.body == "a" }).await;
    // Nobody is well in our eyes: the decision counts.
    a.set_sick(true);
    until("b answers", || async { get(world.web(), "/").await.body == "b" }).await;
    b.set_sick(true);
    until("a answers again", || async { get(world.web(), "/").await.body == "a" }).await;
}

#[tokio::test]
async fn with_everybody_down_the_pool_does_as_it_says() {
    let (a, b, c) = origins();
    let pool = |port: u16, all_down: &str| {
        format!("listen = \"0.0.0.0:{port}\"\nhealth_check = \"http\"\nall_down = \"{all_down}\"")
    };
    let mut world = WorldBuilder::new()
        .pool("web", &pool(80, "open"), &[("a", a.address)])
        .pool("shut", &pool(81, "closed"), &[("a", a.address)])
        .pool("back", &pool(82, "fallback:spare"), &[("a", a.address)])
        .pool("spare", "", &[("b", b.address), ("c", c.address)])
        .start()
        .await;
    let of = |pool: &str| world.listener(pool).state.unwrap();
    let (web, shut, back) = (of("web"), of("shut"), of("back"));
    assert_eq!(get(shut, "/").await.body, "a");
    assert_eq!(get(back, "/").await.body, "a");
    world.judge(a.address, Verdict::Unhealthy).await;
    assert_eq!(get(web, "/").await.body, "a", "open: health is ignored");
    let answer = get(shut, "/").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("no endpoint of pool shut is in service"), "{}", answer.body);
    assert!(answer.body.contains("all_down = \"closed\""), "{}", answer.body);
    assert_eq!(answer.header("retry-after"), "5");
    let answer = get(back, "/").await;
    assert!(answer.body == "b" || answer.body == "c", "{answer:?}");
    assert_eq!(answer.header("connection"), "", "its clients find nothing better elsewhere");
    world.judge(a.address, Verdict::Healthy).await;
    assert_eq!(get(shut, "/").await.body, "a");
    assert_eq!(get(back, "/").await.body, "a");
}

#[tokio::test]
async fn answers_pass_with_their_status_and_failures_are_counted() {
    let (a, _, _) = origins();
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    for (status, failures) in [(204, 0), (304, 0), (404, 0), (500, 1), (503, 2)] {
        assert_eq!(get(world.web(), &format!("/status/{status}")).await.status.as_u16(), status);
        assert_eq!(world.activity("a").failures, failures);
    }
    assert_eq!(world.activity("a").requests, 5);
}

#[tokio::test]
async fn connections_to_a_zone_below_its_routing_minimum_are_kept() {
    let (well, sick) = (Origin::start("well"), Origin::start("sick"));
    let minimum = Minimum { count: 2, share: Share::ZERO };
    let mut world = WorldBuilder::new()
        .pool(
            "web",
            "listen = \"0.0.0.0:80\"\nhealth_check = \"http\"",
            &[("a", well.address), ("a", sick.address)],
        )
        .rules(move |pool| pool.routing_minimum = minimum)
        .start()
        .await;
    world.judge(sick.address, Verdict::Unhealthy).await;
    let mut client = Kept::open(world.web()).await;
    let mut seen = BTreeSet::new();
    for _ in 0..64 {
        seen.insert(client.get("/").await.body);
    }
    assert_eq!(seen.len(), 2, "the zone is used whole");
    world.until_open_connections("a", 2).await;
}
