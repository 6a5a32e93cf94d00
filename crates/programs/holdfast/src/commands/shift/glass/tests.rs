#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call
#![allow(clippy::unnecessary_wraps)] // answers of three sorts stand side by side in one list

use expect_test::{Expect, expect};
use hf_api::{Effect, Tried};
use hf_model::Timestamp;

use super::*;

type Answers = Vec<(String, Result<BreakGlassAnswer, ClientError>)>;

fn took(node: &str, yielded: &[(&str, &str)], stays: Option<&str>) -> Result<BreakGlassAnswer, ClientError> {
    let line = |(resource, why): &(&str, &str)| Yielded {
        resource: (*resource).to_owned(),
        why: (*why).to_owned(),
        so_anyway: false,
    };
    Ok(BreakGlassAnswer {
        node: node.to_owned(),
        text: "a is left here until noon".to_owned(),
        rehearsed: false,
        effect: Effect { applied: 1, not_applied: yielded.iter().map(line).collect() },
        stays: stays.map(ToOwned::to_owned),
    })
}

fn refused(message: &str) -> Result<BreakGlassAnswer, ClientError> {
    let (code, mend) = ("floor".to_owned(), "mend it".to_owned());
    Err(ClientError::Refused { status: 409, message: message.to_owned(), code, mend })
}

fn silent() -> Result<BreakGlassAnswer, ClientError> {
    let why = "no connection within 2000 ms".to_owned();
    Err(ClientError::Unreachable { tried: vec![Tried { endpoint: "http://x".to_owned(), why }] })
}

fn answers(all: Vec<Result<BreakGlassAnswer, ClientError>>) -> Answers {
    all.into_iter().enumerate().map(|(at, answer)| (format!("http://10.0.0.{at}:7600"), answer)).collect()
}

fn report(length: Duration, how: HandOver, all: Vec<Result<BreakGlassAnswer, ClientError>>) -> Report {
    let signed_at = Timestamp(1_700_000_000_000);
    let act = BreakGlassShift {
        estate: EstateId([7; 16]),
        zone: ZoneId::new("a").unwrap(),
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        signed_at,
        ends_at: signed_at.plus(length),
    };
    Report::new(&act, how, answers(all))
}

const QUARTER: Duration = Duration::from_mins(15);

/// The table, and the last line with its exit code.
fn check(report: &Report, expected: Expect) {
    let (code, told) = match report.outcome() {
        Ok(told) => (0, told),
        Err(Failure::Refused(told)) => (1, told),
        Err(Failure::Unreachable(told)) => (3, told),
        Err(other) => panic!("{other:?}"),
    };
    expected.assert_eq(&format!("{}exit {code}: {told}\n", in_table(report)));
}

#[test]
fn who_took_it_who_refused_who_was_silent_and_what_the_floor_stops() {
    let floor = ("pool/db", "at least 1 zone must stay");
    let all = vec![
        took("a1", &[floor], None),
        took("b1", &[floor, ("pool/web", "pinned in")], None),
        refused("it was signed 5m ago"),
        silent(),
    ];
    check(
        &report(QUARTER, HandOver::default(), all),
        expect![[r#"
            NODE                  ANSWER   WHAT IT SAYS
            a1                    TOOK IT  a is left here until noon
            b1                    TOOK IT  a is left here until noon
            http://10.0.0.2:7600  REFUSED  it was signed 5m ago; mend it
            http://10.0.0.3:7600  SILENT   no connection within 2000 ms
            NOT APPLIED on pool/db: at least 1 zone must stay (says a1, b1)
            NOT APPLIED on pool/web: pinned in (says b1)
            exit 0: 2 of 4 nodes took the shift, until 2023-11-14T22:28:20Z; 2 did not, and hear it from the others unless they say why not
        "#]],
    );
}

#[test]
fn the_exit_code_tells_refused_from_unreachable() {
    let exit = |all| match report(QUARTER, HandOver::default(), all).outcome() {
        Ok(_) => 0,
        Err(Failure::Refused(_)) => 1,
        Err(Failure::Unreachable(_)) => 3,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(exit(vec![took("a1", &[], None), silent(), refused("no")]), 0);
    assert_eq!(exit(vec![refused("no"), refused("no")]), 1);
    assert_eq!(exit(vec![refused("no"), silent()]), 1);
    assert_eq!(exit(vec![silent(), silent()]), 3);
    let told = report(QUARTER, HandOver::default(), vec![refused("no"), silent()]).outcome().unwrap_err();
    assert_eq!(told, Failure::Refused("no node took the break-glass shift, 1 of 2 were silent".to_owned()));
}

#[test]
fn a_cancel_says_what_keeps_the_zone_away() {
    let all = vec![took("a1", &[], Some("shift-7 until noon")), took("b1", &[], Some("shift-7 until noon"))];
    check(
        &report(Duration::ZERO, HandOver::default(), all),
        expect![[r#"
            NODE  ANSWER   WHAT IT SAYS
            a1    TOOK IT  a is left here until noon
            b1    TOOK IT  a is left here until noon
            a STAYS away: shift-7 until noon (says a1, b1)
            exit 0: 2 of 2 nodes took the cancel
        "#]],
    );
}

#[test]
fn a_rehearsal_says_that_nothing_was_changed() {
    let how = HandOver { dry_run: true, anyway: false };
    check(
        &report(QUARTER, how, vec![took("a1", &[], None), refused("it would do nothing in a here")]),
        expect![[r#"
            NODE                  ANSWER         WHAT IT SAYS
            a1                    WOULD TAKE IT  a is left here until noon
            http://10.0.0.1:7600  REFUSED        it would do nothing in a here; mend it
            exit 0: 1 of 2 nodes would take the shift, until 2023-11-14T22:28:20Z; 1 would not; nothing was changed
        "#]],
    );
}

#[test]
fn the_report_is_plain_data_for_programs() {
    let report = report(QUARTER, HandOver::default(), vec![took("a1", &[], None), silent()]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (json["took"][0]["node"].as_str(), json["took"][0]["url"].as_str()),
        (Some("a1"), Some("http://10.0.0.0:7600"))
    );
    assert_eq!(
        (json["took"][0]["effect"]["applied"].as_u64(), json["silent"][0]["why"].is_string()),
        (Some(1), true)
    );
    assert_eq!((json["zone"].as_str(), json["refused"].as_array().map(Vec::len)), (Some("a"), Some(0)));
}
