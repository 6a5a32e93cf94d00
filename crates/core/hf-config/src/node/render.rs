//! What a node with the status role writes for programs that read files: `[[render]]`.

use std::path::PathBuf;
use std::time::Duration;

use hf_model::{PoolName, ZoneId};

/// One file that follows the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderFile {
    /// How it is called among the consumers, unique in the node. Default: its kind, then its pool or zone.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub what: Rendered,
    /// The mode of a file that is made; one that is there keeps its own. Default 0644.
    pub mode: u32,
    /// What makes its reader read it again. Default nothing: the reader watches.
    pub reload: Option<Reload>,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// Envoy's `ClusterLoadAssignment` of one pool, zones as localities.
    EnvoyEds {
        /// The pool.
        pool: PoolName,
        /// The cluster's name in Envoy. Default the pool's.
        cluster: String,
    },
    /// The `server` lines of an `upstream` of nginx.
    NginxUpstream {
        /// The pool.
        pool: PoolName,
        /// What follows in each line, such as `max_fails=0`. Default nothing.
        parameters: String,
    },
    /// Whether a zone is open.
    ZoneState {
        /// The zone, by id or alias.
        zone: ZoneId,
        /// As `?resource=` of zone status: `pool/NAME`, `record/NAME.`; default `everything`.
        resource: String,
        /// When the file is there.
        exists: Exists,
        /// What is in it while the zone is open. Default `0`.
        text_open: String,
        /// What is in it while the zone is away. Default `1`.
        text_away: String,
    },
}

impl Rendered {
    /// As written in files.
    pub fn kind(&self) -> &'static str {
        match self {
            Rendered::EnvoyEds { .. } => "envoy-eds",
            Rendered::NginxUpstream { .. } => "nginx-upstream",
            Rendered::ZoneState { .. } => "zone-state",
        }
    }

    /// The pool that it is about, if it is about one.
    pub fn pool(&self) -> Option<&PoolName> {
        match self {
            Rendered::EnvoyEds { pool, .. } | Rendered::NginxUpstream { pool, .. } => Some(pool),
            Rendered::ZoneState { .. } => None,
        }
    }
}

/// When a zone's file is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exists {
    /// Only while the zone is away. The default: what has never been written closes nothing.
    #[default]
    Away,
    /// Only while it is open.
    Open,
    /// Always; its text tells.
    Always,
}

impl Exists {
    /// All of them.
    pub const ALL: [Exists; 3] = [Exists::Away, Exists::Open, Exists::Always];

    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Exists::Away => "away",
            Exists::Open => "open",
            Exists::Always => "always",
        }
    }
}

/// A command that makes a file's reader read it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reload {
    /// The program's absolute path, then its arguments: no shell reads them.
    pub command: Vec<String>,
    /// After which it is killed, with all that it started. 100 ms to 5 m, default 10 s.
    pub timeout: Duration,
}

impl Reload {
    /// How long it may take unless told otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}
