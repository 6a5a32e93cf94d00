use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use hf_model::{ClusterId, ControlId, ControlName, PanelId, RuleId, ShiftId, Switch, ZoneId};

use super::*;
use crate::arn::{ClusterArn, ControlArn, PanelArn, ResourceArn, RuleArn};
use crate::practice::{Alarm, Date, PracticeConfig, Window};

#[expect(clippy::needless_pass_by_value, reason = "it is written at the call")]
fn check(output: Output, expected: Expect) {
    let answer = output.answer();
    let (_, kind) = answer.headers[0];
    expected.assert_eq(&format!("{} {kind}\n{}", answer.status, String::from_utf8(answer.body).unwrap()));
}

fn zone(name: &str) -> ZoneId {
    ZoneId::new(name).unwrap()
}

fn name(name: &str) -> ControlName {
    ControlName::new(name).unwrap()
}

fn web() -> ResourceArn {
    "pool/web".parse().unwrap()
}

fn shift() -> zonal::ZonalShift {
    zonal::ZonalShift {
        zonal_shift_id: ShiftId::new("shift-42").unwrap(),
        resource_identifier: web(),
        away_from: zone("euw2-az1"),
        expiry_time: Timestamp(1_700_001_200_000).into(),
        start_time: Timestamp(1_700_000_000_250).into(),
        status: zonal::ShiftStatus::Active,
        comment: "hi \"there\"".to_owned(),
    }
}

fn in_resource() -> zonal::ZonalShiftInResource {
    let zonal::ZonalShift {
        zonal_shift_id,
        resource_identifier,
        away_from,
        expiry_time,
        start_time,
        comment,
        ..
    } = shift();
    zonal::ZonalShiftInResource {
        applied_status: zonal::AppliedStatus::NotApplied,
        zonal_shift_id,
        resource_identifier,
        away_from,
        expiry_time,
        start_time,
        comment,
        shift_type: zonal::ShiftType::PracticeRun,
        practice_run_outcome: Some(zonal::PracticeOutcome::CapacityCheckFailed),
    }
}

fn practice() -> PracticeConfig {
    PracticeConfig {
        outcome_alarms: vec![Alarm { identifier: "web-errors".to_owned() }],
        blocking_alarms: vec![],
        blocked_windows: vec![Window::parse("Mon:09:00-Mon:17:30").unwrap()],
        allowed_windows: vec![],
        blocked_dates: vec![Date::parse("2026-12-24").unwrap()],
    }
}

fn weights() -> BTreeMap<ZoneId, zonal::AppliedWeight> {
    [(zone("euw2-az1"), zonal::AppliedWeight::Away), (zone("euw2-az2"), zonal::AppliedWeight::In)].into()
}

const CONTROL: ControlArn = ControlArn { panel: PanelId(0xab), control: ControlId(7) };
const RULE: RuleArn = RuleArn { panel: PanelId(0xab), rule: RuleId(8) };

fn assertion() -> config::AssertionRule {
    config::AssertionRule {
        asserted_controls: vec![CONTROL],
        control_panel_arn: PanelArn(PanelId(0xab)),
        name: name("keep-1"),
        rule_config: config::RuleConfig { kind: config::RuleType::AtLeast, threshold: 1, inverted: false },
        safety_rule_arn: RULE,
        wait_period_ms: 5_000,
    }
}

