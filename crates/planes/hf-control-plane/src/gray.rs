//! The word on gray zones: to the wire, into words, and into the journal when it turns.
//!
//! The journal has a line when a zone becomes impaired, with the evidence, and one when it no longer is; when several zones are bad at once; and when
//! balancers of a zone are doubted; when endpoints, clients or everything are found in trouble, and when they have not been for [`OVER_S`]: what goes
//! and comes is one trouble. It is not over either while it is part of a larger one: its zone is impaired, or, of everything, any zone. A second has
//! [`LINES_MAX`] lines at most, the rest is told by number.
//!
//! Not here: the test (`hf-gray`), who runs it (`hf-node`), who acts on it.

mod recorded;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_api::{Gray, GrayPool, GrayStreams, GrayZone};

use hf_gray::{Finding, Judged, PoolJudged, Stage, ZoneJudged};
use hf_model::{NodeId, PoolName, Timestamp, ZoneId};
pub use recorded::page;
pub use told::{all as all_told, found, in_short};

use crate::lines::{DecisionLine, VERSION};

/// Lines of one second at most.
const LINES_MAX: usize = 50;
/// Seconds after which what was found in trouble, and is not any more, is over: evidence at its threshold would turn every few seconds.
const OVER_S: u64 = 60;

/// What the API says of all pools.
pub fn told(node: &NodeId, judged: &Judged) -> Gray {
    let pools = judged.pools.iter().map(|(name, pool)| (name, pool, told::of_pool(name, pool)));
    let pools = pools.map(|(name, pool, told)| GrayPool {
        pool: name.to_string(),
        second: pool.second,
        finding: match pool.finding {
            Finding::Nothing => "nothing",
            Finding::Zone(_) => "zone",
            Finding::Several => "several",
        }
        .to_owned(),
        zone: pool.impaired().map(|zone| zone.zone.to_string()),
        warm_in_s: pool.warm_in_s,
        observers_doubted: pool.observers_doubted.iter().map(ToString::to_string).collect(),
        told: told.first,
        told_more: told.more,
        zones: pool.zones.iter().map(|zone| zone_told(name, zone)).collect(),
    });
    Gray { node: node.to_string(), pools: pools.collect() }
}

/// The zones that are more than normal, of all pools.
pub fn suspects(judged: &Judged) -> Vec<GrayZone> {
    let zones = judged.pools.iter().flat_map(|(name, pool)| pool.zones.iter().map(move |zone| (name, zone)));
    let bad = zones.filter(|(_, zone)| zone.evidence.stage > Stage::Normal);
    bad.map(|(name, zone)| zone_told(name, zone)).collect()
}

fn zone_told(pool: &PoolName, judged: &ZoneJudged) -> GrayZone {
    let evidence = &judged.evidence;
    let [slow_median, slow_p95, slow_p99] = evidence.streams.slow.map(thousandths);
    GrayZone {
        pool: pool.to_string(),
        zone: judged.zone.to_string(),
        stage: evidence.stage.to_string(),
        text: evidence.to_string(),
        impaired_s: judged.impaired_s,
        suspect_s: evidence.suspect_s,
        evidence_per_1000: thousandths(evidence.total),
        threshold_per_1000: thousandths(evidence.threshold),
        streams_per_1000: GrayStreams {
            faults: thousandths(evidence.streams.faults),
            slow_median,
            slow_p95,
            slow_p99,
            probes: thousandths(evidence.streams.probes),
        },
        faults_ppm: ppm(evidence.fault_rate),
        faults_tolerated_ppm: ppm(evidence.fault_rate_tolerated),
        requests_per_1000_s: thousandths(evidence.requests).unsigned_abs(),
        young_endpoints: u32::try_from(evidence.young_endpoints).unwrap_or(u32::MAX),
    }
}

fn thousandths(of: f64) -> i64 {
    (of * 1_000.0).round() as i64
}

fn ppm(of: f64) -> u32 {
    (of * 1_000_000.0).round() as u32
}

/// One line for `explain`: how the detector sees one zone.
pub fn zone_line(pool: &PoolJudged, zone: &ZoneId) -> Option<String> {
    let judged = pool.zone(zone)?;
    let warm = match pool.warm_in_s {
        0 => String::new(),
        left => format!("; the detector is new, no verdict before {left} s"),
    };
    Some(format!("{zone} {}: {}{warm}", judged.evidence.stage, judged.evidence))
}

/// What is in the journal already.
#[derive(Debug)]
pub struct Journalled {
    node: NodeId,
    last: Arc<Judged>,
    /// What is in trouble without a zone being impaired: the last words on it, and the second in which it was so last.
    others: BTreeMap<PoolName, BTreeMap<Other, (String, u64)>>,
}

/// An endpoint, two clients, or everything: sort, zone, endpoint.
type Other = (String, Option<String>, Option<String>);

impl Journalled {
    /// Nothing yet.
    pub fn new(node: NodeId) -> Journalled {
        Journalled { node, last: Arc::default(), others: BTreeMap::new() }
    }

