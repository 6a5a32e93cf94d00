use std::time::Duration;

use hf_config::estate::StorePlace;
use hf_config::node::StoresConfig;

use super::*;
use crate::Store;
use crate::test_server::{NOW, Server, page};

const WITHIN: Duration = Duration::from_secs(30);

fn place(server: &Server, key: &str, credentials: Option<&str>) -> StorePlace {
    StorePlace::Object {
        service: server.service(credentials),
        bucket: "runbook".to_owned(),
        key: key.to_owned(),
        path_style: true,
    }
}

/// A listing of these keys.
fn listing(prefix: &str, keys: &[&str]) -> String {
    let contents: String = keys.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
    page(
        "200 OK",
        &format!(
            "<ListBucketResult><Name>runbook</Name><Prefix>{prefix}</Prefix>{contents}</ListBucketResult>"
        ),
    )
}

/// One look for `key`, answered so; and what was asked.
async fn looked(key: &str, answers: &[String]) -> (Look, Vec<String>) {
    let server = Server::plain().await;
    let store = Store::new(place(&server, key, None), &StoresConfig::default());
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    tokio::join!(store.look(WITHIN, NOW), server.answer(&answers))
}

fn there(key: &str) -> Look {
    Look::There { what: format!("object s3://runbook/{key}") }
}

fn first_line(asked: &str) -> &str {
    asked.lines().next().unwrap_or_default()
}

#[tokio::test]
async fn an_object_of_this_key_or_below_it_is_there() {
    let (look, asked) = looked("closed/az1", &[listing("closed/az1", &["closed/az1"])]).await;
    assert_eq!(look, there("closed/az1"));
    assert_eq!(
        first_line(&asked[0]),
        "GET /runbook?encoding-type=url&list-type=2&max-keys=1&prefix=closed%2Faz1 HTTP/1.1"
    );
    assert!(!asked[0].contains("authorization"), "{}", asked[0]);
    let (look, _) = looked("closed/az1", &[listing("closed/az1", &["closed/az1/by-ops"])]).await;
    assert_eq!(look, there("closed/az1/by-ops"));
    let (look, _) = looked("closed/az1", &[listing("closed/az1", &[])]).await;
    assert_eq!(look, Look::Absent);
}

#[tokio::test]
async fn a_longer_name_is_another_zone() {
    let others = listing("closed/az1", &["closed/az1-old"]);
    let (look, asked) = looked("closed/az1", &[others.clone(), listing("closed/az1/", &[])]).await;
    assert_eq!(look, Look::Absent);
    assert!(first_line(&asked[1]).contains("prefix=closed%2Faz1%2F "), "{}", asked[1]);
    let (look, _) = looked("closed/az1", &[others, listing("closed/az1/", &["closed/az1/x"])]).await;
    assert_eq!(look, there("closed/az1/x"));
}

#[tokio::test]
async fn a_folder_or_a_whole_bucket_needs_one_listing() {
    let (look, _) = looked("closed/az1/", &[listing("closed/az1/", &["closed/az1/x"])]).await;
    assert_eq!(look, there("closed/az1/x"));
    let (look, _) = looked("", &[listing("", &["anything"])]).await;
    assert_eq!(look, there("anything"));
}

