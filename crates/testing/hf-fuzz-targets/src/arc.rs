//! Requests to the ARC-compatible front, from anybody who can reach its port.
//!
//! The input is one request: `VERB PATH?QUERY`, a line for each header, an empty line, the body.
//!
//! 1. It is taken or refused; a refusal is an answer in JSON with the error's name and a message of bounded length.
//! 2. Without a key in store nobody gets in, whatever the signature says; what gets in with one does not with a changed body.
//! 3. The content of whatever has a route is a call of that route or is refused, before anybody has looked at signatures.
//! 4. Names that read are written so that they read as the same.

use hf_arc::arn::{ObjectArn, ResourceArn};
use hf_arc::operation::{is_for_arc, route};
use hf_arc::practice::{Date, Window};
use hf_arc::{ArcError, Paging, Refused, Request, Secret, Service, Taken, take};
use hf_model::Timestamp;

/// When the requests of the corpus were signed, and their secret.
const NOW: Timestamp = Timestamp(1_795_298_995_000);
const SECRET: &str = "example/secret+for=the/tests/only/0000001";
/// More than any answer to a refused request has.
const ANSWER_BYTES_MAX: usize = 128 << 10;

pub(crate) fn check(data: &[u8]) {
    names(&String::from_utf8_lossy(data));
    let Some(request) = read(data) else { return };
    let _ = is_for_arc(&request);
    let refused = take(&request, |_| None, NOW).expect_err("there is no key");
    answered(&refused);
    match take(&request, |_| Some(Secret::new(SECRET)), NOW) {
        Ok(taken) => changed(&request, &taken),
        Err(refused) => answered(&refused),
    }
    if let Ok(route) = route(&request) {
        match route.call(&request) {
            Ok(call) => assert_eq!(call.operation(), route.operation()),
            Err(error) => said(&error, Some(route.operation().service())),
        }
    }
}

/// The request of an input; none without an end of its head.
fn read(data: &[u8]) -> Option<Request<'_>> {
    let end = data.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&data[..end]).ok()?;
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name, value.as_bytes()));
    Some(Request { method, path, query, headers: headers.collect(), body: &data[end + 2..] })
}

fn changed(request: &Request<'_>, taken: &Taken) {
    assert_eq!(taken.operation, taken.call.operation());
    let mut body = request.body.to_vec();
    body.push(b' ');
    let changed = Request { body: &body, ..request.clone() };
    let refused = take(&changed, |_| Some(Secret::new(SECRET)), NOW).expect_err("another body");
    assert!(matches!(refused.error, ArcError::Auth(_) | ArcError::TooLarge { .. }), "{:?}", refused.error);
}

fn answered(refused: &Refused) {
    said(&refused.error, refused.service);
}

fn said(error: &ArcError, service: Option<Service>) {
    let answer = error.answer(service);
    assert!((400..500).contains(&answer.status), "{error}");
    assert!(answer.body.len() <= ANSWER_BYTES_MAX, "{} bytes", answer.body.len());
    let text = String::from_utf8(answer.body).expect("JSON is UTF-8");
    assert!(text.contains(&format!("\"__type\":\"{}\"", error.name(service))), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn names(text: &str) {
    if let Ok(arn) = text.parse::<ResourceArn>() {
        assert_eq!(arn.to_string().parse::<ResourceArn>(), Ok(arn));
    }
    if let Ok(arn) = text.parse::<ObjectArn>() {
        assert_eq!(arn.to_string(), text);
    }
    if let Some(window) = Window::parse(text) {
        assert_eq!(window.to_string(), text);
    }
    if let Some(date) = Date::parse(text) {
        assert_eq!(date.to_string(), text);
    }
    if let Ok(paging) = Paging::new("list", Some(text), 1) {
        assert!(
            paging.page([String::new()], Clone::clone).items.is_empty(),
            "nothing is behind an empty key"
        );
    }
}
