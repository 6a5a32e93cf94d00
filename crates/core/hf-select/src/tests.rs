use hf_config::estate::{AllDown, CrossZone, Endpoint, Pool, PoolIx, Protocol, Region, Zone};
use hf_decide::{EndpointDecision, Mode, PoolZone, Reason, ZoneState};
use hf_model::{Digest, Location, PoolName, RegionId, Share, ZoneId};
use proptest::prelude::*;

use hf_config::estate::{RegionIx, ZoneIx};
use hf_model::Weight;

use super::*;

mod model;

fn order(
    estate: &Estate,
    decision: &PoolDecision,
    chain: &[Filter],
    client: Client,
    seed: u64,
    keep: impl Fn(&Candidate) -> bool,
) -> Vec<u16> {
    run(estate, decision, chain, client, seed, keep).order
}

/// Regions london, dublin, virginia with two zones each; endpoints as `zone:weight:priority`, `!` before those that do not serve.
fn world(endpoints: &str) -> (Estate, PoolDecision) {
    let region = |name: &str, latitude, longitude| Region {
        id: RegionId::new(name).unwrap(),
        location: Some(Location { latitude_millideg: latitude, longitude_millideg: longitude }),
        control: None,
    };
    let zone = |name: &str, region| Zone {
        id: ZoneId::new(name).unwrap(),
        region: RegionIx(region),
        aliases: vec![],
        capacity: None,
        networks: vec![],
        control: None,
    };
    let mut parsed = Vec::new();
    let mut decided = Vec::new();
    for (at, word) in endpoints.split_whitespace().enumerate() {
        let serves = !word.starts_with('!');
        let parts: Vec<u16> =
            word.trim_start_matches('!').split(':').map(|part| part.parse().unwrap()).collect();
        parsed.push(Endpoint {
            address: format!("10.0.0.{at}:80").parse().unwrap(),
            zone: ZoneIx(parts[0]),
            weight: Weight(parts[1]),
            priority: parts[2],
        });
        decided.push(EndpointDecision {
            serves,
            reason: if serves { Reason::Healthy } else { Reason::Impaired },
        });
    }
    let pool = Pool {
        protocol: Protocol::Http,
        listen: None,
        health_check: None,
        cross_zone: CrossZone::Off,
        min_zones: 1,
        min_capacity: Share::ZERO,
        all_down: AllDown::Open,
        return_over: std::time::Duration::ZERO,
        dns_minimum: hf_config::estate::Minimum::default(),
        routing_minimum: hf_config::estate::Minimum::default(),
        control: None,
        ..Pool::new(PoolName::new("web").unwrap(), parsed)
    };
    let estate = Estate {
        digest: Digest::of(b""),
        regions: vec![
            region("london", 51_500, -100),
            region("dublin", 53_300, -6_300),
            region("virginia", 38_900, -77_400),
        ],
        zones: vec![zone("l1", 0), zone("l2", 0), zone("d1", 1), zone("d2", 1), zone("v1", 2), zone("v2", 2)],
        health_checks: vec![],
        pools: vec![pool],
        hosted_zones: vec![],
        records: vec![],
        trees: Vec::new(),
        aliases: Vec::new(),
        cidr_collections: Vec::new(),
        control_panels: vec![],
        routing_controls: vec![],
        safety_rules: vec![],
        assignments: Vec::new(),
        services: Vec::new(),
        consumers: Vec::new(),
        closing_sources: Vec::new(),
        checking: hf_config::estate::Checking::default(),
    };
    let decision = PoolDecision {
        pool: PoolIx(0),
        mode: Mode::Normal,
        zones: vec![],
        endpoints: decided,
        not_applied: vec![],
    };
    (estate, decision)
}

fn check(endpoints: &str, client_zone: Option<u16>, chain: &[Filter], want: &[u16]) {
    let (estate, decision) = world(endpoints);
    let client = client_zone.map_or(Client::default(), |zone| Client::in_zone(&estate, ZoneIx(zone)));
    let got = run(&estate, &decision, chain, client, 7, |_| true);
    assert_eq!(got.order, want, "{endpoints} from {client_zone:?} by {chain:?}: {:?}", got.steps);
    assert_eq!(order(&estate, &decision, chain, client, 7, |_| true), want);
}

#[test]
fn open_keeps_what_serves() {
    check("0:1:0 !1:1:0 2:1:0", None, &[Filter::Open], &[0, 2]);
    check("!0:1:0", None, &[Filter::Open], &[]);
}

#[test]
fn near_keeps_the_nearest_region_that_has_a_candidate() {
    check("0:1:0 2:1:0 4:1:0", Some(1), &[Filter::Near], &[0]);
    check("2:1:0 4:1:0", Some(1), &[Filter::Near], &[0]);
    check("!0:1:0 4:1:0 2:1:0", Some(0), &[Filter::Open, Filter::Near], &[2]);
    check("0:1:0 2:1:0", None, &[Filter::Near], &[0, 1]);
}

