//! Weeks of practice runs on a clock that the test moves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{Estate, EstateBundle};
use hf_control::{
    Autoshift, Practice, PracticeConfig, PracticeOutcome, PracticeRecord, PracticeSeen, Resource, Scope,
    Shift, ShiftKind, ShiftState,
};
use hf_model::{Operator, Revision, ShiftId, Timestamp};
use proptest::prelude::*;

use super::*;

/// Monday, 2026-11-02, 00:00 UTC.
const MONDAY: u64 = 1_793_577_600_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn estate() -> Estate {
    let toml = "[[region]]\nid = \"eu\"\n[[region]]\nid = \"us\"\n\
        [[zone]]\nid = \"a\"\nregion = \"eu\"\n[[zone]]\nid = \"b\"\nregion = \"eu\"\n[[zone]]\nid = \"c\"\nregion = \"eu\"\n\
        [[zone]]\nid = \"x\"\nregion = \"us\"\n\
        [[pool]]\nname = \"web\"\nendpoints = [{ address = \"10.0.0.1:80\", zone = \"a\" }, { address = \"10.0.0.2:80\", zone = \"b\" }, { address = \"10.0.0.3:80\", zone = \"c\" }]\n\
        [[pool]]\nname = \"shop\"\nendpoints = [{ address = \"10.0.1.1:80\", zone = \"a\" }, { address = \"10.0.1.2:80\", zone = \"c\" }]\n\
        [[hosted_zone]]\nname = \"x.test.\"\n\
        [[record]]\nname = \"two.x.test.\"\ntype = \"A\"\nanswers = [{ pool = \"web\" }, { pool = \"shop\" }]\n\
        [[record]]\nname = \"top.x.test.\"\ntype = \"A\"\nanswers = [{ record = \"two.x.test.\" }]\n";
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

fn config(windows: &[&str]) -> PracticeConfig {
    PracticeConfig {
        outcome_alarms: vec!["checkout".to_owned()],
        allowed_windows: windows.iter().map(|text| text.parse().unwrap()).collect(),
        ..PracticeConfig::default()
    }
}

fn configured(config: PracticeConfig, configured_at: Timestamp) -> Practice {
    Practice { config, autoshift: Autoshift::Disabled, configured_at, revision: Revision(1) }
}

/// The slot of what was configured long ago.
fn slot_of(resource: &Resource, config: &PracticeConfig, now: Timestamp) -> Option<Timestamp> {
    slot(resource, &configured(config.clone(), Timestamp(0)), now)
}

/// A world whose control node looks every minute.
struct World {
    estate: Estate,
    practices: BTreeMap<Resource, Practice>,
    history: Vec<PracticeRecord>,
    running: Vec<Shift>,
    tried: BTreeMap<Resource, Timestamp>,
    slots: Slots,
    now: u64,
    /// Runs that began, in words.
    told: Vec<String>,
}

impl World {
    fn new(practices: &[(&str, PracticeConfig)]) -> World {
        let practice = |(resource, config): &(&str, PracticeConfig)| {
            (resource.parse().unwrap(), configured(config.clone(), Timestamp(0)))
        };
        World {
            estate: estate(),
            practices: practices.iter().map(practice).collect(),
            history: Vec::new(),
            running: Vec::new(),
            tried: BTreeMap::new(),
            slots: Slots::default(),
            now: MONDAY,
            told: Vec::new(),
        }
    }

    /// Looks every minute; `may` says whether what is due can begin.
    fn run(&mut self, length: Duration, may: impl Fn(u64) -> bool) {
        let end = self.now + length.as_millis() as u64;
        while self.now < end {
            let now = Timestamp(self.now);
            self.running.retain(|shift| shift.ends_at > now);
            let history: Vec<&PracticeRecord> = self.history.iter().collect();
            let found = due(
                &Inputs {
                    estate: &self.estate,
                    practices: &self.practices,
                    history: &history,
                    shifts: &self.running,
                    tried: &self.tried,
                    now,
                },
                &mut self.slots,
            );
            for due in found {
                if may(self.now) {
                    self.begin(&due, now);
                } else {
                    self.tried.insert(due.resource, now);
                }
            }
            self.now += 60_000;
        }
    }

    fn begin(&mut self, due: &Due, now: Timestamp) {
        let id = ShiftId::new(&format!("shift-{}", self.history.len() + 1)).unwrap();
        let zone = self.estate.zone(due.zone).id.clone();
        self.told.push(format!("{} out of {zone}", due.resource));
        assert!(is_allowed(&self.practices[&due.resource].config, now));
        self.running.push(Shift {
            id: id.clone(),
            zone: zone.clone(),
            scope: Scope::Everything,
            reason: String::new(),
            by: Operator::new("holdfast"),
            started_at: now,
            ends_at: now.plus(LENGTH),
            state: ShiftState::Active,
            kind: ShiftKind::Practice,
            floor_overrides: Vec::new(),
            revision: Revision(1),
        });
        self.history.push(PracticeRecord {
            id,
            resource: due.resource.clone(),
            zone,
            started_at: now,
            ended_at: None,
            outcome: PracticeOutcome::Succeeded,
            seen: PracticeSeen::default(),
            why: String::new(),
            revision: Revision(1),
        });
    }
}

const WEEK: Duration = Duration::from_hours(7 * 24);

#[test]
fn weeks_begin_on_monday() {
    assert_eq!(week_of(Timestamp(MONDAY)).1, Timestamp(MONDAY));
    assert_eq!(week_of(Timestamp(MONDAY - 1)).1, Timestamp(MONDAY - 7 * DAY_MS));
    assert_eq!(week_of(Timestamp(0)), (0, Timestamp(0)));
}

#[test]
fn each_resource_runs_once_a_week_one_zone_after_another() {
    let mut world = World::new(&[("pool/web", config(&[])), ("pool/shop", config(&["Tue:09:00-Tue:17:00"]))]);
    world.run(WEEK * 4, |_| true);
    let of =
        |name: &str| world.told.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    assert_eq!(
        of("pool/web"),
        ["pool/web out of a", "pool/web out of b", "pool/web out of c", "pool/web out of a"]
    );
    assert_eq!(
        of("pool/shop"),
        ["pool/shop out of a", "pool/shop out of c", "pool/shop out of a", "pool/shop out of c"]
    );
    let weeks: BTreeSet<u64> = world.history.iter().map(|record| week_of(record.started_at).0).collect();
    assert_eq!(weeks.len(), 4);
}

#[test]
fn a_tree_is_in_the_zones_of_all_pools_behind_it() {
    for name in ["record/two.x.test", "record/top.x.test"] {
        let mut world = World::new(&[(name, config(&[]))]);
        world.run(WEEK * 3, |_| true);
        let want = ["a", "b", "c"].map(|zone| format!("{name}. out of {zone}"));
        assert_eq!(world.told, want);
    }
}

#[test]
fn two_resources_of_a_region_never_run_at_once() {
    // One hour a week for both: half an hour each.
    let hour = config(&["Wed:10:00-Wed:11:00"]);
    let mut world = World::new(&[("pool/web", hour.clone()), ("region/eu", hour)]);
    world.run(WEEK * 8, |_| true);
    assert!(world.history.len() >= 8, "{:?}", world.told);
    for (one, other) in world.history.iter().zip(&world.history[1..]) {
        assert!(other.started_at >= one.started_at.plus(LENGTH), "{one:?} {other:?}");
    }
}

#[test]
fn what_cannot_begin_is_tried_again_within_the_week() {
    let mut world = World::new(&[("pool/web", config(&["Tue:09:00-Tue:17:00", "Fri:09:00-Fri:17:00"]))]);
    // Alarms until Friday noon.
    let noon = MONDAY + 4 * DAY_MS + 12 * HOUR_MS;
    world.run(WEEK, |now| now >= noon);
    assert_eq!(world.history.len(), 1);
    let began = world.history[0].started_at.0;
    assert!((noon..noon + RETRY.as_millis() as u64 + 60_000).contains(&began), "{began}");
    // What a week did not allow is not made up for in the next one.
    let mut world = World::new(&[("pool/web", config(&[]))]);
    world.run(WEEK * 3, |now| now >= MONDAY + 14 * DAY_MS);
    assert_eq!(world.history.len(), 1);
}

#[test]
fn what_was_configured_just_now_waits() {
    let resource: Resource = "pool/web".parse().unwrap();
    let all_week = |at| configured(config(&[]), Timestamp(at));
    let once = slot(&resource, &all_week(0), Timestamp(MONDAY)).unwrap();
    // In the minute in which its run of this week should have begun, and later in the week.
    for at in [once.0 - HOUR_MS + 1, once.0, MONDAY + 6 * DAY_MS] {
        let found = slot(&resource, &all_week(at), Timestamp(at)).unwrap();
        assert!(found >= Timestamp(at + HOUR_MS), "{at} {found:?}");
        assert_eq!(week_of(found), week_of(once));
    }
    let evening = MONDAY + 6 * DAY_MS + 23 * HOUR_MS + 1;
    assert_eq!(slot(&resource, &all_week(evening), Timestamp(evening)), None, "Sunday, 23:00");
    assert!(slot(&resource, &all_week(evening), Timestamp(MONDAY + 7 * DAY_MS)).is_some());

    // A window that is too short for all of it is not taken for want of the whole one that is past.
    let windows =
        configured(config(&["Mon:09:00-Mon:10:00", "Sun:23:50-Sun:23:59"]), Timestamp(MONDAY + DAY_MS));
    assert_eq!(slot(&resource, &windows, Timestamp(MONDAY + DAY_MS)), None);

    let mut world = World::new(&[("pool/web", config(&[]))]);
    world.now = MONDAY + 6 * DAY_MS + 22 * HOUR_MS;
    world.practices.values_mut().for_each(|practice| practice.configured_at = Timestamp(world.now));
    world.run(Duration::from_mins(59), |_| true);
    assert_eq!(world.told, [""; 0]);
    world.run(Duration::from_mins(61), |_| true);
    assert_eq!(world.told, ["pool/web out of a"]);
}

#[test]
fn nothing_begins_on_blocked_days_or_beside_a_shift() {
    let all: Vec<String> = (2..9).map(|day| format!("2026-11-{day:02}")).collect();
    let blocked = PracticeConfig {
        blocked_dates: all.iter().map(|text| text.parse().unwrap()).collect(),
        ..config(&[])
    };
    let mut world = World::new(&[("pool/web", blocked)]);
    world.run(WEEK, |_| true);
    assert!(world.history.is_empty());
    world.run(WEEK, |_| true);
    assert_eq!(world.history.len(), 1);

    let mut world = World::new(&[("pool/web", config(&[])), ("region/us", config(&[]))]);
    let due = Due {
        resource: "pool/web".parse().unwrap(),
        zone: hf_config::estate::ZoneIx(1),
        since: Timestamp(0),
    };
    world.begin(&due, Timestamp(MONDAY));
    world.history.clear();
    world.running[0].kind = ShiftKind::Zonal;
    world.running[0].ends_at = Timestamp(MONDAY + 7 * DAY_MS);
    world.run(WEEK, |_| true);
    assert_eq!(world.told[1..], ["region/us out of x"]);
}

#[test]
fn resources_spread_over_the_week() {
    let beginning = |at: u32| {
        let resource: Resource = format!("pool/p{at}").parse().unwrap();
        slot_of(&resource, &config(&[]), Timestamp(MONDAY)).unwrap().0
    };
    let mut days = [0; 7];
    (0..700).for_each(|at| days[((beginning(at) - MONDAY) / DAY_MS) as usize] += 1);
    assert!(days.iter().all(|count| (60..150).contains(count)), "{days:?}");
    let resource: Resource = "pool/web".parse().unwrap();
    let windows = config(&["Tue:09:00-Tue:09:40"]);
    let begins = Timestamp(MONDAY + DAY_MS + 9 * HOUR_MS);
    let found = slot_of(&resource, &windows, Timestamp(MONDAY)).unwrap();
    // Only 09:00, 09:05 and 09:10 leave room for all of it.
    assert!((begins..=begins.plus(Duration::from_mins(10))).contains(&found), "{found:?}");
    let short = config(&["Tue:09:00-Tue:09:10"]);
    assert!(slot_of(&resource, &short, Timestamp(MONDAY)).is_some());
    assert_eq!(slot_of(&resource, &config(&["Tue:09:01-Tue:09:04"]), Timestamp(MONDAY)), None);
}

#[test]
fn the_worst_word_counts() {
    let seen = |outcome: &[&str], blocking: &[&str], overloaded: Option<&str>| Seen {
        outcome_alarms: outcome.iter().map(ToString::to_string).collect(),
        blocking_alarms: blocking.iter().map(ToString::to_string).collect(),
        overloaded: overloaded.map(str::to_owned),
    };
    let (end, now) = (Timestamp(100), Timestamp(50));
    let outcome = |seen: &Seen, now| judge(seen, end, now).map(|judged| judged.outcome);
    assert_eq!(outcome(&Seen::default(), now), None);
    assert_eq!(outcome(&Seen::default(), end), Some(PracticeOutcome::Succeeded));
    assert_eq!(outcome(&seen(&["checkout"], &["x"], Some("b")), end), Some(PracticeOutcome::Failed));
    assert_eq!(outcome(&seen(&[], &["x"], Some("b")), now), Some(PracticeOutcome::CapacityCheckFailed));
    assert_eq!(outcome(&seen(&[], &["x"], None), now), Some(PracticeOutcome::Interrupted));
    let long = judge(&seen(&["x".repeat(600).as_str()], &[], None), end, now).unwrap();
    assert_eq!(long.why.chars().count(), 500);
}

proptest! {
    /// A slot lies in its week, at a time that is allowed.
    #[test]
    fn slots_are_allowed(at in MONDAY..MONDAY + 300 * DAY_MS, name in "[a-z]{1,8}", hour in 0_u32..23, day in 0_usize..7) {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let window = format!("{0}:{hour:02}:07-{0}:{hour:02}:52", DAYS[day]);
        let config = config(&[&window]);
        let resource: Resource = format!("pool/{name}").parse().unwrap();
        let found = slot_of(&resource, &config, Timestamp(at)).unwrap();
        prop_assert_eq!(week_of(found).0, week_of(Timestamp(at)).0);
        prop_assert!(is_allowed(&config, found));
    }
}
