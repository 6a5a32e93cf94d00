//! Whether a load fits a capacity.

use std::collections::BTreeMap;

use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_model::Share;

/// How a capacity is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The estate says so.
    Declared,
    /// The most of the last week that was carried well: more was never asked for, or did not go well.
    Measured,
}

/// What something carries, in requests of 1,000 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Carries {
    /// That much.
    pub load: u64,
    /// How that is known.
    pub basis: Basis,
    /// The least load above it that went badly; none while none did.
    pub failed_at: Option<u64>,
}

/// Whether a load is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// It is.
    Fits,
    /// Nobody knows what can be carried.
    Unknown,
    /// More than was ever measured; whether it can be carried was never seen.
    Unproven,
    /// More than what is declared, or as much as went badly.
    Beyond,
}

impl Carries {
    /// Whether a load is carried.
    pub fn fit(self, load: u64) -> Fit {
        match self.basis {
            _ if load <= self.load => Fit::Fits,
            Basis::Declared => Fit::Beyond,
            Basis::Measured if self.failed_at.is_some_and(|failed| load >= failed) => Fit::Beyond,
            Basis::Measured => Fit::Unproven,
        }
    }
}

/// The share of a capacity that a load leaves free; none where the capacity is not known.
pub fn headroom(capacity: Option<Carries>, load: u64) -> Option<Share> {
    capacity.map(|capacity| Share::of(capacity.load.saturating_sub(load), capacity.load))
}

/// What zones carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacities {
    /// All pools of a zone together.
    pub zones: BTreeMap<ZoneIx, Carries>,
    /// One pool in one zone, where it was measured.
    pub pools: BTreeMap<(PoolIx, ZoneIx), Carries>,
}

impl Capacities {
    /// What the estate declares.
    pub fn declared(estate: &Estate) -> Capacities {
        let of = |zone: ZoneIx| {
            let load = estate.zone(zone).capacity?.0.saturating_mul(1_000);
            Some((zone, Carries { load, basis: Basis::Declared, failed_at: None }))
        };
        Capacities { zones: estate.zone_indexes().filter_map(of).collect(), pools: BTreeMap::new() }
    }

    /// The same, with what was measured where nothing is declared.
    #[must_use]
    pub fn or_measured(mut self, measured: Capacities) -> Capacities {
        for (zone, capacity) in measured.zones {
            self.zones.entry(zone).or_insert(capacity);
        }
        self.pools.extend(measured.pools);
        self
    }
}
