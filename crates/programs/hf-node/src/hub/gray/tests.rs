use std::fmt::Write as _;

use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::Bitmap;
use hf_model::{NodeId, Revision, Timestamp, ZoneId};
use hf_telemetry::EndpointSecond;

use super::*;
use crate::hub::FromDisk;
use crate::testing::{ESTATE, config};

const ONSET: u64 = 150;

fn estate(extra: &str) -> String {
    let mut toml = "[[region]]\nid = \"r\"\n".to_owned();
    for zone in ["a", "b", "c"] {
        let _ = writeln!(toml, "[[zone]]\nid = \"{zone}\"\nregion = \"r\"");
    }
    toml.push_str("[[pool]]\nname = \"web\"\nendpoints = [\n");
    for (at, zone) in ["a", "a", "b", "b", "c", "c"].iter().enumerate() {
        let _ = writeln!(toml, "{{ address = \"10.0.0.{}:80\", zone = \"{zone}\" }},", at + 1);
    }
    toml.push_str(extra);
    toml.push_str("]\n");
    toml
}

fn intent_of(toml: &str, revision: u64) -> Intent {
    let estate = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    Intent { estate_id: ESTATE, revision: Revision(revision), estate, ..Intent::default() }
}

fn hub(toml: &str) -> Hub {
    let mut hub = Hub::new(&config("n1"), FromDisk::default(), Timestamp(0));
    put(&mut hub, toml, 1);
    hub
}

fn put(hub: &mut Hub, toml: &str, revision: u64) {
    let intent = intent_of(toml, revision);
    let estate = intent.read_estate().unwrap();
    hub.take(Arc::new(intent), Ok(Arc::new(estate)));
}

/// A second in which every endpoint has a hundred requests, and those of `b` so many faults among them.
fn second(number: u64, faults: u32) -> Arc<MergedSecond> {
    let mut merged =
        MergedSecond { number, observers: vec![NodeId::new("n1").unwrap()], ..MergedSecond::default() };
    for (at, zone) in ["a", "a", "b", "b", "c", "c"].iter().enumerate() {
        let address = SocketAddr::from(([10, 0, 0, at as u8 + 1], 80));
        let mut endpoint = EndpointSecond::none(address);
        endpoint.requests = 100;
        endpoint.faults = if *zone == "b" { faults } else { u32::from(number % 20 == at as u64) };
        for sample in 0..100 {
            endpoint.latency.count(2_000 + 40 * ((sample * 7 + number as u32) % 100));
        }
        let key = (PoolName::new("web").unwrap(), ZoneId::new(zone).unwrap());
        let told = merged.zones.entry(key.clone()).or_default();
        told.endpoints.insert(address, endpoint);
        let from = told.seen_from.entry(key.1).or_default();
        from.requests += 100;
    }
    Arc::new(merged)
}

fn web(hub: &Hub) -> &PoolJudged {
    &hub.gray().pools[&PoolName::new("web").unwrap()]
}

#[test]
fn a_zone_that_fails_in_part_is_found_with_its_evidence() {
    let mut hub = hub(&estate(""));
    let mut found = None;
    for at in 0..ONSET + 40 {
        let judged = hub.watch_gray(&[second(1_000 + at, if at < ONSET { 0 } else { 20 })]).unwrap();
        let pool = &judged.pools[&PoolName::new("web").unwrap()];
        assert_eq!(pool.warm_in_s > 0, at < 120, "second {at}");
        if let Some(zone) = pool.impaired() {
            found = found.or(Some((at - ONSET, zone.zone.to_string(), zone.evidence.to_string())));
        }
    }
    let (after, zone, evidence) = found.unwrap();
    assert!((6..=16).contains(&after) && zone == "b", "{after} {zone}");
    assert!(evidence.starts_with("faults 1") && evidence.contains("(tolerated 0.7 %)"), "{evidence}");
    assert!(web(&hub).zones[1].impaired_s > 5 && web(&hub).zones[0].impaired_s == 0);
}

