//! Health checks that ask endpoints of zone status: what those say by the scenario, as a checker takes it.
//!
//! Not here: probes (`hf-probe`), when a result is too old (`hf-checker`; here as there after three intervals, which are of a second).

use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::{CheckKind, Estate};
use hf_health::{Bitmap, Streak};
use hf_model::{CheckName, Timestamp};

/// How long a result says something while there is no other.
const OLD: Duration = Duration::from_secs(3);

/// What one endpoint says, by the check that asks it; whoever is not named says that the zone is open.
#[derive(Default)]
pub(crate) struct Statuses {
    words: BTreeMap<String, Word>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Open,
    Away,
    Silent,
}

/// What one checker keeps of the endpoints that it asked.
#[derive(Default)]
pub(crate) struct Asker {
    heard: BTreeMap<CheckName, (Streak, Timestamp)>,
}

impl Statuses {
    /// What a scenario says of an endpoint.
    pub(crate) fn say(&mut self, words: &[&str]) -> Result<(), String> {
        let (check, word) = match words {
            [check, "says", "open"] => (check, Word::Open),
            [check, "says", "away"] => (check, Word::Away),
            [check, "silent"] => (check, Word::Silent),
            other => {
                return Err(format!(
                    "a status endpoint does not do {other:?}; write NAME-1 says open, says away or silent"
                ));
            }
        };
        self.words.insert((*check).to_owned(), word);
        Ok(())
    }
}

impl Asker {
    /// Asks all endpoints, and puts what is known of them into a table.
    pub(crate) fn ask(
        &mut self,
        statuses: &Statuses,
        estate: &Estate,
        now: Timestamp,
        known: &mut Bitmap,
        healthy: &mut Bitmap,
    ) {
        for at in estate.check_indexes() {
            let check = estate.health_check(at);
            if !matches!(check.kind, CheckKind::ZoneStatus(_)) {
                continue;
            }
            let word = statuses.words.get(check.name.as_str()).copied().unwrap_or(Word::Open);
            if word != Word::Silent {
                let (streak, heard_at) = self.heard.entry(check.name.clone()).or_default();
                streak.record(word == Word::Open, check.rise, check.fall);
                *heard_at = now;
            }
            if let Some((streak, heard_at)) = self.heard.get(&check.name)
                && now.since(*heard_at) < OLD
            {
                let subject = estate.check_subject(at);
                known.set(subject, streak.healthy().is_some());
                healthy.set(subject, streak.healthy() == Some(true));
            }
        }
    }
}
