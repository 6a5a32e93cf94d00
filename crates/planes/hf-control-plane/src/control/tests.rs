use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::{Refusal, Scope, ShiftState};
use hf_ledger::{BoxFuture, Fate, GatedLedger, MemoryLedger, Verb};
use hf_model::{Timestamp, ZoneId};

use super::*;
use crate::lines;

const START: Timestamp = Timestamp(1_700_000_000_000);

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

fn estate(toml: &str) -> Command {
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    Command::ApplyEstate { bundle, if_match: None }
}

fn shift(minutes: u64) -> Command {
    Command::StartShift {
        zone: ZoneId::new("a").unwrap(),
        scope: Scope::Everything,
        length: Duration::from_mins(minutes),
        reason: "smoke".to_owned(),
        floor_overrides: Vec::new(),
    }
}

async fn submit(control: &Control, request: &str, command: Command) -> Result<Outcome, SubmitError> {
    control.submit(Operator::new("ann"), RequestId::new(request).unwrap(), command).await
}

async fn start(ledger: &Arc<MemoryLedger>, clock: &Clock) -> Control {
    Control::start(ledger.clone(), ledger.clone(), clock.clone()).await.unwrap()
}

async fn with_shift(ledger: &Arc<MemoryLedger>, clock: &Clock) -> Control {
    let control = start(ledger, clock).await;
    submit(&control, "one", estate(ESTATE)).await.unwrap();
    submit(&control, "two", shift(30)).await.unwrap();
    control
}

/// All lines, as the API tells them.
async fn journal(ledger: &MemoryLedger) -> Vec<String> {
    let lines = Journal::read(ledger, 0, 1_000).await.unwrap();
    let told = lines.iter().map(lines::show);
    told.map(|line| format!("{} {}: {} ({})", line.revision, line.by, line.text, line.why)).collect()
}

#[tokio::test]
async fn what_is_answered_is_in_force() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    let intent = control.intent().borrow().clone();
    assert_eq!(intent.revision, Revision(2));
    assert_eq!(intent.shifts[0].ends_at, START.plus(Duration::from_mins(30)));
    assert_eq!(control.view().shifts, intent.shifts);
}

#[tokio::test]
async fn a_repeat_has_its_first_outcome_and_no_effect() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    let again = submit(&control, "two", shift(30)).await.unwrap();
    let Outcome::Done { revision, shift: Some(found), .. } = again else { panic!("{again:?}") };
    assert_eq!((revision, found.id.as_str()), (Revision(2), "shift-2"));
    assert_eq!(control.view().shifts.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_an_entry_and_a_line() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    let refused = submit(&control, "three", shift(30)).await.unwrap();
    assert!(matches!(refused, Outcome::Refused(Refusal::AlreadyShifted { .. })), "{refused:?}");
    control.stop().await;
    expect_test::expect![[r#"
        1 ann: first estate cd7069465e43 in force ()
        2 ann: shift-2 takes everything out of a until 2023-11-14T22:43:20Z (smoke)
        3 ann: refused: shift everything out of a for 30m, because: smoke (`shift-2` already takes `everything` out of a; extend or cancel it)"#]].assert_eq(&journal(&ledger).await.join("\n"));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let first = with_shift(&ledger, &clock).await;
    let (intent, view) = (first.intent().borrow().clone(), first.view());
    first.stop().await;
    let lines = journal(&ledger).await;
    let second = start(&ledger, &clock).await;
    assert_eq!(second.intent().borrow().clone(), intent);
    assert_eq!(second.view(), view);
    let again = submit(&second, "two", shift(30)).await.unwrap();
    assert!(
        matches!(again, Outcome::Done { revision: Revision(2), .. }),
        "the request id is remembered: {again:?}"
    );
    second.stop().await;
    assert_eq!(journal(&ledger).await[..lines.len()], lines, "a replay journals nothing twice");
}

#[tokio::test]
async fn a_checkpoint_replaces_the_beginning() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    for number in 0..CHECKPOINT_ENTRIES {
        submit(&control, &format!("n{number}"), Command::Expire).await.unwrap();
    }
    let intent = control.intent().borrow().clone();
    control.stop().await;
    let followed = ledger.follow(Revision(0)).await.unwrap();
    assert!(followed.checkpoint.is_some());
    assert_eq!(start(&ledger, &clock).await.intent().borrow().clone(), intent);
}

#[tokio::test(start_paused = true)]
async fn a_shift_ends_at_its_instant_by_an_entry() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    let mut intent = control.intent();
    intent.mark_unchanged();
    clock.set(START.plus(Duration::from_millis(1_799_999)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!intent.has_changed().unwrap(), "not before its end");
    clock.set(START.plus(Duration::from_mins(30)));
    tokio::time::timeout(Duration::from_secs(2), intent.changed()).await.unwrap().unwrap();
    assert_eq!((intent.borrow().revision, intent.borrow().shifts.len()), (Revision(3), 0));
    let ended = &control.view().shifts[0];
    assert_eq!(ended.state, ShiftState::Expired(START.plus(Duration::from_mins(30))));
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_was_due_while_the_node_was_away_ends_at_start() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    with_shift(&ledger, &clock).await.stop().await;
    clock.set(START.plus(Duration::from_hours(2)));
    let control = start(&ledger, &clock).await;
    let mut intent = control.intent();
    let ended = intent.wait_for(|intent| intent.shifts.is_empty());
    tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap().unwrap();
}

/// A ledger whose disk can be full, and that can hold an append back.
#[derive(Default)]
struct Faulty {
    inner: MemoryLedger,
    full: AtomicBool,
    held: Mutex<Option<watch::Receiver<bool>>>,
}

impl GatedLedger for Faulty {
    fn behind(&self) -> &MemoryLedger {
        &self.inner
    }

    fn pass<'a>(&'a self, verb: Verb<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            if !matches!(verb, Verb::Append(_)) {
                return Ok(());
            }
            if self.full.load(Ordering::SeqCst) {
                return Err(full_disk());
            }
            let held = self.held.lock().unwrap().clone();
            if let Some(mut held) = held {
                let _ = held.wait_for(|go| *go).await;
            }
            Ok(())
        })
    }
}

