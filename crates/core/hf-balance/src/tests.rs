use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::estate::{Balancing, Choice, Estate, EstateBundle, HashKey, Minimum};
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_decide::Mode;
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, Share, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use proptest::prelude::*;

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "near"
location = { latitude = 51.5, longitude = 0.0 }
[[region]]
id = "far"
location = { latitude = 38.9, longitude = -77.4 }
[[zone]]
id = "n1"
region = "near"
[[zone]]
id = "n2"
region = "near"
[[zone]]
id = "f1"
region = "far"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "sorry"
endpoints = [{ address = "10.9.0.1:80", zone = "f1" }]
[[pool]]
name = "web"
health_check = "up"
cross_zone = CROSS
all_down = "DOWN"
endpoints = [
  { address = "10.1.0.1:80", zone = "n1" },
  { address = "10.1.0.2:80", zone = "n1", weight = 0 },
  { address = "10.2.0.1:80", zone = "n2" },
  { address = "10.3.0.1:80", zone = "f1" },
]
"#;

/// The pool `web` for a balancer in n1; `sick` are positions in the pool, `left` a zone that is shifted away.
fn plan(cross_zone: bool, all_down: &str, sick: &[usize], left: Option<&str>) -> Plan {
    plan_of(&snapshot(cross_zone, all_down, sick, left))
}

/// For a balancer in n1 while zones return, with their share in percent.
fn returning(cross_zone: bool, sick: &[usize], shares: &[(&str, u32)]) -> Plan {
    plan_of(&returned(snapshot(cross_zone, "open", sick, None), shares))
}

/// With these shares of zones of `web`, in percent.
pub fn returned(mut snapshot: Snapshot, shares: &[(&str, u32)]) -> Snapshot {
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    for (zone, percent) in shares {
        let zone = snapshot.estate.zone_named(&zone.parse().unwrap());
        let of = snapshot.decision.pools[web.at()].zones.iter_mut().find(|of| Some(of.zone) == zone);
        of.unwrap().share = Share::from_ppm(percent * 10_000).unwrap();
    }
    snapshot
}

fn plan_of(snapshot: &Snapshot) -> Plan {
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    Plan::new(snapshot, web, snapshot.estate.zone_named(&"n1".parse().unwrap()))
}

/// Across zones by capacity: no affinity.
pub fn snapshot(cross_zone: bool, all_down: &str, sick: &[usize], left: Option<&str>) -> Snapshot {
    let toml = ESTATE.replace("CROSS", &cross_zone.to_string()).replace("DOWN", all_down);
    build(&toml, sick, left, |estate| {
        estate.pools.iter_mut().for_each(|pool| pool.balancing.affinity = Share::ZERO);
    })
}

fn build(toml: &str, sick: &[usize], left: Option<&str>, change: impl FnOnce(&mut Estate)) -> Snapshot {
    let toml = toml.to_owned();
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    let mut estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    change(&mut estate);
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; estate.endpoint_refs().count()] };
    for at in sick {
        // The endpoint of `sorry` comes first.
        verdicts.of[at + 1] = Verdict::Unhealthy;
    }
    let shift = |zone: &str| Shift {
        id: ShiftId::new("shift-1").unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("test"),
        started_at: Timestamp(0),
        ends_at: Timestamp(1_000_000),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(1),
    };
    let intent =
        Intent { revision: Revision(1), shifts: left.map(shift).into_iter().collect(), ..Intent::default() };
    Snapshot::build(1, Timestamp(5), Arc::new(intent), Arc::new(estate), Vec::new(), verdicts)
}

/// Every position that is ever picked.
fn picked(plan: &Plan, usable: impl Fn(u16) -> bool, tried: &[u16]) -> BTreeSet<u16> {
    (0..200).filter_map(|seed| plan.pick(seed, |_| true, &usable, tried)).map(|pick| pick.at).collect()
}

fn check(
    cross_zone: bool,
    sick: &[usize],
    left: Option<&str>,
    unusable: &[u16],
    tried: &[u16],
    want: &[u16],
) {
    let plan = plan(cross_zone, "open", sick, left);
    let got = picked(&plan, |at| !unusable.contains(&at), tried);
    assert_eq!(
        got,
        want.iter().copied().collect(),
        "cross {cross_zone} sick {sick:?} left {left:?} unusable {unusable:?} tried {tried:?}"
    );
}

