//! How keys look on a terminal.

use hf_dnssec::roll::{Key, Next, Phase};
use hf_model::Timestamp;

use super::Known;
use crate::output::{columns, relative};

/// The keys, each on its way, and what to do next.
pub fn status(known: &Known, now: Timestamp) -> String {
    let rows: Vec<[String; 4]> = known.keys.iter().map(|key| row(key, now)).collect();
    let mut text = match &known.zone.dnssec {
        Some(_) if hf_dnssec::roll::is_signed(&known.keys) => format!("{} is signed\n", known.name),
        Some(_) => format!("{} is not signed: no key is active\n", known.name),
        None => format!("{} is not signed: the estate does not say so\n", known.name),
    };
    if !rows.is_empty() {
        text.push_str(&columns(["KEY", "ALGORITHM", "PUBLISHED -> ACTIVE -> RETIRED", "SINCE"], &rows));
    }
    text.push_str(&format!("next: {}\n", next(known, now)));
    text
}

fn row(key: &Key, now: Timestamp) -> [String; 4] {
    let way = match key.phase {
        Phase::Published => "●            ○         ○",
        Phase::Active => "○            ●         ○",
        Phase::Retired => "○            ○         ●",
    };
    [key.tag().to_string(), key.algorithm.to_string(), way.to_owned(), relative(key.since.0, now.0)]
}

fn next(known: &Known, now: Timestamp) -> String {
    let zone = &known.name;
    let tag = |at: usize| known.keys[at].tag();
    let when = |from: Timestamp| {
        if from <= now { "now".to_owned() } else { format!("from {} on", hf_api::instant(from.0)) }
    };
    match known.next() {
        Next::Begin => format!("`holdfast dnssec enable {zone} --seal-file FILE` makes a key that signs"),
        Next::Activate { at, from } => {
            format!("`holdfast dnssec roll {zone}` activates key {}, {}", tag(at), when(from))
        }
        Next::Retire { at, successor, from } => format!(
            "give the DS record of key {} to the parent (`holdfast dnssec ds {zone}`); when it is there, \
             `holdfast dnssec roll {zone} --ds-published` retires key {}, {}",
            tag(successor),
            tag(at),
            when(from)
        ),
        Next::Remove { at, from } => format!(
            "take the DS record of key {} from the parent; `holdfast dnssec roll {zone}` removes the key, {}",
            tag(at),
            when(from)
        ),
        Next::Settled => format!(
            "nothing; the parent should have what `holdfast dnssec ds {zone}` prints, and `holdfast dnssec roll {zone} --seal-file FILE` begins a \
             roll-over"
        ),
    }
}

/// The data of a DS record as text.
pub fn ds(rdata: &[u8]) -> String {
    let [high, low, algorithm, digest_type, digest @ ..] = rdata else { return String::new() };
    let digest: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{} {algorithm} {digest_type} {digest}", u16::from_be_bytes([*high, *low]))
}
