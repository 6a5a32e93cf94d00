use expect_test::{Expect, expect};

use crate::error::ArcError;
use crate::operation::{self, Operation, Service};
use crate::request::Request;

const P: &str =
    "arn:aws:route53-recovery-control::000000000000:controlpanel/0123456789abcdef0123456789abcdef";
const CLUSTER: &str =
    "arn:aws:route53-recovery-control::000000000000:cluster/01234567-89ab-cdef-0123-456789abcdef";

/// The call that an unsigned request asks for: `VERB TARGET`, or an operation of the cluster service, and a body.
///
/// `{P}` is a panel's ARN, `{A}` and `{B}` are two of its controls, `{R}` a rule; in targets they are encoded.
fn outcome(head: &str, body: &str) -> Result<super::Call, (ArcError, Service)> {
    let fill = |text: &str| {
        text.replace("{A}", &format!("{P}/routingcontrol/000000000000000a"))
            .replace("{B}", &format!("{P}/routingcontrol/000000000000000b"))
            .replace("{R}", &format!("{P}/safetyrule/00000000000000ff"))
            .replace("{P}", P)
            .replace("{C}", CLUSTER)
    };
    let encode = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let body = fill(body);
    let (method, target) = head.split_once(' ').unwrap_or(("POST", "/"));
    let parts: Vec<String> = target
        .split_inclusive('/')
        .map(|part| {
            let filled = fill(part.trim_end_matches('/'));
            if filled == part.trim_end_matches('/') {
                part.to_owned()
            } else {
                part.replace(part.trim_end_matches('/'), &encode(&filled))
            }
        })
        .collect();
    let target = parts.concat();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let named = format!("ToggleCustomerAPI.{head}");
    let mut headers = vec![("Content-Type", b"application/json".as_slice())];
    if !head.contains(' ') {
        headers.push(("X-Amz-Target", named.as_bytes()));
    }
    let request = Request { method, path, query, headers, body: body.as_bytes() };
    let guess = operation::service_guess(&request).unwrap_or(Service::ZonalShift);
    let route = operation::route(&request).map_err(|error| (error, guess))?;
    route.call(&request).map_err(|error| (error, route.operation().service()))
}

/// The call in words, or the error's answer.
#[expect(clippy::needless_pass_by_value, reason = "it is written at the call")]
fn check(head: &str, body: &str, expected: Expect) {
    let text = match outcome(head, body) {
        Ok(call) => format!("{call:?}"),
        Err((error, service)) => {
            let answer = error.answer(Some(service));
            format!("{} {}", answer.status, String::from_utf8(answer.body).unwrap())
        }
    };
    expected.assert_eq(&text.replace(P, "{P}").replace(CLUSTER, "{C}"));
}

/// A valid start of a shift with one member changed to this JSON, or left out: the reason that the answer gives.
fn shift_with(member: &str, value: Option<&str>) -> String {
    let members = [
        ("resourceIdentifier", "\"pool/web\""),
        ("awayFrom", "\"euw2-az1\""),
        ("expiresIn", "\"20m\""),
        ("comment", "\"hi\""),
    ];
    let members: Vec<String> = members
        .iter()
        .map(|(name, usual)| (*name, if *name == member { value } else { Some(*usual) }))
        .filter_map(|(name, value)| Some(format!("{name:?}:{}", value?)))
        .collect();
    match outcome("POST /zonalshifts", &format!("{{{}}}", members.join(","))) {
        Ok(_) => "fine".to_owned(),
        Err((ArcError::Validation { faults }, _)) => {
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].name, member);
            format!("{:?}", faults[0].reason)
        }
        Err((error, _)) => panic!("{error}"),
    }
}

