//! The detectors of gray failure at work: each second as all balancers saw it, and what checkers see, to a word on every pool's zones.
//!
//! 1. Nodes with the control role run one detector for each pool with endpoints in two zones or more, from the first second with requests on; at most
//!    [`POOLS_MAX`] of them, beyond that the pools that come last in the estate are not watched.
//! 2. A new estate keeps what is known of the endpoints that stay, by their addresses. A gap of [`GAP_S`] seconds, or a clock set back as far, begins anew.
//! 3. Probes are the tables' word: from each zone with a checker to each zone of the pool, good while at least half of the endpoints that it knows are.
//!    At most [`CHECKERS`] checkers of a zone and [`PROBED`] endpoints of one are looked at: the work does not grow with the estate's health.
//! 4. A zone counts as being deployed to while a mark of the ledger says so, and for [`NOTICED_S`] seconds after endpoints of the pool came or went there:
//!    a rolling deployment that replaces endpoints looks like that.
//! 5. What a detector took is kept for a replay: an hour of it at most, and [`RECORDED_BYTES`] for all pools together; the oldest go. A pool that is no
//!    longer watched takes its recording with it, and so does the end of the process.
//! 6. All control nodes that heard the same seconds come to the same: the arithmetic is deterministic.
//!
//! Not here: the test (`hf-gray`), who acts on it (`hf-control-plane`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use hf_config::estate::{Estate, Pool, ZoneIx};
use hf_control::Deployment;
use hf_gray::{
    Config, Detector, Endpoint, Judged, Latency, Mark, PoolJudged, Recorded, Recording, Second, Seen, Stage,
    Zone, ZoneJudged, ZoneWas,
};
use hf_health::Table;
use hf_model::{PoolName, Timestamp};
use hf_telemetry::histogram::BUCKETS;
use hf_telemetry::{MergedSecond, MergedZone};

use super::Hub;

/// Pools that are watched.
pub const POOLS_MAX: usize = 1_000;
/// Seconds without a word after which nothing of before counts.
const GAP_S: u64 = 600;
/// Bytes of recorded seconds, shared evenly by the pools that are watched.
const RECORDED_BYTES: usize = 32 << 20;
/// Seconds for which endpoints that came or went mark their zone: new ones fill their caches, the next ones follow.
const NOTICED_S: u64 = 300;
/// Checkers of one zone whose tables stand for its probes.
const CHECKERS: usize = 3;
/// Endpoints of one pool in one zone that stand for it.
const PROBED: usize = 16;
/// The buckets of `hf_telemetry`: eight to an octave.
const LATENCY: Latency = Latency { buckets: BUCKETS, ratio: 1.090_507_732_665_257_7 };

/// All detectors, and their last word.
#[derive(Debug, Default)]
pub(super) struct Gray {
    estate: Option<Arc<Estate>>,
    number: Option<u64>,
    pools: BTreeMap<PoolName, Watch>,
    judged: Arc<Judged>,
    /// Seconds of balancers that were not newer than the last one: the clock was set back.
    set_back: u64,
    /// Seconds of pools beyond [`POOLS_MAX`].
    unwatched: u64,
}

/// One pool under watch.
#[derive(Debug)]
struct Watch {
    detector: Detector,
    zones: Vec<Place>,
    impaired_s: Vec<u32>,
    /// The second until which endpoints that came or went mark each zone.
    noticed_until: Vec<u64>,
    /// What its detector took, for a replay.
    recording: Recording,
    /// Where zones and endpoints come from that the next second has, if they came or went.
    was: Option<Arc<[ZoneWas]>>,
}

/// One zone of a pool: its endpoints, each with its position in tables.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    zone: ZoneIx,
    endpoints: Vec<(SocketAddr, usize)>,
}

impl Place {
    /// Whether the same endpoints are there, wherever they stand in tables.
    fn has_endpoints_of(&self, other: &Place) -> bool {
        let addresses = |place: &Place| -> BTreeSet<SocketAddr> {
            place.endpoints.iter().map(|(address, _)| *address).collect()
        };
        addresses(self) == addresses(other)
    }
}

