//! The zone of a pod: the label of its node.
//!
//! 1. Asked only where `KUBERNETES_SERVICE_HOST` and `NODE_NAME` are set; the latter by the downward API (`spec.nodeName`).
//! 2. The pod's service account must be allowed `get` on `nodes`: a ClusterRole of one rule.
//! 3. Only the node's metadata is asked for (`PartialObjectMetadata`), some kilobytes at most.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{OwnZone, Sources, ZoneSource};
use crate::endpoint::Endpoint;
use crate::http::{self, Question};
use crate::tls::Tls;

/// Bytes of a node's metadata at most.
const ANSWER_BYTES: usize = 1 << 20;

/// Labels that name the zone, the first that is there first: of today, of AWS (its id), of before Kubernetes 1.17.
const LABELS: [&str; 3] =
    ["topology.kubernetes.io/zone", "topology.k8s.aws/zone-id", "failure-domain.beta.kubernetes.io/zone"];

#[derive(Deserialize)]
struct Node {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// The zone of this pod's node; none outside of Kubernetes.
pub async fn ask(sources: &Sources<'_>) -> Option<Result<OwnZone, String>> {
    let name = sources.variable("KUBERNETES_SERVICE_HOST")?;
    let port = sources.variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
    Some(match sources.variable("NODE_NAME") {
        Some(node) => ask_node(sources, &name, &port, &node).await,
        None => Err("NODE_NAME is not set; give the pod `spec.nodeName` under that name".to_owned()),
    })
}

async fn ask_node(sources: &Sources<'_>, name: &str, port: &str, node: &str) -> Result<OwnZone, String> {
    if !node.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("NODE_NAME is no node's name".to_owned());
    }
    let authority = if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") };
    let endpoint: Endpoint = format!("https://{authority}")
        .parse()
        .map_err(|error: crate::endpoint::BadEndpoint| error.to_string())?;
    let read = |name: &str| {
        let path = sources.service_account.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let token = read("token")?;
    let tls = Tls::load(Some(&sources.service_account.join("ca.crt"))).map_err(|error| error.to_string())?;
    let question = Question::get(format!("/api/v1/nodes/{node}"))
        .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        .header("authorization", format!("Bearer {}", token.trim()));
    let answer = Box::pin(http::once(&endpoint, &tls, &question, ANSWER_BYTES, sources.patience * 3)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status.as_u16() == 403 {
        return Err(format!(
            "the pod's service account may not `get` the node {node}; bind it to a ClusterRole that may"
        ));
    }
    if !answer.status.is_success() {
        return Err(answer.refused().to_string());
    }
    let found: Node = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let names = LABELS.iter().filter_map(|label| found.metadata.labels.get(*label).cloned());
    OwnZone::new(ZoneSource::Kubernetes, names)
        .map_err(|_| format!("the node {node} has no label `{}`", LABELS[0]))
}
