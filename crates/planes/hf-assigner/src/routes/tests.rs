use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hf_config::estate::{Assignment, EstateBundle, HostPattern};
use hf_control::Intent;
use hf_geo::Geography;
use hf_health::{Verdict, Verdicts};
use hf_model::{Revision, Timestamp};
use hf_snapshot::Snapshot;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "eu"
location = { latitude = 51.5, longitude = 0.0 }
[[region]]
id = "us"
location = { latitude = 38.9, longitude = -77.4 }
[[zone]]
id = "eu1"
region = "eu"
networks = ["192.0.2.0/24"]
[[zone]]
id = "us1"
region = "us"
networks = ["198.51.100.0/24"]
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web-eu"
health_check = "up"
all_down = "closed"
endpoints = [{ address = "10.1.0.1:80", zone = "eu1" }]
[[pool]]
name = "web-us"
health_check = "up"
all_down = "closed"
endpoints = [{ address = "10.2.0.1:80", zone = "us1" }]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "chat.example.test."
type = "A"
choose = ["open", "near", "take 1"]
all_down = "closed"
answers = [{ pool = "web-eu", region = "eu" }, { pool = "web-us", region = "us" }]
"#;

const NOW: Timestamp = Timestamp(1_000_000_000);

fn compiled(sick: &[usize]) -> Arc<Compiled> {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
    let mut estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    estate.assignments = vec![Assignment {
        service: "chat".to_owned(),
        tree: 0,
        urls: vec!["https://eu.example.test".to_owned(), "https://us.example.test:8443".to_owned()],
        ask_at: "https://assign.example.test".to_owned(),
        hosts: vec![HostPattern::Exactly("chat.example.test".to_owned())],
        ticket_lifetime: Duration::from_mins(5),
    }];
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; 2] };
    for at in sick {
        verdicts.of[*at] = Verdict::Unhealthy;
    }
    let intent = Intent { revision: Revision(1), ..Intent::default() };
    let snapshot = Snapshot::build(1, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts);
    Arc::new(Compiled::new(&snapshot, &Geography::default(), None))
}

fn key() -> TicketKey {
    TicketKey::new(&[3; 32])
}

async fn answer(
    compiled: Option<Arc<Compiled>>,
    request: Request<Body>,
) -> (Response<()>, serde_json::Value) {
    let config = AssignerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        zone: None,
        tls: None,
        trusted: vec![Cidr::new("127.0.0.0/8").unwrap()],
        key: key(),
    };
    let router = router(&config, Arc::new(ArcSwapOption::new(compiled)), Clock::manual(NOW));
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Peer(([127, 0, 0, 1], 4000).into()));
    let answered = router.oneshot(Request::from_parts(parts, body)).await.unwrap();
    let (parts, body) = answered.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), serde_json::from_slice(&bytes).unwrap_or_default())
}

fn asked(uri: &str, client: &str) -> axum::http::request::Builder {
    Request::get(uri).header("host", "chat.example.test").header("x-forwarded-for", client)
}

fn header<'a>(response: &'a Response<()>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_session_is_told_its_place_and_a_ticket_for_it() {
    let request = asked("/assign?service=chat", "192.0.2.7").body(Body::empty()).unwrap();
    let (response, body) = answer(Some(compiled(&[])), request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "alt-svc"), "h2=\"eu.example.test:443\"; ma=300");
    assert_eq!(body["url"], "https://eu.example.test");
    let ticket = Ticket::read(body["ticket"].as_str().unwrap(), &key(), NOW).unwrap();
    assert_eq!(ticket.ends_at, NOW.plus(Duration::from_mins(5)));
    assert_eq!(ticket.place, body["place"].as_str().unwrap());
}

#[tokio::test]
async fn any_path_of_an_assigned_name_leads_to_the_place() {
    let request = asked("/room/5?a=1&holdfast-ticket=old", "198.51.100.7").body(Body::empty()).unwrap();
    let (response, body) = answer(Some(compiled(&[])), request).await;
    assert_eq!(response.status(), 307);
    let ticket = body["ticket"].as_str().unwrap();
    assert_eq!(
        header(&response, "location"),
        format!("https://us.example.test:8443/room/5?a=1&holdfast-ticket={ticket}")
    );
    assert_eq!(header(&response, "alt-svc"), "h2=\"us.example.test:8443\"; ma=300");
}

#[tokio::test]
async fn who_shows_a_good_ticket_keeps_its_place_while_that_is_open() {
    let ask = |ticket: &str| {
        asked("/assign?service=chat", "192.0.2.7")
            .header(hf_assign::carried::TICKET, ticket)
            .body(Body::empty())
            .unwrap()
    };
    let american = asked("/assign?service=chat", "198.51.100.7").body(Body::empty()).unwrap();
    let (_, body) = answer(Some(compiled(&[])), american).await;
    let ticket = body["ticket"].as_str().unwrap().to_owned();
    let (_, body) = answer(Some(compiled(&[])), ask(&ticket)).await;
    assert_eq!(body["url"], "https://us.example.test:8443");
    let (_, body) = answer(Some(compiled(&[1])), ask(&ticket)).await;
    assert_eq!(body["url"], "https://eu.example.test");
    let (_, body) = answer(Some(compiled(&[])), ask("forged")).await;
    assert_eq!(body["url"], "https://eu.example.test");
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let bare = |uri: &str| Request::get(uri).header("host", "other.test").body(Body::empty()).unwrap();
    for (ready, request, status, words) in [
        (true, bare("/assign"), 400, "say for which service: /assign?service=NAME; there are: chat"),
        (true, bare("/assign?service=caht"), 404, "there is no service \"caht\"; there are: chat"),
        (true, bare("/room"), 404, "there are /assign?service=NAME and /healthz"),
        (false, bare("/assign?service=chat"), 503, "this node has no snapshot yet"),
        (false, bare("/healthz"), 503, "this node has no snapshot yet"),
    ] {
        let uri = request.uri().clone();
        let (response, body) = answer(ready.then(|| compiled(&[])), request).await;
        assert_eq!(response.status(), status, "{uri}");
        assert!(body["message"].as_str().unwrap().starts_with(words), "{uri}: {body}");
    }
    let (response, _) = answer(Some(compiled(&[])), bare("/healthz")).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn with_every_place_closed_clients_are_told_to_ask_again() {
    let request = asked("/assign?service=chat", "192.0.2.7").body(Body::empty()).unwrap();
    let (response, body) = answer(Some(compiled(&[0, 1])), request).await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, "1"));
    assert_eq!(body["code"], "no-place");
}
