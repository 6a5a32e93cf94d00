//! The seeds: fixed ones, those that found bugs, one from the environment; and the planted mistakes, each of which must be found.

use hf_sim::{Plant, Summary, Violation, run, run_with_autoshifts};

/// Seeds within which every planted mistake is found.
const PLANT_SEEDS: std::ops::Range<u64> = 0..40;

fn check(seed: u64) {
    if let Err(violation) = run(seed, None) {
        panic!("\n{violation}");
    }
}

/// `HF_SEED=N` runs that seed and tells what it saw; without it, seed 0.
#[test]
fn one_seed() {
    tell_one(run);
}

/// The same with a pool that may be shifted by itself.
#[test]
fn one_seed_with_autoshifts() {
    tell_one(run_with_autoshifts);
}

fn tell_one(run: fn(u64, Option<Plant>) -> Result<Summary, Violation>) {
    let seed = std::env::var("HF_SEED").map_or(0, |text| text.parse().expect("HF_SEED is a number"));
    match run(seed, None) {
        Ok(summary) => println!("HF_SEED={seed}: {summary:#?}"),
        Err(violation) => panic!("\n{violation}"),
    }
}

/// What a run is counted by, and how much of it there must be on average.
type Least<'a> = (&'a str, fn(&Summary) -> u64, f64);

fn check_all(seeds: std::ops::Range<u64>) {
    check_each(
        seeds,
        |seed| run(seed, None),
        &[
            ("steps", |seen| seen.steps, 5_000.0),
            ("harms", |seen| seen.harms, 20.0),
            ("zones that came and went", |seen| seen.flaps, 1.0),
            ("starts", |seen| seen.starts, 8.0),
            ("entries", |seen| seen.entries, 8.0),
            ("snapshots", |seen| seen.snapshots, 80.0),
            ("snapshots with held shifts", |seen| seen.held, 2.0),
            ("break-glass acts", |seen| seen.break_glass, 5.0),
        ],
    );
}

fn check_all_with_autoshifts(seeds: std::ops::Range<u64>) {
    check_each(
        seeds,
        |seed| run_with_autoshifts(seed, None),
        &[
            ("harms", |seen| seen.harms, 100.0),
            ("zones that came and went", |seen| seen.flaps, 5.0),
            ("autoshifts", |seen| seen.autoshifts, 1.0),
            ("renewals of autoshifts", |seen| seen.autoshifts_renewed, 0.5),
            // In a world where something always fails a zone is seldom well for long enough to return: one in these seeds.
            ("ends of autoshifts", |seen| seen.autoshifts_ended, 0.05),
        ],
    );
}

fn check_each(
    seeds: std::ops::Range<u64>,
    run: impl Fn(u64) -> Result<Summary, Violation>,
    least: &[Least<'_>],
) {
    let (mut violations, mut seen) = (Vec::<Violation>::new(), Vec::<Summary>::new());
    for seed in seeds {
        match run(seed) {
            Ok(summary) => seen.push(summary),
            Err(violation) => violations.push(violation),
        }
    }
    for violation in &violations {
        eprintln!("HF_SEED={}: {}", violation.seed, violation.what);
    }
    if let Some(first) = violations.first() {
        panic!("\n{first}");
    }
    // A world in which nothing happens breaks no rule.
    let seeds = seen.len();
    let mean = |count: fn(&Summary) -> u64| seen.iter().map(count).sum::<u64>() as f64 / seeds as f64;
    println!("{seeds} seeds; in each, on average:");
    for (name, count, least) in least.iter().copied() {
        println!("{:>10.1} {name}", mean(count));
        assert!(mean(count) >= least, "too few {name} to show anything");
    }
}

/// The fixed seeds, in parts so that they run beside one another.
#[test]
fn the_rules_hold_in_seeds_0_to_19() {
    check_all(0..20);
}

#[test]
fn the_rules_hold_in_seeds_20_to_39() {
    check_all(20..40);
}

#[test]
fn the_rules_hold_in_seeds_40_to_59() {
    check_all(40..60);
}

#[test]
fn zones_are_left_for_failures_alone_in_seeds_0_to_11() {
    check_all_with_autoshifts(0..12);
}

#[test]
fn zones_are_left_for_failures_alone_in_seeds_12_to_23() {
    check_all_with_autoshifts(12..24);
}

/// `HF_SEEDS=FIRST..LAST` runs these; without it, nothing.
#[test]
fn many_seeds() {
    if let Ok(text) = std::env::var("HF_SEEDS") {
        let (first, last) = text.split_once("..").expect("HF_SEEDS is FIRST..LAST");
        let seeds = first.parse().expect("FIRST is a number")..last.parse().expect("LAST is a number");
        check_all(seeds.clone());
        check_all_with_autoshifts(seeds);
    }
}

/// Lines of `seeds.txt`: a seed, then the bug's name.
#[test]
fn seeds_that_found_bugs_find_them_no_more() {
    for line in include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let seed = line.split_whitespace().next().expect("a line that is not empty has a word");
        check(seed.parse().unwrap_or_else(|_| panic!("seeds.txt: {seed:?} is not a seed")));
    }
}

#[test]
fn the_same_seed_has_the_same_trace() {
    for seed in 0..3 {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.map_err(|v| v.to_string()), second.map_err(|v| v.to_string()), "HF_SEED={seed}");
    }
}

/// The test of the tester: as many seeds as the tests have are enough to find each mistake.
fn is_found(plant: Plant) {
    let run = if plant == Plant::OneWordEvacuates { run_with_autoshifts } else { run };
    let found = PLANT_SEEDS.into_iter().find_map(|seed| run(seed, Some(plant)).err());
    let violation = found.unwrap_or_else(|| panic!("{plant:?} was planted and not found in {PLANT_SEEDS:?}"));
    println!("{plant:?}: seed {}, step {}: {}", violation.seed, violation.step, violation.what);
}

macro_rules! planted {
    ($($name:ident: $plant:ident,)*) => {
        $(#[test]
        fn $name() {
            is_found(Plant::$plant);
        })*

        #[test]
        fn every_plant_has_its_test() {
            assert_eq!(Plant::ALL, [$(Plant::$plant),*]);
        }
    };
}

planted! {
    a_node_that_ends_shifts_by_its_own_clock_is_found: EndsShiftsByOwnClock,
    an_answer_before_the_append_is_found: AnswersBeforeAppend,
    a_ledger_that_forgets_requests_is_found: ForgetsRequests,
    a_silent_checker_that_counts_is_found: MissingIsUnhealthy,
    an_older_revision_that_is_accepted_is_found: OlderRevisionAccepted,
    a_boot_without_the_disk_is_found: BootsEmpty,
    numbers_that_begin_anew_are_found: NumbersBeginAnew,
    break_glass_without_end_is_found: BreakGlassForEver,
    more_work_on_failure_is_found: MoreWorkOnFailure,
    a_zone_that_is_away_and_serves_is_found: AwayServes,
    a_decision_below_the_floor_is_found: BelowFloor,
    an_unknown_endpoint_that_does_not_serve_is_found: UnknownIsUnhealthy,
    a_checker_that_tells_its_own_loss_is_found: OwnLossIsTold,
    a_checker_that_is_cut_off_and_counts_is_found: CutOffCounts,
    tables_that_are_taken_late_are_found: TablesTakenLate,
    one_checkers_word_that_evacuates_is_found: OneWordEvacuates,
}
