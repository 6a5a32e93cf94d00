//! The WebSocket: one text, made once for each change, for every watcher.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use hf_api::serve::stopped;
use hf_snapshot::Snapshot;
use tokio::sync::watch::{self, Receiver};
use tokio::time::{Instant, sleep_until, timeout};

use crate::table::Table;

/// Between two tables when nothing changes.
pub const BEAT: Duration = Duration::from_secs(10);
/// For a watcher to take a table; one that is slower is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// The newest table as text; none before the first snapshot.
pub type Tables = Receiver<Option<Utf8Bytes>>;

/// The tables, and the work that keeps them new.
pub fn compiler(mut snapshots: Receiver<Option<Arc<Snapshot>>>) -> (Tables, impl Future<Output = ()>) {
    let (sender, tables) = watch::channel(None);
    let work = async move {
        let mut told: Option<Table> = None;
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            if let Some(table) = snapshot.map(|snapshot| Table::of(&snapshot))
                && told.as_ref().is_none_or(|told| told.zones != table.zones)
            {
                let text = serde_json::to_string(&table).expect("statuses have text keys only");
                sender.send_replace(Some(text.into()));
                told = Some(table);
            }
            if snapshots.changed().await.is_err() {
                return std::future::pending().await; // the node is stopping; the listener ends first
            }
        }
    };
    (tables, work)
}

/// Serves one watcher until it goes, falls behind, or the node stops.
pub async fn serve(mut socket: WebSocket, mut tables: Tables, mut shutdown: Receiver<bool>) {
    let mut next_beat = Instant::now(); // the first table goes at once
    loop {
        tokio::select! {
            biased; // a stop is said before anything that follows from it
            () = stopped(&mut shutdown) => {
                let _ = timeout(PATIENCE, socket.send(Message::Close(None))).await; // it may be gone already
                return;
            }
            changed = tables.changed() => if changed.is_err() { return },
            () = sleep_until(next_beat) => {}
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue, // pings are answered below us; words have no meaning here
            },
        }
        let text = tables.borrow_and_update().clone();
        if let Some(text) = text {
            match timeout(PATIENCE, socket.send(Message::Text(text))).await {
                Ok(Ok(())) => next_beat = Instant::now() + BEAT,
                Ok(Err(_)) | Err(_) => return,
            }
        } else {
            next_beat = Instant::now() + BEAT;
        }
    }
}
