#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::estate::EstateBundle;
use crate::read_estate::read_estate;

const TOML: &str = include_str!("../read_estate/tests/design.toml");
const ZONE: &str = include_str!("../read_estate/tests/example.test.zone");

fn read(toml: &str, zone: &str) -> Estate {
    let files = BTreeMap::from([("example.test.zone".to_owned(), zone.to_owned())]);
    let bundle = EstateBundle { toml: toml.to_owned(), files };
    read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

fn lines(changes: &[Change]) -> String {
    changes.iter().fold(String::new(), |text, change| text + &format!("{change}\n"))
}

fn check(edits: &[(&str, &str)], zone_edits: &[(&str, &str)], expected: Expect) {
    let apply = |text: &str, edits: &[(&str, &str)]| {
        edits.iter().fold(text.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from:?} is not there once");
            text.replace(from, to)
        })
    };
    let new = read(&apply(TOML, edits), &apply(ZONE, zone_edits));
    expected.assert_eq(&lines(&diff(Some(&read(TOML, ZONE)), &new)));
}

#[test]
fn everything_is_new_at_first() {
    expect![[r#"
        + region eu-west-2
        + zone euw2-az1
        + zone euw2-az2
        + health check web
        + pool web
        + hosted zone example.test.
        + record www.example.test. A
        + plain record _sip._tcp.example.test. SRV
        + plain record any.example.test. TYPE65280
        + plain record example.test. MX
        + plain record example.test. NS
        + plain record ftp.example.test. CNAME
        + plain record mail.example.test. A
        + plain record mail.example.test. TXT
        + plain record ns.sub.example.test. A
        + plain record ns1.example.test. A
        + plain record ns2.example.test. AAAA
        + plain record sub.example.test. NS
        + plain record svc.example.test. HTTPS
    "#]]
    .assert_eq(&lines(&diff(None, &read(TOML, ZONE))));
}

#[test]
fn nothing_changed() {
    check(
        &[("[[region]]", "# a remark\n[[region]]"), ("eu-west-2a\"]  ", "eu-west-2a\"]")],
        &[],
        expect![[""]],
    );
}

#[test]
fn weights_endpoints_and_policies() {
    check(
        &[("weight = 50", "weight = 75"), ("min_zones = 2", "min_zones = 1\nmin_capacity = \"33.25%\"")],
        &[],
        expect![[r#"
            ~ pool web: endpoint 10.1.2.10:8080 weight 50 -> 75
            ~ pool web: min_capacity 0% -> 33.25%
            ~ pool web: min_zones 2 -> 1
        "#]],
    );
    check(
        &[
            ("address = \"10.1.2.10:8080\"", "address = \"10.1.2.11:8080\""),
            ("all_down = \"open\"", "all_down = \"closed\""),
        ],
        &[],
        expect![[r#"
            ~ pool web: all_down open -> closed
            ~ pool web: endpoint 10.1.2.10:8080 removed
            ~ pool web: endpoint 10.1.2.11:8080 added (priority 0, weight 50, zone euw2-az2)
        "#]],
    );
    check(
        &[
            ("health_check = \"web\"\n", ""),
            ("cross_zone = false", "cross_zone = true"),
            ("8080\"         #", "8081\"         #"),
        ],
        &[],
        expect![[r#"
            ~ pool web: cross_zone false -> true
            ~ pool web: health_check web -> none
            ~ pool web: listen 0.0.0.0:8080 -> 0.0.0.0:8081
        "#]],
    );
}

#[test]
fn zones_regions_and_checks() {
    check(
        &[
            ("capacity = 5000 ", ""),
            ("aliases = [\"eu-west-2a\"]", "aliases = [\"eu-west-2b\"]"),
            ("10.1.1.0/24", "10.1.0.0/16"),
            ("51.5", "51.25"),
            ("timeout = \"500ms\"", "timeout = \"250ms\""),
            ("body = \"ok\"", "body = \"fine\""),
            ("status = \"200-299\"", "status = 200"),
        ],
        &[],
        expect![[r#"
            ~ region eu-west-2: location 51.5,-0.1 -> 51.25,-0.1
            ~ zone euw2-az1: alias eu-west-2a removed
            ~ zone euw2-az1: alias eu-west-2b added
            ~ zone euw2-az1: capacity 5000 -> none
            ~ zone euw2-az1: network 10.1.0.0/16 added
            ~ zone euw2-az1: network 10.1.1.0/24 removed
            ~ health check web: body "ok" -> "fine"
            ~ health check web: status 200-299 -> 200
            ~ health check web: timeout 500ms -> 250ms
        "#]],
    );
    check(
        &[
            ("kind = \"http\" ", "kind = \"tcp\" "),
            ("path = \"/healthz\"", ""),
            ("expect = { status = \"200-299\", body = \"ok\" }", ""),
        ],
        &[],
        expect![[r#"
            ~ health check web: body removed
            ~ health check web: body_regex removed
            ~ health check web: expect added
            ~ health check web: follow_redirects removed
            ~ health check web: host removed
            ~ health check web: http removed
            ~ health check web: kind http -> tcp
            ~ health check web: method removed
            ~ health check web: path removed
            ~ health check web: send added
            ~ health check web: status removed
        "#]],
    );
}

#[test]
fn names() {
    check(
        &[
            ("ttl = \"5s\"", "ttl = \"10s\""),
            ("\"near\", \"weighted\", \"take 2\"", "\"shuffle\""),
            (
                "[[record]]",
                "[[record]]\nname = \"new.example.test.\"\ntype = \"A\"\nanswer = { pool = \"web\" }\n[[record]]",
            ),
        ],
        &[
            ("2024060100", "2024060101"),
            ("mail    A       10.1.1.25", "mail 60  A       10.1.1.26"),
            ("ftp     CNAME   mail\n", ""),
            ("any     TYPE65280 \\# 3 010203", "any     TXT new"),
        ],
        expect![[r#"
            ~ hosted zone example.test.: SOA ns1.example.test. hostmaster.example.test. 2024060100 3600 900 1209600 5 ttl 3600 -> ns1.example.test. hostmaster.example.test. 2024060101 3600 900 1209600 5 ttl 3600
            + record new.example.test. A
            ~ record www.example.test. A: choose [open, near, weighted, take 2] -> [open, shuffle]
            ~ record www.example.test. A: ttl 5s -> 10s
            + plain record any.example.test. TXT
            - plain record any.example.test. TYPE65280
            - plain record ftp.example.test. CNAME
            ~ plain record mail.example.test. A: ttl 3600s -> 60s
            ~ plain record mail.example.test. A: value 10.1.1.25 removed
            ~ plain record mail.example.test. A: value 10.1.1.26 added
        "#]],
    );
}

const BOARD: &str = r#"
[[control_panel]]
name = "regions"
[[routing_control]]
name = "london"
panel = "regions"
[[safety_rule]]
name = "stays"
panel = "regions"
assert = { any = true, of = ["london"] }
[[health_check]]
name = "by-hand"
kind = "control"
control = "london"
"#;

#[test]
fn routing_controls_and_what_stands_behind_them() {
    let first = "[[region]]\nid = \"eu-west-2\"";
    let behind = format!("{BOARD}{first}\ncontrol = \"london\"");
    check(
        &[
            (first, &behind),
            ("id = \"euw2-az2\"", "id = \"euw2-az2\"\ncontrol = \"london\""),
            ("all_down = \"open\"", "all_down = \"closed\"\ncontrol = \"london\"\nreturn_over = \"1m\""),
            ("ttl = \"5s\"", "ttl = \"5s\"\ncontrol = \"london\""),
            ("health_check = \"web\"", "health_check = \"by-hand\""),
        ],
        &[],
        expect![[r#"
            ~ region eu-west-2: control none -> regions/london
            ~ zone euw2-az2: control none -> regions/london
            + health check by-hand
            ~ pool web: all_down open -> closed
            ~ pool web: control none -> regions/london
            ~ pool web: health_check web -> by-hand
            ~ pool web: return_over 30s -> 1m
            ~ record www.example.test. A: control none -> regions/london
            + control panel regions
            + routing control regions/london
            + safety rule regions/stays
        "#]],
    );
}

#[test]
fn controls_and_rules_that_change() {
    let read_with = |board: &str| read(&format!("{TOML}{board}"), ZONE);
    let (from, to) = (
        "panel = \"regions\"\nassert = { any = true, of = [\"london\"] }",
        "panel = \"regions\"\nwait_period = \"1m\"\ngate = { all = true, of = [\"london\"], targets = [\"london\"] }",
    );
    let changed = BOARD
        .replace(
            "name = \"london\"\npanel = \"regions\"",
            "name = \"london\"\npanel = \"regions\"\ninitial = \"off\"",
        )
        .replace(from, to)
        .replace("kind = \"control\"\ncontrol = \"london\"", "kind = \"tcp\"");
    expect![[r#"
        ~ health check by-hand: address added
        ~ health check by-hand: confirm_interval added
        ~ health check by-hand: control removed
        ~ health check by-hand: count added
        ~ health check by-hand: expect added
        ~ health check by-hand: fall added
        ~ health check by-hand: initial added
        ~ health check by-hand: interval added
        ~ health check by-hand: kind control -> tcp
        ~ health check by-hand: port added
        ~ health check by-hand: quorum added
        ~ health check by-hand: rise added
        ~ health check by-hand: send added
        ~ health check by-hand: timeout added
        ~ health check by-hand: tls added
        ~ routing control regions/london: initial on -> off
        ~ safety rule regions/stays: asks any of london on -> london change only while all of london on
        ~ safety rule regions/stays: wait_period 5s -> 1m
    "#]]
    .assert_eq(&lines(&diff(Some(&read_with(BOARD)), &read_with(&changed))));
}

/// What DNS can say beside pools and steered records.
const MORE: &str = r#"
[[cidr_collection]]
name = "c"
places = { office = ["198.51.100.0/24"] }
[[hosted_zone]]
name = "o.test."
serial = "time"
transfers = [{ network = "192.0.2.0/24", key = "k." }]
notify = [{ address = "192.0.2.1:53" }]
updates = [{ key = "k.", names = ["*.o.test."], types = ["TXT"] }]
dnssec = {}
[[record]]
name = "w.o.test."
type = "A"
choose = ["open", "cidr", "sticky", "take 1"]
answers = [
  { pool = "web", cidr = { collection = "c", places = ["office"] } },
  { pool = "web", weight = 50 },
]
[[record]]
name = "o.test."
type = "ALIAS"
to = "w.o.test."
[[record]]
name = "o.test."
type = "MX"
values = ["10 mail.example.test."]
"#;

fn check_more(edits: &[(&str, &str)], expected: Expect) {
    let edited = edits.iter().fold(MORE.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} is not there once");
        text.replace(from, to)
    });
    let (old, new) = (read(&format!("{TOML}{MORE}"), ZONE), read(&format!("{TOML}{edited}"), ZONE));
    expected.assert_eq(&lines(&diff(Some(&old), &new)));
}

#[test]
fn what_dns_adds() {
    expect![[r#"
        + hosted zone o.test.
        + record w.o.test. A
        + record o.test. ALIAS
        + plain record o.test. MX
        + CIDR collection c
    "#]]
    .assert_eq(&lines(&diff(Some(&read(TOML, ZONE)), &read(&format!("{TOML}{MORE}"), ZONE))));
    check_more(&[], expect![[""]]);
    check_more(
        &[
            (
                "serial = \"time\"\n",
                "primaries = [{ address = \"192.0.2.9:53\", key = \"p.\" }]\nserial = \"time\"\n",
            ),
            ("updates = [{ key = \"k.\", names = [\"*.o.test.\"], types = [\"TXT\"] }]\ndnssec = {}\n", ""),
            ("\"192.0.2.0/24\", key = \"k.\"", "\"192.0.2.0/25\""),
            ("{ address = \"192.0.2.1:53\" }", "{ address = \"192.0.2.1:53\", key = \"n.\" }"),
            ("[[record]]\nname = \"o.test.\"\ntype = \"MX\"\nvalues = [\"10 mail.example.test.\"]\n", ""),
        ],
        expect![[r#"
            ~ hosted zone o.test.: dnssec ecdsa-p256-sha256 for 14d -> none
            ~ hosted zone o.test.: notify 192.0.2.1:53 key none -> n.
            ~ hosted zone o.test.: primary 192.0.2.9:53 added (key p.)
            ~ hosted zone o.test.: source estate -> primaries
            ~ hosted zone o.test.: transfers from 192.0.2.0/24 with key k. removed
            ~ hosted zone o.test.: transfers from 192.0.2.0/25 added
            ~ hosted zone o.test.: updates with key k. of *.o.test. (TXT) removed
            - plain record o.test. MX
        "#]],
    );
    check_more(
        &[
            ("[\"198.51.100.0/24\"]", "[\"198.51.100.0/25\"], home = [\"::/0\"]"),
            ("\"sticky\", \"take 1\"]", "\"weighted\"]\nall_down = \"closed\""),
            (
                "{ pool = \"web\", weight = 50 },",
                "{ pool = \"web\", weight = 60, minimum = 2 },\n{ record = \"www.example.test.\", minimum = \"50%\", region = \"eu-west-2\" },",
            ),
            ("to = \"w.o.test.\"", "to = \"www.example.test.\""),
            ("dnssec = {}", "dnssec = { algorithm = \"ed25519\" }"),
            ("types = [\"TXT\"]", "types = []"),
            ("10 mail", "20 mail"),
        ],
        expect![[r#"
            ~ hosted zone o.test.: dnssec ecdsa-p256-sha256 for 14d -> ed25519 for 14d
            ~ hosted zone o.test.: updates with key k. of *.o.test. (TXT) removed
            ~ hosted zone o.test.: updates with key k. of *.o.test. (all types) added
            ~ record w.o.test. A: all_down open -> closed
            ~ record w.o.test. A: branch 2 to pool web minimum 1 -> 2
            ~ record w.o.test. A: branch 2 to pool web weight 50 -> 60
            ~ record w.o.test. A: branch to record www.example.test. added (bias 0, choose [], cidr none, control none, geo [], location none, minimum 1 and 50%, priority 0, region eu-west-2, weight 100)
            ~ record w.o.test. A: choose [open, cidr, sticky, take 1] -> [open, cidr, weighted]
            ~ record w.o.test. A: sticky /24 /48 -> none
            ~ record o.test. ALIAS: to w.o.test. -> www.example.test.
            ~ plain record o.test. MX: value 10 mail.example.test. removed
            ~ plain record o.test. MX: value 20 mail.example.test. added
            ~ CIDR collection c: place home added
            ~ CIDR collection c: place office [198.51.100.0/24] -> [198.51.100.0/25]
        "#]],
    );
}

#[test]
fn a_pool_s_minimums_and_a_record_that_becomes_a_tree() {
    check(
        &[
            ("min_zones = 2\n", "min_zones = 2\ndns_minimum = { count = 1, share = \"50%\" }\n"),
            (
                "answer = { pool = \"web\" }\nchoose = [\"open\", \"near\", \"weighted\", \"take 2\"]",
                "answers = [{ pool = \"web\" }]",
            ),
        ],
        &[],
        expect![[r#"
            ~ pool web: dns_minimum 1 -> 1 and 50%
            ~ record www.example.test. A: all_down added
            ~ record www.example.test. A: branch to pool web added (bias 0, choose [open, near, weighted, take 2], cidr none, control none, geo [], location none, minimum 1, priority 0, region eu-west-2, weight 100)
            ~ record www.example.test. A: choose [open, near, weighted, take 2] -> [open, weighted, take 1]
            ~ record www.example.test. A: pool removed
        "#]],
    );
}

#[test]
fn what_balancers_obey_is_told() {
    let two = "\n[[pool]]\nname = \"two\"\nendpoints = [{ address = \"10.9.0.1:80\", zone = \"euw2-az1\" }]\n\n[[hosted_zone]]\n";
    check(
        &[
            (
                "listen = \"0.0.0.0:8080\"",
                "listen = \"0.0.0.0:8080\"\nhosts = [\"*.x.test\"]\npaths = [\"/a/\"]\ntls = true\nendpoint_tls = true\nsticky = true\nslow_start = \"30s\"\n\
                 patience = { request = \"1m\" }\nbounds = { body_bytes = 5 }\nretries = { tries = 2, on_status = [503] }\nejection = { failures = 0 }\n\
                 failover = { to = \"two\", on_status = [\"500-504\"] }",
            ),
            ("\n[[hosted_zone]]\n", two),
            ("fall = 3", "fall = 3\ninitial = \"healthy\""),
        ],
        &[],
        expect![[r#"
            ~ health check web: initial unknown -> healthy
            + pool two
            ~ pool web: bounds body_bytes none -> 5
            ~ pool web: ejection failures 5 -> 0
            ~ pool web: endpoint_tls none -> as its address, verified
            ~ pool web: failover none -> to two, on_status [500-504], on_connect true, on_timeout never, budget 20%
            ~ pool web: host *.x.test added
            ~ pool web: path /a/ added
            ~ pool web: patience request none -> 1m
            ~ pool web: retries on_status [] -> [503]
            ~ pool web: retries tries 3 -> 2
            ~ pool web: slow_start 0s -> 30s
            ~ pool web: sticky none -> holdfast for 0s
            ~ pool web: tls false -> true
        "#]],
    );
}

/// Closing sources: one page with a token and one bucket.
const CLOSING: &str = r#"
[[closing_source]]
name = "runbook"
zone = "euw2-az1"
[[closing_source.from]]
http = "https://status.example.test/closed?zone={zone}&token=secret-1"
[[closing_source.from]]
http = "https://status.example.test/closed?zone={zone}&token=secret-2"
[[closing_source.from]]
object = "s3://runbook/closed/{zone}"
endpoint = "https://store.example.test:9000"
"#;

#[track_caller]
fn check_closing(edits: &[(&str, &str)], expected: Expect) {
    let edited = edits.iter().fold(CLOSING.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} is not there once");
        text.replace(from, to)
    });
    let (old, new) = (read(&format!("{TOML}{CLOSING}"), ZONE), read(&format!("{TOML}{edited}"), ZONE));
    let told = lines(&diff(Some(&old), &new));
    assert!(!told.contains("secret"), "{told}");
    expected.assert_eq(&told);
}

#[test]
fn what_a_closing_source_asks_and_how_is_told_without_its_secrets() {
    check_closing(&[], expect![[""]]);
    check_closing(
        &[("secret-1", "secret-3")],
        expect![[r#"
        ~ closing source runbook: https://status.example.test:443/closed for euw2-az1 query ?zone=…&token=… with other values, which are not shown
    "#]],
    );
    check_closing(
        &[("zone={zone}&token=secret-2", "place={zone}&token=secret-2&secret")],
        expect![[r#"
        ~ closing source runbook: https://status.example.test:443/closed for euw2-az1 (2) query ?zone=…&token=… -> ?place=…&token=…&…
    "#]],
    );
    check_closing(
        &[("closed?zone={zone}&token=secret-2", "closed/{zone}")],
        expect![[r#"
        ~ closing source runbook: https://status.example.test:443/closed for euw2-az1 (2) removed
        ~ closing source runbook: https://status.example.test:443/closed for euw2-az1 (2) query removed
        ~ closing source runbook: https://status.example.test:443/closed/euw2-az1 for euw2-az1 added
    "#]],
    );
    check_closing(
        &[("https://store", "http://store")],
        expect![[r#"
        ~ closing source runbook: object s3://runbook/closed/euw2-az1 at store.example.test:9000 for euw2-az1 scheme https -> http
    "#]],
    );
}
