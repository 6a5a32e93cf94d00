//! A snapshot, ready to answer from: what the estate alone decides, contents of hosted zones, and who may be chosen now.

use std::sync::Arc;

use hf_config::estate::SerialPolicy;
use hf_dnssec::Signing;
use hf_hosted::{ChangeError, Contents, Search};
use hf_model::{DnsName, WireName};
use hf_select::{Around, Geo, LatencyTable, NoGeo};
use hf_snapshot::Snapshot;

use crate::hosted_set::HostedSet;
use crate::routes::{Routes, ZoneAt};
use crate::rtype;
use crate::standing::Standing;
use crate::write::Scratch;
use crate::zone::Zone;

/// A snapshot, ready to answer from. Immutable; whatever changes makes a new one, which shares all that did not change.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) routes: Arc<Routes>,
    /// One for each hosted zone of the estate.
    zones: Arc<[Arc<Zone>]>,
    /// Whether one of them has more names than a processor keeps near.
    searches_far: bool,
    pub(crate) standing: Arc<Standing>,
    pub(crate) snapshot: Arc<Snapshot>,
    hosted: Arc<HostedSet>,
    pub(crate) around: Arc<Around>,
    latency: Arc<LatencyTable>,
    pub(crate) geo: GeoSource,
    /// The zones that are signed.
    pub(crate) signing: Arc<Signing>,
    /// What zones show whose serial is the time.
    time_serial: u32,
}

/// A geography database.
#[derive(Clone)]
pub(crate) struct GeoSource(pub(crate) Arc<dyn Geo>);

impl std::fmt::Debug for GeoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GeoSource")
    }
}

impl Compiled {
    /// Compiles everything. Work: all names of the estate.
    pub fn new(snapshot: Arc<Snapshot>, hosted: Arc<HostedSet>) -> Self {
        let routes = Arc::new(Routes::new(&snapshot.estate));
        let latency = Arc::new(LatencyTable::default());
        let zones = zones(&routes, &snapshot, &hosted, &[]);
        Compiled {
            searches_far: searches_far(&zones),
            zones,
            standing: Arc::new(Standing::new(&snapshot, &routes)),
            around: Arc::new(Around::new(&snapshot.estate, &latency)),
            latency,
            geo: GeoSource(Arc::new(NoGeo)),
            signing: Arc::default(),
            time_serial: (snapshot.made_at.0 / 1_000) as u32,
            routes,
            snapshot,
            hosted,
        }
    }

    /// The form of a newer snapshot or newer contents. Compiled anew: with another estate everything; else the hosted zones whose
    /// contents or dynamic records are others, and who may be chosen.
    #[must_use]
    pub fn updated(&self, snapshot: Arc<Snapshot>, hosted: Arc<HostedSet>) -> Self {
        let is_same_estate = snapshot.estate.digest == self.routes.estate;
        let routes =
            if is_same_estate { self.routes.clone() } else { Arc::new(Routes::new(&snapshot.estate)) };
        let around = if is_same_estate {
            self.around.clone()
        } else {
            Arc::new(Around::new(&snapshot.estate, &self.latency))
        };
        let kept: &[Arc<Zone>] = if is_same_estate { &self.zones } else { &[] };
        let standing = if Arc::ptr_eq(&snapshot, &self.snapshot) {
            self.standing.clone()
        } else {
            Arc::new(Standing::new(&snapshot, &routes))
        };
        // The newest of all that were made: a serial never goes back.
        let time_serial = self.time_serial.max((snapshot.made_at.0 / 1_000) as u32);
        let zones = zones(&routes, &snapshot, &hosted, kept);
        Compiled {
            searches_far: searches_far(&zones),
            zones,
            standing,
            around,
            latency: self.latency.clone(),
            geo: self.geo.clone(),
            signing: self.signing.clone(),
            time_serial,
            routes,
            snapshot,
            hosted,
        }
    }

    /// With a geography database.
    #[must_use]
    pub fn with_geo(mut self, geo: Arc<dyn Geo>) -> Self {
        self.geo = GeoSource(geo);
        self
    }

    /// With a table of latencies. Work: all networks of the table.
    #[must_use]
    pub fn with_latency(mut self, latency: Arc<LatencyTable>) -> Self {
        self.around = Arc::new(Around::new(&self.snapshot.estate, &latency));
        self.latency = latency;
        self
    }

    /// With these zones signed, and no others.
    #[must_use]
    pub fn with_signing(mut self, signing: Arc<Signing>) -> Self {
        self.signing = signing;
        self
    }

