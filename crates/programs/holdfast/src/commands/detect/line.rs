//! One recorded second: a line of JSON to what the detector takes.

use hf_api::{RecordedSeen, RecordedWas};
use hf_gray::{Endpoint, Second, Seen, Zone, ZoneWas};
use serde::Deserialize;

/// Zones of a service.
const ZONES: usize = 64;
/// Endpoints of a zone.
const ENDPOINTS: usize = 4_096;
/// Buckets of latency.
const BUCKETS: usize = 1_024;

#[derive(Deserialize)]
struct Written {
    t: Option<u64>,
    n: Vec<Vec<u32>>,
    e: Vec<Vec<u32>>,
    #[serde(default)]
    hist: Vec<Vec<Vec<u32>>>,
    #[serde(default)]
    probe: Vec<Vec<Option<u8>>>,
    #[serde(default)]
    topc: Vec<u32>,
    #[serde(default)]
    topn: Vec<u32>,
    #[serde(default)]
    mark: Vec<u8>,
    #[serde(default)]
    seen: Vec<Vec<RecordedSeen>>,
    buckets: Option<usize>,
    ratio: Option<f64>,
    #[serde(default)]
    verdicts: u8,
    was: Option<Vec<RecordedWas>>,
}

/// One line, read and checked.
#[derive(Debug)]
pub struct Line {
    /// Its time, if it has one.
    pub t: Option<u64>,
    /// The second.
    pub second: Second,
    /// How many of everything it has.
    pub shape: Shape,
    /// Where zones and endpoints were before, if any came or went.
    pub was: Option<Vec<ZoneWas>>,
    /// From one bucket of latency to the next, if it says so.
    pub ratio: Option<f64>,
    /// Whether probes are what checkers' verdicts say.
    pub probes_are_verdicts: bool,
}

/// How many of everything there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// By zone.
    pub endpoints: Vec<usize>,
    /// Of latency.
    pub buckets: usize,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoints: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        write!(f, "{} endpoints by zone and {} buckets", endpoints.join(" + "), self.buckets)
    }
}

/// Reads a line.
pub fn read(text: &[u8]) -> Result<Line, String> {
    // A line that was cut off ends there, not in the newline behind it.
    let line: Written = serde_json::from_slice(text.trim_ascii_end()).map_err(|error| {
        // It counts lines of its own, where there is one.
        let told = error.to_string();
        let what = told.rsplit_once(" at line ").map_or(told.as_str(), |(what, _)| what);
        format!(
            "not a second as JSON: {what}, at column {}; `holdfast detect --help` tells the form",
            error.column()
        )
    })?;
    let zones = line.n.len();
    if !(1..=ZONES).contains(&zones) {
        return Err(format!("`n` has {zones} zones; there are 1 to {ZONES}"));
    }
    let wrong = |what: &str, has: usize, wanted: usize| {
        Err(format!("`{what}` has {has} entries where `n` has {wanted}; write one for each"))
    };
    if line.e.len() != zones {
        return wrong("e", line.e.len(), zones);
    }
    for (what, has) in [
        ("hist", line.hist.len()),
        ("probe", line.probe.len()),
        ("topc", line.topc.len()),
        ("topn", line.topn.len()),
        ("mark", line.mark.len()),
        ("seen", line.seen.len()),
        ("was", line.was.as_ref().map_or(0, Vec::len)),
    ] {
        if has != 0 && has != zones {
            return wrong(what, has, zones);
        }
    }
    let told = line
        .hist
        .iter()
        .flatten()
        .map(Vec::len)
        .chain(line.seen.iter().flatten().map(|seen| seen.hist.len()));
    let told = told.max().unwrap_or_default();
    let buckets = line.buckets.unwrap_or(told);
    if told > buckets {
        return Err(format!(
            "`hist` has {told} buckets where `buckets` says {buckets}; write as many at most"
        ));
    }
    if let Some(ratio) = line.ratio.filter(|ratio| !(*ratio > 1.0 && *ratio <= 16.0)) {
        return Err(format!("`ratio` is {ratio}; it is above 1 and at most 16"));
    }
    let whole = |mut latency: Vec<u32>| {
        latency.resize(buckets, 0);
        latency
    };
    let is_recorded = line.buckets.is_some();
    if buckets > BUCKETS {
        return Err(format!("`hist` has {buckets} buckets; there are at most {BUCKETS}"));
    }
    let mut second =
        Second { zones: Vec::with_capacity(zones), probes: Vec::with_capacity(zones), seen: Vec::new() };
    for (at, (requests, faults)) in line.n.iter().zip(&line.e).enumerate() {
        if requests.len() > ENDPOINTS {
            return Err(format!("zone {at} has {} endpoints; there are at most {ENDPOINTS}", requests.len()));
        }
        if faults.len() != requests.len() {
            return wrong(&format!("e[{at}]"), faults.len(), requests.len());
        }
        let latency = line.hist.get(at);
        if let Some(of) = latency.filter(|of| of.len() != requests.len()) {
            return wrong(&format!("hist[{at}]"), of.len(), requests.len());
        }
        let endpoint = |(of, (requests, faults)): (usize, (&u32, &u32))| Endpoint {
            requests: *requests,
            faults: *faults,
            latency: latency
                .map(|latency| latency[of].clone())
                .map_or_else(Vec::new, |latency| if is_recorded { whole(latency) } else { latency }),
        };
        second.zones.push(Zone {
            endpoints: requests.iter().zip(faults).enumerate().map(endpoint).collect(),
            worst_clients_faults: line.topc.get(at).copied().unwrap_or_default(),
            worst_clients_requests: line.topn.get(at).copied().unwrap_or_default(),
            is_marked: line.mark.get(at).is_some_and(|mark| *mark != 0),
        });
    }
    for (at, row) in line.probe.iter().enumerate() {
        if row.len() != zones {
            return wrong(&format!("probe[{at}]"), row.len(), zones);
        }
        second.probes.push(row.iter().map(|result| result.map(|result| result != 0)).collect());
    }
    for (at, row) in line.seen.into_iter().enumerate() {
        if row.len() != zones {
            return wrong(&format!("seen[{at}]"), row.len(), zones);
        }
        let seen = |seen: RecordedSeen| Seen { requests: seen.n, faults: seen.e, latency: whole(seen.hist) };
        second.seen.push(row.into_iter().map(seen).collect());
    }
    let mut was = Vec::new();
    for (at, zone) in line.was.iter().flatten().enumerate() {
        if zone.endpoints.len() != line.n[at].len() {
            return wrong(&format!("was[{at}].endpoints"), zone.endpoints.len(), line.n[at].len());
        }
        was.push(ZoneWas { zone: zone.zone, endpoints: zone.endpoints.clone() });
    }
    let was = line.was.is_some().then_some(was);
    let shape = Shape { endpoints: line.n.iter().map(Vec::len).collect(), buckets };
    Ok(Line { t: line.t, second, shape, was, ratio: line.ratio, probes_are_verdicts: line.verdicts != 0 })
}