/// Two changes as one.
fn through(first: &[ZoneWas], then: &[ZoneWas]) -> Vec<ZoneWas> {
    let of = |zone: &ZoneWas| {
        let before = zone.zone.and_then(|at| first.get(at));
        let endpoint = |of: &Option<usize>| of.and_then(|of| before?.endpoints.get(of).copied().flatten());
        ZoneWas {
            zone: before.and_then(|before| before.zone),
            endpoints: zone.endpoints.iter().map(endpoint).collect(),
        }
    };
    then.iter().map(of).collect()
}

/// A pool's endpoints by zone, in the estate's order; `first` is the position of the first one in tables.
fn places(pool: &Pool, first: usize) -> Vec<Place> {
    let mut zones: BTreeMap<ZoneIx, Vec<(SocketAddr, usize)>> = BTreeMap::new();
    for (at, endpoint) in pool.endpoints.iter().enumerate() {
        zones.entry(endpoint.zone).or_default().push((endpoint.address, first + at));
    }
    zones.into_iter().map(|(zone, endpoints)| Place { zone, endpoints }).collect()
}

impl Watch {
    fn new(zones: Vec<Place>) -> Watch {
        let endpoints: Vec<usize> = zones.iter().map(|place| place.endpoints.len()).collect();
        let config = Config { probes_are_verdicts: true, ..Config::default() };
        let (impaired_s, noticed_until) = (vec![0; zones.len()], vec![0; zones.len()]);
        Watch {
            detector: Detector::new(config, &endpoints, LATENCY),
            zones,
            impaired_s,
            noticed_until,
            recording: Recording::new(LATENCY),
            was: None,
        }
    }

    /// The same pool in a new estate, in force after the second `number`; zones are the same if their names are.
    fn carry_over(&mut self, old: &Estate, new: &Estate, zones: Vec<Place>, number: u64) {
        let was = |place: &Place| {
            let before = old.zone_named(&new.zone(place.zone).id)?;
            self.zones.iter().position(|known| known.zone == before)
        };
        let zone_was = |place: &Place| {
            let zone = was(place);
            let known = zone.map(|at| &self.zones[at].endpoints);
            let of = |(address, _): &(SocketAddr, usize)| known?.iter().position(|(old, _)| old == address);
            ZoneWas { zone, endpoints: place.endpoints.iter().map(of).collect() }
        };
        let all: Vec<ZoneWas> = zones.iter().map(zone_was).collect();
        let impaired_s = |was: &ZoneWas| was.zone.map_or(0, |at| self.impaired_s[at]);
        self.impaired_s = all.iter().map(impaired_s).collect();
        let noticed_until = |(place, of): (&Place, &ZoneWas)| {
            let known = of.zone.map(|at| &self.zones[at]);
            if known.is_some_and(|known| known.has_endpoints_of(place)) {
                of.zone.map_or(0, |at| self.noticed_until[at])
            } else {
                number.saturating_add(NOTICED_S)
            }
        };
        self.noticed_until = zones.iter().zip(&all).map(noticed_until).collect();
        self.detector.carry_over(&all);
        self.was = Some(self.was.take().map_or_else(|| all.clone(), |before| through(&before, &all)).into());
        self.zones = zones;
    }

    /// Why each zone counts as being deployed to in this second; what somebody told goes before what was noticed.
    fn marks(&self, estate: &Estate, pool: &Pool, second: u64, told: &[Deployment]) -> Vec<Option<Mark>> {
        let now = Timestamp(second.saturating_mul(1_000));
        let mark = |(place, noticed_until): (&Place, &u64)| {
            let zone = &estate.zone(place.zone).id;
            let told = told.iter().filter(|mark| mark.is_of(&pool.name, zone, now));
            let told = told.map(|mark| Mark::Told { until: mark.ends_at }).next();
            let noticed =
                || (second <= *noticed_until).then(|| Timestamp(noticed_until.saturating_mul(1_000)));
            told.or_else(|| noticed().map(|until| Mark::Endpoints { until }))
        };
        self.zones.iter().zip(&self.noticed_until).map(mark).collect()
    }

