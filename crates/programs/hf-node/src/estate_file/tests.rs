use std::future::Future;

use hf_clock::Clock;
use hf_control::Scope;
use hf_control_plane::RingJournal;
use hf_ledger::MemoryLedger;
use hf_model::{PoolName, Revision, ShiftId, ZoneId};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::testing::estate;

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("happens before the deadline")
}

/// A watched estate file in front of a ledger in memory.
struct Watched {
    dir: TempDir,
    control: Control,
    problem: watch::Receiver<Option<String>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Watched {
    async fn new(first: &str) -> Watched {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("estate.toml");
        std::fs::write(&path, first).unwrap();
        let journal = Arc::new(RingJournal::default());
        let control =
            Control::start(Arc::new(MemoryLedger::default()), journal, Clock::system()).await.unwrap();
        let (problem_to, problem) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(path, control.clone(), problem_to, stopped));
        Watched { dir, control, problem, stop, task }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    async fn until_estate(&self, toml: &str) {
        within(self.control.intent().wait_for(|intent| intent.estate.toml == toml)).await.unwrap();
    }

    /// The problem, without the folder's name.
    async fn until_problem(&mut self) -> String {
        let found = within(self.problem.wait_for(Option::is_some)).await.unwrap().clone();
        found.unwrap().replace(&format!("{}/", self.dir.path().display()), "")
    }

    async fn until_good(&mut self) {
        within(self.problem.wait_for(Option::is_none)).await.unwrap();
    }

    async fn submit(&self, request: &str, command: Command) -> Outcome {
        let request = RequestId::new(request).unwrap();
        self.control.submit(Operator::new("anna"), request, command).await.unwrap()
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        within(self.task).await.unwrap();
    }
}

#[tokio::test]
async fn an_edit_is_applied_and_a_bad_one_is_not() {
    let good = estate("web").toml;
    let mut watched = Watched::new(&good).await;
    watched.until_estate(&good).await;
    watched.write("estate.toml", "[[zone]]\nid = 7\n");
    let problem = watched.until_problem().await;
    assert!(problem.contains("estate.toml:2:6: "), "{problem}");
    assert_eq!(watched.control.intent().borrow().estate.toml, good);
    std::fs::remove_file(watched.dir.path().join("estate.toml")).unwrap();
    within(
        watched.problem.wait_for(|text| text.as_ref().is_some_and(|text| text.contains("cannot be read"))),
    )
    .await
    .unwrap();
    let other = format!("{good}# changed\n");
    watched.write("estate.toml", &other);
    watched.until_estate(&other).await;
    watched.until_good().await;
    watched.stop().await;
}

#[tokio::test]
async fn master_files_are_watched_too() {
    let toml =
        format!("{}[[hosted_zone]]\nname = \"example.test.\"\nfile = \"example.zone\"\n", estate("web").toml);
    let mut watched = Watched::new(&toml).await;
    let problem = watched.until_problem().await;
    assert!(problem.contains("the master file `example.zone` cannot be read"), "{problem}");
    let zone = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 604800 5\n@ NS ns\nns A 192.0.2.1\n";
    watched.write("example.zone", zone);
    watched.until_estate(&toml).await;
    let changed = format!("{zone}www A 192.0.2.2\n");
    watched.write("example.zone", &changed);
    let has_it = |intent: &Arc<Intent>| intent.estate.files.get("example.zone") == Some(&changed);
    within(watched.control.intent().wait_for(has_it)).await.unwrap();
    watched.until_good().await;
    watched.stop().await;
}

#[tokio::test]
async fn what_a_shift_stands_in_the_way_of_is_applied_when_it_ends() {
    let good = estate("web").toml;
    let mut watched = Watched::new(&good).await;
    watched.until_estate(&good).await;
    let start = Command::StartShift {
        zone: ZoneId::new("a").unwrap(),
        scope: Scope::Pool(PoolName::new("web").unwrap()),
        length: Duration::from_mins(1),
        reason: "a test".to_owned(),
        floor_overrides: vec![],
    };
    let Outcome::Done { shift: Some(shift), .. } = watched.submit("one", start).await else {
        panic!("it starts")
    };
    let other = estate("renamed").toml;
    watched.write("estate.toml", &other);
    let problem = watched.until_problem().await;
    assert!(problem.contains(shift.id.as_str()), "{problem}");
    let revision = watched.control.intent().borrow().revision;
    let cancel = Command::CancelShift { id: ShiftId::new(shift.id.as_str()).unwrap(), if_match: None };
    watched.submit("two", cancel).await;
    watched.until_estate(&other).await;
    // One entry for the cancel and one for the estate: the refused one was not asked again and again.
    assert_eq!(watched.control.intent().borrow().revision, Revision(revision.0 + 2));
    watched.until_good().await;
    watched.stop().await;
}

#[tokio::test]
async fn an_estate_that_is_in_force_already_asks_nothing_of_the_ledger() {
    let good = estate("web").toml;
    let watched = Watched::new(&good).await;
    watched.until_estate(&good).await;
    let revision = watched.control.intent().borrow().revision;
    watched.write("estate.toml", &good);
    let other = format!("{good}# changed\n");
    watched.write("estate.toml", &other);
    watched.until_estate(&other).await;
    assert_eq!(watched.control.intent().borrow().revision, Revision(revision.0 + 1));
    watched.stop().await;
}