#[test]
fn own_zone_comes_first_then_own_region_then_the_rest() {
    check(false, &[], None, &[], &[], &[0]);
    check(false, &[0, 1], None, &[], &[], &[2]);
    check(false, &[0, 1, 2], None, &[], &[], &[3]);
    check(true, &[], None, &[], &[], &[0, 2, 3]);
}

#[test]
fn weight_zero_serves_when_its_zone_has_nobody_else() {
    check(false, &[0], None, &[], &[], &[1]);
}

#[test]
fn a_zone_that_is_left_gets_nothing() {
    check(false, &[], Some("n1"), &[], &[], &[2]);
    check(false, &[], Some("n1"), &[2], &[], &[3]);
    check(true, &[], Some("n1"), &[], &[], &[2, 3]);
}

#[test]
fn a_retry_prefers_a_zone_that_was_not_tried() {
    check(false, &[], None, &[], &[0], &[2]);
    check(false, &[], None, &[], &[0, 2], &[3]);
    check(false, &[], None, &[2, 3], &[0], &[1]);
    check(false, &[], None, &[], &[0, 1, 2, 3], &[]);
}

#[test]
fn with_nobody_usable_the_own_view_is_ignored_but_not_the_decision() {
    check(false, &[], None, &[0, 1, 2, 3], &[], &[0]);
    check(false, &[], Some("n1"), &[0, 1, 2, 3], &[], &[2]);
}

#[test]
fn all_down_does_what_the_pool_says() {
    let all = [0, 1, 2, 3];
    assert_eq!(plan(false, "open", &all, None).mode(), Mode::FailOpen);
    assert_eq!(picked(&plan(false, "open", &all, None), |_| true, &[]), [0].into());
    let closed = plan(false, "closed", &all, None);
    assert_eq!((closed.mode(), closed.pick(1, |_| true, |_| true, &[])), (Mode::Closed, None));
    let fallback = plan(false, "fallback:sorry", &all, None);
    let pick = fallback.pick(1, |_| true, |_| true, &[]).unwrap();
    assert_eq!(pick.address, "10.9.0.1:80".parse().unwrap());
    assert_eq!(pick.pool, fallback.serving_pool());
}

#[test]
fn what_may_not_be_picked_is_not_even_with_nobody_usable() {
    let plan = plan(false, "open", &[], None);
    let nobody_usable = |full: &[u16]| plan.pick(1, |at| !full.contains(&at), |_| false, &[]);
    assert_eq!(nobody_usable(&[0, 1]).map(|pick| pick.at), Some(2));
    assert_eq!(nobody_usable(&[0, 1, 2]).map(|pick| pick.at), Some(3));
    assert_eq!(nobody_usable(&[0, 1, 2, 3]), None);
}

/// Each pick asks about an endpoint a fixed number of times: with all full, or many tried, a request costs no more than that.
#[test]
fn a_pick_asks_about_each_endpoint_a_few_times() {
    let plan = plan(true, "open", &[], None);
    for tried in [&[][..], &[0, 2], &[0, 1, 2, 3]] {
        for full in [false, true] {
            let asked = std::cell::Cell::new(0);
            let may = |_| {
                asked.set(asked.get() + 1);
                !full
            };
            plan.pick(1, may, |_| false, tried);
            // Four passes of at most four draws in each of three zones and three looks at each of the four.
            assert!(
                asked.get() <= 4 * (12 + 12),
                "asked {} times, tried {tried:?}, full {full}",
                asked.get()
            );
        }
    }
}

proptest! {
    /// A pick is always something that the decision serves and that was not tried, and there is one while any such is left.
    #[test]
    fn a_pick_is_served_and_fresh(
        cross: bool,
        sick in proptest::collection::vec(0_usize..4, 0..4),
        left in proptest::option::of(prop_oneof![Just("n1"), Just("n2"), Just("f1")]),
        unusable in proptest::collection::vec(0_u16..4, 0..4),
        tried in proptest::collection::vec(0_u16..4, 0..4),
        seed: u64,
    ) {
        let plan = plan(cross, "open", &sick, left);
        let served: BTreeSet<u16> = plan.serving().map(|pick| pick.at).collect();
        match plan.pick(seed, |_| true, |at| !unusable.contains(&at), &tried) {
            Some(pick) => {
                prop_assert!(served.contains(&pick.at));
                prop_assert!(!tried.contains(&pick.at));
            }
            None => prop_assert!(served.iter().all(|at| tried.contains(at))),
        }
    }
}

