use proptest::prelude::*;

use super::*;
use crate::second::{Endpoint, Zone};

const BUCKETS: Latency = Latency { buckets: 24, ratio: std::f64::consts::SQRT_2 };
/// When a world's trouble begins.
const ONSET: u32 = 200;

/// SplitMix64, so that every run is the same.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn of(&mut self, trials: u32, share: f64) -> u32 {
        (0..trials).filter(|_| self.next() < share).count() as u32
    }
}

/// What happens to one endpoint in one second of trouble.
#[derive(Clone, Copy, Default)]
struct Trouble {
    faults: f64,
    /// Buckets by which answers are slower.
    slower: usize,
    /// The share of probes of its zone that fail.
    probes: f64,
}

/// Three zones of four endpoints with forty requests a second each, usually one fault in 500.
fn second(chance: &mut Chance, trouble: impl Fn(usize, usize) -> Trouble, is_marked: bool) -> Second {
    let mut zones = Vec::new();
    for zone in 0..3 {
        let endpoint = |of: usize, chance: &mut Chance| {
            let trouble = trouble(zone, of);
            let requests = 30 + (chance.next() * 20.0) as u32;
            let mut latency = vec![0; BUCKETS.buckets];
            for _ in 0..requests {
                let at = 4 + chance.of(6, 0.4) as usize + trouble.slower;
                latency[at.min(BUCKETS.buckets - 1)] += 1;
            }
            Endpoint { requests, faults: chance.of(requests, 0.002 + trouble.faults), latency }
        };
        let endpoints = (0..4).map(|of| endpoint(of, chance)).collect();
        zones.push(Zone { endpoints, is_marked: is_marked && zone == 1, ..Zone::default() });
    }
    let probe = |zone: usize, chance: &mut Chance| Some(chance.next() >= trouble(zone, 0).probes);
    let probes = (0..3).map(|_| (0..3).map(|zone| probe(zone, chance)).collect()).collect();
    Second { zones, probes, seen: Vec::new() }
}

/// The first finding within `seconds` from the onset on, and how long after it.
fn found(
    trouble: impl Fn(u32, usize, usize) -> Trouble,
    is_marked: bool,
    seconds: u32,
) -> Option<(u32, Finding)> {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    for now in 0..ONSET + seconds {
        let at = |zone, of| if now < ONSET { Trouble::default() } else { trouble(now - ONSET, zone, of) };
        let step = detector.step(&second(&mut chance, at, is_marked && now >= ONSET));
        if step.finding != Finding::Nothing {
            return Some((now.saturating_sub(ONSET), step.finding));
        }
    }
    None
}

fn check(
    trouble: impl Fn(u32, usize, usize) -> Trouble,
    want: Option<&(std::ops::RangeInclusive<u32>, Finding)>,
) {
    let got = found(trouble, false, 200);
    match (&got, want) {
        (None, None) => {}
        (Some((after, finding)), Some((range, wanted))) if range.contains(after) && finding == wanted => {}
        _ => panic!("found {got:?}, wanted {want:?}"),
    }
}

fn in_zone(zone: usize, trouble: Trouble) -> impl Fn(u32, usize, usize) -> Trouble {
    move |_, at, _| if at == zone { trouble } else { Trouble::default() }
}

#[test]
fn a_zone_that_fails_wholly_is_found_in_seconds() {
    check(
        in_zone(1, Trouble { faults: 1.0, probes: 1.0, ..Trouble::default() }),
        Some(&(5..=8, Finding::Zone(1))),
    );
}

#[test]
fn a_zone_that_fails_in_part_is_found_once_it_is_not_everywhere() {
    let partly = Trouble { faults: 0.3, probes: 0.3, ..Trouble::default() };
    check(in_zone(2, partly), Some(&(10..=12, Finding::Zone(2))));
}

/// That no probe failed in the last seconds is one in five by chance at this rate: one that failed when the faults came tells that probes see them.
#[test]
fn a_probe_that_failed_when_the_faults_came_makes_them_seen() {
    let seen_once = |after: u32, zone: usize, _: usize| {
        let probes = if after == 0 { 1.0 } else { 0.0 };
        if zone == 2 { Trouble { faults: 0.12, probes, ..Trouble::default() } } else { Trouble::default() }
    };
    check(seen_once, Some(&(10..=12, Finding::Zone(2))));
}

