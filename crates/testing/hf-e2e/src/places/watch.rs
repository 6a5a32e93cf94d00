//! Watches every data plane over the feed: each says what it obeys as soon as it does, and on every beat.
//!
//! 1. The watcher is a node of its own in the clients' namespace that dials every plane, tells them nothing, and hears no control node.
//! 2. What a plane obeys never goes back while a process of it runs. One that was killed begins with what its disk has, which may be the
//!    snapshot before the last one: that is counted.
//! 3. Times are those of the watcher: from when it heard.
//!
//! Not here: what planes answer to clients (`Places::serves`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use hf_config::node::TlsConfig;
use hf_feed::{Feed, FeedConfig, Incoming, Message, NodeReport, Now, Outgoing};
use hf_model::{NodeId, Revision, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::layout::{CLIENT_ADDRESS, PLANES, plane_address, plane_name};

/// Revisions whose first instants are kept for each plane: more than any run commits while somebody measures.
const INSTANTS: usize = 4_096;

/// What one plane has said.
#[derive(Clone, Debug, Default)]
pub struct Plane {
    /// The newest revision that it obeys.
    pub revision: u64,
    /// The process that said so, by when it began.
    started_at: u64,
    snapshot: u64,
    /// When each revision, or one beyond it, was first obeyed.
    since: BTreeMap<u64, Instant>,
    /// When it was first heard to obey a break-glass act.
    pub broke_glass: Option<Instant>,
    /// Reports that were heard.
    pub heard: u64,
    /// Starts from a snapshot that was not its newest.
    pub older_starts: u64,
}

#[derive(Debug, Default)]
struct Seen {
    planes: BTreeMap<String, Plane>,
    wrong: Option<String>,
}

/// Watches until it is dropped.
pub struct Watcher {
    seen: Arc<Mutex<Seen>>,
    news: watch::Receiver<u64>,
    tasks: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
}

impl Watcher {
    /// Begins. Within a runtime whose threads are in the clients' namespace.
    pub async fn begin(folder: &Path) -> Watcher {
        let node = NodeId::new("watcher").expect("letters");
        let file = |name: &str| folder.join("certs").join(name);
        let config = FeedConfig {
            node: node.clone(),
            zone: None,
            roles: Vec::new(),
            version: "0".to_owned(),
            listen: SocketAddr::from((CLIENT_ADDRESS, 7602)),
            peers: (0..PLANES).map(|plane| SocketAddr::from((plane_address(plane), 7602))).collect(),
            tls: Some(TlsConfig {
                ca: file("ca.pem"),
                certificate: file("watcher.pem"),
                key: file("watcher.key"),
            }),
            beat: Duration::from_secs(1),
            now: Now::new(now),
            seed: 7,
        };
        let feed = Feed::bind(config).await.expect("a port and certificates of our own");
        let report = silent(node);
        let (said, outgoing) = watch::channel(Outgoing::only(report));
        let (incoming_to, incoming) = mpsc::channel(1_024);
        let (stop, stopped) = watch::channel(false);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (news_to, news) = watch::channel(0);
        let feed = tokio::spawn(async move {
            feed.run(outgoing, incoming_to, stopped).await;
            drop(said); // until now: a feed whose sender is gone would end
        });
        let listens = tokio::spawn(listen(incoming, seen.clone(), news_to));
        Watcher { seen, news, tasks: vec![feed, listens], _stop: stop }
    }

    /// What every plane has said, by name.
    pub fn planes(&self) -> BTreeMap<String, Plane> {
        self.seen.lock().expect("nobody panics with it").planes.clone()
    }

    /// What is wrong.
    pub fn wrong(&self) -> Option<String> {
        self.seen.lock().expect("nobody panics with it").wrong.clone()
    }

    /// Planes that are not known to obey `revision` yet.
    pub fn behind(&self, revision: u64) -> Vec<String> {
        let seen = self.seen.lock().expect("nobody panics with it");
        let reached = |name: &String| seen.planes.get(name).map_or(0, |plane| plane.revision);
        let names = (0..PLANES).map(plane_name).filter(|name| reached(name) < revision);
        names.map(|name| format!("{name} at {}", reached(&name))).collect()
    }

    /// Waits until all planes obey `revision`; when each was heard to.
    ///
    /// # Errors
    ///
    /// Those that do not within `deadline`.
    pub async fn all_obey(&self, revision: u64, deadline: Duration) -> Result<Vec<Instant>, String> {
        let mut news = self.news.clone();
        let all = async {
            while !self.behind(revision).is_empty() {
                if news.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(deadline, all).await; // who is behind is told below
        let behind = self.behind(revision);
        if !behind.is_empty() {
            return Err(format!("after {deadline:?} not at revision {revision}: {}", behind.join(", ")));
        }
        let planes = self.planes();
        Ok(planes.values().filter_map(|plane| Some(*plane.since.range(revision..).next()?.1)).collect())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(mut incoming: mpsc::Receiver<Incoming>, seen: Arc<Mutex<Seen>>, news: watch::Sender<u64>) {
    while let Some(Incoming { message, .. }) = incoming.recv().await {
        if let Message::Report(report) = message {
            seen.lock().expect("nobody panics with it").take(&report);
            news.send_modify(|count| *count += 1);
        }
    }
}

impl Seen {
    fn take(&mut self, report: &NodeReport) {
        let name = report.node.to_string();
        let plane = self.planes.entry(name.clone()).or_default();
        let (started_at, revision) = (report.started_at.0, report.revision.0);
        plane.heard += 1;
        if !report.break_glass.is_empty() {
            plane.broke_glass.get_or_insert_with(Instant::now);
        }
        // A report on an old connection may come late; one of an older process or snapshot is no step back.
        if started_at < plane.started_at
            || started_at == plane.started_at && report.snapshot_number < plane.snapshot
        {
            return;
        }
        if report.snapshot_number == 0 {
            return; // it has just begun, obeys nothing, and answers nothing
        }
        if revision < plane.revision {
            if started_at == plane.started_at {
                let what = format!("{name} went back from revision {} to {revision}", plane.revision);
                self.wrong.get_or_insert(what);
            }
            plane.older_starts += 1;
        }
        (plane.started_at, plane.snapshot) = (started_at, report.snapshot_number);
        if revision != plane.revision {
            plane.revision = revision;
            plane.since.entry(revision).or_insert_with(Instant::now);
            if plane.since.len() > INSTANTS {
                plane.since.pop_first();
            }
        }
    }
}

fn now() -> Timestamp {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A report of one that does nothing.
fn silent(node: NodeId) -> NodeReport {
    NodeReport {
        node,
        zone: None,
        roles: Vec::new(),
        version: "0".to_owned(),
        started_at: Timestamp(0),
        sent_at: Timestamp(0),
        api: None,
        status: None,
        api_key: None,
        snapshot_number: 0,
        revision: Revision(0),
        estate: None,
        booted_from_disk: false,
        contact: None,
        break_glass: Vec::new(),
        refused_intent: None,
        notices: std::collections::BTreeMap::new(),
        estate_file_problem: None,
        ledger_problem: None,
        node_problem: None,
        activity: Vec::new(),
        activity_left_out: 0,
    }
}