#[test]
fn a_shift_is_checked_to_the_letter() {
    for (member, value, reason) in [
        ("resourceIdentifier", None, "MissingValue"),
        ("resourceIdentifier", Some("null"), "MissingValue"),
        ("resourceIdentifier", Some("7"), "MissingValue"),
        ("resourceIdentifier", Some("\"pool/w\""), "InvalidResourceIdentifier"),
        (
            "resourceIdentifier",
            Some("\"arn:aws:elasticloadbalancing:x:1:loadbalancer/app\""),
            "InvalidResourceIdentifier",
        ),
        (
            "resourceIdentifier",
            Some("\"arn:holdfast:estate::000000000000:pool/Web\""),
            "InvalidResourceIdentifier",
        ),
        ("resourceIdentifier", Some("\"arn:holdfast:estate::000000000000:pool/web\""), "fine"),
        ("resourceIdentifier", Some("\"region/eu-west-2\""), "fine"),
        ("resourceIdentifier", Some("\"record/www.example.test\""), "fine"),
        ("awayFrom", None, "MissingValue"),
        ("awayFrom", Some("\"\""), "InvalidAz"),
        ("awayFrom", Some("\"a-zone-of-21-letters-\""), "InvalidAz"),
        ("awayFrom", Some("[\"euw2-az1\"]"), "MissingValue"),
        ("expiresIn", None, "MissingValue"),
        ("expiresIn", Some("\"1m\""), "fine"),
        ("expiresIn", Some("\"4320m\""), "fine"),
        ("expiresIn", Some("\"4321m\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"72h\""), "fine"),
        ("expiresIn", Some("\"73h\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"0m\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"05m\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"-5m\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"m\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"30s\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"99999h\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"5 days please\""), "InvalidExpiresIn"),
        ("expiresIn", Some("\"١m\""), "InvalidExpiresIn"),
        ("comment", None, "MissingValue"),
        ("comment", Some("\"\""), "fine"),
    ] {
        assert_eq!(shift_with(member, value), reason, "{member} {value:?}");
    }
    let long = |count| format!("\"{}\"", "ü".repeat(count));
    assert_eq!(shift_with("comment", Some(&long(128))), "fine");
    assert_eq!(shift_with("comment", Some(&long(129))), "MissingValue");
    assert_eq!(shift_with("resourceIdentifier", Some(&long(1025))), "InvalidResourceIdentifier");
}

#[test]
fn all_faults_are_told_at_once_and_unknown_members_are_none() {
    check(
        "POST /zonalshifts",
        r#"{"awayFrom":"EU","expiresIn":"1d","more":{"a":[]}}"#,
        expect![[
            r#"400 {"__type":"ValidationException","message":"resourceIdentifier: is required and absent; awayFrom: a zone id has only a-z, 0-9 and '-', this one has 'E'; replace it; expiresIn: \"1d\" has no unit m or h; write minutes or hours, such as 90m or 2h, from 1m to 72h; comment: is required and absent (MissingValue)","reason":"MissingValue"}"#
        ]],
    );
}

#[test]
fn bodies_that_are_no_object_are_refused_with_their_mend() {
    for body in ["[]", "7", "{", "{}x", "\u{0}", "\u{feff}{}"] {
        let (error, service) = outcome("POST /zonalshifts", body).unwrap_err();
        assert!(matches!(error, ArcError::Unreadable { .. }), "{body:?}: {error}");
        assert_eq!(error.name(Some(service)), "ValidationException");
    }
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    check(
        "GetRoutingControlState",
        &deep,
        expect![[
            r#"400 {"__type":"ValidationException","message":"the body is not JSON: recursion limit exceeded at line 1 column 132","reason":"cannotParse"}"#
        ]],
    );
    let request = Request { method: "POST", path: "/zonalshifts", query: "", headers: vec![], body: b"{}" };
    let error = operation::route(&request).unwrap().call(&request).unwrap_err();
    assert!(error.to_string().contains("Content-Type"), "{error}");
}

