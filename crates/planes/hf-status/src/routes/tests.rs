use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use expect_test::{Expect, expect};
use futures_util::StreamExt;
use hf_config::estate::EstateBundle;
use hf_control::{BreakGlassShift, Intent, Pin, PinTo, Scope, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{EstateId, Operator, Revision, ShiftId, Timestamp, ZoneId};
use http_body_util::BodyExt;
use tokio::sync::watch::{Sender, channel};
use tokio_tungstenite::tungstenite;
use tower::ServiceExt;

use super::*;

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
[[zone]]
id = "c"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
[[pool]]
name = "api"
protocol = "http"
endpoints = [
  { address = "10.0.0.3:80", zone = "a" },
  { address = "10.0.0.4:80", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
"#;

const NOW: Timestamp = Timestamp(1_000_000_000_000);

fn zone(name: &str) -> ZoneId {
    ZoneId::new(name).unwrap()
}

fn shift(name: &str, scope: &str, minutes: u64) -> Shift {
    Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: zone(name),
        scope: scope.parse().unwrap(),
        reason: "test".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(minutes)),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(7),
    }
}

fn snapshot(change: impl FnOnce(&mut Intent, &mut Vec<BreakGlassShift>, &mut Verdicts)) -> Arc<Snapshot> {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let mut intent = Intent { revision: Revision(7), estate: bundle, ..Intent::default() };
    let (mut break_glass, mut verdicts) = (Vec::new(), Verdicts { of: vec![Verdict::Healthy; 4] });
    change(&mut intent, &mut break_glass, &mut verdicts);
    Arc::new(Snapshot::build(3, NOW, Arc::new(intent), estate, break_glass, verdicts))
}

struct Fixture {
    snapshots: Sender<Option<Arc<Snapshot>>>,
    clock: Clock,
    router: Router,
    _stop: Sender<bool>,
}

fn fixture(first: Option<Arc<Snapshot>>) -> Fixture {
    let (snapshots, receiver) = channel(first);
    let (stop, shutdown) = channel(false);
    let clock = Clock::manual(NOW.plus(Duration::from_millis(1_500)));
    let (tables, _work) = watch::compiler(receiver.clone());
    let router = router(Context::new(receiver, tables, clock.clone(), shutdown));
    Fixture { snapshots, clock, router, _stop: stop }
}

async fn ask(router: &Router, method: &str, path: &str) -> String {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    format!("{status} {}", std::str::from_utf8(&body).unwrap().trim_end())
}

async fn check(snapshot: Arc<Snapshot>, path: &str, expected: Expect) {
    expected.assert_eq(&ask(&fixture(Some(snapshot)).router, "GET", path).await);
}

fn shifted() -> Arc<Snapshot> {
    snapshot(|intent, _, _| intent.shifts.push(shift("a", "everything", 30)))
}

#[tokio::test]
async fn an_open_zone_is_200() {
    check(snapshot(|_, _, _| ()), "/status/a", expect![[r#"200 {"zone":"a","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn a_shifted_zone_is_500_and_closed() {
    check(shifted(), "/status/a", expect![[r#"500 {"zone":"a","resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(shifted(), "/closed/a", expect![[r#"200 {"zone":"a","resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(shifted(), "/status/b", expect![[r#"200 {"zone":"b","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(shifted(), "/closed/b", expect![[r#"404 {"zone":"b","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn an_alias_names_the_zone() {
    check(shifted(), "/status/aa", expect![[r#"500 {"zone":"a","resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn a_shift_past_its_end_is_held() {
    let held = snapshot(|intent, _, _| intent.shifts.push(shift("a", "everything", 0)));
    check(held, "/status/a", expect![[r#"500 {"zone":"a","resource":"everything","state":"away","source":"shift","reason":"shift-7, held past its end of 2001-09-09T01:46:40Z","until_ms":1000000000000,"held":true,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn pin_and_break_glass_name_themselves() {
    let pinned = snapshot(|intent, _, _| {
        intent.pins.push(Pin {
            zone: zone("a"),
            scope: Scope::Everything,
            to: PinTo::Out,
            reason: "x".to_owned(),
            by: Operator::new("bob"),
            started_at: NOW,
            ends_at: NOW.plus(Duration::from_mins(1)),
            floor_overrides: vec![],
            revision: Revision(6),
        });
    });
    check(pinned, "/status/a", expect![[r#"500 {"zone":"a","resource":"everything","state":"away","source":"pin","reason":"pinned out by bob until 2001-09-09T01:47:40Z","until_ms":1000000060000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    let glass = snapshot(|_, glass, _| {
        glass.push(BreakGlassShift {
            estate: EstateId::default(),
            zone: zone("b"),
            reason: "x".to_owned(),
            by: Operator::new("eve"),
            signed_at: NOW,
            ends_at: NOW.plus(Duration::from_mins(1)),
        });
    });
    check(glass, "/status/b", expect![[r#"500 {"zone":"b","resource":"everything","state":"away","source":"break_glass","reason":"break-glass by eve until 2001-09-09T01:47:40Z","until_ms":1000000060000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn one_pool_or_record_may_be_away_alone() {
    let one = || snapshot(|intent, _, _| intent.shifts.push(shift("a", "pool/web", 30)));
    check(one(), "/status/a", expect![[r#"200 {"zone":"a","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(one(), "/status/a?resource=pool/web", expect![[r#"500 {"zone":"a","resource":"pool/web","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(one(), "/status/a?resource=record/www.example.test.", expect![[r#"500 {"zone":"a","resource":"record/www.example.test.","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#]]).await;
    check(one(), "/status/a?resource=pool/api", expect![[r#"200 {"zone":"a","resource":"pool/api","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#]]).await;
}

#[tokio::test]
async fn what_is_not_there_is_404_with_the_mend() {
    check(
        shifted(),
        "/status/zz",
        expect![[r#"404 {"code":"not-found","message":"there is no zone `zz`; the estate has a, b, c"}"#]],
    )
    .await;
    check(
        shifted(),
        "/closed/zz",
        expect![[r#"404 {"code":"not-found","message":"there is no zone `zz`; the estate has a, b, c"}"#]],
    )
    .await;
    check(
        shifted(),
        "/status/%FF",
        expect![[r#"400 {"code":"bad-request","message":"Invalid URL: Invalid UTF-8 in `zone`"}"#]],
    )
    .await;
    check(
        shifted(),
        "/status/a?resource=pool/nope",
        expect![[r#"404 {"code":"not-found","message":"there is no `pool/nope` in the estate"}"#]],
    )
    .await;
    check(shifted(), "/status/c?resource=pool/web", expect![[r#"404 {"code":"not-found","message":"`pool/web` has no endpoint in zone c; ask about a zone that it is in"}"#]]).await;
    check(shifted(), "/status/a?resource=rubbish", expect![[r#"400 {"code":"bad-request","message":"\"rubbish\" is not a resource; write `everything`, `pool/NAME` or `record/NAME`"}"#]]).await;
    check(shifted(), "/nowhere", expect![[r#"404 {"code":"not-found","message":"there are /status, /status/{zone}, /closed/{zone} and the WebSocket /watch"}"#]]).await;
    expect![[r#"405 {"code":"method-not-allowed","message":"zone status is read with GET; shifts are started over the API"}"#]].assert_eq(&ask(&fixture(Some(shifted())).router, "POST", "/status/a").await);
    expect![[r#"400 {"code":"bad-request","message":"/watch is a WebSocket: Connection header did not include 'upgrade'; `GET /status` has the same table"}"#]].assert_eq(&ask(&fixture(Some(shifted())).router, "GET", "/watch").await);
}

#[tokio::test]
async fn before_a_first_snapshot_all_say_503() {
    let fixture = fixture(None);
    expect![[r#"503 {"code":"not-ready","message":"this node has no snapshot yet; wait until it has heard a node with the control role"}"#]].assert_eq(&ask(&fixture.router, "GET", "/status/a").await);
    for path in ["/status", "/closed/a"] {
        assert!(ask(&fixture.router, "GET", path).await.starts_with("503 "));
    }
    fixture.snapshots.send_replace(Some(shifted()));
    assert!(ask(&fixture.router, "GET", "/closed/a").await.starts_with("200 "));
}

#[tokio::test]
async fn the_table_has_all_zones_and_says_how_old_it_is() {
    let fixture = fixture(Some(shifted()));
    fixture.clock.set(NOW.plus(Duration::from_hours(1)));
    expect![[r#"200 {"revision":7,"snapshot":3,"made_at_ms":1000000000000,"zones":[{"zone":"a","resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":3600000},{"zone":"b","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":3600000},{"zone":"c","resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":3600000}]}"#]].assert_eq(&ask(&fixture.router, "GET", "/status").await);
}

/// A role on a real socket.
struct Running {
    address: std::net::SocketAddr,
    snapshots: Sender<Option<Arc<Snapshot>>>,
    stop: Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn running(first: Option<Arc<Snapshot>>) -> Running {
    let (snapshots, receiver) = channel(first);
    let (stop, shutdown) = channel(false);
    let bound = crate::bind("127.0.0.1:0".parse().unwrap(), receiver, Clock::manual(NOW)).await.unwrap();
    Running { address: bound.address(), snapshots, stop, task: tokio::spawn(bound.run(shutdown)) }
}

type Watcher = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn watcher(running: &Running) -> Watcher {
    tokio_tungstenite::connect_async(format!("ws://{}/watch", running.address)).await.unwrap().0
}

async fn states(watcher: &mut Watcher) -> String {
    let message =
        tokio::time::timeout(Duration::from_mins(1), watcher.next()).await.unwrap().unwrap().unwrap();
    let table: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    let zones = table["zones"].as_array().unwrap().iter();
    let told =
        zones.map(|zone| format!("{}={}", zone["zone"].as_str().unwrap(), zone["state"].as_str().unwrap()));
    told.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_watcher_hears_the_table_each_change_and_the_end() {
    let running = running(Some(snapshot(|_, _, _| ()))).await;
    let mut watcher = watcher(&running).await;
    assert_eq!(states(&mut watcher).await, "a=open b=open c=open");
    running.snapshots.send_replace(Some(shifted()));
    assert_eq!(states(&mut watcher).await, "a=away b=open c=open");
    running.stop.send_replace(true);
    let last = watcher.next().await.unwrap().unwrap();
    assert!(matches!(last, tungstenite::Message::Close(_)), "{last:?}");
    drop(watcher);
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watcher_hears_the_same_table_on_the_beat() {
    let running = running(Some(shifted())).await;
    let mut watcher = watcher(&running).await;
    let begin = tokio::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(states(&mut watcher).await, "a=away b=open c=open");
    }
    assert!(begin.elapsed() >= watch::BEAT * 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_watcher_that_talks_too_much_is_dropped() {
    use futures_util::SinkExt;
    let running = running(Some(shifted())).await;
    let mut watcher = watcher(&running).await;
    states(&mut watcher).await;
    let _ = watcher.send(tungstenite::Message::text("x".repeat(FRAME_BYTES + 1))).await;
    while let Some(Ok(message)) = watcher.next().await {
        assert!(!message.is_text() || message.to_text().unwrap().contains("zones"));
    }
}

#[tokio::test]
async fn one_watcher_too_many_is_told_so() {
    let (_snapshots, receiver) = channel(Some(shifted()));
    let (_stop, shutdown) = channel(false);
    let (tables, _work) = watch::compiler(receiver.clone());
    let mut context = Context::new(receiver, tables, Clock::manual(NOW), shutdown.clone());
    context.watchers = Arc::new(Semaphore::new(1));
    let listener = hf_api::serve::listen("status_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("ws://{}/watch", listener.address());
    let service = hf_api::serve::TowerToHyperService::new(router(context));
    tokio::spawn(listener.serve(service, 8, shutdown));
    let _first = tokio_tungstenite::connect_async(&url).await.unwrap();
    let error = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(matches!(&error, tungstenite::Error::Http(answer) if answer.status() == 503), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let running = running(None).await;
    let (_snapshots, receiver) = channel(None);
    let error = crate::bind(running.address, receiver, Clock::manual(NOW)).await.unwrap_err();
    assert!(error.to_string().starts_with("status_listen: cannot listen on 127.0.0.1:"), "{error}");
}