#[test]
fn a_new_estate_and_missing_seconds_lose_no_evidence() {
    let mut hub = hub(&estate(""));
    (0..ONSET).for_each(|at| drop(hub.watch_gray(&[second(1_000 + at, 0)])));
    (ONSET..ONSET + 4).for_each(|at| drop(hub.watch_gray(&[second(1_000 + at, 40)])));
    let before = web(&hub).zones[1].evidence.total;
    put(&mut hub, &estate("{ address = \"10.0.1.1:80\", zone = \"a\" },\n"), 2);
    drop(hub.watch_gray(&[second(1_000 + ONSET + 7, 40)]));
    let after = &web(&hub).zones[1].evidence;
    assert!(before > 4.0 && after.total > before, "{before} {after:?}");
    // The same second again, and one that is older, change nothing.
    assert!(hub.watch_gray(&[second(1_000 + ONSET + 7, 40), second(1_000 + ONSET, 40)]).is_none());
    // After a long gap everything begins anew, and what was dropped is counted.
    drop(hub.watch_gray(&[second(9_000, 40)]));
    assert_eq!(web(&hub).warm_in_s, 120);
    assert_eq!(hub.gray().seconds_dropped["set-back"], 2);
}

/// So the seconds of a recording are always in their order.
#[test]
fn a_clock_that_is_set_back_as_far_as_a_gap_begins_anew() {
    let mut hub = hub(&estate(""));
    (0..9).for_each(|at| drop(hub.watch_gray(&[second(1_000 + at, 0)])));
    assert!(hub.watch_gray(&[second(1_008 - GAP_S + 1, 0)]).is_none());
    drop(hub.watch_gray(&[second(1_008 - GAP_S, 0)]));
    assert_eq!((web(&hub).warm_in_s, web(&hub).recording.seconds()), (120, 1));
}

#[test]
fn a_second_that_comes_late_is_dropped_and_counted() {
    let node = hf_config::node::NodeConfig { roles: vec![hf_config::node::Role::Control], ..config("n1") };
    let mut hub = Hub::new(&node, FromDisk::default(), Timestamp(0));
    put(&mut hub, &estate(""), 1);
    let own = |number| Arc::new(hf_telemetry::Second { number, ..hf_telemetry::Second::default() });
    hub.take_own_second(own(1_000), Timestamp(1_001_000));
    let settled = hub.settle_seconds(Timestamp(1_003_000));
    hub.take_own_second(own(1_000), Timestamp(1_003_100));
    let judged = hub.watch_gray(&settled).unwrap();
    assert_eq!((judged.seconds_dropped["late"], judged.seconds_dropped["pools"]), (1, 0));
}

#[test]
fn a_pool_in_one_zone_or_without_requests_is_not_watched() {
    let mut hub = hub(&estate(""));
    let mut quiet = (*second(5, 0)).clone();
    quiet.zones.clear();
    drop(hub.watch_gray(&[Arc::new(quiet)]));
    assert!(hub.gray().pools.is_empty());
    drop(hub.watch_gray(&[second(6, 0)]));
    assert_eq!(hub.gray().pools.len(), 1);
    let one_zone = estate("").replace("zone = \"b\"", "zone = \"a\"").replace("zone = \"c\"", "zone = \"a\"");
    put(&mut hub, &one_zone, 2);
    drop(hub.watch_gray(&[second(7, 0)]));
    assert!(hub.gray().pools.is_empty());
}

