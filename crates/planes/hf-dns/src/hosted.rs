//! Contents of hosted zones that are not in the estate: master files on this node, and zones that are transferred from primaries.
//!
//! 1. [`HostedStore::open`] reads what secondaries left on disk, so that a node answers from its first second, with primaries or without.
//! 2. [`HostedStore::run`] follows the estate: one task for each such zone, started, changed and stopped with it.
//! 3. What cannot be read or fetched changes nothing: the version before stays, and [`HostedStore::report`] and the log say why.
//! 4. Serials that are the time are kept here, on disk too, and never go back (`hosted::serials`).
//! 5. Large zones lie in ordinary pages. To have the kernel put them into large ones (`MADV_COLLAPSE`) made no answer cheaper, and kept the core from workers for milliseconds
//!    at a time (`docs/benchmarks.md`).
//!
//! Not here: contents themselves (`hf-hosted`), answers (`hf-answer`).

mod disk;
mod node_file;
mod secondary;
pub(crate) mod serials;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub use node_file::check_zone_file;

use hf_answer::HostedSet;
use hf_clock::Clock;
use hf_config::estate::{Estate, Remote, ZoneSource};
use hf_hosted::Contents;
use hf_model::{Digest, DnsName, Timestamp, WireName};
use hf_snapshot::Snapshot;
use hf_wire::tsig::Keys;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info};

use crate::transfer::fetch::Primary;
use secondary::Bell;
use serials::Serials;

/// Where the store works.
#[derive(Clone, Debug)]
pub struct HostedConfig {
    /// The node's folder; the store has `hosted` in it.
    pub data_dir: PathBuf,
    /// The folder of master files.
    pub zone_dir: Option<PathBuf>,
    /// The node's TSIG keys.
    pub keys: Keys,
    /// Stamps and serials.
    pub clock: Clock,
}

/// How one hosted zone of the store does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedReport {
    /// The hosted zone.
    pub name: DnsName,
    /// The serial of its version.
    pub serial: Option<u32>,
    /// How many records its version has, the SOA included.
    pub records: Option<u64>,
    /// When its file or primary was last seen to be as it is here.
    pub seen_at: Option<Timestamp>,
    /// What is wrong, and how to mend it.
    pub problem: Option<String>,
}

/// Contents of hosted zones that are not in the estate.
#[derive(Clone, Debug)]
pub struct HostedStore(pub(crate) Arc<Store>);

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) config: HostedConfig,
    set: watch::Sender<Arc<HostedSet>>,
    zones: Mutex<BTreeMap<WireName, Zone>>,
    pub(crate) serials: Serials,
}

/// What is known of one zone.
#[derive(Debug, Default)]
struct Zone {
    source: Option<ZoneSource>,
    seen_at: Option<Timestamp>,
    problem: Option<String>,
    bell: Option<Arc<Bell>>,
    /// The version whose records were counted, and how many they are.
    counted: Option<(Weak<Contents>, u64)>,
    task: Option<Task>,
}

/// Stops when it is dropped.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl HostedStore {
    /// Reads what is on disk; blocks. What cannot be read is left aside, and said.
    pub fn open(config: HostedConfig) -> HostedStore {
        let folder = config.data_dir.join("hosted");
        let mut set = HostedSet::default();
        let mut zones = BTreeMap::new();
        for saved in disk::read_all(&folder) {
            let apex = saved.contents.apex().clone();
            info!(zone = %apex, serial = saved.contents.serial(), "a hosted zone was read from disk");
            zones.insert(apex, Zone { seen_at: Some(saved.seen_at), ..Zone::default() });
            set.insert(Arc::new(saved.contents));
        }
        let serials = Serials::open(&folder);
        for (apex, serial) in serials.all() {
            set.set_serial(&apex, serial);
        }
        let (set, _) = watch::channel(Arc::new(set));
        HostedStore(Arc::new(Store { config, set, zones: Mutex::new(zones), serials }))
    }

    /// The contents, now and from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<HostedSet>> {
        self.0.set.subscribe()
    }

    /// How each hosted zone does whose contents are not in the estate. Work: once for each version all of its records.
    pub fn report(&self) -> Vec<HostedReport> {
        let set = self.0.set.borrow().clone();
        self.0.count(&set);
        let zones = self.0.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(apex, zone): (&WireName, &Zone)| {
            Some(HostedReport {
                name: DnsName::new(&apex.to_string()).ok()?,
                serial: set.get(apex).map(|contents| contents.serial()),
                records: zone
                    .counted
                    .as_ref()
                    .map(|(_, records)| *records)
                    .filter(|_| set.get(apex).is_some()),
                seen_at: zone.seen_at,
                problem: zone.problem.clone(),
            })
        };
        zones.iter().filter(|(_, zone)| zone.source.is_some()).filter_map(report).collect()
    }

    /// Follows the estate's hosted zones until nobody is left to bring snapshots; then goes on with the last.
    pub async fn run(self, mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>) {
        let mut of: Option<Digest> = None;
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            if let Some(snapshot) = snapshot.filter(|snapshot| of != Some(snapshot.estate.digest)) {
                of = Some(snapshot.estate.digest);
                self.follow(&snapshot.estate);
            }
            if snapshots.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Starts and stops tasks so that each hosted zone has the one that the estate asks for.
    fn follow(&self, estate: &Estate) {
        let wanted: BTreeMap<WireName, &ZoneSource> = estate
            .hosted_zones
            .iter()
            .filter(|hosted| hosted.source != ZoneSource::Estate)
            .map(|hosted| (WireName::from(&hosted.name), &hosted.source))
            .collect();
        let mut gone = Vec::new();
        {
            let mut zones = self.0.zones.lock().unwrap_or_else(PoisonError::into_inner);
            zones.retain(|apex, _| {
                let stays = wanted.contains_key(apex);
                if !stays {
                    gone.push(apex.clone());
                }
                stays
            });
            for (apex, source) in wanted {
                let zone = zones.entry(apex.clone()).or_default();
                if zone.source.as_ref() == Some(source) {
                    continue;
                }
                zone.source = Some(source.clone());
                zone.problem = None;
                zone.bell = None;
                // The one before ends first: two would fight over one file.
                zone.task = None;
                zone.task = Some(Task(match source {
                    ZoneSource::Secondary(primaries) => {
                        let bell = Arc::new(Bell::default());
                        zone.bell = Some(bell.clone());
                        let primaries = self.primaries(primaries);
                        tokio::spawn(secondary::follow(self.0.clone(), apex, primaries, bell, zone.seen_at))
                    }
                    ZoneSource::NodeFile | ZoneSource::Estate => {
                        tokio::spawn(node_file::follow(self.0.clone(), apex))
                    }
                }));
            }
        }
        for apex in gone {
            info!(zone = %apex, "a hosted zone is no longer in the estate");
            self.0.change(|set| set.remove(&apex));
            disk::remove(&self.0.folder(), &apex);
        }
    }

    /// Remotes with their keys; one whose key this node does not have is left out, and said: unsigned it would be another agreement.
    pub(crate) fn primaries(&self, remotes: &[Remote]) -> Vec<Primary> {
        remotes.iter().filter_map(|remote| primary(&self.0.config.keys, remote)).collect()
    }
}

