//! What a balancer knows of its endpoints, kept in `<data_dir>/balancer-state` over a restart: a reload in the middle of an incident must not
//! send traffic to what was out, and need not wait for a round of checks.
//!
//! 1. Saved when it changed, at most once a second: who is healthy, who is ejected and how often it was. Latencies, which always change, and the
//!    time of saving go with it, at least every [`AGAIN`]. At the end it is saved once more.
//! 2. Nothing is saved before the balancer takes traffic: then it knows nothing yet, and its successor must not think that it did.
//! 3. The file is replaced by renaming, has a checksum, a version and a bound. One that is damaged, of another version or too long is said and passed
//!    over: the balancer begins as a fresh one.
//! 4. What is older than [`AGE_MAX`] is passed over too: endpoints come back, and knowledge of the day before only keeps traffic from them.
//!    What is left of an ejection runs on while the balancer is away.
//!
//! Not here: what is worth knowing (`hf-balancer`), zones that are out (they are in the snapshot).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_balancer::{EndpointMemory, Memories};
use hf_clock::Clock;
use hf_config::estate::limits::ENDPOINTS;
use hf_feed::disk;
use hf_model::{PoolName, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

/// The file's name in the data folder.
pub const NAME: &str = "balancer-state";
/// Older knowledge is none.
const AGE_MAX: Duration = Duration::from_mins(10);
/// From one look at what the balancer knows to the next.
const LOOK: Duration = Duration::from_secs(1);
/// From one save to the next when nothing but latencies changed.
const AGAIN: Duration = Duration::from_mins(1);
/// Bytes of the file: as many endpoints as an estate has, with the longest names.
const LEN_MAX: u64 = 16 << 20;
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Wire {
    saved_at: u64,
    endpoints: Vec<WireEndpoint>,
}

#[derive(Serialize, Deserialize)]
struct WireEndpoint {
    pool: String,
    zone: String,
    address: SocketAddr,
    healthy: Option<bool>,
    latency_us: u32,
    ejected_ms: u64,
    ejections: u32,
}

/// What a balancer that ran before knew; none when it begins as a fresh one. Blocks.
pub fn load(data_dir: &Path, now: Timestamp) -> Option<Vec<EndpointMemory>> {
    let path = data_dir.join(NAME);
    let read = disk::load_sealed(&path, LEN_MAX).map_err(|bad| bad.problem);
    let decoded = read.and_then(|bytes| bytes.map(|bytes| decode(&bytes)).transpose());
    match decoded {
        Ok(None) => None,
        Ok(Some((saved_at, memory))) => still_true(saved_at, memory, now),
        Err(problem) => {
            warn!(file = %path.display(), %problem, "what the balancer knew of its endpoints cannot be read; it begins with a round of checks");
            None
        }
    }
}

/// What of it counts by now.
fn still_true(
    saved_at: Timestamp,
    mut memory: Vec<EndpointMemory>,
    now: Timestamp,
) -> Option<Vec<EndpointMemory>> {
    // A clock that was set back a little says that no time has passed.
    let (age, ahead) = (now.since(saved_at), saved_at.since(now));
    if age > AGE_MAX || ahead > AGE_MAX {
        info!(
            age_s = age.as_secs(),
            "what the balancer knew of its endpoints is too old; it begins with a round of checks"
        );
        return None;
    }
    let away_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    for known in &mut memory {
        known.ejected_ms = known.ejected_ms.saturating_sub(away_ms);
    }
    let out = memory.iter().filter(|known| known.ejected_ms > 0 || known.healthy == Some(false)).count();
    info!(endpoints = memory.len(), out, age_s = age.as_secs(), "the balancer goes on with what it knew");
    (!memory.is_empty()).then_some(memory)
}

fn encode(saved_at: Timestamp, memory: &[EndpointMemory]) -> Vec<u8> {
    let endpoint = |known: &EndpointMemory| WireEndpoint {
        pool: known.pool.to_string(),
        zone: known.zone.to_string(),
        address: known.address,
        healthy: known.healthy,
        latency_us: known.latency_us,
        ejected_ms: known.ejected_ms,
        ejections: known.ejections,
    };
    let wire =
        Wire { saved_at: saved_at.0, endpoints: memory.iter().take(ENDPOINTS).map(endpoint).collect() };
    postcard::to_extend(&wire, vec![VERSION]).expect("plain data always has a postcard form")
}

fn decode(bytes: &[u8]) -> Result<(Timestamp, Vec<EndpointMemory>), String> {
    let (version, body) = bytes.split_first().ok_or("it is empty")?;
    if *version != VERSION {
        return Err(format!("it has version {version}, this program writes version {VERSION}"));
    }
    let wire: Wire = postcard::from_bytes(body).map_err(|error| error.to_string())?;
    if wire.endpoints.len() > ENDPOINTS {
        return Err(format!("it has {} endpoints, {ENDPOINTS} are the most", wire.endpoints.len()));
    }
    let endpoint = |wire: WireEndpoint| {
        Ok::<_, String>(EndpointMemory {
            pool: PoolName::new(&wire.pool).map_err(|error| error.to_string())?,
            zone: ZoneId::new(&wire.zone).map_err(|error| error.to_string())?,
            address: wire.address,
            healthy: wire.healthy,
            latency_us: wire.latency_us,
            ejected_ms: wire.ejected_ms,
            ejections: wire.ejections,
        })
    };
    let memory = wire.endpoints.into_iter().map(endpoint).collect::<Result<_, _>>()?;
    Ok((Timestamp(wire.saved_at), memory))
}

/// What is to be saved, and where from.
#[derive(Debug)]
pub struct Keeping {
    /// The data folder.
    pub data_dir: PathBuf,
    /// What the balancer knows.
    pub memories: Memories,
    /// Whether it takes traffic.
    pub begun: watch::Receiver<bool>,
    /// For the time of saving.
    pub clock: Clock,
}

/// Saves until the end.
pub async fn run(keeping: Keeping, mut stopped: watch::Receiver<bool>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut saved, mut saved_at, mut is_failing) = (Vec::new(), None, false);
    let mut is_last = false;
    while !is_last {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => is_last = true,
            _ = looks.tick() => {}
        }
        if !*keeping.begun.borrow() {
            continue;
        }
        let memory = keeping.memories.read();
        let is_due = saved_at.is_none_or(|at: Instant| at.elapsed() >= AGAIN);
        if memory.is_empty() || !(is_last || is_due || is_news(&saved, &memory)) {
            continue;
        }
        saved_at = Some(Instant::now());
        let (path, bytes) = (keeping.data_dir.join(NAME), encode(keeping.clock.now(), &memory));
        let done = tokio::task::spawn_blocking(move || disk::save_sealed(&path, &bytes));
        match done.await.expect("saving does not panic") {
            Ok(()) => is_failing = false,
            Err(problem) if !is_failing => {
                warn!(%problem, "what the balancer knows of its endpoints cannot be kept; after a restart it begins with a round of checks");
                is_failing = true;
            }
            Err(_) => {}
        }
        // A disk that refuses is asked again with the next change.
        saved = memory;
    }
}

