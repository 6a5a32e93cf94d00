//! The lookup by example, and against the model.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::testing::{Model, name, told, zone};

const ZONE: &str = "
@ NS ns
ns A 192.0.2.1
www A 192.0.2.1
www AAAA 2001:db8::1
a.b.c TXT deep
*.wild MX 10 mail
sub.wild A 192.0.2.2
under.sub.wild A 192.0.2.3
child NS ns.child
child NS ns.elsewhere.
ns.child A 192.0.2.4
child DS 1 13 2 00
old DNAME new
old TXT here
x.*.odd A 192.0.2.9
";

fn check(asked: &str, want: &Expect) {
    want.assert_eq(&told(&zone(ZONE), &name(asked)));
}

#[test]
fn names_that_exist() {
    check("test.", &expect!["exists, TYPE2 x1, TYPE6 x1"]);
    check("WWW", &expect!["exists, TYPE1 x1, TYPE28 x1"]);
    check("b.c", &expect!["exists"]);
    check("*.wild", &expect!["exists, TYPE15 x1"]);
    check("old", &expect!["exists, TYPE16 x1, TYPE39 x1"]);
}

#[test]
fn names_that_do_not() {
    check("nope", &expect!["missing below test."]);
    check("x.www", &expect!["missing below www.test."]);
    check("x.y.b.c", &expect!["missing below b.c.test."]);
    check("www.example.", &expect!["missing below ."]);
    check(".", &expect!["missing below ."]);
    check("mytest.", &expect!["missing below ."]);
}

#[test]
fn wildcards_stand_for_what_does_not_exist() {
    check("x.wild", &expect!["wildcard at wild.test., TYPE15 x1"]);
    check("y.x.wild", &expect!["wildcard at wild.test., TYPE15 x1"]);
    // RFC 4592 2.2.1: a name that exists stops the wildcard above it.
    check("x.sub.wild", &expect!["missing below sub.wild.test."]);
    // A wildcard that is there only because of names below it says "no data".
    check("y.odd", &expect!["wildcard at odd.test."]);
}

#[test]
fn others_answer_below_delegations() {
    check("child", &expect!["delegated at child.test., TYPE2 x2, TYPE43 x1"]);
    check("ns.child", &expect!["delegated at child.test., TYPE2 x2, TYPE43 x1"]);
    check("x.y.child", &expect!["delegated at child.test., TYPE2 x2, TYPE43 x1"]);
}

#[test]
fn others_answer_below_dnames() {
    check("x.old", &expect!["below old.test. x1"]);
    check("x.y.old", &expect!["below old.test. x1"]);
}

#[test]
fn a_label_with_the_apex_inside_is_elsewhere() {
    let contents = zone("www A 192.0.2.1");
    let asked = hf_model::WireName::from_wire(b"\x07xx\x04test\0").unwrap();
    assert_eq!(told(&contents, &asked), "missing below .");
}

/// Names of few labels, so that they meet.
pub(crate) fn any_name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "*"]), 0..5)
        .prop_map(|labels| if labels.is_empty() { "test.".to_owned() } else { labels.join(".") })
}

/// A line of a master file.
pub(crate) fn any_line() -> impl Strategy<Value = String> {
    let data = prop::sample::select(vec![
        "A 192.0.2.1",
        "A 192.0.2.2",
        "AAAA 2001:db8::1",
        "TXT x",
        "MX 10 mail",
        "NS ns",
        "NS ns2.elsewhere.",
        "DNAME a",
    ]);
    (any_name(), data).prop_map(
        |(name, data)| {
            if name == "test." { format!("@ {data}") } else { format!("{name} {data}") }
        },
    )
}

proptest! {
    /// What is found is what the model finds, for names inside and outside.
    #[test]
    fn found_as_by_the_model(
        lines in prop::collection::vec(any_line(), 0..20),
        asked in prop::collection::vec(any_name(), 1..20),
        tags in prop::collection::vec((any_name(), 0_u32..5), 0..4),
    ) {
        let text = format!("$TTL 60\n@ SOA ns. host. 1 2 3 4 30\n{}\n", lines.join("\n"));
        let Ok(contents) = crate::master::read_zone_file(&name("test."), text.as_bytes()) else {
            // A DNAME at a delegation, or two different ones.
            return Ok(());
        };
        let mut model = Model::of(&contents);
        for asked in &asked {
            prop_assert_eq!(told(&contents, &name(asked)), model.told(&name(asked)), "{}", asked);
        }
        let tags: Vec<_> = tags.iter().map(|(text, tag)| (name(text), *tag)).collect();
        let tagged = contents.tagged(&tags);
        model.tags.extend(tags);
        for asked in &asked {
            prop_assert_eq!(told(&tagged, &name(asked)), model.told(&name(asked)), "tagged {}", asked);
        }
    }

    /// Any bytes may be asked for.
    #[test]
    fn nothing_asked_is_a_panic(asked in prop::collection::vec(any::<u8>(), 0..300)) {
        let contents = zone(ZONE);
        contents.find(&asked);
        contents.find(&[&asked[..], b"\x04test\0"].concat());
        contents.node(&asked);
    }
}
