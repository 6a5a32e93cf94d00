//! Journal lines: what the API shows of them, and the format of lines about decisions.
//!
//! Lines about entries have `hf-codec`'s format. Lines about decisions and about refused requests are this node's own and have
//! one here each, with a version.

use hf_api::{JournalKind, JournalLine};
use hf_codec::EntryLine;
use hf_config::node::NoticeKind;
use hf_control::{BreakGlassFate, Event, Outcome, Shift, Stop};
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
    /// It warns of an end that is near.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
    /// The kind of the notice that it is worth, as it is written; none for most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// The version of [`DecisionLine`].
pub const VERSION: u32 = 1;

/// A line about a write that never came to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedLine {
    /// The version of this format.
    #[serde(rename = "request-refused")]
    pub version: u32,
    /// When.
    pub at_ms: u64,
    /// The principal; empty when nobody knows who it was.
    pub by: String,
    /// The other side's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The revision that was and stayed in force.
    pub revision: u64,
    /// What was asked for.
    pub text: String,
    /// Why it was refused.
    pub why: String,
    /// The HTTP status.
    pub status: u16,
    /// It stands for lines that were left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
}

/// The version of [`RefusedLine`].
const REFUSED_VERSION: u32 = 1;

impl Default for RefusedLine {
    fn default() -> Self {
        RefusedLine {
            version: REFUSED_VERSION,
            at_ms: 0,
            by: String::new(),
            from: None,
            revision: 0,
            text: String::new(),
            why: String::new(),
            status: 0,
            suppressed: false,
        }
    }
}

/// As bytes for the journal.
pub fn encode_refused(line: &RefusedLine) -> Vec<u8> {
    serde_json::to_vec(line).expect("a line has text keys only")
}

/// As bytes for the journal.
pub fn encode(line: &DecisionLine) -> Vec<u8> {
    serde_json::to_vec(line).expect("a line has text keys only")
}

/// What the API shows of a journalled line. A line of a newer program is shown as such, not hidden.
pub fn show(line: &Journalled) -> JournalLine {
    if let Ok(entry) = hf_codec::decode_entry_line(&line.bytes) {
        return show_entry(line.position, &entry);
    }
    if let Ok(found) = serde_json::from_slice::<RefusedLine>(&line.bytes)
        && found.version == REFUSED_VERSION
    {
        return JournalLine {
            number: line.position,
            at_ms: found.at_ms,
            kind: if found.suppressed { JournalKind::Suppressed } else { JournalKind::RequestRefused },
            revision: found.revision,
            by: found.by,
            from: found.from,
            text: found.text,
            why: found.why,
        };
    }
    match serde_json::from_slice::<DecisionLine>(&line.bytes) {
        Ok(found) if found.version == VERSION => JournalLine {
            number: line.position,
            at_ms: found.at_ms,
            kind: match (found.suppressed, found.warning, found.act) {
                (true, _, _) => JournalKind::Suppressed,
                (false, true, _) => JournalKind::Warning,
                (false, false, true) => JournalKind::Done,
                (false, false, false) => JournalKind::Decision,
            },
            revision: found.revision,
            by: found.by,
            from: None,
            text: found.text,
            why: found.why,
        },
        _ => JournalLine {
            number: line.position,
            at_ms: 0,
            kind: JournalKind::Suppressed,
            revision: line.revision.unwrap_or_default().0,
            by: String::new(),
            from: None,
            text: "a line that this version of Holdfast cannot read".to_owned(),
            why: "it was written by a newer version, or it is damaged".to_owned(),
        },
    }
}

/// What a line of a node's own is worth telling of.
pub fn notice(line: &Journalled) -> Option<NoticeKind> {
    let found: DecisionLine = serde_json::from_slice(&line.bytes).ok()?;
    let kind = found.notice?;
    NoticeKind::ALL.iter().copied().find(|known| known.as_str() == kind)
}

