//! One status endpoint: its stream of events, polls beside it, acknowledgements to it.
//!
//! 1. The stream (`/watch`) tells changes at once. One that brings no event for the heartbeat is dead, and so is one that brings nonsense.
//! 2. Polls (`/status`, conditional) go beside it, one in each heartbeat while the stream is well: so a deaf instance notices. While it is not,
//!    one in each [`Pace::poll`]; and at once when a heartbeat names a table that did not come.
//! 3. Every wait is spread by chance: clients of an endpoint that went do not come back in one moment.
//! 4. Acknowledgements: the newest only, at most one a second, again within [`ACKNOWLEDGE_AGAIN`]; one that is on its way ends before a good-bye.
//!
//! Not here: what the word is worth (`voice`), what several make together (`quorum`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::backoff::{Backoff, Chance};
use crate::http::{Caller, HttpError, Question, whole};
use crate::quorum::Zones;
use crate::sse::Parser;
use crate::voice::{By, Voice};
use crate::wire::{self, Acknowledgement, BODY_BYTES, Consumer, RUNNING_ZONES};

/// Bytes of an answer that is no table.
const ANSWER_BYTES: usize = 4_096;
/// Between two acknowledgements when nothing changes: below the 30 s after which an endpoint calls a consumer silent.
pub const ACKNOWLEDGE_AGAIN: Duration = Duration::from_secs(20);
/// Between two acknowledgements at least.
const ACKNOWLEDGE_PACE: Duration = Duration::from_secs(1);
/// The first poll of all, if no event has come by then.
const FIRST_POLL: Duration = Duration::from_secs(1);

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A stream without an event for so long is dead; one poll within it.
    pub heartbeat: Duration,
    /// Between polls while no stream is well.
    pub poll: Duration,
    /// For one question.
    pub patience: Duration,
}

/// What went wrong, or is well again, at one endpoint or on disk; for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The endpoint's URL; none if it is of this process.
    pub endpoint: Option<String>,
    /// What, in words; none: it is well again.
    pub what: Option<String>,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = self.what.as_deref().unwrap_or("is heard again");
        match &self.endpoint {
            Some(endpoint) => write!(f, "{endpoint}: {what}"),
            None => f.write_str(what),
        }
    }
}

/// Who is told of troubles.
pub type TellTrouble = Arc<dyn Fn(&Trouble) + Send + Sync>;

/// What all endpoints of one client share: one place for each one's word, newer replaces older.
pub struct Voices {
    voices: Mutex<Vec<Voice>>,
    /// Something was said, or is silent.
    pub changed: Notify,
    trouble: TellTrouble,
}

impl Voices {
    /// Of so many endpoints, whose words count for `silence`.
    pub fn new(count: usize, silence: Duration, trouble: TellTrouble) -> Self {
        let voices = Mutex::new(vec![Voice::new(silence); count]);
        Voices { voices, changed: Notify::new(), trouble }
    }

    /// Looks at all of them.
    pub fn with<T>(&self, look: impl FnOnce(&mut [Voice]) -> T) -> T {
        // No look leaves them half changed: a panic elsewhere takes nothing from what they say.
        look(&mut self.voices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells a trouble of this process.
    pub fn tell(&self, what: String) {
        self.pass_on(&Trouble { endpoint: None, what: Some(what) });
    }

    /// A program that panics over a trouble must not become deaf by it.
    fn pass_on(&self, trouble: &Trouble) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.trouble)(trouble)));
    }
}

/// One endpoint.
pub struct Link {
    at: usize,
    caller: Caller,
    query: String,
    pace: Pace,
    voices: Arc<Voices>,
    poll_now: Notify,
    /// Held while something is said: a good-bye comes after what was said before it.
    pub saying: Arc<tokio::sync::Mutex<()>>,
}

impl Link {
    /// The endpoint `at` of those that share `voices`.
    pub fn new(at: usize, caller: Caller, query: String, pace: Pace, voices: Arc<Voices>) -> Self {
        Link { at, caller, query, pace, voices, poll_now: Notify::new(), saying: Arc::default() }
    }

    /// Changes this endpoint's voice, and tells a trouble that is new or gone.
    fn speak<T>(&self, change: impl FnOnce(&mut Voice) -> T) -> T {
        let (out, told) = self.voices.with(|voices| {
            let voice = &mut voices[self.at];
            let before = voice.trouble.clone();
            let out = change(voice);
            (out, (before != voice.trouble).then(|| voice.trouble.clone()))
        });
        self.voices.changed.notify_one();
        if let Some(what) = told {
            let endpoint = Some(self.caller.endpoint().to_string());
            self.voices.pass_on(&Trouble { endpoint, what });
        }
        out
    }

    fn voice<T>(&self, look: impl FnOnce(&Voice) -> T) -> T {
        self.voices.with(|voices| look(&voices[self.at]))
    }

