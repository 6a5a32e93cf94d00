//! A pushed result, from a client over a checker's API to the verdict on every node.

use hf_api::{CheckResult, ClientError, PushResult, code};
use hf_health::Verdict;

use super::*;

const JOBS: &str = "[[health_check]]\nname = \"job\"\nkind = \"pushed\"\n[[pool]]\nname = \"jobs\"\nhealth_check = \"job\"\n\
    endpoints = [{ address = \"192.0.2.1:80\", zone = \"a\" }, { address = \"192.0.2.2:80\", zone = \"b\" }]\n";

fn result(result: CheckResult, valid_for: &str) -> PushResult {
    PushResult {
        endpoint: Some("192.0.2.1:80".to_owned()),
        result,
        text: Some("said so".to_owned()),
        valid_for: Some(valid_for.to_owned()),
    }
}

/// The verdicts on the two endpoints of `jobs`.
fn verdicts(snapshot: &Snapshot) -> Option<(Verdict, Verdict)> {
    let first = snapshot.estate.pools.iter().take_while(|pool| pool.name.as_str() != "jobs");
    let first: usize = first.map(|pool| pool.endpoints.len()).sum();
    let is_there = snapshot.estate.pools.iter().any(|pool| pool.name.as_str() == "jobs");
    is_there.then(|| (snapshot.verdicts.get(first), snapshot.verdicts.get(first + 1)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_pushed_to_a_checker_is_the_verdict_everywhere() {
    let world = World::new().await;
    world.write_estate(JOBS);
    let control = world.start(&in_world("control", &[Role::Control], &[])).await;
    let feed = control.addresses().feed;
    let checker = world.start(&in_world("checker", &[Role::Checker], &[feed])).await;
    for node in [&control, &checker] {
        until_snapshot(node, |snapshot| verdicts(snapshot).is_some()).await;
    }
    until_report(&control, "checker", |report| report.api.is_some()).await;

    let fail = result(CheckResult::Fail, "1m");
    let lost = world.client(&control, "control").push_result("job", &fail).await;
    let Err(ClientError::Refused { status, code, mend, .. }) = lost else { panic!("{lost:?}") };
    let where_to = format!("ask `checker` (http://{})", checker.addresses().api);
    assert_eq!((status, code.as_str(), mend), (503, code::NO_CHECKER, where_to));

    let client = world.client(&checker, "checker");
    let taken = client.push_result("job", &fail).await.unwrap();
    assert_eq!((taken.node.as_str(), taken.healthy, taken.valid_for_ms), ("checker", false, 60_000));
    let is = |want| move |snapshot: &Snapshot| verdicts(snapshot) == Some((want, Verdict::Unknown));
    for node in [&control, &checker] {
        until_snapshot(node, is(Verdict::Unhealthy)).await;
    }
    // Any node tells who says so, and does it of its own tables.
    let voted =
        async {
            loop {
                let explain = world.client(&control, "control").explain_check("job").await.unwrap();
                if explain.steps.iter().any(|step| {
                    step.text.contains("192.0.2.1:80 in a is unhealthy; a: checker says unhealthy")
                }) {
                    return;
                }
                tokio::time::sleep(BEAT).await;
            }
        };
    within(voted).await;
    // Only now a lease that runs out: a slow machine would miss the verdict of a short one. The last verdict holds: nobody has said that it is well.
    client.push_result("job", &result(CheckResult::Fail, "1s")).await.unwrap();
    let run_out = async {
        while client.results("job").await.unwrap().results[0].healthy.is_some() {
            tokio::time::sleep(BEAT).await;
        }
    };
    within(run_out).await;
    let snapshot = control.snapshots().borrow().clone().unwrap();
    assert!(is(Verdict::Unhealthy)(&snapshot));
    client.push_result("job", &result(CheckResult::Pass, "1m")).await.unwrap();
    until_snapshot(&control, is(Verdict::Healthy)).await;
    checker.stop().await.unwrap();
    control.stop().await.unwrap();
}
