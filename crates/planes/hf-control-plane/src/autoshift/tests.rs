//! The loop around the decision, with a real ledger in memory: who acts, what is tried again, what is told.

use std::sync::atomic::{AtomicBool, Ordering};

use hf_control::{Autoshift, Expect, PracticeConfig, ShiftState};
use hf_health::Verdict;
use hf_ledger::{BoxFuture, GatedLedger, MemoryLedger, Verb};
use hf_model::Revision;

use super::*;
use crate::api::fixture::Fixture;
use crate::control::tests::full_disk;
use crate::control::{Behind, Gate};

const BEAT: Duration = Duration::from_secs(1);

/// A control node of three zones whose pool may be shifted by itself; all zones are heard.
async fn world(setting: Autoshift) -> Fixture {
    set_up(Fixture::of_three_zones().await, setting).await
}

/// The same with a ledger that may fail and be behind.
async fn shaky_world(setting: Autoshift) -> (Fixture, Arc<Silent>, watch::Sender<Gate>) {
    let (ledger, gate) = (Arc::new(Silent::default()), watch::Sender::new(Gate::Open));
    let fixture = Fixture::of_three_zones_with(ledger.clone(), ledger.inner.clone(), gate.subscribe()).await;
    (set_up(fixture, setting).await, ledger, gate)
}

async fn set_up(fixture: Fixture, setting: Autoshift) -> Fixture {
    let resource: Resource = "pool/web".parse().unwrap();
    let config =
        PracticeConfig { outcome_alarms: vec!["errors-high".to_owned()], ..PracticeConfig::default() };
    commit(&fixture, Command::PutPractice { resource: resource.clone(), config, expect: Expect::Any }).await;
    commit(&fixture, Command::SetAutoshift { resource, to: setting }).await;
    fixture
}

/// A ledger that may not answer.
#[derive(Default)]
struct Silent {
    inner: MemoryLedger,
    is_silent: AtomicBool,
    /// What was to be appended.
    asked: Mutex<Vec<Vec<u8>>>,
}

impl Silent {
    /// The request ids of autoshifts, in the order in which they came.
    fn requests(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let id = |entry: &Vec<u8>| {
            let text = String::from_utf8_lossy(entry).into_owned();
            let at = text.find("autoshift-")?;
            Some(text[at..].chars().take("autoshift-".len() + 32).collect())
        };
        asked.iter().filter_map(id).collect()
    }
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

const BEHIND: Gate = Gate::Behind(Behind { ledger: Revision(3), held: Revision(4) });

fn start_of(zone: &str) -> Act {
    Act { kind: "start", zone: ZoneId::new(zone).unwrap(), id: None }
}

async fn commit(fixture: &Fixture, command: Command) -> Outcome {
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    let request = RequestId::new(&format!("test-{number:032x}")).unwrap();
    let control = fixture.api.context().control.clone().unwrap();
    control.submit(Operator::new("ann"), request, command).await.unwrap()
}

/// So many turns, a beat apart, with the verdicts and reports of now.
async fn turns(fixture: &mut Fixture, looker: &mut Looker<'_>, verdicts: &[Verdict], count: u32) {
    let control = fixture.api.context().control.clone().unwrap();
    for _ in 0..count {
        fixture.clock.set(fixture.clock.now().plus(BEAT));
        fixture.hear_all_zones();
        fixture.obey_with(verdicts);
        looker.turn(&control).await;
    }
}

fn looker<'a>(context: &'a Context, told: &'a Autoshifts) -> Looker<'a> {
    Looker { context, told, watch: Watch::default(), later: Later::default(), advised: BTreeSet::new() }
}

fn shifts(fixture: &Fixture) -> Vec<Shift> {
    fixture.api.context().control.as_ref().unwrap().view().shifts.clone()
}

const WELL: [Verdict; 3] = [Verdict::Healthy; 3];
const A_IS_DEAD: [Verdict; 3] = [Verdict::Unhealthy, Verdict::Healthy, Verdict::Healthy];

#[tokio::test]
async fn a_dead_zone_is_left_renewed_and_taken_back() {
    let mut fixture = world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    turns(&mut fixture, &mut looker, &WELL, 3).await;
    assert!(shifts(&fixture).is_empty());
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 3).await;
    let begun = shifts(&fixture).pop().unwrap();
    assert_eq!((begun.kind, begun.zone.as_str()), (ShiftKind::Autoshift, "a"));
    assert_eq!(begun.by.as_str(), "autoshift of n1");
    assert!(begun.reason.contains("1 of 1 endpoints in a unhealthy by quorum"), "{}", begun.reason);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 700).await;
    let renewed = shifts(&fixture).pop().unwrap();
    assert_eq!((renewed.id.clone(), renewed.state), (begun.id, ShiftState::Active));
    assert!(renewed.ends_at > begun.ends_at);
    turns(&mut fixture, &mut looker, &WELL, hf_autoshift::WELL_BEATS).await;
    let ended = shifts(&fixture).pop().unwrap();
    assert!(matches!(ended.state, ShiftState::Completed(_)), "{ended:?}");
    assert_eq!(told.counts()[&("pool/web".to_owned(), "start")], 1);
    assert_eq!(told.counts()[&("pool/web".to_owned(), "end")], 1);
}

