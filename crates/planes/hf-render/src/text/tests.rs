use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;
use hf_config::node::Reload;
use hf_control::{Intent, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, Share, ShiftId, Timestamp, ZoneId};
use proptest::prelude::*;

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["other-a"]
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "sorry"
endpoints = [{ address = "10.9.0.1:80", zone = "b" }]
[[pool]]
name = "web"
health_check = "up"
all_down = "DOWN"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b", weight = 50 },
  { address = "[2001:db8::3]:8080", zone = "b" },
]
[[pool]]
name = "empty"
source = { register = true }
"#;

pub(crate) const NOW: Timestamp = Timestamp(1_000_000_000_000);

/// `left` is a zone that is shifted away; of `web` these positions are unhealthy.
pub(crate) fn snapshot(left: Option<&str>, sick: &[usize], down: &str, revision: u64) -> Arc<Snapshot> {
    let toml = ESTATE.replace("DOWN", down);
    let bundle = EstateBundle { toml, ..EstateBundle::default() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let shift = |zone: &str| Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(5)),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(7),
    };
    let shifts = left.map(shift).into_iter().collect();
    let intent = Intent { revision: Revision(revision), estate: bundle, shifts, ..Intent::default() };
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; estate.subject_count()] };
    for at in sick {
        verdicts.of[at + 1] = Verdict::Unhealthy;
    }
    Arc::new(Snapshot::build(revision, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts))
}

pub(crate) fn file(what: Rendered, path: PathBuf, reload: Option<Reload>) -> RenderFile {
    RenderFile { name: what.kind().to_owned(), path, what, mode: 0o644, reload }
}

pub(crate) fn nginx(pool: &str) -> Rendered {
    Rendered::NginxUpstream { pool: pool.parse().unwrap(), parameters: "max_fails=0".to_owned() }
}

fn envoy(pool: &str) -> Rendered {
    Rendered::EnvoyEds { pool: pool.parse().unwrap(), cluster: "web-cluster".to_owned() }
}

pub(crate) fn zone(zone: &str, resource: &str, exists: Exists) -> Rendered {
    Rendered::ZoneState {
        zone: ZoneId::new(zone).unwrap(),
        resource: resource.to_owned(),
        exists,
        text_open: "0".to_owned(),
        text_away: "1".to_owned(),
    }
}

