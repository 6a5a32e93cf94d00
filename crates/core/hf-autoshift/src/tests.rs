//! Each rule by example, then what must hold for anything that may be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{Expect, expect};
use hf_config::estate::{Estate, EstateBundle};
use hf_control::{
    Autoshift, Intent, Practice, PracticeConfig, Resource, Scope, Shift, ShiftKind, ShiftState,
};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, PoolName, Revision, Timestamp, ZoneId};
use proptest::prelude::*;

use crate::{Gray, GrayFinding, Inputs, Observers, Seen, Watch, Word};

const START: u64 = 1_700_000_000_000;

/// `web` and `api` have two endpoints in each of a, b, c, `lone` lives in a alone.
fn estate() -> Estate {
    estate_with("kind = \"tcp\"\ninterval = \"1s\"\ntimeout = \"500ms\"")
}

/// The same under another check.
fn estate_with(check: &str) -> Estate {
    let mut toml = String::from("[[region]]\nid = \"west\"\n");
    for zone in ["a", "b", "c"] {
        toml += &format!("[[zone]]\nid = \"{zone}\"\nregion = \"west\"\n");
    }
    toml += &format!("[[health_check]]\nname = \"up\"\n{check}\n");
    let mut port = 8_000;
    for (pool, zones) in [("web", "aabbcc"), ("api", "aabbcc"), ("lone", "a")] {
        toml += &format!(
            "[[pool]]\nname = \"{pool}\"\nprotocol = \"http\"\nhealth_check = \"up\"\nendpoints = [\n"
        );
        for zone in zones.chars() {
            port += 1;
            toml += &format!("  {{ address = \"10.0.0.1:{port}\", zone = \"{zone}\" }},\n");
        }
        toml += "]\n";
    }
    toml += "[[hosted_zone]]\nname = \"x.test.\"\n";
    for (name, leads) in
        [("two", "{ pool = \"web\" }, { pool = \"api\" }"), ("top", "{ record = \"two.x.test.\" }")]
    {
        toml += &format!("[[record]]\nname = \"{name}.x.test.\"\ntype = \"A\"\nanswers = [{leads}]\n");
    }
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    hf_config::read_estate("estate.toml", &bundle).expect("the test estate reads")
}

fn zone(id: &str) -> ZoneId {
    id.parse().unwrap()
}

struct World {
    estate: Estate,
    settings: BTreeMap<Resource, Practice>,
    intent: Intent,
    history: Vec<Shift>,
    gray: BTreeMap<PoolName, Gray>,
    verdicts: Verdicts,
    observers: Observers,
    now: Timestamp,
    watch: Watch,
}

impl World {
    fn new(resource: &str, autoshift: Autoshift) -> World {
        let estate = estate();
        let config = PracticeConfig::default();
        let practice = Practice { config, autoshift, configured_at: Timestamp(0), revision: Revision(2) };
        World {
            verdicts: Verdicts { of: vec![Verdict::Healthy; estate.subject_count()] },
            estate,
            settings: BTreeMap::from([(resource.parse().unwrap(), practice)]),
            intent: Intent::default(),
            history: Vec::new(),
            gray: BTreeMap::new(),
            observers: Observers { zones: ["a", "b", "c"].map(zone).into(), problem: None },
            now: Timestamp(START),
            watch: Watch::default(),
        }
    }

    /// All endpoints of a pool in a zone.
    fn set(&mut self, pool: &str, in_zone: &str, verdict: Verdict) {
        let endpoints = self.estate.endpoint_refs().enumerate();
        let here: Vec<usize> = endpoints
            .filter(|(_, at)| self.estate.pool(at.pool).name.as_str() == pool)
            .filter(|(_, at)| self.estate.zone(self.estate.endpoint(*at).zone).id.as_str() == in_zone)
            .map(|(at, _)| at)
            .collect();
        for at in here {
            self.verdicts.of[at] = verdict;
        }
    }

    fn gray(&mut self, pool: &str, finding: GrayFinding) {
        let gray = Gray { second: self.now.0 / 1_000, finding, doubted: Vec::new() };
        self.gray.insert(pool.parse().unwrap(), gray);
    }

    fn shift(&mut self, number: u64, kind: ShiftKind, of: &str, scope: Scope, state: ShiftState) {
        let started_at = self.now;
        let shift = Shift {
            id: format!("shift-{number}").parse().unwrap(),
            zone: zone(of),
            scope,
            reason: "test".to_owned(),
            by: Operator::new("test"),
            started_at,
            ends_at: started_at.plus(Duration::from_mins(10)),
            state,
            kind,
            floor_overrides: Vec::new(),
            revision: Revision(number),
        };
        self.history.push(shift.clone());
        if state == ShiftState::Active {
            self.intent.shifts.push(shift);
        }
    }

