use hf_feed::NodeReport;
use hf_model::{NodeId, Operator, ZoneId};

use super::*;

const BEAT: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp(110_000);

fn shift(scope: &str) -> Shift {
    Shift {
        kind: hf_control::ShiftKind::Zonal,
        floor_overrides: Vec::new(),
        id: ShiftId::new("shift-7").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        scope: scope.parse().unwrap(),
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        started_at: Timestamp(100_000),
        ends_at: Timestamp(1_000_000),
        state: ShiftState::Active,
        revision: Revision(9), // extended since
    }
}

/// `node role revision heard_at pool zone request connection answer open`
fn reports(lines: &[&str]) -> Reports {
    let one = |line: &&str| {
        let part: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| part[at].parse::<u64>().unwrap();
        let stamp = |at: usize| (part[at] != "-").then(|| Timestamp(number(at)));
        let node = NodeId::new(part[0]).unwrap();
        let activity = ZoneActivityReport {
            requests: 1,
            last_new_request_at: stamp(6),
            open_connections: number(9),
            last_open_connection_at: stamp(7),
            dns_answers: 1,
            last_dns_answer_at: stamp(8),
            ..ZoneActivityReport::none(PoolName::new(part[4]).unwrap(), ZoneId::new(part[5]).unwrap())
        };
        let role = Role::ALL.into_iter().find(|role| role.as_str() == part[1]).unwrap();
        let report = NodeReport {
            node: node.clone(),
            zone: None,
            roles: vec![role],
            version: "1".to_owned(),
            started_at: Timestamp(0),
            sent_at: Timestamp(number(3)),
            api: None,
            status: None,
            api_key: None,
            snapshot_number: 1,
            revision: Revision(number(2)),
            estate: None,
            booted_from_disk: false,
            contact: None,
            break_glass: vec![],
            refused_intent: None,
            notices: std::collections::BTreeMap::new(),
            estate_file_problem: None,
            ledger_problem: None,
            node_problem: None,
            activity: vec![activity],
            activity_left_out: 0,
        };
        (node, HeardReport { received_at: Timestamp(number(3)), report })
    };
    lines.iter().map(one).collect()
}

#[track_caller]
fn check(scope: &str, lines: &[&str], expected: &str) {
    let found = measure(&shift(scope), None, &reports(lines), NOW, BEAT);
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let text = format!(
        "measured {} request {} connection {} answer {} open {} waiting {} silent {}",
        found.measured,
        number(found.last_new_request_ms),
        number(found.last_open_connection_ms),
        number(found.last_dns_answer_ms),
        number(found.open_connections),
        found.waiting_for.join(","),
        found.silent.join(",")
    );
    assert_eq!(text, expected);
}

#[test]
fn the_latest_of_all_nodes_counts() {
    check(
        "everything",
        &[
            "x balancer 9 110000 web a 100120 100300 - 0",
            "y balancer 8 110000 web a 100080 100900 - 0",
            "z dns 7 110000 web a - - 100050 0",
        ],
        "measured true request 120 connection 900 answer 50 open 0 waiting  silent ",
    );
}

#[test]
fn before_the_start_counts_as_zero() {
    check(
        "everything",
        &["x balancer 9 110000 web a 90000 90000 - 0"],
        "measured true request 0 connection 0 answer - open 0 waiting  silent ",
    );
}

#[test]
fn an_open_connection_is_not_zero() {
    check(
        "everything",
        &["x balancer 9 110000 web a 100120 100300 - 2"],
        "measured false request 120 connection - answer - open 2 waiting  silent ",
    );
}

#[test]
fn who_is_behind_holds_it_up_and_is_named_first() {
    check(
        "everything",
        &[
            "x balancer 6 110000 web a 109000 - - 0",
            "y balancer 3 110000 web a - - - 0",
            "z dns 9 110000 web a - - - 0",
        ],
        "measured false request 9000 connection 0 answer 0 open 0 waiting y,x silent ",
    );
}

#[test]
fn who_is_not_heard_is_named_and_does_not_hold_it_up() {
    check(
        "everything",
        &["x balancer 9 110000 web a 100120 100300 - 0", "y balancer 6 100000 web a 99000 - - 5"],
        "measured true request 120 connection 300 answer - open 0 waiting  silent y",
    );
}

#[test]
fn what_a_silent_node_told_before_still_counts() {
    check(
        "everything",
        &["x balancer 9 110000 web a 100120 100300 - 0", "y balancer 9 101000 web a 100900 - - 0"],
        "measured true request 900 connection 300 answer - open 0 waiting  silent y",
    );
    check(
        "everything",
        &["y balancer 9 101000 web a 100900 - - 0"],
        "measured false request 900 connection 0 answer - open 0 waiting  silent y",
    );
}

