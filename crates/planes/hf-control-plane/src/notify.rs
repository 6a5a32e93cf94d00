//! Tells receivers what happened: the journal, from where each of them has come to.
//!
//! 1. The journal is the queue: bounded, durable, in order. Each receiver has a place in it, in a file of its own, that moves on once a notice was
//!    taken. So nothing is lost at a restart, and one that hangs holds up no other.
//! 2. A receiver without a place begins at the newest line: nobody wants last year's shifts.
//! 3. Of several nodes with the control role one tells (`teller`), once it has listened for three beats. Nodes tell one another their places on each
//!    beat, and the one that is further counts: whoever takes over repeats what was taken within the last beats at most, and leaves
//!    nothing out. Receivers drop what they had by its id.
//! 4. A failed delivery is tried again after a second, later after up to five minutes, for [`KEPT`]; what the receiver has read and does not want is tried
//!    [`REJECTED_TRIES`] times. Then the notice is dropped, which is logged and counted.
//!
//! Not here: what notices say (`notices`), deliveries (`hf-notify`), break-glass acts that no ledger has recorded (`glass`).

mod glass;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_config::node::Notify;
use hf_control::PracticeOutcome;
use hf_ledger::{Journalled, LedgerError};
use hf_model::{ShiftId, Timestamp};
use hf_notify::Notice;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::api::Context;
use crate::control::Control;
use crate::notices;
use crate::teller::is_teller;

/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(500);
/// So many beats a node listens before it tells.
const LISTENS: u32 = 3;
/// How long a notice is tried.
const KEPT: Duration = Duration::from_hours(24);
/// The first and the longest pause between two tries.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(5)];
/// Tries of what a receiver does not want.
const REJECTED_TRIES: u32 = 3;
/// Journal lines of one look.
const LINES: usize = 100;
/// The version of the file.
const VERSION: u32 = 1;

/// Who is told, and how that went.
#[derive(Debug, Default)]
pub struct Notifications {
    receivers: Vec<Receiver>,
    /// Where the places are kept.
    folder: PathBuf,
}

#[derive(Debug)]
struct Receiver {
    config: Notify,
    counts: Mutex<Counts>,
}

/// How deliveries to one receiver went since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Given up.
    pub dropped: u64,
    /// The newest line of the journal, as far as it was looked for.
    newest: u64,
    /// Where it has come to.
    place: Option<u64>,
    /// When the last one was taken.
    pub delivered_at: Option<Timestamp>,
}

impl Counts {
    /// Journal lines that it is not past; 0 before it has a place.
    pub fn behind(&self) -> u64 {
        self.place.map_or(0, |place| self.newest.saturating_sub(place))
    }
}

/// How far a receiver has come.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct Place {
    version: u32,
    /// Whose journal.
    estate: String,
    /// The last line that it needs no more.
    position: u64,
}

impl Notifications {
    /// These receivers, with their places in `data_dir`; nothing runs yet.
    pub fn new(receivers: &[Notify], data_dir: &Path) -> Notifications {
        let receiver = |config: &Notify| Receiver { config: config.clone(), counts: Mutex::default() };
        Notifications { receivers: receivers.iter().map(receiver).collect(), folder: data_dir.join("notify") }
    }

    /// Where receivers have come to in the ledger's journal; 0 where they have no place in it yet, or this node has no ledger.
    pub fn places(&self) -> BTreeMap<String, u64> {
        let place = |of: &Receiver| (of.config.name.clone(), of.with(|counts| counts.place).unwrap_or(0));
        self.receivers.iter().map(place).collect()
    }

    /// How it went, by receiver's name.
    pub fn counts(&self) -> Vec<(String, Counts)> {
        self.receivers.iter().map(|of| (of.config.name.clone(), of.with(|counts| counts.clone()))).collect()
    }
}