#[tokio::test]
async fn a_shift_is_renewed_by_the_ledgers_time_where_this_clock_is_wrong() {
    let mut fixture = world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let (mut looker, control) = (looker(&context, &told), context.control.clone().unwrap());
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 3).await;
    let begun = shifts(&fixture);
    let ahead = Duration::from_secs(400);
    fixture.clock.set(fixture.clock.now().plus(ahead));
    for beat in 0..310 {
        control.told_of_clocks(Some(-400_000));
        turns(&mut fixture, &mut looker, &A_IS_DEAD, 1).await;
        if beat == 289 {
            assert_eq!((begun.len(), &shifts(&fixture)), (1, &begun), "half of its ten minutes is not over");
        }
    }
    assert_eq!(told.counts()[&("pool/web".to_owned(), "renew")], 1);
}

#[tokio::test]
async fn advice_is_told_once_and_moves_nothing() {
    let mut fixture = world(Autoshift::Advise).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 20).await;
    assert!(shifts(&fixture).is_empty());
    assert_eq!(told.counts()[&("pool/web".to_owned(), "advise")], 1);
    assert!(matches!(told.seen()[0].word, Word::Advise { .. }));
    let newest = context.journal.newest_position().await.unwrap();
    let lines = context.journal.read(newest - 1, 1).await.unwrap();
    let shown = crate::lines::show(&lines[0]);
    assert_eq!(shown.text, "autoshift advises: pool/web out of a; nothing was moved");
}

#[tokio::test]
async fn another_node_acts_while_it_is_heard() {
    let mut fixture = world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    let control = context.control.clone().unwrap();
    for _ in 0..10 {
        fixture.clock.set(fixture.clock.now().plus(BEAT));
        fixture.hear_all_zones();
        fixture.hear("a-first", &[Role::Control], 1, 0, 0);
        fixture.obey_with(&A_IS_DEAD);
        looker.turn(&control).await;
    }
    assert!(shifts(&fixture).is_empty());
    assert!(matches!(told.seen()[0].word, Word::Start { .. }) && !told.acts_here());
    // It falls silent: this one goes on where the other stopped.
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 5).await;
    assert_eq!(shifts(&fixture).len(), 1);
}

#[test]
fn what_the_ledger_refuses_waits_twice_as_long_each_time() {
    let (mut later, resource) = (Later::default(), "pool/web".parse::<Resource>().unwrap());
    let mut now = Timestamp(1_000_000);
    for wait_s in [30, 60, 120, 240, 480, 600, 600] {
        assert!(later.is_due(&resource, now));
        later.refused(&resource, start_of("a"), now);
        assert!(!later.is_due(&resource, now.plus(Duration::from_secs(wait_s - 1))));
        now = now.plus(Duration::from_secs(wait_s));
    }
    later.done(&resource);
    later.refused(&resource, start_of("a"), now);
    assert!(later.is_due(&resource, now.plus(AGAIN)));
}

