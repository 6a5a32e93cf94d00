//! Every error of the API: its status, code and mend.

use expect_test::{Expect, expect};
use hf_api::serve::Peer;
use hf_config::node::Role;

use super::fixture::Fixture;

async fn check(method: &str, path: &str, body: &str, expected: Expect) {
    let fixture = Fixture::control().await;
    expected.assert_eq(&fixture.write(method, path, body).await.refusal());
}

#[tokio::test]
async fn bodies_say_where() {
    check("POST", "/v1/shifts", "", expect!["400 | bad-request | the body is not JSON: EOF while parsing a value at line 1 column 0 | `/openapi.json` describes each route's body"]).await;
    check("POST", "/v1/shifts", "{\"zone\":", expect!["400 | bad-request | the body is not JSON: EOF while parsing a value at line 1 column 8 | `/openapi.json` describes each route's body"]).await;
    check("POST", "/v1/shifts", "{\"zone\":\"a\"}", expect!["400 | bad-request | the body is not what this route takes: missing field `for` at line 1 column 12 | `/openapi.json` describes each route's body"]).await;
    check("POST", "/v1/shifts", "{\"zone\":\"a\",\"nope\":1}", expect!["400 | bad-request | the body is not what this route takes: unknown field `nope`, expected one of `zone`, `resource`, `for`, `reason`, `override_floor`, `request_id` at line 1 column 18 | `/openapi.json` describes each route's body"]).await;
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"A!","for":"5m","reason":"x"}"#,
        expect![
            "400 | bad-request | `zone`: a zone id has only a-z, 0-9 and '-', this one has 'A' | replace it"
        ],
    )
    .await;
    check("POST", "/v1/shifts", r#"{"zone":"a","for":"soon","reason":"x"}"#, expect![[r#"400 | bad-request | `for`: "soon" is not a length of time | write a number and a unit, such as 250ms, 5s, 30m, 1h30m or 3d"#]]).await;
    check("POST", "/v1/shifts", r#"{"zone":"a","for":"5m","reason":"x","resource":"web"}"#, expect![[r#"400 | bad-request | `resource`: "web" is not a resource | write `everything`, `region/ID`, `pool/NAME` or `record/NAME`"#]])
        .await;
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"a","for":"5m","reason":"x","request_id":"A B"}"#,
        expect!["400 | bad-request | `request_id`: a request id has only a-z, 0-9 and '-', this one has 'A' | replace it"],
    )
    .await;
    check("POST", "/v1/pins", r#"{"zone":"a","to":"away","for":"5m","reason":"x"}"#, expect!["400 | bad-request | the body is not what this route takes: unknown variant `away`, expected `in` or `out` at line 1 column 23 | `/openapi.json` describes each route's body"]).await;
}

#[tokio::test]
async fn rules_say_why() {
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"zz","for":"5m","reason":"x"}"#,
        expect!["404 | not-found | there is no zone `zz` | the estate has a, b"],
    )
    .await;
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"a","for":"5s","reason":"x"}"#,
        expect!["400 | bad-request | a shift or pin lasts 1m to 72h, this one 5s | change `--for`"],
    )
    .await;
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"a","for":"5m","reason":""}"#,
        expect![
            "400 | bad-request | a reason has 1 to 500 characters, this one has 0 | say why in `--reason`"
        ],
    )
    .await;
    check(
        "POST",
        "/v1/shifts",
        r#"{"zone":"a","for":"5m","reason":"x","resource":"pool/no"}"#,
        expect![
            "404 | not-found | there is no `pool/no` in the estate | `holdfast status` lists what there is"
        ],
    )
    .await;
    check("POST", "/v1/shifts/shift-99/extend", r#"{"for":"5m"}"#, expect!["404 | not-found | there is no shift `shift-99` | `holdfast shift list --all` shows active and ended ones"]).await;
    check("DELETE", "/v1/shifts/shift-99", "", expect!["404 | not-found | there is no shift `shift-99` | `holdfast shift list --all` shows active and ended ones"]).await;
    check(
        "DELETE",
        "/v1/shifts/Shift!",
        "",
        expect!["400 | bad-request | a shift id has only a-z, 0-9 and '-', this one has 'S' | replace it"],
    )
    .await;
    check("DELETE", "/v1/pins", "", expect!["400 | bad-request | Failed to deserialize query string: missing field `zone` | `/openapi.json` describes each route's parameters"]).await;
}

