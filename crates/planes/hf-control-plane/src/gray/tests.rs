use hf_gray::{Apart, Evidence, Rate, Streams};

use super::told::Told;
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
        apart: Vec::new(),
        recording: hf_gray::Recording::new(hf_gray::Latency { buckets: 0, ratio: 2.0 }),
        everywhere: None,
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

fn apart(endpoint: Option<usize>) -> (hf_gray::Apart, Option<std::net::SocketAddr>) {
    let rate = Rate { now: 0.41, tolerated: 0.011 };
    let address = endpoint.map(|of| std::net::SocketAddr::from(([10, 0, 1, of as u8], 80)));
    (Apart { zone: 1, endpoint, what: "faults", rate, others: 0.003, evidence: 212.4 }, address)
}

#[test]
fn a_finding_is_told_as_what_it_is() {
    let web = PoolName::new("web").unwrap();
    let check = |pool: PoolJudged, sort: &str, want: &str| {
        let found = found(&web, &pool);
        let told: Vec<_> = found.iter().map(|told| (told.sort.as_str(), told.text.as_str())).collect();
        assert_eq!(told, [(sort, want)]);
    };
    let normal = || pool([Stage::Normal; 2], Finding::Nothing, &[]);
    let zone = pool([Stage::Normal, Stage::Impaired], Finding::Zone(1), &[]);
    check(
        PoolJudged { apart: vec![apart(Some(7))], ..normal() },
        "endpoint",
        "one endpoint (10.0.1.7:80) of b is bad: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, \
         likelihood ratio of rates of 10 s; the zone is not left for it",
    );
    check(
        PoolJudged { apart: vec![apart(None)], ..normal() },
        "clients",
        "two clients have the faults in b: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, \
         likelihood ratio of rates of 10 s; the zone is not left for them",
    );
    check(
        zone,
        "zone",
        "one zone (b) is bad, the others are not: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s",
    );
    check(
        PoolJudged { everywhere: Some(("answers far above the usual median", vec![0, 1])), ..normal() },
        "everything",
        "everything is worse than it was, 2 of 2 zones (a, b) at once have more answers far above the usual median: nothing is evacuated",
    );
    check(
        pool([Stage::Normal; 2], Finding::Nothing, &["a"]),
        "observer",
        "the observer a sees every zone bad where observers elsewhere see the same endpoints answer: its own evidence counts for nothing",
    );
}

#[test]
fn the_journal_tells_of_an_endpoint_once_and_of_its_end() {
    let mut journalled = Journalled::new(NodeId::new("n1").unwrap());
    let mut lines = |second, apart: Vec<_>| -> Vec<String> {
        let pool = PoolJudged { second, apart, ..pool([Stage::Normal; 2], Finding::Nothing, &[]) };
        journalled.lines(&judged(pool), 3, Timestamp(5)).into_iter().map(|line| line.text).collect()
    };
    let begun = "pool/web: endpoint 10.0.1.7:80 in b is in trouble, and no zone is left for it";
    assert_eq!(lines(100, vec![apart(Some(7))]), [begun]);
    assert_eq!(lines(101, vec![apart(Some(7))]), [""; 0]);
    // Evidence that is at the threshold comes and goes.
    for second in 102..400 {
        let found = if second % 50 == 0 { vec![apart(Some(7))] } else { Vec::new() };
        assert_eq!(lines(second, found), [""; 0], "{second}");
    }
    let over: Vec<String> = (400..500).flat_map(|second| lines(second, Vec::new())).collect();
    assert_eq!(over, ["pool/web: endpoint 10.0.1.7:80 in b is no longer found in trouble"]);
    assert_eq!(lines(500, vec![apart(Some(7))]), [begun]);
}

#[test]
fn what_becomes_a_part_of_larger_trouble_is_not_over() {
    let mut journalled = Journalled::new(NodeId::new("n1").unwrap());
    let mut lines = |seconds: std::ops::Range<u64>, of: &PoolJudged| -> Vec<String> {
        let of = |second| judged(PoolJudged { second, ..of.clone() });
        seconds
            .flat_map(|second| journalled.lines(&of(second), 3, Timestamp(5)))
            .filter(|line| !line.text.contains(" -> "))
            .map(|line| line.text)
            .collect()
    };
    let everywhere = || Some(("faults", vec![0, 1]));
    let normal = || pool([Stage::Normal; 2], Finding::Nothing, &[]);
    let everything = PoolJudged { everywhere: everywhere(), apart: vec![apart(Some(7))], ..normal() };
    assert_eq!(
        lines(100..200, &everything),
        [
            "pool/web: everything is in trouble, and no zone is left for it",
            "pool/web: endpoint 10.0.1.7:80 in b is in trouble, and no zone is left for it",
        ]
    );
    // Its zone is impaired now, the others are as they were; then several are at once.
    let one = pool([Stage::Normal, Stage::Impaired], Finding::Zone(1), &[]);
    let of_one = PoolJudged { everywhere: everywhere(), ..one.clone() };
    assert_eq!(lines(200..400, &of_one), [""; 0]);
    assert_eq!(lines(400..600, &one), [""; 0]);
    let several = pool([Stage::Impaired; 2], Finding::Several, &[]);
    let at_once = "pool/web: several zones are impaired at once; leaving one would not help";
    assert_eq!(lines(600..800, &several), [at_once]);
    assert_eq!(
        lines(800..900, &normal()),
        [
            "pool/web: endpoint 10.0.1.7:80 in b is no longer found in trouble",
            "pool/web: everything is no longer found in trouble",
        ]
    );
}

