use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use tokio::net::TcpStream;

use super::*;

async fn started(connections: usize) -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let listener = listen("test_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, (stop, shutdown)) = (listener.address(), watch::channel(false));
    let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
        let Peer(peer) = request.extensions().get().copied().unwrap();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(peer.ip().to_string()))))
    });
    (address, stop, tokio::spawn(listener.serve(service, connections, shutdown)))
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.ends_with("127.0.0.1") {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "the connection ended: {text}");
        text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn requests_carry_the_peer_and_connections_are_kept() {
    let (address, _stop, _task) = started(4).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_connection_too_many_waits_its_turn() {
    let (address, _stop, _task) = started(1).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    ask(&mut first).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    drop(first);
    let mut chunk = [0; 1024];
    assert_ne!(timeout(Duration::from_secs(10), second.read(&mut chunk)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_frees_the_port() {
    let (address, stop, task) = started(4).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    ask(&mut idle).await;
    stop.send(true).unwrap();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
    task.await.unwrap();
    listen("test_listen", address).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_given_up() {
    let (address, _stop, _task) = started(4).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_mend() {
    let first = listen("api_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = listen("api_listen", first.address()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("api_listen: cannot listen on {}: another process", first.address())),
        "{text}"
    );
}
