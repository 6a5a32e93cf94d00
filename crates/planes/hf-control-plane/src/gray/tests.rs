use hf_gray::{Evidence, Rate, Streams};

use super::*;

fn pool(stages: [Stage; 2], finding: Finding, doubted: &[&str]) -> PoolJudged {
    let rate = Rate { now: 0.1, tolerated: 0.05 };
    let zones = ["a", "b"].iter().zip(stages).map(|(zone, stage)| ZoneJudged {
        zone: ZoneId::new(zone).unwrap(),
        evidence: Evidence {
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
        },
        impaired_s: u32::from(stage == Stage::Impaired),
        mark: None,
    });
    PoolJudged {
        second: 7,
        finding,
        zones: zones.collect(),
        warm_in_s: 0,
        observers_doubted: doubted.iter().map(|zone| ZoneId::new(zone).unwrap()).collect(),
    }
}

fn judged(pool: PoolJudged) -> Arc<Judged> {
    Arc::new(Judged { pools: [(PoolName::new("web").unwrap(), pool)].into(), ..Judged::default() })
}

#[test]
fn the_journal_has_a_line_when_a_zone_is_impaired_and_when_it_is_no_more() {
    let mut journalled = Journalled::new(NodeId::new("n1").unwrap());
    let mut lines = |pool| {
        let lines = journalled.lines(&judged(pool), 3, Timestamp(5));
        lines.into_iter().map(|line| format!("{}; {}", line.text, line.why)).collect::<Vec<_>>()
    };
    let evidence = "faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s";
    let none: [String; 0] = [];
    assert_eq!(lines(pool([Stage::Normal, Stage::Suspect], Finding::Nothing, &[])), none);
    let impaired = || pool([Stage::Normal, Stage::Impaired], Finding::Zone(1), &[]);
    assert_eq!(
        lines(impaired()),
        [format!("pool/web in b: suspect -> impaired, impaired: gray failure; {evidence}")]
    );
    assert_eq!(lines(impaired()), none);
    assert_eq!(
        lines(pool([Stage::Normal, Stage::Normal], Finding::Nothing, &[])),
        [format!("pool/web in b: impaired -> normal, no longer impaired; {evidence}")]
    );
    let both = lines(pool([Stage::Impaired, Stage::Impaired], Finding::Several, &[]));
    assert_eq!(both[2], "pool/web: several zones are impaired at once; leaving one would not help; a, b");
    let doubted = lines(pool([Stage::Impaired, Stage::Impaired], Finding::Several, &["a"]));
    assert!(doubted[0].starts_with("pool/web: what balancers in a see is left out"), "{doubted:?}");
}

#[test]
fn the_api_tells_all_pools_and_the_status_only_suspects() {
    let judged = judged(pool([Stage::Normal, Stage::Impaired], Finding::Zone(1), &["a"]));
    let told = told(&NodeId::new("n1").unwrap(), &judged);
    let web = &told.pools[0];
    assert_eq!((web.finding.as_str(), web.zone.as_deref(), web.zones.len()), ("zone", Some("b"), 2));
    let zone = &web.zones[1];
    assert_eq!((zone.evidence_per_1000, zone.threshold_per_1000, zone.faults_ppm), (21_040, 19_568, 120_000));
    assert_eq!(suspects(&judged), std::slice::from_ref(zone));
}
