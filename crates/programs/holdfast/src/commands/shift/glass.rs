//! `holdfast shift start --break-glass` and `cancel --break-glass`: signed here, given straight to the nodes.
//!
//! 1. Every node is asked at once; a dead one holds up none. One that takes it is enough, the others hear it from there.
//! 2. What each did is told: who took it, who refused and why, who was silent; and where the floor stops it, by the nodes' own decisions.
//! 3. An act is for a whole zone. What would ask for less is refused: it must not become more in silence.
//!
//! Not here: signatures (`hf-feed`), the calls (`hf-api`).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use hf_api::{BreakGlassAnswer, Client, ClientError, HandOver, Yielded};
use hf_clock::Clock;
use hf_control::BreakGlassShift;
use hf_feed::break_glass::OperatorKeyPair;
use hf_model::{EstateId, Operator, ZoneId, parse_duration};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::args::{CancelArgs, Common, GlassArgs, StartArgs};
use crate::commands::read_file;
use crate::failure::Failure;
use crate::output::{columns, show};
use crate::session::{Runbook, node_client};

/// `holdfast shift start --break-glass ZONE`.
pub async fn start(args: &StartArgs, common: &Common) -> Result<(), Failure> {
    let length = parse_duration(&args.length).map_err(|error| Failure::Usage(format!("--for: {error}")))?;
    if args.resource != hf_api::shift::everything() {
        return Err(usage(&format!(
            "a break-glass shift takes everything out of the zone, not {} alone; leave out --resource",
            args.resource
        )));
    }
    if !args.override_floor.is_empty() {
        return Err(usage(
            "a break-glass shift breaks no floor; leave out --override-floor, and see with --dry-run what the floor stops",
        ));
    }
    give(&Wish { zone: &args.zone, reason: &args.reason, length: Some(length) }, &args.glass, common).await
}

/// `holdfast shift cancel --break-glass ZONE`.
pub async fn cancel(args: &CancelArgs, common: &Common) -> Result<(), Failure> {
    give(&Wish { zone: &args.id, reason: "canceled", length: None }, &args.glass, common).await
}

/// What is to be signed.
struct Wish<'a> {
    zone: &'a str,
    reason: &'a str,
    /// None for a cancel.
    length: Option<Duration>,
}

fn usage(text: &str) -> Failure {
    Failure::Usage(format!("holdfast: {text}"))
}

async fn give(wish: &Wish<'_>, args: &GlassArgs, common: &Common) -> Result<(), Failure> {
    let zone = ZoneId::new(wish.zone).map_err(|error| usage(&error.to_string()))?;
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let path = args.key.clone().or(runbook.key).ok_or_else(|| {
        usage("break-glass needs the operator's private key: give --key FILE, or make a runbook with `holdfast runbook init`")
    })?;
    let key = read_key(&path)?;
    let operator = args.operator.clone().or(runbook.operator).unwrap_or_else(|| "operator".to_owned());
    let client = node_client(common)?;
    let estate = match runbook.estate {
        Some(estate) => estate,
        None => estate_of(&client).await?,
    };
    let signed_at = Clock::system().now();
    let signed = key.sign(BreakGlassShift {
        estate,
        zone,
        reason: wish.reason.to_owned(),
        by: Operator::new(&operator),
        signed_at,
        ends_at: wish.length.map_or(signed_at, |length| signed_at.plus(length)),
    });
    let how = HandOver { dry_run: args.dry_run, anyway: args.anyway };
    let answers = client.break_glass(&hf_control_plane::break_glass_body(&signed), how).await;
    let report = Report::new(&signed.shift, how, answers);
    show(common.output, &report, in_table)?;
    report.outcome().map(|told| eprintln!("{told}"))
}

/// For which estate to sign, when the runbook does not say: whichever node answers first and obeys one.
async fn estate_of(client: &Client) -> Result<EstateId, Failure> {
    let mut asked = JoinSet::new();
    for (_, one) in client.each() {
        asked.spawn(async move { one.status().await });
    }
    let mut failed = None;
    while let Some(answer) = asked.join_next().await {
        let status = match answer {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                failed = Some(error);
                continue;
            }
            // Nobody breaks off a task of this set, so it has panicked: our own mistake, to be seen.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if let Some(estate) = status.estate_id.and_then(|id| id.parse().ok()) {
            return Ok(estate);
        }
    }
    Err(failed.map_or_else(
        || {
            Failure::Refused(
                "no node that answered obeys an estate yet, so there is nothing to sign for; `holdfast runbook init` stores the \
                 estate of nodes that do"
                    .to_owned(),
            )
        },
        Failure::from,
    ))
}

fn read_key(path: &Path) -> Result<OperatorKeyPair, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let text = read_file(path)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|error| {
        wrong(format!("not base64 ({error}); use the file that `holdfast runbook init` wrote"))
    })?;
    OperatorKeyPair::from_pkcs8(&bytes).map_err(|error| wrong(error.to_string()))
}

