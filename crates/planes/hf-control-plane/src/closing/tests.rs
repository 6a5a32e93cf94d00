//! The loop around the decision, with a ledger in memory and folders as stores: who acts, what is tried again, what is told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use hf_config::estate::EstateBundle;
use hf_config::node::Role;
use hf_control::{Command, Outcome, Scope, Shift, ShiftState};
use hf_health::Verdict;
use hf_ledger::{BoxFuture, GatedLedger, LedgerError, MemoryLedger, Verb};
use hf_model::{Operator, RequestId};

use super::*;
use crate::api::fixture::Fixture;
use crate::control::Gate;
use crate::control::tests::full_disk;

/// A control node of three zones, and a source that looks into three folders.
struct World {
    fixture: Fixture,
    context: Context,
    told: Closing,
    folders: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        World::with(Fixture::of_three_zones().await, |estate| estate).await
    }

    async fn with(fixture: Fixture, changed: impl FnOnce(String) -> String) -> World {
        let folders = tempfile::tempdir().unwrap();
        let context = fixture.api.context().clone();
        let mut world = World { fixture, context, told: Closing::default(), folders };
        for name in ["one", "two", "three"] {
            std::fs::create_dir(world.folder(name)).unwrap();
        }
        let stores = ["one", "two", "three"].map(|name| {
            format!("[[closing_source.from]]\nfile = \"{}/{{zone}}\"\n", world.folder(name).display())
        });
        let source = format!("[[closing_source]]\nname = \"runbook\"\nzones = \"all\"\n{}", stores.concat());
        let estate = world.control().intent().borrow().estate.toml.clone();
        world.apply(changed(format!("{estate}{source}"))).await;
        world
    }

    fn control(&self) -> Control {
        self.context.control.clone().unwrap()
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folders.path().join(name)
    }

    fn put(&self, folder: &str, zone: &str) {
        std::fs::write(self.folder(folder).join(zone), "").unwrap();
    }

    fn remove(&self, folder: &str, zone: &str) {
        std::fs::remove_file(self.folder(folder).join(zone)).unwrap();
    }

    /// A share that is not mounted any more.
    fn lose(&self, folder: &str) {
        std::fs::rename(self.folder(folder), self.folder(&format!("lost-{folder}"))).unwrap();
    }

    fn find(&self, folder: &str) {
        std::fs::rename(self.folder(&format!("lost-{folder}")), self.folder(folder)).unwrap();
    }

    async fn apply(&mut self, toml: String) {
        let bundle = EstateBundle { toml, ..EstateBundle::default() };
        self.commit("ann", Command::ApplyEstate { bundle, if_match: None }).await;
        self.fixture.obey_with(&[Verdict::Healthy; 3]);
    }

    async fn commit(&self, by: &str, command: Command) {
        let number = u128::from_le_bytes(hf_clock::random_bytes());
        let request = RequestId::new(&format!("test-{number:032x}")).unwrap();
        let outcome = self.control().submit(Operator::new(by), request, command).await.unwrap();
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }

    fn looker(&self) -> Looker<'_> {
        Looker::new(&self.context, &self.told, self.control())
    }

    fn pass(&self, length: Duration) {
        self.fixture.clock.set(self.fixture.clock.now().plus(length));
    }

    fn active(&self) -> Vec<Shift> {
        let view = self.control().view();
        view.shifts.iter().filter(|shift| shift.state == ShiftState::Active).cloned().collect()
    }

    /// How zone a of the source stands.
    fn line(&self) -> Line {
        let key = (SourceName::new("runbook").unwrap(), ZoneId::new("a").unwrap());
        self.told.lines().get(&key).cloned().unwrap_or_default()
    }

    fn word(&self) -> String {
        self.line().word.map_or_else(String::new, |word| word.as_str().to_owned())
    }

    /// Journal lines that are about the source, once as many entries are in it as the ledger has.
    async fn journal(&self) -> Vec<String> {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let lines = self.fixture.ask("GET", "/v1/journal?limit=1000", "").await.json()["lines"].clone();
            let lines = lines.as_array().unwrap().clone();
            let newest = lines.iter().filter_map(|line| line["revision"].as_u64()).max().unwrap_or(0);
            if newest >= self.control().view().revision.0 {
                let is_about = |line: &&serde_json::Value| line.to_string().contains("runbook");
                let mut texts: Vec<String> = lines
                    .iter()
                    .filter(is_about)
                    .map(|line| line["text"].as_str().unwrap().to_owned())
                    .collect();
                if lines.len() > 1 && lines[0]["number"].as_u64() > lines[1]["number"].as_u64() {
                    texts.reverse(); // newest first
                }
                return texts;
            }
            assert!(std::time::Instant::now() < deadline, "the journal has not all entries: {lines:?}");
            tokio::task::yield_now().await;
        }
    }
}

