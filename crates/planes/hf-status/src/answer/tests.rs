use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_clock::Clock;
use hf_consumers::Groups;
use hf_control::{BreakGlassShift, Pin, PinTo, Scope};
use hf_model::{EstateId, Operator, Revision};
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;

use super::*;
use crate::acknowledge::Life;
use crate::bounds::Limits;
use crate::testing::{NOW, hosted, open, open_at, shift, shifted, smaller, snapshot, zone};

struct Fixture {
    shared: Rc<Shared>,
    clock: Clock,
    consumers: Consumers,
}

fn fixture(first: Option<Arc<Snapshot>>) -> Fixture {
    fixture_with(first, Limits::default())
}

fn fixture_with(first: Option<Arc<Snapshot>>, limits: Limits) -> Fixture {
    let clock = Clock::manual(NOW.plus(Duration::from_millis(1_500)));
    let consumers = Consumers::default();
    let shared = Shared::new(limits, clock.clone(), consumers.clone(), Arc::default());
    if let Some(first) = first {
        shared.tables.take(first);
    }
    Fixture { shared, clock, consumers }
}

impl Fixture {
    fn raw(&self, request: &str) -> (Then, String) {
        self.raw_from(asker("192.0.2.1"), request)
    }

    /// What follows, and all that is sent.
    fn raw_from(&self, asker: Asker, request: &str) -> (Then, String) {
        let request = hosted(request);
        let (read, len) = Request::read(request.as_bytes()).unwrap().expect("a whole head");
        let mut out = Vec::new();
        let then = answer(&self.shared, asker, &read, &request.as_bytes()[len..], &mut out);
        if let Then::Watch(watch) = &then {
            out.extend_from_slice(&watch.first);
        }
        (then, String::from_utf8(out).unwrap())
    }

    /// Makes all tables of the newest snapshot.
    fn renewed(&self) {
        while self.shared.tables.renew_some().is_some() {}
    }

    /// What follows a new revision.
    fn revised(&self) {
        let mut last = None;
        loop {
            let Shared { register, tables, .. } = &*self.shared;
            last = register.revise_some(tables, self.clock.now(), last.as_ref());
            if last.is_none() {
                break;
            }
        }
    }

    /// Status, state and body.
    fn get(&self, target: &str) -> String {
        self.ask(&format!("GET {target} HTTP/1.1\r\n\r\n"))
    }

