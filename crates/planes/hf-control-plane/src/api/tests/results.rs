//! Results that others push, through the routes of the API.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use expect_test::expect;
use hf_access::Role;
use hf_config::estate::EstateBundle;
use hf_control::Command;
use hf_model::{CheckName, Operator, RequestId};

use super::fixture::{Answered, Fixture};
use crate::access::{ACCESS, AccessEdit, LOOK_EVERY, NewPrincipal};
use crate::api::{Api, Context};
use crate::pushed_here::{PushRefused, PushTaken, PushTold, PushedHere, PushedResult};

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "job"
kind = "pushed"
[[health_check]]
name = "other"
kind = "pushed"
[[health_check]]
name = "off"
kind = "pushed"
disabled = true
[[health_check]]
name = "tcp"
kind = "tcp"
[[pool]]
name = "jobs"
health_check = "job"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
[[pool]]
name = "plain"
health_check = "tcp"
endpoints = [{ address = "10.0.0.3:80", zone = "a" }]
"#;

/// Takes what it is told, or refuses it.
#[derive(Default)]
struct Checker {
    told: Mutex<Vec<PushedResult>>,
    refuses: Mutex<Option<PushRefused>>,
    is_full: AtomicBool,
}

impl PushedHere for Checker {
    fn push(&self, result: PushedResult) -> Result<PushTaken, PushRefused> {
        if let Some(why) = self.refuses.lock().unwrap().clone() {
            return Err(why);
        }
        let valid_for = result.valid_for.unwrap_or(Duration::from_secs(30));
        let healthy = result.is_good;
        self.told.lock().unwrap().push(result);
        Ok(PushTaken { healthy, valid_for })
    }

    fn room(&self, _check: &CheckName) -> Result<(), PushRefused> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        if is_full { Err(PushRefused::TooFast("too many; tell less often".to_owned())) } else { Ok(()) }
    }

    fn told(&self, check: &CheckName, limit: usize) -> (Vec<PushTold>, usize) {
        let told = self.told.lock().unwrap();
        let of_check = told.iter().filter(|told| told.check == *check).cloned();
        let one = |told: PushedResult| PushTold {
            endpoint: told.endpoint,
            is_good: told.is_good,
            text: told.text,
            by: told.by,
            ago: Duration::from_secs(1),
            left: Duration::from_secs(29),
            healthy: Some(told.is_good),
        };
        let left_out = of_check.clone().count().saturating_sub(limit);
        (of_check.take(limit).map(one).collect(), left_out)
    }
}

/// A node with a checker, the estate above, and `ann`.
async fn node(ann: NewPrincipal) -> (Fixture, Arc<Checker>, String) {
    let checker = Arc::new(Checker::default());
    let mut fixture = Fixture::control().await;
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let control = fixture.api.shared.context.control.clone().unwrap();
    let command = Command::ApplyEstate { bundle, if_match: None };
    control.submit(Operator::new("test"), RequestId::new("pushed").unwrap(), command).await.unwrap();
    let context = Context { pushed: Some(checker.clone()), ..fixture.api.shared.context.clone() };
    fixture.api = Api::new(context);
    fixture.obey_with(&[]);
    let mut edit = AccessEdit::open(&fixture.dir().join(ACCESS)).unwrap();
    edit.add(&NewPrincipal { name: "ann".to_owned(), ..ann }).unwrap();
    let token = edit.token("ann", None).unwrap().expose().to_owned();
    edit.save().unwrap();
    tokio::time::advance(LOOK_EVERY).await;
    (fixture, checker, token)
}

fn pusher() -> NewPrincipal {
    NewPrincipal { roles: [Role::Push].into(), ..NewPrincipal::default() }
}

fn request(token: &str, check: &str, body: &str) -> Request<Body> {
    let mut request = Fixture::request("POST", &format!("/v1/health-checks/{check}/results"), body);
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    request
}

async fn push(fixture: &Fixture, token: &str, check: &str, body: &str) -> Answered {
    fixture.send(request(token, check, body)).await
}

const ONE: &str = r#"{"endpoint": "10.0.0.1:80", "result": "fail", "text": "disk full", "valid_for": "2m"}"#;
const WHOLE: &str = r#"{"result": "pass"}"#;

