//! A probe that asks Prometheus, or what speaks like it, for a number, and holds it against a threshold.
//!
//! 1. `query` over the HTTP API, one answer of at most 64 KiB. A scalar is one value; of a vector every value has to be good.
//! 2. No value (nobody answers, an error, an empty vector, NaN) is what the check's `missing` says: by default no result, because a monitoring
//!    system that is down says nothing about the service.

use hf_config::estate::{EndpointHttp, Method, MetricCheck, Missing, Threshold};
use serde::Deserialize;

use crate::body::{BODY_BYTES, Body};
use crate::failure::{self, Outcome, ProbeFailure, first_words};
use crate::http::{self, Ask, Head, Next};
use crate::percent::percent_encoded;
use crate::probe::Asked;

/// Values of one answer.
const VALUES_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    Vector(Vec<Sample>),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    metric: serde_json::Map<String, serde_json::Value>,
    value: (f64, String),
}

/// Asks for the number.
pub async fn ask(asked: &Asked<'_>, metric: &MetricCheck) -> Outcome {
    match values(asked, metric).await {
        Ok(values) => judge(&values, &metric.good),
        Err(Gap::Ours(why)) => Outcome::Unmeasured(why),
        Err(Gap::Missing(why)) => match metric.missing {
            Missing::Unknown => Outcome::Unmeasured(why),
            Missing::Bad => Outcome::Bad(ProbeFailure::NoValue(first_words(&why))),
        },
    }
}

/// What counts when time ran out, or when nothing else came about.
pub fn silent(metric: &MetricCheck, outcome: Outcome) -> Outcome {
    match (metric.missing, outcome) {
        (Missing::Unknown, Outcome::Bad(failure)) => Outcome::Unmeasured(failure.to_string()),
        (Missing::Bad, Outcome::Bad(failure)) => {
            Outcome::Bad(ProbeFailure::NoValue(first_words(&failure.to_string())))
        }
        (_, other) => other,
    }
}

/// Why there is no value.
enum Gap {
    /// Our side lacks something.
    Ours(String),
    /// The other side told none.
    Missing(String),
}

async fn values(asked: &Asked<'_>, metric: &MetricCheck) -> Result<Vec<(String, f64)>, Gap> {
    let own = asked.at.to_string();
    let path = format!("{}?query={}", metric.path, percent_encoded(&metric.query));
    let ask = Ask {
        method: Method::Get,
        path: &path,
        host: metric.host.as_deref().unwrap_or(&own),
        headers: &metric.headers,
        version: EndpointHttp::Http1,
        tls: metric.tls.as_ref(),
    };
    // Errors have a body, too, that tells of them.
    let exchanged = http::exchange(asked, ask, |_: &Head| Ok(Next::Read(Body::kept()))).await;
    let (head, bytes) = match exchanged {
        Ok(answered) => answered,
        Err(Outcome::Bad(failure)) => return Err(Gap::Missing(failure.to_string())),
        Err(Outcome::Unmeasured(why)) => return Err(Gap::Ours(why)),
        Err(Outcome::Behind(by)) => return Err(Gap::Ours(failure::behind(by))),
        Err(Outcome::Good) => return Err(Gap::Missing("nothing was told".to_owned())),
    };
    if bytes.len() >= BODY_BYTES {
        return Err(Gap::Missing(
            "the answer has 64 KiB or more; let the query give fewer values".to_owned(),
        ));
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| {
        let status = head.status;
        Gap::Missing(match status {
            // A query that fails comes as 400, 422 or 503 with words of its own; this is somebody else's answer.
            200 => format!("answered 200 and no result of a query: {error}; correct `address` and `path`"),
            401 | 403 => format!("answered {status}, which wants a credential; give one in `headers`"),
            404 => "answered 404: no API of Prometheus is there; correct `address` and `path`".to_owned(),
            _ => format!("answered {status} and no result of a query"),
        })
    })?;
    if answer.status != "success" {
        return Err(Gap::Missing(format!("the query failed: {}", first_words(&answer.error))));
    }
    let read = |text: &str| text.parse::<f64>().ok().filter(|value| !value.is_nan());
    let found: Vec<(String, Option<f64>)> = match answer.data {
        Some(Data::Scalar((_, value))) => vec![(String::new(), read(&value))],
        Some(Data::Vector(samples)) if samples.len() > VALUES_MAX => {
            return Err(Gap::Missing(format!("more than {VALUES_MAX} values")));
        }
        Some(Data::Vector(samples)) => {
            samples.iter().map(|sample| (labels(&sample.metric), read(&sample.value.1))).collect()
        }
        _ => return Err(Gap::Missing("the query gives neither a scalar nor a vector".to_owned())),
    };
    let came = found.len();
    // A value that is none says as little as one that is not there.
    let found: Vec<(String, f64)> =
        found.into_iter().filter_map(|(labels, value)| Some((labels, value?))).collect();
    if found.is_empty() {
        return Err(Gap::Missing(match came {
            0 => "the query gives no value: nothing matches it, or nothing is scraped".to_owned(),
            _ => "the query gives NaN, which is no number: it divides nothing by nothing; let it say what counts then".to_owned(),
        }));
    }
    Ok(found)
}

fn judge(values: &[(String, f64)], good: &Threshold) -> Outcome {
    let is_good = |value: f64| match good {
        Threshold::Above(bound) => bound.parse().is_ok_and(|bound: f64| value > bound),
        Threshold::Below(bound) => bound.parse().is_ok_and(|bound: f64| value < bound),
    };
    match values.iter().find(|(_, value)| !is_good(*value)) {
        None => Outcome::Good,
        Some((labels, value)) => {
            let value = if labels.is_empty() { value.to_string() } else { format!("{value} of {labels}") };
            Outcome::Bad(ProbeFailure::Threshold { value: first_words(&value), want: good.to_string() })
        }
    }
}

fn labels(metric: &serde_json::Map<String, serde_json::Value>) -> String {
    let label =
        |(name, value): (&String, &serde_json::Value)| format!("{name}={}", value.as_str().unwrap_or("?"));
    let all: Vec<String> = metric.iter().take(8).map(label).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}
