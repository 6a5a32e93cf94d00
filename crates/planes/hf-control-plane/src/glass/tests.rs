#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;
use hf_control::{
    BreakGlassFate as Fate, Intent, RecordedBreakGlass as Recorded, Scope, Shift, ShiftKind, ShiftState,
};
use hf_feed::{HeardReport, NodeReport, Reports};
use hf_health::{Verdict, Verdicts};
use hf_model::{EstateId, NodeId, Operator, Revision, ShiftId, ZoneId};

use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000_000);
const BEAT: Duration = Duration::from_secs(1);

/// A pool in both zones, one in zone a only.
const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }, { address = "10.0.0.2:80", zone = "b" }]
[[pool]]
name = "db"
protocol = "tcp"
endpoints = [{ address = "10.0.0.1:5432", zone = "a" }]
"#;

fn minutes(number: u64) -> Duration {
    Duration::from_mins(number)
}

fn act(zone: &str, signed_at: Timestamp, length: Duration) -> BreakGlassShift {
    BreakGlassShift {
        estate: EstateId([7; 16]),
        zone: ZoneId::new(zone).unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at,
        ends_at: signed_at.plus(length),
    }
}

fn told(act: &BreakGlassShift, fate: Fate) -> Recorded {
    Recorded { act: act.clone(), revision: Revision(4), fate }
}

fn shift(id: &str, zone: &str) -> Shift {
    Shift {
        id: ShiftId::new(id).unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(minutes(30)),
        state: ShiftState::Active,
        kind: ShiftKind::BreakGlass,
        floor_overrides: Vec::new(),
        revision: Revision(4),
    }
}

fn snapshot(acts: Vec<BreakGlassShift>, shifts: Vec<Shift>, break_glass: Vec<Recorded>) -> Snapshot {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let intent = Intent {
        estate_id: EstateId([7; 16]),
        revision: Revision(4),
        estate: bundle,
        shifts,
        break_glass,
        ..Intent::default()
    };
    let verdicts = Verdicts { of: vec![Verdict::Healthy; 3] };
    Snapshot::build(1, NOW, Arc::new(intent), estate, acts, verdicts)
}

/// Nodes by name, each with the acts that it obeys.
fn heard(nodes: &[(&str, &[&BreakGlassShift], u64)]) -> Reports {
    let report = |name: &str, acts: &[&BreakGlassShift]| NodeReport {
        node: NodeId::new(name).unwrap(),
        zone: None,
        roles: vec![],
        version: "0.1.0".to_owned(),
        started_at: Timestamp(0),
        sent_at: NOW,
        api: None,
        status: None,
        api_key: None,
        snapshot_number: 1,
        revision: Revision(4),
        estate: None,
        booted_from_disk: false,
        contact: None,
        break_glass: acts.iter().map(|act| act_number(act)).collect(),
        refused_intent: None,
        notices: std::collections::BTreeMap::new(),
        estate_file_problem: None,
        ledger_problem: None,
        node_problem: None,
        activity: vec![],
        activity_left_out: 0,
    };
    let found = nodes.iter().map(|(name, acts, age_s)| {
        let received_at = Timestamp(NOW.0 - age_s * 1_000);
        (NodeId::new(name).unwrap(), HeardReport { received_at, report: report(name, acts) })
    });
    found.collect::<BTreeMap<_, _>>()
}

fn check(snapshot: &Snapshot, reports: &Reports, expected: Expect) {
    let heard = Heard { reports, now: NOW, beat: BEAT };
    let mut text = String::new();
    for found in shown(Some(snapshot), &snapshot.intent, &heard, &|_| ShiftConsumers::default()) {
        let _ = write!(text, "{} by {}: {};", found.zone, found.by, found.fate_text);
        for node in &found.acknowledged {
            let word = match (node.applied, node.silent) {
                (true, _) => "has it",
                (false, false) => "LACKS it",
                (false, true) => "silent",
            };
            let _ = write!(text, " {} {word}", node.node);
        }
        for line in found.effect.iter().flat_map(|effect| &effect.not_applied) {
            let _ = write!(text, "; {}: {}", line.resource, line.why);
        }
        text.push('\n');
    }
    let past: Vec<&str> = past_the_ledger(snapshot, NOW).map(|act| act.zone.as_str()).collect();
    let _ = write!(text, "past the ledger: {}", past.join(" "));
    expected.assert_eq(&text);
}

