//! Alarms of practice configurations: health checks of the estate, by name.
//!
//! 1. `health-check:NAME` or `NAME` is a health check of the estate; the alarm has gone off while the verdict on it is unhealthy. Unknown is
//!    not unhealthy.
//! 2. Any other name (an ARN, say) is nobody's here: it counts as not gone off, and is listed as unknown.
//!
//! Not here: what follows of it (`practice`).

use std::collections::BTreeMap;

use hf_config::estate::Estate;
use hf_control::PracticeConfig;
use hf_health::Verdict;
use hf_model::CheckName;
use hf_snapshot::Snapshot;

/// The verdicts on all health checks.
pub(crate) struct Alarms {
    verdicts: BTreeMap<CheckName, Verdict>,
}

impl Alarms {
    pub(crate) fn new(snapshot: &Snapshot) -> Alarms {
        let is_on = |path: &hf_model::ControlPath| {
            snapshot.intent.control(path).map(|control| control.to == hf_model::Switch::On)
        };
        Alarms { verdicts: hf_health::check_verdicts(&snapshot.estate, &snapshot.verdicts, is_on) }
    }

    /// Those of the names whose alarm has gone off.
    pub(crate) fn gone_off(&self, names: &[String]) -> Vec<String> {
        let is_off = |name: &&String| {
            check_of(name).is_some_and(|name| self.verdicts.get(&name) == Some(&Verdict::Unhealthy))
        };
        names.iter().filter(is_off).cloned().collect()
    }
}

/// The alarms of a configuration that no health check of the estate is named by.
pub(crate) fn unknown(estate: &Estate, config: &PracticeConfig) -> Vec<String> {
    let is_known = |name: &CheckName| estate.health_checks.iter().any(|check| check.name == *name);
    let all = config.outcome_alarms.iter().chain(&config.blocking_alarms);
    all.filter(|name| !check_of(name).is_some_and(|name| is_known(&name))).cloned().collect()
}

fn check_of(name: &str) -> Option<CheckName> {
    CheckName::new(name.strip_prefix("health-check:").unwrap_or(name)).ok()
}
