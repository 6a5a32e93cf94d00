//! Results that contradict a state, in a row or on balance, for one subject at one checker.

use hf_config::estate::{Counting, HealthCheck};

/// Counts results; flips after `rise` good or `fall` bad ones, in a row, or more of them than of the others by that much. Where nothing was known, the first result decides at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    healthy: Option<bool>,
    against: u8,
    /// The state is others' word: it is no state of ours until a result of ours agrees or enough contradict.
    is_presumed: bool,
}

impl Streak {
    /// Begins with what the quorum said before this checker began, so that a restart does not flip it on one lost probe.
    ///
    /// The state stays unknown until our own results say something: a checker does not repeat others' words as its own.
    pub fn presumed(healthy: bool) -> Self {
        Streak { healthy: Some(healthy), against: 0, is_presumed: true }
    }

    /// The same state with nothing counted against it: a changed check begins anew, what was known still is.
    #[must_use]
    pub fn resumed(self) -> Self {
        Streak { against: 0, ..self }
    }

    /// Takes one result of a check, counted as that says. True if the state flipped (or was set for the first time).
    pub fn count(&mut self, good: bool, check: &HealthCheck) -> bool {
        self.record_as(check.count, good, check.rise, check.fall)
    }

    /// Takes one result, counted in a row. True if the state flipped (or was set for the first time).
    pub fn record(&mut self, good: bool, rise: u8, fall: u8) -> bool {
        self.record_as(Counting::Consecutive, good, rise, fall)
    }

    fn record_as(&mut self, counting: Counting, good: bool, rise: u8, fall: u8) -> bool {
        match self.healthy {
            Some(state) if state == good => {
                self.against = match counting {
                    Counting::Consecutive => 0,
                    Counting::Interleaved => self.against.saturating_sub(1),
                };
                std::mem::take(&mut self.is_presumed)
            }
            Some(_) => {
                self.against = self.against.saturating_add(1);
                let flips = self.against >= if good { rise } else { fall };
                if flips {
                    *self = Streak::of(good);
                }
                flips
            }
            None => {
                *self = Streak::of(good);
                true
            }
        }
    }

    fn of(healthy: bool) -> Self {
        Streak { healthy: Some(healthy), against: 0, is_presumed: false }
    }

    /// The state: none before the first result, and none while it is only presumed.
    pub fn healthy(&self) -> Option<bool> {
        self.healthy.filter(|_| !self.is_presumed)
    }

    /// Whether a result that contradicts the state is still counted: the next probe may come at `confirm_interval`.
    pub fn is_in_doubt(&self) -> bool {
        self.against > 0
    }
}

#[cfg(test)]
mod tests;
