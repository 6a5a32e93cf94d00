use std::fmt::Write as _;

use hf_model::Share;
use proptest::prelude::*;

use super::*;
use crate::quorum::tests::{estate, table};
use crate::verdict::Verdicts;

const NOW: Timestamp = Timestamp(10_000);
const FRESH: Duration = Duration::from_secs(3);

/// By checker, with when each came.
fn heard(estate: &Estate, tables: &[(u64, &str)]) -> BTreeMap<NodeId, (Timestamp, Table)> {
    let tables = tables.iter().enumerate();
    tables
        .map(|(number, (came, text))| (Timestamp(*came), table(estate, number, text)))
        .map(|(came, table)| (table.checker.clone(), (came, table)))
        .collect()
}

/// Of three zones with one endpoint each: what is said of the one at `subject`.
#[track_caller]
fn check(tables: &[(u64, &str)], subject: usize, want: &str) {
    let estate = estate(&[1, 1, 1], 18);
    let tables = heard(&estate, tables);
    let unknown = Verdicts::unknown(estate.subject_count());
    let merged = unknown.merge_and_tell(&estate, &tables, NOW, FRESH);
    let mut got = String::new();
    for vote in Votes::new(&estate, &tables, NOW, FRESH, &merged.cut_off).of(subject) {
        let named: Vec<String> = vote.checkers.iter().map(ToString::to_string).collect();
        let (zone, says, weighs) = (&vote.zone, vote.says, vote.weighs);
        writeln!(got, "{zone}: {} of {} {says:?} {weighs:?}", named.join(" "), vote.count).unwrap();
    }
    assert_eq!(got.trim_end(), want);
}

#[test]
fn each_zones_word_is_a_line() {
    let tables = [(10_000, "a: ++-"), (10_000, "b: +--"), (10_000, "b: ++-"), (10_000, "b: ?+-")];
    check(
        &tables,
        1,
        "a: checker-0 of 1 Healthy Counts\nb: checker-2 checker-3 of 2 Healthy Counts\nb: checker-1 of 1 Unhealthy Counts",
    );
}

#[test]
fn whose_word_does_not_count_is_told_with_the_reason() {
    // Of the endpoint in c, its own zone has no say; c's second checker was heard too long ago.
    let tables = [(10_000, "a: ++-"), (10_000, "b: ++-"), (10_000, "c: +++"), (6_000, "c: ++-")];
    check(
        &tables,
        2,
        "a: checker-0 of 1 Unhealthy Counts\nb: checker-1 of 1 Unhealthy Counts\nc: checker-2 of 1 Healthy OwnZone\nc: checker-3 of 1 Unhealthy NotHeard",
    );
    // A checker that is cut off.
    let tables = [(10_000, "a: +++"), (10_000, "b: +++"), (10_000, "c: --+")];
    check(
        &tables,
        0,
        "a: checker-0 of 1 Healthy Counts\nb: checker-1 of 1 Healthy Counts\nc: checker-2 of 1 Unhealthy CutOff",
    );
}

#[test]
fn of_many_checkers_some_are_named() {
    let tables = [(10_000, "a: +++"); 9];
    check(&tables, 1, "a: checker-0 checker-1 checker-2 checker-3 of 9 Healthy Counts");
}

#[test]
fn a_table_of_another_estate_says_nothing() {
    let (old, estate) = (estate(&[1, 1], 18), estate(&[1, 1, 1], 18));
    let tables = heard(&old, &[(10_000, "a: +-")]);
    assert_eq!(Votes::new(&estate, &tables, NOW, FRESH, &BTreeSet::new()).of(0), []);
}

proptest! {
    /// What is shown is what decided: the votes that count come to the verdict, by the rules of the quorum.
    #[test]
    fn votes_that_count_come_to_the_verdict(
        seen in prop::collection::vec((0_usize..5, "[-+?]{9}", any::<bool>()), 0..12),
        quorum in 0_u32..100,
    ) {
        let estate = estate(&[3, 3, 3], quorum);
        let texts: Vec<(u64, String)> = seen
            .iter()
            .map(|(zone, seen, is_late)| {
                (if *is_late { 6_000 } else { 10_000 }, format!("{}:{seen}", char::from(b'a' + *zone as u8)))
            })
            .collect();
        let texts: Vec<(u64, &str)> = texts.iter().map(|(came, text)| (*came, text.as_str())).collect();
        let tables = heard(&estate, &texts);
        let unknown = Verdicts::unknown(estate.subject_count());
        let merged = unknown.merge_and_tell(&estate, &tables, NOW, FRESH);
        for subject in 0..estate.endpoint_count() {
            let votes = Votes::new(&estate, &tables, NOW, FRESH, &merged.cut_off).of(subject);
            let counting: Vec<&Vote> = votes.iter().filter(|vote| vote.weighs == Weighs::Counts).collect();
            let zones = |says: Option<Verdict>| {
                let of = counting.iter().filter(|vote| says.is_none_or(|says| vote.says == says));
                of.map(|vote| &vote.zone).collect::<BTreeSet<_>>().len()
            };
            let sum = |says: Verdict| -> usize {
                counting.iter().filter(|vote| vote.says == says).map(|vote| vote.count).sum()
            };
            let (up, down) = (sum(Verdict::Healthy), sum(Verdict::Unhealthy));
            let is_one_view = zones(None) >= 2 && zones(Some(Verdict::Unhealthy)) < 2;
            let share = || Share::of(up as u64, (up + down) as u64) > estate.health_checks[0].quorum;
            let want = match up + down {
                0 => Verdict::Unknown,
                _ if is_one_view || share() => Verdict::Healthy,
                _ => Verdict::Unhealthy,
            };
            prop_assert_eq!(merged.verdicts.get(subject), want, "endpoint {}: {:?}", subject, votes);
        }
    }
}
