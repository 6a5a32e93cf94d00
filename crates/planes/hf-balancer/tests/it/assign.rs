//! Pools that take assigned sessions only: who is let in, what an endpoint sees of it, and where the others are sent.

use hf_assign::{Assigners, Ticket, TicketKey};
use hf_balancer::BindError;
use hf_clock::Clock;
use hf_config::estate::HostPattern;
use hf_model::Timestamp;

use crate::support::{Answer, Http2, Kept, Origin, World, WorldBuilder, get, get_with, raw, within};

/// The place of pool `web` in zone a, and another in zone b.
const HERE: &str = "https://here.example.test";
const THERE: &str = "https://there.example.test";
const ASK: &str = "https://ask.example.test";

const ASSIGNMENT: &str = r#"
[[hosted_zone]]
name = "example.test."
[[record]]
name = "chat.example.test."
type = "A"
choose = ["open", "take 1"]
answers = [{ pool = "web" }, { pool = "there" }]
[[assignment]]
service = "chat"
record = "chat.example.test."
ask_at = "https://ask.example.test"
places = [{ pool = "web", url = "https://here.example.test" }, { pool = "there", url = "https://there.example.test" }]
"#;

fn key() -> TicketKey {
    TicketKey::new(&[9; 32])
}

fn builder(a: &Origin, b: &Origin) -> WorldBuilder {
    WorldBuilder::new()
        .pool(
            "web",
            "listen = \"0.0.0.0:80\"\nassigned = \"chat\"\nall_down = \"closed\"",
            &[("a", a.address)],
        )
        .pool("there", "all_down = \"closed\"", &[("b", b.address)])
        .more(ASSIGNMENT)
}

async fn world() -> (World, Origin) {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    (builder(&a, &b).ticket_key(key()).start().await, a)
}

/// A ticket for the place at `url`, as an assigner gives it.
fn ticket(world: &World, url: &str, at: Timestamp) -> Ticket {
    let assigners = Assigners::new(&world.snapshot());
    let assigner = assigners.of_service("chat").unwrap();
    let place = assigner.places().iter().find(|place| place.url == url).unwrap();
    assigner.ticket(place, at)
}

fn good(world: &World, url: &str) -> String {
    ticket(world, url, Clock::system().now()).signed(&key())
}

fn check_refused(answer: &Answer, why: &str, location: &str) {
    assert_eq!(answer.status, 307, "{answer:?}");
    assert_eq!(answer.header("holdfast-ticket-refused"), why);
    assert_eq!(answer.header("location"), location);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("alt-svc"), "clear");
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.body.contains(&format!("\"why\":\"{why}\"")), "{}", answer.body);
    assert!(answer.body.contains(&format!("\"ask_at\":\"{location}\"")), "{}", answer.body);
}

#[tokio::test]
async fn who_has_no_good_ticket_is_told_why_and_where_to_ask() {
    let (world, origin) = world().await;
    let web = world.web();
    let ask = format!("{ASK}/assign?service=chat");
    let check = async |text: &str, why: &str, location: &str| {
        check_refused(&get(web, &format!("/room?holdfast-ticket={text}")).await, why, location);
        check_refused(&get_with(web, "/room", &[("holdfast-ticket", text)]).await, why, location);
        let cookie = format!("a=b; holdfast-ticket={text}");
        check_refused(&get_with(web, "/room", &[("cookie", &cookie)]).await, why, location);
    };
    check_refused(&get(web, "/room?a=b").await, "missing", &ask);
    check("1.chat.x.0.m", "forged", &ask).await;
    let now = Clock::system().now();
    let strange = ticket(&world, HERE, now).signed(&TicketKey::new(&[8; 32]));
    check(&strange, "forged", &ask).await;
    let ended = ticket(&world, HERE, Timestamp(0)).signed(&key());
    check(&ended, "ended", &ask).await;
    let shop = Ticket { service: "shop".to_owned(), ..ticket(&world, HERE, now) }.signed(&key());
    check(&shop, "other-service", &ask).await;
    // What is good elsewhere goes along: its session is told that place once more.
    let there = good(&world, THERE);
    check(&there, "other-place", &format!("{ask}&holdfast-ticket={there}")).await;
    assert_eq!(origin.requests(), 0, "no endpoint heard of any");
}

