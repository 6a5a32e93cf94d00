use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::{BreakGlassShift, Intent};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, Timestamp};

use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000_000);

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[zone]]
id = "b"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
[[pool]]
name = "db"
protocol = "tcp"
endpoints = [
  { address = "10.0.0.1:5432", zone = "a" },
]
[[pool]]
name = "far"
protocol = "tcp"
endpoints = [
  { address = "10.0.0.2:9", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
"#;

fn zone(name: &str) -> ZoneId {
    ZoneId::new(name).unwrap()
}

fn pin(zone_name: &str, to: PinTo, scope: &str, by: &str) -> Pin {
    Pin {
        started_at: Timestamp(0),
        floor_overrides: Vec::new(),
        zone: zone(zone_name),
        scope: scope.parse().unwrap(),
        to,
        reason: "x".to_owned(),
        by: Operator::new(by),
        ends_at: NOW.plus(Duration::from_hours(1)),
        revision: Revision(3),
    }
}

fn shift(scope: &str) -> Shift {
    Shift {
        kind: hf_control::ShiftKind::Zonal,
        floor_overrides: Vec::new(),
        id: ShiftId::new("shift-4").unwrap(),
        zone: zone("a"),
        scope: scope.parse().unwrap(),
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(1)),
        state: ShiftState::Active,
        revision: Revision(4),
    }
}

fn snapshot(revision: u64, shifts: Vec<Shift>, pins: Vec<Pin>, glass: Vec<BreakGlassShift>) -> Snapshot {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let intent = Intent { revision: Revision(revision), estate: bundle, shifts, pins, ..Intent::default() };
    let verdicts = Verdicts { of: vec![Verdict::Healthy; 4] };
    Snapshot::build(1, NOW, Arc::new(intent), estate, glass, verdicts)
}

fn told(effect: Option<Effect>) -> String {
    let Some(effect) = effect else { return "not decided".to_owned() };
    let nothing = if effect.is_nothing() { " NOTHING" } else { "" };
    let lines = effect.not_applied.iter().map(|yielded| {
        let anyway = if yielded.so_anyway { " (so anyway)" } else { "" };
        format!("\n{}: {}{anyway}", yielded.resource, yielded.why)
    });
    format!("applied {}{nothing}{}", effect.applied, lines.collect::<String>())
}

#[track_caller]
fn check_shift(scope: &str, pins: Vec<Pin>, expected: &str) {
    let shift = shift(scope);
    let snapshot = snapshot(4, vec![shift.clone()], pins, Vec::new());
    assert_eq!(told(of_shift(&snapshot, &shift)), expected);
}

#[test]
fn a_shift_that_takes_its_zone_away_is_applied() {
    check_shift("pool/web", Vec::new(), "applied 1");
    check_shift("record/www.example.test.", Vec::new(), "applied 1");
}

#[test]
fn what_the_floor_keeps_is_named() {
    check_shift(
        "everything",
        Vec::new(),
        "applied 1\npool/db: at least 1 zone must stay, this would leave 0",
    );
    check_shift(
        "pool/db",
        Vec::new(),
        "applied 0 NOTHING\npool/db: at least 1 zone must stay, this would leave 0",
    );
}

#[test]
fn a_pin_in_is_named_with_whose_it_is() {
    check_shift(
        "pool/web",
        vec![pin("a", PinTo::In, "everything", "bob")],
        "applied 0 NOTHING\npool/web: the zone is pinned in (by bob until 2001-09-09T02:46:40Z)",
    );
    check_shift(
        "pool/web",
        vec![pin("a", PinTo::In, "record/www.example.test.", "bob")],
        "applied 1\nrecord/www.example.test.: the zone is pinned in (by bob until 2001-09-09T02:46:40Z)",
    );
}

#[test]
fn a_zone_that_a_stronger_act_takes_away_is_away_all_the_same() {
    check_shift(
        "pool/web",
        vec![pin("a", PinTo::Out, "everything", "bob")],
        "applied 0\npool/web: pinned out by bob until 2001-09-09T02:46:40Z comes first; the zone is away all the same (so anyway)",
    );
}

#[test]
fn break_glass_comes_first_and_its_cancel_ends_what_is_held() {
    let mut held = shift("pool/web");
    held.ends_at = NOW;
    let mut glass = BreakGlassShift {
        estate: hf_model::EstateId::default(),
        zone: zone("a"),
        reason: "x".to_owned(),
        by: Operator::new("bob"),
        signed_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(1)),
    };
    let during = snapshot(4, vec![held.clone()], Vec::new(), vec![glass.clone()]);
    assert_eq!(
        told(of_shift(&during, &held)),
        "applied 0\npool/web: break-glass by bob until 2001-09-09T01:47:40Z comes first; the zone is away all the same (so anyway)"
    );
    glass.ends_at = glass.signed_at;
    let after = snapshot(4, vec![held.clone()], Vec::new(), vec![glass]);
    assert_eq!(
        told(of_shift(&after, &held)),
        "applied 0 NOTHING\npool/web: a break-glass cancel has ended it"
    );
}

#[test]
fn an_older_snapshot_and_an_ended_shift_tell_nothing() {
    let mut shift = shift("pool/web");
    assert_eq!(told(of_shift(&snapshot(3, Vec::new(), Vec::new(), Vec::new()), &shift)), "not decided");
    shift.state = ShiftState::Canceled(NOW);
    assert_eq!(told(of_shift(&snapshot(4, Vec::new(), Vec::new(), Vec::new()), &shift)), "not decided");
}

#[test]
fn a_pin_yields_to_a_narrower_one_and_to_the_floor() {
    let (wide, narrow) = (pin("a", PinTo::Out, "everything", "ann"), pin("a", PinTo::In, "pool/web", "bob"));
    let both = snapshot(3, Vec::new(), vec![wide.clone(), narrow.clone()], Vec::new());
    assert_eq!(told(of_pin(&both, &narrow)), "applied 1");
    assert_eq!(
        told(of_pin(&both, &wide)),
        "applied 0 NOTHING\npool/web: the zone is pinned in (by bob until 2001-09-09T02:46:40Z)\n\
         pool/db: at least 1 zone must stay, this would leave 0"
    );
    let out = pin("a", PinTo::Out, "pool/web", "bob");
    let wide_in = pin("a", PinTo::In, "everything", "ann");
    let other = snapshot(3, Vec::new(), vec![wide_in.clone(), out], Vec::new());
    assert_eq!(
        told(of_pin(&other, &wide_in)),
        "applied 1\npool/web: pinned out by bob until 2001-09-09T02:46:40Z comes first"
    );
}