    /// Keeps a stream of events, for ever.
    pub async fn listen(self: Arc<Self>) {
        let mut backoff = Backoff::new();
        loop {
            let mut hint = None;
            let Err(error) = self.stream(&mut backoff, &mut hint).await;
            hint = error.retry_after().or(hint);
            self.speak(|voice| voice.stream_lost(error.to_string()));
            self.poll_now.notify_one();
            sleep(backoff.next(hint)).await;
        }
    }

    /// One stream, until it ends: it always ends with a reason.
    async fn stream(
        &self,
        backoff: &mut Backoff,
        hint: &mut Option<Duration>,
    ) -> Result<std::convert::Infallible, HttpError> {
        let endpoint = self.caller.endpoint();
        let mut connection = self.caller.connect().await?;
        let mut question =
            Question::get(format!("/watch{}", self.query)).header("accept", "text/event-stream");
        if let Some(tag) = self.voice(|voice| voice.tag().map(ToOwned::to_owned)) {
            question = question.header("last-event-id", tag);
        }
        let patience = self.pace.patience;
        let answer = timeout(patience, connection.begin(endpoint, &question))
            .await
            .map_err(|_| HttpError::TimedOut(patience))??;
        let (head, mut body) = answer.into_parts();
        if head.status != StatusCode::OK {
            let body = timeout(patience, whole(body, ANSWER_BYTES)).await;
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            return Err(
                crate::http::Answer { status: head.status, headers: head.headers, body }.refused_by_status()
            );
        }
        let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(HttpError::Ended(format!(
                "/watch answered with `{}`, not with events; polls go on",
                kind.chars().take(60).collect::<String>()
            )));
        }
        let mut parser = Parser::default();
        let mut deadline = Instant::now() + self.pace.heartbeat;
        loop {
            let frame = timeout_at(deadline, body.frame()).await.map_err(|_| {
                HttpError::Ended(format!("no event for {:?}; the stream counts as dead", self.pace.heartbeat))
            })?;
            let frame = frame.ok_or_else(|| HttpError::Ended("the stream ended".to_owned()))?;
            let frame = frame.map_err(|error| HttpError::Ended(format!("the stream broke: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            let events = parser.feed(&data).map_err(|error| HttpError::Ended(error.to_string()))?;
            for event in events {
                *hint = event.retry_ms.map(Duration::from_millis).or(*hint);
                match event.name.as_str() {
                    "" | "message" | "table" if !event.data.is_empty() => {
                        let table = wire::read_table(event.data.as_bytes())?;
                        self.speak(|voice| voice.table(table, By::Push, Instant::now()));
                    }
                    "beat" => {
                        let beat = wire::read_beat(event.data.as_bytes())?;
                        if !self.speak(|voice| voice.beat(&beat.tag, By::Push, Instant::now())) {
                            self.poll_now.notify_one();
                        }
                    }
                    "dropped" => {
                        let why: String = event.data.chars().take(200).collect();
                        return Err(HttpError::Ended(format!("dropped by the endpoint: {why}")));
                    }
                    // Of a later day, or nothing but a `retry`: no word on zones, so no sign that the stream is well.
                    _ => continue,
                }
                backoff.reset();
                deadline = Instant::now() + self.pace.heartbeat;
            }
        }
    }

    /// Polls, for ever.
    pub async fn poll(self: Arc<Self>) {
        let mut chance = Chance::new();
        let mut wait = FIRST_POLL.min(self.pace.poll);
        loop {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.poll_now.notified() => {
                    if !self.voice(Voice::is_stream_well) {
                        sleep(chance.below(self.pace.poll / 2)).await;
                    }
                }
            }
            let hint = self.poll_once().await.err().and_then(|error| error.retry_after());
            let whole = if self.voice(Voice::is_stream_well) { self.pace.heartbeat } else { self.pace.poll };
            // Within the whole: a deaf instance is to notice in time. A little off it for the answer. No endpoint may ask for more than a heartbeat.
            let hint = hint.unwrap_or_default().min(self.pace.heartbeat);
            wait = (whole / 10 * 6 + chance.below(whole / 10 * 3)).max(hint);
        }
    }

    /// Asks for the table, if it is another one than what is known.
    pub async fn poll_once(&self) -> Result<(), HttpError> {
        let asked_at = Instant::now();
        let done = self.ask_table(asked_at).await;
        match &done {
            Ok(()) => {}
            Err(error) => {
                self.speak(|voice| voice.poll_failed(error.to_string()));
            }
        }
        done
    }

    async fn ask_table(&self, asked_at: Instant) -> Result<(), HttpError> {
        let mut question =
            Question::get(format!("/status{}", self.query)).header("accept", "application/json");
        if let Some(tag) = self.voice(|voice| voice.tag().map(ToOwned::to_owned)) {
            question = question.header("if-none-match", format!("\"{tag}\""));
        }
        let answer = self.caller.call(&question, BODY_BYTES).await?;
        match answer.status {
            StatusCode::OK => {
                let table = wire::read_table(&answer.body)?;
                self.speak(|voice| voice.table(table, By::Poll(asked_at), Instant::now()));
                Ok(())
            }
            StatusCode::NOT_MODIFIED => {
                let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok());
                let asked = question.headers.last().map(|(_, tag)| tag.as_str()).unwrap_or_default();
                let tag = wire::plain_tag(tag.unwrap_or(asked)).to_owned();
                self.speak(|voice| voice.beat(&tag, By::Poll(asked_at), Instant::now()));
                Ok(())
            }
            _ => Err(answer.refused_by_status()),
        }
    }

