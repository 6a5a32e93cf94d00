//! What there is to probe: the estate's endpoints folded into jobs, and what each job knows.
//!
//! One address under one check is one job, in however many pools it stands; a check that stands by itself is one. When the estate changes, a job of the same address
//! and check goes on with its streak; it never returns to unknown.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use hf_config::estate::{Estate, HealthCheck};
use hf_health::{Bitmap, Streak, Verdict, Verdicts};
use hf_model::{CheckName, NodeId};
use tokio::time::Instant;

use crate::prober::Standing;
use crate::schedule::{self, Pace, Phase};

/// Names a job for as long as its address and its whole check stay the same.
pub type JobId = u64;

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
    /// Its place in the interval.
    pub phase: Phase,
    /// When the next probe is due; none while one runs.
    pub due: Option<Instant>,
}

impl Job {
    /// The check's pace.
    pub fn pace(&self) -> Pace {
        Pace { interval: self.check.interval, confirm: self.check.confirm_interval }
    }
}

/// All jobs of one estate.
#[derive(Debug, Default)]
pub struct Jobs {
    /// By id.
    pub all: BTreeMap<JobId, Job>,
    last_id: JobId,
}

impl Jobs {
    /// Takes over a new estate at `now`. Who was not probed before begins with what `presumed` says.
    pub fn adopt(
        &mut self,
        node: &NodeId,
        standing: Standing,
        estate: &Estate,
        presumed: &Verdicts,
        now: Instant,
    ) {
        let mut old: HashMap<(SocketAddr, CheckName), (JobId, Job)> = std::mem::take(&mut self.all)
            .into_iter()
            .map(|(id, job)| ((job.address, job.check.name.clone()), (id, job)))
            .collect();
        let wanted = wanted(estate, standing);
        let names = wanted.iter().map(|(key, (check, _))| (format!("{} {}", key.0, key.1), &check.interval));
        let phases = schedule::phases(node.as_str(), names);
        for ((key, (check, endpoints)), phase) in wanted.iter().zip(phases) {
            let (id, job) = match old.remove(key) {
                Some((id, job)) if *job.check == **check => {
                    (id, Job { endpoints: endpoints.clone(), phase, ..job })
                }
                other => {
                    // A changed check is a new job, so that a result of the old check does not count; what was known still is.
                    let streak =
                        other.map_or_else(|| presume(presumed, endpoints), |(_, job)| job.streak.resumed());
                    self.last_id += 1;
                    let mut job = Job {
                        address: key.0,
                        check: check.clone(),
                        endpoints: endpoints.clone(),
                        streak,
                        phase,
                        due: None,
                    };
                    job.due = Some(schedule::first(now, job.pace(), phase));
                    (self.last_id, job)
                }
            };
            self.all.insert(id, job);
        }
    }

    /// Who has been probed, and who of them is healthy, for an estate of `count` subjects.
    pub fn bitmaps(&self, count: usize) -> (Bitmap, Bitmap) {
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for job in self.all.values() {
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

fn wanted(estate: &Estate, standing: Standing) -> Wanted {
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
        let key = (estate.endpoint(endpoint).address, check.name.clone());
        wanted.entry(key).or_insert_with(|| (check.clone(), Vec::new())).1.push(at);
    }
    if standing == Standing::Probed {
        for (at, check) in estate.check_indexes().zip(&checks).filter(|(_, check)| check.probes_itself()) {
            let address = check.address.unwrap_or(NOWHERE);
            wanted.insert((address, check.name.clone()), (check.clone(), vec![estate.check_subject(at)]));
        }
    }
    wanted
}
