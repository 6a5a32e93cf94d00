//! Bytes that are not ours, damaged or from another version: an error that says what and where, never a panic.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::arbitrary;
use crate::*;

/// Every decoder on the same bytes; how many took them.
fn decode_all(bytes: &[u8]) -> usize {
    [
        decode_entry(bytes).is_ok(),
        decode_state(bytes).is_ok(),
        decode_intent(bytes).is_ok(),
        decode_table(bytes).is_ok(),
        decode_verdicts(bytes).is_ok(),
        decode_break_glass(bytes).is_ok(),
        decode_break_glass_list(bytes).is_ok(),
        decode_entry_line(bytes).is_ok(),
    ]
    .into_iter()
    .filter(|ok| *ok)
    .count()
}

proptest! {
    /// Arbitrary bytes are nobody's.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(decode_all(&bytes), 0);
    }

    /// Bytes of one format belong to no other.
    #[test]
    fn formats_are_told_apart(entry in arbitrary::entry(), state in arbitrary::state(), table in arbitrary::table()) {
        for bytes in [encode_entry(&entry), encode_state(&state), encode_table(&table)] {
            prop_assert_eq!(decode_all(&bytes.unwrap()), 1);
        }
    }

    /// Damage is an error or another value, never a panic.
    #[test]
    fn damage_never_panics(
        state in arbitrary::state(), line in arbitrary::entry_line(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        for mut bytes in [encode_state(&state).unwrap(), encode_entry_line(&line).unwrap()] {
            let at = place.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.truncate(at);
            }
            decode_all(&bytes);
        }
    }
}

fn check<T: std::fmt::Debug>(decode: impl Fn(&[u8]) -> Result<T, CodecError>, text: &str, expected: &Expect) {
    expected.assert_eq(&decode(text.as_bytes()).unwrap_err().to_string());
}

const TABLE: &str = include_str!("../../golden/table.v1.jsonl");
const STATES: &str = include_str!("../../golden/state.v8.jsonl");
const INTENTS: &str = include_str!("../../golden/intent.v6.jsonl");

/// A golden text with something replaced.
fn edit(text: &str, from: &str, to: &str) -> String {
    let line = text.lines().last().unwrap();
    assert!(line.contains(from), "{from:?} is in {line}");
    line.replace(from, to)
}

#[test]
fn another_version_is_named() {
    check(
        decode_table,
        r#"{"holdfast":"table","v":2,"body":[1]}"#,
        &expect!["a table was written by a newer Holdfast: format 2, this one reads 1; upgrade this node"],
    );
    check(
        decode_entry,
        r#"{"v":18446744073709551615,"holdfast":"entry","extra":0,"body":{}}"#,
        &expect![
            "a ledger entry was written by a newer Holdfast: format 18446744073709551615, this one reads 6; upgrade this node"
        ],
    );
    check(
        decode_entry,
        r#"{"holdfast":"entry","v":0,"body":{}}"#,
        &expect![
            "a ledger entry was written by an older Holdfast: format 0, this one reads 6; run the version that wrote it, or begin anew"
        ],
    );
}

#[test]
fn another_format_is_named() {
    check(
        decode_intent,
        TABLE,
        &expect!["this is `table` where an intent is expected; look whether files or addresses are mixed up"],
    );
    check(
        decode_intent,
        r#"{"holdfast":"a\u001b[2J","v":1,"body":{}}"#,
        &expect!["this is `a [2J` where an intent is expected; look whether files or addresses are mixed up"],
    );
}

