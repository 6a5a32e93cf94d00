//! What the nodes tell of one another: where their APIs and their zone status are, their keys, the estate.

use hf_api::{Node, Status};

use crate::args::Common;
use crate::failure::Failure;
use crate::session::{Runbook, client_of, tls};

/// Asks the endpoints and adds what they know: `nodes` too, unless those are given. Nobody there is said, and no failure.
pub async fn add_what_nodes_know(
    runbook: &mut Runbook,
    is_nodes_asked: bool,
    common: &Common,
) -> Result<(), Failure> {
    if tls(common, runbook)?.is_none()
        && let Some(secure) = runbook.endpoints.iter().find(|url| url.starts_with("https://"))
    {
        return Err(needs_a_key(secure).await);
    }
    let client = client_of(runbook.endpoints.clone(), runbook.token.clone(), common, runbook)?;
    match client.status().await {
        Ok(status) => add(runbook, &status, is_nodes_asked),
        Err(error) => {
            eprintln!("only what was given is stored, no node tells where the others are: {error}");
            Ok(())
        }
    }
}

/// Says which key the server shows, for a person to compare: it is not believed by itself.
async fn needs_a_key(url: &str) -> Failure {
    let authority = url.trim_start_matches("https://").trim_end_matches('/');
    let with_port = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:443")
    };
    let shown = match hf_api::tls::server_key(&with_port).await {
        Ok(key) => format!(
            "it shows the key {key} now; compare it with the one that the node printed at its start, then give --pin {key}"
        ),
        Err(why) => {
            format!("it shows none now ({why}); give --pin with the key that the node prints at its start")
        }
    };
    Failure::Usage(format!("holdfast: {url} needs to be known by something: {shown}, or --ca FILE"))
}

fn add(runbook: &mut Runbook, status: &Status, is_nodes_asked: bool) -> Result<(), Failure> {
    let estate = status.estate_id.as_deref().and_then(|id| id.parse().ok());
    if let (Some(stored), Some(found)) = (runbook.estate, estate)
        && stored != found
    {
        return Err(Failure::Refused(format!(
            "node {} obeys estate {found}, the runbook is for estate {stored}; name the nodes of that one with --endpoint, or make \
             a runbook of its own with --runbook FILE",
            status.node
        )));
    }
    runbook.estate = estate.or(runbook.estate);
    let far = runbook.endpoints.iter().all(|url| !is_loopback(url));
    // A node that others reach at its loopback only cannot be reached from here.
    let reachable = |url: &Option<String>| url.clone().filter(|url| !(far && is_loopback(url)));
    let control = |node: &&Node| node.roles.iter().any(|role| role == "control");
    let apis = |nodes: Vec<&Node>| nodes.into_iter().filter_map(|node| reachable(&node.api)).collect();
    let of_control: Vec<String> = apis(status.nodes.iter().filter(control).collect());
    union(&mut runbook.endpoints, of_control);
    if is_nodes_asked {
        union(&mut runbook.nodes, apis(status.nodes.iter().collect()));
    }
    union(&mut runbook.status, status.nodes.iter().filter_map(|node| reachable(&node.status)).collect());
    let keys = status.nodes.iter().filter_map(|node| node.api_key.as_ref()?.parse().ok());
    for key in keys {
        // With an authority, keys would take its place: they are for those who have none.
        if runbook.ca.is_none() && !runbook.pins.contains(&key) {
            runbook.pins.push(key);
        }
    }
    Ok(())
}

fn union(known: &mut Vec<String>, more: Vec<String>) {
    for url in more {
        if !known.iter().any(|known| known.trim_end_matches('/') == url.trim_end_matches('/')) {
            known.push(url);
        }
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, role: &str, api: Option<&str>, key: Option<&str>) -> Node {
        Node {
            id: id.to_owned(),
            zone: None,
            roles: vec![role.to_owned()],
            revision: 1,
            snapshot: Some(1),
            last_heard_ms: 0,
            stale: false,
            booted_from_disk: false,
            version: "0.1.0".to_owned(),
            api: api.map(ToOwned::to_owned),
            status: (role == "status").then(|| "http://10.0.0.9:7601".to_owned()),
            api_key: key.map(ToOwned::to_owned),
            problem: None,
        }
    }

    fn status() -> Status {
        let key = format!("sha256/{}=", "A".repeat(43));
        Status {
            node: "c1".to_owned(),
            now_ms: 0,
            estate_id: Some("0f".repeat(16)),
            revision: 1,
            estate_revision: 1,
            estate_digest: None,
            snapshot: None,
            zones: Vec::new(),
            pools: Vec::new(),
            shifts: Vec::new(),
            pins: Vec::new(),
            deployments: Vec::new(),
            nodes: vec![
                node("c1", "control", Some("https://10.0.0.1:7600"), Some(&key)),
                node("c2", "control", Some("https://10.0.0.2:7600/"), Some(&key)),
                node("d1", "status", Some("http://10.0.0.9:7600"), None),
                node("d2", "dns", Some("http://127.0.0.1:7600"), None),
                node("d3", "dns", None, None),
            ],
            not_applied: Vec::new(),
            break_glass: Vec::new(),
            break_glass_recorded: Vec::new(),
            controls_off: Vec::new(),
            returning: Vec::new(),
            floors_overridden: Vec::new(),
            gray: Vec::new(),
            gray_told: Vec::new(),
            gray_told_more: 0,
            consumers: hf_api::Consumers::default(),
            closing_sources: hf_api::ClosingSources::default(),
            estate_file_problem: None,
        }
    }

    #[test]
    fn what_the_nodes_know_is_added_once_and_only_what_can_be_reached() {
        let mut runbook =
            Runbook { endpoints: vec!["https://10.0.0.2:7600".to_owned()], ..Runbook::default() };
        add(&mut runbook, &status(), true).unwrap();
        add(&mut runbook, &status(), true).unwrap();
        assert_eq!(runbook.endpoints, ["https://10.0.0.2:7600", "https://10.0.0.1:7600"]);
        assert_eq!(
            runbook.nodes,
            ["https://10.0.0.1:7600", "https://10.0.0.2:7600/", "http://10.0.0.9:7600"]
        );
        assert_eq!(runbook.status, ["http://10.0.0.9:7601"]);
        assert_eq!(runbook.pins.len(), 1);
        assert_eq!(runbook.estate.unwrap().to_string(), "0f".repeat(16));

        let mut here = Runbook { endpoints: vec!["http://127.0.0.1:7600".to_owned()], ..Runbook::default() };
        add(&mut here, &status(), false).unwrap();
        assert!(here.nodes.is_empty() && here.endpoints.len() == 3, "{here:?}");
    }

    #[test]
    fn the_nodes_of_another_estate_are_not_mixed_in() {
        let before = Runbook { estate: Some(hf_model::EstateId([1; 16])), ..Runbook::default() };
        let mut runbook = before.clone();
        let refused = add(&mut runbook, &status(), true).unwrap_err();
        assert!(
            matches!(&refused, Failure::Refused(text) if text.contains("obeys estate 0f0f")),
            "{refused:?}"
        );
        assert_eq!(runbook, before);
    }
}
