//! Practice runs and autoshift settings of managed resources: data here, judged against the entry's stamp.
//!
//! How runs went is in `record`.
//!
//! Not here: who starts practice runs by the week and what alarms say (a health check's verdict is not the ledger's to know).

use hf_model::{DnsName, PoolName, RegionId, Revision, Timestamp};

pub use record::{PracticeOutcome, PracticeRecord, PracticeRefusal, PracticeSeen};
pub use time::{Date, DateError, Window, WindowError};

mod record;
mod time;

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

impl Resource {
    /// What a shift of it acts on: everything in a zone, for a region.
    pub fn scope(&self) -> crate::Scope {
        match self {
            Resource::Region(_) => crate::Scope::Everything,
            Resource::Pool(name) => crate::Scope::Pool(name.clone()),
            Resource::Record(name) => crate::Scope::Record(name.clone()),
        }
    }
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
    /// Whether an automatic shift may act; it may, or advise, only with a configuration.
    pub autoshift: Autoshift,
    /// When the configuration was last put: weekly runs leave its author time to think again.
    pub configured_at: Timestamp,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// Whether an automatic shift may act on a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Autoshift {
    /// It may.
    Enabled,
    /// It may not; that one would have begun is told.
    Advise,
    /// It may not; the default.
    #[default]
    Disabled,
}

impl Autoshift {
    /// How long an operator's cancel keeps autoshifts of the same resource and zone away.
    pub const QUIET: std::time::Duration = std::time::Duration::from_mins(30);
}

impl std::fmt::Display for Autoshift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Autoshift::Enabled => "enable",
            Autoshift::Advise => "advise-only",
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

/// What is wrong with a practice configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PracticeFault {
    /// None, too many, or one of a wrong length.
    OutcomeAlarms,
    /// Too many, or one of a wrong length.
    BlockingAlarms,
    /// Too many.
    BlockedWindows,
    /// Too many.
    AllowedWindows,
    /// Too many.
    BlockedDates,
    /// Blocked and allowed windows exclude each other.
    BothWindows,
}

impl std::fmt::Display for PracticeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PracticeFault::OutcomeAlarms => "give 1 to 10 outcome alarms of 8 to 1024 characters each",
            PracticeFault::BlockingAlarms => "give 0 to 10 blocking alarms of 8 to 1024 characters each",
            PracticeFault::BlockedWindows => "give at most 15 blocked windows",
            PracticeFault::AllowedWindows => "give at most 15 allowed windows",
            PracticeFault::BlockedDates => "give at most 15 blocked dates",
            PracticeFault::BothWindows => "give blocked windows or allowed windows, not both",
        })
    }
}

impl PracticeConfig {
    /// Outcome alarms, and blocking alarms, at most.
    pub const ALARMS: usize = 10;
    /// Windows of one kind, and blocked dates, at most.
    pub const WINDOWS: usize = 15;

    /// Whether all of it is in range.
    ///
    /// # Errors
    ///
    /// [`PracticeFault`]: the first thing that is not.
    pub fn check(&self) -> Result<(), PracticeFault> {
        let are_named = |alarms: &[String]| {
            alarms.len() <= Self::ALARMS
                && alarms.iter().all(|alarm| {
                    (8..=1024).contains(&alarm.chars().count()) && !alarm.chars().any(char::is_control)
                })
        };
        if self.outcome_alarms.is_empty() || !are_named(&self.outcome_alarms) {
            return Err(PracticeFault::OutcomeAlarms);
        }
        if !are_named(&self.blocking_alarms) {
            return Err(PracticeFault::BlockingAlarms);
        }
        if self.blocked_windows.len() > Self::WINDOWS {
            return Err(PracticeFault::BlockedWindows);
        }
        if self.allowed_windows.len() > Self::WINDOWS {
            return Err(PracticeFault::AllowedWindows);
        }
        if self.blocked_dates.len() > Self::WINDOWS {
            return Err(PracticeFault::BlockedDates);
        }
        if !self.blocked_windows.is_empty() && !self.allowed_windows.is_empty() {
            return Err(PracticeFault::BothWindows);
        }
        Ok(())
    }
}