#[test]
fn shifts() {
    check(
        Output::StartZonalShift(shift()),
        expect![[r#"
        201 application/json
        {"awayFrom":"euw2-az1","comment":"hi \"there\"","expiryTime":1700001200,"resourceIdentifier":"arn:holdfast:estate::000000000000:pool/web","startTime":1700000000.25,"status":"ACTIVE","zonalShiftId":"shift-42"}"#]],
    );
    let summary = zonal::ZonalShiftSummary {
        shift: shift(),
        shift_type: zonal::ShiftType::ZonalShift,
        practice_run_outcome: None,
    };
    check(
        Output::ListZonalShifts(zonal::Items { items: vec![summary], next_token: Some("abc".to_owned()) }),
        expect![[r#"
            200 application/json
            {"items":[{"awayFrom":"euw2-az1","comment":"hi \"there\"","expiryTime":1700001200,"resourceIdentifier":"arn:holdfast:estate::000000000000:pool/web","shiftType":"ZONAL_SHIFT","startTime":1700000000.25,"status":"ACTIVE","zonalShiftId":"shift-42"}],"nextToken":"abc"}"#]],
    );
    check(
        Output::ListAutoshifts(zonal::Items { items: vec![], next_token: None }),
        expect![[r#"
        200 application/json
        {"items":[]}"#]],
    );
}

#[test]
fn resources() {
    let resource = zonal::ManagedResource {
        arn: web(),
        name: web().name(),
        applied_weights: weights(),
        zonal_shifts: vec![in_resource()],
        autoshifts: vec![zonal::AutoshiftInResource {
            applied_status: zonal::AppliedStatus::Applied,
            away_from: zone("euw2-az1"),
            start_time: Timestamp(0).into(),
        }],
        practice_run_configuration: Some(practice()),
        zonal_autoshift_status: zonal::Enablement::Disabled,
    };
    check(
        Output::GetManagedResource(resource),
        expect![[r#"
        200 application/json
        {"appliedWeights":{"euw2-az1":0.0,"euw2-az2":1.0},"arn":"arn:holdfast:estate::000000000000:pool/web","autoshifts":[{"appliedStatus":"APPLIED","awayFrom":"euw2-az1","startTime":0}],"name":"pool/web","practiceRunConfiguration":{"allowedWindows":[],"blockedDates":["2026-12-24"],"blockedWindows":["Mon:09:00-Mon:17:30"],"blockingAlarms":[],"outcomeAlarms":[{"alarmIdentifier":"web-errors","type":"CLOUDWATCH"}]},"zonalAutoshiftStatus":"DISABLED","zonalShifts":[{"appliedStatus":"NOT_APPLIED","awayFrom":"euw2-az1","comment":"hi \"there\"","expiryTime":1700001200,"practiceRunOutcome":"CAPACITY_CHECK_FAILED","resourceIdentifier":"arn:holdfast:estate::000000000000:pool/web","shiftType":"PRACTICE_RUN","startTime":1700000000.25,"zonalShiftId":"shift-42"}]}"#]],
    );
    let summary = zonal::ManagedResourceSummary {
        arn: web(),
        name: web().name(),
        availability_zones: vec![zone("euw2-az1"), zone("euw2-az2")],
        applied_weights: weights(),
        zonal_shifts: vec![],
        autoshifts: vec![],
        zonal_autoshift_status: zonal::Enablement::Disabled,
        practice_run_status: zonal::Enablement::Enabled,
    };
    check(
        Output::ListManagedResources(zonal::Items { items: vec![summary], next_token: None }),
        expect![[r#"
        200 application/json
        {"items":[{"appliedWeights":{"euw2-az1":0.0,"euw2-az2":1.0},"arn":"arn:holdfast:estate::000000000000:pool/web","autoshifts":[],"availabilityZones":["euw2-az1","euw2-az2"],"name":"pool/web","practiceRunStatus":"ENABLED","zonalAutoshiftStatus":"DISABLED","zonalShifts":[]}]}"#]],
    );
}

#[test]
fn practice_runs() {
    let result = zonal::PracticeResult {
        arn: web(),
        name: web().name(),
        zonal_autoshift_status: zonal::Enablement::Enabled,
        practice_run_configuration: practice(),
    };
    check(
        Output::CreatePracticeRunConfiguration(result),
        expect![[r#"
        201 application/json
        {"arn":"arn:holdfast:estate::000000000000:pool/web","name":"pool/web","practiceRunConfiguration":{"allowedWindows":[],"blockedDates":["2026-12-24"],"blockedWindows":["Mon:09:00-Mon:17:30"],"blockingAlarms":[],"outcomeAlarms":[{"alarmIdentifier":"web-errors","type":"CLOUDWATCH"}]},"zonalAutoshiftStatus":"ENABLED"}"#]],
    );
    check(
        Output::UpdateAutoshiftObserverNotificationStatus(zonal::Observer {
            status: zonal::Enablement::Enabled,
        }),
        expect![[r#"
            200 application/json
            {"status":"ENABLED"}"#]],
    );
}

#[test]
fn states() {
    let state = cluster::ControlState {
        routing_control_arn: CONTROL,
        routing_control_name: name("eu"),
        routing_control_state: Switch::Off,
    };
    check(
        Output::GetRoutingControlState(state.clone()),
        expect![[r#"
        200 application/x-amz-json-1.0
        {"RoutingControlArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007","RoutingControlName":"eu","RoutingControlState":"Off"}"#]],
    );
    let listed = cluster::ListedControl { panel_name: name("regions"), state };
    check(
        Output::ListRoutingControlStates(cluster::ControlStates {
            routing_controls: vec![listed],
            next_token: None,
        }),
        expect![[r#"
            200 application/x-amz-json-1.0
            {"RoutingControls":[{"ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","ControlPanelName":"regions","Owner":"000000000000","RoutingControlArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007","RoutingControlName":"eu","RoutingControlState":"Off"}]}"#]],
    );
    check(
        Output::UpdateRoutingControlStates(Nothing {}),
        expect![[r#"
        200 application/x-amz-json-1.0
        {}"#]],
    );
}

#[test]
fn objects() {
    let cluster = config::Cluster {
        cluster_arn: ClusterArn(ClusterId(0xab)),
        cluster_endpoints: vec![config::ClusterEndpoint {
            endpoint: "http://127.0.0.1:7600".to_owned(),
            region: "eu-west-2".to_owned(),
        }],
        name: name("holdfast"),
        network_type: config::NetworkType::DualStack,
    };
    check(
        Output::DescribeCluster(config::ClusterResult { cluster }),
        expect![[r#"
        200 application/json
        {"Cluster":{"ClusterArn":"arn:aws:route53-recovery-control::000000000000:cluster/00000000-0000-0000-0000-0000000000ab","ClusterEndpoints":[{"Endpoint":"http://127.0.0.1:7600","Region":"eu-west-2"}],"Name":"holdfast","NetworkType":"DUALSTACK","Owner":"000000000000","Status":"DEPLOYED"}}"#]],
    );
    let control_panel = config::ControlPanel {
        cluster_arn: ClusterArn(ClusterId(0xab)),
        control_panel_arn: PanelArn(PanelId(0xab)),
        default_control_panel: true,
        name: name("regions"),
        routing_control_count: 3,
    };
    check(
        Output::CreateControlPanel(config::ControlPanelResult { control_panel }),
        expect![[r#"
        200 application/json
        {"ControlPanel":{"ClusterArn":"arn:aws:route53-recovery-control::000000000000:cluster/00000000-0000-0000-0000-0000000000ab","ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","DefaultControlPanel":true,"Name":"regions","Owner":"000000000000","RoutingControlCount":3,"Status":"DEPLOYED"}}"#]],
    );
    let routing_control = config::RoutingControl {
        control_panel_arn: PanelArn(PanelId(0xab)),
        name: name("eu"),
        routing_control_arn: CONTROL,
    };
    check(
        Output::CreateRoutingControl(config::RoutingControlResult { routing_control }),
        expect![[r#"
        200 application/json
        {"RoutingControl":{"ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","Name":"eu","Owner":"000000000000","RoutingControlArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007","Status":"DEPLOYED"}}"#]],
    );
    check(
        Output::DescribeSafetyRule(config::SafetyRule::Assertion(assertion())),
        expect![[r#"
        200 application/json
        {"AssertionRule":{"AssertedControls":["arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007"],"ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","Name":"keep-1","Owner":"000000000000","RuleConfig":{"Inverted":false,"Threshold":1,"Type":"ATLEAST"},"SafetyRuleArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/safetyrule/0000000000000008","Status":"DEPLOYED","WaitPeriodMs":5000}}"#]],
    );
    let gating = config::GatingRule {
        control_panel_arn: PanelArn(PanelId(0xab)),
        gating_controls: vec![CONTROL],
        target_controls: vec![CONTROL],
        name: name("gate"),
        rule_config: config::RuleConfig { kind: config::RuleType::Any, threshold: 0, inverted: true },
        safety_rule_arn: RULE,
        wait_period_ms: 0,
    };
    let rules = [config::SafetyRule::Assertion(assertion()), config::SafetyRule::Gating(gating)];
    let safety_rules = rules.map(config::ListedRule::from).into();
    check(
        Output::ListSafetyRules(config::SafetyRules { safety_rules, next_token: None }),
        expect![[r#"
        200 application/json
        {"SafetyRules":[{"ASSERTION":{"AssertedControls":["arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007"],"ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","Name":"keep-1","Owner":"000000000000","RuleConfig":{"Inverted":false,"Threshold":1,"Type":"ATLEAST"},"SafetyRuleArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/safetyrule/0000000000000008","Status":"DEPLOYED","WaitPeriodMs":5000}},{"GATING":{"ControlPanelArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab","GatingControls":["arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007"],"Name":"gate","Owner":"000000000000","RuleConfig":{"Inverted":true,"Threshold":0,"Type":"OR"},"SafetyRuleArn":"arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/safetyrule/0000000000000008","Status":"DEPLOYED","TargetControls":["arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab/routingcontrol/0000000000000007"],"WaitPeriodMs":0}}]}"#]],
    );
    check(
        Output::ListTagsForResource(config::TagList { tags: [("a".to_owned(), "b".to_owned())].into() }),
        expect![[r#"
            200 application/json
            {"Tags":{"a":"b"}}"#]],
    );
    check(
        Output::GetResourcePolicy(config::ResourcePolicy { policy: "{}".to_owned() }),
        expect![[r#"
        200 application/json
        {"Policy":"{}"}"#]],
    );
    check(
        Output::ListAssociatedRoute53HealthChecks(config::HealthChecks {
            health_check_ids: vec!["web".to_owned()],
            next_token: None,
        }),
        expect![[r#"
            200 application/json
            {"HealthCheckIds":["web"]}"#]],
    );
}

#[test]
fn instants_are_seconds_with_just_the_digits_that_they_need() {
    for (ms, text) in [
        (0, "0"),
        (1_700_000_000_000, "1700000000"),
        (1_700_000_000_250, "1700000000.25"),
        (1_700_000_000_001, "1700000000.001"),
        (1, "0.001"),
    ] {
        assert_eq!(serde_json::to_string(&EpochSeconds(Timestamp(ms))).unwrap(), text);
    }
}
