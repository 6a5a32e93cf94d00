//! Runs the command of `holdfast watch` for zones whose state it has not been run for.
//!
//! 1. One at a time, for all zones. The newest state is taken when one begins; what was undone meanwhile is never run.
//! 2. No shell, standard input closed, a process group of its own; at its time limit the group is ended, kindly first.
//! 3. Exit 0 is done. Anything else is run again, after 1 s, 2 s, … 1 min, with whatever is newest then.
//! 4. From the moment that a run begins, the state of before counts as not done any more: it may have done half, and it may fail.
//!
//! Not here: what is wanted (`watch`).

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use holdfast_client::{State, ZoneStatus};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{complain, variables};

/// After the first failure in a row.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
/// After many.
const AGAIN_LAST: Duration = Duration::from_mins(1);
/// Between asking a group to end and ending it.
const KINDNESS: Duration = Duration::from_secs(2);
/// For a run that is under way when all is to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// For which state each zone's run ended well last.
pub type Done = BTreeMap<String, State>;

/// The task that runs commands.
pub struct Running(JoinHandle<()>);

impl Running {
    /// Lets a run that is under way end, for a while; `wants` must be closed before.
    pub async fn finish(mut self) {
        if timeout(FAREWELL, &mut self.0).await.is_err() {
            // The child goes with the task, and it alone; its group had its time.
            self.0.abort();
        }
    }
}

/// Runs `command` whenever `wants` has a zone in a state that is not done; nothing with an empty command.
pub fn start(
    command: Vec<String>,
    limit: Duration,
    wants: watch::Receiver<Vec<ZoneStatus>>,
) -> (watch::Receiver<Done>, Running) {
    let (tell, done) = watch::channel(Done::new());
    (done, Running(tokio::spawn(work(command, limit, wants, tell))))
}

async fn work(
    command: Vec<String>,
    limit: Duration,
    mut wants: watch::Receiver<Vec<ZoneStatus>>,
    tell: watch::Sender<Done>,
) {
    let Some((program, arguments)) = command.split_first() else { return };
    let mut again = AGAIN_FIRST;
    loop {
        // What was done once may be out of date by now: always the newest.
        let next = {
            let wanted = wants.borrow_and_update();
            let next = undone(&wanted, &tell.borrow());
            if let Some(zone) = &next {
                // Before anything newer can be wanted: whoever looks then must not find the state that this run leaves.
                tell.send_if_modified(|done| done.remove(&zone.zone).is_some());
            }
            next
        };
        let Some(zone) = next else {
            if wants.changed().await.is_err() {
                return;
            }
            continue;
        };
        let ended = run(program, arguments, &zone, limit).await;
        match ended {
            Ok(()) => {
                tell.send_modify(|done| {
                    done.insert(zone.zone.clone(), zone.state);
                });
                again = AGAIN_FIRST;
            }
            Err(why) => {
                complain(&format!(
                    "`{program}` for zone {} ({}) {why}; it is run again in {}s",
                    zone.zone,
                    zone.state.word(),
                    again.as_secs()
                ));
                tokio::select! {
                    () = sleep(again) => {}
                    // Something new is tried at once: it may be the state of before, which needs its run all the more.
                    changed = wants.changed() => if changed.is_err() { return },
                }
                again = (again * 2).min(AGAIN_LAST);
            }
        }
        if wants.has_changed().is_err() {
            return;
        }
    }
}

/// The zone whose run is due; those that close come first.
fn undone(wanted: &[ZoneStatus], done: &Done) -> Option<ZoneStatus> {
    let open = wanted.iter().filter(|zone| done.get(&zone.zone) != Some(&zone.state));
    open.max_by_key(|zone| zone.state).cloned()
}

async fn run(program: &str, arguments: &[String], zone: &ZoneStatus, limit: Duration) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables(zone))
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be run: {error}"))?;
    match timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(error)) => Err(format!("cannot be waited for: {error}")),
        Err(_) => {
            end(&mut child).await;
            Err(format!("took more than {} and was ended", hf_model::format_duration(limit)))
        }
    }
}

/// Ends the child and what it started.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(group) = group else { return };
    // A group that is gone already is as good.
    let _ = kill_process_group(group, Signal::TERM);
    let _ = timeout(KINDNESS, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait().await;
}
