//! `holdfast runbook check`: every endpoint is asked, at once; who answers, how fast, and whether it is whom the runbook means.

use std::time::Duration;

use hf_api::ClientError;
use hf_api::tls::{KeyPin, server_key};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::args::Common;
use crate::failure::Failure;
use crate::output::{columns, show};
use crate::session::{Runbook, client_of};

/// For a port to open.
const PATIENCE: Duration = Duration::from_secs(3);

/// What became of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Checked {
    endpoint: String,
    /// `control`, `node` or `status`.
    kind: &'static str,
    /// How long it took to answer; null when it did not.
    answered_ms: Option<u64>,
    /// The node's name.
    node: Option<String>,
    /// The newest revision that it obeys.
    revision: Option<u64>,
    /// What is wrong; empty when all is well.
    wrong: Vec<String>,
}

/// Asks everybody and tells. Exit 3 when nobody answers, 1 when something is wrong.
pub async fn run(runbook: &Runbook, common: &Common) -> Result<(), Failure> {
    let checked = all(runbook, common).await?;
    show(common.output, &checked, |checked| in_table(checked))?;
    let wrong = checked.iter().filter(|one| !one.wrong.is_empty()).count();
    if checked.iter().all(|one| one.answered_ms.is_none()) {
        return Err(Failure::Unreachable("no endpoint of the runbook answers".to_owned()));
    }
    if wrong > 0 {
        return Err(Failure::Refused(format!(
            "{wrong} of {} endpoints are not as the runbook has them; mend those, or make it anew with `holdfast runbook init --force`",
            checked.len()
        )));
    }
    Ok(())
}

async fn all(runbook: &Runbook, common: &Common) -> Result<Vec<Checked>, Failure> {
    let mut tasks = Vec::new();
    let nodes = runbook.nodes.iter().filter(|url| !runbook.endpoints.contains(url));
    let apis = runbook.endpoints.iter().map(|url| (url, "control")).chain(nodes.map(|url| (url, "node")));
    for (url, kind) in apis {
        let token = common.token.clone().or(runbook.token.clone());
        let client = client_of(vec![url.clone()], token, common, runbook)?;
        let (url, runbook) = (url.clone(), runbook.clone());
        tasks.push(tokio::spawn(async move {
            let asked_at = Instant::now();
            let answer = client.status().await;
            let took_ms = u64::try_from(asked_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut wrong = key_of(&url, &runbook.pins).await.err().into_iter().collect::<Vec<String>>();
            let mut checked = Checked {
                endpoint: url,
                kind,
                answered_ms: None,
                node: None,
                revision: None,
                wrong: Vec::new(),
            };
            match answer {
                Ok(status) => {
                    checked.answered_ms = Some(took_ms);
                    checked.revision = Some(status.revision);
                    let stored = runbook.estate.map(|estate| estate.to_string());
                    if let (Some(stored), Some(found)) = (&stored, &status.estate_id)
                        && stored != found
                    {
                        wrong.push(format!("obeys estate {found}, the runbook is for {stored}"));
                    }
                    checked.node = Some(status.node);
                }
                Err(ClientError::Unreachable { tried }) => {
                    wrong.extend(tried.into_iter().map(|tried| tried.why));
                }
                // It answers, and not to us: a token that it does not know, or it is not ready.
                Err(error) => {
                    checked.answered_ms = Some(took_ms);
                    wrong.push(error.to_string());
                }
            }
            wrong.dedup();
            Checked { wrong, ..checked }
        }));
    }
    for url in &runbook.status {
        let url = url.clone();
        tasks.push(tokio::spawn(async move { port(url).await }));
    }
    let mut checked = Vec::new();
    for task in tasks {
        match task.await {
            Ok(one) => checked.push(one),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    Ok(checked)
}

/// Whether the key that is shown is one that is pinned.
async fn key_of(url: &str, pins: &[KeyPin]) -> Result<(), String> {
    let Some(rest) = url.strip_prefix("https://") else { return Ok(()) };
    if pins.is_empty() {
        return Ok(()); // known by an authority
    }
    // Who shows none has said why already.
    let Ok(shown) = server_key(rest.trim_end_matches('/')).await else { return Ok(()) };
    if pins.contains(&shown) { Ok(()) } else { Err(format!("its key is {shown}, which is not pinned")) }
}

/// Zone status is for everybody and says nothing of itself: whether its port opens is all that is asked.
async fn port(url: String) -> Checked {
    let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let asked_at = Instant::now();
    let opened = timeout(PATIENCE, TcpStream::connect(authority)).await;
    let took_ms = u64::try_from(asked_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let wrong = match opened {
        Ok(Ok(_)) => Vec::new(),
        Ok(Err(error)) => vec![format!("no connection: {error}")],
        Err(_) => vec![format!("no connection within {} s", PATIENCE.as_secs())],
    };
    let answered_ms = wrong.is_empty().then_some(took_ms);
    Checked { endpoint: url, kind: "status", answered_ms, node: None, revision: None, wrong }
}

fn in_table(checked: &[Checked]) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |one: &Checked| {
        [
            one.endpoint.clone(),
            one.kind.to_owned(),
            one.answered_ms.map_or("NO ANSWER".to_owned(), |ms| format!("{ms} ms")),
            or_none(one.node.clone()),
            or_none(one.revision.map(|revision| revision.to_string())),
            if one.wrong.is_empty() { "well".to_owned() } else { one.wrong.join("; ") },
        ]
    };
    let rows: Vec<[String; 6]> = checked.iter().map(row).collect();
    columns(["ENDPOINT", "KIND", "ANSWERED", "NODE", "REVISION", "FOUND"], &rows)
}

#[cfg(test)]
mod tests {
    use crate::args::Output;

    use super::*;

    #[tokio::test]
    async fn a_dead_endpoint_is_told_and_does_not_hold_up_the_others() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let runbook = Runbook {
            endpoints: vec![format!("http://{dead}")],
            status: vec![format!("http://{}", listener.local_addr().unwrap())],
            ..Runbook::default()
        };
        let checked = all(&runbook, &common()).await.unwrap();
        let told: Vec<(&str, bool, usize)> =
            checked.iter().map(|one| (one.kind, one.answered_ms.is_some(), one.wrong.len())).collect();
        assert_eq!(told, [("control", false, 1), ("status", true, 0)], "{checked:?}");
        let failure = run(&runbook, &common()).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Refused(text) if text.starts_with("1 of 2 endpoints")),
            "{failure:?}"
        );
        drop(listener);
    }

    fn common() -> Common {
        Common {
            endpoints: Vec::new(),
            token: None,
            ca: None,
            pins: Vec::new(),
            certificate: None,
            certificate_key: None,
            runbook: None,
            output: Output::Table,
        }
    }
}
