use std::collections::BTreeSet;

use super::*;
use crate::fixtures;

fn unsigned(method: &str, path: &str) -> Result<Operation, ArcError> {
    route(&Request { method, path, query: "", headers: vec![], body: b"" }).map(|route| route.operation())
}

#[test]
fn every_operation_is_found_by_its_own_verb_and_path() {
    let mut seen = BTreeSet::new();
    for operation in Operation::ALL.iter().filter(|operation| operation.service() != Service::Cluster) {
        let path = operation.path().replace("{}", "a%2Fb");
        assert_eq!(unsigned(operation.verb(), &path).as_ref(), Ok(operation), "{path}");
        assert!(seen.insert((operation.verb(), path)));
    }
    assert_eq!(Operation::ALL.len(), 44);
}

#[test]
fn recorded_requests_find_their_operation() {
    let found: Vec<(&str, String)> = fixtures::all()
        .into_iter()
        // Its token is made up.
        .filter(|(name, _)| *name != "boto3-list-managed-resources")
        .map(|(name, recorded)| {
            let request = recorded.request();
            let route = route(&request).unwrap();
            route.call(&request).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, route.operation().name().to_owned())
        })
        .collect();
    let words: Vec<String> = found.iter().map(|(name, operation)| format!("{name}: {operation}")).collect();
    expect_test::expect![[r#"
        boto3-delete-practice: DeletePracticeRunConfiguration
        boto3-list-routing-controls: ListRoutingControls
        boto3-tag-with-token: TagResource
        create-safety-rule: CreateSafetyRule
        describe-control-panel: DescribeControlPanel
        get-managed-resource: GetManagedResource
        get-routing-control-state: GetRoutingControlState
        list-zonal-shifts: ListZonalShifts
        start-zonal-shift: StartZonalShift
        untag-resource: UntagResource
        update-routing-control-states: UpdateRoutingControlStates"#]]
    .assert_eq(&words.join("\n"));
}

#[test]
fn what_is_not_ours_is_unknown_with_a_hint() {
    for (method, path, words) in [
        ("GET", "/", "no operation is called"),
        ("PUT", "/zonalshifts", "this path takes POST, GET"),
        ("GET", "/zonalshifts/", "with its slashes encoded"),
        ("GET", "/managedresources/arn:holdfast:estate::000000000000:pool/web", "with its slashes encoded"),
        ("GET", "/cells", "no operation is called"),
        ("GET", "", "no operation is called"),
        ("get", "/zonalshifts", "this path takes POST, GET"),
    ] {
        let error = unsigned(method, path).unwrap_err();
        assert!(matches!(error, ArcError::UnknownOperation { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn another_services_signature_is_named() {
    let tags = fixtures::named("untag-resource");
    let authorization = tags.header("authorization").replace("control-config", "readiness");
    let error = route(&tags.with_header("authorization", &authorization).request()).unwrap_err();
    assert!(error.to_string().contains("route53-recovery-readiness"), "{error}");
    let target = tags.with_more("x-amz-target", "ArcRegionSwitch.ListPlans");
    assert!(route(&target.request()).unwrap_err().to_string().contains("ArcRegionSwitch"));
    assert_eq!(service_guess(&target.request()), None);
    assert_eq!(
        service_guess(&tags.with_more("x-amz-target", "ToggleCustomerAPI.X").request()),
        Some(Service::Cluster)
    );
    let twice = tags.with_more("x-amz-target", "ToggleCustomerAPI.X").with_more("x-amz-target", "y");
    assert!(matches!(route(&twice.request()), Err(ArcError::UnknownOperation { .. })));
}

#[test]
fn requests_for_this_front_are_told_from_others() {
    for (_, recorded) in fixtures::all() {
        assert!(is_for_arc(&recorded.request()));
        assert!(
            recorded.request().path == "/" || is_for_arc(&recorded.without_header("authorization").request())
        );
    }
    for path in ["/", "/v1/shifts", "/metrics", "/openapi.json", ""] {
        assert!(
            !is_for_arc(&Request { method: "GET", path, query: "", headers: vec![], body: b"" }),
            "{path}"
        );
    }
}
