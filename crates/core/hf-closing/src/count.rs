//! Looks at several stores to one finding.
//!
//! Not here: what follows of it (`rule`).

/// What one look at one store came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is there; of a table: the item is unhealthy.
    There {
        /// What was seen.
        what: String,
    },
    /// The store itself says that it is not there.
    Absent,
    /// Nothing that counts.
    Silent {
        /// What went wrong.
        why: String,
    },
}

/// One store and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The store, as people know it.
    pub store: String,
    /// What it said.
    pub look: Look,
}

/// How looks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How many must say the same.
    pub quorum: usize,
    /// Whether what is there closes; else what is not there does.
    pub inverted: bool,
}

/// What the stores say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A quorum says closed.
    Closed {
        /// In words.
        why: String,
    },
    /// A quorum says open.
    Open {
        /// In words.
        why: String,
    },
    /// Neither, or both.
    Undecided {
        /// In words.
        why: String,
    },
}

impl Finding {
    /// One word for metrics and answers.
    pub fn as_str(&self) -> &'static str {
        match self {
            Finding::Closed { .. } => "closed",
            Finding::Open { .. } => "open",
            Finding::Undecided { .. } => "undecided",
        }
    }

    /// In words.
    pub fn why(&self) -> &str {
        match self {
            Finding::Closed { why } | Finding::Open { why } | Finding::Undecided { why } => why,
        }
    }
}

/// Counts what all stores of a source said.
pub fn count(seen: &[Seen], asked: Asked) -> Finding {
    let of = seen.len();
    let there = seen.iter().filter_map(|seen| match &seen.look {
        Look::There { what } => Some(what.as_str()),
        _ => None,
    });
    let there: Vec<&str> = there.collect();
    let absent: Vec<&str> =
        seen.iter().filter(|seen| seen.look == Look::Absent).map(|seen| seen.store.as_str()).collect();
    let silent: Vec<&str> = seen
        .iter()
        .filter_map(|seen| match &seen.look {
            Look::Silent { why } => Some(why.as_str()),
            _ => None,
        })
        .collect();
    let (closing, opening) = if asked.inverted { (&there, &absent) } else { (&absent, &there) };
    let is_quorum = |voices: &[&str]| !voices.is_empty() && voices.len() >= asked.quorum;
    let stores = |voices: &[&str]| match (voices.len(), of) {
        (_, 1) => String::new(),
        (count, of) => format!(" ({count} of {of} stores)"),
    };
    match (is_quorum(closing), is_quorum(opening)) {
        (true, false) => {
            let is = if asked.inverted { "is there" } else { "is not there" };
            Finding::Closed { why: format!("{} {is}{}", closing[0], stores(closing)) }
        }
        (false, true) if asked.inverted => {
            Finding::Open { why: format!("nothing closes it{}", stores(opening)) }
        }
        (false, true) => Finding::Open { why: format!("{} is there{}", opening[0], stores(opening)) },
        _ => {
            let mut why = format!(
                "no quorum of {}: of {of} stores {} say closed, {} say open and {} say nothing",
                asked.quorum,
                closing.len(),
                opening.len(),
                silent.len()
            );
            if let Some(first) = silent.first() {
                why.push_str(": ");
                why.push_str(first);
            }
            Finding::Undecided { why }
        }
    }
}
