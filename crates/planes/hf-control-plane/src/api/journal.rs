//! `/v1/journal`: what happened, for people; and the lines as they were written, for who keeps or checks them.

use axum::Json;
use axum::extract::State;
use hf_api::{ExportedLine, Journal, JournalExport, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::{Answer, Refused};
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Lines after this position; default all.
    #[serde(default)]
    after: u64,
    /// Only from the first line on that is not older than this instant, in milliseconds since 1970 UTC.
    since_ms: Option<u64>,
    /// At most so many, 1 to 1000; default 1000. Long lines end an answer sooner.
    limit: Option<usize>,
}

/// The journal as it was written, with the chain of digests through it.
#[utoipa::path(get, operation_id = "export_journal", path = "/v1/journal/export", tag = "journal", params(ExportQuery),
    responses((status = 200, body = JournalExport), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn export(
    State(shared): SharedState,
    Query(query): Query<ExportQuery>,
) -> Answer<Json<JournalExport>> {
    let journal = &shared.context.journal;
    let newest = journal.newest_position().await?;
    let after = match query.since_ms {
        Some(since_ms) => query.after.max(before_instant(&**journal, newest, since_ms).await?),
        None => query.after,
    };
    let limit = query.limit.unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX);
    let exported = |line: hf_ledger::Journalled| {
        let line_text = String::from_utf8(line.bytes).map_err(|_| {
            Refused::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                hf_api::code::LEDGER_FAILED,
                format!("journal line {} is no text", line.position),
                "go on with `after` set to its number",
            )
        })?;
        Ok(ExportedLine {
            position: line.position,
            revision: line.revision.map(|revision| revision.0),
            chain: line.chain.to_string(),
            line: line_text,
        })
    };
    let lines = journal.read(after, limit).await?.into_iter().map(exported).collect::<Answer<_>>()?;
    Ok(Json(JournalExport { node: shared.context.node.to_string(), lines, newest }))
}

/// The position before the first line that is not older than an instant. Lines are in the order of time, but for clocks that were set.
async fn before_instant(
    journal: &dyn hf_ledger::Journal,
    newest: u64,
    since_ms: u64,
) -> Result<u64, hf_ledger::LedgerError> {
    let (mut low, mut high) = (0, newest);
    while low < high {
        let middle = low + (high - low) / 2;
        // Old lines are trimmed: then this is a later one, and so are those between.
        match journal.read(middle, 1).await?.first() {
            Some(line) if lines::show(line).at_ms < since_ms => low = line.position,
            _ => high = middle,
        }
    }
    Ok(low)
}
