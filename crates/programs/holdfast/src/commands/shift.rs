//! `holdfast shift`.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use hf_api::{BreakGlassAnswer, Client, Extend, Shift, ShiftState, Shifts, SignedBreakGlass, StartShift};
use hf_clock::Clock;
use hf_control::BreakGlassShift;
use hf_feed::break_glass::OperatorKeyPair;
use hf_model::{Operator, Timestamp, ZoneId, parse_duration};

use super::read_file;
use crate::args::{CancelArgs, Common, ShiftArgs, ShiftCommand, SignerArgs, StartArgs};
use crate::failure::Failure;
use crate::output::{columns, relative, rough, show};
use crate::session::{Runbook, client, node_client};

/// How long a change of a shift waits for the nodes to report it applied.
const WAIT: Duration = Duration::from_secs(10);

/// Runs one of the shift commands.
pub async fn run(args: &ShiftArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        ShiftCommand::Start(start) if start.break_glass => {
            let length =
                parse_duration(&start.length).map_err(|error| Failure::Usage(format!("--for: {error}")))?;
            break_glass(&start.zone, &start.reason, Some(length), &start.signer, common).await
        }
        ShiftCommand::Start(start) => begin(start, common).await,
        ShiftCommand::List { all } => show(common.output, &client(common)?.shifts(*all).await?, in_table),
        ShiftCommand::Show { id } => show(common.output, &client(common)?.shift(id).await?, in_words),
        ShiftCommand::Extend { id, length, no_wait } => {
            let client = client(common)?;
            let extend = Extend { length: length.clone(), request_id: Some(hf_api::client::request_id()) };
            let shift = client.extend_shift(id, &extend, None).await?;
            let ends = hf_api::instant(shift.ends_at_ms);
            applied(&client, shift, &format!("ends at {ends}"), *no_wait, common).await
        }
        ShiftCommand::Cancel(cancel) if cancel.break_glass => {
            break_glass(&cancel.id, "canceled", None, &cancel.signer, common).await
        }
        ShiftCommand::Cancel(CancelArgs { id, no_wait, .. }) => {
            let client = client(common)?;
            let shift = client.cancel_shift(id, None).await?;
            applied(&client, shift, "is canceled", *no_wait, common).await
        }
    }
}

async fn begin(args: &StartArgs, common: &Common) -> Result<(), Failure> {
    parse_duration(&args.length).map_err(|error| Failure::Usage(format!("--for: {error}")))?;
    let client = client(common)?;
    let shift = client
        .start_shift(&StartShift {
            zone: args.zone.clone(),
            resource: args.resource.clone(),
            length: args.length.clone(),
            reason: args.reason.clone(),
            request_id: Some(hf_api::client::request_id()),
        })
        .await?;
    let what = format!("takes {} out of {}", shift.resource, shift.zone);
    applied(&client, shift, &what, args.no_wait, common).await
}

/// Tells what the ledger has taken, waits for the nodes unless told not to, and shows the shift.
async fn applied(
    client: &Client,
    shift: Shift,
    what: &str,
    no_wait: bool,
    common: &Common,
) -> Result<(), Failure> {
    eprintln!("{} {what}: in the ledger at revision {}", shift.id, shift.revision);
    let shift = if no_wait { shift } else { wait(client, shift).await };
    show(common.output, &shift, in_words)
}

/// Until every node that the control node hears obeys the shift as it is now; progress goes to standard error.
async fn wait(client: &Client, mut shift: Shift) -> Shift {
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut told = usize::MAX;
    let mut is_failure_told = false;
    loop {
        let missing: Vec<&str> =
            shift.acknowledged.iter().filter(|node| !node.applied).map(|node| node.node.as_str()).collect();
        if missing.is_empty() && !shift.acknowledged.is_empty() {
            return shift;
        }
        if missing.len() != told {
            told = missing.len();
            let applied = shift.acknowledged.len() - missing.len();
            eprintln!(
                "applied by {applied} of {} nodes{}",
                shift.acknowledged.len(),
                if missing.is_empty() {
                    String::new()
                } else {
                    format!(", waiting for {}", missing.join(", "))
                }
            );
        }
        if tokio::time::Instant::now() >= deadline {
            eprintln!(
                "not all nodes have reported it after {}s; `holdfast shift show {}` goes on telling",
                WAIT.as_secs(),
                shift.id
            );
            return shift;
        }
        pace.tick().await;
        match client.shift(&shift.id).await {
            // Any endpoint may answer: a node without the ledger knows the change later, and an ended shift not at all.
            Ok(other) if other.revision >= shift.revision => shift = other,
            Ok(_) | Err(hf_api::ClientError::Refused { status: 404, .. }) => {}
            Err(error) if !is_failure_told => {
                is_failure_told = true;
                eprintln!("the change stands, its progress cannot be read: {error}");
            }
            Err(_) => {}
        }
    }
}

async fn break_glass(
    zone: &str,
    reason: &str,
    length: Option<Duration>,
    signer: &SignerArgs,
    common: &Common,
) -> Result<(), Failure> {
    let usage = |text: String| Failure::Usage(format!("holdfast: {text}"));
    let zone = ZoneId::new(zone).map_err(|error| usage(error.to_string()))?;
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let path = signer.key.clone().or(runbook.key).ok_or_else(|| {
        usage("break-glass needs the operator's private key: give --key FILE, or make a runbook with `holdfast runbook init`".into())
    })?;
    let key = read_key(&path)?;
    let operator = signer.operator.clone().or(runbook.operator).unwrap_or_else(|| "operator".to_owned());
    let signed_at = Clock::system().now();
    let shift = BreakGlassShift {
        zone,
        reason: reason.to_owned(),
        by: Operator::new(&operator),
        signed_at,
        ends_at: length.map_or(signed_at, |length| signed_at.plus(length)),
    };
    let signed = key.sign(shift);
    let wire = SignedBreakGlass {
        zone: signed.shift.zone.to_string(),
        reason: signed.shift.reason.clone(),
        by: signed.shift.by.as_str().to_owned(),
        signed_at_ms: signed.shift.signed_at.0,
        ends_at_ms: signed.shift.ends_at.0,
        signature: base64::engine::general_purpose::STANDARD.encode(signed.signature),
    };
    let answers = node_client(common)?.break_glass(&wire).await;
    report_break_glass(&answers, signed.shift.ends_at, common)
}

