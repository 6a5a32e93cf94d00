use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::{Intent, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId};

use super::*;
use crate::words::{read, say};
use hf_config::node::AwayWord;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["other-a"]
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web"
health_check = "up"
return_over = "10s"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "a" },
  { address = "10.0.0.3:80", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
"#;

pub const NOW: Timestamp = Timestamp(1_000_000_000_000);

fn shift(zone: &str, state: ShiftState, ends_at: Timestamp) -> Shift {
    Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("ann"),
        started_at: Timestamp(NOW.0 - 60_000),
        ends_at,
        state,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(7),
    }
}

pub fn snapshot(shifts: Vec<Shift>, sick: &[usize], revision: u64) -> Arc<Snapshot> {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let intent = Intent { revision: Revision(revision), estate: bundle, shifts, ..Intent::default() };
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; estate.subject_count()] };
    for at in sick {
        verdicts.of[*at] = Verdict::Unhealthy;
    }
    Arc::new(Snapshot::build(revision, NOW, Arc::new(intent), estate, Vec::new(), verdicts))
}

/// With zone a shifted away.
pub fn shifted(revision: u64) -> Arc<Snapshot> {
    snapshot(vec![shift("a", ShiftState::Active, NOW.plus(Duration::from_mins(5)))], &[], revision)
}

fn told(snapshot: &Arc<Snapshot>, line: &str) -> String {
    let asked = read(line.as_bytes()).unwrap();
    match Answers::default().to(snapshot, asked.about, &asked.question) {
        Ok(told) => say(&told, AwayWord::Down).trim().to_owned(),
        Err(problem) => problem.to_string(),
    }
}

#[test]
fn zones_pools_and_endpoints_are_told() {
    let all = snapshot(vec![], &[1], 1);
    for line in ["a", "other-a/web", "a/record/www.example.test", "web/10.0.0.1:80", "b/web"] {
        assert_eq!(told(&all, line), "ready up 100%", "{line}");
    }
    assert_eq!(told(&all, "web/10.0.0.2:80"), "ready down #impaired");
    let left = shifted(2);
    for line in ["a", "a/web", "other-a/record/www.example.test", "web/10.0.0.1:80", "web/10.0.0.2:80"] {
        assert_eq!(told(&left, line), "ready down #shift-7", "{line}");
    }
    assert_eq!(told(&left, "b/web"), "ready up 100%");
}

#[test]
fn what_is_not_in_the_estate_is_told_in_words() {
    let all = snapshot(vec![], &[], 1);
    assert_eq!(
        told(&all, "zz/web"),
        "an agent check asked \"zz/web\": the estate has no zone `zz`; write the id or an alias of one that it has"
    );
    assert_eq!(
        told(&all, "a/shop"),
        "an agent check asked \"a/shop\": the estate has no `pool/shop`; write one that it has"
    );
    assert_eq!(
        told(&all, "web/10.0.0.9:80"),
        "an agent check asked \"web/10.0.0.9:80\": the pool has no endpoint 10.0.0.9:80; write one that it has"
    );
}

#[test]
fn a_new_snapshot_is_compiled_anew() {
    let answers = Answers::default();
    let asked = read(b"web/10.0.0.1:80").unwrap();
    let to = |snapshot: &Arc<Snapshot>| answers.to(snapshot, asked.about, &asked.question).unwrap();
    let (open, left) = (snapshot(vec![], &[], 1), shifted(2));
    assert!(matches!(to(&open), Told::Open(_)) && matches!(to(&left), Told::Away(_)));
    assert!(matches!(to(&open), Told::Open(_)));
}
