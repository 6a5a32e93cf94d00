use super::*;

fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

fn word(instance: &str, revision: Option<u64>, at_s: u64) -> Told {
    Told {
        name: name("orders"),
        instance: id(instance),
        kind: ConsumerKind::Worker,
        zone: None,
        revision: revision.map(Revision),
        acts: Acts::UNKNOWN,
        running: Some(BTreeMap::new()),
        at: Timestamp(at_s * 1_000),
    }
}

fn zone(text: &str) -> ZoneId {
    ZoneId::new(text).unwrap()
}

fn only(board: &Board, now_s: u64) -> crate::Group {
    only_of(board, now_s, 5)
}

fn only_of(board: &Board, now_s: u64, in_force: u64) -> crate::Group {
    let groups = board.groups(Timestamp(now_s * 1_000), Revision(in_force)).groups;
    assert_eq!(groups.len(), 1);
    groups.into_iter().next().unwrap()
}

#[test]
fn a_sign_of_life_leaves_what_was_said() {
    let mut board = Board::default();
    let mut told = word("a", Some(5), 1);
    told.running = Some(BTreeMap::from([(zone("a1"), 3)]));
    board.tell(told);
    board.tell(word("a", None, 40));
    let group = only(&board, 60);
    assert_eq!((group.silent, group.lowest_revision, group.not_told), (0, Some(Revision(5)), 0));
    assert_eq!(group.running, BTreeMap::from([(zone("a1"), 3)]));
    board.tell(word("a", Some(6), 41));
    assert!(only(&board, 60).running.is_empty());
}

#[test]
fn who_does_not_say_what_runs_has_not_said_nothing() {
    let mut board = Board::default();
    board.tell(word("a", Some(5), 1));
    board.tell(Told { running: None, ..word("b", Some(5), 1) });
    board.tell(Told { running: None, ..word("c", None, 1) });
    let group = only(&board, 2);
    assert_eq!((group.instances, group.work_not_told, group.running.len()), (3, 2, 0));
    board.tell(word("b", Some(5), 3));
    assert_eq!(only(&board, 4).work_not_told, 1, "it says so now");
    assert_eq!(only(&board, 90).work_not_told, 1, "silence says nothing more");
    board.tell(Told { running: Some(BTreeMap::from([(zone("a1"), 3)])), ..word("b", Some(5), 91) });
    board.tell(Told { running: None, ..word("b", Some(6), 92) });
    let group = only(&board, 93);
    assert_eq!((group.work_not_told, &group.running[&zone("a1")]), (1, &3), "nobody said that it ended");
}

