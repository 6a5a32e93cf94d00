//! Estates come into force, are refused, and keep what acts in force need.

use super::script::{Runner, bundle, parse, show};
use super::*;

/// Applies an edited estate after some commands.
fn check_edit(commands: &[&str], edits: &[(&str, &str)], if_match: Option<u64>, expected: &Expect) {
    let mut runner = Runner::with_estate();
    for command in commands {
        let (outcome, _) = runner.run(parse(command));
        assert!(matches!(outcome, Outcome::Done { .. }), "{command}: {outcome:?}");
    }
    let command = Command::ApplyEstate { bundle: bundle(edits), if_match: if_match.map(Revision) };
    let (outcome, events) = runner.run(command);
    expected.assert_eq(&show(&outcome, &events));
}

const NO_E: &[(&str, &str)] = &[
    ("[[zone]]\nid = \"e\"\nregion = \"east\"\n", ""),
    ("  { address = \"10.0.5.3:5432\", zone = \"e\" },\n", ""),
];

#[test]
fn an_edit_comes_in_force() {
    check_edit(
        &[],
        &[("min_zones = 2", "min_zones = 3")],
        None,
        &expect!["2 done; estate applied, before Some(Digest(a38094bbf790))"],
    );
    check_edit(
        &[],
        &[("min_zones = 2", "min_zones = 3")],
        Some(1),
        &expect!["2 done; estate applied, before Some(Digest(a38094bbf790))"],
    );
    check_edit(
        &["shift a pool/web 30m"],
        NO_E,
        Some(1),
        &expect!["3 done; estate applied, before Some(Digest(a38094bbf790))"],
    );
}

#[test]
fn the_same_again_is_done_already() {
    check_edit(&["expire"], &[], None, &expect!["1 done"]);
    check_edit(&["expire"], &[], Some(1), &expect!["1 done"]);
}

#[test]
fn the_same_again_by_someone_who_read_another_is_refused() {
    check_edit(
        &["expire"],
        &[],
        Some(7),
        &expect!["refused: the state moved on from revision 7 to 1; read it again and retry"],
    );
}

#[test]
fn an_edit_of_an_older_estate_is_refused() {
    check_edit(
        &["expire"],
        &[("min_zones = 2", "min_zones = 3")],
        Some(0),
        &expect!["refused: the state moved on from revision 0 to 1; read it again and retry"],
    );
    check_edit(
        &["expire"],
        &[("min_zones = 2", "min_zones = 3")],
        Some(2),
        &expect!["refused: the state moved on from revision 2 to 1; read it again and retry"],
    );
}

#[test]
fn problems_are_told() {
    check_edit(
        &[],
        &[("region = \"east\"", "region = \"north\"")],
        None,
        &expect![[r#"
        refused: the estate was not applied: estate.toml:21:10: no region is named `north`; there are `east`, `west`
        estate.toml:24:10: no region is named `north`; there are `east`, `west`"#]],
    );
    check_edit(
        &[],
        &[("[[pool]]", "pool")],
        None,
        &expect![[r#"
        refused: the estate was not applied: estate.toml:26:5: not TOML: key with no value, expected `=`
        estate.toml:37:5: not TOML: key with no value, expected `=`
        estate.toml:47:5: not TOML: key with no value, expected `=`"#]],
    );
}

#[test]
fn very_many_problems_are_cut() {
    let mut edited = bundle(&[]);
    edited.toml.push_str(&"[[zone]]\nid = \"A\\u001b\"\nregion = \"west\"\n".repeat(50));
    let (outcome, _) = Runner::with_estate().run(Command::ApplyEstate { bundle: edited, if_match: None });
    let Outcome::Refused(Refusal::BadEstate { problems }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(problems.lines().count(), 11, "{problems}");
    assert!(problems.ends_with("more; `holdfast check` lists all of them"), "{problems}");
    assert!(!problems.contains('\x1b'));
}

#[test]
fn what_shifts_and_pins_act_on_stays() {
    check_edit(
        &["shift e pool/db 30m"],
        NO_E,
        None,
        &expect![
            "refused: shift-2 acts on zone e, which the new estate does not have; cancel it first, or keep zone e"
        ],
    );
    check_edit(
        &["shift e pool/db 30m", "cancel shift-2"],
        NO_E,
        None,
        &expect!["4 done; estate applied, before Some(Digest(a38094bbf790))"],
    );
    check_edit(
        &["shift e pool/db 30m"],
        &[("id = \"e\"", "id = \"f\"\naliases = [\"e\"]")],
        None,
        &expect![
            "refused: shift-2 acts on zone e, which the new estate does not have; cancel it first, or keep zone e"
        ],
    );
    check_edit(
        &["pin a in pool/web 30m"],
        &[("\"web\"", "\"www\"")],
        None,
        &expect![
            "refused: the pin of a for pool/web acts on pool/web, which the new estate does not have; cancel it first, or keep pool/web"
        ],
    );
    check_edit(
        &["shift a record/www.example.test. 30m"],
        &[("\"www.example.test.\"", "\"web.example.test.\"")],
        None,
        &expect![
            "refused: shift-2 acts on record/www.example.test., which the new estate does not have; cancel it first, or keep record/www.example.test."
        ],
    );
}
