//! Registrations of endpoints, over the API and into the ledger.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::Command;
use hf_model::{Operator, RequestId};
use tokio::sync::watch;

use super::fixture::Fixture;

const ESTATE: &str = "[[region]]\nid = \"west\"\n\
    [[zone]]\nid = \"a\"\nregion = \"west\"\nnetworks = [\"10.1.0.0/16\"]\n[[zone]]\nid = \"b\"\nregion = \"west\"\n\
    [[pool]]\nname = \"web\"\nendpoints = [{ address = \"10.1.0.1:80\", zone = \"a\" }]\nsource = { register = true, max_endpoints = 3 }\n\
    [[pool]]\nname = \"fixed\"\nendpoints = [{ address = \"10.1.0.1:80\", zone = \"a\" }]\n";

/// A control node that asks sources, with the estate above.
async fn node() -> (Fixture, watch::Sender<bool>) {
    let mut fixture = Fixture::control().await;
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let command = Command::ApplyEstate { bundle, if_match: None };
    let context = fixture.api.shared.context.clone();
    let control = context.control.clone().unwrap();
    let request = RequestId::new("sourced").unwrap();
    control.submit(Operator::new("test"), request, command).await.unwrap();
    fixture.obey_with(&[]);
    let stop = watch::Sender::new(false);
    let stopped = stop.subscribe();
    tokio::spawn(async move { crate::sources::run(&context, &context.sources, stopped).await });
    let sources = fixture.api.shared.context.sources.clone();
    let kept = async {
        while !sources.keeps_leases() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.expect("it begins to keep leases");
    (fixture, stop)
}

#[tokio::test]
async fn a_service_registers_renews_and_leaves() {
    let (mut fixture, _stop) = node().await;
    let path = "/v1/pools/web/endpoints/one";
    let body = r#"{"address": "10.1.0.2:80", "lease_s": 60}"#;
    let first = fixture.write("PUT", path, body).await;
    assert_eq!((first.status, first.json()["renewed"].as_bool()), (200, Some(false)), "{}", first.text);
    let again = fixture.write("PUT", path, body).await;
    assert_eq!((again.status, again.json()["renewed"].as_bool()), (200, Some(true)));
    assert_eq!(again.json()["revision"], first.json()["revision"], "a renewal is no entry");
    fixture.write("PUT", "/v1/pools/web/endpoints/two", r#"{"address": "10.9.0.2:80", "zone": "b"}"#).await;
    fixture.obey_with(&[]);
    let listed = fixture.ask("GET", "/v1/endpoints", "").await.json();
    let names: Vec<&str> = listed["pools"][0]["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["address"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["10.1.0.1:80", "10.1.0.2:80", "10.9.0.2:80"]);
    assert_eq!(listed["pools"][0]["source"], "register");
    assert_eq!(fixture.write("DELETE", path, "").await.status, 200);
    // The last one of the source stays.
    assert_eq!(fixture.write("DELETE", "/v1/pools/web/endpoints/two", "").await.status, 409);
    assert_eq!(fixture.write("DELETE", "/v1/pools/web/endpoints/none", "").await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_registered_says_why() {
    let (fixture, _stop) = node().await;
    let cases = [
        ("fixed", "one", r#"{"address": "10.1.0.2:80"}"#, 409, "services cannot register with pool/fixed"),
        ("none", "one", r#"{"address": "10.1.0.2:80"}"#, 404, "there is no pool `none`"),
        ("web", "one", r#"{"address": "10.9.0.2:80"}"#, 400, "nothing says in which zone 10.9.0.2 is"),
        ("web", "one", r#"{"address": "10.9.0.2:80", "zone": "z"}"#, 400, "there is no zone `z`"),
        ("web", "one", r#"{"address": "0.0.0.0:80"}"#, 400, "not the address of one machine"),
        ("web", "one", r#"{"address": "web:80"}"#, 400, "not an address and port"),
        ("web", "one", r#"{"address": "10.1.0.2:80", "lease_s": 1}"#, 400, "a lease has 3 to 86400 seconds"),
        ("web", "one", r#"{"address": "10.1.0.2:80", "ttl": 1}"#, 400, "unknown field"),
    ];
    for (pool, id, body, status, message) in cases {
        let refused = fixture.write("PUT", &format!("/v1/pools/{pool}/endpoints/{id}"), body).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert!(refused.text.contains(message), "{body}: {}", refused.text);
    }
    let stranger = fixture.ask("PUT", "/v1/pools/web/endpoints/one", r#"{"address": "10.1.0.2:80"}"#).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn a_node_that_keeps_no_registrations_sends_clients_on() {
    let fixture = Fixture::control().await;
    let mut fixture = fixture;
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let control = fixture.api.shared.context.control.clone().unwrap();
    let command = Command::ApplyEstate { bundle, if_match: None };
    control.submit(Operator::new("test"), RequestId::new("sourced").unwrap(), command).await.unwrap();
    fixture.obey_with(&[]);
    let refused = fixture.write("PUT", "/v1/pools/web/endpoints/one", r#"{"address": "10.1.0.2:80"}"#).await;
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (503, Some("no-ledger")),
        "{}",
        refused.text
    );
}
