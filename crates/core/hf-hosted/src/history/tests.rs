//! Serials, differences, bounds.

use super::*;
use crate::testing::{dump, name, zone};

fn with_serial(serial: u32, lines: &str) -> Contents {
    let text = format!("$TTL 60\n@ SOA ns. host. {serial} 2 3 4 30\n{lines}\n");
    crate::master::read_zone_file(&name("test."), text.as_bytes()).unwrap()
}

#[test]
fn serials_turn_around() {
    let check = |a: u32, b: u32, want: bool| assert_eq!(is_newer(a, b), want, "{a} {b}");
    check(1, 0, true);
    check(0, 1, false);
    check(5, 5, false);
    check(0, u32::MAX, true);
    check(u32::MAX, 0, false);
    check(0x8000_0000, 0, false);
    check(0, 0x8000_0000, false);
    check(0x7fff_ffff, 0, true);
    assert_eq!((next_serial(7), next_serial(u32::MAX)), (8, 1));
}

#[test]
fn a_difference_leads_from_one_to_the_other() {
    let old = with_serial(1, "a A 192.0.2.1\nb A 192.0.2.1\nc 9 A 192.0.2.1");
    let new = with_serial(2, "a A 192.0.2.1\na A 192.0.2.2\nc 10 A 192.0.2.1\nd.e A 192.0.2.4");
    let changes = diff(&old, &new);
    let types = |side: &[Rr]| side.iter().map(|rr| format!("{} {}", rr.owner, rr.rtype)).collect::<Vec<_>>();
    assert_eq!(types(&changes.removed), ["test. 6", "b.test. 1", "c.test. 1"]);
    assert_eq!(types(&changes.added), ["test. 6", "a.test. 1", "c.test. 1", "d.e.test. 1"]);
    assert_eq!(dump(&old.changed(&changes).unwrap()), dump(&new));
    assert!(diff(&new, &new.clone()).is_empty());
}

#[test]
fn steps_are_kept_up_to_the_bounds() {
    let versions: Vec<Contents> =
        (0..3).map(|n| with_serial(u32::MAX - 2 + n, &format!("a A 192.0.2.{n}"))).collect();
    let mut history = History::new(3, 1 << 20);
    for pair in versions.windows(2).take(2) {
        history.note(&pair[0], &pair[1]);
    }
    assert_eq!(history.len(), 2);
    let steps = history.since(u32::MAX - 2).unwrap();
    assert_eq!(steps.iter().map(|step| step.to).collect::<Vec<_>>(), [u32::MAX - 1, u32::MAX]);
    let mut contents = versions[0].clone();
    for step in steps {
        contents = contents.changed(&step.changes).unwrap();
    }
    assert_eq!(dump(&contents), dump(&versions[2]));
    assert!(history.since(5).is_none());
    // The same version again is no step.
    history.note(&versions[2], &versions[2]);
    assert_eq!(history.len(), 2);
    let mut small = History::new(10, 10);
    small.note(&versions[0], &versions[1]);
    assert!(small.is_empty() && small.bytes() == 0);
}

#[test]
fn a_serial_that_goes_back_ends_the_history() {
    let (one, two) = (with_serial(1, "a A 192.0.2.1"), with_serial(2, "a A 192.0.2.2"));
    let mut history = History::new(10, 1 << 20);
    history.note(&one, &two);
    history.note(&two, &one);
    assert!(history.is_empty());
    // A gap too: the steps before it lead nowhere.
    history.note(&one, &two);
    history.note(&with_serial(7, "x A 192.0.2.7"), &with_serial(8, "y A 192.0.2.7"));
    assert_eq!(history.len(), 1);
    assert!(history.since(1).is_none());
}

#[test]
fn overlays_over_one_base_are_compared_alone() {
    let lines: String = (0..400).map(|n| format!("h{n} A 192.0.2.1\n")).collect();
    let base = zone(&lines);
    let tagged = base.tagged(&[(name("h1"), 1)]);
    assert!(diff(&base, &tagged).is_empty());
    let changes = Changes { removed: vec![], added: dump(&zone("x A 192.0.2.7"))[1..].to_vec() };
    let added: Vec<Rr> = changes.added.iter().filter(|rr| rr.rtype != 6).cloned().collect();
    let next = tagged.changed(&Changes { removed: vec![], added: added.clone() }).unwrap();
    let found = diff(&base, &next);
    assert_eq!(found.added.iter().filter(|rr| rr.rtype != 6).cloned().collect::<Vec<_>>(), added);
    assert_eq!(dump(&next.changed(&diff(&next, &base)).unwrap()), dump(&base));
}
