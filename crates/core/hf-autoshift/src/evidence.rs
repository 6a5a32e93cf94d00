//! What is known against the zones of a pool, and what a resource makes of its pools' words.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_control::Resource;
use hf_health::{Verdict, endpoint_verdict, is_of_each};
use hf_model::ZoneId;

use crate::{GRAY_FRESH_S, Gray, GrayFinding, Inputs};

/// Endpoints of a pool in one zone, as far as the quorum knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) known: u32,
    pub(crate) unhealthy: u32,
}

impl Tally {
    /// Two thirds and more.
    pub(crate) fn is_dead(self) -> bool {
        self.known > 0 && u64::from(self.unhealthy) * 3 >= u64::from(self.known) * 2
    }

    /// A third and more.
    fn is_ill(self) -> bool {
        self.known > 0 && u64::from(self.unhealthy) * 3 >= u64::from(self.known)
    }

    /// Somebody knows, and fewer than a third are unhealthy.
    pub(crate) fn is_well(self) -> bool {
        self.known > 0 && !self.is_ill()
    }
}

/// One pool's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PoolWord {
    /// Nobody is accused.
    Nothing,
    /// One zone is.
    Zone(Accused),
    /// More than one; says what.
    Several(String),
}

/// The zone that a pool, or a resource, would leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accused {
    pub(crate) zone: ZoneIx,
    pub(crate) evidence: String,
    /// Whether the detector says so, which has waited by itself.
    pub(crate) by_detector: bool,
}

