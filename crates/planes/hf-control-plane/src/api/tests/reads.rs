//! What the reading routes answer.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{expect, expect_file};
use hf_config::node::Role;
use hf_health::Verdict;
use tokio::sync::watch;

use super::fixture::{Fixture, NOW};

#[test]
fn the_description_is_the_golden_one() {
    expect_file!["../../../golden/openapi.json"].assert_eq(&crate::api::openapi());
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let described: serde_json::Value = serde_json::from_str(&crate::api::openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is another one's name");
        }
    }
}

#[tokio::test]
async fn every_described_route_answers() {
    let fixture = Fixture::control().await;
    let described = fixture.ask("GET", "/openapi.json", "").await.json();
    let mut count = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            // A thing of that name need not be there; the route must.
            let names = path.contains('{');
            let path = path.replace("{id}", "shift-1").replace("{kind}", "pool").replace(['{', '}'], "");
            let answer = fixture.ask(&method.to_uppercase(), &path, "").await;
            assert!(answer.status != 404 || names, "{method} {path}: {}", answer.text);
            assert!(!answer.text.contains("there is no route"), "{method} {path}: {}", answer.text);
            assert_ne!(answer.status, 405, "{method} {path}");
            count += 1;
        }
    }
    assert_eq!(count, 59);
}

#[tokio::test]
async fn break_glass_is_listed_with_who_obeys_it() {
    let mut fixture = Fixture::control().await;
    fixture.glass_of = vec![hf_control::BreakGlassShift {
        estate: hf_model::EstateId::default(),
        zone: hf_model::ZoneId::new("a").unwrap(),
        reason: "no ledger".to_owned(),
        by: hf_model::Operator::new("ann"),
        signed_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(10)),
    }];
    fixture.obey();
    fixture.clock.set(NOW.plus(Duration::from_secs(1)));
    fixture.hear("n2", &[Role::Balancer], 1, 9, 900);
    let listed = fixture.ask("GET", "/v1/shifts", "").await.json()["break_glass"].clone();
    assert_eq!((listed[0]["zone"].as_str(), listed[0]["by"].as_str()), (Some("a"), Some("ann")));
    assert_eq!(listed[0]["acknowledged"][0]["applied"], false, "n2 tells that it obeys none");
    assert_eq!(listed[0]["time_to_zero"]["waiting_for"], serde_json::json!(["n2"]));
    assert_eq!(listed[0]["time_to_zero"]["last_new_request_ms"], 100);
    assert_eq!(fixture.ask("GET", "/v1/status", "").await.json()["break_glass"], listed);
}

#[tokio::test]
async fn what_is_wrong_with_another_nodes_estate_file_is_told_here_too() {
    let fixture = Fixture::empty(&[Role::Balancer]).await;
    fixture.hear("control", &[Role::Control], 1, 0, 0);
    fixture.reports.send_modify(|reports| {
        let heard = std::sync::Arc::make_mut(reports).values_mut().next().unwrap();
        heard.report.estate_file_problem = Some("estate.toml:3:1: no".to_owned());
    });
    assert_eq!(
        fixture.ask("GET", "/v1/status", "").await.json()["estate_file_problem"],
        "estate.toml:3:1: no"
    );
}

