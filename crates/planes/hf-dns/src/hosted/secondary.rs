//! A hosted zone that is transferred from primaries (RFC 1034 4.3.5).
//!
//! 1. Primaries are asked in their order, until one has the zone; every `refresh` of its SOA, after a failure every `retry`, and at once on a
//!    NOTIFY. Both are held between bounds, so that a SOA can neither make us a nuisance nor let us sleep.
//! 2. What comes whole is taken, saved, and answered from; what does not changes nothing.
//! 3. Past `expire` the zone is still answered, and the log says so at every attempt: a copy that may be old is better than no answer, and
//!    what decides whether a service lives must not be a timer in a record (`docs/decisions/0020`).
//!    Where a primary says that it is a secondary itself and has not heard of its own primary for a while (RFC 7314), that while counts: a chain
//!    of secondaries does not make an old copy young.
//! 4. Chance spreads the waits, so that many zones of one primary are not asked for at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hf_hosted::Contents;
use hf_hosted::history::is_newer;
use hf_model::{Timestamp, WireName};
use hf_wire::soa::Soa;
use tokio::sync::{Notify, Semaphore};
use tracing::{debug, error, info, warn};

use super::{Store, disk};
use crate::transfer::fetch::{Fetched, Primary, fetch};

/// Transfers in at a time, over all zones.
const FETCHES_MAX: usize = 8;

static FETCHES: Semaphore = Semaphore::const_new(FETCHES_MAX);

/// Bounds of `refresh`.
const REFRESH: (Duration, Duration) = (Duration::from_secs(5), Duration::from_hours(24));

/// Bounds of `retry`; also the waits, doubled each time, while there is no version and so no SOA.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_hours(1));

/// A large copy is written at most so often; a smaller one at once.
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// What counts as large.
const LARGE_BYTES: usize = 16 << 20;

/// Between two looks, however often NOTIFY comes.
const PACE: Duration = Duration::from_millis(500);

/// Attempts without any version before it is said at the top of one's voice: a primary may start after us.
const FAILURES_QUIET: u32 = 3;

/// Wakes the task of a secondary.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    /// The serial that was told, with a mark that there is one.
    serial: AtomicU64,
}

const SOME: u64 = 1 << 32;

impl Bell {
    pub(crate) fn ring(&self, serial: Option<u32>) {
        self.serial.store(serial.map_or(0, |serial| SOME | u64::from(serial)), Ordering::Relaxed);
        self.rung.notify_one();
    }

    fn take_serial(&self) -> Option<u32> {
        let told = self.serial.swap(0, Ordering::Relaxed);
        (told & SOME != 0).then_some(told as u32)
    }
}

/// Follows the primaries; never ends.
pub(crate) async fn follow(
    store: Arc<Store>,
    apex: WireName,
    primaries: Vec<Primary>,
    bell: Arc<Bell>,
    seen_at: Option<Timestamp>,
) {
    let mut state = Follower { store, apex, primaries, seen_at, saved_at: None, unsaved: false, failures: 0 };
    loop {
        let wait = match state.look().await {
            Ok(()) => state.refresh(),
            Err(problem) => {
                state.tell(&problem);
                state.retry()
            }
        };
        let wait = spread(wait);
        debug!(zone = %state.apex, ?wait, "the primaries are asked again later");
        let looked_at = tokio::time::Instant::now();
        let due = looked_at + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(due) => break,
                () = bell.rung.notified() => {
                    // A NOTIFY of what we have is no news; it may come once for each of the primary's addresses.
                    let told = bell.take_serial();
                    let held = state.held().map(|held| held.serial());
                    if !matches!((told, held), (Some(told), Some(held)) if !is_newer(told, held)) {
                        tokio::time::sleep_until(looked_at + PACE).await;
                        break;
                    }
                }
            }
        }
    }
}

/// Between 90 and 100 % of a wait.
fn spread(wait: Duration) -> Duration {
    let tenth = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) / 10;
    wait.saturating_sub(Duration::from_millis(hf_clock::random_seed() % (tenth + 1)))
}

struct Follower {
    store: Arc<Store>,
    apex: WireName,
    primaries: Vec<Primary>,
    /// When a primary was last seen to have our version.
    seen_at: Option<Timestamp>,
    saved_at: Option<tokio::time::Instant>,
    /// A version is not on disk yet.
    unsaved: bool,
    failures: u32,
}

impl Follower {
    fn held(&self) -> Option<Arc<Contents>> {
        self.store.contents(&self.apex)
    }