fn show_entry(number: u64, line: &EntryLine) -> JournalLine {
    let EntryLine { revision, at, by, from, command, reason, outcome, events } = line;
    let (kind, text, why) = match outcome {
        Outcome::Refused(refusal) => {
            let asked = if reason.is_empty() { String::new() } else { format!(", because: {reason}") };
            (JournalKind::Refused, format!("refused: {command}{asked}"), refusal.to_string())
        }
        Outcome::Done { revision: first, .. } if events.is_empty() => {
            let why = if first == revision { reason.clone() } else { repeated(*first) };
            (JournalKind::Done, format!("{command}: nothing changed"), why)
        }
        Outcome::Done { .. } => {
            let told: Vec<(String, String)> = events.iter().map(tell).collect();
            let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
            let mut reasons: Vec<&str> =
                told.iter().map(|(_, why)| why.as_str()).filter(|why| !why.is_empty()).collect();
            reasons.dedup();
            if reasons.is_empty() && !reason.is_empty() {
                reasons.push(reason); // its events do not tell it
            }
            (JournalKind::Done, texts.join("; "), reasons.join("; "))
        }
    };
    JournalLine {
        number,
        at_ms: at.0,
        kind,
        revision: revision.0,
        by: by.to_string(),
        from: from.map(|from| from.to_string()),
        text,
        why,
    }
}

fn repeated(first: Revision) -> String {
    format!("it is so since revision {first}")
}

/// What an event was, and why.
pub fn tell(event: &Event) -> (String, String) {
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
        Event::ShiftEnded(shift, Stop::Interrupted) => {
            (format!("{} interrupted: {} returns", shift.id, shift.zone), shift.reason.clone())
        }
        Event::ShiftEnded(shift, Stop::Completed) => {
            (format!("{} over: {} returns", shift.id, shift.zone), String::new())
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
        Event::Unpinned(pin, Stop::Expired | Stop::Interrupted | Stop::Completed) => {
            (format!("{}: the pin {} for {} ended", pin.zone, to(pin.to), pin.scope), pin.reason.clone())
        }
        Event::DeploymentStarted { before, after: mark } => {
            let verb = if before.is_some() { "goes on" } else { "began" };
            let mut text = format!(
                "{}: deployment of {} {verb}, until {} at most",
                mark.zone,
                mark.scope,
                until(mark.ends_at)
            );
            if before.is_none() && !mark.zone_overrides.is_empty() {
                text.push_str(&format!(", without asking {}", list(&mark.zone_overrides)));
            }
            (text, mark.reason.clone())
        }
        Event::DeploymentEnded(mark, stop) => {
            let how = match stop {
                Stop::Canceled | Stop::Completed => "is over",
                Stop::Expired => "was not ended: its mark has expired",
                Stop::Interrupted => "lost its mark: the estate has it no more",
            };
            (format!("{}: deployment of {} {how}", mark.zone, mark.scope), mark.reason.clone())
        }
        Event::ControlTurned { path, before, after } => {
            (format!("{path}: {before} -> {after}"), String::new())
        }
        Event::RulesOverridden(rules) => {
            (format!("without asking the safety rules {}", list(rules)), String::new())
        }
        Event::FloorsOverridden(pools) => (format!("whatever the floors of {}", list(pools)), String::new()),
        Event::ObjectChanged { object, before, after } => {
            (changed(object, before.as_deref(), after.as_deref()), String::new())
        }
        Event::PracticeChanged { resource, before, after } => {
            let of = resource.as_ref().map_or_else(|| "the estate".to_owned(), ToString::to_string);
            (changed(&of, before.as_deref(), after.as_deref()), String::new())
        }
        Event::HostedZoneChanged { hosted_zone, before, after } => {
            (changed(hosted_zone, before.as_deref(), after.as_deref()), String::new())
        }
        Event::EndpointsChanged { pool, added, removed } => {
            let part = |verb: &str, words: &String| {
                if words.is_empty() { String::new() } else { format!("; {verb} {words}") }
            };
            (
                format!("endpoints of pool/{pool}{}{}", part("now", added), part("no longer", removed)),
                String::new(),
            )
        }
        Event::BreakGlassRecorded(recorded) => {
            let fate = match &recorded.fate {
                BreakGlassFate::Shift(id) => format!("it goes on as {id}"),
                BreakGlassFate::Ended(shifts) if shifts.is_empty() => "it had ended".to_owned(),
                BreakGlassFate::Ended(shifts) => format!("it ended {}", list(shifts)),
                BreakGlassFate::Conflicts(with) => format!("it conflicts: {with}"),
            };
            let act = &recorded.act;
            (format!("break-glass act of {} on {} recorded; {fate}", act.by, act.zone), act.reason.clone())
        }
    }
}

/// What it was and what it is.
fn changed(what: &impl std::fmt::Display, before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (None, Some(after)) => format!("{what} made: {after}"),
        (Some(before), None) => format!("{what} removed, it was: {before}"),
        (Some(before), Some(after)) => format!("{what}: {before} -> {after}"),
        (None, None) => format!("{what}: nothing"),
    }
}

fn list(names: &[impl std::fmt::Display]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
