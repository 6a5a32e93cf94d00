//! The beginning of a resource's run in a week.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_control::{Practice, PracticeConfig, Resource};
use hf_model::{Digest, Revision, Timestamp};

/// How long a practice run lasts.
pub const LENGTH: Duration = Duration::from_mins(30);
/// From a configuration's last change until its next run may begin by the week.
pub const SETTLE: Duration = Duration::from_hours(1);
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
const WEEK_MS: u64 = 7 * DAY_MS;
/// Between two possible beginnings: 2,016 in a week.
const STEP_MS: u64 = 5 * MINUTE_MS;

/// The week of an instant: its number, and when it began. Weeks begin on Monday.
pub fn week_of(at: Timestamp) -> (u64, Timestamp) {
    // 1970-01-01 was a Thursday: three days into its week.
    let number = (at.0 + 3 * DAY_MS) / WEEK_MS;
    (number, Timestamp((number * WEEK_MS).saturating_sub(3 * DAY_MS)))
}

/// Whether a run may begin at an instant: the beginning counts, as in the ledger.
pub fn is_allowed(config: &PracticeConfig, at: Timestamp) -> bool {
    !config.blocked_dates.iter().any(|date| date.contains(at))
        && !config.blocked_windows.iter().any(|window| window.contains(at))
        && (config.allowed_windows.is_empty()
            || config.allowed_windows.iter().any(|window| window.contains(at)))
}

/// When a resource's run begins in the week of `now`; none if nothing of that week is allowed, from [`SETTLE`] after the last change of the
/// configuration on: nobody who writes one finds a zone away in the same minute.
pub fn slot(resource: &Resource, practice: &Practice, now: Timestamp) -> Option<Timestamp> {
    let Practice { config, configured_at, .. } = practice;
    let settled_at = configured_at.plus(SETTLE);
    let (week, began_at) = week_of(now);
    let minute_at = |minute: u64| Timestamp(began_at.0 + minute * MINUTE_MS);
    // For each minute how many from it on are allowed: windows may end in between two steps.
    let minutes = WEEK_MS / MINUTE_MS;
    let mut lasts = vec![0_u64; minutes as usize + 1];
    for minute in (0..minutes).rev() {
        let at = minute as usize;
        lasts[at] = if is_allowed(config, minute_at(minute)) { lasts[at + 1] + 1 } else { 0 };
    }
    let begins = |least: u64| -> Vec<Timestamp> {
        let steps = (0..minutes).step_by((STEP_MS / MINUTE_MS) as usize);
        steps.filter(|minute| lasts[*minute as usize] >= least).map(minute_at).collect()
    };
    let whole = begins(LENGTH.as_secs() / 60);
    let mut possible = if whole.is_empty() { begins(1) } else { whole };
    possible.retain(|at| *at >= settled_at);
    let digest = Digest::of(format!("{resource}\n{week}").as_bytes());
    let lot = digest.0.iter().take(8).fold(0, |lot: u64, byte| lot << 8 | u64::from(*byte));
    let count = possible.len() as u64;
    (count > 0).then(|| possible[(lot % count) as usize])
}

/// Beginnings that were found: each is looked for once a week, and when the configuration changes.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    found: BTreeMap<Resource, (u64, Revision, Option<Timestamp>)>,
}

impl Slots {
    /// [`slot`], remembered.
    pub fn of(&mut self, resource: &Resource, practice: &Practice, now: Timestamp) -> Option<Timestamp> {
        let week = week_of(now).0;
        if let Some((known, of, slot)) = self.found.get(resource)
            && (*known, *of) == (week, practice.revision)
        {
            return *slot;
        }
        let found = slot(resource, practice, now);
        self.found.insert(resource.clone(), (week, practice.revision, found));
        found
    }

    /// Lets go of resources that have no configuration any more.
    pub fn keep(&mut self, is_there: impl Fn(&Resource) -> bool) {
        self.found.retain(|resource, _| is_there(resource));
    }
}