#[tokio::test]
async fn status_at_a_glance() {
    let mut fixture = Fixture::control().await;
    let balancer = [Role::Balancer];
    fixture.hear("n1", &balancer, 1, 100, 0);
    fixture.clock.set(NOW.plus(Duration::from_secs(2)));
    fixture.hear("n1", &balancer, 1, 150, 0);
    fixture.hear("old", &balancer, 1, 0, 0);
    fixture.shift("r1").await;
    fixture.clock.set(NOW.plus(Duration::from_secs(6)));
    fixture.hear("n1", &balancer, 2, 200, 3_900);
    fixture.obey_with(&[Verdict::Healthy, Verdict::Unhealthy]);
    fixture.problem.send_replace(Some("estate.toml:3:1: no".to_owned()));
    let status = fixture.ask("GET", "/v1/status", "").await;
    let _: hf_api::Status = serde_json::from_str(&status.text).unwrap();
    expect![[r#"
        {
          "break_glass": [],
          "break_glass_recorded": [],
          "closing_sources": {
            "acts_at": null,
            "acts_here": false,
            "sources": []
          },
          "consumers": {
            "forgotten": 0,
            "groups": [],
            "left_out": 0,
            "revision": 0,
            "silent_nodes": []
          },
          "controls_off": [],
          "deployments": [],
          "estate_digest": "c1924a10f217",
          "estate_file_problem": "estate.toml:3:1: no",
          "estate_id": "75e9c6493a8e1f9cf357d4bfb92ca9a4",
          "estate_revision": 1,
          "floors_overridden": [],
          "gray": [],
          "gray_told": [],
          "gray_told_more": 0,
          "node": "n1",
          "nodes": [
            {
              "api": null,
              "api_key": null,
              "booted_from_disk": false,
              "id": "n1",
              "last_heard_ms": 0,
              "problem": null,
              "revision": 2,
              "roles": [
                "balancer"
              ],
              "snapshot": 4,
              "stale": false,
              "status": null,
              "version": "0.1.0",
              "zone": "b"
            },
            {
              "api": null,
              "api_key": null,
              "booted_from_disk": false,
              "id": "old",
              "last_heard_ms": 4000,
              "problem": null,
              "revision": 1,
              "roles": [
                "balancer"
              ],
              "snapshot": 4,
              "stale": true,
              "status": null,
              "version": "0.1.0",
              "zone": "b"
            }
          ],
          "not_applied": [
            {
              "resource": "pool/web",
              "source": "health",
              "why": "at least 1 zone must stay, this would leave 0",
              "zone": "b"
            }
          ],
          "now_ms": 1700000006000,
          "pins": [],
          "pools": [
            {
              "fallback": null,
              "mode": "fail_open",
              "name": "web",
              "of": 2,
              "scale_in_held": "pool/web: a is away (shift-2 until 2023-11-14T22:43:22Z): the others carry its part, and it must be whole when it returns",
              "serving": 1,
              "zones": [
                {
                  "open_connections": 0,
                  "reason": {
                    "by": null,
                    "held": false,
                    "kind": "shifted",
                    "shift": "shift-2",
                    "text": "shift-2 until 2023-11-14T22:43:22Z",
                    "until_ms": 1700001802000
                  },
                  "share_ppm": 1000000,
                  "state": "away",
                  "zone": "a"
                },
                {
                  "open_connections": 0,
                  "reason": {
                    "by": null,
                    "held": false,
                    "kind": "fail_open",
                    "shift": null,
                    "text": "failing open",
                    "until_ms": null
                  },
                  "share_ppm": 0,
                  "state": "open",
                  "zone": "b"
                }
              ]
            }
          ],
          "returning": [],
          "revision": 2,
          "shifts": [
            {
              "acknowledged": [
                {
                  "applied": true,
                  "last_heard_ms": 0,
                  "node": "n1",
                  "revision": 2,
                  "silent": false
                },
                {
                  "applied": false,
                  "last_heard_ms": 4000,
                  "node": "old",
                  "revision": 1,
                  "silent": true
                }
              ],
              "by": "operator",
              "consumers": {
                "applied": 0,
                "applied_ms": null,
                "groups": [],
                "lagging": 0,
                "last_work_ms": null,
                "left_out": 0,
                "not_told": 0,
                "running": 0,
                "silent": 0,
                "work_not_told": 0
              },
              "effect": {
                "applied": 1,
                "not_applied": []
              },
              "ended_at_ms": null,
              "ended_by": null,
              "ends_at_ms": 1700001802000,
              "expiring": false,
              "floor_overrides": [],
              "held": false,
              "id": "shift-2",
              "kind": "zonal",
              "reason": "smoke",
              "resource": "everything",
              "revision": 2,
              "started_at_ms": 1700000002000,
              "state": "active",
              "time_to_zero": {
                "balancers": [
                  {
                    "last_byte_ms": 0,
                    "last_new_request_ms": 100,
                    "last_open_connection_ms": 100,
                    "node": "n1",
                    "open_connections": 0,
                    "silent": false
                  },
                  {
                    "last_byte_ms": 0,
                    "last_new_request_ms": 0,
                    "last_open_connection_ms": 0,
                    "node": "old",
                    "open_connections": 0,
                    "silent": true
                  }
                ],
                "last_byte_ms": 0,
                "last_dns_answer_ms": null,
                "last_new_request_ms": 100,
                "last_open_connection_ms": 100,
                "measurable": true,
                "measured": true,
                "open_connections": 0,
                "silent": [
                  "old"
                ],
                "waiting_for": []
              },
              "zone": "a"
            }
          ],
          "snapshot": 2,
          "zones": [
            {
              "aliases": [
                "aa"
              ],
              "failures_per_1000_s": 0,
              "headroom_ppm": 833340,
              "healthy": 1,
              "id": "a",
              "of": 1,
              "open_connections": 0,
              "reason": {
                "by": null,
                "held": false,
                "kind": "shifted",
                "shift": "shift-2",
                "text": "shift-2 until 2023-11-14T22:43:22Z",
                "until_ms": 1700001802000
              },
              "region": "r",
              "requests_per_1000_s": 16666,
              "scale_in_held": "pool/web: a is away (shift-2 until 2023-11-14T22:43:22Z): the others carry its part, and it must be whole when it returns",
              "share_ppm": 1000000,
              "state": "away"
            },
            {
              "aliases": [],
              "failures_per_1000_s": 0,
              "headroom_ppm": null,
              "healthy": 0,
              "id": "b",
              "of": 1,
              "open_connections": 0,
              "reason": {
                "by": null,
                "held": false,
                "kind": "impaired",
                "shift": null,
                "text": "impaired",
                "until_ms": null
              },
              "region": "r",
              "requests_per_1000_s": 0,
              "scale_in_held": "pool/web: a is away (shift-2 until 2023-11-14T22:43:22Z): the others carry its part, and it must be whole when it returns",
              "share_ppm": 0,
              "state": "open"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&status.json()).unwrap());
}

#[tokio::test]
async fn explain_names() {
    let mut fixture = Fixture::control().await;
    fixture.shift("r1").await;
    fixture.obey();
    let show = |text: String| {
        let explain: hf_api::Explain = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        let mut lines = vec![explain.question];
        for step in explain.steps {
            let kept: Vec<_> = step.kept.iter().map(|kept| format!("+{}", kept.endpoint)).collect();
            let removed: Vec<_> =
                step.removed.iter().map(|gone| format!("-{} {}", gone.endpoint, gone.why)).collect();
            lines.push(
                format!("  {}: {} {} {}", step.name, step.text, kept.join(" "), removed.join(" "))
                    .trim_end()
                    .to_owned(),
            );
        }
        lines.extend(explain.answer.into_iter().map(|line| format!("= {line}")));
        lines.join("\n") + "\n\n"
    };
    let mut text = String::new();
    for question in [
        "name=www.example.test.&type=A&from=192.0.2.7",
        "name=www.example.test&type=aaaa&from=2001:db8::1",
        "name=a.web.pool.example.test.&from=198.51.100.1",
        "name=example.test.&type=NS&from=198.51.100.1",
        "name=nope.example.test.&type=TYPE16&from=198.51.100.1",
        "name=elsewhere.test.&from=198.51.100.1",
        "pool=web&from_zone=aa",
        "pool=pool/web&from_zone=b",
    ] {
        text += &show(fixture.ask("GET", &format!("/v1/explain?{question}"), "").await.text);
    }
    fixture.obey_with(&[Verdict::Unhealthy, Verdict::Unhealthy]);
    text += &show(fixture.ask("GET", "/v1/explain?name=www.example.test.&from=192.0.2.7", "").await.text);
    text += &show(fixture.ask("GET", "/v1/explain?pool=web&from_zone=a", "").await.text);
    expect![[r#"
        www.example.test. A from 192.0.2.7
          client: the client is in a, by that zone's networks
          pool: pool/web serves from healthy endpoints of open zones
          open: keeps what serves +10.0.0.2:80 -10.0.0.1:80 does not serve: shift-2 until 2023-11-14T22:43:20Z
          same-zone: keeps the client's zone, else its region +10.0.0.2:80
        = www.example.test. 5 A 10.0.0.2

        www.example.test. AAAA from 2001:db8::1
          plain: from the hosted zone's plain records: nothing is chosen
        = NODATA: the name exists, and has no record of this type now

        a.web.pool.example.test. A from 198.51.100.1
          zonal: a zonal name: endpoints of pool/web in a, its healthy ones, whatever shifts say
          open: keeps what serves +10.0.0.1:80
          weighted: orders by weighted chance +10.0.0.1:80
          take 8: keeps the first ones +10.0.0.1:80
        = a.web.pool.example.test. 5 A 10.0.0.1

        example.test. NS from 198.51.100.1
          plain: from the hosted zone's plain records: nothing is chosen
        = example.test. 3600 NS ns.example.test.

        nope.example.test. TXT from 198.51.100.1
          plain: from the hosted zone's plain records: nothing is chosen
        = NXDOMAIN: there is no such name

        elsewhere.test. A from 198.51.100.1
        = REFUSED: this is not in a hosted zone

        pool/web from a balancer in a
          pool: pool/web serves from healthy endpoints of open zones
          open: keeps what serves +10.0.0.2:80 -10.0.0.1:80 does not serve: shift-2 until 2023-11-14T22:43:20Z
          order: the own zone does not serve: the nearest others, by weight +10.0.0.2:80
        = 10.0.0.2:80 in b

        pool/web from a balancer in b
          pool: pool/web serves from healthy endpoints of open zones
          open: keeps what serves +10.0.0.2:80 -10.0.0.1:80 does not serve: shift-2 until 2023-11-14T22:43:20Z
          order: own zone first, by weight; the others only when it has nobody left +10.0.0.2:80
        = 10.0.0.2:80 in b

        www.example.test. A from 192.0.2.7
          client: the client is in a, by that zone's networks
          pool: pool/web fails open: too few are healthy, so health is ignored
          open: keeps what serves +10.0.0.2:80 -10.0.0.1:80 does not serve: shift-2 until 2023-11-14T22:43:20Z
          same-zone: keeps the client's zone, else its region +10.0.0.2:80
        = www.example.test. 5 A 10.0.0.2

        pool/web from a balancer in a
          pool: pool/web fails open: too few are healthy, so health is ignored
          open: keeps what serves +10.0.0.2:80 -10.0.0.1:80 does not serve: shift-2 until 2023-11-14T22:43:20Z
          order: the own zone does not serve: the nearest others, by weight +10.0.0.2:80
        = 10.0.0.2:80 in b

    "#]]
    .assert_eq(&text);
}

#[tokio::test(start_paused = true)]
async fn the_journal_has_entries_refusals_and_decisions() {
    let mut fixture = Fixture::control().await;
    let (_stop, shutdown) = watch::channel(false);
    let api = fixture.api.clone();
    tokio::spawn(async move { api.observe(shutdown).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    fixture.shift("r1").await;
    fixture.shift("r2").await;
    fixture.obey();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let journal = fixture.ask("GET", "/v1/journal", "").await;
    let journal: hf_api::Journal = serde_json::from_str(&journal.text).unwrap();
    assert_eq!((journal.node.as_str(), journal.ledger), ("n1", true));
    let lines: Vec<String> = journal
        .lines
        .iter()
        .map(|line| {
            format!(
                "{} {:?} {} {}: {} ({})",
                line.number, line.kind, line.revision, line.by, line.text, line.why
            )
        })
        .collect();
    expect![[r#"
        1 Done 1 test: first estate c1924a10f217 in force ()
        2 Decision 1 n1: this node serves its first snapshot (a open, b open)
        3 Done 2 operator: shift-2 takes everything out of a until 2023-11-14T22:43:20Z (smoke)
        4 Refused 3 operator: refused: shift everything out of a for 30m, because: smoke (`shift-2` already takes `everything` out of a; extend or cancel it)
        5 Decision 3 n1: a: open -> away (shift-2 until 2023-11-14T22:43:20Z; 1 of 1 endpoints healthy; revision 3, snapshot 2)"#]].assert_eq(&lines.join("\n"));
    let page = |query: String| {
        let fixture = &fixture;
        async move {
            let page = fixture.ask("GET", &format!("/v1/journal{query}"), "").await;
            serde_json::from_str::<hf_api::Journal>(&page.text).unwrap()
        }
    };
    let first = page("?after=0&limit=2".to_owned()).await;
    assert_eq!((first.lines.as_slice(), first.gap), (&journal.lines[..2], false));
    let rest = page(format!("?after={}", first.next_after)).await;
    assert_eq!(rest.lines, journal.lines[2..]);
    let none = page(format!("?after={}", rest.next_after)).await;
    assert_eq!((none.lines.len(), none.next_after), (0, rest.next_after));
    assert_eq!(page("?limit=1".to_owned()).await.lines, journal.lines[journal.lines.len() - 1..]);
}

#[tokio::test]
async fn a_ledger_out_of_reach_counts_as_a_problem() {
    let fixture = Fixture::control().await;
    fixture.hear("n1", &[Role::Control], 1, 0, 0);
    let metric = "holdfast_ledger_problem{} ";
    assert!(fixture.ask("GET", "/metrics", "").await.text.contains(&format!("{metric}0")));
    fixture.reports.send_modify(|reports| {
        for heard in Arc::make_mut(reports).values_mut() {
            heard.report.ledger_problem = Some("the ledger cannot be reached".to_owned());
        }
    });
    assert!(fixture.ask("GET", "/metrics", "").await.text.contains(&format!("{metric}1")));
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let mut fixture = Fixture::control().await;
    fixture.hear("n1", &[Role::Balancer], 1, 42, 0);
    fixture.shift("r1").await;
    fixture.obey();
    expect![[r##"
        # HELP holdfast_build_info The program; always 1.
        # TYPE holdfast_build_info gauge
        holdfast_build_info{version="0.1.0",node="n1"} 1
        # HELP holdfast_changes_answered_early Changes that were answered before this node's own planes obeyed them, since that took longer than 50 ms.
        # TYPE holdfast_changes_answered_early counter
        holdfast_changes_answered_early_total{} 1
        # HELP holdfast_estate_file_problem Whether the watched estate file is not in force.
        # TYPE holdfast_estate_file_problem gauge
        holdfast_estate_file_problem{} 0
        # HELP holdfast_ledger_problem Whether the ledger of this node takes no changes: damaged, out of reach, or behind what the nodes hold.
        # TYPE holdfast_ledger_problem gauge
        holdfast_ledger_problem{} 0
        # HELP holdfast_revision The newest ledger revision in force here.
        # TYPE holdfast_revision gauge
        holdfast_revision{} 2
        # HELP holdfast_snapshot_number The snapshot in force here.
        # TYPE holdfast_snapshot_number gauge
        holdfast_snapshot_number{} 2
        # HELP holdfast_snapshot_made_timestamp_seconds When it was made.
        # TYPE holdfast_snapshot_made_timestamp_seconds gauge
        holdfast_snapshot_made_timestamp_seconds{} 1700000000.0
        # HELP holdfast_zone_state 1 for the state that a zone is in.
        # TYPE holdfast_zone_state gauge
        holdfast_zone_state{zone="a",region="r",state="away"} 1
        holdfast_zone_state{zone="a",region="r",state="open"} 0
        holdfast_zone_state{zone="b",region="r",state="away"} 0
        holdfast_zone_state{zone="b",region="r",state="open"} 1
        # HELP holdfast_zone_endpoints Endpoints of a zone.
        # TYPE holdfast_zone_endpoints gauge
        holdfast_zone_endpoints{zone="a",region="r"} 1
        holdfast_zone_endpoints{zone="b",region="r"} 1
        # HELP holdfast_zone_endpoints_healthy Of these, healthy.
        # TYPE holdfast_zone_endpoints_healthy gauge
        holdfast_zone_endpoints_healthy{zone="a",region="r"} 1
        holdfast_zone_endpoints_healthy{zone="b",region="r"} 1
        # HELP holdfast_scale_in_allowed 1 while things of a zone may be scaled in, 0 while a zone is away from one of its pools or returning.
        # TYPE holdfast_scale_in_allowed gauge
        holdfast_scale_in_allowed{zone="a"} 0
        holdfast_scale_in_allowed{zone="b"} 0
        # HELP holdfast_zone_capacity Requests a second that a zone carries: declared, or the most of a week that went well.
        # TYPE holdfast_zone_capacity gauge
        holdfast_zone_capacity{zone="a",basis="declared"} 100
        # HELP holdfast_pool_scale_in_allowed 1 while a pool may be scaled in, 0 while one of its zones is away or returning.
        # TYPE holdfast_pool_scale_in_allowed gauge
        holdfast_pool_scale_in_allowed{pool="web"} 0
        # HELP holdfast_carried_left_out Seconds of pools in zones that are not kept for want of room.
        # TYPE holdfast_carried_left_out counter
        holdfast_carried_left_out_total{} 0
        # HELP holdfast_zones_held Zones whose shift is past its end and held.
        # TYPE holdfast_zones_held gauge
        holdfast_zones_held{} 0
        # HELP holdfast_pool_mode 1 for the mode that a pool is in.
        # TYPE holdfast_pool_mode gauge
        holdfast_pool_mode{pool="web",mode="closed"} 0
        holdfast_pool_mode{pool="web",mode="fail_open"} 0
        holdfast_pool_mode{pool="web",mode="fallback"} 0
        holdfast_pool_mode{pool="web",mode="normal"} 1
        # HELP holdfast_pool_not_applied Acts on a pool that yielded.
        # TYPE holdfast_pool_not_applied gauge
        holdfast_pool_not_applied{pool="web"} 0
        # HELP holdfast_shifts_active Shifts in force.
        # TYPE holdfast_shifts_active gauge
        holdfast_shifts_active{} 1
        # HELP holdfast_pins_active Pins in force.
        # TYPE holdfast_pins_active gauge
        holdfast_pins_active{} 0
        # HELP holdfast_break_glass_active 1 while nodes leave a zone by a break-glass shift that the ledger does not go on with.
        # TYPE holdfast_break_glass_active gauge
        holdfast_break_glass_active{zone="a"} 0
        holdfast_break_glass_active{zone="b"} 0
        # HELP holdfast_break_glass_conflicts Break-glass shifts that contradict the ledger and have not ended.
        # TYPE holdfast_break_glass_conflicts gauge
        holdfast_break_glass_conflicts{} 0
        # HELP holdfast_shift_end_timestamp_seconds When a shift is due to end.
        # TYPE holdfast_shift_end_timestamp_seconds gauge
        holdfast_shift_end_timestamp_seconds{shift="shift-2",zone="a",resource="everything"} 1700001800.0
        # HELP holdfast_shift_ends_in_seconds Until a shift is due to end; 0 when it is held.
        # TYPE holdfast_shift_ends_in_seconds gauge
        holdfast_shift_ends_in_seconds{id="shift-2",zone="a"} 1800
        # HELP holdfast_shift_expiring Whether the end of a shift is near.
        # TYPE holdfast_shift_expiring gauge
        holdfast_shift_expiring{id="shift-2",zone="a"} 0
        # HELP holdfast_node_last_heard_timestamp_seconds When a node was last heard.
        # TYPE holdfast_node_last_heard_timestamp_seconds gauge
        holdfast_node_last_heard_timestamp_seconds{node="n1"} 1700000000.0
        # HELP holdfast_node_revision The newest revision that a node has applied.
        # TYPE holdfast_node_revision gauge
        holdfast_node_revision{node="n1"} 1
        # HELP holdfast_zone_requests Requests sent to a zone by this node.
        # TYPE holdfast_zone_requests counter
        holdfast_zone_requests_total{pool="web",zone="a"} 42
        holdfast_zone_requests_total{pool="web",zone="b"} 100
        # HELP holdfast_zone_request_failures Of these, failed.
        # TYPE holdfast_zone_request_failures counter
        holdfast_zone_request_failures_total{pool="web",zone="a"} 1
        holdfast_zone_request_failures_total{pool="web",zone="b"} 1
        # HELP holdfast_zone_dns_answers DNS answers of this node that named a zone.
        # TYPE holdfast_zone_dns_answers counter
        holdfast_zone_dns_answers_total{pool="web",zone="a"} 3
        holdfast_zone_dns_answers_total{pool="web",zone="b"} 3
        # HELP holdfast_zone_open_connections Connections of this node to a zone.
        # TYPE holdfast_zone_open_connections gauge
        holdfast_zone_open_connections{pool="web",zone="a"} 0
        holdfast_zone_open_connections{pool="web",zone="b"} 0
        # HELP holdfast_zone_last_new_request_timestamp_seconds When the newest request was sent.
        # TYPE holdfast_zone_last_new_request_timestamp_seconds gauge
        holdfast_zone_last_new_request_timestamp_seconds{pool="web",zone="a"} 1700000000.0
        holdfast_zone_last_new_request_timestamp_seconds{pool="web",zone="b"} 1700000000.0
        # HELP holdfast_zone_last_dns_answer_timestamp_seconds When a DNS answer last named it.
        # TYPE holdfast_zone_last_dns_answer_timestamp_seconds gauge
        holdfast_zone_last_dns_answer_timestamp_seconds{pool="web",zone="a"} 1700000000.0
        holdfast_zone_last_dns_answer_timestamp_seconds{pool="web",zone="b"} 1700000000.0
        # HELP holdfast_consumer_groups_left_out Groups of consumers without lines of their own.
        # TYPE holdfast_consumer_groups_left_out gauge
        holdfast_consumer_groups_left_out{} 0
        # HELP holdfast_consumer_instances_forgotten Instances of consumers that had to make room for others on some node.
        # TYPE holdfast_consumer_instances_forgotten counter
        holdfast_consumer_instances_forgotten_total{} 0
        # HELP holdfast_balancer_endpoints_left_out Endpoints whose counts are not here, since there are too many.
        # TYPE holdfast_balancer_endpoints_left_out gauge
        holdfast_balancer_endpoints_left_out{} 0
        # HELP holdfast_client_networks_measured Client networks whose round-trip time this node knows.
        # TYPE holdfast_client_networks_measured gauge
        holdfast_client_networks_measured{} 0
        # EOF
    "##]]
    .assert_eq(&fixture.ask("GET", "/metrics", "").await.text);
}

#[tokio::test]
async fn the_front_page_points_on() {
    let fixture = Fixture::control().await;
    let page = fixture.ask("GET", "/", "").await.text;
    assert!(page.contains("node n1") && page.contains("/openapi.json"), "{page}");
    expect!["ready: snapshot 1 at revision 1\n"].assert_eq(&fixture.ask("GET", "/readyz", "").await.text);
}

#[tokio::test]
async fn a_ring_journal_keeps_the_newest() {
    use hf_ledger::{Journal, JournalLine};
    let ring = crate::RingJournal::default();
    for number in 0..crate::ring::LINES as u8 as usize + crate::ring::LINES {
        ring.append(vec![JournalLine { revision: None, bytes: number.to_string().into_bytes() }])
            .await
            .unwrap();
    }
    let newest = ring.newest_position().await.unwrap();
    let lines = ring.read(0, 10_000).await.unwrap();
    assert_eq!((lines.len(), lines.last().unwrap().position), (crate::ring::LINES, newest));
    assert_eq!(lines[0].position, newest - crate::ring::LINES as u64 + 1);
}
