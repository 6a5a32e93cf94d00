use super::*;

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

fn check_request(given: &str, want: &str) {
    let mut headers = fields(given);
    prepare_request(&mut headers, &HeaderValue::from_static("192.0.2.7"), || {
        HeaderValue::from_static("made")
    });
    assert_eq!(text(&headers), want);
}

fn check_answer(given: &str, want: &str) {
    let mut headers = fields(given);
    prepare_answer(&mut headers);
    assert_eq!(text(&headers), want);
}

#[test]
fn a_request_loses_what_belongs_to_its_connection() {
    check_request(
        "host: a\nconnection: close, X-Secret, te\nconnection: x-other\nx-secret: 1\nx-other: 2\nte: trailers\n\
         keep-alive: 5\nproxy-connection: x\nproxy-authorization: y\nupgrade: websocket\ntrailer: x\n\
         transfer-encoding: chunked\nexpect: 100-continue\naccept: */*",
        "accept: */*\nhost: a\nx-forwarded-for: 192.0.2.7\nx-forwarded-host: a\nx-forwarded-proto: http\nx-request-id: made",
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
}
