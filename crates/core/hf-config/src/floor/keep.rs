//! How much of one pool must stay in service, whoever asks: the one floor that acts are refused by and decided by.
//!
//! 1. Judged in zones and in capacity. An endpoint's capacity is its part, by weight, of what its zone carries of the pool.
//! 2. Zones of spares (nothing but weight 0) count only when no other zone is left: then they are what serves.
//! 3. At least one zone stays, even of a pool without a floor.
//! 4. A zone that an operator takes out by naming this very pool leaves in any case ([`Floor::force_zone`]).
//!
//! Not here: what a zone carries (`super`), who asks and who asks first (`hf-control`, `hf-decide`).

use std::collections::BTreeMap;

use hf_model::{Share, Weight};

use super::capacities;
use crate::estate::{Estate, Pool, ZoneIx};

/// One pool's zones and capacity, counted once; claims are then tried against it.
#[derive(Clone, Debug)]
pub struct Floor {
    min_zones: u16,
    min_capacity: Share,
    has_only_spares: bool,
    zones: BTreeMap<ZoneIx, FloorZone>,
    capacity: u64,
    capacity_in: u64,
    weighted_in: u16,
    spares_in: u16,
}

/// Why something must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    /// Fewer zones than the pool's `min_zones` would stay.
    Zones {
        /// The floor.
        needed: u16,
        /// What would stay.
        left: u16,
    },
    /// Less than the pool's `min_capacity` would stay.
    Capacity {
        /// The floor.
        needed: Share,
        /// What would stay.
        left: Share,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct FloorZone {
    capacity: u64,
    weight: u64,
    weight_in: u64,
}

impl FloorZone {
    fn capacity_at(self, weight_in: u64) -> u64 {
        match self.weight {
            0 => 0,
            weight => (u128::from(self.capacity) * u128::from(weight_in) / u128::from(weight)) as u64,
        }
    }
}

impl Floor {
    /// The whole pool is in.
    pub fn new(estate: &Estate, pool: &Pool) -> Self {
        let has_only_spares = pool.endpoints.iter().all(|endpoint| endpoint.weight == Weight(0));
        let mut zones: BTreeMap<ZoneIx, FloorZone> = BTreeMap::new();
        for endpoint in &pool.endpoints {
            let zone = zones.entry(endpoint.zone).or_default();
            zone.weight += weight(endpoint.weight, has_only_spares);
            zone.weight_in = zone.weight;
        }
        for (zone, capacity) in capacities(estate, pool) {
            zones.entry(zone).or_default().capacity = capacity;
        }
        let capacity = zones.values().fold(0, |sum: u64, zone| sum.saturating_add(zone.capacity));
        let weighted_in = zones.values().filter(|zone| zone.weight > 0).count() as u16;
        Floor {
            min_zones: pool.min_zones.max(1),
            min_capacity: pool.min_capacity,
            has_only_spares,
            spares_in: zones.len() as u16 - weighted_in,
            zones,
            capacity,
            capacity_in: capacity,
            weighted_in,
        }
    }

    /// Takes a zone out that is in.
    ///
    /// # Errors
    ///
    /// [`Short`] when it must stay; nothing was taken then.
    pub fn take_zone(&mut self, zone: ZoneIx) -> Result<(), Short> {
        let Some(found) = self.zones.get(&zone).copied() else { return Ok(()) };
        let is_spare = found.weight == 0;
        let weighted = self.weighted_in - u16::from(!is_spare);
        let spares = self.spares_in - u16::from(is_spare);
        let left = if weighted > 0 { weighted } else { spares };
        // A spare that leaves takes nothing from what the floor counts, unless it is what serves.
        if left < self.min_zones && !(is_spare && weighted > 0) {
            return Err(Short::Zones { needed: self.min_zones, left });
        }
        self.take_capacity(found.capacity_at(found.weight_in))?;
        (self.weighted_in, self.spares_in) = (weighted, spares);
        self.zones.remove(&zone);
        Ok(())
    }

    /// Takes a zone out whatever would stay, even nothing.
    pub fn force_zone(&mut self, zone: ZoneIx) {
        let Some(found) = self.zones.remove(&zone) else { return };
        if found.weight == 0 {
            self.spares_in -= 1;
        } else {
            self.weighted_in -= 1;
        }
        self.capacity_in = self.capacity_in.saturating_sub(found.capacity_at(found.weight_in));
    }

    /// Takes an endpoint out of a zone that is in.
    ///
    /// # Errors
    ///
    /// [`Short`] when it must stay; nothing was taken then.
    pub fn take_endpoint(&mut self, zone: ZoneIx, of: Weight) -> Result<(), Short> {
        let Some(found) = self.zones.get(&zone).copied() else { return Ok(()) };
        let weight_in = found.weight_in - weight(of, self.has_only_spares).min(found.weight_in);
        self.take_capacity(found.capacity_at(found.weight_in) - found.capacity_at(weight_in))?;
        self.zones.insert(zone, FloorZone { weight_in, ..found });
        Ok(())
    }

    /// What has no capacity may always leave.
    fn take_capacity(&mut self, capacity: u64) -> Result<(), Short> {
        let remaining = self.capacity_in.saturating_sub(capacity);
        let left = Share::of(remaining, self.capacity);
        if capacity > 0 && left < self.min_capacity {
            return Err(Short::Capacity { needed: self.min_capacity, left });
        }
        self.capacity_in = remaining;
        Ok(())
    }

    /// The zones that the pool keeps at least.
    pub fn min_zones(&self) -> u16 {
        self.min_zones
    }
}

fn weight(of: Weight, has_only_spares: bool) -> u64 {
    if has_only_spares { 1 } else { u64::from(of.0) }
}
