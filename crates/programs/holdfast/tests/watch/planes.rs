//! Real planes of zone status inside of a test, each with a mind of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_consumers::Told;
use hf_control::{Intent, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// For a condition to come about.
pub const DEADLINE: Duration = Duration::from_mins(1);

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
"#;

const ESTATE_WITHOUT_A: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "b"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [{ address = "10.0.0.2:80", zone = "b" }, { address = "10.0.0.3:80", zone = "b" }]
"#;

/// One plane; it stops when this is dropped.
pub struct Plane {
    pub address: SocketAddr,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    stop: watch::Sender<bool>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Plane {
    /// One that says this of zone `a`.
    pub async fn start(is_away: bool) -> Plane {
        let (snapshots, told) = watch::channel(Some(snapshot(7, is_away)));
        let consumers = Consumers::default();
        let listen = "127.0.0.1:0".parse().unwrap();
        let bound = hf_status::bind(listen, told, Clock::system(), consumers.clone()).await.unwrap();
        let (stop, stops) = watch::channel(false);
        let address = bound.address();
        tokio::spawn(bound.run(stops));
        Plane { address, snapshots, consumers, stop }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it says this of zone `a`, one revision later.
    pub fn say(&self, is_away: bool) {
        let before = self.snapshots.borrow().as_ref().map_or(0, |snapshot| snapshot.intent.revision.0);
        self.snapshots.send_replace(Some(snapshot(before + 1, is_away)));
    }

    /// From now on it has no zone `a`, one revision later.
    pub fn say_nothing_of_a(&self) {
        let before = self.snapshots.borrow().as_ref().map_or(0, |snapshot| snapshot.intent.revision.0);
        self.snapshots.send_replace(Some(snapshot_of(ESTATE_WITHOUT_A, before + 1, false)));
    }

    /// What an instance told of itself.
    pub fn told(&self, instance: &str) -> Option<Told> {
        self.consumers.told().into_iter().find(|told| told.instance.to_string() == instance)
    }
}

fn snapshot(revision: u64, is_away: bool) -> Arc<Snapshot> {
    snapshot_of(ESTATE, revision, is_away)
}

fn snapshot_of(estate: &str, revision: u64, is_away: bool) -> Arc<Snapshot> {
    let now = Clock::system().now();
    let bundle = EstateBundle { toml: estate.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let mut intent = Intent { revision: Revision(revision), estate: bundle, ..Intent::default() };
    if is_away {
        intent.shifts.push(shift(now, revision));
    }
    let verdicts = Verdicts { of: vec![Verdict::Healthy; 2] };
    Arc::new(Snapshot::build(revision, now, Arc::new(intent), estate, Vec::new(), verdicts))
}

fn shift(now: Timestamp, revision: u64) -> Shift {
    Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        scope: "everything".parse().unwrap(),
        reason: "a power cut".to_owned(),
        by: Operator::new("ann"),
        started_at: now,
        ends_at: now.plus(Duration::from_mins(30)),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(revision),
    }
}

/// A way to a plane on which, once told so, nothing of a stream of events comes through any more, while its connection stands.
pub async fn deaf_to_push(to: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (deafen, is_deaf) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, to, true, is_deaf.clone(), Arc::default()));
        }
    });
    (address, deafen)
}

/// A way to a plane on which no poll comes through, and how many streams of events were opened on it.
pub async fn deaf_to_polls(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, hears) = watch::channel(false);
    let streams = Arc::new(AtomicUsize::new(0));
    let counted = streams.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, to, false, hears.clone(), counted.clone()));
        }
    });
    (address, streams)
}

async fn pass(
    mut client: TcpStream,
    to: SocketAddr,
    with_polls: bool,
    is_deaf: watch::Receiver<bool>,
    streams: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    let mut plane = TcpStream::connect(to).await?;
    let (mut asked, mut told) = ([0; 8_192], [0; 8_192]);
    let mut is_stream = false;
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                if !with_polls && asked.starts_with(b"GET /status") {
                    return Ok(());
                }
                if asked.starts_with(b"GET /watch") {
                    is_stream = true;
                    streams.fetch_add(1, Ordering::Relaxed);
                }
                plane.write_all(&asked[..count]).await?;
            }
            count = plane.read(&mut told) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                if !(is_stream && *is_deaf.borrow()) {
                    client.write_all(&told[..count]).await?;
                }
            }
        }
    }
}

/// Waits until `is_so`, with a deadline.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + DEADLINE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < end, "waited {DEADLINE:?} until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
