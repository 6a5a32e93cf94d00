//! A request id that comes again has its first outcome, and no other command's.

use hf_model::RequestId;

use super::script::{Runner, parse};
use super::*;

#[test]
fn a_repeat_has_the_first_outcome_and_another_command_is_refused() {
    let mut runner = Runner::with_estate();
    let (first, events) = runner.run_as("one", parse("shift a everything 30m"));
    assert_eq!(events.len(), 1);
    let before = runner.state.clone();
    assert_eq!(runner.run_as("one", parse("shift a everything 30m")), (first, Vec::new()));
    let reused = Outcome::Refused(Refusal::RequestReused { request: RequestId::new("one").unwrap() });
    for command in ["cancel shift-2", "shift a everything 31m"] {
        assert_eq!(runner.run_as("one", parse(command)), (reused.clone(), Vec::new()));
    }
    let advanced = State { revision: Revision(5), ..before };
    assert_eq!(runner.state, advanced);
}

/// A node that finds its own entry behind somebody else's checkpoint asks the state what became of it.
#[test]
fn who_asks_for_a_request_that_he_did_not_make_hears_that_its_id_is_taken() {
    let mut runner = Runner::with_estate();
    let (first, _) = runner.run_as("one", parse("shift a everything 30m"));
    let outcome_of = |request: &str, command: &str| {
        runner.state.outcome_of(&RequestId::new(request).unwrap(), parse(command).digest())
    };
    assert_eq!(outcome_of("one", "shift a everything 30m"), Some(first));
    let reused = Outcome::Refused(Refusal::RequestReused { request: RequestId::new("one").unwrap() });
    assert_eq!(outcome_of("one", "shift b everything 30m"), Some(reused));
    assert_eq!(outcome_of("two", "shift a everything 30m"), None);
}

#[test]
fn a_refusal_is_remembered_too() {
    let mut runner = Runner::with_estate();
    let (first, _) = runner.run_as("one", parse("cancel shift-3"));
    runner.run(parse("shift a everything 30m"));
    assert_eq!(runner.run_as("one", parse("cancel shift-3")).0, first);
    assert!(runner.state.shift(&"shift-3".parse().unwrap()).is_some());
}

#[test]
fn the_oldest_requests_are_forgotten_first() {
    let mut runner = Runner::with_estate();
    let has = |runner: &Runner, id: &str| runner.state.requests.contains_key(&RequestId::new(id).unwrap());
    // `z` is the oldest after the estate's own request and sorts last: age counts, not the name.
    runner.run_as("z", parse("expire"));
    for _ in 2..State::REQUESTS_KEPT {
        runner.run(parse("expire"));
    }
    assert_eq!(runner.state.requests.len(), State::REQUESTS_KEPT);
    assert!(has(&runner, "r-1") && has(&runner, "z"));
    runner.run_as("z", parse("expire"));
    assert!(has(&runner, "r-1"), "a repeat takes no room");
    runner.run(parse("expire"));
    assert!(!has(&runner, "r-1") && has(&runner, "z"));
    runner.run(parse("expire"));
    assert!(!has(&runner, "z"), "a repeat does not make a request younger");
    assert_eq!(runner.state.requests.len(), State::REQUESTS_KEPT);
}

#[test]
#[should_panic(expected = "the ledger gave entry 3 to a state at revision 1")]
fn a_gap_in_the_log_is_our_own_mistake() {
    let mut runner = Runner::with_estate();
    runner.state.clone().apply(Revision(2), &entry());
    runner.state.apply(Revision(3), &entry());
}

fn entry() -> Entry {
    let request = RequestId::new("x").unwrap();
    let by = hf_model::Operator::new("ann");
    Entry { request, stamp: hf_model::Timestamp(0), by, from: None, command: Command::Expire }
}

/// Checkpoints keep digests: a change here makes repeats of old requests look like other ones.
#[test]
fn digests_stay_as_they_are() {
    let lines = [
        "shift a everything 30m",
        "extend shift-2 1h if 3",
        "cancel shift-2",
        "pin a out pool/web 1h despite web",
        "unpin a pool/web",
        "expire",
        "turn a off, #0000000000000007 on without p/r despite web",
        "practice region/west a",
        "configure pool/web",
        "unconfigure pool/web",
        "autoshift pool/web on",
    ];
    let shown: Vec<String> =
        lines.iter().map(|line| format!("{} {line}", parse(line).digest().short())).collect();
    expect![[r#"
        bdd18a4e46c4 shift a everything 30m
        fade04b3169e extend shift-2 1h if 3
        221197adc8f1 cancel shift-2
        23d7bebe83ce pin a out pool/web 1h despite web
        d5642d50b004 unpin a pool/web
        8ed3be10a6d3 expire
        683c47ef5c5c turn a off, #0000000000000007 on without p/r despite web
        a0e413bc81ea practice region/west a
        6552e4d001dc configure pool/web
        3577d01c5e4c unconfigure pool/web
        ab1b27b6c9a5 autoshift pool/web on"#]]
    .assert_eq(&shown.join("\n"));
}