/// A remote with its key; none when the key is not here.
pub(crate) fn primary(keys: &Keys, remote: &Remote) -> Option<Primary> {
    let Some(name) = &remote.key else { return Some(Primary { address: remote.address, key: None }) };
    let key = keys.get(&WireName::from(name)).cloned();
    if key.is_none() {
        error!(remote = %remote.address, key = %name, "a hosted zone names a key that is not in `tsig_keys` of this node's [dns]; add it");
    }
    key.map(|key| Primary { address: remote.address, key: Some(key) })
}

impl Store {
    pub(crate) fn folder(&self) -> PathBuf {
        self.config.data_dir.join("hosted")
    }

    /// The version in force.
    pub(crate) fn contents(&self, apex: &WireName) -> Option<Arc<Contents>> {
        self.set.borrow().get(apex).cloned()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut HostedSet)) {
        self.set.send_modify(|set| {
            let mut next = HostedSet::clone(set);
            change(&mut next);
            *set = Arc::new(next);
        });
    }

    /// A new version.
    pub(crate) fn publish(&self, contents: Contents) {
        self.change(|set| set.insert(Arc::new(contents)));
    }

    /// The file or primary was seen to be as it is here.
    pub(crate) fn seen(&self, apex: &WireName, at: Timestamp) {
        self.note(apex, |zone| {
            zone.seen_at = Some(at);
            zone.problem = None;
        });
    }

    /// Something is wrong; what is here stays.
    pub(crate) fn problem(&self, apex: &WireName, problem: String) {
        self.note(apex, |zone| zone.problem = Some(problem));
    }

    /// Counts the records of versions that have not been counted, while nobody waits for the lock.
    fn count(&self, set: &HostedSet) {
        for contents in set.iter() {
            let this = Arc::downgrade(contents);
            let mut is_known = false;
            self.note(contents.apex(), |zone| {
                is_known = zone.counted.as_ref().is_some_and(|(version, _)| version.ptr_eq(&this));
            });
            if !is_known {
                let records = contents.records().count() as u64;
                self.note(contents.apex(), |zone| zone.counted = Some((this, records)));
            }
        }
    }

    fn note(&self, apex: &WireName, change: impl FnOnce(&mut Zone)) {
        if let Some(zone) = self.zones.lock().unwrap_or_else(PoisonError::into_inner).get_mut(apex) {
            change(zone);
        }
    }
}

impl crate::requests::Notified for Store {
    fn notified(
        &self,
        hosted_zone: &WireName,
        from: SocketAddr,
        key: Option<&WireName>,
        serial: Option<u32>,
    ) -> bool {
        let zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(zone) = zones.get(&hosted_zone.folded()) else { return false };
        let (Some(ZoneSource::Secondary(primaries)), Some(bell)) = (&zone.source, &zone.bell) else {
            return false;
        };
        // A NOTIFY leaves from any port. With a key the key counts, without one the address.
        let is_primary = primaries.iter().any(|primary| match &primary.key {
            Some(wanted) => key == Some(&WireName::from(wanted)),
            None => primary.address.ip().to_canonical() == from.ip().to_canonical(),
        });
        if is_primary {
            bell.ring(serial);
        }
        is_primary
    }

    fn age(&self, hosted_zone: &WireName) -> Option<Duration> {
        let zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_at = zones.get(&hosted_zone.folded())?.seen_at?;
        Some(Duration::from_millis(self.config.clock.now().0.saturating_sub(seen_at.0)))
    }
}

#[cfg(test)]
mod tests;
