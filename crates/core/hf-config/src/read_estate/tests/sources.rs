//! `source = { … }` of a pool.

use super::*;

/// A pool whose source is this, after an estate of two zones.
#[track_caller]
fn check_source(source: &str, expected: Expect) {
    let toml = format!(
        "[[region]]\nid = \"west\"\n[[zone]]\nid = \"a\"\nregion = \"west\"\n[[zone]]\nid = \"b\"\nregion = \"west\"\n\
         [[pool]]\nname = \"web\"\nmin_zones = 2\nsource = {source}\n"
    );
    let found = match read_estate("estate.toml", &bundle(&toml)) {
        Ok(estate) => format!("{:?}", estate.pools[0].source.as_ref().unwrap()),
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_source_is_read() {
    check_source(
        "{ srv = \"_Web._tcp.example.test.\" }",
        expect![
            "Source { kind: Srv { name: _web._tcp.example.test. }, places: Places { zone: None, names: {}, networks: {} }, min_endpoints: 1, max_endpoints: 100, refresh: 5s, declared: 0 }"
        ],
    );
    check_source(
        "{ a = \"web.example.test.\", port = 80, zone = \"a\", min_endpoints = 2, max_endpoints = 9, refresh = \"1m\" }",
        expect![
            "Source { kind: Address { name: web.example.test., port: 80 }, places: Places { zone: Some(ZoneIx(0)), names: {}, networks: {} }, min_endpoints: 2, max_endpoints: 9, refresh: 60s, declared: 0 }"
        ],
    );
    check_source(
        "{ register = true, zones = { \"10.1.0.0/16\" = \"b\", \"x.example.test.\" = \"a\" } }",
        expect![
            "Source { kind: Register, places: Places { zone: None, names: {x.example.test.: ZoneIx(0)}, networks: {Cidr { base: 10.1.0.0, bits: 16 }: ZoneIx(1)} }, min_endpoints: 1, max_endpoints: 100, refresh: 5s, declared: 0 }"
        ],
    );
    check_source(
        "{ directory = \"web\" }",
        expect![[
            r#"Source { kind: Directory { name: "web" }, places: Places { zone: None, names: {}, networks: {} }, min_endpoints: 1, max_endpoints: 100, refresh: 5s, declared: 0 }"#
        ]],
    );
}

#[test]
fn what_is_no_source_is_told() {
    check_source(
        "{}",
        expect![
            "estate.toml:12:10: a source has one of `srv`, `a`, `register` and `directory`, this one none; write one"
        ],
    );
    check_source(
        "{ register = true, directory = \"web\" }",
        expect![
            "estate.toml:12:10: a source has one of `srv`, `a`, `register` and `directory`, this one several; write one"
        ],
    );
    check_source(
        "{ register = false }",
        expect!["estate.toml:12:23: `register = false` is no source; write true, or remove `source`"],
    );
    check_source(
        "{ srv = \"_web._tcp.example.test.\", port = 80 }",
        expect![
            "estate.toml:12:52: `port` goes with `a`; SRV records, registrations and files say their own; remove it"
        ],
    );
    check_source(
        "{ a = \"web.example.test.\" }",
        expect!["estate.toml:12:10: a source needs `port`; add it"],
    );
    check_source(
        "{ directory = \"../etc\", zone = \"c\", zones = { \"a b\" = \"a\", \"x.test.\" = \"d\" } }",
        expect![[r#"
        estate.toml:12:24: "../etc" is not the name of a folder; write 1 to 64 of A-Z a-z 0-9 - _ . (it lies in the node's folder for endpoints)
        estate.toml:12:41: no zone is named `c`; did you mean `a`? there are `a`, `b`
        estate.toml:12:56: "a b" is neither a name nor a network; write one such as "web-a.example.test." or "10.1.0.0/16"
        estate.toml:12:81: no zone is named `d`; did you mean `a`? there are `a`, `b`"#]],
    );
    check_source(
        "{ directory = \"/etc\" }",
        expect![[
            r#"estate.toml:12:24: "/etc" is not the name of a folder; write 1 to 64 of A-Z a-z 0-9 - _ . (it lies in the node's folder for endpoints)"#
        ]],
    );
    check_source(
        "{ register = true, min_endpoints = 5, max_endpoints = 4, refresh = \"1ms\" }",
        expect![[r#"
        estate.toml:12:45: `min_endpoints` is 5 and `max_endpoints` 4; lower this one
        estate.toml:12:77: `refresh` is 1s to 1h, this is 1ms; change it"#]],
    );
    check_source(
        "{ register = true, max_endpoints = 2001 }",
        expect!["estate.toml:12:45: `max_endpoints` is 1 to 2000, this is 2001; change it"],
    );
}

#[test]
fn what_sources_may_tell_counts_as_if_it_were_there() {
    let pool = |at: usize| {
        format!("[[pool]]\nname = \"p{at}\"\nsource = {{ register = true, max_endpoints = 2000 }}\n")
    };
    let head = "[[region]]\nid = \"west\"\n[[zone]]\nid = \"a\"\nregion = \"west\"\n";
    let estate = |count| {
        read_estate("estate.toml", &bundle(&format!("{head}{}", (0..count).map(pool).collect::<String>())))
    };
    assert!(estate(10).is_ok());
    expect!["estate.toml:38:10: sources tell at most 20000 endpoints together; lower `max_endpoints`"]
        .assert_eq(&estate(11).unwrap_err().to_string());
}

#[test]
fn records_may_answer_with_a_pool_whose_endpoints_are_not_known_yet() {
    let toml = "[[region]]\nid = \"west\"\n[[zone]]\nid = \"a\"\nregion = \"west\"\n\
                [[pool]]\nname = \"web\"\nsource = { register = true }\n[[hosted_zone]]\nname = \"example.test.\"\n\
                [[record]]\nname = \"www.example.test.\"\ntype = \"AAAA\"\nanswer = { pool = \"web\" }\n";
    assert!(read_estate("estate.toml", &bundle(toml)).is_ok());
}
