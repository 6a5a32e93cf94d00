use proptest::prelude::*;

use super::*;

const SAYS: [Option<State>; 3] = [None, Some(State::Open), Some(State::Away)];

fn table(tag: &str, revision: u64, zones: &[(&str, State)]) -> Table {
    let mut zones: Vec<ZoneStatus> = Zones::of(zones.iter().copied()).by_id.into_values().collect();
    for zone in &mut zones {
        zone.revision = revision;
        zone.reason = format!("of {tag}");
    }
    Table { tag: tag.to_owned(), revision, zones }
}

/// `A` away, `O` open, `.` silent, one letter an endpoint; of one zone.
fn check(last: State, said: &str, needed: usize, want: State) {
    let tables: Vec<Option<Table>> = said
        .chars()
        .enumerate()
        .map(|(at, letter)| match letter {
            'A' => Some(table("t", at as u64, &[("a", State::Away)])),
            'O' => Some(table("t", at as u64, &[("a", State::Open)])),
            _ => None,
        })
        .collect();
    let tables: Vec<Option<&Table>> = tables.iter().map(Option::as_ref).collect();
    let zones = lay_together(&Zones::of([("a", last)]), &tables, needed);
    assert_eq!(zones.get("a").unwrap().state, want, "{last:?} {said} {needed}");
}

#[test]
fn a_majority_of_those_who_speak_decides_and_a_tie_keeps_the_last() {
    use State::{Away, Open};
    check(Open, "AAAO.", 1, Away);
    check(Open, "AAOO.", 1, Open);
    check(Away, "AAOO.", 1, Away);
    check(Open, ".....", 1, Open);
    check(Away, ".....", 1, Away);
    check(Open, "A....", 1, Away);
    check(Away, "..O..", 1, Open);
    check(Away, "OA...", 1, Away);
    check(Open, "A", 1, Away);
    check(Open, "AO.", 1, Open);
    check(Open, "AA.", 1, Away);
}

#[test]
fn fewer_than_needed_change_nothing() {
    use State::{Away, Open};
    check(Open, "AA...", 3, Open);
    check(Open, "AAA..", 3, Away);
    check(Away, "OO.", 3, Away);
    check(Away, "OOO", 3, Open);
}

/// All 243 ways in which five endpoints can speak, after both last states: counted by hand, so to speak.
#[test]
fn every_case_of_five_is_as_counted() {
    for case in 0..3_usize.pow(5) {
        let said: Vec<Option<State>> = (0..5_u32).map(|at| SAYS[case / 3_usize.pow(at) % 3]).collect();
        let count = |state| said.iter().filter(|one| **one == Some(state)).count();
        for last in [State::Open, State::Away] {
            for needed in 1..=5 {
                let state = majority(said.iter().copied(), last, needed);
                let want = match count(State::Open).cmp(&count(State::Away)) {
                    std::cmp::Ordering::Greater if count(State::Open) >= needed => State::Open,
                    std::cmp::Ordering::Less if count(State::Away) >= needed => State::Away,
                    _ => last,
                };
                assert_eq!(state, want, "{said:?} after {last:?}, {needed} needed");
            }
        }
    }
}

#[test]
fn a_zone_is_forgotten_only_while_more_than_half_speak() {
    let last = Zones::of([("a", State::Open), ("gone", State::Away)]);
    let one = table("t", 1, &[("a", State::Open)]);
    let few = lay_together(&last, &[Some(&one), None, None], 1);
    assert!(!few.is_open("gone"));
    let most = lay_together(&last, &[Some(&one), Some(&one), None], 1);
    assert_eq!(most.get("gone"), None);
}

#[test]
fn an_endpoint_that_does_not_know_a_zone_counts_for_nothing_there() {
    let both = table("t", 2, &[("a", State::Open), ("new", State::Away)]);
    let old = table("s", 1, &[("a", State::Open)]);
    let zones = lay_together(&Zones::default(), &[Some(&old), Some(&old), Some(&both)], 1);
    assert!(!zones.is_open("new"));
    assert_eq!((zones.tag(), zones.revision()), (Some("t"), Some(2)));
}