/// How often each position is picked in 40,000 requests.
fn times(plan: &Plan, usable: impl Fn(u16) -> bool, tried: &[u16]) -> BTreeMap<u16, u32> {
    let mut times = BTreeMap::new();
    for seed in 0..40_000 {
        let pick = plan.pick(seed, |_| true, &usable, tried).expect("somebody serves");
        *times.entry(pick.at).or_default() += 1;
    }
    times
}

/// Within five standard deviations, of at most 100 each.
fn about(found: u32, wanted: u32) -> bool {
    found.abs_diff(wanted) < 500
}

#[test]
fn the_own_zone_returns_bit_by_bit_and_the_next_one_takes_the_rest() {
    let found = times(&returning(false, &[], &[("n1", 30)]), |_| true, &[]);
    assert!(about(found[&0], 12_000), "{found:?}");
    assert_eq!(found[&0] + found[&2], 40_000);
    // Across zones it has as much of its weight: 30 of 230.
    let found = times(&returning(true, &[], &[("n1", 30)]), |_| true, &[]);
    assert!(about(found[&0], 5_217), "{found:?}");
}

#[test]
fn a_zone_with_no_share_yet_gets_nothing_while_others_serve() {
    assert_eq!(picked(&returning(false, &[], &[("n1", 0)]), |_| true, &[]), [2].into());
    assert_eq!(picked(&returning(false, &[], &[("n1", 0), ("n2", 0)]), |_| true, &[]), [3].into());
    // A retry, too.
    assert_eq!(picked(&returning(false, &[], &[("n2", 0)]), |_| true, &[0]), [3].into());
}

/// With nobody else it takes the request whatever its share is: the decision lets it serve.
#[test]
fn a_returning_zone_serves_when_nobody_else_can() {
    assert_eq!(picked(&returning(false, &[2, 3], &[("n1", 0)]), |_| true, &[]), [0].into());
    assert_eq!(picked(&returning(false, &[], &[("n1", 0)]), |at| at == 0, &[]), [0].into());
    assert_eq!(picked(&returning(false, &[], &[("n2", 0), ("f1", 0)]), |at| at != 1, &[0]), [2].into());
}

/// The pool `web`, in one zone: an endpoint for each weight; in n1 unless told otherwise.
fn of_weights(weights: &[(&str, u16)], cross_zone: bool, change: impl Fn(&mut Balancing)) -> Snapshot {
    use std::fmt::Write as _;
    let (head, _) = ESTATE.split_once("endpoints = [\n  {").expect("the pool");
    let mut toml = head.replace("CROSS", &cross_zone.to_string()).replace("DOWN", "open") + "endpoints = [";
    for (at, (zone, weight)) in weights.iter().enumerate() {
        let (high, low) = (at / 250, at % 250 + 1);
        write!(toml, "{{ address = \"10.1.{high}.{low}:80\", zone = \"{zone}\", weight = {weight} }}, ")
            .unwrap();
    }
    toml.push(']');
    build(&toml, &[], None, |estate| estate.pools.iter_mut().for_each(|pool| change(&mut pool.balancing)))
}

/// What a test's balancer knows: by position (in flight, latency, age), and who is not usable or full.
#[derive(Default)]
struct Seen {
    load: Vec<std::cell::Cell<u32>>,
    latency: Vec<u32>,
    age: Vec<u64>,
    unusable: Vec<u16>,
    full: Vec<u16>,
}

impl View for Seen {
    fn may(&self, at: u16) -> bool {
        !self.full.contains(&at)
    }
    fn usable(&self, at: u16) -> bool {
        !self.unusable.contains(&at)
    }
    fn load(&self, at: u16) -> u32 {
        self.load.get(usize::from(at)).map_or(0, std::cell::Cell::get)
    }
    fn latency_us(&self, at: u16) -> u32 {
        self.latency.get(usize::from(at)).copied().unwrap_or(0)
    }
    fn age_ms(&self, at: u16) -> u64 {
        self.age.get(usize::from(at)).copied().unwrap_or(u64::MAX)
    }
}

fn ask(seed: u64) -> Ask {
    Ask { seed, ..Ask::default() }
}

/// How often each position is chosen in 40,000 requests that end at once.
fn chosen(plan: &Plan, view: &Seen) -> BTreeMap<u16, u32> {
    let mut times = BTreeMap::new();
    for seed in 0..40_000 {
        let pick = plan.choose(&ask(seed), view, &[]).expect("somebody serves");
        *times.entry(pick.at).or_default() += 1;
    }
    times
}