#[test]
fn faults_that_probes_do_not_see_need_no_such_wait() {
    check(in_zone(2, Trouble { faults: 0.3, ..Trouble::default() }), Some(&(6..=9, Finding::Zone(2))));
}

#[test]
fn a_slow_zone_is_found() {
    check(in_zone(0, Trouble { slower: 3, ..Trouble::default() }), Some(&(6..=12, Finding::Zone(0))));
}

#[test]
fn a_zone_that_only_probes_see_is_found() {
    check(in_zone(0, Trouble { probes: 1.0, ..Trouble::default() }), Some(&(5..=12, Finding::Zone(0))));
}

#[test]
fn one_endpoint_is_no_zone() {
    check(
        |_, zone, of| {
            if (zone, of) == (1, 2) {
                Trouble { faults: 1.0, slower: 8, ..Trouble::default() }
            } else {
                Trouble::default()
            }
        },
        None,
    );
}

#[test]
fn what_is_everywhere_is_no_zone_even_if_it_comes_to_one_first() {
    for later in [0, 2, 11] {
        check(
            move |after, zone, _| {
                let begins = if zone == 0 { 0 } else { later };
                let faults = if after >= begins { 0.3 } else { 0.0 };
                Trouble { faults, probes: faults, ..Trouble::default() }
            },
            None,
        );
    }
}

/// A cause that comes to the other zones in the very second in which there is enough evidence against the first: those fail as nothing but a cause of their own
/// makes them, and that is certain within the second.
#[test]
fn what_reaches_the_others_in_the_second_of_the_verdict_is_no_zone() {
    let faults = Trouble { faults: 0.12, ..Trouble::default() };
    let alone = found(in_zone(0, faults), false, 60);
    let Some((after, Finding::Zone(0))) = alone else { panic!("{alone:?}") };
    for later in [after - 1, after] {
        let by_turns = move |now: u32, zone: usize, _: usize| {
            if zone == 0 || now >= later { faults } else { Trouble::default() }
        };
        assert_eq!(found(by_turns, false, 200), None, "{later} s later, found alone after {after} s");
    }
}

/// Half as slow again is tolerated in any zone by itself; where all zones got so much slower at once, the one that got twice as slow did not by itself.
#[test]
fn a_zone_that_gets_slow_while_all_get_a_little_slower_is_not_left() {
    let slow = |_: u32, zone: usize, _: usize| Trouble {
        slower: if zone == 1 { 2 } else { 1 },
        ..Trouble::default()
    };
    check(slow, None);
    check(in_zone(1, Trouble { slower: 2, ..Trouble::default() }), Some(&(6..=12, Finding::Zone(1))));
}

/// Of answers of which a quarter is above so many times the median, much more than half have to be before the zone is worse than it may be. All three that rise
/// far and surely are slowness everywhere before that.
#[test]
fn slowness_that_each_zone_may_have_is_everywhere_where_all_surely_have_it() {
    let config = Config::default();
    let judged = |then: [f64; 3], config: &Config| {
        let mut stream = Stream::new(3, config.delta_slow[0], config.rho_slow);
        for now in 0..310 {
            let rates = if now < 300 { [0.2, 0.17, 0.25] } else { then };
            let counts = rates.map(|rate| Count { bad: 40.0 * rate, all: 40.0 });
            let caps = [config.log_a / config.min_s; 3];
            stream.step(&counts, &counts, &[true; 3], &caps, config);
        }
        slow_everywhere(&stream, config)
    };
    assert_eq!(judged([0.55, 0.48, 0.75], &config), Some(Slow::AsAllowed));
    assert_eq!(judged([0.55, 0.48, 0.75], &Config { sure_rise: f64::INFINITY, ..config.clone() }), None);
    // One alone, and what is little beside it, are not everywhere; nor is a rise of all that is worth no word.
    assert_eq!(judged([0.2, 0.17, 0.75], &config), None);
    assert_eq!(judged([0.26, 0.22, 0.75], &config), None);
    assert_eq!(judged([0.26, 0.22, 0.31], &config), None);
}

