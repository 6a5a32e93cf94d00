//! The parts of a running node, and their end.
//!
//! 1. A part runs until the node stops. One that ends before ends the node: half a node is worse than one that its supervisor
//!    starts again, and it boots from its disk in well under a second.
//! 2. Told to stop, parts have [`GRACE`]; what is not done then is cut.
//!
//! Not here: what the parts do.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

/// How long parts may take to end.
pub const GRACE: Duration = Duration::from_secs(2);

/// Running parts.
#[derive(Debug)]
pub struct Parts {
    tasks: JoinSet<()>,
    names: Vec<(Id, &'static str)>,
    stop: watch::Sender<bool>,
}

impl Parts {
    /// None yet.
    pub fn new() -> Parts {
        Parts { tasks: JoinSet::new(), names: Vec::new(), stop: watch::Sender::new(false) }
    }

    /// What tells a part to end: true.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Starts a part.
    pub fn start(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(part);
        self.names.push((handle.id(), name));
    }

    /// Runs until `shutdown` is true or its sender is gone, then ends all parts. The name of the part that ended by itself, if one did.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Result<(), &'static str> {
        let ended = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => Ok(()),
            Some(ended) = self.tasks.join_next_with_id() => Err(self.name_of(ended)),
        };
        if let Err(part) = ended {
            error!(
                part,
                "a part of the node has ended by itself; the node stops, so that its supervisor starts it again"
            );
        }
        self.stop.send_replace(true);
        let deadline = Instant::now() + GRACE;
        loop {
            match timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(None) => break,
                Ok(Some(ended)) => {
                    let _ = self.name_of(ended);
                }
                Err(_) => {
                    let parts: Vec<&str> = self.names.iter().map(|(_, name)| *name).collect();
                    warn!(?parts, "these were not done in time and are cut");
                    self.tasks.shutdown().await;
                    break;
                }
            }
        }
        info!("the node has stopped");
        ended
    }

    fn name_of(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) -> &'static str {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
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
