//! Who stays at its endpoint: by cookie, by hash; and who yields.

use std::collections::BTreeSet;

use hf_config::estate::{Choice, HashKey, StickyCookie};

use crate::support::{Origin, WorldBuilder, get_with, until};

fn three() -> [Origin; 3] {
    [Origin::start("a1"), Origin::start("a2"), Origin::start("a3")]
}

#[tokio::test]
async fn a_cookie_keeps_a_client_at_its_endpoint_until_its_zone_is_left() {
    let (origins, b) = (three(), Origin::start("b"));
    let mut endpoints: Vec<_> = origins.iter().map(|origin| ("a", origin.address)).collect();
    endpoints.push(("b", b.address));
    let mut world = WorldBuilder::new()
        .rules(|pool| pool.balancing.sticky = Some(StickyCookie::default()))
        .web(&endpoints)
        .start()
        .await;
    let web = world.web();
    for _ in 0..5 {
        let first = get_with(web, "/", &[]).await;
        let cookie = first.header("set-cookie").to_owned();
        assert!(cookie.starts_with("holdfast=") && cookie.contains("HttpOnly"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        for _ in 0..10 {
            let again = get_with(web, "/", &[("cookie", &cookie)]).await;
            assert_eq!((again.body.as_str(), again.header("set-cookie")), (first.body.as_str(), ""));
        }
    }
    let first = get_with(web, "/", &[]).await;
    let cookie = first.header("set-cookie").split(';').next().unwrap().to_owned();
    world.shift(&["a"]).await;
    let moved = get_with(web, "/", &[("cookie", &cookie)]).await;
    assert_eq!(moved.body, "b");
    assert!(moved.header("set-cookie").starts_with("holdfast="), "it is told its new place");
    assert_ne!(moved.header("set-cookie").split(';').next().unwrap(), cookie);
}

#[tokio::test]
async fn a_cookie_that_names_nobody_is_replaced() {
    let [a, ..] = three();
    let world = WorldBuilder::new()
        .rules(|pool| pool.balancing.sticky = Some(StickyCookie::default()))
        .web(&[("a", a.address)])
        .start()
        .await;
    for forged in ["holdfast=0123456789abcdef", "holdfast=", "holdfast=zzzzzzzzzzzzzzzz", "holdfast"] {
        let answer = get_with(world.web(), "/", &[("cookie", forged)]).await;
        assert_eq!(answer.body, "a1");
        assert!(answer.header("set-cookie").starts_with("holdfast="), "{forged}");
    }
}

#[tokio::test]
async fn the_same_key_goes_to_the_same_endpoint() {
    let origins = three();
    let endpoints: Vec<_> = origins.iter().map(|origin| ("a", origin.address)).collect();
    let world = WorldBuilder::new()
        .rules(|pool| pool.balancing.choice = Choice::Hash(HashKey::Header("x-user".to_owned())))
        .web(&endpoints)
        .start()
        .await;
    let mut used = BTreeSet::new();
    for user in 0..20 {
        let user = format!("user {user}");
        let first = get_with(world.web(), "/", &[("x-user", &user)]).await.body;
        for _ in 0..3 {
            assert_eq!(get_with(world.web(), "/", &[("x-user", &user)]).await.body, first);
        }
        used.insert(first);
    }
    assert_eq!(used.len(), 3);
}

#[tokio::test]
async fn a_slow_endpoint_gets_few_requests() {
    let (slow, fast) = (Origin::start("slow"), Origin::start("fast"));
    let world = WorldBuilder::new().web(&[("a", slow.address), ("a", fast.address)]).start().await;
    until("both were used", || async {
        get_with(world.web(), "/late", &[]).await;
        slow.requests() > 0 && fast.requests() > 0
    })
    .await;
    // Later than a busy machine makes the fast one.
    slow.set_late(std::time::Duration::from_millis(500));
    let before = (slow.requests(), fast.requests());
    for _ in 0..200 {
        get_with(world.web(), "/late", &[]).await;
    }
    let (slow, fast) = (slow.requests() - before.0, fast.requests() - before.1);
    assert!(slow < 40, "{slow} slow, {fast} fast");
}