#[tokio::test]
async fn all_but_a_listing_is_silence() {
    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let none =
        "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
    for (answer, words) in [
        (page("403 Forbidden", denied), "403 Forbidden: AccessDenied: Access Denied; let its credentials list"),
        (page("404 Not Found", none), "NoSuchBucket: The specified bucket does not exist; see the bucket's name"),
        (page("404 Not Found", ""), "answered 404 Not Found; see the bucket's name"),
        (page("400 Bad Request", ""), "see region, bucket and credentials"),
        (page("500 Internal Server Error", ""), "see the store's log"),
        (page("200 OK", denied), "no listing, but <Error>"),
        (page("200 OK", "<html></html>"), "see whether it is the store"),
        (page("204 No Content", ""), "204"),
        (listing("another", &[]), "another prefix"),
        (page("200 OK", &" ".repeat(70_000)), "more than 64 KiB"),
        (
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://runbook.s3.eu-north-1.example/?x\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "to https://runbook.s3.eu-north-1.example/, and redirects are not followed; write the bucket's own region",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n<ListBucketResult/>".to_owned(), "broke off"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n13\r\n<ListBucketResult/>\r\n".to_owned(), "broke off"),
    ] {
        let (look, _) = looked("closed/az1", std::slice::from_ref(&answer)).await;
        let Look::Silent { why } = look else { panic!("{answer:.100}: {look:?}") };
        assert!(why.contains(words), "{why} lacks {words}");
    }
}

#[tokio::test]
async fn a_denial_of_the_second_listing_is_silence_too() {
    let (look, _) = looked("az1", &[listing("az1", &["az10"]), page("403 Forbidden", "")]).await;
    assert!(matches!(look, Look::Silent { .. }), "{look:?}");
}

/// Who verifies makes the signature anew from what came over the wire.
#[tokio::test]
async fn a_request_is_signed_over_tls_with_the_secret_of_its_file() {
    let server = Server::secure().await;
    let port = server.url("/").port;
    let place = place(&server, "closed/zone ü+1", Some("runbook"));
    let store = Store::new(place, &server.node("a/secret+key\nlent-token\n"));
    let empty = listing("closed/zone ü+1", &[]);
    let answers = [empty.as_str()];
    let (look, asked) = tokio::join!(store.look(WITHIN, NOW), server.answer(&answers));
    assert_eq!(look, Look::Absent);
    let (head, _) = asked[0].split_once("\r\n\r\n").expect("a head");
    let header = |name: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("{name}: {head}"))
    };
    assert_eq!(header("host"), format!("localhost:{port}"));
    assert_eq!(header("x-amz-security-token"), "lent-token");
    assert_eq!(header("x-amz-date"), "20261121T220955Z");
    let target = first_line(head).split(' ').nth(1).expect("a target");
    let (path, query) = target.split_once('?').expect("a query");
    assert!(query.ends_with("&prefix=closed%2Fzone%20%C3%BC%2B1"), "{query}");
    let names = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    let covered = hf_sigv4::Covered {
        method: "GET",
        path,
        path_form: hf_sigv4::Path::AsItIs,
        query,
        headers: names.iter().map(|name| (*name, vec![header(name).as_bytes()])).collect(),
        body_digest: &hf_sigv4::digest(b""),
    };
    let scope = hf_sigv4::Scope { date: "20261121", region: "eu-west-2", service: "s3" };
    let signature = hf_sigv4::Signature::new("a/secret+key", scope, "20261121T220955Z", &covered);
    assert_eq!(
        header("authorization"),
        format!(
            "AWS4-HMAC-SHA256 Credential=HFEXAMPLEKEY00000001/20261121/eu-west-2/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature={}",
            signature.hex()
        )
    );
}

#[tokio::test]
async fn a_secret_that_is_none_is_said_so_and_never_shown() {
    let server = Server::plain().await;
    for text in ["", "two words\n", "a\nb\nc\n", "\u{fc}"] {
        let store = Store::new(place(&server, "az1", Some("runbook")), &server.node(text));
        let look = store.look(WITHIN, NOW).await;
        let Look::Silent { why } = look else { panic!("{look:?}") };
        assert!(why.contains("it is no secret access key; write"), "{why}");
        assert!(!why.contains("two words"), "{why}");
    }
    let node = server.node("");
    std::fs::remove_file(server.file("secret", "")).unwrap();
    let look = Store::new(place(&server, "az1", Some("runbook")), &node).look(WITHIN, NOW).await;
    assert!(matches!(&look, Look::Silent { why } if why.contains("No such file")), "{look:?}");
    let look = Store::new(place(&server, "az1", Some("another")), &node).look(WITHIN, NOW).await;
    assert!(
        matches!(&look, Look::Silent { why } if why.contains("no credentials `another`; add")),
        "{look:?}"
    );
}

#[test]
fn a_bucket_stands_in_the_host_or_in_the_path() {
    let url = |text| Url::parse(text, ("http", 80), ("https", 443)).unwrap();
    let aws = url("https://s3.eu-west-2.amazonaws.com");
    let (to, path) = addressed(&aws, "runbook", false);
    assert_eq!((host(&to).as_str(), path.as_str()), ("runbook.s3.eu-west-2.amazonaws.com", "/"));
    let (to, path) = addressed(&aws, "runbook", true);
    assert_eq!((host(&to).as_str(), path.as_str()), ("s3.eu-west-2.amazonaws.com", "/runbook"));
    let behind = url("http://[2001:db8::1]:8080/store/");
    let (to, path) = addressed(&behind, "runbook", true);
    assert_eq!((host(&to).as_str(), path.as_str()), ("[2001:db8::1]:8080", "/store/runbook"));
}
