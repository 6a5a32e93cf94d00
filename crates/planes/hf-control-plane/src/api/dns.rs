//! `/v1/dns-answers`: how the answers of steered names came out beside how they were wanted.

use axum::Json;
use axum::extract::State;
use hf_api::{DnsAnswers, DnsCount, DnsName, DnsShare, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::{Answer, Refused};
use crate::dns_here::{DnsNameHere, ShareHere};

/// Names that are listed unless more are asked for.
const NAMES: usize = 1_000;
/// The most that may be asked for.
const NAMES_MAX: usize = 10_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AnswersQuery {
    /// Only this name, such as `www.example.test.`
    name: Option<String>,
    /// How many names at most, 1 to 10,000; default 1,000.
    limit: Option<usize>,
}

/// What this node has answered over DNS since its start.
#[utoipa::path(get, operation_id = "dns_answers", path = "/v1/dns-answers", tag = "hosted zones", params(AnswersQuery), responses(
    (status = 200, body = DnsAnswers), (status = 400, body = Problem)))]
pub async fn answers(
    State(shared): SharedState,
    Query(query): Query<AnswersQuery>,
) -> Answer<Json<DnsAnswers>> {
    let limit = query.limit.unwrap_or(NAMES);
    if !(1..=NAMES_MAX).contains(&limit) {
        return Err(Refused::bad(
            format!("`limit` is {limit}"),
            format!("ask for 1 to {NAMES_MAX} names at once, or for one by `name`"),
        ));
    }
    let dns = shared.context.dns.as_ref();
    let is_wanted = |name: &DnsNameHere| {
        let wanted = query.name.as_deref().map(|wanted| wanted.trim_end_matches('.'));
        wanted.is_none_or(|wanted| name.name.as_str().trim_end_matches('.').eq_ignore_ascii_case(wanted))
    };
    let names: Vec<DnsNameHere> =
        dns.map(|dns| dns.names()).unwrap_or_default().into_iter().filter(is_wanted).collect();
    let counts = dns.map(|dns| dns.counts()).unwrap_or_default();
    Ok(Json(DnsAnswers {
        node: shared.context.node.to_string(),
        answers_dns: dns.is_some(),
        counts: counts.into_iter().map(|(what, count)| DnsCount { what: what.to_owned(), count }).collect(),
        left_out: names.len().saturating_sub(limit) as u64,
        names: names.iter().take(limit).map(told).collect(),
    }))
}

fn told(name: &DnsNameHere) -> DnsName {
    DnsName {
        name: name.name.to_string(),
        r#type: name.rtype().to_owned(),
        answers: name.answers,
        zones: shares(&name.zones),
        branches: shares(&name.branches),
    }
}

fn shares(all: &[ShareHere]) -> Vec<DnsShare> {
    let answers: u64 = all.iter().map(|share| share.answers).sum();
    let weights: u64 = all.iter().map(|share| share.weight).sum();
    let share = |share: &ShareHere| DnsShare {
        of: share.of.clone(),
        answers: share.answers,
        achieved_ppm: ppm(share.answers, answers),
        configured_ppm: ppm(share.weight, weights),
    };
    all.iter().map(share).collect()
}

fn ppm(part: u64, whole: u64) -> Option<u32> {
    let ppm = (u128::from(part) * 1_000_000).checked_div(u128::from(whole))?;
    u32::try_from(ppm).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_of_what_was_counted_and_of_what_was_wanted() {
        let one = |of: &str, answers, weight| ShareHere { of: of.to_owned(), answers, weight };
        let told = shares(&[one("a", 1, 3), one("b", 3, 1)]);
        let ppm: Vec<_> = told.iter().map(|share| (share.achieved_ppm, share.configured_ppm)).collect();
        assert_eq!(ppm, [(Some(250_000), Some(750_000)), (Some(750_000), Some(250_000))]);
        let nothing = &shares(&[one("a", 0, 0)])[0];
        assert_eq!((nothing.achieved_ppm, nothing.configured_ppm), (None, None));
        assert_eq!(super::ppm(u64::MAX, u64::MAX), Some(1_000_000));
    }
}
