//! What the writing routes do, and what a repeated request does not.

use std::time::Duration;

use super::fixture::{ESTATE, Fixture, NOW};

const ID: hf_model::EstateId = hf_model::EstateId([7; 16]);

/// Lets a data node obey the estate as it came over the feed.
fn obey_from_afar(fixture: &Fixture) {
    let estate = hf_config::estate::EstateBundle { toml: ESTATE.to_owned(), ..Default::default() };
    let read = hf_control::read_estate(&estate).unwrap();
    let (estate_id, revision) = (ID, hf_model::Revision(1));
    let intent = hf_control::Intent { estate_id, revision, estate, ..Default::default() };
    let verdicts = hf_health::Verdicts::unknown(read.subject_count());
    let snapshot = hf_snapshot::Snapshot::build(1, NOW, intent.into(), read.into(), vec![], verdicts);
    fixture.snapshots.send_replace(Some(snapshot.into()));
}

#[tokio::test]
async fn a_shift_from_start_to_end() {
    let fixture = Fixture::control().await;
    let started = fixture.shift("r1").await;
    assert_eq!((started.status, started.etag.as_deref()), (201, Some("\"2\"")), "{}", started.text);
    let shift: hf_api::Shift = serde_json::from_str(&started.text).unwrap();
    assert_eq!(
        (shift.id.as_str(), shift.by.as_str(), shift.resource.as_str()),
        ("shift-2", "operator", "everything")
    );
    assert_eq!(shift.ends_at_ms, NOW.0 + 1_800_000);

    let shown = fixture.ask("GET", "/v1/shifts/shift-2", "").await;
    assert_eq!((shown.status, shown.etag.as_deref()), (200, Some("\"2\"")));

    let extended = fixture.write("POST", "/v1/shifts/shift-2/extend", r#"{"for":"1h"}"#).await;
    assert_eq!((extended.status, extended.etag.as_deref()), (200, Some("\"3\"")), "{}", extended.text);
    assert_eq!(extended.json()["ends_at_ms"], NOW.0 + 3_600_000);

    let canceled = fixture.write("DELETE", "/v1/shifts/shift-2", "").await;
    assert_eq!(
        (canceled.status, canceled.json()["state"].as_str()),
        (200, Some("canceled")),
        "{}",
        canceled.text
    );
    assert_eq!(canceled.json()["ended_at_ms"], NOW.0);

    let listed = fixture.ask("GET", "/v1/shifts", "").await.json();
    assert_eq!(
        (listed["shifts"].as_array().unwrap().len(), listed["ended_listed"].as_bool()),
        (0, Some(false))
    );
    let all = fixture.ask("GET", "/v1/shifts?all=true", "").await.json();
    assert_eq!((all["shifts"].as_array().unwrap().len(), all["ended_listed"].as_bool()), (1, Some(true)));
}

#[tokio::test]
async fn the_same_request_id_begins_one_shift() {
    let fixture = Fixture::control().await;
    let (first, second) = (fixture.shift("same").await, fixture.shift("same").await);
    assert_eq!((first.status, &first.text), (second.status, &second.text));
    assert_eq!(
        fixture.ask("GET", "/v1/shifts?all=true", "").await.json()["shifts"].as_array().unwrap().len(),
        1
    );
    let other = fixture.shift("other").await;
    assert!(
        other.refusal().starts_with("409 | already-shifted | `shift-2` already takes"),
        "{}",
        other.refusal()
    );
}

#[tokio::test]
async fn one_request_id_for_two_things_is_said() {
    let fixture = Fixture::control().await;
    let pin = r#"{"zone":"b","to":"in","for":"5m","reason":"x","request_id":"same"}"#;
    assert_eq!(fixture.write("POST", "/v1/pins", pin).await.status, 201);
    let refused = fixture.shift("same").await.refusal();
    assert!(
        refused.starts_with("409 | refused | request `same` was used before for something else"),
        "{refused}"
    );
}

#[tokio::test]
async fn if_match_is_honoured() {
    let fixture = Fixture::control().await;
    fixture.shift("r1").await;
    let with = |method: &str, path: &str, body: &str, revision: &str| {
        let mut request = Fixture::request(method, path, body);
        request.headers_mut().insert("authorization", format!("Bearer {}", fixture.token).parse().unwrap());
        request.headers_mut().insert("if-match", revision.parse().unwrap());
        fixture.send(request)
    };
    let stale = with("DELETE", "/v1/shifts/shift-2", "", "\"1\"").await;
    assert!(
        stale.refusal().starts_with("412 | stale | the state moved on from revision 1 to 2"),
        "{}",
        stale.refusal()
    );
    let stale = with("POST", "/v1/shifts/shift-2/extend", r#"{"for":"1h"}"#, "1").await;
    assert_eq!(stale.status, 412);
    let bad = with("DELETE", "/v1/shifts/shift-2", "", "W/\"2\"").await;
    assert!(bad.refusal().starts_with("400 | bad-request | If-Match is not a revision"), "{}", bad.refusal());
    let both = format!(r#"{{"toml":{},"if_match":3}}"#, serde_json::json!(ESTATE));
    let both = with("PUT", "/v1/estate", &both, "\"4\"").await;
    assert!(
        both.refusal().starts_with("400 | bad-request | If-Match names revision 4"),
        "{}",
        both.refusal()
    );
    assert_eq!(with("POST", "/v1/shifts/shift-2/extend", r#"{"for":"1h"}"#, "*").await.status, 200);
    let now = fixture.ask("GET", "/v1/shifts/shift-2", "").await.etag.unwrap();
    assert_eq!(with("DELETE", "/v1/shifts/shift-2", "", &now).await.status, 200);
}

#[tokio::test]
async fn pins_come_and_go() {
    let mut fixture = Fixture::control().await;
    let body = r#"{"zone":"aa","resource":"pool/web","to":"out","for":"5m","reason":"x"}"#;
    assert_eq!(fixture.write("POST", "/v1/pins", body).await.status, 201);
    fixture.obey();
    let pins = fixture.ask("GET", "/v1/status", "").await.json()["pins"].clone();
    assert_eq!((pins[0]["zone"].as_str(), pins[0]["to"].as_str()), (Some("a"), Some("out")));
    let gone = fixture.write("DELETE", "/v1/pins?zone=a&resource=pool/web", "").await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    let again = fixture.write("DELETE", "/v1/pins?zone=a&resource=pool/web", "").await;
    assert!(again.refusal().starts_with("404 | not-found | a is not pinned"), "{}", again.refusal());
}

#[tokio::test]
async fn a_shift_of_a_zone_that_is_pinned_in_says_that_it_is_not_applied() {
    let mut fixture = Fixture::control().await;
    let body = r#"{"zone":"a","to":"in","for":"5m","reason":"x"}"#;
    assert_eq!(fixture.write("POST", "/v1/pins", body).await.status, 201);
    let started = fixture.shift("r1").await;
    assert_eq!((started.status, started.json()["effect"].is_null()), (201, true), "not yet decided");
    fixture.obey();
    let shown = fixture.ask("GET", "/v1/shifts/shift-3", "").await.json();
    let expected = serde_json::json!({
        "applied": 0,
        "not_applied": [{
            "resource": "pool/web",
            "why": "the zone is pinned in (by operator until 2023-11-14T22:18:20Z)",
            "so_anyway": false,
        }],
    });
    assert_eq!(shown["effect"], expected);
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    assert_eq!(status["shifts"][0]["effect"], expected);
    assert_eq!(status["pins"][0]["effect"], serde_json::json!({"applied": 1, "not_applied": []}));
}

#[tokio::test]
async fn a_zone_in_the_place_of_a_shift_is_answered_with_its_shift() {
    let mut fixture = Fixture::control().await;
    fixture.shift("r1").await;
    fixture.obey();
    let words =
        "404 | not-found | `aa` is a zone, not a shift | its traffic is taken away by `shift-2`: name that";
    assert_eq!(fixture.write("DELETE", "/v1/shifts/aa", "").await.refusal(), words);
    assert_eq!(fixture.write("POST", "/v1/shifts/aa/extend", r#"{"for":"1h"}"#).await.refusal(), words);
    assert_eq!(fixture.ask("GET", "/v1/shifts/aa", "").await.refusal(), words);
    let none = fixture.write("DELETE", "/v1/shifts/b", "").await.refusal();
    assert!(none.starts_with("404 | not-found | there is no shift `b`"), "{none}");
}

#[tokio::test]
async fn applying_beside_a_watched_file_warns() {
    let fixture = Fixture::control().await;
    let put = async |toml: &str| {
        let body = format!(r#"{{"toml":{}}}"#, serde_json::json!(toml));
        fixture.write("PUT", "/v1/estate", &body).await.json()["warning"].clone()
    };
    assert!(put(ESTATE).await.is_null(), "the file says so too");
    assert_eq!(
        put(&ESTATE.replace("capacity = 100", "capacity = 200")).await,
        "node n1 watches estates/shop.toml and will put that file in force again at its next edit or restart; edit the file instead"
    );
}

#[tokio::test]
async fn an_estate_is_applied_compared_and_shown() {
    let fixture = Fixture::control().await;
    let bigger = ESTATE.replace("capacity = 100", "capacity = 200");
    let body = |revision: u64| format!(r#"{{"toml":{},"if_match":{revision}}}"#, serde_json::json!(bigger));
    let compared = fixture.ask("POST", "/v1/estate/diff", &body(0)).await.json();
    assert_eq!(compared["revision"], 1);
    let changes = compared["changes"].as_array().unwrap();
    assert_eq!(
        (changes.len(), changes[0]["kind"].as_str(), changes[0]["what"].as_str()),
        (1, Some("changed"), Some("zone a"))
    );
    let stale = fixture.write("PUT", "/v1/estate", &body(7)).await;
    assert!(stale.refusal().starts_with("412 | stale |"), "{}", stale.refusal());
    let applied = fixture.write("PUT", "/v1/estate", &body(1)).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let shown = fixture.ask("GET", "/v1/estate", "").await;
    assert_eq!(shown.etag, applied.etag);
    assert_eq!(shown.json()["toml"], bigger);
}

#[tokio::test]
async fn a_bad_estate_has_all_its_problems_listed() {
    let fixture = Fixture::control().await;
    let bad = ESTATE.replace(r#"region = "r""#, r#"region = "s""#);
    let body = format!(r#"{{"toml":{}}}"#, serde_json::json!(bad));
    let refused = fixture.write("PUT", "/v1/estate", &body).await;
    assert!(
        refused.refusal().starts_with("422 | bad-estate | the estate was not applied: "),
        "{}",
        refused.refusal()
    );
    let compared = fixture.ask("POST", "/v1/estate/diff", &body).await;
    assert_eq!(compared.status, 422);
    let message = compared.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(message.matches("estate.toml:").count(), 2, "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_shift_expires_over_the_api_too() {
    let fixture = Fixture::control().await;
    fixture.shift("r1").await;
    fixture.clock.set(NOW.plus(Duration::from_mins(30)));
    let mut intent = fixture.api.shared.context.control.clone().unwrap().intent();
    intent.wait_for(|intent| intent.shifts.is_empty()).await.unwrap();
    let shown = fixture.ask("GET", "/v1/shifts/shift-2", "").await.json();
    assert_eq!(shown["state"], "expired");
    let late = fixture.write("POST", "/v1/shifts/shift-2/extend", r#"{"for":"1h"}"#).await;
    assert!(late.refusal().starts_with("409 | not-active |"), "{}", late.refusal());
}

#[tokio::test]
async fn a_break_glass_shift_needs_no_ledger_and_no_token() {
    let mut fixture = Fixture::empty(&[hf_config::node::Role::Balancer]).await;
    let shift = hf_control::BreakGlassShift {
        estate: ID,
        zone: hf_model::ZoneId::new("a").unwrap(),
        reason: "no ledger".to_owned(),
        by: hf_model::Operator::new("ann"),
        signed_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(10)),
    };
    let signed = fixture.key.sign(shift.clone());
    let body = |signature: &[u8]| {
        use base64::Engine;
        let body = hf_api::SignedBreakGlass {
            estate: ID.to_string(),
            zone: "a".to_owned(),
            reason: "no ledger".to_owned(),
            by: "ann".to_owned(),
            signed_at_ms: NOW.0,
            ends_at_ms: NOW.0 + 600_000,
            signature: base64::engine::general_purpose::STANDARD.encode(signature),
        };
        serde_json::to_string(&body).unwrap()
    };
    let good = body(&signed.signature);
    let early = fixture.ask("POST", "/v1/break-glass", &good).await.refusal();
    assert!(early.starts_with("409 | refused | this node obeys no estate yet"), "{early}");
    obey_from_afar(&fixture);
    let other = fixture
        .key
        .sign(hf_control::BreakGlassShift { estate: hf_model::EstateId([8; 16]), ..shift.clone() });
    let other = body(&other.signature).replace(&ID.to_string(), &"08".repeat(16));
    let stray = fixture.ask("POST", "/v1/break-glass", &other).await.refusal();
    assert!(stray.starts_with("409 | refused | it is for estate 0808"), "{stray}");
    let mut glass = std::mem::replace(&mut fixture.glass, tokio::sync::mpsc::channel(1).1);
    let (taken, ()) = tokio::join!(fixture.ask("POST", "/v1/break-glass", &good), async {
        let given = glass.recv().await.unwrap();
        assert_eq!(given.signed.shift, shift);
        given.reply.send(Ok(())).unwrap();
    });
    assert_eq!((taken.status, taken.json()["node"].as_str()), (200, Some("n1")), "{}", taken.text);

    let (superseded, ()) = tokio::join!(fixture.ask("POST", "/v1/break-glass", &good), async {
        let by = hf_model::Operator::new("bob");
        let reply = glass.recv().await.unwrap().reply;
        reply
            .send(Err(hf_feed::BreakGlassRefused::Superseded { by, later: Duration::from_secs(5) }))
            .unwrap();
    });
    let words = "409 | refused | a newer break-glass act of `bob` for this zone is known, signed 5s after this one | sign again to replace it, and if that does not help set the clock of the machine that signs";
    assert_eq!(superseded.refusal(), words);

    let forged = fixture.ask("POST", "/v1/break-glass", &body(&[7; 64])).await;
    assert!(
        forged.refusal().starts_with("403 | bad-token | the signature is not that"),
        "{}",
        forged.refusal()
    );
    let short = fixture.ask("POST", "/v1/break-glass", &body(&[7; 63])).await;
    assert!(
        short.refusal().starts_with("400 | bad-request | `signature`: not 64 bytes"),
        "{}",
        short.refusal()
    );
    fixture.clock.set(NOW.plus(Duration::from_hours(1)));
    let old = fixture.ask("POST", "/v1/break-glass", &body(&signed.signature)).await;
    assert!(old.refusal().starts_with("400 | bad-request | it ended"), "{}", old.refusal());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_break_glass_shifts_is_bounded() {
    let fixture = Fixture::empty(&[hf_config::node::Role::Balancer]).await;
    obey_from_afar(&fixture);
    let mut answers = Vec::new();
    for number in 0..5 {
        use base64::Engine;
        let ends_at = NOW.plus(Duration::from_secs(600 + number));
        let signed = fixture.key.sign(hf_control::BreakGlassShift {
            estate: ID,
            zone: hf_model::ZoneId::new("a").unwrap(),
            reason: "x".to_owned(),
            by: hf_model::Operator::new("ann"),
            signed_at: NOW,
            ends_at,
        });
        let body = hf_api::SignedBreakGlass {
            estate: ID.to_string(),
            zone: "a".to_owned(),
            reason: "x".to_owned(),
            by: "ann".to_owned(),
            signed_at_ms: NOW.0,
            ends_at_ms: ends_at.0,
            signature: base64::engine::general_purpose::STANDARD.encode(signed.signature),
        };
        // Nobody takes them: four wait, the fifth has no place.
        let answer = fixture.ask("POST", "/v1/break-glass", &serde_json::to_string(&body).unwrap()).await;
        assert_eq!(answer.status, 503);
        answers.push(answer.refusal());
    }
    assert!(answers[3].contains("did not take it within a second"), "{}", answers[3]);
    assert!(answers[4].contains("too many break-glass shifts wait"), "{}", answers[4]);
}