#[test]
fn an_older_word_is_passed_over() {
    let mut board = Board::default();
    board.tell(word("a", Some(7), 50));
    board.tell(word("a", Some(3), 49));
    assert_eq!(only(&board, 50).lowest_revision, Some(Revision(7)));
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_deaf() {
    let mut board = Board::default();
    board.tell(word("a", Some(7), 9_000));
    board.tell(word("b", Some(7), 9_000));
    board.tell(word("a", Some(8), 5_000));
    let group = only(&board, 5_001);
    assert_eq!((group.silent, group.highest_revision), (1, Some(Revision(8))), "b was not heard since");
}

#[test]
fn after_thirty_seconds_it_is_silent_and_after_a_day_forgotten() {
    let mut board = Board::default();
    board.tell(word("a", Some(5), 100));
    assert_eq!(only(&board, 130).silent, 0);
    assert_eq!(only(&board, 131).silent, 1);
    let a_day = KEPT_SILENT.as_secs();
    let pruned_at = |board: &Board, after_s: u64| {
        let mut board = board.clone();
        board.prune(Timestamp((100 + after_s) * 1_000), Revision(5));
        board
    };
    assert_eq!(pruned_at(&board, a_day).len(), 1);
    let board = pruned_at(&board, a_day + 1);
    assert!(board.is_empty());
    assert_eq!(board.forgotten(), 0, "nobody had to make room");
}

#[test]
fn who_is_to_be_forgotten_is_looked_for_once_a_minute() {
    let mut board = Board::default();
    board.tell(word("a", Some(5), 100));
    board.tell(word("b", Some(5), 101));
    let mut left_at = |after_s: u64| {
        board.prune(Timestamp((101 + KEPT_SILENT.as_secs() + after_s) * 1_000), Revision(5));
        board.len()
    };
    let every = PRUNED_EVERY.as_secs();
    assert_eq!([left_at(0), left_at(1), left_at(every - 1), left_at(every)], [1, 1, 1, 0]);
    // A clock that was set back is no reason to wait until it is there again.
    board.tell(word("c", Some(5), 1));
    board.prune(Timestamp((2 + KEPT_SILENT.as_secs()) * 1_000), Revision(5));
    assert!(board.is_empty());
}

#[test]
fn who_is_behind_what_is_in_force_is_remembered_for_a_week() {
    let mut board = Board::default();
    board.tell(word("behind", Some(5), 100));
    board.tell(word("well", Some(6), 100));
    board.tell(word("never-said", None, 100));
    let (a_day, a_week) = (KEPT_SILENT.as_secs(), KEPT_BEHIND.as_secs());
    board.prune(Timestamp((101 + a_day) * 1_000), Revision(6));
    let group = only_of(&board, 101 + a_day, 6);
    assert_eq!((group.instances, group.silent, group.laggards), (1, 1, vec![id("behind")]));
    // A newcomer takes no place from it.
    board.tell(word("new", Some(6), 100 + a_week));
    let mut still = board.clone();
    still.prune(Timestamp((100 + a_week) * 1_000), Revision(6));
    assert_eq!(only_of(&still, 100 + a_week, 6).silent, 1);
    board.prune(Timestamp((101 + a_week) * 1_000), Revision(6));
    assert_eq!((board.len(), board.forgotten()), (1, 0), "nobody had to make room");
}

#[test]
fn who_says_good_bye_goes() {
    let mut board = Board::default();
    board.tell(word("a", Some(5), 1));
    board.tell(word("b", Some(5), 1));
    board.gone(&name("orders"), &id("a"));
    board.gone(&name("orders"), &id("nobody"));
    board.gone(&name("nothing"), &id("a"));
    assert_eq!((board.len(), only(&board, 2).instances), (1, 1));
    board.gone(&name("orders"), &id("b"));
    assert!(board.is_empty());
    assert!(board.groups(Timestamp(0), Revision(0)).groups.is_empty());
}

#[test]
fn at_the_bound_the_longest_silent_makes_room() {
    let mut board = Board::default();
    for number in 0..INSTANCES_MAX {
        board.tell(word(&format!("i{number}"), Some(5), 10 + number as u64));
    }
    board.tell(word("i0", None, 10 + INSTANCES_MAX as u64));
    board.tell(word("one-more", None, 10 + INSTANCES_MAX as u64));
    assert_eq!((board.len(), board.forgotten()), (INSTANCES_MAX, 1));
    let is_there = |id: &str| board.told().any(|told| told.instance.as_str() == id);
    assert!(is_there("i0") && is_there("i2") && is_there("one-more"));
    assert!(!is_there("i1"), "it was silent for longest");
}

#[test]
fn one_word_tells_of_64_zones_at_most() {
    let mut board = Board::default();
    let mut told = word("a", Some(5), 1);
    told.running = Some((0..100).map(|number| (zone(&format!("z{number:03}")), 1)).collect());
    board.tell(told);
    assert_eq!(only(&board, 2).running.len(), RUNNING_ZONES_MAX);
}

#[test]
fn what_was_told_makes_the_same_board_again() {
    let mut board = Board::default();
    board.tell(word("a", Some(5), 1));
    board.tell(word("a", None, 6));
    board.tell(Told { zone: Some(zone("a1")), kind: ConsumerKind::Router, ..word("b", None, 7) });
    let mut again = Board::default();
    board.told().for_each(|told| again.tell(told));
    let groups = |board: &Board| board.groups(Timestamp(9_000), Revision(5));
    assert_eq!(groups(&board), groups(&again));
}

proptest::proptest! {
    /// Whatever is told and in whatever order, both indexes hold the same instances.
    #[test]
    fn both_indexes_agree(words in proptest::collection::vec((0u8..6, 0u64..200_000, proptest::bool::ANY), 0..200)) {
        let mut board = Board::default();
        for (instance, at_s, is_gone) in words {
            if is_gone {
                board.gone(&name("orders"), &id(&instance.to_string()));
            } else {
                board.tell(word(&instance.to_string(), Some(1), at_s));
            }
            let places: BTreeSet<Place> = board
                .told()
                .map(|told| (second(told.at), told.name, told.instance))
                .collect();
            proptest::prop_assert_eq!(&places, &board.by_last_heard);
        }
    }
}
