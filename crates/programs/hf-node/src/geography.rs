//! The files that say where clients are: read before the node runs, and again whenever they change.
//!
//! 1. At the start of a node that has something to serve a bad one is left out: the node answers without it, and its report says what is wrong
//!    until it is mended. Only a node that never served anything is told to mend it first.
//! 2. Later a bad one changes nothing: what was in force stays, and the node's report says so.
//! 3. They stand in `[dns]`, and serve the role assign as well: also on a node without the role dns.
//!
//! Not here: what is in them (`hf-geo`), what is made of it (`hf-dns`, `hf-assigner`).

use std::path::Path;

use hf_config::node::DnsConfig;
use hf_geo::{Geography, Watched};
use tokio::sync::watch;

use crate::parts::Parts;

/// What is wrong with each of the files now.
#[derive(Debug, Default)]
pub struct Problems {
    /// With the geography database.
    pub database: Option<watch::Receiver<Option<String>>>,
    /// With the latency file.
    pub latencies: Option<watch::Receiver<Option<String>>>,
}

/// Reads both files; blocks. All that is wrong with them.
pub fn open(config: &DnsConfig, geography: &Geography) -> Vec<String> {
    let database = config.geo_database.as_deref().map(|path| load_database(geography, path));
    let latencies = config.latency_file.as_deref().map(|path| load_latencies(geography, path));
    database.into_iter().chain(latencies).filter_map(Result::err).collect()
}

fn load_database(geography: &Geography, path: &Path) -> Result<(), String> {
    geography.load_database(path).map_err(|error| error.to_string())
}

fn load_latencies(geography: &Geography, path: &Path) -> Result<(), String> {
    geography.load_latencies(path).map_err(|error| error.to_string())
}

/// Starts the files' watchers.
pub fn follow(config: &DnsConfig, geography: &Geography, parts: &mut Parts) -> Problems {
    let mut problems = Problems::default();
    if let Some(path) = &config.geo_database {
        let geography = geography.clone();
        let load = move |path: &Path| load_database(&geography, path);
        let what = "the geography database";
        problems.database = Some(start(Watched { what, path: path.clone(), load: Box::new(load) }, parts));
    }
    if let Some(path) = &config.latency_file {
        let geography = geography.clone();
        let load = move |path: &Path| load_latencies(&geography, path);
        let what = "the latency file";
        problems.latencies = Some(start(Watched { what, path: path.clone(), load: Box::new(load) }, parts));
    }
    problems
}

fn start(watched: Watched, parts: &mut Parts) -> watch::Receiver<Option<String>> {
    let (problem_to, problem) = watch::channel(None);
    parts.start("watcher of a geography file", hf_geo::watch(watched, problem_to, parts.stopped()));
    problem
}