#[tokio::test]
async fn routes_and_parameters() {
    check(
        "GET",
        "/v2/status",
        "",
        expect!["404 | not-found | there is no route /v2/status | `/openapi.json` lists all of them"],
    )
    .await;
    check("PUT", "/v1/shifts", "", expect!["405 | method-not-allowed | /v1/shifts does not take PUT | `/openapi.json` lists the methods of each route"]).await;
    check("GET", "/v1/shifts?al=true", "", expect!["400 | bad-request | Failed to deserialize query string: al: unknown field `al`, expected one of `all`, `zone`, `resource`, `state`, `kind` | `/openapi.json` describes each route's parameters"]).await;
    check("GET", "/v1/shifts/nope", "", expect!["404 | not-found | there is no shift `nope` | `holdfast shift list --all` shows active and ended ones"]).await;
    check(
        "GET",
        "/v1/shifts/%FF",
        "",
        expect!["400 | bad-request | Invalid URL: Invalid UTF-8 in `id` | write names in plain letters"],
    )
    .await;
    check("GET", "/v1/journal?limit=x", "", expect!["400 | bad-request | Failed to deserialize query string: limit: invalid digit found in string | `/openapi.json` describes each route's parameters"]).await;
    check("GET", "/v1/explain", "", expect!["400 | bad-request | give either `name` (with `type`, `from` and `subnet`), `pool` (with `from_zone`), or `check` | such as /v1/explain?name=www.example.test.&type=A&from=192.0.2.1"]).await;
    check(
        "GET",
        "/v1/explain?name=www.example.test.",
        "",
        expect!["400 | bad-request | `from`: missing | give the address of the client that asks"],
    )
    .await;
    check(
        "GET",
        "/v1/explain?name=www.example.test.&from=here",
        "",
        expect!["400 | bad-request | `from`: not an IP address | write one such as 192.0.2.1 or 2001:db8::1"],
    )
    .await;
    check(
        "GET",
        "/v1/explain?name=www.example.test.&type=BOGUS&from=192.0.2.1",
        "",
        expect!["400 | bad-request | `type`: not a type that is known by name | write it as TYPE64, say"],
    )
    .await;
    check(
        "GET",
        "/v1/explain?pool=nope&from_zone=a",
        "",
        expect!["404 | not-found | there is no pool `nope` | the estate has web"],
    )
    .await;
    check(
        "GET",
        "/v1/explain?pool=web&from_zone=zz",
        "",
        expect!["404 | not-found | there is no zone `zz` | the estate has a, b"],
    )
    .await;
}

#[tokio::test]
async fn writes_need_a_token() {
    let fixture = Fixture::control().await;
    let none = fixture.ask("POST", "/v1/shifts", "{}").await;
    expect!["401 | no-token | this needs a token or a client certificate | send `Authorization: Bearer TOKEN`, or show a client certificate; the first token of a node is in `operator.token` in its data_dir"].assert_eq(&none.refusal());
    for (value, status) in [("Bearer hf_wrong", 401), ("Basic abc", 401), ("Bearer", 401)] {
        let mut request = Fixture::request("DELETE", "/v1/shifts/shift-1", "");
        request.headers_mut().insert("authorization", value.parse().unwrap());
        assert_eq!(fixture.send(request).await.status, status, "{value}");
    }
    let mut request = Fixture::request("DELETE", "/v1/shifts/shift-1", "");
    request.headers_mut().insert("authorization", "Bearer hf_wrong".parse().unwrap());
    expect!["401 | bad-token | node n1 does not know this token | use one of its access file: `holdfast access list` shows whose there are, the first token is in `operator.token` in its data_dir"].assert_eq(&fixture.send(request).await.refusal());
}

#[tokio::test]
async fn reads_from_elsewhere_need_a_token_too() {
    let fixture = Fixture::control().await;
    let from = |path: &str, peer: &str, token: bool| {
        let mut request = Fixture::request("GET", path, "");
        request.extensions_mut().insert(hf_api::serve::Peer(peer.parse().unwrap()));
        if token {
            request
                .headers_mut()
                .insert("authorization", format!("bearer {}", fixture.token).parse().unwrap());
        }
        fixture.send(request)
    };
    assert_eq!(from("/v1/status", "192.0.2.1:5", false).await.status, 401);
    assert_eq!(from("/v1/status", "192.0.2.1:5", true).await.status, 200);
    assert_eq!(from("/v1/status", "[::ffff:127.0.0.1]:5", false).await.status, 200);
    for open in ["/livez", "/readyz", "/metrics", "/openapi.json", "/"] {
        assert_eq!(from(open, "192.0.2.1:5", false).await.status, 200, "{open}");
    }
    let mut unknown = Fixture::request("GET", "/v1/status", "");
    unknown.extensions_mut().clear();
    assert_eq!(fixture.send(unknown).await.status, 401, "a peer that is not known counts as from elsewhere");
}

