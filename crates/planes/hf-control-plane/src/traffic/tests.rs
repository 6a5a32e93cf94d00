use hf_feed::{HeardReport, NodeReport};
use hf_model::Revision;

use super::*;

fn heard(
    node: &str,
    role: Role,
    started: u64,
    at: u64,
    counters: &[(&str, u64, u64)],
) -> (NodeId, HeardReport) {
    let id = NodeId::new(node).unwrap();
    let activity = counters.iter().map(|(zone, requests, failures)| ZoneActivityReport {
        requests: *requests,
        failures: *failures,
        ..ZoneActivityReport::none(PoolName::new("web").unwrap(), ZoneId::new(zone).unwrap())
    });
    let report = NodeReport {
        node: id.clone(),
        zone: None,
        roles: vec![role],
        version: "1".to_owned(),
        started_at: Timestamp(started),
        sent_at: Timestamp(at),
        api: None,
        status: None,
        api_key: None,
        snapshot_number: 1,
        revision: Revision(1),
        estate: None,
        booted_from_disk: false,
        contact: None,
        break_glass: vec![],
        refused_intent: None,
        notices: std::collections::BTreeMap::new(),
        estate_file_problem: None,
        ledger_problem: None,
        node_problem: None,
        activity: activity.collect(),
        activity_left_out: 0,
    };
    (id, HeardReport { received_at: Timestamp(at), report })
}

const BEAT: Duration = Duration::from_secs(1);

fn zone(name: &str) -> ZoneId {
    ZoneId::new(name).unwrap()
}

#[test]
fn one_report_tells_nothing_two_tell_rates() {
    let mut traffic = Traffic::default();
    let first = Reports::from([heard("n", Role::Balancer, 0, 1_000, &[("a", 100, 0), ("b", 50, 0)])]);
    assert_eq!(traffic.update(&first, Timestamp(1_000), BEAT).zone(&zone("a")), None);
    let second = Reports::from([heard("n", Role::Balancer, 0, 2_000, &[("a", 130, 3), ("b", 60, 0)])]);
    let rates = traffic.update(&second, Timestamp(2_000), BEAT);
    assert_eq!(rates.zone(&zone("a")), Some(Rate { requests: 30_000, failures: 3_000 }));
    assert_eq!(rates.zone_share(&zone("a")), Some(Share::from_ppm(750_000).unwrap()));
    assert_eq!(
        rates.pool_share(&PoolName::new("web").unwrap(), &zone("b")),
        Some(Share::from_ppm(250_000).unwrap())
    );
}

#[test]
fn the_window_is_about_ten_seconds() {
    let mut traffic = Traffic::default();
    let mut rates = Rates::default();
    for second in 0..60 {
        let count = if second < 30 { second * 100 } else { 3_000 };
        let at = second * 1_000;
        rates = traffic.update(
            &Reports::from([heard("n", Role::Balancer, 0, at, &[("a", count, 0)])]),
            Timestamp(at),
            BEAT,
        );
    }
    assert_eq!(rates.zone(&zone("a")), Some(Rate::default()), "what ended 30 s ago is forgotten");
    assert!(traffic.nodes.values().all(|samples| samples.samples.len() <= SAMPLES));
}

#[test]
fn a_restart_begins_anew_and_never_counts_backwards() {
    let mut traffic = Traffic::default();
    for (started, at, count) in [(0, 1_000, 100), (0, 2_000, 200), (2_500, 3_000, 5), (2_500, 4_000, 15)] {
        let rates = traffic.update(
            &Reports::from([heard("n", Role::Balancer, started, at, &[("a", count, 0)])]),
            Timestamp(at),
            BEAT,
        );
        if at == 3_000 {
            assert_eq!(rates.zone(&zone("a")), None);
        }
        if at == 4_000 {
            assert_eq!(rates.zone(&zone("a")).unwrap().requests, 10_000);
        }
    }
}

#[test]
fn who_is_not_heard_or_carries_nothing_does_not_count() {
    let mut traffic = Traffic::default();
    for at in [1_000, 2_000] {
        let reports = Reports::from([
            heard("n", Role::Balancer, 0, at, &[("a", at, 0)]),
            heard("c", Role::Checker, 0, at, &[]),
        ]);
        traffic.update(&reports, Timestamp(at), BEAT);
    }
    let late = Reports::from([heard("n", Role::Balancer, 0, 2_000, &[("a", 2_000, 0)])]);
    assert_eq!(traffic.update(&late, Timestamp(5_001), BEAT).zone(&zone("a")), None);
    assert!(traffic.nodes.is_empty());
}
