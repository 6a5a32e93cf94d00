use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Share, ShiftId, Timestamp};

use super::*;
use crate::messages::{Cluster, ClusterLoadAssignment, Listener, LocalityLbEndpoints, RouteConfiguration};

pub(crate) const ESTATE: &str = r#"
[[region]]
id = "near"
location = { latitude = 51.5, longitude = 0.0 }
[[region]]
id = "far"
location = { latitude = 38.9, longitude = -77.4 }
[[zone]]
id = "n1"
region = "near"
aliases = ["other-n1"]
[[zone]]
id = "n2"
region = "near"
[[zone]]
id = "f1"
region = "far"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web"
health_check = "up"
all_down = "DOWN"
endpoint_http = "2"
endpoints = [
  { address = "10.1.0.1:80", zone = "n1" },
  { address = "10.1.0.2:80", zone = "n1", weight = 50 },
  { address = "10.2.0.1:80", zone = "n2" },
  { address = "10.2.0.2:80", zone = "n2", weight = 0 },
  { address = "[2001:db8::1]:80", zone = "f1" },
]
[[pool]]
name = "spare"
cross_zone = true
endpoints = [
  { address = "10.9.0.1:80", zone = "f1", weight = 0 },
  { address = "10.9.0.2:80", zone = "n1", weight = 0 },
]
[[pool]]
name = "secure"
endpoint_tls = { server_name = "secure.test" }
endpoints = [{ address = "10.9.0.3:443", zone = "n1" }]
"#;

pub(crate) const NOW: Timestamp = Timestamp(1_000_000_000_000);

/// What the test says of a world.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) all_down: &'a str,
    /// Positions in the pool `web`.
    pub(crate) sick: &'a [usize],
    pub(crate) shifted: &'a [&'a str],
    pub(crate) revision: u64,
}

impl Default for World<'_> {
    fn default() -> Self {
        World { all_down: "open", sick: &[], shifted: &[], revision: 7 }
    }
}

pub(crate) fn snapshot(world: World<'_>) -> Snapshot {
    snapshot_of(ESTATE, world)
}

pub(crate) fn snapshot_of(toml: &str, world: World<'_>) -> Snapshot {
    let bundle = EstateBundle { toml: toml.replace("DOWN", world.all_down), ..EstateBundle::default() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; estate.subject_count()] };
    for at in world.sick {
        verdicts.of[*at] = Verdict::Unhealthy;
    }
    let shift = |zone: &&str| Shift {
        id: ShiftId::new(&format!("shift-{zone}")).unwrap(),
        zone: zone.parse().unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(std::time::Duration::from_mins(5)),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(world.revision),
    };
    let intent = Intent {
        revision: Revision(world.revision),
        estate: bundle,
        shifts: world.shifted.iter().map(shift).collect(),
        ..Intent::default()
    };
    Snapshot::build(3, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts)
}

pub(crate) fn resources(world: World<'_>) -> Resources {
    Resources::of(Arc::new(snapshot(world)))
}

fn line(of: &LocalityLbEndpoints) -> String {
    let locality = of.locality.as_ref().unwrap();
    let endpoint = |of: &crate::messages::LbEndpoint| {
        let address =
            of.endpoint.as_ref().unwrap().address.as_ref().unwrap().socket_address.as_ref().unwrap();
        let weight = of.load_balancing_weight.as_ref().unwrap().value;
        format!(" {}:{}={weight}", address.address, address.port_value)
    };
    let endpoints: String = of.lb_endpoints.iter().map(endpoint).collect();
    let weight = of.load_balancing_weight.as_ref().unwrap().value;
    format!("{} {}/{} {weight}:{endpoints}\n", of.priority, locality.region, locality.zone)
}

/// A line for each locality: priority, region/zone, its weight, its endpoints and theirs.
fn told(resources: &Resources, pool: &str, near: Option<&str>) -> String {
    let near = near.map(|zone| resources.zone(&zone.parse().unwrap()).unwrap());
    let resource = &resources.table(Kind::Endpoints, near)[pool];
    let of = ClusterLoadAssignment::decode(resource.value.clone()).unwrap();
    assert_eq!(of.cluster_name, pool);
    assert_eq!(of.policy.unwrap().overprovisioning_factor.unwrap().value, 100);
    of.endpoints.iter().map(line).collect()
}

