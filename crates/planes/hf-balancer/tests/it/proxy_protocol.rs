//! PROXY headers in front of HTTP clients.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Authority, Http2, Kept, Origin, WorldBuilder, raw, until, within};

const WANTED: &str = "listen = \"0.0.0.0:80\"\nproxy_protocol = \"required\"";
const V1: &[u8] = b"PROXY TCP4 198.51.100.7 203.0.113.1 4000 443\r\n";

fn v2() -> Vec<u8> {
    let mut header = Vec::new();
    let of = |text: &str| text.parse::<SocketAddr>().unwrap();
    hf_stream::proxy::write_v2(of("[2001:db8::7]:4000"), of("[2001:db8::1]:443"), None, &mut header);
    header
}

/// The fields that tell of the client.
fn told(body: &str) -> Vec<&str> {
    body.lines().filter(|line| line.starts_with("x-forwarded-") || line.starts_with("forwarded")).collect()
}

#[tokio::test]
async fn the_header_says_who_the_client_is() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().pool("web", WANTED, &[("a", a.address)]).start().await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    // In pieces: what comes late is waited for.
    stream.write_all(&V1[..10]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::task::yield_now().await;
    stream.write_all(&V1[10..]).await.unwrap();
    let body = Kept::over(stream).await.get("/fields").await.body;
    let want = [
        "forwarded: for=198.51.100.7;proto=http",
        "x-forwarded-for: 198.51.100.7",
        "x-forwarded-host: service.test",
        "x-forwarded-port: 443",
        "x-forwarded-proto: http",
    ];
    assert_eq!(told(&body), want);
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    stream.write_all(&v2()).await.unwrap();
    let body = Http2::over(stream).await.get("/fields").await.body;
    assert!(body.contains("forwarded: for=\"[2001:db8::7]\";proto=http"), "{body}");
}

#[tokio::test]
async fn who_stands_in_front_may_say_that_it_ended_tls() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().pool("web", WANTED, &[("a", a.address)]).start().await;
    let request = "GET /fields HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
    let answer = raw(world.web(), &[V1, request.as_bytes()].concat()).await;
    assert!(answer.contains("x-forwarded-proto: https"), "{answer}");
}

#[tokio::test]
async fn without_a_header_or_from_elsewhere_there_is_no_answer() {
    let a = Origin::start("a");
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let world = WorldBuilder::new().pool("web", WANTED, &[("a", a.address)]).start().await;
    assert_eq!(raw(world.web(), request).await, "");
    let elsewhere = format!("{WANTED}\nproxy_from = [\"192.0.2.0/24\"]");
    let world = WorldBuilder::new().pool("web", &elsewhere, &[("a", a.address)]).start().await;
    assert_eq!(raw(world.web(), &[V1, request].concat()).await, "");
    // Where none is wanted it is the client's own bytes.
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    assert!(raw(world.web(), &[V1, request].concat()).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(a.requests(), 0);
}

#[tokio::test]
async fn tls_comes_after_the_header() {
    let a = Origin::start("a");
    let mut authority = Authority::new();
    let world = WorldBuilder::new()
        .certificates(authority.certificates(&["one.test"]))
        .pool("web", &format!("{WANTED}\ntls = true"), &[("a", a.address)])
        .start()
        .await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    stream.write_all(V1).await.unwrap();
    let stream = authority.over(stream, "one.test", &["h2"]).await.unwrap();
    let body = Http2::over(stream).await.get("/fields").await.body;
    assert!(body.contains("forwarded: for=198.51.100.7;proto=https"), "{body}");
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    stream.write_all(b"PROXY nonsense\r\n").await.unwrap();
    let mut read = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut read)).await;
    assert!(read.is_empty());
}

/// The zone that a request from `client` was answered in.
async fn answered_in(to: SocketAddr, client: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let header = format!("PROXY TCP4 {client} 203.0.113.1 4000 443\r\n");
    stream.write_all(header.as_bytes()).await.unwrap();
    Kept::over(stream).await.get("/").await.body
}

#[tokio::test]
async fn a_balancer_without_a_zone_prefers_the_callers() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let networks = |estate: &mut hf_config::estate::Estate| {
        for (zone, network) in [(0, "198.51.100.0/25"), (1, "198.51.100.128/25")] {
            estate.zones[zone].networks = vec![hf_model::Cidr::new(network).unwrap()];
        }
    };
    let at = [("a", a.address), ("b", b.address)];
    let world = WorldBuilder::new().own_zone("elsewhere").pool("web", WANTED, &at);
    let world = world.try_start(networks).await.unwrap();
    for _ in 0..10 {
        assert_eq!(answered_in(world.web(), "198.51.100.7").await, "a");
        assert_eq!(answered_in(world.web(), "198.51.100.200").await, "b");
    }
    // One with a zone stays there, whoever asks.
    let world = WorldBuilder::new().pool("web", WANTED, &at).try_start(networks).await.unwrap();
    for _ in 0..10 {
        assert_eq!(answered_in(world.web(), "198.51.100.200").await, "a");
    }
}

#[tokio::test]
async fn where_all_callers_are_in_one_zone_the_others_take_their_part() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let networks = |estate: &mut hf_config::estate::Estate| {
        for (zone, network) in [(0, "198.51.100.0/25"), (1, "198.51.100.128/25")] {
            estate.zones[zone].networks = vec![hf_model::Cidr::new(network).unwrap()];
        }
    };
    let more = format!("{WANTED}\ncross_zone = true");
    let world =
        WorldBuilder::new().own_zone("elsewhere").pool("web", &more, &[("a", a.address), ("b", b.address)]);
    let world = world.try_start(networks).await.unwrap();
    // As long as nobody was counted zones count as equal, and all stay. Then half of them goes to the zone without callers.
    until("b has its part", || async {
        let mut of_b = 0;
        for _ in 0..20 {
            of_b += usize::from(answered_in(world.web(), "198.51.100.7").await == "b");
        }
        (5..16).contains(&of_b)
    })
    .await;
}
