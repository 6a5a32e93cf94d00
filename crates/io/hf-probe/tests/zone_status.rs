//! Probes of zone status, and of a monitoring system, against servers of our own on loopback: what is a word on the zone, and what is none.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{CheckKind, HealthCheck, MetricCheck, Missing, Threshold, ZoneStatusCheck};
use hf_model::{CheckName, ZoneId};
use hf_probe::{Outcome, Tools, probe};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Far beyond what anything here takes.
const PATIENT: Duration = Duration::from_mins(1);

fn status(zone: &str, resource: &str) -> CheckKind {
    CheckKind::ZoneStatus(Box::new(ZoneStatusCheck {
        zone: ZoneId::new(zone).unwrap(),
        resource: resource.to_owned(),
        host: None,
        headers: Vec::new(),
        tls: None,
    }))
}

fn metric(missing: Missing) -> CheckKind {
    CheckKind::Metric(Box::new(MetricCheck {
        query: "up".to_owned(),
        good: Threshold::Above("0".to_owned()),
        missing,
        path: "/api/v1/query".to_owned(),
        host: None,
        headers: Vec::new(),
        tls: None,
    }))
}

async fn judge(kind: CheckKind, address: SocketAddr) -> String {
    let check = HealthCheck {
        interval: PATIENT,
        timeout: PATIENT,
        address: Some(address),
        ..HealthCheck::new(CheckName::new("x").unwrap(), kind)
    };
    match probe(&Tools::default(), &check, address).await.outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(why) => why.to_string(),
        Outcome::Unmeasured(why) => format!("no result: {why}"),
        Outcome::Behind(by) => format!("behind by {by:?}"),
    }
}

/// Answers every request with this, if its first line is what is wanted.
async fn server(first_line: &'static str, answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n")
                && stream.read_buf(&mut request).await.is_ok_and(|len| len > 0)
            {}
            let text = String::from_utf8_lossy(&request).into_owned();
            let said = if text.starts_with(first_line) { answer.clone() } else { String::new() };
            let _ = stream.write_all(said.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

fn page(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn answered(head: &str, body: &str) -> String {
    judge(status("a", "everything"), server("GET /status/a HTTP/1.1\r\n", page(head, body)).await).await
}

const OPEN: &str = r#"{"zone":"a","state":"open","source":"","reason":""}"#;
const AWAY: &str = r#"{"zone":"a","state":"away","source":"shift","reason":"shift-7"}"#;

#[tokio::test]
async fn open_and_away_are_words_on_the_zone() {
    assert_eq!(answered("200 OK", OPEN).await, "good");
    assert_eq!(answered("500 Internal Server Error", AWAY).await, "zone a is away: shift: shift-7");
    let asked = "GET /status/a?resource=pool%2Fweb HTTP/1.1\r\n";
    let address = server(asked, page("200 OK", OPEN)).await;
    assert_eq!(judge(status("a", "pool/web"), address).await, "good");
}

#[tokio::test]
async fn all_else_is_no_result_and_says_how_to_mend_it() {
    assert_eq!(
        answered("404 Not Found\r\nHoldfast-State: unknown", "{}").await,
        "no result: it has no zone a; write `zone` as this endpoint calls it"
    );
    assert_eq!(
        answered("404 Not Found", "nothing").await,
        "no result: answered 404 without a state: this is no endpoint of zone status; correct `address`"
    );
    assert_eq!(
        answered("302 Found\r\nLocation: /status/a", "").await,
        "no result: answered 302, and redirects are not followed; let `address` be that of the endpoint itself"
    );
    assert_eq!(
        answered("503 Service Unavailable", "").await,
        "no result: answered 503, neither open (200) nor away (500)"
    );
    for (head, body) in [("200 OK", AWAY), ("500 No", OPEN)] {
        let said = answered(head, body).await;
        assert!(said.ends_with("with a body that says otherwise; look at what stands between"), "{said}");
    }
    // What stands before the endpoint answers 500 for it: that closes no zone.
    for (head, body) in [("500 No", "<html>"), ("200 OK", "ok"), ("200 OK", r#"{"state":"half"}"#)] {
        let said = answered(head, body).await;
        assert!(
            said.ends_with("without a zone's state: this is no endpoint of zone status; correct `address`"),
            "{said}"
        );
    }
    let long = answered("200 OK", &"x".repeat(100_000)).await;
    assert!(long.starts_with("no result: the answer has 64 KiB or more"), "{long}");
    assert_eq!(answered("nonsense", "").await, "no result: what it answered is not HTTP/1.1");
}

#[tokio::test]
async fn who_refuses_or_is_silent_says_nothing_of_the_zone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(judge(status("a", "everything"), address).await, "no result: connection refused");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut held = Vec::new();
    // It takes connections and says nothing; with nothing else to do the clock goes on to the time-out.
    tokio::spawn(async move {
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
            tokio::time::pause();
        }
    });
    assert_eq!(judge(status("a", "everything"), address).await, "no result: no answer within 1m");
    tokio::time::resume();
    // So with a monitoring system that hangs, unless the check says that it has to answer.
    assert_eq!(judge(metric(Missing::Unknown), address).await, "no result: no answer within 1m");
    tokio::time::resume();
    assert_eq!(judge(metric(Missing::Bad), address).await, "no value: no answer within 1m");
}
