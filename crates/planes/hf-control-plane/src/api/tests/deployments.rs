//! `/v1/deployments`, as a release pipeline calls it.

use std::time::Duration;

use hf_health::Verdict;

use super::fixture::Fixture;

const WEB: &str = "/v1/deployments?zone=a&resource=pool/web";

async fn start(fixture: &Fixture, zone: &str, more: &str) -> String {
    let body = format!(r#"{{"zone":"{zone}","resource":"pool/web"{more}}}"#);
    let answer = fixture.write("POST", "/v1/deployments", &body).await;
    if answer.status == 201 { "201".to_owned() } else { answer.refusal() }
}

#[tokio::test]
async fn a_deployment_is_told_everywhere_and_ends() {
    let mut fixture = Fixture::control().await;
    assert_eq!(start(&fixture, "aa", r#","reason":"release 7""#).await, "201");
    fixture.obey();
    let shown = fixture.ask("GET", "/v1/deployments", "").await.json()["deployments"].clone();
    let now = fixture.clock.now();
    assert_eq!((shown[0]["zone"].as_str(), shown[0]["reason"].as_str()), (Some("a"), Some("release 7")));
    assert_eq!(shown[0]["ends_at_ms"], now.plus(Duration::from_mins(20)).0);
    assert_eq!(fixture.ask("GET", "/v1/status", "").await.json()["deployments"], shown);
    let page = fixture.ask("GET", "/metrics", "").await.text;
    let line = r#"holdfast_deployment_in_progress{zone="a",resource="pool/web",known_by="told"} 1"#;
    assert!(page.contains(line), "{page}");
    let journal = fixture.ask("GET", "/v1/journal", "").await.text;
    assert!(journal.contains("a: deployment of pool/web began, until"), "{journal}");
    let gone = fixture.write("DELETE", WEB, "").await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    fixture.obey();
    let shown = fixture.ask("GET", "/v1/deployments", "").await.json()["deployments"].clone();
    assert_eq!(shown, serde_json::json!([]));
    let again = fixture.write("DELETE", WEB, "").await.refusal();
    assert!(again.starts_with("404 | not-found | a is not marked as being deployed to"), "{again}");
}

#[tokio::test]
async fn a_second_zone_is_refused_and_says_how_it_goes_all_the_same() {
    let mut fixture = Fixture::control().await;
    assert_eq!(start(&fixture, "a", "").await, "201");
    let refused = start(&fixture, "b", "").await;
    assert!(refused.starts_with("409 | zone-edge | pool/web is not deployed to b now: "), "{refused}");
    assert!(refused.ends_with("or override a by its name"), "{refused}");
    assert_eq!(start(&fixture, "b", r#","override_zone":["aa"]"#).await, "201");
    assert_eq!(fixture.write("DELETE", WEB, "").await.status, 200);
    fixture.obey_with(&[Verdict::Unhealthy, Verdict::Healthy]);
    // Under way it is asked nothing; once it is over, a sick zone is in the way.
    assert_eq!(start(&fixture, "b", "").await, "201");
    assert_eq!(fixture.write("DELETE", "/v1/deployments?zone=b&resource=pool/web", "").await.status, 200);
    let refused = start(&fixture, "b", "").await;
    assert!(refused.contains("pool/web is unhealthy in a"), "{refused}");
    assert_eq!(start(&fixture, "b", r#","override_zone":["a"]"#).await, "201");
    assert_eq!(start(&fixture, "a", r#","override_zone":["b"]"#).await, "201");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let fixture = Fixture::control().await;
    for (zone, more, expected) in [
        ("A", "", "400 | bad-request | `zone`"),
        ("a", r#","for":"5h""#, "400 | bad-request | the mark of a deployment lasts 1m to 4h, this one 5h"),
        ("a", r#","override_zone":["A"]"#, "400 | bad-request | `override_zone`"),
        ("x", "", "404 | not-found | there is no zone `x`"),
    ] {
        let refused = start(&fixture, zone, more).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
    // A mark is of one zone: neither of the two knows regions.
    let body = r#"{"zone":"a","resource":"region/r"}"#;
    let began = fixture.write("POST", "/v1/deployments", body).await.refusal();
    let ended = fixture.write("DELETE", "/v1/deployments?zone=a&resource=region/r", "").await.refusal();
    assert!(began.starts_with("400 | bad-request | `resource`") && began == ended, "{began} {ended}");
    let answer = fixture.ask("POST", "/v1/deployments", r#"{"zone":"a"}"#).await;
    assert_eq!(answer.status, 401);
}
