//! The house rules that no compiler checks.
//!
//! 1. Floors: dependencies go down, never up; on io and planes never sideways; client libraries depend on none of ours ([`floors`]).
//! 2. Only `hf-clock` reads clocks, client libraries apart; core has no files, sockets, threads or logs ([`source`]).
//! 3. Every Rust file says in its header what it is for ([`source`]).
//! 4. No words that mark unfinished work, no ignored tests, no sleeps in tests ([`source`]).
//! 5. Every dependency says why it is here ([`manifest`]).
//!
//! Each rule is a function from text to findings, so that its tests can show it a bad example.
//!
//! Not here: formatting, lints, spelling, licences (`cargo xtask ci` runs the tools for those).

pub mod floors;
pub mod manifest;
pub mod source;

/// The repository that this crate stands in.
pub fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_go_down() {
        let findings = floors::check(&floors::workspace_edges(&repository()));
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn sources_keep_the_house_rules() {
        let files = source::rust_files(&repository());
        assert!(files.len() > 20, "found only {} Rust files", files.len());
        let findings: Vec<String> = files.iter().flat_map(|(path, text)| source::check(path, text)).collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn dependencies_say_why() {
        let mut manifests = vec!["Cargo.toml".to_owned()];
        // Each client library names its own: others build it without the workspace.
        for entry in std::fs::read_dir(repository().join("clients/rust")).expect("the client libraries") {
            let name = entry.expect("a folder's entry").file_name();
            manifests.push(format!("clients/rust/{}/Cargo.toml", name.to_string_lossy()));
        }
        let findings: Vec<String> = manifests
            .iter()
            .flat_map(|path| {
                let text = std::fs::read_to_string(repository().join(path)).expect("a manifest");
                manifest::check(path, &text)
            })
            .collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