impl Receiver {
    fn with<R>(&self, act: impl FnOnce(&mut Counts) -> R) -> R {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells, until a stop is announced.
pub async fn run(context: &Context, mut shutdown: watch::Receiver<bool>) {
    let notifications = &context.notifications;
    let newest = watch::Sender::new(0);
    let mut tasks = JoinSet::new();
    for at in 0..notifications.receivers.len() {
        let (context, notifications) = (context.clone(), notifications.clone());
        tasks.spawn(async move {
            glass::GlassTeller::new(&context, &notifications.receivers[at], &notifications.folder)
                .run()
                .await;
        });
    }
    // Without the ledger there is no journal that all nodes share, and positions of another one mean something else.
    let Some(control) = context.control.clone().filter(|_| !notifications.receivers.is_empty()) else {
        return stopped(&mut shutdown).await;
    };
    for at in 0..notifications.receivers.len() {
        let (context, notifications) = (context.clone(), notifications.clone());
        let newest = newest.subscribe();
        tasks.spawn(async move {
            let receiver = &notifications.receivers[at];
            let folder = &notifications.folder;
            let began = Instant::now();
            Teller { context: &context, receiver, folder, newest, began }.run().await;
        });
    }
    // The tasks end with the set: what was not taken is told after the next start.
    tokio::select! {
        () = stopped(&mut shutdown) => {}
        () = look(context, &control, &newest) => {}
    }
}

/// One look for all receivers, once the ledger says whose journal it is.
async fn look(context: &Context, control: &Control, newest: &watch::Sender<u64>) {
    loop {
        // A journal that cannot be read now is read later; others say why.
        if control.is_read()
            && let Ok(found) = context.journal.newest_position().await
        {
            newest.send_if_modified(|known| std::mem::replace(known, found) != found);
        }
        sleep(LOOK).await;
    }
}

struct Teller<'a> {
    context: &'a Context,
    receiver: &'a Receiver,
    folder: &'a Path,
    newest: watch::Receiver<u64>,
    began: Instant,
}

impl Teller<'_> {
    async fn run(mut self) {
        let file = self.folder.join(format!("{}.json", self.receiver.config.name));
        let (mut place, mut kept) = loop {
            let newest = *self.newest.borrow_and_update();
            if newest > 0 {
                break self.begin(&file, newest).await;
            }
            if self.newest.changed().await.is_err() {
                return;
            }
        };
        loop {
            let newest = *self.newest.borrow_and_update();
            place.position = place.position.max(self.heard().min(newest));
            self.shows(&place);
            if let Err(error) = self.go_on(&mut place, &file, &mut kept).await {
                warn!(receiver = self.receiver.config.name, %error, "the journal cannot be read; tried again");
            }
            self.keep(&place, &file, &mut kept).await;
            if place.position < *self.newest.borrow() {
                sleep(LOOK).await;
            } else if self.newest.changed().await.is_err() {
                return;
            }
        }
    }

    /// Where it stands, and what its file says.
    async fn begin(&self, file: &Path, newest: u64) -> (Place, Option<Place>) {
        let estate = self.context.intent().estate_id.to_string();
        let kept =
            tokio::fs::read(file).await.ok().and_then(|bytes| serde_json::from_slice::<Place>(&bytes).ok());
        let fits =
            |place: &Place| place.version == VERSION && place.estate == estate && place.position <= newest;
        match kept.filter(fits) {
            Some(place) => (place.clone(), Some(place)),
            // It begins with what happens from now on.
            None => (Place { version: VERSION, estate, position: newest }, None),
        }
    }

    /// How far other nodes have come with this receiver.
    fn heard(&self) -> u64 {
        let reports = self.context.reports.borrow();
        let others = reports.values().filter(|heard| heard.report.node != self.context.node);
        others
            .filter_map(|heard| heard.report.notices.get(&self.receiver.config.name).copied())
            .max()
            .unwrap_or(0)
    }

    fn tells(&self) -> bool {
        self.began.elapsed() >= self.context.beat * LISTENS && is_teller(self.context)
    }

    fn shows(&self, place: &Place) {
        let newest = *self.newest.borrow();
        self.receiver.with(|counts| (counts.place, counts.newest) = (Some(place.position), newest));
    }

    async fn keep(&self, place: &Place, file: &Path, kept: &mut Option<Place>) {
        self.shows(place);
        if kept.as_ref() == Some(place) {
            return;
        }
        let text = serde_json::to_vec(place).expect("a place has text keys only");
        match write(self.folder, file, text).await {
            Ok(()) => *kept = Some(place.clone()),
            // What it has had comes again after a restart; the next time tries to write anew.
            Err(error) => warn!(file = %file.display(), %error, "a receiver's place is not kept"),
        }
    }