    fn step(
        &mut self,
        estate: &Estate,
        pool: &Pool,
        merged: &MergedSecond,
        tables: &[&Table],
        deployments: &[Deployment],
        recorded_bytes_max: usize,
    ) -> PoolJudged {
        let marks = self.marks(estate, pool, merged.number, deployments);
        let ids: Vec<_> = self.zones.iter().map(|place| &estate.zone(place.zone).id).collect();
        let told: Vec<Option<&MergedZone>> =
            ids.iter().map(|id| merged.zones.get(&(pool.name.clone(), (*id).clone()))).collect();
        let is_marked = marks.iter().map(Option::is_some);
        let zones = self.zones.iter().zip(&told).zip(is_marked);
        let zones =
            zones.map(|((place, told), is_marked)| Zone { is_marked, ..zone(place, *told) }).collect();
        let seen_from = |observer: &hf_model::ZoneId| {
            let seen = |told: Option<&MergedZone>| {
                told.and_then(|told| told.seen_from.get(observer)).map_or_else(Seen::default, |seen| Seen {
                    requests: seen.requests,
                    faults: seen.faults,
                    latency: seen.latency.0.to_vec(),
                })
            };
            told.iter().copied().map(seen).collect()
        };
        let second = Second {
            zones,
            probes: probes(estate, &self.zones, tables),
            seen: ids.iter().map(|observer| seen_from(observer)).collect(),
        };
        let step = self.detector.step(&second);
        self.recording.push(Recorded::new(merged.number, self.was.take(), &second), recorded_bytes_max);
        let mut zones = Vec::with_capacity(ids.len());
        let judged = ids.iter().zip(step.zones).zip(&mut self.impaired_s).zip(marks);
        for (((id, evidence), impaired_s), mark) in judged {
            *impaired_s = if evidence.stage == Stage::Impaired { impaired_s.saturating_add(1) } else { 0 };
            zones.push(ZoneJudged { zone: (*id).clone(), evidence, impaired_s: *impaired_s, mark });
        }
        let apart = self.detector.apart().into_iter().map(|apart| {
            let endpoints = self.zones.get(apart.zone).map(|place| &place.endpoints);
            let address = apart.endpoint.and_then(|of| endpoints?.get(of).map(|(address, _)| *address));
            (apart, address)
        });
        PoolJudged {
            second: merged.number,
            finding: step.finding,
            zones,
            warm_in_s: self.detector.warm_in_s(),
            apart: apart.collect(),
            recording: self.recording.clone(),
            everywhere: self.detector.everywhere(),
            observers_doubted: step.observers_doubted.into_iter().map(|at| ids[at].clone()).collect(),
        }
    }
}

fn zone(place: &Place, told: Option<&MergedZone>) -> Zone {
    let Some(told) = told else {
        return Zone { endpoints: vec![Endpoint::default(); place.endpoints.len()], ..Zone::default() };
    };
    let endpoint = |(address, _): &(SocketAddr, usize)| {
        told.endpoints.get(address).map_or_else(Endpoint::default, |seen| Endpoint {
            requests: seen.requests,
            faults: seen.faults,
            latency: seen.latency.0.to_vec(),
        })
    };
    let sum = |of: fn(&hf_telemetry::ClientCount) -> u32| {
        told.clients.iter().fold(0_u32, |sum, client| sum.saturating_add(of(client)))
    };
    Zone {
        endpoints: place.endpoints.iter().map(endpoint).collect(),
        worst_clients_faults: sum(|client| client.faults),
        worst_clients_requests: sum(|client| client.requests),
        is_marked: false,
    }
}

/// What checkers of each of the pool's zones see of each.
fn probes(estate: &Estate, places: &[Place], tables: &[&Table]) -> Vec<Vec<Option<bool>>> {
    let from = |observer: &Place| {
        let is_there = |table: &&&Table| estate.zone_named(&table.zone) == Some(observer.zone);
        let tables: Vec<&Table> = tables.iter().filter(is_there).take(CHECKERS).copied().collect();
        let sees = |target: &Place| {
            let bits = || target.endpoints.iter().take(PROBED).map(|(_, subject)| *subject);
            let count = |is_counted: &dyn Fn(&Table, usize) -> bool| -> usize {
                tables.iter().map(|table| bits().filter(|subject| is_counted(table, *subject)).count()).sum()
            };
            let known = count(&|table, subject| table.known.get(subject));
            let healthy = count(&|table, subject| table.known.get(subject) && table.healthy.get(subject));
            (known > 0).then_some(healthy * 2 >= known)
        };
        places.iter().map(sees).collect()
    };
    places.iter().map(from).collect()
}