#[test]
fn same_zone_widens_to_the_region_and_then_to_all() {
    check("0:1:0 1:1:0 4:1:0", Some(1), &[Filter::SameZone], &[1]);
    check("0:1:0 4:1:0", Some(1), &[Filter::SameZone], &[0]);
    check("2:1:0 4:1:0", Some(1), &[Filter::SameZone], &[0, 1]);
}

#[test]
fn priority_keeps_the_lowest_number_left() {
    check("!0:1:0 0:1:1 0:1:2 1:1:1", None, &[Filter::Open, Filter::Priority], &[1, 3]);
}

#[test]
fn take_keeps_the_first_and_says_who_came_too_late() {
    let (estate, decision) = world("0:1:0 0:1:0 0:1:0");
    let got = run(&estate, &decision, &[Filter::Take(2)], Client::default(), 0, |_| true);
    assert_eq!(got.order, [0, 1]);
    assert_eq!(got.steps[0].removed, [(2, Removed::BeyondTake)]);
}

#[test]
fn weights_draw_their_share_and_zero_only_when_nobody_else_is_left() {
    let (estate, decision) = world("0:300:0 0:100:0 0:0:0");
    let mut first = [0_u32; 3];
    for seed in 0..40_000 {
        let got = order(&estate, &decision, &[Filter::Weighted], Client::default(), seed, |_| true);
        assert_eq!(got.len(), 2, "the endpoint of weight 0 came beside one with a weight");
        first[usize::from(got[0])] += 1;
    }
    // 40,000 draws of 3/4: the standard deviation is 87; five of them on each side.
    assert!((29_567..30_433).contains(&first[0]), "{first:?}");
}

#[test]
fn all_weights_zero_means_even_chance() {
    let (estate, decision) = world("0:0:0 0:0:0");
    let firsts = (0..10_000).filter(|seed| {
        order(&estate, &decision, &[Filter::Weighted], Client::default(), *seed, |_| true)[0] == 0
    });
    assert!((4_750..5_250).contains(&firsts.count()));
}

fn filters() -> impl Strategy<Value = Vec<Filter>> {
    let filter = prop_oneof![
        Just(Filter::Open),
        Just(Filter::Near),
        Just(Filter::SameZone),
        Just(Filter::Priority),
        Just(Filter::Weighted),
        Just(Filter::Shuffle),
        (1_u8..=8).prop_map(Filter::Take),
    ];
    proptest::collection::vec(filter, 0..6)
}

fn shares() -> impl Strategy<Value = Vec<(u16, u32)>> {
    proptest::collection::vec((0_u16..6, 0_u32..=100), 0..4)
}

fn endpoints() -> impl Strategy<Value = String> {
    let endpoint =
        (any::<bool>(), 0_u16..6, 0_u16..3, 0_u16..3).prop_map(|(serves, zone, weight, priority)| {
            format!("{}{zone}:{weight}:{priority}", if serves { "" } else { "!" })
        });
    proptest::collection::vec(endpoint, 0..12).prop_map(|words| words.join(" "))
}

proptest! {
    /// What a chain removes and what it keeps are together what it was given, nothing twice.
    #[test]
    fn every_candidate_is_kept_or_accounted_for(words in endpoints(), chain in filters(), seed: u64, zone in 0_u16..6, shares in shares()) {
        let (estate, decision) = returning(&words, &shares);
        let client = Client::in_zone(&estate, ZoneIx(zone));
        let got = run(&estate, &decision, &chain, client, seed, |_| true);
        let mut all: Vec<u16> = got.order.clone();
        all.extend(got.steps.iter().flat_map(|step| step.removed.iter().map(|(at, _)| *at)));
        all.sort_unstable();
        prop_assert_eq!(all, (0..decision.endpoints.len() as u16).collect::<Vec<_>>());
        prop_assert_eq!(order(&estate, &decision, &chain, client, seed, |_| true), got.order);
    }

    /// A chain that begins with `open` never answers with what does not serve, and answers if anything serves.
    #[test]
    fn open_is_neither_leaky_nor_empty(words in endpoints(), chain in filters(), seed: u64, zone in 0_u16..6, shares in shares()) {
        let (estate, decision) = returning(&words, &shares);
        let client = Client::in_zone(&estate, ZoneIx(zone));
        let chain: Vec<Filter> = std::iter::once(Filter::Open).chain(chain).collect();
        let got = order(&estate, &decision, &chain, client, seed, |_| true);
        prop_assert!(got.iter().all(|at| decision.endpoints[usize::from(*at)].serves));
        prop_assert_eq!(got.is_empty(), decision.endpoints.iter().all(|endpoint| !endpoint.serves));
    }
}