#[tokio::test]
async fn a_node_without_ledger_says_where_to_go() {
    let fixture = Fixture::empty(&[Role::Balancer]).await;
    let alone = fixture.ask("POST", "/v1/shifts", "{}").await;
    expect!["503 | no-ledger | node `n1` keeps no ledger | ask a node with the role `control`; this one has heard of none. If all are gone, a break-glass shift works without"].assert_eq(&alone.refusal());
    fixture.hear("c1", &[Role::Control], 5, 0, 0);
    for (method, path) in [
        ("POST", "/v1/shifts"),
        ("DELETE", "/v1/shifts/shift-1"),
        ("POST", "/v1/shifts/shift-1/extend"),
        ("POST", "/v1/pins"),
        ("DELETE", "/v1/pins?zone=a"),
        ("PUT", "/v1/estate"),
    ] {
        let refused = fixture.ask(method, path, "{}").await;
        assert_eq!(
            refused.refusal(),
            "503 | no-ledger | node `n1` keeps no ledger | ask `c1`",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn writes_from_elsewhere_hear_of_the_ledger_before_the_token() {
    let (with, without) = (Fixture::control().await, Fixture::empty(&[Role::Balancer]).await);
    let writes = [
        ("POST", "/v1/shifts"),
        ("DELETE", "/v1/shifts/shift-1"),
        ("POST", "/v1/shifts/shift-1/extend"),
        ("POST", "/v1/pins"),
        ("DELETE", "/v1/pins?zone=a"),
        ("PUT", "/v1/estate"),
    ];
    for (method, path) in writes {
        for (fixture, status) in [(&with, 401), (&without, 503)] {
            let mut request = Fixture::request(method, path, "{}");
            request.extensions_mut().insert(Peer("192.0.2.1:5".parse().unwrap()));
            assert_eq!(fixture.send(request).await.status, status, "{method} {path}");
        }
    }
    let mut comparison = Fixture::request("POST", "/v1/estate/diff", "{}");
    comparison.extensions_mut().insert(Peer("192.0.2.1:5".parse().unwrap()));
    assert_eq!(without.send(comparison).await.status, 401, "a comparison is a read");
}

#[tokio::test]
async fn a_damaged_ledger_is_named_with_its_mend() {
    let mut fixture = Fixture::empty(&[Role::Balancer]).await;
    let mut context = fixture.api.shared.context.clone();
    context.ledger_problem = Some("/d/ledger.redb: the ledger is damaged: x; put back a copy".to_owned());
    fixture.api = crate::api::Api::new(context);
    fixture.hear("n1", &[Role::Control], 5, 0, 0);
    let refused = fixture.ask("POST", "/v1/shifts", "{}").await;
    expect!["503 | ledger-failed | node `n1` cannot open its ledger: /d/ledger.redb: the ledger is damaged: x | put back a copy"].assert_eq(&refused.refusal());
}

#[tokio::test]
async fn before_a_first_snapshot() {
    let fixture = Fixture::empty(&[Role::Balancer]).await;
    expect!["503 | not-ready | this node has no snapshot yet | wait until it has heard a node with the control role, or apply a first estate"].assert_eq(&fixture.ask("GET", "/readyz", "").await.refusal());
    let explain = "/v1/explain?name=www.example.test.&from=192.0.2.1";
    assert_eq!(fixture.ask("GET", explain, "").await.status, 503);
    assert_eq!(fixture.ask("GET", "/livez", "").await.status, 200);
    assert_eq!(fixture.ask("GET", "/metrics", "").await.status, 200);
    let status = fixture.ask("GET", "/v1/status", "").await.json();
    assert_eq!((status["snapshot"].is_null(), status["revision"].as_u64()), (true, Some(0)));
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let fixture = Fixture::control().await;
    let large = format!(r#"{{"zone":"{}"}}"#, "a".repeat(70_000));
    assert!(fixture.write("POST", "/v1/shifts", &large).await.refusal().starts_with("413 | too-large |"));
    let large = format!(r#"{{"toml":"{}"}}"#, "#".repeat((16 << 20) + 1));
    let refused = fixture.write("PUT", "/v1/estate", &large).await.refusal();
    assert!(refused.starts_with("413 | too-large | the estate has"), "{refused}");
    let larger = format!(r#"{{"toml":"{}"}}"#, "#".repeat((17 << 20) + 1));
    assert!(fixture.ask("POST", "/v1/estate/diff", &larger).await.refusal().starts_with("413 | too-large |"));
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    let fixture = Fixture::control().await;
    let all = fixture.api.shared.requests.acquire_many(super::super::REQUESTS as u32).await.unwrap();
    expect![
        "503 | busy | 512 requests are being answered already | try again in a second, or ask another node"
    ]
    .assert_eq(&fixture.ask("GET", "/v1/status", "").await.refusal());
    drop(all);
    let _estates = fixture.api.shared.large.acquire_many(super::super::LARGE as u32).await.unwrap();
    expect!["503 | busy | 4 estates are being read already | try again in a second, or ask another node"]
        .assert_eq(&fixture.ask("POST", "/v1/estate/diff", "{}").await.refusal());
    assert_eq!(fixture.ask("GET", "/v1/status", "").await.status, 200);
}
