use std::future::Future;
use std::pin::pin;

use hf_control::Intent;
use hf_model::Revision;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::testing::{Authority, node};
use crate::{Message, NodeReport};

const BEAT: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_secs(20);
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// One feed with both its ends in the test's hands.
struct Running {
    address: SocketAddr,
    outgoing: watch::Sender<Outgoing>,
    incoming: mpsc::Receiver<Incoming>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn config(name: &str, peers: &[SocketAddr]) -> FeedConfig {
    FeedConfig {
        node: node(name),
        zone: None,
        roles: vec![Role::Dns],
        version: "0.1.0".to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        peers: peers.to_vec(),
        tls: None,
        beat: BEAT,
        now: Now::new(|| NOW),
        seed: name.bytes().fold(1, |seed, byte| seed * 31 + u64::from(byte)),
    }
}

fn report(name: &str) -> NodeReport {
    NodeReport {
        node: node(name),
        zone: None,
        roles: vec![],
        version: String::new(),
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
        break_glass: vec![],
        refused_intent: None,
        notices: std::collections::BTreeMap::new(),
        estate_file_problem: None,
        ledger_problem: None,
        node_problem: None,
        activity: vec![],
        activity_left_out: 0,
    }
}

async fn start(config: FeedConfig) -> Running {
    let name = config.node.to_string();
    let feed = Feed::bind(config).await.unwrap();
    let address = feed.local_address();
    let first = Outgoing::only(report(&name));
    let (outgoing, outgoing_rx) = watch::channel(first);
    let (incoming_tx, incoming) = mpsc::channel(64);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(feed.run(outgoing_rx, incoming_tx, stopped));
    Running { address, outgoing, incoming, stop, task }
}

impl Running {
    fn say(&self, revision: u64) {
        let mut intent = Intent { revision: Revision(revision), ..Intent::default() };
        intent.estate.toml = "# a comment\n".repeat(20_000);
        self.outgoing.send_modify(|outgoing| outgoing.intent = Some(Arc::new(intent)));
    }

    /// Reads what comes until `found` gives something; passes intents on as a node would.
    async fn until<T>(&mut self, mut found: impl FnMut(&Incoming) -> Option<T>) -> T {
        within(async {
            loop {
                let incoming = self.incoming.recv().await.expect("the feed runs");
                if let Message::Intent { intent: Some(intent), .. } = &incoming.message {
                    self.outgoing.send_modify(|outgoing| outgoing.intent = Some(intent.clone()));
                }
                if let Some(found) = found(&incoming) {
                    return found;
                }
            }
        })
        .await
    }

    async fn until_intent(&mut self, wanted: u64) -> Arc<Intent> {
        self.until(|incoming| match &incoming.message {
            Message::Intent { intent: Some(intent), .. } if intent.revision.0 == wanted => {
                Some(intent.clone())
            }
            _ => None,
        })
        .await
    }

    async fn until_report_of(&mut self, name: &str) {
        let name = node(name);
        self.until(|incoming| match &incoming.message {
            Message::Report(report) if report.node == name => Some(()),
            _ => None,
        })
        .await;
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        within(self.task).await.unwrap();
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, pin!(future)).await.expect("happens before the deadline")
}

#[tokio::test]
async fn intent_reaches_every_peer_through_a_node_between() {
    let control = start(config("control", &[])).await;
    let mut between = start(config("between", &[control.address])).await;
    let mut last = start(config("last", &[between.address])).await;
    control.say(7);
    assert_eq!(between.until_intent(7).await.estate.toml.len(), 240_000);
    assert_eq!(last.until_intent(7).await.revision, Revision(7));
    // The control place is gone; who comes now still learns it.
    control.stop().await;
    let mut late = start(config("late", &[last.address])).await;
    late.until_intent(7).await;
}

#[tokio::test]
async fn an_older_intent_is_named_and_not_carried_again() {
    let mut newer = start(config("newer", &[])).await;
    newer.say(9);
    let older = start(config("older", &[newer.address])).await;
    older.say(3);
    let seen = newer
        .until(|incoming| match &incoming.message {
            Message::Intent { revision, intent } => Some((revision.0, intent.is_some())),
            _ => None,
        })
        .await;
    assert_eq!(seen, (3, false));
}

#[tokio::test]
async fn garbage_ends_its_own_connection_and_no_other() {
    let mut good = start(config("good", &[])).await;
    let mut other = start(config("other", &[good.address])).await;
    other.until_report_of("good").await;
    let sent: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"HFD\x01\x01\xff\xff\xff\xff        ",
        b"HFD\x09\x01\0\0\0\0        ",
        &[0; 64],
    ];
    for bytes in sent {
        let mut bad = TcpStream::connect(good.address).await.unwrap();
        bad.write_all(bytes).await.unwrap();
        // The node says hello, then closes.
        let mut heard = Vec::new();
        let _ = within(bad.read_to_end(&mut heard)).await;
        assert!(heard.len() < 1_000, "{} bytes", heard.len());
    }
    other.until_report_of("good").await;
    good.until_report_of("other").await;
    good.say(1);
    other.until_intent(1).await;
}

