//! What sources tell of pools' endpoints.
//!
//! 1. A set is for a pool of the estate that has this very source: what an older estate's source told is refused.
//! 2. Its endpoints are in order, each address and name once, in zones of the estate, and as many as the source may tell.
//! 3. A set never takes a pool below its source's `min_endpoints`: what asks for that is refused, and the set of before stays.
//! 4. All sets of an entry are taken, or none. What changes nothing is done already.
//! 5. A new estate keeps the sets of the pools that still have a source, without what does not fit.
//!
//! Not here: asking sources, and what to make of one that does not answer (`crate::sources`, `hf-control-plane`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use hf_config::estate::{EndpointSet, Estate, SourcedEndpoint, is_endpoint_address};

use super::Effect;
use crate::command::{Command, Event, Refusal};
use crate::state::State;

/// Characters of what came and what went that an event keeps, each.
const WORDS_CHARS_MAX: usize = 2_000;

impl State {
    pub(super) fn set_endpoints(&mut self, sets: &[EndpointSet]) -> Result<Effect, Refusal> {
        let refuse = |what: String, why: &str| Refusal::Invalid { what, why: why.to_owned() };
        let Some(estate) = self.estate.clone() else {
            let why = "there is no estate yet; apply one first";
            return Err(refuse("the endpoints of a pool".to_owned(), why));
        };
        if sets.is_empty() || sets.len() > Command::ENDPOINT_SETS {
            let what = format!("a change of the endpoints of {} pools", sets.len());
            let why = format!("it is about 1 to {} pools; split it", Command::ENDPOINT_SETS);
            return Err(refuse(what, &why));
        }
        let mut pools = BTreeSet::new();
        for set in sets {
            let what = || format!("the endpoints of pool/{}", set.pool);
            if !pools.insert(&set.pool) {
                return Err(refuse(what(), "the pool is named twice; name it once"));
            }
            check(&estate, self.set_of(set), set).map_err(|why| refuse(what(), &why))?;
        }
        let mut events = Vec::new();
        for set in sets {
            let before = self.set_of(set).map_or(&[][..], |set| &set.endpoints);
            if self.set_of(set) != Some(set) {
                events.push(changed(set, before));
            }
        }
        if events.is_empty() {
            return Ok(self.done(None, Vec::new()));
        }
        for set in sets {
            match self.sets.binary_search_by(|known| known.pool.cmp(&set.pool)) {
                Ok(at) => self.sets[at] = set.clone(),
                Err(at) => self.sets.insert(at, set.clone()),
            }
        }
        self.estate = Some(Arc::new(estate.with_sets(self.bundle.digest(), &self.sets)));
        Ok(self.done(None, events))
    }

    fn set_of(&self, like: &EndpointSet) -> Option<&EndpointSet> {
        self.sets.binary_search_by(|known| known.pool.cmp(&like.pool)).ok().map(|at| &self.sets[at])
    }

    /// The sets that a new estate keeps: of pools that have a source, without zones that went, and no more than its source may tell.
    pub(super) fn sets_for(&self, estate: &Estate) -> Vec<EndpointSet> {
        let fitting = |set: &EndpointSet| {
            let source = estate.pool(estate.pool_named(&set.pool)?).source.as_ref()?;
            let fits = set.endpoints.iter().filter_map(|endpoint| {
                let zone = estate.zone(estate.zone_named(&endpoint.zone)?).id.clone();
                Some(SourcedEndpoint { zone, ..endpoint.clone() })
            });
            let endpoints = fits.take(usize::from(source.max_endpoints)).collect();
            Some(EndpointSet { pool: set.pool.clone(), source: set.source.clone(), endpoints })
        };
        self.sets.iter().filter_map(fitting).collect()
    }
}

/// Whether a set may take the place of the one of before.
fn check(estate: &Estate, before: Option<&EndpointSet>, set: &EndpointSet) -> Result<(), String> {
    let Some(pool) = estate.pool_named(&set.pool).map(|pool| estate.pool(pool)) else {
        return Err("there is no such pool in the estate; `holdfast status` lists the pools".to_owned());
    };
    let Some(source) = &pool.source else {
        return Err("the pool has no `source` in the estate; add one, or change its `endpoints`".to_owned());
    };
    if set.source != source.kind.to_string() {
        return Err(format!(
            "`{}` told them, the pool's source is `{}` now; ask that one",
            set.source, source.kind
        ));
    }
    let (count, max) = (set.endpoints.len(), usize::from(source.max_endpoints));
    if count > max {
        return Err(format!("there are {count}, its source may tell {max}; raise `max_endpoints`"));
    }
    let least = usize::from(source.min_endpoints).min(before.map_or(0, |before| before.endpoints.len()));
    if count < least {
        return Err(format!(
            "{count} would be left, and {least} stay whatever the source says; let others come first, or lower `min_endpoints`"
        ));
    }
    let mut names = BTreeSet::new();
    for (at, endpoint) in set.endpoints.iter().enumerate() {
        let SourcedEndpoint { address, id, zone, .. } = endpoint;
        if !is_endpoint_address(*address) {
            return Err(format!(
                "{address} is not the address of one machine's listener; tell where `{id}` listens"
            ));
        }
        if !estate.zones.iter().any(|known| known.id == *zone) {
            return Err(format!(
                "`{id}` is in zone `{zone}`, which the estate does not have; name one that it has"
            ));
        }
        if at > 0 && set.endpoints[at - 1].address >= *address {
            return Err(format!(
                "they are not in order of their addresses at {address}; tell each address once"
            ));
        }
        if !names.insert(id) {
            return Err(format!("two of them are named `{id}`; give each a name of its own"));
        }
    }
    Ok(())
}

/// What came and what went, in words.
fn changed(set: &EndpointSet, before: &[SourcedEndpoint]) -> Event {
    let beyond = |these: &[SourcedEndpoint], those: &[SourcedEndpoint]| {
        let mut text = String::new();
        for endpoint in these.iter().filter(|endpoint| !those.contains(endpoint)) {
            let SourcedEndpoint { address, id, zone, weight, priority, .. } = endpoint;
            let between = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{between}{id} {address} in {zone} weight {}", weight.0);
            if *priority > 0 {
                let _ = write!(text, " priority {priority}");
            }
            if text.len() > WORDS_CHARS_MAX {
                text.truncate(WORDS_CHARS_MAX - 4); // ASCII throughout
                text.push_str(" …");
                break;
            }
        }
        text
    };
    Event::EndpointsChanged {
        pool: set.pool.clone(),
        added: beyond(&set.endpoints, before),
        removed: beyond(before, &set.endpoints),
    }
}