/// Looks at everything once.
async fn look(looker: &mut Looker<'_>) {
    looker.prepare();
    for target in looker.targets.values_mut() {
        target.next_at = Instant::now();
    }
    looker.begin_due();
    while let Some(done) = looker.looks.join_next().await {
        looker.take(done.unwrap()).await;
    }
}

#[tokio::test]
async fn a_zone_is_left_renewed_and_taken_back() {
    let world = World::new().await;
    let mut looker = world.looker();
    look(&mut looker).await;
    assert_eq!((world.active().len(), world.word().as_str()), (0, "quiet"));
    world.put("one", "a");
    look(&mut looker).await;
    assert_eq!(world.active().len(), 0, "one store is no quorum");
    world.put("two", "a");
    look(&mut looker).await;
    let begun = world.active().pop().unwrap();
    assert_eq!((begun.zone.as_str(), &begun.scope), ("a", &Scope::Everything));
    assert_eq!(begun.by.as_str(), "closing-source/runbook");
    let file = world.folder("one").join("a");
    assert_eq!(begun.reason, format!("file {} is there (2 of 3 stores)", file.display()));
    assert_eq!(begun.ends_at, begun.started_at.plus(Duration::from_mins(10)));
    world.pass(Duration::from_mins(5));
    look(&mut looker).await;
    let renewed = world.active().pop().unwrap();
    assert_eq!((&renewed.id, renewed.ends_at), (&begun.id, begun.ends_at.plus(Duration::from_mins(5))));

    // Another node takes over: it goes on with the same shift.
    let mut next = world.looker();
    world.pass(Duration::from_mins(5));
    look(&mut next).await;
    let goes_on = world.active();
    assert_eq!(goes_on.len(), 1);
    assert_eq!(
        (&goes_on[0].id, goes_on[0].ends_at),
        (&begun.id, begun.ends_at.plus(Duration::from_mins(10)))
    );

    world.remove("one", "a");
    world.remove("two", "a");
    look(&mut next).await;
    assert_eq!(world.active().len(), 0);
    let journal = world.journal().await;
    assert!(journal.iter().any(|text| text == "closing source runbook: a is closed"), "{journal:?}");
    assert_eq!(journal.last().map(String::as_str), Some("shift-3 canceled: a returns"));

    // A third one finds it canceled, by the source: no reason to wait.
    world.put("one", "a");
    world.put("three", "a");
    world.journal().await;
    look(&mut world.looker()).await;
    assert_eq!(world.active().len(), 1);
}

#[tokio::test]
async fn a_shift_is_renewed_by_the_ledgers_time_where_this_clock_is_wrong() {
    let world = World::new().await;
    let mut looker = world.looker();
    world.put("one", "a");
    world.put("two", "a");
    look(&mut looker).await;
    let begun = world.active();
    assert_eq!(begun.len(), 1);
    world.pass(Duration::from_secs(400));
    world.control().told_of_clocks(Some(-400_000));
    look(&mut looker).await;
    assert_eq!(world.active(), begun, "it began a moment ago");
    world.pass(Duration::from_mins(5));
    world.control().told_of_clocks(Some(-400_000));
    look(&mut looker).await;
    assert_eq!(world.active()[0].ends_at, begun[0].ends_at.plus(Duration::from_mins(5)));
    look(&mut looker).await;
    assert_eq!(world.active()[0].ends_at, begun[0].ends_at.plus(Duration::from_mins(5)), "once");
}

