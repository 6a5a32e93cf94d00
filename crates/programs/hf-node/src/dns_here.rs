//! DNS of this node, as its API asks it: `hf-dns` on one side, `hf-control-plane` on the other, who do not know each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_answer::HostedSet;
use hf_control_plane::{DnsHere, DnsNameHere, HostedZoneHere, ShareHere};
use hf_dns::{Counters, HostedReport, HostedStore, NameReport, Names};

/// What answers DNS here.
pub struct Here {
    /// Contents of hosted zones that are not in the estate.
    pub store: Option<HostedStore>,
    /// What steered names answered.
    pub names: Names,
    /// What came in.
    pub counters: Arc<Counters>,
}

impl DnsHere for Here {
    fn hosted_zones(&self) -> Vec<HostedZoneHere> {
        let mut serials: BTreeMap<_, _> = self.names.serials().into_iter().collect();
        let loaded = self.store.as_ref().map(HostedStore::report).unwrap_or_default();
        let here = |zone: HostedReport| HostedZoneHere {
            // What answers show: its policy may be another one than the file's or primary's own.
            serial: serials.remove(&zone.name).or(zone.serial),
            name: zone.name,
            records: zone.records,
            seen_at: zone.seen_at,
            problem: zone.problem,
        };
        let mut all: Vec<HostedZoneHere> = loaded.into_iter().map(here).collect();
        all.extend(serials.into_iter().map(|(name, serial)| HostedZoneHere {
            name,
            serial: Some(serial),
            records: None,
            seen_at: None,
            problem: None,
        }));
        all
    }

    fn contents(&self) -> Arc<HostedSet> {
        self.store.as_ref().map(|store| store.subscribe().borrow().clone()).unwrap_or_default()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.counters.report().lines().into()
    }

    fn names(&self) -> Vec<DnsNameHere> {
        self.names.report().into_iter().map(name).collect()
    }
}

fn name(report: NameReport) -> DnsNameHere {
    let zones = report.zones.into_iter().map(|share| ShareHere {
        of: share.zone.to_string(),
        answers: share.answers,
        weight: share.weight,
    });
    let branches = report.branches.into_iter().enumerate().map(|(at, share)| ShareHere {
        of: (at + 1).to_string(),
        answers: share.answers,
        weight: share.weight,
    });
    DnsNameHere {
        name: report.name,
        family: report.family,
        answers: report.answers,
        zones: zones.collect(),
        branches: branches.collect(),
    }
}
