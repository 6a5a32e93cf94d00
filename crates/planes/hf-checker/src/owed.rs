//! Checks that owe this checker a result, and give none.
//!
//! 1. A check that asks somebody about something else (metric, zone-status), or runs a program that this node allows, owes a result: nobody else notices that
//!    there is none. A program that is not allowed here is other checkers' matter.
//! 2. What is without a result is a problem of the node until there is one, or the check asks no more.
//! 3. The log says so once, and says when there are results again; of one that comes and goes, once a minute.
//!
//! Not here: what a result is, what it does to verdicts.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::{CheckKind, Estate, HealthCheck};
use hf_model::CheckName;
use hf_probe::Outcome;
use tokio::time::Instant;

/// Between two lines of the log on one check.
const SAID_AGAIN: Duration = Duration::from_mins(1);

/// Who is without a result, and what the log has said of it; at most one of each for each check of the estate.
#[derive(Debug, Default)]
pub struct Owed {
    gaps: BTreeMap<CheckName, Gap>,
    said_at: BTreeMap<CheckName, Instant>,
}

#[derive(Debug)]
struct Gap {
    why: String,
    /// Whether the log has it.
    is_said: bool,
}

/// What a probe of such a check is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether [`Owed::problem`] may say something else now.
    pub is_problem: bool,
    /// What the log is to say.
    pub line: Option<Line>,
}

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It gives no result.
    Without,
    /// It gives results again.
    Again,
}

/// Whether it is this node's problem when the check gives no result.
pub fn owes(check: &HealthCheck, commands: &[String]) -> bool {
    match &check.kind {
        CheckKind::Metric(_) | CheckKind::ZoneStatus(_) => !check.disabled,
        CheckKind::Command(command) => {
            !check.disabled && command.command.first().is_some_and(|program| commands.contains(program))
        }
        _ => false,
    }
}

impl Owed {
    /// Notes what came of a probe of a check that owes a result.
    pub fn note(&mut self, check: &CheckName, outcome: &Outcome, now: Instant) -> News {
        match outcome {
            Outcome::Unmeasured(why) => {
                let is_due =
                    self.said_at.get(check).is_none_or(|at| now.saturating_duration_since(*at) >= SAID_AGAIN);
                let before = self.gaps.get(check);
                let is_problem = before.is_none_or(|gap| gap.why != *why);
                let was_said = before.is_some_and(|gap| gap.is_said);
                let is_said = was_said || is_due;
                self.gaps.insert(check.clone(), Gap { why: why.clone(), is_said });
                if was_said || !is_due {
                    return News { is_problem, line: None };
                }
                self.said_at.insert(check.clone(), now);
                News { is_problem, line: Some(Line::Without) }
            }
            Outcome::Good | Outcome::Bad(_) => match self.gaps.remove(check) {
                None => News { is_problem: false, line: None },
                Some(gap) => News { is_problem: true, line: gap.is_said.then_some(Line::Again) },
            },
            Outcome::Behind(_) => News { is_problem: false, line: None },
        }
    }

    /// Forgets what the estate's checks do not owe any more.
    pub fn keep(&mut self, estate: &Estate, commands: &[String]) {
        let still = |name: &CheckName| {
            estate.health_checks.iter().any(|check| check.name == *name && owes(check, commands))
        };
        self.gaps.retain(|name, _| still(name));
        self.said_at.retain(|name, _| still(name));
    }

    /// What an operator is told.
    pub fn problem(&self) -> Option<String> {
        let (name, gap) = self.gaps.first_key_value()?;
        let others = match self.gaps.len() - 1 {
            0 => String::new(),
            count => format!(" (and {count} more, in the node's log)"),
        };
        Some(format!("health check {name}{others} gives no result, and counts for nothing: {}", gap.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_and_goes_is_a_line_a_minute() {
        let mut owed = Owed::default();
        let name = CheckName::new("up").unwrap();
        let none = Outcome::Unmeasured("others of our commands ran".to_owned());
        let began = Instant::now();
        let mut lines = Vec::new();
        for second in 0..180 {
            let outcome = if second % 2 == 0 { &none } else { &Outcome::Good };
            let told = owed.note(&name, outcome, began + Duration::from_secs(second));
            assert!(told.is_problem, "{second}");
            assert_eq!(owed.problem().is_some(), second % 2 == 0);
            lines.extend(told.line.map(|line| (second, line)));
        }
        let (without, again) = (Line::Without, Line::Again);
        let want = [(0, without), (1, again), (60, without), (61, again), (120, without), (121, again)];
        assert_eq!(lines, want);
        // One that lasts is told as soon as a minute has gone by, though its beginning was not.
        let at = |second| began + Duration::from_secs(second);
        assert_eq!(owed.note(&name, &none, at(179)).line, None);
        assert_eq!(owed.note(&name, &none, at(180)).line, Some(without));
        assert_eq!(owed.note(&name, &none, at(600)), News { is_problem: false, line: None });
    }
}
