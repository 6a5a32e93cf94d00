//! Practice runs, lists of shifts, near ends and the exported journal.

use std::time::Duration;

use super::fixture::{Fixture, NOW};

const ALARMS: &str = r#"{"outcome_alarms":["checkout-errors"]}"#;

#[tokio::test]
async fn a_practice_run_from_its_configuration_to_its_end() {
    let mut fixture = Fixture::control().await;
    let none = fixture.ask("GET", "/v1/practice/pool/web", "").await.refusal();
    assert!(none.starts_with("404 | not-found | `pool/web` has no practice configuration"), "{none}");
    let early = fixture.write("PUT", "/v1/autoshift/pool/web", r#"{"to":"on"}"#).await;
    assert_eq!(early.status, 404, "{}", early.text);

    let put = fixture.write("PUT", "/v1/practice/pool/web", ALARMS).await;
    assert_eq!(put.status, 200, "{}", put.text);
    let start = r#"{"zone":"aa","reason":"weekly run","request_id":"run"}"#;
    let run = fixture.write("POST", "/v1/practice/pool/web/runs", start).await;
    assert_eq!(run.status, 201, "{}", run.text);
    let run: hf_api::Shift = serde_json::from_str(&run.text).unwrap();
    assert_eq!(
        (run.kind, run.resource.as_str(), run.zone.as_str()),
        (hf_api::ShiftKind::Practice, "pool/web", "a")
    );
    assert_eq!(run.ends_at_ms, NOW.0 + 1_800_000);
    fixture.obey();

    let on = fixture.write("PUT", "/v1/autoshift/pool/web", r#"{"to":"on"}"#).await;
    assert_eq!(on.status, 200, "{}", on.text);
    let kept = fixture.write("DELETE", "/v1/practice/pool/web", "").await.refusal();
    assert!(kept.starts_with("409 | refused | autoshift is enabled"), "{kept}");

    // An operator's shift of the same zone comes before a rehearsal.
    let shift = fixture.shift("real").await;
    assert_eq!(shift.status, 201, "{}", shift.text);
    let told = fixture.ask("GET", "/v1/practice/pool/web", "").await.json();
    assert_eq!(
        (told["autoshift"].as_str(), told["runs"][0]["state"].as_str()),
        (Some("on"), Some("interrupted"))
    );
    assert_eq!(told["runs"][0]["id"], run.id.as_str());
    let list = fixture.ask("GET", "/v1/practice", "").await.json();
    assert_eq!(list["practices"].as_array().unwrap().len(), 1);

    let ended = fixture.ask("GET", "/v1/shifts?kind=practice&state=interrupted", "").await.json();
    assert_eq!(
        (ended["shifts"][0]["id"].as_str(), ended["shifts"][0]["ended_by"].as_str()),
        (Some(run.id.as_str()), Some("operator"))
    );
}

#[tokio::test]
async fn bad_practice_configurations_are_named() {
    let fixture = Fixture::control().await;
    for (resource, body, expected) in [
        ("pool/none", ALARMS, "404 | not-found | there is no `pool/none`"),
        ("house/web", ALARMS, "400 | bad-request | \"house/web\" is not a managed resource"),
        ("pool/web", r#"{"outcome_alarms":[]}"#, "400 | bad-request |"),
        (
            "pool/web",
            r#"{"outcome_alarms":["checkout-errors"],"blocked_dates":["2026-13-01"]}"#,
            "400 | bad-request | `blocked_dates`:",
        ),
        (
            "pool/web",
            r#"{"outcome_alarms":["checkout-errors"],"allowed_windows":["Mon"]}"#,
            "400 | bad-request | `allowed_windows`:",
        ),
    ] {
        let refusal = fixture.write("PUT", &format!("/v1/practice/{resource}"), body).await.refusal();
        assert!(refusal.starts_with(expected), "{resource} {body}\n{refusal}");
    }
    let run =
        fixture.write("POST", "/v1/practice/pool/web/runs", r#"{"zone":"a","reason":"x"}"#).await.refusal();
    assert!(run.starts_with("404 | not-found | `pool/web` has no practice configuration"), "{run}");
}

#[tokio::test]
async fn shifts_are_listed_by_what_is_asked_for() {
    let mut fixture = Fixture::control().await;
    let start = |resource: &str, zone: &str| {
        format!(r#"{{"zone":"{zone}","resource":"{resource}","for":"30m","reason":"x"}}"#)
    };
    assert_eq!(fixture.write("POST", "/v1/shifts", &start("pool/web", "aa")).await.status, 201);
    assert_eq!(fixture.write("DELETE", "/v1/shifts/shift-2", "").await.status, 200);
    let wrong = fixture.write("POST", "/v1/shifts", &start("region/elsewhere", "a")).await.refusal();
    assert!(wrong.starts_with("409 | refused | zone `a` is in region `r`, not in `elsewhere`"), "{wrong}");
    let whole = fixture.write("POST", "/v1/shifts", &start("region/r", "a")).await;
    assert_eq!(
        (whole.status, whole.json()["resource"].as_str()),
        (201, Some("everything")),
        "{}",
        whole.text
    );
    fixture.obey();
    for (query, expected) in [
        ("", "shift-4"),
        ("?all=true", "shift-2 shift-4"),
        ("?state=canceled", "shift-2"),
        ("?state=expired", ""),
        ("?zone=aa", "shift-4"),
        ("?zone=b", ""),
        ("?zone=a&all=true&resource=pool/web", "shift-2"),
        ("?resource=everything", "shift-4"),
        ("?kind=break-glass", ""),
    ] {
        let listed = fixture.ask("GET", &format!("/v1/shifts{query}"), "").await.json();
        let ids: Vec<&str> =
            listed["shifts"].as_array().unwrap().iter().map(|shift| shift["id"].as_str().unwrap()).collect();
        assert_eq!(ids.join(" "), expected, "{query}");
    }
    for query in ["?state=over", "?zone=A%20b", "?resource=house/x"] {
        assert_eq!(fixture.ask("GET", &format!("/v1/shifts{query}"), "").await.status, 400, "{query}");
    }
    let shown = fixture.ask("GET", "/v1/shifts/shift-2", "").await.json();
    assert_eq!(shown["ended_by"], "operator");
}

#[tokio::test]
async fn a_floor_is_broken_by_name_only_and_that_is_shown() {
    let mut fixture = Fixture::control().await;
    let shift = |zone: &str, more: &str| format!(r#"{{"zone":"{zone}","for":"30m","reason":"x"{more}}}"#);
    let pin = |more: &str| format!(r#"{{"zone":"b","to":"out","for":"30m","reason":"x"{more}}}"#);
    assert_eq!(fixture.write("POST", "/v1/shifts", &shift("a", "")).await.status, 201);
    let refused = fixture.write("POST", "/v1/pins", &pin("")).await.refusal();
    assert!(refused.starts_with("409 | floor |"), "{refused}");
    let unknown = fixture.write("POST", "/v1/pins", &pin(r#","override_floor":["nothing"]"#)).await.refusal();
    assert!(unknown.starts_with("404 | not-found | there is no pool `nothing`"), "{unknown}");
    let done = fixture.write("POST", "/v1/pins", &pin(r#","override_floor":["web"]"#)).await;
    assert_eq!(done.status, 201, "{}", done.text);
    fixture.obey();
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    assert_eq!(status["floors_overridden"], serde_json::json!([{ "pool": "web", "by": "pin of b" }]));
    assert_eq!(status["pins"][0]["floor_overrides"], serde_json::json!(["web"]));
    assert_eq!(status["estate_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn a_near_end_is_told_once() {
    let mut fixture = Fixture::control().await;
    fixture.shift("r1").await;
    fixture.obey();
    let expiring = async |fixture: &Fixture| {
        fixture.ask("GET", "/v1/shifts/shift-2", "").await.json()["expiring"].clone()
    };
    fixture.clock.set(NOW.plus(Duration::from_secs(1_619)));
    fixture.warn().await;
    assert_eq!((expiring(&fixture).await, fixture.warnings().await), (false.into(), 0));
    fixture.clock.set(NOW.plus(Duration::from_mins(27)));
    // Twice, and by a process that has just started: the journal knows.
    fixture.warn().await;
    fixture.warn().await;
    assert_eq!((expiring(&fixture).await, fixture.warnings().await), (true.into(), 1));
    let page = fixture.ask("GET", "/metrics", "").await.text;
    assert!(page.contains("holdfast_shift_ends_in_seconds{id=\"shift-2\",zone=\"a\"} 180"), "{page}");
    fixture.write("POST", "/v1/shifts/shift-2/extend", r#"{"for":"30m"}"#).await;
    fixture.warn().await;
    assert_eq!((expiring(&fixture).await, fixture.warnings().await), (false.into(), 1));
    // Another control node is first by name: it tells.
    fixture.clock.set(NOW.plus(Duration::from_secs(1_620 + 1_700)));
    fixture.hear("a0", &[hf_config::node::Role::Control], 3, 0, 0);
    fixture.warn().await;
    assert_eq!(fixture.warnings().await, 1);
    fixture.clock.set(NOW.plus(Duration::from_secs(1_620 + 1_710)));
    fixture.warn().await;
    assert_eq!(fixture.warnings().await, 2, "it is not heard any more");
}

#[tokio::test]
async fn the_exported_journal_holds_together() {
    let fixture = Fixture::control().await;
    for number in 1..=3 {
        fixture.clock.set(NOW.plus(Duration::from_secs(number * 10)));
        fixture.write("PUT", &format!("/v1/panels/p{number}"), "{}").await;
    }
    let page = async |query: &str| -> hf_api::JournalExport {
        let answer = fixture.ask("GET", &format!("/v1/journal/export{query}"), "").await;
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {}", answer.text))
    };
    let whole = page("").await;
    assert_eq!((whole.node.as_str(), whole.lines.len() as u64), ("n1", whole.newest));
    let lines: Vec<hf_ledger::Journalled> = whole
        .lines
        .iter()
        .map(|line| hf_ledger::Journalled {
            position: line.position,
            revision: line.revision.map(hf_model::Revision),
            bytes: line.line.clone().into_bytes(),
            chain: line.chain.parse().unwrap(),
        })
        .collect();
    assert_eq!(hf_ledger::verify(Some(hf_ledger::GENESIS), &lines).unwrap(), lines.last().unwrap().chain);
    let rest = page("?after=1&limit=2").await;
    assert_eq!(rest.lines, whole.lines[1..3]);
    for (since_ms, count) in [(NOW.0, 4), (NOW.0 + 1, 3), (NOW.0 + 20_000, 2), (NOW.0 + 30_001, 0)] {
        assert_eq!(page(&format!("?since_ms={since_ms}")).await.lines.len(), count, "{since_ms}");
    }
}
