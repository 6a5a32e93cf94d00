//! What a week of seconds says a zone carries: the most that went well, where it failed, gaps, and what is forgotten first.

use super::*;

fn names() -> (PoolName, ZoneId) {
    (PoolName::new("web").unwrap(), ZoneId::new("eu-a").unwrap())
}

/// So many requests in a second, answered in this bucket.
fn second(requests: u64, faults: u64, bucket: usize) -> SeenSecond {
    let mut latency = vec![0; 160];
    latency[bucket] = (requests - faults) as u32;
    SeenSecond { requests, faults, latency, endpoints: 4 }
}

/// Seconds from an instant on, all alike.
fn run(week: &mut Week, from: u64, seconds: u64, of: &SeenSecond) {
    let (pool, zone) = names();
    for at in from..from + seconds {
        week.take(at, [(&pool, &zone, of.clone())]);
    }
}

fn measured(week: &Week) -> Option<Carries> {
    let estate =
        estate("[[pool]]\nname = \"web\"\nendpoints = [{ address = \"10.0.0.1:80\", zone = \"eu-a\" }]\n");
    let found = week.measured(&estate);
    let (pool, zone) = (found.pools.values().next().copied(), found.zones.values().next().copied());
    // One pool is all of the zone.
    assert_eq!(pool, zone);
    zone
}

#[allow(clippy::unnecessary_wraps)] // as it is compared
fn carries(load: u64, failed_at: Option<u64>) -> Option<Carries> {
    Some(Carries { load: load * 1_000, basis: Basis::Measured, failed_at: failed_at.map(|at| at * 1_000) })
}

const HOUR: u64 = 3_600;

#[test]
fn the_most_that_went_well_for_ten_seconds_counts() {
    let mut week = Week::default();
    run(&mut week, 1_000, 9, &second(500, 0, 40));
    run(&mut week, 1_009, 10, &second(50, 0, 40));
    assert_eq!(measured(&week), carries(455, None)); // nine seconds of 500 and one of 50
    run(&mut week, 1_020, 20, &second(200, 0, 40));
    assert_eq!(measured(&week), carries(455, None));
    run(&mut week, 1_040, 10, &second(600, 6, 52));
    assert_eq!(measured(&week), carries(600, None));
}

#[test]
fn slow_or_faulty_load_is_where_it_fails() {
    let mut week = Week::default();
    run(&mut week, 1_000, 20, &second(500, 0, 40));
    run(&mut week, 1_020, 10, &second(900, 0, 53));
    assert_eq!(measured(&week), carries(500, Some(900)));
    run(&mut week, 1_030, 10, &second(700, 8, 40));
    assert_eq!(measured(&week), carries(500, Some(700)));
    // What fails at less has other reasons.
    run(&mut week, 1_040, 10, &second(300, 200, 40));
    assert_eq!(measured(&week), carries(500, Some(700)));
    // Seen to go well, the mark is gone.
    run(&mut week, 1_050, 10, &second(750, 0, 40));
    assert_eq!(measured(&week), carries(750, None));
    let fit = |load: u64| measured(&week).unwrap().fit(load * 1_000);
    assert_eq!((fit(750), fit(751)), (Fit::Fits, Fit::Unproven));
}

#[test]
fn a_gap_counts_for_nothing() {
    let mut week = Week::default();
    run(&mut week, 1_000, 4, &second(500, 0, 40));
    run(&mut week, 1_005, 5, &second(500, 0, 40));
    assert_eq!(measured(&week), None);
}

#[test]
fn a_week_is_kept_and_no_more() {
    let mut week = Week::default();
    for hour in 0..400 {
        run(&mut week, hour * HOUR, 10, &second(100 + hour, 0, 40));
        run(&mut week, hour * HOUR + 20, 10, &second(10, 0, 40));
    }
    let estate =
        estate("[[pool]]\nname = \"web\"\nendpoints = [{ address = \"10.0.0.1:80\", zone = \"eu-a\" }]\n");
    let hours = week.hours(&estate);
    assert_eq!((hours.len(), hours[0].hour, hours[HOURS - 1].hour), (HOURS, 232, 399));
    assert_eq!(hours[0].load.values().copied().collect::<Vec<_>>(), [332_000]);
    let restored = Week::restored(week.kept().map(|(key, kept)| (key.clone(), kept.clone())));
    assert_eq!(restored.hours(&estate), hours);
    assert_eq!(measured(&restored), measured(&week));
    // Half of the endpoints are half of the capacity, until more was seen of them.
    let half = SeenSecond { endpoints: 2, ..second(100, 0, 40) };
    run(&mut week, 400 * HOUR, 10, &half);
    assert_eq!(measured(&week), Some(Carries { load: 249_500, basis: Basis::Measured, failed_at: None }));
}

#[test]
fn pairs_are_bounded_and_old_ones_make_room() {
    let zone = ZoneId::new("eu-a").unwrap();
    let pools: Vec<PoolName> = (0..PAIRS_MAX).map(|at| PoolName::new(&format!("p{at}")).unwrap()).collect();
    let mut week = Week::default();
    let all = |week: &mut Week, from: u64, pools: &[PoolName]| {
        for at in from..from + 10 {
            let seen =
                |pool| SeenSecond { requests: 1, endpoints: 1, ..SeenSecond::default() }.with(pool, &zone);
            week.take(at, pools.iter().map(seen));
        }
    };
    all(&mut week, 10, &pools);
    assert_eq!((week.kept().count(), week.left_out() > 0), (PAIRS_MAX, true));
    let left_out = week.left_out();
    all(&mut week, HOUR * (HOURS as u64 + 1), &pools[..1]);
    // In its first second the zone as a whole had no room yet.
    assert_eq!((week.kept().count(), week.left_out()), (2, left_out + 1));
}

impl SeenSecond {
    fn with<'a>(self, pool: &'a PoolName, zone: &'a ZoneId) -> (&'a PoolName, &'a ZoneId, SeenSecond) {
        (pool, zone, self)
    }
}
