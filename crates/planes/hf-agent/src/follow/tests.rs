//! Against a model of HAProxy's command line on a Unix socket; the real one is in the end-to-end tests.

use std::path::Path;
use std::sync::Mutex;

use hf_config::node::{HaproxyBackend, SocketPlace};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::*;
use crate::answer::tests::{NOW, shifted, snapshot};

/// Servers by name: address, administration, weight.
type Model = Arc<Mutex<BTreeMap<&'static str, (&'static str, u32, u32)>>>;
/// What runs by zone.
type Work = BTreeMap<ZoneId, u64>;

const HEAD: &str = "1\n# be_name srv_name srv_addr srv_admin_state srv_uweight srv_iweight srv_port\n";

fn model() -> Model {
    Arc::new(Mutex::new(BTreeMap::from([
        ("a1", ("10.0.0.1", 0, 100)),
        ("a2", ("10.0.0.2", 0, 100)),
        ("b1", ("10.0.0.3", 0, 100)),
        ("own", ("10.9.9.9", 0, 100)),
    ])))
}

async fn haproxy(path: &Path, model: Model, obeys: bool) {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let answer: String = line.trim().split("; ").map(|command| said(&model, command, obeys)).collect();
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn said(model: &Model, command: &str, obeys: bool) -> String {
    let mut servers = model.lock().unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        ["show", "servers", "state", "be_web"] => {
            let line = |(name, (address, admin, weight)): (&&str, &(&str, u32, u32))| {
                format!("be_web {name} {address} {admin} {weight} 100 80\n")
            };
            format!("{HEAD}{}\n", servers.iter().map(line).collect::<String>())
        }
        ["show", "servers", "state", _] => "Can't find backend.\n\n".to_owned(),
        ["show", "stat", "be_web", "4", "-1"] => {
            "# pxname,svname,qcur,qmax,scur\nbe_web,a1,0,0,2\nbe_web,b1,0,0,9\n\n".to_owned()
        }
        ["set", "server", server, what, to] => {
            let Some(of) = servers.get_mut(server.trim_start_matches("be_web/")) else {
                return "No such server.\n\n".to_owned();
            };
            match (*what, *to) {
                _ if !obeys => {}
                ("state", "drain") => of.1 = 8,
                ("state", _) => of.1 = 0,
                (_, weight) => of.2 = weight.parse().unwrap(),
            }
            "\n".to_owned()
        }
        other => format!("Unknown command: {other:?}\n\n"),
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    _stop: watch::Sender<bool>,
}

fn fixture(backend: &str) -> Fixture {
    fixture_of(backend, "web")
}

fn fixture_of(backend: &str, pool: &str) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots_to, snapshots) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let consumers = Consumers::default();
    let socket = HaproxySocket {
        name: "edge".to_owned(),
        at: SocketPlace::Path(folder.path().join("admin.sock")),
        backends: vec![HaproxyBackend { backend: backend.to_owned(), pool: pool.parse().unwrap() }],
        every: Duration::from_millis(50),
    };
    let (instance, clock) = (InstanceId::new("n1").unwrap(), Clock::manual(NOW));
    let followed = Followed { socket, snapshots, consumers: consumers.clone(), instance, clock };
    tokio::spawn(follow(followed, stopped));
    Fixture { folder, snapshots: snapshots_to, consumers, _stop: stop }
}

impl Fixture {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// Revision and what runs, as the board has it.
    fn told(&self) -> Option<(Option<Revision>, Option<Work>)> {
        self.consumers.told().into_iter().next().map(|told| (told.revision, told.running))
    }

    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < end, "waited for {what}; the board has {:?}", self.told());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn admin(model: &Model) -> Vec<u32> {
    model.lock().unwrap().values().map(|of| of.1).collect()
}

#[tokio::test]
async fn servers_follow_and_a_restarted_haproxy_is_put_right() {
    let (world, servers) = (fixture("be_web"), model());
    let running = tokio::spawn({
        let (path, servers) = (world.path(), servers.clone());
        async move { haproxy(&path, servers, true).await }
    });
    world.snapshots.send_replace(Some(snapshot(vec![], &[], 1)));
    world.until("the first look", || world.told().is_some_and(|told| told.0 == Some(Revision(1)))).await;
    assert_eq!(admin(&servers), [0, 0, 0, 0]);
    world.snapshots.send_replace(Some(shifted(2)));
    world.until("the shift", || world.told().is_some_and(|told| told.0 == Some(Revision(2)))).await;
    assert_eq!(admin(&servers), [8, 8, 0, 0], "what is no endpoint is left alone");
    assert_eq!(world.told().unwrap().1, Some(BTreeMap::from([(ZoneId::new("a").unwrap(), 2)])));
    // Started again: it knows nothing of all this.
    running.abort();
    let _ = running.await;
    let fresh = model();
    let (path, again) = (world.path(), fresh.clone());
    tokio::spawn(async move { haproxy(&path, again, true).await });
    world.until("the one that was started again", || admin(&fresh) == [8, 8, 0, 0]).await;
    world.snapshots.send_replace(Some(snapshot(vec![], &[], 3)));
    world.until("the end", || admin(&fresh) == [0, 0, 0, 0]).await;
}

#[tokio::test]
async fn one_that_does_not_obey_has_not_applied_it() {
    let (world, servers) = (fixture("be_web"), model());
    world.snapshots.send_replace(Some(shifted(2)));
    let path = world.path();
    tokio::spawn(async move { haproxy(&path, servers, false).await });
    world.until("a sign of life", || world.told().is_some()).await;
    assert_eq!(world.told().unwrap().0, None);
}

#[tokio::test]
async fn a_backend_that_haproxy_does_not_have_is_not_applied() {
    let (world, servers) = (fixture("nowhere"), model());
    world.snapshots.send_replace(Some(shifted(2)));
    let (path, kept) = (world.path(), servers.clone());
    tokio::spawn(async move { haproxy(&path, kept, true).await });
    world.until("a sign of life", || world.told().is_some()).await;
    assert_eq!((world.told().unwrap().0, admin(&servers)), (None, vec![0, 0, 0, 0]));
}

#[tokio::test]
async fn nothing_to_follow_is_not_applied() {
    // A pool that the estate does not have; a backend without a server of its pool.
    for pool in ["nowhere", "web"] {
        let (world, servers) = (fixture_of("be_web", pool), model());
        servers.lock().unwrap().retain(|name, _| *name == "own");
        world.snapshots.send_replace(Some(shifted(2)));
        let path = world.path();
        tokio::spawn(async move { haproxy(&path, servers, true).await });
        world.until("a sign of life", || world.told().is_some()).await;
        assert_eq!(world.told().unwrap().0, None, "{pool}");
    }
}
