//! What if a zone went, and whether anything may be scaled in.

use std::time::Duration;

use hf_api::{LoadFit, WhatIf, WhatIfVerdict};
use hf_config::node::Role;

use super::fixture::Fixture;

async fn ask(fixture: &Fixture, lose: &str) -> WhatIf {
    let answer = fixture.ask("GET", &format!("/v1/whatif?lose={lose}"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn the_load_of_a_lost_zone_is_held_against_what_stays() {
    let fixture = Fixture::control().await;
    let found = ask(&fixture, "aa").await;
    assert_eq!((found.verdict, found.ok, found.load_known), (WhatIfVerdict::Unknown, true, false));
    let roles = [Role::Control, Role::Balancer];
    fixture.hear("n1", &roles, 1, 0, 0);
    fixture.clock.set(fixture.clock.now().plus(Duration::from_secs(10)));
    fixture.hear("n1", &roles, 1, 3_000, 0);
    let found = ask(&fixture, "b").await;
    // a carries 300 a second already, and can carry 100.
    assert_eq!((found.verdict, found.ok), (WhatIfVerdict::Beyond, false));
    assert_eq!(found.lost, ["b"]);
    let now = found.zones[0].now.unwrap();
    assert_eq!((now.after_per_1000_s, now.fit), (300_000, LoadFit::Beyond));
    // Nobody is left.
    let found = ask(&fixture, "r").await;
    assert_eq!((found.verdict, found.lost.len()), (WhatIfVerdict::Refused, 2));
    assert!(found.pools[0].out);
    let unknown = fixture.ask("GET", "/v1/whatif?lose=nowhere", "").await.refusal();
    assert!(unknown.starts_with("404 | not-found | there is no zone or region `nowhere`"), "{unknown}");
}

#[tokio::test]
async fn nothing_shrinks_while_a_zone_is_away() {
    let mut fixture = Fixture::control().await;
    assert_eq!(fixture.ask("GET", "/v1/scale-in?zone=b", "").await.status, 200);
    assert_eq!(fixture.shift("away").await.status, 201);
    fixture.obey();
    for path in ["/v1/scale-in?zone=b", "/v1/scale-in?zone=aa", "/v1/scale-in?zone=b&pool=web"] {
        let held = fixture.ask("GET", path, "").await;
        assert_eq!(held.status, 409, "{}", held.text);
        let held = held.json();
        assert_eq!(
            (held["allowed"].as_bool(), held["held_by"][0]["zone"].as_str()),
            (Some(false), Some("a"))
        );
    }
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    let held = status["zones"][1]["scale_in_held"].as_str().unwrap();
    assert!(held.starts_with("pool/web: a is away"), "{held}");
    assert!(status["pools"][0]["scale_in_held"].is_string());
    let page = fixture.ask("GET", "/metrics", "").await.text;
    assert!(page.contains("holdfast_scale_in_allowed{zone=\"b\"} 0"), "{page}");
    assert!(page.contains("holdfast_pool_scale_in_allowed{pool=\"web\"} 0"), "{page}");
    assert_eq!(fixture.ask("GET", "/v1/scale-in?zone=none", "").await.status, 404);
}
