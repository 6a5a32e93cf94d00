use hf_config::estate::EstateBundle;
use hf_control::{Intent, Scope, Shift, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, ZoneId};

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
[[health_check]]
name = "web"
kind = "http"
[[pool]]
name = "web"
protocol = "http"
health_check = "web"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "a" },
  { address = "10.0.0.3:80", zone = "b" },
]
"#;

/// `verdicts`: one of `+-?` for each endpoint. `shift`: the scope of a shift out of zone a.
fn snapshot(number: u64, verdicts: &str, shift: Option<&str>) -> Arc<Snapshot> {
    snapshot_of(ESTATE, number, verdicts, shift)
}

fn snapshot_of(toml: &str, number: u64, verdicts: &str, shift: Option<&str>) -> Arc<Snapshot> {
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let shifts = shift.map(|scope| Shift {
        kind: hf_control::ShiftKind::Zonal,
        floor_overrides: Vec::new(),
        id: ShiftId::new("shift-2").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        scope: scope.parse::<Scope>().unwrap(),
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(1)),
        state: ShiftState::Active,
        revision: Revision(2),
    });
    let intent = Intent {
        revision: Revision(2),
        estate: bundle,
        shifts: shifts.into_iter().collect(),
        ..Intent::default()
    };
    let of = verdicts.chars().map(|verdict| match verdict {
        '+' => Verdict::Healthy,
        '-' => Verdict::Unhealthy,
        _ => Verdict::Unknown,
    });
    let verdicts = Verdicts { of: of.collect() };
    Arc::new(Snapshot::build(number, NOW, Arc::new(intent), estate, Vec::new(), verdicts))
}

fn told(lines: &[DecisionLine]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &format!("{} ({})\n", line.text, line.why))
}