#[tokio::test]
async fn lost_stores_keep_a_zone_away_for_an_hour() {
    let world = World::new().await;
    let mut looker = world.looker();
    world.lose("one");
    look(&mut looker).await;
    assert_eq!((world.active().len(), world.word().as_str()), (0, "quiet"), "two say open");
    world.lose("two");
    look(&mut looker).await;
    assert_eq!((world.active().len(), world.word().as_str()), (0, "wait"));
    world.find("one");
    world.find("two");
    world.put("one", "a");
    world.put("two", "a");
    look(&mut looker).await;
    let begun = world.active().pop().unwrap();
    for folder in ["one", "two", "three"] {
        world.lose(folder);
    }
    for _ in 0..11 {
        world.pass(Duration::from_mins(5));
        look(&mut looker).await;
        assert_eq!(world.active().len(), 1);
    }
    let kept = world.active().pop().unwrap();
    assert_eq!(kept.id, begun.id);
    assert!(kept.reason.ends_with("; kept for 55m without a quorum"), "{}", kept.reason);
    world.pass(Duration::from_mins(5));
    look(&mut looker).await;
    assert_eq!(world.word(), "leave-to-expire");
    world.pass(Duration::from_mins(5));
    look(&mut looker).await;
    let mut intent = world.control().intent();
    let is_over = intent.wait_for(|intent| intent.shifts.is_empty());
    tokio::time::timeout(Duration::from_secs(20), is_over).await.expect("it expires").unwrap();
    look(&mut looker).await;
    assert_eq!((world.active().len(), world.word().as_str()), (0, "wait"));
    for folder in ["one", "two", "three"] {
        world.find(folder);
    }
    look(&mut looker).await;
    assert_eq!(world.active().len(), 1, "it is still closed, and the stores say so again");
    assert_eq!(world.told.silent().values().sum::<u64>() % 3, 0, "three zones each");
}

