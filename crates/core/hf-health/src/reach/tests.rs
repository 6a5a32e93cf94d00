use std::fmt::Write as _;

use hf_config::estate::EstateBundle;

use super::*;

fn estate() -> Estate {
    let mut toml = "[[region]]\nid = \"r\"\n".to_owned();
    for zone in ["a", "b", "c"] {
        writeln!(toml, "[[zone]]\nid = \"{zone}\"\nregion = \"r\"").unwrap();
    }
    toml.push_str("[[health_check]]\nname = \"alive\"\nkind = \"tcp\"\n[[pool]]\nname = \"web\"\nhealth_check = \"alive\"\nendpoints = [\n");
    for (last, zone) in ["a", "a", "b", "b", "c", "c"].iter().enumerate() {
        writeln!(toml, "{{ address = \"10.0.0.{}:80\", zone = \"{zone}\" }},", last + 1).unwrap();
    }
    toml.push_str("]\n");
    hf_config::read_estate("estate.toml", &EstateBundle { toml, ..EstateBundle::default() }).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000)
}

/// A checker in `a` to which all six answer at 100 s, then those listed fail at their second, in this order.
fn after(failing: &[(usize, u64)]) -> Reach {
    let estate = estate();
    let mut all = Bitmap::new(estate.subject_count());
    (0..6).for_each(|subject| all.set(subject, true));
    let mut reach = Reach::new(&estate, &ZoneId::new("a").unwrap(), &all, at(100));
    for (subject, second) in failing {
        reach.record(*subject, false, at(*second));
    }
    reach
}

const OUTSIDE: [(usize, u64); 4] = [(2, 101), (4, 101), (3, 102), (5, 102)];

#[test]
fn all_outside_at_once_is_a_doubt_until_somebody_outside_is_heard() {
    let reach = after(&OUTSIDE);
    assert!(reach.is_cut_off(Some(at(101)), at(103)));
    assert!(reach.is_cut_off(Some(at(101)), at(500)));
    assert!(!reach.is_cut_off(Some(at(103)), at(103)));
    assert!(!after(&OUTSIDE[..3]).is_cut_off(Some(at(90)), at(103)));
}

#[test]
fn an_answer_from_outside_ends_it() {
    let mut reach = after(&OUTSIDE);
    reach.record(5, true, at(104));
    assert!(!reach.is_cut_off(None, at(104)));
    reach.record(5, false, at(105));
    assert!(reach.is_cut_off(None, at(105)));
}

#[test]
fn what_is_well_where_nothing_answers_hides_no_cut() {
    let mut estate = estate();
    let mut inverted = estate.health_checks[0].clone();
    inverted.inverted = true;
    estate.health_checks.push(inverted);
    let mut quiet = estate.pools[0].clone();
    quiet.health_check = estate.check_indexes().last();
    estate.pools.push(quiet);
    let mut all = Bitmap::new(estate.subject_count());
    (0..12).for_each(|subject| all.set(subject, true));
    let mut reach = Reach::new(&estate, &ZoneId::new("a").unwrap(), &all, at(100));
    for (subject, second) in OUTSIDE {
        reach.record(subject, false, at(second));
        reach.record(subject + 6, true, at(second));
    }
    assert!(reach.is_cut_off(Some(at(101)), at(103)));
    // Nor is it told as well what is only not reached; what answers although nothing should is still told.
    reach.record(9, false, at(103));
    let known = reach.known(&all);
    let told: Vec<usize> = (0..12).filter(|subject| known.get(*subject)).collect();
    assert_eq!(told, [0, 1, 9]);
}

#[test]
fn zones_that_fail_one_long_after_the_other_are_no_cut() {
    assert!(!after(&[(2, 101), (3, 101), (4, 200), (5, 200)]).is_cut_off(None, at(200)));
}

#[test]
fn an_outage_of_everything_is_told_after_a_while() {
    let reach = after(&[&OUTSIDE[..], &[(0, 102), (1, 102)]].concat());
    assert!(reach.is_cut_off(Some(at(101)), at(111)));
    assert!(!reach.is_cut_off(Some(at(101)), at(112)));
}

#[test]
fn who_never_heard_anybody_is_in_doubt_for_a_while_only() {
    let reach = after(&OUTSIDE);
    assert!(reach.is_cut_off(None, at(111)));
    assert!(!reach.is_cut_off(None, at(112)));
}

#[test]
fn what_does_not_answer_is_not_known_in_the_meantime() {
    let reach = after(&OUTSIDE);
    let mut known = Bitmap::new(reach.answers.len());
    (0..6).for_each(|subject| known.set(subject, true));
    let known = reach.known(&known);
    assert_eq!(
        (0..6).map(|subject| known.get(subject)).collect::<Vec<_>>(),
        [true, true, false, false, false, false]
    );
}