    /// With this serial for zones whose serial is the time: seconds of the node's clock, never less than before. Without it the second
    /// at which the snapshot was made.
    #[must_use]
    pub fn with_time_serial(mut self, serial: u32) -> Self {
        self.time_serial = serial;
        self
    }

    /// The snapshot that it answers from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The contents beside the estate's.
    pub fn hosted(&self) -> &Arc<HostedSet> {
        &self.hosted
    }

    /// The contents of a hosted zone with everything laid over them, and the serial that its SOA shows; none where it is not ours or
    /// has not been loaded. Steered names are tags in it: ask for them to know what they answer now.
    pub fn contents(&self, apex: &DnsName) -> Option<(&Contents, u32)> {
        let position = self.snapshot.estate.hosted_zones.iter().position(|zone| zone.name == *apex)?;
        let zone = self.zone_at(position);
        Some((zone.zone.contents.as_ref()?, self.serial_of(zone)))
    }

    /// Hosted zones with names whose dynamic records cannot stand and are left out, and why: one reason for each name.
    pub fn left_out(&self) -> impl Iterator<Item = (&DnsName, &[ChangeError])> {
        let zones = self.snapshot.estate.hosted_zones.iter().zip(self.zones.iter());
        zones
            .filter(|(_, zone)| !zone.left_out.is_empty())
            .map(|(hosted, zone)| (&hosted.name, &zone.left_out[..]))
    }

    /// The narrowest hosted zone around a folded name; for DS, the one around its parent if that is ours too.
    #[inline]
    pub(crate) fn zone_of(&self, name: &[u8], rtype: u16) -> Option<ZoneAt<'_>> {
        let mut zones = self.routes.zones_around(name);
        let narrowest = self.zone_at(zones.next()?);
        if rtype == rtype::DS && narrowest.declared.apex.as_wire() == name {
            return Some(zones.next().map_or(narrowest, |wider| self.zone_at(wider)));
        }
        Some(narrowest)
    }

    pub(crate) fn zone_at(&self, at: usize) -> ZoneAt<'_> {
        ZoneAt { at, declared: &self.routes.declared[at], zone: &self.zones[at] }
    }

    /// Whether [`Compiled::search`] may give anything.
    #[inline]
    pub fn searches_far(&self) -> bool {
        self.searches_far
    }

    /// The first search that answering about this name takes, if that is among more names than a processor keeps near. A hint: answers do not depend on it.
    #[inline]
    pub fn search(&self, name: &[u8], scratch: &mut Scratch) -> Option<Search<'_>> {
        let folded = scratch.folded(name)?;
        let zone = self.zone_at(self.routes.zones_around(folded).next()?);
        zone.zone.contents.as_ref()?.search(folded)
    }

    /// The serial that a hosted zone shows now.
    pub(crate) fn serial_of(&self, zone: ZoneAt<'_>) -> u32 {
        match zone.declared.serial {
            SerialPolicy::Written => zone.zone.soa.as_ref().map_or(0, |soa| soa.serial),
            SerialPolicy::Revision => self.snapshot.intent.revision.0 as u32,
            SerialPolicy::Time => self.hosted.serial(&zone.declared.apex).unwrap_or(self.time_serial),
        }
    }
}

/// Every hosted zone; those of `kept` that would come out the same stay.
fn zones(routes: &Routes, snapshot: &Snapshot, hosted: &HostedSet, kept: &[Arc<Zone>]) -> Arc<[Arc<Zone>]> {
    let zone = |(at, declared): (usize, &crate::zone::Declared)| {
        let loaded = hosted.get(&declared.apex);
        let dynamic = snapshot.intent.dynamic_of(&snapshot.estate.hosted_zones[at].name);
        match kept.get(at).filter(|zone| zone.is_of(declared, loaded, dynamic)) {
            Some(zone) => zone.clone(),
            None => Arc::new(Zone::new(declared, loaded, dynamic)),
        }
    };
    routes.declared.iter().enumerate().map(zone).collect()
}

fn searches_far(zones: &[Arc<Zone>]) -> bool {
    zones.iter().filter_map(|zone| zone.contents.as_ref()).any(Contents::is_far)
}

impl HostedSet {
    /// The contents of the hosted zone of this name.
    pub fn of(&self, name: &DnsName) -> Option<&Arc<Contents>> {
        self.get(&WireName::from(name))
    }
}