fn report_break_glass(
    answers: &[(String, Result<BreakGlassAnswer, hf_api::ClientError>)],
    ends_at: Timestamp,
    common: &Common,
) -> Result<(), Failure> {
    let rows: Vec<[String; 2]> = answers
        .iter()
        .map(|(url, answer)| {
            let told = match answer {
                Ok(answer) => format!("{}: {}", answer.node, answer.text),
                Err(error) => format!("NOT TAKEN: {error}"),
            };
            [url.clone(), told]
        })
        .collect();
    let took = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    show(common.output, &rows, |rows| columns(["NODE", "ANSWER"], rows))?;
    let unreachable = |answer: &Result<BreakGlassAnswer, hf_api::ClientError>| {
        matches!(answer, Err(hf_api::ClientError::Unreachable { .. }))
    };
    match took {
        0 if answers.iter().all(|(_, answer)| unreachable(answer)) => {
            Err(Failure::Unreachable("no data-plane node can be reached".to_owned()))
        }
        0 => Err(Failure::Refused("no node took the break-glass shift".to_owned())),
        _ => {
            let until = hf_api::instant(ends_at.0);
            eprintln!(
                "{took} of {} nodes took it, until {until}; they pass it on to the others",
                answers.len()
            );
            Ok(())
        }
    }
}

fn read_key(path: &Path) -> Result<OperatorKeyPair, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let text = read_file(path)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|error| {
        wrong(format!("not base64 ({error}); use the file that `holdfast runbook init` wrote"))
    })?;
    OperatorKeyPair::from_pkcs8(&bytes).map_err(|error| wrong(error.to_string()))
}

fn state(shift: &Shift, now_ms: u64) -> String {
    match (shift.state, shift.ended_at_ms) {
        (ShiftState::Active, _) if shift.held => "HELD past its end".to_owned(),
        (ShiftState::Active, _) => format!("active, ends {}", relative(shift.ends_at_ms, now_ms)),
        (ShiftState::Canceled, at) => {
            format!("canceled {}", at.map_or(String::new(), |at| relative(at, now_ms)))
        }
        (ShiftState::Expired, at) => {
            format!("expired {}", at.map_or(String::new(), |at| relative(at, now_ms)))
        }
    }
}

fn to_zero(shift: &Shift) -> String {
    let zero = &shift.time_to_zero;
    match (zero.measured, zero.last_new_request_ms) {
        (true, Some(ms)) => rough(ms),
        (true, None) => "no traffic since".to_owned(),
        (false, _) if !zero.waiting_for.is_empty() => format!("waiting for {}", zero.waiting_for.join(", ")),
        (false, _) => "not yet".to_owned(),
    }
}

fn in_table(list: &Shifts) -> String {
    if list.shifts.is_empty() {
        return if list.ended_listed { "no shift is remembered" } else { "no shift is active" }.to_owned();
    }
    let now_ms = Clock::system().now().0;
    let row = |shift: &Shift| {
        [
            shift.id.clone(),
            shift.zone.clone(),
            shift.resource.clone(),
            state(shift, now_ms),
            to_zero(shift),
            shift.by.clone(),
            shift.reason.clone(),
        ]
    };
    let rows: Vec<[String; 7]> = list.shifts.iter().map(row).collect();
    columns(["SHIFT", "ZONE", "RESOURCE", "STATE", "TIME TO ZERO", "BY", "REASON"], &rows)
}

/// One shift in full.
pub fn in_words(shift: &Shift) -> String {
    let now_ms = Clock::system().now().0;
    let zero = &shift.time_to_zero;
    let ms = |value: Option<u64>| value.map_or("none since the start".to_owned(), rough);
    let mut text = format!(
        "{}: {} leaves {}, {}\nreason        {}\nby            {}\nstarted       {}\nends          {}\n",
        shift.id,
        shift.resource,
        shift.zone,
        state(shift, now_ms),
        shift.reason,
        shift.by,
        hf_api::instant(shift.started_at_ms),
        hf_api::instant(shift.ends_at_ms),
    );
    let applied = shift.acknowledged.iter().filter(|node| node.applied).count();
    text.push_str(&format!("applied by    {applied} of {} nodes", shift.acknowledged.len()));
    let missing: Vec<&str> =
        shift.acknowledged.iter().filter(|node| !node.applied).map(|node| node.node.as_str()).collect();
    if !missing.is_empty() {
        text.push_str(&format!(", not by {}", missing.join(", ")));
    }
    text.push_str(&format!(
        "\ntime to zero  {}\n  last new request      {}\n  last open connection  {}\n  last DNS answer       {}\n",
        if zero.measured { "measured" } else { "not yet measured" },
        ms(zero.last_new_request_ms),
        match zero.open_connections {
            Some(open) if open > 0 => format!("{open} still open"),
            _ => ms(zero.last_open_connection_ms),
        },
        ms(zero.last_dns_answer_ms),
    ));
    if !zero.waiting_for.is_empty() {
        text.push_str(&format!("  waiting for           {}\n", zero.waiting_for.join(", ")));
    }
    text
}
