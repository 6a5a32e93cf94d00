//! Which share of the requests never meets a bad zone, by whom their services call.
//!
//! 1. A request comes in at any zone of the region alike, and so does a regional call: each avoids the bad zones with (n-k)/n, where the
//!    region has n zones and k of them are bad. A zonal call stays where its caller is: it avoids what its caller avoided.
//! 2. So a request avoids them with ((n-k)/n)^(1+R), where R is how many regional calls it makes in all: three services in a row in three
//!    zones, (2/3)^3 with regional calls, 2/3 with zonal ones.
//! 3. A service that is called on two ways is called twice.
//!
//! Not here: which calls there are (`hf-config`), zones of unlike size.

use std::collections::BTreeMap;

use hf_config::estate::{CallScope, Estate, RegionIx, ServiceIx, ZoneIx};
use hf_model::Share;

/// A fraction to a power: `(2/3)^4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// At most `of`.
    pub part: u16,
    /// At least 1.
    pub of: u16,
    /// How often.
    pub power: u64,
}

impl Fraction {
    /// As whole numbers, where they fit.
    pub fn exact(self) -> Option<(u128, u128)> {
        let power = u32::try_from(self.power).ok()?;
        Some((u128::from(self.part).checked_pow(power)?, u128::from(self.of).checked_pow(power)?))
    }

    /// Rounded down to parts per million.
    pub fn share(self) -> Share {
        if let Some((part, of)) = self.exact()
            && let Some(scaled) = part.checked_mul(1_000_000)
        {
            return Share::of((scaled / of) as u64, 1_000_000);
        }
        if self.part == self.of {
            return Share::ONE;
        }
        // Eighteen digits: each factor takes something away, so this ends at 0 at the latest.
        let mut left: u128 = 1_000_000_000_000_000_000;
        for _ in 0..self.power {
            left = left * u128::from(self.part) / u128::from(self.of);
            if left == 0 {
                break;
            }
        }
        Share::of((left / 1_000_000_000_000) as u64, 1_000_000)
    }
}

impl std::fmt::Display for Fraction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.power {
            1 => write!(f, "{}/{}", self.part, self.of),
            power => write!(f, "({}/{})^{power}", self.part, self.of),
        }
    }
}

/// What the requests of one entry service meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathShare {
    /// The service; nobody calls it.
    pub entry: ServiceIx,
    /// Services that a request goes to, itself included; one on two ways counts twice.
    pub services: u64,
    /// Of the calls, regional ones.
    pub regional: u64,
    /// The share of its requests that never meet a bad zone.
    pub avoids: Fraction,
    /// The same if all calls were regional.
    pub if_regional: Fraction,
    /// The same if all calls were zonal.
    pub if_zonal: Fraction,
}

/// The entry services' shares in a region of which the zones `lost` are bad; empty if none of them is in it.
pub fn path_shares(estate: &Estate, region: RegionIx, lost: impl Fn(ZoneIx) -> bool) -> Vec<PathShare> {
    let zones: Vec<ZoneIx> =
        estate.zone_indexes().filter(|zone| estate.zone(*zone).region == region).collect();
    let bad = zones.iter().filter(|zone| lost(**zone)).count();
    if bad == 0 {
        return Vec::new();
    }
    // An estate has at most 256 zones.
    let (part, of) = ((zones.len() - bad) as u16, zones.len() as u16);
    let fraction = |power: u64| Fraction { part, of, power };
    let mut known = BTreeMap::new();
    let is_called =
        |at: ServiceIx| estate.services.iter().any(|caller| caller.calls.iter().any(|call| call.to == at));
    let entries = (0..estate.services.len() as u16).map(ServiceIx).filter(|at| !is_called(*at));
    entries
        .map(|entry| {
            let (services, regional) = count(estate, entry, &mut known);
            PathShare {
                entry,
                services,
                regional,
                avoids: fraction(regional.saturating_add(1)),
                if_regional: fraction(services),
                if_zonal: fraction(1),
            }
        })
        .collect()
}

/// Services on all ways from here, this one included, and regional calls among them. The estate has no rings and at most 1,000 services.
fn count(estate: &Estate, at: ServiceIx, known: &mut BTreeMap<ServiceIx, (u64, u64)>) -> (u64, u64) {
    if let Some(found) = known.get(&at) {
        return *found;
    }
    let mut sum = (1_u64, 0_u64);
    for call in &estate.services[at.at()].calls {
        let (services, regional) = count(estate, call.to, known);
        let own = u64::from(call.scope == CallScope::Regional);
        sum = (sum.0.saturating_add(services), sum.1.saturating_add(regional).saturating_add(own));
    }
    known.insert(at, sum);
    sum
}
