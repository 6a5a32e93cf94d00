use super::*;
use crate::{Board, Told};

fn tell(board: &mut Board, name: &str, instance: &str, revision: Option<u64>, at_s: u64) {
    board.tell(Told {
        name: ConsumerName::new(name).unwrap(),
        instance: InstanceId::new(instance).unwrap(),
        kind: ConsumerKind::Worker,
        zone: None,
        revision: revision.map(Revision),
        acts: Acts::UNKNOWN,
        running: Some(BTreeMap::new()),
        at: Timestamp(at_s * 1_000),
    });
}

fn names(groups: &Groups) -> Vec<&str> {
    groups.groups.iter().map(|group| group.name.as_str()).collect()
}

#[test]
fn laggards_come_first_then_the_unsaid_then_the_silent() {
    let mut board = Board::default();
    tell(&mut board, "a-fine", "i", Some(9), 100);
    tell(&mut board, "b-silent", "i", Some(9), 1);
    tell(&mut board, "c-unsaid", "i", None, 100);
    tell(&mut board, "d-lags", "i", Some(8), 100);
    tell(&mut board, "e-lags-more", "i", Some(7), 100);
    let groups = board.groups(Timestamp(100_000), Revision(9));
    assert_eq!(names(&groups), ["e-lags-more", "d-lags", "c-unsaid", "b-silent", "a-fine"]);
}

#[test]
fn an_instance_counts_once() {
    let mut board = Board::default();
    tell(&mut board, "w", "fine", Some(9), 100);
    tell(&mut board, "w", "lags", Some(4), 100);
    tell(&mut board, "w", "unsaid", None, 100);
    tell(&mut board, "w", "silent", Some(2), 1);
    let groups = board.groups(Timestamp(100_000), Revision(9));
    let group = &groups.groups[0];
    assert_eq!((group.instances, group.lagging, group.not_told, group.silent), (4, 1, 1, 1));
    let revisions = (group.lowest_revision, group.highest_revision);
    assert_eq!(revisions, (Some(Revision(4)), Some(Revision(9))), "what the silent one applied is past");
    let worst: Vec<&str> = group.laggards.iter().map(InstanceId::as_str).collect();
    assert_eq!(worst, ["lags", "unsaid", "silent"]);
    assert_eq!(group.members.len(), 4);
}

#[test]
fn three_laggards_are_named_however_many_there_are() {
    let mut board = Board::default();
    for number in 0..200 {
        tell(&mut board, "w", &format!("i{number:03}"), Some(1_000 - number), 100);
    }
    let groups = board.groups(Timestamp(100_000), Revision(2_000));
    let worst: Vec<&str> = groups.groups[0].laggards.iter().map(InstanceId::as_str).collect();
    assert_eq!(worst, ["i199", "i198", "i197"]);
}

#[test]
fn groups_and_members_have_a_bound() {
    let mut board = Board::default();
    for number in 0..600 {
        tell(&mut board, &format!("n{number:03}"), "i", Some(if number == 599 { 1 } else { 9 }), 100);
    }
    let groups = board.groups(Timestamp(100_000), Revision(9));
    assert_eq!((groups.groups.len(), groups.left_out), (GROUPS_MAX, 100));
    assert_eq!(groups.groups[0].name.as_str(), "n599", "who lags is never left out for who does not");

    let mut board = Board::default();
    for number in 0..MEMBERS_MAX {
        tell(&mut board, "large", &format!("i{number}"), Some(9), 100);
    }
    tell(&mut board, "small", "i", Some(9), 100);
    let groups = board.groups(Timestamp(100_000), Revision(9));
    let members: Vec<usize> = groups.groups.iter().map(|group| group.members.len()).collect();
    assert_eq!(members, [0, 1], "the large group has no room beside the small one");
    assert_eq!(groups.groups[0].instances as usize, MEMBERS_MAX);
}