    fn look(&mut self) -> Vec<Seen> {
        let World { estate, settings, intent, history, gray, verdicts, observers, now, watch } = self;
        let (now, clock) = (*now, *now);
        let inputs = Inputs { estate, settings, intent, history, gray, verdicts, observers, now, clock };
        let seen = watch.look(inputs);
        self.now = self.now.plus(Duration::from_secs(1));
        seen
    }

    fn word(&mut self) -> Word {
        self.look().pop().map_or(Word::Quiet, |seen| seen.word)
    }

    /// The words of so many looks, equal ones once.
    fn words(&mut self, looks: usize) -> String {
        let mut words: Vec<String> = (0..looks).map(|_| self.word().to_string()).collect();
        words.dedup();
        words.join("\n")
    }
}

#[track_caller]
fn check(world: &mut World, looks: usize, expected: &Expect) {
    expected.assert_eq(&world.words(looks));
}

#[test]
fn a_dead_zone_is_left_after_three_beats() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    check(&mut world, 2, &expect!["all is well"]);
    world.set("web", "a", Verdict::Unhealthy);
    check(
        &mut world,
        3,
        &expect![[r#"
            a is watched, 2 more beats: pool/web: 2 of 2 endpoints in a unhealthy by quorum, 0 of 4 elsewhere
            a is watched, 1 more beats: pool/web: 2 of 2 endpoints in a unhealthy by quorum, 0 of 4 elsewhere
            a is left: pool/web: 2 of 2 endpoints in a unhealthy by quorum, 0 of 4 elsewhere"#]],
    );
}

#[test]
fn a_check_that_is_not_of_each_endpoint_accuses_no_zone() {
    for check in ["kind = \"tcp\"\ndisabled = true", "kind = \"tcp\"\naddress = \"10.0.0.9:80\""] {
        let mut world = World::new("pool/web", Autoshift::Enabled);
        world.estate = estate_with(check);
        // What the zone's endpoints were before the check became another one.
        world.set("web", "a", Verdict::Unhealthy);
        check_quiet(&mut world);
    }
    // Results that are pushed for the check as a whole count for endpoints that have none of their own.
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.estate = estate_with("kind = \"pushed\"");
    for zone in ["b", "c"] {
        world.set("web", zone, Verdict::Unknown);
    }
    world.set("web", "a", Verdict::Unhealthy);
    let last = world.estate.subject_count() - 1;
    world.verdicts.of[last] = Verdict::Healthy;
    check(
        &mut world,
        1,
        &expect![
            "a is watched, 2 more beats: pool/web: 2 of 2 endpoints in a unhealthy by quorum, 0 of 4 elsewhere"
        ],
    );
}

#[track_caller]
fn check_quiet(world: &mut World) {
    check(world, 5, &expect!["all is well"]);
}

#[test]
fn a_tree_leaves_a_zone_that_is_dead_for_the_pools_behind_it() {
    for name in ["record/two.x.test.", "record/top.x.test."] {
        let mut world = World::new(name, Autoshift::Enabled);
        world.set("web", "a", Verdict::Unhealthy);
        world.set("api", "a", Verdict::Unhealthy);
        world.words(2);
        let word = world.words(1);
        assert!(
            word.starts_with("a is left: pool/web: 2 of 2") && word.contains("pool/api: 2 of 2"),
            "{word}"
        );
    }
}

#[test]
fn beats_count_only_in_a_row() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    for _ in 0..4 {
        world.set("web", "a", Verdict::Unhealthy);
        assert!(matches!(world.word(), Word::Holding { beats: 2, .. }));
        assert!(matches!(world.word(), Word::Holding { beats: 1, .. }));
        world.set("web", "a", Verdict::Healthy);
        assert_eq!(world.word(), Word::Quiet);
    }
}

#[test]
fn the_detector_is_believed_at_once() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.gray("web", GrayFinding::Zone(zone("b"), "faults 9 %".to_owned()));
    check(&mut world, 1, &expect!["b is left: pool/web: faults 9 %"]);
    // An old word is none.
    world.now = world.now.plus(Duration::from_secs(20));
    check(&mut world, 1, &expect!["all is well"]);
}

