//! Server-Sent Events, as bytes come in: pure.
//!
//! 1. Lines end in LF, CR LF or CR; an event ends with an empty line; a comment (`:`) says nothing.
//! 2. An event's data is bounded ([`EVENT_BYTES`]), and so is a line; what is longer is an error, never a bigger buffer.
//! 3. An event without data but with a name or an id is given too: heartbeats may be so.
//!
//! Not here: what events mean (`link`).
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>, section 9.2.6.

use crate::wire::BODY_BYTES;

/// Bytes of one event at most: a table, and the words around it.
pub const EVENT_BYTES: usize = BODY_BYTES + 4_096;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its lines of data, with LF between them.
    pub data: String,
    /// How long to wait before the next connection, if the server says so.
    pub retry_ms: Option<u64>,
}

/// An event that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {EVENT_BYTES} bytes; the connection is given up")]
pub struct TooLong;

/// Takes bytes, gives events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    is_begun: bool,
    /// The last byte was CR: an LF after it belongs to it.
    after_cr: bool,
    /// Any byte was seen: only the very first may be a byte order mark.
    is_started: bool,
}

impl Parser {
    /// Takes what has come, gives the events that ended in it.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + self.event.data.len() + piece.len() > EVENT_BYTES {
                return Err(TooLong);
            }
            self.line.extend_from_slice(piece);
            let Some(end) = end else { break };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.take_line(&line) {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Event> {
        let line = String::from_utf8_lossy(line);
        let line = if std::mem::replace(&mut self.is_started, true) {
            line.as_ref()
        } else {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.is_begun).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "retry" => self.event.retry_ms = value.parse().ok(),
            "id" => {}
            _ => return None, // comments, and fields of a later day
        }
        self.is_begun = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned(), retry_ms: None }
    }

    fn all(text: &[u8]) -> Vec<Event> {
        Parser::default().feed(text).unwrap()
    }

    #[test]
    fn events_are_read_whatever_ends_the_lines() {
        let want = vec![event("", "{}"), event("beat", "a\nb")];
        let text = ": hello\nid: 7\ndata: {}\n\n\nevent: beat\ndata:a\ndata: b\n\n";
        assert_eq!(all(text.as_bytes()), want);
        assert_eq!(all(text.replace('\n', "\r\n").as_bytes()), want);
        assert_eq!(all(text.replace('\n', "\r").as_bytes()), want);
        assert_eq!(all(b"\xef\xbb\xbfdata: x\n\n"), [event("", "x")]);
        assert_eq!(all(b"data: never ended\n"), []);
        assert_eq!(all(b"retry: 1500\n\n")[0].retry_ms, Some(1_500));
    }

    #[test]
    fn what_is_too_long_is_an_error_and_no_bigger_buffer() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; 1 << 20];
        let mut taken = 0;
        parser.feed(b"data: ").unwrap();
        while parser.feed(&piece).is_ok() {
            taken += piece.len();
            assert!(taken <= EVENT_BYTES);
        }
    }

    proptest! {
        /// Where the network cuts the bytes changes nothing.
        #[test]
        fn cuts_change_nothing(text in "(event: [a-z]{1,5}|data: ?[a-z\u{e9}]{0,9}|:x|id: 1|\r\n|\n|\r|\n\n){0,30}", at in 0usize..300) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            let mut parser = Parser::default();
            let mut events = parser.feed(&bytes[..at]).unwrap();
            events.extend(parser.feed(&bytes[at..]).unwrap());
            prop_assert_eq!(events, all(bytes));
        }

        /// No bytes make it panic.
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Parser::default().feed(&bytes);
        }
    }
}
