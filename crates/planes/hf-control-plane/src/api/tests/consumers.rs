//! `/v1/consumers`, and what a shift's page, the status and the metrics say of consumers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hf_config::node::Role;
use hf_consumers::{Acts, Board, ConsumerKind, ConsumerName, InstanceId, Told};
use hf_feed::{ConsumersHeard, HeardConsumers};
use hf_model::{NodeId, Revision, ZoneId};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::fixture::Fixture;

/// Tells of `instance` in zone b that it applied a revision, and what it runs in zone a.
fn tell(board: &mut Board, fixture: &Fixture, instance: &str, revision: u64, running: u64) {
    board.tell(Told {
        name: ConsumerName::new("orders").unwrap(),
        instance: InstanceId::new(instance).unwrap(),
        kind: ConsumerKind::Worker,
        zone: Some(ZoneId::new("b").unwrap()),
        revision: Some(Revision(revision)),
        acts: Acts::UNKNOWN,
        running: Some(BTreeMap::from([(ZoneId::new("a").unwrap(), running)])),
        at: fixture.clock.now(),
    });
}

fn later(fixture: &Fixture, length: Duration) {
    fixture.clock.set(fixture.clock.now().plus(length));
}

#[tokio::test]
async fn a_shifts_page_shows_who_lags_who_is_silent_and_when_the_last_work_left() {
    let mut fixture = Fixture::control().await;
    fixture.obey();
    let shift = fixture.shift("one").await.json();
    let id = shift["id"].as_str().unwrap().to_owned();
    let began = shift["revision"].as_u64().unwrap();
    assert_eq!(shift["consumers"]["groups"], json!([]), "nobody is known");

    let mut board = Board::default();
    tell(&mut board, &fixture, "quick", began, 0);
    tell(&mut board, &fixture, "slow", began - 1, 3);
    later(&fixture, Duration::from_millis(400));
    fixture.hear_consumers("s1", &board, began);
    let page = fixture.ask("GET", &format!("/v1/shifts/{id}"), "").await.json()["consumers"].clone();
    assert_eq!([&page["applied"], &page["lagging"], &page["running"]], [1, 1, 3]);
    assert_eq!(page["groups"][0]["laggards"], json!(["slow"]));
    assert_eq!(page["groups"][0]["standing"], "lags");
    assert!(page["last_work_ms"].is_null() && page["applied_ms"].is_null(), "{page}");

    tell(&mut board, &fixture, "slow", began, 0);
    later(&fixture, Duration::from_millis(100));
    fixture.hear_consumers("s1", &board, began);
    let page = fixture.ask("GET", &format!("/v1/shifts/{id}"), "").await.json()["consumers"].clone();
    assert_eq!([&page["applied"], &page["lagging"], &page["running"]], [2, 0, 0]);
    assert_eq!([&page["applied_ms"], &page["last_work_ms"]], [500, 500]);
    assert_eq!(page["groups"][0]["applied_ms"], 500);

    // One goes silent, and one answers still.
    later(&fixture, Duration::from_secs(31));
    tell(&mut board, &fixture, "quick", began, 0);
    fixture.hear_consumers("s1", &board, began);
    let page = fixture.ask("GET", &format!("/v1/shifts/{id}"), "").await.json()["consumers"].clone();
    assert_eq!([&page["applied"], &page["silent"]], [1, 1]);
    assert_eq!(page["groups"][0]["standing"], "silent");

    // What it was when it ended stands.
    fixture.write("DELETE", &format!("/v1/shifts/{id}"), "").await;
    later(&fixture, Duration::from_mins(5));
    fixture.hear_consumers("s1", &Board::default(), began + 1);
    let page = fixture.ask("GET", &format!("/v1/shifts/{id}"), "").await.json()["consumers"].clone();
    assert_eq!([&page["applied"], &page["silent"]], [1, 1]);
}

