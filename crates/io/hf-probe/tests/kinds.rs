//! One probe of each kind beyond plain HTTP, against servers of our own on loopback.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hf_config::estate::{
    CheckKind, CheckTls, CommandCheck, DnsCheck, EndpointHttp, GrpcCheck, HealthCheck, HttpCheck, Method,
    MetricCheck, Missing, Pattern, QueryType, StatusRange, TcpCheck, Threshold,
};
use hf_model::{CheckName, DnsName};
use hf_probe::{Outcome, Tools, probe};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// Far beyond what anything here takes. What is to run out does so with the clock stopped ([`let_time_run_out`]): never early on a slow machine.
const PATIENT: Duration = Duration::from_mins(1);

fn check(timeout: Duration, kind: CheckKind) -> HealthCheck {
    HealthCheck { interval: PATIENT, timeout, ..HealthCheck::new(CheckName::new("web").unwrap(), kind) }
}

/// From here on the clock stands while anything happens, and goes to the next deadline when nothing does.
fn let_time_run_out() {
    tokio::time::pause();
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Good => "good".to_owned(),
        Outcome::Bad(failure) => failure.to_string(),
        Outcome::Unmeasured(why) => format!("unmeasured: {why}"),
        Outcome::Behind(by) => format!("behind itself by {by:?}"),
    }
}

async fn judge(kind: CheckKind, address: SocketAddr) -> String {
    words(&probe(&Tools::default(), &check(PATIENT, kind), address).await.outcome)
}

/// A certificate for this name, as PEM, and what a server shows it with.
fn certificate(name: &str) -> (Arc<str>, rustls::ServerConfig) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key_der = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key_der)
        .unwrap();
    (certificate.pem().into(), config)
}

/// A server of HTTP/1.1, over TLS if told, that answers each path with a status, headers and a body.
async fn http1(
    tls: Option<rustls::ServerConfig>,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream: Box<dyn Both> = match &acceptor {
                None => Box::new(stream),
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n")
                && stream.read_buf(&mut request).await.is_ok_and(|len| len > 0)
            {}
            let text = String::from_utf8_lossy(&request).into_owned();
            let _ = stream.write_all(answer(&text).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

/// A server that speaks first and understands nothing.
async fn greeter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            // Read on: closing with unread bytes would reset the connection and take the answer along.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    address
}

trait Both: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Both for T {}

/// A server of HTTP/2 that answers as told: headers with status, body, trailers.
async fn http2(
    tls: Option<rustls::ServerConfig>,
    answer: impl Fn(&Request<()>, &[u8]) -> (Response<()>, Vec<u8>, Option<http::HeaderMap>)
    + Send
    + Sync
    + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(|mut tls| {
        tls.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(tls))
    });
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream: Box<dyn Both> = match &acceptor {
                None => Box::new(stream),
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => continue,
                },
            };
            let answer = answer.clone();
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let answer = answer.clone();
                    tokio::spawn(async move {
                        let (parts, mut body) = request.into_parts();
                        let mut asked = Vec::new();
                        while let Some(Ok(data)) = body.data().await {
                            asked.extend_from_slice(&data);
                        }
                        let (head, bytes, trailers) = answer(&Request::from_parts(parts, ()), &asked);
                        let is_all = bytes.is_empty() && trailers.is_none();
                        let mut stream = respond.send_response(head, is_all).unwrap();
                        if !is_all {
                            stream.send_data(Bytes::from(bytes), trailers.is_none()).unwrap();
                        }
                        if let Some(trailers) = trailers {
                            stream.send_trailers(trailers).unwrap();
                        }
                    });
                }
            });
        }
    });
    address
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn http(change: impl FnOnce(&mut HttpCheck)) -> CheckKind {
    let mut http = HttpCheck::new("/healthz");
    change(&mut http);
    CheckKind::Http(Box::new(http))
}

#[tokio::test]
async fn certificates_are_verified_unless_told_otherwise() {
    let (pem, config) = certificate("www.example.test");
    let address = http1(Some(config), |_| ok("fine")).await;
    let with = |tls: CheckTls, host: Option<&str>| {
        http(|http| {
            http.tls = Some(tls);
            http.host = host.map(str::to_owned);
        })
    };
    let ours = CheckTls { authorities: Some(pem), ..CheckTls::default() };
    assert_eq!(judge(with(ours.clone(), Some("www.example.test")), address).await, "good");
    let named = CheckTls { server_name: Some("www.example.test".to_owned()), ..ours.clone() };
    assert_eq!(judge(with(named, None), address).await, "good");
    let other = judge(with(ours, Some("other.example.test")), address).await;
    assert!(
        other.starts_with("TLS failed: invalid peer certificate: certificate not valid for name"),
        "{other}"
    );
    let public = judge(with(CheckTls::default(), Some("www.example.test")), address).await;
    assert!(public.starts_with("TLS failed: invalid peer certificate: "), "{public}");
    let any = CheckTls { verify: false, ..CheckTls::default() };
    assert_eq!(judge(with(any, None), address).await, "good");
}