#[test]
fn two_zones_of_three_are_told_and_not_left() {
    let trouble = |_: u32, zone: usize, _: usize| {
        if zone < 2 { Trouble { faults: 0.5, probes: 0.5, ..Trouble::default() } } else { Trouble::default() }
    };
    let got = found(trouble, false, 200);
    assert!(matches!(got, None | Some((_, Finding::Several))), "{got:?}");
}

#[test]
fn a_restart_of_one_endpoint_after_the_other_is_no_bad_zone() {
    let rolling = |after: u32, zone: usize, of: usize| {
        let begins = 10 * of as u32;
        let restarts = zone == 1 && (begins..begins + 3).contains(&after);
        if restarts { Trouble { faults: 0.6, slower: 2, ..Trouble::default() } } else { Trouble::default() }
    };
    assert_eq!(found(rolling, true, 200), None);
    assert_eq!(found(rolling, false, 200), None);
}

#[test]
fn a_canary_and_then_all_others_at_once_is_no_bad_zone_where_it_is_marked() {
    let bad = |after: u32, zone: usize, of: usize| {
        let restarts = match of {
            0 => after < 5,
            _ => (20..32).contains(&after),
        };
        let faults = if zone == 1 && restarts { 1.0 } else { 0.0 };
        Trouble { faults, ..Trouble::default() }
    };
    assert_eq!(found(bad, true, 200), None);
}