    fn ask(&self, request: &str) -> String {
        let (_, answer) = self.raw(request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        let status = &head["HTTP/1.1 ".len()..][..3];
        let state = field(head, "holdfast-state").unwrap_or("-");
        if let Some(len) = field(head, "content-length") {
            assert!(body.is_empty() || body.len() == len.parse::<usize>().unwrap(), "{answer}");
        }
        format!("{status} {state} {}", body.trim_end())
    }

    fn post(&self, body: &str) -> String {
        self.ask(&format!("POST /acknowledge HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    fn tag(&self, target: &str) -> String {
        let (_, answer) = self.raw(&format!("GET {target} HTTP/1.1\r\n\r\n"));
        field(&answer, "etag").expect("a tag").to_owned()
    }

    fn groups(&self) -> Groups {
        self.consumers.groups(self.clock.now(), Revision(7))
    }
}

fn asker(from: &str) -> Asker {
    Asker { source: from.parse().unwrap(), since: Instant::now() }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn check(snapshot: Arc<Snapshot>, target: &str, expected: Expect) {
    expected.assert_eq(&fixture(Some(snapshot)).get(target));
}

#[test]
fn an_open_zone_is_200() {
    check(
        open(),
        "/status/a",
        expect![[
            r#"200 open {"zone":"a","aliases":["aa"],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
}

#[test]
fn a_shifted_zone_is_500_and_closed() {
    check(
        shifted(),
        "/status/a",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        shifted(),
        "/closed/a",
        expect![[
            r#"200 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        shifted(),
        "/status/b",
        expect![[
            r#"200 open {"zone":"b","aliases":[],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        shifted(),
        "/closed/b",
        expect![[
            r#"404 open {"zone":"b","aliases":[],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
}

#[test]
fn an_alias_names_the_zone() {
    check(
        shifted(),
        "/status/aa",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        shifted(),
        "/status/%61%61",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
}

#[test]
fn a_shift_past_its_end_is_held() {
    check(
        snapshot(|intent, _| intent.shifts.push(shift("a", "everything", 0))),
        "/status/a",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7, held past its end of 2001-09-09T01:46:40Z","until_ms":1000000000000,"held":true,"revision":7,"age_ms":1500}"#
        ]],
    );
}

#[test]
fn pin_and_break_glass_name_themselves() {
    let pinned = snapshot(|intent, _| {
        intent.pins.push(Pin {
            zone: zone("a"),
            scope: Scope::Everything,
            to: PinTo::Out,
            reason: "x".to_owned(),
            by: Operator::new("bob"),
            started_at: NOW,
            ends_at: NOW.plus(Duration::from_mins(1)),
            floor_overrides: vec![],
            revision: Revision(6),
        });
    });
    check(
        pinned,
        "/status/a",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"pin","reason":"pinned out by bob until 2001-09-09T01:47:40Z","until_ms":1000000060000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    let glass = snapshot(|_, glass| {
        glass.push(BreakGlassShift {
            estate: EstateId::default(),
            zone: zone("b"),
            reason: "x".to_owned(),
            by: Operator::new("eve"),
            signed_at: NOW,
            ends_at: NOW.plus(Duration::from_mins(1)),
        });
    });
    check(
        glass,
        "/status/b",
        expect![[
            r#"500 away {"zone":"b","aliases":[],"resource":"everything","state":"away","source":"break_glass","reason":"break-glass by eve until 2001-09-09T01:47:40Z","until_ms":1000000060000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
}

#[test]
fn one_pool_or_record_may_be_away_alone() {
    let one = || snapshot(|intent, _| intent.shifts.push(shift("a", "pool/web", 30)));
    check(
        one(),
        "/status/a",
        expect![[
            r#"200 open {"zone":"a","aliases":["aa"],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status/a?resource=pool/web",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"pool/web","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status/a?resource=record/www.example.test.",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"record/www.example.test.","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status/a?resource=record%2FWWW.example.test.",
        expect![[
            r#"500 away {"zone":"a","aliases":["aa"],"resource":"record/www.example.test.","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status/a?resource=pool/api",
        expect![[
            r#"200 open {"zone":"a","aliases":["aa"],"resource":"pool/api","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status/a?resource=everything",
        expect![[
            r#"200 open {"zone":"a","aliases":["aa"],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7,"age_ms":1500}"#
        ]],
    );
    check(
        one(),
        "/status?resource=pool/web",
        expect![[
            r#"200 - {"tag":"3293f65d19a3b2e6","revision":7,"snapshot":3,"made_at_ms":1000000000000,"zones":[{"zone":"a","aliases":["aa"],"resource":"pool/web","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7},{"zone":"b","aliases":[],"resource":"pool/web","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7}]}"#
        ]],
    );
}

#[test]
fn the_table_has_all_zones() {
    check(
        shifted(),
        "/status",
        expect![[
            r#"200 - {"tag":"ee94025fa8b01d37","revision":7,"snapshot":3,"made_at_ms":1000000000000,"zones":[{"zone":"a","aliases":["aa"],"resource":"everything","state":"away","source":"shift","reason":"shift-7 until 2001-09-09T02:16:40Z","until_ms":1000001800000,"held":false,"revision":7},{"zone":"b","aliases":[],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7},{"zone":"c","aliases":[],"resource":"everything","state":"open","source":"health","reason":"not checked","until_ms":null,"held":false,"revision":7}]}"#
        ]],
    );
}

#[test]
fn what_is_not_there_is_unknown_and_neither_open_nor_away() {
    for (target, expected) in [
        (
            "/status/zz",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no zone `zz`; the estate has a, b, c"}"#
            ]],
        ),
        (
            "/closed/zz",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no zone `zz`; the estate has a, b, c"}"#
            ]],
        ),
        (
            "/status/zz?resource=pool/nope",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no zone `zz`; the estate has a, b, c"}"#
            ]],
        ),
        (
            "/status/%FF",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"the zone's name in the path is empty or no text; give a zone's id or an alias of it"}"#
            ]],
        ),
        (
            "/status/",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"the zone's name in the path is empty or no text; give a zone's id or an alias of it"}"#
            ]],
        ),
        (
            "/status/a/b",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there are /status, /status/{zone}, /closed/{zone}, /watch and POST /acknowledge"}"#
            ]],
        ),
        (
            "/status/a?resource=pool/nope",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no `pool/nope` in the estate; `holdfast status` lists its pools, the estate's file its records"}"#
            ]],
        ),
        (
            "/status?resource=record/nope.example.",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no `record/nope.example.` in the estate; `holdfast status` lists its pools, the estate's file its records"}"#
            ]],
        ),
        (
            "/status/c?resource=pool/web",
            expect![[
                r#"404 unknown {"code":"not-found","message":"`pool/web` has no endpoint in zone c; ask about a zone that it is in"}"#
            ]],
        ),
        (
            "/status/a?resource=rubbish",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"\"rubbish\" is not a resource; write `everything`, `pool/NAME` or `record/NAME`"}"#
            ]],
        ),
        (
            "/status/a?resource=%",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"the resource is not readable: `%` needs two hexadecimal digits behind it, and the whole must be UTF-8"}"#
            ]],
        ),
        (
            "/status/a?wait=x",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"`wait` is a whole number of seconds from 1 to 60; this is \"x\""}"#
            ]],
        ),
        (
            "/watch?resource=pool/nope",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there is no `pool/nope` in the estate; `holdfast status` lists its pools, the estate's file its records"}"#
            ]],
        ),
        (
            "/nowhere",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there are /status, /status/{zone}, /closed/{zone}, /watch and POST /acknowledge"}"#
            ]],
        ),
        (
            "/",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there are /status, /status/{zone}, /closed/{zone}, /watch and POST /acknowledge"}"#
            ]],
        ),
        (
            "*",
            expect![[
                r#"404 unknown {"code":"not-found","message":"there are /status, /status/{zone}, /closed/{zone}, /watch and POST /acknowledge"}"#
            ]],
        ),
    ] {
        check(shifted(), target, expected);
    }
}

