use hf_config::node::{Exists, Rendered};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::text::tests::{NOW, file, nginx, snapshot, zone};

struct Fixture {
    folder: tempfile::TempDir,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    stop: watch::Sender<bool>,
    files: Vec<RenderFile>,
    running: Option<JoinHandle<()>>,
}

impl Fixture {
    fn new(what: impl FnOnce(&Path) -> Vec<RenderFile>) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let files = what(folder.path());
        let mut fixture = Fixture {
            files,
            folder,
            snapshots: watch::Sender::new(None),
            consumers: Consumers::default(),
            stop: watch::Sender::new(false),
            running: None,
        };
        fixture.running = Some(fixture.begin());
        fixture
    }

    /// Starts a renderer; one that runs already should be stopped.
    fn begin(&self) -> JoinHandle<()> {
        let renderer = Renderer {
            files: self.files.clone(),
            data_dir: self.folder.path().join("data"),
            snapshots: self.snapshots.subscribe(),
            consumers: self.consumers.clone(),
            instance: InstanceId::new("n1").unwrap(),
            zone: None,
            clock: Clock::manual(NOW),
        };
        tokio::spawn(run(renderer, self.stop.subscribe()))
    }

    fn told(&self) -> Vec<(String, Option<u64>)> {
        let told = self.consumers.told().into_iter();
        told.map(|of| (of.name.to_string(), of.revision.map(|revision| revision.0))).collect()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Fixture) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(Instant::now() < end, "waited for {what}; the board has {:?}", self.told());
            let _ = tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await;
        }
    }
}

/// Notes each run in a file beside; ends badly while there is a file `bad`.
fn noted(folder: &Path) -> Reload {
    let folder = folder.display();
    let script = format!("echo run >> {folder}/runs; test ! -e {folder}/bad");
    let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    Reload { command, timeout: Duration::from_secs(20) }
}

#[tokio::test]
async fn files_follow_and_are_told() {
    let world = Fixture::new(|folder| {
        vec![
            file(zone("a", "everything", Exists::Away), folder.join("a.away"), None),
            file(nginx("web"), folder.join("web.conf"), None),
        ]
    });
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 3)));
    let all = |revision: u64| {
        vec![("nginx-upstream".to_owned(), Some(revision)), ("zone-state".to_owned(), Some(revision))]
    };
    world.until("the first files", |world| world.told() == all(3)).await;
    assert!(world.read("web.conf").contains("server 10.0.0.1:80 weight=2 max_fails=0; # a\n"));
    assert_eq!(world.read("a.away"), "");
    world.snapshots.send_replace(Some(snapshot(Some("a"), &[], "open", 4)));
    world.until("the shift", |world| world.told() == all(4)).await;
    assert!(world.read("web.conf").contains("server 10.0.0.1:80 down max_fails=0; # a\n"));
    assert_eq!(world.read("a.away"), "1\n");
    world.stop.send_replace(true);
    drop(world.snapshots);
    assert_eq!(std::fs::read_to_string(world.folder.path().join("a.away")).unwrap(), "1\n", "files stay");
}

#[tokio::test]
async fn a_command_runs_once_for_all_its_files_and_only_when_one_changed() {
    let world = Fixture::new(|folder| {
        let of = |what: Rendered, name: &str| file(what, folder.join(name), Some(noted(folder)));
        let second = RenderFile { name: "second".to_owned(), ..of(nginx("sorry"), "sorry.conf") };
        vec![of(nginx("web"), "web.conf"), second]
    });
    let is_told = |revision| {
        move |world: &Fixture| world.told().iter().all(|of| of.1 == Some(revision)) && world.told().len() == 2
    };
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 1)));
    world.until("the first files", is_told(1)).await;
    assert_eq!(world.read("runs"), "run\n");
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 2)));
    world.until("a revision that changes nothing", is_told(2)).await;
    assert_eq!(world.read("runs"), "run\n");
    world.snapshots.send_replace(Some(snapshot(Some("a"), &[], "open", 3)));
    world.until("the shift", is_told(3)).await;
    assert_eq!(world.read("runs"), "run\nrun\n");
}

#[tokio::test]
async fn a_command_that_ends_badly_runs_again_and_is_owed_beyond_this_process() {
    let mut world = Fixture::new(|folder| {
        std::fs::write(folder.join("bad"), "").unwrap();
        vec![file(nginx("web"), folder.join("web.conf"), Some(noted(folder)))]
    });
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 1)));
    world.until("two runs", |world| world.read("runs").lines().count() >= 2).await;
    assert_eq!(world.told(), [("nginx-upstream".to_owned(), None)], "written, and not read");
    world.stop.send_replace(true);
    world.running.take().unwrap().await.unwrap();
    std::fs::remove_file(world.folder.path().join("bad")).unwrap();
    let runs = world.read("runs").lines().count();
    world.stop.send_replace(false);
    world.running = Some(world.begin());
    world.until("the owed run", |world| world.told() == [("nginx-upstream".to_owned(), Some(1))]).await;
    assert_eq!(world.read("runs").lines().count(), runs + 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_runs_nothing() {
    let world =
        Fixture::new(|folder| vec![file(nginx("web"), folder.join("missing/web.conf"), Some(noted(folder)))]);
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 1)));
    world.until("a sign of life", |world| world.told() == [("nginx-upstream".to_owned(), None)]).await;
    std::fs::create_dir(world.folder.path().join("missing")).unwrap();
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 2)));
    world.until("the file", |world| world.told() == [("nginx-upstream".to_owned(), Some(2))]).await;
    assert_eq!(world.read("runs"), "run\n", "once, for the file that was written");
}

#[tokio::test]
async fn a_pool_that_is_gone_leaves_its_file() {
    let world = Fixture::new(|folder| vec![file(nginx("empty"), folder.join("web.conf"), None)]);
    std::fs::write(world.folder.path().join("web.conf"), "kept").unwrap();
    world.snapshots.send_replace(Some(snapshot(None, &[], "open", 1)));
    world.until("a sign of life", |world| world.told() == [("nginx-upstream".to_owned(), None)]).await;
    assert_eq!(world.read("web.conf"), "kept");
}
