//! What status endpoints tell and are told, as JSON.
//!
//! 1. Unknown fields are passed over: an endpoint may be newer than this library.
//! 2. Everything that comes in is bounded ([`BODY_BYTES`], [`ZONES`], [`ALIASES`]); long texts are cut, too many zones are a bad table.
//! 3. A table without zones tells nothing and is refused: no answer may empty what is known.
//!
//! Not here: how it travels (`http`, `sse`, `link`), what becomes of it (`quorum`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bytes of a table at most, by push or by poll.
pub const BODY_BYTES: usize = 4 << 20;
/// Zones of a table at most.
pub const ZONES: usize = 1_024;
/// Other names of one zone at most; further ones are left out.
pub const ALIASES: usize = 64;
/// Characters of a reason at most; the rest is cut.
const REASON_CHARS: usize = 1_000;
/// Bytes of a zone's name at most.
pub const NAME_BYTES: usize = 253;
/// Bytes of a tag at most.
const TAG_BYTES: usize = 64;
/// Zones whose running work one acknowledgement names, as the endpoints take it.
pub const RUNNING_ZONES: usize = 64;

/// Whether new work may go to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It may.
    Open,
    /// The zone is evacuated: give back what is in hand, take nothing new.
    Away,
}

impl State {
    /// `open` or `away`.
    pub fn word(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Away => "away",
        }
    }
}

/// What is told of one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ZoneStatus {
    /// Its id.
    pub zone: String,
    /// Other names of it, such as another account's name of the same zone.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it is told of: `everything`, `pool/NAME` or `record/NAME.`
    #[serde(default)]
    pub resource: String,
    /// Whether new work may go there.
    pub state: State,
    /// Who decides: `shift`, `break_glass`, `pin`, `control`, `autoshift`, `practice` or `health`.
    #[serde(default)]
    pub source: String,
    /// Why, in words for people.
    #[serde(default)]
    pub reason: String,
    /// When that is due to end, milliseconds since 1970 UTC; none if it has no end of its own. A hint: what counts is the next table.
    #[serde(default)]
    pub until_ms: Option<u64>,
    /// Past its end and still in force.
    #[serde(default)]
    pub held: bool,
    /// The ledger revision that this stands on.
    #[serde(default)]
    pub revision: u64,
}

/// All zones, as one endpoint tells them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Table {
    /// Names the content: the same content has the same tag on every node.
    pub tag: String,
    /// The ledger revision that this stands on.
    #[serde(default)]
    pub revision: u64,
    /// The zones.
    pub zones: Vec<ZoneStatus>,
}

/// "The table with this tag still stands."
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Beat {
    /// Of the table in force.
    pub tag: String,
}

/// Why what came is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTable {
    /// Not the JSON that it should be.
    #[error("not a table of zone status: {0}; is the URL a status endpoint's, such as http://NODE:7601?")]
    Unreadable(String),
    /// No zones.
    #[error("a table without zones; it is not used")]
    Empty,
    /// Too many.
    #[error("a table of {0} zones; {ZONES} are taken at most")]
    TooMany(usize),
    /// A name that cannot be one.
    #[error("a zone's name of {0} bytes; there are 1 to {NAME_BYTES}")]
    Name(usize),
    /// A tag that cannot go back in a header.
    #[error("a tag that is not 1 to {TAG_BYTES} visible ASCII characters without quotes")]
    Tag,
}

/// Reads a table and checks it.
pub fn read_table(bytes: &[u8]) -> Result<Table, BadTable> {
    let mut table: Table =
        serde_json::from_slice(bytes).map_err(|error| BadTable::Unreadable(error.to_string()))?;
    table.tag = checked_tag(&table.tag)?;
    check_zones(&mut table.zones)?;
    Ok(table)
}

/// Checks zones from outside, and cuts what is long.
pub fn check_zones(zones: &mut [ZoneStatus]) -> Result<(), BadTable> {
    if zones.is_empty() {
        return Err(BadTable::Empty);
    }
    if zones.len() > ZONES {
        return Err(BadTable::TooMany(zones.len()));
    }
    for zone in zones {
        if zone.zone.is_empty() || zone.zone.len() > NAME_BYTES {
            return Err(BadTable::Name(zone.zone.len()));
        }
        zone.aliases.truncate(ALIASES);
        zone.aliases.retain(|alias| !alias.is_empty() && alias.len() <= NAME_BYTES);
        if zone.reason.chars().count() > REASON_CHARS {
            zone.reason = zone.reason.chars().take(REASON_CHARS).collect();
        }
    }
    Ok(())
}

/// Reads a heartbeat.
pub fn read_beat(bytes: &[u8]) -> Result<Beat, BadTable> {
    let beat: Beat =
        serde_json::from_slice(bytes).map_err(|error| BadTable::Unreadable(error.to_string()))?;
    Ok(Beat { tag: checked_tag(&beat.tag)? })
}

/// A tag that may go into headers.
fn checked_tag(text: &str) -> Result<String, BadTable> {
    let tag = plain_tag(text);
    let is_good = (1..=TAG_BYTES).contains(&tag.len())
        && tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if is_good { Ok(tag.to_owned()) } else { Err(BadTable::Tag) }
}

/// A tag without what HTTP puts around it: `W/"abc"` and `abc` are one.
pub fn plain_tag(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("W/").unwrap_or(text).trim_matches('"')
}