#[test]
fn the_words_and_the_tag_are_of_the_newest_that_agrees() {
    let [old, new, odd] = [
        table("old", 4, &[("a", State::Away)]),
        table("new", 5, &[("a", State::Away)]),
        table("odd", 9, &[("a", State::Open)]),
    ];
    let zones = lay_together(&Zones::default(), &[Some(&odd), Some(&old), Some(&new)], 1);
    assert_eq!((zones.tag(), zones.revision()), (Some("new"), Some(5)));
    assert_eq!(zones.get("a").unwrap().reason, "of new");
    let split = table("x", 6, &[("a", State::Away), ("b", State::Open)]);
    let other = table("y", 6, &[("a", State::Away), ("b", State::Away)]);
    let third = table("z", 6, &[("a", State::Open), ("b", State::Away)]);
    let mixed = lay_together(&zones, &[Some(&split), Some(&third), Some(&third)], 1);
    assert_eq!(mixed.tag(), Some("z"));
    let none = lay_together(&zones, &[Some(&split), Some(&third), Some(&other), Some(&third)], 3);
    assert_eq!((none.tag(), none.revision()), (Some("y"), Some(6)));
}

#[test]
fn aliases_name_zones_and_an_id_comes_first() {
    let mut told = table("t", 1, &[("a", State::Away), ("b", State::Open)]);
    told.zones[0].aliases = vec!["x".to_owned(), "b".to_owned()];
    let zones = lay_together(&Zones::default(), &[Some(&told)], 1);
    assert!(!zones.is_open("x") && zones.is_open("b") && zones.is_open("never heard of"));
}

#[test]
fn what_is_certain_waits_for_nobody() {
    let away = table("t", 1, &[("a", State::Away)]);
    let open = table("u", 1, &[("a", State::Open)]);
    assert!(is_certain(&[Some(&away)]));
    assert!(is_certain(&[Some(&away), Some(&away), None]));
    assert!(!is_certain(&[Some(&away), None, None]));
    assert!(!is_certain(&[Some(&away), Some(&open), None]));
    assert!(!is_certain(&[None]));
}

fn says() -> impl Strategy<Value = Option<State>> {
    prop_oneof![Just(None), Just(Some(State::Open)), Just(Some(State::Away))]
}

fn last() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Open), Just(State::Away)]
}

proptest! {
    /// Who says it matters not, only how many.
    #[test]
    fn the_order_of_endpoints_matters_not(
        (said, mixed) in proptest::collection::vec(says(), 0..9).prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
        last in last(), needed in 0usize..6,
    ) {
        prop_assert_eq!(majority(said, last, needed), majority(mixed, last, needed));
    }

    /// A silent endpoint more or less changes nothing.
    #[test]
    fn silent_ones_count_for_nothing(said in proptest::collection::vec(says(), 0..9), last in last(), needed in 0usize..6) {
        let speaking: Vec<_> = said.iter().copied().flatten().map(Some).collect();
        prop_assert_eq!(majority(said, last, needed), majority(speaking, last, needed));
    }

    /// A change of state has more voices for it than against it.
    #[test]
    fn no_change_without_more_voices_for_it(said in proptest::collection::vec(says(), 0..9), last in last(), needed in 0usize..6) {
        let state = majority(said.iter().copied(), last, needed);
        if state != last {
            let count = |state| said.iter().filter(|one| **one == Some(state)).count();
            prop_assert!(count(state) > count(last) && count(state) >= needed);
        }
    }

    /// Asked again with nothing new, it says the same.
    #[test]
    fn laid_together_twice_is_laid_together_once(states in proptest::collection::vec(proptest::collection::vec(says(), 3), 1..6), needed in 1usize..4) {
        let tables: Vec<Option<Table>> = states.iter().enumerate().map(|(at, zones)| {
            let zones: Vec<(&str, State)> = ["a", "b", "c"].into_iter().zip(zones).filter_map(|(id, state)| Some((id, (*state)?))).collect();
            (!zones.is_empty()).then(|| table(&format!("t{at}"), at as u64, &zones))
        }).collect();
        let tables: Vec<Option<&Table>> = tables.iter().map(Option::as_ref).collect();
        let once = lay_together(&Zones::default(), &tables, needed);
        prop_assert_eq!(&lay_together(&once, &tables, needed), &once);
    }
}
