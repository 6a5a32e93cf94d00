//! What a node makes of tables and of seconds: merging, detecting.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hf_config::estate::{Estate, EstateBundle};
use hf_config::read_estate;
use hf_gray::{Config, Detector, Endpoint, Latency, Second, Seen, Zone};
use hf_health::{Bitmap, Table, Verdicts};
use hf_model::{NodeId, Timestamp, ZoneId};

use super::node::Large;
use super::{Options, Pure};
use crate::Told;

/// Times that a merge is done; the best counts.
const TIMES: usize = 7;
const ZONES: usize = 3;
const ENDPOINTS: usize = 8;
const BUCKETS: usize = 160;

/// A number that looks like chance and is the same in each run.
fn chance(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// How tables are to disagree: whether a checker, by its number, sees an endpoint answer; both go round so many zones.
type Sight = fn(checker: usize, endpoint: usize, zones: usize) -> bool;

/// In how many zones checkers and endpoints are, one case after the other.
const MERGED_ZONES: [u32; 3] = [3, 4, 6];

const SIGHTS: [(&str, Sight); 4] = [
    ("all agree", |_, _, _| true),
    ("a quarter of the endpoints is down", |_, endpoint, _| endpoint % 4 != 0),
    ("one zone sees only itself", |checker, endpoint, zones| {
        !checker.is_multiple_of(zones) || endpoint.is_multiple_of(zones)
    }),
    ("everybody disagrees", |checker, endpoint, _| {
        chance((checker as u64) << 32 | endpoint as u64).is_multiple_of(2)
    }),
];

/// Merges so many tables of the large estate, in each number of zones.
pub fn merge(options: &Options) -> Told<Vec<Pure>> {
    let mut told = Vec::new();
    for zones in MERGED_ZONES {
        told.extend(merge_in(options, zones)?);
    }
    Ok(told)
}

fn merge_in(options: &Options, zones: u32) -> Told<Vec<Pure>> {
    let interval = Duration::from_secs(10);
    let large = Large { endpoints: options.endpoints, zones, interval, port: 80, is_http: false };
    let bundle = EstateBundle { toml: large.toml(), ..EstateBundle::default() };
    let estate = read_estate("estate.toml", &bundle).map_err(|problems| problems.to_string())?;
    let zones = zones as usize;
    SIGHTS.iter().map(|(name, sees)| merge_of(&estate, options.tables, zones, name, *sees)).collect()
}

fn merge_of(estate: &Estate, tables: usize, zones: usize, name: &str, sees: Sight) -> Told<Pure> {
    let count = estate.subject_count();
    let mut of: BTreeMap<NodeId, (Timestamp, Table)> = BTreeMap::new();
    for checker in 0..tables {
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for endpoint in 0..estate.endpoint_count() {
            known.set(endpoint, true);
            healthy.set(endpoint, sees(checker, endpoint, zones));
        }
        let id = NodeId::new(&format!("checker-{checker}")).map_err(|error| error.to_string())?;
        let zone = ZoneId::new(&format!("az{}", checker % zones)).map_err(|error| error.to_string())?;
        let table =
            Table { checker: id.clone(), zone, estate: estate.digest, made_at: Timestamp(0), known, healthy };
        of.insert(id, (Timestamp(0), table));
    }
    let last = Verdicts::unknown(count);
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        let began = Instant::now();
        let merged = last.merge(estate, &of, Timestamp(0), Duration::from_secs(3));
        best = best.min(began.elapsed());
        if merged.of.len() != count {
            return Err("the merge has lost subjects".to_owned());
        }
    }
    let what = format!("{tables} tables of {} endpoints in {zones} zones, {name}", estate.endpoint_count());
    Ok(Pure { what, took_us: best.as_secs_f64() * 1e6, unit: "a merge".to_owned() })
}

/// Shows a detector so many seconds of a service in three zones of eight endpoints, with requests, latencies and three observers.
pub fn detect(seconds: u32) -> Pure {
    let latency = Latency { buckets: BUCKETS, ratio: 2_f64.powf(0.125) };
    let mut detector = Detector::new(Config::default(), &[ENDPOINTS; ZONES], latency);
    // Made before the clock runs: seconds are counted by balancers, not here.
    let shown: Vec<Second> = (0..64).map(second).collect();
    let began = Instant::now();
    let mut impaired = 0;
    for number in 0..seconds {
        let step = detector.step(&shown[number as usize % shown.len()]);
        impaired += u32::from(matches!(step.finding, hf_gray::Finding::Zone(_)));
    }
    let took = began.elapsed().as_secs_f64() * 1e6 / f64::from(seconds.max(1)) / ZONES as f64;
    let what = format!(
        "detector of gray failure: {ZONES} zones of {ENDPOINTS} endpoints, {ZONES} observers, {seconds} seconds, {impaired} with a finding"
    );
    Pure { what, took_us: took, unit: "a zone and second".to_owned() }
}

fn second(number: u64) -> Second {
    let counts = |seed: u64| {
        let requests = 100 + chance(seed) as u32 % 20;
        let mut latency = vec![0; BUCKETS];
        for request in 0..requests {
            let drawn = chance(seed << 8 | u64::from(request));
            // About the middle, with a tail.
            latency[60 + (drawn % 16 + (drawn >> 8) % 16 + (drawn >> 16) % 16) as usize] += 1;
        }
        (requests, u32::from(chance(seed ^ 7).is_multiple_of(10)), latency)
    };
    let endpoint = |at: u64| {
        let (requests, faults, latency) = counts(number << 16 | at);
        Endpoint { requests, faults, latency }
    };
    let zone = |zone: usize| Zone {
        endpoints: (0..ENDPOINTS).map(|at| endpoint((zone * ENDPOINTS + at) as u64)).collect(),
        worst_clients_faults: 0,
        worst_clients_requests: 20,
        is_marked: false,
    };
    let seen = |pair: usize| {
        let (requests, faults, latency) = counts(number << 16 | 0x8000 | pair as u64);
        Seen { requests, faults, latency }
    };
    Second {
        zones: (0..ZONES).map(zone).collect(),
        probes: vec![vec![Some(true); ZONES]; ZONES],
        seen: (0..ZONES).map(|row| (0..ZONES).map(|column| seen(row * ZONES + column)).collect()).collect(),
    }
}
