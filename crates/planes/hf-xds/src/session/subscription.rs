//! One type on one stream: names asked for, versions told, what was said of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_model::Revision;

use super::words::Words;
use super::{NAME_BYTES_MAX, NAMES_MAX, Refused, Response};
use crate::messages::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DeltaResource, DiscoveryRequest, DiscoveryResponse,
};
use crate::resources::{Kind, Name, Resource, Table, Version, version};

/// The name that means all.
const ALL: &str = "*";
/// What a name costs beside its bytes: its places in the tables here, and its version.
const NAME_OVERHEAD: usize = 128;
/// What a name that was told with all costs beside its bytes, which are the estate's most of the time: its place here, and its version.
const TOLD_OVERHEAD: usize = 64;

/// What a client has of a resource, as far as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Version(Version),
    /// Something, or something of no use to it any more.
    Unknown,
    /// It was told that there is none.
    Nothing,
}

#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent facts; an enum of all would have 16 variants"
)]
pub(super) struct Subscription {
    /// In which protocol; the first request tells.
    delta: bool,
    names: BTreeSet<Name>,
    all: bool,
    /// Whether it ever asked by name: then asking for nothing means nothing.
    named: bool,
    told: BTreeMap<Name, Held>,
    /// An answer is due although nothing may have changed.
    asked: bool,
    /// The version of the whole that it came with.
    came_with: Option<String>,
    /// The newest answer's; 0 before the first.
    nonce: u64,
    words: Words,
    /// Of names asked for and told.
    bytes: usize,
}

impl Subscription {
    /// Whether this is the newest answer's nonce.
    pub(super) fn is_newest(&self, nonce: Option<u64>) -> bool {
        self.nonce == 0 || nonce == Some(self.nonce)
    }

    /// The client has applied an answer; whether there is something to tell for it.
    pub(super) fn accepted(&mut self, nonce: u64) -> bool {
        let again = self.words.accepted(nonce);
        self.tell_again(&again);
        !again.is_empty()
    }

    /// The client has not; with what was new in it, if that counts.
    pub(super) fn refused(&mut self, nonce: u64) -> Option<Vec<Name>> {
        self.words.refused(nonce)
    }

    pub(super) fn applied(&self) -> Option<Revision> {
        self.words.applied()
    }

