//! What the detectors of all pools said last, by name: what acts, what is shown.
//!
//! Not here: how it is found (`detector`), who acts on it (`hf-control-plane`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use hf_model::{PoolName, Timestamp, ZoneId};

use crate::detector::{Apart, Evidence, Finding, Stage};
use crate::recording::Recording;

/// The word on every pool that is watched: those with endpoints in two zones or more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// By pool.
    pub pools: BTreeMap<PoolName, PoolJudged>,
    /// Seconds of evidence that were dropped since the start, by a bound or because they came at a wrong time; by what became of them. Each is what
    /// one balancer told for one second; under `pools` it is what all of them told of one pool.
    pub seconds_dropped: BTreeMap<&'static str, u64>,
}

/// The word on one pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolJudged {
    /// The second it is about: seconds of Unix time.
    pub second: u64,
    /// What to do; zones are positions in [`PoolJudged::zones`].
    pub finding: Finding,
    /// Every zone of the pool, in the estate's order.
    pub zones: Vec<ZoneJudged>,
    /// Seconds until the first verdict may come: the detector is new, or its past was lost.
    pub warm_in_s: u32,
    /// Zones whose own balancers see trouble everywhere while others see none there: their word counts for nothing.
    pub observers_doubted: Vec<ZoneId>,
    /// The newest seconds that its detector took.
    pub recording: Recording,
    /// Endpoints and clients that are surely bad and are no zone, with the endpoint's address.
    pub apart: Vec<(Apart, Option<SocketAddr>)>,
    /// What is surely worse than it was in more than half of the zones, and in which; positions in [`PoolJudged::zones`].
    pub everywhere: Option<(&'static str, Vec<usize>)>,
}

/// The word on one zone of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneJudged {
    /// The zone.
    pub zone: ZoneId,
    /// What is known against it.
    pub evidence: Evidence,
    /// For how many seconds in a row it has been impaired; 0 while it is not.
    pub impaired_s: u32,
    /// Why it counts as being deployed to, so that more evidence is wanted; none if it does not.
    pub mark: Option<Mark>,
}

/// Why a zone of a pool counts as being deployed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Somebody told.
    Told {
        /// When that ends by itself.
        until: Timestamp,
    },
    /// Endpoints came or went there.
    Endpoints {
        /// When that counts no more.
        until: Timestamp,
    },
}

impl PoolJudged {
    /// The zone that is impaired while the others are not, if that is the finding.
    pub fn impaired(&self) -> Option<&ZoneJudged> {
        match self.finding {
            Finding::Zone(at) => self.zones.get(at),
            Finding::Nothing | Finding::Several => None,
        }
    }

    /// The word on one zone.
    pub fn zone(&self, zone: &ZoneId) -> Option<&ZoneJudged> {
        self.zones.iter().find(|judged| judged.zone == *zone)
    }
}

impl Stage {
    /// As it is written in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Normal => "normal",
            Stage::Suspect => "suspect",
            Stage::Held => "held",
            Stage::Impaired => "impaired",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A share in percent, as exact as it needs to be read.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.0;
        if percent < 9.95 { write!(f, "{percent:.1} %") } else { write!(f, "{percent:.0} %") }
    }
}

impl fmt::Display for Evidence {
    /// One line: what is measured, what is tolerated, the evidence and what a verdict needs, the test and its window.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, rate) = self.strongest();
        write!(f, "{what} {} (tolerated {})", Percent(rate.now), Percent(rate.tolerated))?;
        write!(f, ", evidence {:.0} of {:.0}", self.total.max(0.0), self.threshold)?;
        write!(
            f,
            ", sequential test of {} s, rates of 10 s at {:.0} requests/s",
            self.suspect_s, self.requests
        )?;
        if self.stage == Stage::Held {
            f.write_str(", held: it may be everywhere")?;
        }
        if self.young_endpoints > 0 {
            write!(
                f,
                "; trouble goes from endpoint to endpoint, or comes and goes: that of {} endpoints is too young to count",
                self.young_endpoints
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
