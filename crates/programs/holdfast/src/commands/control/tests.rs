//! How panels look, and how one thing of them is found.

use expect_test::expect;
use hf_api::{ControlPanel, Origin, RuleKind, Wants};

use super::*;

fn control(panel: &str, name: &str, state: ControlTo) -> RoutingControl {
    RoutingControl {
        path: format!("{panel}/{name}"),
        id: format!("{:016x}", name.len()),
        origin: Origin::Estate,
        state,
        changed_at_ms: 40_000,
        by: "ann".to_owned(),
        reason: "east is down".to_owned(),
        floor_overrides: if state == ControlTo::Off { vec!["web".to_owned()] } else { Vec::new() },
        behind: vec![format!("region/{name}")],
        revision: 7,
    }
}

fn controls() -> Controls {
    let rule = SafetyRule {
        path: "regions/keep-one".to_owned(),
        id: "00000000000000ff".to_owned(),
        origin: Origin::Estate,
        kind: RuleKind::Assert,
        wants: Wants::AtLeast(1),
        inverted: false,
        of: vec!["eu-west-2".to_owned(), "us-east-1".to_owned()],
        targets: Vec::new(),
        on: 1,
        holds: true,
        wait_period_ms: 5_000,
        waits_until_ms: Some(103_000),
        revision: 3,
    };
    let gate = SafetyRule {
        path: "regions/gate".to_owned(),
        kind: RuleKind::Gate,
        wants: Wants::All,
        inverted: true,
        of: vec!["master".to_owned()],
        targets: vec!["eu-west-2".to_owned()],
        holds: false,
        waits_until_ms: None,
        ..rule.clone()
    };
    let panel = |name: &str, controls: Vec<RoutingControl>, rules: Vec<SafetyRule>| ControlPanel {
        name: name.to_owned(),
        id: "0".repeat(32),
        cluster: "holdfast".to_owned(),
        origin: Origin::Estate,
        is_default: name == "default",
        controls,
        rules,
        revision: 3,
    };
    let regions =
        vec![control("regions", "eu-west-2", ControlTo::On), control("regions", "us-east-1", ControlTo::Off)];
    Controls {
        revision: 9,
        consistent: true,
        now_ms: 100_000,
        panels: vec![
            panel("default", Vec::new(), Vec::new()),
            panel("regions", regions, vec![gate, rule]),
            panel("pools", vec![control("pools", "eu-west-2", ControlTo::On)], Vec::new()),
        ],
    }
}

#[test]
fn a_panel_is_seen_at_a_glance() {
    expect![[r#"
        regions: 1 of 2 off
          CONTROL    STATE  SINCE   BY   TAKES AWAY        REASON
          eu-west-2  on     1m ago  ann  region/eu-west-2  east is down
          us-east-1  OFF    1m ago  ann  region/us-east-1  east is down (may break the floor of web)
          RULE      HOLDS   WANTS            ON   WAIT            OF
          gate      CLOSED  not all of 1     1/1  5s              master -> eu-west-2
          keep-one  holds   at least 1 of 2  1/2  5s, ends in 3s  eu-west-2, us-east-1

        pools: 0 of 1 off
          CONTROL    STATE  SINCE   BY   TAKES AWAY        REASON
          eu-west-2  on     1m ago  ann  region/eu-west-2  east is down
    "#]]
    .assert_eq(&words::in_tables(&controls()));
}

#[test]
fn what_may_be_old_says_so_and_nothing_is_said() {
    let nothing = Controls { revision: 4, consistent: false, now_ms: 0, panels: Vec::new() };
    let told = words::in_tables(&nothing);
    assert!(told.starts_with("as the node that answered knew it at revision 4"), "{told}");
    assert!(told.contains("no routing control is declared"), "{told}");
}

#[test]
fn one_thing_is_found_by_each_of_its_names() {
    let controls = controls();
    let told = |name: &str| match find(&controls, name) {
        Ok(Found::Control(control)) => control.path.clone(),
        Ok(Found::Rule(rule)) => format!("rule {}", rule.path),
        Err(Failure::Refused(text)) => text,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(told("us-east-1"), "regions/us-east-1");
    assert_eq!(told("pools/eu-west-2"), "pools/eu-west-2");
    assert_eq!(told("keep-one"), "rule regions/keep-one");
    assert!(told("eu-west-2").contains("may be `regions/eu-west-2` or `pools/eu-west-2`"));
    assert!(told("nowhere").starts_with("there is no routing control or safety rule `nowhere`"));
}

#[test]
fn only_the_named_panels_are_listed() {
    let mut some = controls();
    only(&mut some, &["pools".to_owned()]).unwrap();
    assert_eq!(some.panels.len(), 1);
    let refused = only(&mut controls(), &["cells".to_owned()]).unwrap_err();
    assert!(
        matches!(&refused, Failure::Refused(text) if text.ends_with("there is default, regions, pools")),
        "{refused:?}"
    );
}
