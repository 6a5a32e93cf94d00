//! Master files by example; the short way against the long one.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::Rr;
use crate::testing::{dump, name};

fn told(result: Result<Contents, Vec<Problem>>) -> String {
    let lines: Vec<String> = match result {
        Ok(contents) => dump(&contents)
            .iter()
            .map(|rr| format!("{} {} TYPE{} {}", rr.owner, rr.ttl, rr.rtype, rr.rdata.escape_ascii()))
            .collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    lines.join("\n")
}

/// In one piece, and byte by byte.
fn check(text: &str, want: &Expect) {
    let whole = told(read_zone_file(&name("test."), text.as_bytes()));
    let mut reader = Reader::new(&name("test."));
    for byte in text.as_bytes() {
        reader.feed(&[*byte]);
    }
    assert_eq!(told(reader.finish()), whole);
    want.assert_eq(&whole);
}

#[test]
fn what_is_left_out_comes_from_before() {
    check(
        "$TTL 1h\n@ IN SOA ns host (\n 1 ; serial\n 2 3 4\n 30 )\n  NS ns\nns 5 A 192.0.2.1\n\tAAAA 2001:db8::1\n$ORIGIN sub\nx IN 7 A 192.0.2.2\ny 7 IN A 192.0.2.3 ; a comment\n",
        &expect![[r#"
            x.sub.test. 7 TYPE1 \xc0\x00\x02\x02
            y.sub.test. 7 TYPE1 \xc0\x00\x02\x03
            ns.test. 5 TYPE1 \xc0\x00\x02\x01
            ns.test. 3600 TYPE28  \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01
            test. 3600 TYPE2 \x02ns\x04test\x00
            test. 3600 TYPE6 \x02ns\x04test\x00\x04host\x04test\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x1e"#]],
    );
    // Without $TTL the TTL before counts, then the SOA's minimum.
    check(
        "@ SOA . . 1 2 3 4 30\na A 192.0.2.1\nb 9 A 192.0.2.1\nc A 192.0.2.1",
        &expect![[r#"
        a.test. 30 TYPE1 \xc0\x00\x02\x01
        b.test. 9 TYPE1 \xc0\x00\x02\x01
        c.test. 9 TYPE1 \xc0\x00\x02\x01
        test. 30 TYPE6 \x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x1e"#]],
    );
}

#[test]
fn all_sorts_of_writing() {
    check(
        "a\\.b 5 TXT \"x;y\" z\\\"\nw\\032x 5 ( IN\n MX 10\n mail ) ; end\nu 5 TYPE65280 \\# 2 0a0b\nq 5 HTTPS 1 . alpn=\"h2\"\nc 5 caa 0 issue \"ca.test\"",
        &expect![[r#"
            c.test. 5 TYPE257 \x00\x05issueca.test
            q.test. 5 TYPE65 \x00\x01\x00\x00\x01\x00\x03\x02h2
            u.test. 5 TYPE65280 \n\x0b
            a\.b.test. 5 TYPE16 \x03x;y\x02z\"
            w\032x.test. 5 TYPE15 \x00\n\x04mail\x04test\x00"#]],
    );
}

#[test]
fn one_line_stands_for_many() {
    check(
        "$TTL 5\no A 192.0.2.9\n$GENERATE 1-3/2 h$ A 192.0.2.$ ; and so on\n 7 TXT behind\n$generate 2-2 ${0,3,d} IN MX 10 \\$x.$\n",
        &expect![[r#"
            o.test. 5 TYPE1 \xc0\x00\x02\t
            o.test. 7 TYPE16 \x06behind
            h1.test. 5 TYPE1 \xc0\x00\x02\x01
            h3.test. 5 TYPE1 \xc0\x00\x02\x03
            002.test. 5 TYPE15 \x00\n\x02$x\x012\x04test\x00"#]],
    );
    check(
        "$TTL 5\n$GENERATE 1-2 h$ A 192.0.2\n$GENERATE 2-1 h A 192.0.2.1\n$GENERATE 1-2 \\$TTL A 1\n$GENERATE 1-2 h$ TXT ( x\n)\n$GENERATE 0-99999 h$ A 192.0.2.1\n",
        &expect![[r#"
            2:1: the record for 1: the data of this A cannot be read: expected IPv4 address; change it
            3:11: a range is START-STOP or START-STOP/STEP, numbers from 0 to 2147483647, STOP not below START; change it
            4:1: the record for 1: a $GENERATE line makes records, not directives; change its owner
            7:11: this range makes 100000 lines, 65536 are the most; write several directives"#]],
    );
}

/// Files by name; what includes is told too.
fn with_files(text: &str, files: &'static [(&str, &str)]) -> String {
    let open = move |within: &str, written: &str| {
        let found = files.iter().find(|(name, _)| *name == written);
        let (name, text) =
            found.ok_or_else(|| format!("{within:?} names {written:?}, which is not there"))?;
        Ok(((*name).to_owned(), text.as_bytes().to_vec()))
    };
    let mut reader = Reader::new(&name("test.")).with_files(Box::new(open));
    reader.feed(text.as_bytes());
    told(reader.finish())
}

#[test]
fn other_files_are_read_where_they_are_named() {
    let text = "$TTL 5\no A 192.0.2.9\n$INCLUDE inner sub\n TXT \"of o\"\nx A 192.0.2.8";
    let files = &[
        ("inner", "a A 192.0.2.1\n$ORIGIN deeper.test.\n$INCLUDE leaf\n TXT \"of a\""),
        ("leaf", "$TTL 9\nb A 192.0.2.2"),
    ];
    expect![[r#"
        a.sub.test. 5 TYPE1 \xc0\x00\x02\x01
        a.sub.test. 9 TYPE16 \x04of a
        b.deeper.test. 9 TYPE1 \xc0\x00\x02\x02
        o.test. 5 TYPE1 \xc0\x00\x02\t
        o.test. 9 TYPE16 \x04of o
        x.test. 9 TYPE1 \xc0\x00\x02\x08"#]]
    .assert_eq(&with_files(text, files));
    let wrong = &[("inner", "a A 192.0.2\n$INCLUDE none\nb ("), ("loop", "$INCLUDE loop")];
    expect![[r#"
        inner:1:5: the data of this A cannot be read: expected IPv4 address; change it
        inner:2:10: "inner" names "none", which is not there
        inner:3:1: a parenthesis of this entry is never closed; close it
        3:1: $INCLUDE is followed by a file's name, and by an origin if that is another one
        loop:1:1: files are inside one another 8 deep, no deeper; see whether one includes itself
        5:14: $INCLUDE has a file's name and an origin; remove this
        6:5: the data of this A cannot be read: expected IPv4 address; change it"#]]
    .assert_eq(&with_files("$TTL 5\n$INCLUDE inner\n$INCLUDE\n$INCLUDE loop\n$INCLUDE a b c\nx A 1", wrong));
}

#[test]
fn all_problems_with_their_places() {
    check(
        "a 5 A 1.2.3\nb A 192.0.2.1\n5 A\nc 5 NOPE x\nd 5 CH A 192.0.2.1\ne.other. 5 A 192.0.2.1\n$INCLUDE x\n$FOO\nf 5 TXT \"x\ng 5 (\n A 1.2.3 )\nh..i 5 A 192.0.2.1\nj 5 A 192.0.2.1 x\nk )\nl 5 TXT x \\",
        &expect![[r#"
            1:7: the data of this A cannot be read: expected IPv4 address; change it
            2:3: this record has no TTL and none came before; begin the file with such as $TTL 300
            3:4: the data of this A cannot be read: something is missing at its end; change it
            4:5: no record type is called "NOPE"; change it
            5:5: class CH is not served; use IN
            6:1: the owner lies outside the hosted zone; remove it, or end relative names without '.'
            7:1: no other file can be read from here; put its lines here
            8:1: no directive is called "$FOO"; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE
            9:9: these quotes are not closed on their line; close them
            11:4: the data of this A cannot be read: expected IPv4 address; change it
            11:10: this parenthesis was not opened; remove it
            12:1: a name has an empty label; remove one of the two dots
            13:17: the data of this A cannot be read: there is too much at its end; change it
            14:3: this parenthesis was not opened; remove it
            15:11: nothing to escape stands behind this '\'; remove it"#]],
    );
    check(
        " 5 A 192.0.2.1\n@ 5 MX 10 ( mail",
        &expect![[r#"
        1:2: no owner comes before this line; write one at its beginning
        2:1: a parenthesis of this entry is never closed; close it"#]],
    );
    check(
        "a 5 CNAME x\na 5 A 192.0.2.1",
        &expect!["0:0: a.test. has a CNAME and other records; a CNAME stands alone, remove one or the other"],
    );
}

#[test]
fn of_a_large_file_the_first_problem() {
    let mut text = "a 5 A 192.0.2.1\n".repeat(ALL_LINES_MAX + 5);
    text.push_str("b 5 A x\nc 5 A y\n");
    let problems = read_zone_file(&name("test."), text.as_bytes()).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [ALL_LINES_MAX + 6]);
}

#[test]
fn an_entry_has_an_end() {
    let mut reader = Reader::new(&name("test."));
    reader.feed(b"a 5 TXT (");
    for _ in 0..20 {
        reader.feed(&vec![b' '; 1 << 16]);
    }
    let problems = reader.finish().unwrap_err();
    assert!(problems[0].what.contains("has more than"), "{problems:?}");
}

/// Words of which entries are made, good and bad.
fn any_line() -> impl Strategy<Value = String> {
    let owner =
        prop::sample::select(vec!["a", "B.c", "*", "@", " ", "x.test.", "d.other.", "a..b", "_s", "."]);
    let field = prop::sample::select(vec!["", "5", "IN", "5 IN", "IN 5", "5 5", "99999999999", "1h", "CH"]);
    let data = prop::sample::select(vec![
        "A 192.0.2.1",
        "A 192.0.2.01",
        "A 192.0.2",
        "A",
        "a 192.0.2.7",
        "AAAA 2001:db8::1",
        "AAAA ::ffff:192.0.2.1",
        "AAAA 1",
        "NS ns",
        "NS @",
        "CNAME x.y.",
        "PTR ..",
        "TXT x",
        "A 192.0.2.1 2",
    ]);
    (owner, field, data).prop_map(|(owner, field, data)| format!("{owner} {field} {data}"))
}

proptest! {
    /// A line of the plain form reads as the same line with a comment, which is not of the plain form.
    #[test]
    fn the_short_way_is_the_long_way(lines in prop::collection::vec(any_line(), 1..8)) {
        let read = |end: &str| {
            let text: String = lines.iter().map(|line| format!("{line}{end}\n")).collect();
            read_zone_file(&name("test."), text.as_bytes()).map(|contents| dump(&contents)).map_err(|problems| {
                problems.into_iter().map(|problem| (problem.line, problem.what)).collect::<Vec<_>>()
            })
        };
        prop_assert_eq!(read(""), read(" ; x"));
    }

    /// No text is a panic, however it is fed.
    #[test]
    fn any_text_in_any_pieces(text in "[ab.@$()\\\\\"; \n0-9A]{0,200}", at in 0_usize..200) {
        let text = text.as_bytes();
        let (first, second) = text.split_at(at.min(text.len()));
        let mut reader = Reader::new(&name("test."));
        reader.feed(first);
        reader.feed(second);
        let whole = read_zone_file(&name("test."), text).map(|contents| dump(&contents));
        prop_assert_eq!(reader.finish().map(|contents| dump(&contents)), whole);
    }

    /// What was read is written with `\\#` and read again.
    #[test]
    fn there_and_back(lines in prop::collection::vec(any_line(), 1..8)) {
        let text = format!("@ 60 SOA ns. host. 1 2 3 4 30\n{}\n", lines.join("\n"));
        let Ok(contents) = read_zone_file(&name("test."), text.as_bytes()) else { return Ok(()) };
        let all = dump(&contents);
        let line = |rr: &Rr| {
            let hex: String = rr.rdata.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {} TYPE{} \\# {} {hex}\n", rr.owner, rr.ttl, rr.rtype, rr.rdata.len())
        };
        let again: String = all.iter().map(line).collect();
        let again = read_zone_file(&name("test."), again.as_bytes()).map(|contents| dump(&contents));
        prop_assert_eq!(again, Ok(all));
    }
}