fn any_length() -> impl Strategy<Value = String> {
    let endpoint = (0_u16..6, 0_u16..6, prop_oneof![Just(0_u16), 0_u16..70, Just(u16::MAX)])
        .prop_map(|(serves, zone, weight)| format!("{}{zone}:{weight}:0", if serves > 0 { "" } else { "!" }));
    proptest::collection::vec(endpoint, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    /// The short way of choosing gives what the long one explains, whatever the list, and says how long it was.
    #[test]
    fn the_quick_way_is_the_long_way(words in any_length(), by_weight: bool, take in proptest::option::of(1_u8..=8), seed: u64) {
        let (estate, decision) = returning(&words, &[]);
        let draw = if by_weight { Filter::Weighted } else { Filter::Shuffle };
        let chain: Vec<Filter> = [Filter::Open, draw].into_iter().chain(take.map(Filter::Take)).collect();
        let plan = Plan::new(&estate, &Candidate::of_pool(&estate, PoolIx(0)), &chain, None);
        let (state, nowhere) = (State::of_pool(&decision), Locality::of(Client::default()));
        let mut scratch = Scratch::default();
        let got = plan.choose(&state, &nowhere, seed, &mut scratch).to_vec();
        let want = plan.explain(&state, &nowhere, seed);
        prop_assert_eq!(&got, &want.order);
        let open = decision.endpoints.iter().filter(|endpoint| endpoint.serves).count();
        prop_assert!(scratch.drawn_from() <= open && scratch.drawn_from() >= got.len());
    }
}

/// Zones by their share in percent; `!` as in [`world`].
fn returning(endpoints: &str, shares: &[(u16, u32)]) -> (Estate, PoolDecision) {
    let (estate, mut decision) = world(endpoints);
    let zones = hf_config::floor::pool_zones(&estate.pools[0]);
    decision.zones = zones
        .into_iter()
        .map(|zone| {
            let percent = shares.iter().find(|(of, _)| *of == zone.0).map_or(100, |(_, percent)| *percent);
            PoolZone {
                zone,
                state: ZoneState::Open,
                reason: Reason::Healthy,
                share: Share::from_ppm(percent * 10_000).unwrap(),
                in_dns: true,
            }
        })
        .collect();
    (estate, decision)
}

/// How many of 40,000 questions each endpoint has part in after `open`.
fn parts((estate, decision): &(Estate, PoolDecision), chain: &[Filter]) -> Vec<u32> {
    let mut parts = vec![0; decision.endpoints.len()];
    for seed in 0..40_000 {
        let got = order(estate, decision, chain, Client::in_zone(estate, ZoneIx(0)), seed, |_| true);
        assert!(!got.is_empty());
        for at in got {
            parts[usize::from(at)] += 1;
        }
    }
    parts
}

/// Within five standard deviations, of at most 100 each.
fn about(found: u32, wanted: u32) -> bool {
    found.abs_diff(wanted) < 500
}

#[test]
fn a_returning_zone_has_part_in_its_share_of_the_questions() {
    let found = parts(&returning("0:1:0 0:9:0 1:1:0 2:1:0", &[(0, 30)]), &[Filter::Open]);
    assert!(about(found[0], 12_000), "{found:?}");
    // One draw for a zone and question.
    assert_eq!(found[0], found[1]);
    assert_eq!(found[2..], [40_000, 40_000]);
    // The client's own zone, too.
    let found = parts(&returning("0:1:0 1:1:0", &[(0, 30)]), &[Filter::Open, Filter::SameZone]);
    assert!(about(found[0], 12_000), "{found:?}");
    assert_eq!(found[0] + found[1], 40_000);
}

#[test]
fn two_returning_zones_are_drawn_apart() {
    let found = parts(&returning("0:1:0 1:1:0 2:1:0", &[(0, 50), (1, 50)]), &[Filter::Open]);
    assert!(about(found[0], 20_000) && about(found[1], 20_000), "{found:?}");
    let (estate, decision) = returning("0:1:0 1:1:0 2:1:0", &[(0, 50), (1, 50)]);
    let both = (0..40_000).filter(|seed| {
        order(&estate, &decision, &[Filter::Open], Client::default(), *seed, |_| true).len() == 3
    });
    assert!(about(both.count() as u32, 10_000));
}

#[test]
fn at_nothing_nobody_asks_it_while_others_serve() {
    let found = parts(&returning("0:1:0 1:1:0", &[(0, 0)]), &[Filter::Open]);
    assert_eq!(found, [0, 40_000]);
    let found = parts(&returning("0:1:0 !1:1:0", &[(0, 0)]), &[Filter::Open]);
    assert_eq!(found, [40_000, 0]);
}

#[test]
fn a_returning_zone_is_told_and_the_draws_cost_the_others_nothing() {
    let (estate, decision) = returning("0:1:0 1:1:0 !2:1:0", &[(0, 0)]);
    let got = run(&estate, &decision, &[Filter::Open], Client::default(), 1, |_| true);
    assert_eq!(got.steps[0].removed, [(2, Removed::NotServing), (0, Removed::Returning)]);
    let chain = [Filter::Open, Filter::Weighted];
    let (estate, plain) = world("1:1:0 1:2:0 1:3:0");
    let (_, full) = returning("1:1:0 1:2:0 1:3:0", &[]);
    for seed in 0..100 {
        let one = order(&estate, &plain, &chain, Client::default(), seed, |_| true);
        assert_eq!(one, order(&estate, &full, &chain, Client::default(), seed, |_| true));
    }
    let now = State::of_pool(&decision);
    assert_eq!(now.returning, [(ZoneIx(0), Share::ZERO)]);
    assert!(now.whole().returning.is_empty());
}
