//! Several control nodes over one ledger: races, lost answers, a ledger that is away, checkpoints by all of them.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_control::{Command, Outcome, Refusal, Scope};
use hf_control_plane::{Control, Gate, StartError, SubmitError};
use hf_ledger::{
    BoxFuture, Fate, GENESIS, GatedLedger, Journal, Journalled, Ledger, LedgerError, MemoryLedger, Verb,
    verify,
};
use hf_model::{Operator, RequestId, Revision, Timestamp, ZoneId};
use tokio::sync::watch;
use tokio::time::timeout;

const START: Timestamp = Timestamp(1_700_000_000_000);
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[zone]]
id = "b"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [ { address = "10.0.0.1:80", zone = "a" }, { address = "10.0.0.2:80", zone = "b" } ]
"#;

/// One node's way to the ledger that all share. The way can break; the ledger does not.
#[derive(Default)]
struct Way {
    ledger: MemoryLedger,
    /// Nothing gets through.
    is_away: AtomicBool,
    /// The next append is made, and its answer is lost.
    loses_answer: AtomicBool,
    /// Appends go through, and nothing else does.
    reads_fail: AtomicBool,
    checkpoints: AtomicU64,
    /// Checkpoints wait for this.
    slow_checkpoint: Option<watch::Receiver<bool>>,
    /// This node hears nothing of others.
    deaf: Option<watch::Sender<Revision>>,
}

impl Way {
    fn to(ledger: &MemoryLedger) -> Arc<Way> {
        Arc::new(Way { ledger: ledger.clone(), ..Way::default() })
    }

    fn deaf_to(ledger: &MemoryLedger) -> Arc<Way> {
        Arc::new(Way { ledger: ledger.clone(), deaf: Some(watch::Sender::default()), ..Way::default() })
    }
}

fn away(fate: Fate) -> LedgerError {
    LedgerError::Unavailable { place: "the test".to_owned(), fate, why: "it is away".to_owned() }
}

impl GatedLedger for Way {
    fn behind(&self) -> &MemoryLedger {
        &self.ledger
    }

    fn pass<'a>(&'a self, verb: Verb<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            if self.is_away.load(Ordering::SeqCst) {
                return Err(away(if verb == Verb::Lines { Fate::Unknown } else { Fate::NotWritten }));
            }
            match verb {
                Verb::Append(_) => tokio::task::yield_now().await, // others may be first
                Verb::Barrier | Verb::Follow if self.reads_fail.load(Ordering::SeqCst) => {
                    return Err(away(Fate::NotWritten));
                }
                Verb::Checkpoint => {
                    self.checkpoints.fetch_add(1, Ordering::SeqCst);
                    if let Some(mut go) = self.slow_checkpoint.clone() {
                        let _ = go.wait_for(|go| *go).await;
                    }
                }
                Verb::Barrier | Verb::Follow | Verb::Lines => {}
            }
            Ok(())
        })
    }

    fn pass_back(&self, at: Revision) -> Result<Revision, LedgerError> {
        if self.loses_answer.swap(false, Ordering::SeqCst) { Err(away(Fate::Unknown)) } else { Ok(at) }
    }

    fn heard(&self) -> watch::Receiver<Revision> {
        self.deaf.as_ref().map_or_else(|| self.ledger.newest(), watch::Sender::subscribe)
    }
}

async fn node(way: &Arc<Way>, clock: &Clock) -> Control {
    Control::start(way.clone(), way.clone(), clock.clone()).await.unwrap()
}

fn estate() -> Command {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    Command::ApplyEstate { bundle, if_match: None }
}

fn shift(zone: &str) -> Command {
    Command::StartShift {
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        length: Duration::from_mins(30),
        reason: "smoke".to_owned(),
        floor_overrides: vec![],
    }
}

async fn submit(control: &Control, request: &str, command: Command) -> Result<Outcome, SubmitError> {
    control.submit(Operator::new("ann"), RequestId::new(request).unwrap(), command).await
}

fn revision(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Done { revision, .. } => revision.0,
        refused @ Outcome::Refused(_) => panic!("{refused:?}"),
    }
}

/// Waits until a node shows this revision.
async fn shows(control: &Control, at: u64) {
    let mut intent = control.intent();
    timeout(LONG, intent.wait_for(|intent| intent.revision.0 >= at)).await.unwrap().unwrap();
}

