//! The engine against a model of each filter in a few plain lines, and what holds of every chain.

use std::net::{IpAddr, Ipv4Addr};

use hf_config::estate::{CidrCollection, Estate, GeoArea, RegionIx, Sticky, ZoneIx};
use hf_model::{Cidr, CollectionName, Location, Share, Weight};
use proptest::prelude::*;

use super::*;
use crate::globe::{Point, biased};

/// Everything that a choice depends on.
#[derive(Clone, Debug)]
struct Case {
    estate: Estate,
    candidates: Vec<Candidate>,
    chain: Vec<Filter>,
    open: Vec<bool>,
    returning: Vec<(ZoneIx, Share)>,
    latency: LatencyTable,
    address: u32,
    seed: u64,
}

/// A database that tells places by the first four bits of an address.
struct Nibbles;

impl Geo for Nibbles {
    fn find(&self, address: IpAddr) -> GeoFound {
        let IpAddr::V4(v4) = address else { return GeoFound::default() };
        let found =
            |continent: &[u8; 2], country: Option<&[u8; 2]>, part: Option<&[u8; 3]>, location| GeoFound {
                continent: Some(*continent),
                country: country.copied(),
                subdivision: part.copied(),
                location,
                prefix_bits: 4,
            };
        let at = |latitude, longitude| {
            Some(Location { latitude_millideg: latitude, longitude_millideg: longitude })
        };
        match v4.octets()[0] >> 4 {
            0 => found(b"NA", Some(b"US"), Some(b"CA\0"), at(37_000, -122_000)),
            1 => found(b"NA", Some(b"US"), Some(b"NY\0"), None),
            2 => found(b"EU", Some(b"DE"), None, at(52_000, 13_000)),
            3 => found(b"EU", None, None, at(53_000, -6_000)),
            _ => GeoFound { prefix_bits: 4, ..GeoFound::default() },
        }
    }
}

impl Case {
    fn plan(&self) -> Plan {
        Plan::new(&self.estate, &self.candidates, &self.chain, Some(Sticky { v4_bits: 8, v6_bits: 48 }))
    }

    fn state(&self) -> State {
        State { returning: self.returning.clone(), ..State::new(self.open.iter().copied()) }
    }

    fn choose(&self, plan: &Plan, address: u32, scratch: &mut Scratch) -> (Vec<u16>, u8) {
        let around = Around::new(&self.estate, &self.latency);
        let client = around.locate((IpAddr::V4(address.into()), 32), Some(ZoneIx(0)), &Nibbles, plan.needs());
        let order = plan.choose(&self.state(), &client, self.seed, scratch).to_vec();
        assert_eq!(plan.explain(&self.state(), &client, self.seed).order, order);
        (order, plan.scope_bits(&client))
    }

