use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::estate::EstateBundle;
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId};
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
    let mut snapshot = snapshot(cross_zone, "open", sick, None);
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    for (zone, percent) in shares {
        let zone = snapshot.estate.zone_named(&zone.parse().unwrap());
        let of = snapshot.decision.pools[web.at()].zones.iter_mut().find(|of| Some(of.zone) == zone);
        of.unwrap().share = Share::from_ppm(percent * 10_000).unwrap();
    }
    plan_of(&snapshot)
}

fn plan_of(snapshot: &Snapshot) -> Plan {
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    Plan::new(snapshot, web, snapshot.estate.zone_named(&"n1".parse().unwrap()))
}

fn snapshot(cross_zone: bool, all_down: &str, sick: &[usize], left: Option<&str>) -> Snapshot {
    let toml = ESTATE.replace("CROSS", &cross_zone.to_string()).replace("DOWN", all_down);
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
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
            // Three draws of at most three looks at each of the four.
            assert!(asked.get() <= 36, "asked {} times, tried {tried:?}, full {full}", asked.get());
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
    // Across zones by weight: a third of those requests that it has part in.
    let found = times(&returning(true, &[], &[("n1", 30)]), |_| true, &[]);
    assert!(about(found[&0], 4_000), "{found:?}");
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
