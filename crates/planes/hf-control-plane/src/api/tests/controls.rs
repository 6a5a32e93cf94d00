//! Routing controls over the API: what is told of them, turning them, and what is made over it.

use std::time::Duration;

use hf_config::node::Role;

use super::fixture::{Answered, ESTATE, Fixture, NOW};

/// Two switches behind the zones, of which one is to be on; and a gate on a pool's switch.
const CONTROLS: &str = r#"
[[control_panel]]
name = "zones"
[[routing_control]]
name = "a"
panel = "zones"
[[routing_control]]
name = "b"
panel = "zones"
[[safety_rule]]
name = "keep-one"
panel = "zones"
assert = { at_least = 1, of = ["a", "b"] }
wait_period = "5s"
"#;

/// The fixture with controls behind its zones.
async fn fixture() -> Fixture {
    let mut fixture = Fixture::control().await;
    let estate = ESTATE
        .replace("aliases = [\"aa\"]", "aliases = [\"aa\"]\ncontrol = \"zones/a\"")
        .replace("id = \"b\"\nregion = \"r\"", "id = \"b\"\nregion = \"r\"\ncontrol = \"zones/b\"");
    let body = serde_json::json!({ "toml": format!("{estate}{CONTROLS}") }).to_string();
    let applied = fixture.write("PUT", "/v1/estate", &body).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    fixture.obey();
    fixture
}

async fn set(fixture: &Fixture, body: &str) -> Answered {
    fixture.write("POST", "/v1/controls", body).await
}

