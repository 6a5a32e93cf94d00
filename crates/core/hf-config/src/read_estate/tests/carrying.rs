//! The balancer's keys: what they read as, and what is wrong with them.

use super::*;

/// A pool `web` with these keys among others, and what stands behind it in the file.
fn with(keys: &str, behind: &str) -> String {
    format!(
        "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[pool]]\nname = \"web\"\n\
         endpoints = [{{ address = \"10.0.0.1:80\", zone = \"a\" }}]\n{keys}\n{behind}"
    )
}

fn pool_too(name: &str, keys: &str) -> String {
    format!(
        "[[pool]]\nname = \"{name}\"\nendpoints = [{{ address = \"10.0.0.9:80\", zone = \"a\" }}]\n{keys}\n"
    )
}

fn read(toml: &str) -> Result<Estate, crate::Problems> {
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    read_estate("estate.toml", &bundle)
}

fn wrong(keys: &str, behind: &str, expected: Expect) {
    match read(&with(keys, behind)) {
        Ok(_) => expected.assert_eq("fine\n"),
        Err(problems) => expected.assert_eq(&format!("{problems}\n")),
    }
}

fn right(keys: &str, behind: &str, show: impl Fn(&Estate) -> String, expected: Expect) {
    let estate = read(&with(keys, behind)).unwrap_or_else(|problems| panic!("{problems}"));
    expected.assert_eq(&show(&estate));
}

