//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hf_clock::Clock;
use hf_snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;

use crate::table::{Table, Unknown, ZoneStatus, look_up};
use crate::watch::{self, Tables};

/// Watchers at a time; a further one is told 503.
pub const WATCHERS: usize = 10_000;
/// Bytes of a frame from a watcher at most; nothing but pings and closes is expected.
const FRAME_BYTES: usize = 1_024;

/// What every route needs.
#[derive(Clone)]
pub struct Context {
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    tables: Tables,
    clock: Clock,
    shutdown: Receiver<bool>,
    watchers: Arc<Semaphore>,
}

impl Context {
    /// Of one node.
    pub fn new(
        snapshots: Receiver<Option<Arc<Snapshot>>>,
        tables: Tables,
        clock: Clock,
        shutdown: Receiver<bool>,
    ) -> Self {
        Context { snapshots, tables, clock, shutdown, watchers: Arc::new(Semaphore::new(WATCHERS)) }
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>, Refused> {
        self.snapshots.borrow().clone().ok_or(Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not-ready",
            message: "this node has no snapshot yet; wait until it has heard a node with the control role"
                .to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Resource {
    resource: Option<String>,
}

/// Why there is no status; a JSON body.
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl From<Unknown> for Refused {
    fn from(unknown: Unknown) -> Self {
        let status = match unknown {
            Unknown::Scope(_) => StatusCode::BAD_REQUEST,
            Unknown::Zone { .. } | Unknown::Resource(_) | Unknown::NotThere { .. } => StatusCode::NOT_FOUND,
        };
        let code = if status == StatusCode::BAD_REQUEST { "bad-request" } else { "not-found" };
        Refused { status, code, message: unknown.to_string() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            code: &'static str,
            message: String,
        }
        json(self.status, &Body { code: self.code, message: self.message })
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut text = serde_json::to_string(body).expect("statuses have text keys only");
    text.push('\n');
    // A cache between would keep a zone open that is not.
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

/// All routes.
pub fn router(context: Context) -> Router {
    let not_found = || async {
        let message = "there are /status, /status/{zone}, /closed/{zone} and the WebSocket /watch".to_owned();
        Refused { status: StatusCode::NOT_FOUND, code: "not-found", message }
    };
    let not_allowed = || async {
        let message = "zone status is read with GET; shifts are started over the API".to_owned();
        Refused { status: StatusCode::METHOD_NOT_ALLOWED, code: "method-not-allowed", message }
    };
    Router::new()
        .route("/status", get(all))
        .route("/status/{zone}", get(status))
        .route("/closed/{zone}", get(closed))
        .route("/watch", get(watch_table))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(context)
}

async fn all(State(context): State<Context>) -> Result<Response, Refused> {
    let snapshot = context.snapshot()?;
    let mut table = Table::of(&snapshot);
    let age = context.clock.now().since(snapshot.made_at);
    for zone in &mut table.zones {
        zone.age_ms = u64::try_from(age.as_millis()).ok();
    }
    Ok(json(StatusCode::OK, &table))
}

async fn status(
    State(context): State<Context>,
    zone: Result<Path<String>, PathRejection>,
    query: Result<Query<Resource>, QueryRejection>,
) -> Result<Response, Refused> {
    let found = find(&context, zone, query)?;
    let status = if found.is_open() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    Ok(json(status, &found))
}

async fn closed(
    State(context): State<Context>,
    zone: Result<Path<String>, PathRejection>,
    query: Result<Query<Resource>, QueryRejection>,
) -> Result<Response, Refused> {
    let found = find(&context, zone, query)?;
    let status = if found.is_open() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(json(status, &found))
}

fn find(
    context: &Context,
    zone: Result<Path<String>, PathRejection>,
    query: Result<Query<Resource>, QueryRejection>,
) -> Result<ZoneStatus, Refused> {
    let unreadable =
        |text: String| Refused { status: StatusCode::BAD_REQUEST, code: "bad-request", message: text };
    let Path(zone) = zone.map_err(|error| unreadable(error.body_text()))?;
    let Query(query) = query.map_err(|error| unreadable(error.body_text()))?;
    let snapshot = context.snapshot()?;
    Ok(look_up(&snapshot, &zone, query.resource.as_deref(), context.clock.now())?)
}

async fn watch_table(
    State(context): State<Context>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade = upgrade.map_err(|error| Refused {
        status: error.status(),
        code: "bad-request",
        message: format!("/watch is a WebSocket: {}; `GET /status` has the same table", error.body_text()),
    })?;
    context.snapshot()?;
    let permit = context.watchers.try_acquire_owned().map_err(|_| Refused {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "busy",
        message: format!("{WATCHERS} watchers are connected, the most there may be; watch another node"),
    })?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES).max_frame_size(FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        watch::serve(socket, context.tables, context.shutdown).await;
        drop(permit);
    }))
}

#[cfg(test)]
mod tests;
