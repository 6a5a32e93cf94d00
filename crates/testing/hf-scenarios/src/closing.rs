//! Closing sources: what their stores say by the scenario, looked at as a control node does.
//!
//! Not here: stores that are asked (`hf-stores`), many control nodes (`hf-control-plane`).

use std::collections::{BTreeMap, BTreeSet};

use hf_closing::{Asked, Inputs, LENGTH, Look, Memory, Seen, Word, count, decide, operator};
use hf_config::estate::{ClosingResource, Estate};
use hf_control::{Command, Scope, Shift};
use hf_model::{Operator, ShiftId, SourceName, Timestamp, ZoneId};

/// One zone of one source.
type Key = (SourceName, ZoneId);

/// What a control node keeps between looks, and what stores say.
#[derive(Default)]
pub(crate) struct Looker {
    /// A store, `NAME/N`, and a zone: it says that this one is closed.
    there: BTreeSet<(String, String)>,
    /// Stores that do not answer.
    broken: BTreeSet<String>,
    memories: BTreeMap<Key, Memory>,
    looked_at: BTreeMap<Key, Timestamp>,
    /// The last word on each zone, so that it is told once.
    words: BTreeMap<Key, &'static str>,
    /// What the ledger refused last.
    refused: BTreeMap<Key, String>,
    /// Shifts that sources ended themselves.
    pub(crate) own_cancels: Vec<ShiftId>,
}

/// A look that is due.
pub(crate) struct Due {
    key: Key,
    scope: Scope,
    asked: Asked,
    stores: Vec<String>,
    /// In whose name the source acts.
    pub(crate) by: Operator,
}

impl Looker {
    /// What a scenario says of a store.
    pub(crate) fn say(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [store, "says", zone] => drop(self.there.insert(((*store).to_owned(), (*zone).to_owned()))),
            [store, "lacks", zone] => drop(self.there.remove(&((*store).to_owned(), (*zone).to_owned()))),
            [store, "broken"] => drop(self.broken.insert((*store).to_owned())),
            [store, "well"] => drop(self.broken.remove(*store)),
            other => {
                return Err(format!(
                    "a store does not do {other:?}; write says ZONE, lacks ZONE, broken or well"
                ));
            }
        }
        Ok(())
    }

    /// Every zone of every source whose pace says that it is to be looked at.
    pub(crate) fn due(&mut self, estate: &Estate, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        for source in &estate.closing_sources {
            for zone in &source.zones {
                let key = (source.name.clone(), estate.zone(zone.zone).id.clone());
                if self.looked_at.get(&key).is_some_and(|at| now.since(*at) < source.every) {
                    continue;
                }
                self.looked_at.insert(key.clone(), now);
                due.push(Due {
                    key,
                    scope: match source.resource {
                        ClosingResource::Everything => Scope::Everything,
                        ClosingResource::Pool(pool) => Scope::Pool(estate.pool(pool).name.clone()),
                    },
                    asked: Asked { quorum: usize::from(source.quorum), inverted: source.inverted },
                    stores: (1..=zone.stores.len())
                        .map(|number| format!("{}/{number}", source.name))
                        .collect(),
                    by: operator(&source.name),
                });
            }
        }
        due
    }

    /// One look: what is new to tell, and what the ledger is asked for.
    pub(crate) fn look(
        &mut self,
        due: &Due,
        shifts: &[Shift],
        now: Timestamp,
    ) -> (Option<String>, Option<Command>) {
        let Due { key, scope, asked, stores, by } = due;
        let seen: Vec<Seen> = stores.iter().map(|store| self.seen(store, &key.1)).collect();
        let finding = count(&seen, *asked);
        let word = decide(
            self.memories.entry(key.clone()).or_default(),
            &Inputs {
                finding: &finding,
                zone: &key.1,
                scope,
                by,
                shifts,
                is_own_cancel: &|id| self.own_cancels.contains(id),
                now,
            },
        );
        let was = self.words.insert(key.clone(), word.as_str());
        let is_news = was.unwrap_or(Word::Quiet.as_str()) != word.as_str() && is_told(&word);
        let news = is_news.then(|| format!("{by}: {}: {word} ({})", key.1, finding.why()));
        let command = match word {
            Word::Start => Command::StartShift {
                zone: key.1.clone(),
                scope: scope.clone(),
                length: LENGTH,
                reason: finding.why().to_owned(),
                floor_overrides: Vec::new(),
            },
            Word::Renew { id, reason } => {
                Command::UpdateShift { id, length: Some(LENGTH), reason: Some(reason), if_match: None }
            }
            Word::End { id } => Command::CancelShift { id, if_match: None },
            _ => {
                self.refused.remove(key);
                return (news, None);
            }
        };
        (news, Some(command))
    }

    /// Whether the ledger's answer, a refusal or none, is another one than the last.
    pub(crate) fn is_other_answer(&mut self, due: &Due, refused: Option<String>) -> bool {
        if let Some(words) = refused {
            return self.refused.insert(due.key.clone(), words.clone()) != Some(words);
        }
        self.refused.remove(&due.key);
        true
    }

    fn seen(&self, store: &str, zone: &ZoneId) -> Seen {
        let look = if self.broken.contains(store) {
            Look::Silent { why: format!("{store} does not answer") }
        } else if self.there.contains(&(store.to_owned(), zone.to_string())) {
            Look::There { what: store.to_owned() }
        } else {
            Look::Absent
        };
        Seen { store: store.to_owned(), look }
    }
}

/// What the ledger does is told by its own lines.
fn is_told(word: &Word) -> bool {
    matches!(word, Word::Wait | Word::Outranked { .. } | Word::Left { .. } | Word::LeaveToExpire { .. })
}
