//! An attribute of an item in a table of `DynamoDB`, or what speaks its API, read with `GetItem`.
//!
//! The read is a consistent one: what was written before it is seen. Only the attribute is asked for.

use bytes::Bytes;
use hf_config::estate::AwsService;
use hf_sigv4::Unsigned;
use http::{Method, StatusCode};
use serde_json::json;

use crate::answers::{Health, health, json_refusal};
use crate::wire::{Ask, Body, ask, host, signed};
use crate::{Door, Look};

/// One item of a table, and what of it is looked at.
pub(crate) struct Item<'a> {
    pub(crate) service: &'a AwsService,
    pub(crate) table: &'a str,
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) attribute: &'a str,
}

impl Item<'_> {
    pub(crate) async fn look(&self, door: &Door<'_>) -> Result<Look, String> {
        let Item { service, table, key, value, attribute } = *self;
        let to = &service.endpoint;
        let body = json!({
            "TableName": table,
            "Key": { key: { "S": value } },
            "ConsistentRead": true,
            "ProjectionExpression": "#attribute",
            "ExpressionAttributeNames": { "#attribute": attribute },
        });
        let body = body.to_string();
        let (form, target) = ("application/x-amz-json-1.0", "DynamoDB_20120810.GetItem");
        let request = Unsigned {
            method: "POST",
            path: &to.path,
            query: "",
            host: &host(to),
            headers: &[("content-type", form), ("x-amz-target", target)],
            body: body.as_bytes(),
            region: &service.region,
            service: "dynamodb",
        };
        let mut headers = vec![("content-type", form.to_owned()), ("x-amz-target", target.to_owned())];
        headers.extend(signed(&request, door).await?);
        let question = Ask {
            method: Method::POST,
            to,
            target: to.path.clone(),
            headers,
            body: Bytes::from(body),
            of_the_answer: Body::Read,
        };
        let answer = ask(question, door).await?;
        if answer.status == StatusCode::OK {
            let told = health(&answer.body, attribute)
                .map_err(|why| format!("{} answered with {why}; see the table {table}", host(to)))?;
            return Ok(match told {
                Health::Unhealthy => Look::There {
                    what: format!("item {key}={value} of table {table} with {attribute} = false"),
                },
                Health::Healthy | Health::Untold => Look::Absent,
            });
        }
        let said = json_refusal(&answer.body);
        let colon = if said.is_empty() { "" } else { ": " };
        Err(format!("{} answered {}{colon}{said}; {}", host(to), answer.told(), mend(answer.status)))
    }
}

fn mend(status: StatusCode) -> &'static str {
    match status {
        _ if status.is_client_error() => {
            "see table, key, region and credentials (dynamodb:GetItem), and the clock here"
        }
        _ if status.is_redirection() => "write the table's own endpoint",
        _ => "see the store's log",
    }
}

#[cfg(test)]
mod tests;
