//! The name that was probably meant.
//!
//! Not here: whether a name is right.

use std::borrow::Cow;

/// Longer names are not compared: the work for one guess stays small.
const LENGTH_MAX: usize = 64;

/// The candidate that `name` was probably meant to be: few edits away, and fewer than a third of its length.
pub fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > LENGTH_MAX {
        return None;
    }
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| candidate.len() <= LENGTH_MAX)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, removals, replacements and swaps of neighbours from one text to the other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let above = &rows[i - 1];
        let mut row = vec![i; to.len() + 1];
        for j in 1..=to.len() {
            let replaced = above[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

/// A text of the user as it may stand in a message: short and on one line.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 60;
    if text.len() <= SHOWN && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    Cow::Owned(short)
}