impl Hub {
    /// Takes seconds that became complete; the new word on all pools, if there is any.
    pub fn watch_gray(&mut self, settled: &[Arc<MergedSecond>]) -> Option<Arc<Judged>> {
        let in_force = self.in_force.as_ref()?;
        let (estate, deployments) = (in_force.estate.clone(), &in_force.intent.deployments);
        let fresh = self.fresh();
        let tables: Vec<&Table> = self
            .tables
            .values()
            .filter(|(came, table)| self.age.since(*came) <= fresh && table.estate == estate.digest)
            .filter(|(_, table)| !self.cut_off.contains(&table.checker))
            .map(|(_, table)| table)
            .collect();
        let dropped = self.seconds_dropped();
        let gray = &mut self.gray;
        gray.follow(&estate);
        let mut judged = None;
        for merged in settled {
            judged = gray.take(&estate, merged, &tables, deployments).or(judged);
        }
        let mut judged = judged?;
        judged.seconds_dropped = dropped.by_reason().into();
        judged.seconds_dropped.extend([("set-back", gray.set_back), ("pools", gray.unwatched)]);
        gray.judged = Arc::new(judged);
        Some(gray.judged.clone())
    }

    /// The last word on all pools.
    pub fn gray(&self) -> &Arc<Judged> {
        &self.gray.judged
    }
}

impl Gray {
    fn follow(&mut self, estate: &Arc<Estate>) {
        let Some(old) = self.estate.replace(estate.clone()) else { return };
        if old.digest == estate.digest {
            return;
        }
        let mut kept = std::mem::take(&mut self.pools);
        let mut first = 0;
        for pool in &estate.pools {
            let zones = places(pool, first);
            first += pool.endpoints.len();
            if let Some(mut watch) = kept.remove(&pool.name).filter(|_| zones.len() >= 2) {
                watch.carry_over(&old, estate, zones, self.number.unwrap_or(0));
                self.pools.insert(pool.name.clone(), watch);
            }
        }
    }

    fn take(
        &mut self,
        estate: &Estate,
        merged: &MergedSecond,
        tables: &[&Table],
        deployments: &[Deployment],
    ) -> Option<Judged> {
        let apart = self.number.map(|known| known.abs_diff(merged.number));
        if self.number.is_some_and(|known| merged.number <= known) && apart < Some(GAP_S) {
            self.set_back = self.set_back.saturating_add(merged.observers.len() as u64);
            return None;
        }
        if apart >= Some(GAP_S) {
            tracing::info!(second = merged.number, "detectors of gray failure begin anew after a gap");
            self.pools.clear();
        }
        self.number = Some(merged.number);
        let mut judged = Judged::default();
        let told = merged.zones.iter().filter(|(_, told)| told.requests() > 0);
        let asked: BTreeSet<&PoolName> = told.map(|((pool, _), _)| pool).collect();
        let mut first = 0;
        for pool in &estate.pools {
            let is_new = asked.contains(&pool.name) && !self.pools.contains_key(&pool.name);
            if is_new {
                let zones = places(pool, first);
                if zones.len() >= 2 && self.pools.len() < POOLS_MAX {
                    self.pools.insert(pool.name.clone(), Watch::new(zones));
                } else if zones.len() >= 2 {
                    self.unwatched = self.unwatched.saturating_add(1);
                }
            }
            let recorded_bytes_max = RECORDED_BYTES / self.pools.len().max(1);
            if let Some(watch) = self.pools.get_mut(&pool.name) {
                let word = watch.step(estate, pool, merged, tables, deployments, recorded_bytes_max);
                judged.pools.insert(pool.name.clone(), word);
            }
            first += pool.endpoints.len();
        }
        Some(judged)
    }
}

#[cfg(test)]
mod tests;
