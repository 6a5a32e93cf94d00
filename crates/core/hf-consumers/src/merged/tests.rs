use super::*;
use crate::{Board, Told};

const NOW: Timestamp = Timestamp(100_000);

fn zone(text: &str) -> ZoneId {
    ZoneId::new(text).unwrap()
}

/// `instance revision-or-- second [running in a1]`, which is not said without a number, one consumer `w` in zone a1.
fn heard(node: &str, is_heard: bool, words: &[&str]) -> Heard {
    let mut board = Board::default();
    for line in words {
        let mut parts = line.split(' ');
        let mut next = || parts.next();
        let (instance, revision, second) = (next().unwrap(), next().unwrap(), next().unwrap());
        let running = next().map(|count| BTreeMap::from([(zone("a1"), count.parse().unwrap())]));
        board.tell(Told {
            name: ConsumerName::new("w").unwrap(),
            instance: InstanceId::new(instance).unwrap(),
            kind: ConsumerKind::Worker,
            zone: Some(zone("a1")),
            revision: revision.parse().ok().map(Revision),
            acts: Acts::UNKNOWN,
            running,
            at: Timestamp(second.parse::<u64>().unwrap() * 1_000),
        });
    }
    let groups = Arc::new(board.groups(NOW, Revision(9)));
    Heard { node: NodeId::new(node).unwrap(), is_heard, groups }
}

fn without_members(mut from: Heard) -> Heard {
    let mut groups = (*from.groups).clone();
    groups.groups.iter_mut().for_each(|group| group.members.clear());
    from.groups = Arc::new(groups);
    from
}

fn check(all: &[Heard], expected: &str) {
    let merged = merged(NOW, Revision(9), all, &[]);
    let lines: Vec<String> = merged.groups.iter().map(words).collect();
    assert_eq!(lines.join("\n"), expected);
}

fn words(group: &MergedGroup) -> String {
    let laggards: Vec<&str> = group.laggards.iter().map(InstanceId::as_str).collect();
    format!(
        "{}: {} there, {} lag, {} unsaid, {} silent, {} run, worst {:?}",
        group.standing.as_str(),
        group.instances,
        group.lagging,
        group.not_told,
        group.silent,
        group.running.values().sum::<u64>(),
        laggards
    )
}

#[test]
fn one_instance_at_two_nodes_is_one_and_its_newest_word_counts() {
    check(
        &[heard("n1", true, &["a 4 90 7", "b 9 95"]), heard("n2", true, &["a 9 99 2"])],
        "applied: 2 there, 0 lag, 0 unsaid, 0 silent, 2 run, worst []",
    );
}

#[test]
fn a_sign_of_life_at_another_node_takes_no_word_back() {
    let said = heard("n1", true, &["a 9 80 2"]);
    let done = "applied: 1 there, 0 lag, 0 unsaid, 0 silent, 2 run, worst []";
    check(&[said.clone(), heard("n2", true, &["a -- 99"])], done);
    check(&[heard("n2", true, &["a -- 99"]), said.clone()], done);
    // It said something older there, and has watched it since.
    check(&[said.clone(), heard("n2", true, &["a 4 70 7", "a -- 99"])], done);
    // Heard 40 s ago where it spoke, and now where it is.
    check(
        &[heard("n1", true, &["a 9 60"]), heard("n2", true, &["a -- 99"])],
        &done.replace("2 run", "0 run"),
    );
    check(&[heard("n1", false, &["a 9 80 2"]), heard("n2", true, &["a -- 99"])], done);
}

#[test]
fn of_two_words_of_one_revision_the_later_counts() {
    check(
        &[heard("n1", true, &["a 9 50 5", "a -- 99"]), heard("n2", true, &["a 9 90 0"])],
        "applied: 1 there, 0 lag, 0 unsaid, 0 silent, 0 run, worst []",
    );
}

#[test]
fn laid_together_once_every_revision_can_be_asked_for() {
    let all = [heard("n1", true, &["a 4 99", "b 6 99"]), without_members(heard("n2", true, &["c 5 99"]))];
    for all in [&all[..1], &all[..]] {
        let together = Together::new(NOW, all, &[]);
        for revision in 0..10 {
            assert_eq!(together.judged(Revision(revision)), merged(NOW, Revision(revision), all, &[]));
        }
    }
}

