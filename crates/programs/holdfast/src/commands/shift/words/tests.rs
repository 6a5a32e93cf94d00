use std::collections::BTreeMap;

use expect_test::expect;
use hf_api::{ConsumerGroup, ConsumerStanding, ShiftConsumers, Yielded};

use super::*;

const NOW_MS: u64 = 1_700_000_060_000;

fn shift() -> Shift {
    let word = |node: &str, applied, silent| Acknowledgement {
        node: node.to_owned(),
        applied,
        revision: 2,
        silent,
        last_heard_ms: if silent { 12_000 } else { 100 },
    };
    Shift {
        id: "shift-2".to_owned(),
        kind: ShiftKind::Zonal,
        zone: "a".to_owned(),
        resource: "everything".to_owned(),
        reason: "smoke".to_owned(),
        by: "ann".to_owned(),
        started_at_ms: 1_700_000_000_000,
        ends_at_ms: 1_700_000_360_000,
        state: ShiftState::Active,
        ended_at_ms: None,
        ended_by: None,
        expiring: false,
        floor_overrides: Vec::new(),
        held: false,
        revision: 2,
        effect: Some(Effect { applied: 1, not_applied: Vec::new() }),
        acknowledged: vec![word("c", true, false), word("n1", false, false), word("n2", true, true)],
        time_to_zero: TimeToZero {
            measurable: true,
            measured: false,
            last_new_request_ms: Some(80),
            last_open_connection_ms: None,
            last_byte_ms: Some(1_000),
            last_dns_answer_ms: Some(0),
            open_connections: Some(3),
            waiting_for: vec!["n1".to_owned()],
            silent: vec!["n2".to_owned()],
            balancers: vec![
                BalancerTimeToZero {
                    node: "n1".to_owned(),
                    last_new_request_ms: 80,
                    last_byte_ms: 1_000,
                    open_connections: 3,
                    ..BalancerTimeToZero::default()
                },
                BalancerTimeToZero {
                    node: "n2".to_owned(),
                    last_open_connection_ms: Some(0),
                    silent: true,
                    ..BalancerTimeToZero::default()
                },
            ],
        },
        consumers: hf_api::ShiftConsumers::default(),
    }
}

fn yielded(resource: &str, so_anyway: bool) -> Yielded {
    Yielded {
        resource: resource.to_owned(),
        why: "the zone is pinned in (by bob until noon)".to_owned(),
        so_anyway,
    }
}

