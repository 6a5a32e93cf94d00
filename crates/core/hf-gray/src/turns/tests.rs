use super::*;

const QUIET: f64 = 0.01;

/// Three endpoints with twenty requests a second each; `bad` is the share of each that is bad in each second, in the stream of faults.
fn zone(seconds: u32, stream: usize, bad: impl Fn(u32, usize) -> f64) -> Turns {
    let mut turns = Turns::new(4, 3, &Config::default());
    for now in 0..seconds {
        for at in 0..4 {
            let count =
                |of: usize| Count { bad: if at == stream { 20.0 * bad(now, of) } else { 0.0 }, all: 20.0 };
            turns.step(at, (0..3).map(count), QUIET, QUIET / 2.0);
        }
    }
    turns
}

fn check(seconds: u32, stream: usize, bad: impl Fn(u32, usize) -> f64, left_out: &[usize]) {
    assert_eq!(zone(seconds, stream, bad).left_out(stream), left_out);
}

fn part(is_so: bool, share: f64) -> f64 {
    if is_so { share } else { 0.0 }
}

#[test]
fn one_endpoint_alone_in_trouble_does_not_count_yet() {
    check(13, 0, |now, of| part(of == 1 && now >= 10, 0.5), &[1]);
}

#[test]
fn nor_does_the_next_one() {
    check(33, 0, |now, of| part(of == 1 && (10..15).contains(&now) || of == 2 && now >= 30, 0.5), &[2]);
}

#[test]
fn trouble_that_stays_counts_once_it_is_old() {
    let stays = |now: u32, of: usize| part(now >= 10 + 10 * of as u32, 0.5);
    check(38, 0, stays, &[0, 1, 2]);
    check(45, 0, stays, &[1, 2]);
    check(65, 0, stays, &[]);
}

#[test]
fn trouble_of_all_at_once_counts_at_once() {
    for from in [10, 30] {
        // An endpoint was alone in trouble before, or was not.
        let bad = |now: u32, of: usize| part(from == 30 && of == 1 && now == 15 || now >= from, 0.5);
        check(from + 3, 0, bad, &[]);
    }
}

#[test]
fn trouble_of_two_at_once_does_not_after_one_was_alone() {
    check(33, 0, |now, of| part(of == 0 && (10..15).contains(&now) || of > 0 && now >= 30, 0.5), &[1, 2]);
    check(33, 0, |now, of| part(of > 0 && now >= 30, 0.5), &[]);
}

#[test]
fn a_zone_that_paused_has_to_be_slow_for_longer() {
    let pauses = |now: u32, _: usize| part((10..13).contains(&now) || now >= 30, 0.95);
    check(35, 1, pauses, &[0, 1, 2]);
    check(62, 1, pauses, &[]);
    // A minute later it is forgotten.
    check(80, 1, |now, _| part((10..13).contains(&now) || now >= 75, 0.95), &[]);
}

#[test]
fn faults_that_come_and_go_are_no_pauses() {
    check(35, 0, |now, _| part((10..13).contains(&now) || now >= 30, 0.95), &[]);
}

#[test]
fn a_share_of_slow_answers_is_no_stall() {
    check(35, 1, |now, _| part((10..13).contains(&now) || now >= 30, 0.3), &[]);
}

#[test]
fn what_is_remembered_goes_with_its_endpoint() {
    let turns = zone(13, 0, |now, of| part(of == 1 && now >= 10, 0.5));
    assert_eq!(turns.carried_over(&[None, Some(2), Some(1)]).left_out(0), [2]);
    assert_eq!(turns.carried_over(&[None, Some(9)]).left_out(0), [0; 0]);
}

#[test]
fn one_endpoint_is_never_alone_and_counts_of_nobody_are_nothing() {
    for endpoints in [0, 1, 2] {
        let mut turns = Turns::new(4, endpoints, &Config::default());
        for _ in 0..100 {
            for stream in 0..4 {
                let all = (0..endpoints).map(|_| Count { bad: 4e9, all: 4e9 });
                turns.step(stream, all, 0.5, 0.0);
            }
            assert_eq!(turns.left_out_count(), 0);
        }
        turns.step(0, std::iter::empty(), 0.0, 0.0);
    }
}
