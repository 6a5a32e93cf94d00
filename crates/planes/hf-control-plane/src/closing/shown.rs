//! Closing sources as the API tells them.
//!
//! A node that does not look tells what the estate and the ledger say, and who looks.

use hf_api::{ClosingSource, ClosingSources, ClosingStore};
use hf_closing::{Look, Seen};
use hf_control::{Intent, Shift};

use super::Closing;
use super::target::{Line, Watched};
use crate::api::Context;
use crate::sources::keeper;

/// All of them, in the estate's order.
pub(crate) fn shown(context: &Context, told: &Closing) -> ClosingSources {
    let (snapshot, intent) = (context.snapshot(), context.intent());
    let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.estate.closing_sources.is_empty()) else {
        return ClosingSources::default();
    };
    let (lines, estate) = (told.lines(), &snapshot.estate);
    let mut sources = Vec::new();
    for source in &estate.closing_sources {
        for zone in &source.zones {
            let watched = Watched::of(estate, source, zone);
            let line = lines.get(&(source.name.clone(), watched.zone.clone()));
            sources.push(one(&watched, line, &intent));
        }
    }
    let acts_at = keeper(context).map(|node| node.to_string());
    ClosingSources { acts_here: told.acts_here(), acts_at, sources }
}

fn one(watched: &Watched, line: Option<&Line>, intent: &Intent) -> ClosingSource {
    let by = hf_closing::operator(&watched.source);
    let is_its =
        |shift: &&Shift| shift.by == by && shift.zone == watched.zone && shift.scope == watched.scope;
    let unseen = Line::default();
    let line = line.unwrap_or(&unseen);
    let store = |(at, place): (usize, &hf_config::estate::StorePlace)| {
        let seen = line.seen.get(at);
        ClosingStore {
            store: place.to_string(),
            says: seen.map(|seen| says(seen).to_owned()),
            why: seen.map_or_else(String::new, why),
        }
    };
    ClosingSource {
        name: watched.source.to_string(),
        zone: watched.zone.to_string(),
        resource: watched.scope.to_string(),
        quorum: watched.quorum,
        inverted: watched.inverted,
        finding: line.finding.as_ref().map(|finding| finding.as_str().to_owned()),
        why: line.finding.as_ref().map_or_else(String::new, |finding| finding.why().to_owned()),
        since_ms: line.since.map(|since| since.0),
        looked_at_ms: line.looked_at.map(|at| at.0),
        word: line.word.as_ref().map(|word| word.as_str().to_owned()),
        text: line.word.as_ref().map_or_else(String::new, ToString::to_string),
        shift: intent.shifts.iter().find(is_its).map(|shift| shift.id.to_string()),
        refused: line.refused.clone(),
        stores: watched.places.iter().enumerate().map(store).collect(),
    }
}

fn says(seen: &Seen) -> &'static str {
    match seen.look {
        Look::There { .. } => "there",
        Look::Absent => "absent",
        Look::Silent { .. } => "silent",
    }
}

fn why(seen: &Seen) -> String {
    match &seen.look {
        Look::There { what } => what.clone(),
        Look::Absent => String::new(),
        Look::Silent { why } => why.clone(),
    }
}