#[test]
fn updates_and_ends_of_shifts() {
    check(
        "PATCH /zonalshifts/shift-42",
        r#"{"expiresIn":"2h"}"#,
        expect![[
            r#"UpdateZonalShift(UpdateZonalShift { shift: Some(shift-42), shift_text: "shift-42", expires_in: Some(7200s), comment: None })"#
        ]],
    );
    check(
        "PATCH /zonalshifts/shift-42",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"request: changes nothing; give expiresIn, comment or both (MissingValue)","reason":"MissingValue"}"#
        ]],
    );
    check(
        "DELETE /zonalshifts/6F1CAA",
        "",
        expect![[r#"CancelZonalShift(CancelZonalShift { shift: None, shift_text: "6F1CAA" })"#]],
    );
    check(
        "DELETE /zonalshifts/a%20b%2Fcde",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"zonalShiftId: \"a b/cde\" is not the id of a shift: it has letters, digits and hyphens (MissingValue)","reason":"MissingValue"}"#
        ]],
    );
    check(
        "DELETE /zonalshifts/%zz",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"the path \"/zonalshifts/%zz\" is not percent-encoded UTF-8; encode the identifier as one segment","reason":"MissingValue"}"#
        ]],
    );
    check(
        "DELETE /practiceruns/shift-7",
        "",
        expect![[r#"CancelPracticeRun(CancelPracticeRun { shift: Some(shift-7), shift_text: "shift-7" })"#]],
    );
}

#[test]
fn lists_with_filters() {
    check(
        "GET /zonalshifts?status=ACTIVE&resourceIdentifier=pool%2Fweb&x=y",
        "",
        expect![[
            r#"ListZonalShifts(ListZonalShifts { status: Some(Active), resource: Some(Pool(web)), paging: Paging { list: "shifts Some(Active) pool/web", after: None, size: 100 } })"#
        ]],
    );
    check(
        "GET /zonalshifts?status=active",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"status: \"active\" is none of ACTIVE, EXPIRED, CANCELED (InvalidStatus)","reason":"InvalidStatus"}"#
        ]],
    );
    check(
        "GET /zonalshifts?maxResults=101",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"maxResults: must be a whole number from 1 to 100, this is \"101\" (MissingValue)","reason":"MissingValue"}"#
        ]],
    );
    check(
        "GET /managedresources?nextToken=abc",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"nextToken: is not a token of this list with these filters; begin again without one (InvalidToken)","reason":"InvalidToken"}"#
        ]],
    );
    check(
        "GET /managedresources?maxResults=1&maxResults=2",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"maxResults: came more than once; give it once (MissingValue)","reason":"MissingValue"}"#
        ]],
    );
    check(
        "GET /autoshifts",
        "",
        expect![[
            r#"ListAutoshifts(ListAutoshifts { status: Active, paging: Paging { list: "autoshifts Active", after: None, size: 100 } })"#
        ]],
    );
    check(
        "ListRoutingControls",
        r#"{"MaxResults":0}"#,
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"must be a whole number from 1 to 2147483647","name":"MaxResults"}],"message":"MaxResults: must be a whole number from 1 to 2147483647","reason":"fieldValidationFailed"}"#
        ]],
    );
    check(
        "ListRoutingControls",
        r#"{"NextToken":"x y"}"#,
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"is not a token of this list with these filters; begin again without one","name":"NextToken"}],"message":"NextToken: is not a token of this list with these filters; begin again without one","reason":"fieldValidationFailed"}"#
        ]],
    );
    check(
        "ListRoutingControls",
        r#"{"ControlPanelArn":"{P}","MaxResults":100000}"#,
        expect![[
            r#"ListRoutingControlStates(ListRoutingControlStates { panel: Some(PanelArn(PanelId(1512366075204170929049582354406559215))), paging: Paging { list: "states {P}", after: None, size: 1000 } })"#
        ]],
    );
    check(
        "GET /controlpanel/{P}/routingcontrols?MaxResults=3",
        "",
        expect![[
            r#"ListRoutingControls(ListRoutingControls { panel: PanelArn(PanelId(1512366075204170929049582354406559215)), paging: Paging { list: "controls {P}", after: None, size: 3 } })"#
        ]],
    );
}

