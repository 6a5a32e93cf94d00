#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use expect_test::{Expect, expect};

use super::*;

const HEAD: &str = "$TTL 60\n@ SOA ns1 admin 1 2 3 4 5\n@ NS ns1\n";

fn read(text: &str) -> String {
    let apex = DnsName::new("example.test.").unwrap();
    let mut report = Report::new("zone", text);
    let master = read_master_file(&apex, text, &mut report);
    let problems = report.into_problems();
    if !problems.is_empty() {
        return problems.iter().fold(String::new(), |text, problem| text + &format!("{problem}\n"));
    }
    let soa = master.soa.unwrap();
    let head = format!("SOA {} {} {} ttl {}\n", soa.mname, soa.rname, soa.minimum, soa.ttl);
    let line = |Placed { record, line, .. }: &Placed| {
        let (kind, data) = (crate::type_text(record.rtype), crate::data_text(record));
        format!("{line}: {} {} {kind} {data}\n", record.name, record.ttl)
    };
    master.plain.iter().map(line).fold(head, |text, line| text + &line)
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&read(text));
}

/// Behind a right beginning of three lines.
fn add(more: &str, expected: Expect) {
    check(&format!("{HEAD}{more}"), expected);
}

#[test]
fn owners_origins_and_times() {
    add(
        "a 5 A 1.1.1.1\n  A 1.1.1.2\n",
        expect![[r#"
        zone:5:3: the A records of a.example.test. have TTLs 5 and 60; write the same for all
    "#]],
    );
    add(
        "$ORIGIN sub\na IN 5 A 1.1.1.1\n\t5 in AAAA ::1\n@ TXT x\n$ORIGIN example.test.\n$TTL 1h30m\nB.Example.Test. A 1.1.1.1\n",
        expect![[r#"
            SOA ns1.example.test. admin.example.test. 5 ttl 60
            3: example.test. 60 NS ns1.example.test.
            5: a.sub.example.test. 5 A 1.1.1.1
            6: a.sub.example.test. 5 AAAA ::1
            7: sub.example.test. 60 TXT "x"
            10: b.example.test. 5400 A 1.1.1.1
        "#]],
    );
    check(
        "@ 7 SOA ns1 admin 1 2 3 4 5\n NS ns1\n A 1.1.1.1",
        expect![[r#"
        SOA ns1.example.test. admin.example.test. 5 ttl 7
        2: example.test. 7 NS ns1.example.test.
        3: example.test. 7 A 1.1.1.1
    "#]],
    );
    check(
        "@ SOA ns1 admin 1 2 3 4 5\n NS ns1\n",
        expect![[r#"
        SOA ns1.example.test. admin.example.test. 5 ttl 5
        2: example.test. 5 NS ns1.example.test.
    "#]],
    );
    check(
        "\n; nothing\n  ; at all\n@ SOA ns1 admin ( 1\n 2 ; two\n 3 4\n 5 ) ; end\r\n\r\n@ NS ns1\r\n",
        expect![[r#"
            SOA ns1.example.test. admin.example.test. 5 ttl 5
            9: example.test. 5 NS ns1.example.test.
        "#]],
    );
}

#[test]
fn data_of_many_types() {
    add(
        r#"a CAA 0 issue "ca.example.net"
 MX 10 @
 SRV 1 2 3 b.example.org.
 TXT "one" two "thr;ee" \101\"
 SVCB 1 svc alpn="h2,h3" ipv4hint=1.1.1.1
 SSHFP 1 1 123456789abcdef67890123456789abcdef67890
 TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
 NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu.
 A \# 4 01020304
 TYPE731 \# 6 abcd (
   ef 01 23 45 )
 PTR b
*.w A 1.1.1.1
1.2 CNAME a
"#,
        expect![[r#"
            SOA ns1.example.test. admin.example.test. 5 ttl 60
            3: example.test. 60 NS ns1.example.test.
            4: a.example.test. 60 CAA 0 issue "ca.example.net"
            5: a.example.test. 60 MX 10 example.test.
            6: a.example.test. 60 SRV 1 2 3 b.example.org.
            7: a.example.test. 60 TXT "one" "two" "thr;ee" "e\""
            8: a.example.test. 60 SVCB 1 svc.example.test. alpn=h2,h3 ipv4hint=1.1.1.1
            9: a.example.test. 60 SSHFP 1 1 123456789ABCDEF67890123456789ABCDEF67890
            10: a.example.test. 60 TLSA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971
            11: a.example.test. 60 NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu.
            12: a.example.test. 60 A 1.2.3.4
            13: a.example.test. 60 TYPE731 \# 6 ab cd ef 01 23 45
            15: a.example.test. 60 PTR b.example.test.
            16: *.w.example.test. 60 A 1.1.1.1
            17: 1.2.example.test. 60 CNAME a.example.test.
        "#]],
    );
}

#[test]
fn a_record_written_twice_counts_once() {
    add(
        "a A 1.1.1.1\na A 1.1.1.2\nA A 1.1.1.1\n",
        expect![[r#"
        SOA ns1.example.test. admin.example.test. 5 ttl 60
        3: example.test. 60 NS ns1.example.test.
        4: a.example.test. 60 A 1.1.1.1
        5: a.example.test. 60 A 1.1.1.2
    "#]],
    );
}

#[test]
fn one_line_stands_for_many() {
    let text = read(
        "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n$GENERATE 1-3/2 h$ 60 A 192.0.2.${10} ; some\n TXT of-the-apex\n",
    );
    for line in ["h1.example.test.", "h3.example.test."] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("h2.") && text.matches("example.test. 5 TXT").count() == 1, "{text}");
    let soa = read("$TTL 5\n@ NS ns\n$GENERATE 1-1 @ SOA ns h $ 2 3 4 5\n");
    assert!(soa.contains("3:1: the record for 1: a SOA is written, not made"), "{soa}");
    let many = "$GENERATE 1-40000 h$ A 192.0.2.1\n".repeat(2);
    assert!(read(&many).contains("make more than 65536 records"), "{}", read(&many));
}

#[test]
fn glue_is_allowed() {
    add(
        "sub NS ns.sub\n NS ns1\n DS 1 8 2 00\nns.sub A 1.1.1.1\nns.sub AAAA ::1\n",
        expect![[r#"
        SOA ns1.example.test. admin.example.test. 5 ttl 60
        3: example.test. 60 NS ns1.example.test.
        4: sub.example.test. 60 NS ns.sub.example.test.
        5: sub.example.test. 60 NS ns1.example.test.
        6: sub.example.test. 60 DS 1 8 2 00
        7: ns.sub.example.test. 60 A 1.1.1.1
        8: ns.sub.example.test. 60 AAAA ::1
    "#]],
    );
}

#[test]
fn a_zone_needs_authority() {
    check(
        "",
        expect![[r#"
        zone: the zone has no SOA; add one at example.test.
    "#]],
    );
    check(
        "$TTL 1\n@ SOA ns1 admin 1 2 3 4 5\n",
        expect![[r#"
        zone: the zone has no NS at example.test.; add at least one
    "#]],
    );
    check(
        "$TTL 1\n@ NS ns1\nsub SOA ns1 admin 1 2 3 4 5\n",
        expect![[r#"
        zone:3:5: the SOA belongs to sub.example.test., not to the hosted zone example.test.; move it there
    "#]],
    );
    add(
        "@ SOA ns1 admin 1 2 3 4 5\n",
        expect![[r#"
        zone:4:3: a zone has one SOA, this is another; remove one
    "#]],
    );
    check(
        "@ SOA ns1 admin 1 2 3 4\n",
        expect![[r#"
        zone:1:3: a SOA has seven values: primary server, mailbox, serial, refresh, retry, expire, minimum
    "#]],
    );
    check(
        "@ SOA ns1 first\\.last.a 1x 2 3 4 5\n@ NS a\n",
        expect![[r#"
            zone:1:11: a label with a '.' inside is not in this version; rename it
        "#]],
    );
    check(
        "@ SOA ns1 admin -1 2 3 4 9w9\n@ NS a\n",
        expect![[r#"
            zone:1:17: "-1" is not a serial; write a number of at most 32 bits
        "#]],
    );
}

#[test]
fn mistakes_cost_their_own_line() {
    add(
        "a A 1.1.1\nb AA 1.1.1.1\nc A\nd A 1.1.1.1 x\ne MX ten mail\nf A 1.1.1.1\n",
        expect![[r#"
        zone:4:5: the data of this A cannot be read: expected IPv4 address; change it
        zone:5:3: no record type is called "AA"; change it
        zone:6:3: the data of this A cannot be read: something is missing at its end; change it
        zone:7:13: the data of this A cannot be read: there is too much at its end; change it
        zone:8:6: the data of this MX cannot be read: expected decimal number; change it
    "#]],
    );
    add(
        "a\nb TXT \"open\nc TXT a\\\nd A (\n 1.1.1.1\n e A 1.1.1.1\n",
        expect![[r#"
            zone:4:1: this record has no type; add it and its data
            zone:5:7: these quotes are not closed on their line; close them
            zone:6:8: nothing to escape stands behind this '\'; remove it
            zone:7:5: this parenthesis is never closed; close it
        "#]],
    );
    add(
        "a ) A 1.1.1.1\nb (( A 1.1.1.1 ))\nc A 1.1.1.1\n",
        expect![[r#"
        zone:4:3: this parenthesis was not opened; remove it
        zone:5:4: a parenthesis inside another; remove it
    "#]],
    );
    add(
        "a..b A 1.1.1.1\na\\.b A 1.1.1.1\n\u{e9} A 1.1.1.1\n\\233 A 1.1.1.1\na/b A 1.1.1.1\n\"\" A 1.1.1.1\n",
        expect![[r#"
            zone:4:1: a name has an empty label; change it
            zone:5:1: a label with a '.' inside is not in this version; rename it
            zone:6:1: a name has a character outside ASCII; change it
            zone:7:1: a DNS name has only letters, digits, '-', '_' and '*', this one has 'é'; replace it
            zone:8:1: a DNS name has only letters, digits, '-', '_' and '*', this one has '/'; replace it
            zone:9:1: a name is empty; change it
        "#]],
    );
    add(
        &format!("{} A 1.1.1.1\n{} A 1.1.1.1\n", "a".repeat(64), "a.".repeat(125)),
        expect![[r#"
        zone:4:1: a label of a name has more than 63 bytes; change it
        zone:5:1: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a. lies outside the hosted zone example.test.; remove it, or end relative names without '.'
    "#]],
    );
    add(
        "a CH A 1.1.1.1\nb IN IN A 1.1.1.1\nc 5 5 A 1.1.1.1\nd 99999999999 A 1.1.1.1\ne 3000000000 A 1.1.1.1\n",
        expect![[r#"
            zone:4:3: class CH is not served; use IN
            zone:5:6: no record type is called "IN"; change it
            zone:6:5: no record type is called "5"; change it
            zone:7:3: "99999999999" is not a number of seconds up to 2147483647; write one such as 300 or 5m
            zone:8:3: "3000000000" is not a number of seconds up to 2147483647; write one such as 300 or 5m
        "#]],
    );
    add(
        "a ANY x\nb OPT \\# 0\nc AXFR \\# 0\nd A \\# 3 010203\ne TYPE999 \\# 3 0102\nf MX \\# 4 0001c000\ng MX \\# 4 00010161\nh MX \\# 3 000100\n",
        expect![[r#"
            zone:4:3: type ANY stands only in questions, never in a zone; remove it
            zone:5:3: type OPT stands only in questions, never in a zone; remove it
            zone:6:3: type AXFR stands only in questions, never in a zone; remove it
            zone:7:3: the data of this A cannot be read: it is not data of this type; change it
            zone:8:16: the data of this TYPE999 cannot be read: generic data has incorrect length; change it
            zone:9:3: the data of this MX cannot be read: it is not data of this type; change it
            zone:10:3: the data of this MX cannot be read: it is not data of this type; change it
        "#]],
    );
    add(
        "$INCLUDE other\n$GENERATE 1-2 a A 1.1.1\n$FOO\n$TTL\n$TTL x\n$ORIGIN a b\n",
        expect![[r#"
            zone:4:1: a file of the estate is one file, which the ledger keeps; put the lines of the other file here, or give the hosted zone source = "node"
            zone:5:1: the record for 1: the data of this A cannot be read: expected IPv4 address; change it
            zone:6:1: no directive is called "$FOO"; there are $ORIGIN, $TTL and $GENERATE
            zone:7:1: $TTL has one value; write it behind
            zone:8:6: "x" is not a number of seconds up to 2147483647; write one such as 300 or 5m
            zone:9:1: $ORIGIN has one value; write it behind
        "#]],
    );
    check(
        "  A 1.1.1.1\na A 1.1.1.1\n",
        expect![[r#"
        zone: the zone has no SOA; add one at example.test.
        zone:1:3: no owner comes before this line; write one at its beginning
        zone:2:3: this record has no TTL and none came before; begin the file with such as $TTL 300
    "#]],
    );
}

#[test]
fn names_stay_inside_and_alone() {
    add(
        "www.example.com. A 1.1.1.1\n  A 1.1.1.2\nwww.example.test A 1.1.1.1\n",
        expect![[r#"
        zone:4:1: www.example.com. lies outside the hosted zone example.test.; remove it, or end relative names without '.'
        zone:5:3: no owner comes before this line; write one at its beginning
    "#]],
    );
    add(
        "a CNAME b\na A 1.1.1.1\nc CNAME b\nc CNAME d\n@ CNAME x\n",
        expect![[r#"
        zone:4:3: a.example.test. has a CNAME and other records; a CNAME stands alone, remove it or them
        zone:6:3: c.example.test. has a CNAME and other records; a CNAME stands alone, remove it or them
        zone:8:3: example.test. has a CNAME and other records; a CNAME stands alone, remove it or them
    "#]],
    );
    add(
        "a DNAME b.example.org.\na DNAME c.example.org.\nd NS ns1\nd DNAME e.example.org.\nf DNAME b.example.org.\nf DNAME b.example.org.\n@ DNAME x.example.org.\n",
        expect![[r#"
            zone:4:3: a.example.test. is hidden by example.test., which others answer for; remove one of the two
            zone:5:3: a.example.test. has a DNAME and another one, or NS records; all below it leads to one place, remove the others
            zone:5:3: a.example.test. is hidden by example.test., which others answer for; remove one of the two
            zone:6:3: d.example.test. is hidden by example.test., which others answer for; remove one of the two
            zone:7:3: d.example.test. has a DNAME and another one, or NS records; all below it leads to one place, remove the others
            zone:7:3: d.example.test. is hidden by example.test., which others answer for; remove one of the two
            zone:8:3: f.example.test. is hidden by example.test., which others answer for; remove one of the two
        "#]],
    );
    add(
        "a 1 A 1.1.1.1\na 2 A 1.1.1.2\na 3 AAAA ::1\n",
        expect![[r#"
        zone:5:5: the A records of a.example.test. have TTLs 1 and 2; write the same for all
    "#]],
    );
    add(
        "sub NS ns1\nwww.sub CNAME x\nsub TXT x\nd DNAME e.example.org.\nd A 1.1.1.1\nx.d A 1.1.1.1\n",
        expect![[r#"
            zone:5:9: www.sub.example.test. is hidden by sub.example.test., which others answer for; remove one of the two
            zone:6:5: sub.example.test. is hidden by sub.example.test., which others answer for; remove one of the two
            zone:9:5: x.d.example.test. is hidden by d.example.test., which others answer for; remove one of the two
        "#]],
    );
}

#[test]
fn columns_are_of_the_token_at_fault() {
    add(
        "  TXT \"größe\" \"ok\"  \\300\n",
        expect![[r#"
        zone:4:7: the data of this TXT cannot be read: it has a character outside ASCII; escape it as \DDD; change it
    "#]],
    );
}

/// Types whose data have a grammar of their own.
const TYPES: [&str; 36] = [
    "A",
    "AAAA",
    "NS",
    "CNAME",
    "DNAME",
    "MX",
    "TXT",
    "SRV",
    "SOA",
    "PTR",
    "HINFO",
    "MINFO",
    "NAPTR",
    "CAA",
    "CDS",
    "CDNSKEY",
    "DNSKEY",
    "DS",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "TLSA",
    "SSHFP",
    "OPENPGPKEY",
    "ZONEMD",
    "SVCB",
    "HTTPS",
    "TSIG",
    "OPT",
    "NULL",
    "MB",
    "CSYNC",
    "LOC",
    "TYPE65",
    "TYPE65280",
];

proptest::proptest! {
    /// Whatever stands for data is answered, and what is taken fits into a record and prints.
    #[test]
    fn any_data_is_answered(
        kind in proptest::sample::select(&TYPES[..]),
        tokens in proptest::collection::vec(
            "\\PC{0,6}|[0-9]{1,5}|[a-zA-Z0-9+/]{0,12}=?|[a-z]{1,9}\\.?|\"[ -~]{0,9}\"|[a-z]{1,6}=\"?[a-z0-9,.:]{0,9}\"?|\\\\[0-9#\"x]{1,3}|\\\\#|20240101000000|A|MX|-|1\\.1\\.1\\.1|::1",
            0..9,
        ),
    ) {
        let text = format!("{HEAD}a {kind} {}\n", tokens.join(" "));
        let apex = DnsName::new("example.test.").unwrap();
        let master = read_master_file(&apex, &text, &mut Report::new("zone", &text));
        for placed in &master.plain {
            proptest::prop_assert!(placed.record.rdata.len() <= 65_535);
            proptest::prop_assert!(!crate::data_text(&placed.record).contains('\n'));
        }
    }
}

#[test]
fn a_set_fits_an_answer() {
    let text: String = (0..260).map(|n| format!("big TXT {n:0250}\n")).collect();
    add(
        &text,
        expect![[r#"
        zone:251:5: the TXT records of big.example.test. are more than an answer holds, 65000 bytes; remove some
    "#]],
    );
    let less: String = (0..240).map(|n| format!("big TXT {n:0250}\n")).collect();
    assert!(read(&format!("{HEAD}{less}")).contains("big.example.test. 60 TXT"));
}
