//! Pools of bytes: carried whole, tried elsewhere before the first byte, cut when their zone is left.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hf_config::estate::{CrossZone, HostPattern, Pool, Protocol, ProxyAccept, ProxyVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{World, WorldBuilder, until, within};

/// A server that says its name, sends back what it hears, and says "end" when the client is done.
struct Echo {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

impl Echo {
    async fn start(name: &'static str) -> Echo {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now, ever) = (open.clone(), all.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let now = now.clone();
                now.fetch_add(1, Ordering::SeqCst);
                ever.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut buffer = [0; 4_096];
                    let _ = stream.write_all(name.as_bytes()).await;
                    loop {
                        match stream.read(&mut buffer).await {
                            Ok(0) => break drop(stream.write_all(b"end").await),
                            Ok(count) => {
                                if stream.write_all(&buffer[..count]).await.is_err() {
                                    break;
                                }
                            }
                            Err(_) => break,
                        }
                    }
                    drop(stream);
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Echo { address, open, all }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn all(&self) -> usize {
        self.all.load(Ordering::SeqCst)
    }
}

fn tcp(endpoints: &[(&str, SocketAddr)]) -> WorldBuilder {
    WorldBuilder::new().web(endpoints).rules(|pool| pool.protocol = Protocol::Tcp)
}

async fn start(builder: WorldBuilder, rule: impl FnOnce(&mut Pool) + 'static) -> World {
    builder.rules(rule).start().await
}

/// Sends it, ends, and reads to the end.
async fn talk(at: SocketAddr, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let talking = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(bytes).await?;
        stream.shutdown().await?;
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await?;
        Ok(got)
    };
    within("the server to answer", talking).await
}

/// A connection to the server of this name.
async fn open(at: SocketAddr, name: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let mut got = vec![0; name.len()];
    within("the server to speak first", stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got, name.as_bytes());
    stream
}

fn nobody_there() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn bytes_go_both_ways_and_a_half_closed_connection_works() {
    let a = Echo::start("a").await;
    let world = tcp(&[("a", a.address)]).start().await;
    assert_eq!(talk(world.web(), b"question").await.unwrap(), b"aquestionend");
    world.until_open_connections("a", 0).await;
    let seen = world.activity("a");
    assert_eq!((seen.requests, seen.failures), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_connected_is_tried_once_more_in_another_zone() {
    let (b, dead) = (Echo::start("b").await, nobody_there());
    let builder = tcp(&[("a", dead), ("a", nobody_there()), ("b", b.address)]);
    let world = start(builder, |pool| pool.cross_zone = CrossZone::On).await;
    for _ in 0..20 {
        assert_eq!(talk(world.web(), b"x").await.unwrap(), b"bxend");
    }
    assert_eq!(world.activity("b").requests, 20);
    assert_eq!(world.activity("a").requests, 0);
}

#[tokio::test]
async fn without_an_endpoint_a_client_is_reset() {
    let world = tcp(&[("a", nobody_there())]).start().await;
    let error = talk(world.web(), b"").await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected),
        "{error}"
    );
}

#[tokio::test]
async fn a_zone_that_is_left_gets_nothing_new_and_keeps_what_is_open_for_drain() {
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let builder = tcp(&[("a", a.address), ("b", b.address)]).own_zone("c").drain(Duration::from_millis(300));
    let mut world = start(builder, |pool| pool.cross_zone = CrossZone::On).await;
    let mut first = None;
    while first.is_none() {
        let mut stream = TcpStream::connect(world.web()).await.unwrap();
        first = Some(stream.read_u8().await.unwrap()).filter(|name| *name == b'a').map(|_| stream);
    }
    let mut old = first.unwrap();
    let before = a.all();
    world.shift(&["a"]).await;
    old.write_all(b"still").await.unwrap();
    let mut got = [0; 5];
    within("the open connection to go on", old.read_exact(&mut got)).await.unwrap();
    for _ in 0..20 {
        drop(open(world.web(), "b").await);
    }
    assert_eq!(a.all(), before, "nothing new in the zone");
    let cut = within("the open connection to be cut", old.read(&mut got)).await;
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
    until("the zone is empty", || async { a.open() == 0 }).await;
}

#[tokio::test]
async fn clients_of_a_balancer_whose_zone_is_left_are_cut_after_drain_unless_it_comes_back() {
    let (a, b) = (Echo::start("a").await, Echo::start("b").await);
    let builder = tcp(&[("b", b.address), ("a", a.address)]).drain(Duration::from_millis(300));
    let mut world = start(builder, |pool| pool.cross_zone = CrossZone::On).await;
    world.shift(&["a"]).await;
    let mut stream = open(world.web(), "b").await;
    let cut = within("the connection to be cut", stream.read(&mut [0])).await;
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
    world.shift(&[]).await;
    let mut stream = open(world.web(), "a").await;
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn the_client_is_told_by_the_proxy_protocol_from_one_end_to_the_other() {
    let a = Echo::start("").await;
    let world = start(tcp(&[("a", a.address)]), |pool| {
        pool.listener.proxy_protocol = ProxyAccept { required: true, from: Vec::new() };
        pool.to_endpoint.proxy_protocol = Some(ProxyVersion::V1);
    })
    .await;
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";
    let got = talk(world.web(), &[&line[..], b"hello"].concat()).await.unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\nhelloend");
    let refused = talk(world.web(), b"hello").await;
    assert!(refused.as_ref().map_or(true, Vec::is_empty), "{refused:?}");
    assert_eq!(a.all(), 1, "who says nothing of its client gets nowhere");
}

/// A TLS client hello that asks for `name`.
fn hello(name: &str) -> Vec<u8> {
    let block = |inner: &[u8]| [&(inner.len() as u16).to_be_bytes(), inner].concat();
    let entry = [&[0][..], &block(name.as_bytes())].concat();
    let extension = [&[0, 0][..], &block(&block(&entry))].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &block(&extension)].concat();
    let message = [&[1, 0, (body.len() >> 8) as u8, body.len() as u8][..], &body].concat();
    [&[22, 3, 1][..], &block(&message)].concat()
}

#[tokio::test]
async fn tls_is_passed_on_by_its_server_name_as_it_came() {
    let a = Echo::start("").await;
    let world = start(tcp(&[("a", a.address)]), |pool| {
        pool.protocol = Protocol::Tls;
        pool.hosts = vec![HostPattern::Below("a.test".into())];
    })
    .await;
    let ours = hello("www.A.test");
    let got = talk(world.web(), &ours).await.unwrap();
    assert_eq!(got, [&ours[..], b"end"].concat());
    let error = talk(world.web(), &hello("www.b.test")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::NotConnected), "{error}");
    let refused = talk(world.web(), b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(refused.as_ref().map_or(true, Vec::is_empty), "{refused:?}");
    assert_eq!(a.all(), 1);
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let a = Echo::start("a").await;
    let world = start(tcp(&[("a", a.address)]), |pool| {
        pool.patience.tunnel_idle = Duration::from_millis(200);
    })
    .await;
    let mut stream = open(world.web(), "a").await;
    assert_eq!(within("the end", stream.read(&mut [0])).await.unwrap(), 0);
}