#[test]
fn of_two_the_less_loaded_by_latency_and_weight() {
    let plan = plan_of(&of_weights(&[("n1", 100), ("n1", 100), ("n1", 200)], false, |_| ()));
    let chosen_with = |load: [u32; 3], latency: [u32; 3]| {
        let load = load.into_iter().map(std::cell::Cell::new).collect();
        chosen(&plan, &Seen { load, latency: latency.into(), ..Seen::default() })
    };
    // All alike: by weight.
    let even = chosen_with([0; 3], [500; 3]);
    assert!(about(even[&0], 10_000) && about(even[&2], 20_000), "{even:?}");
    // The slow one only where it was drawn twice, and where no other was drawn beside it.
    let slow = chosen_with([0; 3], [5_000, 500, 500]);
    assert!(slow.get(&0).copied().unwrap_or(0) < 400, "{slow:?}");
    // Twice the weight bears twice the load.
    let balanced = chosen_with([10, 10, 20], [500; 3]);
    assert!(about(balanced[&0], 10_000), "{balanced:?}");
    let loaded = chosen_with([10, 10, 5], [500; 3]);
    assert!(loaded[&2] > 28_000, "{loaded:?}");
    // One whose latency is not known is judged by load.
    let unknown = chosen_with([9, 0, 0], [0, 500, 500]);
    assert!(unknown.get(&0).copied().unwrap_or(0) < 400, "{unknown:?}");
}

#[test]
fn weighted_minds_weights_alone() {
    let plan = plan_of(&of_weights(&[("n1", 100), ("n1", 300), ("n1", 0)], false, |balancing| {
        balancing.choice = Choice::Weighted;
    }));
    let load = [900, 0, 0].into_iter().map(std::cell::Cell::new).collect();
    let found = chosen(&plan, &Seen { load, latency: vec![9_000, 1, 1], ..Seen::default() });
    assert!(about(found[&0], 10_000) && about(found[&1], 30_000), "{found:?}");
    // The spare serves when nobody else does.
    let alone = plan.choose(&ask(1), &Seen { unusable: vec![0, 1], ..Seen::default() }, &[]);
    assert_eq!(alone.map(|pick| pick.at), Some(2));
}

#[test]
fn a_newcomer_starts_slowly() {
    let plan = plan_of(&of_weights(&[("n1", 100), ("n1", 100)], false, |balancing| {
        balancing.choice = Choice::Weighted;
        balancing.slow_start = std::time::Duration::from_secs(10);
    }));
    let share = |age: u64| {
        let found = chosen(&plan, &Seen { age: vec![age, u64::MAX], ..Seen::default() });
        found[&0]
    };
    // A tenth at least: 1 of 11. Half way: 1 of 3.
    assert!(about(share(0), 3_636), "{}", share(0));
    assert!(about(share(5_000), 13_333), "{}", share(5_000));
    assert!(about(share(10_000), 20_000), "{}", share(10_000));
    // All new at once are all alike.
    let found = chosen(&plan, &Seen { age: vec![0, 0], ..Seen::default() });
    assert!(about(found[&0], 20_000), "{found:?}");
}

#[test]
fn affinity_keeps_requests_in_the_zone_and_spills_what_it_cannot_take() {
    let zones = [("n1", 100), ("n2", 200), ("f1", 300)];
    let parts = |change: &dyn Fn(&mut Balancing)| {
        let plan = plan_of(&of_weights(&zones, true, change));
        let found = chosen(&plan, &Seen::default());
        // In percent, to the nearest two.
        [0, 1, 2].map(|at| (found.get(&at).copied().unwrap_or(0) + 400) / 800 * 2)
    };
    // A sixth of the capacity, a third of the callers: half stays, and only f1 has room.
    assert_eq!(parts(&|_| ()), [50, 0, 50]);
    assert_eq!(parts(&|balancing| balancing.spill = false), [100, 0, 0]);
    assert_eq!(parts(&|balancing| balancing.affinity = Share::ZERO), [16, 34, 50]);
    // With its own view narrowed the zone's part is smaller.
    let mut plan = plan_of(&of_weights(&[("n1", 100), ("n1", 100), ("n2", 200), ("f1", 200)], true, |_| ()));
    let of_own = |plan: &Plan, unusable: Vec<u16>| {
        let found = chosen(plan, &Seen { unusable, ..Seen::default() });
        (found.get(&0).unwrap_or(&0) + found.get(&1).unwrap_or(&0) + 400) / 800 * 2
    };
    assert_eq!(of_own(&plan, vec![]), 100);
    plan.weigh(|at| at != 1);
    assert_eq!(of_own(&plan, vec![1]), 60);
    // With the zone unusable all goes elsewhere; with all of them unusable nothing is weighed away.
    plan.weigh(|at| at > 1);
    assert_eq!(of_own(&plan, vec![0, 1]), 0);
    plan.weigh(|_| false);
    assert_eq!(of_own(&plan, vec![0, 1, 2, 3]), 100);
}

