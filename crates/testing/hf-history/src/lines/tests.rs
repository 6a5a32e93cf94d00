//! Files: what is written is read again, and what is wrong is named with its line.

use expect_test::{Expect, expect};

use super::*;

const GOOD: &str = r#"{"holdfast_history":1,"initial":{"a":"on","b":"on"},"rules":[{"name":"keep-one","of":["a","b"],"at_least":1}]}
{"client":1,"called_us":10,"returned_us":25,"asked":{"set":{"request":"r1","controls":{"a":"off"}}},"answered":{"done":{"revision":3}}}
{"client":2,"called_us":12,"returned_us":30,"asked":{"get":{}},"answered":{"values":{"revision":3,"controls":{"a":"off","b":"on"}}}}
{"client":1,"called_us":31,"asked":{"set":{"request":"r2","controls":{"b":"off"}}}}
"#;

#[track_caller]
fn check(text: &str, expected: &Expect) {
    let found = match Recorded::read(text.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(recorded) => match recorded.check(Limits::default()) {
            Ok(passed) => format!("{passed:?}"),
            Err(problem) => problem,
        },
    };
    expected.assert_eq(&found);
}

#[test]
fn a_good_history_passes() {
    check(GOOD, &expect!["Passed { operations: 2, left_out: 1, parts: 1, situations: 2 }"]);
}

#[test]
fn what_is_written_is_read_again() {
    let recorded = Recorded::read(GOOD.as_bytes()).unwrap();
    let mut text = Vec::new();
    recorded.write(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 4);
    let mut again = Vec::new();
    recorded.write(&mut again).unwrap();
    assert_eq!(Recorded::read(again.as_slice()).unwrap(), recorded);
}

#[test]
fn a_stale_read_is_told_with_the_order_before_it() {
    let stale =
        GOOD.replace(r#""called_us":12"#, r#""called_us":26"#).replace(r#""a":"off","b""#, r#""a":"on","b""#);
    check(
        &stale,
        &expect![[r#"
        not linearizable: the first 2 of 2 operations show it
        the order that explains most answers:
          client 1, 0.000010 s to 0.000025 s: set a=off (r1): done at 3
        then the state is a=off b=on at 3, and none of these answers can follow:
          client 2, 0.000026 s to 0.000030 s: get: a=on b=on at 3
    "#]],
    );
}

#[test]
fn bad_files_are_named_with_their_line() {
    check("", &expect!["line 1: the file is empty; a history begins with a line that names its controls"]);
    check(
        "{\"holdfast_history\":2,\"initial\":{}}\n",
        &expect!["line 1: format 2 is not known; this program reads 1"],
    );
    check(
        "{\"holdfast_history\":1,\"initial\":{}}\n{\"client\":1,\"called_us\":5,\"returned_us\":6,\"asked\":{\"get\":{}}}\n",
        &expect!["line 2: `returned_us` and `answered` come together, or not at all"],
    );
    check(
        "{\"holdfast_history\":1,\"initial\":{}}\n{\"client\":1,\"called_us\":5,\"returned_us\":4,\"asked\":{\"get\":{}},\"answered\":{\"refused\":{}}}\n",
        &expect!["line 2: it returned before it was called"],
    );
    check(
        "{\"holdfast_history\":1,\"initial\":{}}\nnonsense\n",
        &expect!["line 2: expected ident at line 1 column 2"],
    );
}

#[test]
fn a_history_without_answers_shows_nothing() {
    check(
        "{\"holdfast_history\":1,\"initial\":{\"a\":\"on\"}}\n{\"client\":1,\"called_us\":5,\"asked\":{\"get\":{}}}\n",
        &expect!["no operation of the history has an answer, so that it shows nothing"],
    );
}