#[test]
fn every_key_reads_as_it_says() {
    right(
        "listen = \"0.0.0.0:8443\"\nhosts = [\"WWW.Example.test.\", \"*.example.test\"]\npaths = [\"/api/\"]\n\
         tls = true\nproxy_protocol = \"required\"\nproxy_from = [\"10.0.0.0/8\"]",
        "",
        |estate| {
            format!("{:?} {:?} {:?}", estate.pools[0].hosts, estate.pools[0].paths, estate.pools[0].listener)
        },
        expect![[
            r#"[Exactly("www.example.test"), Below("example.test")] ["/api/"] ListenerOptions { tls: true, proxy_protocol: ProxyAccept { required: true, from: [Cidr { base: 10.0.0.0, bits: 8 }] } }"#
        ]],
    );
    right(
        "endpoint_tls = true\nendpoint_http = \"2\"",
        &pool_too(
            "two",
            "endpoint_tls = { server_name = \"X.test\", verify = false }\nendpoint_proxy_protocol = \"v1\"",
        ),
        |estate| format!("{:?}\n{:?}", estate.pools[0].to_endpoint, estate.pools[1].to_endpoint),
        expect![[r#"
            ToEndpoint { tls: Some(EndpointTls { server_name: None, verify: true }), http: Http2, proxy_protocol: None }
            ToEndpoint { tls: Some(EndpointTls { server_name: Some("x.test"), verify: false }), http: Http1, proxy_protocol: Some(V1) }"#]],
    );
    for (keys, want) in [
        ("choice = \"weighted\"", "weighted"),
        ("choice = \"hash:client\"", "hash:client"),
        ("choice = \"hash:header:X-User\"", "hash:header:x-user"),
        ("choice = \"hash:cookie:Sid\"", "hash:cookie:Sid"),
        ("choice = \"hash:path\"", "hash:path"),
        ("", "least-loaded"),
    ] {
        let estate = read(&with(keys, "")).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(estate.pools[0].balancing.choice.to_string(), want);
    }
    right(
        "cross_zone = true\naffinity = \"85%\"\nspill = false\nslow_start = \"30s\"\nsticky = { name = \"s\", lifetime = \"1d\" }",
        &pool_too("two", "sticky = true"),
        |estate| format!("{:?}\n{:?}", estate.pools[0].balancing, estate.pools[1].balancing.sticky),
        expect![[r#"
            Balancing { choice: LeastLoaded, affinity: Share(850000), slow_start: 30s, sticky: Some(StickyCookie { name: "s", lifetime: 86400s }), spill: false }
            Some(StickyCookie { name: "holdfast", lifetime: 0ns })"#]],
    );
    right(
        "patience = { connect = \"200ms\", request = \"1m\" }\nbounds = { body_bytes = 1000, kept_per_endpoint = 0 }\n\
         retries = { tries = 1, budget = \"5%\" }\nejection = { failures = 0, time = \"10m\", statuses = false }\n\
         failover = { to = \"two\", on_status = [\"500-504\", 429], on_timeout = \"2s\" }",
        &pool_too("two", "[pool.retries]\non_status = [\"503\"]"),
        |estate| {
            let [one, two] = &estate.pools[..] else { unreachable!("two pools") };
            format!(
                "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
                one.patience, one.bounds, one.retries, one.ejection, one.failover, two.retries
            )
        },
        expect![[r#"
            Patience { connect: 200ms, header: 10s, response_header: 60s, body_idle: 30s, client_idle: 60s, kept_idle: 4s, unacknowledged: 3s, tunnel_idle: 3600s, request: Some(60s) }
            Bounds { client_connections: 10000, in_flight_per_endpoint: 4096, header_bytes: 65536, body_bytes: Some(1000), streams_per_connection: 100, replay_bytes: 65536, connecting_per_endpoint: 64, kept_per_endpoint: 0 }
            Retries { tries: 1, budget: Share(50000), on_status: [] }
            Ejection { failures: 0, failure_share: Share(500000), time: 600s, time_max: 600s, share_max: Share(340000), statuses: false }
            Some(Failover { to: PoolIx(1), on_status: [StatusRange { from: 500, to: 504 }, StatusRange { from: 429, to: 429 }], on_connect: true, on_timeout: Some(2s), budget: Share(200000) })
            Retries { tries: 3, budget: Share(200000), on_status: [StatusRange { from: 503, to: 503 }] }"#]],
    );
    right(
        "health_check = \"c\"",
        "[[health_check]]\nname = \"c\"\nkind = \"tcp\"\ninitial = \"unhealthy\"",
        |estate| format!("{:?}", estate.health_checks[0].initial),
        expect!["Unhealthy"],
    );
}

#[test]
fn what_is_wrong_is_told_all_at_once() {
    wrong(
        "listen = \"0.0.0.0:80\"\nhosts = [\"a.test:80\", \"b.test\", \"B.test\", \"*.*.test\"]\npaths = [\"api\", \"/x?y\"]\n\
         proxy_protocol = \"optional\"\nproxy_from = [\"10.0.0.1/8\"]\nendpoint_http = \"3\"\nendpoint_proxy_protocol = 2\n\
         endpoint_tls = { server_name = \"*.x.test\", verfy = true }\nchoice = \"least_loaded\"\naffinity = 85\nslow_start = \"1h\"\nsticky = { name = \"a b\" }",
        "",
        expect![[r#"
            estate.toml:10:10: "a.test:80" is not a host; write a name such as www.example.test, or *.example.test for all below one, without a port
            estate.toml:10:33: a host is listed twice; remove one of the two
            estate.toml:10:43: "*.*.test" is not a host; write a name such as www.example.test, or *.example.test for all below one, without a port
            estate.toml:11:10: a path begins with '/' and has at most 2048 printable ASCII characters, without '?' and '#'; percent-encode others
            estate.toml:11:17: a path begins with '/' and has at most 2048 printable ASCII characters, without '?' and '#'; percent-encode others
            estate.toml:12:18: "optional" is unknown here; write "required" or "none": a header that may be left out can be forged
            estate.toml:13:15: the address of a network has no bits behind its prefix; write 10.0.0.0/8
            estate.toml:14:17: "3" is no version of HTTP that goes to endpoints; write "1.1" or "2"
            estate.toml:15:27: `endpoint_proxy_protocol` is a string in quotes, this is a whole number; change it
            estate.toml:16:32: a server name is one name; write it without `*.`
            estate.toml:16:44: endpoint_tls has no `verfy`; write `verify` or remove it
            estate.toml:17:10: "least_loaded" is not a choice; did you mean least-loaded? write least-loaded, weighted, hash:client, hash:header:NAME, hash:cookie:NAME or hash:path
            estate.toml:18:12: `affinity` is a string in quotes, this is a whole number; change it
            estate.toml:18:12: without cross_zone = true all requests stay in the zone while it serves; add that, or remove `affinity`
            estate.toml:19:14: `slow_start` is 0s to 15m, this is 1h; change it
            estate.toml:20:19: a cookie's name has 1 to 64 letters, digits and !#$%&'*+-.^_`|~; change it
        "#]],
    );
    wrong(
        "patience = { conect = \"1s\", header = \"0s\", request = \"50ms\" }\nbounds = { header_bytes = 100, body_bytes = -1 }\n\
         retries = { tries = 1, on_status = [\"200-503\", 503] }\nejection = { failures = 5000, time = \"1m\", time_max = \"30s\", share_max = \"0%\" }\n\
         failover = { on_connect = false }\nassigned = \"chat\"",
        "",
        expect![[r#"
            estate.toml:9:14: the patience of a pool has no `conect`; write `connect` or remove it
            estate.toml:9:38: `header` is 10ms to 1h, this is 0s; change it
            estate.toml:9:54: a whole request would have 50ms and opening a connection alone 1s; lengthen this one or shorten `connect`
            estate.toml:10:27: `header_bytes` is 8192 to 1048576, this is 100; change it
            estate.toml:10:45: `body_bytes` is 0 to 1125899906842624, this is -1; change it
            estate.toml:11:36: with `tries` 1 nothing is sent again; raise that, or remove `on_status`
            estate.toml:11:37: 200-503 has statuses that are no failures; begin at 400
            estate.toml:11:48: 503 and 200-503 have statuses in common; join them
            estate.toml:12:25: `failures` is 0 to 1000, this is 5000; change it
            estate.toml:12:55: `time_max` is shorter than `time`; lengthen it
            estate.toml:12:74: one endpoint of a zone may always be left; to leave none write failures = 0 and failure_share = "0%"
            estate.toml:13:12: a failover needs `to`; add it
            estate.toml:13:27: then nothing leads to this failover; add `on_status` or `on_timeout`, or remove it
            estate.toml:14:12: no assignment is named `chat` and there is none at all; add it
        "#]],
    );
    wrong(
        "health_check = \"c\"",
        "[[health_check]]\nname = \"c\"\nkind = \"tcp\"\ninitial = \"up\"",
        expect![[r#"
            estate.toml:13:11: "up" is unknown here; there are `healthy`, `unhealthy`, `unknown`
        "#]],
    );
    // Without `listen` nothing arrives.
    wrong(
        "tls = true\nproxy_protocol = \"required\"",
        "",
        expect![[r#"
        estate.toml:9:7: `tls` is about a listener, and this pool has none; add `listen` or remove it
        estate.toml:10:18: `proxy_protocol` is about a listener, and this pool has none; add `listen` or remove it
    "#]],
    );
    wrong(
        "proxy_from = [\"10.0.0.0/8\"]\nlisten = \"0.0.0.0:80\"",
        "",
        expect![[r#"
        estate.toml:9:14: `proxy_from` says whose headers count; add proxy_protocol = "required" or remove it
    "#]],
    );
}

#[test]
fn a_key_that_does_nothing_for_a_protocol_is_refused() {
    let http_keys = "paths = [\"/\"]\nendpoint_http = \"2\"\nsticky = true\nchoice = \"hash:path\"\n\
                     retries = { on_status = [\"503\"] }\nejection = { statuses = true }";
    wrong(
        &format!("protocol = \"tcp\"\nhosts = [\"a.test\"]\n{http_keys}"),
        "",
        expect![[r#"
        estate.toml:10:9: `hosts` is for pools of protocol http or tls, this one is tcp; remove it
        estate.toml:11:9: `paths` is for pools of protocol http, this one is tcp; remove it
        estate.toml:12:17: `endpoint_http` is for pools of protocol http, this one is tcp; remove it
        estate.toml:13:10: `sticky` is for pools of protocol http, this one is tcp; remove it
        estate.toml:13:10: a hash keeps clients at their endpoints by itself, and a cookie would override it; remove `sticky` or the hash
        estate.toml:14:10: the balancer does not look into tcp; write "hash:client", or another choice
        estate.toml:15:25: `on_status` is for pools of protocol http, this one is tcp; remove it
        estate.toml:16:25: `statuses` is for pools of protocol http, this one is tcp; remove it
    "#]],
    );
    wrong(
        &format!(
            "protocol = \"tls\"\nlisten = \"0.0.0.0:443\"\ntls = true\nendpoint_tls = true\nhosts = [\"a.test\"]\n{http_keys}"
        ),
        "",
        expect![[r#"
            estate.toml:11:7: in a pool of protocol tls, TLS ends at the endpoints; remove `tls`, or write protocol = "http" or "tcp" to end it here
            estate.toml:12:16: a pool of protocol tls passes clients' own TLS on; remove `endpoint_tls`
            estate.toml:14:9: paths travel inside of TLS that ends at the endpoints; remove `paths`, or end TLS here: protocol = "http" and tls = true
            estate.toml:15:17: `endpoint_http` is for pools of protocol http, this one is tls; remove it
            estate.toml:16:10: `sticky` is for pools of protocol http, this one is tls; remove it
            estate.toml:16:10: a hash keeps clients at their endpoints by itself, and a cookie would override it; remove `sticky` or the hash
            estate.toml:17:10: the balancer does not look into tls; write "hash:client", or another choice
            estate.toml:18:25: `on_status` is for pools of protocol http, this one is tls; remove it
            estate.toml:19:25: `statuses` is for pools of protocol http, this one is tls; remove it
        "#]],
    );
    wrong(
        "protocol = \"tls\"\nlisten = \"0.0.0.0:443\"\nhosts = [\"a.test\"]\nchoice = \"hash:client\"",
        "",
        expect![[r#"
        fine
    "#]],
    );
    wrong(
        "affinity = \"50%\"\nspill = true",
        "",
        expect![[r#"
        estate.toml:9:12: without cross_zone = true all requests stay in the zone while it serves; add that, or remove `affinity`
        estate.toml:10:9: without cross_zone = true all requests stay in the zone while it serves; add that, or remove `spill`
    "#]],
    );
    wrong(
        "sticky = true\nchoice = \"hash:client\"",
        "",
        expect![[r#"
        estate.toml:9:10: a hash keeps clients at their endpoints by itself, and a cookie would override it; remove `sticky` or the hash
    "#]],
    );
    wrong(
        "endpoint_http = \"2\"\nendpoint_proxy_protocol = \"v2\"",
        "",
        expect![[r#"
        estate.toml:10:27: a PROXY header names one client, and a connection of HTTP/2 carries many; remove it or write endpoint_http = "1.1"
    "#]],
    );
}

#[test]
fn pools_share_a_listener_that_tells_them_apart() {
    let share = |one: &str, two: &str, expected: Expect| {
        let two = pool_too("two", &format!("listen = \"0.0.0.0:80\"\n{two}"));
        wrong(&format!("listen = \"0.0.0.0:80\"\n{one}"), &two, expected);
    };
    share(
        "hosts = [\"a.test\"]",
        "",
        expect![[r#"
        fine
    "#]],
    );
    share(
        "hosts = [\"a.test\"]",
        "hosts = [\"a.test\"]\npaths = [\"/x/\"]",
        expect![[r#"
        fine
    "#]],
    );
    share(
        "",
        "",
        expect![[r#"
        estate.toml:14:10: pool `web` listens on 0.0.0.0:80 too, and nothing tells the two apart; change `hosts` or `paths` of one, or choose another address
    "#]],
    );
    share(
        "hosts = [\"a.test\", \"b.test\"]\npaths = [\"/x\"]",
        "hosts = [\"b.test\"]\npaths = [\"/y\", \"/x\"]",
        expect![[r#"
        estate.toml:15:10: pool `web` listens on 0.0.0.0:80 too, and nothing tells the two apart for b.test/x; change `hosts` or `paths` of one, or choose another address
    "#]],
    );
    share(
        "hosts = [\"a.test\"]",
        "protocol = \"tls\"\nhosts = [\"b.test\"]",
        expect![[r#"
        estate.toml:14:10: pool `web` listens on 0.0.0.0:80 too, and that one is of protocol http; choose another address or port
    "#]],
    );
    share(
        "protocol = \"tcp\"",
        "protocol = \"tcp\"",
        expect![[r#"
        estate.toml:14:10: pool `web` listens on 0.0.0.0:80 too, and nothing in tcp tells two pools apart; choose another address or port
    "#]],
    );
    share(
        "protocol = \"tls\"\nhosts = [\"a.test\"]",
        "protocol = \"tls\"",
        expect![[r#"
        fine
    "#]],
    );
    share(
        "hosts = [\"a.test\"]\ntls = true",
        "",
        expect![[r#"
        estate.toml:15:10: pool `web` listens on 0.0.0.0:80 too, with other `tls`, `proxy_protocol` or `proxy_from`; write the same in both
    "#]],
    );
}

#[test]
fn failovers_and_fallbacks_make_no_ring() {
    wrong(
        "failover = { to = \"web\" }",
        "",
        expect![[r#"
        estate.toml:9:19: a pool does not fail over to itself; name another one, or remove it
    "#]],
    );
    wrong(
        "failover = { to = \"tow\" }",
        &pool_too("two", ""),
        expect![[r#"
        estate.toml:9:19: no pool is named `tow`; did you mean `two`? there are `two`, `web`
    "#]],
    );
    wrong(
        "failover = { to = \"two\" }",
        &pool_too("two", "all_down = \"fallback:web\""),
        expect![[r#"
        estate.toml:9:19: the failovers and fallbacks of these pools go round in a ring; remove one of them
    "#]],
    );
    wrong(
        "failover = { to = \"two\" }",
        &pool_too("two", "failover = { to = \"web\" }"),
        expect![[r#"
        estate.toml:9:19: the failovers and fallbacks of these pools go round in a ring; remove one of them
        estate.toml:13:19: the failovers and fallbacks of these pools go round in a ring; remove one of them
    "#]],
    );
    wrong(
        "failover = { to = \"two\" }",
        &pool_too("two", "protocol = \"tcp\""),
        expect![[r#"
        estate.toml:9:19: pool `two` has another protocol; fail over to one of the same
    "#]],
    );
    wrong(
        "failover = { to = \"two\" }\nall_down = \"fallback:two\"",
        &pool_too("two", ""),
        expect![[r#"
        fine
    "#]],
    );
    wrong(
        "failover = { to = \"two\", on_timeout = \"2m\" }",
        &pool_too("two", ""),
        expect![[r#"
        estate.toml:9:39: an answer is waited for 1m (`response_header`), so this never comes; shorten it
    "#]],
    );
}

#[test]
fn an_assignment_has_a_place_for_each_branch() {
    let behind = |assignment: &str| {
        format!(
            "{}[[hosted_zone]]\nname = \"x.test.\"\n[[record]]\nname = \"www.x.test.\"\ntype = \"A\"\nanswer = {{ pool = \"web\" }}\n\
             [[record]]\nname = \"all.x.test.\"\ntype = \"A\"\nchoose = [\"open\", \"weighted\", \"take 1\"]\n\
             answers = [{{ record = \"www.x.test.\" }}, {{ pool = \"two\" }}]\n[[assignment]]\nservice = \"chat\"\n{assignment}",
            pool_too("two", "assigned = \"chat\"")
        )
    };
    right(
        "",
        &behind(
            "record = \"all.x.test.\"\nask_at = \"https://ask.test\"\nhosts = [\"go.test\"]\n\
             places = [{ pool = \"two\", url = \"https://two.test/app\" }, { record = \"www.x.test.\", url = \"http://10.0.0.1:80\" }]",
        ),
        |estate| format!("{:?} {:?}", estate.assignments, estate.pools[1].assigned),
        expect![[
            r#"[Assignment { service: "chat", tree: 0, urls: ["http://10.0.0.1:80", "https://two.test/app"], ask_at: "https://ask.test", hosts: [Exactly("go.test")], ticket_lifetime: 3600s }] Some(AssignmentIx(0))"#
        ]],
    );
    wrong(
        "",
        &behind("record = \"al.x.test.\"\nplaces = []"),
        expect![[r#"
        estate.toml:25:1: an assignment needs `ask_at`; add it
        estate.toml:27:10: no record with `answers` is called al.x.test.; did you mean all.x.test.? add it
    "#]],
    );
    wrong(
        "",
        &behind(
            "record = \"all.x.test.\"\nask_at = \"https://ask.test/\"\nticket_lifetime = \"1s\"\n\
             places = [{ pool = \"two\", url = \"two.test\" }, { pool = \"web\", url = \"https://w.test\" }, { url = \"https://w.test\" }]",
        ),
        expect![[r#"
            estate.toml:28:10: "https://ask.test/" is not a place's URL; write one such as https://eu.example.test, without '?', '#' and a '/' at its end
            estate.toml:29:19: `ticket_lifetime` is 1m to 1d, this is 1s; change it
            estate.toml:30:33: "two.test" is not a place's URL; write one such as https://eu.example.test, without '?', '#' and a '/' at its end
            estate.toml:30:56: web: no branch of the record leads there; name what its `answers` name
            estate.toml:30:89: a place names one branch of the record: write either `pool` or `record`
        "#]],
    );
    wrong(
        "",
        &behind(
            "record = \"all.x.test.\"\nask_at = \"https://ask.test\"\nplaces = [{ pool = \"two\", url = \"https://w.test\" }]",
        ),
        expect![[r#"
            estate.toml:29:10: 1 of the record's 2 branches have no place; add them
        "#]],
    );
    wrong(
        "assigned = \"chta\"",
        &behind("record = \"www.x.test.\""),
        expect![[r#"
        estate.toml:9:12: no assignment is named `chta`; did you mean `chat`? there is only `chat`
        estate.toml:25:1: an assignment needs `ask_at`; add it
        estate.toml:25:1: an assignment needs `places`; add it
        estate.toml:27:10: no record with `answers` is called www.x.test.; did you mean all.x.test.? add it
    "#]],
    );
}
