//! What is answered to a request: routes, states, tags.
//!
//! 1. `/status/{zone}` is 200 while the zone is open and 500 while it is away, `/closed/{zone}` is 200 while it is away and 404 while it is
//!    open; what is not known is 404 too, and says `unknown` in `Holdfast-State`, so that nobody takes it for open.
//! 2. A tag that the client has already is answered 304; with `wait` it waits for another one.
//! 3. Bodies are copied from what was made with the snapshot; only age and date are written anew.
//! 4. Without a snapshot, and where there is no room, it is 503 with `Retry-After`.
//!
//! Not here: connections (`connection`), what follows an upgrade (`watchers`).

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hf_telemetry::StatusEvent;
use tokio::time::Instant;

use crate::acknowledge::{BadWord, Who};
use crate::bounds::{Full, Lasting};
use crate::compiled::Transport;
use crate::frames;
use crate::request::{BadQuery, BadRequest, Method, Plus, Query, Request, Upgrade, decode};
use crate::shared::{Asker, Shared};
use crate::table::Unknown;
use crate::tables::{Channel, NoTable, Wanted};
use crate::tag::Tag;

/// Longest that a client is asked to wait before it comes again.
const RETRY_S_MAX: u64 = 10;
/// How long a browser is asked to wait before it connects again: at least, and at most so much more, each another time.
const RETRY_MS: (u64, u64) = (1_000, 5_000);

/// What follows an answer.
#[derive(Debug)]
pub enum Then {
    /// The next request.
    Next,
    /// The end.
    Close,
    /// Nothing was answered yet: a change or the time is waited for.
    Wait(Wait),
    /// The head was answered: it watches, once its first message is sent.
    Watch(Watch),
}

/// A long poll.
#[derive(Debug)]
pub struct Wait {
    /// Whose change.
    pub channel: Rc<Channel>,
    /// How long.
    pub length: Duration,
    question: Question,
    none_match: Vec<String>,
    _place: Lasting,
}

/// One that watches from now on.
#[derive(Debug)]
pub struct Watch {
    /// What.
    pub channel: Rc<Channel>,
    /// How.
    pub transport: Transport,
    /// What is to be sent first, shared with all others; what is left of it.
    pub first: Bytes,
    /// Some of it was sent already.
    pub is_begun: bool,
    /// What it is told by that.
    pub told: Tag,
    /// Who it is, if it says so.
    pub who: Option<Who>,
    /// Its place.
    pub place: Lasting,
}

/// What is asked, and how the answer is shaped.
#[derive(Clone, Debug)]
struct Question {
    what: What,
    head_only: bool,
    keeps: bool,
}

#[derive(Clone, Debug)]
enum What {
    Table,
    Zone { name: String, is_inverted: bool },
}

/// Why there is no status; a JSON body.
struct Refused {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refused {
    fn bad(message: impl Into<String>) -> Refused {
        Refused { status: 400, code: "bad-request", message: message.into() }
    }

