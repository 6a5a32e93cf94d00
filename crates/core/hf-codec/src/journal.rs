//! What the journal says of an entry: who asked for what and why, what became of it, what changed.

use std::net::SocketAddr;

use hf_control::{Entry, Event, Outcome};
use hf_model::{Operator, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::envelope::Format;
use crate::error::CodecError;
use crate::event::EventBody;
use crate::limits;
use crate::outcome::OutcomeBody;
use crate::text::AsText;

const ENTRY_LINE: Format = Format {
    tag: "entry-line",
    name: "a journal line",
    version: 7,
    bytes_max: limits::ENTRY_LINE_BYTES,
    mend: "put fewer events into one line",
};

/// One line about one entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryLine {
    /// The entry.
    pub revision: Revision,
    /// The ledger's clock after it.
    pub at: Timestamp,
    /// Who asked.
    pub by: Operator,
    /// From which address, for what came over the API.
    pub from: Option<SocketAddr>,
    /// What for, in one sentence; at most [`limits::ENTRY_LINE_COMMAND_CHARS`].
    pub command: String,
    /// Why, in the words of who asked; at most [`limits::ENTRY_LINE_REASON_CHARS`], empty where nothing was said.
    pub reason: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What changed, at most [`limits::ENTRY_LINE_EVENTS`].
    pub events: Vec<Event>,
}

impl EntryLine {
    /// The lines about an entry: one, or several when it did more than fits one.
    ///
    /// `at` is the state's newest stamp after the entry was applied.
    pub fn of(
        revision: Revision,
        at: Timestamp,
        entry: &Entry,
        outcome: &Outcome,
        events: &[Event],
    ) -> Vec<Self> {
        let command = shorten(entry.command.to_string(), limits::ENTRY_LINE_COMMAND_CHARS);
        let reason = shorten(entry.command.reason().to_owned(), limits::ENTRY_LINE_REASON_CHARS);
        let line = |events: &[Event]| EntryLine {
            revision,
            at,
            by: entry.by.clone(),
            from: entry.from,
            command: command.clone(),
            reason: reason.clone(),
            outcome: outcome.clone(),
            events: events.iter().cloned().map(shorten_event).collect(),
        };
        if events.is_empty() {
            return vec![line(&[])];
        }
        events.chunks(limits::ENTRY_LINE_EVENTS).map(line).collect()
    }
}

/// A line has a size whatever an object's words are; the ledger has them in full.
fn shorten_event(mut event: Event) -> Event {
    if let Event::ObjectChanged { before, after, .. }
    | Event::PracticeChanged { before, after, .. }
    | Event::HostedZoneChanged { before, after, .. } = &mut event
    {
        for words in [before, after].into_iter().flatten() {
            *words = shorten(std::mem::take(words), limits::ENTRY_LINE_WORDS_CHARS);
        }
    }
    if let Event::EndpointsChanged { added, removed, .. } = &mut event {
        for words in [added, removed] {
            *words = shorten(std::mem::take(words), limits::ENTRY_LINE_WORDS_CHARS);
        }
    }
    event
}

/// At most `chars` characters; the last is `…` where some are missing.
fn shorten(text: String, chars: usize) -> String {
    if text.len() <= chars || text.chars().count() <= chars {
        return text;
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLineBody {
    revision: u64,
    at_ms: u64,
    by: AsText<Operator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<AsText<SocketAddr>>,
    command: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    outcome: OutcomeBody,
    events: Vec<EventBody>,
}

/// Writes a line; without a line break.
pub fn encode_entry_line(line: &EntryLine) -> Result<Vec<u8>, CodecError> {
    ENTRY_LINE.check_count("events", line.events.len(), limits::ENTRY_LINE_EVENTS)?;
    ENTRY_LINE.seal(&EntryLineBody {
        revision: line.revision.0,
        at_ms: line.at.0,
        by: AsText(line.by.clone()),
        from: line.from.map(AsText),
        command: line.command.clone(),
        reason: line.reason.clone(),
        outcome: OutcomeBody::from(&line.outcome),
        events: line.events.iter().map(EventBody::from).collect(),
    })
}

/// Reads a line.
pub fn decode_entry_line(bytes: &[u8]) -> Result<EntryLine, CodecError> {
    let body: EntryLineBody = ENTRY_LINE.open(bytes)?;
    ENTRY_LINE.check_count("events", body.events.len(), limits::ENTRY_LINE_EVENTS)?;
    Ok(EntryLine {
        revision: Revision(body.revision),
        at: Timestamp(body.at_ms),
        by: body.by.0,
        from: body.from.map(|from| from.0),
        command: body.command,
        reason: body.reason,
        outcome: body.outcome.into(),
        events: body.events.into_iter().map(Into::into).collect(),
    })
}
