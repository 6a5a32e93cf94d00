//! A table as bytes: made once for each snapshot, shared by all who ask and watch.
//!
//! 1. `GET /status` is the finished body. An answer about one zone is its finished text with the snapshot's age behind it.
//! 2. What is pushed is made when the first watcher needs it: the same JSON as one SSE event or one WebSocket frame.
//!
//! Not here: heads of answers (`answer`), which tables are kept (`tables`).

use std::cell::OnceCell;

use bytes::Bytes;
use hf_model::Timestamp;

use crate::frames;
use crate::table::Table;
use crate::tag::Tag;

/// How a watcher is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Server-Sent Events.
    Events,
    /// Frames of RFC 6455.
    WebSocket,
}

/// One zone of a table.
#[derive(Debug)]
pub struct CompiledZone {
    /// Whether new traffic may go there.
    pub is_open: bool,
    /// Names what is told of this zone alone.
    pub tag: Tag,
    /// Its JSON without the closing brace, so that its age can follow.
    pub json: Box<str>,
}

/// A table as bytes.
#[derive(Debug)]
pub struct Compiled {
    /// Names its content.
    pub tag: Tag,
    /// The ledger revision that it stands on.
    pub revision: u64,
    /// When its snapshot was made.
    pub made_at: Timestamp,
    /// The body of `GET /status`.
    pub body: Bytes,
    /// By the zone's place in the estate; none where the resource is not.
    zones: Vec<Option<CompiledZone>>,
    event: OnceCell<Bytes>,
    frame: OnceCell<Bytes>,
}

impl Compiled {
    /// Of a table.
    pub fn of(table: &Table) -> Compiled {
        let mut zones = Vec::new();
        for zone in &table.zones {
            let mut json = serde_json::to_string(zone).expect("statuses have text keys only");
            json.truncate(json.len() - 1);
            zones.resize_with(zones.len().max(zone.at + 1), || None);
            zones[zone.at] =
                Some(CompiledZone { is_open: zone.is_open(), tag: zone.tag(), json: json.into() });
        }
        let mut body = serde_json::to_string(table).expect("statuses have text keys only");
        body.push('\n');
        Compiled {
            tag: table.tag,
            revision: table.revision,
            made_at: Timestamp(table.made_at_ms),
            body: body.into(),
            zones,
            event: OnceCell::new(),
            frame: OnceCell::new(),
        }
    }

    /// One zone by its place in the estate.
    pub fn zone(&self, at: usize) -> Option<&CompiledZone> {
        self.zones.get(at)?.as_ref()
    }

    /// What a watcher is sent of it.
    pub fn message(&self, transport: Transport) -> &Bytes {
        match transport {
            Transport::Events => self.event.get_or_init(|| {
                let (tag, text) = (self.tag, self.watched());
                format!("id: {tag}\nevent: table\ndata: {text}\n\n").into()
            }),
            Transport::WebSocket => self.frame.get_or_init(|| frames::text(&self.watched())),
        }
    }

    /// What a watcher is sent while nothing changes.
    pub fn beat(&self, transport: Transport, now: Timestamp) -> Bytes {
        let (tag, revision, age_ms) = (self.tag, self.revision, self.age_ms(now));
        let text =
            format!("{{\"kind\":\"beat\",\"tag\":\"{tag}\",\"revision\":{revision},\"age_ms\":{age_ms}}}");
        match transport {
            // Without an id: the one of the table stays, as it should.
            Transport::Events => format!("event: beat\ndata: {text}\n\n").into(),
            Transport::WebSocket => frames::text(&text),
        }
    }

    /// How old its snapshot is.
    pub fn age_ms(&self, now: Timestamp) -> u64 {
        u64::try_from(now.since(self.made_at).as_millis()).unwrap_or(u64::MAX)
    }

    fn watched(&self) -> String {
        let body = std::str::from_utf8(&self.body).expect("JSON is text").trim_end();
        format!("{{\"kind\":\"table\",{}", &body[1..])
    }
}
