//! Hosted zones: where they come from, who may have or change them, what stands in them beside the master file.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use super::*;

/// The design example with `more` in its hosted zone.
fn zone_with(more: &str, expected: Expect) {
    tell(
        &DESIGN.replace("name = \"example.test.\"\n", &format!("name = \"example.test.\"\n{more}\n")),
        expected,
    );
}

/// The design example with `more` behind it.
fn add(more: &str, expected: Expect) {
    tell(&format!("{DESIGN}\n{more}"), expected);
}

/// What an estate's hosted zones and aliases are, or its problems.
fn tell(toml: &str, expected: Expect) {
    use std::fmt::Write as _;
    let mut text = String::new();
    match read_estate("estate.toml", &bundle(toml)) {
        Ok(estate) => {
            let design = read_estate("estate.toml", &bundle(DESIGN)).unwrap();
            for zone in &estate.hosted_zones {
                let crate::estate::HostedZone { name, source, serial, transfers, updates, dnssec, .. } = zone;
                writeln!(text, "{name} {source:?} {serial} {transfers:?} {updates:?} {dnssec:?}").unwrap();
                for record in &zone.plain {
                    if design.hosted_zones.iter().any(|zone| zone.plain.contains(record)) {
                        continue;
                    }
                    let (kind, data) = (crate::type_text(record.rtype), crate::data_text(record));
                    writeln!(text, "  {} {} {kind} {data}", record.name, record.ttl).unwrap();
                }
            }
            for alias in &estate.aliases {
                writeln!(text, "{alias:?}").unwrap();
            }
        }
        Err(problems) => writeln!(text, "{problems}").unwrap(),
    }
    expected.assert_eq(&text);
}