#[tokio::test]
async fn a_good_ticket_is_taken_out_and_becomes_a_cookie() {
    let (world, origin) = world().await;
    let (web, text) = (world.web(), good(&world, HERE));
    let first = get(web, &format!("/room?a=b&holdfast-ticket={text}&c")).await;
    assert_eq!((first.status.as_u16(), first.body.as_str()), (200, "a"));
    assert_eq!(origin.targets(), ["GET /room?a=b&c"]);
    let cookie = first.header("set-cookie");
    assert!(
        cookie.starts_with(&format!("holdfast-ticket={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3"))
    );
    assert!(!cookie.contains("Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let again = get_with(web, "/room", &[("cookie", cookie)]).await;
    assert_eq!((again.body.as_str(), again.header("set-cookie")), ("a", ""));
    let by_header = get_with(web, "/fields", &[("holdfast-ticket", &text)]).await;
    assert!(!by_header.body.contains("holdfast-ticket"), "{}", by_header.body);
    // An old link does not hide a good cookie.
    let old = get_with(web, "/room?holdfast-ticket=old", &[("cookie", cookie)]).await;
    assert_eq!(old.body, "a");
}

#[tokio::test]
async fn a_closed_place_refuses_its_tickets_at_once_and_takes_them_back_later() {
    let (mut world, origin) = world().await;
    let (web, text) = (world.web(), good(&world, HERE));
    let fields = [("holdfast-ticket", text.as_str())];
    let mut kept = Kept::open(web).await;
    assert_eq!(kept.send_with("/", &fields).await.unwrap().body, "a");
    world.shift_over(&["a"], &["web"]).await;
    let before = origin.requests();
    let ask = format!("{ASK}/assign?service=chat");
    // A connection that was good does not make its next request so.
    if let Ok(answer) = kept.send_with("/", &fields).await {
        check_refused(&answer, "place-closed", &ask);
    }
    for _ in 0..10 {
        check_refused(&get_with(web, "/", &fields).await, "place-closed", &ask);
    }
    assert_eq!(origin.requests(), before);
    world.shift(&[]).await;
    assert_eq!(get_with(web, "/", &fields).await.body, "a");
}

#[tokio::test]
async fn where_assigners_answer_paths_the_path_is_kept() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let built = builder(&a, &b).ticket_key(key()).try_start(|estate| {
        estate.assignments[0].hosts = vec![HostPattern::Exactly("ask.example.test".to_owned())];
    });
    let world = built.await.unwrap();
    let answer = get(world.web(), "/room/1?a=b&holdfast-ticket=old").await;
    check_refused(&answer, "forged", &format!("{ASK}/room/1?a=b"));
    // 307: a body is sent again, with its method, to whoever takes it.
    let posted = crate::support::post(world.web(), "/room/1", "words").await;
    check_refused(&posted, "missing", &format!("{ASK}/room/1"));
}

#[tokio::test]
async fn over_http2_each_request_shows_its_own_ticket() {
    let (world, origin) = world().await;
    let mut connection = Http2::open(world.web()).await;
    let text = good(&world, HERE);
    let first = connection.get(&format!("/room?holdfast-ticket={text}")).await;
    assert_eq!((first.status.as_u16(), first.body.as_str()), (200, "a"));
    assert!(first.header("set-cookie").starts_with("holdfast-ticket="));
    // The connection was let in, its next request is not.
    check_refused(&connection.get("/room").await, "missing", &format!("{ASK}/assign?service=chat"));
    assert_eq!(origin.targets(), ["GET /room"]);
}

#[tokio::test]
async fn a_call_of_grpc_is_refused_in_its_own_words() {
    let (world, _origin) = world().await;
    let answer = get_with(world.web(), "/chat.Chat/Say", &[("content-type", "application/grpc")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (200, "14"));
    assert_eq!(answer.header("content-type"), "application/grpc");
    assert_eq!(answer.header("holdfast-ticket-refused"), "missing");
    assert!(answer.header("location").starts_with(ASK));
}

#[tokio::test]
async fn an_upgrade_needs_a_ticket_too() {
    let (world, _origin) = world().await;
    let upgrade = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    };
    let refused = raw_head(&world, &upgrade("/")).await;
    assert!(refused.starts_with("HTTP/1.1 307 "), "{refused}");
    // The endpoint knows no WebSocket; that it was asked is enough here.
    let passed = raw_head(&world, &upgrade(&format!("/?holdfast-ticket={}", good(&world, HERE)))).await;
    assert!(passed.starts_with("HTTP/1.1 200 ") && passed.contains("holdfast-ticket="), "{passed}");
}

async fn raw_head(world: &World, request: &str) -> String {
    let closing = request.replace("connection: upgrade", "connection: upgrade, close");
    within("an answer", raw(world.web(), closing.as_bytes()))
        .await
        .to_lowercase()
        .replace("http/1.1", "HTTP/1.1")
}

#[tokio::test]
async fn without_a_key_the_listener_is_not_opened() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let refused = builder(&a, &b).try_start(|_| {}).await.err();
    assert!(matches!(refused, Some(BindError::NoTicketKey { .. })), "{refused:?}");
    // A pool that becomes assigned while it is open lets nobody in.
    let mut world = builder(&a, &b).try_start(|estate| estate.pools[0].assigned = None).await.unwrap();
    assert_eq!(get(world.web(), "/").await.body, "a");
    let by = hf_config::estate::AssignmentIx(0);
    let toml = builder(&a, &b).toml().to_owned();
    world.change_estate(&toml, |estate| estate.pools[0].assigned = Some(by)).await;
    let answer = get(world.web(), "/").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("ticket_key_file"), "{}", answer.body);
}
