//! Writes that were refused before they came to the ledger: who, from where, what, why; in the journal.
//!
//! 1. Refused for want of a credential, a role or a scope, or because the request cannot be read. What the rules of the state
//!    refuse is an entry of the ledger and has its line already.
//! 2. Bounded, so that nobody can flush the journal: [`BURST`] lines at once and one each [`REFILL`] after that, for those who
//!    are known and those who are not apart from each other; how many were left out is told in one line.
//! 3. The text of a request comes from outside: it is cut, and control characters are replaced.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_ledger::JournalLine;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::api::Context;
use crate::lines::{RefusedLine, encode_refused};

/// Lines at once at most, of each of the two sorts of callers.
pub const BURST: u32 = 10;
/// Time in which one more line may be written.
pub const REFILL: Duration = Duration::from_secs(10);
/// Characters of one text of a line.
const TEXT: usize = 500;

/// A write that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The principal; none when nobody knows who it was.
    pub by: Option<String>,
    /// The other side's address; none in tests without a socket.
    pub from: Option<SocketAddr>,
    /// What was asked for.
    pub what: String,
    /// Why it was refused.
    pub why: String,
    /// The HTTP status.
    pub status: u16,
}

/// How many lines may still be written.
#[derive(Debug)]
pub struct Refusals(Mutex<[Bucket; 2]>);

#[derive(Debug)]
struct Bucket {
    allowed: u32,
    refilled_at: Instant,
    left_out: u64,
}

impl Default for Refusals {
    fn default() -> Self {
        let bucket = || Bucket { allowed: BURST, refilled_at: Instant::now(), left_out: 0 };
        Refusals(Mutex::new([bucket(), bucket()]))
    }
}

impl Refusals {
    /// Journals a refused write, if there is room for it.
    pub async fn tell(&self, context: &Context, refused: RefusedRequest) {
        let lines = self.lines(&refused, context, Instant::now());
        append(context, lines).await;
    }

    /// Tells what was left out, until a stop is announced: also when no further request comes.
    pub async fn run(&self, context: &Context, mut shutdown: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                () = tokio::time::sleep(REFILL) => append(context, self.left_out(context, Instant::now())).await,
            }
        }
    }

    fn lines(&self, refused: &RefusedRequest, context: &Context, now: Instant) -> Vec<RefusedLine> {
        let sort = usize::from(refused.by.is_some());
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[sort];
        bucket.refill(now);
        let mut lines: Vec<RefusedLine> = bucket.told(sort, context).into_iter().collect();
        if bucket.allowed == 0 {
            bucket.left_out += 1;
            return lines;
        }
        bucket.allowed -= 1;
        let by = refused.by.as_deref().map(clean).unwrap_or_default();
        lines.push(RefusedLine {
            by,
            from: refused.from.map(|from| from.to_string()),
            text: clean(&refused.what),
            why: clean(&refused.why),
            status: refused.status,
            ..blank(context)
        });
        lines
    }

    fn left_out(&self, context: &Context, now: Instant) -> Vec<RefusedLine> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tell = |(sort, bucket): (usize, &mut Bucket)| {
            bucket.refill(now);
            bucket.told(sort, context)
        };
        buckets.iter_mut().enumerate().filter_map(tell).collect()
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.refilled_at);
        let more = u32::try_from(since.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        if self.allowed.saturating_add(more) >= BURST {
            (self.allowed, self.refilled_at) = (BURST, now);
        } else {
            self.allowed += more;
            self.refilled_at += REFILL * more;
        }
    }

    /// The line about what was left out, when there is something to tell and room for it.
    fn told(&mut self, sort: usize, context: &Context) -> Option<RefusedLine> {
        if self.left_out == 0 || self.allowed == 0 {
            return None;
        }
        self.allowed -= 1;
        let (whose, count) = (["callers who are not known", "known callers"][sort], self.left_out);
        self.left_out = 0;
        Some(RefusedLine {
            text: format!("{count} more refused requests of {whose} are not listed"),
            why: "more came than the journal takes".to_owned(),
            suppressed: true,
            by: context.node.to_string(),
            ..blank(context)
        })
    }
}

fn blank(context: &Context) -> RefusedLine {
    RefusedLine {
        at_ms: context.clock.now().0,
        revision: context.intent().revision.0,
        ..RefusedLine::default()
    }
}

fn clean(text: &str) -> String {
    text.chars().take(TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

async fn append(context: &Context, lines: Vec<RefusedLine>) {
    if lines.is_empty() {
        return;
    }
    for line in &lines {
        warn!(by = line.by, from = line.from, text = line.text, why = line.why, "a write was refused");
    }
    let lines = lines.iter().map(|line| JournalLine { revision: None, bytes: encode_refused(line) });
    if let Err(error) = context.journal.append(lines.collect()).await {
        warn!(%error, "refused requests are missing in the journal");
    }
}