#[test]
fn practice_configurations() {
    let create = "POST /configuration";
    let alarm = r#"{"type":"CLOUDWATCH","alarmIdentifier":"web-errors"}"#;
    let with = |members: &str| format!(r#"{{"resourceIdentifier":"pool/web",{members}}}"#);
    check(
        create,
        &with(&format!(
            r#""outcomeAlarms":[{alarm}],"blockedWindows":["Mon:09:00-Mon:24:00"],"blockedDates":["2028-02-29"]"#
        )),
        expect![[
            r#"CreatePracticeRunConfiguration(CreatePracticeRunConfiguration { resource: Pool(web), config: PracticeConfig { outcome_alarms: [Alarm { identifier: "web-errors" }], blocking_alarms: [], blocked_windows: [Window { day: Mon, from_min: 540, to_min: 1440 }], allowed_windows: [], blocked_dates: [Date { year: 2028, month: 2, day: 29 }] } })"#
        ]],
    );
    for (members, reason) in [
        (String::from(r#""comment":"""#), "MissingValue"),
        (String::from(r#""outcomeAlarms":[]"#), "InvalidAlarmCondition"),
        (format!(r#""outcomeAlarms":[{}]"#, [alarm; 11].join(",")), "InvalidAlarmCondition"),
        (
            String::from(r#""outcomeAlarms":[{"type":"PAGER","alarmIdentifier":"web-errors"}]"#),
            "InvalidConditionType",
        ),
        (
            String::from(r#""outcomeAlarms":[{"type":"CLOUDWATCH","alarmIdentifier":"short"}]"#),
            "InvalidAlarmCondition",
        ),
        (String::from(r#""outcomeAlarms":[7]"#), "MissingValue"),
        (format!(r#""outcomeAlarms":[{alarm}],"blockedDates":["2026-02-29"]"#), "InvalidPracticeBlocker"),
        (
            format!(r#""outcomeAlarms":[{alarm}],"blockedWindows":["Mon:09:00-Tue:10:00"]"#),
            "InvalidPracticeBlocker",
        ),
        (
            format!(r#""outcomeAlarms":[{alarm}],"allowedWindows":["Mon:10:00-Mon:10:00"]"#),
            "InvalidPracticeAllowedWindow",
        ),
        (
            format!(r#""outcomeAlarms":[{alarm}],"allowedWindows":["mon:10:00-mon:11:00"]"#),
            "InvalidPracticeAllowedWindow",
        ),
        (
            format!(
                r#""outcomeAlarms":[{alarm}],"allowedWindows":["Mon:10:00-Mon:11:00"],"blockedWindows":["Fri:10:00-Fri:11:00"]"#
            ),
            "InvalidPracticeWindows",
        ),
    ] {
        let (error, _) = outcome(create, &with(&members)).unwrap_err();
        let ArcError::Validation { faults } = error else { panic!("{error}") };
        assert_eq!(format!("{:?}", faults[0].reason), reason, "{members}: {faults:?}");
    }
    check(
        "PATCH /configuration/pool%2Fweb",
        r#"{"blockedWindows":[]}"#,
        expect![[
            r#"UpdatePracticeRunConfiguration(UpdatePracticeRunConfiguration { resource: Pool(web), change: PracticeChange { outcome_alarms: None, blocking_alarms: None, blocked_windows: Some([]), allowed_windows: None, blocked_dates: None } })"#
        ]],
    );
    check(
        "PUT /managedresources/pool%2Fweb",
        r#"{"zonalAutoshiftStatus":"on"}"#,
        expect![[
            r#"400 {"__type":"ValidationException","message":"zonalAutoshiftStatus: \"on\" is neither ENABLED nor DISABLED (InvalidStatus)","reason":"InvalidStatus"}"#
        ]],
    );
    check(
        "PUT /autoshift-observer-notification",
        r#"{"status":"ENABLED"}"#,
        expect![
            "UpdateAutoshiftObserverNotificationStatus(UpdateAutoshiftObserverNotificationStatus { status: Enabled })"
        ],
    );
}

#[test]
fn batches_of_routing_controls() {
    let batch = "UpdateRoutingControlStates";
    let entry = |control: &str, state: &str| {
        format!(r#"{{"RoutingControlArn":"{control}","RoutingControlState":"{state}"}}"#)
    };
    let entries = |list: &[String]| format!(r#"{{"UpdateRoutingControlStateEntries":[{}]}}"#, list.join(","));
    let two = [entry("{A}", "On"), entry("{B}", "Off")];
    let body = entries(&two).replace("]}", r#"],"SafetyRulesToOverride":["{R}","{R}"]}"#);
    check(
        batch,
        &body,
        expect![
            "UpdateRoutingControlStates(UpdateRoutingControlStates { entries: [Entry { control: ControlArn { panel: PanelId(1512366075204170929049582354406559215), control: ControlId(10) }, to: On }, Entry { control: ControlArn { panel: PanelId(1512366075204170929049582354406559215), control: ControlId(11) }, to: Off }], overrides: [RuleArn { panel: PanelId(1512366075204170929049582354406559215), rule: RuleId(255) }] })"
        ],
    );
    check(
        batch,
        &entries(&[entry("{A}", "on"), entry("{R}", "On")]),
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"\"on\" is neither On nor Off","name":"UpdateRoutingControlStateEntries[0].RoutingControlState"},{"message":"\"{P}/safetyrule/00000000000000ff\" is not the ARN of a routing control; write arn:aws:route53-recovery-control::000000000000:controlpanel/32 digits/routingcontrol/16 digits","name":"UpdateRoutingControlStateEntries[1].RoutingControlArn"}],"message":"UpdateRoutingControlStateEntries[0].RoutingControlState: \"on\" is neither On nor Off; UpdateRoutingControlStateEntries[1].RoutingControlArn: \"{P}/safetyrule/00000000000000ff\" is not the ARN of a routing control; write arn:aws:route53-recovery-control::000000000000:controlpanel/32 digits/routingcontrol/16 digits","reason":"fieldValidationFailed"}"#
        ]],
    );
    check(
        batch,
        &entries(&[entry("{A}", "On"), entry("{A}", "Off")]),
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"{P}/routingcontrol/000000000000000a is in the batch twice; name each routing control once","name":"UpdateRoutingControlStateEntries[1].RoutingControlArn"}],"message":"UpdateRoutingControlStateEntries[1].RoutingControlArn: {P}/routingcontrol/000000000000000a is in the batch twice; name each routing control once","reason":"fieldValidationFailed"}"#
        ]],
    );
    check(
        batch,
        &entries(&[]),
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"must have 1 to 100 items, this one has 0","name":"UpdateRoutingControlStateEntries"}],"message":"UpdateRoutingControlStateEntries: must have 1 to 100 items, this one has 0","reason":"fieldValidationFailed"}"#
        ]],
    );
    check(
        batch,
        "",
        expect![[
            r#"400 {"__type":"ValidationException","fields":[{"message":"is required and absent","name":"UpdateRoutingControlStateEntries"}],"message":"UpdateRoutingControlStateEntries: is required and absent","reason":"fieldValidationFailed"}"#
        ]],
    );
    let many = vec![String::from("{}"); 10_001];
    check(
        batch,
        &entries(&many),
        expect![[
            r#"402 {"__type":"ServiceLimitExceededException","limitCode":"entries-per-batch","message":"UpdateRoutingControlStateEntries has 10001 entries, a batch takes 100; split it, or ask for what belongs together","serviceCode":"route53-recovery-cluster"}"#
        ]],
    );
    check(
        "ToggleEverything",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"the cluster service has no operation \"ToggleEverything\"","reason":"unknownOperation"}"#
        ]],
    );
}

#[test]
fn safety_rules() {
    let create = "POST /safetyrule";
    let rule = |config: &str, controls: &str| {
        format!(
            r#"{{"AssertionRule":{{"AssertedControls":[{controls}],"ControlPanelArn":"{{P}}","Name":"keep-2","RuleConfig":{config},"WaitPeriodMs":5000}}}}"#
        )
    };
    let both = r#""{B}","{A}""#;
    check(
        create,
        &rule(r#"{"Inverted":false,"Threshold":2,"Type":"ATLEAST"}"#, both),
        expect![
            "CreateSafetyRule(CreateSafetyRule { panel: PanelId(1512366075204170929049582354406559215), name: keep-2, kind: Assertion { asserted: [ControlId(10), ControlId(11)] }, config: RuleConfig { kind: AtLeast, threshold: 2, inverted: false }, wait_period: 5s, tags: {}, token: None })"
        ],
    );
    for (body, words) in [
        (
            rule(r#"{"Inverted":false,"Threshold":3,"Type":"ATLEAST"}"#, both),
            "AssertionRule.RuleConfig.Threshold: must be 1 to 2",
        ),
        (
            rule(r#"{"Inverted":false,"Threshold":0,"Type":"ATLEAST"}"#, both),
            "AssertionRule.RuleConfig.Threshold: must be 1 to 2",
        ),
        (rule(r#"{"Inverted":false,"Threshold":0,"Type":"MOST"}"#, both), "none of ATLEAST, AND, OR"),
        (rule(r#"{"Inverted":"no","Threshold":0,"Type":"AND"}"#, both), "Inverted: must be true or false"),
        (rule(r#"{"Threshold":1.5,"Type":"AND"}"#, both), "Inverted: is required and absent"),
        (rule("null", both), "AssertionRule.RuleConfig: is required and absent"),
        (rule(r#"{"Inverted":false,"Threshold":0,"Type":"AND"}"#, ""), "1 to 100 items"),
        (rule(r#"{"Inverted":false,"Threshold":0,"Type":"AND"}"#, r#""{A}","{A}""#), "twice"),
        (
            rule(
                r#"{"Inverted":false,"Threshold":0,"Type":"AND"}"#,
                &both.replace(
                    "{A}",
                    &format!("{}/routingcontrol/000000000000000a", P.replace("0123", "4567")),
                ),
            ),
            "another panel",
        ),
        (String::from("{}"), "exactly one of AssertionRule and GatingRule"),
        (
            String::from(r#"{"AssertionRule":{},"GatingRule":{}}"#),
            "exactly one of AssertionRule and GatingRule",
        ),
        (String::from(r#"{"GatingRule":{}}"#), "GatingRule.TargetControls: is required and absent"),
    ] {
        let (error, _) = outcome(create, &body).unwrap_err();
        assert!(error.to_string().contains(words), "{error} lacks {words}");
    }
    check(
        "PUT /safetyrule",
        r#"{"GatingRuleUpdate":{"Name":"n","SafetyRuleArn":"{R}","WaitPeriodMs":0}}"#,
        expect![[
            r#"UpdateSafetyRule(UpdateSafetyRule { rule: RuleArn { panel: PanelId(1512366075204170929049582354406559215), rule: RuleId(255) }, sort: Gating, name: n, wait_period: 0ns })"#
        ]],
    );
}

#[test]
fn clusters_panels_controls_and_tags() {
    check(
        "POST /cluster",
        r#"{"ClusterName":"prod","ClientToken":"A-1","Tags":{"team":"net","empty":""}}"#,
        expect![[
            r#"CreateCluster(CreateCluster { name: prod, network: Ipv4, tags: {"empty": "", "team": "net"}, token: Some(ClientToken("A-1")) })"#
        ]],
    );
    check(
        "POST /cluster",
        r#"{"ClusterName":"a b","ClientToken":"","NetworkType":"IPV6","Tags":{"a":7}}"#,
        expect![[
            r#"400 {"__type":"ValidationException","message":"ClusterName: a name has no white space, no control characters and no '/', this one has ' '; replace it; NetworkType: \"IPV6\" is neither IPV4 nor DUALSTACK; Tags: must be text, this is a number; ClientToken: must have 1 to 64 characters, this one has 0"}"#
        ]],
    );
    check(
        "POST /routingcontrol",
        r#"{"ClusterArn":"{C}","RoutingControlName":"eu"}"#,
        expect![[
            r#"CreateRoutingControl(CreateRoutingControl { cluster: ClusterArn(ClusterId(1512366075204170929049582354406559215)), panel: None, name: eu, token: None })"#
        ]],
    );
    check(
        "GET /cluster/{P}",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"ClusterArn: \"{P}\" is not the ARN of a cluster; write arn:aws:route53-recovery-control::000000000000:cluster/UUID"}"#
        ]],
    );
    check(
        "DELETE /tags/{P}?TagKeys=zone%20b&TagKeys=a&TagKeys=a",
        "",
        expect![[
            r#"UntagResource(UntagResource { object: Panel(PanelArn(PanelId(1512366075204170929049582354406559215))), keys: {"a", "zone b"} })"#
        ]],
    );
    check(
        "DELETE /tags/{P}",
        "",
        expect![[
            r#"400 {"__type":"ValidationException","message":"TagKeys: must be given 1 to 50 times, as TagKeys=a&TagKeys=b"}"#
        ]],
    );
    let tags: Vec<String> = (0..51).map(|n| format!("\"k{n}\":\"\"")).collect();
    let (error, _) = outcome("POST /tags/{P}", &format!("{{\"Tags\":{{{}}}}}", tags.join(","))).unwrap_err();
    assert_eq!(error.to_string(), "Tags: must have 0 to 50 tags, these are 51");
}

#[test]
fn one_token_is_one_request_of_one_operation() {
    let token = |text: &str| crate::texts::client_token(text).ok().unwrap();
    let id = token("A b".replace(' ', "-").as_str()).request_id(Operation::CreateCluster);
    assert_eq!(id, token("A-b").request_id(Operation::CreateCluster));
    assert_ne!(id, token("A-b").request_id(Operation::CreateControlPanel));
    assert_ne!(id, token("a-b").request_id(Operation::CreateCluster));
}
