use hf_model::Revision;
use tokio::sync::watch;

use super::*;
use crate::answer::tests::{NOW, shifted, snapshot};

struct Fixture {
    address: SocketAddr,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    _stop: watch::Sender<bool>,
}

async fn fixture() -> Fixture {
    let (snapshots_to, snapshots) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let consumers = Consumers::default();
    let config = AgentConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        away: AwayWord::Drain,
        snapshots,
        consumers: consumers.clone(),
        clock: Clock::manual(NOW),
    };
    let agent = Agent::bind(config).await.unwrap();
    let address = agent.address();
    tokio::spawn(agent.run(stopped));
    Fixture { address, snapshots: snapshots_to, consumers, _stop: stop }
}

impl Fixture {
    async fn ask(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn answers_follow_the_snapshot() {
    let agent = fixture().await;
    assert_eq!(agent.ask("a/web\n").await, "", "before the first snapshot there is no word");
    agent.snapshots.send_replace(Some(snapshot(vec![], &[], 1)));
    assert_eq!(agent.ask("a/web\n").await, "ready up 100%\n");
    agent.snapshots.send_replace(Some(shifted(2)));
    assert_eq!(agent.ask("a/web s1\n").await, "up drain 100%\n");
    assert_eq!(agent.ask("b/web\r\n").await, "ready up 100%\n");
    assert_eq!(agent.ask("nowhere/web\n").await, "\n");
    assert_eq!(agent.ask("what is this?\n").await, "\n");
    assert_eq!(agent.ask(&"a".repeat(LINE_MAX)).await, "\n");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go_and_others_do_not_wait_for_it() {
    let agent = fixture().await;
    agent.snapshots.send_replace(Some(shifted(2)));
    let mut silent = TcpStream::connect(agent.address).await.unwrap();
    assert_eq!(agent.ask("a/web\n").await, "up drain 100%\n");
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
}

/// The newline is forgotten easily, and HAProxy says nothing of it: it keeps what it has.
async fn check_not_ended(end: impl AsyncFnOnce(&mut TcpStream)) {
    let (_snapshots, snapshots) = watch::channel(Some(shifted(2)));
    let config = AgentConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        away: AwayWord::Drain,
        snapshots,
        consumers: Consumers::default(),
        clock: Clock::manual(NOW),
    };
    let Agent { listener, address, desk } = Agent::bind(config).await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"a/web").await.unwrap();
    let (stream, from) = listener.accept().await.unwrap();
    end(&mut client).await;
    // Time that stands still goes on as soon as nothing else is to do, so the line has to be there.
    stream.readable().await.unwrap();
    desk.attend(stream, from.ip()).await;
    let want = "an agent check said \"a/web\" and no newline; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into \
                `agent-send`, such as \"use1-az1/web\\n\"";
    assert_eq!(NotEnded::of(b"a/web").to_string(), want);
    assert!(!desk.seldom.is_due(want), "it is in the log already");
    assert!(desk.config.consumers.told().is_empty(), "that HAProxy heard nothing");
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert!(heard.is_empty(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_without_its_end_is_told_in_the_log() {
    check_not_ended(async |_| {}).await;
}

/// HAProxy goes when its own time is over, which may be before the agent's.
#[tokio::test(start_paused = true)]
async fn so_is_one_whose_asker_goes() {
    check_not_ended(async |client| client.shutdown().await.unwrap()).await;
}

#[tokio::test]
async fn the_board_knows_which_line_heard_which_revision() {
    let agent = fixture().await;
    agent.snapshots.send_replace(Some(snapshot(vec![], &[], 1)));
    agent.ask("a/web s1\n").await;
    agent.ask("web/10.0.0.3:80\n").await;
    agent.snapshots.send_replace(Some(shifted(2)));
    agent.ask("a/web s1\n").await;
    agent.ask("nowhere/web\n").await;
    // Two processes behind one address, each with a name.
    agent.ask("a/web edge-1/s1\n").await;
    agent.ask("a/web edge-2/s1\n").await;
    agent.ask("a/web edge-2/\n").await;
    let told = agent.consumers.told();
    let told: Vec<_> =
        told.iter().map(|of| (of.name.as_str(), of.instance.as_str(), of.kind, of.revision)).collect();
    assert_eq!(
        told,
        [
            ("edge-1", "s1.a-web", ConsumerKind::HaproxyAgent, Some(Revision(2))),
            ("edge-2", "a-web", ConsumerKind::HaproxyAgent, Some(Revision(2))),
            ("edge-2", "s1.a-web", ConsumerKind::HaproxyAgent, Some(Revision(2))),
            ("haproxy-127.0.0.1", "s1.a-web", ConsumerKind::HaproxyAgent, Some(Revision(2))),
            ("haproxy-127.0.0.1", "web-10.0.0.3-80", ConsumerKind::HaproxyAgent, Some(Revision(1))),
        ]
    );
}
