//! Metadata of clouds: what an instance may ask about itself.
//!
//! Each answers none where it is not worth asking, else the zone or why not. All within one patience, and never over a proxy.
//!
//! Sources: AWS "Use IMDSv2" and "ECS task metadata endpoint version 4"; GCP "About VM metadata"; Azure "Instance Metadata Service".

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use tokio::time::timeout;

use super::{OwnZone, Sources, ZoneSource};
use crate::endpoint::Endpoint;
use crate::http::{self, Answer, Question};
use crate::tls::Tls;

/// Bytes of an answer at most; a task's metadata lists its containers.
const ANSWER_BYTES: usize = 256 << 10;

type Asked = Option<Result<OwnZone, String>>;

async fn within(sources: &Sources<'_>, work: impl Future<Output = Result<OwnZone, String>>) -> Asked {
    let late = |_| Err(format!("no answer within {:?}", sources.patience));
    Some(timeout(sources.patience, work).await.unwrap_or_else(late))
}

async fn ask(sources: &Sources<'_>, endpoint: &Endpoint, question: Question) -> Result<Answer, String> {
    // In a box: several are asked at once, and each holds a whole connection.
    let tls = Tls::default();
    let answer = Box::pin(http::once(endpoint, &tls, &question, ANSWER_BYTES, sources.patience)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status.is_success() { Ok(answer) } else { Err(answer.refused().to_string()) }
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).trim().to_owned()
}

/// A task of ECS, also on Fargate, which has no instance to ask.
pub async fn ecs(sources: &Sources<'_>) -> Asked {
    #[derive(Deserialize)]
    struct Task {
        #[serde(rename = "AvailabilityZone")]
        zone: Option<String>,
    }
    let url = sources.variable("ECS_CONTAINER_METADATA_URI_V4")?;
    let work = async {
        // Its port is HTTP's, not ours: the variable has none.
        let (scheme, rest) = url.split_once("://").ok_or("ECS_CONTAINER_METADATA_URI_V4 is no URL")?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let authority =
            if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let endpoint: Endpoint = format!("{scheme}://{authority}{path}")
            .parse()
            .map_err(|error: crate::endpoint::BadEndpoint| error.to_string())?;
        let answer = ask(sources, &endpoint, Question::get("/task")).await?;
        let task: Task = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        OwnZone::new(ZoneSource::Ecs, task.zone)
    };
    within(sources, work).await
}

/// An instance of AWS, with a session token (IMDSv2).
pub async fn aws(sources: &Sources<'_>) -> Asked {
    if sources.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true")) {
        return None;
    }
    let work = async {
        let endpoint = &sources.metadata;
        let question = Question { method: Method::PUT, ..Question::get("/latest/api/token") };
        let token =
            ask(sources, endpoint, question.header("x-aws-ec2-metadata-token-ttl-seconds", "60")).await?;
        let token = text(&token.body);
        let placement = |what: &str| {
            let path = format!("/latest/meta-data/placement/{what}");
            ask(sources, endpoint, Question::get(path).header("x-aws-ec2-metadata-token", &token))
        };
        // The id is the same in every account, so it comes first; older places have the name alone.
        let (id, name) = tokio::join!(placement("availability-zone-id"), placement("availability-zone"));
        let name = match (&id, name) {
            (_, Ok(name)) => Some(text(&name.body)),
            (Ok(_), Err(_)) => None,
            (Err(_), Err(why)) => return Err(why),
        };
        OwnZone::new(ZoneSource::Aws, id.ok().map(|id| text(&id.body)).into_iter().chain(name))
    };
    within(sources, work).await
}

/// An instance of GCP: `projects/1/zones/europe-west1-b`.
pub async fn gcp(sources: &Sources<'_>) -> Asked {
    let work = async {
        let question = Question::get("/computeMetadata/v1/instance/zone").header("metadata-flavor", "Google");
        let answer = ask(sources, &sources.metadata, question).await?;
        // Another cloud's server may answer anything at that path.
        if answer.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
            return Err("who answered is not GCP".to_owned());
        }
        let path = text(&answer.body);
        OwnZone::new(ZoneSource::Gcp, path.rsplit('/').next().map(ToOwned::to_owned))
    };
    within(sources, work).await
}

/// A machine of Azure: its region and the zone's number in it, `westeurope-1`, as its Kubernetes nodes have it.
pub async fn azure(sources: &Sources<'_>) -> Asked {
    #[derive(Deserialize)]
    struct Compute {
        location: String,
        #[serde(default)]
        zone: String,
    }
    let work = async {
        let path = "/metadata/instance/compute?api-version=2021-02-01&format=json";
        let answer = ask(sources, &sources.metadata, Question::get(path).header("metadata", "true")).await?;
        let compute: Compute = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        if compute.zone.is_empty() {
            return Err(format!("the machine is in {} and in no zone of it", compute.location));
        }
        OwnZone::new(ZoneSource::Azure, [format!("{}-{}", compute.location, compute.zone)])
    };
    within(sources, work).await
}