/// Whether there is more than other latencies and time that ran.
fn is_news(before: &[EndpointMemory], now: &[EndpointMemory]) -> bool {
    let is_same = |(one, other): (&EndpointMemory, &EndpointMemory)| {
        (&one.pool, &one.zone, one.address) == (&other.pool, &other.zone, other.address)
            && one.healthy == other.healthy
            && one.ejections == other.ejections
            && (one.ejected_ms > 0) == (other.ejected_ms > 0)
    };
    before.len() != now.len() || !before.iter().zip(now).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_700_000_000_000);

    fn known(last: u8) -> EndpointMemory {
        EndpointMemory {
            pool: PoolName::new("web").unwrap(),
            zone: ZoneId::new("a").unwrap(),
            address: SocketAddr::from(([10, 0, 0, last], 80)),
            healthy: Some(last != 2),
            latency_us: 900,
            ejected_ms: if last == 3 { 30_000 } else { 0 },
            ejections: u32::from(last == 3),
        }
    }

    fn write(folder: &Path, at: Timestamp, memory: &[EndpointMemory]) {
        disk::save_sealed(&folder.join(NAME), &encode(at, memory)).unwrap();
    }

    #[test]
    fn what_was_known_comes_back_and_ejections_ran_on() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path(), T), None, "a first start");
        write(folder.path(), T, &[known(1), known(2), known(3)]);
        let back = load(folder.path(), T.plus(Duration::from_secs(10))).unwrap();
        let out = EndpointMemory { ejected_ms: 20_000, ..known(3) };
        assert_eq!(back, [known(1), known(2), out]);
        let over = load(folder.path(), T.plus(Duration::from_secs(40))).unwrap();
        assert_eq!((over[2].ejected_ms, over[2].ejections), (0, 1), "the next one is longer all the same");
    }

    #[test]
    fn what_is_old_or_of_a_day_to_come_is_no_knowledge() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), T, &[known(1)]);
        assert_eq!(load(folder.path(), T.plus(AGE_MAX + Duration::from_millis(1))), None);
        assert!(load(folder.path(), Timestamp(T.0 - 1_000)).is_some(), "a clock set back a little");
        assert_eq!(load(folder.path(), Timestamp(T.0 - 3_600_000)), None);
    }

    #[test]
    fn a_damaged_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), T, &[known(1), known(2)]);
        let path = folder.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(load(folder.path(), T), None, "byte {at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert_eq!(load(folder.path(), T), None, "cut at {at}");
        }
        disk::save_sealed(&path, &[9]).unwrap();
        assert_eq!(load(folder.path(), T), None, "another version");
        std::fs::write(&path, vec![0; LEN_MAX as usize + 1]).unwrap();
        assert_eq!(load(folder.path(), T), None, "too long");
        write(folder.path(), T, &[]);
        assert_eq!(load(folder.path(), T), None, "who knew nobody knows nothing");
    }

    #[test]
    fn the_largest_file_is_within_its_bound() {
        let longest = EndpointMemory {
            pool: PoolName::new(&"p".repeat(63)).unwrap(),
            zone: ZoneId::new(&"z".repeat(20)).unwrap(),
            address: SocketAddr::from(([0xffff; 8], u16::MAX)),
            healthy: Some(true),
            latency_us: u32::MAX,
            ejected_ms: u64::MAX,
            ejections: u32::MAX,
        };
        let bytes = encode(T, &vec![longest; ENDPOINTS]);
        assert!((bytes.len() as u64) < LEN_MAX, "{} bytes", bytes.len());
    }

    #[test]
    fn other_latencies_alone_are_no_news() {
        let before = [known(1), known(3)];
        let mut now = before.clone();
        (now[0].latency_us, now[1].ejected_ms) = (5, 29_000);
        assert!(!is_news(&before, &now));
        now[1].ejected_ms = 0;
        assert!(is_news(&before, &now));
        assert!(is_news(&before, &before[..1]));
        let turned = [EndpointMemory { healthy: None, ..known(1) }, known(3)];
        assert!(is_news(&before, &turned));
    }
}