    /// Whom the filters that do not draw leave, one after another over plain lists.
    fn model(&self) -> Vec<u16> {
        let address = IpAddr::V4(Ipv4Addr::from(self.address));
        let zone = self.estate.zone_of_client(address);
        let region = zone.map_or(RegionIx(0), |zone| self.estate.zone(zone).region);
        let geo = Nibbles.find(address);
        let mut left: Vec<&Candidate> = self.candidates.iter().collect();
        for filter in &self.chain {
            match filter {
                Filter::Open => {
                    left.retain(|c| self.open.get(usize::from(c.at)).copied().unwrap_or(false));
                    let is_in = |c: &&Candidate| {
                        let share = self.returning.iter().find(|(zone, _)| Some(*zone) == c.zone);
                        share.is_none_or(|(zone, share)| is_drawn(*zone, *share, self.seed))
                    };
                    if left.iter().any(is_in) {
                        left.retain(is_in);
                    }
                }
                Filter::Near => self.near(&mut left, zone, region, geo),
                Filter::Latency => {
                    let rows = self.latency.rows.iter().filter(|(network, _)| network.contains(address));
                    let row = rows.max_by_key(|(network, _)| network.bits()).map(|(_, row)| row);
                    let of = |c: &&Candidate| {
                        let latency = row.and_then(|row| row.get(c.region?.at()).copied());
                        latency.unwrap_or(UNMEASURED)
                    };
                    match left.iter().map(of).min().filter(|least| *least < UNMEASURED) {
                        Some(least) => left.retain(|c| of(c) == least),
                        None => self.near(&mut left, zone, region, geo),
                    }
                }
                Filter::Geo if self.candidates.iter().any(|c| !c.geo.is_empty()) => {
                    let mut ladder = Vec::new();
                    if let (Some(country), Some(part)) = (geo.country, geo.subdivision) {
                        ladder.push(GeoArea::Subdivision(country, part));
                    }
                    ladder.extend(geo.country.map(GeoArea::Country));
                    ladder.extend(geo.continent.map(GeoArea::Continent));
                    ladder.push(GeoArea::Default);
                    let step = ladder.into_iter().find(|area| left.iter().any(|c| c.geo.contains(area)));
                    left.retain(|c| step.is_some_and(|area| c.geo.contains(&area)));
                }
                Filter::Cidr if self.candidates.iter().any(|c| !self.networks(c).is_empty()) => {
                    let widest_first = |c: &&Candidate| {
                        let around = self.networks(c).into_iter().filter(|network| network.contains(address));
                        around.map(|network| network.bits()).max()
                    };
                    // The narrowest network that somebody who is left names, and all who name it.
                    match left.iter().filter_map(widest_first).max() {
                        Some(bits) => left.retain(|c| {
                            self.networks(c)
                                .iter()
                                .any(|network| network.contains(address) && network.bits() == bits)
                        }),
                        None => left.retain(|c| c.cidr.is_none()),
                    }
                }
                Filter::Geo | Filter::Cidr | Filter::Shuffle => {}
                Filter::SameZone => {
                    if left.iter().any(|c| c.zone.is_some() && c.zone == zone) {
                        left.retain(|c| c.zone == zone);
                    } else if left.iter().any(|c| c.region == Some(region)) {
                        left.retain(|c| c.region == Some(region));
                    }
                }
                Filter::Priority => {
                    let first = left.iter().map(|c| c.priority).min();
                    left.retain(|c| Some(c.priority) == first);
                }
                Filter::Weighted | Filter::Sticky => {
                    if left.iter().any(|c| c.weight.0 > 0) {
                        left.retain(|c| c.weight.0 > 0);
                    }
                }
                Filter::Take(count) => left.truncate(usize::from(*count)),
            }
        }
        left.into_iter().map(|c| c.at).collect()
    }

    fn networks(&self, candidate: &Candidate) -> Vec<Cidr> {
        let Some((collection, places)) = &candidate.cidr else { return vec![] };
        let places = places
            .iter()
            .map(|at| &self.estate.cidr_collections[usize::from(*collection)].places[usize::from(*at)]);
        places.flat_map(|(_, networks)| networks.clone()).collect()
    }

    fn near(&self, left: &mut Vec<&Candidate>, zone: Option<ZoneIx>, region: RegionIx, geo: GeoFound) {
        let of_region = |region: Option<RegionIx>| self.estate.regions[region?.at()].location;
        let is_own = |c: &Candidate| c.bias != 0 || c.location.is_some() && c.location != of_region(c.region);
        let found = geo.location.filter(|_| zone.is_none());
        let from = if self.candidates.iter().any(is_own) { found.or(of_region(Some(region))) } else { found };
        let from = from.filter(|_| left.iter().any(|c| c.location.is_some()));
        let distance = |c: &&Candidate| -> u64 {
            match (from, c.location) {
                (Some(from), Some(to)) => biased(Point::new(from).arc_millideg(Point::new(to)), c.bias),
                (Some(_), None) => u64::MAX,
                (None, _) if c.region == Some(region) => 0,
                (None, _) => match (of_region(Some(region)), of_region(c.region)) {
                    (Some(from), Some(to)) => u64::from(Point::new(from).arc_millideg(Point::new(to)).max(1)),
                    _ => u64::MAX,
                },
            }
        };
        let nearest = left.iter().map(distance).min();
        left.retain(|c| Some(distance(c)) == nearest);
    }
}

