//! What a client has said of the answers of one type: which are open, what it has refused, what it has applied.
//!
//! 1. A client takes answers in their order, and may lay its words on several together in one (Envoy does, while a type is paused). So accepting one
//!    accepts those before it that are open still, and refusing one refuses them too: of which it speaks is not known.
//! 2. Of a refused answer all that was new in it counts as refused, until a newer version of it is accepted, it is gone, or it is no longer asked for.
//!    Meanwhile no revision counts as applied, whatever else is accepted. A word on an answer that was overtaken counts like any other.
//! 3. Once some of a refused answer is accepted, the rest of that answer is told again: it may have been without fault.
//! 4. At most [`OPEN_MAX`] answers are open; beyond, the two oldest count as one.
//!
//! Not here: names asked for and versions told (`subscription`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hf_model::Revision;

use crate::resources::Name;

/// Answers without a word on them, of one type on one stream.
pub(super) const OPEN_MAX: usize = 16;

/// An answer that nothing was said of; or two.
#[derive(Debug)]
struct Open {
    first: u64,
    last: u64,
    revision: Revision,
    names: BTreeSet<Name>,
    /// Whether all of the type was in it.
    is_whole: bool,
}

#[derive(Debug, Default)]
pub(super) struct Words {
    open: VecDeque<Open>,
    /// What was refused, and with which answer.
    refused: BTreeMap<Name, u64>,
    /// An answer without anything new in it was refused.
    refused_empty: bool,
    applied: Option<Revision>,
}

impl Words {
    /// An answer has gone out, with these that the client did not have.
    pub(super) fn sent(&mut self, nonce: u64, revision: Revision, names: BTreeSet<Name>, is_whole: bool) {
        self.open.push_back(Open { first: nonce, last: nonce, revision, names, is_whole });
        if self.open.len() > OPEN_MAX
            && let Some(mut oldest) = self.open.pop_front()
            && let Some(second) = self.open.front_mut()
        {
            second.first = oldest.first;
            second.names.append(&mut oldest.names);
            second.is_whole |= oldest.is_whole;
        }
    }

    /// An answer is accepted; what is to be told again.
    pub(super) fn accepted(&mut self, nonce: u64) -> Vec<Name> {
        let mut groups = BTreeSet::new();
        let mut applied = None;
        // Of two that count as one, the word on the newer counts.
        while self.open.front().is_some_and(|open| open.last <= nonce) {
            let Some(open) = self.open.pop_front() else { break };
            if open.is_whole {
                self.refused.clear();
            }
            groups.extend(open.names.iter().filter_map(|name| self.refused.remove(name)));
            self.refused_empty = false;
            applied = Some(open.revision);
        }
        if applied.is_some() && self.is_clean() {
            self.applied = applied;
        }
        let rest = self.refused.iter().filter(|(_, group)| groups.contains(*group));
        rest.map(|(name, _)| name.clone()).collect()
    }

    /// An answer is refused; with what was new in it. None: a newer one was spoken of before, or there never was such an answer.
    pub(super) fn refused(&mut self, nonce: u64) -> Option<Vec<Name>> {
        if !self.open.iter().any(|open| (open.first..=open.last).contains(&nonce)) {
            return None;
        }
        let mut names = BTreeSet::new();
        while let Some(open) = self.open.front_mut().filter(|open| open.first <= nonce) {
            if open.last > nonce {
                // The newer of two is open still.
                open.first = nonce + 1;
                names.extend(open.names.iter().cloned());
                break;
            }
            names.append(&mut open.names);
            self.open.pop_front();
        }
        self.refused_empty |= names.is_empty();
        self.refused.extend(names.iter().map(|name| (name.clone(), nonce)));
        Some(names.into_iter().collect())
    }

    /// These are gone, or no longer asked for, if not wanted: what was said of them counts no more.
    pub(super) fn keep(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.refused.retain(|name, _| is_wanted(name));
    }

    /// With nothing to tell, what the client has stands for this revision too.
    pub(super) fn settle(&mut self, revision: Revision) {
        if let Some(newest) = self.open.back_mut() {
            newest.revision = revision;
        } else if self.is_clean() {
            self.applied = Some(revision);
        }
    }

    /// Names that are kept in answers that nothing was said of, and as refused.
    pub(super) fn len(&self) -> usize {
        self.open.iter().map(|open| open.names.len()).sum::<usize>() + self.refused.len()
    }