    fn not_allowed() -> Refused {
        let message =
            "zone status is read with GET, and told with POST /acknowledge; shifts are started over the API";
        Refused { status: 405, code: "method-not-allowed", message: message.to_owned() }
    }
}

impl From<NoTable> for Refused {
    fn from(why: NoTable) -> Refused {
        let (status, code) = match &why {
            NoTable::NotReady => (503, "not-ready"),
            NoTable::Busy(_) => (503, "busy"),
            NoTable::Unknown(Unknown::Scope(_)) => (400, "bad-request"),
            NoTable::Unknown(_) => (404, "not-found"),
        };
        Refused { status, code, message: why.to_string() }
    }
}

impl From<BadQuery> for Refused {
    fn from(why: BadQuery) -> Refused {
        Refused::bad(why.to_string())
    }
}

impl From<BadWord> for Refused {
    fn from(why: BadWord) -> Refused {
        Refused::bad(why.to_string())
    }
}

impl From<Full> for Refused {
    fn from(why: Full) -> Refused {
        Refused { status: 503, code: "busy", message: why.to_string() }
    }
}

impl From<BadRequest> for Refused {
    fn from(why: BadRequest) -> Refused {
        let code = match why {
            BadRequest::HeadTooLong | BadRequest::BodyTooLong => "too-large",
            BadRequest::NotHttp(_) | BadRequest::LengthRequired => "bad-request",
        };
        Refused { status: why.status(), code, message: why.to_string() }
    }
}

/// Answers one request, or says what has to happen first.
pub fn answer(shared: &Shared, asker: Asker, request: &Request<'_>, body: &[u8], out: &mut Vec<u8>) -> Then {
    let (head_only, keeps) = (request.method == Method::Head, request.keeps && !shared.stops.get());
    match try_answer(shared, asker, request, body, keeps, out) {
        Ok(then) => then,
        Err(refused) => {
            shared.counts.count(StatusEvent::PollRefused);
            refuse(shared, &refused, head_only, keeps, out);
            next(keeps)
        }
    }
}

fn next(keeps: bool) -> Then {
    if keeps { Then::Next } else { Then::Close }
}

fn try_answer(
    shared: &Shared,
    asker: Asker,
    request: &Request<'_>,
    body: &[u8],
    keeps: bool,
    out: &mut Vec<u8>,
) -> Result<Then, Refused> {
    let reads = matches!(request.method, Method::Get | Method::Head);
    let zone = |name: &str, is_inverted| {
        let name = decode(name, Plus::IsPlus).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            Refused::bad(
                "the zone's name in the path is empty or no text; give a zone's id or an alias of it",
            )
        })?;
        Ok::<_, Refused>(What::Zone { name: name.into_owned(), is_inverted })
    };
    let what = match request.path {
        "/acknowledge" if request.method == Method::Post => {
            shared.register.take(body, &shared.tables, shared.clock.now(), asker.since)?;
            shared.counts.count(StatusEvent::Acknowledged);
            plain(shared, Plain { status: 204, keeps, ..Plain::default() }, out);
            return Ok(next(keeps));
        }
        "/watch" if request.method == Method::Get => return watch(shared, asker, request, keeps, out),
        "/acknowledge" | "/watch" => return Err(Refused::not_allowed()),
        "/status" => What::Table,
        path => match path
            .strip_prefix("/status/")
            .map(|name| (name, false))
            .or_else(|| path.strip_prefix("/closed/").map(|name| (name, true)))
        {
            Some((name, is_inverted)) if !name.contains('/') => zone(name, is_inverted)?,
            _ => {
                let message =
                    "there are /status, /status/{zone}, /closed/{zone}, /watch and POST /acknowledge";
                return Err(Refused { status: 404, code: "not-found", message: message.to_owned() });
            }
        },
    };
    if !reads {
        return Err(Refused::not_allowed());
    }
    let question = Question { what, head_only: request.method == Method::Head, keeps };
    let query = Query::read(request.query)?;
    if let Some(who) = Who::of(&query, &shared.tables)? {
        shared.register.is_alive(&who, shared.clock.now(), Instant::now());
    }
    // A zone that is unknown is said before a resource that is.
    if let What::Zone { name, .. } = &question.what {
        shared.tables.zone(name)?;
    }
    let wanted = if query.wait.is_some() { Wanted::ForLonger } else { Wanted::Once };
    let channel = find(shared, query.resource.as_deref(), wanted)?;
    if let Some(length) = query.wait.filter(|_| !request.if_none_match.is_empty()) {
        let tag = tag_of(shared, &channel, &question.what)?;
        if tag.is_in(&request.if_none_match) {
            let none_match = request.if_none_match.iter().map(|one| (*one).to_owned()).collect();
            let place = stay(shared, asker, &channel)?;
            return Ok(Then::Wait(Wait { channel, length, question, none_match, _place: place }));
        }
    }
    let is_known = tell(shared, &channel, &question, &request.if_none_match, out)?;
    shared.counts.count(if is_known { StatusEvent::PollKnown } else { StatusEvent::PollTold });
    Ok(next(keeps))
}

fn find(shared: &Shared, resource: Option<&str>, wanted: Wanted) -> Result<Rc<Channel>, NoTable> {
    let found = shared.tables.find(resource, wanted);
    if matches!(found, Err(NoTable::Busy(_))) {
        shared.counts.count(StatusEvent::FullResources);
    }
    found
}

fn stay(shared: &Shared, asker: Asker, channel: &Channel) -> Result<Lasting, Full> {
    let place = shared.bounds.stay(asker.source, channel.number());
    place.inspect_err(|why| shared.counts.count(why.event()))
}

