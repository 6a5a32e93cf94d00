//! Watches the estate file of a node with the control role, and puts what it says into the ledger.
//!
//! 1. Changes are noticed at once (inotify and its kin), and by looking every [`LOOK_EVERY`] where that does not work.
//! 2. A file is read when it has not changed for [`SETTLE`], and only if it is the same after as before: half a file never counts.
//! 3. Any problem keeps the estate in force, is logged as `file:line:column`, and stands in the node's report until it is gone.
//! 4. What the ledger refuses (a shift needs what the new estate drops) is tried again when shifts or pins change; a ledger
//!    that fails, with every look.
//!
//! Not here: what an estate may be (`hf-config`), the rules of the ledger (`hf-control`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hf_config::estate::{EstateBundle, limits};
use hf_config::{Problem, Problems};
use hf_control::{Command, Intent, Outcome};
use hf_control_plane::Control;
use hf_model::{Operator, RequestId};
use notify::Watcher;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{debug, info, warn};

const LOOK_EVERY: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_millis(100);

/// Watches until `shutdown`. `problem` is what is wrong now.
pub async fn run(
    path: PathBuf,
    control: Control,
    problem: watch::Sender<Option<String>>,
    mut shutdown: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = shutdown.wait_for(|stop| *stop) => {}
        () = watch_for_ever(&path, &control, &problem) => {}
    }
}

async fn watch_for_ever(path: &Path, control: &Control, problem: &watch::Sender<Option<String>>) {
    let (_watcher, mut woken) = watcher(path);
    let mut intent = control.intent();
    let mut names: Vec<String> = Vec::new();
    let mut done: Option<Looks> = None;
    let mut refused_at: Option<Arc<Intent>> = None;
    loop {
        let looks = Looks::of(path, &names);
        let acts_changed = refused_at.as_ref().is_some_and(|then| {
            let now = intent.borrow_and_update();
            then.shifts != now.shifts || then.pins != now.pins || then.estate != now.estate
        });
        if done.as_ref() != Some(&looks) || acts_changed {
            sleep(SETTLE).await;
            if Looks::of(path, &names) != looks {
                continue;
            }
            let file = path.to_owned();
            let read =
                tokio::task::spawn_blocking(move || read(&file)).await.expect("reading does not panic");
            names = names_of(path, &read, names);
            let after = Looks::of(path, &names);
            if after.of_estate() != looks.of_estate() {
                continue;
            }
            let outcome = match read {
                Ok(bundle) => submit(bundle, control).await,
                Err(problems) => Err(NotApplied { problem: problems.to_string(), retry: Retry::OnChange }),
            };
            refused_at = None;
            done = Some(after);
            match outcome {
                Ok(()) => tell(problem, None),
                Err(not_applied) => {
                    match not_applied.retry {
                        Retry::OnChange => {}
                        Retry::OnOtherActs => refused_at = Some(intent.borrow_and_update().clone()),
                        Retry::Soon => done = None,
                    }
                    tell(problem, Some(not_applied.problem));
                }
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            Some(()) = woken.recv() => {}
            Ok(()) = intent.changed(), if refused_at.is_some() => {}
        }
    }
}

/// Says a problem once, and its end.
fn tell(problem: &watch::Sender<Option<String>>, now: Option<String>) {
    if *problem.borrow() == now {
        return;
    }
    if let Some(text) = &now {
        text.lines().for_each(|line| warn!("{line}; the estate in force stays"));
    } else {
        info!("the estate file is good again");
    }
    problem.send_replace(now);
}

struct NotApplied {
    problem: String,
    retry: Retry,
}

enum Retry {
    OnChange,
    OnOtherActs,
    Soon,
}

async fn submit(bundle: EstateBundle, control: &Control) -> Result<(), NotApplied> {
    if control.intent().borrow().estate == bundle {
        return Ok(());
    }
    let digest = bundle.digest().short();
    let request = format!("file-{:016x}", hf_clock::random_seed());
    let request = RequestId::new(&request).expect("hexadecimal digits make a request id");
    let command = Command::ApplyEstate { bundle, if_match: None };
    match control.submit(Operator::new("estate file"), request, command).await {
        Ok(Outcome::Done { revision, .. }) => {
            info!(%revision, %digest, "the estate file is in force");
            Ok(())
        }
        Ok(Outcome::Refused(refusal)) => {
            Err(NotApplied { problem: refusal.to_string(), retry: Retry::OnOtherActs })
        }
        Err(error) => Err(NotApplied { problem: error.to_string(), retry: Retry::Soon }),
    }
}

/// Reads the estate file and its master files, and checks them.
fn read(path: &Path) -> Result<EstateBundle, Problems> {
    let shown = path.display().to_string();
    let whole = |what: String| Problems(vec![Problem { file: shown.clone(), line: 0, column: 0, what }]);
    let toml = read_bounded(path).map_err(|error| {
        whole(format!("cannot be read ({error}); put it back, or change `estate` in the node file"))
    })?;
    let mut files = BTreeMap::new();
    let mut problems = Vec::new();
    for name in hf_config::estate_files(&shown, &toml)? {
        match read_bounded(&beside(path, &name)) {
            Ok(content) => {
                files.insert(name, content);
            }
            Err(error) => {
                let what = format!(
                    "the master file `{name}` cannot be read ({error}); put it beside the estate file"
                );
                problems.extend(whole(what).0);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let bundle = EstateBundle { toml, files };
    hf_config::read_estate(&shown, &bundle)?;
    Ok(bundle)
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(limits::BUNDLE_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new(".")).join(name)
}

/// The master files to look after: those of the newest text that could be read, or the ones of before.
fn names_of(path: &Path, read: &Result<EstateBundle, Problems>, before: Vec<String>) -> Vec<String> {
    match read {
        Ok(bundle) => bundle.files.keys().cloned().collect(),
        Err(_) => {
            read_bounded(path).ok().and_then(|toml| hf_config::estate_files("", &toml).ok()).unwrap_or(before)
        }
    }
}

/// How files look from outside: what tells a changed one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looks(Vec<Option<(SystemTime, u64)>>);

impl Looks {
    fn of(path: &Path, names: &[String]) -> Looks {
        let look = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        let others = names.iter().map(|name| look(&beside(path, name)));
        Looks(std::iter::once(look(path)).chain(others).collect())
    }

    fn of_estate(&self) -> Option<(SystemTime, u64)> {
        self.0.first().copied().flatten()
    }
}

/// Wakes us when something happens in the file's folder: editors put a new file in the old one's place.
fn watcher(path: &Path) -> (Option<notify::RecommendedWatcher>, mpsc::Receiver<()>) {
    let (wake, woken) = mpsc::channel(1);
    let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Full means that a look is due already.
            let _ = wake.try_send(());
        }
    });
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let watching = made.and_then(|mut watcher| {
        watcher.watch(folder, notify::RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    match watching {
        Ok(watcher) => (Some(watcher), woken),
        Err(error) => {
            debug!(%error, "the estate file's folder cannot be watched; the file is looked at every two seconds");
            (None, woken)
        }
    }
}

#[cfg(test)]
mod tests;