    fn is_clean(&self) -> bool {
        self.refused.is_empty() && !self.refused_empty
    }

    pub(super) fn applied(&self) -> Option<Revision> {
        self.applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> BTreeSet<Name> {
        of.iter().map(|name| Name::from(*name)).collect()
    }

    /// Answers of revision 10 + their number, one for each list.
    fn sent(answers: &[&[&str]]) -> Words {
        let mut words = Words::default();
        for (nonce, answer) in (1..).zip(answers) {
            words.sent(nonce, Revision(10 + nonce), names(answer), false);
        }
        words
    }

    fn applied(words: &Words) -> Option<u64> {
        words.applied().map(|of| of.0)
    }

    #[test]
    fn what_was_refused_stays_so_whatever_else_is_accepted() {
        let mut words = sent(&[&["web"], &["spare"], &["web"]]);
        assert_eq!(words.refused(1), Some(vec!["web".into()]));
        words.accepted(2);
        assert_eq!(applied(&words), None);
        words.settle(Revision(20));
        assert_eq!(applied(&words), None);
        words.accepted(3);
        assert_eq!(applied(&words), Some(20));
        assert_eq!(words.refused(1), None, "a newer one was spoken of");
        assert_eq!(words.refused(9), None, "there is none");
    }

    #[test]
    fn one_word_is_a_word_on_all_before_it() {
        let mut words = sent(&[&["web"], &["spare"], &[]]);
        words.accepted(2);
        assert_eq!(applied(&words), Some(12));
        words.accepted(1);
        assert_eq!(applied(&words), Some(12));
        let mut words = sent(&[&["web"], &["spare"], &[]]);
        assert_eq!(words.refused(2), Some(vec!["spare".into(), "web".into()]));
        words.accepted(3);
        assert_eq!(applied(&words), None);
    }

    #[test]
    fn the_rest_of_a_refused_answer_is_told_again_when_some_of_it_is_accepted() {
        let mut words = sent(&[&["bad", "good", "fine"], &["bad"], &["good", "fine"]]);
        words.refused(1);
        assert_eq!(words.accepted(2), ["fine".into(), "good".into()] as [Name; 2]);
        assert_eq!(words.accepted(3), [] as [Name; 0]);
        assert_eq!(applied(&words), Some(13));
    }

    #[test]
    fn an_answer_of_all_makes_up_for_everything() {
        let mut words = sent(&[&["web"]]);
        words.refused(1);
        words.sent(2, Revision(12), BTreeSet::new(), true);
        words.accepted(2);
        assert_eq!(applied(&words), Some(12));
    }

    #[test]
    fn an_empty_answer_can_be_refused_too() {
        let mut words = sent(&[&[], &["web"]]);
        assert_eq!(words.refused(1), Some(Vec::new()));
        words.keep(|_| false);
        words.settle(Revision(20));
        assert_eq!(applied(&words), None);
        words.accepted(2);
        assert_eq!(applied(&words), Some(20));
    }

    #[test]
    fn what_is_gone_is_no_longer_refused() {
        let mut words = sent(&[&["web", "spare"]]);
        words.refused(1);
        words.keep(|name| name == "spare");
        words.settle(Revision(20));
        assert_eq!(applied(&words), None);
        words.keep(|_| false);
        words.settle(Revision(20));
        assert_eq!(applied(&words), Some(20));
    }

    #[test]
    fn beyond_the_bound_the_oldest_count_as_one() {
        let answers: Vec<String> = (0..OPEN_MAX + 3).map(|at| format!("pool-{at:02}")).collect();
        let answers: Vec<[&str; 1]> = answers.iter().map(|name| [name.as_str()]).collect();
        let answers: Vec<&[&str]> = answers.iter().map(<[&str; 1]>::as_slice).collect();
        let mut words = sent(&answers);
        assert_eq!(words.open.len(), OPEN_MAX);
        words.accepted(2);
        assert_eq!(applied(&words), None, "the others that count as one with it are open still");
        assert_eq!(words.refused(3).map(|of| of.len()), Some(4));
        words.accepted(4);
        let newest = u64::try_from(answers.len()).unwrap();
        words.accepted(newest);
        assert_eq!(applied(&words), Some(10 + newest));
    }
}
