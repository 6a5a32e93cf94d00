//! All records of a version, one by one.

use hf_model::WireName;

use crate::contents::Contents;
use crate::node::{NodeRef, Rdata, Sets};
use crate::{relative, rtype};

/// One record.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    apex: &'a WireName,
    relative: &'a [u8],
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Names in it uncompressed.
    pub rdata: &'a [u8],
}

impl RecordRef<'_> {
    /// The owner, in lower case.
    pub fn owner(&self) -> WireName {
        relative::whole(self.relative, self.apex)
    }

    /// Appends the owner's wire form: no allocation for each.
    pub fn write_owner(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.relative);
        out.extend_from_slice(self.apex.as_wire());
    }

    /// The owner's bytes before the apex.
    pub fn relative(&self) -> &[u8] {
        self.relative
    }
}

impl std::fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} TYPE{} {:?}", self.owner(), self.ttl, self.rtype, self.rdata)
    }
}

/// Records, the SOA first; it comes once.
pub struct Records<'a> {
    apex: &'a WireName,
    soa: Option<RecordRef<'a>>,
    nodes: Box<dyn Iterator<Item = NodeRef<'a>> + Send + 'a>,
    relative: &'a [u8],
    sets: Option<Sets<'a>>,
    set: Option<(u16, Rdata<'a>)>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(contents: &'a Contents) -> Self {
        let apex = contents.apex();
        let soa = contents.soa().and_then(|set| {
            let (ttl, rdata) = set.rdata().next_with_ttl()?;
            Some(RecordRef { apex, relative: &[], rtype: rtype::SOA, ttl, rdata })
        });
        Records { apex, soa, nodes: Box::new(contents.nodes()), relative: &[], sets: None, set: None }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    fn next(&mut self) -> Option<RecordRef<'a>> {
        if let Some(soa) = self.soa.take() {
            return Some(soa);
        }
        loop {
            if let Some((kind, rdata)) = &mut self.set
                && let Some((ttl, rdata)) = rdata.next_with_ttl()
            {
                return Some(RecordRef {
                    apex: self.apex,
                    relative: self.relative,
                    rtype: *kind,
                    ttl,
                    rdata,
                });
            }
            self.set = None;
            if let Some(set) = self.sets.as_mut().and_then(Iterator::next) {
                if set.rtype() != rtype::SOA {
                    self.set = Some((set.rtype(), set.rdata()));
                }
                continue;
            }
            let node = self.nodes.next()?;
            (self.relative, self.sets) = (node.relative(), Some(node.sets()));
        }
    }
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Records of {}", self.apex)
    }
}
