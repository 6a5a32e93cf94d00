use proptest::prelude::*;

use super::*;

fn check(results: &str, rise: u8, fall: u8, want: &str) {
    let mut streak = Streak::default();
    let got: String = results
        .chars()
        .map(|c| {
            streak.record(c == '+', rise, fall);
            if streak.healthy() == Some(true) { 'H' } else { 'U' }
        })
        .collect();
    assert_eq!(got, want, "{results} rise {rise} fall {fall}");
}

#[test]
fn flips_after_enough_in_a_row() {
    check("+--+---+-++", 2, 3, "HHHHHHUUUUH");
    check("-+", 1, 1, "UH");
    check("--++", 2, 2, "UUUH");
}

#[test]
fn interleaved_a_good_result_takes_one_bad_one_off() {
    let check = |results: &str, rise: u8, fall: u8, want: &str| {
        let mut streak = Streak::default();
        let mut state = |c: char| {
            streak.record_as(Counting::Interleaved, c == '+', rise, fall);
            if streak.healthy() == Some(true) { 'H' } else { 'U' }
        };
        assert_eq!(results.chars().map(&mut state).collect::<String>(), want, "{results}");
    };
    check("+--+-+--", 2, 3, "HHHHHHHU");
    check("+--+--", 2, 3, "HHHHHU");
    check("+-+-+-+-", 2, 2, "HHHHHHHH");
    check("-++-++", 3, 1, "UUUUUH");
}

#[test]
fn a_contradiction_puts_the_state_in_doubt_until_it_is_confirmed_or_not() {
    let mut streak = Streak::of(true);
    assert!(!streak.is_in_doubt());
    assert!(!streak.record(false, 2, 3));
    assert!(streak.is_in_doubt());
    assert!(!streak.record(true, 2, 3));
    assert!(!streak.is_in_doubt());
}

#[test]
fn a_resumed_state_needs_as_many_results_as_any() {
    let mut streak = Streak::of(true);
    assert_eq!([(); 3].map(|()| streak.record(false, 2, 3)), [false, false, true]);
    assert_eq!(streak.healthy(), Some(false));
}

#[test]
fn a_presumed_state_is_nobodys_word_until_results_of_ours_bear_it_out_or_refute_it() {
    let mut streak = Streak::presumed(true);
    assert_eq!(streak.healthy(), None);
    assert!(!streak.record(false, 2, 3), "one lost probe");
    assert_eq!(streak.healthy(), None);
    assert!(streak.record(true, 2, 3));
    assert_eq!(streak.healthy(), Some(true));
    let mut streak = Streak::presumed(true);
    assert_eq!([(); 3].map(|()| streak.record(false, 2, 3)), [false, false, true]);
    assert_eq!(streak.healthy(), Some(false));
    let mut streak = Streak::presumed(false).resumed();
    assert_eq!([(); 2].map(|()| streak.record(true, 2, 3)), [false, true]);
}

proptest! {
    /// The state flips exactly after `rise` good or `fall` bad results in a row, whatever came before.
    #[test]
    fn the_state_is_that_of_the_last_long_enough_row(
        results in prop::collection::vec(any::<bool>(), 1..60),
        rise in 1u8..=10,
        fall in 1u8..=10,
    ) {
        let mut streak = Streak::default();
        let (mut state, mut row) = (results[0], 0u8);
        for (at, good) in results.iter().enumerate() {
            row = if at > 0 && results[at - 1] == *good { row.saturating_add(1) } else { 1 };
            if row >= if *good { rise } else { fall } {
                state = *good;
            }
            streak.record(*good, rise, fall);
            prop_assert_eq!(streak.healthy(), Some(state));
        }
    }
}
