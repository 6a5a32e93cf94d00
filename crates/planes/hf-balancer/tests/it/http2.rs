//! HTTP/2 on the client's side.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::support::{Http2, Origin, WorldBuilder, until, within};

#[tokio::test]
async fn prior_knowledge_is_enough() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let client = Http2::open(world.web()).await;
    let many = (0..50).map(|at| {
        let mut client = client.clone();
        tokio::spawn(async move { client.get(&format!("/{at}")).await })
    });
    for answer in many.collect::<Vec<_>>() {
        let answer = within("an answer", answer).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "a"));
    }
    assert_eq!(a.requests(), 50);
}

#[tokio::test]
async fn a_request_looks_to_endpoints_like_any_other() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let request = Request::builder()
        .uri("http://service.test/fields")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-request-id", "mine")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = within("an answer", client.send(request)).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(
        String::from_utf8_lossy(&body),
        format!(
            "cookie: a=1; b=2\nforwarded: for=127.0.0.1;proto=http\nhost: service.test\nx-forwarded-for: 127.0.0.1\n\
             x-forwarded-host: service.test\nx-forwarded-port: {}\nx-forwarded-proto: http\nx-request-id: mine",
            world.web().port()
        )
    );
}

#[tokio::test]
async fn bodies_beyond_the_windows_pass_both_ways() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let body = "0123456789abcdef".repeat(100_000);
    let answer = within("the echo", client.ask("POST", "/echo", body.clone())).await.unwrap();
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
}

#[tokio::test]
async fn two_names_for_one_host_are_refused() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let request = Request::builder()
        .uri("http://service.test/")
        .header("host", "other.test")
        .body(Full::<Bytes>::default())
        .unwrap();
    assert_eq!(within("an answer", client.send(request)).await.unwrap().status(), 400);
    assert_eq!((client.get("/").await.status.as_u16(), a.requests()), (200, 1));
}

#[tokio::test]
async fn too_many_fields_are_refused() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let request = Request::builder()
        .uri("http://service.test/")
        .header("x", "y".repeat(70 << 10))
        .body(Full::<Bytes>::default())
        .unwrap();
    // Told by 431, or by our bound before anything is sent.
    let refused = match within("an answer", client.send(request)).await {
        Ok(answer) => answer.status() == 431,
        Err(_) => true,
    };
    assert!(refused && a.requests() == 0);
}

#[tokio::test]
async fn when_the_zone_is_left_what_is_under_way_ends_and_the_connection_too() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut world = WorldBuilder::new().web(&[("a", a.address), ("b", b.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    assert_eq!(client.get("/").await.body, "a");
    let mut held = client.clone();
    let held = tokio::spawn(async move { held.ask("GET", "/held", "").await });
    until("it is under way", || async { a.held() == 1 }).await;
    world.shift(&["a"]).await;
    // A GOAWAY came: new requests are not taken on this connection.
    let refused = || {
        let mut client = client.clone();
        async move { client.ask("GET", "/", "").await.is_err() }
    };
    until("the client was told", refused).await;
    a.release();
    assert_eq!(within("the answer", held).await.unwrap().unwrap().body, "a");
    client.closed().await;
}

#[tokio::test]
async fn at_the_end_idle_connections_are_told_and_closed() {
    let a = Origin::start("a");
    let mut world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    assert_eq!(client.get("/").await.body, "a");
    let end = world.stop();
    client.closed().await;
    within("the end", end).await.unwrap();
}

#[tokio::test]
async fn who_takes_back_all_requests_is_cut() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
    let client = Http2::open(world.web()).await;
    let mut good = Http2::open(world.web()).await;
    let taking_back = async {
        for _ in 0..10_000 {
            let mut one = client.clone();
            let asked = tokio::spawn(async move { one.ask("GET", "/held", "").await });
            let before = a.requests();
            until("it is there, or cut", || async { a.requests() > before || asked.is_finished() }).await;
            if asked.is_finished() {
                break;
            }
            asked.abort();
        }
    };
    within("the cut", taking_back).await;
    client.closed().await;
    assert!(a.requests() < 500, "{} requests", a.requests());
    assert_eq!(good.get("/").await.body, "a");
}