impl Wait {
    /// Answers if there is something new; what follows then.
    pub fn answer_change(&self, shared: &Shared, out: &mut Vec<u8>) -> Option<Then> {
        let is_same =
            tag_of(shared, &self.channel, &self.question.what).is_ok_and(|tag| tag.is_in(&self.none_match));
        (!is_same).then(|| {
            shared.counts.count(StatusEvent::WaitChanged);
            self.answer_now(shared, out)
        })
    }

    /// Answers at the end of the time.
    pub fn answer_over(&self, shared: &Shared, out: &mut Vec<u8>) -> Then {
        shared.counts.count(StatusEvent::WaitOver);
        self.answer_now(shared, out)
    }

    /// Answers what is, new or not.
    fn answer_now(&self, shared: &Shared, out: &mut Vec<u8>) -> Then {
        let keeps = self.question.keeps && !shared.stops.get();
        let question = Question { keeps, ..self.question.clone() };
        if let Err(why) = tell(shared, &self.channel, &question, &self.none_match, out) {
            refuse(shared, &why.into(), question.head_only, keeps, out);
        }
        next(keeps)
    }
}

fn tag_of(shared: &Shared, channel: &Channel, what: &What) -> Result<Tag, NoTable> {
    shared.tables.renew(channel);
    let newest = channel.newest();
    match what {
        What::Table => Ok(newest.tag),
        What::Zone { name, .. } => {
            let at = shared.tables.zone(name)?;
            newest.zone(at).map(|zone| zone.tag).ok_or_else(|| shared.tables.not_there(channel, at))
        }
    }
}

/// Answers; whether it was known already.
fn tell(
    shared: &Shared,
    channel: &Channel,
    question: &Question,
    none_match: &[impl AsRef<str>],
    out: &mut Vec<u8>,
) -> Result<bool, NoTable> {
    shared.tables.renew(channel);
    let newest = channel.newest();
    let Question { head_only, keeps, .. } = *question;
    let is_known = |tag: Tag| tag.is_in(none_match);
    match &question.what {
        What::Table => {
            let plain_answer = Plain {
                tag: Some(newest.tag),
                revision: Some(newest.revision),
                head_only,
                keeps,
                ..Plain::default()
            };
            if is_known(newest.tag) {
                plain(shared, Plain { status: 304, ..plain_answer }, out);
                return Ok(true);
            }
            plain(shared, Plain { status: 200, body: &[&newest.body], ..plain_answer }, out);
        }
        What::Zone { name, is_inverted } => {
            let at = shared.tables.zone(name)?;
            let zone = newest.zone(at).ok_or_else(|| shared.tables.not_there(channel, at))?;
            let state = if zone.is_open { "open" } else { "away" };
            let plain_answer = Plain {
                tag: Some(zone.tag),
                state: Some(state),
                revision: Some(newest.revision),
                head_only,
                keeps,
                ..Plain::default()
            };
            if is_known(zone.tag) {
                plain(shared, Plain { status: 304, ..plain_answer }, out);
                return Ok(true);
            }
            let status = match (zone.is_open, is_inverted) {
                (true, false) | (false, true) => 200,
                (false, false) => 500,
                (true, true) => 404,
            };
            let mut age = Digits::default();
            let age = age.of(newest.age_ms(shared.clock.now()));
            let body = &[zone.json.as_bytes(), b",\"age_ms\":", age, b"}\n"];
            plain(shared, Plain { status, body, ..plain_answer }, out);
        }
    }
    Ok(false)
}

