//! A probe that asks an endpoint of zone status (`GET /status/{zone}`) whether a zone is open.
//!
//! 1. Good: 200 and a body that says `open`. Bad: 500 and a body that says `away`. The body has to say so: a proxy's 500 closes no zone.
//! 2. All else is no result, with its mend: a silent endpoint, a zone or resource that it does not know (404), redirects, any other page. So one that cannot
//!    answer counts for nothing.
//!
//! Not here: what several of them come to (`hf_health::majority`).

use hf_config::estate::{EndpointHttp, Method, ZoneStatusCheck};
use serde::Deserialize;

use crate::body::{BODY_BYTES, Body};
use crate::failure::{Outcome, ProbeFailure, first_words};
use crate::http::{self, Ask, Head, Next};
use crate::percent::percent_encoded;
use crate::probe::Asked;

#[derive(Deserialize)]
struct Answer {
    state: State,
    #[serde(default)]
    source: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Away,
}

/// Asks for the state of the zone.
pub async fn ask(asked: &Asked<'_>, status: &ZoneStatusCheck) -> Outcome {
    let own = asked.at.to_string();
    let mut path = format!("/status/{}", status.zone);
    if status.resource != "everything" {
        path.push_str("?resource=");
        path.push_str(&percent_encoded(&status.resource));
    }
    let ask = Ask {
        method: Method::Get,
        path: &path,
        host: status.host.as_deref().unwrap_or(&own),
        headers: &status.headers,
        version: EndpointHttp::Http1,
        tls: status.tls.as_ref(),
    };
    match http::exchange(asked, ask, |_: &Head| Ok(Next::Read(Body::kept()))).await {
        Ok((head, body)) => judge(status, &head, &body),
        Err(outcome) => silent(outcome),
    }
}

/// What did not come about is no word on the zone.
pub fn silent(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Bad(failure) => Outcome::Unmeasured(failure.to_string()),
        other => other,
    }
}

fn judge(status: &ZoneStatusCheck, head: &Head, body: &[u8]) -> Outcome {
    let (code, zone, resource) = (head.status, &status.zone, &status.resource);
    let nothing = |why: String| Outcome::Unmeasured(why);
    match code {
        200 | 500 => {}
        404 => {
            let said = head.headers.get("holdfast-state").is_some();
            return nothing(if said && resource == "everything" {
                format!("it has no zone {zone}; write `zone` as this endpoint calls it")
            } else if said {
                format!(
                    "it has no zone {zone}, or no {resource} there; write `zone` and `resource` as this endpoint calls them"
                )
            } else {
                "answered 404 without a state: this is no endpoint of zone status; correct `address`"
                    .to_owned()
            });
        }
        300..=399 => {
            return nothing(format!(
                "answered {code}, and redirects are not followed; let `address` be that of the endpoint itself"
            ));
        }
        _ => return nothing(format!("answered {code}, neither open (200) nor away (500)")),
    }
    if body.len() >= BODY_BYTES {
        return nothing(
            "the answer has 64 KiB or more: this is no endpoint of zone status; correct `address`".to_owned(),
        );
    }
    match (code, serde_json::from_slice::<Answer>(body)) {
        (200, Ok(Answer { state: State::Open, .. })) => Outcome::Good,
        (500, Ok(Answer { state: State::Away, source, reason })) => {
            let said = if reason.is_empty() { source } else { format!("{source}: {reason}") };
            Outcome::Bad(ProbeFailure::ZoneAway { zone: zone.to_string(), said: first_words(&said) })
        }
        (_, Ok(_)) => {
            nothing(format!("answered {code} with a body that says otherwise; look at what stands between"))
        }
        (_, Err(_)) => nothing(format!(
            "answered {code} without a zone's state: this is no endpoint of zone status; correct `address`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_no_word_on_the_zone() {
        assert_eq!(
            silent(Outcome::Bad(ProbeFailure::Refused)),
            Outcome::Unmeasured("connection refused".to_owned())
        );
        assert_eq!(silent(Outcome::Good), Outcome::Good);
    }
}
