#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"
# Who may do what.
[[principal]]
name = "operator"
roles = ["read", "operate", "administer", "break-glass"]

[[principal.token]]
sha256 = "00000000000000000000000000000000000000000000000000000000000000aa"

[[principal]]
name = "ann"
roles = ["read", "operate"]
panels = ["regions"]
pools = ["web", "api"]
zones = []
certificates = ["ann.example"]
expires = "2026-12-31"

[[principal.token]]
sha256 = "00000000000000000000000000000000000000000000000000000000000000AB"
expires = "2026-06-30T12:00:00Z"

[[principal.access_key]]
id = "HFAKABCDEFGHIJKLMNOP"
sealed = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"#;

fn check(text: &str, expected: Expect) {
    let found = match read_access("access.toml", text) {
        Ok(list) => format!("{list:#?}\n"),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

fn edit(from: &str, to: &str, expected: Expect) {
    assert_eq!(WHOLE.matches(from).count(), 1, "{from:?} is not once in the example");
    check(&WHOLE.replace(from, to), expected);
}

#[test]
fn a_whole_file() {
    let list = read_access("access.toml", WHOLE).unwrap();
    let [operator, ann] = list.holders.as_slice() else { panic!("{list:?}") };
    assert_eq!(operator.principal.roles.len(), 4);
    assert_eq!(operator.principal.scopes, Scopes::default());
    assert_eq!(ann.principal.scopes.zones, Some(BTreeSet::new()));
    assert_eq!(ann.principal.scopes.pools.as_ref().unwrap().len(), 2);
    assert_eq!(ann.certificates, ["ann.example"]);
    assert_eq!(ann.expires_at, expiry("2026-12-31").ok());
    assert_eq!(ann.tokens[0].expires_at, expiry("2026-06-30T12:00:00Z").ok());
    assert_eq!(ann.tokens[0].digest.0[31], 0xab);
    assert_eq!((ann.keys[0].line, ann.keys[0].sealed.len()), (24, 33));
}

#[test]
fn all_problems_at_once_with_their_places() {
    check(
        r#"
[[principal]]
name = " x"
roles = ["reed", "read", "read"]
zones = ["A", "a"]
pools = "web"
expires = "tomorrow"
certificates = ["", "c", "c"]
colour = 1
[[principal.token]]
sha256 = "hf_secret"
[[principal.token]]
expires = 2026-12-31
[[principal.access_key]]
id = "short"
sealed = "in the clear"
[[principal]]
panels = ["a b"]
[[principal]]
name = "closing-source/runbook"
roles = ["operate"]
"#,
        expect![[r#"
            access.toml:3:8: a principal's name has 1 to 128 characters, no control characters, and no space at its ends; write one
            access.toml:4:10: no role is called "reed"; there are `read`, `operate`, `administer`, `update`, `register`, `push`, `break-glass`
            access.toml:4:26: role read is listed twice; remove one of the two
            access.toml:5:10: a zone id has only a-z, 0-9 and '-', this one has 'A'; replace it
            access.toml:6:9: `pools` is a list in square brackets, this is a string; change it
            access.toml:7:11: an end is a day or an instant in UTC between 1970 and 9999, such as 2026-12-31 or 2026-12-31T18:00:00Z; write it so
            access.toml:8:17: a name in a certificate (its common name or a DNS name) has 1 to 253 bytes and no control characters; write one
            access.toml:8:26: the certificate name `c` is listed twice; one certificate is one principal's
            access.toml:9:1: a principal has no `colour`; remove it, there are `name`, `roles`, `panels`, `pools`, `zones`, `checks`, `expires`, `certificates`, `token`, `access_key`
            access.toml:11:10: a token stands here as its SHA-256, 64 hexadecimal digits; `holdfast access token NAME` makes both
            access.toml:12:1: a token needs `sha256`; add it
            access.toml:13:11: `expires` is a string in quotes, this is a date; change it
            access.toml:15:6: an access key's id has 16 to 128 of A-Z and 0-9; `holdfast access key NAME` makes one
            access.toml:16:10: not a sealed secret in base64; `holdfast access key NAME` makes access keys, a secret in the clear does not belong here
            access.toml:17:1: a principal needs `name`; add it
            access.toml:17:1: a principal needs `roles`; add it
            access.toml:18:11: a name has no white space, no control characters and no '/', this one has ' '; replace it
            access.toml:20:8: names that begin with `closing-source/` are those of the estate's closing sources; choose another one
        "#]],
    );
    check(
        "",
        expect![[r#"
        access.toml: there is no [[principal]] in it, so nobody could do anything; add one, or delete the file and a new one is made at the next start
    "#]],
    );
    check(
        "principal = 1\nx = 2",
        expect![[r#"
            access.toml:1:13: `principal` is a list in square brackets, this is a whole number; change it
            access.toml:2:1: an access file has no `x`; remove it, there is only `principal`
        "#]],
    );
    check(
        "[[principal]\n",
        expect![[r#"
        access.toml:1:13: not TOML: unclosed array table, expected `]`
    "#]],
    );
}

#[test]
fn nobody_shares_a_credential() {
    edit(
        "name = \"ann\"",
        "name = \"operator\"",
        expect![[r#"
        access.toml:11:8: principal `operator` is listed twice; remove one of the two
    "#]],
    );
    edit(
        "AB\"",
        "aa\"",
        expect![[r#"
        access.toml:20:10: this token is listed twice; one token is one principal's
    "#]],
    );
    let again = WHOLE[WHOLE.find("[[principal.access_key]]").unwrap()..].to_owned();
    let twice = format!("{WHOLE}{again}");
    check(
        &twice,
        expect![[r#"
        access.toml:27:6: access key `HFAKABCDEFGHIJKLMNOP` is listed twice; remove one of the two
    "#]],
    );
    let other = "[[principal]]\nname = \"bob\"\nroles = []\ncertificates = [\"ann.example\"]\n";
    check(
        &format!("{WHOLE}{other}"),
        expect![[r#"
        access.toml:29:17: the certificate name `ann.example` is listed twice; one certificate is one principal's
    "#]],
    );
}

#[test]
fn a_file_asks_for_a_bounded_amount() {
    let many: String =
        (0..1_001).map(|at| format!("[[principal]]\nname = \"p{at}\"\nroles = []\n")).collect();
    check(
        &many,
        expect![[r#"
        access.toml:3001:1: at most 1000 of `principal`, there are 1001; remove some
    "#]],
    );
    let scopes: Vec<String> = (0..101).map(|at| format!("\"z{at}\"")).collect();
    check(
        &format!("[[principal]]\nname = \"p\"\nroles = []\nzones = [{}]", scopes.join(",")),
        expect![[r#"
        access.toml:4:600: at most 100 of `zones`, there are 101; remove some
    "#]],
    );
}

proptest! {
    /// No text makes it panic.
    #[test]
    fn any_text_is_read_or_refused(at in 0usize..700, cut in 0usize..40, with in "[\\[\\]\"=a-z0-9\n]{0,6}") {
        let at = at.min(WHOLE.len());
        let end = (at + cut).min(WHOLE.len());
        let _ = read_access("access.toml", &format!("{}{with}{}", &WHOLE[..at], &WHOLE[end..]));
    }
}
