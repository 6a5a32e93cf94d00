//! What a probe is at, so that one that ran out of time can tell.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use hf_model::format_duration;

use crate::failure::{Outcome, ProbeFailure};

/// A step of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Opening a connection.
    Connecting,
    /// Shaking hands over TLS.
    Tls,
    /// Waiting for an answer, or its headers.
    Answer,
    /// Reading a body.
    Body,
    /// Waiting for others of ours to end.
    Waiting,
    /// Waiting for a command to end.
    Running,
}

const STEPS: [Step; 6] =
    [Step::Connecting, Step::Tls, Step::Answer, Step::Body, Step::Waiting, Step::Running];

/// The step that a probe is at: the first is connecting.
#[derive(Debug, Default)]
pub struct Progress(AtomicU8);

impl Progress {
    /// The probe is at this step now.
    pub fn at(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    /// What it means that time ran out here.
    pub fn late(&self, timeout: Duration) -> Outcome {
        let step = STEPS[usize::from(self.0.load(Ordering::Relaxed))];
        Outcome::Bad(match step {
            Step::Connecting => ProbeFailure::NoConnection(timeout),
            Step::Tls => ProbeFailure::NoTls(timeout),
            Step::Answer => ProbeFailure::NoAnswer(timeout),
            Step::Body => ProbeFailure::NoEnd(timeout),
            Step::Running => ProbeFailure::StillRunning(timeout),
            Step::Waiting => {
                let timeout = format_duration(timeout);
                return Outcome::Unmeasured(format!("others of our commands ran for all of {timeout}"));
            }
        })
    }
}