#[tokio::test]
async fn an_endpoint_without_tls_is_told_so() {
    let address = greeter().await;
    let tls = http(|http| http.tls = Some(CheckTls::default()));
    let said = judge(tls, address).await;
    assert!(said.starts_with("TLS failed: "), "{said}");
}

#[tokio::test]
async fn bodies_match_expressions_and_headers_are_sent() {
    let address = http1(None, |request| {
        ok(if request.contains("\r\nx-probe: 1\r\n") && request.contains("\r\naccept: text/plain\r\n") {
            "state: ready 17"
        } else {
            "state: who asks?"
        })
    })
    .await;
    let kind = |with: bool| {
        http(|http| {
            http.body_regex = Some(Pattern::new("ready [0-9]+$").unwrap());
            if with {
                http.headers = vec![
                    ("x-probe".to_owned(), "1".to_owned()),
                    ("accept".to_owned(), "text/plain".to_owned()),
                ];
            }
        })
    };
    assert_eq!(judge(kind(true), address).await, "good");
    assert_eq!(
        judge(kind(false), address).await,
        "the first 16 bytes of the body do not match \"ready [0-9]+$\""
    );
}

#[tokio::test]
async fn sets_of_statuses_and_head_requests() {
    let address = http1(None, |request| {
        let status = if request.starts_with("HEAD ") { "304 Not Modified" } else { "404 Not Found" };
        format!("HTTP/1.1 {status}\r\nContent-Length: 500\r\n\r\n")
    })
    .await;
    let kind = |method| {
        http(|http| {
            http.method = method;
            http.status = vec![StatusRange { from: 200, to: 299 }, StatusRange { from: 304, to: 304 }];
        })
    };
    assert_eq!(judge(kind(Method::Head), address).await, "good");
    assert_eq!(judge(kind(Method::Get), address).await, "answered 404, want 200-299,304");
}

#[tokio::test]
async fn redirects_are_followed_so_far_and_never_in_circles() {
    let address = http1(None, |request| {
        let to = |path: &str| format!("HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n");
        match request.split(' ').nth(1).unwrap() {
            "/healthz" => to("/one"),
            "/one" => to("two"),
            "/two" => ok("there"),
            "/circle" => to("/round"),
            "/round" => to("/circle"),
            _ => to("http://elsewhere.test/"),
        }
    })
    .await;
    let kind = |path: &str, follow| {
        http(|http| {
            http.path = path.to_owned();
            http.follow_redirects = follow;
            http.status = vec![StatusRange { from: 200, to: 299 }];
        })
    };
    assert_eq!(judge(kind("/healthz", 0), address).await, "answered 302, want 200-299");
    assert_eq!(judge(kind("/healthz", 1), address).await, "more than 1 redirects");
    assert_eq!(judge(kind("/healthz", 2), address).await, "good");
    assert_eq!(
        judge(kind("/circle", 10), address).await,
        "its redirects go in circles: \"/circle\" was asked for before"
    );
    let away = judge(kind("/away", 3), address).await;
    assert!(
        away.starts_with("it redirects to \"http://elsewhere.test/\", which is not this endpoint"),
        "{away}"
    );
}

