//! What one node knows of where clients are, for all of its roles: whoever answers and whoever explains go by the same.
//!
//! 1. A geography database counts from the moment that it is read, without anybody compiling anything anew.
//! 2. A table of latencies is made for an estate ([`Geography::table`]); [`Geography::changes`] says when it would be another one.
//!
//! Not here: when files are read again (`file`), how the two are put together (`latency`).

use std::path::Path;
use std::sync::Arc;

use hf_config::estate::Estate;
use hf_model::ZoneId;
use hf_select::{Geo, LatencyTable};
use hf_telemetry::MeasuredLatency;
use tokio::sync::watch;

use crate::database::{BadDatabase, Database};
use crate::latency::{FromRegion, LatencyFile, latencies};

/// Bytes of a latency file at most: some 200,000 long lines.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Why a latency file does not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadLatencies {
    /// It cannot be read.
    #[error("{path}: {source}; check `latency_file` in the node file and who may read there")]
    Unread {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any that counts.
    #[error("{path} has {bytes} bytes, {FILE_BYTES_MAX} are the most; use wider networks")]
    TooLarge {
        /// Which file.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// Its lines.
    #[error("{0}")]
    Lines(hf_config::Problems),
}

/// What a node in one zone measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromZone {
    /// Where it runs, by id or alias.
    pub zone: ZoneId,
    /// What it says.
    pub measured: Arc<[MeasuredLatency]>,
}

/// What tables are made of.
#[derive(Debug, Default)]
struct Known {
    file: Arc<LatencyFile>,
    measured: Vec<FromZone>,
}

/// What one node knows of where clients are; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Geography {
    database: Database,
    known: watch::Sender<Known>,
}

/// Tells when tables would be others.
#[derive(Clone, Debug)]
pub struct Changes {
    known: watch::Receiver<Known>,
    is_waiting: bool,
}

impl Changes {
    /// Whether there was a change since the last call, or since these were asked for.
    pub fn take(&mut self) -> bool {
        let is_new = self.known.has_changed().unwrap_or(false);
        self.known.mark_unchanged();
        std::mem::take(&mut self.is_waiting) || is_new
    }

    /// Waits for a change, which is then there to be taken; false when there can be none any more.
    pub async fn changed(&mut self) -> bool {
        let is_new = self.known.changed().await.is_ok();
        self.is_waiting |= is_new;
        is_new
    }
}

impl Geography {
    /// Reads a database and puts it in force; blocks. With an error what was in force stays so.
    pub fn load_database(&self, path: &Path) -> Result<(), BadDatabase> {
        self.database.load(path)
    }

    /// Reads a latency file and puts it in force; blocks. With an error what was in force stays so.
    pub fn load_latencies(&self, path: &Path) -> Result<(), BadLatencies> {
        let name = path.display().to_string();
        let unread = |source| BadLatencies::Unread { path: name.clone(), source };
        let bytes = std::fs::metadata(path).map_err(unread)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(BadLatencies::TooLarge { path: name, bytes });
        }
        let text = std::fs::read_to_string(path).map_err(unread)?;
        let file = Arc::new(LatencyFile::read(&name, &text).map_err(BadLatencies::Lines)?);
        self.known.send_if_modified(|known| {
            let is_new = known.file != file;
            known.file = file;
            is_new
        });
        Ok(())
    }

    /// Takes what all nodes measured, in place of what they said before.
    pub fn set_measured(&self, measured: Vec<FromZone>) {
        self.known.send_if_modified(|known| {
            let is_new = known.measured != measured;
            known.measured = measured;
            is_new
        });
    }

    /// The database, as filter chains ask it.
    pub fn database(&self) -> Arc<dyn Geo> {
        Arc::new(self.database.clone())
    }

    /// The table for an estate; what was measured in zones that it does not have is left out.
    pub fn table(&self, estate: &Estate) -> LatencyTable {
        let known = self.known.borrow();
        let from = known.measured.iter().filter_map(|from| {
            let region = estate.zone(estate.zone_named(&from.zone)?).region;
            Some(FromRegion { region, measured: &from.measured })
        });
        latencies(estate, &known.file, from)
    }

    /// Tells when tables would be others from now on.
    pub fn changes(&self) -> Changes {
        Changes { known: self.known.subscribe(), is_waiting: false }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hf_config::estate::EstateBundle;
    use hf_model::{Cidr, Timestamp};

    use super::*;

    const ESTATE: &str = "[[region]]\nid = \"eu\"\n[[region]]\nid = \"us\"\n\
        [[zone]]\nid = \"eu-1\"\nregion = \"eu\"\naliases = [\"london\"]\n[[zone]]\nid = \"us-1\"\nregion = \"us\"\n";

    fn show(geography: &Geography, estate: &Estate) -> String {
        let rows = geography.table(estate).rows;
        let row = |(network, micros): &(Cidr, Vec<u32>)| format!("{network} {micros:?}");
        rows.iter().map(row).collect::<Vec<_>>().join(", ")
    }

    #[tokio::test]
    async fn the_file_outranks_what_zones_measured_and_a_bad_one_changes_nothing() {
        let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
        let estate = hf_config::read_estate("estate.toml", &bundle).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latency");
        let geography = Geography::default();
        let mut changes = geography.changes();
        let line = |network, micros| MeasuredLatency {
            network: Cidr::new(network).unwrap(),
            micros,
            samples: 1,
            at: Timestamp(1),
        };
        let from = |zone, lines: &[MeasuredLatency]| FromZone {
            zone: ZoneId::new(zone).unwrap(),
            measured: lines.into(),
        };
        let lines = [line("192.0.2.0/24", 9_000)];
        let said = vec![from("london", &lines), from("nowhere", &lines), from("us-1", &lines)];
        geography.set_measured(said.clone());
        assert!(changes.take() && !changes.take());
        geography.set_measured(said);
        assert!(!changes.take(), "the same again is no change");
        assert_eq!(show(&geography, &estate), "192.0.2.0/24 [9000, 9000]");
        std::fs::write(&path, "192.0.2.0/24, us, 70\n").unwrap();
        geography.load_latencies(&path).unwrap();
        tokio::time::timeout(Duration::from_secs(10), changes.changed()).await.unwrap();
        assert!(changes.take());
        assert_eq!(show(&geography, &estate), "192.0.2.0/24 [9000, 70000]");
        std::fs::write(&path, "192.0.2.0/24 us 80\n").unwrap();
        let bad = geography.load_latencies(&path).unwrap_err().to_string();
        assert!(bad.contains("latency:1:1: a line is `network, region, milliseconds`"), "{bad}");
        std::fs::remove_file(&path).unwrap();
        let gone = geography.load_latencies(&path).unwrap_err().to_string();
        assert!(gone.contains("check `latency_file` in the node file"), "{gone}");
        assert_eq!(show(&geography, &estate), "192.0.2.0/24 [9000, 70000]");
    }
}
