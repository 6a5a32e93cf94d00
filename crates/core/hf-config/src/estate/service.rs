//! Which service calls which: what a request needs on its way.
//!
//! Not here: what follows of it (`hf-capacity`).

use hf_model::ServiceName;

use super::ServiceIx;

/// A service and the services that it calls for each of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name. Unique.
    pub name: ServiceName,
    /// Whom it calls, each once. No way of calls leads back to where it began.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whom.
    pub to: ServiceIx,
    /// How far it may go.
    pub scope: CallScope,
}

/// How far a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallScope {
    /// To any zone of the region.
    Regional,
    /// It stays in the caller's zone.
    Zonal,
}

impl std::fmt::Display for CallScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CallScope::Regional => "regional",
            CallScope::Zonal => "zonal",
        })
    }
}
