//! A folder of files, each with a set of endpoints: what configuration management, scripts and service registries write.
//!
//! 1. Files named `*.toml` and `*.json` count, others do not, nor do those that begin with a dot: whoever writes beside and renames is never
//!    read in half.
//! 2. All files together are the pool's endpoints. A file that cannot be read keeps what it said before, and that is told; a file that is
//!    gone takes its endpoints with it.
//! 3. A folder that is gone or not readable is no word.
//! 4. At most [`FILES_MAX`] files of [`FILE_BYTES`] each.
//!
//! Not here: zones of endpoints that do not say theirs (`hf_control::sources`).

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use hf_config::estate::EndpointId;
use hf_control::sources::Told;
use hf_model::{Weight, ZoneId};
use serde::Deserialize;

use super::watch::{Found, Watcher, Word};

/// Files of a folder at most.
pub const FILES_MAX: usize = 1_000;
/// Bytes of a file at most.
pub const FILE_BYTES: u64 = 1 << 20;

/// A file: `endpoints = [{ address = "10.1.1.10:8080", zone = "a", weight = 100, priority = 0, id = "web-1" }]`, or the same in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    endpoints: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    address: SocketAddr,
    zone: Option<String>,
    weight: Option<u16>,
    #[serde(default)]
    priority: u16,
    id: Option<String>,
}

/// Looks at one folder.
#[derive(Debug)]
pub struct Directory {
    folder: PathBuf,
    /// What each file said when it could be read.
    said: BTreeMap<String, Vec<Told>>,
}

impl Directory {
    /// For this folder.
    pub fn new(folder: PathBuf) -> Self {
        Directory { folder, said: BTreeMap::new() }
    }

    /// Reads all files. The second part is what is wrong with some of them.
    pub fn read(&mut self) -> Result<(Vec<Told>, Vec<String>), String> {
        let names = names(&self.folder)?;
        self.said.retain(|name, _| names.contains(name));
        let mut problems = Vec::new();
        for name in &names {
            match read_file(&self.folder.join(name), name) {
                Ok(told) => _ = self.said.insert(name.clone(), told),
                Err(problem) => problems.push(problem),
            }
        }
        Ok((self.said.values().flatten().cloned().collect(), problems))
    }
}

impl Watcher for Directory {
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>> {
        Box::pin(async move {
            let mut looked = std::mem::replace(self, Directory::new(PathBuf::new()));
            let done = tokio::task::spawn_blocking(move || {
                let read = looked.read();
                (looked, read)
            });
            let (looked, read) = done.await.map_err(|error| format!("reading its folder failed: {error}"))?;
            *self = looked;
            let (told, problems) = read?;
            let problem = (!problems.is_empty())
                .then(|| format!("{}; what these files said before stays", problems.join("; ")));
            Ok(Found { told, problem })
        })
    }

    fn due(&mut self, pace: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // A look at a folder costs little: edits count within a second, whatever the pace of other sources is.
        Box::pin(tokio::time::sleep(pace.min(Duration::from_secs(1))))
    }
}

/// Names of the files that count, in order.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let wrong = |error: std::io::Error| {
        format!(
            "the folder {} cannot be read ({error}); put it back, or let this node read it",
            folder.display()
        )
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let Ok(name) = entry.map_err(wrong)?.file_name().into_string() else { continue };
        let counts = Path::new(&name).extension().is_some_and(|kind| kind == "toml" || kind == "json");
        if counts && !name.starts_with('.') {
            names.push(name);
        }
        if names.len() > FILES_MAX {
            return Err(format!(
                "the folder {} has more than {FILES_MAX} files; put several into one",
                folder.display()
            ));
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Path, name: &str) -> Result<Vec<Told>, String> {
    let mut text = String::new();
    let opened =
        std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_string(&mut text));
    let len = opened.map_err(|error| format!("{name}: cannot be read ({error})"))?;
    if len as u64 > FILE_BYTES {
        return Err(format!("{name}: has more than {FILE_BYTES} bytes; split it"));
    }
    read_text(name, &text)
}

/// Reads one file's text.
pub fn read_text(name: &str, text: &str) -> Result<Vec<Told>, String> {
    let file: File = if Path::new(name).extension().is_some_and(|kind| kind == "json") {
        serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?
    } else {
        toml::from_str(text).map_err(|error| format!("{name}: {}", error.to_string().trim_end()))?
    };
    let told = |(at, listed): (usize, Listed)| {
        let wrong = |error: &dyn std::fmt::Display| format!("{name}: endpoint {}: {error}", at + 1);
        let id = listed.id.unwrap_or_else(|| listed.address.to_string());
        Ok(Told {
            id: EndpointId::new(&id).map_err(|error| wrong(&error))?,
            address: listed.address,
            zone: listed.zone.as_deref().map(ZoneId::new).transpose().map_err(|error| wrong(&error))?,
            name: None,
            weight: listed.weight.map_or_else(Weight::default, Weight),
            priority: listed.priority,
            lease: Duration::ZERO,
        })
    };
    file.endpoints.into_iter().enumerate().map(told).collect()
}

#[cfg(test)]
mod tests;