#[test]
fn who_moved_to_another_node_is_not_silent() {
    check(
        &[heard("n1", true, &["a 9 10"]), heard("n2", true, &["a 9 99"])],
        "applied: 1 there, 0 lag, 0 unsaid, 0 silent, 0 run, worst []",
    );
}

#[test]
fn a_node_that_is_not_heard_makes_silent_what_only_it_knew() {
    check(
        &[heard("n1", false, &["a 9 99 5", "b 9 99"]), heard("n2", true, &["b 9 98"])],
        "silent: 2 there, 0 lag, 0 unsaid, 1 silent, 5 run, worst []",
    );
    let all = [heard("n1", false, &["a 9 99"]), heard("n2", true, &[])];
    assert_eq!(merged(NOW, Revision(9), &all, &[]).silent_nodes, [NodeId::new("n1").unwrap()]);
}

#[test]
fn without_members_counts_are_added() {
    check(
        &[without_members(heard("n1", true, &["a 9 10", "c 4 99"])), heard("n2", true, &["a 9 99"])],
        r#"lags: 3 there, 1 lag, 0 unsaid, 1 silent, 0 run, worst ["a", "c"]"#,
    );
    check(
        &[without_members(heard("n1", false, &["a 9 99", "c 4 99"]))],
        r#"silent: 2 there, 0 lag, 0 unsaid, 2 silent, 0 run, worst ["c"]"#,
    );
}

#[test]
fn another_revision_may_be_asked_for() {
    let whole = [heard("n1", true, &["a 4 99", "b 6 99"])];
    let counted = [without_members(whole[0].clone())];
    for (revision, lagging) in [(3, 0), (4, 0), (5, 1), (7, 2)] {
        for all in [&whole, &counted] {
            let group = merged(NOW, Revision(revision), all, &[]).groups.remove(0);
            // Without members a node can only say "some": by its own revision in force, two.
            let exact_or_some =
                if all[0].groups.groups[0].members.is_empty() && revision == 5 { 2 } else { lagging };
            assert_eq!(group.lagging, exact_or_some, "revision {revision}");
        }
    }
}

#[test]
fn a_declared_consumer_that_was_never_heard_is_silent() {
    let declare = |name: &str, zones: &[&str]| Expected {
        name: ConsumerName::new(name).unwrap(),
        kind: ConsumerKind::Scheduler,
        zones: zones.iter().map(|text| zone(text)).collect(),
    };
    let all = [heard("n1", true, &["a 9 99"])];
    let expected = [declare("w", &["a1", "a2"]), declare("w", &[]), declare("batch", &[])];
    let merged = merged(NOW, Revision(9), &all, &expected);
    let told: Vec<(&str, Option<&str>, Standing, u32, bool)> = merged
        .groups
        .iter()
        .map(|group| {
            let zone = group.zone.as_ref().map(ZoneId::as_str);
            (group.name.as_str(), zone, group.standing, group.instances, group.is_declared)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("batch", None, Standing::Silent, 0, true),
            ("w", Some("a2"), Standing::Silent, 0, true),
            ("w", Some("a1"), Standing::Applied, 1, true),
        ]
    );
    assert_eq!(merged.groups[0].last_heard, None);
}

#[test]
fn what_runs_in_a_zone_is_added_up() {
    let all = [heard("n1", true, &["a 9 99 3", "b 9 20 4"])];
    let merged = merged(NOW, Revision(9), &all, &[]);
    assert_eq!(merged.running_in(&zone("a1")), 7, "nobody said that the silent one's work ended");
    assert_eq!(merged.running_in(&zone("a2")), 0);
}

#[test]
fn what_is_not_said_of_work_is_counted_once() {
    // It moved from one node to the other.
    let all = [heard("n1", true, &["a 9 90", "b 9 99 3"]), heard("n2", true, &["a 9 99"])];
    let merged_of = |all: &[Heard]| merged(NOW, Revision(9), all, &[]).groups[0].work_not_told;
    assert_eq!(merged_of(&all), 1);
    assert_eq!(merged_of(&all.map(without_members)), 2, "rather too many than too few");
}
