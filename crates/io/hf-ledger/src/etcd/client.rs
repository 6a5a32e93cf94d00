//! All members of one etcd: who is asked, how long, and what an answer that is none means.
//!
//! 1. The member that answered last is asked first. After [`Pace::hedge`] without an answer the next one is asked too, and the first
//!    answer counts; a member that refuses a connection or knows no leader is left at once. So a slow way is waited for, and a dead one
//!    is not.
//! 2. At the deadline the call is over, and at once when a member says no for good. Whether a question was on its way to another one
//!    then is told: it may still be carried out.
//! 3. Several members may carry out one question. So every transaction that writes compares something that it changes itself.
//! 4. A token that etcd has forgotten is replaced once.
//!
//! Not here: connections (`channel`), what is asked (`log`, `checkpoints`, `lines`).

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Pace;
use super::channel::{Answers, CallError, Channel, code, framed};
use super::wire::{
    AuthenticateRequest, AuthenticateResponse, TxnRequest, TxnResponse, WatchCreate, WatchRequest,
};

const TXN: &str = "/etcdserverpb.KV/Txn";
const WATCH: &str = "/etcdserverpb.Watch/Watch";
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
/// Between two rounds over all members, when all of them fail at once.
const ROUND: Duration = Duration::from_millis(100);

/// Whom to log in as.
pub struct Login {
    pub user: String,
    pub password: String,
}

/// Why a transaction has no outcome.
#[derive(Debug)]
pub enum Failure {
    /// No quorum, or nobody answered in time. `sent`: it may have been carried out, or may still be.
    Unavailable { sent: bool, why: String },
    /// etcd says no, and will again.
    Refused(String),
    /// etcd has reached its quota.
    Full(String),
    /// What was to be read is compacted already: read anew.
    Compacted,
    /// etcd itself says that its data are damaged.
    Damaged(String),
}

/// The outcome of a transaction.
#[derive(Debug)]
pub struct Outcome {
    pub response: TxnResponse,
    /// Whether the same question may have been carried out before by another member: then a comparison may have failed because of
    /// ourselves.
    pub in_doubt: bool,
}

/// All members of one etcd.
pub struct Client {
    channels: Vec<Arc<Channel>>,
    first: AtomicUsize,
    access: Arc<Access>,
    pace: Pace,
}

impl Client {
    pub fn new(channels: Vec<Channel>, login: Option<Login>, pace: Pace) -> Self {
        let channels = channels.into_iter().map(Arc::new).collect();
        let access = Arc::new(Access { login, token: Mutex::default() });
        Client { channels, first: AtomicUsize::new(0), access, pace }
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.channels.iter().map(|channel| channel.address())
    }

    /// Carries out one transaction, within [`Pace::call`].
    pub async fn txn(&self, request: &TxnRequest) -> Result<Outcome, Failure> {
        let question = framed(request);
        let mut attempts = Attempts::new(self.channels.len());
        let first = self.first.load(Ordering::Relaxed);
        let ask = |at: usize| {
            let (channel, access, question) =
                (self.channels[at].clone(), self.access.clone(), question.clone());
            async move { access.ask(&channel, question).await }
        };
        let asked = ask_members(&mut attempts, first, self.pace, ask).await;
        if !matches!(asked, Asked::Over(_)) {
            self.drop_silent(&attempts);
        }
        match asked {
            Asked::Answered(at, response) => {
                self.first.store(at, Ordering::Relaxed);
                Ok(Outcome { response, in_doubt: attempts.maybe_done() })
            }
            Asked::Over(failure) => Err(if request.writes() { attempts.doubted(failure) } else { failure }),
            Asked::TimeIsUp => Err(attempts.unavailable(self.addresses(), self.pace.call)),
        }
    }

    /// A member that owes us an answer for that long may have lost the connection without a word.
    fn drop_silent(&self, attempts: &Attempts) {
        for (channel, attempt) in self.channels.iter().zip(&attempts.of) {
            if attempt.since.is_some_and(|since| since.elapsed() >= self.pace.hedge) {
                channel.drop_connection();
            }
        }
    }