async fn lines(ledger: &MemoryLedger) -> Vec<Journalled> {
    Journal::read(ledger, 0, 100_000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn five_nodes_write_at_once_and_agree() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(node(&Way::to(&ledger), &clock).await);
    }
    submit(&nodes[0], "estate", estate()).await.unwrap();
    let mut tasks = Vec::new();
    for (at, control) in nodes.iter().cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for number in 0..50 {
                // All ask for the same: one gets it, and then cancels it for the next one.
                let name = format!("start-{at}-{number}");
                match submit(&control, &name, shift("a")).await.unwrap() {
                    Outcome::Done { revision, shift: Some(found), .. } => {
                        outcomes.push(revision);
                        let cancel = Command::CancelShift { id: found.id, if_match: None };
                        let name = format!("cancel-{at}-{number}");
                        assert!(matches!(
                            submit(&control, &name, cancel).await.unwrap(),
                            Outcome::Done { .. }
                        ));
                    }
                    Outcome::Refused(Refusal::AlreadyShifted { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            outcomes
        }));
    }
    let mut started = Vec::new();
    for task in tasks {
        started.extend(task.await.unwrap());
    }
    let distinct: BTreeSet<Revision> = started.iter().copied().collect();
    assert_eq!(distinct.len(), started.len(), "no entry was answered twice");
    let end = ledger.barrier().await.unwrap().0;
    assert_eq!(end as usize, 1 + 250 + started.len());
    for control in &nodes {
        shows(control, end).await;
        assert_eq!(control.intent().borrow().clone(), nodes[0].intent().borrow().clone());
        assert_eq!(control.view(), nodes[0].view());
    }
    for control in nodes {
        control.stop().await;
    }
    let told = lines(&ledger).await;
    verify(Some(GENESIS), &told).unwrap();
    let revisions: Vec<u64> = told.iter().filter_map(|line| line.revision).map(|at| at.0).collect();
    let distinct: BTreeSet<u64> = revisions.iter().copied().collect();
    assert_eq!(
        (distinct.len(), distinct.last().copied()),
        (end as usize, Some(end)),
        "each entry is told of"
    );
    assert!(revisions.is_sorted(), "in order, each once");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_after_a_lost_answer_changes_nothing_twice() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let way = Way::to(&ledger);
    let (one, two) = (node(&way, &clock).await, node(&Way::to(&ledger), &clock).await);
    submit(&one, "estate", estate()).await.unwrap();
    way.loses_answer.store(true, Ordering::SeqCst);
    let lost = submit(&one, "evacuate", shift("a")).await.unwrap_err();
    let SubmitError::Ledger(LedgerError::Unavailable { fate: Fate::Unknown, .. }) = &lost else {
        panic!("{lost}")
    };
    assert!(lost.to_string().contains("repeat it with the same request id"), "{lost}");
    // At the same node or at another one: the outcome is that of the first time.
    assert_eq!(revision(submit(&one, "evacuate", shift("a")).await.unwrap()), 2);
    assert_eq!(revision(submit(&two, "evacuate", shift("a")).await.unwrap()), 2);
    assert_eq!((one.view().shifts.len(), ledger.barrier().await.unwrap()), (1, Revision(4)));
    // What came before could not be read: the entry stands, and that is said.
    submit(&two, "other", Command::Expire).await.unwrap();
    let deaf = Way::deaf_to(&ledger);
    let three = node(&deaf, &clock).await;
    submit(&two, "more", Command::Expire).await.unwrap();
    deaf.reads_fail.store(true, Ordering::SeqCst);
    let lost = submit(&three, "blind", Command::Expire).await.unwrap_err();
    assert!(
        matches!(lost, SubmitError::Ledger(LedgerError::Unavailable { fate: Fate::Unknown, .. })),
        "{lost}"
    );
    deaf.reads_fail.store(false, Ordering::SeqCst);
    let before = ledger.barrier().await.unwrap();
    assert_eq!(revision(submit(&three, "blind", Command::Expire).await.unwrap()), before.0);
    assert_eq!(ledger.barrier().await.unwrap(), Revision(before.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_away_refuses_and_loses_nothing() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let (way, other) = (Way::to(&ledger), Way::to(&ledger));
    let (one, two) = (node(&way, &clock).await, node(&other, &clock).await);
    submit(&one, "estate", estate()).await.unwrap();
    way.is_away.store(true, Ordering::SeqCst);
    let refused = submit(&one, "evacuate", shift("a")).await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::Ledger(LedgerError::Unavailable { fate: Fate::NotWritten, .. })),
        "{refused}"
    );
    assert!(one.barrier().await.is_err(), "what it shows may be old");
    assert_eq!(revision(submit(&two, "evacuate", shift("b")).await.unwrap()), 2);
    // The watch still tells; what it tells of cannot be read. Once it can, it is, without another entry.
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(one.view().revision, Revision(1));
    way.is_away.store(false, Ordering::SeqCst);
    shows(&one, 2).await;
    assert_eq!(one.barrier().await.unwrap(), Revision(2));
    one.stop().await;
    two.stop().await;
    let told: Vec<_> = lines(&ledger).await.iter().map(|line| line.revision.unwrap().0).collect();
    assert_eq!(told, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn lines_wait_for_a_journal_that_is_away() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let journal = Way::to(&MemoryLedger::default());
    journal.is_away.store(true, Ordering::SeqCst);
    let control = Control::start(Way::to(&ledger), journal.clone(), clock.clone()).await.unwrap();
    submit(&control, "estate", estate()).await.unwrap();
    submit(&control, "evacuate", shift("a")).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    journal.is_away.store(false, Ordering::SeqCst);
    let deadline = tokio::time::Instant::now() + LONG;
    while lines(&journal.ledger).await.len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "the lines are written late");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told: Vec<_> = lines(&journal.ledger).await.iter().map(|line| line.revision.unwrap().0).collect();
    assert_eq!(told, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn checkpoints_are_made_once_and_by_whoever_is_left() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let ways: Vec<_> = (0..5).map(|_| Way::to(&ledger)).collect();
    let mut nodes = Vec::new();
    for way in &ways {
        nodes.push(node(way, &clock).await);
    }
    let made = |at: usize| ways[at].checkpoints.load(Ordering::SeqCst);
    for number in 0..1_000 {
        submit(&nodes[0], &format!("a{number}"), Command::Expire).await.unwrap();
    }
    for control in &nodes {
        shows(control, 1_000).await;
    }
    // The one whose entry made it due makes it; the others find it made.
    for number in 0..150 {
        submit(&nodes[0], &format!("b{number}"), Command::Expire).await.unwrap();
        shows(&nodes[4], 1_000 + number + 1).await;
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    for control in &nodes {
        shows(control, 1_150).await;
    }
    assert_eq!((0..5).map(made).collect::<Vec<_>>(), [1, 0, 0, 0, 0]);
    assert_eq!(ledger.last_checkpoint().await.unwrap(), Revision(1_000));
    // A node that begins now begins with it.
    let late = node(&Way::to(&ledger), &clock).await;
    assert_eq!(late.intent().borrow().clone(), nodes[0].intent().borrow().clone());
    let followed = ledger.follow(Revision(0)).await.unwrap();
    assert_eq!((followed.checkpoint.map(|(at, _)| at), followed.entries.len()), (Some(Revision(1_000)), 150));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_written_once_by_nodes_that_know_of_each_other() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(node(&Way::to(&ledger), &clock).await);
    }
    submit(&nodes[0], "estate", estate()).await.unwrap();
    for (at, control) in nodes.iter().enumerate() {
        submit(control, &format!("known-{at}"), Command::Expire).await.unwrap();
    }
    submit(&nodes[0], "evacuate", shift("a")).await.unwrap();
    let before = ledger.barrier().await.unwrap().0;
    for control in &nodes {
        shows(control, before).await;
    }
    clock.set(START.plus(Duration::from_mins(30)));
    for control in &nodes {
        let mut intent = control.intent();
        timeout(LONG, intent.wait_for(|intent| intent.shifts.is_empty())).await.unwrap().unwrap();
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    let entries = ledger.barrier().await.unwrap().0 - before;
    assert!((1..=2).contains(&entries), "{entries} entries for one end");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_ledger_is_away_at_the_start_reads_it_later() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let other = node(&Way::to(&ledger), &clock).await;
    submit(&other, "estate", estate()).await.unwrap();
    let way = Way::to(&ledger);
    way.is_away.store(true, Ordering::SeqCst);
    let refused = Control::start(way.clone(), way.clone(), clock.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::Ledger(LedgerError::Unavailable { .. })), "{refused}");
    let gate = watch::Sender::new(Gate::Open);
    let late = Control::start_unread(way.clone(), way.clone(), clock.clone(), gate.subscribe());
    assert!(!late.is_read());
    let refused = submit(&late, "evacuate", shift("a")).await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::Ledger(LedgerError::Unavailable { fate: Fate::NotWritten, .. })),
        "{refused}"
    );
    assert!(late.barrier().await.is_err());
    way.is_away.store(false, Ordering::SeqCst);
    shows(&late, 1).await;
    assert!(late.is_read());
    assert_eq!(revision(submit(&late, "evacuate", shift("a")).await.unwrap()), 2);
    late.stop().await;
    // One that never read it can be stopped too.
    way.is_away.store(true, Ordering::SeqCst);
    let never = Control::start_unread(way.clone(), way, clock.clone(), gate.subscribe());
    timeout(LONG, never.stop()).await.unwrap();
}

