//! What the answer to a probe has to be, and what no answer can be.

use super::network::read_text;
use crate::estate::{CheckKind, HealthCheck, Method, Pattern, RCODES, StatusRange};
use crate::walk::{Report, Value, clip, if_there, there};

/// Answers with these have no body (RFC 9110).
const WITHOUT_BODY: [u16; 3] = [204, 205, 304];
/// Redirects that are followed.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// Ranges of statuses of one check.
const RANGES_MAX: usize = 16;
const ANSWERS_MAX: usize = 64;

pub(super) struct Http {
    pub(super) status: Vec<StatusRange>,
    pub(super) body: Option<String>,
    pub(super) body_regex: Option<Pattern>,
}

pub(super) fn http(value: Option<Value<'_, '_>>, report: &mut Report<'_>) -> Option<Http> {
    let default = || vec![StatusRange { from: 200, to: 399 }];
    let Some(value) = value else {
        return Some(Http { status: default(), body: None, body_regex: None });
    };
    let mut fields = value.fields("an expectation", report)?;
    let status = match fields.get("status") {
        Some(value) if value.is_whole() => {
            let status = value.whole(100, 599, report).and_then(|status| u16::try_from(status).ok());
            status.map(|status| vec![StatusRange { from: status, to: status }])
        }
        Some(value) => value.read(report, read_statuses),
        None => Some(default()),
    };
    let body = if_there(fields.get("body"), |value| value.read(report, read_text));
    let body_regex = if_there(fields.get("body_regex"), |value| {
        let pattern = value.read(report, Pattern::new)?;
        if pattern.matches_nothing() {
            report.add(
                value.at(),
                "this regular expression matches no body, whatever stands in it, so this check could never pass; look for ^, $ and classes in it that exclude one another",
            );
            return None;
        }
        if pattern.matches_anything() {
            report.advise(
                value.at(),
                "this regular expression matches every body, an empty one too: it never fails; make it stricter or remove it",
            );
        }
        Some(pattern)
    });
    fields.finish(&[], report);
    Some(Http { status: status?, body: body.ok()?, body_regex: body_regex.ok()? })
}

/// What no answer can be, once all is known that it depends on.
pub(super) fn check_http(expected: &Http, method: Method, follows: bool, at: usize, report: &mut Report<'_>) {
    let only = |among: &[u16]| {
        expected.status.iter().all(|range| (range.from..=range.to).all(|status| among.contains(&status)))
    };
    let wants_body = expected.body.is_some() || expected.body_regex.is_some();
    if wants_body && method == Method::Head {
        report.add(
            at,
            "an answer to HEAD has no body, so this check could never pass; write method = \"GET\" or expect no body",
        );
    } else if wants_body && only(&WITHOUT_BODY) {
        report.add(
            at,
            "answers of these statuses have no body, so this check could never pass; change `status` or expect no body",
        );
    }
    if follows && only(&REDIRECTS) {
        report.add(
            at,
            "these statuses are redirects, which `follow_redirects` follows, so this check could never pass; change one of the two",
        );
    }
    if expected.status.iter().all(|range| range.to < 200) {
        report
            .add(at, "an answer of 1xx is never the last one, so this check could never pass; begin at 200");
    }
}

/// What hardly ever fails. Turned round, the same check is the one for what must not answer, and says just that.
pub(super) fn advise(check: &HealthCheck, at: usize, expect_at: usize, report: &mut Report<'_>) {
    if check.inverted {
        return;
    }
    let is_good = |status: &[StatusRange], code: u16| status.iter().any(|range| range.holds(code));
    match &check.kind {
        CheckKind::Http(http)
            if http.body.is_none()
                && http.body_regex.is_none()
                && (200..=599).all(|code| is_good(&http.status, code)) =>
        {
            report.advise(
                at,
                "every answer of HTTP is good here, errors too: this check fails only when none comes; narrow `status`",
            );
        }
        CheckKind::Dns(dns)
            if dns.rcodes.len() == RCODES.len() && dns.answers.is_empty() && dns.answers_min == 0 =>
        {
            report.advise(
                expect_at,
                "every answer of DNS is good here, errors too: this check fails only when none comes; narrow `rcode`",
            );
        }
        _ => {}
    }
}

