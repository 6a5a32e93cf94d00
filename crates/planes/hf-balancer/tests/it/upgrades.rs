//! WebSockets and other upgrades: through both sides, closed in order when a zone is left.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::support::{Origin, Origin2, WorldBuilder, raw, until, within};

/// An endpoint that gives every message back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut socket) = accept_async(stream).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn open(to: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(to).await.unwrap();
    within("the handshake", client_async("ws://service.test/", stream)).await.unwrap().0
}

#[tokio::test]
async fn messages_of_every_size_pass_both_ways() {
    let world = WorldBuilder::new().web(&[("a", echo().await)]).start().await;
    let mut socket = open(world.web()).await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; length]);
        within("the way there", socket.send(message.clone())).await.unwrap();
        assert_eq!(within("the way back", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within("the end", socket.next()).await {}
    drop(socket);
    world.until_open_connections("a", 0).await;
    assert_eq!(world.activity("a").failures, 0);
}

#[tokio::test]
async fn when_the_zone_is_left_a_websocket_is_told_to_come_back() {
    let mut world = WorldBuilder::new()
        .drain(Duration::from_millis(100))
        .web(&[("a", echo().await), ("b", echo().await)])
        .start()
        .await;
    let (mut idle, mut busy) = (open(world.web()).await, open(world.web()).await);
    world.until_open_connections("a", 2).await;
    world.shift(&["a"]).await;
    // The busy one goes on within the grace, and is closed between two messages, none of them torn.
    let mut last = None;
    let talking = async {
        loop {
            let _ = busy.send(Message::binary(vec![1; 10_000])).await;
            match busy.next().await {
                Some(Ok(Message::Binary(bytes))) => assert_eq!(bytes.len(), 10_000),
                Some(Ok(other)) => break last = Some(other),
                Some(Err(error)) => panic!("{error}"),
                None => break,
            }
        }
    };
    within("the close", talking).await;
    for message in [last.unwrap(), within("the close", idle.next()).await.unwrap().unwrap()] {
        let Message::Close(Some(close)) = message else { panic!("{message:?}") };
        assert_eq!(close.code, CloseCode::Restart);
    }
    drop((idle, busy));
    world.until_open_connections("a", 0).await;
}

/// A WebSocket as an extended CONNECT (RFC 8441).
async fn open_over_http2(to: SocketAddr, path: &str) -> WebSocketStream<TokioIo<Upgraded>> {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .unwrap();
    // They come with its first bytes, and a task of their own reads them: nothing wakes who asks for them.
    until("the server's settings allow it", || async { connection.is_extended_connect_protocol_enabled() })
        .await;
    tokio::spawn(connection);
    let request = Request::connect(format!("http://service.test{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(Empty::new())
        .unwrap();
    let response = within("an answer", sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = within("the tunnel", hyper::upgrade::on(response)).await.unwrap();
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
}

#[tokio::test]
async fn a_websocket_of_http2_becomes_one_of_http1() {
    let world = WorldBuilder::new().web(&[("a", echo().await)]).start().await;
    let mut socket = open_over_http2(world.web(), "/").await;
    within("the way there", socket.send(Message::text("hello"))).await.unwrap();
    assert_eq!(within("the way back", socket.next()).await.unwrap().unwrap(), Message::text("hello"));
}

#[tokio::test]
async fn a_websocket_passes_to_endpoints_of_http2() {
    let a = Origin2::start().await;
    let world = WorldBuilder::new()
        .pool("chat", "listen = \"0.0.0.0:80\"\nendpoint_http = \"2\"", &[("a", a.address)])
        .start()
        .await;
    let to = world.listener("chat").state.unwrap();
    let asked = "Connection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // One that does not take them over HTTP/2.
    let answer = raw(to, format!("GET /chat HTTP/1.1\r\nHost: a\r\n{asked}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 501 ") && answer.contains("endpoint_http"), "{answer}");
    assert_eq!(a.requests(), 0);

    let b = Origin2::start().await;
    b.take_websockets();
    let world = WorldBuilder::new()
        .pool("chat", "listen = \"0.0.0.0:80\"\nendpoint_http = \"2\"", &[("a", b.address)])
        .start()
        .await;
    let to = world.listener("chat").state.unwrap();
    // From HTTP/1.1: the client checks the answer to its key.
    let stream = TcpStream::connect(to).await.unwrap();
    let opening = client_async("ws://service.test/chat", stream);
    let mut socket = within("the handshake", opening).await.unwrap().0;
    for length in [0, 125, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; length]);
        within("the way there", socket.send(message.clone())).await.unwrap();
        assert_eq!(within("the way back", socket.next()).await.unwrap().unwrap(), message);
    }
    assert!(!b.fields().contains_key("sec-websocket-key"));
    // From HTTP/2.
    let mut over_http2 = open_over_http2(to, "/chat").await;
    within("the way there", over_http2.send(Message::text("hello"))).await.unwrap();
    assert_eq!(within("the way back", over_http2.next()).await.unwrap().unwrap(), Message::text("hello"));
    // Where the endpoint does not agree its answer passes.
    let answer = raw(to, format!("GET /held-no HTTP/1.1\r\nHost: a\r\n{asked}").as_bytes()).await;
    assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}");
}

/// An endpoint that agrees to any protocol and then sends every byte back.
async fn agree() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                let answer = b"HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: chat/1\r\n\r\nfirst ";
                let _ = stream.write_all(answer).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn any_protocol_passes_and_is_cut_after_the_drain() {
    let mut world = WorldBuilder::new()
        .drain(Duration::from_millis(100))
        .web(&[("a", agree().await), ("b", agree().await)])
        .start()
        .await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat/1\r\n\r\nearly ")
        .await
        .unwrap();
    let mut got = String::new();
    within("the first bytes", async {
        while !got.ends_with("first early ") {
            got.push(char::from(stream.read_u8().await.unwrap()));
        }
    })
    .await;
    assert!(got.starts_with("HTTP/1.1 101") && got.to_lowercase().contains("upgrade: chat/1"), "{got}");
    world.shift(&["a"]).await;
    let mut rest = Vec::new();
    let _ = within("the cut", stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
    world.until_open_connections("a", 0).await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_agree_answers_as_always() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let asked =
        b"GET /fields HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    let answer = raw(world.web(), asked).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("upgrade: websocket"), "{answer}");
    // Requests hidden in a tunnel would pass us unseen.
    let asked = b"GET /fields HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n";
    let answer = raw(world.web(), asked).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("h2c"), "{answer}");
    assert_eq!(a.requests(), 2);
}

#[tokio::test]
async fn at_the_end_of_the_balancer_a_websocket_is_told_to_come_back() {
    let mut world =
        WorldBuilder::new().drain(Duration::from_millis(200)).web(&[("a", echo().await)]).start().await;
    let mut socket = open(world.web()).await;
    world.until_open_connections("a", 1).await;
    let end = world.stop();
    let message = within("the close", socket.next()).await.unwrap().unwrap();
    assert!(matches!(message, Message::Close(Some(close)) if close.code == CloseCode::Restart));
    drop(socket);
    within("the end", end).await.unwrap();
    until("nothing is open", || async { world.activity("a").open_connections == 0 }).await;
}