#[tokio::test(start_paused = true)]
async fn a_result_comes_to_the_checker_and_is_listed() {
    let (fixture, checker, token) = node(pusher()).await;
    let taken = push(&fixture, &token, "job", ONE).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    expect![[
        r#"{"node":"n1","check":"job","endpoint":"10.0.0.1:80","healthy":false,"valid_for_ms":120000}"#
    ]]
    .assert_eq(&taken.text);
    assert_eq!(push(&fixture, &token, "job", WHOLE).await.status, 200);
    let told = checker.told.lock().unwrap().clone();
    assert_eq!((told[0].by.as_str(), told[0].text.as_str()), ("ann", "disk full"));
    assert_eq!((told[1].endpoint, told[1].is_good, told[1].valid_for), (None, true, None));
    let listed = fixture.ask("GET", "/v1/health-checks/job/results?limit=1", "").await;
    expect![[
        r#"{"node":"n1","check":"job","left_out":1,"results":[{"endpoint":"10.0.0.1:80","result":"fail","text":"disk full","by":"ann","ago_ms":1000,"left_ms":29000,"healthy":false}]}"#
    ]]
    .assert_eq(&listed.text);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_hears_which_role_is_needed() {
    let operator = NewPrincipal { roles: [Role::Read, Role::Operate].into(), ..NewPrincipal::default() };
    let (fixture, checker, token) = node(operator).await;
    let refused = push(&fixture, &token, "job", ONE).await;
    expect!["403 | forbidden | `ann` may not push results of health checks: that takes the role `push`, and `ann` has read, operate | ask an administrator for the role, or use another credential"].assert_eq(&refused.refusal());
    // Nobody learns from it which checks there are.
    assert_eq!(push(&fixture, &token, "none", ONE).await.status, 403);
    assert_eq!(push(&fixture, "hf_wrong", "job", ONE).await.status, 401);
    let path = "/v1/health-checks/job/results";
    assert_eq!(fixture.ask("POST", path, ONE).await.status, 401);
    assert_eq!(checker.told.lock().unwrap().len(), 0);
    let journal = fixture.ask("GET", "/v1/journal?limit=1000", "").await.text;
    assert!(journal.contains("push a result of health check job for 10.0.0.1:80"), "{journal}");
    // Who administers may; the first token of a node does.
    assert_eq!(fixture.write("POST", path, ONE).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn scopes_hold_for_checks_pools_and_zones() {
    let of = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    for (ann, check, body, want) in [
        (NewPrincipal { checks: of(&["job"]), ..pusher() }, "job", WHOLE, 200),
        (NewPrincipal { checks: of(&["job"]), ..pusher() }, "other", WHOLE, 403),
        (NewPrincipal { checks: of(&[]), ..pusher() }, "job", ONE, 403),
        (NewPrincipal { pools: of(&["jobs"]), ..pusher() }, "job", ONE, 200),
        (NewPrincipal { pools: of(&["plain"]), ..pusher() }, "job", ONE, 403),
        (NewPrincipal { pools: of(&["jobs"]), ..pusher() }, "job", WHOLE, 403),
        (NewPrincipal { zones: of(&["aa"]), ..pusher() }, "job", ONE, 200),
        (NewPrincipal { zones: of(&["b"]), ..pusher() }, "job", ONE, 403),
    ] {
        let told = format!("{ann:?} {check} {body}");
        let (fixture, _, token) = node(ann).await;
        let answered = push(&fixture, &token, check, body).await;
        assert_eq!(answered.status, want, "{told}: {}", answered.text);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_says_why() {
    let (fixture, checker, token) = node(pusher()).await;
    let long = format!(r#"{{"result": "pass", "text": "{}"}}"#, "x".repeat(70_000));
    for (check, body, status, message) in [
        ("none", WHOLE, 404, "there is no health check `none` in the estate"),
        ("none", WHOLE, 404, "of kind pushed there are job, other"),
        ("tcp", WHOLE, 409, "health check `tcp` is of kind tcp, which takes no results"),
        ("off", WHOLE, 409, "health check `off` is disabled"),
        ("job", r#"{"endpoint": "10.0.0.3:80", "result": "pass"}"#, 404, "has an endpoint 10.0.0.3:80"),
        ("job", r#"{"endpoint": "web:80", "result": "pass"}"#, 400, "not an address and port"),
        ("job", r#"{"result": "maybe"}"#, 400, "unknown variant `maybe`"),
        ("job", r#"{"result": "pass", "healthy": true}"#, 400, "unknown field `healthy`"),
        ("job", r#"{"result": "pass", "valid_for": "soon"}"#, 400, "valid_for"),
        ("job", r#"{"result": "pass", "text": "a\nb"}"#, 400, "control characters"),
        ("job", "", 400, "not JSON"),
        ("job", &long, 413, "more than 65536 bytes"),
    ] {
        let refused = push(&fixture, &token, check, body).await;
        assert_eq!(refused.status, status, "{check} {body}: {}", refused.text);
        assert!(refused.text.contains(message), "{check} {body}: {}", refused.text);
    }
    assert_eq!(checker.told.lock().unwrap().len(), 0);
    for (why, status) in [
        (PushRefused::TooFast("too many; tell less often".to_owned()), 429),
        (PushRefused::Bad("a result counts for 1 s to 24 h; change `valid_for`".to_owned()), 400),
        (PushRefused::NotYet("not there yet; try again".to_owned()), 503),
    ] {
        *checker.refuses.lock().unwrap() = Some(why);
        assert_eq!(push(&fixture, &token, "job", ONE).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_asked_after_the_role_and_before_endpoints_are_looked_through() {
    let absent = r#"{"endpoint": "10.0.0.3:80", "result": "pass"}"#;
    let reader = NewPrincipal { roles: [Role::Read].into(), ..NewPrincipal::default() };
    for (ann, full, free) in [(reader, 403, 403), (pusher(), 429, 404)] {
        let (fixture, checker, token) = node(ann).await;
        checker.is_full.store(true, Ordering::Relaxed);
        assert_eq!(push(&fixture, &token, "job", absent).await.status, full);
        checker.is_full.store(false, Ordering::Relaxed);
        assert_eq!(push(&fixture, &token, "job", absent).await.status, free);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_checker_names_those_that_have_one() {
    let fixture = Fixture::control().await;
    let path = "/v1/health-checks/job/results";
    let refused = fixture.write("POST", path, ONE).await;
    expect!["503 | no-checker | node `n1` has no checker to tell results to | ask a node with the role `checker`; this one has heard of none"].assert_eq(&refused.refusal());
    fixture.hear_all_zones();
    let refused = fixture.write("POST", path, ONE).await;
    expect!["503 | no-checker | node `n1` has no checker to tell results to | ask `z-checker-a` or `z-checker-b` or `z-checker-c`"].assert_eq(&refused.refusal());
    // Who is not known does not learn which nodes there are.
    let without = expect![
        "503 | no-checker | node `n1` has no checker to tell results to | ask a node with the role `checker`, with a token"
    ];
    without.assert_eq(&fixture.ask("POST", path, ONE).await.refusal());
    without.assert_eq(&push(&fixture, "hf_wrong", "job", ONE).await.refusal());
    assert_eq!(fixture.ask("GET", path, "").await.status, 503);
}
