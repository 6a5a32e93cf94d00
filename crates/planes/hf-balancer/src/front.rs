//! One listener and the pool behind it, as all workers see it.
//!
//! The route is swapped as a whole when a snapshot comes; a request reads it once for every try, so that no try begins on
//! an old one.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::route::Route;

/// What a listener's client connections have to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// They are kept.
    Open,
    /// This balancer's zone was left for the pool: idle ones are closed over a spread, busy ones after their answer.
    Away,
    /// The listener goes: as above, and what is left after `drain` is cut.
    Closing,
}

/// One listener.
#[derive(Debug)]
pub struct Front {
    /// Where it listens, with the port that it got.
    pub local: SocketAddr,
    /// Where its requests go.
    pub route: ArcSwap<Route>,
    phase: watch::Sender<Phase>,
}

impl Front {
    /// A new listener's front.
    pub fn new(local: SocketAddr, route: Route, phase: Phase) -> Self {
        Front { local, route: ArcSwap::from_pointee(route), phase: watch::Sender::new(phase) }
    }

    /// What client connections have to expect now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells client connections when that changes.
    pub fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Changes it. Closing is for good.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let changes = *now != phase && *now != Phase::Closing;
            if changes {
                *now = phase;
            }
            changes
        });
    }
}
