//! A look's word in one clause, for journals, status and lists.

use std::fmt;

use crate::Word;

/// Characters of a reason at most: as many as the ledger takes.
const CHARS_MAX: usize = 500;

/// The text, cut to what the ledger takes.
pub(crate) fn cut(text: String) -> String {
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    let mut kept: String = text.chars().take(CHARS_MAX - 1).collect();
    kept.push('…');
    kept
}

impl Word {
    /// One word for metrics and JSON; stable.
    pub fn kind(&self) -> &'static str {
        match self {
            Word::Quiet => "quiet",
            Word::Blocked { .. } => "blocked",
            Word::Holding { .. } => "holding",
            Word::Start { .. } => "start",
            Word::Advise { .. } => "advise",
            Word::Renew { .. } => "renew",
            Word::End { .. } => "end",
            Word::Stay { .. } => "stay",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Quiet => f.write_str("all is well"),
            Word::Blocked { why } => write!(f, "none begins: {why}"),
            Word::Holding { zone, evidence, beats } => {
                write!(f, "{zone} is watched, {beats} more beats: {evidence}")
            }
            Word::Start { zone, evidence } => write!(f, "{zone} is left: {evidence}"),
            Word::Advise { zone, evidence } => write!(f, "{zone} would be left: {evidence}"),
            Word::Renew { id, zone, why } => write!(f, "{id} goes on, {zone} stays away: {why}"),
            Word::End { id, zone, why } => write!(f, "{id} ends, {zone} returns: {why}"),
            Word::Stay { id, zone, why } => write!(f, "{id} keeps {zone} away: {why}"),
        }
    }
}
