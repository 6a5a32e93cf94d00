//! The filter `near`: the nearest place that has a candidate left.
//!
//! 1. A client whose zone is known, or of whom nothing else is, is where its region is: its own region comes first, then the others by
//!    distance, then those without a location. These orders are compiled.
//! 2. A client whose place is known is measured from there. So is every client as soon as a candidate has a location or bias of its own
//!    (a branch): then by the distances that biases make of the true ones; whoever has no location comes last.
//! 3. Without a place for the client, or for any candidate, the list stays: a guess would be worse than a spread.

use hf_config::estate::{Estate, RegionIx};

use crate::candidate::Candidate;
use crate::globe::{Point, biased};
use crate::locality::{Locality, Needs};
use crate::mask::{self, Mask};

/// Candidates by distance.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// For each region of a client the candidates, nearest first.
    tiers: Vec<Vec<Mask>>,
    places: Vec<Place>,
    /// For each region where it is.
    regions: Vec<Option<Point>>,
    /// A candidate has a location or bias of its own.
    is_own: bool,
    all: Mask,
}

/// Candidates at one place.
#[derive(Clone, Debug)]
struct Place {
    point: Point,
    bias: i8,
    candidates: Mask,
}

impl Nearest {
    pub fn new(estate: &Estate, candidates: &[Candidate], words: usize) -> Nearest {
        let regions: Vec<Option<Point>> =
            estate.regions.iter().map(|region| region.location.map(Point::new)).collect();
        let of_region = |region: Option<RegionIx>| estate.regions[region?.at()].location;
        let is_own = candidates.iter().any(|candidate| {
            candidate.bias != 0
                || candidate.location.is_some() && candidate.location != of_region(candidate.region)
        });
        let by_region = super::grouped(words, candidates, |candidate| Some(candidate.region));
        let tiers = (0..estate.regions.len() as u16).map(|from| tiers(RegionIx(from), &regions, &by_region));
        let by_place =
            super::grouped(words, candidates, |candidate| Some((candidate.location?, candidate.bias)));
        let place = |((location, bias), candidates)| Place { point: Point::new(location), bias, candidates };
        let all = mask::of(words, candidates.iter().map(|candidate| candidate.at));
        let places = by_place.into_iter().map(place).collect();
        Nearest { tiers: tiers.collect(), places, regions, is_own, all }
    }

    /// Nothing of the client matters where all candidates are at one place.
    pub fn needs(&self) -> Needs {
        let is_divided = self.places.iter().any(|place| place.candidates != self.all);
        let matters = is_divided || self.tiers.iter().any(|tiers| tiers.len() > 1);
        Needs { networks: matters, geo: matters, latency: false }
    }

    pub fn keep(&self, client: &Locality<'_>, left: &mut [u64], spare: &mut Vec<u64>) {
        let of_region = client.region.and_then(|region| self.regions.get(region.at()).copied().flatten());
        let found = client.geo.location.map(Point::new).filter(|_| client.zone.is_none());
        let from = if self.is_own { found.or(of_region) } else { found };
        if let Some(from) = from
            && self.keep_from(from, left, spare)
        {
            return;
        }
        let tiers = client.region.and_then(|region| self.tiers.get(region.at()));
        if let Some(tier) = tiers.into_iter().flatten().find(|tier| mask::meets(left, tier)) {
            mask::keep(left, tier);
        }
    }

    /// Keeps what is nearest to a point, if anybody left has a place.
    fn keep_from(&self, from: Point, left: &mut [u64], spare: &mut Vec<u64>) -> bool {
        spare.clear();
        spare.resize(left.len(), 0);
        let mut nearest = None;
        for place in self.places.iter().filter(|place| mask::meets(left, &place.candidates)) {
            let distance = biased(from.arc_millideg(place.point), place.bias);
            if nearest.is_none_or(|nearest| distance < nearest) {
                nearest = Some(distance);
                spare.copy_from_slice(&place.candidates);
            } else if nearest == Some(distance) {
                mask::add(spare, &place.candidates);
            }
        }
        if nearest.is_some() {
            mask::keep(left, spare);
        }
        nearest.is_some()
    }
}

/// The candidates of all regions as one region sees them, nearest first; regions that are equally far are together.
fn tiers(from: RegionIx, points: &[Option<Point>], by_region: &[(Option<RegionIx>, Mask)]) -> Vec<Mask> {
    let distance = |region: Option<RegionIx>| -> u32 {
        if region == Some(from) {
            return 0;
        }
        match (points[from.at()], region.and_then(|region| points[region.at()])) {
            (Some(here), Some(there)) => here.arc_millideg(there).max(1),
            _ => u32::MAX,
        }
    };
    let mut sorted: Vec<(u32, &Mask)> =
        by_region.iter().map(|(region, mask)| (distance(*region), mask)).collect();
    sorted.sort_by_key(|(distance, _)| *distance);
    let mut tiers: Vec<Mask> = Vec::new();
    for same in sorted.chunk_by(|one, other| one.0 == other.0) {
        let mut tier = same[0].1.clone();
        same[1..].iter().for_each(|(_, mask)| mask::add(&mut tier, mask));
        tiers.push(tier);
    }
    tiers
}