#[test]
fn advice_moves_nothing() {
    let mut world = World::new("pool/web", Autoshift::Advise);
    world.gray("web", GrayFinding::Zone(zone("b"), "faults 9 %".to_owned()));
    check(&mut world, 2, &expect!["b would be left: pool/web: faults 9 %"]);
    let mut world = World::new("pool/web", Autoshift::Disabled);
    world.set("web", "a", Verdict::Unhealthy);
    assert_eq!(world.look(), []);
}

#[test]
fn several_zones_or_everything_are_no_reason() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.gray("web", GrayFinding::Several);
    check(&mut world, 1, &expect!["none begins: pool/web: the detector finds several zones impaired"]);
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.set("web", "a", Verdict::Unhealthy);
    world.set("web", "b", Verdict::Unhealthy);
    check(
        &mut world,
        5,
        &expect!["none begins: pool/web: a is dead, and 2 of 2 endpoints in b are unhealthy too"],
    );
    world.set("web", "b", Verdict::Healthy);
    world.gray("web", GrayFinding::Zone(zone("c"), "slow".to_owned()));
    check(&mut world, 1, &expect!["none begins: pool/web: c is impaired and a is dead"]);
}

#[test]
fn evidence_that_could_be_our_own_is_none() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.gray("web", GrayFinding::Zone(zone("b"), "faults 9 %".to_owned()));
    world.observers.zones = ["a", "b"].map(zone).into();
    check(
        &mut world,
        1,
        &expect![
            "none begins: 1 zones other than b are heard, 2 are needed to know whose fault it is; pool/web: faults 9 %"
        ],
    );
    world.observers.zones = ["a", "b", "c"].map(zone).into();
    world.gray.get_mut(&"web".parse::<PoolName>().unwrap()).unwrap().doubted = vec![zone("c")];
    assert!(matches!(world.word(), Word::Blocked { .. }));
    world.gray.get_mut(&"web".parse::<PoolName>().unwrap()).unwrap().doubted.clear();
    world.observers.problem = Some("this node has not heard of itself".to_owned());
    assert!(matches!(world.word(), Word::Blocked { .. }));
    world.observers.problem = None;
    assert!(matches!(world.word(), Word::Start { .. }));
}

#[test]
fn a_region_needs_most_of_its_pools() {
    let mut world = World::new("region/west", Autoshift::Enabled);
    world.set("web", "a", Verdict::Unhealthy);
    check(&mut world, 4, &expect!["all is well"]);
    world.set("api", "a", Verdict::Unhealthy);
    // `lone` cannot leave, and has no word.
    world.set("lone", "a", Verdict::Unhealthy);
    assert!(matches!(world.words(3).lines().last(), Some(last) if last.starts_with("a is left: pool/web")));
}

#[test]
fn where_people_act_none_begins() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.gray("web", GrayFinding::Zone(zone("b"), "faults 9 %".to_owned()));
    world.shift(7, ShiftKind::Zonal, "a", Scope::Everything, ShiftState::Active);
    check(&mut world, 1, &expect!["none begins: shift-7 takes everything out of a already"]);
    world.intent.shifts.clear();
    world.shift(8, ShiftKind::Practice, "a", Scope::Everything, ShiftState::Active);
    assert!(matches!(world.word(), Word::Start { .. }));
    world.intent.shifts.clear();
    let canceled = ShiftState::Canceled(world.now);
    world.shift(9, ShiftKind::Autoshift, "b", "pool/web".parse().unwrap(), canceled);
    check(&mut world, 1, &expect!["none begins: an operator has canceled the last one; quiet for 30m more"]);
    world.now = world.now.plus(Autoshift::QUIET);
    world.gray("web", GrayFinding::Zone(zone("b"), "faults 9 %".to_owned()));
    assert!(matches!(world.word(), Word::Start { .. }));
}

/// Looks until something else than waiting is to be done, for so long at most.
fn until_done(world: &mut World, at_most_s: usize) -> (u64, Word) {
    let begun = world.now;
    for _ in 0..at_most_s {
        let word = world.word();
        match word {
            Word::Renew { .. } => {
                let ends_at = world.now.plus(crate::LENGTH);
                world.intent.shifts[0].ends_at = ends_at;
            }
            Word::Stay { .. } => {}
            other => return (world.now.since(begun).as_secs(), other),
        }
    }
    panic!("nothing was done in {at_most_s} s")
}