#[tokio::test]
async fn a_cancel_of_people_outranks_until_the_source_was_open() {
    let world = World::new().await;
    let mut looker = world.looker();
    for folder in ["one", "two", "three"] {
        world.put(folder, "a");
    }
    look(&mut looker).await;
    let id = world.active().pop().unwrap().id;
    world.commit("ann", Command::CancelShift { id, if_match: None }).await;
    world.pass(Duration::from_secs(1));
    for mut looker in [looker, world.looker()] {
        for _ in 0..3 {
            look(&mut looker).await;
            assert_eq!((world.active().len(), world.word().as_str()), (0, "outranked"));
        }
    }
    let mut looker = world.looker();
    world.remove("one", "a");
    look(&mut looker).await;
    assert_eq!(world.word(), "outranked", "two of three are there");
    world.remove("two", "a");
    look(&mut looker).await;
    assert_eq!(world.word(), "quiet");
    world.put("one", "a");
    look(&mut looker).await;
    assert_eq!(world.active().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_once_and_tried_again() {
    let fixture = Fixture::of_three_zones().await;
    let mut world = World::with(fixture, |estate| {
        estate.replace("protocol = \"http\"\n", "protocol = \"http\"\nmin_zones = 3\n")
    })
    .await;
    world.put("one", "a");
    world.put("two", "a");
    {
        let mut looker = world.looker();
        look(&mut looker).await;
        let refused = world.line().refused.expect("the floor stands");
        assert!(refused.contains("web"), "{refused}");
        let revision = world.control().view().revision;
        for at in 0..5 {
            look(&mut looker).await;
            world.pass(Duration::from_mins(2));
            // Others write meanwhile; the answer stays the same.
            let (zone, scope) = (ZoneId::new("b").unwrap(), Scope::Everything);
            let (to, length) = (hf_control::PinTo::In, Duration::from_hours(1));
            let reason = format!("{at}");
            let pin = Command::Pin { zone, scope, to, length, reason, floor_overrides: vec![] };
            world.commit("ann", pin).await;
        }
        look(&mut looker).await;
        assert_eq!(world.control().view().revision.0, revision.0 + 5, "only the pins are in the ledger");
        let journal = world.journal().await;
        let refusals = journal.iter().filter(|text| text.starts_with("refused: ")).count();
        assert_eq!(refusals, 1, "{journal:?}");
        assert_eq!(world.line().refused, Some(refused));
    }
    let estate = world.control().intent().borrow().estate.toml.replace("min_zones = 3\n", "");
    world.apply(estate).await;
    let mut looker = world.looker();
    look(&mut looker).await;
    assert_eq!(world.active().len(), 1);
    assert_eq!(world.line().refused, None);
}

#[tokio::test]
async fn a_store_that_comes_and_goes_has_no_refusal_told_again() {
    let fixture = Fixture::of_three_zones().await;
    let world = World::with(fixture, |estate| {
        estate.replace("protocol = \"http\"\n", "protocol = \"http\"\nmin_zones = 3\n")
    })
    .await;
    world.put("one", "a");
    world.put("two", "a");
    let mut looker = world.looker();
    look(&mut looker).await;
    let refused = world.line().refused.expect("the floor stands");
    for _ in 0..3 {
        world.lose("one");
        look(&mut looker).await;
        assert_eq!(world.word(), "wait");
        world.find("one");
        look(&mut looker).await;
        assert_eq!(world.line().refused.as_ref(), Some(&refused));
    }
    let journal = world.journal().await;
    let count = |words: &str| journal.iter().filter(|text| text.contains(words)).count();
    assert_eq!(count("refused: "), 1, "{journal:?}");
}

#[tokio::test]
async fn a_store_that_comes_and_goes_does_not_fill_the_journal() {
    let world = World::new().await;
    world.put("one", "a");
    world.put("two", "a");
    let mut looker = world.looker();
    look(&mut looker).await;
    for _ in 0..5 {
        world.lose("one");
        look(&mut looker).await;
        world.find("one");
        look(&mut looker).await;
    }
    let journal = world.journal().await;
    let count = |words: &str| journal.iter().filter(|text| text.ends_with(words)).count();
    assert_eq!(count(": a is closed"), 2, "{journal:?}");
    assert_eq!(count(": no quorum on a, what is in force stays"), 1, "{journal:?}");
    // One that lasts is told, though it began soon after another.
    world.lose("one");
    look(&mut looker).await;
    world.pass(UNDECIDED_TOLD);
    look(&mut looker).await;
    let journal = world.journal().await;
    let undecided = journal.iter().filter(|text| text.contains("no quorum on a")).count();
    assert_eq!(undecided, 2, "{journal:?}");
}

#[tokio::test]
async fn a_store_stays_the_same_when_the_role_is_lost_or_the_estate_edited() {
    let mut world = World::new().await;
    let (context, told) = (world.context.clone(), Closing::default());
    let mut looker = Looker::new(&context, &told, world.control());
    let stores = |looker: &Looker<'_>| -> Vec<usize> {
        let all = looker.targets.values().flat_map(|target| &target.stores);
        all.map(|store| Arc::as_ptr(store).addr()).collect()
    };
    looker.prepare();
    let before = stores(&looker);
    assert_eq!(before.len(), 9);
    world.fixture.hear("n0", &[Role::Control], 1, 0, 0);
    looker.prepare();
    assert!(looker.targets.is_empty());
    world.pass(Duration::from_mins(1));
    looker.prepare();
    assert_eq!(stores(&looker), before);
    let estate = world.control().intent().borrow().estate.toml.clone();
    world
        .apply(estate.replace(
            "zones = \"all\"\n[[closing_source.from",
            "zones = \"all\"\nquorum = 3\n[[closing_source.from",
        ))
        .await;
    looker.prepare();
    assert!(looker.targets.values().all(|target| target.watched.quorum == 3));
    assert_eq!(stores(&looker), before);
}

#[tokio::test]
async fn another_node_that_is_first_looks_alone() {
    let world = World::new().await;
    world.put("one", "a");
    world.put("two", "a");
    world.fixture.hear("n0", &[Role::Control], 1, 0, 0);
    let mut looker = world.looker();
    look(&mut looker).await;
    assert!(world.active().is_empty() && !world.told.acts_here() && world.told.lines().is_empty());
    let told = shown(&world.context, &world.told);
    assert_eq!((told.acts_here, told.acts_at.as_deref(), told.sources.len()), (false, Some("n0"), 3));
    assert_eq!(told.sources[0].finding, None);

    // It is not heard any more.
    world.pass(Duration::from_mins(1));
    look(&mut looker).await;
    assert_eq!(world.active().len(), 1);
    let told = shown(&world.context, &world.told);
    let of_a = &told.sources[0];
    assert_eq!(
        (told.acts_here, of_a.finding.as_deref(), of_a.word.as_deref()),
        (true, Some("closed"), Some("start"))
    );
    assert_eq!(of_a.shift, world.active().pop().map(|shift| shift.id.to_string()));
    let says: Vec<&str> = of_a.stores.iter().filter_map(|store| store.says.as_deref()).collect();
    assert_eq!(says, ["there", "there", "absent"]);
}

#[tokio::test]
async fn what_the_estate_has_no_more_is_not_looked_at() {
    let mut world = World::new().await;
    world.put("one", "a");
    world.put("two", "a");
    let toml = world.control().intent().borrow().estate.toml.clone();
    world.apply(toml.split("[[closing_source]]").next().unwrap().to_owned()).await;
    let mut looker = world.looker();
    look(&mut looker).await;
    assert!(world.active().is_empty() && world.told.lines().is_empty());
}

/// A ledger that may not answer.
#[derive(Default)]
struct Silent {
    inner: MemoryLedger,
    is_silent: AtomicBool,
    asked: Mutex<Vec<Vec<u8>>>,
}

impl GatedLedger for Silent {
    fn behind(&self) -> &MemoryLedger {
        &self.inner
    }

    fn pass<'a>(&'a self, verb: Verb<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        let mut passed = Ok(());
        if let Verb::Append(entry) = verb {
            self.asked.lock().unwrap().push(entry.to_vec());
            if self.is_silent.load(Ordering::SeqCst) {
                passed = Err(full_disk());
            }
        }
        Box::pin(std::future::ready(passed))
    }
}

#[tokio::test]
async fn what_has_no_answer_is_asked_again_under_the_same_id() {
    let (ledger, gate) = (Arc::new(Silent::default()), watch::Sender::new(Gate::Open));
    let fixture = Fixture::of_three_zones_with(ledger.clone(), ledger.inner.clone(), gate.subscribe()).await;
    let world = World::with(fixture, |estate| estate).await;
    world.put("one", "a");
    world.put("two", "a");
    let mut looker = world.looker();
    ledger.is_silent.store(true, Ordering::SeqCst);
    look(&mut looker).await;
    world.put("three", "a"); // another reason for the same
    look(&mut looker).await;
    ledger.is_silent.store(false, Ordering::SeqCst);
    look(&mut looker).await;
    assert_eq!(world.active().len(), 1);
    let asked = ledger.asked.lock().unwrap();
    let id = |entry: &Vec<u8>| {
        let text = String::from_utf8_lossy(entry).into_owned();
        // The request's, not the name in which the source acts.
        let (_, rest) = text.split_once("\"closing-").filter(|(_, rest)| !rest.starts_with("source"))?;
        Some(rest.chars().take(32).collect::<String>())
    };
    let ids: std::collections::BTreeSet<String> = asked.iter().filter_map(id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}