fn off(name: &str, request_id: &str) -> String {
    format!(r#"{{"sets":[{{"control":"{name}","to":"off"}}],"reason":"drill","request_id":"{request_id}"}}"#)
}

#[tokio::test]
async fn panels_are_told_with_what_stands_behind_and_whether_rules_hold() {
    let fixture = fixture().await;
    let told = fixture.ask("GET", "/v1/controls", "").await;
    assert_eq!(told.status, 200, "{}", told.text);
    let controls: hf_api::Controls = serde_json::from_str(&told.text).unwrap();
    assert_eq!((controls.revision, controls.consistent, controls.now_ms), (2, true, NOW.0));
    let panel = controls.panels.iter().find(|panel| panel.name == "zones").unwrap();
    assert_eq!((panel.cluster.as_str(), panel.origin), ("holdfast", hf_api::Origin::Estate));
    let [a, b] = &panel.controls[..] else { panic!("{:?}", panel.controls) };
    assert_eq!(
        (a.path.as_str(), a.state, &a.behind[..]),
        ("zones/a", hf_api::ControlTo::On, &["zone/a".to_owned()][..])
    );
    assert_eq!(b.behind, ["zone/b"]);
    let [rule] = &panel.rules[..] else { panic!("{:?}", panel.rules) };
    assert_eq!(
        (rule.path.as_str(), rule.on, rule.holds, rule.wait_period_ms),
        ("zones/keep-one", 2, true, 5_000)
    );
    assert_eq!((rule.wants.to_string().as_str(), rule.waits_until_ms), ("at least 1", None));
}

#[tokio::test]
async fn a_batch_turns_all_or_nothing_and_rules_are_asked() {
    let mut fixture = fixture().await;
    let done = set(&fixture, &off("zones/a", "one")).await;
    assert_eq!((done.status, done.etag.as_deref()), (200, Some("\"3\"")), "{}", done.text);
    let done: hf_api::ControlsSet = serde_json::from_str(&done.text).unwrap();
    assert_eq!((done.revision, done.controls.len()), (3, 1));
    assert_eq!((done.controls[0].state, done.controls[0].by.as_str()), (hf_api::ControlTo::Off, "operator"));
    let again = set(&fixture, &off("zones/a", "one")).await;
    assert_eq!(again.json()["revision"], 3, "the same request has its first answer again");

    let broken = set(&fixture, &off("b", "two")).await.refusal();
    assert!(
        broken.starts_with("409 | safety-rule | safety rule `zones/keep-one` wants at least 1"),
        "{broken}"
    );
    let both = r#"{"sets":[{"control":"a","to":"on"},{"control":"b","to":"off"}],"reason":"swap"}"#;
    let waiting = set(&fixture, both).await.refusal();
    assert!(waiting.starts_with("409 | waiting | safety rule `zones/keep-one` waits 5s more"), "{waiting}");
    fixture.clock.set(NOW.plus(Duration::from_secs(2)));
    let rule = fixture.ask("GET", "/v1/panels/zones/rules/keep-one", "").await.json();
    assert_eq!((rule["on"].as_u64(), rule["waits_until_ms"].as_u64()), (Some(1), Some(NOW.0 + 5_000)));
    fixture.clock.set(NOW.plus(Duration::from_secs(6)));
    let swapped = set(&fixture, both).await;
    assert_eq!(swapped.status, 200, "{}", swapped.text);
    fixture.obey();
    let off = fixture.ask("GET", "/v1/status", "").await.json()["controls_off"].clone();
    assert_eq!(
        off,
        serde_json::json!([
            { "path": "zones/b", "since_ms": NOW.0 + 6_000, "by": "operator", "behind": ["zone/b"] }
        ])
    );
}

#[tokio::test]
async fn a_rule_may_be_overridden_by_its_name_and_the_floor_by_the_pools() {
    let mut fixture = fixture().await;
    assert_eq!(set(&fixture, &off("zones/a", "one")).await.status, 200);
    let with = |overrides: &str| {
        format!(r#"{{"sets":[{{"control":"zones/b","to":"off"}}],"reason":"drill"{overrides}}}"#)
    };
    let rule = r#","override_rules":["keep-one"]"#;
    let floor = set(&fixture, &with(rule)).await.refusal();
    assert!(floor.starts_with("409 | floor |"), "{floor}");
    let unknown = set(&fixture, &with(r#","override_rules":["nothing"]"#)).await.refusal();
    assert!(unknown.starts_with("404 | not-found | there is no safety rule `nothing`"), "{unknown}");
    let both = format!(r#"{rule},"override_floor":["web"]"#);
    let done = set(&fixture, &with(&both)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    fixture.obey();
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    assert_eq!(status["floors_overridden"], serde_json::json!([{ "pool": "web", "by": "control zones/b" }]));
    let journal = fixture.ask("GET", "/v1/journal", "").await.text;
    assert!(journal.contains("keep-one"), "{journal}");
}

#[tokio::test]
async fn bad_batches_have_the_documented_error_and_change_nothing() {
    let fixture = fixture().await;
    let many: Vec<_> =
        (0..101).map(|n| serde_json::json!({ "control": format!("c{n}"), "to": "on" })).collect();
    let many = serde_json::json!({ "sets": many, "reason": "x" }).to_string();
    for (body, expected) in [
        (off("nowhere", "r1").as_str(), "404 | not-found | there is no routing control `nowhere`"),
        (off("a/b/c", "r2").as_str(), "400 | bad-request | `control`: \"a/b/c\" names no routing control"),
        (r#"{"sets":[],"reason":"x"}"#, "400 | bad-request | a batch turns 1 to 100"),
        (many.as_str(), "400 | bad-request | a batch turns 1 to 100"),
        (
            r#"{"sets":[{"control":"a","to":"off"}],"reason":" "}"#,
            "400 | bad-request | `reason`: there is none",
        ),
        (r#"{"sets":[{"control":"a","to":"up"}],"reason":"x"}"#, "400 | bad-request | the body is not"),
        (
            r#"{"sets":[{"control":"a","to":"on"},{"control":"zones/a","to":"off"}],"reason":"x"}"#,
            "400 | bad-request | `zones/a` is in the batch twice",
        ),
    ] {
        let refusal = set(&fixture, body).await.refusal();
        assert!(refusal.starts_with(expected), "{body}\n{refusal}");
    }
    let large = format!(r#"{{"sets":[],"reason":"{}"}}"#, "x".repeat(70 << 10));
    assert!(set(&fixture, &large).await.refusal().starts_with("413 | too-large |"));
    let controls = fixture.ask("GET", "/v1/controls", "").await.json();
    assert!(
        controls["panels"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|panel| panel["controls"].as_array().unwrap())
            .all(|control| control["state"] == "on")
    );
}

#[tokio::test]
async fn a_node_without_ledger_tells_what_it_knows_only_when_that_will_do() {
    let fixture = Fixture::empty(&[Role::Dns]).await;
    let fresh = fixture.ask("GET", "/v1/controls", "").await.refusal();
    assert!(fresh.starts_with("503 | no-ledger |"), "{fresh}");
    let stale = fixture.ask("GET", "/v1/controls?stale=true", "").await;
    assert_eq!((stale.status, stale.json()["consistent"].as_bool()), (200, Some(false)), "{}", stale.text);
}

#[tokio::test]
async fn panels_controls_and_rules_are_made_changed_and_removed() {
    let fixture = fixture().await;
    let write =
        |method: &'static str, path: &'static str, body: &'static str| fixture.write(method, path, body);
    for (method, path, body, status) in [
        ("PUT", "/v1/panels/cells", "{}", 200),
        ("PUT", "/v1/panels/cells/controls/one", "{}", 200),
        ("PUT", "/v1/panels/cells/controls/two", "{}", 200),
        (
            "PUT",
            "/v1/panels/cells/rules/any",
            r#"{"kind":"assert","wants":"any","of":["one","two"],"wait_period":"0s"}"#,
            200,
        ),
        ("PUT", "/v1/panels/cells/controls/one", r#"{"rename":"first"}"#, 200),
        ("PUT", "/v1/panels/cells/controls/one", r#"{"rename":"zero"}"#, 404),
        ("PUT", "/v1/panels/cells/controls/first", r#"{"rename":"two"}"#, 409),
        ("DELETE", "/v1/panels/cells/controls/two", "", 409),
        (
            "PUT",
            "/v1/panels/cells/rules/any",
            r#"{"kind":"assert","wants":"any","of":["first","two"],"wait_period":"7s"}"#,
            200,
        ),
        ("PUT", "/v1/panels/cells/rules/any", r#"{"kind":"assert","wants":"all","of":["first","two"]}"#, 409),
        ("PUT", "/v1/panels/cells/rules/bad", r#"{"kind":"assert","wants":"any","of":["nobody"]}"#, 404),
        (
            "PUT",
            "/v1/panels/cells/rules/bad",
            r#"{"kind":"assert","wants":"any","of":["two"],"targets":["two"]}"#,
            400,
        ),
        ("DELETE", "/v1/panels/cells", "", 409),
        ("PUT", "/v1/panels/zones", r#"{"rename":"mine"}"#, 409),
        ("DELETE", "/v1/panels/zones/controls/a", "", 409),
        ("PUT", "/v1/panels/nowhere/controls/a", "{}", 404),
        ("PUT", "/v1/panels/a%20b", "{}", 400),
    ] {
        let answer = write(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
    }
    let panel = fixture.ask("GET", "/v1/panels/cells", "").await;
    let told: hf_api::ControlPanel = serde_json::from_str(&panel.text).unwrap();
    let controls: Vec<&str> = told.controls.iter().map(|control| control.path.as_str()).collect();
    assert_eq!((controls, told.origin), (vec!["cells/first", "cells/two"], hf_api::Origin::Api));
    assert!(
        told.controls.iter().all(|control| control.state == hf_api::ControlTo::Off),
        "what is made is off"
    );
    assert_eq!((told.rules[0].wait_period_ms, told.rules[0].holds), (7_000, false));
    for path in [
        "/v1/panels/cells/rules/any",
        "/v1/panels/cells/controls/first",
        "/v1/panels/cells/controls/two",
        "/v1/panels/cells",
    ] {
        let gone = fixture.write("DELETE", path, "").await;
        assert_eq!(gone.status, 200, "{path}: {}", gone.text);
        assert_eq!(fixture.ask("GET", path, "").await.status, 404, "{path}");
    }
}