#[tokio::test]
async fn a_message_that_speaks_for_another_node_ends_the_connection() {
    let mut honest = start(config("honest", &[])).await;
    let liar = start(config("liar", &[honest.address])).await;
    liar.outgoing.send_modify(|outgoing| outgoing.report = report("somebody-else"));
    let friend = start(config("friend", &[honest.address])).await;
    let name = node("somebody-else");
    honest
        .until(|incoming| match &incoming.message {
            Message::Report(report) => {
                assert_ne!(report.node, name);
                (report.node == node("friend")).then_some(())
            }
            _ => None,
        })
        .await;
    drop(friend);
}

#[tokio::test]
async fn a_peer_that_comes_back_is_found_again() {
    let first = start(config("first", &[])).await;
    let address = first.address;
    let mut dialler = start(config("dialler", &[address])).await;
    dialler.until_report_of("first").await;
    first.stop().await;
    let mut back = start(FeedConfig { listen: address, ..config("first", &[]) }).await;
    back.until_report_of("dialler").await;
    back.say(2);
    dialler.until_intent(2).await;
}

#[tokio::test]
async fn a_silent_peer_is_cut_off() {
    let feed = start(config("n", &[])).await;
    let mut silent = TcpStream::connect(feed.address).await.unwrap();
    let mut heard = Vec::new();
    within(silent.read_to_end(&mut heard)).await.unwrap();
}

#[tokio::test]
async fn a_node_among_its_own_peers_does_no_harm() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let feed = start(FeedConfig { listen: address, ..config("me", &[address]) }).await;
    let mut other = start(config("other", &[address])).await;
    other.until_report_of("me").await;
    drop(feed);
}

#[tokio::test]
async fn two_connections_between_two_nodes_do_no_harm() {
    let mut a = start(config("a", &[])).await;
    let mut b = start(config("b", &[a.address, a.address])).await;
    a.say(4);
    b.until_intent(4).await;
    a.until_report_of("b").await;
}

#[tokio::test]
async fn the_newest_table_and_acts_are_sent_at_once_and_again_on_every_beat() {
    // What comes at all comes before the next beat.
    let slow = DEADLINE * 3;
    let mut a = start(FeedConfig { beat: slow, ..config("a", &[]) }).await;
    let b = start(FeedConfig { beat: slow, ..config("b", &[a.address]) }).await;
    a.until_report_of("b").await;
    let mut table = hf_health::Table {
        checker: node("b"),
        zone: ZoneId::new("z").unwrap(),
        estate: hf_model::Digest::of(b""),
        made_at: Timestamp(1),
        known: hf_health::Bitmap::new(3),
        healthy: hf_health::Bitmap::new(3),
    };
    table.known.set(1, true);
    b.outgoing.send_modify(|outgoing| outgoing.table = Some(Arc::new(table.clone())));
    let came = a
        .until(|incoming| match &incoming.message {
            Message::Table(table) => Some(table.clone()),
            _ => None,
        })
        .await;
    assert_eq!(came, table);
}

#[tokio::test]
async fn who_reports_a_revision_is_not_sent_it() {
    let slow = Duration::from_secs(10);
    let mut a = start(FeedConfig { beat: slow, ..config("a", &[]) }).await;
    let mut b = start(FeedConfig { beat: slow, ..config("b", &[a.address]) }).await;
    a.until_report_of("b").await;
    b.until_report_of("a").await;
    // b has heard of revision 5 elsewhere, and obeys it.
    b.outgoing.send_modify(|outgoing| outgoing.report.revision = Revision(5));
    a.until(|incoming| match &incoming.message {
        Message::Report(report) if report.revision == Revision(5) => Some(()),
        _ => None,
    })
    .await;
    // No frame overtakes another one: what is not there before the newer intent was not sent.
    let say = |revision| {
        a.outgoing.send_modify(|outgoing| {
            outgoing.intent = Some(Arc::new(Intent { revision: Revision(revision), ..Intent::default() }));
            outgoing.report.revision = Revision(revision);
        });
    };
    say(5);
    let mut told = Vec::new();
    b.until(|incoming| {
        match &incoming.message {
            Message::Report(report) if report.revision == Revision(5) => told.push("report 5".to_owned()),
            Message::Intent { revision, .. } => told.push(format!("intent {revision}")),
            _ => {}
        }
        (told.len() == 1).then_some(())
    })
    .await;
    say(6);
    let next = b.until(|incoming| match &incoming.message {
        Message::Intent { revision, .. } => Some(*revision),
        _ => None,
    });
    assert_eq!((told.as_slice(), next.await), (["report 5".to_owned()].as_slice(), Revision(6)));
}