#[test]
fn a_record_is_not_measurable_and_says_so() {
    let heard = reports(&["x dns 9 110000 web a - - 100050 0"]);
    assert!(!measure(&shift("record/www.example.test."), None, &heard, NOW, BEAT).measurable);
    assert!(measure(&shift("pool/web"), None, &heard, NOW, BEAT).measurable);
    let mut ended = shift("record/www.example.test.");
    ended.state = ShiftState::Canceled(NOW);
    assert!(!Zeroes::default().of(&ended).measurable);
    ended.scope = Scope::Everything;
    assert!(Zeroes::default().of(&ended).measurable);
}

#[test]
fn a_break_glass_shift_counts_from_its_signature() {
    let glass = BreakGlassShift {
        estate: hf_model::EstateId::default(),
        zone: ZoneId::new("a").unwrap(),
        reason: "x".to_owned(),
        by: Operator::new("ann"),
        signed_at: Timestamp(100_000),
        ends_at: Timestamp(1_000_000),
    };
    let mut heard = reports(&[
        "x balancer 9 110000 web a 100120 100300 - 0",
        "y balancer 9 110000 web a 100080 100200 - 0",
    ]);
    // Another act that a node obeys does not count.
    heard.get_mut(&NodeId::new("x").unwrap()).unwrap().report.break_glass = vec![hf_feed::act_number(&glass)];
    heard.get_mut(&NodeId::new("y").unwrap()).unwrap().report.break_glass = vec![1];
    let found = measure_break_glass(&glass, None, &heard, NOW, BEAT);
    assert_eq!((found.measured, found.waiting_for), (false, vec!["y".to_owned()]));
    heard.get_mut(&NodeId::new("y").unwrap()).unwrap().report.break_glass =
        vec![1, hf_feed::act_number(&glass)];
    let found = measure_break_glass(&glass, None, &heard, NOW, BEAT);
    assert_eq!((found.measured, found.last_new_request_ms), (true, Some(120)));
}

#[test]
fn other_zones_and_pools_do_not_count() {
    check(
        "everything",
        &["x balancer 9 110000 web b 109000 109000 - 5"],
        "measured true request 0 connection 0 answer - open 0 waiting  silent ",
    );
    check(
        "pool/api",
        &["x balancer 9 110000 web a 109000 109000 - 5"],
        "measured true request 0 connection 0 answer - open 0 waiting  silent ",
    );
}

#[test]
fn nobody_heard_means_nothing_known() {
    check("everything", &[], "measured false request - connection - answer - open - waiting  silent ");
    check(
        "record/www.example.test.",
        &["x dns 9 110000 web a - - 100050 0"],
        "measured false request - connection - answer - open - waiting  silent ",
    );
}

#[test]
fn figures_stand_still_when_a_shift_ends_and_are_bounded() {
    let mut zeroes = Zeroes::default();
    let mut ended = shift("everything");
    let early = reports(&["x balancer 9 110000 web a 100120 100300 - 0"]);
    zeroes.update([&ended].into_iter(), None, &early, NOW, BEAT);
    ended.state = ShiftState::Canceled(Timestamp(200_000));
    let later = reports(&["x balancer 12 300000 web a 300000 300000 - 9"]);
    zeroes.update(std::iter::empty(), None, &later, Timestamp(300_000), BEAT);
    assert_eq!(zeroes.of(&ended).last_new_request_ms, Some(120));
    for number in 0..KEPT as u64 + 10 {
        let id = ShiftId::new(&format!("shift-{}", number + 100)).unwrap();
        zeroes.update([&Shift { id, ..ended.clone() }].into_iter(), None, &early, NOW, BEAT);
    }
    assert_eq!(zeroes.by_shift.len(), KEPT);
    assert!(!zeroes.of(&ended).measured, "the oldest are forgotten first");
}

#[test]
fn each_balancer_is_told_by_its_name() {
    let mut reports = reports(&[
        "x balancer 9 110000 web a 100120 100300 - 0",
        "y balancer 9 100000 web a 100080 - - 4",
        "z dns 9 110000 web a - - 100050 0",
    ]);
    let x = reports.get_mut(&NodeId::new("x").unwrap()).unwrap();
    x.report.activity[0].last_byte_at = Some(Timestamp(100_310));
    let found = measure(&shift("everything"), None, &reports, NOW, BEAT);
    assert_eq!(found.last_byte_ms, Some(310));
    let told: Vec<_> = found
        .balancers
        .iter()
        .map(|of| {
            let connection = of.last_open_connection_ms;
            (
                of.node.as_str(),
                of.last_new_request_ms,
                connection,
                of.last_byte_ms,
                of.open_connections,
                of.silent,
            )
        })
        .collect();
    assert_eq!(told, [("x", 120, Some(300), 310, 0, false), ("y", 80, None, 0, 4, true)]);
}
