//! How long from a commit until all planes obey it, with nothing else going on.
//!
//! 1. Batches one after another, each at the next control node; each turns one zone's control.
//! 2. *Committed* is the answer to the client. *Applied* is when the watcher heard the plane say that it obeys: the way of that word is
//!    counted too, so what is measured is an upper bound. It counts from the sending of the batch and from its answer.
//!
//! Not here: what is good enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use hf_history::controls::Switch;

use super::Places;
use super::clients::batch;
use super::layout::PLACES;
use super::watch::Watcher;

/// Lengths of time, all of them.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// The length that so many of a hundred do not exceed.
    pub fn percentile(&self, of_hundred: usize) -> Duration {
        let mut all = self.0.clone();
        all.sort_unstable();
        all.get((all.len() * of_hundred).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |of_hundred| self.percentile(of_hundred).as_secs_f64() * 1_000.0;
        write!(f, "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms (n={})", ms(50), ms(99), ms(100), self.0.len())
    }
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Push {
    /// From sending a batch to its answer.
    pub committed: Times,
    /// From the answer to each plane's word; nothing where the plane was faster.
    pub applied: Times,
    /// From the answer to the last plane's word.
    pub applied_by_all: Times,
    /// From sending a batch to the last plane's word.
    pub whole: Times,
}

impl fmt::Display for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "batch sent -> acknowledged:           {}", self.committed)?;
        writeln!(f, "acknowledged -> heard of each plane:  {}", self.applied)?;
        writeln!(f, "acknowledged -> heard of all planes:  {}", self.applied_by_all)?;
        write!(f, "batch sent -> heard of all planes:    {}", self.whole)
    }
}

/// Makes `commits` commits, and measures.
///
/// # Errors
///
/// A batch that was not taken, or planes that do not obey in time.
pub fn push(world: &Places, watcher: &Watcher, commits: usize) -> Result<Push, String> {
    let mut push = Push::default();
    // The first of each control node waits until that one has heard what all nodes hold: not part of what is measured.
    for number in 0..PLACES + commits {
        let client = world.client(&[number % PLACES]);
        let to = if number.is_multiple_of(2) { Switch::Off } else { Switch::On };
        let sets = BTreeMap::from([("zone-1".to_owned(), to)]);
        let request = batch(&format!("measure-{number}"), &sets, &BTreeSet::new());
        let begun = Instant::now();
        // Polled on a thread of the runtime, as the watcher is.
        let asked = world.runtime.spawn(async move {
            let done = client.set_controls(&request).await;
            (done, Instant::now())
        });
        let (done, answered) = world.runtime.block_on(asked).map_err(|error| error.to_string())?;
        let done = done.map_err(|error| error.to_string())?;
        let heard = world.runtime.block_on(watcher.all_obey(done.revision, super::DEADLINE))?;
        let last = heard.iter().max().copied().unwrap_or(answered);
        if number < PLACES {
            continue;
        }
        push.committed.0.push(answered - begun);
        push.applied.0.extend(heard.iter().map(|at| at.saturating_duration_since(answered)));
        push.applied_by_all.0.push(last.saturating_duration_since(answered));
        push.whole.0.push(last - begun);
    }
    Ok(push)
}
