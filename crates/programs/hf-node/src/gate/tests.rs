use std::sync::atomic::{AtomicBool, Ordering};

use hf_clock::Clock;
use hf_control::Command;
use hf_ledger::{BoxFuture, Fate, GatedLedger, LedgerError, MemoryLedger, Verb};
use hf_model::{Operator, RequestId, Revision, Timestamp};
use tokio::time::timeout;

use super::*;
use crate::hub::FromDisk;
use crate::testing::{config, estate, intent};

const T: Timestamp = Timestamp(1_000_000_000);
const LONG: Duration = Duration::from_secs(30);

/// A way to a shared ledger over which nothing is heard of other writers, unless one asks; it may be away altogether.
#[derive(Default)]
struct Deaf {
    ledger: MemoryLedger,
    is_away: AtomicBool,
    newest: watch::Sender<Revision>,
}

impl GatedLedger for Deaf {
    fn behind(&self) -> &MemoryLedger {
        &self.ledger
    }

    fn pass<'a>(&'a self, verb: Verb<'a>) -> BoxFuture<'a, Result<(), LedgerError>> {
        let is_away = self.is_away.load(Ordering::SeqCst) && matches!(verb, Verb::Barrier | Verb::Follow);
        let (place, why) = ("the test".to_owned(), "it is away".to_owned());
        let away = LedgerError::Unavailable { place, fate: Fate::NotWritten, why };
        Box::pin(std::future::ready(if is_away { Err(away) } else { Ok(()) }))
    }

    fn heard(&self) -> watch::Receiver<Revision> {
        self.newest.subscribe()
    }
}

/// This node and another one with the same ledger; the estate is applied.
struct Two {
    way: Arc<Deaf>,
    other: Control,
    hub: Hub,
    ledger: LedgerGate,
    gate: watch::Receiver<Gate>,
}

async fn apply(control: &Control, pool: &str) {
    let command = Command::ApplyEstate { bundle: estate(pool), if_match: None };
    control.submit(Operator::new("ann"), RequestId::new(pool).unwrap(), command).await.unwrap();
}

async fn two() -> Two {
    let way = Arc::new(Deaf::default());
    let shared = Arc::new(way.ledger.clone());
    let other = Control::start(shared.clone(), shared, Clock::manual(T)).await.unwrap();
    apply(&other, "web").await;
    let (gate_to, gate) = watch::channel(Gate::Settling);
    let own = Control::start_behind(way.clone(), way.clone(), Clock::manual(T), gate.clone()).await.unwrap();
    let mut hub = Hub::new(&config("n1"), FromDisk::default(), T);
    let mut ledger = LedgerGate::new(own, gate_to, LostLedger::Refuse);
    hub.own_ledger(ledger.intent().borrow_and_update().clone());
    ledger.judge(&mut hub);
    ledger.settle(&mut hub).await;
    ledger.judge(&mut hub);
    assert_eq!(*gate.borrow(), Gate::Open);
    Two { way, other, hub, ledger, gate }
}

