//! Routing controls and safety rules, as the estate declares them.

use std::time::Duration;

use hf_model::{ControlName, ControlPath, Switch};

/// A group of routing controls that safety rules are judged over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPanel {
    /// Its name.
    pub name: ControlName,
}

/// A routing control that the estate declares. How it stands is the ledger's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateControl {
    /// Its panel and name.
    pub path: ControlPath,
    /// How it stands when it is new. Default on: declaring a control takes nothing away.
    pub initial: Switch,
}

/// A safety rule that the estate declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateRule {
    /// Its panel and name.
    pub path: ControlPath,
    /// What it asks.
    pub rule: RuleWords,
    /// After a change of one of its controls, how long further changes of them are refused. 0 s to 1 h, default 5 s.
    pub wait_period: Duration,
}

/// What a safety rule asks. Names are controls of the rule's panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleWords {
    /// After a change, enough of these are on.
    Assert {
        /// At least one, each once.
        controls: Vec<ControlName>,
        /// What is enough.
        test: RuleTest,
    },
    /// Targets may change only while enough of the gating controls are on.
    Gate {
        /// At least one, each once.
        gating: Vec<ControlName>,
        /// At least one, each once.
        targets: Vec<ControlName>,
        /// What is enough.
        test: RuleTest,
    },
}

/// What is enough, of a number of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleTest {
    /// How many are on.
    pub on: Enough,
    /// Whether the answer is turned round.
    pub inverted: bool,
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    /// So many or more.
    AtLeast(u16),
    /// All (AWS: AND).
    All,
    /// One or more (AWS: OR).
    Any,
}

impl RuleTest {
    /// Whether `on` of `of` controls are enough.
    pub fn holds(self, on: usize, of: usize) -> bool {
        let plain = match self.on {
            Enough::AtLeast(count) => on >= usize::from(count),
            Enough::All => on == of,
            Enough::Any => on > 0,
        };
        plain != self.inverted
    }
}

/// Such as `at least 2`.
impl std::fmt::Display for Enough {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Enough::AtLeast(count) => write!(f, "at least {count}"),
            Enough::All => f.write_str("all"),
            Enough::Any => f.write_str("any"),
        }
    }
}

/// Such as `at least 2`, `not all`.
impl std::fmt::Display for RuleTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.inverted { "not " } else { "" }, self.on)
    }
}

/// Such as `at least 1 of a, b on` and `c, d change only while all of a, b on`.
impl std::fmt::Display for RuleWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list =
            |names: &[ControlName]| names.iter().map(ControlName::as_str).collect::<Vec<_>>().join(", ");
        match self {
            RuleWords::Assert { controls, test } => write!(f, "{test} of {} on", list(controls)),
            RuleWords::Gate { gating, targets, test } => {
                write!(f, "{} change only while {test} of {} on", list(targets), list(gating))
            }
        }
    }
}