#[test]
fn only_reading_and_acknowledging_are_allowed() {
    let fixture = fixture(Some(shifted()));
    for request in ["POST /status/a", "PUT /status", "DELETE /watch", "GET /acknowledge", "HEAD /watch"] {
        let (_, answer) = fixture.raw(&format!("{request} HTTP/1.1\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD, POST"), "{answer}");
    }
}

#[test]
fn a_head_has_no_body_and_says_how_long_it_would_be() {
    let fixture = fixture(Some(open()));
    fixture.shared.with_date(|date| assert_eq!(date, "Sun, 09 Sep 2001 01:46:41 GMT"));
    let (_, head) = fixture.raw("HEAD /status/a HTTP/1.1\r\n\r\n");
    let (_, whole) = fixture.raw("GET /status/a HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n") && whole.starts_with(&head), "{head}");
}

#[test]
fn before_a_first_snapshot_all_say_503_and_when_to_come_again() {
    let fixture = fixture(None);
    expect![[r#"503 unknown {"code":"not-ready","message":"this node has no snapshot yet; wait until it has heard a node with the control role"}"#]].assert_eq(&fixture.get("/status/a"));
    for target in ["/status", "/closed/a", "/watch", "/status?resource=pool/web"] {
        let (_, answer) = fixture.raw(&format!("GET {target} HTTP/1.1\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let seconds: u64 = field(&answer, "retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{answer}");
    }
    fixture.shared.tables.take(shifted());
    assert!(fixture.get("/closed/a").starts_with("200 away "));
}

#[test]
fn a_tag_is_of_what_is_told_and_of_nothing_else() {
    let tags = |snapshot: Arc<Snapshot>| {
        let fixture = fixture(Some(snapshot));
        ["/status", "/status/a", "/status/b", "/status?resource=pool/web"].map(|target| fixture.tag(target))
    };
    let (before, later) = (tags(open()), tags(open_at(8)));
    assert_eq!(before, later, "the same at another revision");
    let away = tags(shifted());
    assert_ne!((&before[0], &before[1], &before[3]), (&away[0], &away[1], &away[3]));
    assert_eq!(before[2], away[2], "nothing happened in b");
}

#[test]
fn a_known_tag_is_304_at_once() {
    let fixture = fixture(Some(open()));
    for target in ["/status", "/status/a", "/closed/a", "/status/a?resource=pool/web"] {
        let tag = fixture.tag(target);
        let asked =
            |tag: &str| fixture.raw(&format!("GET {target} HTTP/1.1\r\nif-none-match: {tag}\r\n\r\n")).1;
        let answer = asked(&tag);
        assert!(answer.starts_with("HTTP/1.1 304 ") && answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(answer.contains(&format!("etag: {tag}")), "{answer}");
        assert_eq!(field(&answer, "holdfast-revision"), Some("7"), "{answer}");
        assert!(!asked("\"0000000000000000\"").starts_with("HTTP/1.1 304 "));
    }
}

#[test]
fn a_wait_begins_only_with_the_newest_tag() {
    let fixture = fixture(Some(open()));
    let tag = fixture.tag("/status/a");
    let ask = |target: &str, tag: &str| {
        fixture.raw(&format!("GET {target} HTTP/1.1\r\nif-none-match: {tag}\r\n\r\n")).0
    };
    assert!(matches!(ask("/status/a?wait=30", "\"0000000000000000\""), Then::Next));
    let Then::Wait(wait) = ask("/status/a?wait=30", &tag) else { panic!("it waits") };
    let mut out = Vec::new();
    assert!(wait.answer_change(&fixture.shared, &mut out).is_none());
    fixture.shared.tables.take(shifted());
    assert!(wait.answer_change(&fixture.shared, &mut out).is_some());
    assert!(String::from_utf8(out).unwrap().starts_with("HTTP/1.1 500 "));
}

#[test]
fn a_resource_that_leaves_is_an_empty_table_for_who_waits_and_404_for_who_asks() {
    let fixture = fixture(Some(open()));
    let Then::Watch(watch) = fixture.raw("GET /watch?resource=pool/api HTTP/1.1\r\n\r\n").0 else {
        panic!("it watches")
    };
    fixture.shared.tables.take(smaller());
    assert_eq!(fixture.shared.tables.renew_some(), Some(true));
    assert_eq!(fixture.shared.tables.renew_some(), None);
    let body = String::from_utf8(watch.channel.newest().body.to_vec()).unwrap();
    assert!(body.contains("\"zones\":[]"), "{body}");
    expect![[r#"404 unknown {"code":"not-found","message":"there is no `pool/api` in the estate; `holdfast status` lists its pools, the estate's file its records"}"#]]
        .assert_eq(&fixture.get("/status/a?resource=pool/api"));
    // Whether somebody else still watches it makes no difference.
    for target in ["/status?resource=pool/api", "/watch?resource=pool/api"] {
        assert!(fixture.get(target).starts_with("404 unknown "), "{target}");
    }
    fixture.shared.tables.take(open());
    assert!(fixture.get("/status?resource=pool/api").starts_with("200 "));
}

#[test]
fn tables_that_nobody_watches_make_room() {
    let fixture = fixture(Some(open()));
    let kept: Vec<Then> = ["web", "api"]
        .map(|pool| fixture.raw(&format!("GET /watch?resource=pool/{pool} HTTP/1.1\r\n\r\n")).0)
        .into();
    fixture.get("/status?resource=record/www.example.test.");
    assert_eq!(fixture.shared.tables.tags().len(), 4);
    drop(kept);
    fixture.shared.tables.take(shifted());
    fixture.renewed();
    assert_eq!(fixture.shared.tables.tags().len(), 1);
}

#[test]
fn watching_begins_with_the_table_or_with_a_beat_for_its_tag() {
    let fixture = fixture(Some(open()));
    let (then, first) = fixture.raw("GET /watch HTTP/1.1\r\n\r\n");
    assert!(matches!(then, Then::Watch(Watch { transport: Transport::Events, .. })));
    let (head, events) = first.split_once("\r\n\r\n").unwrap();
    assert_eq!(field(head, "content-type"), Some("text/event-stream"));
    let tag = fixture.tag("/status").replace('"', "");
    let retry = events.lines().next().unwrap().strip_prefix("retry: ").unwrap().parse::<u64>().unwrap();
    assert!((1_000..=6_000).contains(&retry));
    assert!(
        events.contains(&format!("id: {tag}\nevent: table\ndata: {{\"kind\":\"table\",\"tag\":\"{tag}\",")),
        "{events}"
    );
    for resumed in [
        format!("GET /watch?after={tag} HTTP/1.1\r\n\r\n"),
        format!("GET /watch HTTP/1.1\r\nlast-event-id: {tag}\r\n\r\n"),
    ] {
        let (_, first) = fixture.raw(&resumed);
        let beat = format!(
            "event: beat\ndata: {{\"kind\":\"beat\",\"tag\":\"{tag}\",\"revision\":7,\"age_ms\":1500}}\n\n"
        );
        assert!(first.ends_with(&beat) && !first.contains("event: table"), "{first}");
    }
    let (_, other) = fixture.raw("GET /watch?after=0000000000000000 HTTP/1.1\r\n\r\n");
    assert!(other.contains("event: table"));
    // A browser comes back with the URL that it began with: what it was told since is in the header.
    let both = |after: &str, last: &str| {
        fixture.raw(&format!("GET /watch?after={after} HTTP/1.1\r\nlast-event-id: {last}\r\n\r\n")).1
    };
    assert!(both(&tag, "0000000000000000").contains("event: table"));
    assert!(!both("0000000000000000", &tag).contains("event: table"));
}

#[test]
fn a_first_message_is_the_bytes_that_all_share() {
    let fixture = fixture(Some(open()));
    let first = || match fixture.raw("GET /watch HTTP/1.1\r\n\r\n").0 {
        Then::Watch(watch) => watch.first.as_ptr(),
        then => panic!("{then:?}"),
    };
    assert_eq!(first(), first());
}

#[test]
fn one_address_has_its_part_of_the_resources_and_others_have_theirs() {
    let limits = Limits { resources_max: 2, resources_per_address_max: 1, ..Limits::default() };
    let fixture = fixture_with(Some(open()), limits);
    let watch = |from: &str, resource: &str| {
        fixture.raw_from(asker(from), &format!("GET /watch?resource={resource} HTTP/1.1\r\n\r\n"))
    };
    let busy = |answer: &str| answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: ");
    let (web, _) = watch("192.0.2.1", "pool/web");
    assert!(matches!(watch("192.0.2.1", "pool/web").0, Then::Watch(_)), "the same again");
    let (_, second) = watch("192.0.2.1", "pool/api");
    assert!(busy(&second) && second.contains("from your address"), "{second}");
    assert!(matches!(watch("192.0.2.1", "everything").0, Then::Watch(_)), "everything is no resource");
    let (api, _) = watch("192.0.2.2", "pool/api");
    assert!(matches!(api, Then::Watch(_)), "another address has its own part");
    let (_, third) = watch("192.0.2.3", "record/www.example.test.");
    assert!(busy(&third) && third.contains("2 different resources"), "{third}");
    let polled = fixture.get("/status?resource=record/www.example.test.");
    assert!(polled.starts_with("200 "), "polls go on: {polled}");
    drop((web, api));
    assert!(matches!(watch("192.0.2.1", "pool/api").0, Then::Watch(_)));
}

#[test]
fn half_a_websocket_is_refused() {
    let fixture = fixture(Some(open()));
    expect![[r#"400 unknown {"code":"bad-request","message":"this WebSocket cannot begin: `Sec-WebSocket-Version` is not 13, said once"}"#]].assert_eq(&fixture.ask("GET /watch HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"));
}

#[test]
fn one_watcher_too_many_is_503() {
    let fixture = fixture_with(Some(open()), Limits { watchers_max: 1, ..Limits::default() });
    let (first, _) = fixture.raw("GET /watch HTTP/1.1\r\n\r\n");
    let (_, second) = fixture.raw("GET /watch HTTP/1.1\r\n\r\n");
    assert!(second.starts_with("HTTP/1.1 503 ") && second.contains("retry-after: "), "{second}");
    let tag = fixture.tag("/status");
    let (_, waits) = fixture.raw(&format!("GET /status?wait=5 HTTP/1.1\r\nif-none-match: {tag}\r\n\r\n"));
    assert!(waits.starts_with("HTTP/1.1 503 "), "{waits}");
    assert!(fixture.get("/status").starts_with("200 "), "a plain question has room");
    drop(first);
    assert!(matches!(fixture.raw("GET /watch HTTP/1.1\r\n\r\n").0, Then::Watch(_)));
}

#[test]
fn who_asks_is_heard_of() {
    let fixture = fixture(Some(open()));
    fixture.get("/status/a?consumer=orders&instance=o-1&kind=worker&zone=aa");
    let groups = fixture.groups().groups;
    assert_eq!(groups.len(), 1);
    let group = format!("{:?}", groups[0]);
    assert!(group.contains("orders") && group.contains("Worker") && group.contains("not_told: 1"), "{group}");
    fixture.get("/status/a?consumer=orders&instance=o-2&zone=elsewhere");
    assert_eq!(fixture.groups().groups.len(), 2, "a zone that is not known is left out");
    for (target, expected) in [
        (
            "/status/a?consumer=orders",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"`consumer` and `instance` go together: the service, and this process of it; give both"}"#
            ]],
        ),
        (
            "/status/a?consumer=a%20b&instance=1",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"a consumer's name has only A-Z, a-z, 0-9, '.', '_' and '-', this one has ' '; replace it"}"#
            ]],
        ),
        (
            "/watch?consumer=a&instance=1&kind=cook",
            expect![[
                r#"400 unknown {"code":"bad-request","message":"\"cook\" is no kind of consumer; say one of worker, scheduler, router, server, autoscaler, balancer, other"}"#
            ]],
        ),
    ] {
        expected.assert_eq(&fixture.get(target));
    }
}

#[test]
fn an_acknowledgement_is_taken() {
    let fixture = fixture(Some(open()));
    let tag = fixture.tag("/status").replace('"', "");
    let told = format!(
        r#"{{"consumer":"orders","instance":"o-1","kind":"worker","zone":"a","tag":"{tag}","revision":7,"running":{{"aa":3,"gone":1}},"later":true}}"#
    );
    expect!["204 - "].assert_eq(&fixture.post(&told));
    let group = &fixture.groups().groups[0];
    assert_eq!((group.lowest_revision, group.running.get(&zone("a"))), (Some(Revision(7)), Some(&3)));
    // The next revision changes nothing for it: it has applied that too.
    fixture.shared.tables.take(open_at(9));
    fixture.revised();
    assert_eq!(fixture.groups().groups[0].lowest_revision, Some(Revision(9)));
    // One that changes something waits for its word.
    fixture.shared.tables.take(shifted());
    fixture.shared.tables.take(snapshot(|intent, _| {
        intent.revision = Revision(12);
        intent.shifts.push(shift("a", "everything", 30));
    }));
    fixture.revised();
    assert_eq!(fixture.groups().groups[0].lowest_revision, Some(Revision(9)));
    fixture.post(r#"{"consumer":"orders","instance":"o-1","gone":true}"#);
    assert!(fixture.groups().groups.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_good_bye_overtakes_brings_nobody_back() {
    let fixture = fixture(Some(open()));
    let poll = || fixture.get("/status/a?consumer=orders&instance=o-1&kind=worker");
    let word = |asker: Asker, rest: &str| {
        let body = format!(r#"{{"consumer":"orders","instance":"o-1","kind":"worker"{rest}}}"#);
        let post = format!("POST /acknowledge HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        assert!(fixture.raw_from(asker, &post).1.starts_with("HTTP/1.1 204 "));
    };
    let known = || fixture.groups().groups.len();
    let before = asker("192.0.2.1");
    word(before, r#","revision":7"#);
    assert_eq!(known(), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    word(before, r#","gone":true"#);
    // A question and a word that were under way.
    assert!(poll().starts_with("200 "));
    word(before, r#","revision":7"#);
    assert_eq!(known(), 0);
    // One of the same name that begins anew says so itself.
    tokio::time::advance(Duration::from_millis(1)).await;
    word(asker("192.0.2.1"), r#","revision":7"#);
    assert_eq!(known(), 1);
    word(before, r#","gone":true"#);
    tokio::time::advance(Duration::from_secs(5)).await;
    poll();
    assert_eq!(known(), 1, "a poll after the time for those that were under way");
}

#[tokio::test(start_paused = true)]
async fn a_word_takes_a_good_bye_back_also_for_older_connections() {
    let fixture = fixture(Some(open()));
    let register = &fixture.shared.register;
    let word = |since: Instant, rest: &str| {
        let body = format!(r#"{{"consumer":"orders","instance":"o-1","kind":"worker"{rest}}}"#);
        register.take(body.as_bytes(), &fixture.shared.tables, fixture.clock.now(), since).unwrap()
    };
    let older = Instant::now();
    let who = word(older, "").unwrap();
    let life = |since: Instant| register.is_alive(&who, fixture.clock.now(), since);
    tokio::time::advance(Duration::from_secs(1)).await;
    word(older, r#","gone":true"#);
    assert_eq!(life(older), Life::Left);
    // Over a newer connection at once; what was overtaken by the good-bye counts no more than before.
    tokio::time::advance(Duration::from_secs(1)).await;
    word(Instant::now(), r#","revision":7"#);
    assert_eq!(life(older), Life::Heard);
    word(older, r#","revision":6"#);
    assert_eq!(fixture.consumers.told()[0].revision, Some(Revision(7)));
    // Over the older one itself after a time.
    word(older, r#","gone":true"#);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(life(older), Life::Left);
    word(older, r#","revision":7"#);
    assert_eq!(life(older), Life::Heard);
}

#[tokio::test(start_paused = true)]
async fn a_good_bye_is_forgotten_after_a_minute_also_if_nobody_else_says_one() {
    let fixture = fixture(Some(open()));
    let register = &fixture.shared.register;
    let word = |rest: &str| {
        let body = format!(r#"{{"consumer":"orders","instance":"o-1"{rest}}}"#);
        register.take(body.as_bytes(), &fixture.shared.tables, fixture.clock.now(), Instant::now()).unwrap()
    };
    let (older, who) = (Instant::now(), word("").unwrap());
    word(r#","gone":true"#);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(register.is_alive(&who, fixture.clock.now(), older), Life::Left);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(register.is_alive(&who, fixture.clock.now(), older), Life::Heard);
}

#[test]
fn a_revision_that_changes_nothing_is_applied_by_all_a_few_at_a_time() {
    let fixture = fixture(Some(open()));
    let tag = fixture.tag("/status").trim_matches('"').to_owned();
    let count = 600;
    for instance in 0..count {
        let body = format!(
            r#"{{"consumer":"orders","instance":"o-{instance}","kind":"worker","tag":"{tag}","revision":7}}"#
        );
        assert!(fixture.post(&body).starts_with("204 "));
    }
    fixture.shared.tables.take(open_at(9));
    let applied =
        || fixture.consumers.told().iter().filter(|told| told.revision == Some(Revision(9))).count();
    let Shared { register, tables, .. } = &*fixture.shared;
    let (mut last, mut rounds) = (None, Vec::new());
    loop {
        last = register.revise_some(tables, fixture.clock.now(), last.as_ref());
        rounds.push(applied());
        if last.is_none() {
            break;
        }
    }
    assert_eq!(rounds, [256, 512, count]);
    // Whose tag is told no more is forgotten, all the same.
    fixture.shared.tables.take(shifted());
    fixture.revised();
    fixture.shared.tables.take(open_at(11));
    fixture.revised();
    assert_eq!(applied(), count);
}

#[test]
fn a_bad_acknowledgement_is_refused_with_its_mend() {
    let fixture = fixture(Some(open()));
    let many: Vec<String> = (0..65).map(|at| format!("\"z{at}\":1")).collect();
    for (body, expected) in [
        (
            String::new(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"an acknowledgement is a JSON object with `consumer`, `instance`, `tag` and `revision`: EOF while parsing a value at line 1 column 0"}"#
            ]],
        ),
        (
            "[]".to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"an acknowledgement is a JSON object with `consumer`, `instance`, `tag` and `revision`: invalid length 0, expected struct Written with 8 elements at line 1 column 2"}"#
            ]],
        ),
        (
            r#"{"consumer":"a"}"#.to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"an acknowledgement is a JSON object with `consumer`, `instance`, `tag` and `revision`: missing field `instance` at line 1 column 16"}"#
            ]],
        ),
        (
            r#"{"consumer":"","instance":"1"}"#.to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"a consumer's name is empty; give 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'"}"#
            ]],
        ),
        (
            r#"{"consumer":"a","instance":"1","kind":"cook"}"#.to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"\"cook\" is no kind of consumer; say one of worker, scheduler, router, server, autoscaler, balancer, other"}"#
            ]],
        ),
        (
            r#"{"consumer":"a","instance":"1","tag":"x"}"#.to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"`tag` is 16 hexadecimal digits in lower case; say the one that was told"}"#
            ]],
        ),
        (
            r#"{"consumer":"a","instance":"1","revision":-1}"#.to_owned(),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"an acknowledgement is a JSON object with `consumer`, `instance`, `tag` and `revision`: invalid value: integer `-1`, expected u64 at line 1 column 44"}"#
            ]],
        ),
        (
            format!(r#"{{"consumer":"a","instance":"1","running":{{{}}}}}"#, many.join(",")),
            expect![[
                r#"400 unknown {"code":"bad-request","message":"`running` has at most 64 zones; leave out those without anything"}"#
            ]],
        ),
    ] {
        expected.assert_eq(&fixture.post(&body));
    }
    assert!(fixture.groups().groups.is_empty());
}
