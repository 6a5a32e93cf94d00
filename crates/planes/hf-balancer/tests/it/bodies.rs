//! Bodies pass as they come, both ways, of known and of unknown length.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Origin, WorldBuilder, raw, within};

async fn send(to: std::net::SocketAddr, body: Bytes) -> http::Response<Incoming> {
    let (mut sender, connection) =
        handshake(TokioIo::new(TcpStream::connect(to).await.unwrap())).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("/echo").header("host", "a").body(Full::new(body)).unwrap();
    within("an answer", sender.send_request(request)).await.unwrap()
}

#[tokio::test]
async fn megabytes_pass_both_ways() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let body: Bytes = (0..8 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<u8>>().into();
    let response = send(world.web(), body.clone()).await;
    assert_eq!(response.headers()["content-length"], body.len().to_string());
    let echoed = within("the body", response.into_body().collect()).await.unwrap().to_bytes();
    assert!(echoed == body, "{} of {} bytes", echoed.len(), body.len());
}

#[tokio::test]
async fn pieces_pass_before_the_whole_is_there() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    for (field, pieces) in [
        ("Content-Length: 10", ["first", "later"]),
        ("Transfer-Encoding: chunked", ["5\r\nfirst\r\n", "5\r\nlater\r\n0\r\n\r\n"]),
    ] {
        let mut stream = TcpStream::connect(world.web()).await.unwrap();
        let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n\r\n");
        stream.write_all(format!("{head}{}", pieces[0]).as_bytes()).await.unwrap();
        let mut got = Vec::new();
        within("the first piece", async {
            while !String::from_utf8_lossy(&got).contains("first") {
                got.push(stream.read_u8().await.unwrap());
            }
        })
        .await;
        stream.write_all(pieces[1].as_bytes()).await.unwrap();
        within("the rest", stream.read_to_end(&mut got)).await.unwrap();
        assert!(String::from_utf8_lossy(&got).contains("later"), "{field}");
    }
}

#[tokio::test]
async fn a_chunk_is_whole_before_the_next_one_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut got = Vec::new();
                // A check has no chunk.
                let is_check = |got: &[u8]| got.starts_with(b"GET") && got.ends_with(b"\r\n\r\n");
                while !is_check(&got) && !got.ends_with(b"\r\n5\r\nfirst\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    got.push(byte);
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nseen").await;
                let _ = stream.read_to_end(&mut got).await;
            });
        }
    });
    let world = WorldBuilder::new().web(&[("a", address)]).start().await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    within("the answer", async {
        while !got.ends_with(b"seen") {
            got.push(stream.read_u8().await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn a_get_may_have_a_body_of_unknown_length() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let request = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = raw(world.web(), request.as_bytes()).await;
    assert!(answer.contains("abc"), "{answer}");
}

#[tokio::test]
async fn a_head_has_a_length_and_no_body() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().workers(1).web(&[("a", a.address)]).start().await;
    let request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = raw(world.web(), request.as_bytes()).await;
    assert_eq!(answer.matches("content-length: 1\r\n").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(a.accepted(), 1, "a connection is kept after an answer without a body");
}

#[tokio::test]
async fn who_asks_whether_to_go_on_is_told() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut got = vec![0; 25];
    within("the go-ahead", stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&got), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    within("the answer", stream.read_to_end(&mut got)).await.unwrap();
    assert!(String::from_utf8_lossy(&got).ends_with("abc"));
}

#[tokio::test]
async fn an_old_client_gets_the_whole_answer_and_the_end() {
    let a = Origin::start("a");
    let world = WorldBuilder::new().web(&[("a", a.address)]).start().await;
    let answer = raw(world.web(), b"GET /held-body HTTP/1.0\r\n\r\n");
    a.release();
    let answer = answer.await;
    assert!(answer.ends_with("\r\n\r\nbegun a"), "no chunks for HTTP/1.0: {answer}");
}