impl Two {
    /// The nodes hold this; judged until the ledger has answered.
    async fn hears(&mut self, held: &Arc<Intent>) -> Gate {
        self.hub.held_elsewhere(held);
        self.ledger.judge(&mut self.hub);
        assert_eq!(*self.gate.borrow(), Gate::Open, "not before the ledger was asked");
        loop {
            match timeout(LONG, self.ledger.news()).await.unwrap().unwrap() {
                News::Intent(intent) => self.hub.own_ledger(intent),
                News::Asked(intent) => {
                    self.hub.own_ledger(intent);
                    self.ledger.judge(&mut self.hub);
                    return *self.gate.borrow();
                }
            }
            self.ledger.judge(&mut self.hub);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_merely_late_reads_and_goes_on() {
    let mut two = two().await;
    apply(&two.other, "web-2").await;
    let held = two.other.intent().borrow().clone();
    assert_eq!(two.ledger.intent().borrow().revision, Revision(1), "it has heard nothing");
    assert_eq!(two.hears(&held).await, Gate::Open);
    assert_eq!(two.ledger.intent().borrow().clone(), held, "read up to the end");
    assert_eq!(two.hub.beyond_ledger(), None);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_says_that_it_has_less_is_behind() {
    let mut two = two().await;
    let held = Arc::new(intent(57, "web"));
    let behind = Behind { ledger: Revision(1), held: Revision(57) };
    assert_eq!(two.hears(&held).await, Gate::Behind(behind));
    // What others write meanwhile does not open it: 57 is still more.
    apply(&two.other, "web-2").await;
    two.hub.own_ledger(two.other.intent().borrow().clone());
    two.ledger.judge(&mut two.hub);
    assert!(matches!(*two.gate.borrow(), Gate::Behind(_)));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_asked_is_not_judged() {
    let mut two = two().await;
    two.way.is_away.store(true, Ordering::SeqCst);
    let held = Arc::new(intent(57, "web"));
    assert_eq!(two.hears(&held).await, Gate::Open, "changes fail by themselves while it is away");
    assert!(!two.ledger.has_contact());
    // Asked again when it is back.
    two.way.is_away.store(false, Ordering::SeqCst);
    tokio::time::advance(ASK_AGAIN).await;
    assert!(matches!(two.hears(&held).await, Gate::Behind(_)));
    assert!(two.ledger.has_contact());
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_was_just_read_is_judged_at_once() {
    let ledger = Arc::new(MemoryLedger::default());
    let (gate_to, gate) = watch::channel(Gate::Settling);
    let control =
        Control::start_behind(ledger.clone(), ledger, Clock::manual(T), gate.clone()).await.unwrap();
    let mut hub = Hub::new(&config("n1"), FromDisk::default(), T);
    let mut ledger = LedgerGate::new(control, gate_to, LostLedger::Refuse);
    hub.own_ledger(ledger.intent().borrow().clone());
    hub.held_elsewhere(&Arc::new(intent(57, "web")));
    ledger.judge(&mut hub);
    assert!(matches!(*gate.borrow(), Gate::Behind(_)), "an empty ledger must not take its first entry");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_was_not_read_yet_takes_nothing_and_is_not_behind() {
    let way = Arc::new(Deaf::default());
    way.is_away.store(true, Ordering::SeqCst);
    let (gate_to, gate) = watch::channel(Gate::Settling);
    let control = Control::start_unread(way.clone(), way.clone(), Clock::manual(T), gate.clone());
    let mut hub = Hub::new(&config("n1"), FromDisk::default(), T);
    let mut ledger = LedgerGate::new(control, gate_to, LostLedger::Refuse);
    hub.own_ledger(ledger.intent().borrow_and_update().clone());
    hub.held_elsewhere(&Arc::new(intent(57, "web")));
    ledger.settle(&mut hub).await;
    ledger.judge(&mut hub);
    assert_eq!(*gate.borrow(), Gate::Settling);
    // Read at last, and it holds less: now that counts.
    way.is_away.store(false, Ordering::SeqCst);
    while !matches!(*gate.borrow(), Gate::Behind(_)) {
        let (News::Intent(intent) | News::Asked(intent)) =
            timeout(LONG, ledger.news()).await.unwrap().unwrap();
        hub.own_ledger(intent);
        ledger.judge(&mut hub);
    }
}

/// What this node, n1, finds out when others send their reports by these clocks, in seconds from its own.
#[track_caller]
fn check_clocks(others_s: &[i64], expected_s: Option<i64>) {
    let mut hub = Hub::new(&config("n1"), FromDisk::default(), T);
    hub.outgoing(Vec::new(), T);
    for (number, ahead_s) in others_s.iter().enumerate() {
        let other = config(&format!("other-{number}"));
        let theirs = Timestamp(T.0.saturating_add_signed(ahead_s * 1_000));
        let report = Hub::new(&other, FromDisk::default(), theirs).outgoing(Vec::new(), theirs).report;
        hub.take_report(report, T);
    }
    let most = |now| most_ahead_ms(hub.reports(), now);
    assert_eq!(most(T), expected_s.map(|ahead_s| ahead_s * 1_000));
    assert_eq!(most(T.plus(Duration::from_mins(1))), None, "too old");
}

#[test]
fn most_clocks_are_more_than_half_of_them() {
    check_clocks(&[], None);
    check_clocks(&[3_600], None);
    check_clocks(&[3_600, 3_601], Some(3_600));
    check_clocks(&[-3_600, -3_600, -3_590, -3_595], Some(-3_595));
    check_clocks(&[3_600, 0], Some(0));
    check_clocks(&[3_600, 3_600, 0], Some(0));
    check_clocks(&[-3_600, 3_600], Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_clock_is_wrong_writes_by_those_of_the_others() {
    let mut two = two().await;
    let right = T.plus(Duration::from_hours(1));
    two.hub.outgoing(Vec::new(), T);
    for name in ["n2", "n3"] {
        let report = Hub::new(&config(name), FromDisk::default(), right).outgoing(Vec::new(), right).report;
        two.hub.take_report(report, T);
    }
    tokio::time::advance(ASK_AGAIN).await;
    two.ledger.judge(&mut two.hub);
    let mut problem = two.ledger.control.clock_problem();
    timeout(LONG, problem.wait_for(Option::is_some)).await.unwrap().unwrap();
}