/// What a ledger says whose disk is full.
pub(crate) fn full_disk() -> LedgerError {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    LedgerError::Full { place: "ledger.redb".to_owned(), source }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_changes_nothing_and_holds_shifts() {
    let (ledger, clock) = (Arc::new(Faulty::default()), Clock::manual(START));
    let control =
        Control::start(ledger.clone(), Arc::new(MemoryLedger::default()), clock.clone()).await.unwrap();
    submit(&control, "one", estate(ESTATE)).await.unwrap();
    submit(&control, "two", shift(30)).await.unwrap();
    ledger.full.store(true, Ordering::SeqCst);
    let error = submit(&control, "three", Command::Expire).await.unwrap_err();
    assert!(
        error.to_string().contains("no room on the disk, nothing was written; free some space"),
        "{error}"
    );
    clock.set(START.plus(Duration::from_hours(1)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 1, "held");
    ledger.full.store(false, Ordering::SeqCst);
    let mut intent = control.intent();
    let ended = intent.wait_for(|intent| intent.shifts.is_empty());
    tokio::time::timeout(Duration::from_secs(3), ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn beyond_the_queue_a_command_is_refused_as_busy() {
    let (go, held) = watch::channel(false);
    let ledger = Arc::new(Faulty { held: Mutex::new(Some(held)), ..Faulty::default() });
    let clock = Clock::manual(START);
    let control = Control::start(ledger, Arc::new(MemoryLedger::default()), clock).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    // One is being written, QUEUE wait, and there is no place for the rest.
    for number in 0..QUEUE + 10 {
        let control = control.clone();
        waiting.spawn(async move { submit(&control, &format!("n{number}"), Command::Expire).await });
    }
    let first = waiting.join_next().await.unwrap().unwrap();
    assert!(matches!(first, Err(SubmitError::Busy)), "{first:?}");
    go.send(true).unwrap();
    let (mut done, mut busy) = (0, 1);
    while let Some(ended) = waiting.join_next().await {
        match ended.unwrap() {
            Ok(_) => done += 1,
            Err(SubmitError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(done >= QUEUE && busy >= 1, "{done} done, {busy} busy");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waited_too_long_or_whose_caller_has_gone_is_not_made() {
    let (go, held) = watch::channel(true);
    let ledger = Arc::new(Faulty { held: Mutex::new(Some(held)), ..Faulty::default() });
    let clock = Clock::manual(START);
    let control =
        Control::start(ledger.clone(), Arc::new(MemoryLedger::default()), clock.clone()).await.unwrap();
    submit(&control, "one", estate(ESTATE)).await.unwrap();
    go.send_replace(false);
    let ask = |request: &'static str, command| {
        let control = control.clone();
        tokio::spawn(async move { submit(&control, request, command).await })
    };
    let stuck = ask("two", Command::Expire);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (late, gone) = (ask("three", shift(30)), ask("four", shift(30)));
    tokio::time::sleep(WAITING_MAX + Duration::from_secs(1)).await;
    let in_time = ask("five", Command::Expire);
    tokio::time::sleep(Duration::from_secs(1)).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    go.send_replace(true);
    stuck.await.unwrap().unwrap();
    let late = late.await.unwrap().unwrap_err();
    assert!(
        matches!(late, SubmitError::Ledger(LedgerError::Unavailable { fate: Fate::NotWritten, .. })),
        "{late}"
    );
    in_time.await.unwrap().unwrap();
    assert_eq!(control.view().shifts.len(), 0, "no zone is left that nobody waits for any more");
    assert_eq!(control.view().revision, Revision(3));
}

#[tokio::test]
async fn two_writers_of_one_ledger_see_one_order() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let one = with_shift(&ledger, &clock).await;
    let two = start(&ledger, &clock).await;
    let refused = submit(&two, "three", shift(5)).await.unwrap();
    assert!(matches!(refused, Outcome::Refused(Refusal::AlreadyShifted { .. })), "{refused:?}");
    let mut intent = one.intent();
    let caught_up = intent.wait_for(|intent| intent.revision == Revision(3));
    tokio::time::timeout(Duration::from_secs(30), caught_up).await.unwrap().unwrap();
    let id = hf_model::ShiftId::new("shift-2").unwrap();
    submit(&one, "four", Command::CancelShift { id, if_match: None }).await.unwrap();
    let started = submit(&two, "five", shift(5)).await.unwrap();
    assert!(matches!(started, Outcome::Done { revision: Revision(5), .. }), "{started:?}");
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_refused_with_the_advice() {
    let ledger = Arc::new(MemoryLedger::default());
    Ledger::append(&*ledger, br#"{"holdfast":"entry","version":99}"#.to_vec()).await.unwrap();
    let error = Control::start(ledger.clone(), ledger, Clock::manual(START)).await.unwrap_err();
    assert!(error.to_string().starts_with("the ledger's entry 1: "), "{error}");
}

#[tokio::test]
async fn after_a_stop_others_hear_so() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = start(&ledger, &clock).await;
    control.clone().stop().await;
    let error = submit(&control, "one", Command::Expire).await.unwrap_err();
    assert!(matches!(error, SubmitError::Stopping), "{error}");
    assert_eq!(Arc::strong_count(&ledger), 1, "the writer let go of the ledger");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_behind_takes_nothing_until_it_goes_on_with_what_is_held() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let held = with_shift(&ledger, &clock).await.intent().borrow().clone();

    let fresh = Arc::new(MemoryLedger::default());
    let (open, gate) = watch::channel(Gate::Settling);
    let control = Control::start_behind(fresh.clone(), fresh.clone(), clock.clone(), gate).await.unwrap();
    submit(&control, "first", estate(ESTATE)).await.unwrap();
    // The second entry waits until what the nodes hold is known.
    let waiting = tokio::time::timeout(Duration::from_secs(10), submit(&control, "second", shift(30))).await;
    assert!(waiting.is_err(), "{waiting:?}");
    let behind = Behind { ledger: Revision(1), held: held.revision };
    open.send_replace(Gate::Behind(behind));
    let error = submit(&control, "third", shift(30)).await.unwrap_err();
    assert!(matches!(error, SubmitError::LedgerBehind(found) if found == behind), "{error}");

    let adopted = control.adopt(held.clone()).await.unwrap();
    assert_eq!(adopted, Adopted { revision: Revision(held.revision.0 + 1), kept: None });
    let on = Intent { revision: adopted.revision, ..(*held).clone() };
    assert_eq!(**control.intent().borrow(), on);
    // Its shifts end on time, once the gate is open again.
    clock.set(START.plus(Duration::from_hours(1)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 1, "held");
    open.send_replace(Gate::Open);
    let mut intent = control.intent();
    let ended = intent.wait_for(|intent| intent.shifts.is_empty());
    tokio::time::timeout(Duration::from_secs(3), ended).await.unwrap().unwrap();
    assert_eq!(control.view().shifts.len(), 1, "an ended one");
    drop(control);
    // What a restart reads is the same.
    let again = start(&fresh, &clock).await;
    assert_eq!(again.intent().borrow().revision, Revision(adopted.revision.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_neither_stamps_nor_ends_anything() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let control = with_shift(&ledger, &clock).await;
    tokio::time::sleep(stamps::BELIEVED + Duration::from_secs(5)).await;
    let problem = control.clock_problem();
    assert_eq!(*problem.borrow(), None);
    clock.set(START.plus(Duration::from_hours(24 * 365)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 1, "it ends by the time that has passed");
    let told = problem.borrow().clone().unwrap();
    assert!(told.contains("has leapt (364d"), "{told}");

    let id = control.intent().borrow().shifts[0].id.clone();
    submit(&control, "three", Command::CancelShift { id, if_match: None }).await.unwrap();
    submit(&control, "four", shift(30)).await.unwrap();
    let ends_at = control.intent().borrow().shifts[0].ends_at;
    assert!(ends_at < START.plus(Duration::from_mins(33)), "half an hour from now");
    tokio::time::sleep(Duration::from_mins(31)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 0, "it ends on time all the same");

    clock.set(START.plus(Duration::from_mins(33)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(*problem.borrow(), None, "the clock is right again");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_clock_is_not_that_of_most_goes_by_theirs() {
    let (ledger, right) = (Arc::new(MemoryLedger::default()), Clock::manual(START));
    let hour = Duration::from_hours(1);
    with_shift(&ledger, &right).await.stop().await;
    let wrong = Clock::manual(START.plus(hour));
    let gate = watch::Sender::new(Gate::Settling);
    let control =
        Control::start_behind(ledger.clone(), ledger.clone(), wrong.clone(), gate.subscribe()).await.unwrap();
    control.told_of_clocks(Some(-3_600_000));
    gate.send_replace(Gate::Open);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 1, "it ends half an hour from now, not at once");
    let told = control.clock_problem().borrow().clone().unwrap();
    assert!(told.contains("is not that of most nodes (1h)"), "{told}");
    let id = control.intent().borrow().shifts[0].id.clone();
    let longer =
        Command::UpdateShift { id, length: Some(Duration::from_mins(10)), reason: None, if_match: None };
    submit(&control, "three", longer).await.unwrap();
    assert_eq!(control.intent().borrow().shifts[0].ends_at, START.plus(Duration::from_mins(10)));
    // Nobody is heard of any more: that does not make it right, and what is told is so still.
    control.told_of_clocks(None);
    assert_eq!(control.time(), START, "as most told it a moment ago");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(control.intent().borrow().shifts.len(), 1);
    let told = control.clock_problem().borrow().clone().unwrap();
    assert!(told.contains("has leapt (59m"), "{told}");
    wrong.set(START.plus(Duration::from_secs(10)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(*control.clock_problem().borrow(), None, "it is set right");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_right_after_the_boot_is_believed() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), Clock::manual(Timestamp(0)));
    let control = start(&ledger, &clock).await;
    clock.set(START);
    submit(&control, "one", estate(ESTATE)).await.unwrap();
    submit(&control, "two", shift(30)).await.unwrap();
    assert_eq!(control.intent().borrow().shifts[0].ends_at, START.plus(Duration::from_mins(30)));
    assert_eq!(*control.clock_problem().borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_stamped_by_a_clock_far_ahead_is_said() {
    let ahead = START.plus(Duration::from_hours(24));
    let ledger = Arc::new(MemoryLedger::default());
    with_shift(&ledger, &Clock::manual(ahead)).await.stop().await;
    let control = start(&ledger, &Clock::manual(START)).await;
    let mut problem = control.clock_problem();
    let told = problem.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(told.contains("far ahead of this one (1d)"), "{told}");
    // A log that begins anew begins with the time of today.
    let held = control.intent().borrow().clone();
    let on = Intent { revision: Revision(9), ..(*held).clone() };
    control.adopt(Arc::new(on)).await.unwrap();
    problem.wait_for(Option::is_none).await.unwrap();
}
