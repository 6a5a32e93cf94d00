//! Journal lines: what the API shows of them, and the format of lines about decisions.
//!
//! Lines about entries have `hf-codec`'s format. Lines about decisions are this node's own and have one here, with a version.

use hf_api::{JournalKind, JournalLine};
use hf_codec::EntryLine;
use hf_control::{Event, Outcome, Shift, Stop};
use hf_ledger::Journalled;
use hf_model::{Revision, Timestamp, format_duration};
use serde::{Deserialize, Serialize};

/// A line about a decision of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// The version of this format.
    #[serde(rename = "decision-line")]
    pub version: u32,
    /// When.
    pub at_ms: u64,
    /// The node.
    pub by: String,
    /// The revision of the snapshot.
    pub revision: u64,
    /// What changed.
    pub text: String,
    /// The reason and the inputs.
    pub why: String,
    /// It stands for lines that were left out.
    pub suppressed: bool,
    /// It is about an act that `by` gave straight to the nodes, not about a decision.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub act: bool,
}

/// The version of [`DecisionLine`].
pub const VERSION: u32 = 1;

/// As bytes for the journal.
pub fn encode(line: &DecisionLine) -> Vec<u8> {
    serde_json::to_vec(line).expect("a line has text keys only")
}

/// What the API shows of a journalled line. A line of a newer program is shown as such, not hidden.
pub fn show(line: &Journalled) -> JournalLine {
    if let Ok(entry) = hf_codec::decode_entry_line(&line.bytes) {
        return show_entry(line.position, &entry);
    }
    match serde_json::from_slice::<DecisionLine>(&line.bytes) {
        Ok(found) if found.version == VERSION => JournalLine {
            number: line.position,
            at_ms: found.at_ms,
            kind: match (found.suppressed, found.act) {
                (true, _) => JournalKind::Suppressed,
                (false, true) => JournalKind::Done,
                (false, false) => JournalKind::Decision,
            },
            revision: found.revision,
            by: found.by,
            text: found.text,
            why: found.why,
        },
        _ => JournalLine {
            number: line.position,
            at_ms: 0,
            kind: JournalKind::Suppressed,
            revision: line.revision.unwrap_or_default().0,
            by: String::new(),
            text: "a line that this version of Holdfast cannot read".to_owned(),
            why: "it was written by a newer version, or it is damaged".to_owned(),
        },
    }
}

fn show_entry(number: u64, line: &EntryLine) -> JournalLine {
    let EntryLine { revision, at, by, command, outcome, events } = line;
    let (kind, text, why) = match outcome {
        Outcome::Refused(refusal) => {
            (JournalKind::Refused, format!("refused: {command}"), refusal.to_string())
        }
        Outcome::Done { revision: first, .. } if events.is_empty() => {
            let why = if first == revision { String::new() } else { repeated(*first) };
            (JournalKind::Done, format!("{command}: nothing changed"), why)
        }
        Outcome::Done { .. } => {
            let told: Vec<(String, String)> = events.iter().map(tell).collect();
            let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
            let mut reasons: Vec<&str> =
                told.iter().map(|(_, why)| why.as_str()).filter(|why| !why.is_empty()).collect();
            reasons.dedup();
            (JournalKind::Done, texts.join("; "), reasons.join("; "))
        }
    };
    JournalLine { number, at_ms: at.0, kind, revision: revision.0, by: by.to_string(), text, why }
}

fn repeated(first: Revision) -> String {
    format!("it is so since revision {first}")
}

fn tell(event: &Event) -> (String, String) {
    let until = |at: Timestamp| hf_api::instant(at.0);
    match event {
        Event::EstateApplied { before: None, after } => {
            (format!("first estate {} in force", after.short()), String::new())
        }
        Event::EstateApplied { before: Some(before), after } => {
            (format!("estate {} -> {}", before.short(), after.short()), String::new())
        }
        Event::ShiftStarted(shift) => (
            format!("{} takes {} until {}", shift.id, whence(shift), until(shift.ends_at)),
            shift.reason.clone(),
        ),
        Event::ShiftExtended { before, after } => {
            let text =
                format!("{} ends {} instead of {}", after.id, until(after.ends_at), until(before.ends_at));
            (text, after.reason.clone())
        }
        Event::ShiftEnded(shift, Stop::Canceled) => {
            (format!("{} canceled: {} returns", shift.id, shift.zone), shift.reason.clone())
        }
        Event::ShiftEnded(shift, Stop::Expired) => {
            let length = format_duration(shift.ends_at.since(shift.started_at));
            (format!("{} ended after {length}: {} returns", shift.id, shift.zone), shift.reason.clone())
        }
        Event::Pinned { after: pin, .. } => {
            let text =
                format!("{} pinned {} for {} until {}", pin.zone, to(pin.to), pin.scope, until(pin.ends_at));
            (text, pin.reason.clone())
        }
        Event::Unpinned(pin, Stop::Canceled) => {
            (format!("{} no longer pinned {} for {}", pin.zone, to(pin.to), pin.scope), pin.reason.clone())
        }
        Event::Unpinned(pin, Stop::Expired) => {
            (format!("{}: the pin {} for {} ended", pin.zone, to(pin.to), pin.scope), pin.reason.clone())
        }
    }
}

fn whence(shift: &Shift) -> String {
    format!("{} out of {}", shift.scope, shift.zone)
}

fn to(pin: hf_control::PinTo) -> &'static str {
    match pin {
        hf_control::PinTo::In => "in",
        hf_control::PinTo::Out => "out",
    }
}
