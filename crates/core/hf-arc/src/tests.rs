use hf_model::Timestamp;
use proptest::prelude::*;

use crate::fixtures;
use crate::{ArcError, BODY_BYTES_MAX, Call, Operation, Request, Secret, Service, take};

fn known(id: &str) -> Option<Secret> {
    (id == "HFEXAMPLEKEY00000001").then(|| Secret::new("example/secret+for=the/tests/only/0000001"))
}

/// When the recorded requests were signed, give or take a minute.
const RECORDED_AT: Timestamp = Timestamp(1_795_298_995_000);

#[test]
fn a_signed_request_becomes_a_call_of_its_key() {
    let recorded = fixtures::named("start-zonal-shift");
    let taken = take(&recorded.request(), known, RECORDED_AT).unwrap();
    assert_eq!(taken.by.as_str(), "HFEXAMPLEKEY00000001");
    assert_eq!(taken.operation, Operation::StartZonalShift);
    let Call::StartZonalShift(shift) = taken.call else { panic!("{:?}", taken.call) };
    assert_eq!(shift.comment, "Über  two blanks & more");
    assert_eq!(shift.resource.name(), "pool/web");
}

#[test]
fn the_signature_is_judged_before_the_content_and_after_the_route() {
    let good = fixtures::named("start-zonal-shift");
    let refused = |recorded: &fixtures::Recorded| take(&recorded.request(), known, RECORDED_AT).unwrap_err();
    let wrong_content = fixtures::Recorded { body: b"{}".to_vec(), ..good.clone() };
    let error = refused(&wrong_content);
    assert!(matches!(error.error, ArcError::Auth(_)), "{:?}", error.error);
    assert_eq!(error.answer().status, 403);
    assert_eq!((error.operation, error.by), (Some(Operation::StartZonalShift), None));
    let lost = fixtures::Recorded { path: "/zonalshift".to_owned(), ..good.clone() };
    let error = refused(&lost);
    assert!(matches!(error.error, ArcError::UnknownOperation { .. }), "{:?}", error.error);
    assert_eq!((error.service, error.operation), (Some(Service::ZonalShift), None));
    let large = fixtures::Recorded { body: vec![b' '; BODY_BYTES_MAX + 1], ..good };
    let error = refused(&large);
    assert_eq!(error.error, ArcError::TooLarge { bytes: BODY_BYTES_MAX + 1 });
    assert_eq!(error.answer().status, 413);
}

#[test]
fn a_verified_caller_of_wrong_content_is_known() {
    let recorded = fixtures::named("boto3-list-managed-resources");
    let refused = take(&recorded.request(), known, RECORDED_AT).unwrap_err();
    assert!(matches!(refused.error, ArcError::Validation { .. }), "{:?}", refused.error);
    assert_eq!(refused.by.as_ref().map(crate::AccessKeyId::as_str), Some("HFEXAMPLEKEY00000001"));
}

/// Paths and queries near ours, and others.
fn target() -> impl Strategy<Value = (String, String)> {
    let path = prop_oneof![
        "(/(zonalshifts|managedresources|configuration|cluster|controlpanel|tags|safetyrule)){0,2}(/[ -~]{0,30}){0,3}",
        "\\PC{0,40}",
    ];
    let query = prop_oneof![
        "((status|maxResults|NextToken|nextToken|TagKeys|MaxResults)=[ -~]{0,10}&?){0,4}",
        "\\PC{0,40}"
    ];
    (path, query)
}

/// JSON near what operations take.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "\"[ -!#-\\[\\]-~]{0,12}\"",
        Just("\"pool/web\"".to_owned()),
        Just("\"CLOUDWATCH\"".to_owned()),
    ];
    let name = prop::sample::select(vec![
        "resourceIdentifier",
        "awayFrom",
        "expiresIn",
        "comment",
        "outcomeAlarms",
        "type",
        "alarmIdentifier",
        "blockedDates",
        "Tags",
        "ClusterName",
        "AssertionRule",
        "GatingRule",
        "RuleConfig",
        "Threshold",
        "UpdateRoutingControlStateEntries",
        "RoutingControlArn",
        "SafetyRulesToOverride",
        "NextToken",
        "MaxResults",
        "AssertedControls",
    ]);
    let value = leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop_oneof![value.prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Any request at all is taken or refused with an answer in JSON that names its error.
    #[test]
    fn any_request_has_an_answer(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "x"]),
        (path, query) in target(),
        operation in prop::option::of(prop::sample::select(Operation::ALL)),
        body in body(),
    ) {
        let target = operation.map(|operation| format!("ToggleCustomerAPI.{}", operation.name()));
        let mut headers = vec![("content-type", b"application/json".as_slice())];
        headers.extend(target.as_ref().map(|target| ("x-amz-target", target.as_bytes())));
        let request = Request { method, path: &path, query: &query, headers, body: &body };
        let refused = take(&request, known, Timestamp(0)).expect_err("nobody has signed it");
        let answer = refused.answer();
        prop_assert!((400..500).contains(&answer.status));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        prop_assert_eq!(body["__type"].as_str(), Some(refused.error.name(refused.service)));
        prop_assert!(!body["message"].as_str().unwrap().is_empty());
        if let Ok(route) = crate::operation::route(&request) {
            match route.call(&request) {
                Ok(call) => prop_assert_eq!(call.operation(), route.operation()),
                Err(error) => prop_assert!(error.answer(Some(route.operation().service())).body.len() < 64 * 1024),
            }
        }
    }
}
