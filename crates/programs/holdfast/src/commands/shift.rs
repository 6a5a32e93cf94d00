//! `holdfast shift`.
//!
//! Not here: how shifts look (`words`).

pub mod words;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use hf_api::{BreakGlassAnswer, Client, Effect, Extend, Shift, ShiftFilter, ShiftState, StartShift};
use hf_clock::Clock;
use hf_control::BreakGlassShift;
use hf_feed::break_glass::OperatorKeyPair;
use hf_model::{EstateId, Operator, Timestamp, ZoneId, parse_duration};

use super::read_file;
use crate::args::{CancelArgs, Common, ListState, ShiftArgs, ShiftCommand, SignerArgs, StartArgs};
use crate::failure::Failure;
use crate::output::{columns, show};
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
        ShiftCommand::List(list) => {
            let filter = ShiftFilter {
                all: list.all,
                zone: list.zone.clone(),
                resource: list.resource.clone(),
                state: list.state.map(|state| in_state(state).as_str().to_owned()),
            };
            let shifts = client(common)?.shifts_of(&filter).await?;
            show(common.output, &shifts, |shifts| words::in_table(shifts, now_ms()))
        }
        ShiftCommand::Show { id } => {
            let shift = client(common)?.shift(id).await?;
            show(common.output, &shift, |shift| words::in_words(shift, now_ms()))
        }
        ShiftCommand::Extend { id, length, no_wait } => {
            let client = client(common)?;
            let extend = Extend { length: length.clone(), request_id: Some(hf_api::client::request_id()) };
            let shift = client.extend_shift(id, &extend, None).await?;
            let ends = hf_api::instant(shift.ends_at_ms);
            applied(&client, shift, &format!("ends at {ends}"), *no_wait, common).await.map(|_| ())
        }
        ShiftCommand::Cancel(cancel) if cancel.break_glass => {
            break_glass(&cancel.id, "canceled", None, &cancel.signer, common).await
        }
        ShiftCommand::Cancel(CancelArgs { id, no_wait, .. }) => {
            let client = client(common)?;
            let shift = client.cancel_shift(id, None).await?;
            applied(&client, shift, "is canceled", *no_wait, common).await.map(|_| ())
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
            override_floor: args.override_floor.clone(),
            request_id: Some(hf_api::client::request_id()),
        })
        .await?;
    let what = format!("takes {} out of {}", shift.resource, shift.zone);
    let shift = applied(&client, shift, &what, args.no_wait, common).await?;
    if shift.effect.as_ref().is_some_and(Effect::is_nothing) {
        let Shift { id, zone, resource, .. } = &shift;
        return Err(Failure::Refused(format!(
            "{id} is in the ledger, and {resource} stays in {zone}: it is applied nowhere; \
             end what stands against it, or the shift with `holdfast shift cancel {id}`"
        )));
    }
    Ok(())
}

fn in_state(state: ListState) -> ShiftState {
    match state {
        ListState::Active => ShiftState::Active,
        ListState::Canceled => ShiftState::Canceled,
        ListState::Expired => ShiftState::Expired,
        ListState::Interrupted => ShiftState::Interrupted,
    }
}

fn now_ms() -> u64 {
    Clock::system().now().0
}

/// Tells what the ledger has taken, waits for the nodes unless told not to, and shows the shift; loudly where it is not applied.
pub async fn applied(
    client: &Client,
    shift: Shift,
    what: &str,
    no_wait: bool,
    common: &Common,
) -> Result<Shift, Failure> {
    eprintln!("{} {what}: in the ledger at revision {}", shift.id, shift.revision);
    let shift = if no_wait { shift } else { wait(client, shift).await };
    for line in words::not_applied(shift.effect.as_ref()) {
        eprintln!("{line}");
    }
    show(common.output, &shift, |shift| words::in_words(shift, now_ms()))?;
    Ok(shift)
}

/// Until every node that is heard obeys the shift as it is now; progress goes to standard error. Nobody waits for silent nodes.
async fn wait(client: &Client, mut shift: Shift) -> Shift {
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut told = usize::MAX;
    let mut is_failure_told = false;
    loop {
        let heard = || shift.acknowledged.iter().filter(|node| !node.silent);
        let missing = heard().filter(|node| !node.applied).count();
        let is_decided = shift.state != ShiftState::Active || shift.effect.is_some();
        if missing == 0 && heard().count() > 0 && is_decided {
            if let Some(silent) = words::not_heard(&shift.acknowledged) {
                eprintln!("{silent}");
            }
            return shift;
        }
        if missing != told {
            told = missing;
            eprintln!("applied by {}", words::applied_by_heard(&shift.acknowledged));
        }
        if tokio::time::Instant::now() >= deadline {
            eprintln!(
                "not all nodes that are heard have reported it after {}s; `holdfast shift show {}` goes on telling",
                WAIT.as_secs(),
                shift.id
            );
            return shift;
        }
        pace.tick().await;
        match client.shift(&shift.id).await {
            // The endpoint that took the change is asked first. If it is gone, another one answers: a node without the ledger knows
            // the change later, and an ended shift not at all.
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
    let client = node_client(common)?;
    let estate = match runbook.estate {
        Some(estate) => estate,
        None => estate_of(&client).await?,
    };
    let signed_at = Clock::system().now();
    let shift = BreakGlassShift {
        estate,
        zone,
        reason: reason.to_owned(),
        by: Operator::new(&operator),
        signed_at,
        ends_at: length.map_or(signed_at, |length| signed_at.plus(length)),
    };
    let signed = key.sign(shift);
    let wire = hf_control_plane::break_glass_body(&signed);
    let answers = client.break_glass(&wire).await;
    report_break_glass(&answers, signed.shift.ends_at, common)
}

/// For which estate to sign, when the runbook does not say: any node tells.
async fn estate_of(client: &Client) -> Result<EstateId, Failure> {
    let told = client.status().await?.estate_id.and_then(|id| id.parse().ok());
    told.ok_or_else(|| {
        Failure::Refused(
            "the node that answered obeys no estate yet, so there is nothing to sign for; `holdfast runbook init` stores the estate \
             of nodes that do"
                .to_owned(),
        )
    })
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
