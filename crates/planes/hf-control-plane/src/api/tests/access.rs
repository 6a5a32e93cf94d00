//! Who may do what over the API: roles, scopes, certificates, and what the journal tells of who may not.

use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, header};
use expect_test::expect;
use hf_access::Role;
use hf_api::serve::{Peer, PeerNames};

use super::fixture::{Answered, Fixture, NOW};
use crate::access::{ACCESS, AccessEdit, LOOK_EVERY, NewPrincipal};
use crate::refusals::{BURST, REFILL};

/// Adds `ann`, as the command does, and waits until the node counts it.
async fn ann(fixture: &Fixture, new: NewPrincipal) -> String {
    let mut edit = AccessEdit::open(&fixture.dir().join(ACCESS)).unwrap();
    edit.add(&NewPrincipal { name: "ann".to_owned(), ..new }).unwrap();
    let token = edit.token("ann", Some("2030-01-01")).unwrap();
    edit.save().unwrap();
    tokio::time::advance(LOOK_EVERY).await;
    token.expose().to_owned()
}

fn roles(roles: &[Role]) -> NewPrincipal {
    NewPrincipal { roles: roles.iter().copied().collect(), ..NewPrincipal::default() }
}

fn asked(method: &str, path: &str, body: &str, token: &str, peer: &str) -> Request<Body> {
    let mut request = Fixture::request(method, path, body);
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    request
}

const SHIFT: &str = r#"{"zone":"aa","for":"30m","reason":"smoke"}"#;

async fn journal(fixture: &Fixture) -> Vec<hf_api::JournalLine> {
    let answered: Answered = fixture.ask("GET", "/v1/journal?after=0&limit=1000", "").await;
    serde_json::from_str::<hf_api::Journal>(&answered.text).unwrap().lines
}

#[tokio::test(start_paused = true)]
async fn who_is_not_known_hears_401_and_who_may_not_hears_what_is_missing() {
    let fixture = Fixture::control().await;
    let token = ann(&fixture, roles(&[Role::Read])).await;
    let from = |token: &str| asked("POST", "/v1/shifts", SHIFT, token, "192.0.2.7:41000");
    assert_eq!(fixture.send(from("hf_wrong")).await.status, 401);
    let refused = fixture.send(from(&token)).await;
    expect!["403 | forbidden | `ann` may not shift: that takes the role `operate`, and `ann` has read | ask an administrator for the role, or use another credential"].assert_eq(&refused.refusal());
    fixture.clock.set(hf_access::expiry("2030-01-01").unwrap());
    let ended = fixture.send(from(&token)).await;
    expect!["401 | bad-token | this token of `ann` ended at 2030-01-01T00:00:00Z | ask an administrator for a new one (`holdfast access token NAME`)"].assert_eq(&ended.refusal());
}