    /// What a client makes us keep.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.words.len() * TOLD_OVERHEAD
    }

    /// State of the world: these names and no others. Whether that changes anything.
    pub(super) fn replace(
        &mut self,
        request: DiscoveryRequest,
        kind: Option<Kind>,
        first: bool,
    ) -> Result<bool, Refused> {
        check_lengths(&request.resource_names)?;
        let mut names: BTreeSet<Name> = request.resource_names.into_iter().map(Name::from).collect();
        let star = names.remove(ALL);
        if names.len() > NAMES_MAX {
            return Err(Refused::TooMany);
        }
        self.named |= star || !names.is_empty();
        if kind.is_none() {
            names.clear(); // rule 8: they are never told
        }
        let all = star || (!self.named && kind.is_none_or(Kind::is_whole));
        // Who asks for one by name is told it, also if it came before with all.
        let more: Vec<Name> = names.difference(&self.names).cloned().collect();
        self.tell_again(&more);
        self.asked |= first || (all && !self.all) || !more.is_empty();
        let changes = first || all != self.all || names != self.names;
        (self.names, self.all) = (names, all);
        if first {
            self.came_with = Some(request.version_info).filter(|held| held.len() == VERSION_BYTES);
        }
        if changes {
            self.forget_unwanted();
            self.weigh();
        }
        Ok(changes)
    }

    /// Delta: more names, fewer names. Whether that changes anything.
    pub(super) fn change(
        &mut self,
        request: DeltaDiscoveryRequest,
        kind: Option<Kind>,
        first: bool,
    ) -> Result<bool, Refused> {
        self.delta = true;
        let (more, fewer) = (request.resource_names_subscribe, request.resource_names_unsubscribe);
        check_lengths(&more)?;
        if more.len() > NAMES_MAX {
            return Err(Refused::TooMany);
        }
        if first {
            check_lengths(request.initial_resource_versions.keys())?;
            if request.initial_resource_versions.len() > NAMES_MAX {
                return Err(Refused::TooMany);
            }
            self.all = more.is_empty() && fewer.is_empty() && kind.is_none_or(Kind::is_whole);
            let held = |version: String| {
                // Rule 6: what an Envoy has of endpoints it may have for a cluster that it is about to replace.
                let is_known = version.len() == VERSION_BYTES && kind != Some(Kind::Endpoints);
                if is_known { Held::Version(version.into()) } else { Held::Unknown }
            };
            let held_versions = request.initial_resource_versions.into_iter();
            self.told = held_versions.map(|(name, version)| (name.into(), held(version))).collect();
        }
        let changes = first || !more.is_empty() || !fewer.is_empty();
        for name in more {
            if name == ALL {
                if !first {
                    for held in self.told.values_mut() {
                        *held = Held::Unknown;
                    }
                    self.asked = true;
                }
                self.all = true;
                continue;
            }
            let name = Name::from(name);
            if !first {
                // Who asks again is told again.
                self.tell_again(std::slice::from_ref(&name));
            }
            self.names.insert(name);
        }
        for name in fewer {
            if name == ALL {
                self.all = false;
            } else if let Some(name) = self.names.take(name.as_str())
                && self.all
            {
                // It cannot know whether all has this one: it is told it, or that it is gone.
                self.told.insert(name, Held::Unknown);
            }
        }
        if self.names.len() > NAMES_MAX {
            return Err(Refused::TooMany);
        }
        if first {
            // Who begins with nothing waits for an answer, also if it is empty.
            self.asked = self.all && self.told.is_empty();
        }
        if changes {
            self.forget_unwanted();
            self.weigh();
        }
        Ok(changes)
    }

    fn forget_unwanted(&mut self) {
        let (all, names) = (self.all, &self.names);
        self.told.retain(|name, _| all || names.contains(name));
        self.words.keep(|name| all || names.contains(name));
    }

    fn weigh(&mut self) {
        // What it came with has names and versions of its own; what it was told shares them with the estate.
        let overhead = if self.nonce == 0 { NAME_OVERHEAD } else { TOLD_OVERHEAD };
        let asked: usize = self.names.iter().map(|name| name.len() + NAME_OVERHEAD).sum();
        let told = self.told.keys().filter(|name| !self.names.contains(*name));
        self.bytes = asked + told.map(|name| name.len() + overhead).sum::<usize>();
    }

    /// These are told once more, if they were.
    pub(super) fn tell_again(&mut self, names: &[Name]) {
        for name in names {
            if let Some(held) = self.told.get_mut(name) {
                *held = Held::Unknown;
            }
        }
    }

    /// What is to be told now, and the names in it that the client did not have.
    pub(super) fn next(
        &mut self,
        kind: Option<Kind>,
        type_url: &str,
        table: &Table,
        nonce: u64,
        revision: Revision,
    ) -> Option<(Response, Vec<Name>)> {
        let wanted = self.wanted(table);
        // By name the version says what it once took, not what it still holds: it may have dropped one while it was away.
        if let Some(held) = self.came_with.take().filter(|_| self.all && self.names.is_empty())
            && held == *whole_version(&wanted)
        {
            self.asked = false;
            let version = |of: &Resource| Held::Version(of.version.clone());
            self.told = wanted.iter().map(|(name, of)| ((*name).clone(), version(of))).collect();
            self.weigh();
        }
        let is_held = |(name, of): &(&Name, &Resource)| matches!(self.told.get(*name), Some(Held::Version(held)) if *held == of.version);
        let changed: Vec<(&Name, &Resource)> = wanted.iter().copied().filter(|of| !is_held(of)).collect();
        let is_whole = !self.delta && kind.is_some_and(Kind::is_whole);
        let gone = self.gone(table);
        if changed.is_empty() && (gone.is_empty() || !(self.delta || is_whole)) && !self.asked {
            if !gone.is_empty() {
                self.forget_gone(gone);
                self.weigh();
            }
            self.words.settle(revision);
            return None;
        }
        let response = if self.delta {
            let resource = |(name, of): &(&Name, &Resource)| DeltaResource {
                version: of.version.to_string(),
                resource: kind.map(|kind| of.any(kind)),
                name: name.to_string(),
            };
            Response::Delta(DeltaDiscoveryResponse {
                system_version_info: whole_version(&wanted).to_string(),
                resources: changed.iter().map(resource).collect(),
                type_url: type_url.to_owned(),
                nonce: nonce.to_string(),
                removed_resources: gone.iter().map(ToString::to_string).collect(),
            })
        } else {
            let sent = if is_whole { &wanted } else { &changed };
            Response::World(DiscoveryResponse {
                version_info: whole_version(&wanted).to_string(),
                resources: sent.iter().filter_map(|(_, of)| Some(of.any(kind?))).collect(),
                type_url: type_url.to_owned(),
                nonce: nonce.to_string(),
            })
        };
        let told = changed.iter().map(|(name, of)| ((*name).clone(), Held::Version(of.version.clone())));
        let told: Vec<(Name, Held)> = told.collect();
        let names: Vec<Name> = told.iter().map(|(name, _)| name.clone()).collect();
        self.told.extend(told);
        self.forget_gone(gone);
        self.words.sent(nonce, revision, names.iter().cloned().collect(), is_whole);
        self.asked = false;
        if kind.is_none() {
            // Rule 8.
            (self.names, self.told) = (BTreeSet::new(), BTreeMap::new());
        }
        self.nonce = nonce;
        self.weigh();
        Some((response, names))
    }

    /// What is not there any more can be told anew when it comes back, and is not refused any more.
    fn forget_gone(&mut self, gone: BTreeSet<Name>) {
        if gone.is_empty() {
            return;
        }
        self.words.keep(|name| !gone.contains(name));
        for name in gone {
            if self.delta && self.names.contains(&name) {
                self.told.insert(name, Held::Nothing);
            } else {
                self.told.remove(&name);
            }
        }
    }

    fn wanted<'t>(&self, table: &'t Table) -> Vec<(&'t Name, &'t Resource)> {
        if self.all {
            table.iter().filter(|(name, of)| of.for_all || self.names.contains(*name)).collect()
        } else {
            self.names.iter().filter_map(|name| table.get_key_value(name)).collect()
        }
    }

    /// What the client may think to be there and is not, and has not been told so.
    fn gone(&self, table: &Table) -> BTreeSet<Name> {
        let is_there =
            |name: &Name| table.get(name).is_some_and(|of| of.for_all || self.names.contains(name));
        let thought = self.told.iter().filter(|(_, held)| **held != Held::Nothing).map(|(name, _)| name);
        let mut gone: BTreeSet<&Name> = thought.filter(|name| !is_there(name)).collect();
        if self.delta {
            gone.extend(self.names.iter().filter(|name| !is_there(name) && !self.told.contains_key(*name)));
        }
        gone.into_iter().cloned().collect()
    }
}

/// Bytes of every version that we give.
const VERSION_BYTES: usize = 16;

fn check_lengths<'n>(names: impl IntoIterator<Item = &'n String>) -> Result<(), Refused> {
    let too_long = names.into_iter().map(String::len).find(|len| *len > NAME_BYTES_MAX);
    too_long.map_or(Ok(()), |len| Err(Refused::LongName { len }))
}

/// The version of a set of resources, the same on every node.
fn whole_version(set: &[(&Name, &Resource)]) -> Arc<str> {
    let mut content = Vec::new();
    for (name, of) in set {
        content.extend_from_slice(name.as_bytes());
        content.push(b'\n');
        content.extend_from_slice(of.version.as_bytes());
        content.push(b'\n');
    }
    version(&content)
}
