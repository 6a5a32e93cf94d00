//! What there is to probe: the estate's endpoints folded into jobs, and what each job knows.
//!
//! One address under one check is one job, in however many pools it stands; a check that stands by itself is one. When the estate changes, a job of the same address
//! and check goes on with its streak; it never returns to unknown.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hf_config::estate::{Estate, HealthCheck};
use hf_health::{Bitmap, Streak, Verdict, Verdicts};
use hf_model::{CheckName, NodeId};
use tokio::time::Instant;

use crate::budget::{self, Share};
use crate::probe::probed_address;
use crate::prober::Standing;
use crate::schedule::{self, Pace, Phase};
use crate::shards::Shards;

/// Names a job for as long as its address and its whole check stay the same. A place that is given to another job has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// Its place.
    pub slot: u32,
    /// How many had it before.
    pub generation: u32,
}

/// One address under one check.
#[derive(Clone, Debug)]
pub struct Job {
    /// The endpoint's own address; the unspecified one for a check that goes to none.
    pub address: SocketAddr,
    /// How to probe it.
    pub check: Arc<HealthCheck>,
    /// Its positions in the order of `Estate::subject_count`.
    pub endpoints: Vec<usize>,
    /// Its results in a row.
    pub streak: Streak,
    /// When the newest measured result came, or the job did.
    pub measured: Instant,
    /// When the first probe since then began that was not measured; none after a result. A job that waits for its turn has none either.
    pub unmeasured_since: Option<Instant>,
    /// Its place in the interval.
    pub phase: Phase,
    /// When the next probe is due; none while one runs.
    pub due: Option<Instant>,
    /// Whether the jobs of its address could come to more probes than that may have.
    pub is_rationed: bool,
}

impl Job {
    /// The check's pace.
    pub fn pace(&self) -> Pace {
        Pace { interval: self.check.interval, confirm: self.check.confirm_interval }
    }
}

/// What a prober looks at of an estate.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Whose prober it is.
    pub node: &'a NodeId,
    /// Which endpoints.
    pub shards: &'a Shards,
    /// What else.
    pub standing: Standing,
    /// What an address may get; none without a bound.
    pub share: Option<Share>,
}

#[derive(Debug)]
struct Place {
    generation: u32,
    job: Option<Job>,
}