/// What kind of consumer asks; it decides nothing, people see it in lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Takes work from a queue.
    Worker,
    /// Puts work on machines.
    Scheduler,
    /// Sends work to others.
    Router,
    /// Serves requests.
    Server,
    /// Adds and removes machines.
    Autoscaler,
    /// Balances connections.
    Balancer,
    /// None of these.
    #[default]
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::Worker,
        Kind::Scheduler,
        Kind::Router,
        Kind::Server,
        Kind::Autoscaler,
        Kind::Balancer,
        Kind::Other,
    ];

    /// As the endpoints read it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Worker => "worker",
            Kind::Scheduler => "scheduler",
            Kind::Router => "router",
            Kind::Server => "server",
            Kind::Autoscaler => "autoscaler",
            Kind::Balancer => "balancer",
            Kind::Other => "other",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The service, such as `orders-worker`.
    pub name: String,
    /// This process of it.
    pub instance: String,
    /// What it does.
    pub kind: Kind,
    /// Where it runs, by id or alias.
    pub zone: Option<String>,
}

/// Whether endpoints take this as a consumer's or an instance's name.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// What was applied, and what still runs where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledgement {
    /// The service.
    pub consumer: String,
    /// This process of it.
    pub instance: String,
    /// What it does.
    pub kind: Kind,
    /// Where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Of the table that was applied; none before the first, and then only a good-bye is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The revision of that table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What still runs in a zone, by the zone's name; left out by who has never said, for whom that is unknown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub running: BTreeMap<String, u64>,
    /// It goes for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// `?resource=…&consumer=…`, or nothing.
pub fn query(resource: Option<&str>, consumer: Option<&Consumer>) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    pairs.extend(resource.map(|resource| ("resource", resource)));
    if let Some(consumer) = consumer {
        pairs.push(("consumer", &consumer.name));
        pairs.push(("instance", &consumer.instance));
        pairs.push(("kind", consumer.kind.word()));
        pairs.extend(consumer.zone.as_deref().map(|zone| ("zone", zone)));
    }
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_with_fields_that_are_new_to_us() {
        let text = br#"{"tag":"\"00ff\"","revision":7,"snapshot":3,"made_at_ms":5,"new":{},
            "zones":[{"zone":"a","aliases":["x"],"resource":"everything","state":"away","source":"shift",
            "reason":"why","until_ms":9,"held":false,"revision":7,"colour":"red"}]}"#;
        let table = read_table(text).unwrap();
        assert_eq!((table.tag.as_str(), table.zones[0].state), ("00ff", State::Away));
    }

    #[test]
    fn what_cannot_be_a_table_is_refused() {
        for (text, want) in [
            ("<html>", "is the URL a status endpoint's"),
            ("{}", "missing field"),
            (r#"{"tag":"t","zones":[]}"#, "without zones"),
            (r#"{"tag":"t","zones":[{"zone":"a","state":"closed"}]}"#, "unknown variant"),
            (r#"{"tag":"t","zones":[{"zone":"","state":"open"}]}"#, "1 to 253"),
        ] {
            let error = read_table(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
        let zone = r#"{"zone":"a","state":"open"}"#;
        let many = format!(r#"{{"tag":"t","zones":[{}]}}"#, vec![zone; ZONES + 1].join(","));
        assert_eq!(read_table(many.as_bytes()), Err(BadTable::TooMany(ZONES + 1)));
    }

    #[test]
    fn a_tag_that_no_header_takes_is_refused() {
        let zone = r#"{"zone":"a","state":"open"}"#;
        let read = |tag: &str| {
            let tag = serde_json::to_string(tag).unwrap();
            let beat = read_beat(format!(r#"{{"tag":{tag}}}"#).as_bytes()).map(|beat| beat.tag);
            let table = read_table(format!(r#"{{"tag":{tag},"zones":[{zone}]}}"#).as_bytes());
            assert_eq!(table.map(|table| table.tag), beat);
            beat
        };
        for tag in ["", "\"\"", "a b", "a\nb", "a\rx: y", "a\"b", "ä", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(read(tag), Err(BadTable::Tag), "{tag:?}");
        }
        for tag in ["00ff", "W/\"00ff\"", &"x".repeat(64)] {
            assert_eq!(read(tag).as_deref(), Ok(plain_tag(tag)));
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let text = format!(
            r#"{{"tag":"t","zones":[{{"zone":"a","state":"open","reason":"{}","aliases":["{}","b"]}}]}}"#,
            "x".repeat(5_000),
            "y".repeat(300)
        );
        let zone = &read_table(text.as_bytes()).unwrap().zones[0];
        assert_eq!((zone.reason.len(), zone.aliases.as_slice()), (REASON_CHARS, ["b".to_owned()].as_slice()));
    }

    #[test]
    fn who_asks_stands_in_the_query() {
        assert_eq!(query(None, None), "");
        let consumer = Consumer {
            name: "orders-worker".to_owned(),
            instance: "i.1".to_owned(),
            kind: Kind::Worker,
            zone: Some("a b".to_owned()),
        };
        assert_eq!(
            query(Some("pool/web"), Some(&consumer)),
            "?resource=pool/web&consumer=orders-worker&instance=i.1&kind=worker&zone=a%20b"
        );
    }

    #[test]
    fn an_acknowledgement_leaves_out_what_is_not_so() {
        let said = Acknowledgement {
            consumer: "c".to_owned(),
            instance: "i".to_owned(),
            kind: Kind::Other,
            zone: None,
            tag: Some("t".to_owned()),
            revision: Some(3),
            running: BTreeMap::new(),
            gone: false,
        };
        assert_eq!(
            serde_json::to_string(&said).unwrap(),
            r#"{"consumer":"c","instance":"i","kind":"other","tag":"t","revision":3}"#
        );
    }
}
