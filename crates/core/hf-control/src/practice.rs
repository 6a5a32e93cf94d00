//! Practice runs and autoshift settings of managed resources: data here, judged against the entry's stamp.
//!
//! Not here: who starts practice runs by the week and what alarms say (a health check's verdict is not the ledger's to know).

use hf_model::{DnsName, PoolName, RegionId, Revision};

/// What may be managed: one zone at a time leaves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Everything in one of the region's zones: `region/eu-west-2`.
    Region(RegionId),
    /// One pool: `pool/web`.
    Pool(PoolName),
    /// One steered name: `record/www.example.test.`
    Record(DnsName),
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Resource::Region(id) => write!(f, "region/{id}"),
            Resource::Pool(name) => write!(f, "pool/{name}"),
            Resource::Record(name) => write!(f, "record/{name}"),
        }
    }
}

/// Why a text is not a managed resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a managed resource; write `region/ID`, `pool/NAME` or `record/NAME`")]
pub struct ResourceError(pub String);

impl std::str::FromStr for Resource {
    type Err = ResourceError;
    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let error = || ResourceError(text.chars().take(80).collect());
        if let Some(id) = text.strip_prefix("region/") {
            return RegionId::new(id).map(Resource::Region).map_err(|_| error());
        }
        match text.parse() {
            Ok(crate::Scope::Pool(name)) => Ok(Resource::Pool(name)),
            Ok(crate::Scope::Record(name)) => Ok(Resource::Record(name)),
            _ => Err(error()),
        }
    }
}

/// The practice settings of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// When and under which alarms.
    pub config: PracticeConfig,
    /// Whether autoshift is on; it may be on only with a configuration.
    pub autoshift: Autoshift,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// Whether an automatic shift may act on a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Autoshift {
    /// It may.
    Enabled,
    /// It may not; the default.
    #[default]
    Disabled,
}

impl std::fmt::Display for Autoshift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Autoshift::Enabled => "enable",
            Autoshift::Disabled => "disable",
        })
    }
}

/// When practice runs may run and what stops them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeConfig {
    /// Alarms that fail a run; 1 to 10, 8 to 1,024 characters each.
    pub outcome_alarms: Vec<String>,
    /// Alarms that keep a run from beginning and interrupt it; 0 to 10.
    pub blocking_alarms: Vec<String>,
    /// Windows without runs; 0 to 15. Either these or `allowed_windows`.
    pub blocked_windows: Vec<Window>,
    /// The only windows with runs; 0 to 15.
    pub allowed_windows: Vec<Window>,
    /// Days without runs, UTC; 0 to 15.
    pub blocked_dates: Vec<Date>,
}

/// A weekly window in UTC, within one day: `Mon:09:00-Mon:17:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// 0 = Monday to 6 = Sunday.
    day: u8,
    /// Minutes since midnight; before `to`.
    from: u16,
    /// Minutes since midnight; the minute itself is outside.
    to: u16,
}

/// A day of the calendar: `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: u32,
}