#[test]
fn each_change_has_a_line_with_its_inputs() {
    let mut decisions = Decisions::new(NodeId::new("n").unwrap(), NOW);
    let mut text = String::new();
    let steps = [
        ("???", None),
        ("+++", None),
        ("+++", None),
        ("+-+", None),
        ("--+", None),
        ("+++", Some("everything")),
        ("+++", None),
        ("+++", Some("pool/web")),
        ("---", None),
    ];
    for (number, (verdicts, shift)) in steps.into_iter().enumerate() {
        let snapshot = snapshot(number as u64 + 1, verdicts, shift);
        text = text + verdicts + " " + shift.unwrap_or("no shift") + "\n";
        text += &told(&decisions.lines(&snapshot, NOW));
    }
    expect_test::expect![[r#"
        ??? no shift
        this node serves its first snapshot (a open, b open)
        +++ no shift
        a: open, not checked -> healthy (healthy; 2 of 2 endpoints healthy; revision 2, snapshot 2)
        b: open, not checked -> healthy (healthy; 1 of 1 endpoints healthy; revision 2, snapshot 2)
        +++ no shift
        +-+ no shift
        a: 1 of 2 endpoints healthy, was 2 of 2 (unhealthy: 10.0.0.2:80)
        --+ no shift
        a: open, healthy -> impaired (impaired; 0 of 2 endpoints healthy; revision 2, snapshot 5)
        pool/web in a: open -> away (impaired; unhealthy: 10.0.0.1:80, 10.0.0.2:80; revision 2, snapshot 5)
        +++ everything
        a: open -> away (shift-2 until 2001-09-09T01:47:40Z; 2 of 2 endpoints healthy; revision 2, snapshot 6)
        +++ no shift
        a: away -> open (healthy; 2 of 2 endpoints healthy; revision 2, snapshot 7)
        +++ pool/web
        pool/web in a: open -> away (shift-2 until 2001-09-09T01:47:40Z; no endpoint unhealthy; revision 2, snapshot 8)
        --- no shift
        a: open, healthy -> impaired (impaired; 0 of 2 endpoints healthy; revision 2, snapshot 9)
        b: open, healthy -> impaired (impaired; 0 of 1 endpoints healthy; revision 2, snapshot 9)
        pool/web: normal -> fail_open (3 of 3 endpoints serve; revision 2, snapshot 9)
        pool/web in a: away -> open (failing open; unhealthy: 10.0.0.1:80, 10.0.0.2:80; revision 2, snapshot 9)
    "#]].assert_eq(&text);
}

#[test]
fn unhealthy_are_those_that_count_as_such() {
    let check = |kind: &str, verdicts: &str| {
        let toml = ESTATE.replace("kind = \"http\"", kind);
        let snapshot = snapshot_of(&toml, 1, verdicts, None);
        impaired_in(&snapshot, snapshot.estate.zone_indexes().next().unwrap(), None)
    };
    assert_eq!(check("kind = \"http\"", "-+++"), "unhealthy: 10.0.0.1:80");
    // What was seen before says nothing under a check that asks for something else.
    assert_eq!(check("kind = \"http\"\ndisabled = true", "--++"), "no endpoint unhealthy");
    let standing = "kind = \"tcp\"\naddress = \"10.0.0.9:80\"";
    assert_eq!(check(standing, "--++"), "no endpoint unhealthy");
    assert_eq!(check(standing, "+++-"), "unhealthy: 10.0.0.1:80, 10.0.0.2:80");
    assert_eq!(check("kind = \"pushed\"", "?+?-"), "unhealthy: 10.0.0.1:80");
}

#[test]
fn a_break_glass_act_has_a_line_with_who_and_why() {
    let mut decisions = Decisions::new(NodeId::new("n").unwrap(), NOW);
    let mut act = BreakGlassShift {
        estate: hf_model::EstateId::default(),
        zone: ZoneId::new("a").unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(1)),
    };
    let with = |number: u64, acts: Vec<BreakGlassShift>| {
        let plain = snapshot(number, "+++", None);
        let (intent, estate) = (plain.intent.clone(), plain.estate.clone());
        Arc::new(Snapshot::build(number, NOW, intent, estate, acts, plain.verdicts.clone()))
    };
    decisions.lines(&with(1, Vec::new()), NOW);
    let lines = decisions.lines(&with(2, vec![act.clone()]), NOW);
    assert_eq!((lines[0].act, lines[0].by.as_str(), lines[0].why.as_str()), (true, "ann", "no ledger"));
    assert_eq!(lines[0].text, "break-glass takes everything out of a until 2001-09-09T01:47:40Z");
    assert!(!lines[1].act && lines[1].text.starts_with("a: open -> away"), "{lines:?}");
    assert_eq!(decisions.lines(&with(3, vec![act.clone()]), NOW).len(), 0, "it is told once");
    act.ends_at = act.signed_at;
    let lines = decisions.lines(&with(4, vec![act]), NOW);
    assert_eq!((lines[0].act, lines[0].text.as_str()), (true, "break-glass of a canceled"));
}

#[test]
fn many_lines_at_once_are_cut_and_counted() {
    let mut decisions = Decisions::new(NodeId::new("n").unwrap(), NOW);
    let mut lines = 0;
    for number in 0..1_000 {
        let verdicts = if number % 2 == 0 { "+++" } else { "+-+" };
        lines += decisions.lines(&snapshot(number, verdicts, None), NOW).len();
    }
    assert_eq!(lines, BURST as usize);
    let later = NOW.plus(Duration::from_hours(1));
    let after = decisions.lines(&snapshot(2_000, "+++", None), later);
    assert!(after[0].suppressed && after[0].text.starts_with("900 lines"), "{after:?}");
    assert!(decisions.allowed <= BURST);
}

#[test]
fn a_clock_that_was_set_back_does_no_harm() {
    let mut decisions = Decisions::new(NodeId::new("n").unwrap(), NOW);
    assert_eq!(decisions.lines(&snapshot(1, "+++", None), Timestamp(0)).len(), 1);
    assert_eq!(decisions.lines(&snapshot(2, "+++", None), NOW).len(), 0);
}