#[test]
fn counted_callers_shift_what_stays() {
    let snapshot = of_weights(&[("n1", 100), ("n2", 100)], true, |_| ());
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    let own = snapshot.estate.zone_named(&"n1".parse().unwrap());
    let part = |callers: &[u64]| {
        let plan = Plan::with_callers(&snapshot, web, own, Callers::Counted(callers));
        (chosen(&plan, &Seen::default()).get(&0).copied().unwrap_or(0) + 400) / 800 * 2
    };
    assert_eq!(part(&[3, 1]), 66);
    assert_eq!(part(&[1, 3]), 100);
    // Whoever asks stands there, even if nobody was counted.
    assert_eq!(part(&[0, 1]), 100);
    // Counted later it is the same.
    let mut plan = Plan::new(&snapshot, web, own);
    let mut later = |callers: &[u64]| {
        plan.set_callers(callers);
        plan.weigh(|_| true);
        (chosen(&plan, &Seen::default()).get(&0).copied().unwrap_or(0) + 400) / 800 * 2
    };
    assert_eq!((later(&[3, 1]), later(&[0, 0]), later(&[])), (66, 100, 100));
}

#[test]
fn a_zone_below_its_routing_minimum_is_used_whole() {
    let minimum = Minimum { count: 1, share: Share::from_ppm(500_000).unwrap() };
    let toml = ESTATE.replace("CROSS", "false").replace("DOWN", "open").replace(
        "endpoints = [\n",
        "endpoints = [\n  { address = \"10.1.0.3:80\", zone = \"n1\" },\n  { address = \"10.1.0.4:80\", zone = \"n1\" },\n",
    );
    let of = |sick: &[usize], minimum: Minimum| {
        plan_of(&build(&toml, sick, None, |estate| {
            estate.pools.iter_mut().for_each(|pool| pool.routing_minimum = minimum);
        }))
    };
    // n1 is 0 to 3, 3 a spare.
    assert_eq!(picked(&of(&[0, 1], minimum), |_| true, &[]), [2].into());
    assert_eq!(picked(&of(&[0, 1, 3], Minimum::default()), |_| true, &[]), [2].into());
    assert_eq!(picked(&of(&[0, 1, 3], minimum), |_| true, &[]), [0, 1, 2].into());
    // Nobody in health: the next zone.
    assert_eq!(picked(&of(&[0, 1, 2, 3], minimum), |_| true, &[]), [4].into());
    // The balancer's own view likewise.
    assert_eq!(picked(&of(&[], minimum), |at| at >= 2, &[]), [2].into());
    assert_eq!(picked(&of(&[], minimum), |at| at == 2 || at > 3, &[]), [0, 1, 2].into());
    assert_eq!(picked(&of(&[], minimum), |at| at > 3, &[]), [4].into());
}

#[test]
fn a_stuck_client_stays_while_its_endpoint_serves() {
    let snapshot = snapshot(false, "open", &[], None);
    let plan = plan_of(&snapshot);
    let stuck = |plan: &Plan, to: u16, view: &Seen, tried: &[u16]| {
        (0..50)
            .filter_map(|seed| plan.choose(&Ask { seed, stuck_to: Some(to), key: None }, view, tried))
            .map(|pick| pick.at)
            .collect::<BTreeSet<_>>()
    };
    // A spare, too.
    assert_eq!(stuck(&plan, 1, &Seen::default(), &[]), [1].into());
    for view in [Seen { unusable: vec![1], ..Seen::default() }, Seen { full: vec![1], ..Seen::default() }] {
        assert_eq!(stuck(&plan, 1, &view, &[]), [0].into());
    }
    assert_eq!(stuck(&plan, 1, &Seen::default(), &[1]), [2].into());
    // Not into another zone while the own one serves; not where its zone was left.
    assert_eq!(stuck(&plan, 2, &Seen::default(), &[]), [0].into());
    assert_eq!(stuck(&self::plan(true, "open", &[], None), 2, &Seen::default(), &[]), [2].into());
    assert!(!stuck(&self::plan(true, "open", &[], Some("n2")), 2, &Seen::default(), &[]).contains(&2));
    assert_eq!(stuck(&plan, 999, &Seen::default(), &[]), [0].into());
}

