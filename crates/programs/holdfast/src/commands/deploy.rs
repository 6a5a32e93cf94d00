//! `holdfast deploy`.

use hf_api::{Deployment, DeploymentKnownBy, Deployments, StartDeployment};

use crate::args::{Common, DeployArgs, DeployCommand};
use crate::failure::Failure;
use crate::output::{columns, relative, show};
use crate::session::client;

/// Sets, takes away and lists marks of deployments.
pub async fn run(args: &DeployArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    match &args.command {
        DeployCommand::Start(start) => {
            let (zone, resource) = (start.place.zone.clone(), start.place.resource());
            let told = StartDeployment {
                zone: zone.clone(),
                resource: resource.clone(),
                length: start.length.clone(),
                reason: start.reason.clone(),
                override_zone: start.override_zone.clone(),
                request_id: Some(hf_api::client::request_id()),
            };
            let done = client.start_deployment(&told).await?;
            show(common.output, &done, |done| {
                let (length, revision) = (&start.length, done.revision);
                format!(
                    "{zone} is being deployed to, {resource}, for {length} at most, at revision {revision}"
                )
            })
        }
        DeployCommand::End(place) => {
            let (zone, resource) = (&place.zone, place.resource());
            let done = client.end_deployment(zone, &resource).await?;
            show(common.output, &done, |done| {
                format!("{zone} is no longer being deployed to, {resource}, at revision {}", done.revision)
            })
        }
        DeployCommand::List => {
            let now_ms = client.status().await?.now_ms;
            show(common.output, &client.deployments().await?, |known| in_table(known, now_ms))
        }
    }
}

fn in_table(known: &Deployments, now_ms: u64) -> String {
    if known.deployments.is_empty() {
        return "no zone is being deployed to; `holdfast deploy start --zone ZONE` says that one is"
            .to_owned();
    }
    let row = |mark: &Deployment| {
        [
            mark.zone.clone(),
            mark.resource.clone(),
            mark.by.clone().unwrap_or_else(|| "-".to_owned()),
            relative(mark.ends_at_ms, now_ms),
            why(mark),
        ]
    };
    let rows: Vec<[String; 5]> = known.deployments.iter().map(row).collect();
    columns(["ZONE", "RESOURCE", "BY", "ENDS", "WHY"], &rows)
}

/// The reason, and which zones did not hold it up.
fn why(mark: &Deployment) -> String {
    let mut text = match mark.known_by {
        DeploymentKnownBy::Told => mark.reason.clone(),
        DeploymentKnownBy::Endpoints => format!("noticed: {}", mark.reason),
    };
    if !mark.zone_overrides.is_empty() {
        let between = if text.is_empty() { "" } else { ", " };
        text.push_str(&format!("{between}without asking {}", mark.zone_overrides.join(", ")));
    }
    text
}

/// One line for `holdfast status`.
pub fn in_words(mark: &Deployment, now_ms: u64) -> String {
    let by = mark.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
    let why = why(mark);
    let why = if why.is_empty() { why } else { format!(": {why}") };
    let (zone, resource, ends) = (&mark.zone, &mark.resource, relative(mark.ends_at_ms, now_ms));
    format!("{zone} is being deployed to, {resource}{by}, at most until {ends}{why}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(known_by: DeploymentKnownBy) -> Deployment {
        let is_told = known_by == DeploymentKnownBy::Told;
        Deployment {
            zone: "use1-az1".to_owned(),
            resource: "pool/web".to_owned(),
            known_by,
            reason: if is_told { "release 7" } else { "endpoints came or went" }.to_owned(),
            by: is_told.then(|| "pipeline".to_owned()),
            started_at_ms: is_told.then_some(0),
            ends_at_ms: 60_000,
            zone_overrides: if is_told { vec!["use1-az2".to_owned()] } else { Vec::new() },
            revision: is_told.then_some(3),
        }
    }

    #[test]
    fn marks_are_told_in_lines() {
        let table = in_table(
            &Deployments {
                deployments: vec![mark(DeploymentKnownBy::Told), mark(DeploymentKnownBy::Endpoints)],
            },
            0,
        );
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].ends_with("release 7, without asking use1-az2"), "{table}");
        assert!(lines[2].contains(" - ") && lines[2].ends_with("noticed: endpoints came or went"), "{table}");
        let line = in_words(&mark(DeploymentKnownBy::Told), 0);
        assert!(
            line.starts_with("use1-az1 is being deployed to, pool/web by pipeline, at most until "),
            "{line}"
        );
        assert!(in_table(&Deployments { deployments: Vec::new() }, 0).contains("deploy start"));
    }
}
