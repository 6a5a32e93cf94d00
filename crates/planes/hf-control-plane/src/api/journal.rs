//! `/v1/journal`.

use axum::Json;
use axum::extract::State;
use hf_api::{Journal, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::Answer;
use crate::lines;

/// Lines of one answer at most.
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JournalQuery {
    /// Lines after this number, oldest first. Without it, the newest ones.
    after: Option<u64>,
    /// At most so many, 1 to 1000; default 100.
    limit: Option<usize>,
}

/// Decisions and who made them. On a node with the control role the ledger's, elsewhere the node's own.
#[utoipa::path(get, operation_id = "journal", path = "/v1/journal", tag = "journal", params(JournalQuery),
    responses((status = 200, body = Journal), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn journal(State(shared): SharedState, Query(query): Query<JournalQuery>) -> Answer<Json<Journal>> {
    let journal = &shared.context.journal;
    let limit = query.limit.unwrap_or(100).clamp(1, LIMIT_MAX);
    let after = match query.after {
        Some(after) => after,
        None => journal.newest_position().await?.saturating_sub(limit as u64),
    };
    let lines: Vec<_> = journal.read(after, limit).await?.iter().map(lines::show).collect();
    let gap = query.after.is_some() && lines.first().is_some_and(|first| first.number > after + 1);
    let context = &shared.context;
    let (node, ledger) = (context.node.to_string(), context.control.is_some());
    Ok(Json(Journal { node, ledger, next_after: lines.last().map_or(after, |last| last.number), gap, lines }))
}