#[test]
fn what_is_malformed_has_a_place() {
    check(
        decode_entry,
        "",
        &expect![
            "a ledger entry is not readable at line 1 column 0: EOF while parsing a value; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_entry,
        "[]",
        &expect![
            "a ledger entry is not readable at line 1 column 2: invalid length 0, expected struct Head with 3 elements; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_entry,
        "{\"holdfast\":\"entry\",\n\"v\":1}",
        &expect![
            "a ledger entry is not readable at line 2 column 6: missing field `body`; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "euw2-az1", "EUW2"),
        &expect![
            "a table is not readable at line 1 column 69: a zone id has only a-z, 0-9 and '-', this one has 'E'; replace it; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "\"made_at_ms\"", "\"made_at\""),
        &expect![
            "a table is not readable at line 1 column 159: unknown field `made_at`, expected one of `checker`, `zone`, `estate`, `made_at_ms`, `known`, `healthy`; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &(TABLE.to_owned() + "x"),
        &expect![
            "a table is not readable at line 2 column 1: trailing characters; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "0f0f", "0F0F"),
        &expect![
            "a table is not readable at line 1 column 149: a digest has 64 hexadecimal digits in lower case; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "\"v\":1", "\"v\":1,\"more\":2"),
        &expect![
            "a table is not readable at line 1 column 32: unknown field `more`, expected one of `holdfast`, `v`, `body`; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn bitmaps_hold_together() {
    check(
        decode_table,
        &edit(TABLE, "3f00000000000000", "7f00000000000000"),
        &expect![
            "a table is not readable at line 1 column 237: a bitmap of 70 bits has a bit set beyond its end; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "3f00000000000000", "3f"),
        &expect![
            "a table is not readable at line 1 column 223: a bitmap of 70 bits has 32 hexadecimal digits in lower case; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "\"known\":{\"len\":70", "\"known\":{\"len\":71"),
        &expect![
            "a table does not hold together: `healthy` has as many bits as `known`, 71, here 70; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_table,
        &edit(TABLE, "\"len\":70", "\"len\":18446744073709551615"),
        &expect![
            "a table is not readable at line 1 column 255: a bitmap has at most 101000 bits, this one 18446744073709551615; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn a_state_holds_together() {
    check(
        decode_state,
        &edit(STATES, "\"id\":\"shift-7\"", "\"id\":\"shift-07\""),
        &expect![
            "a checkpoint does not hold together: `shifts[0].id` is `shift-` and a revision, here shift-07; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "\"revision\":44,\"stamp_ms\"", "\"revision\":4,\"stamp_ms\""),
        &expect![
            "a checkpoint does not hold together: `revision` is the newest of all, here 4 with 44 inside; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "request-1", "request-2"),
        &expect![
            "a checkpoint does not hold together: `requests[1].id` is there twice; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "\"resource\":\"pool/web\"", "\"resource\":\"region/eu-west-2\""),
        &expect![
            "a checkpoint does not hold together: `practices[1].resource` is there twice; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn an_intent_holds_together() {
    check(
        decode_intent,
        &edit(INTENTS, "\"estate_revision\":7", "\"estate_revision\":77"),
        &expect![
            "an intent does not hold together: `estate_revision` is at most `revision`, 43, here 77; it is damaged or was not written by Holdfast"
        ],
    );
    // Whoever looks a control up by its path would miss it.
    check(
        decode_intent,
        &edit(INTENTS, "\"path\":\"regions/eu-west-1\"", "\"path\":\"regions/eu-west-3\""),
        &expect![
            "an intent does not hold together: `controls` are in order of their paths, here regions/eu-west-2 is behind regions/eu-west-3; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn a_board_holds_together() {
    let (panel, second) = ("0000000000000000000000000000000a", "00000000000000000000000000000001");
    let panel_is = |id| format!("\"panel\":\"{id}\"");
    let (london, dublin) = ("\"000000000000000b\"", "\"000000000000000c\"");
    // A routing control in a panel that is not there.
    let gone = edit(STATES, &format!("\"id\":\"{panel}\""), "\"id\":\"0000000000000000000000000000000f\"");
    check(
        decode_state,
        &gone,
        &expect![
            "a checkpoint does not hold together: `routing control 000000000000000b` is in control panel 0000000000000000000000000000000a, which is not there; it is damaged or was not written by Holdfast"
        ],
    );
    // A panel in a cluster that is not there.
    let cluster = "e5e5e5e5-e5e5-e5e5-e5e5-e5e5e5e5e5e5";
    let other = cluster.replace("e5e5e5e5-e5e5", "e5e5e5e6-e5e5");
    check(
        decode_state,
        &edit(STATES, &format!("\"id\":\"{cluster}\""), &format!("\"id\":\"{other}\"")),
        &expect![
            "a checkpoint does not hold together: `cluster e5e5e5e6-e5e5-e5e5-e5e5-e5e5e5e5e5e5` has one default control panel; it is damaged or was not written by Holdfast"
        ],
    );
    let plain = |cluster: &str| format!("\"id\":\"{panel}\",\"cluster\":\"{cluster}\"");
    check(
        decode_state,
        &edit(STATES, &plain(cluster), &plain(&other)),
        &expect![
            "a checkpoint does not hold together: `control panel 0000000000000000000000000000000a` is in cluster e5e5e5e6-e5e5-e5e5-e5e5-e5e5e5e5e5e5, which is not there; it is damaged or was not written by Holdfast"
        ],
    );
    // A cluster without its default panel.
    check(
        decode_state,
        &edit(STATES, "\"role\":\"default\"", "\"role\":\"plain\""),
        &expect![
            "a checkpoint does not hold together: `cluster 00000000-0000-0000-0000-000000000001` has one default control panel; it is damaged or was not written by Holdfast"
        ],
    );
    // A rule over a control that is not there, is elsewhere, is there twice.
    let rule = format!("{{\"assert\":{{\"controls\":[{dublin},{london}]}}}}");
    let over = |controls: &str| edit(STATES, &rule, &format!("{{\"assert\":{{\"controls\":[{controls}]}}}}"));
    check(
        decode_state,
        &over("\"000000000000000f\""),
        &expect![
            "a checkpoint does not hold together: `safety rule 000000000000000d` is over routing control 000000000000000f, which is not in its control panel; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &over(&format!("{london},{london}")),
        &expect![
            "a checkpoint does not hold together: `safety rule 000000000000000d` names routing control 000000000000000b twice; it is damaged or was not written by Holdfast"
        ],
    );
    let moved = edit(
        STATES,
        &format!("{{\"id\":{london},{}", panel_is(panel)),
        &format!("{{\"id\":{london},{}", panel_is(second)),
    );
    check(
        decode_state,
        &moved,
        &expect![
            "a checkpoint does not hold together: `safety rule 000000000000000d` is over routing control 000000000000000b, which is not in its control panel; it is damaged or was not written by Holdfast"
        ],
    );
    // A number or a name twice.
    check(
        decode_state,
        &edit(STATES, &format!("\"id\":{dublin}"), &format!("\"id\":{london}")),
        &expect![
            "a checkpoint does not hold together: `board.controls[1].id` is there twice; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "\"eu-west-1\"", "\"eu-west-2\""),
        &expect![
            "a checkpoint does not hold together: `routing control 000000000000000c` has a name, eu-west-2, that another one has too; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "\"gate\",\"origin\"", "\"keep-one\",\"origin\""),
        &expect![
            "a checkpoint does not hold together: `safety rule 000000000000000e` has a name, keep-one, that another one has too; it is damaged or was not written by Holdfast"
        ],
    );
    // A tag that is too long.
    check(
        decode_state,
        &edit(STATES, "\"team\"", &format!("{:?}", "x".repeat(129))),
        &expect![
            "a checkpoint does not hold together: `cluster 00000000-0000-0000-0000-000000000001` has a tag of more than 128 characters for its key or 256 for its value; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_intent,
        &edit(INTENTS, "\"eu-west-1\"", "\"eu-west-2\""),
        &expect![
            "an intent does not hold together: `routing control 000000000000000c` has a name, eu-west-2, that another one has too; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn names_and_numbers_are_checked() {
    check(
        decode_state,
        &edit(STATES, "\"eu-west-1\"", "\"eu west\""),
        &expect![
            "a checkpoint is not readable at line 1 column 3068: a name has no white space, no control characters and no '/', this one has ' '; replace it; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "\"000000000000000b\"", "\"B\""),
        &expect![
            "a checkpoint is not readable at line 1 column 2740: not a number of ours: it has 16 hexadecimal digits in lower case; it is damaged or was not written by Holdfast"
        ],
    );
    check(
        decode_state,
        &edit(STATES, "Mon:09:00-Mon:17:30", "Mon:09:00-Tue:17:30"),
        &expect![[
            r#"a checkpoint is not readable at line 1 column 4023: "Mon:09:00-Tue:17:30" is not a window; write it as `Mon:09:00-Mon:17:30`, in UTC, within one day, the end after the beginning; it is damaged or was not written by Holdfast"#
        ]],
    );
    check(
        decode_state,
        &edit(STATES, "2026-12-24", "2026-02-29"),
        &expect![[
            r#"a checkpoint is not readable at line 1 column 4096: "2026-02-29" is not a day of the calendar; write it as `2026-12-24`, 1970 or later; it is damaged or was not written by Holdfast"#
        ]],
    );
    check(
        decode_state,
        &edit(STATES, "\"pool/web\",\"config\"", "\"zone/web\",\"config\""),
        &expect![[
            r#"a checkpoint is not readable at line 1 column 4191: "zone/web" is not a managed resource; write `region/ID`, `pool/NAME` or `record/NAME`; it is damaged or was not written by Holdfast"#
        ]],
    );
    check(
        decode_state,
        &edit(STATES, "\"estate_id\":\"e5", "\"estate_id\":\"E5"),
        &expect![
            "a checkpoint is not readable at line 1 column 80: not a number of ours: it has 32 hexadecimal digits in lower case; it is damaged or was not written by Holdfast"
        ],
    );
}

#[test]
fn a_state_whose_estate_does_not_read_says_why() {
    let broken = edit(STATES, "[[region]]", "[[regions]]");
    let error = decode_state(broken.as_bytes()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    expect!["the estate in a checkpoint does not read; run the version of Holdfast that wrote it, or mend the estate there: estate.toml:1:3: an estate has no `regions`; write `region` or remove it"].assert_eq(&format!("{error}: {}", source.to_string().lines().next().unwrap()));
}
