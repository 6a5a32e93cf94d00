use std::fmt::Write as _;

use hf_model::{Capacity, Digest, PoolName, RegionId, ZoneId};

use super::*;
use crate::estate::{AllDown, CrossZone, Endpoint, Protocol, Region, RegionIx, Zone};

/// `a:100,50 b:0 c@900:10`: zones with an optional stated capacity and the weights of the pool's endpoints there.
fn estate(text: &str) -> Estate {
    let mut zones = Vec::new();
    let mut endpoints = Vec::new();
    for (at, part) in text.split(' ').enumerate() {
        let (head, weights) = part.split_once(':').unwrap();
        let (id, capacity) = head.split_once('@').map_or((head, None), |(id, stated)| (id, Some(stated)));
        zones.push(Zone {
            id: ZoneId::new(id).unwrap(),
            region: RegionIx(0),
            aliases: Vec::new(),
            capacity: capacity.map(|stated| Capacity(stated.parse().unwrap())),
            networks: Vec::new(),
            control: None,
        });
        endpoints.extend(weights.split(',').filter(|weight| !weight.is_empty()).map(|weight| Endpoint {
            address: "127.0.0.1:80".parse().unwrap(),
            zone: ZoneIx(at as u16),
            weight: Weight(weight.parse().unwrap()),
            priority: 0,
        }));
    }
    let pool = Pool {
        protocol: Protocol::Http,
        listen: None,
        health_check: None,
        cross_zone: CrossZone::Off,
        min_zones: 1,
        min_capacity: Share::ZERO,
        all_down: AllDown::Open,
        return_over: std::time::Duration::ZERO,
        dns_minimum: crate::estate::Minimum::default(),
        routing_minimum: crate::estate::Minimum::default(),
        control: None,
        ..Pool::new(PoolName::new("web").unwrap(), endpoints)
    };
    Estate {
        digest: Digest::of(b""),
        regions: vec![Region { id: RegionId::new("r").unwrap(), location: None, control: None }],
        zones,
        health_checks: Vec::new(),
        pools: vec![pool],
        hosted_zones: Vec::new(),
        records: Vec::new(),
        trees: Vec::new(),
        aliases: Vec::new(),
        cidr_collections: Vec::new(),
        control_panels: Vec::new(),
        routing_controls: Vec::new(),
        safety_rules: Vec::new(),
        assignments: Vec::new(),
        services: Vec::new(),
        consumers: Vec::new(),
        closing_sources: Vec::new(),
        checking: crate::estate::Checking::default(),
    }
}

fn check(text: &str, open: &[u16], want: &str) {
    let estate = estate(text);
    let pool = &estate.pools[0];
    let mut got = String::new();
    for zone in pool_zones(pool) {
        write!(got, "{}={} ", estate.zone(zone).id, zone_capacity(&estate, pool, zone)).unwrap();
    }
    let open: Vec<ZoneIx> = open.iter().copied().map(ZoneIx).collect();
    write!(got, "of {}, left {}", floor_zones(pool).len(), share_left(&estate, pool, &open)).unwrap();
    assert_eq!(got, want, "{text}");
}

#[test]
fn weights_count_where_no_capacity_is_stated() {
    check("a:100,50 b:50", &[0], "a=150 b=50 of 2, left 75.0%");
}

#[test]
fn stated_capacities_count_when_every_zone_has_one() {
    check("a@300:1 b@100:1", &[0], "a=300 b=100 of 2, left 75.0%");
    check("a@300:1 b:1", &[0], "a=1 b=1 of 2, left 50.0%");
}

#[test]
fn a_zone_without_weight_is_a_spare() {
    check("a:100 b:0 c:100", &[0, 1], "a=100 b=0 c=100 of 2, left 50.0%");
    check("a@10:1 b:0 c@30:1", &[2], "a=10 b=0 c=30 of 2, left 75.0%");
}

#[test]
fn among_spares_only_all_count_alike() {
    check("a:0,0 b:0,0", &[1], "a=2 b=2 of 2, left 50.0%");
}

#[test]
fn zones_without_endpoints_do_not_count() {
    check("a:1 b: c:1", &[1], "a=1 c=1 of 2, left 0.0%");
    check("a:1 b: c:1", &[], "a=1 c=1 of 2, left 0.0%");
}
