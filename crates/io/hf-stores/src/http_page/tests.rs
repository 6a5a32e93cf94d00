use std::path::PathBuf;
use std::time::Duration;

use hf_config::estate::StorePlace;
use hf_config::node::StoresConfig;

use crate::test_server::{NOW, Server, page};
use crate::{Look, Store};

const WITHIN: Duration = Duration::from_secs(30);

fn of(server: &Server, path: &str, ca: Option<PathBuf>) -> Store {
    let node = StoresConfig { ca, credentials: Vec::new() };
    Store::new(StorePlace::Http { url: server.url(path) }, &node)
}

/// One look at a page that is answered so; and what was asked.
async fn looked(answer: &str) -> (Look, String) {
    let server = Server::plain().await;
    let store = of(&server, "/closed/az1?token=secret", None);
    let answers = [answer];
    let (look, asked) = tokio::join!(store.look(WITHIN, NOW), server.answer(&answers));
    (look, asked.into_iter().next().expect("one"))
}

async fn assert_silent(answer: &str, words: &str) {
    let (look, _) = looked(answer).await;
    let Look::Silent { why } = look else { panic!("{answer:.100}: {look:?}") };
    assert!(why.contains(words), "{why}");
    assert!(!why.contains("secret"), "{why}");
}

#[tokio::test]
async fn a_page_is_there_or_not() {
    let (look, asked) = looked(&page("200 OK", "closed")).await;
    let Look::There { what } = look else { panic!("{look:?}") };
    assert!(what.starts_with("page http://127.0.0.1:") && what.ends_with("/closed/az1"), "{what}");
    assert!(asked.starts_with("GET /closed/az1?token=secret HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("accept-encoding: identity\r\n") && asked.contains("connection: close\r\n"),
        "{asked}"
    );
    for status in ["404 Not Found", "410 Gone"] {
        assert_eq!(looked(&page(status, "")).await.0, Look::Absent);
    }
}

#[tokio::test]
async fn a_zone_that_a_status_page_does_not_know_is_silence() {
    let answer = |state: &str| {
        format!("HTTP/1.1 404 Not Found\r\nholdfast-state: {state}\r\ncontent-length: 0\r\n\r\n")
    };
    assert_silent(&answer("unknown"), "/closed/az1 does not know this zone; see its name").await;
    assert_eq!(looked(&answer("open")).await.0, Look::Absent);
}

#[tokio::test]
async fn all_else_is_silence() {
    for status in [
        "204 No Content",
        "206 Partial Content",
        "401 Unauthorized",
        "403 Forbidden",
        "429 Slow",
        "500 Oops",
        "503 Busy",
    ] {
        assert_silent(&page(status, ""), status.split(' ').next().unwrap()).await;
    }
    assert_silent(
        "HTTP/1.1 302 Found\r\nlocation: https://login.example/?next=secret\r\ncontent-length: 0\r\n\r\n",
        "answered 302 Found to https://login.example/, and redirects are not followed",
    )
    .await;
    assert_silent("SSH-2.0-OpenSSH_9.2\r\n", "speaks no HTTP").await;
    assert_silent("HTTP/1.1 200", "broke off").await;
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(1_000_000));
    assert_silent(&long, "broke off, or speaks no HTTP").await;
}

#[tokio::test]
async fn nobody_who_listens_and_nobody_who_answers_are_silence() {
    let server = Server::plain().await;
    let store = of(&server, "/", None);
    drop(server);
    let look = store.look(WITHIN, NOW).await;
    assert!(matches!(&look, Look::Silent { why } if why.contains("no connection to 127.0.0.1:")), "{look:?}");
    let server = Server::plain().await;
    let store = of(&server, "/", None);
    tokio::select! {
        _ = server.answer(&[""]) => panic!("it holds the line"),
        look = store.look(Duration::from_millis(50), NOW) => {
            assert!(matches!(&look, Look::Silent { why } if why.contains("has not answered within 50 ms")), "{look:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_is_of_the_named_authority() {
    let server = Server::secure().await;
    let store = of(&server, "/az1", Some(server.ca()));
    let there = page("200 OK", "");
    let answers = [there.as_str()];
    let (look, _) = tokio::join!(store.look(WITHIN, NOW), server.answer(&answers));
    assert!(matches!(look, Look::There { .. }), "{look:?}");

    let (server, other) = (Server::secure().await, Server::secure().await);
    for (ca, words) in [
        (None, "UnknownIssuer"),
        (Some(other.ca()), "name its authority in `ca`"),
        (Some(server.file("empty.pem", "nothing")), "no certificate is in it"),
        (Some(server.file("none", "").join("x")), "write PEM certificates there"),
        (Some(server.file("long.pem", &"x".repeat(70_000))), "more than 64 KiB"),
    ] {
        let store = of(&server, "/az1", ca);
        let hear = async {
            loop {
                let (stream, _) = server.listen().accept().await.expect("a connection");
                let _ = server.shake(stream).await;
            }
        };
        let look = tokio::select! { look = store.look(WITHIN, NOW) => look, () = hear => unreachable!() };
        let Look::Silent { why } = look else { panic!("{look:?}") };
        assert!(why.contains(words), "{why} lacks {words}");
    }
}
