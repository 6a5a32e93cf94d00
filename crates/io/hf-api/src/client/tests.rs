use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::shift::WriteDone;

/// An endpoint that reads each request whole and answers all of them alike; keeps what it read.
struct Fake {
    url: String,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
    hits: Arc<AtomicUsize>,
}

async fn fake((status, body): (&str, &str)) -> Fake {
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Fake { url, seen: Arc::default(), hits: Arc::default() };
    let (seen, hits) = (fake.seen.clone(), fake.hits.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            hits.fetch_add(1, Ordering::SeqCst);
            let request = read_request(&mut stream).await;
            seen.lock().unwrap().push(request);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    fake
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return text;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse().ok())
            })
            .unwrap_or(0);
        if body.len() >= length || count == 0 {
            return text;
        }
    }
}

fn client(fakes: &[&Fake], token: Option<&str>) -> Client {
    Client::new(fakes.iter().map(|fake| fake.url.clone()).collect(), token.map(ToOwned::to_owned)).unwrap()
}

const DONE: (&str, &str) = ("200 OK", r#"{"revision":7}"#);
const NO_LEDGER: (&str, &str) =
    ("503 Service Unavailable", r#"{"code":"no-ledger","message":"no ledger here","mend":"ask another"}"#);
const BROKEN: (&str, &str) = (
    "503 Service Unavailable",
    r#"{"code":"ledger-failed","message":"it is damaged","mend":"put back a copy"}"#,
);
const STRANGER: (&str, &str) =
    ("403 Forbidden", r#"{"code":"bad-token","message":"not known","mend":"add it"}"#);
const REFUSED: (&str, &str) = ("409 Conflict", r#"{"code":"refused","message":"no","mend":"wait"}"#);
const FOREIGN: (&str, &str) = ("200 OK", "<html>");

fn dead() -> Fake {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    Fake { url, seen: Arc::default(), hits: Arc::default() }
}

#[tokio::test]
async fn a_dead_endpoint_is_passed_over() {
    let (dead, good) = (dead(), fake(DONE).await);
    for _ in 0..8 {
        let done = client(&[&dead, &good], None).unpin("a", "everything").await.unwrap();
        assert_eq!(done, WriteDone { revision: 7, warning: None });
    }
}

#[tokio::test]
async fn who_answered_last_is_asked_first() {
    let fakes = [fake(DONE).await, fake(DONE).await, fake(DONE).await];
    let client = client(&fakes.each_ref(), None);
    for _ in 0..12 {
        client.clone().unpin("a", "everything").await.unwrap();
    }
    let mut hits = fakes.map(|fake| fake.hits.load(Ordering::SeqCst));
    hits.sort_unstable();
    assert_eq!(hits, [0, 0, 12]);
}

const OWN: (&str, &str) = ("200 OK", r#"{"node":"d","ledger":false,"lines":[],"next_after":0,"gap":false}"#);
const LEDGERS: (&str, &str) =
    ("200 OK", r#"{"node":"c","ledger":true,"lines":[],"next_after":0,"gap":false}"#);

#[tokio::test]
async fn the_journal_of_a_ledger_comes_before_a_nodes_own() {
    let (own, ledgers, stranger, dead) = (fake(OWN).await, fake(LEDGERS).await, fake(STRANGER).await, dead());
    for _ in 0..4 {
        let asked = client(&[&own, &stranger, &ledgers, &dead], None).journal(None, 9).await.unwrap();
        assert_eq!(asked.node, "c");
        assert_eq!(client(&[&own, &stranger, &dead], None).journal(None, 9).await.unwrap().node, "d");
    }
    let error = client(&[&stranger, &dead], None).journal(None, 9).await.unwrap_err();
    assert_eq!(error.to_string(), "not known; add it");
    let error = client(&[&dead], None).journal(None, 9).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_node_without_ledger_is_passed_over_with_the_same_request_id() {
    let (without, good) = (fake(NO_LEDGER).await, fake(DONE).await);
    while without.hits.load(Ordering::SeqCst) == 0 {
        client(&[&without, &good], Some("hf_secret")).unpin("a", "pool/web").await.unwrap();
    }
    let first = without.seen.lock().unwrap().last().unwrap().clone();
    let second = good.seen.lock().unwrap().last().unwrap().clone();
    let line = |request: &str| request.lines().next().unwrap().to_owned();
    assert_eq!(line(&first), line(&second));
    assert!(
        line(&first).starts_with("DELETE /v1/pins?zone=a&resource=pool%2Fweb&request_id=req-"),
        "{first}"
    );
    assert!(first.contains("authorization: Bearer hf_secret"), "{first}");
}

#[tokio::test]
async fn a_refusal_is_final_and_keeps_its_words() {
    let refused = fake(REFUSED).await;
    let error = client(&[&refused], None).status().await.unwrap_err();
    assert_eq!(error.to_string(), "no; wait");
    assert!(
        matches!(&error, ClientError::Refused { status: 409, code, .. } if code == "refused"),
        "{error:?}"
    );
    assert_eq!(refused.hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn only_nodes_without_ledger_is_told_apart_with_who_is_missing() {
    let (without, dead) = (fake(NO_LEDGER).await, dead());
    let error = client(&[&without, &dead], None).unpin("a", "everything").await.unwrap_err();
    let text = error.to_string();
    let ClientError::NoLedger { tried, without: found } = error else { panic!("{error:?}") };
    assert_eq!((tried.len(), found.len()), (1, 1));
    assert!(text.contains(&format!("; not reached: {}: no connection", dead.url)), "{text}");
    assert!(
        text.ends_with(&format!("; without a ledger: {}: no ledger here (ask another)", without.url)),
        "{text}"
    );
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_what_is_told() {
    let (without, broken, dead) = (fake(NO_LEDGER).await, fake(BROKEN).await, dead());
    for _ in 0..8 {
        let error = client(&[&without, &broken, &dead], None).unpin("a", "everything").await.unwrap_err();
        assert_eq!(error.to_string(), "it is damaged; put back a copy");
    }
}

#[tokio::test]
async fn a_node_that_does_not_know_the_token_is_passed_over() {
    let (stranger, good, dead) = (fake(STRANGER).await, fake(DONE).await, dead());
    for _ in 0..8 {
        assert!(client(&[&stranger, &good], Some("hf_x")).unpin("a", "everything").await.is_ok());
    }
    let error = client(&[&stranger, &dead], Some("hf_x")).unpin("a", "everything").await.unwrap_err();
    assert_eq!(error.to_string(), "not known; add it");
}

#[tokio::test]
async fn who_does_not_talk_our_language_counts_as_unreachable() {
    let foreign = fake(FOREIGN).await;
    let error = client(&[&foreign], None).unpin("a", "everything").await.unwrap_err();
    let ClientError::Unreachable { tried } = error else { panic!("{error:?}") };
    assert!(tried[0].why.contains("not Holdfast's"), "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_endpoint_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(vec![format!("http://{}", listener.local_addr().unwrap())], None).unwrap();
    let error = client.status().await.unwrap_err();
    let ClientError::Unreachable { tried } = error else { panic!("{error:?}") };
    assert!(tried[0].why.contains("within"), "{tried:?}");
}

/// A listener that takes connections and never says a word.
async fn silent() -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Fake { url, seen: Arc::default(), hits: Arc::default() };
    let (seen, hits) = (fake.seen.clone(), fake.hits.clone());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            seen.lock().unwrap().push(request);
            hits.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    fake
}

#[tokio::test]
async fn a_silent_endpoint_is_raced_with_the_same_request_id() {
    let (silent, good) = (silent().await, fake(DONE).await);
    let started = std::time::Instant::now();
    while silent.hits.load(Ordering::SeqCst) == 0 {
        client(&[&silent, &good], None).unpin("a", "everything").await.unwrap();
    }
    assert!(started.elapsed() < WHOLE, "{:?}", started.elapsed());
    let line = |fake: &Fake| fake.seen.lock().unwrap().last().unwrap().lines().next().unwrap().to_owned();
    assert_eq!(line(&silent), line(&good));
}

const NO_QUORUM: (&str, &str) = (
    "503 Service Unavailable",
    r#"{"code":"no-quorum","message":"1 of 3 places answers","mend":"wait","retry":true}"#,
);

#[tokio::test]
async fn a_node_without_quorum_is_passed_over_and_told_of() {
    let (cut, good) = (fake(NO_QUORUM).await, fake(DONE).await);
    for _ in 0..4 {
        assert!(client(&[&cut, &good], None).unpin("a", "everything").await.is_ok());
    }
    let error = client(&[&cut], None).unpin("a", "everything").await.unwrap_err();
    let ClientError::NoLedger { without, .. } = &error else { panic!("{error:?}") };
    assert_eq!(without[0].why, "1 of 3 places answers (wait)");
}

#[test]
fn endpoints_are_checked() {
    let bad = |url: &str| Client::new(vec![url.to_owned()], None).unwrap_err().to_string();
    assert!(bad("https://10.0.0.1:7600").contains("--pin"));
    assert!(bad("127.0.0.1:7600").contains("does not begin with http:// or https://"));
    assert!(bad("http://a b").contains("not an address"));
    assert!(bad("http://me@127.0.0.1:7600").contains("user name"));
    assert!(bad("http://127.0.0.1:7600/v1").contains("not an address"));
    assert_eq!(Client::new(vec![], None).unwrap_err(), EndpointError::None);
    assert_eq!(
        Client::new(vec!["http://127.0.0.1:1".to_owned()], Some("a\nb".to_owned())).unwrap_err(),
        EndpointError::Token
    );
    assert!(Client::new(vec!["http://[::1]:7600/".to_owned()], Some("hf_x\n".to_owned())).is_ok());
}

#[test]
fn the_token_is_never_printed() {
    let client = Client::new(vec!["http://127.0.0.1:1".to_owned()], Some("hf_secret".to_owned())).unwrap();
    assert!(!format!("{client:?}").contains("secret"));
}

#[test]
fn request_ids_differ_and_are_well_formed() {
    let (one, two) = (request_id(), request_id());
    assert_ne!(one, two);
    assert!(hf_model::RequestId::new(&one).is_ok(), "{one}");
}

const TAKEN: (&str, &str) = ("200 OK", r#"{"node":"n1","text":"a is left here"}"#);

fn signed() -> crate::SignedBreakGlass {
    crate::SignedBreakGlass {
        estate: "00".repeat(16),
        zone: "a".to_owned(),
        reason: "x".to_owned(),
        by: "ann".to_owned(),
        signed_at_ms: 1,
        ends_at_ms: 2,
        signature: String::new(),
    }
}

#[tokio::test]
async fn a_break_glass_act_goes_to_all_at_once_and_the_dead_cost_nothing() {
    let good = fake(TAKEN).await;
    let refuses = fake(("409 Conflict", r#"{"code":"floor","message":"no","mend":"x"}"#)).await;
    let deaf = silent().await.url;
    let urls = vec![deaf.clone(), good.url.clone(), refuses.url.clone(), "http://127.0.0.1:1".to_owned()];
    let client = Client::new(urls.clone(), Some("secret".to_owned())).unwrap();
    let begun = tokio::time::Instant::now();
    let answers = client.break_glass(&signed(), HandOver::default()).await;
    // What is told of the silent one shows that it was left before its own end.
    assert!(begun.elapsed() < WHOLE, "{:?}", begun.elapsed());
    assert_eq!(answers.iter().map(|(url, _)| url.clone()).collect::<Vec<_>>(), urls, "in their order");
    let told: Vec<String> = answers
        .iter()
        .map(|(_, answer)| answer.as_ref().map_or_else(ToString::to_string, |taken| taken.text.clone()))
        .collect();
    assert!(told[0].contains("no answer within 700 ms; it may still take it"), "{told:?}");
    assert_eq!((told[1].as_str(), told[2].as_str()), ("a is left here", "no; x"));
    assert!(told[3].contains("no connection"), "{told:?}");
    let seen = good.seen.lock().unwrap().concat();
    assert!(seen.starts_with("POST /v1/break-glass HTTP/1.1") && !seen.contains("secret"), "{seen}");
}

#[tokio::test]
async fn a_rehearsal_says_so_and_all_are_waited_for_while_none_took_it() {
    let refuses = fake(("409 Conflict", r#"{"code":"floor","message":"no","mend":"x"}"#)).await;
    let deaf = silent().await.url;
    let client = Client::new(vec![refuses.url.clone(), deaf], None).unwrap();
    let how = HandOver { dry_run: true, anyway: true };
    let answers = client.break_glass(&signed(), how).await;
    assert!(matches!(answers[0].1, Err(ClientError::Refused { status: 409, .. })), "{answers:?}");
    assert!(answers[1].1.as_ref().unwrap_err().to_string().contains("no answer within 3 s"), "{answers:?}");
    let seen = refuses.seen.lock().unwrap().concat();
    assert!(seen.starts_with("POST /v1/break-glass?dry_run=true&anyway=true HTTP/1.1"), "{seen}");
}