    fn soa(&self) -> Option<Soa> {
        let held = self.held()?;
        Soa::read(held.soa()?.rdata().next()?)
    }

    fn refresh(&self) -> Duration {
        let refresh = self.soa().map_or(REFRESH.0, |soa| soa.refresh.clamp(REFRESH.0, REFRESH.1));
        // What is not on disk yet is brought there in time.
        if self.unsaved { refresh.min(SAVE_EVERY) } else { refresh }
    }

    fn retry(&self) -> Duration {
        let doubled = RETRY.0.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let most = self.soa().map_or(RETRY.1, |soa| soa.retry.clamp(RETRY.0, RETRY.1));
        doubled.min(most)
    }

    /// Asks the primaries once.
    async fn look(&mut self) -> Result<(), String> {
        let mut problems = Vec::new();
        for primary in self.primaries.clone() {
            let held = self.held();
            let fetched = {
                let _turn = FETCHES.acquire().await;
                fetch(&self.apex, held.as_deref(), &primary, &self.store.config.clock).await
            };
            match fetched {
                Ok((fetched, age)) => {
                    self.failures = 0;
                    self.take(fetched, age, &primary).await;
                    return Ok(());
                }
                Err(why) => problems.push(format!("{}: {why}", primary.address)),
            }
        }
        self.failures = self.failures.saturating_add(1);
        if problems.is_empty() {
            problems.push(
                "none of its primaries can be asked: their keys are not in `tsig_keys` of this node's [dns]"
                    .to_owned(),
            );
        }
        Err(problems.join("; "))
    }

    async fn take(&mut self, fetched: Fetched, age: Duration, primary: &Primary) {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let seen_at = Timestamp(self.store.config.clock.now().0.saturating_sub(age_ms));
        self.seen_at = Some(seen_at);
        if let Fetched::New { contents, steps } = fetched {
            let contents = if contents.wants_compacting() {
                let before = contents.clone();
                tokio::task::spawn_blocking(move || contents.compacted()).await.unwrap_or(*before)
            } else {
                *contents
            };
            info!(
                zone = %self.apex, primary = %primary.address, serial = contents.serial(), steps = steps.len(),
                "a new version of a hosted zone came from its primary"
            );
            self.store.publish(contents);
            self.unsaved = true;
        }
        self.store.seen(&self.apex, seen_at);
        self.save().await;
    }

    /// Saves the version in force when it is due; also that it was seen just now, about once a minute.
    async fn save(&mut self) {
        let Some(held) = self.held() else { return };
        let may_wait = !self.unsaved || held.bytes() > LARGE_BYTES;
        if may_wait && self.saved_at.is_some_and(|saved_at| saved_at.elapsed() < SAVE_EVERY) {
            return;
        }
        let (folder, seen_at) = (self.store.folder(), self.seen_at.unwrap_or_default());
        let saved = tokio::task::spawn_blocking(move || disk::save(&folder, &held, seen_at)).await;
        self.saved_at = Some(tokio::time::Instant::now());
        match saved {
            Ok(Ok(())) => self.unsaved = false,
            Ok(Err(problem)) => {
                error!(zone = %self.apex, %problem, "a hosted zone's copy cannot be saved; free the disk");
            }
            Err(why) => error!(zone = %self.apex, %why, "a hosted zone's copy cannot be saved"),
        }
    }

    /// Says what is wrong, the louder the longer.
    fn tell(&self, problem: &str) {
        let zone = &self.apex;
        let Some(soa) = self.soa() else {
            if self.failures < FAILURES_QUIET {
                warn!(%zone, problem, "a hosted zone has not come from its primaries yet");
            } else {
                error!(%zone, problem, "a hosted zone has never come from its primaries and cannot be answered");
            }
            self.store.problem(zone, format!("never transferred: {problem}"));
            return;
        };
        let age = self.seen_at.map_or(Duration::MAX, |seen_at| {
            Duration::from_millis(self.store.config.clock.now().0.saturating_sub(seen_at.0))
        });
        if age > soa.expire {
            error!(
                %zone, serial = soa.serial, age_s = age.as_secs(), expire_s = soa.expire.as_secs(), problem,
                "a hosted zone is past its `expire` and still answered; its primaries must be mended, or the zone taken out of the estate"
            );
            self.store.problem(zone, format!("past its `expire` and still answered: {problem}"));
        } else {
            warn!(%zone, serial = soa.serial, problem, "a hosted zone's primaries cannot be asked; the copy goes on");
            self.store.problem(zone, format!("the copy goes on: {problem}"));
        }
    }
}