#[tokio::test]
async fn what_the_ledger_does_not_answer_is_asked_again_each_second_under_the_same_id() {
    let (mut fixture, ledger, _gate) = shaky_world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    ledger.is_silent.store(true, Ordering::SeqCst);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 5).await;
    assert!(shifts(&fixture).is_empty());
    ledger.is_silent.store(false, Ordering::SeqCst);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 1).await;
    assert_eq!(shifts(&fixture).len(), 1);
    let requests = ledger.requests();
    assert_eq!(requests.len(), 4, "three without an answer, then one with it: {requests:?}");
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
    assert_eq!(told.counts()[&("pool/web".to_owned(), "start")], 1);
    assert!(looker.later.0.is_empty());
}

#[tokio::test]
async fn a_refusal_about_another_zone_does_not_delay_this_one() {
    let mut fixture = world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 2).await;
    let resource: Resource = "pool/web".parse().unwrap();
    looker.later.refused(&resource, start_of("b"), context.clock.now());
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 1).await;
    assert_eq!(shifts(&fixture).len(), 1, "the refusal was about b");
}

#[tokio::test]
async fn a_refusal_is_forgotten_once_all_is_well() {
    let (mut fixture, ledger, _gate) = shaky_world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    ledger.is_silent.store(true, Ordering::SeqCst);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 3).await;
    let resource: Resource = "pool/web".parse().unwrap();
    looker.later.refused(&resource, start_of("a"), context.clock.now());
    ledger.is_silent.store(false, Ordering::SeqCst);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 10).await;
    assert!(shifts(&fixture).is_empty(), "the same incident waits");
    turns(&mut fixture, &mut looker, &WELL, 1).await;
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 3).await;
    assert_eq!(shifts(&fixture).len(), 1, "the next one does not");
}

#[tokio::test]
async fn after_a_time_without_looks_it_counts_anew() {
    let (mut fixture, _ledger, gate) = shaky_world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 2).await;
    gate.send_replace(BEHIND);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 1).await;
    assert!(told.seen().is_empty());
    gate.send_replace(Gate::Open);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 2).await;
    assert!(shifts(&fixture).is_empty());
    assert!(matches!(told.seen()[0].word, Word::Holding { beats: 1, .. }));
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 1).await;
    assert_eq!(shifts(&fixture).len(), 1);
}

#[tokio::test]
async fn advice_is_not_told_again_after_a_time_without_looks() {
    let (mut fixture, _ledger, gate) = shaky_world(Autoshift::Advise).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    let advice = |told: &Autoshifts| told.counts()[&("pool/web".to_owned(), "advise")];
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 5).await;
    gate.send_replace(BEHIND);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 2).await;
    gate.send_replace(Gate::Open);
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 5).await;
    assert_eq!(advice(&told), 1);
    // Well in between, it is another accusation.
    turns(&mut fixture, &mut looker, &WELL, 1).await;
    turns(&mut fixture, &mut looker, &A_IS_DEAD, 5).await;
    assert_eq!(advice(&told), 2);
}

#[tokio::test]
async fn with_one_zone_of_observers_none_begins() {
    let mut fixture = world(Autoshift::Enabled).await;
    let (context, told) = (fixture.api.context().clone(), Autoshifts::default());
    let mut looker = looker(&context, &told);
    let control = context.control.clone().unwrap();
    for _ in 0..10 {
        fixture.clock.set(fixture.clock.now().plus(BEAT));
        fixture.hear("n1", &[Role::Control, Role::Balancer], 1, 0, 0);
        fixture.obey_with(&A_IS_DEAD);
        looker.turn(&control).await;
    }
    assert!(shifts(&fixture).is_empty());
    assert!(matches!(told.seen()[0].word, Word::Blocked { .. }));
}
