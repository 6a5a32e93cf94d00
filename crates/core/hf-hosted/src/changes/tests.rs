//! Changes by example, and against building anew.

use proptest::prelude::*;

use super::*;
use crate::testing::{Model, dump, name, rr, told, zone};

const A1: &[u8] = &[192, 0, 2, 1];
const A2: &[u8] = &[192, 0, 2, 2];

fn soa(serial: u8) -> Rr {
    let text = format!("@ 60 SOA ns. host. {serial} 2 3 4 30\n");
    let contents = crate::master::read_zone_file(&name("test."), text.as_bytes()).unwrap();
    dump(&contents).remove(0)
}

/// Once over a small base, which is laid out anew, and once over one that gets an overlay.
fn check(lines: &str, removed: &[Rr], added: &[Rr], want: &Result<&str, ChangeError>) {
    let many: String = (0..300).map(|n| format!("filler{n} A 192.0.2.9\n")).collect();
    for filler in ["", many.as_str()] {
        let changes = Changes { removed: removed.to_vec(), added: added.to_vec() };
        let got = zone(&format!("{lines}\n{filler}")).changed(&changes).map(|contents| {
            let mut all = dump(&contents);
            all.retain(|rr| !rr.owner.to_string().starts_with("filler"));
            assert_eq!(contents.names() - if filler.is_empty() { 0 } else { 300 }, names(&all), "names");
            all
        });
        let want = want.clone().map(|lines| dump(&zone(lines)));
        assert_eq!(got, want);
    }
}

fn names(all: &[Rr]) -> usize {
    let mut names = std::collections::BTreeSet::new();
    for rr in all {
        let mut at = 0;
        while at + 6 <= rr.owner.as_wire().len() {
            names.insert(rr.owner.as_wire()[at..].to_vec());
            at += 1 + usize::from(rr.owner.as_wire()[at]);
        }
    }
    names.len()
}

#[test]
fn records_come_and_go() {
    check("a A 192.0.2.1", &[rr("A", 1, 5, A1)], &[rr("a", 1, 60, A2)], &Ok("a A 192.0.2.2"));
    check("a.b A 192.0.2.1\nb A 192.0.2.1", &[rr("a.b", 1, 60, A1)], &[], &Ok("b A 192.0.2.1"));
    // With the last record go the empty names above it.
    check("a.b.c A 192.0.2.1", &[rr("a.b.c", 1, 60, A1)], &[], &Ok(""));
    check("a.b.c A 192.0.2.1", &[rr("a.b.c", 1, 60, A1)], &[rr("b.c", 1, 60, A1)], &Ok("b.c A 192.0.2.1"));
    check("", &[], &[rr("a.b.c", 1, 60, A1)], &Ok("a.b.c A 192.0.2.1"));
}

#[test]
fn an_addition_sets_the_ttl_of_its_set() {
    check("a A 192.0.2.1", &[], &[rr("a", 1, 5, A2)], &Ok("a 5 A 192.0.2.1\na 5 A 192.0.2.2"));
    check("a A 192.0.2.1", &[], &[rr("a", 1, 5, A1)], &Ok("a 5 A 192.0.2.1"));
}

#[test]
fn what_cannot_be() {
    let gone = rr("a", 1, 60, A2);
    check("a A 192.0.2.1", std::slice::from_ref(&gone), &[], &Err(ChangeError::NotThere(gone.clone())));
    let other = rr("nope", 1, 60, A2);
    check("a A 192.0.2.1", std::slice::from_ref(&other), &[], &Err(ChangeError::NotThere(other.clone())));
    check("", &[], &[rr("a.other.", 1, 60, A1)], &Err(ChangeError::Outside(name("a.other."))));
    check("", &[], &[rr("a", 255, 60, A1)], &Err(ChangeError::Meta(rr("a", 255, 60, A1))));
    check("", &[soa(1)], &[], &Err(ChangeError::NoSoa));
    let problem = ContentProblem::CnameAndOther(name("a"));
    check("a A 192.0.2.1", &[], &[rr("a", 5, 60, b"\0")], &Err(ChangeError::Problem(problem)));
    let problem = ContentProblem::Several { owner: name("test."), rtype: 6, count: 2 };
    check("", &[], &[soa(1), soa(2)], &Err(ChangeError::Problem(problem)));
}

#[test]
fn a_new_soa_replaces_the_old_one() {
    for removed in [vec![], vec![soa(1)]] {
        let next = zone("").changed(&Changes { removed, added: vec![soa(9)] }).unwrap();
        assert_eq!((next.serial(), next.records().count()), (9, 1));
    }
}

#[test]
fn marks_make_names_exist_and_outlive_changes() {
    let tagged = zone("a A 192.0.2.1").tagged(&[(name("x.Y"), 7), (name("a"), 8), (name("b.other."), 9)]);
    assert_eq!(told(&tagged, &name("x.y")), "exists, tag 7");
    assert_eq!(told(&tagged, &name("y")), "exists");
    assert_eq!(told(&tagged, &name("a")), "exists, tag 8, TYPE1 x1");
    let changed = tagged.changed(&Changes { removed: vec![rr("a", 1, 60, A1)], added: vec![] }).unwrap();
    assert_eq!(told(&changed, &name("a")), "exists, tag 8");
}

proptest! {
    /// After any changes the zone is the same as one built with their outcome, however they were taken.
    #[test]
    fn changed_is_as_built_anew(
        filler in prop::sample::select(vec![0, 300]),
        steps in prop::collection::vec(
            prop::collection::vec((crate::find::tests::any_line(), any::<bool>()), 1..8), 1..5),
        asked in prop::collection::vec(crate::find::tests::any_name(), 1..20),
        compact in any::<bool>(),
    ) {
        let fillers: String = (0..filler).map(|n| format!("filler{n} A 192.0.2.9\n")).collect();
        let mut contents = zone(&fillers);
        for step in &steps {
            let mut changes = Changes::default();
            for (line, adds) in step {
                let record = dump(&zone(line)).into_iter().find(|rr| rr.rtype != 6).unwrap();
                let there = dump(&contents).contains(&record) && !changes.removed.contains(&record);
                if *adds {
                    changes.added.push(record);
                } else if there {
                    changes.removed.push(record);
                }
            }
            // A DNAME at a delegation is refused; then nothing changed.
            let Ok(next) = contents.changed(&changes) else { continue };
            let back = crate::history::diff(&next, &contents);
            prop_assert_eq!(dump(&next.changed(&back).unwrap()), dump(&contents), "there and back");
            contents = if compact { next.compacted() } else { next };
        }
        let mut builder = crate::Builder::new(&name("test."));
        for rr in dump(&contents) {
            builder.push(rr.owner.as_wire(), rr.rtype, rr.ttl, &rr.rdata).unwrap();
        }
        let anew = builder.finish().unwrap();
        prop_assert_eq!(anew.names(), contents.names());
        prop_assert_eq!(dump(&anew), dump(&contents));
        let model = Model::of(&contents);
        for asked in &asked {
            prop_assert_eq!(told(&contents, &name(asked)), model.told(&name(asked)), "{}", asked);
        }
    }
}
