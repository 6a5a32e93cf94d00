//! What the node itself knows of hosted zones: contents that are not in the estate (node files, secondaries), and serials that it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_hosted::Contents;
use hf_model::WireName;

/// Contents by apex. A hosted zone of such a source that is not in it has not been loaded yet: SERVFAIL.
#[derive(Clone, Debug, Default)]
pub struct HostedSet {
    contents: BTreeMap<WireName, Arc<Contents>>,
    serials: BTreeMap<WireName, u32>,
}

impl HostedSet {
    /// Puts a version in place of the one before. The same [`Arc`] again is the same version: nothing is compiled anew for it.
    pub fn insert(&mut self, contents: Arc<Contents>) {
        self.contents.insert(contents.apex().folded(), contents);
    }

    /// Takes a hosted zone out.
    pub fn remove(&mut self, apex: &WireName) {
        self.contents.remove(&apex.folded());
    }

    /// The contents of the hosted zone at this apex.
    pub fn get(&self, apex: &WireName) -> Option<&Arc<Contents>> {
        self.contents.get(&apex.folded())
    }

    /// All of them, in order of apex.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Contents>> {
        self.contents.values()
    }

    /// Says which serial a hosted zone shows whose policy is [`Time`](hf_config::estate::SerialPolicy::Time).
    pub fn set_serial(&mut self, apex: &WireName, serial: u32) {
        self.serials.insert(apex.folded(), serial);
    }

    /// That serial; none until the node has settled on one.
    pub fn serial(&self, apex: &WireName) -> Option<u32> {
        self.serials.get(&apex.folded()).copied()
    }
}
