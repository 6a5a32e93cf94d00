//! The runner itself: what it keeps, what it rewrites, what it refuses.

use super::*;

const SETUP: &str = "# A line to keep.\nregion eu a b\npool web a b\n";

#[test]
fn comments_and_blanks_stay_and_expectations_are_rewritten() {
    let text = format!("{SETUP}\nat 5s\n> wrong\nat 10s impaired b\nat 20s\n\n# End.\n");
    let once = rerun(&text).unwrap();
    assert!(!once.contains("wrong"), "{once}");
    assert!(once.contains("at 10s impaired b\n> nothing changes\n"), "{once}");
    assert!(once.contains("> 13s web: a open, b away (impaired)\n"), "{once}");
    assert_eq!(rerun(&once).unwrap(), once);
}

#[test]
fn what_is_no_scenario_is_told_with_its_line() {
    let check = |lines: &str, want: &str| {
        let error = rerun(&format!("{SETUP}{lines}")).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    };
    check("shift a for 5m\n", "line 4: before the first `at`");
    check("at 5s\nat 4s\n", "line 5: time does not go back");
    check("at noon\n", "line 4: \"noon\" is not a length of time");
    check("at 5s\ndance\n", "line 5: `dance` says nothing");
    check("at 5s\nimpaired a/b/c/d\n", "line 5: \"a/b/c/d\" is no endpoint");
    check("pool other nowhere\nat 0s\n", "line 5: the estate does not hold");
}
