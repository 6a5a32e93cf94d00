//! `holdfast journal`: decisions and who made them; and the same as it was written, to keep and to check.
//!
//! Not here: the chain through the lines (`hf-ledger`), how an export is read and judged (`chain`).

mod chain;

use hf_api::{Client, Journal, JournalKind, JournalLine};
use hf_clock::Clock;
use hf_model::{Digest, Timestamp, parse_duration};

use crate::args::{Common, JournalArgs, JournalCommand, Output};
use crate::failure::Failure;
use crate::output::{columns, line, say, show};
use crate::session::client;

/// Lines of one answer.
const PAGE: u32 = 1_000;

/// Shows the newest lines, or those after a number; exports or checks all of it.
pub async fn run(args: &JournalArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        None => shown(args, common).await,
        Some(JournalCommand::Export { after, since }) => {
            let since = since.as_deref().map(since_instant).transpose()?;
            export(*after, since, common).await
        }
        Some(JournalCommand::Verify { file: Some(file), link }) => {
            let found = chain::of_file(file, *link)?;
            show(common.output, &found, chain::Verified::in_words)
        }
        Some(JournalCommand::Verify { file: None, link }) => verify(*link, common).await,
    }
}

async fn shown(args: &JournalArgs, common: &Common) -> Result<(), Failure> {
    let journal = client(common)?.journal(args.after, args.limit).await?;
    if journal.ledger {
        eprintln!("the journal of node {}, which keeps the ledger", journal.node);
    } else {
        eprintln!("node {} keeps no ledger: only its own decisions, since its start", journal.node);
    }
    show(common.output, &journal, in_table)
}

/// `24h` before now, or an instant.
fn since_instant(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(length) = parse_duration(text) {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        return Ok(Timestamp(Clock::system().now().0.saturating_sub(length_ms)));
    }
    hf_access::expiry(text).map_err(|_| {
        Failure::Usage(
            "holdfast: --since is a length such as 24h, or a day or instant in UTC such as 2026-12-24 or 2026-12-24T18:00:00Z"
                .to_owned(),
        )
    })
}

async fn export(after: u64, since: Option<Timestamp>, common: &Common) -> Result<(), Failure> {
    if common.output == Output::Json {
        return Err(Failure::Usage(
            "holdfast: an export is JSON lines; leave -o out, or write -o jsonl".to_owned(),
        ));
    }
    let mut pages = Pages::begin(client(common)?, after, since).await?;
    let mut count = 0;
    while let Some(lines) = pages.next().await? {
        for exported in &lines {
            say(&line(exported)?);
        }
        count += lines.len();
    }
    eprintln!("{count} lines of the journal of node {}", pages.node);
    Ok(())
}

async fn verify(link: Option<Digest>, common: &Common) -> Result<(), Failure> {
    let mut pages = Pages::begin(client(common)?, 0, None).await?;
    let mut chain = chain::Chain::new(link);
    while let Some(lines) = pages.next().await? {
        for (number, exported) in lines.iter().enumerate() {
            chain.add(exported).map_err(|error| {
                Failure::Refused(format!(
                    "the journal of node {}, line {number} of an answer: {error}",
                    pages.node
                ))
            })?;
        }
    }
    let found = chain
        .end()
        .map_err(|error| Failure::Refused(format!("the journal of node {}: {error}", pages.node)))?;
    show(common.output, &found, chain::Verified::in_words)
}

/// The whole journal of one node, a page at a time. Each node has a journal of its own: pages of two would not fit together.
struct Pages {
    client: Client,
    node: String,
    after: u64,
    since: Option<Timestamp>,
    is_done: bool,
}

impl Pages {
    async fn begin(client: Client, after: u64, since: Option<Timestamp>) -> Result<Pages, Failure> {
        // Whoever answers this is asked first from now on: the node with a ledger, if there is one.
        let node = client.journal(None, 1).await?.node;
        Ok(Pages { client, node, after, since, is_done: false })
    }

    async fn next(&mut self) -> Result<Option<Vec<hf_api::ExportedLine>>, Failure> {
        if self.is_done {
            return Ok(None);
        }
        let since = self.since.take().map(|at| at.0);
        let page = self.client.journal_export(self.after, since, PAGE).await?;
        if page.node != self.node {
            return Err(Failure::Refused(format!(
                "node {} stopped answering, and {} has a journal of its own; begin anew, with one --endpoint",
                self.node, page.node
            )));
        }
        match page.lines.last() {
            None => self.is_done = true,
            Some(last) => self.after = last.position,
        }
        Ok(Some(page.lines))
    }
}

/// The principal, and from where if it was over the API; `?` for somebody whom nobody knows.
fn who(line: &JournalLine) -> String {
    let by = if line.by.is_empty() { "?" } else { line.by.as_str() };
    line.from.as_ref().map_or_else(|| by.to_owned(), |from| format!("{by} from {from}"))
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
            JournalKind::RequestRefused => "NOT TAKEN",
            JournalKind::Warning => "WARNING",
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
            who(line),
            told,
        ]
    };
    let rows: Vec<[String; 6]> = journal.lines.iter().map(row).collect();
    text.push_str(&columns(["NUMBER", "AT", "KIND", "REVISION", "BY", "WHAT"], &rows));
    text
}
