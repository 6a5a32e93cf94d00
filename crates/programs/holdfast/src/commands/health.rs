//! `holdfast health`: results of pushed health checks, told to every checker.
//!
//! Each checker has its own word in the quorum, so each is told. One that cannot be reached now keeps what it was told before for that result's lease; the others outvote
//! it or not as they would a checker that sees something else.

use std::future::Future;

use hf_api::{CheckResults, Client, ClientError, PushResult, PushedTo, ToldResult, code};
use serde::Serialize;

use crate::args::Common;
use crate::args::health::{HealthArgs, HealthCommand, PushArgs};
use crate::failure::Failure;
use crate::output::{columns, rough, show};
use crate::session::node_client;

/// Does what is asked.
pub async fn run(args: &HealthArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        HealthCommand::Push(push) => {
            let told = tell(&node_client(common)?, push).await?;
            for (endpoint, why) in &told.failed {
                eprintln!("{endpoint} was not told: {why}");
            }
            show(common.output, &told.taken, |taken| {
                taken.iter().map(in_words).collect::<Vec<_>>().join("\n")
            })
        }
        HealthCommand::Results { check } => {
            let client = node_client(common)?;
            let all = each(&client, |one| {
                let check = check.clone();
                async move { one.results(&check).await }
            });
            let heard = sort(all.await)?;
            for (endpoint, why) in &heard.failed {
                eprintln!("{endpoint} did not tell: {why}");
            }
            show(common.output, &heard.taken, |all| in_a_table(all))
        }
    }
}

/// What came of asking every node.
#[derive(Debug)]
struct Heard<T> {
    taken: Vec<T>,
    failed: Vec<(String, String)>,
}

async fn tell(client: &Client, args: &PushArgs) -> Result<Heard<PushedTo>, Failure> {
    let result = PushResult {
        endpoint: args.address.map(|address| address.to_string()),
        result: args.result.into(),
        text: args.text.clone(),
        valid_for: args.length.clone(),
    };
    let all = each(client, |one| {
        let (check, result) = (args.check.clone(), result.clone());
        async move { one.push_result(&check, &result).await }
    });
    sort(all.await)
}

/// Asks every node at once; answers in the order of the nodes.
async fn each<T, F>(client: &Client, ask: impl Fn(Client) -> F) -> Vec<(String, Result<T, ClientError>)>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ClientError>> + Send + 'static,
{
    let asked = client.each().into_iter().map(|(endpoint, one)| (endpoint, tokio::spawn(ask(one))));
    let mut all = Vec::new();
    for (endpoint, answer) in asked.collect::<Vec<_>>() {
        match answer.await {
            Ok(answer) => all.push((endpoint, answer)),
            // Nobody breaks it off, so it has panicked: our own mistake, to be seen.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    all
}

/// What was taken, and by whom it was not; nodes without a checker are none of it. Nobody has taken it: the first of those that say why.
fn sort<T>(all: Vec<(String, Result<T, ClientError>)>) -> Result<Heard<T>, Failure> {
    let mut heard = Heard { taken: Vec::new(), failed: Vec::new() };
    let (mut without, mut refused, mut unreachable) = (None, None, None);
    for (endpoint, answer) in all {
        match answer {
            Ok(answer) => heard.taken.push(answer),
            Err(error) if is_without(&error) => without = Some(error),
            Err(error) => {
                heard.failed.push((endpoint, error.to_string()));
                let first = if matches!(error, ClientError::Unreachable { .. }) {
                    &mut unreachable
                } else {
                    &mut refused
                };
                first.get_or_insert(error);
            }
        }
    }
    if heard.taken.is_empty() {
        let error = refused.or(without).or(unreachable);
        return Err(error.map_or_else(|| Failure::Refused("no node was asked".to_owned()), Failure::from));
    }
    Ok(heard)
}

fn is_without(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { code, .. } if code == code::NO_CHECKER)
}

fn subject(endpoint: Option<&str>) -> &str {
    endpoint.unwrap_or("the whole check")
}

fn in_words(told: &PushedTo) -> String {
    let state = if told.healthy { "healthy" } else { "unhealthy" };
    let of = subject(told.endpoint.as_deref());
    let left = rough(told.valid_for_ms);
    format!("{} holds {of} under {} for {state}, for {left} unless it is told again", told.node, told.check)
}

/// One checker's results in a line each.
#[derive(Serialize)]
struct Line<'a> {
    node: &'a str,
    told: &'a ToldResult,
}