#[test]
fn probes_are_what_tables_of_each_zone_say() {
    let estate = intent_of(&estate(""), 1).read_estate().unwrap();
    let places = places(&estate.pools[0], 0);
    let table = |zone: &str, healthy: [Option<bool>; 6]| {
        let (mut known, mut good) = (Bitmap::new(6), Bitmap::new(6));
        for (at, bit) in healthy.into_iter().enumerate() {
            known.set(at, bit.is_some());
            good.set(at, bit == Some(true));
        }
        Table {
            checker: NodeId::new(&format!("checker-{zone}")).unwrap(),
            zone: ZoneId::new(zone).unwrap(),
            estate: estate.digest,
            made_at: Timestamp(0),
            known,
            healthy: good,
        }
    };
    let (up, down) = (Some(true), Some(false));
    let (a, b) = (table("a", [up, up, down, down, up, down]), table("b", [None, None, up, up, down, up]));
    assert_eq!(probes(&estate, &places, &[&a, &b]), [[up, down, up], [None, up, up], [None; 3]]);
}

fn mark(zone: &str, scope: &str, until_s: u64) -> hf_control::Deployment {
    hf_control::Deployment {
        zone: ZoneId::new(zone).unwrap(),
        scope: scope.parse().unwrap(),
        reason: String::new(),
        by: hf_model::Operator::new("pipeline"),
        started_at: Timestamp(0),
        ends_at: Timestamp(until_s * 1_000),
        zone_overrides: Vec::new(),
        revision: Revision(1),
    }
}

/// How many seconds of faults it takes until `b` is found, with these marks in the ledger.
fn found_after(deployments: &[hf_control::Deployment]) -> u64 {
    let mut hub = hub(&estate(""));
    let intent = Intent { deployments: deployments.to_vec(), ..intent_of(&estate(""), 2) };
    let estate = Arc::new(intent.read_estate().unwrap());
    hub.take(Arc::new(intent), Ok(estate));
    (0..ONSET).for_each(|at| drop(hub.watch_gray(&[second(1_000 + at, 0)])));
    let is_found = |at: &u64| {
        drop(hub.watch_gray(&[second(1_000 + ONSET + at, 20)]));
        web(&hub).impaired().is_some()
    };
    (0..100).find(is_found).expect("it is found in the end")
}

#[test]
fn a_zone_that_is_deployed_to_wants_more_evidence_than_any_other() {
    let plain = found_after(&[]);
    assert!((6..=16).contains(&plain), "{plain}");
    for scope in ["pool/web", "everything"] {
        let marked = found_after(&[mark("b", scope, 9_000)]);
        assert!((29..=45).contains(&marked), "{scope}: {marked}");
    }
    // Of another zone, of another pool, and one whose time is up, though the ledger has not ended it yet.
    for other in [mark("a", "pool/web", 9_000), mark("b", "pool/api", 9_000), mark("b", "pool/web", 1_000)] {
        assert_eq!(found_after(std::slice::from_ref(&other)), plain, "{other:?}");
    }
}

#[test]
fn endpoints_that_come_or_go_mark_their_zone_for_a_while() {
    let marks = |hub: &Hub| -> Vec<Option<Mark>> { web(hub).zones.iter().map(|zone| zone.mark).collect() };
    let mut hub = hub(&estate(""));
    drop(hub.watch_gray(&[second(1_000, 0)]));
    assert_eq!(marks(&hub), [None; 3]);
    put(&mut hub, &estate("{ address = \"10.0.1.1:80\", zone = \"b\" },\n"), 2);
    drop(hub.watch_gray(&[second(1_001, 0)]));
    let until = |second: u64| Some(Mark::Endpoints { until: Timestamp(second * 1_000) });
    assert_eq!(marks(&hub), [None, until(1_300), None]);
    // Another estate with the same endpoints there changes nothing, one without them counts anew.
    put(&mut hub, &estate("{ address = \"10.0.1.1:80\", zone = \"b\", weight = 50 },\n"), 3);
    drop(hub.watch_gray(&[second(1_010, 0)]));
    assert_eq!(marks(&hub)[1], until(1_300));
    put(&mut hub, &estate(""), 4);
    drop(hub.watch_gray(&[second(1_011, 0)]));
    assert_eq!(marks(&hub), [None, until(1_310), None]);
    // A word of the ledger goes before it.
    let told = Intent { deployments: vec![mark("b", "everything", 1_200)], ..intent_of(&estate(""), 5) };
    let same = Arc::new(told.read_estate().unwrap());
    hub.take(Arc::new(told), Ok(same));
    drop(hub.watch_gray(&[second(1_012, 0)]));
    assert_eq!(marks(&hub)[1], Some(Mark::Told { until: Timestamp(1_200_000) }));
    drop(hub.watch_gray(&[second(1_310, 0)]));
    assert_eq!(marks(&hub)[1], until(1_310));
    drop(hub.watch_gray(&[second(1_311, 0)]));
    assert_eq!(marks(&hub), [None; 3]);
}

