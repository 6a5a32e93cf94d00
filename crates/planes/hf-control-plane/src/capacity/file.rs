//! The file of the last week: JSON with a version, replaced by rename.
//!
//! Not here: when it is written (`capacity`), what its numbers mean (`hf-capacity`).

use std::path::Path;

use hf_capacity::{CarriedOn, HOURS, KeptPair, PAIRS_MAX, Week};
use hf_model::{PoolName, ZoneId};
use serde::{Deserialize, Serialize};

/// The version that is written.
const VERSION: u32 = 1;
/// A file that is longer was not written by us: pairs, with 32 bytes for each of their numbers.
const BYTES_MAX: u64 = (PAIRS_MAX as u64) * (HOURS as u64 + 64) * 32;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    pairs: Vec<Pair>,
}

#[derive(Serialize, Deserialize)]
struct Pair {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    zone: String,
    /// Hour since 1970 and the most of it, in requests of 1,000 seconds.
    hours: Vec<(u64, u64)>,
    /// Day since 1970, the most of it that went well, the endpoints that carried it.
    good: Vec<(u64, u64, u32)>,
    /// Hour and the best 95th percentile of latency, as a bucket.
    best: Vec<(u64, u8)>,
    /// The least load that went badly, and its hour.
    failed: Option<(u64, u64)>,
    endpoints: u32,
}

/// Reads the file; empty where there is none.
pub fn read(path: &Path) -> Result<Week, String> {
    let place = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    match std::fs::metadata(path) {
        Ok(found) if found.len() > BYTES_MAX => return Err(place(&"it is too long to be ours; remove it")),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Week::default()),
        Err(error) => return Err(place(&error)),
    }
    let text = std::fs::read(path).map_err(|error| place(&error))?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|error| place(&error))?;
    if kept.version != VERSION {
        return Err(place(&format_args!("its version is {}, this program reads {VERSION}", kept.version)));
    }
    let pair = |pair: Pair| {
        let pool = pair.pool.map(|pool| PoolName::new(&pool)).transpose().map_err(|error| place(&error))?;
        let zone = ZoneId::new(&pair.zone).map_err(|error| place(&error))?;
        let good = pair.good.into_iter().map(|(day, load, endpoints)| CarriedOn { day, load, endpoints });
        let kept = KeptPair {
            hours: pair.hours,
            good: good.collect(),
            best: pair.best,
            failed: pair.failed,
            endpoints: pair.endpoints,
        };
        Ok(((pool, zone), kept))
    };
    let pairs: Vec<_> = kept.pairs.into_iter().map(pair).collect::<Result<_, String>>()?;
    Ok(Week::restored(pairs))
}

/// The file's text.
pub fn text(week: &Week) -> Vec<u8> {
    let pair = |((pool, zone), kept): (&(Option<PoolName>, ZoneId), &KeptPair)| Pair {
        pool: pool.as_ref().map(ToString::to_string),
        zone: zone.to_string(),
        hours: kept.hours.clone(),
        good: kept.good.iter().map(|of| (of.day, of.load, of.endpoints)).collect(),
        best: kept.best.clone(),
        failed: kept.failed,
        endpoints: kept.endpoints,
    };
    let kept = Kept { version: VERSION, pairs: week.kept().map(pair).collect() };
    serde_json::to_vec(&kept).expect("numbers and names are JSON")
}

/// Replaces the file.
pub fn write(path: &Path, text: &[u8]) -> Result<(), String> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        std::io::Write::write_all(&mut file, text)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))
}