    /// Watches the keys of `range` at one member, from a revision of etcd on.
    pub async fn watch(&self, turn: usize, range: Range<String>, from: i64) -> Result<Answers, CallError> {
        let channel = &self.channels[turn % self.channels.len()];
        let (key, range_end) = (range.start.into_bytes(), range.end.into_bytes());
        let create = WatchCreate { key, range_end, start_revision: from };
        let question = framed(&WatchRequest { create: Some(create) });
        let token = self.access.token(channel).await?;
        channel.stream(WATCH, token.as_deref(), question).await
    }

    /// Forgets the token: a watch that was refused may need a new one.
    pub fn forget_token(&self) {
        self.access.slot().take();
    }
}

/// How a question to the members ended.
#[derive(Debug)]
enum Asked {
    /// This member answered.
    Answered(usize, TxnResponse),
    /// A member said no for good.
    Over(Failure),
    /// The deadline came first.
    TimeIsUp,
}

/// Asks members, the `first` one first, until one answers or says no for good, or the time is up.
async fn ask_members<F>(attempts: &mut Attempts, first: usize, pace: Pace, ask: impl Fn(usize) -> F) -> Asked
where
    F: Future<Output = Result<TxnResponse, CallError>> + Send + 'static,
{
    let deadline = Instant::now() + pace.call;
    let mut running = JoinSet::new();
    // Begun at once and not by a timer: a timer is a millisecond late, and that is the way to etcd and back.
    let begin = |attempts: &mut Attempts, running: &mut JoinSet<_>| {
        attempts.start(first).map(|at| {
            let answer = ask(at);
            running.spawn(async move { (at, answer.await) });
            Instant::now() + pace.hedge
        })
    };
    let mut next_at = begin(attempts, &mut running);
    loop {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                let Ok((at, answer)) = ended else { continue }; // a task that is aborted is not joined here
                match attempts.ended(at, answer) {
                    Ended::Answered(response) => return Asked::Answered(at, response),
                    Ended::Over(failure) => return Asked::Over(failure),
                    Ended::Next => {
                        next_at = if attempts.round_is_over() {
                            Some(Instant::now() + ROUND)
                        } else {
                            begin(attempts, &mut running)
                        };
                    }
                }
            }
            () = sleep_until(deadline) => return Asked::TimeIsUp,
            () = sleep_until(next_at.unwrap_or(deadline)), if next_at.is_some() => {
                next_at = begin(attempts, &mut running);
            }
        }
    }
}

/// What became of one attempt.
enum Ended {
    Answered(TxnResponse),
    Over(Failure),
    Next,
}

/// The attempts of one call, by member.
struct Attempts {
    of: Vec<Attempt>,
    started: usize,
    sent: bool,
}

#[derive(Default)]
struct Attempt {
    since: Option<Instant>,
    failed: Option<String>,
}

impl Attempts {
    fn new(members: usize) -> Self {
        Attempts { of: (0..members).map(|_| Attempt::default()).collect(), started: 0, sent: false }
    }

    /// The next member that is not being asked now, if any; it is from here on.
    fn start(&mut self, first: usize) -> Option<usize> {
        let members = self.of.len();
        let at = (0..members)
            .map(|step| (first + self.started + step) % members)
            .find(|at| self.of[*at].since.is_none())?;
        self.started += 1;
        self.of[at].since = Some(Instant::now());
        Some(at)
    }

    /// Whether every member was asked as often as any other.
    fn round_is_over(&self) -> bool {
        self.started.is_multiple_of(self.of.len())
    }

    /// Whether some attempt may have done, or may still do, what was asked.
    fn maybe_done(&self) -> bool {
        self.sent || self.of.iter().any(|attempt| attempt.since.is_some())
    }

    fn ended(&mut self, at: usize, answer: Result<TxnResponse, CallError>) -> Ended {
        self.of[at].since = None;
        let error = match answer {
            Ok(response) => return Ended::Answered(response),
            Err(error) => error,
        };
        self.of[at].failed = Some(error.to_string());
        match error {
            CallError::Unreached(_) => Ended::Next,
            CallError::Lost(_) => {
                self.sent = true;
                Ended::Next
            }
            CallError::Status { code, message } => match meaning(code, message) {
                Meaning::Final(failure) => Ended::Over(failure),
                Meaning::NotDone => Ended::Next,
                Meaning::Unknown => {
                    self.sent = true;
                    Ended::Next
                }
            },
        }
    }

