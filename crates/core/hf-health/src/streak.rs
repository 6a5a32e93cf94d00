//! Results in a row, for one endpoint at one checker.

/// Counts results; flips after `rise` good or `fall` bad ones in a row. The first result decides at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    healthy: Option<bool>,
    against: u8,
}

impl Streak {
    /// Goes on from a state that was saved or merged elsewhere, so that a restart does not flip it on one result.
    pub fn resumed(healthy: bool) -> Self {
        Streak { healthy: Some(healthy), against: 0 }
    }

    /// Takes one result. True if the state flipped (or was set for the first time).
    pub fn record(&mut self, good: bool, rise: u8, fall: u8) -> bool {
        match self.healthy {
            Some(state) if state == good => {
                self.against = 0;
                false
            }
            Some(_) => {
                self.against = self.against.saturating_add(1);
                let flips = self.against >= if good { rise } else { fall };
                if flips {
                    *self = Streak { healthy: Some(good), against: 0 };
                }
                flips
            }
            None => {
                *self = Streak { healthy: Some(good), against: 0 };
                true
            }
        }
    }

    /// The state: none before the first result.
    pub fn healthy(&self) -> Option<bool> {
        self.healthy
    }

    /// Whether the last result contradicted the state: the next probe may come at `confirm_interval`.
    pub fn is_in_doubt(&self) -> bool {
        self.against > 0
    }
}

#[cfg(test)]
mod tests;
