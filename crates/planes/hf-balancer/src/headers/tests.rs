use super::*;
use crate::client::Client;

fn fields(text: &str) -> HeaderMap {
    text.lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn text(headers: &HeaderMap) -> String {
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.join("\n")
}

fn request_behind(trusted: bool, given: &str) -> String {
    let mut headers = fields(given);
    let mut client = Client::direct("192.0.2.7:1".parse().unwrap(), "192.0.2.1:80".parse().unwrap());
    client.behind_trusted = trusted;
    prepare_request(&mut headers, &ClientFields::new(&client), || HeaderValue::from_static("made"));
    text(&headers)
}

/// Without what is told of every client alike.
fn check_request(given: &str, want: &str) {
    let told = ["forwarded: for=192.0.2.7;proto=http", "x-forwarded-port: 80"];
    let got = request_behind(false, given);
    let lines: Vec<&str> = got.lines().filter(|line| !told.contains(line)).collect();
    assert_eq!(lines.join("\n"), want);
    assert_eq!(got.lines().count(), lines.len() + told.len());
}

#[test]
fn what_one_whom_we_trust_says_of_its_client_stays() {
    let given = "host: a\nx-forwarded-for: 198.51.100.1\nforwarded: for=198.51.100.1;proto=https\nx-forwarded-proto: https\n\
                 x-forwarded-host: b\nx-forwarded-port: 443\nx-request-id: c";
    assert_eq!(
        request_behind(true, given),
        "forwarded: for=198.51.100.1;proto=https, for=192.0.2.7;proto=http\nhost: a\nx-forwarded-for: 198.51.100.1, 192.0.2.7\n\
         x-forwarded-host: b\nx-forwarded-port: 443\nx-forwarded-proto: https\nx-request-id: c"
    );
    assert_eq!(
        request_behind(true, "host: a\nx-request-id: c"),
        "forwarded: for=192.0.2.7;proto=http\nhost: a\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: a\nx-forwarded-port: 80\n\
         x-forwarded-proto: http\nx-request-id: c"
    );
}

fn check_answer(given: &str, want: &str) {
    let mut headers = fields(given);
    prepare_answer(&mut headers);
    assert_eq!(text(&headers), want);
}

#[test]
fn a_request_loses_what_belongs_to_its_connection() {
    check_request(
        "host: a\nconnection: close, X-Secret, te\nconnection: x-other\nx-secret: 1\nx-other: 2\nte: trailers, gzip\n\
         keep-alive: 5\nproxy-connection: x\nproxy-authorization: y\nupgrade: websocket\ntrailer: x\n\
         transfer-encoding: chunked\nexpect: 100-continue\naccept: */*",
        "accept: */*\nhost: a\nte: trailers\ntrailer: x\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: a\nx-forwarded-proto: http\n\
         x-request-id: made",
    );
}

#[test]
fn a_client_cannot_name_away_what_we_say_or_what_frames() {
    check_request(
        "host: a\ncontent-length: 3\nconnection: host, content-length, x-forwarded-for, x-request-id",
        "content-length: 3\nhost: a\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: a\nx-forwarded-proto: http\nx-request-id: made",
    );
}

#[test]
fn forwarded_fields_are_extended_or_replaced() {
    check_request(
        "host: a\nx-forwarded-for: 198.51.100.1\nx-forwarded-for: 198.51.100.2, 198.51.100.3\nforwarded: for=x\n\
         x-forwarded-proto: https\nx-forwarded-host: evil\nx-request-id: abc-1",
        "host: a\nx-forwarded-for: 198.51.100.1, 198.51.100.2, 198.51.100.3, 192.0.2.7\nx-forwarded-host: a\n\
         x-forwarded-proto: http\nx-request-id: abc-1",
    );
}

#[test]
fn an_unfit_request_id_is_replaced() {
    let rest = "host: a\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: a\nx-forwarded-proto: http\nx-request-id: made";
    check_request("host: a\nx-request-id: with blank", rest);
    check_request("host: a\nx-request-id: one\nx-request-id: two", rest);
    check_request(&format!("host: a\nx-request-id: {}", "x".repeat(129)), rest);
}

#[test]
fn an_answer_passes_apart_from_its_connection() {
    check_answer(
        "server: x\nconnection: keep-alive, x-hop\nx-hop: 1\nkeep-alive: 5\ncontent-length: 3\nset-cookie: a\nset-cookie: b",
        "content-length: 3\nserver: x\nset-cookie: a\nset-cookie: b",
    );
    check_answer("transfer-encoding: chunked\ncontent-length: 3\nserver: x", "server: x");
    check_answer("content-length: 3\ncontent-length: 3", "content-length: 3");
    check_answer("content-length: 3, 3", "content-length: 3");
    check_answer("content-length: 3 ,3\ncontent-length: 3\nserver: x", "content-length: 3\nserver: x");
}
