//! One probe against real sockets that behave badly in every way we could think of.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{CheckKind, HealthCheck, HttpCheck, StatusRange};
use hf_model::CheckName;
use hf_probe::{Outcome, Tools, probe, probed_address};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Long enough for a busy machine. Where no answer is wanted it runs out with the clock stopped ([`let_time_run_out`]), neither early nor late.
const PATIENT: Duration = Duration::from_mins(1);
/// How long a full listener is seen to take nobody.
const FULL_FOR: Duration = Duration::from_secs(2);

/// From here on the clock stands while anything happens, and goes to the next deadline when nothing does.
fn let_time_run_out() {
    tokio::time::pause();
}

fn check(timeout: Duration, kind: CheckKind) -> HealthCheck {
    HealthCheck {
        interval: Duration::from_secs(10),
        timeout,
        confirm_interval: Duration::from_secs(10),
        ..HealthCheck::new(CheckName::new("web").unwrap(), kind)
    }
}

fn http(body: Option<&str>) -> CheckKind {
    CheckKind::Http(Box::new(HttpCheck {
        status: vec![StatusRange { from: 200, to: 299 }],
        body: body.map(str::to_owned),
        ..HttpCheck::new("/healthz?deep=1")
    }))
}

/// A server for one connection that reads the request and then does as told. Ends with the request.
async fn serve<F>(behave: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SocketAddr, JoinHandle<String>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut buffer = [0; 1_024];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(len) => request.extend_from_slice(&buffer[..len]),
            }
        }
        behave(stream).await;
        String::from_utf8_lossy(&request).into_owned()
    });
    (address, task)
}

/// Answers `bytes` and closes.
async fn answer(bytes: impl Into<Vec<u8>>) -> (SocketAddr, JoinHandle<String>) {
    let bytes = bytes.into();
    serve(|mut stream| async move {
        let _ = stream.write_all(&bytes).await;
    })
    .await
}

/// The outcome in words.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(failure) => failure.to_string(),
        Outcome::Unmeasured(why) => format!("unmeasured: {why}"),
        Outcome::Behind(by) => format!("behind itself by {by:?}"),
    }
}

async fn judge(timeout: Duration, kind: CheckKind, address: SocketAddr) -> String {
    let check = check(timeout, kind);
    let began = Instant::now();
    let result = probe(&Tools::default(), &check, address).await;
    assert!(result.took <= began.elapsed());
    words(&result.outcome)
}

/// What a patient HTTP check says of an endpoint that answers `bytes`.
async fn of_answer(bytes: impl Into<Vec<u8>>, body: Option<&str>) -> String {
    let (address, _task) = answer(bytes).await;
    judge(PATIENT, http(body), address).await
}

#[tokio::test]
async fn a_good_answer_is_good_and_the_request_is_plain() {
    let (address, task) = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(judge(PATIENT, http(Some("ok")), address).await, "good");
    let request = task.await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let want = format!(
        "GET /healthz?deep=1 HTTP/1.1\r\nhost: {address}\r\nuser-agent: holdfast-checker/{version}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(request, want);
}

#[tokio::test]
async fn the_host_header_can_be_chosen() {
    let (address, task) = answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    let kind = CheckKind::Http(Box::new(HttpCheck {
        host: Some("www.example.test".to_owned()),
        status: vec![StatusRange { from: 204, to: 204 }],
        ..HttpCheck::new("/")
    }));
    assert_eq!(judge(PATIENT, kind, address).await, "good");
    assert!(task.await.unwrap().contains("\r\nhost: www.example.test\r\n"));
}

#[tokio::test]
async fn bodies_of_every_framing_are_read() {
    assert_eq!(of_answer("HTTP/1.1 200 OK\r\n\r\nall is ok until the end", Some("ok")).await, "good");
    assert_eq!(of_answer("HTTP/1.0 200 OK\r\n\r\nok", Some("ok")).await, "good");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    assert_eq!(of_answer(chunked, Some("ok")).await, "good");
    let after_hint = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(of_answer(after_hint, Some("ok")).await, "good");
}

#[tokio::test]
async fn a_wrong_status_is_named() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(of_answer(answer, None).await, "answered 503, want 200-299");
    assert_eq!(
        of_answer("HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", None).await,
        "answered 301, want 200-299",
        "redirects are not followed"
    );
}

#[tokio::test]
async fn a_missing_text_is_named() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nstarting";
    assert_eq!(of_answer(answer, Some("ok")).await, "the first 8 bytes of the body do not hold \"ok\"");
    assert_eq!(
        of_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Some("ok")).await,
        "the first 0 bytes of the body do not hold \"ok\""
    );
}

#[tokio::test]
async fn only_the_first_64_kib_count() {
    let body = |before: usize| {
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", before + 2).into_bytes();
        bytes.resize(bytes.len() + before, b'.');
        bytes.extend_from_slice(b"ok");
        bytes
    };
    assert_eq!(of_answer(body(65_534), Some("ok")).await, "good");
    assert_eq!(
        of_answer(body(65_535), Some("ok")).await,
        "the first 65536 bytes of the body do not hold \"ok\""
    );
    assert_eq!(of_answer(body(1 << 20), None).await, "good", "nobody waits for the end of a long body");
}