fn check(world: World<'_>, pool: &str, near: Option<&str>, expected: &Expect) {
    expected.assert_eq(&told(&resources(world), pool, near));
}

#[test]
fn zones_are_localities_that_weigh_what_their_endpoints_weigh() {
    check(
        World::default(),
        "web",
        None,
        &expect![[r#"
        0 near/n1 3: 10.1.0.1:80=100 10.1.0.2:80=50
        0 near/n2 2: 10.2.0.1:80=100
        0 far/f1 2: 2001:db8::1:80=100
    "#]],
    );
}

#[test]
fn a_zone_that_is_away_is_not_there() {
    check(
        World { shifted: &["n1"], ..World::default() },
        "web",
        None,
        &expect![[r#"
        0 near/n2 2: 10.2.0.1:80=100
        0 far/f1 2: 2001:db8::1:80=100
    "#]],
    );
}

#[test]
fn an_impaired_endpoint_is_left_out_while_anybody_better_serves() {
    check(
        World { sick: &[0, 4], ..World::default() },
        "web",
        None,
        &expect![[r#"
        0 near/n1 1: 10.1.0.2:80=50
        0 near/n2 2: 10.2.0.1:80=100
    "#]],
    );
}

#[test]
fn when_the_decision_fails_open_all_that_it_names_are_good() {
    check(
        World { sick: &[0, 1, 2, 3, 4], ..World::default() },
        "web",
        None,
        &expect![[r#"
        0 near/n1 3: 10.1.0.1:80=100 10.1.0.2:80=50
        0 near/n2 2: 10.2.0.1:80=100
        0 far/f1 2: 2001:db8::1:80=100
    "#]],
    );
    let closed = World { sick: &[0, 1, 2, 3, 4], all_down: "closed", ..World::default() };
    check(closed, "web", None, &expect![[""]]);
    let fallback = World { sick: &[0, 1, 2, 3, 4], all_down: "fallback:spare", ..World::default() };
    check(
        fallback,
        "web",
        None,
        &expect![[r#"
        0 near/n1 1: 10.9.0.2:80=1
        0 far/f1 1: 10.9.0.1:80=1
    "#]],
    );
}

#[test]
fn a_client_that_is_kept_near_has_its_zone_then_its_region_first() {
    check(
        World::default(),
        "web",
        Some("n2"),
        &expect![[r#"
        0 near/n2 2: 10.2.0.1:80=100
        1 near/n1 3: 10.1.0.1:80=100 10.1.0.2:80=50
        2 far/f1 2: 2001:db8::1:80=100
    "#]],
    );
    // No gap where its own zone is away; an alias is the same zone.
    check(
        World { shifted: &["n1"], ..World::default() },
        "web",
        Some("other-n1"),
        &expect![[r#"
        0 near/n2 2: 10.2.0.1:80=100
        1 far/f1 2: 2001:db8::1:80=100
    "#]],
    );
    // A pool that crosses zones has no near ones.
    check(
        World::default(),
        "spare",
        Some("n1"),
        &expect![[r#"
        0 near/n1 1: 10.9.0.2:80=1
        0 far/f1 1: 10.9.0.1:80=1
    "#]],
    );
}

#[test]
fn a_zone_that_returns_weighs_its_share() {
    let mut snapshot = snapshot(World::default());
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    let share = |of: &mut Snapshot, zone: usize, ppm| {
        of.decision.pools[web.at()].zones[zone].share = Share::from_ppm(ppm).unwrap();
    };
    share(&mut snapshot, 0, 10_000);
    share(&mut snapshot, 1, 0);
    expect![[r#"
        0 near/n1 3: 10.1.0.1:80=100 10.1.0.2:80=50
        0 far/f1 200: 2001:db8::1:80=100
    "#]]
    .assert_eq(&told(&Resources::of(Arc::new(snapshot)), "web", None));
}

#[test]
fn weights_stay_within_the_protocol() {
    let many = |zone: &str, at: usize| {
        format!(
            "{{ address = \"10.0.{}.{}:80\", zone = \"{zone}\", weight = 65535 }},",
            at / 250,
            at % 250 + 1
        )
    };
    let mut endpoints: String = (0..200).map(|at| many("n1", at)).collect();
    endpoints.push_str("{ address = \"10.9.9.9:80\", zone = \"n2\", weight = 1 },");
    let toml = format!(
        "[[region]]\nid = \"r\"\n[[zone]]\nid = \"n1\"\nregion = \"r\"\n[[zone]]\nid = \"n2\"\nregion = \"r\"\n[[pool]]\nname = \"web\"\nendpoints = [{endpoints}]\n"
    );
    let resources = Resources::of(Arc::new(snapshot_of(&toml, World::default())));
    let told = told(&resources, "web", None);
    let weights: Vec<u64> =
        told.lines().map(|line| line.split([' ', ':']).nth(2).unwrap().parse().unwrap()).collect();
    assert!(
        weights.iter().sum::<u64>() < u64::from(u32::MAX) && weights.iter().all(|of| *of > 0),
        "{weights:?}"
    );
}

#[test]
fn clusters_take_their_endpoints_from_the_same_stream() {
    let resources = resources(World::default());
    let cluster = |name: &str| {
        let of = &resources.table(Kind::Cluster, None)[name];
        (Cluster::decode(of.value.clone()).unwrap(), of.for_all)
    };
    let (web, for_all) = cluster("web");
    assert!(for_all && web.ignore_health_on_host_removal && web.discovery == Cluster::EDS);
    assert!(web.typed_extension_protocol_options.len() == 1 && web.eds_cluster_config.is_some());
    let (spare, _) = cluster("spare");
    assert!(spare.typed_extension_protocol_options.is_empty());
    assert!(!cluster("secure").1, "only who asks by name gets a cluster without its TLS");
}

#[test]
fn a_name_leads_to_its_pool() {
    let resources = resources(World::default());
    let listener = &resources.table(Kind::Listener, None)["web"];
    assert!(!listener.for_all);
    let listener = Listener::decode(listener.value.clone()).unwrap();
    let manager = listener.api_listener.unwrap().api_listener.unwrap();
    let manager = crate::messages::HttpConnectionManager::decode(manager.value).unwrap();
    assert_eq!(manager.rds.unwrap().route_config_name, "web");
    assert_eq!(manager.http_filters.len(), 1);
    let route = RouteConfiguration::decode(resources.table(Kind::Route, None)["web"].value.clone()).unwrap();
    assert_eq!(route.virtual_hosts[0].routes[0].route.as_ref().unwrap().cluster, "web");
}

#[test]
fn the_same_content_has_the_same_version_whenever_and_wherever_it_was_made() {
    let (one, other) = (resources(World::default()), resources(World { revision: 9, ..World::default() }));
    for kind in Kind::ALL {
        assert_eq!(one.table(kind, None), other.table(kind, None));
    }
    let shifted = resources(World { shifted: &["n1"], ..World::default() });
    assert_ne!(one.table(Kind::Endpoints, None)["web"], shifted.table(Kind::Endpoints, None)["web"]);
    assert_eq!(one.table(Kind::Cluster, None), shifted.table(Kind::Cluster, None));
}

#[test]
fn golden_versions() {
    // What other nodes, of other versions of this program, have to agree with: a change makes all clients take everything anew at an upgrade.
    let resources = resources(World::default());
    let told: String = Kind::ALL
        .iter()
        .map(|kind| format!("{kind:?} {}\n", resources.table(*kind, None)["web"].version))
        .collect();
    expect![[r#"
        Cluster 156ca594f055b52a
        Endpoints 205afcef2cd6a718
        Listener 99c3913b5ef960d1
        Route ee139b925d140c29
    "#]]
    .assert_eq(&told);
}