    /// Some lines on; to the newest one, if all goes well and this node tells.
    async fn go_on(
        &self,
        place: &mut Place,
        file: &Path,
        kept: &mut Option<Place>,
    ) -> Result<(), LedgerError> {
        if !self.tells() {
            return Ok(());
        }
        let newest = *self.newest.borrow();
        let found = self.context.journal.read(place.position, LINES).await?;
        for line in &found {
            let told = self.notices(line);
            if !told.is_empty() {
                // What came before is kept before anything may take long.
                self.keep(place, file, kept).await;
            }
            for notice in &told {
                if !self.deliver(notice).await {
                    return Ok(());
                }
            }
            place.position = line.position;
            if !told.is_empty() {
                self.keep(place, file, kept).await;
            }
        }
        if found.is_empty() {
            // Lines that are gone, and damaged ones, are passed over.
            place.position = place.position.max(newest);
        }
        Ok(())
    }

    /// What it is told of a line.
    fn notices(&self, line: &Journalled) -> Vec<Notice> {
        let view = self.context.control.as_ref().map(Control::view);
        let outcome = |id: &ShiftId| -> Option<PracticeOutcome> {
            view.as_ref()?.practice_history.iter().rev().find(|record| record.id == *id).map(|of| of.outcome)
        };
        let node = self.context.node.to_string();
        let estate = self.context.intent().estate_id;
        let mut told = notices::of(line, &notices::Around { node: &node, estate, outcome: &outcome });
        told.retain(|notice| self.receiver.config.kinds.contains(&notice.kind));
        told
    }

    /// Until it was taken or is given up; false when another node tells from now on.
    async fn deliver(&self, notice: &Notice) -> bool {
        let goes_on = || {
            let newest = *self.newest.borrow();
            self.receiver.with(|counts| counts.newest = newest);
            self.tells()
        };
        deliver(self.context, self.receiver, notice, goes_on).await
    }
}

/// Until it was taken or is given up; false when `goes_on`, asked before each further try, says that it is not for this node to tell any more.
async fn deliver(
    context: &Context,
    receiver: &Receiver,
    notice: &Notice,
    goes_on: impl Fn() -> bool,
) -> bool {
    let name = &receiver.config.name;
    let mut tries = 0_u32;
    loop {
        let now = context.clock.now();
        if now.since(notice.at) >= KEPT {
            receiver.with(|counts| counts.dropped += 1);
            warn!(receiver = name, id = notice.id, "a notice was dropped: it is older than a day");
            return true;
        }
        match hf_notify::deliver(&receiver.config.way, notice, now).await {
            Ok(()) => {
                receiver.with(|counts| {
                    counts.delivered += 1;
                    counts.delivered_at = Some(now);
                });
                info!(receiver = name, id = notice.id, kind = notice.kind.as_str(), "a notice was taken");
                return true;
            }
            Err(failed) => {
                tries = tries.saturating_add(1);
                receiver.with(|counts| counts.failed += 1);
                if failed.is_rejected && tries >= REJECTED_TRIES {
                    receiver.with(|counts| counts.dropped += 1);
                    warn!(receiver = name, id = notice.id, %failed, "a notice was dropped: the receiver does not want it");
                    return true;
                }
                warn!(receiver = name, id = notice.id, %failed, tries, "a notice did not arrive; it is tried again");
            }
        }
        sleep(pause(tries, hf_clock::random_bytes::<1>()[0])).await;
        if !goes_on() {
            return false;
        }
    }
}

/// After so many failed tries: twice as long each time, and by chance between half and all of it, so that nodes do not come together.
fn pause(tries: u32, chance: u8) -> Duration {
    let [first, most] = PAUSES;
    let whole = first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(most);
    whole / 2 + whole / 2 * u32::from(chance) / 255
}

async fn write(folder: &Path, file: &Path, text: Vec<u8>) -> Result<(), String> {
    let (folder, file) = (folder.to_owned(), file.to_owned());
    let write = move || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        let mut beside = file.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut to = std::fs::File::create(&beside)?;
        std::io::Write::write_all(&mut to, &text)?;
        to.sync_all()?;
        std::fs::rename(&beside, &file)
    };
    let done = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
    done.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