#[tokio::test]
async fn consumers_are_looked_at_four_times_a_beat_however_often_nodes_tell() {
    let mut fixture = Fixture::control().await;
    fixture.obey();
    let id = fixture.shift("one").await.json()["id"].as_str().unwrap().to_owned();
    let shared = fixture.api.shared.clone();
    let shift = shared.context.intent().shifts.iter().find(|shift| shift.id.as_str() == id).unwrap().clone();
    let say = |revision: u64| {
        let mut board = Board::default();
        tell(&mut board, &fixture, "one", revision, 0);
        let (now, in_force) = (fixture.clock.now(), shift.revision);
        let groups = Arc::new(board.groups(now, in_force));
        let told = HeardConsumers { received_at: now, groups };
        let by_node = BTreeMap::from([(NodeId::new("s1").unwrap(), told)]);
        fixture.consumers.send_replace(Arc::new(ConsumersHeard { in_force, by_node }));
    };
    let page = || shared.observed.consumers_of(&shift);
    let look = shared.context.beat / crate::consumers::LOOKS_A_BEAT;
    let (_stop, shutdown) = watch::channel(false);
    tokio::time::pause();
    let script = async {
        say(shift.revision.0 - 1);
        while page().lagging == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let looked = Instant::now();
        say(shift.revision.0);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!((page().applied, page().lagging), (0, 1), "it was looked at a moment ago");
        while page().applied == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(looked.elapsed() <= look * 2, "what changed is looked at with the next look");
        }
    };
    tokio::select! {
        () = crate::observe::run(&shared.context, &shared.observed, shutdown) => panic!("it ended"),
        () = script => {}
    }
}

#[tokio::test]
async fn all_nodes_words_are_merged_and_a_node_that_is_gone_takes_nobody_along() {
    let fixture = Fixture::empty(&[Role::Status]).await;
    let mut board = Board::default();
    tell(&mut board, &fixture, "here", 7, 0);
    fixture.hear_consumers("s1", &board, 7);
    tell(&mut board, &fixture, "there", 7, 0);
    fixture.hear_consumers("s2", &board, 7);
    let known = fixture.ask("GET", "/v1/consumers", "").await.json();
    assert_eq!(known["groups"][0]["instances"], 2, "one at two nodes is one: {known}");
    assert_eq!(known["groups"][0]["nodes"], json!(["s1", "s2"]));
    assert_eq!((&known["revision"], &known["silent_nodes"]), (&json!(7), &json!([])));

    later(&fixture, Duration::from_secs(4));
    fixture.hear_consumers("s1", &Board::default(), 7);
    let known = fixture.ask("GET", "/v1/consumers", "").await.json();
    assert_eq!(known["silent_nodes"], json!(["s2"]));
    assert_eq!(
        (&known["groups"][0]["standing"], &known["groups"][0]["silent"]),
        (&json!("silent"), &json!(2))
    );
}

#[tokio::test]
async fn consumers_are_asked_for_by_name_and_zone() {
    let mut fixture = Fixture::control().await;
    fixture.obey();
    let mut board = Board::default();
    tell(&mut board, &fixture, "i", 1, 0);
    fixture.hear_consumers("s1", &board, 1);
    let count = async |query: &str| {
        let known = fixture.ask("GET", &format!("/v1/consumers?{query}"), "").await.json();
        known["groups"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 1);
    assert_eq!(count("name=orders&zone=b").await, 1);
    assert_eq!(count("name=other").await, 0);
    assert_eq!(count("zone=a").await, 0);
    let refusal = fixture.ask("GET", "/v1/consumers?name=two+words", "").await.refusal();
    assert!(refusal.starts_with("400 | bad-request"), "{refusal}");
}

#[tokio::test]
async fn status_and_metrics_tell_the_same() {
    let mut fixture = Fixture::control().await;
    fixture.obey();
    let mut board = Board::default();
    tell(&mut board, &fixture, "fine", 1, 0);
    tell(&mut board, &fixture, "slow", 0, 5);
    fixture.hear_consumers("s1", &board, 1);
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    assert_eq!(status["consumers"]["groups"][0]["lagging"], 1, "{}", status["consumers"]);
    let metrics = fixture.ask("GET", "/metrics", "").await.text;
    for line in [
        r#"holdfast_consumer_instances{consumer="orders",kind="worker",zone="b"} 2"#,
        r#"holdfast_consumer_lagging{consumer="orders",kind="worker",zone="b"} 1"#,
        r#"holdfast_consumer_silent{consumer="orders",kind="worker",zone="b"} 0"#,
        r#"holdfast_consumer_running{consumer="orders",kind="worker",zone="b",running_in="a"} 5"#,
        r#"holdfast_consumer_revision{consumer="orders",kind="worker",zone="b"} 0"#,
        "holdfast_consumer_groups_left_out{} 0",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}