/// Dials `address` once as `hello` with `files`, and says how that ended and whom it met.
async fn knock(address: SocketAddr, name: &str, files: Option<&FeedConfig>) -> (Ended, bool) {
    let files = files.map(|config| {
        Tls::load(config.tls.as_ref().expect("given"), &config.node, config.now.get())
            .expect("the files are right")
    });
    let (_frames_to, frames) = watch::channel(Frames::default());
    let first = Outgoing::only(report(name));
    let (_outgoing_to, outgoing) = watch::channel(first);
    let (incoming, mut heard) = mpsc::channel(64);
    let hello = Hello {
        node: name.to_owned(),
        zone: None,
        roles: vec![],
        version: String::new(),
        nonce: 99,
        beat_ms: 50,
    };
    let shared =
        Shared { hello: Arc::new(hello), beat: BEAT, outgoing, frames, incoming, bases: Arc::default() };
    let mut met = None;
    let ended = within(dial(address, files.as_ref(), &shared, &mut met)).await;
    drop(shared);
    (ended, heard.recv().await.is_some())
}

#[tokio::test]
async fn nodes_with_certificates_of_one_authority_meet_and_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let with_tls = |name: &str, authority: &Authority, peers: &[SocketAddr]| {
        let folder = dir.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        FeedConfig { tls: Some(authority.issue(&folder, name, 2020, 2100)), ..config(name, peers) }
    };
    let mut a = start(with_tls("a", &authority, &[])).await;

    // Another authority's node, a plain one, and one under another node's certificate hear nothing.
    let stranger = with_tls("stranger", &Authority::new(), &[]);
    let dressed = with_tls("dressed", &authority, &[]);
    for (name, files) in [("stranger", Some(&stranger)), ("plain", None), ("disguised", Some(&dressed))] {
        let (ended, heard) = knock(a.address, name, files).await;
        assert!(!heard, "{name}: {ended}");
    }

    let b = start(with_tls("b", &authority, &[a.address])).await;
    b.say(5);
    let (from, revision) = a
        .until(|incoming| {
            assert_eq!(incoming.from.node, node("b"));
            match &incoming.message {
                Message::Intent { revision, .. } => Some((incoming.from.node.clone(), *revision)),
                _ => None,
            }
        })
        .await;
    assert_eq!((from, revision), (node("b"), Revision(5)));
}

#[tokio::test(start_paused = true)]
async fn a_feed_with_an_expired_certificate_begins_once_there_is_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let old = FeedConfig { tls: Some(authority.issue(dir.path(), "a", 2020, 2021)), ..config("a", &[]) };
    let error = Feed::bind(old.clone()).await.unwrap_err();
    assert!(matches!(error, BindError::Tls(TlsError::Expired(_))), "{error}");

    let feed = Feed::bind_without_certificates(old).await.unwrap();
    let (address, mut problem) = (feed.local_address(), feed.problem());
    assert!(problem.borrow().as_ref().is_some_and(|problem| problem.contains("has expired")));
    let first = Outgoing::only(report("a"));
    let (_outgoing_to, outgoing) = watch::channel(first);
    let (incoming_to, _incoming) = mpsc::channel(64);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(feed.run(outgoing, incoming_to, stopped));
    authority.issue(dir.path(), "a", 2020, 2100);
    let begun = Instant::now();
    problem.wait_for(Option::is_none).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), CERTIFICATES_AGAIN.as_secs());

    tokio::time::resume();
    let folder = dir.path().join("b");
    std::fs::create_dir(&folder).unwrap();
    let files = authority.issue(&folder, "b", 2020, 2100);
    let mut b = start(FeedConfig { tls: Some(files), ..config("b", &[address]) }).await;
    b.until_report_of("a").await;
}

#[tokio::test]
async fn both_families_have_the_same_port() {
    let six = listen("[::]:0".parse().unwrap()).unwrap();
    listen(SocketAddr::from(([0, 0, 0, 0], six.local_addr().unwrap().port()))).unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_mend() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Feed::bind(FeedConfig { listen: address, ..config("n", &[]) }).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("feed: cannot listen on {address}: ")), "{error}");
    assert!(error.contains("stop the program that has the port"), "{error}");
}

#[test]
fn jitter_stays_between_half_and_the_whole() {
    let mut jitter = Jitter(7);
    for _ in 0..1_000 {
        let length = jitter.spread(BACK_OFF_MAX);
        assert!((BACK_OFF_MAX / 2..=BACK_OFF_MAX).contains(&length), "{length:?}");
    }
}