#[test]
fn a_key_stays_at_its_endpoint_and_a_hot_one_is_shared() {
    let hash = |balancing: &mut Balancing| {
        balancing.choice = Choice::Hash(HashKey::Path);
        balancing.affinity = Share::ZERO;
    };
    let zones = [("n1", 100), ("n1", 100), ("n2", 100), ("n2", 100), ("f1", 100), ("f1", 100)];
    let keyed = |plan: &Plan, key: u64, seed: u64, view: &Seen| {
        plan.choose(&Ask { seed, key: Some(hash_key(&key.to_be_bytes())), stuck_to: None }, view, &[])
            .map(|pick| pick.address)
    };
    let whole = of_weights(&zones, true, hash);
    let here = plan_of(&whole);
    let there = Plan::new(&whole, here.serving_pool(), whole.estate.zone_named(&"f1".parse().unwrap()));
    let less = plan_of(&of_weights(&zones[..5], true, hash));
    let gone = whole.estate.pool(here.serving_pool()).endpoints[5].address;
    let mut moved = 0_u32;
    for key in 0..1_000 {
        let at = keyed(&here, key, key, &Seen::default());
        // Whoever is asked, by whatever chance.
        assert_eq!(keyed(&here, key, key + 1, &Seen::default()), at);
        assert_eq!(keyed(&there, key, key + 2, &Seen::default()), at);
        moved += u32::from(keyed(&less, key, key, &Seen::default()) != at && at != Some(gone));
    }
    // f1 has half its capacity left: a part of its other endpoint's keys moves, and nobody else's.
    assert!(moved < 120, "{moved} of 1000 keys moved without need");
    // One key alone: no endpoint has more than 5/4 of its zone's load, rounded up.
    let view = Seen { load: (0..6).map(|_| std::cell::Cell::new(0)).collect(), ..Seen::default() };
    let mut at = BTreeSet::new();
    for seed in 0..100 {
        let ask = Ask { seed, key: Some(7), stuck_to: None };
        let pick = here.choose(&ask, &view, &[]).unwrap();
        at.insert(pick.at);
        let of = &view.load[usize::from(pick.at)];
        of.set(of.get() + 1);
    }
    let most = view.load.iter().map(std::cell::Cell::get).max().unwrap();
    assert!(at.len() == 2 && most <= 63, "{at:?}, {most}");
}

proptest! {
    /// Whatever is known of them, what is chosen serves, may be and was not tried; and somebody is while any such is left.
    #[test]
    fn what_is_chosen_may_be(
        cross: bool,
        way in 0..3,
        sick in proptest::collection::vec(0_usize..4, 0..4),
        unusable in proptest::collection::vec(0_u16..4, 0..4),
        full in proptest::collection::vec(0_u16..4, 0..4),
        tried in proptest::collection::vec(0_u16..4, 0..4),
        age in proptest::collection::vec(0_u64..20_000, 4),
        latency in proptest::collection::vec(0_u32..2_000_000, 4),
        slow_start in 0_u64..10,
        (seed, key, stuck_to) in (any::<u64>(), any::<Option<u64>>(), any::<Option<u16>>()),
    ) {
        let toml = ESTATE.replace("CROSS", &cross.to_string()).replace("DOWN", "open");
        let plan = plan_of(&build(&toml, &sick, None, |estate| {
            for pool in &mut estate.pools {
                pool.balancing.choice = match way {
                    0 => Choice::LeastLoaded,
                    1 => Choice::Weighted,
                    _ => Choice::Hash(HashKey::Path),
                };
                pool.balancing.slow_start = std::time::Duration::from_secs(slow_start);
            }
        }));
        let served: BTreeSet<u16> = plan.serving().map(|pick| pick.at).collect();
        let view = Seen { latency, age, unusable, full, ..Seen::default() };
        let possible = |at: &u16| !tried.contains(at) && view.may(*at);
        match plan.choose(&Ask { seed, key, stuck_to }, &view, &tried) {
            Some(pick) => prop_assert!(served.contains(&pick.at) && possible(&pick.at)),
            None => prop_assert!(!served.iter().any(possible)),
        }
    }
}
