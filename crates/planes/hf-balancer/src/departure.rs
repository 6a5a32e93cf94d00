//! When a client connection is sent away, and when it is cut, by its listener's phase.
//!
//! 1. When this balancer's zone is left, or the listener goes, idle clients are sent away over a spread of time: a crowd that comes back at one
//!    instant would be a load of its own.
//! 2. Who lost a kept connection asks again by itself; who lost a new one before its first answer reports a failure. So a connection that has
//!    carried nothing has as long as a head may take.
//! 3. A listener that goes cuts what is left after `drain`.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::client_state::ConnectionState;
use crate::front::{Front, Phase};
use crate::worker::Worker;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// To be closed after its next answer, or once it rests.
    Close,
    /// To be kept after all.
    Stay,
    /// To be ended at once.
    Cut,
}

/// One connection's part in its listener's phases.
#[derive(Debug)]
pub struct Departure {
    phases: watch::Receiver<Phase>,
    phase: Phase,
    close_at: Option<Instant>,
    cut_at: Option<Instant>,
    unused_until: Instant,
}

impl Departure {
    /// Of a new connection; `header` is how long a head may take.
    pub fn new(front: &Front, worker: &Worker, header: Duration) -> Self {
        let mut phases = front.watch_phase();
        let phase = *phases.borrow_and_update();
        let now = Instant::now();
        let mut departure =
            Departure { phases, phase, close_at: None, cut_at: None, unused_until: now + header };
        if phase != Phase::Open {
            departure.close_at = Some(departure.send_away_at(worker, false));
        }
        if phase == Phase::Closing {
            departure.cut_at = Some(now + worker.shared.drain);
        }
        departure
    }

    fn send_away_at(&self, worker: &Worker, is_used: bool) -> Instant {
        let share = worker.chance() as f64 / u64::MAX as f64;
        let at = Instant::now() + worker.spread.mul_f64(share);
        if is_used { at } else { at.max(self.unused_until) }
    }

    /// Waits for what is due next. Nothing is lost when it is dropped and called again.
    pub async fn due(&mut self, worker: &Worker, state: &ConnectionState) -> Due {
        loop {
            let next = [self.close_at, self.cut_at].into_iter().flatten().min();
            tokio::select! {
                biased;
                changed = self.phases.changed() => {
                    if changed.is_err() {
                        return Due::Cut;
                    }
                    let was = std::mem::replace(&mut self.phase, *self.phases.borrow_and_update());
                    if self.phase == Phase::Closing {
                        self.cut_at = Some(Instant::now() + worker.shared.drain);
                    }
                    if self.phase == Phase::Open {
                        self.close_at = None;
                        return Due::Stay;
                    }
                    if was == Phase::Open {
                        self.close_at = Some(self.send_away_at(worker, state.is_used()));
                    }
                }
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    if self.cut_at.is_some_and(|at| at <= now) {
                        return Due::Cut;
                    }
                    if self.close_at.take_if(|at| *at <= now).is_some() {
                        return Due::Close;
                    }
                }
            }
        }
    }
}
