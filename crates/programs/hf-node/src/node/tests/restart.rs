//! A balancer that starts again in the middle of an incident.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::balancer_state;

/// Answers checks well, and requests well or with 500.
struct App {
    address: SocketAddr,
    checks: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl App {
    async fn start(status: u16) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app =
            App { address: listener.local_addr().unwrap(), checks: Arc::default(), requests: Arc::default() };
        let (checks, requests) = (app.checks.clone(), app.requests.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (checks, requests) = (checks.clone(), requests.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        if !matches!(stream.read(&mut byte).await, Ok(1)) {
                            return;
                        }
                        head.push(byte[0]);
                    }
                    let is_check = head.starts_with(b"GET /healthz ");
                    if is_check { &checks } else { &requests }.fetch_add(1, Ordering::Relaxed);
                    let status = if is_check { 200 } else { status };
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: 1\r\nconnection: close\r\n\r\na");
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        app
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    fn checks(&self) -> usize {
        self.checks.load(Ordering::Relaxed)
    }
}

/// What requests and checks found out is true after a restart too: an endpoint that fails requests stays ejected although its checks are
/// good, a zone whose checks are bad is not tried, and nobody waits for a round of checks.
#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_that_restarts_remembers_who_was_out_and_takes_traffic_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (well, sick) = (App::start(200).await, App::start(500).await);
    let (gone, web) = (nobody(), nobody());
    let estate = format!(
        "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[zone]]\nid = \"b\"\nregion = \"r\"\n\
         [[health_check]]\nname = \"up\"\nkind = \"http\"\npath = \"/healthz\"\ninterval = \"3s\"\n\
         [[pool]]\nname = \"web\"\nprotocol = \"http\"\nlisten = \"{web}\"\nhealth_check = \"up\"\ncross_zone = true\n\
         endpoints = [\n  {{ address = \"{}\", zone = \"a\" }},\n  {{ address = \"{}\", zone = \"a\" }},\n\
           {{ address = \"{gone}\", zone = \"b\" }},\n]\n\
         [pool.ejection]\ntime = \"1m\"\n",
        well.address, sick.address
    );
    std::fs::write(dir.path().join("estate.toml"), estate).unwrap();
    let config = in_world("n1", &[Role::Control, Role::Balancer], &[]);
    let run = async || start(config.clone(), dir.path(), Clock::system(), LostLedger::Refuse).await.unwrap();

    let node = run().await;
    let data_dir = dir.path().join("data/n1");
    let both_are_out = || {
        let known = balancer_state::load(&data_dir, Clock::system().now()).unwrap_or_default();
        let of = |address| known.iter().find(|known| known.address == address);
        of(sick.address).is_some_and(|known| known.ejected_ms > 0 && known.healthy == Some(true))
            && of(gone).is_some_and(|known| known.healthy == Some(false))
    };
    within(async {
        while !both_are_out() {
            ask_web(web).await;
        }
    })
    .await;
    node.stop().await.unwrap();

    let (failed_before, checks_before) = (sick.requests(), well.checks() + sick.checks());
    let node = run().await;
    assert_eq!(within(ask_web(web)).await, "a");
    let checks = well.checks() + sick.checks() - checks_before;
    assert!(checks < 2, "{checks} checks were waited for");
    for _ in 0..30 {
        assert_eq!(within(ask_web(web)).await, "a");
    }
    assert_eq!(sick.requests(), failed_before, "what was ejected stays so");
    node.stop().await.unwrap();
}