#[test]
fn it_is_renewed_while_the_evidence_lasts_and_ends_when_probes_are_good() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.set("web", "a", Verdict::Unhealthy);
    world.shift(7, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    let mut renewals = 0;
    for _ in 0..1_800 {
        match world.word() {
            Word::Renew { .. } => {
                renewals += 1;
                world.intent.shifts[0].ends_at = world.now.plus(crate::LENGTH);
            }
            Word::Stay { .. } => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(renewals, 5); // every five minutes from the fifth on
    world.set("web", "a", Verdict::Healthy);
    let (after_s, word) = until_done(&mut world, 100);
    assert_eq!(after_s, u64::from(crate::WELL_BEATS));
    assert_eq!(word.to_string(), "shift-7 ends, a returns: 2 of 2 endpoints healthy for 30 beats");
}

#[test]
fn it_stays_its_least_and_twice_that_when_the_zone_flaps() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.shift(7, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    let (after_s, word) = until_done(&mut world, 2_000);
    assert!(matches!(word, Word::End { .. }));
    assert_eq!(after_s, 601);
    // Back for half an hour, and away again.
    let ended = world.now;
    world.intent.shifts.clear();
    world.history[0].state = ShiftState::Completed(ended);
    world.now = world.now.plus(Duration::from_mins(30));
    world.shift(8, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    let (after_s, word) = until_done(&mut world, 3_000);
    assert!(matches!(word, Word::End { .. }));
    assert_eq!(after_s, 1_201);
    assert_eq!(crate::least_stay(5), Duration::from_mins(320));
    assert_eq!(crate::least_stay(6), Duration::from_hours(6));
    assert_eq!(crate::least_stay(u32::MAX), Duration::from_hours(6));
}

/// An autoshift of `b` that began just now, and a look each second: what the detector finds then, and after how many looks it ends, if at all within 500.
fn withdrawn(world: &mut World, finding: impl Fn(u32) -> GrayFinding) -> Option<(u32, String)> {
    world.shift(7, ShiftKind::Autoshift, "b", "pool/web".parse().unwrap(), ShiftState::Active);
    (1..500).find_map(|look| {
        world.gray("web", finding(look));
        match world.word() {
            end @ Word::End { .. } => Some((look, end.to_string())),
            Word::Renew { .. } => {
                world.intent.shifts.last_mut().unwrap().ends_at = world.now.plus(crate::LENGTH);
                None
            }
            _ => None,
        }
    })
}

fn everything() -> GrayFinding {
    GrayFinding::Everything("3 of 3 zones have more faults".to_owned())
}

#[test]
fn what_turns_out_to_be_everywhere_ends_early_once_the_zone_is_checked() {
    let new = || World::new("pool/web", Autoshift::Enabled);
    let ends = "shift-7 ends, b returns: everything got worse, so it helps nobody; 2 of 2 endpoints healthy for 30 beats";
    assert_eq!(withdrawn(&mut new(), |_| everything()), Some((30, ends.to_owned())));
    assert_eq!(withdrawn(&mut new(), |_| GrayFinding::Several), Some((30, ends.to_owned())));
    // What was certain is remembered: what is usual moves with it.
    let for_a_while = |look| if look <= 12 { everything() } else { GrayFinding::Nothing };
    assert_eq!(withdrawn(&mut new(), for_a_while), Some((30, ends.to_owned())));
    // For a moment, or while one zone is accused again, it is not so.
    let for_a_moment = |look| if look % 9 == 0 { GrayFinding::Nothing } else { everything() };
    assert_eq!(withdrawn(&mut new(), for_a_moment), None);
    let accused = || GrayFinding::Zone(zone("b"), "faults 9 %".to_owned());
    let in_turns = |look| if look % 9 == 0 { accused() } else { everything() };
    assert_eq!(withdrawn(&mut new(), in_turns), None);
    // Not before probes are good: nor where nobody looks, nor where nobody could tell.
    let mut world = new();
    world.set("web", "b", Verdict::Unhealthy);
    assert_eq!(withdrawn(&mut world, |_| everything()), None);
    let mut world = new();
    world.estate.pools[0].health_check = None;
    assert_eq!(withdrawn(&mut world, |_| everything()), None);
    let mut world = new();
    world.observers.zones = ["b"].map(zone).into();
    assert_eq!(withdrawn(&mut world, |_| everything()), None);
}

#[test]
fn an_autoshift_that_began_again_is_not_withdrawn_and_an_operators_shift_never_is() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    let returned = ShiftState::Completed(world.now);
    world.shift(6, ShiftKind::Autoshift, "b", "pool/web".parse().unwrap(), returned);
    world.now = world.now.plus(Duration::from_mins(5));
    assert_eq!(withdrawn(&mut world, |_| everything()), None);
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.shift(7, ShiftKind::Zonal, "b", "pool/web".parse().unwrap(), ShiftState::Active);
    for _ in 0..200 {
        world.gray("web", everything());
        assert_eq!(world.word(), Word::Quiet);
    }
}

/// The quorum's word on a dead zone stands, whatever else is worse.
#[test]
fn that_everything_is_worse_keeps_no_dead_zone_in() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.set("web", "a", Verdict::Unhealthy);
    for look in 1..=3 {
        world.gray("web", everything());
        assert_eq!(matches!(world.word(), Word::Start { .. }), look == 3);
    }
}

#[test]
fn while_nobody_can_tell_it_stays() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.shift(7, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    world.observers.zones.clear();
    for _ in 0..3_000 {
        match world.word() {
            Word::Renew { .. } => world.intent.shifts[0].ends_at = world.now.plus(crate::LENGTH),
            Word::Stay { .. } => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn without_a_check_it_runs_out() {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    world.estate.pools[0].health_check = None;
    world.shift(7, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    let mut words = BTreeSet::new();
    for _ in 0..600 {
        words.insert(world.word().kind());
    }
    assert_eq!(words.into_iter().collect::<Vec<_>>(), ["renew", "stay"]);
    check(
        &mut world,
        2,
        &expect![
            "shift-7 keeps a away: no health check looks at it: it runs out, and the return is the trial"
        ],
    );
}

#[test]
fn turned_off_it_is_not_renewed() {
    let mut world = World::new("pool/web", Autoshift::Disabled);
    world.set("web", "a", Verdict::Unhealthy);
    world.shift(7, ShiftKind::Autoshift, "a", "pool/web".parse().unwrap(), ShiftState::Active);
    for _ in 0..600 {
        assert!(matches!(world.word(), Word::Stay { .. }));
    }
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![2 => Just(Verdict::Healthy), 2 => Just(Verdict::Unhealthy), 1 => Just(Verdict::Unknown)]
}

fn finding() -> impl Strategy<Value = GrayFinding> {
    prop_oneof![
        2 => Just(GrayFinding::Nothing),
        3 => "[abc]".prop_map(|of| GrayFinding::Zone(zone(&of), "gray".to_owned())),
        1 => Just(GrayFinding::Several),
        1 => Just(everything()),
    ]
}

fn worlds() -> impl Strategy<Value = World> {
    let resource = prop::sample::select(vec!["pool/web", "pool/lone", "region/west"]);
    let setting = prop::sample::select(vec![Autoshift::Enabled, Autoshift::Advise, Autoshift::Disabled]);
    let zones = prop::collection::btree_set("[abcd]", 0..5);
    let shifts = prop::collection::vec(("[abc]", 0u8..4, any::<bool>()), 0..3);
    (resource, setting, prop::collection::vec(verdict(), 14), finding(), finding(), zones, shifts).prop_map(
        |(resource, setting, of, web, api, zones, shifts)| {
            let mut world = World::new(resource, setting);
            world.verdicts.of[..13].clone_from_slice(&of[..13]);
            world.gray("web", web);
            world.gray("api", api);
            world.observers.zones = zones.iter().map(|of| zone(of)).collect();
            for (number, (of, kind, is_all)) in shifts.into_iter().enumerate() {
                let kind = match kind {
                    0 => ShiftKind::Zonal,
                    1 => ShiftKind::BreakGlass,
                    2 => ShiftKind::Practice,
                    _ => ShiftKind::Autoshift,
                };
                let scope = if is_all { Scope::Everything } else { "pool/web".parse().unwrap() };
                world.shift(number as u64 + 1, kind, &of, scope, ShiftState::Active);
            }
            world
        },
    )
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let World { settings, intent, gray, verdicts, observers, .. } = self;
        write!(f, "{settings:?} {:?} {gray:?} {verdicts:?} {observers:?}", intent.shifts)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// Nothing begins unless it is enabled, beside an act of people or another autoshift, or seen from fewer than two other zones.
    #[test]
    fn none_begins_against_the_rules(mut world in worlds(), looks in 1usize..6) {
        for _ in 0..looks {
            for seen in world.look() {
                let Word::Start { zone: left, .. } = &seen.word else { continue };
                prop_assert_eq!(seen.setting, Autoshift::Enabled);
                let others = world.observers.zones.iter().filter(|zone| *zone != left).count();
                prop_assert!(others >= crate::VANTAGE_MIN);
                let scope = seen.resource.scope();
                for shift in &world.intent.shifts {
                    let is_rehearsal = shift.kind == ShiftKind::Practice;
                    prop_assert!(is_rehearsal || !shift.scope.overlaps(&scope), "{}", shift.id);
                    prop_assert!(shift.kind != ShiftKind::Autoshift || shift.zone == *left);
                }
            }
        }
    }

    /// Nothing begins while another zone of a pool that accuses is ill too, and by the quorum alone never before the third look.
    #[test]
    fn none_begins_when_everything_is_bad(mut world in worlds(), looks in 1u32..6) {
        let is_gray = world.gray.values().any(|gray| matches!(gray.finding, GrayFinding::Zone(..)));
        let web = |world: &World, of: usize| (2 * of..2 * of + 2)
            .filter(|at| world.verdicts.of[*at] == Verdict::Unhealthy).count();
        for look in 1..=looks {
            for seen in world.look() {
                let Word::Start { zone, .. } = &seen.word else { continue };
                prop_assert!(is_gray || look >= crate::HOLD_BEATS);
                if seen.resource.to_string() == "pool/web" {
                    let left = ["a", "b", "c"].iter().position(|id| *id == zone.as_str()).unwrap();
                    let dead_elsewhere = (0..3).filter(|of| *of != left).any(|of| web(&world, of) == 2);
                    prop_assert!(!dead_elsewhere);
                }
            }
        }
    }

    /// The same looks give the same words.
    #[test]
    fn a_look_depends_on_nothing_but_what_it_is_told(mut world in worlds()) {
        let mut other = Watch::default();
        for _ in 0..4 {
            let World { estate, settings, intent, history, gray, verdicts, observers, now, .. } = &world;
            let again = other.look(Inputs {
                estate, settings, intent, history, gray, verdicts, observers, now: *now, clock: *now,
            });
            prop_assert_eq!(world.look(), again);
        }
    }
}

/// How often a zone that flaps is left in six hours, with a look each second, while the ledger does as it is told: zone `b` is down and up by turns of so many seconds, and from time to time, as `seed` draws it, this node hears only its
/// own zone's observers, which see nobody then.
fn six_hours(down_s: u64, up_s: u64, seed: u64) -> u32 {
    let mut world = World::new("pool/web", Autoshift::Enabled);
    let mut starts = 0;
    for second in 0..6 * 3_600 {
        let is_down = second % (down_s + up_s) < down_s;
        world.set("web", "b", if is_down { Verdict::Unhealthy } else { Verdict::Healthy });
        // A minute of every ten or so, at an instant of its own.
        let minute = (second / 60).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
        let is_cut = (minute ^ (minute >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 == 0;
        world.observers.zones =
            if is_cut { ["a"].map(zone).into() } else { ["a", "b", "c"].map(zone).into() };
        if is_cut {
            world.set("web", "c", Verdict::Unhealthy);
        } else {
            world.set("web", "c", Verdict::Healthy);
        }
        match world.word() {
            Word::Start { zone: left, .. } => {
                assert!(!is_cut, "second {second}: begun on this node's own loss");
                assert_eq!(left, zone("b"), "second {second}");
                starts += 1;
                let number = 6 + u64::from(starts);
                world.shift(
                    number,
                    ShiftKind::Autoshift,
                    "b",
                    "pool/web".parse().unwrap(),
                    ShiftState::Active,
                );
            }
            Word::Renew { .. } => {
                world.intent.shifts[0].ends_at = world.now.plus(crate::LENGTH);
            }
            Word::End { .. } => {
                assert!(!is_cut, "second {second}: ended on this node's own loss");
                world.intent.shifts.clear();
                world.history.last_mut().unwrap().state = ShiftState::Completed(world.now);
            }
            _ => {}
        }
    }
    starts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// A zone that flaps makes no storm of evacuations, whatever is heard meanwhile: each stay is twice as long, and six hours have room for six.
    #[test]
    fn a_flapping_zone_makes_no_storm(down_s in 1u64..20, up_s in 1u64..90, seed in any::<u64>()) {
        let starts = six_hours(down_s, up_s, seed);
        prop_assert!(starts <= 6, "{}", starts);
        if down_s < u64::from(crate::HOLD_BEATS) {
            prop_assert_eq!(starts, 0);
        } else if up_s > u64::from(crate::WELL_BEATS) + 1 {
            prop_assert!(starts >= 3, "too few to show anything: {}", starts);
        }
    }
}
