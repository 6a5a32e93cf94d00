//! Health checks of every kind: as written, and what is wrong with them, with its place.

use std::collections::BTreeMap;

use super::*;

const GROUND: &str = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[zone]]\nid = \"b\"\nregion = \"r\"\n\
                      [[control_panel]]\nname = \"p\"\n[[routing_control]]\nname = \"edge\"\npanel = \"p\"\n";
const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn read(checks: &str) -> Result<(crate::estate::Estate, Vec<crate::Problem>), crate::Problems> {
    let toml = format!("{GROUND}{checks}");
    let key = format!("{PEM}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let files = BTreeMap::from([
        ("ca.pem".to_owned(), PEM.to_owned()),
        ("key.pem".to_owned(), key),
        ("text".to_owned(), "nothing".to_owned()),
    ]);
    read_estate_advised("estate.toml", &EstateBundle { toml, files })
}

/// Problems, or advice, of a text whose first line is line 14.
#[track_caller]
fn check(checks: &str, expected: Expect) {
    let lines = |problems: &[crate::Problem]| {
        problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let found = match read(checks) {
        Ok((_, advice)) => lines(&advice).replace("estate.toml:", "advice: "),
        Err(problems) => lines(&problems.0).replace("estate.toml:", ""),
    };
    expected.assert_eq(&found);
}

/// One check of a kind with these further lines.
#[track_caller]
fn of(kind: &str, more: &str, expected: Expect) {
    check(&format!("[[health_check]]\nname = \"x\"\nkind = \"{kind}\"\n{more}\n"), expected);
}

#[track_caller]
fn good(kind: &str, more: &str, expected: Expect) {
    let text = format!("[[health_check]]\nname = \"x\"\nkind = \"{kind}\"\n{more}\n");
    let (estate, advice) = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(advice, []);
    expected.assert_eq(&format!("{:?}\n", estate.health_checks[0].kind));
}

#[test]
fn every_kind_has_defaults() {
    good(
        "http",
        "",
        expect![[r#"
        Http(HttpCheck { method: Get, path: "/", host: None, headers: [], version: Http1, tls: None, follow_redirects: 0, status: [StatusRange { from: 200, to: 399 }], body: None, body_regex: None })
    "#]],
    );
    good(
        "https",
        "",
        expect![[r#"
        Http(HttpCheck { method: Get, path: "/", host: None, headers: [], version: Http1, tls: Some(CheckTls { server_name: None, verify: true, authorities: None }), follow_redirects: 0, status: [StatusRange { from: 200, to: 399 }], body: None, body_regex: None })
    "#]],
    );
    good(
        "tcp",
        "",
        expect![[r#"
        Tcp(TcpCheck { send: None, expect: None, tls: None })
    "#]],
    );
    good(
        "grpc",
        "",
        expect![[r#"
        Grpc(GrpcCheck { service: "", host: None, tls: None })
    "#]],
    );
    good(
        "dns",
        "query = { name = \"x.test.\" }",
        expect![[r#"
        Dns(DnsCheck { name: x.test., of: QueryType(1), rcodes: [0], answers: [], answers_min: 1 })
    "#]],
    );
    good(
        "command",
        "command = [\"/bin/true\"]",
        expect![[r#"
        Command(CommandCheck { command: ["/bin/true"] })
    "#]],
    );
    good(
        "pushed",
        "",
        expect![[r#"
        Pushed(PushedCheck { lease: 30s, missing: Unknown })
    "#]],
    );
    good(
        "metric",
        "address = \"10.0.0.1:9090\"\nquery = \"up\"\ngood = { gt = 0 }",
        expect![[r#"
        Metric(MetricCheck { query: "up", good: Above("0"), missing: Unknown, path: "/api/v1/query", host: None, headers: [], tls: None })
    "#]],
    );
    good(
        "control",
        "control = \"edge\"",
        expect![[r#"
        Control { control: ControlPath { panel: p, control: edge } }
    "#]],
    );
}

#[test]
fn options_are_taken_as_written() {
    good(
        "https",
        "method = \"HEAD\"\nhttp = \"2\"\nfollow_redirects = 3\nheaders.X-Probe = \"1\"\nexpect = { status = \"200-204, 304\" }\n\
         tls = { server_name = \"www.x.test\", ca_file = \"ca.pem\" }",
        expect![[r#"
            Http(HttpCheck { method: Head, path: "/", host: None, headers: [("x-probe", "1")], version: Http2, tls: Some(CheckTls { server_name: Some("www.x.test"), verify: true, authorities: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") }), follow_redirects: 3, status: [StatusRange { from: 200, to: 204 }, StatusRange { from: 304, to: 304 }], body: None, body_regex: None })
        "#]],
    );
    good(
        "https",
        "tls = { verify = false }\nexpect = { status = 204 }",
        expect![[r#"
        Http(HttpCheck { method: Get, path: "/", host: None, headers: [], version: Http1, tls: Some(CheckTls { server_name: None, verify: false, authorities: None }), follow_redirects: 0, status: [StatusRange { from: 204, to: 204 }], body: None, body_regex: None })
    "#]],
    );
    good(
        "tcp",
        "send = \"a\"\nexpect = \"b\"\ntls = true",
        expect![[r#"
        Tcp(TcpCheck { send: Some("a"), expect: Some("b"), tls: Some(CheckTls { server_name: None, verify: true, authorities: None }) })
    "#]],
    );
    good(
        "dns",
        "query = { name = \"x.test.\", type = \"MX\" }\nexpect = { answers = [\"10 mail.x.test.\"], rcode = \"NOERROR\" }",
        expect![[r#"
            Dns(DnsCheck { name: x.test., of: QueryType(15), rcodes: [0], answers: ["10 mail.x.test."], answers_min: 1 })
        "#]],
    );
    good(
        "pushed",
        "lease = \"1h\"\nmissing = \"bad\"",
        expect![[r#"
        Pushed(PushedCheck { lease: 3600s, missing: Bad })
    "#]],
    );
    let (estate, _) = read(
        "[[health_check]]\nname = \"x\"\nkind = \"tcp\"\naddress = \"10.0.0.1:5\"\ninterval = \"100ms\"\ncount = \"interleaved\"\n\
         inverted = true\ndisabled = true\nquorum = \"50%\"\n",
    )
    .unwrap();
    let check = &estate.health_checks[0];
    assert!(check.is_standing() && check.inverted && check.disabled && !check.probes_itself());
    assert_eq!((check.quorum.ppm(), check.count.as_str()), (500_000, "interleaved"));
    assert_eq!(estate.check_subject(crate::estate::CheckIx(0)), 0, "no endpoints before it");
}

#[test]
fn what_can_never_pass_is_refused() {
    of(
        "http",
        "method = \"HEAD\"\nexpect = { body = \"ok\" }",
        expect![[r#"
        14:1: an answer to HEAD has no body, so this check could never pass; write method = "GET" or expect no body
    "#]],
    );
    of(
        "http",
        "expect = { status = \"204,304\", body_regex = \"ok\" }",
        expect![[r#"
        14:1: answers of these statuses have no body, so this check could never pass; change `status` or expect no body
    "#]],
    );
    of(
        "http",
        "expect = { status = 301 }\nfollow_redirects = 1",
        expect![[r#"
        14:1: these statuses are redirects, which `follow_redirects` follows, so this check could never pass; change one of the two
    "#]],
    );
    of(
        "http",
        "expect = { status = \"100-199\" }",
        expect![[r#"
        14:1: an answer of 1xx is never the last one, so this check could never pass; begin at 200
    "#]],
    );
    of(
        "http",
        "quorum = \"100%\"",
        expect![[r#"
        17:10: healthy is what more than this share of the checkers sees healthy, and more than all of them there are never; lower it
    "#]],
    );
    of(
        "dns",
        "query = { name = \"x.test.\" }\nexpect = { rcode = \"NXDOMAIN\", answers = [\"10.0.0.1\"] }",
        expect![[r#"
            18:42: only NOERROR comes with records, so this check could never pass; add it to `rcode` or remove this
        "#]],
    );
    of(
        "dns",
        "query = { name = \"x.test.\" }\nexpect = { rcode = [] }",
        expect![[r#"
        18:20: no code is good here, so this check could never pass; add one or remove `rcode`
    "#]],
    );
    check(
        "[[health_check]]\nname = \"x\"\nkind = \"calculated\"\nof = [\"y\"]\nat_least = 2\n[[health_check]]\nname = \"y\"\nkind = \"tcp\"\n",
        expect![[r#"
            18:12: `at_least` is 1 to 1, this is 2; change it
        "#]],
    );
}

#[test]
fn what_can_never_fail_is_refused_or_advised_against() {
    of(
        "http",
        "expect = { status = \"200-599\" }",
        expect![[r#"
        advice: 14:1: every answer of HTTP is good here, errors too: this check fails only when none comes; narrow `status`
    "#]],
    );
    of(
        "http",
        "expect = { body_regex = \"(ok)*\" }",
        expect![[r#"
        advice: 17:25: this regular expression matches every body, an empty one too: it never fails; make it stricter or remove it
    "#]],
    );
    of(
        "dns",
        "query = { name = \"x.test.\" }\nexpect = { rcode = [\"NOERROR\", \"FORMERR\", \"SERVFAIL\", \"NXDOMAIN\", \"NOTIMP\", \"REFUSED\"] }",
        expect![[r#"
            advice: 18:10: every answer of DNS is good here, errors too: this check fails only when none comes; narrow `rcode`
        "#]],
    );
    of(
        "calculated",
        "of = []",
        expect![[r#"
        14:1: a calculated check of no others would never fail; name some in `of`
    "#]],
    );
    check(
        "[[health_check]]\nname = \"x\"\nkind = \"calculated\"\nof = [\"y\"]\n[[health_check]]\nname = \"y\"\nkind = \"tcp\"\ndisabled = true\n",
        expect![[r#"
            advice: 17:6: enough of these checks are disabled, and so healthy, that this one never fails; enable some or raise `at_least`
        "#]],
    );
}

/// What must not answer: to be good only when nothing comes is what such a check is for.
#[test]
fn an_inverted_check_of_all_answers_is_no_mistake() {
    of("http", "inverted = true\nexpect = { status = \"100-599\" }", expect![[""]]);
    of(
        "dns",
        "inverted = true\nquery = { name = \"x.test.\" }\nexpect = { rcode = [\"NOERROR\", \"FORMERR\", \"SERVFAIL\", \"NXDOMAIN\", \"NOTIMP\", \"REFUSED\"] }",
        expect![[""]],
    );
}

/// Those that it counts are healthy whatever happens, so turned round it is unhealthy whatever happens.
#[test]
fn an_inverted_count_of_disabled_checks_is_refused() {
    let check_of = |more: &str| {
        format!(
            "[[health_check]]\nname = \"x\"\nkind = \"calculated\"\nof = [\"y\"]\ninverted = true\n{more}[[health_check]]\nname = \"y\"\nkind = \"tcp\"\ndisabled = true\n"
        )
    };
    check(
        &check_of(""),
        expect![[r#"
        17:6: enough of these checks are disabled, and so healthy, that this inverted one could never pass; enable some, raise `at_least` or disable this one, too
    "#]],
    );
    check(&check_of("disabled = true\n"), expect![[""]]);
}

#[test]
fn time_outs_and_intervals_have_bounds() {
    of(
        "tcp",
        "interval = \"200ms\"\ntimeout = \"300ms\"",
        expect![[r#"
            18:11: 300ms is longer than the interval of 200ms; shorten it or lengthen `interval`
        "#]],
    );
    of(
        "tcp",
        "interval = \"50ms\"",
        expect![[r#"
        17:12: `interval` is 100ms to 1h, this is 50ms; change it
    "#]],
    );
    of(
        "metric",
        "address = \"10.0.0.1:1\"\nquery = \"up\"\ngood = { gt = 0 }\ninterval = \"1s\"\ntimeout = \"2s\"",
        expect![[r#"
            21:11: 2s is longer than the interval of 1s; shorten it or lengthen `interval`
        "#]],
    );
    of(
        "pushed",
        "lease = \"100ms\"",
        expect![[r#"
        17:9: `lease` is 1s to 1d, this is 100ms; change it
    "#]],
    );
}

#[test]
fn expressions_that_match_nothing_are_refused() {
    of(
        "http",
        "expect = { body_regex = \"a^\" }",
        expect![[r#"
        17:25: this regular expression matches no body, whatever stands in it, so this check could never pass; look for ^, $ and classes in it that exclude one another
    "#]],
    );
}

#[test]
fn expressions_that_explode_are_refused() {
    of(
        "http",
        "expect = { body_regex = \"((a{100}){100}){100}\" }",
        expect![[r#"
        17:25: this regular expression takes more than 1024 KiB once compiled; make its repetitions fewer
    "#]],
    );
    of(
        "http",
        "expect = { body_regex = \"(ok\" }",
        expect![[r#"
        17:25: this is not a regular expression: unclosed group; mend it
    "#]],
    );
    of(
        "http",
        "expect = { body_regex = \"(a)\\\\1\" }",
        expect![[r#"
        17:25: this is not a regular expression: backreferences are not supported; mend it
    "#]],
    );
}

#[test]
fn calculated_checks_form_no_ring() {
    let check_of = |name: &str, of: &str| {
        format!("[[health_check]]\nname = \"{name}\"\nkind = \"calculated\"\nof = [{of}]\n")
    };
    let tcp = "[[health_check]]\nname = \"tcp\"\nkind = \"tcp\"\n";
    check(
        &[check_of("a", "\"b\""), check_of("b", "\"c\", \"tcp\""), check_of("c", "\"a\""), tcp.to_owned()]
            .concat(),
        expect![[r#"
            17:6: these checks count one another in a ring, so none of them could ever be told; break it
            21:6: these checks count one another in a ring, so none of them could ever be told; break it
            25:6: these checks count one another in a ring, so none of them could ever be told; break it
        "#]],
    );
    check(
        &check_of("a", "\"a\""),
        expect![[r#"
        17:6: these checks count one another in a ring, so none of them could ever be told; break it
    "#]],
    );
    check(
        &check_of("a", "\"b\""),
        expect![[r#"
        17:7: no health check is named `b`; did you mean `a`? there is only `a`
    "#]],
    );
    check(
        &[check_of("a", "\"tcp\", \"tcp\""), tcp.to_owned()].concat(),
        expect![[r#"
        17:14: this check is counted twice; remove one of the two
    "#]],
    );
    let mut deep = tcp.to_owned();
    for level in 1..=9 {
        let below = if level == 1 { "\"tcp\"".to_owned() } else { format!("\"l{}\"", level - 1) };
        deep += &check_of(&format!("l{level}"), &below);
    }
    check(
        &deep,
        expect![[r#"
        52:6: calculated checks stand in at most 8 levels, this one in 9; count their checks directly
    "#]],
    );
}

#[test]
fn keys_of_other_kinds_are_named() {
    of(
        "http",
        "tls = true",
        expect![[r#"
        17:7: a check of kind http is without TLS; write kind = "https" or remove it
    "#]],
    );
    of(
        "grpc",
        "path = \"/\"\nquery = \"up\"",
        expect![[r#"
        17:8: a check of kind grpc has no `path`, those of http, https, metric have; remove it
        18:9: a check of kind grpc has no `query`, those of dns, metric have; remove it
    "#]],
    );
    of(
        "command",
        "command = [\"true\"]\naddress = \"10.0.0.1:1\"",
        expect![[r#"
        17:12: "true" is not an absolute path, and neither a shell nor PATH is asked; write where the program is
        18:11: a check of kind command has no `address`, those of http, https, tcp, grpc, dns, metric, zone-status have; remove it
    "#]],
    );
    of(
        "control",
        "control = \"edge\"\ninterval = \"1s\"\nquorum = \"10%\"",
        expect![[r#"
        18:12: a check of kind control sends nothing; remove it
        19:10: a check of kind control sends nothing; remove it
    "#]],
    );
    of(
        "htp",
        "",
        expect![[r#"
        16:8: no check is of kind "htp"; did you mean http? there are http, https, tcp, grpc, dns, command, pushed, metric, zone-status, calculated, control
    "#]],
    );
    of(
        "tcp",
        "address = \"10.0.0.1:1\"\nport = 5",
        expect![[r#"
        18:8: `address` has the port already; remove `port`
    "#]],
    );
    of(
        "tcp",
        "address = \"0.0.0.0:1\"",
        expect![[r#"
        17:11: nothing answers at 0.0.0.0:1; write one machine's address and port
    "#]],
    );
}

#[test]
fn values_that_mean_nothing_are_told() {
    of(
        "http",
        "expect = { status = \"200-299,204\" }",
        expect![[r#"
        17:21: 204 and 200-299 have statuses in common; join them
    "#]],
    );
    of(
        "http",
        "expect = { status = \"2xx\" }",
        expect![[r#"
        17:21: "2xx" is not a range of statuses; write them such as "200-299,304"
    "#]],
    );
    of(
        "http",
        "headers.Host = \"x\"\nheaders.\"a b\" = \"x\"\nheaders.c = \"\\u0001\"",
        expect![[r#"
        17:9: the probe writes the header `host` itself; write `host` beside `headers`
        18:9: "a b" is not a header's name; change it
        19:13: a header's value has at most 1024 printable ASCII characters; change it
    "#]],
    );
    of(
        "https",
        "tls = { verify = false, ca_file = \"ca.pem\" }",
        expect![[r#"
        17:35: with verify = false no authority is asked; remove one of the two
    "#]],
    );
    of(
        "https",
        "tls = { ca_file = \"none.pem\" }",
        expect![[r#"
        17:19: the file of authorities `none.pem` is not there; create it or remove `ca_file`
    "#]],
    );
    of(
        "https",
        "tls = { ca_file = \"key.pem\" }",
        expect![[r#"
        17:19: this file has a private key, and every node would get it; name the authority's certificate alone
    "#]],
    );
    of(
        "https",
        "tls = { ca_file = \"text\" }",
        expect![[r#"
        17:19: this file has no certificate in PEM; name one with -----BEGIN CERTIFICATE-----
    "#]],
    );
    of(
        "dns",
        "query = { name = \"x.test.\", type = \"ANY\" }",
        expect![[r#"
        17:36: "ANY" is no type here; there are `A`, `NS`, `CNAME`, `SOA`, `PTR`, `MX`, `TXT`, `AAAA`, `SRV`, `DNSKEY`, `HTTPS`, `CAA`
    "#]],
    );
    of(
        "dns",
        "",
        expect![[r#"
        14:1: a health check needs `query`; add it
    "#]],
    );
    of(
        "metric",
        "query = \"up\"\ngood = { gt = 1, lt = 2 }",
        expect![[r#"
        14:1: a health check needs `address`; add it
        18:23: a threshold has `gt` or `lt`, not both; remove one, or make it two checks and a calculated one
    "#]],
    );
    of(
        "metric",
        "address = \"10.0.0.1:1\"\nquery = \"\"\ngood = { gt = inf }",
        expect![[r#"
        18:9: a query has 1 to 4096 bytes; change it
        19:15: `gt` is a number with an end, this is inf; change it
    "#]],
    );
    of(
        "metric",
        "address = \"10.0.0.1:1\"\nquery = \"up\"\ngood = { }",
        expect![[r#"
        19:8: a threshold needs `gt` or `lt`: which values are good; add one
    "#]],
    );
    of(
        "command",
        "command = []",
        expect![[r#"
        17:11: a command is a program and its arguments; write them, such as ["/usr/lib/checks/disk", "/srv"]
    "#]],
    );
}

#[test]
fn more_probes_than_the_budget_are_told() {
    let endpoints = "[[pool]]\nname = \"web\"\nhealth_check = \"x\"\nendpoints = [{ address = \"10.0.0.1:80\", zone = \"a\" }, \
                     { address = \"10.0.0.1:81\", zone = \"a\" }, { address = \"10.0.0.2:80\", zone = \"b\" }]\n";
    let quick = "[[health_check]]\nname = \"x\"\nkind = \"tcp\"\ninterval = \"100ms\"\n";
    check(&format!("{quick}{endpoints}"), expect![[""]]);
    let budget = "[checks]\nmax_probes_per_second_per_address = ";
    check(
        &format!("{budget}39\n{quick}{endpoints}"),
        expect![[r#"
        advice: 16:1: 10.0.0.1 would get 40 probes a second from a checker in each of 2 zones, the budget is 39: checkers put off what is beyond it; lengthen `interval`, or raise `max_probes_per_second_per_address` in [checks]
    "#]],
    );
    check(
        &format!("{budget}10\n{quick}{endpoints}"),
        expect![[r#"
        advice: 16:1: 10.0.0.1 would get 40 probes a second from a checker in each of 2 zones, the budget is 10 (and 1 more addresses are over it): checkers put off what is beyond it; lengthen `interval`, or raise `max_probes_per_second_per_address` in [checks]
    "#]],
    );
    check(
        "[checks]\nvantage_zones = 2\n",
        expect![[r#"
        15:17: `vantage_zones` is 3 to 256, this is 2; change it
    "#]],
    );
    check(
        &format!("{budget}0\n"),
        expect![[r#"
        15:37: `max_probes_per_second_per_address` is 1 to 100000, this is 0; change it
    "#]],
    );
}

#[test]
fn zone_status_is_asked_of_one_endpoint() {
    good(
        "zone-status",
        "address = \"10.0.0.1:7601\"\nzone = \"use1-az2\"",
        expect![[r#"
            ZoneStatus(ZoneStatusCheck { zone: use1-az2, resource: "everything", host: None, headers: [], tls: None })
        "#]],
    );
    of(
        "zone-status",
        "path = \"/closed/x\"\nresource = \"web\"",
        expect![[r#"
            14:1: a health check needs `address`; add it
            14:1: a health check needs `zone`; add it
            17:8: a check of kind zone-status has no `path`, those of http, https, metric have; remove it
            18:12: "web" is no resource; write everything, pool/NAME or record/NAME.
        "#]],
    );
    let (estate, _) = read(
        "[[health_check]]\nname = \"x\"\nkind = \"zone-status\"\naddress = \"10.0.0.1:7601\"\nzone = \"a\"\n",
    )
    .unwrap();
    let check = &estate.health_checks[0];
    assert_eq!((check.rise, check.fall, check.is_standing(), check.probes_endpoints()), (1, 1, true, false));
}

#[test]
fn a_majority_is_of_checks_that_stand_by_themselves() {
    let of_two = |first: &str, at_least: &str| {
        let stands = "[[health_check]]\nname = \"s\"\nkind = \"zone-status\"\naddress = \"10.0.0.1:7601\"\nzone = \"a\"\n";
        format!(
            "[[health_check]]\nname = \"x\"\nkind = \"calculated\"\nof = [\"y\", \"s\"]\nat_least = {at_least}\n{stands}[[health_check]]\nname = \"y\"\n{first}\n"
        )
    };
    let command = "kind = \"command\"\ncommand = [\"/bin/x\"]";
    check(
        &of_two(command, "\"majority\""),
        expect![[r#"
            advice: 17:6: 2 checks may be of two minds by half, which changes nothing; take one more or one less
        "#]],
    );
    check(&of_two(&format!("{command}\ndisabled = true"), "\"majority\""), expect![""]);
    check(
        &of_two("kind = \"tcp\"", "\"majority\""),
        expect![[r#"
            17:6: a majority is of checks that stand by themselves, and `y` of kind tcp does not; give it an `address`, count others, or write a number in `at_least`
        "#]],
    );
    check(
        &of_two(command, "\"most\""),
        expect![[r#"
            18:12: `at_least` is a number or "majority", this is "most"; write 1 to 2 without quotes, or "majority"
        "#]],
    );
}
