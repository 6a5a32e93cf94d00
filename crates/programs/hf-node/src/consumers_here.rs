//! This node's board of consumers: told to the hub at a steady pace, and kept in `<data_dir>/consumers` over a restart, so that a restart forgets
//! nobody who is silent.
//!
//! 1. A small board is told four times a beat, so that a shift's page follows; one above [`SMALL`] instances once a beat, since making its groups
//!    takes milliseconds. Nothing turns on what they say: the pace is the same in peace and in trouble.
//! 2. Saved once a minute, when somebody was heard, and at the end. The file is replaced by renaming, has a checksum, a version and a bound. One
//!    that cannot be read is said and passed over.
//! 3. What runs in more than [`ZONES_SAVED`] zones is left out of the file: each says it again with its next word.
//!
//! Not here: what is kept of whom (`hf-consumers`), what travels (`hf-feed`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_consumers::{Acts, ConsumerName, Groups, INSTANCES_MAX, InstanceId, Told};
use hf_feed::{ConsumersHeard, disk};
use hf_model::{Revision, Timestamp, ZoneId};
use hf_telemetry::Consumers;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// The file's name in the data folder.
pub const NAME: &str = "consumers";
/// Instances of a board whose groups are made quickly.
const SMALL: usize = 2_000;
/// From one save to the next.
const SAVE: Duration = Duration::from_mins(1);
/// Zones of one instance whose work is saved.
const ZONES_SAVED: usize = 8;
/// Words in the file: of each instance what it said, and that it lived since.
const WORDS_MAX: usize = 2 * INSTANCES_MAX;
/// Bytes of the file: a full board with long names.
const LEN_MAX: u64 = 48 << 20;
const VERSION: u8 = 2;

#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    instance: String,
    kind: String,
    zone: Option<String>,
    revision: Option<u64>,
    running: Option<Vec<(String, u64)>>,
    at: u64,
}

/// What was known before this process began; an empty board when nothing is. Blocks.
pub fn load(data_dir: &Path, now: Timestamp) -> Consumers {
    let path = data_dir.join(NAME);
    let read = disk::load_sealed(&path, LEN_MAX).map_err(|bad| bad.problem);
    match read.and_then(|bytes| bytes.map(|bytes| decode(&bytes)).transpose()) {
        // A clock that was set back since: who was heard then was heard no later than now.
        Ok(told) => Consumers::from_told(
            told.unwrap_or_default().into_iter().map(|told| Told { at: told.at.min(now), ..told }),
        ),
        Err(problem) => {
            warn!(file = %path.display(), %problem, "what was known of consumers cannot be read; those that are silent are forgotten");
            Consumers::default()
        }
    }
}

fn encode(all: &[Told]) -> Vec<u8> {
    let wire = |told: &Told| Wire {
        name: told.name.to_string(),
        instance: told.instance.to_string(),
        kind: told.kind.to_string(),
        zone: told.zone.as_ref().map(ToString::to_string),
        revision: told.revision.map(|revision| revision.0),
        running: told.running.as_ref().map(|running| {
            running.iter().take(ZONES_SAVED).map(|(zone, count)| (zone.to_string(), *count)).collect()
        }),
        at: told.at.0,
    };
    let all: Vec<Wire> = all.iter().take(WORDS_MAX).map(wire).collect();
    postcard::to_extend(&all, vec![VERSION]).expect("plain data always has a postcard form")
}

fn decode(bytes: &[u8]) -> Result<Vec<Told>, String> {
    let (version, body) = bytes.split_first().ok_or("it is empty")?;
    if *version != VERSION {
        return Err(format!("it has version {version}, this program writes version {VERSION}"));
    }
    let all: Vec<Wire> = postcard::from_bytes(body).map_err(|error| error.to_string())?;
    if all.len() > WORDS_MAX {
        return Err(format!("it has {} words, {WORDS_MAX} are the most", all.len()));
    }
    all.into_iter().map(|wire| told(wire).map_err(|problem| problem.to_string())).collect()
}

fn told(wire: Wire) -> Result<Told, Box<dyn std::error::Error>> {
    let running = wire.running.map(|all| {
        all.into_iter()
            .map(|(zone, count)| Ok((ZoneId::new(&zone)?, count)))
            .collect::<Result<BTreeMap<_, _>, hf_model::NameError>>()
    });
    Ok(Told {
        name: ConsumerName::new(&wire.name)?,
        instance: InstanceId::new(&wire.instance)?,
        kind: wire.kind.parse()?,
        zone: wire.zone.as_deref().map(ZoneId::new).transpose()?,
        revision: wire.revision.map(Revision),
        // Acts past the ledger are said again with the next word.
        acts: Acts::UNKNOWN,
        running: running.transpose()?,
        at: Timestamp(wire.at),
    })
}

/// What the teller stands on.
pub struct Telling {
    /// The board.
    pub consumers: Consumers,
    /// The time.
    pub clock: Clock,
    /// The node's beat.
    pub beat: Duration,
    /// Against which revision it is judged.
    pub heard: watch::Receiver<Arc<ConsumersHeard>>,
    /// Where groups go.
    pub to: watch::Sender<Groups>,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// What it is time for.
enum Due {
    Tell,
    Save,
    End,
}

/// Tells and saves until the end.
pub async fn run(with: Telling, mut stopped: watch::Receiver<bool>) {
    let Telling { consumers, clock, beat, heard, to, data_dir } = with;
    let mut ticks = interval(beat / 4);
    let mut saves = interval(SAVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    saves.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut tick, mut saved) = (0_u64, None);
    loop {
        let due = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => Due::End,
            _ = ticks.tick() => Due::Tell,
            _ = saves.tick() => Due::Save,
        };
        match due {
            Due::Tell => {
                tick += 1;
                if consumers.len() > SMALL && !tick.is_multiple_of(4) {
                    continue;
                }
                let (board, now, in_force) = (consumers.clone(), clock.now(), heard.borrow().in_force);
                to.send_replace(blocking(move || board.groups(now, in_force)).await);
            }
            Due::Save => saved = save(&consumers, &data_dir, saved).await,
            Due::End => break,
        }
    }
    save(&consumers, &data_dir, saved).await;
}

/// Saves what changed since the digest of the last save.
async fn save(
    consumers: &Consumers,
    data_dir: &Path,
    saved: Option<hf_model::Digest>,
) -> Option<hf_model::Digest> {
    let (board, path) = (consumers.clone(), data_dir.join(NAME));
    let work = move || {
        let bytes = encode(&board.told());
        let digest = hf_model::Digest::of(&bytes);
        // Nobody was ever heard: no file.
        if saved == Some(digest) || (board.is_empty() && saved.is_none() && !path.exists()) {
            return saved;
        }
        match disk::save_sealed(&path, &bytes) {
            Ok(()) => Some(digest),
            Err(problem) => {
                warn!(%problem, "what is known of consumers is not saved; a restart would forget those that are silent");
                saved
            }
        }
    };
    blocking(work).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("looking at the board does not panic")
}

#[cfg(test)]
mod tests;
