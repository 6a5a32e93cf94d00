use expect_test::{Expect, expect};

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "it is written at the call")]
fn check(error: &ArcError, service: Option<Service>, expected: Expect) {
    let answer = error.answer(service);
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push_str(std::str::from_utf8(&answer.body).unwrap());
    expected.assert_eq(&text);
}

fn exists() -> ArcError {
    let shift = ShiftId::new("shift-42").unwrap();
    ArcError::shift_conflict(
        ConflictReason::ZonalShiftAlreadyExists,
        "pool/web is away from euw2-az1 already, until 12:00",
        Some(shift),
    )
}

fn rule_broken() -> ArcError {
    let about = About::new(About::RULE, "arn:keep-2");
    ArcError::conflict("assertion rule keep-2 needs at least 2 of 3 On, would be 1", about)
}

#[test]
fn a_conflict_carries_the_blocking_id_where_people_see_it() {
    check(
        &exists(),
        Some(Service::ZonalShift),
        expect![[r#"
        409
        content-type: application/json
        x-amzn-errortype: ConflictException
        {"__type":"ConflictException","message":"pool/web is away from euw2-az1 already, until 12:00 (ZonalShiftAlreadyExists, shift-42)","reason":"ZonalShiftAlreadyExists","zonalShiftId":"shift-42"}"#]],
    );
    check(
        &rule_broken(),
        Some(Service::Cluster),
        expect![[r#"
        409
        content-type: application/x-amz-json-1.0
        x-amzn-errortype: ConflictException
        {"__type":"ConflictException","message":"assertion rule keep-2 needs at least 2 of 3 On, would be 1 (arn:keep-2)","resourceId":"arn:keep-2","resourceType":"SafetyRule"}"#]],
    );
    check(
        &rule_broken(),
        Some(Service::ControlConfig),
        expect![[r#"
        409
        content-type: application/json
        x-amzn-errortype: ConflictException
        {"__type":"ConflictException","message":"assertion rule keep-2 needs at least 2 of 3 On, would be 1 (arn:keep-2)"}"#]],
    );
}

#[test]
fn an_endpoint_without_a_quorum_answers_400() {
    let error = ArcError::Unavailable { message: "node 3 has no quorum; try another endpoint".to_owned() };
    for service in [Service::ZonalShift, Service::Cluster, Service::ControlConfig] {
        assert_eq!(error.status(Some(service)), 400);
        assert_eq!(error.name(Some(service)), "EndpointTemporarilyUnavailableException");
    }
    check(
        &error,
        Some(Service::Cluster),
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-errortype: EndpointTemporarilyUnavailableException
        {"__type":"EndpointTemporarilyUnavailableException","message":"node 3 has no quorum; try another endpoint"}"#]],
    );
}

#[test]
fn an_unknown_operation_is_said_as_each_service_says_it() {
    let error = ArcError::UnknownOperation { message: "no such thing".to_owned() };
    check(
        &error,
        Some(Service::Cluster),
        expect![[r#"
        400
        content-type: application/x-amz-json-1.0
        x-amzn-errortype: ValidationException
        {"__type":"ValidationException","message":"no such thing","reason":"unknownOperation"}"#]],
    );
    check(
        &error,
        Some(Service::ZonalShift),
        expect![[r#"
        404
        content-type: application/json
        x-amzn-errortype: UnknownOperationException
        {"__type":"UnknownOperationException","message":"no such thing"}"#]],
    );
    check(
        &error,
        None,
        expect![[r#"
        404
        content-type: application/json
        x-amzn-errortype: UnknownOperationException
        {"__type":"UnknownOperationException","message":"no such thing"}"#]],
    );
}

#[test]
fn every_error_has_its_members_and_status() {
    let about = || About::new(About::CONTROL, "arn:x");
    let errors = [
        ArcError::invalid("awayFrom", ValidationReason::UnsupportedAz, "pool/web has nothing in euw2-az9"),
        ArcError::unreadable("the body is not JSON"),
        ArcError::TooLarge { bytes: 262_145 },
        ArcError::AccessDenied { message: "key K has not the role operate".to_owned() },
        ArcError::not_found("there is no routing control arn:x", about()),
        ArcError::LimitExceeded { message: "50 panels are there".to_owned(), limit: "panels" },
        ArcError::Throttled { message: "too many calls".to_owned(), retry_after_s: 2 },
        ArcError::Internal { message: "the ledger's disk is full".to_owned() },
        ArcError::Auth(AuthError::Missing),
    ];
    let mut text = String::new();
    for error in &errors {
        for service in [Service::ZonalShift, Service::Cluster, Service::ControlConfig] {
            let answer = error.answer(Some(service));
            text.push_str(&format!("{} {}\n", answer.status, String::from_utf8(answer.body).unwrap()));
        }
    }
    expect![[r#"
        400 {"__type":"ValidationException","message":"awayFrom: pool/web has nothing in euw2-az9 (UnsupportedAz)","reason":"UnsupportedAz"}
        400 {"__type":"ValidationException","fields":[{"message":"pool/web has nothing in euw2-az9","name":"awayFrom"}],"message":"awayFrom: pool/web has nothing in euw2-az9","reason":"fieldValidationFailed"}
        400 {"__type":"ValidationException","message":"awayFrom: pool/web has nothing in euw2-az9"}
        400 {"__type":"ValidationException","message":"the body is not JSON","reason":"MissingValue"}
        400 {"__type":"ValidationException","message":"the body is not JSON","reason":"cannotParse"}
        400 {"__type":"ValidationException","message":"the body is not JSON"}
        413 {"__type":"RequestEntityTooLargeException","message":"the body has 262145 bytes, at most 262144 are taken; split the request"}
        413 {"__type":"RequestEntityTooLargeException","message":"the body has 262145 bytes, at most 262144 are taken; split the request","reason":"other"}
        413 {"__type":"RequestEntityTooLargeException","message":"the body has 262145 bytes, at most 262144 are taken; split the request"}
        403 {"__type":"AccessDeniedException","message":"key K has not the role operate"}
        403 {"__type":"AccessDeniedException","message":"key K has not the role operate"}
        403 {"__type":"AccessDeniedException","message":"key K has not the role operate"}
        404 {"__type":"ResourceNotFoundException","message":"there is no routing control arn:x"}
        404 {"__type":"ResourceNotFoundException","message":"there is no routing control arn:x","resourceId":"arn:x","resourceType":"RoutingControl"}
        404 {"__type":"ResourceNotFoundException","message":"there is no routing control arn:x"}
        402 {"__type":"ServiceQuotaExceededException","message":"50 panels are there"}
        402 {"__type":"ServiceLimitExceededException","limitCode":"panels","message":"50 panels are there","serviceCode":"route53-recovery-cluster"}
        402 {"__type":"ServiceQuotaExceededException","message":"50 panels are there"}
        429 {"__type":"ThrottlingException","message":"too many calls"}
        429 {"__type":"ThrottlingException","message":"too many calls","retryAfterSeconds":2}
        429 {"__type":"ThrottlingException","message":"too many calls"}
        500 {"__type":"InternalServerException","message":"the ledger's disk is full"}
        500 {"__type":"InternalServerException","message":"the ledger's disk is full"}
        500 {"__type":"InternalServerException","message":"the ledger's disk is full"}
        403 {"__type":"MissingAuthenticationTokenException","message":"the request is not signed; give the client an access key of Holdfast, and leave out --no-sign-request"}
        403 {"__type":"MissingAuthenticationTokenException","message":"the request is not signed; give the client an access key of Holdfast, and leave out --no-sign-request"}
        403 {"__type":"MissingAuthenticationTokenException","message":"the request is not signed; give the client an access key of Holdfast, and leave out --no-sign-request"}
    "#]].assert_eq(&text);
}