fn network() -> impl Strategy<Value = Cidr> {
    (0_u32..8, 0_u32..4, prop::sample::select(vec![1_u32, 3, 4, 5, 6, 12])).prop_map(|(high, low, bits)| {
        let address = (high << 28 | low << 20) & u32::MAX << (32 - bits);
        Cidr::new(&format!("{}/{bits}", Ipv4Addr::from(address))).unwrap()
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    prop_oneof![
        Just(Filter::Open),
        Just(Filter::Near),
        Just(Filter::Latency),
        Just(Filter::Geo),
        Just(Filter::Cidr),
        Just(Filter::SameZone),
        Just(Filter::Priority),
    ]
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let area = prop_oneof![
        Just(GeoArea::Subdivision(*b"US", *b"CA\0")),
        Just(GeoArea::Country(*b"US")),
        Just(GeoArea::Country(*b"DE")),
        Just(GeoArea::Continent(*b"EU")),
        Just(GeoArea::Continent(*b"NA")),
        Just(GeoArea::Default),
    ];
    let place = prop_oneof![
        2 => Just(None),
        1 => (-60_000_i32..60_000, -179_000_i32..179_000)
            .prop_map(|(latitude_millideg, longitude_millideg)| Some(Location { latitude_millideg, longitude_millideg })),
    ];
    (
        prop::option::of(0_u16..6),
        prop::option::of(0_u16..3),
        place,
        prop_oneof![3 => Just(0_i8), 1 => -99_i8..=99],
        (0_u16..4, 0_u16..3),
        prop::collection::vec(area, 0..3),
        prop::option::of(prop::collection::vec(0_u16..3, 1..3)),
    )
        .prop_map(|(zone, region, location, bias, (weight, priority), geo, places)| Candidate {
            at: 0,
            zone: zone.map(ZoneIx),
            region: zone.map(|zone| RegionIx(zone / 2)).or(region.map(RegionIx)),
            location,
            bias,
            weight: Weight(weight),
            priority,
            geo,
            cidr: places.map(|places| (0, places)),
            key: 0,
        })
}

fn cases() -> impl Strategy<Value = Case> {
    let candidates = prop_oneof![
        4 => prop::collection::vec(candidate(), 0..12),
        1 => prop::collection::vec(candidate(), 60..140),
    ];
    (
        (candidates, prop::collection::vec(filters(), 0..5), any::<bool>()),
        prop::collection::vec(any::<bool>(), 140),
        prop::collection::vec((0_u16..6, 0_u32..=100), 0..3),
        prop::collection::vec((0_usize..6, network()), 0..6),
        prop::collection::vec(
            (network(), prop::collection::vec(prop_oneof![Just(UNMEASURED), 1_u32..4], 0..4)),
            0..4,
        ),
        prop::collection::vec(prop::collection::vec(network(), 0..3), 3),
        ((0_u32..10, 0_u32..4, any::<u8>()), any::<u64>(), 0_u8..4),
    )
        .prop_map(
            |((mut candidates, chain, has_regions), open, returning, networks, latency, places, client)| {
                let (mut estate, _) = world("");
                for (zone, network) in networks {
                    estate.zones[zone].networks.push(network);
                }
                estate.cidr_collections = vec![CidrCollection {
                    name: CollectionName::new("c").unwrap(),
                    places: (0..)
                        .zip(places)
                        .map(|(at, networks): (u32, _)| (at.to_string(), networks))
                        .collect(),
                }];
                for (at, candidate) in (0..).zip(&mut candidates) {
                    candidate.at = at;
                    candidate.key = Chance::new(u64::from(at)).number();
                    if has_regions {
                        candidate.location = None;
                        candidate.bias = 0;
                    }
                    let of_region = candidate.region.and_then(|region| estate.regions[region.at()].location);
                    candidate.location = candidate.location.or(of_region);
                }
                let share = |percent: u32| Share::from_ppm(percent * 10_000).unwrap();
                let ((high, low, last), seed, _) = client;
                Case {
                    estate,
                    candidates,
                    chain,
                    open,
                    returning: returning
                        .into_iter()
                        .map(|(zone, percent)| (ZoneIx(zone), share(percent)))
                        .collect(),
                    latency: LatencyTable { rows: latency },
                    address: high << 28 | low << 20 | u32::from(last),
                    seed,
                }
            },
        )
}

/// A chain that ends in a drawing filter and a take.
fn with_end(mut case: Case, end: usize, take: u8) -> Case {
    case.chain.extend([[Filter::Weighted], [Filter::Sticky], [Filter::Shuffle]][end]);
    if take > 0 {
        case.chain.push(Filter::Take(take));
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The same candidates as the model, in order; and explain is the same code.
    #[test]
    fn sets_of_bits_leave_whom_plain_lists_leave(mut case in cases()) {
        // Two shares for one zone, or one network in two places, would be a matter of order.
        case.returning.sort_unstable_by_key(|(zone, _)| *zone);
        case.returning.dedup_by_key(|(zone, _)| *zone);
        let mut seen = std::collections::BTreeSet::new();
        case.latency.rows.retain(|(network, _)| seen.insert(*network));
        let (order, _) = case.choose(&case.plan(), case.address, &mut Scratch::default());
        prop_assert_eq!(order, case.model());
    }

    /// A draw takes from those whom the filters left, as many as are wanted, nobody twice.
    #[test]
    fn a_draw_orders_whom_the_filters_leave(case in cases(), end in 0_usize..3, take in 0_u8..9) {
        let (left, _) = case.choose(&case.plan(), case.address, &mut Scratch::default());
        let case = with_end(case, end, take);
        let (order, _) = case.choose(&case.plan(), case.address, &mut Scratch::default());
        let weight = |at: &u16| case.candidates[usize::from(*at)].weight.0;
        let has_weight = end < 2 && left.iter().any(|at| weight(at) > 0);
        let may: Vec<u16> = left.into_iter().filter(|at| !has_weight || weight(at) > 0).collect();
        let wanted = if take == 0 { may.len() } else { may.len().min(usize::from(take)) };
        // With a chain that is sticky, another draw may let another zone in.
        if end != 1 || case.returning.is_empty() {
            prop_assert_eq!(order.len(), wanted);
            prop_assert!(order.iter().all(|at| may.contains(at)));
        }
        let mut once = order.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), order.len());
    }

    /// Whoever has the bits of the scope in common gets the same answer.
    #[test]
    fn the_scope_is_true(case in cases(), end in 0_usize..3, take in 1_u8..3, other: u32) {
        let case = with_end(case, end, take);
        let plan = case.plan();
        let (order, bits) = case.choose(&plan, case.address, &mut Scratch::default());
        let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        let neighbour = case.address & kept | other & !kept;
        prop_assert_eq!(case.choose(&plan, neighbour, &mut Scratch::default()).0, order);
    }

    /// A choice needs no more room than there was.
    #[test]
    fn a_choice_allocates_nothing(case in cases(), end in 0_usize..3, take in 0_u8..9) {
        let case = with_end(case, end, take);
        let plan = case.plan();
        let mut scratch = Scratch::with_room(case.candidates.len());
        let place = |scratch: &Scratch| (scratch.room(), scratch.order().as_ptr());
        let before = place(&scratch);
        case.choose(&plan, case.address, &mut scratch);
        prop_assert_eq!(place(&scratch), before);
    }
}