/// What came of it, node by node.
#[derive(Debug, Serialize)]
struct Report {
    zone: String,
    /// Whether nothing was changed, as asked.
    rehearsed: bool,
    canceled: bool,
    ends_at_ms: u64,
    took: Vec<Took>,
    refused: Vec<Refused>,
    silent: Vec<Silent>,
}

#[derive(Debug, Serialize)]
struct Took {
    url: String,
    #[serde(flatten)]
    answer: BreakGlassAnswer,
}

#[derive(Debug, Serialize)]
struct Refused {
    url: String,
    code: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct Silent {
    url: String,
    why: String,
}

impl Report {
    fn new(
        act: &BreakGlassShift,
        how: HandOver,
        answers: Vec<(String, Result<BreakGlassAnswer, ClientError>)>,
    ) -> Report {
        let (zone, ends_at_ms) = (act.zone.to_string(), act.ends_at.0);
        let (rehearsed, canceled) = (how.dry_run, act.is_cancel());
        let mut report = Report {
            zone,
            rehearsed,
            canceled,
            ends_at_ms,
            took: Vec::new(),
            refused: Vec::new(),
            silent: Vec::new(),
        };
        for (url, answer) in answers {
            match answer {
                Ok(answer) => report.took.push(Took { url, answer }),
                Err(ClientError::Unreachable { tried }) => {
                    let why = tried.into_iter().map(|tried| tried.why).collect::<Vec<_>>().join("; ");
                    report.silent.push(Silent { url, why });
                }
                Err(error) => {
                    let code = match &error {
                        ClientError::Refused { code, .. } => code.clone(),
                        _ => String::new(),
                    };
                    report.refused.push(Refused { url, code, why: error.to_string() });
                }
            }
        }
        report
    }

    /// In one line, by the exit code: 0 when one took it, 3 when none can be reached, else 1.
    fn outcome(&self) -> Result<String, Failure> {
        let (took, missing) = (self.took.len(), self.refused.len() + self.silent.len());
        let of = took + missing;
        if took == 0 && self.refused.is_empty() {
            return Err(Failure::Unreachable("none of the nodes can be reached".to_owned()));
        }
        let what = if self.canceled { "cancel" } else { "shift" };
        if took == 0 {
            let silent = match self.silent.len() {
                0 => String::new(),
                silent => format!(", {silent} of {of} were silent"),
            };
            return Err(Failure::Refused(format!("no node took the break-glass {what}{silent}")));
        }
        let rest = match (missing, self.rehearsed) {
            (0, _) => String::new(),
            (1, false) => "; 1 did not, and hears it from the others unless it says why not".to_owned(),
            (missing, false) => {
                format!("; {missing} did not, and hear it from the others unless they say why not")
            }
            (missing, true) => format!("; {missing} would not"),
        };
        let until = if self.canceled {
            String::new()
        } else {
            format!(", until {}", hf_api::instant(self.ends_at_ms))
        };
        Ok(if self.rehearsed {
            format!("{took} of {of} nodes would take the {what}{until}{rest}; nothing was changed")
        } else {
            format!("{took} of {of} nodes took the {what}{until}{rest}")
        })
    }

    /// Where it does nothing and why, with the nodes that say so.
    fn stopped(&self) -> Vec<String> {
        let mut by_line: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for Took { answer, .. } in &self.took {
            let is_otherwise = |yielded: &&Yielded| !yielded.so_anyway;
            let yielded = answer.effect.not_applied.iter().filter(is_otherwise);
            let lines =
                yielded.map(|yielded| format!("NOT APPLIED on {}: {}", yielded.resource, yielded.why));
            let stays = answer.stays.iter().map(|why| format!("{} STAYS away: {why}", self.zone));
            for line in lines.chain(stays) {
                by_line.entry(line).or_default().push(&answer.node);
            }
        }
        by_line.into_iter().map(|(line, nodes)| format!("{line} (says {})", nodes.join(", "))).collect()
    }
}

fn in_table(report: &Report) -> String {
    let took = report.took.iter().map(|took| {
        let word = if report.rehearsed { "WOULD TAKE IT" } else { "TOOK IT" };
        [took.answer.node.clone(), word.to_owned(), took.answer.text.clone()]
    });
    let refused =
        report.refused.iter().map(|node| [node.url.clone(), "REFUSED".to_owned(), node.why.clone()]);
    let silent = report.silent.iter().map(|node| [node.url.clone(), "SILENT".to_owned(), node.why.clone()]);
    let rows: Vec<[String; 3]> = took.chain(refused).chain(silent).collect();
    let mut text = columns(["NODE", "ANSWER", "WHAT IT SAYS"], &rows);
    for line in report.stopped() {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
