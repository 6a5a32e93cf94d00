//! The filter `geo`: the narrowest area that the client is in and that has a candidate left.
//!
//! 1. Subdivision, then country, then continent, then `*` (Route 53's ladder for geolocation). With none of them nobody is left.
//! 2. A client of whom nothing is known is in `*` only.
//! 3. Where no candidate names an area there is nothing to go by: all stay.

use hf_config::estate::GeoArea;

use crate::candidate::Candidate;
use crate::locality::Locality;
use crate::mask::{self, Mask};

/// Candidates by area, in order of the areas.
#[derive(Clone, Debug)]
pub struct Areas {
    areas: Vec<(GeoArea, Mask)>,
}

impl Areas {
    pub fn new(candidates: &[Candidate], words: usize) -> Areas {
        let mut named: Vec<(GeoArea, u16)> = candidates
            .iter()
            .flat_map(|candidate| candidate.geo.iter().map(move |area| (*area, candidate.at)))
            .collect();
        named.sort_unstable();
        let of_area = |same: &[(GeoArea, u16)]| (same[0].0, mask::of(words, same.iter().map(|(_, at)| *at)));
        Areas { areas: named.chunk_by(|one, other| one.0 == other.0).map(of_area).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    fn area(&self, area: GeoArea) -> Option<&Mask> {
        self.areas.binary_search_by_key(&area, |(area, _)| *area).ok().map(|at| &self.areas[at].1)
    }

    pub fn keep(&self, client: &Locality<'_>, left: &mut [u64]) {
        if self.is_empty() {
            return;
        }
        let geo = &client.geo;
        let subdivision = geo.country.zip(geo.subdivision).map(|(of, part)| GeoArea::Subdivision(of, part));
        let ladder = [
            subdivision,
            geo.country.map(GeoArea::Country),
            geo.continent.map(GeoArea::Continent),
            Some(GeoArea::Default),
        ];
        let mut steps = ladder.into_iter().flatten().filter_map(|area| self.area(area));
        match steps.find(|area| mask::meets(left, area)) {
            Some(area) => mask::keep(left, area),
            None => left.fill(0),
        }
    }
}