#[test]
fn an_act_is_shown_with_who_has_it_and_where_the_floor_stops_it() {
    let (a, b) = (act("a", NOW, minutes(10)), act("b", NOW, minutes(10)));
    let reports = heard(&[("n1", &[&a], 0), ("n2", &[&b], 0), ("n3", &[&a, &b], 0), ("n4", &[], 60)]);
    check(
        &snapshot(vec![a], vec![], vec![]),
        &reports,
        expect![[r#"
            a by ann: not in the ledger yet; n2 LACKS it n4 silent n1 has it n3 has it; pool/db: at least 1 zone must stay, this would leave 0
            past the ledger: a"#]],
    );
}

#[test]
fn what_is_over_is_not_shown() {
    let cancel = act("a", NOW, Duration::ZERO);
    check(&snapshot(vec![cancel], vec![], vec![]), &heard(&[]), expect!["past the ledger: "]);
    let ended = act("a", Timestamp(NOW.0 - 600_000), minutes(10));
    check(&snapshot(vec![ended], vec![], vec![]), &heard(&[]), expect!["past the ledger: "]);
    check(&snapshot(vec![], vec![], vec![]), &heard(&[]), expect!["past the ledger: "]);
}

#[test]
fn the_ledgers_word_is_shown_with_the_act() {
    let a = act("a", NOW, minutes(10));
    let id = ShiftId::new("shift-4").unwrap();
    // Under another of the zone's names it is the same act.
    let as_signed = BreakGlassShift { zone: ZoneId::new("aa").unwrap(), ..a.clone() };
    let goes_on = vec![told(&as_signed, Fate::Shift(id))];
    check(
        &snapshot(vec![a.clone()], vec![shift("shift-4", "a")], goes_on.clone()),
        &heard(&[]),
        expect![[r#"
            a by ann: recorded as shift-4;
            past the ledger: "#]],
    );
    // A node that heard of it from the ledger alone knows who obeys it.
    check(
        &snapshot(vec![], vec![shift("shift-4", "a")], goes_on.clone()),
        &heard(&[("n1", &[&a], 0), ("n2", &[], 0)]),
        expect![[r#"
            aa by ann: recorded as shift-4; n2 LACKS it n1 has it
            past the ledger: "#]],
    );
    // Its shift was canceled: so was the act.
    check(&snapshot(vec![a.clone()], vec![], goes_on), &heard(&[]), expect!["past the ledger: "]);
    let conflicts = told(&a, Fate::Conflicts("a is pinned in for everything by bob".to_owned()));
    // Also on a node that heard of it from the ledger alone; a newer act of its zone takes its place.
    for acts in [vec![a.clone()], vec![]] {
        let snapshot = snapshot(acts, vec![], vec![conflicts.clone()]);
        let (reports, now) = (heard(&[]), NOW);
        let heard = Heard { reports: &reports, now, beat: BEAT };
        let found = shown(Some(&snapshot), &snapshot.intent, &heard, &|_| ShiftConsumers::default());
        assert_eq!(
            (found.len(), found[0].fate_text.as_str()),
            (1, "conflicts: a is pinned in for everything by bob")
        );
        assert_eq!(found[0].fate, Some(BreakGlassFate::Conflicts));
        assert_eq!(past_the_ledger(&snapshot, NOW).count(), 1);
    }
    let cancel = act("a", NOW.plus(Duration::from_secs(1)), Duration::ZERO);
    check(&snapshot(vec![cancel], vec![], vec![conflicts]), &heard(&[]), expect!["past the ledger: "]);
}

fn rehearsed(snapshot: &Snapshot, act: &BreakGlassShift) -> String {
    let Rehearsed { effect, stays } = rehearse(snapshot, act, NOW);
    let lines = effect.not_applied.iter().map(|line| format!("; {}: {}", line.resource, line.why));
    let nothing = if effect.is_nothing() { " NOTHING" } else { "" };
    let stays = stays.map_or(String::new(), |why| format!("; stays: {why}"));
    format!("applied {}{nothing}{}{stays}", effect.applied, lines.collect::<String>())
}

#[test]
fn a_rehearsal_decides_as_if_the_act_were_there() {
    let floor = "pool/db: at least 1 zone must stay, this would leave 0";
    let calm = snapshot(vec![], vec![], vec![]);
    for zone in ["a", "aa"] {
        assert_eq!(rehearsed(&calm, &act(zone, NOW, minutes(10))), format!("applied 1; {floor}"));
    }
    // The other zone is away: nothing at all would be left to do.
    let away = snapshot(vec![act("b", NOW, minutes(10))], vec![], vec![]);
    let web = "pool/web: at least 1 zone must stay, this would leave 0";
    let later = act("a", NOW.plus(Duration::from_secs(1)), minutes(10));
    assert_eq!(rehearsed(&away, &later), format!("applied 0 NOTHING; {web}; {floor}"));
    // A longer act of the same zone replaces the one that is there.
    let newer = act("b", NOW.plus(Duration::from_secs(1)), minutes(20));
    assert_eq!(rehearsed(&away, &newer), "applied 1");
}

#[test]
fn a_cancel_says_what_keeps_the_zone_away_all_the_same() {
    let by_shift = snapshot(vec![act("b", NOW, minutes(10))], vec![shift("shift-4", "b")], vec![]);
    let cancel = act("b", NOW.plus(Duration::from_secs(1)), Duration::ZERO);
    let told = rehearsed(&by_shift, &cancel);
    assert!(told.starts_with("applied 0; stays: ") && told.contains("shift-4"), "{told}");
    let only_glass = snapshot(vec![act("b", NOW, minutes(10))], vec![], vec![]);
    assert_eq!(rehearsed(&only_glass, &cancel), "applied 0");
}
