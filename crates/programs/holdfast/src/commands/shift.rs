//! `holdfast shift`.
//!
//! Not here: how shifts look (`words`), shifts without a ledger (`glass`).

pub mod glass;
pub mod words;

use std::time::Duration;

use hf_api::{Client, Effect, Extend, Shift, ShiftFilter, ShiftState, StartShift};
use hf_clock::Clock;
use hf_model::parse_duration;

use super::consumers;
use crate::args::{CancelArgs, Common, ListState, ShiftArgs, ShiftCommand, StartArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// How long a change of a shift waits for the nodes to report it applied.
const WAIT: Duration = Duration::from_secs(10);

/// Runs one of the shift commands.
pub async fn run(args: &ShiftArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        ShiftCommand::Start(start) if start.break_glass => glass::start(start, common).await,
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
        ShiftCommand::Show { id, break_glass: true } => {
            let filter = ShiftFilter { zone: Some(id.clone()), ..ShiftFilter::default() };
            let shifts = client(common)?.shifts_of(&filter).await?;
            let found = shifts.break_glass.first().ok_or_else(|| {
                Failure::Refused(format!(
                    "no break-glass shift of `{id}` is in force where this was asked; `holdfast shift list` shows what is"
                ))
            })?;
            show(common.output, found, |shift| words::break_glass_page(shift, now_ms()))
        }
        ShiftCommand::Show { id, .. } => {
            let shift = client(common)?.shift(id).await?;
            show(common.output, &shift, |shift| words::page(shift, now_ms()))
        }
        ShiftCommand::Extend { id, length, no_wait } => {
            let client = client(common)?;
            let extend = Extend { length: length.clone(), request_id: Some(hf_api::client::request_id()) };
            let shift = client.extend_shift(id, &extend, None).await?;
            let ends = hf_api::instant(shift.ends_at_ms);
            applied(&client, shift, &format!("ends at {ends}"), Wait::unless(*no_wait), common)
                .await
                .map(|_| ())
        }
        ShiftCommand::Cancel(cancel) if cancel.break_glass => glass::cancel(cancel, common).await,
        ShiftCommand::Cancel(CancelArgs { id, no_wait, .. }) => {
            let client = client(common)?;
            let shift = client.cancel_shift(id, None).await?;
            applied(&client, shift, "is canceled", Wait::unless(*no_wait), common).await.map(|_| ())
        }
    }
}

async fn begin(args: &StartArgs, common: &Common) -> Result<(), Failure> {
    parse_duration(&args.length).map_err(|error| Failure::Usage(format!("--for: {error}")))?;
    let for_consumers = args
        .wait_consumers
        .as_deref()
        .map(parse_duration)
        .transpose()
        .map_err(|error| Failure::Usage(format!("--wait-consumers: {error}")))?;
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
    let shift =
        applied(&client, shift, &what, Wait { is_wanted: !args.no_wait, for_consumers }, common).await?;
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
        ListState::Completed => ShiftState::Completed,
    }
}

fn now_ms() -> u64 {
    Clock::system().now().0
}

/// For what a command waits.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    is_wanted: bool,
    /// For consumers of zone status too, and how long.
    for_consumers: Option<Duration>,
}

impl Wait {
    /// For the nodes, unless told not to.
    pub fn unless(no_wait: bool) -> Wait {
        Wait { is_wanted: !no_wait, for_consumers: None }
    }
}

/// Tells what the ledger has taken, waits for the nodes unless told not to, and shows the shift; loudly where it is not applied.
pub async fn applied(
    client: &Client,
    shift: Shift,
    what: &str,
    waits: Wait,
    common: &Common,
) -> Result<Shift, Failure> {
    eprintln!("{} {what}: in the ledger at revision {}", shift.id, shift.revision);
    let mut shift = if waits.is_wanted { wait(client, shift).await } else { shift };
    if let Some(length) = waits.for_consumers {
        shift = consumers::wait(client, shift, length).await;
    }
    for line in words::not_applied(shift.effect.as_ref()) {
        eprintln!("{line}");
    }
    show(common.output, &shift, |shift| words::page(shift, now_ms()))?;
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
