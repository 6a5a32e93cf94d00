//! One mistake in a right estate each: the exact line that tells of it.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use super::*;

/// Replaces `from` in the design example and tells what is then wrong.
fn edit(from: &str, to: &str, expected: Expect) {
    assert_eq!(DESIGN.matches(from).count(), 1, "{from:?} is not once in the example");
    check(&DESIGN.replace(from, to), expected);
}

/// Adds `more` behind the design example.
fn add(more: &str, expected: Expect) {
    check(&format!("{DESIGN}\n{more}"), expected);
}

#[test]
fn syntax() {
    edit(
        "id = \"eu-west-2\"",
        "id = \"eu-west-2",
        expect![[r#"
        estate.toml:2:16: not TOML: invalid basic string, expected `"`
    "#]],
    );
    edit(
        "id = \"eu-west-2\"",
        "id = \"eu-west-2\"\nid = \"x\"",
        expect![[r#"
        estate.toml:3:1: `id` is here twice; remove one of the two
    "#]],
    );
    edit(
        "rise = 2\nfall = 3",
        "rise = 2 2\nfall = = 3",
        expect![[r#"
        estate.toml:23:8: not TOML: string values must be quoted, expected literal string
        estate.toml:24:8: not TOML: extra `=`, expected nothing
        estate.toml:24:10: not TOML: unexpected key or value, expected newline, `#`
    "#]],
    );
    check(
        "[[zone]\nid",
        expect![[r#"
        estate.toml:1:8: not TOML: unclosed array table, expected `]`
        estate.toml:2:3: not TOML: key with no value, expected `=`
    "#]],
    );
    check(
        "",
        expect![[r#"
        estate.toml: there is no zone; add [[zone]] with an id and a region
    "#]],
    );
}

#[test]
fn types_and_keys() {
    edit(
        "capacity = 5000 ",
        "capacity = \"5000\"",
        expect![[r#"
        estate.toml:9:12: `capacity` is a whole number from 1 to 1000000000000, this is a string; change it
    "#]],
    );
    edit(
        "capacity = 5000 ",
        "capacity = 0",
        expect![[r#"
        estate.toml:9:12: `capacity` is 1 to 1000000000000, this is 0; change it
    "#]],
    );
    edit(
        "capacity = 5000 ",
        "capasity = 5000",
        expect![[r#"
        estate.toml:9:1: a zone has no `capasity`; write `capacity` or remove it
    "#]],
    );
    edit(
        "aliases = [\"eu-west-2a\"]",
        "aliases = \"eu-west-2a\"",
        expect![[r#"
        estate.toml:8:11: `aliases` is a list in square brackets, this is a string; change it
    "#]],
    );
    edit(
        "cross_zone = false",
        "cross_zone = \"off\"",
        expect![[r#"
        estate.toml:31:14: `cross_zone` is true or false, this is a string; change it
    "#]],
    );
    edit(
        "cross_zone = false",
        "crosszone = false\nsomething_else = 1",
        expect![[r#"
            estate.toml:31:1: a pool has no `crosszone`; write `cross_zone` or remove it
            estate.toml:32:1: a pool has no `something_else`; remove it, there are `name`, `protocol`, `listen`, `health_check`, `cross_zone`, `endpoints`, `source`, `min_zones`, `min_capacity`, `all_down`, `dns_minimum`, `routing_minimum`, `return_over`, `control`, `hosts`, `paths`, `tls`, `proxy_protocol`, `proxy_from`, `endpoint_tls`, `endpoint_http`, `endpoint_proxy_protocol`, `choice`, `affinity`, `spill`, `slow_start`, `sticky`, `patience`, `bounds`, `retries`, `failover`, `ejection`, `assigned`
        "#]],
    );
    edit(
        "interval = \"1s\"",
        "interval = 1",
        expect![[r#"
        estate.toml:21:12: `interval` is a length of time in quotes, such as "5s", this is a whole number; change it
    "#]],
    );
    edit(
        "location = { latitude = 51.5, longitude = -0.1 }",
        "location = { latitude = 95, lon = true }",
        expect![[r#"
            estate.toml:3:12: a location needs `longitude`; add it
            estate.toml:3:25: `latitude` is -90 to 90, this is 95; change it
            estate.toml:3:29: a location has no `lon`; remove it, there are `latitude`, `longitude`
        "#]],
    );
    edit(
        "[[region]]",
        "[region]",
        expect![[r#"
            estate.toml:1:1: there may be several of `region`; write [[region]]
        "#]],
    );
    add(
        "[[pools]]\nname = \"regions\"",
        expect![[r#"
        estate.toml:50:3: an estate has no `pools`; write `pool` or remove it
    "#]],
    );
}

#[test]
fn names() {
    edit(
        "id = \"euw2-az1\"",
        "id = \"EUW2-az1\"",
        expect![[r#"
        estate.toml:6:6: a zone id has only a-z, 0-9 and '-', this one has 'E'; replace it
        estate.toml:35:40: no zone is named `euw2-az1`; did you mean `euw2-az2`? there are `EUW2-az1`, `eu-west-2a`, `euw2-az2`
    "#]],
    );
    edit(
        "aliases = [\"eu-west-2a\"]",
        "aliases = [\"eu-west-2a\", \"euw2-az2\", \"-\"]",
        expect![[r#"
            estate.toml:8:26: zone `euw2-az2` is listed twice; remove one of the two
            estate.toml:8:38: a zone id neither begins nor ends with '-'; remove it
        "#]],
    );
    edit(
        "id = \"euw2-az2\"",
        "id = \"euw2-az1\"",
        expect![[r#"
        estate.toml:13:6: zone `euw2-az1` is listed twice; remove one of the two
        estate.toml:36:40: no zone is named `euw2-az2`; did you mean `euw2-az1`? there are `eu-west-2a`, `euw2-az1`
    "#]],
    );
    add(
        "[[region]]\nid = \"eu-west-2\"\nlocation = { latitude = 1, longitude = 1.0 }",
        expect![[r#"
        estate.toml:51:6: region `eu-west-2` is listed twice; remove one of the two
    "#]],
    );
    edit(
        "health_check = \"web\"",
        "health_check = \"wbe\"",
        expect![[r#"
            estate.toml:30:16: no health check is named `wbe`; did you mean `web`? there is only `web`
        "#]],
    );
    edit(
        "zone = \"euw2-az1\"",
        "zone = \"euw9-az7\"",
        expect![[r#"
        estate.toml:35:40: no zone is named `euw9-az7`; did you mean `euw2-az1`? there are `eu-west-2a`, `euw2-az1`, `euw2-az2`
    "#]],
    );
    edit(
        "[[health_check]]\nname = \"web\"",
        "[[health_check]]\nname = \"web check\"",
        expect![[r#"
            estate.toml:17:8: a health check's name has only a-z, 0-9 and '-', this one has ' '; replace it
            estate.toml:30:16: no health check is named `web`; there is only `web check`
        "#]],
    );
    edit(
        "answer = { pool = \"web\" }",
        "answer = { pool = \"db\" }",
        expect![[r#"
            estate.toml:47:19: no pool is named `db`; there is only `web`
        "#]],
    );
    edit(
        "answer = { pool = \"web\" }",
        "answer = { poool = \"db\" }",
        expect![[r#"
        estate.toml:47:10: an answer needs `pool`; add it
        estate.toml:47:12: an answer has no `poool`; write `pool` or remove it
    "#]],
    );
    edit(
        "networks = [\"10.1.1.0/24\"]",
        "networks = [\"10.1.1.1/24\", \"x\", \"::/0\", \"::/0\"]",
        expect![[r#"
            estate.toml:10:13: the address of a network has no bits behind its prefix; write 10.1.1.0/24
            estate.toml:10:28: "x" is not a network; write an address, '/' and a number of bits, such as 10.1.0.0/16
            estate.toml:10:41: network ::/0 is listed twice; remove one of the two
        "#]],
    );
    check(
        "[[zone]]\nid = \"a\"\nregion = \"r\"",
        expect![[r#"
        estate.toml:3:10: no region is named `r` and there is none at all; add it
    "#]],
    );
    check(
        "[[region]]\nid = \"r\"",
        expect![[r#"
        estate.toml: there is no zone; add [[zone]] with an id and a region
    "#]],
    );
}

#[test]
fn checks() {
    edit(
        "kind = \"http\" ",
        "kind = \"grpc\"",
        expect![[r#"
            estate.toml:19:8: a check of kind grpc has no `path`, those of http, https, metric have; remove it
            estate.toml:20:10: a check of kind grpc has no `expect`, those of http, https, tcp, dns have; remove it
        "#]],
    );
    edit(
        "kind = \"http\" ",
        "kind = \"htp\"",
        expect![[r#"
            estate.toml:18:8: no check is of kind "htp"; did you mean http? there are http, https, tcp, grpc, dns, command, pushed, metric, zone-status, calculated, control
        "#]],
    );
    edit(
        "kind = \"http\" ",
        "kind = \"tcp\"",
        expect![[r#"
            estate.toml:19:8: a check of kind tcp has no `path`, those of http, https, metric have; remove it
            estate.toml:20:10: `expect` is a string in quotes, this is a table; change it
        "#]],
    );
    edit(
        "path = \"/healthz\"",
        "path = \"healthz\"\nhost = \"a b\"",
        expect![[r#"
        estate.toml:19:8: a path begins with '/' and has at most 2048 printable ASCII characters, without '#'; percent-encode others
        estate.toml:20:8: a host is a name or an address, with a port if need be, such as www.example.test; change it
    "#]],
    );
    edit(
        "status = \"200-299\"",
        "status = \"299-200\"",
        expect![[r#"
            estate.toml:20:21: "299-200" is not a range of statuses; write them such as "200-299,304"
        "#]],
    );
    edit(
        "status = \"200-299\"",
        "status = 600",
        expect![[r#"
        estate.toml:20:21: `status` is 100 to 599, this is 600; change it
    "#]],
    );
    edit(
        "body = \"ok\"",
        "body = \"\"",
        expect![[r#"
            estate.toml:20:39: this text has 1 to 4096 bytes; change it or leave it out
        "#]],
    );
    edit(
        "timeout = \"500ms\"",
        "timeout = \"2s\"\nconfirm_interval = \"1s1ms\"\nport = 0",
        expect![[r#"
            estate.toml:22:11: 2s is longer than the interval of 1s; shorten it or lengthen `interval`
            estate.toml:23:20: 1s1ms is longer than the interval of 1s; shorten it or lengthen `interval`
            estate.toml:24:8: `port` is 1 to 65535, this is 0; change it
        "#]],
    );
    edit(
        "timeout = \"500ms\"",
        "timeout = \"5 s\"",
        expect![[r#"
        estate.toml:22:11: "5 s" is not a length of time; write a number and a unit, such as 250ms, 5s, 30m, 1h30m or 3d
    "#]],
    );
    edit(
        "interval = \"1s\"",
        "interval = \"10ms\"",
        expect![[r#"
        estate.toml:21:12: `interval` is 100ms to 1h, this is 10ms; change it
    "#]],
    );
    edit(
        "rise = 2\nfall = 3",
        "rise = 0\nfall = 11",
        expect![[r#"
        estate.toml:23:8: `rise` is 1 to 10, this is 0; change it
        estate.toml:24:8: `fall` is 1 to 10, this is 11; change it
    "#]],
    );
}

#[test]
fn pools() {
    edit(
        "address = \"10.1.1.10:8080\"",
        "address = \"10.1.1.10\"",
        expect![[r#"
        estate.toml:35:15: "10.1.1.10" is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080
    "#]],
    );
    edit(
        "address = \"10.1.1.10:8080\"",
        "address = \"10.1.1.10:0\"",
        expect![[r#"
        estate.toml:35:15: an endpoint's port is 1 to 65535, this one is 0; write where it listens
    "#]],
    );
    edit(
        "address = \"10.1.1.10:8080\"",
        "address = \"0.0.0.0:80\"",
        expect![[r#"
        estate.toml:35:15: 0.0.0.0 is not the address of one machine; write where the endpoint listens
    "#]],
    );
    edit(
        "address = \"10.1.1.10:8080\"",
        "address = \"10.1.2.10:8080\"",
        expect![[r#"
        estate.toml:36:15: endpoint 10.1.2.10:8080 is listed twice in this pool; remove one of the two
    "#]],
    );
    edit(
        "weight = 50",
        "weight = 65536",
        expect![[r#"
        estate.toml:36:61: `weight` is 0 to 65535, this is 65536; change it
    "#]],
    );
    edit(
        "min_zones = 2",
        "min_zones = 3",
        expect![[r#"
        estate.toml:32:13: `min_zones` is 3, but the pool's endpoints are in 2; lower it or add endpoints
    "#]],
    );
    // What can never be kept: a spare counts for no floor, except in a pool of spares.
    edit(
        "weight = 50",
        "weight = 0",
        expect![[r#"
        estate.toml:32:13: `min_zones` is 2, but the pool's endpoints are in 1 (weight 0 is a spare and does not count); lower it or add endpoints
    "#]],
    );
    edit(
        "min_zones = 2",
        "min_zones = 0\nmin_capacity = \"101%\"",
        expect![[r#"
        estate.toml:32:13: `min_zones` is 1 to 256, this is 0; change it
        estate.toml:33:16: "101%" is not a share; write 0% to 100%, such as "50%"
    "#]],
    );
    edit(
        "listen = \"0.0.0.0:8080\"",
        "listen = \"0.0.0.0:0\"",
        expect![[r#"
        estate.toml:29:10: a listener's port is 1 to 65535, this one is 0; choose one
    "#]],
    );
    edit(
        "protocol = \"http\"",
        "protocol = \"postgres\"",
        expect![[r#"
            estate.toml:28:12: protocol postgres is not in this version; use http, tcp or tls
        "#]],
    );
    edit(
        "protocol = \"http\"",
        "protocol = \"smtp\"",
        expect![[r#"
            estate.toml:28:12: "smtp" is not a protocol; use http, tcp or tls
        "#]],
    );
    edit(
        "all_down = \"open\"",
        "all_down = \"shut\"",
        expect![[r#"
        estate.toml:33:12: "shut" is unknown here; write open, closed or fallback:POOL
    "#]],
    );
    edit(
        "all_down = \"open\"",
        "all_down = \"fallback:wbe\"",
        expect![[r#"
            estate.toml:33:12: no pool is named `wbe`; did you mean `web`? there is only `web`
        "#]],
    );
    edit(
        "all_down = \"open\"",
        "all_down = \"fallback:web\"",
        expect![[r#"
        estate.toml:33:12: the fallbacks of these pools go round in a ring; let the last be open or closed
    "#]],
    );
    add(
        "[[pool]]\nname = \"empty\"\nendpoints = []",
        expect![[r#"
            estate.toml:50:1: this pool has no endpoint; add `endpoints = [{ address = …, zone = … }]`, or `source`
        "#]],
    );
    add(
        "[[pool]]\nname = \"empty\"",
        expect![[r#"
            estate.toml:50:1: this pool has no endpoint; add `endpoints = [{ address = …, zone = … }]`, or `source`
        "#]],
    );
    add(
        "[[pool]]\nname = \"two\"\nlisten = \"10.1.1.1:8080\"\nendpoints = [{ address = \"10.0.0.1:1\", zone = \"euw2-az1\" }]",
        expect![[r#"
            estate.toml:52:10: 10.1.1.1:8080 meets 0.0.0.0:8080, where another pool listens; choose another address or port
        "#]],
    );
    check(
        r#"
region = [{ id = "r" }]
zone = [{ id = "z", region = "r" }]
[[pool]]
name = "a"
all_down = "fallback:b"
endpoints = [{ address = "10.0.0.1:1", zone = "z" }]
[[pool]]
name = "b"
all_down = "fallback:c"
endpoints = [{ address = "10.0.0.1:1", zone = "z" }]
[[pool]]
name = "c"
all_down = "fallback:b"
endpoints = [{ address = "10.0.0.1:1", zone = "z" }]
[[pool]]
name = "d"
protocol = "tcp"
all_down = "fallback:a"
endpoints = [{ address = "10.0.0.1:1", zone = "z" }]
"#,
        expect![[r#"
            estate.toml:10:12: the fallbacks of these pools go round in a ring; let the last be open or closed
            estate.toml:19:12: pool `a` has another protocol; fall back to one of the same
        "#]],
    );
}

#[test]
fn records() {
    edit(
        "type = \"A\"",
        "type = \"AAAA\"",
        expect![[r#"
        estate.toml:47:19: pool `web` has no IPv6 endpoint for a record of type AAAA; add one or change the type
    "#]],
    );
    edit(
        "type = \"A\"",
        "type = \"MX\"",
        expect![[r#"
            estate.toml:45:8: records of type MX are not steered; write A or AAAA, or `values` in place of an answer
        "#]],
    );
    edit(
        "ttl = \"5s\"",
        "ttl = \"1500ms\"",
        expect![[r#"
        estate.toml:46:7: a TTL is 0 to 604800 whole seconds, this one is 1.5s; change it
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"www.example.com.\"",
        expect![[r#"
            estate.toml:44:8: www.example.com. lies in no hosted zone, there is only `example.test.`; add [[hosted_zone]] or change the name
        "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"www.example.test\"",
        expect![[r#"
        estate.toml:44:8: a DNS name here is absolute: end it with '.'
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"ftp.example.test.\"",
        expect![[r#"
        estate.toml:44:8: ftp.example.test. is also in the master file of its hosted zone, line 13; remove one of the two
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"mail.example.test.\"",
        expect![[r#"
        estate.toml:44:8: mail.example.test. is also in the master file of its hosted zone, line 11; remove one of the two
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"a.sub.example.test.\"",
        expect![[r#"
        estate.toml:44:8: a.sub.example.test. is hidden by sub.example.test. in the master file; remove one of the two
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"euw2-az1.web.pool.example.test.\"",
        expect![[r#"
        estate.toml:44:8: euw2-az1.web.pool.example.test. is the zonal name of pool `web` in zone `euw2-az1`; choose another name
    "#]],
    );
    edit(
        "name = \"www.example.test.\"",
        "name = \"eu-west-2a.web.pool.example.test.\"",
        expect![[r#"
        estate.toml:44:8: eu-west-2a.web.pool.example.test. is the zonal name of pool `web` in zone `eu-west-2a`; choose another name
    "#]],
    );
    edit(
        "file = \"example.test.zone\"",
        "file = \"other.zone\"",
        expect![[r#"
        estate.toml:41:8: the master file `other.zone` is not there; create it or remove `file`
    "#]],
    );
    edit(
        "name = \"example.test.\"",
        "name = \"*.example.test.\"",
        expect![[r#"
            estate.toml:40:8: a hosted zone's name has no '*'; remove it
        "#]],
    );
    add(
        "[[hosted_zone]]\nname = \"Example.TEST.\"",
        expect![[r#"
        estate.toml:51:8: hosted zone `example.test.` is listed twice; remove one of the two
    "#]],
    );
    add(
        "[[record]]\nname = \"WWW.example.test.\"\ntype = \"A\"\nanswer = { pool = \"web\" }",
        expect![[r#"
        estate.toml:51:8: record www.example.test. A is listed twice; remove one of the two
    "#]],
    );
}

/// Adds `more` to the master file, and `toml` to the estate.
fn add_plain(more: &str, toml: &str, expected: Expect) {
    let mut bundle = bundle(&format!("{DESIGN}\n{toml}"));
    bundle.files.insert("example.test.zone".to_owned(), format!("{DESIGN_ZONE}{more}"));
    let problems = read_estate("estate.toml", &bundle).unwrap_err();
    expected.assert_eq(&problems.to_string());
}

#[test]
fn zonal_names_are_ours() {
    add_plain(
        "euw2-az1.web.pool TXT x\n",
        "",
        expect![
            "example.test.zone:19:19: euw2-az1.web.pool.example.test. is the zonal name of pool `web` in zone `euw2-az1`; remove it"
        ],
    );
    add_plain(
        "web.pool NS ns1\n",
        "",
        expect![
            "example.test.zone:19:10: others answer for web.pool.example.test. and below it, where zonal names are; remove it"
        ],
    );
    add_plain(
        "pool NS ns1\n",
        "",
        expect![
            "example.test.zone:19:6: others answer for pool.example.test. and below it, where zonal names are; remove it"
        ],
    );
    add_plain(
        "@ DNAME x\n",
        "",
        expect![[r#"
        estate.toml:44:8: www.example.test. is hidden by example.test. in the master file; remove one of the two
        example.test.zone:9:12: ns1.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:10:17: ns2.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:11:9: mail.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:12:9: mail.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:13:9: ftp.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:14:11: _sip._tcp.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:15:9: svc.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:16:9: sub.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:17:9: ns.sub.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:18:9: any.example.test. is hidden by example.test., which others answer for; remove one of the two
        example.test.zone:19:3: others answer for example.test. and below it, where zonal names are; remove it"#]],
    );
    add(
        "[[hosted_zone]]\nname = \"web.pool.example.test.\"",
        expect![[r#"
        estate.toml:40:8: the hosted zone web.pool.example.test. hides zonal names of example.test.; rename one
    "#]],
    );
    let long = format!("{0}.{0}.{0}.example.test.", "x".repeat(62));
    add(
        &format!(
            "[[hosted_zone]]\nname = \"{long}\"\n[[pool]]\nname = \"{}\"\nendpoints = [{{ address = \"10.0.0.1:1\", zone = \"euw2-az1\" }}]",
            "p".repeat(30)
        ),
        expect![[r#"
            estate.toml:51:8: the zonal names <zone>.<pool>.pool.<hosted zone> would pass 253 bytes; shorten this name or the pools'
        "#]],
    );
}

#[test]
fn plain_records_lie_in_the_narrowest_hosted_zone() {
    let inner = "[[hosted_zone]]\nname = \"in.example.test.\"";
    add_plain(
        "a.in TXT x\nin TXT x\nin NS ns.in\nns.in A 10.1.1.1\n",
        inner,
        expect![[r#"
        example.test.zone:19:6: a.in.example.test. is hidden by in.example.test., which others answer for; remove one of the two
        example.test.zone:19:6: a.in.example.test. lies in the hosted zone in.example.test.; move it there
        example.test.zone:20:4: in.example.test. is hidden by in.example.test., which others answer for; remove one of the two
        example.test.zone:20:4: in.example.test. lies in the hosted zone in.example.test.; move it there"#]],
    );
}

#[test]
fn chains() {
    let chain = "choose = [\"open\", \"near\", \"weighted\", \"take 2\"]";
    edit(
        chain,
        "choose = []",
        expect![[r#"
        estate.toml:48:10: a chain begins with "open", or it would answer with evacuated zones; put it first
    "#]],
    );
    edit(
        chain,
        "choose = [\"near\", \"open\"]",
        expect![[r#"
        estate.toml:48:10: a chain begins with "open", or it would answer with evacuated zones; put it first
        estate.toml:48:19: open comes first; move it
    "#]],
    );
    edit(
        chain,
        "choose = [\"open\", \"opne\", \"geo\", \"cidr x\"]",
        expect![[r#"
            estate.toml:48:19: no filter is called "opne"; did you mean "open"? there are `open`, `near`, `latency`, `geo`, `cidr`, `same-zone`, `priority`, `weighted`, `sticky`, `shuffle`, `take N`
            estate.toml:48:27: geo chooses among branches, and a pool has endpoints; remove it, or write `answers` with `geo` on each of them
            estate.toml:48:34: no filter is called "cidr x"; did you mean "cidr"? there are `open`, `near`, `latency`, `geo`, `cidr`, `same-zone`, `priority`, `weighted`, `sticky`, `shuffle`, `take N`
        "#]],
    );
    edit(
        chain,
        "choose = [\"open\", \"take 9\", \"take\", \"take -1\"]",
        expect![[r#"
            estate.toml:48:19: take has a number from 1 to 8, not "9"; write such as "take 2"
            estate.toml:48:29: no filter is called "take"; there are `open`, `near`, `latency`, `geo`, `cidr`, `same-zone`, `priority`, `weighted`, `sticky`, `shuffle`, `take N`
            estate.toml:48:37: take has a number from 1 to 8, not "-1"; write such as "take 2"
        "#]],
    );
    edit(
        chain,
        "choose = [\"open\", \"weighted\", \"shuffle\", \"shuffle\", \"take 1\", \"priority\"]",
        expect![[r#"
            estate.toml:48:31: shuffle would undo the order before it; keep one of weighted, sticky and shuffle
            estate.toml:48:42: shuffle is here twice; remove one of the two
            estate.toml:48:63: nothing follows take; put priority before it
        "#]],
    );
    add(
        "[[region]]\nid = \"us-east-1\"",
        expect![[r#"
        estate.toml:48:19: near needs a location in every region; add it to `us-east-1`
    "#]],
    );
}

#[test]
fn columns_are_in_characters() {
    edit(
        "endpoints = [\n  { address = \"10.1.1.10:8080\", zone = \"euw2-az1\" },",
        "endpoints = [\n  { address = \"10.1.1.10:8080\", \"größe✓\" = 1, zone = \"nowhere\" },",
        expect![[r#"
            estate.toml:35:33: an endpoint has no `größe✓`; remove it, there are `address`, `zone`, `weight`, `priority`
            estate.toml:35:54: no zone is named `nowhere`; there are `eu-west-2a`, `euw2-az1`, `euw2-az2`
        "#]],
    );
}

#[test]
fn problems_of_two_files_come_together() {
    let toml = DESIGN.replace("rise = 2", "rise = 99");
    let mut bundle = bundle(&toml);
    bundle
        .files
        .insert("example.test.zone".to_owned(), "@ SOA ns1 h 1 1 1 1 1\n  NS ns1\nns1 A 1.2.3\n".to_owned());
    let problems = read_estate("conf/estate.toml", &bundle).unwrap_err();
    expect![[r#"
        conf/estate.toml:23:8: `rise` is 1 to 10, this is 99; change it
        conf/example.test.zone:3:7: the data of this A cannot be read: expected IPv4 address; change it"#]]
    .assert_eq(&problems.to_string());
}

#[test]
fn too_much_is_refused() {
    let regions = "[[region]]\nid = \"x\"\n".repeat(limits::REGIONS + 1);
    let zone = "[[zone]]\nid = \"z\"\nregion = \"x\"\n";
    let found = read_estate("estate.toml", &bundle(&format!("{regions}{zone}"))).unwrap_err();
    expect!["estate.toml:129:1: at most 64 of `region`, there are 65; remove some"]
        .assert_eq(&found.0.iter().rfind(|problem| problem.line != 0).unwrap().to_string());

    let many = "{ address = \"10.0.0.1:1\", zone = \"q\" }, ".repeat(limits::ENDPOINTS + 1);
    let found = read_estate(
        "estate.toml",
        &bundle(&DESIGN.replace("endpoints = [", &format!("endpoints = [{many}"))),
    )
    .unwrap_err();
    expect!["estate.toml:26:1: an estate has at most 100000 endpoints; remove some"]
        .assert_eq(&found.to_string());

    let found = read_estate("estate.toml", &bundle(&"#".repeat(limits::BUNDLE_BYTES))).unwrap_err();
    expect!["estate.toml: the estate and its master files have 16777823 bytes together, at most 16777216 are read; make them smaller"].assert_eq(&found.to_string());
}

#[test]
fn thousands_of_problems_are_cut() {
    let many = "{ address = \"10.0.0.1:1\", zone = \"q\" }, ".repeat(limits::ENDPOINTS - 2);
    let found = read_estate(
        "estate.toml",
        &bundle(&DESIGN.replace("endpoints = [", &format!("endpoints = [{many}"))),
    )
    .unwrap_err();
    assert_eq!(found.0.len(), 1_001);
    expect!["estate.toml: 198995 more problems are not shown; mend these first"]
        .assert_eq(&found.0.last().unwrap().to_string());
}