#[tokio::test]
async fn what_comes_before_an_entry_that_cannot_be_read_is_in_force() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let deaf = Way::deaf_to(&ledger);
    let (one, two) = (node(&Way::to(&ledger), &clock).await, node(&deaf, &clock).await);
    submit(&one, "one", estate()).await.unwrap();
    Ledger::append(&ledger, b"of a newer program".to_vec()).await.unwrap();
    deaf.deaf.as_ref().unwrap().send_replace(Revision(2));
    shows(&two, 1).await;
}

#[tokio::test]
async fn changes_do_not_wait_for_a_checkpoint() {
    let (ledger, clock) = (MemoryLedger::default(), Clock::manual(START));
    let (go, held) = watch::channel(false);
    let way = Arc::new(Way { ledger: ledger.clone(), slow_checkpoint: Some(held), ..Way::default() });
    let control = node(&way, &clock).await;
    submit(&control, "estate", estate()).await.unwrap();
    for number in 0..1_010 {
        let request = format!("n{number}");
        timeout(LONG, submit(&control, &request, Command::Expire))
            .await
            .expect("nobody waits for a checkpoint")
            .unwrap();
    }
    go.send_replace(true);
    control.stop().await;
    assert!(ledger.last_checkpoint().await.unwrap() > Revision(0), "a stop waits until it is whole");
}
