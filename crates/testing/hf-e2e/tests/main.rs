//! All end-to-end tests in one program: each links the whole of Holdfast, and thirty programs of that size fill a disk.
//!
//! `cargo nextest run -p hf-e2e xds::` runs those of one file, each in a process of its own.

mod assign;
mod autoshift;
mod aws;
mod bad_input;
#[path = "balancer_clients/main.rs"]
mod balancer_clients;
mod balancer_faults;
mod balancer_shifts;
mod closing;
mod consumers;
mod demo;
mod dns_clients;
#[path = "dns_conformance/main.rs"]
mod dns_conformance;
mod dns_handed_on;
#[path = "dns_hostile/main.rs"]
mod dns_hostile;
#[path = "dns_signed/main.rs"]
mod dns_signed;
mod dns_updaters;
#[path = "dns_world/main.rs"]
mod dns_world;
mod dns_xdp_ends;
mod elsewhere;
mod endpoint_sources;
mod evacuation;
mod everywhere;
mod examples;
mod failures;
mod latency;
mod notifications;
mod places;
mod routes;
mod takeover;
mod xdp;
mod xds;

/// A file that is no module here would never run.
#[test]
fn every_file_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).expect("this folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        let is_listed = name == "main.rs" || listed.contains(&format!("\nmod {module};\n"));
        assert!(is_listed, "tests/{name} is not run; add `mod {module};` to tests/main.rs");
    }
}