#[test]
fn a_recording_replays_to_the_same_decisions() {
    let mut hub = hub(&estate(""));
    let mut judged = Vec::new();
    let mut play = |hub: &mut Hub, seconds: std::ops::Range<u64>, faults: u32| {
        for at in seconds {
            drop(hub.watch_gray(&[second(1_000 + at, faults)]));
            judged.push((
                web(hub).finding,
                web(hub).zones.iter().map(|zone| zone.evidence.clone()).collect::<Vec<_>>(),
            ));
        }
    };
    play(&mut hub, 0..100, 0);
    // Two changes before the next second: it is told where its endpoints were before both.
    put(&mut hub, &estate("{ address = \"10.0.1.1:80\", zone = \"b\" },\n"), 2);
    put(
        &mut hub,
        &estate(
            "{ address = \"10.0.1.2:80\", zone = \"a\" },\n{ address = \"10.0.1.1:80\", zone = \"b\" },\n",
        ),
        3,
    );
    play(&mut hub, 100..ONSET, 0);
    play(&mut hub, ONSET..ONSET + 60, 20);
    play(&mut hub, ONSET + 60..ONSET + 90, 0);
    assert!(judged.iter().any(|(finding, _)| *finding == hf_gray::Finding::Zone(1)));
    let recording = &web(&hub).recording;
    assert_eq!(recording.seconds(), judged.len());
    let config = Config { probes_are_verdicts: true, ..Config::default() };
    let mut detector = Detector::new(config, &[2; 3], recording.latency());
    for (at, (recorded, (finding, zones))) in recording.after(0).zip(&judged).enumerate() {
        assert_eq!((recorded.t, recorded.was.is_some()), (1_000 + at as u64, at == 100));
        if let Some(was) = &recorded.was {
            assert_eq!(was[1].endpoints, [Some(0), Some(1), None]);
            detector.carry_over(was);
        }
        let step = detector.step(&recorded.second());
        assert_eq!((step.finding, &step.zones), (*finding, zones), "second {at}");
    }
}

#[test]
fn one_bad_endpoint_is_told_by_its_address() {
    let mut hub = hub(&estate("{ address = \"10.0.1.7:80\", zone = \"b\" },\n"));
    for at in 0..ONSET + 30 {
        let mut merged = (*second(1_000 + at, 0)).clone();
        let address = "10.0.1.7:80".parse().unwrap();
        let mut bad = EndpointSecond::none(address);
        bad.requests = 100;
        bad.faults = if at < ONSET { 0 } else { 41 };
        bad.latency =
            merged.zones.values().next().unwrap().endpoints.values().next().unwrap().latency.clone();
        let key = (PoolName::new("web").unwrap(), ZoneId::new("b").unwrap());
        merged.zones.get_mut(&key).unwrap().endpoints.insert(address, bad);
        drop(hub.watch_gray(&[Arc::new(merged)]));
    }
    let [(apart, address)] = web(&hub).apart.as_slice() else { panic!("{:?}", web(&hub).apart) };
    assert_eq!((apart.zone, *address), (1, Some("10.0.1.7:80".parse().unwrap())));
    assert_eq!(web(&hub).finding, hf_gray::Finding::Nothing);
}