fn told(snapshot: &Snapshot, what: Rendered) -> String {
    match text(snapshot, &file(what, "/x".into(), None)) {
        Ok(Some(text)) => text,
        Ok(None) => "no file\n".to_owned(),
        Err(problem) => format!("{problem}\n"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` stands in the call")]
fn check(snapshot: &Snapshot, what: Rendered, expected: Expect) {
    expected.assert_eq(&told(snapshot, what));
}

#[test]
fn nginx_has_a_line_for_each_endpoint() {
    check(
        &snapshot(None, &[], "open", 1),
        nginx("web"),
        expect![[r#"
        # The servers of the pool web. Holdfast writes this file; what is changed by hand is lost.
        server 10.0.0.1:80 weight=2 max_fails=0; # a
        server 10.0.0.2:80 weight=1 max_fails=0; # b
        server [2001:db8::3]:8080 weight=2 max_fails=0; # b
    "#]],
    );
    check(
        &snapshot(Some("a"), &[1], "open", 1),
        nginx("web"),
        expect![[r#"
        # The servers of the pool web. Holdfast writes this file; what is changed by hand is lost.
        server 10.0.0.1:80 down max_fails=0; # a
        server 10.0.0.2:80 down max_fails=0; # b
        server [2001:db8::3]:8080 weight=2 max_fails=0; # b
    "#]],
    );
    check(
        &snapshot(None, &[0, 1, 2], "closed", 1),
        nginx("web"),
        expect![[r#"
        # The servers of the pool web. Holdfast writes this file; what is changed by hand is lost.
        server 10.0.0.1:80 down max_fails=0; # a
        server 10.0.0.2:80 down max_fails=0; # b
        server [2001:db8::3]:8080 down max_fails=0; # b
    "#]],
    );
    check(
        &snapshot(None, &[0, 1, 2], "fallback:sorry", 1),
        nginx("web"),
        expect![[r#"
        # The servers of the pool web. Holdfast writes this file; what is changed by hand is lost.
        # The pool has fallen back to sorry.
        server 10.9.0.1:80 weight=1 max_fails=0; # b
    "#]],
    );
}

#[test]
fn envoy_has_a_locality_for_each_open_zone() {
    check(
        &snapshot(Some("a"), &[], "open", 1),
        envoy("web"),
        expect![[r#"
        {
          "version_info": "418958ffca56",
          "resources": [
            {
              "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
              "cluster_name": "web-cluster",
              "endpoints": [
                {
                  "locality": {
                    "region": "r",
                    "zone": "b"
                  },
                  "load_balancing_weight": 3,
                  "lb_endpoints": [
                    {
                      "endpoint": {
                        "address": {
                          "socket_address": {
                            "address": "10.0.0.2",
                            "port_value": 80
                          }
                        }
                      },
                      "load_balancing_weight": 1
                    },
                    {
                      "endpoint": {
                        "address": {
                          "socket_address": {
                            "address": "2001:db8::3",
                            "port_value": 8080
                          }
                        }
                      },
                      "load_balancing_weight": 2
                    }
                  ]
                }
              ]
            }
          ]
        }
    "#]],
    );
    check(
        &snapshot(None, &[0, 1, 2], "closed", 1),
        envoy("web"),
        expect![[r#"
        {
          "version_info": "0f1d51b69290",
          "resources": [
            {
              "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
              "cluster_name": "web-cluster",
              "endpoints": []
            }
          ]
        }
    "#]],
    );
}

#[test]
fn the_text_changes_only_with_what_is_listed() {
    let of = |left, revision| told(&snapshot(left, &[], "open", revision), envoy("web"));
    assert_eq!(of(None, 1), of(None, 2));
    assert_ne!(of(None, 1), of(Some("a"), 2));
}

#[test]
fn a_zone_that_returns_comes_in_few_steps_to_who_is_started_again() {
    let mut snapshot = Snapshot::clone(&snapshot(None, &[], "open", 1));
    let mut texts = |reload: Option<Reload>| {
        let of = file(nginx("web"), "/x".into(), reload);
        let mut all: Vec<String> = (0..=100)
            .map(|percent| {
                snapshot.decision.pools[1].zones[0].share = Share::from_ppm(percent * 10_000).unwrap();
                text(&snapshot, &of).unwrap().unwrap()
            })
            .collect();
        all.dedup();
        all.len()
    };
    let reload = Reload { command: vec!["/bin/true".to_owned()], timeout: Duration::from_secs(1) };
    assert_eq!((texts(Some(reload)), texts(None)), (5, 101));
}

#[test]
fn a_zones_file_is_there_when_it_should_be() {
    let (all, left) = (snapshot(None, &[], "open", 1), snapshot(Some("a"), &[], "open", 1));
    let of = |name, resource, exists| {
        (told(&all, zone(name, resource, exists)), told(&left, zone(name, resource, exists)))
    };
    let pair = |open: &str, away: &str| (open.to_owned(), away.to_owned());
    assert_eq!(of("a", "everything", Exists::Away), pair("no file\n", "1\n"));
    assert_eq!(of("other-a", "pool/web", Exists::Open), pair("0\n", "no file\n"));
    assert_eq!(of("a", "everything", Exists::Always), pair("0\n", "1\n"));
    assert_eq!(of("b", "everything", Exists::Always), pair("0\n", "0\n"));
}

#[test]
fn what_cannot_be_told_is_said() {
    let all = snapshot(None, &[], "open", 1);
    for (what, expected) in [
        (nginx("shop"), "the estate has no pool `shop`; change `pool` in the node's file\n"),
        (nginx("empty"), "the pool `empty` has no endpoints at all; look at its source\n"),
        (
            zone("zz", "everything", Exists::Away),
            "the estate has no zone `zz`; write the id or an alias of one that it has\n",
        ),
        (zone("a", "pool/shop", Exists::Away), "the estate has no `pool/shop`; write one that it has\n"),
        (
            zone("a", "pool/sorry", Exists::Away),
            "`pool/sorry` has no endpoint in zone a; ask about a zone that it is in\n",
        ),
    ] {
        assert_eq!(told(&all, what), expected);
    }
}

proptest! {
    /// Who is listed to Envoy is who is not down in nginx, whatever is sick and left; and unless the pool closes, that is somebody.
    #[test]
    fn both_formats_say_the_same(sick in proptest::collection::btree_set(0_usize..3, 0..=3), left in proptest::option::of(prop_oneof![Just("a"), Just("b")]), closes in any::<bool>()) {
        let sick: Vec<usize> = sick.into_iter().collect();
        let snapshot = snapshot(left, &sick, if closes { "closed" } else { "open" }, 1);
        let nginx = told(&snapshot, nginx("web"));
        let lines: Vec<&str> = nginx.lines().filter(|line| line.starts_with("server ") && !line.contains(" down")).collect();
        let json: serde_json::Value = serde_json::from_str(&told(&snapshot, envoy("web"))).unwrap();
        let of = |locality: &serde_json::Value| locality["lb_endpoints"].as_array().map_or(0, Vec::len);
        let listed: usize = json["resources"][0]["endpoints"].as_array().unwrap().iter().map(of).sum();
        prop_assert_eq!(lines.len(), listed);
        prop_assert!(closes || listed > 0);
    }
}
