use std::sync::Arc;

use hf_gray::{Evidence, Finding, PoolJudged, Rate, Streams, ZoneJudged};
use hf_health::Verdict;
use hf_model::{Operator, PoolName, Revision};

use super::*;
use crate::api::fixture::Fixture;

const NOW: Timestamp = Timestamp(1_000_000);

fn zone(id: &str) -> ZoneId {
    ZoneId::new(id).unwrap()
}

fn mark(at: &str, scope: &str, until: u64) -> hf_control::Deployment {
    hf_control::Deployment {
        zone: zone(at),
        scope: scope.parse().unwrap(),
        reason: "release 7".to_owned(),
        by: Operator::new("pipeline"),
        started_at: Timestamp(0),
        ends_at: Timestamp(until),
        zone_overrides: Vec::new(),
        revision: Revision(3),
    }
}

/// The word on `web` in `b`.
fn judged(stage: Stage, mark: Option<Mark>) -> Judged {
    let rate = Rate { now: 0.1, tolerated: 0.05 };
    let evidence = Evidence {
        stage,
        total: 21.04,
        threshold: 19.568,
        streams: Streams { faults: 21.04, slow: [-40.0; 3], probes: -40.0 },
        fault_rate: 0.12,
        fault_rate_tolerated: 0.015,
        slow: [rate; 3],
        probes_failed: rate,
        requests: 340.0,
        suspect_s: 9,
        young_endpoints: 0,
    };
    let pool = PoolJudged {
        second: 7,
        finding: Finding::Nothing,
        zones: vec![ZoneJudged { zone: zone("b"), evidence, impaired_s: 0, mark }],
        warm_in_s: 0,
        observers_doubted: Vec::new(),
        apart: Vec::new(),
        recording: hf_gray::Recording::new(hf_gray::Latency { buckets: 0, ratio: 2.0 }),
        everywhere: None,
    };
    Judged { pools: [(PoolName::new("web").unwrap(), pool)].into(), ..Judged::default() }
}

#[test]
fn what_somebody_told_and_what_was_noticed_is_shown_until_its_time_is_up() {
    let intent = Intent {
        deployments: vec![mark("a", "pool/web", NOW.0 + 1), mark("a", "everything", NOW.0)],
        ..Intent::default()
    };
    let show = |judged: &Judged| -> Vec<String> {
        let line = |of: &Deployment| format!("{} {} {}", of.zone, of.resource, of.known_by.as_str());
        shown(&intent, judged, NOW).iter().map(line).collect()
    };
    let noticed = |until| judged(Stage::Normal, Some(Mark::Endpoints { until: Timestamp(until) }));
    assert_eq!(show(&noticed(NOW.0 + 1)), ["a pool/web told", "b pool/web endpoints"]);
    assert_eq!(show(&noticed(NOW.0)), ["a pool/web told"]);
    let told = judged(Stage::Normal, Some(Mark::Told { until: Timestamp(NOW.0 + 1) }));
    assert_eq!(show(&told), ["a pool/web told"]);
}

#[tokio::test]
async fn none_begins_while_another_zone_of_it_is_impaired() {
    let mut fixture = Fixture::control().await;
    let (snapshot, intent) = (fixture.api.context().snapshot().unwrap(), Intent::default());
    let ask = |snapshot: &Arc<Snapshot>, intent: &Intent, judged: &Judged, text: &str| {
        let words: Vec<&str> = text.split(' ').collect();
        let overrides: Vec<ZoneId> = words[2..].iter().map(|id| zone(id)).collect();
        let (at, scope) = (zone(words[0]), words[1].parse().unwrap());
        let asked = Asked { zone: &at, scope: &scope, zone_overrides: &overrides };
        check_others(snapshot, intent, judged, &asked, NOW).map_err(|refusal| refusal.to_string())
    };
    let bad = judged(Stage::Impaired, None);
    let refused = ask(&snapshot, &intent, &bad, "a pool/web").unwrap_err();
    assert!(refused.contains("pool/web fails in part in b (faults 12 % (tolerated 1.5 %)"), "{refused}");
    assert!(refused.ends_with("or override b by its name"), "{refused}");
    assert!(ask(&snapshot, &intent, &bad, "a everything").is_err());
    // The zone itself, another pool, with the override, while it is only suspected, and once it is under way.
    for fine in ["b pool/web", "a pool/api", "a pool/web b", "x pool/web"] {
        assert_eq!(ask(&snapshot, &intent, &bad, fine), Ok(()), "{fine}");
    }
    assert_eq!(ask(&snapshot, &intent, &judged(Stage::Held, None), "a pool/web"), Ok(()));
    let under_way = Intent { deployments: vec![mark("a", "pool/web", NOW.0 + 1)], ..Intent::default() };
    assert_eq!(ask(&snapshot, &under_way, &bad, "a pool/web"), Ok(()));
    let over = Intent { deployments: vec![mark("a", "pool/web", NOW.0)], ..Intent::default() };
    assert!(ask(&snapshot, &over, &bad, "a pool/web").is_err());
    fixture.obey_with(&[Verdict::Healthy, Verdict::Unhealthy]);
    let (snapshot, well) = (fixture.api.context().snapshot().unwrap(), Judged::default());
    let refused = ask(&snapshot, &intent, &well, "a pool/web").unwrap_err();
    assert!(refused.contains("pool/web is unhealthy in b"), "{refused}");
    assert_eq!(ask(&snapshot, &intent, &well, "b pool/web"), Ok(()));
}

#[tokio::test]
async fn none_begins_while_a_floor_keeps_an_unhealthy_zone_in_service() {
    let fixture = Fixture::control().await;
    let obeyed = fixture.api.context().snapshot().unwrap();
    let with = |change: &dyn Fn(&mut hf_config::estate::Pool), verdicts: [Verdict; 2]| {
        let mut estate = (*obeyed.estate).clone();
        change(&mut estate.pools[0]);
        let verdicts = hf_health::Verdicts { of: verdicts.to_vec() };
        Snapshot::build(9, NOW, obeyed.intent.clone(), Arc::new(estate), Vec::new(), verdicts)
    };
    let ask = |snapshot: &Snapshot, overrides: &[ZoneId]| {
        let (at, scope) = (zone("b"), "pool/web".parse().unwrap());
        let asked = Asked { zone: &at, scope: &scope, zone_overrides: overrides };
        check_others(snapshot, &Intent::default(), &Judged::default(), &asked, NOW)
            .map_err(|refusal| refusal.to_string())
    };
    let kept = with(&|pool| pool.min_zones = 2, [Verdict::Unhealthy, Verdict::Healthy]);
    let refused = ask(&kept, &[]).unwrap_err();
    assert!(refused.contains("pool/web is unhealthy in a, and serves there only because"), "{refused}");
    assert_eq!(ask(&kept, &[zone("a")]), Ok(()));
    let closed = with(
        &|pool| pool.all_down = hf_config::estate::AllDown::Closed,
        [Verdict::Unhealthy, Verdict::Unhealthy],
    );
    let refused = ask(&closed, &[]).unwrap_err();
    assert!(refused.contains("pool/web is unhealthy in a as everywhere"), "{refused}");
}