#[tokio::test(start_paused = true)]
async fn scopes_hold_on_every_writing_route() {
    let fixture = Fixture::control().await;
    let everything = roles(&[Role::Read, Role::Operate, Role::Administer, Role::BreakGlass]);
    let token = ann(&fixture, NewPrincipal { zones: Some(vec!["b".to_owned()]), ..everything }).await;
    let shift = fixture.shift("r1").await.json()["id"].as_str().unwrap().to_owned();
    let pin = r#"{"zone":"a","to":"out","for":"5m","reason":"x"}"#;
    let estate = serde_json::json!({ "toml": "" }).to_string();
    for (method, path, body) in [
        ("POST", "/v1/shifts".to_owned(), SHIFT),
        ("POST", format!("/v1/shifts/{shift}/extend"), r#"{"for":"5m"}"#),
        ("DELETE", format!("/v1/shifts/{shift}"), ""),
        ("POST", "/v1/pins".to_owned(), pin),
        ("DELETE", "/v1/pins?zone=a".to_owned(), ""),
        ("PUT", "/v1/estate".to_owned(), &estate),
    ] {
        let answered = fixture.send(asked(method, &path, body, &token, "127.0.0.1:5")).await;
        assert!(
            answered.refusal().starts_with("403 | forbidden | `ann` may not"),
            "{method} {path}: {}",
            answered.text
        );
    }
    let pin = pin.replace("\"a\"", "\"b\"").replace("\"out\"", "\"in\"");
    assert_eq!(fixture.send(asked("POST", "/v1/pins", &pin, &token, "127.0.0.1:5")).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn reads_from_elsewhere_take_the_role_read() {
    let fixture = Fixture::control().await;
    let token = ann(&fixture, roles(&[Role::Operate])).await;
    let refused = fixture.send(asked("GET", "/v1/status", "", &token, "192.0.2.7:41000")).await;
    assert!(
        refused.refusal().starts_with("403 | forbidden | `ann` may not read from another machine"),
        "{}",
        refused.text
    );
    assert_eq!(fixture.send(asked("GET", "/v1/status", "", &token, "127.0.0.1:41000")).await.status, 200);
    assert_eq!(
        fixture.send(asked("GET", "/v1/status", "", &fixture.token, "192.0.2.7:41000")).await.status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_certificate_is_a_principals_too_and_a_token_goes_before_it() {
    let fixture = Fixture::control().await;
    let new =
        NewPrincipal { certificates: vec!["ann.example".to_owned()], ..roles(&[Role::Read, Role::Operate]) };
    ann(&fixture, new).await;
    let certified = |names: &[&str]| {
        let mut request = Fixture::request("POST", "/v1/shifts", SHIFT);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        request.extensions_mut().insert(PeerNames(names.into()));
        request
    };
    let started = fixture.send(certified(&["laptop", "ann.example"])).await;
    assert_eq!((started.status, started.json()["by"].as_str()), (201, Some("ann")), "{}", started.text);
    let unknown = fixture.send(certified(&["eve.example"])).await;
    assert!(
        unknown
            .refusal()
            .starts_with("401 | bad-token | node n1 does not know this certificate of eve.example"),
        "{}",
        unknown.text
    );
    let mut both = certified(&["ann.example"]);
    both.headers_mut().insert(header::AUTHORIZATION, "Bearer hf_wrong".parse().unwrap());
    assert_eq!(fixture.send(both).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn the_journal_tells_who_from_where_what_and_why() {
    let fixture = Fixture::control().await;
    let token = ann(&fixture, roles(&[Role::Read])).await;
    let before = journal(&fixture).await.len();
    let from = |method: &str, path: &str, body: &str, token: &str| {
        asked(method, path, body, token, "192.0.2.7:41000")
    };
    fixture.send(from("POST", "/v1/shifts", SHIFT, &token)).await;
    fixture.send(from("POST", "/v1/shifts", "{\"zo\0ne", &fixture.token)).await;
    fixture.send(from("POST", "/v1/shifts", SHIFT, "hf_wrong")).await;
    fixture.send(from("POST", "/v1/shifts", &SHIFT.replace("aa", "zz"), &fixture.token)).await;
    fixture.send(from("POST", "/v1/shifts", SHIFT, &fixture.token)).await;
    let told: Vec<String> = journal(&fixture)
        .await
        .iter()
        .skip(before)
        .map(|line| {
            let kind = serde_json::to_value(line.kind).unwrap();
            let from = line.from.as_deref().unwrap_or("-");
            format!(
                "{} | {} | {from} | {} | {} | {}",
                kind.as_str().unwrap(),
                line.by,
                line.revision,
                line.text,
                line.why
            )
        })
        .collect();
    expect![[r#"
        request-refused | ann | 192.0.2.7:41000 | 1 | shift everything out of aa for 30m, because: smoke | `ann` may not shift: that takes the role `operate`, and `ann` has read
        request-refused | operator | 192.0.2.7:41000 | 1 | POST /v1/shifts | the body is not JSON: control character (\u0000-\u001F) found while parsing a string at line 1 column 5
        request-refused |  | 192.0.2.7:41000 | 1 | POST /v1/shifts | node n1 does not know this token
        refused | operator | 192.0.2.7:41000 | 2 | refused: shift everything out of zz for 30m, because: smoke | there is no zone `zz`; the estate has a, b
        done | operator | 192.0.2.7:41000 | 3 | shift-3 takes everything out of a until 2023-11-14T22:43:20Z | smoke"#]].assert_eq(&told.join("\n"));
    assert_eq!(fixture.clock.now(), NOW);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_flush_the_journal() {
    let fixture = Fixture::control().await;
    let before = journal(&fixture).await.len();
    let wrong = || asked("POST", "/v1/shifts", SHIFT, "hf_wrong", "192.0.2.7:41000");
    for _ in 0..500 {
        assert_eq!(fixture.send(wrong()).await.status, 401);
    }
    assert_eq!(journal(&fixture).await.len() - before, BURST as usize);
    // Those who are known have room of their own.
    fixture.write("POST", "/v1/shifts", "{").await;
    assert_eq!(journal(&fixture).await.len() - before, BURST as usize + 1);
    tokio::time::advance(REFILL * 2).await;
    fixture.send(wrong()).await;
    let lines = journal(&fixture).await;
    let texts: Vec<&str> =
        lines[before + BURST as usize + 1..].iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        texts,
        ["490 more refused requests of callers who are not known are not listed", "POST /v1/shifts"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_left_out_is_told_without_a_further_request() {
    let fixture = Fixture::control().await;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let bound = fixture.api.clone().bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let task = tokio::spawn(bound.run(shutdown));
    for _ in 0..30 {
        fixture.ask("POST", "/v1/shifts", SHIFT).await;
    }
    let told = async {
        while !journal(&fixture).await.iter().any(|line| line.text.starts_with("20 more refused requests")) {
            tokio::time::sleep(REFILL).await;
        }
    };
    tokio::time::timeout(REFILL * 10, told).await.unwrap();
    stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bad_access_file_changes_nothing() {
    let fixture = Fixture::control().await;
    let path = fixture.dir().join(ACCESS);
    fs::write(&path, "nonsense").unwrap();
    tokio::time::advance(LOOK_EVERY).await;
    assert_eq!(fixture.shift("r1").await.status, 201);
    assert!(fixture.api.shared.context.access.problem().unwrap().contains("not TOML"));
    assert!(Path::new(&path).exists());
}