/// Everything that a look knows of pools.
pub(crate) struct Ground<'a> {
    inputs: Inputs<'a>,
    tallies: Vec<BTreeMap<ZoneIx, Tally>>,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(inputs: Inputs<'a>) -> Self {
        let mut at = 0;
        let mut tallies = Vec::with_capacity(inputs.estate.pools.len());
        for ix in inputs.estate.pool_indexes() {
            let pool = inputs.estate.pool(ix);
            let mut of: BTreeMap<ZoneIx, Tally> = BTreeMap::new();
            let is_judged = is_judged(inputs.estate, ix);
            for endpoint in &pool.endpoints {
                let tally = of.entry(endpoint.zone).or_default();
                if is_judged {
                    let verdict = endpoint_verdict(inputs.estate, inputs.verdicts, ix, at);
                    tally.known += u32::from(verdict != Verdict::Unknown);
                    tally.unhealthy += u32::from(verdict == Verdict::Unhealthy);
                }
                at += 1;
            }
            tallies.push(of);
        }
        Ground { inputs, tallies }
    }

    /// The pools whose endpoints a resource is.
    pub(crate) fn pools(&self, resource: &Resource) -> BTreeSet<PoolIx> {
        let estate = self.inputs.estate;
        match resource {
            Resource::Region(_) => {
                let in_region =
                    |pool: &PoolIx| self.tallies[pool.at()].keys().any(|zone| is_in(estate, *zone, resource));
                estate.pool_indexes().filter(in_region).collect()
            }
            Resource::Pool(name) => estate.pool_named(name).into_iter().collect(),
            Resource::Record(name) => estate.pools_behind(name),
        }
    }

    pub(crate) fn tally(&self, pool: PoolIx, zone: ZoneIx) -> Tally {
        self.tallies[pool.at()].get(&zone).copied().unwrap_or_default()
    }

    /// The detector's word on a pool, if it is fresh.
    pub(crate) fn gray(&self, pool: PoolIx) -> Option<&'a Gray> {
        let gray = self.inputs.gray.get(&self.inputs.estate.pool(pool).name)?;
        let clock_s = self.inputs.clock.0 / 1_000;
        (gray.second.abs_diff(clock_s) <= GRAY_FRESH_S).then_some(gray)
    }

    /// Zones whose observers the detector doubts, by any of the pools.
    pub(crate) fn doubted(&self, pools: &BTreeSet<PoolIx>) -> BTreeSet<&'a ZoneId> {
        pools.iter().filter_map(|pool| self.gray(*pool)).flat_map(|gray| &gray.doubted).collect()
    }

    /// What the quorum and the detector say of a pool.
    pub(crate) fn word(&self, pool: PoolIx) -> PoolWord {
        let zones = &self.tallies[pool.at()];
        if zones.len() < 2 {
            return PoolWord::Nothing; // there is nowhere else to go
        }
        let name = &self.inputs.estate.pool(pool).name;
        let by_quorum = self.by_quorum(pool);
        let gray = match self.gray(pool).map(|gray| &gray.finding) {
            // That everything is worse accuses nobody, and clears nobody whom the quorum finds dead.
            None | Some(GrayFinding::Nothing | GrayFinding::Everything(_)) => return by_quorum,
            Some(GrayFinding::Several) => {
                return PoolWord::Several(format!("pool/{name}: the detector finds several zones impaired"));
            }
            Some(GrayFinding::Zone(zone, evidence)) => {
                self.inputs.estate.zone_named(zone).map(|zone| (zone, evidence))
            }
        };
        let Some((zone, evidence)) = gray.filter(|(zone, _)| zones.contains_key(zone)) else {
            return by_quorum;
        };
        match by_quorum {
            PoolWord::Zone(dead) if dead.zone != zone => {
                let id = |zone| &self.inputs.estate.zone(zone).id;
                let (gray, dead) = (id(zone), id(dead.zone));
                PoolWord::Several(format!("pool/{name}: {gray} is impaired and {dead} is dead"))
            }
            PoolWord::Several(what) => PoolWord::Several(what),
            PoolWord::Zone(_) | PoolWord::Nothing => PoolWord::Zone(Accused {
                zone,
                evidence: format!("pool/{name}: {evidence}"),
                by_detector: true,
            }),
        }
    }

    fn by_quorum(&self, pool: PoolIx) -> PoolWord {
        let estate = self.inputs.estate;
        let (name, zones) = (&estate.pool(pool).name, &self.tallies[pool.at()]);
        let dead: Vec<ZoneIx> =
            zones.iter().filter(|(_, tally)| tally.is_dead()).map(|(zone, _)| *zone).collect();
        let Some(first) = dead.first() else { return PoolWord::Nothing };
        let others = || zones.iter().filter(|(zone, _)| *zone != first);
        if let Some((other, tally)) = others().find(|(_, tally)| tally.is_ill()) {
            let (first, other) = (&estate.zone(*first).id, &estate.zone(*other).id);
            let Tally { known, unhealthy } = tally;
            return PoolWord::Several(format!(
                "pool/{name}: {first} is dead, and {unhealthy} of {known} endpoints in {other} are unhealthy too"
            ));
        }
        let sum = others().fold(Tally::default(), |sum, (_, tally)| Tally {
            known: sum.known + tally.known,
            unhealthy: sum.unhealthy + tally.unhealthy,
        });
        if sum.known == 0 {
            return PoolWord::Several(format!("pool/{name}: nothing is known of its other zones"));
        }
        let Tally { known, unhealthy } = zones[first];
        PoolWord::Zone(Accused {
            zone: *first,
            evidence: format!(
                "pool/{name}: {unhealthy} of {known} endpoints in {} unhealthy by quorum, {} of {} elsewhere",
                estate.zone(*first).id,
                sum.unhealthy,
                sum.known
            ),
            by_detector: false,
        })
    }

    /// Whether a pool can say anything of a zone: it has traffic, or its endpoints there are known; and it has another zone.
    fn can_tell(&self, pool: PoolIx, zone: ZoneIx) -> bool {
        let zones = &self.tallies[pool.at()];
        let is_there = zones.contains_key(&zone) && zones.len() > 1;
        is_there && (self.gray(pool).is_some() || self.tally(pool, zone).known > 0)
    }

    /// What a resource makes of the words of its pools.
    pub(crate) fn verdict(&self, resource: &Resource, pools: &BTreeSet<PoolIx>) -> PoolWord {
        let estate = self.inputs.estate;
        let mut accused: Vec<Accused> = Vec::new();
        for pool in pools {
            match self.word(*pool) {
                PoolWord::Several(what) => return PoolWord::Several(what),
                PoolWord::Zone(found) if is_in(estate, found.zone, resource) => accused.push(found),
                // A region does not care for what others suffer.
                PoolWord::Nothing | PoolWord::Zone(_) => {}
            }
        }
        let Some(first) = accused.first().cloned() else { return PoolWord::Nothing };
        if let Some(other) = accused.iter().find(|other| other.zone != first.zone) {
            return PoolWord::Several(format!("{}; and {}", first.evidence, other.evidence));
        }
        let voters = pools.iter().filter(|pool| self.can_tell(**pool, first.zone)).count();
        if accused.len() * 2 <= voters {
            return PoolWord::Nothing; // it is those pools' own trouble
        }
        let evidence: Vec<String> = accused.iter().map(|one| one.evidence.clone()).collect();
        let by_detector = accused.iter().any(|one| one.by_detector);
        PoolWord::Zone(Accused { zone: first.zone, evidence: evidence.join("; "), by_detector })
    }

    /// By which words everything is worse than it was: those of more than half of the pools on which the detector has a fresh word.
    pub(crate) fn everywhere(&self, pools: &BTreeSet<PoolIx>) -> Option<String> {
        let fresh: Vec<(PoolIx, &Gray)> =
            pools.iter().filter_map(|pool| Some((*pool, self.gray(*pool)?))).collect();
        let said = fresh.iter().filter_map(|(pool, gray)| {
            let what = match &gray.finding {
                GrayFinding::Everything(what) => what.as_str(),
                GrayFinding::Several => "the detector finds several zones impaired",
                GrayFinding::Nothing | GrayFinding::Zone(..) => return None,
            };
            Some(format!("pool/{}: {what}", self.inputs.estate.pool(*pool).name))
        });
        let said: Vec<String> = said.collect();
        (said.len() * 2 > fresh.len()).then(|| said.join("; "))
    }

    /// How a zone that is away looks to probes, over the resource's pools there.
    pub(crate) fn health(&self, pools: &BTreeSet<PoolIx>, zone: ZoneIx) -> Tally {
        let here = pools.iter().map(|pool| self.tally(*pool, zone));
        here.fold(Tally::default(), |sum, tally| Tally {
            known: sum.known + tally.known,
            unhealthy: sum.unhealthy + tally.unhealthy,
        })
    }

    /// Whether every pool that knows its endpoints there finds the zone well.
    pub(crate) fn is_well(&self, pools: &BTreeSet<PoolIx>, zone: ZoneIx) -> bool {
        let known = |tally: &Tally| tally.known > 0;
        let all = pools.iter().map(|pool| self.tally(*pool, zone)).filter(known);
        self.health(pools, zone).is_well() && all.into_iter().all(Tally::is_well)
    }

    /// Whether any of the pools has a check on endpoints there.
    pub(crate) fn is_probed(&self, pools: &BTreeSet<PoolIx>, zone: ZoneIx) -> bool {
        pools
            .iter()
            .any(|pool| is_judged(self.inputs.estate, *pool) && self.tallies[pool.at()].contains_key(&zone))
    }
}

/// Whether a pool's endpoints have verdicts of their own. One verdict on all of them (a switch, a calculated check, a disabled one) says nothing of one
/// zone rather than another, and what was known of them before such a check says nothing any more.
fn is_judged(estate: &Estate, pool: PoolIx) -> bool {
    estate.pool(pool).health_check.is_some_and(|check| is_of_each(estate.health_check(check)))
}

/// Whether a zone is one that a shift of the resource may leave.
fn is_in(estate: &Estate, zone: ZoneIx, resource: &Resource) -> bool {
    match resource {
        Resource::Region(id) => estate.regions[estate.zone(zone).region.at()].id == *id,
        Resource::Pool(_) | Resource::Record(_) => true,
    }
}
