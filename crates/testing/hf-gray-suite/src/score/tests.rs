use super::*;

fn score(of: impl Fn(Kind, u64) -> bool, seeds: std::ops::Range<u64>) -> Score {
    let mut score = Score::default();
    for kind in Kind::ALL.iter().copied() {
        for seed in seeds.clone().filter(|seed| of(kind, *seed)) {
            score.count(kind, judge(kind, seed, 1.0, Buckets::COARSE, &Config::default()));
        }
    }
    score
}

#[test]
fn a_small_suite_has_no_false_verdict_and_finds_most_faults() {
    let score = score(|_, _| true, 500..502);
    let sums = score.sums();
    assert_eq!((sums.faults, sums.others), (30, 52), "\n{score}");
    assert!(sums.found >= 25 && sums.wrong == 0 && sums.others_false == 0, "\n{score}");
}

#[test]
fn an_episode_follows_from_its_seed() {
    let seconds = |seed| {
        let mut episode = Episode::draw(Kind::Pauses, seed, 1.0, Buckets::FINE);
        (0..20).map(|_| episode.next_second().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(seconds(7), seconds(7));
    assert_ne!(seconds(7), seconds(8));
}

#[test]
fn a_detector_that_decides_too_soon_misses_the_aims() {
    let hasty = Config { log_a: 4.0, min_s: 1.0, min_marked_s: 1.0, even_hold_s: 0, ..Config::default() };
    let mut score = Score::default();
    for seed in 0..12 {
        for kind in [Kind::Blip, Kind::EverywhereAtOnce, Kind::GoodDeployment, Kind::Pauses] {
            score.count(kind, judge(kind, seed, 1.0, Buckets::COARSE, &hasty));
        }
    }
    assert!(score.sums().others_false > 3, "\n{score}");
    assert!(!score.sums().missed(1.0).is_empty());
}

/// As nodes judge where nobody marks a deployment, with and without the rule on trouble that goes round.
fn unmarked(young_s: u32) -> Config {
    Config { min_marked_s: Config::default().min_s, young_s, ..Config::default() }
}

#[test]
fn deployments_and_pauses_that_were_once_taken_for_a_bad_zone_are_not_any_more() {
    for (kind, seed) in [
        (Kind::GoodDeployment, 77_000_566),
        (Kind::GoodDeployment, 77_000_613),
        (Kind::GoodDeployment, 77_000_621),
        (Kind::Pauses, 9_001_027_363),
        (Kind::Pauses, 9_001_027_484),
        (Kind::LongDeployment, 9_200_027_632),
        (Kind::DeploymentEverywhere, 9_200_027_724),
    ] {
        let verdict = |young_s| judge(kind, seed, 1.0, Buckets::FINE, &unmarked(young_s));
        assert_eq!((verdict(0), verdict(30)), (Verdict::False, Verdict::Quiet), "{} {seed}", kind.as_str());
    }
}

/// Without the rules of [`global_incidents_that_were_once_taken_for_a_bad_zone_are_not_any_more`].
fn before_those() -> Config {
    Config {
        even_rate_min: 0.07,
        peers_by_now: false,
        sure_rise: f64::INFINITY,
        shared_suspicion_s: 0,
        ..unmarked(30)
    }
}

/// What is everywhere is nobody's to leave: low rates that came to one zone first, peers that had it for a second or two, a service of four zones
/// that waited less, and slowness that outlived the memory of slowness everywhere.
#[test]
fn global_incidents_that_were_once_taken_for_a_bad_zone_are_not_any_more() {
    for (kind, seed) in [
        (Kind::EverywhereSlow, 70_701_212_138),
        (Kind::EverywhereByTurns, 70_701_212_145),
        (Kind::EverywhereByTurns, 70_701_212_364),
        (Kind::EverywhereByTurns, 70_701_212_416),
        (Kind::EverywhereByTurns, 70_701_212_886),
        (Kind::EverywhereByTurns, 70_701_213_080),
        (Kind::EverywhereByTurns, 70_701_213_081),
    ] {
        let verdict = |config: &Config| judge(kind, seed, 1.0, Buckets::FINE, config);
        let (before, now) = (verdict(&before_those()), verdict(&unmarked(30)));
        assert_eq!((before, now), (Verdict::False, Verdict::Quiet), "{} {seed}", kind.as_str());
    }
}

/// All zones get half as slow again, one of them more: each alone is within what a zone may have, all at once are not the one's fault.
#[test]
fn slowness_that_is_tolerated_in_the_others_explains_the_zone_that_is_hit_hardest() {
    let verdict = |config: &Config| judge(Kind::EverywhereSlow, 70_802_212_614, 1.0, Buckets::FINE, config);
    let before = Config { sure_rise: f64::INFINITY, ..unmarked(30) };
    assert_eq!((verdict(&before), verdict(&unmarked(30))), (Verdict::False, Verdict::Quiet));
}
