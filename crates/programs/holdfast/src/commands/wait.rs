//! Waiting until the nodes obey what the ledger has taken.

use std::time::Duration;

use hf_api::Client;

/// How long a change waits for the nodes to report it applied.
const WAIT: Duration = Duration::from_secs(10);

/// Until every node that is heard has applied `revision`; progress goes to standard error. Nobody waits for silent nodes.
pub async fn until_applied(client: &Client, revision: u64) {
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut told = None;
    let mut is_failure_told = false;
    while tokio::time::Instant::now() < deadline {
        pace.tick().await;
        let status = match client.status().await {
            Ok(status) => status,
            Err(error) if !is_failure_told => {
                is_failure_told = true;
                eprintln!("the change stands, its progress cannot be read: {error}");
                continue;
            }
            Err(_) => continue,
        };
        let heard = status.nodes.iter().filter(|node| !node.stale);
        let missing: Vec<&str> =
            heard.clone().filter(|node| node.revision < revision).map(|node| node.id.as_str()).collect();
        let of = heard.count();
        if missing.is_empty() && of > 0 {
            eprintln!("applied by {of} of {of} nodes");
            return;
        }
        if told != Some(missing.len()) {
            told = Some(missing.len());
            eprintln!("applied by {} of {of} nodes, not by {}", of - missing.len(), missing.join(", "));
        }
    }
    eprintln!(
        "not all nodes that are heard have reported it after {}s; `holdfast status` goes on telling",
        WAIT.as_secs()
    );
}
