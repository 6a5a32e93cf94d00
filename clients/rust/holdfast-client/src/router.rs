//! For routers of work: pick a worker, a cell or an endpoint outside of closed zones.
//!
//! 1. Only places in open zones are picked, by weight; a weight of 0 is picked only when no other place in an open zone is left.
//! 2. No place is in an open zone: all of them are picked from, as if all zones were open. Work that goes to a zone that may be broken is
//!    better than work that goes nowhere, and whoever closed every zone would be told so by `holdfast whatif`.
//! 3. There is no place at all: none is picked. That is the only case.
//!
//! Not here: whether a place is well; that is for health checks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::backoff::Chance;
use crate::client::{Holdfast, Inner};
use crate::quorum::Zones;

/// A place that work may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<T> {
    /// What is picked: an address, a channel, a number.
    pub to: T,
    /// Its zone, by id or alias.
    pub zone: String,
    /// Its part of the work beside the others.
    pub weight: u32,
}

impl<T> Place<T> {
    /// A place with the weight 1.
    pub fn new(to: T, zone: impl Into<String>) -> Self {
        Place { to, zone: zone.into(), weight: 1 }
    }

    /// With another weight.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        Place { weight, ..self }
    }
}

/// Picks places outside of closed zones.
///
/// ```no_run
/// # use holdfast_client::{Holdfast, Place};
/// # fn example(holdfast: &Holdfast) {
/// let router = holdfast.router(vec![
///     Place::new("10.0.1.5:9000", "use1-az1"),
///     Place::new("10.0.2.5:9000", "use1-az2").weight(2),
/// ]);
/// let worker = router.pick();
/// # }
/// ```
pub struct Router<T> {
    inner: Arc<Inner>,
    places: Vec<Place<T>>,
    chance: Mutex<Chance>,
}

impl<T> std::fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl Holdfast {
    /// A router of work to these places.
    pub fn router<T>(&self, places: Vec<Place<T>>) -> Router<T> {
        Router { inner: self.inner.clone(), places, chance: Mutex::new(Chance::new()) }
    }
}

impl<T> Router<T> {
    /// One place, by chance and weight; none only if there is no place at all.
    pub fn pick(&self) -> Option<&T> {
        let draw = self.chance.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.pick_by(draw)
    }

    /// The place that this number picks: the same number picks the same place until a zone closes or opens.
    pub fn pick_by(&self, draw: u64) -> Option<&T> {
        let zones = self.inner.zones.borrow().clone();
        pick(&self.places, &zones, draw).map(|place| &place.to)
    }

    /// All places that may be picked now.
    pub fn usable(&self) -> Vec<&T> {
        let zones = self.inner.zones.borrow().clone();
        usable(&self.places, &zones).into_iter().map(|place| &place.to).collect()
    }

    /// All places, usable or not.
    pub fn places(&self) -> &[Place<T>] {
        &self.places
    }
}

/// The places that may be picked: pure.
fn usable<'a, T>(places: &'a [Place<T>], zones: &Zones) -> Vec<&'a Place<T>> {
    let open: Vec<&Place<T>> = places.iter().filter(|place| zones.is_open(&place.zone)).collect();
    let left = if open.is_empty() { places.iter().collect() } else { open };
    let weighty: Vec<&Place<T>> = left.iter().copied().filter(|place| place.weight > 0).collect();
    if weighty.is_empty() { left } else { weighty }
}

/// The place that a draw picks: pure. A draw is any 64 bits.
///
/// ```
/// use holdfast_client::{Place, State, Zones, pick};
/// let places = [Place::new(1, "a"), Place::new(2, "b")];
/// let zones = Zones::of([("a", State::Away), ("b", State::Open)]);
/// assert_eq!(pick(&places, &zones, 7).unwrap().to, 2);
/// ```
pub fn pick<'a, T>(places: &'a [Place<T>], zones: &Zones, draw: u64) -> Option<&'a Place<T>> {
    let usable = usable(places, zones);
    let weight = |place: &Place<T>| u64::from(place.weight.max(1));
    let sum: u64 = usable.iter().map(|place| weight(place)).sum();
    let mut at = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
    usable.into_iter().find(|place| {
        let is_here = at < weight(place);
        at = at.saturating_sub(weight(place));
        is_here
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::State;

    const IDS: [&str; 3] = ["a", "b", "c"];

    fn zones(bits: u8) -> Zones {
        let state = |at: usize| if bits >> at & 1 == 1 { State::Away } else { State::Open };
        Zones::of(IDS.iter().enumerate().map(|(at, id)| (*id, state(at))))
    }

    #[test]
    fn work_is_spread_by_weight() {
        let places = [Place::new('x', "a"), Place::new('y', "b").weight(3), Place::new('z', "c").weight(0)];
        let count = |bits: u8, name: char| {
            // In the middle of each of 400 equal parts.
            let draws = (0..400_u64).map(|at| (2 * at + 1) * (u64::MAX / 800));
            draws.filter(|draw| pick(&places, &zones(bits), *draw).unwrap().to == name).count()
        };
        assert_eq!([count(0, 'x'), count(0, 'y'), count(0, 'z')], [100, 300, 0]);
        assert_eq!([count(0b010, 'x'), count(0b011, 'z')], [400, 400]);
        assert_eq!([count(0b111, 'x'), count(0b111, 'y')], [100, 300]);
        assert_eq!(pick::<u8>(&[], &zones(0), 5), None);
    }

    proptest! {
        /// A place in a closed zone is picked only when no place is in an open one; and with places there always is one.
        #[test]
        fn never_a_closed_zone_while_another_is_open(
            of in proptest::collection::vec((0usize..3, 0u32..4), 1..8), bits in 0u8..8, draw in any::<u64>(),
        ) {
            let places: Vec<Place<usize>> = of.iter().enumerate().map(|(at, (zone, weight))| Place::new(at, IDS[*zone]).weight(*weight)).collect();
            let zones = zones(bits);
            let picked = pick(&places, &zones, draw);
            prop_assert!(picked.is_some());
            if places.iter().any(|place| zones.is_open(&place.zone)) {
                prop_assert!(zones.is_open(&picked.unwrap().zone));
            }
        }
    }
}
