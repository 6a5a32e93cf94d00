//! Commit to in force: from a batch until the last of all planes tells its revision.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use hf_api::ControlsSet;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::estate;
use super::world::World;
use crate::Told;
use crate::figures::Spread;

/// A plane that takes so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between a commit that is in force everywhere and the next one.
const PAUSE: Duration = Duration::from_millis(50);

/// The figures of one board.
#[derive(Clone, Debug, Serialize)]
pub struct ForceFigures {
    /// What is on the board.
    pub board: String,
    /// Planes.
    pub planes: usize,
    /// From the API's answer to the last plane; zero where all were faster than the answer.
    pub from_answer: Spread,
    /// From the question to the last plane.
    pub from_question: Spread,
    /// From the question to each plane.
    pub each_plane: Spread,
}

/// The newest revision that a plane told of, and when.
type Seen = watch::Receiver<(u64, Instant)>;

#[derive(Deserialize)]
struct Table {
    revision: u64,
}

/// Commits, and waits for every plane each time.
pub async fn measure(board: &str, world: &World, commits: usize) -> Told<ForceFigures> {
    let mut planes = Vec::new();
    for plane in 0..world.planes.len() {
        planes.push(watch_plane(&world.watch_url(plane)).await?);
    }
    let mut apis = world.apis().await?;
    let nodes = apis.len();
    let (mut from_answer, mut from_question, mut each_plane) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..commits {
        let body = serde_json::to_vec(&estate::batch(turn as u64)).map_err(|error| error.to_string())?;
        let asked = Instant::now();
        let answer = apis[turn % nodes].post("/v1/controls", Bytes::from(body)).await?;
        let answered = Instant::now();
        let ControlsSet { revision, .. } =
            serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let mut last = asked;
        for (at, plane) in planes.iter_mut().enumerate() {
            let seen = timeout(PATIENCE, plane.wait_for(|(seen, _)| *seen >= revision)).await;
            let Ok(Ok(seen)) = seen else {
                return Err(format!(
                    "plane {at} did not tell revision {revision} in {} s",
                    PATIENCE.as_secs()
                ));
            };
            each_plane.push(seen.1 - asked);
            last = last.max(seen.1);
        }
        from_answer.push(last.saturating_duration_since(answered));
        from_question.push(last - asked);
        sleep(PAUSE).await;
    }
    Ok(ForceFigures {
        board: board.to_owned(),
        planes: planes.len(),
        from_answer: Spread::of(from_answer),
        from_question: Spread::of(from_question),
        each_plane: Spread::of(each_plane),
    })
}

async fn watch_plane(url: &str) -> Told<Seen> {
    let told = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.map_err(|error| told(&error))?;
    let (sender, seen) = watch::channel((0, Instant::now()));
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let now = Instant::now();
            let Message::Text(text) = message else { continue };
            if let Ok(Table { revision }) = serde_json::from_str(&text)
                && revision > sender.borrow().0
                && sender.send((revision, now)).is_err()
            {
                return;
            }
        }
    });
    Ok(seen)
}
