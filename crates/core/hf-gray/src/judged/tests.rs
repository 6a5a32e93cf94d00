use super::*;
use crate::{Rate, Streams};

fn evidence() -> Evidence {
    let rate = |now, tolerated| Rate { now, tolerated };
    Evidence {
        stage: Stage::Impaired,
        total: 24.4,
        threshold: 19.6,
        streams: Streams { faults: 24.4, slow: [-40.0; 3], probes: -40.0 },
        fault_rate: 0.12,
        fault_rate_tolerated: 0.015,
        slow: [rate(0.4, 0.3), rate(0.2, 0.11), rate(0.03, 0.04)],
        probes_failed: rate(0.25, 0.05),
        requests: 340.2,
        suspect_s: 21,
        young_endpoints: 0,
    }
}

#[test]
fn evidence_reads_in_one_line() {
    assert_eq!(
        evidence().to_string(),
        "faults 12 % (tolerated 1.5 %), evidence 24 of 20, sequential test of 21 s, rates of 10 s at 340 requests/s"
    );
}

#[test]
fn trouble_that_does_not_count_yet_is_told() {
    let text = Evidence { young_endpoints: 2, ..evidence() }.to_string();
    let told = ", or comes and goes: that of 2 endpoints is too young to count";
    assert!(text.ends_with(told), "{text}");
}

#[test]
fn the_strongest_stream_speaks() {
    let slow = Evidence {
        stage: Stage::Held,
        streams: Streams { faults: 1.0, slow: [-40.0, 21.0, 3.0], probes: 2.0 },
        ..evidence()
    };
    assert_eq!(
        slow.to_string(),
        "answers far above the usual 95th percentile 20 % (tolerated 11 %), evidence 24 of 20, sequential test of 21 s, \
         rates of 10 s at 340 requests/s, held: it may be everywhere"
    );
    let probes = Evidence { streams: Streams { probes: 30.0, ..evidence().streams }, ..evidence() };
    assert!(probes.to_string().starts_with("failed probes 25 % (tolerated 5.0 %)"), "{probes}");
}

#[test]
fn only_a_single_zone_is_impaired_for_whoever_acts() {
    let zone = |name| ZoneJudged {
        zone: ZoneId::new(name).unwrap(),
        evidence: evidence(),
        impaired_s: 3,
        mark: None,
    };
    let pool = |finding| PoolJudged {
        second: 7,
        finding,
        zones: vec![zone("a"), zone("b")],
        warm_in_s: 0,
        observers_doubted: Vec::new(),
        apart: Vec::new(),
        recording: Recording::new(crate::Latency { buckets: 0, ratio: 2.0 }),
        everywhere: None,
    };
    let named = |finding| pool(finding).impaired().map(|zone| zone.zone.to_string());
    assert_eq!(named(Finding::Zone(1)), Some("b".to_owned()));
    assert_eq!(
        (named(Finding::Several), named(Finding::Nothing), named(Finding::Zone(9))),
        (None, None, None)
    );
}