fn watch(
    shared: &Shared,
    asker: Asker,
    request: &Request<'_>,
    keeps: bool,
    out: &mut Vec<u8>,
) -> Result<Then, Refused> {
    let query = Query::read(request.query)?;
    let who = Who::of(&query, &shared.tables)?;
    let transport = match request.upgrade {
        Upgrade::None => Transport::Events,
        Upgrade::WebSocket(_) if keeps => Transport::WebSocket,
        Upgrade::WebSocket(_) => return Err(Refused::bad("a WebSocket begins with HTTP/1.1 and stays open")),
        Upgrade::Bad(why) => return Err(Refused::bad(format!("this WebSocket cannot begin: {why}"))),
    };
    let channel = find(shared, query.resource.as_deref(), Wanted::ForLonger)?;
    let place = stay(shared, asker, &channel)?;
    let now = shared.clock.now();
    if let Some(who) = &who {
        shared.register.is_alive(who, now, Instant::now());
    }
    match request.upgrade {
        Upgrade::WebSocket(key) => {
            out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ");
            out.extend_from_slice(frames::accept_of(key).as_bytes());
            out.extend_from_slice(b"\r\n\r\n");
        }
        Upgrade::None | Upgrade::Bad(_) => {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nx-accel-buffering: no\r\nconnection: close\r\n");
            shared.with_date(|date| out.extend_from_slice(format!("date: {date}\r\n\r\n").as_bytes()));
            let retry_ms = RETRY_MS.0 + shared.spread(RETRY_MS.1);
            out.extend_from_slice(format!("retry: {retry_ms}\n\n").as_bytes());
        }
    }
    let newest = channel.newest();
    // The header is the newer one: a browser that comes back sends it with the URL that it began with.
    let known = request.last_event_id.or(query.after.as_deref()).and_then(Tag::read);
    let (first, event) = if known == Some(newest.tag) {
        (newest.beat(transport, now), StatusEvent::Beat)
    } else {
        (newest.message(transport).clone(), StatusEvent::Table)
    };
    shared.counts.count(event);
    Ok(Then::Watch(Watch { channel, transport, first, is_begun: false, told: newest.tag, who, place }))
}

/// Answers that a connection cannot go on, or must not begin.
pub fn end(shared: &Shared, why: End, out: &mut Vec<u8>) {
    let refused = match why {
        End::BadRequest(why) => {
            shared.counts.count(StatusEvent::PollRefused);
            why.into()
        }
        // No question of it was read; it is counted by its bound.
        End::Full(why) => why.into(),
    };
    refuse(shared, &refused, false, false, out);
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// What it sent is no request.
    BadRequest(BadRequest),
    /// There is no room.
    Full(Full),
}

fn refuse(shared: &Shared, refused: &Refused, head_only: bool, keeps: bool, out: &mut Vec<u8>) {
    let Refused { status, code, message } = refused;
    let body = serde_json::json!({ "code": code, "message": message }).to_string();
    let is_later = *status == 503;
    let answer = Plain {
        status: *status,
        state: Some("unknown"),
        retry_after_s: is_later.then(|| 1 + shared.spread(RETRY_S_MAX)),
        body: &[body.as_bytes(), b"\n"],
        head_only,
        keeps,
        ..Plain::default()
    };
    plain(shared, answer, out);
}

/// An answer with a length.
#[derive(Clone, Copy, Default)]
struct Plain<'a> {
    status: u16,
    tag: Option<Tag>,
    state: Option<&'static str>,
    revision: Option<u64>,
    retry_after_s: Option<u64>,
    body: &'a [&'a [u8]],
    head_only: bool,
    keeps: bool,
}

fn plain(shared: &Shared, answer: Plain<'_>, out: &mut Vec<u8>) {
    let Plain { status, tag, state, revision, retry_after_s, body, head_only, keeps } = answer;
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
    let mut digits = Digits::default();
    put(b"HTTP/1.1 ");
    put(digits.of(status.into()));
    put(b" ");
    put(reason(status).as_bytes());
    // A cache between would keep a zone open that is not.
    put(b"\r\ncache-control: no-store\r\ndate: ");
    shared.with_date(|date| put(date.as_bytes()));
    if let Some(tag) = tag {
        let mut text = String::with_capacity(20);
        let _ = write!(text, "\"{tag}\""); // a String takes everything
        put(b"\r\netag: ");
        put(text.as_bytes());
    }
    if let Some(state) = state {
        put(b"\r\nholdfast-state: ");
        put(state.as_bytes());
    }
    if let Some(revision) = revision {
        put(b"\r\nholdfast-revision: ");
        put(digits.of(revision));
    }
    if let Some(seconds) = retry_after_s {
        put(b"\r\nretry-after: ");
        put(digits.of(seconds));
    }
    if status == 405 {
        put(b"\r\nallow: GET, HEAD, POST");
    }
    if !matches!(status, 204 | 304) {
        put(b"\r\ncontent-type: application/json\r\ncontent-length: ");
        put(digits.of(body.iter().map(|part| part.len() as u64).sum()));
    }
    put(if keeps { b"\r\n\r\n" } else { b"\r\nconnection: close\r\n\r\n" });
    if !head_only {
        for part in body {
            put(part);
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

/// A number in digits, without an allocation.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }
}

#[cfg(test)]
mod tests;