#[tokio::test]
async fn http2_with_and_without_tls() {
    let answer = |request: &Request<()>, _: &[u8]| {
        let is_right = request.uri().path() == "/healthz" && request.uri().authority().is_some();
        let status = if is_right { 200 } else { 500 };
        (Response::builder().status(status).body(()).unwrap(), b"ok 2".to_vec(), None)
    };
    let kind = |tls: Option<CheckTls>, body: &str| {
        http(|http| {
            http.version = EndpointHttp::Http2;
            http.body = Some(body.to_owned());
            http.tls = tls;
        })
    };
    let plain = http2(None, answer).await;
    assert_eq!(judge(kind(None, "ok"), plain).await, "good");
    assert_eq!(judge(kind(None, "no"), plain).await, "the first 4 bytes of the body do not hold \"no\"");
    let (pem, config) = certificate("127.0.0.1");
    let secure = http2(Some(config), answer).await;
    let tls = CheckTls { authorities: Some(pem), ..CheckTls::default() };
    assert_eq!(judge(kind(Some(tls), "ok"), secure).await, "good");
    let (pem, config) = certificate("127.0.0.1");
    let old = http1(Some(config), |_| ok("ok")).await;
    let tls = CheckTls { authorities: Some(pem), ..CheckTls::default() };
    assert_eq!(judge(kind(Some(tls), "ok"), old).await, "its TLS does not offer HTTP/2 (ALPN h2)");
    let no = judge(kind(None, "ok"), greeter().await).await;
    assert!(
        no == "what it answered is not HTTP/2"
            || no == "the connection was closed before the answer was complete",
        "{no}"
    );
}

#[tokio::test]
async fn a_body_that_never_ends_fails_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        // So slowly that 64 KiB, after which the body is judged, take far longer than the check has.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let mut sent = 0;
        while stream.write_all(b"x").await.is_ok() {
            sent += 1;
            if sent == 20 {
                // In so many rounds of this one thread the probe has read the head.
                let_time_run_out();
            }
            pace.tick().await;
        }
    });
    let kind = http(|http| http.body_regex = Some(Pattern::new("end$").unwrap()));
    assert_eq!(judge(kind, address).await, "the answer did not end within 1m");
}

#[tokio::test]
async fn tcp_sends_and_expects() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 6];
            if stream.read_exact(&mut asked).await.is_ok() && &asked == b"PING\r\n" {
                let _ = stream.write_all(b"+PO").await;
                let _ = stream.write_all(b"NG\r\n").await;
            }
        }
    });
    let kind = |expect: &str| {
        CheckKind::Tcp(TcpCheck {
            send: Some("PING\r\n".to_owned()),
            expect: Some(expect.to_owned()),
            tls: None,
        })
    };
    assert_eq!(judge(kind("+PONG"), address).await, "good");
    assert_eq!(judge(kind("-ERR"), address).await, "the first 7 bytes of what it said do not hold \"-ERR\"");
}

#[tokio::test]
async fn grpc_health_is_asked_by_service() {
    let address = http2(None, |request, asked| {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let head = Response::builder().header("content-type", "application/grpc");
        match &asked[5..] {
            b"" => (head.body(()).unwrap(), vec![0, 0, 0, 0, 2, 8, 1], Some(trailers)),
            b"\x0a\x04cart" => (head.body(()).unwrap(), vec![0, 0, 0, 0, 2, 8, 2], Some(trailers)),
            _ => {
                let head = head.header("grpc-status", "5").header("grpc-message", "unknown service");
                (head.body(()).unwrap(), Vec::new(), None)
            }
        }
    })
    .await;
    let kind =
        |service: &str| CheckKind::Grpc(GrpcCheck { service: service.to_owned(), ..GrpcCheck::default() });
    assert_eq!(judge(kind(""), address).await, "good");
    assert_eq!(judge(kind("cart"), address).await, "the health service says NOT_SERVING");
    assert_eq!(judge(kind("x"), address).await, "gRPC status 5 (NOT_FOUND): unknown service");
}

