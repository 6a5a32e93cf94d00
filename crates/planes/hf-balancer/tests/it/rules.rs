//! What a pool says for itself: retries upon a status and their budget, the length of bodies and requests, checks before the first request.

use std::time::Duration;

use hf_balance::RETRIES_FLOOR;
use hf_config::estate::{Choice, Initial, StatusRange};
use hf_health::Verdict;
use hf_model::Share;

use crate::support::{Kept, Origin, RawOrigin, WorldBuilder, get, post, raw, until};

const UNAVAILABLE: &str =
    "HTTP/1.1 503 No\r\nContent-Length: 4\r\nX-Origin: raw\r\nConnection: close\r\n\r\nsick";

fn upon(from: u16, to: u16) -> impl FnOnce(&mut hf_config::estate::Pool) {
    move |pool| {
        pool.retries.on_status = vec![StatusRange { from, to }];
        pool.ejection.failures = 0;
        pool.ejection.failure_share = Share::ZERO;
    }
}

#[tokio::test]
async fn a_status_of_the_list_is_tried_elsewhere_if_that_is_safe() {
    let (sick, b) = (RawOrigin::start(Some(UNAVAILABLE)).await, Origin::start("b"));
    let world =
        WorldBuilder::new().rules(upon(502, 503)).web(&[("a", sick.address), ("b", b.address)]).start().await;
    assert_eq!(get(world.web(), "/").await.body, "b");
    let answer = post(world.web(), "/pay", "x").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, "sick"));
    assert_eq!((sick.heads().len(), b.requests()), (2, 1));
}

#[tokio::test]
async fn with_everybody_of_that_status_the_last_answer_passes() {
    let (a, b) = (RawOrigin::start(Some(UNAVAILABLE)).await, RawOrigin::start(Some(UNAVAILABLE)).await);
    let world =
        WorldBuilder::new().rules(upon(503, 503)).web(&[("a", a.address), ("b", b.address)]).start().await;
    let answer = get(world.web(), "/").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, "sick"));
    assert_eq!((a.heads().len(), b.heads().len()), (1, 1));
}

#[tokio::test]
async fn without_budget_nothing_is_sent_again_but_what_was_never_sent() {
    let (silent, gone, b) = (RawOrigin::start(None).await, Origin::start("gone"), Origin::start("b"));
    gone.die().await;
    let no_budget = |pool: &mut hf_config::estate::Pool| {
        pool.retries.budget = Share::ZERO;
    };
    let sent = [("a", silent.address), ("b", b.address)];
    let world = WorldBuilder::new().rules(no_budget).web(&sent).start().await;
    assert_eq!(get(world.web(), "/").await.status, 502);
    assert_eq!(b.requests(), 0);
    let unsent = [("a", gone.address), ("b", b.address)];
    let world = WorldBuilder::new().rules(no_budget).web(&unsent).start().await;
    for _ in 0..20 {
        assert_eq!(post(world.web(), "/", "x").await.body, "b");
    }
}

#[tokio::test]
async fn retries_are_a_fifth_of_the_requests_at_most() {
    let (silent, b) = (RawOrigin::start(None).await, Origin::start("b"));
    let world = WorldBuilder::new()
        .workers(1)
        .rules(|pool| pool.ejection.failures = 0)
        .web(&[("a", silent.address), ("b", b.address)])
        .start()
        .await;
    let mut client = Kept::open(world.web()).await;
    let mut failed = 0;
    let began = tokio::time::Instant::now();
    for _ in 0..1_000 {
        failed += usize::from(client.get("/").await.status == 502);
    }
    // The floor of a quiet pool, then a fifth, and on a slow machine the floor again each ten seconds; none is sent a third time.
    let floors = usize::try_from(began.elapsed().as_secs() / 10 * RETRIES_FLOOR).unwrap();
    assert_eq!(silent.heads().len(), 1_000);
    assert!(
        (100..=200 + floors).contains(&b.requests()) && failed == 1_000 - b.requests(),
        "{failed} failed"
    );
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_whatever_its_form() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.bounds.body_bytes = Some(10))
        .web(&[("a", a.address)])
        .start()
        .await;
    assert_eq!(post(world.web(), "/echo", "ten bytes.").await.body, "ten bytes.");
    assert_eq!(post(world.web(), "/echo", "11 bytes ..").await.status, 413);
    assert_eq!(a.requests(), 1, "its length alone says it");
    let chunked = "POST /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                   6\r\n6 here\r\n5\r\nand 5\r\n0\r\n\r\n";
    let answer = raw(world.web(), chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(world.activity("a").failures, 0, "no fault of the endpoint");
}