#[test]
fn one_shift_in_full_names_who_is_waited_for_and_who_is_silent() {
    expect![[r#"
        shift-2: everything leaves a, active, ends in 5m
        reason        smoke
        by            ann
        started       2023-11-14T22:13:20Z
        ends          2023-11-14T22:19:20Z
        applied by    1 of 2 nodes, not by n1; not heard: n2 (last heard 12s ago)
        time to zero  not yet measured
          last new request      80ms
          last open connection  3 still open
          last byte             1s
          last DNS answer       none since the start
          n1                    request 80ms, connection 3 still open, byte 1s
          n2                    request none, connection none, byte none; not heard any more
          waiting for           n1
    "#]]
    .assert_eq(&in_words(&shift(), NOW_MS));
}

#[test]
fn what_is_measured_says_over_whom() {
    let mut zero = shift().time_to_zero;
    (zero.measured, zero.open_connections) = (true, Some(0));
    zero.waiting_for.clear();
    assert_eq!(measured(&zero), "measured over the nodes that are heard");
    assert_eq!(to_zero(&zero), "80ms");
    zero.silent.clear();
    assert_eq!(measured(&zero), "measured");
}

#[test]
fn a_record_has_no_time_to_zero() {
    let zero = TimeToZero::default();
    assert_eq!(
        progress(&[], &zero),
        "applied by    0 of 0 nodes\ntime to zero  not measured for a single record\n"
    );
}

#[test]
fn what_is_not_applied_stands_first() {
    let mut shift = shift();
    shift.effect = Some(Effect { applied: 0, not_applied: vec![yielded("pool/web", false)] });
    let text = in_words(&shift, NOW_MS);
    let first: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(
        first,
        [
            "shift-2: everything does NOT leave a, NOT APPLIED, active, ends in 5m",
            "NOT APPLIED on pool/web: the zone is pinned in (by bob until noon)"
        ]
    );
    assert!(text.ends_with("\ntime to zero  none: nothing leaves\n"), "{text}");
    shift.effect =
        Some(Effect { applied: 1, not_applied: vec![yielded("pool/web", false), yielded("pool/db", true)] });
    let text = in_words(&shift, NOW_MS);
    assert!(
        text.starts_with("shift-2: everything leaves a, applied IN PART, active, ends in 5m\n"),
        "{text}"
    );
    assert!(text.contains("\nyields on pool/db: "), "{text}");
}

fn consumer() -> ConsumerGroup {
    ConsumerGroup {
        name: "orders".to_owned(),
        kind: "worker".to_owned(),
        zone: None,
        standing: ConsumerStanding::Lags,
        instances: 3,
        silent: 0,
        lagging: 1,
        not_told: 0,
        lowest_revision: Some(7),
        highest_revision: Some(7),
        running: BTreeMap::new(),
        work_not_told: 0,
        laggards: vec!["o-1".to_owned()],
        last_heard_ms: Some(900),
        declared: false,
        nodes: vec!["s1".to_owned()],
        applied_ms: None,
    }
}

#[test]
fn the_list_has_break_glass_too_and_what_is_not_applied() {
    let mut shift = shift();
    shift.effect = Some(Effect { applied: 0, not_applied: vec![yielded("pool/web", false)] });
    let glass = BreakGlass {
        zone: "b".to_owned(),
        reason: "no ledger".to_owned(),
        by: "bob".to_owned(),
        signed_at_ms: NOW_MS,
        ends_at_ms: NOW_MS + 60_000,
        fate: None,
        fate_text: "not in the ledger yet".to_owned(),
        effect: Some(Effect { applied: 1, not_applied: vec![yielded("pool/db", false)] }),
        acknowledged: Vec::new(),
        time_to_zero: TimeToZero { measurable: true, ..TimeToZero::default() },
        consumers: ShiftConsumers {
            applied: 2,
            lagging: 1,
            groups: vec![consumer()],
            ..ShiftConsumers::default()
        },
    };
    let recorded = BreakGlass {
        fate: Some(BreakGlassFate::Shift),
        fate_text: "recorded as shift-2".to_owned(),
        ..glass.clone()
    };
    assert_eq!(break_glass(&recorded, NOW_MS), "break-glass: b by bob: recorded as shift-2\n");
    let told = break_glass(&glass, NOW_MS);
    let expected = "BREAK-GLASS: b by bob, ends in 1m: no ledger\nledger        not in the ledger yet\nNOT APPLIED on pool/db: ";
    assert!(told.starts_with(expected), "{told}");
    assert!(
        told.contains("\nconsumers     applied by 2 of 3 instances that are heard, 1 behind\n"),
        "{told}"
    );
    let page = break_glass_page(&glass, NOW_MS);
    assert!(page.starts_with(&told) && page.contains("\norders    worker  -     1 LAG: o-1"), "{page}");
    let conflicts = BreakGlass { fate: Some(BreakGlassFate::Conflicts), ..glass.clone() };
    assert!(break_glass(&conflicts, NOW_MS).starts_with("BREAK-GLASS IN CONFLICT: b by bob"));
    let list = Shifts { shifts: vec![shift], ended_listed: false, break_glass: vec![glass, recorded] };
    expect![[r#"
        SHIFT    KIND         ZONE  RESOURCE    STATE                                      TIME TO ZERO  BY   REASON
        shift-2  zonal        a     everything  NOT APPLIED, active, ends in 5m            none          ann  smoke
        -        break-glass  b     everything  active, ends in 1m, not in the ledger yet  not yet       bob  no ledger
        shift-2: NOT APPLIED on pool/web: the zone is pinned in (by bob until noon)
        break-glass of b: NOT APPLIED on pool/db: the zone is pinned in (by bob until noon)
    "#]]
    .assert_eq(&in_table(&list, NOW_MS));
    let none = Shifts { shifts: Vec::new(), ended_listed: false, break_glass: Vec::new() };
    assert_eq!(in_table(&none, NOW_MS), "no shift is active");
}

#[test]
fn a_shift_tells_its_kind_its_near_end_who_ended_it_and_what_it_may_break() {
    let mut shift = shift();
    shift.kind = ShiftKind::Practice;
    shift.expiring = true;
    shift.floor_overrides = vec!["web".to_owned(), "db".to_owned()];
    let text = in_words(&shift, NOW_MS);
    assert!(text.starts_with("shift-2: everything leaves a, EXPIRING, ends in 5m\n"), "{text}");
    assert!(text.contains("\nkind          practice\nmay break     the floor of web, db\n"), "{text}");
    shift.state = ShiftState::Interrupted;
    shift.ended_at_ms = Some(NOW_MS - 5_000);
    shift.ended_by = Some("bob".to_owned());
    let text = in_words(&shift, NOW_MS);
    assert!(text.starts_with("shift-2: everything leaves a, interrupted 5s ago\n"), "{text}");
    assert!(text.contains("\nended by      bob\n"), "{text}");
}