#[test]
fn findings_that_are_left_out_are_counted() {
    let web = PoolName::new("web").unwrap();
    let of = |count: usize| PoolJudged {
        apart: (1..=count).map(|of| apart(Some(of % 250))).collect(),
        ..pool([Stage::Normal; 2], Finding::Nothing, &[])
    };
    let count = |told: &Told| (told.first.len(), told.more);
    assert_eq!(count(&in_short(&web, &of(20))), (20, 0));
    assert_eq!(count(&in_short(&web, &of(23))), (20, 3));
    assert_eq!(in_short(&web, &of(23)).lines().last().unwrap(), "and 3 more findings; `/v1/gray` tells them");
    assert_eq!(count(&all_told(&judged(of(23)))), (20, 3));
    let gray = told(&NodeId::new("n1").unwrap(), &judged(of(230)));
    assert_eq!((gray.pools[0].told.len(), gray.pools[0].told_more), (200, 30));
}

#[test]
fn a_page_of_a_recording_has_the_lines_of_a_replay() {
    use hf_gray::{Endpoint, Latency, Recorded, Recording, Second, Zone};
    let mut recording = Recording::new(Latency { buckets: 4, ratio: 1.5 });
    for t in 1..=70 {
        let endpoint = Endpoint { requests: 9, faults: 1, latency: vec![0, 8, 1, 0] };
        let zone = Zone {
            endpoints: vec![endpoint],
            worst_clients_faults: 1,
            worst_clients_requests: 2,
            is_marked: true,
        };
        let second = Second { zones: vec![zone], probes: vec![vec![Some(true)]], seen: Vec::new() };
        recording.push(Recorded::new(t, None, &second), usize::MAX);
    }
    let web = PoolJudged { recording, ..pool([Stage::Normal; 2], Finding::Nothing, &[]) };
    let (node, name) = (NodeId::new("n1").unwrap(), PoolName::new("web").unwrap());
    let first = page(&node, &name, &web, 0);
    assert_eq!((first.seconds.len(), first.seconds[59].t), (60, 60));
    let rest = page(&node, &name, &web, 60);
    assert_eq!((rest.seconds.len(), page(&node, &name, &web, 70).seconds.len()), (10, 0));
    assert_eq!(
        serde_json::to_string(&rest.seconds[0]).unwrap(),
        r#"{"t":61,"n":[[9]],"e":[[1]],"topc":[1],"topn":[2],"mark":[1],"probe":[[1]],"hist":[[[0,8,1]]],"buckets":4,"ratio":1.5,"verdicts":1,"seen":[]}"#
    );
}

/// One pool for each sort of finding; the command line's golden tests print what stands in the file.
#[test]
fn every_sort_of_finding_is_told_as_the_golden_file_has_it() {
    let normal = || pool([Stage::Normal; 2], Finding::Nothing, &[]);
    let pools = [
        ("clients", PoolJudged { apart: vec![apart(None)], ..normal() }),
        ("endpoint", PoolJudged { apart: vec![apart(Some(7))], ..normal() }),
        ("everything", PoolJudged { everywhere: Some(("faults", vec![0, 1])), ..normal() }),
        ("observer", pool([Stage::Normal; 2], Finding::Nothing, &["a"])),
        ("several", pool([Stage::Impaired; 2], Finding::Several, &[])),
        ("zone", pool([Stage::Normal, Stage::Impaired], Finding::Zone(1), &[])),
    ];
    let pools = pools.into_iter().map(|(name, pool)| (PoolName::new(name).unwrap(), pool));
    let told = all_told(&Judged { pools: pools.collect(), ..Judged::default() });
    let json = serde_json::to_string_pretty(&told.first).unwrap();
    expect_test::expect_file!["../../golden/gray-told.json"].assert_eq(&json);
}
