//! In which zone this process runs: asked in a fixed order, the first answer counts.
//!
//! 1. `HOLDFAST_ZONE` in the environment.
//! 2. A file: `HOLDFAST_ZONE_FILE`, else `/etc/holdfast/zone`; its first line that is neither empty nor begins with `#`.
//! 3. Kubernetes: the label `topology.kubernetes.io/zone` of the node `NODE_NAME`, with the pod's service account (feature `tls`).
//! 4. A cloud's metadata, one second for all of them together: a task of ECS, then an instance of AWS (IMDSv2), GCP, Azure.
//!
//! One place may have two names, as AWS has `use1-az1` (the same in every account) and `us-east-1a` (of this account): all are given, and
//! [`OwnZone::known_in`] takes the one that the endpoints know, by id or alias.
//!
//! Not here: what the places speak (`zone::cloud`, `zone::kubernetes`).

mod cloud;
mod kubernetes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::quorum::Zones;
use crate::wire::NAME_BYTES;

/// For a file that names a zone.
const FILE_BYTES: u64 = 4_096;

/// Who told the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZoneSource {
    /// `HOLDFAST_ZONE`.
    Environment,
    /// A file.
    File,
    /// The label of the Kubernetes node.
    Kubernetes,
    /// The metadata of an ECS task.
    Ecs,
    /// The metadata of an AWS instance.
    Aws,
    /// The metadata of a GCP instance.
    Gcp,
    /// The metadata of an Azure machine.
    Azure,
}

impl ZoneSource {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            ZoneSource::Environment => "HOLDFAST_ZONE",
            ZoneSource::File => "the zone file",
            ZoneSource::Kubernetes => "the Kubernetes node's label",
            ZoneSource::Ecs => "ECS task metadata",
            ZoneSource::Aws => "AWS instance metadata",
            ZoneSource::Gcp => "GCP instance metadata",
            ZoneSource::Azure => "Azure instance metadata",
        }
    }
}

/// Where this process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnZone {
    /// The zone's name that its source puts first.
    pub zone: String,
    /// Other names of the same zone.
    pub also: Vec<String>,
    /// Who told it.
    pub from: ZoneSource,
}

impl OwnZone {
    fn new(from: ZoneSource, names: impl IntoIterator<Item = String>) -> Result<OwnZone, String> {
        let mut names = names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let zone = names.next().ok_or("it names no zone")?;
        let also: Vec<String> = names.filter(|name| *name != zone && is_zone(name)).collect();
        if !is_zone(&zone) {
            let shown: String = zone.chars().take(60).collect();
            return Err(format!("`{}` is no zone's name", shown.escape_debug()));
        }
        Ok(OwnZone { zone, also, from })
    }

    /// The name that is known there, by id or alias; the first one if none is.
    pub fn known_in(&self, zones: &Zones) -> &str {
        let names = std::iter::once(&self.zone).chain(&self.also);
        names.into_iter().find(|name| zones.get(name).is_some()).unwrap_or(&self.zone)
    }
}

fn is_zone(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Nobody told the zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody tells this process its zone ({}); set HOLDFAST_ZONE, or write it into /etc/holdfast/zone", .tried.join("; "))]
pub struct NoZone {
    /// What each source said.
    pub tried: Vec<String>,
}

/// Finds out in which zone this process runs.
///
/// # Errors
///
/// [`NoZone`]: no source tells it; what each one said is in it. What the environment or a file names and cannot be a zone is an error too,
/// and no other source is asked then.
pub async fn own_zone() -> Result<OwnZone, NoZone> {
    let variable = |name: &str| std::env::var(name).ok();
    Sources::of_this_machine(&variable).ask().await
}

/// Where to look; tests look elsewhere.
struct Sources<'a> {
    variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
    file: PathBuf,
    metadata: Endpoint,
    service_account: PathBuf,
    patience: Duration,
}

impl<'a> Sources<'a> {
    fn of_this_machine(variable: &'a (dyn Fn(&str) -> Option<String> + Sync)) -> Self {
        Sources {
            variable,
            file: PathBuf::from("/etc/holdfast/zone"),
            // Link-local, on every cloud: names would want a resolver.
            metadata: "http://169.254.169.254:80".parse().expect("a URL"),
            service_account: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
            patience: Duration::from_secs(1),
        }
    }

    /// A variable that is set to something.
    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    async fn ask(&self) -> Result<OwnZone, NoZone> {
        let wrong = |source: &str, why: String| NoZone { tried: vec![format!("{source}: {why}")] };
        if let Some(zone) = self.variable("HOLDFAST_ZONE") {
            return OwnZone::new(ZoneSource::Environment, [zone]).map_err(|why| wrong("HOLDFAST_ZONE", why));
        }
        let named = self.variable("HOLDFAST_ZONE_FILE").map(PathBuf::from);
        let path = named.as_deref().unwrap_or(&self.file);
        let mut tried = Vec::new();
        match read_file(path) {
            Ok(Some(zone)) => {
                return OwnZone::new(ZoneSource::File, [zone])
                    .map_err(|why| wrong(&path.display().to_string(), why));
            }
            Ok(None) if named.is_none() => {}
            Ok(None) => return Err(wrong(&path.display().to_string(), "it is not there".to_owned())),
            Err(why) => return Err(wrong(&path.display().to_string(), why)),
        }
        match kubernetes::ask(self).await {
            Some(Ok(zone)) => return Ok(zone),
            Some(Err(why)) => tried.push(format!("Kubernetes: {why}")),
            None => {}
        }
        let (ecs, aws, gcp, azure) =
            tokio::join!(cloud::ecs(self), cloud::aws(self), cloud::gcp(self), cloud::azure(self));
        for (name, answer) in [("ECS", ecs), ("AWS", aws), ("GCP", gcp), ("Azure", azure)] {
            match answer {
                Some(Ok(zone)) => return Ok(zone),
                Some(Err(why)) => tried.push(format!("{name}: {why}")),
                None => {}
            }
        }
        Err(NoZone { tried })
    }
}

/// The zone that a file names; none if there is no file.
fn read_file(path: &Path) -> Result<Option<String>, String> {
    let text = match std::fs::metadata(path) {
        Ok(found) if found.len() > FILE_BYTES => {
            return Err(format!("it has {} bytes, {FILE_BYTES} at most are read", found.len()));
        }
        Ok(_) => std::fs::read_to_string(path).map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    line.map(|line| Some(line.to_owned())).ok_or_else(|| "it names no zone".to_owned())
}

#[cfg(test)]
mod tests;
