//! Floors: core < io < planes < programs < testing; libraries under `clients/` stand outside and depend on none of ours.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A crate and one of its dependencies inside the workspace, each with its floor's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who depends.
    pub from: (String, String),
    /// On whom.
    pub on: (String, String),
}

fn height(floor: &str) -> Option<usize> {
    ["core", "io", "planes", "programs", "testing"].iter().position(|name| *name == floor)
}

/// All edges between the workspace's crates; test-only dependencies are free.
///
/// # Panics
///
/// When cargo cannot be asked: then nothing is known and the test must fail.
pub fn workspace_edges(repository: &Path) -> Vec<Edge> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(repository)
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let floor_of: BTreeMap<&str, &str> = packages
        .iter()
        .filter_map(|package| {
            let path = package["manifest_path"].as_str()?;
            let floor = match path.split_once("/crates/") {
                Some((_, inside)) => inside.split('/').next()?,
                None => path.contains("/clients/").then_some(CLIENTS)?,
            };
            Some((package["name"].as_str()?, floor))
        })
        .collect();
    let mut edges = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(floor) = floor_of.get(name) else { continue };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"].is_null()
                && let Some(on_floor) = floor_of.get(on)
            {
                edges.push(Edge {
                    from: (name.to_owned(), (*floor).to_owned()),
                    on: (on.to_owned(), (*on_floor).to_owned()),
                });
            }
        }
    }
    edges
}

/// What is wrong with the edges.
pub fn check(edges: &[Edge]) -> Vec<String> {
    let mut findings = Vec::new();
    for Edge { from: (from, from_floor), on: (on, on_floor) } in edges {
        if from_floor == CLIENTS {
            // Others build it, without the workspace.
            findings
                .push(format!("{from} (clients) depends on {on}; a client library depends on none of ours"));
            continue;
        }
        if on_floor == CLIENTS {
            if !matches!(from_floor.as_str(), "programs" | "testing") {
                findings.push(format!(
                    "{from} ({from_floor}) depends on {on} (clients); only programs and tests may"
                ));
            }
            continue;
        }
        let (Some(low), Some(high)) = (height(on_floor), height(from_floor)) else {
            findings.push(format!(
                "{from} or {on} is on no floor; move it under crates/core, io, planes, programs or testing"
            ));
            continue;
        };
        if low > high {
            findings.push(format!(
                "{from} ({from_floor}) depends up on {on} ({on_floor}); push what both need down"
            ));
        } else if low == high && matches!(from_floor.as_str(), "planes") {
            findings.push(format!("{from} depends sideways on {on} ({on_floor}); push what both need down"));
        } else if low == high && from_floor == "io" && !SIDEWAYS_ON_IO.contains(&on.as_str()) {
            findings.push(format!("{from} depends sideways on {on} (io); push what both need down"));
        }
    }
    findings
}

/// Where the libraries are that others build into their programs.
const CLIENTS: &str = "clients";

/// Doors that other doors may use: the clock, and the figures that the feed carries.
const SIDEWAYS_ON_IO: &[&str] = &["hf-clock", "hf-telemetry"];

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, from_floor: &str, on: &str, on_floor: &str) -> Edge {
        Edge { from: (from.into(), from_floor.into()), on: (on.into(), on_floor.into()) }
    }

    #[test]
    fn up_and_sideways_are_found() {
        assert_eq!(check(&[edge("hf-dns", "planes", "hf-model", "core")]), Vec::<String>::new());
        assert_eq!(check(&[edge("hf-model", "core", "hf-dns", "planes")]).len(), 1);
        assert_eq!(check(&[edge("hf-dns", "planes", "hf-balancer", "planes")]).len(), 1);
        assert_eq!(check(&[edge("hf-feed", "io", "hf-ledger", "io")]).len(), 1);
        assert_eq!(check(&[edge("hf-feed", "io", "hf-clock", "io")]), Vec::<String>::new());
    }

    #[test]
    fn a_client_library_depends_on_none_of_ours_and_no_plane_on_it() {
        assert_eq!(
            check(&[edge("holdfast", "programs", "holdfast-client", "clients")]),
            Vec::<String>::new()
        );
        assert_eq!(check(&[edge("holdfast-client", "clients", "hf-model", "core")]).len(), 1);
        assert_eq!(check(&[edge("hf-status", "planes", "holdfast-client", "clients")]).len(), 1);
    }
}