/// Answers over UDP with the truncation bit, over TCP with two records, for the name of the question.
async fn dns_server(code: u8) -> SocketAddr {
    let (udp, tcp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The other protocol's port of this number may be taken.
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((len, from)) = udp.recv_from(&mut buffer).await {
            let mut answer = question_of(&buffer[..len]);
            answer[2] |= 0x82; // a response, cut
            let _ = udp.send_to(&answer, from).await;
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let len = stream.read_u16().await.unwrap();
            let mut asked = vec![0; usize::from(len)];
            stream.read_exact(&mut asked).await.unwrap();
            let mut answer = question_of(&asked);
            answer[2] |= 0x80;
            answer[3] |= code;
            if code == 0 {
                answer[7] = 2;
                for last in [1, 2] {
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, last]);
                }
            }
            stream.write_u16(answer.len() as u16).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

/// Header and question alone: behind them stands an OPT record of eleven bytes.
fn question_of(asked: &[u8]) -> Vec<u8> {
    let mut answer = asked[..asked.len() - 11].to_vec();
    answer[11] = 0;
    answer
}

#[tokio::test]
async fn dns_is_asked_over_udp_then_tcp() {
    let kind = |answers: &[&str], answers_min| {
        CheckKind::Dns(Box::new(DnsCheck {
            name: DnsName::new("www.example.test.").unwrap(),
            of: QueryType::A,
            rcodes: vec![0],
            answers: answers.iter().map(|&answer| answer.to_owned()).collect(),
            answers_min,
        }))
    };
    let good = dns_server(0).await;
    assert_eq!(judge(kind(&["10.0.0.2"], 2), good).await, "good");
    assert_eq!(judge(kind(&[], 3), good).await, "the answer has 2 records of type A, want 3");
    assert_eq!(
        judge(kind(&["10.0.0.9"], 1), good).await,
        "the answer does not hold \"10.0.0.9\", it has \"10.0.0.1, 10.0.0.2\""
    );
    assert_eq!(judge(kind(&[], 0), dns_server(2).await).await, "answered SERVFAIL, want NOERROR");
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let_time_run_out();
    assert_eq!(judge(kind(&[], 0), silent.local_addr().unwrap()).await, "no answer within 1m");
}

async fn run(command: &[&str]) -> String {
    let tools = Tools::new(vec!["/bin/sh".to_owned(), "/bin/none".to_owned()]);
    let command = CommandCheck { command: command.iter().map(|&part| part.to_owned()).collect() };
    let nowhere = "0.0.0.0:0".parse().unwrap();
    words(&probe(&tools, &check(PATIENT, CheckKind::Command(command)), nowhere).await.outcome)
}

#[tokio::test]
async fn commands_are_judged_by_their_end() {
    assert_eq!(run(&["/bin/sh", "-c", "test \"$HOLDFAST_CHECK\" = web"]).await, "good");
    assert_eq!(
        run(&["/bin/sh", "-c", "echo full; exit 3"]).await,
        "the command ended with exit status: 3: full"
    );
    assert_eq!(
        run(&["/bin/sh", "-c", "while :; do echo on and on; done"]).await,
        "the command wrote more than 65536 bytes"
    );
    let missing = run(&["/bin/none"]).await;
    assert!(missing.starts_with("unmeasured: /bin/none cannot be run: "), "{missing}");
    let forbidden = run(&["/bin/true"]).await;
    assert!(
        forbidden.starts_with("unmeasured: this node does not allow checks to run /bin/true; add it"),
        "{forbidden}"
    );
}

/// Waits until a command has written all of these files.
async fn wait_until_there(files: &[&std::path::Path]) {
    let deadline = tokio::time::Instant::now() + PATIENT;
    while !files.iter().all(|file| file.exists()) {
        assert!(tokio::time::Instant::now() < deadline, "the command did not begin: {files:?}");
        tokio::task::yield_now().await;
    }
}

/// Waits until the process whose number a command wrote into the file is gone.
async fn wait_until_gone(file: &std::path::Path) {
    let child: u32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let deadline = tokio::time::Instant::now() + PATIENT;
    // One that was killed is a zombie at most, until its new parent has looked.
    let is_gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    while !is_gone() {
        assert!(tokio::time::Instant::now() < deadline, "process {child} of {} lives on", file.display());
        tokio::task::yield_now().await;
    }
}

fn folder(of: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("hf-probe-{}-{of}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_command_is_killed_with_all_that_it_started() {
    let folder = folder("tree");
    let [child, grandchild, apart] = ["child", "grandchild", "apart"].map(|name| folder.join(name));
    let script = format!(
        "sleep 600 & echo $! > {0}.new; mv {0}.new {0}; sh -c 'sleep 600 & echo $! > {1}.new; mv {1}.new {1}; wait' & \
         setsid sh -c 'echo $$ > {2}.new; mv {2}.new {2}; exec sleep 600' & wait",
        child.display(),
        grandchild.display(),
        apart.display()
    );
    let probe = tokio::spawn(async move { run(&["/bin/sh", "-c", &script]).await });
    wait_until_there(&[&child, &grandchild, &apart]).await;
    let_time_run_out();
    assert_eq!(probe.await.unwrap(), "the command did not end within 1m");
    tokio::time::resume();
    for file in [&child, &grandchild, &apart] {
        wait_until_gone(file).await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_command_that_ends_leaves_nothing_behind() {
    let folder = folder("left");
    let child = folder.join("child");
    // What stays holds the output open, too: the answer does not wait for it.
    let script = format!("sleep 600 & echo $! > {}; exit 0", child.display());
    assert_eq!(run(&["/bin/sh", "-c", &script]).await, "good");
    wait_until_gone(&child).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

/// It has left the group and its parent has ended, and it holds the output open.
#[tokio::test]
async fn a_command_that_ends_leaves_no_daemon_behind() {
    let folder = folder("daemon");
    let [daemon, its_child] = ["daemon", "child"].map(|name| folder.join(name));
    let script = format!(
        "(setsid sh -c 'sleep 600 & echo $! > {1}.new; mv {1}.new {1}; echo $$ > {0}.new; mv {0}.new {0}; wait' &); \
         until test -e {0}; do :; done",
        daemon.display(),
        its_child.display()
    );
    assert_eq!(run(&["/bin/sh", "-c", &script]).await, "good");
    for file in [&daemon, &its_child] {
        wait_until_gone(file).await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// At the time-out its parent has ended long ago.
#[tokio::test]
async fn a_daemon_goes_with_its_command_at_the_time_out() {
    let folder = folder("daemon-late");
    let daemon = folder.join("daemon");
    let script = format!(
        "(setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' > /dev/null 2>&1 &); exec sleep 600",
        daemon.display()
    );
    let probe = tokio::spawn(async move { run(&["/bin/sh", "-c", &script]).await });
    wait_until_there(&[&daemon]).await;
    let_time_run_out();
    assert_eq!(probe.await.unwrap(), "the command did not end within 1m");
    tokio::time::resume();
    wait_until_gone(&daemon).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_command_goes_with_the_probe_that_is_given_up() {
    let folder = folder("given-up");
    let apart = folder.join("apart");
    let script =
        format!("setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' & wait", apart.display());
    let probe = tokio::spawn(async move { run(&["/bin/sh", "-c", &script]).await });
    wait_until_there(&[&apart]).await;
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    wait_until_gone(&apart).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn metrics_are_held_against_the_threshold() {
    let address = http1(None, |request| {
        let result = match request.split("query=").nth(1).unwrap().split(' ').next().unwrap() {
            "a%7Bb%3D%22c%22%7D" => r#"{"resultType":"vector","result":[{"metric":{"zone":"a"},"value":[1,"0.01"]},{"metric":{"zone":"b"},"value":[1,"0.2"]}]}"#,
            "one" => r#"{"resultType":"scalar","result":[1,"0.04"]}"#,
            "none" => r#"{"resultType":"vector","result":[]}"#,
            "nan" => r#"{"resultType":"scalar","result":[1,"NaN"]}"#,
            "html" => return ok("<html>log in</html>"),
            "secret" => return "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned(),
            _ => return ok(r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#),
        };
        ok(&format!(r#"{{"status":"success","data":{result}}}"#))
    })
    .await;
    let kind = |query: &str, missing| {
        CheckKind::Metric(Box::new(MetricCheck {
            query: query.to_owned(),
            good: Threshold::Below("0.05".to_owned()),
            missing,
            path: "/api/v1/query".to_owned(),
            host: None,
            headers: Vec::new(),
            tls: None,
        }))
    };
    assert_eq!(judge(kind("one", Missing::Unknown), address).await, "good");
    assert_eq!(
        judge(kind("a{b=\"c\"}", Missing::Unknown), address).await,
        "the value is 0.2 of {zone=b}, want lt 0.05"
    );
    assert_eq!(
        judge(kind("none", Missing::Bad), address).await,
        "no value: the query gives no value: nothing matches it, or nothing is scraped"
    );
    assert_eq!(
        judge(kind("nan", Missing::Unknown), address).await,
        "unmeasured: the query gives NaN, which is no number: it divides nothing by nothing; let it say what counts then"
    );
    assert_eq!(
        judge(kind("x", Missing::Unknown), address).await,
        "unmeasured: the query failed: parse error"
    );
    assert_eq!(
        judge(kind("html", Missing::Unknown), address).await,
        "unmeasured: answered 200 and no result of a query: expected value at line 1 column 1; correct `address` and `path`"
    );
    assert_eq!(
        judge(kind("secret", Missing::Unknown), address).await,
        "unmeasured: answered 401, which wants a credential; give one in `headers`"
    );
}

#[tokio::test]
async fn an_inverted_check_turns_results_round() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inverted = HealthCheck { inverted: true, ..check(PATIENT, CheckKind::tcp()) };
    let outcome = probe(&Tools::default(), &inverted, address).await.outcome;
    assert_eq!(words(&outcome), "it is good, and the check is inverted");
    drop(listener);
    assert_eq!(probe(&Tools::default(), &inverted, address).await.outcome, Outcome::Good);
}
