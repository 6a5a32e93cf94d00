use std::collections::BTreeMap;

use super::*;
use crate::estate::EstateBundle;
use crate::read_estate;

const ESTATE: &str = r#"
[[region]]
id = "west"
[[zone]]
id = "a"
region = "west"
aliases = ["west-a"]
networks = ["10.1.0.0/16"]
[[zone]]
id = "b"
region = "west"
networks = ["10.2.0.0/16"]
[[pool]]
name = "web"
endpoints = [{ address = "10.1.0.1:80", zone = "a" }]
source = { srv = "_web._tcp.example.test.", zones = { "b.example.test." = "b", "10.1.7.0/24" = "b" }, max_endpoints = 3 }
"#;

fn estate() -> Estate {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
    read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

fn found(address: &str, zone: &str) -> SourcedEndpoint {
    SourcedEndpoint {
        address: address.parse().unwrap(),
        id: EndpointId::new(address).unwrap(),
        zone: zone.parse().unwrap(),
        weight: Weight::default(),
        priority: 0,
        lease: Duration::ZERO,
    }
}

fn set(endpoints: &[(&str, &str)]) -> EndpointSet {
    EndpointSet {
        pool: "web".parse().unwrap(),
        source: "srv _web._tcp.example.test.".to_owned(),
        endpoints: endpoints.iter().map(|(address, zone)| found(address, zone)).collect(),
    }
}

#[track_caller]
fn check(endpoints: &[(&str, &str)], expected: &str) {
    let estate = estate().with_sets(estate().digest, &[set(endpoints)]);
    let shown: Vec<String> = estate.pools[0]
        .endpoints
        .iter()
        .map(|endpoint| format!("{} {}", endpoint.address, estate.zone(endpoint.zone).id))
        .collect();
    assert_eq!(shown.join(", "), expected);
}

#[test]
fn endpoints_of_the_file_come_first_then_the_set_in_order() {
    check(&[], "10.1.0.1:80 a");
    check(&[("10.2.0.2:80", "b"), ("10.1.0.9:80", "a")], "10.1.0.1:80 a, 10.1.0.9:80 a, 10.2.0.2:80 b");
}

#[test]
fn what_does_not_fit_is_left_out() {
    check(&[("10.1.0.1:80", "b")], "10.1.0.1:80 a");
    check(&[("10.1.0.2:80", "z"), ("10.1.0.3:80", "west-a")], "10.1.0.1:80 a, 10.1.0.3:80 a");
    check(&[("10.1.0.2:0", "a"), ("224.0.0.1:80", "a")], "10.1.0.1:80 a");
    let many = [("10.1.0.2:80", "a"), ("10.1.0.3:80", "a"), ("10.1.0.4:80", "a"), ("10.1.0.5:80", "a")];
    check(&many, "10.1.0.1:80 a, 10.1.0.2:80 a, 10.1.0.3:80 a, 10.1.0.4:80 a");
}

#[test]
fn sets_take_the_place_of_sets() {
    let digest = estate().digest;
    let (one, other) = ([set(&[("10.1.0.2:80", "a")])], [set(&[("10.2.0.2:80", "b")])]);
    assert_eq!(
        estate().with_sets(digest, &one).with_sets(digest, &other),
        estate().with_sets(digest, &other)
    );
    assert_eq!(estate().with_sets(digest, &one).with_sets(digest, &[]), estate());
    assert_ne!(estate().with_sets(digest, &one).digest, estate().with_sets(digest, &other).digest);
}

#[test]
fn an_endpoint_is_placed_by_name_then_network_then_the_networks_of_zones() {
    let estate = estate();
    let places = &estate.pools[0].source.as_ref().unwrap().places;
    let place = |name: Option<&str>, address: &str| {
        let name = name.map(|name| DnsName::new(name).unwrap());
        let zone = estate.place(places, name.as_ref(), address.parse().unwrap())?;
        Some(estate.zone(zone).id.to_string())
    };
    assert_eq!(place(Some("b.example.test."), "10.1.0.1").as_deref(), Some("b"));
    assert_eq!(place(Some("x.example.test."), "10.1.7.1").as_deref(), Some("b"));
    assert_eq!(place(None, "10.1.8.1").as_deref(), Some("a"));
    assert_eq!(place(None, "10.9.8.1"), None);
}

#[test]
fn names_of_endpoints_are_plain() {
    for good in ["web-1", "10.1.0.1:80", "[2001:db8::1]:80", "a.example.test.:80", "file.toml#3"] {
        assert_eq!(EndpointId::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "a b", "ä", "a/b", &"x".repeat(129)] {
        assert!(EndpointId::new(bad).is_err(), "{bad:?}");
    }
}
