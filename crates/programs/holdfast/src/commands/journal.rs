//! `holdfast journal`: decisions and who made them.

use hf_api::{Journal, JournalKind, JournalLine};

use crate::args::{Common, JournalArgs};
use crate::failure::Failure;
use crate::output::{columns, show};
use crate::session::client;

/// Shows the newest lines, or those after a number.
pub async fn run(args: &JournalArgs, common: &Common) -> Result<(), Failure> {
    let journal = client(common)?.journal(args.after, args.limit).await?;
    if journal.ledger {
        eprintln!("the journal of node {}, which keeps the ledger", journal.node);
    } else {
        eprintln!("node {} keeps no ledger: only its own decisions, since its start", journal.node);
    }
    show(common.output, &journal, in_table)
}

fn in_table(journal: &Journal) -> String {
    let mut text = String::new();
    if journal.gap {
        text.push_str("older lines were trimmed: there is a gap before the first one\n");
    }
    let row = |line: &JournalLine| {
        let kind = match line.kind {
            JournalKind::Done => "done",
            JournalKind::Refused => "REFUSED",
            JournalKind::Decision => "decision",
            JournalKind::Suppressed => "suppressed",
        };
        let told =
            if line.why.is_empty() { line.text.clone() } else { format!("{}: {}", line.text, line.why) };
        [
            line.number.to_string(),
            hf_api::instant(line.at_ms),
            kind.to_owned(),
            line.revision.to_string(),
            line.by.clone(),
            told,
        ]
    };
    let rows: Vec<[String; 6]> = journal.lines.iter().map(row).collect();
    text.push_str(&columns(["NUMBER", "AT", "KIND", "REVISION", "BY", "WHAT"], &rows));
    text
}