fn in_a_table(all: &[CheckResults]) -> String {
    let lines = all.iter().flat_map(|of| of.results.iter().map(|told| Line { node: &of.node, told }));
    let row = |Line { node, told }: Line<'_>| {
        let left = if told.left_ms == 0 { "run out".to_owned() } else { rough(told.left_ms) };
        let is = match told.healthy {
            None => "unknown",
            Some(true) => "healthy",
            Some(false) => "unhealthy",
        };
        [
            node.to_owned(),
            subject(told.endpoint.as_deref()).to_owned(),
            told.result.as_str().to_owned(),
            is.to_owned(),
            rough(told.ago_ms),
            left,
            told.by.clone(),
            told.text.clone(),
        ]
    };
    let rows: Vec<[String; 8]> = lines.map(row).collect();
    let mut text = columns(["CHECKER", "OF", "TOLD", "COUNTS AS", "AGO", "LEFT", "BY", "TEXT"], &rows);
    for of in all.iter().filter(|of| of.left_out > 0) {
        text.push_str(&format!("\n{} has {} more\n", of.node, of.left_out));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use hf_api::CheckResult;

    use super::*;

    fn refused(code: &str, message: &str) -> ClientError {
        let (code, message, mend) = (code.to_owned(), message.to_owned(), "mend it".to_owned());
        ClientError::Refused { status: 403, code, message, mend }
    }

    fn url(at: usize) -> String {
        format!("http://n{at}:1")
    }

    #[test]
    fn one_checker_that_takes_it_is_enough_and_nodes_without_one_are_no_failure() {
        let none = || Err(refused(code::NO_CHECKER, "node `n1` has no checker to tell results to"));
        let away = || Err(ClientError::Unreachable { tried: Vec::new() });
        let heard = sort(vec![(url(1), none()), (url(2), Ok(2)), (url(3), away())]).unwrap();
        assert_eq!((heard.taken, heard.failed.len()), (vec![2], 1));
        let forbidden = || Err(refused(code::FORBIDDEN, "`ann` may not"));
        let failed = sort::<u8>(vec![(url(1), none()), (url(2), away()), (url(3), forbidden())]).unwrap_err();
        assert_eq!(failed, Failure::Refused("`ann` may not; mend it".to_owned()));
        let failed = sort::<u8>(vec![(url(1), none()), (url(2), away())]).unwrap_err();
        assert!(matches!(failed, Failure::Refused(text) if text.contains("no checker")));
        assert!(matches!(sort::<u8>(vec![(url(2), away())]), Err(Failure::Unreachable(_))));
    }

    #[test]
    fn results_are_listed_checker_by_checker() {
        let told = |endpoint: Option<&str>, result, left_ms, healthy| ToldResult {
            endpoint: endpoint.map(str::to_owned),
            result,
            text: "disk full".to_owned(),
            by: "ann".to_owned(),
            ago_ms: 4_000,
            left_ms,
            healthy,
        };
        let of = |node: &str, results| CheckResults {
            node: node.to_owned(),
            check: "app".to_owned(),
            left_out: 0,
            results,
        };
        let all = [
            of("n1", vec![told(None, CheckResult::Pass, 26_000, Some(true))]),
            of("n2", vec![told(Some("10.0.0.1:80"), CheckResult::Fail, 0, None)]),
        ];
        expect![[r"
            CHECKER  OF               TOLD  COUNTS AS  AGO  LEFT     BY   TEXT
            n1       the whole check  pass  healthy    4s   26s      ann  disk full
            n2       10.0.0.1:80      fail  unknown    4s   run out  ann  disk full
        "]]
        .assert_eq(&in_a_table(&all));
    }
}