/// All jobs of one estate.
#[derive(Debug, Default)]
pub struct Jobs {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Jobs {
    /// A job, if it is there still.
    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        let place =
            self.places.get_mut(id.slot as usize).filter(|place| place.generation == id.generation)?;
        place.job.as_mut()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.places.iter().zip(0..).filter_map(|(place, slot)| {
            Some((JobId { slot, generation: place.generation }, place.job.as_ref()?))
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn put(&mut self, job: Job) {
        match self.free.pop() {
            Some(slot) => self.places[slot as usize].job = Some(job),
            None => self.places.push(Place { generation: 0, job: Some(job) }),
        }
    }

    /// Takes over a new estate at `now`. Who was not probed before begins with what `presumed` says.
    pub fn adopt(&mut self, scope: Scope<'_>, estate: &Estate, presumed: &Verdicts, now: Instant) {
        let mut old: HashMap<(SocketAddr, CheckName), u32> = HashMap::with_capacity(self.len());
        for (id, job) in self.all() {
            old.insert((job.address, job.check.name.clone()), id.slot);
        }
        let wanted = wanted(estate, scope);
        let names = wanted.iter().map(|(key, (check, _))| (format!("{} {}", key.0, key.1), &check.interval));
        let phases = schedule::phases(scope.node.as_str(), names);
        let rationed = rationed(&wanted, scope.share);
        let mut fresh = Vec::new();
        for ((key, (check, endpoints)), phase) in wanted.into_iter().zip(phases) {
            let is_rationed = rationed.contains(&probed_ip(&check, key.0));
            let known = old.get(&key).and_then(|slot| self.places[*slot as usize].job.as_mut());
            if let Some(job) = known.filter(|job| *job.check == *check) {
                old.remove(&key);
                *job = Job { check, endpoints, phase, is_rationed, ..job.clone() };
                continue;
            }
            // A changed check is a new job, so that a result of the old check does not count; what was known still is.
            let known = old.get(&key).and_then(|slot| self.places[*slot as usize].job.as_ref());
            let streak = known.map_or_else(|| presume(presumed, &endpoints), |job| job.streak.resumed());
            let measured = known.map_or(now, |job| job.measured);
            let unmeasured_since = known.and_then(|job| job.unmeasured_since);
            fresh.push(Job {
                address: key.0,
                check,
                endpoints,
                streak,
                measured,
                unmeasured_since,
                phase,
                due: None,
                is_rationed,
            });
        }
        for slot in old.into_values() {
            let place = &mut self.places[slot as usize];
            *place = Place { generation: place.generation.wrapping_add(1), job: None };
            self.free.push(slot);
        }
        let round = schedule::round(fresh.len());
        for job in fresh {
            self.put(Job { due: Some(schedule::first(now, job.pace(), job.phase, round)), ..job });
        }
    }

    /// Who has been probed, and who of them is healthy, for an estate of `count` subjects.
    pub fn bitmaps(&self, count: usize) -> (Bitmap, Bitmap) {
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for (_, job) in self.all() {
            for at in &job.endpoints {
                known.set(*at, job.streak.healthy().is_some());
                healthy.set(*at, job.streak.healthy() == Some(true));
            }
        }
        (known, healthy)
    }
}

/// One address may stand in several pools; a good word of one of them is enough.
fn presume(verdicts: &Verdicts, endpoints: &[usize]) -> Streak {
    let said = || endpoints.iter().map(|at| verdicts.get(*at)).filter(|verdict| *verdict != Verdict::Unknown);
    if said().next().is_none() {
        return Streak::default();
    }
    Streak::presumed(said().any(|verdict| verdict == Verdict::Healthy))
}

/// What a check that goes to no address is probed at.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

type Wanted = BTreeMap<(SocketAddr, CheckName), (Arc<HealthCheck>, Vec<usize>)>;

/// The address that a probe goes to.
pub fn probed_ip(check: &HealthCheck, address: SocketAddr) -> IpAddr {
    probed_address(check, address).ip()
}

/// Addresses whose jobs could come to more probes than their share.
fn rationed(wanted: &Wanted, share: Option<Share>) -> BTreeSet<IpAddr> {
    let Some(share) = share else { return BTreeSet::new() };
    let mut of_each: HashMap<IpAddr, usize> = HashMap::new();
    for ((address, _), (check, _)) in wanted {
        let ip = probed_ip(check, *address);
        if !ip.is_unspecified() {
            let pace = Pace { interval: check.interval, confirm: check.confirm_interval };
            let asked = of_each.entry(ip).or_default();
            *asked = asked.saturating_add(budget::at_most(pace, share.within));
        }
    }
    of_each.into_iter().filter(|(_, asked)| *asked > share.probes).map(|(ip, _)| ip).collect()
}

fn wanted(estate: &Estate, scope: Scope<'_>) -> Wanted {
    let checks: Vec<Arc<HealthCheck>> = estate.health_checks.iter().cloned().map(Arc::new).collect();
    let mut wanted = Wanted::new();
    for (at, endpoint) in estate.endpoint_refs().enumerate() {
        let Some(check) = estate.pool(endpoint.pool).health_check.and_then(|check| checks.get(check.at()))
        else {
            continue;
        };
        if !check.probes_endpoints() {
            continue;
        }
        let address = estate.endpoint(endpoint).address;
        if !scope.shards.has(address, &check.name) {
            continue;
        }
        let key = (address, check.name.clone());
        wanted.entry(key).or_insert_with(|| (check.clone(), Vec::new())).1.push(at);
    }
    if scope.standing == Standing::Probed {
        for (at, check) in estate.check_indexes().zip(&checks).filter(|(_, check)| check.probes_itself()) {
            let address = check.address.unwrap_or(NOWHERE);
            wanted.insert((address, check.name.clone()), (check.clone(), vec![estate.check_subject(at)]));
        }
    }
    wanted
}