#[tokio::test]
async fn a_request_ends_when_its_time_is_over() {
    let a = Origin::start("a");
    let world = WorldBuilder::new()
        .rules(|pool| pool.patience.request = Some(Duration::from_millis(100)))
        .web(&[("a", a.address)])
        .start()
        .await;
    assert_eq!(get(world.web(), "/").await.body, "a");
    assert_eq!(get(world.web(), "/held").await.status, 504);
    // Within the answer the client is cut.
    let begun = raw(world.web(), b"GET /held-body HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(begun.contains("begun") && !begun.contains("\r\n0\r\n"), "{begun}");
}

#[tokio::test]
async fn a_fresh_balancer_asks_nobody_before_its_first_round_of_checks() {
    for initial in [Initial::Unknown, Initial::Healthy] {
        let (sick, well) = (Origin::start("sick"), Origin::start("well"));
        sick.set_sick(true);
        let endpoints = [("a", sick.address), ("a", well.address)];
        let world = WorldBuilder::new()
            .pool("web", "listen = \"0.0.0.0:80\"\nhealth_check = \"http\"", &endpoints)
            .rules(|pool| pool.balancing.choice = Choice::Weighted)
            .try_start(|estate| {
                estate.health_checks[0].initial = initial;
                estate.health_checks[0].fall = 1;
            })
            .await
            .unwrap();
        for _ in 0..20 {
            assert_eq!(get(world.web(), "/").await.body, "well");
        }
    }
}

#[tokio::test]
async fn connections_of_another_manner_are_let_go() {
    let a = Origin::start("a");
    let builder = WorldBuilder::new().workers(1).web(&[("a", a.address)]);
    let toml = builder.toml().to_owned();
    let mut world = builder.start().await;
    let mut client = Kept::open(world.web()).await;
    assert_eq!((client.get("/").await.body.as_str(), a.accepted()), ("a", 1));
    let more = toml.replace("listen =", "patience = { kept_idle = \"3s\" }\nlisten =");
    world.change_estate(&more, |_| {}).await;
    assert_eq!(client.get("/").await.body, "a");
    assert_eq!(a.accepted(), 2);
    until("the old one is closed", || async { a.connections() == 1 }).await;
}

/// `initial` would hold for ever: nobody here probes these endpoints one by one.
#[tokio::test]
async fn where_nothing_goes_to_each_endpoint_the_quorums_verdict_is_the_result() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    for (kind, judged) in [
        ("kind = \"tcp\"\ndisabled = true", [Some(true), Some(true)]),
        ("kind = \"calculated\"\nof = [\"off\"]", [Some(true), Some(true)]),
        ("kind = \"pushed\"", [Some(false), Some(true)]),
        ("kind = \"command\"\ncommand = [\"/bin/true\"]", [None, None]),
    ] {
        let checks = format!(
            "[[health_check]]\nname = \"off\"\nkind = \"tcp\"\ndisabled = true\n[[health_check]]\nname = \"one\"\n{kind}\n"
        );
        let mut world = WorldBuilder::new()
            .more(&checks)
            .pool(
                "web",
                "listen = \"0.0.0.0:80\"\nhealth_check = \"one\"",
                &[("a", a.address), ("b", b.address)],
            )
            .start()
            .await;
        world.judge(a.address, Verdict::Unhealthy).await;
        world.judge(b.address, Verdict::Healthy).await;
        let known: Vec<_> = world.memory().iter().map(|known| known.healthy).collect();
        assert_eq!(known, judged, "{kind}");
    }
}