    /// The lines that a new word is worth.
    pub fn lines(&mut self, judged: &Arc<Judged>, revision: u64, now: Timestamp) -> Vec<DecisionLine> {
        let last = std::mem::replace(&mut self.last, judged.clone());
        let mut changes = Vec::new();
        self.others.retain(|name, _| judged.pools.contains_key(name));
        for (name, pool) in &judged.pools {
            changes_of(name, last.pools.get(name), pool, &mut changes);
            let known = self.others.entry(name.clone()).or_default();
            others_of(name, known, pool, &mut changes);
        }
        let left_out = changes.len().saturating_sub(LINES_MAX);
        changes.truncate(LINES_MAX);
        if left_out > 0 {
            let why = "more changed in one second than the journal takes; `/v1/gray` has all of it";
            changes.push((format!("{left_out} lines about gray failures were left out"), why.to_owned()));
        }
        let line = |(at, (text, why)): (usize, (String, String))| DecisionLine {
            version: VERSION,
            at_ms: now.0,
            by: self.node.to_string(),
            revision,
            text,
            why,
            suppressed: at == LINES_MAX,
            act: false,
            warning: false,
            notice: None,
        };
        changes.into_iter().enumerate().map(line).collect()
    }
}

fn changes_of(
    name: &PoolName,
    last: Option<&PoolJudged>,
    pool: &PoolJudged,
    changes: &mut Vec<(String, String)>,
) {
    let before = |zone: &ZoneId| last.and_then(|last| last.zone(zone)).map(|zone| zone.evidence.stage);
    for judged in &pool.zones {
        let (was, is) = (before(&judged.zone), judged.evidence.stage);
        if (was == Some(Stage::Impaired)) == (is == Stage::Impaired) {
            continue;
        }
        let what = if is == Stage::Impaired { "impaired: gray failure" } else { "no longer impaired" };
        let was = was.unwrap_or(Stage::Normal);
        changes.push((
            format!("pool/{name} in {}: {was} -> {is}, {what}", judged.zone),
            judged.evidence.to_string(),
        ));
    }
    let several = |of: Option<&PoolJudged>| of.is_some_and(|of| of.finding == Finding::Several);
    if several(Some(pool)) && !several(last) {
        let zones: Vec<&str> = pool
            .zones
            .iter()
            .filter(|zone| zone.evidence.stage == Stage::Impaired)
            .map(|zone| zone.zone.as_str())
            .collect();
        changes.push((
            format!("pool/{name}: several zones are impaired at once; leaving one would not help"),
            zones.join(", "),
        ));
    }
    let doubted = |of: Option<&PoolJudged>| -> BTreeSet<ZoneId> {
        of.map(|of| of.observers_doubted.iter().cloned().collect()).unwrap_or_default()
    };
    let (was, is) = (doubted(last), doubted(Some(pool)));
    for zone in is.difference(&was) {
        changes.push((
            format!("pool/{name}: what balancers in {zone} see is left out"),
            "they see every zone fail where balancers elsewhere see the same endpoints answer: the trouble is theirs".to_owned(),
        ));
    }
    for zone in was.difference(&is) {
        changes.push((
            format!("pool/{name}: what balancers in {zone} see counts again"),
            "they see what others see".to_owned(),
        ));
    }
}

/// Endpoints, clients and everything: what is told without a zone being impaired.
fn others_of(
    name: &PoolName,
    known: &mut BTreeMap<Other, (String, u64)>,
    pool: &PoolJudged,
    changes: &mut Vec<(String, String)>,
) {
    let in_words = |(sort, zone, endpoint): &Other| {
        let what = match (endpoint, sort.as_str()) {
            (Some(endpoint), _) => format!("endpoint {endpoint}"),
            (None, "clients") => "two clients".to_owned(),
            _ => "everything".to_owned(),
        };
        zone.as_ref().map_or(what.clone(), |zone| format!("{what} in {zone}"))
    };
    let is_several = pool.finding == Finding::Several;
    for told in found(name, pool) {
        // Zones and observers have lines of their own, and so have several zones.
        if matches!(told.sort.as_str(), "zone" | "observer") || told.sort == "everything" && is_several {
            continue;
        }
        let key = (told.sort, told.zone, told.endpoint);
        if !known.contains_key(&key) {
            let text = format!("pool/{name}: {} is in trouble, and no zone is left for it", in_words(&key));
            changes.push((text, told.text.clone()));
        }
        known.insert(key, (told.text, pool.second));
    }
    let is_impaired = |zone: &ZoneJudged| zone.evidence.stage == Stage::Impaired;
    known.retain(|key, (last, seen)| {
        let is_part = |judged: &ZoneJudged| {
            let is_of = key.1.as_ref().is_none_or(|zone| *zone == judged.zone.as_str());
            is_of && is_impaired(judged)
        };
        // While more than half of the zones are worse it is everything, whatever else is told.
        let is_everywhere = key.0 == "everything" && pool.everywhere.is_some();
        if is_everywhere || pool.zones.iter().any(is_part) {
            *seen = pool.second;
        }
        let is_over = pool.second.saturating_sub(*seen) >= OVER_S;
        if is_over {
            changes.push((
                format!("pool/{name}: {} is no longer found in trouble", in_words(key)),
                format!("not for {OVER_S} s; last: {last}"),
            ));
        }
        !is_over
    });
}

#[cfg(test)]
mod tests;
