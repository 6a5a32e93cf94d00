//! Closing sources: stores outside of Holdfast whose word takes a zone away.
//!
//! Places are whole here: what stood for the zone (`{zone}`, `{alias}`) is put in, one place for each zone.
//!
//! Not here: looking (`hf-stores`), what follows of it (`hf-closing`), who begins a shift (`hf-control-plane`).

use std::path::PathBuf;
use std::time::Duration;

use hf_model::{CredentialsName, SourceName};

use super::{PoolIx, ZoneIx};
use crate::node::Url;

/// One runbook: where it says that a zone is closed, and what leaves the zone then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSource {
    /// Its name. Unique among closing sources.
    pub name: SourceName,
    /// What leaves the zone. Default: everything.
    pub resource: ClosingResource,
    /// Between two looks. 1 s to 1 min, default 5 s.
    pub every: Duration,
    /// How long one look may take: 100 ms to `every`. Default half of `every`, and [`ClosingSource::WITHIN`] at most.
    pub within: Duration,
    /// How many stores must say the same. Default: more than half of them.
    pub quorum: u8,
    /// Whether what is there closes the zone. Default true: then a store that lost everything closes nothing. False: what is not there does.
    pub inverted: bool,
    /// The zones that it may close, each with the stores that are asked, 1 to [`ClosingSource::STORES`], in the same order for each.
    pub zones: Vec<ClosingZone>,
}

impl ClosingSource {
    /// Stores of one source at most.
    pub const STORES: usize = 5;
    /// `every` unless said otherwise.
    pub const EVERY: Duration = Duration::from_secs(5);
    /// `within` at most unless said otherwise.
    pub const WITHIN: Duration = Duration::from_secs(3);
}

/// What leaves a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClosingResource {
    /// Every pool, record and worker of the zone.
    Everything,
    /// One pool.
    Pool(PoolIx),
}

/// One zone that a source may close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingZone {
    /// Which.
    pub zone: ZoneIx,
    /// Who is asked.
    pub stores: Vec<StorePlace>,
}

/// What is looked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// An object of this key, or any under it, in a store that speaks S3.
    Object {
        /// The service.
        service: AwsService,
        /// The bucket.
        bucket: String,
        /// The object's key: it, or any object whose key goes on behind it with `/`. Not empty.
        key: String,
        /// Whether the bucket stands in the path; else it is the first label of the host.
        path_style: bool,
    },
    /// An answer of 200 to a GET; 404 and 410 are the absence of it.
    Http {
        /// The address.
        url: Url,
    },
    /// A file on the control node.
    File {
        /// Where. Absolute.
        path: PathBuf,
    },
    /// An item that is unhealthy, in a table that speaks DynamoDB.
    Table {
        /// The service.
        service: AwsService,
        /// The table.
        table: String,
        /// The name of its key.
        key: String,
        /// The key's value, a string.
        value: String,
        /// What of the item says `false` or `0` while the zone is closed. Default `Healthy`.
        attribute: String,
    },
}

/// Where a service with AWS's signatures is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsService {
    /// Scheme, host and port. Default: AWS's own in the region.
    pub endpoint: Url,
    /// What signatures name. Default `us-east-1`.
    pub region: String,
    /// The credentials of the control node that sign. Default: unsigned.
    pub credentials: Option<CredentialsName>,
}

impl StorePlace {
    /// The credentials that it needs.
    pub fn credentials(&self) -> Option<&CredentialsName> {
        match self {
            StorePlace::Object { service, .. } | StorePlace::Table { service, .. } => {
                service.credentials.as_ref()
            }
            StorePlace::Http { .. } | StorePlace::File { .. } => None,
        }
    }
}

/// As people know it, without the store's own address: `object s3://bucket/key`.
impl std::fmt::Display for StorePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StorePlace::Object { service, bucket, key, .. } => {
                write!(f, "object s3://{bucket}/{key} at {}", service.endpoint.authority())
            }
            StorePlace::Http { url } => {
                let scheme = if url.secure { "https" } else { "http" };
                // Tokens stand behind the question mark.
                let path = url.path.split('?').next().unwrap_or_default();
                write!(f, "{scheme}://{}{path}", url.authority())
            }
            StorePlace::File { path } => write!(f, "file {}", path.display()),
            StorePlace::Table { service, table, key, value, .. } => {
                write!(f, "item {key}={value} of table {table} at {}", service.endpoint.authority())
            }
        }
    }
}