#[test]
fn sources() {
    let other = |more: &str, expected| add(&format!("[[hosted_zone]]\nname = \"o.test.\"\n{more}"), expected);
    other(
        "",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
        o.test. Estate revision Transfers { allow: [], notify: [] } [] None
    "#]],
    );
    other(
        "source = \"estate\"\nserial = \"time\"",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
        o.test. Estate time Transfers { allow: [], notify: [] } [] None
    "#]],
    );
    other(
        "source = \"node\"",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
        o.test. NodeFile written Transfers { allow: [], notify: [] } [] None
    "#]],
    );
    other(
        "primaries = [{ address = \"192.0.2.1:53\", key = \"Xfer.\" }, { address = \"[2001:db8::1]:53\" }]",
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            o.test. Secondary([Remote { address: 192.0.2.1:53, key: Some(xfer.) }, Remote { address: [2001:db8::1]:53, key: None }]) written Transfers { allow: [], notify: [] } [] None
        "#]],
    );
    other(
        "source = \"nodes\"",
        expect![[r#"
        estate.toml:52:10: "nodes" is no source of a zone; write estate or node, or `primaries` for a secondary
    "#]],
    );
    other(
        "primaries = []",
        expect![[r#"
        estate.toml:52:13: a secondary has at least one primary; add it, or remove `primaries`
    "#]],
    );
    other(
        "source = \"node\"\nprimaries = [{ address = \"192.0.2.1:53\" }]",
        expect![[r#"
        estate.toml:52:10: a zone with `primaries` comes from them; remove `source`
    "#]],
    );
    other(
        "primaries = [{ address = \"0.0.0.0:53\" }, { address = \"192.0.2.1:0\", key = \"*.\" }, { key = \"k.\" }]",
        expect![[r#"
            estate.toml:52:26: 0.0.0.0:53 is not where one name server listens; write such as 192.0.2.1:53
            estate.toml:52:54: 192.0.2.1:0 is not where one name server listens; write such as 192.0.2.1:53
            estate.toml:52:75: the name of a TSIG key is neither '.' nor has it a '*'; write such as "xfer."
            estate.toml:52:83: a primary needs `address`; add it
        "#]],
    );
    other(
        "primaries = [{ address = \"192.0.2.1:53\" }, { address = \"192.0.2.1:53\" }]",
        expect![[r#"
        estate.toml:52:44: 192.0.2.1:53 is listed twice here; remove one of the two
    "#]],
    );
    other(
        "serial = \"written\"",
        expect![[r#"
        estate.toml:52:10: no SOA is written for this zone, so no serial is; add `file`, or write serial = "revision" or "time"
    "#]],
    );
    zone_with(
        "source = \"node\"",
        expect![[r#"
        estate.toml:41:10: a zone with `file` comes from the estate; remove one of the two
    "#]],
    );
    zone_with(
        "primaries = [{ address = \"192.0.2.1:53\" }]",
        expect![[r#"
        estate.toml:41:13: a secondary has no `file` of its own; remove one of the two
    "#]],
    );
    let many: Vec<String> = (1..=17).map(|at| format!("{{ address = \"192.0.2.{at}:53\" }}")).collect();
    other(
        &format!("primaries = [{}]", many.join(", ")),
        expect![[r#"
        estate.toml:52:501: at most 16 of `primaries`, there are 17; remove some
    "#]],
    );
}

#[test]
fn transfers_and_serials() {
    zone_with(
        "serial = \"time\"\ntransfers = [{ network = \"192.0.2.0/24\" }, { key = \"k.\" }, { network = \"::/0\", key = \"k.\" }]\nnotify = [{ address = \"192.0.2.1:53\" }]",
        expect![[r#"
            example.test. Estate time Transfers { allow: [TransferRule { network: Some(Cidr { base: 192.0.2.0, bits: 24 }), key: None }, TransferRule { network: None, key: Some(k.) }, TransferRule { network: Some(Cidr { base: ::, bits: 0 }), key: Some(k.) }], notify: [Remote { address: 192.0.2.1:53, key: None }] } [] None
        "#]],
    );
    // What is steered changes without a new serial.
    zone_with(
        "transfers = [{ key = \"k.\" }]",
        expect![[r#"
        estate.toml:41:13: secondaries fetch a zone again when its serial grows, and answers of example.test. change without that; add serial = "time"
    "#]],
    );
    zone_with(
        "serial = \"revision\"\ntransfers = [{ key = \"k.\" }]",
        expect![[r#"
        estate.toml:42:13: secondaries fetch a zone again when its serial grows, and answers of example.test. change without that; add serial = "time"
    "#]],
    );
    // To be told of a change is not to see the wrong serial.
    zone_with(
        "notify = [{ address = \"192.0.2.1:53\" }]",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [Remote { address: 192.0.2.1:53, key: None }] } [] None
    "#]],
    );
    // Where nothing is steered, a revision is enough for what is updated, and the written serial for what is written.
    add(
        "[[hosted_zone]]\nname = \"o.test.\"\ntransfers = [{ key = \"k.\" }]\nupdates = [{ key = \"k.\", names = [\"*.o.test.\"] }]",
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            o.test. Estate revision Transfers { allow: [TransferRule { network: None, key: Some(k.) }], notify: [] } [UpdateRule { key: k., names: [Below(o.test.)], types: [] }] None
        "#]],
    );
    zone_with(
        "transfers = [{}]\nnotify = 1\nserial = \"sometimes\"",
        expect![[r#"
        estate.toml:41:14: a transfer rule says where from (`network`), signed with what (`key`), or both; add one
        estate.toml:42:10: `notify` is a list in square brackets, this is a whole number; change it
        estate.toml:43:10: "sometimes" is no way to a serial; write written, revision or time
    "#]],
    );
    zone_with(
        "transfers = [{ network = \"192.0.2.1/24\", keys = \"k.\" }, \"any\"]",
        expect![[r#"
        estate.toml:41:26: the address of a network has no bits behind its prefix; write 192.0.2.0/24
        estate.toml:41:42: a transfer rule has no `keys`; write `key` or remove it
        estate.toml:41:57: `transfers` is a table, this is a string; change it
    "#]],
    );
}

#[test]
fn updates() {
    zone_with(
        "updates = [{ key = \"acme.\", names = [\"_acme-challenge.example.test.\", \"*.dyn.example.test.\"], types = [\"TXT\", \"A\", \"TXT\"] }]",
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [UpdateRule { key: acme., names: [Exactly(_acme-challenge.example.test.), Below(dyn.example.test.)], types: [1, 16] }] None
        "#]],
    );
    zone_with(
        "updates = [{ names = [], types = [] }]",
        expect![[r#"
        estate.toml:41:12: an update rule needs `key`; add it
        estate.toml:41:22: an update rule has at least one name, such as "*.dyn.example.test."; add it
    "#]],
    );
    zone_with(
        "updates = [{ key = \"k\", names = [\"other.test.\", \"a.*.example.test.\", \"*.\", 5], types = [\"SOA\", \"DNSKEY\", \"ANY\", \"NOPE\"] }]",
        expect![[r#"
            estate.toml:41:20: a DNS name here is absolute: end it with '.'
            estate.toml:41:34: other.test. lies outside the hosted zone example.test.; change it
            estate.toml:41:49: a '*' stands only for the whole first label; remove the others
            estate.toml:41:70: . lies outside the hosted zone example.test.; change it
            estate.toml:41:76: `names` is a string in quotes, this is a whole number; change it
            estate.toml:41:89: SOA is made by us; remove it
            estate.toml:41:96: DNSKEY is made by us; remove it
            estate.toml:41:106: type ANY stands only in questions, never in a zone; remove it
            estate.toml:41:113: no record type is called "NOPE"; write such as "TXT"
        "#]],
    );
    add(
        "[[hosted_zone]]\nname = \"o.test.\"\nsource = \"node\"\nupdates = [{ key = \"k.\", names = [\"o.test.\"] }]\n\
         [[hosted_zone]]\nname = \"p.test.\"\nprimaries = [{ address = \"192.0.2.1:53\" }]\nupdates = [{ key = \"k.\", names = [\"p.test.\"] }]\ndnssec = {}",
        expect![[r#"
            estate.toml:53:11: updates go into the ledger, and this zone is in each node's own file; remove `updates`, or `source`
            estate.toml:57:11: this zone is its primary's; remove `updates`, and send them to the primary
            estate.toml:58:10: the primary signs this zone, or nobody; remove `dnssec`
        "#]],
    );
}

#[test]
fn signatures() {
    zone_with(
        "dnssec = {}",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] Some(DnssecPolicy { algorithm: EcdsaP256Sha256, validity: 1209600s })
    "#]],
    );
    zone_with(
        "dnssec = { algorithm = \"ed25519\", validity = \"72h\" }",
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] Some(DnssecPolicy { algorithm: Ed25519, validity: 259200s })
    "#]],
    );
    zone_with(
        "dnssec = { algorithm = \"rsa\", validity = \"1h\", keys = 2 }",
        expect![[r#"
        estate.toml:41:24: "rsa" is no algorithm that we sign with; write ecdsa-p256-sha256 or ed25519
        estate.toml:41:42: `validity` is 1d to 90d, this is 1h; change it
        estate.toml:41:48: dnssec has no `keys`; remove it, there are `algorithm`, `validity`
    "#]],
    );
    zone_with(
        "dnssec = true",
        expect![[r#"
        estate.toml:41:10: `dnssec` is a table, this is true or false; change it
    "#]],
    );
}

/// One value of every type that people host.
#[test]
fn plain_records_of_every_type() {
    let values: [(&str, &str); 21] = [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CAA", "0 issue \\\"ca.test\\\""),
        ("CNAME", "a.example.test."),
        ("DNAME", "other.test."),
        ("DS", "12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766"),
        ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
        ("MX", "10 mail.example.test."),
        ("NAPTR", "100 10 \\\"u\\\" \\\"E2U+sip\\\" \\\"!^.*$!sip:a@b.test!\\\" ."),
        ("NS", "ns1.example.test."),
        ("PTR", "a.example.test."),
        ("SRV", "1 2 3 a.example.test."),
        ("SSHFP", "4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789"),
        ("SVCB", "0 svc.example.test."),
        ("TLSA", "3 1 1 0d6fce3320315023ff7c5a0c4f0c8e2a6ba0bb5b3ae8d9a53e7d8cbc3b0bcbb4"),
        ("TXT", "\\\"v=spf1 -all\\\" \\\"second\\\""),
        ("LOC", "\\\\# 16 00121612 8b1f4d5a 7fe38b38 00989680"),
        ("HINFO", "\\\"cpu\\\" \\\"os\\\""),
        ("TYPE65280", "\\\\# 2 0102"),
        ("OPENPGPKEY", "mDMEAAAAAAA="),
        ("CDS", "12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766"),
    ];
    let mut text = String::from("[[hosted_zone]]\nname = \"o.test.\"\n");
    for (kind, value) in values {
        let name = format!("{}.o.test.", kind.to_ascii_lowercase());
        text += &format!(
            "[[record]]\nname = \"{name}\"\ntype = \"{kind}\"\nttl = \"1m\"\nvalues = [\"{value}\"]\n"
        );
    }
    add(
        &text,
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            o.test. Estate revision Transfers { allow: [], notify: [] } [] None
              a.o.test. 60 A 192.0.2.1
              aaaa.o.test. 60 AAAA 2001:db8::1
              caa.o.test. 60 CAA 0 issue "ca.test"
              cname.o.test. 60 CNAME a.example.test.
              dname.o.test. 60 DNAME other.test.
              ds.o.test. 60 DS 12345 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
              https.o.test. 60 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
              mx.o.test. 60 MX 10 mail.example.test.
              naptr.o.test. 60 NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b.test!" .
              ns.o.test. 60 NS ns1.example.test.
              ptr.o.test. 60 PTR a.example.test.
              srv.o.test. 60 SRV 1 2 3 a.example.test.
              sshfp.o.test. 60 SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789
              svcb.o.test. 60 SVCB 0 svc.example.test.
              tlsa.o.test. 60 TLSA 3 1 1 0D6FCE3320315023FF7C5A0C4F0C8E2A6BA0BB5B3AE8D9A53E7D8CBC3B0BCBB4
              txt.o.test. 60 TXT "v=spf1 -all" "second"
              loc.o.test. 60 LOC \# 16 00 12 16 12 8b 1f 4d 5a 7f e3 8b 38 00 98 96 80
              hinfo.o.test. 60 HINFO "cpu" "os"
              type65280.o.test. 60 TYPE65280 \# 2 01 02
              openpgpkey.o.test. 60 OPENPGPKEY mDMEAAAAAAA=
              cds.o.test. 60 CDS 12345 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
        "#]],
    );
}

#[test]
fn values_that_cannot_be() {
    let record = |kind: &str, values: &str, expected| {
        add(
            &format!("[[record]]\nname = \"v.example.test.\"\ntype = \"{kind}\"\nvalues = {values}"),
            expected,
        );
    };
    record(
        "MX",
        "[\"10 mail\", \"mail.example.test.\", \"10 a. b.\", \"\"]",
        expect![[r#"
        estate.toml:53:11: names in values are absolute; end them with '.'
        estate.toml:53:22: the data of this MX cannot be read: expected decimal number; change it
        estate.toml:53:44: the data of this MX cannot be read: there is too much at its end; change it
        estate.toml:53:56: a value is the data of one record, on one line; write several as several values
    "#]],
    );
    record(
        "A",
        "[\"192.0.2.1\", \"192.0.2.1\", \"192.0.2\", 5]",
        expect![[r#"
        estate.toml:53:37: the data of this A cannot be read: expected IPv4 address; change it
        estate.toml:53:48: `values` is a string in quotes, this is a whole number; change it
    "#]],
    );
    record(
        "TXT",
        "[\"v=spf1 -all\", '\"v=spf1 -all\"', \"word\", \"\\\"open\", \"a\\nb\"]",
        expect![[r#"
            estate.toml:53:11: without quotes each word is a text of its own; write such as "\"v=spf1 -all\"" or '"v=spf1 -all"'
            estate.toml:53:51: these quotes are not closed on their line; close them
            estate.toml:53:61: a value is the data of one record, on one line; write several as several values
        "#]],
    );
    record(
        "LOC",
        "[\"51 30 12.748 N 0 7 39.612 W 0.00m\"]",
        expect![[r#"
        estate.toml:53:11: the data of this LOC cannot be read: we know no words for this type; write \# LENGTH HEX (RFC 3597); change it
    "#]],
    );
    record(
        "TXT",
        "[]",
        expect![[r#"
        estate.toml:53:10: a record has at least one value; add it
    "#]],
    );
    record(
        "TXT",
        "\"text\"",
        expect![[r#"
        estate.toml:53:10: `values` is a list in square brackets, this is a string; change it
    "#]],
    );
    record(
        "SOA",
        "[\"a. b. 1 2 3 4 5\"]",
        expect![[r#"
        estate.toml:52:8: the SOA stands in the master file of its hosted zone; write it there
    "#]],
    );
    record(
        "RRSIG",
        "[\"x\"]",
        expect![[r#"
        estate.toml:52:8: RRSIG is made by us; remove it
    "#]],
    );
    record(
        "ANY",
        "[\"x\"]",
        expect![[r#"
        estate.toml:52:8: type ANY stands only in questions, never in a zone; remove it
    "#]],
    );
    record(
        "MX",
        "[\"10 mail.example.test.\"]\nanswer = { pool = \"web\" }",
        expect![[r#"
        estate.toml:52:8: records of type MX are not steered; write A or AAAA, or `values` in place of an answer
    "#]],
    );
    record(
        "A",
        "[\"192.0.2.1\"]\nchoose = [\"open\"]\nanswer = { pool = \"web\" }",
        expect![[r#"
        estate.toml:54:1: a record with `values` has no `choose`; remove it, there are `name`, `type`, `ttl`, `values`
        estate.toml:55:1: a record with `values` has no `answer`; remove it, there are `name`, `type`, `ttl`, `values`
    "#]],
    );
    add(
        "[[record]]\nname = \"v.example.test.\"\ntype = \"MX\"",
        expect![[r#"
        estate.toml:50:1: a record with `values` needs `values`; add it
    "#]],
    );
    add(
        "[[record]]\nname = \"v.example.test.\"\ntype = \"A\"",
        expect![[r#"
        estate.toml:50:1: a record needs `answer` (a pool), `answers` (branches) or `values` (always the same); add one
    "#]],
    );
    add(
        "[[hosted_zone]]\nname = \"o.test.\"\nsource = \"node\"\n[[record]]\nname = \"v.o.test.\"\ntype = \"A\"\nvalues = [\"192.0.2.1\"]",
        expect![[r#"
            estate.toml:56:10: the plain records of this hosted zone come from elsewhere (`source` or `primaries`); write it there
        "#]],
    );
}

/// The estate file and the master file are one zone.
#[test]
fn values_beside_the_master_file() {
    let record = |name: &str, kind: &str, value: &str| {
        format!("[[record]]\nname = \"{name}\"\ntype = \"{kind}\"\nvalues = ['{value}']\n")
    };
    // Of one name and type in both; beside a CNAME; a CNAME beside others.
    add(
        &record("mail.example.test.", "A", "192.0.2.1"),
        expect![[r#"
        estate.toml:51:8: mail.example.test. is also in the master file of its hosted zone, line 11; remove one of the two
    "#]],
    );
    add(
        &record("mail.example.test.", "MX", "1 a.example.test."),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
          mail.example.test. 300 MX 1 a.example.test.
    "#]],
    );
    add(
        &record("ftp.example.test.", "TXT", "x"),
        expect![[r#"
        estate.toml:51:8: ftp.example.test. is also in the master file of its hosted zone, line 13; remove one of the two
    "#]],
    );
    add(
        &record("mail.example.test.", "CNAME", "a.test."),
        expect![[r#"
        estate.toml:51:8: mail.example.test. is also in the master file of its hosted zone, line 11; remove one of the two
    "#]],
    );
    // Beside what is steered.
    add(
        &record("www.example.test.", "A", "192.0.2.1"),
        expect![[r#"
        estate.toml:51:8: record www.example.test. A is listed twice; remove one of the two
    "#]],
    );
    add(
        &record("www.example.test.", "AAAA", "2001:db8::1"),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
          www.example.test. 300 AAAA 2001:db8::1
    "#]],
    );
    add(
        &record("www.example.test.", "CNAME", "a.test."),
        expect![[r#"
        estate.toml:51:8: www.example.test. has a CNAME and other records; a CNAME stands alone, remove it or them
    "#]],
    );
    add(
        &[record("c.example.test.", "CNAME", "a.test."), record("c.example.test.", "TXT", "x")].concat(),
        expect![[r#"
            estate.toml:53:11: c.example.test. has a CNAME and other records; a CNAME stands alone, remove it or them
        "#]],
    );
    // Below a delegation only glue, on either side.
    add(
        &record("ns.sub.example.test.", "AAAA", "2001:db8::1"),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
          ns.sub.example.test. 300 AAAA 2001:db8::1
    "#]],
    );
    add(
        &record("x.sub.example.test.", "TXT", "x"),
        expect![[r#"
        estate.toml:51:8: x.sub.example.test. is hidden by sub.example.test. in the master file; remove one of the two
    "#]],
    );
    add(
        &record("_tcp.example.test.", "NS", "ns.other.test."),
        expect![[r#"
        estate.toml:53:11: others answer below _tcp.example.test., where the master file has _sip._tcp.example.test.; remove one of the two
    "#]],
    );
    add(
        &record("deep.example.test.", "NS", "ns.other.test."),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
          deep.example.test. 300 NS ns.other.test.
    "#]],
    );
    add(
        &record("www.example.test.", "NS", "ns.other.test."),
        expect![[r#"
        estate.toml:53:11: others answer below www.example.test., where www.example.test. is; remove one of the two
    "#]],
    );
    // Zonal names are ours.
    add(
        &record("euw2-az1.web.pool.example.test.", "TXT", "x"),
        expect![[r#"
            estate.toml:53:11: euw2-az1.web.pool.example.test. is the zonal name of pool `web` in zone `euw2-az1`; remove it
        "#]],
    );
    add(
        &record("pool.example.test.", "NS", "ns.other.test."),
        expect![[r#"
        estate.toml:53:11: others answer for pool.example.test. and below it, where zonal names are; remove it
    "#]],
    );
    add(
        &record("v.elsewhere.test.", "TXT", "x"),
        expect![[r#"
        estate.toml:51:8: v.elsewhere.test. lies in no hosted zone, there is only `example.test.`; add [[hosted_zone]] or change the name
    "#]],
    );
}

#[test]
fn aliases() {
    let alias =
        |name: &str, to: &str| format!("[[record]]\nname = \"{name}\"\ntype = \"ALIAS\"\nto = \"{to}\"\n");
    add(
        &alias("example.test.", "www.example.test."),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
        Alias { name: example.test., to: www.example.test., hosted_zone: 0 }
    "#]],
    );
    add(
        &[
            alias("a.example.test.", "b.example.test."),
            alias("b.example.test.", "mail.example.test."),
            alias("z.example.test.", "euw2-az1.web.pool.example.test."),
            alias("*.w.example.test.", "www.example.test."),
            alias("v.example.test.", "x.w.example.test."),
        ]
        .concat(),
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            Alias { name: a.example.test., to: b.example.test., hosted_zone: 0 }
            Alias { name: b.example.test., to: mail.example.test., hosted_zone: 0 }
            Alias { name: z.example.test., to: euw2-az1.web.pool.example.test., hosted_zone: 0 }
            Alias { name: *.w.example.test., to: www.example.test., hosted_zone: 0 }
            Alias { name: v.example.test., to: x.w.example.test., hosted_zone: 0 }
        "#]],
    );
    add(
        &[alias("a.example.test.", "b.example.test."), alias("b.example.test.", "a.example.test.")].concat(),
        expect![[r#"
            estate.toml:53:6: these ALIAS records go round in a ring; let one lead to a name that has addresses
            estate.toml:57:6: these ALIAS records go round in a ring; let one lead to a name that has addresses
        "#]],
    );
    add(
        &alias("a.example.test.", "a.example.test."),
        expect![[r#"
        estate.toml:53:6: these ALIAS records go round in a ring; let one lead to a name that has addresses
    "#]],
    );
    add(
        &alias("a.example.test.", "www.elsewhere.test."),
        expect![[r#"
        estate.toml:53:6: www.elsewhere.test. lies in no hosted zone of ours, and an ALIAS asks nobody else; use a CNAME, or write the addresses out
    "#]],
    );
    add(
        &alias("a.example.test.", "nothing.example.test."),
        expect![[r#"
        estate.toml:53:6: nothing.example.test. has no address, steered or plain; add a record for it or change `to`
    "#]],
    );
    add(
        &alias("a.example.test.", "ftp.example.test."),
        expect![[r#"
        estate.toml:53:6: ftp.example.test. is a CNAME; write the name that it leads to, mail.example.test.
    "#]],
    );
    add(
        &alias("a.example.test.", "x.sub.example.test."),
        expect![[r#"
        estate.toml:53:6: others answer for x.sub.example.test. because of sub.example.test., and an ALIAS asks nobody else; choose another name
    "#]],
    );
    add(
        &alias("www.example.test.", "mail.example.test."),
        expect![[r#"
        estate.toml:51:8: www.example.test. has A records, and an ALIAS answers those too; remove one of the two
    "#]],
    );
    add(
        &alias("mail.example.test.", "www.example.test."),
        expect![[r#"
        estate.toml:51:8: mail.example.test. is also in the master file of its hosted zone, line 11; remove one of the two
    "#]],
    );
    add(
        "[[record]]\nname = \"a.example.test.\"\ntype = \"ALIAS\"\nttl = \"5s\"",
        expect![[r#"
        estate.toml:50:1: an ALIAS needs `to`; add it
        estate.toml:53:1: an ALIAS has no `ttl`; remove it, there are `name`, `type`, `to`
    "#]],
    );
    let chain: String = (0..10)
        .map(|at| alias(&format!("c{at}.example.test."), &format!("c{}.example.test.", at + 1)))
        .collect();
    add(
        &[chain, alias("c10.example.test.", "www.example.test.")].concat(),
        expect![[r#"
        estate.toml:53:6: more than 8 ALIAS records lead to one another from here; name the last one
        estate.toml:57:6: more than 8 ALIAS records lead to one another from here; name the last one
        estate.toml:61:6: more than 8 ALIAS records lead to one another from here; name the last one
        estate.toml:65:6: more than 8 ALIAS records lead to one another from here; name the last one
    "#]],
    );
    add(
        &[alias("*.w.example.test.", "v.example.test."), alias("v.example.test.", "x.w.example.test.")]
            .concat(),
        expect![[r#"
            estate.toml:57:6: these ALIAS records go round in a ring; let one lead to a name that has addresses
        "#]],
    );
    // What may come into being, or stands elsewhere, is not judged.
    add(
        &format!(
            "[[hosted_zone]]\nname = \"o.test.\"\nsource = \"node\"\n{}",
            alias("a.example.test.", "x.o.test.")
        ),
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            o.test. NodeFile written Transfers { allow: [], notify: [] } [] None
            Alias { name: a.example.test., to: x.o.test., hosted_zone: 0 }
        "#]],
    );
}

/// The design example with a hosted zone that may be transferred, one that may not, and `more`.
fn catalog(more: &str, expected: Expect) {
    let zones = "[[hosted_zone]]\nname = \"a.test.\"\ntransfers = [{ key = \"xfer.\" }]\n[[hosted_zone]]\nname = \"b.test.\"\n";
    add(&format!("{zones}{more}"), expected);
}

const CATALOG: &str = "[[hosted_zone]]\nname = \"catalog.test.\"\ntransfers = [{ key = \"xfer.\" }]\n";

#[test]
fn catalogs_tell_of_those_that_may_be_transferred() {
    catalog(
        &format!("{CATALOG}catalog = \"all\""),
        expect![[r#"
        example.test. Estate written Transfers { allow: [], notify: [] } [] None
        a.test. Estate revision Transfers { allow: [TransferRule { network: None, key: Some(xfer.) }], notify: [] } [] None
        b.test. Estate revision Transfers { allow: [], notify: [] } [] None
        catalog.test. Estate revision Transfers { allow: [TransferRule { network: None, key: Some(xfer.) }], notify: [] } [] None
          catalog.test. 60 NS invalid.
          version.catalog.test. 60 TXT "2"
          c72ad203680f7c041cbf12d289cc0d6d.zones.catalog.test. 60 PTR a.test.
    "#]],
    );
    catalog(
        &format!("{CATALOG}serial = \"revision\"\nsource = \"estate\"\ncatalog = [\"A.test.\"]"),
        expect![[r#"
            example.test. Estate written Transfers { allow: [], notify: [] } [] None
            a.test. Estate revision Transfers { allow: [TransferRule { network: None, key: Some(xfer.) }], notify: [] } [] None
            b.test. Estate revision Transfers { allow: [], notify: [] } [] None
            catalog.test. Estate revision Transfers { allow: [TransferRule { network: None, key: Some(xfer.) }], notify: [] } [] None
              catalog.test. 60 NS invalid.
              version.catalog.test. 60 TXT "2"
              c72ad203680f7c041cbf12d289cc0d6d.zones.catalog.test. 60 PTR a.test.
        "#]],
    );
}

#[test]
fn catalogs_that_cannot_be() {
    catalog(
        &format!("{CATALOG}catalog = \"some\""),
        expect![[r#"
        estate.toml:58:11: "some" is no catalog; write "all" or a list of hosted zones
    "#]],
    );
    catalog(
        &format!("{CATALOG}catalog = []"),
        expect![[r#"
        estate.toml:58:11: a catalog lists at least one hosted zone; add it, or write "all"
    "#]],
    );
    catalog(
        &format!(
            "{CATALOG}catalog = [\"b.test.\", \"a.test.\", \"a.test.\", \"c.test.\", \"catalog.test.\"]"
        ),
        expect![[r#"
            estate.toml:58:12: nobody may transfer b.test.; add `transfers` to it, or remove it here
            estate.toml:58:34: a.test. is listed twice here; remove one of the two
            estate.toml:58:45: c.test. is no hosted zone, there are `example.test.`, `a.test.`, `b.test.`, `catalog.test.`; add it, or remove it here
            estate.toml:58:56: catalog.test. is a catalog itself, and those are in no catalog; remove it
        "#]],
    );
    // Nobody may transfer it; its name is taken; what is ours in it is written by hand.
    catalog(
        "[[hosted_zone]]\nname = \"catalog.test.\"\ncatalog = \"all\"",
        expect![[r#"
        estate.toml:57:11: a catalog is for those who transfer it, and nobody may transfer catalog.test.; add `transfers`
    "#]],
    );
    catalog(
        &format!("{CATALOG}catalog = \"all\"\n[[hosted_zone]]\nname = \"catalog.test.\""),
        expect![[r#"
        estate.toml:60:8: hosted zone `catalog.test.` is listed twice; remove one of the two
    "#]],
    );
    catalog(
        &format!("{CATALOG}catalog = \"all\"\n[[hosted_zone]]\nname = \"zones.catalog.test.\""),
        expect![[r#"
            estate.toml:60:8: the hosted zone zones.catalog.test. lies inside the catalog catalog.test., whose names are ours; rename one
        "#]],
    );
    catalog(
        &format!("{CATALOG}catalog = \"all\"\nsource = \"node\"\nupdates = []\ndnssec = {{}}"),
        expect![[r#"
            estate.toml:59:10: what stands in a catalog is made by us; remove `source`, or `catalog`
            estate.toml:60:11: what stands in a catalog is made by us; remove `updates`, or `catalog`
            estate.toml:61:10: what stands in a catalog is made by us; remove `dnssec`, or `catalog`
        "#]],
    );
    // Only of a source is "estate" what a catalog is; other keys do not go at all.
    catalog(
        &format!("{CATALOG}catalog = \"all\"\nserial = \"time\"\nfile = \"estate\""),
        expect![[r#"
            estate.toml:59:10: the serial of a catalog is the ledger's revision, alike on all nodes; write "revision", or remove `serial`
            estate.toml:60:8: the master file `estate` is not there; create it or remove `file`
            estate.toml:60:8: what stands in a catalog is made by us; remove `file`, or `catalog`
        "#]],
    );
    catalog(
        &format!(
            "{CATALOG}catalog = \"all\"\n[[record]]\nname = \"x.catalog.test.\"\ntype = \"TXT\"\nvalues = [\"x\"]"
        ),
        expect![[r#"
            estate.toml:60:8: x.catalog.test. lies in the catalog catalog.test., whose records are made by us; move it elsewhere
        "#]],
    );
    // Two of one member.
    catalog(
        &format!(
            "{CATALOG}catalog = \"all\"\n{}catalog = [\"a.test.\"]",
            CATALOG.replace("catalog.test.", "other.test.")
        ),
        expect![[r#"
            estate.toml:62:12: a.test. is in the catalog catalog.test. too, and secondaries take a zone from one only; remove it from one of the two
        "#]],
    );
    catalog(
        &format!(
            "[[hosted_zone]]\nname = \"{}.test.\"\ntransfers = [{{ key = \"xfer.\" }}]\ncatalog = \"all\"",
            ["x".repeat(60), "y".repeat(60), "z".repeat(60), "w".repeat(40)].join(".")
        ),
        expect![[r#"
            estate.toml:56:8: names in the catalog xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww.test. would pass 253 bytes; shorten its name
            estate.toml:56:8: the zonal names <zone>.<pool>.pool.<hosted zone> would pass 253 bytes; shorten this name or the pools'
        "#]],
    );
}

#[test]
fn an_empty_catalog_is_seldom_meant() {
    let toml = format!("{DESIGN}\n{CATALOG}catalog = \"all\"");
    let (_, advice) = read_estate_advised("estate.toml", &bundle(&toml)).unwrap();
    let told: Vec<String> = advice.iter().map(ToString::to_string).collect();
    expect!["estate.toml:53:11: nobody may transfer any other hosted zone, so this catalog is empty, and secondaries drop what they had of it; add `transfers` to those that it should tell of"].assert_eq(&told.join("\n"));
}

#[test]
fn secondaries_of_a_signed_zone_are_advised_against() {
    let told = |more: &str| {
        let toml = format!("{DESIGN}\n[[hosted_zone]]\nname = \"a.test.\"\n{more}");
        let (_, advice) = read_estate_advised("estate.toml", &bundle(&toml)).unwrap();
        advice.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let transfers = told("dnssec = {}\ntransfers = [{ key = \"xfer.\" }]");
    expect!["estate.toml:52:10: secondaries answer this zone without signatures: do not delegate to them while the parent has a DS record"].assert_eq(&transfers);
    assert_eq!(told("dnssec = {}\nnotify = [{ address = \"192.0.2.53:53\" }]"), transfers);
    assert_eq!(told("dnssec = {}"), "");
    assert_eq!(told("dnssec = {}\ntransfers = []\nnotify = []"), "");
    assert_eq!(told("transfers = [{ key = \"xfer.\" }]\nnotify = [{ address = \"192.0.2.53:53\" }]"), "");
}