    /// Says what was applied and what still runs, for ever.
    pub async fn acknowledge(self: Arc<Self>, said: Said) {
        let mut said = said;
        let mut backoff = Backoff::new();
        let mut told: Option<String> = None;
        let mut wait = None;
        loop {
            tokio::select! {
                is_there = said.changed() => if !is_there { return },
                () = async { sleep(wait.unwrap_or_default()).await }, if wait.is_some() => {}
            }
            let Some(acknowledgement) = said.newest() else { continue };
            // In a task of its own: whoever ends this one does not take half of it back, and knows by the lock when it has been said.
            let one = self.saying.clone().lock_owned().await;
            let link = self.clone();
            let work = tokio::spawn(async move {
                let done = link.say(&acknowledgement).await;
                drop(one);
                done
            });
            let Ok(done) = work.await else { return }; // the runtime is going
            wait = Some(match &done {
                Ok(()) => {
                    backoff.reset();
                    ACKNOWLEDGE_AGAIN
                }
                Err(error) => backoff.next(error.retry_after()).max(ACKNOWLEDGE_PACE),
            });
            let trouble = done.err().map(|error| error.to_string());
            if told != trouble {
                // That it cannot be reached is told by its voice already; here it is what it thinks of us.
                if let Some(text) = trouble.as_ref().filter(|text| text.starts_with("answered")) {
                    let endpoint = Some(self.caller.endpoint().to_string());
                    let what = Some(format!("takes no acknowledgement: {text}"));
                    self.voices.pass_on(&Trouble { endpoint, what });
                }
                told = trouble;
            }
            sleep(ACKNOWLEDGE_PACE).await;
        }
    }

    /// One acknowledgement.
    pub async fn say(&self, acknowledgement: &Acknowledgement) -> Result<(), HttpError> {
        let body = serde_json::to_vec(acknowledgement).expect("an acknowledgement has text keys only");
        let question = Question {
            method: Method::POST,
            path: "/acknowledge".to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.into(),
        };
        let answer = self.caller.call(&question, ANSWER_BYTES).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refused_by_status()) }
    }
}

/// What is to be acknowledged, as it stands.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who says it.
    pub consumer: Consumer,
    /// Tag and revision of the table that was applied.
    pub applied: watch::Receiver<Option<(String, u64)>>,
    /// What still runs, by the zone's name as the program has it.
    pub running: watch::Receiver<BTreeMap<String, u64>>,
    /// For ids of aliases.
    pub zones: watch::Receiver<Arc<Zones>>,
}

impl Said {
    /// Until there is something new to say; false when nothing ever will be.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            done = self.applied.changed() => done.is_ok(),
            done = self.running.changed() => done.is_ok(),
        }
    }

    /// What is to be said now; nothing before anything was applied.
    pub fn newest(&mut self) -> Option<Acknowledgement> {
        let (tag, revision) = self.applied.borrow_and_update().clone()?;
        let mut running = BTreeMap::new();
        let zones = self.zones.borrow().clone();
        for (name, count) in self.running.borrow_and_update().iter() {
            let id = zones.get(name).map_or(name.as_str(), |zone| zone.zone.as_str());
            if running.len() < RUNNING_ZONES || running.contains_key(id) {
                *running.entry(id.to_owned()).or_insert(0) += count;
            }
        }
        Some(Acknowledgement { running, ..self.word(Some(tag), Some(revision), false) })
    }

    /// That this process goes for good.
    pub fn good_bye(&self) -> Acknowledgement {
        let applied = self.applied.borrow().clone();
        let (tag, revision) = applied.unzip();
        self.word(tag, revision, true)
    }

    fn word(&self, tag: Option<String>, revision: Option<u64>, gone: bool) -> Acknowledgement {
        let Consumer { name, instance, kind, zone } = self.consumer.clone();
        Acknowledgement {
            consumer: name,
            instance,
            kind,
            zone,
            tag,
            revision,
            running: BTreeMap::new(),
            gone,
        }
    }
}
