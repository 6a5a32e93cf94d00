//! The parts of a running node, and their end.
//!
//! 1. A part runs until the node stops. One that ends before ends the node: half a node is worse than one that its supervisor
//!    starts again, and it boots from its disk in well under a second.
//! 2. Told to stop, parts have [`GRACE`], and one with clients of its own as long as it says; what is not done then is cut.
//! 3. Told to let go, all parts end but those that stay: they go on with what they know until the node stops.
//!
//! Not here: what the parts do.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

/// How long parts may take to end.
pub const GRACE: Duration = Duration::from_secs(2);

/// Running parts.
#[derive(Debug)]
pub struct Parts {
    tasks: JoinSet<()>,
    names: Vec<(Id, &'static str)>,
    handles: HashMap<Id, AbortHandle>,
    staying: Vec<Id>,
    /// How long those that stay may take to end.
    grace: Duration,
    stop: watch::Sender<bool>,
    stop_staying: watch::Sender<bool>,
}

impl Parts {
    /// None yet.
    pub fn new() -> Parts {
        Parts {
            tasks: JoinSet::new(),
            names: Vec::new(),
            handles: HashMap::new(),
            staying: Vec::new(),
            grace: GRACE,
            stop: watch::Sender::new(false),
            stop_staying: watch::Sender::new(false),
        }
    }

    /// As [`Parts::stopped`], for a part that stays when the others let go.
    pub fn stopped_last(&self) -> watch::Receiver<bool> {
        self.stop_staying.subscribe()
    }

    /// Starts a part that stays when the others let go, and may take `grace` beyond [`GRACE`] to end.
    pub fn start_staying(
        &mut self,
        name: &'static str,
        grace: Duration,
        part: impl Future<Output = ()> + Send + 'static,
    ) {
        self.start(name, part);
        self.staying.extend(self.names.last().map(|(id, _)| *id));
        self.grace = self.grace.max(GRACE + grace);
    }

    /// What tells a part to end: true.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Starts a part.
    pub fn start(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(part);
        self.names.push((handle.id(), name));
        self.handles.insert(handle.id(), handle);
    }

    /// Runs until `shutdown` is true or its sender is gone, then ends all parts; at a word of `let_go` all but those that stay. The name
    /// of the part that ended by itself, if one did.
    pub async fn run(
        mut self,
        mut shutdown: watch::Receiver<bool>,
        mut let_go: mpsc::Receiver<oneshot::Sender<()>>,
    ) -> Result<(), &'static str> {
        let ended = loop {
            let gone = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break Ok(()),
                Some(ended) = self.tasks.join_next_with_id() => break Err(self.name_of(ended)),
                Some(gone) = let_go.recv() => gone,
            };
            self.stop.send_replace(true);
            self.end(Instant::now() + GRACE, true).await;
            // Who asked may be gone.
            let _ = gone.send(());
        };
        if let Err(part) = ended {
            error!(
                part,
                "a part of the node has ended by itself; the node stops, so that its supervisor starts it again"
            );
        }
        self.stop.send_replace(true);
        self.stop_staying.send_replace(true);
        let told_at = Instant::now();
        self.end(told_at + GRACE, true).await;
        self.end(told_at + self.grace, false).await;
        info!("the node has stopped");
        ended
    }

    /// Waits for the parts that were told to end, and cuts them at `deadline`.
    async fn end(&mut self, deadline: Instant, but_staying: bool) {
        loop {
            let is_awaited = |id: &Id| !(but_staying && self.staying.contains(id));
            let awaited: Vec<(Id, &str)> =
                self.names.iter().filter(|(id, _)| is_awaited(id)).copied().collect();
            if awaited.is_empty() {
                return;
            }
            match timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(None) => return,
                Ok(Some(ended)) => {
                    let _ = self.name_of(ended);
                }
                Err(_) => {
                    let parts: Vec<&str> = awaited.iter().map(|(_, name)| *name).collect();
                    warn!(?parts, "these were not done in time and are cut");
                    self.cut(&awaited).await;
                    return;
                }
            }
        }
    }

    async fn cut(&mut self, parts: &[(Id, &'static str)]) {
        for (id, _) in parts {
            if let Some(handle) = self.handles.get(id) {
                handle.abort();
            }
        }
        while self.names.iter().any(|(id, _)| parts.iter().any(|(cut, _)| cut == id)) {
            let Some(ended) = self.tasks.join_next_with_id().await else { return };
            let _ = self.name_of(ended);
        }
    }

    fn name_of(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) -> &'static str {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.handles.remove(&id);
        let found = self.names.iter().position(|(known, _)| *known == id);
        let name = found.map_or("unknown part", |at| self.names.swap_remove(at).1);
        if let Err(error) = ended
            && error.is_panic()
        {
            error!(part = name, %error, "a part of the node panicked: a defect of Holdfast; please report it");
        }
        name
    }
}

#[cfg(test)]
mod tests;