#[tokio::test]
async fn garbage_is_not_http() {
    assert_eq!(of_answer("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", None).await, "what it answered is not HTTP/1.1");
    assert_eq!(
        of_answer(vec![0, 255, 3, 7, 10, 13, 10, 13, 10], None).await,
        "what it answered is not HTTP/1.1"
    );
    assert_eq!(
        of_answer("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", None).await,
        "what it answered is not HTTP/1.1"
    );
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let said = "the answer's headers are larger than 32768 bytes or more than 100";
    let mut large = b"HTTP/1.1 200 OK\r\nX-Large: ".to_vec();
    large.resize(1 << 20, b'x');
    assert_eq!(of_answer(large, None).await, said);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(500));
    assert_eq!(of_answer(many, None).await, said);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_bad() {
    let said = "the connection was closed before the answer was complete";
    assert_eq!(of_answer("", None).await, said);
    assert_eq!(of_answer("HTTP/1.1 200 OK\r\nContent-", None).await, said);
    assert_eq!(of_answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", None).await, said);
    let (address, _task) = serve(|stream| async move { stream.set_zero_linger().unwrap() }).await;
    assert_eq!(judge(PATIENT, http(None), address).await, said);
}

#[tokio::test]
async fn a_text_that_came_before_the_break_counts() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok";
    assert_eq!(of_answer(answer, Some("ok")).await, "good");
}

/// Sends `head`, then one byte after the other for ever; after some the time runs out.
async fn drip(head: &'static str) -> SocketAddr {
    let (address, _task) = serve(move |mut stream| async move {
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        let _ = stream.write_all(head.as_bytes()).await;
        let mut sent = 0;
        while stream.write_all(b"x").await.is_ok() {
            sent += 1;
            if sent == 20 {
                // In so many rounds of this one thread the probe has read the head.
                let_time_run_out();
            }
            beat.tick().await;
        }
    })
    .await;
    address
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_timeout() {
    for (head, said) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "the answer did not end within 1m"),
        ("HTTP/1.1 200 OK\r\nX-Slow: ", "no answer within 1m"),
    ] {
        let address = drip(head).await;
        let began = Instant::now();
        assert_eq!(judge(PATIENT, http(None), address).await, said);
        assert!(began.elapsed() < PATIENT * 3 / 2);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn silence_is_no_answer() {
    let (address, _task) = serve(|stream| async move {
        let _held = stream;
        let_time_run_out();
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(judge(PATIENT, http(None), address).await, "no answer within 1m");
}

/// Until a request lies at this address, and nobody has read it: as the kernel tells.
async fn until_asked(address: SocketAddr) {
    let SocketAddr::V4(v4) = address else { panic!("{address} is not of IPv4") };
    let here = format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port());
    let is_asked = |line: &str| {
        // number, own address, other address, state, bytes to send and to be read
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, own, _, "01", queues, ..] = fields[..] else { return false };
        own == here && !queues.ends_with(":00000000")
    };
    let deadline = Instant::now() + PATIENT;
    while !std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(is_asked) {
        assert!(Instant::now() < deadline, "nobody asks {address}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_listener_that_never_accepts_is_no_answer_and_a_full_one_no_connection() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let judged = tokio::spawn(judge(PATIENT, http(None), address));
    until_asked(address).await;
    let_time_run_out();
    assert_eq!(judged.await.unwrap(), "no answer within 1m");
    tokio::time::resume();
    // The kernel completes connections until the backlog is full and then drops what comes.
    let mut held = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(FULL_FOR, TcpStream::connect(address)).await {
        held.push(stream);
        assert!(held.len() < 100, "a backlog of one");
    }
    let_time_run_out();
    assert_eq!(judge(PATIENT, CheckKind::tcp(), address).await, "no connection within 1m");
}

/// An address where nobody listens: bound and not listening, so that nobody else can take it.
fn deaf() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn nobody_there_is_refused() {
    let (_held, address) = deaf();
    assert_eq!(judge(PATIENT, CheckKind::tcp(), address).await, "connection refused");
    assert_eq!(judge(PATIENT, http(None), address).await, "connection refused");
}

#[tokio::test]
async fn a_tcp_check_wants_a_connection_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(judge(PATIENT, CheckKind::tcp(), address).await, "good");
    // It ended with a reset: no TIME_WAIT on either side.
    let (mut stream, _) = listener.accept().await.unwrap();
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_check_may_name_its_own_port() {
    let (_held, own) = deaf();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut with_port = check(PATIENT, CheckKind::tcp());
    with_port.port = Some(listener.local_addr().unwrap().port());
    assert_eq!(probed_address(&with_port, own), listener.local_addr().unwrap());
    assert_eq!(probe(&Tools::default(), &with_port, own).await.outcome, Outcome::Good);
}

#[tokio::test]
async fn a_check_that_makes_no_request_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kind = CheckKind::http("/ a b");
    let said = judge(PATIENT, kind, listener.local_addr().unwrap()).await;
    assert!(said.starts_with("the check's path, host or headers cannot be sent: "), "{said}");
}

#[tokio::test]
async fn a_thread_that_comes_back_after_the_time_out_says_nothing_about_the_endpoint() {
    // It takes the connection and would never answer; whether it did, nobody of us looked.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for inverted in [false, true] {
        let timeout = Duration::from_millis(100);
        let check = HealthCheck { inverted, ..check(timeout, http(None)) };
        let tools = Tools::default();
        let stall = async {
            // Polled after the probe, on its thread: it has begun, and does not come back before its time is over.
            let (_held, never) = std::sync::mpsc::channel::<()>();
            never.recv_timeout(timeout * 2).unwrap_err();
        };
        let (result, ()) = tokio::join!(probe(&tools, &check, address), stall);
        assert!(matches!(result.outcome, Outcome::Behind(_)), "{}", words(&result.outcome));
        assert_eq!(result.outcome.is_good(), None);
    }
}