/// Endpoints of zone 1 are away one after the other, for so many seconds each, and slow for ten more.
fn restarts(order: [usize; 4], away_s: u32, pause_s: u32) -> impl Fn(u32, usize, usize) -> Trouble {
    move |after, zone, of| {
        let turn = order.iter().position(|at| *at == of).unwrap_or(0) as u32;
        let begins = turn * (away_s + pause_s);
        match () {
            () if zone != 1 => Trouble::default(),
            () if (begins..begins + away_s).contains(&after) => {
                Trouble { faults: 1.0, slower: 2, ..Trouble::default() }
            }
            () if (begins..begins + away_s + 10).contains(&after) => {
                Trouble { slower: 2, ..Trouble::default() }
            }
            () => Trouble::default(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Restarts that go round make no bad zone, in whatever order they come and though nobody marks them.
    #[test]
    fn restarts_make_no_zone(order in Just([0, 1, 2, 3]).prop_shuffle(), away_s in 2u32..20, pause_s in 1u32..20) {
        prop_assert_eq!(found(restarts(order, away_s, pause_s), false, 170), None);
    }
}

#[test]
fn a_bad_version_that_comes_to_one_endpoint_after_the_other_is_found() {
    let bad = |after: u32, zone: usize, of: usize| {
        let faults = if zone == 1 && after >= 10 * of as u32 { 0.4 } else { 0.0 };
        Trouble { faults, ..Trouble::default() }
    };
    for is_marked in [false, true] {
        let found = found(bad, is_marked, 200);
        assert!(matches!(found, Some((30..=60, Finding::Zone(1)))), "{found:?}");
    }
}

#[test]
fn a_zone_that_breaks_in_the_middle_of_restarts_is_found_as_soon() {
    let restarts = restarts([0, 1, 2, 3], 5, 10);
    let breaks = move |after: u32, zone: usize, of: usize| {
        if zone == 1 && after >= 27 {
            Trouble { faults: 1.0, probes: 1.0, ..Trouble::default() }
        } else {
            restarts(after, zone, of)
        }
    };
    check(breaks, Some(&(32..=38, Finding::Zone(1))));
}

#[test]
fn pauses_of_all_endpoints_are_no_bad_zone_and_what_stays_after_them_is() {
    let storm = |after: u32| after % 9 < 5;
    let slow = |is_slow: bool| Trouble { slower: if is_slow { 9 } else { 0 }, ..Trouble::default() };
    check(move |after, zone, _| slow(zone == 1 && storm(after)), None);
    let stays = move |after: u32, zone: usize, _: usize| slow(zone == 1 && (storm(after) || after >= 90));
    check(stays, Some(&(110..=135, Finding::Zone(1))));
}

#[test]
fn an_observer_in_trouble_convicts_nobody() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    for now in 0..400 {
        let mut second = second(&mut chance, |_, _| Trouble::default(), false);
        if now >= ONSET {
            second.probes[0] = vec![Some(false); 3];
        }
        assert_eq!(detector.step(&second).finding, Finding::Nothing, "second {now}");
    }
}

#[test]
fn seconds_of_the_wrong_shape_are_judged_by_what_is_there() {
    let mut detector = Detector::new(Config::default(), &[2, 2], BUCKETS);
    for second in [
        Second::default(),
        Second {
            zones: vec![Zone::default(); 5],
            probes: vec![vec![Some(false); 9]; 9],
            seen: vec![vec![crate::Seen { requests: 1, faults: u32::MAX, latency: vec![u32::MAX; 9] }; 7]; 7],
        },
        Second {
            zones: vec![
                Zone {
                    endpoints: vec![Endpoint { requests: 1, faults: u32::MAX, latency: vec![u32::MAX; 99] }],
                    worst_clients_faults: u32::MAX,
                    worst_clients_requests: u32::MAX,
                    is_marked: true,
                };
                2
            ],
            probes: Vec::new(),
            seen: Vec::new(),
        },
    ] {
        for _ in 0..200 {
            let step = detector.step(&second);
            assert!(step.zones.iter().all(|zone| zone.total.is_finite()), "{step:?}");
        }
    }
}

#[test]
fn the_same_seconds_give_the_same_bits() {
    let run = || {
        let mut chance = Chance(3);
        let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
        let mut bits = Vec::new();
        for _ in 0..150 {
            let step = detector.step(&second(&mut chance, |_, _| Trouble::default(), false));
            bits.extend(step.zones.iter().map(|zone| zone.total.to_bits()));
        }
        bits
    };
    assert_eq!(run(), run());
}

/// Zones of equal balancers; those of one zone have trouble of their own, whatever endpoint they ask.
fn with_observers(seen_by: impl Fn(usize, usize) -> f64, now: u32, chance: &mut Chance) -> Second {
    let mut second = second(chance, |_, _| Trouble::default(), false);
    second.seen = vec![vec![crate::Seen::default(); 3]; 3];
    for zone in 0..3 {
        for endpoint in &mut second.zones[zone].endpoints {
            *endpoint = Endpoint { latency: endpoint.latency.clone(), ..Endpoint::default() };
            for observer in 0..3 {
                let requests = if observer == zone { 24 } else { 8 };
                let share = if now < ONSET { 0.002 } else { 0.002 + seen_by(observer, zone) };
                let faults = chance.of(requests, share);
                endpoint.requests += requests;
                endpoint.faults += faults;
                let seen = &mut second.seen[observer][zone];
                seen.requests += requests;
                seen.faults += faults;
            }
        }
    }
    second
}

#[test]
fn balancers_in_trouble_convict_no_zone_and_are_told() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    let mut doubted = Vec::new();
    for now in 0..ONSET + 200 {
        let seen_by = |observer, _| if observer == 0 { 0.5 } else { 0.0 };
        let step = detector.step(&with_observers(seen_by, now, &mut chance));
        assert_eq!(step.finding, Finding::Nothing, "second {now}: {step:?}");
        if now >= ONSET + 10 {
            doubted = step.observers_doubted;
            assert_eq!(doubted, [0], "second {now}");
        }
    }
    assert_eq!(doubted, [0]);
}

#[test]
fn a_bad_zone_is_bad_from_everywhere_and_no_observer_is_doubted() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    let mut found = None;
    for now in 0..ONSET + 60 {
        let step =
            detector.step(&with_observers(|_, zone| if zone == 1 { 0.5 } else { 0.0 }, now, &mut chance));
        assert_eq!(step.observers_doubted, [0; 0], "second {now}");
        if step.finding != Finding::Nothing {
            found = found.or(Some((now, step.finding)));
        }
    }
    assert!(matches!(found, Some((ONSET..=230, Finding::Zone(1)))), "{found:?}");
}

