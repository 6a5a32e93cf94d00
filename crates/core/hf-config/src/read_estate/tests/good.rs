//! What right estates become.

use std::fmt::Debug;
use std::fmt::Write as _;

use super::*;
use crate::estate::{Filter, HostedZone};

/// An estate with one thing a line.
fn golden(estate: &Estate) -> String {
    fn lines(text: &mut String, list: &[impl Debug]) {
        for thing in list {
            writeln!(text, "{thing:?}").unwrap();
        }
    }
    let mut text = String::new();
    lines(&mut text, &estate.regions);
    lines(&mut text, &estate.zones);
    lines(&mut text, &estate.health_checks);
    lines(&mut text, &estate.pools);
    for HostedZone { name, soa, plain, .. } in &estate.hosted_zones {
        writeln!(text, "{name} {soa:?}").unwrap();
        for record in plain {
            let (kind, data) = (crate::type_text(record.rtype), crate::data_text(record));
            writeln!(text, "  {} {} {kind} {data}", record.name, record.ttl).unwrap();
        }
    }
    lines(&mut text, &estate.records);
    text
}

fn read(toml: &str) -> Estate {
    read_estate("estate.toml", &bundle(toml)).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_design_example_is_read_whole() {
    expect![[r#"
        Region { id: eu-west-2, location: Some(Location { latitude_millideg: 51500, longitude_millideg: -100 }), control: None }
        Zone { id: euw2-az1, region: RegionIx(0), aliases: [eu-west-2a], capacity: Some(Capacity(5000)), networks: [Cidr { base: 10.1.1.0, bits: 24 }], control: None }
        Zone { id: euw2-az2, region: RegionIx(0), aliases: [], capacity: None, networks: [], control: None }
        HealthCheck { name: web, kind: Http(HttpCheck { method: Get, path: "/healthz", host: None, headers: [], version: Http1, tls: None, follow_redirects: 0, status: [StatusRange { from: 200, to: 299 }], body: Some("ok"), body_regex: None }), interval: 1s, timeout: 500ms, confirm_interval: 1s, rise: 2, fall: 3, count: Consecutive, port: None, address: None, initial: Unknown, inverted: false, disabled: false, quorum: Share(180000) }
        Pool { name: web, protocol: Http, listen: Some(0.0.0.0:8080), health_check: Some(CheckIx(0)), cross_zone: Off, min_zones: 2, min_capacity: Share(0), all_down: Open, return_over: 30s, dns_minimum: Minimum { count: 1, share: Share(0) }, routing_minimum: Minimum { count: 1, share: Share(0) }, control: None, endpoints: [Endpoint { address: 10.1.1.10:8080, zone: ZoneIx(0), weight: Weight(100), priority: 0 }, Endpoint { address: 10.1.2.10:8080, zone: ZoneIx(1), weight: Weight(50), priority: 0 }], source: None, hosts: [], paths: [], listener: ListenerOptions { tls: false, proxy_protocol: ProxyAccept { required: false, from: [] } }, to_endpoint: ToEndpoint { tls: None, http: Http1, proxy_protocol: None }, balancing: Balancing { choice: LeastLoaded, affinity: Share(1000000), slow_start: 0ns, sticky: None, spill: true }, patience: Patience { connect: 1s, header: 10s, response_header: 60s, body_idle: 30s, client_idle: 60s, kept_idle: 4s, unacknowledged: 3s, tunnel_idle: 3600s, request: None }, bounds: Bounds { client_connections: 10000, in_flight_per_endpoint: 4096, header_bytes: 65536, body_bytes: None, streams_per_connection: 100, replay_bytes: 65536, connecting_per_endpoint: 64, kept_per_endpoint: 1024 }, retries: Retries { tries: 3, budget: Share(200000), on_status: [] }, failover: None, ejection: Ejection { failures: 5, failure_share: Share(500000), time: 10s, time_max: 300s, share_max: Share(340000), statuses: true }, assigned: None }
        example.test. Some(Soa { mname: ns1.example.test., rname: hostmaster.example.test., serial: 2024060100, refresh: 3600, retry: 900, expire: 1209600, minimum: 5, ttl: 3600 })
          example.test. 3600 NS ns1.example.test.
          example.test. 3600 NS ns2.example.test.
          example.test. 3600 MX 10 mail.example.test.
          ns1.example.test. 3600 A 10.1.1.53
          ns2.example.test. 300 AAAA 2001:db8::53
          mail.example.test. 3600 A 10.1.1.25
          mail.example.test. 3600 TXT "v=spf1 mx -all" "it is \"quoted\""
          ftp.example.test. 3600 CNAME mail.example.test.
          _sip._tcp.example.test. 3600 SRV 0 5 5060 mail.example.test.
          svc.example.test. 3600 HTTPS 1 . alpn=h2,h3 port=8443
          sub.example.test. 3600 NS ns.sub.example.test.
          ns.sub.example.test. 3600 A 10.9.9.9
          any.example.test. 3600 TYPE65280 \# 3 01 02 03
        Record { name: www.example.test., family: V4, ttl: Ttl(5), pool: PoolIx(0), choose: [Open, Near, Weighted, Take(2)], sticky: None, hosted_zone: 0, control: None }
    "#]].assert_eq(&golden(&read(DESIGN)));
}

#[test]
fn the_digest_is_of_toml_and_files() {
    let estate = read(DESIGN);
    assert_eq!(estate.digest, bundle(DESIGN).digest());
    assert_ne!(estate.digest, read(&format!("{DESIGN}# more\n")).digest);
}

const SMALL: &str = r#"
[[region]]
id = "r"
[[region]]
id = "s"
[[zone]]
id = "z"
region = "s"
[[health_check]]
name = "tcp"
kind = "tcp"
interval = "250ms"
[[health_check]]
name = "http"
kind = "http"
expect = { status = 204 }
[[pool]]
name = "p"
endpoints = [{ address = "[2001:db8::1]:80", zone = "z" }]
[[pool]]
name = "q"
protocol = "tcp"
cross_zone = true
min_capacity = "33.3333%"
all_down = "closed"
[[pool.endpoints]]
address = "10.0.0.1:80"
zone = "z"
weight = 0
priority = 1
[[hosted_zone]]
name = "Example.test."
[[hosted_zone]]
name = "deep.example.test."
[[record]]
name = "*.deep.example.test."
type = "AAAA"
answer = { pool = "p" }
[[record]]
name = "example.test."
type = "A"
ttl = "1m"
answer = { pool = "q" }
choose = ["open", "same-zone", "priority", "shuffle", "take 8"]
"#;

/// Whatever may be left out has the default that the types' documentation names.
#[test]
fn defaults() {
    expect![[r#"
        Region { id: r, location: None, control: None }
        Region { id: s, location: None, control: None }
        Zone { id: z, region: RegionIx(1), aliases: [], capacity: None, networks: [], control: None }
        HealthCheck { name: tcp, kind: Tcp(TcpCheck { send: None, expect: None, tls: None }), interval: 250ms, timeout: 125ms, confirm_interval: 250ms, rise: 2, fall: 3, count: Consecutive, port: None, address: None, initial: Unknown, inverted: false, disabled: false, quorum: Share(180000) }
        HealthCheck { name: http, kind: Http(HttpCheck { method: Get, path: "/", host: None, headers: [], version: Http1, tls: None, follow_redirects: 0, status: [StatusRange { from: 204, to: 204 }], body: None, body_regex: None }), interval: 1s, timeout: 500ms, confirm_interval: 1s, rise: 2, fall: 3, count: Consecutive, port: None, address: None, initial: Unknown, inverted: false, disabled: false, quorum: Share(180000) }
        Pool { name: p, protocol: Http, listen: None, health_check: None, cross_zone: Off, min_zones: 1, min_capacity: Share(0), all_down: Open, return_over: 30s, dns_minimum: Minimum { count: 1, share: Share(0) }, routing_minimum: Minimum { count: 1, share: Share(0) }, control: None, endpoints: [Endpoint { address: [2001:db8::1]:80, zone: ZoneIx(0), weight: Weight(100), priority: 0 }], source: None, hosts: [], paths: [], listener: ListenerOptions { tls: false, proxy_protocol: ProxyAccept { required: false, from: [] } }, to_endpoint: ToEndpoint { tls: None, http: Http1, proxy_protocol: None }, balancing: Balancing { choice: LeastLoaded, affinity: Share(1000000), slow_start: 0ns, sticky: None, spill: true }, patience: Patience { connect: 1s, header: 10s, response_header: 60s, body_idle: 30s, client_idle: 60s, kept_idle: 4s, unacknowledged: 3s, tunnel_idle: 3600s, request: None }, bounds: Bounds { client_connections: 10000, in_flight_per_endpoint: 4096, header_bytes: 65536, body_bytes: None, streams_per_connection: 100, replay_bytes: 65536, connecting_per_endpoint: 64, kept_per_endpoint: 1024 }, retries: Retries { tries: 3, budget: Share(200000), on_status: [] }, failover: None, ejection: Ejection { failures: 5, failure_share: Share(500000), time: 10s, time_max: 300s, share_max: Share(340000), statuses: true }, assigned: None }
        Pool { name: q, protocol: Tcp, listen: None, health_check: None, cross_zone: On, min_zones: 1, min_capacity: Share(333333), all_down: Closed, return_over: 30s, dns_minimum: Minimum { count: 1, share: Share(0) }, routing_minimum: Minimum { count: 1, share: Share(0) }, control: None, endpoints: [Endpoint { address: 10.0.0.1:80, zone: ZoneIx(0), weight: Weight(0), priority: 1 }], source: None, hosts: [], paths: [], listener: ListenerOptions { tls: false, proxy_protocol: ProxyAccept { required: false, from: [] } }, to_endpoint: ToEndpoint { tls: None, http: Http1, proxy_protocol: None }, balancing: Balancing { choice: LeastLoaded, affinity: Share(1000000), slow_start: 0ns, sticky: None, spill: true }, patience: Patience { connect: 1s, header: 10s, response_header: 60s, body_idle: 30s, client_idle: 60s, kept_idle: 4s, unacknowledged: 3s, tunnel_idle: 3600s, request: None }, bounds: Bounds { client_connections: 10000, in_flight_per_endpoint: 4096, header_bytes: 65536, body_bytes: None, streams_per_connection: 100, replay_bytes: 65536, connecting_per_endpoint: 64, kept_per_endpoint: 1024 }, retries: Retries { tries: 3, budget: Share(200000), on_status: [] }, failover: None, ejection: Ejection { failures: 5, failure_share: Share(500000), time: 10s, time_max: 300s, share_max: Share(340000), statuses: true }, assigned: None }
        example.test. None
        deep.example.test. None
        Record { name: *.deep.example.test., family: V6, ttl: Ttl(5), pool: PoolIx(0), choose: [Open, Weighted, Take(2)], sticky: None, hosted_zone: 1, control: None }
        Record { name: example.test., family: V4, ttl: Ttl(60), pool: PoolIx(1), choose: [Open, SameZone, Priority, Shuffle, Take(8)], sticky: None, hosted_zone: 0, control: None }
    "#]].assert_eq(&golden(&read(SMALL)));
}

#[test]
fn nearest_first_by_default_where_that_can_be_told() {
    let located = SMALL
        .replace("id = \"r\"", "id = \"r\"\nlocation = { latitude = 1, longitude = -1.5 }")
        .replace("id = \"s\"", "id = \"s\"\nlocation = { latitude = -90, longitude = 180 }");
    let chain = &read(&located).records[0].choose;
    assert_eq!(*chain, [Filter::Open, Filter::Near, Filter::Weighted, Filter::Take(2)]);
}

#[test]
fn files_are_found_before_all_is_right() {
    let toml = "zone = 1\n[[hosted_zone]]\nfile = \"b\"\n[[hosted_zone]]\nfile = \"a\"\n[[hosted_zone]]\nfile = \"b\"";
    assert_eq!(estate_files("estate.toml", toml).unwrap(), ["a", "b"]);
    let wrong = estate_files("estate.toml", "[[hosted_zone]]\nfile = 7").unwrap_err();
    expect!["estate.toml:2:8: `file` is a string in quotes, this is a whole number; change it"]
        .assert_eq(&wrong.to_string());
}

#[test]
fn a_node_file_is_told_from_an_estate() {
    let wrong = read_estate("node.toml", &bundle("[node]\nid = \"n\"")).unwrap_err();
    expect!["node.toml: this is a node file; an estate file has [[zone]] and [[pool]]"]
        .assert_eq(&wrong.to_string());
}
