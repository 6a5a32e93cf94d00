use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_config::read_estate;
use hf_model::{CheckName, NodeId, Timestamp, ZoneId};

use super::*;
use crate::checks::check_verdicts;
use crate::table::Bitmap;

const NOW: Timestamp = Timestamp(10_000);

fn estate(more: &str) -> Estate {
    let mut toml = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n".to_owned();
    for at in 1..=5 {
        let place = format!("address = \"10.0.{at}.1:7601\"\nzone = \"use1-az2\"");
        writeln!(toml, "[[health_check]]\nname = \"s{at}\"\nkind = \"zone-status\"\n{place}").unwrap();
    }
    writeln!(toml, "[[health_check]]\nname = \"open\"\nkind = \"calculated\"\nof = [\"s1\", \"s2\", \"s3\", \"s4\", \"s5\"]\nat_least = \"majority\"\n{more}")
        .unwrap();
    let bundle = EstateBundle { toml, ..EstateBundle::default() };
    read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a checker sees of the five: `o`pen, `c`losed or silent (`.`).
fn table(estate: &Estate, seen: &str) -> Table {
    let count = estate.subject_count();
    let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
    for (at, said) in seen.chars().enumerate() {
        known.set(at, said != '.');
        healthy.set(at, said == 'o');
    }
    let checker = NodeId::new("n").unwrap();
    Table { checker, zone: ZoneId::new("a").unwrap(), estate: estate.digest, made_at: NOW, known, healthy }
}

fn hear(last: &Verdicts, estate: &Estate, seen: &str) -> Verdicts {
    let table = table(estate, seen);
    let tables = BTreeMap::from([(table.checker.clone(), (NOW, table))]);
    last.merge(estate, &tables, NOW, Duration::from_secs(3))
}

fn word(estate: &Estate, verdicts: &Verdicts) -> Verdict {
    check_verdicts(estate, verdicts, |_| None)[&CheckName::new("open").unwrap()]
}

/// Of what was seen one after the other, what the majority comes to each time: `o`, `c`, or `?` before there was any.
#[track_caller]
fn check(seen: &[&str], want: &str) {
    let estate = estate("");
    let mut verdicts = Verdicts::unknown(estate.subject_count());
    let mut got = String::new();
    for seen in seen {
        verdicts = hear(&verdicts, &estate, seen);
        got.push(match word(&estate, &verdicts) {
            Verdict::Healthy => 'o',
            Verdict::Unhealthy => 'c',
            Verdict::Unknown => '?',
        });
    }
    assert_eq!(got, want, "{seen:?}");
}

#[test]
fn three_say_closed_one_open_one_is_silent() {
    check(&["cccoo", "ccco.", "ooooo", "ccco."], "ccoc");
}

#[test]
fn two_against_two_with_one_silent_keeps_the_last_state() {
    check(&["cco..", "ccoo.", "ooo..", "ccoo."], "ccoo");
    check(&["ccoo."], "?");
}

/// Its last verdict holds for whoever names the check itself, and is no vote.
#[test]
fn who_falls_silent_votes_no_more() {
    check(&["cccoo", ".ccoo", "..coo", "...oo", "....."], "ccooo");
    check(&["ccccc", "....o"], "co");
}

#[test]
fn without_any_table_the_last_state_holds() {
    let estate = estate("");
    let closed = hear(&Verdicts::unknown(estate.subject_count()), &estate, "ccc..");
    let later = closed.merge(&estate, &BTreeMap::new(), NOW, Duration::from_secs(3));
    assert_eq!(word(&estate, &later), Verdict::Unhealthy);
    // So does it over a restart and under a new version of the estate.
    let (known, healthy) = later.to_bitmaps();
    let later = Verdicts::from_bitmaps(&known, &healthy).carried_over(&estate, &estate);
    assert_eq!(word(&estate, &hear(&later, &estate, "ccoo.")), Verdict::Unhealthy);
}

#[test]
fn an_inverted_majority_is_turned_round_once() {
    let estate = estate("inverted = true");
    let mut verdicts = hear(&Verdicts::unknown(estate.subject_count()), &estate, "ccc..");
    assert_eq!(word(&estate, &verdicts), Verdict::Healthy);
    for _ in 0..3 {
        verdicts = hear(&verdicts, &estate, "ccoo.");
        assert_eq!(word(&estate, &verdicts), Verdict::Healthy);
    }
}

/// A checker that doubts its own network says what it was told: else closed would count for nothing, and open would not.
#[test]
fn a_checker_in_doubt_keeps_both_words() {
    let estate = estate("");
    let table = table(&estate, "cccoo");
    let reach = crate::Reach::new(&estate, &ZoneId::new("a").unwrap(), &table.healthy, NOW);
    assert_eq!(reach.known(&table.known), table.known);
}
