//! The API over real sockets: bounds, slow clients, who may read from where.

use std::net::SocketAddr;
use std::time::Duration;

use hf_api::{ApplyEstate, Client, ClientError, Extend, StartShift};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::fixture::{ESTATE, Fixture};

async fn serve(fixture: &Fixture) -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let (stop, shutdown) = watch::channel(false);
    let bound = fixture.api.clone().bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    (bound.address(), stop, tokio::spawn(bound.run(shutdown)))
}

#[tokio::test]
async fn the_client_and_the_server_agree() {
    let mut fixture = Fixture::control().await;
    let data_node = Fixture::empty(&[hf_config::node::Role::Balancer]).await;
    let (address, _stop, _task) = serve(&fixture).await;
    let (without_ledger, _stop2, _task2) = serve(&data_node).await;
    let endpoints = vec![format!("http://{address}"), format!("http://{without_ledger}")];
    let client = Client::new(endpoints, Some(fixture.token.clone())).unwrap();
    let start = StartShift {
        zone: "aa".to_owned(),
        resource: "everything".to_owned(),
        length: "30m".to_owned(),
        reason: "smoke & mirrors".to_owned(),
        override_floor: Vec::new(),
        request_id: None,
    };
    let shift = client.start_shift(&start).await.unwrap();
    assert_eq!((shift.zone.as_str(), shift.reason.as_str()), ("a", "smoke & mirrors"));
    fixture.obey();
    let only = Client::new(vec![format!("http://{address}")], Some(fixture.token.clone())).unwrap();
    assert_eq!(only.shift(&shift.id).await.unwrap().id, shift.id);
    assert_eq!(only.status().await.unwrap().shifts.len(), 1);
    let extend = Extend { length: "1h".to_owned(), request_id: None };
    let extended = client.extend_shift(&shift.id, &extend, Some(shift.revision)).await.unwrap();
    let stale = client.cancel_shift(&shift.id, Some(shift.revision)).await.unwrap_err();
    assert!(matches!(&stale, ClientError::Refused { status: 412, code, .. } if code == "stale"), "{stale:?}");
    client.cancel_shift(&shift.id, Some(extended.revision)).await.unwrap();
    assert_eq!(only.shifts(true).await.unwrap().shifts.len(), 1);
    let estate = only.estate().await.unwrap();
    let apply = ApplyEstate {
        toml: format!("{ESTATE}\n# new"),
        if_match: Some(estate.revision),
        ..ApplyEstate::default()
    };
    assert!(only.diff_estate(&apply).await.unwrap().changes.is_empty());
    client.apply_estate(&apply).await.unwrap();
    assert!(!only.explain_name("www.example.test.", "A", "192.0.2.1").await.unwrap().steps.is_empty());
    assert!(!only.explain_pool("web", Some("a")).await.unwrap().answer.is_empty());
    assert_eq!(only.explain_pool("web", None).await.unwrap().question, "pool/web");
    assert!(only.gray().await.unwrap().pools.is_empty());
    assert!(!only.journal(Some(0), 10).await.unwrap().lines.is_empty());
}

/// Sends bytes and reads until the other side is done.
async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await; // a reset after the answer is fine
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let fixture = Fixture::control().await;
    let (address, _stop, _task) = serve(&fixture).await;
    let head = format!(
        "POST /v1/shifts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        fixture.token
    );
    let answer = raw(address, &head).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not arrive within 10 s"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_does_no_harm() {
    let fixture = Fixture::control().await;
    let (address, _stop, _task) = serve(&fixture).await;
    for rubbish in ["\x16\x03\x01\0\0", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        raw(address, rubbish).await;
    }
    assert!(
        raw(address, "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.contains("alive")
    );
}

#[tokio::test]
async fn a_stop_ends_the_server() {
    let fixture = Fixture::control().await;
    let (address, stop, task) = serve(&fixture).await;
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let fixture = Fixture::control().await;
    let (address, _stop, _task) = serve(&fixture).await;
    let Err(error) = fixture.api.clone().bind(address).await else { panic!("bound twice") };
    assert!(error.to_string().starts_with("api_listen: cannot listen on"), "{error}");
}
