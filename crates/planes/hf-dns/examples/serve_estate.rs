//! Answers for an estate file, every endpoint counted as healthy: to try its names with `dig` before it is applied anywhere.
//!
//! ```text
//! cargo run -p hf-dns --example serve_estate -- examples/estate.toml 127.0.0.1:5300
//! dig @127.0.0.1 -p 5300 www.example.test
//! ```
//!
//! Master files are looked for beside the estate file. It runs until it is interrupted.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_config::node::DnsConfig;
use hf_control::Intent;
use hf_dns::{ColdInputs, Inputs, Settings};
use hf_health::Verdicts;
use hf_model::Revision;
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::sync::watch;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [estate, listen] = &arguments[..] else {
        return Err("give an estate file and an address, such as: estate.toml 127.0.0.1:5300".into());
    };
    let snapshot = snapshot(Path::new(estate))?;
    let (_keep, snapshots) = watch::channel(Some(Arc::new(snapshot)));
    let (_never, shutdown) = watch::channel(false);
    let bound = hf_dns::bind(&DnsConfig::on(vec![listen.parse()?])).await?;
    println!("answering on {}", bound.local_addresses()[0]);
    let inputs = Inputs {
        snapshots,
        clock: Clock::system(),
        activity: Arc::new(Activity::default()),
        own_zone: None,
        settings: Settings::default(),
        geography: hf_geo::Geography::default(),
        cold: ColdInputs::default(),
    };
    bound.run(inputs, shutdown).await;
    Ok(())
}

/// What a node would obey after `holdfast apply` of this file, before any check has reported.
fn snapshot(path: &Path) -> Result<Snapshot, Box<dyn Error>> {
    let mut bundle = EstateBundle { toml: std::fs::read_to_string(path)?, ..EstateBundle::default() };
    for name in hf_config::estate_files(&path.display().to_string(), &bundle.toml)? {
        let content = std::fs::read_to_string(path.with_file_name(&name))?;
        bundle.files.insert(name, content);
    }
    let estate = hf_config::read_estate(&path.display().to_string(), &bundle)?;
    let verdicts = Verdicts::unknown(estate.subject_count());
    let revision = Revision(1);
    let intent = Intent { revision, estate_revision: revision, estate: bundle, ..Intent::default() };
    let now = Clock::system().now();
    Ok(Snapshot::build(1, now, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts))
}
