//! HTTP/2 to endpoints: many requests on one connection, what it refuses unread is sent again, gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use hf_config::estate::{EndpointHttp, Pool};
use hf_telemetry::Outcome;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;

use crate::support::{Http2, Kept, Origin2, WorldBuilder, get, post, until, within};

fn http2(pool: &mut Pool) {
    pool.to_endpoint.http = EndpointHttp::Http2;
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new().workers(1).rules(http2).web(&[("a", a.address)]).start().await;
    let web = world.web();
    assert_eq!(get(web, "/").await.body, "HTTP/2.0 http service.test");
    let held: Vec<_> = (0..50).map(|_| tokio::spawn(async move { get(web, "/held").await.body })).collect();
    until("all are under way", || async { a.held() == 50 }).await;
    assert_eq!(a.accepted(), 1);
    a.release();
    for answer in held {
        assert_eq!(within("an answer", answer).await.unwrap(), "held");
    }
    assert_eq!(post(web, "/echo", "body").await.body, "body");
    world.until_open_connections("a", 1).await;
}

#[tokio::test]
async fn a_second_connection_is_opened_when_the_first_is_full() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new()
        .workers(1)
        .rules(http2)
        .rules(|pool| pool.bounds.streams_per_connection = 3)
        .web(&[("a", a.address)])
        .start()
        .await;
    let web = world.web();
    let held: Vec<_> = (0..7).map(|_| tokio::spawn(async move { get(web, "/held").await.body })).collect();
    until("all are under way", || async { a.held() == 7 }).await;
    assert_eq!(a.accepted(), 3);
    a.release();
    for answer in held {
        assert_eq!(within("an answer", answer).await.unwrap(), "held");
    }
}

#[tokio::test]
async fn requests_under_way_finish_and_the_connection_ends_when_a_zone_is_left() {
    let (a, b) = (Origin2::start().await, Origin2::start().await);
    let mut world =
        WorldBuilder::new().workers(1).rules(http2).web(&[("a", a.address), ("b", b.address)]).start().await;
    let web = world.web();
    let held = tokio::spawn(async move { get(web, "/held").await.body });
    until("it is under way", || async { a.held() == 1 }).await;
    world.shift(&["a"]).await;
    let before = a.requests();
    for _ in 0..5 {
        get(web, "/").await;
    }
    assert_eq!((a.requests(), b.requests()), (before, 5));
    assert_eq!(a.connections(), 1);
    a.release();
    assert_eq!(within("the held answer", held).await.unwrap(), "held");
    until("the connection has ended", || async { a.connections() == 0 }).await;
    world.until_open_connections("a", 0).await;
}

/// A server that decides by the number of each stream, over all its connections, and counts those that it carried out.
async fn judge(
    refuse: impl Fn(usize) -> Option<Reason> + Send + Sync + 'static,
) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (refuse, carried_out) = (Arc::new(refuse), done.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (refuse, seen, done) = (refuse.clone(), seen.clone(), carried_out.clone());
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    if let Some(reason) = refuse(seen.fetch_add(1, Ordering::SeqCst)) {
                        respond.send_reset(reason);
                        continue;
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                    let _ = respond.send_response(Response::new(()), true);
                }
            });
        }
    });
    (address, done)
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_whatever_the_method_is() {
    let (address, done) = judge(|number| (number == 0).then_some(Reason::REFUSED_STREAM)).await;
    let (other, done_there) = judge(|_| None).await;
    let world = WorldBuilder::new().rules(http2).web(&[("a", address), ("b", other)]).start().await;
    assert_eq!(post(world.web(), "/pay", "x").await.status, 200);
    assert_eq!(done.load(Ordering::SeqCst) + done_there.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_broken_stream_is_sent_again_only_if_that_is_safe() {
    let (address, done) = judge(|_| Some(Reason::INTERNAL_ERROR)).await;
    let (other, done_there) = judge(|_| None).await;
    let world = WorldBuilder::new().rules(http2).web(&[("a", address), ("b", other)]).start().await;
    assert_eq!(post(world.web(), "/pay", "x").await.status, 502);
    assert_eq!(done_there.load(Ordering::SeqCst), 0);
    assert_eq!(get(world.web(), "/").await.status, 200);
    assert_eq!((done.load(Ordering::SeqCst), done_there.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn a_connection_that_its_endpoint_closes_takes_nothing_more_and_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (connections, requests) = (accepted.clone(), done.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let requests = requests.clone();
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    requests.fetch_add(1, Ordering::SeqCst);
                    let _ = respond.send_response(Response::new(()), true);
                    // Every connection is good for one request, and says so.
                    connection.graceful_shutdown();
                }
            });
        }
    });
    let world = WorldBuilder::new().workers(1).rules(http2).web(&[("a", address)]).start().await;
    for _ in 0..20 {
        assert_eq!(post(world.web(), "/pay", "x").await.status, 200);
    }
    // A request may cross the word on its way: the server counts what it took then, too, and we never sent that again.
    assert_eq!(done.load(Ordering::SeqCst), 20);
    assert!(accepted.load(Ordering::SeqCst) > 1);
    assert_eq!(world.activity("a").failures, 0);
}

fn call(path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("http://service.test{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from_static(b"\0\0\0\0\x03abc"))).unwrap()
}

#[tokio::test]
async fn calls_pass_with_their_trailers_and_count_by_their_status() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new().rules(http2).web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    for (status, failures) in [("0", 0), ("5", 0), ("14", 1), ("13", 2)] {
        let response = within("an answer", client.send(call(&format!("/call/{status}"), &[]))).await.unwrap();
        let whole = within("the end", response.into_body().collect()).await.unwrap();
        assert_eq!(whole.trailers().unwrap()["grpc-status"], status);
        assert_eq!(&whole.to_bytes()[..], b"\0\0\0\0\x03abc");
        until("it is counted", || async { world.activity("a").outcomes.of(Outcome::GrpcError) == failures })
            .await;
    }
    assert_eq!(a.fields()["te"], "trailers");
}

#[tokio::test]
async fn a_call_ends_at_its_own_deadline_in_its_own_form() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new().rules(http2).web(&[("a", a.address)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let response =
        within("an answer", client.send(call("/held", &[("grpc-timeout", "100m")]))).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"4".parse().unwrap())
    );
}

#[tokio::test]
async fn a_call_without_endpoint_is_unavailable() {
    let gone = Origin2::start().await.address;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_ne!(gone, unused);
    let world = WorldBuilder::new().rules(http2).web(&[("a", unused)]).start().await;
    let mut client = Http2::open(world.web()).await;
    let response = within("an answer", client.send(call("/call/0", &[]))).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"14".parse().unwrap())
    );
    assert!(response.headers()["grpc-message"].to_str().unwrap().contains("refused"));
    // To others it is what it always was.
    assert_eq!(Kept::open(world.web()).await.get("/").await.status, 502);
}
