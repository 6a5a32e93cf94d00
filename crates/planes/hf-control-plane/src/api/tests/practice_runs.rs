//! Practice runs with a ledger in memory and a clock that the test moves.

use std::time::Duration;

use hf_config::node::Role;
use hf_health::Verdict;

use super::fixture::{Fixture, NOW};
use crate::practice::Runs;

const HEALTHY: [Verdict; 2] = [Verdict::Healthy, Verdict::Healthy];
const SICK: [Verdict; 2] = [Verdict::Unhealthy, Verdict::Unhealthy];

/// A control node whose pool `web` may rehearse at any time; the check `web` is its outcome alarm.
async fn world() -> Fixture {
    let mut fixture = Fixture::control().await;
    let put = fixture
        .write("PUT", "/v1/practice/pool/web", r#"{"outcome_alarms":["health-check:web","arn:aws:unknown"]}"#)
        .await;
    assert_eq!(put.status, 200, "{}", put.text);
    fixture.obey_with(&HEALTHY);
    fixture
}

/// Looks once, and has the planes obey what came of it.
async fn look(fixture: &mut Fixture, verdicts: &[Verdict]) {
    let shared = fixture.api.shared.clone();
    let control = shared.context.control.clone().unwrap();
    let mut runs = Runs::new(&shared.context, &shared.observed, &shared.held, control);
    runs.turn().await;
    fixture.obey_with(verdicts);
}

fn pass(fixture: &Fixture, length: Duration) {
    fixture.clock.set(fixture.clock.now().plus(length));
}

async fn told(fixture: &Fixture) -> hf_api::Practice {
    let told = fixture.ask("GET", "/v1/practice/pool/web", "").await;
    serde_json::from_str(&told.text).unwrap_or_else(|error| panic!("{error}: {}", told.text))
}

async fn start(fixture: &Fixture) -> (u16, String) {
    let body = r#"{"zone":"a","reason":"rehearsal"}"#;
    let answer = fixture.write("POST", "/v1/practice/pool/web/runs", body).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn an_outcome_alarm_ends_a_run_as_failed() {
    let mut fixture = world().await;
    assert_eq!(start(&fixture).await.0, 201);
    fixture.obey_with(&HEALTHY);
    look(&mut fixture, &HEALTHY).await;
    assert_eq!(told(&fixture).await.history[0].outcome, hf_api::PracticeOutcome::Pending);
    fixture.obey_with(&SICK);
    look(&mut fixture, &SICK).await;
    let told = told(&fixture).await;
    let run = &told.history[0];
    assert_eq!(
        (run.outcome, run.why.as_str()),
        (hf_api::PracticeOutcome::Failed, "outcome alarm health-check:web went off")
    );
    assert_eq!(told.unknown_alarms, ["arn:aws:unknown"]);
    assert!(fixture.api.shared.context.intent().shifts.is_empty());
}

#[tokio::test]
async fn a_run_to_its_end_succeeds_and_what_was_seen_is_kept() {
    let mut fixture = world().await;
    let roles = [Role::Control, Role::Balancer];
    fixture.hear("n1", &roles, 1, 0, 0);
    pass(&fixture, Duration::from_secs(10));
    fixture.hear("n1", &roles, 1, 200, 0);
    assert_eq!(start(&fixture).await.0, 201);
    fixture.obey_with(&HEALTHY);
    look(&mut fixture, &HEALTHY).await;
    // Zone a carries 100 a second; while b is all that stays nothing is known of it.
    pass(&fixture, Duration::from_secs(30 * 60 - 1));
    look(&mut fixture, &HEALTHY).await;
    let run = told(&fixture).await.history.remove(0);
    assert_eq!(run.outcome, hf_api::PracticeOutcome::Succeeded, "{}", run.why);
    pass(&fixture, Duration::from_mins(2));
    fixture.hear("n1", &roles, 9, 200, 0);
    pass(&fixture, Duration::from_secs(1));
    fixture.hear("n1", &roles, 9, 210, 0);
    look(&mut fixture, &HEALTHY).await;
    let run = told(&fixture).await.history.remove(0);
    assert!(run.headroom_after_ppm.is_some(), "{run:?}");
    let page = fixture.ask("GET", "/metrics", "").await.text;
    assert!(
        page.contains("holdfast_practice_last_outcome{resource=\"pool/web\",outcome=\"succeeded\"} 1"),
        "{page}"
    );
    assert!(
        page.contains("holdfast_practice_last_success_timestamp_seconds{resource=\"pool/web\"} 17"),
        "{page}"
    );
}

#[tokio::test]
async fn alarms_and_want_of_capacity_hold_a_run_up() {
    let mut fixture = world().await;
    fixture.obey_with(&SICK);
    let (status, text) = start(&fixture).await;
    assert_eq!(status, 409);
    assert!(text.contains("outcome alarm health-check:web has gone off"), "{text}");
    fixture.obey_with(&HEALTHY);
    // Zone b would send 300 a second to a, which carries 100.
    let roles = [Role::Control, Role::Balancer];
    fixture.hear("n1", &roles, 1, 0, 0);
    pass(&fixture, Duration::from_secs(10));
    fixture.hear("n1", &roles, 1, 3_000, 0);
    let body = r#"{"zone":"b","reason":"rehearsal"}"#;
    let answer = fixture.write("POST", "/v1/practice/pool/web/runs", body).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.text.contains("capacity check failed: a would get 300"), "{}", answer.text);
    // Neither is forgotten; what can never be is no part of the history.
    let nowhere = r#"{"zone":"x","reason":"rehearsal"}"#;
    assert_eq!(fixture.write("POST", "/v1/practice/pool/web/runs", nowhere).await.status, 404);
    let told = told(&fixture).await;
    let why: Vec<(&str, &str, u32)> =
        told.refused.iter().map(|of| (of.zone.as_str(), of.why.as_str(), of.times)).collect();
    assert_eq!(why[0].1, "outcome alarm health-check:web has gone off", "{why:?}");
    assert!(why[1].0 == "b" && why[1].1.starts_with("capacity check failed"), "{why:?}");
    assert_eq!((told.history.len(), why.len()), (0, 2), "{why:?}");
}

#[tokio::test]
async fn the_weekly_run_begins_by_itself_and_tells_why_not() {
    let mut fixture = world().await;
    // The last hour of the week: whatever the draw was, it is past.
    let (_, began_at) = hf_practice::week_of(NOW);
    let late = began_at.plus(Duration::from_hours(7 * 24) - Duration::from_mins(50));
    fixture.clock.set(late);
    fixture.obey_with(&SICK);
    look(&mut fixture, &SICK).await;
    let held = told(&fixture).await.not_begun.unwrap();
    assert!(held.contains("outcome alarm health-check:web has gone off"), "{held}");
    assert_eq!(fixture.warnings().await, 1);
    let refused = told(&fixture).await.refused;
    assert!(refused[0].why.contains("has gone off") && refused[0].by == "practice of n1", "{refused:?}");
    look(&mut fixture, &HEALTHY).await;
    assert_eq!(fixture.warnings().await, 1);
    fixture.obey_with(&HEALTHY);
    look(&mut fixture, &HEALTHY).await;
    let told = told(&fixture).await;
    assert_eq!((told.history.len(), told.history[0].zone.as_str()), (1, "a"));
    assert_eq!(told.not_begun, None);
    // Once a week.
    look(&mut fixture, &HEALTHY).await;
    assert_eq!(self::told(&fixture).await.history.len(), 1);
}

#[tokio::test]
async fn the_same_reason_is_told_again_after_a_week_and_forgotten_after_a_run() {
    let mut fixture = world().await;
    let (_, began_at) = hf_practice::week_of(NOW);
    fixture.clock.set(began_at.plus(Duration::from_hours(7 * 24) - Duration::from_mins(50)));
    for (passed, told_so_far) in [(0, 1), (1, 1), (7 * 24, 2)] {
        pass(&fixture, Duration::from_hours(passed) / if passed == 1 { 6 } else { 1 });
        fixture.obey_with(&SICK);
        look(&mut fixture, &SICK).await;
        assert_eq!(told(&fixture).await.refused.len(), told_so_far, "{passed}");
        assert_eq!(fixture.warnings().await, told_so_far, "{passed}");
    }
    fixture.obey_with(&HEALTHY);
    pass(&fixture, Duration::from_secs(1));
    assert!(told(&fixture).await.not_begun.is_some());
    assert_eq!(start(&fixture).await.0, 201);
    fixture.obey_with(&HEALTHY);
    look(&mut fixture, &HEALTHY).await;
    assert_eq!(told(&fixture).await.not_begun, None);
}
