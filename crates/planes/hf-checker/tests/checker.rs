//! The whole checker against real sockets.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_checker::{Checker, CheckerConfig};
use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_config::read_estate;
use hf_control::Intent;
use hf_decide::Decision;
use hf_health::{Table, Verdicts};
use hf_model::{NodeId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// No test waits longer than this for what has to come.
const DEADLINE: Duration = Duration::from_secs(20);

/// An endpoint whose answer can be changed while it runs.
struct Web {
    address: SocketAddr,
    status: watch::Sender<u16>,
}

impl Web {
    async fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (status, current) = watch::channel(200);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = format!("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", *current.borrow());
                // Read first: closing with unread bytes would reset the connection and take the answer along.
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n")
                    && stream.read_buf(&mut request).await.is_ok_and(|len| len > 0)
                {}
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Web { address, status }
    }
}

/// An estate with one pool of these endpoints, and one without a check.
fn snapshot(endpoints: &[SocketAddr]) -> Arc<Snapshot> {
    let endpoints: Vec<String> =
        endpoints.iter().map(|address| format!("{{ address = \"{address}\", zone = \"z1\" }}")).collect();
    let toml = format!(
        r#"
        [[region]]
        id = "r1"
        [[zone]]
        id = "z1"
        region = "r1"
        [[health_check]]
        name = "web"
        kind = "http"
        path = "/healthz"
        interval = "100ms"
        timeout = "100ms"
        rise = 2
        fall = 2
        [[pool]]
        name = "plain"
        protocol = "tcp"
        endpoints = [{{ address = "127.0.0.1:9", zone = "z1" }}]
        [[pool]]
        name = "web"
        protocol = "http"
        health_check = "web"
        endpoints = [{}]
        "#,
        endpoints.join(", ")
    );
    let bundle = EstateBundle { toml, ..EstateBundle::default() };
    let estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(Snapshot {
        number: 1,
        made_at: Timestamp(0),
        intent: Arc::new(Intent::default()),
        verdicts: Verdicts::unknown(estate.subject_count()),
        estate: Arc::new(estate),
        break_glass: vec![],
        decision: Decision { pools: vec![], records: vec![], trees: vec![], zones: vec![] },
    })
}

struct Running {
    checker: Checker,
    clock: Clock,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    tables: watch::Receiver<Option<Table>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start() -> Running {
        let clock = Clock::manual(Timestamp(1_000));
        let config =
            CheckerConfig::new(NodeId::new("n1").unwrap(), ZoneId::new("z1").unwrap(), clock.clone());
        let checker = Checker::new(config);
        let (snapshots, source) = watch::channel(None);
        let (sender, tables) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn({
            let checker = checker.clone();
            async move { checker.run(source, sender, stopped).await }
        });
        Running { checker, clock, snapshots, tables, stop, task }
    }

    /// Waits until the table says this: `?` unknown, `+` healthy, `-` unhealthy.
    async fn until(&self, want: &str) -> Table {
        let says = |table: &Table| -> String {
            let sign = |at| match (table.known.get(at), table.healthy.get(at)) {
                (false, _) => '?',
                (true, true) => '+',
                (true, false) => '-',
            };
            // The last bit is that of the check itself, which does not stand by itself.
            (0..table.known.len() - 1).map(sign).collect()
        };
        let mut tables = self.tables.clone();
        let found = tables.wait_for(|table| table.as_ref().is_some_and(|table| says(table) == want));
        match tokio::time::timeout(DEADLINE, found).await {
            Ok(table) => table.unwrap().clone().unwrap(),
            Err(late) => panic!("{late}: want {want}, have {:?}", self.tables.borrow().as_ref().map(says)),
        }
    }
}

#[tokio::test]
async fn tables_follow_what_the_endpoints_do_and_what_the_estate_says() {
    let (one, two, three) = (Web::start().await, Web::start().await, Web::start().await);
    two.status.send_replace(503);
    let running = Running::start();
    assert_eq!(*running.tables.borrow(), None, "nothing to say before there is an estate");

    let first = snapshot(&[one.address, two.address]);
    running.snapshots.send_replace(Some(first.clone()));
    let table = running.until("?+-").await;
    assert_eq!(table.checker.as_str(), "n1");
    assert_eq!(table.zone.as_str(), "z1");
    assert_eq!(table.estate, first.estate.digest);
    assert_eq!(table.made_at, Timestamp(1_000));
    let failures: Vec<_> =
        running.checker.evidence().into_iter().filter_map(|evidence| evidence.last_failure).collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].text, "answered 503, want 200-399");

    running.clock.set(Timestamp(2_000));
    one.status.send_replace(500);
    two.status.send_replace(200);
    let table = running.until("?-+").await;
    assert_eq!(table.made_at, Timestamp(2_000));

    // The third is new and the second stays; the bits move with their endpoints.
    let second = snapshot(&[three.address, two.address]);
    running.snapshots.send_replace(Some(second.clone()));
    let mut tables = running.tables.clone();
    let renewed =
        tables.wait_for(|table| table.as_ref().is_some_and(|table| table.estate == second.estate.digest));
    let renewed = tokio::time::timeout(DEADLINE, renewed).await.unwrap().unwrap().clone().unwrap();
    assert!(
        renewed.known.get(2) && renewed.healthy.get(2),
        "known from the first table of the new estate on"
    );
    running.until("?++").await;

    running.stop.send_replace(true);
    tokio::time::timeout(DEADLINE, running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn it_goes_on_when_nobody_sends_snapshots_any_more() {
    let one = Web::start().await;
    let mut running = Running::start();
    running.snapshots.send_replace(Some(snapshot(&[one.address])));
    running.until("?+").await;
    running.snapshots = watch::channel(None).0;
    one.status.send_replace(503);
    running.until("?-").await;
    assert_eq!(running.checker.load().jobs, 1);
}
