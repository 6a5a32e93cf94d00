//! Hosted zones over the API: the list, updates, DNSSEC keys.

use super::fixture::{ESTATE, Fixture};

const TXT: &str =
    r#"{"add":{"name":"_acme-challenge.example.test.","rtype":16,"ttl_s":60,"rdata":"026869"}}"#;

async fn fixture() -> Fixture {
    let mut fixture = Fixture::control().await;
    let rules = "name = \"example.test.\"\nupdates = [{ key = \"acme.\", names = [\"*.example.test.\"] }]\n[[record]]";
    let toml = ESTATE.replace("name = \"example.test.\"\n[[record]]", rules);
    let body = serde_json::json!({ "toml": toml, "files": {} }).to_string();
    let applied = fixture.write("PUT", "/v1/estate", &body).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    fixture.obey();
    fixture
}

#[tokio::test]
async fn updates_are_handed_in_and_counted() {
    let mut fixture = fixture().await;
    let path = "/v1/hosted-zones/example.test/updates";
    let body = format!(r#"{{"key":"acme.","changes":[{TXT}]}}"#);
    let done = fixture.write("POST", path, &body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    fixture.obey();
    let list = fixture.ask("GET", "/v1/hosted-zones", "").await.json();
    let zone = &list["hosted_zones"][0];
    assert_eq!((zone["name"].as_str(), zone["source"].as_str()), (Some("example.test."), Some("estate")));
    assert_eq!((zone["dynamic_records"].as_u64(), zone["steered"].as_u64()), (Some(1), Some(1)));
    assert_eq!(zone["update_keys"][0], "acme.");
    let again = r#"{"key":"acme.","prerequisites":[{"name_not_in_use":{"name":"_acme-challenge.example.test."}}],"changes":[]}"#;
    let refused = fixture.write("POST", path, again).await.refusal();
    assert!(
        refused.starts_with("409 | update-yxdomain | the update of example.test. was refused"),
        "{refused}"
    );
    let declared = r#"{"key":"acme.","changes":[{"delete_set":{"name":"www.example.test","rtype":1}}]}"#;
    let refused = fixture.write("POST", path, declared).await.refusal();
    assert!(refused.starts_with("409 | update-refused | "), "{refused}");
    let odd =
        r#"{"key":"acme.","changes":[{"add":{"name":"a.example.test","rtype":1,"ttl_s":1,"rdata":"0"}}]}"#;
    let refused = fixture.write("POST", path, odd).await.refusal();
    assert!(refused.starts_with("400 | bad-request | `changes`: data is pairs"), "{refused}");
}

#[tokio::test]
async fn a_key_lives_over_the_api() {
    let mut fixture = fixture().await;
    let path = "/v1/hosted-zones/example.test./keys";
    let public = format!("{}=", "A".repeat(43));
    let add = format!(r#"{{"tag":7,"algorithm":15,"public":"{public}","sealed":"c2VhbGVk"}}"#);
    let added = fixture.write("POST", path, &add).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let moved = fixture.write("PUT", &format!("{path}/7"), r#"{"to":"active"}"#).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    fixture.obey();
    let keys = fixture.ask("GET", path, "").await.json();
    assert_eq!(
        (keys["keys"][0]["tag"].as_u64(), keys["keys"][0]["state"].as_str()),
        (Some(7), Some("active"))
    );
    assert!(keys["keys"][0].get("sealed").is_none(), "the sealed key stays in the ledger");
    let last = fixture.write("PUT", &format!("{path}/7"), r#"{"to":"retired"}"#).await.refusal();
    assert!(
        last.starts_with("400 | bad-request | DNSSEC key 7 of example.test.: it is the only active one"),
        "{last}"
    );
    let forced = fixture.write("PUT", &format!("{path}/7"), r#"{"to":"retired","force":true}"#).await;
    assert_eq!(forced.status, 200, "{}", forced.text);
    let waits = fixture.write("DELETE", &format!("{path}/7"), "").await.refusal();
    assert!(waits.starts_with("409 | waiting | DNSSEC key 7 of example.test. waits 1h more"), "{waits}");
    let gone = fixture.write("DELETE", &format!("{path}/7?force=true"), "").await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    let none = fixture.ask("GET", "/v1/hosted-zones/none.test/keys", "").await.refusal();
    assert!(none.starts_with("404 | not-found | there is no hosted zone `none.test.`"), "{none}");
}