/// `200`, `200-299` or `200-299,304`.
fn read_statuses(text: &str) -> Result<Vec<StatusRange>, String> {
    let wrong = |part: &str| {
        format!("{:?} is not a range of statuses; write them such as \"200-299,304\"", clip(part.trim()))
    };
    let mut list: Vec<StatusRange> = Vec::new();
    for part in text.split(',').take(RANGES_MAX + 1) {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let read = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=599).contains(status));
        let range = match (read(from), read(to)) {
            (Some(from), Some(to)) if from <= to => StatusRange { from, to },
            _ => return Err(wrong(part)),
        };
        if let Some(other) = list.iter().find(|other| other.from <= range.to && range.from <= other.to) {
            return Err(format!("{range} and {other} have statuses in common; join them"));
        }
        list.push(range);
    }
    if list.len() > RANGES_MAX {
        return Err(format!("at most {RANGES_MAX} ranges of statuses; join some"));
    }
    Ok(list)
}

pub(super) struct Dns {
    pub(super) rcodes: Vec<u8>,
    pub(super) answers: Vec<String>,
    pub(super) answers_min: u16,
}

pub(super) fn dns(value: Option<Value<'_, '_>>, report: &mut Report<'_>) -> Option<Dns> {
    let Some(value) = value else {
        return Some(Dns { rcodes: vec![0], answers: Vec::new(), answers_min: 1 });
    };
    let mut fields = value.fields("an expectation", report)?;
    let rcodes = match fields.get("rcode") {
        Some(value) => rcodes(value, report),
        None => Some(vec![0]),
    };
    let answers_value = fields.get("answers");
    let answers = match answers_value {
        Some(value) => strings(value, report),
        None => Some(Vec::new()),
    };
    let is_good_alone = rcodes.as_deref() == Some(&[0]);
    let count_value = fields.get("answers_min");
    let answers_min = match count_value {
        Some(value) => value.whole(0, 1_000, report).and_then(|count| u16::try_from(count).ok()),
        None => Some(u16::from(is_good_alone)),
    };
    fields.finish(&[], report);
    let (rcodes, answers, answers_min) = (rcodes?, answers?, answers_min?);
    let wants = [answers_value.filter(|_| !answers.is_empty()), count_value.filter(|_| answers_min > 0)];
    for value in wants.into_iter().flatten().filter(|_| !rcodes.contains(&0)) {
        report.add(
            value.at(),
            "only NOERROR comes with records, so this check could never pass; add it to `rcode` or remove this",
        );
    }
    Some(Dns { rcodes, answers, answers_min })
}

fn rcodes(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<u8>> {
    let items = if value.is_list() { value.items_up_to(RCODES.len(), report)? } else { vec![value] };
    if items.is_empty() {
        report.add(
            value.at(),
            "no code is good here, so this check could never pass; add one or remove `rcode`",
        );
        return None;
    }
    let mut list = Vec::new();
    for item in items {
        let code = item.read(report, |text| {
            let found = RCODES.iter().position(|known| *known == text);
            found.ok_or_else(|| format!("{:?} is no code here; {}", clip(text), there(RCODES.into_iter())))
        })? as u8;
        if list.contains(&code) {
            report.add(item.at(), "this code is there twice; remove one of the two");
        }
        list.push(code);
    }
    Some(list)
}

fn strings(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let mut list = Vec::new();
    for item in value.items_up_to(ANSWERS_MAX, report)? {
        list.push(item.read(report, |text| {
            if (1..=512).contains(&text.len()) && !text.contains(char::is_control) {
                Ok(text.to_owned())
            } else {
                Err("a record's data has 1 to 512 bytes, as in a master file; change it")
            }
        })?);
    }
    Some(list)
}