    /// One member said no to what another one was asked before: that one may have done it, or may still.
    fn doubted(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(why) | Failure::Full(why) | Failure::Damaged(why) if self.maybe_done() => {
                Failure::Unavailable { sent: true, why }
            }
            failure => failure,
        }
    }

    fn unavailable(&self, addresses: impl Iterator<Item = SocketAddr>, call: Duration) -> Failure {
        let silent = format!("no answer within {} ms", call.as_millis());
        let told: Vec<String> = addresses
            .zip(&self.of)
            .filter(|(_, attempt)| attempt.since.is_some() || attempt.failed.is_some())
            .map(|(address, attempt)| format!("{address}: {}", attempt.failed.as_deref().unwrap_or(&silent)))
            .collect();
        Failure::Unavailable { sent: self.maybe_done(), why: told.join("; ") }
    }
}

enum Meaning {
    /// Every member would say so.
    Final(Failure),
    /// Another member may do it; this one did not.
    NotDone,
    /// Another member may do it; this one may have.
    Unknown,
}

fn meaning(status: i32, message: String) -> Meaning {
    match status {
        code::RESOURCE_EXHAUSTED if message.contains("database space exceeded") => {
            Meaning::Final(Failure::Full(message))
        }
        code::RESOURCE_EXHAUSTED if message.contains("too many requests") => Meaning::NotDone,
        code::OUT_OF_RANGE if message.contains("compacted") => Meaning::Final(Failure::Compacted),
        code::OUT_OF_RANGE => Meaning::NotDone,
        code::INVALID_ARGUMENT
        | code::PERMISSION_DENIED
        | code::RESOURCE_EXHAUSTED
        | code::FAILED_PRECONDITION
        | code::UNAUTHENTICATED => Meaning::Final(Failure::Refused(message)),
        code::DATA_LOSS => Meaning::Final(Failure::Damaged(message)),
        _ if message.contains("no leader") => Meaning::NotDone,
        _ => Meaning::Unknown,
    }
}

/// The login and what it gave us.
struct Access {
    login: Option<Login>,
    token: Mutex<Option<Arc<str>>>,
}

impl Access {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a token, if it is still the one that we show.
    fn forget(&self, token: Option<&Arc<str>>) {
        let mut slot = self.slot();
        if slot.as_ref() == token {
            slot.take();
        }
    }

    async fn ask(&self, channel: &Channel, question: Bytes) -> Result<TxnResponse, CallError> {
        let token = self.token(channel).await?;
        match channel.call(TXN, token.as_deref(), question.clone()).await {
            Err(CallError::Status { code, message }) if token.is_some() && is_stale(code, &message) => {
                self.forget(token.as_ref());
                let token = self.token(channel).await?;
                channel.call(TXN, token.as_deref(), question).await
            }
            answer => answer,
        }
    }

    /// The token to show; none without a login.
    async fn token(&self, channel: &Channel) -> Result<Option<Arc<str>>, CallError> {
        let Some(login) = &self.login else { return Ok(None) };
        if let Some(token) = self.slot().clone() {
            return Ok(Some(token));
        }
        let request = AuthenticateRequest { name: login.user.clone(), password: login.password.clone() };
        let answer = channel.call::<AuthenticateResponse>(AUTHENTICATE, None, framed(&request)).await;
        match answer {
            Ok(AuthenticateResponse { token }) => {
                let token: Arc<str> = token.into();
                *self.slot() = Some(token.clone());
                Ok(Some(token))
            }
            // An etcd that asks nobody who he is takes us without a token too.
            Err(CallError::Status { code: code::FAILED_PRECONDITION, message })
                if message.contains("not enabled") =>
            {
                Ok(None)
            }
            // Whatever became of the login: the question itself was not asked.
            Err(CallError::Lost(why)) => Err(CallError::Unreached(why)),
            Err(error) => Err(error),
        }
    }
}

/// Whether a new token may help.
fn is_stale(status: i32, message: &str) -> bool {
    status == code::UNAUTHENTICATED
        || status == code::INVALID_ARGUMENT && message.contains("revision of auth store is old")
        || status == code::INVALID_ARGUMENT && message.contains("user name is empty")
}

#[cfg(test)]
mod tests;
