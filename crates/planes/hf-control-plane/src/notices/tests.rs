use hf_control::{Command, Scope};
use hf_model::{Operator, RequestId, ZoneId};
use std::time::Duration;

use super::*;
use crate::api::fixture::Fixture;

#[tokio::test]
async fn lines_of_a_ledger_become_notices() {
    let fixture = Fixture::of_three_zones().await;
    let context = fixture.api.context();
    let control = context.control.clone().unwrap();
    let zone = |id: &str| ZoneId::new(id).unwrap();
    let shift = |id: &str, minutes: u64| Command::StartShift {
        zone: zone(id),
        scope: Scope::Everything,
        length: Duration::from_mins(minutes),
        reason: "why".to_owned(),
        floor_overrides: Vec::new(),
    };
    let pin = Command::Pin {
        zone: zone("b"),
        scope: "pool/web".parse().unwrap(),
        to: hf_control::PinTo::In,
        length: Duration::from_mins(5),
        reason: "sure".to_owned(),
        floor_overrides: Vec::new(),
    };
    for (at, command) in [shift("a", 30), shift("nowhere", 30), pin].into_iter().enumerate() {
        let request = RequestId::new(&format!("request-{at}")).unwrap();
        control.submit(Operator::new("ann"), request, command).await.unwrap();
    }
    let read = async {
        loop {
            let lines = context.journal.read(0, 100).await.unwrap();
            if lines.len() >= 4 {
                break lines;
            }
            tokio::task::yield_now().await;
        }
    };
    let lines = tokio::time::timeout(Duration::from_mins(1), read).await.expect("the journal is written");
    let around = Around { node: "n1", estate: EstateId([7; 16]), outcome: &|_| None };
    let told: Vec<Notice> = lines.iter().flat_map(|line| of(line, &around)).collect();
    let shown: Vec<String> = told
        .iter()
        .map(|notice| {
            let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {} {}",
                notice.kind.as_str(),
                part(&notice.zone),
                part(&notice.resource),
                notice.by
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "estate.applied - - test",
            "shift.started a everything ann",
            "change.refused - - ann",
            "pin.set b pool/web ann"
        ]
    );
    let ids: std::collections::BTreeSet<&str> = told.iter().map(|notice| &*notice.id).collect();
    assert_eq!(ids.len(), told.len());
    assert!(told[2].reason.contains("nowhere"), "{}", told[2].reason);
}

/// What other parts write as lines of their own says itself what it is worth.
#[test]
fn own_lines_say_what_they_are_worth() {
    let line = |notice: Option<&str>| {
        let line = lines::DecisionLine {
            version: lines::VERSION,
            at_ms: 5,
            by: "n1".to_owned(),
            revision: 3,
            text: "shift-3 ends soon".to_owned(),
            why: String::new(),
            suppressed: false,
            act: false,
            warning: true,
            notice: notice.map(str::to_owned),
        };
        Journalled {
            position: 9,
            revision: None,
            bytes: lines::encode(&line),
            chain: hf_model::Digest([0; 32]),
        }
    };
    let around = Around { node: "n1", estate: EstateId([0; 16]), outcome: &|_| None };
    let kinds =
        |of_line: &Journalled| of(of_line, &around).iter().map(|notice| notice.kind).collect::<Vec<_>>();
    for kind in NoticeKind::ALL {
        assert_eq!(kinds(&line(Some(kind.as_str()))), [*kind]);
    }
    assert_eq!(kinds(&line(None)), []);
    assert_eq!(kinds(&line(Some("of a newer program"))), []);
}