#[test]
fn endpoints_that_come_and_go_leave_the_zones_past_as_it_is() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    let partly = in_zone(2, Trouble { faults: 0.3, ..Trouble::default() });
    let mut found = None;
    for now in 0..ONSET + 30 {
        let at = |zone, of| if now < ONSET { Trouble::default() } else { partly(now - ONSET, zone, of) };
        let mut second = second(&mut chance, at, false);
        // In the middle of the trouble two endpoints go and three come; and a zone without traffic comes first.
        if now == ONSET + 3 {
            let kept =
                |zone| ZoneWas { zone: Some(zone), endpoints: vec![None, Some(1), None, Some(3), None] };
            detector.carry_over(&[ZoneWas { zone: None, endpoints: vec![None] }, kept(0), kept(1), kept(2)]);
        }
        if now >= ONSET + 3 {
            second.zones.insert(0, Zone { endpoints: vec![Endpoint::default()], ..Zone::default() });
            for zone in &mut second.zones[1..] {
                let more = zone.endpoints[0].clone();
                zone.endpoints.push(more);
            }
            second.probes = Vec::new();
        }
        let step = detector.step(&second);
        if step.finding != Finding::Nothing {
            found = Some((now - ONSET, step.finding));
            break;
        }
    }
    assert!(matches!(found, Some((5..=12, Finding::Zone(3)))), "{found:?}");
    assert_eq!(detector.warm_in_s(), 0);
}

#[test]
fn evidence_against_a_zone_that_nobody_asks_any_more_is_forgotten() {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    let mut stages = Vec::new();
    for now in 0..ONSET + 300 {
        let partly = Trouble { faults: if now < ONSET { 0.0 } else { 0.6 }, ..Trouble::default() };
        let mut second =
            second(&mut chance, |zone, _| if zone == 1 { partly } else { Trouble::default() }, false);
        // The zone is left twenty seconds after its trouble began.
        if now >= ONSET + 20 {
            second.zones[1] = Zone { endpoints: vec![Endpoint::default(); 4], ..Zone::default() };
        }
        stages.push(detector.step(&second).zones[1].stage);
    }
    let at = |after: u32| stages[(ONSET + after) as usize];
    assert_eq!((at(19), at(60), at(299)), (Stage::Impaired, Stage::Impaired, Stage::Normal));
}

/// Seconds from the beginning of a zone's slowness to its finding. All zones were slow for a minute, some minutes before; `faults` is the zone's trouble with
/// faults from before that on, which is nothing to act on.
fn slow_after_all_were(faults: fn(usize) -> f64, later: u32, seconds: u32) -> Option<u32> {
    let mut chance = Chance(7);
    let mut detector = Detector::new(Config::default(), &[4, 4, 4], BUCKETS);
    let begins = ONSET + 60 + later;
    for now in 0..begins + seconds {
        let at = |zone: usize, of: usize| {
            let is_slow = (ONSET..ONSET + 60).contains(&now) || zone == 1 && now >= begins;
            let faults = if zone == 1 && now >= ONSET { faults(of) } else { 0.0 };
            Trouble { slower: if is_slow { 3 } else { 0 }, faults, ..Trouble::default() }
        };
        let step = detector.step(&second(&mut chance, at, false));
        if step.finding != Finding::Nothing {
            assert_eq!(step.finding, Finding::Zone(1), "second {now}");
            return Some(now.saturating_sub(begins));
        }
    }
    None
}

/// Slowness of everything long ago says nothing of a zone that was suspected of something else meanwhile.
#[test]
fn a_suspicion_of_faults_does_not_make_slowness_everybodys() {
    // One endpoint is left out, another one alone is no zone: a suspicion that stays one.
    let faults = |of: usize| [0.6, 0.1, 0.0, 0.0][of];
    let without = slow_after_all_were(|_| 0.0, 500, 100);
    assert!(matches!(without, Some(5..=15)), "{without:?}");
    let with = slow_after_all_were(faults, 500, 100);
    assert!(matches!(with, Some(5..=15)), "{with:?}");
}

/// What is usual moves with slowness that lasts. Where all zones have been as fast as before for half a minute it is over, and a zone that is slow then is so by itself.
#[test]
fn a_zone_that_is_slow_after_all_were_is_found_once_that_is_over() {
    let found = slow_after_all_were(|_| 0.0, 150, 100);
    assert!(matches!(found, Some(5..=30)), "{found:?}");
}
